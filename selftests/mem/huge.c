// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of 2M: where they are made, mapped as one by the host and by KVM, and what becomes
 * of them when a part is cut out, the file is cut short or grows, or they hold zeros.
 */
#include <linux/kvm.h>
#include <linux/mempolicy.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "common.h"
#include "subject.h"

#define FILE_SIZE	(4 * HUGE)
#define PATIENCE	60

FIXTURE(huge)
{
	char where[64];
	int fd;
	char *at;
};

FIXTURE_SETUP(huge)
{
	const char *missing = mem_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	/* So that there are large ones to be had. */
	mem_compact();
	self->fd = mem_begin(self->where, "size=64M,huge=within_size", FILE_SIZE, &self->at);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, (uintptr_t)self->at % HUGE);
}

FIXTURE_TEARDOWN(huge)
{
	mem_set_defaults();
	if (self->fd >= 0) {
		EXPECT_EQ(0, mem_end(self->where, self->fd, self->at, FILE_SIZE));
	}
}

/* What is mapped in pages of 2M at an address, in bytes. */
static uint64_t mapped_large(const char *at)
{
	unsigned long from, to, kib, sum = 0;
	FILE *in = fopen("/proc/self/smaps", "r");
	bool inside = false;
	char line[512];

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)at >= from && (uintptr_t)at < to;
		else if (inside && (sscanf(line, "FilePmdMapped: %lu kB", &kib) == 1 ||
				    sscanf(line, "ShmemPmdMapped: %lu kB", &kib) == 1))
			sum += kib * 1024;
	}
	if (in)
		fclose(in);
	return sum;
}

/* Whether so many are, as far as this kernel tells (CONFIG_PROC_PAGE_MONITOR). */
static bool maps_large(const char *at, uint64_t bytes)
{
	return access("/proc/self/smaps", R_OK) || mapped_large(at) == bytes;
}

static uint64_t resident(int fd)
{
	return mem_stat(fd, "mem-resident");
}

TEST_F(huge, one_touch_makes_and_maps_2m)
{
	for (uint64_t i = 0; i < FILE_SIZE / HUGE; i++) {
		/* By reading as by writing. */
		if (i % 2)
			self->at[i * HUGE + 5 * PAGE] = 1;
		else
			EXPECT_EQ(0, self->at[i * HUGE + 7 * PAGE]);
		EXPECT_EQ((i + 1) * HUGE, resident(self->fd));
		EXPECT_TRUE(maps_large(self->at, (i + 1) * HUGE));
	}
	EXPECT_EQ(FILE_SIZE / HUGE, mem_stat(self->fd, "mem-faults"));
	EXPECT_EQ(FILE_SIZE / PAGE, mem_stat(self->fd, "mem-fills"));
	memset(self->at, 1, FILE_SIZE);
	EXPECT_EQ(FILE_SIZE / HUGE, mem_stat(self->fd, "mem-faults"));
	EXPECT_EQ(FILE_SIZE, mem_used(self->where));
}

TEST_F(huge, read_and_write_find_their_place)
{
	static char text[3 * PAGE], back[3 * PAGE];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i * 31 + i / 4096;
	for (uint64_t from = HUGE - PAGE - 17; from < 2 * HUGE; from += 37 * PAGE + 11) {
		ASSERT_EQ((ssize_t)sizeof(text), pwrite(self->fd, text, sizeof(text), from));
		ASSERT_EQ((ssize_t)sizeof(back), pread(self->fd, back, sizeof(back), from));
		EXPECT_EQ(0, memcmp(text, back, sizeof(text)));
		EXPECT_EQ(0, memcmp(text, self->at + from, sizeof(text)));
	}
	EXPECT_EQ(2 * HUGE, resident(self->fd));
}

