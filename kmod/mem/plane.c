// SPDX-License-Identifier: GPL-2.0
/*
 * The memory plane: what is wanted of a VM's memory, and what there is to tell of it.
 *
 * A policy is the VM's, and holds for the files that are behind its memory slots. They
 * are looked for again when the slots have changed, and whenever the VM's counters are
 * asked for. A look that finds the VMM busy is repeated at the next scan, which for the
 * end of a policy means that the VM is not released before.
 */
#include <linux/ksm.h>
#include <linux/kvm_host.h>
#include <linux/lockdep.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "core/subsys.h"
#include "core/vm.h"
#include "mem/backing.h"
#include "mem/plane.h"
#include "mem/share.h"

/* As a limit, less than this is a slip of the pen. */
#define LIMIT_MIN	SZ_1M

/**
 * struct vmqos_mem_vm - a VM's memory
 * @policy: what is wanted of it
 * @share: what is kept of it for sharing zeros outside of vmramfs
 * @known: @backing has been filled
 * @due: the policy has changed, its files are yet to be told
 * @generation: that of the memory slots at the last look
 * @backing: what the last look has found
 *
 * All of it: vmqos_lock.
 */
struct vmqos_mem_vm {
	struct vmqos_mem_policy policy;
	struct vmqos_share *share;
	bool known;
	bool due;
	u64 generation;
	struct vmqos_mem_backing backing;
};

/* Whether it asks for anything that a file does not do by itself. */
static bool has_policy(const struct vmqos_mem_vm *mv)
{
	return mv->policy.share_zero != VMQOS_MEM_SHARE_ZERO_MOUNT || mv->policy.limit;
}

static int look(struct vmqos_vm *vm, u64 reclaim)
{
	u64 generation = vmqos_mem_backing_generation(vm->kvm);
	struct vmqos_mem_vm *mv = vm->mem;
	bool tell = mv->due || has_policy(mv);
	int ret;

	ret = vmqos_mem_backing_look(mv->share, tell ? &mv->policy : NULL, reclaim, &mv->backing);
	switch (ret) {
	case 0:
		mv->known = true;
		mv->generation = generation;
		mv->due = false;
		break;
	case -ESRCH:
		/* The files have forgotten the policy when the VMM's went. */
		mv->due = false;
		break;
	case -EAGAIN:
		/* Where no file is ours there is none to be told. */
		if (mv->known && mv->generation == generation && !mv->backing.files)
			mv->due = false;
		break;
	}
	return ret;
}

static int vmqos_mem_vm_init(struct vmqos_vm *vm)
{
	vm->mem = kzalloc(sizeof(*vm->mem), GFP_KERNEL_ACCOUNT);
	if (!vm->mem)
		return -ENOMEM;
	vm->mem->share = vmqos_share_new(vm->kvm);
	if (vm->mem->share)
		return 0;
	kfree(vm->mem);
	return -ENOMEM;
}

static void vmqos_mem_vm_exit(struct vmqos_vm *vm)
{
	vmqos_share_free(vm->mem->share);
	kfree(vm->mem);
}

/* What a request makes of the policy; the words are checked by the interface. */
static int laid_over(const struct vmqos_mem_policy *policy, struct nlattr *const *attrs,
		     struct vmqos_mem_policy *next, struct netlink_ext_ack *extack)
{
	*next = *policy;
	if (attrs[VMQOS_VM_A_MEM_SHARE_ZERO])
		next->share_zero = nla_get_u32(attrs[VMQOS_VM_A_MEM_SHARE_ZERO]);
	if (attrs[VMQOS_VM_A_MEM_LIMIT])
		next->limit = nla_get_u64(attrs[VMQOS_VM_A_MEM_LIMIT]);
	if (next->limit && next->limit < LIMIT_MIN) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[VMQOS_VM_A_MEM_LIMIT],
				    "a memory limit is at least 1 MiB, or 0 for none");
		return -ERANGE;
	}
	return 0;
}

static bool same(const struct vmqos_mem_policy *a, const struct vmqos_mem_policy *b)
{
	return a->share_zero == b->share_zero && a->limit == b->limit;
}

static int vmqos_mem_vm_set_check(struct vmqos_vm *vm, struct nlattr *const *attrs,
				  struct netlink_ext_ack *extack)
{
	struct vmqos_mem_policy next;
	int ret = laid_over(&vm->mem->policy, attrs, &next, extack);

	return ret ?: !same(&next, &vm->mem->policy);
}

static void set_policy(struct vmqos_vm *vm, const struct vmqos_mem_policy *policy)
{
	if (same(&vm->mem->policy, policy))
		return;
	vm->mem->policy = *policy;
	vm->mem->due = true;
	vmqos_share_set(vm->mem->share, policy->share_zero);
	look(vm, 0);
}

static void vmqos_mem_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs)
{
	struct vmqos_mem_policy next;

	if (!laid_over(&vm->mem->policy, attrs, &next, NULL))
		set_policy(vm, &next);
}

