// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on a file, each compared with what a plain array would hold: reads,
 * writes, mapped reads and writes, sizes, holes, allocations, at any byte, while the
 * scanner works as fast as it can, with small pages and with large ones, and under limits that
 * change, so that pages are in the store as well. A failure names the seed, which repeats it:
 * VMQOS_SEED=N.
 */
#include <sys/sendfile.h>
#include <time.h>

#include "scanned.h"

#define MOST_SMALL	(256 * 1024ul)
#define MOST		(3 * HUGE + 96 * 1024)
#define OPERATIONS	6000
#define OPERATIONS_LONG	40000
/* Of large pages each operation is on more memory. */
#define TIMES_LARGER	8

static char truth[MOST], scratch[MOST];
static uint64_t size, state, most;
static int fd;
static char *at;

static uint32_t draw(uint32_t below)
{
	return mem_draw(&state) % below;
}

/* A range in the first @limit bytes, in one of two on page borders. */
static void range(uint64_t limit, uint64_t *from, uint64_t *length)
{
	*from = draw(limit);
	*length = 1 + draw(draw(2) ? 3 * PAGE : limit);
	if (draw(2)) {
		*from &= ~(PAGE - 1);
		*length = (*length + PAGE - 1) & ~(PAGE - 1);
	} else if (limit > HUGE && !draw(3)) {
		*from &= ~(HUGE - 1);
		*length = (*length + HUGE - 1) & ~(HUGE - 1);
	}
	if (*from + *length > limit)
		*length = limit - *from;
}

static void invent(char *to, uint64_t length)
{
	char value = draw(3) ? 0 : 1 + draw(200);

	for (uint64_t i = 0; i < length; i++)
		to[i] = value ? value + i / 512 : 0;
}

static bool op_write(uint64_t from, uint64_t length)
{
	invent(scratch, length);
	if (pwrite(fd, scratch, length, from) != (ssize_t)length)
		return false;
	memcpy(truth + from, scratch, length);
	if (from + length > size)
		size = from + length;
	return true;
}

static bool op_read(uint64_t from, uint64_t length)
{
	ssize_t want = from >= size ? 0 : from + length > size ? size - from : length;

	return pread(fd, scratch, length, from) == want && !memcmp(scratch, truth + from, want);
}

static bool op_map_write(uint64_t from, uint64_t length)
{
	invent(truth + from, length);
	memcpy(at + from, truth + from, length);
	return true;
}

static bool op_map_read(uint64_t from, uint64_t length)
{
	return !memcmp(at + from, truth + from, length);
}

static bool op_truncate(uint64_t to)
{
	/* What is written behind the end must never be seen. */
	if (size % PAGE && draw(2))
		memset(at + size, 0x55, PAGE - size % PAGE);
	if (ftruncate(fd, to))
		return false;
	if (to < size)
		memset(truth + to, 0, size - to);
	size = to;
	return true;
}

static bool op_punch(uint64_t from, uint64_t length)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, length))
		return false;
	if (from < size)
		memset(truth + from, 0, from + length > size ? size - from : length);
	return true;
}

static bool op_allocate(uint64_t from, uint64_t length, bool keep)
{
	if (fallocate(fd, keep ? FALLOC_FL_KEEP_SIZE : 0, from, length))
		return false;
	if (!keep && from + length > size)
		size = from + length;
	return true;
}

static bool op_remove(uint64_t from, uint64_t length)
{
	from &= ~(PAGE - 1);
	length = (length + PAGE - 1) & ~(PAGE - 1);
	if (madvise(at + from, length, MADV_REMOVE))
		return false;
	if (from < size)
		memset(truth + from, 0, from + length > size ? size - from : length);
	return true;
}

static bool op_copy_out(uint64_t from, uint64_t length)
{
	off_t offset = from;
	int out = memfd_create("out", 0);
	ssize_t got, sent = 0;
	bool right;

	while (sent < (ssize_t)length) {
		got = sendfile(out, fd, &offset, length - sent);
		if (got <= 0)
			break;
		sent += got;
	}
	right = sent == (ssize_t)length && pread(out, scratch, length, 0) == sent &&
		!memcmp(scratch, truth + from, length);
	close(out);
	return right;
}

static bool op_remap(void)
{
	if (draw(2))
		return !madvise(at, most, MADV_DONTNEED);
	munmap(at, most);
	at = mem_map(fd, most);
	return at != MAP_FAILED;
}

