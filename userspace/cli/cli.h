/* SPDX-License-Identifier: GPL-2.0 */
/* What the tool's commands share. */
#ifndef VMQOS_CLI_CLI_H
#define VMQOS_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <vmqos/vmqos.h>

/* Exit codes, as in vmqos(8). */
enum {
	VMQOS_EXIT_OK = 0,
	VMQOS_EXIT_FAILED = 1,
	VMQOS_EXIT_USAGE = 2,
};

/*
 * @ctx: the library's context; may be without a kernel module
 * @open_error: what vmqos_open() returned
 * @json: --json was given
 * @command: the command that runs, for messages
 * @cpu_khz: of vmqos_cli_khz(), 0 until it is known
 */
struct vmqos_cli {
	struct vmqos *ctx;
	int open_error;
	bool json;
	const struct vmqos_command *command;
	uint32_t cpu_khz;
};

/*
 * @name: word on the command line
 * @usage: its arguments
 * @summary: one line for the list of commands
 * @options: lines of help on its options, "" for none
 * @run: takes the command's arguments, argv[0] being its name; returns the
 *	exit code
 */
struct vmqos_command {
	const char *name;
	const char *usage;
	const char *summary;
	const char *options;
	int (*run)(struct vmqos_cli *cli, int argc, char **argv);
};

extern const struct vmqos_command vmqos_cmd_adopt;
extern const struct vmqos_command vmqos_cmd_balloon;
extern const struct vmqos_command vmqos_cmd_help;
extern const struct vmqos_command vmqos_cmd_host;
extern const struct vmqos_command vmqos_cmd_list;
extern const struct vmqos_command vmqos_cmd_monitor;
extern const struct vmqos_command vmqos_cmd_move;
extern const struct vmqos_command vmqos_cmd_reclaim;
extern const struct vmqos_command vmqos_cmd_release;
extern const struct vmqos_command vmqos_cmd_set;
extern const struct vmqos_command vmqos_cmd_show;
extern const struct vmqos_command vmqos_cmd_slice;
extern const struct vmqos_command vmqos_cmd_stat;
extern const struct vmqos_command vmqos_cmd_top;
extern const struct vmqos_command vmqos_cmd_version;
extern const struct vmqos_command vmqos_cmd_virtio;

/* The commands in the order of help, closed by NULL. */
extern const struct vmqos_command *const vmqos_commands[];

/* Writes "vmqos: " and a sentence to stderr. */
void vmqos_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what the library could not do; returns VMQOS_EXIT_FAILED. */
int vmqos_say_failure(const struct vmqos_cli *cli);

/* Nominal frequency of one CPU in kHz, asked for once; 0 when it is not to be had. */
uint32_t vmqos_cli_khz(struct vmqos_cli *cli);

/* The ending of a noun after a number. */
static inline const char *vmqos_plural(unsigned long long number)
{
	return number == 1 ? "" : "s";
}

/* Returns @memory; without it there is nothing to be done and the tool ends. */
void *vmqos_need(void *memory);

/* Says what is wrong with the command line; returns VMQOS_EXIT_USAGE. */
int vmqos_say_usage(const struct vmqos_cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
