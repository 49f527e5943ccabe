/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_UNMET_H
#define _VMQOS_CPU_UNMET_H

#include <linux/types.h>

struct vmqos_gate_vm;
struct vmqos_vm;

/**
 * struct vmqos_unmet - whether a VM gets what it has reserved
 * @span: time since the last judgement, ns; the epoch's
 * @want: what it wanted of its reservation in that time, ns; the epoch's
 * @got: what it got, ns; the epoch's
 * @known: it is known that it does not get it; the epoch's
 * @received: what it got instead, millionths of a CPU, to be told, or 0;
 *	written by the epoch, taken by who tells
 */
struct vmqos_unmet {
	u64 span;
	u64 want;
	u64 got;
	bool known;
	u32 received;
};

void vmqos_unmet_count(struct vmqos_gate_vm *vm, u32 reservation, u64 dt);
void vmqos_unmet_tell(struct vmqos_vm *vm);

#endif /* _VMQOS_CPU_UNMET_H */
