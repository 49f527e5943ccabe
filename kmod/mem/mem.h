/* SPDX-License-Identifier: GPL-2.0 */
/* vmramfs: what its files share. */
#ifndef _VMQOS_MEM_MEM_H
#define _VMQOS_MEM_MEM_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct folio;
struct vm_fault;

#define VMQOS_MEM_MAGIC 0x766d7261	/* "vmra" */

/**
 * enum vmqos_mem_share_zero - when pages that hold only zeros are given back
 * @VMQOS_MEM_SHARE_ZERO_OFF: never
 * @VMQOS_MEM_SHARE_ZERO_ON: always
 * @VMQOS_MEM_SHARE_ZERO_PRESSURE: while the host is short of memory
 */
enum vmqos_mem_share_zero {
	VMQOS_MEM_SHARE_ZERO_OFF,
	VMQOS_MEM_SHARE_ZERO_ON,
	VMQOS_MEM_SHARE_ZERO_PRESSURE,
};

/**
 * struct vmqos_mem_mount - a mounted vmramfs
 * @max_pages: most pages that its files may hold together, 0 for no limit; written
 *	under the superblock's s_umount, read by anyone
 * @used_pages: pages that they hold, or are about to get
 * @share_zero: enum vmqos_mem_share_zero of its files; likewise
 * @uid: owner of its root, constant, as are the next two
 * @gid: group of its root
 * @mode: permissions of its root
 */
struct vmqos_mem_mount {
	u64 max_pages;
	atomic64_t used_pages;
	unsigned int share_zero;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
};

/**
 * struct vmqos_mem_stats - counters of a file, since it was made
 * @fills: pages that a fault, a write or an allocation found missing and got
 * @faults: page faults
 * @scanned: pages that the scanner has looked at
 * @zero_freed: pages of zeros that it gave back
 * @zero_busy: pages of zeros that somebody held, by a pin or by a lock
 * @zero_locked: pages of zeros that stay because mlock() wants them to
 * @zero_changed: pages that were no longer zeros when nobody could write them any more
 * @unmaps: times that the scanner took a range out of all page tables
 * @passes: times that it came to the end of the file
 * @scan_ns: time that it spent on the file
 *
 * The first two are written under vmqos_mem_inode.lock or lose a count now and then,
 * which nobody depends upon; the others have one writer, the scanner.
 */
struct vmqos_mem_stats {
	u64 fills;
	u64 faults;
	u64 scanned;
	u64 zero_freed;
	u64 zero_busy;
	u64 zero_locked;
	u64 zero_changed;
	u64 unmaps;
	u64 passes;
	u64 scan_ns;
};

/**
 * struct vmqos_mem_inode - a file
 * @vfs: the kernel's part
 * @lock: protects @pages and vfs.i_blocks; a leaf
 * @pages: pages that are charged to the mount for this file
 * @node: links the regular files; vmqos_zero_mutex
 * @cursor: where the scanner goes on; vmqos_zero_mutex
 * @stats: what happened to it
 */
struct vmqos_mem_inode {
	struct inode vfs;
	spinlock_t lock;	/* the charge, see above */
	u64 pages;
	struct list_head node;
	pgoff_t cursor;
	struct vmqos_mem_stats stats;
};

static inline struct vmqos_mem_inode *vmqos_mem_inode(struct inode *inode)
{
	return container_of(inode, struct vmqos_mem_inode, vfs);
}

static inline struct vmqos_mem_mount *vmqos_mem_mount(struct super_block *sb)
{
	return sb->s_fs_info;
}

/* super.c */
int vmqos_mem_super_init(void);
void vmqos_mem_super_exit(void);

/* inode.c */
struct inode *vmqos_mem_inode_new(struct super_block *sb, struct inode *dir, umode_t mode);

/* file.c */
extern const struct file_operations vmqos_mem_file_ops;
extern const struct inode_operations vmqos_mem_file_iops;

/* fault.c */
extern const struct vm_operations_struct vmqos_mem_vm_ops;

/* page.c */
extern const struct address_space_operations vmqos_mem_aops;
struct folio *vmqos_mem_get_folio(struct inode *inode, pgoff_t index, struct vm_fault *vmf);
void vmqos_mem_recount(struct inode *inode, unsigned int added);
void vmqos_mem_zero_tail(struct inode *inode, loff_t size);

/* zero.c */
int vmqos_zero_init(void);
void vmqos_zero_exit(void);
void vmqos_zero_add(struct vmqos_mem_inode *mi);
void vmqos_zero_remove(struct vmqos_mem_inode *mi);
void vmqos_zero_wake(void);

#endif /* _VMQOS_MEM_MEM_H */
