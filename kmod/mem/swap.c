// SPDX-License-Identifier: GPL-2.0
/*
 * The swap file of a mount: pages that do not get smaller, or for which there is no memory in
 * the store, are written there, and read back when they are needed.
 *
 * DOC: Overview
 *
 * The swap file is the far part of the store, and the rules of store.c hold: the page's lock
 * in the cache decides for its index, and a page is put here before it leaves the cache. A page
 * has one of two forms here, both of them entries of vmqos_mem_inode.store:
 *
 * 1. It is on its way: struct vmqos_swap_out. The page itself is taken over from the cache, so
 *    nothing is copied, and nothing allocated but the entry. Who needs it copies it out.
 * 2. It is written: its slot in the file, as a value. That takes no memory but the entry's place.
 *
 * From 1 to 2 it goes without the page's lock, when the disk is done with it, whoever waits for it
 * then (swap_write.c). So vmqos_swap.lock is held by who makes 2 of 1, and by who takes an entry
 * away. An entry that is taken away while it is on its way has no file any more
 * (vmqos_swap_out.mi), and its slot is nobody's until the disk is done with it: else what is
 * written there next could be overwritten by what was dropped.
 *
 * Whoever puts a page here never waits for the disk, for that may be the kernel's own reclaim: it
 * is told that there are too many under way (-EBUSY). A page counts for its file until it is
 * written.
 *
 * The part of a large page that goes first (split.c) has to be there again at once, and without
 * fail, when the page cannot be split after all. So it is a copy, which stays in memory until that
 * is certain, and is sent then (vmqos_swap_send()).
 *
 * Reading is waited for, in the fault; but not in one that must not wait (vmqos_swap_is_slow()).
 *
 * How the file is opened, read and written: swap_file.c.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mem/broken.h"
#include "mem/mem.h"
#include "mem/swap.h"

struct workqueue_struct *vmqos_swap_threads;
static struct kmem_cache *out_cache;

static struct vmqos_swap *swap_of(const struct vmqos_mem_inode *mi)
{
	return vmqos_mem_mount(mi->vfs.i_sb)->swap;
}

/* The page itself, or, of one that is part of a large page, which it stays, a copy. */
static struct page *take_over(struct page *page)
{
	struct page *copy;

	if (!PageCompound(page)) {
		get_page(page);
		return page;
	}
	copy = alloc_page(GFP_NOWAIT | __GFP_NOWARN);
	if (copy)
		copy_highpage(copy, page);
	return copy;
}

/**
 * vmqos_swap_free_out() - free a page that is in no list and in no store
 * @out: the page
 *
 * Context: any.
 */
void vmqos_swap_free_out(struct vmqos_swap_out *out)
{
	put_page(out->page);
	kmem_cache_free(out_cache, out);
}

/**
 * vmqos_swap_put() - have a page written to the swap file
 * @mi: its file, the invalidate_lock held
 * @page: the page, locked, unmapped and nobody else's; the caller takes it out of the cache, and
 *	calls vmqos_swap_send() then if it was part of a large page
 * @index: its place
 *
 * Context: may be in reclaim: does not wait, neither for memory nor for the disk.
 * Return: 0; -EBUSY when too many are under way, -ENOSPC when there is no swap file or no room
 * in it, or it has just failed; -ENOMEM.
 */
int vmqos_swap_put(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index)
{
	struct vmqos_swap *swap = swap_of(mi);
	struct vmqos_swap_out *out;
	int ret = 0;
	void *old;

	if (!swap || (READ_ONCE(swap->failed) && time_before(jiffies, READ_ONCE(swap->respite))))
		return -ENOSPC;
	if (READ_ONCE(swap->under_way) >= VMQOS_SWAP_UNDER_WAY)
		return -EBUSY;
	out = kmem_cache_alloc(out_cache, GFP_NOWAIT | __GFP_NOWARN);
	if (!out)
		return -ENOMEM;
	*out = (struct vmqos_swap_out){ .stored.length = PAGE_SIZE, .mi = mi, .index = index,
					.page = take_over(page), .stays = true };
	INIT_LIST_HEAD(&out->node);
	if (!out->page) {
		kmem_cache_free(out_cache, out);
		return -ENOMEM;
	}

	spin_lock(&swap->lock);
	if (swap->used == swap->slots) {
		ret = -ENOSPC;
	} else {
		old = xa_store(&mi->store, index, out, GFP_NOWAIT | __GFP_NOWARN);
		/* It was in the cache, so nothing can have been here, as long as the rules hold. */
		WARN_ON_ONCE(old && !xa_is_err(old));
		ret = xa_err(old);
	}
	if (ret) {
		spin_unlock(&swap->lock);
		vmqos_swap_free_out(out);
		return ret;
	}
	spin_lock(&mi->lock);
	mi->stored_pages++;
	mi->stored_bytes += PAGE_SIZE;
	spin_unlock(&mi->lock);
	if (!PageCompound(page) || vmqos_mem_broken(VMQOS_MEM_RULE_PART)) {
		WRITE_ONCE(swap->failed, false);
		vmqos_swap_start(swap, out);
	}
	spin_unlock(&swap->lock);
	return 0;
}

/**
 * vmqos_swap_send() - a large page has been split: have the part that went first written
 * @mi: its file, the invalidate_lock held exclusively
 * @index: its place
 *
 * Does nothing when it did not go here.
 *
 * Context: does not sleep.
 */
