/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: memory of VMs. */
#ifndef VMQOS_MEM_H
#define VMQOS_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum vmqos_share_zero - when pages of zeros are given back
 * @VMQOS_ZERO_MOUNT: as the mount option of the vmramfs says
 * @VMQOS_ZERO_OFF: never
 * @VMQOS_ZERO_ON: always
 * @VMQOS_ZERO_PRESSURE: while the host is short of memory
 */
enum vmqos_share_zero {
	VMQOS_ZERO_MOUNT,
	VMQOS_ZERO_OFF,
	VMQOS_ZERO_ON,
	VMQOS_ZERO_PRESSURE,
};

enum vmqos_mem_field {
	VMQOS_MEM_CONFIGURED = 1,
	VMQOS_MEM_IN_VMRAMFS,
	VMQOS_MEM_IN_SHMEM,
	VMQOS_MEM_IN_HUGETLB,
	VMQOS_MEM_IN_ANONYMOUS,
	VMQOS_MEM_IN_OTHER,
	VMQOS_MEM_RESIDENT,
	VMQOS_MEM_FILLS,
	VMQOS_MEM_FAULTS_FOUND,
	VMQOS_MEM_FAULTS_FILLED,
	VMQOS_MEM_FAULTS_FAILED,
	VMQOS_MEM_FOUND_NS,
	VMQOS_MEM_FILLED_NS,
	VMQOS_MEM_FOUND_HIST,
	VMQOS_MEM_FILLED_HIST,
	VMQOS_MEM_SCANNED,
	VMQOS_MEM_ZERO_FREED,
	VMQOS_MEM_ZERO_BUSY,
	VMQOS_MEM_ZERO_LOCKED,
	VMQOS_MEM_ZERO_CHANGED,
	VMQOS_MEM_ZERO_UNMAPS,
	VMQOS_MEM_ZERO_PASSES,
	VMQOS_MEM_ZERO_SCAN_NS,
	VMQOS_MEM_SPLITS = 25,
	VMQOS_MEM_MAPPED_4K,
	VMQOS_MEM_MAPPED_2M,
	VMQOS_MEM_MAPPED_1G,
	VMQOS_MEM_RECLAIM_LEFT,
	VMQOS_MEM_RECLAIMED,
	VMQOS_MEM_RECLAIM_BUSY,
	VMQOS_MEM_LIMIT_RECLAIMED,
	VMQOS_MEM_LIMIT_EXCEEDED,
	VMQOS_MEM_LIMIT_WAITS,
	VMQOS_MEM_LIMIT_NS,
	VMQOS_MEM_PRESSURE_RECLAIMED,
	VMQOS_MEM_STORED,
	VMQOS_MEM_STORED_RAW,
	VMQOS_MEM_EVICTED,
	VMQOS_MEM_EVICT_REFUSED,
	VMQOS_MEM_FAULTS_STORED,
	VMQOS_MEM_STORED_NS,
	VMQOS_MEM_STORED_HIST,
	VMQOS_MEM_SAMPLED,
	VMQOS_MEM_ACTIVE_SLOW,
	VMQOS_MEM_ACTIVE_FAST,
	VMQOS_MEM_ACTIVE_MAX,
	VMQOS_MEM_SAMPLES,
	VMQOS_MEM_SAMPLES_TOUCHED,
	VMQOS_MEM_SAMPLE_NS,
	VMQOS_MEM_SHARE_VMRAMFS,
	VMQOS_MEM_SHARE_SHMEM,
	VMQOS_MEM_SHARE_KSM,
	VMQOS_MEM_SHARE_NONE,
	VMQOS_MEM_SHARE_WHY_NOT,
	VMQOS_MEM_KSM_MERGED,
	VMQOS_MEM_KSM_ZERO,
	VMQOS_MEM_ZERO_MAPPED,
	VMQOS_MEM_FAULTS_ZERO,
	VMQOS_MEM_ZERO_NS,
	VMQOS_MEM_ZERO_HIST,
	VMQOS_MEM_STORED_HELD,
	VMQOS_MEM_EVICT_FAILED,
	VMQOS_MEM_LIMIT_HIST,
	VMQOS_MEM_SWAPPED,
	VMQOS_MEM_SWAP_OUTS,
	VMQOS_MEM_SWAP_FAILED,
	VMQOS_MEM_FAULTS_SWAPPED,
	VMQOS_MEM_SWAPPED_NS,
	VMQOS_MEM_SWAPPED_HIST,
};

