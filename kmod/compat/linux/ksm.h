/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_KSM_H
#define _VMQOS_COMPAT_LINUX_KSM_H

#include_next <linux/ksm.h>
#include <linux/version.h>

/*
 * Since 6.6 (commit 6080d19f0704, "ksm: add ksm zero pages for each process") the pages
 * for which KSM has put in the page of zeros are counted, and since 6.12 in this way.
 */
#if IS_ENABLED(CONFIG_KSM) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define VMQOS_COMPAT_KSM_COUNTS_ZEROS	true
#else
#define VMQOS_COMPAT_KSM_COUNTS_ZEROS	false

static inline long mm_ksm_zero_pages(struct mm_struct *mm)
{
	return 0;
}
#endif

#endif /* _VMQOS_COMPAT_LINUX_KSM_H */
