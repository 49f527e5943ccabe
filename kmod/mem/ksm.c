// SPDX-License-Identifier: GPL-2.0
/*
 * Private anonymous memory is given to the kernel's KSM, which merges pages that are alike, and
 * has pages of zeros for nothing if it is told to (use_zero_pages).
 *
 * DOC: Overview
 *
 * Nothing that is exported takes a page of anonymous memory away safely: there is no way to
 * find all who have it mapped, nor to flush their TLBs. KSM can, and lets itself be told by
 * ksm_madvise() what madvise(MADV_MERGEABLE) would tell it, here by somebody else than the VMM.
 * So that is all that is done: the VMM's mappings behind the memory slots are marked, under its
 * mmap_lock, held for writing, as madvise() would. What becomes of them, how fast, and whether
 * at all, is up to KSM.
 *
 * A mapping is marked as a whole, though a slot may show a part of it only: modules cannot
 * split one. What has been marked is known, to be undone when the policy ends: the VMM may want
 * it for other mappings by itself, as QEMU does by default (mem-merge=on), and keeps it there.
 *
 * To undo it is to give each page that was merged memory of its own again. KSM wants that done
 * before the mark goes, with the mmap_lock held. It is done in pieces first, between which the
 * VMM gets its turns; the last look, at all of the mapping, then finds little left to do.
 *
 * The mmap_lock is tried. A VMM that maps and unmaps without a pause leaves it no moment: while
 * one of its threads has the lock another waits, and a try gives way to who waits. To mark such
 * memory may take as long as it likes, but a VM that is released waits for the marks to go. After
 * MISSED_MAX tries the scanner's thread queues for the lock like the VMM's own.
 */
#include <linux/ksm.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include "mem/share.h"

/* Undone in one go. */
#define PIECE		SZ_8M
/* So often the memory for it may be lacking, before a mapping is left as it is. */
#define TRIES_MAX	50
/* So often it is left at trying for the mmap_lock: half a second. */
#define MISSED_MAX	25

static bool is_markable(const struct vmqos_mem_piece *piece)
{
	return piece->in == VMQOS_MEM_IN_ANONYMOUS && !(piece->vma->vm_flags & VM_MERGEABLE);
}

static bool is_anything_to_mark(struct vmqos_share *share)
{
	struct vmqos_mem_piece piece = { .to = 0 };

	while (vmqos_mem_backing_next(share->kvm, piece.to, &piece))
		if (is_markable(&piece))
			return true;
	return false;
}

static void mark(struct vmqos_ksm *ksm, struct vm_area_struct *vma)
{
	vm_flags_t flags = vma->vm_flags;

	if (ksm->nr == VMQOS_KSM_MAX ||
	    ksm_madvise(vma, vma->vm_start, vma->vm_end, MADV_MERGEABLE, &flags) ||
	    !(flags & VM_MERGEABLE))
		return;
	vm_flags_set(vma, VM_MERGEABLE);
	ksm->marked[ksm->nr].from = vma->vm_start;
	ksm->marked[ksm->nr].to = vma->vm_end;
	ksm->marked[ksm->nr].at = vma->vm_start;
	WRITE_ONCE(ksm->nr, ksm->nr + 1);
}

static int mark_all(struct vmqos_share *share)
{
	struct vmqos_mem_piece piece = { .to = 0 };
	struct mm_struct *mm = share->kvm->mm;
	bool anything;

	/* In all passes but one there is nothing to do. */
	if (!mmap_read_trylock(mm))
		return -EAGAIN;
	anything = is_anything_to_mark(share);
	mmap_read_unlock(mm);
	if (!anything)
		return 0;
	if (!mmap_write_trylock(mm))
		return -EAGAIN;
	while (vmqos_mem_backing_next(share->kvm, piece.to, &piece))
		if (is_markable(&piece))
			mark(&share->ksm, piece.vma);
	mmap_write_unlock(mm);
	return 0;
}

/* Undoes a part of the mapping at @at, which ends not behind @to. */
static int undo_part(struct vm_area_struct *vma, unsigned long at, unsigned long to)
{
	vm_flags_t flags = vma->vm_flags;

	return ksm_madvise(vma, max(at, vma->vm_start), min(to, vma->vm_end), MADV_UNMERGEABLE,
			   &flags);
}

