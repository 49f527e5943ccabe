// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio balloon (Virtual I/O Device specification 1.2, section 5.5).
 *
 * The guest's word is taken for what it wants to give, and for nothing else: how many pages
 * are in the balloon is counted here, not read from what the guest writes.
 */
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <asm/barrier.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>

#include "virtio/balloon.h"
#include "virtio/device.h"
#include "virtio/discard.h"
#include "virtio/list.h"
#include "virtio/manage.h"
#include "virtio/translate.h"
#include "virtio/vq.h"

static_assert(VIRTIO_BALLOON_S_NR <= VMQOS_BALLOON_STATS);

enum role {
	INFLATE,
	DEFLATE,
	STATS,
	REPORT,
};

/* What a list of pages is for. */
struct use {
	struct vmqos_balloon *balloon;
	bool inflate;
};

struct vmqos_balloon *vmqos_balloon_of(struct vmqos_virtio *dev)
{
	return container_of(dev, struct vmqos_balloon, dev);
}

static bool has(const struct vmqos_virtio *dev, unsigned int feature)
{
	return dev->features & BIT_ULL(feature);
}

/* Queues are numbered without gaps by what has been agreed on. */
static enum role role_of(const struct vmqos_virtio *dev, u16 queue)
{
	return queue == 2 && !has(dev, VIRTIO_BALLOON_F_STATS_VQ) ? REPORT : queue;
}

static void use_batch(void *context, u32 *pfns, unsigned int nr)
{
	struct use *use = context;
	struct vmqos_balloon *balloon = use->balloon;

	if (use->inflate) {
		/* Who reads that they are in the balloon finds that the host has them. */
		vmqos_discard_pfns(&balloon->dev.view, pfns, nr, &balloon->discards);
		balloon->inflates += nr;
		WRITE_ONCE(balloon->inflated, balloon->inflated + nr);
	} else {
		balloon->deflates += nr;
		WRITE_ONCE(balloon->inflated,
			   balloon->inflated - min_t(u64, balloon->inflated, nr));
	}
	WRITE_ONCE(balloon->progress_at, ktime_get_ns());
}

static int use_pages(struct vmqos_balloon *balloon, const struct vmqos_vq_buf *buf, bool inflate)
{
	struct use use = { .balloon = balloon, .inflate = inflate };
	int ret;

	ret = vmqos_list_pages(&balloon->dev.view, buf, balloon->pfns, use_batch, &use);
	if (balloon->inflated == READ_ONCE(balloon->target))
		vmqos_balloon_event_soon(balloon);
	return ret;
}

/* They come in a buffer that is kept: giving it back asks for the next. */
static int use_stats(struct vmqos_balloon *balloon, u16 queue, const struct vmqos_vq_buf *buf)
{
	struct vmqos_virtio *dev = &balloon->dev;
	u32 known;
	int ret;

	ret = vmqos_list_stats(&dev->view, buf, balloon->stats, &known);
	if (ret)
		return ret;
	if (known) {
		WRITE_ONCE(balloon->stats_at, ktime_get_ns());
		/* Who sees that they are there sees of when they are: pairs with fill_stats(). */
		smp_store_release(&balloon->stats_known, known);
	}
	/* A driver has one such buffer. Of one with more none but the last is kept. */
	if (balloon->stats_kept) {
		ret = vmqos_virtio_give_back(dev, queue, balloon->stats_head, 0);
		if (ret)
			return ret;
	}
	balloon->stats_head = buf->head;
	balloon->stats_kept = true;
	return VMQOS_VIRTIO_KEPT;
}

static int use_report(struct vmqos_balloon *balloon, const struct vmqos_vq_buf *buf)
{
	bool poisoned = has(&balloon->dev, VIRTIO_BALLOON_F_PAGE_POISON) &&
			READ_ONCE(balloon->poison);
	int i;

	if (buf->nr_out)
		return -EINVAL;
	for (i = 0; i < buf->nr && !signal_pending(current); i++) {
		const struct vmqos_vq_part *part = &buf->parts[i];

		balloon->reports += part->len;
		/* A page that is given to the host comes back as zeros. */
		if (poisoned)
			balloon->reported.refused[VMQOS_DISCARD_POISON] +=
				part->len >> VIRTIO_BALLOON_PFN_SHIFT;
		else
			vmqos_discard_reported(&balloon->dev.view, part->addr, part->len,
					       &balloon->reported);
	}
	return 0;
}

