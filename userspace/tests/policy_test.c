// SPDX-License-Identifier: GPL-2.0
/* Which CPU policies are accepted, and what a refusal says. */
#include <errno.h>
#include <limits.h>

#include "check.h"
#include "policy.h"

#define CPU	VMQOS_CPU_ONE
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define ALL	(VMQOS_CPU_GIVES_SHARES | VMQOS_CPU_GIVES_LEVEL | VMQOS_CPU_GIVES_RESERVATION | \
		 VMQOS_CPU_GIVES_LIMIT | VMQOS_CPU_GIVES_LATENCY | VMQOS_CPU_GIVES_CHARGE_OTHERS)

/* Enough for whatever is reserved below. */
static const struct vmqos_cpu_room wide = { .vcpus = 64, .capacity = 64ULL * CPU };

static const struct vmqos_cpu_policy normal = {
	.level = VMQOS_CPU_LEVEL_NORMAL, .charge_others = 1,
};

static struct vmqos_cpu_policy fresh(void)
{
	struct vmqos_cpu_policy policy;

	memset(&policy, 0xff, sizeof(policy));
	vmqos_cpu_policy_default(&policy);
	return policy;
}

/* Lay a change over a policy, judge it, and publish it when it is good. */
static int change(struct vmqos_cpu_policy *policy, const struct vmqos_cpu_change *change,
		  const struct vmqos_cpu_room *room, struct vmqos_cpu_refusal *why)
{
	struct vmqos_cpu_policy before = *policy, new;
	int err;

	memset(why, 0, sizeof(*why));
	err = vmqos_cpu_policy_overlay(policy, change, &new, why);
	if (!err)
		err = vmqos_cpu_policy_check(policy, &new, room, why);
	CHECK(vmqos_cpu_policy_same(policy, &before));
	CHECK_EQ(!err, why->reason == VMQOS_CPU_FINE);
	if (!err)
		*policy = new;
	return err;
}

static int reserve(struct vmqos_cpu_policy *policy, u32 amount, const struct vmqos_cpu_room *room,
		   struct vmqos_cpu_refusal *why)
{
	struct vmqos_cpu_change to = {
		.gives = VMQOS_CPU_GIVES_RESERVATION, .to.reservation = amount,
	};

	return change(policy, &to, room, why);
}

static int limit(struct vmqos_cpu_policy *policy, u32 amount, struct vmqos_cpu_refusal *why)
{
	struct vmqos_cpu_change to = { .gives = VMQOS_CPU_GIVES_LIMIT, .to.limit = amount };

	return change(policy, &to, &wide, why);
}

static void defaults(void)
{
	struct vmqos_cpu_policy policy = fresh();
	const struct vmqos_cpu_room nowhere = { 0 };
	struct vmqos_cpu_change nothing = { 0 };
	struct vmqos_cpu_refusal why;

	CHECK_EQ(policy.level, VMQOS_CPU_LEVEL_NORMAL);
	CHECK_EQ(policy.shares, 0);
	CHECK_EQ(policy.reservation, 0);
	CHECK_EQ(policy.limit, 0);
	CHECK_EQ(policy.latency, 0);
	CHECK_EQ(policy.charge_others, 1);
	CHECK_EQ(change(&policy, &nothing, &nowhere, &why), 0);
	CHECK(vmqos_cpu_policy_same(&policy, &normal));
}

static void words_are_so_many_per_vcpu(void)
{
	static const struct {
		u32 level, vcpus, shares;
	} examples[] = {
		{ VMQOS_CPU_LEVEL_LOW, 1, 500 },	{ VMQOS_CPU_LEVEL_NORMAL, 1, 1000 },
		{ VMQOS_CPU_LEVEL_HIGH, 1, 2000 },	{ VMQOS_CPU_LEVEL_LOW, 4, 2000 },
		{ VMQOS_CPU_LEVEL_NORMAL, 4, 4000 },	{ VMQOS_CPU_LEVEL_HIGH, 4, 8000 },
		/* No vCPU yet: as if it had one. */
		{ VMQOS_CPU_LEVEL_LOW, 0, 500 },	{ VMQOS_CPU_LEVEL_HIGH, 0, 2000 },
		/* Never more than a number may be. */
		{ VMQOS_CPU_LEVEL_HIGH, 500, 1000000 },	{ VMQOS_CPU_LEVEL_HIGH, 501, 1000000 },
		{ VMQOS_CPU_LEVEL_HIGH, 499, 998000 },	{ VMQOS_CPU_LEVEL_LOW, UINT_MAX, 1000000 },
	};
	struct vmqos_cpu_policy policy = fresh();
	size_t i;

	for (i = 0; i < COUNT(examples); i++) {
		policy.level = examples[i].level;
		CHECK_EQ(vmqos_cpu_policy_shares(&policy, examples[i].vcpus), examples[i].shares);
	}
}

