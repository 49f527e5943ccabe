// SPDX-License-Identifier: GPL-2.0
/* The host under the VMs: its module, its CPUs, its freezer, its other processes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifecycle.h"

#define CGROUP	"/sys/fs/cgroup/vmqos-lifecycle-%d"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = -errno;
	close(fd);
	return err;
}

/**
 * host_unload() - take the module out, if it is not in use
 *
 * Return: 0 or -errno; -EAGAIN means that it is in use.
 */
int host_unload(void)
{
	if (!syscall(SYS_delete_module, "vmqos", O_NONBLOCK))
		return 0;
	return errno == EWOULDBLOCK || errno == EBUSY ? -EAGAIN : -errno;
}

/**
 * host_unload_wait() - take the module out as soon as it is not in use
 * @ms: how long to try
 *
 * Return: 0 or -errno.
 */
int host_unload_wait(unsigned int ms)
{
	uint64_t end = vmqos_now_ms() + ms;
	int err;

	while ((err = host_unload()) == -EAGAIN && vmqos_now_ms() < end)
		vmqos_sleep_ms(1);
	return err;
}

/**
 * host_load() - load the module
 *
 * Return: 0 or -errno.
 */
int host_load(void)
{
	pid_t child = fork();
	int status = -1;

	if (!child) {
		execlp("modprobe", "modprobe", "vmqos", NULL);
		execl("/sbin/modprobe", "modprobe", "vmqos", NULL);
		_exit(127);
	}
	if (child < 0)
		return -errno;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOEXEC;
}

/**
 * host_module_loaded() - tell whether the module is there
 *
 * Return: whether it is.
 */
bool host_module_loaded(void)
{
	return !access("/sys/module/vmqos", F_OK);
}

/**
 * host_cpu_online() - take a CPU of the host away or bring it back
 * @cpu: the CPU
 * @online: whether it shall be there
 *
 * Return: 0 or -errno; -ENOENT when this CPU cannot be taken away.
 */
int host_cpu_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_text(path, online ? "1" : "0");
}

/**
 * host_freezer() - freeze or thaw a process by a cgroup of its own
 * @slot: which cgroup
 * @pid: the process
 * @frozen: whether it shall be frozen
 *
 * Return: 0 or -errno; -ENOENT when there is no cgroup2 or no freezer.
 */
int host_freezer(int slot, pid_t pid, bool frozen)
{
	char path[96], text[16];
	size_t len = snprintf(path, sizeof(path), CGROUP, slot);
	int err;

	if (frozen) {
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		snprintf(path + len, sizeof(path) - len, "/cgroup.procs");
		snprintf(text, sizeof(text), "%d", pid);
		err = write_text(path, text);
		if (err)
			return err;
	}
	snprintf(path + len, sizeof(path) - len, "/cgroup.freeze");
	return write_text(path, frozen ? "1" : "0");
}

/**
 * host_freezer_remove() - remove what host_freezer() made
 * @slot: which cgroup; its process has ended
 */
void host_freezer_remove(int slot)
{
	char path[96];

	snprintf(path, sizeof(path), CGROUP, slot);
	rmdir(path);
}

/**
 * host_fork_bomb() - let many processes be born and die
 * @forks: how many
 */
void host_fork_bomb(unsigned int forks)
{
	pid_t bomb = fork();
	unsigned int i;

	if (!bomb) {
		for (i = 0; i < forks; i++) {
			pid_t child = fork();

			if (!child)
				_exit(0);
			if (i % 8 == 7)
				while (waitpid(-1, NULL, 0) > 0)
					;
		}
		while (waitpid(-1, NULL, 0) > 0)
			;
		_exit(0);
	}
	if (bomb > 0)
		while (waitpid(bomb, NULL, 0) < 0 && errno == EINTR)
			;
}
