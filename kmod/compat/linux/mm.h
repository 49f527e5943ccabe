/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_MM_H
#define _VMQOS_COMPAT_LINUX_MM_H

#include_next <linux/mm.h>
#include <linux/version.h>

/*
 * Since 6.8 ("fs: convert error_remove_page to error_remove_folio") both the callback
 * and what most use for it take a folio.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define error_remove_folio error_remove_page
#define vmqos_compat_failed page

static inline int generic_error_remove_folio(struct address_space *mapping, struct folio *folio)
{
	return generic_error_remove_page(mapping, &folio->page);
}
#else
#define vmqos_compat_failed folio
#endif

/*
 * Since 7.1 ("mm: rename zap_page_range_single() to zap_vma_range()") a range of a mapping
 * is taken out of the page tables by this, which has no details to be told.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
static inline void zap_vma_range(struct vm_area_struct *vma, unsigned long address,
				 unsigned long size)
{
	zap_page_range_single(vma, address, size, NULL);
}
#endif

/* Since 6.18 ("mm: convert core mm to mm_flags_*() accessors"). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
static inline bool mm_flags_test(int flag, const struct mm_struct *mm)
{
	return test_bit(flag, &mm->flags);
}
#endif

/* Since 6.3 ("mm: introduce vma->vm_flags wrapper functions") they are changed in this way. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#endif /* _VMQOS_COMPAT_LINUX_MM_H */
