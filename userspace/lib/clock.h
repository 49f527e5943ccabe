/* SPDX-License-Identifier: LGPL-2.1+ */
/* Time for time-outs. */
#ifndef VMQOS_LIB_CLOCK_H
#define VMQOS_LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in ms. */
static inline int64_t vmqos_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is left until @end, for poll(): never below 0. */
static inline int vmqos_left_ms(int64_t end)
{
	int64_t left = end - vmqos_now_ms();

	return left > 0 ? (int)left : 0;
}

#endif
