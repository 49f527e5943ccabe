/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_PAGEMAP_H
#define _VMQOS_COMPAT_LINUX_PAGEMAP_H

#include_next <linux/pagemap.h>
#include <linux/err.h>
#include <linux/version.h>

/*
 * Since 6.4 (commit 66dabbb65d67, "mm: return an ERR_PTR from __filemap_get_folio") a
 * page that is not there is an error pointer, before it is NULL.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline struct folio *vmqos_compat_filemap_get_folio(struct address_space *mapping,
							   pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	return folio ? folio : ERR_PTR(-ENOENT);
}

#define filemap_get_folio vmqos_compat_filemap_get_folio
#endif

#endif /* _VMQOS_COMPAT_LINUX_PAGEMAP_H */
