/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's monitor protocol (QMP) as a client speaks it: bytes that came go in,
 * bytes to be sent come out, and callbacks tell what they meant. Nothing here
 * does input or output or knows the time by itself.
 */
#ifndef VMQOS_DAEMON_QMP_H
#define VMQOS_DAEMON_QMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer lines, or more bytes that wait to be sent, are a broken server's. */
#define VMQOS_QMP_LINE_MAX	(256 * 1024)
#define VMQOS_QMP_OUT_MAX	(64 * 1024)
/* Commands that may be on their way at a time. */
#define VMQOS_QMP_CALLS_MAX	16
/* For the greeting, and for an answer unless the caller says otherwise. */
#define VMQOS_QMP_TIMEOUT_US	5000000

struct json_object;
struct vmqos_qmp;

/**
 * typedef vmqos_qmp_done - a command has ended
 * @ctx: the caller's
 * @error: 0; -EREMOTEIO when the server refused it, another negative errno when
 *	the connection is lost
 * @value: what it returned, which is the connection's; NULL with an @error
 * @why: what went wrong, for a person; NULL without an @error
 */
typedef void (*vmqos_qmp_done)(void *ctx, int error, struct json_object *value, const char *why);

/**
 * struct vmqos_qmp_ops - what a connection tells
 * @ready: the server has greeted and takes commands
 * @event: an event, its data may be NULL
 *
 * Callbacks may give commands; they may not free or feed the connection.
 */
struct vmqos_qmp_ops {
	void (*ready)(void *ctx);
	void (*event)(void *ctx, const char *name, struct json_object *data);
};

struct vmqos_qmp *vmqos_qmp_new(const struct vmqos_qmp_ops *ops, void *ctx, uint64_t now_us);
void vmqos_qmp_free(struct vmqos_qmp *qmp);

bool vmqos_qmp_ready(const struct vmqos_qmp *qmp);
const char *vmqos_qmp_broken(const struct vmqos_qmp *qmp);
void vmqos_qmp_break(struct vmqos_qmp *qmp, int error, const char *why);

int vmqos_qmp_call(struct vmqos_qmp *qmp, const char *command, struct json_object *arguments,
		   uint64_t now_us, vmqos_qmp_done done, void *ctx);

int vmqos_qmp_feed(struct vmqos_qmp *qmp, const char *bytes, size_t size);
const char *vmqos_qmp_output(const struct vmqos_qmp *qmp, size_t *size);
void vmqos_qmp_sent(struct vmqos_qmp *qmp, size_t size);

uint64_t vmqos_qmp_due(const struct vmqos_qmp *qmp);
void vmqos_qmp_expire(struct vmqos_qmp *qmp, uint64_t now_us);

#endif
