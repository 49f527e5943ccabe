/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_MEM_PRESSED_H
#define _VMQOS_MEM_PRESSED_H

#include <linux/math64.h>
#include <linux/mm.h>

/**
 * vmqos_mem_pressed() - whether the host is short of memory
 * @percent: it is when less than so much of its memory is available
 *
 * Context: any.
 * Return: whether it is.
 */
static inline bool vmqos_mem_pressed(unsigned int percent)
{
	return si_mem_available() < (long)div_u64((u64)percent * totalram_pages(), 100);
}

#endif /* _VMQOS_MEM_PRESSED_H */
