/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_UAPI_LINUX_VIRTIO_RING_H
#define VMQOS_TESTS_UAPI_LINUX_VIRTIO_RING_H

#include <linux/virtio_ring.h>

#endif
