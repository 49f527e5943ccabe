/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_MM_H
#define VMQOS_TESTS_LINUX_MM_H

#include <linux/align.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)

#endif
