// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * A limit is a bucket from which run time is taken and which fills by the limit's
 * part of each nanosecond that passes. It is kept as one number, the moment up to
 * which what was used is paid for; each ns of run time moves it on by 1 / limit.
 * Before now there is something left, behind it there is debt, and it is never
 * further back than the depth of the bucket. This is the generic cell rate
 * algorithm in its form of virtual scheduling (ITU-T I.371; ATM Forum, "Traffic
 * Management Specification" 4.0, 1996), for a cost that is known afterwards.
 *
 * In any span of time a VM uses no more than the limit's part of the span and of
 * the depth, and what its vCPUs ran until the end was noticed: at a depth of
 * 3 ms that is 0.3 per cent of a second. When all is used up the VM is
 * throttled until half of it is there again; the rest is for what
 * passes until its vCPUs run, which would be lost if the bucket overflowed.
 *
 * No lock: charging is one atomic operation by whoever ran or ticks. The one that
 * throttles arms the timer that ends it.
 */
#include <linux/math64.h>
#include <linux/minmax.h>

#include "cpu/limit.h"
#include "cpu/policy.h"

#define VMQOS_LIMIT_DEPTH_NS	(3000 * NSEC_PER_USEC)
#define VMQOS_LIMIT_REFILL_NS	(1500 * NSEC_PER_USEC)
/* What threads that are not parked use is owed, but not for ever. */
#define VMQOS_LIMIT_DEBT_NS	NSEC_PER_SEC
/* The timer comes early by less than that: close enough. */
#define VMQOS_LIMIT_NEAR_NS	(20 * NSEC_PER_USEC)

/**
 * vmqos_limit_init() - set up a VM without a limit
 * @limit: the limit
 * @release: called in hard interrupt context when the VM may be released;
 *	asks vmqos_limit_due()
 *
 * Context: any.
 */
void vmqos_limit_init(struct vmqos_limit *limit,
		      enum hrtimer_restart (*release)(struct hrtimer *timer))
{
	atomic64_set(&limit->paid, 0);
	hrtimer_setup(&limit->release, release, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * vmqos_limit_exit() - take it down
 * @limit: the limit, which nobody charges any more
 *
 * Context: may sleep.
 */
void vmqos_limit_exit(struct vmqos_limit *limit)
{
	hrtimer_cancel(&limit->release);
}

/**
 * vmqos_limit_set() - set or remove the limit
 * @limit: the limit
 * @rate: millionths of a CPU, 0 for none
 * @now: now, by the scheduler's clock, ns
 *
 * Debt remains. Of a limit that is removed nobody is held any more, but those who
 * are parked are the caller's to release.
 *
 * Context: the epoch.
 */
void vmqos_limit_set(struct vmqos_limit *limit, u32 rate, u64 now)
{
	/* Written before the rate; a charge that sees it late takes a little more. */
	if (rate && !limit->rate)
		WRITE_ONCE(limit->since, now);
	if (rate && rate != limit->rate)
		WRITE_ONCE(limit->inv, div_u64((u64)VMQOS_CPU_ONE << 16, rate));
	WRITE_ONCE(limit->rate, rate);
	if (!rate)
		WRITE_ONCE(limit->throttled, false);
}

/**
 * vmqos_limit_charge() - take run time out of the bucket
 * @limit: the limit, not none
 * @ran: the run time, ns
 * @now: now, by the scheduler's clock, ns
 *
 * Context: any, also under a run queue's lock.
 */
void vmqos_limit_charge(struct vmqos_limit *limit, u64 ran, u64 now)
{
	s64 paid = atomic64_read(&limit->paid), next, cost;

	/* A vCPU that never leaves its CPU is not charged while there is no limit. */
	ran = min_t(s64, ran, max_t(s64, now - READ_ONCE(limit->since), 0));
	cost = mul_u64_u32_shr(ran, READ_ONCE(limit->inv), 16);
	do {
		/* Full it was at most when the run began: since then it emptied. */
		next = max_t(s64, paid, now - ran - VMQOS_LIMIT_DEPTH_NS) + cost;
		next = min_t(s64, next, now + VMQOS_LIMIT_DEBT_NS);
	} while (!atomic64_try_cmpxchg(&limit->paid, &paid, next));
	if (next <= (s64)now || READ_ONCE(limit->throttled) ||
	    xchg(&limit->throttled, true))
		return;
	hrtimer_start(&limit->release,
		      ns_to_ktime(next + VMQOS_LIMIT_REFILL_NS - now),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * vmqos_limit_left() - run time until the bucket is empty
 * @limit: the limit
 * @now: now, by the scheduler's clock, ns
 *
 * Context: any.
 * Return: what one vCPU may run, ns, 0 when the VM is throttled.
 */
u64 vmqos_limit_left(const struct vmqos_limit *limit, u64 now)
{
	s64 left = now - atomic64_read(&limit->paid);

	if (left <= 0 || READ_ONCE(limit->throttled))
		return 0;
	left = min_t(s64, left, VMQOS_LIMIT_DEPTH_NS);
	return div_u64(left * READ_ONCE(limit->rate), VMQOS_CPU_ONE);
}

/**
 * vmqos_limit_due() - end the throttling, if its time has come
 * @limit: the limit
 * @now: now, by the scheduler's clock, ns
 *
 * Context: the timer's function.
 * Return: 0 when it has ended, else ns to wait.
 */
u64 vmqos_limit_due(struct vmqos_limit *limit, u64 now)
{
	s64 wait = atomic64_read(&limit->paid) + VMQOS_LIMIT_REFILL_NS - now;

	if (wait > (s64)VMQOS_LIMIT_NEAR_NS && READ_ONCE(limit->throttled))
		return wait;
	WRITE_ONCE(limit->throttled, false);
	return 0;
}
