// SPDX-License-Identifier: LGPL-2.1+
/*
 * One table an attribute set says which attribute goes into which field. The
 * public enumerations carry the attributes' numbers, which the assertions
 * prove, so the bit of a field in "has" is the attribute's number.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <string.h>

#include <linux/vmqos.h>

#include "context.h"
#include "decode.h"

enum kind {
	KIND_U32,
	KIND_U64,
	KIND_SWITCH,
	KIND_STRING,
	KIND_BYTES,
	KIND_STATS,
	KIND_MEM,
	KIND_REFUSED,
	KIND_GUEST,
	KIND_REQUEST,	/* in requests only, has a name and no field */
};

struct field {
	unsigned int attr;
	const char *name;
	enum kind kind;
	size_t offset;
	size_t size;
};

#define FIELD(type, member, attr, name, kind) \
	{ attr, name, kind, offsetof(struct type, member), sizeof(((struct type *)0)->member) }

static const struct field host_fields[] = {
	FIELD(vmqos_host, version, VMQOS_HOST_A_VERSION, "version", KIND_STRING),
	FIELD(vmqos_host, cpus, VMQOS_HOST_A_CPUS, "cpus", KIND_U32),
	FIELD(vmqos_host, nodes, VMQOS_HOST_A_NODES, "nodes", KIND_U32),
	FIELD(vmqos_host, cpu_khz, VMQOS_HOST_A_CPU_KHZ, "cpu-khz", KIND_U32),
	FIELD(vmqos_host, capacity_mhz, VMQOS_HOST_A_CAPACITY_MHZ, "capacity-mhz", KIND_U64),
	FIELD(vmqos_host, time_ns, VMQOS_HOST_A_TIME_NS, "time-ns", KIND_U64),
	FIELD(vmqos_host, idle_ns, VMQOS_HOST_A_IDLE_NS, "idle-ns", KIND_U64),
	FIELD(vmqos_host, vms, VMQOS_HOST_A_VMS, "vms", KIND_U32),
	FIELD(vmqos_host, vcpus, VMQOS_HOST_A_VCPUS, "vcpus", KIND_U32),
	FIELD(vmqos_host, vcpu_bytes, VMQOS_HOST_A_VCPU_BYTES, "vcpu-bytes", KIND_U32),
	FIELD(vmqos_host, guest_time, VMQOS_HOST_A_GUEST_TIME, "guest-time", KIND_SWITCH),
	FIELD(vmqos_host, scan_period_ms, VMQOS_HOST_A_SCAN_PERIOD_MS, "scan-period-ms", KIND_U32),
	FIELD(vmqos_host, node, VMQOS_HOST_A_NODE, "node", KIND_U32),
	FIELD(vmqos_host, cpu_kept, VMQOS_HOST_A_CPU_KEPT, "cpu-kept", KIND_U32),
	FIELD(vmqos_host, cpu_reserved, VMQOS_HOST_A_CPU_RESERVED, "cpu-reserved", KIND_U32),
	FIELD(vmqos_host, cpu_unreserved, VMQOS_HOST_A_CPU_UNRESERVED, "cpu-unreserved", KIND_U32),
	FIELD(vmqos_host, cpu_gate, VMQOS_HOST_A_CPU_GATE, "cpu-gate", KIND_SWITCH),
	FIELD(vmqos_host, cpu_slice_us, VMQOS_HOST_A_CPU_SLICE_US, "cpu-slice-us", KIND_U32),
};

static const struct field vm_fields[] = {
	FIELD(vmqos_vm, id, VMQOS_VM_A_ID, "id", KIND_U32),
	FIELD(vmqos_vm, name, VMQOS_VM_A_NAME, "name", KIND_STRING),
	FIELD(vmqos_vm, uuid, VMQOS_VM_A_UUID, "uuid", KIND_BYTES),
	{ VMQOS_VM_A_VM_FD, "vm-fd", KIND_REQUEST, 0, 0 },
	FIELD(vmqos_vm, pid, VMQOS_VM_A_PID, "pid", KIND_U32),
	FIELD(vmqos_vm, state, VMQOS_VM_A_STATE, "state", KIND_U32),
	FIELD(vmqos_vm, vcpus, VMQOS_VM_A_VCPUS, "vcpus", KIND_U32),
	FIELD(vmqos_vm, vcpus_attached, VMQOS_VM_A_VCPUS_ATTACHED, "vcpus-attached", KIND_U32),
	FIELD(vmqos_vm, adopted_ns, VMQOS_VM_A_ADOPTED_NS, "adopted-ns", KIND_U64),
	FIELD(vmqos_vm, cpu_shares, VMQOS_VM_A_CPU_SHARES, "cpu-shares", KIND_U32),
	FIELD(vmqos_vm, cpu_shares_level, VMQOS_VM_A_CPU_SHARES_LEVEL, "cpu-shares-level",
	      KIND_U32),
	FIELD(vmqos_vm, cpu_reservation, VMQOS_VM_A_CPU_RESERVATION, "cpu-reservation", KIND_U32),
	FIELD(vmqos_vm, cpu_limit, VMQOS_VM_A_CPU_LIMIT, "cpu-limit", KIND_U32),
	FIELD(vmqos_vm, cpu_latency, VMQOS_VM_A_CPU_LATENCY, "cpu-latency", KIND_U32),
	FIELD(vmqos_vm, cpu_charge_others, VMQOS_VM_A_CPU_CHARGE_OTHERS, "cpu-charge-others",
	      KIND_SWITCH),
	FIELD(vmqos_vm, cpu_entitled, VMQOS_VM_A_CPU_ENTITLED, "cpu-entitled", KIND_U32),
	FIELD(vmqos_vm, mem_share_zero, VMQOS_VM_A_MEM_SHARE_ZERO, "mem-share-zero", KIND_U32),
	FIELD(vmqos_vm, mem_limit, VMQOS_VM_A_MEM_LIMIT, "mem-limit", KIND_U64),
	{ VMQOS_VM_A_MEM_RECLAIM, "mem-reclaim", KIND_REQUEST, 0, 0 },
};

