// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The time of a VM's threads that are no vCPUs: the VMM's main loop, its I/O
 * threads and, from Linux 6.4 on, vhost's workers, which are threads of the
 * VMM's process. They carry no hook. Their run time is what the process has
 * used in all its threads, ended ones included, less what those threads have
 * used that run vCPUs:
 *
 *	others = sum over live threads without a hook
 *	       + what ended threads have used (signal->sum_sched_runtime)
 *	       - base
 *
 * The base is chosen so that others is 0 at the adoption, and moved by the
 * whole run time of a thread whenever the thread changes sides: up when a
 * thread that ran a vCPU lets go of its hook or ends, down when a thread
 * becomes a vCPU's. A thread with a hook that has ended, but whose end has not
 * been processed yet, is in the second term already and is subtracted.
 *
 * Where a process has made several VMs, its other threads are counted to the
 * VM that was adopted first, so that sums over VMs stay right.
 *
 * Before Linux 6.4 vhost's workers are threads of the kernel: see workers.c.
 */
#include <linux/hashtable.h>
#include <linux/kvm_host.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seqlock.h>
#include <linux/slab.h>

#include "core/vm.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/others.h"
#include "cpu/thread.h"
#include "cpu/workers.h"

#define VMQOS_PROCESS_HASH_BITS 10
/* How often other threads' time is looked at: each look walks the process. */
#define VMQOS_OTHERS_NS		(200 * NSEC_PER_MSEC)

/**
 * struct vmqos_others - sums over a process's threads
 * @threads: number of threads without a hook
 * @run: their run time and that of ended threads, ns
 * @ready: their ready time, ns
 */
struct vmqos_others {
	u32 threads;
	u64 run;
	u64 ready;
};

/* vmqos_lock */
static DEFINE_HASHTABLE(vmqos_processes, VMQOS_PROCESS_HASH_BITS);

/**
 * vmqos_process_find() - find the process of an adopted VM
 * @pid: the process
 *
 * Context: process context, vmqos_lock held.
 * Return: the process, or NULL when it has no adopted VM.
 */
struct vmqos_process *vmqos_process_find(struct pid *pid)
{
	struct vmqos_process *process;

	hash_for_each_possible(vmqos_processes, process, node,
			       (unsigned long)pid)
		if (process->pid == pid)
			return process;
	return NULL;
}

/* Ended threads of the process that had a hook and are not processed yet. */
static u64 vmqos_process_unprocessed(struct vmqos_process *process)
{
	struct vmqos_cpu_vm *cvm;
	struct vmqos_vcpu *vcpu;
	unsigned long index;
	u64 run = 0;

	list_for_each_entry(cvm, &process->vms, in_process)
		xa_for_each(&cvm->vm->vcpus, index, vcpu)
			if (vcpu->cpu->thread &&
			    !pid_alive(vcpu->cpu->thread->task))
				run += vcpu->cpu->thread->task->se.sum_exec_runtime;
	return run;
}

/* False when the process is gone. */
static bool vmqos_process_sum(struct vmqos_process *process,
			      struct vmqos_others *sum)
{
	struct task_struct *leader, *task;
	struct signal_struct *signal;
	unsigned int seq = 0;
	u64 ended;

	rcu_read_lock();
	leader = pid_task(process->pid, PIDTYPE_TGID);
	if (!leader) {
		rcu_read_unlock();
		return false;
	}
	signal = leader->signal;
	do {
		seq = read_seqbegin(&signal->stats_lock);
		*sum = (struct vmqos_others){};
		for_each_thread(leader, task) {
			if (vmqos_thread_known(task))
				continue;
			sum->threads++;
			sum->run += READ_ONCE(task->se.sum_exec_runtime);
			sum->ready += READ_ONCE(task->sched_info.run_delay);
		}
		ended = signal->sum_sched_runtime;
		ended -= min(ended, vmqos_process_unprocessed(process));
	} while (read_seqretry(&signal->stats_lock, seq));
	rcu_read_unlock();
	sum->run += ended;
	return true;
}

/**
 * vmqos_others_join() - begin to count a VM's other threads
 * @cvm: the VM
 * @pid: process of its VMM
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: 0 or -ENOMEM.
 */
