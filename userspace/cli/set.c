// SPDX-License-Identifier: GPL-2.0
/* vmqos set */
#include <errno.h>
#include <getopt.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

static int take_shares(struct vmqos_cli *cli, const char *text, struct vmqos_vm_settings *settings)
{
	const uint64_t both = VMQOS_HAS(VMQOS_VM_CPU_SHARES) | VMQOS_HAS(VMQOS_VM_CPU_SHARES_LEVEL);
	char why[160];

	if (vmqos_cpu_shares_parse(text, &settings->cpu_shares, &settings->cpu_shares_level, why,
				   sizeof(why)))
		return vmqos_say_usage(cli, "--cpu-shares is \"%s\", which %s", text, why);
	settings->set = (settings->set & ~both) |
		VMQOS_HAS(settings->cpu_shares_level == VMQOS_CPU_CUSTOM ?
			  VMQOS_VM_CPU_SHARES : VMQOS_VM_CPU_SHARES_LEVEL);
	return VMQOS_EXIT_OK;
}

static int take_latency(struct vmqos_cli *cli, const char *text,
			struct vmqos_vm_settings *settings)
{
	char why[160];

	if (vmqos_cpu_latency_parse(text, &settings->cpu_latency, why, sizeof(why)))
		return vmqos_say_usage(cli, "--cpu-latency is \"%s\", which %s", text, why);
	settings->set |= VMQOS_HAS(VMQOS_VM_CPU_LATENCY);
	return VMQOS_EXIT_OK;
}

static int take_share_zero(struct vmqos_cli *cli, const char *text,
			   struct vmqos_vm_settings *settings)
{
	char why[160];

	if (vmqos_mem_share_zero_parse(text, &settings->mem_share_zero, why, sizeof(why)))
		return vmqos_say_usage(cli, "--mem-share-zero is \"%s\", which %s", text, why);
	settings->set |= VMQOS_HAS(VMQOS_VM_MEM_SHARE_ZERO);
	return VMQOS_EXIT_OK;
}

static int take_mem_limit(struct vmqos_cli *cli, const char *text,
			  struct vmqos_vm_settings *settings)
{
	char why[160];

	if (vmqos_bytes_parse(text, &settings->mem_limit, why, sizeof(why)))
		return vmqos_say_usage(cli, "--mem-limit is \"%s\", which %s", text, why);
	settings->set |= VMQOS_HAS(VMQOS_VM_MEM_LIMIT);
	return VMQOS_EXIT_OK;
}

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct vmqos_vm_settings *settings)
{
	static const struct option longs[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "uuid", required_argument, NULL, 'u' },
		{ "cpu-shares", required_argument, NULL, 's' },
		{ "cpu-reservation", required_argument, NULL, 'r' },
		{ "cpu-limit", required_argument, NULL, 'l' },
		{ "cpu-latency", required_argument, NULL, 'L' },
		{ "cpu-charge-others", required_argument, NULL, 'c' },
		{ "mem-share-zero", required_argument, NULL, 'z' },
		{ "mem-limit", required_argument, NULL, 'm' },
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
		case 's':
			result = take_shares(cli, optarg, settings);
			break;
		case 'r':
			result = vmqos_arg_cpu(cli, "--cpu-reservation", optarg,
					       &settings->cpu_reservation);
			settings->set |= VMQOS_HAS(VMQOS_VM_CPU_RESERVATION);
			break;
		case 'l':
			result = vmqos_arg_cpu(cli, "--cpu-limit", optarg, &settings->cpu_limit);
			settings->set |= VMQOS_HAS(VMQOS_VM_CPU_LIMIT);
			break;
		case 'L':
			result = take_latency(cli, optarg, settings);
			break;
		case 'c':
			result = vmqos_arg_switch(cli, "--cpu-charge-others", optarg,
						  &settings->cpu_charge_others);
			settings->set |= VMQOS_HAS(VMQOS_VM_CPU_CHARGE_OTHERS);
			break;
		case 'z':
			result = take_share_zero(cli, optarg, settings);
			break;
		case 'm':
			result = take_mem_limit(cli, optarg, settings);
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
		return vmqos_say_usage(cli, "nothing to set; give --name, --uuid, one of --cpu-... or one of --mem-...");
	return VMQOS_EXIT_OK;
}

