/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_MMAP_LOCK_H
#define _VMQOS_COMPAT_LINUX_MMAP_LOCK_H

#include_next <linux/mmap_lock.h>
#include <linux/rwsem.h>
#include <linux/version.h>

/*
 * 6.1 has it; later kernels, 6.12 is one, do no longer, for want of a user. It is what
 * mmap_write_lock() does there, but for the waiting and its tracepoints.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static inline bool mmap_write_trylock(struct mm_struct *mm)
{
	if (!down_write_trylock(&mm->mmap_lock))
		return false;
	mm_lock_seqcount_begin(mm);
	return true;
}
#endif

#endif /* _VMQOS_COMPAT_LINUX_MMAP_LOCK_H */
