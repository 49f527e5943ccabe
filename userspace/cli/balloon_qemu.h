/* SPDX-License-Identifier: GPL-2.0 */
/* What vmqosd does for balloons: it serves those of QEMU itself, and controls all. */
#ifndef VMQOS_CLI_BALLOON_QEMU_H
#define VMQOS_CLI_BALLOON_QEMU_H

#include <stdbool.h>
#include <stdint.h>

#include <vmqos/vmqos.h>

struct json_object;
struct vmqos_cli;
struct vmqos_out;

/*
 * What is wanted of a balloon, by whoever serves it.
 *
 * @size: the operand, NULL for none
 * @sign: '+' or '-' before it, or 0
 * @bytes: what it says
 * @wait: wait until the target is reached
 * @wait_ns: no longer than this, 0 for ever
 * @settings: reason, deadline and period
 */
struct vmqos_balloon_wish {
	const char *size;
	char sign;
	uint64_t bytes;
	bool wait;
	uint64_t wait_ns;
	struct vmqos_balloon_settings settings;
};

/* Whether vmqosd runs; one that may not be asked counts, as it says so itself. */
bool vmqos_balloon_qemu_served(void);

/* Does it, says what there is then or what is wrong, and returns an exit code. */
int vmqos_balloon_qemu(struct vmqos_cli *cli, const struct vmqos_vm *vm,
		       const struct vmqos_balloon_wish *wish);

/*
 * The same for a balloon that the kernel serves, in the hands of vmqosd's controller, but
 * for saying what there is: that is in @controller, to be put, or NULL. An exit code;
 * negative when vmqosd does not look after this VM, and nothing has been asked of it.
 */
int vmqos_balloon_controlled(struct vmqos_cli *cli, const struct vmqos_vm *vm,
			     const struct vmqos_balloon_wish *wish,
			     struct json_object **controller);

/* What the controller says, in the record of a balloon. */
void vmqos_write_controller(struct vmqos_out *out, struct json_object *controller);

/*
 * Adds those that hold something, or could be reached, to an array that is open; returns
 * how many. A daemon that does not run has none.
 */
unsigned int vmqos_balloon_qemu_list(struct vmqos_cli *cli, struct vmqos_out *out);

#endif
