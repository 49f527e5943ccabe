// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of 2M that hold zeros in part are split into pages of 4K, so that the zeros can be
 * given back.
 *
 * DOC: Overview
 *
 * The kernel has no function for it that modules may call, but it splits a large page
 * itself when a part of it is cut out of its file. So one page of 4K that holds only zeros
 * is cut out; the others stay, and the scanner goes on with them. Older kernels leave each
 * of them on its own, newer ones (7.3 is one) pages of all sizes in between, which are split
 * further in the same way.
 *
 * Cutting clears the part before it splits, whether that is possible or not. It must
 * therefore be certain that nobody can have written there. The steps are those of zero.c:
 * unmap, see that nobody holds a reference, look again. But cutting takes the page's lock
 * itself, which has to be dropped first. In between two things keep writers away:
 *
 * 1. Whoever gets the page or one of its parts from now on, be it a fault or a write, finds
 *    in vmqos_mem_inode.splitting the 2M that it is part of, under the page's lock, and waits
 *    for the invalidate_lock. (The part that is cut out goes last: until then it can be found.)
 * 2. That is held exclusively until the page is split or has been left as it is.
 *
 * Where no part holds only zeros, the first is put into the store before it is cut out, and
 * comes back from there if the page cannot be split after all; until that is certain it is
 * kept in memory, and does not go to the swap file. Readers, who take no lock, stay away in
 * the same way as everybody.
 *
 * Who has a reference but not yet the lock comes to 1. Who reads sees zeros, as before.
 * The kernel may move the page in between, which takes its content along.
 *
 * A reference that comes up in between, of a reader for instance, makes the split fail.
 * Then the page stays large, and is seen to be so by being tried again in the next pass.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "mem/batch.h"
#include "mem/broken.h"
#include "mem/mem.h"

/**
 * vmqos_mem_zeros() - how many pages of 4K of a page hold only zeros
 * @folio: the page, of any size
 * @first: set to the first of them, if there is one
 *
 * Context: any; the caller has a reference.
 * Return: their number.
 */
unsigned int vmqos_mem_zeros(struct folio *folio, unsigned int *first)
{
	unsigned int i, zeros = 0;

	for (i = 0; i < folio_nr_pages(folio); i++)
		if (vmqos_mem_is_zero(folio, i) && !zeros++)
			*first = i;
	return zeros;
}

/* The first part is put into the store, so that it can be cut out. Returns 1, or an error. */
static int store_part(struct vmqos_mem_inode *mi, struct folio *folio, struct vmqos_mem_stats *did)
{
	int ret = PageHWPoison(folio_page(folio, 0)) ? -EIO :
		  vmqos_store_put(mi, folio_page(folio, 0), folio->index);

	if (ret == -E2BIG)
		did->evict_refused++;
	else if (ret == -ENOMEM)
		did->evict_failed++;
	return ret ?: 1;
}

/* It could not be split, and may have been cleared before that was found out. */
static void restore_part(struct vmqos_mem_inode *mi, struct folio *folio, pgoff_t index)
{
	folio_lock(folio);
	if (!WARN_ON_ONCE(folio->mapping != mi->vfs.i_mapping))
		vmqos_store_get(mi, folio_file_page(folio, index), index);
	folio_unlock(folio);
}

/*
 * Keeps all others away from a page and finds a part of it to cut out. Returns 0 with
 * the page neither locked nor referenced by us; 1 if the part is in the store.
 */
static int prepare(struct vmqos_mem_inode *mi, struct folio *folio, unsigned int least,
		   unsigned int *part, struct vmqos_mem_stats *did)
{
	struct address_space *mapping = mi->vfs.i_mapping;
	unsigned int zeros;
	int ret = -EAGAIN;

	*part = 0;
	if (!folio_trylock(folio)) {
		did->zero_busy++;
		goto out_put;
	}
	if (folio->mapping != mapping || !folio_test_large(folio))
		goto out_unlock;
	if (!vmqos_mem_broken(VMQOS_MEM_RULE_WAIT) && !vmqos_mem_broken(VMQOS_MEM_RULE_PART))
		WRITE_ONCE(mi->splitting, round_down(folio->index, VMQOS_MEM_HUGE_PAGES) + 1);
	if (!vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP)) {
		unmap_mapping_pages(mapping, folio->index, folio_nr_pages(folio), false);
		did->zero_unmaps++;
	}
	/* Whoever takes a reference from here on sees that it is being split. */
	smp_mb();
	if (!vmqos_mem_is_alone(folio)) {
		did->zero_busy++;
		goto out_unlock;
	}
	zeros = vmqos_mem_broken(VMQOS_MEM_RULE_LOOK) ? least : vmqos_mem_zeros(folio, part);
	if (zeros < least)
		did->zero_changed++;
	else if (zeros)
		ret = 0;
	else
		ret = store_part(mi, folio, did);
out_unlock:
	folio_unlock(folio);
out_put:
	folio_put(folio);
	return ret;
}

/**
 * vmqos_mem_split() - split a large page of a file
 * @mi: the file
 * @folio: the page; the caller's reference is dropped
 * @least: only if as many of its pages of 4K are zeros; 0: a page may be put into the
 *	store if none is
 * @did: what became of it is counted here
 *
 * Context: may sleep; takes the invalidate_lock (tried) and the page's lock.
 * Return: whether it was split.
 */
