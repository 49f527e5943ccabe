/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: balloons, which take memory from running guests. */
#ifndef VMQOS_BALLOON_H
#define VMQOS_BALLOON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmqos/virtio.h>
#include <vmqos/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_BALLOON_REASON_SIZE	32

/**
 * enum vmqos_balloon_backend - who serves a balloon
 * @VMQOS_BALLOON_KERNEL: the module vmqos_virtio
 * @VMQOS_BALLOON_QEMU: the VMM, asked by QMP
 */
enum vmqos_balloon_backend {
	VMQOS_BALLOON_KERNEL,
	VMQOS_BALLOON_QEMU,
};

/**
 * enum vmqos_balloon_progress - how a guest does what is asked
 * @VMQOS_BALLOON_UNUSED: no driver of a guest has the balloon
 * @VMQOS_BALLOON_MOVING: it gives or takes
 * @VMQOS_BALLOON_REACHED: it has given what is asked
 * @VMQOS_BALLOON_LATE: it has not by the deadline
 */
enum vmqos_balloon_progress {
	VMQOS_BALLOON_UNUSED,
	VMQOS_BALLOON_MOVING,
	VMQOS_BALLOON_REACHED,
	VMQOS_BALLOON_LATE,
};

enum vmqos_guest_stats_field {
	VMQOS_GUEST_SWAP_IN = 1,
	VMQOS_GUEST_SWAP_OUT,
	VMQOS_GUEST_FAULTS_MAJOR,
	VMQOS_GUEST_FAULTS_MINOR,
	VMQOS_GUEST_FREE,
	VMQOS_GUEST_TOTAL,
	VMQOS_GUEST_AVAILABLE,
	VMQOS_GUEST_CACHES,
	VMQOS_GUEST_HUGETLB_ALLOCS,
	VMQOS_GUEST_HUGETLB_FAILURES,
	VMQOS_GUEST_OOM_KILLS,
	VMQOS_GUEST_ALLOC_STALLS,
	VMQOS_GUEST_ASYNC_SCANS,
	VMQOS_GUEST_DIRECT_SCANS,
	VMQOS_GUEST_ASYNC_RECLAIMS,
	VMQOS_GUEST_DIRECT_RECLAIMS,
};

/**
 * struct vmqos_guest_stats - what a guest has told of itself
 * @has: which fields it has told, bits VMQOS_HAS(VMQOS_GUEST_...)
 * @swap_in: what it has read from swap, in bytes
 * @swap_out: what it has written to swap, in bytes
 * @faults_major: page faults that had to read
 * @faults_minor: other page faults
 * @free: memory that it uses for nothing, in bytes
 * @total: memory that it has, in bytes; less what is in the balloon unless
 *	deflate-on-oom was agreed on
 * @available: memory that it could use without swapping, in bytes
 * @caches: memory of its file cache, in bytes
 * @hugetlb_allocs: huge pages that it has allocated
 * @hugetlb_failures: huge pages that it could not allocate
 * @oom_kills: processes that it has killed for want of memory
 * @alloc_stalls: times that an allocation had to wait for memory
 * @async_scans: pages that it has scanned in the background
 * @direct_scans: pages that it has scanned because somebody waited
 * @async_reclaims: pages that it has reclaimed in the background
 * @direct_reclaims: pages that it has reclaimed because somebody waited
 */
struct vmqos_guest_stats {
	uint64_t has;
	uint64_t swap_in;
	uint64_t swap_out;
	uint64_t faults_major;
	uint64_t faults_minor;
	uint64_t free;
	uint64_t total;
	uint64_t available;
	uint64_t caches;
	uint64_t hugetlb_allocs;
	uint64_t hugetlb_failures;
	uint64_t oom_kills;
	uint64_t alloc_stalls;
	uint64_t async_scans;
	uint64_t direct_scans;
	uint64_t async_reclaims;
	uint64_t direct_reclaims;
};

/**
 * struct vmqos_balloon_refused - memory that a guest gave and the host did not take
 * @has: which fields were reported
 * @foreign: it is not the guest's, in bytes as all but the last
 * @readonly: the guest or the VMM may not write it
 * @locked: it is locked in memory
 * @pinned: somebody accesses it by its physical address
 * @watched: a userfaultfd watches it
 * @special: it is a device's, or a private mapping of a file
 * @partial: it is part of a huge page of hugetlbfs
 * @poison: the guest wants it back with a pattern
 * @failed: the filesystem has refused
 * @error: what with at last, a negative errno, or 0
 */
