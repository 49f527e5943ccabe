// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"

/* Read a small file of /proc whole; -ESRCH when the process is gone. */
static int read_text(uint32_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	got = read(fd, text, size - 1);
	close(fd);
	if (got < 0)
		return -errno;
	text[got] = '\0';
	return got ? 0 : -ESRCH;
}

/**
 * vmqos_proc_of_thread() - the process that a thread belongs to
 * @tid: the thread
 * @pid: filled
 *
 * Return: 0; -ESRCH when the thread is gone; another negative errno.
 */
int vmqos_proc_of_thread(uint32_t tid, uint32_t *pid)
{
	char text[4096];
	const char *at;
	int ret = read_text(tid, "status", text, sizeof(text));

	if (ret)
		return ret;
	at = strstr(text, "\nTgid:");
	return at && sscanf(at, "\nTgid:%u", pid) == 1 ? 0 : -ESRCH;
}

/**
 * vmqos_proc_birth() - when a process started
 * @pid: the process
 *
 * Numbers of processes are used again; number and birth together are not.
 *
 * Return: ticks since the machine started, or 0 when there is no such process.
 */
uint64_t vmqos_proc_birth(uint32_t pid)
{
	char text[1024], *at;
	unsigned long long birth;
	int field;

	if (read_text(pid, "stat", text, sizeof(text)))
		return 0;
	/* The second field is in parentheses and may hold blanks and parentheses. */
	at = strrchr(text, ')');
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %llu", &birth) == 1 ? birth : 0;
}
