// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU for each CPU: one that is parked comes to a CPU that has none.
 *
 * Whether that CPU idles or has tasks of the host to run is all one. To compete with
 * these is the scheduler's affair, by the weights of threads and cgroups, and no
 * reason to be parked: VMs that had but one vCPU unparked on two busy CPUs would get one
 * CPU of these at most, however heavy their slice.
 *
 * A vCPU that leaves its CPU to no other one raises a work there, which looks at once.
 * No hook tells of a task of the host that ends, nor of a vCPU that waited for its
 * CPU and was moved to another one: the epoch counts who is where, and sends an
 * interrupt to CPUs that are bare. It sends none where nobody may run who is parked.
 *
 * Where the scheduler has brought together two or more that wait, behind a task of the host,
 * say, each in its turn would give way to a parked one, and be as many as before: the epoch
 * notes one of them, and who gives way beside it is followed by nobody else.
 *
 * Contexts: hard interrupts on the CPU in question; the epoch.
 */
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "cpu/account.h"
#include "cpu/cpu.h"
#include "cpu/fill.h"
#include "cpu/queue.h"
#include "cpu/thread.h"

/**
 * vmqos_fill_is_at() - where a vCPU is that runs or waits for a CPU
 * @gate: the vCPU
 *
 * One that has been woken counts from then on, not from its first instruction: beside
 * a busy task of the host it may wait for long, and each hand-over would bring one more.
 *
 * Context: under rcu_read_lock() or with preemption off.
 * Return: the CPU, or VMQOS_ANY_CPU if it sleeps or is parked.
 */
int vmqos_fill_is_at(const struct vmqos_gate *gate)
{
	const struct vmqos_thread *thread = READ_ONCE(gate->thread);
	unsigned int state;

	if (!thread)
		return VMQOS_ANY_CPU;
	state = READ_ONCE(thread->task->__state);
	/* About to sleep it still runs; to be there for a moment more does no harm. */
	if (state != TASK_RUNNING && state != TASK_WAKING && !READ_ONCE(gate->since))
		return VMQOS_ANY_CPU;
	return task_cpu(thread->task);
}

static bool vmqos_fill_is_here(const struct vmqos_gate *gate)
{
	return gate && vmqos_fill_is_at(gate) == smp_processor_id();
}

/**
 * vmqos_fill_crowd() - who waits for this CPU beside the vCPU that runs
 * @q: this CPU
 *
 * Context: preemption off.
 * Return: one that the last epoch has found and that still waits, or NULL.
 */
struct vmqos_gate *vmqos_fill_crowd(const struct vmqos_gate_cpu *q)
{
	struct vmqos_gate *gate = READ_ONCE(q->crowd);

	return vmqos_fill_is_here(gate) && !READ_ONCE(gate->since) ? gate : NULL;
}

static void vmqos_fill(const struct vmqos_gate_cpu *q)
{
	struct vmqos_gate *gate;

	/* One has come meanwhile, is on its way, or has waited for the other to leave. */
	if (vmqos_fill_is_here(READ_ONCE(q->last)) || vmqos_fill_is_here(READ_ONCE(q->rival)) ||
	    vmqos_fill_is_here(READ_ONCE(q->coming)) || vmqos_fill_is_here(READ_ONCE(q->crowd)))
		return;
	gate = vmqos_queue_pop(S64_MAX, smp_processor_id());
	if (gate)
		vmqos_queue_wake(gate, true);
}

static void vmqos_fill_left(struct irq_work *work)
{
	vmqos_fill(this_cpu_ptr(&vmqos_gate_cpus));
}

static void vmqos_fill_bare(void *unused)
{
	vmqos_fill(this_cpu_ptr(&vmqos_gate_cpus));
}

/* Of those that wait for a CPU the worthiest is noted; it is alone if nobody else is there. */
static void vmqos_fill_count(struct vmqos_gate *gate)
{
	int cpu = vmqos_fill_is_at(gate);
	struct vmqos_gate_cpu *q;
	struct vmqos_gate *other;

	if (cpu == VMQOS_ANY_CPU)
		return;
	q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
	q->unparked++;
	if (READ_ONCE(gate->since))
		return;
	other = q->waiting;
	if (!other || vmqos_gate_vt(gate, READ_ONCE(gate->exec)) <
		      vmqos_gate_vt(other, READ_ONCE(other->exec)))
		q->waiting = gate;
}

static void vmqos_fill_note(struct vmqos_gate_cpu *q)
{
	struct vmqos_gate *crowd = q->unparked > 1 ? q->waiting : NULL;

	/* Either its thread is seen to retire here, or vmqos_gate_retired() sees this. */
	smp_store_mb(q->crowd, crowd);
	if (crowd && !READ_ONCE(crowd->thread))
		WRITE_ONCE(q->crowd, NULL);
}

/**
 * vmqos_fill_all() - have all CPUs filled that have no vCPU, and note where there are too many
 * @vms: links all VMs
 *
 * Context: the epoch, under rcu_read_lock().
 */
void vmqos_fill_all(struct list_head *vms)
{
	struct vmqos_gate_cpu *q;
	struct vmqos_gate_vm *vm;
	struct vmqos_gate *gate;
	int cpu;

	if (!atomic_read(&vmqos_nr_parked))
		return;
	for_each_possible_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		q->unparked = 0;
		q->waiting = NULL;
	}
	list_for_each_entry(vm, vms, link)
		list_for_each_entry(gate, &vm->vcpus, link)
			vmqos_fill_count(gate);
	for_each_online_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		vmqos_fill_note(q);
		if (!q->unparked && vmqos_queue_has(cpu))
			smp_call_function_single_async(cpu, &q->fill);
	}
}

/**
 * vmqos_fill_init() - set up what fills a CPU
 * @q: the CPU
 *
 * Context: module initialisation.
 */
void vmqos_fill_init(struct vmqos_gate_cpu *q)
{
	q->left_work = IRQ_WORK_INIT_HARD(vmqos_fill_left);
	INIT_CSD(&q->fill, vmqos_fill_bare, NULL);
}
