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
 *
 * VMs of the class normal get a slice that is a little longer while they are owed time and
 * sleep now and then: woken, a vCPU of theirs runs before those that had their time,
 * where otherwise it would wait for the end of their slices each time, and be owed ever more.
 *
 * Context: the epoch, and the policy's changes. Lock: vmqos_latency_mutex, a leaf.
 */
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <uapi/linux/sched/types.h>

#include "core/vm.h"
#include "cpu/cpu.h"
#include "cpu/latency.h"
#include "cpu/thread.h"

/* By class: less than the scheduler's own, which is 0.7 ms on one CPU and more on others. */
#define VMQOS_LATENCY_LOW_NS	(500 * NSEC_PER_USEC)
#define VMQOS_LATENCY_OWED_NS	(600 * NSEC_PER_USEC)
/* So many epochs after it slept and was owed time a vCPU keeps its slice. */
#define VMQOS_LATENCY_EPOCHS	16

/* Guards vmqos_thread.slice, and that what it says is the thread's. */
static DEFINE_MUTEX(vmqos_latency_mutex);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static bool vmqos_latency_sliced(const struct task_struct *task, u32 ours)
{
	return READ_ONCE(task->se.custom_slice) && READ_ONCE(task->se.slice) != ours;
}
#else
static bool vmqos_latency_sliced(const struct task_struct *task, u32 ours)
{
	return true;
}
#endif

static void vmqos_latency_slice(struct vmqos_thread *thread, u32 slice)
{
	struct task_struct *task = thread->task;
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = task->policy,
		.sched_flags = task->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
		.sched_nice = task_nice(task),
		.sched_runtime = slice,
	};

	lockdep_assert_held(&vmqos_latency_mutex);
	if (slice == thread->slice ||
	    (attr.sched_policy != SCHED_NORMAL && attr.sched_policy != SCHED_BATCH))
		return;
	/* Also one that was set while the thread had ours: that is over then. */
	if (vmqos_latency_sliced(task, thread->slice)) {
		WRITE_ONCE(thread->slice, 0);
		return;
	}
	if (!sched_setattr_nocheck(task, &attr))
		WRITE_ONCE(thread->slice, slice);
}

/**
 * vmqos_latency_thread() - give a thread the slice of its VM's class
 * @thread: the thread
 * @low: whether it is of the class low
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_latency_thread(struct vmqos_thread *thread, bool low)
{
	mutex_lock(&vmqos_latency_mutex);
	vmqos_latency_slice(thread, low ? VMQOS_LATENCY_LOW_NS : 0);
	mutex_unlock(&vmqos_latency_mutex);
}

/**
 * vmqos_latency_retired() - take back what a thread was given
 * @thread: the thread, which its vCPU does not name any more
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_latency_retired(struct vmqos_thread *thread)
{
	/* Also of a dead one: the epoch may be at it. */
	mutex_lock(&vmqos_latency_mutex);
	if (!thread->dead)
		vmqos_latency_slice(thread, 0);
	mutex_unlock(&vmqos_latency_mutex);
}

/**
 * vmqos_latency_follow() - have a vCPU's slice follow what its VM is owed
 * @gate: the vCPU
 * @low: whether its VM is of the class low
 * @waits: whether it slept in this epoch, and its VM is owed time
 *
 * Context: the epoch.
 */
void vmqos_latency_follow(struct vmqos_gate *gate, bool low, bool waits)
{
	struct vmqos_thread *thread;
	u32 slice = 0;
	bool other;

	if (waits)
		gate->prompt = VMQOS_LATENCY_EPOCHS;
	else if (gate->prompt)
		gate->prompt--;
	if (low)
		slice = VMQOS_LATENCY_LOW_NS;
	else if (gate->prompt)
		slice = VMQOS_LATENCY_OWED_NS;
	rcu_read_lock();
	thread = READ_ONCE(gate->thread);
	other = thread && READ_ONCE(thread->slice) != slice;
	rcu_read_unlock();
	if (likely(!other))
		return;
	mutex_lock(&vmqos_latency_mutex);
	/* Who takes it out comes here before it is freed. */
	thread = READ_ONCE(gate->thread);
	if (thread)
		vmqos_latency_slice(thread, slice);
	mutex_unlock(&vmqos_latency_mutex);
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
