// SPDX-License-Identifier: GPL-2.0
/*
 * Holes that are read (zeros=map): they are mapped, for reading, to a page of zeros that all
 * files share, and get a page of their own when somebody writes to them.
 *
 * DOC: Overview
 *
 * The kernel's own page of zeros cannot be mapped to a file, so there are some here. Which
 * one stands for a hole follows from the file and the 2M that the hole is in, and the lock of
 * that page is the lock of these 2M. Two rules see to it that nobody reads zeros from where
 * somebody has written:
 *
 * 1. A fault looks for the page of a file, in the cache and in the store, and finds none,
 *    with the page of zeros locked, and the kernel maps that before it unlocks it.
 * 2. Who makes a page puts it into the cache, locked, then waits for the lock of the page of
 *    zeros once, and then takes that out of all page tables, before anyone else gets the lock
 *    of the new page and could write to it. Whoever looks after that wait finds the new page;
 *    whoever looked before has been unmapped.
 *
 * A write to a page of zeros comes as .page_mkwrite. That alone is why this is a choice of the
 * mount: a mapping with it is made read-only first, be the page one of the file's own or not,
 * and the kernel does not let such mappings be pinned for long (vfio, io_uring's buffers).
 *
 * Unmapping makes every vCPU that faults just then try again, so it is done only where a page
 * of zeros may be mapped: a bit for each page says so, of 2M in one piece. A bit stays when a
 * mapping goes, and then means an unmapping in vain.
 *
 * Locks: the page of zeros comes after the invalidate_lock and the locks of the file's pages;
 * who holds it waits for no other but what the kernel does to map a page.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "mem/broken.h"
#include "mem/mem.h"

#define ZEROS_BITS	8

/* Where in 2M of a file a page of zeros may be mapped; under the lock of that page. */
struct marks {
	DECLARE_BITMAP(at, VMQOS_MEM_HUGE_PAGES);
};

static struct folio *zeros[1 << ZEROS_BITS];

static struct folio *zeros_of(const struct vmqos_mem_inode *mi, pgoff_t index)
{
	return zeros[hash_long((unsigned long)mi / sizeof(*mi) +
			       index / VMQOS_MEM_HUGE_PAGES, ZEROS_BITS)];
}

static struct marks *marks_of(struct vmqos_mem_inode *mi, pgoff_t index)
{
	unsigned long region = index / VMQOS_MEM_HUGE_PAGES;
	struct marks *marks = xa_load(&mi->zeros, region), *other;

	if (marks)
		return marks;
	marks = kzalloc(sizeof(*marks), GFP_KERNEL_ACCOUNT);
	if (!marks)
		return NULL;
	other = xa_cmpxchg(&mi->zeros, region, NULL, marks, GFP_KERNEL_ACCOUNT);
	if (!other)
		return marks;
	kfree(marks);
	return xa_is_err(other) ? NULL : other;
}

/**
 * vmqos_zeros_may_serve() - whether a fault may get a page of zeros where it finds a hole
 * @inode: the file
 * @vmf: the fault, or NULL for one who is to get a page of the file's own
 *
 * What mlock() wants resident is the file's own.
 *
 * Context: any.
 * Return: whether it may.
 */
bool vmqos_zeros_may_serve(struct inode *inode, const struct vm_fault *vmf)
{
	return vmqos_mem_mount(inode->i_sb)->map_zeros && vmf &&
	       !(vmf->flags & FAULT_FLAG_WRITE) && !(vmf->vma->vm_flags & VM_LOCKED);
}

/* Whether there is a hole, and stays one until the page of zeros is unlocked. */
static bool is_hole(struct inode *inode, pgoff_t index)
{
	struct folio *folio = vmqos_mem_find_folio(inode, index);

	if (!IS_ERR(folio))
		folio_put(folio);
	return PTR_ERR_OR_ZERO(folio) == -ENOENT && !vmqos_mem_is_being_split(inode, index) &&
	       index < DIV_ROUND_UP_ULL(i_size_read(inode), PAGE_SIZE);
}

/**
 * vmqos_zeros_get() - the page that stands for a hole
 * @inode: the file
 * @index: where its cache has no page
 * @vmf: the fault, which may be served so
 *
 * Context: may sleep; takes the lock of the page that is returned.
 * Return: a page of zeros, locked and referenced, to be mapped before it is unlocked; NULL if
 * it is no hole or memory is short; -EAGAIN when a fault that must not wait would have to,
 * -EINTR for a task that is being killed.
 */
