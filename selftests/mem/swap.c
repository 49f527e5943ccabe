// SPDX-License-Identifier: GPL-2.0
/*
 * The swap file of a mount: what does not get smaller goes there and comes back as it was,
 * what is removed there is gone, and a disk that is full or fails costs no data.
 */
#include <pthread.h>
#include <sys/mount.h>

#include "kselftest_harness.h"
#include "common.h"
#include "vmm.h"

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/vmqos-swap"

#define SIZE		(8 * MIB)
#define LIMIT		MIB
#define PATIENCE	60
#define ROUNDS		4
#define THREADS		4

FIXTURE(swap)
{
	char where[64];
	char device[64];
	int disk;
	int fd;
	char *at;
};

FIXTURE_VARIANT(swap)
{
	const char *options;
};

FIXTURE_VARIANT_ADD(swap, small)
{
	.options = "",
};

FIXTURE_VARIANT_ADD(swap, huge)
{
	.options = ",huge=within_size",
};

FIXTURE_VARIANT_ADD(swap, uncompressed)
{
	.options = ",compress=off",
};

FIXTURE_SETUP(swap)
{
	const char *missing = mem_missing();
	char options[256];

	self->fd = -1;
	self->disk = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	self->disk = mem_disk(2 * SIZE);
	ASSERT_LE(0, self->disk);
	ASSERT_TRUE(mem_name_of(self->disk, self->device, sizeof(self->device)));
	snprintf(options, sizeof(options), "swap=%s%s", self->device, variant->options);
	self->fd = mem_begin(self->where, options, SIZE, &self->at);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(swap)
{
	if (self->fd >= 0)
		EXPECT_EQ(0, mem_end(self->where, self->fd, self->at, SIZE));
	if (self->disk >= 0)
		close(self->disk);
}

/* Every other page gets small. */
#define MIXED		(1ull << 63)

/* Another sequence in each page, of which nothing makes anything smaller. */
static uint64_t seed_of(size_t page, uint64_t salt)
{
	return (page + 1) * 0x9e3779b97f4a7c15ull + salt;
}

static uint32_t next_word(uint64_t *seed, size_t page, uint64_t salt)
{
	return salt & MIXED && page % 2 ? seed_of(page, salt) >> 16 | 1 : mem_draw_word(seed);
}

static void fill(char *at, size_t from, size_t to, uint64_t salt)
{
	for (size_t page = from; page < to; page++) {
		uint64_t seed = seed_of(page, salt);

		for (size_t i = 0; i < PAGE / 4; i++)
			((uint32_t *)(at + page * PAGE))[i] = next_word(&seed, page, salt);
	}
}

static bool is_filled(const char *at, size_t from, size_t to, uint64_t salt)
{
	for (size_t page = from; page < to; page++) {
		uint64_t seed = seed_of(page, salt);

		for (size_t i = 0; i < PAGE / 4; i++)
			if (((const uint32_t *)(at + page * PAGE))[i] !=
			    next_word(&seed, page, salt))
				return false;
	}
	return true;
}

static bool becomes(int fd, const char *name, uint64_t least, uint64_t most)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		uint64_t value = mem_stat(fd, name);

		if (value >= least && value <= most)
			return true;
		usleep(10000);
	}
	return false;
}

/* A limit on what is there already is come down to in the background. */
static bool squeeze(const char *where, int fd, uint64_t limit)
{
	char option[64];

	snprintf(option, sizeof(option), "file_limit=%llu", (unsigned long long)limit);
	return !mem_settle() && !mem_remount(where, option) &&
	       becomes(fd, "mem-resident", 0, limit);
}

