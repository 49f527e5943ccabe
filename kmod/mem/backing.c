// SPDX-License-Identifier: GPL-2.0
/*
 * From a VM's memory slots to the files behind them.
 *
 * DOC: Overview
 *
 * KVM keeps the slots ordered by their address in the VMM, so that one pass sees each
 * byte of the VMM's memory once, also where several slots show the same memory to the
 * guest. Each piece is looked up in the VMM's address space.
 *
 * Nothing is kept between two looks: no reference to a file, so that guest memory goes
 * when the VMM gives it up, as if nobody had looked. What a look finds can be used for
 * as long as the address space is locked, which has the files mapped.
 *
 * The lock is tried, never waited for: a VMM may hold it for as long as it likes, and all
 * VMs would wait for that one.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/hugetlb_inline.h>
#include <linux/interval_tree.h>
#include <linux/ksm.h>
#include <linux/kvm_host.h>
#include <linux/lockdep.h>
#include <linux/magic.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "core/vm.h"
#include "mem/backing.h"
#include "mem/share.h"

/* Files of a VM that are served. VMMs have one for each NUMA node and each memory device. */
#define FILES_MAX	256

/* The files seen in the look that is under way; vmqos_lock. */
static struct inode *seen[FILES_MAX];
static unsigned int nr_seen;

/* Notes a file, unless there are more than anybody has. */
static void note_file(struct inode *inode)
{
	unsigned int i;

	for (i = 0; i < nr_seen; i++)
		if (seen[i] == inode)
			return;
	if (vmqos_mem_super_ops(inode) && nr_seen < FILES_MAX)
		seen[nr_seen++] = inode;
}

static u64 sum_of_sizes(void)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < nr_seen; i++)
		sum += i_size_read(seen[i]);
	return sum;
}

/* A VM's limit is divided between its files as their sizes are. */
static void tell_files(const struct vmqos_mem_policy *policy)
{
	struct vmqos_mem_policy part;
	u64 sum = sum_of_sizes();
	unsigned int i;

	for (i = 0; i < nr_seen; i++) {
		part = *policy;
		if (part.limit && sum)
			part.limit = max(mul_u64_u64_div_u64(part.limit, i_size_read(seen[i]),
							     sum), (u64)PAGE_SIZE);
		vmqos_mem_super_ops(seen[i])->policy(seen[i], &part);
	}
}

/* What a VM is to give back, each file does in proportion to what it has. */
static void reclaim_files(u64 bytes, u64 resident)
{
	struct vmqos_mem_counts *one;
	unsigned int i;

	one = kmalloc(sizeof(*one), GFP_KERNEL);
	for (i = 0; one && i < nr_seen && resident; i++) {
		memset(one, 0, sizeof(*one));
		vmqos_mem_super_ops(seen[i])->read(seen[i], one);
		vmqos_mem_super_ops(seen[i])->reclaim(seen[i],
						      mul_u64_u64_div_u64(min(bytes, resident),
									  one->resident,
									  resident));
	}
	kfree(one);
}

static enum vmqos_mem_in where(struct vm_area_struct *vma)
{
	struct inode *inode;

	if (is_vm_hugetlb_page(vma))
		return VMQOS_MEM_IN_HUGETLB;
	if (!vma->vm_file)
		return vma_is_anonymous(vma) ? VMQOS_MEM_IN_ANONYMOUS : VMQOS_MEM_IN_OTHER;
	if (!(vma->vm_flags & VM_SHARED))
		return VMQOS_MEM_IN_OTHER;
	inode = file_inode(vma->vm_file);
	if (inode->i_sb->s_magic == TMPFS_MAGIC)
		return VMQOS_MEM_IN_SHMEM;
	return vmqos_mem_is_ours(inode) ? VMQOS_MEM_IN_VMRAMFS : VMQOS_MEM_IN_OTHER;
}

static void look_at_mapping(struct vmqos_share *share, struct vm_area_struct *vma, u64 bytes,
			    struct vmqos_mem_backing *backing)
{
	enum vmqos_mem_in in = where(vma);
	u64 why_not = vmqos_share_why_not(share, vma, in);

	if (in == VMQOS_MEM_IN_VMRAMFS)
		note_file(file_inode(vma->vm_file));
	backing->bytes[in] += bytes;
	if (!why_not)
		backing->shared[in] += bytes;
	backing->why_not |= why_not;
}

static void look_at_nothing(u64 bytes, struct vmqos_mem_backing *backing)
{
	backing->bytes[VMQOS_MEM_IN_OTHER] += bytes;
	backing->why_not |= VMQOS_MEM_WHY_NOT_ELSEWHERE;
}

static void look_at_range(struct vmqos_share *share, unsigned long from, unsigned long to,
			  struct vmqos_mem_backing *backing)
{
	struct vm_area_struct *vma;
	unsigned long until;

	while (from < to) {
		vma = find_vma(share->kvm->mm, from);
		if (!vma || vma->vm_start >= to) {
			look_at_nothing(to - from, backing);
			return;
		}
		if (vma->vm_start > from) {
			look_at_nothing(vma->vm_start - from, backing);
			from = vma->vm_start;
		}
		until = min(to, vma->vm_end);
		look_at_mapping(share, vma, until - from, backing);
		from = until;
	}
}

