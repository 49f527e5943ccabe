// SPDX-License-Identifier: GPL-2.0
/*
 * The swap file of a mount: pages that do not get smaller, or for which there is no memory in
 * the store, are written there, and read back when they are needed.
 *
 * DOC: Overview
 *
 * The swap file is the far part of the store, and the rules of store.c hold: the page's lock
 * in the cache decides for its index, and a page is put here before it leaves the cache. A page
 * has one of two forms here, both of them entries of vmqos_mem_inode.store:
 *
 * 1. It is on its way: struct out. The page itself is taken over from the cache, so nothing is
 *    copied, and nothing allocated but the entry. Who needs it copies it out.
 * 2. It is written: its slot in the file, as a value. That takes no memory but the entry's place.
 *
 * From 1 to 2 it goes without the page's lock, when the disk is done with it, whoever waits for it
 * then. So vmqos_swap.lock is held by who makes 2 of 1, and by who takes an entry away. An entry
 * that is taken away while it is on its way has no file any more (struct out.mi), and its slot
 * is nobody's until the disk is done with it: else what is written there next could be overwritten
 * by what was dropped.
 *
 * Writing begins at once, in a few threads of the kernel's, each of which writes what has come
 * together for neighbouring slots. Whoever puts a page here never waits for the disk, for that may
 * be the kernel's own reclaim: it is told that there are too many under way (-EBUSY). A page counts
 * for its file until it is written. One that cannot be written stays in memory.
 *
 * The part of a large page that goes first (split.c) has to be there again at once, and without
 * fail, when the page cannot be split after all. So it is a copy, which stays in memory until that
 * is certain, and is sent then (vmqos_swap_send()).
 *
 * Reading is waited for, in the fault; but not in one that must not wait (vmqos_swap_is_slow()). It
 * is another thread that reads: a fault may come out of a filesystem or a driver that has used much
 * of its stack, and with locks held of the same kind as the swap file's filesystem has.
 *
 * How the file is opened, read and written: swap_file.c.
 */
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mem/broken.h"
#include "mem/mem.h"
#include "mem/swap.h"

/* Pages on their way at most, and how many of them one write takes. */
#define UNDER_WAY_MAX	256
#define CLUSTER		32
/* For how long nothing is put on a disk that has failed. */
#define RESPITE		HZ

/**
 * struct out - a page on its way to the swap file
 * @stored: what tells it from other entries of the store: as long as a page
 * @node: links those whose writing has not begun
 * @mi: its file; NULL when it has been taken away
 * @index: its place there
 * @page: the page, which is ours
 * @stays: it is not being written: it could not be, or is not to be yet
 * @slot: where it goes, unless it stays
 *
 * All but what never changes is under vmqos_swap.lock.
 */
struct out {
	struct vmqos_stored stored;
	struct list_head node;
	struct vmqos_mem_inode *mi;
	pgoff_t index;
	struct page *page;
	bool stays;
	unsigned long slot;
};

static struct workqueue_struct *threads;
static struct kmem_cache *out_cache;

static struct vmqos_swap *swap_of(const struct vmqos_mem_inode *mi)
{
	return vmqos_mem_mount(mi->vfs.i_sb)->swap;
}

static void free_slot(struct vmqos_swap *swap, unsigned long slot)
{
	__clear_bit(slot, swap->map);
	swap->used--;
}

static bool take_slot(struct vmqos_swap *swap, unsigned long *slot)
{
	if (swap->used == swap->slots)
		return false;
	*slot = find_next_zero_bit(swap->map, swap->slots, swap->next);
	if (*slot >= swap->slots)
		*slot = find_first_zero_bit(swap->map, swap->slots);
	__set_bit(*slot, swap->map);
	swap->used++;
	swap->next = *slot + 1;
	return true;
}

/* The page itself, or, of one that is part of a large page, which it stays, a copy. */
static struct page *take_over(struct page *page)
{
	struct page *copy;

	if (!PageCompound(page)) {
		get_page(page);
		return page;
	}
	copy = alloc_page(GFP_NOWAIT | __GFP_NOWARN);
	if (copy)
		copy_highpage(copy, page);
	return copy;
}

static void free_out(struct out *out)
{
	put_page(out->page);
	kmem_cache_free(out_cache, out);
}

