// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink operations on VMs: adopt, release, get, set, reclaim.
 */
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/pid.h>
#include <net/genetlink.h>

#include "core/event.h"
#include "core/family.h"
#include "core/subsys.h"
#include "core/vm.h"
#include "generated/vmqos-nl.h"

static int vmqos_vm_fill(struct sk_buff *skb, void *object)
{
	struct vmqos_vm *vm = object;
	u32 online = atomic_read(&vm->kvm->online_vcpus);

	if (nla_put_u32(skb, VMQOS_VM_A_ID, vm->id) ||
	    nla_put_string(skb, VMQOS_VM_A_NAME, vm->name) ||
	    nla_put_u32(skb, VMQOS_VM_A_PID, pid_vnr(vm->pid)) ||
	    nla_put_u32(skb, VMQOS_VM_A_STATE, vm->state) ||
	    nla_put_u32(skb, VMQOS_VM_A_VCPUS, online) ||
	    nla_put_u32(skb, VMQOS_VM_A_VCPUS_ATTACHED, vm->nr_attached) ||
	    nla_put_u64_64bit(skb, VMQOS_VM_A_ADOPTED_NS, vm->adopted_ns,
			      VMQOS_VM_A_PAD))
		return -EMSGSIZE;
	if (vm->has_uuid &&
	    nla_put(skb, VMQOS_VM_A_UUID, sizeof(vm->uuid), vm->uuid))
		return -EMSGSIZE;
	return vmqos_subsys_vm_fill(skb, vm);
}

/**
 * vmqos_event_vm() - tell the listeners of a change of a VM
 * @cmd: number of the notification
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_event_vm(u8 cmd, struct vmqos_vm *vm)
{
	vmqos_event_send(cmd, vmqos_vm_fill, vm);
}

int vmqos_nl_vm_adopt_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *fd = info->attrs[VMQOS_VM_A_VM_FD];
	struct nlattr *nr = info->attrs[VMQOS_VM_A_PID];
	struct sk_buff *reply;
	struct vmqos_vm *vm;
	struct file *file;
	struct pid *pid;
	int ret;

	if (!fd || !nr) {
		NL_SET_ERR_MSG(info->extack,
			       "an adoption needs vm-fd, a file descriptor of the VM, and pid, the process of its VMM");
		return -EINVAL;
	}
	reply = vmqos_reply_alloc(info);
	if (!reply)
		return -ENOMEM;
	file = nla_get_s32(fd) < 0 ? NULL : fget(nla_get_s32(fd));
	if (!file) {
		NL_SET_ERR_MSG_ATTR(info->extack, fd,
				    "the file descriptor is not open in the calling process");
		ret = -EBADF;
		goto err_reply;
	}
	pid = nla_get_u32(nr) > INT_MAX ? NULL : find_get_pid(nla_get_u32(nr));
	if (!pid) {
		NL_SET_ERR_MSG_ATTR(info->extack, nr, "there is no such process");
		ret = -ESRCH;
		goto err_file;
	}
	vm = vmqos_vm_adopt(file, pid, info->attrs, info->extack);
	put_pid(pid);
	fput(file);
	if (!IS_ERR(vm))
		return vmqos_reply_send(reply, info, vmqos_vm_fill, vm);
	ret = PTR_ERR(vm);
	nlmsg_free(reply);
	return ret;

err_file:
	fput(file);
err_reply:
	nlmsg_free(reply);
	return ret;
}

int vmqos_nl_vm_release_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vmqos_vm *vm = vmqos_family_vm(info);
	struct sk_buff *reply = vmqos_reply_alloc(info);

	if (!reply)
		return -ENOMEM;
	vmqos_vm_release(vm);
	return vmqos_reply_send(reply, info, vmqos_vm_fill, vm);
}

int vmqos_nl_vm_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply = vmqos_reply_alloc(info);

	if (!reply)
		return -ENOMEM;
	return vmqos_reply_send(reply, info, vmqos_vm_fill,
				vmqos_family_vm(info));
}

int vmqos_nl_vm_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vmqos_dump_vms(skb, cb, VMQOS_CMD_VM_GET, vmqos_vm_fill);
}

int vmqos_nl_vm_reclaim_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vmqos_vm *vm = vmqos_family_vm(info);
	struct sk_buff *reply = vmqos_reply_alloc(info);
	int ret;

	if (!reply)
		return -ENOMEM;
	ret = vmqos_subsys_vm_reclaim(vm, info->attrs, info->extack);
	if (ret) {
		nlmsg_free(reply);
		return ret;
	}
	return vmqos_reply_send(reply, info, vmqos_vm_fill, vm);
}

int vmqos_nl_vm_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vmqos_vm *vm = vmqos_family_vm(info);
	struct sk_buff *reply = vmqos_reply_alloc(info);
	int ret;

	if (!reply)
		return -ENOMEM;
	ret = vmqos_vm_set(vm, info->attrs, info->extack);
	if (ret < 0) {
		nlmsg_free(reply);
		return ret;
	}
	return vmqos_reply_send(reply, info, vmqos_vm_fill, vm);
}
