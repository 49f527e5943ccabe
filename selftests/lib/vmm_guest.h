/* SPDX-License-Identifier: GPL-2.0 */
/* The guest side of the test VMM: memory layout, code, initial registers. */
#ifndef VMQOS_SELFTESTS_VMM_GUEST_H
#define VMQOS_SELFTESTS_VMM_GUEST_H

#include <asm/kvm_para.h>
#include <stdint.h>

#include "vmm.h"

#define GUEST_BLOCKS	0x1000u		/* per-vCPU blocks begin here */
#define GUEST_BLOCK	192u		/* counters, steal time, then a stack */
#define GUEST_TOUCH	0x10000u	/* regions of touch begin here */
#define GUEST_MMIO	0xd0000000u	/* never backed by memory */
#define GUEST_PORT	0x10

/* The counters at the start of a vCPU's block; vmm_guest.c knows the offsets. */
struct vmqos_guest_block {
	uint64_t work;
	uint32_t wakes;
	uint32_t ticks;
	uint32_t tsc_cap;	/* longer gaps between TSC reads are not the guest's time */
	uint32_t errors;	/* words that were not as they had been left */
	uint32_t random;
	uint32_t unused[9];
	struct kvm_steal_time steal;
};

/* Places in the guest's code, which vmm_guest.c has as assembly. */
extern const char vmqos_guest_code[], vmqos_guest_code_end[];
extern const char vmqos_guest_spin[], vmqos_guest_halt[], vmqos_guest_duty[];
extern const char vmqos_guest_exit[], vmqos_guest_mmio[], vmqos_guest_touch[];
extern const char vmqos_guest_churn[], vmqos_guest_watch[], vmqos_guest_timer[];

uint64_t vmqos_guest_memory(unsigned int max_vcpus);
void vmqos_guest_write_image(void *memory);
struct vmqos_guest_block *vmqos_guest_block(void *memory, int vcpu);
int vmqos_guest_tell_steal(int vcpu_fd, int vcpu);
int vmqos_guest_init_vcpu(int vcpu_fd, int vcpu);
int vmqos_guest_setup(int vcpu_fd, int vcpu, void *memory, uint64_t touch_base,
		      uint64_t table_base, const struct vmqos_vmm_workload *workload);

#endif