/* A page has been written, or not; its file is told, if it still has one. */
static void settle(struct vmqos_swap *swap, struct out *out, int ret)
{
	struct vmqos_mem_inode *mi;

	spin_lock(&swap->lock);
	mi = out->mi;
	out->stays = mi && ret;
	if (ret) {
		WRITE_ONCE(swap->respite, jiffies + RESPITE);
		WRITE_ONCE(swap->failed, true);
	}
	if (mi) {
		/* As long as an entry of it is here, it does not go. */
		spin_lock(&mi->lock);
		if (ret) {
			mi->stats.swap_failed++;
		} else {
			mi->stats.swap_outs++;
			mi->stored_pages--;
			mi->stored_bytes -= PAGE_SIZE;
			mi->swapped_pages++;
		}
		spin_unlock(&mi->lock);
		/* Where there is an entry already, no memory is needed. */
		if (!ret)
			WARN_ON_ONCE(xa_is_err(xa_store(&mi->store, out->index,
							xa_mk_value(out->slot), GFP_NOWAIT)));
		if (!ret)
			vmqos_mem_recount(&mi->vfs, 0);
		/* Last: who looks for room takes what is being written for as good as gone. */
		spin_lock(&mi->lock);
		mi->writing--;
		spin_unlock(&mi->lock);
	}
	if (!mi || ret)
		free_slot(swap, out->slot);
	swap->under_way--;
	/* When the lock is dropped, one that stays can be taken away. */
	if (out->stays)
		out = NULL;
	spin_unlock(&swap->lock);
	if (out)
		free_out(out);
	if (ret)
		pr_warn_ratelimited("vmramfs: a page could not be written to the swap file %pD (error %d) and stays in memory\n",
				    swap->file, ret);
	wake_up_all(&swap->done);
}

/* Takes pages for neighbouring slots from those that wait; what nobody wants is done with. */
static unsigned int take_cluster(struct vmqos_swap *swap, struct out **outs)
{
	struct out *out, *next;
	unsigned int n = 0, unwanted = 0;

	spin_lock(&swap->lock);
	list_for_each_entry_safe(out, next, &swap->waiting, node) {
		if (!out->mi) {
			list_del(&out->node);
			free_slot(swap, out->slot);
			free_out(out);
			unwanted++;
			continue;
		}
		if (n && out->slot != outs[n - 1]->slot + 1)
			break;
		list_del(&out->node);
		outs[n++] = out;
		if (n == CLUSTER)
			break;
	}
	swap->under_way -= unwanted;
	spin_unlock(&swap->lock);
	if (unwanted)
		wake_up_all(&swap->done);
	return n;
}

/**
 * vmqos_swap_write() - write what waits
 * @work: that of a writer
 *
 * Context: a workqueue.
 */
void vmqos_swap_write(struct work_struct *work)
{
	struct vmqos_swap *swap = container_of(work, struct vmqos_swap_writer, work)->swap;
	unsigned int flags = memalloc_noio_save(), n, i;
	struct bio_vec parts[CLUSTER];
	struct out *outs[CLUSTER];
	int all, ret;

	while ((n = take_cluster(swap, outs))) {
		for (i = 0; i < n; i++)
			bvec_set_page(&parts[i], outs[i]->page, PAGE_SIZE, 0);
		all = vmqos_swap_transfer(swap, ITER_SOURCE, parts, n, outs[0]->slot);
		for (i = 0; i < n; i++) {
			ret = all;
			/* One of them may be to blame. */
			if (ret && n > 1) {
				bvec_set_page(&parts[0], outs[i]->page, PAGE_SIZE, 0);
				ret = vmqos_swap_transfer(swap, ITER_SOURCE, parts, 1,
							  outs[i]->slot);
			}
			settle(swap, outs[i], ret);
		}
		cond_resched();
	}
	memalloc_noio_restore(flags);
}

/* Has a page written, if there is a slot for it; the lock is held. */
static void send(struct vmqos_swap *swap, struct out *out)
{
	if (!take_slot(swap, &out->slot))
		return;
	out->stays = false;
	spin_lock(&out->mi->lock);
	out->mi->writing++;
	spin_unlock(&out->mi->lock);
	WRITE_ONCE(swap->failed, false);
	swap->under_way++;
	list_add_tail(&out->node, &swap->waiting);
	queue_work(threads, &swap->writers[swap->turn++ % VMQOS_SWAP_WRITERS].work);
}

/**
 * vmqos_swap_put() - have a page written to the swap file
 * @mi: its file, the invalidate_lock held
 * @page: the page, locked, unmapped and nobody else's; the caller takes it out of the cache, and
 *	calls vmqos_swap_send() then if it was part of a large page
 * @index: its place
 *
 * Context: may be in reclaim: does not wait, neither for memory nor for the disk.
 * Return: 0; -EBUSY when too many are under way, -ENOSPC when there is no swap file or no room
 * in it, or it has just failed; -ENOMEM.
 */
