// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of a file: found, made, counted.
 *
 * DOC: Overview
 *
 * All memory of a file stands in its page cache or, made small, in its store (store.c); a
 * page that is in neither is a hole and reads as zeros. Six rules hold:
 *
 * 1. A page enters the cache here only (vmqos_mem_fill()), with the mapping's
 *    invalidate_lock held shared: punching and truncating hold it exclusively, so that
 *    nothing comes back that they have just removed, and no page is made behind the end
 *    of a file by a fault that looked at the size too early.
 * 2. A page that is to be written or mapped is locked and found to be still the file's
 *    under its lock. Whoever removes a page does so under that lock. A reference taken
 *    under the lock keeps the page from the scanner, which counts references.
 * 3. Every page is dirty for as long as it lives, for the kernel drops clean pages when
 *    it is asked to (drop_caches) or thinks it right. There is nowhere to write them.
 * 4. A page is charged to the mount before it enters the cache. How many left, the
 *    kernel tells nobody, so it is worked out from the mapping's own count
 *    (vmqos_mem_recount()), by everyone who has added or removed some.
 * 5. A file with a limit makes room before it gets a page (reclaim.c). Nothing is held then.
 * 6. No page of 2M reaches beyond the end of its file. The kernel may split any large
 *    page, and one that does it would then take for pages on their way to a disk: it drops
 *    what is behind the end and takes that off the count of dirty pages, where it never was.
 *    So the size is lowered only when no such page is left (vmqos_mem_cut()), and a large one
 *    is made only where the size, which cannot shrink under 1., has room for it.
 */
#include <linux/cgroup.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "mem/broken.h"
#include "mem/mem.h"

static bool charge(struct vmqos_mem_mount *mount, unsigned int nr)
{
	u64 max = READ_ONCE(mount->max_pages);
	s64 used = atomic64_read(&mount->used_pages);

	do {
		if (max && used + nr > (s64)max)
			return false;
	} while (!atomic64_try_cmpxchg(&mount->used_pages, &used, used + nr));
	return true;
}

/**
 * vmqos_mem_recount() - bring the charge of a file in line with its pages and its store
 * @inode: the file
 * @added: pages that the caller has charged and added to the page cache
 *
 * Another who has added a page and not yet told so makes the cache look larger than the
 * charge; what left is then found by its own call.
 *
 * Context: any that may take a spinlock, no page lock needed.
 */
void vmqos_mem_recount(struct inode *inode, unsigned int added)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	u64 there, gone = 0;

	spin_lock(&mi->lock);
	mi->pages += added;
	mi->stats.fills += added;
	there = READ_ONCE(inode->i_mapping->nrpages);
	there += DIV_ROUND_UP_ULL(mi->stored_bytes, PAGE_SIZE);
	if (mi->pages > there) {
		gone = mi->pages - there;
		mi->pages = there;
	}
	inode->i_blocks = mi->pages << (PAGE_SHIFT - 9);
	spin_unlock(&mi->lock);
	if (gone)
		atomic64_sub(gone, &vmqos_mem_mount(inode->i_sb)->used_pages);
}

/* The page belongs to whom the mapping belongs to, whoever touches it first. */
static int add_folio(struct inode *inode, struct folio *folio, pgoff_t index,
		     struct vm_fault *vmf)
{
	struct mem_cgroup *owner, *before;
	int ret;

	if (!vmf || vmf->vma->vm_mm == current->mm)
		return filemap_add_folio(inode->i_mapping, folio, index, GFP_KERNEL);
	owner = get_mem_cgroup_from_mm(vmf->vma->vm_mm);
	before = set_active_memcg(owner);
	ret = filemap_add_folio(inode->i_mapping, folio, index, GFP_KERNEL);
	set_active_memcg(before);
	mem_cgroup_put(owner);
	return ret;
}

/* Whether a page of 2M may stand at an index, with the file as large as it is. */
static bool huge_fits(struct inode *inode, pgoff_t first)
{
	return READ_ONCE(vmqos_mem_mount(inode->i_sb)->huge) &&
	       (u64)(first + VMQOS_MEM_HUGE_PAGES) << PAGE_SHIFT <= i_size_read(inode);
}

