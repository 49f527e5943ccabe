// SPDX-License-Identifier: GPL-2.0
/* What a file holds and what happened to it: counted, told, and by which rule. */
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "mem/mem.h"

/* As the interface has it: below 512 ns, then by powers of two. */
static unsigned int bucket(u64 ns)
{
	return min(fls64(ns >> 9), VMQOS_LATENCY_BUCKETS - 1);
}

/**
 * vmqos_mem_count_fault() - a fault has got its page
 * @mi: the file
 * @kind: how it was come by
 * @ns: how long it took
 *
 * Context: any.
 */
void vmqos_mem_count_fault(struct vmqos_mem_inode *mi, enum vmqos_mem_fault_kind kind, u64 ns)
{
	this_cpu_add(mi->faults->ns[kind], ns);
	this_cpu_inc(mi->faults->hist[kind][bucket(ns)]);
}

/**
 * vmqos_mem_count_wait() - who needed a page at the limit has waited for room
 * @mi: the file
 * @ns: for how long
 *
 * Context: any that may take a spinlock.
 */
void vmqos_mem_count_wait(struct vmqos_mem_inode *mi, u64 ns)
{
	spin_lock(&mi->lock);
	mi->stats.limit_waits++;
	mi->stats.limit_ns += ns;
	mi->limit_hist[bucket(ns)]++;
	spin_unlock(&mi->lock);
}

/**
 * vmqos_mem_count_failed() - a fault has got no page
 * @mi: the file
 *
 * Context: any.
 */
void vmqos_mem_count_failed(struct vmqos_mem_inode *mi)
{
	this_cpu_inc(mi->faults->failed);
}

static void add_faults(struct vmqos_mem_fault_stats *sum, const struct vmqos_mem_fault_stats *one)
{
	unsigned int kind, i;

	for (kind = 0; kind < VMQOS_MEM_FAULT_KINDS; kind++) {
		sum->ns[kind] += READ_ONCE(one->ns[kind]);
		for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
			sum->hist[kind][i] += READ_ONCE(one->hist[kind][i]);
	}
	sum->failed += READ_ONCE(one->failed);
}

/**
 * vmqos_mem_add_stats() - count what was done to a file
 * @mi: the file
 * @did: what it was; cleared
 *
 * Context: any that may take a spinlock.
 */
void vmqos_mem_add_stats(struct vmqos_mem_inode *mi, struct vmqos_mem_stats *did)
{
	spin_lock(&mi->lock);
	vmqos_mem_stats_add(&mi->stats, did);
	spin_unlock(&mi->lock);
	memset(did, 0, sizeof(*did));
}

/**
 * vmqos_mem_read() - add up what there is to tell of files
 * @inode: a regular file
 * @counts: what it is added to
 *
 * Context: any.
 */
void vmqos_mem_read(struct inode *inode, struct vmqos_mem_counts *counts)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	int cpu, i;

	counts->resident += READ_ONCE(mi->pages) << PAGE_SHIFT;
	counts->zeros_mapped += atomic64_read(&mi->zeros_mapped) << PAGE_SHIFT;
	spin_lock(&mi->lock);
	counts->reclaim_left += mi->reclaim_pages << PAGE_SHIFT;
	counts->stored += mi->stored_bytes;
	counts->stored_held += vmqos_store_held(mi);
	counts->stored_raw += mi->stored_pages << PAGE_SHIFT;
	counts->swapped += mi->swapped_pages << PAGE_SHIFT;
	vmqos_mem_stats_add(&counts->stats, &mi->stats);
	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		counts->limit_hist[i] += mi->limit_hist[i];
	vmqos_sample_read(mi, counts);
	spin_unlock(&mi->lock);
	for_each_possible_cpu(cpu)
		add_faults(&counts->faults, per_cpu_ptr(mi->faults, cpu));
}

static u64 faults_of(const struct vmqos_mem_fault_stats *faults, enum vmqos_mem_fault_kind kind)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		sum += faults->hist[kind][i];
	return sum;
}

/**
 * vmqos_mem_share_zero() - when pages of zeros of a file are given back
 * @mi: the file
 *
 * Context: any.
 * Return: enum vmqos_mem_share_zero, never "mount".
 */
u32 vmqos_mem_share_zero(const struct vmqos_mem_inode *mi)
{
	u32 own = READ_ONCE(mi->share_zero);

	return own != VMQOS_MEM_SHARE_ZERO_MOUNT ? own :
	       READ_ONCE(vmqos_mem_mount(mi->vfs.i_sb)->share_zero);
}

/**
 * vmqos_mem_set_policy() - have a file follow a VM's policy
 * @inode: a regular file that somebody has open
 * @policy: what it says
 *
 * Context: any that may take a spinlock.
 */
void vmqos_mem_set_policy(struct inode *inode, const struct vmqos_mem_policy *policy)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	bool changed;

	spin_lock(&mi->lock);
	changed = mi->share_zero != policy->share_zero;
	WRITE_ONCE(mi->share_zero, policy->share_zero);
	spin_unlock(&mi->lock);
	vmqos_mem_set_limit(inode, policy->limit);
	if (changed)
		vmqos_zero_wake();
}

/**
 * vmqos_mem_show_fdinfo() - tell of a file in /proc/PID/fdinfo of whoever has it open
 * @m: where to
 * @file: the file
 *
 * Context: may sleep.
 */
