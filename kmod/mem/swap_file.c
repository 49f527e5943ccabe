// SPDX-License-Identifier: GPL-2.0
/*
 * The swap file of a mount as a file: opened and closed, read and written.
 *
 * It is read and written past the page cache (O_DIRECT), by whatever filesystem or block device
 * it is. Nothing in it means anything once it is no longer mounted.
 */
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "mem/mem.h"
#include "mem/swap.h"

static LIST_HEAD(swaps);
/* Who opens and closes swap files. */
static DEFINE_MUTEX(swaps_mutex);

/**
 * vmqos_swap_transfer() - read or write neighbouring slots
 * @swap: the swap file
 * @direction: ITER_SOURCE to write, ITER_DEST to read
 * @parts: pages
 * @n: how many
 * @slot: the first slot
 *
 * Context: sleeps; a thread with nothing held.
 * Return: 0 or a negative error number.
 */
int vmqos_swap_transfer(struct vmqos_swap *swap, unsigned int direction, struct bio_vec *parts,
			unsigned int n, unsigned long slot)
{
	size_t length = (size_t)n << PAGE_SHIFT;
	loff_t at = (loff_t)slot << PAGE_SHIFT;
	struct iov_iter iter;
	ssize_t ret;

	iov_iter_bvec(&iter, direction, parts, n, length);
	ret = direction == ITER_SOURCE ? vfs_iter_write(swap->file, &iter, &at, 0) :
					 vfs_iter_read(swap->file, &iter, &at, 0);
	if (ret < 0)
		return ret;
	return ret == length ? 0 : -EIO;
}

/**
 * struct reading - a page that is read
 * @work: who reads it
 * @swap: where from
 * @page: where to
 * @slot: which
 * @ret: what came of it
 * @done: that it is known
 */
struct reading {
	struct work_struct work;
	struct vmqos_swap *swap;
	struct page *page;
	unsigned long slot;
	int ret;
	struct completion done;
};

static void read_one(struct work_struct *work)
{
	struct reading *reading = container_of(work, struct reading, work);
	unsigned int flags = memalloc_noio_save();
	struct bio_vec part;

	bvec_set_page(&part, reading->page, PAGE_SIZE, 0);
	reading->ret = vmqos_swap_transfer(reading->swap, ITER_DEST, &part, 1, reading->slot);
	memalloc_noio_restore(flags);
	complete(&reading->done);
}

/**
 * vmqos_swap_read() - read a page, and wait for it
 * @swap: the swap file
 * @page: where to
 * @slot: which
 *
 * Another thread reads: who waits may be in a fault that comes out of a filesystem or a driver
 * that has used much of its stack, and with locks held of the same kind as the swap file's
 * filesystem has.
 *
 * Context: sleeps; in a fault.
 * Return: 0 or a negative error number, which has been told to the log.
 */
int vmqos_swap_read(struct vmqos_swap *swap, struct page *page, unsigned long slot)
{
	struct reading reading = { .swap = swap, .page = page, .slot = slot };

	init_completion(&reading.done);
	INIT_WORK_ONSTACK(&reading.work, read_one);
	queue_work(vmqos_swap_threads, &reading.work);
	/*
	 * Not flush_work(): that tells lockdep that the locks of its filesystem are taken below the
	 * mmap_lock. They are, but those of this one file, which nobody else writes to.
	 */
	wait_for_completion(&reading.done);
	destroy_work_on_stack(&reading.work);
	if (reading.ret)
		pr_warn_ratelimited("vmramfs: a page could not be read from the swap file %pD (error %d)\n",
				    swap->file, reading.ret);
	return reading.ret;
}

/* A file is that of one mount alone, and others cannot read what is the guests'. */
static int check(struct fs_context *fc, const char *path, struct vmqos_swap *swap)
{
	struct inode *inode = swap->file->f_mapping->host;
	struct vmqos_swap *other;

	if (!S_ISREG(inode->i_mode) && !S_ISBLK(file_inode(swap->file)->i_mode))
		return invalfc(fc, "swap=%s is neither a file nor a block device", path);
	if (vmqos_mem_is_ours(inode))
		return invalfc(fc, "swap=%s is in memory itself", path);
	if (S_ISREG(inode->i_mode) && inode->i_mode & 0077) {
		errorfc(fc, "swap=%s may be used by others than its owner: chmod 600 %s",
			path, path);
		return -EPERM;
	}
	list_for_each_entry(other, &swaps, node) {
		if (other->file->f_mapping->host == inode) {
			errorfc(fc, "swap=%s is in use by another mount", path);
			return -EBUSY;
		}
	}
	swap->slots = i_size_read(inode) >> PAGE_SHIFT;
	if (!swap->slots)
		return invalfc(fc, "swap=%s is empty: fallocate -l SIZE %s", path, path);
	return 0;
}

