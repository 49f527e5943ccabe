// SPDX-License-Identifier: GPL-2.0
/*
 * How much of a file is in use, by a sample of its pages: what is touched is seen, what is
 * not is not, in pages of 4K and of 2M, and nothing is lost by it.
 *
 * A sample is begun and ended by the parameter that says how large it is, never by time: the
 * machine may stand still.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "kselftest_harness.h"
#include "common.h"

#define FILE_SIZE	(8 * HUGE)
#define PAGES		(FILE_SIZE / PAGE)
#define WATCHED		(PAGES / 16)	/* most that may be */
#define FOREVER		(24 * 3600 * 1000)
#define PATIENCE	60

FIXTURE(sample)
{
	char where[64];
	int fd;
	char *at;
};

FIXTURE_VARIANT(sample)
{
	const char *options;
	size_t page;
};

FIXTURE_VARIANT_ADD(sample, pages_of_4k)
{
	.options = "share_zero=off",
	.page = PAGE,
};

FIXTURE_VARIANT_ADD(sample, pages_of_2m)
{
	.options = "share_zero=off,huge=within_size",
	.page = HUGE,
};

FIXTURE_SETUP(sample)
{
	const char *missing = mem_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	ASSERT_EQ(0, mem_set("sample_period_ms", FOREVER));
	mem_compact();
	self->fd = mem_begin(self->where, variant->options, FILE_SIZE, &self->at);
	ASSERT_LE(0, self->fd);
	for (size_t i = 0; i < PAGES; i++)
		*(uint32_t *)(self->at + i * PAGE) = i + 1;
}

FIXTURE_TEARDOWN(sample)
{
	mem_set("sample_pages", 0);
	mem_set("sample_period_ms", 30000);
	if (self->fd >= 0) {
		for (size_t i = 0; i < PAGES; i++)
			ASSERT_EQ(i + 1, *(uint32_t *)(self->at + i * PAGE));
		EXPECT_EQ(0, mem_end(self->where, self->fd, self->at, FILE_SIZE));
	}
}

/* Waits for a counter to be more than it was. */
static bool grows(int fd, const char *name, uint64_t before)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mem_stat(fd, name) > before)
			return true;
		usleep(10000);
	}
	return false;
}

/* A sample begins: all of its pages are unmapped then. */
static bool begin(int fd)
{
	uint64_t before = mem_stat(fd, "mem-sample-ns");

	return !mem_set("sample_pages", WATCHED) && grows(fd, "mem-sample-ns", before);
}

/* It ends, and all that was known is forgotten. */
static bool end(int fd)
{
	uint64_t before = mem_stat(fd, "mem-samples");

	if (mem_set("sample_pages", 0) || !grows(fd, "mem-samples", before))
		return false;
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (!mem_stat(fd, "mem-sampled"))
			return true;
		usleep(10000);
	}
	return false;
}

static void touch(const char *at, size_t from, size_t to, size_t step)
{
	for (size_t i = from; i < to; i += step)
		(void)*(volatile const char *)(at + i);
}

TEST_F_TIMEOUT(sample, what_is_touched, 300)
{
	uint64_t samples, touched;

	/* All, by one byte of each page as it is mapped; nothing; the first three quarters. */
	for (int i = 0; i < 3; i++) {
		size_t most = i == 0 ? FILE_SIZE : i == 1 ? 0 : FILE_SIZE / 4 * 3;

		samples = mem_stat(self->fd, "mem-samples");
		touched = mem_stat(self->fd, "mem-samples-touched");
		ASSERT_TRUE(begin(self->fd));
		touch(self->at, 0, most, variant->page);
		ASSERT_TRUE(end(self->fd));
		samples = mem_stat(self->fd, "mem-samples") - samples;
		touched = mem_stat(self->fd, "mem-samples-touched") - touched;
		/* A page was drawn in each of the stretches into which the file is divided. */
		EXPECT_EQ(WATCHED, samples);
		EXPECT_EQ(WATCHED * most / FILE_SIZE, touched);
	}
	EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-splits"));
	EXPECT_EQ(PAGES, mem_stat(self->fd, "mem-fills"));
}

TEST_F_TIMEOUT(sample, a_part_of_the_pages, 300)
{
	uint64_t touched = 0, samples = 0;

	/* Every third page: of those of 2M, each has some. */
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(begin(self->fd));
		touch(self->at, 0, FILE_SIZE, 3 * PAGE);
		ASSERT_TRUE(end(self->fd));
	}
	samples = mem_stat(self->fd, "mem-samples");
	touched = mem_stat(self->fd, "mem-samples-touched");
	EXPECT_EQ(3 * WATCHED, samples);
	if (variant->page == HUGE) {
		EXPECT_EQ(samples, touched);
	} else {
		/* A third, and six times the deviation of so many draws, 17 % of 768. */
		EXPECT_LT(samples / 3 - samples / 10, touched);
		EXPECT_GT(samples / 3 + samples / 10, touched);
	}
}

