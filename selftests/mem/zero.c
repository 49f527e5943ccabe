// SPDX-License-Identifier: GPL-2.0
/*
 * The scanner: it finds every page of zeros and no other, leaves alone what is pinned or
 * locked, keeps to its mode and its budget.
 */
#include <linux/io_uring.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "kselftest_harness.h"
#include "common.h"

#define FILE_SIZE	(8 * MIB)
#define PAGES		(FILE_SIZE / PAGE)
#define PATIENCE	60

FIXTURE(zero)
{
	char where[64];
	int fd;
	char *at;
};

/* @unit: what is locked or pinned as one, a page of 2M or a part of the file. */
FIXTURE_VARIANT(zero)
{
	const char *options;
	uint64_t unit;
	bool huge;
};

FIXTURE_VARIANT_ADD(zero, small)
{
	.options = "share_zero=off",
	.unit = MIB,
};

FIXTURE_VARIANT_ADD(zero, huge)
{
	.options = "share_zero=off,huge=within_size",
	.unit = HUGE,
	.huge = true,
};

FIXTURE_SETUP(zero)
{
	const char *missing = mem_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	ASSERT_EQ(0, mem_set_fastest());
	self->fd = mem_begin(self->where, variant->options, FILE_SIZE, &self->at);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(zero)
{
	mem_set_defaults();
	if (self->fd >= 0) {
		EXPECT_EQ(0, mem_end(self->where, self->fd, self->at, FILE_SIZE));
	}
}

/* Every third page has one byte that is not zero, each at another place. */
static void fill(char *at)
{
	memset(at, 0, FILE_SIZE);
	for (size_t i = 0; i < PAGES; i += 3)
		at[i * PAGE + i * 613 % PAGE] = 1 + i % 100;
}

static bool intact(const char *at)
{
	for (size_t i = 0; i < PAGES; i++) {
		const char *page = at + i * PAGE;
		size_t byte = i * 613 % PAGE;

		if (i % 3 ? !mem_all(page, 0, PAGE) :
		    page[byte] != (char)(1 + i % 100) || !mem_all(page, 0, byte) ||
		    !mem_all(page + byte + 1, 0, PAGE - byte - 1))
			return false;
	}
	return true;
}

TEST_F_TIMEOUT(zero, all_and_no_other, 120)
{
	const uint64_t full = (PAGES + 2) / 3;
	char *second = mem_map(self->fd, FILE_SIZE);
	static char copy[FILE_SIZE];

	ASSERT_NE(MAP_FAILED, second);
	fill(self->at);
	for (size_t i = 0; i < PAGES; i++) {
		ASSERT_EQ(self->at[i * PAGE], second[i * PAGE]);
	}
	EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-resident"));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=on"));
	ASSERT_TRUE(mem_wait_passes(self->fd, 3, PATIENCE));
	EXPECT_EQ(full * PAGE, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(full * PAGE, mem_used(self->where));
	EXPECT_EQ(PAGES - full, mem_stat(self->fd, "mem-zero-freed"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-zero-changed"));
	EXPECT_EQ(variant->huge ? FILE_SIZE / HUGE : 0, mem_stat(self->fd, "mem-splits"));
	EXPECT_EQ(FILE_SIZE, pread(self->fd, copy, FILE_SIZE, 0));
	EXPECT_TRUE(intact(copy));
	EXPECT_EQ(full * PAGE, mem_stat(self->fd, "mem-resident"));
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=off"));
	EXPECT_TRUE(intact(self->at));
	EXPECT_TRUE(intact(second));
	munmap(second, FILE_SIZE);
}

TEST_F_TIMEOUT(zero, modes, 120)
{
	fill(self->at);
	usleep(300000);
	EXPECT_EQ(0, mem_stat(self->fd, "mem-scanned"));
	/* Nothing available is less than nothing; all of it is less than all. */
	ASSERT_EQ(0, mem_set("pressure_percent", 0));
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=pressure"));
	usleep(300000);
	EXPECT_EQ(0, mem_stat(self->fd, "mem-scanned"));
	ASSERT_EQ(0, mem_set("pressure_percent", 100));
	EXPECT_TRUE(mem_wait_passes(self->fd, 2, PATIENCE));
	EXPECT_LT(0, mem_stat(self->fd, "mem-zero-freed"));
	ASSERT_EQ(0, mem_set("scan_percent", 0));
	usleep(300000);
	fill(self->at);
	usleep(300000);
	EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-resident"));
	EXPECT_TRUE(intact(self->at));
}

/* mlock() promises that no access will wait for memory. */
TEST_F_TIMEOUT(zero, locked_pages_stay, 120)
{
	const uint64_t unit = variant->unit;
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &all);
	ASSERT_EQ(0, mlock(self->at, unit));
	memset(self->at + unit, 0, unit);
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=on"));
	ASSERT_TRUE(mem_wait_passes(self->fd, 3, PATIENCE));
	/* Which large pages are locked is not known, only that some are. */
	EXPECT_EQ(variant->huge ? 2 * unit : unit, mem_stat(self->fd, "mem-resident"));
	EXPECT_LE(variant->huge ? 2 : unit / PAGE, mem_stat(self->fd, "mem-zero-locked"));
	ASSERT_EQ(0, munlock(self->at, unit));
	ASSERT_EQ(0, mem_settle());
	ASSERT_TRUE(mem_wait_passes(self->fd, 3, PATIENCE));
	/* Nor that they are not wanted any more. */
	EXPECT_EQ(variant->huge ? 2 * unit : 0, mem_stat(self->fd, "mem-resident"));
}

/* As much of io_uring as registers a buffer and reads from a file into it. */
struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static int ring_open(struct ring *ring)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, 4, &p);
	if (ring->fd < 0)
		return -errno;
	sq = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->sqes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			  IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring->sqes == MAP_FAILED)
		return -ENOMEM;
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	ring->sq_array = (void *)(sq + p.sq_off.array);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

