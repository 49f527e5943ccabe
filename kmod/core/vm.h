/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_VM_H
#define _VMQOS_CORE_VM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <uapi/linux/vmqos.h>

struct file;
struct kvm;
struct kvm_vcpu;
struct netlink_ext_ack;
struct nlattr;
struct pid;
struct vmqos_cpu_vcpu;
struct vmqos_cpu_vm;
struct vmqos_mem_vm;

/* Guards the registry, all VMs and vCPUs; outermost lock of the module. */
extern struct mutex vmqos_lock;
/* All adopted VMs by their id. vmqos_lock. */
extern struct xarray vmqos_vms;

/**
 * struct vmqos_vm - an adopted VM
 * @id: number of the VM, constant
 * @state: whether it is being released; vmqos_lock
 * @dead: it has ended by itself; vmqos_lock
 * @has_uuid: whether @uuid is set; vmqos_lock
 * @kvm: the VM, referenced until the object is freed, constant
 * @pid: process of the VMM, referenced, constant
 * @adopted_ns: CLOCK_MONOTONIC of the adoption, constant
 * @name: name, unique among those that are not on their way out; vmqos_lock
 * @uuid: UUID; vmqos_lock
 * @by_kvm: links the VM in the hash by @kvm; vmqos_lock
 * @by_name: links the VM in the hash by @name; vmqos_lock
 * @check: links the VM in the list of those to be looked at; vmqos_lock
 * @gone: links the VM in the list of those to be freed; vmqos_lock
 * @vcpus: its vCPUs by index; vmqos_lock
 * @nr_vcpus: number of entries in @vcpus; vmqos_lock
 * @nr_attached: number of those whose thread carries a hook; vmqos_lock
 * @cpu: what the CPU plane keeps of it
 * @mem: what the memory plane keeps of it
 *
 * Holds a reference to the module, so that unloading is refused while a VM is
 * adopted.
 */
struct vmqos_vm {
	u32 id;
	enum vmqos_vm_state state;
	bool dead;
	bool has_uuid;
	struct kvm *kvm;
	struct pid *pid;
	u64 adopted_ns;
	char name[VMQOS_NAME_MAX + 1];
	u8 uuid[VMQOS_UUID_SIZE];
	struct hlist_node by_kvm;
	struct hlist_node by_name;
	struct list_head check;
	struct list_head gone;
	struct xarray vcpus;
	u32 nr_vcpus;
	u32 nr_attached;
	struct vmqos_cpu_vm *cpu;
	struct vmqos_mem_vm *mem;
};

/**
 * struct vmqos_vcpu - a vCPU of an adopted VM
 * @vm: the VM, constant
 * @kvcpu: KVM's vCPU, lives as long as the VM's reference to KVM, constant
 * @index: number in the order of creation, constant
 * @pid: thread last seen to run it, referenced, or NULL; vmqos_lock
 * @cpu: what the CPU plane keeps of it
 */
struct vmqos_vcpu {
	struct vmqos_vm *vm;
	struct kvm_vcpu *kvcpu;
	u32 index;
	struct pid *pid;
	struct vmqos_cpu_vcpu *cpu;
};

struct vmqos_vm *vmqos_vm_adopt(struct file *file, struct pid *pid,
				struct nlattr *const *attrs,
				struct netlink_ext_ack *extack);
int vmqos_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs,
		 struct netlink_ext_ack *extack);
void vmqos_vm_release(struct vmqos_vm *vm);
void vmqos_vm_check(struct vmqos_vm *vm);
void vmqos_vm_check_later(struct vmqos_vm *vm);
void vmqos_vm_check_queued(void);
void vmqos_vm_reap(void);
struct vmqos_vm *vmqos_vm_by_id(u32 id);
struct vmqos_vm *vmqos_vm_by_kvm(const struct kvm *kvm);
struct vmqos_vm *vmqos_vm_by_name(const char *name);
bool vmqos_vm_ended(const struct vmqos_vm *vm);
u32 vmqos_vm_generation(void);
void vmqos_vm_count(u32 *vms, u32 *vcpus);

int vmqos_vm_find_vcpus(struct vmqos_vm *vm);
void vmqos_vm_find_threads(struct vmqos_vm *vm);
void vmqos_vcpu_forget_thread(struct vmqos_vcpu *vcpu);
void vmqos_vm_free_vcpus(struct vmqos_vm *vm);

#endif /* _VMQOS_CORE_VM_H */
