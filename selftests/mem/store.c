// SPDX-License-Identifier: GPL-2.0
/*
 * The compressed store: what goes there comes back as it was, by every way to it, and what
 * is removed there is gone.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"
#include "common.h"

#define SIZE		(4 * MIB)
#define LIMIT		MIB
#define PATIENCE	60
#define ROUNDS		8
#define FEW		64u
#define SECONDS		4

static char where[64];

FIXTURE(store)
{
	int fd;
	char *at;
};

FIXTURE_VARIANT(store)
{
	const char *options;
};

FIXTURE_VARIANT_ADD(store, small)
{
	.options = "file_limit=1M",
};

FIXTURE_VARIANT_ADD(store, huge)
{
	.options = "file_limit=0,huge=within_size",
};

FIXTURE_SETUP(store)
{
	const char *missing = mem_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	self->fd = mem_begin(where, variant->options, SIZE, &self->at);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(store)
{
	if (self->fd >= 0) {
		EXPECT_EQ(0, mem_end(where, self->fd, self->at, SIZE));
	}
}

/* Another word in each page, which gets small with every packer; never 0. */
static uint32_t word(size_t page, uint32_t salt)
{
	return (page * 2654435761u + salt) | 1;
}

static void fill(char *at, size_t from, size_t to, uint32_t salt)
{
	for (size_t page = from; page < to; page++)
		for (size_t i = 0; i < PAGE / 4; i++)
			((uint32_t *)(at + page * PAGE))[i] = word(page, salt);
}

static bool is_filled(const char *at, size_t from, size_t to, uint32_t salt)
{
	for (size_t page = from; page < to; page++)
		for (size_t i = 0; i < PAGE / 4; i++)
			if (((const uint32_t *)(at + page * PAGE))[i] != word(page, salt))
				return false;
	return true;
}

/* Who makes a file waits until nobody is at work in the background: what was done is counted. */
static bool wait_counted(void)
{
	char path[PATH_MAX];
	int fd = mem_file(where, "counted", 0);

	if (fd < 0)
		return false;
	close(fd);
	snprintf(path, sizeof(path), "%s/counted", where);
	return !unlink(path);
}

/* A limit on what is there already is come down to in the background. */
static bool squeeze(int fd, uint64_t limit)
{
	char option[64];

	if (mem_settle())
		return false;
	snprintf(option, sizeof(option), "file_limit=%llu", (unsigned long long)limit);
	if (mem_remount(where, option))
		return false;
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mem_stat(fd, "mem-resident") <= limit)
			return wait_counted();
		usleep(10000);
	}
	return false;
}

/* Until the first page has gone. */
static bool begin_to_squeeze(int fd, const char *option)
{
	uint64_t before = mem_stat(fd, "mem-evicted");

	if (mem_remount(where, option))
		return false;
	for (int i = 0; i < PATIENCE * 1000; i++) {
		if (mem_stat(fd, "mem-evicted") != before)
			return true;
		usleep(1000);
	}
	return false;
}

