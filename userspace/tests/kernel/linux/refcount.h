/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_REFCOUNT_H
#define VMQOS_TESTS_LINUX_REFCOUNT_H

#define refcount_t	int

#endif
