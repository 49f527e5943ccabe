/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_PARK_H
#define _VMQOS_CPU_PARK_H

#include "cpu/gate.h"

struct callback_head;
struct vmqos_thread;

extern bool vmqos_gate_on;
extern bool vmqos_gate_hot;
extern u32 vmqos_gate_slice_ns;

enum vmqos_held vmqos_gate_judge(struct vmqos_gate *gate, u64 run, bool fresh,
				 enum vmqos_next *next);
s64 vmqos_gate_margin(const struct vmqos_gate *gate);
void vmqos_gate_charge(struct vmqos_gate *gate, u64 run, u64 now);
void vmqos_park_ask(struct vmqos_thread *thread);
void vmqos_park_work(struct callback_head *work);

#endif /* _VMQOS_CPU_PARK_H */
