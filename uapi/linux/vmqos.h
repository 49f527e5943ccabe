/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vmqos.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_VMQOS_H
#define _UAPI_LINUX_VMQOS_H

#define VMQOS_FAMILY_NAME	"vmqos"
#define VMQOS_FAMILY_VERSION	1

#define VMQOS_NAME_MAX		63
#define VMQOS_UUID_SIZE		16
#define VMQOS_LATENCY_BUCKETS	32

/**
 * enum vmqos_vm_state - Life of an adopted VM. A released VM stays listed as
 *   releasing until its last vCPU thread has let go of the kernel's hook; a
 *   stopped thread (SIGSTOP) does that when it continues.
 */
enum vmqos_vm_state {
	VMQOS_VM_STATE_ACTIVE,
	VMQOS_VM_STATE_RELEASING,
};

/**
 * enum vmqos_vcpu_state - Unstarted, the VMM has made the vCPU but no thread
 *   has run it yet. Pending, its thread is known and is accounted from its own
 *   counters, the hook comes when it next passes through KVM. Attached, the
 *   hook is in place and everything is counted. Left, the thread has ended.
 *   Shared, the thread already runs another vCPU, to which its time is
 *   counted.
 */
enum vmqos_vcpu_state {
	VMQOS_VCPU_STATE_UNSTARTED,
	VMQOS_VCPU_STATE_PENDING,
	VMQOS_VCPU_STATE_ATTACHED,
	VMQOS_VCPU_STATE_LEFT,
	VMQOS_VCPU_STATE_SHARED,
};

/**
 * enum vmqos_switch - A setting that is either off or on.
 */
enum vmqos_switch {
	VMQOS_SWITCH_OFF,
	VMQOS_SWITCH_ON,
};

/**
 * enum vmqos_cpu_shares_level - Word for a VM's CPU shares. Low, normal and
 *   high are 500, 1000 and 2000 shares for each vCPU and follow the number of
 *   vCPUs. Custom, the shares were given as a number and stay what they are.
 */
enum vmqos_cpu_shares_level {
	VMQOS_CPU_SHARES_LEVEL_CUSTOM,
	VMQOS_CPU_SHARES_LEVEL_LOW,
	VMQOS_CPU_SHARES_LEVEL_NORMAL,
	VMQOS_CPU_SHARES_LEVEL_HIGH,
};

/**
 * enum vmqos_cpu_latency - How soon a vCPU that wakes up is to run. Normal,
 *   when it is the VM's turn. Low, as soon as possible within what the VM is
 *   entitled to.
 */
enum vmqos_cpu_latency {
	VMQOS_CPU_LATENCY_NORMAL,
	VMQOS_CPU_LATENCY_LOW,
};

/**
 * enum vmqos_unmet_reason - Why a reservation could not be met. Host-load,
 *   tasks of the host have used the CPUs. Affinity, the vCPUs may run on too
 *   few CPUs. Vmm-stopped, the VMM or its threads were stopped or frozen.
 *   Cpus-offline, the CPUs that are online are fewer than what is reserved.
 */
enum vmqos_unmet_reason {
	VMQOS_UNMET_REASON_HOST_LOAD,
	VMQOS_UNMET_REASON_AFFINITY,
	VMQOS_UNMET_REASON_VMM_STOPPED,
	VMQOS_UNMET_REASON_CPUS_OFFLINE,
};

/**
 * enum vmqos_mem_share_zero - When pages of a VM's memory that hold only zeros
 *   are looked for and given back. Mount, as the mount option share_zero of
 *   the vmramfs says that its memory is in; other memory is left alone. Off,
 *   never. On, always. Pressure, while the host is short of memory.
 */
enum vmqos_mem_share_zero {
	VMQOS_MEM_SHARE_ZERO_MOUNT,
	VMQOS_MEM_SHARE_ZERO_OFF,
	VMQOS_MEM_SHARE_ZERO_ON,
	VMQOS_MEM_SHARE_ZERO_PRESSURE,
};