TEST_F_TIMEOUT(store, what_goes_there_comes_back, 300)
{
	static char page[PAGE];
	char *again;

	fill(self->at, 0, SIZE / PAGE, 7);
	EXPECT_TRUE(squeeze(self->fd, LIMIT));
	EXPECT_LE((SIZE - LIMIT) / PAGE, mem_stat(self->fd, "mem-evicted"));
	EXPECT_LE(SIZE - LIMIT, mem_stat(self->fd, "mem-stored-raw"));
	EXPECT_GE(mem_stat(self->fd, "mem-stored-raw") / 4, mem_stat(self->fd, "mem-stored"));
	EXPECT_LT(0, mem_stat(self->fd, "mem-stored"));
	/* By read(), through this mapping, and through another one. */
	for (size_t i = 0; i < SIZE / PAGE; i++) {
		ASSERT_EQ(PAGE, pread(self->fd, page, PAGE, i * PAGE));
		ASSERT_TRUE(is_filled(page - i * PAGE, i, i + 1, 7));
	}
	EXPECT_TRUE(is_filled(self->at, 0, SIZE / PAGE, 7));
	again = mem_map(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, again);
	EXPECT_TRUE(is_filled(again, 0, SIZE / PAGE, 7));
	EXPECT_LT(0, mem_stat(self->fd, "mem-faults-stored"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-failed"));
	/* And is written there: a word by a mapping, a word by a call. */
	for (size_t i = 0; i < SIZE / PAGE; i++) {
		uint32_t value = word(i, 9);

		again[i * PAGE] = 1;
		ASSERT_EQ(4, pwrite(self->fd, &value, 4, i * PAGE + 8));
	}
	for (size_t i = 0; i < SIZE / PAGE; i++) {
		const uint32_t *words = (const uint32_t *)(self->at + i * PAGE);

		ASSERT_EQ(1, self->at[i * PAGE]);
		ASSERT_EQ(word(i, 9), words[2]);
		ASSERT_EQ(word(i, 7), words[3]);
		ASSERT_EQ(word(i, 7), words[PAGE / 4 - 1]);
	}
	munmap(again, SIZE);
	EXPECT_TRUE(squeeze(self->fd, LIMIT));
	/* It all fits again, and is there. */
	ASSERT_EQ(0, mem_remount(where, "file_limit=0"));
	ASSERT_EQ(0, madvise(self->at, SIZE, MADV_POPULATE_WRITE));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-stored"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-stored-raw"));
	EXPECT_EQ(SIZE, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(SIZE, mem_used(where));
}

TEST_F_TIMEOUT(store, what_is_removed_there_is_gone, 300)
{
	const size_t pages = SIZE / PAGE;

	fill(self->at, 0, pages, 3);
	ASSERT_TRUE(squeeze(self->fd, LIMIT / 4));
	/* Whole pages, and parts of pages, at both ends. */
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8 * PAGE,
			       100 * PAGE));
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       200 * PAGE + 100, 3 * PAGE));
	EXPECT_TRUE(is_filled(self->at, 0, 8, 3));
	EXPECT_TRUE(mem_all(self->at + 8 * PAGE, 0, 100 * PAGE));
	EXPECT_TRUE(is_filled(self->at, 108, 200, 3));
	EXPECT_EQ(word(200, 3), *(uint32_t *)(self->at + 200 * PAGE));
	EXPECT_TRUE(mem_all(self->at + 200 * PAGE + 100, 0, 3 * PAGE));
	EXPECT_EQ(word(203, 3), *(uint32_t *)(self->at + 203 * PAGE + 100));
	EXPECT_TRUE(is_filled(self->at, 204, pages, 3));
	/* A file that is cut in the middle of a page and grows again has zeros there. */
	ASSERT_TRUE(squeeze(self->fd, LIMIT / 4));
	ASSERT_EQ(0, ftruncate(self->fd, 500 * PAGE + 8));
	ASSERT_TRUE(squeeze(self->fd, LIMIT / 4));
	ASSERT_EQ(0, ftruncate(self->fd, SIZE));
	EXPECT_TRUE(is_filled(self->at, 300, 500, 3));
	EXPECT_EQ(word(500, 3), *(uint32_t *)(self->at + 500 * PAGE));
	EXPECT_TRUE(mem_all(self->at + 500 * PAGE + 8, 0, SIZE - 500 * PAGE - 8));
	/* All of it. */
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-stored"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(0, mem_used(where));
	EXPECT_TRUE(mem_all(self->at, 0, SIZE));
}

/* Page after page, so that some are on their way to the store just when they are punched. */
TEST_F_TIMEOUT(store, what_is_removed_on_its_way_there_is_gone, 300)
{
	static const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	const size_t pages = SIZE / PAGE;

	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, mem_remount(where, "file_limit=0"));
		fill(self->at, 0, pages, round);
		ASSERT_EQ(0, mem_settle());
		EXPECT_TRUE(begin_to_squeeze(self->fd, "file_limit=64k"));
		for (size_t page = 0; page < pages; page++)
			ASSERT_EQ(0, fallocate(self->fd, how, page * PAGE, PAGE));
		EXPECT_EQ(0, mem_stat(self->fd, "mem-stored"));
		ASSERT_TRUE(mem_all(self->at, 0, SIZE));
	}
}

