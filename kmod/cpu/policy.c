// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The rules of CPU policies: which are valid, which fit the host, and how many
 * shares a level is. Nothing here knows the kernel or netlink; the same file is
 * compiled in user space for its unit tests.
 *
 * A policy is judged as a whole, after the change has been laid over it. What
 * it has to fit into may have shrunk since it was accepted: CPUs go offline,
 * and a VM may reserve before it has its vCPUs. A policy that was accepted
 * stays; so those two rules are asked only of a reservation that grows, or no
 * other setting could be changed until the host is whole again.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include "policy.h"

/* Shares for each vCPU of the levels; custom has none. */
static const u32 vmqos_cpu_level_shares[] = {
	[VMQOS_CPU_LEVEL_CUSTOM] = 0,
	[VMQOS_CPU_LEVEL_LOW] = 500,
	[VMQOS_CPU_LEVEL_NORMAL] = 1000,
	[VMQOS_CPU_LEVEL_HIGH] = 2000,
};

static int vmqos_cpu_refuse(struct vmqos_cpu_refusal *why,
			    enum vmqos_cpu_reason reason, u64 value, u64 bound,
			    int error)
{
	why->reason = reason;
	why->value = value;
	why->bound = bound;
	return error;
}

/**
 * vmqos_cpu_policy_default() - the policy of a VM of which nothing was said
 * @policy: receives it: normal shares, no reservation, no limit, normal
 *	latency, other threads are charged
 *
 * Context: any.
 */
void vmqos_cpu_policy_default(struct vmqos_cpu_policy *policy)
{
	*policy = (struct vmqos_cpu_policy){
		.level = VMQOS_CPU_LEVEL_NORMAL,
		.charge_others = 1,
	};
}

/**
 * vmqos_cpu_policy_overlay() - lay a change over a policy
 * @old: the policy
 * @change: the change
 * @new: receives the result; not set after an error
 * @why: receives the reason of a refusal
 *
 * Context: any.
 * Return: 0; -EINVAL for a level without its shares, or with shares of their
 * own; -ERANGE for shares or a level out of range.
 */
int vmqos_cpu_policy_overlay(const struct vmqos_cpu_policy *old,
			     const struct vmqos_cpu_change *change,
			     struct vmqos_cpu_policy *new,
			     struct vmqos_cpu_refusal *why)
{
	const struct vmqos_cpu_policy *to = &change->to;
	bool shares = change->gives & VMQOS_CPU_GIVES_SHARES;
	bool level = change->gives & VMQOS_CPU_GIVES_LEVEL;

	if (level && to->level > VMQOS_CPU_LEVEL_HIGH)
		return vmqos_cpu_refuse(why, VMQOS_CPU_LEVEL_RANGE, to->level,
					VMQOS_CPU_LEVEL_HIGH, -ERANGE);
	if (level && shares && to->level != VMQOS_CPU_LEVEL_CUSTOM)
		return vmqos_cpu_refuse(why, VMQOS_CPU_LEVEL_AND_SHARES,
					to->level, 0, -EINVAL);
	if (level && !shares && to->level == VMQOS_CPU_LEVEL_CUSTOM)
		return vmqos_cpu_refuse(why, VMQOS_CPU_LEVEL_ALONE, to->level,
					0, -EINVAL);
	if (shares && to->shares < VMQOS_CPU_SHARES_MIN)
		return vmqos_cpu_refuse(why, VMQOS_CPU_SHARES_RANGE, to->shares,
					VMQOS_CPU_SHARES_MIN, -ERANGE);
	if (shares && to->shares > VMQOS_CPU_SHARES_MAX)
		return vmqos_cpu_refuse(why, VMQOS_CPU_SHARES_RANGE, to->shares,
					VMQOS_CPU_SHARES_MAX, -ERANGE);
	*new = *old;
	if (shares) {
		new->shares = to->shares;
		new->level = VMQOS_CPU_LEVEL_CUSTOM;
	} else if (level) {
		new->shares = 0;
		new->level = to->level;
	}
	if (change->gives & VMQOS_CPU_GIVES_RESERVATION)
		new->reservation = to->reservation;
	if (change->gives & VMQOS_CPU_GIVES_LIMIT)
		new->limit = to->limit;
	if (change->gives & VMQOS_CPU_GIVES_LATENCY)
		new->latency = to->latency;
	if (change->gives & VMQOS_CPU_GIVES_CHARGE_OTHERS)
		new->charge_others = to->charge_others;
	return 0;
}

/* The reservation has grown: is there so much? */
static int vmqos_cpu_check_room(u64 reservation,
				const struct vmqos_cpu_room *room,
				struct vmqos_cpu_refusal *why)
{
	u64 usable = (u64)room->vcpus * VMQOS_CPU_ONE;
	u64 left = vmqos_cpu_policy_left(room->capacity, room->kept,
					 room->others);

	if (room->vcpus && reservation > usable)
		return vmqos_cpu_refuse(why, VMQOS_CPU_ABOVE_VCPUS, reservation,
					usable, -EINVAL);
	if (reservation > left)
		return vmqos_cpu_refuse(why, VMQOS_CPU_ABOVE_ROOM, reservation,
					left, -ENOSPC);
	return 0;
}

