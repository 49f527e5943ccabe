// SPDX-License-Identifier: GPL-2.0
/* The interface as a table, and the check of an answer against it. */
#include <stdio.h>
#include <string.h>

#include "schema.h"

#define LIST(array)	{ array, sizeof(array) / sizeof((array)[0]) }

static const struct vmqos_schema_attr host_get[] = {
	{ "node", VMQOS_HOST_A_NODE, VMQOS_KIND_U32, false, 0, 0 },
};

static const struct vmqos_schema_attr host_set[] = {
	{ "guest-time", VMQOS_HOST_A_GUEST_TIME, VMQOS_KIND_U32, false, 0, 1 },
	{ "scan-period-ms", VMQOS_HOST_A_SCAN_PERIOD_MS, VMQOS_KIND_U32, false, 10, 10000 },
	{ "cpu-kept", VMQOS_HOST_A_CPU_KEPT, VMQOS_KIND_U32, false, 0, 0 },
	{ "cpu-gate", VMQOS_HOST_A_CPU_GATE, VMQOS_KIND_U32, false, 0, 1 },
	{ "cpu-slice-us", VMQOS_HOST_A_CPU_SLICE_US, VMQOS_KIND_U32, false, 500, 20000 },
};

static const struct vmqos_schema_attr host_reply[] = {
	{ "version", VMQOS_HOST_A_VERSION, VMQOS_KIND_TEXT, true, 0, 0 },
	{ "cpus", VMQOS_HOST_A_CPUS, VMQOS_KIND_U32, true, 1, 0 },
	{ "nodes", VMQOS_HOST_A_NODES, VMQOS_KIND_U32, true, 1, 0 },
	{ "cpu-khz", VMQOS_HOST_A_CPU_KHZ, VMQOS_KIND_U32, true, 1, 0 },
	{ "capacity-mhz", VMQOS_HOST_A_CAPACITY_MHZ, VMQOS_KIND_U64, true, 1, 0 },
	{ "time-ns", VMQOS_HOST_A_TIME_NS, VMQOS_KIND_U64, true, 1, 0 },
	{ "idle-ns", VMQOS_HOST_A_IDLE_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "vms", VMQOS_HOST_A_VMS, VMQOS_KIND_U32, true, 0, 0 },
	{ "vcpus", VMQOS_HOST_A_VCPUS, VMQOS_KIND_U32, true, 0, 0 },
	{ "vcpu-bytes", VMQOS_HOST_A_VCPU_BYTES, VMQOS_KIND_U32, true, 1, 0 },
	{ "guest-time", VMQOS_HOST_A_GUEST_TIME, VMQOS_KIND_U32, true, 0, 1 },
	{ "scan-period-ms", VMQOS_HOST_A_SCAN_PERIOD_MS, VMQOS_KIND_U32, true, 10, 10000 },
	{ "node", VMQOS_HOST_A_NODE, VMQOS_KIND_U32, false, 0, 0 },
	{ "pad", VMQOS_HOST_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
	{ "cpu-kept", VMQOS_HOST_A_CPU_KEPT, VMQOS_KIND_U32, true, 0, 0 },
	{ "cpu-reserved", VMQOS_HOST_A_CPU_RESERVED, VMQOS_KIND_U32, true, 0, 0 },
	{ "cpu-unreserved", VMQOS_HOST_A_CPU_UNRESERVED, VMQOS_KIND_U32, true, 0, 0 },
	{ "cpu-gate", VMQOS_HOST_A_CPU_GATE, VMQOS_KIND_U32, true, 0, 1 },
	{ "cpu-slice-us", VMQOS_HOST_A_CPU_SLICE_US, VMQOS_KIND_U32, true, 500, 20000 },
};

static const struct vmqos_schema_attr vm_adopt[] = {
	{ "vm-fd", VMQOS_VM_A_VM_FD, VMQOS_KIND_S32, false, 0, 0 },
	{ "pid", VMQOS_VM_A_PID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_VM_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
	{ "uuid", VMQOS_VM_A_UUID, VMQOS_KIND_UUID, false, 0, 0 },
};

static const struct vmqos_schema_attr vm_which[] = {
	{ "id", VMQOS_VM_A_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_VM_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
};

static const struct vmqos_schema_attr vm_set[] = {
	{ "id", VMQOS_VM_A_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_VM_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
	{ "uuid", VMQOS_VM_A_UUID, VMQOS_KIND_UUID, false, 0, 0 },
	{ "cpu-shares", VMQOS_VM_A_CPU_SHARES, VMQOS_KIND_U32, false, 1, 1000000 },
	{ "cpu-shares-level", VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_KIND_U32, false,
	  VMQOS_CPU_SHARES_LEVEL_CUSTOM, VMQOS_CPU_SHARES_LEVEL_HIGH },
	{ "cpu-reservation", VMQOS_VM_A_CPU_RESERVATION, VMQOS_KIND_U32, false, 0, 0 },
	{ "cpu-limit", VMQOS_VM_A_CPU_LIMIT, VMQOS_KIND_U32, false, 0, 0 },
	{ "cpu-latency", VMQOS_VM_A_CPU_LATENCY, VMQOS_KIND_U32, false, 0,
	  VMQOS_CPU_LATENCY_LOW },
	{ "cpu-charge-others", VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_KIND_U32, false, 0, 1 },
	{ "mem-share-zero", VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_KIND_U32, false, 0,
	  VMQOS_MEM_SHARE_ZERO_PRESSURE },
	{ "mem-limit", VMQOS_VM_A_MEM_LIMIT, VMQOS_KIND_U64, false, 0, 0 },
};

static const struct vmqos_schema_attr vm_reclaim[] = {
	{ "id", VMQOS_VM_A_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_VM_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
	{ "mem-reclaim", VMQOS_VM_A_MEM_RECLAIM, VMQOS_KIND_U64, false, 0, 0 },
};

static const struct vmqos_schema_attr range_which[] = {
	{ "vm-id", VMQOS_MEM_RANGE_A_VM_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "address", VMQOS_MEM_RANGE_A_ADDRESS, VMQOS_KIND_U64, false, 0, 0 },
};

static const struct vmqos_schema_attr range_reply[] = {
	{ "vm-id", VMQOS_MEM_RANGE_A_VM_ID, VMQOS_KIND_U32, true, 1, 0 },
	{ "address", VMQOS_MEM_RANGE_A_ADDRESS, VMQOS_KIND_U64, false, 0, 0 },
	{ "size", VMQOS_MEM_RANGE_A_SIZE, VMQOS_KIND_U64, false, 1, 0 },
	{ "pad", VMQOS_MEM_RANGE_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
};

static const struct vmqos_schema_attr vm_reply[] = {
	{ "id", VMQOS_VM_A_ID, VMQOS_KIND_U32, true, 1, 0 },
	{ "name", VMQOS_VM_A_NAME, VMQOS_KIND_NAME, true, 0, 0 },
	{ "uuid", VMQOS_VM_A_UUID, VMQOS_KIND_UUID, false, 0, 0 },
	{ "pid", VMQOS_VM_A_PID, VMQOS_KIND_U32, true, 0, 0 },
	{ "state", VMQOS_VM_A_STATE, VMQOS_KIND_U32, true, 0, VMQOS_VM_STATE_RELEASING },
	{ "vcpus", VMQOS_VM_A_VCPUS, VMQOS_KIND_U32, true, 0, 0 },
	{ "vcpus-attached", VMQOS_VM_A_VCPUS_ATTACHED, VMQOS_KIND_U32, true, 0, 0 },
	{ "adopted-ns", VMQOS_VM_A_ADOPTED_NS, VMQOS_KIND_U64, true, 1, 0 },
	{ "pad", VMQOS_VM_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
	{ "cpu-shares", VMQOS_VM_A_CPU_SHARES, VMQOS_KIND_U32, true, 1, 1000000 },
	{ "cpu-shares-level", VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_KIND_U32, true,
	  VMQOS_CPU_SHARES_LEVEL_CUSTOM, VMQOS_CPU_SHARES_LEVEL_HIGH },
	{ "cpu-reservation", VMQOS_VM_A_CPU_RESERVATION, VMQOS_KIND_U32, true, 0, 0 },
	{ "cpu-limit", VMQOS_VM_A_CPU_LIMIT, VMQOS_KIND_U32, true, 0, 0 },
	{ "cpu-latency", VMQOS_VM_A_CPU_LATENCY, VMQOS_KIND_U32, true, 0, VMQOS_CPU_LATENCY_LOW },
	{ "cpu-charge-others", VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_KIND_U32, true, 0, 1 },
	{ "cpu-entitled", VMQOS_VM_A_CPU_ENTITLED, VMQOS_KIND_U32, true, 0, 0 },
	{ "mem-share-zero", VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_KIND_U32, true, 0,
	  VMQOS_MEM_SHARE_ZERO_PRESSURE },
	{ "mem-limit", VMQOS_VM_A_MEM_LIMIT, VMQOS_KIND_U64, true, 0, 0 },
};

static const struct vmqos_schema_attr stat_which[] = {
	{ "id", VMQOS_VM_STAT_A_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_VM_STAT_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
};

static const struct vmqos_schema_attr stat_reply[] = {
	{ "id", VMQOS_VM_STAT_A_ID, VMQOS_KIND_U32, true, 1, 0 },
	{ "name", VMQOS_VM_STAT_A_NAME, VMQOS_KIND_NAME, true, 0, 0 },
	{ "time-ns", VMQOS_VM_STAT_A_TIME_NS, VMQOS_KIND_U64, true, 1, 0 },
	{ "vcpus", VMQOS_VM_STAT_A_VCPUS, VMQOS_KIND_U32, true, 0, 0 },
	{ "stats", VMQOS_VM_STAT_A_STATS, VMQOS_KIND_STATS, true, 0, 0 },
	{ "pad", VMQOS_VM_STAT_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
	{ "mem", VMQOS_VM_STAT_A_MEM, VMQOS_KIND_MEM, false, 0, 0 },
};

static const struct vmqos_schema_attr vcpu_which[] = {
	{ "vm-id", VMQOS_VCPU_A_VM_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "index", VMQOS_VCPU_A_INDEX, VMQOS_KIND_U32, false, 0, 0 },
};

static const struct vmqos_schema_attr vcpu_dump[] = {
	{ "vm-id", VMQOS_VCPU_A_VM_ID, VMQOS_KIND_U32, false, 0, 0 },
};

static const struct vmqos_schema_attr vcpu_reply[] = {
	{ "vm-id", VMQOS_VCPU_A_VM_ID, VMQOS_KIND_U32, true, 1, 0 },
	{ "index", VMQOS_VCPU_A_INDEX, VMQOS_KIND_U32, true, 0, 0 },
	{ "vcpu-id", VMQOS_VCPU_A_VCPU_ID, VMQOS_KIND_U32, true, 0, 0 },
	{ "tid", VMQOS_VCPU_A_TID, VMQOS_KIND_U32, true, 0, 0 },
	{ "state", VMQOS_VCPU_A_STATE, VMQOS_KIND_U32, true, 0, VMQOS_VCPU_STATE_SHARED },
	{ "cpu", VMQOS_VCPU_A_CPU, VMQOS_KIND_U32, false, 0, 0 },
	{ "node", VMQOS_VCPU_A_NODE, VMQOS_KIND_U32, false, 0, 0 },
	{ "time-ns", VMQOS_VCPU_A_TIME_NS, VMQOS_KIND_U64, true, 1, 0 },
	{ "stats", VMQOS_VCPU_A_STATS, VMQOS_KIND_STATS, true, 0, 0 },
	{ "pad", VMQOS_VCPU_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
};

static const struct vmqos_schema_attr stats[] = {
	{ "wall-ns", VMQOS_STATS_A_WALL_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "run-ns", VMQOS_STATS_A_RUN_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "ready-ns", VMQOS_STATS_A_READY_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "blocked-ns", VMQOS_STATS_A_BLOCKED_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "halted-ns", VMQOS_STATS_A_HALTED_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "guest-ns", VMQOS_STATS_A_GUEST_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "exits", VMQOS_STATS_A_EXITS, VMQOS_KIND_U64, true, 0, 0 },
	{ "halt-exits", VMQOS_STATS_A_HALT_EXITS, VMQOS_KIND_U64, true, 0, 0 },
	{ "io-exits", VMQOS_STATS_A_IO_EXITS, VMQOS_KIND_U64, true, 0, 0 },
	{ "mmio-exits", VMQOS_STATS_A_MMIO_EXITS, VMQOS_KIND_U64, true, 0, 0 },
	{ "wakeups", VMQOS_STATS_A_WAKEUPS, VMQOS_KIND_U64, true, 0, 0 },
	{ "preemptions", VMQOS_STATS_A_PREEMPTIONS, VMQOS_KIND_U64, true, 0, 0 },
	{ "cpu-migrations", VMQOS_STATS_A_CPU_MIGRATIONS, VMQOS_KIND_U64, true, 0, 0 },
	{ "node-migrations", VMQOS_STATS_A_NODE_MIGRATIONS, VMQOS_KIND_U64, true, 0, 0 },
	{ "latency-ns", VMQOS_STATS_A_LATENCY_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "latency-max-ns", VMQOS_STATS_A_LATENCY_MAX_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "latency-hist", VMQOS_STATS_A_LATENCY_HIST, VMQOS_KIND_HISTOGRAM, true, 0, 0 },
	{ "other-threads", VMQOS_STATS_A_OTHER_THREADS, VMQOS_KIND_U32, false, 0, 0 },
	{ "other-run-ns", VMQOS_STATS_A_OTHER_RUN_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "other-ready-ns", VMQOS_STATS_A_OTHER_READY_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "pad", VMQOS_STATS_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
	{ "parked-ns", VMQOS_STATS_A_PARKED_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "limited-ns", VMQOS_STATS_A_LIMITED_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "parks", VMQOS_STATS_A_PARKS, VMQOS_KIND_U64, true, 0, 0 },
	{ "throttles", VMQOS_STATS_A_THROTTLES, VMQOS_KIND_U64, true, 0, 0 },
	{ "entitled-ns", VMQOS_STATS_A_ENTITLED_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "lag-ns", VMQOS_STATS_A_LAG_NS, VMQOS_KIND_S64, false, 0, 0 },
};

static const struct vmqos_schema_attr mem[] = {
	{ "configured", VMQOS_MEM_A_CONFIGURED, VMQOS_KIND_U64, true, 0, 0 },
	{ "in-vmramfs", VMQOS_MEM_A_IN_VMRAMFS, VMQOS_KIND_U64, true, 0, 0 },
	{ "in-shmem", VMQOS_MEM_A_IN_SHMEM, VMQOS_KIND_U64, true, 0, 0 },
	{ "in-hugetlb", VMQOS_MEM_A_IN_HUGETLB, VMQOS_KIND_U64, true, 0, 0 },
	{ "in-anonymous", VMQOS_MEM_A_IN_ANONYMOUS, VMQOS_KIND_U64, true, 0, 0 },
	{ "in-other", VMQOS_MEM_A_IN_OTHER, VMQOS_KIND_U64, true, 0, 0 },
	{ "resident", VMQOS_MEM_A_RESIDENT, VMQOS_KIND_U64, false, 0, 0 },
	{ "fills", VMQOS_MEM_A_FILLS, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-found", VMQOS_MEM_A_FAULTS_FOUND, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-filled", VMQOS_MEM_A_FAULTS_FILLED, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-failed", VMQOS_MEM_A_FAULTS_FAILED, VMQOS_KIND_U64, false, 0, 0 },
	{ "found-ns", VMQOS_MEM_A_FOUND_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "filled-ns", VMQOS_MEM_A_FILLED_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "found-hist", VMQOS_MEM_A_FOUND_HIST, VMQOS_KIND_HISTOGRAM, false, 0, 0 },
	{ "filled-hist", VMQOS_MEM_A_FILLED_HIST, VMQOS_KIND_HISTOGRAM, false, 0, 0 },
	{ "scanned", VMQOS_MEM_A_SCANNED, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-freed", VMQOS_MEM_A_ZERO_FREED, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-busy", VMQOS_MEM_A_ZERO_BUSY, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-locked", VMQOS_MEM_A_ZERO_LOCKED, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-changed", VMQOS_MEM_A_ZERO_CHANGED, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-unmaps", VMQOS_MEM_A_ZERO_UNMAPS, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-passes", VMQOS_MEM_A_ZERO_PASSES, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-scan-ns", VMQOS_MEM_A_ZERO_SCAN_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "pad", VMQOS_MEM_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
	{ "splits", VMQOS_MEM_A_SPLITS, VMQOS_KIND_U64, false, 0, 0 },
	{ "mapped-4k", VMQOS_MEM_A_MAPPED_4K, VMQOS_KIND_U64, true, 0, 0 },
	{ "mapped-2m", VMQOS_MEM_A_MAPPED_2M, VMQOS_KIND_U64, true, 0, 0 },
	{ "mapped-1g", VMQOS_MEM_A_MAPPED_1G, VMQOS_KIND_U64, true, 0, 0 },
	{ "reclaim-left", VMQOS_MEM_A_RECLAIM_LEFT, VMQOS_KIND_U64, false, 0, 0 },
	{ "reclaimed", VMQOS_MEM_A_RECLAIMED, VMQOS_KIND_U64, false, 0, 0 },
	{ "reclaim-busy", VMQOS_MEM_A_RECLAIM_BUSY, VMQOS_KIND_U64, false, 0, 0 },
	{ "limit-reclaimed", VMQOS_MEM_A_LIMIT_RECLAIMED, VMQOS_KIND_U64, false, 0, 0 },
	{ "limit-exceeded", VMQOS_MEM_A_LIMIT_EXCEEDED, VMQOS_KIND_U64, false, 0, 0 },
	{ "limit-waits", VMQOS_MEM_A_LIMIT_WAITS, VMQOS_KIND_U64, false, 0, 0 },
	{ "limit-ns", VMQOS_MEM_A_LIMIT_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "pressure-reclaimed", VMQOS_MEM_A_PRESSURE_RECLAIMED, VMQOS_KIND_U64, false, 0, 0 },
	{ "stored", VMQOS_MEM_A_STORED, VMQOS_KIND_U64, false, 0, 0 },
	{ "stored-raw", VMQOS_MEM_A_STORED_RAW, VMQOS_KIND_U64, false, 0, 0 },
	{ "evicted", VMQOS_MEM_A_EVICTED, VMQOS_KIND_U64, false, 0, 0 },
	{ "evict-refused", VMQOS_MEM_A_EVICT_REFUSED, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-stored", VMQOS_MEM_A_FAULTS_STORED, VMQOS_KIND_U64, false, 0, 0 },
	{ "stored-ns", VMQOS_MEM_A_STORED_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "stored-hist", VMQOS_MEM_A_STORED_HIST, VMQOS_KIND_HISTOGRAM, false, 0, 0 },
	{ "sampled", VMQOS_MEM_A_SAMPLED, VMQOS_KIND_U64, false, 0, 0 },
	{ "active-slow", VMQOS_MEM_A_ACTIVE_SLOW, VMQOS_KIND_U64, false, 0, 0 },
	{ "active-fast", VMQOS_MEM_A_ACTIVE_FAST, VMQOS_KIND_U64, false, 0, 0 },
	{ "active-max", VMQOS_MEM_A_ACTIVE_MAX, VMQOS_KIND_U64, false, 0, 0 },
	{ "samples", VMQOS_MEM_A_SAMPLES, VMQOS_KIND_U64, false, 0, 0 },
	{ "samples-touched", VMQOS_MEM_A_SAMPLES_TOUCHED, VMQOS_KIND_U64, false, 0, 0 },
	{ "stored-held", VMQOS_MEM_A_STORED_HELD, VMQOS_KIND_U64, false, 0, 0 },
	{ "evict-failed", VMQOS_MEM_A_EVICT_FAILED, VMQOS_KIND_U64, false, 0, 0 },
	{ "limit-hist", VMQOS_MEM_A_LIMIT_HIST, VMQOS_KIND_HISTOGRAM, false, 0, 0 },
	{ "sample-ns", VMQOS_MEM_A_SAMPLE_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "share-vmramfs", VMQOS_MEM_A_SHARE_VMRAMFS, VMQOS_KIND_U64, true, 0, 0 },
	{ "share-shmem", VMQOS_MEM_A_SHARE_SHMEM, VMQOS_KIND_U64, true, 0, 0 },
	{ "share-ksm", VMQOS_MEM_A_SHARE_KSM, VMQOS_KIND_U64, true, 0, 0 },
	{ "share-none", VMQOS_MEM_A_SHARE_NONE, VMQOS_KIND_U64, true, 0, 0 },
	{ "share-why-not", VMQOS_MEM_A_SHARE_WHY_NOT, VMQOS_KIND_U64, true, 0, 0 },
	{ "ksm-merged", VMQOS_MEM_A_KSM_MERGED, VMQOS_KIND_U64, true, 0, 0 },
	{ "ksm-zero", VMQOS_MEM_A_KSM_ZERO, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-mapped", VMQOS_MEM_A_ZERO_MAPPED, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-zero", VMQOS_MEM_A_FAULTS_ZERO, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-ns", VMQOS_MEM_A_ZERO_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "zero-hist", VMQOS_MEM_A_ZERO_HIST, VMQOS_KIND_HISTOGRAM, false, 0, 0 },
	{ "swapped", VMQOS_MEM_A_SWAPPED, VMQOS_KIND_U64, false, 0, 0 },
	{ "swap-outs", VMQOS_MEM_A_SWAP_OUTS, VMQOS_KIND_U64, false, 0, 0 },
	{ "swap-failed", VMQOS_MEM_A_SWAP_FAILED, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-swapped", VMQOS_MEM_A_FAULTS_SWAPPED, VMQOS_KIND_U64, false, 0, 0 },
	{ "swapped-ns", VMQOS_MEM_A_SWAPPED_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "swapped-hist", VMQOS_MEM_A_SWAPPED_HIST, VMQOS_KIND_HISTOGRAM, false, 0, 0 },
};

static const struct vmqos_schema_attr unmet[] = {
	{ "id", VMQOS_VM_UNMET_A_ID, VMQOS_KIND_U32, true, 1, 0 },
	{ "name", VMQOS_VM_UNMET_A_NAME, VMQOS_KIND_NAME, true, 0, 0 },
	{ "time-ns", VMQOS_VM_UNMET_A_TIME_NS, VMQOS_KIND_U64, true, 1, 0 },
	{ "cpu-reservation", VMQOS_VM_UNMET_A_CPU_RESERVATION, VMQOS_KIND_U32, true, 1, 0 },
	{ "cpu-received", VMQOS_VM_UNMET_A_CPU_RECEIVED, VMQOS_KIND_U32, true, 0, 0 },
	{ "reason", VMQOS_VM_UNMET_A_REASON, VMQOS_KIND_U32, true, 0,
	  VMQOS_UNMET_REASON_CPUS_OFFLINE },
	{ "pad", VMQOS_VM_UNMET_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
};

static const struct vmqos_schema_attr virtio_add[] = {
	{ "name", VMQOS_VIRTIO_A_NAME, VMQOS_KIND_WORD, false, 0, 0 },
	{ "type", VMQOS_VIRTIO_A_TYPE, VMQOS_KIND_U32, false, 0, VMQOS_VIRTIO_TYPE_BALLOON },
};

static const struct vmqos_schema_attr virtio_which[] = {
	{ "name", VMQOS_VIRTIO_A_NAME, VMQOS_KIND_WORD, false, 0, 0 },
};

static const struct vmqos_schema_attr virtio_reply[] = {
	{ "name", VMQOS_VIRTIO_A_NAME, VMQOS_KIND_WORD, true, 0, 0 },
	{ "type", VMQOS_VIRTIO_A_TYPE, VMQOS_KIND_U32, true, 0, VMQOS_VIRTIO_TYPE_BALLOON },
	{ "vhost", VMQOS_VIRTIO_A_VHOST, VMQOS_KIND_U32, false, 0, 0 },
	{ "in-use", VMQOS_VIRTIO_A_IN_USE, VMQOS_KIND_U32, true, 0, 1 },
	{ "pid", VMQOS_VIRTIO_A_PID, VMQOS_KIND_U32, false, 0, 0 },
	{ "vm-id", VMQOS_VIRTIO_A_VM_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "vm-name", VMQOS_VIRTIO_A_VM_NAME, VMQOS_KIND_NAME, false, 0, 0 },
	{ "going", VMQOS_VIRTIO_A_GOING, VMQOS_KIND_U32, true, 0, 1 },
	{ "status", VMQOS_VIRTIO_A_STATUS, VMQOS_KIND_U32, true, 0, 255 },
	{ "features", VMQOS_VIRTIO_A_FEATURES, VMQOS_KIND_U64, true, 0, 0 },
	{ "pad", VMQOS_VIRTIO_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
};

static const struct vmqos_schema_attr balloon_which[] = {
	{ "id", VMQOS_BALLOON_A_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_BALLOON_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
	{ "device", VMQOS_BALLOON_A_DEVICE, VMQOS_KIND_WORD, false, 0, 0 },
};

static const struct vmqos_schema_attr balloon_set[] = {
	{ "id", VMQOS_BALLOON_A_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_BALLOON_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
	{ "device", VMQOS_BALLOON_A_DEVICE, VMQOS_KIND_WORD, false, 0, 0 },
	{ "target", VMQOS_BALLOON_A_TARGET, VMQOS_KIND_U64, false, 0, 0 },
	{ "reason", VMQOS_BALLOON_A_REASON, VMQOS_KIND_WORD, false, 0, 0 },
	{ "deadline-ms", VMQOS_BALLOON_A_DEADLINE_MS, VMQOS_KIND_U32, false, 0, 0 },
	{ "stats-seconds", VMQOS_BALLOON_A_STATS_SECONDS, VMQOS_KIND_U32, false, 0, 0 },
};

static const struct vmqos_schema_attr refused[] = {
	{ "foreign", VMQOS_BALLOON_REFUSED_A_FOREIGN, VMQOS_KIND_U64, true, 0, 0 },
	{ "readonly", VMQOS_BALLOON_REFUSED_A_READONLY, VMQOS_KIND_U64, true, 0, 0 },
	{ "locked", VMQOS_BALLOON_REFUSED_A_LOCKED, VMQOS_KIND_U64, true, 0, 0 },
	{ "pinned", VMQOS_BALLOON_REFUSED_A_PINNED, VMQOS_KIND_U64, true, 0, 0 },
	{ "watched", VMQOS_BALLOON_REFUSED_A_WATCHED, VMQOS_KIND_U64, true, 0, 0 },
	{ "special", VMQOS_BALLOON_REFUSED_A_SPECIAL, VMQOS_KIND_U64, true, 0, 0 },
	{ "partial", VMQOS_BALLOON_REFUSED_A_PARTIAL, VMQOS_KIND_U64, true, 0, 0 },
	{ "poison", VMQOS_BALLOON_REFUSED_A_POISON, VMQOS_KIND_U64, true, 0, 0 },
	{ "failed", VMQOS_BALLOON_REFUSED_A_FAILED, VMQOS_KIND_U64, true, 0, 0 },
	{ "error", VMQOS_BALLOON_REFUSED_A_ERROR, VMQOS_KIND_S32, true, 0, 0 },
	{ "pad", VMQOS_BALLOON_REFUSED_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
};

static const struct vmqos_schema_attr guest[] = {
	{ "swap-in", VMQOS_GUEST_STATS_A_SWAP_IN, VMQOS_KIND_U64, false, 0, 0 },
	{ "swap-out", VMQOS_GUEST_STATS_A_SWAP_OUT, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-major", VMQOS_GUEST_STATS_A_FAULTS_MAJOR, VMQOS_KIND_U64, false, 0, 0 },
	{ "faults-minor", VMQOS_GUEST_STATS_A_FAULTS_MINOR, VMQOS_KIND_U64, false, 0, 0 },
	{ "free", VMQOS_GUEST_STATS_A_FREE, VMQOS_KIND_U64, false, 0, 0 },
	{ "total", VMQOS_GUEST_STATS_A_TOTAL, VMQOS_KIND_U64, false, 0, 0 },
	{ "available", VMQOS_GUEST_STATS_A_AVAILABLE, VMQOS_KIND_U64, false, 0, 0 },
	{ "caches", VMQOS_GUEST_STATS_A_CACHES, VMQOS_KIND_U64, false, 0, 0 },
	{ "hugetlb-allocs", VMQOS_GUEST_STATS_A_HUGETLB_ALLOCS, VMQOS_KIND_U64, false, 0, 0 },
	{ "hugetlb-failures", VMQOS_GUEST_STATS_A_HUGETLB_FAILURES, VMQOS_KIND_U64, false, 0, 0 },
	{ "oom-kills", VMQOS_GUEST_STATS_A_OOM_KILLS, VMQOS_KIND_U64, false, 0, 0 },
	{ "alloc-stalls", VMQOS_GUEST_STATS_A_ALLOC_STALLS, VMQOS_KIND_U64, false, 0, 0 },
	{ "async-scans", VMQOS_GUEST_STATS_A_ASYNC_SCANS, VMQOS_KIND_U64, false, 0, 0 },
	{ "direct-scans", VMQOS_GUEST_STATS_A_DIRECT_SCANS, VMQOS_KIND_U64, false, 0, 0 },
	{ "async-reclaims", VMQOS_GUEST_STATS_A_ASYNC_RECLAIMS, VMQOS_KIND_U64, false, 0, 0 },
	{ "direct-reclaims", VMQOS_GUEST_STATS_A_DIRECT_RECLAIMS, VMQOS_KIND_U64, false, 0, 0 },
	{ "pad", VMQOS_GUEST_STATS_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
};

static const struct vmqos_schema_attr balloon_reply[] = {
	{ "id", VMQOS_BALLOON_A_ID, VMQOS_KIND_U32, false, 0, 0 },
	{ "name", VMQOS_BALLOON_A_NAME, VMQOS_KIND_NAME, false, 0, 0 },
	{ "device", VMQOS_BALLOON_A_DEVICE, VMQOS_KIND_WORD, true, 0, 0 },
	{ "time-ns", VMQOS_BALLOON_A_TIME_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "state", VMQOS_BALLOON_A_STATE, VMQOS_KIND_U32, true, 0, VMQOS_BALLOON_STATE_LATE },
	{ "target", VMQOS_BALLOON_A_TARGET, VMQOS_KIND_U64, true, 0, 0 },
	{ "actual", VMQOS_BALLOON_A_ACTUAL, VMQOS_KIND_U64, true, 0, 0 },
	{ "reason", VMQOS_BALLOON_A_REASON, VMQOS_KIND_WORD, false, 0, 0 },
	{ "deadline-ms", VMQOS_BALLOON_A_DEADLINE_MS, VMQOS_KIND_U32, true, 0, 86400000 },
	{ "target-ns", VMQOS_BALLOON_A_TARGET_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "progress-ns", VMQOS_BALLOON_A_PROGRESS_NS, VMQOS_KIND_U64, true, 0, 0 },
	{ "moved", VMQOS_BALLOON_A_MOVED, VMQOS_KIND_U64, true, 0, 0 },
	{ "speed", VMQOS_BALLOON_A_SPEED, VMQOS_KIND_U64, true, 0, 0 },
	{ "inflated", VMQOS_BALLOON_A_INFLATED, VMQOS_KIND_U64, true, 0, 0 },
	{ "deflated", VMQOS_BALLOON_A_DEFLATED, VMQOS_KIND_U64, true, 0, 0 },
	{ "given", VMQOS_BALLOON_A_GIVEN, VMQOS_KIND_U64, true, 0, 0 },
	{ "refused", VMQOS_BALLOON_A_REFUSED, VMQOS_KIND_REFUSED, true, 0, 0 },
	{ "reported", VMQOS_BALLOON_A_REPORTED, VMQOS_KIND_U64, true, 0, 0 },
	{ "report-given", VMQOS_BALLOON_A_REPORT_GIVEN, VMQOS_KIND_U64, true, 0, 0 },
	{ "report-refused", VMQOS_BALLOON_A_REPORT_REFUSED, VMQOS_KIND_REFUSED, true, 0, 0 },
	{ "stats-seconds", VMQOS_BALLOON_A_STATS_SECONDS, VMQOS_KIND_U32, true, 0, 86400 },
	{ "stats-ns", VMQOS_BALLOON_A_STATS_NS, VMQOS_KIND_U64, false, 0, 0 },
	{ "stats", VMQOS_BALLOON_A_STATS, VMQOS_KIND_GUEST, false, 0, 0 },
	{ "features", VMQOS_BALLOON_A_FEATURES, VMQOS_KIND_U64, true, 0, 0 },
	{ "status", VMQOS_BALLOON_A_STATUS, VMQOS_KIND_U32, true, 0, 255 },
	{ "kicks", VMQOS_BALLOON_A_KICKS, VMQOS_KIND_U64, true, 0, 0 },
	{ "calls", VMQOS_BALLOON_A_CALLS, VMQOS_KIND_U64, true, 0, 0 },
	{ "pid", VMQOS_BALLOON_A_PID, VMQOS_KIND_U32, false, 0, 0 },
	{ "memory", VMQOS_BALLOON_A_MEMORY, VMQOS_KIND_U64, false, 0, 0 },
	{ "pad", VMQOS_BALLOON_A_PAD, VMQOS_KIND_PAD, false, 0, 0 },
};

static const struct vmqos_schema_list stats_list = LIST(stats);
static const struct vmqos_schema_list mem_list = LIST(mem);
static const struct vmqos_schema_list refused_list = LIST(refused);
static const struct vmqos_schema_list guest_list = LIST(guest);

#define NONE	{ NULL, 0 }

const struct vmqos_schema_cmd vmqos_schema[] = {
	{ "host-get", VMQOS_CMD_HOST_GET, true, false, false, LIST(host_get), NONE,
	  LIST(host_reply) },
	{ "host-set", VMQOS_CMD_HOST_SET, true, false, true, LIST(host_set), NONE,
	  LIST(host_reply) },
	{ "vm-adopt", VMQOS_CMD_VM_ADOPT, true, false, true, LIST(vm_adopt), NONE, LIST(vm_reply) },
	{ "vm-release", VMQOS_CMD_VM_RELEASE, true, false, true, LIST(vm_which), NONE,
	  LIST(vm_reply) },
	{ "vm-get", VMQOS_CMD_VM_GET, true, true, false, LIST(vm_which), NONE, LIST(vm_reply) },
	{ "vm-set", VMQOS_CMD_VM_SET, true, false, true, LIST(vm_set), NONE, LIST(vm_reply) },
	{ "vm-stat-get", VMQOS_CMD_VM_STAT_GET, true, true, false, LIST(stat_which), NONE,
	  LIST(stat_reply) },
	{ "vcpu-stat-get", VMQOS_CMD_VCPU_STAT_GET, true, true, false, LIST(vcpu_which),
	  LIST(vcpu_dump), LIST(vcpu_reply) },
	{ "vm-reclaim", VMQOS_CMD_VM_RECLAIM, true, false, true, LIST(vm_reclaim), NONE,
	  LIST(vm_reply) },
	{ "mem-range-get", VMQOS_CMD_MEM_RANGE_GET, true, false, true, LIST(range_which), NONE,
	  LIST(range_reply) },
	{ "virtio-add", VMQOS_CMD_VIRTIO_ADD, true, false, true, LIST(virtio_add), NONE,
	  LIST(virtio_reply) },
	{ "virtio-del", VMQOS_CMD_VIRTIO_DEL, true, false, true, LIST(virtio_which), NONE,
	  LIST(virtio_reply) },
	{ "virtio-get", VMQOS_CMD_VIRTIO_GET, true, true, false, LIST(virtio_which), NONE,
	  LIST(virtio_reply) },
	{ "balloon-get", VMQOS_CMD_BALLOON_GET, true, true, false, LIST(balloon_which), NONE,
	  LIST(balloon_reply) },
	{ "balloon-set", VMQOS_CMD_BALLOON_SET, true, false, true, LIST(balloon_set), NONE,
	  LIST(balloon_reply) },
	{ "host-change-ntf", VMQOS_CMD_HOST_CHANGE_NTF, false, false, false, NONE, NONE,
	  LIST(host_reply) },
	{ "vm-adopt-ntf", VMQOS_CMD_VM_ADOPT_NTF, false, false, false, NONE, NONE, LIST(vm_reply) },
	{ "vm-release-ntf", VMQOS_CMD_VM_RELEASE_NTF, false, false, false, NONE, NONE,
	  LIST(vm_reply) },
	{ "vm-change-ntf", VMQOS_CMD_VM_CHANGE_NTF, false, false, false, NONE, NONE,
	  LIST(vm_reply) },
	{ "vcpu-ntf", VMQOS_CMD_VCPU_NTF, false, false, false, NONE, NONE, LIST(vcpu_reply) },
	{ "vm-unmet-ntf", VMQOS_CMD_VM_UNMET_NTF, false, false, false, NONE, NONE, LIST(unmet) },
	{ "balloon-ntf", VMQOS_CMD_BALLOON_NTF, false, false, false, NONE, NONE,
	  LIST(balloon_reply) },
};

const unsigned int vmqos_schema_cmds = sizeof(vmqos_schema) / sizeof(vmqos_schema[0]);

/**
 * vmqos_schema_find() - find a command or event
 * @cmd: its number
 *
 * Return: its row of the table, or NULL.
 */
const struct vmqos_schema_cmd *vmqos_schema_find(uint8_t cmd)
{
	unsigned int i;

	for (i = 0; i < vmqos_schema_cmds; i++)
		if (vmqos_schema[i].cmd == cmd)
			return &vmqos_schema[i];
	return NULL;
}

/**
 * vmqos_schema_size() - size of an attribute's bytes
 * @kind: what they are
 *
 * Return: the size, 0 if it varies or there are none.
 */
size_t vmqos_schema_size(enum vmqos_schema_kind kind)
{
	switch (kind) {
	case VMQOS_KIND_U32:
	case VMQOS_KIND_S32:
		return 4;
	case VMQOS_KIND_U64:
	case VMQOS_KIND_S64:
		return 8;
	case VMQOS_KIND_UUID:
		return VMQOS_UUID_SIZE;
	case VMQOS_KIND_HISTOGRAM:
		return VMQOS_LATENCY_BUCKETS * 8;
	default:
		return 0;
	}
}

/**
 * vmqos_schema_name_valid() - tell whether a VM may have this name
 * @name: the name
 * @len: its bytes
 *
 * Return: whether it is 1 to 63 printable bytes without blanks and slashes.
 */
bool vmqos_schema_name_valid(const char *name, size_t len)
{
	size_t i;

	if (!len || len > VMQOS_NAME_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || name[i] == '/')
			return false;
	return true;
}

#define SAY(...)	(snprintf(why, size, __VA_ARGS__), false)

static bool check_list(const uint8_t *at, const uint8_t *end, const struct vmqos_schema_list *list,
		       char *why, size_t size);

/*
 * What the specification promises of any reading: a part is never more than its
 * whole. (Times that the scheduler updates at its tick lag behind and are left
 * to the tests of accounting.)
 */
static bool check_stats(const struct nlattr *nest, char *why, size_t size)
{
#define COUNTER(name)	vmqos_raw_u64(vmqos_raw_nested(nest, VMQOS_STATS_A_##name))
	uint64_t blocked = COUNTER(BLOCKED_NS), halted = COUNTER(HALTED_NS);
	uint64_t exits = COUNTER(EXITS);
	uint64_t parts = COUNTER(HALT_EXITS) + COUNTER(IO_EXITS) + COUNTER(MMIO_EXITS);

	if (halted > blocked)
		return SAY("halted-ns %lu is more than blocked-ns %lu", halted, blocked);
	if (parts > exits)
		return SAY("kinds of exits add up to %lu of %lu exits", parts, exits);
	if (COUNTER(NODE_MIGRATIONS) > COUNTER(CPU_MIGRATIONS))
		return SAY("more node-migrations than cpu-migrations");
	if (COUNTER(LIMITED_NS) > COUNTER(PARKED_NS))
		return SAY("limited-ns %lu is more than parked-ns %lu", COUNTER(LIMITED_NS),
			   COUNTER(PARKED_NS));
	if (COUNTER(THROTTLES) > COUNTER(PARKS))
		return SAY("more throttles than parks");
	return true;
#undef COUNTER
}

/* Where memory is adds up to all of it, however it was read. */
static bool check_mem(const struct nlattr *nest, char *why, size_t size)
{
#define FIGURE(name)	vmqos_raw_u64(vmqos_raw_nested(nest, VMQOS_MEM_A_##name))
	uint64_t sum = FIGURE(IN_VMRAMFS) + FIGURE(IN_SHMEM) + FIGURE(IN_HUGETLB) +
		       FIGURE(IN_ANONYMOUS) + FIGURE(IN_OTHER);

	return sum == FIGURE(CONFIGURED) ? true :
	       SAY("parts of memory add up to %lu of %lu", sum, FIGURE(CONFIGURED));
#undef FIGURE
}

static bool check_value(const struct nlattr *attr, const struct vmqos_schema_attr *want, char *why,
			size_t size)
{
	const uint8_t *data = (const uint8_t *)attr + NLA_HDRLEN;
	size_t len = vmqos_raw_attr_len(attr), fixed = vmqos_schema_size(want->kind);
	uint64_t value;

	if (fixed && len != fixed)
		return SAY("%s has %zu bytes instead of %zu", want->name, len, fixed);
	switch (want->kind) {
	case VMQOS_KIND_U32:
	case VMQOS_KIND_S32:
	case VMQOS_KIND_U64:
		value = want->kind == VMQOS_KIND_U64 ? vmqos_raw_u64(attr) : vmqos_raw_u32(attr);
		if (value < want->min || (want->max && value > want->max))
			return SAY("%s is %lu", want->name, value);
		return true;
	case VMQOS_KIND_NAME:
		if (!len || data[len - 1] ||
		    !vmqos_schema_name_valid((const char *)data, len - 1))
			return SAY("%s '%.*s' of %zu bytes is no name", want->name, (int)len,
				   (const char *)data, len);
		return true;
	case VMQOS_KIND_WORD:
		if (len > VMQOS_VIRTIO_NAME_MAX + 1)
			return SAY("%s has %zu bytes", want->name, len);
		/* fallthrough */
	case VMQOS_KIND_TEXT:
		if (len < 2 || data[len - 1] || memchr(data, 0, len) != data + len - 1)
			return SAY("%s of %zu bytes is no text", want->name, len);
		return true;
	case VMQOS_KIND_PAD:
		return len ? SAY("%s has %zu bytes", want->name, len) : true;
	case VMQOS_KIND_STATS:
		return check_list(data, data + len, &stats_list, why, size) &&
		       check_stats(attr, why, size);
	case VMQOS_KIND_MEM:
		return check_list(data, data + len, &mem_list, why, size) &&
		       check_mem(attr, why, size);
	case VMQOS_KIND_REFUSED:
		return check_list(data, data + len, &refused_list, why, size);
	case VMQOS_KIND_GUEST:
		return check_list(data, data + len, &guest_list, why, size);
	default:
		return true;
	}
}

static bool check_list(const uint8_t *at, const uint8_t *end, const struct vmqos_schema_list *list,
		       char *why, size_t size)
{
	uint64_t seen = 0;
	unsigned int i;

	while (at < end) {
		const struct nlattr *attr = (const struct nlattr *)at;
		uint16_t type;

		if (at + NLA_HDRLEN > end || attr->nla_len < NLA_HDRLEN ||
		    at + attr->nla_len > end)
			return SAY("an attribute reaches beyond its end");
		type = attr->nla_type & NLA_TYPE_MASK;
		for (i = 0; i < list->count && list->attrs[i].type != type; i++)
			;
		if (i == list->count)
			return SAY("attribute %u does not belong here", type);
		if (seen & 1ull << i && list->attrs[i].kind != VMQOS_KIND_PAD)
			return SAY("%s comes twice", list->attrs[i].name);
		seen |= 1ull << i;
		if (!check_value(attr, &list->attrs[i], why, size))
			return false;
		at += NLA_ALIGN(attr->nla_len);
	}
	for (i = 0; i < list->count; i++)
		if (list->attrs[i].always && !(seen & 1ull << i))
			return SAY("%s is missing", list->attrs[i].name);
	return true;
}

/**
 * vmqos_schema_check() - check a message from the kernel against the table
 * @nlh: the message
 * @why: what is wrong with it
 * @size: room in @why
 *
 * Return: whether nothing is.
 */
bool vmqos_schema_check(const struct nlmsghdr *nlh, char *why, size_t size)
{
	const uint8_t *at = (const uint8_t *)nlh + NLMSG_HDRLEN;
	const struct genlmsghdr *genl = (const struct genlmsghdr *)at;
	const struct vmqos_schema_cmd *cmd;

	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return SAY("%u bytes are too short for a message", nlh->nlmsg_len);
	cmd = vmqos_schema_find(genl->cmd);
	if (!cmd)
		return SAY("command %u is unknown", genl->cmd);
	if (genl->version != VMQOS_FAMILY_VERSION)
		return SAY("version %u", genl->version);
	return check_list(at + GENL_HDRLEN, (const uint8_t *)nlh + nlh->nlmsg_len, &cmd->reply, why,
			  size);
}

/**
 * vmqos_schema_check_all() - check all data messages of an answer
 * @answer: the answer
 * @cmd: the command that each must have
 * @why: what is wrong
 * @size: room in @why
 *
 * Return: whether nothing is.
 */
bool vmqos_schema_check_all(const struct vmqos_raw_answer *answer, uint8_t cmd, char *why,
			    size_t size)
{
	const struct nlmsghdr *nlh = NULL;

	while ((nlh = vmqos_raw_next(answer, nlh))) {
		const struct genlmsghdr *genl =
			(const struct genlmsghdr *)((const uint8_t *)nlh + NLMSG_HDRLEN);

		if (genl->cmd != cmd)
			return SAY("an answer to command %u is marked as %u", cmd, genl->cmd);
		if (!vmqos_schema_check(nlh, why, size))
			return false;
	}
	return true;
}
