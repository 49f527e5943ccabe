// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The way into a vCPU thread's context and out of it. A thread's preempt
 * notifiers may only be changed by the thread itself, so both ways are works
 * queued to it (task_work_add), which it runs when it next returns to user
 * space or passes KVM's way into the guest.
 *
 * The way in uses TWA_RESUME: a thread that sleeps is left alone and is hooked
 * when it wakes, before it enters the guest. Nothing is lost by that, run and
 * ready time are the scheduler's. The way out uses TWA_SIGNAL, which also
 * wakes a halted vCPU: KVM_RUN returns -EINTR once. Works run in the reverse
 * of the order in which they were queued; when a way out overtakes a way in,
 * the latter sees the request and does nothing.
 *
 * A thread has *retired* when nothing of ours is in it nor will be. Exactly
 * one of these retires it, decided under its lock:
 *  - the last of its works, when it is to be let go of, shares its hook or is
 *    exiting: works that are queued always run, at the latest in the exit;
 *  - its last sched_out, when it dies with the hook in place: from the exit on
 *    no work can be queued;
 *  - the caller whose work could not be queued, when the way in found the
 *    thread exiting in the same moment.
 * Whoever changes a thread's state posts the object to a list; a work reads
 * the list, tells the planes, and frees what has retired. A state is posted
 * under the lock and retired is the last state, so an object that is read as
 * retired is in the list no more.
 *
 * An object that died with its hook in place is freed after a grace period,
 * because the scheduler still reads its list node after the hook returns.
 */
#include <linux/irq_work.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "core/scan.h"
#include "core/vm.h"
#include "cpu/account.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/gate.h"
#include "cpu/thread.h"

#define VMQOS_THREAD_HASH_BITS 12

/* Live objects by their task. Written under vmqos_lock, read under RCU. */
static DEFINE_HASHTABLE(vmqos_threads, VMQOS_THREAD_HASH_BITS);

static LLIST_HEAD(vmqos_news);

static void vmqos_news_handle(struct work_struct *work)
{
	struct vmqos_thread *thread, *next;
	struct llist_node *list;
	bool retired;

	mutex_lock(&vmqos_lock);
	list = llist_del_all(&vmqos_news);
	llist_for_each_entry_safe(thread, next, list, news) {
		raw_spin_lock_irq(&thread->lock);
		thread->posted = false;
		retired = thread->retired;
		raw_spin_unlock_irq(&thread->lock);
		if (retired)
			vmqos_cpu_thread_retired(thread);
		else
			vmqos_cpu_thread_attached(thread);
	}
	mutex_unlock(&vmqos_lock);
}

static DECLARE_WORK(vmqos_news_work, vmqos_news_handle);

static void vmqos_news_irq_handle(struct irq_work *work)
{
	vmqos_scan_queue(&vmqos_news_work);
}

static struct irq_work vmqos_news_irq =
	IRQ_WORK_INIT(vmqos_news_irq_handle);

/* True when the caller is to have the news read. */
static bool vmqos_thread_post(struct vmqos_thread *thread)
{
	lockdep_assert_held(&thread->lock);
	if (thread->posted)
		return false;
	thread->posted = true;
	llist_add(&thread->news, &vmqos_news);
	return true;
}

static bool vmqos_thread_try_retire(struct vmqos_thread *thread)
{
	lockdep_assert_held(&thread->lock);
	if (thread->retired || thread->works || thread->registered)
		return false;
	if (!thread->detach && !thread->shared && !thread->dead)
		return false;
	thread->final_run = thread->task->se.sum_exec_runtime;
	thread->final_delay = thread->task->sched_info.run_delay -
			      READ_ONCE(thread->acct->stolen);
	/* Pairs with vmqos_thread_times(): the final values stand. */
	smp_store_release(&thread->retired, true);
	return vmqos_thread_post(thread);
}

/* Only the thread itself changes its list, so it may walk it freely. */
static bool vmqos_current_hooked(void)
{
	struct preempt_notifier *notifier;

	hlist_for_each_entry(notifier, &current->preempt_notifiers, link)
		if (notifier->ops == &vmqos_account_ops)
			return true;
	return false;
}

static u64 vmqos_thread_slept(struct vmqos_thread *thread)
{
	u64 wall = vmqos_sched_clock() - thread->since;
	u64 run, delay;

	vmqos_thread_times(thread, &run, &delay);
	return wall > run + delay ? wall - run - delay : 0;
}

