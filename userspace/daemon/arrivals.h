/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that have announced a VM which is not adopted yet. */
#ifndef VMQOS_DAEMON_ARRIVALS_H
#define VMQOS_DAEMON_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct vmqos_arrival - one such process
 * @pid: the process
 * @vms: how many VMs it has announced that are not adopted
 * @tries: how often its VM was looked for
 * @due_us: when to look again
 */
struct vmqos_arrival {
	uint32_t pid;
	unsigned int vms;
	unsigned int tries;
	uint64_t due_us;
};

/**
 * struct vmqos_arrivals - all of them, in no order
 * @list: the processes
 * @count: their number
 * @room: how many @list has room for
 */
struct vmqos_arrivals {
	struct vmqos_arrival *list;
	size_t count;
	size_t room;
};

int vmqos_arrivals_add(struct vmqos_arrivals *arrivals, uint32_t pid, uint64_t now_us);
bool vmqos_arrivals_take(struct vmqos_arrivals *arrivals, uint64_t now_us,
			 struct vmqos_arrival *out);
bool vmqos_arrivals_put_back(struct vmqos_arrivals *arrivals, const struct vmqos_arrival *arrival,
			     uint64_t now_us);
bool vmqos_arrivals_some_came(struct vmqos_arrivals *arrivals, const struct vmqos_arrival *arrival,
			      unsigned int vms, uint64_t now_us);
uint64_t vmqos_arrivals_next(const struct vmqos_arrivals *arrivals);
void vmqos_arrivals_clear(struct vmqos_arrivals *arrivals);

#endif
