/* SPDX-License-Identifier: GPL-2.0 */
/* VMs as subjects of a test: made, adopted, and read beside the kernel's own truth. */
#ifndef VMQOS_SELFTESTS_SUBJECT_H
#define VMQOS_SELFTESTS_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include <vmqos/vmqos.h>

#include "proc.h"
#include "vmm.h"

/**
 * struct vmqos_sample - a vCPU's counters and the kernel's own, read at one moment
 * @now: CLOCK_MONOTONIC in ns
 * @gap_ns: time that the reading took; what lies between is uncertain by as much
 * @run_moved_ns: what run time grew by meanwhile, by the kernel's own count
 * @ready_moved_ns: the same of ready time, which grows by all of a wait when that ends
 * @vcpu: the counters of vmqos
 * @proc: those of /proc
 */
struct vmqos_sample {
	uint64_t now;
	uint64_t gap_ns;
	uint64_t run_moved_ns;
	uint64_t ready_moved_ns;
	struct vmqos_vcpu vcpu;
	struct vmqos_proc proc;
};

const char *vmqos_subject_missing(void);
bool vmqos_subject_long(void);
bool vmqos_subject_exact_clock(void);
int vmqos_subject_gate(struct vmqos *ctx, bool on);
int vmqos_subject_load_anew(void);
int vmqos_subject_adopt(struct vmqos *ctx, struct vmqos_vmm_vm *vm, const char *name,
			uint32_t *id);
int vmqos_subject_wait_attached(struct vmqos *ctx, uint32_t id, unsigned int vcpus,
				unsigned int timeout_ms);
int vmqos_subject_wait_gone(struct vmqos *ctx, uint32_t id, unsigned int timeout_ms);
void vmqos_subject_settle(struct vmqos *ctx);
int vmqos_subject_sample(struct vmqos *ctx, uint32_t id, unsigned int index, pid_t pid,
			 pid_t tid, struct vmqos_sample *out);
bool vmqos_subject_near(uint64_t a, uint64_t b, uint64_t tolerance);

#endif
