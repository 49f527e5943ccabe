// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of a split virtqueue (Virtual I/O Device specification 1.2, section 2.7).
 *
 * DOC: Overview
 *
 * Everything that is read is the guest's, which may change it at any moment: each value is
 * read once, into memory of the kernel, and checked there. Each chain is followed for no
 * more steps than the ring, or the table, has entries: one that leads back into itself comes
 * to its end like any other. A guest that breaks the rules breaks its ring, which then
 * stays as it is until the guest resets the device; it harms nobody else.
 *
 * Nothing of the rings is kept mapped. Each access is translated anew, so that it follows
 * what the VMM maps and unmaps.
 *
 * Compiled in user space as well, where it is fuzzed.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <uapi/linux/virtio_ring.h>

#include "virtio/translate.h"
#include "virtio/vq.h"

/* The three areas are laid out as these structures of the interface have them. */
static u64 avail_field(const struct vmqos_vq *vq, size_t offset)
{
	return vq->avail + offset;
}

static u64 avail_entry(const struct vmqos_vq *vq, u16 i)
{
	return vq->avail + offsetof(struct vring_avail, ring) +
	       sizeof(__virtio16) * (i & (vq->num - 1));
}

/* Behind the entries: from which index on the guest wants to be told. */
static u64 used_event(const struct vmqos_vq *vq)
{
	return vq->avail + offsetof(struct vring_avail, ring) + sizeof(__virtio16) * vq->num;
}

static u64 used_field(const struct vmqos_vq *vq, size_t offset)
{
	return vq->used + offset;
}

static u64 used_entry(const struct vmqos_vq *vq, u16 i)
{
	return vq->used + offsetof(struct vring_used, ring) +
	       sizeof(struct vring_used_elem) * (i & (vq->num - 1));
}

/* Behind the entries: from which index on we want to be kicked. */
static u64 avail_event(const struct vmqos_vq *vq)
{
	return vq->used + offsetof(struct vring_used, ring) +
	       sizeof(struct vring_used_elem) * vq->num;
}

static int get16(const struct vmqos_tr_view *view, u64 addr, u16 *value)
{
	__le16 raw;
	int ret = vmqos_tr_read(view, addr, &raw, sizeof(raw));

	if (!ret)
		*value = le16_to_cpu(raw);
	return ret;
}

static int put16(const struct vmqos_tr_view *view, u64 addr, u16 value)
{
	__le16 raw = cpu_to_le16(value);

	return vmqos_tr_write(view, addr, &raw, sizeof(raw));
}

static int broken(struct vmqos_vq *vq, int error)
{
	vq->broken = true;
	vq->error = error;
	return error;
}

/**
 * vmqos_vq_reset() - as it is before the guest's driver sets it up
 * @vq: the queue; its counters stay
 *
 * Context: process context, the device's lock held.
 */
void vmqos_vq_reset(struct vmqos_vq *vq)
{
	vq->desc = 0;
	vq->avail = 0;
	vq->used = 0;
	vq->num = VMQOS_VQ_SIZE_MAX;
	vq->next_avail = 0;
	vq->next_used = 0;
	vq->told = false;
	vq->ready = false;
	vq->begun = false;
	vq->broken = false;
	vq->event_idx = false;
	vq->indirect = false;
}

/**
 * vmqos_vq_good_address() - whether a ring may be there
 * @desc: address of the descriptors
 * @avail: address of the ring of available buffers
 * @used: address of the ring of used buffers
 *
 * Context: any.
 * Return: false when one is not aligned as the specification wants, or wraps around.
 */
bool vmqos_vq_good_address(u64 desc, u64 avail, u64 used)
{
	const u64 most = U64_MAX - 16 * (VMQOS_VQ_SIZE_MAX + 1);

	return IS_ALIGNED(desc, VRING_DESC_ALIGN_SIZE) &&
	       IS_ALIGNED(avail, VRING_AVAIL_ALIGN_SIZE) &&
	       IS_ALIGNED(used, VRING_USED_ALIGN_SIZE) &&
	       desc < most && avail < most && used < most;
}

/* The index of used buffers is where the one before us has left it. */
static int begin(struct vmqos_vq *vq, const struct vmqos_tr_view *view)
{
	int ret;

	if (vq->begun)
		return 0;
	ret = get16(view, used_field(vq, offsetof(struct vring_used, idx)), &vq->next_used);
	if (!ret)
		vq->begun = true;
	return ret;
}

static int get_desc(const struct vmqos_tr_view *view, u64 table, u32 i, struct vring_desc *desc)
{
	return vmqos_tr_read(view, table + i * sizeof(*desc), desc, sizeof(*desc));
}

static int add_part(struct vmqos_vq_buf *buf, u64 addr, u32 len, bool in)
{
	if (buf->nr == VMQOS_VQ_SIZE_MAX)
		return -E2BIG;
	/* What is to be written comes behind all that is to be read. */
	if (!in && buf->nr != buf->nr_out)
		return -EINVAL;
	if (len && addr + len - 1 < addr)
		return -EINVAL;
	buf->parts[buf->nr++] = (struct vmqos_vq_part){ .addr = addr, .len = len };
	if (!in)
		buf->nr_out++;
	return 0;
}

/* Follow a chain in a table: the ring's own, or the one that @indirect is NULL for. */
static int follow(const struct vmqos_tr_view *view, u64 table, u32 nr, u32 i,
		  struct vmqos_vq_buf *buf, struct vring_desc *indirect)
{
	struct vring_desc desc;
	u32 steps;
	u16 flags;
	int ret;

