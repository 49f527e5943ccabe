// SPDX-License-Identifier: GPL-2.0
/*
 * CPU policies in netlink's messages: reading them, judging them by the rules
 * of policy.c, saying why one is refused, and telling them.
 */
#include <linux/cpumask.h>
#include <linux/kvm_host.h>
#include <linux/netlink.h>
#include <net/netlink.h>

#include "core/vm.h"
#include "cpu/cpu.h"
#include "cpu/gate.h"
#include "cpu/latency.h"
#include "cpu/policy.h"
#include "cpu/policy_nl.h"

/* The rules have words of their own for what the interface calls. */
static_assert((int)VMQOS_CPU_LEVEL_CUSTOM == VMQOS_CPU_SHARES_LEVEL_CUSTOM);
static_assert((int)VMQOS_CPU_LEVEL_LOW == VMQOS_CPU_SHARES_LEVEL_LOW);
static_assert((int)VMQOS_CPU_LEVEL_NORMAL == VMQOS_CPU_SHARES_LEVEL_NORMAL);
static_assert((int)VMQOS_CPU_LEVEL_HIGH == VMQOS_CPU_SHARES_LEVEL_HIGH);
static_assert(VMQOS_CPU_LATENCY_NORMAL == 0 && VMQOS_CPU_LATENCY_LOW == 1);
static_assert(VMQOS_SWITCH_OFF == 0 && VMQOS_SWITCH_ON == 1);

/* vmqos_lock. */
static struct vmqos_cpu_host_policy vmqos_host_policy = {
	.gate = 1,
	.slice_us = VMQOS_CPU_SLICE_DEFAULT,
};

/**
 * vmqos_policy_host() - the host's settings of the CPU plane
 *
 * Context: process context, vmqos_lock held.
 * Return: the settings.
 */
const struct vmqos_cpu_host_policy *vmqos_policy_host(void)
{
	lockdep_assert_held(&vmqos_lock);
	return &vmqos_host_policy;
}

static u64 vmqos_policy_capacity(void)
{
	return (u64)num_online_cpus() * VMQOS_CPU_ONE;
}

/* What all VMs but one have reserved; those that have ended have given it back. */
static u64 vmqos_policy_reserved(const struct vmqos_vm *but)
{
	struct vmqos_vm *vm;
	unsigned long id;
	u64 sum = 0;

	xa_for_each(&vmqos_vms, id, vm)
		if (vm != but && !vmqos_vm_ended(vm))
			sum += vm->cpu->policy.reservation;
	return sum;
}

/**
 * vmqos_policy_overdrawn() - whether more is promised than there is
 *
 * CPUs may have gone offline since it was promised.
 *
 * Context: process context, vmqos_lock held.
 * Return: whether what is reserved and kept is more than the CPUs online.
 */
bool vmqos_policy_overdrawn(void)
{
	lockdep_assert_held(&vmqos_lock);
	return vmqos_policy_reserved(NULL) + vmqos_host_policy.kept >
	       vmqos_policy_capacity();
}

/* Attribute that is to blame for a refusal. */
static int vmqos_policy_blamed(enum vmqos_cpu_reason reason)
{
	switch (reason) {
	case VMQOS_CPU_SHARES_RANGE:
		return VMQOS_VM_A_CPU_SHARES;
	case VMQOS_CPU_LEVEL_RANGE:
	case VMQOS_CPU_LEVEL_ALONE:
	case VMQOS_CPU_LEVEL_AND_SHARES:
		return VMQOS_VM_A_CPU_SHARES_LEVEL;
	case VMQOS_CPU_LIMIT_RANGE:
	case VMQOS_CPU_BELOW_RESERVATION:
		return VMQOS_VM_A_CPU_LIMIT;
	case VMQOS_CPU_ABOVE_LIMIT:
	case VMQOS_CPU_ABOVE_VCPUS:
	case VMQOS_CPU_ABOVE_ROOM:
		return VMQOS_VM_A_CPU_RESERVATION;
	case VMQOS_CPU_LATENCY_RANGE:
		return VMQOS_VM_A_CPU_LATENCY;
	case VMQOS_CPU_CHARGE_RANGE:
		return VMQOS_VM_A_CPU_CHARGE_OTHERS;
	case VMQOS_CPU_KEPT_ROOM:
		return VMQOS_HOST_A_CPU_KEPT;
	case VMQOS_CPU_GATE_RANGE:
		return VMQOS_HOST_A_CPU_GATE;
	case VMQOS_CPU_SLICE_RANGE:
		return VMQOS_HOST_A_CPU_SLICE_US;
	case VMQOS_CPU_FINE:
		break;
	}
	return 0;
}

