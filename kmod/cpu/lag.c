// SPDX-License-Identifier: GPL-2.0
/*
 * What every VM and vCPU is owed, computed anew in each epoch.
 *
 * The run and blocked times of all vCPUs are read. What a VM would have run is
 * the time that it was not blocked; what there was to share is what the VMs ran
 * and what was idle. entitlement.c divides it. The difference between that and
 * what a VM ran, summed over the epochs, is its lag, positive when it is owed
 * time. The division is made afterwards, with the demand there
 * really was, so that a VM whose demand comes and goes is neither owed for the
 * time it did not want nor in debt for what it got because others did not.
 *
 * A VM's entitlement is divided among its vCPUs like water: equally, but to none
 * more than it wanted. The lag of a vCPU over its rate, negated, is the virtual
 * time at which it begins the next epoch.
 *
 * Zero is set anew each time: the VMs that are held back by shares alone have a
 * mean lag of zero, so that errors in what there was to share, and time that
 * nobody could use, cancel out; a reservation is owed in full. A VM that gets all
 * it is entitled to only when nobody is in its way, such as one with a whole CPU
 * for its only vCPU, can never catch up; what it is owed is bounded.
 *
 * Context: the epoch's thread; vmqos_gate_mutex. vCPUs are read without a lock.
 */
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "cpu/account.h"
#include "cpu/cpu.h"
#include "cpu/entitlement.h"
#include "cpu/lag.h"
#include "cpu/latency.h"
#include "cpu/park.h"

/* A VM is owed no more than it was entitled to in so much time. */
#define VMQOS_CREDIT_NS		(40 * NSEC_PER_MSEC)
/* Nor owes it more than so many times that, or is owed more that shares hold back. */
#define VMQOS_CREDITS		5
/* What a vCPU of the latency class low is ahead of its time: see latency.c. */
#define VMQOS_BORROWED_SLICES	4
/* After so long an epoch nobody owes anything: the host was suspended, say. */
#define VMQOS_FORGET_NS		(200 * NSEC_PER_MSEC)

static u32 vmqos_millionths(u64 ns, u64 dt)
{
	return min_t(u64, mul_u64_u64_div_u64(ns, VMQOS_CPU_ONE, dt), U32_MAX);
}

/**
 * vmqos_time_of() - an amount of CPU in time
 * @millionths: millionths of a CPU
 * @dt: a span, ns
 *
 * Context: any.
 * Return: the part of the span, ns.
 */
u64 vmqos_time_of(u64 millionths, u64 dt)
{
	return mul_u64_u64_div_u64(millionths, dt, VMQOS_CPU_ONE);
}

static struct vmqos_cpu_vm *vmqos_cvm(struct vmqos_gate_vm *vm)
{
	return container_of(vm, struct vmqos_cpu_vm, gate);
}

/**
 * vmqos_lag_read() - read what a VM's vCPUs ran, and would have run
 * @vm: the VM
 * @now: now, by the scheduler's clock, ns
 * @dt: time since the last round, ns
 *
 * Context: the epoch.
 */
void vmqos_lag_read(struct vmqos_gate_vm *vm, u64 now, u64 dt)
{
	struct vmqos_cpu_vcpu *cv;
	struct vmqos_gate *gate;
	u64 run, blocked;

	vm->ran = 0;
	vm->want = 0;
	list_for_each_entry(gate, &vm->vcpus, link) {
		gate->ran = 0;
		gate->want = 0;
		if (!READ_ONCE(gate->thread))
			continue;
		run = vmqos_gate_run_time(gate, now);
		cv = vmqos_gate_cv(gate);
		blocked = vmqos_account_blocked(&cv->acct);
		if (run > gate->epoch_run) {
			gate->ran = run - gate->epoch_run;
			gate->epoch_run = run;
		}
		if (blocked - gate->epoch_blocked < dt)
			gate->want = dt - (blocked - gate->epoch_blocked);
		gate->want = max(gate->want, min(gate->ran, dt));
		gate->epoch_blocked = blocked;
		vm->ran += gate->ran;
		vm->want += gate->want;
	}
}