TEST_F_TIMEOUT(swap, what_goes_there_comes_back, 300)
{
	static char page[PAGE];
	uint64_t most = 0;

	fill(self->at, 0, SIZE / PAGE, 7);
	EXPECT_TRUE(squeeze(self->where, self->fd, LIMIT));
	EXPECT_LE(SIZE - LIMIT, mem_stat(self->fd, "mem-swapped"));
	EXPECT_LE((SIZE - LIMIT) / PAGE, mem_stat(self->fd, "mem-swap-outs"));
	EXPECT_EQ(mem_used(self->where), mem_stat(self->fd, "mem-resident"));
	/* By read() and through a mapping, with the limit held all the time. */
	for (size_t i = 0; i < SIZE / PAGE; i++) {
		ASSERT_EQ(PAGE, pread(self->fd, page, PAGE, i * PAGE));
		ASSERT_TRUE(is_filled(page - i * PAGE, i, i + 1, 7));
	}
	for (size_t i = 0; i < SIZE / PAGE; i++) {
		uint64_t resident = mem_stat(self->fd, "mem-resident");

		most = resident > most ? resident : most;
		ASSERT_TRUE(is_filled(self->at, i, i + 1, 7));
	}
	EXPECT_GE(LIMIT, most);
	EXPECT_EQ(0, mem_stat(self->fd, "mem-limit-exceeded"));
	EXPECT_LT(0, mem_stat(self->fd, "mem-faults-swapped"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-failed"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-swap-failed"));
	/* What comes back is written to and goes again. */
	fill(self->at, 0, SIZE / PAGE, 9);
	EXPECT_GE(LIMIT, mem_stat(self->fd, "mem-resident"));
	EXPECT_TRUE(is_filled(self->at, 0, SIZE / PAGE, 9));
	/* It all fits again, and is there. */
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=0"));
	ASSERT_EQ(0, madvise(self->at, SIZE, MADV_POPULATE_WRITE));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-swapped"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-stored-raw"));
	EXPECT_EQ(SIZE, mem_stat(self->fd, "mem-resident"));
}

struct sweeper {
	pthread_t thread;
	char *at;
	size_t from;
	bool right;
};

static void *rewrite(void *data)
{
	struct sweeper *sweeper = data;
	const size_t pages = SIZE / PAGE / THREADS;

	sweeper->right = true;
	for (int round = 0; round < ROUNDS; round++) {
		sweeper->right = sweeper->right &&
			is_filled(sweeper->at, sweeper->from, sweeper->from + pages,
				  MIXED | round);
		fill(sweeper->at, sweeper->from, sweeper->from + pages, MIXED | (round + 1));
	}
	return NULL;
}

/* Several at once, so that pages are wanted back while they are being written. */
TEST_F_TIMEOUT(swap, several_at_once, 600)
{
	struct sweeper sweepers[THREADS];

	fill(self->at, 0, SIZE / PAGE, MIXED);
	ASSERT_TRUE(squeeze(self->where, self->fd, LIMIT));
	for (int i = 0; i < THREADS; i++) {
		sweepers[i] = (struct sweeper){ .at = self->at, .from = i * SIZE / PAGE / THREADS };
		ASSERT_EQ(0, pthread_create(&sweepers[i].thread, NULL, rewrite, &sweepers[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(sweepers[i].thread, NULL);
		EXPECT_TRUE(sweepers[i].right);
	}
	EXPECT_TRUE(becomes(self->fd, "mem-resident", 0, LIMIT));
	EXPECT_TRUE(is_filled(self->at, 0, SIZE / PAGE, MIXED | ROUNDS));
	/* But for moments: a CPU that does not run just then may hold all that could go. */
	EXPECT_GE(mem_stat(self->fd, "mem-fills") / 100, mem_stat(self->fd, "mem-limit-exceeded"));
	TH_LOG("%llu pages written, %llu read in faults",
	       (unsigned long long)mem_stat(self->fd, "mem-swap-outs"),
	       (unsigned long long)mem_stat(self->fd, "mem-faults-swapped"));
}

TEST_F_TIMEOUT(swap, what_is_removed_there_is_gone, 300)
{
	static const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	const size_t pages = SIZE / PAGE;

	fill(self->at, 0, pages, 3);
	ASSERT_TRUE(squeeze(self->where, self->fd, LIMIT / 4));
	/* Whole pages, and parts of pages, at both ends. */
	ASSERT_EQ(0, fallocate(self->fd, how, 8 * PAGE, 100 * PAGE));
	ASSERT_EQ(0, fallocate(self->fd, how, 200 * PAGE + 100, 3 * PAGE));
	EXPECT_TRUE(is_filled(self->at, 0, 8, 3));
	EXPECT_TRUE(mem_all(self->at + 8 * PAGE, 0, 100 * PAGE));
	EXPECT_TRUE(is_filled(self->at, 108, 200, 3));
	EXPECT_TRUE(mem_all(self->at + 200 * PAGE + 100, 0, 3 * PAGE));
	EXPECT_TRUE(is_filled(self->at, 204, pages, 3));
	ASSERT_TRUE(squeeze(self->where, self->fd, LIMIT / 4));
	ASSERT_EQ(0, ftruncate(self->fd, 500 * PAGE + 8));
	ASSERT_EQ(0, ftruncate(self->fd, SIZE));
	EXPECT_TRUE(is_filled(self->at, 300, 500, 3));
	EXPECT_TRUE(mem_all(self->at + 500 * PAGE + 8, 0, SIZE - 500 * PAGE - 8));
	/* All of it. */
	ASSERT_EQ(0, fallocate(self->fd, how, 0, SIZE));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-swapped"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-resident"));
	EXPECT_EQ(0, mem_used(self->where));
	EXPECT_TRUE(mem_all(self->at, 0, SIZE));
}

/* Where a page was on its way, another one's content is not overwritten by it later. */
TEST_F_TIMEOUT(swap, what_is_removed_on_its_way_there_is_gone, 600)
{
	static const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	const size_t pages = SIZE / PAGE;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t before = mem_stat(self->fd, "mem-evicted");

		fill(self->at, 0, pages, round);
		ASSERT_EQ(0, mem_settle());
		ASSERT_EQ(0, mem_remount(self->where, "file_limit=64k"));
		for (int i = 0; i < PATIENCE * 1000 && mem_stat(self->fd, "mem-evicted") == before;
		     i++)
			usleep(1000);
		for (size_t page = 0; page < pages; page += 2)
			ASSERT_EQ(0, fallocate(self->fd, how, page * PAGE, PAGE));
		for (size_t page = 0; page < pages; page++) {
			ASSERT_TRUE(page % 2 ? is_filled(self->at, page, page + 1, round) :
					       mem_all(self->at + page * PAGE, 0, PAGE));
		}
		ASSERT_EQ(0, mem_remount(self->where, "file_limit=0"));
	}
	EXPECT_LT(0, mem_stat(self->fd, "mem-swap-outs"));
}

