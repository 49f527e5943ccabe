/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_SIZES_H
#define VMQOS_TESTS_LINUX_SIZES_H

#define SZ_4M		0x00400000

#endif
