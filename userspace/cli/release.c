// SPDX-License-Identifier: GPL-2.0
/* vmqos release */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "clock.h"
#include "out.h"

/* After so long without an end it is said which threads hold it up. */
#define REPORT_MS	1000
#define TIMEOUT_MAX_NS	UINT64_C(1000000000000000)

/* @gone: the kernel has let go of it; @said: what was said last of its threads */
struct leaving {
	uint32_t id;
	char name[VMQOS_NAME_MAX + 1];
	bool gone;
	char said[160];
};

struct request {
	bool all;
	bool no_wait;
	uint64_t timeout_ns;	/* 0: none */
	struct leaving *vms;
	size_t count;
};

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "no-wait", no_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	int option;

	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		switch (option) {
		case 'a':
			request->all = true;
			break;
		case 'n':
			request->no_wait = true;
			break;
		case 't':
			result = vmqos_arg_seconds(cli, "--timeout", optarg, 1, TIMEOUT_MAX_NS,
						   &request->timeout_ns);
			break;
		default:
			result = VMQOS_EXIT_USAGE;
		}
	}
	if (result)
		return result;
	if (request->all && optind < argc)
		return vmqos_say_usage(cli, "--all goes without the name of a VM");
	if (!request->all && optind == argc)
		return vmqos_say_usage(cli, "which VM? Give its number, name or UUID, or --all");
	return VMQOS_EXIT_OK;
}

static void remember(struct request *request, const struct vmqos_vm *vm)
{
	struct leaving *leaving = &request->vms[request->count++];

	leaving->id = vm->id;
	strcpy(leaving->name, vm->name);
}

static int by_id(const void *a, const void *b)
{
	const struct leaving *one = a, *other = b;

	return one->id < other->id ? -1 : one->id > other->id;
}

/* Finds all VMs before any of them is released. */
static int choose(struct vmqos_cli *cli, struct request *request, int argc, char **argv)
{
	struct vmqos_vm *vms;
	struct vmqos_vm vm;
	size_t count;
	size_t i;

	if (!request->all) {
		request->vms = vmqos_need(calloc(argc, sizeof(*request->vms)));
		for (; optind < argc; optind++) {
			int result = vmqos_arg_vm(cli, argv[optind], &vm);

			if (result)
				return result;
			remember(request, &vm);
		}
	} else {
		if (vmqos_vm_dump(cli->ctx, &vms, &count))
			return vmqos_say_failure(cli);
		request->vms = vmqos_need(calloc(count + 1, sizeof(*request->vms)));
		for (i = 0; i < count; i++)
			remember(request, &vms[i]);
		free(vms);
	}
	qsort(request->vms, request->count, sizeof(*request->vms), by_id);
	return VMQOS_EXIT_OK;
}

static int release(struct vmqos_cli *cli, struct request *request)
{
	int result = VMQOS_EXIT_OK;
	size_t i;

	for (i = 0; i < request->count; i++) {
		struct leaving *leaving = &request->vms[i];
		int err = vmqos_vm_release(cli->ctx, leaving->id, NULL);

		/* It ended by itself, or it is being released already. */
		if (err == -ENOENT)
			leaving->gone = true;
		else if (err && err != -EALREADY && err != -EBUSY && err != -EINPROGRESS)
			result = vmqos_say_failure(cli);
	}
	return result;
}

static size_t count_left(const struct request *request)
{
	size_t left = 0;
	size_t i;

	for (i = 0; i < request->count; i++)
		left += !request->vms[i].gone;
	return left;
}

/* Says which threads hold one VM up, when that has changed. */
static void report(struct vmqos_cli *cli, struct leaving *leaving)
{
	struct vmqos_holder *holders;
	char text[sizeof(leaving->said)];
	size_t used = 0;
	size_t count;
	size_t i;
	int err;

	err = vmqos_vm_holders(cli->ctx, leaving->id, &holders, &count);
	if (err == -ENOENT || err == -ENODEV)
		leaving->gone = true;
	if (err)
		return;
	text[0] = '\0';
	for (i = 0; i < count && used < sizeof(text); i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%u (vCPU %u, %s)",
				 i ? ", " : "", holders[i].tid, holders[i].vcpu,
				 vmqos_task_state_text(holders[i].task_state));
	free(holders);
	if (used >= sizeof(text))
		strcpy(text + sizeof(text) - 4, "...");
	if (!strcmp(text, leaving->said))
		return;
	strcpy(leaving->said, text);
	if (count)
		vmqos_say("waiting for %zu thread%s of %s: %s", count, vmqos_plural(count),
			  leaving->name, text);
}