static void a_number_makes_the_level_custom(void)
{
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_change to = { .gives = VMQOS_CPU_GIVES_SHARES, .to.shares = 1 };
	struct vmqos_cpu_refusal why;

	CHECK_EQ(change(&policy, &to, &wide, &why), 0);
	CHECK_EQ(policy.level, VMQOS_CPU_LEVEL_CUSTOM);
	CHECK_EQ(vmqos_cpu_policy_shares(&policy, 7), 1);
	to.to.shares = 1000000;
	CHECK_EQ(change(&policy, &to, &wide, &why), 0);
	CHECK_EQ(vmqos_cpu_policy_shares(&policy, 0), 1000000);
	/* Custom beside the number says the same. */
	to = (struct vmqos_cpu_change){
		.gives = VMQOS_CPU_GIVES_SHARES | VMQOS_CPU_GIVES_LEVEL,
		.to = { .shares = 77, .level = VMQOS_CPU_LEVEL_CUSTOM },
	};
	CHECK_EQ(change(&policy, &to, &wide, &why), 0);
	CHECK_EQ(policy.level, VMQOS_CPU_LEVEL_CUSTOM);
	CHECK_EQ(policy.shares, 77);
	/* A word forgets the number, so that two policies that say the same are the same. */
	to = (struct vmqos_cpu_change){
		.gives = VMQOS_CPU_GIVES_LEVEL, .to.level = VMQOS_CPU_LEVEL_NORMAL,
	};
	CHECK_EQ(change(&policy, &to, &wide, &why), 0);
	CHECK(vmqos_cpu_policy_same(&policy, &normal));
}

static void bad_shares_are_refused(void)
{
	static const u32 small[] = { 0 };
	static const u32 great[] = { 1000001, 0x7fffffff, 0x80000000, 0xffffffff };
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_change to = { .gives = VMQOS_CPU_GIVES_SHARES };
	struct vmqos_cpu_refusal why;
	size_t i;

	for (i = 0; i < COUNT(small) + COUNT(great); i++) {
		to.to.shares = i < COUNT(small) ? small[i] : great[i - COUNT(small)];
		CHECK_EQ(change(&policy, &to, &wide, &why), -ERANGE);
		CHECK_EQ(why.reason, VMQOS_CPU_SHARES_RANGE);
		CHECK_EQ(why.value, to.to.shares);
		CHECK_EQ(why.bound, i < COUNT(small) ? 1 : 1000000);
	}
}

static void words_and_numbers_are_not_mixed(void)
{
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_change to = {
		.gives = VMQOS_CPU_GIVES_SHARES | VMQOS_CPU_GIVES_LEVEL, .to.shares = 1000,
	};
	struct vmqos_cpu_refusal why;
	u32 level;

	for (level = VMQOS_CPU_LEVEL_LOW; level <= VMQOS_CPU_LEVEL_HIGH; level++) {
		to.to.level = level;
		CHECK_EQ(change(&policy, &to, &wide, &why), -EINVAL);
		CHECK_EQ(why.reason, VMQOS_CPU_LEVEL_AND_SHARES);
	}
	to.gives = VMQOS_CPU_GIVES_LEVEL;
	to.to.level = VMQOS_CPU_LEVEL_CUSTOM;
	CHECK_EQ(change(&policy, &to, &wide, &why), -EINVAL);
	CHECK_EQ(why.reason, VMQOS_CPU_LEVEL_ALONE);
	/* Nor when it is custom already: it would say nothing. */
	policy.level = VMQOS_CPU_LEVEL_CUSTOM;
	policy.shares = 5;
	CHECK_EQ(change(&policy, &to, &wide, &why), -EINVAL);
	CHECK_EQ(why.reason, VMQOS_CPU_LEVEL_ALONE);
	for (level = VMQOS_CPU_LEVEL_HIGH + 1; level; level <<= 1) {
		to.to.level = level;
		CHECK_EQ(change(&policy, &to, &wide, &why), -ERANGE);
		CHECK_EQ(why.reason, VMQOS_CPU_LEVEL_RANGE);
	}
}