#define STATS(member, attr, name, kind) FIELD(vmqos_stats, member, attr, name, kind)

static const struct field stats_fields[] = {
	STATS(wall_ns, VMQOS_STATS_A_WALL_NS, "wall-ns", KIND_U64),
	STATS(run_ns, VMQOS_STATS_A_RUN_NS, "run-ns", KIND_U64),
	STATS(ready_ns, VMQOS_STATS_A_READY_NS, "ready-ns", KIND_U64),
	STATS(blocked_ns, VMQOS_STATS_A_BLOCKED_NS, "blocked-ns", KIND_U64),
	STATS(halted_ns, VMQOS_STATS_A_HALTED_NS, "halted-ns", KIND_U64),
	STATS(guest_ns, VMQOS_STATS_A_GUEST_NS, "guest-ns", KIND_U64),
	STATS(exits, VMQOS_STATS_A_EXITS, "exits", KIND_U64),
	STATS(halt_exits, VMQOS_STATS_A_HALT_EXITS, "halt-exits", KIND_U64),
	STATS(io_exits, VMQOS_STATS_A_IO_EXITS, "io-exits", KIND_U64),
	STATS(mmio_exits, VMQOS_STATS_A_MMIO_EXITS, "mmio-exits", KIND_U64),
	STATS(wakeups, VMQOS_STATS_A_WAKEUPS, "wakeups", KIND_U64),
	STATS(preemptions, VMQOS_STATS_A_PREEMPTIONS, "preemptions", KIND_U64),
	STATS(cpu_migrations, VMQOS_STATS_A_CPU_MIGRATIONS, "cpu-migrations", KIND_U64),
	STATS(node_migrations, VMQOS_STATS_A_NODE_MIGRATIONS, "node-migrations", KIND_U64),
	STATS(latency_ns, VMQOS_STATS_A_LATENCY_NS, "latency-ns", KIND_U64),
	STATS(latency_max_ns, VMQOS_STATS_A_LATENCY_MAX_NS, "latency-max-ns", KIND_U64),
	STATS(latency_hist, VMQOS_STATS_A_LATENCY_HIST, "latency-hist", KIND_BYTES),
	STATS(other_threads, VMQOS_STATS_A_OTHER_THREADS, "other-threads", KIND_U32),
	STATS(other_run_ns, VMQOS_STATS_A_OTHER_RUN_NS, "other-run-ns", KIND_U64),
	STATS(other_ready_ns, VMQOS_STATS_A_OTHER_READY_NS, "other-ready-ns", KIND_U64),
	STATS(parked_ns, VMQOS_STATS_A_PARKED_NS, "parked-ns", KIND_U64),
	STATS(limited_ns, VMQOS_STATS_A_LIMITED_NS, "limited-ns", KIND_U64),
	STATS(parks, VMQOS_STATS_A_PARKS, "parks", KIND_U64),
	STATS(throttles, VMQOS_STATS_A_THROTTLES, "throttles", KIND_U64),
	STATS(entitled_ns, VMQOS_STATS_A_ENTITLED_NS, "entitled-ns", KIND_U64),
	STATS(lag_ns, VMQOS_STATS_A_LAG_NS, "lag-ns", KIND_U64),
};

#define MEM(member, attr, name, kind) FIELD(vmqos_mem, member, attr, name, kind)

static const struct field mem_range_fields[] = {
	{ VMQOS_MEM_RANGE_A_VM_ID, "vm-id", KIND_REQUEST, 0, 0 },
	{ VMQOS_MEM_RANGE_A_ADDRESS, "address", KIND_REQUEST, 0, 0 },
};

