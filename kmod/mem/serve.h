/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the memory plane of vmqos.ko and the filesystem of vmqos_mem.ko meet.
 *
 * Neither module needs the other one, and either can be loaded anew while the other is
 * in use: there is no symbol between them. The plane finds the filesystem behind the
 * files that a VMM has mapped. A file keeps its mount and that its module, so what is
 * called through a file is there for as long as the file is.
 */
#ifndef _VMQOS_MEM_SERVE_H
#define _VMQOS_MEM_SERVE_H

#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/fs.h>
#include <linux/string.h>
#include <linux/types.h>
#include <uapi/linux/vmqos.h>

#define VMQOS_MEM_NAME	"vmramfs"
#define VMQOS_MEM_MAGIC	0x766d7261	/* "vmra" */

/* Grows with each change of the structures below: the modules may be of two versions. */
#define VMQOS_MEM_SERVE_VERSION	8

/**
 * enum vmqos_mem_fault_kind - what became of a page fault
 * @VMQOS_MEM_FOUND: the page was there
 * @VMQOS_MEM_FILLED: there was none, one was made
 * @VMQOS_MEM_STORED: it was in the store and has come back
 * @VMQOS_MEM_ZERO: there was none, and one of zeros is shared
 * @VMQOS_MEM_SWAPPED: it was read from the swap file
 * @VMQOS_MEM_FAULT_KINDS: number of those that are timed
 */
enum vmqos_mem_fault_kind {
	VMQOS_MEM_FOUND,
	VMQOS_MEM_FILLED,
	VMQOS_MEM_STORED,
	VMQOS_MEM_ZERO,
	VMQOS_MEM_SWAPPED,
	VMQOS_MEM_FAULT_KINDS,
};

/**
 * struct vmqos_mem_fault_stats - page faults
 * @ns: time that those of each kind took
 * @hist: how many of each kind took how long, as the interface has it (latency-buckets)
 * @failed: those that got no page
 */
struct vmqos_mem_fault_stats {
	u64 ns[VMQOS_MEM_FAULT_KINDS];
	u64 hist[VMQOS_MEM_FAULT_KINDS][VMQOS_LATENCY_BUCKETS];
	u64 failed;
};

/**
 * struct vmqos_mem_stats - counters of a file, since it was made
 * @fills: pages that a fault, a write or an allocation found missing and got
 * @scanned: pages that the scanner has looked at
 * @zero_freed: pages of zeros that it gave back
 * @zero_busy: pages of zeros that somebody held, by a pin or by a lock
 * @zero_locked: pages of zeros that stay because mlock() wants them to
 * @zero_changed: pages that were no longer zeros when nobody could write them any more
 * @splits: pages of 2M that were split because they held zeros in part
 * @zero_unmaps: times that the scanner took a range out of all page tables
 * @zero_passes: times that it came to the end of the file
 * @zero_scan_ns: time that it spent on the file
 * @reclaimed: pages given back because somebody has asked for it
 * @reclaim_busy: pages left by that or for the limit, for they were in use: pinned,
 *	locked just then, or by mlock()
 * @limit_reclaimed: pages given back because of the limit
 * @limit_exceeded: pages made above it, for nothing could be given back
 * @limit_waits: times that one who needed a page had to make room for it first
 * @limit_ns: time that it took
 * @pressure_reclaimed: pages given back because the host was short of memory
 * @evicted: pages put into the store
 * @evict_failed: times that there was no memory for one of them there
 * @evict_refused: pages that would not have got much smaller there
 * @swap_outs: pages written to the swap file
 * @swap_failed: pages that could not be, and stay in memory
 * @samples: pages that the sampler has watched for a period
 * @samples_touched: those of them that somebody has touched
 * @sample_ns: time that the sampler spent on the file
 *
 * Written under vmqos_mem_inode.lock.
 */
struct vmqos_mem_stats {
	u64 fills;
	u64 scanned;
	u64 zero_freed;
	u64 zero_busy;
	u64 zero_locked;
	u64 zero_changed;
	u64 splits;
	u64 zero_unmaps;
	u64 zero_passes;
	u64 zero_scan_ns;
	u64 reclaimed;
	u64 reclaim_busy;
	u64 limit_reclaimed;
	u64 limit_exceeded;
	u64 limit_waits;
	u64 limit_ns;
	u64 pressure_reclaimed;
	u64 evicted;
	u64 evict_refused;
	u64 evict_failed;
	u64 swap_outs;
	u64 swap_failed;
	u64 samples;
	u64 samples_touched;
	u64 sample_ns;
};

