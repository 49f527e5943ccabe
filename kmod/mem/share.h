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

/* Mappings of a VMM's that are marked for KSM. VMMs have one for each memory device. */
#define VMQOS_KSM_MAX	64

/**
 * struct vmqos_ksm_range - a mapping that was marked
 * @from: its address in the VMM
 * @to: the address behind it
 * @at: up to where it has been undone
 */
struct vmqos_ksm_range {
	unsigned long from;
	unsigned long to;
	unsigned long at;
};

/**
 * struct vmqos_ksm - what was marked of a VM
 * @nr: how many mappings; anyone may read it
 * @tries: so often it could not be undone in a row
 * @missed: so often the VMM had its mmap_lock when it was to be undone
 * @marked: these
 */
struct vmqos_ksm {
	unsigned int nr;
	unsigned int tries;
	unsigned int missed;
	struct vmqos_ksm_range marked[VMQOS_KSM_MAX];
};

/**
 * struct vmqos_share - a VM whose pages of zeros may be given back
 * @node: links them; share_mutex
 * @kvm: the VM, referenced by the owner, constant
 * @word: enum vmqos_mem_share_zero, its policy; anyone may read it
 * @begun: a vCPU of it has been seen to have run
 * @found: the pass under way has found shared memory; share_mutex
 * @cursor: address in the VMM where the scanner goes on; share_mutex
 * @ksm: its mappings that KSM was told of; written under share_mutex
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
	struct vmqos_ksm ksm;
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

/* ksm.c */
int vmqos_ksm_apply(struct vmqos_share *share, bool on);
bool vmqos_ksm_is_held_up(const struct vmqos_share *share);
int vmqos_ksm_undo(struct vmqos_share *share);
bool vmqos_ksm_is_marked(const struct vmqos_share *share);

#endif /* _VMQOS_MEM_SHARE_H */
