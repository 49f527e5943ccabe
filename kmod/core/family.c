// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: what stands around every operation. The
 * operations and their policies are generated from
 * Documentation/netlink/specs/vmqos.yaml.
 *
 * vmqos_pre_doit() checks the right to change something, takes vmqos_lock and
 * finds the VM that the request names; vmqos_post_doit() drops the lock. A
 * handler thus finds its object checked and locked. The right is checked here
 * and not by a flag of the operation, because a refusal is to say why.
 */
#include <linux/capability.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "core/family.h"
#include "core/vm.h"
#include "generated/vmqos-nl.h"

/**
 * enum vmqos_naming - how a request names its VM
 * @VMQOS_NAMING_NONE: it names none
 * @VMQOS_NAMING_ID: by its id
 * @VMQOS_NAMING_ID_OR_NAME: by its id or by its name
 * @VMQOS_NAMING_DEVICE_TOO: the same, or none at all but one of its virtio devices
 */
enum vmqos_naming {
	VMQOS_NAMING_NONE,
	VMQOS_NAMING_ID,
	VMQOS_NAMING_ID_OR_NAME,
	VMQOS_NAMING_DEVICE_TOO,
};

/**
 * struct vmqos_op - what is done before an operation
 * @changes: it changes something, or tells what is not for everyone
 * @unlocked: it takes vmqos_lock by itself
 * @naming: how it names its VM
 */
struct vmqos_op {
	bool changes;
	bool unlocked;
	enum vmqos_naming naming;
};

static const struct vmqos_op vmqos_ops[VMQOS_CMD_MAX + 1] = {
	[VMQOS_CMD_HOST_SET] = { .changes = true },
	[VMQOS_CMD_VM_ADOPT] = { .changes = true },
	[VMQOS_CMD_VM_RELEASE] = { .changes = true,
				   .naming = VMQOS_NAMING_ID_OR_NAME },
	[VMQOS_CMD_VM_GET] = { .naming = VMQOS_NAMING_ID_OR_NAME },
	[VMQOS_CMD_VM_SET] = { .changes = true, .naming = VMQOS_NAMING_ID },
	[VMQOS_CMD_VM_RECLAIM] = { .changes = true,
				   .naming = VMQOS_NAMING_ID_OR_NAME },
	[VMQOS_CMD_MEM_RANGE_GET] = { .changes = true, .naming = VMQOS_NAMING_ID },
	[VMQOS_CMD_VM_STAT_GET] = { .naming = VMQOS_NAMING_ID_OR_NAME },
	[VMQOS_CMD_VCPU_STAT_GET] = { .naming = VMQOS_NAMING_ID },
	[VMQOS_CMD_VIRTIO_ADD] = { .changes = true, .unlocked = true },
	[VMQOS_CMD_VIRTIO_DEL] = { .changes = true, .unlocked = true },
	[VMQOS_CMD_BALLOON_GET] = { .naming = VMQOS_NAMING_DEVICE_TOO },
	[VMQOS_CMD_BALLOON_SET] = { .changes = true,
				    .naming = VMQOS_NAMING_DEVICE_TOO },
};

/* One number and one name for all attribute sets that name a VM. */
static_assert((int)VMQOS_VM_A_ID == (int)VMQOS_VM_STAT_A_ID);
static_assert((int)VMQOS_VM_A_ID == (int)VMQOS_VCPU_A_VM_ID);
static_assert((int)VMQOS_VM_A_ID == (int)VMQOS_MEM_RANGE_A_VM_ID);
static_assert((int)VMQOS_VM_A_ID == (int)VMQOS_BALLOON_A_ID);
static_assert((int)VMQOS_VM_A_NAME == (int)VMQOS_VM_STAT_A_NAME);
static_assert((int)VMQOS_VM_A_NAME == (int)VMQOS_BALLOON_A_NAME);

static int vmqos_find_vm(enum vmqos_naming naming, struct genl_info *info)
{
	struct nlattr *id = info->attrs[VMQOS_VM_A_ID];
	struct nlattr *name = NULL;
	struct vmqos_vm *vm;

	if (naming != VMQOS_NAMING_ID)
		name = info->attrs[VMQOS_VM_A_NAME];
	if (naming == VMQOS_NAMING_DEVICE_TOO && info->attrs[VMQOS_BALLOON_A_DEVICE]) {
		if (!id && !name)
			return 0;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[VMQOS_BALLOON_A_DEVICE],
				    "the request names the balloon twice; give its VM or its device");
		return -EINVAL;
	}
	if (!id && naming == VMQOS_NAMING_ID) {
		NL_SET_ERR_MSG(info->extack,
			       "the request names no VM; give its id");
		return -EINVAL;
	}
	if (!id && !name) {
		NL_SET_ERR_MSG(info->extack,
			       "the request names no VM; give its id or its name");
		return -EINVAL;
	}
	if (id && name) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "the request names the VM twice; give its id or its name");
		return -EINVAL;
	}
	vm = id ? vmqos_vm_by_id(nla_get_u32(id)) :
		  vmqos_vm_by_name(nla_data(name));
	if (!vm) {
		NL_SET_ERR_MSG_ATTR(info->extack, id ?: name,
				    "no adopted VM has this id or name");
		return -ENOENT;
	}
	info->user_ptr[0] = vm;
	return 0;
}

static int vmqos_pre_doit(const struct vmqos_compat_genl_ops *ops,
			  struct sk_buff *skb, struct genl_info *info)
{
	const struct vmqos_op *op = &vmqos_ops[ops->cmd];
	int ret;

