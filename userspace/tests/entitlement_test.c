// SPDX-License-Identifier: GPL-2.0
/* Who is entitled to what: examples, properties, an exact reference, and the time it takes. */
#include <limits.h>
#include <time.h>

#include "check.h"
#include "entitle_rules.h"

#define CPU	VMQOS_ENTITLE_CPU
#define PERMILLE(x)	((u64)(x) * 1000)
#define ANY	(~0ULL)
#define COUNT(array)	(u32)(sizeof(array) / sizeof((array)[0]))

#ifdef __SANITIZE_ADDRESS__
#define INSTANCES	100000
#else
#define INSTANCES	1500000
#endif

static u64 seed = 0x2545f4914f6cdd1d;

static u64 any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x9e3779b97f4a7c15;
}

static u64 below(u64 bound)
{
	return (u64)(times(any(), bound) >> 64);
}

static u64 off_by(u64 got, u64 expected)
{
	return got > expected ? got - expected : expected - got;
}

/* n VMs and what each is to get; the capacity is in CPUs. */
struct example {
	const char *name;
	u64 capacity;
	struct vmqos_entitle_vm vm[4];
	u64 expected[4];
};

#define VM(shares, reservation, limit, demand) \
	{ shares, PERMILLE(reservation), PERMILLE(limit), PERMILLE(demand), ANY }

static const struct example examples[] = {
	{ "a limit of 2 of 3 GHz alone", 1000, { VM(1000, 0, 667, 1000) }, { 667 } },
	{ "shares 1000:2000:4000 on one CPU", 1400,
	  { VM(1000, 0, 0, 1400), VM(2000, 0, 0, 1400), VM(4000, 0, 0, 1400) },
	  { 200, 400, 800 } },
	{ "a reservation of 2 of 3 GHz against none", 3000,
	  { VM(1000, 2000, 0, 3000), VM(1000, 0, 0, 3000) }, { 2000, 1000 } },
	{ "equal shares of 1, 2 and 4 vCPUs", 2001,
	  { VM(1000, 0, 0, 1000), VM(1000, 0, 0, 2000), VM(1000, 0, 0, 4000) },
	  { 667, 667, 667 } },
	{ "proportional shares", 2100,
	  { VM(1000, 0, 0, 1000), VM(2000, 0, 0, 2000), VM(4000, 0, 0, 4000) },
	  { 300, 600, 1200 } },
	{ "inverse shares: one VM is at its vCPUs", 2000,
	  { VM(4000, 0, 0, 1000), VM(2000, 0, 0, 2000), VM(1000, 0, 0, 4000) },
	  { 1000, 667, 333 } },
	{ "few shares and a reservation", 2000,
	  { VM(1, 600, 0, 1000), VM(1000, 0, 0, 2000), VM(2000, 0, 0, 4000) },
	  { 600, 467, 933 } },
	{ "a limit on a busy host", 2000,
	  { VM(1000, 0, 0, 1000), VM(2000, 0, 0, 2000), VM(4000, 0, 300, 4000) },
	  { 567, 1133, 300 } },
	{ "a limit on an idle host", 2000, { VM(1000, 0, 500, 2000) }, { 500 } },
	{ "a reservation that is not wanted goes to the others", 2000,
	  { VM(1000, 1500, 0, 100), VM(1000, 0, 0, 2000), VM(3000, 0, 0, 2000) },
	  { 100, 475, 1425 } },
	{ "nobody wants all", 4000, { VM(1, 0, 0, 100), VM(9, 500, 0, 0), VM(7, 0, 50, 90) },
	  { 100, 0, 50 } },
	{ "reservations that no longer fit", 1500,
	  { VM(1, 2000, 0, 4000), VM(1000, 1000, 0, 4000), VM(1000, 0, 0, 4000) },
	  { 1000, 500, 0 } },
	{ "a limit is stronger than a reservation", 1000,
	  { VM(1, 900, 400, 1000), VM(1, 0, 0, 300) }, { 400, 300 } },
	{ "no shares count as one", 900, { VM(0, 0, 0, 1000), VM(2, 0, 0, 1000) }, { 300, 600 } },
	{ "no capacity", 0, { VM(1, 100, 0, 100), VM(1, 0, 0, 100) }, { 0, 0 } },
};

