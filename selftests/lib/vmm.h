/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small virtual machine monitor on the raw KVM interface, for tests.
 *
 * One process can hold many VMs with many vCPUs each. The guest is a few bytes
 * of 32-bit code without paging (see vmm_guest.c), so a VM exists within a
 * millisecond and its behaviour is known to the instruction.
 */
#ifndef VMQOS_SELFTESTS_VMM_H
#define VMQOS_SELFTESTS_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* xAPIC identifiers are eight bits wide and 255 means everybody. */
#define VMQOS_VMM_MAX_VCPUS	255

enum vmqos_vmm_kind {
	VMQOS_VMM_SPIN,		/* burn for ever */
	VMQOS_VMM_HALT,		/* halt, woken by the local APIC timer */
	VMQOS_VMM_DUTY,		/* burn a while in every period, then halt */
	VMQOS_VMM_EXIT,		/* write a port: exits to user space, nothing else */
	VMQOS_VMM_YIELD,	/* as exit, and the VMM calls sched_yield() some times */
	VMQOS_VMM_PASS,		/* as exit, and hand over to the neighbour some times, blocking */
	VMQOS_VMM_SLEEP,	/* as exit, and the VMM sleeps in user space each time */
	VMQOS_VMM_MMIO,		/* write outside memory: exits to user space */
	VMQOS_VMM_TOUCH,	/* write one word of each page of a region, round and round */
	VMQOS_VMM_CHURN,	/* write a word of each page of given memory, and check the last */
	VMQOS_VMM_WATCH,	/* look whether a neighbour is marked as preempted, and exit */
	VMQOS_VMM_IDLE,		/* halted before its first instruction, for ever */
	VMQOS_VMM_PAUSED,	/* the vCPU exists, its thread never calls KVM_RUN */
};

/**
 * struct vmqos_vmm_workload - what one vCPU does
 * @kind: the sort of work
 * @period_us: timer or sleep period of halt, duty and sleep
 * @run_us: time to burn in each period of duty
 * @bytes: size of the region of touch or churn
 * @count: yields or hand-overs after each exit; number of the vCPU to watch
 * @memory: where the region of churn is mapped; it has to stay until the VM is gone
 * @offset: which bytes of each page are churn's, a multiple of four
 */
struct vmqos_vmm_workload {
	enum vmqos_vmm_kind kind;
	uint32_t period_us;
	uint32_t run_us;
	uint64_t bytes;
	uint32_t count;
	void *memory;
	uint32_t offset;
};

/**
 * struct vmqos_vmm_counts - what a vCPU did, as the VMM and the guest saw it
 * @work: rounds of the guest's work loop
 * @wakes: returns from the guest's HLT instruction
 * @ticks: timer interrupts the guest handled
 * @runs: returns of KVM_RUN to user space
 * @exits: returns for port or memory-mapped I/O, those the workload asked for
 * @interrupted: returns with EINTR
 * @errors: words that churn did not find as it had left them
 */
struct vmqos_vmm_counts {
	uint64_t work;
	uint64_t wakes;
	uint64_t ticks;
	uint64_t runs;
	uint64_t exits;
	uint64_t interrupted;
	uint32_t errors;
};

/**
 * struct vmqos_vmm_steal - what a guest knows of the time that it did not get
 * @ns: steal time that KVM has told the vCPU
 * @looks: how often the guest found the watched vCPU, first by whether it was marked
 *	as preempted, then by whether its thread slept on the host
 */
struct vmqos_vmm_steal {
	uint64_t ns;
	uint64_t looks[2][2];
};

struct vmqos_vmm_vm;

int vmqos_vmm_parse_workload(const char *text, struct vmqos_vmm_workload *out);
void vmqos_vmm_format_workload(const struct vmqos_vmm_workload *workload, char *buf, size_t size);

int vmqos_vmm_raise_limits(unsigned int vms, unsigned int vcpus);
struct vmqos_vmm_vm *vmqos_vmm_create(const char *name, unsigned int max_vcpus, uint64_t memory);
int vmqos_vmm_add_vcpu(struct vmqos_vmm_vm *vm, const struct vmqos_vmm_workload *workload);
int vmqos_vmm_start(struct vmqos_vmm_vm *vm, int vcpu);
int vmqos_vmm_stop(struct vmqos_vmm_vm *vm, int vcpu);
int vmqos_vmm_rest(struct vmqos_vmm_vm *vm, int vcpu);
int vmqos_vmm_set_workload(struct vmqos_vmm_vm *vm, int vcpu,
			   const struct vmqos_vmm_workload *workload);
int vmqos_vmm_rethread(struct vmqos_vmm_vm *vm, int vcpu);
int vmqos_vmm_end_thread(struct vmqos_vmm_vm *vm, int vcpu);
int vmqos_vmm_tell_steal(struct vmqos_vmm_vm *vm, int vcpu);
void vmqos_vmm_steal(struct vmqos_vmm_vm *vm, int vcpu, struct vmqos_vmm_steal *out);
void vmqos_vmm_destroy(struct vmqos_vmm_vm *vm);

const char *vmqos_vmm_name(const struct vmqos_vmm_vm *vm);
int vmqos_vmm_fd(const struct vmqos_vmm_vm *vm);
int vmqos_vmm_vcpus(const struct vmqos_vmm_vm *vm);
pid_t vmqos_vmm_tid(const struct vmqos_vmm_vm *vm, int vcpu);
int vmqos_vmm_vcpu_fd(const struct vmqos_vmm_vm *vm, int vcpu);
const struct vmqos_vmm_workload *vmqos_vmm_workload(const struct vmqos_vmm_vm *vm, int vcpu);
void vmqos_vmm_counts(struct vmqos_vmm_vm *vm, int vcpu, struct vmqos_vmm_counts *out);

/* KVM's own statistics of a vCPU by name, such as "exits" (kvmstat.c). */
int vmqos_kvmstat(int vcpu_fd, const char *name, uint64_t *value);
int vmqos_kvmstat_sum(int vcpu_fd, const char *name, uint64_t *value);

#endif
