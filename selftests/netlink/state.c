// SPDX-License-Identifier: GPL-2.0
/* A picture of what commands can change, and the comparison of two of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

static void read_vm(const struct nlmsghdr *nlh, struct vmqos_state_vm *vm)
{
	static const uint16_t policy[] = {
		VMQOS_VM_A_CPU_SHARES, VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_VM_A_CPU_RESERVATION,
		VMQOS_VM_A_CPU_LIMIT, VMQOS_VM_A_CPU_LATENCY, VMQOS_VM_A_CPU_CHARGE_OTHERS,
		VMQOS_VM_A_MEM_SHARE_ZERO,
	};
	const struct nlattr *uuid = vmqos_raw_attr(nlh, VMQOS_VM_A_UUID);
	unsigned int i;

	vm->id = vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VM_A_ID));
	vm->pid = vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VM_A_PID));
	vm->state = vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VM_A_STATE));
	vm->vcpus = vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VM_A_VCPUS));
	for (i = 0; i < sizeof(policy) / sizeof(policy[0]); i++)
		vm->policy[i] = vmqos_raw_u32(vmqos_raw_attr(nlh, policy[i]));
	/* Those of a level grow when a vCPU is found. */
	if (vm->policy[1] != VMQOS_CPU_SHARES_LEVEL_CUSTOM)
		vm->policy[0] = 0;
	vm->adopted_ns = vmqos_raw_u64(vmqos_raw_attr(nlh, VMQOS_VM_A_ADOPTED_NS));
	snprintf(vm->name, sizeof(vm->name), "%s",
		 vmqos_raw_string(vmqos_raw_attr(nlh, VMQOS_VM_A_NAME)));
	vm->has_uuid = uuid && vmqos_raw_attr_len(uuid) == VMQOS_UUID_SIZE;
	if (vm->has_uuid)
		memcpy(vm->uuid, (const uint8_t *)uuid + NLA_HDRLEN, VMQOS_UUID_SIZE);
}

static int by_id(const void *a, const void *b)
{
	const struct vmqos_state_vm *vm_a = a, *vm_b = b;

	return vm_a->id < vm_b->id ? -1 : vm_a->id > vm_b->id;
}

/**
 * vmqos_state_take() - take a picture of the state
 * @raw: the socket
 * @state: the picture
 *
 * Return: 0 or -errno.
 */
int vmqos_state_take(struct vmqos_raw *raw, struct vmqos_state *state)
{
	struct vmqos_raw_answer answer = { 0 };
	const struct nlmsghdr *nlh = NULL;
	struct vmqos_raw_msg msg;
	int err;

	memset(state, 0, sizeof(*state));
	vmqos_raw_begin(raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK);
	err = vmqos_raw_call(raw, &msg, &answer);
	if (!err)
		err = -answer.error;
	if (!err && answer.replies != 1)
		err = -EPROTO;
	if (err)
		goto out;
	state->guest_time = vmqos_answer_u32(&answer, VMQOS_HOST_A_GUEST_TIME);
	state->scan_period_ms = vmqos_answer_u32(&answer, VMQOS_HOST_A_SCAN_PERIOD_MS);
	state->kept = vmqos_answer_u32(&answer, VMQOS_HOST_A_CPU_KEPT);
	state->reserved = vmqos_answer_u32(&answer, VMQOS_HOST_A_CPU_RESERVED);
	state->gate = vmqos_answer_u32(&answer, VMQOS_HOST_A_CPU_GATE);
	state->slice_us = vmqos_answer_u32(&answer, VMQOS_HOST_A_CPU_SLICE_US);
	state->host_vms = vmqos_answer_u32(&answer, VMQOS_HOST_A_VMS);
	err = vmqos_dump(raw, &answer, VMQOS_CMD_VM_GET);
	if (err)
		goto out;
	state->vm = calloc(answer.replies + 1, sizeof(*state->vm));
	if (!state->vm) {
		err = -ENOMEM;
		goto out;
	}
	while ((nlh = vmqos_raw_next(&answer, nlh)))
		read_vm(nlh, &state->vm[state->vms++]);
	qsort(state->vm, state->vms, sizeof(*state->vm), by_id);
out:
	vmqos_raw_free(&answer);
	return err;
}

/**
 * vmqos_state_find() - find a VM in a picture
 * @state: the picture
 * @id: the VM's number
 *
 * Return: the VM or NULL.
 */
const struct vmqos_state_vm *vmqos_state_find(const struct vmqos_state *state, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < state->vms; i++)
		if (state->vm[i].id == id)
			return &state->vm[i];
	return NULL;
}

#define SAY(...)	(snprintf(why, size, __VA_ARGS__), false)

/**
 * vmqos_state_same() - compare two pictures
 * @a: the earlier one
 * @b: the later one
 * @why: what has changed
 * @size: room in @why
 *
 * Return: whether nothing has.
 */
bool vmqos_state_same(const struct vmqos_state *a, const struct vmqos_state *b, char *why,
		      size_t size)
{
	unsigned int i;

	if (a->guest_time != b->guest_time)
		return SAY("guest-time was %u and is %u", a->guest_time, b->guest_time);
	if (a->scan_period_ms != b->scan_period_ms)
		return SAY("scan-period-ms was %u and is %u", a->scan_period_ms,
			   b->scan_period_ms);
	if (a->kept != b->kept || a->reserved != b->reserved || a->gate != b->gate ||
	    a->slice_us != b->slice_us)
		return SAY("kept %u reserved %u gate %u slice %u became %u %u %u %u", a->kept,
			   a->reserved, a->gate, a->slice_us, b->kept, b->reserved, b->gate,
			   b->slice_us);
	if (a->host_vms != b->host_vms)
		return SAY("the host had %u VMs and has %u", a->host_vms, b->host_vms);
	if (a->vms != b->vms)
		return SAY("%u VMs were listed and %u are", a->vms, b->vms);
	for (i = 0; i < a->vms; i++) {
		const struct vmqos_state_vm *x = &a->vm[i], *y = &b->vm[i];

		if (x->id != y->id)
			return SAY("VM %u was listed and is VM %u", x->id, y->id);
		if (strcmp(x->name, y->name))
			return SAY("VM %u was named %s and is %s", x->id, x->name, y->name);
		if (x->pid != y->pid || x->state != y->state || x->vcpus != y->vcpus ||
		    x->adopted_ns != y->adopted_ns)
			return SAY("VM %u: pid %u state %u vcpus %u adopted %lu became %u %u %u %lu",
				   x->id, x->pid, x->state, x->vcpus, x->adopted_ns, y->pid,
				   y->state, y->vcpus, y->adopted_ns);
		if (memcmp(x->policy, y->policy, sizeof(x->policy)))
			return SAY("the policy of VM %u has changed: shares %u, %u, reservation %u, %u",
				   x->id, x->policy[0], y->policy[0], x->policy[2], y->policy[2]);
		if (x->has_uuid != y->has_uuid || memcmp(x->uuid, y->uuid, sizeof(x->uuid)))
			return SAY("the UUID of VM %u has changed", x->id);
	}
	return true;
}

/**
 * vmqos_state_free() - free a picture
 * @state: the picture
 */
void vmqos_state_free(struct vmqos_state *state)
{
	free(state->vm);
	memset(state, 0, sizeof(*state));
}
