// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU plane's objects: what it keeps of VMs and vCPUs, and how it follows
 * their life.
 */
#include <linux/kvm_host.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "core/subsys.h"
#include "core/vm.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/gate.h"
#include "cpu/latency.h"
#include "cpu/guest.h"
#include "cpu/others.h"
#include "cpu/policy_nl.h"
#include "cpu/stat_nl.h"
#include "cpu/thread.h"
#include "cpu/unmet.h"
#include "cpu/workers.h"

DEFINE_STATIC_KEY_FALSE(vmqos_clock_is_tsc);

/* Number of vCPUs in the state shared. vmqos_lock. */
static u32 vmqos_nr_shared;

/**
 * vmqos_clock_init() - choose the clock of the hooks
 *
 * Context: module initialisation.
 */
void vmqos_clock_init(void)
{
	if (boot_cpu_has(X86_FEATURE_TSC) && tsc_khz && !check_tsc_unstable())
		static_branch_enable(&vmqos_clock_is_tsc);
}

static int vmqos_cpu_vm_init(struct vmqos_vm *vm)
{
	struct vmqos_cpu_vm *cvm;
	int ret;

	cvm = kzalloc(sizeof(*cvm), GFP_KERNEL_ACCOUNT);
	if (!cvm)
		return -ENOMEM;
	cvm->vm = vm;
	vmqos_cpu_policy_default(&cvm->policy);
	ret = vmqos_others_join(cvm, vm->pid);
	if (ret)
		goto err_free;
	ret = vmqos_guest_get();
	if (ret)
		goto err_leave;
	ret = vmqos_gate_vm_init(cvm);
	if (ret)
		goto err_guest;
	vm->cpu = cvm;
	return 0;

err_guest:
	vmqos_guest_put();
err_leave:
	vmqos_others_leave(cvm);
err_free:
	kfree(cvm);
	return ret;
}

static void vmqos_cpu_vm_exit(struct vmqos_vm *vm)
{
	vmqos_gate_vm_exit(vm->cpu);
	vmqos_guest_put();
	vmqos_others_leave(vm->cpu);
	/* An interrupt on another CPU may still look at it. */
	kfree_rcu(vm->cpu, rcu);
}

/* The shares of a level follow the number of vCPUs. */
static void vmqos_cpu_vm_vcpus(struct vmqos_vm *vm)
{
	vmqos_gate_policy(vm->cpu);
}

static int vmqos_cpu_vcpu_init(struct vmqos_vcpu *vcpu)
{
	const struct kvm_vcpu_stat *stat = &vcpu->kvcpu->stat;
	struct vmqos_cpu_vcpu *cv;

	cv = kzalloc(sizeof(*cv), GFP_KERNEL_ACCOUNT);
	if (!cv)
		return -ENOMEM;
	/* So that taking over its thread cannot fail for want of memory. */
	cv->spare = vmqos_thread_alloc();
	if (!cv->spare) {
		kfree(cv);
		return -ENOMEM;
	}
	cv->vcpu = vcpu;
	cv->cvm = vcpu->vm->cpu;
	cv->kvcpu = vcpu->kvcpu;
	cv->state = VMQOS_VCPU_STATE_UNSTARTED;
	cv->exits_base = READ_ONCE(stat->exits);
	cv->halt_exits_base = READ_ONCE(stat->halt_exits);
	cv->io_exits_base = READ_ONCE(stat->io_exits);
	cv->mmio_exits_base = READ_ONCE(stat->mmio_exits);
	vmqos_gate_vcpu_init(cv);
	vcpu->cpu = cv;
	return 0;
}

static void vmqos_cpu_vcpu_exit(struct vmqos_vcpu *vcpu)
{
	vmqos_nr_shared -= vcpu->cpu->state == VMQOS_VCPU_STATE_SHARED;
	kfree(vcpu->cpu->spare);
	put_pid(vcpu->cpu->tid);
	vmqos_gate_vcpu_exit(vcpu->cpu);
	kfree_rcu(vcpu->cpu, rcu);
}

static bool vmqos_cpu_vcpu_thread(struct vmqos_vcpu *vcpu,
				  struct task_struct *task)
{
	struct vmqos_cpu_vcpu *cv = vcpu->cpu;

	/* One thread at a time counts: wait until the last one is out. */
	if (cv->thread) {
		vmqos_thread_detach(cv->thread);
		return false;
	}
	if (!cv->spare)
		cv->spare = vmqos_thread_alloc();
	if (!cv->spare)
		return false;
	if (vmqos_thread_attach(cv->spare, task, cv, &cv->acct))
		return false;
	cv->thread = cv->spare;
	cv->spare = NULL;
	vmqos_nr_shared -= cv->state == VMQOS_VCPU_STATE_SHARED;
	cv->state = VMQOS_VCPU_STATE_PENDING;
	put_pid(cv->tid);
	cv->tid = get_task_pid(task, PIDTYPE_PID);
	vmqos_others_attached(vcpu->vm->cpu, cv->thread);
	return true;
}

