/* SPDX-License-Identifier: LGPL-2.1+ */
/* An array that grows as the answers of a dump come in. */
#ifndef VMQOS_LIB_LIST_H
#define VMQOS_LIB_LIST_H

#include <stddef.h>

/*
 * @items: the array, handed to the caller in the end
 * @count: how many are used
 * @room: how many there is memory for
 * @size: bytes of one
 */
struct vmqos_list {
	void *items;
	size_t count;
	size_t room;
	size_t size;
};

/* One more item, zeroed, or NULL when there is no memory. Doubles its room. */
void *vmqos_list_add(struct vmqos_list *list);

/* Takes back the item added last. */
void vmqos_list_drop(struct vmqos_list *list);

/* Makes the list empty and keeps its memory; a restart function of a dump. */
void vmqos_list_empty(void *list);

/* Sorts the list, which costs one pass when it is sorted already. */
void vmqos_list_sort(struct vmqos_list *list, int (*compare)(const void *a, const void *b));

#endif
