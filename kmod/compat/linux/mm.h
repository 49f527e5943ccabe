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

#endif /* _VMQOS_COMPAT_LINUX_MM_H */
