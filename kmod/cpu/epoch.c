// SPDX-License-Identifier: GPL-2.0
/*
 * The epoch: what every VM was entitled to in the last hundredth of a second,
 * what it is owed since, and how fast virtual times are to advance in the next.
 *
 * A thread of the kernel reads the run and blocked times of all vCPUs. What a VM
 * would have run is the time that it was not blocked; what there was to share is
 * what the VMs ran and what was idle. entitlement.c divides it. The difference
 * between that and what a VM ran, summed over the epochs, is its lag, positive
 * when it is owed time. The division is made afterwards, with the demand there
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
 * Contexts: the thread, which may sleep, and is of real-time priority since a
 * limit's budget is refilled here. Locks: vmqos_gate_mutex, inside vmqos_lock;
 * the queues' locks inside it. vCPUs are read without a lock.
 */
#include <linux/cpumask.h>
#include <linux/kernel_stat.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/tick.h>

#include "core/vm.h"
#include "cpu/account.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/entitlement.h"
#include "cpu/epoch.h"
#include "cpu/others.h"
#include "cpu/park.h"
#include "cpu/policy_nl.h"
#include "cpu/queue.h"

#define VMQOS_EPOCH_NS		(10 * NSEC_PER_MSEC)
/* While nobody is held back. */
#define VMQOS_EPOCH_CALM_NS	(50 * NSEC_PER_MSEC)
/* A VM is owed no more than it was entitled to in so much time. */
#define VMQOS_CREDIT_NS		(20 * NSEC_PER_MSEC)
/* After so long an epoch nobody owes anything: the host was suspended, say. */
#define VMQOS_FORGET_NS		(200 * NSEC_PER_MSEC)
/* So long after the last vCPU was parked the ticks stop. */
#define VMQOS_CALM_AFTER_NS	(500 * NSEC_PER_MSEC)
/* How often other threads' time is looked at: each look walks the process. */
#define VMQOS_OTHERS_NS		(200 * NSEC_PER_MSEC)

/* All VMs, and the table for dividing. Inside vmqos_lock. */
static DEFINE_MUTEX(vmqos_gate_mutex);
static LIST_HEAD(vmqos_gate_vms);
static u32 vmqos_nr_gate_vms;
static struct vmqos_entitle_vm *vmqos_table;
static u32 vmqos_table_size;

static struct task_struct *vmqos_epoch_thread;
static u64 vmqos_epoch_last;
static u64 vmqos_hot_since;

static struct vmqos_cpu_vm *vmqos_cvm(struct vmqos_gate_vm *vm)
{
	return container_of(vm, struct vmqos_cpu_vm, gate);
}

static u32 vmqos_millionths(u64 ns, u64 dt)
{
	return min_t(u64, mul_u64_u64_div_u64(ns, VMQOS_CPU_ONE, dt), U32_MAX);
}

static u64 vmqos_time_of(u64 millionths, u64 dt)
{
	return mul_u64_u64_div_u64(millionths, dt, VMQOS_CPU_ONE);
}

/* Step 1: what each ran, and would have run. */
static void vmqos_epoch_read_vm(struct vmqos_gate_vm *vm, u64 now, u64 dt)
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
		cv = container_of(gate, struct vmqos_cpu_vcpu, gate);
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

/* Idle time of all CPUs since the last epoch, ns; and how many idled. */
static u64 vmqos_epoch_idle(u64 dt, u32 *idlers)
{
	struct vmqos_gate_cpu *q;
	u64 idle = 0, us;
	int cpu;

	*idlers = 0;
	for_each_online_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		us = get_cpu_idle_time_us(cpu, NULL);
		/* Not told without a tick that stops: then nobody knows. */
		if (us == (u64)-1)
			continue;
		if (us > q->idle_seen) {
			idle += min((us - q->idle_seen) * NSEC_PER_USEC, dt);
			if ((us - q->idle_seen) * NSEC_PER_USEC > dt / 4)
				(*idlers)++;
		}
		q->idle_seen = us;
	}
	return idle;
}

/* Step 2: divide. */
static void vmqos_epoch_divide(u64 capacity, u64 dt)
{
	struct vmqos_entitle_vm *row;
	struct vmqos_gate_vm *vm;
	u32 n = 0;

	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		struct vmqos_cpu_policy *policy = &vmqos_cvm(vm)->policy;

		row = &vmqos_table[n];
		vm->slot = n++;
		row->shares = vmqos_cpu_policy_shares(policy, vm->nr_vcpus);
		row->reservation = policy->reservation;
		row->limit = policy->limit;
		row->demand = vmqos_millionths(vm->want, dt) + vm->others_rate;
		row->entitled = 0;
	}
	vmqos_entitle(vmqos_table, n, vmqos_millionths(capacity, dt));
}

