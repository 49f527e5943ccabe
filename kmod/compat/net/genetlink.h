/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_NET_GENETLINK_H
#define _VMQOS_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>
#include <linux/version.h>

/*
 * Since 6.2 (commit 20b0b53aca43, "genetlink: introduce split op
 * representation") the hooks around an operation see a split operation.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define vmqos_compat_genl_ops genl_split_ops
#else
#define vmqos_compat_genl_ops genl_ops
#endif

/**
 * vmqos_compat_dump_attrs() - attributes of a dump request
 * @cb: state of the dump
 *
 * Since 6.6 (commit 7288dd2fd488, "genetlink: use attrs from struct
 * genl_info") they stand in the genl_info of the dump.
 *
 * Context: a dumpit callback.
 * Return: the parsed attributes, indexed by their numbers.
 */
static inline struct nlattr **
vmqos_compat_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->info.attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#endif /* _VMQOS_COMPAT_NET_GENETLINK_H */