/**
 * enum vmqos_mem_why_not - Why pages of zeros of some of a VM's memory are not
 *   given back. Policy, it is not asked for. Version, vmramfs is of another
 *   version than the rest. Idle, no vCPU of the VM has run yet, and what its
 *   memory is to be may still be on its way. Userfaultfd, somebody handles
 *   page faults on it himself, to whom a page that is missing means something
 *   else. Locked, mlock() wants it resident. Hugetlb, it is in huge pages of
 *   hugetlbfs. Ksm, the kernel's KSM does not take it, or has not been told of
 *   it yet. Elsewhere, it is in something that nobody knows a way for.
 */
enum vmqos_mem_why_not {
	VMQOS_MEM_WHY_NOT_POLICY = 1,
	VMQOS_MEM_WHY_NOT_VERSION = 2,
	VMQOS_MEM_WHY_NOT_IDLE = 4,
	VMQOS_MEM_WHY_NOT_USERFAULTFD = 8,
	VMQOS_MEM_WHY_NOT_LOCKED = 16,
	VMQOS_MEM_WHY_NOT_HUGETLB = 32,
	VMQOS_MEM_WHY_NOT_KSM = 64,
	VMQOS_MEM_WHY_NOT_ELSEWHERE = 128,
};

enum {
	VMQOS_HOST_A_VERSION = 1,
	VMQOS_HOST_A_CPUS,
	VMQOS_HOST_A_NODES,
	VMQOS_HOST_A_CPU_KHZ,
	VMQOS_HOST_A_CAPACITY_MHZ,
	VMQOS_HOST_A_TIME_NS,
	VMQOS_HOST_A_IDLE_NS,
	VMQOS_HOST_A_VMS,
	VMQOS_HOST_A_VCPUS,
	VMQOS_HOST_A_VCPU_BYTES,
	VMQOS_HOST_A_GUEST_TIME,
	VMQOS_HOST_A_SCAN_PERIOD_MS,
	VMQOS_HOST_A_NODE,
	VMQOS_HOST_A_PAD,
	VMQOS_HOST_A_CPU_KEPT,
	VMQOS_HOST_A_CPU_RESERVED,
	VMQOS_HOST_A_CPU_UNRESERVED,
	VMQOS_HOST_A_CPU_GATE,
	VMQOS_HOST_A_CPU_SLICE_US,

	__VMQOS_HOST_A_MAX,
	VMQOS_HOST_A_MAX = (__VMQOS_HOST_A_MAX - 1)
};

enum {
	VMQOS_VM_A_ID = 1,
	VMQOS_VM_A_NAME,
	VMQOS_VM_A_UUID,
	VMQOS_VM_A_VM_FD,
	VMQOS_VM_A_PID,
	VMQOS_VM_A_STATE,
	VMQOS_VM_A_VCPUS,
	VMQOS_VM_A_VCPUS_ATTACHED,
	VMQOS_VM_A_ADOPTED_NS,
	VMQOS_VM_A_PAD,
	VMQOS_VM_A_CPU_SHARES,
	VMQOS_VM_A_CPU_SHARES_LEVEL,
	VMQOS_VM_A_CPU_RESERVATION,
	VMQOS_VM_A_CPU_LIMIT,
	VMQOS_VM_A_CPU_LATENCY,
	VMQOS_VM_A_CPU_CHARGE_OTHERS,
	VMQOS_VM_A_CPU_ENTITLED,
	VMQOS_VM_A_MEM_SHARE_ZERO,
	VMQOS_VM_A_MEM_LIMIT,
	VMQOS_VM_A_MEM_RECLAIM,

	__VMQOS_VM_A_MAX,
	VMQOS_VM_A_MAX = (__VMQOS_VM_A_MAX - 1)
};

