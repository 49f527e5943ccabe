// SPDX-License-Identifier: GPL-2.0
/* vmqos show */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

/* Those that have any of it. */
static void write_nodes(struct vmqos_out *out, const struct vmqos_placement *placement)
{
	static char labels[VMQOS_NODES_MAX][16];
	char text[VMQOS_BYTES_TEXT];
	size_t i;

	if (!vmqos_out_is_text(out)) {
		vmqos_out_array(out, "nodes");
		for (i = 0; i < VMQOS_NODES_MAX; i++) {
			if (!placement->on_node[i])
				continue;
			vmqos_out_object(out, NULL);
			vmqos_out_u64(out, "node", NULL, i);
			vmqos_out_u64(out, "mapped", NULL, placement->on_node[i]);
			vmqos_out_end(out);
		}
		vmqos_out_end(out);
		vmqos_out_u64(out, "unmapped", NULL, placement->unmapped);
		return;
	}
	for (i = 0; i < VMQOS_NODES_MAX; i++) {
		if (!placement->on_node[i])
			continue;
		snprintf(labels[i], sizeof(labels[i]), "on node %zu", i);
		vmqos_out_str(out, "node", labels[i],
			      vmqos_bytes_format(placement->on_node[i], text, sizeof(text)));
	}
	vmqos_out_str(out, "unmapped", "not mapped",
		      vmqos_bytes_format(placement->unmapped, text, sizeof(text)));
}

static int run_show(struct vmqos_cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "nodes", no_argument, NULL, 'N' },
		{ 0 }
	};
	struct vmqos_placement placement;
	struct vmqos_vm_stat stat;
	struct vmqos_vcpu *vcpus;
	struct vmqos_out *out;
	struct vmqos_vm vm;
	size_t count;
	size_t i;
	bool nodes = false;
	int option;
	int result;

	while ((option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		if (option != 'N')
			return VMQOS_EXIT_USAGE;
		nodes = true;
	}
	if (argc - optind != 1)
		return vmqos_say_usage(cli, "show takes one VM, its number, name or UUID");
	result = vmqos_arg_vm(cli, argv[optind], &vm);
	if (result)
		return result;
	if (vmqos_vm_stat_get(cli->ctx, vm.id, &stat))
		return vmqos_say_failure(cli);
	if (vmqos_vcpu_stat_dump(cli->ctx, vm.id, &vcpus, &count))
		return vmqos_say_failure(cli);
	if (nodes && vmqos_vm_placement(cli->ctx, vm.id, &placement)) {
		free(vcpus);
		return vmqos_say_failure(cli);
	}

	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	vmqos_write_vm(out, &vm, vmqos_cli_khz(cli));
	if (vmqos_out_is_text(out))
		vmqos_write_mem_lines(out, &stat.mem);
	else
		vmqos_write_mem(out, &stat.mem);
	if (nodes)
		write_nodes(out, &placement);
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
	.usage = "VM [--nodes]",
	.summary = "Show a VM, its memory and its vCPUs",
	.options =
	"  --nodes  also on which NUMA nodes its memory is; looks at every page\n",
	.run = run_show,
};
