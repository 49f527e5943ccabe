// SPDX-License-Identifier: GPL-2.0
/*
 * The sampler: how much of a file's memory is in use.
 *
 * DOC: Overview
 *
 * Some pages, drawn at random, are taken out of all page tables at the begin of a period.
 * Whoever touches one faults, and the fault notes it here. What part of the sample has been
 * touched by the end of the period is, within what chance allows, the part of the file's memory
 * that was in use. (The way is that of C. Waldspurger, "Memory Resource Management in VMware
 * ESX Server", OSDI 2002, section 5.3.) Three averages are made of the periods: a slow one,
 * which is steady, a fast one, which follows, and the greatest of both and of the fast one with
 * the period that is under way, which sees memory come into use at once and go out of it slowly.
 *
 * Each page of 4K that is in memory is drawn with the same chance: the file is divided into
 * as many stretches of the same length as pages are wanted, and one place is drawn in each.
 * Where there is no page the stretch has none, and if too few are found all of them are
 * drawn from once more.
 *
 * Large pages. A page of 2M that the page tables map as one loses all of its mapping
 * when a page of 4K is taken out of it, and gets it back at the first touch of any of the
 * 512. So each of them counts as in use when its 2M are; a page of 2M that is mapped
 * in pieces is seen piece by piece. To see a page of 2M piece by piece that is mapped as
 * one, it would have to be mapped in pieces, and the kernel has no way back from there
 * but to end the mapping: a table of pages, once there, stays. What the sampler tells is so
 * what can be had back of the memory as it is mapped.
 *
 * What else takes pages out of page tables, reclaim and the search for zeros, does not
 * disturb: a touch is seen in the fault, not in what is mapped at the end. The other way round,
 * reclaim takes what it finds unmapped for unused, and has to be told what is only watched
 * (vmqos_sample_watches()).
 *
 * Not seen is what touches memory without a mapping: a device that has it pinned, and
 * read() and write() on the file. Pages that mlock() wants resident are left alone.
 */
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/wait.h>

#include "mem/mem.h"

/* Bounds of the parameters. */
#define PAGES_MAX	4096u
#define PERIOD_MIN_MS	100u
/* Most of a file that is watched at a time: one page in so many. */
#define DILUTION	16
/* How often all stretches are drawn from, where few of the file's pages are in memory. */
#define ROUNDS		64
/* What the past weighs in an average, against a period: 1 - 1/gain. */
#define SLOW_GAIN	8
#define FAST_GAIN	2
/* Sums of averages are of parts of a page. */
#define SCALE_SHIFT	10

/**
 * struct watched - a page of a sample
 * @index: its place in the file
 * @unmapped: it was mapped, and has been unmapped to be watched
 * @touched: somebody has touched it since
 */
struct watched {
	pgoff_t index;
	bool unmapped;
	unsigned long touched;
};

/**
 * struct vmqos_mem_sample - pages that are watched for a period
 * @rcu: faults look at it under RCU
 * @n: how many
 * @touched: how many of them have been touched
 * @pages: they, by their place
 */
struct vmqos_mem_sample {
	struct rcu_head rcu;
	unsigned int n;
	atomic_t touched;
	struct watched pages[];
};

/*
 * Protects the list of files, and whether one may go: the thread holds it while it works on
 * a file.
 */
static DEFINE_MUTEX(vmqos_sample_mutex);
static LIST_HEAD(files);

static struct task_struct *sampler;
static DECLARE_WAIT_QUEUE_HEAD(waiting);
static bool woken;

static unsigned int sample_pages = 200;
static unsigned int sample_period_ms = 30000;

static int set_and_wake(const char *text, const struct kernel_param *param)
{
	int ret = param_set_uint(text, param);

	if (!ret) {
		WRITE_ONCE(woken, true);
		wake_up(&waiting);
	}
	return ret;
}

static const struct kernel_param_ops waking = {
	.set = set_and_wake,
	.get = param_get_uint,
};

module_param_cb(sample_pages, &waking, &sample_pages, 0644);
MODULE_PARM_DESC(sample_pages,
		 "pages of each file that are watched at a time to tell how much of it is in use, at most 4096 (200); 0: none");