	for (steps = 0; steps < nr; steps++) {
		if (i >= nr)
			return -ERANGE;
		ret = get_desc(view, table, i, &desc);
		if (ret)
			return ret;
		flags = le16_to_cpu((__force __le16)desc.flags);
		if (flags & VRING_DESC_F_INDIRECT) {
			if (!indirect || flags & VRING_DESC_F_NEXT)
				return -EINVAL;
			*indirect = desc;
			return 0;
		}
		ret = add_part(buf, le64_to_cpu((__force __le64)desc.addr),
			       le32_to_cpu((__force __le32)desc.len),
			       flags & VRING_DESC_F_WRITE);
		if (ret)
			return ret;
		if (!(flags & VRING_DESC_F_NEXT))
			return 0;
		i = le16_to_cpu((__force __le16)desc.next);
	}
	return -ELOOP;
}

static int follow_indirect(const struct vmqos_vq *vq, const struct vmqos_tr_view *view,
			   const struct vring_desc *desc, struct vmqos_vq_buf *buf)
{
	u64 table = le64_to_cpu((__force __le64)desc->addr);
	u32 len = le32_to_cpu((__force __le32)desc->len);

	if (!vq->indirect || !len || len % sizeof(*desc))
		return -EINVAL;
	if (len / sizeof(*desc) > VMQOS_VQ_SIZE_MAX || table + len < table)
		return -E2BIG;
	return follow(view, table, len / sizeof(*desc), 0, buf, NULL);
}

/**
 * vmqos_vq_next() - take the next buffer
 * @vq: the queue, ready and not broken
 * @view: the guest's memory
 * @buf: filled
 *
 * Context: the device's worker, the device's lock held; takes page faults.
 * Return: 1, or 0 when there is none, or a negative error: the queue is broken then.
 */
int vmqos_vq_next(struct vmqos_vq *vq, const struct vmqos_tr_view *view,
		  struct vmqos_vq_buf *buf)
{
	struct vring_desc indirect = {};
	u16 idx, head;
	int ret;

	ret = begin(vq, view);
	if (!ret)
		ret = get16(view, avail_field(vq, offsetof(struct vring_avail, idx)), &idx);
	if (ret)
		return broken(vq, ret);
	if (idx == vq->next_avail)
		return 0;
	if ((u16)(idx - vq->next_avail) > vq->num)
		return broken(vq, -ERANGE);
	/* The ring's entry is written before the index. */
	smp_rmb();
	ret = get16(view, avail_entry(vq, vq->next_avail), &head);
	if (ret)
		return broken(vq, ret);
	buf->head = head;
	buf->nr = 0;
	buf->nr_out = 0;
	ret = follow(view, vq->desc, vq->num, head, buf, &indirect);
	if (!ret && indirect.flags)
		ret = follow_indirect(vq, view, &indirect, buf);
	if (ret)
		return broken(vq, ret);
	vq->next_avail++;
	vq->buffers++;
	return 1;
}

/**
 * vmqos_vq_idle() - ask the guest to kick for its next buffer
 * @vq: the queue, from which all buffers have been taken
 * @view: the guest's memory
 *
 * Context: the device's worker, the device's lock held; takes page faults.
 * Return: 0, 1 when there is another buffer already, or a negative error: the queue is
 * broken then.
 */
int vmqos_vq_idle(struct vmqos_vq *vq, const struct vmqos_tr_view *view)
{
	u16 idx;
	int ret;

	if (vq->event_idx)
		ret = put16(view, avail_event(vq), vq->next_avail);
	else
		ret = put16(view, used_field(vq, offsetof(struct vring_used, flags)), 0);
	if (ret)
		return broken(vq, ret);
	/* Either the guest sees what we wrote, or we see its index. */
	smp_mb();
	ret = get16(view, avail_field(vq, offsetof(struct vring_avail, idx)), &idx);
	if (ret)
		return broken(vq, ret);
	return idx != vq->next_avail;
}

/* Whether the guest wants to be told that buffers have been used. */
static int wants_call(struct vmqos_vq *vq, const struct vmqos_tr_view *view)
{
	u16 flags, event, before;
	bool told = vq->told;
	int ret;

	if (!vq->event_idx) {
		ret = get16(view, avail_field(vq, offsetof(struct vring_avail, flags)), &flags);
		return ret ?: !(flags & VRING_AVAIL_F_NO_INTERRUPT);
	}
	ret = get16(view, used_event(vq), &event);
	if (ret)
		return ret;
	before = vq->told_used;
	vq->told_used = vq->next_used;
	vq->told = true;
	return !told || vring_need_event(event, vq->next_used, before);
}

/**
 * vmqos_vq_done() - give a buffer back
 * @vq: the queue
 * @view: the guest's memory
 * @head: the buffer's first descriptor
 * @written: how much of it has been written, in bytes
 *
 * Context: the device's worker, the device's lock held; takes page faults.
 * Return: 1 when the guest wants to be told, 0 when not, or a negative error: the queue is
 * broken then.
 */
int vmqos_vq_done(struct vmqos_vq *vq, const struct vmqos_tr_view *view, u16 head, u32 written)
{
	struct vring_used_elem elem = {
		.id = (__force __virtio32)cpu_to_le32(head),
		.len = (__force __virtio32)cpu_to_le32(written),
	};
	int ret;

	ret = vmqos_tr_write(view, used_entry(vq, vq->next_used), &elem, sizeof(elem));
	if (ret)
		return broken(vq, ret);
	/* The guest may read the entry as soon as it sees the index. */
	smp_wmb();
	vq->next_used++;
	ret = put16(view, used_field(vq, offsetof(struct vring_used, idx)), vq->next_used);
	if (ret)
		return broken(vq, ret);
	/* Either we see what the guest waits for, or it sees our index. */
	smp_mb();
	ret = wants_call(vq, view);
	if (ret < 0)
		return broken(vq, ret);
	vq->calls += ret;
	return ret;
}