TEST_F_TIMEOUT(swap, a_file_that_goes_leaves_room, 300)
{
	char path[PATH_MAX], *at;

	/* Each takes more than half of what there is. */
	for (int round = 0; round < 4; round++) {
		int other = mem_file(self->where, "b", SIZE + MIB);

		at = mem_map(other, SIZE + MIB);
		ASSERT_NE(MAP_FAILED, at);
		fill(at, 0, (SIZE + MIB) / PAGE, round);
		EXPECT_TRUE(squeeze(self->where, other, LIMIT / 2));
		EXPECT_EQ(0, mem_stat(other, "mem-swap-failed"));
		munmap(at, SIZE + MIB);
		close(other);
		snprintf(path, sizeof(path), "%s/b", self->where);
		ASSERT_EQ(0, unlink(path));
		ASSERT_EQ(0, mem_remount(self->where, "file_limit=0"));
		for (int i = 0; i < PATIENCE * 100 && mem_used(self->where); i++)
			usleep(10000);
		EXPECT_EQ(0, mem_used(self->where));
	}
}

TEST_F_TIMEOUT(swap, what_does_not_fit_stays_in_memory, 300)
{
	int other = mem_file(self->where, "b", 3 * SIZE);
	char *at = mem_map(other, 3 * SIZE);

	ASSERT_NE(MAP_FAILED, at);
	fill(at, 0, 3 * SIZE / PAGE, 5);
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=1M"));
	EXPECT_TRUE(becomes(other, "mem-swapped", 2 * SIZE, 2 * SIZE));
	EXPECT_TRUE(becomes(other, "mem-evict-refused", 1, UINT64_MAX));
	EXPECT_EQ(SIZE, mem_stat(other, "mem-resident"));
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=0"));
	EXPECT_TRUE(is_filled(at, 0, 3 * SIZE / PAGE, 5));
	munmap(at, 3 * SIZE);
	close(other);
}

struct splicer {
	pthread_t thread;
	char *at;
	bool over;
};

