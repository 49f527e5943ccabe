// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The registry of adopted VMs. A VM enters it by vmqos_vm_adopt(), which
 * either does everything or leaves nothing behind: all memory that the VM and
 * its vCPUs need is allocated before the first thread is touched. It leaves in
 * two steps. vmqos_vm_release() asks the planes to let go of its threads,
 * which each thread does for itself when it next passes a safe point;
 * vmqos_vm_check() finds that none is left and takes the VM out of the
 * registry. The reference to KVM is dropped by vmqos_vm_reap(), outside
 * vmqos_lock, because it may be the last one and then destroys the VM.
 *
 * The reference means that a VM whose VMM has died would live on: the scan
 * sees that ours is the only reference left and releases it.
 */
#include <linux/ctype.h>
#include <linux/hashtable.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <net/netlink.h>

#include "core/event.h"
#include "core/kvmfile.h"
#include "core/scan.h"
#include "core/subsys.h"
#include "core/vm.h"

#define VMQOS_VM_HASH_BITS 10

/* Registry, VMs and vCPUs: see vm.h. */
DEFINE_MUTEX(vmqos_lock);
DEFINE_XARRAY_ALLOC1(vmqos_vms);

/* All of these: vmqos_lock. */
static DEFINE_HASHTABLE(vmqos_vms_by_kvm, VMQOS_VM_HASH_BITS);
static DEFINE_HASHTABLE(vmqos_vms_by_name, VMQOS_VM_HASH_BITS);
static LIST_HEAD(vmqos_vms_check);
static LIST_HEAD(vmqos_vms_gone);
static u32 vmqos_next_id;
static u32 vmqos_generation;
static u32 vmqos_nr_vms;
static u32 vmqos_nr_vcpus;

static u32 vmqos_name_hash(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

/**
 * vmqos_vm_by_id() - find a VM by its number
 * @id: the number
 *
 * Context: process context, vmqos_lock held.
 * Return: the VM or NULL.
 */
struct vmqos_vm *vmqos_vm_by_id(u32 id)
{
	lockdep_assert_held(&vmqos_lock);
	return xa_load(&vmqos_vms, id);
}

/**
 * vmqos_vm_by_name() - find a VM by its name
 * @name: the name
 *
 * Context: process context, vmqos_lock held.
 * Return: the VM or NULL.
 */
struct vmqos_vm *vmqos_vm_by_name(const char *name)
{
	struct vmqos_vm *vm;

	lockdep_assert_held(&vmqos_lock);
	hash_for_each_possible(vmqos_vms_by_name, vm, by_name,
			       vmqos_name_hash(name))
		if (!strcmp(vm->name, name))
			return vm;
	return NULL;
}

/**
 * vmqos_vm_by_kvm() - find a VM by what KVM knows it as
 * @kvm: KVM's VM
 *
 * Context: process context, vmqos_lock held.
 * Return: the VM or NULL.
 */
struct vmqos_vm *vmqos_vm_by_kvm(const struct kvm *kvm)
{
	struct vmqos_vm *vm;

	lockdep_assert_held(&vmqos_lock);
	hash_for_each_possible(vmqos_vms_by_kvm, vm, by_kvm, (unsigned long)kvm)
		if (vm->kvm == kvm)
			return vm;
	return NULL;
}

/**
 * vmqos_vm_generation() - a number that changes with the set of VMs
 *
 * A dump that sees it change tells its reader that it may be incomplete.
 *
 * Context: process context, vmqos_lock held.
 * Return: the number, never 0.
 */
u32 vmqos_vm_generation(void)
{
	lockdep_assert_held(&vmqos_lock);
	return vmqos_generation ?: 1;
}

/**
 * vmqos_vm_count() - how many VMs and vCPUs there are
 * @vms: set to the number of VMs, those being released included
 * @vcpus: set to the number of their vCPUs
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_vm_count(u32 *vms, u32 *vcpus)
{
	lockdep_assert_held(&vmqos_lock);
	*vms = vmqos_nr_vms;
	*vcpus = vmqos_nr_vcpus;
}

/**
 * vmqos_vm_ended() - whether a VM is on its way out
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 * Return: true when it is being released, or has ended by itself, be that
 * noticed already or not.
 */
bool vmqos_vm_ended(const struct vmqos_vm *vm)
{
	lockdep_assert_held(&vmqos_lock);
	/* KVM's descriptors are closed, the only reference left is ours. */
	return vm->state == VMQOS_VM_STATE_RELEASING ||
	       refcount_read(&vm->kvm->users_count) == 1;
}

/* A VM on its way out keeps its name only until another wants it. */
static bool vmqos_name_taken(const char *name, const struct vmqos_vm *self)
{
	const struct vmqos_vm *other = vmqos_vm_by_name(name);

	return other && other != self && !vmqos_vm_ended(other);
}

/* Enter a VM by its name; one on its way out is found by its number only. */
static void vmqos_name_enter(struct vmqos_vm *vm)
{
	struct vmqos_vm *other = vmqos_vm_by_name(vm->name);

	if (other) {
		hash_del(&other->by_name);
		/* It may have ended unnoticed: now is the time. */
		vmqos_vm_check(other);
	}
	hash_add(vmqos_vms_by_name, &vm->by_name, vmqos_name_hash(vm->name));
}

static int vmqos_name_check(const struct nlattr *attr,
			    const struct vmqos_vm *self,
			    struct netlink_ext_ack *extack)
{
	const char *name = nla_data(attr);
	const char *c;

	if (!*name) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "the name is empty; give 1 to 63 printable characters");
		return -EINVAL;
	}
	for (c = name; *c; c++) {
		if (isascii(*c) && isgraph(*c) && *c != '/')
			continue;
		NL_SET_ERR_MSG_ATTR(extack, attr, "the name has a character that is blank, a slash, or not printable ASCII");
		return -EINVAL;
	}
	if (vmqos_name_taken(name, self)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "another adopted VM has this name; give a name of its own");
		return -EEXIST;
	}
	return 0;
}

