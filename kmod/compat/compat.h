/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before everything else. The code is written for the newest kernel
 * supported; what older ones lack is added by the shadow headers beside this
 * file, each of which names the commit that made the difference.
 */
#ifndef _VMQOS_COMPAT_H
#define _VMQOS_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vmqos needs Linux 6.1 or later"
#endif

#ifndef CONFIG_X86_64
#error "vmqos supports x86-64 only"
#endif

#endif /* _VMQOS_COMPAT_H */
