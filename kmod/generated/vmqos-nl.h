/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vmqos.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_VMQOS_GEN_H
#define _LINUX_VMQOS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/vmqos.h>

extern const struct nla_policy vmqos_host_get_nl_policy[VMQOS_HOST_A_NODE + 1];

extern const struct nla_policy vmqos_host_set_nl_policy[VMQOS_HOST_A_CPU_SLICE_US + 1];

extern const struct nla_policy vmqos_vm_adopt_nl_policy[VMQOS_VM_A_PID + 1];

extern const struct nla_policy vmqos_vm_release_nl_policy[VMQOS_VM_A_NAME + 1];

extern const struct nla_policy vmqos_vm_get_nl_policy[VMQOS_VM_A_NAME + 1];

extern const struct nla_policy vmqos_vm_set_nl_policy[VMQOS_VM_A_MEM_LIMIT + 1];

extern const struct nla_policy vmqos_vm_stat_get_nl_policy[VMQOS_VM_STAT_A_NAME + 1];

extern const struct nla_policy vmqos_vcpu_stat_get_nl_policy[VMQOS_VCPU_A_INDEX + 1];

extern const struct nla_policy vmqos_vm_reclaim_nl_policy[VMQOS_VM_A_MEM_RECLAIM + 1];

extern const struct nla_policy vmqos_mem_range_get_nl_policy[VMQOS_MEM_RANGE_A_ADDRESS + 1];

extern const struct nla_policy vmqos_virtio_add_nl_policy[VMQOS_VIRTIO_A_TYPE + 1];

extern const struct nla_policy vmqos_virtio_del_nl_policy[VMQOS_VIRTIO_A_NAME + 1];

extern const struct nla_policy vmqos_virtio_get_nl_policy[VMQOS_VIRTIO_A_NAME + 1];

extern const struct nla_policy vmqos_balloon_get_nl_policy[VMQOS_BALLOON_A_DEVICE + 1];

extern const struct nla_policy vmqos_balloon_set_nl_policy[VMQOS_BALLOON_A_STATS_SECONDS + 1];

/* Ops table for vmqos */
extern const struct genl_ops vmqos_nl_ops[15];

int vmqos_nl_host_get_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_host_set_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_vm_adopt_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_vm_release_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_vm_get_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_vm_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int vmqos_nl_vm_set_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_vm_stat_get_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_vm_stat_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int vmqos_nl_vcpu_stat_get_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_vcpu_stat_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int vmqos_nl_vm_reclaim_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_mem_range_get_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_virtio_add_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_virtio_del_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_virtio_get_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_virtio_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int vmqos_nl_balloon_get_doit(struct sk_buff *skb, struct genl_info *info);
int vmqos_nl_balloon_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int vmqos_nl_balloon_set_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	VMQOS_NLGRP_EVENTS,
};

#endif /* _LINUX_VMQOS_GEN_H */
