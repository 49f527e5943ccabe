// SPDX-License-Identifier: GPL-2.0
/*
 * What the compressed store takes is charged to the control group that the pages were
 * charged to, whoever has them compressed. Where that group has no room, pages stay
 * where they are; none is lost either way.
 */
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "common.h"

#define CGROUP		"/sys/fs/cgroup"
#define GROUP		CGROUP "/vmqos-mem-charged"
#define SIZE		(16 * MIB)
#define WORDS		(SIZE / sizeof(uint32_t))
#define LIMIT		(4 * MIB)
/* The kernel keeps some of each CPU's charge at hand, and has tables to keep. */
#define SLACK		(1536 * 1024)
/* What the group may have been charged in advance for a CPU, and the store may yet take. */
#define STOCK		(64 * PAGE)
#define PATIENCE	120

FIXTURE(charged)
{
	char where[64];
	int fd;
	uint32_t *at;
};

static int set(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	return mem_write_text(path, text);
}

/* A figure of the group's: all of a file, or the line of that name in it. */
static uint64_t get(const char *file, const char *name)
{
	char path[128], line[128];
	uint64_t value = 0;
	FILE *in;

	snprintf(path, sizeof(path), GROUP "/%s", file);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in)) {
		if (!name)
			value = strtoull(line, NULL, 10);
		else if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			value = strtoull(line + strlen(name), NULL, 10);
	}
	if (in)
		fclose(in);
	return value;
}

/* Almost a quarter of each page cannot be made smaller, and differs from page to page. */
static uint32_t pattern(size_t i)
{
	uint64_t state = i;

	return i % 1024 >= 240 ? i / 1024 : mem_draw_word(&state);
}

static size_t count_wrong(const uint32_t *at)
{
	size_t wrong = 0;

	for (size_t i = 0; i < WORDS; i++)
		wrong += at[i] != pattern(i);
	return wrong;
}

/* By a process of the group, which ends: what it has made stays charged to the group. */
static int fill(uint32_t *at)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (set("cgroup.procs", "0"))
			_exit(2);
		for (size_t i = 0; i < WORDS; i++)
			at[i] = pattern(i);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

FIXTURE_SETUP(charged)
{
	const char *missing = mem_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_write_text(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) || access(GROUP "/memory.max", W_OK)) {
		rmdir(GROUP);
		SKIP(return, "no control group with memory.max can be made below " CGROUP);
	}
	mem_set_defaults();
	ASSERT_EQ(0, mem_set_fastest());
	self->fd = mem_begin(self->where, "file_limit=0", SIZE, (char **)&self->at);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fill(self->at));
	/* It has not been this process, which is in another group, that made them. */
	ASSERT_LE(SIZE, get("memory.current", NULL));
}

FIXTURE_TEARDOWN(charged)
{
	mem_set_defaults();
	if (self->fd < 0)
		return;
	EXPECT_EQ(0, mem_end(self->where, self->fd, (char *)self->at, SIZE));
	for (int i = 0; i < 500 && rmdir(GROUP) && errno == EBUSY; i++)
		usleep(10000);
}

static int set_limit(const char *where, uint64_t bytes)
{
	char option[64];

	snprintf(option, sizeof(option), "file_limit=%llu", (unsigned long long)bytes);
	return mem_remount(where, option);
}

static bool wait_below(int fd, const char *name, uint64_t bytes)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mem_stat(fd, name) <= bytes)
			return true;
		usleep(10000);
	}
	return false;
}

/* The figures of memory.stat are added up every now and then only. */
static bool wait_kernel(uint64_t least, uint64_t most)
{
	for (int i = 0; i < PATIENCE * 10; i++) {
		uint64_t kernel = get("memory.stat", "kernel");

		if (kernel >= least && kernel <= most)
			return true;
		usleep(100000);
	}
	return false;
}

/*
 * Without zsmalloc, on the debug kernel, it is in pieces that kmalloc() has given: KASAN takes as
 * much again for what it keeps beside each, which nobody is told of.
 */
static uint64_t most_of(uint64_t held)
{
	return system("grep -qw zs_malloc /proc/kallsyms") ? 3 * held : held;
}

