// SPDX-License-Identifier: GPL-2.0
/*
 * Everybody writes to the same pages at once, each to words of its own, and checks what
 * it wrote before: guest vCPUs, threads through two mappings, another process, direct I/O,
 * writes through another process's eyes (process_vm_writev). Meanwhile the scanner takes
 * away what is zero, the sampler unmaps pages to watch them, ranges are punched, and the
 * kernel moves pages about; with a limit that changes all the time, pages go to the store
 * and come back as well. Three of four words written are zeros, so that whole pages become
 * zero and stop to be, all the time.
 * It is all done in vmramfs and in a memfd, which have scanners of their own.
 *
 * Not one word may be lost. The modules have a build in which a rule of the scanner can be
 * broken (controls.sh): then words are lost, and this test has to say so.
 */
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "scanned.h"
#include "shared.h"
#include "vmm.h"

#define PAGES		512u
#define FILE_SIZE	(PAGES * PAGE)
#define ZONE_SIZE	(64 * PAGE)	/* behind it, for the one that punches */
#define WHOLE_SIZE	(FILE_SIZE + HUGE)
#define SECONDS		4
#define SECONDS_LONG	30
#define ROUND_MS	250
#define ROUND_MS_LIMITED	1000
#define SECTOR		512u

enum actor {
	FIRST_MAP, SECOND_MAP, PROCESS, WRITE_CALL, REMOTE, DIRECT, PUNCH, MOVE, LIMIT, ACTORS
};

/* Where in each page an actor's word stands; the vCPUs have words 0 and 256. */
static const unsigned int place[ACTORS] = { 64, 128, 192, 320, 384, 2048 };
static const char *const names[ACTORS] = {
	"first mapping", "second mapping", "process", "write()", "process_vm_writev()",
	"direct I/O", "punch", "move", "limit",
};

/* Shared with the process; each has one writer. */
struct report {
	uint64_t rounds;
	uint64_t errors;
};

static struct report *reports;
static int *stop, *calm;
static int fd, disk;
static char *map[2];
/* The file is a memfd, scanned for its VM; else one of a vmramfs, scanned for itself. */
static bool in_memfd;
static struct vmqos *ctx;
static uint32_t vm_id;

static bool go_on(void)
{
	return !__atomic_load_n(stop, __ATOMIC_RELAXED);
}

static uint32_t invent(uint64_t *state)
{
	uint32_t value = mem_draw(state);

	return value & 3 ? 0 : value | 1;
}

static uint32_t read_word(const char *base, uint32_t page, enum actor who)
{
	uint32_t value;

	/* Who takes no lock to read is to see it as well. */
	if (who == WRITE_CALL)
		return pread(fd, &value, 4, page * PAGE + place[who]) == 4 ? value : ~0u;
	return __atomic_load_n((const uint32_t *)(base + page * PAGE + place[who]),
			       __ATOMIC_RELAXED);
}

static bool put_word(enum actor who, uint32_t page, uint32_t value)
{
	uint64_t offset = page * PAGE + place[who];
	struct iovec from = { &value, 4 }, to = { map[0] + offset, 4 };

	switch (who) {
	case WRITE_CALL:
		return pwrite(fd, &value, 4, offset) == 4;
	case REMOTE:
		return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 4;
	default:
		__atomic_store_n((uint32_t *)(map[who == SECOND_MAP] + offset), value,
				 __ATOMIC_RELAXED);
		return true;
	}
}

/* Writes words of its own through @who's way and reads them through a mapping. */
static void words(enum actor who)
{
	static __thread uint32_t wrote[PAGES];	/* zeros, in each thread of each round */
	uint64_t state = who + 1;
	const char *look = map[who == FIRST_MAP];

	while (go_on()) {
		uint32_t page = mem_draw(&state) % PAGES;

		if (read_word(look, page, who) != wrote[page])
			reports[who].errors++;
		wrote[page] = invent(&state);
		if (!put_word(who, page, wrote[page]))
			reports[who].errors++;
		reports[who].rounds++;
	}
	for (uint32_t page = 0; page < PAGES; page++)
		if (read_word(look, page, who) != wrote[page])
			reports[who].errors++;
}

