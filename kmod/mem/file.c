// SPDX-License-Identifier: GPL-2.0
/*
 * What programs do with a file: map, read, write, allocate, punch, cut.
 *
 * All that changes a file's size or removes a range of it is done under the inode's lock
 * and, for the removal itself, under the mapping's invalidate_lock. Reading takes no
 * lock: a page is in the cache or it is not, and one that leaves the cache while it is
 * read was part of the file when the reading began.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/uio.h>

#include "mem/mem.h"

static void changed(struct inode *inode)
{
	inode_set_mtime_to_ts(inode, inode_set_ctime_current(inode));
}

/* A private mapping of guest memory would be anonymous memory from the first write on. */
static int vmqos_mem_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE)) {
		pr_notice_ratelimited("vmramfs: %s[%d]: %pD can only be mapped shared (QEMU: share=on)\n",
				      current->comm, task_pid_nr(current), file);
		return -EOPNOTSUPP;
	}
	vma->vm_ops = vmqos_mem_mount(file_inode(file)->i_sb)->map_zeros ?
		      &vmqos_mem_zeros_vm_ops : &vmqos_mem_vm_ops;
	return 0;
}

/*
 * A page with its content, referenced; -ENOENT for a hole, -EFAULT when the file has just been
 * cut short of it, another error when it cannot be had.
 */
static struct folio *find_to_read(struct inode *inode, pgoff_t index)
{
	struct folio *folio;
	int ret;

	for (;;) {
		folio = vmqos_mem_find_folio(inode, index);
		if (PTR_ERR_OR_ZERO(folio) == -ENODATA) {
			folio = vmqos_mem_get_stored(inode, index);
			if (!IS_ERR(folio))
				folio_unlock(folio);
			return folio;
		}
		if (IS_ERR(folio))
			return folio;
		/* A part of it may be in the store while it is split. */
		if (unlikely(vmqos_mem_is_being_split(inode, index))) {
			folio_put(folio);
			filemap_invalidate_lock_shared(inode->i_mapping);
			filemap_invalidate_unlock_shared(inode->i_mapping);
			continue;
		}
		if (folio_test_uptodate(folio))
			return folio;
		/* Who has made it is about to give it its content. */
		ret = folio_lock_killable(folio);
		if (!ret)
			folio_unlock(folio);
		folio_put(folio);
		if (ret)
			return ERR_PTR(ret);
	}
}

static ssize_t vmqos_mem_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	size_t offset, want, got;
	ssize_t done = 0;
	struct folio *folio;
	struct page *page;
	loff_t size;

	while (iov_iter_count(to)) {
		size = i_size_read(inode);
		if (iocb->ki_pos >= size)
			break;
		offset = offset_in_page(iocb->ki_pos);
		want = min_t(loff_t, PAGE_SIZE - offset, size - iocb->ki_pos);
		want = min(want, iov_iter_count(to));
		folio = find_to_read(inode, iocb->ki_pos >> PAGE_SHIFT);
		if (PTR_ERR_OR_ZERO(folio) == -EFAULT)
			continue;
		if (IS_ERR(folio) && PTR_ERR(folio) != -ENOENT)
			return done ? done : PTR_ERR(folio);
		if (IS_ERR(folio)) {
			got = iov_iter_zero(want, to);
		} else {
			page = folio_file_page(folio, iocb->ki_pos >> PAGE_SHIFT);
			if (unlikely(PageHWPoison(page))) {
				folio_put(folio);
				return done ? done : -EIO;
			}
			got = copy_page_to_iter(page, offset, want, to);
			folio_put(folio);
		}
		iocb->ki_pos += got;
		done += got;
		if (got < want)
			return done ? done : -EFAULT;
		if (fatal_signal_pending(current))
			return done ? done : -EINTR;
		cond_resched();
	}
	return done;
}

/* Copies into one page; the reference, taken under its lock, keeps it where it is. */
static ssize_t write_page(struct inode *inode, loff_t pos, struct iov_iter *from)
{
	size_t offset = offset_in_page(pos);
	size_t want = min(PAGE_SIZE - offset, iov_iter_count(from));
	struct folio *folio;
	struct page *page;
	size_t got;

	folio = vmqos_mem_get_folio(inode, pos >> PAGE_SHIFT, NULL, NULL);
	if (IS_ERR(folio))
		return PTR_ERR(folio);
	folio_unlock(folio);
	page = folio_file_page(folio, pos >> PAGE_SHIFT);
	if (unlikely(PageHWPoison(page))) {
		folio_put(folio);
		return -EIO;
	}
	got = copy_page_from_iter(page, offset, want, from);
	folio_put(folio);
	return got ? got : -EFAULT;
}

