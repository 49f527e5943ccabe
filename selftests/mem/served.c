// SPDX-License-Identifier: GPL-2.0
/*
 * Where a VM's memory is found to be, and the policy of the VM put in force there: in
 * files that are there and in those that come, until the VM is released or its VMM ends.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "served.h"

static int set_mode(struct vmqos *ctx, uint32_t id, uint32_t mode)
{
	struct vmqos_vm_settings settings = {
		.set = VMQOS_HAS(VMQOS_VM_MEM_SHARE_ZERO), .mem_share_zero = mode,
	};

	return vmqos_vm_set(ctx, id, &settings, NULL);
}

/* What the file itself says: mem-share-zero in its fdinfo. */
static bool mode_is(int fd, const char *mode)
{
	char path[64], line[256], word[32] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in))
		sscanf(line, "mem-share-zero: %31s", word);
	if (in)
		fclose(in);
	return !strcmp(word, mode);
}

static bool mode_becomes(int fd, const char *mode)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mode_is(fd, mode))
			return true;
		usleep(10000);
	}
	return false;
}

TEST_F_TIMEOUT(served, all_kinds_of_memory_are_told_apart, 120)
{
	int memfd = memfd_create("served", 0);
	char *anonymous, *shared, *private, *hole;
	struct vmqos_mem mem;
	int other;
	char *second, *again;

	mem = look(self->ctx, self->id);
	EXPECT_EQ(OWN, mem.configured);
	EXPECT_EQ(OWN, mem.in_anonymous);
	EXPECT_FALSE(has(&mem, VMQOS_MEM_RESIDENT));

	ASSERT_EQ(0, ftruncate(memfd, MIB));
	shared = mem_map(memfd, MIB);
	private = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, memfd, 0);
	anonymous = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	hole = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED && private != MAP_FAILED && anonymous != MAP_FAILED &&
		    hole != MAP_FAILED);
	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	ASSERT_EQ(0, slot(self->vm, 1, shared, MIB));
	ASSERT_EQ(0, slot(self->vm, 2, private, MIB));
	ASSERT_EQ(0, slot(self->vm, 3, anonymous, 3 * MIB));
	ASSERT_EQ(0, slot(self->vm, 4, hole, 2 * MIB));
	/* Half of it goes away under the slot. */
	ASSERT_EQ(0, munmap(hole + MIB, MIB));
	mem = look(self->ctx, self->id);
	EXPECT_EQ(OWN + SIZE + 7 * MIB, mem.configured);
	EXPECT_EQ(SIZE, mem.in_vmramfs);
	EXPECT_EQ(4 * MIB, mem.in_shmem);
	EXPECT_EQ(OWN + MIB, mem.in_anonymous);
	EXPECT_EQ(2 * MIB, mem.in_other);
	EXPECT_EQ(0, mem.in_hugetlb);
	EXPECT_TRUE(has(&mem, VMQOS_MEM_RESIDENT));
	EXPECT_EQ(0, mem.resident);

	/* A second file counts as well; the same memory twice does not. */
	other = mem_file(self->where, "b", SIZE);
	ASSERT_LE(0, other);
	second = mem_map(other, SIZE);
	again = mem_map(self->fd, SIZE);
	ASSERT_TRUE(second != MAP_FAILED && again != MAP_FAILED);
	memset(self->at, 1, MIB);
	memset(second, 1, 2 * MIB);
	ASSERT_EQ(0, slot(self->vm, 5, second, SIZE));
	ASSERT_EQ(0, slot(self->vm, 6, self->at + MIB, MIB));
	mem = look(self->ctx, self->id);
	EXPECT_EQ(2 * SIZE, mem.in_vmramfs);
	EXPECT_EQ(3 * MIB, mem.resident);
	EXPECT_EQ(3 * MIB / PAGE, mem.fills);
	/* By another mapping of it: more memory of the VM's, but no other file. */
	ASSERT_EQ(0, slot(self->vm, 7, again, MIB));
	mem = look(self->ctx, self->id);
	EXPECT_EQ(2 * SIZE + MIB, mem.in_vmramfs);
	EXPECT_EQ(3 * MIB, mem.resident);

	/* What is taken away is not there. */
	for (unsigned int i = 0; i < 8; i++)
		ASSERT_EQ(0, slot(self->vm, i, 0, 0));
	mem = look(self->ctx, self->id);
	EXPECT_EQ(OWN, mem.configured);
	EXPECT_FALSE(has(&mem, VMQOS_MEM_RESIDENT));
	munmap(again, SIZE);
	munmap(second, SIZE);
	close(other);
	munmap(hole, MIB);
	munmap(anonymous, 3 * MIB);
	munmap(private, MIB);
	munmap(shared, MIB);
	close(memfd);
}

