// SPDX-License-Identifier: GPL-2.0
/*
 * From the addresses that a guest gives to those of its VMM.
 *
 * DOC: Overview
 *
 * vhost_vdpa tells a device what the VMM has mapped for it. Of these mappings it passes on
 * those of shared files only: of a guest in plain anonymous memory there are none. Then the
 * memory slots of the VM are asked, which have the same addresses as long as no IOMMU is
 * emulated between them.
 *
 * What the VMM has mapped is told with its address space locked, while the worker, which
 * takes page faults in that same address space, may hold the lock of the device. So it is
 * handed over as a snapshot that never changes: whoever tells it makes a new one and
 * exchanges a pointer, and the worker takes that over when it turns to its next buffer.
 *
 * The VM is found among the descriptors of the process that binds the device, and must have
 * that process's address space. What is found here is accessed by access.c.
 */
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/kvm_host.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/vhost_iotlb.h>

#include "core/kvmfile.h"
#include "virtio/translate.h"

/**
 * vmqos_tr_make() - keep what a VMM has mapped
 * @iotlb: what it has
 *
 * Context: process context; the VMM's address space may be locked.
 * Return: a snapshot with one reference, or ERR_PTR(-ENOMEM).
 */
struct vmqos_tr *vmqos_tr_make(struct vhost_iotlb *iotlb)
{
	struct vhost_iotlb_map *entry;
	struct vmqos_tr *map;
	u32 nr = 0;

	for (entry = vhost_iotlb_itree_first(iotlb, 0, U64_MAX); entry;
	     entry = vhost_iotlb_itree_next(entry, 0, U64_MAX))
		nr++;
	map = kvmalloc(struct_size(map, ranges, nr), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);
	refcount_set(&map->users, 1);
	map->nr = 0;
	for (entry = vhost_iotlb_itree_first(iotlb, 0, U64_MAX); entry && map->nr < nr;
	     entry = vhost_iotlb_itree_next(entry, 0, U64_MAX))
		map->ranges[map->nr++] = (struct vmqos_tr_range){
			.start = entry->start,
			.last = entry->last,
			.addr = entry->addr,
			.readable = entry->perm & VHOST_MAP_RO,
			.writable = entry->perm & VHOST_MAP_WO,
		};
	return map;
}

/**
 * vmqos_tr_get() - another reference to a snapshot
 * @map: the snapshot, or NULL
 *
 * Context: any.
 * Return: @map.
 */
struct vmqos_tr *vmqos_tr_get(struct vmqos_tr *map)
{
	if (map)
		refcount_inc(&map->users);
	return map;
}

/**
 * vmqos_tr_put() - drop a reference to a snapshot
 * @map: the snapshot, or NULL
 *
 * Context: process context, for the memory may have to be given back to vmalloc.
 */
void vmqos_tr_put(struct vmqos_tr *map)
{
	if (map && refcount_dec_and_test(&map->users))
		kvfree(map);
}

struct own_vm {
	struct kvm *kvm;
	unsigned int others;
};

static int look_at_file(const void *data, struct file *file, unsigned int fd)
{
	struct own_vm *own = (struct own_vm *)data;
	struct kvm *kvm = vmqos_kvmfile_get(file);

	if (!kvm)
		return 0;
	/*
	 * The file that is open keeps the VM, so dropping the reference frees nothing here,
	 * under a spinlock.
	 */
	if (kvm->mm != current->mm || kvm == own->kvm) {
		kvm_put_kvm(kvm);
	} else if (own->kvm) {
		own->others++;
		kvm_put_kvm(kvm);
	} else {
		own->kvm = kvm;
	}
	return 0;
}

/**
 * vmqos_tr_own_vm() - the VM of the process that asks
 *
 * Context: process context.
 * Return: the VM with a reference for the caller to drop with kvm_put_kvm(); NULL if the
 * process has none, or several, of which nobody knows which one is meant.
 */
struct kvm *vmqos_tr_own_vm(void)
{
	struct own_vm own = {};

	if (!current->files || !current->mm)
		return NULL;
	iterate_fd(current->files, 0, look_at_file, &own);
	if (own.others) {
		kvm_put_kvm(own.kvm);
		return NULL;
	}
	return own.kvm;
}

/**
 * vmqos_tr_enter() - begin to use addresses
 * @view: the guest's memory
 *
 * Until vmqos_tr_leave() no memory slot that was found goes away.
 *
 * Context: process context.
 * Return: to be given to vmqos_tr_leave().
 */
int vmqos_tr_enter(const struct vmqos_tr_view *view) __acquires(&view->kvm->srcu)
{
	if (view->kvm)
		return srcu_read_lock(&view->kvm->srcu);
	__acquire(&view->kvm->srcu);
	return 0;
}

/**
 * vmqos_tr_leave() - end the use of addresses
 * @view: the guest's memory
 * @idx: what vmqos_tr_enter() returned
 *
 * Context: process context.
 */
void vmqos_tr_leave(const struct vmqos_tr_view *view, int idx) __releases(&view->kvm->srcu)
{
	if (view->kvm)
		srcu_read_unlock(&view->kvm->srcu, idx);
	else
		__release(&view->kvm->srcu);
}

/**
 * vmqos_tr_slot() - where an address is by a VM's memory slots
 * @kvm: the VM, whose slots the caller keeps by vmqos_tr_enter()
 * @addr: the address as the guest's own CPUs see it
 * @len: how many bytes are wanted from there, at least 1; on return, but for -EFAULT, how
 *	many of them follow each other in the VMM
 * @write: whether they are to be written
 * @where: set to the address in the VMM
 *
 * Context: process context.
 * Return: 0; -EFAULT when nothing is there; -EPERM when the access is not allowed.
 */
int vmqos_tr_slot(struct kvm *kvm, u64 addr, u64 *len, bool write, unsigned long *where)
{
	gfn_t gfn = addr >> PAGE_SHIFT;
	struct kvm_memory_slot *slot;
	u64 rest;

	slot = __gfn_to_memslot(kvm_memslots(kvm), gfn);
	if (!slot || slot->flags & KVM_MEMSLOT_INVALID)
		return -EFAULT;
	*where = slot->userspace_addr + (addr - ((u64)slot->base_gfn << PAGE_SHIFT));
	rest = ((u64)(slot->base_gfn + slot->npages) << PAGE_SHIFT) - addr;
	*len = min(*len, rest);
	return write && slot->flags & KVM_MEM_READONLY ? -EPERM : 0;
}