static const struct field mem_fields[] = {
	MEM(configured, VMQOS_MEM_A_CONFIGURED, "configured", KIND_U64),
	MEM(in_vmramfs, VMQOS_MEM_A_IN_VMRAMFS, "in-vmramfs", KIND_U64),
	MEM(in_shmem, VMQOS_MEM_A_IN_SHMEM, "in-shmem", KIND_U64),
	MEM(in_hugetlb, VMQOS_MEM_A_IN_HUGETLB, "in-hugetlb", KIND_U64),
	MEM(in_anonymous, VMQOS_MEM_A_IN_ANONYMOUS, "in-anonymous", KIND_U64),
	MEM(in_other, VMQOS_MEM_A_IN_OTHER, "in-other", KIND_U64),
	MEM(resident, VMQOS_MEM_A_RESIDENT, "resident", KIND_U64),
	MEM(fills, VMQOS_MEM_A_FILLS, "fills", KIND_U64),
	MEM(faults_found, VMQOS_MEM_A_FAULTS_FOUND, "faults-found", KIND_U64),
	MEM(faults_filled, VMQOS_MEM_A_FAULTS_FILLED, "faults-filled", KIND_U64),
	MEM(faults_failed, VMQOS_MEM_A_FAULTS_FAILED, "faults-failed", KIND_U64),
	MEM(found_ns, VMQOS_MEM_A_FOUND_NS, "found-ns", KIND_U64),
	MEM(filled_ns, VMQOS_MEM_A_FILLED_NS, "filled-ns", KIND_U64),
	MEM(found_hist, VMQOS_MEM_A_FOUND_HIST, "found-hist", KIND_BYTES),
	MEM(filled_hist, VMQOS_MEM_A_FILLED_HIST, "filled-hist", KIND_BYTES),
	MEM(scanned, VMQOS_MEM_A_SCANNED, "scanned", KIND_U64),
	MEM(zero_freed, VMQOS_MEM_A_ZERO_FREED, "zero-freed", KIND_U64),
	MEM(zero_busy, VMQOS_MEM_A_ZERO_BUSY, "zero-busy", KIND_U64),
	MEM(zero_locked, VMQOS_MEM_A_ZERO_LOCKED, "zero-locked", KIND_U64),
	MEM(zero_changed, VMQOS_MEM_A_ZERO_CHANGED, "zero-changed", KIND_U64),
	MEM(zero_unmaps, VMQOS_MEM_A_ZERO_UNMAPS, "zero-unmaps", KIND_U64),
	MEM(zero_passes, VMQOS_MEM_A_ZERO_PASSES, "zero-passes", KIND_U64),
	MEM(zero_scan_ns, VMQOS_MEM_A_ZERO_SCAN_NS, "zero-scan-ns", KIND_U64),
	MEM(splits, VMQOS_MEM_A_SPLITS, "splits", KIND_U64),
	MEM(mapped_4k, VMQOS_MEM_A_MAPPED_4K, "mapped-4k", KIND_U64),
	MEM(mapped_2m, VMQOS_MEM_A_MAPPED_2M, "mapped-2m", KIND_U64),
	MEM(mapped_1g, VMQOS_MEM_A_MAPPED_1G, "mapped-1g", KIND_U64),
	MEM(reclaim_left, VMQOS_MEM_A_RECLAIM_LEFT, "reclaim-left", KIND_U64),
	MEM(reclaimed, VMQOS_MEM_A_RECLAIMED, "reclaimed", KIND_U64),
	MEM(reclaim_busy, VMQOS_MEM_A_RECLAIM_BUSY, "reclaim-busy", KIND_U64),
	MEM(limit_reclaimed, VMQOS_MEM_A_LIMIT_RECLAIMED, "limit-reclaimed", KIND_U64),
	MEM(limit_exceeded, VMQOS_MEM_A_LIMIT_EXCEEDED, "limit-exceeded", KIND_U64),
	MEM(limit_waits, VMQOS_MEM_A_LIMIT_WAITS, "limit-waits", KIND_U64),
	MEM(limit_ns, VMQOS_MEM_A_LIMIT_NS, "limit-ns", KIND_U64),
	MEM(limit_hist, VMQOS_MEM_A_LIMIT_HIST, "limit-hist", KIND_BYTES),
	MEM(pressure_reclaimed, VMQOS_MEM_A_PRESSURE_RECLAIMED, "pressure-reclaimed", KIND_U64),
	MEM(stored, VMQOS_MEM_A_STORED, "stored", KIND_U64),
	MEM(stored_raw, VMQOS_MEM_A_STORED_RAW, "stored-raw", KIND_U64),
	MEM(evicted, VMQOS_MEM_A_EVICTED, "evicted", KIND_U64),
	MEM(evict_refused, VMQOS_MEM_A_EVICT_REFUSED, "evict-refused", KIND_U64),
	MEM(stored_held, VMQOS_MEM_A_STORED_HELD, "stored-held", KIND_U64),
	MEM(evict_failed, VMQOS_MEM_A_EVICT_FAILED, "evict-failed", KIND_U64),
	MEM(faults_stored, VMQOS_MEM_A_FAULTS_STORED, "faults-stored", KIND_U64),
	MEM(stored_ns, VMQOS_MEM_A_STORED_NS, "stored-ns", KIND_U64),
	MEM(stored_hist, VMQOS_MEM_A_STORED_HIST, "stored-hist", KIND_BYTES),
	MEM(sampled, VMQOS_MEM_A_SAMPLED, "sampled", KIND_U64),
	MEM(active_slow, VMQOS_MEM_A_ACTIVE_SLOW, "active-slow", KIND_U64),
	MEM(active_fast, VMQOS_MEM_A_ACTIVE_FAST, "active-fast", KIND_U64),
	MEM(active_max, VMQOS_MEM_A_ACTIVE_MAX, "active-max", KIND_U64),
	MEM(samples, VMQOS_MEM_A_SAMPLES, "samples", KIND_U64),
	MEM(samples_touched, VMQOS_MEM_A_SAMPLES_TOUCHED, "samples-touched", KIND_U64),
	MEM(sample_ns, VMQOS_MEM_A_SAMPLE_NS, "sample-ns", KIND_U64),
	MEM(share_vmramfs, VMQOS_MEM_A_SHARE_VMRAMFS, "share-vmramfs", KIND_U64),
	MEM(share_shmem, VMQOS_MEM_A_SHARE_SHMEM, "share-shmem", KIND_U64),
	MEM(share_ksm, VMQOS_MEM_A_SHARE_KSM, "share-ksm", KIND_U64),
	MEM(share_none, VMQOS_MEM_A_SHARE_NONE, "share-none", KIND_U64),
	MEM(share_why_not, VMQOS_MEM_A_SHARE_WHY_NOT, "share-why-not", KIND_U64),
	MEM(ksm_merged, VMQOS_MEM_A_KSM_MERGED, "ksm-merged", KIND_U64),
	MEM(ksm_zero, VMQOS_MEM_A_KSM_ZERO, "ksm-zero", KIND_U64),
	MEM(zero_mapped, VMQOS_MEM_A_ZERO_MAPPED, "zero-mapped", KIND_U64),
	MEM(faults_zero, VMQOS_MEM_A_FAULTS_ZERO, "faults-zero", KIND_U64),
	MEM(zero_ns, VMQOS_MEM_A_ZERO_NS, "zero-ns", KIND_U64),
	MEM(zero_hist, VMQOS_MEM_A_ZERO_HIST, "zero-hist", KIND_BYTES),
	MEM(swapped, VMQOS_MEM_A_SWAPPED, "swapped", KIND_U64),
	MEM(swap_outs, VMQOS_MEM_A_SWAP_OUTS, "swap-outs", KIND_U64),
	MEM(swap_failed, VMQOS_MEM_A_SWAP_FAILED, "swap-failed", KIND_U64),
	MEM(faults_swapped, VMQOS_MEM_A_FAULTS_SWAPPED, "faults-swapped", KIND_U64),
	MEM(swapped_ns, VMQOS_MEM_A_SWAPPED_NS, "swapped-ns", KIND_U64),
	MEM(swapped_hist, VMQOS_MEM_A_SWAPPED_HIST, "swapped-hist", KIND_BYTES),
};

