// SPDX-License-Identifier: GPL-2.0
/* vmqos move */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "args.h"
#include "cli.h"
#include "clock.h"
#include "out.h"

struct request {
	uint64_t node;
	bool has_node;
	uint64_t timeout_ns;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "node", required_argument, NULL, 'N' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	int option;

	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		switch (option) {
		case 'N':
			request->has_node = true;
			if (vmqos_number_parse(optarg, 0, UINT32_MAX / 2, &request->node))
				return vmqos_say_usage(cli, "--node is the number of a NUMA node, not \"%s\"",
						       optarg);
			break;
		case 't':
			result = vmqos_arg_seconds(cli, "--timeout", optarg, 1, UINT64_MAX / 2,
						   &request->timeout_ns);
			break;
		default:
			return VMQOS_EXIT_USAGE;
		}
	}
	if (result)
		return result;
	if (argc - optind != 1 || !request->has_node)
		return vmqos_say_usage(cli, "move takes a VM and a NUMA node, as in: move web --node 1");
	return VMQOS_EXIT_OK;
}

static bool go_on(void *arg)
{
	const int64_t *end = arg;

	return !interrupted && vmqos_clock_ms() < *end;
}

static void print_part(uint64_t bytes, const char *what)
{
	char text[VMQOS_BYTES_TEXT];

	if (bytes)
		printf(", %s %s", vmqos_bytes_format(bytes, text, sizeof(text)), what);
}

static void print_result(struct vmqos_cli *cli, const struct vmqos_vm *vm, uint64_t node,
			 const struct vmqos_move *move)
{
	char text[VMQOS_BYTES_TEXT];
	struct vmqos_out *out;

	if (!cli->json) {
		printf("%s: %s moved to node %" PRIu64, vm->name,
		       vmqos_bytes_format(move->moved, text, sizeof(text)), node);
		print_part(move->there, "there before");
		print_part(move->busy, "left, in use just then");
		print_part(move->no_memory, "left, the node has no memory free");
		print_part(move->refused, "left, not to be moved");
		print_part(move->unmapped, "not mapped");
		putchar('\n');
		return;
	}
	out = vmqos_out_begin(VMQOS_OUT_JSON);
	vmqos_out_u64(out, "id", NULL, vm->id);
	vmqos_out_str(out, "name", NULL, vm->name);
	vmqos_out_u64(out, "node", NULL, node);
	vmqos_out_u64(out, "configured", NULL, move->configured);
	vmqos_out_u64(out, "moved", NULL, move->moved);
	vmqos_out_u64(out, "there", NULL, move->there);
	vmqos_out_u64(out, "unmapped", NULL, move->unmapped);
	vmqos_out_u64(out, "busy", NULL, move->busy);
	vmqos_out_u64(out, "no_memory", NULL, move->no_memory);
	vmqos_out_u64(out, "refused", NULL, move->refused);
	vmqos_out_bool(out, "complete", NULL, move->complete);
	vmqos_out_finish(out);
}

static int run_move(struct vmqos_cli *cli, int argc, char **argv)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct request request = { 0 };
	int64_t end = INT64_MAX;
	struct vmqos_move move;
	struct vmqos_vm vm;
	int result;

	result = parse(cli, argc, argv, &request);
	if (!result)
		result = vmqos_arg_vm(cli, argv[optind], &vm);
	if (result)
		return result;
	if (request.timeout_ns)
		end = vmqos_clock_ms() + (int64_t)(request.timeout_ns / 1000000);
	/* What has been moved by then is to be told. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (vmqos_vm_move(cli->ctx, vm.id, request.node, go_on, &end, &move))
		return vmqos_say_failure(cli);
	print_result(cli, &vm, request.node, &move);
	if (move.complete)
		return VMQOS_EXIT_OK;
	vmqos_say("it was ended before all of %s's memory was looked at", vm.name);
	return VMQOS_EXIT_FAILED;
}

const struct vmqos_command vmqos_cmd_move = {
	.name = "move",
	.usage = "VM --node N [--timeout SECONDS]",
	.summary = "Move a VM's memory to a NUMA node, and say how much was",
	.options =
	"  --node N           number of the node\n"
	"  --timeout SECONDS  end it after this time; what has been moved stays there\n",
	.run = run_move,
};
