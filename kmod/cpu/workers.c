// SPDX-License-Identifier: GPL-2.0
/*
 * vhost's workers before Linux 6.4: threads of the kernel, each called
 * vhost-PID after the process that it works for. All threads of the kernel are
 * looked through once a second, in one pass for all VMs. A worker is counted
 * from then on, and what it has used stays counted when it ends.
 */
#include "cpu/workers.h"

#if VMQOS_HAVE_VHOST_KTHREADS

#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "core/vm.h"

/**
 * struct vmqos_worker - one worker
 * @task: the thread, referenced
 * @node: links it in its process
 * @run_base: run time when it was found, ns
 * @delay_base: ready time when it was found, ns
 */
struct vmqos_worker {
	struct task_struct *task;
	struct list_head node;
	u64 run_base;
	u64 delay_base;
};

/* Jiffies of the last pass. vmqos_lock. */
static unsigned long vmqos_workers_last;

static struct vmqos_process *vmqos_worker_process(struct task_struct *task)
{
	char comm[TASK_COMM_LEN], rest;
	struct pid *pid;
	int nr;

	get_task_comm(comm, task);
	if (sscanf(comm, "vhost-%d%c", &nr, &rest) != 1)
		return NULL;
	pid = find_pid_ns(nr, &init_pid_ns);
	return pid ? vmqos_process_find(pid) : NULL;
}

static bool vmqos_worker_known(struct vmqos_process *process,
			       const struct task_struct *task)
{
	struct vmqos_worker *worker;

	list_for_each_entry(worker, &process->workers, node)
		if (worker->task == task)
			return true;
	return false;
}

static void vmqos_worker_found(struct vmqos_process *process,
			       struct task_struct *task)
{
	struct vmqos_worker *worker;

	/* Not found again before the next pass; so is what has no memory now. */
	worker = kzalloc(sizeof(*worker), GFP_ATOMIC | __GFP_NOWARN);
	if (!worker)
		return;
	get_task_struct(task);
	worker->task = task;
	worker->run_base = task->se.sum_exec_runtime;
	worker->delay_base = task->sched_info.run_delay;
	list_add_tail(&worker->node, &process->workers);
}

/**
 * vmqos_workers_scan() - look for workers, at most once a second
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_workers_scan(void)
{
	struct vmqos_process *process;
	struct task_struct *task;

	lockdep_assert_held(&vmqos_lock);
	if (time_before(jiffies, vmqos_workers_last + HZ))
		return;
	vmqos_workers_last = jiffies;
	rcu_read_lock();
	for_each_process(task) {
		if (!(task->flags & PF_KTHREAD))
			continue;
		process = vmqos_worker_process(task);
		if (process && !vmqos_worker_known(process, task))
			vmqos_worker_found(process, task);
	}
	rcu_read_unlock();
}

/**
 * vmqos_workers_free() - forget a process's workers
 * @process: the process
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_workers_free(struct vmqos_process *process)
{
	struct vmqos_worker *worker, *next;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry_safe(worker, next, &process->workers, node) {
		put_task_struct(worker->task);
		kfree(worker);
	}
	INIT_LIST_HEAD(&process->workers);
}

/**
 * vmqos_workers_add() - add what a process's workers have used
 * @process: the process
 * @threads: incremented by the number of those that live
 * @run: incremented by their run time since they were found, ns
 * @ready: incremented by their ready time since then, ns
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_workers_add(struct vmqos_process *process, u32 *threads, u64 *run,
		       u64 *ready)
{
	struct vmqos_worker *worker;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(worker, &process->workers, node) {
		*threads += pid_alive(worker->task);
		*run += READ_ONCE(worker->task->se.sum_exec_runtime) -
			worker->run_base;
		*ready += READ_ONCE(worker->task->sched_info.run_delay) -
			  worker->delay_base;
	}
}

#endif /* VMQOS_HAVE_VHOST_KTHREADS */
