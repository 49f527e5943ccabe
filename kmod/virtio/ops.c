// SPDX-License-Identifier: GPL-2.0
/*
 * What vhost_vdpa asks of a device.
 *
 * All but kick_vq() and the two that change the map are called in the VMM's own threads,
 * under vhost_vdpa's lock of the device, and may wait for the worker to be done with a
 * buffer. kick_vq() is called under the lock of an eventfd. set_map() and reset_map() may be
 * called with the VMM's address space locked, and never wait for the worker.
 */
#include <linux/err.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vdpa.h>
#include <uapi/linux/virtio_config.h>

#include "virtio/device.h"
#include "virtio/manage.h"

/* Most that a device's configuration space takes. */
#define CONFIG_MAX	64

static int set_vq_address(struct vdpa_device *vdpa, u16 idx, u64 desc, u64 avail, u64 used)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	struct vmqos_vq *vq = &dev->vqs[idx];

	if (!vmqos_vq_good_address(desc, avail, used))
		return -EINVAL;
	mutex_lock(&dev->lock);
	vq->desc = desc;
	vq->avail = avail;
	vq->used = used;
	vq->begun = false;
	mutex_unlock(&dev->lock);
	return 0;
}

static void set_vq_num(struct vdpa_device *vdpa, u16 idx, u32 num)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	/* vhost_vdpa sees to it; the rings' indices depend on it. */
	if (!is_power_of_2(num) || num > VMQOS_VQ_SIZE_MAX)
		return;
	mutex_lock(&dev->lock);
	/* The guest may name no other length to a ring in use. */
	if (!vmqos_virtio_runs(dev))
		dev->vqs[idx].num = num;
	mutex_unlock(&dev->lock);
}

static void kick_vq(struct vdpa_device *vdpa, u16 idx)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	atomic64_inc(&dev->vqs[idx].kicks);
	vmqos_virtio_raise(dev, idx);
}

static void set_vq_cb(struct vdpa_device *vdpa, u16 idx, struct vdpa_callback *cb)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	spin_lock_irq(&dev->call_lock);
	dev->calls[idx] = *cb;
	spin_unlock_irq(&dev->call_lock);
}

static void set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *cb)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	spin_lock_irq(&dev->call_lock);
	dev->config_call = *cb;
	spin_unlock_irq(&dev->call_lock);
}

static void set_vq_ready(struct vdpa_device *vdpa, u16 idx, bool ready)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	mutex_lock(&dev->lock);
	dev->vqs[idx].ready = ready;
	mutex_unlock(&dev->lock);
	if (ready)
		vmqos_virtio_raise(dev, idx);
}

static bool get_vq_ready(struct vdpa_device *vdpa, u16 idx)
{
	return READ_ONCE(vmqos_virtio_of(vdpa)->vqs[idx].ready);
}

static int set_vq_state(struct vdpa_device *vdpa, u16 idx, const struct vdpa_vq_state *state)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	mutex_lock(&dev->lock);
	dev->vqs[idx].next_avail = state->split.avail_index;
	dev->vqs[idx].begun = false;
	mutex_unlock(&dev->lock);
	return 0;
}

static int get_vq_state(struct vdpa_device *vdpa, u16 idx, struct vdpa_vq_state *state)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	mutex_lock(&dev->lock);
	state->split.avail_index = dev->vqs[idx].next_avail;
	mutex_unlock(&dev->lock);
	return 0;
}

static u32 get_vq_align(struct vdpa_device *vdpa)
{
	return PAGE_SIZE;
}

static u16 get_vq_num_max(struct vdpa_device *vdpa)
{
	return VMQOS_VQ_SIZE_MAX;
}

/* Without a VMM whose memory it could access there is nothing that it can do. */
static u64 get_device_features(struct vdpa_device *vdpa)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	return READ_ONCE(dev->bound) ? dev->offered : 0;
}

