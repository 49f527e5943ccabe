// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The gate lets at most about one vCPU a CPU run, the worthiest ones, and parks
 * the others inside KVM_RUN. What "worthiest" means is a number, the virtual
 * time of a vCPU: it advances as the vCPU runs, the faster the less the vCPU is
 * entitled to (epoch.c sets the rates). Among vCPUs that want to run the one
 * with the least is owed most. This is fair queueing as in A. Demers, S. Keshav,
 * S. Shenker, "Analysis and Simulation of a Fair Queueing Algorithm" (1989),
 * with the rates of the VMs' entitlements for weights.
 *
 * Three places decide:
 *  - the tick (tick.c), while a vCPU runs on a CPU and the gate has something to
 *    do: is it a slice ahead of a parked one, or of one that waits for this CPU;
 *  - the hook on the way in, when a vCPU comes to a CPU for which another one
 *    waits: the one that is ahead of the other is asked to park;
 *  - the work that a vCPU raises when it leaves its CPU to no other one: the worthiest
 *    parked one is woken, so that no time is lost, nor what the scheduler would give
 *    to VMs beside tasks of the host. The epoch finds CPUs that lost theirs otherwise.
 * Whoever is asked to park does so on its way into the guest (park.c).
 *
 * Contexts: gate_out runs under the run queue's lock: it takes no lock and wakes
 * nobody, it may only raise that work. gate_in runs with interrupts on and
 * preemption off. Tick and work are hard interrupts. What belongs to a CPU
 * (last, rival, coming, ticking) is touched on that CPU alone; a tick between two
 * instructions of gate_in finds either the old state or the new one, both good.
 */
#include <linux/kvm_host.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "cpu/account.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/epoch.h"
#include "cpu/fill.h"
#include "cpu/gate.h"
#include "cpu/gate_hook.h"
#include "cpu/park.h"
#include "cpu/queue.h"
#include "cpu/thread.h"
#include "cpu/tick.h"

/* Settings of the host: vmqos_lock for writing. */
bool vmqos_gate_on;
u32 vmqos_gate_slice_ns = 2000 * NSEC_PER_USEC;

/*
 * A turn is shorter than a slice where that is more than so much virtual time, but not
 * shorter than the least: of vCPUs that have a fourteenth of a CPU each, one that is a slice
 * ahead of its sibling has 3 per cent of a second's time more.
 */
#define VMQOS_TURN_NS		(12 * NSEC_PER_MSEC)
#define VMQOS_TURN_LEAST_NS	(500 * NSEC_PER_USEC)

/* A vCPU that is so far behind others is moved, when it has been there so long. */
#define VMQOS_BEHIND_SLICES	2
#define VMQOS_STAY_SLICES	4

/* Whether anybody is or should be held back. Set by the tick, cleared by the epoch. */
bool vmqos_gate_hot;

/**
 * vmqos_gate_vt() - virtual time of a vCPU
 * @gate: the vCPU
 * @run: its run time, ns
 *
 * Context: any.
 * Return: the virtual time, ns; the least is the worthiest.
 */
s64 vmqos_gate_vt(const struct vmqos_gate *gate, u64 run)
{
	unsigned int seq;
	u64 base;
	u32 inv;
	s64 vt;

	/* The writer has interrupts off: this does not last. */
	do {
		seq = raw_read_seqcount_begin(&gate->vt_seq);
		inv = READ_ONCE(gate->inv);
		vt = READ_ONCE(gate->vt_base);
		base = READ_ONCE(gate->run_base);
	} while (read_seqcount_retry(&gate->vt_seq, seq));
	return vt + (((s64)(run - base) * inv) >> 16);
}

/**
 * vmqos_gate_set_vt() - set a vCPU's virtual time and how it advances
 * @gate: the vCPU
 * @inv: ns of virtual time per ns of run time, 16 bits of fraction
 * @vt: the virtual time at @run, ns
 * @run: a run time, ns
 *
 * Context: the epoch, or before anybody else knows the vCPU.
 */