static void known_examples(void)
{
	u32 i, k, n;

	for (i = 0; i < COUNT(examples); i++) {
		struct vmqos_entitle_vm vm[4];
		const char *broken;

		for (n = 0; n < 4 && examples[i].vm[n].entitled; n++)
			vm[n] = examples[i].vm[n];
		vmqos_entitle(vm, n, PERMILLE(examples[i].capacity));
		for (k = 0; k < n; k++) {
			CHECK(off_by(vm[k].entitled, PERMILLE(examples[i].expected[k])) <= 500);
			if (checks_failed)
				printf("# %s: VM %u: %llu\n", examples[i].name, k, vm[k].entitled);
		}
		broken = rule_broken(vm, n, PERMILLE(examples[i].capacity));
		CHECK_STR(broken ? broken : "", "");
	}
	vmqos_entitle(NULL, 0, CPU);
}

/*
 * The reference: every floor and cap is tried as the level, the sum at each is exact, and
 * between the two around the right one a straight line is left. Amounts below 2^32.
 */
static bool level_too_high(const struct vmqos_entitle_vm *vm, u32 n, u64 capacity, u64 amount,
			   u64 shares)
{
	unsigned __int128 sum = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		unsigned __int128 here = times(rule_shares(&vm[i]), amount);

		if (here < times(rule_floor(&vm[i]), shares))
			here = times(rule_floor(&vm[i]), shares);
		if (here > times(rule_cap(&vm[i]), shares))
			here = times(rule_cap(&vm[i]), shares);
		sum += here;
	}
	return sum > times(capacity, shares);
}

static bool as_reference(const struct vmqos_entitle_vm *vm, u32 n, u64 capacity)
{
	u64 low = 0, low_shares = 1, left = capacity, shares = 0;
	u32 i, k;

	for (i = 0; i < 2 * n; i++) {
		u64 at = i < n ? rule_floor(&vm[i]) : rule_cap(&vm[i - n]);
		u64 of = rule_shares(&vm[i % n]);

		if (!level_too_high(vm, n, capacity, at, of) &&
		    times(at, low_shares) > times(low, of)) {
			low = at;
			low_shares = of;
		}
	}
	/* Just above this level nobody crosses a bound before the capacity is reached. */
	for (k = 0; k < n; k++) {
		unsigned __int128 here = times(low, rule_shares(&vm[k]));

		if (here < times(rule_floor(&vm[k]), low_shares))
			left -= rule_floor(&vm[k]);
		else if (here >= times(rule_cap(&vm[k]), low_shares))
			left -= rule_cap(&vm[k]);
		else
			shares += rule_shares(&vm[k]);
	}
	for (k = 0; k < n; k++) {
		unsigned __int128 here = times(low, rule_shares(&vm[k])), exact, got;

		if (here < times(rule_floor(&vm[k]), low_shares)) {
			if (vm[k].entitled != rule_floor(&vm[k]))
				return false;
		} else if (here >= times(rule_cap(&vm[k]), low_shares)) {
			if (vm[k].entitled != rule_cap(&vm[k]))
				return false;
		} else {
			exact = times(left, rule_shares(&vm[k]));
			got = times(vm[k].entitled, shares);
			if (got >= exact + shares || exact >= got + shares)
				return false;
		}
	}
	return true;
}

static u64 sum_of(const struct vmqos_entitle_vm *vm, u32 n, bool of_floors)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += of_floors ? rule_floor(&vm[i]) : rule_cap(&vm[i]);
	return sum;
}

/* Values of every size, and often the same or the outermost ones. */
static u64 amount(u32 bits)
{
	u64 top = bits == 64 ? ~0ULL : (1ULL << bits) - 1;

	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return top - below(2);
	case 2:
		return below(4);
	case 3:
	case 4:
		return any() & top;
	default:
		return any() & (top >> below(bits));
	}
}

