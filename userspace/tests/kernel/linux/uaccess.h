/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_UACCESS_H
#define VMQOS_TESTS_LINUX_UACCESS_H

#define __user

/* The test's own; both return how much has not been copied. */
unsigned long copy_from_user(void *to, const void *from, unsigned long len);
unsigned long copy_to_user(void *to, const void *from, unsigned long len);

#endif