/* Reads sectors of a disk into a mapping, and writes them back to another place. */
static void direct(void)
{
	static char expected[SECTOR], back[SECTOR] __attribute__((aligned(SECTOR)));
	static uint8_t holds[PAGES];
	uint64_t state = 99;

	memset(holds, 0, sizeof(holds));
	while (go_on()) {
		uint32_t page = mem_draw(&state) % PAGES;
		uint8_t next = mem_draw(&state) & 3 ? 0 : 1 + mem_draw(&state) % 200;
		char *at = map[0] + page * PAGE + place[DIRECT];

		memset(expected, holds[page], SECTOR);
		if (memcmp(map[1] + page * PAGE + place[DIRECT], expected, SECTOR))
			reports[DIRECT].errors++;
		if (pread(disk, at, SECTOR, next * SECTOR) != SECTOR)
			reports[DIRECT].errors++;
		holds[page] = next;
		memset(expected, next, SECTOR);
		if (pwrite(disk, at, SECTOR, 256 * SECTOR) != SECTOR ||
		    pread(disk, back, SECTOR, 256 * SECTOR) != SECTOR ||
		    memcmp(back, expected, SECTOR))
			reports[DIRECT].errors++;
		reports[DIRECT].rounds++;
	}
}

/* Fills and punches a zone of its own: what is punched is zero, and nothing else is. */
static void punch(void)
{
	static char expected[ZONE_SIZE];
	char *a = map[0] + FILE_SIZE, *b = map[1] + FILE_SIZE;
	uint64_t state = 77;

	memset(expected, 0, sizeof(expected));
	while (go_on()) {
		uint32_t from = mem_draw(&state) % 60, pages = 1 + mem_draw(&state) % 4;
		char value = mem_draw(&state) & 1 ? 0 : 1 + mem_draw(&state) % 100;

		/* All of it now and then: what comes next may be a large page. */
		if (!(mem_draw(&state) % 16)) {
			from = 0;
			pages = ZONE_SIZE / PAGE;
		}
		switch (mem_draw(&state) % 3) {
		case 0:
			memset(a + from * PAGE, value, pages * PAGE);
			break;
		case 1:
			value = 0;
			if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      FILE_SIZE + from * PAGE, pages * PAGE))
				reports[PUNCH].errors++;
			break;
		default:
			value = 0;
			if (madvise(b + from * PAGE, pages * PAGE, MADV_REMOVE))
				reports[PUNCH].errors++;
		}
		memset(expected + from * PAGE, value, pages * PAGE);
		if (memcmp(b, expected, ZONE_SIZE))
			reports[PUNCH].errors++;
		reports[PUNCH].rounds++;
	}
}

/* Lets the kernel move pages: by compaction, and between nodes where there are some. */
static void move(void)
{
	bool nodes = !access("/sys/devices/system/node/node1", F_OK);
	struct timespec pause = { .tv_nsec = 20000000 };
	void *pages[64];
	int to[64], status[64];

	while (go_on()) {
		mem_compact();
		for (int i = 0; nodes && i < 64; i++) {
			pages[i] = map[0] + (reports[MOVE].rounds * 64 + i) % PAGES * PAGE;
			to[i] = reports[MOVE].rounds / 8 % 2;
		}
		if (nodes)
			syscall(SYS_move_pages, 0, 64, pages, to, status, MPOL_MF_MOVE);
		reports[MOVE].rounds++;
		nanosleep(&pause, NULL);
	}
}

/* Some of it fits, little of it, most of it, all of it. */
static void limit(void)
{
	static const char *const limits[] = {
		"file_limit=768k", "file_limit=384k", "file_limit=1536k", "file_limit=0",
	};
	struct timespec pause = { .tv_nsec = 30000000 };

	/* Who has not had a turn when the time is up gets it without a limit. */
	while (!__atomic_load_n(calm, __ATOMIC_RELAXED)) {
		if (mem_remount(where, limits[reports[LIMIT].rounds % 4]))
			reports[LIMIT].errors++;
		reports[LIMIT].rounds++;
		nanosleep(&pause, NULL);
	}
	if (mem_remount(where, "file_limit=0"))
		reports[LIMIT].errors++;
}

static void *act(void *data)
{
	enum actor who = (uintptr_t)data;

	if (who == DIRECT)
		direct();
	else if (who == PUNCH)
		punch();
	else if (who == MOVE)
		move();
	else if (who == LIMIT)
		limit();
	else
		words(who);
	return NULL;
}

static void other_process(void)
{
	map[0] = mem_map(fd, WHOLE_SIZE);
	map[1] = map[0];
	if (map[0] == MAP_FAILED)
		reports[PROCESS].errors++;
	else
		words(PROCESS);
	_exit(0);
}

