// SPDX-License-Identifier: GPL-2.0
/*
 * VMs in shared memory: pages of zeros become holes, the rest stays as it is, and what somebody
 * holds, wants resident, or handles the faults of, stays in any case.
 */
#include <linux/falloc.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "shared.h"

#define SIZE	(4 * MIB)
#define PAGES	(SIZE / PAGE)

FIXTURE(shared)
{
	char huge_was[128];
	int fd;
	char *at;
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm;
	uint32_t id;
};

FIXTURE_VARIANT(shared)
{
	bool named;
	bool huge;
};

FIXTURE_VARIANT_ADD(shared, memfd)
{
	.named = true,
};

FIXTURE_VARIANT_ADD(shared, memfd_huge)
{
	.named = true,
	.huge = true,
};

FIXTURE_VARIANT_ADD(shared, anonymous)
{
	.named = false,
};

FIXTURE_SETUP(shared)
{
	const char *missing = vmqos_subject_missing();

	self->vm = NULL;
	if (missing)
		SKIP(return, "%s", missing);
	share_read_choice(SHMEM_HUGE, self->huge_was, sizeof(self->huge_was));
	ASSERT_EQ(0, mem_write_text(SHMEM_HUGE, variant->huge ? "advise" : "never"));
	share_set_defaults();
	ASSERT_EQ(0, share_set_fastest());
	self->fd = variant->named ? 0 : -1;
	self->at = share_memory(SIZE, variant->huge, &self->fd);
	ASSERT_NE(MAP_FAILED, self->at);
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	self->vm = share_start_vm("shared");
	ASSERT_NE(NULL, self->vm);
	ASSERT_EQ(0, share_slot(self->vm, 0, self->at, SIZE));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "shared", &self->id))
		TH_LOG("%s", vmqos_error(self->ctx));
}

FIXTURE_TEARDOWN(shared)
{
	share_set_defaults();
	if (!self->vm)
		return;
	mem_write_text(SHMEM_HUGE, self->huge_was);
	vmqos_vmm_destroy(self->vm);
	vmqos_subject_wait_gone(self->ctx, self->id, 10000);
	vmqos_close(self->ctx);
	munmap(self->at, SIZE);
	if (self->fd >= 0)
		close(self->fd);
}

static int on(struct vmqos *ctx, uint32_t id)
{
	return share_policy(ctx, id, VMQOS_ZERO_ON);
}

/* Pages of zeros and others, in no order; in the first 2M of a file with large ones, none. */
static bool is_data(size_t page, bool huge)
{
	return huge ? page == PAGES - 7 : page * 2654435761u >> 7 & 1;
}

static uint64_t fill(char *at, bool huge)
{
	uint64_t data = 0;

	for (size_t page = 0; page < PAGES; page++) {
		memset(at + page * PAGE, 0, PAGE);
		if (!is_data(page, huge))
			continue;
		/* At its very end as well. */
		at[page * PAGE + (page & 1 ? PAGE - 1 : 0)] = 1 + page % 100;
		data++;
	}
	/* A page of 2M goes whole or not at all. */
	return huge ? HUGE : data * PAGE;
}

static unsigned int wrong(const char *at, bool huge)
{
	static char expected[PAGE];
	unsigned int bad = 0;

	for (size_t page = 0; page < PAGES; page++) {
		size_t place = page & 1 ? PAGE - 1 : 0;

		expected[place] = is_data(page, huge) ? 1 + page % 100 : 0;
		bad += !!memcmp(at + page * PAGE, expected, PAGE);
		expected[place] = 0;
	}
	return bad;
}

