/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The language of the daemon's socket: a request is a line with a JSON object, and
 * so is its answer. Text goes in, a request comes out, and the other way round for
 * answers; vmqosd(8) has the words.
 */
#ifndef VMQOS_DAEMON_REQUEST_H
#define VMQOS_DAEMON_REQUEST_H

#include <stddef.h>

#include <vmqos/vmqos.h>

#include "balloons.h"

#define VMQOS_REQUEST_MAX	4096

struct json_object;

enum vmqos_request_op { VMQOS_REQUEST_LIST, VMQOS_REQUEST_GET, VMQOS_REQUEST_SET };

/**
 * struct vmqos_request - what somebody wants of the daemon
 * @op: what to do
 * @vm: with which VM: name or number
 * @change: for VMQOS_REQUEST_SET
 */
struct vmqos_request {
	enum vmqos_request_op op;
	char vm[VMQOS_NAME_MAX + 1];
	struct vmqos_balloons_change change;
};

int vmqos_request_parse(struct vmqos_request *request, const char *line, size_t size,
			char *why, size_t room);
struct json_object *vmqos_request_view(const struct vmqos_balloons_view *view);
struct json_object *vmqos_request_error(int error, const char *why);

#endif