module_param_cb(sample_period_ms, &waking, &sample_period_ms, 0644);
MODULE_PARM_DESC(sample_period_ms,
		 "for how long they are watched, in ms, at least 100 (30000)");

static unsigned long period(void)
{
	return msecs_to_jiffies(max(READ_ONCE(sample_period_ms), PERIOD_MIN_MS));
}

static unsigned int first_from(const struct vmqos_mem_sample *sample, pgoff_t index)
{
	unsigned int low = 0, high = sample->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (sample->pages[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/**
 * vmqos_sample_touch() - a fault has found its page, or got one
 * @mi: the file
 * @vmf: the fault
 * @folio: the page, locked
 *
 * Context: a page fault.
 */
void vmqos_sample_touch(struct vmqos_mem_inode *mi, struct vm_fault *vmf, struct folio *folio)
{
	pgoff_t first = vmf->pgoff, last = vmf->pgoff;
	struct vmqos_mem_sample *sample;
	unsigned int i;

	rcu_read_lock();
	sample = rcu_dereference(mi->sample);
	if (!sample)
		goto out;
	/* Nothing of it is mapped here: it may be about to be mapped as a whole. */
	if (folio_nr_pages(folio) == VMQOS_MEM_HUGE_PAGES && pmd_none(READ_ONCE(*vmf->pmd))) {
		first = folio->index;
		last = folio_next_index(folio) - 1;
	}
	for (i = first_from(sample, first); i < sample->n && sample->pages[i].index <= last; i++)
		if (!READ_ONCE(sample->pages[i].touched) && !xchg(&sample->pages[i].touched, 1))
			atomic_inc(&sample->touched);
out:
	rcu_read_unlock();
}

/**
 * vmqos_sample_watches() - whether a page is unmapped only to be watched
 * @mi: its file
 * @folio: the page, of any size
 *
 * Context: any.
 * Return: whether it is; nothing is known then of whether it is in use.
 */
bool vmqos_sample_watches(struct vmqos_mem_inode *mi, struct folio *folio)
{
	struct vmqos_mem_sample *sample;
	bool watches = false;
	unsigned int i;

	rcu_read_lock();
	sample = rcu_dereference(mi->sample);
	for (i = sample ? first_from(sample, folio->index) : 0;
	     sample && i < sample->n && sample->pages[i].index < folio_next_index(folio); i++)
		if (READ_ONCE(sample->pages[i].unmapped) && !READ_ONCE(sample->pages[i].touched))
			watches = true;
	rcu_read_unlock();
	return watches;
}

static int compare(const void *a, const void *b)
{
	const struct watched *one = a, *other = b;

	return one->index < other->index ? -1 : one->index > other->index;
}

/* Whether there is a page that may be watched. */
static bool suits(struct vmqos_mem_inode *mi, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mi->vfs.i_mapping, index);
	bool ret;

	if (IS_ERR(folio))
		return false;
	ret = !vmqos_mem_is_locked(mi, folio);
	folio_put(folio);
	return ret;
}

/* Draws from each of @n stretches once; room is for as many more. */
static void draw(struct vmqos_mem_inode *mi, struct vmqos_mem_sample *sample, unsigned int n,
		 u64 size)
{
	unsigned int i;
	u64 from, to;

	for (i = 0; i < n; i++) {
		from = div_u64(size * i, n);
		to = div_u64(size * (i + 1), n);
		from += mul_u64_u32_shr(to - from, get_random_u32(), 32);
		if (suits(mi, from))
			sample->pages[sample->n++].index = from;
		if (!(i % 64))
			cond_resched();
	}
}

/* Returns pages to watch from now on, or NULL if there are too few. */
static struct vmqos_mem_sample *choose(struct vmqos_mem_inode *mi)
{
	u64 size = DIV_ROUND_UP_ULL(i_size_read(&mi->vfs), PAGE_SIZE);
	u64 there = READ_ONCE(mi->vfs.i_mapping->nrpages);
	struct vmqos_mem_sample *sample;
	unsigned int n, i, kept;

	n = min_t(u64, min(READ_ONCE(sample_pages), PAGES_MAX), there / DILUTION);
	if (!n || size < there)
		return NULL;
	sample = kvzalloc(struct_size(sample, pages, n + n / 2), GFP_KERNEL);
	if (!sample)
		return NULL;
	for (i = 0; i < ROUNDS && sample->n <= n / 2; i++)
		draw(mi, sample, n, size);
	if (!sample->n) {
		kvfree(sample);
		return NULL;
	}
	sort(sample->pages, sample->n, sizeof(sample->pages[0]), compare, NULL);
	for (i = 1, kept = 1; i < sample->n; i++)
		if (sample->pages[i].index != sample->pages[kept - 1].index)
			sample->pages[kept++].index = sample->pages[i].index;
	sample->n = kept;
	return sample;
}

/* Takes the pages of a sample out of all page tables. */
static void unmap(struct vmqos_mem_inode *mi, struct vmqos_mem_sample *sample)
{
	struct address_space *mapping = mi->vfs.i_mapping;
	struct folio *folio;
	unsigned int i;

	for (i = 0; i < sample->n; i++) {
		folio = filemap_get_folio(mapping, sample->pages[i].index);
		if (IS_ERR(folio))
			continue;
		/* One that was not mapped has not been used for a while, and may go. */
		WRITE_ONCE(sample->pages[i].unmapped, folio_mapped(folio));
		folio_put(folio);
		if (sample->pages[i].unmapped)
			unmap_mapping_pages(mapping, sample->pages[i].index, 1, false);
		if (!(i % 16))
			cond_resched();
	}
}

static void weigh(struct vmqos_mem_average *average, unsigned int gain, u64 n, u64 touched)
{
	average->n -= div_u64(average->n, gain);
	average->n += n << SCALE_SHIFT;
	average->touched -= div_u64(average->touched, gain);
	average->touched += touched << SCALE_SHIFT;
}

/* The end of a period, and the begin of the next. */
static void sample_file(struct vmqos_mem_inode *mi)
{
	struct vmqos_mem_sample *old, *sample;
	u64 began = ktime_get_ns();
	unsigned int touched;

	mi->sample_began = jiffies;
	old = rcu_dereference_protected(mi->sample, lockdep_is_held(&vmqos_sample_mutex));
	sample = choose(mi);
	spin_lock(&mi->lock);
	rcu_assign_pointer(mi->sample, sample);
	if (old) {
		touched = atomic_read(&old->touched);
		weigh(&mi->active_slow, SLOW_GAIN, old->n, touched);
		weigh(&mi->active_fast, FAST_GAIN, old->n, touched);
		mi->stats.samples += old->n;
		mi->stats.samples_touched += touched;
	} else if (!sample) {
		mi->active_slow = (struct vmqos_mem_average){};
		mi->active_fast = (struct vmqos_mem_average){};
	}
	spin_unlock(&mi->lock);
	if (old)
		kvfree_rcu(old, rcu);
	if (sample)
		unmap(mi, sample);
	spin_lock(&mi->lock);
	mi->stats.sample_ns += ktime_get_ns() - began;
	spin_unlock(&mi->lock);
}

static u64 part_of(u64 pages, u64 touched, u64 n)
{
	return n ? mul_u64_u64_div_u64(pages << PAGE_SHIFT, min(touched, n), n) : 0;
}

/**
 * vmqos_sample_read() - how much of a file is in use
 * @mi: the file, its lock held
 * @counts: what it is added to
 *
 * Context: any.
 */
void vmqos_sample_read(struct vmqos_mem_inode *mi, struct vmqos_mem_counts *counts)
{
	u64 pages = READ_ONCE(mi->vfs.i_mapping->nrpages), slow, fast, next = 0;
	const struct vmqos_mem_average *average = &mi->active_fast;
	struct vmqos_mem_sample *sample;
	u64 n, touched;

	lockdep_assert_held(&mi->lock);
	if (!mi->active_slow.n)
		return;
	slow = part_of(pages, mi->active_slow.touched, mi->active_slow.n);
	fast = part_of(pages, average->touched, average->n);
	/* It is replaced under the lock. */
	sample = rcu_dereference_protected(mi->sample, lockdep_is_held(&mi->lock));
	if (sample) {
		n = average->n - div_u64(average->n, FAST_GAIN);
		touched = average->touched - div_u64(average->touched, FAST_GAIN);
		n += (u64)sample->n << SCALE_SHIFT;
		touched += (u64)atomic_read(&sample->touched) << SCALE_SHIFT;
		next = part_of(pages, touched, n);
	}
	counts->sampled += pages << PAGE_SHIFT;
	counts->active_slow += slow;
	counts->active_fast += fast;
	counts->active_max += max3(slow, fast, next);
}

/* The end of the period of one file; returns false if none is at its end, and @next when. */
static bool sample_one(unsigned long *next)
{
	bool off = !READ_ONCE(sample_pages), done = false, began;
	struct vmqos_mem_inode *mi;
	unsigned long now, due;

	*next = MAX_SCHEDULE_TIMEOUT;
	mutex_lock(&vmqos_sample_mutex);
	list_for_each_entry(mi, &files, sample_node) {
		/* What is known is forgotten at once, and with it what is watched. */
		if (off && !rcu_access_pointer(mi->sample) && !mi->active_slow.n) {
			mi->sample_off = true;
			continue;
		}
		due = mi->sample_began + period();
		began = mi->sample_off && !off;
		/* Looked at once: if it went on in between, the rest would be next to for ever. */
		now = jiffies;
		if (off || began || time_after_eq(now, due)) {
			mi->sample_off = off;
			sample_file(mi);
			done = true;
			break;
		}
		*next = min(*next, due - now);
	}
	mutex_unlock(&vmqos_sample_mutex);
	return done;
}

static int sample_files(void *unused)
{
	unsigned long next;

	while (!kthread_should_stop()) {
		WRITE_ONCE(woken, false);
		/* Before it is seen what there is to do. */
		smp_mb();
		while (sample_one(&next) && !kthread_should_stop())
			cond_resched();
		wait_event_interruptible_timeout(waiting,
						 READ_ONCE(woken) || kthread_should_stop(),
						 max(next, 1ul));
	}
	return 0;
}

/**
 * vmqos_sample_add() - a regular file is there
 * @mi: the file
 *
 * Context: may sleep.
 */
void vmqos_sample_add(struct vmqos_mem_inode *mi)
{
	mutex_lock(&vmqos_sample_mutex);
	mi->sample_began = jiffies;
	mi->sample_off = !READ_ONCE(sample_pages);
	/* The thread may rest until it is told that there is a file. */
	if (list_empty(&files)) {
		WRITE_ONCE(woken, true);
		wake_up(&waiting);
	}
	list_add_tail(&mi->sample_node, &files);
	mutex_unlock(&vmqos_sample_mutex);
}

/**
 * vmqos_sample_remove() - a file or folder goes; the sampler is not in it on return
 * @mi: it, of which nobody holds a page locked
 *
 * Context: may sleep.
 */
void vmqos_sample_remove(struct vmqos_mem_inode *mi)
{
	struct vmqos_mem_sample *sample;

	if (list_empty_careful(&mi->sample_node))
		return;
	mutex_lock(&vmqos_sample_mutex);
	list_del_init(&mi->sample_node);
	sample = rcu_replace_pointer(mi->sample, NULL, lockdep_is_held(&vmqos_sample_mutex));
	mutex_unlock(&vmqos_sample_mutex);
	if (sample)
		kvfree_rcu(sample, rcu);
}

/**
 * vmqos_sample_init() - start the sampler
 *
 * Return: 0 or a negative error number.
 */
int vmqos_sample_init(void)
{
	sampler = kthread_run(sample_files, NULL, "vmqos_sample");
	return PTR_ERR_OR_ZERO(sampler);
}

/**
 * vmqos_sample_exit() - end the sampler
 *
 * Context: may sleep; no file is left.
 */
void vmqos_sample_exit(void)
{
	kthread_stop(sampler);
}
