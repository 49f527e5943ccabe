// SPDX-License-Identifier: GPL-2.0
/*
 * Pages on their way to a swap file are written.
 *
 * That begins at once, in a few threads, each of which writes what has come together for
 * neighbouring slots. A page that cannot be written stays in memory and is tried again later, one
 * at first, and more as soon as the disk takes something again; on a disk that takes nothing, less
 * and less often. Meanwhile it is in memory as before and has no slot.
 */
#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mem/mem.h"
#include "mem/swap.h"

/* How many pages one write takes. */
#define CLUSTER		32
/* For how long nothing new is put on a disk that has failed. */
#define RESPITE		HZ
/* After how long what failed is tried again: while that goes well, and at most. */
#define AGAIN_SOON	(HZ / 10)
#define AGAIN_LATE	(64 * HZ)

/**
 * vmqos_swap_free_slot() - a slot is nobody's any more
 * @swap: the swap file, its lock held
 * @slot: which
 *
 * Context: any.
 */
void vmqos_swap_free_slot(struct vmqos_swap *swap, unsigned long slot)
{
	__clear_bit(slot, swap->map);
	swap->used--;
}

static bool take_slot(struct vmqos_swap *swap, unsigned long *slot)
{
	if (swap->used == swap->slots)
		return false;
	*slot = find_next_zero_bit(swap->map, swap->slots, swap->next);
	if (*slot >= swap->slots)
		*slot = find_first_zero_bit(swap->map, swap->slots);
	__set_bit(*slot, swap->map);
	swap->used++;
	swap->next = *slot + 1;
	return true;
}

/**
 * vmqos_swap_start() - have a page written, if there is a slot for it
 * @swap: the swap file, its lock held
 * @out: the page, which stays until now
 *
 * Context: any.
 * Return: whether there is a slot.
 */
bool vmqos_swap_start(struct vmqos_swap *swap, struct vmqos_swap_out *out)
{
	if (!take_slot(swap, &out->slot))
		return false;
	out->stays = false;
	spin_lock(&out->mi->lock);
	out->mi->writing++;
	spin_unlock(&out->mi->lock);
	swap->under_way++;
	list_move_tail(&out->node, &swap->waiting);
	queue_work(vmqos_swap_threads, &swap->writers[swap->turn++ % VMQOS_SWAP_WRITERS].work);
	return true;
}

/**
 * vmqos_swap_again() - write again what could not be written
 * @work: that of a swap file
 *
 * Context: a workqueue.
 */
void vmqos_swap_again(struct work_struct *work)
{
	struct vmqos_swap *swap = container_of(to_delayed_work(work), struct vmqos_swap, again);
	struct vmqos_swap_out *out, *next;
	unsigned int most = 1;

	spin_lock(&swap->lock);
	if (swap->again_in == AGAIN_SOON)
		most = VMQOS_SWAP_UNDER_WAY / 2;
	else
		swap->again_in = min_t(unsigned long, 2 * swap->again_in, AGAIN_LATE);
	list_for_each_entry_safe(out, next, &swap->unwritten, node)
		if (swap->under_way >= most || !vmqos_swap_start(swap, out))
			break;
	if (!list_empty(&swap->unwritten))
		queue_delayed_work(vmqos_swap_threads, &swap->again, swap->again_in);
	spin_unlock(&swap->lock);
}

/* A write went well, or not: when what could not be written is tried again. The lock is held. */
static void learn(struct vmqos_swap *swap, int ret)
{
	if (!ret) {
		if (swap->again_in != AGAIN_SOON && !list_empty(&swap->unwritten))
			mod_delayed_work(vmqos_swap_threads, &swap->again, AGAIN_SOON);
		swap->again_in = AGAIN_SOON;
		return;
	}
	WRITE_ONCE(swap->respite, jiffies + RESPITE);
	WRITE_ONCE(swap->failed, true);
	swap->again_in = max_t(unsigned long, swap->again_in, RESPITE);
	if (!list_empty(&swap->unwritten))
		queue_delayed_work(vmqos_swap_threads, &swap->again, swap->again_in);
}

