/* SPDX-License-Identifier: LGPL-2.1+ */
/* The context and its error sentence, shared by the library's files. */
#ifndef VMQOS_LIB_CONTEXT_H
#define VMQOS_LIB_CONTEXT_H

#include <vmqos/vmqos.h>

struct vmqos_nl;

/*
 * @nl: socket for requests, NULL until the first one that got through
 * @family: number of the netlink family, valid while @nl is set
 * @seq: sequence number of the last request
 * @error: sentence of the last failure
 * @error_attr: name of the attribute that the kernel blamed, a constant, or NULL
 * @error_from_kernel: the sentence is the kernel's own
 */
struct vmqos {
	struct vmqos_nl *nl;
	uint16_t family;
	uint32_t seq;
	char error[512];
	const char *error_attr;
	bool error_from_kernel;
};

/*
 * Sets the sentence and returns @err, so that a failure is one statement:
 * return vmqos_fail(ctx, -EINVAL, "...").
 */
int vmqos_fail(struct vmqos *ctx, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The sentence for -ENOMEM, which needs no words of its own. */
int vmqos_fail_memory(struct vmqos *ctx);

#endif