static u32 invent(struct vmqos_entitle_vm *vm, u32 most, u32 bits)
{
	u32 n = 1 + below(below(4) ? 6 : most), i;
	u32 size = bits < 64 ? bits : 1 + below(64);
	bool few = !below(4);
	u64 value[2] = { amount(size), amount(size) };

	for (i = 0; i < n; i++) {
		vm[i].shares = below(8) ? 1 + below(1ULL << below(32)) :
			       bits < 64 ? below(1 << 20) : amount(64);
		vm[i].reservation = below(2) ? 0 : few ? value[below(2)] : amount(size);
		vm[i].limit = below(3) ? 0 : few ? value[below(2)] : amount(size);
		vm[i].demand = few ? value[below(2)] : amount(size);
		vm[i].entitled = any();
	}
	return n;
}

static u32 most_passes;

static bool one_instance(struct vmqos_entitle_vm *vm, u32 n, u64 capacity)
{
	const char *broken;
	u32 passes = vmqos_entitle(vm, n, capacity);

	if (passes > most_passes)
		most_passes = passes;
	broken = passes > 193 ? "the number of passes is bounded" : rule_broken(vm, n, capacity);
	if (broken)
		printf("# %u VMs, capacity %llu: not kept: %s\n", n, capacity, broken);
	return !broken;
}

static void random_against_the_rules(void)
{
	static struct vmqos_entitle_vm vm[64];
	u32 i, bad = 0;

	for (i = 0; i < INSTANCES && bad < 5; i++) {
		u32 bits = i % 2 ? 64 : 26;
		u32 n = invent(vm, COUNT(vm), bits);

		bad += !one_instance(vm, n, below(4) ? amount(bits) : amount(bits) >> below(bits));
	}
	CHECK_EQ(bad, 0);
	printf("# %u instances, at most %u passes\n", i, most_passes);
}

static void random_against_the_reference(void)
{
	static struct vmqos_entitle_vm vm[24];
	u32 i, compared = 0, bad = 0;

	for (i = 0; i < INSTANCES / 2; i++) {
		u32 n = invent(vm, COUNT(vm), 30);
		u64 caps = sum_of(vm, n, false), floors = sum_of(vm, n, true);
		u64 capacity;

		if (caps - floors < 2)
			continue;
		capacity = floors + 1 + below(caps - floors - 1);
		vmqos_entitle(vm, n, capacity);
		bad += !as_reference(vm, n, capacity);
		compared++;
	}
	CHECK_EQ(bad, 0);
	CHECK(compared > INSTANCES / 8);
	printf("# %u instances compared\n", compared);
}

static void outermost_values(void)
{
	static const u64 odd[] = { 0, 1, 2, 0x7fffffff, 0xffffffff, 0x100000000, 1ULL << 63,
				   ~0ULL - 1, ~0ULL };
	static struct vmqos_entitle_vm vm[64];
	u32 i, k, bad = 0;

	for (i = 0; i < INSTANCES / 5; i++) {
		u32 n = 1 + below(i % 16 ? 4 : COUNT(vm));

		for (k = 0; k < n; k++) {
			vm[k].shares = odd[below(COUNT(odd))];
			vm[k].reservation = odd[below(COUNT(odd))];
			vm[k].limit = odd[below(COUNT(odd))];
			vm[k].demand = odd[below(COUNT(odd))];
		}
		bad += !one_instance(vm, n, odd[below(COUNT(odd))]);
	}
	CHECK_EQ(bad, 0);
}

/* Reservations of which the sum does not fit into 64 bits, cut to what there is. */
static void cut_past_64_bits(void)
{
	struct vmqos_entitle_vm vm[] = {
		{ 1, ~0ULL, 0, ~0ULL, 0 }, { 1, ~0ULL, 0, ~0ULL, 0 }, { 1, ~0ULL, 0, ~0ULL, 0 },
		{ 1, 3, 0, ~0ULL, 0 }, { 9, 0, 0, ~0ULL, 0 },
	};

	vmqos_entitle(vm, COUNT(vm), 3000000);
	CHECK(off_by(vm[0].entitled, 1000000) <= 1);
	CHECK(off_by(vm[1].entitled, 1000000) <= 1);
	CHECK(off_by(vm[2].entitled, 1000000) <= 1);
	CHECK(vm[3].entitled <= 1);
	CHECK_EQ(vm[4].entitled, 0);
	CHECK(!rule_broken(vm, COUNT(vm), 3000000));
}