/* Has a page every now and then, for a moment. */
static void *splice_at_times(void *data)
{
	struct splicer *splicer = data;
	struct iovec iov = { .iov_base = splicer->at, .iov_len = PAGE };
	char page[PAGE];
	int ends[2];

	if (pipe(ends))
		return NULL;
	while (!__atomic_load_n(&splicer->over, __ATOMIC_RELAXED)) {
		if (vmsplice(ends[1], &iov, 1, 0) == PAGE) {
			usleep(1000);
			if (read(ends[0], page, PAGE) != PAGE)
				break;
		}
		usleep(1000);
	}
	close(ends[0]);
	close(ends[1]);
	return NULL;
}

/* What is found not to be possible in the last moment has left nothing on the disk. */
TEST_F_TIMEOUT(swap, a_large_page_goes_whole_or_not_at_all, 300)
{
	static const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct splicer splicers[SIZE / HUGE];

	for (size_t i = 0; i < SIZE / HUGE; i++) {
		splicers[i] = (struct splicer){ .at = self->at + i * HUGE + HUGE / 2 };
		ASSERT_EQ(0, pthread_create(&splicers[i].thread, NULL, splice_at_times,
					    &splicers[i]));
	}
	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, fallocate(self->fd, how, 0, SIZE));
		fill(self->at, 0, SIZE / PAGE, round);
		ASSERT_EQ(0, mem_settle());
		ASSERT_EQ(0, mem_remount(self->where, "file_limit=64k"));
		usleep(500000);
		ASSERT_EQ(0, mem_remount(self->where, "file_limit=0"));
		EXPECT_TRUE(is_filled(self->at, 0, SIZE / PAGE, round));
	}
	for (size_t i = 0; i < SIZE / HUGE; i++) {
		__atomic_store_n(&splicers[i].over, true, __ATOMIC_RELAXED);
		pthread_join(splicers[i].thread, NULL);
	}
	ASSERT_EQ(0, mem_settle());
	EXPECT_LE(mem_stat(self->fd, "mem-swap-outs"), mem_stat(self->fd, "mem-evicted"));
	TH_LOG("%llu pages were busy, %llu evicted, %llu written",
	       (unsigned long long)mem_stat(self->fd, "mem-reclaim-busy"),
	       (unsigned long long)mem_stat(self->fd, "mem-evicted"),
	       (unsigned long long)mem_stat(self->fd, "mem-swap-outs"));
}

/* Makes a loop device larger or smaller than what is behind it. */
static int set_capacity(int disk, uint64_t bytes)
{
	struct loop_info64 info;

	if (ioctl(disk, LOOP_GET_STATUS64, &info))
		return -errno;
	info.lo_sizelimit = bytes;
	return ioctl(disk, LOOP_SET_STATUS64, &info) ? -errno : 0;
}

TEST_F_TIMEOUT(swap, a_disk_that_fails, 300)
{
	static char page[PAGE];
	const size_t pages = SIZE / PAGE;
	size_t failed = 0;

	/* It takes the first eighth. */
	fill(self->at, 0, pages, 5);
	ASSERT_EQ(0, set_capacity(self->disk, MIB));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=1M"));
	EXPECT_TRUE(becomes(self->fd, "mem-swap-failed", 1, UINT64_MAX));
	EXPECT_TRUE(is_filled(self->at, 0, pages, 5));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-failed"));
	/* It is repaired, and used again. */
	ASSERT_EQ(0, set_capacity(self->disk, 0));
	EXPECT_TRUE(becomes(self->fd, "mem-swapped", SIZE / 2, UINT64_MAX));
	/* What cannot be read is an error, and can be read when the disk can. */
	ASSERT_EQ(0, set_capacity(self->disk, MIB));
	for (size_t i = 0; i < pages; i++) {
		ssize_t got = pread(self->fd, page, PAGE, i * PAGE);

		ASSERT_TRUE(got == PAGE ? is_filled(page - i * PAGE, i, i + 1, 5) : errno == EIO);
		failed += got != PAGE;
	}
	EXPECT_LT(0, failed);
	EXPECT_GT(pages, failed);
	ASSERT_EQ(0, set_capacity(self->disk, 0));
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=0"));
	EXPECT_TRUE(is_filled(self->at, 0, pages, 5));
	TH_LOG("%llu pages could not be written, %zu not read",
	       (unsigned long long)mem_stat(self->fd, "mem-swap-failed"), failed);
}

