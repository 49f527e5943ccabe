// SPDX-License-Identifier: GPL-2.0
/*
 * What guest memory costs in vmramfs and elsewhere: faults, holes, finding zeros. Prints a
 * line for each figure, as scripts/bench reads it: case, metric, unit, a value each run.
 * Times are those of the test host's clock of instructions.
 */
#include <sys/random.h>
#include <time.h>

#include "common.h"

#define PAGES	4096ul
#define SIZE	(PAGES * PAGE)
#define KSM	"/sys/kernel/mm/ksm/"
#define MOST	16
#define GIB	(1024 * MIB)

static int runs = 3;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void print(const char *what, const char *metric, const char *unit, const double *values)
{
	printf("%s\t%s\t%s", what, metric, unit);
	for (int i = 0; i < runs; i++)
		printf("\t%.1f", values[i]);
	printf("\n");
	fflush(stdout);
}

/* Private memory from a border of 2M on, of pages of that size or of small ones. */
static char *map_anonymous(bool huge)
{
	char *at = mmap(NULL, SIZE + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	if (at == MAP_FAILED)
		exit(1);
	at = (char *)(((uintptr_t)at + HUGE - 1) & ~(HUGE - 1));
	if (madvise(at, SIZE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		exit(1);
	return at;
}

static char *map_file(int fd, uint64_t size)
{
	char *at = mem_map(fd, size);

	if (fd < 0 || ftruncate(fd, size) || at == MAP_FAILED)
		exit(1);
	return at;
}

static uint64_t touch(char *at, uint64_t size, bool write)
{
	uint64_t began = now_ns();

	for (size_t i = 0; i < size; i += PAGE) {
		if (write)
			*(volatile char *)(at + i) = 1;
		else
			(void)*(volatile char *)(at + i);
	}
	return now_ns() - began;
}

/* First touch by a write and by a read, again after unmapping, and giving all back. */
static void faults(const char *what, char *at, bool file)
{
	double first[MOST] = { 0 }, hole[MOST] = { 0 }, again[MOST] = { 0 }, punch[MOST] = { 0 };
	int give = file ? MADV_REMOVE : MADV_DONTNEED;
	uint64_t began;

	madvise(at, SIZE, give);
	/* Once for page tables and caches. */
	touch(at, SIZE, true);
	for (int i = 0; i < runs; i++) {
		madvise(at, SIZE, give);
		first[i] = (double)touch(at, SIZE, true) / PAGES;
		if (file) {
			madvise(at, SIZE, MADV_DONTNEED);
			again[i] = (double)touch(at, SIZE, true) / PAGES;
		}
		began = now_ns();
		madvise(at, SIZE, give);
		punch[i] = (double)(now_ns() - began) / PAGES;
		hole[i] = (double)touch(at, SIZE, false) / PAGES;
	}
	print(what, "first-write", "ns/page", first);
	print(what, "read-hole", "ns/page", hole);
	if (file)
		print(what, "refault", "ns/page", again);
	print(what, "give-back", "ns/page", punch);
}

/* A hole of a whole GiB, of memory that is mapped. */
static void punch_gib(const char *what, int fd)
{
	char *at = map_file(fd, GIB);
	double ms[MOST];
	uint64_t began;

	for (int i = 0; i < runs; i++) {
		touch(at, GIB, true);
		began = now_ns();
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, GIB))
			exit(1);
		ms[i] = (now_ns() - began) / 1e6;
	}
	print(what, "punch-1g", "ms", ms);
	munmap(at, GIB);
}

static uint64_t read_number(const char *path)
{
	unsigned long long value = 0;
	FILE *in = fopen(path, "r");

	if (in && fscanf(in, "%llu", &value) != 1)
		value = 0;
	if (in)
		fclose(in);
	return value;
}

/*
 * Pages of the process that are its own: where KSM has put the kernel's zero page, there is
 * none. Counted in the page tables by the kernel, when it is asked.
 */
static int64_t own_pages(void)
{
	unsigned long long kib = 0;
	FILE *in = fopen("/proc/self/smaps_rollup", "r");
	char line[256];

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "Anonymous: %llu kB", &kib) == 1)
			break;
	if (in)
		fclose(in);
	return kib * 1024 / PAGE;
}

