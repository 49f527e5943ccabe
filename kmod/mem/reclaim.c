// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaim: a file is to take less memory, for its VM has a limit or somebody asks for it.
 *
 * DOC: Overview
 *
 * A hand goes round the file. A page that is mapped is taken out of the page tables and
 * left; if it has not been touched when the hand comes round again, nothing maps it, and
 * it goes: nothing else tells a module which pages are in use. When that has found nothing
 * for a while, pages that are in use go as well.
 *
 * How a page goes is what the scanner does with one of zeros, with the same steps for the
 * same reasons (zero.c). One of zeros becomes a hole, another one goes to the store or to the
 * swap file, by the rules there (store.c, swap.c). A large one is split first, and its parts go
 * one by one.
 *
 * Whoever makes a page above the limit has to make room first, in its own time, and gives
 * way to nobody: the limit holds as long as there is something to be reclaimed. What
 * cannot be reclaimed is in use: pinned, locked, or nothing smaller can be made of it.
 * A guest that has only such pages gets its page all the same, above the limit, and that
 * is counted: to refuse it would kill the VM. A file that has resisted so is left alone for
 * a moment, lest each of its faults look through all of it.
 *
 * All of it but the thread's part may run in a page fault. Locks of pages and the
 * invalidate_lock are tried, and memory is asked for without waiting.
 */
#include <linux/delay.h>
#include <linux/folio_batch.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "mem/batch.h"
#include "mem/broken.h"
#include "mem/mem.h"

/* Pages taken hold of at a time. */
#define BATCH		64
/* What is reclaimed beyond what is needed, so that not every page has to wait. */
#define AHEAD		32
/* Looked at in vain in a fault before pages in use go as well. */
#define PATIENCE	1024
/* Looked at in vain beyond that before a page is made above the limit. */
#define WAIT_LOOKS	4096
/* Most time for what is wanted beyond what is needed, and of the thread at a time. */
#define WAIT_NS		(20 * NSEC_PER_MSEC)
#define STRETCH_NS	(5 * NSEC_PER_MSEC)
/* For how long a file is left alone that has nothing to give. */
#define RESPITE		(HZ / 10)

/**
 * struct sweep - reclaim under way in a file
 * @mi: the file, its reclaim_mutex held
 * @want: pages to be given back
 * @freed: pages that were
 * @force: pages in use as well
 * @full: as many are on their way to the swap file as may be
 * @did: what became of the others
 */
struct sweep {
	struct vmqos_mem_inode *mi;
	u64 want;
	u64 freed;
	bool force;
	bool full;
	struct vmqos_mem_stats did;
};

/* Whether pages that are not zeros can go. */
static bool may_store(const struct vmqos_mem_inode *mi)
{
	const struct vmqos_mem_mount *mount = vmqos_mem_mount(mi->vfs.i_sb);

	return READ_ONCE(mount->compress) || mount->swap;
}

/* How many pages a file has above its limit, with @more to come. */
static u64 above(struct vmqos_mem_inode *mi, u64 more)
{
	u64 limit = vmqos_mem_limit(mi), pages = READ_ONCE(mi->pages) + more;

	return limit && pages > limit ? pages - limit : 0;
}

/* The same, with what is being written to the swap file as good as gone. */
static u64 left_above(struct vmqos_mem_inode *mi, u64 more)
{
	u64 pages = above(mi, more), writing = READ_ONCE(mi->writing);

	return pages - min(pages, writing);
}

/* Whether a page has been touched since the hand was there, or it is not known. */
static bool looks_used(struct vmqos_mem_inode *mi, struct folio *folio)
{
	return folio_mapped(folio) || vmqos_sample_watches(mi, folio);
}

static unsigned int drop(struct sweep *sweep, struct folio *folio)
{
	unsigned int nr = folio_nr_pages(folio);

	return generic_error_remove_folio(sweep->mi->vfs.i_mapping, folio) ? 0 : nr;
}

/* Puts a page into the store, and takes it out of the cache. Returns how many have gone. */
static unsigned int evict(struct sweep *sweep, struct folio *folio)
{
	struct vmqos_mem_inode *mi = sweep->mi;
	pgoff_t index = folio->index;
	int ret;

	/* Test only: the other way round, with time to see the hole; late, for a punch to pass. */
	if (vmqos_mem_broken(VMQOS_MEM_RULE_STORE)) {
		drop(sweep, folio);
		schedule_timeout_uninterruptible(1);
	}
	if (vmqos_mem_broken(VMQOS_MEM_RULE_PUNCH))
		schedule_timeout_uninterruptible(1);
	ret = vmqos_store_put(mi, folio_page(folio, 0), index);
	if (ret == -E2BIG)
		sweep->did.evict_refused++;
	else if (ret == -ENOMEM)
		sweep->did.evict_failed++;
	else if (ret == -EBUSY)
		sweep->full = true;
	if (ret)
		return 0;
	if (!vmqos_mem_broken(VMQOS_MEM_RULE_STORE) && !drop(sweep, folio)) {
		vmqos_store_drop(mi, index, index);
		return 0;
	}
	sweep->did.evicted++;
	return 1;
}