TEST_F_TIMEOUT(shared, zeros_become_holes, 240)
{
	uint64_t data = fill(self->at, variant->huge);
	struct vmqos_mem mem;
	struct stat st;

	/* Nobody has asked for it: nothing of it goes. */
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	mem = share_look(self->ctx, self->id);
	EXPECT_EQ(SIZE, mem.in_shmem);
	EXPECT_EQ(0, mem.share_shmem);
	EXPECT_EQ(SIZE + OWN, mem.share_none);
	EXPECT_TRUE(mem.share_why_not & VMQOS_WHY_NOT_POLICY);
	EXPECT_EQ(0, mem.scanned);

	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	ASSERT_TRUE(share_becomes(self->at, SIZE, data));
	ASSERT_TRUE(share_wait_passes(self->ctx, self->id, 2));
	EXPECT_EQ(data, share_resident(self->at, SIZE));
	mem = share_look(self->ctx, self->id);
	EXPECT_EQ(SIZE, mem.share_shmem);
	EXPECT_EQ((SIZE - data) / PAGE, mem.zero_freed);
	EXPECT_LE(PAGES, mem.scanned);
	EXPECT_LT(0, mem.zero_scan_ns);
	EXPECT_FALSE(vmqos_mem_has(&mem, VMQOS_MEM_RESIDENT));
	/* The file knows what it has, and what it has is right. */
	if (variant->named) {
		ASSERT_EQ(0, fstat(self->fd, &st));
		EXPECT_EQ(data / 512, st.st_blocks);
		EXPECT_EQ(SIZE, st.st_size);
	}
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	EXPECT_EQ(0, wrong(self->at, variant->huge));

	/* What has gone comes again, as often as it likes. */
	memset(self->at, 7, SIZE);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	EXPECT_TRUE(mem_all(self->at, 7, SIZE));
	data = fill(self->at, variant->huge);
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	EXPECT_TRUE(share_becomes(self->at, SIZE, data));
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	EXPECT_EQ(0, wrong(self->at, variant->huge));
}

TEST_F_TIMEOUT(shared, a_policy_is_followed_at_once, 240)
{
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, share_set("pressure_percent", 0));
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_PRESSURE));
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	EXPECT_EQ(SIZE, share_look(self->ctx, self->id).share_shmem);
	/* Less than all of it is always available. */
	ASSERT_EQ(0, share_set("pressure_percent", 100));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));

	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_MOUNT));
	ASSERT_EQ(0, share_settle(self->ctx));
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	ASSERT_EQ(0, on(self->ctx, self->id));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));
	/* The budget may be nothing, too. */
	ASSERT_EQ(0, share_set("percent", 0));
	usleep(50000);
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	ASSERT_EQ(0, share_set("percent", 100));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));

	/* Release is the end of it. */
	ASSERT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 10000));
	ASSERT_EQ(0, share_settle(self->ctx));
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
}

TEST_F_TIMEOUT(shared, pages_that_are_pinned_stay, 240)
{
	enum { GIVEN = 64 };
	struct iovec pages = { self->at, GIVEN * PAGE };
	char page[PAGE];
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	ASSERT_LE(GIVEN * PAGE, fcntl(ends[1], F_SETPIPE_SZ, GIVEN * PAGE));
	memset(self->at, 0, SIZE);
	ASSERT_EQ(GIVEN * PAGE, vmsplice(ends[1], &pages, 1, 0));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	/* A pin of a part holds the whole of a large page. */
	EXPECT_TRUE(share_becomes(self->at, SIZE, variant->huge ? HUGE : GIVEN * PAGE));
	ASSERT_TRUE(share_wait_passes(self->ctx, self->id, 2));
	EXPECT_EQ(variant->huge ? HUGE : GIVEN * PAGE, share_resident(self->at, SIZE));
	EXPECT_LT(0, share_look(self->ctx, self->id).zero_busy);
	for (size_t i = 0; i < GIVEN; i++) {
		memset(self->at + i * PAGE, 1 + i, PAGE);
		ASSERT_EQ(PAGE, read(ends[0], page, PAGE));
		EXPECT_TRUE(mem_all(page, 1 + i, PAGE));
	}
	close(ends[0]);
	close(ends[1]);
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));
}

