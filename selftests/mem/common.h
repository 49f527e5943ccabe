/* SPDX-License-Identifier: GPL-2.0 */
/* A vmramfs of a test's own, and what the kernel says of its files. */
#ifndef VMQOS_SELFTESTS_MEM_COMMON_H
#define VMQOS_SELFTESTS_MEM_COMMON_H

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <linux/mempolicy.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE		4096ul
#define MIB		(1ul << 20)
#define HUGE		(2 * MIB)
#define PARAMETERS	"/sys/module/vmqos_mem/parameters/"

static inline int mem_write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

/* A parameter of the module, such as scan_percent. */
static inline int mem_set(const char *name, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	snprintf(text, sizeof(text), "%u", value);
	return mem_write_text(path, text);
}

/* Why the tests cannot run here, or NULL. */
static inline const char *mem_missing(void)
{
	if (geteuid())
		return "needs root";
	if (access(PARAMETERS "scan_percent", F_OK) && system("modprobe vmqos_mem 2>/dev/null"))
		return "the module vmqos_mem is neither loaded nor can modprobe load it";
	/* Tests count faults and look at what is mapped: only that of the sampler wants it. */
	mem_set("sample_pages", 0);
	return NULL;
}

/* As a module is after loading, but for the sampler, which is off (mem_missing()). */
static inline void mem_set_defaults(void)
{
	mem_set("scan_percent", 5);
	mem_set("scan_period_ms", 10000);
	mem_set("pressure_percent", 10);
	mem_set("split_pages", 128);
	mem_set("sample_pages", 0);
	mem_set("sample_period_ms", 30000);
}

/* The scanner knows no rest, once files are given to it, and splits for a single page. */
static inline int mem_set_fastest(void)
{
	int ret = mem_set("scan_period_ms", 0) ?: mem_set("split_pages", 1);

	return ret ? ret : mem_set("scan_percent", 100);
}

/* Mount one in a folder of its own; the name is put into @where. */
static inline int mem_mount(char *where, size_t size, const char *options)
{
	snprintf(where, size, "/tmp/vmramfs.XXXXXX");
	if (!mkdtemp(where))
		return -errno;
	return mount("none", where, "vmramfs", 0, options) ? -errno : 0;
}

static inline int mem_remount(const char *where, const char *options)
{
	return mount("none", where, "vmramfs", MS_REMOUNT, options) ? -errno : 0;
}

/* Files are let go of in the background: try for a while. */
static inline int mem_umount(const char *where)
{
	for (int i = 0; i < 200; i++) {
		if (!umount(where))
			return rmdir(where) ? -errno : 0;
		if (errno != EBUSY)
			break;
		usleep(10000);
	}
	return -errno;
}

static inline int mem_file(const char *where, const char *name, uint64_t size)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", where, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && size && ftruncate(fd, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline char *mem_map(int fd, uint64_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* Mount one with a file in it, mapped to *@at; returns the file, or -errno. */
static inline int mem_begin(char where[64], const char *options, uint64_t size, char **at)
{
	int ret = mem_mount(where, 64, options), fd;

	if (ret)
		return ret;
	fd = mem_file(where, "a", size);
	*at = fd < 0 ? MAP_FAILED : mem_map(fd, size);
	if (*at != MAP_FAILED)
		return fd;
	ret = -errno;
	if (fd >= 0)
		close(fd);
	mem_umount(where);
	return ret;
}

static inline int mem_end(const char *where, int fd, char *at, uint64_t size)
{
	munmap(at, size);
	close(fd);
	return mem_umount(where);
}

/* A counter of the file, of those in its fdinfo. */
static inline uint64_t mem_stat(int fd, const char *name)
{
	size_t length = strlen(name);
	char path[64], line[256];
	uint64_t value = UINT64_MAX;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, name, length) && line[length] == ':')
			value = strtoull(line + length + 1, NULL, 10);
	if (in)
		fclose(in);
	return value;
}

