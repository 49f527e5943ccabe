// SPDX-License-Identifier: GPL-2.0
/*
 * Where in the VMM a VM's memory is, for who acts on it from user space.
 *
 * One request tells of one piece, so that nothing has to be kept between them: the asker
 * goes on behind what it has been told, however the VM's memory slots change meanwhile.
 */
#include <linux/interval_tree.h>
#include <linux/kvm_host.h>
#include <linux/srcu.h>
#include <net/genetlink.h>

#include "core/family.h"
#include "core/vm.h"
#include "generated/vmqos-nl.h"

/**
 * struct vmqos_mem_range - a piece of a VMM's address space that holds guest memory
 * @id: the VM
 * @address: where it begins
 * @size: its bytes, 0 when there is none
 */
struct vmqos_mem_range {
	u32 id;
	unsigned long address;
	unsigned long size;
};

/* KVM's tree has the slots in the order of their begin in the VMM. */
static void find_range(struct kvm *kvm, unsigned long from, struct vmqos_mem_range *range)
{
	int idx = srcu_read_lock(&kvm->srcu);
	struct interval_tree_node *node;

	node = interval_tree_iter_first(&kvm_memslots(kvm)->hva_tree, from, ULONG_MAX);
	if (node) {
		range->address = max(node->start, from);
		range->size = node->last - range->address + 1;
	}
	srcu_read_unlock(&kvm->srcu, idx);
}

static int fill_range(struct sk_buff *skb, void *object)
{
	const struct vmqos_mem_range *range = object;

	if (nla_put_u32(skb, VMQOS_MEM_RANGE_A_VM_ID, range->id))
		return -EMSGSIZE;
	if (range->size &&
	    (nla_put_u64_64bit(skb, VMQOS_MEM_RANGE_A_ADDRESS, range->address,
			       VMQOS_MEM_RANGE_A_PAD) ||
	     nla_put_u64_64bit(skb, VMQOS_MEM_RANGE_A_SIZE, range->size, VMQOS_MEM_RANGE_A_PAD)))
		return -EMSGSIZE;
	return 0;
}

int vmqos_nl_mem_range_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *from = info->attrs[VMQOS_MEM_RANGE_A_ADDRESS];
	struct vmqos_vm *vm = vmqos_family_vm(info);
	struct sk_buff *reply = vmqos_reply_alloc(info);
	struct vmqos_mem_range range = { .id = vm->id };

	if (!reply)
		return -ENOMEM;
	find_range(vm->kvm, from ? nla_get_u64(from) : 0, &range);
	return vmqos_reply_send(reply, info, fill_range, &range);
}
