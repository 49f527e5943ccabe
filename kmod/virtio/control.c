// SPDX-License-Identifier: GPL-2.0
/*
 * A balloon's target and figures in sysfs: /sys/bus/vdpa/devices/NAME/balloon.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/sysfs.h>
#include <linux/vdpa.h>

#include "virtio/balloon.h"
#include "virtio/device.h"

static struct vmqos_balloon *from(struct device *device)
{
	return vmqos_balloon_of(vmqos_virtio_of(dev_to_vdpa(device)));
}

static u64 bytes(u64 pages)
{
	return pages << VIRTIO_BALLOON_PFN_SHIFT;
}

static ssize_t target_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", bytes(READ_ONCE(from(device)->target)));
}

static ssize_t target_store(struct device *device, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	u64 value;
	int ret = kstrtou64(buf, 0, &value);

	if (ret)
		return ret;
	if (value >> VIRTIO_BALLOON_PFN_SHIFT > U32_MAX)
		return -ERANGE;
	vmqos_balloon_ask(from(device), value >> VIRTIO_BALLOON_PFN_SHIFT, "request", 0);
	return count;
}
static DEVICE_ATTR_RW(target);

static ssize_t actual_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", bytes(READ_ONCE(from(device)->inflated)));
}
static DEVICE_ATTR_RO(actual);

static ssize_t stats_seconds_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(from(device)->stats_seconds));
}

static ssize_t stats_seconds_store(struct device *device, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	unsigned int value;
	int ret = kstrtouint(buf, 0, &value);

	if (ret)
		return ret;
	vmqos_balloon_set_period(from(device), value);
	return count;
}
static DEVICE_ATTR_RW(stats_seconds);

static ssize_t pid_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(from(device)->dev.pid));
}
static DEVICE_ATTR_RO(pid);

/* What the guest tells; nothing of it is believed for anything but to be shown. */
static ssize_t stats_show(struct device *device, struct device_attribute *attr, char *buf)
{
	static const char *const names[VIRTIO_BALLOON_S_NR] = VIRTIO_BALLOON_S_NAMES;
	const struct vmqos_balloon *balloon = from(device);
	u32 known = READ_ONCE(balloon->stats_known);
	int i, len = 0;

	for (i = 0; i < VIRTIO_BALLOON_S_NR; i++)
		if (known & BIT(i))
			len += sysfs_emit_at(buf, len, "%s %llu\n", names[i],
					     READ_ONCE(balloon->stats[i]));
	return len;
}
static DEVICE_ATTR_RO(stats);

static int emit_discards(char *buf, int len, const char *prefix,
			 const struct vmqos_discard_stats *stats)
{
	static const char *const reasons[VMQOS_DISCARD_REFUSALS] = {
		[VMQOS_DISCARD_FOREIGN] = "foreign",
		[VMQOS_DISCARD_READONLY] = "readonly",
		[VMQOS_DISCARD_LOCKED] = "locked",
		[VMQOS_DISCARD_PINNED] = "pinned",
		[VMQOS_DISCARD_WATCHED] = "watched",
		[VMQOS_DISCARD_SPECIAL] = "special",
		[VMQOS_DISCARD_PARTIAL] = "partial",
		[VMQOS_DISCARD_POISON] = "poison",
		[VMQOS_DISCARD_FAILED] = "failed",
	};
	int i, from = len;

	len += sysfs_emit_at(buf, len, "%s-given %llu\n", prefix, READ_ONCE(stats->given));
	len += sysfs_emit_at(buf, len, "%s-ranges %llu\n", prefix, READ_ONCE(stats->ranges));
	for (i = 0; i < VMQOS_DISCARD_REFUSALS; i++)
		len += sysfs_emit_at(buf, len, "%s-refused-%s %llu\n", prefix, reasons[i],
				     READ_ONCE(stats->refused[i]));
	len += sysfs_emit_at(buf, len, "%s-error %d\n", prefix, READ_ONCE(stats->error));
	return len - from;
}

static ssize_t figures_show(struct device *device, struct device_attribute *attr, char *buf)
{
	const struct vmqos_balloon *balloon = from(device);
	const struct vmqos_virtio *dev = &balloon->dev;
	int i, len = 0;

	len += sysfs_emit_at(buf, len, "inflates %llu\n", READ_ONCE(balloon->inflates));
	len += sysfs_emit_at(buf, len, "deflates %llu\n", READ_ONCE(balloon->deflates));
	len += sysfs_emit_at(buf, len, "reports %llu\n", READ_ONCE(balloon->reports));
	len += emit_discards(buf, len, "inflate", &balloon->discards);
	len += emit_discards(buf, len, "report", &balloon->reported);
	len += sysfs_emit_at(buf, len, "status %u\n", READ_ONCE(dev->status));
	len += sysfs_emit_at(buf, len, "features %#llx\n", READ_ONCE(dev->features));
	for (i = 0; i < dev->type->nr_queues; i++) {
		const struct vmqos_vq *vq = &dev->vqs[i];

		len += sysfs_emit_at(buf, len, "queue%d-buffers %llu\n", i, READ_ONCE(vq->buffers));
		len += sysfs_emit_at(buf, len, "queue%d-kicks %lld\n", i,
				     (s64)atomic64_read(&vq->kicks));
		len += sysfs_emit_at(buf, len, "queue%d-calls %llu\n", i, READ_ONCE(vq->calls));
		len += sysfs_emit_at(buf, len, "queue%d-broken %d\n", i,
				     READ_ONCE(vq->broken) ? READ_ONCE(vq->error) : 0);
	}
	return len;
}
static DEVICE_ATTR_RO(figures);

static struct attribute *balloon_attrs[] = {
	&dev_attr_target.attr,
	&dev_attr_actual.attr,
	&dev_attr_stats_seconds.attr,
	&dev_attr_pid.attr,
	&dev_attr_stats.attr,
	&dev_attr_figures.attr,
	NULL,
};

static const struct attribute_group balloon_group = {
	.name = "balloon",
	.attrs = balloon_attrs,
};

const struct attribute_group *vmqos_balloon_groups[] = {
	&balloon_group,
	NULL,
};
