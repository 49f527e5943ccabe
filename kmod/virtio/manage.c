// SPDX-License-Identifier: GPL-2.0
/*
 * How devices come and go: by our own interface and, through a management device, by "vdpa
 * dev add" and "vdpa dev del". Both make the same devices, and each deletes those of the
 * other.
 *
 * DOC: Overview
 *
 * Deleting a device waits until nobody has it open, with the lock of the whole vDPA bus held,
 * and "vdpa dev del" holds that of all of generic netlink besides. So a device that a VMM
 * has attached is not taken off the bus: our interface refuses that, and "vdpa dev del",
 * which cannot refuse, has it go when the VMM ends.
 *
 * Whoever is first to make a device a going one takes it off the bus, nobody else does. It
 * then cannot be attached any more.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vdpa.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>

#include "virtio/balloon.h"
#include "virtio/device.h"
#include "virtio/manage.h"

#define NAME	"vmqos_balloon"

/* How long a request waits for a device to leave the bus. */
#define PATIENCE	HZ

/* Most names that are tried. */
#define NAMES_MAX	10000

/* All devices in the order of their numbers, and what of them says so; a leaf. */
static DEFINE_MUTEX(vmqos_virtio_devices_lock);
static LIST_HEAD(vmqos_virtio_devices);
static u32 vmqos_virtio_next_number;

static DECLARE_WAIT_QUEUE_HEAD(vmqos_virtio_gone);
/* For what must not be done where it is found that it has to be. */
struct workqueue_struct *vmqos_virtio_wq;

/* Both live as long as somebody refers to them, which may be longer than the module. */
static struct device *vmqos_virtio_parent;
static struct vdpa_mgmt_dev manager;

static void enter(struct vmqos_virtio *dev)
{
	mutex_lock(&vmqos_virtio_devices_lock);
	dev->number = vmqos_virtio_next_number++;
	list_add_tail(&dev->node, &vmqos_virtio_devices);
	mutex_unlock(&vmqos_virtio_devices_lock);
}

static void leave(struct vmqos_virtio *dev)
{
	if (dev->type->gone)
		dev->type->gone(dev);
	mutex_lock(&vmqos_virtio_devices_lock);
	list_del_init(&dev->node);
	WRITE_ONCE(dev->gone, true);
	mutex_unlock(&vmqos_virtio_devices_lock);
	wake_up_all(&vmqos_virtio_gone);
}

static void remove(struct work_struct *work)
{
	struct vmqos_virtio *dev = container_of(work, struct vmqos_virtio, removal);

	vdpa_unregister_device(&dev->vdpa);
	leave(dev);
	put_device(&dev->vdpa.dev);
}

/* Its reference is that of whoever makes it a going one. */
static void remove_later(struct vmqos_virtio *dev)
{
	get_device(&dev->vdpa.dev);
	queue_work(vmqos_virtio_wq, &dev->removal);
}

/*
 * Makes a balloon that offers no more than @features, and puts it on the bus, whose lock the
 * caller may have taken. The reference is the caller's: the bus may lose the device at once.
 */
static struct vmqos_virtio *make(const char *name, u64 features, bool bus_locked)
{
	struct vmqos_balloon *balloon;
	struct vmqos_virtio *dev;
	int ret;

	dev = vmqos_virtio_alloc(vmqos_virtio_parent, name, sizeof(struct vmqos_balloon),
				 &vmqos_balloon_type);
	if (IS_ERR(dev))
		return dev;
	dev->offered &= features;
	balloon = vmqos_balloon_of(dev);
	INIT_LIST_HEAD(&dev->node);
	INIT_WORK(&dev->removal, remove);
	ret = vmqos_balloon_setup(balloon);
	if (ret)
		goto err;
	dev->vdpa.mdev = &manager;
	dev->vdpa.dev.groups = vmqos_balloon_groups;
	enter(dev);
	get_device(&dev->vdpa.dev);
	ret = bus_locked ? _vdpa_register_device(&dev->vdpa, dev->type->nr_queues) :
			   vdpa_register_device(&dev->vdpa, dev->type->nr_queues);
	if (ret)
		goto err_leave;
	return dev;

err_leave:
	leave(dev);
	put_device(&dev->vdpa.dev);
err:
	put_device(&dev->vdpa.dev);
	return ERR_PTR(ret);
}

/* Until it is ready only the bus can delete it. */
static void made(struct vmqos_virtio *dev)
{
	mutex_lock(&vmqos_virtio_devices_lock);
	if (dev->stage == VMQOS_VIRTIO_MAKING)
		dev->stage = VMQOS_VIRTIO_READY;
	mutex_unlock(&vmqos_virtio_devices_lock);
}

