// SPDX-License-Identifier: GPL-2.0
/*
 * Give the host the memory behind a guest's pages.
 *
 * DOC: Overview
 *
 * What a page is, its mapping in the VMM says at the moment of the discard: nothing that was
 * seen before counts. Memory of a shared file (memfd, vmramfs, hugetlbfs) is given back by a
 * hole in the file, with the address space unlocked, for a filesystem may fault and take the
 * lock itself; plain anonymous memory is taken out of the page tables. Both are what the VMM
 * could do to its own memory with fallocate() and madvise(), no more: it needs the right to
 * write the memory and the file.
 *
 * Refused is whatever would not come back as zeros, and what somebody relies on: locked and
 * pinned memory, memory that a userfaultfd watches (it would be asked for pages of which it
 * knows nothing), memory of devices. A pin that comes while the page is on its way out is
 * not seen; so it is when a VMM does it by itself.
 */
#include <linux/align.h>
#include <linux/types.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/folio_batch.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/userfaultfd_k.h>

#include "virtio/discard.h"
#include "virtio/translate.h"

static void given(struct vmqos_discard_stats *stats, u64 len)
{
	stats->given += len >> VMQOS_GUEST_PAGE_SHIFT;
	stats->ranges++;
}

/* A hole in it reads as zeros, and is all that is lost. */
static bool is_good_file(struct vm_area_struct *vma)
{
	return vma->vm_file && !vma_is_dax(vma) && S_ISREG(file_inode(vma->vm_file)->i_mode);
}

/* Whether a mapping's pages are to be left alone. */
static bool is_refused(struct vm_area_struct *vma, enum vmqos_discard_refusal *why)
{
	if (!(vma->vm_flags & VM_WRITE))
		*why = VMQOS_DISCARD_READONLY;
	else if (vma->vm_flags & VM_LOCKED)
		*why = VMQOS_DISCARD_LOCKED;
	else if (userfaultfd_armed(vma))
		*why = VMQOS_DISCARD_WATCHED;
	else if (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP))
		*why = VMQOS_DISCARD_SPECIAL;
	else if (vma->vm_flags & VM_SHARED ? !is_good_file(vma) : !vma_is_anonymous(vma))
		*why = VMQOS_DISCARD_SPECIAL;
	else if (vma->vm_file && !(vma->vm_file->f_mode & FMODE_WRITE))
		*why = VMQOS_DISCARD_READONLY;
	else
		return false;
	return true;
}

/*
 * How much from an offset on nobody has pinned; the rest begins with a page that somebody
 * has.
 */
static u64 unpinned_in_file(struct address_space *mapping, loff_t from, u64 len)
{
	pgoff_t index = from >> PAGE_SHIFT, last = (from + len - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	u64 free = len;
	unsigned int i;

	folio_batch_init(&batch);
	while (free == len && filemap_get_folios(mapping, &index, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			if (!folio_maybe_dma_pinned(folio))
				continue;
			free = folio_pos(folio) > from ? folio_pos(folio) - from : 0;
			break;
		}
		folio_batch_release(&batch);
		cond_resched();
	}
	return free;
}

static void punch(struct file *file, loff_t from, u64 len, struct vmqos_discard_stats *stats)
{
	u64 piece;
	int ret;

	for (; len; from += piece, len -= piece) {
		piece = unpinned_in_file(file->f_mapping, from, len);
		if (!piece) {
			/* A pinned folio; whatever its size, go on page by page. */
			piece = PAGE_SIZE;
			vmqos_discard_refuse(stats, VMQOS_DISCARD_PINNED, piece);
			continue;
		}
		ret = vfs_fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, piece);
		if (ret) {
			stats->error = ret;
			vmqos_discard_refuse(stats, VMQOS_DISCARD_FAILED, piece);
		} else {
			given(stats, piece);
		}
	}
}

/* Of pages that are larger than what is given, only whole ones: a part would be cleared. */
static void punch_whole(struct file *file, loff_t from, u64 len, u64 page,
			struct vmqos_discard_stats *stats)
{
	loff_t first = round_up(from, page), end = round_down(from + len, page);

	if (first >= end) {
		vmqos_discard_refuse(stats, VMQOS_DISCARD_PARTIAL, len);
		return;
	}
	vmqos_discard_refuse(stats, VMQOS_DISCARD_PARTIAL, first - from + (from + len - end));
	punch(file, first, end - first, stats);
}

/* Each page is asked for by itself, so this is for VMMs that pin something at all. */
static bool is_pinned(unsigned long at)
{
	struct page *page;
	bool pinned;

	if (get_user_pages_fast_only(at, 1, 0, &page) != 1)
		return false;
	pinned = folio_maybe_dma_pinned(page_folio(page));
	put_page(page);
	return pinned;
}

static void zap(struct vm_area_struct *vma, unsigned long at, u64 len,
		struct vmqos_discard_stats *stats)
{
	bool pins = mm_flags_test(MMF_HAS_PINNED, vma->vm_mm);
	u64 piece;

	for (; len; at += piece, len -= piece) {
		for (piece = 0; pins && piece < len && !is_pinned(at + piece); piece += PAGE_SIZE)
			;
		if (!pins)
			piece = len;
		if (piece) {
			zap_vma_range(vma, at, piece);
			given(stats, piece);
		} else {
			piece = PAGE_SIZE;
			vmqos_discard_refuse(stats, VMQOS_DISCARD_PINNED, piece);
		}
	}
}

/**
 * vmqos_discard_mapped() - give the host what the VMM has at an address
 * @at: the address in the VMM, whose address space is the caller's
 * @len: bytes, of whole pages
 * @stats: added to
 *
 * Context: the device's worker; sleeps.
 * Return: how much of it has been dealt with: what one mapping has.
 */
u64 vmqos_discard_mapped(unsigned long at, u64 len, struct vmqos_discard_stats *stats)
{
	enum vmqos_discard_refusal why;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	struct file *file = NULL;
	u64 page = PAGE_SIZE;
	loff_t from = 0;

	if (mmap_read_lock_killable(mm)) {
		vmqos_discard_refuse(stats, VMQOS_DISCARD_FAILED, len);
		return len;
	}
	vma = vma_lookup(mm, at);
	if (!vma || !IS_ALIGNED(at, PAGE_SIZE)) {
		mmap_read_unlock(mm);
		vmqos_discard_refuse(stats, VMQOS_DISCARD_FOREIGN, len);
		return len;
	}
	len = min_t(u64, len, vma->vm_end - at);
	if (is_refused(vma, &why)) {
		vmqos_discard_refuse(stats, why, len);
	} else if (vma->vm_file) {
		from = ((loff_t)vma->vm_pgoff << PAGE_SHIFT) + (at - vma->vm_start);
		if (is_vm_hugetlb_page(vma))
			page = huge_page_size(hstate_vma(vma));
		file = get_file(vma->vm_file);
	} else {
		zap(vma, at, len, stats);
	}
	mmap_read_unlock(mm);
	if (!file)
		return len;
	if (page == PAGE_SIZE)
		punch(file, from, len, stats);
	else
		punch_whole(file, from, len, page, stats);
	fput(file);
	return len;
}
