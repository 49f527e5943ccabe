// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults on mappings of a file, the VMM's own and those that KVM makes for a guest.
 *
 * Mappings are shared and their pages never written anywhere, so the kernel maps a page
 * writable at its first fault, be it for reading: there is no second fault, and pages may
 * be pinned for as long as anyone likes (vfio, buffers registered with io_uring).
 *
 * One page is mapped for each fault: what is around it may be wanted or not.
 *
 * With zeros=map a fault for reading may get a page of zeros that is not the file's
 * (zeros.c). All pages are then mapped for reading first, and .page_mkwrite hears of writes.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "mem/broken.h"
#include "mem/mem.h"

static vm_fault_t vmqos_mem_fault(struct vm_fault *vmf)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	enum vmqos_mem_fault_kind kind;
	u64 began = ktime_get_ns();
	struct folio *folio;

	folio = vmqos_mem_get_folio(inode, vmf->pgoff, vmf, &kind);
	if (IS_ERR(folio)) {
		/* KVM comes again, and that one counts. */
		if (PTR_ERR(folio) == -EAGAIN)
			return VM_FAULT_RETRY;
		vmqos_mem_count_failed(mi);
		return PTR_ERR(folio) == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	}
	if (kind == VMQOS_MEM_ZERO) {
		vmqos_mem_count_fault(mi, kind, ktime_get_ns() - began);
		vmf->page = folio_page(folio, 0);
		return VM_FAULT_LOCKED;
	}
	/* The lock keeps the page; truncate sets the size first, then waits for it. */
	if (vmf->pgoff >= DIV_ROUND_UP_ULL(i_size_read(inode), PAGE_SIZE)) {
		folio_unlock(folio);
		folio_put(folio);
		vmqos_mem_count_failed(mi);
		return VM_FAULT_SIGBUS;
	}
	vmqos_sample_touch(mi, vmf, folio);
	vmqos_mem_count_fault(mi, kind, ktime_get_ns() - began);
	if (folio_test_large(folio) && vmf->vma->vm_flags & VM_LOCKED)
		WRITE_ONCE(mi->locked, true);
	vmf->page = folio_file_page(folio, vmf->pgoff);
	return VM_FAULT_LOCKED;
}

/*
 * Maps nothing around. It is here because the kernel (since 6.4) takes its being there as
 * leave to call .fault under the lock of the mapping alone; without it all vCPUs of a VM
 * would meet at the mmap_lock, with each fault tried twice.
 */
static vm_fault_t vmqos_mem_map_pages(struct vm_fault *vmf, pgoff_t first, pgoff_t last)
{
	return 0;
}

/*
 * A write to what was mapped for reading. A page of the file's own is written to as it is. For
 * a hole one is made, and the fault comes again, as nothing is mapped there any more. It has
 * been told by the kernel not to mind FAULT_FLAG_RETRY_NOWAIT.
 */
static vm_fault_t vmqos_mem_page_mkwrite(struct vm_fault *vmf)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	struct folio *folio = page_folio(vmf->page);
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	enum vmqos_mem_fault_kind kind;
	u64 began = ktime_get_ns();

	if (!vmqos_zeros_has(folio)) {
		folio_lock(folio);
		if (folio->mapping == inode->i_mapping)
			return VM_FAULT_LOCKED;
		folio_unlock(folio);
		return VM_FAULT_NOPAGE;
	}
	folio = vmqos_mem_get_folio(inode, vmf->pgoff, vmf, &kind);
	if (IS_ERR(folio)) {
		/* It is being killed, or the file has just been cut: either shows soon. */
		if (PTR_ERR(folio) == -EINTR || PTR_ERR(folio) == -EFAULT)
			return VM_FAULT_NOPAGE;
		vmqos_mem_count_failed(mi);
		return PTR_ERR(folio) == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	}
	vmqos_mem_count_fault(mi, kind, ktime_get_ns() - began);
	folio_unlock(folio);
	folio_put(folio);
	/* Test only: not before others could write; but without it there would be no end. */
	if (vmqos_mem_broken(VMQOS_MEM_RULE_ZEROS_UNMAP)) {
		schedule_timeout_uninterruptible(1);
		unmap_mapping_pages(inode->i_mapping, vmf->pgoff, 1, false);
	}
	return VM_FAULT_NOPAGE;
}

const struct vm_operations_struct vmqos_mem_vm_ops = {
	.fault = vmqos_mem_fault,
	.map_pages = vmqos_mem_map_pages,
};

const struct vm_operations_struct vmqos_mem_zeros_vm_ops = {
	.fault = vmqos_mem_fault,
	.map_pages = vmqos_mem_map_pages,
	.page_mkwrite = vmqos_mem_page_mkwrite,
};
