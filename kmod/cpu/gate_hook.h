/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate's part of the scheduler's hooks. Each context switch of a vCPU runs
 * through it, therefore it is inline, and calls what is seldom needed at its end.
 */
#ifndef _VMQOS_CPU_GATE_HOOK_H
#define _VMQOS_CPU_GATE_HOOK_H

#include <linux/sched.h>

#include "cpu/account.h"
#include "cpu/cpu.h"
#include "cpu/park.h"
#include "cpu/queue.h"
#include "cpu/thread.h"

/* A vCPU that comes and goes is charged when there is something to charge. */
#define VMQOS_CHARGE_LEAST_NS	(50 * NSEC_PER_USEC)

void vmqos_gate_watch(struct vmqos_thread *thread, struct vmqos_gate_cpu *q);
void vmqos_gate_meet(struct vmqos_thread *thread, struct vmqos_gate_cpu *q,
		     struct vmqos_gate *rival, u32 off);
void vmqos_gate_meet_many(struct vmqos_thread *thread, struct vmqos_gate_cpu *q,
			  struct vmqos_gate *last, int cpu, u32 off);
void vmqos_gate_leave(struct vmqos_gate *gate, struct vmqos_gate_cpu *q, u64 run, bool idles);

/**
 * vmqos_gate_set_run() - note a vCPU's run time
 * @gate: the vCPU
 * @exec: run time at @since, or in all
 * @since: the moment from which on it runs, by the scheduler's clock; 0 if it
 *	does not
 *
 * Context: the vCPU's thread, interrupts off.
 */
static __always_inline void vmqos_gate_set_run(struct vmqos_gate *gate, u64 exec,
					       u64 since)
{
	raw_write_seqcount_begin(&gate->run_seq);
	WRITE_ONCE(gate->exec, exec);
	WRITE_ONCE(gate->since, since);
	raw_write_seqcount_end(&gate->run_seq);
}

/* Runnable, not running, and this CPU was its last. */
static inline bool vmqos_gate_waits(const struct vmqos_gate *gate, int cpu)
{
	const struct vmqos_acct *acct = &vmqos_gate_cv(gate)->acct;

	return READ_ONCE(acct->off) == VMQOS_OFF_PREEMPTED &&
	       READ_ONCE(acct->cpu) == cpu;
}

/* Whether the gate has to look at a vCPU and nothing makes it. */
static __always_inline bool vmqos_gate_unwatched(const struct vmqos_gate_cpu *q,
						 const struct vmqos_gate_vm *vm)
{
	return (READ_ONCE(vmqos_gate_hot) || unlikely(READ_ONCE(vm->limit.rate))) &&
	       (!q->ticking || unlikely(READ_ONCE(vm->limit.throttled)));
}

/**
 * vmqos_gate_in() - a vCPU's thread has come to a CPU
 * @thread: the thread
 * @cpu: the CPU
 * @off: why it was off its CPU, enum vmqos_off
 *
 * Context: the thread's hook on the way in.
 */
static __always_inline void vmqos_gate_in(struct vmqos_thread *thread, int cpu,
					  u32 off)
{
	struct vmqos_cpu_vcpu *cv = thread->vcpu;
	struct vmqos_gate *gate = &cv->gate;
	struct vmqos_gate_cpu *q = this_cpu_ptr(&vmqos_gate_cpus);
	struct vmqos_gate *last = q->last;
	u64 arrival = current->sched_info.last_arrival;

	WRITE_ONCE(gate->since, arrival);
	WRITE_ONCE(q->free, false);
	if (off != VMQOS_OFF_PREEMPTED) {
		gate->stay_since = arrival;
		gate->stay_run = gate->exec;
	}
	if (last != gate) {
		WRITE_ONCE(q->last, gate);
		if (READ_ONCE(vmqos_gate_on)) {
			if (q->rival && q->rival != last)
				return vmqos_gate_meet_many(thread, q, last, cpu, off);
			if (last && vmqos_gate_waits(last, cpu))
				return vmqos_gate_meet(thread, q, last, off);
		}
	}
	if (vmqos_gate_unwatched(q, &cv->cvm->gate))
		vmqos_gate_watch(thread, q);
}

/**
 * vmqos_gate_out() - a vCPU's thread leaves its CPU
 * @thread: the thread
 * @next: what runs after it
 * @runnable: whether it would rather stay
 *
 * Context: the thread's hook on the way out, under the run queue's lock.
 */
static __always_inline void vmqos_gate_out(struct vmqos_thread *thread,
					   struct task_struct *next, bool runnable)
{
	struct vmqos_cpu_vcpu *cv = thread->vcpu;
	struct vmqos_gate *gate = &cv->gate;
	struct vmqos_gate_cpu *q = this_cpu_ptr(&vmqos_gate_cpus);
	u64 run = current->se.sum_exec_runtime;

	vmqos_gate_set_run(gate, run, 0);
	if (!runnable) {
		WRITE_ONCE(q->free, true);
		/* To no other vCPU: only these have notifiers. */
		if (unlikely(atomic_read(&vmqos_nr_parked)) &&
		    hlist_empty(&next->preempt_notifiers))
			return vmqos_gate_leave(gate, q, run, true);
	}
	if (likely(!READ_ONCE(cv->cvm->gate.limit.rate)))
		gate->charged = run;
	else if (run - gate->charged >= VMQOS_CHARGE_LEAST_NS)
		vmqos_gate_leave(gate, q, run, false);
}

#endif /* _VMQOS_CPU_GATE_HOOK_H */
