// SPDX-License-Identifier: GPL-2.0
/*
 * vmramfs as a filesystem: its options, names, sizes, holes, mappings, what it refuses,
 * and that it counts its pages right all the while.
 */
#include <linux/mempolicy.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "common.h"

#define FSCONFIG_SET_STRING_	1
#define FSCONFIG_CMD_CREATE_	6
#define FILE_SIZE		(4 * MIB)

FIXTURE(files)
{
	char where[64];
	int fd;
	char *at;
};

FIXTURE_SETUP(files)
{
	const char *missing = mem_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	self->fd = mem_begin(self->where, "size=64M", FILE_SIZE, &self->at);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(files)
{
	if (self->fd >= 0) {
		EXPECT_EQ(0, mem_end(self->where, self->fd, self->at, FILE_SIZE));
	}
}

/* What a mount with this option is refused with, the empty string when it is not. */
static const char *refusal(const char *key, const char *value)
{
	static char text[512];
	int fs = syscall(SYS_fsopen, "vmramfs", 0);
	ssize_t got;

	text[0] = 0;
	if (fs < 0)
		return "fsopen failed";
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING_, key, value, 0) ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE_, NULL, NULL, 0)) {
		strcpy(text, "refused without a word");
		got = read(fs, text, sizeof(text) - 1);
		if (got >= 0)
			text[got] = 0;
	}
	close(fs);
	return text;
}

TEST_F(files, options)
{
	static const char *const good[][2] = {
		{ "size", "4096" }, { "size", "1G" }, { "size", "50%" }, { "size", "0" },
		{ "uid", "7" }, { "gid", "8" }, { "mode", "0700" }, { "huge", "never" },
		{ "huge", "within_size" },
		{ "zeros", "fill" }, { "share_zero", "off" }, { "share_zero", "on" },
		{ "share_zero", "pressure" },
	};
	static const char *const bad[][3] = {
		{ "size", "4095", "the least is a page" }, { "size", "much", "give bytes" },
		{ "size", "", "" }, { "size", "1M1", "give bytes" },
		{ "huge", "always", "beyond the end" },
		{ "huge", "", "" },
		{ "zeros", "some", "" }, { "share_zero", "often", "" },
		{ "uid", "-1", "" }, { "gid", "4294967295", "no such group" }, { "mode", "9", "" },
		{ "speed", "high", "" },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		EXPECT_STREQ("", refusal(good[i][0], good[i][1])) {
			TH_LOG("%s=%s", good[i][0], good[i][1]);
		}
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *text = refusal(bad[i][0], bad[i][1]);

		EXPECT_NE(0, strlen(text));
		EXPECT_NE(NULL, strstr(text, bad[i][2])) {
			TH_LOG("%s=%s: %s", bad[i][0], bad[i][1], text);
		}
	}
}

TEST_F(files, options_hold)
{
	char where[64], line[512], found[512] = "";
	struct stat st;
	FILE *in;

	ASSERT_EQ(0, mem_mount(where, sizeof(where), "size=2M,uid=7,gid=8,mode=1750"));
	ASSERT_EQ(0, stat(where, &st));
	EXPECT_EQ(7, st.st_uid);
	EXPECT_EQ(8, st.st_gid);
	EXPECT_EQ(S_IFDIR | 01750, st.st_mode);
	in = fopen("/proc/mounts", "r");
	ASSERT_NE(NULL, in);
	while (fgets(line, sizeof(line), in))
		if (strstr(line, where))
			strcpy(found, line);
	fclose(in);
	EXPECT_NE(NULL, strstr(found, "size=2048k,uid=7,gid=8,mode=1750,share_zero=off")) {
		TH_LOG("%s", found);
	}
	EXPECT_EQ(0, mem_remount(where, "share_zero=on"));
	EXPECT_EQ(-EINVAL, mem_remount(where, "uid=9"));
	EXPECT_EQ(0, mem_umount(where));
}