/* The sum of a histogram of the file, of those in its fdinfo. */
static inline uint64_t mem_hist_sum(int fd, const char *name)
{
	char path[64], line[1024], *at, *end;
	uint64_t sum = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, name, strlen(name)))
			continue;
		for (at = line + strlen(name); *at; at = end) {
			sum += strtoull(at, &end, 10);
			if (end == at)
				break;
		}
	}
	if (in)
		fclose(in);
	return sum;
}

/*
 * A new page stays in a list of the CPU that made it, which holds a reference, until
 * others have followed it. move_pages() begins with emptying these lists; the page that it
 * is asked for is where it shall be, or stays there.
 */
static inline int mem_settle(void)
{
	int node = 0, status;
	void *page = &node;

	return syscall(SYS_move_pages, 0, 1, &page, &node, &status, MPOL_MF_MOVE) < 0 ? -errno : 0;
}

/* Have the kernel move pages about, to have large ones free. */
static inline int mem_compact(void)
{
	return mem_write_text("/sys/devices/system/node/node0/compact", "1");
}

/* Wait until the scanner has gone through the whole file, from now on, so many times. */
static inline bool mem_wait_passes(int fd, unsigned int passes, unsigned int seconds)
{
	/* The pass that is under way does not count. */
	uint64_t until = mem_stat(fd, "mem-zero-passes") + passes + 1;

	for (unsigned int i = 0; i < seconds * 100; i++) {
		if (mem_stat(fd, "mem-zero-passes") >= until)
			return true;
		usleep(10000);
	}
	return false;
}

/* A kernel thread's CPU time by its name, ns. */
static inline uint64_t mem_thread_ns(const char *name)
{
	char path[300], comm[32];
	unsigned long long ns = 0;
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	FILE *in;

	while (proc && (entry = readdir(proc))) {
		if (!isdigit(entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		in = fopen(path, "r");
		comm[0] = 0;
		if (in && fgets(comm, sizeof(comm), in))
			comm[strcspn(comm, "\n")] = 0;
		if (in)
			fclose(in);
		if (strcmp(comm, name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/schedstat", entry->d_name);
		in = fopen(path, "r");
		if (in && fscanf(in, "%llu", &ns) != 1)
			ns = 0;
		if (in)
			fclose(in);
		break;
	}
	if (proc)
		closedir(proc);
	return ns;
}

static inline uint64_t mem_used(const char *where)
{
	struct statfs st;

	return statfs(where, &st) ? UINT64_MAX : (st.f_blocks - st.f_bfree) * st.f_bsize;
}

/* The next random number of a sequence. */
static inline uint32_t mem_draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* All 32 bits of it random. */
static inline uint32_t mem_draw_word(uint64_t *state)
{
	uint32_t high = mem_draw(state) << 16;

	return high ^ mem_draw(state);
}

static inline bool mem_all(const char *at, char value, size_t size)
{
	return !size || (at[0] == value && !memcmp(at, at + 1, size - 1));
}

/* A block device over a file in memory, for direct I/O; a negative number if there is none. */
static inline int mem_disk(uint64_t size)
{
	char name[] = "/tmp/vmramfs-disk.XXXXXX", path[32];
	int control, number, back, disk = -1;

	if (system("modprobe loop 2>/dev/null"))
		return -ENODEV;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	back = mkstemp(name);
	unlink(name);
	if (number >= 0 && back >= 0 && !ftruncate(back, size)) {
		struct loop_config config = {
			.fd = back, .block_size = 512,
			.info.lo_flags = LO_FLAGS_AUTOCLEAR,
		};

		snprintf(path, sizeof(path), "/dev/loop%d", number);
		disk = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (disk >= 0 && ioctl(disk, LOOP_CONFIGURE, &config)) {
			close(disk);
			disk = -1;
		}
	}
	if (back >= 0)
		close(back);
	if (control >= 0)
		close(control);
	return disk;
}

/* What a file that is open is called. */
static inline bool mem_name_of(int fd, char *name, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, name, size - 1);
	if (length > 0)
		name[length] = 0;
	return length > 0;
}

#endif
