/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_FAMILY_H
#define _VMQOS_CORE_FAMILY_H

#include <linux/types.h>

#include "core/event.h"

struct genl_info;
struct netlink_callback;
struct sk_buff;
struct vmqos_vm;

extern struct genl_family vmqos_family;

int vmqos_family_init(void);
void vmqos_family_exit(void);

struct vmqos_vm *vmqos_family_vm(struct genl_info *info);
struct sk_buff *vmqos_reply_alloc(struct genl_info *info);
int vmqos_reply_send(struct sk_buff *skb, struct genl_info *info,
		     vmqos_fill_t fill, void *object);
int vmqos_dump_vms(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		   vmqos_fill_t fill);
int vmqos_dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		   vmqos_fill_t fill, void *object);

#endif /* _VMQOS_CORE_FAMILY_H */