/**
 * enum vmqos_why_not - why pages of zeros of some of a VM's memory are not given back
 * @VMQOS_WHY_NOT_POLICY: it is not asked for
 * @VMQOS_WHY_NOT_VERSION: vmramfs is of another version than the rest
 * @VMQOS_WHY_NOT_IDLE: no vCPU of the VM has run yet
 * @VMQOS_WHY_NOT_USERFAULTFD: somebody handles page faults on it himself
 * @VMQOS_WHY_NOT_LOCKED: mlock() wants it resident
 * @VMQOS_WHY_NOT_HUGETLB: it is in hugetlbfs
 * @VMQOS_WHY_NOT_KSM: KSM does not take it, or has not been told of it yet
 * @VMQOS_WHY_NOT_ELSEWHERE: it is in something that nobody knows a way for
 */
enum vmqos_why_not {
	VMQOS_WHY_NOT_POLICY = 1,
	VMQOS_WHY_NOT_VERSION = 2,
	VMQOS_WHY_NOT_IDLE = 4,
	VMQOS_WHY_NOT_USERFAULTFD = 8,
	VMQOS_WHY_NOT_LOCKED = 16,
	VMQOS_WHY_NOT_HUGETLB = 32,
	VMQOS_WHY_NOT_KSM = 64,
	VMQOS_WHY_NOT_ELSEWHERE = 128,
};

/* The least limit, in bytes. */
#define VMQOS_MEM_LIMIT_MIN	1048576

#define VMQOS_MEM_BUCKETS	32

/* Words of the fields of memory that are told: there are more than bits in one. */
#define VMQOS_MEM_HAS_WORDS	2

/**
 * struct vmqos_mem - memory of a VM
 * @has: which fields were reported, as vmqos_mem_has() reads it; all 0 when nothing
 *	is known of the VM's memory, and without VMQOS_MEM_RESIDENT when none of it
 *	is in vmramfs: what else is told of its files is then not known, but for @scanned
 *	and @zero_busy to @zero_scan_ns, which are told of shared memory as well
 * @configured: all of it, in bytes
 * @in_vmramfs: part of it in files of vmramfs, in bytes
 * @in_shmem: part of it in tmpfs, memfd or shared anonymous memory, in bytes
 * @in_hugetlb: part of it in huge pages of hugetlbfs, in bytes
 * @in_anonymous: part of it in private anonymous memory, in bytes
 * @in_other: part of it in anything else, in bytes
 * @resident: memory that the files in vmramfs take, in bytes
 * @fills: pages made
 * @faults_found: page faults that found the page
 * @faults_filled: page faults that made one
 * @faults_failed: page faults that got none
 * @found_ns: time that those of @faults_found took
 * @filled_ns: time that those of @faults_filled took
 * @found_hist: histogram of that time, in buckets as those of latency_hist in
 *	struct vmqos_stats
 * @filled_hist: likewise
 * @scanned: pages looked at for zeros
 * @zero_freed: pages of zeros given back
 * @zero_busy: pages of zeros left, in use just then
 * @zero_locked: pages of zeros left for mlock()
 * @zero_changed: pages that were zeros at the first look only
 * @zero_unmaps: times that a range was taken out of all page tables
 * @zero_passes: times that the scanner came to the end of a file
 * @zero_scan_ns: time that it spent
 * @splits: pages of 2M that were split because they held zeros in part
 * @mapped_4k: memory that KVM has mapped for the guest in pages of 4K, in bytes
 * @mapped_2m: memory that KVM has mapped for the guest in pages of 2M, in bytes
 * @mapped_1g: memory that KVM has mapped for the guest in pages of 1G, in bytes
 * @reclaim_left: memory that is yet to be given back on request, in bytes
 * @reclaimed: pages given back on request
 * @reclaim_busy: pages left by that or for the limit, in use just then
 * @limit_reclaimed: pages given back because of the limit
 * @limit_exceeded: pages made above it, for none could be given back
 * @limit_waits: times that who needed a page had to make room for it
 * @limit_ns: time that it waited
 * @limit_hist: histogram of that time, as @found_hist
 * @pressure_reclaimed: pages given back because the host was short of memory
 * @stored: part of @resident that the compressed store takes, in bytes
 * @stored_raw: what the pages in it were, in bytes
 * @stored_held: what it takes of the host's memory, gaps included, in bytes
 * @evicted: pages put into it
 * @evict_refused: pages that would not have got a quarter smaller there
 * @evict_failed: times that a page was not put into it because there was no memory for it,
 *	on the host or in the page's control group
 * @faults_stored: page faults whose page came back from it
 * @stored_ns: time that those took
 * @stored_hist: histogram of that time, as @found_hist
 * @sampled: part of @resident of which it is known how much is in use, in bytes; not
 *	reported, like the next three, while nothing is
 * @active_slow: how much of it is in use, a slow average, in bytes
 * @active_fast: a fast average, in bytes
 * @active_max: the greatest of both and of what has just been seen, in bytes
 * @samples: pages that were watched to see whether they are in use
 * @samples_touched: those of them that were touched
 * @sample_ns: time that this took
 * @share_vmramfs: part of @in_vmramfs whose pages of zeros are given back, in bytes
 * @share_shmem: the same part of @in_shmem, in bytes
 * @share_ksm: part of @in_anonymous that the kernel's KSM merges, in bytes
 * @share_none: the rest of @configured, in bytes
 * @share_why_not: why that is so, bits of enum vmqos_why_not
 * @ksm_merged: memory of the VMM that KSM shares, in bytes
 * @ksm_zero: memory of the VMM for which KSM has put in the page of zeros, in bytes
 * @zero_mapped: what has no memory, as a page of zeros that all share is mapped there, in bytes
 * @faults_zero: page faults that got such a page
 * @zero_ns: time that those took
 * @zero_hist: histogram of that time, as @found_hist
 * @swapped: what is in swap files of vmramfs, and takes no memory, in bytes
 * @swap_outs: pages written there
 * @swap_failed: pages that could not be, and stay in memory
 * @faults_swapped: page faults whose page was read from there
 * @swapped_ns: time that those took
 * @swapped_hist: histogram of that time, as @found_hist
 */
