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
 *  - the tick, while a vCPU runs on a CPU and the gate has something to do: has
 *    it run a slice longer than a parked one, or one that waits for this CPU,
 *    is owed;
 *  - the hook on the way in, when a vCPU comes to a CPU for which another one
 *    waits: the one that is ahead of the other by a slice is asked to park;
 *  - the idle work, when a CPU has nothing to run: the worthiest parked vCPU is
 *    woken, so that no time is lost.
 * Whoever is asked to park does so on its way into the guest (park.c).
 *
 * Contexts: gate_out runs under the run queue's lock: it takes no lock and wakes
 * nobody, it may only raise the idle work. gate_in runs with interrupts on and
 * preemption off. Tick and idle work are hard interrupts. What belongs to a CPU
 * (last, rival, ticking) is touched on that CPU alone; a tick between two
 * instructions of gate_in finds either the old state or the new one, both good.
 */
#include <linux/hrtimer.h>
#include <linux/kvm_host.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "cpu/account.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/epoch.h"
#include "cpu/gate.h"
#include "cpu/park.h"
#include "cpu/queue.h"
#include "cpu/thread.h"

/* Settings of the host: vmqos_lock for writing. */
bool vmqos_gate_on;
u32 vmqos_gate_slice_ns = 2000 * NSEC_PER_USEC;

/* Whether anybody is or should be held back. Set by the tick, cleared by the epoch. */
bool vmqos_gate_hot;

#define VMQOS_TICK_NS		NSEC_PER_MSEC
#define VMQOS_TICK_MIN_NS	(100 * NSEC_PER_USEC)

static struct vmqos_cpu_vcpu *vmqos_gate_cv(const struct vmqos_gate *gate)
{
	return container_of(gate, struct vmqos_cpu_vcpu, gate);
}

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
	u64 base;
	u32 seq, inv;
	s64 vt;

	/* The writer has interrupts off: this does not last. */
	do {
		/* Pairs with the writers of seq. */
		seq = smp_load_acquire(&gate->seq);
		inv = READ_ONCE(gate->inv);
		vt = READ_ONCE(gate->vt_base);
		base = READ_ONCE(gate->run_base);
		/* Pairs with the writers of seq. */
		smp_rmb();
	} while ((seq & 1) || seq != READ_ONCE(gate->seq));
	return vt + (((s64)(run - base) * inv) >> 16);
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
	u64 exec, since;
	u32 flux;

	do {
		/* Pairs with the writers of flux. */
		flux = smp_load_acquire(&gate->flux);
		exec = READ_ONCE(gate->exec);
		since = READ_ONCE(gate->since);
		/* Pairs with the writers of flux. */
		smp_rmb();
	} while ((flux & 1) || flux != READ_ONCE(gate->flux));
	return since && now > since ? exec + (now - since) : exec;
}

/**
 * vmqos_gate_margin() - how much virtual time a vCPU may be ahead
 * @gate: the vCPU
 *
 * Context: any.
 * Return: what a slice of run time is to it, ns.
 */
s64 vmqos_gate_margin(const struct vmqos_gate *gate)
{
	return ((u64)READ_ONCE(vmqos_gate_slice_ns) * READ_ONCE(gate->inv)) >> 16;
}

/* Runnable, not running, and this CPU was its last. */
static bool vmqos_gate_waits(const struct vmqos_gate *gate, int cpu)
{
	const struct vmqos_acct *acct = &vmqos_gate_cv(gate)->acct;

	return READ_ONCE(acct->off) == VMQOS_OFF_PREEMPTED &&
	       READ_ONCE(acct->cpu) == cpu;
}

static void vmqos_gate_charge(struct vmqos_gate *gate, struct vmqos_gate_vm *vm,
			      u64 run)
{
	s64 ran = run - gate->charged;

	if (ran <= 0)
		return;
	gate->charged = run;
	if (atomic64_sub_return(ran, &vm->budget) <= 0)
		WRITE_ONCE(vm->throttled, true);
}

/* Whether another CPU runs one that had better give way to a given one. */
static bool vmqos_gate_room_elsewhere(s64 vt)
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
		    vmqos_gate_margin(other))
			return true;
	}
	return false;
}

/**
 * vmqos_gate_judge() - whether the current vCPU has to give way
 * @gate: the vCPU that runs on this CPU
 * @run: its run time, ns
 * @fresh: it has run for less than a tick since it came to this CPU
 * @rival: set to whether one that waits for this CPU unparked is to run instead
 *
 * Context: the vCPU's CPU, preemption off.
 * Return: why it has to, or VMQOS_HELD_NOT.
 */
