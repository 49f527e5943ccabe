/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection to libvirt's daemon for the balloons of its VMs. libvirt's library waits
 * for its answers: so a thread calls it, and what comes of a call is told by the event
 * loop. See libvirt.c.
 */
#ifndef VMQOS_DAEMON_LIBVIRT_H
#define VMQOS_DAEMON_LIBVIRT_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "control.h"

#define VMQOS_LIBVIRT_WHY	320
#define VMQOS_LIBVIRT_UUID	16

/* How long a call may take; after that it is told to have failed. */
#define VMQOS_LIBVIRT_TIMEOUT_US	5000000

struct vmqos_libvirt;

enum vmqos_libvirt_kind {
	VMQOS_LIBVIRT_READ,	/* size, balloon and statistics */
	VMQOS_LIBVIRT_ASK,	/* have the guest keep so much */
	VMQOS_LIBVIRT_PERIOD,	/* have it tell its statistics so often */
};

/**
 * struct vmqos_libvirt_call - what libvirt is to do for a VM, and what came of it
 * @kind: what
 * @pid: the VM's process; libvirt must know the VM by it
 * @uuid: its UUID
 * @value: bytes that the guest keeps, or seconds; 0 seconds stand for what there was
 *	before this daemon set any
 * @error: 0; -ENODEV: the VM has no balloon; -ENOENT: libvirt has no such VM;
 *	another negative errno
 * @why: what went wrong and what to do, for a person
 * @reading: what VMQOS_LIBVIRT_READ has found
 */
struct vmqos_libvirt_call {
	enum vmqos_libvirt_kind kind;
	uint32_t pid;
	uint8_t uuid[VMQOS_LIBVIRT_UUID];
	uint64_t value;
	int error;
	char why[VMQOS_LIBVIRT_WHY];
	struct vmqos_reading reading;
};

/**
 * struct vmqos_libvirt_told - what a VM is told of
 * @done: a call has ended; others may be made from here
 * @reset: the guest has been reset
 * @balloon: the guest keeps so many bytes now
 */
struct vmqos_libvirt_told {
	void (*done)(void *ctx, const struct vmqos_libvirt_call *call);
	void (*reset)(void *ctx);
	void (*balloon)(void *ctx, uint64_t keeps);
};

/* Where its library is, and its files on VMs that run; the tests have their own. */
extern const char *vmqos_libvirt_library;
extern const char *vmqos_libvirt_state;

struct vmqos_libvirt *vmqos_libvirt_get(sd_event *loop);
void vmqos_libvirt_put(struct vmqos_libvirt *libvirt);

int vmqos_libvirt_add(struct vmqos_libvirt *libvirt, const uint8_t *uuid,
		      const struct vmqos_libvirt_told *told, void *ctx);
void vmqos_libvirt_remove(struct vmqos_libvirt *libvirt, void *ctx);
int vmqos_libvirt_call(struct vmqos_libvirt *libvirt, const struct vmqos_libvirt_call *call,
		       void *ctx);

#endif
