// SPDX-License-Identifier: GPL-2.0
/*
 * The first and only program of a Linux guest with a balloon: it loads the driver that lies
 * beside it, says that it is ready, and does what it is told on its console, a line each:
 *
 *   stats		tell what the guest knows of its memory, in the balloon's units
 *   fill MIB		write to so much memory and let go of it
 *   hold MIB		write to so much memory and keep it
 *   check		whether what is held is as it was written
 *   interrupts		how many the devices of virtio have raised
 *   unbind, bind	take the driver from the balloon, and give it back
 *   suspend		to RAM; the answer comes when it has been woken
 *   reboot		does not answer
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DRIVER	"/sys/bus/virtio/drivers/virtio_balloon/"
#define MIB	(1024ul * 1024)

static uint64_t *held;
static size_t words;
static char device[64];

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	ret = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	if (fd >= 0)
		close(fd);
	return ret;
}

/* A line "NAME NUMBER" or "NAME: NUMBER kB" of a file of proc. */
static unsigned long long number(const char *path, const char *name)
{
	unsigned long long value = 0;
	char line[256];
	FILE *in = fopen(path, "r");

	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, name, strlen(name)) && strchr(" :", line[strlen(name)]))
			value = strtoull(line + strlen(name) + 1, NULL, 10);
	if (in)
		fclose(in);
	return value;
}

static void tell_stats(void)
{
	printf("ok total %llu free %llu available %llu major %llu minor %llu oom %llu\n",
	       number("/proc/meminfo", "MemTotal") * 1024,
	       number("/proc/meminfo", "MemFree") * 1024,
	       number("/proc/meminfo", "MemAvailable") * 1024,
	       number("/proc/vmstat", "pgmajfault"),
	       number("/proc/vmstat", "pgfault") - number("/proc/vmstat", "pgmajfault"),
	       number("/proc/vmstat", "oom_kill"));
}

/* All CPUs' of all lines that a device of virtio has. */
static void tell_interrupts(void)
{
	FILE *in = fopen("/proc/interrupts", "r");
	unsigned long long sum = 0;
	char line[1024], *at, *end;

	while (in && fgets(line, sizeof(line), in)) {
		at = strchr(line, ':');
		if (!at || !strstr(at, "virtio"))
			continue;
		for (at++;; at = end) {
			unsigned long long value = strtoull(at, &end, 10);

			if (end == at)
				break;
			sum += value;
		}
	}
	if (in)
		fclose(in);
	printf("ok %llu\n", sum);
}

static uint64_t word(size_t at)
{
	return at * 0x9e3779b97f4a7c15ull + 1;
}

static uint64_t *fill(size_t mib)
{
	uint64_t *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < mib * MIB / 8; i += 64)
		memory[i] = word(i);
	return memory;
}

static int do_fill(size_t mib)
{
	uint64_t *memory = fill(mib);

	if (!memory)
		return -1;
	munmap(memory, mib * MIB);
	return 0;
}

static int do_hold(size_t mib)
{
	held = fill(mib);
	words = held ? mib * MIB / 8 : 0;
	return held ? 0 : -1;
}

static int do_check(void)
{
	for (size_t i = 0; i < words; i += 64)
		if (held[i] != word(i))
			return -1;
	return 0;
}

/* The device that the driver has, for it is to have it again. */
static int do_unbind(void)
{
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "virtio", 6))
			snprintf(device, sizeof(device), "%.63s", entry->d_name);
	if (dir)
		closedir(dir);
	return *device ? write_text(DRIVER "unbind", device) : -1;
}

static int obey(char *line)
{
	size_t mib;

	if (sscanf(line, "fill %zu", &mib) == 1)
		return do_fill(mib);
	if (sscanf(line, "hold %zu", &mib) == 1)
		return do_hold(mib);
	if (!strcmp(line, "check"))
		return do_check();
	if (!strcmp(line, "unbind"))
		return do_unbind();
	if (!strcmp(line, "bind"))
		return write_text(DRIVER "bind", device);
	if (!strcmp(line, "suspend"))
		return write_text("/sys/power/mem_sleep", "deep") ?: write_text("/sys/power/state", "mem");
	if (!strcmp(line, "reboot"))
		return reboot(RB_AUTOBOOT);
	return -1;
}

static int load(const char *module)
{
	int fd = open(module, O_RDONLY | O_CLOEXEC);

	return fd < 0 || syscall(SYS_finit_module, fd, "", 0) ? -1 : 0;
}

int main(void)
{
	char line[128];

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("guest-ready %s\n", load("/virtio_balloon.ko") ? "without its driver" : "");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\r\n")] = 0;
		if (!strcmp(line, "stats"))
			tell_stats();
		else if (!strcmp(line, "interrupts"))
			tell_interrupts();
		else
			puts(obey(line) ? "bad" : "ok");
	}
	for (;;)
		pause();
}