/* All that was marked with it, and has not become part of more since. */
static int undo_rest(struct mm_struct *mm, const struct vmqos_ksm_range *range)
{
	unsigned long at = range->from;
	struct vm_area_struct *vma;
	int ret;

	for (vma = find_vma(mm, at); vma && vma->vm_start < range->to; vma = find_vma(mm, at)) {
		at = vma->vm_end;
		if (!vma_is_anonymous(vma) || vma->vm_start < range->from ||
		    vma->vm_end > range->to || !(vma->vm_flags & VM_MERGEABLE))
			continue;
		ret = undo_part(vma, vma->vm_start, vma->vm_end);
		if (ret)
			return ret;
		vm_flags_clear(vma, VM_MERGEABLE);
	}
	return 0;
}

/**
 * vmqos_ksm_undo() - go on to undo what was marked last
 * @share: what is kept of the VM
 *
 * Context: may sleep, share_mutex held, and the VMM's mmap_lock for writing.
 * Return: 0 when nothing is left; 1 when there is more to do; -EAGAIN when it has to be tried
 * again later.
 */
int vmqos_ksm_undo(struct vmqos_share *share)
{
	struct vmqos_ksm *ksm = &share->ksm;
	struct mm_struct *mm = share->kvm->mm;
	struct vmqos_ksm_range *range;
	struct vm_area_struct *vma;
	int ret = 0;

	if (!ksm->nr)
		return 0;
	range = &ksm->marked[ksm->nr - 1];
	if (range->at < range->to) {
		unsigned long to = min(range->at + PIECE, range->to);

		vma = find_vma(mm, range->at);
		if (vma && vma->vm_end < to)
			to = vma->vm_end;
		if (vma && vma->vm_start < to && vma_is_anonymous(vma))
			ret = undo_part(vma, range->at, to);
		if (!ret)
			range->at = to;
	} else {
		ret = undo_rest(mm, range);
		if (!ret)
			WRITE_ONCE(ksm->nr, ksm->nr - 1);
	}
	if (ret && ++ksm->tries > TRIES_MAX) {
		/* It stays marked: the memory to undo it is not to be had. */
		WRITE_ONCE(ksm->nr, ksm->nr - 1);
		ret = 0;
	}
	if (!ret)
		ksm->tries = 0;
	return ret ? -EAGAIN : !!ksm->nr;
}

static int try_undo(struct vmqos_share *share)
{
	struct mm_struct *mm = share->kvm->mm;
	int ret;

	if (!mmap_write_trylock(mm)) {
		share->ksm.missed++;
		return -EAGAIN;
	}
	ret = vmqos_ksm_undo(share);
	mmap_write_unlock(mm);
	return ret;
}

/**
 * vmqos_ksm_apply() - have KSM merge a VM's anonymous memory, or no longer
 * @share: what is kept of the VM
 * @on: whether it shall
 *
 * Context: may sleep, share_mutex held; takes the VMM's mmap_lock (tried).
 * Return: 0 when that is done; 1 when there is more to do; -EAGAIN when it has to be tried
 * again later.
 */
int vmqos_ksm_apply(struct vmqos_share *share, bool on)
{
	struct mm_struct *mm = share->kvm->mm;
	int ret;

	if (on || !share->ksm.nr)
		share->ksm.missed = 0;
	if (!on && !share->ksm.nr)
		return 0;
	if (!mmget_not_zero(mm)) {
		WRITE_ONCE(share->ksm.nr, 0);
		return 0;
	}
	ret = on ? mark_all(share) : try_undo(share);
	/* Whoever was last to use it is not to take it down here. */
	mmput_async(mm);
	return ret;
}

/**
 * vmqos_ksm_is_held_up() - whether trying for the VMM's mmap_lock leads nowhere
 * @share: what is kept of the VM
 *
 * Context: share_mutex held.
 * Return: whether it has been tried often, and something is left to undo.
 */
bool vmqos_ksm_is_held_up(const struct vmqos_share *share)
{
	return share->ksm.nr && share->ksm.missed >= MISSED_MAX;
}

/**
 * vmqos_ksm_is_marked() - whether something is left that was marked
 * @share: what is kept of the VM
 *
 * Context: any.
 * Return: whether there is.
 */
bool vmqos_ksm_is_marked(const struct vmqos_share *share)
{
	return READ_ONCE(share->ksm.nr) && atomic_read(&share->kvm->mm->mm_users);
}
