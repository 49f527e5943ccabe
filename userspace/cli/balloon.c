// SPDX-License-Identifier: GPL-2.0
/* vmqos balloon */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "balloon_qemu.h"
#include "cli.h"
#include "clock.h"
#include "out.h"
#include "records.h"

/* How often the kernel is asked how far a guest has come. */
#define PERIOD_NS	50000000
#define TIMEOUT_MAX_NS	UINT64_C(1000000000000000)
#define DEADLINE_MAX_S	86400
#define PERIOD_MAX_S	86400

/* "-512M" is no option: it is taken out before options are looked for. */
static int take_less(int argc, char **argv, struct vmqos_balloon_wish *request)
{
	int kept = 1, i;

	for (i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && isdigit((unsigned char)argv[i][1]) && !request->size)
			request->size = argv[i];
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

static int take_size(struct vmqos_cli *cli, struct vmqos_balloon_wish *request)
{
	const char *text = request->size;
	char why[160];

	if (!strcmp(text, "off"))
		return VMQOS_EXIT_OK;
	if (*text == '+' || *text == '-')
		request->sign = *text++;
	if (vmqos_bytes_parse(text, &request->bytes, why, sizeof(why)) || !strcmp(text, "none"))
		return vmqos_say_usage(cli, "the size is \"%s\" and must be bytes, or with K, M, G or T as in 512M, +1G, -1G, or off",
				       request->size);
	return VMQOS_EXIT_OK;
}

static int take_option(struct vmqos_cli *cli, int option, struct vmqos_balloon_wish *request)
{
	struct vmqos_balloon_settings *settings = &request->settings;
	uint64_t ns;
	int result;

	switch (option) {
	case 'w':
		request->wait = true;
		return optarg ? vmqos_arg_seconds(cli, "--wait", optarg, 1, TIMEOUT_MAX_NS,
						  &request->wait_ns) : VMQOS_EXIT_OK;
	case 'p':
		result = vmqos_arg_seconds(cli, "--period", optarg, 0,
					   PERIOD_MAX_S * UINT64_C(1000000000), &ns);
		/* Not more often than once a second. */
		settings->stats_seconds = result ? 0 : (ns + 999999999) / 1000000000;
		settings->set |= VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS);
		return result;
	case 'd':
		result = vmqos_arg_seconds(cli, "--deadline", optarg, 1000000,
					   DEADLINE_MAX_S * UINT64_C(1000000000), &ns);
		settings->deadline_ms = result ? 0 : ns / 1000000;
		settings->set |= VMQOS_HAS(VMQOS_BALLOON_DEADLINE_MS);
		return result;
	case 'r':
		if (strlen(optarg) >= sizeof(settings->reason))
			return vmqos_say_usage(cli, "--reason is a word of at most %zu letters, digits and -",
					       sizeof(settings->reason) - 1);
		strcpy(settings->reason, optarg);
		settings->set |= VMQOS_HAS(VMQOS_BALLOON_REASON);
		return VMQOS_EXIT_OK;
	}
	return VMQOS_EXIT_USAGE;
}

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct vmqos_balloon_wish *request)
{
	static const struct option longs[] = {
		{ "wait", optional_argument, NULL, 'w' },
		{ "period", required_argument, NULL, 'p' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "reason", required_argument, NULL, 'r' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	int option;

	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1)
		result = take_option(cli, option, request);
	if (result)
		return result;
	if (argc - optind > 2 || (argc - optind == 2 && request->size))
		return vmqos_say_usage(cli, "\"%s\" is one argument too many", argv[argc - 1]);
	if (argc - optind == 2)
		request->size = argv[optind + 1];
	if (optind == argc && (request->size || request->settings.set || request->wait))
		return vmqos_say_usage(cli, "which VM? Give its number, name or UUID");
	if (!request->size && (request->settings.set & ~VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS)))
		return vmqos_say_usage(cli, "a reason and a deadline go with a size");
	return request->size ? take_size(cli, request) : VMQOS_EXIT_OK;
}

static bool has(const struct vmqos_balloon *balloon, unsigned int field)
{
	return balloon->has & VMQOS_HAS(field);
}

static void line(struct vmqos_out *out, const char *label, uint64_t bytes)
{
	char text[VMQOS_BYTES_TEXT];

	vmqos_out_str(out, label, label, vmqos_bytes_format(bytes, text, sizeof(text)));
}

static uint64_t sum(const struct vmqos_balloon_refused *refused)
{
	return refused->foreign + refused->readonly + refused->locked + refused->pinned +
	       refused->watched + refused->special + refused->partial + refused->poison +
	       refused->failed;
}

