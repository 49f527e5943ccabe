// SPDX-License-Identifier: GPL-2.0
/*
 * The scanner: finds pages that hold only zeros and makes holes of them.
 *
 * DOC: Overview
 *
 * A page is given back only if nobody can have written to it since it was seen to be all
 * zeros. That is made sure of in this order, under the page's lock:
 *
 * 1. Take it out of all page tables (unmap_mapping_pages()). That flushes the TLBs, and
 *    KVM's mmu notifier drops the guest's mapping. A fault that wants it back waits for
 *    the lock.
 * 2. See that the page cache and we hold the only references. Whoever writes through the
 *    kernel (direct I/O, vhost, vfio, io_uring, our own write_iter) holds one.
 * 3. Now look at all of it. Nobody can write any more: what is read is what it is.
 * 4. Remove it from the page cache. Who waited for the lock sees that it is gone and
 *    looks for it again.
 *
 * Why 2 misses nobody: get_user_pages_fast() takes its reference first and then looks
 * whether the page table's entry is still the same; we clear the entry first and then
 * look at the references. One of both sees the other. The slow way works under the page
 * table's lock, and whoever finds a page in the cache locks it before writing and sees
 * whether it is still the file's. KVM's established mappings hold no reference and end
 * with the notifier; a fault of KVM's that is under way holds one, or is tried again
 * because the notifier has counted up (mmu_invalidate_retry).
 *
 * A first look without any lock only says which pages are worth this. Page locks are
 * tried, never waited for. Pages that the kernel has put into a per-CPU list of its own
 * have one more reference for a while, and are found again in the next pass.
 *
 * The price is the unmapping: every run of pages is one round of notifiers, KVM's and
 * TLB flushes, and each may have to wait for a CPU. Pages near each other are therefore
 * unmapped together, and the budget counts the time that has gone by, not the time on a
 * CPU: on a loaded host the scanner rests longer.
 */
#include <linux/folio_batch.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/wait.h>

#include "mem/batch.h"
#include "mem/broken.h"
#include "mem/mem.h"
#include "mem/pressed.h"

/* Pages locked at a time, and unmapped at most in one run. */
#define BATCH		64
/* A stretch of work: as many pages, or as much time. */
#define STRETCH_PAGES	512
#define STRETCH_NS	(5 * NSEC_PER_MSEC)

/*
 * Protects the list of files, which one is scanned, and whether it may go: the scanner's
 * thread holds it while it works on a file.
 */
static DEFINE_MUTEX(vmqos_zero_mutex);
static LIST_HEAD(files);
/* The file in which the scanner is, NULL between passes. */
static struct vmqos_mem_inode *at;

static struct task_struct *scanner;
static DECLARE_WAIT_QUEUE_HEAD(waiting);
static bool woken;
/* Some file is above its limit and left alone for a moment: the thread is not to rest long. */
static bool soon;
/* Candidates of the stretch and what it did, used by the scanner alone. */
static struct folio *candidates[BATCH];
static struct vmqos_mem_stats did;

static unsigned int scan_percent = 5;
static unsigned int scan_period_ms = 10000;
static unsigned int pressure_percent = 10;
static unsigned int split_pages = 128;

static int set_and_wake(const char *text, const struct kernel_param *param)
{
	int ret = param_set_uint(text, param);

	if (!ret)
		vmqos_zero_wake();
	return ret;
}

static const struct kernel_param_ops waking = {
	.set = set_and_wake,
	.get = param_get_uint,
};

module_param_cb(scan_percent, &waking, &scan_percent, 0644);
MODULE_PARM_DESC(scan_percent,
		 "most of one CPU's time that looking for zero pages takes, in per cent (5); 0: do not look");
module_param_cb(scan_period_ms, &waking, &scan_period_ms, 0644);
MODULE_PARM_DESC(scan_period_ms,
		 "least time from the begin of one pass to that of the next, in ms (10000); 0: no rest");
module_param_cb(pressure_percent, &waking, &pressure_percent, 0644);
MODULE_PARM_DESC(pressure_percent,
		 "with share_zero=pressure look while less than this of the host's memory is available, in per cent (10)");

module_param_cb(split_pages, &waking, &split_pages, 0644);
MODULE_PARM_DESC(split_pages,
		 "split a page of 2M when at least so many of its 512 pages of 4K are zeros, from 1 to 512 (128)");

#ifdef VMQOS_MEM_BREAK
unsigned int vmqos_mem_break_rule;
module_param_named(break_rule, vmqos_mem_break_rule, uint, 0644);
MODULE_PARM_DESC(break_rule, "break a rule: 1 unmap first, 2 count references, 3 look under the lock, 4 wait for a split, 5 store before removal, 6 no punch beside the store, 7 look again before a hole, 9 unmap zeros, 10 find a hole under the lock");
#endif

static bool is_zero(struct folio *folio)
{
	unsigned int first;

	return vmqos_mem_zeros(folio, &first) == folio_nr_pages(folio);
}