/* More shares, or more of everything, give a VM no less; of shares the others no more. */
static void monotone(void)
{
	static struct vmqos_entitle_vm vm[32], more[32];
	u32 i, k, worse = 0, gained = 0, poorer = 0;

	for (i = 0; i < INSTANCES / 10; i++) {
		u32 n = invent(vm, COUNT(vm), 26), one = below(n);
		u64 capacity = amount(26);

		vmqos_entitle(vm, n, capacity);
		memcpy(more, vm, sizeof(vm));
		more[one].shares += 1 + below(1 << below(20));
		vmqos_entitle(more, n, capacity);
		worse += more[one].entitled + 1 < vm[one].entitled;
		for (k = 0; k < n; k++)
			gained += k != one && more[k].entitled > vm[k].entitled + 1;

		memcpy(more, vm, sizeof(vm));
		vmqos_entitle(more, n, capacity + below(1 << below(20)));
		for (k = 0; k < n; k++)
			poorer += more[k].entitled + 1 < vm[k].entitled;
	}
	CHECK_EQ(worse, 0);
	CHECK_EQ(gained, 0);
	CHECK_EQ(poorer, 0);
}

static void order_does_not_matter(void)
{
	static struct vmqos_entitle_vm vm[32], other[32];
	u32 i, k, differ = 0;

	for (i = 0; i < INSTANCES / 10; i++) {
		u32 n = invent(vm, COUNT(vm), 26), turn = below(n);
		u64 capacity = amount(26);

		for (k = 0; k < n; k++)
			other[(k + turn) % n] = vm[n - 1 - k];
		vmqos_entitle(vm, n, capacity);
		vmqos_entitle(other, n, capacity);
		for (k = 0; k < n; k++)
			differ += off_by(other[(k + turn) % n].entitled,
					 vm[n - 1 - k].entitled) > 1;
		/* The same again gives the same to the unit. */
		memcpy(other, vm, sizeof(vm));
		vmqos_entitle(other, n, capacity);
		differ += memcmp(other, vm, n * sizeof(vm[0])) != 0;
	}
	CHECK_EQ(differ, 0);
}

/* Bounds that lie so that each pass settles as little as possible. */
static void built_to_be_slow(void)
{
	enum { N = 4000 };
	struct vmqos_entitle_vm *vm = calloc(N, sizeof(*vm));
	u32 kind, n, k, most = 0;

	for (kind = 0; vm && kind < 64; kind++) {
		u32 shift = 1 + kind % 4, mix = kind / 4 % 4, top = 20 + kind / 16 * 14;

		for (n = 2; n <= N; n = n < 128 ? n + 1 : n * 2) {
			unsigned __int128 caps = 0;
			u64 level = 1ULL << top;

			for (k = 0; k < n; k++) {
				u64 shares = 1ULL << (31 - (k < 31 * shift ? k / shift : 31));
				u64 step = level - (level >> (2 * k < 60 ? 2 * k : 60));
				bool floored = mix == 1 ? k % 2 : mix == 2 ? k % 3 == 0 : mix == 3;

				vm[k].shares = shares;
				vm[k].limit = 0;
				vm[k].reservation = floored ? 2 * level - step : 0;
				vm[k].demand = floored ? ~0ULL >> 24 : step;
				if (below(4) == 0)
					vm[k].demand *= shares % 7 + 1;
				caps += rule_cap(&vm[k]);
			}
			for (k = 1; k < 8; k++) {
				u32 passes = vmqos_entitle(vm, n, (u64)(caps / 8 * k));

				most = passes > most ? passes : most;
			}
			CHECK(!rule_broken(vm, n, (u64)(caps / 8 * 7)));
		}
	}
	CHECK(vm && most <= 193);
	printf("# at most %u passes\n", most);
	free(vm);
}

static u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* ns per VM, the best of many; the demand of all is @of the capacity, in permille. */
static double time_of(struct vmqos_entitle_vm *vm, u32 n, u32 of, u32 *passes)
{
	u64 best = ~0ULL, began, capacity;
	u32 round, k;

	for (k = 0; k < n; k++) {
		vm[k].shares = 1000 * (1 + below(8));
		vm[k].reservation = below(4) ? 0 : below(CPU / 2);
		vm[k].limit = below(4) ? 0 : CPU / 4 + below(4 * CPU);
		vm[k].demand = below(8 * CPU);
	}
	capacity = sum_of(vm, n, false) / of * 1000;
	for (round = 0; round < 200; round++) {
		began = now_ns();
		*passes = vmqos_entitle(vm, n, capacity);
		began = now_ns() - began;
		best = began < best ? began : best;
	}
	return (double)best / n;
}