static int dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
		   const struct vdpa_dev_set_config *config)
{
	bool some = config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES);
	u64 features = some ? config->device_features : U64_MAX;
	struct vmqos_virtio *dev;

	/* Without it nothing is as it is to be: nobody means to go without. */
	if (!(features & BIT_ULL(VIRTIO_F_VERSION_1)) ||
	    (some && features & ~manager.supported_features))
		return -EINVAL;
	dev = make(name, features, true);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	made(dev);
	put_device(&dev->vdpa.dev);
	return 0;
}

static void dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	struct vmqos_virtio *dev = vmqos_virtio_of(vdpa);
	bool ours, bound;

	mutex_lock(&vmqos_virtio_devices_lock);
	ours = dev->stage != VMQOS_VIRTIO_GOING;
	bound = dev->bound;
	dev->stage = VMQOS_VIRTIO_GOING;
	dev->go_unbound |= ours && bound;
	mutex_unlock(&vmqos_virtio_devices_lock);
	if (!ours || bound)
		return;
	get_device(&vdpa->dev);
	_vdpa_unregister_device(vdpa);
	leave(dev);
	put_device(&vdpa->dev);
}

static bool listed(const char *name)
{
	struct vmqos_virtio *dev;
	bool found = false;

	mutex_lock(&vmqos_virtio_devices_lock);
	list_for_each_entry(dev, &vmqos_virtio_devices, node)
		found |= !strcmp(dev_name(&dev->vdpa.dev), name);
	mutex_unlock(&vmqos_virtio_devices_lock);
	return found;
}

/* The first of balloon0, balloon1, ... that is free on the bus. */
static struct vmqos_virtio *make_unnamed(void)
{
	struct vmqos_virtio *dev = ERR_PTR(-EEXIST);
	char name[VMQOS_VIRTIO_NAME_MAX + 1];
	unsigned int i;

	for (i = 0; i < NAMES_MAX && dev == ERR_PTR(-EEXIST); i++) {
		snprintf(name, sizeof(name), "balloon%u", i);
		if (!listed(name))
			dev = make(name, U64_MAX, false);
	}
	return dev;
}

/**
 * vmqos_virtio_make() - make a device
 * @name: its name, valid, or NULL for one that is free
 *
 * Context: process context; waits for the vDPA bus.
 * Return: the device with a reference for the caller, or an ERR_PTR(): -EEXIST when the name
 * is taken, -ENOMEM or another one of the bus's.
 */
struct vmqos_virtio *vmqos_virtio_make(const char *name)
{
	struct vmqos_virtio *dev = name ? make(name, U64_MAX, false) : make_unnamed();

	if (!IS_ERR(dev))
		made(dev);
	return dev;
}

static int begin_removal(struct vmqos_virtio *dev, struct netlink_ext_ack *extack)
{
	struct task_struct *task;
	char name[TASK_COMM_LEN] = "?";

	lockdep_assert_held(&vmqos_virtio_devices_lock);
	if (dev->stage != VMQOS_VIRTIO_READY) {
		NL_SET_ERR_MSG(extack, "the device is just being made or deleted");
		return -EBUSY;
	}
	if (dev->bound) {
		task = get_pid_task(dev->vmm, PIDTYPE_TGID);
		if (task) {
			get_task_comm(name, task);
			put_task_struct(task);
		}
		NL_SET_ERR_MSG_FMT(extack, "process %d (%s) has it attached; end that VM first",
				   pid_vnr(dev->vmm), name);
		return -EBUSY;
	}
	dev->stage = VMQOS_VIRTIO_GOING;
	remove_later(dev);
	return 0;
}

/**
 * vmqos_virtio_delete() - delete a device that nobody uses
 * @dev: the device
 * @extack: receives the reason of a refusal
 *
 * Context: process context, without a lock; waits until it is done, at most a second.
 * Return: 0; -EBUSY when a VMM has it, or has it open for so long.
 */
int vmqos_virtio_delete(struct vmqos_virtio *dev, struct netlink_ext_ack *extack)
{
	int ret;

	mutex_lock(&vmqos_virtio_devices_lock);
	ret = begin_removal(dev, extack);
	mutex_unlock(&vmqos_virtio_devices_lock);
	if (ret)
		return ret;
	/* Looked at while going to sleep: no lock may be taken for it. */
	if (wait_event_timeout(vmqos_virtio_gone, READ_ONCE(dev->gone), PATIENCE))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "a process has the device open or the vDPA bus is busy; the device goes when that ends");
	return -EBUSY;
}

