// SPDX-License-Identifier: GPL-2.0
/*
 * What vmqos asks of the devices for its netlink interface.
 */
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/vdpa.h>
#include <net/netlink.h>
#include <asm/barrier.h>
#include <uapi/linux/vmqos.h>

#include "core/virtio.h"
#include "virtio/balloon.h"
#include "virtio/device.h"
#include "virtio/manage.h"

#define DEADLINE_MAX_MS	86400000

/* A word of letters, digits and some others, which it does not begin with. */
static bool good_word(const char *word, const char *others)
{
	const char *at;

	if (!isalnum(*word) || !isascii(*word))
		return false;
	for (at = word; *at; at++)
		if (!isascii(*at) || (!isalnum(*at) && !strchr(others, *at)))
			return false;
	return true;
}

static struct vmqos_virtio *add(const char *name, u32 type, struct netlink_ext_ack *extack)
{
	struct vmqos_virtio *dev;

	/* The interface knows of one type so far. */
	if (name && !good_word(name, "._-")) {
		NL_SET_ERR_MSG(extack,
			       "a device's name is 1 to 31 letters, digits and . _ - between them");
		return ERR_PTR(-EINVAL);
	}
	dev = vmqos_virtio_make(name);
	if (dev == ERR_PTR(-EEXIST))
		NL_SET_ERR_MSG(extack, "a device on the vDPA bus has this name already");
	else if (IS_ERR(dev))
		NL_SET_ERR_MSG_FMT(extack, "the vDPA bus refuses the device (error %ld)",
				   PTR_ERR(dev));
	return dev;
}

static void put_dev(struct vmqos_virtio *dev)
{
	put_device(&dev->vdpa.dev);
}

static struct vmqos_virtio *find(const char *name)
{
	struct vmqos_virtio *dev;
	u32 number = 0;

	for (dev = vmqos_virtio_next(&number); dev; number++, dev = vmqos_virtio_next(&number)) {
		if (!strcmp(dev_name(&dev->vdpa.dev), name))
			return dev;
		put_dev(dev);
	}
	return NULL;
}

static const struct kvm *kvm_of(struct vmqos_virtio *dev)
{
	const struct kvm *kvm;
	pid_t pid;

	vmqos_virtio_user(dev, &pid, &kvm);
	return kvm;
}

/* vhost_vdpa's own device is a child of ours; its name has the number. */
static int vhost_number(struct device *child, void *arg)
{
	static const char prefix[] = "vhost-vdpa-";
	const char *name = dev_name(child);

	return !strncmp(name, prefix, strlen(prefix)) &&
	       !kstrtou32(name + strlen(prefix), 10, arg);
}

static int fill_switch(struct sk_buff *skb, int attr, bool on)
{
	return nla_put_u32(skb, attr, on ? VMQOS_SWITCH_ON : VMQOS_SWITCH_OFF);
}

static int fill(struct sk_buff *skb, struct vmqos_virtio *dev)
{
	enum vmqos_virtio_stage stage;
	const struct kvm *kvm;
	u32 vhost;
	pid_t pid;

	stage = vmqos_virtio_user(dev, &pid, &kvm);
	if (nla_put_string(skb, VMQOS_VIRTIO_A_NAME, dev_name(&dev->vdpa.dev)) ||
	    nla_put_u32(skb, VMQOS_VIRTIO_A_TYPE, VMQOS_VIRTIO_TYPE_BALLOON) ||
	    fill_switch(skb, VMQOS_VIRTIO_A_IN_USE, READ_ONCE(dev->bound)) ||
	    fill_switch(skb, VMQOS_VIRTIO_A_GOING, stage == VMQOS_VIRTIO_GOING) ||
	    nla_put_u32(skb, VMQOS_VIRTIO_A_STATUS, READ_ONCE(dev->status)) ||
	    nla_put_u64_64bit(skb, VMQOS_VIRTIO_A_FEATURES, READ_ONCE(dev->features),
			      VMQOS_VIRTIO_A_PAD))
		return -EMSGSIZE;
	if (pid && nla_put_u32(skb, VMQOS_VIRTIO_A_PID, pid))
		return -EMSGSIZE;
	if (device_for_each_child(&dev->vdpa.dev, &vhost, vhost_number) &&
	    nla_put_u32(skb, VMQOS_VIRTIO_A_VHOST, vhost))
		return -EMSGSIZE;
	return 0;
}

