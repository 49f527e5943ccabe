/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_SCHED_SIGNAL_H
#define VMQOS_TESTS_LINUX_SCHED_SIGNAL_H

struct task_struct;

/* The test's own. */
int signal_pending(struct task_struct *task);

#endif