static void vmqos_thread_attach_cb(struct callback_head *work)
{
	struct vmqos_thread *thread =
		container_of(work, struct vmqos_thread, attach_work);
	bool exiting = current->flags & PF_EXITING;
	bool hooked = vmqos_current_hooked();
	bool post, go;

	raw_spin_lock_irq(&thread->lock);
	go = !exiting && !hooked && !thread->detach;
	raw_spin_unlock_irq(&thread->lock);
	/* A request that comes now queues a work behind this one. */
	if (go) {
		vmqos_account_attach(thread->acct, vmqos_thread_slept(thread));
		vmqos_gate_attach(thread);
		preempt_notifier_init(&thread->notifier, &vmqos_account_ops);
		preempt_notifier_register(&thread->notifier);
	}
	raw_spin_lock_irq(&thread->lock);
	thread->works--;
	if (go) {
		thread->registered = true;
		post = vmqos_thread_post(thread);
	} else {
		thread->dead |= exiting;
		thread->shared |= hooked;
		post = vmqos_thread_try_retire(thread);
	}
	raw_spin_unlock_irq(&thread->lock);
	if (post)
		vmqos_scan_queue(&vmqos_news_work);
}

static void vmqos_thread_detach_cb(struct callback_head *work)
{
	struct vmqos_thread *thread =
		container_of(work, struct vmqos_thread, detach_work);
	bool post;

	/* Written by this thread alone. */
	if (READ_ONCE(thread->registered)) {
		preempt_notifier_unregister(&thread->notifier);
		vmqos_account_detach(thread->acct);
	}
	raw_spin_lock_irq(&thread->lock);
	thread->works--;
	thread->registered = false;
	thread->dead |= !!(current->flags & PF_EXITING);
	post = vmqos_thread_try_retire(thread);
	raw_spin_unlock_irq(&thread->lock);
	if (post)
		vmqos_scan_queue(&vmqos_news_work);
}

/**
 * vmqos_thread_begin_work() - a work is about to be queued to a hooked thread
 * @thread: the thread
 *
 * Until vmqos_thread_end_work() the object stays.
 *
 * Context: any with the run queue's lock not held.
 * Return: true, or false when its hook is not in place or on its way out.
 */
bool vmqos_thread_begin_work(struct vmqos_thread *thread)
{
	unsigned long flags;
	bool go;

	raw_spin_lock_irqsave(&thread->lock, flags);
	go = thread->registered && !thread->detach;
	thread->works += go;
	raw_spin_unlock_irqrestore(&thread->lock, flags);
	return go;
}

/**
 * vmqos_thread_end_work() - the work has run, or could not be queued
 * @thread: the thread, not to be used any more
 *
 * Context: as of vmqos_thread_begin_work().
 */
void vmqos_thread_end_work(struct vmqos_thread *thread)
{
	unsigned long flags;
	bool post;

	raw_spin_lock_irqsave(&thread->lock, flags);
	thread->works--;
	post = vmqos_thread_try_retire(thread);
	raw_spin_unlock_irqrestore(&thread->lock, flags);
	/* It may be in an interrupt. */
	if (post)
		irq_work_queue(&vmqos_news_irq);
}

/**
 * vmqos_thread_hooked() - whether the current thread's hook is in place
 * @thread: the current thread
 *
 * Context: the thread itself.
 * Return: true when it is, and is to stay.
 */
bool vmqos_thread_hooked(const struct vmqos_thread *thread)
{
	return READ_ONCE(thread->registered) && !READ_ONCE(thread->detach);
}

/**
 * vmqos_thread_died() - a thread has ended with its hook in place
 * @thread: the thread
 *
 * Context: the thread's last sched_out, under the run queue's lock.
 */
void vmqos_thread_died(struct vmqos_thread *thread)
{
	bool post;

	raw_spin_lock(&thread->lock);
	thread->registered = false;
	thread->dead = true;
	post = vmqos_thread_try_retire(thread);
	raw_spin_unlock(&thread->lock);
	/* Waking the worker would need the lock that is held. */
	if (post)
		irq_work_queue(&vmqos_news_irq);
}

/**
 * vmqos_thread_alloc() - memory for a thread
 *
 * Context: process context; sleeps.
 * Return: an object to be given to vmqos_thread_attach() or kfree(), or NULL.
 */
struct vmqos_thread *vmqos_thread_alloc(void)
{
	return kzalloc(sizeof(struct vmqos_thread), GFP_KERNEL_ACCOUNT);
}

/**
 * vmqos_thread_attach() - begin to hook a thread
 * @thread: from vmqos_thread_alloc()
 * @task: the thread; refused when it is the kernel's own
 * @vcpu: the vCPU it runs
 * @acct: where the hook counts; nobody else does
 *
 * Context: process context, vmqos_lock held.
 * Return: 0 when the hook is on its way and @thread is in use until it has
 * retired; -ESRCH when the thread is exiting, -EPERM when it is no user
 * thread; then @thread is unused.
 */
int vmqos_thread_attach(struct vmqos_thread *thread, struct task_struct *task,
			struct vmqos_cpu_vcpu *vcpu, struct vmqos_acct *acct)
{
	int ret;