/* Returns how many pages have gone. */
static unsigned int judge(struct sweep *sweep, struct folio *folio)
{
	unsigned int nr = folio_nr_pages(folio), first;

	if (!vmqos_mem_is_alone(folio)) {
		sweep->did.zero_busy++;
		return 0;
	}
	if (vmqos_mem_zeros(folio, &first) == nr)
		return drop(sweep, folio);
	/* A larger one is split first; memory that has failed is not to be read. */
	if (nr > 1 || PageHWPoison(folio_page(folio, 0)) || !may_store(sweep->mi))
		return 0;
	return evict(sweep, folio);
}

static void take(struct sweep *sweep, struct folio **folios, unsigned int n)
{
	struct address_space *mapping = sweep->mi->vfs.i_mapping;
	bool guarded = !vmqos_mem_broken(VMQOS_MEM_RULE_PUNCH);
	DECLARE_BITMAP(used, BATCH);
	unsigned int i;

	if (guarded && !down_read_trylock(&mapping->invalidate_lock)) {
		sweep->did.zero_busy += n;
		for (i = 0; i < n; i++)
			folio_put(folios[i]);
		return;
	}
	n = vmqos_mem_batch_lock(mapping, READ_ONCE(sweep->mi->locked), folios, n, &sweep->did);
	bitmap_zero(used, BATCH);
	for (i = 0; i < n && !sweep->force; i++)
		if (looks_used(sweep->mi, folios[i]))
			__set_bit(i, used);
	vmqos_mem_batch_unmap(mapping, folios, n, &sweep->did);
	for (i = 0; i < n; i++) {
		if (!test_bit(i, used))
			sweep->freed += judge(sweep, folios[i]);
		folio_unlock(folios[i]);
		folio_put(folios[i]);
	}
	if (guarded)
		up_read(&mapping->invalidate_lock);
	vmqos_mem_recount(&sweep->mi->vfs, 0);
}

/* A large page with something in it is split before its parts can go. */
static bool split_first(struct sweep *sweep, struct folio *folio)
{
	unsigned int zeros, first;

	if (!folio_test_large(folio) || (!sweep->force && looks_used(sweep->mi, folio)))
		return false;
	zeros = vmqos_mem_zeros(folio, &first);
	return zeros < folio_nr_pages(folio) && (zeros || may_store(sweep->mi));
}

/* Looks at a batch from the hand on. Returns false at the end of the file. */
static bool sweep_batch(struct sweep *sweep)
{
	struct vmqos_mem_inode *mi = sweep->mi;
	struct folio *folios[BATCH];
	struct folio_batch batch;
	pgoff_t next = mi->hand;
	unsigned int n = 0, i, found;

	folio_batch_init(&batch);
	found = filemap_get_folios(mi->vfs.i_mapping, &next, ULONG_MAX, &batch);
	for (i = 0; i < found; i++) {
		struct folio *folio = batch.folios[i];
		pgoff_t index = folio->index;

		mi->hand = folio_next_index(folio);
		mi->fruitless += folio_nr_pages(folio);
		if (split_first(sweep, folio)) {
			/* Its parts come next, if it could be done. */
			if (vmqos_mem_split(mi, folio, may_store(mi) ? 0 : 1, &sweep->did)) {
				sweep->freed++;
				mi->hand = index;
				i++;
				break;
			}
			continue;
		}
		folios[n++] = folio;
	}
	while (i < found)
		folio_put(batch.folios[i++]);
	if (n)
		take(sweep, folios, n);
	return found;
}

static void add_up(const struct sweep *sweep)
{
	struct vmqos_mem_inode *mi = sweep->mi;

	spin_lock(&mi->lock);
	mi->stats.reclaim_busy += sweep->did.zero_busy + sweep->did.zero_locked;
	mi->stats.splits += sweep->did.splits;
	mi->stats.evicted += sweep->did.evicted;
	mi->stats.evict_refused += sweep->did.evict_refused;
	mi->stats.evict_failed += sweep->did.evict_failed;
	spin_unlock(&mi->lock);
}