struct folio *vmqos_zeros_get(struct inode *inode, pgoff_t index, struct vm_fault *vmf)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	struct marks *marks = marks_of(mi, index);
	struct folio *folio = zeros_of(mi, index);
	bool early;

	if (!marks)
		return NULL;
	/* Test only: decided without the lock, with time for somebody to write. */
	early = vmqos_mem_broken(VMQOS_MEM_RULE_ZEROS_LOCK) && is_hole(inode, index);
	if (early)
		schedule_timeout_uninterruptible(1);
	if (!folio_trylock(folio)) {
		if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
			return ERR_PTR(-EAGAIN);
		if (folio_lock_killable(folio))
			return ERR_PTR(-EINTR);
	}
	if (!early && !is_hole(inode, index)) {
		folio_unlock(folio);
		return NULL;
	}
	if (!__test_and_set_bit(index % VMQOS_MEM_HUGE_PAGES, marks->at))
		atomic64_inc(&mi->zeros_mapped);
	folio_get(folio);
	return folio;
}

/**
 * vmqos_zeros_unmap() - nobody is to see zeros any more where a page has come to be
 * @inode: the file
 * @folio: the new page, in the cache, locked since before it was there
 *
 * Context: may sleep; takes the lock of a page of zeros and of the file's mappings.
 */
void vmqos_zeros_unmap(struct inode *inode, struct folio *folio)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	unsigned int first = folio->index % VMQOS_MEM_HUGE_PAGES;
	unsigned int end = first + folio_nr_pages(folio);
	struct folio *shared = zeros_of(mi, folio->index);
	struct marks *marks;
	unsigned int bit, seen = 0;

	if (!vmqos_mem_mount(inode->i_sb)->map_zeros)
		return;
	folio_lock(shared);
	marks = xa_load(&mi->zeros, folio->index / VMQOS_MEM_HUGE_PAGES);
	if (marks) {
		for (bit = find_next_bit(marks->at, end, first); bit < end;
		     bit = find_next_bit(marks->at, end, bit + 1))
			seen++;
		bitmap_clear(marks->at, first, end - first);
	}
	folio_unlock(shared);
	if (!seen)
		return;
	atomic64_sub(seen, &mi->zeros_mapped);
	if (!vmqos_mem_broken(VMQOS_MEM_RULE_ZEROS_UNMAP))
		unmap_mapping_pages(inode->i_mapping, folio->index, folio_nr_pages(folio), false);
}

/**
 * vmqos_zeros_settle() - wait for those that map pages of zeros just now
 * @inode: a file whose size has been lowered
 *
 * What is unmapped behind its end after that stays so.
 *
 * Context: may sleep; takes the locks of all pages of zeros, one after the other.
 */
void vmqos_zeros_settle(struct inode *inode)
{
	unsigned int i;

	if (!vmqos_mem_mount(inode->i_sb)->map_zeros)
		return;
	for (i = 0; i < ARRAY_SIZE(zeros); i++) {
		folio_lock(zeros[i]);
		folio_unlock(zeros[i]);
	}
}

/**
 * vmqos_zeros_has() - whether a page is one of zeros that all files share
 * @folio: the page
 *
 * Context: any.
 * Return: whether it is.
 */
bool vmqos_zeros_has(const struct folio *folio)
{
	unsigned int i;

	/* Those of files have a mapping, unless they have just left it. */
	if (READ_ONCE(folio->mapping))
		return false;
	for (i = 0; i < ARRAY_SIZE(zeros); i++)
		if (zeros[i] == folio)
			return true;
	return false;
}

/**
 * vmqos_zeros_drop() - forget where pages of zeros may be mapped
 * @mi: a file that nobody has mapped any more
 *
 * Context: may sleep.
 */
void vmqos_zeros_drop(struct vmqos_mem_inode *mi)
{
	unsigned long region;
	struct marks *marks;

	xa_for_each(&mi->zeros, region, marks)
		kfree(marks);
	xa_destroy(&mi->zeros);
}

static void put_zeros(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(zeros) && zeros[i]; i++) {
		folio_clear_unevictable(zeros[i]);
		folio_put(zeros[i]);
		zeros[i] = NULL;
	}
}

/**
 * vmqos_zeros_init() - have the pages of zeros
 *
 * Return: 0 or -ENOMEM.
 */
int vmqos_zeros_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(zeros); i++) {
		zeros[i] = folio_alloc(GFP_KERNEL | __GFP_ZERO, 0);
		if (!zeros[i]) {
			put_zeros();
			return -ENOMEM;
		}
		/* Being looked at is not to make the kernel look for them on its lists. */
		folio_set_unevictable(zeros[i]);
		folio_mark_uptodate(zeros[i]);
	}
	return 0;
}

/**
 * vmqos_zeros_exit() - let go of them; nobody has them mapped, as mappings hold the module
 *
 * Context: may sleep.
 */
void vmqos_zeros_exit(void)
{
	put_zeros();
}
