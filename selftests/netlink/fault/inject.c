// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations on purpose. The n-th allocation that a thread makes is
 * made to fail by its fail-nth file; the kernel's workers are made to fail now
 * and then by failslab's probability and their make-it-fail files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject.h"

#define DEBUGFS	"/sys/kernel/debug/"

/* What is set for the test, and what was there before. */
static struct {
	const char *path, *value;
	char before[32];
} knobs[] = {
	/* Allocations that may sleep are the interesting ones. */
	{ .path = DEBUGFS "failslab/ignore-gfp-wait", .value = "N" },
	{ .path = DEBUGFS "failslab/verbose", .value = "0" },
	{ .path = DEBUGFS "failslab/probability", .value = "0" },
	{ .path = DEBUGFS "failslab/times", .value = "-1" },
	{ .path = DEBUGFS "failslab/task-filter", .value = "Y" },
	{ .path = DEBUGFS "fail_page_alloc/ignore-gfp-wait", .value = "N" },
	{ .path = DEBUGFS "fail_page_alloc/ignore-gfp-highmem", .value = "N" },
	{ .path = DEBUGFS "fail_page_alloc/min-order", .value = "0" },
	{ .path = DEBUGFS "fail_page_alloc/verbose", .value = "0" },
	{ .path = DEBUGFS "fail_page_alloc/times", .value = "-1" },
};

#define KNOBS (sizeof(knobs) / sizeof(knobs[0]))

static int fail_nth = -1;

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

static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, buf, size - 1);
	close(fd);
	if (got <= 0)
		return -EIO;
	buf[got] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

/**
 * inject_prepare() - set the kernel's fault injection up
 *
 * Return: NULL, or the path of what this kernel does not have.
 */
const char *inject_prepare(void)
{
	unsigned int i;

	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		return "/proc/thread-self/fail-nth";
	for (i = 0; i < KNOBS; i++) {
		if (read_text(knobs[i].path, knobs[i].before, sizeof(knobs[i].before)) ||
		    write_text(knobs[i].path, knobs[i].value)) {
			knobs[i].before[0] = 0;
			return knobs[i].path;
		}
	}
	return NULL;
}

/**
 * inject_restore() - put everything back as it was
 */
void inject_restore(void)
{
	unsigned int i;

	for (i = 0; i < KNOBS; i++)
		if (knobs[i].before[0])
			write_text(knobs[i].path, knobs[i].before);
}

/**
 * inject_arm() - let an allocation of this thread fail
 * @nth: which one from now on, from 1
 */
void inject_arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fail_nth, text, len, 0) != len)
		abort();
}

/**
 * inject_disarm() - let none fail any more
 *
 * Return: whether one has failed since inject_arm().
 */
bool inject_disarm(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0 || pwrite(fail_nth, "0", 1, 0) != 1)
		abort();
	return !strtoul(text, NULL, 10);
}

static bool is_worker(const char *pid)
{
	char path[64], comm[32];

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	if (read_text(path, comm, sizeof(comm)))
		return false;
	/* The first makes the others, which inherit its mark. */
	return !strcmp(comm, "kthreadd") || !strncmp(comm, "kworker/u", 9);
}

/**
 * inject_workers() - let allocations of the kernel's unbound workers fail
 * @percent: how many of them; 0 ends it
 *
 * Return: number of workers concerned, or -errno.
 */
int inject_workers(unsigned int percent)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[64], text[8];
	int workers = 0;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !is_worker(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/make-it-fail", entry->d_name);
		if (!write_text(path, percent ? "1" : "0"))
			workers++;
	}
	closedir(proc);
	snprintf(text, sizeof(text), "%u", percent);
	if (write_text(DEBUGFS "failslab/probability", text))
		return -errno;
	return workers;
}