/* Every other page is zeros, the others are of no sort. */
static void half_zero(char *at)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (i % 2) {
			memset(at + i * PAGE, 0, PAGE);
			continue;
		}
		for (size_t got = 0; got < PAGE; got += 256)
			if (getrandom(at + i * PAGE + got, 256, 0) != 256)
				exit(1);
		at[i * PAGE] |= 1;
	}
}

static void scanner(int fd, char *at, const char *where)
{
	double speed[MOST], again[MOST], found[MOST];
	uint64_t cpu, passes;

	mem_set("scan_period_ms", 0);
	mem_set("scan_percent", 100);
	for (int i = 0; i < runs; i++) {
		half_zero(at);
		mem_settle();
		found[i] = mem_stat(fd, "mem-zero-freed");
		cpu = mem_thread_ns("vmqos_zero");
		mem_remount(where, "share_zero=on");
		mem_wait_passes(fd, 0, 600);
		mem_remount(where, "share_zero=off");
		usleep(100000);
		speed[i] = PAGES / ((mem_thread_ns("vmqos_zero") - cpu) / 1e9);
		found[i] = (mem_stat(fd, "mem-zero-freed") - found[i]) / (PAGES / 2) * 100;
		/* What is left is no zeros: look at it again and again. */
		passes = mem_stat(fd, "mem-scanned");
		cpu = mem_thread_ns("vmqos_zero");
		mem_remount(where, "share_zero=on");
		mem_wait_passes(fd, 20, 600);
		mem_remount(where, "share_zero=off");
		usleep(100000);
		again[i] = (mem_stat(fd, "mem-scanned") - passes) /
			   ((mem_thread_ns("vmqos_zero") - cpu) / 1e9);
	}
	mem_set_defaults();
	print("vmramfs/zeros", "found", "%", found);
	print("vmramfs/zeros", "discovery", "pages/CPU-s", speed);
	print("vmramfs/zeros", "rescan", "pages/CPU-s", again);
}

static void ksm_wait(uint64_t scans)
{
	uint64_t until = read_number(KSM "full_scans") + scans;

	for (int i = 0; i < 60000 && read_number(KSM "full_scans") < until; i++)
		usleep(10000);
}

/* How many pages KSM has looked at. Kernels that do not tell (6.1): each scan is of all. */
static uint64_t ksm_looked(void)
{
	if (!access(KSM "pages_scanned", F_OK))
		return read_number(KSM "pages_scanned");
	return read_number(KSM "full_scans") * (PAGES / 2);
}

/*
 * KSM takes a page for one of zeros when it was unchanged since the pass before, so it
 * needs two. Then half of the pages are the kernel's own zero page, which it passes over,
 * and the others are looked at again and again.
 */
