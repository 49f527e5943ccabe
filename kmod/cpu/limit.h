/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_LIMIT_H
#define _VMQOS_CPU_LIMIT_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/types.h>

/**
 * struct vmqos_limit - a VM's limit and how far it is used up
 *
 * @rate: the limit in millionths of a CPU, 0 for none; written by the epoch
 * @inv: what a ns of run time costs, ns with 16 bits of fraction; likewise
 * @since: from when on there is one, by the scheduler's clock; likewise
 * @throttled: the limit is used up
 * @paid: until when the run time up to now is paid for, by the scheduler's clock
 * @release: ends @throttled
 */
struct vmqos_limit {
	u32 rate;
	u32 inv;
	u64 since;
	bool throttled;
	atomic64_t paid ____cacheline_aligned_in_smp;
	struct hrtimer release;
};

void vmqos_limit_init(struct vmqos_limit *limit,
		      enum hrtimer_restart (*release)(struct hrtimer *timer));
void vmqos_limit_exit(struct vmqos_limit *limit);
void vmqos_limit_set(struct vmqos_limit *limit, u32 rate, u64 now);
void vmqos_limit_charge(struct vmqos_limit *limit, u64 ran, u64 now);
u64 vmqos_limit_left(const struct vmqos_limit *limit, u64 now);
u64 vmqos_limit_due(struct vmqos_limit *limit, u64 now);

#endif /* _VMQOS_CPU_LIMIT_H */