static int balloon_buffer(struct vmqos_virtio *dev, u16 queue, struct vmqos_vq_buf *buf)
{
	struct vmqos_balloon *balloon = vmqos_balloon_of(dev);

	switch (role_of(dev, queue)) {
	case INFLATE:
	case DEFLATE:
		return use_pages(balloon, buf, queue == INFLATE);
	case STATS:
		return use_stats(balloon, queue, buf);
	case REPORT:
		return use_report(balloon, buf);
	}
	return -EINVAL;
}

/* The period may have changed: what was waited for does not count. */
static void start_timer(struct vmqos_balloon *balloon)
{
	unsigned int seconds = READ_ONCE(balloon->stats_seconds);

	cancel_delayed_work(&balloon->timer);
	if (seconds && vmqos_virtio_runs(&balloon->dev))
		schedule_delayed_work(&balloon->timer, seconds * HZ);
}

/* Ask for statistics again. */
static void balloon_event(struct vmqos_virtio *dev)
{
	struct vmqos_balloon *balloon = vmqos_balloon_of(dev);
	int ret;

	if (vmqos_virtio_runs(dev) && balloon->stats_kept && !dev->vqs[STATS].broken) {
		balloon->stats_kept = false;
		ret = vmqos_virtio_give_back(dev, STATS, balloon->stats_head, 0);
		if (ret)
			vmqos_virtio_break(dev, STATS, ret);
	}
	start_timer(balloon);
}

static void timer_fires(struct work_struct *work)
{
	struct vmqos_balloon *balloon = container_of(to_delayed_work(work), struct vmqos_balloon,
						     timer);

	vmqos_virtio_raise(&balloon->dev, VMQOS_VIRTIO_EVENT);
}

static void balloon_reset(struct vmqos_virtio *dev)
{
	struct vmqos_balloon *balloon = vmqos_balloon_of(dev);

	balloon->inflated = 0;
	balloon->stats_kept = false;
	balloon->stats_known = 0;
	spin_lock(&dev->config_lock);
	balloon->actual = 0;
	balloon->poison = 0;
	spin_unlock(&dev->config_lock);
}

/* The buffer with statistics is taken once more when the device goes on, here or elsewhere. */
static void balloon_suspend(struct vmqos_virtio *dev)
{
	struct vmqos_balloon *balloon = vmqos_balloon_of(dev);

	if (balloon->stats_kept)
		dev->vqs[STATS].next_avail--;
	balloon->stats_kept = false;
}

static void balloon_started(struct vmqos_virtio *dev)
{
	start_timer(vmqos_balloon_of(dev));
}

static void balloon_stop(struct vmqos_virtio *dev)
{
	cancel_delayed_work_sync(&vmqos_balloon_of(dev)->timer);
}

static void balloon_gone(struct vmqos_virtio *dev)
{
	disable_delayed_work_sync(&vmqos_balloon_of(dev)->event);
}

static void balloon_free(struct vmqos_virtio *dev)
{
	/* A driver that was ready without a VMM has started it, too. */
	balloon_stop(dev);
	kvfree(vmqos_balloon_of(dev)->pfns);
}

static void balloon_get_config(struct vmqos_virtio *dev, void *buf)
{
	const struct vmqos_balloon *balloon = vmqos_balloon_of(dev);
	struct virtio_balloon_config *config = buf;

	config->num_pages = cpu_to_le32(balloon->target);
	config->actual = cpu_to_le32(balloon->actual);
	config->poison_val = cpu_to_le32(balloon->poison);
}

/* VMMs write the whole of a copy that may be old: what is not the guest's is not looked at. */
static void balloon_set_config(struct vmqos_virtio *dev, const void *buf)
{
	struct vmqos_balloon *balloon = vmqos_balloon_of(dev);
	const struct virtio_balloon_config *config = buf;

	balloon->actual = le32_to_cpu(config->actual);
	WRITE_ONCE(balloon->poison, le32_to_cpu(config->poison_val));
}