static void vmqos_lag_entitle(struct vmqos_round *round, u64 capacity)
{
	struct vmqos_entitle_vm *row;
	struct vmqos_gate_vm *vm;
	u32 n = 0;

	list_for_each_entry(vm, round->vms, link) {
		struct vmqos_cpu_policy *policy = &vmqos_cvm(vm)->policy;

		row = &round->table[n++];
		vm->row = row;
		row->shares = vmqos_cpu_policy_shares(policy, vm->nr_vcpus);
		row->reservation = policy->reservation;
		row->limit = policy->limit;
		row->demand = vmqos_millionths(vm->want, round->dt) + vm->others_rate;
		row->entitled = 0;
	}
	vmqos_entitle(round->table, n, vmqos_millionths(capacity, round->dt));
}

/* Whether a VM wanted more than it was entitled to. */
static bool vmqos_lag_wants_more(const struct vmqos_gate_vm *vm)
{
	const struct vmqos_entitle_vm *row = vm->row;
	u64 cap = row->demand;

	if (row->limit && row->limit < cap)
		cap = row->limit;
	return row->entitled + VMQOS_RATE_MIN < cap;
}

/* Whether what a VM is entitled to is its part of what there was. */
static bool vmqos_lag_shares(const struct vmqos_gate_vm *vm)
{
	const struct vmqos_entitle_vm *row = vm->row;

	return vmqos_lag_wants_more(vm) && row->entitled > row->reservation;
}

/*
 * What a VM would be entitled to if it wanted all it could: the level of the
 * others, which are in the way of whoever wants more.
 */
static u64 vmqos_lag_potential(const struct vmqos_gate_vm *vm, u64 level)
{
	const struct vmqos_entitle_vm *row = vm->row;
	u64 most = (u64)vm->nr_vcpus * VMQOS_CPU_ONE, potential;

	if (row->limit)
		most = min(most, row->limit);
	potential = level == U64_MAX ? most :
		    mul_u64_u64_div_u64(level, row->shares, VMQOS_CPU_ONE);
	potential = max(potential, row->reservation);
	potential = max(potential, row->entitled);
	return clamp_t(u64, potential, VMQOS_RATE_MIN, max(most, 1ULL * VMQOS_RATE_MIN));
}

/* Entitlement per share, in millionths, of those that shares hold back. */
static u64 vmqos_lag_level(const struct vmqos_round *round)
{
	u64 level = U64_MAX, one;
	struct vmqos_gate_vm *vm;

	list_for_each_entry(vm, round->vms, link) {
		const struct vmqos_entitle_vm *row = vm->row;

		if (!vmqos_lag_wants_more(vm))
			continue;
		one = mul_u64_u64_div_u64(row->entitled, VMQOS_CPU_ONE,
					  max(row->shares, 1ULL));
		level = min(level, one);
	}
	return level;
}

/*
 * Those that shares hold back can catch up, once what kept them from their time is over:
 * two vCPUs that wake each other thousands of times a second, say, and were on two CPUs.
 */
static s64 vmqos_lag_credits(const struct vmqos_gate_vm *vm)
{
	return vmqos_lag_shares(vm) ? VMQOS_CREDITS : 1;
}

static void vmqos_lag_vms(const struct vmqos_round *round)
{
	u64 dt = round->dt;
	u64 entitled = 0;
	s64 lag = 0, mean, bound;
	struct vmqos_gate_vm *vm;

	list_for_each_entry(vm, round->vms, link) {
		u64 due = vmqos_time_of(vm->row->entitled, dt);
		u64 others = vmqos_time_of(vm->others_rate, dt);

		vm->entitled = vm->row->entitled;
		WRITE_ONCE(vmqos_cvm(vm)->entitled, vm->entitled);
		WRITE_ONCE(vm->entitled_sum, vm->entitled_sum + due);
		if (!vm->want || dt > VMQOS_FORGET_NS) {
			WRITE_ONCE(vm->lag, 0);
			continue;
		}
		WRITE_ONCE(vm->lag, vm->lag + (s64)(due - vm->ran - others));
		if (vmqos_lag_shares(vm)) {
			lag += vm->lag;
			entitled += vm->entitled;
		}
	}
	list_for_each_entry(vm, round->vms, link) {
		if (!vm->want || dt > VMQOS_FORGET_NS)
			continue;
		mean = 0;
		if (entitled && vmqos_lag_shares(vm))
			mean = div64_s64(lag * (s64)(vm->entitled >> 4),
					 max_t(s64, entitled >> 4, 1));
		bound = vmqos_time_of(vm->entitled, VMQOS_CREDIT_NS) +
			vmqos_gate_slice_ns;
		WRITE_ONCE(vm->lag, clamp(vm->lag - mean, -VMQOS_CREDITS * bound,
					  vmqos_lag_credits(vm) * bound));
	}
}