TEST_F(huge, a_hole_in_one_leaves_the_rest)
{
	memset(self->at, 1, HUGE);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       5 * PAGE, 2 * PAGE));
	EXPECT_EQ(HUGE - 2 * PAGE, resident(self->fd));
	EXPECT_EQ(HUGE - 2 * PAGE, mem_used(self->where));
	EXPECT_TRUE(mem_all(self->at, 1, 5 * PAGE));
	EXPECT_TRUE(mem_all(self->at + 7 * PAGE, 1, HUGE - 7 * PAGE));
	EXPECT_TRUE(mem_all(self->at + 5 * PAGE, 0, 2 * PAGE));
	/* What comes there now is small, and all of it gone makes room for a large one. */
	EXPECT_EQ(HUGE, resident(self->fd));
	EXPECT_TRUE(maps_large(self->at, 0));
	ASSERT_EQ(0, madvise(self->at, HUGE, MADV_REMOVE));
	EXPECT_EQ(0, resident(self->fd));
	self->at[HUGE - 1] = 1;
	EXPECT_EQ(HUGE, resident(self->fd));
	EXPECT_TRUE(mem_all(self->at, 0, HUGE - 1));
}

TEST_F(huge, the_end_of_a_file)
{
	const uint64_t end = HUGE + 5 * PAGE + 7;
	int fd = mem_file(self->where, "end", end);
	char *at = mem_map(fd, 2 * HUGE);
	char page[PAGE];

	ASSERT_NE(MAP_FAILED, at);
	at[HUGE] = 1;
	EXPECT_EQ(PAGE, resident(fd));
	at[0] = 1;
	EXPECT_EQ(HUGE + PAGE, resident(fd));
	/* What was written behind the end is not seen when the file grows. */
	memset(at + HUGE, 1, 6 * PAGE);
	ASSERT_EQ(0, ftruncate(fd, 2 * HUGE));
	EXPECT_TRUE(mem_all(at + HUGE, 1, end - HUGE));
	EXPECT_TRUE(mem_all(at + end, 0, 2 * HUGE - end));
	ASSERT_EQ(0, madvise(at, 2 * HUGE, MADV_REMOVE));
	/* Cut in the middle of one, and made long again: zeros. */
	memset(at, 3, 2 * HUGE);
	EXPECT_EQ(2 * HUGE, resident(fd));
	ASSERT_EQ(0, ftruncate(fd, HUGE / 2 + 100));
	EXPECT_EQ(HUGE / 2 + PAGE, resident(fd));
	ASSERT_EQ(0, ftruncate(fd, 2 * HUGE));
	EXPECT_TRUE(mem_all(at, 3, HUGE / 2 + 100));
	EXPECT_TRUE(mem_all(at + HUGE / 2 + 100, 0, 2 * HUGE - HUGE / 2 - 100));
	/* By writing behind the end as well; on a border nothing is split. */
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(0, ftruncate(fd, 2 * HUGE));
	memset(at, 3, 2 * HUGE);
	ASSERT_EQ(0, ftruncate(fd, HUGE));
	EXPECT_EQ(HUGE, resident(fd));
	ASSERT_EQ(0, ftruncate(fd, 100));
	ASSERT_EQ(1, pwrite(fd, "x", 1, HUGE + 5));
	ASSERT_EQ(PAGE, pread(fd, page, PAGE, 100));
	EXPECT_TRUE(mem_all(page, 0, PAGE));
	munmap(at, 2 * HUGE);
	close(fd);
}

static long long dirty_pages(void)
{
	long long value = 0;
	char word[64];
	FILE *in = fopen("/proc/vmstat", "r");

	while (in && fscanf(in, "%63s %lld", word, &value) == 2)
		if (!strcmp(word, "nr_dirty"))
			break;
	if (in)
		fclose(in);
	return value;
}

/* The end cannot be in a page that is pinned as one, and all stays as it was. */
TEST_F(huge, not_cut_through_a_pinned_one)
{
	struct iovec part = { self->at + 3 * PAGE, PAGE };
	struct stat st;
	int ends[2];

	memset(self->at, 1, FILE_SIZE);
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ((ssize_t)PAGE, vmsplice(ends[1], &part, 1, 0));
	EXPECT_EQ(-1, ftruncate(self->fd, HUGE / 2));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(FILE_SIZE, (uint64_t)st.st_size);
	EXPECT_TRUE(mem_all(self->at, 1, FILE_SIZE));
	/* Beside it is another matter. */
	EXPECT_EQ(0, ftruncate(self->fd, HUGE + PAGE));
	EXPECT_EQ(HUGE + PAGE, resident(self->fd));
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(0, ftruncate(self->fd, HUGE / 2));
	EXPECT_EQ(HUGE / 2, resident(self->fd));
	EXPECT_TRUE(mem_all(self->at, 1, HUGE / 2));
	EXPECT_EQ(0, ftruncate(self->fd, FILE_SIZE));
}

