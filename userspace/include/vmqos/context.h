/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: the context and its errors. */
#ifndef VMQOS_CONTEXT_H
#define VMQOS_CONTEXT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_HAS(field)	(UINT64_C(1) << (field))

struct vmqos;

/**
 * vmqos_open() - connect to the kernel module
 * @ctx: set to the new context, also on failure (so that vmqos_error() tells
 *	 why), or to NULL when there is no memory
 *
 * Return: 0; -ENODEV when the module vmqos is not loaded; another negative
 * errno. After -ENODEV the context serves all functions that look at
 * processes only, and every request looks for the module again.
 */
int vmqos_open(struct vmqos **ctx);

/**
 * vmqos_close() - free a context
 * @ctx: context or NULL
 */
void vmqos_close(struct vmqos *ctx);

/**
 * vmqos_error() - what was wrong in the last call that failed
 * @ctx: context or NULL
 *
 * Return: a sentence without a newline, valid until the next call. Never NULL.
 */
const char *vmqos_error(const struct vmqos *ctx);

/**
 * vmqos_error_attr() - which attribute the kernel blames for the last refusal
 * @ctx: context
 *
 * Return: its name in the interface ("name", "vm-fd"), or NULL for none.
 */
const char *vmqos_error_attr(const struct vmqos *ctx);

/**
 * vmqos_version() - version of the library
 *
 * Return: for example "0.1.0".
 */
const char *vmqos_version(void);

#ifdef __cplusplus
}
#endif

#endif