/* Whether one of 2M is worth trying: nothing is there yet where it would stand. */
static bool huge_wanted(struct inode *inode, pgoff_t first)
{
	return huge_fits(inode, first) && vmqos_mem_has_room(inode, VMQOS_MEM_HUGE_PAGES) &&
	       !vmqos_store_has(vmqos_mem_inode(inode), first, first + VMQOS_MEM_HUGE_PAGES - 1) &&
	       !filemap_range_has_page(inode->i_mapping, (loff_t)first << PAGE_SHIFT,
				       ((loff_t)(first + VMQOS_MEM_HUGE_PAGES) << PAGE_SHIFT) - 1);
}

static struct folio *alloc_page_of(unsigned int order, struct vm_fault *vmf)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_ZERO;

	/* A large one is worth some trouble, but there is always a small one. */
	if (order)
		gfp |= __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC;
	return vmf ? vmqos_compat_vma_alloc_folio(gfp, order, vmf->vma, vmf->address) :
		     folio_alloc(gfp, order);
}

/*
 * Gives a new page, locked in the cache, its content: zeros, or what comes back from the
 * store. Returns where it was, or a negative error with the page out of the cache again:
 * -EEXIST for a large one of which some part is in the store.
 */
static int give_content(struct inode *inode, struct folio *folio)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	pgoff_t last = folio_next_index(folio) - 1;
	int kind = VMQOS_MEM_FILLED;

	if (!folio_test_large(folio))
		kind = vmqos_store_get(mi, folio_page(folio, 0), folio->index);
	else if (vmqos_store_has(mi, folio->index, last))
		kind = -EEXIST;
	if (kind < 0) {
		generic_error_remove_folio(inode->i_mapping, folio);
		folio_unlock(folio);
		return kind;
	}
	folio_mark_uptodate(folio);
	folio_mark_dirty(folio);
	return kind;
}

/*
 * Makes a page of a size, with @index in it. Returns it locked and referenced; -EEXIST
 * when there is something already.
 */
static struct folio *make_page(struct inode *inode, pgoff_t index, unsigned int order,
			       struct vm_fault *vmf, bool within, enum vmqos_mem_fault_kind *kind)
{
	struct vmqos_mem_mount *mount = vmqos_mem_mount(inode->i_sb);
	unsigned int nr = 1u << order;
	pgoff_t first = round_down(index, nr);
	struct folio *folio;
	int ret;

	/* KVM lets a thread of its own wait for the disk, while the vCPU goes on. */
	if (vmf && vmf->flags & FAULT_FLAG_RETRY_NOWAIT &&
	    vmqos_swap_is_slow(vmqos_mem_inode(inode), index))
		return ERR_PTR(-EAGAIN);
	ret = vmqos_mem_make_room(inode, nr, vmf);
	if (ret)
		return ERR_PTR(ret);
	if (!charge(mount, nr)) {
		/* What the file has already comes back, also if the mount is full. */
		if (!vmqos_store_has(vmqos_mem_inode(inode), first, first + nr - 1))
			return ERR_PTR(-ENOSPC);
		atomic64_add(nr, &mount->used_pages);
	}
	folio = alloc_page_of(order, vmf);
	if (!folio) {
		ret = -ENOMEM;
		goto uncharge;
	}

	filemap_invalidate_lock_shared(inode->i_mapping);
	if (within && index >= DIV_ROUND_UP_ULL(i_size_read(inode), PAGE_SIZE))
		ret = -EFAULT;
	else if (order && !huge_fits(inode, first))
		ret = -EEXIST;
	else
		ret = add_folio(inode, folio, first, vmf);
	if (!ret)
		ret = give_content(inode, folio);
	if (ret >= 0) {
		vmqos_zeros_unmap(inode, folio);
		*kind = ret;
		vmqos_mem_recount(inode, nr);
	}
	filemap_invalidate_unlock_shared(inode->i_mapping);
	if (ret >= 0)
		return folio;

	folio_put(folio);
uncharge:
	atomic64_sub(nr, &mount->used_pages);
	return ERR_PTR(ret);
}