const struct vmqos_virtio_class vmqos_balloon_type = {
	.id = VIRTIO_ID_BALLOON,
	.features = BIT_ULL(VIRTIO_BALLOON_F_MUST_TELL_HOST) |
		    BIT_ULL(VIRTIO_BALLOON_F_STATS_VQ) |
		    BIT_ULL(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
		    BIT_ULL(VIRTIO_BALLOON_F_PAGE_POISON) |
		    BIT_ULL(VIRTIO_BALLOON_F_REPORTING),
	.nr_queues = 4,
	.config_size = sizeof(struct virtio_balloon_config),
	.get_config = balloon_get_config,
	.set_config = balloon_set_config,
	.buffer = balloon_buffer,
	.event = balloon_event,
	.reset = balloon_reset,
	.suspend = balloon_suspend,
	.started = balloon_started,
	.stop = balloon_stop,
	.gone = balloon_gone,
	.free = balloon_free,
};

/**
 * vmqos_balloon_setup() - fill a new device
 * @balloon: the device, not registered yet
 *
 * Context: process context; sleeps.
 * Return: 0 or -ENOMEM.
 */
int vmqos_balloon_setup(struct vmqos_balloon *balloon)
{
	INIT_DELAYED_WORK(&balloon->timer, timer_fires);
	vmqos_balloon_event_setup(balloon);
	balloon->pfns = kvmalloc_array(VMQOS_LIST_BATCH, sizeof(*balloon->pfns), GFP_KERNEL);
	return balloon->pfns ? 0 : -ENOMEM;
}

/**
 * vmqos_balloon_ask() - ask the guest for memory
 * @balloon: the device
 * @pages: how many pages of 4K are to be in the balloon
 * @reason: why, at most VMQOS_BALLOON_REASON_MAX bytes
 * @deadline_ms: how long the guest is given, 0 for all the time
 *
 * Context: process context.
 * Return: whether that is not what it was asked before.
 */
bool vmqos_balloon_ask(struct vmqos_balloon *balloon, u32 pages, const char *reason,
		       u32 deadline_ms)
{
	bool more, changed;

	spin_lock(&balloon->dev.config_lock);
	more = balloon->target != pages;
	changed = more || deadline_ms != balloon->deadline_ms || strcmp(reason, balloon->reason);
	WRITE_ONCE(balloon->target, pages);
	strscpy(balloon->reason, reason, sizeof(balloon->reason));
	WRITE_ONCE(balloon->deadline_ms, deadline_ms);
	WRITE_ONCE(balloon->target_at, ktime_get_ns());
	WRITE_ONCE(balloon->target_moved,
		   READ_ONCE(balloon->inflates) + READ_ONCE(balloon->deflates));
	spin_unlock(&balloon->dev.config_lock);
	/*
	 * A guest that was out of memory has taken some back, and looks at the target again
	 * when it is told to.
	 */
	if (more || READ_ONCE(balloon->inflated) != pages)
		vmqos_virtio_config_changed(&balloon->dev);
	if (changed)
		mod_delayed_work(vmqos_virtio_wq, &balloon->event,
				 READ_ONCE(balloon->inflated) == pages ? 0 :
				 msecs_to_jiffies(deadline_ms));
	return changed;
}

/**
 * vmqos_balloon_state() - how far the guest is
 * @balloon: the device
 * @now: CLOCK_MONOTONIC in ns
 *
 * Context: any; what it reads may change meanwhile.
 * Return: the state.
 */
enum vmqos_balloon_state vmqos_balloon_state(const struct vmqos_balloon *balloon, u64 now)
{
	u32 deadline_ms = READ_ONCE(balloon->deadline_ms);

	if (!(READ_ONCE(balloon->dev.status) & VIRTIO_CONFIG_S_DRIVER_OK))
		return VMQOS_BALLOON_STATE_UNUSED;
	if (READ_ONCE(balloon->inflated) == READ_ONCE(balloon->target))
		return VMQOS_BALLOON_STATE_REACHED;
	if (deadline_ms &&
	    now - READ_ONCE(balloon->target_at) >= (u64)deadline_ms * NSEC_PER_MSEC)
		return VMQOS_BALLOON_STATE_LATE;
	return VMQOS_BALLOON_STATE_MOVING;
}

/**
 * vmqos_balloon_set_period() - ask the guest for statistics
 * @balloon: the device
 * @seconds: how often; 0 for not any more
 *
 * Context: process context.
 */
void vmqos_balloon_set_period(struct vmqos_balloon *balloon, unsigned int seconds)
{
	WRITE_ONCE(balloon->stats_seconds, min(seconds, VMQOS_BALLOON_STATS_SECONDS));
	/* The worker starts the timer, so that it ends with the worker. */
	vmqos_virtio_raise(&balloon->dev, VMQOS_VIRTIO_EVENT);
}
