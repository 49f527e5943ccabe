// SPDX-License-Identifier: LGPL-2.1+
/* Virtio devices that are served in the kernel. */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>

#include <linux/vmqos.h>

#include "context.h"
#include "decode.h"
#include "list.h"
#include "request.h"

static int take_device(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	return vmqos_decode_device(ctx, attrs, size, arg);
}

/* Asks for one device by its name, or makes one. */
static int ask(struct vmqos *ctx, uint8_t cmd, const char *name, const uint32_t *type,
	       struct vmqos_device *device)
{
	struct vmqos_device unused;
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, cmd, &msg);
	if (err)
		return err;
	if ((name && nla_put_string(msg, VMQOS_VIRTIO_A_NAME, name)) ||
	    (type && nla_put_u32(msg, VMQOS_VIRTIO_A_TYPE, *type)))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_device, device ? device : &unused);
}

int vmqos_virtio_add(struct vmqos *ctx, uint32_t type, const char *name,
		     struct vmqos_device *device)
{
	return ask(ctx, VMQOS_CMD_VIRTIO_ADD, name, &type, device);
}

int vmqos_virtio_del(struct vmqos *ctx, const char *name)
{
	return ask(ctx, VMQOS_CMD_VIRTIO_DEL, name, NULL, NULL);
}

int vmqos_virtio_get(struct vmqos *ctx, const char *name, struct vmqos_device *device)
{
	return ask(ctx, VMQOS_CMD_VIRTIO_GET, name, NULL, device);
}

static int add_device(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	struct vmqos_device *device = vmqos_list_add(arg);

	if (!device)
		return vmqos_fail_memory(ctx);
	return vmqos_decode_device(ctx, attrs, size, device);
}

int vmqos_virtio_dump(struct vmqos *ctx, struct vmqos_device **devices, size_t *count)
{
	struct vmqos_list list = { .size = sizeof(**devices) };
	struct nl_msg *msg;
	int err;

	*devices = NULL;
	*count = 0;
	err = vmqos_request_begin(ctx, VMQOS_CMD_VIRTIO_GET, &msg);
	if (err)
		return err;
	err = vmqos_request_dump(ctx, msg, add_device, vmqos_list_empty, &list);
	if (err) {
		free(list.items);
		return err;
	}
	*devices = list.items;
	*count = list.count;
	return 0;
}

const char *vmqos_device_type_name(uint32_t type)
{
	return type == VMQOS_DEVICE_BALLOON ? "balloon" : "unknown";
}
