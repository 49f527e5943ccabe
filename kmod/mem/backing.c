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
#include <linux/kvm_host.h>
#include <linux/lockdep.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/srcu.h>

#include "core/vm.h"
#include "mem/backing.h"

/*
 * Files of a VM that are told from each other. What is mapped twice, with others between,
 * would else be counted twice. VMMs have one for each NUMA node and each memory device.
 */
#define FILES_MAX	64

/* The files seen in the look that is under way; vmqos_lock. */
static const struct inode *seen[FILES_MAX];
static unsigned int nr_seen;

static bool seen_before(const struct inode *inode)
{
	unsigned int i;

	for (i = 0; i < nr_seen; i++)
		if (seen[i] == inode)
			return true;
	if (nr_seen < FILES_MAX)
		seen[nr_seen++] = inode;
	return false;
}

static void look_at_file(struct inode *inode, const u32 *share_zero,
			 struct vmqos_mem_backing *backing)
{
	const struct vmqos_mem_super_ops *ops = vmqos_mem_super_ops(inode);

	if (!ops || seen_before(inode))
		return;
	if (share_zero)
		ops->share_zero(inode, *share_zero);
	ops->read(inode, &backing->counts);
	backing->files++;
}

static enum vmqos_mem_in look_at_mapping(struct vm_area_struct *vma, const u32 *share_zero,
					 struct vmqos_mem_backing *backing)
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
	if (!vmqos_mem_is_ours(inode))
		return VMQOS_MEM_IN_OTHER;
	look_at_file(inode, share_zero, backing);
	return VMQOS_MEM_IN_VMRAMFS;
}

static void look_at_range(struct mm_struct *mm, unsigned long from, unsigned long to,
			  const u32 *share_zero, struct vmqos_mem_backing *backing)
{
	struct vm_area_struct *vma;
	enum vmqos_mem_in in;
	unsigned long until;

	while (from < to) {
		vma = find_vma(mm, from);
		if (!vma || vma->vm_start >= to) {
			backing->bytes[VMQOS_MEM_IN_OTHER] += to - from;
			return;
		}
		if (vma->vm_start > from) {
			backing->bytes[VMQOS_MEM_IN_OTHER] += vma->vm_start - from;
			from = vma->vm_start;
		}
		until = min(to, vma->vm_end);
		in = look_at_mapping(vma, share_zero, backing);
		backing->bytes[in] += until - from;
		from = until;
	}
}

static void look_at_slots(struct kvm *kvm, const u32 *share_zero, struct vmqos_mem_backing *backing)
{
	struct kvm_memslots *slots = kvm_memslots(kvm);
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
		look_at_range(kvm->mm, from, to, share_zero, backing);
		done = to;
	}
}

/**
 * vmqos_mem_backing_look() - see where a VM's memory is, and have its policy hold there
 * @kvm: the VM, referenced by the caller
 * @share_zero: when pages of zeros are to be given back, enum vmqos_mem_share_zero; NULL:
 *	as it is
 * @backing: filled, unless it fails
 *
 * Context: process context, vmqos_lock held; does not wait for the VMM.
 * Return: 0; -EAGAIN when the VMM is changing its address space just then; -ESRCH when
 * it has none any more.
 */
int vmqos_mem_backing_look(struct kvm *kvm, const u32 *share_zero,
			   struct vmqos_mem_backing *backing)
{
	int idx, ret = 0;

	lockdep_assert_held(&vmqos_lock);
	if (!mmget_not_zero(kvm->mm))
		return -ESRCH;
	if (mmap_read_trylock(kvm->mm)) {
		*backing = (struct vmqos_mem_backing){};
		nr_seen = 0;
		idx = srcu_read_lock(&kvm->srcu);
		look_at_slots(kvm, share_zero, backing);
		srcu_read_unlock(&kvm->srcu, idx);
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