/* Sentences with numbers in them have at most 79 characters. */
static void vmqos_policy_say(struct netlink_ext_ack *extack,
			     struct nlattr *const *attrs,
			     const struct vmqos_cpu_refusal *why)
{
	NL_SET_BAD_ATTR(extack, attrs[vmqos_policy_blamed(why->reason)]);
	switch (why->reason) {
	case VMQOS_CPU_SHARES_RANGE:
		NL_SET_ERR_MSG_FMT(extack,
				   "the CPU shares are to be from 1 to 1000000, not %llu",
				   why->value);
		break;
	case VMQOS_CPU_LEVEL_RANGE:
		NL_SET_ERR_MSG(extack,
			       "there is no such level of shares; give low, normal or high");
		break;
	case VMQOS_CPU_LEVEL_ALONE:
		NL_SET_ERR_MSG(extack,
			       "custom says no number; give cpu-shares, which makes the level custom");
		break;
	case VMQOS_CPU_LEVEL_AND_SHARES:
		NL_SET_ERR_MSG(extack,
			       "the shares are given twice; give cpu-shares or a level, not both");
		break;
	case VMQOS_CPU_LIMIT_RANGE:
		NL_SET_ERR_MSG_FMT(extack,
				   "limit of %llu millionths is below %llu; 0 is no limit",
				   why->value, why->bound);
		break;
	case VMQOS_CPU_ABOVE_LIMIT:
		NL_SET_ERR_MSG_FMT(extack,
				   "reservation of %llu millionths is above the limit of %llu",
				   why->value, why->bound);
		break;
	case VMQOS_CPU_BELOW_RESERVATION:
		NL_SET_ERR_MSG_FMT(extack,
				   "limit of %llu millionths is below the reservation of %llu",
				   why->value, why->bound);
		break;
	case VMQOS_CPU_ABOVE_VCPUS:
		NL_SET_ERR_MSG_FMT(extack,
				   "reservation of %llu millionths is above the %llu of its vCPUs",
				   why->value, why->bound);
		break;
	case VMQOS_CPU_ABOVE_ROOM:
		NL_SET_ERR_MSG_FMT(extack,
				   "reservation of %llu millionths does not fit: %llu are left",
				   why->value, why->bound);
		break;
	case VMQOS_CPU_LATENCY_RANGE:
		NL_SET_ERR_MSG(extack, "there is no such latency; give normal or low");
		break;
	case VMQOS_CPU_CHARGE_RANGE:
	case VMQOS_CPU_GATE_RANGE:
		NL_SET_ERR_MSG(extack, "the switch is neither off nor on");
		break;
	case VMQOS_CPU_KEPT_ROOM:
		NL_SET_ERR_MSG_FMT(extack,
				   "%llu millionths cannot be kept: reservations leave %llu",
				   why->value, why->bound);
		break;
	case VMQOS_CPU_SLICE_RANGE:
		NL_SET_ERR_MSG_FMT(extack,
				   "the slice is to be from 500 to 20000 us, not %llu",
				   why->value);
		break;
	case VMQOS_CPU_FINE:
		break;
	}
}

