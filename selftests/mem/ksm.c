// SPDX-License-Identifier: GPL-2.0
/*
 * VMs in private anonymous memory: KSM is told of it as the policy wants, has its pages of zeros
 * for nothing, and is told to leave it again; what the VMM wants of KSM by itself stays.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "shared.h"

#define SIZE	(4 * MIB)
#define PAGES	(SIZE / PAGE)
#define KSM	"/sys/kernel/mm/ksm/"

static const char *const settings[][2] = {
	{ KSM "use_zero_pages", "1" },
	{ KSM "pages_to_scan", "4000" },
	{ KSM "sleep_millisecs", "10" },
	{ KSM "run", "1" },
};

FIXTURE(ksm)
{
	char was[4][32];
	char *at;
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm;
	uint32_t id;
};

static void read_line(const char *path, char *line, int size)
{
	FILE *in = fopen(path, "r");

	line[0] = 0;
	if (in && !fgets(line, size, in))
		line[0] = 0;
	if (in)
		fclose(in);
}

FIXTURE_SETUP(ksm)
{
	const char *missing = vmqos_subject_missing();

	self->vm = NULL;
	if (missing)
		SKIP(return, "%s", missing);
	if (access(KSM "use_zero_pages", W_OK))
		SKIP(return, "no KSM here");
	for (int i = 0; i < 4; i++) {
		read_line(settings[i][0], self->was[i], sizeof(self->was[i]));
		ASSERT_EQ(0, mem_write_text(settings[i][0], settings[i][1]));
	}
	share_set_defaults();
	ASSERT_EQ(0, share_set_fastest());
	self->at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->at);
	/* A mapping of its own, whatever lies beside it. */
	ASSERT_EQ(0, madvise(self->at, SIZE, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, madvise(self->at, SIZE, MADV_DONTDUMP));
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	self->vm = share_start_vm("ksm");
	ASSERT_NE(NULL, self->vm);
	ASSERT_EQ(0, share_slot(self->vm, 0, self->at, SIZE));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "ksm", &self->id))
		TH_LOG("%s", vmqos_error(self->ctx));
}

FIXTURE_TEARDOWN(ksm)
{
	if (!self->vm)
		return;
	share_set_defaults();
	vmqos_vmm_destroy(self->vm);
	vmqos_subject_wait_gone(self->ctx, self->id, 10000);
	vmqos_close(self->ctx);
	munmap(self->at, SIZE);
	for (int i = 3; i >= 0; i--)
		mem_write_text(settings[i][0], self->was[i]);
}

/* Whether all of the mappings of some memory have the flag "mg", KSM's, or none has. */
static int marked(const char *at, size_t size)
{
	unsigned long from, to, bytes = 0, with = 0;
	bool inside = false;
	char line[512];
	FILE *in = fopen("/proc/self/smaps", "r");

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			inside = from < (uintptr_t)at + size && to > (uintptr_t)at;
			bytes += inside;
		}
		if (inside && !strncmp(line, "VmFlags:", 8))
			with += !!strstr(line, " mg");
	}
	if (in)
		fclose(in);
	return !with ? 0 : with == bytes ? 1 : -1;
}

/* The debug kernel tells nothing of a process's pages. */
static bool is_seen(void)
{
	return !access("/proc/self/smaps", R_OK);
}

static bool marked_becomes(const char *at, size_t size, int want)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (marked(at, size) == want)
			return true;
		usleep(10000);
	}
	return false;
}

/* All of the VM's memory, its own little included, not only that of the test. */
static bool served_becomes(struct vmqos *ctx, uint32_t id, uint64_t bytes)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (share_look(ctx, id).share_ksm == bytes)
			return true;
		usleep(10000);
	}
	return false;
}

static uint64_t frame(int pagemap, const void *at)
{
	uint64_t entry;

	if (pread(pagemap, &entry, 8, (uintptr_t)at / PAGE * 8) != 8 || !(entry >> 63))
		return 0;
	return entry & ((1ull << 55) - 1);
}

