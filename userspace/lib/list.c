// SPDX-License-Identifier: LGPL-2.1-or-later
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
