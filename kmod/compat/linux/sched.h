/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_SCHED_H
#define _VMQOS_COMPAT_LINUX_SCHED_H

#include_next <linux/sched.h>
#include <linux/version.h>

/*
 * Since 6.12 (commit cd9626e9ebc7, "sched/fair: Fix external p->on_rq users")
 * a task that sleeps may stay on its run queue for a while; before, on_rq says
 * it all.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
static inline bool task_is_runnable(struct task_struct *p)
{
	return p->on_rq;
}
#endif

/*
 * Flags of a wake-up, as default_wake_function() takes them: the waker is about to
 * sleep, and the woken thread had better come to this CPU. The latter exists since
 * 6.6 (commit ab83f455f04d, "sched: add WF_CURRENT_CPU and externise ttwu"); before,
 * the scheduler draws the same conclusion from the former when nothing else runs
 * here. The scheduler's own header has them, which modules do not see.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define VMQOS_WAKE_HERE (0x10 | 0x40)

static inline void vmqos_wake_hint(struct task_struct *p, int cpu)
{
}
#else
#define VMQOS_WAKE_HERE 0x10

/*
 * ... and only for tasks that it does not take for wakers of many (wake_wide()). Others come
 * back to where they were last, which is this; it is set anew whenever a task moves.
 */
static inline void vmqos_wake_hint(struct task_struct *p, int cpu)
{
	WRITE_ONCE(p->wake_cpu, cpu);
}
#endif

/*
 * Since 6.4 (commit 54e6842d0775, "fork/vm: Move common PF_IO_WORKER behavior
 * to new flag") io_uring's are not the only such threads.
 */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER PF_IO_WORKER
#endif

#endif /* _VMQOS_COMPAT_LINUX_SCHED_H */