/* A page has been written, or not; its file is told, if it still has one. */
static void settle(struct vmqos_swap *swap, struct vmqos_swap_out *out, int ret)
{
	struct vmqos_mem_inode *mi;

	spin_lock(&swap->lock);
	mi = out->mi;
	out->stays = mi && ret;
	if (out->stays)
		list_add_tail(&out->node, &swap->unwritten);
	learn(swap, ret);
	if (mi) {
		/* As long as an entry of it is here, it does not go. */
		spin_lock(&mi->lock);
		if (ret) {
			mi->stats.swap_failed++;
		} else {
			mi->stats.swap_outs++;
			mi->stored_pages--;
			mi->stored_bytes -= PAGE_SIZE;
			mi->swapped_pages++;
		}
		spin_unlock(&mi->lock);
		/* Where there is an entry already, no memory is needed. */
		if (!ret)
			WARN_ON_ONCE(xa_is_err(xa_store(&mi->store, out->index,
							xa_mk_value(out->slot), GFP_NOWAIT)));
		if (!ret)
			vmqos_mem_recount(&mi->vfs, 0);
		/* Last: who looks for room takes what is being written for as good as gone. */
		spin_lock(&mi->lock);
		mi->writing--;
		spin_unlock(&mi->lock);
	}
	if (!mi || ret)
		vmqos_swap_free_slot(swap, out->slot);
	swap->under_way--;
	/* When the lock is dropped, one that stays can be taken away. */
	if (out->stays)
		out = NULL;
	spin_unlock(&swap->lock);
	if (out)
		vmqos_swap_free_out(out);
	if (ret)
		pr_warn_ratelimited("vmramfs: a page could not be written to the swap file %pD (error %d) and stays in memory\n",
				    swap->file, ret);
	wake_up_all(&swap->done);
}

/* Takes pages for neighbouring slots from those that wait; what nobody wants is done with. */
static unsigned int take_cluster(struct vmqos_swap *swap, struct vmqos_swap_out **outs)
{
	struct vmqos_swap_out *out, *next;
	unsigned int n = 0, unwanted = 0;

	spin_lock(&swap->lock);
	list_for_each_entry_safe(out, next, &swap->waiting, node) {
		if (!out->mi) {
			list_del(&out->node);
			vmqos_swap_free_slot(swap, out->slot);
			vmqos_swap_free_out(out);
			unwanted++;
			continue;
		}
		if (n && out->slot != outs[n - 1]->slot + 1)
			break;
		list_del(&out->node);
		outs[n++] = out;
		if (n == CLUSTER)
			break;
	}
	swap->under_way -= unwanted;
	spin_unlock(&swap->lock);
	if (unwanted)
		wake_up_all(&swap->done);
	return n;
}

/**
 * vmqos_swap_write() - write what waits
 * @work: that of a writer
 *
 * Context: a workqueue.
 */
void vmqos_swap_write(struct work_struct *work)
{
	struct vmqos_swap *swap = container_of(work, struct vmqos_swap_writer, work)->swap;
	unsigned int flags = memalloc_noio_save(), n, i;
	struct bio_vec parts[CLUSTER];
	struct vmqos_swap_out *outs[CLUSTER];
	int all, ret;

	while ((n = take_cluster(swap, outs))) {
		for (i = 0; i < n; i++)
			bvec_set_page(&parts[i], outs[i]->page, PAGE_SIZE, 0);
		all = vmqos_swap_transfer(swap, ITER_SOURCE, parts, n, outs[0]->slot);
		for (i = 0; i < n; i++) {
			ret = all;
			/* One of them may be to blame. */
			if (ret && n > 1) {
				bvec_set_page(&parts[0], outs[i]->page, PAGE_SIZE, 0);
				ret = vmqos_swap_transfer(swap, ITER_SOURCE, parts, 1,
							  outs[i]->slot);
			}
			settle(swap, outs[i], ret);
		}
		cond_resched();
	}
	memalloc_noio_restore(flags);
}
