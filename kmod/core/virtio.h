/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_VIRTIO_H
#define _VMQOS_CORE_VIRTIO_H

#include <linux/types.h>

struct kvm;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;
struct vmqos_virtio;

/**
 * struct vmqos_virtio_control - what vmqos_virtio offers to the interface
 * @add: make a device of a type; @name is NULL for one that is free. Returns it with a
 *	reference, or an ERR_PTR() with its reason
 * @del: delete a device; 0, or an error with its reason
 * @find: the device of a name with a reference, or NULL
 * @next: the first device whose number is not below @from, with a reference and its number
 *	in @from, or NULL
 * @put: drop a reference
 * @kvm: the VM of the VMM that has the device, for comparison alone, or NULL
 * @fill: add a device's attributes to a message, all but those of its VM; 0 or -EMSGSIZE
 * @balloon_fill: the same of a balloon
 * @balloon_set: change a balloon of a VM that has @memory bytes, 0 if that is not known; 1
 *	when something has changed, 0 when not, or an error with its reason
 *
 * Process context; @add and @del sleep until it is done and are called without vmqos_lock,
 * the others may be called with it.
 *
 * vmqos asks for it with each request, by symbol_get(), and has it for as long as that takes:
 * so each of the modules is loaded and unloaded without the other.
 */
struct vmqos_virtio_control {
	struct vmqos_virtio *(*add)(const char *name, u32 type, struct netlink_ext_ack *extack);
	int (*del)(struct vmqos_virtio *dev, struct netlink_ext_ack *extack);
	struct vmqos_virtio *(*find)(const char *name);
	struct vmqos_virtio *(*next)(u32 *from);
	void (*put)(struct vmqos_virtio *dev);
	const struct kvm *(*kvm)(struct vmqos_virtio *dev);
	int (*fill)(struct sk_buff *skb, struct vmqos_virtio *dev);
	int (*balloon_fill)(struct sk_buff *skb, struct vmqos_virtio *dev);
	int (*balloon_set)(struct vmqos_virtio *dev, struct nlattr *const *attrs, u64 memory,
			   struct netlink_ext_ack *extack);
};

/* In vmqos_virtio. */
const struct vmqos_virtio_control *vmqos_virtio_control(void);

/* In vmqos, for vmqos_virtio, which asks for it in the same way. */
void vmqos_virtio_balloon_event(const struct vmqos_virtio_control *control,
				struct vmqos_virtio *dev);

#endif /* _VMQOS_CORE_VIRTIO_H */
