// SPDX-License-Identifier: LGPL-2.1+
/*
 * DOC: Overview
 *
 * A subscription listens to two groups: the events of vmqos, and the
 * controller's, which tells when the family goes (the module is unloaded)
 * and when it is there again; its new group is then joined.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vmqos.h>

#include "clock.h"
#include "context.h"
#include "decode.h"
#include "transport.h"

/*
 * @hdr: next message of the datagram in @buffer
 * @rest: bytes from @hdr to the datagram's end, 0 when it is used up
 * @family: number of the family, 0 while the module is not loaded
 */
struct vmqos_events {
	struct vmqos *ctx;
	struct vmqos_nl *nl;
	void *buffer;
	struct nlmsghdr *hdr;
	int rest;
	uint16_t family;
};

static int subscribe(struct vmqos_events *events)
{
	struct vmqos *ctx = events->ctx;
	uint32_t group;
	int err;

	err = vmqos_nl_controller_group(events->nl, &group);
	if (!err)
		err = vmqos_nl_join(events->nl, group);
	if (err)
		return vmqos_fail(ctx, err, "cannot listen to the netlink controller: %s",
				  strerror(-err));

	err = vmqos_nl_family(events->nl, &events->family, &group);
	if (err == -ENODEV) {
		events->family = 0;
		return 0;
	}
	if (!err)
		err = vmqos_nl_join(events->nl, group);
	if (err)
		return vmqos_fail(ctx, err, "cannot listen to the events of vmqos: %s",
				  strerror(-err));
	return 0;
}

int vmqos_events_open(struct vmqos *ctx, struct vmqos_events **out)
{
	struct vmqos_events *events;
	int err;

	*out = NULL;
	events = calloc(1, sizeof(*events));
	if (!events)
		return vmqos_fail_memory(ctx);
	events->ctx = ctx;
	events->buffer = malloc(VMQOS_NL_DATAGRAM);
	if (!events->buffer) {
		vmqos_events_close(events);
		return vmqos_fail_memory(ctx);
	}
	err = vmqos_nl_open(&events->nl, 1);
	if (err) {
		events->nl = NULL;
		vmqos_fail(ctx, err, "cannot open a netlink socket: %s", strerror(-err));
	} else {
		err = subscribe(events);
	}
	if (err) {
		vmqos_events_close(events);
		return err;
	}
	*out = events;
	return 0;
}

void vmqos_events_close(struct vmqos_events *events)
{
	if (!events)
		return;
	vmqos_nl_close(events->nl);
	free(events->buffer);
	free(events);
}

int vmqos_events_fd(const struct vmqos_events *events)
{
	return vmqos_nl_fd(events->nl);
}

/*
 * A message of the controller about the family vmqos. Its number is looked up
 * rather than read from the message: by the time it is read the module may be
 * on its way out again.
 */
static int take_controller(struct vmqos_events *events, struct nlmsghdr *hdr,
			   struct vmqos_event *event)
{
	struct genlmsghdr *genl = nlmsg_data(hdr);
	struct nlattr *name;
	uint16_t family;
	uint32_t group;

	if (genl->cmd != CTRL_CMD_NEWFAMILY && genl->cmd != CTRL_CMD_DELFAMILY)
		return 0;
	name = nla_find(genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0),
			CTRL_ATTR_FAMILY_NAME);
	if (!name || nla_strcmp(name, VMQOS_FAMILY_NAME))
		return 0;

	if (genl->cmd == CTRL_CMD_DELFAMILY) {
		events->family = 0;
		event->type = VMQOS_EVENT_MODULE_GONE;
		return 1;
	}
	if (vmqos_nl_family(events->nl, &family, &group) || vmqos_nl_join(events->nl, group))
		return 0;
	events->family = family;
	event->type = VMQOS_EVENT_MODULE_LOADED;
	return 1;
}

static int take_event(struct vmqos_events *events, struct nlmsghdr *hdr,
		      struct vmqos_event *event)
{
	struct genlmsghdr *genl = nlmsg_data(hdr);
	struct nlattr *attrs = genlmsg_attrdata(genl, 0);
	int size = genlmsg_attrlen(genl, 0);
	int err;

