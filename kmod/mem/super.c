// SPDX-License-Identifier: GPL-2.0
/* The filesystem: its options, its mounts, the birth and the end of its inodes. */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "mem/mem.h"

static struct kmem_cache *inode_cache;

enum { OPT_SIZE, OPT_UID, OPT_GID, OPT_MODE, OPT_HUGE, OPT_ZEROS, OPT_SHARE_ZERO,
	OPT_FILE_LIMIT, OPT_COMPRESS, OPT_SWAP };

const char *const vmqos_mem_share_zero_names[] = {
	[VMQOS_MEM_SHARE_ZERO_MOUNT] = "mount",
	[VMQOS_MEM_SHARE_ZERO_OFF] = "off",
	[VMQOS_MEM_SHARE_ZERO_ON] = "on",
	[VMQOS_MEM_SHARE_ZERO_PRESSURE] = "pressure",
};

static const struct constant_table share_zero_table[] = {
	{ "off", VMQOS_MEM_SHARE_ZERO_OFF },
	{ "on", VMQOS_MEM_SHARE_ZERO_ON },
	{ "pressure", VMQOS_MEM_SHARE_ZERO_PRESSURE },
	{}
};

static const struct constant_table switch_table[] = {
	{ "off", false },
	{ "on", true },
	{}
};

static const struct constant_table zeros_table[] = {
	{ "fill", false },
	{ "map", true },
	{}
};

static const struct constant_table huge_table[] = {
	{ "never", VMQOS_MEM_HUGE_NEVER },
	{ "within_size", VMQOS_MEM_HUGE_WITHIN_SIZE },
	{}
};

static const struct fs_parameter_spec parameters[] = {
	fsparam_string("size", OPT_SIZE),
	fsparam_u32("uid", OPT_UID),
	fsparam_u32("gid", OPT_GID),
	fsparam_u32oct("mode", OPT_MODE),
	fsparam_string("huge", OPT_HUGE),
	fsparam_enum("zeros", OPT_ZEROS, zeros_table),
	fsparam_enum("share_zero", OPT_SHARE_ZERO, share_zero_table),
	fsparam_string("file_limit", OPT_FILE_LIMIT),
	fsparam_enum("compress", OPT_COMPRESS, switch_table),
	fsparam_string("swap", OPT_SWAP),
	{}
};

/**
 * struct options - what was asked for
 * @mount: the values
 * @swap: path of the swap file, NULL for none
 * @given: those that were named, bits of OPT_
 */
struct options {
	struct vmqos_mem_mount mount;
	char *swap;
	unsigned long given;
};

/* Bytes with a suffix, or per cent of the host's memory; the part of a page is dropped. */
static int parse_size(struct fs_context *fc, const char *name, const char *text, u64 *pages)
{
	unsigned long long size;
	char *rest;

	size = memparse(text, &rest);
	if (*rest == '%' && rest != text) {
		if (size > 100000)
			return invalfc(fc, "%s=%s: that is more than there is", name, text);
		size = div_u64(size * totalram_pages(), 100) << PAGE_SHIFT;
		rest++;
	}
	if (*rest || rest == text)
		return invalfc(fc, "%s=%s: give bytes, as 512M or 8G, or a percentage of the host's memory, as 80%%; 0 for no limit",
			       name, text);
	if (size && size < PAGE_SIZE)
		return invalfc(fc, "%s=%s: the least is a page, %lu bytes", name, text, PAGE_SIZE);
	*pages = size >> PAGE_SHIFT;
	return 0;
}

static int parse_huge(struct fs_context *fc, const char *text, unsigned int *huge)
{
	int value = lookup_constant(huge_table, text, -1);

	if (value < 0)
		return invalfc(fc, "huge=%s: give never or within_size; a page of 2M cannot reach beyond the end of its file",
			       text);
	if (value != VMQOS_MEM_HUGE_NEVER && !has_transparent_hugepage())
		return invalfc(fc, "huge=%s: this host maps pages of 4K only", text);
	*huge = value;
	return 0;
}

