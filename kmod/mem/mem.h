/* SPDX-License-Identifier: GPL-2.0 */
/* vmramfs: what its files share. */
#ifndef _VMQOS_MEM_MEM_H
#define _VMQOS_MEM_MEM_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/xarray.h>

#include "mem/serve.h"

struct folio;
struct fs_context;
struct page;
struct vmqos_mem_sample;
struct vmqos_swap;
struct seq_file;
struct vm_fault;

/* Pages of 4K in a page that a page table maps as one of 2M. */
#define VMQOS_MEM_HUGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define VMQOS_MEM_HUGE_PAGES	BIT(VMQOS_MEM_HUGE_ORDER)

/**
 * enum vmqos_mem_huge - when pages of 2M are made
 * @VMQOS_MEM_HUGE_NEVER: never
 * @VMQOS_MEM_HUGE_WITHIN_SIZE: where they lie wholly within the file
 */
enum vmqos_mem_huge {
	VMQOS_MEM_HUGE_NEVER,
	VMQOS_MEM_HUGE_WITHIN_SIZE,
};

/**
 * struct vmqos_mem_mount - a mounted vmramfs
 * @swap: its swap file, or NULL; constant
 * @max_pages: most pages that its files may hold together, 0 for no limit; written
 *	under the superblock's s_umount, read by anyone
 * @used_pages: pages that they hold, or are about to get
 * @share_zero: enum vmqos_mem_share_zero of its files, never "mount"; likewise
 * @huge: enum vmqos_mem_huge of its files; likewise
 * @file_limit: most pages that each of its files may have, 0 for no limit, where its VM's
 *	policy says nothing else; likewise
 * @compress: whether pages may go to the store; likewise
 * @map_zeros: holes that are read get no page but share one of zeros; constant, as are the
 *	next three
 * @uid: owner of its root
 * @gid: group of its root
 * @mode: permissions of its root
 */
struct vmqos_mem_mount {
	struct vmqos_swap *swap;
	u64 max_pages;
	atomic64_t used_pages;
	unsigned int share_zero;
	unsigned int huge;
	u64 file_limit;
	bool compress;
	bool map_zeros;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
};

/**
 * struct vmqos_stored - an entry of the store of a file: a page that was packed
 * @handle: where it is (pack.h)
 * @length: how long; one as long as a page is on its way to the swap file (swap.c)
 *
 * What is in the swap file has a value for an entry.
 */
struct vmqos_stored {
	unsigned long handle;
	unsigned int length;
};

/* Whether an entry that is no value is on its way to the swap file. */
static inline bool vmqos_stored_is_out(const struct vmqos_stored *stored)
{
	return stored && stored->length == PAGE_SIZE;
}

/**
 * struct vmqos_mem_average - of the periods of the sampler, of which older ones weigh less
 * @n: pages watched, in parts
 * @touched: those of them that were touched, likewise
 */
struct vmqos_mem_average {
	u64 n;
	u64 touched;
};

/**
 * struct vmqos_mem_inode - a file
 * @vfs: the kernel's part
 * @lock: protects @pages, vfs.i_blocks, @opens, @reclaim_pages, @stored_pages, @stored_bytes,
 *	@writing, @swapped_pages, @stats, and writes of @share_zero and @limit; a leaf
 * @pages: pages that are charged to the mount for this file, those of the store among them
 * @opens: how many have it open
 * @share_zero: enum vmqos_mem_share_zero of this file, as long as it is open
 * @limit: most pages that it may have, 0 for no limit; as long as it is open
 * @reclaim_pages: pages that it has been asked to give back and has not
 * @reclaim_mutex: held by who reclaims; protects the next three, and writes of the last
 * @hand: where reclaim goes on
 * @fruitless: pages looked at since one was given back
 * @respite: in jiffies, until when it is left alone if it @resists
 * @resists: all of it has been looked at in vain; anyone may say that it no longer does
 * @locked: a mapping that mlock() wants resident has got a large page, which the kernel
 *	need not mark as it does a small one; as long as it is open
 * @pool: where the store keeps them (pack.h), constant as long as the file lives
 * @store: pages that are in the store, by index (store.c): struct vmqos_stored, or the slot in
 *	the swap file, as a value
 * @stored_pages: how many of the first kind there are
 * @stored_bytes: what they take
 * @writing: how many of them are being written to the swap file
 * @swapped_pages: how many of the other kind there are
 * @moves: counts those that have come back
 * @zeros: where pages of zeros may be mapped (zeros.c)
 * @zeros_mapped: at how many places
 * @node: links the regular files; vmqos_zero_mutex
 * @cursor: where the scanner goes on; vmqos_zero_mutex
 * @sample_node: links the regular files; vmqos_sample_mutex
 * @sample_began: in jiffies, when the sampler's period began; vmqos_sample_mutex
 * @sample_off: the sampler has been off, and is to begin at once when it is on; likewise
 * @sample: pages that are watched; replaced under vmqos_sample_mutex and @lock, RCU
 * @active_slow: slow average of what is in use; @lock
 * @active_fast: fast average; @lock
 * @splitting: one more than the index where the 2M begin in which a large page is being
 *	split, or 0; written under the invalidate_lock and the page's lock
 * @stats: what happened to it
 * @limit_hist: who had to wait at the limit, by how long, in buckets as of a fault; @lock
 * @faults: page faults, of each CPU, which alone writes its own
 */
