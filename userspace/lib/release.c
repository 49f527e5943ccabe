// SPDX-License-Identifier: LGPL-2.1+
/* Waiting for a release, and the threads that hold one up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "context.h"
#include "list.h"

/* 1 when the VM is gone, 0 when it is still there, or a negative errno. */
static int is_gone(struct vmqos *ctx, uint32_t id)
{
	struct vmqos_vm vm;
	int err = vmqos_vm_get(ctx, id, &vm);

	if (err == -ENOENT || err == -ENODEV)
		return 1;
	return err;
}

static int wait_gone(struct vmqos *ctx, struct vmqos_events *events, uint32_t id, int timeout_ms)
{
	int64_t end = vmqos_now_ms() + timeout_ms;
	struct vmqos_event event;
	int rest = timeout_ms;
	int answer;

	for (;;) {
		if (timeout_ms >= 0)
			rest = vmqos_left_ms(end);
		answer = vmqos_events_next(events, &event, rest);
		if (answer < 0)
			return answer;
		if (!answer)
			break;
		switch (event.type) {
		case VMQOS_EVENT_VM_RELEASE:
			if (event.vm.id == id)
				return 0;
			break;
		case VMQOS_EVENT_LOST:
		case VMQOS_EVENT_MODULE_GONE:
		case VMQOS_EVENT_MODULE_LOADED:
			answer = is_gone(ctx, id);
			if (answer)
				return answer > 0 ? 0 : answer;
			break;
		}
	}
	answer = is_gone(ctx, id);
	if (answer)
		return answer > 0 ? 0 : answer;
	return vmqos_fail(ctx, -ETIMEDOUT, "VM %u is still being released after %d ms", id,
			  timeout_ms);
}

int vmqos_vm_release_wait(struct vmqos *ctx, uint32_t id, int timeout_ms)
{
	struct vmqos_events *events;
	struct vmqos_vm vm;
	int err;

	/* Listening comes first, so that the end cannot be missed. */
	err = vmqos_events_open(ctx, &events);
	if (err)
		return err;
	err = vmqos_vm_release(ctx, id, &vm);
	if (err == -EALREADY || err == -EBUSY || err == -EINPROGRESS)
		err = 0;
	if (!err)
		err = wait_gone(ctx, events, id, timeout_ms);
	vmqos_events_close(events);
	return err;
}

/* State letter of a thread, 0 when it cannot be read. */
static char task_state(uint32_t tid)
{
	char line[512];
	char path[64];
	size_t size;
	char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	size = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[size] = '\0';
	/* The name before the state may hold blanks and parentheses itself. */
	end = strrchr(line, ')');
	if (!end || end[1] != ' ')
		return 0;
	return end[2];
}

int vmqos_vm_holders(struct vmqos *ctx, uint32_t id,
		     struct vmqos_holder **holders, size_t *count)
{
	struct vmqos_list list = { .size = sizeof(**holders) };
	struct vmqos_vcpu *vcpus;
	size_t vcpu_count;
	size_t i;
	int err;

	*holders = NULL;
	*count = 0;
	err = vmqos_vcpu_stat_dump(ctx, id, &vcpus, &vcpu_count);
	if (err)
		return err;
	for (i = 0; i < vcpu_count; i++) {
		struct vmqos_holder *holder;

		if (!vcpus[i].tid || (vcpus[i].state != VMQOS_VCPU_ATTACHED &&
				      vcpus[i].state != VMQOS_VCPU_PENDING))
			continue;
		holder = vmqos_list_add(&list);
		if (!holder) {
			free(list.items);
			free(vcpus);
			return vmqos_fail_memory(ctx);
		}
		holder->vcpu = vcpus[i].index;
		holder->tid = vcpus[i].tid;
		holder->task_state = task_state(vcpus[i].tid);
	}
	free(vcpus);
	*holders = list.items;
	*count = list.count;
	return 0;
}

const char *vmqos_task_state_text(char task_state)
{
	switch (task_state) {
	case 'R':
		return "running or ready";
	case 'S':
		return "sleeping";
	case 'D':
		return "in an uninterruptible wait";
	case 'T':
		return "stopped";
	case 't':
		return "stopped by a tracer";
	case 'Z':
	case 'X':
		return "dead";
	case 'I':
		return "idle";
	default:
		return "in an unknown state";
	}
}
