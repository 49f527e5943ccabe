/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: counters of VMs and vCPUs. */
#ifndef VMQOS_STATS_H
#define VMQOS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmqos/mem.h>
#include <vmqos/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_LATENCY_BUCKETS	32

struct vmqos;

enum vmqos_stats_field {
	VMQOS_STATS_WALL_NS = 1,
	VMQOS_STATS_RUN_NS,
	VMQOS_STATS_READY_NS,
	VMQOS_STATS_BLOCKED_NS,
	VMQOS_STATS_HALTED_NS,
	VMQOS_STATS_GUEST_NS,
	VMQOS_STATS_EXITS,
	VMQOS_STATS_HALT_EXITS,
	VMQOS_STATS_IO_EXITS,
	VMQOS_STATS_MMIO_EXITS,
	VMQOS_STATS_WAKEUPS,
	VMQOS_STATS_PREEMPTIONS,
	VMQOS_STATS_CPU_MIGRATIONS,
	VMQOS_STATS_NODE_MIGRATIONS,
	VMQOS_STATS_LATENCY_NS,
	VMQOS_STATS_LATENCY_MAX_NS,
	VMQOS_STATS_LATENCY_HIST,
	VMQOS_STATS_OTHER_THREADS,
	VMQOS_STATS_OTHER_RUN_NS,
	VMQOS_STATS_OTHER_READY_NS,
	VMQOS_STATS_PARKED_NS = 22,
	VMQOS_STATS_LIMITED_NS,
	VMQOS_STATS_PARKS,
	VMQOS_STATS_THROTTLES,
	VMQOS_STATS_ENTITLED_NS,
	VMQOS_STATS_LAG_NS,
};

/**
 * struct vmqos_stats - counters since the adoption
 * @has: which fields were reported, bits VMQOS_HAS(VMQOS_STATS_...)
 * @wall_ns: time since the vCPU's thread is known; wall = run + ready + parked + blocked
 * @run_ns: time on a CPU
 * @ready_ns: time runnable but waiting for a CPU
 * @blocked_ns: time neither on a CPU nor runnable
 * @halted_ns: part of blocked_ns spent halted inside KVM
 * @guest_ns: part of run_ns spent in guest mode
 * @exits: exits from guest mode
 * @halt_exits: part of exits caused by a halt instruction
 * @io_exits: part of exits caused by port I/O
 * @mmio_exits: part of exits caused by memory-mapped I/O
 * @wakeups: times the thread went from blocked to a CPU
 * @preemptions: times the thread lost its CPU while runnable
 * @cpu_migrations: times the thread came to another CPU
 * @node_migrations: part of cpu_migrations that changed the NUMA node
 * @latency_ns: sum of the latencies from wake-up to run
 * @latency_max_ns: greatest latency from wake-up to run
 * @latency_hist: their histogram: bucket 0 counts those below 512 ns, bucket i
 *	those from 2^(i + 8) ns up to, not including, 2^(i + 9) ns, the last
 *	has no upper bound
 * @other_threads: VM only, threads that are no vCPUs
 * @other_run_ns: VM only, their time on a CPU
 * @other_ready_ns: VM only, their time waiting for a CPU
 * @parked_ns: time held back by the CPU policy, neither ready nor blocked
 * @limited_ns: part of parked_ns because of the VM's limit
 * @parks: times it was held back
 * @throttles: part of parks because of the VM's limit
 * @entitled_ns: VM only, CPU time that it was entitled to
 * @lag_ns: VM only, CPU time that it is owed now; below 0 when it is ahead
 */
struct vmqos_stats {
	uint64_t has;
	uint64_t wall_ns;
	uint64_t run_ns;
	uint64_t ready_ns;
	uint64_t blocked_ns;
	uint64_t halted_ns;
	uint64_t guest_ns;
	uint64_t exits;
	uint64_t halt_exits;
	uint64_t io_exits;
	uint64_t mmio_exits;
	uint64_t wakeups;
	uint64_t preemptions;
	uint64_t cpu_migrations;
	uint64_t node_migrations;
	uint64_t latency_ns;
	uint64_t latency_max_ns;
	uint64_t latency_hist[VMQOS_LATENCY_BUCKETS];
	uint32_t other_threads;
	uint64_t other_run_ns;
	uint64_t other_ready_ns;
	uint64_t parked_ns;
	uint64_t limited_ns;
	uint64_t parks;
	uint64_t throttles;
	uint64_t entitled_ns;
	int64_t lag_ns;
};

/**
 * struct vmqos_vm_stat - counters of a VM, summed over its vCPUs
 * @id: number of the VM
 * @name: its name
 * @time_ns: CLOCK_MONOTONIC in ns when the counters were read
 * @vcpus: vCPUs that the VMM has made
 * @stats: the counters
 * @mem: the VM's memory
 */
struct vmqos_vm_stat {
	uint32_t id;
	char name[VMQOS_NAME_MAX + 1];
	uint64_t time_ns;
	uint32_t vcpus;
	struct vmqos_stats stats;
	struct vmqos_mem mem;
};

