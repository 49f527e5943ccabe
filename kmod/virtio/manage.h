/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_MANAGE_H
#define _VMQOS_VIRTIO_MANAGE_H

int vmqos_virtio_manage_init(void);
void vmqos_virtio_manage_exit(void);

#endif /* _VMQOS_VIRTIO_MANAGE_H */