void vmqos_mem_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct inode *inode = file_inode(file);
	struct vmqos_mem_counts *counts;
	const struct vmqos_mem_stats *stats;
	u64 found, filled, stored, zero, swapped;
	int i;

	counts = kzalloc(sizeof(*counts), GFP_KERNEL);
	if (!counts)
		return;
	vmqos_mem_read(inode, counts);
	found = faults_of(&counts->faults, VMQOS_MEM_FOUND);
	filled = faults_of(&counts->faults, VMQOS_MEM_FILLED);
	stored = faults_of(&counts->faults, VMQOS_MEM_STORED);
	zero = faults_of(&counts->faults, VMQOS_MEM_ZERO);
	swapped = faults_of(&counts->faults, VMQOS_MEM_SWAPPED);
	stats = &counts->stats;
	seq_printf(m, "mem-share-zero:\t%s\n",
		   vmqos_mem_share_zero_names[vmqos_mem_share_zero(vmqos_mem_inode(inode))]);
	seq_printf(m, "mem-configured:\t%llu\n", (u64)i_size_read(inode));
	seq_printf(m, "mem-resident:\t%llu\n", counts->resident);
	seq_printf(m, "mem-zero-mapped:\t%llu\n", counts->zeros_mapped);
	seq_printf(m, "mem-fills:\t%llu\n", stats->fills);
	seq_printf(m, "mem-faults:\t%llu\n",
		   found + filled + stored + zero + swapped + counts->faults.failed);
	seq_printf(m, "mem-faults-found:\t%llu\n", found);
	seq_printf(m, "mem-faults-filled:\t%llu\n", filled);
	seq_printf(m, "mem-faults-stored:\t%llu\n", stored);
	seq_printf(m, "mem-faults-zero:\t%llu\n", zero);
	seq_printf(m, "mem-faults-swapped:\t%llu\n", swapped);
	seq_printf(m, "mem-faults-failed:\t%llu\n", counts->faults.failed);
	seq_printf(m, "mem-scanned:\t%llu\n", stats->scanned);
	seq_printf(m, "mem-zero-freed:\t%llu\n", stats->zero_freed);
	seq_printf(m, "mem-zero-busy:\t%llu\n", stats->zero_busy);
	seq_printf(m, "mem-zero-locked:\t%llu\n", stats->zero_locked);
	seq_printf(m, "mem-zero-changed:\t%llu\n", stats->zero_changed);
	seq_printf(m, "mem-splits:\t%llu\n", stats->splits);
	seq_printf(m, "mem-zero-unmaps:\t%llu\n", stats->zero_unmaps);
	seq_printf(m, "mem-zero-passes:\t%llu\n", stats->zero_passes);
	seq_printf(m, "mem-zero-scan-ns:\t%llu\n", stats->zero_scan_ns);
	seq_printf(m, "mem-limit:\t%llu\n",
		   vmqos_mem_limit(vmqos_mem_inode(inode)) << PAGE_SHIFT);
	seq_printf(m, "mem-limit-reclaimed:\t%llu\n", stats->limit_reclaimed);
	seq_printf(m, "mem-limit-exceeded:\t%llu\n", stats->limit_exceeded);
	seq_printf(m, "mem-limit-waits:\t%llu\n", stats->limit_waits);
	seq_printf(m, "mem-limit-ns:\t%llu\n", stats->limit_ns);
	seq_puts(m, "mem-limit-hist:");
	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		seq_printf(m, "%c%llu", i ? ' ' : '\t', counts->limit_hist[i]);
	seq_putc(m, '\n');
	seq_printf(m, "mem-reclaim-left:\t%llu\n", counts->reclaim_left);
	seq_printf(m, "mem-reclaimed:\t%llu\n", stats->reclaimed);
	seq_printf(m, "mem-reclaim-busy:\t%llu\n", stats->reclaim_busy);
	seq_printf(m, "mem-pressure-reclaimed:\t%llu\n", stats->pressure_reclaimed);
	seq_printf(m, "mem-stored:\t%llu\n", counts->stored);
	seq_printf(m, "mem-stored-raw:\t%llu\n", counts->stored_raw);
	seq_printf(m, "mem-stored-held:\t%llu\n", counts->stored_held);
	seq_printf(m, "mem-evicted:\t%llu\n", stats->evicted);
	seq_printf(m, "mem-evict-refused:\t%llu\n", stats->evict_refused);
	seq_printf(m, "mem-evict-failed:\t%llu\n", stats->evict_failed);
	seq_printf(m, "mem-swapped:\t%llu\n", counts->swapped);
	seq_printf(m, "mem-swap-outs:\t%llu\n", stats->swap_outs);
	seq_printf(m, "mem-swap-failed:\t%llu\n", stats->swap_failed);
	seq_printf(m, "mem-active-max:\t%llu\n", counts->active_max);
	seq_printf(m, "mem-active-slow:\t%llu\n", counts->active_slow);
	seq_printf(m, "mem-active-fast:\t%llu\n", counts->active_fast);
	seq_printf(m, "mem-sampled:\t%llu\n", counts->sampled);
	seq_printf(m, "mem-samples:\t%llu\n", stats->samples);
	seq_printf(m, "mem-samples-touched:\t%llu\n", stats->samples_touched);
	seq_printf(m, "mem-sample-ns:\t%llu\n", stats->sample_ns);
	kfree(counts);
}