static void switches_have_two_positions(void)
{
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_refusal why;
	u32 value;

	for (value = 0; value < 4; value++) {
		struct vmqos_cpu_change to = {
			.gives = VMQOS_CPU_GIVES_LATENCY, .to.latency = value,
		};

		CHECK_EQ(change(&policy, &to, &wide, &why), value > 1 ? -ERANGE : 0);
		CHECK_EQ(why.reason, value > 1 ? VMQOS_CPU_LATENCY_RANGE : VMQOS_CPU_FINE);
		to = (struct vmqos_cpu_change){
			.gives = VMQOS_CPU_GIVES_CHARGE_OTHERS, .to.charge_others = value,
		};
		CHECK_EQ(change(&policy, &to, &wide, &why), value > 1 ? -ERANGE : 0);
		CHECK_EQ(why.reason, value > 1 ? VMQOS_CPU_CHARGE_RANGE : VMQOS_CPU_FINE);
	}
	CHECK_EQ(policy.latency, 1);
	CHECK_EQ(policy.charge_others, 1);
}

static void limits_have_a_least_value(void)
{
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_refusal why;

	CHECK_EQ(limit(&policy, 1, &why), -ERANGE);
	CHECK_EQ(why.reason, VMQOS_CPU_LIMIT_RANGE);
	CHECK_EQ(why.value, 1);
	CHECK_EQ(why.bound, 10000);
	CHECK_EQ(limit(&policy, 9999, &why), -ERANGE);
	CHECK_EQ(limit(&policy, 10000, &why), 0);
	CHECK_EQ(limit(&policy, UINT_MAX, &why), 0);
	CHECK_EQ(policy.limit, UINT_MAX);
	CHECK_EQ(limit(&policy, 0, &why), 0);
	CHECK_EQ(policy.limit, 0);
}

/* Whichever of the two was changed is to blame. */
static void reservations_stay_below_limits(void)
{
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_change both = {
		.gives = VMQOS_CPU_GIVES_RESERVATION | VMQOS_CPU_GIVES_LIMIT,
		.to = { .reservation = CPU + 1, .limit = CPU },
	};
	struct vmqos_cpu_refusal why;

	CHECK_EQ(change(&policy, &both, &wide, &why), -EINVAL);
	CHECK_EQ(why.reason, VMQOS_CPU_ABOVE_LIMIT);
	CHECK_EQ(why.value, CPU + 1);
	CHECK_EQ(why.bound, CPU);
	both.to.reservation = CPU;
	CHECK_EQ(change(&policy, &both, &wide, &why), 0);
	CHECK_EQ(limit(&policy, CPU - 1, &why), -EINVAL);
	CHECK_EQ(why.reason, VMQOS_CPU_BELOW_RESERVATION);
	CHECK_EQ(why.value, CPU - 1);
	CHECK_EQ(why.bound, CPU);
	CHECK_EQ(reserve(&policy, CPU + 1, &wide, &why), -EINVAL);
	CHECK_EQ(why.reason, VMQOS_CPU_ABOVE_LIMIT);
	/* Both move together, and without a limit there is no bound. */
	both.to = (struct vmqos_cpu_policy){ .reservation = 3 * CPU, .limit = 3 * CPU };
	CHECK_EQ(change(&policy, &both, &wide, &why), 0);
	CHECK_EQ(limit(&policy, 0, &why), 0);
	CHECK_EQ(reserve(&policy, 60 * CPU, &wide, &why), 0);
}

