// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's memory limit, and what it gives back on request: what can be given back is, what
 * cannot stays as it was, and both are counted.
 */
#include <pthread.h>

#include "served.h"

#define LIMIT		MIB
#define THREADS		3
#define BATCH		64	/* pages looked at together: the last may have more than enough */

static int set_limit(struct vmqos *ctx, uint32_t id, uint64_t limit)
{
	struct vmqos_vm_settings settings = {
		.set = VMQOS_HAS(VMQOS_VM_MEM_LIMIT), .mem_limit = limit,
	};

	return vmqos_vm_set(ctx, id, &settings, NULL);
}

static bool limit_becomes(int fd, uint64_t limit)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mem_stat(fd, "mem-limit") == limit)
			return true;
		usleep(10000);
	}
	return false;
}

static bool resident_becomes(int fd, uint64_t most)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mem_stat(fd, "mem-resident") <= most)
			return true;
		usleep(10000);
	}
	return false;
}

/* Nothing makes anything smaller of it. */
static void fill_randomly(char *at, size_t size, uint64_t seed)
{
	uint32_t *words = (uint32_t *)at;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		words[i] = mem_draw_word(&seed);
}

static bool is_as_filled(const char *at, size_t size, uint64_t seed)
{
	const uint32_t *words = (const uint32_t *)at;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		if (words[i] != mem_draw_word(&seed))
			return false;
	return true;
}

/* Asks until the VMM is not just changing its address space. */
static int reclaim(struct vmqos *ctx, uint32_t id, uint64_t bytes)
{
	int ret = -EAGAIN;

	for (int i = 0; i < 100 && ret == -EAGAIN; i++) {
		ret = vmqos_vm_reclaim(ctx, id, bytes);
		if (ret == -EAGAIN)
			usleep(10000);
	}
	return ret;
}

static struct vmqos_mem reclaimed(struct vmqos *ctx, uint32_t id)
{
	struct vmqos_mem mem;

	for (int i = 0; i < PATIENCE * 100; i++) {
		mem = look(ctx, id);
		if (!mem.reclaim_left)
			break;
		usleep(10000);
	}
	return mem;
}

static void *touch(void *data)
{
	volatile char *at = data;

	for (int round = 0; round < 4; round++)
		for (size_t i = 0; i < SIZE; i += PAGE)
			(void)at[i];
	return NULL;
}

TEST_F_TIMEOUT(served, a_limit_is_held_by_giving_back, 240)
{
	pthread_t threads[THREADS];
	uint64_t waits = 0, least_ns = 0;
	struct vmqos_mem mem;
	struct vmqos_vm vm;

	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	ASSERT_EQ(0, set_limit(self->ctx, self->id, LIMIT));
	EXPECT_TRUE(limit_becomes(self->fd, LIMIT));
	ASSERT_EQ(0, vmqos_vm_get(self->ctx, self->id, &vm));
	EXPECT_EQ(LIMIT, vm.mem_limit);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, touch, self->at));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_TRUE(resident_becomes(self->fd, LIMIT));
	mem = look(self->ctx, self->id);
	EXPECT_LE(SIZE / PAGE, mem.fills);
	EXPECT_LE((SIZE - LIMIT) / PAGE, mem.limit_reclaimed);
	EXPECT_LT(0, mem.limit_waits);
	/* Each wait is in the histogram, with a time that fits the sum. */
	for (int i = 0; i < VMQOS_MEM_BUCKETS; i++) {
		waits += mem.limit_hist[i];
		least_ns += i ? mem.limit_hist[i] * (256ull << i) : 0;
	}
	EXPECT_EQ(mem.limit_waits, waits);
	EXPECT_GE(mem.limit_ns, least_ns);
	EXPECT_EQ(mem.limit_waits, mem_hist_sum(self->fd, "mem-limit-hist:"));
	EXPECT_LT(0, mem.limit_ns);
	EXPECT_EQ(0, mem.faults_failed);
	EXPECT_EQ(0, mem.reclaimed);
	/* An allocation and writes make room as well. */
	ASSERT_EQ(0, fallocate(self->fd, 0, 0, SIZE));
	EXPECT_TRUE(resident_becomes(self->fd, LIMIT));
	for (size_t i = 0; i < SIZE; i += PAGE)
		ASSERT_EQ(1, pwrite(self->fd, "", 1, i));
	EXPECT_TRUE(resident_becomes(self->fd, LIMIT));
	EXPECT_TRUE(mem_all(self->at, 0, SIZE));
}

