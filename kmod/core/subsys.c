// SPDX-License-Identifier: GPL-2.0
/*
 * The planes that follow the life of VMs. The core knows them by this list
 * alone; they never call each other.
 */
#include <linux/lockdep.h>
#include <linux/mutex.h>

#include "core/subsys.h"
#include "core/vm.h"

/* In the order in which they are set up; undone in reverse. vmqos_lock. */
static LIST_HEAD(vmqos_subsystems);

/**
 * vmqos_subsys_register() - add a plane
 * @subsys: the plane; it must stay until it is unregistered
 *
 * Context: module initialisation, before any VM is adopted.
 */
void vmqos_subsys_register(struct vmqos_subsys *subsys)
{
	mutex_lock(&vmqos_lock);
	list_add_tail(&subsys->node, &vmqos_subsystems);
	mutex_unlock(&vmqos_lock);
}

/**
 * vmqos_subsys_unregister() - remove a plane
 * @subsys: the plane
 *
 * Context: module exit, when no VM is adopted.
 */
void vmqos_subsys_unregister(struct vmqos_subsys *subsys)
{
	mutex_lock(&vmqos_lock);
	list_del(&subsys->node);
	mutex_unlock(&vmqos_lock);
}

/**
 * vmqos_subsys_vm_init() - have every plane set up a VM
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: 0, or the error of the plane that failed; then all are undone.
 */
int vmqos_subsys_vm_init(struct vmqos_vm *vm)
{
	struct vmqos_subsys *subsys;
	int ret;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node) {
		ret = subsys->vm_init(vm);
		if (ret)
			goto undo;
	}
	return 0;
undo:
	list_for_each_entry_continue_reverse(subsys, &vmqos_subsystems, node)
		subsys->vm_exit(vm);
	return ret;
}

/**
 * vmqos_subsys_vm_exit() - have every plane forget a VM
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_subsys_vm_exit(struct vmqos_vm *vm)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry_reverse(subsys, &vmqos_subsystems, node)
		subsys->vm_exit(vm);
}

/**
 * vmqos_subsys_vcpu_init() - have every plane set up a vCPU
 * @vcpu: the vCPU
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: 0, or the error of the plane that failed; then all are undone.
 */
int vmqos_subsys_vcpu_init(struct vmqos_vcpu *vcpu)
{
	struct vmqos_subsys *subsys;
	int ret;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node) {
		ret = subsys->vcpu_init ? subsys->vcpu_init(vcpu) : 0;
		if (ret)
			goto undo;
	}
	return 0;
undo:
	list_for_each_entry_continue_reverse(subsys, &vmqos_subsystems, node)
		if (subsys->vcpu_exit)
			subsys->vcpu_exit(vcpu);
	return ret;
}

/**
 * vmqos_subsys_vcpu_exit() - have every plane forget a vCPU
 * @vcpu: the vCPU
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_subsys_vcpu_exit(struct vmqos_vcpu *vcpu)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry_reverse(subsys, &vmqos_subsystems, node)
		if (subsys->vcpu_exit)
			subsys->vcpu_exit(vcpu);
}

/**
 * vmqos_subsys_vcpu_thread() - tell every plane which thread runs a vCPU
 * @vcpu: the vCPU
 * @task: the thread
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: whether all planes have taken it over.
 */
bool vmqos_subsys_vcpu_thread(struct vmqos_vcpu *vcpu, struct task_struct *task)
{
	struct vmqos_subsys *subsys;
	bool done = true;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->vcpu_thread)
			done &= subsys->vcpu_thread(vcpu, task);
	return done;
}

/**
 * vmqos_subsys_vm_vcpus() - tell every plane that a VM has more vCPUs
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_subsys_vm_vcpus(struct vmqos_vm *vm)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->vm_vcpus)
			subsys->vm_vcpus(vm);
}

/**
 * vmqos_subsys_vm_set_check() - have every plane judge a change of a VM
 * @vm: the VM
 * @attrs: attributes of the request
 * @extack: receives the reason of a refusal
 *
 * Nothing has changed on return: the caller asks everyone before it has the
 * change made by vmqos_subsys_vm_set().
 *
 * Context: process context, vmqos_lock held.
 * Return: 1 when something would change, 0 when not, or the error of the first
 * plane that refuses.
 */
int vmqos_subsys_vm_set_check(struct vmqos_vm *vm, struct nlattr *const *attrs,
			      struct netlink_ext_ack *extack)
{
	struct vmqos_subsys *subsys;
	int changes = 0;
	int ret;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node) {
		if (!subsys->vm_set_check)
			continue;
		ret = subsys->vm_set_check(vm, attrs, extack);
		if (ret < 0)
			return ret;
		changes |= ret;
	}
	return changes;
}

/**
 * vmqos_subsys_vm_set() - have every plane make a change of a VM
 * @vm: the VM
 * @attrs: attributes of the request, found good by vmqos_subsys_vm_set_check()
 *
 * Context: process context, vmqos_lock held since the check.
 */
void vmqos_subsys_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->vm_set)
			subsys->vm_set(vm, attrs);
}

/**
 * vmqos_subsys_vm_fill() - have every plane add to a message on a VM
 * @skb: the message
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 * Return: 0, or -EMSGSIZE when it does not fit.
 */
int vmqos_subsys_vm_fill(struct sk_buff *skb, struct vmqos_vm *vm)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->vm_fill && subsys->vm_fill(skb, vm))
			return -EMSGSIZE;
	return 0;
}

/**
 * vmqos_subsys_vm_stat_fill() - have every plane add to a message on a VM's counters
 * @skb: the message
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: 0, or -EMSGSIZE when it does not fit.
 */
int vmqos_subsys_vm_stat_fill(struct sk_buff *skb, struct vmqos_vm *vm)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->vm_stat_fill && subsys->vm_stat_fill(skb, vm))
			return -EMSGSIZE;
	return 0;
}

/**
 * vmqos_subsys_vm_reclaim() - have every plane take back what a request names
 * @vm: the VM
 * @attrs: the request
 * @extack: where a refusal says why
 *
 * Context: process context, vmqos_lock held; sleeps, but not until it is done.
 * Return: 0 or a negative error.
 */
int vmqos_subsys_vm_reclaim(struct vmqos_vm *vm, struct nlattr *const *attrs,
			    struct netlink_ext_ack *extack)
{
	struct vmqos_subsys *subsys;
	int ret = 0;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node) {
		if (subsys->vm_reclaim)
			ret = subsys->vm_reclaim(vm, attrs, extack);
		if (ret)
			break;
	}
	return ret;
}

/**
 * vmqos_subsys_vm_release() - have every plane let go of a VM's threads
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held. Does not wait for the threads.
 */
void vmqos_subsys_vm_release(struct vmqos_vm *vm)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->vm_release)
			subsys->vm_release(vm);
}

/**
 * vmqos_subsys_vm_busy() - whether a plane still holds a VM's threads
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 * Return: true when one does.
 */
bool vmqos_subsys_vm_busy(struct vmqos_vm *vm)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->vm_busy && subsys->vm_busy(vm))
			return true;
	return false;
}

/**
 * vmqos_subsys_scan() - give every plane its turn, once a scan period
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_subsys_scan(void)
{
	struct vmqos_subsys *subsys;

	lockdep_assert_held(&vmqos_lock);
	list_for_each_entry(subsys, &vmqos_subsystems, node)
		if (subsys->scan)
			subsys->scan();
}