/* How many pages are the kernel's page of zeros, which a read of untouched memory gets. */
static size_t zero_frames(const char *at, size_t pages)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	volatile char *untouched = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t count = 0;
	uint64_t zero;

	(void)*untouched;
	zero = frame(pagemap, (void *)untouched);
	for (size_t i = 0; zero && i < pages; i++)
		count += frame(pagemap, at + i * PAGE) == zero;
	munmap((void *)untouched, PAGE);
	close(pagemap);
	return count;
}

static bool zeros_become(const char *at, size_t pages, size_t want)
{
	for (int i = 0; i < PATIENCE * 20; i++) {
		if (zero_frames(at, pages) == want)
			return true;
		usleep(50000);
	}
	return false;
}

/* Half of it zeros; no two of the others are alike. */
static size_t fill(char *at)
{
	size_t zeros = 0;

	for (size_t page = 0; page < PAGES; page++) {
		memset(at + page * PAGE, 0, PAGE);
		if (page % 2)
			*(uint64_t *)(at + page * PAGE + PAGE - 8) = page * 7919 + (uintptr_t)at;
		else
			zeros++;
	}
	return zeros;
}

static unsigned int wrong(const char *at)
{
	static char expected[PAGE];
	unsigned int bad = 0;

	for (size_t page = 0; page < PAGES; page++) {
		*(uint64_t *)(expected + PAGE - 8) = page % 2 ? page * 7919 + (uintptr_t)at : 0;
		bad += !!memcmp(at + page * PAGE, expected, PAGE);
	}
	return bad;
}

TEST_F_TIMEOUT(ksm, zeros_of_anonymous_memory, 240)
{
	size_t zeros = fill(self->at);
	struct vmqos_mem mem;

	if (!is_seen())
		SKIP(return, "no /proc/self/smaps to see it in");
	EXPECT_EQ(0, marked(self->at, SIZE));
	mem = share_look(self->ctx, self->id);
	EXPECT_EQ(SIZE + OWN, mem.in_anonymous);
	EXPECT_EQ(0, mem.share_ksm);
	EXPECT_EQ(SIZE + OWN, mem.share_none);
	EXPECT_EQ(VMQOS_WHY_NOT_POLICY, mem.share_why_not);

	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_ON));
	ASSERT_TRUE(marked_becomes(self->at, SIZE, 1));
	EXPECT_TRUE(zeros_become(self->at, PAGES, zeros));
	EXPECT_TRUE(served_becomes(self->ctx, self->id, SIZE + OWN));
	mem = share_look(self->ctx, self->id);
	EXPECT_EQ(0, mem.share_none);
	EXPECT_EQ(0, mem.share_why_not);
	if (vmqos_mem_has(&mem, VMQOS_MEM_KSM_ZERO)) {
		EXPECT_LE(zeros * PAGE, mem.ksm_zero);
	}
	EXPECT_EQ(0, wrong(self->at));
	/* A write gets a page of its own. */
	for (size_t i = 0; i < 16; i += 2)
		self->at[i * PAGE] = 1 + i;
	for (size_t i = 0; i < 16; i += 2)
		EXPECT_EQ(1 + i, self->at[i * PAGE]);
	fill(self->at);

	/* Off: what was merged is the VMM's own again; 6.1 leaves its pages of zeros alone. */
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	ASSERT_TRUE(marked_becomes(self->at, SIZE, 0));
	ASSERT_TRUE(served_becomes(self->ctx, self->id, 0));
	if (vmqos_mem_has(&mem, VMQOS_MEM_KSM_ZERO)) {
		EXPECT_EQ(0, zero_frames(self->at, PAGES));
		EXPECT_EQ(0, share_look(self->ctx, self->id).ksm_zero);
	}
	EXPECT_EQ(0, wrong(self->at));
	mem = share_look(self->ctx, self->id);
	EXPECT_EQ(VMQOS_WHY_NOT_POLICY, mem.share_why_not);
}

