/* SPDX-License-Identifier: LGPL-2.1+ */
/* Requests to the kernel and their answers. */
#ifndef VMQOS_LIB_REQUEST_H
#define VMQOS_LIB_REQUEST_H

#include <stdint.h>

struct nl_msg;
struct nlattr;
struct vmqos;

/*
 * Takes the attributes of one answer. Returns 0 or a negative errno, which
 * ends the request; the sentence is then its own.
 */
typedef int (*vmqos_answer_fn)(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg);

/* Connects and looks the family up; -ENODEV when the module is not loaded. */
int vmqos_request_connect(struct vmqos *ctx);

/* Begins a request, connecting first where that has not been possible yet. */
int vmqos_request_begin(struct vmqos *ctx, uint8_t cmd, struct nl_msg **msg);

/* Sends @msg, frees it and hands the one answer to @answer. */
int vmqos_request_do(struct vmqos *ctx, struct nl_msg *msg, vmqos_answer_fn answer, void *arg);

/*
 * Sends @msg as a dump, frees it and hands every answer to @answer. A dump
 * that the kernel marks as interrupted is repeated; @restart is called before
 * each run and drops what came so far.
 */
int vmqos_request_dump(struct vmqos *ctx, struct nl_msg *msg, vmqos_answer_fn answer,
		       void (*restart)(void *arg), void *arg);

/* For a request that an attribute did not fit into: frees it. */
int vmqos_request_overflow(struct vmqos *ctx, struct nl_msg *msg);

#endif
