// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink operations on virtio devices that are served in the kernel, and on balloons.
 *
 * The devices are vmqos_virtio's, which may be loaded or not; here they get the VMs that
 * they belong to. Whoever adds or deletes a device waits for the vDPA bus, which others may
 * keep waiting for long: that is done without vmqos_lock.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/interval_tree.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/srcu.h>
#include <net/genetlink.h>

#include "core/event.h"
#include "core/family.h"
#include "core/virtio.h"
#include "core/vm.h"
#include "generated/vmqos-nl.h"

/**
 * struct vmqos_virtio_object - what a message on a device tells of
 * @control: the device's module
 * @dev: the device
 */
struct vmqos_virtio_object {
	const struct vmqos_virtio_control *control;
	struct vmqos_virtio *dev;
};

static const struct vmqos_virtio_control *control_get(struct netlink_ext_ack *extack)
{
#if IS_ENABLED(CONFIG_VHOST_TASK) && IS_ENABLED(CONFIG_VDPA)
	const struct vmqos_virtio_control *(*control)(void) = symbol_get(vmqos_virtio_control);

	if (control)
		return control();
	NL_SET_ERR_MSG(extack,
		       "the kernel module vmqos_virtio is not loaded; load it with: modprobe vmqos_virtio");
	return NULL;
#else
	NL_SET_ERR_MSG(extack,
		       "virtio devices that are served in the kernel need Linux 6.12 or later, with vDPA");
	return NULL;
#endif
}

static void control_put(void)
{
#if IS_ENABLED(CONFIG_VHOST_TASK) && IS_ENABLED(CONFIG_VDPA)
	symbol_put(vmqos_virtio_control);
#endif
}

static struct vmqos_vm *vm_of(const struct vmqos_virtio_object *object)
{
	const struct kvm *kvm = object->control->kvm(object->dev);

	return kvm ? vmqos_vm_by_kvm(kvm) : NULL;
}

/* All that a VM has been given, its firmware included. */
static u64 memory_of(struct vmqos_vm *vm)
{
	int idx = srcu_read_lock(&vm->kvm->srcu);
	struct interval_tree_node *node;
	u64 sum = 0;

	for (node = interval_tree_iter_first(&kvm_memslots(vm->kvm)->hva_tree, 0, ULONG_MAX); node;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX))
		sum += node->last - node->start + 1;
	srcu_read_unlock(&vm->kvm->srcu, idx);
	return sum;
}

static int fill_device(struct sk_buff *skb, void *arg)
{
	const struct vmqos_virtio_object *object = arg;
	struct vmqos_vm *vm = vm_of(object);

	if (vm && (nla_put_u32(skb, VMQOS_VIRTIO_A_VM_ID, vm->id) ||
		   nla_put_string(skb, VMQOS_VIRTIO_A_VM_NAME, vm->name)))
		return -EMSGSIZE;
	return object->control->fill(skb, object->dev);
}

static int fill_balloon(struct sk_buff *skb, void *arg)
{
	const struct vmqos_virtio_object *object = arg;
	struct vmqos_vm *vm = vm_of(object);

	if (vm && (nla_put_u32(skb, VMQOS_BALLOON_A_ID, vm->id) ||
		   nla_put_string(skb, VMQOS_BALLOON_A_NAME, vm->name) ||
		   nla_put_u64_64bit(skb, VMQOS_BALLOON_A_MEMORY, memory_of(vm),
				     VMQOS_BALLOON_A_PAD)))
		return -EMSGSIZE;
	return object->control->balloon_fill(skb, object->dev);
}

/**
 * struct vmqos_virtio_request - what is held while a request for one device is served
 * @object: the device; its @dev is %NULL or an ERR_PTR() until there is one
 * @reply: allocated before anything is changed, for then it is too late to fail
 */
struct vmqos_virtio_request {
	struct vmqos_virtio_object object;
	struct sk_buff *reply;
};

