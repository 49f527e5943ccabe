// SPDX-License-Identifier: GPL-2.0
/*
 * A range that is punched out of a large page, and ends within what is left of it: 7.3 splits the
 * page where the range begins and then the piece where it ends; if somebody got hold of that
 * piece in between, the kernel drops all of it, with what lies behind the range. Data of a guest
 * was gone, of the stress in vmramfs (mem/stress) first. Here readers wait for that moment.
 *
 * It takes two CPUs at work at the same time: with one after the other (--clock single) the moment
 * is seldom met.
 */
#include <pthread.h>
#include <time.h>

#include "kselftest_harness.h"
#include "../mem/common.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define SECONDS		4
#define READERS		2
/* They make a piece of four pages, the last three of which are to stay. */
#define FIRST		1ul
#define BEHIND		5ul

static int fd;
static int stop;

/* Whoever reads has a reference for a moment. */
static void *read_on(void *unused)
{
	static char page[READERS][64];
	static int readers;
	char *to = page[__atomic_fetch_add(&readers, 1, __ATOMIC_RELAXED) % READERS];

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		if (pread(fd, to, 1, (BEHIND + 1) * PAGE) < 0)
			break;
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static unsigned int count_lost(const char *at)
{
	unsigned int lost = 0;

	for (unsigned long i = BEHIND; i < HUGE / PAGE; i++)
		lost += at[i * PAGE] != 1;
	return lost;
}

TEST(what_lies_behind_stays)
{
	const char *missing = mem_missing();
	unsigned int rounds = 0, whole = 0, lost = 0;
	pthread_t threads[READERS];
	char where[64], *at;
	uint64_t end;

	if (missing)
		SKIP(return, "%s", missing);
	fd = mem_begin(where, "huge=within_size,share_zero=off", HUGE, &at);
	ASSERT_LE(0, fd);
	memset(at, 1, HUGE);
	for (int i = 0; i < READERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_on, NULL));
	for (end = now_ms() + SECONDS * 1000; now_ms() < end && !lost; rounds++) {
		/* A new page of 2M, as long as there is one to be had. */
		ASSERT_EQ(0, ftruncate(fd, 0));
		ASSERT_EQ(0, ftruncate(fd, HUGE));
		at[0] = 1;
		whole += mem_stat(fd, "mem-resident") == HUGE;
		memset(at, 1, HUGE);
		ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       FIRST * PAGE, (BEHIND - FIRST) * PAGE));
		lost = count_lost(at);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	TH_LOG("%u rounds, %u with a page of 2M", rounds, whole);
	EXPECT_LT(0, whole);
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, mem_end(where, fd, at, HUGE));
}

TEST_HARNESS_MAIN
