/* SPDX-License-Identifier: GPL-2.0 */
/* A swap file: what who puts pages there (swap.c) and who reads and writes it share. */
#ifndef _VMQOS_MEM_SWAP_H
#define _VMQOS_MEM_SWAP_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mem/mem.h"

struct bio_vec;
struct file;

/* Writes at a time, and pages on their way at most. */
#define VMQOS_SWAP_WRITERS	4
#define VMQOS_SWAP_UNDER_WAY	256

/**
 * struct vmqos_swap_writer - a thread that writes
 * @work: runs it
 * @swap: for whom
 */
struct vmqos_swap_writer {
	struct work_struct work;
	struct vmqos_swap *swap;
};

/**
 * struct vmqos_swap - a swap file
 * @node: links all there are; swaps_mutex
 * @file: the file
 * @lock: protects all that follows, and entries (swap.c); taken before that of the store
 *	and before vmqos_mem_inode.lock
 * @map: slots that are taken
 * @slots: how many there are, constant
 * @used: how many are taken
 * @next: where the next one is looked for
 * @waiting: pages whose writing has not begun
 * @unwritten: pages that could not be written
 * @again: has some of them written
 * @again_in: in jiffies, when it is to run next
 * @under_way: how many have not been written, these and those being written
 * @respite: in jiffies, until when nothing is put there if it has @failed
 * @failed: a page could not be written
 * @done: woken when a page has been written
 * @writers: who writes
 * @turn: who of them is called next
 */
struct vmqos_swap {
	struct list_head node;
	struct file *file;
	spinlock_t lock;	/* entries and slots */
	unsigned long *map;
	unsigned long slots;
	unsigned long used;
	unsigned long next;
	struct list_head waiting;
	struct list_head unwritten;
	struct delayed_work again;
	unsigned long again_in;
	unsigned int under_way;
	unsigned long respite;
	bool failed;
	wait_queue_head_t done;
	struct vmqos_swap_writer writers[VMQOS_SWAP_WRITERS];
	unsigned int turn;
};

/**
 * struct vmqos_swap_out - a page on its way to the swap file
 * @stored: what tells it from other entries of the store: as long as a page
 * @node: links those whose writing has not begun, or has failed
 * @mi: its file; NULL when it has been taken away
 * @index: its place there
 * @page: the page, which is ours
 * @stays: it is not being written: it could not be, or is not to be yet
 * @slot: where it goes, unless it stays
 *
 * All but what never changes is under vmqos_swap.lock.
 */
struct vmqos_swap_out {
	struct vmqos_stored stored;
	struct list_head node;
	struct vmqos_mem_inode *mi;
	pgoff_t index;
	struct page *page;
	bool stays;
	unsigned long slot;
};

extern struct workqueue_struct *vmqos_swap_threads;

/* swap.c */
void vmqos_swap_free_out(struct vmqos_swap_out *out);

/* swap_write.c */
void vmqos_swap_free_slot(struct vmqos_swap *swap, unsigned long slot);
bool vmqos_swap_start(struct vmqos_swap *swap, struct vmqos_swap_out *out);
void vmqos_swap_again(struct work_struct *work);
void vmqos_swap_write(struct work_struct *work);

/* swap_file.c */
int vmqos_swap_transfer(struct vmqos_swap *swap, unsigned int direction, struct bio_vec *parts,
			unsigned int n, unsigned long slot);
int vmqos_swap_read(struct vmqos_swap *swap, struct page *page, unsigned long slot);

#endif /* _VMQOS_MEM_SWAP_H */