static int parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct options *options = fc->fs_private;
	struct fs_parse_result result;
	int opt, ret = 0;

	opt = fs_parse(fc, parameters, param, &result);
	if (opt < 0)
		return opt;
	switch (opt) {
	case OPT_SIZE:
		ret = parse_size(fc, "size", param->string, &options->mount.max_pages);
		break;
	case OPT_UID:
		options->mount.uid = make_kuid(fc->user_ns, result.uint_32);
		if (!uid_valid(options->mount.uid))
			return invalfc(fc, "uid=%u: there is no such user", result.uint_32);
		break;
	case OPT_GID:
		options->mount.gid = make_kgid(fc->user_ns, result.uint_32);
		if (!gid_valid(options->mount.gid))
			return invalfc(fc, "gid=%u: there is no such group", result.uint_32);
		break;
	case OPT_MODE:
		options->mount.mode = result.uint_32 & 07777;
		break;
	case OPT_HUGE:
		ret = parse_huge(fc, param->string, &options->mount.huge);
		break;
	case OPT_ZEROS:
		options->mount.map_zeros = result.uint_32;
		break;
	case OPT_SHARE_ZERO:
		options->mount.share_zero = result.uint_32;
		break;
	case OPT_FILE_LIMIT:
		ret = parse_size(fc, "file_limit", param->string, &options->mount.file_limit);
		break;
	case OPT_COMPRESS:
		options->mount.compress = result.uint_32;
		break;
	case OPT_SWAP:
		kfree(options->swap);
		options->swap = param->string;
		param->string = NULL;
		break;
	}
	options->given |= BIT(opt);
	return ret;
}

static int vmqos_mem_statfs(struct dentry *dentry, struct kstatfs *stat)
{
	struct vmqos_mem_mount *mount = vmqos_mem_mount(dentry->d_sb);
	u64 max = READ_ONCE(mount->max_pages);
	u64 used = atomic64_read(&mount->used_pages);
	int ret = simple_statfs(dentry, stat);

	if (ret)
		return ret;
	/* Without a limit, what the host has stands for what there is. */
	stat->f_blocks = max ? max : totalram_pages();
	stat->f_bfree = stat->f_blocks > used ? stat->f_blocks - used : 0;
	stat->f_bavail = stat->f_bfree;
	return 0;
}

static int vmqos_mem_show_options(struct seq_file *m, struct dentry *root)
{
	struct vmqos_mem_mount *mount = vmqos_mem_mount(root->d_sb);

	if (mount->max_pages)
		seq_printf(m, ",size=%lluk", mount->max_pages << (PAGE_SHIFT - 10));
	if (!uid_eq(mount->uid, GLOBAL_ROOT_UID))
		seq_printf(m, ",uid=%u", from_kuid_munged(&init_user_ns, mount->uid));
	if (!gid_eq(mount->gid, GLOBAL_ROOT_GID))
		seq_printf(m, ",gid=%u", from_kgid_munged(&init_user_ns, mount->gid));
	if (mount->mode != 0755)
		seq_printf(m, ",mode=%03o", mount->mode);
	if (mount->huge)
		seq_printf(m, ",huge=%s", huge_table[mount->huge].name);
	seq_printf(m, ",share_zero=%s", vmqos_mem_share_zero_names[mount->share_zero]);
	if (mount->file_limit)
		seq_printf(m, ",file_limit=%lluk", mount->file_limit << (PAGE_SHIFT - 10));
	if (mount->map_zeros)
		seq_puts(m, ",zeros=map");
	if (!mount->compress)
		seq_puts(m, ",compress=off");
	vmqos_swap_show(m, mount->swap);
	return 0;
}

static struct inode *vmqos_mem_alloc_inode(struct super_block *sb)
{
	struct vmqos_mem_inode *mi = alloc_inode_sb(sb, inode_cache, GFP_KERNEL);

