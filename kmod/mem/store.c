// SPDX-License-Identifier: GPL-2.0
/*
 * The store: pages of a file that have been made small, and taken out of its page cache.
 *
 * DOC: Overview
 *
 * A page is in the page cache, or in the store, or nowhere, which is a hole. The page's lock
 * in the page cache decides for its index, in both directions:
 *
 * 1. Who puts a page into the store holds it locked, unmapped and alone, puts it into the
 *    store first and then removes it from the cache. Who needs it adds a new page to the
 *    cache first, locked and not up to date, and then looks into the store: what was
 *    removed before that could be added is there by then.
 * 2. So an entry is looked at and freed by who holds the page of its index locked in the
 *    cache. The new page is up to date, and can be seen by readers, who take no lock, when
 *    it has its content.
 * 3. Who removes a range holds the invalidate_lock exclusively and empties the store there as
 *    well. Both directions of 1 hold it shared: nothing that was punched can come
 *    back out of the store, nor get into it.
 * 4. Who looks without a lock and finds a page neither in the cache nor in the store has seen a
 *    hole only if no page has come back in between: it may have come back behind the first
 *    look and left again before the second. vmqos_mem_inode.moves tells.
 *
 * What the store takes is part of what the file takes: of its charge to the mount and of its
 * limit. A page that is not at least a quarter smaller goes to the swap file (swap.c), if there is
 * one, and else is left where it is.
 *
 * The memory of the store is charged to the control group that the page was charged to, whoever
 * is at work. Several pages share one of the host's, which belongs to one group: so each
 * file has a pool of its own, for a file's pages belong to one VMM as a rule. A group that is
 * at its memory.max has nothing stored. Two things are beyond a module: what the kernel
 * moves of a pool to make room for large pages is no longer charged, and what a pool has
 * for its own administration never is, some tens of KiB a file.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "mem/mem.h"
#include "mem/pack.h"

/**
 * struct desk - what packing and unpacking needs room for, one for each CPU
 * @work: the packer's own
 * @packed: what it has made, or is to read
 */
struct desk {
	u8 work[VMQOS_PACK_WORK];
	u8 packed[PAGE_SIZE];
};

static struct kmem_cache *stored_cache;
static struct desk __percpu *desks;
/* Pools are told apart by their names. */
static atomic_t pools;

/*
 * Empty pools of files that are gone, for those that come: the kernel takes its time for a pool,
 * keeps its names for ever in some versions, and may refuse one while others are taken down.
 */
#define SPARES_MAX	64
static void *spares[SPARES_MAX];
static unsigned int spare;
static DEFINE_SPINLOCK(spare_lock);

#define FLAGS	(GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT)

/* Returns 0 and fills @stored, -E2BIG when it is not worth it, or -ENOMEM. */
static int pack(struct vmqos_mem_inode *mi, struct page *page, struct vmqos_stored *stored)
{
	struct desk *desk = get_cpu_ptr(desks);
	void *from = kmap_local_page(page);
	int ret = 0;

	stored->length = vmqos_pack(from, desk->packed, desk->work);
	kunmap_local(from);
	if (!stored->length) {
		ret = -E2BIG;
	} else {
		stored->handle = vmqos_pack_keep(mi->pool, desk->packed, stored->length,
						 page_to_nid(page));
		if (IS_ERR_VALUE(stored->handle) || !stored->handle)
			ret = -ENOMEM;
	}
	put_cpu_ptr(desks);
	return ret;
}

static void account(struct vmqos_mem_inode *mi, const struct vmqos_stored *stored, int pages)
{
	spin_lock(&mi->lock);
	mi->stored_pages += pages;
	mi->stored_bytes += pages * (long)stored->length;
	spin_unlock(&mi->lock);
}

static void forget(struct vmqos_mem_inode *mi, struct vmqos_stored *stored)
{
	account(mi, stored, -1);
	vmqos_pack_free(mi->pool, stored->handle);
	kmem_cache_free(stored_cache, stored);
}