static int ring_read(struct ring *ring, int from, void *to, unsigned int length)
{
	unsigned int slot = *ring->sq_tail & *ring->sq_mask;

	ring->sqes[slot] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ_FIXED, .fd = from, .addr = (uintptr_t)to, .len = length,
	};
	ring->sq_array[slot] = slot;
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -errno;
	return ring->cqes[(*ring->cq_head)++ & *ring->cq_mask].res;
}

/* A pin lasts as long as somebody wants it; what is written through it must be seen. */
TEST_F_TIMEOUT(zero, pinned_pages_stay, 120)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const uint64_t unit = variant->unit;
	struct iovec pinned = { self->at, unit };
	int source = memfd_create("source", 0);
	struct ring ring = { 0 };
	char page[PAGE];

	setrlimit(RLIMIT_MEMLOCK, &all);
	if (ring_open(&ring))
		SKIP(return, "no io_uring: %s", strerror(errno));
	memset(self->at, 0, 2 * unit);
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &pinned, 1)) {
		/* Older ones (6.1 is one) take no pages of files at all. */
		ASSERT_EQ(EOPNOTSUPP, errno);
		close(source);
		SKIP(return, "this kernel's io_uring registers no pages of files");
	}
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=on"));
	ASSERT_TRUE(mem_wait_passes(self->fd, 3, PATIENCE));
	EXPECT_EQ(unit, mem_stat(self->fd, "mem-resident"));
	EXPECT_LE(variant->huge ? 1 : unit / PAGE, mem_stat(self->fd, "mem-zero-busy"));
	for (size_t at = 0; at < unit; at += PAGE) {
		memset(page, 1 + at / PAGE % 100, PAGE);
		ASSERT_EQ(PAGE, pwrite(source, page, PAGE, at));
	}
	ASSERT_EQ((int)unit, ring_read(&ring, source, self->at, unit));
	for (size_t at = 0; at < unit; at += PAGE) {
		EXPECT_TRUE(mem_all(self->at + at, 1 + at / PAGE % 100, PAGE));
	}
	/* Let go of, it is memory like any other. */
	ASSERT_EQ(0, syscall(SYS_io_uring_register, ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	close(ring.fd);
	memset(self->at, 0, unit);
	for (int i = 0; i < 10 && mem_stat(self->fd, "mem-resident"); i++) {
		ASSERT_TRUE(mem_wait_passes(self->fd, 2, PATIENCE));
	}
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
	close(source);
}

/* A pipe that was given pages refers to them: who reads it sees what is written to them. */
TEST_F_TIMEOUT(zero, spliced_pages_stay, 120)
{
	enum { GIVEN = 64 };
	struct iovec pages = { self->at, GIVEN * PAGE };
	char page[PAGE];
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	ASSERT_LE(GIVEN * PAGE, fcntl(ends[1], F_SETPIPE_SZ, GIVEN * PAGE));
	memset(self->at, 0, MIB);
	ASSERT_EQ(GIVEN * PAGE, vmsplice(ends[1], &pages, 1, 0));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=on"));
	ASSERT_TRUE(mem_wait_passes(self->fd, 3, PATIENCE));
	/* A pin of a part holds the whole of a large page. */
	EXPECT_EQ(variant->huge ? HUGE : GIVEN * PAGE, mem_stat(self->fd, "mem-resident"));
	for (size_t i = 0; i < GIVEN; i++) {
		memset(self->at + i * PAGE, 1 + i, PAGE);
		ASSERT_EQ(PAGE, read(ends[0], page, PAGE));
		EXPECT_TRUE(mem_all(page, 1 + i, PAGE));
	}
	close(ends[0]);
	close(ends[1]);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/*
 * The budget is of time gone by, so it holds whatever else the machine does. But a stretch of work
 * in which the machine stands still is a long one, and its rest comes later: not always.
 */
TEST_F_TIMEOUT(zero, budget, 120)
{
	uint64_t began, spent, gone, sum = 0;
	int tries = 0;

	for (size_t i = 0; i < PAGES; i++)
		self->at[i * PAGE + PAGE - 1] = 1;
	ASSERT_EQ(0, mem_set("scan_percent", 10));
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=on"));
	ASSERT_TRUE(mem_wait_passes(self->fd, 1, PATIENCE));
	do {
		began = now_ns();
		spent = mem_stat(self->fd, "mem-zero-scan-ns");
		sleep(3);
		spent = mem_stat(self->fd, "mem-zero-scan-ns") - spent;
		gone = now_ns() - began;
		sum += spent;
		TH_LOG("%.2f %% of a CPU", 100.0 * spent / gone);
		/* One stretch of work may be in, whose rest is not. */
	} while (spent > gone / 10 + 50000000 && ++tries < 3);
	EXPECT_LT(0, sum);
	EXPECT_LE(spent, gone / 10 + 50000000);
	EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-splits"));
}

/* Files come and go while they are scanned. */
TEST_F_TIMEOUT(zero, files_come_and_go, 120)
{
	char path[128], name[16];
	int fd;

	ASSERT_EQ(0, mem_remount(self->where, "share_zero=on"));
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%d", i % 7);
		snprintf(path, sizeof(path), "%s/%s", self->where, name);
		fd = mem_file(self->where, name, MIB);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, fallocate(fd, 0, 0, MIB));
		EXPECT_EQ(0, unlink(path));
		close(fd);
	}
	EXPECT_EQ(0, mem_used(self->where));
}

TEST_HARNESS_MAIN