void vmqos_gate_set_vt(struct vmqos_gate *gate, u32 inv, s64 vt, u64 run)
{
	unsigned long flags;

	local_irq_save(flags);
	raw_write_seqcount_begin(&gate->vt_seq);
	WRITE_ONCE(gate->inv, inv);
	WRITE_ONCE(gate->vt_base, vt);
	WRITE_ONCE(gate->run_base, run);
	raw_write_seqcount_end(&gate->vt_seq);
	local_irq_restore(flags);
}

/**
 * vmqos_gate_run_time() - run time of a vCPU's thread, up to now
 * @gate: the vCPU
 * @now: vmqos_sched_clock()
 *
 * Context: any but the thread's own hooks.
 * Return: the run time since the thread began, ns.
 */
u64 vmqos_gate_run_time(const struct vmqos_gate *gate, u64 now)
{
	unsigned int seq;
	u64 exec, since;

	do {
		seq = raw_read_seqcount_begin(&gate->run_seq);
		exec = READ_ONCE(gate->exec);
		since = READ_ONCE(gate->since);
	} while (read_seqcount_retry(&gate->run_seq, seq));
	return since && now > since ? exec + (now - since) : exec;
}

/**
 * vmqos_gate_margin() - how much virtual time a vCPU may be ahead
 * @gate: the vCPU
 *
 * Context: any.
 * Return: what a turn of run time is to it, ns.
 */
s64 vmqos_gate_margin(const struct vmqos_gate *gate)
{
	u32 inv = READ_ONCE(gate->inv);
	u64 slice = ((u64)READ_ONCE(vmqos_gate_slice_ns) * inv) >> 16;
	u64 least = ((u64)VMQOS_TURN_LEAST_NS * inv) >> 16;

	return min(slice, max_t(u64, least, VMQOS_TURN_NS));
}

/**
 * vmqos_gate_charge() - take a vCPU's run time from its VM's limit
 * @gate: the vCPU, on this CPU
 * @run: its run time, ns
 * @now: now, by the scheduler's clock, ns
 *
 * Context: hook or interrupt on the vCPU's CPU.
 */
void vmqos_gate_charge(struct vmqos_gate *gate, u64 run, u64 now)
{
	struct vmqos_limit *limit = &vmqos_gate_cv(gate)->cvm->gate.limit;
	s64 ran = run - gate->charged;

	gate->charged = run;
	if (ran > 0 && unlikely(READ_ONCE(limit->rate)))
		vmqos_limit_charge(limit, ran, now);
}

/* vmqos_gate_waits(), but not of one that was moved to another CPU since. */
static bool vmqos_gate_waits_here(const struct vmqos_gate *gate, int cpu)
{
	return vmqos_gate_waits(gate, cpu) && vmqos_fill_is_at(gate) == cpu;
}

/* Whether another CPU runs one that is ahead of a given one by so many slices. */
static bool vmqos_gate_room_elsewhere(s64 vt, int slices)
{
	u64 now = vmqos_sched_clock();
	struct vmqos_gate *other;
	int cpu;

	for_each_online_cpu(cpu) {
		if (cpu == smp_processor_id())
			continue;
		other = READ_ONCE(per_cpu(vmqos_gate_cpus, cpu).last);
		if (!other || !READ_ONCE(other->since))
			continue;
		if (vmqos_gate_vt(other, vmqos_gate_run_time(other, now)) - vt >
		    slices * vmqos_gate_margin(other))
			return true;
	}
	return false;
}

/*
 * Whether a vCPU that runs is left behind where it is: others have taken this CPU
 * from it for an eighth of its stay and more, vCPUs that sleep much, say, or tasks
 * of the host, while another CPU runs one that is far ahead of it.
 */
static bool vmqos_gate_left_behind(const struct vmqos_gate *gate, s64 vt, u64 run)
{
	u64 stay = vmqos_sched_clock() - gate->stay_since;
	u64 ran = run - gate->stay_run;

	return stay > VMQOS_STAY_SLICES * vmqos_gate_slice_ns &&
	       ran < stay - stay / 8 && atomic_read(&vmqos_nr_parked) &&
	       vmqos_gate_room_elsewhere(vt, VMQOS_BEHIND_SLICES);
}

/**
 * vmqos_gate_judge() - whether the current vCPU has to give way
 * @gate: the vCPU that runs on this CPU
 * @run: its run time, ns
 * @fresh: it has run for less than a tick since it came to this CPU
 * @next: set to who is to run instead
 *
 * Context: the vCPU's CPU, preemption off.
 * Return: why it has to, or VMQOS_HELD_NOT.
 */