/* Nothing here is on its way to a disk, however it is taken apart. */
TEST_F(huge, no_dirty_page_is_counted)
{
	long long before, after;

	sync();
	before = dirty_pages();
	for (int i = 0; i < 20; i++) {
		memset(self->at, 1, FILE_SIZE);
		ASSERT_EQ(0, ftruncate(self->fd, HUGE + (1 + i) * PAGE));
		ASSERT_EQ(0, madvise(self->at + PAGE, PAGE, MADV_REMOVE));
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		ASSERT_EQ(0, ftruncate(self->fd, FILE_SIZE));
	}
	sync();
	after = dirty_pages();
	/* Thousands would be missing; others may have written some. */
	EXPECT_GT(2000, llabs(after - before)) {
		TH_LOG("%lld before, %lld after", before, after);
	}
}

TEST_F(huge, a_full_mount_gets_small_ones)
{
	int fd;

	ASSERT_EQ(0, mem_remount(self->where, "size=3M"));
	memset(self->at, 1, HUGE + MIB);
	EXPECT_EQ(3 * MIB, resident(self->fd));
	EXPECT_TRUE(maps_large(self->at, HUGE));
	fd = mem_file(self->where, "b", HUGE);
	EXPECT_EQ(-1, fallocate(fd, 0, 0, HUGE));
	EXPECT_EQ(ENOSPC, errno);
	close(fd);
	/* The option can change at any time. */
	ASSERT_EQ(0, mem_remount(self->where, "size=64M,huge=never"));
	self->at[2 * HUGE] = 1;
	EXPECT_EQ(3 * MIB + PAGE, resident(self->fd));
	EXPECT_TRUE(maps_large(self->at, HUGE));
}

TEST_F_TIMEOUT(huge, split_as_far_as_it_is_worth, 120)
{
	memset(self->at, 1, FILE_SIZE);
	/* 100 pages of zeros, 200, all, none. */
	memset(self->at + 50 * PAGE, 0, 100 * PAGE);
	memset(self->at + HUGE + 300 * PAGE, 0, 200 * PAGE);
	memset(self->at + 2 * HUGE, 0, HUGE);
	ASSERT_EQ(0, mem_set_fastest());
	ASSERT_EQ(0, mem_set("split_pages", 150));
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=on"));
	ASSERT_TRUE(mem_wait_passes(self->fd, 3, PATIENCE));
	EXPECT_EQ(1, mem_stat(self->fd, "mem-splits"));
	EXPECT_EQ(712, mem_stat(self->fd, "mem-zero-freed"));
	EXPECT_EQ(FILE_SIZE - 712 * PAGE, resident(self->fd));
	ASSERT_EQ(0, mem_set("split_pages", 1));
	ASSERT_TRUE(mem_wait_passes(self->fd, 3, PATIENCE));
	EXPECT_EQ(2, mem_stat(self->fd, "mem-splits"));
	EXPECT_EQ(812, mem_stat(self->fd, "mem-zero-freed"));
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=off"));
	EXPECT_TRUE(mem_all(self->at, 1, 50 * PAGE));
	EXPECT_TRUE(mem_all(self->at + 150 * PAGE, 1, HUGE - 150 * PAGE));
	EXPECT_TRUE(mem_all(self->at + HUGE + 300 * PAGE, 0, 200 * PAGE));
	EXPECT_TRUE(mem_all(self->at + HUGE, 1, 300 * PAGE));
	EXPECT_TRUE(mem_all(self->at + 3 * HUGE, 1, HUGE));
}

