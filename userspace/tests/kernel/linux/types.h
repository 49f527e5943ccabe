/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers here stand for the kernel's where the module's pure logic is compiled
 * in user space: the same names, over the system's own headers of that name.
 */
#ifndef VMQOS_TESTS_LINUX_TYPES_H
#define VMQOS_TESTS_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define atomic64_t	s64

#ifndef __force
#define __force
#endif

#endif