	switch (genl->cmd) {
	case VMQOS_CMD_HOST_CHANGE_NTF:
		event->type = VMQOS_EVENT_HOST_CHANGE;
		err = vmqos_decode_host(events->ctx, attrs, size, &event->host);
		break;
	case VMQOS_CMD_VM_ADOPT_NTF:
		event->type = VMQOS_EVENT_VM_ADOPT;
		err = vmqos_decode_vm(events->ctx, attrs, size, &event->vm);
		break;
	case VMQOS_CMD_VM_RELEASE_NTF:
		event->type = VMQOS_EVENT_VM_RELEASE;
		err = vmqos_decode_vm(events->ctx, attrs, size, &event->vm);
		break;
	case VMQOS_CMD_VM_CHANGE_NTF:
		event->type = VMQOS_EVENT_VM_CHANGE;
		err = vmqos_decode_vm(events->ctx, attrs, size, &event->vm);
		break;
	case VMQOS_CMD_VCPU_NTF:
		event->type = VMQOS_EVENT_VCPU;
		err = vmqos_decode_vcpu(events->ctx, attrs, size, &event->vcpu);
		break;
	case VMQOS_CMD_VM_UNMET_NTF:
		event->type = VMQOS_EVENT_VM_UNMET;
		err = vmqos_decode_unmet(events->ctx, attrs, size, &event->unmet);
		break;
	case VMQOS_CMD_BALLOON_NTF:
		event->type = VMQOS_EVENT_BALLOON;
		err = vmqos_decode_balloon(events->ctx, attrs, size, &event->balloon);
		break;
	default:
		/* An event of a newer module. */
		return 0;
	}
	return err ? err : 1;
}

/* 1 with an event, 0 for a message that is none, or a negative errno. */
static int take_message(struct vmqos_events *events, struct nlmsghdr *hdr,
			struct vmqos_event *event)
{
	if (!genlmsg_valid_hdr(hdr, 0))
		return 0;
	memset(event, 0, sizeof(*event));
	if (hdr->nlmsg_type == GENL_ID_CTRL)
		return take_controller(events, hdr, event);
	if (events->family && hdr->nlmsg_type == events->family)
		return take_event(events, hdr, event);
	return 0;
}

/* The next event that is there already. */
static int next_ready(struct vmqos_events *events, struct vmqos_event *event)
{
	ssize_t size;
	int answer;

	for (;;) {
		while (nlmsg_ok(events->hdr, events->rest)) {
			struct nlmsghdr *hdr = events->hdr;

			events->hdr = nlmsg_next(hdr, &events->rest);
			answer = take_message(events, hdr, event);
			if (answer)
				return answer;
		}
		events->rest = 0;
		size = vmqos_nl_receive(events->nl, events->buffer);
		if (size == -EAGAIN)
			return 0;
		if (size == -ENOBUFS) {
			memset(event, 0, sizeof(*event));
			event->type = VMQOS_EVENT_LOST;
			return 1;
		}
		if (size < 0)
			return vmqos_fail(events->ctx, size, "cannot receive events: %s",
					  strerror(-size));
		events->hdr = events->buffer;
		events->rest = size;
	}
}

int vmqos_events_next(struct vmqos_events *events, struct vmqos_event *event, int timeout_ms)
{
	struct pollfd pfd = { .fd = vmqos_nl_fd(events->nl), .events = POLLIN };
	int64_t end = vmqos_now_ms() + timeout_ms;
	int rest = timeout_ms;
	int answer;

	for (;;) {
		answer = next_ready(events, event);
		if (answer)
			return answer;
		if (timeout_ms > 0)
			rest = vmqos_left_ms(end);
		if (!rest)
			return 0;
		answer = poll(&pfd, 1, rest);
		if (answer < 0) {
			answer = -errno;
			return vmqos_fail(events->ctx, answer, "cannot wait for events: %s",
					  strerror(-answer));
		}
	}
}

const char *vmqos_event_name(unsigned int type)
{
	static const char *const names[] = {
		[VMQOS_EVENT_HOST_CHANGE] = "host-change",
		[VMQOS_EVENT_VM_ADOPT] = "vm-adopt",
		[VMQOS_EVENT_VM_RELEASE] = "vm-release",
		[VMQOS_EVENT_VM_CHANGE] = "vm-change",
		[VMQOS_EVENT_VCPU] = "vcpu",
		[VMQOS_EVENT_LOST] = "lost",
		[VMQOS_EVENT_MODULE_GONE] = "module-gone",
		[VMQOS_EVENT_MODULE_LOADED] = "module-loaded",
		[VMQOS_EVENT_VM_UNMET] = "vm-unmet",
		[VMQOS_EVENT_BALLOON] = "balloon",
	};

	if (!type || type >= sizeof(names) / sizeof(names[0]))
		return "unknown";
	return names[type];
}

const char *vmqos_unmet_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[VMQOS_UNMET_HOST_LOAD] = "host-load",
		[VMQOS_UNMET_AFFINITY] = "affinity",
		[VMQOS_UNMET_VMM_STOPPED] = "vmm-stopped",
		[VMQOS_UNMET_CPUS_OFFLINE] = "cpus-offline",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}