static void reservations_fit_the_vcpus(void)
{
	struct vmqos_cpu_room room = { .vcpus = 2, .capacity = 8 * CPU };
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_refusal why;

	CHECK_EQ(reserve(&policy, 2 * CPU + 1, &room, &why), -EINVAL);
	CHECK_EQ(why.reason, VMQOS_CPU_ABOVE_VCPUS);
	CHECK_EQ(why.value, 2 * CPU + 1);
	CHECK_EQ(why.bound, 2 * CPU);
	CHECK_EQ(reserve(&policy, 2 * CPU, &room, &why), 0);
	/* A VM that has none yet may reserve; what it then has stays, but does not grow. */
	policy = fresh();
	room.vcpus = 0;
	CHECK_EQ(reserve(&policy, 4 * CPU, &room, &why), 0);
	room.vcpus = 1;
	CHECK_EQ(limit(&policy, 5 * CPU, &why), 0);
	CHECK_EQ(reserve(&policy, 4 * CPU, &room, &why), 0);
	CHECK_EQ(reserve(&policy, 4 * CPU + 1, &room, &why), -EINVAL);
	CHECK_EQ(reserve(&policy, 3 * CPU, &room, &why), 0);
	/* 4295 vCPUs can use more than 32 bits can say. */
	policy = fresh();
	room = (struct vmqos_cpu_room){ .vcpus = UINT_MAX, .capacity = ULLONG_MAX };
	CHECK_EQ(reserve(&policy, UINT_MAX, &room, &why), 0);
}

static void reservations_fit_the_host(void)
{
	struct vmqos_cpu_room room = { .vcpus = 8, .capacity = 4 * CPU, .kept = CPU / 2,
				       .others = 2 * CPU };
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_refusal why;

	CHECK_EQ(reserve(&policy, 3 * CPU, &room, &why), -ENOSPC);
	CHECK_EQ(why.reason, VMQOS_CPU_ABOVE_ROOM);
	CHECK_EQ(why.value, 3 * CPU);
	CHECK_EQ(why.bound, CPU + CPU / 2);
	CHECK_EQ(reserve(&policy, CPU + CPU / 2 + 1, &room, &why), -ENOSPC);
	CHECK_EQ(reserve(&policy, CPU + CPU / 2, &room, &why), 0);
	/* Nothing left, or less. */
	policy = fresh();
	room.others = 3 * CPU + CPU / 2;
	CHECK_EQ(reserve(&policy, 1, &room, &why), -ENOSPC);
	CHECK_EQ(why.bound, 0);
	CHECK_EQ(reserve(&policy, 0, &room, &why), 0);
	room.others = ULLONG_MAX;
	CHECK_EQ(reserve(&policy, 1, &room, &why), -ENOSPC);
	CHECK_EQ(why.bound, 0);
	room = (struct vmqos_cpu_room){ .vcpus = 8, .capacity = CPU, .kept = ULLONG_MAX,
					.others = ULLONG_MAX };
	CHECK_EQ(reserve(&policy, 1, &room, &why), -ENOSPC);
	CHECK_EQ(why.bound, 0);
}

/* CPUs went offline below what is reserved: everything but growing is allowed. */
static void a_host_that_shrank_revokes_nothing(void)
{
	struct vmqos_cpu_room room = { .vcpus = 8, .capacity = 4 * CPU, .others = CPU };
	struct vmqos_cpu_policy policy = fresh();
	struct vmqos_cpu_change shares = { .gives = VMQOS_CPU_GIVES_SHARES, .to.shares = 9 };
	struct vmqos_cpu_refusal why;

	CHECK_EQ(reserve(&policy, 3 * CPU, &room, &why), 0);
	room.capacity = CPU;
	CHECK_EQ(vmqos_cpu_policy_left(room.capacity, 0, 4 * CPU), 0);
	CHECK_EQ(change(&policy, &shares, &room, &why), 0);
	CHECK_EQ(reserve(&policy, 3 * CPU, &room, &why), 0);
	CHECK_EQ(reserve(&policy, 3 * CPU + 1, &room, &why), -ENOSPC);
	CHECK_EQ(why.bound, 0);
	CHECK_EQ(reserve(&policy, 2 * CPU, &room, &why), 0);
	CHECK_EQ(reserve(&policy, 2 * CPU + 1, &room, &why), -ENOSPC);
	CHECK_EQ(policy.reservation, 2 * CPU);
}

static void policies_differ_by_any_member(void)
{
	const struct vmqos_cpu_policy a = fresh();
	struct vmqos_cpu_policy b;
	size_t i;

	CHECK(vmqos_cpu_policy_same(&a, &a));
	for (i = 0; i < sizeof(b) / sizeof(u32); i++) {
		b = a;
		((u32 *)&b)[i] ^= 1;
		CHECK(!vmqos_cpu_policy_same(&a, &b));
		CHECK(!vmqos_cpu_policy_same(&b, &a));
	}
}