struct toucher {
	const char *at;
	int stop;
};

/* Brings back one page after the other, so that others have to go. */
static void *touch(void *data)
{
	struct toucher *toucher = data;

	for (size_t page = 0; !__atomic_load_n(&toucher->stop, __ATOMIC_RELAXED); page++)
		__atomic_load_n(toucher->at + page % FEW * PAGE, __ATOMIC_RELAXED);
	return NULL;
}

/* Who reads takes no lock: between its looks a page may come back and leave again. */
TEST_F_TIMEOUT(store, a_reader_takes_nothing_for_a_hole, 300)
{
	struct toucher toucher = { .at = self->at };
	time_t end = time(NULL) + SECONDS;
	uint64_t state = 1, reads = 0;
	pthread_t thread;
	uint32_t value;
	size_t page;

	fill(self->at, 0, FEW, 11);
	ASSERT_EQ(0, mem_settle());
	ASSERT_TRUE(begin_to_squeeze(self->fd, "file_limit=64k"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, touch, &toucher));
	do {
		page = mem_draw_word(&state) % FEW;
		value = 0;
		EXPECT_EQ(4, pread(self->fd, &value, 4, page * PAGE + 8));
		reads++;
	} while (value == word(page, 11) && time(NULL) < end);
	__atomic_store_n(&toucher.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(word(page, 11), value);
	TH_LOG("%llu reads, %llu pages gone", (unsigned long long)reads,
	       (unsigned long long)mem_stat(self->fd, "mem-evicted"));
}

TEST_F_TIMEOUT(store, a_file_that_goes_takes_its_store_along, 300)
{
	char path[PATH_MAX];
	int other = mem_file(where, "b", SIZE);
	char *at = mem_map(other, SIZE);

	ASSERT_NE(MAP_FAILED, at);
	fill(at, 0, SIZE / PAGE, 5);
	ASSERT_TRUE(squeeze(other, LIMIT));
	EXPECT_LT(0, mem_stat(other, "mem-stored"));
	EXPECT_EQ(mem_used(where), mem_stat(other, "mem-resident"));
	munmap(at, SIZE);
	close(other);
	snprintf(path, sizeof(path), "%s/b", where);
	ASSERT_EQ(0, unlink(path));
	for (int i = 0; i < PATIENCE * 100 && mem_used(where); i++)
		usleep(10000);
	EXPECT_EQ(0, mem_used(where));
}

TEST_F_TIMEOUT(store, what_does_not_get_smaller_stays, 300)
{
	uint64_t state = 1, refused;

	for (size_t i = 0; i < SIZE / 4; i++)
		((uint32_t *)self->at)[i] = mem_draw_word(&state);
	ASSERT_EQ(0, mem_remount(where, "file_limit=1M"));
	for (int i = 0; i < PATIENCE * 100 && !mem_stat(self->fd, "mem-evict-refused"); i++)
		usleep(10000);
	refused = mem_stat(self->fd, "mem-evict-refused");
	EXPECT_LT(0, refused);
	EXPECT_EQ(0, mem_stat(self->fd, "mem-stored"));
	EXPECT_EQ(SIZE, mem_stat(self->fd, "mem-resident"));
	state = 1;
	for (size_t i = 0; i < SIZE / 4; i++)
		ASSERT_EQ(mem_draw_word(&state), ((uint32_t *)self->at)[i]);
}

TEST_F_TIMEOUT(store, it_can_be_left_out, 300)
{
	ASSERT_EQ(0, mem_remount(where, "compress=off,file_limit=1M"));
	fill(self->at, 0, 2 * MIB / PAGE, 5);
	EXPECT_EQ(2 * MIB, mem_stat(self->fd, "mem-resident"));
	EXPECT_LT(0, mem_stat(self->fd, "mem-limit-exceeded"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-stored"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-evicted"));
	ASSERT_EQ(0, mem_remount(where, "compress=on"));
	EXPECT_TRUE(squeeze(self->fd, MIB));
	EXPECT_TRUE(is_filled(self->at, 0, 2 * MIB / PAGE, 5));
}

/* A mount that is full has no page for a hole, but what it holds already comes back. */
TEST_F_TIMEOUT(store, it_comes_back_into_a_full_mount, 300)
{
	char option[64];

	fill(self->at, 0, SIZE / PAGE, 5);
	ASSERT_TRUE(squeeze(self->fd, LIMIT));
	snprintf(option, sizeof(option), "file_limit=0,size=%llu",
		 (unsigned long long)mem_used(where));
	ASSERT_EQ(0, mem_remount(where, option));
	EXPECT_TRUE(is_filled(self->at, 0, SIZE / PAGE, 5));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-failed"));
	/* df knows no more than the mount's size. */
	EXPECT_LT(LIMIT, mem_stat(self->fd, "mem-resident"));
	ASSERT_EQ(0, mem_remount(where, "size=0"));
}

TEST_F_TIMEOUT(store, what_is_locked_stays, 300)
{
	fill(self->at, 0, SIZE / PAGE, 5);
	ASSERT_EQ(0, mlock(self->at, MIB / 2));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(where, "file_limit=1M"));
	for (int i = 0; i < PATIENCE * 100 && mem_stat(self->fd, "mem-evicted") < 2 * MIB / PAGE &&
	     !mem_stat(self->fd, "mem-reclaim-busy"); i++)
		usleep(10000);
	/* What is resident is mapped: nothing of it was taken out. */
	for (size_t i = 0; i < MIB / 2 / PAGE; i++) {
		unsigned char resident = 0;

		ASSERT_EQ(0, mincore(self->at + i * PAGE, PAGE, &resident));
		ASSERT_EQ(1, resident & 1);
	}
	ASSERT_EQ(0, munlock(self->at, MIB / 2));
	EXPECT_TRUE(is_filled(self->at, 0, SIZE / PAGE, 5));
}

