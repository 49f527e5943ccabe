/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_MEM_BACKING_H
#define _VMQOS_MEM_BACKING_H

#include <linux/types.h>

#include "mem/serve.h"

struct kvm;
struct vm_area_struct;
struct vmqos_share;

/**
 * enum vmqos_mem_in - where memory of a VM is
 * @VMQOS_MEM_IN_VMRAMFS: in a file of vmramfs
 * @VMQOS_MEM_IN_SHMEM: in tmpfs, a memfd or shared anonymous memory
 * @VMQOS_MEM_IN_HUGETLB: in huge pages of hugetlbfs
 * @VMQOS_MEM_IN_ANONYMOUS: in private anonymous memory
 * @VMQOS_MEM_IN_OTHER: in anything else, or nowhere
 * @VMQOS_MEM_INS: number of these
 */
enum vmqos_mem_in {
	VMQOS_MEM_IN_VMRAMFS,
	VMQOS_MEM_IN_SHMEM,
	VMQOS_MEM_IN_HUGETLB,
	VMQOS_MEM_IN_ANONYMOUS,
	VMQOS_MEM_IN_OTHER,
	VMQOS_MEM_INS,
};

/**
 * struct vmqos_mem_backing - what is behind the memory slots of a VM
 * @bytes: how much is where
 * @shared: how much of that is served: its pages of zeros are given back
 * @why_not: why the rest is not, bits of enum vmqos_mem_why_not
 * @ksm_merged: memory of the VMM that KSM shares, in bytes
 * @ksm_zero: memory of the VMM for which KSM has put in the page of zeros, in bytes
 * @files: files of vmramfs that tell of themselves
 * @counts: their counters, and what was done to shared memory
 */
struct vmqos_mem_backing {
	u64 bytes[VMQOS_MEM_INS];
	u64 shared[VMQOS_MEM_INS];
	u64 why_not;
	u64 ksm_merged;
	u64 ksm_zero;
	unsigned int files;
	struct vmqos_mem_counts counts;
};

/**
 * struct vmqos_mem_piece - some of a VM's memory
 * @vma: the VMM's mapping of it
 * @from: its address there
 * @to: the address behind it
 * @in: where it is
 */
struct vmqos_mem_piece {
	struct vm_area_struct *vma;
	unsigned long from;
	unsigned long to;
	enum vmqos_mem_in in;
};

int vmqos_mem_backing_look(struct vmqos_share *share, const struct vmqos_mem_policy *policy,
			   u64 reclaim, struct vmqos_mem_backing *backing);
bool vmqos_mem_backing_next(struct kvm *kvm, unsigned long from, struct vmqos_mem_piece *piece);
u64 vmqos_mem_backing_generation(struct kvm *kvm);

#endif /* _VMQOS_MEM_BACKING_H */
