/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_SUBSYS_H
#define _VMQOS_CORE_SUBSYS_H

#include <linux/list.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;
struct task_struct;
struct vmqos_vcpu;
struct vmqos_vm;

/**
 * struct vmqos_subsys - a plane that follows the life of VMs
 * @name: name of the plane
 * @node: links the planes, in the order in which they registered
 * @vm_init: a VM is being adopted; may fail, then nothing remains
 * @vm_exit: undoes @vm_init, called when nothing of the VM is in use any more
 * @vcpu_init: a vCPU has been found; may fail, then nothing remains
 * @vcpu_exit: undoes @vcpu_init
 * @vcpu_thread: the vCPU is run by another thread than before; true when the
 *	plane has taken it over, false to be asked again at the next scan
 * @vm_release: let go of all threads of the VM, without waiting
 * @vm_vcpus: the number of the VM's vCPUs has grown
 * @vm_set_check: judge what a request changes of the VM, and change nothing;
 *	1 when it changes something, 0 when not, or an error with its reason
 * @vm_set: make the change that @vm_set_check has found good; cannot fail
 * @vm_fill: add what the plane has to tell to a message on the VM; 0 or
 *	-EMSGSIZE
 * @vm_stat_fill: the same to a message on the VM's counters
 * @vm_reclaim: have the VM give back what a request names, without waiting for it; 0, or an
 *	error with its reason
 * @vm_busy: whether hooks of the plane are still in the VM's threads
 * @scan: called once a scan period for all VMs together
 *
 * All are called in process context under vmqos_lock, and may sleep. All but
 * the first two may be left out.
 */
struct vmqos_subsys {
	const char *name;
	struct list_head node;
	int (*vm_init)(struct vmqos_vm *vm);
	void (*vm_exit)(struct vmqos_vm *vm);
	int (*vcpu_init)(struct vmqos_vcpu *vcpu);
	void (*vcpu_exit)(struct vmqos_vcpu *vcpu);
	bool (*vcpu_thread)(struct vmqos_vcpu *vcpu, struct task_struct *task);
	void (*vm_vcpus)(struct vmqos_vm *vm);
	int (*vm_set_check)(struct vmqos_vm *vm, struct nlattr *const *attrs,
			    struct netlink_ext_ack *extack);
	void (*vm_set)(struct vmqos_vm *vm, struct nlattr *const *attrs);
	int (*vm_fill)(struct sk_buff *skb, struct vmqos_vm *vm);
	int (*vm_stat_fill)(struct sk_buff *skb, struct vmqos_vm *vm);
	int (*vm_reclaim)(struct vmqos_vm *vm, struct nlattr *const *attrs,
			  struct netlink_ext_ack *extack);
	void (*vm_release)(struct vmqos_vm *vm);
	bool (*vm_busy)(struct vmqos_vm *vm);
	void (*scan)(void);
};

void vmqos_subsys_register(struct vmqos_subsys *subsys);
void vmqos_subsys_unregister(struct vmqos_subsys *subsys);

int vmqos_subsys_vm_init(struct vmqos_vm *vm);
void vmqos_subsys_vm_exit(struct vmqos_vm *vm);
int vmqos_subsys_vcpu_init(struct vmqos_vcpu *vcpu);
void vmqos_subsys_vcpu_exit(struct vmqos_vcpu *vcpu);
bool vmqos_subsys_vcpu_thread(struct vmqos_vcpu *vcpu, struct task_struct *task);
void vmqos_subsys_vm_vcpus(struct vmqos_vm *vm);
int vmqos_subsys_vm_set_check(struct vmqos_vm *vm, struct nlattr *const *attrs,
			      struct netlink_ext_ack *extack);
void vmqos_subsys_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs);
int vmqos_subsys_vm_fill(struct sk_buff *skb, struct vmqos_vm *vm);
int vmqos_subsys_vm_stat_fill(struct sk_buff *skb, struct vmqos_vm *vm);
int vmqos_subsys_vm_reclaim(struct vmqos_vm *vm, struct nlattr *const *attrs,
			    struct netlink_ext_ack *extack);
void vmqos_subsys_vm_release(struct vmqos_vm *vm);
bool vmqos_subsys_vm_busy(struct vmqos_vm *vm);
void vmqos_subsys_scan(void);

#endif /* _VMQOS_CORE_SUBSYS_H */