/* Whether a VM wanted more than it was entitled to. */
static bool vmqos_epoch_wants_more(const struct vmqos_gate_vm *vm)
{
	const struct vmqos_entitle_vm *row = &vmqos_table[vm->slot];
	u64 cap = row->demand;

	if (row->limit && row->limit < cap)
		cap = row->limit;
	return row->entitled + VMQOS_RATE_MIN < cap;
}

/* Whether what a VM is entitled to is its part of what there was. */
static bool vmqos_epoch_shares(const struct vmqos_gate_vm *vm)
{
	const struct vmqos_entitle_vm *row = &vmqos_table[vm->slot];

	return vmqos_epoch_wants_more(vm) && row->entitled > row->reservation;
}

/*
 * What a VM would be entitled to if it wanted all it could: the level of the
 * others, which are in the way of whoever wants more.
 */
static u64 vmqos_epoch_potential(const struct vmqos_gate_vm *vm, u64 level)
{
	const struct vmqos_entitle_vm *row = &vmqos_table[vm->slot];
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
static u64 vmqos_epoch_level(void)
{
	u64 level = U64_MAX, one;
	struct vmqos_gate_vm *vm;

	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		const struct vmqos_entitle_vm *row = &vmqos_table[vm->slot];

		if (!vmqos_epoch_wants_more(vm))
			continue;
		one = mul_u64_u64_div_u64(row->entitled, VMQOS_CPU_ONE,
					  max(row->shares, 1ULL));
		level = min(level, one);
	}
	return level;
}

/* Step 3: lags. */
static void vmqos_epoch_lags(u64 dt)
{
	u64 entitled = 0;
	s64 lag = 0, mean, bound;
	struct vmqos_gate_vm *vm;

	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		u64 due = vmqos_time_of(vmqos_table[vm->slot].entitled, dt);
		u64 others = vmqos_time_of(vm->others_rate, dt);

		vm->entitled = vmqos_table[vm->slot].entitled;
		WRITE_ONCE(vmqos_cvm(vm)->entitled, vm->entitled);
		WRITE_ONCE(vm->entitled_sum, vm->entitled_sum + due);
		if (!vm->want || dt > VMQOS_FORGET_NS) {
			WRITE_ONCE(vm->lag, 0);
			continue;
		}
		WRITE_ONCE(vm->lag, vm->lag + (s64)(due - vm->ran - others));
		if (vmqos_epoch_shares(vm)) {
			lag += vm->lag;
			entitled += vm->entitled;
		}
	}
	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		if (!vm->want || dt > VMQOS_FORGET_NS)
			continue;
		mean = 0;
		if (entitled && vmqos_epoch_shares(vm))
			mean = div64_s64(lag * (s64)(vm->entitled >> 4),
					 max_t(s64, entitled >> 4, 1));
		bound = vmqos_time_of(vm->entitled, VMQOS_CREDIT_NS) +
			vmqos_gate_slice_ns;
		WRITE_ONCE(vm->lag, clamp(vm->lag - mean, -5 * bound, bound));
	}
}

static void vmqos_epoch_set(struct vmqos_gate *gate, u32 rate, s64 lag)
{
	u32 inv = div_u64((u64)VMQOS_CPU_ONE << 16, rate);
	unsigned long flags;

	local_irq_save(flags);
	WRITE_ONCE(gate->seq, gate->seq + 1);
	/* Pairs with vmqos_gate_vt(). */
	smp_wmb();
	WRITE_ONCE(gate->inv, inv);
	WRITE_ONCE(gate->vt_base, -((lag * (s64)inv) >> 16));
	WRITE_ONCE(gate->run_base, gate->epoch_run);
	/* Pairs with vmqos_gate_vt(). */
	smp_store_release(&gate->seq, gate->seq + 1);
	local_irq_restore(flags);
}

/*
 * The level at which an amount, poured over a VM's vCPUs, stands: none takes more
 * than it wanted. All of it when they want less.
 */
static u64 vmqos_epoch_pour(struct vmqos_gate_vm *vm, u64 amount)
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

/* Step 4: divide a VM's time among its vCPUs, and set their virtual times. */
static void vmqos_epoch_spread(struct vmqos_gate_vm *vm, u64 potential, u64 dt)
{
	u64 due = vmqos_time_of(vm->entitled, dt), level, rate;
	struct vmqos_gate *gate;
	u32 wanting = 0;
	s64 sum = 0, share, bound;

	level = vmqos_epoch_pour(vm, due);
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
			gate->lag = clamp(gate->lag + share, -5 * bound, bound);
		vmqos_epoch_set(gate, rate, gate->lag);
	}
}

