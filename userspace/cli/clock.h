/* SPDX-License-Identifier: GPL-2.0 */
/* Time of day as text, in the local time zone, to the millisecond; and time-outs. */
#ifndef VMQOS_CLI_CLOCK_H
#define VMQOS_CLI_CLOCK_H

#include <stdint.h>

#define VMQOS_CLOCK_SIZE	64

/* 2026-01-31T23:59:59.123+01:00 */
void vmqos_clock_date(char text[VMQOS_CLOCK_SIZE]);

/* 23:59:59.123 */
void vmqos_clock_time(char text[VMQOS_CLOCK_SIZE]);

/* CLOCK_MONOTONIC in ms, for time-outs. */
int64_t vmqos_clock_ms(void);

#endif
