// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of zeros in shared memory (tmpfs, memfd, shared anonymous memory) become holes.
 *
 * DOC: Overview
 *
 * The file is the kernel's, not ours, and so are its faults and its locks. What a page of
 * it may go by is what the kernel lets one go by that is truncated or has failed: whoever
 * holds the page's lock may take it out of the page cache, and everybody who finds a page
 * there locks it and sees whether it is still the file's before he maps it or writes to it.
 * That is all that is relied upon, and it is the same in all kernels that are supported:
 *
 * - shmem_get_folio_gfp(), which faults, write(), fallocate(), splice and userfaultfd come
 *   through, locks the page, compares folio->mapping, and begins anew if it is another.
 * - filemap_map_pages(), the fault that maps pages around the one it is about, tries the
 *   lock and compares likewise.
 * - shmem_undo_range() (truncate, punch), reclaim, migration and khugepaged do all their
 *   work on a page under its lock; a page that is in the swap is not in the page cache.
 *
 * With that the steps of zero.c hold as they stand there, word for word: lock (tried), unmap,
 * see that the page cache and we have the only references, look at all of it, remove it.
 * Who writes without a page table has a reference; who writes through one has lost it; who
 * comes now waits for the lock and finds a hole, which reads as zeros, what the page was.
 * There is no moment at which the page is unlocked between look and removal: it is not
 * punched, which takes the lock anew and clears whatever is there by then.
 *
 * A page of 2M, or any larger one, therefore goes whole or not at all: nothing that is
 * exported splits one of this file under its lock. (split.c cuts a page out, and keeps others
 * away meanwhile by its own faults' waiting. Here the faults are the kernel's.)
 *
 * Some pages are left, though they are zeros:
 *
 * - of a file that somebody handles faults on by userfaultfd, in whatever address space: to
 *   him a missing page is one that has not arrived. The VMM's own cannot begin with it
 *   meanwhile, for its mmap_lock is held, from the look to the removal;
 * - those that fallocate() has reserved and nobody has touched (not up to date);
 * - those that mlock() or SHM_LOCK want resident, and those of failed memory.
 *
 * The file counts its pages by itself, and finds out about those that have gone when
 * somebody asks for its attributes (shmem_recalc_inode()), which is done at the end.
 */
#include <linux/folio_batch.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/stat.h>
#include <linux/userfaultfd_k.h>

#include "mem/batch.h"
#include "mem/broken.h"
#include "mem/share.h"

/* Pages locked at a time. */
#define BATCH		64
/* Looked at in one go, after which the VMM's address space is let go of. */
#define PAGES_MAX	1024

/* Candidates; used under share_mutex alone. */
static struct folio *candidates[BATCH];

static bool is_zero(struct folio *folio)
{
	unsigned int i, nr = folio_nr_pages(folio);

	for (i = 0; i < nr; i++)
		if (!vmqos_mem_is_zero(folio, i))
			return false;
	return true;
}

/* Nobody can have it any more, if that is what is seen here. */
static void judge(struct address_space *mapping, struct folio *folio, struct vmqos_mem_stats *did)
{
	unsigned int nr = folio_nr_pages(folio);

	if (!vmqos_mem_is_alone(folio) || folio_test_swapcache(folio)) {
		did->zero_busy++;
	} else if (!vmqos_mem_broken(VMQOS_MEM_RULE_LOOK) && !is_zero(folio)) {
		did->zero_changed++;
	} else {
		/* Test only: the moment in which a write would be lost, made long enough. */
		if (vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP))
			schedule_timeout_uninterruptible(1);
		if (!generic_error_remove_folio(mapping, folio))
			did->zero_freed += nr;
	}
}

static void free_candidates(struct address_space *mapping, unsigned int n,
			    struct vmqos_mem_stats *did)
{
	unsigned int i;

	n = vmqos_mem_batch_lock(mapping, false, candidates, n, did);
	vmqos_mem_batch_unmap(mapping, candidates, n, did);
	for (i = 0; i < n; i++) {
		judge(mapping, candidates[i], did);
		folio_unlock(candidates[i]);
		folio_put(candidates[i]);
	}
}

