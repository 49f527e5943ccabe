// SPDX-License-Identifier: GPL-2.0
/* vmqos list */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

static int parse(struct vmqos_cli *cli, int argc, char **argv, enum vmqos_out_mode *mode)
{
	static const struct option longs[] = {
		{ "format", required_argument, NULL, 'f' },
		{ 0 }
	};
	int option;

	*mode = cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT;
	while ((option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		if (option != 'f')
			return VMQOS_EXIT_USAGE;
		if (!strcmp(optarg, "table"))
			*mode = VMQOS_OUT_TEXT;
		else if (!strcmp(optarg, "tsv"))
			*mode = VMQOS_OUT_TSV;
		else if (!strcmp(optarg, "json"))
			*mode = VMQOS_OUT_JSON;
		else
			return vmqos_say_usage(cli, "--format is \"%s\" and must be table, tsv or json",
					       optarg);
	}
	if (optind < argc)
		return vmqos_say_usage(cli, "list takes no VM; \"vmqos show %s\" shows one",
				       argv[optind]);
	return VMQOS_EXIT_OK;
}

static int run_list(struct vmqos_cli *cli, int argc, char **argv)
{
	enum vmqos_out_mode mode;
	struct vmqos_out *out;
	struct vmqos_vm *vms;
	size_t count;
	size_t i;
	int result;

	result = parse(cli, argc, argv, &mode);
	if (result)
		return result;
	if (vmqos_vm_dump(cli->ctx, &vms, &count))
		return vmqos_say_failure(cli);
	out = vmqos_out_begin(mode);
	vmqos_out_array(out, "vms");
	for (i = 0; i < count; i++) {
		vmqos_out_object(out, NULL);
		vmqos_write_vm_row(out, &vms[i], vmqos_cli_khz(cli));
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	vmqos_out_finish(out);
	if (mode == VMQOS_OUT_TEXT && !count)
		puts("No VM is adopted; \"vmqos adopt --all\" adopts those of this host");
	free(vms);
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_list = {
	.name = "list",
	.usage = "[--format table|tsv|json]",
	.summary = "List the adopted VMs",
	.options =
	"  --format table  aligned columns with a heading\n"
	"  --format tsv    for scripts: tabs, no heading; number, name, state, vCPUs,\n"
	"                  attached vCPUs, process, UUID (- when unknown), CPU shares,\n"
	"                  reservation and limit in millionths of a CPU (0 when none)\n"
	"  --format json   as with --json\n",
	.run = run_list,
};
