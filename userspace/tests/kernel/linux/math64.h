/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_MATH64_H
#define VMQOS_TESTS_LINUX_MATH64_H

#include <linux/types.h>
#include <stdlib.h>

/* The kernel's own traps where the result does not fit: here, too. */
static inline u64 mul_u64_u64_div_u64(u64 a, u64 mul, u64 div)
{
	unsigned __int128 result = (unsigned __int128)a * mul / div;

	if (result >> 64)
		abort();
	return result;
}

#endif
