// SPDX-License-Identifier: GPL-2.0
/*
 * The epoch: what every VM was entitled to in the last fiftieth of a second,
 * what it is owed since, and how fast virtual times are to advance in the next.
 *
 * A thread of the kernel has lag.c do that, keeps the VMs' limits as their policies
 * say, and looks after what passed by the hooks: CPUs that idle though vCPUs are
 * parked, and CPUs that do not tick though they are.
 *
 * Contexts: the thread, which may sleep, and is of real-time priority since nobody
 * else would correct an error while the host is overloaded. Locks:
 * vmqos_gate_mutex, inside vmqos_lock; the queues' locks inside it.
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
#include "cpu/fill.h"
#include "cpu/lag.h"
#include "cpu/park.h"
#include "cpu/policy_nl.h"
#include "cpu/queue.h"
#include "cpu/tick.h"

#define CREATE_TRACE_POINTS
#include "cpu/trace.h"

#define VMQOS_EPOCH_NS		(20 * NSEC_PER_MSEC)
/* When a policy has changed. */
#define VMQOS_EPOCH_LEAST_NS	(2 * NSEC_PER_MSEC)
/* While nobody is held back. */
#define VMQOS_EPOCH_CALM_NS	(50 * NSEC_PER_MSEC)
/* So long after the last vCPU was parked the ticks stop. */
#define VMQOS_CALM_AFTER_NS	(500 * NSEC_PER_MSEC)
/* So many epochs are one CPU's, then they are the next one's. */
#define VMQOS_EPOCHS_A_CPU	8

/* All VMs, and the table for dividing. Inside vmqos_lock. */
static DEFINE_MUTEX(vmqos_gate_mutex);
static LIST_HEAD(vmqos_gate_vms);
static u32 vmqos_nr_gate_vms;
static struct vmqos_entitle_vm *vmqos_table;
static u32 vmqos_table_size;

static struct task_struct *vmqos_epoch_thread;
static u64 vmqos_epoch_last;
static u64 vmqos_hot_since;

/* Idle time of all CPUs since the last epoch, ns. */
static u64 vmqos_epoch_idle(u64 dt)
{
	struct vmqos_gate_cpu *q;
	u64 idle = 0, us;
	int cpu;

	for_each_online_cpu(cpu) {
		q = per_cpu_ptr(&vmqos_gate_cpus, cpu);
		us = get_cpu_idle_time_us(cpu, NULL);
		/* Not told without a tick that stops: then nobody knows. */
		if (us == (u64)-1)
			continue;
		if (us > q->idle_seen)
			idle += min((us - q->idle_seen) * NSEC_PER_USEC, dt);
		q->idle_seen = us;
	}
	return idle;
}

static const struct vmqos_cpu_policy *vmqos_epoch_policy(struct vmqos_gate_vm *vm)
{
	return &container_of(vm, struct vmqos_cpu_vm, gate)->policy;
}

/* What other threads use is taken from the limit, too. */
static void vmqos_epoch_limit(struct vmqos_gate_vm *vm, u64 now, u64 dt)
{
	vmqos_limit_set(&vm->limit, vmqos_gate_on ? vmqos_epoch_policy(vm)->limit : 0, now);
	if (vm->limit.rate && vm->others_rate)
		vmqos_limit_charge(&vm->limit, vmqos_time_of(vm->others_rate, dt), now);
}

/*
 * Let all go when the gate has been switched off. Who was held for a limit waits for
 * its turn when that has ended: woken here it would wait, unparked, behind one that
 * the scheduler does not push aside.
 */
static void vmqos_epoch_release(void)
{
	struct vmqos_gate_vm *vm;
	struct vmqos_gate *gate;

	if (vmqos_gate_on)
		return;
	list_for_each_entry(vm, &vmqos_gate_vms, link)
		list_for_each_entry(gate, &vm->vcpus, link)
			if (READ_ONCE(gate->held) && vmqos_queue_del(gate))
				vmqos_queue_wake(gate, false);
}

