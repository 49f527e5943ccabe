// SPDX-License-Identifier: GPL-2.0
/*
 * The management device through which "vdpa dev add" makes our devices.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/mod_devicetable.h>
#include <linux/slab.h>
#include <linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "virtio/balloon.h"
#include "virtio/device.h"
#include "virtio/manage.h"

#define NAME	"vmqos_balloon"

/* Both live as long as somebody refers to them, which may be longer than the module. */
static struct device *vmqos_virtio_parent;

static int dev_add(struct vdpa_mgmt_dev *manager, const char *name,
		   const struct vdpa_dev_set_config *config)
{
	struct vmqos_balloon *balloon;
	struct vmqos_virtio *dev;
	int ret;

	dev = vmqos_virtio_alloc(manager->device, name, sizeof(struct vmqos_balloon),
				 &vmqos_balloon_type);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	balloon = vmqos_balloon_of(dev);
	ret = vmqos_balloon_setup(balloon);
	if (ret)
		goto err;
	dev->vdpa.mdev = manager;
	dev->vdpa.dev.groups = vmqos_balloon_groups;
	ret = _vdpa_register_device(&dev->vdpa, dev->type->nr_queues);
	if (ret)
		goto err;
	return 0;

err:
	put_device(&dev->vdpa.dev);
	return ret;
}

/* vhost_vdpa has this wait until nobody has the device open. */
static void dev_del(struct vdpa_mgmt_dev *manager, struct vdpa_device *vdpa)
{
	_vdpa_unregister_device(vdpa);
}

static const struct vdpa_mgmtdev_ops manage_ops = {
	.dev_add = dev_add,
	.dev_del = dev_del,
};

static struct virtio_device_id ids[] = {
	{ VIRTIO_ID_BALLOON, VIRTIO_DEV_ANY_ID },
	{ 0 },
};

static struct vdpa_mgmt_dev manager = {
	.ops = &manage_ops,
	.id_table = ids,
	.max_supported_vqs = VMQOS_VIRTIO_QUEUES,
};

/**
 * vmqos_virtio_manage_init() - have the vDPA bus know what we make
 *
 * Context: module initialisation.
 * Return: 0 or a negative error.
 */
int vmqos_virtio_manage_init(void)
{
	int ret;

	vmqos_virtio_parent = root_device_register(NAME);
	if (IS_ERR(vmqos_virtio_parent))
		return PTR_ERR(vmqos_virtio_parent);
	manager.device = vmqos_virtio_parent;
	ret = vdpa_mgmtdev_register(&manager);
	if (ret)
		root_device_unregister(vmqos_virtio_parent);
	return ret;
}

/**
 * vmqos_virtio_manage_exit() - take away what we have made
 *
 * Context: module exit: no VMM has bound a device.
 */
void vmqos_virtio_manage_exit(void)
{
	vdpa_mgmtdev_unregister(&manager);
	root_device_unregister(vmqos_virtio_parent);
}
