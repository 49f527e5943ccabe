/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_UAPI_LINUX_VIRTIO_BALLOON_H
#define VMQOS_TESTS_UAPI_LINUX_VIRTIO_BALLOON_H

#include <linux/virtio_balloon.h>

#endif
