// SPDX-License-Identifier: GPL-2.0
/* vmqos adopt */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

/*
 * @settings: what the VM is to be called
 * @find: name of --name without --pid, the VM to look for
 */
struct request {
	bool all;
	uint64_t pid;
	const char *find;
	struct vmqos_vm_settings settings;
};

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "uuid", required_argument, NULL, 'u' },
		{ "all", no_argument, NULL, 'a' },
		{ 0 }
	};
	const char *name = NULL;
	int result = VMQOS_EXIT_OK;
	int option;

	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		switch (option) {
		case 'p':
			result = vmqos_arg_number(cli, "--pid", optarg, 1, INT32_MAX,
						  &request->pid);
			break;
		case 'n':
			name = optarg;
			break;
		case 'u':
			result = vmqos_arg_uuid(cli, optarg, &request->settings);
			break;
		case 'a':
			request->all = true;
			break;
		default:
			result = VMQOS_EXIT_USAGE;
		}
	}
	if (result)
		return result;
	if (optind < argc)
		return vmqos_say_usage(cli, "\"%s\" is one argument too many; a VM is named by --name %s",
				       argv[optind], argv[optind]);
	if (request->all) {
		if (request->pid || name || request->settings.set)
			return vmqos_say_usage(cli, "--all goes without --pid, --name and --uuid");
		return VMQOS_EXIT_OK;
	}
	if (request->pid)
		return name ? vmqos_arg_name(cli, name, &request->settings) : VMQOS_EXIT_OK;
	if (!name)
		return vmqos_say_usage(cli, "which VM? Give --pid, --name or --all");
	request->find = name;
	return VMQOS_EXIT_OK;
}

static void write_adopted(struct vmqos_cli *cli, struct vmqos_out *out,
			  const struct vmqos_vm *vms, size_t count)
{
	size_t i;

	vmqos_out_array(out, "adopted");
	for (i = 0; i < count; i++) {
		if (cli->json) {
			vmqos_out_object(out, NULL);
			vmqos_write_vm(out, &vms[i], vmqos_cli_khz(cli));
			vmqos_out_end(out);
		} else {
			printf("Adopted %s as VM %u: process %u, %u vCPU%s\n", vms[i].name,
			       vms[i].id, vms[i].pid, vms[i].vcpus,
			       vmqos_plural(vms[i].vcpus));
		}
	}
	vmqos_out_end(out);
}

static int adopt_process(struct vmqos_cli *cli, struct request *request)
{
	struct vmqos_process process;
	struct vmqos_out *out;
	struct vmqos_vm *vms;
	size_t count;
	int err;

	if (request->find) {
		if (vmqos_process_find(cli->ctx, request->find, &process))
			return vmqos_say_failure(cli);
		request->pid = process.pid;
	}
	err = vmqos_vm_adopt_pid(cli->ctx, request->pid, &request->settings, &vms, &count);
	if (err)
		vmqos_say_failure(cli);
	if (!err || count) {
		out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
		write_adopted(cli, out, vms, count);
		vmqos_out_finish(out);
	}
	free(vms);
	return err ? VMQOS_EXIT_FAILED : VMQOS_EXIT_OK;
}

/* Refused is what was not adopted for another reason than being so already. */
static size_t write_refused(struct vmqos_cli *cli, struct vmqos_out *out,
			    const struct vmqos_adoption *adoption, bool *known)
{
	size_t refused = 0;
	size_t i;

	*known = false;
	vmqos_out_array(out, "refused");
	for (i = 0; i < adoption->process_count; i++) {
		const struct vmqos_adopt_result *result = &adoption->processes[i];

		if (result->status == -EEXIST)
			*known = true;
		if (!result->status || result->status == -EEXIST || result->status == -ESRCH ||
		    result->status == -ENOENT)
			continue;
		refused++;
		if (!cli->json)
			vmqos_say("%s (process %u): %s", result->name, result->pid,
				  result->error);
		vmqos_out_object(out, NULL);
		vmqos_out_u64(out, "pid", NULL, result->pid);
		vmqos_out_str(out, "name", NULL, result->name);
		vmqos_out_str(out, "error", NULL, result->error);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	return refused;
}

static int adopt_all(struct vmqos_cli *cli)
{
	struct vmqos_adoption adoption;
	struct vmqos_out *out;
	size_t refused;
	bool known;
	int err;

	if (cli->open_error)
		return vmqos_say_failure(cli);
	err = vmqos_vm_adopt_all(cli->ctx, &adoption);
	if (err && !adoption.process_count) {
		vmqos_adoption_free(&adoption);
		return vmqos_say_failure(cli);
	}
	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	write_adopted(cli, out, adoption.vms, adoption.vm_count);
	refused = write_refused(cli, out, &adoption, &known);
	vmqos_out_u64(out, "unreadable", NULL, adoption.unreadable);
	vmqos_out_finish(out);
	if (!cli->json && !adoption.vm_count && !refused)
		puts(known ? "Every VM found is adopted already" : "No VM found");
	if (adoption.unreadable)
		vmqos_say("%u process%s may not be looked into, VMs among them were not found; run it as root",
			  adoption.unreadable, adoption.unreadable == 1 ? "" : "es");
	if (adoption.unreadable)
		err = -EPERM;
	vmqos_adoption_free(&adoption);
	return err || refused ? VMQOS_EXIT_FAILED : VMQOS_EXIT_OK;
}

static int run_adopt(struct vmqos_cli *cli, int argc, char **argv)
{
	struct request request = { 0 };
	int result = parse(cli, argc, argv, &request);

	if (result)
		return result;
	return request.all ? adopt_all(cli) : adopt_process(cli, &request);
}

const struct vmqos_command vmqos_cmd_adopt = {
	.name = "adopt",
	.usage = "--pid PID [--name NAME] [--uuid UUID] | --name NAME | --all",
	.summary = "Adopt VMs: from then on the kernel accounts their vCPUs",
	.options =
	"  --pid PID    the VMs of this process\n"
	"  --name NAME  with --pid what to call the VM, otherwise the VM to look for:\n"
	"               QEMU's -name, a UUID, or the short name of another VMM's process\n"
	"  --uuid UUID  UUID of the VM, if it is not that of QEMU's command line\n"
	"  --all        every VM of this host that is not adopted yet\n",
	.run = run_adopt,
};
