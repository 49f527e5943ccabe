// SPDX-License-Identifier: GPL-2.0
/*
 * VMs of the latency class low: their vCPUs come to a CPU sooner when they wake up,
 * and get no more time by it.
 *
 * The scheduler, since 6.12, lets a thread ask for a shorter slice: it is then to be
 * done earlier, and so chosen and let ahead of others earlier when it has time
 * coming to it (EEVDF; I. Stoica, H. Abdel-Wahab, "Earliest Eligible Virtual
 * Deadline First", 1995). A thread for which somebody else has set a slice, or that
 * is not an ordinary one, is left alone. Before 6.12 there is nothing of the kind.
 *
 * The gate lets them borrow: their virtual time is behind what it would be by a few
 * slices (K. Duda, D. Cheriton, "Borrowed-Virtual-Time (BVT) scheduling", 1999).
 */
#include <linux/sched.h>
#include <linux/version.h>
#include <uapi/linux/sched/types.h>

#include "core/vm.h"
#include "cpu/cpu.h"
#include "cpu/latency.h"
#include "cpu/thread.h"

#define VMQOS_LATENCY_SLICE_NS	(500 * NSEC_PER_USEC)

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static bool vmqos_latency_sliced(const struct task_struct *task)
{
	return READ_ONCE(task->se.custom_slice);
}
#else
static bool vmqos_latency_sliced(const struct task_struct *task)
{
	return true;
}
#endif

/**
 * vmqos_latency_thread() - give a thread a short slice, or take it back
 * @thread: the thread
 * @low: whether it is to have it
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_latency_thread(struct vmqos_thread *thread, bool low)
{
	struct task_struct *task = thread->task;
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = task->policy,
		.sched_flags = task->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
		.sched_nice = task_nice(task),
		.sched_runtime = low ? VMQOS_LATENCY_SLICE_NS : 0,
	};

	if (low == thread->sliced || (low && vmqos_latency_sliced(task)) ||
	    (attr.sched_policy != SCHED_NORMAL && attr.sched_policy != SCHED_BATCH))
		return;
	if (!sched_setattr_nocheck(task, &attr))
		thread->sliced = low;
}

/**
 * vmqos_latency_vm() - have a VM's threads follow its policy
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_latency_vm(struct vmqos_vm *vm)
{
	bool low = vm->cpu->policy.latency == VMQOS_CPU_LATENCY_LOW;
	const struct vmqos_vcpu *vcpu;
	unsigned long index;

	xa_for_each(&vm->vcpus, index, vcpu)
		if (vcpu->cpu->thread)
			vmqos_latency_thread(vcpu->cpu->thread, low);
}
