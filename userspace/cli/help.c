// SPDX-License-Identifier: GPL-2.0
/* vmqos help and vmqos version. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "out.h"

static void list_commands(void)
{
	int i;

	puts("Usage: vmqos [--json] COMMAND [ARGUMENTS]\n"
	     "Accounting and control of the KVM virtual machines of this host.\n");
	for (i = 0; vmqos_commands[i]; i++)
		printf("  %-8s  %s\n", vmqos_commands[i]->name, vmqos_commands[i]->summary);
	puts("\n"
	     "A VM is named by its number, name or UUID as in \"vmqos list\".\n"
	     "  --json  answer in JSON, whose schema vmqos(8) names\n"
	     "Exit code: 0 done, 1 refused or failed, 2 wrong usage. See vmqos(8).");
}

static int run_help(struct vmqos_cli *cli, int argc, char **argv)
{
	int i;

	if (argc > 2)
		return vmqos_say_usage(cli, "help is given for one command at a time");
	if (argc < 2) {
		list_commands();
		return VMQOS_EXIT_OK;
	}
	for (i = 0; vmqos_commands[i]; i++) {
		const struct vmqos_command *command = vmqos_commands[i];

		if (strcmp(command->name, argv[1]))
			continue;
		printf("Usage: vmqos %s%s%s\n%s.\n", command->name, *command->usage ? " " : "",
		       command->usage, command->summary);
		if (*command->options)
			printf("\n%s", command->options);
		return VMQOS_EXIT_OK;
	}
	return vmqos_say_usage(cli, "there is no command \"%s\"", argv[1]);
}

const struct vmqos_command vmqos_cmd_help = {
	.name = "help",
	.usage = "[COMMAND]",
	.summary = "Explain a command, or list them all",
	.options = "",
	.run = run_help,
};

static int run_version(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_host host = { 0 };
	struct vmqos_out *out;
	bool loaded;

	if (argc > 1)
		return vmqos_say_usage(cli, "version takes no argument, \"%s\" is one", argv[1]);
	loaded = !vmqos_host_get(cli->ctx, -1, &host);
	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	vmqos_out_str(out, "tool", "vmqos", VMQOS_TOOL_VERSION);
	vmqos_out_str(out, "library", "libvmqos", vmqos_version());
	if (loaded)
		vmqos_out_str(out, "module", "kernel module", host.version);
	else
		vmqos_out_none(out, "module", "kernel module", "not loaded");
	vmqos_out_finish(out);
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_version = {
	.name = "version",
	.usage = "",
	.summary = "Tell the versions of the tool, the library and the loaded module",
	.options = "",
	.run = run_version,
};
