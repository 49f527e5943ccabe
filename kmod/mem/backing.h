/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_MEM_BACKING_H
#define _VMQOS_MEM_BACKING_H

#include <linux/types.h>

#include "mem/serve.h"

struct kvm;

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
 * @files: files of vmramfs that tell of themselves
 * @counts: their counters
 */
struct vmqos_mem_backing {
	u64 bytes[VMQOS_MEM_INS];
	unsigned int files;
	struct vmqos_mem_counts counts;
};

int vmqos_mem_backing_look(struct kvm *kvm, const struct vmqos_mem_policy *policy, u64 reclaim,
			   struct vmqos_mem_backing *backing);
u64 vmqos_mem_backing_generation(struct kvm *kvm);

#endif /* _VMQOS_MEM_BACKING_H */