bool vmqos_mem_split(struct vmqos_mem_inode *mi, struct folio *folio, unsigned int least,
		     struct vmqos_mem_stats *did)
{
	struct address_space *mapping = mi->vfs.i_mapping;
	bool huge = folio_nr_pages(folio) == VMQOS_MEM_HUGE_PAGES;
	pgoff_t index = folio->index;
	struct folio *left;
	bool split = false;
	unsigned int part;
	loff_t from;
	int stored;

	if (vmqos_mem_is_locked(mi, folio)) {
		did->zero_locked++;
		folio_put(folio);
		return false;
	}
	if (!down_write_trylock(&mapping->invalidate_lock)) {
		did->zero_busy++;
		folio_put(folio);
		return false;
	}
	stored = prepare(mi, folio, least, &part, did);
	if (stored >= 0) {
		/* Test only: the moment in which a write would be lost, made long enough. */
		if (vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP) ||
		    vmqos_mem_broken(VMQOS_MEM_RULE_WAIT) ||
		    vmqos_mem_broken(VMQOS_MEM_RULE_PART))
			schedule_timeout_uninterruptible(1);
		from = (loff_t)(index + part) << PAGE_SHIFT;
		truncate_inode_pages_range(mapping, from, from + PAGE_SIZE - 1);
		left = filemap_get_folio(mapping, index + part);
		split = IS_ERR(left);
		if (split) {
			did->zero_freed += !stored;
			did->evicted += stored;
			did->splits += huge;
			if (stored)
				vmqos_swap_send(mi, index);
		} else {
			did->zero_busy++;
			if (stored)
				restore_part(mi, left, index + part);
			folio_put(left);
		}
	}
	WRITE_ONCE(mi->splitting, 0);
	up_write(&mapping->invalidate_lock);
	vmqos_mem_recount(&mi->vfs, 0);
	return split;
}

/* Whether a large page lies across a place that is to be the end of its file. */
static struct folio *across(struct address_space *mapping, loff_t size)
{
	struct folio *folio = filemap_get_folio(mapping, size >> PAGE_SHIFT);

	if (IS_ERR(folio))
		return NULL;
	if (folio_test_large(folio) && folio_pos(folio) < size)
		return folio;
	folio_put(folio);
	return NULL;
}

/* Whether such a page can be split just now; it is nobody's but the file's then. */
static bool can_split(struct address_space *mapping, struct folio *folio)
{
	bool can;

	folio_lock(folio);
	unmap_mapping_pages(mapping, folio->index, folio_nr_pages(folio), false);
	can = !folio_mapped(folio) && folio_ref_count(folio) == folio_nr_pages(folio) + 1;
	folio_unlock(folio);
	return can;
}

/**
 * vmqos_mem_cut() - cut a file short
 * @inode: the file, its lock held
 * @size: where it is to end, not behind where it does
 *
 * The pages go first and the size follows, other than usual, for a large page has to be
 * split while it still lies within the file (page.c, rule 6). Nobody can make a page
 * meanwhile, as the invalidate_lock is held, and who maps one behind the new end loses it
 * again when the size is set.
 *
 * Context: may sleep; takes the scanner's mutex, the invalidate_lock and page locks.
 * Return: 0, or -EBUSY when the end would be in a large page that somebody has pinned; all
 * of the file is then as it was, as a rule: where somebody has taken hold of that page in the
 * last moment, what lies behind is zeros.
 */
int vmqos_mem_cut(struct inode *inode, loff_t size)
{
	struct address_space *mapping = inode->i_mapping;
	struct folio *folio;
	int tries, ret = 0;

	/* The scanner holds references while it looks. */
	for (;;) {
		ret = vmqos_mem_bring_back(inode, size);
		if (ret)
			return ret;
		vmqos_zero_lock();
		filemap_invalidate_lock(mapping);
		/* It may have been put into the store again meanwhile. */
		if (!vmqos_mem_is_stored(inode, size))
			break;
		filemap_invalidate_unlock(mapping);
		vmqos_zero_unlock();
	}
	for (tries = 0; tries < 50; tries++) {
		folio = across(mapping, size);
		ret = !folio || can_split(mapping, folio) ? 0 : -EBUSY;
		if (folio)
			folio_put(folio);
		if (!ret) {
			unmap_mapping_range(mapping, round_up(size, PAGE_SIZE), 0, 1);
			truncate_inode_pages(mapping, size);
		}
		folio = across(mapping, size);
		if (!folio)
			break;
		/* A reader lets go of it soon, a device may not. */
		folio_put(folio);
		ret = -EBUSY;
		fsleep(1000);
	}
	if (!ret) {
		vmqos_store_drop(vmqos_mem_inode(inode), DIV_ROUND_UP_ULL(size, PAGE_SIZE),
				 ULONG_MAX);
		i_size_write(inode, size);
		vmqos_zeros_settle(inode);
		unmap_mapping_range(mapping, round_up(size, PAGE_SIZE), 0, 1);
	}
	filemap_invalidate_unlock(mapping);
	vmqos_zero_unlock();
	vmqos_mem_recount(inode, 0);
	return ret;
}