enum vmqos_held vmqos_gate_judge(struct vmqos_gate *gate, u64 run, bool fresh,
				 enum vmqos_next *next)
{
	struct vmqos_gate_cpu *q = this_cpu_ptr(&vmqos_gate_cpus);
	struct vmqos_gate *other = READ_ONCE(q->rival);
	s64 vt, best, margin, waiting = S64_MAX;
	int cpu = smp_processor_id();

	if (!READ_ONCE(vmqos_gate_on))
		return VMQOS_HELD_NOT;
	if (!other || other == gate || !vmqos_gate_waits_here(other, cpu)) {
		other = vmqos_fill_crowd(q);
		fresh = true;
	}
	if (other && other != gate)
		waiting = vmqos_gate_vt(other, READ_ONCE(other->exec));
	*next = waiting != S64_MAX ? VMQOS_NEXT_WAITING : VMQOS_NEXT_ANY;
	if (READ_ONCE(vmqos_gate_cv(gate)->cvm->gate.limit.throttled))
		return VMQOS_HELD_LIMIT;
	vt = vmqos_gate_vt(gate, run);
	margin = vmqos_gate_margin(gate);
	best = vmqos_queue_best();
	if (waiting != S64_MAX &&
	    (vt - waiting > (fresh ? 0 : margin) ||
	     (waiting <= best && vmqos_gate_room_elsewhere(vt, 1))))
		return VMQOS_HELD_SHARES;
	if (vmqos_gate_left_behind(gate, vt, run))
		return VMQOS_HELD_SHARES;
	/* With two here one is too many: parked ones do not take this one's place. */
	if (waiting == S64_MAX)
		*next = VMQOS_NEXT_WORTHIER;
	return best != S64_MAX && vt - best > margin ? VMQOS_HELD_SHARES : VMQOS_HELD_NOT;
}

/**
 * vmqos_gate_watch() - have the vCPU that has come looked at
 * @thread: its thread
 * @q: this CPU
 *
 * Context: the thread's hook on the way in.
 */
void vmqos_gate_watch(struct vmqos_thread *thread, struct vmqos_gate_cpu *q)
{
	const struct vmqos_gate *gate = &thread->vcpu->gate;

	if (unlikely(READ_ONCE(thread->vcpu->cvm->gate.limit.throttled)))
		vmqos_park_ask(thread);
	vmqos_tick_start(q, gate, gate->exec);
}

/**
 * vmqos_gate_meet() - a vCPU has come to a CPU for which another one waits
 * @thread: its thread
 * @q: this CPU
 * @rival: the other vCPU
 * @off: why it was off its CPU, enum vmqos_off
 *
 * Two vCPUs unparked on one CPU are one too many: the scheduler would divide the
 * CPU between them by rules of its own. The worthiest of those that wait is
 * remembered, and whoever comes in before it gives way at once; so does one that
 * is worthier, if another CPU runs one that is not: parked, it is found there. But
 * one that was woken may want but a moment, and has it at once; the tick sees to
 * it if it stays.
 *
 * Context: the thread's hook on the way in.
 */
void vmqos_gate_meet(struct vmqos_thread *thread, struct vmqos_gate_cpu *q,
		     struct vmqos_gate *rival, u32 off)
{
	bool woken = off == VMQOS_OFF_BLOCKED || off == VMQOS_OFF_HALTED;
	const struct vmqos_gate *gate = &thread->vcpu->gate;
	s64 vt = vmqos_gate_vt(gate, gate->exec);

	lockdep_assert_preemption_disabled();
	WRITE_ONCE(q->rival, rival);
	WRITE_ONCE(vmqos_gate_hot, true);
	if (vt > vmqos_gate_vt(rival, READ_ONCE(rival->exec)) ||
	    (!woken && vmqos_gate_room_elsewhere(vt, 1)))
		vmqos_park_ask(thread);
	if (vmqos_gate_unwatched(q, &thread->vcpu->cvm->gate))
		vmqos_gate_watch(thread, q);
}