static int request_begin(struct vmqos_virtio_request *request, struct genl_info *info)
{
	request->object.dev = NULL;
	request->object.control = control_get(info->extack);
	if (!request->object.control)
		return -EOPNOTSUPP;
	request->reply = vmqos_reply_alloc(info);
	if (request->reply)
		return 0;
	control_put();
	return -ENOMEM;
}

static int request_reply(struct vmqos_virtio_request *request, struct genl_info *info,
			 vmqos_fill_t fill)
{
	struct sk_buff *reply = request->reply;

	request->reply = NULL;
	return vmqos_reply_send(reply, info, fill, &request->object);
}

static int request_end(struct vmqos_virtio_request *request, int ret)
{
	nlmsg_free(request->reply);
	if (!IS_ERR_OR_NULL(request->object.dev))
		request->object.control->put(request->object.dev);
	control_put();
	return ret;
}

int vmqos_nl_virtio_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *name = info->attrs[VMQOS_VIRTIO_A_NAME];
	const struct nlattr *type = info->attrs[VMQOS_VIRTIO_A_TYPE];
	struct vmqos_virtio_object *object;
	struct vmqos_virtio_request request;
	int ret;

	if (!type) {
		NL_SET_ERR_MSG(info->extack, "give in type what kind of device is to be made");
		return -EINVAL;
	}
	ret = request_begin(&request, info);
	if (ret)
		return ret;
	object = &request.object;
	object->dev = object->control->add(name ? nla_data(name) : NULL, nla_get_u32(type),
					   info->extack);
	ret = PTR_ERR_OR_ZERO(object->dev);
	if (!ret) {
		mutex_lock(&vmqos_lock);
		ret = request_reply(&request, info, fill_device);
		mutex_unlock(&vmqos_lock);
	}
	return request_end(&request, ret);
}

/* The device that a request names, with a reference, or an ERR_PTR() with its reason. */
static struct vmqos_virtio *named(const struct vmqos_virtio_control *control,
				  const struct nlattr *name, struct netlink_ext_ack *extack)
{
	struct vmqos_virtio *dev;

	if (!name) {
		NL_SET_ERR_MSG(extack, "the request names no device; give its name");
		return ERR_PTR(-EINVAL);
	}
	dev = control->find(nla_data(name));
	if (dev)
		return dev;
	NL_SET_ERR_MSG_ATTR(extack, name, "no device that is served in the kernel has this name");
	return ERR_PTR(-ENOENT);
}

int vmqos_nl_virtio_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vmqos_virtio_object *object;
	struct vmqos_virtio_request request;
	int ret = request_begin(&request, info);

	if (ret)
		return ret;
	object = &request.object;
	object->dev = named(object->control, info->attrs[VMQOS_VIRTIO_A_NAME], info->extack);
	ret = PTR_ERR_OR_ZERO(object->dev);
	if (!ret)
		ret = object->control->del(object->dev, info->extack);
	if (!ret) {
		mutex_lock(&vmqos_lock);
		ret = request_reply(&request, info, fill_device);
		mutex_unlock(&vmqos_lock);
	}
	return request_end(&request, ret);
}

int vmqos_nl_virtio_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vmqos_virtio_request request;
	int ret = request_begin(&request, info);

	if (ret)
		return ret;
	request.object.dev = named(request.object.control, info->attrs[VMQOS_VIRTIO_A_NAME],
				   info->extack);
	ret = PTR_ERR_OR_ZERO(request.object.dev);
	if (!ret)
		ret = request_reply(&request, info, fill_device);
	return request_end(&request, ret);
}

/* Devices have ascending numbers; the dump's args[0] is the one from which to go on. */
static int dump_devices(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
			vmqos_fill_t fill)
{
	struct nlattr **attrs = vmqos_compat_dump_attrs(cb);
	struct vmqos_virtio_object object;
	u32 number = cb->args[0];
	bool full = false;

	/* Both sets have what can name one at their begin. */
	if (attrs && (attrs[VMQOS_VIRTIO_A_NAME] ||
		      (cmd == VMQOS_CMD_BALLOON_GET && (attrs[VMQOS_BALLOON_A_NAME] ||
							attrs[VMQOS_BALLOON_A_DEVICE])))) {
		NL_SET_ERR_MSG(cb->extack,
			       "a dump tells of all devices; ask for one without the dump flag");
		return -EINVAL;
	}
	object.control = control_get(cb->extack);
	if (!object.control)
		return -EOPNOTSUPP;
	mutex_lock(&vmqos_lock);
	while (!full) {
		object.dev = object.control->next(&number);
		if (!object.dev)
			break;
		full = vmqos_dump_one(skb, cb, cmd, fill, &object);
		object.control->put(object.dev);
		if (!full)
			number++;
	}
	mutex_unlock(&vmqos_lock);
	control_put();
	cb->args[0] = number;
	return skb->len;
}

