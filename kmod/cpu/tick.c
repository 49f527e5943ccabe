// SPDX-License-Identifier: GPL-2.0
/*
 * The gate's timers: the tick of a CPU, which looks whether the vCPU that runs
 * there is still the right one and its limit not used up, and the timer of a
 * limit, which ends the throttling of its VM.
 *
 * The tick comes when the slice or the limit of the vCPU that runs will be used
 * up, at the latest after a millisecond, as others may have become worthier
 * meanwhile. A vCPU that has just come may be there but for a moment, while the one
 * it has interrupted is to be looked at: the tick comes again soon, or it would find
 * one that wakes up each millisecond for ever. It stops when it finds no vCPU, or
 * nothing to do; the hook on the way in starts it again.
 *
 * Contexts: hard interrupts. A CPU's state is touched on that CPU alone.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/park.h"
#include "cpu/queue.h"
#include "cpu/thread.h"
#include "cpu/tick.h"

#define VMQOS_TICK_NS		NSEC_PER_MSEC
#define VMQOS_TICK_MIN_NS	(100 * NSEC_PER_USEC)
/* A vCPU has just come; when to look again then. */
#define VMQOS_TICK_FRESH_NS	(300 * NSEC_PER_USEC)

/* When the current vCPU will have run a slice longer than the worthiest parked. */
static u64 vmqos_tick_slice_left(const struct vmqos_gate *gate, u64 run)
{
	s64 best = vmqos_queue_best(), left;

	if (best == S64_MAX)
		return VMQOS_TICK_NS;
	left = best + vmqos_gate_margin(gate) - vmqos_gate_vt(gate, run);
	/* Virtual time is no slower than time. */
	if (left >= (s64)(VMQOS_TICK_NS * VMQOS_CPU_ONE / VMQOS_RATE_MIN))
		return VMQOS_TICK_NS;
	return left > 0 ? div_u64((u64)left << 16, READ_ONCE(gate->inv)) : 0;
}

/* All vCPUs of the VM may be using up its limit at this moment. */
static u64 vmqos_tick_limit_left(const struct vmqos_gate_vm *vm, u64 now)
{
	if (!READ_ONCE(vm->limit.rate) || READ_ONCE(vm->limit.throttled))
		return VMQOS_TICK_NS;
	return div_u64(vmqos_limit_left(&vm->limit, now),
		       max(READ_ONCE(vm->nr_vcpus), 1U));
}

/* How long from now until there is something to look at, were nobody to come meanwhile. */
static u64 vmqos_tick_next(const struct vmqos_gate *gate, u64 run)
{
	const struct vmqos_gate_vm *vm = &vmqos_gate_cv(gate)->cvm->gate;
	u64 next = vmqos_tick_slice_left(gate, run);

	if (unlikely(READ_ONCE(vm->limit.rate)))
		next = min(next, vmqos_tick_limit_left(vm, vmqos_sched_clock()));
	return clamp_t(u64, next, VMQOS_TICK_MIN_NS, VMQOS_TICK_NS);
}

/**
 * vmqos_tick_start() - begin to look whether this CPU has the right vCPU
 * @q: this CPU
 * @gate: the vCPU that runs here
 * @run: its run time, ns
 *
 * It may go again before a millisecond has passed, pushed aside by a task of the host, say,
 * and the tick with it. To wait so long each time would make turns of any length.
 *
 * Context: this CPU, preemption off.
 */
