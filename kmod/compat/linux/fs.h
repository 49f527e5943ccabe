/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_FS_H
#define _VMQOS_COMPAT_LINUX_FS_H

#include_next <linux/fs.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/version.h>

/*
 * Since 6.3 (commit 6c960e68aaed, "fs: port ->create() to pass mnt_idmap", and its
 * companions) mounts have an idmap where they had a user namespace.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define mnt_idmap user_namespace
#define nop_mnt_idmap init_user_ns
#endif

/*
 * Since 6.5 ("splice: Rename direct_splice_read() to copy_splice_read()") this is what
 * splices out of a file through its read_iter; before, the generic one does.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define copy_splice_read generic_file_splice_read
#endif

/* Since 6.7 ("fs: new accessor methods for atime and mtime") all times have accessors. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct timespec64 simple_inode_init_ts(struct inode *inode)
{
	inode->i_atime = current_time(inode);
	inode->i_mtime = inode->i_atime;
	inode->i_ctime = inode->i_atime;
	return inode->i_atime;
}

static inline struct timespec64 inode_set_mtime_to_ts(struct inode *inode, struct timespec64 ts)
{
	inode->i_mtime = ts;
	return ts;
}
#endif

/* Since 6.18 ("fs: rename generic_delete_inode() and generic_drop_inode()"). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define inode_just_drop generic_delete_inode
#endif

/*
 * Since 6.19 a file that exists in memory alone is kept by a mark of its dentry, not by
 * a reference that is never put, and kill_litter_super(), which put it, is gone.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
static inline struct dentry *d_make_persistent(struct dentry *dentry, struct inode *inode)
{
	d_instantiate(dentry, inode);
	return dget(dentry);
}

#define vmqos_compat_kill_super kill_litter_super
#else
#define vmqos_compat_kill_super kill_anon_super
#endif

/*
 * Before 7.0 .create is told whether the file has to be new, and before 6.15 (commit
 * 88d5baf69082, "Change inode_operations.mkdir to return struct dentry *") .mkdir
 * returns a number. A function of the newest form is given to these, which make those
 * of both forms, and the kernel's own type picks one.
 */
#define VMQOS_COMPAT_CREATE(name)							\
static int __maybe_unused name##_excl(struct mnt_idmap *idmap, struct inode *dir,	\
				      struct dentry *dentry, umode_t mode, bool excl)	\
{											\
	return name(idmap, dir, dentry, mode);						\
}

#define vmqos_compat_create(name)							\
	__builtin_choose_expr(__builtin_types_compatible_p(				\
		typeof(((const struct inode_operations *)0)->create),			\
		int (*)(struct mnt_idmap *, struct inode *, struct dentry *, umode_t, bool)), \
		name##_excl, name)

#define VMQOS_COMPAT_MKDIR(name)							\
static int __maybe_unused name##_number(struct mnt_idmap *idmap, struct inode *dir,	\
					struct dentry *dentry, umode_t mode)		\
{											\
	return PTR_ERR_OR_ZERO(name(idmap, dir, dentry, mode));			\
}

#define vmqos_compat_mkdir(name)							\
	__builtin_choose_expr(__builtin_types_compatible_p(				\
		typeof(((const struct inode_operations *)0)->mkdir),			\
		int (*)(struct mnt_idmap *, struct inode *, struct dentry *, umode_t)),	\
		name##_number, name)

#endif /* _VMQOS_COMPAT_LINUX_FS_H */