/**
 * vmqos_virtio_next() - go through all devices
 * @from: the least number that is wanted; set to that of the device
 *
 * Context: process context.
 * Return: the device with a reference for the caller, or NULL.
 */
struct vmqos_virtio *vmqos_virtio_next(u32 *from)
{
	struct vmqos_virtio *dev, *found = NULL;

	mutex_lock(&vmqos_virtio_devices_lock);
	list_for_each_entry(dev, &vmqos_virtio_devices, node) {
		if (dev->number < *from || dev->stage == VMQOS_VIRTIO_MAKING)
			continue;
		found = dev;
		*from = dev->number;
		get_device(&dev->vdpa.dev);
		break;
	}
	mutex_unlock(&vmqos_virtio_devices_lock);
	return found;
}

/**
 * vmqos_virtio_bind() - a VMM attaches a device
 * @dev: the device
 * @kvm: its VM, which the caller keeps until vmqos_virtio_unbind(), or NULL
 *
 * Context: the VMM's process context, before anything else is done for it.
 * Return: 0; -EBUSY when it is attached already, -ENODEV when the device is going.
 */
int vmqos_virtio_bind(struct vmqos_virtio *dev, const struct kvm *kvm)
{
	int ret = 0;

	mutex_lock(&vmqos_virtio_devices_lock);
	if (dev->stage == VMQOS_VIRTIO_GOING) {
		ret = -ENODEV;
	} else if (dev->bound) {
		ret = -EBUSY;
	} else {
		dev->vmm = get_pid(task_tgid(current));
		dev->kvm = kvm;
		dev->pid = task_tgid_nr(current);
		WRITE_ONCE(dev->bound, true);
	}
	mutex_unlock(&vmqos_virtio_devices_lock);
	return ret;
}

/**
 * vmqos_virtio_unbind() - undo vmqos_virtio_bind()
 * @dev: the device
 *
 * Context: process context.
 */
void vmqos_virtio_unbind(struct vmqos_virtio *dev)
{
	mutex_lock(&vmqos_virtio_devices_lock);
	WRITE_ONCE(dev->bound, false);
	dev->pid = 0;
	put_pid(dev->vmm);
	dev->vmm = NULL;
	dev->kvm = NULL;
	if (dev->go_unbound) {
		dev->go_unbound = false;
		remove_later(dev);
	}
	mutex_unlock(&vmqos_virtio_devices_lock);
}

/**
 * vmqos_virtio_user() - who has a device
 * @dev: the device
 * @pid: set to the VMM's process in the caller's namespace, or 0
 * @kvm: set to its VM, for comparison alone, or NULL
 *
 * Context: process context.
 * Return: what becomes of the device.
 */
enum vmqos_virtio_stage vmqos_virtio_user(struct vmqos_virtio *dev, pid_t *pid,
					  const struct kvm **kvm)
{
	enum vmqos_virtio_stage stage;

	mutex_lock(&vmqos_virtio_devices_lock);
	*pid = pid_vnr(dev->vmm);
	*kvm = dev->kvm;
	stage = dev->stage;
	mutex_unlock(&vmqos_virtio_devices_lock);
	return stage;
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
	.config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES),
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

	vmqos_virtio_wq = alloc_workqueue("vmqos_virtio", WQ_UNBOUND, 0);
	if (!vmqos_virtio_wq)
		return -ENOMEM;
	vmqos_virtio_parent = root_device_register(NAME);
	ret = PTR_ERR_OR_ZERO(vmqos_virtio_parent);
	if (ret)
		goto err_wq;
	manager.device = vmqos_virtio_parent;
	manager.supported_features = VMQOS_VIRTIO_FEATURES | vmqos_balloon_type.features;
	ret = vdpa_mgmtdev_register(&manager);
	if (ret)
		goto err_parent;
	return 0;

err_parent:
	root_device_unregister(vmqos_virtio_parent);
err_wq:
	destroy_workqueue(vmqos_virtio_wq);
	return ret;
}

/**
 * vmqos_virtio_manage_exit() - take away what we have made
 *
 * Context: module exit: no VMM has bound a device, and none will.
 */
void vmqos_virtio_manage_exit(void)
{
	/* Who has just let go of one that was to go then. */
	flush_workqueue(vmqos_virtio_wq);
	vdpa_mgmtdev_unregister(&manager);
	root_device_unregister(vmqos_virtio_parent);
	destroy_workqueue(vmqos_virtio_wq);
}
