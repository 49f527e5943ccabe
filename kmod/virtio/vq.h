/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_VQ_H
#define _VMQOS_VIRTIO_VQ_H

#include <linux/types.h>

struct vmqos_tr_view;

/*
 * Most entries of a ring, and most parts of a buffer. As many as QEMU knows: 10.0.13, for one,
 * shows a guest rings of that size, whatever the device's largest is.
 */
#define VMQOS_VQ_SIZE_MAX	1024

/**
 * struct vmqos_vq_part - a piece of the guest's memory
 * @addr: where it is, as the guest gives it
 * @len: bytes; may be 0
 */
struct vmqos_vq_part {
	u64 addr;
	u32 len;
};

/**
 * struct vmqos_vq_buf - a buffer that the guest has made available
 * @head: its first descriptor
 * @nr_out: number of parts that the device reads; they come first
 * @nr: number of all parts; the others are to be written
 * @parts: the parts
 */
struct vmqos_vq_buf {
	u16 head;
	u16 nr_out;
	u16 nr;
	struct vmqos_vq_part parts[VMQOS_VQ_SIZE_MAX];
};

/**
 * struct vmqos_vq - a split ring, seen from the host
 * @desc: address of the descriptors, as the VMM gives it
 * @avail: address of the ring of available buffers
 * @used: address of the ring of used buffers
 * @num: entries, a power of 2
 * @next_avail: index of the buffer to be taken next
 * @next_used: index of the buffer to be given back next
 * @told_used: @next_used when the guest was last told
 * @told: whether @told_used means anything
 * @ready: the VMM has switched it on
 * @begun: @next_used has been read
 * @broken: the guest has broken the rules; nothing is done until a reset
 * @event_idx: both sides say from which index on they want to hear
 * @indirect: buffers may have a table of their own
 * @error: what was wrong when it broke, a negative error
 * @buffers: buffers taken since the device was made
 * @kicks: times that the guest has kicked
 * @calls: times that the guest was told of used buffers
 *
 * Under the device's lock, but for @kicks, which is only ever added to.
 */
struct vmqos_vq {
	u64 desc;
	u64 avail;
	u64 used;
	u32 num;
	u16 next_avail;
	u16 next_used;
	u16 told_used;
	bool told;
	bool ready;
	bool begun;
	bool broken;
	bool event_idx;
	bool indirect;
	int error;
	u64 buffers;
	atomic64_t kicks;
	u64 calls;
};

void vmqos_vq_reset(struct vmqos_vq *vq);
bool vmqos_vq_good_address(u64 desc, u64 avail, u64 used);
int vmqos_vq_next(struct vmqos_vq *vq, const struct vmqos_tr_view *view,
		  struct vmqos_vq_buf *buf);
int vmqos_vq_idle(struct vmqos_vq *vq, const struct vmqos_tr_view *view);
int vmqos_vq_done(struct vmqos_vq *vq, const struct vmqos_tr_view *view, u16 head, u32 written);

#endif /* _VMQOS_VIRTIO_VQ_H */
