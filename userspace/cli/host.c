// SPDX-License-Identifier: GPL-2.0
/* vmqos host */
#include <getopt.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

struct request {
	bool change;
	int node;
	struct vmqos_host_settings settings;
};

/* A scan period: milliseconds, or with its unit. */
static int take_period(struct vmqos_cli *cli, const char *text, struct request *request)
{
	uint64_t number;

	if (!vmqos_duration_parse(text, &number)) {
		number /= 1000000;
	} else if (vmqos_number_parse(text, 0, UINT32_MAX, &number)) {
		return vmqos_say_usage(cli, "--scan-period is \"%s\" and must be milliseconds, as in 100 or 1s",
				       text);
	}
	if (number > UINT32_MAX)
		number = UINT32_MAX;
	/* Bounds are the kernel's business, its refusal names them. */
	request->settings.scan_period_ms = number;
	request->settings.set |= VMQOS_HAS(VMQOS_HOST_SCAN_PERIOD_MS);
	return VMQOS_EXIT_OK;
}

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "guest-time", required_argument, NULL, 'g' },
		{ "scan-period", required_argument, NULL, 's' },
		{ "cpu-kept", required_argument, NULL, 'k' },
		{ "cpu-gate", required_argument, NULL, 'G' },
		{ "cpu-slice-us", required_argument, NULL, 'S' },
		{ "node", required_argument, NULL, 'n' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	uint64_t number = 0;
	int option;

	request->node = -1;
	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		switch (option) {
		case 'g':
			result = vmqos_arg_switch(cli, "--guest-time", optarg,
						  &request->settings.guest_time);
			request->settings.set |= VMQOS_HAS(VMQOS_HOST_GUEST_TIME);
			break;
		case 'k':
			result = vmqos_arg_cpu(cli, "--cpu-kept", optarg,
					       &request->settings.cpu_kept);
			request->settings.set |= VMQOS_HAS(VMQOS_HOST_CPU_KEPT);
			break;
		case 'G':
			result = vmqos_arg_switch(cli, "--cpu-gate", optarg,
						  &request->settings.cpu_gate);
			request->settings.set |= VMQOS_HAS(VMQOS_HOST_CPU_GATE);
			break;
		case 'S':
			/* As with the scan period the kernel has the bounds. */
			result = vmqos_arg_number(cli, "--cpu-slice-us", optarg, 0, UINT32_MAX,
						  &number);
			request->settings.cpu_slice_us = number;
			request->settings.set |= VMQOS_HAS(VMQOS_HOST_CPU_SLICE_US);
			break;
		case 's':
			result = take_period(cli, optarg, request);
			break;
		case 'n':
			result = vmqos_arg_number(cli, "--node", optarg, 0, INT32_MAX, &number);
			request->node = number;
			break;
		default:
			result = VMQOS_EXIT_USAGE;
		}
	}
	if (result)
		return result;
	if (argc - optind > 1)
		return vmqos_say_usage(cli, "\"%s\" is one argument too many", argv[optind + 1]);
	if (optind < argc && !strcmp(argv[optind], "set"))
		request->change = true;
	else if (optind < argc && strcmp(argv[optind], "show"))
		return vmqos_say_usage(cli, "\"%s\" must be show or set", argv[optind]);
	if (request->change && !request->settings.set)
		return vmqos_say_usage(cli, "nothing to set; give one of --guest-time, --scan-period, --cpu-kept, --cpu-gate and --cpu-slice-us");
	if (request->change && request->node >= 0)
		return vmqos_say_usage(cli, "--node goes with show only");
	if (!request->change && request->settings.set)
		return vmqos_say_usage(cli, "to change settings: vmqos host set");
	return VMQOS_EXIT_OK;
}

static int run_host(struct vmqos_cli *cli, int argc, char **argv)
{
	struct request request = { 0 };
	struct vmqos_host host;
	struct vmqos_out *out;
	int result;
	int err;

	result = parse(cli, argc, argv, &request);
	if (result)
		return result;
	if (request.change)
		err = vmqos_host_set(cli->ctx, &request.settings, &host);
	else
		err = vmqos_host_get(cli->ctx, request.node, &host);
	if (err)
		return vmqos_say_failure(cli);
	if (request.change && !cli->json)
		return VMQOS_EXIT_OK;
	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	vmqos_write_host(out, &host);
	vmqos_out_finish(out);
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_host = {
	.name = "host",
	.usage = "[show [--node N]] | set [--guest-time on|off] [--scan-period MS]\n"
	"       [--cpu-kept CPU] [--cpu-gate on|off] [--cpu-slice-us US]",
	.summary = "Show the host's capacity and settings, or change the settings",
	.options =
	"  --node N             capacity and idle time of one NUMA node\n"
	"  --guest-time on|off  measure the time in guest mode at every exit\n"
	"  --scan-period MS     how often new vCPUs and dead VMs are looked for\n"
	"  --cpu-kept CPU       what the host keeps for itself, as in 2GHz, 150%, 1.5cpu or\n"
	"                       none; VMs may reserve the rest\n"
	"  --cpu-gate on|off    enforce the VMs' CPU policies; off only accounts\n"
	"  --cpu-slice-us US    how long a vCPU may run on while another is owed more,\n"
	"                       500 to 20000\n",
	.run = run_host,
};