struct vmqos_mem {
	uint64_t has[VMQOS_MEM_HAS_WORDS];
	uint64_t configured;
	uint64_t in_vmramfs;
	uint64_t in_shmem;
	uint64_t in_hugetlb;
	uint64_t in_anonymous;
	uint64_t in_other;
	uint64_t resident;
	uint64_t fills;
	uint64_t faults_found;
	uint64_t faults_filled;
	uint64_t faults_failed;
	uint64_t found_ns;
	uint64_t filled_ns;
	uint64_t found_hist[VMQOS_MEM_BUCKETS];
	uint64_t filled_hist[VMQOS_MEM_BUCKETS];
	uint64_t scanned;
	uint64_t zero_freed;
	uint64_t zero_busy;
	uint64_t zero_locked;
	uint64_t zero_changed;
	uint64_t zero_unmaps;
	uint64_t zero_passes;
	uint64_t zero_scan_ns;
	uint64_t splits;
	uint64_t mapped_4k;
	uint64_t mapped_2m;
	uint64_t mapped_1g;
	uint64_t reclaim_left;
	uint64_t reclaimed;
	uint64_t reclaim_busy;
	uint64_t limit_reclaimed;
	uint64_t limit_exceeded;
	uint64_t limit_waits;
	uint64_t limit_ns;
	uint64_t limit_hist[VMQOS_MEM_BUCKETS];
	uint64_t pressure_reclaimed;
	uint64_t stored;
	uint64_t stored_raw;
	uint64_t stored_held;
	uint64_t evicted;
	uint64_t evict_refused;
	uint64_t evict_failed;
	uint64_t faults_stored;
	uint64_t stored_ns;
	uint64_t stored_hist[VMQOS_MEM_BUCKETS];
	uint64_t sampled;
	uint64_t active_slow;
	uint64_t active_fast;
	uint64_t active_max;
	uint64_t samples;
	uint64_t samples_touched;
	uint64_t sample_ns;
	uint64_t share_vmramfs;
	uint64_t share_shmem;
	uint64_t share_ksm;
	uint64_t share_none;
	uint64_t share_why_not;
	uint64_t ksm_merged;
	uint64_t ksm_zero;
	uint64_t zero_mapped;
	uint64_t faults_zero;
	uint64_t zero_ns;
	uint64_t zero_hist[VMQOS_MEM_BUCKETS];
	uint64_t swapped;
	uint64_t swap_outs;
	uint64_t swap_failed;
	uint64_t faults_swapped;
	uint64_t swapped_ns;
	uint64_t swapped_hist[VMQOS_MEM_BUCKETS];
};