/* Memory that is taken at the start, as by a VMM with its prealloc. */
TEST_F(huge, allocated_beforehand)
{
	int fd = mem_file(self->where, "a", 0), other = mem_file(self->where, "new", 0);
	char *at = mem_map(other, FILE_SIZE);
	struct stat st;

	ASSERT_NE(MAP_FAILED, at);
	EXPECT_EQ(0, fallocate(fd, 0, 0, FILE_SIZE));
	EXPECT_EQ(FILE_SIZE, resident(fd));
	for (uint64_t i = 0; i < FILE_SIZE; i += HUGE)
		self->at[i] = 1;
	EXPECT_TRUE(maps_large(self->at, FILE_SIZE));
	/* A file that grows by it. */
	EXPECT_EQ(0, fallocate(other, 0, 0, FILE_SIZE));
	EXPECT_EQ(FILE_SIZE, resident(other));
	at[0] = 1;
	EXPECT_TRUE(maps_large(at, HUGE));
	/* And one that would have, but for the room: it is as it was. */
	ASSERT_EQ(0, ftruncate(other, PAGE));
	ASSERT_EQ(0, mem_remount(self->where, "size=11M"));
	EXPECT_EQ(-1, fallocate(other, 0, 0, FILE_SIZE));
	EXPECT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, fstat(other, &st));
	EXPECT_EQ((off_t)PAGE, st.st_size);
	EXPECT_EQ(PAGE, resident(other));
	EXPECT_EQ(1, at[0]);
	munmap(at, FILE_SIZE);
	close(other);
	close(fd);
}

/* The kernel moves them in one piece, or in pieces; the memory stays what it is. */
TEST_F(huge, moved_between_nodes)
{
	void *pages[2] = { self->at, self->at + HUGE };
	int to[2] = { 1, 1 }, status[2];

	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "needs two NUMA nodes");
	for (size_t i = 0; i < 2 * HUGE; i += PAGE)
		self->at[i] = 1 + i / PAGE % 100;
	ASSERT_EQ(0, syscall(SYS_move_pages, 0, 2, pages, to, status, MPOL_MF_MOVE));
	EXPECT_EQ(1, status[0]);
	EXPECT_EQ(1, status[1]);
	for (size_t i = 0; i < 2 * HUGE; i += PAGE)
		EXPECT_EQ(1 + (int)(i / PAGE % 100), self->at[i]);
	EXPECT_EQ(2 * HUGE, resident(self->fd));
}

/* A guest that touches all of it is mapped in pages of 2M by KVM. */
TEST_F_TIMEOUT(huge, mapped_for_a_guest, 120)
{
	struct vmqos_vmm_workload churn = {
		.kind = VMQOS_VMM_CHURN, .memory = self->at, .bytes = FILE_SIZE,
	};
	struct vmqos_vmm_counts counts = { 0 };
	struct vmqos_vm_stat stat;
	struct vmqos_vmm_vm *vm;
	struct vmqos *ctx;
	uint32_t id;

	if (vmqos_subject_missing())
		SKIP(return, "%s", vmqos_subject_missing());
	vm = vmqos_vmm_create("huge", 1, 0);
	ASSERT_NE(NULL, vm);
	ASSERT_EQ(0, vmqos_vmm_add_vcpu(vm, &churn));
	ASSERT_EQ(0, vmqos_open(&ctx));
	ASSERT_EQ(0, vmqos_subject_adopt(ctx, vm, "huge", &id));
	ASSERT_EQ(0, vmqos_vmm_start(vm, 0));
	for (int i = 0; i < PATIENCE * 100 && counts.work < 2; i++) {
		usleep(10000);
		vmqos_vmm_counts(vm, 0, &counts);
	}
	ASSERT_LE(2, counts.work);
	ASSERT_EQ(0, vmqos_vm_stat_get(ctx, id, &stat));
	EXPECT_EQ(FILE_SIZE, stat.mem.mapped_2m);
	/* The guest's code and tables are elsewhere. */
	EXPECT_GE(16 * PAGE, stat.mem.mapped_4k);
	EXPECT_EQ(FILE_SIZE / HUGE, stat.mem.faults_filled);
	EXPECT_EQ(FILE_SIZE, stat.mem.resident);
	vmqos_vmm_destroy(vm);
	vmqos_subject_wait_gone(ctx, id, 10000);
	vmqos_close(ctx);
}

TEST_HARNESS_MAIN
