/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the test VMM know of VMs and vCPUs, and nobody else. */
#ifndef VMQOS_SELFTESTS_VMM_VCPU_H
#define VMQOS_SELFTESTS_VMM_VCPU_H

#include <pthread.h>

#include "vmm.h"

struct kvm_run;

enum want { WANT_STOP, WANT_RUN, WANT_END };

struct vcpu {
	struct vmqos_vmm_vm *vm;
	int index;
	int fd;
	struct kvm_run *run;
	struct vmqos_vmm_workload workload;
	uint64_t touch_base;
	uint64_t table_base;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;		/* protects tid, want, stopped */
	pthread_cond_t changed;
	pid_t tid;
	enum want want;
	bool stopped;
	uint32_t token;			/* it is our turn to run; a futex */
	uint64_t runs, exits, interrupted;
	uint64_t looks[2][2];
};

struct vmqos_vmm_vm {
	char name[64];
	int fd;
	unsigned int max_vcpus;
	int vcpus;
	struct vcpu **vcpu;
	char *memory;
	uint64_t memory_bytes;
	unsigned int slots;
	uint64_t next_touch;
};

void vmqos_vmm_bump(uint64_t *counter);
void vmqos_vmm_handle_exit(struct vcpu *v);
void vmqos_vmm_tell_exit(const struct vcpu *v);

#endif
