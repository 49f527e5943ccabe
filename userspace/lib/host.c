// SPDX-License-Identifier: LGPL-2.1+
/* The host's figures and settings. */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <linux/vmqos.h>

#include "context.h"
#include "decode.h"
#include "request.h"

static int take_host(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	return vmqos_decode_host(ctx, attrs, size, arg);
}

int vmqos_host_get(struct vmqos *ctx, int node, struct vmqos_host *host)
{
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_HOST_GET, &msg);
	if (err)
		return err;
	if (node >= 0 && nla_put_u32(msg, VMQOS_HOST_A_NODE, node))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_host, host);
}

int vmqos_host_set(struct vmqos *ctx, const struct vmqos_host_settings *settings,
		   struct vmqos_host *host)
{
	const struct {
		unsigned int attr;
		uint32_t value;
	} numbers[] = {
		{ VMQOS_HOST_A_GUEST_TIME,
		  settings->guest_time ? VMQOS_SWITCH_ON : VMQOS_SWITCH_OFF },
		{ VMQOS_HOST_A_SCAN_PERIOD_MS, settings->scan_period_ms },
		{ VMQOS_HOST_A_CPU_KEPT, settings->cpu_kept },
		{ VMQOS_HOST_A_CPU_GATE,
		  settings->cpu_gate ? VMQOS_SWITCH_ON : VMQOS_SWITCH_OFF },
		{ VMQOS_HOST_A_CPU_SLICE_US, settings->cpu_slice_us },
	};
	struct vmqos_host unused;
	struct nl_msg *msg;
	size_t i;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_HOST_SET, &msg);
	if (err)
		return err;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if ((settings->set & VMQOS_HAS(numbers[i].attr)) &&
		    nla_put_u32(msg, numbers[i].attr, numbers[i].value))
			return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_host, host ? host : &unused);
}