static void free_swap(struct vmqos_swap *swap)
{
	if (!IS_ERR_OR_NULL(swap->file))
		fput(swap->file);
	kvfree(swap->map);
	kfree(swap);
}

/**
 * vmqos_swap_open() - open a swap file for a mount
 * @fc: who is told why it cannot be
 * @path: of the file or block device
 *
 * Context: may sleep.
 * Return: the swap file, or an error pointer.
 */
struct vmqos_swap *vmqos_swap_open(struct fs_context *fc, const char *path)
{
	struct vmqos_swap *swap = kzalloc(sizeof(*swap), GFP_KERNEL);
	unsigned int i;
	int ret;

	if (!swap)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&swap->lock);
	INIT_LIST_HEAD(&swap->waiting);
	INIT_LIST_HEAD(&swap->unwritten);
	INIT_DELAYED_WORK(&swap->again, vmqos_swap_again);
	init_waitqueue_head(&swap->done);
	for (i = 0; i < VMQOS_SWAP_WRITERS; i++) {
		swap->writers[i].swap = swap;
		INIT_WORK(&swap->writers[i].work, vmqos_swap_write);
	}
	/* O_EXCL: nobody mounts or swaps to a block device meanwhile. */
	swap->file = filp_open(path, O_RDWR | O_LARGEFILE | O_DIRECT | O_EXCL, 0);
	ret = PTR_ERR_OR_ZERO(swap->file);
	if (ret) {
		if (ret == -EINVAL)
			errorfc(fc, "swap=%s: its filesystem knows no direct I/O (O_DIRECT)", path);
		else
			errorfc(fc, "swap=%s cannot be opened", path);
		goto err_free;
	}
	mutex_lock(&swaps_mutex);
	ret = check(fc, path, swap);
	if (!ret) {
		swap->map = kvcalloc(BITS_TO_LONGS(swap->slots), sizeof(long), GFP_KERNEL);
		ret = swap->map ? 0 : -ENOMEM;
	}
	if (!ret)
		list_add(&swap->node, &swaps);
	mutex_unlock(&swaps_mutex);
	if (!ret)
		return swap;

err_free:
	free_swap(swap);
	return ERR_PTR(ret);
}

/**
 * vmqos_swap_close() - close the swap file of a mount that goes, and has no file any more
 * @swap: the swap file, or NULL
 *
 * Context: may sleep: waits for what is being written.
 */
void vmqos_swap_close(struct vmqos_swap *swap)
{
	unsigned int i;

	if (!swap)
		return;
	cancel_delayed_work_sync(&swap->again);
	for (i = 0; i < VMQOS_SWAP_WRITERS; i++)
		flush_work(&swap->writers[i].work);
	WARN_ON_ONCE(swap->under_way || swap->used);
	mutex_lock(&swaps_mutex);
	list_del(&swap->node);
	mutex_unlock(&swaps_mutex);
	free_swap(swap);
}

/**
 * vmqos_swap_is() - whether a path is that of a swap file
 * @swap: the swap file, or NULL
 * @path: the path
 *
 * Context: may sleep.
 * Return: whether it is.
 */
bool vmqos_swap_is(const struct vmqos_swap *swap, const char *path)
{
	struct path found;
	bool same;

	if (!swap || kern_path(path, LOOKUP_FOLLOW, &found))
		return false;
	same = d_inode(found.dentry) == file_inode(swap->file);
	path_put(&found);
	return same;
}

/**
 * vmqos_swap_show() - tell of the swap file among the options of its mount
 * @m: where to
 * @swap: the swap file, or NULL
 *
 * Context: may sleep.
 */
void vmqos_swap_show(struct seq_file *m, const struct vmqos_swap *swap)
{
	if (!swap)
		return;
	seq_puts(m, ",swap=");
	seq_file_path(m, swap->file, " \t\n\\,");
}
