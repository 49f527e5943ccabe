/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Policy files: what an administrator wants of the host, of each VM and of the
 * daemon itself.
 *
 * Nothing here knows the kernel: text goes in, settings come out, so that the
 * whole of it is tested and fuzzed as it is.
 */
#ifndef VMQOS_DAEMON_POLICY_H
#define VMQOS_DAEMON_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmqos/vmqos.h>

/* The settings of a VM and of the host, each with a bit that says it was given. */
enum {
	VMQOS_POLICY_VM_ADOPT	= 1u << 0,
	VMQOS_POLICY_VM_NAME	= 1u << 1,
	VMQOS_POLICY_VM_CPU_SHARES	= 1u << 2,
	VMQOS_POLICY_VM_CPU_RESERVATION	= 1u << 3,
	VMQOS_POLICY_VM_CPU_LIMIT	= 1u << 4,
	VMQOS_POLICY_VM_CPU_LATENCY	= 1u << 5,
	VMQOS_POLICY_VM_CPU_CHARGE_OTHERS	= 1u << 6,
	VMQOS_POLICY_VM_MEM_SHARE_ZERO	= 1u << 7,
	VMQOS_POLICY_VM_MEM_LIMIT	= 1u << 8,
	VMQOS_POLICY_VM_BALLOON	= 1u << 9,
	VMQOS_POLICY_VM_BALLOON_FLOOR	= 1u << 10,
	VMQOS_POLICY_VM_BALLOON_SPEED	= 1u << 11,
};

#define VMQOS_POLICY_VM_BITS	12
/* Those that are put in force by the kernel. */
#define VMQOS_POLICY_VM_FORCE	(VMQOS_POLICY_VM_CPU_SHARES | VMQOS_POLICY_VM_CPU_RESERVATION | \
				 VMQOS_POLICY_VM_CPU_LIMIT | VMQOS_POLICY_VM_CPU_LATENCY | \
				 VMQOS_POLICY_VM_CPU_CHARGE_OTHERS | \
				 VMQOS_POLICY_VM_MEM_SHARE_ZERO | VMQOS_POLICY_VM_MEM_LIMIT)

enum {
	VMQOS_POLICY_HOST_GUEST_TIME	= 1u << 0,
	VMQOS_POLICY_HOST_SCAN_PERIOD	= 1u << 1,
	VMQOS_POLICY_HOST_CPU_KEPT	= 1u << 2,
	VMQOS_POLICY_HOST_CPU_GATE	= 1u << 3,
	VMQOS_POLICY_HOST_CPU_SLICE_US	= 1u << 4,
};

/**
 * struct vmqos_policy_vm - what the policy wants of one VM
 * @present: which of the settings are given (VMQOS_POLICY_VM_*)
 * @adopt: whether the VM is to be adopted
 * @name: name under which it is to be adopted
 * @cpu_shares: its shares, 0 when a level is given instead
 * @cpu_shares_level: enum vmqos_cpu_level
 * @cpu_reservation: what is reserved for it
 * @cpu_limit: what it never gets more than
 * @cpu_latency: enum vmqos_latency_class
 * @cpu_charge_others: whether the time of its other threads counts
 * @mem_share_zero: enum vmqos_share_zero
 * @mem_limit: most memory that its files in vmramfs take, in bytes
 * @balloon: whether the daemon may use the VM's monitor for its balloon
 * @balloon_floor: its guest is never left with less memory than this, in bytes
 * @balloon_speed: its balloon grows by no more than this, in bytes a second
 */
struct vmqos_policy_vm {
	unsigned int present;
	bool adopt;
	char name[VMQOS_NAME_MAX + 1];
	uint32_t cpu_shares;
	uint32_t cpu_shares_level;
	struct vmqos_cpu_amount cpu_reservation;
	struct vmqos_cpu_amount cpu_limit;
	uint32_t cpu_latency;
	bool cpu_charge_others;
	uint32_t mem_share_zero;
	uint64_t mem_limit;
	bool balloon;
	uint64_t balloon_floor;
	uint64_t balloon_speed;
};

/**
 * struct vmqos_policy_host - what the policy wants of the host
 * @present: which of the settings are given (VMQOS_POLICY_HOST_*)
 * @guest_time: whether time in guest mode is measured
 * @scan_period_ms: how often the kernel looks for new vCPUs, in ms
 * @cpu_kept: what the host keeps for itself
 * @cpu_gate: whether CPU policies are enforced
 * @cpu_slice_us: how long a vCPU may run on while another is owed more, in us
 */
struct vmqos_policy_host {
	unsigned int present;
	bool guest_time;
	unsigned int scan_period_ms;
	struct vmqos_cpu_amount cpu_kept;
	bool cpu_gate;
	unsigned int cpu_slice_us;
};

/**
 * struct vmqos_policy_daemon - how the daemon itself is to work
 * @cgroup_weights: it keeps the weights of the VMs' cgroups
 */
struct vmqos_policy_daemon {
	bool cgroup_weights;
};

/**
 * typedef vmqos_policy_report - told of every error
 * @ctx: the caller's
 * @file: file that is wrong
 * @line: line in it, from 1; 0 when the file as a whole is meant
 * @message: what is wrong and what to do, without a newline
 */
typedef void (*vmqos_policy_report)(void *ctx, const char *file, unsigned int line,
				    const char *message);

struct vmqos_policy;

struct vmqos_policy *vmqos_policy_new(void);
void vmqos_policy_free(struct vmqos_policy *policy);

int vmqos_policy_parse(struct vmqos_policy *policy, const char *file, const char *text,
		       size_t size, vmqos_policy_report report, void *ctx);
int vmqos_policy_read(struct vmqos_policy *policy, const char *folder,
		      vmqos_policy_report report, void *ctx);

void vmqos_policy_match(const struct vmqos_policy *policy, const char *name,
			const uint8_t *uuid, struct vmqos_policy_vm *out);
const struct vmqos_policy_host *vmqos_policy_host(const struct vmqos_policy *policy);
const struct vmqos_policy_daemon *vmqos_policy_daemon(const struct vmqos_policy *policy);
unsigned int vmqos_policy_sections(const struct vmqos_policy *policy);

#endif