/* Reads the VMs anew, after events were lost or none came for a while. */
static int look_again(struct vmqos_cli *cli, struct request *request)
{
	struct vmqos_vm *vms;
	size_t at = 0;
	size_t count;
	size_t i;
	int err;

	err = vmqos_vm_dump(cli->ctx, &vms, &count);
	if (err == -ENODEV) {
		for (i = 0; i < request->count; i++)
			request->vms[i].gone = true;
		return 0;
	}
	if (err)
		return err == -EAGAIN ? 0 : err;
	/* Both are in the order of the numbers. */
	for (i = 0; i < request->count; i++) {
		while (at < count && vms[at].id < request->vms[i].id)
			at++;
		if (at == count || vms[at].id != request->vms[i].id)
			request->vms[i].gone = true;
	}
	free(vms);
	return 0;
}

static void take_event(struct request *request, const struct vmqos_event *event)
{
	struct leaving key = { .id = event->vm.id };
	struct leaving *leaving;

	leaving = bsearch(&key, request->vms, request->count, sizeof(key), by_id);
	if (leaving)
		leaving->gone = true;
}

static int wait_gone(struct vmqos_cli *cli, struct request *request, struct vmqos_events *events)
{
	int64_t begin = vmqos_clock_ms();
	int64_t next = begin + REPORT_MS;
	int64_t end = request->timeout_ns ? begin + (int64_t)(request->timeout_ns / 1000000) :
		      INT64_MAX;

	while (count_left(request)) {
		int64_t now = vmqos_clock_ms();
		struct vmqos_event event;
		int64_t until = next < end ? next : end;
		int answer;
		size_t i;

		answer = vmqos_events_next(events, &event, until > now ? until - now : 0);
		if (answer < 0)
			return answer;
		if (answer && event.type == VMQOS_EVENT_VM_RELEASE) {
			take_event(request, &event);
		} else if (answer && (event.type == VMQOS_EVENT_LOST ||
				      event.type == VMQOS_EVENT_MODULE_GONE ||
				      event.type == VMQOS_EVENT_MODULE_LOADED)) {
			answer = look_again(cli, request);
			if (answer < 0)
				return answer;
		}
		now = vmqos_clock_ms();
		if (now >= next || now >= end) {
			next = now + REPORT_MS;
			answer = look_again(cli, request);
			if (answer < 0)
				return answer;
			for (i = 0; i < request->count; i++)
				if (!request->vms[i].gone)
					report(cli, &request->vms[i]);
		}
		if (now >= end)
			break;
	}
	return 0;
}

static void print_result(struct vmqos_cli *cli, const struct request *request)
{
	struct vmqos_out *out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	size_t i;

	vmqos_out_array(out, "vms");
	for (i = 0; i < request->count; i++) {
		const struct leaving *leaving = &request->vms[i];

		vmqos_out_object(out, NULL);
		vmqos_out_u64(out, "id", NULL, leaving->id);
		vmqos_out_str(out, "name", NULL, leaving->name);
		vmqos_out_bool(out, "gone", NULL, leaving->gone);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	vmqos_out_finish(out);
}

static int run_release(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_events *events = NULL;
	struct request request = { 0 };
	int result;

	result = parse(cli, argc, argv, &request);
	if (!result)
		result = choose(cli, &request, argc, argv);
	if (result)
		goto out;
	/* Listening comes first, so that no end is missed. */
	if (!request.no_wait && request.count && vmqos_events_open(cli->ctx, &events)) {
		result = vmqos_say_failure(cli);
		goto out;
	}
	result = release(cli, &request);
	if (!result && events && wait_gone(cli, &request, events))
		result = vmqos_say_failure(cli);
	if (!result && !request.no_wait && count_left(&request)) {
		vmqos_say("still being released: %zu of %zu; it ends by itself when the threads let go",
			  count_left(&request), request.count);
		result = VMQOS_EXIT_FAILED;
	}
	if (cli->json)
		print_result(cli, &request);
out:
	vmqos_events_close(events);
	free(request.vms);
	return result;
}

const struct vmqos_command vmqos_cmd_release = {
	.name = "release",
	.usage = "VM... | --all [--no-wait | --timeout SECONDS]",
	.summary = "Release VMs and wait until the kernel has let go of them",
	.options =
	"  --all              every VM that is adopted\n"
	"  --no-wait          do not wait; a release goes on by itself\n"
	"  --timeout SECONDS  wait no longer than this\n",
	.run = run_release,
};
