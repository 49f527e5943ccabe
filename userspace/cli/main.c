// SPDX-License-Identifier: GPL-2.0
/* vmqos: finds the command and runs it. */
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const struct vmqos_command *const vmqos_commands[] = {
	&vmqos_cmd_adopt,
	&vmqos_cmd_release,
	&vmqos_cmd_list,
	&vmqos_cmd_show,
	&vmqos_cmd_set,
	&vmqos_cmd_reclaim,
	&vmqos_cmd_move,
	&vmqos_cmd_balloon,
	&vmqos_cmd_virtio,
	&vmqos_cmd_stat,
	&vmqos_cmd_top,
	&vmqos_cmd_monitor,
	&vmqos_cmd_host,
	&vmqos_cmd_slice,
	&vmqos_cmd_version,
	&vmqos_cmd_help,
	NULL
};

void vmqos_say(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("vmqos: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int vmqos_say_failure(const struct vmqos_cli *cli)
{
	const char *attr = vmqos_error_attr(cli->ctx);

	if (attr)
		vmqos_say("%s (%s)", vmqos_error(cli->ctx), attr);
	else
		vmqos_say("%s", vmqos_error(cli->ctx));
	return VMQOS_EXIT_FAILED;
}

int vmqos_say_usage(const struct vmqos_cli *cli, const char *format, ...)
{
	va_list args;

	fputs("vmqos: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (cli->command)
		fprintf(stderr, "Usage: vmqos %s%s%s\nSee \"vmqos help %s\".\n",
			cli->command->name, *cli->command->usage ? " " : "",
			cli->command->usage, cli->command->name);
	else
		fputs("See \"vmqos help\".\n", stderr);
	return VMQOS_EXIT_USAGE;
}

uint32_t vmqos_cli_khz(struct vmqos_cli *cli)
{
	struct vmqos_host host;

	if (!cli->cpu_khz && !vmqos_host_get(cli->ctx, -1, &host))
		cli->cpu_khz = host.cpu_khz;
	return cli->cpu_khz;
}

void *vmqos_need(void *memory)
{
	if (!memory) {
		vmqos_say("out of memory");
		exit(VMQOS_EXIT_FAILED);
	}
	return memory;
}

static const struct vmqos_command *find_command(const char *name)
{
	int i;

	for (i = 0; vmqos_commands[i]; i++)
		if (!strcmp(vmqos_commands[i]->name, name))
			return vmqos_commands[i];
	return NULL;
}

/* Global options stand before the command; --json may stand anywhere. */
static const char *take_global(struct vmqos_cli *cli, const char *arg)
{
	if (!strcmp(arg, "--json")) {
		cli->json = true;
		return NULL;
	}
	if (!strcmp(arg, "--help") || !strcmp(arg, "-h"))
		return "help";
	if (!strcmp(arg, "--version") || !strcmp(arg, "-V"))
		return "version";
	return arg;
}

/* Takes --json out of the command's own arguments. */
static int take_json(struct vmqos_cli *cli, int argc, char **argv)
{
	int kept = 1;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			break;
		if (!strcmp(argv[i], "--json"))
			cli->json = true;
		else
			argv[kept++] = argv[i];
	}
	for (; i < argc; i++)
		argv[kept++] = argv[i];
	argv[kept] = NULL;
	return kept;
}

static int run(struct vmqos_cli *cli, int argc, char **argv)
{
	int result;

	argc = take_json(cli, argc, argv);
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		char *help[] = { "help", argv[0], NULL };

		return vmqos_cmd_help.run(cli, 2, help);
	}
	cli->open_error = vmqos_open(&cli->ctx);
	if (!cli->ctx) {
		vmqos_say("%s", vmqos_error(NULL));
		return VMQOS_EXIT_FAILED;
	}
	result = cli->command->run(cli, argc, argv);
	vmqos_close(cli->ctx);
	/* A full disk or a closed pipe is a failure too. */
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE)
			vmqos_say("cannot write the output: %s", strerror(errno));
		return result ? result : VMQOS_EXIT_FAILED;
	}
	return result;
}

int main(int argc, char **argv)
{
	struct vmqos_cli cli = { 0 };
	const char *name = NULL;
	int i;

	setlocale(LC_CTYPE, "");
	for (i = 1; i < argc && !name; i++)
		name = take_global(&cli, argv[i]);
	if (!name)
		return vmqos_say_usage(&cli, "no command given");
	cli.command = find_command(name);
	if (!cli.command)
		return vmqos_say_usage(&cli, name[0] == '-' ? "there is no option \"%s\"" :
				       "there is no command \"%s\"", name);
	return run(&cli, argc - i + 1, argv + i - 1);
}
