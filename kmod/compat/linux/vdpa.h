/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_VDPA_H
#define _VMQOS_COMPAT_LINUX_VDPA_H

#include_next <linux/vdpa.h>
#include <linux/version.h>

/**
 * vmqos_compat_vdpa_alloc() - make a device that accesses its user's address space itself
 * @parent: the management device
 * @ops: its operations
 * @size: of the structure that begins with the struct vdpa_device
 * @name: its name
 *
 * Since 6.19 ("vdpa: introduce map ops") the operations of the mapping are an argument of
 * their own; a device like this one has none.
 *
 * Context: process context; sleeps.
 * Return: the device or an ERR_PTR().
 */
static inline struct vdpa_device *vmqos_compat_vdpa_alloc(struct device *parent,
							  const struct vdpa_config_ops *ops,
							  size_t size, const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	return __vdpa_alloc_device(parent, ops, 1, 1, size, name, true);
#else
	return __vdpa_alloc_device(parent, ops, NULL, 1, 1, size, name, true);
#endif
}

#endif /* _VMQOS_COMPAT_LINUX_VDPA_H */