static void vmqos_name_default(struct vmqos_vm *vm)
{
	int nr = pid_nr(vm->pid);

	snprintf(vm->name, sizeof(vm->name), "vm-%d", nr);
	if (vmqos_name_taken(vm->name, NULL))
		snprintf(vm->name, sizeof(vm->name), "vm-%d-%u", nr, vm->id);
	/* Only a VM that was given this very name on purpose can stand there. */
	if (vmqos_name_taken(vm->name, NULL))
		snprintf(vm->name, sizeof(vm->name), "vm-%d-%u-%llu", nr,
			 vm->id, vm->adopted_ns);
}

static void vmqos_vm_overlay(struct vmqos_vm *vm, struct nlattr *const *attrs)
{
	if (attrs[VMQOS_VM_A_NAME])
		strscpy(vm->name, nla_data(attrs[VMQOS_VM_A_NAME]),
			sizeof(vm->name));
	if (attrs[VMQOS_VM_A_UUID]) {
		memcpy(vm->uuid, nla_data(attrs[VMQOS_VM_A_UUID]),
		       sizeof(vm->uuid));
		vm->has_uuid = true;
	}
}

/* The process must be the one that made the VM: they share the memory. */
static int vmqos_vm_check_owner(struct kvm *kvm, struct pid *pid,
				const struct nlattr *attr,
				struct netlink_ext_ack *extack)
{
	struct task_struct *leader, *task;
	bool owner = false;

	rcu_read_lock();
	leader = pid_task(pid, PIDTYPE_TGID);
	/* Compared, not used; a main thread that has ended has none. */
	if (leader)
		for_each_thread(leader, task)
			owner |= READ_ONCE(task->mm) == kvm->mm;
	rcu_read_unlock();
	if (!leader) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such process; give the process ID of the VMM, not of one of its threads");
		return -ESRCH;
	}
	if (!owner) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "the process is not the one that made this VM");
		return -EINVAL;
	}
	return 0;
}

/* Allocate all that the VM needs; on failure nothing remains. */
static int vmqos_vm_build(struct vmqos_vm *vm)
{
	int ret;

	ret = xa_alloc_cyclic(&vmqos_vms, &vm->id, vm, xa_limit_31b,
			      &vmqos_next_id, GFP_KERNEL);
	if (ret < 0)
		return ret;
	ret = vmqos_subsys_vm_init(vm);
	if (ret)
		goto err_id;
	ret = vmqos_vm_find_vcpus(vm);
	if (ret)
		goto err_vcpus;
	return 0;

err_vcpus:
	vmqos_vm_free_vcpus(vm);
	vmqos_subsys_vm_exit(vm);
err_id:
	xa_erase(&vmqos_vms, vm->id);
	return ret;
}