int vmqos_others_join(struct vmqos_cpu_vm *cvm, struct pid *pid)
{
	struct vmqos_process *process = vmqos_process_find(pid);
	struct vmqos_others sum;

	lockdep_assert_held(&vmqos_lock);
	if (!process) {
		process = kzalloc(sizeof(*process), GFP_KERNEL_ACCOUNT);
		if (!process)
			return -ENOMEM;
		process->pid = get_pid(pid);
		INIT_LIST_HEAD(&process->vms);
		vmqos_workers_init(process);
		hash_add(vmqos_processes, &process->node, (unsigned long)pid);
		if (vmqos_process_sum(process, &sum)) {
			process->base_run = sum.run;
			process->base_ready = sum.ready;
		}
	}
	cvm->process = process;
	list_add_tail(&cvm->in_process, &process->vms);
	return 0;
}

/**
 * vmqos_others_leave() - end counting a VM's other threads
 * @cvm: the VM
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_others_leave(struct vmqos_cpu_vm *cvm)
{
	struct vmqos_process *process = cvm->process;

	lockdep_assert_held(&vmqos_lock);
	list_del(&cvm->in_process);
	if (!list_empty(&process->vms))
		return;
	vmqos_workers_free(process);
	hash_del(&process->node);
	put_pid(process->pid);
	kfree(process);
}

/**
 * vmqos_others_attached() - a thread of the process now runs a vCPU
 * @cvm: the vCPU's VM
 * @thread: the thread, just given to vmqos_thread_attach()
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_others_attached(struct vmqos_cpu_vm *cvm,
			   const struct vmqos_thread *thread)
{
	lockdep_assert_held(&vmqos_lock);
	/* Unsigned arithmetic: the base may well pass below zero and back. */
	cvm->process->base_run -= thread->run_base;
	cvm->process->base_ready -= thread->delay_base;
}

/**
 * vmqos_others_retired() - a thread of the process runs a vCPU no more
 * @cvm: the vCPU's VM
 * @thread: the thread, just before it is freed
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_others_retired(struct vmqos_cpu_vm *cvm,
			  const struct vmqos_thread *thread)
{
	lockdep_assert_held(&vmqos_lock);
	if (thread->shared) {
		/* It stays a vCPU's: undo vmqos_others_attached(). */
		cvm->process->base_run += thread->run_base;
		cvm->process->base_ready += thread->delay_base;
		return;
	}
	/* Nobody keeps the ready time of an ended thread. */
	cvm->process->base_run += thread->task->se.sum_exec_runtime;
	if (pid_alive(thread->task))
		cvm->process->base_ready += thread->task->sched_info.run_delay;
}

/**
 * vmqos_others_read() - read the counters of a VM's other threads
 * @cvm: the VM
 * @counts: receives the members that begin with other
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_others_read(struct vmqos_cpu_vm *cvm, struct vmqos_counts *counts)
{
	struct vmqos_process *process = cvm->process;
	struct vmqos_others sum;
	s64 run, ready;

	lockdep_assert_held(&vmqos_lock);
	if (list_first_entry(&process->vms, struct vmqos_cpu_vm, in_process) ==
	    cvm && vmqos_process_sum(process, &sum)) {
		vmqos_workers_add(process, &sum.threads, &sum.run, &sum.ready);
		run = sum.run - process->base_run;
		ready = sum.ready - process->base_ready;
		cvm->other_threads = sum.threads;
		cvm->other_run = max_t(s64, cvm->other_run, run);
		cvm->other_ready = max_t(s64, cvm->other_ready, ready);
	}
	counts->other_threads = cvm->other_threads;
	counts->other_run_ns = cvm->other_run;
	counts->other_ready_ns = cvm->other_ready;
}

/**
 * vmqos_gate_others() - charge a VM with the time of its other threads
 * @cvm: the VM
 *
 * What they ran since the last look is charged evenly over the time to the next.
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_others(struct vmqos_cpu_vm *cvm)
{
	struct vmqos_gate_vm *vm = &cvm->gate;
	u64 now = vmqos_sched_clock(), dt = now - vm->others_seen;
	struct vmqos_counts counts = {};
	u64 ran;

	lockdep_assert_held(&vmqos_lock);
	if (!cvm->policy.charge_others) {
		vm->others_seen = 0;
		WRITE_ONCE(vm->others_rate, 0);
		return;
	}
	if (vm->others_seen && dt < VMQOS_OTHERS_NS)
		return;
	vmqos_others_read(cvm, &counts);
	/* Of a thread that ended in between a little may not be told any more. */
	ran = counts.other_run_ns > vm->others ? counts.other_run_ns - vm->others : 0;
	if (vm->others_seen)
		WRITE_ONCE(vm->others_rate,
			   min_t(u64, mul_u64_u64_div_u64(ran, VMQOS_CPU_ONE, dt), U32_MAX));
	vm->others = counts.other_run_ns;
	vm->others_seen = now;
}