struct vmqos_mem_inode {
	struct inode vfs;
	spinlock_t lock;	/* the charge and who has it open, see above */
	u64 pages;
	unsigned int opens;
	u32 share_zero;
	u64 limit;
	u64 reclaim_pages;
	struct mutex reclaim_mutex;	/* who reclaims, see above */
	pgoff_t hand;
	u64 fruitless;
	unsigned long respite;
	bool resists;
	bool locked;
	void *pool;
	struct xarray store;
	u64 stored_pages;
	u64 stored_bytes;
	u64 writing;
	u64 swapped_pages;
	atomic_t moves;
	struct xarray zeros;
	atomic64_t zeros_mapped;
	struct list_head node;
	pgoff_t cursor;
	struct list_head sample_node;
	unsigned long sample_began;
	bool sample_off;
	struct vmqos_mem_sample __rcu *sample;
	struct vmqos_mem_average active_slow;
	struct vmqos_mem_average active_fast;
	pgoff_t splitting;
	struct vmqos_mem_stats stats;
	u64 limit_hist[VMQOS_LATENCY_BUCKETS];
	struct vmqos_mem_fault_stats __percpu *faults;
};

static inline struct vmqos_mem_inode *vmqos_mem_inode(struct inode *inode)
{
	return container_of(inode, struct vmqos_mem_inode, vfs);
}

/* Whether mlock() wants a page resident. */
static inline bool vmqos_mem_is_locked(const struct vmqos_mem_inode *mi, struct folio *folio)
{
	return folio_test_mlocked(folio) || (READ_ONCE(mi->locked) && folio_test_large(folio));
}

static inline struct vmqos_mem_mount *vmqos_mem_mount(struct super_block *sb)
{
	return sb->s_fs_info;
}

/* Most pages that a file is to have, 0 for no limit: its VM's say, or else its mount's. */
static inline u64 vmqos_mem_limit(const struct vmqos_mem_inode *mi)
{
	u64 own = READ_ONCE(mi->limit);

	return own ?: READ_ONCE(vmqos_mem_mount(mi->vfs.i_sb)->file_limit);
}

/* super.c */
extern const char *const vmqos_mem_share_zero_names[];
int vmqos_mem_super_init(void);
void vmqos_mem_super_exit(void);

/* inode.c */
struct inode *vmqos_mem_inode_new(struct super_block *sb, struct inode *dir, umode_t mode);

/* file.c */
extern const struct file_operations vmqos_mem_file_ops;
extern const struct inode_operations vmqos_mem_file_iops;

bool vmqos_mem_is_stored(struct inode *inode, loff_t edge);
int vmqos_mem_bring_back(struct inode *inode, loff_t edge);

/* fault.c */
extern const struct vm_operations_struct vmqos_mem_vm_ops;
extern const struct vm_operations_struct vmqos_mem_zeros_vm_ops;

/* counts.c */
void vmqos_mem_count_fault(struct vmqos_mem_inode *mi, enum vmqos_mem_fault_kind kind, u64 ns);
void vmqos_mem_count_wait(struct vmqos_mem_inode *mi, u64 ns);
void vmqos_mem_count_failed(struct vmqos_mem_inode *mi);
void vmqos_mem_read(struct inode *inode, struct vmqos_mem_counts *counts);
void vmqos_mem_show_fdinfo(struct seq_file *m, struct file *file);
u32 vmqos_mem_share_zero(const struct vmqos_mem_inode *mi);
void vmqos_mem_set_policy(struct inode *inode, const struct vmqos_mem_policy *policy);
void vmqos_mem_add_stats(struct vmqos_mem_inode *mi, struct vmqos_mem_stats *did);

/* page.c */
extern const struct address_space_operations vmqos_mem_aops;
struct folio *vmqos_mem_get_folio(struct inode *inode, pgoff_t index, struct vm_fault *vmf,
				  enum vmqos_mem_fault_kind *kind);