static const struct field vcpu_fields[] = {
	FIELD(vmqos_vcpu, vm_id, VMQOS_VCPU_A_VM_ID, "vm-id", KIND_U32),
	FIELD(vmqos_vcpu, index, VMQOS_VCPU_A_INDEX, "index", KIND_U32),
	FIELD(vmqos_vcpu, vcpu_id, VMQOS_VCPU_A_VCPU_ID, "vcpu-id", KIND_U32),
	FIELD(vmqos_vcpu, tid, VMQOS_VCPU_A_TID, "tid", KIND_U32),
	FIELD(vmqos_vcpu, state, VMQOS_VCPU_A_STATE, "state", KIND_U32),
	FIELD(vmqos_vcpu, cpu, VMQOS_VCPU_A_CPU, "cpu", KIND_U32),
	FIELD(vmqos_vcpu, node, VMQOS_VCPU_A_NODE, "node", KIND_U32),
	FIELD(vmqos_vcpu, time_ns, VMQOS_VCPU_A_TIME_NS, "time-ns", KIND_U64),
	FIELD(vmqos_vcpu, stats, VMQOS_VCPU_A_STATS, "stats", KIND_STATS),
};

static const struct field vm_stat_fields[] = {
	FIELD(vmqos_vm_stat, id, VMQOS_VM_STAT_A_ID, "id", KIND_U32),
	FIELD(vmqos_vm_stat, name, VMQOS_VM_STAT_A_NAME, "name", KIND_STRING),
	FIELD(vmqos_vm_stat, time_ns, VMQOS_VM_STAT_A_TIME_NS, "time-ns", KIND_U64),
	FIELD(vmqos_vm_stat, vcpus, VMQOS_VM_STAT_A_VCPUS, "vcpus", KIND_U32),
	FIELD(vmqos_vm_stat, stats, VMQOS_VM_STAT_A_STATS, "stats", KIND_STATS),
	FIELD(vmqos_vm_stat, mem, VMQOS_VM_STAT_A_MEM, "mem", KIND_MEM),
};

static const struct field unmet_fields[] = {
	FIELD(vmqos_unmet, id, VMQOS_VM_UNMET_A_ID, "id", KIND_U32),
	FIELD(vmqos_unmet, name, VMQOS_VM_UNMET_A_NAME, "name", KIND_STRING),
	FIELD(vmqos_unmet, time_ns, VMQOS_VM_UNMET_A_TIME_NS, "time-ns", KIND_U64),
	FIELD(vmqos_unmet, cpu_reservation, VMQOS_VM_UNMET_A_CPU_RESERVATION, "cpu-reservation",
	      KIND_U32),
	FIELD(vmqos_unmet, cpu_received, VMQOS_VM_UNMET_A_CPU_RECEIVED, "cpu-received", KIND_U32),
	FIELD(vmqos_unmet, reason, VMQOS_VM_UNMET_A_REASON, "reason", KIND_U32),
};

static const struct field device_fields[] = {
	FIELD(vmqos_device, name, VMQOS_VIRTIO_A_NAME, "name", KIND_STRING),
	FIELD(vmqos_device, type, VMQOS_VIRTIO_A_TYPE, "type", KIND_U32),
	FIELD(vmqos_device, vhost, VMQOS_VIRTIO_A_VHOST, "vhost", KIND_U32),
	FIELD(vmqos_device, in_use, VMQOS_VIRTIO_A_IN_USE, "in-use", KIND_SWITCH),
	FIELD(vmqos_device, pid, VMQOS_VIRTIO_A_PID, "pid", KIND_U32),
	FIELD(vmqos_device, vm_id, VMQOS_VIRTIO_A_VM_ID, "vm-id", KIND_U32),
	FIELD(vmqos_device, vm_name, VMQOS_VIRTIO_A_VM_NAME, "vm-name", KIND_STRING),
	FIELD(vmqos_device, going, VMQOS_VIRTIO_A_GOING, "going", KIND_SWITCH),
	FIELD(vmqos_device, status, VMQOS_VIRTIO_A_STATUS, "status", KIND_U32),
	FIELD(vmqos_device, features, VMQOS_VIRTIO_A_FEATURES, "features", KIND_U64),
};

static const struct field refused_fields[] = {
	FIELD(vmqos_balloon_refused, foreign, VMQOS_BALLOON_REFUSED_A_FOREIGN, "foreign", KIND_U64),
	FIELD(vmqos_balloon_refused, readonly, VMQOS_BALLOON_REFUSED_A_READONLY, "readonly",
	      KIND_U64),
	FIELD(vmqos_balloon_refused, locked, VMQOS_BALLOON_REFUSED_A_LOCKED, "locked", KIND_U64),
	FIELD(vmqos_balloon_refused, pinned, VMQOS_BALLOON_REFUSED_A_PINNED, "pinned", KIND_U64),
	FIELD(vmqos_balloon_refused, watched, VMQOS_BALLOON_REFUSED_A_WATCHED, "watched", KIND_U64),
	FIELD(vmqos_balloon_refused, special, VMQOS_BALLOON_REFUSED_A_SPECIAL, "special", KIND_U64),
	FIELD(vmqos_balloon_refused, partial, VMQOS_BALLOON_REFUSED_A_PARTIAL, "partial", KIND_U64),
	FIELD(vmqos_balloon_refused, poison, VMQOS_BALLOON_REFUSED_A_POISON, "poison", KIND_U64),
	FIELD(vmqos_balloon_refused, failed, VMQOS_BALLOON_REFUSED_A_FAILED, "failed", KIND_U64),
	FIELD(vmqos_balloon_refused, error, VMQOS_BALLOON_REFUSED_A_ERROR, "error", KIND_U32),
};