static void vmqos_lag_set(struct vmqos_gate *gate, u32 rate, s64 lag, s64 borrowed)
{
	u32 inv = div_u64((u64)VMQOS_CPU_ONE << 16, rate);

	vmqos_gate_set_vt(gate, inv, -((lag * (s64)inv) >> 16) - borrowed,
			  gate->epoch_run);
}

/*
 * The level at which an amount, poured over a VM's vCPUs, stands: none takes more
 * than it wanted. All of it when they want less.
 */
static u64 vmqos_lag_pour(struct vmqos_gate_vm *vm, u64 amount)
{
	u64 level = 0, over, next;
	struct vmqos_gate *gate;
	u32 above;

	/* Each round one vCPU at least is satisfied, or it ends. */
	for (;;) {
		over = amount;
		above = 0;
		next = U64_MAX;
		list_for_each_entry(gate, &vm->vcpus, link) {
			if (gate->want > level) {
				above++;
				next = min(next, gate->want);
				over -= min(over, level);
			} else {
				over -= min(over, gate->want);
			}
		}
		if (!above)
			return U64_MAX;
		if (!over || over / above == 0)
			return level;
		level = min(next, level + over / above);
	}
}

/* Whether a vCPU was asleep for more than a moment of the epoch. */
static bool vmqos_lag_slept(const struct vmqos_gate *gate, u64 dt)
{
	return gate->want && gate->want < dt - dt / 32;
}

/* Divide a VM's time among its vCPUs, and set their virtual times. */
static void vmqos_lag_spread(struct vmqos_gate_vm *vm, u64 potential, u64 dt)
{
	u64 due = vmqos_time_of(vm->entitled, dt), level, rate;
	struct vmqos_gate *gate;
	u32 wanting = 0;
	s64 sum = 0, share, bound, borrowed = 0, credits = vmqos_lag_credits(vm);
	bool low = vmqos_cvm(vm)->policy.latency == VMQOS_CPU_LATENCY_LOW;
	bool owed = vmqos_gate_on && vm->lag > 0;

	if (low)
		borrowed = VMQOS_BORROWED_SLICES * vmqos_gate_slice_ns;
	level = vmqos_lag_pour(vm, due);
	list_for_each_entry(gate, &vm->vcpus, link) {
		if (!gate->want || dt > VMQOS_FORGET_NS) {
			gate->lag = 0;
			continue;
		}
		wanting++;
		gate->lag += (s64)(min(level, gate->want) - gate->ran);
		sum += gate->lag;
	}
	share = wanting ? div_s64(vm->lag - sum, wanting) : 0;
	rate = level != U64_MAX ? vmqos_millionths(level, dt) :
				  div_u64(potential, max(wanting, 1U));
	rate = clamp_t(u64, rate, VMQOS_RATE_MIN, VMQOS_CPU_ONE);
	bound = vmqos_time_of(rate, VMQOS_CREDIT_NS) + 2 * vmqos_gate_slice_ns;
	list_for_each_entry(gate, &vm->vcpus, link) {
		if (gate->want)
			gate->lag = clamp(gate->lag + share, -VMQOS_CREDITS * bound,
					  credits * bound);
		vmqos_lag_set(gate, rate, gate->lag, borrowed);
		vmqos_latency_follow(gate, low, owed && vmqos_lag_slept(gate, dt));
	}
}

/**
 * vmqos_lag_round() - who was entitled to what, who is owed what, and the rates to come
 * @round: the VMs and the table, with a row for each VM
 * @capacity: what there was to share, ns
 *
 * Context: the epoch, when vmqos_lag_read() has been called for each VM.
 */
void vmqos_lag_round(struct vmqos_round *round, u64 capacity)
{
	struct vmqos_gate_vm *vm;
	u64 level;

	vmqos_lag_entitle(round, capacity);
	level = vmqos_lag_level(round);
	vmqos_lag_vms(round);
	list_for_each_entry(vm, round->vms, link)
		vmqos_lag_spread(vm, vmqos_lag_potential(vm, level), round->dt);
}
