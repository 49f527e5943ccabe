/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: virtio devices that are served in the kernel. */
#ifndef VMQOS_VIRTIO_H
#define VMQOS_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmqos/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_DEVICE_NAME_MAX	31

struct vmqos;

/**
 * enum vmqos_device_type - what a virtio device is
 * @VMQOS_DEVICE_BALLOON: a balloon
 */
enum vmqos_device_type {
	VMQOS_DEVICE_BALLOON,
};

enum vmqos_device_field {
	VMQOS_DEVICE_NAME = 1,
	VMQOS_DEVICE_TYPE,
	VMQOS_DEVICE_VHOST,
	VMQOS_DEVICE_IN_USE,
	VMQOS_DEVICE_PID,
	VMQOS_DEVICE_VM_ID,
	VMQOS_DEVICE_VM_NAME,
	VMQOS_DEVICE_GOING,
	VMQOS_DEVICE_STATUS,
	VMQOS_DEVICE_FEATURES,
};

/**
 * struct vmqos_device - a virtio device that is served in the kernel
 * @has: which fields were reported, bits VMQOS_HAS(VMQOS_DEVICE_...)
 * @name: its name on the vDPA bus
 * @type: enum vmqos_device_type
 * @vhost: the N of /dev/vhost-vdpa-N; not reported while there is none
 * @in_use: a VMM has attached it
 * @pid: process of that VMM; not reported while not in use
 * @vm_id: number of its VM; not reported when that is not adopted
 * @vm_name: name of its VM; the same
 * @going: it is being deleted
 * @status: the device status as the virtio specification has it
 * @features: features that the guest's driver has accepted, a bit each
 */
struct vmqos_device {
	uint64_t has;
	char name[VMQOS_DEVICE_NAME_MAX + 1];
	uint32_t type;
	uint32_t vhost;
	bool in_use;
	uint32_t pid;
	uint32_t vm_id;
	char vm_name[VMQOS_NAME_MAX + 1];
	bool going;
	uint32_t status;
	uint64_t features;
};

/**
 * vmqos_virtio_add() - make a device
 * @ctx: context
 * @type: enum vmqos_device_type
 * @name: its name, or NULL for one that is free
 * @device: filled with the device, or NULL
 *
 * Return: 0; -EEXIST when the name is taken; -EOPNOTSUPP when the module
 * vmqos_virtio is not loaded or the kernel is too old; another negative errno.
 */
int vmqos_virtio_add(struct vmqos *ctx, uint32_t type, const char *name,
		     struct vmqos_device *device);

/**
 * vmqos_virtio_del() - delete a device that nobody uses
 * @ctx: context
 * @name: its name
 *
 * Return: 0; -EBUSY when a VMM has it; -ENOENT when there is none; -EOPNOTSUPP
 * as above; another negative errno.
 */
int vmqos_virtio_del(struct vmqos *ctx, const char *name);

/**
 * vmqos_virtio_get() - get a device
 * @ctx: context
 * @name: its name
 * @device: filled
 *
 * Return: 0; -ENOENT when there is none; -EOPNOTSUPP as above; another
 * negative errno.
 */
int vmqos_virtio_get(struct vmqos *ctx, const char *name, struct vmqos_device *device);

/**
 * vmqos_virtio_dump() - get all devices
 * @ctx: context
 * @devices: set to an array in the order in which they were made, to be freed
 *	with free()
 * @count: set to their number
 *
 * Return: 0; -EOPNOTSUPP as above; another negative errno.
 */
int vmqos_virtio_dump(struct vmqos *ctx, struct vmqos_device **devices, size_t *count);

/**
 * vmqos_device_type_name() - name of a type of device
 * @type: enum vmqos_device_type
 *
 * Return: "balloon" or "unknown".
 */
const char *vmqos_device_type_name(uint32_t type);

#ifdef __cplusplus
}
#endif

#endif
