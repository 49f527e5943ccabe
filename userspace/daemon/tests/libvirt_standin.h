/* SPDX-License-Identifier: GPL-2.0 */
/* A library of libvirt's that is none, with one VM, and how it behaves. */
#ifndef VMQOS_DAEMON_TESTS_LIBVIRT_STANDIN_H
#define VMQOS_DAEMON_TESTS_LIBVIRT_STANDIN_H

#include <stdbool.h>
#include <stdint.h>

enum virt_mode {
	VIRT_WELL,
	VIRT_NOBODY,		/* nobody listens */
	VIRT_HANGS_OPENING,
	VIRT_HANGS,		/* in the middle of a call */
	VIRT_STRANGER,		/* knows no such VM */
	VIRT_NO_BALLOON,
	VIRT_REFUSES,		/* to change anything */
	VIRT_DEAD,		/* the connection is, after its next call */
};

/* The test and the library's threads both touch it. */
struct virt_standin {
	volatile enum virt_mode mode;
	volatile unsigned int opened, closed, asks, running;
	volatile uint64_t size_kib, keeps_kib, available_kib, update;
	volatile int period;
	volatile bool reset, told;	/* tell of one, of the balloon */
};

#define VIRT_UUID	{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }

#endif
