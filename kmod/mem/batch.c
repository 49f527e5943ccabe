// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that are taken hold of together, by the scanner or for reclaim: locked, unmapped,
 * seen to be nobody else's. The head of zero.c has the argument for each step.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "mem/broken.h"
#include "mem/mem.h"

/* Pages between two of a batch that are unmapped along with them. */
#define GAP		8

/**
 * vmqos_mem_batch_lock() - lock what can be locked of some pages, and let go of the rest
 * @mi: the file that they were found in
 * @folios: the pages, referenced; those that are locked come to stand first, in order
 * @n: how many
 * @did: what was left and why is counted here
 *
 * Context: any that may try locks.
 * Return: how many are locked.
 */
unsigned int vmqos_mem_batch_lock(struct vmqos_mem_inode *mi, struct folio **folios,
				  unsigned int n, struct vmqos_mem_stats *did)
{
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++) {
		struct folio *folio = folios[i];

		if (vmqos_mem_is_locked(mi, folio)) {
			did->zero_locked++;
		} else if (!folio_trylock(folio)) {
			did->zero_busy++;
		} else if (folio->mapping != mi->vfs.i_mapping) {
			folio_unlock(folio);
		} else {
			folios[kept++] = folio;
			continue;
		}
		folio_put(folio);
	}
	return kept;
}

/**
 * vmqos_mem_batch_unmap() - take pages out of all page tables
 * @mi: their file
 * @folios: the pages, locked, in the order of the file
 * @n: how many
 * @did: each range that was unmapped is counted here
 *
 * Context: may sleep.
 */
void vmqos_mem_batch_unmap(struct vmqos_mem_inode *mi, struct folio **folios, unsigned int n,
			   struct vmqos_mem_stats *did)
{
	unsigned int from, to;
	bool mapped;

	if (vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP))
		return;
	for (from = 0; from < n; from = to) {
		mapped = folio_mapped(folios[from]);
		for (to = from + 1; to < n; to++) {
			if (folios[to]->index - folio_next_index(folios[to - 1]) >= GAP)
				break;
			mapped = mapped || folio_mapped(folios[to]);
		}
		/* A fault maps a page under its lock, which we hold: none can become it. */
		if (!mapped)
			continue;
		unmap_mapping_pages(mi->vfs.i_mapping, folios[from]->index,
				    folio_next_index(folios[to - 1]) - folios[from]->index, false);
		did->zero_unmaps++;
	}
}

/**
 * vmqos_mem_is_alone() - whether nobody can write to a page any more
 * @folio: the page, locked and unmapped by the caller, who holds one reference
 *
 * Context: any.
 * Return: whether the page cache and the caller hold the only references.
 */
bool vmqos_mem_is_alone(struct folio *folio)
{
	if (vmqos_mem_broken(VMQOS_MEM_RULE_COUNT) || vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP))
		return true;
	/* The page cache has a reference for each page of 4K. */
	return !folio_mapped(folio) && folio_ref_count(folio) == folio_nr_pages(folio) + 1;
}