TEST_F_TIMEOUT(charged, the_store_is_the_groups, 600)
{
	uint64_t before = get("memory.current", NULL), now, held, raw, pages;

	/* What a compressed page takes is part of what the file takes. */
	ASSERT_EQ(0, set_limit(self->where, SIZE / 2));
	ASSERT_TRUE(wait_below(self->fd, "mem-resident", SIZE / 2));
	ASSERT_EQ(0, mem_settle());
	held = mem_stat(self->fd, "mem-stored-held");
	raw = mem_stat(self->fd, "mem-stored-raw");
	pages = SIZE - raw;
	now = get("memory.current", NULL);
	TH_LOG("%llu KiB in the group, then %llu: %llu of pages, %llu of %llu held by the store; kernel %llu",
	       (unsigned long long)before >> 10, (unsigned long long)now >> 10,
	       (unsigned long long)pages >> 10, (unsigned long long)held >> 10,
	       (unsigned long long)raw >> 10,
	       (unsigned long long)get("memory.stat", "kernel") >> 10);
	EXPECT_LE(mem_stat(self->fd, "mem-stored"), held);
	EXPECT_LT(SIZE / 16, held);
	EXPECT_LT(held, raw);
	EXPECT_LE(pages + held, now + SLACK / 2);
	EXPECT_GE(pages + most_of(held) + SLACK, now);
	EXPECT_TRUE(wait_kernel(held - held / 8, most_of(held) + SLACK));

	/* They come back charged to who reads them, and the store gives up what it had. */
	ASSERT_EQ(0, set_limit(self->where, 0));
	EXPECT_EQ(0, count_wrong(self->at));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-stored"));
	EXPECT_TRUE(wait_kernel(0, SLACK));
	EXPECT_TRUE(wait_below(self->fd, "mem-stored-held", 0));
	EXPECT_GE(pages + SLACK, get("memory.current", NULL));
}

TEST_F_TIMEOUT(charged, a_full_group_has_nothing_stored, 600)
{
	uint64_t refused, before, stock = sysconf(_SC_NPROCESSORS_ONLN) * STOCK;

	/* Nobody is in the group who could be killed, and nothing in it can be reclaimed. */
	set("memory.swap.max", "0");
	EXPECT_EQ(0, set("memory.max", "1M"));
	before = get("memory.current", NULL);
	ASSERT_EQ(0, set_limit(self->where, LIMIT));
	for (int i = 0; i < 300 && !mem_stat(self->fd, "mem-evict-failed"); i++)
		usleep(10000);
	refused = mem_stat(self->fd, "mem-evict-failed");
	TH_LOG("%llu pages not stored for want of memory, %llu stored in %llu KiB",
	       (unsigned long long)refused, (unsigned long long)mem_stat(self->fd, "mem-evicted"),
	       (unsigned long long)mem_stat(self->fd, "mem-stored-held") >> 10);
	EXPECT_LT(0, refused);
	EXPECT_GE(stock, mem_stat(self->fd, "mem-stored-held"));
	EXPECT_GE(before, get("memory.current", NULL));
	EXPECT_EQ(0, count_wrong(self->at));

	/* With room they go. */
	EXPECT_EQ(0, set("memory.max", "max"));
	EXPECT_TRUE(wait_below(self->fd, "mem-resident", SIZE / 2));
	EXPECT_LT(0, mem_stat(self->fd, "mem-evicted"));
	ASSERT_EQ(0, set_limit(self->where, 0));
	EXPECT_EQ(0, count_wrong(self->at));
}

/* How many caches of a kernel that has them for each pool are ours. */
static unsigned int count_caches(void)
{
	DIR *slabs = opendir("/sys/kernel/slab");
	struct dirent *entry;
	unsigned int count = 0;

	while (slabs && (entry = readdir(slabs)))
		count += !!strstr(entry->d_name, "vmqos_mem-");
	if (slabs)
		closedir(slabs);
	return count;
}

/* A file has a pool of its own, which the kernel never forgets the names of: they come again. */
TEST_F_TIMEOUT(charged, files_that_come_and_go, 300)
{
	unsigned int before = 0;
	char path[80];

	snprintf(path, sizeof(path), "%s/passing", self->where);
	for (int i = 0; i < 500; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		ASSERT_LE(0, fd) {
			TH_LOG("file %d: errno %d", i, errno);
		}
		ASSERT_EQ(0, unlink(path));
		ASSERT_EQ(0, close(fd));
		if (i == 10)
			before = count_caches();
	}
	EXPECT_GE(before + 4, count_caches());
}

TEST_HARNESS_MAIN
