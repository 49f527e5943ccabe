// SPDX-License-Identifier: GPL-2.0
/*
 * The memory plane: what is wanted of a VM's memory, and what there is to tell of it.
 *
 * A policy is the VM's, and holds for the files that are behind its memory slots. They
 * are looked for again when the slots have changed, and whenever the VM's counters are
 * asked for. A look that finds the VMM busy is repeated at the next scan, which for the
 * end of a policy means that the VM is not released before.
 */
#include <linux/kvm_host.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "core/subsys.h"
#include "core/vm.h"
#include "mem/backing.h"
#include "mem/plane.h"

/**
 * struct vmqos_mem_vm - a VM's memory
 * @share_zero: its policy, enum vmqos_mem_share_zero
 * @known: @backing has been filled
 * @due: the policy has changed, its files are yet to be told
 * @generation: that of the memory slots at the last look
 * @backing: what the last look has found
 *
 * All of it: vmqos_lock.
 */
struct vmqos_mem_vm {
	u32 share_zero;
	bool known;
	bool due;
	u64 generation;
	struct vmqos_mem_backing backing;
};

static void look(struct vmqos_vm *vm)
{
	u64 generation = vmqos_mem_backing_generation(vm->kvm);
	struct vmqos_mem_vm *mv = vm->mem;
	bool tell = mv->due || mv->share_zero != VMQOS_MEM_SHARE_ZERO_MOUNT;

	switch (vmqos_mem_backing_look(vm->kvm, tell ? &mv->share_zero : NULL, &mv->backing)) {
	case 0:
		mv->known = true;
		mv->generation = generation;
		mv->due = false;
		break;
	case -ESRCH:
		/* The files have forgotten the policy when the VMM's went. */
		mv->due = false;
		break;
	}
}

static int vmqos_mem_vm_init(struct vmqos_vm *vm)
{
	vm->mem = kzalloc(sizeof(*vm->mem), GFP_KERNEL_ACCOUNT);
	return vm->mem ? 0 : -ENOMEM;
}

static void vmqos_mem_vm_exit(struct vmqos_vm *vm)
{
	kfree(vm->mem);
}

/* The range is checked by the interface. */
static int vmqos_mem_vm_set_check(struct vmqos_vm *vm, struct nlattr *const *attrs,
				  struct netlink_ext_ack *extack)
{
	struct nlattr *attr = attrs[VMQOS_VM_A_MEM_SHARE_ZERO];

	return attr && nla_get_u32(attr) != vm->mem->share_zero;
}

static void set_share_zero(struct vmqos_vm *vm, u32 share_zero)
{
	if (vm->mem->share_zero == share_zero)
		return;
	vm->mem->share_zero = share_zero;
	vm->mem->due = true;
	look(vm);
}

static void vmqos_mem_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs)
{
	if (attrs[VMQOS_VM_A_MEM_SHARE_ZERO])
		set_share_zero(vm, nla_get_u32(attrs[VMQOS_VM_A_MEM_SHARE_ZERO]));
}

static int vmqos_mem_vm_fill(struct sk_buff *skb, struct vmqos_vm *vm)
{
	return nla_put_u32(skb, VMQOS_VM_A_MEM_SHARE_ZERO, vm->mem->share_zero);
}

static void vmqos_mem_vm_release(struct vmqos_vm *vm)
{
	set_share_zero(vm, VMQOS_MEM_SHARE_ZERO_MOUNT);
}

static bool vmqos_mem_vm_busy(struct vmqos_vm *vm)
{
	return vm->mem->due && vm->state == VMQOS_VM_STATE_RELEASING;
}

static int put(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VMQOS_MEM_A_PAD);
}

static int fill_where(struct sk_buff *skb, const struct vmqos_mem_backing *backing)
{
	static const int attrs[VMQOS_MEM_INS] = {
		[VMQOS_MEM_IN_VMRAMFS] = VMQOS_MEM_A_IN_VMRAMFS,
		[VMQOS_MEM_IN_SHMEM] = VMQOS_MEM_A_IN_SHMEM,
		[VMQOS_MEM_IN_HUGETLB] = VMQOS_MEM_A_IN_HUGETLB,
		[VMQOS_MEM_IN_ANONYMOUS] = VMQOS_MEM_A_IN_ANONYMOUS,
		[VMQOS_MEM_IN_OTHER] = VMQOS_MEM_A_IN_OTHER,
	};
	u64 configured = 0;
	int in;

	for (in = 0; in < VMQOS_MEM_INS; in++)
		configured += backing->bytes[in];
	if (put(skb, VMQOS_MEM_A_CONFIGURED, configured))
		return -EMSGSIZE;
	for (in = 0; in < VMQOS_MEM_INS; in++)
		if (put(skb, attrs[in], backing->bytes[in]))
			return -EMSGSIZE;
	return 0;
}