static void vmqos_policy_read(struct nlattr *const *attrs,
			      struct vmqos_cpu_change *change)
{
	static const struct {
		u16 attr;
		u16 offset;
		u32 gives;
	} members[] = {
#define VMQOS_MEMBER(ATTR, member)					\
	{ VMQOS_VM_A_CPU_##ATTR, offsetof(struct vmqos_cpu_policy, member), \
	  VMQOS_CPU_GIVES_##ATTR }
		VMQOS_MEMBER(SHARES, shares),
		VMQOS_MEMBER(RESERVATION, reservation),
		VMQOS_MEMBER(LIMIT, limit),
		VMQOS_MEMBER(LATENCY, latency),
		VMQOS_MEMBER(CHARGE_OTHERS, charge_others),
		{ VMQOS_VM_A_CPU_SHARES_LEVEL,
		  offsetof(struct vmqos_cpu_policy, level),
		  VMQOS_CPU_GIVES_LEVEL },
#undef VMQOS_MEMBER
	};
	int i;

	*change = (struct vmqos_cpu_change){};
	for (i = 0; i < ARRAY_SIZE(members); i++) {
		struct nlattr *attr = attrs[members[i].attr];

		if (!attr)
			continue;
		change->gives |= members[i].gives;
		*(u32 *)((void *)&change->to + members[i].offset) =
			nla_get_u32(attr);
	}
}

/**
 * vmqos_policy_vm_check() - judge what a request changes of a VM's policy
 * @vm: the VM
 * @attrs: attributes of the request
 * @extack: receives the reason of a refusal
 *
 * Context: process context, vmqos_lock held.
 * Return: 1 when it changes something, 0 when not, or a negative error.
 */
int vmqos_policy_vm_check(struct vmqos_vm *vm, struct nlattr *const *attrs,
			  struct netlink_ext_ack *extack)
{
	const struct vmqos_cpu_policy *old = &vm->cpu->policy;
	struct vmqos_cpu_refusal why = {};
	struct vmqos_cpu_change change;
	struct vmqos_cpu_policy new;
	struct vmqos_cpu_room room;
	int ret;

	lockdep_assert_held(&vmqos_lock);
	vmqos_policy_read(attrs, &change);
	if (!change.gives)
		return 0;
	room = (struct vmqos_cpu_room){
		.vcpus = vm->nr_vcpus,
		.capacity = vmqos_policy_capacity(),
		.kept = vmqos_host_policy.kept,
		.others = vmqos_policy_reserved(vm),
	};
	ret = vmqos_cpu_policy_overlay(old, &change, &new, &why);
	if (!ret)
		ret = vmqos_cpu_policy_check(old, &new, &room, &why);
	if (ret) {
		vmqos_policy_say(extack, attrs, &why);
		return ret;
	}
	return !vmqos_cpu_policy_same(old, &new);
}

/**
 * vmqos_policy_vm_set() - make a VM's policy what a request says
 * @vm: the VM
 * @attrs: attributes of the request; vmqos_policy_vm_check() has found them good
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_policy_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs)
{
	struct vmqos_cpu_policy *policy = &vm->cpu->policy;
	struct vmqos_cpu_policy old = *policy;
	struct vmqos_cpu_refusal why;
	struct vmqos_cpu_change change;

	lockdep_assert_held(&vmqos_lock);
	vmqos_policy_read(attrs, &change);
	if (vmqos_cpu_policy_overlay(&old, &change, policy, &why) ||
	    vmqos_cpu_policy_same(&old, policy))
		return;
	if (policy->latency != old.latency)
		vmqos_latency_vm(vm);
	vmqos_gate_policy(vm->cpu);
}

/**
 * vmqos_policy_vm_fill() - tell a VM's policy
 * @skb: the message
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 * Return: 0 or -EMSGSIZE.
 */
int vmqos_policy_vm_fill(struct sk_buff *skb, struct vmqos_vm *vm)
{
	const struct vmqos_cpu_policy *policy = &vm->cpu->policy;
	u32 shares = vmqos_cpu_policy_shares(policy, vm->nr_vcpus);

	lockdep_assert_held(&vmqos_lock);
	if (nla_put_u32(skb, VMQOS_VM_A_CPU_SHARES, shares) ||
	    nla_put_u32(skb, VMQOS_VM_A_CPU_SHARES_LEVEL, policy->level) ||
	    nla_put_u32(skb, VMQOS_VM_A_CPU_RESERVATION, policy->reservation) ||
	    nla_put_u32(skb, VMQOS_VM_A_CPU_LIMIT, policy->limit) ||
	    nla_put_u32(skb, VMQOS_VM_A_CPU_LATENCY, policy->latency) ||
	    nla_put_u32(skb, VMQOS_VM_A_CPU_CHARGE_OTHERS,
			policy->charge_others) ||
	    nla_put_u32(skb, VMQOS_VM_A_CPU_ENTITLED,
			READ_ONCE(vm->cpu->entitled)))
		return -EMSGSIZE;
	return 0;
}

/* The host's settings as a request would have them. */
static struct vmqos_cpu_host_policy
vmqos_policy_host_overlay(struct nlattr *const *attrs)
{
	struct vmqos_cpu_host_policy new = vmqos_host_policy;

	if (attrs[VMQOS_HOST_A_CPU_KEPT])
		new.kept = nla_get_u32(attrs[VMQOS_HOST_A_CPU_KEPT]);
	if (attrs[VMQOS_HOST_A_CPU_GATE])
		new.gate = nla_get_u32(attrs[VMQOS_HOST_A_CPU_GATE]);
	if (attrs[VMQOS_HOST_A_CPU_SLICE_US])
		new.slice_us = nla_get_u32(attrs[VMQOS_HOST_A_CPU_SLICE_US]);
	return new;
}

/**
 * vmqos_policy_host_check() - judge what a request changes of the host's settings
 * @attrs: attributes of the request
 * @extack: receives the reason of a refusal
 *
 * Context: process context, vmqos_lock held.
 * Return: 1 when it changes something, 0 when not, or a negative error.
 */
int vmqos_policy_host_check(struct nlattr *const *attrs,
			    struct netlink_ext_ack *extack)
{
	const struct vmqos_cpu_host_policy *old = &vmqos_host_policy;
	struct vmqos_cpu_host_policy new = vmqos_policy_host_overlay(attrs);
	struct vmqos_cpu_refusal why = {};
	int ret;