static void vmqos_epoch_run(u64 now)
{
	struct vmqos_round round = {
		.vms = &vmqos_gate_vms,
		.table = vmqos_table,
		.dt = now - vmqos_epoch_last,
	};
	struct vmqos_gate_vm *vm;
	bool limited = false;
	u64 ran = 0, idle;
	int cpu;

	vmqos_epoch_last = now;
	if (list_empty(&vmqos_gate_vms))
		WRITE_ONCE(vmqos_gate_hot, false);
	if (!round.dt || list_empty(&vmqos_gate_vms))
		return;
	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		vmqos_lag_read(vm, now, round.dt);
		ran += vm->ran;
	}
	idle = vmqos_epoch_idle(round.dt);
	/* Idle time and run time are of two clocks. */
	vmqos_lag_round(&round, min(ran + idle, round.dt * num_online_cpus()));
	list_for_each_entry(vm, &vmqos_gate_vms, link) {
		vmqos_epoch_limit(vm, now, round.dt);
		vmqos_unmet_count(vm, vmqos_epoch_policy(vm)->reservation, round.dt);
		limited |= !!vm->limit.rate;
	}
	for_each_possible_cpu(cpu)
		vmqos_queue_renew(cpu);
	rcu_read_lock();
	vmqos_epoch_release();
	vmqos_fill_all(&vmqos_gate_vms);
	rcu_read_unlock();

	trace_vmqos_epoch(vmqos_nr_gate_vms, atomic_read(&vmqos_nr_parked),
			  round.dt, ran, idle);
	if (atomic_read(&vmqos_nr_parked))
		WRITE_ONCE(vmqos_gate_hot, true);
	if (atomic_read(&vmqos_nr_parked) || limited) {
		vmqos_hot_since = now;
		/* Whoever never leaves its CPU does not know of these. */
		for_each_online_cpu(cpu)
			vmqos_tick_kick(cpu);
	} else if (now - vmqos_hot_since > VMQOS_CALM_AFTER_NS) {
		WRITE_ONCE(vmqos_gate_hot, false);
	}
}

/*
 * Every few epochs the thread moves to another CPU. A real-time thread stays where it is
 * while nobody of its kind is there, and a vCPU whose VM is entitled to a whole CPU would
 * lose to it, alone, all that epochs take. To be woken by another CPU's timer costs more
 * than an epoch, so it does not move each time. The scheduler asks wake_cpu for where to
 * begin, and sees to affinity.
 */
static void vmqos_epoch_move_on(void)
{
	static unsigned int epochs;
	int cpu;

	if (++epochs % VMQOS_EPOCHS_A_CPU)
		return;
	cpu = cpumask_next_and(raw_smp_processor_id(), cpu_online_mask, current->cpus_ptr);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first_and(cpu_online_mask, current->cpus_ptr);
	if (cpu < nr_cpu_ids)
		WRITE_ONCE(current->wake_cpu, cpu);
}

/*
 * Sleep until the next epoch is due, without a VM until there is one. A change of a
 * policy ends the sleep, but never makes an epoch shorter than the least: what happens
 * in it could not be judged.
 */
static void vmqos_epoch_sleep(u64 begun)
{
	bool hot = READ_ONCE(vmqos_gate_hot) || atomic_read(&vmqos_nr_parked);
	ktime_t due = ns_to_ktime(begun + (hot ? VMQOS_EPOCH_NS : VMQOS_EPOCH_CALM_NS));

	/* While nobody is held back it would wake idle CPUs in turn. */
	if (hot)
		vmqos_epoch_move_on();
	do {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule_hrtimeout_range(READ_ONCE(vmqos_nr_gate_vms) ? &due : NULL,
						 0, HRTIMER_MODE_ABS);
		__set_current_state(TASK_RUNNING);
		due = ns_to_ktime(begun + VMQOS_EPOCH_LEAST_NS);
	} while (ktime_before(ktime_get(), due) && !kthread_should_stop());
}

static int vmqos_epoch_loop(void *unused)
{
	u64 begun;

	sched_set_fifo_low(current);
	while (!kthread_should_stop()) {
		begun = ktime_get_ns();
		mutex_lock(&vmqos_gate_mutex);
		vmqos_epoch_run(vmqos_sched_clock());
		mutex_unlock(&vmqos_gate_mutex);
		vmqos_epoch_sleep(begun);
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
	vmqos_limit_init(&vm->limit, vmqos_tick_release);
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
		/* Without a VM there were no epochs. */
		if (list_empty(&vmqos_gate_vms))
			vmqos_epoch_last = vmqos_sched_clock();
		list_add_tail(&vm->link, &vmqos_gate_vms);
		WRITE_ONCE(vmqos_nr_gate_vms, vmqos_nr_gate_vms + 1);
		/* The first one ends the thread's sleep. */
		wake_up_process(vmqos_epoch_thread);
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
	WRITE_ONCE(vmqos_nr_gate_vms, vmqos_nr_gate_vms - 1);
	mutex_unlock(&vmqos_gate_mutex);
	vmqos_limit_exit(&cvm->gate.limit);
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

	seqcount_init(&gate->vt_seq);
	seqcount_init(&gate->run_seq);
	init_task_work(&gate->work, vmqos_park_work);
	gate->inv = 1 << 16;
	mutex_lock(&vmqos_gate_mutex);
	list_add_tail_rcu(&gate->link, &cv->cvm->gate.vcpus);
	WRITE_ONCE(cv->cvm->gate.nr_vcpus, cv->cvm->gate.nr_vcpus + 1);
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
	list_del_rcu(&cv->gate.link);
	WRITE_ONCE(cv->cvm->gate.nr_vcpus, cv->cvm->gate.nr_vcpus - 1);
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
