// SPDX-License-Identifier: GPL-2.0
/*
 * The queues of parked vCPUs, one for each CPU, and how the worthiest is found.
 *
 * A vCPU is queued on the CPU where it parked. Its virtual time stands still
 * there, so each queue publishes its least one, and who looks for the worthiest
 * of all reads these without a lock; what they find is tried again under the
 * lock of the queue in question. Queues are short, the number of VMs that a CPU
 * is overcommitted by, and are searched from end to end.
 *
 * Locks: a queue's lock is a leaf, taken with interrupts off, one at a time, and
 * never in the hooks of the scheduler. vCPUs that are found live on until the end
 * of the RCU read side section, which interrupts and hooks are.
 */
#include <linux/cpumask.h>
#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "cpu/cpu.h"
#include "cpu/queue.h"
#include "cpu/thread.h"

DEFINE_PER_CPU_ALIGNED(struct vmqos_gate_cpu, vmqos_gate_cpus);

atomic_t vmqos_nr_parked = ATOMIC_INIT(0);

static const struct vmqos_gate_vm *vmqos_gate_vm_of(const struct vmqos_gate *gate)
{
	return &container_of(gate, struct vmqos_cpu_vcpu, gate)->cvm->gate;
}

/* Whether a parked vCPU may run on a CPU; VMQOS_ANY_CPU is no question. */
static bool vmqos_queue_may(const struct vmqos_gate *gate, int cpu)
{
	const struct vmqos_thread *thread = READ_ONCE(gate->thread);

	return cpu == VMQOS_ANY_CPU || !thread ||
	       cpumask_test_cpu(cpu, thread->task->cpus_ptr);
}

/* The worthiest that may be woken to run on a CPU, or NULL. */
static struct vmqos_gate *vmqos_queue_first(struct vmqos_gate_cpu *q, int cpu,
					    s64 *best)
{
	struct vmqos_gate *gate, *first = NULL;
	s64 vt;

	lockdep_assert_held(&q->lock);
	*best = S64_MAX;
	list_for_each_entry(gate, &q->parked, queued) {
		if (READ_ONCE(vmqos_gate_vm_of(gate)->limit.throttled) ||
		    !vmqos_queue_may(gate, cpu))
			continue;
		vt = vmqos_gate_vt(gate, READ_ONCE(gate->exec));
		if (vt < *best) {
			*best = vt;
			first = gate;
		}
	}
	return first;
}

static void vmqos_queue_publish(struct vmqos_gate_cpu *q)
{
	struct vmqos_gate *first;
	s64 best;

	first = vmqos_queue_first(q, VMQOS_ANY_CPU, &best);
	WRITE_ONCE(q->first, first);
	WRITE_ONCE(q->best, best);
}

static void vmqos_queue_take(struct vmqos_gate_cpu *q, struct vmqos_gate *gate)
{
	lockdep_assert_held(&q->lock);
	list_del(&gate->queued);
	WRITE_ONCE(gate->held, VMQOS_HELD_NOT);
	vmqos_queue_publish(q);
	atomic_dec(&vmqos_nr_parked);
}

/**
 * vmqos_queue_add() - queue the current thread's vCPU on this CPU
 * @gate: the vCPU, in no queue
 * @held: why it is parked
 *
 * Context: the vCPU's thread, in KVM.
 */
void vmqos_queue_add(struct vmqos_gate *gate, enum vmqos_held held)
{
	struct vmqos_gate_cpu *q;
	unsigned long flags;

	local_irq_save(flags);
	q = this_cpu_ptr(&vmqos_gate_cpus);
	raw_spin_lock(&q->lock);
	WRITE_ONCE(gate->queue_cpu, smp_processor_id());
	WRITE_ONCE(gate->held, held);
	list_add_tail(&gate->queued, &q->parked);
	vmqos_queue_publish(q);
	atomic_inc(&vmqos_nr_parked);
	raw_spin_unlock(&q->lock);
	local_irq_restore(flags);
}

/**
 * vmqos_queue_del() - take a vCPU out of its queue
 * @gate: the vCPU
 *
 * Context: the vCPU's thread, or any in which the vCPU lives.
 * Return: true when it was still queued.
 */
bool vmqos_queue_del(struct vmqos_gate *gate)
{
	int cpu = READ_ONCE(gate->queue_cpu);
	struct vmqos_gate_cpu *q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
	unsigned long flags;
	bool queued;

	raw_spin_lock_irqsave(&q->lock, flags);
	/* It may have come out, and be in another CPU's queue by now. */
	queued = gate->held && gate->queue_cpu == cpu;
	if (queued)
		vmqos_queue_take(q, gate);
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return queued;
}

/*
 * The least virtual time that is published of those that may run on a CPU, and the
 * CPU whose queue it is in. Of each queue only the first is looked at: one that is
 * bound to other CPUs hides those behind it until it has been taken there.
 */
