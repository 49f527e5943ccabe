/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_FILL_H
#define _VMQOS_CPU_FILL_H

struct list_head;
struct vmqos_gate;
struct vmqos_gate_cpu;

int vmqos_fill_is_at(const struct vmqos_gate *gate);
struct vmqos_gate *vmqos_fill_crowd(const struct vmqos_gate_cpu *q);
void vmqos_fill_all(struct list_head *vms);
void vmqos_fill_init(struct vmqos_gate_cpu *q);

#endif /* _VMQOS_CPU_FILL_H */