	lockdep_assert_held(&vmqos_lock);
	if (task->flags & (PF_KTHREAD | PF_USER_WORKER))
		return -EPERM;
	raw_spin_lock_init(&thread->lock);
	init_task_work(&thread->attach_work, vmqos_thread_attach_cb);
	init_task_work(&thread->detach_work, vmqos_thread_detach_cb);
	thread->task = task;
	thread->vcpu = vcpu;
	thread->acct = acct;
	thread->works = 1;
	thread->since = vmqos_sched_clock();
	thread->run_base = task->se.sum_exec_runtime;
	thread->delay_base = task->sched_info.run_delay -
			     READ_ONCE(acct->stolen);
	/*
	 * Referenced before: the work may run, and the thread end, before the
	 * call returns.
	 */
	get_task_struct(task);
	hash_add_rcu(vmqos_threads, &thread->node, (unsigned long)task);
	ret = task_work_add(task, &thread->attach_work, TWA_RESUME);
	if (ret) {
		hash_del_rcu(&thread->node);
		put_task_struct(task);
		/* Readers of the hash may still look at the object. */
		synchronize_rcu();
	}
	return ret;
}

/**
 * vmqos_thread_detach() - begin to take a thread's hook out
 * @thread: the thread
 *
 * Context: process context, vmqos_lock held. Does not wait.
 */
void vmqos_thread_detach(struct vmqos_thread *thread)
{
	bool post = false;

	lockdep_assert_held(&vmqos_lock);
	raw_spin_lock_irq(&thread->lock);
	if (thread->detach || thread->retired) {
		raw_spin_unlock_irq(&thread->lock);
		return;
	}
	thread->detach = true;
	thread->works++;
	raw_spin_unlock_irq(&thread->lock);
	if (!task_work_add(thread->task, &thread->detach_work, TWA_SIGNAL))
		return;
	raw_spin_lock_irq(&thread->lock);
	thread->works--;
	/*
	 * It is past the point where works run. If its hook is in place, its
	 * last sched_out retires it.
	 */
	post = vmqos_thread_try_retire(thread);
	raw_spin_unlock_irq(&thread->lock);
	if (post)
		vmqos_scan_queue(&vmqos_news_work);
}

static void vmqos_thread_free_rcu(struct rcu_head *rcu)
{
	struct vmqos_thread *thread = container_of(rcu, struct vmqos_thread, rcu);

	put_task_struct(thread->task);
	kfree(thread);
}

/**
 * vmqos_thread_free() - free a thread that has retired
 * @thread: the thread
 *
 * Who has found it in a vCPU looks at its task under RCU: the gate, from interrupts and
 * its epoch. The task may have ended long ago, and this be the last that keeps it.
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_thread_free(struct vmqos_thread *thread)
{
	lockdep_assert_held(&vmqos_lock);
	hash_del_rcu(&thread->node);
	call_rcu(&thread->rcu, vmqos_thread_free_rcu);
}

/**
 * vmqos_thread_times() - what the scheduler has counted since the take-over
 * @thread: the thread
 * @run: set to its time on a CPU, in ns
 * @delay: set to its time runnable without a CPU, in ns
 *
 * Context: any in which the object lives.
 */
void vmqos_thread_times(struct vmqos_thread *thread, u64 *run, u64 *delay)
{
	const struct task_struct *task = thread->task;

	/* Pairs with vmqos_thread_try_retire(). */
	if (smp_load_acquire(&thread->retired)) {
		*run = thread->final_run - thread->run_base;
		*delay = thread->final_delay - thread->delay_base;
		return;
	}
	*run = READ_ONCE(task->se.sum_exec_runtime) - thread->run_base;
	*delay = vmqos_account_delay(thread->acct, task) - thread->delay_base;
}

/**
 * vmqos_thread_known() - whether a task runs a vCPU
 * @task: any task
 *
 * Context: under rcu_read_lock().
 * Return: true when it does.
 */
bool vmqos_thread_known(const struct task_struct *task)
{
	struct vmqos_thread *thread;

	hash_for_each_possible_rcu(vmqos_threads, thread, node,
				   (unsigned long)task)
		if (thread->task == task)
			return true;
	return false;
}

/**
 * vmqos_thread_exit() - wait until no thread runs code of ours
 *
 * The last instructions of a work or hook run after it has told that it is
 * done. A task that has not yet left them has not gone through a voluntary
 * switch, or has interrupts or preemption off.
 *
 * Context: module exit, when no VM is adopted.
 */
void vmqos_thread_exit(void)
{
	irq_work_sync(&vmqos_news_irq);
	flush_work(&vmqos_news_work);
	synchronize_rcu_tasks();
	/* A grace period, and the functions of vmqos_thread_free(). */
	synchronize_rcu();
	rcu_barrier();
}
