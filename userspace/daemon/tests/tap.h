/* SPDX-License-Identifier: GPL-2.0 */
/* Results in the Test Anything Protocol. */
#ifndef VMQOS_DAEMON_TESTS_TAP_H
#define VMQOS_DAEMON_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_done, tap_failed;

__attribute__((format(printf, 2, 3)))
static bool tap_ok(bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++tap_done);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	tap_failed += !good;
	return good;
}

static int tap_end(void)
{
	printf("1..%u\n", tap_done);
	return tap_failed || !tap_done;
}

#endif