enum {
	VMQOS_STATS_A_WALL_NS = 1,
	VMQOS_STATS_A_RUN_NS,
	VMQOS_STATS_A_READY_NS,
	VMQOS_STATS_A_BLOCKED_NS,
	VMQOS_STATS_A_HALTED_NS,
	VMQOS_STATS_A_GUEST_NS,
	VMQOS_STATS_A_EXITS,
	VMQOS_STATS_A_HALT_EXITS,
	VMQOS_STATS_A_IO_EXITS,
	VMQOS_STATS_A_MMIO_EXITS,
	VMQOS_STATS_A_WAKEUPS,
	VMQOS_STATS_A_PREEMPTIONS,
	VMQOS_STATS_A_CPU_MIGRATIONS,
	VMQOS_STATS_A_NODE_MIGRATIONS,
	VMQOS_STATS_A_LATENCY_NS,
	VMQOS_STATS_A_LATENCY_MAX_NS,
	VMQOS_STATS_A_LATENCY_HIST,
	VMQOS_STATS_A_OTHER_THREADS,
	VMQOS_STATS_A_OTHER_RUN_NS,
	VMQOS_STATS_A_OTHER_READY_NS,
	VMQOS_STATS_A_PAD,
	VMQOS_STATS_A_PARKED_NS,
	VMQOS_STATS_A_LIMITED_NS,
	VMQOS_STATS_A_PARKS,
	VMQOS_STATS_A_THROTTLES,
	VMQOS_STATS_A_ENTITLED_NS,
	VMQOS_STATS_A_LAG_NS,

	__VMQOS_STATS_A_MAX,
	VMQOS_STATS_A_MAX = (__VMQOS_STATS_A_MAX - 1)
};

enum {
	VMQOS_VCPU_A_VM_ID = 1,
	VMQOS_VCPU_A_INDEX,
	VMQOS_VCPU_A_VCPU_ID,
	VMQOS_VCPU_A_TID,
	VMQOS_VCPU_A_STATE,
	VMQOS_VCPU_A_CPU,
	VMQOS_VCPU_A_NODE,
	VMQOS_VCPU_A_TIME_NS,
	VMQOS_VCPU_A_STATS,
	VMQOS_VCPU_A_PAD,

	__VMQOS_VCPU_A_MAX,
	VMQOS_VCPU_A_MAX = (__VMQOS_VCPU_A_MAX - 1)
};

enum {
	VMQOS_VM_STAT_A_ID = 1,
	VMQOS_VM_STAT_A_NAME,
	VMQOS_VM_STAT_A_TIME_NS,
	VMQOS_VM_STAT_A_VCPUS,
	VMQOS_VM_STAT_A_STATS,
	VMQOS_VM_STAT_A_PAD,
	VMQOS_VM_STAT_A_MEM,

	__VMQOS_VM_STAT_A_MAX,
	VMQOS_VM_STAT_A_MAX = (__VMQOS_VM_STAT_A_MAX - 1)
};

enum {
	VMQOS_MEM_A_CONFIGURED = 1,
	VMQOS_MEM_A_IN_VMRAMFS,
	VMQOS_MEM_A_IN_SHMEM,
	VMQOS_MEM_A_IN_HUGETLB,
	VMQOS_MEM_A_IN_ANONYMOUS,
	VMQOS_MEM_A_IN_OTHER,
	VMQOS_MEM_A_RESIDENT,
	VMQOS_MEM_A_FILLS,
	VMQOS_MEM_A_FAULTS_FOUND,
	VMQOS_MEM_A_FAULTS_FILLED,
	VMQOS_MEM_A_FAULTS_FAILED,
	VMQOS_MEM_A_FOUND_NS,
	VMQOS_MEM_A_FILLED_NS,
	VMQOS_MEM_A_FOUND_HIST,
	VMQOS_MEM_A_FILLED_HIST,
	VMQOS_MEM_A_SCANNED,
	VMQOS_MEM_A_ZERO_FREED,
	VMQOS_MEM_A_ZERO_BUSY,
	VMQOS_MEM_A_ZERO_LOCKED,
	VMQOS_MEM_A_ZERO_CHANGED,
	VMQOS_MEM_A_ZERO_UNMAPS,
	VMQOS_MEM_A_ZERO_PASSES,
	VMQOS_MEM_A_ZERO_SCAN_NS,
	VMQOS_MEM_A_PAD,
	VMQOS_MEM_A_SPLITS,
	VMQOS_MEM_A_MAPPED_4K,
	VMQOS_MEM_A_MAPPED_2M,
	VMQOS_MEM_A_MAPPED_1G,
	VMQOS_MEM_A_RECLAIM_LEFT,
	VMQOS_MEM_A_RECLAIMED,
	VMQOS_MEM_A_RECLAIM_BUSY,
	VMQOS_MEM_A_LIMIT_RECLAIMED,
	VMQOS_MEM_A_LIMIT_EXCEEDED,
	VMQOS_MEM_A_LIMIT_WAITS,
	VMQOS_MEM_A_LIMIT_NS,
	VMQOS_MEM_A_PRESSURE_RECLAIMED,
	VMQOS_MEM_A_STORED,
	VMQOS_MEM_A_STORED_RAW,
	VMQOS_MEM_A_EVICTED,
	VMQOS_MEM_A_EVICT_REFUSED,
	VMQOS_MEM_A_FAULTS_STORED,
	VMQOS_MEM_A_STORED_NS,
	VMQOS_MEM_A_STORED_HIST,
	VMQOS_MEM_A_SAMPLED,
	VMQOS_MEM_A_ACTIVE_SLOW,
	VMQOS_MEM_A_ACTIVE_FAST,
	VMQOS_MEM_A_ACTIVE_MAX,
	VMQOS_MEM_A_SAMPLES,
	VMQOS_MEM_A_SAMPLES_TOUCHED,
	VMQOS_MEM_A_SAMPLE_NS,
	VMQOS_MEM_A_SHARE_VMRAMFS,
	VMQOS_MEM_A_SHARE_SHMEM,
	VMQOS_MEM_A_SHARE_KSM,
	VMQOS_MEM_A_SHARE_NONE,
	VMQOS_MEM_A_SHARE_WHY_NOT,
	VMQOS_MEM_A_KSM_MERGED,
	VMQOS_MEM_A_KSM_ZERO,
	VMQOS_MEM_A_ZERO_MAPPED,
	VMQOS_MEM_A_FAULTS_ZERO,
	VMQOS_MEM_A_ZERO_NS,
	VMQOS_MEM_A_ZERO_HIST,
	VMQOS_MEM_A_STORED_HELD,
	VMQOS_MEM_A_EVICT_FAILED,
	VMQOS_MEM_A_LIMIT_HIST,