TEST_F_TIMEOUT(served, what_cannot_be_given_back_is_kept_above_the_limit, 240)
{
	struct vmqos_mem mem;

	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	ASSERT_EQ(0, set_limit(self->ctx, self->id, LIMIT));
	EXPECT_TRUE(limit_becomes(self->fd, LIMIT));
	fill_randomly(self->at, 3 * MIB, 5);
	mem = look(self->ctx, self->id);
	EXPECT_LE(3 * MIB, mem.resident);
	EXPECT_LE((3 * MIB - LIMIT) / PAGE, mem.limit_exceeded);
	EXPECT_EQ(0, mem.faults_failed);
	EXPECT_TRUE(is_as_filled(self->at, 3 * MIB, 5));
	/* What becomes zeros goes, down to the limit. */
	memset(self->at + LIMIT / 2, 0, 3 * MIB - LIMIT / 2);
	ASSERT_EQ(0, mem_settle());
	EXPECT_TRUE(resident_becomes(self->fd, LIMIT));
	EXPECT_TRUE(is_as_filled(self->at, LIMIT / 2, 5));
	EXPECT_TRUE(mem_all(self->at + LIMIT / 2, 0, 3 * MIB - LIMIT / 2));
}

TEST_F_TIMEOUT(served, a_limit_comes_and_goes, 240)
{
	char *second;
	int other;

	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	EXPECT_EQ(SIZE, mem_stat(self->fd, "mem-resident"));
	/* On memory that is there. */
	ASSERT_EQ(0, set_limit(self->ctx, self->id, 2 * MIB));
	EXPECT_TRUE(resident_becomes(self->fd, 2 * MIB));
	/* Divided between files as their sizes are. */
	other = mem_file(self->where, "b", 3 * SIZE);
	ASSERT_LE(0, other);
	second = mem_map(other, 3 * SIZE);
	ASSERT_NE(MAP_FAILED, second);
	ASSERT_EQ(0, slot(self->vm, 1, second, 3 * SIZE));
	EXPECT_TRUE(limit_becomes(self->fd, MIB / 2));
	EXPECT_TRUE(limit_becomes(other, 3 * MIB / 2));
	EXPECT_TRUE(resident_becomes(self->fd, MIB / 2));
	/* And gone. */
	ASSERT_EQ(0, set_limit(self->ctx, self->id, 0));
	EXPECT_TRUE(limit_becomes(self->fd, 0));
	EXPECT_TRUE(limit_becomes(other, 0));
	memset(self->at, 0, SIZE);
	EXPECT_EQ(SIZE, mem_stat(self->fd, "mem-resident"));
	/* Release leaves none. */
	ASSERT_EQ(0, set_limit(self->ctx, self->id, 8 * MIB));
	EXPECT_TRUE(limit_becomes(other, 6 * MIB));
	ASSERT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 10000));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-limit"));
	EXPECT_EQ(0, mem_stat(other, "mem-limit"));
	munmap(second, 3 * SIZE);
	close(other);
}

TEST_F_TIMEOUT(served, a_vm_gives_back_what_is_asked_for, 240)
{
	struct vmqos_mem mem;
	uint64_t got = 0;

	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	fill_randomly(self->at, MIB, 9);
	memset(self->at + MIB, 0, 2 * MIB);
	ASSERT_EQ(0, mem_settle());
	/* Part of what there is. */
	ASSERT_EQ(0, reclaim(self->ctx, self->id, MIB));
	mem = reclaimed(self->ctx, self->id);
	EXPECT_EQ(0, mem.reclaim_left);
	EXPECT_LT(0, mem.reclaimed);
	EXPECT_GE(MIB / PAGE + BATCH, mem.reclaimed);
	EXPECT_GE(3 * MIB - mem.reclaimed * PAGE, mem.resident);
	/* More than there is: it ends, with what is not zeros still there. */
	for (int i = 0; i < PATIENCE && mem.resident > MIB; i++) {
		ASSERT_EQ(0, reclaim(self->ctx, self->id, 100 * MIB));
		mem = reclaimed(self->ctx, self->id);
		got = mem.reclaimed;
	}
	EXPECT_EQ(MIB, mem.resident);
	EXPECT_EQ(2 * MIB / PAGE, got);
	EXPECT_TRUE(is_as_filled(self->at, MIB, 9));
	EXPECT_TRUE(mem_all(self->at + MIB, 0, 2 * MIB));
}

TEST_F(served, what_makes_no_sense_is_refused)
{
	struct vmqos_vm vm;

	/* None of its memory is in vmramfs yet. */
	EXPECT_EQ(-EOPNOTSUPP, reclaim(self->ctx, self->id, MIB));
	EXPECT_NE(NULL, strstr(vmqos_error(self->ctx), "vmramfs"));
	EXPECT_EQ(-EINVAL, reclaim(self->ctx, self->id, 0));
	EXPECT_EQ(-ERANGE, set_limit(self->ctx, self->id, MIB - 1));
	EXPECT_EQ(-ERANGE, set_limit(self->ctx, self->id, 1));
	ASSERT_EQ(0, vmqos_vm_get(self->ctx, self->id, &vm));
	EXPECT_EQ(0, vm.mem_limit);
	/* One that has no memory to limit keeps it for what comes. */
	EXPECT_EQ(0, set_limit(self->ctx, self->id, UINT64_MAX));
	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	memset(self->at, 1, SIZE);
	EXPECT_EQ(SIZE, look(self->ctx, self->id).resident);
}

TEST_HARNESS_MAIN