/**
 * vmqos_vm_adopt() - take a VM into the registry
 * @file: the VM's file, from KVM_CREATE_VM
 * @pid: process of its VMM
 * @attrs: attributes of the request: name and uuid tell how it is to be called,
 *	vm-fd and pid are blamed for a refusal
 * @extack: receives the reason of a refusal
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: the VM, or an error pointer: -EBADF not a VM, -ESRCH no such
 * process, -EINVAL wrong process or bad name, -EEXIST known already or name
 * taken, -EBUSY module being unloaded, -ENOMEM. After an error nothing has
 * changed.
 */
struct vmqos_vm *vmqos_vm_adopt(struct file *file, struct pid *pid,
				struct nlattr *const *attrs,
				struct netlink_ext_ack *extack)
{
	struct vmqos_vm *vm;
	struct kvm *kvm;
	int ret;

	lockdep_assert_held(&vmqos_lock);
	kvm = vmqos_kvmfile_get(file);
	if (!kvm) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[VMQOS_VM_A_VM_FD],
				    "the file descriptor is not a KVM virtual machine; give the answer to KVM_CREATE_VM");
		return ERR_PTR(-EBADF);
	}
	ret = vmqos_vm_check_owner(kvm, pid, attrs[VMQOS_VM_A_PID], extack);
	if (ret)
		goto err_kvm;
	if (vmqos_vm_by_kvm(kvm)) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[VMQOS_VM_A_VM_FD],
				    "this VM is adopted already");
		ret = -EEXIST;
		goto err_kvm;
	}
	if (attrs[VMQOS_VM_A_NAME]) {
		ret = vmqos_name_check(attrs[VMQOS_VM_A_NAME], NULL, extack);
		if (ret)
			goto err_kvm;
	}
	if (!try_module_get(THIS_MODULE)) {
		NL_SET_ERR_MSG(extack, "the module is being unloaded");
		ret = -EBUSY;
		goto err_kvm;
	}
	ret = -ENOMEM;
	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		goto err_module;
	vm->kvm = kvm;
	vm->pid = get_pid(pid);
	vm->adopted_ns = ktime_get_ns();
	INIT_LIST_HEAD(&vm->check);
	xa_init(&vm->vcpus);
	ret = vmqos_vm_build(vm);
	if (ret)
		goto err_vm;

	/* From here on nothing fails. */
	vmqos_vm_overlay(vm, attrs);
	if (!attrs[VMQOS_VM_A_NAME])
		vmqos_name_default(vm);
	hash_add(vmqos_vms_by_kvm, &vm->by_kvm, (unsigned long)kvm);
	vmqos_name_enter(vm);
	vmqos_generation++;
	vmqos_nr_vms++;
	vmqos_nr_vcpus += vm->nr_vcpus;
	preempt_notifier_inc();
	vmqos_event_vm(VMQOS_CMD_VM_ADOPT_NTF, vm);
	vmqos_vm_find_threads(vm);
	vmqos_scan_start();
	return vm;

err_vm:
	put_pid(vm->pid);
	kfree(vm);
err_module:
	module_put(THIS_MODULE);
err_kvm:
	if (ret == -ENOMEM)
		NL_SET_ERR_MSG(extack, "not enough memory to adopt the VM; nothing has changed");
	kvm_put_kvm(kvm);
	return ERR_PTR(ret);
}

/**
 * vmqos_vm_set() - change a VM
 * @vm: the VM
 * @attrs: attributes of the request: name, uuid and those of the planes; what
 *	is not given stays
 * @extack: receives the reason of a refusal
 *
 * Context: process context, vmqos_lock held.
 * Return: 1 when something changed, 0 when not, -EINVAL or -EEXIST for a bad
 * or taken name, -EBUSY for a VM that is being released, or the error of a plane
 * that refuses. After an error nothing has changed.
 */
int vmqos_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs,
		 struct netlink_ext_ack *extack)
{
	struct nlattr *name = attrs[VMQOS_VM_A_NAME];
	struct nlattr *uuid = attrs[VMQOS_VM_A_UUID];
	bool changed = false;
	int ret;

	lockdep_assert_held(&vmqos_lock);
	if (vm->state == VMQOS_VM_STATE_RELEASING) {
		NL_SET_ERR_MSG(extack, "the VM is being released");
		return -EBUSY;
	}
	if (name) {
		ret = vmqos_name_check(name, vm, extack);
		if (ret)
			return ret;
		changed |= strcmp(vm->name, nla_data(name)) != 0;
	}
	if (uuid)
		changed |= !vm->has_uuid ||
			   memcmp(vm->uuid, nla_data(uuid), sizeof(vm->uuid));
	ret = vmqos_subsys_vm_set_check(vm, attrs, extack);
	if (ret < 0)
		return ret;
	if (!changed && !ret)
		return 0;

