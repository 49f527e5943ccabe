/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_EVENT_H
#define _VMQOS_CORE_EVENT_H

#include <linux/types.h>

struct sk_buff;
struct vmqos_vm;

/**
 * typedef vmqos_fill_t - fill a message
 * @skb: the message; its header is in place
 * @object: what it tells of
 *
 * Return: 0, or -EMSGSIZE when it does not fit.
 */
typedef int (*vmqos_fill_t)(struct sk_buff *skb, void *object);

void vmqos_event_send(u8 cmd, vmqos_fill_t fill, void *object);
void vmqos_event_vm(u8 cmd, struct vmqos_vm *vm);

#endif /* _VMQOS_CORE_EVENT_H */
