// SPDX-License-Identifier: GPL-2.0
/* Time of day as text, and time for time-outs. */
#include <stdio.h>
#include <time.h>

#include "clock.h"

static long now(struct tm *tm)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	localtime_r(&time.tv_sec, tm);
	return time.tv_nsec / 1000000;
}

void vmqos_clock_date(char text[VMQOS_CLOCK_SIZE])
{
	struct tm tm;
	long ms = now(&tm);
	char zone[8];
	size_t used;

	used = strftime(text, VMQOS_CLOCK_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	used += snprintf(text + used, VMQOS_CLOCK_SIZE - used, ".%03ld", ms);
	/* strftime() leaves out the colon that RFC 3339 wants. */
	if (strftime(zone, sizeof(zone), "%z", &tm) == 5)
		snprintf(text + used, VMQOS_CLOCK_SIZE - used, "%.3s:%s", zone, zone + 3);
}

void vmqos_clock_time(char text[VMQOS_CLOCK_SIZE])
{
	struct tm tm;
	long ms = now(&tm);
	size_t used;

	used = strftime(text, VMQOS_CLOCK_SIZE, "%H:%M:%S", &tm);
	snprintf(text + used, VMQOS_CLOCK_SIZE - used, ".%03ld", ms);
}

int64_t vmqos_clock_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