static s64 vmqos_queue_find(int here, int *cpu)
{
	const struct vmqos_gate *first;
	struct vmqos_gate_cpu *q;
	s64 best = S64_MAX, one;
	int i;

	if (!atomic_read(&vmqos_nr_parked))
		return best;
	/* Also the queues of CPUs that have gone offline. */
	for_each_possible_cpu(i) {
		q = per_cpu_ptr(&vmqos_gate_cpus, i);
		one = READ_ONCE(q->best);
		if (one >= best)
			continue;
		first = READ_ONCE(q->first);
		if (i != here && first && !vmqos_queue_may(first, here))
			continue;
		best = one;
		*cpu = i;
	}
	return best;
}

/**
 * vmqos_queue_best() - virtual time of the worthiest parked vCPU that may run here
 *
 * Context: any with preemption off.
 * Return: the virtual time, S64_MAX when there is none.
 */
s64 vmqos_queue_best(void)
{
	int cpu;

	return vmqos_queue_find(smp_processor_id(), &cpu);
}

/**
 * vmqos_queue_has() - whether a vCPU is parked that may run on a CPU now
 * @cpu: the CPU
 *
 * Context: any, under rcu_read_lock() or with preemption off.
 * Return: true if so.
 */
bool vmqos_queue_has(int cpu)
{
	int where;

	return vmqos_queue_find(cpu, &where) != S64_MAX;
}

/**
 * vmqos_queue_pop_from() - take the worthiest vCPU out of one CPU's queue
 * @cpu: the CPU
 * @below: only when its virtual time is less than this
 * @here: the CPU on which it is to run, or VMQOS_ANY_CPU
 *
 * The caller is to wake it with vmqos_queue_wake().
 *
 * Context: any, under rcu_read_lock() or with preemption off.
 * Return: the vCPU or NULL.
 */
struct vmqos_gate *vmqos_queue_pop_from(int cpu, s64 below, int here)
{
	struct vmqos_gate_cpu *q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
	struct vmqos_gate *first;
	unsigned long flags;
	s64 best;

	raw_spin_lock_irqsave(&q->lock, flags);
	first = vmqos_queue_first(q, here, &best);
	if (first && best < below) {
		vmqos_queue_take(q, first);
	} else {
		vmqos_queue_publish(q);
		first = NULL;
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return first;
}

/**
 * vmqos_queue_pop() - take the worthiest vCPU of all out of its queue
 * @below: only when its virtual time is less than this
 * @here: the CPU on which it is to run, or VMQOS_ANY_CPU
 *
 * Context: as of vmqos_queue_pop_from().
 * Return: the vCPU or NULL.
 */
struct vmqos_gate *vmqos_queue_pop(s64 below, int here)
{
	struct vmqos_gate *first;
	int tries, cpu = 0;

	/* What a queue publishes may be a moment old; look again, not for ever. */
	for (tries = 0; tries < 4; tries++) {
		if (vmqos_queue_find(here, &cpu) >= below)
			return NULL;
		first = vmqos_queue_pop_from(cpu, below, here);
		if (first)
			return first;
	}
	return NULL;
}

/**
 * vmqos_queue_renew() - publish anew after virtual times or limits have changed
 * @cpu: the CPU
 *
 * Context: any.
 */
void vmqos_queue_renew(int cpu)
{
	struct vmqos_gate_cpu *q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
	unsigned long flags;

	if (list_empty_careful(&q->parked))
		return;
	raw_spin_lock_irqsave(&q->lock, flags);
	vmqos_queue_publish(q);
	raw_spin_unlock_irqrestore(&q->lock, flags);
}

/**
 * vmqos_queue_wake() - wake a vCPU that is in no queue any more
 * @gate: the vCPU
 * @here: on this CPU, which has nothing else to run or is about to have nothing;
 *	else where the scheduler likes
 *
 * Only a thread that is parked is woken; one that a signal has brought out of it
 * meanwhile does not notice.
 *
 * Context: any but under a run queue's lock, under rcu_read_lock() or with
 * preemption off.
 */
void vmqos_queue_wake(struct vmqos_gate *gate, bool here)
{
	struct wait_queue_entry entry = {};
	struct vmqos_thread *thread;

	if (here)
		/* Either the thread is seen to retire here, or vmqos_gate_retired() sees this. */
		smp_store_mb(*this_cpu_ptr(&vmqos_gate_cpus.coming), gate);
	thread = READ_ONCE(gate->thread);
	if (!thread) {
		if (here)
			this_cpu_write(vmqos_gate_cpus.coming, NULL);
		return;
	}
	entry.private = thread->task;
	/*
	 * The scheduler counts who wakes many, and keeps those they wake away from
	 * them (wake_wide()): to hand over a CPU is not to be counted.
	 */
	if (here) {
		current->last_wakee = thread->task;
		vmqos_wake_hint(thread->task, smp_processor_id());
	}
	default_wake_function(&entry, TASK_PARKED, here ? VMQOS_WAKE_HERE : 0, NULL);
}

/**
 * vmqos_queue_init() - set up the queues
 *
 * Context: module initialisation.
 */
void vmqos_queue_init(void)
{
	struct vmqos_gate_cpu *q;
	int cpu;

	for_each_possible_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		raw_spin_lock_init(&q->lock);
		INIT_LIST_HEAD(&q->parked);
		q->best = S64_MAX;
	}
}
