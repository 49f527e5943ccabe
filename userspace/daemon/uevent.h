/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's announcements of VMs. */
#ifndef VMQOS_DAEMON_UEVENT_H
#define VMQOS_DAEMON_UEVENT_H

#include <stddef.h>
#include <stdint.h>

/**
 * enum vmqos_uevent_type - what a message announces
 * @VMQOS_UEVENT_OTHER: nothing about VMs
 * @VMQOS_UEVENT_VM_CREATE: a thread is making a VM
 * @VMQOS_UEVENT_VM_DESTROY: a VM is being destroyed
 */
enum vmqos_uevent_type {
	VMQOS_UEVENT_OTHER,
	VMQOS_UEVENT_VM_CREATE,
	VMQOS_UEVENT_VM_DESTROY,
};

/**
 * struct vmqos_uevent - an announcement
 * @type: what it announces
 * @tid: the thread that made the VM
 */
struct vmqos_uevent {
	enum vmqos_uevent_type type;
	uint32_t tid;
};

void vmqos_uevent_parse(struct vmqos_uevent *uevent, const char *message, size_t size);

int vmqos_uevent_open(void);
int vmqos_uevent_read(int fd, struct vmqos_uevent *uevent);

#endif
