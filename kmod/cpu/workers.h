/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_WORKERS_H
#define _VMQOS_CPU_WORKERS_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/version.h>

#include "cpu/others.h"

/*
 * Since 6.4 (commit 6e890c5d5021, "vhost: use vhost_tasks for worker threads")
 * vhost's workers are threads of the VMM and are counted as such.
 */
#define VMQOS_HAVE_VHOST_KTHREADS \
	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0))

static inline void vmqos_workers_init(struct vmqos_process *process)
{
	INIT_LIST_HEAD(&process->workers);
}

#if VMQOS_HAVE_VHOST_KTHREADS
void vmqos_workers_scan(void);
void vmqos_workers_free(struct vmqos_process *process);
void vmqos_workers_add(struct vmqos_process *process, u32 *threads, u64 *run,
		       u64 *ready);
#else
static inline void vmqos_workers_scan(void)
{
}

static inline void vmqos_workers_free(struct vmqos_process *process)
{
}

static inline void vmqos_workers_add(struct vmqos_process *process,
				     u32 *threads, u64 *run, u64 *ready)
{
}
#endif

#endif /* _VMQOS_CPU_WORKERS_H */