	/* From here on nothing fails. */
	vmqos_vm_overlay(vm, attrs);
	if (name) {
		hash_del(&vm->by_name);
		vmqos_name_enter(vm);
	}
	vmqos_subsys_vm_set(vm, attrs);
	vmqos_event_vm(VMQOS_CMD_VM_CHANGE_NTF, vm);
	return 1;
}

/* Take a VM that no plane holds any more out of the registry. */
static void vmqos_vm_drop(struct vmqos_vm *vm)
{
	vmqos_event_vm(VMQOS_CMD_VM_RELEASE_NTF, vm);
	hash_del(&vm->by_kvm);
	hash_del(&vm->by_name);
	xa_erase(&vmqos_vms, vm->id);
	vmqos_generation++;
	vmqos_nr_vms--;
	vmqos_nr_vcpus -= vm->nr_vcpus;
	vmqos_vm_free_vcpus(vm);
	vmqos_subsys_vm_exit(vm);
	preempt_notifier_dec();
	list_del_init(&vm->check);
	list_add_tail(&vm->gone, &vmqos_vms_gone);
	vmqos_scan_kick();
}

/**
 * vmqos_vm_release() - let go of a VM
 * @vm: the VM; stays in the registry until vmqos_vm_check() takes it out
 *
 * Does not wait: threads let go of their hooks by themselves. Releasing a VM
 * that is being released asks its threads once more.
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_vm_release(struct vmqos_vm *vm)
{
	lockdep_assert_held(&vmqos_lock);
	if (vm->state != VMQOS_VM_STATE_RELEASING) {
		vm->state = VMQOS_VM_STATE_RELEASING;
		vmqos_event_vm(VMQOS_CMD_VM_CHANGE_NTF, vm);
	}
	vmqos_subsys_vm_release(vm);
	/* The caller may yet look at it: whether it is gone is seen later. */
	if (!vmqos_subsys_vm_busy(vm))
		vmqos_vm_check_later(vm);
}

/**
 * vmqos_vm_check() - look whether a VM has ended, or has been let go of
 * @vm: the VM; may be out of the registry on return
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_vm_check(struct vmqos_vm *vm)
{
	lockdep_assert_held(&vmqos_lock);
	if (!vm->dead && refcount_read(&vm->kvm->users_count) == 1) {
		vm->dead = true;
		vmqos_vm_release(vm);
	}
	if (vm->state == VMQOS_VM_STATE_RELEASING) {
		if (!vmqos_subsys_vm_busy(vm))
			vmqos_vm_drop(vm);
		return;
	}
	/* What cannot be allocated now is found again at the next scan. */
	vmqos_nr_vcpus -= vm->nr_vcpus;
	vmqos_vm_find_vcpus(vm);
	vmqos_nr_vcpus += vm->nr_vcpus;
	vmqos_vm_find_threads(vm);
}

/**
 * vmqos_vm_check_later() - have vmqos_vm_check() look at a VM soon
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_vm_check_later(struct vmqos_vm *vm)
{
	lockdep_assert_held(&vmqos_lock);
	if (list_empty(&vm->check))
		list_add_tail(&vm->check, &vmqos_vms_check);
	vmqos_scan_kick();
}

/**
 * vmqos_vm_check_queued() - look at the VMs of vmqos_vm_check_later()
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_vm_check_queued(void)
{
	struct vmqos_vm *vm;

	lockdep_assert_held(&vmqos_lock);
	while (!list_empty(&vmqos_vms_check)) {
		vm = list_first_entry(&vmqos_vms_check, struct vmqos_vm, check);
		list_del_init(&vm->check);
		vmqos_vm_check(vm);
	}
}

/**
 * vmqos_vm_reap() - free the VMs that have left the registry
 *
 * Context: process context, vmqos_lock not held; may destroy VMs of KVM.
 */
void vmqos_vm_reap(void)
{
	struct vmqos_vm *vm, *next;
	LIST_HEAD(gone);

	mutex_lock(&vmqos_lock);
	list_splice_init(&vmqos_vms_gone, &gone);
	mutex_unlock(&vmqos_lock);
	list_for_each_entry_safe(vm, next, &gone, gone) {
		kvm_put_kvm(vm->kvm);
		put_pid(vm->pid);
		kfree(vm);
		module_put(THIS_MODULE);
	}
}
