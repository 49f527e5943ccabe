/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_ENTITLEMENT_H
#define _VMQOS_CPU_ENTITLEMENT_H

#include <linux/types.h>

/* One whole CPU: amounts of CPU time are in millionths of a CPU. */
#define VMQOS_ENTITLE_CPU	1000000

/**
 * struct vmqos_entitle_vm - what a VM may claim, and what it is entitled to
 * @shares: its weight where CPU time is scarce; 0 counts as 1, more than
 *	U32_MAX as U32_MAX
 * @reservation: the least it is entitled to as far as it wants it; 0 is none
 * @limit: the most it is entitled to; 0 is none
 * @demand: what it would use if it were alone
 * @entitled: what vmqos_entitle() gives it
 *
 * All amounts are in one linear unit, millionths of a CPU. Where they contradict
 * each other, @limit is stronger than @reservation.
 */
struct vmqos_entitle_vm {
	u64 shares;
	u64 reservation;
	u64 limit;
	u64 demand;
	u64 entitled;
};

/**
 * struct vmqos_entitle_vcpu - a vCPU's part of what its VM is entitled to
 * @demand: what it would use if it were alone; over a whole CPU counts as one
 * @rate: what vmqos_entitle_vcpus() gives it
 */
struct vmqos_entitle_vcpu {
	u64 demand;
	u64 rate;
};

u32 vmqos_entitle(struct vmqos_entitle_vm *vm, u32 n, u64 capacity);
void vmqos_entitle_vcpus(struct vmqos_entitle_vcpu *vcpu, u32 n, u64 entitled);

#endif /* _VMQOS_CPU_ENTITLEMENT_H */
