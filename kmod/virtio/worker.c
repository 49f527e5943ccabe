// SPDX-License-Identifier: GPL-2.0
/*
 * The thread that serves a device.
 *
 * DOC: Overview
 *
 * It is a thread of the VMM, made when the VMM binds the device: it has the VMM's address
 * space, its CPU time and memory are the VMM's, in the VMM's cgroups, and it dies with it.
 *
 * A kick comes under the lock of an eventfd, from the vCPU that kicks. It sets a bit and
 * wakes the thread, nothing else. The pointer to the thread is cleared before the thread is
 * stopped, and only then is stopped what could wake it (timers), for the thread could start
 * it anew.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/vhost_task.h>

#include "virtio/device.h"

/* Buffers that are used before others get the device's lock. */
#define ROUND	16

/* Take over what the VMM has mapped meanwhile. */
static void adopt_map(struct vmqos_virtio *dev)
{
	struct vmqos_tr *map, *old = dev->view.map;

	if (READ_ONCE(dev->map) == old)
		return;
	spin_lock(&dev->map_lock);
	map = vmqos_tr_get(dev->map);
	spin_unlock(&dev->map_lock);
	dev->view.map = map;
	vmqos_tr_put(old);
}

/* One buffer; 0 when there is none, or the queue is not to be looked at. */
static int use_buffer(struct vmqos_virtio *dev, u16 queue)
{
	struct vmqos_vq *vq = &dev->vqs[queue];
	int ret;

	if (!vmqos_virtio_runs(dev) || !vq->ready || vq->broken || !vq->desc)
		return 0;
	adopt_map(dev);
	ret = vmqos_vq_next(vq, &dev->view, dev->buf);
	if (!ret)
		return vmqos_vq_idle(vq, &dev->view);
	if (ret < 0)
		return ret;
	ret = dev->type->buffer(dev, queue, dev->buf);
	if (ret == VMQOS_VIRTIO_KEPT)
		return 1;
	if (!ret)
		ret = vmqos_virtio_give_back(dev, queue, dev->buf->head, 0);
	return ret ?: 1;
}

/* Returns whether something is left to do. */
static bool serve_queue(struct vmqos_virtio *dev, u16 queue)
{
	int i, ret = 1;

	mutex_lock(&dev->lock);
	for (i = 0; i < ROUND && ret > 0 && !signal_pending(current); i++)
		ret = use_buffer(dev, queue);
	if (ret < 0)
		vmqos_virtio_break(dev, queue, ret);
	mutex_unlock(&dev->lock);
	return ret > 0;
}

static bool work(void *data)
{
	struct vmqos_virtio *dev = data;
	unsigned long todo = xchg(&dev->todo, 0);
	u16 queue;

	/* The caller goes to sleep then, in the state that it has set before the look. */
	if (!todo)
		return false;
	__set_current_state(TASK_RUNNING);
	if (todo & BIT(VMQOS_VIRTIO_EVENT)) {
		mutex_lock(&dev->lock);
		adopt_map(dev);
		if (dev->type->event)
			dev->type->event(dev);
		mutex_unlock(&dev->lock);
	}
	for (queue = 0; queue < dev->type->nr_queues; queue++)
		if (todo & BIT(queue) && serve_queue(dev, queue))
			set_bit(queue, &dev->todo);
	cond_resched();
	return true;
}

/* The VMM is being killed: the thread ends, and the device is left as it is. */
static void killed(void *data)
{
}

/**
 * vmqos_virtio_raise() - give the worker something to look at
 * @dev: the device
 * @bit: the number of a queue, or VMQOS_VIRTIO_EVENT
 *
 * Context: any.
 */
void vmqos_virtio_raise(struct vmqos_virtio *dev, unsigned int bit)
{
	unsigned long flags;

	set_bit(bit, &dev->todo);
	spin_lock_irqsave(&dev->worker_lock, flags);
	if (dev->worker)
		vhost_task_wake(dev->worker);
	spin_unlock_irqrestore(&dev->worker_lock, flags);
}

/**
 * vmqos_virtio_worker_start() - make the thread that serves a device
 * @dev: the device
 *
 * Context: a thread of the VMM, process context; sleeps.
 * Return: 0 or a negative error.
 */
int vmqos_virtio_worker_start(struct vmqos_virtio *dev)
{
	struct vhost_task *task;
	char name[TASK_COMM_LEN];

	snprintf(name, sizeof(name), "vmqos-%d", task_tgid_nr(current));
	task = vhost_task_create(work, killed, dev, name);
	if (IS_ERR_OR_NULL(task))
		return task ? PTR_ERR(task) : -ENOMEM;
	spin_lock_irq(&dev->worker_lock);
	dev->worker = task;
	spin_unlock_irq(&dev->worker_lock);
	/* What was asked for before there was anybody to do it. */
	set_mask_bits(&dev->todo, 0, BIT(dev->type->nr_queues) - 1);
	set_bit(VMQOS_VIRTIO_EVENT, &dev->todo);
	vhost_task_start(task);
	return 0;
}

/**
 * vmqos_virtio_worker_stop() - end the thread that serves a device
 * @dev: the device
 *
 * Context: process context; sleeps until the thread has ended.
 */
void vmqos_virtio_worker_stop(struct vmqos_virtio *dev)
{
	struct vhost_task *task;

	spin_lock_irq(&dev->worker_lock);
	task = dev->worker;
	dev->worker = NULL;
	spin_unlock_irq(&dev->worker_lock);
	if (task)
		vhost_task_stop(task);
	if (dev->type->stop)
		dev->type->stop(dev);
}