enum vmqos_held vmqos_gate_judge(struct vmqos_gate *gate, u64 run, bool fresh,
				 bool *rival)
{
	struct vmqos_gate_cpu *q = this_cpu_ptr(&vmqos_gate_cpus);
	struct vmqos_gate *other = READ_ONCE(q->rival);
	int cpu = smp_processor_id(), best_cpu = cpu;
	s64 vt, best, margin, waiting = S64_MAX;

	*rival = false;
	if (!READ_ONCE(vmqos_gate_on))
		return VMQOS_HELD_NOT;
	if (other && other != gate && vmqos_gate_waits(other, cpu))
		waiting = vmqos_gate_vt(other, READ_ONCE(other->exec));
	if (READ_ONCE(vmqos_gate_cv(gate)->cvm->gate.throttled)) {
		*rival = waiting != S64_MAX;
		return VMQOS_HELD_LIMIT;
	}
	vt = vmqos_gate_vt(gate, run);
	margin = vmqos_gate_margin(gate);
	best = vmqos_queue_best(&best_cpu);
	if (waiting <= best) {
		*rival = vt - waiting > (fresh ? 0 : margin) ||
			 (fresh && waiting != S64_MAX &&
			  vmqos_gate_room_elsewhere(vt));
		return *rival ? VMQOS_HELD_SHARES : VMQOS_HELD_NOT;
	}
	/* To bring one over from another CPU costs more. */
	if (best_cpu != cpu)
		margin += margin / 2;
	return best != S64_MAX && vt - best > margin ? VMQOS_HELD_SHARES :
						       VMQOS_HELD_NOT;
}