static int fill_faults(struct sk_buff *skb, const struct vmqos_mem_fault_stats *faults)
{
	static const struct {
		int count, ns, hist;
	} attrs[VMQOS_MEM_FAULT_KINDS] = {
		[VMQOS_MEM_FOUND] = { VMQOS_MEM_A_FAULTS_FOUND, VMQOS_MEM_A_FOUND_NS,
				      VMQOS_MEM_A_FOUND_HIST },
		[VMQOS_MEM_FILLED] = { VMQOS_MEM_A_FAULTS_FILLED, VMQOS_MEM_A_FILLED_NS,
				       VMQOS_MEM_A_FILLED_HIST },
	};
	u64 count;
	int kind, i;

	for (kind = 0; kind < VMQOS_MEM_FAULT_KINDS; kind++) {
		for (i = 0, count = 0; i < VMQOS_LATENCY_BUCKETS; i++)
			count += faults->hist[kind][i];
		if (put(skb, attrs[kind].count, count) ||
		    put(skb, attrs[kind].ns, faults->ns[kind]) ||
		    nla_put(skb, attrs[kind].hist, sizeof(faults->hist[kind]),
			    faults->hist[kind]))
			return -EMSGSIZE;
	}
	return put(skb, VMQOS_MEM_A_FAULTS_FAILED, faults->failed);
}

static int fill_files(struct sk_buff *skb, const struct vmqos_mem_counts *counts)
{
	const struct vmqos_mem_stats *stats = &counts->stats;

	if (put(skb, VMQOS_MEM_A_RESIDENT, counts->resident) ||
	    put(skb, VMQOS_MEM_A_FILLS, stats->fills) ||
	    put(skb, VMQOS_MEM_A_SCANNED, stats->scanned) ||
	    put(skb, VMQOS_MEM_A_ZERO_FREED, stats->zero_freed) ||
	    put(skb, VMQOS_MEM_A_ZERO_BUSY, stats->zero_busy) ||
	    put(skb, VMQOS_MEM_A_ZERO_LOCKED, stats->zero_locked) ||
	    put(skb, VMQOS_MEM_A_ZERO_CHANGED, stats->zero_changed) ||
	    put(skb, VMQOS_MEM_A_SPLITS, stats->splits) ||
	    put(skb, VMQOS_MEM_A_ZERO_UNMAPS, stats->zero_unmaps) ||
	    put(skb, VMQOS_MEM_A_ZERO_PASSES, stats->zero_passes) ||
	    put(skb, VMQOS_MEM_A_ZERO_SCAN_NS, stats->zero_scan_ns))
		return -EMSGSIZE;
	return fill_faults(skb, &counts->faults);
}

/* By KVM's own count. */
static int fill_mapped(struct sk_buff *skb, const struct kvm *kvm)
{
	const struct kvm_vm_stat *stat = &kvm->stat;

	if (put(skb, VMQOS_MEM_A_MAPPED_4K, (u64)atomic64_read(&stat->pages_4k) << PAGE_SHIFT) ||
	    put(skb, VMQOS_MEM_A_MAPPED_2M, (u64)atomic64_read(&stat->pages_2m) << PMD_SHIFT) ||
	    put(skb, VMQOS_MEM_A_MAPPED_1G, (u64)atomic64_read(&stat->pages_1g) << PUD_SHIFT))
		return -EMSGSIZE;
	return 0;
}

static int vmqos_mem_vm_stat_fill(struct sk_buff *skb, struct vmqos_vm *vm)
{
	const struct vmqos_mem_backing *backing = &vm->mem->backing;
	struct nlattr *nest;

	look(vm);
	if (!vm->mem->known)
		return 0;
	nest = nla_nest_start(skb, VMQOS_VM_STAT_A_MEM);
	if (!nest || fill_where(skb, backing) || fill_mapped(skb, vm->kvm))
		return -EMSGSIZE;
	if (backing->files && fill_files(skb, &backing->counts))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Files that come with new memory slots get the policy as well. */
static void vmqos_mem_scan(void)
{
	struct vmqos_vm *vm;
	unsigned long id;

	xa_for_each(&vmqos_vms, id, vm) {
		struct vmqos_mem_vm *mv = vm->mem;

		if (!mv->due && (mv->share_zero == VMQOS_MEM_SHARE_ZERO_MOUNT ||
				 mv->generation == vmqos_mem_backing_generation(vm->kvm)))
			continue;
		look(vm);
		/* It may be all that a release has been waiting for. */
		if (!mv->due && vm->state == VMQOS_VM_STATE_RELEASING)
			vmqos_vm_check_later(vm);
	}
}

static struct vmqos_subsys vmqos_mem_subsys = {
	.name = "mem",
	.vm_init = vmqos_mem_vm_init,
	.vm_exit = vmqos_mem_vm_exit,
	.vm_set_check = vmqos_mem_vm_set_check,
	.vm_set = vmqos_mem_vm_set,
	.vm_fill = vmqos_mem_vm_fill,
	.vm_stat_fill = vmqos_mem_vm_stat_fill,
	.vm_release = vmqos_mem_vm_release,
	.vm_busy = vmqos_mem_vm_busy,
	.scan = vmqos_mem_scan,
};

/**
 * vmqos_mem_plane_init() - set up the memory plane
 *
 * Context: module initialisation.
 */
void vmqos_mem_plane_init(void)
{
	vmqos_subsys_register(&vmqos_mem_subsys);
}

/**
 * vmqos_mem_plane_exit() - take the memory plane down
 *
 * Context: module exit or a failed initialisation, when no VM is adopted.
 */
void vmqos_mem_plane_exit(void)
{
	vmqos_subsys_unregister(&vmqos_mem_subsys);
}
