// SPDX-License-Identifier: LGPL-2.1+
/* Opening, closing and the error sentence of a context. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "context.h"
#include "request.h"
#include "transport.h"

#ifndef VMQOS_LIB_VERSION
#error "VMQOS_LIB_VERSION comes from the Makefile"
#endif

int vmqos_fail(struct vmqos *ctx, int err, const char *format, ...)
{
	va_list args;

	ctx->error_attr = NULL;
	ctx->error_from_kernel = false;
	va_start(args, format);
	vsnprintf(ctx->error, sizeof(ctx->error), format, args);
	va_end(args);
	return err;
}

int vmqos_fail_memory(struct vmqos *ctx)
{
	return vmqos_fail(ctx, -ENOMEM, "out of memory");
}

int vmqos_open(struct vmqos **ctx)
{
	*ctx = calloc(1, sizeof(**ctx));
	if (!*ctx)
		return -ENOMEM;
	return vmqos_request_connect(*ctx);
}

void vmqos_close(struct vmqos *ctx)
{
	if (!ctx)
		return;
	vmqos_nl_close(ctx->nl);
	free(ctx);
}

const char *vmqos_error(const struct vmqos *ctx)
{
	return ctx ? ctx->error : "out of memory";
}

const char *vmqos_error_attr(const struct vmqos *ctx)
{
	return ctx->error_attr;
}

const char *vmqos_version(void)
{
	return VMQOS_LIB_VERSION;
}