static void vmqos_gate_start_tick(struct vmqos_gate_cpu *q)
{
	if (q->ticking)
		return;
	q->ticking = true;
	hrtimer_start(&q->tick, ns_to_ktime(VMQOS_TICK_NS),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/*
 * Two vCPUs unparked on one CPU are one too many: the scheduler would divide the
 * CPU between them by rules of its own. The worthiest of those that wait is
 * remembered, and whoever comes in before it gives way at once; so does one that
 * is worthier, if another CPU runs one that is not: parked, it is found there.
 */
static void vmqos_gate_meet(struct vmqos_gate_cpu *q, struct vmqos_gate *gate,
			    struct vmqos_gate *last, int cpu)
{
	struct vmqos_gate *rival = q->rival;
	s64 vt = S64_MAX, last_vt;

	lockdep_assert_preemption_disabled();
	if (rival && (rival == gate || !vmqos_gate_waits(rival, cpu)))
		rival = NULL;
	if (rival)
		vt = vmqos_gate_vt(rival, READ_ONCE(rival->exec));
	if (last && vmqos_gate_waits(last, cpu)) {
		last_vt = vmqos_gate_vt(last, READ_ONCE(last->exec));
		if (last_vt < vt) {
			rival = last;
			vt = last_vt;
		}
	}
	WRITE_ONCE(q->rival, rival);
	if (!rival || !READ_ONCE(vmqos_gate_on))
		return;
	WRITE_ONCE(vmqos_gate_hot, true);
	last_vt = vmqos_gate_vt(gate, gate->exec);
	if (last_vt > vt || vmqos_gate_room_elsewhere(last_vt))
		vmqos_park_ask(gate->thread);
}

/**
 * vmqos_gate_in() - a vCPU's thread has come to a CPU
 * @thread: the thread
 * @cpu: the CPU
 *
 * Context: the thread's hook on the way in.
 */
void vmqos_gate_in(struct vmqos_thread *thread, int cpu)
{
	struct vmqos_gate *gate = &thread->vcpu->gate;
	struct vmqos_gate_vm *vm = &thread->vcpu->cvm->gate;
	struct vmqos_gate_cpu *q = this_cpu_ptr(&vmqos_gate_cpus);
	struct vmqos_gate *last = q->last;

	WRITE_ONCE(gate->since, current->sched_info.last_arrival);
	if (last != gate) {
		WRITE_ONCE(q->last, gate);
		vmqos_gate_meet(q, gate, last, cpu);
	}
	if (unlikely(READ_ONCE(vm->limit))) {
		if (READ_ONCE(vm->throttled))
			vmqos_park_ask(thread);
		vmqos_gate_start_tick(q);
	} else if (READ_ONCE(vmqos_gate_hot)) {
		vmqos_gate_start_tick(q);
	}
}

/**
 * vmqos_gate_out() - a vCPU's thread leaves its CPU
 * @thread: the thread
 * @next: what runs after it
 *
 * Context: the thread's hook on the way out, under the run queue's lock.
 */
void vmqos_gate_out(struct vmqos_thread *thread, struct task_struct *next)
{
	struct vmqos_gate *gate = &thread->vcpu->gate;
	struct vmqos_gate_vm *vm = &thread->vcpu->cvm->gate;
	u64 run = current->se.sum_exec_runtime;

	WRITE_ONCE(gate->flux, gate->flux + 1);
	/* Pairs with vmqos_gate_run_time(). */
	smp_wmb();
	WRITE_ONCE(gate->exec, run);
	WRITE_ONCE(gate->since, 0);
	/* Pairs with vmqos_gate_run_time(). */
	smp_store_release(&gate->flux, gate->flux + 1);
	if (unlikely(READ_ONCE(vm->limit)))
		vmqos_gate_charge(gate, vm, run);
	else
		gate->charged = run;
	if (atomic_read(&vmqos_nr_parked) &&
	    (is_idle_task(next) ||
	     this_cpu_ptr(&vmqos_gate_cpus)->hand_over))
		irq_work_queue(&this_cpu_ptr(&vmqos_gate_cpus)->idle_work);
}

static u64 vmqos_gate_next_tick(const struct vmqos_gate_vm *vm)
{
	s64 left;

	if (!READ_ONCE(vm->limit) || READ_ONCE(vm->throttled))
		return VMQOS_TICK_NS;
	/* All of its vCPUs may be using it up at this moment. */
	left = div_s64(atomic64_read(&vm->budget), max(vm->nr_vcpus, 1U));
	return clamp_t(s64, left, VMQOS_TICK_MIN_NS, VMQOS_TICK_NS);
}

static enum hrtimer_restart vmqos_gate_tick(struct hrtimer *timer)
{
	struct vmqos_gate_cpu *q =
		container_of(timer, struct vmqos_gate_cpu, tick);
	struct vmqos_gate *gate = q->last;
	struct vmqos_thread *thread = gate ? READ_ONCE(gate->thread) : NULL;
	struct vmqos_cpu_vcpu *cv;
	bool rival;
	u64 run;

	/* A CPU that goes offline leaves its timers to another one. */
	if (q != this_cpu_ptr(&vmqos_gate_cpus) || !thread ||
	    thread->task != current || !READ_ONCE(gate->since)) {
		q->ticking = false;
		return HRTIMER_NORESTART;
	}
	cv = vmqos_gate_cv(gate);
	run = vmqos_gate_run_time(gate, vmqos_sched_clock());
	if (READ_ONCE(cv->cvm->gate.limit)) {
		vmqos_gate_charge(gate, &cv->cvm->gate, run);
	} else if (!READ_ONCE(vmqos_gate_hot)) {
		q->ticking = false;
		return HRTIMER_NORESTART;
	}
	if (vmqos_gate_judge(gate, run, false, &rival))
		vmqos_park_ask(thread);
	hrtimer_forward_now(timer, ns_to_ktime(vmqos_gate_next_tick(&cv->cvm->gate)));
	return HRTIMER_RESTART;
}

/**
 * vmqos_gate_hand_over() - wake the worthiest when the current vCPU has left
 *
 * Context: the vCPU's thread, about to park, preemption off.
 */
void vmqos_gate_hand_over(void)
{
	WRITE_ONCE(this_cpu_ptr(&vmqos_gate_cpus)->hand_over, true);
}

static void vmqos_gate_idle(struct irq_work *work)
{
	struct vmqos_gate_cpu *q = this_cpu_ptr(&vmqos_gate_cpus);
	struct vmqos_gate *gate;

	if (!is_idle_task(current) && !q->hand_over)
		return;
	q->hand_over = false;
	gate = vmqos_queue_pop(S64_MAX);
	if (gate)
		vmqos_queue_wake(gate);
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
	gate->exec = run;
	gate->charged = run;
	gate->epoch_run = run;
	WRITE_ONCE(gate->seq, gate->seq + 1);
	/* Pairs with vmqos_gate_vt(). */
	smp_wmb();
	gate->run_base = run;
	gate->vt_base = 0;
	/* Pairs with vmqos_gate_vt(). */
	smp_store_release(&gate->seq, gate->seq + 1);
	WRITE_ONCE(gate->since, now);
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
	WRITE_ONCE(gate->since, 0);
	for_each_possible_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		cmpxchg(&q->last, gate, NULL);
		cmpxchg(&q->rival, gate, NULL);
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
		hrtimer_setup(&q->tick, vmqos_gate_tick, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
		q->idle_work = IRQ_WORK_INIT_HARD(vmqos_gate_idle);
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
	for_each_possible_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		irq_work_sync(&q->idle_work);
		hrtimer_cancel(&q->tick);
	}
}
