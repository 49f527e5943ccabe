// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * What a vCPU's thread does with its time, counted in the scheduler's hooks.
 *
 * Run and ready time are not measured here: the scheduler keeps them for every
 * thread, and the readers take its word (se.sum_exec_runtime and
 * sched_info.run_delay, what /proc/PID/schedstat shows). The hooks add what the
 * scheduler does not keep: why the thread was off its CPU, for how long it was
 * halted, the latency of each wake-up, where it went. The latency of a wake-up
 * is the growth of run_delay over a sleep, since a thread collects run_delay
 * from the moment it is woken until it has a CPU.
 *
 * Contexts: sched_out runs under the run queue's lock with interrupts off,
 * sched_in with interrupts on and preemption off; both only in the thread
 * itself. They take no lock, with one exception: the last sched_out of a
 * thread, which reports its death.
 *
 * Readers run on other CPUs. They may see a counter before or after an
 * update, but a sleep or a visit to the guest must never be counted twice:
 * the writer ends the current one before it adds it up, and the reader takes
 * the sum before it looks at the current one. x86 keeps the order of stores
 * and of loads; release and acquire keep the compiler from changing it.
 */
#include <linux/kvm_host.h>
#include <linux/log2.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "cpu/account.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/gate_hook.h"
#include "cpu/thread.h"

/* 2^9 ns is the first bound: shorter latencies are all alike. */
#define VMQOS_LATENCY_SHIFT 9

static __always_inline void vmqos_count(u64 *counter, u64 n)
{
	WRITE_ONCE(*counter, *counter + n);
}

static __always_inline unsigned int vmqos_latency_bucket(u64 ns)
{
	return min_t(unsigned int, fls64(ns >> VMQOS_LATENCY_SHIFT),
		     VMQOS_LATENCY_BUCKETS - 1);
}

/*
 * A sleep begins where the scheduler stopped charging the thread and ends where
 * it was queued again. With these two stamps of the scheduler's, run, ready and
 * blocked fit without a gap; by a clock read in the hooks each sleep would be
 * longer by a context switch.
 */
static void vmqos_account_woken(struct vmqos_acct *acct, u32 off, u64 delay)
{
	s64 slept = current->sched_info.last_arrival - delay - acct->off_since;

	/* The clocks of two CPUs may differ by a little. */
	if (slept < 0)
		slept = 0;

	/* The end of the sleep first, its length second: see the overview. */
	smp_store_release(&acct->off, VMQOS_OFF_NOT);
	if (off == VMQOS_OFF_PARKED) {
		vmqos_count(&acct->parked, slept);
		if (acct->parking == VMQOS_PARKING_LIMIT)
			vmqos_count(&acct->limited, slept);
		return;
	}
	vmqos_count(&acct->blocked, slept);
	if (off == VMQOS_OFF_HALTED)
		vmqos_count(&acct->halted, slept);
	vmqos_count(&acct->latency, delay);
	if (delay > acct->latency_max)
		WRITE_ONCE(acct->latency_max, delay);
	vmqos_count(&acct->hist[vmqos_latency_bucket(delay)], 1);
}

/*
 * A thread preempted after it had said that it would sleep, but before it did:
 * it stays in its queue, and yet the scheduler does not count it as waiting. No
 * wake-up ends that. A wait may be in it, when it was moved to another queue.
 */
static void vmqos_account_drowsed(struct vmqos_acct *acct, u64 delay)
{
	s64 off = vmqos_charged_until() - acct->off_since - delay;

	/* The end first, as in vmqos_account_woken(). */
	smp_store_release(&acct->off, VMQOS_OFF_NOT);
	vmqos_count(&acct->blocked, max_t(s64, off, 0));
}

static void vmqos_account_moved(struct vmqos_acct *acct, int cpu)
{
	vmqos_count(&acct->cpu_migrations, 1);
	if (cpu_to_node(cpu) != cpu_to_node(acct->cpu))
		vmqos_count(&acct->node_migrations, 1);
	WRITE_ONCE(acct->cpu, cpu);
}

static void vmqos_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct vmqos_thread *thread =
		container_of(notifier, struct vmqos_thread, notifier);
	struct vmqos_acct *acct = thread->acct;
	u64 run_delay = current->sched_info.run_delay;
	u32 off = acct->off;

	if (off == VMQOS_OFF_PREEMPTED)
		WRITE_ONCE(acct->off, VMQOS_OFF_NOT);
	else if (off == VMQOS_OFF_DROWSY)
		vmqos_account_drowsed(acct, run_delay - acct->run_delay);
	else
		vmqos_account_woken(acct, off, run_delay - acct->run_delay);
	acct->run_delay = run_delay;
	if (unlikely(cpu != acct->cpu))
		vmqos_account_moved(acct, cpu);
	vmqos_gate_in(thread, cpu, off);
}