static bool wanted(struct vmqos_mem_inode *mi)
{
	switch (vmqos_mem_share_zero(mi)) {
	case VMQOS_MEM_SHARE_ZERO_ON:
		return true;
	case VMQOS_MEM_SHARE_ZERO_PRESSURE:
		return vmqos_mem_pressed(READ_ONCE(pressure_percent));
	default:
		return false;
	}
}

static void judge(struct vmqos_mem_inode *mi, struct folio *folio)
{
	unsigned int nr = folio_nr_pages(folio);

	if (!vmqos_mem_is_alone(folio)) {
		did.zero_busy++;
	} else if (!vmqos_mem_broken(VMQOS_MEM_RULE_LOOK) && !is_zero(folio)) {
		did.zero_changed++;
	} else {
		/* Test only: the moment in which a write would be lost, made long enough. */
		if (vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP))
			schedule_timeout_uninterruptible(1);
		if (!generic_error_remove_folio(mi->vfs.i_mapping, folio))
			did.zero_freed += nr;
	}
}

static void free_candidates(struct vmqos_mem_inode *mi, unsigned int n)
{
	unsigned int i;

	n = vmqos_mem_batch_lock(mi->vfs.i_mapping, READ_ONCE(mi->locked), candidates, n, &did);
	vmqos_mem_batch_unmap(mi->vfs.i_mapping, candidates, n, &did);
	for (i = 0; i < n; i++) {
		judge(mi, candidates[i]);
		folio_unlock(candidates[i]);
		folio_put(candidates[i]);
	}
	vmqos_mem_recount(&mi->vfs, 0);
}

/*
 * Looks at a page and keeps it as a candidate, or lets go of it. Returns how many
 * candidates there are then.
 */
static unsigned int consider(struct vmqos_mem_inode *mi, struct folio *folio, unsigned int n)
{
	unsigned int nr = folio_nr_pages(folio), zeros, first;
	pgoff_t index = folio->index;
	unsigned int least = 1;

	/* What a split has left of 2M is not worth keeping together. */
	if (nr == VMQOS_MEM_HUGE_PAGES)
		least = clamp(READ_ONCE(split_pages), 1u, nr);

	zeros = vmqos_mem_zeros(folio, &first);
	if (zeros == nr) {
		candidates[n++] = folio;
		/* Large ones are many pages to unmap each: no others along with them. */
		if (n < BATCH && nr == 1)
			return n;
		free_candidates(mi, n);
		return 0;
	}
	if (nr == 1 || zeros < least) {
		folio_put(folio);
		return n;
	}
	/* The parts are looked at again, each by itself. */
	if (vmqos_mem_split(mi, folio, least, &did))
		mi->cursor = index;
	return n;
}

static bool is_over(unsigned int scanned, u64 began)
{
	return scanned >= STRETCH_PAGES || ktime_get_ns() - began >= STRETCH_NS;
}

/* One stretch of a file; returns true at its end. */
static bool scan(struct vmqos_mem_inode *mi, u64 began)
{
	unsigned int i, found = 1, n = 0, scanned = 0;
	struct folio_batch batch;
	pgoff_t next;

	folio_batch_init(&batch);
	while (found && !is_over(scanned, began)) {
		next = mi->cursor;
		found = filemap_get_folios(mi->vfs.i_mapping, &next, ULONG_MAX, &batch);
		for (i = 0; i < found && !is_over(scanned, began); i++) {
			next = folio_next_index(batch.folios[i]);
			mi->cursor = next;
			scanned += folio_nr_pages(batch.folios[i]);
			n = consider(mi, batch.folios[i], n);
			/* One that was split comes again, with those that follow it. */
			if (mi->cursor != next) {
				i++;
				break;
			}
		}
		while (i < found)
			folio_put(batch.folios[i++]);
		folio_batch_init(&batch);
		cond_resched();
	}
	if (n)
		free_candidates(mi, n);
	did.scanned += scanned;
	return !found;
}

static struct vmqos_mem_inode *following(struct vmqos_mem_inode *mi)
{
	return list_is_last(&mi->node, &files) ? NULL : list_next_entry(mi, node);
}

/* Works for a while; returns false when a pass over all files is done. */
static bool stretch(void)
{
	u64 began = ktime_get_ns();
	bool more;

	mutex_lock(&vmqos_zero_mutex);
	if (!at)
		at = list_first_entry_or_null(&files, struct vmqos_mem_inode, node);
	while (at && !wanted(at)) {
		at->cursor = 0;
		at = following(at);
	}
	if (at) {
		bool ended = scan(at, began);

		did.zero_scan_ns += ktime_get_ns() - began;
		did.zero_passes += ended;
		vmqos_mem_add_stats(at, &did);
		if (ended) {
			at->cursor = 0;
			at = following(at);
		}
	}
	more = at;
	mutex_unlock(&vmqos_zero_mutex);
	return more;
}