static const struct field guest_fields[] = {
	FIELD(vmqos_guest_stats, swap_in, VMQOS_GUEST_STATS_A_SWAP_IN, "swap-in", KIND_U64),
	FIELD(vmqos_guest_stats, swap_out, VMQOS_GUEST_STATS_A_SWAP_OUT, "swap-out", KIND_U64),
	FIELD(vmqos_guest_stats, faults_major, VMQOS_GUEST_STATS_A_FAULTS_MAJOR, "faults-major",
	      KIND_U64),
	FIELD(vmqos_guest_stats, faults_minor, VMQOS_GUEST_STATS_A_FAULTS_MINOR, "faults-minor",
	      KIND_U64),
	FIELD(vmqos_guest_stats, free, VMQOS_GUEST_STATS_A_FREE, "free", KIND_U64),
	FIELD(vmqos_guest_stats, total, VMQOS_GUEST_STATS_A_TOTAL, "total", KIND_U64),
	FIELD(vmqos_guest_stats, available, VMQOS_GUEST_STATS_A_AVAILABLE, "available", KIND_U64),
	FIELD(vmqos_guest_stats, caches, VMQOS_GUEST_STATS_A_CACHES, "caches", KIND_U64),
	FIELD(vmqos_guest_stats, hugetlb_allocs, VMQOS_GUEST_STATS_A_HUGETLB_ALLOCS, "hugetlb-allocs",
	      KIND_U64),
	FIELD(vmqos_guest_stats, hugetlb_failures, VMQOS_GUEST_STATS_A_HUGETLB_FAILURES, "hugetlb-failures",
	      KIND_U64),
	FIELD(vmqos_guest_stats, oom_kills, VMQOS_GUEST_STATS_A_OOM_KILLS, "oom-kills", KIND_U64),
	FIELD(vmqos_guest_stats, alloc_stalls, VMQOS_GUEST_STATS_A_ALLOC_STALLS, "alloc-stalls",
	      KIND_U64),
	FIELD(vmqos_guest_stats, async_scans, VMQOS_GUEST_STATS_A_ASYNC_SCANS, "async-scans",
	      KIND_U64),
	FIELD(vmqos_guest_stats, direct_scans, VMQOS_GUEST_STATS_A_DIRECT_SCANS, "direct-scans",
	      KIND_U64),
	FIELD(vmqos_guest_stats, async_reclaims, VMQOS_GUEST_STATS_A_ASYNC_RECLAIMS, "async-reclaims",
	      KIND_U64),
	FIELD(vmqos_guest_stats, direct_reclaims, VMQOS_GUEST_STATS_A_DIRECT_RECLAIMS, "direct-reclaims",
	      KIND_U64),
};

