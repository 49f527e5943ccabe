// SPDX-License-Identifier: GPL-2.0
/*
 * Who is entitled to how much CPU time. Arithmetic and nothing else: the same file
 * is compiled in user space for its tests.
 */
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "entitlement.h"

/**
 * DOC: Overview
 *
 * A VM's *cap* is the less of its limit and its demand, its *floor* the less of its
 * reservation and its cap. There is one *level* for all VMs, and each is entitled to
 * level x shares, but to no less than its floor and no more than its cap. The level is
 * the one at which the sum is the capacity; or all are at their caps. This is weighted
 * max-min fairness, found by progressive filling (D. Bertsekas, R. Gallager, "Data
 * Networks", 2nd edition, section 6.5.2), with floors. The meaning of shares, reservation
 * and limit, and that what a VM does not want is the others', is that of VMware's
 * "vSphere Resource Management" guide.
 *
 * Floors that pass the capacity together (CPUs went offline) are cut in proportion.
 *
 * The search. VMs are *free* until they are known to stay at their floor or cap. Each
 * pass takes the level at which the free ones would use what is left if they had neither
 * floor nor cap, and sums by how much floors lie above it and caps below it. If the
 * floors are stronger, the level is too high: then whoever is below its floor at this
 * level is so at the right one, too, and stays at its floor. If the caps are stronger,
 * the same holds for them. When nobody is out of bounds, the level is right.
 *
 * Why no input makes that slow. Let D be the sum by which floors lie above the level in
 * a pass that settles floors, S the free VMs' shares after it. The level falls by D / S.
 * A floor that is settled in a later pass lay below the level at the earlier one, so it
 * is above by no more than its part of that fall, whatever caps did to the level in
 * between, as caps only raise it. So D'/D <= 1 - S'/S, and D x S becomes a quarter or less
 * in each pass that settles floors. It begins below 2^128 and has an end at 2^-64: the
 * amounts are integers and the level is a fraction with the sum of the shares below.
 * That makes 96 passes at most, as many for caps, and one that finds all settled.
 * Seen are three to six, each over the VMs that are still free.
 *
 * Nothing is rounded on the way. At the end whole units are given out in the order of the
 * array, carrying the remainder on, so that the sum is exact and nobody is more than one
 * unit from the exact value.
 */

/* The end of the list of free VMs, which is linked by index through @entitled. */
#define NOBODY	U64_MAX

/**
 * struct split - an amount that is given out in proportion
 * @total: the sum of the parts, not 0
 * @carry: the remainders so far, in units of 1 / @total
 * @amount: what is given out in all
 */
struct split {
	unsigned __int128 total;
	unsigned __int128 carry;
	u64 amount;
};

/* Quotient and remainder of a * b / @by, where a <= @by; bit by bit past 64 bits. */
static u64 divide(u64 a, u64 b, unsigned __int128 by, unsigned __int128 *rest)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	unsigned __int128 left = 0;
	u64 quotient = 0;
	int bit;

	if (by <= U64_MAX) {
		quotient = mul_u64_u64_div_u64(a, b, (u64)by);
		*rest = product - (unsigned __int128)quotient * (u64)by;
		return quotient;
	}
	for (bit = 0; bit < 128; bit++) {
		left = left << 1 | product >> 127;
		product <<= 1;
		quotient <<= 1;
		if (left >= by) {
			left -= by;
			quotient |= 1;
		}
	}
	*rest = left;
	return quotient;
}

/* What @part gets: its exact due, rounded down or up so that all parts sum up. */
static u64 give(struct split *split, u64 part)
{
	unsigned __int128 rest;
	u64 due = divide(part, split->amount, split->total, &rest);

	split->carry += rest;
	if (split->carry >= split->total) {
		split->carry -= split->total;
		due++;
	}
	return due;
}

static u64 cap_of(const struct vmqos_entitle_vm *vm)
{
	return vm->limit ? min(vm->limit, vm->demand) : vm->demand;
}

static u64 floor_of(const struct vmqos_entitle_vm *vm)
{
	return min(vm->reservation, cap_of(vm));
}

/* Within 32 bits, so that the sum over all VMs stays within 64. */
static u64 shares_of(const struct vmqos_entitle_vm *vm)
{
	return clamp_t(u64, vm->shares, 1, U32_MAX);
}

/* -1 below its floor, 1 above its cap at the level @amount / @shares, else 0. */
static int side_of(const struct vmqos_entitle_vm *vm, u64 amount, u64 shares)
{
	unsigned __int128 here = (unsigned __int128)amount * shares_of(vm);

	if (here < (unsigned __int128)floor_of(vm) * shares)
		return -1;
	return here > (unsigned __int128)cap_of(vm) * shares;
}

/**
 * struct free_vms - the VMs of which it is open where they end
 * @first: the first of them, or NOBODY
 * @amount: what is left for them
 * @shares: the sum of their shares
 */
struct free_vms {
	u64 first;
	u64 amount;
	u64 shares;
};

