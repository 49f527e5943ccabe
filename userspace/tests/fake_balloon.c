// SPDX-License-Identifier: GPL-2.0
/*
 * The balloons of the fake kernel: the first VM has one, whose guest gives and takes 128 MiB
 * between two looks and no more than a GiB in all; another one is free.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/vmqos.h>

#include "fake_balloon.h"

#define MIB	(UINT64_C(1) << 20)
#define MEMORY	(4112 * MIB)
#define NOT_LOADED \
	"the kernel module vmqos_virtio is not loaded; load it with: modprobe vmqos_virtio"
#define NOW_NS	(200 * UINT64_C(1000000000))

struct device {
	char name[VMQOS_VIRTIO_NAME_MAX + 1];
	bool has_vhost, bound;
	uint64_t target, actual;
	char reason[VMQOS_BALLOON_REASON_MAX + 1];
	uint32_t deadline_ms, seconds;
};

static const struct device usual[] = {
	{ "balloon0", true, true, 512 * MIB, 384 * MIB, "pressure", 60000, 2 },
	{ "spare", false, false, 0, 0, "", 0, 0 },
};

static struct device devices[4];
static unsigned int count;
static bool absent;

void vmqos_fake_balloon_reset(void)
{
	memcpy(devices, usual, sizeof(usual));
	count = sizeof(usual) / sizeof(usual[0]);
	absent = false;
}

void vmqos_fake_balloon_script(const char *words)
{
	absent = strstr(words, "no-virtio");
	if (strstr(words, "no-devices"))
		count = 0;
}

unsigned int vmqos_fake_device_count(void)
{
	return count;
}

void vmqos_fake_device_put(struct nl_msg *msg, unsigned int place)
{
	const struct device *device = &devices[place];

	nla_put_string(msg, VMQOS_VIRTIO_A_NAME, device->name);
	nla_put_u32(msg, VMQOS_VIRTIO_A_TYPE, VMQOS_VIRTIO_TYPE_BALLOON);
	nla_put_u32(msg, VMQOS_VIRTIO_A_IN_USE, device->bound);
	nla_put_u32(msg, VMQOS_VIRTIO_A_GOING, VMQOS_SWITCH_OFF);
	nla_put_u32(msg, VMQOS_VIRTIO_A_STATUS, device->bound ? 15 : 0);
	nla_put_u64(msg, VMQOS_VIRTIO_A_FEATURES, device->bound ? UINT64_C(0x10000003f) : 0);
	if (device->has_vhost)
		nla_put_u32(msg, VMQOS_VIRTIO_A_VHOST, place);
	if (!device->bound)
		return;
	nla_put_u32(msg, VMQOS_VIRTIO_A_PID, 1201);
	nla_put_u32(msg, VMQOS_VIRTIO_A_VM_ID, 1);
	nla_put_string(msg, VMQOS_VIRTIO_A_VM_NAME, "web");
}

static void put_refused(struct nl_msg *msg, int attr, uint64_t locked)
{
	struct nlattr *nest = nla_nest_start(msg, attr);
	int i;

	for (i = VMQOS_BALLOON_REFUSED_A_FOREIGN; i <= VMQOS_BALLOON_REFUSED_A_FAILED; i++)
		nla_put_u64(msg, i, i == VMQOS_BALLOON_REFUSED_A_LOCKED ? locked : 0);
	nla_put_s32(msg, VMQOS_BALLOON_REFUSED_A_ERROR, 0);
	nla_nest_end(msg, nest);
}

static void put_stats(struct nl_msg *msg, const struct device *device)
{
	struct nlattr *nest;
	int i;

	nla_put_u64(msg, VMQOS_BALLOON_A_STATS_NS, NOW_NS - UINT64_C(1500000000));
	nest = nla_nest_start(msg, VMQOS_BALLOON_A_STATS);
	for (i = VMQOS_GUEST_STATS_A_SWAP_IN; i <= VMQOS_GUEST_STATS_A_OOM_KILLS; i++)
		nla_put_u64(msg, i, i < VMQOS_GUEST_STATS_A_FREE ||
			    i > VMQOS_GUEST_STATS_A_CACHES ? (uint64_t)i : (4000 - 300 * i) * MIB -
			    (i == VMQOS_GUEST_STATS_A_TOTAL ? device->actual : 0));
	/* Something of a newer kernel, which must not disturb. */
	nla_put_u64(msg, 40, 1);
	nla_nest_end(msg, nest);
}