	lockdep_assert_held(&vmqos_lock);
	ret = vmqos_cpu_host_policy_check(old, &new, vmqos_policy_capacity(),
					  vmqos_policy_reserved(NULL), &why);
	if (ret) {
		vmqos_policy_say(extack, attrs, &why);
		return ret;
	}
	return new.kept != old->kept || new.gate != old->gate ||
	       new.slice_us != old->slice_us;
}

/**
 * vmqos_policy_host_set() - make the host's settings what a request says
 * @attrs: attributes of the request; vmqos_policy_host_check() has found them
 *	good and changing something
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_policy_host_set(struct nlattr *const *attrs)
{
	lockdep_assert_held(&vmqos_lock);
	vmqos_host_policy = vmqos_policy_host_overlay(attrs);
	vmqos_gate_host();
}

/**
 * vmqos_policy_host_fill() - tell the host's settings and what is reserved
 * @skb: the message
 *
 * Context: process context, vmqos_lock held.
 * Return: 0 or -EMSGSIZE.
 */
int vmqos_policy_host_fill(struct sk_buff *skb)
{
	const struct vmqos_cpu_host_policy *host = &vmqos_host_policy;
	u64 reserved = vmqos_policy_reserved(NULL);
	u64 left = vmqos_cpu_policy_left(vmqos_policy_capacity(), host->kept,
					 reserved);

	lockdep_assert_held(&vmqos_lock);
	if (nla_put_u32(skb, VMQOS_HOST_A_CPU_KEPT, host->kept) ||
	    nla_put_u32(skb, VMQOS_HOST_A_CPU_RESERVED,
			min_t(u64, reserved, U32_MAX)) ||
	    nla_put_u32(skb, VMQOS_HOST_A_CPU_UNRESERVED,
			min_t(u64, left, U32_MAX)) ||
	    nla_put_u32(skb, VMQOS_HOST_A_CPU_GATE, host->gate) ||
	    nla_put_u32(skb, VMQOS_HOST_A_CPU_SLICE_US, host->slice_us))
		return -EMSGSIZE;
	return 0;
}