/* In a child: what happens when it touches this byte? Returns its signal or 0. */
static int touch(char *at)
{
	pid_t child = fork();
	int status;

	if (!child) {
		signal(SIGBUS, SIG_DFL);
		*(volatile char *)at = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST_F(files, size_is_a_limit)
{
	char byte = 1;

	ASSERT_EQ(0, mem_remount(self->where, "size=1M"));
	EXPECT_EQ(0, fallocate(self->fd, 0, 0, MIB));
	EXPECT_EQ(MIB, mem_used(self->where));
	EXPECT_EQ(-1, fallocate(self->fd, 0, MIB, PAGE));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(-1, pwrite(self->fd, &byte, 1, MIB));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(SIGBUS, touch(self->at + MIB));
	EXPECT_EQ(0, touch(self->at));
	EXPECT_EQ(-EINVAL, mem_remount(self->where, "size=512k"));
	EXPECT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	EXPECT_EQ(MIB - PAGE, mem_used(self->where));
	EXPECT_EQ(0, touch(self->at + MIB));
	EXPECT_EQ(SIGBUS, touch(self->at));
	EXPECT_EQ(0, mem_remount(self->where, "size=0"));
	EXPECT_EQ(0, touch(self->at));
	EXPECT_EQ(MIB + PAGE, mem_used(self->where));
	EXPECT_EQ(MIB + PAGE, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-configured"));
}

TEST_F(files, names)
{
	char from[128], to[128];
	struct stat st;

	snprintf(from, sizeof(from), "%s/a", self->where);
	snprintf(to, sizeof(to), "%s/folder", self->where);
	ASSERT_EQ(0, mkdir(to, 0755));
	strcat(to, "/b");
	EXPECT_EQ(0, rename(from, to));
	EXPECT_EQ(-1, stat(from, &st));
	EXPECT_EQ(0, link(to, from));
	EXPECT_EQ(0, stat(to, &st));
	EXPECT_EQ(2, st.st_nlink);
	EXPECT_EQ(0, unlink(to));
	EXPECT_EQ(-1, mknod(to, S_IFCHR | 0600, 0));
	EXPECT_EQ(EPERM, errno);
	*strrchr(to, '/') = 0;
	EXPECT_EQ(0, rmdir(to));
}

TEST_F(files, unlinked_while_mapped)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/a", self->where);
	memset(self->at, 5, MIB);
	close(self->fd);
	EXPECT_EQ(0, unlink(path));
	EXPECT_TRUE(mem_all(self->at, 5, MIB));
	memset(self->at + MIB, 6, MIB);
	EXPECT_TRUE(mem_all(self->at + MIB, 6, MIB));
	EXPECT_EQ(2 * MIB, mem_used(self->where));
	EXPECT_EQ(-1, umount(self->where));
	EXPECT_EQ(EBUSY, errno);
	munmap(self->at, FILE_SIZE);
	for (int i = 0; i < 200 && mem_used(self->where); i++)
		usleep(10000);
	EXPECT_EQ(0, mem_used(self->where));
	self->fd = mem_file(self->where, "a", FILE_SIZE);
	self->at = mem_map(self->fd, FILE_SIZE);
}

TEST_F(files, mappings)
{
	char path[128], *second;
	int fd;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	snprintf(path, sizeof(path), "%s/a", self->where);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	second = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, second);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EQ(EACCES, errno);
	self->at[5 * PAGE] = 1;
	EXPECT_EQ(1, second[5 * PAGE]);
	EXPECT_EQ(0, second[6 * PAGE]);
	self->at[6 * PAGE] = 2;
	EXPECT_EQ(2, second[6 * PAGE]);
	EXPECT_EQ(2 * PAGE, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(0, msync(self->at, FILE_SIZE, MS_SYNC));
	EXPECT_EQ(0, fsync(self->fd));
	if (!fork()) {
		self->at[7 * PAGE] = 3;
		_exit(0);
	}
	wait(NULL);
	EXPECT_EQ(3, second[7 * PAGE]);
	munmap(second, FILE_SIZE);
	close(fd);
}

TEST_F(files, read_and_write)
{
	static char out[3 * PAGE], in[3 * PAGE];
	char *volatile nowhere = (char *)16;
	struct stat st;
	int null;

	memset(out, 7, sizeof(out));
	EXPECT_EQ(sizeof(out), pwrite(self->fd, out, sizeof(out), 100));
	EXPECT_EQ(0, self->at[99]);
	EXPECT_TRUE(mem_all(self->at + 100, 7, sizeof(out)));
	EXPECT_EQ(0, self->at[100 + sizeof(out)]);
	EXPECT_EQ(sizeof(in), pread(self->fd, in, sizeof(in), 100));
	EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
	/* A hole, read, stays one. */
	EXPECT_EQ(sizeof(in), pread(self->fd, in, sizeof(in), MIB));
	EXPECT_TRUE(mem_all(in, 0, sizeof(in)));
	EXPECT_EQ(4 * PAGE, mem_stat(self->fd, "mem-resident"));
	/* At the end. */
	EXPECT_EQ(10, pread(self->fd, in, sizeof(in), FILE_SIZE - 10));
	EXPECT_EQ(0, pread(self->fd, in, sizeof(in), FILE_SIZE));
	EXPECT_EQ(10, pwrite(self->fd, out, 10, FILE_SIZE + PAGE + 5));
	EXPECT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(FILE_SIZE + PAGE + 15, st.st_size);
	EXPECT_EQ(5 * PAGE / 512, st.st_blocks);
	EXPECT_EQ(15, pread(self->fd, in, sizeof(in), FILE_SIZE + PAGE));
	EXPECT_TRUE(mem_all(in, 0, 5));
	EXPECT_TRUE(mem_all(in + 5, 7, 10));
	/* From the file into itself, and from memory that is not there. */
	EXPECT_EQ(PAGE, pwrite(self->fd, self->at + PAGE, PAGE, 2 * MIB));
	EXPECT_TRUE(mem_all(self->at + 2 * MIB, 7, PAGE));
	EXPECT_EQ(-1, pwrite(self->fd, nowhere, PAGE, 3 * MIB));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pread(self->fd, nowhere, PAGE, 0));
	EXPECT_EQ(EFAULT, errno);
	/* Through a pipe. */
	null = open("/dev/null", O_WRONLY);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(PAGE, sendfile(null, self->fd, NULL, PAGE));
	close(null);
}

TEST_F(files, truncate)
{
	memset(self->at, 9, FILE_SIZE);
	EXPECT_EQ(FILE_SIZE, mem_used(self->where));
	EXPECT_EQ(0, ftruncate(self->fd, MIB + 100));
	EXPECT_EQ(MIB + PAGE, mem_used(self->where));
	EXPECT_EQ(SIGBUS, touch(self->at + MIB + PAGE));
	EXPECT_TRUE(mem_all(self->at, 9, MIB + 100));
	EXPECT_TRUE(mem_all(self->at + MIB + 100, 0, PAGE - 100));
	/* Written behind the end, through the mapping: gone when the file grows. */
	memset(self->at + MIB + 100, 8, PAGE - 100);
	EXPECT_EQ(0, ftruncate(self->fd, FILE_SIZE));
	EXPECT_TRUE(mem_all(self->at + MIB + 100, 0, FILE_SIZE - MIB - 100));
	EXPECT_EQ(0, ftruncate(self->fd, 0));
	EXPECT_EQ(0, mem_used(self->where));
	EXPECT_EQ(SIGBUS, touch(self->at));
}

TEST_F(files, allocate_and_punch)
{
	const int keep = FALLOC_FL_KEEP_SIZE, hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct stat st;

	EXPECT_EQ(0, fallocate(self->fd, 0, 100, PAGE));
	EXPECT_EQ(2 * PAGE, mem_used(self->where));
	EXPECT_EQ(0, fallocate(self->fd, keep, FILE_SIZE, PAGE));
	EXPECT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(FILE_SIZE, st.st_size);
	EXPECT_EQ(3 * PAGE, mem_used(self->where));
	EXPECT_EQ(0, ftruncate(self->fd, FILE_SIZE));
	EXPECT_EQ(2 * PAGE, mem_used(self->where));
	EXPECT_EQ(0, fallocate(self->fd, 0, FILE_SIZE, 10));
	EXPECT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(FILE_SIZE + 10, st.st_size);
	EXPECT_EQ(0, ftruncate(self->fd, FILE_SIZE));

	memset(self->at, 4, 16 * PAGE);
	EXPECT_EQ(0, fallocate(self->fd, hole, PAGE + 10, 4 * PAGE));
	EXPECT_EQ(13 * PAGE, mem_used(self->where));
	EXPECT_TRUE(mem_all(self->at, 4, PAGE + 10));
	EXPECT_TRUE(mem_all(self->at + PAGE + 10, 0, 4 * PAGE));
	EXPECT_TRUE(mem_all(self->at + 5 * PAGE + 10, 4, 11 * PAGE - 10));
	EXPECT_EQ(0, fallocate(self->fd, hole, 0, 1ul << 40));
	EXPECT_EQ(0, mem_used(self->where));
	EXPECT_TRUE(mem_all(self->at, 0, 16 * PAGE));

	EXPECT_EQ(-1, fallocate(self->fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, fallocate(self->fd, FALLOC_FL_ZERO_RANGE, 0, PAGE));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_F(files, madvise_and_mlock)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int dropped;

	EXPECT_EQ(0, madvise(self->at, MIB, 23 /* MADV_POPULATE_WRITE */));
	EXPECT_EQ(MIB, mem_used(self->where));
	EXPECT_EQ(0, madvise(self->at + 2 * MIB, MIB, 22 /* MADV_POPULATE_READ */));
	EXPECT_EQ(2 * MIB, mem_used(self->where));
	memset(self->at, 3, 2 * MIB);
	EXPECT_EQ(0, madvise(self->at, FILE_SIZE, MADV_DONTNEED));
	EXPECT_TRUE(mem_all(self->at, 3, 2 * MIB));
	EXPECT_EQ(0, madvise(self->at, MIB, MADV_REMOVE));
	EXPECT_EQ(2 * MIB, mem_used(self->where));
	EXPECT_TRUE(mem_all(self->at, 0, MIB));
	EXPECT_TRUE(mem_all(self->at + MIB, 3, MIB));
	setrlimit(RLIMIT_MEMLOCK, &all);
	EXPECT_EQ(0, mlock(self->at, FILE_SIZE));
	EXPECT_EQ(FILE_SIZE, mem_used(self->where));
	EXPECT_EQ(0, munlock(self->at, FILE_SIZE));
	/* Nothing of it is a cache. Kernels without sysctl cannot be asked to drop those. */
	dropped = mem_write_text("/proc/sys/vm/drop_caches", "3");
	EXPECT_TRUE(!dropped || dropped == -ENOENT);
	EXPECT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED));
	EXPECT_EQ(FILE_SIZE, mem_used(self->where));
	EXPECT_TRUE(mem_all(self->at + MIB, 3, MIB));
}

