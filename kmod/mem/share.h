/* SPDX-License-Identifier: GPL-2.0 */
/* Pages of zeros of VMs whose memory is not in vmramfs. */
#ifndef _VMQOS_MEM_SHARE_H
#define _VMQOS_MEM_SHARE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "mem/backing.h"
#include "mem/serve.h"

struct kvm;
struct vm_area_struct;

/**
 * struct vmqos_share - a VM whose pages of zeros may be given back
 * @node: links them; share_mutex
 * @kvm: the VM, referenced by the owner, constant
 * @word: enum vmqos_mem_share_zero, its policy; anyone may read it
 * @begun: a vCPU of it has been seen to have run
 * @found: the pass under way has found shared memory; share_mutex
 * @cursor: address in the VMM where the scanner goes on; share_mutex
 * @lock: protects @stats; a leaf
 * @stats: what the scanner did
 */
struct vmqos_share {
	struct list_head node;
	struct kvm *kvm;
	u32 word;
	bool begun;
	bool found;
	unsigned long cursor;
	spinlock_t lock;	/* the counters, see above */
	struct vmqos_mem_stats stats;
};

/* share.c */
int vmqos_share_init(void);
void vmqos_share_exit(void);
struct vmqos_share *vmqos_share_new(struct kvm *kvm);
void vmqos_share_free(struct vmqos_share *share);
void vmqos_share_set(struct vmqos_share *share, u32 word);
void vmqos_share_read(struct vmqos_share *share, struct vmqos_mem_stats *stats);
u64 vmqos_share_why_not(struct vmqos_share *share, struct vm_area_struct *vma,
			enum vmqos_mem_in in);

/* shmem.c */
u64 vmqos_shmem_why_not(struct vm_area_struct *vma);
bool vmqos_shmem_scan(struct vm_area_struct *vma, unsigned long *from, unsigned long to,
		      u64 until, struct vmqos_mem_stats *did);

#endif /* _VMQOS_MEM_SHARE_H */
