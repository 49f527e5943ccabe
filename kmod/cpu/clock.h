/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_CLOCK_H
#define _VMQOS_CPU_CLOCK_H

#include <linux/jump_label.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <asm/msr.h>
#include <asm/tsc.h>

/*
 * Two clocks. Times that stand beside the scheduler's are taken from its own
 * clock. Visits to the guest, of which there may be a million a second, are
 * taken from the time-stamp counter where the kernel trusts that, in ticks that
 * are turned into nanoseconds when they are read.
 */
DECLARE_STATIC_KEY_FALSE(vmqos_clock_is_tsc);

void vmqos_clock_init(void);

/**
 * vmqos_sched_clock() - now, by the scheduler's clock
 *
 * Context: any.
 * Return: ns since some point in the past, nearly the same on all CPUs.
 */
static inline u64 vmqos_sched_clock(void)
{
	return sched_clock_cpu(raw_smp_processor_id());
}

/*
 * With these options the scheduler charges a thread by a clock that leaves out
 * interrupts or stolen time, and only its clock for run queues can be told.
 */
#if defined(CONFIG_IRQ_TIME_ACCOUNTING) || \
	defined(CONFIG_PARAVIRT_TIME_ACCOUNTING)
#define VMQOS_TASK_CLOCK_DIFFERS 1
#else
#define VMQOS_TASK_CLOCK_DIFFERS 0
#endif

/**
 * vmqos_charged_until() - up to when the scheduler has charged the current thread
 *
 * Cheaper than to read the clock, and the moment that its own times belong to.
 *
 * Context: the thread's hook on the way out.
 * Return: a moment of vmqos_sched_clock(), ns.
 */
static __always_inline u64 vmqos_charged_until(void)
{
	if (VMQOS_TASK_CLOCK_DIFFERS)
		return vmqos_sched_clock();
	return current->se.exec_start;
}

/**
 * vmqos_clock() - now, by the fastest clock
 *
 * Context: any; two calls on one CPU never go backwards.
 * Return: ticks since some point in the past.
 */
static __always_inline u64 vmqos_clock(void)
{
	if (static_branch_likely(&vmqos_clock_is_tsc))
		return rdtsc();
	return vmqos_sched_clock();
}

/**
 * vmqos_clock_ns() - ticks to nanoseconds
 * @ticks: a difference of two values of vmqos_clock()
 *
 * Context: any.
 * Return: the difference in ns.
 */
static inline u64 vmqos_clock_ns(u64 ticks)
{
	if (static_branch_likely(&vmqos_clock_is_tsc))
		return mul_u64_u64_div_u64(ticks, USEC_PER_SEC, tsc_khz);
	return ticks;
}

#endif /* _VMQOS_CPU_CLOCK_H */
