// SPDX-License-Identifier: GPL-2.0
/*
 * The policy in memory, and which of its sections count for a VM.
 *
 * Each setting is taken on its own from the most specific section that gives
 * it: a UUID before a name, a name before a pattern, and among patterns the one
 * with more characters that stand for themselves, or else the one read later.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "policy_internal.h"

/**
 * vmqos_policy_new() - an empty policy: adopt every VM, leave the host as it is
 *
 * Return: the policy, or NULL when memory ran out.
 */
struct vmqos_policy *vmqos_policy_new(void)
{
	struct vmqos_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->last = &policy->first;
	policy->daemon.cgroup_weights = true;
	return policy;
}

/**
 * vmqos_policy_free() - let go of a policy
 * @policy: the policy, or NULL
 */
void vmqos_policy_free(struct vmqos_policy *policy)
{
	struct vmqos_policy_section *section, *next;

	if (!policy)
		return;
	for (section = policy->first; section; section = next) {
		next = section->next;
		free(section->file);
		free(section);
	}
	free(policy);
}

static bool matches(const struct vmqos_policy_section *section, const char *name,
		    const uint8_t *uuid)
{
	switch (section->kind) {
	case VMQOS_POLICY_PATTERN:
		return fnmatch(section->match, name, 0) == 0;
	case VMQOS_POLICY_NAME:
		return strcmp(section->match, name) == 0;
	case VMQOS_POLICY_UUID:
		return uuid && memcmp(section->uuid, uuid, sizeof(section->uuid)) == 0;
	default:
		return false;
	}
}

/* Whether @a, read later than @b, is at least as specific. */
static bool beats(const struct vmqos_policy_section *a, const struct vmqos_policy_section *b)
{
	if (!b || a->kind != b->kind)
		return !b || a->kind > b->kind;
	return a->literals >= b->literals;
}

/* Takes one setting from the section that gives it. */
static void take(struct vmqos_policy_vm *out, const struct vmqos_policy_vm *from, unsigned int bit)
{
	out->present |= bit;
	switch (bit) {
	case VMQOS_POLICY_VM_ADOPT:
		out->adopt = from->adopt;
		break;
	case VMQOS_POLICY_VM_NAME:
		strcpy(out->name, from->name);
		break;
	case VMQOS_POLICY_VM_CPU_SHARES:
		out->cpu_shares = from->cpu_shares;
		out->cpu_shares_level = from->cpu_shares_level;
		break;
	case VMQOS_POLICY_VM_CPU_RESERVATION:
		out->cpu_reservation = from->cpu_reservation;
		break;
	case VMQOS_POLICY_VM_CPU_LIMIT:
		out->cpu_limit = from->cpu_limit;
		break;
	case VMQOS_POLICY_VM_CPU_LATENCY:
		out->cpu_latency = from->cpu_latency;
		break;
	case VMQOS_POLICY_VM_CPU_CHARGE_OTHERS:
		out->cpu_charge_others = from->cpu_charge_others;
		break;
	case VMQOS_POLICY_VM_MEM_SHARE_ZERO:
		out->mem_share_zero = from->mem_share_zero;
		break;
	case VMQOS_POLICY_VM_MEM_LIMIT:
		out->mem_limit = from->mem_limit;
		break;
	case VMQOS_POLICY_VM_BALLOON:
		out->balloon = from->balloon;
		break;
	case VMQOS_POLICY_VM_BALLOON_FLOOR:
		out->balloon_floor = from->balloon_floor;
		break;
	case VMQOS_POLICY_VM_BALLOON_SPEED:
		out->balloon_speed = from->balloon_speed;
		break;
	}
}

/**
 * vmqos_policy_match() - what the policy wants of a VM
 * @policy: the policy
 * @name: the name the VM has of its own
 * @uuid: its UUID, or NULL when it has none
 * @out: filled with the settings given; the others are 0
 */
void vmqos_policy_match(const struct vmqos_policy *policy, const char *name,
			const uint8_t *uuid, struct vmqos_policy_vm *out)
{
	const struct vmqos_policy_section *best[VMQOS_POLICY_VM_BITS] = { NULL };
	const struct vmqos_policy_section *section;
	unsigned int i;

	memset(out, 0, sizeof(*out));
	for (section = policy->first; section; section = section->next) {
		if (!matches(section, name, uuid))
			continue;
		for (i = 0; i < VMQOS_POLICY_VM_BITS; i++)
			if ((section->vm.present & (1u << i)) && beats(section, best[i]))
				best[i] = section;
	}
	for (i = 0; i < VMQOS_POLICY_VM_BITS; i++)
		if (best[i])
			take(out, &best[i]->vm, 1u << i);
}

/**
 * vmqos_policy_host() - what the policy wants of the host
 * @policy: the policy
 *
 * Return: the settings, which live as long as the policy.
 */
const struct vmqos_policy_host *vmqos_policy_host(const struct vmqos_policy *policy)
{
	return &policy->host;
}

/**
 * vmqos_policy_daemon() - how the daemon itself is to work
 * @policy: the policy
 *
 * Return: the settings, which live as long as the policy.
 */
const struct vmqos_policy_daemon *vmqos_policy_daemon(const struct vmqos_policy *policy)
{
	return &policy->daemon;
}

/**
 * vmqos_policy_sections() - how many sections a policy has
 * @policy: the policy
 *
 * Return: their number.
 */
unsigned int vmqos_policy_sections(const struct vmqos_policy *policy)
{
	return policy->sections;
}