static const struct field balloon_fields[] = {
	FIELD(vmqos_balloon, id, VMQOS_BALLOON_A_ID, "id", KIND_U32),
	FIELD(vmqos_balloon, name, VMQOS_BALLOON_A_NAME, "name", KIND_STRING),
	FIELD(vmqos_balloon, device, VMQOS_BALLOON_A_DEVICE, "device", KIND_STRING),
	FIELD(vmqos_balloon, time_ns, VMQOS_BALLOON_A_TIME_NS, "time-ns", KIND_U64),
	FIELD(vmqos_balloon, state, VMQOS_BALLOON_A_STATE, "state", KIND_U32),
	FIELD(vmqos_balloon, target, VMQOS_BALLOON_A_TARGET, "target", KIND_U64),
	FIELD(vmqos_balloon, actual, VMQOS_BALLOON_A_ACTUAL, "actual", KIND_U64),
	FIELD(vmqos_balloon, reason, VMQOS_BALLOON_A_REASON, "reason", KIND_STRING),
	FIELD(vmqos_balloon, deadline_ms, VMQOS_BALLOON_A_DEADLINE_MS, "deadline-ms", KIND_U32),
	FIELD(vmqos_balloon, target_ns, VMQOS_BALLOON_A_TARGET_NS, "target-ns", KIND_U64),
	FIELD(vmqos_balloon, progress_ns, VMQOS_BALLOON_A_PROGRESS_NS, "progress-ns", KIND_U64),
	FIELD(vmqos_balloon, moved, VMQOS_BALLOON_A_MOVED, "moved", KIND_U64),
	FIELD(vmqos_balloon, speed, VMQOS_BALLOON_A_SPEED, "speed", KIND_U64),
	FIELD(vmqos_balloon, inflated, VMQOS_BALLOON_A_INFLATED, "inflated", KIND_U64),
	FIELD(vmqos_balloon, deflated, VMQOS_BALLOON_A_DEFLATED, "deflated", KIND_U64),
	FIELD(vmqos_balloon, given, VMQOS_BALLOON_A_GIVEN, "given", KIND_U64),
	FIELD(vmqos_balloon, refused, VMQOS_BALLOON_A_REFUSED, "refused", KIND_REFUSED),
	FIELD(vmqos_balloon, reported, VMQOS_BALLOON_A_REPORTED, "reported", KIND_U64),
	FIELD(vmqos_balloon, report_given, VMQOS_BALLOON_A_REPORT_GIVEN, "report-given", KIND_U64),
	FIELD(vmqos_balloon, report_refused, VMQOS_BALLOON_A_REPORT_REFUSED, "report-refused",
	      KIND_REFUSED),
	FIELD(vmqos_balloon, stats_seconds, VMQOS_BALLOON_A_STATS_SECONDS, "stats-seconds",
	      KIND_U32),
	FIELD(vmqos_balloon, stats_ns, VMQOS_BALLOON_A_STATS_NS, "stats-ns", KIND_U64),
	FIELD(vmqos_balloon, stats, VMQOS_BALLOON_A_STATS, "stats", KIND_GUEST),
	FIELD(vmqos_balloon, features, VMQOS_BALLOON_A_FEATURES, "features", KIND_U64),
	FIELD(vmqos_balloon, status, VMQOS_BALLOON_A_STATUS, "status", KIND_U32),
	FIELD(vmqos_balloon, kicks, VMQOS_BALLOON_A_KICKS, "kicks", KIND_U64),
	FIELD(vmqos_balloon, calls, VMQOS_BALLOON_A_CALLS, "calls", KIND_U64),
	FIELD(vmqos_balloon, pid, VMQOS_BALLOON_A_PID, "pid", KIND_U32),
	FIELD(vmqos_balloon, memory, VMQOS_BALLOON_A_MEMORY, "memory", KIND_U64),
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define SAME(a, b)	_Static_assert((int)(a) == (int)(b), #a " differs from " #b)

SAME(VMQOS_HOST_NODE, VMQOS_HOST_A_NODE);
SAME(VMQOS_HOST_GUEST_TIME, VMQOS_HOST_A_GUEST_TIME);
SAME(VMQOS_HOST_SCAN_PERIOD_MS, VMQOS_HOST_A_SCAN_PERIOD_MS);
SAME(VMQOS_HOST_VERSION, VMQOS_HOST_A_VERSION);
SAME(VMQOS_HOST_IDLE_NS, VMQOS_HOST_A_IDLE_NS);
SAME(VMQOS_HOST_VCPU_BYTES, VMQOS_HOST_A_VCPU_BYTES);
SAME(VMQOS_VM_ID, VMQOS_VM_A_ID);
SAME(VMQOS_VM_NAME, VMQOS_VM_A_NAME);
SAME(VMQOS_VM_UUID, VMQOS_VM_A_UUID);
SAME(VMQOS_VM_PID, VMQOS_VM_A_PID);
SAME(VMQOS_VM_STATE, VMQOS_VM_A_STATE);
SAME(VMQOS_VM_VCPUS, VMQOS_VM_A_VCPUS);
SAME(VMQOS_VM_VCPUS_ATTACHED, VMQOS_VM_A_VCPUS_ATTACHED);
SAME(VMQOS_VM_ADOPTED_NS, VMQOS_VM_A_ADOPTED_NS);
SAME(VMQOS_STATS_WALL_NS, VMQOS_STATS_A_WALL_NS);
SAME(VMQOS_STATS_GUEST_NS, VMQOS_STATS_A_GUEST_NS);
SAME(VMQOS_STATS_WAKEUPS, VMQOS_STATS_A_WAKEUPS);
SAME(VMQOS_STATS_LATENCY_HIST, VMQOS_STATS_A_LATENCY_HIST);
SAME(VMQOS_STATS_OTHER_READY_NS, VMQOS_STATS_A_OTHER_READY_NS);
SAME(VMQOS_VM_ACTIVE, VMQOS_VM_STATE_ACTIVE);
SAME(VMQOS_VM_RELEASING, VMQOS_VM_STATE_RELEASING);
SAME(VMQOS_VCPU_UNSTARTED, VMQOS_VCPU_STATE_UNSTARTED);
SAME(VMQOS_VCPU_PENDING, VMQOS_VCPU_STATE_PENDING);
SAME(VMQOS_VCPU_ATTACHED, VMQOS_VCPU_STATE_ATTACHED);
SAME(VMQOS_VCPU_LEFT, VMQOS_VCPU_STATE_LEFT);
SAME(VMQOS_VCPU_SHARED, VMQOS_VCPU_STATE_SHARED);
SAME(VMQOS_HOST_CPU_KEPT, VMQOS_HOST_A_CPU_KEPT);
SAME(VMQOS_HOST_CPU_SLICE_US, VMQOS_HOST_A_CPU_SLICE_US);
SAME(VMQOS_VM_CPU_SHARES, VMQOS_VM_A_CPU_SHARES);
SAME(VMQOS_VM_CPU_SHARES_LEVEL, VMQOS_VM_A_CPU_SHARES_LEVEL);
SAME(VMQOS_VM_CPU_RESERVATION, VMQOS_VM_A_CPU_RESERVATION);
SAME(VMQOS_VM_CPU_LIMIT, VMQOS_VM_A_CPU_LIMIT);
SAME(VMQOS_VM_CPU_LATENCY, VMQOS_VM_A_CPU_LATENCY);
SAME(VMQOS_VM_CPU_CHARGE_OTHERS, VMQOS_VM_A_CPU_CHARGE_OTHERS);
SAME(VMQOS_VM_CPU_ENTITLED, VMQOS_VM_A_CPU_ENTITLED);
SAME(VMQOS_VM_MEM_SHARE_ZERO, VMQOS_VM_A_MEM_SHARE_ZERO);
SAME(VMQOS_VM_MEM_LIMIT, VMQOS_VM_A_MEM_LIMIT);
SAME(VMQOS_MEM_CONFIGURED, VMQOS_MEM_A_CONFIGURED);
SAME(VMQOS_MEM_RESIDENT, VMQOS_MEM_A_RESIDENT);
SAME(VMQOS_MEM_FILLED_HIST, VMQOS_MEM_A_FILLED_HIST);
SAME(VMQOS_MEM_ZERO_SCAN_NS, VMQOS_MEM_A_ZERO_SCAN_NS);
SAME(VMQOS_MEM_MAPPED_1G, VMQOS_MEM_A_MAPPED_1G);
SAME(VMQOS_MEM_STORED_HIST, VMQOS_MEM_A_STORED_HIST);
SAME(VMQOS_MEM_KSM_ZERO, VMQOS_MEM_A_KSM_ZERO);
SAME(VMQOS_WHY_NOT_POLICY, VMQOS_MEM_WHY_NOT_POLICY);
SAME(VMQOS_WHY_NOT_ELSEWHERE, VMQOS_MEM_WHY_NOT_ELSEWHERE);
SAME(VMQOS_MEM_ZERO_HIST, VMQOS_MEM_A_ZERO_HIST);
SAME(VMQOS_MEM_STORED_HELD, VMQOS_MEM_A_STORED_HELD);
SAME(VMQOS_MEM_LIMIT_HIST, VMQOS_MEM_A_LIMIT_HIST);
SAME(VMQOS_MEM_SWAPPED_HIST, VMQOS_MEM_A_SWAPPED_HIST);
SAME(VMQOS_MEM_BUCKETS, VMQOS_LATENCY_BUCKETS);
SAME(VMQOS_ZERO_MOUNT, VMQOS_MEM_SHARE_ZERO_MOUNT);
SAME(VMQOS_ZERO_OFF, VMQOS_MEM_SHARE_ZERO_OFF);
SAME(VMQOS_ZERO_ON, VMQOS_MEM_SHARE_ZERO_ON);
SAME(VMQOS_ZERO_PRESSURE, VMQOS_MEM_SHARE_ZERO_PRESSURE);
SAME(VMQOS_STATS_PARKED_NS, VMQOS_STATS_A_PARKED_NS);
SAME(VMQOS_STATS_LAG_NS, VMQOS_STATS_A_LAG_NS);
SAME(VMQOS_CPU_CUSTOM, VMQOS_CPU_SHARES_LEVEL_CUSTOM);
SAME(VMQOS_CPU_LOW, VMQOS_CPU_SHARES_LEVEL_LOW);
SAME(VMQOS_CPU_NORMAL, VMQOS_CPU_SHARES_LEVEL_NORMAL);
SAME(VMQOS_CPU_HIGH, VMQOS_CPU_SHARES_LEVEL_HIGH);
SAME(VMQOS_LATENCY_NORMAL, VMQOS_CPU_LATENCY_NORMAL);
SAME(VMQOS_LATENCY_LOW, VMQOS_CPU_LATENCY_LOW);
SAME(VMQOS_UNMET_HOST_LOAD, VMQOS_UNMET_REASON_HOST_LOAD);
SAME(VMQOS_UNMET_AFFINITY, VMQOS_UNMET_REASON_AFFINITY);
SAME(VMQOS_UNMET_VMM_STOPPED, VMQOS_UNMET_REASON_VMM_STOPPED);
SAME(VMQOS_UNMET_CPUS_OFFLINE, VMQOS_UNMET_REASON_CPUS_OFFLINE);
SAME(VMQOS_DEVICE_FEATURES, VMQOS_VIRTIO_A_FEATURES);
SAME(VMQOS_DEVICE_BALLOON, VMQOS_VIRTIO_TYPE_BALLOON);
SAME(VMQOS_BALLOON_MEMORY, VMQOS_BALLOON_A_MEMORY);
SAME(VMQOS_BALLOON_TARGET, VMQOS_BALLOON_A_TARGET);
SAME(VMQOS_BALLOON_UNUSED, VMQOS_BALLOON_STATE_UNUSED);
SAME(VMQOS_BALLOON_LATE, VMQOS_BALLOON_STATE_LATE);
SAME(VMQOS_BALLOON_REASON_SIZE, VMQOS_BALLOON_REASON_MAX + 1);
SAME(VMQOS_DEVICE_NAME_MAX, VMQOS_VIRTIO_NAME_MAX);
SAME(VMQOS_GUEST_DIRECT_RECLAIMS, VMQOS_GUEST_STATS_A_DIRECT_RECLAIMS);
/* Every attribute has its row, or the table is behind the interface. */
/* The pad is none. */
/* What was reported is told in words of 64 bits, one of them unless it says otherwise. */
_Static_assert(VMQOS_HOST_A_MAX < 64 && VMQOS_VM_A_MAX < 64 && VMQOS_STATS_A_MAX < 64 &&
	       VMQOS_VCPU_A_MAX < 64 && VMQOS_VM_STAT_A_MAX < 64 && VMQOS_VM_UNMET_A_MAX < 64,
	       "a bit for each");
_Static_assert(VMQOS_MEM_A_MAX < 64 * VMQOS_MEM_HAS_WORDS, "a bit for each figure of memory");

SAME(COUNT(host_fields), VMQOS_HOST_A_MAX - 1);
SAME(COUNT(vm_fields), VMQOS_VM_A_MAX - 1);
SAME(COUNT(stats_fields), VMQOS_STATS_A_MAX - 1);
SAME(COUNT(mem_fields), VMQOS_MEM_A_MAX - 1);
SAME(COUNT(vcpu_fields), VMQOS_VCPU_A_MAX - 1);
SAME(COUNT(vm_stat_fields), VMQOS_VM_STAT_A_MAX - 1);
SAME(COUNT(unmet_fields), VMQOS_VM_UNMET_A_MAX - 1);
SAME(COUNT(device_fields), VMQOS_VIRTIO_A_MAX - 1);
SAME(COUNT(refused_fields), VMQOS_BALLOON_REFUSED_A_MAX - 1);
SAME(COUNT(guest_fields), VMQOS_GUEST_STATS_A_MAX - 1);
SAME(COUNT(balloon_fields), VMQOS_BALLOON_A_MAX - 1);

static const struct field *find_field(const struct field *fields, size_t count, unsigned int attr)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (fields[i].attr == attr)
			return &fields[i];
	return NULL;
}

static int decode(struct vmqos *ctx, struct nlattr *attrs, int size, const struct field *fields,
		  size_t count, void *out, uint64_t *has);

static int decode_field(struct vmqos *ctx, struct nlattr *attr, const struct field *field,
			void *out)
{
	char *to = (char *)out + field->offset;
	size_t length = nla_len(attr);
	struct vmqos_stats *stats;
	struct vmqos_balloon_refused *refused;
	struct vmqos_guest_stats *guest;
	struct vmqos_mem *mem;
	uint32_t value;

	switch (field->kind) {
	case KIND_U32:
	case KIND_SWITCH:
		if (length != sizeof(value))
			break;
		value = nla_get_u32(attr);
		if (field->kind == KIND_SWITCH)
			*(bool *)to = value == VMQOS_SWITCH_ON;
		else
			memcpy(to, &value, sizeof(value));
		return 0;
	case KIND_U64:
		if (length != sizeof(uint64_t))
			break;
		memcpy(to, nla_data(attr), sizeof(uint64_t));
		return 0;
	case KIND_STRING:
		/* With or without the closing NUL, as netlink strings are. */
		length = strnlen(nla_data(attr), length);
		if (length >= field->size)
			break;
		memcpy(to, nla_data(attr), length);
		to[length] = '\0';
		return 0;
	case KIND_BYTES:
		if (length != field->size)
			break;
		memcpy(to, nla_data(attr), length);
		return 0;
	case KIND_STATS:
		stats = (struct vmqos_stats *)to;
		return decode(ctx, nla_data(attr), length, stats_fields, COUNT(stats_fields),
			      stats, &stats->has);
	case KIND_MEM:
		mem = (struct vmqos_mem *)to;
		return decode(ctx, nla_data(attr), length, mem_fields, COUNT(mem_fields), mem,
			      mem->has);
	case KIND_REFUSED:
		refused = (struct vmqos_balloon_refused *)to;
		return decode(ctx, nla_data(attr), length, refused_fields, COUNT(refused_fields),
			      refused, &refused->has);
	case KIND_GUEST:
		guest = (struct vmqos_guest_stats *)to;
		return decode(ctx, nla_data(attr), length, guest_fields, COUNT(guest_fields),
			      guest, &guest->has);
	case KIND_REQUEST:
		return 0;
	}
	return vmqos_fail(ctx, -EBADMSG, "the kernel's answer has a wrong size of %s: %zu bytes",
			  field->name, length);
}

static int decode(struct vmqos *ctx, struct nlattr *attrs, int size, const struct field *fields,
		  size_t count, void *out, uint64_t *has)
{
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, attrs, size, rest) {
		const struct field *field = find_field(fields, count, nla_type(attr));
		int err;

		if (!field)
			continue;
		err = decode_field(ctx, attr, field, out);
		if (err)
			return err;
		has[field->attr / 64] |= VMQOS_HAS(field->attr % 64);
	}
	return 0;
}