void vmqos_tick_start(struct vmqos_gate_cpu *q, const struct vmqos_gate *gate, u64 run)
{
	if (q->ticking)
		return;
	q->ticking = true;
	hrtimer_start(&q->tick, ns_to_ktime(vmqos_tick_next(gate, run)),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/* Whether a turn of a vCPU's is over before a tick is. */
static bool vmqos_tick_is_long(const struct vmqos_gate *gate)
{
	return vmqos_gate_margin(gate) < (s64)((VMQOS_TICK_NS * READ_ONCE(gate->inv)) >> 16);
}

/**
 * vmqos_tick_renew() - look when the turn of the vCPU that has come will be over
 * @gate: the vCPU, whose thread this is
 *
 * The tick was set for another vCPU, and may come too late for one whose turns are short
 * or whose VM has a limit. For others it is left as it is: to set it takes time.
 *
 * Context: process context on the vCPU's CPU.
 */
void vmqos_tick_renew(const struct vmqos_gate *gate)
{
	struct vmqos_gate_cpu *q;
	unsigned long flags;
	u64 run;

	if (!READ_ONCE(vmqos_gate_cv(gate)->cvm->gate.limit.rate) && !vmqos_tick_is_long(gate))
		return;
	local_irq_save(flags);
	q = this_cpu_ptr(&vmqos_gate_cpus);
	run = vmqos_gate_run_time(gate, vmqos_sched_clock());
	q->ticking = true;
	hrtimer_start(&q->tick, ns_to_ktime(vmqos_tick_next(gate, run)),
		      HRTIMER_MODE_REL_PINNED_HARD);
	local_irq_restore(flags);
}

static enum hrtimer_restart vmqos_tick(struct hrtimer *timer)
{
	struct vmqos_gate_cpu *q =
		container_of(timer, struct vmqos_gate_cpu, tick);
	struct vmqos_gate *gate = q->last;
	struct vmqos_thread *thread = gate ? READ_ONCE(gate->thread) : NULL;
	struct vmqos_cpu_vcpu *cv;
	u64 now = vmqos_sched_clock(), run, next;
	enum vmqos_next who;

	/* A CPU that goes offline leaves its timers to another one. */
	if (q != this_cpu_ptr(&vmqos_gate_cpus) || !thread ||
	    thread->task != current || !READ_ONCE(gate->since)) {
		q->ticking = false;
		return HRTIMER_NORESTART;
	}
	cv = vmqos_gate_cv(gate);
	run = vmqos_gate_run_time(gate, now);
	vmqos_gate_charge(gate, run, now);
	if (!READ_ONCE(cv->cvm->gate.limit.rate) && !READ_ONCE(vmqos_gate_hot)) {
		q->ticking = false;
		return HRTIMER_NORESTART;
	}
	next = VMQOS_TICK_NS;
	if (vmqos_gate_judge(gate, run, false, &who))
		vmqos_park_ask(thread);
	else
		next = min(vmqos_tick_slice_left(gate, run),
			   vmqos_tick_limit_left(&cv->cvm->gate, now));
	if (now - gate->since < VMQOS_TICK_FRESH_NS && atomic_read(&vmqos_nr_parked))
		next = min_t(u64, next, VMQOS_TICK_FRESH_NS);
	next = clamp_t(u64, next, VMQOS_TICK_MIN_NS, VMQOS_TICK_NS);
	hrtimer_forward_now(timer, ns_to_ktime(next));
	return HRTIMER_RESTART;
}

/* Whether a CPU runs a vCPU upon which there is something to look at. */
static bool vmqos_tick_wanted(const struct vmqos_gate *last)
{
	return last && READ_ONCE(last->since) &&
	       (READ_ONCE(vmqos_gate_hot) ||
		READ_ONCE(vmqos_gate_cv(last)->cvm->gate.limit.rate));
}

static void vmqos_tick_kicked(void *unused)
{
	struct vmqos_gate_cpu *q = this_cpu_ptr(&vmqos_gate_cpus);
	const struct vmqos_gate *last = READ_ONCE(q->last);

	if (vmqos_tick_wanted(last))
		vmqos_tick_start(q, last, vmqos_gate_run_time(last, vmqos_sched_clock()));
}

/**
 * vmqos_tick_kick() - have a CPU begin to look whether it has the right vCPU
 * @cpu: the CPU; one that is offline loses nothing
 *
 * A vCPU that never leaves its CPU passes through no hook, and the tick there
 * would not begin when others are parked elsewhere, or its VM gets a limit.
 *
 * Context: process context.
 */
void vmqos_tick_kick(int cpu)
{
	struct vmqos_gate_cpu *q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
	const struct vmqos_gate *last;
	bool kick;

	rcu_read_lock();
	last = READ_ONCE(q->last);
	kick = !READ_ONCE(q->ticking) && vmqos_tick_wanted(last);
	rcu_read_unlock();
	if (kick)
		smp_call_function_single_async(cpu, &q->kick);
}

/*
 * Where a vCPU runs, the tick finds who has been released; a CPU that idles does
 * not look. As many are woken as can use up the limit, and more only if they are
 * no more than a slice ahead of these: otherwise those that begin a little
 * earlier each time would get ever further.
 */
static void vmqos_tick_wake_free(u32 rate)
{
	u32 woken = 0, enough = DIV_ROUND_UP(rate, VMQOS_CPU_ONE);
	s64 below = S64_MAX;
	struct vmqos_gate *gate;
	int cpu;

	for_each_online_cpu(cpu) {
		if (!READ_ONCE(per_cpu(vmqos_gate_cpus, cpu).free))
			continue;
		gate = vmqos_queue_pop(below, VMQOS_ANY_CPU);
		if (!gate)
			return;
		if (++woken == enough)
			below = vmqos_gate_vt(gate, READ_ONCE(gate->exec)) +
				vmqos_gate_margin(gate);
		vmqos_queue_wake(gate, false);
	}
}

/**
 * vmqos_tick_release() - a VM's limit allows it to run again
 * @timer: the limit's
 *
 * Context: hard interrupt.
 * Return: whether to come again.
 */
enum hrtimer_restart vmqos_tick_release(struct hrtimer *timer)
{
	struct vmqos_gate_vm *vm =
		container_of(timer, struct vmqos_gate_vm, limit.release);
	u64 wait = vmqos_limit_due(&vm->limit, vmqos_sched_clock());
	struct vmqos_gate *gate;

	if (wait) {
		hrtimer_forward_now(timer, ns_to_ktime(wait));
		return HRTIMER_RESTART;
	}
	rcu_read_lock();
	list_for_each_entry_rcu(gate, &vm->vcpus, link)
		if (READ_ONCE(gate->held))
			vmqos_queue_renew(READ_ONCE(gate->queue_cpu));
	vmqos_tick_wake_free(READ_ONCE(vm->limit.rate));
	rcu_read_unlock();
	return HRTIMER_NORESTART;
}

/**
 * vmqos_tick_init() - set up a CPU's tick
 * @q: the CPU
 *
 * Context: module initialisation.
 */
void vmqos_tick_init(struct vmqos_gate_cpu *q)
{
	hrtimer_setup(&q->tick, vmqos_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	INIT_CSD(&q->kick, vmqos_tick_kicked, NULL);
}