void vmqos_swap_send(struct vmqos_mem_inode *mi, pgoff_t index)
{
	struct vmqos_swap *swap = swap_of(mi);
	struct vmqos_swap_out *out;
	void *entry;

	if (!swap)
		return;
	spin_lock(&swap->lock);
	entry = xa_load(&mi->store, index);
	if (!xa_is_value(entry) && vmqos_stored_is_out(entry)) {
		out = container_of(entry, struct vmqos_swap_out, stored);
		if (out->stays)
			vmqos_swap_start(swap, out);
	}
	spin_unlock(&swap->lock);
}

/* Takes from its file what is on its way; the lock is held. Returns what is left to free. */
static struct vmqos_swap_out *take_away(struct vmqos_mem_inode *mi, struct vmqos_swap_out *out)
{
	spin_lock(&mi->lock);
	mi->stored_pages--;
	mi->stored_bytes -= PAGE_SIZE;
	if (!out->stays)
		mi->writing--;
	spin_unlock(&mi->lock);
	out->mi = NULL;
	if (!out->stays)
		return NULL;
	list_del(&out->node);
	return out;
}

/**
 * vmqos_swap_erase() - take whatever is in the store of a file with a swap file
 * @mi: the file
 * @index: its place
 *
 * Context: does not sleep; the page is locked, or the invalidate_lock is held exclusively.
 * Return: a packed page, which the caller frees; NULL when there was none, or it was here.
 */
struct vmqos_stored *vmqos_swap_erase(struct vmqos_mem_inode *mi, pgoff_t index)
{
	struct vmqos_swap *swap = swap_of(mi);
	struct vmqos_stored *stored = NULL;
	struct vmqos_swap_out *out = NULL;
	void *entry;

	spin_lock(&swap->lock);
	entry = xa_erase(&mi->store, index);
	if (xa_is_value(entry)) {
		vmqos_swap_free_slot(swap, xa_to_value(entry));
		spin_lock(&mi->lock);
		mi->swapped_pages--;
		spin_unlock(&mi->lock);
	} else if (vmqos_stored_is_out(entry)) {
		out = take_away(mi, container_of(entry, struct vmqos_swap_out, stored));
	} else {
		stored = entry;
	}
	spin_unlock(&swap->lock);
	if (out)
		vmqos_swap_free_out(out);
	return stored;
}

/**
 * vmqos_swap_get() - get the content of a page that is in the swap file, or on its way there
 * @mi: its file, the invalidate_lock held
 * @page: where it is to go; of a folio that is in the page cache, locked
 * @index: its place, whose entry stays
 *
 * Context: may sleep.
 * Return: VMQOS_MEM_SWAPPED when it was read, VMQOS_MEM_STORED when it was still in memory;
 * -ENOENT when it is packed, and not here; -EIO when it cannot be read.
 */
int vmqos_swap_get(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index)
{
	struct vmqos_swap *swap = swap_of(mi);
	int ret = VMQOS_MEM_STORED;
	void *entry;

	if (!swap)
		return -ENOENT;
	spin_lock(&swap->lock);
	entry = xa_load(&mi->store, index);
	if (xa_is_value(entry))
		ret = VMQOS_MEM_SWAPPED;
	else if (vmqos_stored_is_out(entry))
		copy_highpage(page, container_of(entry, struct vmqos_swap_out, stored)->page);
	else
		ret = -ENOENT;
	spin_unlock(&swap->lock);
	if (ret == VMQOS_MEM_SWAPPED && vmqos_swap_read(swap, page, xa_to_value(entry)))
		return -EIO;
	return ret;
}

/**
 * vmqos_swap_is_slow() - whether who needs a page has to wait for the disk
 * @mi: its file
 * @index: its place
 *
 * Context: any; it may change unless the page is locked.
 * Return: whether he has.
 */
bool vmqos_swap_is_slow(struct vmqos_mem_inode *mi, pgoff_t index)
{
	return swap_of(mi) && xa_is_value(xa_load(&mi->store, index));
}

/**
 * vmqos_swap_wait_written() - wait until a file is as small as writing makes it
 * @mi: the file
 * @pages: as small is enough
 *
 * Context: sleeps, holding no lock of a page and not the invalidate_lock.
 * Return: 0 or -EINTR for a task that is being killed.
 */
int vmqos_swap_wait_written(struct vmqos_mem_inode *mi, u64 pages)
{
	struct vmqos_swap *swap = swap_of(mi);

	return swap && wait_event_killable(swap->done, READ_ONCE(mi->pages) <= pages ||
						       !READ_ONCE(mi->writing)) ? -EINTR : 0;
}

/**
 * vmqos_swap_wait_room() - after -EBUSY: wait until fewer pages are on their way
 * @mi: the file
 * @ns: for how long at most
 *
 * Context: sleeps, holding no lock of a page and not the invalidate_lock.
 */
void vmqos_swap_wait_room(struct vmqos_mem_inode *mi, u64 ns)
{
	struct vmqos_swap *swap = swap_of(mi);

	wait_event_killable_timeout(swap->done,
				    READ_ONCE(swap->under_way) <= VMQOS_SWAP_UNDER_WAY / 2,
				    nsecs_to_jiffies(ns) + 1);
}

/**
 * vmqos_swap_init() - set up
 *
 * Return: 0 or a negative error number.
 */
int vmqos_swap_init(void)
{
	out_cache = kmem_cache_create("vmqos_mem_out", sizeof(struct vmqos_swap_out), 0, 0, NULL);
	if (!out_cache)
		return -ENOMEM;
	vmqos_swap_threads = alloc_workqueue("vmqos_mem_swap", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!vmqos_swap_threads) {
		kmem_cache_destroy(out_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * vmqos_swap_exit() - take it down; no mount is left
 *
 * Context: may sleep.
 */
void vmqos_swap_exit(void)
{
	destroy_workqueue(vmqos_swap_threads);
	kmem_cache_destroy(out_cache);
}
