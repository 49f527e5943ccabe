/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_DEVICE_H
#define _VMQOS_VIRTIO_DEVICE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>

#include "virtio/translate.h"
#include "virtio/vq.h"

/* What all our devices offer. Whether an IOMMU is between is the VMM's to know. */
#define VMQOS_VIRTIO_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) | \
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
				 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | \
				 BIT_ULL(VIRTIO_RING_F_EVENT_IDX))

struct kvm;
struct pid;
struct vhost_task;
struct vmqos_virtio;

/* Most queues of a device. */
#define VMQOS_VIRTIO_QUEUES	4

/* Bits of vmqos_virtio.todo: the queues' come first. */
#define VMQOS_VIRTIO_EVENT	VMQOS_VIRTIO_QUEUES

/* What a device type's buffer() returns for a buffer that it keeps. */
#define VMQOS_VIRTIO_KEPT	1

/**
 * enum vmqos_virtio_stage - what becomes of a device
 * @VMQOS_VIRTIO_MAKING: it is being put on the bus
 * @VMQOS_VIRTIO_READY: it is there
 * @VMQOS_VIRTIO_GOING: it is to leave the bus, and somebody sees to it
 */
enum vmqos_virtio_stage {
	VMQOS_VIRTIO_MAKING,
	VMQOS_VIRTIO_READY,
	VMQOS_VIRTIO_GOING,
};

/**
 * struct vmqos_virtio_class - what a type of device does beside being one
 * @id: its number, VIRTIO_ID_*
 * @features: what it offers beside what all devices do
 * @nr_queues: number of queues
 * @config_size: size of its configuration space, in bytes
 * @get_config: read it; process context, vmqos_virtio.config_lock held
 * @set_config: the guest writes it; process context, vmqos_virtio.config_lock held
 * @buffer: use a buffer: 0 when it is done, VMQOS_VIRTIO_KEPT when it is to be given back
 *	later, or a negative error; the worker, vmqos_virtio.lock held
 * @event: VMQOS_VIRTIO_EVENT has been raised; the worker, vmqos_virtio.lock held
 * @reset: the guest or the VMM has reset the device; process context, vmqos_virtio.lock held
 * @suspend: let go of the buffers that are kept, as if they had not been taken; process
 *	context, vmqos_virtio.lock held
 * @started: the driver is ready; process context, vmqos_virtio.lock held
 * @stop: the worker has ended: stop what could wake it
 * @gone: it has left the bus: stop what is left to be told of it; process context, no lock
 * @free: give back what the device has beside itself
 */
struct vmqos_virtio_class {
	u32 id;
	u64 features;
	u16 nr_queues;
	u16 config_size;
	void (*get_config)(struct vmqos_virtio *dev, void *config);
	void (*set_config)(struct vmqos_virtio *dev, const void *config);
	int (*buffer)(struct vmqos_virtio *dev, u16 queue, struct vmqos_vq_buf *buf);
	void (*event)(struct vmqos_virtio *dev);
	void (*reset)(struct vmqos_virtio *dev);
	void (*suspend)(struct vmqos_virtio *dev);
	void (*started)(struct vmqos_virtio *dev);
	void (*stop)(struct vmqos_virtio *dev);
	void (*gone)(struct vmqos_virtio *dev);
	void (*free)(struct vmqos_virtio *dev);
};

/**
 * struct vmqos_virtio - a virtio device that is served in the kernel
 * @vdpa: what the vDPA bus knows of it; first, for the bus frees it
 * @type: what it does, constant
 * @offered: the features that a driver may accept, constant once it is made
 * @lock: the rings and all that is the driver's: @status to @buf
 * @status: the device status, as the specification has it
 * @suspended: the VMM has stopped it
 * @features: what the driver has accepted
 * @vqs: the queues
 * @view: the guest's memory
 * @buf: the buffer that is being worked at
 * @map_lock: @map; a leaf, taken with an address space locked, too
 * @map: what the VMM has mapped at last, referenced, or NULL
 * @call_lock: @calls, @config_call; taken with interrupts off, held while the guest is told,
 *	so that nobody is told any more once a callback has been replaced
 * @calls: how the guest is told of used buffers
 * @config_call: how it is told of a change of the configuration
 * @worker_lock: @worker; taken with interrupts off, under an eventfd's lock: a leaf but for
 *	the scheduler's locks
 * @worker: the thread that serves the device, or NULL
 * @todo: what it has to look at, atomic
 * @config_lock: what the type keeps for its configuration space, and @generation; a leaf
 * @generation: number of changes of the configuration space
 * @node: links it in the list of all devices; the list's lock, as all that follows
 * @number: its number in that list, constant
 * @stage: what becomes of it
 * @bound: a VMM has bound it, so that it is in use
 * @gone: it has left that list, and the bus
 * @go_unbound: it is to leave the bus when no VMM has it any more
 * @pid: the VMM's process while it is bound, else 0
 * @vmm: the same, referenced, or NULL
 * @kvm: the VMM's VM, of which @view has a reference, for comparison alone, or NULL
 * @removal: takes it off the bus
 *
 * Order: @lock, then @call_lock, @map_lock or @config_lock; under @call_lock the lock of an
 * eventfd, under that @worker_lock. Nobody takes @lock with an address space locked, for
 * the worker takes page faults under it.
 */
struct vmqos_virtio {
	struct vdpa_device vdpa;
	const struct vmqos_virtio_class *type;
	u64 offered;

	/* The rings and all that is the driver's. */
	struct mutex lock;
	u8 status;
	bool suspended;
	u64 features;
	struct vmqos_vq vqs[VMQOS_VIRTIO_QUEUES];
	struct vmqos_tr_view view;
	struct vmqos_vq_buf *buf;

	/* Guards map. */
	spinlock_t map_lock;
	struct vmqos_tr *map;

	/* Guards both kinds of callback, held while one runs. */
	spinlock_t call_lock;
	struct vdpa_callback calls[VMQOS_VIRTIO_QUEUES];
	struct vdpa_callback config_call;

	/* Guards worker. */
	spinlock_t worker_lock;
	struct vhost_task *worker;
	unsigned long todo;

	/* Guards generation and what the type keeps for its configuration space. */
	spinlock_t config_lock;
	u32 generation;

	/* The list of manage.c, and what its lock guards. */
	struct list_head node;
	u32 number;
	enum vmqos_virtio_stage stage;
	bool bound;
	bool gone;
	bool go_unbound;
	pid_t pid;
	struct pid *vmm;
	const struct kvm *kvm;
	struct work_struct removal;
};

struct vmqos_virtio *vmqos_virtio_of(struct vdpa_device *vdpa);
struct vmqos_virtio *vmqos_virtio_alloc(struct device *parent, const char *name, size_t size,
					const struct vmqos_virtio_class *type);
int vmqos_virtio_give_back(struct vmqos_virtio *dev, u16 queue, u16 head, u32 written);
void vmqos_virtio_break(struct vmqos_virtio *dev, u16 queue, int error);
void vmqos_virtio_raise(struct vmqos_virtio *dev, unsigned int bit);
void vmqos_virtio_config_changed(struct vmqos_virtio *dev);
bool vmqos_virtio_runs(const struct vmqos_virtio *dev);

/* worker.c */
int vmqos_virtio_worker_start(struct vmqos_virtio *dev);
void vmqos_virtio_worker_stop(struct vmqos_virtio *dev);

/* ops.c */
extern const struct vdpa_config_ops vmqos_virtio_ops;

#endif /* _VMQOS_VIRTIO_DEVICE_H */