int vmqos_swap_put(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index)
{
	struct vmqos_swap *swap = swap_of(mi);
	struct out *out;
	int ret = 0;
	void *old;

	if (!swap || (READ_ONCE(swap->failed) && time_before(jiffies, READ_ONCE(swap->respite))))
		return -ENOSPC;
	if (READ_ONCE(swap->under_way) >= UNDER_WAY_MAX)
		return -EBUSY;
	out = kmem_cache_alloc(out_cache, GFP_NOWAIT | __GFP_NOWARN);
	if (!out)
		return -ENOMEM;
	*out = (struct out){ .stored.length = PAGE_SIZE, .mi = mi, .index = index,
			     .page = take_over(page), .stays = true };
	if (!out->page) {
		kmem_cache_free(out_cache, out);
		return -ENOMEM;
	}

	spin_lock(&swap->lock);
	if (swap->used == swap->slots) {
		ret = -ENOSPC;
	} else {
		old = xa_store(&mi->store, index, out, GFP_NOWAIT | __GFP_NOWARN);
		/* It was in the cache, so nothing can have been here, as long as the rules hold. */
		WARN_ON_ONCE(old && !xa_is_err(old));
		ret = xa_err(old);
	}
	if (ret) {
		spin_unlock(&swap->lock);
		free_out(out);
		return ret;
	}
	spin_lock(&mi->lock);
	mi->stored_pages++;
	mi->stored_bytes += PAGE_SIZE;
	spin_unlock(&mi->lock);
	if (!PageCompound(page) || vmqos_mem_broken(VMQOS_MEM_RULE_PART))
		send(swap, out);
	spin_unlock(&swap->lock);
	return 0;
}

/**
 * vmqos_swap_send() - a large page has been split: have the part that went first written
 * @mi: its file, the invalidate_lock held exclusively
 * @index: its place
 *
 * Does nothing when it did not go here.
 *
 * Context: does not sleep.
 */
void vmqos_swap_send(struct vmqos_mem_inode *mi, pgoff_t index)
{
	struct vmqos_swap *swap = swap_of(mi);
	struct out *out;
	void *entry;

	if (!swap)
		return;
	spin_lock(&swap->lock);
	entry = xa_load(&mi->store, index);
	if (!xa_is_value(entry) && vmqos_stored_is_out(entry)) {
		out = container_of(entry, struct out, stored);
		if (out->stays)
			send(swap, out);
	}
	spin_unlock(&swap->lock);
}

/* Takes from its file what is on its way; the lock is held. Returns what is left to free. */
static struct out *take_away(struct vmqos_mem_inode *mi, struct out *out)
{
	spin_lock(&mi->lock);
	mi->stored_pages--;
	mi->stored_bytes -= PAGE_SIZE;
	if (!out->stays)
		mi->writing--;
	spin_unlock(&mi->lock);
	out->mi = NULL;
	return out->stays ? out : NULL;
}

/**
 * vmqos_swap_erase() - take whatever is in the store of a file with a swap file
 * @mi: the file
 * @index: its place
 *
 * Context: does not sleep; the page is locked, or the invalidate_lock is held exclusively.
 * Return: a packed page, which the caller frees; NULL when there was none, or it was here.
 */
struct vmqos_stored *vmqos_swap_erase(struct vmqos_mem_inode *mi, pgoff_t index)
{
	struct vmqos_swap *swap = swap_of(mi);
	struct vmqos_stored *stored = NULL;
	struct out *out = NULL;
	void *entry;

	spin_lock(&swap->lock);
	entry = xa_erase(&mi->store, index);
	if (xa_is_value(entry)) {
		free_slot(swap, xa_to_value(entry));
		spin_lock(&mi->lock);
		mi->swapped_pages--;
		spin_unlock(&mi->lock);
	} else if (vmqos_stored_is_out(entry)) {
		out = take_away(mi, container_of(entry, struct out, stored));
	} else {
		stored = entry;
	}
	spin_unlock(&swap->lock);
	if (out)
		free_out(out);
	return stored;
}

/**
 * struct reading - a page that is read
 * @work: who reads it
 * @swap: where from
 * @page: where to
 * @slot: which
 * @ret: what came of it
 * @done: that it is known
 */
struct reading {
	struct work_struct work;
	struct vmqos_swap *swap;
	struct page *page;
	unsigned long slot;
	int ret;
	struct completion done;
};