struct vmqos_balloon_refused {
	uint64_t has;
	uint64_t foreign;
	uint64_t readonly;
	uint64_t locked;
	uint64_t pinned;
	uint64_t watched;
	uint64_t special;
	uint64_t partial;
	uint64_t poison;
	uint64_t failed;
	int32_t error;
};

enum vmqos_balloon_field {
	VMQOS_BALLOON_ID = 1,
	VMQOS_BALLOON_NAME,
	VMQOS_BALLOON_DEVICE,
	VMQOS_BALLOON_TIME_NS,
	VMQOS_BALLOON_PROGRESS,
	VMQOS_BALLOON_TARGET,
	VMQOS_BALLOON_ACTUAL,
	VMQOS_BALLOON_REASON,
	VMQOS_BALLOON_DEADLINE_MS,
	VMQOS_BALLOON_TARGET_NS,
	VMQOS_BALLOON_PROGRESS_NS,
	VMQOS_BALLOON_MOVED,
	VMQOS_BALLOON_SPEED,
	VMQOS_BALLOON_INFLATED,
	VMQOS_BALLOON_DEFLATED,
	VMQOS_BALLOON_GIVEN,
	VMQOS_BALLOON_REFUSED,
	VMQOS_BALLOON_REPORTED,
	VMQOS_BALLOON_REPORT_GIVEN,
	VMQOS_BALLOON_REPORT_REFUSED,
	VMQOS_BALLOON_STATS_SECONDS,
	VMQOS_BALLOON_STATS_NS,
	VMQOS_BALLOON_STATS,
	VMQOS_BALLOON_FEATURES,
	VMQOS_BALLOON_STATUS,
	VMQOS_BALLOON_KICKS,
	VMQOS_BALLOON_CALLS,
	VMQOS_BALLOON_PID,
	VMQOS_BALLOON_MEMORY,
};

/**
 * struct vmqos_balloon - a balloon
 * @has: which fields were reported, bits VMQOS_HAS(VMQOS_BALLOON_...)
 * @backend: enum vmqos_balloon_backend, always set
 * @id: number of its VM; not reported when that is not adopted
 * @name: name of its VM; the same
 * @device: name of the device
 * @time_ns: CLOCK_MONOTONIC in ns when the answer was made
 * @state: enum vmqos_balloon_progress
 * @target: size that the balloon is to have, in bytes
 * @actual: size that it has, in bytes
 * @reason: why the target is what it is; not reported before there was one
 * @deadline_ms: how long the guest was given to reach it, in ms; 0 for all the time
 * @target_ns: CLOCK_MONOTONIC in ns when it was set last; 0 for never
 * @progress_ns: CLOCK_MONOTONIC in ns when the guest gave or took memory last
 * @moved: what it has given and taken since the target was set, in bytes
 * @speed: how fast it did, in bytes a second
 * @inflated: what it has put into the balloon since the device was made, in bytes
 * @deflated: what it has taken out, in bytes
 * @given: part of @inflated that the host has got, in bytes
 * @refused: the rest of it
 * @reported: what it has reported as free, in bytes
 * @report_given: part of @reported that the host has got, in bytes
 * @report_refused: the rest of that
 * @stats_seconds: how often its statistics are asked for; 0 for never
 * @stats_ns: CLOCK_MONOTONIC in ns when they came; not reported while there are none
 * @stats: what it has told
 * @features: features that its driver has accepted, a bit each
 * @status: the device status as the virtio specification has it
 * @kicks: times that the guest has notified the host
 * @calls: times that the host has notified the guest
 * @pid: process of the VMM; not reported while not in use
 * @memory: memory of the VM, its firmware and video memory included, in bytes
 */
struct vmqos_balloon {
	uint64_t has;
	uint32_t backend;
	uint32_t id;
	char name[VMQOS_NAME_MAX + 1];
	char device[VMQOS_DEVICE_NAME_MAX + 1];
	uint64_t time_ns;
	uint32_t state;
	uint64_t target;
	uint64_t actual;
	char reason[VMQOS_BALLOON_REASON_SIZE];
	uint32_t deadline_ms;
	uint64_t target_ns;
	uint64_t progress_ns;
	uint64_t moved;
	uint64_t speed;
	uint64_t inflated;
	uint64_t deflated;
	uint64_t given;
	struct vmqos_balloon_refused refused;
	uint64_t reported;
	uint64_t report_given;
	struct vmqos_balloon_refused report_refused;
	uint32_t stats_seconds;
	uint64_t stats_ns;
	struct vmqos_guest_stats stats;
	uint64_t features;
	uint32_t status;
	uint64_t kicks;
	uint64_t calls;
	uint32_t pid;
	uint64_t memory;
};