/* Each look finds the guest a step further. */
static void step(struct device *device)
{
	uint64_t most = device->target > 1024 * MIB ? 1024 * MIB : device->target;

	if (device->actual < most)
		device->actual += most - device->actual < 128 * MIB ? most - device->actual :
				  128 * MIB;
	else
		device->actual -= device->actual - most < 128 * MIB ? device->actual - most :
				  128 * MIB;
}

static uint32_t state_of(const struct device *device)
{
	if (!device->bound)
		return VMQOS_BALLOON_STATE_UNUSED;
	if (device->actual == device->target)
		return VMQOS_BALLOON_STATE_REACHED;
	return device->deadline_ms == 1 ? VMQOS_BALLOON_STATE_LATE : VMQOS_BALLOON_STATE_MOVING;
}

void vmqos_fake_balloon_put(struct nl_msg *msg, unsigned int place)
{
	struct device *device = &devices[place];
	uint64_t asked = device->bound ? NOW_NS - UINT64_C(4000000000) : 0;

	if (device->bound) {
		nla_put_u32(msg, VMQOS_BALLOON_A_ID, 1);
		nla_put_string(msg, VMQOS_BALLOON_A_NAME, "web");
		nla_put_u64(msg, VMQOS_BALLOON_A_MEMORY, MEMORY);
		nla_put_u32(msg, VMQOS_BALLOON_A_PID, 1201);
		nla_put_string(msg, VMQOS_BALLOON_A_REASON, device->reason);
	}
	nla_put_string(msg, VMQOS_BALLOON_A_DEVICE, device->name);
	nla_put_u64(msg, VMQOS_BALLOON_A_TIME_NS, NOW_NS);
	nla_put_u32(msg, VMQOS_BALLOON_A_STATE, state_of(device));
	nla_put_u64(msg, VMQOS_BALLOON_A_TARGET, device->target);
	nla_put_u64(msg, VMQOS_BALLOON_A_ACTUAL, device->actual);
	nla_put_u32(msg, VMQOS_BALLOON_A_DEADLINE_MS, device->deadline_ms);
	nla_put_u64(msg, VMQOS_BALLOON_A_TARGET_NS, asked);
	nla_put_u64(msg, VMQOS_BALLOON_A_PROGRESS_NS, asked ? asked + 2000000000 : 0);
	nla_put_u64(msg, VMQOS_BALLOON_A_MOVED, device->actual / 2);
	nla_put_u64(msg, VMQOS_BALLOON_A_SPEED, device->actual / 4);
	nla_put_u64(msg, VMQOS_BALLOON_A_INFLATED, device->actual + 64 * MIB);
	nla_put_u64(msg, VMQOS_BALLOON_A_DEFLATED, 64 * MIB);
	nla_put_u64(msg, VMQOS_BALLOON_A_GIVEN, device->actual + 62 * MIB);
	put_refused(msg, VMQOS_BALLOON_A_REFUSED, device->bound ? 2 * MIB : 0);
	nla_put_u64(msg, VMQOS_BALLOON_A_REPORTED, device->bound ? 96 * MIB : 0);
	nla_put_u64(msg, VMQOS_BALLOON_A_REPORT_GIVEN, device->bound ? 96 * MIB : 0);
	put_refused(msg, VMQOS_BALLOON_A_REPORT_REFUSED, 0);
	nla_put_u32(msg, VMQOS_BALLOON_A_STATS_SECONDS, device->seconds);
	if (device->seconds)
		put_stats(msg, device);
	nla_put_u64(msg, VMQOS_BALLOON_A_FEATURES, device->bound ? UINT64_C(0x10000003f) : 0);
	nla_put_u32(msg, VMQOS_BALLOON_A_STATUS, device->bound ? 15 : 0);
	nla_put_u64(msg, VMQOS_BALLOON_A_KICKS, device->bound ? 1234 : 0);
	nla_put_u64(msg, VMQOS_BALLOON_A_CALLS, device->bound ? 1230 : 0);
	if (device->bound)
		step(device);
}

