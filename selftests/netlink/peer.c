// SPDX-License-Identifier: GPL-2.0
/* A VM in another process; peer.h says what for. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

#define ROOM_TO_GROW	16
#define PATIENCE_MS	60000

/**
 * vmqos_pidfd_open() - get a descriptor of a process
 * @pid: the process
 *
 * Return: the descriptor, or -1 with errno set.
 */
int vmqos_pidfd_open(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}

/**
 * vmqos_pidfd_getfd() - duplicate a descriptor of another process
 * @pidfd: the process
 * @fd: the number over there
 *
 * Return: the descriptor, or -1 with errno set.
 */
int vmqos_pidfd_getfd(int pidfd, int fd)
{
	return syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

static int answer(int fd, int value)
{
	return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}

static int obey(struct vmqos_vmm_vm **vm, const struct vmqos_vmm_workload *workload,
		unsigned char order)
{
	int vcpu;

	switch (order) {
	case VMQOS_PEER_ADD_VCPU:
		vcpu = vmqos_vmm_add_vcpu(*vm, workload);
		return vcpu < 0 ? vcpu : vmqos_vmm_start(*vm, vcpu);
	case VMQOS_PEER_DROP_VM:
		vmqos_vmm_destroy(*vm);
		*vm = NULL;
		return 0;
	case VMQOS_PEER_RETHREAD:
		return vmqos_vmm_rethread(*vm, 0);
	case VMQOS_PEER_END_THREAD:
		return vmqos_vmm_end_thread(*vm, vmqos_vmm_vcpus(*vm) - 1);
	case VMQOS_PEER_EXIT:
		_exit(0);
	}
	return -EINVAL;
}

static void __attribute__((noreturn)) child(int orders, int answers, pid_t parent,
					    const struct vmqos_vmm_workload *workload, int vcpus)
{
	struct vmqos_vmm_vm *vm;
	unsigned char order;
	int err = 0, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "vmqos-peer");
	if (getppid() != parent)
		_exit(1);
	signal(SIGINT, SIG_DFL);
	vm = vmqos_vmm_create("peer", vcpus + ROOM_TO_GROW, 0);
	if (!vm)
		err = -(errno ? errno : EIO);
	for (i = 0; !err && i < vcpus; i++) {
		err = vmqos_vmm_add_vcpu(vm, workload);
		if (err >= 0)
			err = vmqos_vmm_start(vm, i);
	}
	if (answer(answers, err < 0 ? err : vmqos_vmm_fd(vm)) || err < 0)
		_exit(1);
	while (read(orders, &order, 1) == 1)
		if (answer(answers, vm ? obey(&vm, workload, order) : -ENODEV))
			break;
	_exit(0);
}

static int read_answer(struct vmqos_peer *peer, int *value)
{
	struct pollfd poll_fd = { .fd = peer->answers, .events = POLLIN };

	if (poll(&poll_fd, 1, PATIENCE_MS) <= 0)
		return -ETIMEDOUT;
	return read(peer->answers, value, sizeof(*value)) == sizeof(*value) ? 0 : -EPIPE;
}

/**
 * vmqos_peer_start() - start a process with a VM
 * @peer: filled
 * @workload: what each vCPU does
 * @vcpus: number of vCPUs
 *
 * Return: 0 or -errno. The VM's descriptor is not fetched yet.
 */
int vmqos_peer_start(struct vmqos_peer *peer, const struct vmqos_vmm_workload *workload, int vcpus)
{
	int orders[2], answers[2], value, err;
	pid_t parent = getpid();

	memset(peer, 0, sizeof(*peer));
	peer->vm_fd = -1;
	peer->pidfd = -1;
	if (pipe2(orders, O_CLOEXEC))
		return -errno;
	if (pipe2(answers, O_CLOEXEC)) {
		err = -errno;
		close(orders[0]);
		close(orders[1]);
		return err;
	}
	peer->pid = fork();
	if (!peer->pid) {
		close(orders[1]);
		close(answers[0]);
		child(orders[0], answers[1], parent, workload, vcpus);
	}
	err = -errno;
	close(orders[0]);
	close(answers[1]);
	peer->control = orders[1];
	peer->answers = answers[0];
	peer->vcpus = vcpus;
	if (peer->pid < 0) {
		close(peer->control);
		close(peer->answers);
		return err;
	}
	err = read_answer(peer, &value);
	if (!err && value < 0)
		err = value;
	if (!err) {
		peer->remote_fd = value;
		peer->pidfd = vmqos_pidfd_open(peer->pid);
		if (peer->pidfd < 0)
			err = -errno;
	}
	if (err)
		vmqos_peer_kill(peer);
	return err;
}

/**
 * vmqos_peer_getfd() - get a descriptor of the peer's VM
 * @peer: the peer; its @vm_fd is set
 *
 * Return: the descriptor or -errno.
 */
int vmqos_peer_getfd(struct vmqos_peer *peer)
{
	if (peer->vm_fd < 0)
		peer->vm_fd = vmqos_pidfd_getfd(peer->pidfd, peer->remote_fd);
	return peer->vm_fd < 0 ? -errno : peer->vm_fd;
}

/**
 * vmqos_peer_close_vm() - close our own descriptor of the VM, so that it can end
 * @peer: the peer
 */
void vmqos_peer_close_vm(struct vmqos_peer *peer)
{
	if (peer->vm_fd >= 0)
		close(peer->vm_fd);
	peer->vm_fd = -1;
}

/**
 * vmqos_peer_order() - let the peer do something and wait until it has
 * @peer: the peer, not stopped
 * @order: what to do
 *
 * Return: 0 or -errno; after an exit -EPIPE at best.
 */
int vmqos_peer_order(struct vmqos_peer *peer, enum vmqos_peer_order order)
{
	unsigned char byte = order;
	int value, err;

	if (write(peer->control, &byte, 1) != 1)
		return -errno;
	err = read_answer(peer, &value);
	if (err)
		return err;
	if (order == VMQOS_PEER_ADD_VCPU && value >= 0)
		peer->vcpus++;
	return value < 0 ? value : 0;
}

/**
 * vmqos_peer_stop() - stop the peer and wait until all of its threads stand still
 * @peer: the peer; SIGCONT lets it go on
 *
 * Return: 0 or -errno.
 */
int vmqos_peer_stop(struct vmqos_peer *peer)
{
	siginfo_t info = { .si_code = 0 };

	if (kill(peer->pid, SIGSTOP))
		return -errno;
	while (waitid(P_PID, peer->pid, &info, WSTOPPED | WEXITED | WNOWAIT))
		if (errno != EINTR)
			return -errno;
	return info.si_code == CLD_STOPPED ? 0 : -ESRCH;
}

/**
 * vmqos_peer_wait() - wait until the peer has ended and forget it
 * @peer: the peer
 *
 * Return: its wait status.
 */
int vmqos_peer_wait(struct vmqos_peer *peer)
{
	int status = -1;

	if (peer->pid > 0)
		while (waitpid(peer->pid, &status, 0) < 0 && errno == EINTR)
			;
	vmqos_peer_close_vm(peer);
	close(peer->control);
	close(peer->answers);
	if (peer->pidfd >= 0)
		close(peer->pidfd);
	peer->pid = -1;
	peer->pidfd = -1;
	return status;
}

/**
 * vmqos_peer_kill() - kill the peer and wait until it is gone
 * @peer: the peer
 */
void vmqos_peer_kill(struct vmqos_peer *peer)
{
	if (peer->pid <= 0)
		return;
	kill(peer->pid, SIGKILL);
	vmqos_peer_wait(peer);
}
