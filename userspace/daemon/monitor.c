// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The path of a monitor's socket stands on the VMM's command line, which the VMM
 * may have written itself: it is looked up as the VMM sees it and never leads out
 * of its root, nothing but a socket is connected to, and the other end has to be
 * the VMM's own process. Until that is known nothing is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "monitor.h"

__attribute__((format(printf, 4, 5)))
static int fail(int error, char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return error;
}

/**
 * vmqos_monitor_find() - whether a VM has a monitor that can be used
 * @process: its VMM, as vmqos_process_identify() has found it
 * @why: filled with the reason and what to do when it has none
 * @size: room in @why
 *
 * Return: 0 or -ENOENT.
 */
int vmqos_monitor_find(const struct vmqos_process *process, char *why, size_t size)
{
	if (!process->qemu)
		return fail(-ENOENT, why, size, "it is no QEMU that vmqosd could speak to");
	if (process->qmp_path[0])
		return 0;
	if (process->qmp_fd)
		return fail(-ENOENT, why, size,
			    "QEMU's monitor is taken by whoever has started it, and if that is libvirt, this vmqosd is built without it: give it another, '-chardev socket,id=vmqos,path=PATH,server=on,wait=off -mon chardev=vmqos,mode=control' (see vmqosd(8))");
	return fail(-ENOENT, why, size,
		    "QEMU has no QMP monitor at a UNIX socket: start it with '-qmp unix:PATH,server=on,wait=off'");
}

/* Opens what the path names, but not for reading or writing. */
static int open_path(const struct vmqos_process *process)
{
	bool absolute = process->qmp_path[0] == '/';
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		/* What is below its working directory is in its root as well. */
		.resolve = RESOLVE_NO_MAGICLINKS |
			   (absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH),
	};
	char folder[64];
	int dir, fd;

	snprintf(folder, sizeof(folder), "/proc/%u/%s", process->pid, absolute ? "root" : "cwd");
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = syscall(SYS_openat2, dir, process->qmp_path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(dir);
	return fd;
}

static int connect_to(int path, char *why, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, why, size, "no socket to be had: %s", strerror(errno));
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	close(fd);
	if (error == EAGAIN)
		return fail(-EBUSY, why, size,
			    "other programs wait for QEMU's monitor, which serves one at a time");
	return fail(-error, why, size, "cannot connect to QEMU's monitor: %s", strerror(error));
}

/**
 * vmqos_monitor_connect() - connect to a VM's monitor
 * @process: its VMM
 * @why: filled with the reason and what to do when that fails
 * @size: room in @why
 *
 * Does not wait. Needs CAP_SYS_PTRACE for the VMM's root, and the right to write
 * to the socket.
 *
 * Return: a non-blocking socket; -ENOENT when there is no monitor to be used;
 * -EACCES when what is there is not this VMM's; another negative errno.
 */
int vmqos_monitor_connect(const struct vmqos_process *process, char *why, size_t size)
{
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer);
	struct stat st;
	int path, fd;

	fd = vmqos_monitor_find(process, why, size);
	if (fd)
		return fd;
	path = open_path(process);
	if (path < 0)
		return fail(path, why, size, "cannot look up QEMU's monitor %s: %s",
			    process->qmp_path, strerror(-path));
	if (fstat(path, &st) || !S_ISSOCK(st.st_mode)) {
		close(path);
		return fail(-EACCES, why, size, "QEMU's monitor %s is no socket",
			    process->qmp_path);
	}
	fd = connect_to(path, why, size);
	close(path);
	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) ||
	    peer.pid != (pid_t)process->pid) {
		close(fd);
		return fail(-EACCES, why, size,
			    "the socket %s on QEMU's command line is process %d's, not QEMU's own",
			    process->qmp_path, (int)peer.pid);
	}
	return fd;
}