static int set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	int i, ret = 0;

	mutex_lock(&dev->lock);
	if (features & ~dev->offered) {
		ret = -EINVAL;
	} else {
		dev->features = features;
		dev->view.translated = features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
		for (i = 0; i < dev->type->nr_queues; i++) {
			dev->vqs[i].event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
			dev->vqs[i].indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
		}
	}
	mutex_unlock(&dev->lock);
	return ret;
}

static u64 get_driver_features(struct vdpa_device *vdpa)
{
	return READ_ONCE(vmqos_virtio_of(vdpa)->features);
}

static u32 get_device_id(struct vdpa_device *vdpa)
{
	return vmqos_virtio_of(vdpa)->type->id;
}

static u32 get_vendor_id(struct vdpa_device *vdpa)
{
	return 0;
}

static u8 get_status(struct vdpa_device *vdpa)
{
	return READ_ONCE(vmqos_virtio_of(vdpa)->status);
}

static void set_status(struct vdpa_device *vdpa, u8 status)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	bool starts;
	u16 i;

	mutex_lock(&dev->lock);
	/* All that we serve is of version 1: there is no driver of another one to agree with. */
	if (!(dev->features & BIT_ULL(VIRTIO_F_VERSION_1)))
		status &= ~(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	/* Only a reset takes that back. */
	status |= dev->status & VIRTIO_CONFIG_S_NEEDS_RESET;
	starts = status & ~dev->status & VIRTIO_CONFIG_S_DRIVER_OK;
	WRITE_ONCE(dev->status, status);
	if (starts && dev->type->started)
		dev->type->started(dev);
	mutex_unlock(&dev->lock);
	for (i = 0; starts && i < dev->type->nr_queues; i++)
		vmqos_virtio_raise(dev, i);
}

/* The map stays: it is the VMM's, not the driver's. */
static int reset(struct vdpa_device *vdpa)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	int i;

	mutex_lock(&dev->lock);
	WRITE_ONCE(dev->status, 0);
	dev->suspended = false;
	dev->features = 0;
	dev->view.translated = false;
	for (i = 0; i < dev->type->nr_queues; i++)
		vmqos_vq_reset(&dev->vqs[i]);
	if (dev->type->reset)
		dev->type->reset(dev);
	mutex_unlock(&dev->lock);

	spin_lock_irq(&dev->call_lock);
	memset(dev->calls, 0, sizeof(dev->calls));
	memset(&dev->config_call, 0, sizeof(dev->config_call));
	spin_unlock_irq(&dev->call_lock);
	return 0;
}

static int suspend(struct vdpa_device *vdpa)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	mutex_lock(&dev->lock);
	if (!dev->suspended && dev->type->suspend)
		dev->type->suspend(dev);
	dev->suspended = true;
	mutex_unlock(&dev->lock);
	return 0;
}

static int resume(struct vdpa_device *vdpa)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	u16 i;

	mutex_lock(&dev->lock);
	dev->suspended = false;
	if (vmqos_virtio_runs(dev) && dev->type->started)
		dev->type->started(dev);
	mutex_unlock(&dev->lock);
	for (i = 0; i < dev->type->nr_queues; i++)
		vmqos_virtio_raise(dev, i);
	return 0;
}

static size_t get_config_size(struct vdpa_device *vdpa)
{
	return vmqos_virtio_of(vdpa)->type->config_size;
}

/* What is asked for may lie beyond what there is: that reads as zeros. */
static void get_config(struct vdpa_device *vdpa, unsigned int offset, void *buf, unsigned int len)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	u8 config[CONFIG_MAX] = {};
	unsigned int size = dev->type->config_size;

	spin_lock(&dev->config_lock);
	dev->type->get_config(dev, config);
	spin_unlock(&dev->config_lock);
	memset(buf, 0, len);
	if (offset < size)
		memcpy(buf, config + offset, min(len, size - offset));
}

static void set_config(struct vdpa_device *vdpa, unsigned int offset, const void *buf,
		       unsigned int len)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	u8 config[CONFIG_MAX] = {};
	unsigned int size = dev->type->config_size;

	if (offset >= size || len > size - offset)
		return;
	spin_lock(&dev->config_lock);
	dev->type->get_config(dev, config);
	memcpy(config + offset, buf, len);
	dev->type->set_config(dev, config);
	spin_unlock(&dev->config_lock);
}