TEST_F_TIMEOUT(served, counters_are_those_of_the_file, 120)
{
	uint64_t found = 0, filled = 0;
	struct vmqos_mem mem;
	char *again;

	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	memset(self->at, 1, MIB);
	again = mem_map(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, again);
	for (size_t i = 0; i < MIB; i += PAGE)
		EXPECT_EQ(1, again[i]);
	mem = look(self->ctx, self->id);
	EXPECT_EQ(MIB, mem.resident);
	EXPECT_EQ(MIB / PAGE, mem.fills);
	EXPECT_EQ(MIB / PAGE, mem.faults_filled);
	EXPECT_EQ(MIB / PAGE, mem.faults_found);
	EXPECT_EQ(0, mem.faults_failed);
	for (int i = 0; i < VMQOS_MEM_BUCKETS; i++) {
		found += mem.found_hist[i];
		filled += mem.filled_hist[i];
	}
	EXPECT_EQ(mem.faults_found, found);
	EXPECT_EQ(mem.faults_filled, filled);
	EXPECT_LT(0, mem.found_ns);
	EXPECT_LT(0, mem.filled_ns);
	EXPECT_EQ(mem_stat(self->fd, "mem-faults"), mem.faults_found + mem.faults_filled);
	EXPECT_EQ(mem_stat(self->fd, "mem-faults-found"), mem.faults_found);
	/* A write is no fault. */
	ASSERT_EQ(PAGE, pwrite(self->fd, self->at, PAGE, 2 * MIB));
	mem = look(self->ctx, self->id);
	EXPECT_EQ(MIB / PAGE + 1, mem.fills);
	EXPECT_EQ(MIB / PAGE, mem.faults_filled);
	munmap(again, SIZE);
}

TEST_F_TIMEOUT(served, a_policy_holds_in_the_files, 240)
{
	struct vmqos_mem mem;
	struct vmqos_vm vm;
	char *second;
	int other;

	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	EXPECT_TRUE(mode_is(self->fd, "off"));
	ASSERT_EQ(0, set_mode(self->ctx, self->id, VMQOS_ZERO_ON));
	EXPECT_TRUE(mode_becomes(self->fd, "on"));
	ASSERT_EQ(0, mem_settle());
	EXPECT_TRUE(mem_wait_passes(self->fd, 2, PATIENCE));
	mem = look(self->ctx, self->id);
	EXPECT_EQ(0, mem.resident);
	EXPECT_EQ(SIZE / PAGE, mem.zero_freed);
	EXPECT_LE(SIZE / PAGE, mem.scanned);
	EXPECT_LT(0, mem.zero_scan_ns);

	/* A file that comes gets it too; one that is no VM's keeps to its mount. */
	other = mem_file(self->where, "b", SIZE);
	ASSERT_LE(0, other);
	second = mem_map(other, SIZE);
	ASSERT_NE(MAP_FAILED, second);
	EXPECT_TRUE(mode_is(other, "off"));
	ASSERT_EQ(0, slot(self->vm, 1, second, SIZE));
	EXPECT_TRUE(mode_becomes(other, "on"));

	/* What the mount says is overruled, and holds again when the policy ends. */
	ASSERT_EQ(0, mem_remount(self->where, "share_zero=pressure"));
	EXPECT_TRUE(mode_is(self->fd, "on"));
	ASSERT_EQ(0, set_mode(self->ctx, self->id, VMQOS_ZERO_MOUNT));
	EXPECT_TRUE(mode_becomes(self->fd, "pressure"));
	ASSERT_EQ(0, set_mode(self->ctx, self->id, VMQOS_ZERO_OFF));
	EXPECT_TRUE(mode_becomes(self->fd, "off"));
	ASSERT_EQ(0, vmqos_vm_get(self->ctx, self->id, &vm));
	EXPECT_EQ(VMQOS_ZERO_OFF, vm.mem_share_zero);

	/* Release leaves no trace. */
	ASSERT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 10000));
	EXPECT_TRUE(mode_is(self->fd, "pressure"));
	EXPECT_TRUE(mode_is(other, "pressure"));
	munmap(second, SIZE);
	close(other);
}