/* Takes memory, MiB by MiB, until it is told to stop; the first to go if there is none left. */
static void be_greedy(const int *stop)
{
	size_t most = 1ul << 40;
	char *at = mmap(NULL, most, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || mem_write_text("/proc/self/oom_score_adj", "1000"))
		_exit(1);
	for (size_t i = 0; i < most && !__atomic_load_n(stop, __ATOMIC_RELAXED); i += PAGE)
		at[i] = 1;
	_exit(0);
}

TEST_F_TIMEOUT(store, a_host_that_is_short_of_memory_gets_some, 600)
{
	const size_t size = 32 * MIB;
	int other = mem_file(where, "b", size), status = 0;
	char *at = mem_map(other, size);
	uint64_t got = 0;
	pid_t child;
	int *stop;

	if (!getenv("VMQOS_PRESSURE"))
		SKIP(goto out, "takes all of the host's memory: VMQOS_PRESSURE=1");
	stop = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(at != MAP_FAILED && stop != MAP_FAILED);
	ASSERT_EQ(0, mem_remount(where, "file_limit=0"));
	fill(at, 0, size / PAGE, 5);
	for (int i = 0; i < 5 && !got; i++) {
		child = fork();
		if (!child)
			be_greedy(stop);
		do {
			usleep(10000);
			got = mem_stat(other, "mem-pressure-reclaimed");
			if (got)
				__atomic_store_n(stop, 1, __ATOMIC_RELAXED);
		} while (!waitpid(child, &status, WNOHANG));
	}
	TH_LOG("%llu pages given back, %llu compressed, status %#x", (unsigned long long)got,
	       (unsigned long long)mem_stat(other, "mem-evicted"), status);
	EXPECT_LT(0, got);
	EXPECT_TRUE(is_filled(at, 0, size / PAGE, 5));
out:
	munmap(at, size);
	close(other);
}

TEST_HARNESS_MAIN
