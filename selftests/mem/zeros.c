// SPDX-License-Identifier: GPL-2.0
/*
 * zeros=map: a hole that is read takes no memory, and whoever writes there, in whatever way, is
 * seen by everybody who has read zeros there before.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <linux/io_uring.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "common.h"

#define FILE_SIZE	(8 * MIB)
#define PAGES		(FILE_SIZE / PAGE)
#define ROUNDS		200

FIXTURE(zeros)
{
	char where[64];
	int fd;
	char *at;
	char *second;
};

/* @unit: what a write to a hole takes, a page of 4K or of 2M. */
FIXTURE_VARIANT(zeros)
{
	const char *options;
	uint64_t unit;
};

FIXTURE_VARIANT_ADD(zeros, small)
{
	.options = "share_zero=off,zeros=map",
	.unit = PAGE,
};

FIXTURE_VARIANT_ADD(zeros, huge)
{
	.options = "share_zero=off,zeros=map,huge=within_size",
	.unit = HUGE,
};

FIXTURE_SETUP(zeros)
{
	const char *missing = mem_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	mem_compact();
	self->fd = mem_begin(self->where, variant->options, FILE_SIZE, &self->at);
	ASSERT_LE(0, self->fd);
	self->second = mem_map(self->fd, FILE_SIZE);
	ASSERT_NE(MAP_FAILED, self->second);
}

FIXTURE_TEARDOWN(zeros)
{
	mem_set_defaults();
	if (self->fd < 0)
		return;
	munmap(self->second, FILE_SIZE);
	EXPECT_EQ(0, mem_end(self->where, self->fd, self->at, FILE_SIZE));
}

/* Whether a page reads as zeros; volatile, for nobody writes to it here. */
static bool reads_zeros(const volatile char *at, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		if (at[i * PAGE] || at[i * PAGE + PAGE - 1])
			return false;
	return true;
}