TEST_F_TIMEOUT(shared, what_is_wanted_resident_stays, 240)
{
	struct vmqos_mem mem;
	struct stat st;

	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mlock(self->at, MIB));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	mem = share_look(self->ctx, self->id);
	EXPECT_EQ(0, mem.share_shmem);
	EXPECT_TRUE(mem.share_why_not & VMQOS_WHY_NOT_LOCKED);
	ASSERT_EQ(0, munlock(self->at, MIB));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));

	/* Reserved, and never touched. */
	if (!variant->named)
		return;
	ASSERT_EQ(0, fallocate(self->fd, 0, 0, HUGE));
	ASSERT_EQ(0, mem_settle());
	ASSERT_TRUE(share_wait_passes(self->ctx, self->id, 2));
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(HUGE / 512, st.st_blocks);
}

/* Somebody handles the faults on it himself; what is missing to him is not what it was. */
static int arm(char *at)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)at, SIZE }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range))) {
		close(fd);
		return -1;
	}
	return fd;
}

TEST_F_TIMEOUT(shared, faults_that_somebody_handles, 240)
{
	struct uffdio_range range = { (uintptr_t)self->at, SIZE };
	struct vmqos_mem mem;
	int fd, ends[2];
	pid_t child;
	char go;

	memset(self->at, 0, SIZE);
	fd = arm(self->at);
	if (fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	mem = share_look(self->ctx, self->id);
	EXPECT_EQ(0, mem.share_shmem);
	EXPECT_TRUE(mem.share_why_not & VMQOS_WHY_NOT_USERFAULTFD);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_UNREGISTER, &range));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));
	close(fd);

	/* In another process: as a vhost-user backend would. */
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	ASSERT_EQ(0, share_settle(self->ctx));
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, pipe(ends));
	child = fork();
	if (!child) {
		go = arm(self->at) >= 0;
		if (write(ends[1], &go, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(ends[0], &go, 1));
	EXPECT_EQ(1, go);
	ASSERT_EQ(0, on(self->ctx, self->id));
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	EXPECT_TRUE(share_look(self->ctx, self->id).share_why_not & VMQOS_WHY_NOT_USERFAULTFD);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));
	close(ends[0]);
	close(ends[1]);
}

/* Two see the same, whoever has it mapped, and one of them is no VMM. */
TEST_F_TIMEOUT(shared, another_process_sees_the_same, 240)
{
	int to[2], from[2], status;
	pid_t child;
	char go = 0;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	child = fork();
	if (!child) {
		/* Mapped here; then taken away; then there again for a write. */
		bool fine = read(to[0], &go, 1) == 1;

		for (size_t i = 0; i < SIZE; i += PAGE)
			fine = fine && !((volatile char *)self->at)[i];
		fine = fine && write(from[1], &go, 1) == 1 && read(to[0], &go, 1) == 1;
		for (size_t i = 0; i < SIZE; i += PAGE)
			((volatile char *)self->at)[i + 5] = 1 + i / PAGE % 100;
		fine = fine && write(from[1], &go, 1) == 1;
		_exit(!fine);
	}
	memset(self->at, 0, SIZE);
	ASSERT_EQ(1, write(to[1], &go, 1));
	ASSERT_EQ(1, read(from[0], &go, 1));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));
	ASSERT_EQ(1, write(to[1], &go, 1));
	ASSERT_EQ(1, read(from[0], &go, 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_TRUE(share_wait_passes(self->ctx, self->id, 2));
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	for (size_t i = 0; i < SIZE; i += PAGE)
		EXPECT_EQ(1 + i / PAGE % 100, self->at[i + 5]);
	for (int i = 0; i < 2; i++) {
		close(to[i]);
		close(from[i]);
	}
}

/* What its memory is to be may still be on its way, and what is missing then is missed. */
TEST_F_TIMEOUT(shared, a_vm_that_has_not_run_is_left_alone, 240)
{
	static const struct vmqos_vmm_workload halt = {
		.kind = VMQOS_VMM_HALT, .period_us = 10000,
	};
	struct vmqos_vmm_vm *vm = vmqos_vmm_create("idle", 1, OWN);
	int fd = variant->named ? 0 : -1;
	char *at = share_memory(SIZE, variant->huge, &fd);
	struct vmqos_mem mem;
	uint32_t id;

	ASSERT_NE(NULL, vm);
	ASSERT_NE(MAP_FAILED, at);
	ASSERT_EQ(0, share_slot(vm, 0, at, SIZE));
	ASSERT_LE(0, vmqos_vmm_add_vcpu(vm, &halt));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, vm, "idle", &id));
	ASSERT_EQ(0, on(self->ctx, id));
	memset(at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(at, SIZE));
	mem = share_look(self->ctx, id);
	EXPECT_EQ(0, mem.share_shmem);
	EXPECT_TRUE(mem.share_why_not & VMQOS_WHY_NOT_IDLE);
	ASSERT_EQ(0, vmqos_vmm_start(vm, 0));
	EXPECT_TRUE(share_becomes(at, SIZE, 0));
	EXPECT_EQ(SIZE, share_look(self->ctx, id).share_shmem);
	vmqos_vmm_destroy(vm);
	vmqos_subject_wait_gone(self->ctx, id, 10000);
	munmap(at, SIZE);
	if (fd >= 0)
		close(fd);
}