/* By itself, when the disk takes something again; on one that does not nothing is lost. */
TEST_F_TIMEOUT(swap, what_could_not_be_written_is_written_later, 300)
{
	uint64_t failed;

	fill(self->at, 0, SIZE / PAGE, 5);
	ASSERT_EQ(0, set_capacity(self->disk, PAGE));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=1M"));
	EXPECT_TRUE(becomes(self->fd, "mem-swap-failed", 1, UINT64_MAX));
	/* Nothing more goes there. */
	ASSERT_EQ(0, mem_remount(self->where, "file_limit=0"));
	ASSERT_EQ(0, mem_settle());
	failed = mem_stat(self->fd, "mem-swap-failed");
	EXPECT_LT(0, mem_stat(self->fd, "mem-stored-raw"));
	EXPECT_TRUE(becomes(self->fd, "mem-swap-failed", failed + 2, UINT64_MAX));
	EXPECT_GE(1, mem_stat(self->fd, "mem-swapped") / PAGE);
	ASSERT_EQ(0, set_capacity(self->disk, 0));
	EXPECT_TRUE(becomes(self->fd, "mem-stored-raw", 0, 0));
	EXPECT_LT(0, mem_stat(self->fd, "mem-swapped"));
	EXPECT_EQ(mem_used(self->where), mem_stat(self->fd, "mem-resident"));
	EXPECT_TRUE(is_filled(self->at, 0, SIZE / PAGE, 5));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-failed"));
}

static uint64_t count_lines(const char *path, const char *word)
{
	uint64_t count = 0;
	char line[512];
	FILE *in = fopen(path, "r");

	while (in && fgets(line, sizeof(line), in))
		count += !!strstr(line, word);
	if (in)
		fclose(in);
	return count;
}

