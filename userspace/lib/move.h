/* SPDX-License-Identifier: LGPL-2.1+ */
/* The system call that moves pages. */
#ifndef VMQOS_LIB_MOVE_H
#define VMQOS_LIB_MOVE_H

/* move_pages(2), with errno; the tests have one of their own. */
extern long (*vmqos_move_pages)(int pid, unsigned long count, void **pages, const int *nodes,
				int *status, int flags);

#endif