TEST_F_TIMEOUT(sample, large_pages_are_mapped_again, 300)
{
	uint64_t before = mem_stat(self->fd, "mem-faults-found"), after;

	ASSERT_TRUE(begin(self->fd));
	touch(self->at, 0, FILE_SIZE, PAGE);
	after = mem_stat(self->fd, "mem-faults-found");
	/* One for each page that was watched, of whatever size. */
	EXPECT_EQ(variant->page == HUGE ? FILE_SIZE / HUGE : WATCHED, after - before);
	touch(self->at, 0, FILE_SIZE, PAGE);
	EXPECT_EQ(after, mem_stat(self->fd, "mem-faults-found"));
	ASSERT_TRUE(end(self->fd));
}

TEST_F_TIMEOUT(sample, averages, 300)
{
	int other;

	EXPECT_EQ(0, mem_stat(self->fd, "mem-sampled"));
	ASSERT_TRUE(begin(self->fd));
	touch(self->at, 0, FILE_SIZE, PAGE);
	/* The first period ends now; what it has shown is all that is known. */
	ASSERT_EQ(0, mem_set("sample_period_ms", 1));
	ASSERT_TRUE(grows(self->fd, "mem-samples", 0));
	ASSERT_EQ(0, mem_set("sample_period_ms", FOREVER));
	/* Who makes a file waits until the sampler is not at work. */
	other = mem_file(self->where, "b", 0);
	ASSERT_LE(0, other);
	close(other);
	EXPECT_EQ(FILE_SIZE, mem_stat(self->fd, "mem-sampled"));
	EXPECT_LT(0, mem_stat(self->fd, "mem-active-fast"));
	EXPECT_LE(mem_stat(self->fd, "mem-active-fast"), mem_stat(self->fd, "mem-active-slow"));
	EXPECT_LE(mem_stat(self->fd, "mem-active-slow"), mem_stat(self->fd, "mem-active-max"));
	EXPECT_GE(FILE_SIZE, mem_stat(self->fd, "mem-active-max"));
	ASSERT_TRUE(end(self->fd));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-active-max"));
}

TEST_F_TIMEOUT(sample, locked_pages_are_left_alone, 300)
{
	uint64_t faults;

	ASSERT_EQ(0, mlock(self->at, FILE_SIZE));
	mem_settle();
	faults = mem_stat(self->fd, "mem-faults");
	/* There is nothing to be watched, so that nothing is known. */
	ASSERT_EQ(0, mem_set("sample_pages", WATCHED));
	ASSERT_TRUE(grows(self->fd, "mem-sample-ns", 0));
	touch(self->at, 0, FILE_SIZE, PAGE);
	EXPECT_EQ(faults, mem_stat(self->fd, "mem-faults"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-sampled"));
	munlock(self->at, FILE_SIZE);
}

TEST_F_TIMEOUT(sample, what_goes_while_it_is_watched, 300)
{
	size_t half = FILE_SIZE / 2;

	ASSERT_TRUE(begin(self->fd));
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, half, half));
	EXPECT_EQ(half, mem_stat(self->fd, "mem-resident"));
	/* What comes there is touched. */
	for (size_t i = half / PAGE; i < PAGES; i++)
		*(uint32_t *)(self->at + i * PAGE) = i + 1;
	ASSERT_TRUE(end(self->fd));
	EXPECT_EQ(WATCHED, mem_stat(self->fd, "mem-samples"));
	EXPECT_EQ(WATCHED / 2, mem_stat(self->fd, "mem-samples-touched"));
	/* Too little to watch any of it. */
	ASSERT_TRUE(begin(self->fd));
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	ASSERT_TRUE(end(self->fd));
	EXPECT_EQ(WATCHED / 2, mem_stat(self->fd, "mem-samples-touched"));
	ASSERT_EQ(0, ftruncate(self->fd, FILE_SIZE));
	for (size_t i = 0; i < PAGES; i++)
		*(uint32_t *)(self->at + i * PAGE) = i + 1;
}

struct churn {
	const char *where;
	atomic_bool stop;
	unsigned int files;
};

static void *churn(void *data)
{
	struct churn *churn = data;
	char path[128];

	snprintf(path, sizeof(path), "%s/b", churn->where);
	while (!churn->stop) {
		int fd = mem_file(churn->where, "b", 64 * PAGE);
		char *at = mem_map(fd, 64 * PAGE);

		for (size_t i = 0; i < 64; i++)
			at[i * PAGE] = 1;
		munmap(at, 64 * PAGE);
		unlink(path);
		close(fd);
		churn->files++;
	}
	return NULL;
}

TEST_F_TIMEOUT(sample, files_come_and_go, 300)
{
	struct churn work = { .where = self->where };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &work));
	for (int i = 0; i < 10; i++) {
		EXPECT_TRUE(begin(self->fd));
		touch(self->at, 0, FILE_SIZE, PAGE);
		EXPECT_TRUE(end(self->fd));
	}
	work.stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(0, work.files);
	EXPECT_EQ(mem_stat(self->fd, "mem-samples"), mem_stat(self->fd, "mem-samples-touched"));
}

TEST_HARNESS_MAIN
