/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_LATENCY_H
#define _VMQOS_CPU_LATENCY_H

struct vmqos_thread;
struct vmqos_vm;

void vmqos_latency_vm(struct vmqos_vm *vm);
void vmqos_latency_thread(struct vmqos_thread *thread, bool low);

#endif /* _VMQOS_CPU_LATENCY_H */