TEST_F_TIMEOUT(ksm, a_policy_is_followed, 240)
{
	char *more = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!is_seen())
		SKIP(return, "no /proc/self/smaps to see it in");
	ASSERT_NE(MAP_FAILED, more);
	ASSERT_EQ(0, madvise(more, MIB, MADV_DONTFORK));
	fill(self->at);
	ASSERT_EQ(0, share_set("pressure_percent", 0));
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_PRESSURE));
	usleep(300000);
	EXPECT_EQ(0, marked(self->at, SIZE));
	EXPECT_EQ(VMQOS_WHY_NOT_KSM, share_look(self->ctx, self->id).share_why_not);
	ASSERT_EQ(0, share_set("pressure_percent", 100));
	EXPECT_TRUE(marked_becomes(self->at, SIZE, 1));
	/* What has been merged is not unmerged for the pressure being over. */
	ASSERT_EQ(0, share_set("pressure_percent", 0));
	usleep(300000);
	EXPECT_EQ(1, marked(self->at, SIZE));
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_MOUNT));
	EXPECT_TRUE(marked_becomes(self->at, SIZE, 0));

	/* Memory that comes is served as well, and what the VM never had is not. */
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_ON));
	EXPECT_TRUE(marked_becomes(self->at, SIZE, 1));
	usleep(300000);
	EXPECT_EQ(0, marked(more, MIB));
	ASSERT_EQ(0, share_slot(self->vm, 1, more, MIB));
	EXPECT_TRUE(marked_becomes(more, MIB, 1));

	/* What the VMM wants by itself, it keeps. */
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	EXPECT_TRUE(marked_becomes(self->at, SIZE, 0));
	EXPECT_TRUE(marked_becomes(more, MIB, 0));
	ASSERT_EQ(0, madvise(more, MIB, MADV_MERGEABLE));
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_ON));
	EXPECT_TRUE(marked_becomes(self->at, SIZE, 1));
	EXPECT_TRUE(served_becomes(self->ctx, self->id, SIZE + OWN + MIB));
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	EXPECT_TRUE(marked_becomes(self->at, SIZE, 0));
	EXPECT_EQ(1, marked(more, MIB));
	EXPECT_TRUE(served_becomes(self->ctx, self->id, MIB));
	EXPECT_EQ(0, wrong(self->at));

	/* Release leaves no trace. */
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_ON));
	EXPECT_TRUE(marked_becomes(self->at, SIZE, 1));
	ASSERT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 20000));
	EXPECT_EQ(0, marked(self->at, SIZE));
	EXPECT_EQ(1, marked(more, MIB));
	EXPECT_EQ(0, wrong(self->at));
	ASSERT_EQ(0, share_slot(self->vm, 1, NULL, 0));
	munmap(more, MIB);
}