/**
 * enum vmqos_vcpu_life - state of a vCPU
 * @VMQOS_VCPU_UNSTARTED: made by the VMM, no thread has run it yet
 * @VMQOS_VCPU_PENDING: its thread is known and accounted from its own counters
 * @VMQOS_VCPU_ATTACHED: the kernel's hook is in place, everything is counted
 * @VMQOS_VCPU_LEFT: its thread has ended
 * @VMQOS_VCPU_SHARED: its thread runs another vCPU too, which has its time
 */
enum vmqos_vcpu_life {
	VMQOS_VCPU_UNSTARTED,
	VMQOS_VCPU_PENDING,
	VMQOS_VCPU_ATTACHED,
	VMQOS_VCPU_LEFT,
	VMQOS_VCPU_SHARED,
};

/**
 * struct vmqos_vcpu - a vCPU with its counters
 * @vm_id: number of the VM
 * @index: number of the vCPU in the order of creation, from 0
 * @vcpu_id: number that the VMM gave it (on x86 its APIC ID)
 * @tid: thread that runs it, 0 when there is none
 * @state: enum vmqos_vcpu_life
 * @cpu: CPU that the thread ran on last
 * @node: NUMA node of that CPU
 * @time_ns: CLOCK_MONOTONIC in ns when the counters were read
 * @stats: the counters
 */
struct vmqos_vcpu {
	uint32_t vm_id;
	uint32_t index;
	uint32_t vcpu_id;
	uint32_t tid;
	uint32_t state;
	uint32_t cpu;
	uint32_t node;
	uint64_t time_ns;
	struct vmqos_stats stats;
};

/**
 * vmqos_vm_stat_get() - get the counters of one VM
 * @ctx: context
 * @id: number of the VM
 * @stat: filled
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vm_stat_get(struct vmqos *ctx, uint32_t id, struct vmqos_vm_stat *stat);

/**
 * vmqos_vm_stat_dump() - get the counters of all VMs
 * @ctx: context
 * @stats: set to an array in the order of the VMs' numbers, to be freed with free()
 * @count: set to their number
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vm_stat_dump(struct vmqos *ctx, struct vmqos_vm_stat **stats, size_t *count);

/**
 * vmqos_vcpu_stat_get() - get one vCPU with its counters
 * @ctx: context
 * @vm_id: number of the VM
 * @index: number of the vCPU in the order of creation
 * @vcpu: filled
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vcpu_stat_get(struct vmqos *ctx, uint32_t vm_id, uint32_t index,
			struct vmqos_vcpu *vcpu);

/**
 * vmqos_vcpu_stat_dump() - get the vCPUs of one VM or of all, with their counters
 * @ctx: context
 * @vm_id: number of the VM, or 0 for all
 * @vcpus: set to an array in the order of VM and index, to be freed with free()
 * @count: set to their number
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vcpu_stat_dump(struct vmqos *ctx, uint32_t vm_id,
			 struct vmqos_vcpu **vcpus, size_t *count);

/**
 * vmqos_vcpu_state_name() - name of a vCPU's state
 * @state: enum vmqos_vcpu_life
 *
 * Return: "unstarted", "pending", "attached", "left", "shared" or "unknown".
 */
const char *vmqos_vcpu_state_name(uint32_t state);

/**
 * struct vmqos_stats_desc - one counter of struct vmqos_stats, for printing
 * @field: enum vmqos_stats_field
 * @name: name with underscores, as in the struct and in JSON
 * @label: short words for a person
 * @unit: "ns" or "" for a plain number
 * @vm_only: reported for VMs, not for vCPUs
 * @is_signed: may be below 0: its value is to be taken as an int64_t
 */
struct vmqos_stats_desc {
	unsigned int field;
	const char *name;
	const char *label;
	const char *unit;
	bool vm_only;
	bool is_signed;
};

/**
 * vmqos_stats_descs() - all counters that are single numbers
 * @count: set to their number
 *
 * Return: a constant array in the order of the interface.
 */
const struct vmqos_stats_desc *vmqos_stats_descs(size_t *count);

/**
 * vmqos_stats_value() - value of a counter
 * @stats: the counters
 * @field: enum vmqos_stats_field, not the histogram
 *
 * Return: the value, of a signed one its bits; 0 for a field that is no single
 * number.
 */
uint64_t vmqos_stats_value(const struct vmqos_stats *stats, unsigned int field);

/**
 * vmqos_stats_sub() - growth of the counters between two readings
 * @delta: filled with @now minus @before, never below 0; latency_max_ns, lag_ns
 *	   and other_threads are those of @now. May be @now.
 * @now: later reading
 * @before: earlier reading
 */
void vmqos_stats_sub(struct vmqos_stats *delta, const struct vmqos_stats *now,
		     const struct vmqos_stats *before);

/**
 * vmqos_latency_bound() - upper bound of a bucket of the latency histogram
 * @bucket: 0 to VMQOS_LATENCY_BUCKETS - 1
 *
 * Return: the bound in ns, UINT64_MAX for the last bucket.
 */
uint64_t vmqos_latency_bound(unsigned int bucket);

/**
 * vmqos_latency_percentile() - percentile of the wake-up latency
 * @stats: counters with a histogram
 * @percent: above 0, up to 100
 *
 * Return: the upper bound in ns of the bucket that the percentile falls into
 * (the greatest latency for the last one); 0 when nothing was counted.
 */
uint64_t vmqos_latency_percentile(const struct vmqos_stats *stats, double percent);

#ifdef __cplusplus
}
#endif

#endif
