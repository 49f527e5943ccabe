/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: the host. */
#ifndef VMQOS_HOST_H
#define VMQOS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmqos;

enum vmqos_host_field {
	VMQOS_HOST_VERSION = 1,
	VMQOS_HOST_CPUS,
	VMQOS_HOST_NODES,
	VMQOS_HOST_CPU_KHZ,
	VMQOS_HOST_CAPACITY_MHZ,
	VMQOS_HOST_TIME_NS,
	VMQOS_HOST_IDLE_NS,
	VMQOS_HOST_VMS,
	VMQOS_HOST_VCPUS,
	VMQOS_HOST_VCPU_BYTES,
	VMQOS_HOST_GUEST_TIME,
	VMQOS_HOST_SCAN_PERIOD_MS,
	VMQOS_HOST_NODE,
	VMQOS_HOST_CPU_KEPT = 15,
	VMQOS_HOST_CPU_RESERVED,
	VMQOS_HOST_CPU_UNRESERVED,
	VMQOS_HOST_CPU_GATE,
	VMQOS_HOST_CPU_SLICE_US,
};

/**
 * struct vmqos_host - what the host or one of its NUMA nodes offers, and its settings
 * @has: which fields were reported, bits VMQOS_HAS(VMQOS_HOST_...)
 * @version: version of the kernel module
 * @cpus: CPUs online
 * @nodes: NUMA nodes online
 * @cpu_khz: nominal frequency of one CPU in kHz
 * @capacity_mhz: CPUs online times nominal frequency, in MHz
 * @time_ns: CLOCK_MONOTONIC in ns when the answer was made
 * @idle_ns: idle time of all CPUs online, in ns
 * @vms: VMs adopted, those being released included
 * @vcpus: their vCPUs
 * @vcpu_bytes: kernel memory held for one vCPU, in bytes
 * @guest_time: whether time in guest mode is measured
 * @scan_period_ms: how often new vCPUs and dead VMs are looked for, in ms
 * @node: the NUMA node that cpus, capacity and idle time are of, if one was asked for
 * @cpu_kept: CPU that the host keeps for itself, in millionths of one CPU
 * @cpu_reserved: sum of the VMs' reservations, in millionths
 * @cpu_unreserved: what may still be reserved, in millionths
 * @cpu_gate: whether CPU policies are enforced
 * @cpu_slice_us: how long a vCPU may run on while another is owed more, in us
 */
struct vmqos_host {
	uint64_t has;
	char version[32];
	uint32_t cpus;
	uint32_t nodes;
	uint32_t cpu_khz;
	uint64_t capacity_mhz;
	uint64_t time_ns;
	uint64_t idle_ns;
	uint32_t vms;
	uint32_t vcpus;
	uint32_t vcpu_bytes;
	bool guest_time;
	uint32_t scan_period_ms;
	uint32_t node;
	uint32_t cpu_kept;
	uint32_t cpu_reserved;
	uint32_t cpu_unreserved;
	bool cpu_gate;
	uint32_t cpu_slice_us;
};

/**
 * struct vmqos_host_settings - change of the host's settings
 * @set: which fields to change, bits VMQOS_HAS(VMQOS_HOST_...) of those below;
 *	 the others stay as they are
 * @guest_time: measure time in guest mode
 * @scan_period_ms: scan period in ms, 10 to 10000
 * @cpu_kept: CPU that the host keeps for itself, in millionths of one CPU
 * @cpu_gate: enforce CPU policies
 * @cpu_slice_us: how long a vCPU may run on while another is owed more, in us,
 *	500 to 20000
 */
struct vmqos_host_settings {
	uint64_t set;
	bool guest_time;
	uint32_t scan_period_ms;
	uint32_t cpu_kept;
	bool cpu_gate;
	uint32_t cpu_slice_us;
};

/**
 * vmqos_host_get() - get the host's figures and settings
 * @ctx: context
 * @node: NUMA node, or -1 for the whole host
 * @host: filled
 *
 * Return: 0 or a negative errno.
 */
int vmqos_host_get(struct vmqos *ctx, int node, struct vmqos_host *host);

/**
 * vmqos_host_set() - change settings of the host
 * @ctx: context
 * @settings: what to change
 * @host: filled with the host as it is afterwards, or NULL
 *
 * Return: 0 or a negative errno.
 */
int vmqos_host_set(struct vmqos *ctx, const struct vmqos_host_settings *settings,
		   struct vmqos_host *host);

#ifdef __cplusplus
}
#endif

#endif
