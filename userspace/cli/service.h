/* SPDX-License-Identifier: GPL-2.0 */
/* Asking vmqosd. */
#ifndef VMQOS_CLI_SERVICE_H
#define VMQOS_CLI_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* Whether a daemon listens. */
bool vmqos_service_runs(void);

/*
 * Sends a request, which is taken over, and waits for its answer, which is the
 * caller's. 0; -ENOTCONN when no daemon listens; another negative errno with the
 * daemon's sentence or our own in @why.
 */
int vmqos_service_ask(struct json_object *request, struct json_object **answer, char *why,
		      size_t size);

#endif
