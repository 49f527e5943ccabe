/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that stand in for a VMM: they hold a real VM of KVM and have the
 * name and the command line that a test wants.
 */
#ifndef VMQOS_SELFTESTS_STANDIN_H
#define VMQOS_SELFTESTS_STANDIN_H

#include <sys/types.h>

/**
 * struct vmqos_standin - such a process
 * @pid: the process
 * @control: closing it ends the process
 */
struct vmqos_standin {
	pid_t pid;
	int control;
};

/**
 * struct vmqos_standin_kind - what it is to be
 * @name: QEMU's -name, or NULL
 * @uuid: QEMU's -uuid, or NULL
 * @comm: name of the process, where it is not QEMU
 * @vcpus: vCPUs, each halted for ever: many of them are no load
 * @vms: VMs; 0 means one
 * @uid: user it runs as; 0 for root
 */
struct vmqos_standin_kind {
	const char *name;
	const char *uuid;
	const char *comm;
	unsigned int vcpus;
	unsigned int vms;
	uid_t uid;
};

int vmqos_standin_start(struct vmqos_standin *standin, const struct vmqos_standin_kind *kind);
void vmqos_standin_end(struct vmqos_standin *standin);
void vmqos_standin_kill(struct vmqos_standin *standin);

#endif