/**
 * vmqos_mem_stats_add() - add counters up; they are all counters
 * @to: what is added to
 * @from: what is added
 *
 * Context: any, with the lock that protects them.
 */
static inline void vmqos_mem_stats_add(struct vmqos_mem_stats *to,
				       const struct vmqos_mem_stats *from)
{
	const u64 *source = (const u64 *)from;
	u64 *sum = (u64 *)to;
	size_t i;

	BUILD_BUG_ON(sizeof(*to) % sizeof(*sum));
	for (i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += source[i];
}

/**
 * struct vmqos_mem_counts - what is told of files
 * @resident: memory that they take, in bytes
 * @reclaim_left: memory that they have been asked to give back and have not, in bytes
 * @limit_hist: histogram of the waits at the limit, in buckets as those of faults
 * @stored: part of @resident that is the store, in bytes
 * @stored_raw: what the pages in it were, in bytes
 * @swapped: what is in the swap file, in bytes
 * @zeros_mapped: pages that have no memory, as a page of zeros stands for them, in bytes
 * @stored_held: what it takes of the host's memory, in bytes
 * @sampled: part of @resident that is in pages of which it is known how much is in use
 * @active_slow: how much of it is, the slow average, in bytes
 * @active_fast: the fast average, in bytes
 * @active_max: the greatest of both and of what the period under way has shown, in bytes
 * @stats: what happened to them
 * @faults: page faults on them
 */
struct vmqos_mem_counts {
	u64 resident;
	u64 reclaim_left;
	u64 limit_hist[VMQOS_LATENCY_BUCKETS];
	u64 stored;
	u64 stored_raw;
	u64 swapped;
	u64 zeros_mapped;
	u64 stored_held;
	u64 sampled;
	u64 active_slow;
	u64 active_fast;
	u64 active_max;
	struct vmqos_mem_stats stats;
	struct vmqos_mem_fault_stats faults;
};

/**
 * struct vmqos_mem_policy - what a VM's policy says of one of its files
 * @share_zero: when pages of zeros are given back, enum vmqos_mem_share_zero
 * @limit: most memory that the file is to take, in bytes; 0 for no limit
 */
struct vmqos_mem_policy {
	u32 share_zero;
	u64 limit;
};

/**
 * struct vmqos_mem_super_ops - operations of the filesystem
 * @vfs: those that the kernel calls
 * @version: VMQOS_MEM_SERVE_VERSION
 * @read: add a regular file's counters; may sleep
 * @policy: have a regular file follow a VM's policy, until the last who has it open closes
 *	it
 * @reclaim: have a regular file give back as many bytes, in the background
 * @share_zero: when pages of zeros of a regular file are given back, never "mount"
 *
 * The caller holds the file, or the lock of an address space that has it mapped.
 */
struct vmqos_mem_super_ops {
	struct super_operations vfs;
	unsigned int version;
	void (*read)(struct inode *inode, struct vmqos_mem_counts *counts);
	void (*policy)(struct inode *inode, const struct vmqos_mem_policy *policy);
	void (*reclaim)(struct inode *inode, u64 bytes);
	u32 (*share_zero)(struct inode *inode);
};

/* Whether a file is one of vmramfs, of whatever version. */
static inline bool vmqos_mem_is_ours(const struct inode *inode)
{
	return inode->i_sb->s_magic == VMQOS_MEM_MAGIC &&
	       !strcmp(inode->i_sb->s_type->name, VMQOS_MEM_NAME);
}

/* The operations that go with a file of vmramfs, or NULL if it speaks another version. */
static inline const struct vmqos_mem_super_ops *vmqos_mem_super_ops(const struct inode *inode)
{
	const struct vmqos_mem_super_ops *ops =
		container_of(inode->i_sb->s_op, struct vmqos_mem_super_ops, vfs);

	return ops->version == VMQOS_MEM_SERVE_VERSION ? ops : NULL;
}

#endif /* _VMQOS_MEM_SERVE_H */
