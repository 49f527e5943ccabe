// SPDX-License-Identifier: GPL-2.0
/*
 * A VM is announced before its descriptor can be seen in its process, so it may
 * have to be looked for more than once: at once, then after 1, 2, 4 ms ... 16 s. On a
 * busy host its maker may not get a CPU for long; whatever has not shown up by then
 * has been given up by its VMM.
 *
 * A process may have announced several, of which some are to be seen already: it
 * is waited for until all are adopted.
 */
#include <errno.h>
#include <stdlib.h>

#include "arrivals.h"

#define FIRST_DELAY_US	1000
#define TRIES_MAX	16

/**
 * vmqos_arrivals_add() - a process has announced a VM
 * @arrivals: the processes waited for
 * @pid: the process; one that is waited for already begins anew
 * @now_us: the time
 *
 * Return: 0 or -ENOMEM.
 */
int vmqos_arrivals_add(struct vmqos_arrivals *arrivals, uint32_t pid, uint64_t now_us)
{
	struct vmqos_arrival *arrival;
	size_t i;

	for (i = 0; i < arrivals->count; i++) {
		if (arrivals->list[i].pid == pid)
			break;
	}
	if (i == arrivals->room) {
		size_t room = arrivals->room ? 2 * arrivals->room : 16;

		arrival = reallocarray(arrivals->list, room, sizeof(*arrival));
		if (!arrival)
			return -ENOMEM;
		arrivals->list = arrival;
		arrivals->room = room;
	}
	arrival = &arrivals->list[i];
	if (i == arrivals->count) {
		arrivals->count++;
		*arrival = (struct vmqos_arrival){ .pid = pid };
	}
	arrival->vms++;
	arrival->tries = 0;
	arrival->due_us = now_us;
	return 0;
}

/**
 * vmqos_arrivals_take() - take out a process that is due
 * @arrivals: the processes waited for
 * @now_us: the time
 * @out: filled with the process
 *
 * Return: whether there was one.
 */
bool vmqos_arrivals_take(struct vmqos_arrivals *arrivals, uint64_t now_us,
			 struct vmqos_arrival *out)
{
	size_t i;

	for (i = 0; i < arrivals->count; i++) {
		if (arrivals->list[i].due_us > now_us)
			continue;
		*out = arrivals->list[i];
		arrivals->list[i] = arrivals->list[--arrivals->count];
		return true;
	}
	return false;
}

/**
 * vmqos_arrivals_put_back() - wait on for a process whose VM was not there yet
 * @arrivals: the processes waited for, with room for it since it was taken out
 * @arrival: the process
 * @now_us: the time
 *
 * Return: false when it has been waited for long enough.
 */
bool vmqos_arrivals_put_back(struct vmqos_arrivals *arrivals, const struct vmqos_arrival *arrival,
			     uint64_t now_us)
{
	struct vmqos_arrival *back;

	if (arrival->tries + 1 >= TRIES_MAX)
		return false;
	back = &arrivals->list[arrivals->count++];
	*back = *arrival;
	back->due_us = now_us + ((uint64_t)FIRST_DELAY_US << back->tries);
	back->tries++;
	return true;
}

/**
 * vmqos_arrivals_some_came() - VMs of a process have been adopted: wait for the others
 * @arrivals: the processes waited for, with room for it since it was taken out
 * @arrival: the process
 * @vms: how many were adopted
 * @now_us: the time
 *
 * Return: false when it has announced no others.
 */
bool vmqos_arrivals_some_came(struct vmqos_arrivals *arrivals, const struct vmqos_arrival *arrival,
			      unsigned int vms, uint64_t now_us)
{
	struct vmqos_arrival rest = *arrival;

	if (arrival->vms <= vms)
		return false;
	rest.vms -= vms;
	rest.tries = 0;
	return vmqos_arrivals_put_back(arrivals, &rest, now_us);
}

/**
 * vmqos_arrivals_next() - when the next process is due
 * @arrivals: the processes waited for
 *
 * Return: that time, UINT64_MAX when there is none.
 */
uint64_t vmqos_arrivals_next(const struct vmqos_arrivals *arrivals)
{
	uint64_t next = UINT64_MAX;
	size_t i;

	for (i = 0; i < arrivals->count; i++) {
		if (arrivals->list[i].due_us < next)
			next = arrivals->list[i].due_us;
	}
	return next;
}

/**
 * vmqos_arrivals_clear() - wait for nobody any more
 * @arrivals: the processes waited for
 */
void vmqos_arrivals_clear(struct vmqos_arrivals *arrivals)
{
	free(arrivals->list);
	*arrivals = (struct vmqos_arrivals){ 0 };
}