static const char *const names[] = {
	"write", "read", "mapped write", "mapped read", "truncate", "punch", "allocate",
	"allocate and keep the size", "remove", "copy out", "remap", "synchronise",
};

static bool one(unsigned int what)
{
	uint64_t from, length;
	struct stat st;

	/* Those that need something to be there. */
	if (!size && (what == 2 || what == 3 || what == 9))
		what = 0;
	range(what == 2 || what == 3 || what == 9 ? size : most, &from, &length);
	switch (what) {
	case 0:
		return op_write(from, length);
	case 1:
		return op_read(from, length);
	case 2:
		return op_map_write(from, length);
	case 3:
		return op_map_read(from, length);
	case 4:
		return op_truncate(draw(4) ? from : draw(2) ? 0 : most);
	case 5:
		return op_punch(from, length);
	case 6:
		return op_allocate(from, length, false);
	case 7:
		return op_allocate(from, length, true);
	case 8:
		return op_remove(from, length);
	case 9:
		return op_copy_out(from, length);
	case 10:
		return op_remap();
	default:
		return !fsync(fd) && !fstat(fd, &st) && (uint64_t)st.st_size == size;
	}
}

/* Now and then a limit below or above what there is, or none. */
static bool change_limit(void)
{
	static const char *const limits[] = {
		"file_limit=64k", "file_limit=8k", "file_limit=1M", "file_limit=3M", "file_limit=0",
	};

	return !mem_remount(where, limits[draw(sizeof(limits) / sizeof(limits[0]))]);
}

TEST_F_TIMEOUT(scanned, random_operations, 900)
{
	const char *seed = getenv("VMQOS_SEED");
	unsigned int operations = getenv("VMQOS_LONG") ? OPERATIONS_LONG : OPERATIONS;
	unsigned long long first = seed ? strtoull(seed, NULL, 10) : (unsigned long long)time(NULL);
	unsigned int n, what = 0;
	uint64_t used = 0;

	if (left_out(variant->limited))
		SKIP(return, "takes long: VMQOS_LONG=1");
	most = variant->huge ? MOST : MOST_SMALL;
	if (variant->huge)
		operations /= TIMES_LARGER;
	state = first;
	TH_LOG("VMQOS_SEED=%llu, %u operations", first, operations);
	fd = mem_file(where, "a", 0);
	ASSERT_LE(0, fd);
	at = mem_map(fd, most);
	ASSERT_NE(MAP_FAILED, at);
	for (n = 0; n < operations; n++) {
		what = draw(sizeof(names) / sizeof(names[0]));
		if (variant->limited && !draw(32) && !change_limit())
			break;
		if (!one(what))
			break;
		if (n % 64 == 0 && size && memcmp(at, truth, size))
			break;
	}
	EXPECT_EQ(operations, n) {
		TH_LOG("operation %u, %s: wrong, size %llu, %s", n, names[what],
		       (unsigned long long)size, strerror(errno));
	}
	TH_LOG("%llu pages of zeros were taken meanwhile",
	       (unsigned long long)mem_stat(fd, "mem-zero-freed"));
	EXPECT_LT(0, mem_stat(fd, "mem-zero-freed"));
	TH_LOG("%llu pages of 2M were split", (unsigned long long)mem_stat(fd, "mem-splits"));
	if (variant->huge)
		EXPECT_LT(0, mem_stat(fd, "mem-splits"));
	if (variant->zeros)
		EXPECT_LT(0, mem_stat(fd, "mem-faults-zero"));
	if (variant->limited) {
		TH_LOG("%llu pages went to the store",
		       (unsigned long long)mem_stat(fd, "mem-evicted"));
		EXPECT_LT(0, mem_stat(fd, "mem-evicted"));
	}
	/* What is under way, under a limit, may change one before the other is read. */
	ASSERT_EQ(0, mem_remount(where, "file_limit=0,share_zero=off"));
	for (n = 0; n < 1000; n++) {
		used = mem_used(where);
		if (used == mem_stat(fd, "mem-resident"))
			break;
		usleep(10000);
	}
	EXPECT_GT(1000, n);
	TH_LOG("%llu bytes are used, %llu resident", (unsigned long long)used,
	       (unsigned long long)mem_stat(fd, "mem-resident"));
	munmap(at, most);
	close(fd);
}

TEST_HARNESS_MAIN