static void time_taken(void)
{
	static struct vmqos_entitle_vm vm[10000];
	static const u32 sizes[] = { 10, 100, 1000, 10000 };
	static const u32 demands[] = { 900, 1200, 2000, 4000 };
	u32 i, k, passes;

	for (i = 0; i < COUNT(sizes); i++) {
		for (k = 0; k < COUNT(demands); k++) {
			double ns = time_of(vm, sizes[i], demands[k], &passes);

			printf("# %u VMs that want %u permille: %.1f ns a VM, %u passes\n",
			       sizes[i], demands[k], ns, passes);
			CHECK(passes <= 16);
#ifndef __SANITIZE_ADDRESS__
			CHECK(sizes[i] < 1000 || ns < 500);
#endif
		}
	}
}

static void vcpu_examples(void)
{
	struct vmqos_entitle_vcpu vcpu[] = {
		{ 1000000, ANY }, { 100000, ANY }, { 1000000, ANY }, { 0, ANY },
	};

	vmqos_entitle_vcpus(vcpu, COUNT(vcpu), 1100001);
	CHECK(off_by(vcpu[0].rate, 500000) <= 1);
	CHECK_EQ(vcpu[1].rate, 100000);
	CHECK(off_by(vcpu[2].rate, 500000) <= 1);
	CHECK_EQ(vcpu[3].rate, 0);
	CHECK_EQ(vcpu[0].rate + vcpu[2].rate, 1000001);
	/* No vCPU runs faster than a CPU, however much its VM is entitled to. */
	vcpu[0].demand = ANY;
	vmqos_entitle_vcpus(vcpu, COUNT(vcpu), ANY);
	CHECK_EQ(vcpu[0].rate, CPU);
	CHECK_EQ(vcpu[1].rate, 100000);
	vmqos_entitle_vcpus(vcpu, COUNT(vcpu), 0);
	CHECK_EQ(vcpu[0].rate + vcpu[1].rate + vcpu[2].rate + vcpu[3].rate, 0);
	vmqos_entitle_vcpus(NULL, 0, CPU);
}

/* More vCPUs than KVM takes, half of which want little. */
static void many_vcpus(void)
{
	static struct vmqos_entitle_vcpu vcpu[10000];
	u32 i;

	for (i = 0; i < COUNT(vcpu); i++)
		vcpu[i].demand = i % 2 ? CPU : 1000 + i;
	vmqos_entitle_vcpus(vcpu, COUNT(vcpu), 3000 * (u64)CPU);
	CHECK(!vcpu_rule_broken(vcpu, COUNT(vcpu), 3000 * (u64)CPU));
	CHECK_EQ(vcpu[0].rate, 1000);
	CHECK(vcpu[1].rate > 500000);
}

static void vcpus_at_random(void)
{
	static struct vmqos_entitle_vcpu vcpu[64];
	u32 i, k, bad = 0;

	for (i = 0; i < INSTANCES / 2; i++) {
		u32 n = 1 + below(i % 8 ? 6 : COUNT(vcpu)), bits = i % 16 ? 21 : 64;
		u64 entitled = amount(i % 16 ? 24 : 64);
		const char *broken;

		for (k = 0; k < n; k++)
			vcpu[k].demand = below(3) ? amount(bits) : CPU;
		vmqos_entitle_vcpus(vcpu, n, entitled);
		broken = vcpu_rule_broken(vcpu, n, entitled);
		if (broken && !bad++)
			printf("# %u vCPUs, entitled to %llu: not kept: %s\n", n, entitled, broken);
	}
	CHECK_EQ(bad, 0);
}

int main(void)
{
	RUN(known_examples);
	RUN(random_against_the_rules);
	RUN(random_against_the_reference);
	RUN(outermost_values);
	RUN(cut_past_64_bits);
	RUN(monotone);
	RUN(order_does_not_matter);
	RUN(built_to_be_slow);
	RUN(time_taken);
	RUN(vcpu_examples);
	RUN(many_vcpus);
	RUN(vcpus_at_random);
	return end_tests();
}