static bool open_disk(void)
{
	static char sector[SECTOR] __attribute__((aligned(SECTOR)));

	disk = mem_disk(MIB);
	for (int i = 0; i < 256 && disk >= 0; i++) {
		memset(sector, i, SECTOR);
		if (pwrite(disk, sector, SECTOR, i * SECTOR) != SECTOR)
			return false;
	}
	reports = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stop = (int *)(reports + ACTORS);
	calm = stop + 1;
	return reports != MAP_FAILED;
}

static bool open_file(bool huge)
{
	if (in_memfd) {
		fd = 0;
		map[0] = share_memory(WHOLE_SIZE, huge, &fd);
	} else {
		fd = mem_file(where, "memory", WHOLE_SIZE);
		map[0] = mem_map(fd, WHOLE_SIZE);
	}
	map[1] = mem_map(fd, WHOLE_SIZE);
	return fd >= 0 && map[0] != MAP_FAILED && map[1] != MAP_FAILED;
}

static void close_file(void)
{
	char path[PATH_MAX];

	munmap(map[0], WHOLE_SIZE);
	munmap(map[1], WHOLE_SIZE);
	close(fd);
	if (in_memfd)
		return;
	snprintf(path, sizeof(path), "%s/memory", where);
	unlink(path);
}

static struct vmqos_vmm_vm *start_guest(unsigned int vcpus)
{
	struct vmqos_vmm_vm *vm = vmqos_vmm_create("stress", vcpus, 0);

	for (unsigned int i = 0; vm && i < vcpus; i++) {
		struct vmqos_vmm_workload churn = {
			.kind = VMQOS_VMM_CHURN, .memory = map[0], .bytes = FILE_SIZE,
			.offset = i * 256,
		};

		if (vmqos_vmm_add_vcpu(vm, &churn) < 0 || vmqos_vmm_start(vm, i)) {
			vmqos_vmm_destroy(vm);
			return NULL;
		}
	}
	return vm;
}

static uint64_t vmstat(const char *name)
{
	char word[64];
	unsigned long long value;
	FILE *in = fopen("/proc/vmstat", "r");

	while (in && fscanf(in, "%63s %llu", word, &value) == 2) {
		if (!strcmp(word, name)) {
			fclose(in);
			return value;
		}
	}
	if (in)
		fclose(in);
	return 0;
}

/* Everybody has had a turn: on a loaded machine that may take longer than the test. */
static bool all_acted(const bool *acts, struct vmqos_vmm_vm *vm)
{
	struct vmqos_vmm_counts counts;

	for (int who = 0; who < ACTORS; who++) {
		if (acts[who] && !__atomic_load_n(&reports[who].rounds, __ATOMIC_RELAXED))
			return false;
	}
	for (int i = 0; vm && i < 2; i++) {
		vmqos_vmm_counts(vm, i, &counts);
		if (counts.work < 2)
			return false;
	}
	return true;
}

/* Who it was that had none. */
static void tell_who_waits(const bool *acts, struct vmqos_vmm_vm *vm)
{
	struct vmqos_vmm_counts counts;

	for (int who = 0; who < ACTORS; who++) {
		if (acts[who] && !reports[who].rounds)
			fprintf(stderr, "# %s had no turn\n", names[who]);
	}
	for (int i = 0; vm && i < 2; i++) {
		vmqos_vmm_counts(vm, i, &counts);
		if (counts.work < 2)
			fprintf(stderr, "# vCPU %d has done %llu rounds\n", i,
				(unsigned long long)counts.work);
	}
}

/* What all rounds have done, together. */
static uint64_t rounds[ACTORS], errors[ACTORS], vcpu_rounds[2], vcpu_errors[2];
static uint64_t freed, busy, changed, unmaps, splits, evicted, came_back, shared, sampled;
static uint64_t swap_outs, swap_ins;

