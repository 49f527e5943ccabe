// SPDX-License-Identifier: GPL-2.0
/* vmqos top: its options */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cli.h"
#include "top.h"

#define INTERVAL_DEFAULT	UINT64_C(5000000000)
#define INTERVAL_LEAST		UINT64_C(100000000)
#define INTERVAL_GREATEST	UINT64_C(3600000000000)

/*
 * @batch: -b, CSV or JSON
 * @once: --once, one table
 * @memory: --memory, the page of memory
 * @sort: what --sort was given
 */
struct request {
	bool batch;
	bool once;
	bool memory;
	const char *sort;
	struct vmqos_top_options options;
};

/* P99us is a heading on both pages: the one of the page that is shown is meant. */
static int take_sort(struct vmqos_cli *cli, const char *text, enum vmqos_top_page page,
		     struct vmqos_top_order *order)
{
	const struct vmqos_top_column *column;
	size_t i;

	memset(order, 0, sizeof(*order));
	if (!strcmp(text, "id"))
		return VMQOS_EXIT_OK;
	if (!strcmp(text, "name")) {
		order->by_name = true;
		return VMQOS_EXIT_OK;
	}
	for (i = 0; i < vmqos_top_column_count; i++) {
		column = &vmqos_top_columns[i];
		if ((!strcmp(text, column->key) || !strcmp(text, column->title)) &&
		    (!order->sort || column->page == page))
			order->sort = column;
	}
	if (order->sort)
		return VMQOS_EXIT_OK;
	return vmqos_say_usage(cli, "--sort is \"%s\" and must be name, id or a column, as in %%RDY or ready_pct",
			       text);
}

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "batch", no_argument, NULL, 'b' },
		{ "samples", required_argument, NULL, 'n' },
		{ "delay", required_argument, NULL, 'd' },
		{ "once", no_argument, NULL, '1' },
		{ "vcpus", no_argument, NULL, 'v' },
		{ "memory", no_argument, NULL, 'm' },
		{ "sort", required_argument, NULL, 's' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	int option;

	while (!result &&
	       (option = vmqos_next_option(cli, argc, argv, ":bn:d:", longs)) != -1) {
		switch (option) {
		case 'b':
			request->batch = true;
			break;
		case 'n':
			result = vmqos_arg_number(cli, "-n", optarg, 1, UINT32_MAX,
						  &request->options.samples);
			break;
		case 'd':
			result = vmqos_arg_seconds(cli, "-d", optarg, INTERVAL_LEAST,
						   INTERVAL_GREATEST,
						   &request->options.interval_ns);
			break;
		case '1':
			request->once = true;
			break;
		case 'v':
			request->options.vcpus = true;
			break;
		case 'm':
			request->memory = true;
			break;
		case 's':
			request->sort = optarg;
			break;
		default:
			result = VMQOS_EXIT_USAGE;
		}
	}
	if (result)
		return result;
	if (optind < argc)
		return vmqos_say_usage(cli, "\"%s\" is one argument too many", argv[optind]);
	if (request->batch && request->once)
		return vmqos_say_usage(cli, "-b and --once do not go together");
	if (request->once && request->options.samples)
		return vmqos_say_usage(cli, "-n and --once do not go together");
	if (cli->json && !request->batch && !request->once)
		return vmqos_say_usage(cli, "--json needs -b or --once");
	if (!request->batch && !request->once && !isatty(STDOUT_FILENO))
		return vmqos_say_usage(cli, "the output is no terminal; use -b or --once");
	return VMQOS_EXIT_OK;
}

static int run_top(struct vmqos_cli *cli, int argc, char **argv)
{
	struct request request = {
		.options.interval_ns = INTERVAL_DEFAULT,
	};
	struct vmqos_top top = { .cli = cli };
	int result;

	result = parse(cli, argc, argv, &request);
	top.page = request.memory ? VMQOS_TOP_MEMORY : VMQOS_TOP_CPU;
	if (!result && request.sort)
		result = take_sort(cli, request.sort, top.page, &request.options.order);
	if (result)
		return result;
	if (!request.sort)
		request.options.order.sort = vmqos_top_default_sort(top.page);
	if (cli->json) {
		if (request.once)
			request.options.samples = 1;
		result = vmqos_top_json(&top, &request.options);
	} else if (request.batch) {
		result = vmqos_top_csv(&top, &request.options);
	} else if (request.once) {
		result = vmqos_top_table(&top, &request.options);
	} else {
		result = vmqos_top_screen(&top, &request.options);
	}
	vmqos_top_forget(&top);
	free(top.rows);
	free(top.vcpu_rows);
	free(top.wanted);
	return result;
}

const struct vmqos_command vmqos_cmd_top = {
	.name = "top",
	.usage = "[-d SECONDS] [-n SAMPLES] [-b | --once] [--vcpus] [--memory]\n"
	"       [--sort COLUMN]",
	.summary = "Watch which VM runs, waits for a CPU, idles, and takes memory",
	.options =
	"  -d SECONDS     time between two samples, 5 by default\n"
	"  -n SAMPLES     end after so many\n"
	"  -b             no screen: CSV, or with --json an object a line\n"
	"  --once         no screen: one table of one interval\n"
	"  --vcpus        with every vCPU\n"
	"  --memory       the page of memory: how much each VM has and takes\n"
	"  --sort COLUMN  name, id or a column, as in %RDY or ready_pct; %USED by default\n"
	"Keys on the screen: h shows them. Columns and formulas: vmqos-top(8).\n",
	.run = run_top,
};