static int need(struct vmqos *ctx, uint64_t has, unsigned int attr, const char *name)
{
	if (has & VMQOS_HAS(attr))
		return 0;
	return vmqos_fail(ctx, -EBADMSG, "the kernel's answer lacks %s", name);
}

int vmqos_decode_host(struct vmqos *ctx, struct nlattr *attrs, int size, struct vmqos_host *host)
{
	memset(host, 0, sizeof(*host));
	return decode(ctx, attrs, size, host_fields, COUNT(host_fields), host, &host->has);
}

int vmqos_decode_vm(struct vmqos *ctx, struct nlattr *attrs, int size, struct vmqos_vm *vm)
{
	int err;

	memset(vm, 0, sizeof(*vm));
	err = decode(ctx, attrs, size, vm_fields, COUNT(vm_fields), vm, &vm->has);
	return err ?: need(ctx, vm->has, VMQOS_VM_A_ID, "id");
}

int vmqos_decode_vm_stat(struct vmqos *ctx, struct nlattr *attrs, int size,
			 struct vmqos_vm_stat *stat)
{
	uint64_t has = 0;
	int err;

	memset(stat, 0, sizeof(*stat));
	err = decode(ctx, attrs, size, vm_stat_fields, COUNT(vm_stat_fields), stat, &has);
	return err ?: need(ctx, has, VMQOS_VM_STAT_A_ID, "id");
}

