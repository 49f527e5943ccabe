// SPDX-License-Identifier: GPL-2.0
/* vmqos set */
#include <getopt.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct vmqos_vm_settings *settings)
{
	static const struct option longs[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "uuid", required_argument, NULL, 'u' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	int option;

	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		switch (option) {
		case 'n':
			result = vmqos_arg_name(cli, optarg, settings);
			break;
		case 'u':
			result = vmqos_arg_uuid(cli, optarg, settings);
			break;
		default:
			result = VMQOS_EXIT_USAGE;
		}
	}
	if (result)
		return result;
	if (argc - optind != 1)
		return vmqos_say_usage(cli, "set takes one VM, its number, name or UUID");
	if (!settings->set)
		return vmqos_say_usage(cli, "nothing to set; give --name or --uuid");
	return VMQOS_EXIT_OK;
}

static int run_set(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_vm_settings settings = { 0 };
	struct vmqos_out *out;
	struct vmqos_vm vm;
	int result;

	result = parse(cli, argc, argv, &settings);
	if (!result)
		result = vmqos_arg_vm(cli, argv[optind], &vm);
	if (result)
		return result;
	if (vmqos_vm_set(cli->ctx, vm.id, &settings, &vm))
		return vmqos_say_failure(cli);
	if (cli->json) {
		out = vmqos_out_begin(VMQOS_OUT_JSON);
		vmqos_write_vm(out, &vm);
		vmqos_out_finish(out);
	}
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_set = {
	.name = "set",
	.usage = "VM [--name NAME] [--uuid UUID]",
	.summary = "Change a VM",
	.options =
	"  --name NAME  new name, unique, 1 to 63 printable characters without blanks and slashes\n"
	"  --uuid UUID  new UUID\n",
	.run = run_set,
};