/* A while of reclaim in each file that wants it; returns false when none does. */
static bool reclaim(void)
{
	struct vmqos_mem_inode *mi;
	bool any = false;

	mutex_lock(&vmqos_zero_mutex);
	soon = false;
	list_for_each_entry(mi, &files, node) {
		if (!vmqos_mem_reclaim_wanted(mi, &soon))
			continue;
		vmqos_mem_reclaim_some(mi);
		any = true;
	}
	mutex_unlock(&vmqos_zero_mutex);
	return any;
}

/* Until it is woken; what is to be tried again soon is, meanwhile. */
static void rest(u64 ns)
{
	u64 until = ktime_get_ns() + ns, left = ns;

	for (;;) {
		if (soon)
			left = min_t(u64, left, NSEC_PER_SEC / 10);
		wait_event_interruptible_timeout(waiting,
						 READ_ONCE(woken) || kthread_should_stop(),
						 max(nsecs_to_jiffies(left), 1ul));
		left = until - min(until, ktime_get_ns());
		if (!left || READ_ONCE(woken) || kthread_should_stop())
			break;
		while (reclaim() && !kthread_should_stop())
			cond_resched();
	}
	WRITE_ONCE(woken, false);
}

static int scan_files(void *unused)
{
	u64 pass_began = ktime_get_ns(), owed = 0;

	while (!kthread_should_stop()) {
		unsigned int percent = min(READ_ONCE(scan_percent), 100u);
		u64 began = ktime_get_ns(), period, spent;
		bool more;

		/* What somebody waits for comes first, and is not of the scanner's share. */
		if (reclaim()) {
			cond_resched();
			continue;
		}
		if (!percent) {
			rest(NSEC_PER_SEC);
			continue;
		}
		more = stretch();
		spent = ktime_get_ns() - began;
		owed += div_u64(spent * (100 - percent), percent);
		/* What is less than a tick is slept with the next. */
		if (owed >= jiffies_to_nsecs(1)) {
			began = ktime_get_ns();
			rest(owed);
			spent = ktime_get_ns() - began;
			owed -= min(owed, spent);
		}
		if (more)
			continue;
		period = (u64)READ_ONCE(scan_period_ms) * NSEC_PER_MSEC;
		spent = ktime_get_ns() - pass_began;
		rest(spent < period ? period - spent : 0);
		pass_began = ktime_get_ns();
	}
	return 0;
}

/**
 * vmqos_zero_add() - a regular file is there
 * @mi: the file
 *
 * Context: may sleep.
 */
void vmqos_zero_add(struct vmqos_mem_inode *mi)
{
	mutex_lock(&vmqos_zero_mutex);
	list_add_tail(&mi->node, &files);
	mutex_unlock(&vmqos_zero_mutex);
}

/**
 * vmqos_zero_remove() - a file or folder goes; the scanner is not in it on return
 * @mi: it, of which nobody holds a page locked
 *
 * Context: may sleep.
 */
void vmqos_zero_remove(struct vmqos_mem_inode *mi)
{
	if (list_empty_careful(&mi->node))
		return;
	mutex_lock(&vmqos_zero_mutex);
	if (at == mi)
		at = following(mi);
	list_del_init(&mi->node);
	mutex_unlock(&vmqos_zero_mutex);
}

/**
 * vmqos_zero_lock() - have the scanner let go of all pages, and rest
 *
 * Context: may sleep; waits for a stretch of its work.
 */
void vmqos_zero_lock(void)
{
	mutex_lock(&vmqos_zero_mutex);
}

/**
 * vmqos_zero_unlock() - let the scanner go on
 *
 * Context: after vmqos_zero_lock().
 */
void vmqos_zero_unlock(void)
{
	mutex_unlock(&vmqos_zero_mutex);
}

/**
 * vmqos_zero_each() - do something with each file, if the scanner is not in one just now
 * @what: called with the scanner's mutex held; returns how much it has come to
 * @data: handed on to it
 *
 * Context: the kernel's reclaim: waits for nobody.
 * Return: the sum.
 */
unsigned long vmqos_zero_each(unsigned long (*what)(struct vmqos_mem_inode *mi, void *data),
			      void *data)
{
	struct vmqos_mem_inode *mi;
	unsigned long sum = 0;

	if (!mutex_trylock(&vmqos_zero_mutex))
		return 0;
	list_for_each_entry(mi, &files, node)
		sum += what(mi, data);
	mutex_unlock(&vmqos_zero_mutex);
	return sum;
}

/**
 * vmqos_zero_wake() - what the scanner is to do has changed
 *
 * Context: any.
 */
void vmqos_zero_wake(void)
{
	WRITE_ONCE(woken, true);
	wake_up(&waiting);
}

/**
 * vmqos_zero_init() - start the scanner
 *
 * Return: 0 or a negative error number.
 */
int vmqos_zero_init(void)
{
	scanner = kthread_run(scan_files, NULL, "vmqos_zero");
	return PTR_ERR_OR_ZERO(scanner);
}

/**
 * vmqos_zero_exit() - end the scanner
 *
 * Context: may sleep.
 */
void vmqos_zero_exit(void)
{
	kthread_stop(scanner);
}
