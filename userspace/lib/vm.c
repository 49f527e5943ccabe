// SPDX-License-Identifier: LGPL-2.1+
/* VMs: adopting by descriptor, getting, changing, releasing. */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vmqos.h>

#include "context.h"
#include "decode.h"
#include "list.h"
#include "request.h"

static int take_vm(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	return vmqos_decode_vm(ctx, attrs, size, arg);
}

static int put_settings(struct nl_msg *msg, const struct vmqos_vm_settings *settings)
{
	const struct {
		unsigned int attr;
		uint32_t value;
	} numbers[] = {
		{ VMQOS_VM_A_CPU_SHARES, settings->cpu_shares },
		{ VMQOS_VM_A_CPU_SHARES_LEVEL, settings->cpu_shares_level },
		{ VMQOS_VM_A_CPU_RESERVATION, settings->cpu_reservation },
		{ VMQOS_VM_A_CPU_LIMIT, settings->cpu_limit },
		{ VMQOS_VM_A_CPU_LATENCY, settings->cpu_latency },
		{ VMQOS_VM_A_CPU_CHARGE_OTHERS,
		  settings->cpu_charge_others ? VMQOS_SWITCH_ON : VMQOS_SWITCH_OFF },
		{ VMQOS_VM_A_MEM_SHARE_ZERO, settings->mem_share_zero },
	};
	size_t i;

	if ((settings->set & VMQOS_HAS(VMQOS_VM_NAME)) &&
	    nla_put_string(msg, VMQOS_VM_A_NAME, settings->name))
		return -EMSGSIZE;
	if ((settings->set & VMQOS_HAS(VMQOS_VM_UUID)) &&
	    nla_put(msg, VMQOS_VM_A_UUID, sizeof(settings->uuid), settings->uuid))
		return -EMSGSIZE;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if ((settings->set & VMQOS_HAS(numbers[i].attr)) &&
		    nla_put_u32(msg, numbers[i].attr, numbers[i].value))
			return -EMSGSIZE;
	if ((settings->set & VMQOS_HAS(VMQOS_VM_MEM_LIMIT)) &&
	    nla_put_u64(msg, VMQOS_VM_A_MEM_LIMIT, settings->mem_limit))
		return -EMSGSIZE;
	return 0;
}

int vmqos_vm_adopt_fd(struct vmqos *ctx, int vm_fd, uint32_t pid,
		      const struct vmqos_vm_settings *settings, struct vmqos_vm *vm)
{
	struct vmqos_vm unused;
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_VM_ADOPT, &msg);
	if (err)
		return err;
	if (nla_put_s32(msg, VMQOS_VM_A_VM_FD, vm_fd) ||
	    nla_put_u32(msg, VMQOS_VM_A_PID, pid) ||
	    (settings && put_settings(msg, settings)))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_vm, vm ? vm : &unused);
}

static int request_by_id(struct vmqos *ctx, uint8_t cmd, uint32_t id, struct vmqos_vm *vm)
{
	struct vmqos_vm unused;
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, cmd, &msg);
	if (err)
		return err;
	if (nla_put_u32(msg, VMQOS_VM_A_ID, id))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_vm, vm ? vm : &unused);
}

int vmqos_vm_get(struct vmqos *ctx, uint32_t id, struct vmqos_vm *vm)
{
	return request_by_id(ctx, VMQOS_CMD_VM_GET, id, vm);
}

int vmqos_vm_release(struct vmqos *ctx, uint32_t id, struct vmqos_vm *vm)
{
	return request_by_id(ctx, VMQOS_CMD_VM_RELEASE, id, vm);
}

int vmqos_vm_reclaim(struct vmqos *ctx, uint32_t id, uint64_t bytes)
{
	struct vmqos_vm unused;
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_VM_RECLAIM, &msg);
	if (err)
		return err;
	if (nla_put_u32(msg, VMQOS_VM_A_ID, id) ||
	    nla_put_u64(msg, VMQOS_VM_A_MEM_RECLAIM, bytes))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_vm, &unused);
}