/* What a person sees of a balloon. */
static void write_lines(struct vmqos_out *out, const struct vmqos_balloon *balloon)
{
	char text[64], bytes[VMQOS_BYTES_TEXT];
	const struct vmqos_guest_desc *descs;
	size_t count, i;

	if (has(balloon, VMQOS_BALLOON_NAME))
		vmqos_out_str(out, "name", "VM", balloon->name);
	snprintf(text, sizeof(text), "%s, device %s",
		 vmqos_balloon_backend_name(balloon->backend), balloon->device);
	vmqos_out_str(out, "backend", "served by", text);
	line(out, "balloon", balloon->actual);
	line(out, "target", balloon->target);
	if (balloon->target_ns)
		snprintf(text, sizeof(text), "%s, %s/s (%s)",
			 vmqos_balloon_state_name(balloon->state),
			 vmqos_bytes_format(balloon->speed, bytes, sizeof(bytes)),
			 balloon->reason);
	else
		snprintf(text, sizeof(text), "%s", vmqos_balloon_state_name(balloon->state));
	vmqos_out_str(out, "state", "state", text);
	if (has(balloon, VMQOS_BALLOON_MEMORY)) {
		line(out, "memory", balloon->memory);
		line(out, "left to the guest", balloon->memory > balloon->actual ?
		     balloon->memory - balloon->actual : 0);
	}
	line(out, "host got so far", balloon->given);
	if (sum(&balloon->refused))
		line(out, "refused", sum(&balloon->refused));
	line(out, "reported free", balloon->reported);
	if (!has(balloon, VMQOS_BALLOON_STATS))
		return;
	snprintf(text, sizeof(text), "%.1f s ago, every %u s", vmqos_balloon_age(balloon),
		 balloon->stats_seconds);
	vmqos_out_str(out, "guest", "guest told", text);
	descs = vmqos_guest_descs(&count);
	for (i = 0; i < count; i++) {
		uint64_t value = vmqos_guest_value(&balloon->stats, descs[i].field);

		if (!(balloon->stats.has & VMQOS_HAS(descs[i].field)))
			continue;
		if (descs[i].bytes)
			line(out, descs[i].label, value);
		else
			vmqos_out_u64(out, descs[i].name, descs[i].label, value);
	}
}

static void print(struct vmqos_cli *cli, const struct vmqos_balloon *balloon,
		  struct json_object *controller)
{
	struct vmqos_out *out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);

	if (cli->json)
		vmqos_write_balloon(out, balloon);
	else
		write_lines(out, balloon);
	if (controller)
		vmqos_write_controller(out, controller);
	vmqos_out_finish(out);
}

static void write_row(struct vmqos_out *out, const struct vmqos_balloon *balloon)
{
	char text[VMQOS_BYTES_TEXT];

	vmqos_out_str(out, "vm", "VM", has(balloon, VMQOS_BALLOON_NAME) ? balloon->name : "-");
	vmqos_out_str(out, "d", "DEVICE", balloon->device);
	vmqos_out_str(out, "b", "BY", vmqos_balloon_backend_name(balloon->backend));
	vmqos_out_u64_text(out, "a", "BALLOON", balloon->actual,
			   vmqos_bytes_format(balloon->actual, text, sizeof(text)));
	vmqos_out_u64_text(out, "t", "TARGET", balloon->target,
			   vmqos_bytes_format(balloon->target, text, sizeof(text)));
	vmqos_out_u64_text(out, "m", "MEMORY", balloon->memory,
			   has(balloon, VMQOS_BALLOON_MEMORY) ?
			   vmqos_bytes_format(balloon->memory, text, sizeof(text)) : "-");
	vmqos_out_str(out, "s", "STATE", vmqos_balloon_state_name(balloon->state));
}

static int list_all(struct vmqos_cli *cli)
{
	struct vmqos_balloon *balloons = NULL;
	struct vmqos_out *out;
	size_t count = 0, i;
	int err;

	err = vmqos_balloon_dump(cli->ctx, &balloons, &count);
	/* Without the module that serves balloons there are still those of QEMU itself. */
	if (err && (err != -EOPNOTSUPP || !vmqos_balloon_qemu_served()))
		return vmqos_say_failure(cli);
	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	vmqos_out_array(out, "balloons");
	for (i = 0; i < count; i++) {
		vmqos_out_object(out, NULL);
		if (cli->json)
			vmqos_write_balloon(out, &balloons[i]);
		else
			write_row(out, &balloons[i]);
		vmqos_out_end(out);
	}
	count += vmqos_balloon_qemu_list(cli, out);
	vmqos_out_end(out);
	vmqos_out_finish(out);
	free(balloons);
	if (!count && !cli->json)
		puts("There is no balloon; \"vmqos virtio add balloon\" makes one");
	return VMQOS_EXIT_OK;
}