static u32 get_generation(struct vdpa_device *vdpa)
{
	return READ_ONCE(vmqos_virtio_of(vdpa)->generation);
}

static void publish_map(struct vmqos_virtio *dev, struct vmqos_tr *map)
{
	spin_lock(&dev->map_lock);
	swap(map, dev->map);
	spin_unlock(&dev->map_lock);
	vmqos_tr_put(map);
}

static int set_map(struct vdpa_device *vdpa, unsigned int asid, struct vhost_iotlb *iotlb)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	struct vmqos_tr *map = vmqos_tr_make(iotlb);

	if (IS_ERR(map)) {
		/* What the VMM has unmapped must not be used any longer. */
		publish_map(dev, NULL);
		return PTR_ERR(map);
	}
	publish_map(dev, map);
	return 0;
}

static int reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	publish_map(vmqos_virtio_of(vdpa), NULL);
	return 0;
}

static int bind_mm(struct vdpa_device *vdpa, struct mm_struct *mm)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	struct kvm *kvm;
	int ret;

	/* The worker shares the caller's address space, whatever else was meant. */
	if (mm != current->mm)
		return -EINVAL;
	/* While it is in use, so are we. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	kvm = vmqos_tr_own_vm();
	ret = vmqos_virtio_bind(dev, kvm);
	if (ret) {
		if (kvm)
			kvm_put_kvm(kvm);
		module_put(THIS_MODULE);
		return ret;
	}
	mutex_lock(&dev->lock);
	dev->view.kvm = kvm;
	mutex_unlock(&dev->lock);
	ret = vmqos_virtio_worker_start(dev);
	if (ret)
		vdpa->config->unbind_mm(vdpa);
	return ret;
}

static void unbind_mm(struct vdpa_device *vdpa)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	struct kvm *kvm;

	if (!dev->bound)
		return;
	vmqos_virtio_worker_stop(dev);
	mutex_lock(&dev->lock);
	kvm = dev->view.kvm;
	dev->view.kvm = NULL;
	vmqos_tr_put(dev->view.map);
	dev->view.map = NULL;
	mutex_unlock(&dev->lock);
	publish_map(dev, NULL);
	vmqos_virtio_unbind(dev);
	/* It may be the last reference, and take KVM's locks. */
	if (kvm)
		kvm_put_kvm(kvm);
	module_put(THIS_MODULE);
}

static void free_device(struct vdpa_device *vdpa)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);

	vmqos_tr_put(dev->map);
	if (dev->type && dev->type->free)
		dev->type->free(dev);
	kvfree(dev->buf);
}

const struct vdpa_config_ops vmqos_virtio_ops = {
	.set_vq_address = set_vq_address,
	.set_vq_num = set_vq_num,
	.kick_vq = kick_vq,
	.set_vq_cb = set_vq_cb,
	.set_vq_ready = set_vq_ready,
	.get_vq_ready = get_vq_ready,
	.set_vq_state = set_vq_state,
	.get_vq_state = get_vq_state,
	.get_vq_align = get_vq_align,
	.get_device_features = get_device_features,
	.set_driver_features = set_driver_features,
	.get_driver_features = get_driver_features,
	.set_config_cb = set_config_cb,
	.get_vq_num_max = get_vq_num_max,
	.get_device_id = get_device_id,
	.get_vendor_id = get_vendor_id,
	.get_status = get_status,
	.set_status = set_status,
	.reset = reset,
	.suspend = suspend,
	.resume = resume,
	.get_config_size = get_config_size,
	.get_config = get_config,
	.set_config = set_config,
	.get_generation = get_generation,
	.set_map = set_map,
	.reset_map = reset_map,
	.bind_mm = bind_mm,
	.unbind_mm = unbind_mm,
	.free = free_device,
};