/*
 * Goes on until @need pages have gone, or so many have been looked at in vain that nothing
 * can be had now. What is wanted beyond that ends with the time as well: a time says
 * little of what has been tried, for the host may be busy with others.
 */
static u64 sweep(struct vmqos_mem_inode *mi, u64 need, u64 want, u64 patience, u64 until)
{
	u64 before, fruitless, vain = 0, busy = 0;
	struct sweep sweep = { .mi = mi, .want = want };

	while (sweep.freed < want && !fatal_signal_pending(current)) {
		if (sweep.freed >= need ? ktime_get_ns() >= until : vain > patience + WAIT_LOOKS)
			break;
		sweep.force = mi->fruitless >= patience;
		if (mi->fruitless > patience + READ_ONCE(mi->vfs.i_mapping->nrpages)) {
			/* Most who hold a page do so for a moment: once more when it is over. */
			if (sweep.did.zero_busy != busy && ktime_get_ns() < until) {
				busy = sweep.did.zero_busy;
				mi->fruitless = patience;
				usleep_range(200, 1000);
				continue;
			}
			mi->fruitless = 0;
			/* What is being written was not there to be looked at. */
			if (READ_ONCE(mi->writing))
				break;
			mi->respite = jiffies + RESPITE;
			mi->resists = true;
			break;
		}
		before = sweep.freed;
		fruitless = mi->fruitless;
		if (!sweep_batch(&sweep)) {
			/* An empty file is gone through in vain, too. */
			mi->fruitless++;
			mi->hand = 0;
		}
		/* What would have gone is not in vain: the disk is behind. */
		if (sweep.full) {
			sweep.full = false;
			mi->fruitless = fruitless;
			vmqos_swap_wait_room(mi, WAIT_NS);
		}
		vain += mi->fruitless - fruitless;
		if (sweep.freed != before) {
			mi->fruitless = 0;
			mi->resists = false;
			vain = 0;
		}
		cond_resched();
	}
	add_up(&sweep);
	return sweep.freed;
}

static bool resting(const struct vmqos_mem_inode *mi)
{
	return READ_ONCE(mi->resists) && time_before(jiffies, READ_ONCE(mi->respite));
}

/**
 * vmqos_mem_make_room() - have a file make room for pages under its limit
 * @inode: the file
 * @nr: pages that are about to be made
 * @vmf: the fault that wants them, or NULL
 *
 * Context: may sleep; holds no lock of a page and not the invalidate_lock.
 * Return: 0, also when there is nothing to be reclaimed; -EAGAIN when a fault that must
 * not wait would have to, -EINTR for a task that is being killed.
 */
int vmqos_mem_make_room(struct inode *inode, unsigned int nr, struct vm_fault *vmf)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	u64 began, freed = 0, got, room, writing, limit;
	int ret = 0;

	if (!above(mi, nr))
		return 0;
	if (vmf && vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return -EAGAIN;
	began = ktime_get_ns();
	do {
		if (mutex_lock_killable(&mi->reclaim_mutex))
			return -EINTR;
		writing = READ_ONCE(mi->writing);
		room = left_above(mi, nr);
		got = !room || resting(mi) ? 0 :
		      sweep(mi, min_t(u64, room, nr), room + AHEAD, PATIENCE, began + WAIT_NS);
		mutex_unlock(&mi->reclaim_mutex);
		freed += got;
		/* What is being written is there until it has been. */
		if (above(mi, nr) && READ_ONCE(mi->writing)) {
			limit = vmqos_mem_limit(mi);
			ret = vmqos_swap_wait_written(mi, limit - min_t(u64, limit, nr));
		}
		/* Others may have been faster to take the room. */
	} while (!ret && (got || writing) && above(mi, nr));
	spin_lock(&mi->lock);
	mi->stats.limit_reclaimed += freed;
	mi->stats.limit_exceeded += min_t(u64, above(mi, nr), nr);
	spin_unlock(&mi->lock);
	vmqos_mem_count_wait(mi, ktime_get_ns() - began);
	return ret;
}

/**
 * vmqos_mem_has_room() - whether pages fit under a file's limit just now
 * @inode: the file
 * @nr: how many
 *
 * Context: any.
 * Return: whether they do.
 */
bool vmqos_mem_has_room(struct inode *inode, unsigned int nr)
{
	return !above(vmqos_mem_inode(inode), nr);
}

