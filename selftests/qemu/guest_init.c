// SPDX-License-Identifier: GPL-2.0
/*
 * The first and only program of the test guest: says that the guest is ready and
 * puts a load on every CPU. The kernel passes its parameters as environment:
 *
 *   load=spin | idle | duty:RUN_US/PERIOD_US
 *   hotplug=1	take CPUs that are added later into use
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static unsigned int run_us, period_us;

static unsigned long long now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static void __attribute__((noreturn)) burn_and_sleep(void)
{
	unsigned long long next = now_us(CLOCK_MONOTONIC), end;
	struct timespec t;

	for (;;) {
		end = now_us(CLOCK_PROCESS_CPUTIME_ID) + run_us;
		while (now_us(CLOCK_PROCESS_CPUTIME_ID) < end)
			;
		next += period_us;
		t.tv_sec = next / 1000000;
		t.tv_nsec = next % 1000000 * 1000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
}

static void load_cpu(int cpu)
{
	const char *load = getenv("load");
	cpu_set_t set;

	if (!load || !strcmp(load, "idle") || fork())
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	if (sscanf(load, "duty:%u/%u", &run_us, &period_us) == 2)
		burn_and_sleep();
	for (;;)
		asm volatile("");
}

/* Returns 1 if the CPU was there but offline, and is online now. */
static int bring_online(int cpu)
{
	char path[64], state = '1';
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return 0;
	if (read(fd, &state, 1) == 1 && state == '0')
		state = pwrite(fd, "1", 1, 0) == 1 ? '+' : '0';
	close(fd);
	return state == '+';
}

int main(void)
{
	static const struct timespec tenth = { .tv_nsec = 100000000 };
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		cpus = CPU_COUNT(&set);
	for (int cpu = 0; cpu < cpus; cpu++)
		load_cpu(cpu);
	printf("vmqos-guest-ready %d\n", cpus);
	fflush(stdout);
	if (!getenv("hotplug"))
		for (;;)
			pause();
	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	for (;;) {
		for (int cpu = 1; cpu < 64; cpu++) {
			if (!bring_online(cpu))
				continue;
			load_cpu(cpu);
			printf("vmqos-guest-cpu %d\n", cpu);
			fflush(stdout);
		}
		nanosleep(&tenth, NULL);
	}
}
