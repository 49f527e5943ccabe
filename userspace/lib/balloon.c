// SPDX-License-Identifier: LGPL-2.1+
/* Balloons that are served in the kernel. */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vmqos.h>

#include "context.h"
#include "decode.h"
#include "list.h"
#include "request.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static int take_balloon(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	return vmqos_decode_balloon(ctx, attrs, size, arg);
}

static int put_settings(struct nl_msg *msg, const struct vmqos_balloon_settings *settings)
{
	if ((settings->set & VMQOS_HAS(VMQOS_BALLOON_TARGET)) &&
	    nla_put_u64(msg, VMQOS_BALLOON_A_TARGET, settings->target))
		return -1;
	if ((settings->set & VMQOS_HAS(VMQOS_BALLOON_REASON)) &&
	    nla_put_string(msg, VMQOS_BALLOON_A_REASON, settings->reason))
		return -1;
	if ((settings->set & VMQOS_HAS(VMQOS_BALLOON_DEADLINE_MS)) &&
	    nla_put_u32(msg, VMQOS_BALLOON_A_DEADLINE_MS, settings->deadline_ms))
		return -1;
	if ((settings->set & VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS)) &&
	    nla_put_u32(msg, VMQOS_BALLOON_A_STATS_SECONDS, settings->stats_seconds))
		return -1;
	return 0;
}

/* Of a VM, or of a device when it has a name. */
static int ask(struct vmqos *ctx, uint8_t cmd, uint32_t id, const char *device,
	       const struct vmqos_balloon_settings *settings, struct vmqos_balloon *balloon)
{
	struct vmqos_balloon unused;
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, cmd, &msg);
	if (err)
		return err;
	if ((device ? nla_put_string(msg, VMQOS_BALLOON_A_DEVICE, device) :
		      nla_put_u32(msg, VMQOS_BALLOON_A_ID, id)) ||
	    (settings && put_settings(msg, settings)))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_balloon, balloon ? balloon : &unused);
}

int vmqos_balloon_get(struct vmqos *ctx, uint32_t id, struct vmqos_balloon *balloon)
{
	return ask(ctx, VMQOS_CMD_BALLOON_GET, id, NULL, NULL, balloon);
}

int vmqos_balloon_get_device(struct vmqos *ctx, const char *device, struct vmqos_balloon *balloon)
{
	return ask(ctx, VMQOS_CMD_BALLOON_GET, 0, device, NULL, balloon);
}

int vmqos_balloon_set(struct vmqos *ctx, uint32_t id,
		      const struct vmqos_balloon_settings *settings,
		      struct vmqos_balloon *balloon)
{
	return ask(ctx, VMQOS_CMD_BALLOON_SET, id, NULL, settings, balloon);
}

int vmqos_balloon_set_device(struct vmqos *ctx, const char *device,
			     const struct vmqos_balloon_settings *settings,
			     struct vmqos_balloon *balloon)
{
	return ask(ctx, VMQOS_CMD_BALLOON_SET, 0, device, settings, balloon);
}

static int add_balloon(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	struct vmqos_balloon *balloon = vmqos_list_add(arg);

	if (!balloon)
		return vmqos_fail_memory(ctx);
	return vmqos_decode_balloon(ctx, attrs, size, balloon);
}

int vmqos_balloon_dump(struct vmqos *ctx, struct vmqos_balloon **balloons, size_t *count)
{
	struct vmqos_list list = { .size = sizeof(**balloons) };
	struct nl_msg *msg;
	int err;

	*balloons = NULL;
	*count = 0;
	err = vmqos_request_begin(ctx, VMQOS_CMD_BALLOON_GET, &msg);
	if (err)
		return err;
	err = vmqos_request_dump(ctx, msg, add_balloon, vmqos_list_empty, &list);
	if (err) {
		free(list.items);
		return err;
	}
	*balloons = list.items;
	*count = list.count;
	return 0;
}

static const struct vmqos_guest_desc descs[] = {
	{ VMQOS_GUEST_SWAP_IN, "swap_in", "swapped in", true },
	{ VMQOS_GUEST_SWAP_OUT, "swap_out", "swapped out", true },
	{ VMQOS_GUEST_FAULTS_MAJOR, "faults_major", "major faults", false },
	{ VMQOS_GUEST_FAULTS_MINOR, "faults_minor", "minor faults", false },
	{ VMQOS_GUEST_FREE, "free", "free", true },
	{ VMQOS_GUEST_TOTAL, "total", "total", true },
	{ VMQOS_GUEST_AVAILABLE, "available", "available", true },
	{ VMQOS_GUEST_CACHES, "caches", "caches", true },
	{ VMQOS_GUEST_HUGETLB_ALLOCS, "hugetlb_allocs", "huge pages", false },
	{ VMQOS_GUEST_HUGETLB_FAILURES, "hugetlb_failures", "huge pages failed", false },
	{ VMQOS_GUEST_OOM_KILLS, "oom_kills", "OOM kills", false },
	{ VMQOS_GUEST_ALLOC_STALLS, "alloc_stalls", "allocation stalls", false },
	{ VMQOS_GUEST_ASYNC_SCANS, "async_scans", "scanned", false },
	{ VMQOS_GUEST_DIRECT_SCANS, "direct_scans", "scanned, waiting", false },
	{ VMQOS_GUEST_ASYNC_RECLAIMS, "async_reclaims", "reclaimed", false },
	{ VMQOS_GUEST_DIRECT_RECLAIMS, "direct_reclaims", "reclaimed, waiting", false },
};

/* They follow each other in the struct, in the order of their numbers. */
_Static_assert(offsetof(struct vmqos_guest_stats, direct_reclaims) ==
	       offsetof(struct vmqos_guest_stats, swap_in) + (COUNT(descs) - 1) * sizeof(uint64_t),
	       "one field for each");

const struct vmqos_guest_desc *vmqos_guest_descs(size_t *count)
{
	*count = COUNT(descs);
	return descs;
}

uint64_t vmqos_guest_value(const struct vmqos_guest_stats *stats, unsigned int field)
{
	uint64_t value;

	if (!field || field > COUNT(descs))
		return 0;
	memcpy(&value, (const char *)stats + offsetof(struct vmqos_guest_stats, swap_in) +
	       (field - 1) * sizeof(value), sizeof(value));
	return value;
}

const char *vmqos_balloon_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VMQOS_BALLOON_UNUSED] = "unused",
		[VMQOS_BALLOON_MOVING] = "moving",
		[VMQOS_BALLOON_REACHED] = "reached",
		[VMQOS_BALLOON_LATE] = "late",
	};

	return state < COUNT(names) ? names[state] : "unknown";
}

const char *vmqos_balloon_backend_name(uint32_t backend)
{
	static const char *const names[] = {
		[VMQOS_BALLOON_KERNEL] = "kernel",
		[VMQOS_BALLOON_QEMU] = "qemu",
	};

	return backend < COUNT(names) ? names[backend] : "unknown";
}