	if (!mi)
		return NULL;
	mi->pages = 0;
	mi->opens = 0;
	mi->locked = false;
	mi->share_zero = VMQOS_MEM_SHARE_ZERO_MOUNT;
	mi->limit = 0;
	mi->reclaim_pages = 0;
	mi->hand = 0;
	mi->fruitless = 0;
	mi->respite = 0;
	mi->resists = false;
	mi->pool = NULL;
	mi->stored_pages = 0;
	mi->stored_bytes = 0;
	mi->writing = 0;
	mi->swapped_pages = 0;
	atomic_set(&mi->moves, 0);
	atomic64_set(&mi->zeros_mapped, 0);
	mi->cursor = 0;
	mi->splitting = 0;
	mi->sample_off = false;
	RCU_INIT_POINTER(mi->sample, NULL);
	mi->active_slow = (struct vmqos_mem_average){};
	mi->active_fast = (struct vmqos_mem_average){};
	INIT_LIST_HEAD(&mi->sample_node);
	mi->faults = NULL;
	INIT_LIST_HEAD(&mi->node);
	memset(&mi->stats, 0, sizeof(mi->stats));
	memset(mi->limit_hist, 0, sizeof(mi->limit_hist));
	return &mi->vfs;
}

static void vmqos_mem_free_inode(struct inode *inode)
{
	free_percpu(vmqos_mem_inode(inode)->faults);
	kmem_cache_free(inode_cache, vmqos_mem_inode(inode));
}

static void vmqos_mem_evict_inode(struct inode *inode)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);

	vmqos_zero_remove(mi);
	vmqos_sample_remove(mi);
	truncate_inode_pages_final(inode->i_mapping);
	vmqos_store_close(mi);
	vmqos_zeros_drop(mi);
	clear_inode(inode);
	vmqos_mem_recount(inode, 0);
	WARN_ON_ONCE(mi->pages);
}

static u32 share_zero_of(struct inode *inode)
{
	return vmqos_mem_share_zero(vmqos_mem_inode(inode));
}

static const struct vmqos_mem_super_ops super_ops = {
	.vfs = {
		.alloc_inode = vmqos_mem_alloc_inode,
		.free_inode = vmqos_mem_free_inode,
		.drop_inode = inode_just_drop,
		.evict_inode = vmqos_mem_evict_inode,
		.statfs = vmqos_mem_statfs,
		.show_options = vmqos_mem_show_options,
	},
	.version = VMQOS_MEM_SERVE_VERSION,
	.read = vmqos_mem_read,
	.policy = vmqos_mem_set_policy,
	.reclaim = vmqos_mem_reclaim,
	.share_zero = share_zero_of,
};

static int fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct options *options = fc->fs_private;
	struct vmqos_mem_mount *mount;
	struct inode *root;
	int ret;

	mount = kmemdup(&options->mount, sizeof(*mount), GFP_KERNEL);
	if (!mount)
		return -ENOMEM;
	sb->s_fs_info = mount;
	if (options->swap) {
		mount->swap = vmqos_swap_open(fc, options->swap);
		if (IS_ERR(mount->swap)) {
			ret = PTR_ERR(mount->swap);
			mount->swap = NULL;
			return ret;
		}
	}
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_magic = VMQOS_MEM_MAGIC;
	sb->s_op = &super_ops.vfs;
	sb->s_time_gran = 1;
	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;

	root = vmqos_mem_inode_new(sb, NULL, S_IFDIR | mount->mode);
	if (!root)
		return -ENOMEM;
	root->i_uid = mount->uid;
	root->i_gid = mount->gid;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, fill_super);
}