/* Parts of it go, change, and come to be others while it is marked. */
TEST_F_TIMEOUT(ksm, mappings_that_change, 240)
{
	size_t zeros;

	fill(self->at);
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_ON));
	ASSERT_TRUE(served_becomes(self->ctx, self->id, SIZE + OWN));
	ASSERT_EQ(0, munmap(self->at + MIB, MIB));
	ASSERT_EQ(0, mprotect(self->at + 3 * MIB, PAGE, PROT_READ));
	ASSERT_NE(MAP_FAILED, mmap(self->at + MIB, MIB, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_TRUE(served_becomes(self->ctx, self->id, SIZE + OWN));
	ASSERT_EQ(0, mprotect(self->at + 3 * MIB, PAGE, PROT_READ | PROT_WRITE));
	zeros = fill(self->at);
	if (is_seen()) {
		EXPECT_TRUE(zeros_become(self->at, PAGES, zeros));
	}
	EXPECT_EQ(0, wrong(self->at));
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
	EXPECT_TRUE(served_becomes(self->ctx, self->id, 0));
	EXPECT_EQ(0, wrong(self->at));
}

/* A VMM with a VM in the memory, until it is killed. */
static pid_t start_vmm(int *ready)
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		struct vmqos_vmm_vm *vm = share_start_vm("gone");
		struct vmqos *ctx;
		uint32_t id = 0;

		if (at == MAP_FAILED || !vm || share_slot(vm, 0, at, SIZE) || vmqos_open(&ctx) ||
		    vmqos_subject_adopt(ctx, vm, "gone", &id))
			id = 0;
		if (write(pipes[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		for (;;) {
			memset(at, 0, SIZE);
			usleep(20000);
		}
	}
	close(pipes[1]);
	*ready = pipes[0];
	return pid;
}

TEST_F_TIMEOUT(ksm, it_ends_with_the_vmm, 240)
{
	uint32_t id = 0;
	int ready;
	pid_t pid;

	for (int i = 0; i < 6; i++) {
		pid = start_vmm(&ready);
		ASSERT_LT(0, pid);
		ASSERT_EQ(sizeof(id), read(ready, &id, sizeof(id)));
		ASSERT_NE(0, id);
		ASSERT_EQ(0, share_policy(self->ctx, id, VMQOS_ZERO_ON));
		usleep(30000 + i * 50000);
		/* Also while it is being undone. */
		if (i % 2)
			ASSERT_EQ(0, share_policy(self->ctx, id, VMQOS_ZERO_OFF));
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		EXPECT_EQ(0, vmqos_subject_wait_gone(self->ctx, id, 10000));
		close(ready);
	}
}

static volatile bool ended;

static void *write_and_check(void *data)
{
	static unsigned long errors;
	char *at = data;
	uint64_t state = 5;
	static uint32_t wrote[PAGES];

	memset(wrote, 0, sizeof(wrote));
	while (!ended) {
		uint32_t page = mem_draw(&state) % PAGES, value = mem_draw(&state);
		uint32_t *word = (uint32_t *)(at + page * PAGE + 64);

		errors += __atomic_load_n(word, __ATOMIC_RELAXED) != wrote[page];
		wrote[page] = value & 3 ? 0 : value | 1;
		__atomic_store_n(word, wrote[page], __ATOMIC_RELAXED);
	}
	for (size_t page = 0; page < PAGES; page++)
		errors += *(uint32_t *)(at + page * PAGE + 64) != wrote[page];
	return (void *)errors;
}

/* On and off all the time, under who writes; and the module can go in between. */
TEST_F_TIMEOUT(ksm, on_and_off_under_writes, 240)
{
	pthread_t thread;
	void *errors;

	memset(self->at, 0, SIZE);
	ended = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_and_check, self->at));
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_ON));
		EXPECT_TRUE(served_becomes(self->ctx, self->id, SIZE + OWN));
		usleep(100000);
		ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_OFF));
		EXPECT_TRUE(served_becomes(self->ctx, self->id, 0));
	}
	ASSERT_EQ(0, share_policy(self->ctx, self->id, VMQOS_ZERO_ON));
	EXPECT_TRUE(served_becomes(self->ctx, self->id, SIZE + OWN));
	EXPECT_NE(0, vmqos_subject_load_anew());
	ASSERT_EQ(0, vmqos_vm_release_wait(self->ctx, self->id, 20000));
	if (is_seen()) {
		EXPECT_EQ(0, marked(self->at, SIZE));
	}
	vmqos_close(self->ctx);
	EXPECT_EQ(0, vmqos_subject_load_anew());
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	ended = true;
	ASSERT_EQ(0, pthread_join(thread, &errors));
	EXPECT_EQ(NULL, errors);
}

TEST_HARNESS_MAIN