static void vmqos_sched_out(struct preempt_notifier *notifier,
			    struct task_struct *next)
{
	struct vmqos_thread *thread =
		container_of(notifier, struct vmqos_thread, notifier);
	struct vmqos_acct *acct = thread->acct;
	bool runnable = task_is_runnable(current);
	u32 off = VMQOS_OFF_BLOCKED;

	vmqos_gate_out(thread, next, runnable);
	if (runnable) {
		vmqos_count(&acct->preemptions, 1);
		if (likely(task_is_running(current))) {
			WRITE_ONCE(acct->off, VMQOS_OFF_PREEMPTED);
			return;
		}
		WRITE_ONCE(acct->off_since, vmqos_charged_until());
		/* Pairs with vmqos_account_read_sleep(), as below. */
		smp_store_release(&acct->off, VMQOS_OFF_DROWSY);
		return;
	}
	WRITE_ONCE(acct->off_since, vmqos_charged_until());
	if (unlikely(acct->parking))
		off = VMQOS_OFF_PARKED;
	else if (thread->vcpu->kvcpu->stat.generic.blocking)
		off = VMQOS_OFF_HALTED;
	/* Pairs with vmqos_account_read_sleep(): off_since is of this sleep. */
	smp_store_release(&acct->off, off);
	if (unlikely(READ_ONCE(current->__state) == TASK_DEAD))
		vmqos_thread_died(thread);
}

/* Known to all by its address: it tells our hooks from others'. */
struct preempt_ops vmqos_account_ops = {
	.sched_in = vmqos_sched_in,
	.sched_out = vmqos_sched_out,
};

/**
 * vmqos_account_attach() - begin to count for the current thread
 * @acct: the counters of its vCPU
 * @early: time it has slept since it was taken over, in ns
 *
 * Context: the thread itself, just before its hook is registered.
 */
void vmqos_account_attach(struct vmqos_acct *acct, u64 early)
{
	WRITE_ONCE(acct->early, acct->early + early);
	WRITE_ONCE(acct->off, VMQOS_OFF_NOT);
	WRITE_ONCE(acct->entry, 0);
	WRITE_ONCE(acct->cpu, raw_smp_processor_id());
	acct->run_delay = current->sched_info.run_delay;
}

/**
 * vmqos_account_detach() - end counting for the current thread
 * @acct: the counters of its vCPU
 *
 * Context: the thread itself, just after its hook was unregistered.
 */
void vmqos_account_detach(struct vmqos_acct *acct)
{
	WRITE_ONCE(acct->off, VMQOS_OFF_NOT);
	WRITE_ONCE(acct->entry, 0);
}

/**
 * vmqos_account_park() - the current thread is about to be parked
 * @acct: the counters of its vCPU
 * @limit: because of its VM's limit
 *
 * Context: the thread itself.
 */
void vmqos_account_park(struct vmqos_acct *acct, bool limit)
{
	WRITE_ONCE(acct->parking, limit ? VMQOS_PARKING_LIMIT :
					  VMQOS_PARKING_SHARES);
	vmqos_count(&acct->parks, 1);
	if (limit)
		vmqos_count(&acct->throttles, 1);
}

/**
 * vmqos_account_unpark() - the current thread comes out of the gate
 * @acct: the counters of its vCPU
 *
 * Makes the time parked time stolen from the guest. The scheduler itself has
 * counted what passed from the wake-up on.
 *
 * Context: the thread itself.
 * Return: the time parked, ns.
 */
u64 vmqos_account_unpark(struct vmqos_acct *acct)
{
	u64 stolen;

	preempt_disable();
	WRITE_ONCE(acct->parking, 0);
	stolen = acct->parked - acct->stolen;
	WRITE_ONCE(acct->seq, acct->seq + 1);
	/* Pairs with vmqos_account_delay(). */
	smp_wmb();
	WRITE_ONCE(current->sched_info.run_delay,
		   current->sched_info.run_delay + stolen);
	WRITE_ONCE(acct->stolen, acct->stolen + stolen);
	/* Pairs with vmqos_account_delay(). */
	smp_store_release(&acct->seq, acct->seq + 1);
	acct->run_delay += stolen;
	preempt_enable();
	return stolen;
}

/**
 * vmqos_account_delay() - the scheduler's run_delay without what the gate added
 * @acct: the counters of the vCPU
 * @task: the thread that runs it
 *
 * Context: any in which both live.
 * Return: time runnable without a CPU, ns.
 */
