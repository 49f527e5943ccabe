// SPDX-License-Identifier: GPL-2.0
/*
 * Discovery of a VM's vCPUs and of the threads that run them, from KVM's own
 * structures. KVM announces neither a new vCPU nor a change of its thread, so
 * both are looked for when the VM is adopted and once a scan period.
 */
#include <linux/kvm_host.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "core/subsys.h"
#include "core/vm.h"

static int vmqos_vm_add_vcpus(struct vmqos_vm *vm)
{
	u32 online = atomic_read(&vm->kvm->online_vcpus);
	struct vmqos_vcpu *vcpu;
	struct kvm_vcpu *kvcpu;
	int ret;

	while (vm->nr_vcpus < online) {
		kvcpu = kvm_get_vcpu(vm->kvm, vm->nr_vcpus);
		/* Counted, but not yet to be found: the next call finds it. */
		if (!kvcpu)
			return 0;
		vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
		if (!vcpu)
			return -ENOMEM;
		vcpu->vm = vm;
		vcpu->index = vm->nr_vcpus;
		vcpu->kvcpu = kvcpu;
		ret = vmqos_subsys_vcpu_init(vcpu);
		if (ret)
			goto err_free;
		ret = xa_err(xa_store(&vm->vcpus, vcpu->index, vcpu,
				      GFP_KERNEL_ACCOUNT));
		if (ret)
			goto err_planes;
		vm->nr_vcpus++;
	}
	return 0;

err_planes:
	vmqos_subsys_vcpu_exit(vcpu);
err_free:
	kfree(vcpu);
	return ret;
}

/**
 * vmqos_vm_find_vcpus() - make objects for vCPUs that have none yet
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: 0, or -ENOMEM; then those made so far stay and the rest is found by
 * the next call.
 */
int vmqos_vm_find_vcpus(struct vmqos_vm *vm)
{
	u32 known = vm->nr_vcpus;
	int ret;

	lockdep_assert_held(&vmqos_lock);
	ret = vmqos_vm_add_vcpus(vm);
	if (vm->nr_vcpus != known)
		vmqos_subsys_vm_vcpus(vm);
	return ret;
}

static void vmqos_vcpu_find_thread(struct vmqos_vcpu *vcpu)
{
	struct task_struct *task;
	struct pid *pid;

	/*
	 * The reference in vcpu->pid keeps the old number's object, so that
	 * an equal pointer is the same thread.
	 */
	if (vmqos_compat_vcpu_pid_is(vcpu->kvcpu, vcpu->pid))
		return;
	pid = vmqos_compat_vcpu_pid(vcpu->kvcpu);
	task = get_pid_task(pid, PIDTYPE_PID);
	if (!task) {
		put_pid(pid);
		return;
	}
	if (vmqos_subsys_vcpu_thread(vcpu, task))
		swap(vcpu->pid, pid);
	put_task_struct(task);
	put_pid(pid);
}

/**
 * vmqos_vm_find_threads() - take over threads that run the VM's vCPUs
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_vm_find_threads(struct vmqos_vm *vm)
{
	struct vmqos_vcpu *vcpu;
	unsigned long index;

	lockdep_assert_held(&vmqos_lock);
	xa_for_each(&vm->vcpus, index, vcpu)
		vmqos_vcpu_find_thread(vcpu);
}

/**
 * vmqos_vcpu_forget_thread() - have the thread of a vCPU found anew
 * @vcpu: the vCPU
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_vcpu_forget_thread(struct vmqos_vcpu *vcpu)
{
	lockdep_assert_held(&vmqos_lock);
	put_pid(vcpu->pid);
	vcpu->pid = NULL;
}

/**
 * vmqos_vm_free_vcpus() - free the objects of a VM's vCPUs
 * @vm: the VM; none of its vCPUs has a thread of ours any more
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_vm_free_vcpus(struct vmqos_vm *vm)
{
	struct vmqos_vcpu *vcpu;
	unsigned long index;

	lockdep_assert_held(&vmqos_lock);
	xa_for_each(&vm->vcpus, index, vcpu) {
		vmqos_subsys_vcpu_exit(vcpu);
		put_pid(vcpu->pid);
		kfree(vcpu);
	}
	xa_destroy(&vm->vcpus);
	vm->nr_vcpus = 0;
}
