/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_POLICY_H
#define _VMQOS_CPU_POLICY_H

#include <linux/types.h>

/* Amounts of CPU time are in millionths of one CPU. */
#define VMQOS_CPU_ONE 1000000u
#define VMQOS_CPU_SHARES_MIN 1u
#define VMQOS_CPU_SHARES_MAX 1000000u
#define VMQOS_CPU_LIMIT_MIN 10000u
#define VMQOS_CPU_SLICE_MIN 500u
#define VMQOS_CPU_SLICE_MAX 20000u
#define VMQOS_CPU_SLICE_DEFAULT 2000u

/**
 * enum vmqos_cpu_level - word for a VM's shares
 * @VMQOS_CPU_LEVEL_CUSTOM: none, they were given as a number
 * @VMQOS_CPU_LEVEL_LOW: 500 for each vCPU
 * @VMQOS_CPU_LEVEL_NORMAL: 1000 for each vCPU
 * @VMQOS_CPU_LEVEL_HIGH: 2000 for each vCPU
 */
enum vmqos_cpu_level {
	VMQOS_CPU_LEVEL_CUSTOM,
	VMQOS_CPU_LEVEL_LOW,
	VMQOS_CPU_LEVEL_NORMAL,
	VMQOS_CPU_LEVEL_HIGH,
};

/**
 * struct vmqos_cpu_policy - what a VM is to get of the CPUs
 * @shares: how contended time is divided, 1 to 1000000; 0 unless @level is custom
 * @level: word for the shares, enum vmqos_cpu_level
 * @reservation: what it gets whenever it wants it, millionths of a CPU; 0 none
 * @limit: what it gets at most, millionths of a CPU; 0 is no limit
 * @latency: 1 when its vCPUs are to run soon after they wake up, else 0
 * @charge_others: 1 when the time of its other threads counts, else 0
 */
struct vmqos_cpu_policy {
	u32 shares;
	u32 level;
	u32 reservation;
	u32 limit;
	u32 latency;
	u32 charge_others;
};

/* Members of struct vmqos_cpu_policy that a change gives, one bit each. */
#define VMQOS_CPU_GIVES_SHARES 0x01u
#define VMQOS_CPU_GIVES_LEVEL 0x02u
#define VMQOS_CPU_GIVES_RESERVATION 0x04u
#define VMQOS_CPU_GIVES_LIMIT 0x08u
#define VMQOS_CPU_GIVES_LATENCY 0x10u
#define VMQOS_CPU_GIVES_CHARGE_OTHERS 0x20u

/**
 * struct vmqos_cpu_change - what a request changes of a policy
 * @gives: which members of @to are given, VMQOS_CPU_GIVES_...
 * @to: their values
 */
struct vmqos_cpu_change {
	u32 gives;
	struct vmqos_cpu_policy to;
};

/**
 * struct vmqos_cpu_host_policy - what the host's CPUs are set to
 * @kept: what no VM may reserve, millionths of a CPU
 * @gate: 1 when policies are enforced, 0 when VMs are accounted only
 * @slice_us: how long a vCPU may run on while another is owed more, us
 */
struct vmqos_cpu_host_policy {
	u32 kept;
	u32 gate;
	u32 slice_us;
};

/**
 * struct vmqos_cpu_room - what a policy has to fit into
 * @vcpus: number of the VM's vCPUs, 0 when it has none yet
 * @capacity: the host's CPUs, millionths of a CPU
 * @kept: what no VM may reserve, millionths of a CPU
 * @others: sum of the other VMs' reservations, millionths of a CPU
 */
struct vmqos_cpu_room {
	u32 vcpus;
	u64 capacity;
	u64 kept;
	u64 others;
};

/**
 * enum vmqos_cpu_reason - why a policy is refused
 * @VMQOS_CPU_FINE: it is not
 * @VMQOS_CPU_SHARES_RANGE: the shares are not from 1 to 1000000
 * @VMQOS_CPU_LEVEL_RANGE: there is no such level
 * @VMQOS_CPU_LEVEL_ALONE: custom was given, but no shares
 * @VMQOS_CPU_LEVEL_AND_SHARES: both a word and shares were given
 * @VMQOS_CPU_LIMIT_RANGE: the limit is below 1 % of a CPU
 * @VMQOS_CPU_ABOVE_LIMIT: the reservation given is above the limit
 * @VMQOS_CPU_BELOW_RESERVATION: the limit given is below the reservation
 * @VMQOS_CPU_ABOVE_VCPUS: the reservation is more than the vCPUs can use
 * @VMQOS_CPU_ABOVE_ROOM: the reservation is more than the host has left
 * @VMQOS_CPU_LATENCY_RANGE: there is no such latency
 * @VMQOS_CPU_CHARGE_RANGE: the switch is neither off nor on
 * @VMQOS_CPU_KEPT_ROOM: the reservations leave less than is to be kept
 * @VMQOS_CPU_GATE_RANGE: the switch is neither off nor on
 * @VMQOS_CPU_SLICE_RANGE: the slice is not from 500 to 20000 us
 */
enum vmqos_cpu_reason {
	VMQOS_CPU_FINE,
	VMQOS_CPU_SHARES_RANGE,
	VMQOS_CPU_LEVEL_RANGE,
	VMQOS_CPU_LEVEL_ALONE,
	VMQOS_CPU_LEVEL_AND_SHARES,
	VMQOS_CPU_LIMIT_RANGE,
	VMQOS_CPU_ABOVE_LIMIT,
	VMQOS_CPU_BELOW_RESERVATION,
	VMQOS_CPU_ABOVE_VCPUS,
	VMQOS_CPU_ABOVE_ROOM,
	VMQOS_CPU_LATENCY_RANGE,
	VMQOS_CPU_CHARGE_RANGE,
	VMQOS_CPU_KEPT_ROOM,
	VMQOS_CPU_GATE_RANGE,
	VMQOS_CPU_SLICE_RANGE,
};

/**
 * struct vmqos_cpu_refusal - why a policy is refused
 * @reason: the reason
 * @value: the value that was given
 * @bound: what it would have to fit into: the greatest value that is right, or
 *	the smallest one where @value is too small
 */
struct vmqos_cpu_refusal {
	enum vmqos_cpu_reason reason;
	u64 value;
	u64 bound;
};

void vmqos_cpu_policy_default(struct vmqos_cpu_policy *policy);
int vmqos_cpu_policy_overlay(const struct vmqos_cpu_policy *old,
			     const struct vmqos_cpu_change *change,
			     struct vmqos_cpu_policy *new,
			     struct vmqos_cpu_refusal *why);
int vmqos_cpu_policy_check(const struct vmqos_cpu_policy *old,
			   const struct vmqos_cpu_policy *new,
			   const struct vmqos_cpu_room *room,
			   struct vmqos_cpu_refusal *why);
bool vmqos_cpu_policy_same(const struct vmqos_cpu_policy *a,
			   const struct vmqos_cpu_policy *b);
u32 vmqos_cpu_policy_shares(const struct vmqos_cpu_policy *policy, u32 vcpus);
u64 vmqos_cpu_policy_left(u64 capacity, u64 kept, u64 reserved);
int vmqos_cpu_host_policy_check(const struct vmqos_cpu_host_policy *old,
				const struct vmqos_cpu_host_policy *new,
				u64 capacity, u64 reserved,
				struct vmqos_cpu_refusal *why);

#endif /* _VMQOS_CPU_POLICY_H */