/* The control group that a locked page is charged to, referenced; NULL for none. */
static struct mem_cgroup *owner_of(struct page *page)
{
	struct mem_cgroup *owner = NULL;

#ifdef CONFIG_MEMCG
	rcu_read_lock();
	owner = folio_memcg(page_folio(page));
	if (owner && !css_tryget(&owner->css))
		owner = NULL;
	rcu_read_unlock();
#endif
	return owner;
}

/* Takes an entry out. Returns it if it was a packed page, which it was without a swap file. */
static struct vmqos_stored *erase(struct vmqos_mem_inode *mi, pgoff_t index)
{
	return vmqos_mem_mount(mi->vfs.i_sb)->swap ? vmqos_swap_erase(mi, index) :
						     xa_erase(&mi->store, index);
}

static int put(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index)
{
	struct vmqos_stored *stored, *old;
	int ret;

	stored = kmem_cache_alloc(stored_cache, FLAGS);
	if (!stored)
		return -ENOMEM;
	ret = pack(mi, page, stored);
	if (ret) {
		kmem_cache_free(stored_cache, stored);
		return ret;
	}
	account(mi, stored, 1);
	old = xa_store(&mi->store, index, stored, FLAGS);
	if (xa_is_err(old)) {
		forget(mi, stored);
		return xa_err(old);
	}
	/* It was in the cache, so it cannot have been here, as long as the rules hold. */
	if (old && !WARN_ON_ONCE(vmqos_mem_mount(mi->vfs.i_sb)->swap))
		forget(mi, old);
	return 0;
}

/**
 * vmqos_store_put() - put a page into the store
 * @mi: its file, the invalidate_lock held
 * @page: the page, locked, unmapped and nobody else's; it stays where it is
 * @index: its place
 *
 * A page that does not get small, or for which there is no memory, goes to the swap file.
 *
 * Context: may be in reclaim: does not wait for memory.
 * Return: 0, -E2BIG when it would not get much smaller, or -ENOMEM, also when the page's
 * control group has no room, in either case with no room in a swap file; -EBUSY when it
 * could go there a little later.
 */
int vmqos_store_put(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index)
{
	struct mem_cgroup *owner, *before;
	int ret = -E2BIG, swapped;

	if (READ_ONCE(vmqos_mem_mount(mi->vfs.i_sb)->compress)) {
		owner = owner_of(page);
		before = set_active_memcg(owner);
		ret = put(mi, page, index);
		set_active_memcg(before);
		mem_cgroup_put(owner);
	}
	if (!ret)
		return 0;
	swapped = vmqos_swap_put(mi, page, index);
	return !swapped || swapped == -EBUSY ? swapped : ret;
}

static int unpack(struct vmqos_mem_inode *mi, const struct vmqos_stored *stored, struct page *page)
{
	struct desk *desk = get_cpu_ptr(desks);
	void *to = kmap_local_page(page);
	bool right;

	right = vmqos_pack_read(mi->pool, stored->handle, stored->length, desk->packed, to);
	kunmap_local(to);
	put_cpu_ptr(desks);
	return WARN_ON_ONCE(!right) ? -EIO : VMQOS_MEM_STORED;
}

/**
 * vmqos_store_get() - take a page out of the store, if it is there
 * @mi: its file, the invalidate_lock held
 * @page: where it is to go; of a folio that is in the page cache, locked
 * @index: its place
 *
 * Context: sleeps if vmqos_swap_is_slow().
 * Return: VMQOS_MEM_STORED or VMQOS_MEM_SWAPPED, by where it was, VMQOS_MEM_FILLED when it was
 * not there, -EIO when it cannot be read; it then stays.
 */
