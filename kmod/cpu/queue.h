/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_QUEUE_H
#define _VMQOS_CPU_QUEUE_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "cpu/gate.h"

/**
 * struct vmqos_gate_cpu - what the gate keeps of a CPU
 *
 * @lock: guards the queue; leaf, taken with interrupts off
 * @parked: vCPUs that parked on this CPU
 * @best: least virtual time of those that may be woken, S64_MAX for none;
 *	written under @lock, read by anyone
 * @first: the vCPU that has it, or NULL; likewise
 * @last: vCPU that came to this CPU last; the CPU's own hooks and tick
 * @rival: vCPU that may be waiting for this CPU unparked, or NULL; likewise
 * @coming: vCPU that was woken last to run here, or NULL; likewise
 * @crowd: the worthiest of more than one that the last epoch found here unparked and not
 *	running, or NULL; written by the epoch
 * @free: no vCPU runs here and none waits, as far as the hooks know; likewise
 * @ticking: the tick is armed; likewise
 * @tick: looks whether the CPU has the right vCPU
 * @unparked: how many vCPUs run or wait here; the epoch's
 * @waiting: the worthiest of them that do not run, or NULL; the epoch's
 * @left_work: finds a vCPU for the CPU when one has left it to somebody else, or to idle
 * @fill: the same when the epoch found it bare
 * @kick: has the CPU begin to tick
 * @idle_seen: idle time at the last epoch, us; the epoch's
 */
struct vmqos_gate_cpu {
	raw_spinlock_t lock;
	struct list_head parked;
	s64 best;
	struct vmqos_gate *first;

	struct vmqos_gate *last;
	struct vmqos_gate *rival;
	struct vmqos_gate *coming;
	struct vmqos_gate *crowd;
	bool free;
	bool ticking;
	struct hrtimer tick;
	unsigned int unparked;
	struct vmqos_gate *waiting;
	struct irq_work left_work;
	call_single_data_t fill;
	call_single_data_t kick;
	u64 idle_seen;
};

/* Where a vCPU may run is no matter. */
#define VMQOS_ANY_CPU		(-1)

DECLARE_PER_CPU_ALIGNED(struct vmqos_gate_cpu, vmqos_gate_cpus);

/* How many vCPUs are parked on all CPUs. */
extern atomic_t vmqos_nr_parked;

void vmqos_queue_init(void);
void vmqos_queue_add(struct vmqos_gate *gate, enum vmqos_held held);
bool vmqos_queue_del(struct vmqos_gate *gate);
struct vmqos_gate *vmqos_queue_pop_from(int cpu, s64 below, int here);
struct vmqos_gate *vmqos_queue_pop(s64 below, int here);
void vmqos_queue_renew(int cpu);
s64 vmqos_queue_best(void);
bool vmqos_queue_has(int cpu);
void vmqos_queue_wake(struct vmqos_gate *gate, bool here);

#endif /* _VMQOS_CPU_QUEUE_H */