/* Into a mapping and out of it, past the kernel's cache of the disk. */
TEST_F(files, direct_io)
{
	char *plain = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int disk = mem_disk(2 * MIB);

	if (disk < 0)
		SKIP(return, "no loop device");
	for (size_t i = 0; i < MIB; i++)
		self->at[i] = i * 7 + i / PAGE;
	EXPECT_EQ(MIB, pwrite(disk, self->at, MIB, 0));
	EXPECT_EQ(MIB, pread(disk, plain, MIB, 0));
	EXPECT_EQ(0, memcmp(plain, self->at, MIB));
	EXPECT_EQ(MIB, pread(disk, self->at + 2 * MIB, MIB, 0));
	EXPECT_EQ(0, memcmp(plain, self->at + 2 * MIB, MIB));
	/* From holes. */
	EXPECT_EQ(MIB, pwrite(disk, self->at + 3 * MIB, MIB, 0));
	EXPECT_EQ(MIB, pread(disk, plain, MIB, 0));
	EXPECT_TRUE(mem_all(plain, 0, MIB));
	munmap(plain, MIB);
	close(disk);
}

/* Pages move between nodes with what they hold; on one node there is nowhere to go. */
TEST_F(files, migration)
{
	enum { PAGES = 64 };
	unsigned long both = 3, second = 2;
	void *pages[PAGES];
	int nodes[PAGES], status[PAGES];

	for (int i = 0; i < PAGES; i++) {
		pages[i] = self->at + i * PAGE;
		memset(pages[i], i + 1, PAGE);
		nodes[i] = 1;
	}
	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "one NUMA node only: scripts/testhost run --numa 2");
	for (int node = 1; node >= 0; node--) {
		for (int i = 0; i < PAGES; i++)
			nodes[i] = node;
		ASSERT_EQ(0, syscall(SYS_move_pages, 0, PAGES, pages, nodes, status,
				     MPOL_MF_MOVE));
		for (int i = 0; i < PAGES; i++) {
			EXPECT_EQ(node, status[i]);
			EXPECT_TRUE(mem_all(pages[i], i + 1, PAGE));
		}
	}
	/* What is there moves, and what comes is put there. */
	ASSERT_EQ(0, syscall(SYS_mbind, self->at, FILE_SIZE, MPOL_BIND, &second, 3,
			     MPOL_MF_MOVE | MPOL_MF_STRICT));
	memset(self->at + PAGES * PAGE, 99, PAGES * PAGE);
	for (int half = 0; half < 2; half++) {
		for (int i = 0; i < PAGES; i++)
			pages[i] = self->at + (half * PAGES + i) * PAGE;
		ASSERT_EQ(0, syscall(SYS_move_pages, 0, PAGES, pages, NULL, status, 0));
		for (int i = 0; i < PAGES; i++) {
			EXPECT_EQ(1, status[i]);
			EXPECT_TRUE(mem_all(pages[i], half ? 99 : i + 1, PAGE));
		}
	}
	ASSERT_EQ(0, syscall(SYS_mbind, self->at, FILE_SIZE, MPOL_INTERLEAVE, &both, 3, 0));
	EXPECT_EQ(2 * PAGES * PAGE, mem_used(self->where));
}

static void *fill(void *data)
{
	for (char *at = data; at < (char *)data + FILE_SIZE; at += PAGE)
		__atomic_fetch_add(at, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* All want the same pages at once: each page exists once, and is counted once. */
TEST_F(files, filled_by_many)
{
	enum { THREADS = 4, ROUNDS = 8 };
	pthread_t threads[THREADS];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < THREADS; i++) {
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, fill, self->at));
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		for (char *at = self->at; at < self->at + FILE_SIZE; at += PAGE) {
			EXPECT_EQ(THREADS, *at);
		}
		EXPECT_EQ(FILE_SIZE, mem_used(self->where));
		EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-resident"));
		EXPECT_EQ(0, madvise(self->at, FILE_SIZE, MADV_REMOVE));
		EXPECT_EQ(0, mem_used(self->where));
	}
	EXPECT_EQ(ROUNDS * FILE_SIZE / PAGE, mem_stat(self->fd, "mem-fills"));
}

TEST_HARNESS_MAIN