/* Keeps a page of zeros as a candidate, or lets go of it; returns how many there are then. */
static unsigned int consider(struct address_space *mapping, struct folio *folio, unsigned int n,
			     struct vmqos_mem_stats *did)
{
	if (!folio_test_uptodate(folio) || !is_zero(folio)) {
		folio_put(folio);
		return n;
	}
	candidates[n++] = folio;
	/* Large ones are many pages to unmap each: no others along with them. */
	if (n < BATCH && !folio_test_large(folio))
		return n;
	free_candidates(mapping, n, did);
	return 0;
}

/* Have the file notice how many pages it has. */
static void recount(struct file *file)
{
	struct kstat stat;

	vfs_getattr_nosec(&file->f_path, &stat, STATX_BLOCKS, AT_STATX_DONT_SYNC);
}

/**
 * vmqos_shmem_why_not() - why pages of a file in shared memory may not be taken away
 * @vma: a shared mapping of it
 *
 * What is true of any mapping of the file holds for all of it.
 *
 * Context: may sleep, the mapping's mmap_lock held.
 * Return: 0 if they may, or bits of enum vmqos_mem_why_not.
 */
u64 vmqos_shmem_why_not(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_file->f_mapping;
	struct rb_node *node;
	u64 why = 0;

	if (!shmem_mapping(mapping) || !S_ISREG(mapping->host->i_mode))
		return VMQOS_MEM_WHY_NOT_ELSEWHERE;
	if (mapping_unevictable(mapping))
		why |= VMQOS_MEM_WHY_NOT_LOCKED;
	i_mmap_lock_read(mapping);
	for (node = rb_first_cached(&mapping->i_mmap); node; node = rb_next(node)) {
		struct vm_area_struct *other = rb_entry(node, struct vm_area_struct, shared.rb);

		if (userfaultfd_armed(other) && !vmqos_mem_broken(VMQOS_MEM_RULE_ARMED))
			why |= VMQOS_MEM_WHY_NOT_USERFAULTFD;
		if (other->vm_flags & VM_LOCKED)
			why |= VMQOS_MEM_WHY_NOT_LOCKED;
	}
	i_mmap_unlock_read(mapping);
	return why;
}

/**
 * vmqos_shmem_scan() - give back pages of zeros of a file in shared memory
 * @vma: a shared mapping of it, of which vmqos_shmem_why_not() has said nothing
 * @from: where to begin, within the mapping; set to where to go on
 * @to: where to end
 * @until: in ns of ktime_get_ns(), when to stop
 * @did: what became of it is counted here
 *
 * Context: may sleep; share_mutex and the mapping's mmap_lock held, for reading at least, since
 * before vmqos_shmem_why_not(). Takes page locks (tried), and the file's i_mmap_rwsem.
 * Return: whether the end was reached.
 */
bool vmqos_shmem_scan(struct vm_area_struct *vma, unsigned long *from, unsigned long to,
		      u64 until, struct vmqos_mem_stats *did)
{
	struct address_space *mapping = vma->vm_file->f_mapping;
	pgoff_t next = linear_page_index(vma, *from), end = linear_page_index(vma, to - 1);
	unsigned int i, found = 1, n = 0, scanned = 0;
	u64 freed = did->zero_freed;
	struct folio_batch batch;

	folio_batch_init(&batch);
	while (found && next <= end && scanned < PAGES_MAX && ktime_get_ns() < until) {
		pgoff_t start = next;

		found = filemap_get_folios(mapping, &start, end, &batch);
		for (i = 0; i < found; i++) {
			next = folio_next_index(batch.folios[i]);
			scanned += folio_nr_pages(batch.folios[i]);
			n = consider(mapping, batch.folios[i], n, did);
		}
		folio_batch_init(&batch);
		cond_resched();
	}
	if (n)
		free_candidates(mapping, n, did);
	did->scanned += scanned;
	if (did->zero_freed != freed)
		recount(vma->vm_file);
	if (!found || next > end) {
		*from = to;
		return true;
	}
	*from = vma->vm_start + ((next - vma->vm_pgoff) << PAGE_SHIFT);
	return false;
}