static void add_up(const bool *acts, struct vmqos_vmm_vm *vm)
{
	struct vmqos_vmm_counts counts;

	for (int who = 0; who < ACTORS; who++) {
		rounds[who] += acts[who] ? reports[who].rounds : 0;
		errors[who] += reports[who].errors;
	}
	for (int i = 0; vm && i < 2; i++) {
		vmqos_vmm_stop(vm, i);
		vmqos_vmm_counts(vm, i, &counts);
		vcpu_rounds[i] += counts.work;
		vcpu_errors[i] += counts.errors;
	}
	if (in_memfd) {
		struct vmqos_mem mem = share_look(ctx, vm_id);

		freed += mem.zero_freed;
		busy += mem.zero_busy;
		changed += mem.zero_changed;
		unmaps += mem.zero_unmaps;
		return;
	}
	freed += mem_stat(fd, "mem-zero-freed");
	busy += mem_stat(fd, "mem-zero-busy");
	changed += mem_stat(fd, "mem-zero-changed");
	unmaps += mem_stat(fd, "mem-zero-unmaps");
	splits += mem_stat(fd, "mem-splits");
	evicted += mem_stat(fd, "mem-evicted");
	came_back += mem_stat(fd, "mem-faults-stored");
	swap_outs += mem_stat(fd, "mem-swap-outs");
	swap_ins += mem_stat(fd, "mem-faults-swapped");
	shared += mem_stat(fd, "mem-faults-zero");
	sampled += mem_stat(fd, "mem-samples");
}

/* The VM's memory is scanned from now on, or no longer. */
static bool adopt(struct vmqos_vmm_vm *vm)
{
	return !vmqos_subject_adopt(ctx, vm, "stress", &vm_id) &&
	       !share_policy(ctx, vm_id, VMQOS_ZERO_ON);
}

static bool give_up(void)
{
	return !vmqos_vm_release_wait(ctx, vm_id, 10000) &&
	       !vmqos_subject_wait_gone(ctx, vm_id, 10000);
}

/* What the file says that it takes is what there is. */
static bool is_counted(void)
{
	struct stat st;

	if (in_memfd)
		return !fstat(fd, &st) && (uint64_t)st.st_blocks * 512 ==
		       share_resident(map[0], WHOLE_SIZE);
	/* The scanner may be at it between the two looks. */
	for (int i = 0; i < 1000; i++) {
		if (mem_used(where) == mem_stat(fd, "mem-resident"))
			return true;
		usleep(10000);
	}
	return false;
}

/* All of them at once on a new file for some time; whether it could be done. */
static bool go_round(bool guest, bool huge, bool limited, unsigned int ms)
{
	struct vmqos_vmm_vm *vm = NULL;
	bool acts[ACTORS], right;
	pthread_t threads[ACTORS];
	pid_t child;

	if (!open_file(huge))
		return false;
	memset(reports, 0, PAGE);
	child = fork();
	if (!child)
		other_process();
	if (guest) {
		vm = start_guest(2);
		if (!vm || (in_memfd && !adopt(vm)))
			return false;
	}
	for (uintptr_t who = 0; who < ACTORS; who++) {
		acts[who] = who != PROCESS && (who != DIRECT || disk >= 0) &&
			    (who != LIMIT || limited);
		if (acts[who] && pthread_create(&threads[who], NULL, act, (void *)who))
			return false;
	}
	acts[PROCESS] = true;
	usleep(ms * 1000);
	__atomic_store_n(calm, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 1000 && !all_acted(acts, vm); i++)
		usleep(100000);
	__atomic_store_n(stop, 1, __ATOMIC_RELAXED);
	for (int who = 0; who < ACTORS; who++)
		if (acts[who] && who != PROCESS)
			pthread_join(threads[who], NULL);
	waitpid(child, NULL, 0);
	right = all_acted(acts, vm);
	if (!right)
		tell_who_waits(acts, vm);
	add_up(acts, vm);
	if (in_memfd)
		right = give_up() && right;
	if (vm)
		vmqos_vmm_destroy(vm);
	if (right && !is_counted()) {
		fprintf(stderr, "# %llu bytes are used, %llu counted\n",
			(unsigned long long)mem_used(where),
			(unsigned long long)mem_stat(fd, "mem-resident"));
		right = false;
	}
	close_file();
	return right;
}

/* What is told of the actors, and what is to be true of all of them. */
static void tell(struct __test_metadata *_metadata, bool guest, uint64_t moved)
{
	for (int who = 0; who < ACTORS; who++) {
		TH_LOG("%s: %llu rounds, %llu errors", names[who],
		       (unsigned long long)rounds[who], (unsigned long long)errors[who]);
		EXPECT_EQ(0, errors[who]);
	}
	for (int i = 0; guest && i < 2; i++) {
		TH_LOG("vCPU %d: %llu rounds, %llu errors", i, (unsigned long long)vcpu_rounds[i],
		       (unsigned long long)vcpu_errors[i]);
		EXPECT_EQ(0, vcpu_errors[i]);
	}
	TH_LOG("scanner: %llu freed, %llu busy, %llu changed, %llu unmaps, %llu splits; %llu pages moved",
	       (unsigned long long)freed, (unsigned long long)busy, (unsigned long long)changed,
	       (unsigned long long)unmaps, (unsigned long long)splits,
	       (unsigned long long)(vmstat("pgmigrate_success") - moved));
	EXPECT_LT(0, freed);
}

