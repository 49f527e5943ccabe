/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_DISCARD_H
#define _VMQOS_VIRTIO_DISCARD_H

#include <linux/types.h>

struct vmqos_tr_view;

/* A guest's page in the balloon's interface. */
#define VMQOS_GUEST_PAGE_SHIFT	12

/**
 * enum vmqos_discard_refusal - why a page was not given to the host
 * @VMQOS_DISCARD_FOREIGN: it is not the guest's
 * @VMQOS_DISCARD_READONLY: the guest, or the VMM, may not write it
 * @VMQOS_DISCARD_LOCKED: it is to stay in memory, by mlock() or mlockall()
 * @VMQOS_DISCARD_PINNED: a device, or somebody else, accesses it by its physical address
 * @VMQOS_DISCARD_WATCHED: a userfaultfd watches it
 * @VMQOS_DISCARD_SPECIAL: it is the memory of a device, a private copy of a file, or other
 *	than memory that comes back as zeros
 * @VMQOS_DISCARD_PARTIAL: it is part of a huge page that was not given as a whole
 * @VMQOS_DISCARD_POISON: the guest wants it to come back with a pattern, not as zeros
 * @VMQOS_DISCARD_FAILED: the filesystem has refused
 * @VMQOS_DISCARD_REFUSALS: number of reasons
 */
enum vmqos_discard_refusal {
	VMQOS_DISCARD_FOREIGN,
	VMQOS_DISCARD_READONLY,
	VMQOS_DISCARD_LOCKED,
	VMQOS_DISCARD_PINNED,
	VMQOS_DISCARD_WATCHED,
	VMQOS_DISCARD_SPECIAL,
	VMQOS_DISCARD_PARTIAL,
	VMQOS_DISCARD_POISON,
	VMQOS_DISCARD_FAILED,
	VMQOS_DISCARD_REFUSALS,
};

/**
 * struct vmqos_discard_stats - what became of pages that a guest gave
 * @given: pages of 4K that the host has got
 * @ranges: times that a range of them was discarded
 * @refused: pages of 4K that it has not got, by reason
 * @error: what a filesystem has refused with at last, a negative error, or 0
 *
 * Written by the worker alone.
 */
struct vmqos_discard_stats {
	u64 given;
	u64 ranges;
	u64 refused[VMQOS_DISCARD_REFUSALS];
	int error;
};

static inline void vmqos_discard_refuse(struct vmqos_discard_stats *stats,
					enum vmqos_discard_refusal why, u64 len)
{
	stats->refused[why] += len >> VMQOS_GUEST_PAGE_SHIFT;
}

u64 vmqos_discard_mapped(unsigned long at, u64 len, struct vmqos_discard_stats *stats);

/* ranges.c */
void vmqos_discard_pfns(const struct vmqos_tr_view *view, u32 *pfns, unsigned int nr,
			struct vmqos_discard_stats *stats);
void vmqos_discard_reported(const struct vmqos_tr_view *view, u64 addr, u64 len,
			    struct vmqos_discard_stats *stats);

#endif /* _VMQOS_VIRTIO_DISCARD_H */