/* Only what is a VM's goes: not what lies beside it in the same file. */
TEST_F_TIMEOUT(shared, only_what_the_vm_has, 240)
{
	if (variant->huge)
		SKIP(return, "pages of 2M go whole");
	ASSERT_EQ(0, share_slot(self->vm, 0, NULL, 0));
	ASSERT_EQ(0, share_slot(self->vm, 0, self->at + MIB, MIB));
	ASSERT_EQ(0, share_slot(self->vm, 1, self->at + 3 * MIB, PAGE));
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	EXPECT_TRUE(share_becomes(self->at, SIZE, SIZE - MIB - PAGE));
	ASSERT_TRUE(share_wait_passes(self->ctx, self->id, 2));
	EXPECT_EQ(SIZE - MIB - PAGE, share_resident(self->at, SIZE));
	EXPECT_EQ(0, share_resident(self->at + MIB, MIB));
	EXPECT_EQ(0, share_resident(self->at + 3 * MIB, PAGE));
	EXPECT_EQ(MIB + PAGE, share_look(self->ctx, self->id).share_shmem);
}

static bool swap_to(int disk, char *path, size_t size)
{
	char command[128];
	struct stat st;

	if (fstat(disk, &st))
		return false;
	snprintf(path, size, "/dev/loop%u", minor(st.st_rdev));
	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin mkswap %s >/dev/null 2>&1",
		 path);
	return !system(command) && !swapon(path, 0);
}

/* What is in the swap is left there, and is what it was when it comes back. */
TEST_F_TIMEOUT(shared, what_is_swapped_out, 240)
{
	uint64_t data = fill(self->at, variant->huge), freed;
	struct sysinfo info;
	char path[64];
	struct stat st;
	int disk;

	if (variant->huge)
		SKIP(return, "swapping splits pages of 2M");
	disk = mem_disk(16 * MIB);
	if (disk < 0)
		SKIP(return, "no block device to swap to");
	if (!swap_to(disk, path, sizeof(path))) {
		close(disk);
		SKIP(return, "no swap here");
	}
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, madvise(self->at, MIB, MADV_PAGEOUT));
	ASSERT_EQ(0, sysinfo(&info));
	TH_LOG("%lu KiB of %lu are in the swap", (info.totalswap - info.freeswap) >> 10, MIB >> 10);
	EXPECT_LT(0, info.totalswap - info.freeswap);
	ASSERT_EQ(0, on(self->ctx, self->id));
	ASSERT_TRUE(share_wait_passes(self->ctx, self->id, 3));
	/* None of the others stay, and none of those that are out, or on their way, go. */
	freed = share_look(self->ctx, self->id).zero_freed;
	EXPECT_LE((SIZE - data) / PAGE - MIB / PAGE, freed);
	EXPECT_GE((SIZE - data) / PAGE, freed);
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	EXPECT_EQ(0, wrong(self->at, variant->huge));
	/* All of it has been read, and what was out is back, be it zeros or not. */
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
	EXPECT_EQ(0, swapoff(path));
	EXPECT_EQ(0, wrong(self->at, variant->huge));
	if (variant->named) {
		ASSERT_EQ(0, fstat(self->fd, &st));
		EXPECT_EQ(SIZE / 512, st.st_blocks);
	}
	close(disk);
}