/**
 * vmqos_mem_has() - whether a figure was reported
 * @mem: the figures
 * @field: enum vmqos_mem_field
 *
 * Return: whether it was.
 */
bool vmqos_mem_has(const struct vmqos_mem *mem, unsigned int field);

/**
 * vmqos_mem_is_known() - whether anything was reported of a VM's memory
 * @mem: the figures
 *
 * Return: whether there was.
 */
bool vmqos_mem_is_known(const struct vmqos_mem *mem);

/**
 * enum vmqos_mem_unit - what a figure of memory counts
 * @VMQOS_MEM_BYTES: bytes that there are now
 * @VMQOS_MEM_COUNT: how often something has happened, or of how many pages
 * @VMQOS_MEM_TIME: ns that something has taken
 */
enum vmqos_mem_unit {
	VMQOS_MEM_BYTES,
	VMQOS_MEM_COUNT,
	VMQOS_MEM_TIME,
};

/**
 * struct vmqos_mem_desc - a figure as programs and people call it
 * @field: enum vmqos_mem_field
 * @name: as in the interface, with underscores
 * @label: for people
 * @unit: enum vmqos_mem_unit
 */
struct vmqos_mem_desc {
	unsigned int field;
	const char *name;
	const char *label;
	enum vmqos_mem_unit unit;
};

/**
 * vmqos_mem_descs() - all figures but the histograms and reasons, in the interface's order
 * @count: set to their number
 *
 * Return: the descriptions.
 */
const struct vmqos_mem_desc *vmqos_mem_descs(size_t *count);

/**
 * vmqos_mem_value() - a figure by its field
 * @mem: the figures
 * @field: enum vmqos_mem_field, no histogram
 *
 * Return: the value; 0 when it was not reported.
 */
uint64_t vmqos_mem_value(const struct vmqos_mem *mem, unsigned int field);

/**
 * vmqos_mem_sub() - what has happened between two readings
 * @delta: filled with the growth of counts and times; bytes are those of @now;
 *	may be one of the others
 * @now: the later reading
 * @before: the earlier one
 */
void vmqos_mem_sub(struct vmqos_mem *delta, const struct vmqos_mem *now,
		   const struct vmqos_mem *before);

/**
 * vmqos_mem_share_zero_parse() - read when pages of zeros are to be given back
 * @text: mount, off, on or pressure
 * @share_zero: filled, enum vmqos_share_zero
 * @why: filled with what is wrong, for the end of a sentence
 * @size: room in @why
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_mem_share_zero_parse(const char *text, uint32_t *share_zero, char *why, size_t size);

/**
 * vmqos_mem_share_zero_name() - the word for it
 * @share_zero: enum vmqos_share_zero
 *
 * Return: "mount", "off", "on", "pressure" or "unknown".
 */
const char *vmqos_mem_share_zero_name(uint32_t share_zero);

/**
 * vmqos_why_not_name() - the word for a reason
 * @why_not: one bit of enum vmqos_why_not
 *
 * Return: "policy", for example, or NULL if it is none.
 */
const char *vmqos_why_not_name(uint64_t why_not);

/**
 * vmqos_bytes_parse() - read an amount of memory
 * @text: bytes, or with a unit as 512M, 4GiB or 1.5G, or "none"
 * @bytes: filled; 0 for "none"
 * @why: filled with what is wrong, for the end of a sentence
 * @size: room in @why
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_bytes_parse(const char *text, uint64_t *bytes, char *why, size_t size);

/* Room for what vmqos_bytes_format() writes. */
#define VMQOS_BYTES_TEXT	32

/**
 * vmqos_bytes_format() - an amount of memory for people
 * @bytes: how much
 * @text: filled, for example "512 MiB" or "1.50 GiB"
 * @size: room in @text, VMQOS_BYTES_TEXT is enough
 *
 * Return: @text.
 */
char *vmqos_bytes_format(uint64_t bytes, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