/* KVM's first try of a fault must not wait: a thread of its own does, and the vCPU goes on. */
TEST_F_TIMEOUT(swap, a_vcpu_does_not_wait_for_the_disk, 300)
{
	struct vmqos_vmm_workload churn = {
		.kind = VMQOS_VMM_CHURN, .memory = self->at, .bytes = SIZE,
	};
	struct vmqos_vmm_counts counts;
	struct vmqos_vmm_vm *vm;
	uint64_t left;

	if (access("/dev/kvm", R_OK | W_OK))
		SKIP(return, "needs /dev/kvm");
	if (access(TRACING "/instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		SKIP(return, "no tracefs: %s", strerror(errno));
	vm = vmqos_vmm_create("swap", 1, 0);
	ASSERT_NE(NULL, vm);
	ASSERT_LE(0, vmqos_vmm_add_vcpu(vm, &churn));
	/* What is there before is not the guest's: it counts its errors from its second round. */
	fill(self->at, 0, SIZE / PAGE, 1);
	for (size_t i = 0; i < SIZE; i += PAGE)
		*(uint32_t *)(self->at + i) = 0;
	ASSERT_TRUE(squeeze(self->where, self->fd, LIMIT));
	ASSERT_EQ(0, mem_write_text(INSTANCE "/events/kvm/kvm_async_pf_completed/enable", "1"));
	ASSERT_EQ(0, vmqos_vmm_start(vm, 0));
	for (int i = 0; i < PATIENCE * 10; i++) {
		vmqos_vmm_counts(vm, 0, &counts);
		left = count_lines(INSTANCE "/trace", "kvm_async_pf_completed:");
		if (counts.work >= 2 && left >= SIZE / PAGE / 2)
			break;
		usleep(100000);
	}
	EXPECT_EQ(0, mem_write_text(INSTANCE "/events/kvm/kvm_async_pf_completed/enable", "0"));
	EXPECT_LE(SIZE / PAGE / 2, left);
	EXPECT_LT(0, counts.work);
	EXPECT_EQ(0, counts.errors);
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-failed"));
	TH_LOG("%llu rounds, %llu errors, %llu pages read by KVM's threads",
	       (unsigned long long)counts.work, (unsigned long long)counts.errors,
	       (unsigned long long)left);
	vmqos_vmm_destroy(vm);
	EXPECT_EQ(0, rmdir(INSTANCE));
}

/* As most will have it: a file, on a filesystem whose locks a fault must not meet. */
TEST_F_TIMEOUT(swap, a_file_of_ext4, 300)
{
	char on[] = "/tmp/vmramfs-ext4.XXXXXX", where[64], device[64], command[512], *at;
	int disk = mem_disk(64 * MIB), fd;

	ASSERT_LE(0, disk);
	ASSERT_TRUE(mem_name_of(disk, device, sizeof(device)));
	ASSERT_NE(NULL, mkdtemp(on));
	snprintf(command, sizeof(command),
		 "modprobe ext4 2>/dev/null; mkfs.ext4 -q %s 2>/dev/null && mount -t ext4 %s %s 2>/dev/null && fallocate -l 32M %s/swap && chmod 600 %s/swap",
		 device, device, on, on, on);
	if (system(command)) {
		close(disk);
		rmdir(on);
		SKIP(return, "needs ext4 and mkfs.ext4");
	}
	snprintf(command, sizeof(command), "swap=%s/swap%s", on, variant->options);
	fd = mem_begin(where, command, SIZE, &at);
	ASSERT_LE(0, fd);
	fill(at, 0, SIZE / PAGE, 3);
	EXPECT_TRUE(squeeze(where, fd, LIMIT));
	EXPECT_LE(SIZE - LIMIT - HUGE, mem_stat(fd, "mem-swapped"));
	EXPECT_TRUE(is_filled(at, 0, SIZE / PAGE, 3));
	/* Into the filesystem out of the memory, and back, past its cache. */
	snprintf(command, sizeof(command),
		 "dd if=%s/a of=%s/copy bs=1M oflag=direct status=none && cmp %s/a %s/copy",
		 where, on, where, on);
	EXPECT_EQ(0, system(command));
	EXPECT_EQ(0, mem_stat(fd, "mem-swap-failed"));
	EXPECT_EQ(0, mem_stat(fd, "mem-faults-failed"));
	EXPECT_EQ(-1, umount(on));
	EXPECT_EQ(0, mem_end(where, fd, at, SIZE));
	EXPECT_EQ(0, umount(on));
	rmdir(on);
	close(disk);
}

/* What a mount says to a swap file that is none. */
static int try(const char *path)
{
	char where[64], options[PATH_MAX];
	int ret;

	snprintf(options, sizeof(options), "swap=%s", path);
	ret = mem_mount(where, sizeof(where), options);
	if (!ret)
		mem_umount(where);
	else
		rmdir(where);
	return ret;
}

TEST_F(swap, what_is_no_swap_file_is_refused)
{
	char path[] = "/tmp/vmramfs-swap.XXXXXX", inside[128], options[128], line[512];
	bool shown = false;
	FILE *mounts;
	int fd;

	EXPECT_EQ(-ENOENT, try("/tmp/there/is/no/such/file"));
	EXPECT_EQ(-EISDIR, try("/tmp"));
	EXPECT_EQ(-EINVAL, try("/dev/null"));
	/* Of two mounts; for itself. */
	EXPECT_EQ(-EBUSY, try(self->device));
	snprintf(inside, sizeof(inside), "%s/a", self->where);
	EXPECT_EQ(-EINVAL, try(inside));
	/* Empty, or anybody's: where there is direct I/O to such files at all. */
	fd = mkostemp(path, O_DIRECT);
	if (fd >= 0) {
		EXPECT_EQ(-EINVAL, try(path));
		EXPECT_EQ(0, ftruncate(fd, MIB));
		EXPECT_EQ(0, try(path));
		EXPECT_EQ(0, fchmod(fd, 0644));
		EXPECT_EQ(-EPERM, try(path));
		close(fd);
	}
	unlink(path);
	/* It is for as long as it is mounted. */
	snprintf(options, sizeof(options), "swap=%s,size=64M", self->device);
	EXPECT_EQ(0, mem_remount(self->where, options));
	EXPECT_EQ(-EINVAL, mem_remount(self->where, "swap=/dev/null"));
	snprintf(options, sizeof(options), "swap=%s", self->device);
	mounts = fopen("/proc/mounts", "r");
	while (mounts && fgets(line, sizeof(line), mounts))
		shown = shown || (strstr(line, self->where) && strstr(line, options));
	if (mounts)
		fclose(mounts);
	EXPECT_TRUE(shown);
}

TEST_HARNESS_MAIN