/* Returns the new page locked and referenced; -EEXIST when another was faster. */
static struct folio *vmqos_mem_fill(struct inode *inode, pgoff_t index, struct vm_fault *vmf,
				    bool within, enum vmqos_mem_fault_kind *kind)
{
	struct folio *folio;

	if (huge_wanted(inode, round_down(index, VMQOS_MEM_HUGE_PAGES))) {
		folio = make_page(inode, index, VMQOS_MEM_HUGE_ORDER, vmf, within, kind);
		if (!IS_ERR(folio))
			return folio;
	}
	return make_page(inode, index, 0, vmf, within, kind);
}

/**
 * vmqos_mem_is_being_split() - whether a page is nobody's just now
 * @inode: its file
 * @index: the page; parts of a large one count as well, for one of them has yet to go
 *
 * Context: any. Who has a reference that it did not have when the splitting began sees it.
 * Return: whether it is to be waited for, at the invalidate_lock.
 */
bool vmqos_mem_is_being_split(struct inode *inode, pgoff_t index)
{
	return READ_ONCE(vmqos_mem_inode(inode)->splitting) ==
	       round_down(index, VMQOS_MEM_HUGE_PAGES) + 1;
}

/* A page that is being split is nobody's until it is: wait for that. Drops the page. */
static int wait_for_split(struct address_space *mapping, struct folio *folio,
			  struct vm_fault *vmf)
{
	folio_unlock(folio);
	folio_put(folio);
	if (vmf && vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return -EAGAIN;
	filemap_invalidate_lock_shared(mapping);
	filemap_invalidate_unlock_shared(mapping);
	return 0;
}

static int lock_folio(struct folio *folio, struct vm_fault *vmf)
{
	if (folio_trylock(folio))
		return 0;
	/* KVM asks so before it lets a thread of its own wait, while the vCPU goes on. */
	if (vmf && vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return -EAGAIN;
	return folio_lock_killable(folio);
}

static struct folio *get_folio(struct inode *inode, pgoff_t index, struct vm_fault *vmf,
			       bool within, enum vmqos_mem_fault_kind *kind)
{
	struct address_space *mapping = inode->i_mapping;
	struct folio *folio;
	int ret;

	for (;;) {
		folio = filemap_get_folio(mapping, index);
		if (IS_ERR(folio) && vmqos_zeros_may_serve(inode, vmf)) {
			folio = vmqos_zeros_get(inode, index, vmf);
			if (folio) {
				*kind = VMQOS_MEM_ZERO;
				return folio;
			}
			folio = filemap_get_folio(mapping, index);
		}
		if (IS_ERR(folio)) {
			folio = vmqos_mem_fill(inode, index, vmf, within, kind);
			if (PTR_ERR_OR_ZERO(folio) == -EEXIST)
				continue;
			return folio;
		}
		ret = lock_folio(folio, vmf);
		if (ret) {
			folio_put(folio);
			return ERR_PTR(ret);
		}
		if (folio->mapping == mapping && unlikely(vmqos_mem_is_being_split(inode, index))) {
			ret = wait_for_split(mapping, folio, vmf);
			if (ret)
				return ERR_PTR(ret);
			continue;
		}
		if (folio->mapping == mapping) {
			*kind = VMQOS_MEM_FOUND;
			return folio;
		}
		folio_unlock(folio);
		folio_put(folio);
	}
}

/**
 * vmqos_mem_get_folio() - the page of a file, made if it is not there
 * @inode: the file
 * @index: which page
 * @vmf: the fault that wants it; NULL for a caller that holds the inode's lock and may
 *	also get a page behind the end of the file
 * @kind: set to how the page was come by; NULL for one who does not ask
 *
 * Context: may sleep; takes invalidate_lock (shared) and page locks.
 * Return: the page, locked and referenced, or with @kind VMQOS_MEM_ZERO the one that stands
 * for a hole (vmqos_zeros_get()); or an error pointer: -ENOSPC when the mount is
 * full, -ENOMEM, -EFAULT behind the end of the file, -EINTR for a task that is being
 * killed, -EAGAIN when a fault that must not wait would have to, -EIO when the store
 * cannot give it back.
 */
struct folio *vmqos_mem_get_folio(struct inode *inode, pgoff_t index, struct vm_fault *vmf,
				  enum vmqos_mem_fault_kind *kind)
{
	enum vmqos_mem_fault_kind unused;

	return get_folio(inode, index, vmf, vmf, kind ?: &unused);
}

/**
 * vmqos_mem_get_stored() - the page of a file, brought back from the store
 * @inode: the file, of which no lock is held
 * @index: which page, of which one knows that it was in the store
 *
 * Context: may sleep; takes invalidate_lock (shared) and page locks.
 * Return: as of vmqos_mem_get_folio(); never a page behind the end of the file.
 */
struct folio *vmqos_mem_get_stored(struct inode *inode, pgoff_t index)
{
	enum vmqos_mem_fault_kind unused;

	return get_folio(inode, index, NULL, true, &unused);
}

/**
 * vmqos_mem_find_folio() - look where a page of a file is
 * @inode: the file
 * @index: which page
 *
 * Context: any. The page is not locked, and may have no content yet.
 * Return: the page, referenced; -ENOENT for a hole, -ENODATA when it is in the store.
 */
struct folio *vmqos_mem_find_folio(struct inode *inode, pgoff_t index)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);
	struct folio *folio;
	int moves;