/**
 * vmqos_mem_reclaim_wanted() - whether the thread has something to do for a file
 * @mi: the file
 * @soon: set if it is above its limit but has just been looked through in vain
 *
 * Context: any.
 * Return: whether it is asked to give back, or above its limit, and may yet succeed.
 */
bool vmqos_mem_reclaim_wanted(struct vmqos_mem_inode *mi, bool *soon)
{
	if (READ_ONCE(mi->reclaim_pages))
		return true;
	if (!left_above(mi, 0))
		return false;
	if (!resting(mi))
		return true;
	*soon = true;
	return false;
}

/* What somebody has asked for is done, or cannot be. */
static void settle(struct vmqos_mem_inode *mi, u64 freed)
{
	spin_lock(&mi->lock);
	/* The last batch may have had some more. */
	if (mi->reclaim_pages)
		mi->stats.reclaimed += freed;
	else
		mi->stats.limit_reclaimed += freed;
	mi->reclaim_pages = mi->resists ? 0 : mi->reclaim_pages - min(freed, mi->reclaim_pages);
	spin_unlock(&mi->lock);
}

/**
 * vmqos_mem_reclaim_some() - the thread's part: reclaim for some milliseconds
 * @mi: the file, which the caller keeps from going
 *
 * Context: may sleep.
 */
void vmqos_mem_reclaim_some(struct vmqos_mem_inode *mi)
{
	u64 want;

	mutex_lock(&mi->reclaim_mutex);
	want = max(READ_ONCE(mi->reclaim_pages), left_above(mi, 0));
	/* One lap to see what is in use, another to take what is not. */
	if (want)
		settle(mi, sweep(mi, 0, want, 2 * READ_ONCE(mi->vfs.i_mapping->nrpages) + 1,
				 ktime_get_ns() + STRETCH_NS));
	mutex_unlock(&mi->reclaim_mutex);
}

/**
 * vmqos_mem_set_limit() - give a file a limit
 * @inode: a regular file that somebody has open
 * @bytes: most memory that it is to take, 0 for no limit
 *
 * Context: any that may take a spinlock.
 */
void vmqos_mem_set_limit(struct inode *inode, u64 bytes)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);

	spin_lock(&mi->lock);
	WRITE_ONCE(mi->limit, DIV_ROUND_UP_ULL(bytes, PAGE_SIZE));
	spin_unlock(&mi->lock);
	if (above(mi, 0))
		vmqos_zero_wake();
}

/**
 * vmqos_mem_reclaim() - have a file give back memory, in the background
 * @inode: a regular file
 * @bytes: how much, on top of what it has been asked for before
 *
 * Context: any that may take a spinlock.
 */
void vmqos_mem_reclaim(struct inode *inode, u64 bytes)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);

	spin_lock(&mi->lock);
	mi->reclaim_pages = min(mi->reclaim_pages + DIV_ROUND_UP_ULL(bytes, PAGE_SIZE), mi->pages);
	mi->resists = false;
	spin_unlock(&mi->lock);
	vmqos_zero_wake();
}

/**
 * vmqos_mem_reclaimable() - how many pages of a file pressure may look at
 * @mi: the file, which the caller keeps from going
 *
 * Context: any.
 * Return: the number.
 */
unsigned long vmqos_mem_reclaimable(struct vmqos_mem_inode *mi)
{
	return may_store(mi) ? READ_ONCE(mi->vfs.i_mapping->nrpages) : 0;
}

/**
 * vmqos_mem_shrink() - look at some pages, for the host is short of memory
 * @mi: the file, which the caller keeps from going
 * @scan: how many
 *
 * Those in use stay, unless the hand comes round so fast that they do not look it.
 *
 * Context: the kernel's reclaim: waits for nobody.
 * Return: how many pages have gone.
 */
unsigned long vmqos_mem_shrink(struct vmqos_mem_inode *mi, unsigned long scan)
{
	u64 until = ktime_get_ns() + STRETCH_NS, freed = 0, began;
	struct sweep sweep = { .mi = mi };

	if (!mutex_trylock(&mi->reclaim_mutex))
		return 0;
	began = mi->fruitless;
	while (mi->fruitless - began < scan && ktime_get_ns() < until && !sweep.full) {
		if (!sweep_batch(&sweep)) {
			mi->hand = 0;
			break;
		}
	}
	freed = sweep.freed;
	/* Whether others find something is theirs to see. */
	mi->fruitless = freed ? 0 : began;
	add_up(&sweep);
	spin_lock(&mi->lock);
	mi->stats.pressure_reclaimed += freed;
	spin_unlock(&mi->lock);
	mutex_unlock(&mi->reclaim_mutex);
	return freed;
}
