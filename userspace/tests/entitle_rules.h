/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has to hold of every division of CPU time, whatever was asked. There is one
 * division that keeps all of these but for single units, so they leave nothing open.
 */
#ifndef VMQOS_TESTS_ENTITLE_RULES_H
#define VMQOS_TESTS_ENTITLE_RULES_H

#include "entitlement.h"

static inline u64 rule_shares(const struct vmqos_entitle_vm *vm)
{
	return !vm->shares ? 1 : vm->shares > 0xffffffff ? 0xffffffff : vm->shares;
}

static inline u64 rule_cap(const struct vmqos_entitle_vm *vm)
{
	return vm->limit && vm->limit < vm->demand ? vm->limit : vm->demand;
}

static inline u64 rule_floor(const struct vmqos_entitle_vm *vm)
{
	return vm->reservation < rule_cap(vm) ? vm->reservation : rule_cap(vm);
}

static inline unsigned __int128 times(u64 a, u64 b)
{
	return (unsigned __int128)a * b;
}

/* @a x @b and @c x @d, where the former are 96 bits at most and the latter 32. */
static inline bool product_above(unsigned __int128 a, u32 b, unsigned __int128 c, u32 d)
{
	return a * b > c * d;
}

/* The rule that is broken by @vm, or NULL. */
static inline const char *rule_broken(const struct vmqos_entitle_vm *vm, u32 n, u64 capacity)
{
	unsigned __int128 caps = 0, floors = 0, sum = 0, above = 0, below = 0;
	unsigned __int128 due, next;
	u64 above_shares = 1, below_shares = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		caps += rule_cap(&vm[i]);
		floors += rule_floor(&vm[i]);
		sum += vm[i].entitled;
		if (vm[i].entitled > rule_cap(&vm[i]))
			return "nobody is above its cap";
	}
	if (sum != (caps < capacity ? caps : capacity))
		return "the sum is the capacity or all that is wanted";
	if (floors > capacity) {
		/* Each within a unit of its floor x capacity / floors, by division. */
		for (i = 0; i < n; i++) {
			if (vm[i].entitled > rule_floor(&vm[i]))
				return "nobody is above its floor where floors are cut";
			if (floors >> 64)
				continue;
			due = times(rule_floor(&vm[i]), capacity);
			if (due / floors > vm[i].entitled ||
			    (due + floors - 1) / floors < vm[i].entitled)
				return "floors are cut in proportion";
		}
		return NULL;
	}
	/*
	 * One level for all: above (entitled - 1) / shares for those that are above their
	 * floor, below (entitled + 1) / shares for those that are below their cap.
	 */
	for (i = 0; i < n; i++) {
		u64 shares = rule_shares(&vm[i]), got = vm[i].entitled;

		next = (unsigned __int128)got + 1;
		if (got < rule_floor(&vm[i]))
			return "nobody is below its floor";
		if (got > rule_floor(&vm[i]) && got &&
		    product_above(got - 1, above_shares, above, shares)) {
			above = got - 1;
			above_shares = shares;
		}
		if (got < rule_cap(&vm[i]) &&
		    (!below_shares || product_above(below, shares, next, below_shares))) {
			below = next;
			below_shares = shares;
		}
	}
	if (below_shares && !product_above(below, above_shares, above, below_shares) && above)
		return "all that are neither at floor nor cap have one level";
	return NULL;
}

/* The same for the vCPUs of one VM. */
static inline const char *vcpu_rule_broken(const struct vmqos_entitle_vcpu *vcpu, u32 n,
					   u64 entitled)
{
	u64 most = 0, least = ~0ULL;
	unsigned __int128 caps = 0, sum = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		u64 cap = vcpu[i].demand < VMQOS_ENTITLE_CPU ? vcpu[i].demand : VMQOS_ENTITLE_CPU;

		caps += cap;
		sum += vcpu[i].rate;
		if (vcpu[i].rate > cap)
			return "no vCPU has more than it wants or than one CPU";
		if (vcpu[i].rate > most)
			most = vcpu[i].rate;
		if (vcpu[i].rate < cap && vcpu[i].rate < least)
			least = vcpu[i].rate;
	}
	if (sum != (caps < entitled ? caps : entitled))
		return "the sum is what the VM is entitled to or all that is wanted";
	if (most > least && most - least > 1)
		return "vCPUs that want more have equal rates";
	return NULL;
}

#endif