static ssize_t vmqos_mem_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t ret, done = 0;

	inode_lock(inode);
	ret = generic_write_checks(iocb, from);
	if (ret <= 0)
		goto out;
	ret = file_remove_privs(iocb->ki_filp);
	if (ret)
		goto out;
	if (iocb->ki_pos > i_size_read(inode)) {
		ret = vmqos_mem_zero_tail(inode, i_size_read(inode));
		if (ret)
			goto out;
	}
	while (iov_iter_count(from)) {
		ret = write_page(inode, iocb->ki_pos, from);
		if (ret < 0)
			break;
		iocb->ki_pos += ret;
		done += ret;
		if (iocb->ki_pos > i_size_read(inode))
			i_size_write(inode, iocb->ki_pos);
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	if (done) {
		changed(inode);
		ret = done;
	}
out:
	inode_unlock(inode);
	return ret;
}

/**
 * vmqos_mem_is_stored() - whether the page that a range begins or ends within is in the store
 * @inode: the file
 * @edge: where the range begins or ends; between two pages it is within none
 *
 * Context: any; it may change unless the invalidate_lock is held exclusively.
 * Return: whether it is.
 */
bool vmqos_mem_is_stored(struct inode *inode, loff_t edge)
{
	pgoff_t index = edge >> PAGE_SHIFT;

	return offset_in_page(edge) && vmqos_store_has(vmqos_mem_inode(inode), index, index);
}

/**
 * vmqos_mem_bring_back() - have such a page back in the cache
 * @inode: the file, its lock held
 * @edge: where a range begins or ends
 *
 * It may be put into the store again before the caller can look.
 *
 * Context: may sleep.
 * Return: 0, or the error for which the page could not be had.
 */
int vmqos_mem_bring_back(struct inode *inode, loff_t edge)
{
	struct folio *folio;

	if (!vmqos_mem_is_stored(inode, edge))
		return 0;
	folio = vmqos_mem_get_folio(inode, edge >> PAGE_SHIFT, NULL, NULL);
	if (IS_ERR(folio))
		return PTR_ERR(folio);
	folio_unlock(folio);
	folio_put(folio);
	return 0;
}

/* Takes the invalidate_lock, with the pages that a range cuts through in the cache, or holes. */
static int lock_range(struct inode *inode, loff_t from, loff_t to)
{
	int ret;

	for (;;) {
		ret = vmqos_mem_bring_back(inode, from) ?: vmqos_mem_bring_back(inode, to);
		if (ret)
			return ret;
		filemap_invalidate_lock(inode->i_mapping);
		/* One may have been put into the store again meanwhile. */
		if (!vmqos_mem_is_stored(inode, from) && !vmqos_mem_is_stored(inode, to))
			return 0;
		filemap_invalidate_unlock(inode->i_mapping);
	}
}

/*
 * A large page that lies across the end of a range is cut off there, page by page from behind:
 * newer kernels (7.3 is one) split a page where the range begins and then try where it ends,
 * but drop all of what the second split has left in one piece, with what lies behind the range,
 * when somebody holds a reference just then. Of a single page they cut no more than it, or
 * clear it where it is. Returns where what is left of the range ends; no page lies across that.
 */
static pgoff_t cut_end(struct address_space *mapping, pgoff_t first, pgoff_t end)
{
	struct folio *folio;
	bool across;

	for (; end > first; end--) {
		folio = filemap_get_folio(mapping, end);
		if (IS_ERR(folio))
			break;
		across = folio->index < end;
		folio_put(folio);
		if (!across)
			break;
		truncate_inode_pages_range(mapping, (loff_t)(end - 1) << PAGE_SHIFT,
					   ((loff_t)end << PAGE_SHIFT) - 1);
	}
	return end;
}