static int vmqos_mem_vm_fill(struct sk_buff *skb, struct vmqos_vm *vm)
{
	const struct vmqos_mem_policy *policy = &vm->mem->policy;

	if (nla_put_u32(skb, VMQOS_VM_A_MEM_SHARE_ZERO, policy->share_zero) ||
	    nla_put_u64_64bit(skb, VMQOS_VM_A_MEM_LIMIT, policy->limit, VMQOS_VM_A_PAD))
		return -EMSGSIZE;
	return 0;
}

static void vmqos_mem_vm_release(struct vmqos_vm *vm)
{
	const struct vmqos_mem_policy none = { .share_zero = VMQOS_MEM_SHARE_ZERO_MOUNT };

	set_policy(vm, &none);
}

static bool vmqos_mem_vm_busy(struct vmqos_vm *vm)
{
	return vm->state == VMQOS_VM_STATE_RELEASING &&
	       (vm->mem->due || vmqos_ksm_is_marked(vm->mem->share));
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

/* How much is served in which way, and why the rest is not. */
static int fill_shared(struct sk_buff *skb, const struct vmqos_mem_backing *backing)
{
	u64 none = 0;
	int in;

	for (in = 0; in < VMQOS_MEM_INS; in++)
		none += backing->bytes[in] - backing->shared[in];
	if (put(skb, VMQOS_MEM_A_SHARE_VMRAMFS, backing->shared[VMQOS_MEM_IN_VMRAMFS]) ||
	    put(skb, VMQOS_MEM_A_SHARE_SHMEM, backing->shared[VMQOS_MEM_IN_SHMEM]) ||
	    put(skb, VMQOS_MEM_A_SHARE_KSM, backing->shared[VMQOS_MEM_IN_ANONYMOUS]) ||
	    put(skb, VMQOS_MEM_A_SHARE_NONE, none) ||
	    put(skb, VMQOS_MEM_A_SHARE_WHY_NOT, backing->why_not) ||
	    put(skb, VMQOS_MEM_A_KSM_MERGED, backing->ksm_merged) ||
	    (VMQOS_COMPAT_KSM_COUNTS_ZEROS &&
	     put(skb, VMQOS_MEM_A_KSM_ZERO, backing->ksm_zero)))
		return -EMSGSIZE;
	return 0;
}

/* Of vmramfs and of shared memory together. */
static int fill_zeros(struct sk_buff *skb, const struct vmqos_mem_stats *stats)
{
	if (put(skb, VMQOS_MEM_A_SCANNED, stats->scanned) ||
	    put(skb, VMQOS_MEM_A_ZERO_FREED, stats->zero_freed) ||
	    put(skb, VMQOS_MEM_A_ZERO_BUSY, stats->zero_busy) ||
	    put(skb, VMQOS_MEM_A_ZERO_LOCKED, stats->zero_locked) ||
	    put(skb, VMQOS_MEM_A_ZERO_CHANGED, stats->zero_changed) ||
	    put(skb, VMQOS_MEM_A_ZERO_UNMAPS, stats->zero_unmaps) ||
	    put(skb, VMQOS_MEM_A_ZERO_PASSES, stats->zero_passes) ||
	    put(skb, VMQOS_MEM_A_ZERO_SCAN_NS, stats->zero_scan_ns))
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
		[VMQOS_MEM_STORED] = { VMQOS_MEM_A_FAULTS_STORED, VMQOS_MEM_A_STORED_NS,
				       VMQOS_MEM_A_STORED_HIST },
		[VMQOS_MEM_ZERO] = { VMQOS_MEM_A_FAULTS_ZERO, VMQOS_MEM_A_ZERO_NS,
				     VMQOS_MEM_A_ZERO_HIST },
		[VMQOS_MEM_SWAPPED] = { VMQOS_MEM_A_FAULTS_SWAPPED, VMQOS_MEM_A_SWAPPED_NS,
					VMQOS_MEM_A_SWAPPED_HIST },
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
	    put(skb, VMQOS_MEM_A_SPLITS, stats->splits) ||
	    put(skb, VMQOS_MEM_A_RECLAIM_LEFT, counts->reclaim_left) ||
	    put(skb, VMQOS_MEM_A_RECLAIMED, stats->reclaimed) ||
	    put(skb, VMQOS_MEM_A_RECLAIM_BUSY, stats->reclaim_busy) ||
	    put(skb, VMQOS_MEM_A_LIMIT_RECLAIMED, stats->limit_reclaimed) ||
	    put(skb, VMQOS_MEM_A_LIMIT_EXCEEDED, stats->limit_exceeded) ||
	    put(skb, VMQOS_MEM_A_LIMIT_WAITS, stats->limit_waits) ||
	    put(skb, VMQOS_MEM_A_LIMIT_NS, stats->limit_ns) ||
	    put(skb, VMQOS_MEM_A_PRESSURE_RECLAIMED, stats->pressure_reclaimed) ||
	    put(skb, VMQOS_MEM_A_STORED, counts->stored) ||
	    put(skb, VMQOS_MEM_A_STORED_RAW, counts->stored_raw) ||
	    put(skb, VMQOS_MEM_A_STORED_HELD, counts->stored_held) ||
	    put(skb, VMQOS_MEM_A_EVICTED, stats->evicted) ||
	    put(skb, VMQOS_MEM_A_EVICT_FAILED, stats->evict_failed) ||
	    put(skb, VMQOS_MEM_A_EVICT_REFUSED, stats->evict_refused) ||
	    put(skb, VMQOS_MEM_A_SWAPPED, counts->swapped) ||
	    put(skb, VMQOS_MEM_A_SWAP_OUTS, stats->swap_outs) ||
	    put(skb, VMQOS_MEM_A_SWAP_FAILED, stats->swap_failed))
		return -EMSGSIZE;
	if (nla_put(skb, VMQOS_MEM_A_LIMIT_HIST, sizeof(counts->limit_hist), counts->limit_hist))
		return -EMSGSIZE;
	if (counts->sampled &&
	    (put(skb, VMQOS_MEM_A_SAMPLED, counts->sampled) ||
	     put(skb, VMQOS_MEM_A_ACTIVE_SLOW, counts->active_slow) ||
	     put(skb, VMQOS_MEM_A_ACTIVE_FAST, counts->active_fast) ||
	     put(skb, VMQOS_MEM_A_ACTIVE_MAX, counts->active_max)))
		return -EMSGSIZE;
	if (put(skb, VMQOS_MEM_A_SAMPLES, stats->samples) ||
	    put(skb, VMQOS_MEM_A_SAMPLES_TOUCHED, stats->samples_touched) ||
	    put(skb, VMQOS_MEM_A_SAMPLE_NS, stats->sample_ns) ||
	    put(skb, VMQOS_MEM_A_ZERO_MAPPED, counts->zeros_mapped))
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

	look(vm, 0);
	if (!vm->mem->known)
		return 0;
	nest = nla_nest_start(skb, VMQOS_VM_STAT_A_MEM);
	if (!nest || fill_where(skb, backing) || fill_mapped(skb, vm->kvm) ||
	    fill_shared(skb, backing))
		return -EMSGSIZE;
	if ((backing->files || backing->bytes[VMQOS_MEM_IN_SHMEM]) &&
	    fill_zeros(skb, &backing->counts.stats))
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

		if (!mv->due && (!has_policy(mv) ||
				 mv->generation == vmqos_mem_backing_generation(vm->kvm)))
			continue;
		look(vm, 0);
		/* It may be all that a release has been waiting for. */
		if (!mv->due && vm->state == VMQOS_VM_STATE_RELEASING)
			vmqos_vm_check_later(vm);
	}
}