static int find(const struct nlattr *name, unsigned int *place, const char **sentence, int *blame)
{
	for (*place = 0; name && *place < count; (*place)++)
		if (!nla_strcmp(name, devices[*place].name))
			return 0;
	*sentence = "no device that is served in the kernel has this name";
	*blame = 1;
	return -ENOENT;
}

static int add(struct nlattr *attrs, int size, unsigned int *place, const char **sentence)
{
	const struct nlattr *name = nla_find(attrs, size, VMQOS_VIRTIO_A_NAME);
	int blame;

	if (name && !find(name, place, sentence, &blame)) {
		*sentence = "a device on the vDPA bus has this name already";
		return -EEXIST;
	}
	*place = count++;
	memset(&devices[*place], 0, sizeof(devices[0]));
	if (name)
		nla_strlcpy(devices[*place].name, name, sizeof(devices[0].name));
	else
		snprintf(devices[*place].name, sizeof(devices[0].name), "balloon%u", *place);
	devices[*place].has_vhost = !name || nla_strcmp(name, "late");
	return 0;
}

static int set(struct nlattr *attrs, int size, struct device *device, const char **sentence,
	       int *blame)
{
	const struct nlattr *target = nla_find(attrs, size, VMQOS_BALLOON_A_TARGET);
	const struct nlattr *reason = nla_find(attrs, size, VMQOS_BALLOON_A_REASON);
	const struct nlattr *deadline = nla_find(attrs, size, VMQOS_BALLOON_A_DEADLINE_MS);
	const struct nlattr *seconds = nla_find(attrs, size, VMQOS_BALLOON_A_STATS_SECONDS);

	if (target && nla_get_u64(target) >= MEMORY) {
		*sentence = "a balloon cannot be as large as all of the VM's memory";
		*blame = VMQOS_BALLOON_A_TARGET;
		return -ERANGE;
	}
	if (target) {
		device->target = nla_get_u64(target);
		device->deadline_ms = deadline ? nla_get_u32(deadline) : 0;
		strcpy(device->reason, "request");
		if (reason)
			nla_strlcpy(device->reason, reason, sizeof(device->reason));
	}
	if (seconds)
		device->seconds = nla_get_u32(seconds);
	return 0;
}

int vmqos_fake_balloon_handle(uint8_t cmd, struct nlattr *attrs, int size, int vm,
			      unsigned int *place, const char **sentence, int *blame)
{
	const struct nlattr *name = nla_find(attrs, size, VMQOS_VIRTIO_A_NAME);
	int err;

	if (absent) {
		*sentence = NOT_LOADED;
		return -EOPNOTSUPP;
	}
	if (cmd == VMQOS_CMD_VIRTIO_ADD)
		return add(attrs, size, place, sentence);
	if (cmd == VMQOS_CMD_BALLOON_GET || cmd == VMQOS_CMD_BALLOON_SET)
		name = nla_find(attrs, size, VMQOS_BALLOON_A_DEVICE);
	if (vm >= 0) {
		*place = 0;
		if (vm || !count || !devices[0].bound) {
			*sentence = "the VM has no balloon that is served in the kernel";
			return -ENXIO;
		}
	} else {
		err = find(name, place, sentence, blame);
		if (err)
			return err;
	}
	if (cmd == VMQOS_CMD_BALLOON_SET)
		return set(attrs, size, &devices[*place], sentence, blame);
	if (cmd != VMQOS_CMD_VIRTIO_DEL)
		return 0;
	if (devices[*place].bound) {
		*sentence = "process 1201 (qemu-system-x86) has it attached; end that VM first";
		return -EBUSY;
	}
	return 0;
}