int vmqos_decode_vcpu(struct vmqos *ctx, struct nlattr *attrs, int size, struct vmqos_vcpu *vcpu)
{
	uint64_t has = 0;
	int err;

	memset(vcpu, 0, sizeof(*vcpu));
	err = decode(ctx, attrs, size, vcpu_fields, COUNT(vcpu_fields), vcpu, &has);
	return err ?: need(ctx, has, VMQOS_VCPU_A_VM_ID, "vm-id") ?:
	       need(ctx, has, VMQOS_VCPU_A_INDEX, "index");
}

int vmqos_decode_unmet(struct vmqos *ctx, struct nlattr *attrs, int size,
		       struct vmqos_unmet *unmet)
{
	uint64_t has = 0;
	int err;

	memset(unmet, 0, sizeof(*unmet));
	err = decode(ctx, attrs, size, unmet_fields, COUNT(unmet_fields), unmet, &has);
	return err ?: need(ctx, has, VMQOS_VM_UNMET_A_ID, "id");
}

int vmqos_decode_device(struct vmqos *ctx, struct nlattr *attrs, int size,
			struct vmqos_device *device)
{
	int err;

	memset(device, 0, sizeof(*device));
	err = decode(ctx, attrs, size, device_fields, COUNT(device_fields), device, &device->has);
	return err ?: need(ctx, device->has, VMQOS_VIRTIO_A_NAME, "name");
}

int vmqos_decode_balloon(struct vmqos *ctx, struct nlattr *attrs, int size,
			 struct vmqos_balloon *balloon)
{
	int err;

	memset(balloon, 0, sizeof(*balloon));
	balloon->backend = VMQOS_BALLOON_KERNEL;
	err = decode(ctx, attrs, size, balloon_fields, COUNT(balloon_fields), balloon,
		     &balloon->has);
	return err ?: need(ctx, balloon->has, VMQOS_BALLOON_A_DEVICE, "device");
}

const char *vmqos_attr_name(uint8_t cmd, unsigned int attr)
{
	const struct field *field;

	switch (cmd) {
	case VMQOS_CMD_HOST_GET:
	case VMQOS_CMD_HOST_SET:
		field = find_field(host_fields, COUNT(host_fields), attr);
		break;
	case VMQOS_CMD_VM_STAT_GET:
		field = find_field(vm_stat_fields, COUNT(vm_stat_fields), attr);
		break;
	case VMQOS_CMD_VCPU_STAT_GET:
		field = find_field(vcpu_fields, COUNT(vcpu_fields), attr);
		break;
	case VMQOS_CMD_MEM_RANGE_GET:
		field = find_field(mem_range_fields, COUNT(mem_range_fields), attr);
		break;
	case VMQOS_CMD_VIRTIO_ADD:
	case VMQOS_CMD_VIRTIO_DEL:
	case VMQOS_CMD_VIRTIO_GET:
		field = find_field(device_fields, COUNT(device_fields), attr);
		break;
	case VMQOS_CMD_BALLOON_GET:
	case VMQOS_CMD_BALLOON_SET:
		field = find_field(balloon_fields, COUNT(balloon_fields), attr);
		break;
	default:
		field = find_field(vm_fields, COUNT(vm_fields), attr);
	}
	return field ? field->name : NULL;
}

const char *vmqos_attr_at(const struct nlmsghdr *request, uint32_t offset)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)request;
	struct genlmsghdr *genl = nlmsg_data(hdr);
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rest)
		if ((uint32_t)((char *)attr - (char *)hdr) == offset)
			return vmqos_attr_name(genl->cmd, nla_type(attr));
	return NULL;
}
