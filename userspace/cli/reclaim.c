// SPDX-License-Identifier: GPL-2.0
/* vmqos reclaim */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "args.h"
#include "cli.h"
#include "clock.h"
#include "out.h"

/* The kernel goes on in the background; how often it is asked how far it has come. */
#define PERIOD_NS	50000000
/* A VMM that changes its address space just then is done with it soon. */
#define TRIES		100
#define PAGE		4096

struct request {
	uint64_t bytes;
	uint64_t timeout_ns;
};

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	char why[160];
	int option;

	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		if (option != 't')
			return VMQOS_EXIT_USAGE;
		result = vmqos_arg_seconds(cli, "--timeout", optarg, 1, UINT64_MAX / 2,
					   &request->timeout_ns);
	}
	if (result)
		return result;
	if (argc - optind != 2)
		return vmqos_say_usage(cli, "reclaim takes a VM and how much, as in: reclaim web 512M");
	if (vmqos_bytes_parse(argv[optind + 1], &request->bytes, why, sizeof(why)))
		return vmqos_say_usage(cli, "the size is \"%s\", which %s", argv[optind + 1], why);
	if (!request->bytes)
		return vmqos_say_usage(cli, "there is nothing to do for \"%s\"", argv[optind + 1]);
	return VMQOS_EXIT_OK;
}

static void pause_a_while(void)
{
	const struct timespec period = { .tv_nsec = PERIOD_NS };

	nanosleep(&period, NULL);
}

static int begin(struct vmqos_cli *cli, uint32_t id, uint64_t bytes)
{
	int err = -EAGAIN, i;

	for (i = 0; i < TRIES && err == -EAGAIN; i++) {
		if (i)
			pause_a_while();
		err = vmqos_vm_reclaim(cli->ctx, id, bytes);
	}
	return err;
}

static void print_result(struct vmqos_cli *cli, const struct vmqos_vm *vm, uint64_t asked,
			 const struct vmqos_mem *mem, uint64_t before)
{
	uint64_t got = (mem->reclaimed - before) * PAGE;
	char text[VMQOS_BYTES_TEXT], of[VMQOS_BYTES_TEXT], now[VMQOS_BYTES_TEXT];
	struct vmqos_out *out;

	if (!cli->json) {
		printf("%s: %s of %s reclaimed, %s resident\n", vm->name,
		       vmqos_bytes_format(got, text, sizeof(text)),
		       vmqos_bytes_format(asked, of, sizeof(of)),
		       vmqos_bytes_format(mem->resident, now, sizeof(now)));
		return;
	}
	out = vmqos_out_begin(VMQOS_OUT_JSON);
	vmqos_out_u64(out, "id", NULL, vm->id);
	vmqos_out_str(out, "name", NULL, vm->name);
	vmqos_out_u64(out, "asked", NULL, asked);
	vmqos_out_u64(out, "reclaimed", NULL, got);
	vmqos_out_u64(out, "reclaim_left", NULL, mem->reclaim_left);
	vmqos_out_u64(out, "resident", NULL, mem->resident);
	vmqos_out_finish(out);
}

static int run_reclaim(struct vmqos_cli *cli, int argc, char **argv)
{
	struct request request = { 0 };
	struct vmqos_vm_stat stat;
	struct vmqos_vm vm;
	int64_t end;
	uint64_t before;
	int result;

	result = parse(cli, argc, argv, &request);
	if (!result)
		result = vmqos_arg_vm(cli, argv[optind], &vm);
	if (result)
		return result;
	end = request.timeout_ns ? vmqos_clock_ms() + (int64_t)(request.timeout_ns / 1000000) :
	      INT64_MAX;
	if (vmqos_vm_stat_get(cli->ctx, vm.id, &stat))
		return vmqos_say_failure(cli);
	before = stat.mem.reclaimed;
	if (begin(cli, vm.id, request.bytes) || vmqos_vm_stat_get(cli->ctx, vm.id, &stat))
		return vmqos_say_failure(cli);
	while (stat.mem.reclaim_left && vmqos_clock_ms() < end) {
		pause_a_while();
		if (vmqos_vm_stat_get(cli->ctx, vm.id, &stat))
			return vmqos_say_failure(cli);
	}
	print_result(cli, &vm, request.bytes, &stat.mem, before);
	if (stat.mem.reclaim_left)
		vmqos_say("it goes on in the background; \"vmqos stat %s\" says how far it has come",
			  vm.name);
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_reclaim = {
	.name = "reclaim",
	.usage = "VM SIZE [--timeout SECONDS]",
	.summary = "Have a VM give back memory, and say how much it did",
	.options =
	"  SIZE               how much, as in 512M or 1G\n"
	"  --timeout SECONDS  wait no longer than this; it goes on in the background\n",
	.run = run_reclaim,
};