static void what_is_left(void)
{
	CHECK_EQ(vmqos_cpu_policy_left(4 * CPU, 0, 0), 4 * CPU);
	CHECK_EQ(vmqos_cpu_policy_left(4 * CPU, CPU, CPU), 2 * CPU);
	CHECK_EQ(vmqos_cpu_policy_left(4 * CPU, 4 * CPU, 0), 0);
	CHECK_EQ(vmqos_cpu_policy_left(4 * CPU, 0, 4 * CPU), 0);
	CHECK_EQ(vmqos_cpu_policy_left(4 * CPU, CPU, 3 * CPU - 1), 1);
	CHECK_EQ(vmqos_cpu_policy_left(0, 0, 0), 0);
	CHECK_EQ(vmqos_cpu_policy_left(CPU, ULLONG_MAX, ULLONG_MAX), 0);
	CHECK_EQ(vmqos_cpu_policy_left(ULLONG_MAX, 0, 0), -1);
}

static int host(struct vmqos_cpu_host_policy *policy, u32 kept, u32 gate, u32 slice_us,
		u64 capacity, u64 reserved, struct vmqos_cpu_refusal *why)
{
	struct vmqos_cpu_host_policy new = { .kept = kept, .gate = gate, .slice_us = slice_us };
	int err;

	memset(why, 0, sizeof(*why));
	err = vmqos_cpu_host_policy_check(policy, &new, capacity, reserved, why);
	CHECK_EQ(!err, why->reason == VMQOS_CPU_FINE);
	if (!err)
		*policy = new;
	return err;
}

static void the_host_keeps_what_is_left(void)
{
	struct vmqos_cpu_host_policy policy = { .gate = 1, .slice_us = VMQOS_CPU_SLICE_DEFAULT };
	struct vmqos_cpu_refusal why;

	CHECK_EQ(host(&policy, 4 * CPU + 1, 1, 2000, 4 * CPU, 0, &why), -ENOSPC);
	CHECK_EQ(why.reason, VMQOS_CPU_KEPT_ROOM);
	CHECK_EQ(why.bound, 4 * CPU);
	CHECK_EQ(host(&policy, 4 * CPU, 1, 2000, 4 * CPU, 0, &why), 0);
	CHECK_EQ(host(&policy, 0, 1, 2000, 4 * CPU, 0, &why), 0);
	CHECK_EQ(host(&policy, CPU + 1, 1, 2000, 4 * CPU, 3 * CPU, &why), -ENOSPC);
	CHECK_EQ(why.value, CPU + 1);
	CHECK_EQ(why.bound, CPU);
	CHECK_EQ(host(&policy, CPU, 1, 2000, 4 * CPU, 3 * CPU, &why), 0);
	/* CPUs went offline: it may keep less, and whatever else may be set. */
	CHECK_EQ(host(&policy, CPU, 0, 600, 2 * CPU, 3 * CPU, &why), 0);
	CHECK_EQ(host(&policy, CPU + 1, 0, 600, 2 * CPU, 3 * CPU, &why), -ENOSPC);
	CHECK_EQ(why.bound, 0);
	CHECK_EQ(host(&policy, CPU - 1, 0, 600, 2 * CPU, 3 * CPU, &why), 0);
	CHECK_EQ(host(&policy, UINT_MAX, 0, 600, 2 * CPU, ULLONG_MAX, &why), -ENOSPC);
}

static void the_host_has_bounds(void)
{
	struct vmqos_cpu_host_policy policy = { .gate = 1, .slice_us = VMQOS_CPU_SLICE_DEFAULT };
	struct vmqos_cpu_refusal why;

	CHECK_EQ(host(&policy, 0, 2, 2000, CPU, 0, &why), -ERANGE);
	CHECK_EQ(why.reason, VMQOS_CPU_GATE_RANGE);
	CHECK_EQ(host(&policy, 0, 0, 499, CPU, 0, &why), -ERANGE);
	CHECK_EQ(why.reason, VMQOS_CPU_SLICE_RANGE);
	CHECK_EQ(why.value, 499);
	CHECK_EQ(why.bound, 500);
	CHECK_EQ(host(&policy, 0, 0, 20001, CPU, 0, &why), -ERANGE);
	CHECK_EQ(why.bound, 20000);
	CHECK_EQ(host(&policy, 0, 0, 0, CPU, 0, &why), -ERANGE);
	CHECK_EQ(host(&policy, 0, 0, UINT_MAX, CPU, 0, &why), -ERANGE);
	CHECK_EQ(host(&policy, 0, 0, 500, CPU, 0, &why), 0);
	CHECK_EQ(host(&policy, 0, 1, 20000, CPU, 0, &why), 0);
}

