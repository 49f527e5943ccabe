/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_POLICY_NL_H
#define _VMQOS_CPU_POLICY_NL_H

#include <linux/types.h>

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;
struct vmqos_cpu_host_policy;
struct vmqos_vm;

const struct vmqos_cpu_host_policy *vmqos_policy_host(void);
bool vmqos_policy_overdrawn(void);
int vmqos_policy_host_check(struct nlattr *const *attrs,
			    struct netlink_ext_ack *extack);
void vmqos_policy_host_set(struct nlattr *const *attrs);
int vmqos_policy_host_fill(struct sk_buff *skb);

int vmqos_policy_vm_check(struct vmqos_vm *vm, struct nlattr *const *attrs,
			  struct netlink_ext_ack *extack);
void vmqos_policy_vm_set(struct vmqos_vm *vm, struct nlattr *const *attrs);
int vmqos_policy_vm_fill(struct sk_buff *skb, struct vmqos_vm *vm);

#endif /* _VMQOS_CPU_POLICY_NL_H */
