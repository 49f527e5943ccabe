// SPDX-License-Identifier: LGPL-2.1+
/* An array that grows by doubling. */
#include <stdlib.h>
#include <string.h>

#include "list.h"

void *vmqos_list_add(struct vmqos_list *list)
{
	char *item;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		void *items = reallocarray(list->items, room, list->size);

		if (!items)
			return NULL;
		list->items = items;
		list->room = room;
	}
	item = (char *)list->items + list->count * list->size;
	list->count++;
	memset(item, 0, list->size);
	return item;
}

void vmqos_list_drop(struct vmqos_list *list)
{
	list->count--;
}

void vmqos_list_empty(void *list)
{
	((struct vmqos_list *)list)->count = 0;
}

void vmqos_list_sort(struct vmqos_list *list, int (*compare)(const void *a, const void *b))
{
	char *item = list->items;
	size_t i;

	for (i = 1; i < list->count; i++, item += list->size)
		if (compare(item, item + list->size) > 0)
			break;
	if (i < list->count)
		qsort(list->items, list->count, list->size, compare);
}
