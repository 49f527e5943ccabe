/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_LAG_H
#define _VMQOS_CPU_LAG_H

#include <linux/list.h>
#include <linux/types.h>

struct vmqos_entitle_vm;
struct vmqos_gate_vm;

/**
 * struct vmqos_round - what is divided, and among whom
 * @vms: the VMs, struct vmqos_gate_vm
 * @table: memory for as many rows
 * @dt: the time it is about, ns
 */
struct vmqos_round {
	struct list_head *vms;
	struct vmqos_entitle_vm *table;
	u64 dt;
};

void vmqos_lag_read(struct vmqos_gate_vm *vm, u64 now, u64 dt);
void vmqos_lag_round(struct vmqos_round *round, u64 capacity);
u64 vmqos_time_of(u64 millionths, u64 dt);

#endif /* _VMQOS_CPU_LAG_H */
