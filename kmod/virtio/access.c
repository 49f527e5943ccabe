// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's memory, by the addresses that it gives.
 *
 * Everything is accessed through the VMM's page tables, by a thread of the VMM: what the
 * guest names can never be more than what the VMM itself may touch.
 *
 * Compiled in user space as well, where it is fuzzed.
 */
#include <linux/errno.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#include "virtio/translate.h"

/* The range that has an address, or NULL. */
static const struct vmqos_tr_range *range_of(const struct vmqos_tr *map, u64 addr)
{
	u32 low = 0, high = map ? map->nr : 0;

	while (low < high) {
		u32 middle = low + (high - low) / 2;
		const struct vmqos_tr_range *range = &map->ranges[middle];

		if (addr < range->start)
			high = middle;
		else if (addr > range->last)
			low = middle + 1;
		else
			return range;
	}
	return NULL;
}

static int find_mapped(const struct vmqos_tr *map, u64 addr, u64 *len, bool write,
		       unsigned long *where)
{
	const struct vmqos_tr_range *range = range_of(map, addr);

	if (!range)
		return -EFAULT;
	*where = range->addr + (addr - range->start);
	/* The range may be all addresses there are: their number would be 0. */
	if (*len - 1 > range->last - addr)
		*len = range->last - addr + 1;
	return (write ? range->writable : range->readable) ? 0 : -EPERM;
}

/**
 * vmqos_tr_device() - where an address is that the guest gives to the device
 * @view: the guest's memory, entered
 * @addr: the address
 * @len: how many bytes are wanted from there, at least 1; on return, but for -EFAULT, how
 *	many of them follow each other in the VMM
 * @write: whether they are to be written
 * @where: set to the address in the VMM
 *
 * Context: process context.
 * Return: 0; -EFAULT when nothing is there; -EPERM when the access is not allowed.
 */
int vmqos_tr_device(const struct vmqos_tr_view *view, u64 addr, u64 *len, bool write,
		    unsigned long *where)
{
	int ret = find_mapped(view->map, addr, len, write, where);

	if (ret != -EFAULT || !view->kvm)
		return ret;
	/* Behind an IOMMU an address that is not mapped is no address of the guest. */
	if (view->translated && view->map && view->map->nr)
		return ret;
	return vmqos_tr_slot(view->kvm, addr, len, write, where);
}

/**
 * vmqos_tr_guest() - where an address of the guest's memory is
 * @view: the guest's memory, entered
 * @addr: the address as the guest's own CPUs see it
 * @len: how many bytes are wanted from there, at least 1; on return, but for -EFAULT, how
 *	many of them follow each other in the VMM
 * @where: set to the address in the VMM
 *
 * The slots know it, whether there is an IOMMU or not; without a VM only what is mapped
 * does, as long as there is none. The memory must be writable.
 *
 * Context: process context.
 * Return: 0; -EFAULT when nothing is there; -EPERM when it is not to be written.
 */
int vmqos_tr_guest(const struct vmqos_tr_view *view, u64 addr, u64 *len, unsigned long *where)
{
	if (view->kvm)
		return vmqos_tr_slot(view->kvm, addr, len, true, where);
	if (view->translated)
		return -EFAULT;
	return find_mapped(view->map, addr, len, true, where);
}

/**
 * vmqos_tr_read() - read from the guest's memory
 * @view: the guest's memory
 * @addr: from where, as the guest gives it to the device
 * @to: to where
 * @len: how much, in bytes
 *
 * Context: the device's worker, process context; takes page faults.
 * Return: 0, -EFAULT or -EPERM; then @to holds anything.
 */
int vmqos_tr_read(const struct vmqos_tr_view *view, u64 addr, void *to, size_t len)
{
	unsigned long where;
	int ret = 0, idx;
	u64 part;

	idx = vmqos_tr_enter(view);
	for (; len && !ret; len -= part, addr += part, to += part) {
		part = len;
		if (addr + len < addr)
			ret = -EFAULT;
		if (!ret)
			ret = vmqos_tr_device(view, addr, &part, false, &where);
		if (!ret && copy_from_user(to, (const void __user *)where, part))
			ret = -EFAULT;
	}
	vmqos_tr_leave(view, idx);
	return ret;
}

/**
 * vmqos_tr_write() - write to the guest's memory
 * @view: the guest's memory
 * @addr: to where, as the guest gives it to the device
 * @from: from where
 * @len: how much, in bytes
 *
 * Context: the device's worker, process context; takes page faults.
 * Return: 0, -EFAULT or -EPERM; then a part may have been written.
 */
int vmqos_tr_write(const struct vmqos_tr_view *view, u64 addr, const void *from, size_t len)
{
	unsigned long where;
	int ret = 0, idx;
	u64 part;

	idx = vmqos_tr_enter(view);
	for (; len && !ret; len -= part, addr += part, from += part) {
		part = len;
		if (addr + len < addr)
			ret = -EFAULT;
		if (!ret)
			ret = vmqos_tr_device(view, addr, &part, true, &where);
		if (!ret && copy_to_user((void __user *)where, from, part))
			ret = -EFAULT;
	}
	vmqos_tr_leave(view, idx);
	return ret;
}
