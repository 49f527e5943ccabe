// SPDX-License-Identifier: GPL-2.0
/* vmqos show */
#include <getopt.h>
#include <stdlib.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

static int run_show(struct vmqos_cli *cli, int argc, char **argv)
{
	static const struct option longs[] = { { 0 } };
	struct vmqos_vm_stat stat;
	struct vmqos_vcpu *vcpus;
	struct vmqos_out *out;
	struct vmqos_vm vm;
	size_t count;
	size_t i;
	int result;

	if (vmqos_next_option(cli, argc, argv, ":", longs) != -1)
		return VMQOS_EXIT_USAGE;
	if (argc - optind != 1)
		return vmqos_say_usage(cli, "show takes one VM, its number, name or UUID");
	result = vmqos_arg_vm(cli, argv[optind], &vm);
	if (result)
		return result;
	if (vmqos_vm_stat_get(cli->ctx, vm.id, &stat))
		return vmqos_say_failure(cli);
	if (vmqos_vcpu_stat_dump(cli->ctx, vm.id, &vcpus, &count))
		return vmqos_say_failure(cli);

	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	vmqos_write_vm(out, &vm, vmqos_cli_khz(cli));
	if (vmqos_out_is_text(out))
		vmqos_write_mem_lines(out, &stat.mem);
	else
		vmqos_write_mem(out, &stat.mem);
	vmqos_out_array(out, "vcpu");
	for (i = 0; i < count; i++) {
		vmqos_out_object(out, NULL);
		vmqos_write_vcpu(out, &vcpus[i]);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	vmqos_out_finish(out);
	free(vcpus);
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_show = {
	.name = "show",
	.usage = "VM",
	.summary = "Show a VM, its memory and its vCPUs",
	.options = "",
	.run = run_show,
};