/**
 * vmqos_cpu_policy_check() - judge a VM's new policy
 * @old: the policy that it has
 * @new: the policy that it is to have, from vmqos_cpu_policy_overlay()
 * @room: what it has to fit into
 * @why: receives the reason of a refusal
 *
 * Context: any.
 * Return: 0; -ERANGE for a value out of range; -EINVAL for a reservation above
 * the limit or above what the vCPUs can use; -ENOSPC for one above what the
 * host has left.
 */
int vmqos_cpu_policy_check(const struct vmqos_cpu_policy *old,
			   const struct vmqos_cpu_policy *new,
			   const struct vmqos_cpu_room *room,
			   struct vmqos_cpu_refusal *why)
{
	if (new->limit && new->limit < VMQOS_CPU_LIMIT_MIN)
		return vmqos_cpu_refuse(why, VMQOS_CPU_LIMIT_RANGE, new->limit,
					VMQOS_CPU_LIMIT_MIN, -ERANGE);
	if (new->latency > 1)
		return vmqos_cpu_refuse(why, VMQOS_CPU_LATENCY_RANGE,
					new->latency, 1, -ERANGE);
	if (new->charge_others > 1)
		return vmqos_cpu_refuse(why, VMQOS_CPU_CHARGE_RANGE,
					new->charge_others, 1, -ERANGE);
	if (new->limit && new->reservation > new->limit) {
		/* Whichever of the two was changed is to blame. */
		if (new->reservation == old->reservation)
			return vmqos_cpu_refuse(why, VMQOS_CPU_BELOW_RESERVATION,
						new->limit, new->reservation,
						-EINVAL);
		return vmqos_cpu_refuse(why, VMQOS_CPU_ABOVE_LIMIT,
					new->reservation, new->limit, -EINVAL);
	}
	if (new->reservation > old->reservation)
		return vmqos_cpu_check_room(new->reservation, room, why);
	return 0;
}

/**
 * vmqos_cpu_policy_same() - compare two policies
 * @a: the one
 * @b: the other
 *
 * Context: any.
 * Return: whether they are the same.
 */
bool vmqos_cpu_policy_same(const struct vmqos_cpu_policy *a,
			   const struct vmqos_cpu_policy *b)
{
	return a->shares == b->shares && a->level == b->level &&
	       a->reservation == b->reservation && a->limit == b->limit &&
	       a->latency == b->latency &&
	       a->charge_others == b->charge_others;
}

/**
 * vmqos_cpu_policy_shares() - the shares that a policy comes to
 * @policy: the policy
 * @vcpus: number of the VM's vCPUs; one that has none yet counts as having one
 *
 * Context: any.
 * Return: the shares, 1 to 1000000.
 */
u32 vmqos_cpu_policy_shares(const struct vmqos_cpu_policy *policy, u32 vcpus)
{
	u64 shares;

	if (policy->level == VMQOS_CPU_LEVEL_CUSTOM)
		return policy->shares;
	shares = (u64)vmqos_cpu_level_shares[policy->level] * (vcpus ? vcpus : 1);
	return min_t(u64, shares, VMQOS_CPU_SHARES_MAX);
}

/**
 * vmqos_cpu_policy_left() - what may yet be reserved
 * @capacity: the host's CPUs, millionths of a CPU
 * @kept: what no VM may reserve, millionths of a CPU
 * @reserved: what is reserved, millionths of a CPU
 *
 * Context: any.
 * Return: the difference, 0 when less than nothing is left.
 */
u64 vmqos_cpu_policy_left(u64 capacity, u64 kept, u64 reserved)
{
	if (kept >= capacity || reserved >= capacity - kept)
		return 0;
	return capacity - kept - reserved;
}

/**
 * vmqos_cpu_host_policy_check() - judge new settings of the host
 * @old: the settings that it has
 * @new: the settings that it is to have
 * @capacity: the host's CPUs, millionths of a CPU
 * @reserved: sum of the VMs' reservations, millionths of a CPU
 * @why: receives the reason of a refusal
 *
 * Context: any.
 * Return: 0; -ERANGE for a value out of range; -ENOSPC when more is to be kept
 * than the reservations leave.
 */
int vmqos_cpu_host_policy_check(const struct vmqos_cpu_host_policy *old,
				const struct vmqos_cpu_host_policy *new,
				u64 capacity, u64 reserved,
				struct vmqos_cpu_refusal *why)
{
	u64 left = vmqos_cpu_policy_left(capacity, 0, reserved);

	if (new->gate > 1)
		return vmqos_cpu_refuse(why, VMQOS_CPU_GATE_RANGE, new->gate, 1,
					-ERANGE);
	if (new->slice_us < VMQOS_CPU_SLICE_MIN)
		return vmqos_cpu_refuse(why, VMQOS_CPU_SLICE_RANGE,
					new->slice_us, VMQOS_CPU_SLICE_MIN,
					-ERANGE);
	if (new->slice_us > VMQOS_CPU_SLICE_MAX)
		return vmqos_cpu_refuse(why, VMQOS_CPU_SLICE_RANGE,
					new->slice_us, VMQOS_CPU_SLICE_MAX,
					-ERANGE);
	if (new->kept > old->kept && new->kept > left)
		return vmqos_cpu_refuse(why, VMQOS_CPU_KEPT_ROOM, new->kept,
					left, -ENOSPC);
	return 0;
}