static void ksm(char *at)
{
	double speed[MOST], again[MOST], found[MOST];
	uint64_t cpu, looked;
	int64_t before;

	if (mem_write_text(KSM "use_zero_pages", "1"))
		return;
	mem_write_text(KSM "sleep_millisecs", "0");
	mem_write_text(KSM "pages_to_scan", "1000");
	/* It skips pages that did not merge before: off, for this is about looking at them. */
	mem_write_text(KSM "smart_scan", "0");
	for (int i = 0; i < runs; i++) {
		half_zero(at);
		if (madvise(at, SIZE, MADV_MERGEABLE))
			exit(1);
		before = own_pages();
		cpu = mem_thread_ns("ksmd");
		mem_write_text(KSM "run", "1");
		/* A few pages of this program's own come and go. */
		for (int n = 0; n < 6000 && before - own_pages() < (int64_t)PAGES / 2 - 8; n++)
			usleep(10000);
		mem_write_text(KSM "run", "0");
		usleep(100000);
		speed[i] = PAGES / ((mem_thread_ns("ksmd") - cpu) / 1e9);
		found[i] = (before - own_pages()) * 100.0 / (PAGES / 2);
		/* To the end of the pass that is under way, then whole ones. */
		mem_write_text(KSM "run", "1");
		ksm_wait(2);
		looked = ksm_looked();
		cpu = mem_thread_ns("ksmd");
		ksm_wait(5);
		mem_write_text(KSM "run", "0");
		usleep(100000);
		again[i] = (ksm_looked() - looked) / ((mem_thread_ns("ksmd") - cpu) / 1e9);
		mem_write_text(KSM "run", "2");
		mem_write_text(KSM "run", "0");
		madvise(at, SIZE, MADV_UNMERGEABLE);
	}
	print("ksm/zeros", "found", "%", found);
	print("ksm/zeros", "discovery", "pages/CPU-s", speed);
	print("ksm/zeros", "rescan", "pages/CPU-s", again);
}

/*
 * A file is swept through that is twice as large as its limit, by writes of what compresses
 * well: how far above the limit it is at worst, looked at each 16th page.
 */
static void limit(const char *where)
{
	double over[MOST] = { 0 }, now;
	int fd = mem_file(where, "limited", SIZE);
	char *at = map_file(fd, SIZE), option[64];

	snprintf(option, sizeof(option), "file_limit=%luk", SIZE / 2 / 1024);
	if (mem_remount(where, option))
		exit(1);
	touch(at, SIZE, true);
	for (int i = 0; i < runs; i++)
		for (size_t n = 0; n < 4 * PAGES; n++) {
			memset(at + n % PAGES * PAGE, n + i, PAGE);
			if (n % 16)
				continue;
			now = 100.0 * mem_stat(fd, "mem-resident") / (SIZE / 2) - 100;
			if (now > over[i])
				over[i] = now;
		}
	for (size_t n = 0; n < PAGES; n++)
		if (!mem_all(at + n * PAGE, (char)(n + runs - 1), PAGE)) {
			fprintf(stderr, "measure: page %zu is not what was written\n", n);
			exit(1);
		}
	print("vmramfs/limit", "over", "%", over);
	mem_remount(where, "file_limit=0");
	munmap(at, SIZE);
	close(fd);
}

int main(int argc, char **argv)
{
	bool gib = argc > 2 && !strcmp(argv[2], "gib");
	char where[64], *at;
	int fd;

	if (argc > 1)
		runs = atoi(argv[1]);
	if (runs < 1 || runs > MOST || mem_missing() ||
	    mem_mount(where, sizeof(where), "share_zero=off")) {
		fprintf(stderr,
			"measure: as root, with vmqos_mem; usage: measure [RUNS, 1 to 16 [gib]]\n");
		return 1;
	}
	at = map_anonymous(false);
	faults("anonymous", at, false);
	ksm(at);
	munmap(at, SIZE);
	at = map_anonymous(true);
	faults("anonymous-2m", at, false);
	munmap(at, SIZE);
	fd = memfd_create("memory", 0);
	at = map_file(fd, SIZE);
	faults("memfd", at, true);
	munmap(at, SIZE);
	if (gib)
		punch_gib("memfd", fd);
	close(fd);
	fd = mem_file(where, "memory", SIZE);
	at = map_file(fd, SIZE);
	faults("vmramfs", at, true);
	scanner(fd, at, where);
	munmap(at, SIZE);
	close(fd);
	limit(where);
	if (mem_remount(where, "huge=within_size"))
		return 1;
	fd = mem_file(where, "large", SIZE);
	at = map_file(fd, SIZE);
	faults("vmramfs-2m", at, true);
	munmap(at, SIZE);
	if (gib)
		punch_gib("vmramfs-2m", fd);
	close(fd);
	return mem_umount(where) ? 1 : 0;
}
