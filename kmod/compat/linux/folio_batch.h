/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_FOLIO_BATCH_H
#define _VMQOS_COMPAT_LINUX_FOLIO_BATCH_H

#include <linux/version.h>

/* Newer kernels have a header of its own for it: 7.3 does, 6.12 does not. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#include_next <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

#endif /* _VMQOS_COMPAT_LINUX_FOLIO_BATCH_H */
