/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_GFP_H
#define _VMQOS_COMPAT_LINUX_GFP_H

#include_next <linux/gfp.h>
#include <linux/version.h>

/**
 * vmqos_compat_vma_alloc_folio() - memory for a page of a mapping, by its NUMA policy
 * @gfp: how to get it
 * @order: its size
 * @vma: the mapping
 * @addr: the address in it
 *
 * Before 6.13 ("mm: remove unused hugepage for vma_alloc_folio()") the call has one more
 * argument, which means something for huge pages only.
 *
 * Context: may sleep.
 * Return: the folio or NULL.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define vmqos_compat_vma_alloc_folio(gfp, order, vma, addr) \
	vma_alloc_folio(gfp, order, vma, addr, false)
#else
#define vmqos_compat_vma_alloc_folio(gfp, order, vma, addr) \
	vma_alloc_folio(gfp, order, vma, addr)
#endif

#endif /* _VMQOS_COMPAT_LINUX_GFP_H */