/* The kernel counts in millionths of a CPU; people do not. */
static void say_unreserved(struct vmqos_cli *cli)
{
	char text[VMQOS_CPU_TEXT];
	struct vmqos_host host;

	if (vmqos_host_get(cli->ctx, -1, &host) ||
	    !(host.has & VMQOS_HAS(VMQOS_HOST_CPU_UNRESERVED)))
		return;
	vmqos_say("%s may still be reserved; see \"vmqos host\"",
		  vmqos_cpu_format(host.cpu_unreserved, host.cpu_khz, text, sizeof(text)));
}

static const uint64_t about_mem = VMQOS_HAS(VMQOS_VM_MEM_SHARE_ZERO) |
				  VMQOS_HAS(VMQOS_VM_MEM_LIMIT);

/* Nobody is to wonder why a limit does not limit. */
static void say_unenforced(struct vmqos_cli *cli, const struct vmqos_vm_settings *settings)
{
	const uint64_t about_cpu = ~(VMQOS_HAS(VMQOS_VM_NAME) | VMQOS_HAS(VMQOS_VM_UUID) |
				     about_mem);
	struct vmqos_host host;

	if (!(settings->set & about_cpu) || vmqos_host_get(cli->ctx, -1, &host) ||
	    !(host.has & VMQOS_HAS(VMQOS_HOST_CPU_GATE)) || host.cpu_gate)
		return;
	vmqos_say("kept, but not enforced as long as the gate is off: \"vmqos host set --cpu-gate on\"");
}

/* Nor why nothing is given back. */
static void say_unserved(struct vmqos_cli *cli, const struct vmqos_vm *vm,
			 const struct vmqos_vm_settings *settings)
{
	struct vmqos_vm_stat stat;

	if (!(settings->set & about_mem) ||
	    vmqos_vm_stat_get(cli->ctx, vm->id, &stat) ||
	    !vmqos_mem_is_known(&stat.mem) || stat.mem.in_vmramfs)
		return;
	vmqos_say("kept, but none of the VM's memory is in vmramfs: \"vmqos show %s\" says where it is",
		  vm->name);
}

static int run_set(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_vm_settings settings = { 0 };
	struct vmqos_out *out;
	struct vmqos_vm vm;
	int result;
	int err;

	result = parse(cli, argc, argv, &settings);
	if (!result)
		result = vmqos_arg_vm(cli, argv[optind], &vm);
	if (result)
		return result;
	err = vmqos_vm_set(cli->ctx, vm.id, &settings, &vm);
	if (err) {
		vmqos_say_failure(cli);
		if (err == -ENOSPC)
			say_unreserved(cli);
		return VMQOS_EXIT_FAILED;
	}
	if (cli->json) {
		out = vmqos_out_begin(VMQOS_OUT_JSON);
		vmqos_write_vm(out, &vm, vmqos_cli_khz(cli));
		vmqos_out_finish(out);
	}
	say_unenforced(cli, &settings);
	say_unserved(cli, &vm, &settings);
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_set = {
	.name = "set",
	.usage = "VM [--name NAME] [--uuid UUID] [--cpu-shares N|low|normal|high]\n"
	"       [--cpu-reservation CPU] [--cpu-limit CPU] [--cpu-latency normal|low]\n"
	"       [--cpu-charge-others on|off] [--mem-share-zero on|off|pressure|mount]\n"
	"       [--mem-limit SIZE]",
	.summary = "Change a VM: its name, its policy",
	.options =
	"  --name NAME  new name, unique, 1 to 63 printable characters without blanks and slashes\n"
	"  --uuid UUID  new UUID\n"
	"  --cpu-shares N|low|normal|high\n"
	"               how contended CPU time is divided: 1 to 1000000, or 500, 1000\n"
	"               or 2000 for each vCPU; normal by default\n"
	"  --cpu-reservation CPU\n"
	"               what the VM gets whenever it wants it; none by default\n"
	"  --cpu-limit CPU\n"
	"               what it never gets more than, also on an idle host; none by default\n"
	"  --cpu-latency normal|low\n"
	"               how soon it runs when it wakes up; normal by default\n"
	"  --cpu-charge-others on|off\n"
	"               whether the time of its emulator, I/O and vhost threads counts\n"
	"               against it; on by default\n"
	"  --mem-share-zero on|off|pressure|mount\n"
	"               when its pages of zeros are given back: always, never, while the\n"
	"               host is short of memory, or as the mount says; mount by default\n"
	"  --mem-limit SIZE\n"
	"               most memory that its files in vmramfs take, as in 512M or 4G;\n"
	"               none by default\n"
	"CPU is as in 2GHz, 1500MHz, 150% (of one CPU), 1.5cpu, or none.\n"
	"All of it is changed at once, or nothing.\n",
	.run = run_set,
};