TEST_F(zeros, reading_takes_nothing)
{
	char buffer[PAGE];

	ASSERT_TRUE(reads_zeros(self->at, PAGES));
	ASSERT_TRUE(reads_zeros(self->second, PAGES));
	EXPECT_EQ(PAGE, pread(self->fd, buffer, PAGE, MIB));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(0, mem_used(self->where));
	EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-zero-mapped"));
	EXPECT_EQ(2 * PAGES, mem_stat(self->fd, "mem-faults-zero"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-filled"));
	/* Read again, they are there. */
	ASSERT_TRUE(reads_zeros(self->at, PAGES));
	EXPECT_EQ(2 * PAGES, mem_stat(self->fd, "mem-faults-zero"));
}

/* The ways of writing; each begins with a page that everybody has read as zeros. */
enum way { MAPPED, CALL, REMOTE, DIRECT, PROCESS, ALLOCATE, WAYS };

static int write_by(enum way way, int fd, char *at, uint64_t offset, char value)
{
	struct iovec from = { &value, 1 }, to = { at + offset, 1 };
	static char sector[512] __attribute__((aligned(512)));
	pid_t child;
	int status, disk;

	switch (way) {
	case CALL:
		return pwrite(fd, &value, 1, offset) == 1 ? 0 : -1;
	case REMOTE:
		return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 1 ? 0 : -1;
	case DIRECT:
		disk = mem_disk(MIB);
		if (disk < 0)
			return 1;
		memset(sector, value, sizeof(sector));
		status = pwrite(disk, sector, 512, 0) == 512 &&
			 pread(disk, at + offset, 512, 0) == 512 ? 0 : -1;
		close(disk);
		return status;
	case PROCESS:
		child = fork();
		if (!child) {
			at[offset] = value;
			_exit(0);
		}
		return waitpid(child, &status, 0) == child && !status ? 0 : -1;
	case ALLOCATE:
		if (fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, PAGE))
			return -1;
		/* fall through */
	default:
		*(volatile char *)(at + offset) = value;
		return 0;
	}
}

TEST_F(zeros, a_write_is_seen_by_all)
{
	for (int way = 0; way < WAYS; way++) {
		uint64_t before = mem_stat(self->fd, "mem-resident");
		/* Each in 2M of its own, but for the last two, which share the fourth. */
		uint64_t offset = (way % 4) * HUGE + (5 + 64 * (way / 4)) * PAGE;
		char value = way + 1;
		int ret;

		if (way < 4)
			ASSERT_TRUE(reads_zeros(self->at + way * HUGE, HUGE / PAGE));
		reads_zeros(self->second + offset, 1);
		ret = write_by(way, self->fd, self->at, offset, value);
		if (ret > 0) {
			TH_LOG("no disk for direct I/O");
			continue;
		}
		ASSERT_EQ(0, ret) TH_LOG("way %d: %s", way, strerror(errno));
		EXPECT_EQ(value, ((volatile char *)self->second)[offset]) TH_LOG("way %d", way);
		EXPECT_EQ(value, ((volatile char *)self->at)[offset]) TH_LOG("way %d", way);
		EXPECT_TRUE(reads_zeros(self->at + offset - PAGE, 1));
		EXPECT_TRUE(reads_zeros(self->second + offset + PAGE, 1));
		if (way < 4)
			EXPECT_EQ(before + variant->unit, mem_stat(self->fd, "mem-resident"))
				TH_LOG("way %d", way);
	}
	EXPECT_EQ(mem_used(self->where), mem_stat(self->fd, "mem-resident"));
	/* What has a page is none of those that share, and what has none still reads as zeros. */
	EXPECT_GE(FILE_SIZE, mem_stat(self->fd, "mem-zero-mapped") +
			     mem_stat(self->fd, "mem-resident"));
}

/* Reads a page in each round, while somebody writes to it by another mapping. */
struct reader {
	const volatile char *at;
	pthread_barrier_t ready, over;
	pthread_t thread;
};

static void *read_in_rounds(void *data)
{
	struct reader *reader = data;

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&reader->ready);
		(void)reader->at[round * PAGE];
		pthread_barrier_wait(&reader->over);
	}
	return NULL;
}

TEST_F_TIMEOUT(zeros, a_write_is_seen_by_who_reads_just_then, 120)
{
	static const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct reader reader = { .at = self->second };
	unsigned int lost = 0;

	ASSERT_EQ(0, pthread_barrier_init(&reader.ready, NULL, 2));
	ASSERT_EQ(0, pthread_barrier_init(&reader.over, NULL, 2));
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_in_rounds, &reader));
	for (int round = 0; round < ROUNDS; round++) {
		char value = round | 1;

		ASSERT_EQ(0, fallocate(self->fd, how, 0, HUGE));
		pthread_barrier_wait(&reader.ready);
		((volatile char *)self->at)[round * PAGE] = value;
		pthread_barrier_wait(&reader.over);
		lost += reader.at[round * PAGE] != value;
	}
	pthread_join(reader.thread, NULL);
	EXPECT_EQ(0, lost);
	TH_LOG("%llu pages were read as holes, %llu were made",
	       (unsigned long long)mem_stat(self->fd, "mem-faults-zero"),
	       (unsigned long long)mem_stat(self->fd, "mem-faults-filled"));
}

TEST_F(zeros, what_is_punched_is_shared_again)
{
	memset(self->at, 7, HUGE);
	ASSERT_EQ(7, self->second[HUGE - 1]);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGE));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
	EXPECT_TRUE(reads_zeros(self->at, HUGE / PAGE));
	EXPECT_TRUE(reads_zeros(self->second, HUGE / PAGE));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
	self->second[PAGE] = 9;
	EXPECT_EQ(9, ((volatile char *)self->at)[PAGE]);
	EXPECT_TRUE(reads_zeros(self->at + 2 * PAGE, 1));
}

