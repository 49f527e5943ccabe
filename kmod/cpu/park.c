// SPDX-License-Identifier: GPL-2.0
/*
 * Parking: how a vCPU that has to give way sleeps, and what others see of it.
 *
 * A thread is asked by a work queued to it (TWA_RESUME), which it runs where KVM
 * looks for pending work on its way into the guest, or on its way back to user
 * space. Only the former will do: on the latter the VMM may hold a lock that all
 * its threads need. KVM's own preempt notifier tells them apart, it is in the
 * thread's list just while the thread is inside KVM_RUN. A thread that was met
 * elsewhere is asked again by the next tick.
 *
 * There it sleeps, interruptibly, until it is taken out of its queue or a signal
 * is pending: SIGSTOP, a debugger, the freezer and our own detaching all come as
 * such, KVM_RUN then returns -EINTR as it does for any signal. No lock is held,
 * and KVM's protection of its memory slots has been dropped by KVM itself.
 *
 * To the guest the time parked is time stolen: it is added to the thread's
 * run_delay, from which KVM computes the steal time, and the vCPU is marked as
 * preempted, which paravirtual spinlocks and TLB shootdowns look at.
 *
 * Locks: vmqos_thread.lock in asking; a queue's lock.
 */
#include <linux/kvm_host.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "core/vm.h"
#include "cpu/account.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/gate_hook.h"
#include "cpu/park.h"
#include "cpu/queue.h"
#include "cpu/thread.h"
#include "cpu/tick.h"
#include "cpu/trace.h"

/**
 * vmqos_park_ask() - ask the current thread to park on its way into the guest
 * @thread: the current thread
 *
 * Context: the thread itself, in its hook on the way in or in an interrupt.
 */
void vmqos_park_ask(struct vmqos_thread *thread)
{
	struct vmqos_gate *gate = &thread->vcpu->gate;
	unsigned long flags;

	/* The tick may come in between and ask too. */
	local_irq_save(flags);
	if (!gate->asked && vmqos_thread_begin_work(thread)) {
		WRITE_ONCE(gate->asked, true);
		if (task_work_add(current, &gate->work, TWA_RESUME)) {
			WRITE_ONCE(gate->asked, false);
			vmqos_thread_end_work(thread);
		}
	}
	local_irq_restore(flags);
}

/* Whether the current thread is inside KVM_RUN. Its list is its own. */
static bool vmqos_in_kvm_run(const struct kvm_vcpu *kvcpu)
{
	struct preempt_notifier *notifier;

	hlist_for_each_entry(notifier, &current->preempt_notifiers, link)
		if (notifier == &kvcpu->preempt_notifier)
			return true;
	return false;
}

/* The scheduler brings the run time up to date only when the thread leaves. */
static u64 vmqos_park_run_time(struct vmqos_gate *gate)
{
	u64 now = vmqos_sched_clock();
	u64 run = vmqos_gate_run_time(gate, now);

	vmqos_gate_set_run(gate, run, now);
	return run;
}

/*
 * Asleep by a signal or a wake-up of ours, by nobody else, and at once: as one of
 * the scheduler's special states TASK_PARKED takes the thread off its run queue
 * even if it has had more than its share there. Otherwise it would stay for a
 * while (DELAY_DEQUEUE, since 6.12), and waking it elsewhere bring it back.
 */
#define VMQOS_TASK_PARKED	(TASK_INTERRUPTIBLE | TASK_PARKED)

static void vmqos_park_sleep(struct vmqos_cpu_vcpu *cv)
{
	while (READ_ONCE(cv->gate.held) && !signal_pending(current)) {
		WRITE_ONCE(cv->kvcpu->preempted, true);
		schedule();
		set_special_state(VMQOS_TASK_PARKED);
	}
	__set_current_state(TASK_RUNNING);
}

/*
 * The one to run instead: the worthiest, but one that was on this CPU before if no
 * other is worthier by a slice.
 */
static struct vmqos_gate *vmqos_park_successor(struct vmqos_gate *gate, s64 below)
{
	int cpu = smp_processor_id();
	s64 best = vmqos_queue_best();
	s64 here = READ_ONCE(this_cpu_ptr(&vmqos_gate_cpus)->best);
	struct vmqos_gate *first = NULL;

	if (here < below && here - best <= vmqos_gate_margin(gate))
		first = vmqos_queue_pop_from(cpu, below, cpu);
	return first ?: vmqos_queue_pop(below, cpu);
}

/* Judge anew, for the moment of asking has passed, and leave the CPU to another. */
static bool vmqos_park_give_way(struct vmqos_cpu_vcpu *cv)
{
	struct vmqos_gate *gate = &cv->gate, *instead = NULL;
	enum vmqos_held held;
	enum vmqos_next next;
	u64 run, came;

	lockdep_assert_irqs_disabled();
	came = gate->exec;
	run = vmqos_park_run_time(gate);
	held = vmqos_gate_judge(gate, run, run - came < NSEC_PER_MSEC / 2, &next);
	if (held && next != VMQOS_NEXT_WAITING)
		instead = vmqos_park_successor(gate, next == VMQOS_NEXT_ANY ?
					S64_MAX : vmqos_gate_vt(gate, run));
	/* Another CPU took it. */
	if (held == VMQOS_HELD_SHARES && next != VMQOS_NEXT_WAITING && !instead)
		held = VMQOS_HELD_NOT;
	if (!held)
		return false;
	vmqos_account_park(&cv->acct, held == VMQOS_HELD_LIMIT);
	trace_vmqos_park(cv->vcpu->vm->id, cv->vcpu->index, held == VMQOS_HELD_LIMIT,
			 vmqos_gate_vt(gate, run));
	set_special_state(VMQOS_TASK_PARKED);
	vmqos_queue_add(gate, held);
	/*
	 * Woken now, the other one is there when this thread leaves, and no time is
	 * lost on the way through idle. It cannot push this thread off its CPU
	 * before that: interrupts are off, and then comes schedule().
	 */
	if (instead)
		vmqos_queue_wake(instead, true);
	return true;
}

static void vmqos_park(struct vmqos_cpu_vcpu *cv)
{
	bool parked, early;
	u64 time;

	local_irq_disable();
	parked = vmqos_park_give_way(cv);
	local_irq_enable();
	if (!parked)
		return;
	vmqos_park_sleep(cv);
	early = READ_ONCE(cv->gate.held) && vmqos_queue_del(&cv->gate);
	time = vmqos_account_unpark(&cv->acct);
	trace_vmqos_unpark(cv->vcpu->vm->id, cv->vcpu->index, early, time);
	vmqos_tick_renew(&cv->gate);
}

/**
 * vmqos_park_work() - the work by which a thread is asked to park
 * @work: the work
 *
 * Context: the thread itself, sleeps.
 */
void vmqos_park_work(struct callback_head *work)
{
	struct vmqos_gate *gate = container_of(work, struct vmqos_gate, work);
	struct vmqos_cpu_vcpu *cv =
		container_of(gate, struct vmqos_cpu_vcpu, gate);
	struct vmqos_thread *thread = gate->thread;

	WRITE_ONCE(gate->asked, false);
	/*
	 * While the hook is in place and no request to take it out is seen, the
	 * thread cannot retire: that request would be a work of this thread.
	 */
	if (vmqos_thread_hooked(thread) && vmqos_in_kvm_run(cv->kvcpu) &&
	    !(current->flags & PF_EXITING))
		vmqos_park(cv);
	vmqos_thread_end_work(thread);
}