/* size, huge, share_zero, file_limit and compress can change while files are in use. */
static int reconfigure(struct fs_context *fc)
{
	struct vmqos_mem_mount *mount = vmqos_mem_mount(fc->root->d_sb);
	struct options *options = fc->fs_private;
	u64 max = options->mount.max_pages;
	u64 used = atomic64_read(&mount->used_pages);

	if (options->given & BIT(OPT_SIZE) && max && max < used)
		return invalfc(fc, "size=%lluk: the files hold %lluk already",
			       max << (PAGE_SHIFT - 10), used << (PAGE_SHIFT - 10));
	if ((options->given & BIT(OPT_UID) && !uid_eq(options->mount.uid, mount->uid)) ||
	    (options->given & BIT(OPT_GID) && !gid_eq(options->mount.gid, mount->gid)) ||
	    (options->given & BIT(OPT_MODE) && options->mount.mode != mount->mode))
		return invalfc(fc, "uid, gid and mode are those of the root since it was mounted: use chown and chmod");
	if (options->given & BIT(OPT_ZEROS) && options->mount.map_zeros != mount->map_zeros)
		return invalfc(fc, "zeros=%s is for as long as it is mounted: files are mapped that way",
			       mount->map_zeros ? "map" : "fill");
	if (options->swap && !vmqos_swap_is(mount->swap, options->swap))
		return invalfc(fc, "the swap file is for as long as it is mounted: pages are in it");
	if (options->given & BIT(OPT_SIZE))
		WRITE_ONCE(mount->max_pages, max);
	if (options->given & BIT(OPT_HUGE))
		WRITE_ONCE(mount->huge, options->mount.huge);
	if (options->given & BIT(OPT_SHARE_ZERO)) {
		WRITE_ONCE(mount->share_zero, options->mount.share_zero);
		vmqos_zero_wake();
	}
	if (options->given & BIT(OPT_COMPRESS))
		WRITE_ONCE(mount->compress, options->mount.compress);
	if (options->given & BIT(OPT_FILE_LIMIT)) {
		WRITE_ONCE(mount->file_limit, options->mount.file_limit);
		vmqos_zero_wake();
	}
	return 0;
}

static void free_context(struct fs_context *fc)
{
	struct options *options = fc->fs_private;

	kfree(options->swap);
	kfree(options);
}

static const struct fs_context_operations context_ops = {
	.parse_param = parse_param,
	.get_tree = get_tree,
	.reconfigure = reconfigure,
	.free = free_context,
};

static int init_context(struct fs_context *fc)
{
	struct options *options = kzalloc(sizeof(*options), GFP_KERNEL);

	if (!options)
		return -ENOMEM;
	options->mount.mode = 0755;
	options->mount.share_zero = VMQOS_MEM_SHARE_ZERO_OFF;
	options->mount.compress = true;
	options->mount.uid = current_fsuid();
	options->mount.gid = current_fsgid();
	fc->fs_private = options;
	fc->ops = &context_ops;
	return 0;
}

static void kill_super(struct super_block *sb)
{
	struct vmqos_mem_mount *mount = vmqos_mem_mount(sb);

	vmqos_compat_kill_super(sb);
	if (mount)
		vmqos_swap_close(mount->swap);
	kfree(mount);
}

static struct file_system_type vmramfs = {
	.owner = THIS_MODULE,
	.name = VMQOS_MEM_NAME,
	.init_fs_context = init_context,
	.parameters = parameters,
	.kill_sb = kill_super,
};

static void init_once(void *object)
{
	struct vmqos_mem_inode *mi = object;

	inode_init_once(&mi->vfs);
	spin_lock_init(&mi->lock);
	mutex_init(&mi->reclaim_mutex);
	xa_init_flags(&mi->store, XA_FLAGS_ACCOUNT);
	xa_init(&mi->zeros);
}

/**
 * vmqos_mem_super_init() - make the filesystem known
 *
 * Return: 0 or a negative error number.
 */
int vmqos_mem_super_init(void)
{
	int ret;

	inode_cache = kmem_cache_create("vmqos_mem_inode", sizeof(struct vmqos_mem_inode), 0,
					SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT, init_once);
	if (!inode_cache)
		return -ENOMEM;
	ret = register_filesystem(&vmramfs);
	if (ret)
		kmem_cache_destroy(inode_cache);
	return ret;
}

/**
 * vmqos_mem_super_exit() - forget the filesystem; no mount is left, they hold the module
 *
 * Context: may sleep.
 */
void vmqos_mem_super_exit(void)
{
	unregister_filesystem(&vmramfs);
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(inode_cache);
}
