/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_MANAGE_H
#define _VMQOS_VIRTIO_MANAGE_H

#include <linux/types.h>

#include "virtio/device.h"

struct kvm;
struct netlink_ext_ack;
struct workqueue_struct;

extern struct workqueue_struct *vmqos_virtio_wq;

struct vmqos_virtio *vmqos_virtio_make(const char *name);
int vmqos_virtio_delete(struct vmqos_virtio *dev, struct netlink_ext_ack *extack);
struct vmqos_virtio *vmqos_virtio_next(u32 *from);
int vmqos_virtio_bind(struct vmqos_virtio *dev, const struct kvm *kvm);
void vmqos_virtio_unbind(struct vmqos_virtio *dev);
enum vmqos_virtio_stage vmqos_virtio_user(struct vmqos_virtio *dev, pid_t *pid,
					  const struct kvm **kvm);

int vmqos_virtio_manage_init(void);
void vmqos_virtio_manage_exit(void);

#endif /* _VMQOS_VIRTIO_MANAGE_H */