static u64 seed = 0x853c49e6748fea9b;

static u32 below(u32 bound)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return bound ? (u32)(seed >> 32) % bound : 0;
}

/*
 * Many VMs and the host change at random, CPUs come and go. Whatever is
 * accepted fits when it grows; a refusal for want of room tells exactly what
 * would have been accepted; nothing refused leaves a trace.
 */
static void random_changes(void)
{
	struct vmqos_cpu_policy vm[6];
	struct vmqos_cpu_host_policy of_host = { .gate = 1, .slice_us = 2000 };
	u32 i, k, bad = 0, accepted = 0, refused = 0, exact = 0;

	for (k = 0; k < COUNT(vm); k++)
		vm[k] = fresh();
	for (i = 0; i < 300000; i++) {
		struct vmqos_cpu_room room = { .vcpus = below(5), .kept = of_host.kept,
					       .capacity = (u64)(1 + below(6)) * CPU };
		struct vmqos_cpu_refusal why = { 0 };
		struct vmqos_cpu_policy *policy = &vm[below(COUNT(vm))], old = *policy, retry;
		struct vmqos_cpu_change to = {
			.gives = below(ALL + 1),
			.to = { .shares = below(1200000), .level = below(5),
				.reservation = below(4) ? below(3 * CPU) : 0,
				.limit = below(2) ? below(4 * CPU) : 0,
				.latency = below(8) ? below(2) : 2,
				.charge_others = below(8) ? below(2) : 2 },
		};
		u64 sum;

		for (k = 0; k < COUNT(vm); k++)
			room.others += &vm[k] == policy ? 0 : vm[k].reservation;
		if (!change(policy, &to, &room, &why)) {
			accepted++;
			sum = room.others + policy->reservation;
			bad += policy->reservation > old.reservation &&
			       sum > room.capacity - room.kept;
			bad += policy->limit && policy->reservation > policy->limit;
			bad += vmqos_cpu_policy_shares(policy, room.vcpus) - 1 >= 1000000;
		} else if (refused++, why.reason == VMQOS_CPU_ABOVE_ROOM && why.bound) {
			retry = *policy;
			to.to.reservation = why.bound + 1;
			bad += !change(&retry, &to, &room, &why) &&
			       retry.reservation > old.reservation;
			to.to.reservation = why.bound;
			bad += !!change(&retry, &to, &room, &why);
			exact++;
		}
		if (!below(50)) {
			u32 kept = below(2) ? below(3 * CPU) : 0;

			sum = room.others + policy->reservation;
			if (!host(&of_host, kept, 1, 2000, room.capacity, sum, &why))
				bad += kept > room.kept && sum + kept > room.capacity;
			else
				bad += host(&of_host, why.bound, 1, 2000, room.capacity, sum, &why);
		}
	}
	CHECK_EQ(bad, 0);
	CHECK(accepted > 1000 && refused > 1000 && exact > 1000);
}

int main(void)
{
	RUN(defaults);
	RUN(words_are_so_many_per_vcpu);
	RUN(a_number_makes_the_level_custom);
	RUN(bad_shares_are_refused);
	RUN(words_and_numbers_are_not_mixed);
	RUN(switches_have_two_positions);
	RUN(limits_have_a_least_value);
	RUN(reservations_stay_below_limits);
	RUN(reservations_fit_the_vcpus);
	RUN(reservations_fit_the_host);
	RUN(a_host_that_shrank_revokes_nothing);
	RUN(policies_differ_by_any_member);
	RUN(what_is_left);
	RUN(the_host_keeps_what_is_left);
	RUN(the_host_has_bounds);
	RUN(random_changes);
	return end_tests();
}
