/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_BALLOON_H
#define _VMQOS_VIRTIO_BALLOON_H

#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_balloon.h>
#include <uapi/linux/vmqos.h>

#include "virtio/device.h"
#include "virtio/discard.h"
#include "virtio/list.h"

/* Most seconds between two of them. */
#define VMQOS_BALLOON_STATS_SECONDS	86400

/**
 * struct vmqos_balloon - a balloon
 * @dev: the device; first
 * @target: pages of 4K that the guest is asked to give; dev.config_lock
 * @reason: why; dev.config_lock
 * @deadline_ms: how long it is given, 0 for all the time; dev.config_lock
 * @target_at: when it was asked last, CLOCK_MONOTONIC in ns, 0 for never; dev.config_lock
 * @target_moved: what it had moved by then; dev.config_lock
 * @told: the state that the listeners know of; @event alone
 * @told_of: the @target_at that it is of; @event alone
 * @event: tells them
 * @actual: pages of 4K that it says it has given; it is believed nothing;
 *	dev.config_lock
 * @poison: what it fills free pages with; dev.config_lock
 * @inflated: pages of 4K that are in the balloon; dev.lock
 * @inflates: pages that have been put into it since the device was made; dev.lock
 * @deflates: pages that have been taken out of it; dev.lock
 * @progress_at: when it did either last, CLOCK_MONOTONIC in ns, 0 for never; dev.lock
 * @reports: bytes that were reported as free; dev.lock
 * @discards: what became of those put in; dev.lock
 * @reported: what became of those reported; dev.lock
 * @stats: the guest's statistics; dev.lock
 * @stats_known: which of @stats the guest has told, a bit each; dev.lock
 * @stats_at: when it has, CLOCK_MONOTONIC in ns; dev.lock
 * @stats_head: the buffer that they came in, when it is kept; dev.lock
 * @stats_kept: whether it is; dev.lock
 * @stats_seconds: how often they are asked for; 0 for never
 * @timer: asks for them
 * @pfns: numbers of pages that are being worked at; dev.lock
 */
struct vmqos_balloon {
	struct vmqos_virtio dev;
	u32 target;
	char reason[VMQOS_BALLOON_REASON_MAX + 1];
	u32 deadline_ms;
	u64 target_at;
	u64 target_moved;
	enum vmqos_balloon_state told;
	u64 told_of;
	struct delayed_work event;
	u32 actual;
	u32 poison;
	u64 inflated;
	u64 inflates;
	u64 deflates;
	u64 progress_at;
	u64 reports;
	struct vmqos_discard_stats discards;
	struct vmqos_discard_stats reported;
	u64 stats[VMQOS_BALLOON_STATS];
	u32 stats_known;
	u64 stats_at;
	u16 stats_head;
	bool stats_kept;
	unsigned int stats_seconds;
	struct delayed_work timer;
	u32 *pfns;
};

extern const struct vmqos_virtio_class vmqos_balloon_type;

struct vmqos_balloon *vmqos_balloon_of(struct vmqos_virtio *dev);
int vmqos_balloon_setup(struct vmqos_balloon *balloon);
bool vmqos_balloon_ask(struct vmqos_balloon *balloon, u32 pages, const char *reason,
		       u32 deadline_ms);
enum vmqos_balloon_state vmqos_balloon_state(const struct vmqos_balloon *balloon, u64 now);
void vmqos_balloon_set_period(struct vmqos_balloon *balloon, unsigned int seconds);

/* event.c */
void vmqos_balloon_event_setup(struct vmqos_balloon *balloon);
void vmqos_balloon_event_soon(struct vmqos_balloon *balloon);

/* control.c */
extern const struct attribute_group *vmqos_balloon_groups[];

#endif /* _VMQOS_VIRTIO_BALLOON_H */
