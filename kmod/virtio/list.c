// SPDX-License-Identifier: GPL-2.0
/*
 * What a balloon's driver writes into its buffers: lists of pages, and statistics.
 *
 * Compiled in user space as well, where it is fuzzed.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include <uapi/linux/virtio_balloon.h>

#include "virtio/list.h"
#include "virtio/translate.h"
#include "virtio/vq.h"

static int read_part(const struct vmqos_tr_view *view, const struct vmqos_vq_part *part,
		     u32 *pfns, void (*use)(void *context, u32 *pfns, unsigned int nr),
		     void *context)
{
	u32 nr = part->len / sizeof(__le32), batch, i;
	u64 addr = part->addr;
	int ret;

	for (; nr; nr -= batch, addr += batch * sizeof(__le32)) {
		/* The VMM is on its way out: what is not done stays so. */
		if (signal_pending(current))
			return 0;
		batch = min_t(u32, nr, VMQOS_LIST_BATCH);
		ret = vmqos_tr_read(view, addr, pfns, batch * sizeof(__le32));
		if (ret)
			return ret;
		for (i = 0; i < batch; i++)
			pfns[i] = le32_to_cpu((__force __le32)pfns[i]);
		use(context, pfns, batch);
	}
	return 0;
}

/**
 * vmqos_list_pages() - read a list of numbers of pages
 * @view: the guest's memory
 * @buf: the buffer with the list
 * @pfns: room for VMQOS_LIST_BATCH numbers
 * @use: called for each part of the list; it may change the numbers
 * @context: given to @use
 *
 * Context: the device's worker, the device's lock held; takes page faults.
 * Return: 0, also when a signal has come and what was left is not read; -EINVAL or -E2BIG
 * when it is no such list; -EFAULT or -EPERM when it cannot be read, @use having been called
 * for what could.
 */
int vmqos_list_pages(const struct vmqos_tr_view *view, const struct vmqos_vq_buf *buf, u32 *pfns,
		     void (*use)(void *context, u32 *pfns, unsigned int nr), void *context)
{
	u64 nr = 0;
	int i, ret = 0;

	if (buf->nr != buf->nr_out)
		return -EINVAL;
	for (i = 0; i < buf->nr; i++) {
		if (buf->parts[i].len % sizeof(__le32))
			return -EINVAL;
		nr += buf->parts[i].len / sizeof(__le32);
	}
	if (nr > VMQOS_LIST_PAGES)
		return -E2BIG;
	for (i = 0; i < buf->nr && !ret; i++)
		ret = read_part(view, &buf->parts[i], pfns, use, context);
	return ret;
}

/**
 * vmqos_list_stats() - read statistics
 * @view: the guest's memory
 * @buf: the buffer with them; what is to be written of it is not looked at
 * @stats: those that are told are set
 * @known: set to which these are, a bit each
 *
 * Context: the device's worker, the device's lock held; takes page faults.
 * Return: 0, -E2BIG when there are too many, -EFAULT or -EPERM when one cannot be read.
 */
int vmqos_list_stats(const struct vmqos_tr_view *view, const struct vmqos_vq_buf *buf,
		     u64 stats[VMQOS_BALLOON_STATS], u32 *known)
{
	struct virtio_balloon_stat stat;
	u32 at, read = 0;
	int i, ret;
	u16 tag;

	*known = 0;
	for (i = 0; i < buf->nr_out; i++) {
		const struct vmqos_vq_part *part = &buf->parts[i];

		for (at = 0; part->len - at >= sizeof(stat); at += sizeof(stat)) {
			if (++read > VMQOS_LIST_STATS)
				return -E2BIG;
			ret = vmqos_tr_read(view, part->addr + at, &stat, sizeof(stat));
			if (ret)
				return ret;
			tag = le16_to_cpu((__force __le16)stat.tag);
			if (tag >= VMQOS_BALLOON_STATS)
				continue;
			stats[tag] = le64_to_cpu((__force __le64)stat.val);
			*known |= BIT(tag);
		}
	}
	return 0;
}