int vmqos_vm_get_by_name(struct vmqos *ctx, const char *name, struct vmqos_vm *vm)
{
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_VM_GET, &msg);
	if (err)
		return err;
	if (nla_put_string(msg, VMQOS_VM_A_NAME, name))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_vm, vm);
}

static int add_vm(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	struct vmqos_vm *vm = vmqos_list_add(arg);

	if (!vm)
		return vmqos_fail_memory(ctx);
	return vmqos_decode_vm(ctx, attrs, size, vm);
}

static int by_id(const void *a, const void *b)
{
	const struct vmqos_vm *one = a, *other = b;

	return one->id < other->id ? -1 : one->id > other->id;
}

int vmqos_vm_dump(struct vmqos *ctx, struct vmqos_vm **vms, size_t *count)
{
	struct vmqos_list list = { .size = sizeof(**vms) };
	struct nl_msg *msg;
	int err;

	*vms = NULL;
	*count = 0;
	err = vmqos_request_begin(ctx, VMQOS_CMD_VM_GET, &msg);
	if (err)
		return err;
	err = vmqos_request_dump(ctx, msg, add_vm, vmqos_list_empty, &list);
	if (err) {
		free(list.items);
		return err;
	}
	vmqos_list_sort(&list, by_id);
	*vms = list.items;
	*count = list.count;
	return 0;
}

/* The VM with a UUID; where several have it, none is meant. */
static int find_by_uuid(struct vmqos *ctx, const char *text, const uint8_t *uuid,
			struct vmqos_vm *vm)
{
	struct vmqos_vm *vms;
	size_t found = 0;
	size_t count;
	size_t i;
	int err;

	err = vmqos_vm_dump(ctx, &vms, &count);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		if (!(vms[i].has & VMQOS_HAS(VMQOS_VM_UUID)) ||
		    memcmp(vms[i].uuid, uuid, VMQOS_UUID_SIZE))
			continue;
		*vm = vms[i];
		found++;
	}
	free(vms);
	if (found > 1)
		return vmqos_fail(ctx, -ENOTUNIQ, "%zu VMs have the UUID %s; give a number or a name",
				  found, text);
	if (!found)
		return vmqos_fail(ctx, -ENOENT, "no adopted VM has this UUID");
	return 0;
}

int vmqos_vm_find(struct vmqos *ctx, const char *text, struct vmqos_vm *vm)
{
	uint8_t uuid[VMQOS_UUID_SIZE];
	const char *wrong;
	uint64_t id;
	int err;

	if (!vmqos_number_parse(text, 1, UINT32_MAX, &id)) {
		err = vmqos_vm_get(ctx, id, vm);
		if (err != -ENOENT)
			return err;
	}
	wrong = vmqos_name_check(text);
	if (wrong)
		return vmqos_fail(ctx, -EINVAL, "\"%s\" names no VM: %s", text, wrong);
	err = vmqos_vm_get_by_name(ctx, text, vm);
	if (err == -ENOENT && !vmqos_uuid_parse(text, uuid))
		err = find_by_uuid(ctx, text, uuid, vm);
	return err;
}

int vmqos_vm_set(struct vmqos *ctx, uint32_t id,
		 const struct vmqos_vm_settings *settings, struct vmqos_vm *vm)
{
	struct vmqos_vm unused;
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_VM_SET, &msg);
	if (err)
		return err;
	if (nla_put_u32(msg, VMQOS_VM_A_ID, id) || put_settings(msg, settings))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_vm, vm ? vm : &unused);
}

const char *vmqos_vm_state_name(uint32_t state)
{
	switch (state) {
	case VMQOS_VM_ACTIVE:
		return "active";
	case VMQOS_VM_RELEASING:
		return "releasing";
	default:
		return "unknown";
	}
}

const char *vmqos_name_check(const char *name)
{
	size_t length = strlen(name);
	size_t i;

	if (!length)
		return "a name has at least one character";
	if (length > VMQOS_NAME_MAX)
		return "a name has at most 63 characters";
	for (i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return "a name has printable ASCII characters, no blanks and no slashes";
	return NULL;
}