static sigjmp_buf out;

static void on_bus(int number)
{
	siglongjmp(out, number);
}

static bool is_bus_error(const volatile char *at)
{
	struct sigaction action = { .sa_handler = on_bus }, before;
	bool bus = true;

	sigaction(SIGBUS, &action, &before);
	if (!sigsetjmp(out, 1)) {
		(void)*at;
		bus = false;
	}
	sigaction(SIGBUS, &before, NULL);
	return bus;
}

TEST_F(zeros, nothing_is_behind_the_end)
{
	ASSERT_TRUE(reads_zeros(self->at, PAGES));
	ASSERT_TRUE(reads_zeros(self->second, PAGES));
	ASSERT_EQ(0, ftruncate(self->fd, MIB));
	EXPECT_TRUE(is_bus_error(self->at + MIB));
	EXPECT_TRUE(is_bus_error(self->second + FILE_SIZE - 1));
	EXPECT_FALSE(is_bus_error(self->at + MIB - 1));
	ASSERT_EQ(0, ftruncate(self->fd, FILE_SIZE));
	EXPECT_TRUE(reads_zeros(self->second, PAGES));
	self->at[FILE_SIZE - 1] = 3;
	EXPECT_EQ(3, ((volatile char *)self->second)[FILE_SIZE - 1]);
}

/* mlock() is to have memory there: zeros that are shared are not. */
TEST_F(zeros, locked_memory_is_the_files_own)
{
	char *locked = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_LOCKED,
			    self->fd, 0);
	uint64_t faults;

	if (locked == MAP_FAILED)
		SKIP(return, "no memory can be locked: %s", strerror(errno));
	EXPECT_LE(MIB, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-zero-mapped"));
	faults = mem_stat(self->fd, "mem-faults-filled");
	memset(locked, 1, MIB);
	EXPECT_EQ(faults, mem_stat(self->fd, "mem-faults-filled"));
	munmap(locked, MIB);
}

/* What the limit counts is what takes memory. */
TEST_F_TIMEOUT(zeros, a_limit_does_not_mind_them, 300)
{
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=4M"));
	ASSERT_TRUE(reads_zeros(self->at, PAGES));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-limit-waits"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
	/* What goes to the store is no hole, and nothing of it is taken for one. */
	for (uint64_t i = 0; i < PAGES; i++)
		memset(self->at + i * PAGE, 1 + i % 100, PAGE);
	EXPECT_GE(4 * MIB, mem_stat(self->fd, "mem-resident"));
	EXPECT_LT(0, mem_stat(self->fd, "mem-evicted"));
	for (uint64_t i = 0; i < PAGES; i++)
		ASSERT_TRUE(mem_all(self->second + i * PAGE, 1 + i % 100, PAGE));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-zero-mapped"));
}

/* The kernel lets nobody hold such pages for long: that must be said, not be wrong. */
TEST_F(zeros, long_pins_are_refused)
{
	struct iovec pinned = { self->at, PAGE };
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 4, &params);

	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(errno));
	EXPECT_NE(0, syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &pinned, 1));
	close(ring);
	EXPECT_TRUE(reads_zeros(self->at, 1));
}

TEST_F(zeros, it_cannot_be_changed_later)
{
	char line[512], *found = NULL;
	FILE *in = fopen("/proc/mounts", "r");

	EXPECT_EQ(-EINVAL, mem_remount(self->where, "zeros=fill"));
	EXPECT_EQ(0, mem_remount(self->where, "zeros=map,file_limit=0"));
	while (in && !found && fgets(line, sizeof(line), in))
		found = strstr(line, self->where) ? strstr(line, "zeros=map") : NULL;
	EXPECT_NE(NULL, found);
	if (in)
		fclose(in);
	ASSERT_TRUE(reads_zeros(self->at, PAGES));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
}

TEST_HARNESS_MAIN
