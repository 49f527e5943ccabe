// SPDX-License-Identifier: GPL-2.0
/*
 * The first and only program of a Linux guest with a balloon: it loads the driver, eats
 * and frees memory as it is told on its console, and tells what it has. A line to it is
 *
 *	eat MIB MIB_PER_SECOND | free | memory
 *
 * and each is answered by one that begins with "vmqos-guest-".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MIB	(1ul << 20)

static struct {
	void *at;
	size_t size;
} eaten[256];
static unsigned int count;

static void eat(unsigned long mib, unsigned long rate)
{
	struct timespec pause = { 0, rate ? 1000000000 / rate : 0 };
	unsigned long i, at;
	char *memory;

	if (count == sizeof(eaten) / sizeof(eaten[0]))
		return;
	memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return;
	for (i = 0; i < mib; i++) {
		/* No page like another, and none of zeros. */
		for (at = 0; at < MIB; at += 4096)
			*(unsigned long *)(memory + i * MIB + at) = i * MIB + at + 1;
		if (pause.tv_nsec)
			nanosleep(&pause, NULL);
	}
	eaten[count].at = memory;
	eaten[count++].size = mib * MIB;
	printf("vmqos-guest-ate %lu\n", mib);
}

/* Looks whether all of it is still what was written. */
static void give_up(void)
{
	unsigned long at, wrong = 0;

	while (count--) {
		for (at = 0; at < eaten[count].size; at += 4096)
			wrong += *(unsigned long *)((char *)eaten[count].at + at) != at + 1;
		munmap(eaten[count].at, eaten[count].size);
	}
	count = 0;
	printf("vmqos-guest-freed %lu\n", wrong);
}

static void show(void)
{
	unsigned long total = 0, available = 0, kib;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemTotal: %lu", &kib) == 1)
			total = kib;
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			available = kib;
	}
	if (file)
		fclose(file);
	printf("vmqos-guest-memory %lu %lu\n", total, available);
}

int main(void)
{
	unsigned long mib, rate;
	struct termios terminal;
	char line[128];
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	if (!tcgetattr(0, &terminal)) {
		terminal.c_lflag &= ~ECHO;
		tcsetattr(0, TCSANOW, &terminal);
	}
	fd = open("/virtio_balloon.ko", O_RDONLY);
	if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0))
		perror("virtio_balloon.ko");
	printf("vmqos-guest-ready 1\n");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "eat %lu %lu", &mib, &rate) == 2)
			eat(mib, rate);
		else if (!strncmp(line, "free", 4))
			give_up();
		else if (!strncmp(line, "memory", 6))
			show();
	}
	for (;;)
		pause();
}
