// SPDX-License-Identifier: GPL-2.0
/*
 * From what a guest gives to what is discarded.
 *
 * Pages come in any order. They are sorted and merged: a guest's balloon of 256 pages is two
 * ranges as a rule.
 *
 * Compiled in user space as well, where it is fuzzed.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/types.h>

#include "virtio/discard.h"
#include "virtio/translate.h"

/* Most that is discarded at once, so that a signal is seen in time. */
#define PIECE	SZ_4M

static void discard(const struct vmqos_tr_view *view, u64 addr, u64 len, bool physical,
		    struct vmqos_discard_stats *stats)
{
	unsigned long at;
	u64 piece;
	int idx, ret;

	for (; len && !signal_pending(current); addr += piece, len -= piece) {
		piece = min_t(u64, len, PIECE);
		idx = vmqos_tr_enter(view);
		if (physical)
			ret = vmqos_tr_guest(view, addr, &piece, &at);
		else
			ret = vmqos_tr_device(view, addr, &piece, true, &at);
		/* What follows a page that is nobody's is not looked at. */
		if (ret == -EFAULT)
			piece = len;
		/* A page that is there in part is passed over as a whole. */
		if (ret != -EFAULT && piece < PAGE_SIZE) {
			piece = PAGE_SIZE;
			ret = -EFAULT;
		}
		piece = round_down(piece, PAGE_SIZE);
		if (!ret)
			piece = vmqos_discard_mapped(at, piece, stats);
		else
			vmqos_discard_refuse(stats, ret == -EPERM ? VMQOS_DISCARD_READONLY :
					     VMQOS_DISCARD_FOREIGN, piece);
		vmqos_tr_leave(view, idx);
		cond_resched();
	}
}

static int compare(const void *a, const void *b)
{
	u32 left = *(const u32 *)a, right = *(const u32 *)b;

	return left < right ? -1 : left > right;
}

/**
 * vmqos_discard_pfns() - give the host pages that the guest has put into its balloon
 * @view: the guest's memory
 * @pfns: numbers of pages of 4K, as the guest's CPUs see them; sorted on return
 * @nr: how many there are
 * @stats: added to
 *
 * Context: the device's worker, in the VMM's address space; sleeps.
 */
void vmqos_discard_pfns(const struct vmqos_tr_view *view, u32 *pfns, unsigned int nr,
			struct vmqos_discard_stats *stats)
{
	unsigned int first, next;
	u64 addr, len;

	sort(pfns, nr, sizeof(*pfns), compare, NULL);
	for (first = 0; first < nr; first = next) {
		/* A page that comes twice is one page. */
		for (next = first + 1; next < nr && pfns[next] - pfns[next - 1] <= 1; next++)
			;
		addr = (u64)pfns[first] << VMQOS_GUEST_PAGE_SHIFT;
		len = ((u64)pfns[next - 1] - pfns[first] + 1) << VMQOS_GUEST_PAGE_SHIFT;
		discard(view, addr, len, true, stats);
	}
}

/**
 * vmqos_discard_reported() - give the host a block that the guest reports as free
 * @view: the guest's memory
 * @addr: where it is, as the guest gives it to the device
 * @len: bytes; @addr + @len does not wrap around
 * @stats: added to
 *
 * Context: the device's worker, in the VMM's address space; sleeps.
 */
void vmqos_discard_reported(const struct vmqos_tr_view *view, u64 addr, u64 len,
			    struct vmqos_discard_stats *stats)
{
	u64 first = round_up(addr, PAGE_SIZE), end = round_down(addr + len, PAGE_SIZE);

	if (first < addr || first >= end)
		return;
	discard(view, first, end - first, false, stats);
}
