// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations on purpose. The n-th allocation that a thread makes is
 * made to fail by its fail-nth file; threads of the kernel and our own are made to
 * fail now and then by a probability and their make-it-fail files.
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
	{ .path = DEBUGFS "fail_page_alloc/probability", .value = "0" },
	{ .path = DEBUGFS "fail_page_alloc/task-filter", .value = "Y" },
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

/**
 * inject_pause() - let none of this thread's allocations fail for a while, or go on
 * @pause: whether to pause
 */
void inject_pause(bool pause)
{
	static char left[16];
	ssize_t len;

	if (!pause) {
		len = strlen(left);
		if (pwrite(fail_nth, left, len, 0) != len)
			abort();
		return;
	}
	len = pread(fail_nth, left, sizeof(left) - 1, 0);
	if (len <= 0 || pwrite(fail_nth, "0", 1, 0) != 1)
		abort();
	left[strcspn(left, "\n")] = 0;
}

static bool is_worker(const char *comm)
{
	/* The first makes the others, which inherit its mark. */
	return !strcmp(comm, "kthreadd") || !strncmp(comm, "kworker/u", 9);
}

/* Marks the processes that are named so, NULL: the workers, as to fail. Returns how many. */
static int mark(const char *name, bool on)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[64], comm[32];
	int marked = 0;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		if (read_text(path, comm, sizeof(comm)) ||
		    !(name ? !strcmp(comm, name) : is_worker(comm)))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/make-it-fail", entry->d_name);
		if (!write_text(path, on ? "1" : "0"))
			marked++;
	}
	closedir(proc);
	return marked;
}

static int set_rate(const char *path, unsigned int percent)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", percent);
	return write_text(path, text);
}

/**
 * inject_workers() - let allocations of the kernel's unbound workers fail
 * @percent: how many of them; 0 ends it
 *
 * Return: number of workers concerned, or -errno.
 */
int inject_workers(unsigned int percent)
{
	int workers = mark(NULL, percent), err = set_rate(DEBUGFS "failslab/probability", percent);

	return err ? err : workers;
}

/**
 * inject_named() - let allocations of a thread of the kernel fail, at the rate that is set
 * @name: its name
 * @on: whether they shall
 *
 * Return: number of threads concerned, or -errno.
 */
int inject_named(const char *name, bool on)
{
	return mark(name, on);
}

/**
 * inject_self() - let allocations of the calling thread fail, at the rate that is set
 * @on: whether they shall
 *
 * Return: 0 or -errno.
 */
int inject_self(bool on)
{
	return write_text("/proc/thread-self/make-it-fail", on ? "1" : "0");
}

/**
 * inject_rate() - how many allocations of small objects and of pages fail
 * @percent: so many of those of the threads that are marked
 *
 * Return: 0 or -errno.
 */
int inject_rate(unsigned int percent)
{
	int err = set_rate(DEBUGFS "failslab/probability", percent);

	return err ? err : set_rate(DEBUGFS "fail_page_alloc/probability", percent);
}
