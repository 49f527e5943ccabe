// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vmqos.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "vmqos-nl.h"

#include <uapi/linux/vmqos.h>

/* VMQOS_CMD_HOST_GET - do */
const struct nla_policy vmqos_host_get_nl_policy[VMQOS_HOST_A_NODE + 1] = {
	[VMQOS_HOST_A_NODE] = { .type = NLA_U32, },
};

/* VMQOS_CMD_HOST_SET - do */
const struct nla_policy vmqos_host_set_nl_policy[VMQOS_HOST_A_CPU_SLICE_US + 1] = {
	[VMQOS_HOST_A_GUEST_TIME] = NLA_POLICY_MAX(NLA_U32, 1),
	[VMQOS_HOST_A_SCAN_PERIOD_MS] = { .type = NLA_U32, },
	[VMQOS_HOST_A_CPU_KEPT] = { .type = NLA_U32, },
	[VMQOS_HOST_A_CPU_GATE] = NLA_POLICY_MAX(NLA_U32, 1),
	[VMQOS_HOST_A_CPU_SLICE_US] = { .type = NLA_U32, },
};

/* VMQOS_CMD_VM_ADOPT - do */
const struct nla_policy vmqos_vm_adopt_nl_policy[VMQOS_VM_A_PID + 1] = {
	[VMQOS_VM_A_VM_FD] = { .type = NLA_S32, },
	[VMQOS_VM_A_PID] = { .type = NLA_U32, },
	[VMQOS_VM_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
	[VMQOS_VM_A_UUID] = NLA_POLICY_EXACT_LEN(VMQOS_UUID_SIZE),
};

/* VMQOS_CMD_VM_RELEASE - do */
const struct nla_policy vmqos_vm_release_nl_policy[VMQOS_VM_A_NAME + 1] = {
	[VMQOS_VM_A_ID] = { .type = NLA_U32, },
	[VMQOS_VM_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
};

/* VMQOS_CMD_VM_GET - do */
const struct nla_policy vmqos_vm_get_nl_policy[VMQOS_VM_A_NAME + 1] = {
	[VMQOS_VM_A_ID] = { .type = NLA_U32, },
	[VMQOS_VM_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
};

/* VMQOS_CMD_VM_SET - do */
const struct nla_policy vmqos_vm_set_nl_policy[VMQOS_VM_A_MEM_LIMIT + 1] = {
	[VMQOS_VM_A_ID] = { .type = NLA_U32, },
	[VMQOS_VM_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
	[VMQOS_VM_A_UUID] = NLA_POLICY_EXACT_LEN(VMQOS_UUID_SIZE),
	[VMQOS_VM_A_CPU_SHARES] = { .type = NLA_U32, },
	[VMQOS_VM_A_CPU_SHARES_LEVEL] = NLA_POLICY_MAX(NLA_U32, 3),
	[VMQOS_VM_A_CPU_RESERVATION] = { .type = NLA_U32, },
	[VMQOS_VM_A_CPU_LIMIT] = { .type = NLA_U32, },
	[VMQOS_VM_A_CPU_LATENCY] = NLA_POLICY_MAX(NLA_U32, 1),
	[VMQOS_VM_A_CPU_CHARGE_OTHERS] = NLA_POLICY_MAX(NLA_U32, 1),
	[VMQOS_VM_A_MEM_SHARE_ZERO] = NLA_POLICY_MAX(NLA_U32, 3),
	[VMQOS_VM_A_MEM_LIMIT] = { .type = NLA_U64, },
};

/* VMQOS_CMD_VM_STAT_GET - do */
const struct nla_policy vmqos_vm_stat_get_nl_policy[VMQOS_VM_STAT_A_NAME + 1] = {
	[VMQOS_VM_STAT_A_ID] = { .type = NLA_U32, },
	[VMQOS_VM_STAT_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
};

/* VMQOS_CMD_VCPU_STAT_GET - do */
const struct nla_policy vmqos_vcpu_stat_get_nl_policy[VMQOS_VCPU_A_INDEX + 1] = {
	[VMQOS_VCPU_A_VM_ID] = { .type = NLA_U32, },
	[VMQOS_VCPU_A_INDEX] = { .type = NLA_U32, },
};

/* VMQOS_CMD_VM_RECLAIM - do */
const struct nla_policy vmqos_vm_reclaim_nl_policy[VMQOS_VM_A_MEM_RECLAIM + 1] = {
	[VMQOS_VM_A_ID] = { .type = NLA_U32, },
	[VMQOS_VM_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
	[VMQOS_VM_A_MEM_RECLAIM] = { .type = NLA_U64, },
};

/* VMQOS_CMD_MEM_RANGE_GET - do */
const struct nla_policy vmqos_mem_range_get_nl_policy[VMQOS_MEM_RANGE_A_ADDRESS + 1] = {
	[VMQOS_MEM_RANGE_A_VM_ID] = { .type = NLA_U32, },
	[VMQOS_MEM_RANGE_A_ADDRESS] = { .type = NLA_U64, },
};

/* VMQOS_CMD_VIRTIO_ADD - do */
const struct nla_policy vmqos_virtio_add_nl_policy[VMQOS_VIRTIO_A_TYPE + 1] = {
	[VMQOS_VIRTIO_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_VIRTIO_NAME_MAX, },
	[VMQOS_VIRTIO_A_TYPE] = NLA_POLICY_MAX(NLA_U32, 0),
};

/* VMQOS_CMD_VIRTIO_DEL - do */
const struct nla_policy vmqos_virtio_del_nl_policy[VMQOS_VIRTIO_A_NAME + 1] = {
	[VMQOS_VIRTIO_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_VIRTIO_NAME_MAX, },
};

/* VMQOS_CMD_VIRTIO_GET - do */
const struct nla_policy vmqos_virtio_get_nl_policy[VMQOS_VIRTIO_A_NAME + 1] = {
	[VMQOS_VIRTIO_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_VIRTIO_NAME_MAX, },
};

/* VMQOS_CMD_BALLOON_GET - do */
const struct nla_policy vmqos_balloon_get_nl_policy[VMQOS_BALLOON_A_DEVICE + 1] = {
	[VMQOS_BALLOON_A_ID] = { .type = NLA_U32, },
	[VMQOS_BALLOON_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
	[VMQOS_BALLOON_A_DEVICE] = { .type = NLA_NUL_STRING, .len = VMQOS_VIRTIO_NAME_MAX, },
};

/* VMQOS_CMD_BALLOON_SET - do */
const struct nla_policy vmqos_balloon_set_nl_policy[VMQOS_BALLOON_A_STATS_SECONDS + 1] = {
	[VMQOS_BALLOON_A_ID] = { .type = NLA_U32, },
	[VMQOS_BALLOON_A_NAME] = { .type = NLA_NUL_STRING, .len = VMQOS_NAME_MAX, },
	[VMQOS_BALLOON_A_DEVICE] = { .type = NLA_NUL_STRING, .len = VMQOS_VIRTIO_NAME_MAX, },
	[VMQOS_BALLOON_A_TARGET] = { .type = NLA_U64, },
	[VMQOS_BALLOON_A_REASON] = { .type = NLA_NUL_STRING, .len = VMQOS_BALLOON_REASON_MAX, },
	[VMQOS_BALLOON_A_DEADLINE_MS] = { .type = NLA_U32, },
	[VMQOS_BALLOON_A_STATS_SECONDS] = { .type = NLA_U32, },
};

/* Ops table for vmqos */
const struct genl_ops vmqos_nl_ops[15] = {
	{
		.cmd		= VMQOS_CMD_HOST_GET,
		.doit		= vmqos_nl_host_get_doit,
		.policy		= vmqos_host_get_nl_policy,
		.maxattr	= VMQOS_HOST_A_NODE,
	},
	{
		.cmd		= VMQOS_CMD_HOST_SET,
		.doit		= vmqos_nl_host_set_doit,
		.policy		= vmqos_host_set_nl_policy,
		.maxattr	= VMQOS_HOST_A_CPU_SLICE_US,
	},
	{
		.cmd		= VMQOS_CMD_VM_ADOPT,
		.doit		= vmqos_nl_vm_adopt_doit,
		.policy		= vmqos_vm_adopt_nl_policy,
		.maxattr	= VMQOS_VM_A_PID,
	},
	{
		.cmd		= VMQOS_CMD_VM_RELEASE,
		.doit		= vmqos_nl_vm_release_doit,
		.policy		= vmqos_vm_release_nl_policy,
		.maxattr	= VMQOS_VM_A_NAME,
	},
	{
		.cmd		= VMQOS_CMD_VM_GET,
		.doit		= vmqos_nl_vm_get_doit,
		.dumpit		= vmqos_nl_vm_get_dumpit,
		.policy		= vmqos_vm_get_nl_policy,
		.maxattr	= VMQOS_VM_A_NAME,
	},
	{
		.cmd		= VMQOS_CMD_VM_SET,
		.doit		= vmqos_nl_vm_set_doit,
		.policy		= vmqos_vm_set_nl_policy,
		.maxattr	= VMQOS_VM_A_MEM_LIMIT,
	},
	{
		.cmd		= VMQOS_CMD_VM_STAT_GET,
		.doit		= vmqos_nl_vm_stat_get_doit,
		.dumpit		= vmqos_nl_vm_stat_get_dumpit,
		.policy		= vmqos_vm_stat_get_nl_policy,
		.maxattr	= VMQOS_VM_STAT_A_NAME,
	},
	{
		.cmd		= VMQOS_CMD_VCPU_STAT_GET,
		.doit		= vmqos_nl_vcpu_stat_get_doit,
		.dumpit		= vmqos_nl_vcpu_stat_get_dumpit,
		.policy		= vmqos_vcpu_stat_get_nl_policy,
		.maxattr	= VMQOS_VCPU_A_INDEX,
	},
	{
		.cmd		= VMQOS_CMD_VM_RECLAIM,
		.doit		= vmqos_nl_vm_reclaim_doit,
		.policy		= vmqos_vm_reclaim_nl_policy,
		.maxattr	= VMQOS_VM_A_MEM_RECLAIM,
	},
	{
		.cmd		= VMQOS_CMD_MEM_RANGE_GET,
		.doit		= vmqos_nl_mem_range_get_doit,
		.policy		= vmqos_mem_range_get_nl_policy,
		.maxattr	= VMQOS_MEM_RANGE_A_ADDRESS,
	},
	{
		.cmd		= VMQOS_CMD_VIRTIO_ADD,
		.doit		= vmqos_nl_virtio_add_doit,
		.policy		= vmqos_virtio_add_nl_policy,
		.maxattr	= VMQOS_VIRTIO_A_TYPE,
	},
	{
		.cmd		= VMQOS_CMD_VIRTIO_DEL,
		.doit		= vmqos_nl_virtio_del_doit,
		.policy		= vmqos_virtio_del_nl_policy,
		.maxattr	= VMQOS_VIRTIO_A_NAME,
	},
	{
		.cmd		= VMQOS_CMD_VIRTIO_GET,
		.doit		= vmqos_nl_virtio_get_doit,
		.dumpit		= vmqos_nl_virtio_get_dumpit,
		.policy		= vmqos_virtio_get_nl_policy,
		.maxattr	= VMQOS_VIRTIO_A_NAME,
	},
	{
		.cmd		= VMQOS_CMD_BALLOON_GET,
		.doit		= vmqos_nl_balloon_get_doit,
		.dumpit		= vmqos_nl_balloon_get_dumpit,
		.policy		= vmqos_balloon_get_nl_policy,
		.maxattr	= VMQOS_BALLOON_A_DEVICE,
	},
	{
		.cmd		= VMQOS_CMD_BALLOON_SET,
		.doit		= vmqos_nl_balloon_set_doit,
		.policy		= vmqos_balloon_set_nl_policy,
		.maxattr	= VMQOS_BALLOON_A_STATS_SECONDS,
	},
};

static const struct genl_multicast_group vmqos_nl_mcgrps[] = {
	[VMQOS_NLGRP_EVENTS] = { "events", },
};
