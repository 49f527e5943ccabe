// SPDX-License-Identifier: GPL-2.0
/* The policies of the fake kernel's VMs and host. */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>

#include <linux/vmqos.h>

#include "fake_policy.h"

static uint32_t shares_of(const struct vmqos_fake_policy *policy, uint32_t vcpus)
{
	static const uint32_t a_vcpu[] = {
		[VMQOS_CPU_SHARES_LEVEL_LOW] = 500,
		[VMQOS_CPU_SHARES_LEVEL_NORMAL] = 1000,
		[VMQOS_CPU_SHARES_LEVEL_HIGH] = 2000,
	};

	return policy->shares ? policy->shares :
	       a_vcpu[policy->level ? policy->level : VMQOS_CPU_SHARES_LEVEL_NORMAL] * vcpus;
}

void vmqos_fake_policy_put(struct nl_msg *msg, const struct vmqos_fake_policy *policy,
			   uint32_t vcpus)
{
	uint32_t level = policy->shares ? VMQOS_CPU_SHARES_LEVEL_CUSTOM :
			 policy->level ? policy->level : VMQOS_CPU_SHARES_LEVEL_NORMAL;

	nla_put_u32(msg, VMQOS_VM_A_CPU_SHARES, shares_of(policy, vcpus));
	nla_put_u32(msg, VMQOS_VM_A_CPU_SHARES_LEVEL, level);
	nla_put_u32(msg, VMQOS_VM_A_CPU_RESERVATION, policy->reservation);
	nla_put_u32(msg, VMQOS_VM_A_CPU_LIMIT, policy->limit);
	nla_put_u32(msg, VMQOS_VM_A_CPU_LATENCY, policy->latency);
	nla_put_u32(msg, VMQOS_VM_A_CPU_CHARGE_OTHERS,
		    policy->others_free ? VMQOS_SWITCH_OFF : VMQOS_SWITCH_ON);
	nla_put_u32(msg, VMQOS_VM_A_CPU_ENTITLED, 750000);
	nla_put_u32(msg, VMQOS_VM_A_MEM_SHARE_ZERO, policy->share_zero);
	nla_put_u64(msg, VMQOS_VM_A_MEM_LIMIT, policy->mem_limit);
}

static int refuse(int err, int attr, const char *words, const char **sentence, int *blame)
{
	*sentence = words;
	*blame = attr;
	return err;
}

int vmqos_fake_policy_take(struct nlattr *attrs, int size, struct vmqos_fake_policy *policy,
			   uint32_t free, const char **sentence, int *blame)
{
	struct vmqos_fake_policy next = *policy;
	static char words[160];
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, attrs, size, rest) {
		switch (nla_type(attr)) {
		case VMQOS_VM_A_CPU_SHARES:
			next.shares = nla_get_u32(attr);
			break;
		case VMQOS_VM_A_CPU_SHARES_LEVEL:
			next.shares = 0;
			next.level = nla_get_u32(attr);
			break;
		case VMQOS_VM_A_CPU_RESERVATION:
			next.reservation = nla_get_u32(attr);
			break;
		case VMQOS_VM_A_CPU_LIMIT:
			next.limit = nla_get_u32(attr);
			break;
		case VMQOS_VM_A_CPU_LATENCY:
			next.latency = nla_get_u32(attr);
			break;
		case VMQOS_VM_A_CPU_CHARGE_OTHERS:
			next.others_free = nla_get_u32(attr) == VMQOS_SWITCH_OFF;
			break;
		case VMQOS_VM_A_MEM_SHARE_ZERO:
			next.share_zero = nla_get_u32(attr);
			break;
		case VMQOS_VM_A_MEM_LIMIT:
			next.mem_limit = nla_get_u64(attr);
			break;
		}
	}
	if (next.limit && next.limit < 10000)
		return refuse(-ERANGE, VMQOS_VM_A_CPU_LIMIT,
			      "a limit is at least 10000 millionths of a CPU, or 0 for none",
			      sentence, blame);
	if (next.limit && next.reservation > next.limit)
		return refuse(-EINVAL, VMQOS_VM_A_CPU_RESERVATION,
			      "the reservation is more than the limit", sentence, blame);
	if (next.reservation > free) {
		snprintf(words, sizeof(words),
			 "reservation of %u millionths does not fit: %u are left",
			 next.reservation, free);
		return refuse(-ENOSPC, VMQOS_VM_A_CPU_RESERVATION, words, sentence, blame);
	}
	*policy = next;
	return 0;
}

void vmqos_fake_host_put(struct nl_msg *msg, const struct vmqos_fake_host *host,
			 uint32_t reserved, uint32_t capacity)
{
	nla_put_u32(msg, VMQOS_HOST_A_CPU_KEPT, host->kept);
	nla_put_u32(msg, VMQOS_HOST_A_CPU_RESERVED, reserved);
	nla_put_u32(msg, VMQOS_HOST_A_CPU_UNRESERVED, capacity - host->kept - reserved);
	nla_put_u32(msg, VMQOS_HOST_A_CPU_GATE, host->gate);
	nla_put_u32(msg, VMQOS_HOST_A_CPU_SLICE_US, host->slice_us);
}

int vmqos_fake_host_take(struct nlattr *attrs, int size, struct vmqos_fake_host *host,
			 uint32_t reserved, uint32_t capacity, const char **sentence, int *blame)
{
	struct nlattr *kept = nla_find(attrs, size, VMQOS_HOST_A_CPU_KEPT);
	struct nlattr *gate = nla_find(attrs, size, VMQOS_HOST_A_CPU_GATE);
	struct nlattr *slice = nla_find(attrs, size, VMQOS_HOST_A_CPU_SLICE_US);

	if (slice && (nla_get_u32(slice) < 500 || nla_get_u32(slice) > 20000))
		return refuse(-ERANGE, VMQOS_HOST_A_CPU_SLICE_US,
			      "the slice is to be from 500 to 20000 us", sentence, blame);
	if (kept && nla_get_u32(kept) > capacity - reserved)
		return refuse(-ENOSPC, VMQOS_HOST_A_CPU_KEPT,
			      "the VMs' reservations would no longer fit", sentence, blame);
	if (kept)
		host->kept = nla_get_u32(kept);
	if (gate)
		host->gate = nla_get_u32(gate);
	if (slice)
		host->slice_us = nla_get_u32(slice);
	return 0;
}