	do {
		moves = atomic_read(&mi->moves);
		/* Before the first look; the others keep the looks in order. */
		smp_rmb();
		folio = filemap_get_folio(inode->i_mapping, index);
		if (!IS_ERR(folio))
			return folio;
		/* Test only: the moment between two looks, made long enough. */
		if (vmqos_mem_broken(VMQOS_MEM_RULE_HOLE))
			schedule_timeout_uninterruptible(1);
		/* First the cache, then the store, as a page goes. */
		smp_rmb();
		if (vmqos_store_has(mi, index, index))
			return ERR_PTR(-ENODATA);
		/* Pairs with the one of vmqos_store_get(). */
		smp_rmb();
		/* It may have come back behind the first look and left before the second. */
	} while (atomic_read(&mi->moves) != moves && !vmqos_mem_broken(VMQOS_MEM_RULE_HOLE));
	return ERR_PTR(-ENOENT);
}

/**
 * vmqos_mem_zero_tail() - clear what stands behind the end of a file in its last page
 * @inode: the file, its lock held
 * @size: where it ends; a multiple of the page size has no such tail
 *
 * A mapping lets programs write there, and a file that grows must not show it.
 *
 * Context: may sleep; takes a page lock.
 * Return: 0, or the error for which the page could not be had.
 */
int vmqos_mem_zero_tail(struct inode *inode, loff_t size)
{
	size_t from = offset_in_page(size);
	struct folio *folio;

	if (!from)
		return 0;
	folio = vmqos_mem_find_folio(inode, size >> PAGE_SHIFT);
	if (PTR_ERR_OR_ZERO(folio) == -ENOENT)
		return 0;
	if (!IS_ERR(folio))
		folio_put(folio);
	folio = vmqos_mem_get_folio(inode, size >> PAGE_SHIFT, NULL, NULL);
	if (IS_ERR(folio))
		return PTR_ERR(folio);
	/* By rule 6 it is a page of 4K. */
	if (!WARN_ON_ONCE(folio_test_large(folio)))
		folio_zero_segment(folio, from, PAGE_SIZE);
	folio_unlock(folio);
	folio_put(folio);
	return 0;
}

/*
 * A page whose memory has failed stays where it is: a hole in its place would read as
 * zeros, and the guest would never know. The kernel itself refuses to map it again.
 */
static int keep_poisoned(struct address_space *mapping, struct vmqos_compat_failed *what)
{
	return 0;
}

const struct address_space_operations vmqos_mem_aops = {
	.dirty_folio = noop_dirty_folio,
#ifdef CONFIG_MIGRATION
	.migrate_folio = filemap_migrate_folio,
#endif
	.error_remove_folio = keep_poisoned,
};