static int punch(struct inode *inode, loff_t from, loff_t length)
{
	pgoff_t first = DIV_ROUND_UP_ULL(from, PAGE_SIZE), end = (from + length) >> PAGE_SHIFT;
	loff_t to = from + length, border = to;
	int ret = lock_range(inode, from, to);

	if (ret)
		return ret;
	if (first < end) {
		vmqos_store_drop(vmqos_mem_inode(inode), first, end - 1);
		unmap_mapping_pages(inode->i_mapping, first, end - first, false);
		border = (loff_t)cut_end(inode->i_mapping, first, end) << PAGE_SHIFT;
		/* What is left behind whole pages is part of one. */
		if (offset_in_page(to))
			truncate_pagecache_range(inode, (loff_t)end << PAGE_SHIFT, to - 1);
	}
	if (from < border)
		truncate_pagecache_range(inode, from, border - 1);
	filemap_invalidate_unlock(inode->i_mapping);
	vmqos_mem_recount(inode, 0);
	return 0;
}

/* What it got within the file stays when it fails: others may have written there since. */
static int allocate(struct inode *inode, loff_t from, loff_t length)
{
	pgoff_t index = from >> PAGE_SHIFT;
	pgoff_t last = (from + length - 1) >> PAGE_SHIFT;
	struct folio *folio;

	while (index <= last) {
		if (fatal_signal_pending(current))
			return -EINTR;
		folio = vmqos_mem_get_folio(inode, index, NULL, NULL);
		if (IS_ERR(folio))
			return PTR_ERR(folio);
		index = folio->index + folio_nr_pages(folio);
		folio_unlock(folio);
		folio_put(folio);
		cond_resched();
	}
	return 0;
}

static long vmqos_mem_fallocate(struct file *file, int mode, loff_t from, loff_t length)
{
	struct inode *inode = file_inode(file);
	loff_t size;
	bool grows;
	int ret;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	inode_lock(inode);
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		ret = punch(inode, from, length);
		goto out;
	}
	size = i_size_read(inode);
	grows = !(mode & FALLOC_FL_KEEP_SIZE) && from + length > size;
	ret = grows ? inode_newsize_ok(inode, from + length) : 0;
	if (!ret && grows)
		ret = vmqos_mem_zero_tail(inode, size);
	if (ret)
		goto out;
	/* First the size: there are large pages only where it has room for them. */
	if (grows)
		i_size_write(inode, from + length);
	ret = allocate(inode, from, length);
	if (ret && grows)
		vmqos_mem_cut(inode, size);
out:
	if (!ret)
		changed(inode);
	inode_unlock(inode);
	return ret;
}

static int vmqos_mem_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int ret;

	ret = setattr_prepare(idmap, dentry, attr);
	if (ret)
		return ret;
	if (attr->ia_valid & ATTR_SIZE) {
		if (attr->ia_size > i_size_read(inode)) {
			ret = vmqos_mem_zero_tail(inode, i_size_read(inode));
			if (ret)
				return ret;
			i_size_write(inode, attr->ia_size);
		} else {
			ret = vmqos_mem_cut(inode, attr->ia_size);
			if (ret)
				return ret;
		}
		changed(inode);
	}
	setattr_copy(idmap, inode, attr);
	return 0;
}

/* What a VM's policy says of a file holds while somebody has it open. */
static int vmqos_mem_open(struct inode *inode, struct file *file)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);

	spin_lock(&mi->lock);
	mi->opens++;
	spin_unlock(&mi->lock);
	return 0;
}

static int vmqos_mem_release(struct inode *inode, struct file *file)
{
	struct vmqos_mem_inode *mi = vmqos_mem_inode(inode);

	spin_lock(&mi->lock);
	if (!--mi->opens) {
		WRITE_ONCE(mi->share_zero, VMQOS_MEM_SHARE_ZERO_MOUNT);
		WRITE_ONCE(mi->limit, 0);
		mi->reclaim_pages = 0;
		WRITE_ONCE(mi->locked, false);
	}
	spin_unlock(&mi->lock);
	return 0;
}

const struct file_operations vmqos_mem_file_ops = {
	.owner = THIS_MODULE,
	.open = vmqos_mem_open,
	.release = vmqos_mem_release,
	.llseek = generic_file_llseek,
	.read_iter = vmqos_mem_read_iter,
	.write_iter = vmqos_mem_write_iter,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.mmap = vmqos_mem_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.fsync = noop_fsync,
	.fallocate = vmqos_mem_fallocate,
	.show_fdinfo = vmqos_mem_show_fdinfo,
};

const struct inode_operations vmqos_mem_file_iops = {
	.setattr = vmqos_mem_setattr,
};
