/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_THREAD_H
#define _VMQOS_CPU_THREAD_H

#include <linux/hashtable.h>
#include <linux/llist.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/types.h>

struct task_struct;
struct vmqos_acct;
struct vmqos_cpu_vcpu;

/**
 * struct vmqos_thread - a thread that runs a vCPU
 *
 * @notifier: the scheduler's hook, links the object into the thread
 * @acct: the vCPU's counters, written by the hooks, constant
 * @task: the thread, referenced, constant
 * @vcpu: its vCPU, constant
 * @attach_work: brings the hook in
 * @detach_work: takes the hook out
 * @news: links the object in the list of those whose state has changed
 * @node: links the object in the hash of all threads, RCU
 * @rcu: frees the object
 * @run_base: the scheduler's run time when the thread was taken over, ns
 * @delay_base: the scheduler's ready time then, ns
 * @since: vmqos_sched_clock() then, ns
 * @lock: guards what follows; leaf, taken under the run queue's lock
 * @works: how many works are queued or running
 * @posted: whether the object is in the list of news
 * @registered: whether the hook is in the thread
 * @shared: the thread had a hook for another vCPU already
 * @detach: the hook is to be taken out
 * @dead: the thread has ended
 * @retired: nothing of ours is in the thread, and nothing will be
 * @slice: the slice it has of ours, ns, or 0; vmqos_latency_mutex
 * @final_run: run time when it retired
 * @final_delay: ready time when it retired
 */
struct vmqos_thread {
	struct preempt_notifier notifier;
	struct vmqos_acct *acct;
	struct task_struct *task;
	struct vmqos_cpu_vcpu *vcpu;
	struct callback_head attach_work;
	struct callback_head detach_work;
	struct llist_node news;
	struct hlist_node node;
	struct rcu_head rcu;
	u64 run_base;
	u64 delay_base;
	u64 since;

	raw_spinlock_t lock;
	u8 works;
	bool posted;
	bool registered;
	bool shared;
	bool detach;
	bool dead;
	bool retired;
	u32 slice;
	u64 final_run;
	u64 final_delay;
};

void vmqos_thread_exit(void);
struct vmqos_thread *vmqos_thread_alloc(void);
int vmqos_thread_attach(struct vmqos_thread *thread, struct task_struct *task,
			struct vmqos_cpu_vcpu *vcpu, struct vmqos_acct *acct);
void vmqos_thread_detach(struct vmqos_thread *thread);
bool vmqos_thread_begin_work(struct vmqos_thread *thread);
void vmqos_thread_end_work(struct vmqos_thread *thread);
bool vmqos_thread_hooked(const struct vmqos_thread *thread);
void vmqos_thread_died(struct vmqos_thread *thread);
void vmqos_thread_free(struct vmqos_thread *thread);
void vmqos_thread_times(struct vmqos_thread *thread, u64 *run, u64 *delay);
bool vmqos_thread_known(const struct task_struct *task);

#endif /* _VMQOS_CPU_THREAD_H */
