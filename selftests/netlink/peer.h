/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM in another process: a forked child that runs a VM of the test VMM and
 * does what it is told, so that a test can adopt it, starve it, stop it and
 * kill it.
 */
#ifndef VMQOS_SELFTESTS_PEER_H
#define VMQOS_SELFTESTS_PEER_H

#include <sys/types.h>

#include "../lib/vmm.h"

/**
 * struct vmqos_peer - the other process
 * @pid: its number
 * @pidfd: a descriptor of it
 * @vm_fd: our own descriptor of its VM, got by pidfd_getfd, -1 if not wanted
 * @remote_fd: the number of the VM's descriptor over there
 * @control: where it listens
 * @answers: where it answers
 * @vcpus: number of vCPUs made so far
 */
struct vmqos_peer {
	pid_t pid;
	int pidfd;
	int vm_fd;
	int remote_fd;
	int control, answers;
	int vcpus;
};

enum vmqos_peer_order {
	VMQOS_PEER_ADD_VCPU = 'a',	/* make one more vCPU and start it */
	VMQOS_PEER_DROP_VM = 'd',	/* close the VM, stay alive */
	VMQOS_PEER_RETHREAD = 'r',	/* give vCPU 0 another thread */
	VMQOS_PEER_END_THREAD = 'e',	/* end the thread of the last vCPU */
	VMQOS_PEER_EXIT = 'x',		/* exit without closing anything first */
};

int vmqos_peer_start(struct vmqos_peer *peer, const struct vmqos_vmm_workload *workload,
		     int vcpus);
int vmqos_peer_getfd(struct vmqos_peer *peer);
void vmqos_peer_close_vm(struct vmqos_peer *peer);
int vmqos_peer_order(struct vmqos_peer *peer, enum vmqos_peer_order order);
int vmqos_peer_stop(struct vmqos_peer *peer);
int vmqos_peer_wait(struct vmqos_peer *peer);
void vmqos_peer_kill(struct vmqos_peer *peer);

int vmqos_pidfd_open(pid_t pid);
int vmqos_pidfd_getfd(int pidfd, int fd);

#endif