u64 vmqos_account_delay(const struct vmqos_acct *acct,
			const struct task_struct *task)
{
	u64 delay;
	u32 seq;

	do {
		/* Pairs with the writers of seq. */
		seq = smp_load_acquire(&acct->seq);
		delay = READ_ONCE(task->sched_info.run_delay) -
			READ_ONCE(acct->stolen);
		/* Pairs with the writers of seq. */
		smp_rmb();
	} while ((seq & 1) || seq != READ_ONCE(acct->seq));
	return delay;
}

static u64 vmqos_minus(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

static void vmqos_account_read_sleep(const struct vmqos_acct *acct,
				     struct vmqos_counts *counts)
{
	u64 halted = READ_ONCE(acct->halted);
	u64 blocked = READ_ONCE(acct->blocked);
	u64 parked = READ_ONCE(acct->parked);
	u64 limited = READ_ONCE(acct->limited);
	u64 now;
	u32 off;

	/* Pairs with vmqos_sched_out(); and the sums were read before. */
	off = smp_load_acquire(&acct->off);
	if (off >= VMQOS_OFF_DROWSY) {
		now = vmqos_minus(vmqos_sched_clock(),
				  READ_ONCE(acct->off_since));
		if (off == VMQOS_OFF_PARKED) {
			parked += now;
			if (READ_ONCE(acct->parking) == VMQOS_PARKING_LIMIT)
				limited += now;
		} else {
			blocked += now;
		}
		if (off == VMQOS_OFF_HALTED)
			halted += now;
	}
	counts->parked_ns = parked;
	counts->limited_ns = limited;
	counts->blocked_ns = READ_ONCE(acct->early) + blocked;
	counts->halted_ns = halted;
}

/**
 * vmqos_account_blocked() - time blocked up to now
 * @acct: the counters
 *
 * Context: any.
 * Return: the time since the hook is in place, ns.
 */
u64 vmqos_account_blocked(const struct vmqos_acct *acct)
{
	struct vmqos_counts counts;

	vmqos_account_read_sleep(acct, &counts);
	return counts.blocked_ns - READ_ONCE(acct->early);
}

static void vmqos_account_read_guest(const struct vmqos_acct *acct,
				     struct vmqos_counts *counts)
{
	u64 guest, entry;

	/* Pairs with vmqos_probe_exit(): the sum before the current visit. */
	guest = smp_load_acquire(&acct->guest);
	entry = READ_ONCE(acct->entry);

	if (entry)
		guest += vmqos_minus(vmqos_clock(), entry);
	counts->guest_ns = vmqos_clock_ns(guest);
}

/**
 * vmqos_account_read() - read the counters of a vCPU
 * @acct: the counters
 * @counts: receives those members that the hooks keep
 *
 * Context: any; does not stop the vCPU.
 */
void vmqos_account_read(const struct vmqos_acct *acct,
			struct vmqos_counts *counts)
{
	int i;

	vmqos_account_read_sleep(acct, counts);
	vmqos_account_read_guest(acct, counts);
	counts->parks = READ_ONCE(acct->parks);
	counts->throttles = READ_ONCE(acct->throttles);
	counts->wakeups = 0;
	counts->preemptions = READ_ONCE(acct->preemptions);
	counts->cpu_migrations = READ_ONCE(acct->cpu_migrations);
	counts->node_migrations = READ_ONCE(acct->node_migrations);
	counts->latency_ns = READ_ONCE(acct->latency);
	counts->latency_max_ns = READ_ONCE(acct->latency_max);
	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++) {
		counts->latency_hist[i] = READ_ONCE(acct->hist[i]);
		counts->wakeups += counts->latency_hist[i];
	}
}

/**
 * vmqos_account_add() - add one vCPU's counters to a sum
 * @sum: the sum
 * @counts: what is added
 *
 * Context: any.
 */
void vmqos_account_add(struct vmqos_counts *sum,
		       const struct vmqos_counts *counts)
{
	int i;

	sum->wall_ns += counts->wall_ns;
	sum->run_ns += counts->run_ns;
	sum->ready_ns += counts->ready_ns;
	sum->blocked_ns += counts->blocked_ns;
	sum->halted_ns += counts->halted_ns;
	sum->guest_ns += counts->guest_ns;
	sum->exits += counts->exits;
	sum->halt_exits += counts->halt_exits;
	sum->io_exits += counts->io_exits;
	sum->mmio_exits += counts->mmio_exits;
	sum->parked_ns += counts->parked_ns;
	sum->limited_ns += counts->limited_ns;
	sum->parks += counts->parks;
	sum->throttles += counts->throttles;
	sum->wakeups += counts->wakeups;
	sum->preemptions += counts->preemptions;
	sum->cpu_migrations += counts->cpu_migrations;
	sum->node_migrations += counts->node_migrations;
	sum->latency_ns += counts->latency_ns;
	sum->latency_max_ns = max(sum->latency_max_ns, counts->latency_max_ns);
	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		sum->latency_hist[i] += counts->latency_hist[i];
}
