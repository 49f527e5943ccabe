/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_BALLOON_H
#define _VMQOS_VIRTIO_BALLOON_H

#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_balloon.h>

#include "virtio/device.h"
#include "virtio/discard.h"

/**
 * struct vmqos_balloon - a balloon
 * @dev: the device; first
 * @target: pages of 4K that the guest is asked to give; dev.config_lock
 * @actual: pages of 4K that it says it has given; it is believed nothing;
 *	dev.config_lock
 * @poison: what it fills free pages with; dev.config_lock
 * @inflated: pages of 4K that are in the balloon; dev.lock
 * @inflates: pages that have been put into it since the device was made; dev.lock
 * @deflates: pages that have been taken out of it; dev.lock
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
	u32 actual;
	u32 poison;
	u64 inflated;
	u64 inflates;
	u64 deflates;
	u64 reports;
	struct vmqos_discard_stats discards;
	struct vmqos_discard_stats reported;
	u64 stats[VIRTIO_BALLOON_S_NR];
	u32 stats_known;
	u64 stats_at;
	u16 stats_head;
	bool stats_kept;
	unsigned int stats_seconds;
	struct delayed_work timer;
	u32 *pfns;
};

extern const struct vmqos_virtio_type vmqos_balloon_type;

struct vmqos_balloon *vmqos_balloon_of(struct vmqos_virtio *dev);
int vmqos_balloon_setup(struct vmqos_balloon *balloon);
void vmqos_balloon_set_target(struct vmqos_balloon *balloon, u32 pages);
void vmqos_balloon_set_period(struct vmqos_balloon *balloon, unsigned int seconds);

/* control.c */
extern const struct attribute_group *vmqos_balloon_groups[];

#endif /* _VMQOS_VIRTIO_BALLOON_H */