/* Step 5: limits. */
static void vmqos_epoch_refill(struct vmqos_gate_vm *vm, u64 dt)
{
	u64 more, most;
	s64 left;

	WRITE_ONCE(vm->limit, vmqos_gate_on ? vmqos_cvm(vm)->policy.limit : 0);
	if (!vm->limit) {
		atomic64_set(&vm->budget, 0);
		WRITE_ONCE(vm->throttled, false);
		return;
	}
	more = vmqos_time_of(vm->limit, dt);
	most = vmqos_time_of(vm->limit, VMQOS_EPOCH_NS);
	left = atomic64_add_return(more - vmqos_time_of(vm->others_rate, dt),
				   &vm->budget);
	/* Saved up is one epoch's; those who run meanwhile are not forgotten. */
	if (left > (s64)most)
		atomic64_sub(left - most, &vm->budget);
	if (left > 0)
		WRITE_ONCE(vm->throttled, false);
}

/* Let all go that are held for the limit and need not be. */
static void vmqos_epoch_release(struct vmqos_gate_vm *vm)
{
	struct vmqos_gate *gate;

	list_for_each_entry(gate, &vm->vcpus, link)
		if ((READ_ONCE(gate->held) == VMQOS_HELD_LIMIT ||
		     (gate->held && !vmqos_gate_on)) && vmqos_queue_del(gate))
			vmqos_queue_wake(gate);
}

static void vmqos_epoch_run(u64 now)
{
	u64 dt = now - vmqos_epoch_last, ran = 0, level, idle;
	struct vmqos_gate_vm *vm;
	bool limited = false;
	u32 idlers;
	int cpu;

	vmqos_epoch_last = now;
	if (!dt || list_empty(&vmqos_gate_vms))
		return;
	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		vmqos_epoch_read_vm(vm, now, dt);
		ran += vm->ran;
	}
	idle = vmqos_epoch_idle(dt, &idlers);
	vmqos_epoch_divide(ran + idle, dt);
	level = vmqos_epoch_level();
	vmqos_epoch_lags(dt);
	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		vmqos_epoch_spread(vm, vmqos_epoch_potential(vm, level), dt);
		vmqos_epoch_refill(vm, dt);
		limited |= !!vm->limit;
	}
	for_each_possible_cpu(cpu)
		vmqos_queue_renew(cpu);
	rcu_read_lock();
	list_for_each_entry(vm, &vmqos_gate_vms, link)
		if (!vm->throttled)
			vmqos_epoch_release(vm);
	/* CPUs that went idle without passing through a hook of ours. */
	while (idlers-- && atomic_read(&vmqos_nr_parked)) {
		struct vmqos_gate *gate = vmqos_queue_pop(S64_MAX);

		if (!gate)
			break;
		vmqos_queue_wake(gate);
	}
	rcu_read_unlock();

	if (atomic_read(&vmqos_nr_parked) || limited)
		vmqos_hot_since = now;
	else if (now - vmqos_hot_since > VMQOS_CALM_AFTER_NS)
		WRITE_ONCE(vmqos_gate_hot, false);
}