/* A VMM with a VM in the file, until it is killed. */
static pid_t start_vmm(const char *where, int *ready)
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		int fd = mem_file(where, "gone", SIZE);
		char *at = fd < 0 ? MAP_FAILED : mem_map(fd, SIZE);
		struct vmqos_vmm_vm *vm = vmqos_vmm_create("gone", 1, OWN);
		uint32_t id = 0;
		struct vmqos *ctx;

		if (at == MAP_FAILED || !vm || slot(vm, 0, at, SIZE) || vmqos_open(&ctx) ||
		    vmqos_subject_adopt(ctx, vm, "gone", &id))
			id = 0;
		if (write(pipes[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		for (;;)
			pause();
	}
	close(pipes[1]);
	*ready = pipes[0];
	return pid;
}

TEST_F_TIMEOUT(served, a_policy_ends_with_the_vmm, 120)
{
	uint32_t id = 0;
	int ready, fd;
	pid_t pid;

	pid = start_vmm(self->where, &ready);
	ASSERT_LT(0, pid);
	ASSERT_EQ(sizeof(id), read(ready, &id, sizeof(id)));
	ASSERT_NE(0, id);
	ASSERT_EQ(0, set_mode(self->ctx, id, VMQOS_ZERO_ON));
	/* Who looks has it open as well, and must not be the one that keeps it. */
	fd = mem_file(self->where, "gone", 0);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(mode_becomes(fd, "on"));
	close(fd);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, vmqos_subject_wait_gone(self->ctx, id, 10000));
	for (int i = 0; i < 500; i++) {
		bool off;

		fd = mem_file(self->where, "gone", 0);
		ASSERT_LE(0, fd);
		off = mode_is(fd, "off");
		close(fd);
		if (off)
			break;
		usleep(10000);
	}
	fd = mem_file(self->where, "gone", 0);
	EXPECT_TRUE(mode_is(fd, "off"));
	close(fd);
	close(ready);
}

static volatile bool ended;

static void *map_and_unmap(void *unused)
{
	(void)unused;
	while (!ended) {
		char *at = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (at != MAP_FAILED)
			munmap(at, MIB);
	}
	return NULL;
}

/* A VMM that is busy with its memory is not waited for, and its policy holds all the same. */
TEST_F_TIMEOUT(served, looks_beside_a_vmm_that_maps_and_unmaps, 240)
{
	static const char *const modes[] = { "off", "on", "pressure" };
	struct vmqos_mem mem;
	pthread_t threads[2];

	ASSERT_EQ(0, slot(self->vm, 0, self->at, SIZE));
	ended = false;
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_and_unmap, NULL));
	for (int i = 0; i < 60; i++) {
		ASSERT_EQ(0, set_mode(self->ctx, self->id, VMQOS_ZERO_OFF + i % 3));
		EXPECT_TRUE(mode_becomes(self->fd, modes[i % 3]));
		mem = look(self->ctx, self->id);
		EXPECT_EQ(SIZE, mem.in_vmramfs);
	}
	EXPECT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 20000));
	EXPECT_TRUE(mode_is(self->fd, "off"));
	ended = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

TEST_HARNESS_MAIN
