/* SPDX-License-Identifier: GPL-2.0 */
/* The VMs of the fake kernel, their counters, and what requests do to them. */
#ifndef VMQOS_TESTS_FAKE_VMS_H
#define VMQOS_TESTS_FAKE_VMS_H

#include <stdint.h>

struct nl_msg;
struct nlattr;

void vmqos_fake_vms_reset(void);
unsigned int vmqos_fake_vm_count(void);
unsigned int vmqos_fake_vcpu_count(unsigned int vm);
uint32_t vmqos_fake_vm_id(unsigned int vm);

/* Puts what an answer or event @cmd tells of a VM or vCPU, by their places. */
void vmqos_fake_put(struct nl_msg *msg, uint8_t cmd, unsigned int vm, unsigned int vcpu);

/*
 * Does what a request wants, and says which VM and vCPU the answer is about.
 * A refusal gives a sentence and the attribute to blame.
 */
int vmqos_fake_handle(uint8_t cmd, struct nlattr *attrs, int size, unsigned int *vm,
		      unsigned int *vcpu, const char **sentence, int *blame);

/* Ends what the last request has begun: VMs that were released go. */
void vmqos_fake_settle(void);

/*
 * Words of the environment variable VMQOS_FAKE: "absent" (no module),
 * "empty" (no VMs), "nodes" (two NUMA nodes), "no-guest-time", "events"
 * (one of each kind), "stuck" (as the flag), "lose", and those of
 * vmqos_fake_pages_script().
 */
void vmqos_fake_script(const char *words);

#endif