static int vmqos_mem_vm_reclaim(struct vmqos_vm *vm, struct nlattr *const *attrs,
				struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = attrs[VMQOS_VM_A_MEM_RECLAIM];
	int ret;

	if (!attr || !nla_get_u64(attr)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "give in mem-reclaim how much is to be given back");
		return -EINVAL;
	}
	ret = look(vm, nla_get_u64(attr));
	if (ret == -ESRCH) {
		NL_SET_ERR_MSG(extack, "the VM has ended");
	} else if (ret) {
		NL_SET_ERR_MSG(extack, "the VMM is changing its address space; ask again");
	} else if (!vm->mem->backing.files) {
		NL_SET_ERR_MSG(extack,
			       "none of the VM's memory is in vmramfs, so nothing can be reclaimed");
		ret = -EOPNOTSUPP;
	}
	return ret;
}

static struct vmqos_subsys vmqos_mem_subsys = {
	.name = "mem",
	.vm_init = vmqos_mem_vm_init,
	.vm_exit = vmqos_mem_vm_exit,
	.vm_set_check = vmqos_mem_vm_set_check,
	.vm_set = vmqos_mem_vm_set,
	.vm_fill = vmqos_mem_vm_fill,
	.vm_stat_fill = vmqos_mem_vm_stat_fill,
	.vm_reclaim = vmqos_mem_vm_reclaim,
	.vm_release = vmqos_mem_vm_release,
	.vm_busy = vmqos_mem_vm_busy,
	.scan = vmqos_mem_scan,
};

/**
 * vmqos_mem_plane_init() - set up the memory plane
 *
 * Context: module initialisation.
 * Return: 0 or a negative error number.
 */
int vmqos_mem_plane_init(void)
{
	int ret = vmqos_share_init();

	if (!ret)
		vmqos_subsys_register(&vmqos_mem_subsys);
	return ret;
}

/**
 * vmqos_mem_plane_exit() - take the memory plane down
 *
 * Context: module exit or a failed initialisation, when no VM is adopted.
 */
void vmqos_mem_plane_exit(void)
{
	vmqos_subsys_unregister(&vmqos_mem_subsys);
	vmqos_share_exit();
}