static int vmqos_epoch_loop(void *unused)
{
	ktime_t next = ktime_get();
	u64 period;

	sched_set_fifo_low(current);
	while (!kthread_should_stop()) {
		mutex_lock(&vmqos_gate_mutex);
		vmqos_epoch_run(vmqos_sched_clock());
		mutex_unlock(&vmqos_gate_mutex);
		period = READ_ONCE(vmqos_gate_hot) || atomic_read(&vmqos_nr_parked) ?
			 VMQOS_EPOCH_NS : VMQOS_EPOCH_CALM_NS;
		next = ktime_add_ns(next, period);
		if (ktime_before(next, ktime_get()))
			next = ktime_add_ns(ktime_get(), period);
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule_hrtimeout_range(&next, 0, HRTIMER_MODE_ABS);
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

/**
 * vmqos_gate_vm_init() - a VM is being adopted
 * @cvm: the VM
 *
 * Context: process context, vmqos_lock held.
 * Return: 0 or -ENOMEM; then nothing has changed.
 */
int vmqos_gate_vm_init(struct vmqos_cpu_vm *cvm)
{
	struct vmqos_gate_vm *vm = &cvm->gate;
	struct vmqos_entitle_vm *table;
	int ret = 0;

	INIT_LIST_HEAD(&vm->vcpus);
	mutex_lock(&vmqos_gate_mutex);
	if (vmqos_nr_gate_vms == vmqos_table_size) {
		table = krealloc(vmqos_table, (vmqos_table_size + 64) * sizeof(*table),
				 GFP_KERNEL_ACCOUNT);
		if (table) {
			vmqos_table = table;
			vmqos_table_size += 64;
		} else {
			ret = -ENOMEM;
		}
	}
	if (!ret) {
		list_add_tail(&vm->link, &vmqos_gate_vms);
		vmqos_nr_gate_vms++;
	}
	mutex_unlock(&vmqos_gate_mutex);
	return ret;
}

/**
 * vmqos_gate_vm_exit() - a VM is not adopted any more
 * @cvm: the VM, without vCPUs
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_vm_exit(struct vmqos_cpu_vm *cvm)
{
	mutex_lock(&vmqos_gate_mutex);
	list_del(&cvm->gate.link);
	vmqos_nr_gate_vms--;
	mutex_unlock(&vmqos_gate_mutex);
}

/**
 * vmqos_gate_vcpu_init() - a vCPU has been found
 * @cv: the vCPU
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_vcpu_init(struct vmqos_cpu_vcpu *cv)
{
	struct vmqos_gate *gate = &cv->gate;

	init_swait_queue_head(&gate->wait);
	init_task_work(&gate->work, vmqos_park_work);
	gate->inv = 1 << 16;
	mutex_lock(&vmqos_gate_mutex);
	list_add_tail(&gate->link, &cv->cvm->gate.vcpus);
	cv->cvm->gate.nr_vcpus++;
	mutex_unlock(&vmqos_gate_mutex);
}

/**
 * vmqos_gate_vcpu_exit() - a vCPU is gone
 * @cv: the vCPU, without a thread; to be freed after a grace period
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_vcpu_exit(struct vmqos_cpu_vcpu *cv)
{
	mutex_lock(&vmqos_gate_mutex);
	list_del(&cv->gate.link);
	cv->cvm->gate.nr_vcpus--;
	mutex_unlock(&vmqos_gate_mutex);
}

/**
 * vmqos_gate_policy() - a VM's policy has changed
 * @cvm: the VM
 *
 * Takes effect at the next epoch; one that is calm is brought forward.
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_policy(struct vmqos_cpu_vm *cvm)
{
	if (cvm->policy.limit)
		WRITE_ONCE(vmqos_gate_hot, true);
	wake_up_process(vmqos_epoch_thread);
}

/**
 * vmqos_gate_host() - a setting of the gate has changed
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_host(void)
{
	const struct vmqos_cpu_host_policy *host = vmqos_policy_host();

	WRITE_ONCE(vmqos_gate_on, host->gate);
	WRITE_ONCE(vmqos_gate_slice_ns, host->slice_us * NSEC_PER_USEC);
	wake_up_process(vmqos_epoch_thread);
}

/**
 * vmqos_gate_others() - charge a VM with the time of its other threads
 * @cvm: the VM
 *
 * What they ran since the last look is charged evenly over the time to the next.
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_gate_others(struct vmqos_cpu_vm *cvm)
{
	struct vmqos_gate_vm *vm = &cvm->gate;
	u64 now = vmqos_sched_clock(), dt = now - vm->others_seen;
	struct vmqos_counts counts = {};

	lockdep_assert_held(&vmqos_lock);
	if (!cvm->policy.charge_others) {
		vm->others_seen = 0;
		WRITE_ONCE(vm->others_rate, 0);
		return;
	}
	if (vm->others_seen && dt < VMQOS_OTHERS_NS)
		return;
	vmqos_others_read(cvm, &counts);
	if (vm->others_seen)
		WRITE_ONCE(vm->others_rate,
			   vmqos_millionths(counts.other_run_ns - vm->others, dt));
	vm->others = counts.other_run_ns;
	vm->others_seen = now;
}

/**
 * vmqos_gate_read_vm() - read what the gate counts of a VM
 * @cvm: the VM
 * @counts: receives the entitlement and the lag
 *
 * Context: process context.
 */
void vmqos_gate_read_vm(struct vmqos_cpu_vm *cvm, struct vmqos_counts *counts)
{
	counts->entitled_ns = READ_ONCE(cvm->gate.entitled_sum);
	counts->lag_ns = READ_ONCE(cvm->gate.lag);
}

/**
 * vmqos_epoch_init() - start the thread
 *
 * Context: module initialisation.
 * Return: 0 or a negative error.
 */
int vmqos_epoch_init(void)
{
	vmqos_epoch_last = vmqos_sched_clock();
	vmqos_epoch_thread = kthread_run(vmqos_epoch_loop, NULL, "vmqos_epoch");
	return PTR_ERR_OR_ZERO(vmqos_epoch_thread);
}

/**
 * vmqos_epoch_exit() - stop the thread
 *
 * Context: module exit, when no VM is adopted.
 */
void vmqos_epoch_exit(void)
{
	kthread_stop(vmqos_epoch_thread);
	kfree(vmqos_table);
}