int vmqos_nl_virtio_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_devices(skb, cb, VMQOS_CMD_VIRTIO_GET, fill_device);
}

int vmqos_nl_balloon_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_devices(skb, cb, VMQOS_CMD_BALLOON_GET, fill_balloon);
}

/* The one balloon of a VM, with a reference, or an ERR_PTR() with its reason. */
static struct vmqos_virtio *balloon_of(const struct vmqos_virtio_control *control,
				       const struct vmqos_vm *vm, struct netlink_ext_ack *extack)
{
	struct vmqos_virtio *dev, *found = NULL;
	u32 number = 0;

	for (dev = control->next(&number); dev; number++, dev = control->next(&number)) {
		if (control->kvm(dev) != vm->kvm) {
			control->put(dev);
			continue;
		}
		if (found) {
			NL_SET_ERR_MSG(extack, "the VM has several balloons; name one by its device");
			control->put(dev);
			control->put(found);
			return ERR_PTR(-EINVAL);
		}
		found = dev;
	}
	if (found)
		return found;
	NL_SET_ERR_MSG(extack, "the VM has no balloon that is served in the kernel");
	return ERR_PTR(-ENXIO);
}

static struct vmqos_virtio *balloon_named(const struct vmqos_virtio_control *control,
					  struct genl_info *info)
{
	struct vmqos_vm *vm = vmqos_family_vm(info);

	return vm ? balloon_of(control, vm, info->extack) :
		    named(control, info->attrs[VMQOS_BALLOON_A_DEVICE], info->extack);
}

int vmqos_nl_balloon_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vmqos_virtio_request request;
	int ret = request_begin(&request, info);

	if (ret)
		return ret;
	request.object.dev = balloon_named(request.object.control, info);
	ret = PTR_ERR_OR_ZERO(request.object.dev);
	if (!ret)
		ret = request_reply(&request, info, fill_balloon);
	return request_end(&request, ret);
}

int vmqos_nl_balloon_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vmqos_virtio_object *object;
	struct vmqos_virtio_request request;
	struct vmqos_vm *vm;
	int ret = request_begin(&request, info);

	if (ret)
		return ret;
	object = &request.object;
	object->dev = balloon_named(object->control, info);
	ret = PTR_ERR_OR_ZERO(object->dev);
	if (ret)
		return request_end(&request, ret);
	vm = vm_of(object);
	ret = object->control->balloon_set(object->dev, info->attrs, vm ? memory_of(vm) : 0,
					   info->extack);
	if (ret > 0)
		vmqos_event_send(VMQOS_CMD_BALLOON_NTF, fill_balloon, object);
	if (ret >= 0)
		ret = request_reply(&request, info, fill_balloon);
	return request_end(&request, ret);
}

/**
 * vmqos_virtio_balloon_event() - tell the listeners of a balloon
 * @control: its module
 * @dev: the balloon
 *
 * Context: process context; takes vmqos_lock.
 */
void vmqos_virtio_balloon_event(const struct vmqos_virtio_control *control,
				struct vmqos_virtio *dev)
{
	struct vmqos_virtio_object object = { .control = control, .dev = dev };

	mutex_lock(&vmqos_lock);
	vmqos_event_send(VMQOS_CMD_BALLOON_NTF, fill_balloon, &object);
	mutex_unlock(&vmqos_lock);
}
EXPORT_SYMBOL_GPL(vmqos_virtio_balloon_event);
