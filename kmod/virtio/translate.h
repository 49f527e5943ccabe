/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_TRANSLATE_H
#define _VMQOS_VIRTIO_TRANSLATE_H

#include <linux/refcount.h>
#include <linux/types.h>

struct kvm;
struct vhost_iotlb;

/**
 * struct vmqos_tr_range - a range of addresses that the VMM has mapped
 * @start: first address as the device is given it
 * @last: last one, inclusive
 * @addr: where @start is in the VMM
 * @readable: the device may read there
 * @writable: the device may write there
 */
struct vmqos_tr_range {
	u64 start;
	u64 last;
	unsigned long addr;
	bool readable;
	bool writable;
};

/**
 * struct vmqos_tr - what the VMM had mapped at one moment
 * @users: references
 * @nr: number of ranges
 * @ranges: the ranges, ascending and disjoint
 *
 * Never changes once it is made.
 */
struct vmqos_tr {
	refcount_t users;
	u32 nr;
	struct vmqos_tr_range ranges[];
};

/**
 * struct vmqos_tr_view - how the worker of a device sees the guest's memory
 * @map: what the VMM has mapped, referenced, or NULL
 * @kvm: the VM, referenced, or NULL when none or more than one was found
 * @translated: addresses come through an IOMMU that the VMM emulates, possibly
 *
 * Used by the worker alone, under its device's lock.
 */
struct vmqos_tr_view {
	struct vmqos_tr *map;
	struct kvm *kvm;
	bool translated;
};

struct vmqos_tr *vmqos_tr_make(struct vhost_iotlb *iotlb);
struct vmqos_tr *vmqos_tr_get(struct vmqos_tr *map);
void vmqos_tr_put(struct vmqos_tr *map);
struct kvm *vmqos_tr_own_vm(void);

int vmqos_tr_enter(const struct vmqos_tr_view *view);
void vmqos_tr_leave(const struct vmqos_tr_view *view, int idx);
int vmqos_tr_slot(struct kvm *kvm, u64 addr, u64 *len, bool write, unsigned long *where);

/* access.c */
int vmqos_tr_guest(const struct vmqos_tr_view *view, u64 addr, u64 *len, unsigned long *where);
int vmqos_tr_device(const struct vmqos_tr_view *view, u64 addr, u64 *len, bool write,
		    unsigned long *where);

int vmqos_tr_read(const struct vmqos_tr_view *view, u64 addr, void *to, size_t len);
int vmqos_tr_write(const struct vmqos_tr_view *view, u64 addr, const void *from, size_t len);

#endif /* _VMQOS_VIRTIO_TRANSLATE_H */