	__VMQOS_MEM_A_MAX,
	VMQOS_MEM_A_MAX = (__VMQOS_MEM_A_MAX - 1)
};

enum {
	VMQOS_MEM_RANGE_A_VM_ID = 1,
	VMQOS_MEM_RANGE_A_ADDRESS,
	VMQOS_MEM_RANGE_A_SIZE,
	VMQOS_MEM_RANGE_A_PAD,

	__VMQOS_MEM_RANGE_A_MAX,
	VMQOS_MEM_RANGE_A_MAX = (__VMQOS_MEM_RANGE_A_MAX - 1)
};

enum {
	VMQOS_VM_UNMET_A_ID = 1,
	VMQOS_VM_UNMET_A_NAME,
	VMQOS_VM_UNMET_A_TIME_NS,
	VMQOS_VM_UNMET_A_CPU_RESERVATION,
	VMQOS_VM_UNMET_A_CPU_RECEIVED,
	VMQOS_VM_UNMET_A_REASON,
	VMQOS_VM_UNMET_A_PAD,

	__VMQOS_VM_UNMET_A_MAX,
	VMQOS_VM_UNMET_A_MAX = (__VMQOS_VM_UNMET_A_MAX - 1)
};

enum {
	VMQOS_CMD_HOST_GET = 1,
	VMQOS_CMD_HOST_SET,
	VMQOS_CMD_HOST_CHANGE_NTF,
	VMQOS_CMD_VM_ADOPT,
	VMQOS_CMD_VM_RELEASE,
	VMQOS_CMD_VM_GET,
	VMQOS_CMD_VM_SET,
	VMQOS_CMD_VM_ADOPT_NTF,
	VMQOS_CMD_VM_RELEASE_NTF,
	VMQOS_CMD_VM_CHANGE_NTF,
	VMQOS_CMD_VM_STAT_GET,
	VMQOS_CMD_VCPU_STAT_GET,
	VMQOS_CMD_VCPU_NTF,
	VMQOS_CMD_VM_UNMET_NTF,
	VMQOS_CMD_VM_RECLAIM,
	VMQOS_CMD_MEM_RANGE_GET,

	__VMQOS_CMD_MAX,
	VMQOS_CMD_MAX = (__VMQOS_CMD_MAX - 1)
};

#define VMQOS_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_VMQOS_H */