int vmqos_store_get(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index)
{
	struct vmqos_stored *stored = xa_load(&mi->store, index);
	int ret;

	if (!stored)
		return VMQOS_MEM_FILLED;
	ret = vmqos_swap_get(mi, page, index);
	/* A packed page does not change behind our back. */
	if (ret == -ENOENT)
		ret = unpack(mi, stored, page);
	if (ret < 0)
		return ret;
	/* After it was added to the cache, and before it goes from here. */
	atomic_inc(&mi->moves);
	/* Pairs with the last of vmqos_mem_find_folio(). */
	smp_mb__after_atomic();
	vmqos_store_drop(mi, index, index);
	return ret;
}

/**
 * vmqos_store_drop() - empty the store of a range
 * @mi: the file
 * @first: first page
 * @last: last page; ULONG_MAX for all there are
 *
 * Context: may sleep, unless it is one page alone; the page is locked, or the
 * invalidate_lock is held exclusively.
 */
void vmqos_store_drop(struct vmqos_mem_inode *mi, pgoff_t first, pgoff_t last)
{
	struct vmqos_stored *stored;
	unsigned long index;

	if (first == last) {
		stored = erase(mi, first);
		if (stored)
			forget(mi, stored);
		return;
	}
	xa_for_each_range(&mi->store, index, stored, first, last) {
		stored = erase(mi, index);
		if (stored)
			forget(mi, stored);
		cond_resched();
	}
}

/**
 * vmqos_store_has() - whether any of some pages is in the store
 * @mi: the file
 * @first: first page
 * @last: last page
 *
 * Context: any; without a lock of the page or the invalidate_lock it may change.
 * Return: whether one is.
 */
bool vmqos_store_has(struct vmqos_mem_inode *mi, pgoff_t first, pgoff_t last)
{
	unsigned long index = first;

	return !xa_empty(&mi->store) && xa_find(&mi->store, &index, last, XA_PRESENT);
}

/**
 * vmqos_store_held() - what the store of a file takes of the host's memory
 * @mi: the file
 *
 * Context: any.
 * Return: bytes, gaps between the pages in it included.
 */
u64 vmqos_store_held(struct vmqos_mem_inode *mi)
{
	return vmqos_pack_held(mi->pool);
}

/**
 * vmqos_store_open() - give a new file a store
 * @mi: the file
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vmqos_store_open(struct vmqos_mem_inode *mi)
{
	char name[32];

	spin_lock(&spare_lock);
	if (spare)
		mi->pool = spares[--spare];
	spin_unlock(&spare_lock);
	if (mi->pool)
		return 0;
	snprintf(name, sizeof(name), "vmqos_mem-%u", atomic_inc_return(&pools));
	mi->pool = vmqos_pack_open(name);
	return mi->pool ? 0 : -ENOMEM;
}

/**
 * vmqos_store_close() - empty the store of a file that goes, and take it down
 * @mi: the file, which need not have one
 *
 * Context: may sleep; not in reclaim.
 */
void vmqos_store_close(struct vmqos_mem_inode *mi)
{
	if (!mi->pool)
		return;
	vmqos_store_drop(mi, 0, ULONG_MAX);
	spin_lock(&spare_lock);
	if (spare < SPARES_MAX) {
		spares[spare++] = mi->pool;
		mi->pool = NULL;
	}
	spin_unlock(&spare_lock);
	if (mi->pool)
		vmqos_pack_close(mi->pool);
	mi->pool = NULL;
}

/**
 * vmqos_store_init() - set up the store
 *
 * Return: 0 or a negative error number.
 */
int vmqos_store_init(void)
{
	stored_cache = kmem_cache_create("vmqos_mem_stored", sizeof(struct vmqos_stored), 0, 0,
					 NULL);
	if (!stored_cache)
		return -ENOMEM;
	desks = __alloc_percpu(sizeof(struct desk), 8);
	if (!desks) {
		kmem_cache_destroy(stored_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * vmqos_store_exit() - take it down; it is empty
 *
 * Context: may sleep.
 */
void vmqos_store_exit(void)
{
	while (spare)
		vmqos_pack_close(spares[--spare]);
	free_percpu(desks);
	kmem_cache_destroy(stored_cache);
}