static void read_one(struct work_struct *work)
{
	struct reading *reading = container_of(work, struct reading, work);
	unsigned int flags = memalloc_noio_save();
	struct bio_vec part;

	bvec_set_page(&part, reading->page, PAGE_SIZE, 0);
	reading->ret = vmqos_swap_transfer(reading->swap, ITER_DEST, &part, 1, reading->slot);
	memalloc_noio_restore(flags);
	complete(&reading->done);
}

/**
 * vmqos_swap_get() - get the content of a page that is in the swap file, or on its way there
 * @mi: its file, the invalidate_lock held
 * @page: where it is to go; of a folio that is in the page cache, locked
 * @index: its place, whose entry stays
 *
 * Context: may sleep.
 * Return: VMQOS_MEM_SWAPPED when it was read, VMQOS_MEM_STORED when it was still in memory;
 * -ENOENT when it is packed, and not here; -EIO when it cannot be read.
 */
int vmqos_swap_get(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index)
{
	struct reading reading = { .swap = swap_of(mi), .page = page };
	int ret = VMQOS_MEM_STORED;
	void *entry;

	if (!reading.swap)
		return -ENOENT;
	spin_lock(&reading.swap->lock);
	entry = xa_load(&mi->store, index);
	if (xa_is_value(entry))
		ret = VMQOS_MEM_SWAPPED;
	else if (vmqos_stored_is_out(entry))
		copy_highpage(page, container_of(entry, struct out, stored)->page);
	else
		ret = -ENOENT;
	spin_unlock(&reading.swap->lock);
	if (ret != VMQOS_MEM_SWAPPED)
		return ret;

	reading.slot = xa_to_value(entry);
	/*
	 * Not flush_work(): that tells lockdep that the locks of the swap file's filesystem are taken
	 * below the mmap_lock. They are, but those of that one file, which nobody else writes to.
	 */
	init_completion(&reading.done);
	INIT_WORK_ONSTACK(&reading.work, read_one);
	queue_work(threads, &reading.work);
	wait_for_completion(&reading.done);
	destroy_work_on_stack(&reading.work);
	if (!reading.ret)
		return ret;
	pr_warn_ratelimited("vmramfs: a page could not be read from the swap file %pD (error %d)\n",
			    reading.swap->file, reading.ret);
	return -EIO;
}

/**
 * vmqos_swap_is_slow() - whether who needs a page has to wait for the disk
 * @mi: its file
 * @index: its place
 *
 * Context: any; it may change unless the page is locked.
 * Return: whether he has.
 */
bool vmqos_swap_is_slow(struct vmqos_mem_inode *mi, pgoff_t index)
{
	return swap_of(mi) && xa_is_value(xa_load(&mi->store, index));
}

/**
 * vmqos_swap_wait_written() - wait until a file is as small as writing makes it
 * @mi: the file
 * @pages: as small is enough
 *
 * Context: sleeps, holding no lock of a page and not the invalidate_lock.
 * Return: 0 or -EINTR for a task that is being killed.
 */
int vmqos_swap_wait_written(struct vmqos_mem_inode *mi, u64 pages)
{
	struct vmqos_swap *swap = swap_of(mi);

	return swap && wait_event_killable(swap->done, READ_ONCE(mi->pages) <= pages ||
						       !READ_ONCE(mi->writing)) ? -EINTR : 0;
}

/**
 * vmqos_swap_wait_room() - after -EBUSY: wait until fewer pages are on their way
 * @mi: the file
 * @ns: for how long at most
 *
 * Context: sleeps, holding no lock of a page and not the invalidate_lock.
 */
void vmqos_swap_wait_room(struct vmqos_mem_inode *mi, u64 ns)
{
	struct vmqos_swap *swap = swap_of(mi);

	wait_event_killable_timeout(swap->done, READ_ONCE(swap->under_way) <= UNDER_WAY_MAX / 2,
				    nsecs_to_jiffies(ns) + 1);
}

/**
 * vmqos_swap_init() - set up
 *
 * Return: 0 or a negative error number.
 */
int vmqos_swap_init(void)
{
	out_cache = kmem_cache_create("vmqos_mem_out", sizeof(struct out), 0, 0, NULL);
	if (!out_cache)
		return -ENOMEM;
	threads = alloc_workqueue("vmqos_mem_swap", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!threads) {
		kmem_cache_destroy(out_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * vmqos_swap_exit() - take it down; no mount is left
 *
 * Context: may sleep.
 */
void vmqos_swap_exit(void)
{
	destroy_workqueue(threads);
	kmem_cache_destroy(out_cache);
}
