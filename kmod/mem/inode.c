// SPDX-License-Identifier: GPL-2.0
/* Files and folders by name. Both live in memory only: the cache of names keeps them. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/percpu.h>

#include "mem/mem.h"

static const struct inode_operations vmqos_mem_dir_iops;

/**
 * vmqos_mem_inode_new() - a new file or folder, not yet named
 * @sb: the mount it belongs to
 * @dir: the folder it will stand in, NULL for the root
 * @mode: its kind and permissions
 *
 * Context: may sleep.
 * Return: the inode or NULL.
 */
struct inode *vmqos_mem_inode_new(struct super_block *sb, struct inode *dir, umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	if (S_ISREG(mode)) {
		struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);

		mi->faults = alloc_percpu_gfp(*mi->faults, GFP_KERNEL_ACCOUNT);
		if (!mi->faults || vmqos_store_open(mi)) {
			iput(inode);
			return NULL;
		}
	}
	inode->i_ino = get_next_ino();
	inode_init_owner(&nop_mnt_idmap, inode, dir, mode);
	simple_inode_init_ts(inode);
	if (S_ISDIR(mode)) {
		inode->i_op = &vmqos_mem_dir_iops;
		inode->i_fop = &simple_dir_operations;
		inc_nlink(inode);
		return inode;
	}
	inode->i_op = &vmqos_mem_file_iops;
	inode->i_fop = &vmqos_mem_file_ops;
	inode->i_mapping->a_ops = &vmqos_mem_aops;
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER_MOVABLE);
	mapping_set_unevictable(inode->i_mapping);
	mapping_set_large_folios(inode->i_mapping);
	/* Else every first write to a page would set the time of the file. */
	inode->i_flags |= S_NOCMTIME;
	vmqos_zero_add(vmqos_mem_inode(inode));
	vmqos_sample_add(vmqos_mem_inode(inode));
	return inode;
}

static int add(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct inode *inode = vmqos_mem_inode_new(dir->i_sb, dir, mode);

	if (!inode)
		return -ENOMEM;
	d_make_persistent(dentry, inode);
	inode_set_mtime_to_ts(dir, inode_set_ctime_current(dir));
	return 0;
}

static int vmqos_mem_create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			    umode_t mode)
{
	return add(dir, dentry, mode | S_IFREG);
}

VMQOS_COMPAT_CREATE(vmqos_mem_create)

static struct dentry *vmqos_mem_mkdir(struct mnt_idmap *idmap, struct inode *dir,
				      struct dentry *dentry, umode_t mode)
{
	int ret = add(dir, dentry, mode | S_IFDIR);

	if (!ret)
		inc_nlink(dir);
	return ERR_PTR(ret);
}

VMQOS_COMPAT_MKDIR(vmqos_mem_mkdir)

static const struct inode_operations vmqos_mem_dir_iops = {
	.create = vmqos_compat_create(vmqos_mem_create),
	.lookup = simple_lookup,
	.link = simple_link,
	.unlink = simple_unlink,
	.mkdir = vmqos_compat_mkdir(vmqos_mem_mkdir),
	.rmdir = simple_rmdir,
	.rename = simple_rename,
};
