/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_BITS_H
#define VMQOS_TESTS_LINUX_BITS_H

#define BIT(n)		(1UL << (n))

#endif
