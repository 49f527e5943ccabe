// SPDX-License-Identifier: GPL-2.0
/*
 * vmqos_virtio: virtio devices that are served in the kernel. Initialisation in order, and
 * its mirror.
 */
#include <linux/module.h>

#include "core/kvmfile.h"
#include "virtio/manage.h"

static int __init vmqos_virtio_init(void)
{
	int ret;

	ret = vmqos_kvmfile_init();
	if (ret)
		return ret;
	return vmqos_virtio_manage_init();
}

static void __exit vmqos_virtio_exit(void)
{
	vmqos_virtio_manage_exit();
}

module_init(vmqos_virtio_init);
module_exit(vmqos_virtio_exit);
/* What gives a device to a VMM; it is asked for by nobody else. */
MODULE_SOFTDEP("post: vhost_vdpa");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Virtio devices for KVM virtual machines, served in the kernel");
MODULE_VERSION("0.1.0");