/*
 * Compare what the free VMs are entitled to at the level with what is there: -1 if
 * floors make it more, 1 if caps make it less, 0 if nobody is out of bounds.
 */
static int weigh(const struct vmqos_entitle_vm *vm, const struct free_vms *free)
{
	unsigned __int128 bounds = 0;
	u64 shares = 0, i;

	for (i = free->first; i != NOBODY; i = vm[i].entitled) {
		int side = side_of(&vm[i], free->amount, free->shares);

		if (!side)
			continue;
		bounds += side < 0 ? floor_of(&vm[i]) : cap_of(&vm[i]);
		shares += shares_of(&vm[i]);
	}
	if (!shares)
		return 0;
	/* More than all have: no need to multiply, which could overflow. */
	if (bounds > free->amount)
		return -1;
	return bounds * free->shares > (unsigned __int128)free->amount * shares ? -1 : 1;
}

/* Let those on @side stay at their bounds. */
static void settle(struct vmqos_entitle_vm *vm, struct free_vms *free, int side)
{
	const struct free_vms before = *free;
	u64 *link = &free->first;
	u64 i, next;

	for (i = before.first; i != NOBODY; i = next) {
		int here = side_of(&vm[i], before.amount, before.shares);

		next = vm[i].entitled;
		if (here == side) {
			vm[i].entitled = here < 0 ? floor_of(&vm[i]) : cap_of(&vm[i]);
			free->amount -= vm[i].entitled;
			free->shares -= shares_of(&vm[i]);
		} else {
			*link = i;
			link = &vm[i].entitled;
		}
	}
	*link = NOBODY;
}

/**
 * vmqos_entitle() - divide CPU time between VMs
 * @vm: the VMs; @entitled of each is set
 * @n: their number
 * @capacity: what there is for them
 *
 * The sum of what the VMs are entitled to is exactly the less of @capacity and the sum
 * of their caps. Any values are safe. Nothing is allocated and nothing else is touched.
 *
 * Context: any; time in proportion to @n.
 * Return: the number of passes that it took to find the level, at most 193.
 */
u32 vmqos_entitle(struct vmqos_entitle_vm *vm, u32 n, u64 capacity)
{
	unsigned __int128 caps = 0, floors = 0;
	struct free_vms free = { .first = n ? 0 : NOBODY };
	struct split split = { };
	u32 i, passes = 1;
	u64 at, next;
	int side;

	for (i = 0; i < n; i++) {
		caps += cap_of(&vm[i]);
		floors += floor_of(&vm[i]);
		free.shares += shares_of(&vm[i]);
	}
	if (caps <= capacity) {
		for (i = 0; i < n; i++)
			vm[i].entitled = cap_of(&vm[i]);
		return 0;
	}
	if (floors >= capacity) {
		/* Also where both are 0. */
		split.amount = capacity;
		split.total = floors ? floors : 1;
		for (i = 0; i < n; i++)
			vm[i].entitled = give(&split, floor_of(&vm[i]));
		return 0;
	}

	for (i = 0; i < n; i++)
		vm[i].entitled = i + 1 < n ? i + 1 : NOBODY;
	free.amount = capacity;
	for (side = weigh(vm, &free); side; side = weigh(vm, &free)) {
		settle(vm, &free, side);
		passes++;
	}

	split.amount = free.amount;
	split.total = free.shares;
	for (at = free.first; at != NOBODY; at = next) {
		next = vm[at].entitled;
		vm[at].entitled = give(&split, shares_of(&vm[at]));
	}
	return passes;
}

/**
 * vmqos_entitle_vcpus() - divide what a VM is entitled to between its vCPUs
 * @vcpu: its vCPUs; @rate of each is set
 * @n: their number
 * @entitled: what the VM is entitled to
 *
 * No vCPU gets more than it wants or more than one CPU, and those that want more than
 * they get have equal rates. The sum is exactly the less of @entitled and the sum of
 * what the vCPUs want, one CPU each at most. This is vmqos_entitle() for equal shares.
 *
 * Context: any; time in proportion to @n.
 */
void vmqos_entitle_vcpus(struct vmqos_entitle_vcpu *vcpu, u32 n, u64 entitled)
{
	struct split split = { };
	u64 left = entitled, next_left;
	u32 open = n, next_open, i;

	/* At the level @left / @open; it only rises, so nobody has to be marked. */
	do {
		next_left = entitled;
		next_open = n;
		for (i = 0; i < n; i++) {
			u64 want = min_t(u64, vcpu[i].demand, VMQOS_ENTITLE_CPU);

			vcpu[i].rate = want;
			if ((unsigned __int128)want * open <= left) {
				next_left -= want;
				next_open--;
			}
		}
		if (next_open == open || !next_open)
			break;
		left = next_left;
		open = next_open;
	} while (true);
	if (!next_open)
		return;

	split.amount = left;
	split.total = open;
	for (i = 0; i < n; i++)
		if ((unsigned __int128)vcpu[i].rate * open > left)
			vcpu[i].rate = give(&split, 1);
}
