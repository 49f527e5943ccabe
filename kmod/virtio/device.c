// SPDX-License-Identifier: GPL-2.0
/*
 * What all our virtio devices have in common: who is told what.
 */
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/vdpa.h>
#include <uapi/linux/virtio_config.h>

#include "virtio/device.h"

/**
 * vmqos_virtio_of() - the device that the vDPA bus names
 * @vdpa: the bus's device
 *
 * Context: any.
 * Return: our device.
 */
struct vmqos_virtio *vmqos_virtio_of(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct vmqos_virtio, vdpa);
}

/**
 * vmqos_virtio_alloc() - make a device
 * @parent: the management device
 * @name: name of the device
 * @size: size of the structure that begins with a struct vmqos_virtio
 * @type: what the device does
 *
 * The bus's last reference frees it, and calls vmqos_virtio_class.free() before.
 *
 * Context: process context; sleeps.
 * Return: the device, not registered yet, or an ERR_PTR().
 */
struct vmqos_virtio *vmqos_virtio_alloc(struct device *parent, const char *name, size_t size,
					const struct vmqos_virtio_class *type)
{
	struct vdpa_device *vdpa;
	struct vmqos_virtio *dev;
	int i, ret;

	BUILD_BUG_ON(offsetof(struct vmqos_virtio, vdpa));
	vdpa = vmqos_compat_vdpa_alloc(parent, &vmqos_virtio_ops, size, name);
	if (IS_ERR(vdpa))
		return ERR_CAST(vdpa);
	dev = vmqos_virtio_of(vdpa);
	mutex_init(&dev->lock);
	spin_lock_init(&dev->map_lock);
	spin_lock_init(&dev->call_lock);
	spin_lock_init(&dev->worker_lock);
	spin_lock_init(&dev->config_lock);
	for (i = 0; i < type->nr_queues; i++)
		vmqos_vq_reset(&dev->vqs[i]);
	dev->buf = kvmalloc(sizeof(*dev->buf), GFP_KERNEL);
	ret = dev->buf ? 0 : -ENOMEM;
	/* Else the host's own virtio drivers would take it, as its guest. */
	if (!ret)
		ret = device_set_driver_override(&vdpa->dev, "vhost_vdpa");
	if (ret) {
		put_device(&vdpa->dev);
		return ERR_PTR(ret);
	}
	/* From here on its free() is called, too. */
	dev->type = type;
	dev->offered = VMQOS_VIRTIO_FEATURES | type->features;
	return dev;
}

/**
 * vmqos_virtio_runs() - whether buffers are to be used
 * @dev: the device
 *
 * Context: process context, the device's lock held.
 * Return: true when its driver is ready and nobody has stopped it.
 */
bool vmqos_virtio_runs(const struct vmqos_virtio *dev)
{
	lockdep_assert_held(&dev->lock);
	return dev->status & VIRTIO_CONFIG_S_DRIVER_OK && !dev->suspended;
}

/**
 * vmqos_virtio_give_back() - a buffer has been used
 * @dev: the device
 * @queue: the queue that it came from
 * @head: its first descriptor
 * @written: bytes written to it
 *
 * Context: the worker, the device's lock held; takes page faults.
 * Return: 0, or a negative error: the queue is broken then.
 */
int vmqos_virtio_give_back(struct vmqos_virtio *dev, u16 queue, u16 head, u32 written)
{
	struct vdpa_callback *call = &dev->calls[queue];
	unsigned long flags;
	int ret;

	ret = vmqos_vq_done(&dev->vqs[queue], &dev->view, head, written);
	if (ret <= 0)
		return ret;
	spin_lock_irqsave(&dev->call_lock, flags);
	if (call->callback)
		call->callback(call->private);
	spin_unlock_irqrestore(&dev->call_lock, flags);
	return 0;
}

static void tell_config(struct vmqos_virtio *dev)
{
	struct vdpa_callback *call = &dev->config_call;
	unsigned long flags;

	spin_lock_irqsave(&dev->call_lock, flags);
	if (call->callback)
		call->callback(call->private);
	spin_unlock_irqrestore(&dev->call_lock, flags);
}

/**
 * vmqos_virtio_break() - the guest has broken the rules
 * @dev: the device
 * @queue: the queue that it did so on
 * @error: how, a negative error
 *
 * The queue is left alone until the guest resets the device, which it is told it must.
 *
 * Context: the worker, the device's lock held.
 */
void vmqos_virtio_break(struct vmqos_virtio *dev, u16 queue, int error)
{
	struct vmqos_vq *vq = &dev->vqs[queue];

	lockdep_assert_held(&dev->lock);
	vq->broken = true;
	vq->error = error;
	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	tell_config(dev);
}

/**
 * vmqos_virtio_config_changed() - have the driver read the configuration again
 * @dev: the device
 *
 * Context: process context, no lock of the device held.
 */
void vmqos_virtio_config_changed(struct vmqos_virtio *dev)
{
	spin_lock(&dev->config_lock);
	dev->generation++;
	spin_unlock(&dev->config_lock);
	tell_config(dev);
}