static void look_at_slots(struct vmqos_share *share, struct vmqos_mem_backing *backing)
{
	struct kvm_memslots *slots = kvm_memslots(share->kvm);
	unsigned long done = 0, from, to;
	struct kvm_memory_slot *slot;
	struct rb_node *node;

	for (node = rb_first_cached(&slots->hva_tree); node; node = rb_next(node)) {
		slot = container_of(rb_entry(node, struct interval_tree_node, rb),
				    struct kvm_memory_slot, hva_node[slots->node_idx]);
		from = max(slot->userspace_addr, done);
		to = slot->userspace_addr + (slot->npages << PAGE_SHIFT);
		if (from >= to)
			continue;
		look_at_range(share, from, to, backing);
		done = to;
	}
}

/* What KSM says of the VMM. */
static void look_at_ksm(struct mm_struct *mm, struct vmqos_mem_backing *backing)
{
#ifdef CONFIG_KSM
	backing->ksm_merged = (u64)READ_ONCE(mm->ksm_merging_pages) << PAGE_SHIFT;
	backing->ksm_zero = (u64)mm_ksm_zero_pages(mm) << PAGE_SHIFT;
#endif
}

/**
 * vmqos_mem_backing_next() - find some of a VM's memory
 * @kvm: the VM, referenced by the caller
 * @from: from this address in its VMM on
 * @piece: filled: the first there is
 *
 * Context: process context, the VMM's mmap_lock held.
 * Return: whether there is any.
 */
bool vmqos_mem_backing_next(struct kvm *kvm, unsigned long from, struct vmqos_mem_piece *piece)
{
	int idx = srcu_read_lock(&kvm->srcu);
	struct kvm_memslots *slots = kvm_memslots(kvm);
	struct kvm_memory_slot *slot;
	struct rb_node *node;
	unsigned long to;
	bool found = false;

	for (node = rb_first_cached(&slots->hva_tree); node && !found; node = rb_next(node)) {
		slot = container_of(rb_entry(node, struct interval_tree_node, rb),
				    struct kvm_memory_slot, hva_node[slots->node_idx]);
		piece->from = max(slot->userspace_addr, from);
		to = slot->userspace_addr + (slot->npages << PAGE_SHIFT);
		if (piece->from >= to)
			continue;
		piece->vma = find_vma(kvm->mm, piece->from);
		if (!piece->vma || piece->vma->vm_start >= to)
			continue;
		piece->from = max(piece->from, piece->vma->vm_start);
		piece->to = min(to, piece->vma->vm_end);
		piece->in = where(piece->vma);
		found = true;
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return found;
}

/**
 * vmqos_mem_backing_look() - see where a VM's memory is, and have its policy hold there
 * @share: what is kept of the VM for sharing zeros
 * @policy: what its files are to be told; NULL: nothing
 * @reclaim: how much they are to give back together, in bytes
 * @backing: filled, unless it fails
 *
 * Context: process context, vmqos_lock held; does not wait for the VMM.
 * Return: 0; -EAGAIN when the VMM is changing its address space just then; -ESRCH when
 * it has none any more.
 */
int vmqos_mem_backing_look(struct vmqos_share *share, const struct vmqos_mem_policy *policy,
			   u64 reclaim, struct vmqos_mem_backing *backing)
{
	struct kvm *kvm = share->kvm;
	unsigned int i;
	int idx, ret = 0;

	lockdep_assert_held(&vmqos_lock);
	if (!mmget_not_zero(kvm->mm))
		return -ESRCH;
	if (mmap_read_trylock(kvm->mm)) {
		*backing = (struct vmqos_mem_backing){};
		nr_seen = 0;
		idx = srcu_read_lock(&kvm->srcu);
		look_at_slots(share, backing);
		srcu_read_unlock(&kvm->srcu, idx);
		if (policy)
			tell_files(policy);
		for (i = 0; i < nr_seen; i++)
			vmqos_mem_super_ops(seen[i])->read(seen[i], &backing->counts);
		backing->files = nr_seen;
		vmqos_share_read(share, &backing->counts.stats);
		look_at_ksm(kvm->mm, backing);
		if (reclaim)
			reclaim_files(reclaim, backing->counts.resident);
		mmap_read_unlock(kvm->mm);
	} else {
		ret = -EAGAIN;
	}
	/* Whoever was last to use it is not to take it down under our lock. */
	mmput_async(kvm->mm);
	return ret;
}

/**
 * vmqos_mem_backing_generation() - a number that changes with the VM's memory slots
 * @kvm: the VM, referenced by the caller
 *
 * Context: process context.
 * Return: the number.
 */
u64 vmqos_mem_backing_generation(struct kvm *kvm)
{
	int idx = srcu_read_lock(&kvm->srcu);
	u64 generation = kvm_memslots(kvm)->generation;

	srcu_read_unlock(&kvm->srcu, idx);
	return generation;
}
