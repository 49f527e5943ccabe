/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_TICK_H
#define _VMQOS_CPU_TICK_H

#include <linux/hrtimer.h>

struct vmqos_gate;
struct vmqos_gate_cpu;

void vmqos_tick_init(struct vmqos_gate_cpu *q);
void vmqos_tick_start(struct vmqos_gate_cpu *q, const struct vmqos_gate *gate, u64 run);
void vmqos_tick_renew(const struct vmqos_gate *gate);
void vmqos_tick_kick(int cpu);
enum hrtimer_restart vmqos_tick_release(struct hrtimer *timer);

#endif /* _VMQOS_CPU_TICK_H */