/* More or less is meant of what was asked last, not of what was reached. 0 or an errno. */
static int choose_target(struct vmqos_cli *cli, uint32_t id, struct vmqos_balloon_wish *request)
{
	struct vmqos_balloon balloon;
	uint64_t target = request->bytes;
	int err;

	if (request->sign) {
		err = vmqos_balloon_get(cli->ctx, id, &balloon);
		if (err)
			return err;
		if (request->sign == '+')
			target = balloon.target + target < target ? UINT64_MAX :
				 balloon.target + target;
		else
			target = balloon.target > target ? balloon.target - target : 0;
	}
	request->settings.target = target;
	request->settings.set |= VMQOS_HAS(VMQOS_BALLOON_TARGET);
	return 0;
}

static int wait_reached(struct vmqos_cli *cli, uint32_t id,
			const struct vmqos_balloon_wish *request, struct vmqos_balloon *balloon)
{
	const struct timespec period = { .tv_nsec = PERIOD_NS };
	int64_t end = request->wait_ns ?
		      vmqos_clock_ms() + (int64_t)(request->wait_ns / 1000000) : INT64_MAX;

	while (balloon->state != VMQOS_BALLOON_REACHED && vmqos_clock_ms() < end) {
		nanosleep(&period, NULL);
		if (vmqos_balloon_get(cli->ctx, id, balloon))
			return vmqos_say_failure(cli);
	}
	return VMQOS_EXIT_OK;
}

/* The kernel does as it is asked, whatever the guest has to say to it. */
static int run_kernel(struct vmqos_cli *cli, const struct vmqos_vm *vm,
		      struct vmqos_balloon_wish *request)
{
	struct vmqos_balloon balloon;
	int result, err = 0;

	if (request->size)
		err = choose_target(cli, vm->id, request);
	if (!err)
		err = request->settings.set ?
		      vmqos_balloon_set(cli->ctx, vm->id, &request->settings, &balloon) :
		      vmqos_balloon_get(cli->ctx, vm->id, &balloon);
	if (err)
		return vmqos_say_failure(cli);
	result = request->wait ? wait_reached(cli, vm->id, request, &balloon) : VMQOS_EXIT_OK;
	if (result)
		return result;
	print(cli, &balloon, NULL);
	if (!request->wait || balloon.state == VMQOS_BALLOON_REACHED)
		return VMQOS_EXIT_OK;
	vmqos_say("the guest of %s has not reached the target in that time; it may still do",
		  vm->name);
	return VMQOS_EXIT_FAILED;
}

/* How often a guest is asked while nothing is wanted of it is no affair of vmqosd's. */
static bool is_period_alone(const struct vmqos_balloon_wish *request)
{
	return !request->size && request->settings.set & VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS);
}

static int run_balloon(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_balloon_wish request = { 0 };
	struct json_object *controller = NULL;
	struct vmqos_balloon balloon;
	struct vmqos_vm vm;
	int result, err;

	argc = take_less(argc, argv, &request);
	result = parse(cli, argc, argv, &request);
	if (result)
		return result;
	if (optind == argc)
		return list_all(cli);
	result = vmqos_arg_vm(cli, argv[optind], &vm);
	if (result)
		return result;
	if (!vmqos_balloon_qemu_served())
		return run_kernel(cli, &vm, &request);
	err = vmqos_balloon_get(cli->ctx, vm.id, &balloon);
	/* What the kernel does not serve QEMU may have itself. */
	if (err == -ENXIO || err == -EOPNOTSUPP)
		return vmqos_balloon_qemu(cli, &vm, &request);
	if (err)
		return vmqos_say_failure(cli);
	if (is_period_alone(&request))
		return run_kernel(cli, &vm, &request);
	result = vmqos_balloon_controlled(cli, &vm, &request, &controller);
	if (result < 0)
		return run_kernel(cli, &vm, &request);
	if (!result || controller) {
		if (vmqos_balloon_get(cli->ctx, vm.id, &balloon))
			result = vmqos_say_failure(cli);
		else
			print(cli, &balloon, controller);
	}
	json_object_put(controller);
	return result;
}

const struct vmqos_command vmqos_cmd_balloon = {
	.name = "balloon",
	.usage = "[VM [[+|-]SIZE|off]] [--wait[=SECONDS]] [--period SECONDS]\n"
	"       [--deadline SECONDS] [--reason WORD]",
	.summary = "Take memory from a running guest, and show what it has given and told",
	.options =
	"  SIZE                how large the balloon is to be: what the guest gives to the host,\n"
	"                      not what it is left with; as in 512M\n"
	"  +SIZE, -SIZE        that much more or less than it was asked last\n"
	"  off                 the guest is to have all of its memory back\n"
	"  --wait[=SECONDS]    wait until the guest has done it, no longer than that\n"
	"  --period SECONDS    how often the guest is asked for its statistics, 0 for never\n"
	"  --deadline SECONDS  say so when the guest has not done it by then\n"
	"  --reason WORD       why, for who looks at it; request by default\n"
	"Without a VM all balloons are listed.\n",
	.run = run_balloon,
};