/* A VMM with a VM in the file, until it is killed. */
static pid_t start_vmm(int fd, int *ready)
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		char *at = mem_map(fd, SIZE);
		struct vmqos_vmm_vm *vm = share_start_vm("gone");
		struct vmqos *ctx;
		uint32_t id = 0;

		if (at == MAP_FAILED || !vm || share_slot(vm, 0, at, SIZE) || vmqos_open(&ctx) ||
		    vmqos_subject_adopt(ctx, vm, "gone", &id))
			id = 0;
		if (write(pipes[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		for (;;) {
			/* Something to do for the scanner. */
			memset(at, 0, SIZE);
			memset(at + MIB, 1, PAGE);
		}
	}
	close(pipes[1]);
	*ready = pipes[0];
	return pid;
}

TEST_F_TIMEOUT(shared, it_ends_with_the_vmm, 240)
{
	uint32_t id = 0;
	int ready;
	pid_t pid;

	if (!variant->named)
		SKIP(return, "nothing is left of it");
	for (int i = 0; i < 4; i++) {
		pid = start_vmm(self->fd, &ready);
		ASSERT_LT(0, pid);
		ASSERT_EQ(sizeof(id), read(ready, &id, sizeof(id)));
		ASSERT_NE(0, id);
		ASSERT_EQ(0, on(self->ctx, id));
		usleep(100000 + i * 30000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		EXPECT_EQ(0, vmqos_subject_wait_gone(self->ctx, id, 10000));
		close(ready);
	}
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	usleep(300000);
	EXPECT_EQ(SIZE, share_resident(self->at, SIZE));
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

/*
 * A VMM that is busy with its memory is not waited for; its zeros go all the same. With four
 * threads of it there is no moment in which nobody has its lock or waits for it: what KSM was told
 * is undone all the same, and the VM is released.
 */
TEST_F_TIMEOUT(shared, beside_a_vmm_that_maps_and_unmaps, 240)
{
	pthread_t threads[4];

	ended = false;
	ASSERT_EQ(0, on(self->ctx, self->id));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_and_unmap, NULL));
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, mem_settle());
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));
	for (int i = 2; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_and_unmap, NULL));
	EXPECT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 20000));
	ended = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* The module cannot go while it has a VM, and goes when that is released, scanning or not. */
TEST_F_TIMEOUT(shared, unload_while_on, 240)
{
	memset(self->at, 0, SIZE);
	ASSERT_EQ(0, on(self->ctx, self->id));
	EXPECT_NE(0, vmqos_subject_load_anew());
	ASSERT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 10000));
	vmqos_close(self->ctx);
	EXPECT_EQ(0, vmqos_subject_load_anew());
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	ASSERT_EQ(0, share_set_fastest());
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "shared", &self->id));
	ASSERT_EQ(0, mem_settle());
	ASSERT_EQ(0, on(self->ctx, self->id));
	EXPECT_TRUE(share_becomes(self->at, SIZE, 0));
}

TEST_HARNESS_MAIN
