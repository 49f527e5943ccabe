/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel itself says about a thread, from /proc. */
#ifndef VMQOS_SELFTESTS_PROC_H
#define VMQOS_SELFTESTS_PROC_H

#include <stdint.h>
#include <sys/types.h>

/**
 * struct vmqos_proc - the kernel's own truth about a thread
 * @run_ns: time on a CPU
 * @ready_ns: time runnable but waiting
 * @slices: times it was given a CPU
 * @voluntary: times it gave up its CPU by blocking
 * @involuntary: times it lost its CPU
 */
struct vmqos_proc {
	uint64_t run_ns;
	uint64_t ready_ns;
	uint64_t slices;
	uint64_t voluntary;
	uint64_t involuntary;
};

int vmqos_proc_read(pid_t pid, pid_t tid, struct vmqos_proc *out);
int vmqos_proc_migrations(pid_t pid, pid_t tid, uint64_t *migrations);
int vmqos_proc_wait_blocked(pid_t pid, pid_t tid);
int vmqos_proc_irq_ns(uint64_t *ns);
uint64_t vmqos_now_ns(void);
void vmqos_sleep_ns(uint64_t ns);

#endif
