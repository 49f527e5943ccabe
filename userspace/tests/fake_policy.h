/* SPDX-License-Identifier: GPL-2.0 */
/* The policies of the fake kernel's VMs and host. */
#ifndef VMQOS_TESTS_FAKE_POLICY_H
#define VMQOS_TESTS_FAKE_POLICY_H

#include <stdint.h>

struct nl_msg;
struct nlattr;

/*
 * All 0: normal shares, no reservation, no limit, zeros as the mount says, memory without
 * limit. @others_free: not charged.
 */
struct vmqos_fake_policy {
	uint32_t shares;
	uint32_t level;
	uint32_t reservation;
	uint32_t limit;
	uint32_t latency;
	uint32_t others_free;
	uint32_t share_zero;
	uint64_t mem_limit;
};

struct vmqos_fake_host {
	uint32_t kept;
	uint32_t gate;
	uint32_t slice_us;
};

void vmqos_fake_policy_put(struct nl_msg *msg, const struct vmqos_fake_policy *policy,
			   uint32_t vcpus);

/* @free: what the other VMs leave to be reserved. 0, or a refusal's errno. */
int vmqos_fake_policy_take(struct nlattr *attrs, int size, struct vmqos_fake_policy *policy,
			   uint32_t free, const char **sentence, int *blame);

void vmqos_fake_host_put(struct nl_msg *msg, const struct vmqos_fake_host *host,
			 uint32_t reserved, uint32_t capacity);
int vmqos_fake_host_take(struct nlattr *attrs, int size, struct vmqos_fake_host *host,
			 uint32_t reserved, uint32_t capacity, const char **sentence, int *blame);

#endif