static void vmqos_cpu_vm_release(struct vmqos_vm *vm)
{
	struct vmqos_vcpu *vcpu;
	unsigned long index;

	xa_for_each(&vm->vcpus, index, vcpu)
		if (vcpu->cpu->thread)
			vmqos_thread_detach(vcpu->cpu->thread);
}

static bool vmqos_cpu_vm_busy(struct vmqos_vm *vm)
{
	struct vmqos_vcpu *vcpu;
	unsigned long index;

	xa_for_each(&vm->vcpus, index, vcpu)
		if (vcpu->cpu->thread)
			return true;
	return false;
}

/**
 * vmqos_cpu_thread_attached() - a thread has got its hook
 * @thread: the thread; its state may have moved on since
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_cpu_thread_attached(struct vmqos_thread *thread)
{
	struct vmqos_cpu_vcpu *cv = thread->vcpu;

	lockdep_assert_held(&vmqos_lock);
	cv->state = VMQOS_VCPU_STATE_ATTACHED;
	cv->vcpu->vm->nr_attached++;
	vmqos_latency_thread(thread, cv->cvm->policy.latency == VMQOS_CPU_LATENCY_LOW);
	vmqos_event_vcpu(cv->vcpu);
}

/*
 * A thread has let go of its hook: the vCPUs that it runs as well, and that
 * were not counted for that, may now have it. Few VMMs have such.
 */
static void vmqos_cpu_unshare(const struct pid *pid)
{
	struct vmqos_vcpu *vcpu;
	struct vmqos_vm *vm;
	unsigned long id, index;

	if (!vmqos_nr_shared)
		return;
	xa_for_each(&vmqos_vms, id, vm)
		xa_for_each(&vm->vcpus, index, vcpu)
			if (vcpu->cpu->state == VMQOS_VCPU_STATE_SHARED &&
			    vcpu->cpu->tid == pid)
				vmqos_vcpu_forget_thread(vcpu);
}

/**
 * vmqos_cpu_thread_retired() - a thread has nothing of ours any more
 * @thread: the thread; freed
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_cpu_thread_retired(struct vmqos_thread *thread)
{
	struct vmqos_cpu_vcpu *cv = thread->vcpu;
	struct vmqos_vm *vm = cv->vcpu->vm;
	u64 run, delay;

	lockdep_assert_held(&vmqos_lock);
	vmqos_gate_retired(thread);
	vmqos_latency_retired(thread);
	vmqos_others_retired(vm->cpu, thread);
	vm->nr_attached -= cv->state == VMQOS_VCPU_STATE_ATTACHED;
	cv->thread = NULL;
	if (thread->shared) {
		cv->state = VMQOS_VCPU_STATE_SHARED;
		vmqos_nr_shared++;
	} else {
		cv->state = VMQOS_VCPU_STATE_LEFT;
		vmqos_thread_times(thread, &run, &delay);
		cv->run_past += run;
		cv->ready_past += delay;
		cv->wall_past += vmqos_sched_clock() - thread->since;
	}
	/* A thread that lives may come back to the vCPU, or take up another. */
	if (!thread->shared && !thread->dead) {
		vmqos_vcpu_forget_thread(cv->vcpu);
		vmqos_cpu_unshare(cv->tid);
	}
	vmqos_thread_free(thread);
	vmqos_event_vcpu(cv->vcpu);
	/* It may have been the last one, or the VM may have ended with it. */
	vmqos_vm_check_later(vm);
}

/* Counters that are computed must not go back because of how they are. */
static u64 vmqos_told(u64 *told, u64 now)
{
	if (now > *told)
		*told = now;
	return *told;
}