	if (op->changes && !netlink_capable(skb, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(info->extack,
			       "this needs CAP_NET_ADMIN in the initial user namespace");
		return -EPERM;
	}
	if (op->unlocked)
		return 0;
	mutex_lock(&vmqos_lock);
	if (op->naming == VMQOS_NAMING_NONE)
		return 0;
	ret = vmqos_find_vm(op->naming, info);
	if (ret)
		mutex_unlock(&vmqos_lock);
	return ret;
}

static void vmqos_post_doit(const struct vmqos_compat_genl_ops *ops,
			    struct sk_buff *skb, struct genl_info *info)
{
	if (!vmqos_ops[ops->cmd].unlocked)
		mutex_unlock(&vmqos_lock);
}

static const struct genl_multicast_group vmqos_groups[] = {
	[VMQOS_NLGRP_EVENTS] = { .name = VMQOS_MCGRP_EVENTS },
};

struct genl_family vmqos_family __ro_after_init = {
	.name = VMQOS_FAMILY_NAME,
	.version = VMQOS_FAMILY_VERSION,
	.module = THIS_MODULE,
	.parallel_ops = true,
	.ops = vmqos_nl_ops,
	.n_ops = ARRAY_SIZE(vmqos_nl_ops),
	.resv_start_op = VMQOS_CMD_HOST_GET,
	.mcgrps = vmqos_groups,
	.n_mcgrps = ARRAY_SIZE(vmqos_groups),
	.pre_doit = vmqos_pre_doit,
	.post_doit = vmqos_post_doit,
};

/**
 * vmqos_family_vm() - the VM that a request names
 * @info: the request
 *
 * Context: handler of an operation that names a VM.
 * Return: the VM; NULL only if the request names a balloon by its device instead.
 */
struct vmqos_vm *vmqos_family_vm(struct genl_info *info)
{
	return info->user_ptr[0];
}

/**
 * vmqos_reply_alloc() - memory for the answer
 * @info: the request
 *
 * A handler that changes something takes it first: when there is none, nothing
 * has changed.
 *
 * Context: handler of an operation; sleeps.
 * Return: the message, or NULL with the reason in the acknowledgment.
 */
struct sk_buff *vmqos_reply_alloc(struct genl_info *info)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!skb)
		NL_SET_ERR_MSG(info->extack,
			       "not enough memory for the answer; nothing has changed");
	return skb;
}

/**
 * vmqos_reply_send() - fill and send the answer
 * @skb: from vmqos_reply_alloc(); consumed
 * @info: the request
 * @fill: fills the message
 * @object: what it tells of
 *
 * An asker that has no room for the answer learns so from its socket; what was
 * changed stays changed, so that is no refusal.
 *
 * Context: handler of an operation.
 * Return: 0 or -EMSGSIZE.
 */
int vmqos_reply_send(struct sk_buff *skb, struct genl_info *info,
		     vmqos_fill_t fill, void *object)
{
	void *hdr;
	int ret;

	hdr = genlmsg_put_reply(skb, info, &vmqos_family, 0,
				info->genlhdr->cmd);
	ret = hdr ? fill(skb, object) : -EMSGSIZE;
	if (ret) {
		NL_SET_ERR_MSG(info->extack, "the answer does not fit its message");
		nlmsg_free(skb);
		return ret;
	}
	genlmsg_end(skb, hdr);
	genlmsg_reply(skb, info);
	return 0;
}

/**
 * vmqos_dump_one() - add one object to a dump
 * @skb: the dump's message
 * @cb: the dump
 * @cmd: number of the operation
 * @fill: fills the object's part
 * @object: what it tells of
 *
 * Context: a dump handler, vmqos_lock held.
 * Return: 0, or -EMSGSIZE when the message is full; the object then belongs
 * into the next one.
 */
int vmqos_dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		   vmqos_fill_t fill, void *object)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &vmqos_family, NLM_F_MULTI, cmd);
	if (!hdr)
		return -EMSGSIZE;
	cb->seq = vmqos_vm_generation();
	genl_dump_check_consistent(cb, hdr);
	if (fill(skb, object)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * vmqos_dump_vms() - dump all VMs
 * @skb: the dump's message
 * @cb: the dump; its args[0] is the id from which to go on
 * @cmd: number of the operation
 * @fill: fills a VM's part
 *
 * Context: a dump handler; takes vmqos_lock.
 * Return: length of the message, 0 at the end, or -EINVAL.
 */
int vmqos_dump_vms(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		   vmqos_fill_t fill)
{
	struct nlattr **attrs = vmqos_compat_dump_attrs(cb);
	struct vmqos_vm *vm;
	unsigned long id;

	if (attrs && (attrs[VMQOS_VM_A_ID] || attrs[VMQOS_VM_A_NAME])) {
		NL_SET_ERR_MSG(cb->extack,
			       "a dump tells of all VMs; ask for one without the dump flag");
		return -EINVAL;
	}
	mutex_lock(&vmqos_lock);
	xa_for_each_start(&vmqos_vms, id, vm, cb->args[0])
		if (vmqos_dump_one(skb, cb, cmd, fill, vm))
			break;
	mutex_unlock(&vmqos_lock);
	/* The first that did not fit, or behind the last. */
	cb->args[0] = vm ? id : ULONG_MAX;
	return skb->len;
}

/**
 * vmqos_family_init() - open the interface
 *
 * Context: module initialisation, last.
 * Return: 0 or a negative error.
 */
int __init vmqos_family_init(void)
{
	return genl_register_family(&vmqos_family);
}

/**
 * vmqos_family_exit() - close the interface
 *
 * Context: module exit, first.
 */
void vmqos_family_exit(void)
{
	genl_unregister_family(&vmqos_family);
}