void vmqos_mem_recount(struct inode *inode, unsigned int added);
bool vmqos_mem_is_being_split(struct inode *inode, pgoff_t index);
struct folio *vmqos_mem_find_folio(struct inode *inode, pgoff_t index);
struct folio *vmqos_mem_get_stored(struct inode *inode, pgoff_t index);
int vmqos_mem_zero_tail(struct inode *inode, loff_t size);

/* reclaim.c */
int vmqos_mem_make_room(struct inode *inode, unsigned int nr, struct vm_fault *vmf);
bool vmqos_mem_has_room(struct inode *inode, unsigned int nr);
bool vmqos_mem_reclaim_wanted(struct vmqos_mem_inode *mi, bool *soon);
void vmqos_mem_reclaim_some(struct vmqos_mem_inode *mi);
void vmqos_mem_set_limit(struct inode *inode, u64 bytes);
void vmqos_mem_reclaim(struct inode *inode, u64 bytes);

unsigned long vmqos_mem_reclaimable(struct vmqos_mem_inode *mi);
unsigned long vmqos_mem_shrink(struct vmqos_mem_inode *mi, unsigned long scan);

/* store.c */
int vmqos_store_init(void);
void vmqos_store_exit(void);
int vmqos_store_open(struct vmqos_mem_inode *mi);
void vmqos_store_close(struct vmqos_mem_inode *mi);
u64 vmqos_store_held(struct vmqos_mem_inode *mi);
int vmqos_store_put(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index);
int vmqos_store_get(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index);
void vmqos_store_drop(struct vmqos_mem_inode *mi, pgoff_t first, pgoff_t last);
bool vmqos_store_has(struct vmqos_mem_inode *mi, pgoff_t first, pgoff_t last);

/* swap_file.c */
struct vmqos_swap *vmqos_swap_open(struct fs_context *fc, const char *path);
void vmqos_swap_close(struct vmqos_swap *swap);
bool vmqos_swap_is(const struct vmqos_swap *swap, const char *path);
void vmqos_swap_show(struct seq_file *m, const struct vmqos_swap *swap);

/* swap.c */
int vmqos_swap_init(void);
void vmqos_swap_exit(void);
int vmqos_swap_put(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index);
void vmqos_swap_send(struct vmqos_mem_inode *mi, pgoff_t index);
int vmqos_swap_get(struct vmqos_mem_inode *mi, struct page *page, pgoff_t index);
struct vmqos_stored *vmqos_swap_erase(struct vmqos_mem_inode *mi, pgoff_t index);
bool vmqos_swap_is_slow(struct vmqos_mem_inode *mi, pgoff_t index);
int vmqos_swap_wait_written(struct vmqos_mem_inode *mi, u64 pages);
void vmqos_swap_wait_room(struct vmqos_mem_inode *mi, u64 ns);

/* split.c */
unsigned int vmqos_mem_zeros(struct folio *folio, unsigned int *first);
bool vmqos_mem_split(struct vmqos_mem_inode *mi, struct folio *folio, unsigned int least,
		     struct vmqos_mem_stats *did);
int vmqos_mem_cut(struct inode *inode, loff_t size);

/* zero.c */
int vmqos_zero_init(void);
void vmqos_zero_exit(void);
void vmqos_zero_add(struct vmqos_mem_inode *mi);
void vmqos_zero_remove(struct vmqos_mem_inode *mi);
void vmqos_zero_wake(void);
void vmqos_zero_lock(void);
void vmqos_zero_unlock(void);
unsigned long vmqos_zero_each(unsigned long (*what)(struct vmqos_mem_inode *mi, void *data),
			      void *data);

/* zeros.c */
int vmqos_zeros_init(void);
void vmqos_zeros_exit(void);
bool vmqos_zeros_may_serve(struct inode *inode, const struct vm_fault *vmf);
struct folio *vmqos_zeros_get(struct inode *inode, pgoff_t index, struct vm_fault *vmf);
void vmqos_zeros_unmap(struct inode *inode, struct folio *folio);
void vmqos_zeros_settle(struct inode *inode);
bool vmqos_zeros_has(const struct folio *folio);
void vmqos_zeros_drop(struct vmqos_mem_inode *mi);

/* sample.c */
int vmqos_sample_init(void);
void vmqos_sample_exit(void);
void vmqos_sample_add(struct vmqos_mem_inode *mi);
void vmqos_sample_remove(struct vmqos_mem_inode *mi);
void vmqos_sample_touch(struct vmqos_mem_inode *mi, struct vm_fault *vmf, struct folio *folio);
bool vmqos_sample_watches(struct vmqos_mem_inode *mi, struct folio *folio);
void vmqos_sample_read(struct vmqos_mem_inode *mi, struct vmqos_mem_counts *counts);

/* pressure.c */
int vmqos_pressure_init(void);
void vmqos_pressure_exit(void);

#endif /* _VMQOS_MEM_MEM_H */