/**
 * vmqos_cpu_read_vcpu() - read all counters of a vCPU
 * @cv: the vCPU
 * @counts: receives them
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_cpu_read_vcpu(struct vmqos_cpu_vcpu *cv, struct vmqos_counts *counts)
{
	const struct kvm_vcpu_stat *stat = &cv->kvcpu->stat;
	u64 run = 0, delay = 0, wall = 0, kinds;

	lockdep_assert_held(&vmqos_lock);
	*counts = (struct vmqos_counts){};
	vmqos_account_read(&cv->acct, counts);
	if (cv->thread && cv->state != VMQOS_VCPU_STATE_SHARED) {
		vmqos_thread_times(cv->thread, &run, &delay);
		wall = vmqos_sched_clock() - cv->thread->since;
		if (cv->state == VMQOS_VCPU_STATE_PENDING && wall > run + delay)
			counts->blocked_ns += wall - run - delay;
	}
	counts->run_ns = cv->run_past + run;
	counts->ready_ns = cv->ready_past + delay;
	counts->wall_ns = cv->wall_past + wall;
	counts->blocked_ns = vmqos_told(&cv->blocked_told, counts->blocked_ns);
	counts->halted_ns = vmqos_told(&cv->halted_told, counts->halted_ns);
	/* The scheduler's word of run time is as old as its last tick. */
	counts->guest_ns = vmqos_told(&cv->guest_told,
				      min(counts->guest_ns, counts->run_ns));
	/* The parts before the whole: their sum is not to be greater. */
	counts->halt_exits = READ_ONCE(stat->halt_exits) - cv->halt_exits_base;
	counts->io_exits = READ_ONCE(stat->io_exits) - cv->io_exits_base;
	counts->mmio_exits = READ_ONCE(stat->mmio_exits) - cv->mmio_exits_base;
	counts->exits = READ_ONCE(stat->exits) - cv->exits_base;
	/*
	 * KVM counts an exit a moment before it counts the kind. When the vCPU
	 * was found in that moment, the exit is counted as one after it.
	 */
	kinds = counts->halt_exits + counts->io_exits + counts->mmio_exits;
	if (counts->exits < kinds) {
		cv->exits_base -= kinds - counts->exits;
		counts->exits = kinds;
	}
}

/**
 * vmqos_cpu_read_vm() - read the counters of a VM
 * @vm: the VM
 * @counts: receives the sums over its vCPUs, and those of its other threads
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_cpu_read_vm(struct vmqos_vm *vm, struct vmqos_counts *counts)
{
	struct vmqos_counts one;
	struct vmqos_vcpu *vcpu;
	unsigned long index;

	lockdep_assert_held(&vmqos_lock);
	*counts = (struct vmqos_counts){};
	xa_for_each(&vm->vcpus, index, vcpu) {
		vmqos_cpu_read_vcpu(vcpu->cpu, &one);
		vmqos_account_add(counts, &one);
	}
	vmqos_others_read(vm->cpu, counts);
	vmqos_gate_read_vm(vm->cpu, counts);
}

/**
 * vmqos_cpu_vcpu_bytes() - what the plane holds for one vCPU
 *
 * Context: any.
 * Return: the size in bytes as the allocator rounds it.
 */
u32 vmqos_cpu_vcpu_bytes(void)
{
	return kmalloc_size_roundup(sizeof(struct vmqos_cpu_vcpu)) +
	       kmalloc_size_roundup(sizeof(struct vmqos_thread));
}

static void vmqos_cpu_scan(void)
{
	struct vmqos_vm *vm;
	unsigned long id;

	vmqos_workers_scan();
	xa_for_each(&vmqos_vms, id, vm) {
		vmqos_gate_others(vm->cpu);
		vmqos_unmet_tell(vm);
	}
}

static struct vmqos_subsys vmqos_cpu_subsys = {
	.name = "cpu",
	.vm_init = vmqos_cpu_vm_init,
	.vm_exit = vmqos_cpu_vm_exit,
	.vcpu_init = vmqos_cpu_vcpu_init,
	.vcpu_exit = vmqos_cpu_vcpu_exit,
	.vcpu_thread = vmqos_cpu_vcpu_thread,
	.vm_vcpus = vmqos_cpu_vm_vcpus,
	.vm_set_check = vmqos_policy_vm_check,
	.vm_set = vmqos_policy_vm_set,
	.vm_fill = vmqos_policy_vm_fill,
	.vm_release = vmqos_cpu_vm_release,
	.vm_busy = vmqos_cpu_vm_busy,
	.scan = vmqos_cpu_scan,
};

/**
 * vmqos_cpu_init() - set up the CPU plane
 *
 * Context: module initialisation.
 * Return: 0 or a negative error.
 */
int vmqos_cpu_init(void)
{
	int ret;

	vmqos_clock_init();
	ret = vmqos_guest_init();
	if (ret)
		return ret;
	ret = vmqos_gate_init();
	if (ret)
		return ret;
	/* As the host's settings are from the start. */
	mutex_lock(&vmqos_lock);
	vmqos_gate_host();
	mutex_unlock(&vmqos_lock);
	vmqos_subsys_register(&vmqos_cpu_subsys);
	return 0;
}

/**
 * vmqos_cpu_exit() - take the CPU plane down
 *
 * Context: module exit or a failed initialisation, when no VM is adopted.
 */
void vmqos_cpu_exit(void)
{
	vmqos_subsys_unregister(&vmqos_cpu_subsys);
	vmqos_gate_exit();
	vmqos_thread_exit();
}
