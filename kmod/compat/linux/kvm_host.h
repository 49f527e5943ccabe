/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_KVM_HOST_H
#define _VMQOS_COMPAT_LINUX_KVM_HOST_H

#include_next <linux/kvm_host.h>
#include <linux/version.h>
#include <linux/pid.h>

/**
 * vmqos_compat_vcpu_pid() - the thread that last ran a vCPU
 * @vcpu: the vCPU
 *
 * Since 6.13 (commit 3e7f43188ee2, "KVM: Protect vCPU's "last run PID" with
 * rwlock, not RCU") the field is guarded by a lock of its own.
 *
 * Context: any that may take a reader lock.
 * Return: a referenced struct pid, or NULL when no thread has run it yet.
 */
static inline struct pid *vmqos_compat_vcpu_pid(struct kvm_vcpu *vcpu)
{
	struct pid *pid;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	read_lock(&vcpu->pid_lock);
	pid = get_pid(vcpu->pid);
	read_unlock(&vcpu->pid_lock);
#else
	rcu_read_lock();
	pid = get_pid(rcu_dereference(vcpu->pid));
	rcu_read_unlock();
#endif
	return pid;
}

/**
 * vmqos_compat_vcpu_pid_is() - whether a thread is the last that ran a vCPU
 * @vcpu: the vCPU
 * @pid: the thread, or NULL for none
 *
 * Context: any.
 * Return: true when it is.
 */
static inline bool vmqos_compat_vcpu_pid_is(const struct kvm_vcpu *vcpu,
					    const struct pid *pid)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	return READ_ONCE(vcpu->pid) == pid;
#else
	return rcu_access_pointer(vcpu->pid) == pid;
#endif
}

#endif /* _VMQOS_COMPAT_LINUX_KVM_HOST_H */
