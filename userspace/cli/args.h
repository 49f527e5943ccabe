/* SPDX-License-Identifier: GPL-2.0 */
/* Values of options and arguments of commands. */
#ifndef VMQOS_CLI_ARGS_H
#define VMQOS_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>
#include <vmqos/vmqos.h>

struct vmqos_cli;
struct option;

/*
 * getopt_long() that says itself what is wrong: the option's character, -1 at
 * the end, '?' after the message. argv is permuted, operands are at the end.
 */
int vmqos_next_option(const struct vmqos_cli *cli, int argc, char **argv, const char *shorts,
		      const struct option *longs);

/* Each says what is wrong and returns an exit code, or VMQOS_EXIT_OK. */
int vmqos_arg_number(const struct vmqos_cli *cli, const char *what, const char *text, uint64_t min,
		     uint64_t max, uint64_t *value);
int vmqos_arg_name(const struct vmqos_cli *cli, const char *text,
		   struct vmqos_vm_settings *settings);
int vmqos_arg_uuid(const struct vmqos_cli *cli, const char *text,
		   struct vmqos_vm_settings *settings);

/* An amount of CPU in millionths, and a switch. */
int vmqos_arg_cpu(struct vmqos_cli *cli, const char *what, const char *text, uint32_t *ppm);
int vmqos_arg_switch(const struct vmqos_cli *cli, const char *what, const char *text, bool *value);

/* A duration in seconds as in 2 or 0.5, or with its unit as in 500ms. */
int vmqos_arg_seconds(const struct vmqos_cli *cli, const char *what, const char *text,
		      uint64_t min_ns, uint64_t max_ns, uint64_t *ns);

/* Finds the VM that the argument names. */
int vmqos_arg_vm(const struct vmqos_cli *cli, const char *text, struct vmqos_vm *vm);

#endif