/**
 * vmqos_gate_meet_many() - the same, when more than one may be waiting
 * @thread: its thread
 * @q: this CPU
 * @last: the vCPU that came to this CPU before it, or NULL
 * @cpu: this CPU
 * @off: why it was off its CPU, enum vmqos_off
 *
 * Context: the thread's hook on the way in.
 */
void vmqos_gate_meet_many(struct vmqos_thread *thread, struct vmqos_gate_cpu *q,
			  struct vmqos_gate *last, int cpu, u32 off)
{
	struct vmqos_gate *rival = q->rival;

	if (rival == &thread->vcpu->gate || !vmqos_gate_waits(rival, cpu))
		rival = NULL;
	if (last && vmqos_gate_waits(last, cpu) &&
	    (!rival || vmqos_gate_vt(last, READ_ONCE(last->exec)) <
		       vmqos_gate_vt(rival, READ_ONCE(rival->exec))))
		rival = last;
	WRITE_ONCE(q->rival, rival);
	if (rival)
		vmqos_gate_meet(thread, q, rival, off);
	else if (vmqos_gate_unwatched(q, &thread->vcpu->cvm->gate))
		vmqos_gate_watch(thread, q);
}

/**
 * vmqos_gate_leave() - a vCPU with a limit leaves its CPU, or one leaves it to no other
 * @gate: the vCPU
 * @q: this CPU
 * @run: the vCPU's run time, ns
 * @bare: no vCPU runs next, and some are parked
 *
 * Context: the thread's hook on the way out, under the run queue's lock.
 */
void vmqos_gate_leave(struct vmqos_gate *gate, struct vmqos_gate_cpu *q, u64 run, bool bare)
{
	vmqos_gate_charge(gate, run, vmqos_charged_until());
	if (bare)
		irq_work_queue(&q->left_work);
}

/**
 * vmqos_gate_attach() - a thread's hook is about to be put in place
 * @thread: the thread
 *
 * Context: the thread itself, preemption on.
 */
void vmqos_gate_attach(struct vmqos_thread *thread)
{
	struct vmqos_gate *gate = &thread->vcpu->gate;
	unsigned long flags;
	u64 run, now;

	/* The epoch looks on. */
	local_irq_save(flags);
	now = vmqos_sched_clock();
	run = current->se.sum_exec_runtime + (now - current->se.exec_start);
	gate->charged = run;
	gate->epoch_run = run;
	gate->stay_since = now;
	gate->stay_run = run;
	vmqos_gate_set_vt(gate, gate->inv, 0, run);
	vmqos_gate_set_run(gate, run, now);
	WRITE_ONCE(gate->thread, thread);
	local_irq_restore(flags);
}

/**
 * vmqos_gate_retired() - a thread has let go of its hook
 * @thread: the thread; afterwards no hook or tick finds its vCPU, but those that
 *	are under way
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_retired(struct vmqos_thread *thread)
{
	struct vmqos_gate *gate = &thread->vcpu->gate;
	struct vmqos_gate_cpu *q;
	int cpu;

	WRITE_ONCE(gate->thread, NULL);
	/* Its hooks, the only other writers, are gone. */
	WRITE_ONCE(gate->since, 0);
	for_each_possible_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		cmpxchg(&q->last, gate, NULL);
		cmpxchg(&q->rival, gate, NULL);
		cmpxchg(&q->coming, gate, NULL);
		cmpxchg(&q->crowd, gate, NULL);
	}
}

/**
 * vmqos_gate_init() - set up the gate
 *
 * Context: module initialisation.
 * Return: 0 or a negative error.
 */
int vmqos_gate_init(void)
{
	struct vmqos_gate_cpu *q;
	int cpu;

	vmqos_queue_init();
	for_each_possible_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		vmqos_tick_init(q);
		q->free = true;
		vmqos_fill_init(q);
	}
	return vmqos_epoch_init();
}

/**
 * vmqos_gate_exit() - take the gate down
 *
 * Context: module exit, when no VM is adopted and no thread has a hook.
 */
void vmqos_gate_exit(void)
{
	struct vmqos_gate_cpu *q;
	int cpu;

	vmqos_epoch_exit();
	/* What the epoch has sent is handled before that. */
	kick_all_cpus_sync();
	for_each_possible_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		irq_work_sync(&q->left_work);
		hrtimer_cancel(&q->tick);
	}
}