static int put(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VMQOS_BALLOON_A_PAD);
}

static u64 bytes(u64 pages)
{
	return pages << VIRTIO_BALLOON_PFN_SHIFT;
}

static int fill_refused(struct sk_buff *skb, int attr, const struct vmqos_discard_stats *stats)
{
	static const int reasons[VMQOS_DISCARD_REFUSALS] = {
		[VMQOS_DISCARD_FOREIGN] = VMQOS_BALLOON_REFUSED_A_FOREIGN,
		[VMQOS_DISCARD_READONLY] = VMQOS_BALLOON_REFUSED_A_READONLY,
		[VMQOS_DISCARD_LOCKED] = VMQOS_BALLOON_REFUSED_A_LOCKED,
		[VMQOS_DISCARD_PINNED] = VMQOS_BALLOON_REFUSED_A_PINNED,
		[VMQOS_DISCARD_WATCHED] = VMQOS_BALLOON_REFUSED_A_WATCHED,
		[VMQOS_DISCARD_SPECIAL] = VMQOS_BALLOON_REFUSED_A_SPECIAL,
		[VMQOS_DISCARD_PARTIAL] = VMQOS_BALLOON_REFUSED_A_PARTIAL,
		[VMQOS_DISCARD_POISON] = VMQOS_BALLOON_REFUSED_A_POISON,
		[VMQOS_DISCARD_FAILED] = VMQOS_BALLOON_REFUSED_A_FAILED,
	};
	struct nlattr *nest = nla_nest_start(skb, attr);
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < VMQOS_DISCARD_REFUSALS; i++)
		if (nla_put_u64_64bit(skb, reasons[i], bytes(READ_ONCE(stats->refused[i])),
				      VMQOS_BALLOON_REFUSED_A_PAD))
			return -EMSGSIZE;
	if (nla_put_s32(skb, VMQOS_BALLOON_REFUSED_A_ERROR, READ_ONCE(stats->error)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* The statistics have the specification's numbers, and the interface's from 1 on. */
static_assert(VMQOS_GUEST_STATS_A_SWAP_IN == VIRTIO_BALLOON_S_SWAP_IN + 1);
static_assert(VMQOS_GUEST_STATS_A_FREE == VIRTIO_BALLOON_S_MEMFREE + 1);
static_assert(VMQOS_GUEST_STATS_A_AVAILABLE == VIRTIO_BALLOON_S_AVAIL + 1);
static_assert(VMQOS_GUEST_STATS_A_OOM_KILLS == VIRTIO_BALLOON_S_OOM_KILL + 1);
static_assert(VMQOS_GUEST_STATS_A_DIRECT_RECLAIMS == VMQOS_BALLOON_STATS);

static int fill_stats(struct sk_buff *skb, const struct vmqos_balloon *balloon)
{
	u32 known = smp_load_acquire(&balloon->stats_known);	/* pairs with use_stats() */
	struct nlattr *nest;
	int i;

	if (!known)
		return 0;
	if (put(skb, VMQOS_BALLOON_A_STATS_NS, READ_ONCE(balloon->stats_at)))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, VMQOS_BALLOON_A_STATS);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < VMQOS_BALLOON_STATS; i++)
		if (known & BIT(i) &&
		    nla_put_u64_64bit(skb, i + 1, READ_ONCE(balloon->stats[i]),
				      VMQOS_GUEST_STATS_A_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* What is asked of the guest, and how far it is. */
static int fill_target(struct sk_buff *skb, struct vmqos_balloon *balloon)
{
	u64 now = ktime_get_ns(), progress = READ_ONCE(balloon->progress_at);
	char reason[VMQOS_BALLOON_REASON_MAX + 1];
	u64 target, at, moved, speed = 0;
	u32 deadline_ms;

	spin_lock(&balloon->dev.config_lock);
	target = bytes(balloon->target);
	at = balloon->target_at;
	moved = balloon->target_moved;
	deadline_ms = balloon->deadline_ms;
	strscpy(reason, balloon->reason, sizeof(reason));
	spin_unlock(&balloon->dev.config_lock);
	moved = bytes(READ_ONCE(balloon->inflates) + READ_ONCE(balloon->deflates) - moved);
	if (at && progress > at)
		speed = mul_u64_u64_div_u64(moved, NSEC_PER_SEC, progress - at);
	if (nla_put_u32(skb, VMQOS_BALLOON_A_STATE, vmqos_balloon_state(balloon, now)) ||
	    put(skb, VMQOS_BALLOON_A_TARGET, target) ||
	    put(skb, VMQOS_BALLOON_A_ACTUAL, bytes(READ_ONCE(balloon->inflated))) ||
	    nla_put_u32(skb, VMQOS_BALLOON_A_DEADLINE_MS, deadline_ms) ||
	    put(skb, VMQOS_BALLOON_A_TARGET_NS, at) ||
	    put(skb, VMQOS_BALLOON_A_PROGRESS_NS, progress) ||
	    put(skb, VMQOS_BALLOON_A_MOVED, moved) ||
	    put(skb, VMQOS_BALLOON_A_SPEED, speed))
		return -EMSGSIZE;
	return *reason ? nla_put_string(skb, VMQOS_BALLOON_A_REASON, reason) : 0;
}

static int fill_counters(struct sk_buff *skb, const struct vmqos_balloon *balloon)
{
	if (put(skb, VMQOS_BALLOON_A_INFLATED, bytes(READ_ONCE(balloon->inflates))) ||
	    put(skb, VMQOS_BALLOON_A_DEFLATED, bytes(READ_ONCE(balloon->deflates))) ||
	    put(skb, VMQOS_BALLOON_A_GIVEN, bytes(READ_ONCE(balloon->discards.given))) ||
	    fill_refused(skb, VMQOS_BALLOON_A_REFUSED, &balloon->discards) ||
	    put(skb, VMQOS_BALLOON_A_REPORTED, READ_ONCE(balloon->reports)) ||
	    put(skb, VMQOS_BALLOON_A_REPORT_GIVEN, bytes(READ_ONCE(balloon->reported.given))) ||
	    fill_refused(skb, VMQOS_BALLOON_A_REPORT_REFUSED, &balloon->reported))
		return -EMSGSIZE;
	return 0;
}

static int balloon_fill(struct sk_buff *skb, struct vmqos_virtio *dev)
{
	struct vmqos_balloon *balloon = vmqos_balloon_of(dev);
	u64 kicks = 0, calls = 0;
	const struct kvm *kvm;
	pid_t pid;
	int i;

	for (i = 0; i < dev->type->nr_queues; i++) {
		kicks += atomic64_read(&dev->vqs[i].kicks);
		calls += READ_ONCE(dev->vqs[i].calls);
	}
	vmqos_virtio_user(dev, &pid, &kvm);
	if (nla_put_string(skb, VMQOS_BALLOON_A_DEVICE, dev_name(&dev->vdpa.dev)) ||
	    fill_target(skb, balloon) || fill_counters(skb, balloon) ||
	    nla_put_u32(skb, VMQOS_BALLOON_A_STATS_SECONDS, READ_ONCE(balloon->stats_seconds)) ||
	    fill_stats(skb, balloon) ||
	    /* Behind all that has a time, for the guest goes on meanwhile. */
	    put(skb, VMQOS_BALLOON_A_TIME_NS, ktime_get_ns()) ||
	    put(skb, VMQOS_BALLOON_A_FEATURES, READ_ONCE(dev->features)) ||
	    nla_put_u32(skb, VMQOS_BALLOON_A_STATUS, READ_ONCE(dev->status)) ||
	    put(skb, VMQOS_BALLOON_A_KICKS, kicks) || put(skb, VMQOS_BALLOON_A_CALLS, calls))
		return -EMSGSIZE;
	return pid ? nla_put_u32(skb, VMQOS_BALLOON_A_PID, pid) : 0;
}

static int check_target(struct nlattr *const *attrs, u64 memory, struct netlink_ext_ack *extack)
{
	const struct nlattr *target = attrs[VMQOS_BALLOON_A_TARGET];
	const struct nlattr *reason = attrs[VMQOS_BALLOON_A_REASON];
	const struct nlattr *deadline = attrs[VMQOS_BALLOON_A_DEADLINE_MS];

	if (!target) {
		if (!reason && !deadline)
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, reason ?: deadline,
				    "a reason and a deadline are those of a target; give that, too");
		return -EINVAL;
	}
	if (memory && nla_get_u64(target) >= memory) {
		NL_SET_ERR_MSG_ATTR(extack, target,
				    "a balloon cannot be as large as all of the VM's memory");
		return -ERANGE;
	}
	if (nla_get_u64(target) >> VIRTIO_BALLOON_PFN_SHIFT > U32_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, target, "a balloon has less than 16 TiB");
		return -ERANGE;
	}
	if (reason && !good_word(nla_data(reason), "-")) {
		NL_SET_ERR_MSG_ATTR(extack, reason,
				    "a reason is 1 to 31 letters, digits and - between them");
		return -EINVAL;
	}
	if (deadline && nla_get_u32(deadline) > DEADLINE_MAX_MS) {
		NL_SET_ERR_MSG_ATTR(extack, deadline,
				    "a deadline is at most 86400000 ms, or 0 for none");
		return -ERANGE;
	}
	return 0;
}

static int balloon_set(struct vmqos_virtio *dev, struct nlattr *const *attrs, u64 memory,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *target = attrs[VMQOS_BALLOON_A_TARGET];
	const struct nlattr *reason = attrs[VMQOS_BALLOON_A_REASON];
	const struct nlattr *deadline = attrs[VMQOS_BALLOON_A_DEADLINE_MS];
	const struct nlattr *seconds = attrs[VMQOS_BALLOON_A_STATS_SECONDS];
	struct vmqos_balloon *balloon = vmqos_balloon_of(dev);
	bool changed = false;
	int ret;

	ret = check_target(attrs, memory, extack);
	if (ret)
		return ret;
	if (seconds && nla_get_u32(seconds) > VMQOS_BALLOON_STATS_SECONDS) {
		NL_SET_ERR_MSG_ATTR(extack, seconds,
				    "statistics are asked for every 1 to 86400 seconds, or 0 for never");
		return -ERANGE;
	}
	if (target)
		changed = vmqos_balloon_ask(balloon,
					    nla_get_u64(target) >> VIRTIO_BALLOON_PFN_SHIFT,
					    reason ? nla_data(reason) : "request",
					    deadline ? nla_get_u32(deadline) : 0);
	if (seconds && nla_get_u32(seconds) != READ_ONCE(balloon->stats_seconds)) {
		vmqos_balloon_set_period(balloon, nla_get_u32(seconds));
		changed = true;
	}
	return changed;
}

static const struct vmqos_virtio_control control = {
	.add = add,
	.del = vmqos_virtio_delete,
	.find = find,
	.next = vmqos_virtio_next,
	.put = put_dev,
	.kvm = kvm_of,
	.fill = fill,
	.balloon_fill = balloon_fill,
	.balloon_set = balloon_set,
};

/**
 * vmqos_virtio_control() - what the devices offer to the netlink interface
 *
 * Context: any.
 * Return: the operations, good for as long as the caller keeps the module.
 */
const struct vmqos_virtio_control *vmqos_virtio_control(void)
{
	return &control;
}
EXPORT_SYMBOL_GPL(vmqos_virtio_control);
