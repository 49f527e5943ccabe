/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_ACCOUNT_H
#define _VMQOS_CPU_ACCOUNT_H

#include <linux/types.h>
#include <uapi/linux/vmqos.h>

struct kvm_vcpu;
struct preempt_ops;
struct task_struct;
struct vmqos_thread;

/**
 * enum vmqos_off - why a thread is off its CPU
 * @VMQOS_OFF_NOT: it is on a CPU
 * @VMQOS_OFF_PREEMPTED: it is runnable and waits
 * @VMQOS_OFF_DROWSY: it was about to sleep and lost its CPU before it did
 * @VMQOS_OFF_BLOCKED: it sleeps
 * @VMQOS_OFF_HALTED: it sleeps because its vCPU is halted
 * @VMQOS_OFF_PARKED: it sleeps because the gate holds it back
 */
enum vmqos_off {
	VMQOS_OFF_NOT,
	VMQOS_OFF_PREEMPTED,
	/* From here on its time is time blocked. */
	VMQOS_OFF_DROWSY,
	VMQOS_OFF_BLOCKED,
	VMQOS_OFF_HALTED,
	/* This one's is not. */
	VMQOS_OFF_PARKED,
};

/* Values of vmqos_acct.parking. */
#define VMQOS_PARKING_SHARES	1
#define VMQOS_PARKING_LIMIT	2

/**
 * struct vmqos_acct - counters of one vCPU
 *
 * All but the last group are written only by the vCPU's thread, in the hooks,
 * and read by anyone at any time: where two of them belong together, the
 * writer's order and the reader's are given in account.c.
 *
 * @off: why the thread is off its CPU, enum vmqos_off
 * @cpu: CPU it ran on last
 * @off_since: the scheduler's clock when it went to sleep, ns
 * @early: time slept before the hook was in place, ns
 * @run_delay: value of the scheduler's run_delay at the last look, ns
 * @blocked: time slept, completed sleeps only, ns
 * @halted: part of @blocked while halted, ns
 * @entry: vmqos_clock() of the entry to the guest, 0 outside the guest
 * @guest: clock ticks in the guest, completed visits only
 * @parking: the thread is inside the gate, 2 when because of its VM's limit
 * @seq: odd while @stolen and the scheduler's run_delay are changed together
 * @parked: time parked, completed sleeps only, ns
 * @limited: part of @parked because of the limit, ns
 * @parks: times it was parked
 * @throttles: part of these because of the limit
 * @stolen: time parked that was added to the scheduler's run_delay, ns
 * @preemptions: times it lost its CPU while runnable
 * @cpu_migrations: times it came to another CPU
 * @node_migrations: part of these to another node
 * @latency: sum of the latencies, ns
 * @latency_max: greatest latency, ns
 * @hist: histogram of the latencies; each sleep that ended is counted here once
 */
struct vmqos_acct {
	u32 off;
	int cpu;
	u64 off_since;
	u64 early;
	u64 run_delay;
	u64 blocked;
	u64 halted;
	u64 entry;
	u64 guest;
	u32 parking;
	u32 seq;
	u64 parked;
	u64 limited;
	u64 parks;
	u64 throttles;
	u64 stolen;
	u64 preemptions;
	u64 cpu_migrations;
	u64 node_migrations;
	u64 latency;
	u64 latency_max;
	u64 hist[VMQOS_LATENCY_BUCKETS];
};

/*
 * Counters as they are told to user space. The members are those of the attribute set "stats" in
 * Documentation/netlink/specs/vmqos.yaml, in its units.
 */
struct vmqos_counts {
	u64 wall_ns;
	u64 run_ns;
	u64 ready_ns;
	u64 blocked_ns;
	u64 halted_ns;
	u64 guest_ns;
	u64 exits;
	u64 halt_exits;
	u64 io_exits;
	u64 mmio_exits;
	u64 wakeups;
	u64 preemptions;
	u64 cpu_migrations;
	u64 node_migrations;
	u64 latency_ns;
	u64 latency_max_ns;
	u64 latency_hist[VMQOS_LATENCY_BUCKETS];
	u64 parked_ns;
	u64 limited_ns;
	u64 parks;
	u64 throttles;
	u64 entitled_ns;
	s64 lag_ns;
	u32 other_threads;
	u64 other_run_ns;
	u64 other_ready_ns;
};

extern struct preempt_ops vmqos_account_ops;

void vmqos_account_attach(struct vmqos_acct *acct, u64 early);
void vmqos_account_detach(struct vmqos_acct *acct);
void vmqos_account_park(struct vmqos_acct *acct, bool limit);
u64 vmqos_account_unpark(struct vmqos_acct *acct);
u64 vmqos_account_delay(const struct vmqos_acct *acct,
			const struct task_struct *task);
u64 vmqos_account_blocked(const struct vmqos_acct *acct);
void vmqos_account_read(const struct vmqos_acct *acct,
			struct vmqos_counts *counts);
void vmqos_account_add(struct vmqos_counts *sum,
		       const struct vmqos_counts *counts);

#endif /* _VMQOS_CPU_ACCOUNT_H */