/**
 * struct vmqos_balloon_settings - what is asked of a guest
 * @set: which fields to set, bits VMQOS_HAS(VMQOS_BALLOON_...) of those below;
 *	a reason and a deadline go with a target only
 * @target: size that the balloon is to have, in bytes
 * @reason: why, a word of letters, digits and -; "request" when not set
 * @deadline_ms: how long the guest is given, in ms; 0 for all the time
 * @stats_seconds: how often its statistics are to be asked for; 0 for never
 */
struct vmqos_balloon_settings {
	uint64_t set;
	uint64_t target;
	char reason[VMQOS_BALLOON_REASON_SIZE];
	uint32_t deadline_ms;
	uint32_t stats_seconds;
};

/**
 * vmqos_balloon_get() - get the balloon of a VM that the kernel serves
 * @ctx: context
 * @id: number of the VM
 * @balloon: filled
 *
 * Return: 0; -ENOENT when there is no such VM; -ENXIO when the kernel serves
 * no balloon for it; -EOPNOTSUPP when the kernel serves none at all, for the
 * module vmqos_virtio is not loaded or the kernel is too old; another negative
 * errno.
 */
int vmqos_balloon_get(struct vmqos *ctx, uint32_t id, struct vmqos_balloon *balloon);

/**
 * vmqos_balloon_get_device() - get a balloon by its device
 * @ctx: context
 * @device: name of the device
 * @balloon: filled
 *
 * Return: 0; -ENOENT when there is no such device; otherwise as
 * vmqos_balloon_get().
 */
int vmqos_balloon_get_device(struct vmqos *ctx, const char *device,
			     struct vmqos_balloon *balloon);

/**
 * vmqos_balloon_dump() - get all balloons that the kernel serves
 * @ctx: context
 * @balloons: set to an array in the order in which they were made, to be
 *	freed with free()
 * @count: set to their number
 *
 * Return: 0; -EOPNOTSUPP as above; another negative errno.
 */
int vmqos_balloon_dump(struct vmqos *ctx, struct vmqos_balloon **balloons, size_t *count);

/**
 * vmqos_balloon_set() - ask a guest for memory, or for its statistics
 * @ctx: context
 * @id: number of the VM
 * @settings: what to ask
 * @balloon: filled with the balloon as it is afterwards, or NULL
 *
 * The guest does it by itself; state and actual of vmqos_balloon_get() tell
 * how far it is.
 *
 * Return: 0; -ERANGE for more than the VM has, or other numbers out of bounds;
 * otherwise as vmqos_balloon_get().
 */
int vmqos_balloon_set(struct vmqos *ctx, uint32_t id,
		      const struct vmqos_balloon_settings *settings,
		      struct vmqos_balloon *balloon);

/**
 * vmqos_balloon_set_device() - the same of a balloon named by its device
 * @ctx: context
 * @device: name of the device
 * @settings: what to ask
 * @balloon: filled with the balloon as it is afterwards, or NULL
 *
 * Return: as vmqos_balloon_set(); -ENOENT when there is no such device.
 */
int vmqos_balloon_set_device(struct vmqos *ctx, const char *device,
			     const struct vmqos_balloon_settings *settings,
			     struct vmqos_balloon *balloon);

/**
 * struct vmqos_guest_desc - a statistic as programs and people call it
 * @field: enum vmqos_guest_stats_field
 * @name: as in the interface, with underscores
 * @label: for people
 * @bytes: whether it is an amount of memory, else how often something has happened
 */
struct vmqos_guest_desc {
	unsigned int field;
	const char *name;
	const char *label;
	bool bytes;
};

/**
 * vmqos_guest_descs() - all statistics of a guest, in the interface's order
 * @count: set to their number
 *
 * Return: the descriptions.
 */
const struct vmqos_guest_desc *vmqos_guest_descs(size_t *count);

/**
 * vmqos_guest_value() - a statistic by its field
 * @stats: the statistics
 * @field: enum vmqos_guest_stats_field
 *
 * Return: the value; 0 when it was not told.
 */
uint64_t vmqos_guest_value(const struct vmqos_guest_stats *stats, unsigned int field);

/**
 * vmqos_balloon_state_name() - the word for how far a guest is
 * @state: enum vmqos_balloon_progress
 *
 * Return: "unused", "moving", "reached", "late" or "unknown".
 */
const char *vmqos_balloon_state_name(uint32_t state);

/**
 * vmqos_balloon_backend_name() - the word for who serves a balloon
 * @backend: enum vmqos_balloon_backend
 *
 * Return: "kernel", "qemu" or "unknown".
 */
const char *vmqos_balloon_backend_name(uint32_t backend);

#ifdef __cplusplus
}
#endif

#endif
