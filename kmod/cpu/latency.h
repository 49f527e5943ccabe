/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_LATENCY_H
#define _VMQOS_CPU_LATENCY_H

#include <linux/types.h>

struct vmqos_gate;
struct vmqos_thread;
struct vmqos_vm;

void vmqos_latency_vm(struct vmqos_vm *vm);
void vmqos_latency_thread(struct vmqos_thread *thread, bool low);
void vmqos_latency_retired(struct vmqos_thread *thread);
void vmqos_latency_follow(struct vmqos_gate *gate, bool low, bool waits);

#endif /* _VMQOS_CPU_LATENCY_H */