static int seconds(void)
{
	const char *given = getenv("VMQOS_SECONDS");

	return given ? atoi(given) : getenv("VMQOS_LONG") ? SECONDS_LONG : SECONDS;
}

/*
 * Large pages are split in the first moments and seldom come again: there, many short
 * rounds, each on a file of its own.
 */
TEST_F_TIMEOUT(scanned, lost_writes, 400)
{
	unsigned int ms = !variant->huge ? seconds() * 1000 :
			  variant->limited ? ROUND_MS_LIMITED : ROUND_MS;
	unsigned int all = seconds() * 1000 / ms, n;
	uint64_t moved = vmstat("pgmigrate_success");
	bool guest = !access("/dev/kvm", R_OK | W_OK);

	if (left_out(variant->limited))
		SKIP(return, "takes long: VMQOS_LONG=1 or VMQOS_SECONDS=4");
	ASSERT_TRUE(open_disk());
	/* In the long forms: one sample after the other, without a pause. */
	if (variant->limited) {
		ASSERT_EQ(0, mem_set("sample_period_ms", 100));
		ASSERT_EQ(0, mem_set("sample_pages", PAGES / 8));
	}
	for (n = 0; n < all && go_round(guest, variant->huge, variant->limited, ms); n++)
		;
	EXPECT_EQ(all, n);
	tell(_metadata, guest, moved);
	if (variant->limited)
		TH_LOG("store: %llu pages in, %llu back in faults", (unsigned long long)evicted,
		       (unsigned long long)came_back);
	if (variant->zeros) {
		TH_LOG("%llu faults got zeros", (unsigned long long)shared);
		EXPECT_LT(0, shared);
	}
	if (variant->limited) {
		TH_LOG("sampler: %llu pages watched", (unsigned long long)sampled);
		EXPECT_LT(0, sampled);
		EXPECT_LT(0, evicted);
		EXPECT_LT(0, came_back + swap_ins);
	}
	if (variant->swapped) {
		TH_LOG("swap file: %llu pages out, %llu back in faults",
		       (unsigned long long)swap_outs, (unsigned long long)swap_ins);
		EXPECT_LT(0, swap_outs);
		EXPECT_LT(0, swap_ins);
	}
	if (variant->huge)
		EXPECT_LT(0, splits);
}

FIXTURE(shared)
{
	char huge_was[128];
};

FIXTURE_VARIANT(shared)
{
	bool huge;
};

FIXTURE_VARIANT_ADD(shared, memfd)
{
	.huge = false,
};

FIXTURE_VARIANT_ADD(shared, memfd_huge)
{
	.huge = true,
};

FIXTURE_SETUP(shared)
{
	const char *missing = vmqos_subject_missing();

	self->huge_was[0] = 0;
	if (missing)
		SKIP(return, "%s", missing);
	share_read_choice(SHMEM_HUGE, self->huge_was, sizeof(self->huge_was));
	ASSERT_EQ(0, mem_write_text(SHMEM_HUGE, variant->huge ? "advise" : "never"));
	ASSERT_EQ(0, share_set("period_ms", 0));
	ASSERT_EQ(0, share_set("percent", 100));
	ASSERT_EQ(0, vmqos_open(&ctx));
}

FIXTURE_TEARDOWN(shared)
{
	if (!self->huge_was[0])
		return;
	share_set_defaults();
	mem_write_text(SHMEM_HUGE, self->huge_was);
	vmqos_close(ctx);
}

TEST_F_TIMEOUT(shared, lost_writes, 400)
{
	/* A page of 2M that is seldom all zeros is seldom taken: rounds on new files, too. */
	unsigned int ms = variant->huge ? ROUND_MS : seconds() * 1000;
	unsigned int all = seconds() * 1000 / ms, n;
	uint64_t moved = vmstat("pgmigrate_success");

	in_memfd = true;
	ASSERT_TRUE(open_disk());
	for (n = 0; n < all && go_round(true, variant->huge, false, ms); n++)
		;
	EXPECT_EQ(all, n);
	tell(_metadata, true, moved);
}

TEST_HARNESS_MAIN
