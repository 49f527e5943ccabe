// SPDX-License-Identifier: GPL-2.0
/* What the kernel itself says about a thread, from /proc. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proc.h"

static FILE *open_file(pid_t pid, pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	return fopen(path, "re");
}

/* Read the number behind a key that starts a line. */
static int find_number(FILE *in, const char *key, uint64_t *value)
{
	char line[256], *colon;

	while (fgets(line, sizeof(line), in)) {
		colon = strchr(line, ':');
		if (strncmp(line, key, strlen(key)) || !colon)
			continue;
		*value = strtoull(colon + 1, NULL, 10);
		return 0;
	}
	return -ENOENT;
}

/**
 * vmqos_proc_read() - read the kernel's counters of a thread
 * @pid: its process
 * @tid: the thread
 * @out: where to put them
 *
 * Return: 0; -ENODATA when the kernel does not keep them; another negative
 * error number.
 */
int vmqos_proc_read(pid_t pid, pid_t tid, struct vmqos_proc *out)
{
	FILE *in = open_file(pid, tid, "schedstat");
	int ret = 0;

	if (!in)
		return -errno;
	if (fscanf(in, "%" SCNu64 " %" SCNu64 " %" SCNu64, &out->run_ns, &out->ready_ns,
		   &out->slices) != 3)
		ret = -ENODATA;
	fclose(in);
	if (ret)
		return ret;
	in = open_file(pid, tid, "status");
	if (!in)
		return -errno;
	ret = find_number(in, "voluntary_ctxt_switches", &out->voluntary);
	if (!ret)
		ret = find_number(in, "nonvoluntary_ctxt_switches", &out->involuntary);
	fclose(in);
	return ret;
}

/**
 * vmqos_proc_migrations() - how often the scheduler gave a thread another CPU
 * @pid: its process
 * @tid: the thread
 * @migrations: where to put it
 *
 * Return: 0; -ENOENT when this kernel does not tell (CONFIG_SCHED_DEBUG);
 * another negative error number.
 */
int vmqos_proc_migrations(pid_t pid, pid_t tid, uint64_t *migrations)
{
	FILE *in = open_file(pid, tid, "sched");
	int ret;

	if (!in)
		return -errno;
	ret = find_number(in, "se.nr_migrations", migrations);
	fclose(in);
	return ret;
}

/* Whether the thread is in none of the scheduler's queues. */
static bool in_no_queue(pid_t pid, pid_t tid)
{
	FILE *in = open_file(pid, tid, "wchan");
	int first = in ? fgetc(in) : '0';

	if (in)
		fclose(in);
	/* Where it sleeps; 0 for one that runs, waits for a CPU, or is just about to sleep. */
	return first != '0' && first != EOF;
}

/**
 * vmqos_proc_wait_blocked() - wait until a thread sleeps and its counters stand still
 * @pid: its process
 * @tid: the thread
 *
 * A thread that has said that it is about to sleep does so a moment later, and on
 * a busy host the moment is long.
 *
 * Return: 0; -ETIMEDOUT after ten seconds; another negative error number.
 */
int vmqos_proc_wait_blocked(pid_t pid, pid_t tid)
{
	uint64_t end = vmqos_now_ns() + 10000000000ull;
	struct vmqos_proc before, after;
	int ret;

	do {
		ret = vmqos_proc_read(pid, tid, &before);
		if (!ret && in_no_queue(pid, tid)) {
			vmqos_sleep_ns(5000000);
			ret = vmqos_proc_read(pid, tid, &after);
			if (!ret && in_no_queue(pid, tid) &&
			    !memcmp(&before, &after, sizeof(before)))
				return 0;
		}
		if (ret)
			return ret;
		vmqos_sleep_ns(1000000);
	} while (vmqos_now_ns() < end);
	return -ETIMEDOUT;
}

/**
 * vmqos_proc_irq_ns() - time that interrupts took on all CPUs since the host started
 * @ns: where to put it, in steps of 10 ms for each kind
 *
 * Return: 0 or a negative error number.
 */
int vmqos_proc_irq_ns(uint64_t *ns)
{
	FILE *in = fopen("/proc/stat", "re");
	uint64_t irq, softirq;
	int got;

	if (!in)
		return -errno;
	got = fscanf(in, "cpu %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &irq, &softirq);
	fclose(in);
	*ns = (irq + softirq) * 10000000;
	return got == 2 ? 0 : -ENODATA;
}

/**
 * vmqos_now_ns() - the time
 *
 * Return: CLOCK_MONOTONIC in ns.
 */
uint64_t vmqos_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/**
 * vmqos_sleep_ns() - sleep, whatever signals come
 * @ns: how long
 */
void vmqos_sleep_ns(uint64_t ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}
