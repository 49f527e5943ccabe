/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_VIRTIO_LIST_H
#define _VMQOS_VIRTIO_LIST_H

#include <linux/types.h>

struct vmqos_tr_view;
struct vmqos_vq_buf;

/* Numbers of pages that are read and sorted at once. */
#define VMQOS_LIST_BATCH	1024

/* Most that one buffer may name: a GiB. Drivers name a MiB. */
#define VMQOS_LIST_PAGES	262144

/* Most statistics that one buffer may bring; drivers bring one of each kind. */
#define VMQOS_LIST_STATS	256

/* Statistics that a guest may tell, whatever the headers of the kernel know of. */
#define VMQOS_BALLOON_STATS	16

int vmqos_list_pages(const struct vmqos_tr_view *view, const struct vmqos_vq_buf *buf, u32 *pfns,
		     void (*use)(void *context, u32 *pfns, unsigned int nr), void *context);
int vmqos_list_stats(const struct vmqos_tr_view *view, const struct vmqos_vq_buf *buf,
		     u64 stats[VMQOS_BALLOON_STATS], u32 *known);

#endif /* _VMQOS_VIRTIO_LIST_H */
