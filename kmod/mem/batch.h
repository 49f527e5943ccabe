/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages of a file that are taken hold of together, by a scanner or for reclaim: locked,
 * unmapped, seen to be nobody else's. The head of zero.c has the argument for each step.
 *
 * Two modules do so, each with its own copy.
 */
#ifndef _VMQOS_MEM_BATCH_H
#define _VMQOS_MEM_BATCH_H

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/string.h>

#include "mem/broken.h"
#include "mem/serve.h"

/* Pages between two of a batch that are unmapped along with them. */
#define VMQOS_MEM_BATCH_GAP	8

/**
 * vmqos_mem_is_zero() - whether a page of 4K holds only zeros
 * @folio: the page that it is part of; the caller has a reference
 * @page: which part
 *
 * Context: any.
 * Return: whether it does.
 */
static inline bool vmqos_mem_is_zero(struct folio *folio, unsigned int page)
{
	void *data;
	bool zero;

	/* Memory that has failed is not to be read. */
	if (PageHWPoison(folio_page(folio, page)))
		return false;
	data = kmap_local_folio(folio, page * PAGE_SIZE);
	zero = !memchr_inv(data, 0, PAGE_SIZE);
	kunmap_local(data);
	return zero;
}

/**
 * vmqos_mem_batch_lock() - lock what can be locked of some pages, and let go of the rest
 * @mapping: the file that they were found in
 * @large_locked: mlock() wants the large ones resident
 * @folios: the pages, referenced; those that are locked come to stand first, in order
 * @n: how many
 * @did: what was left and why is counted here
 *
 * Context: any that may try locks.
 * Return: how many are locked.
 */
static inline unsigned int vmqos_mem_batch_lock(struct address_space *mapping, bool large_locked,
						struct folio **folios, unsigned int n,
						struct vmqos_mem_stats *did)
{
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++) {
		struct folio *folio = folios[i];

		if (folio_test_mlocked(folio) || (large_locked && folio_test_large(folio))) {
			did->zero_locked++;
		} else if (!folio_trylock(folio)) {
			did->zero_busy++;
		} else if (folio->mapping != mapping) {
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
 * @mapping: their file
 * @folios: the pages, locked, in the order of the file
 * @n: how many
 * @did: each range that was unmapped is counted here
 *
 * Context: may sleep.
 */
static inline void vmqos_mem_batch_unmap(struct address_space *mapping, struct folio **folios,
					 unsigned int n, struct vmqos_mem_stats *did)
{
	unsigned int from, to;
	bool mapped;

	if (vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP))
		return;
	for (from = 0; from < n; from = to) {
		mapped = folio_mapped(folios[from]);
		for (to = from + 1; to < n; to++) {
			if (folios[to]->index - folio_next_index(folios[to - 1]) >=
			    VMQOS_MEM_BATCH_GAP)
				break;
			mapped = mapped || folio_mapped(folios[to]);
		}
		/* A fault maps a page under its lock, which we hold: none can become it. */
		if (!mapped)
			continue;
		unmap_mapping_pages(mapping, folios[from]->index,
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
static inline bool vmqos_mem_is_alone(struct folio *folio)
{
	if (vmqos_mem_broken(VMQOS_MEM_RULE_COUNT) || vmqos_mem_broken(VMQOS_MEM_RULE_UNMAP))
		return true;
	/* The page cache has a reference for each page of 4K. */
	return !folio_mapped(folio) && folio_ref_count(folio) == folio_nr_pages(folio) + 1;
}

#endif /* _VMQOS_MEM_BATCH_H */
