// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that have been promised half as much memory again as there is. With anonymous memory
 * and no swap one of them is killed; on vmramfs, with limits that fit, all run to their end
 * and every byte is as it was written. There is as much as a control group's memory.max
 * allows, or as a small host has (scripts/selftests --memory 512M --long).
 */
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "common.h"
#include "vmm.h"

#define CGROUP		"/sys/fs/cgroup"
#define GROUP		CGROUP "/vmqos-mem-overcommit"
#define GUESTS		3
#define GROUP_SIZE	(48 * MIB)
#define HOST_MOST	(1024 * MIB)	/* of a larger one it takes too long */
#define ACTIVE		15		/* per cent of a guest that it writes all the time, */
#define ZEROS		35		/* that it has cleared; the rest it has filled and left */
#define LIMIT		25		/* per cent of what there is for each guest */
#define ROUNDS		2
#define PATIENCE	1200

/* What the guests tell each other. */
struct report {
	int filled;
	int gone;
	uint64_t rounds[GUESTS], errors[GUESTS], wrong[GUESTS];
};

static char where[64];
static struct report *report;

FIXTURE(overcommit)
{
	bool made;
	size_t room, size;
};

FIXTURE_VARIANT(overcommit)
{
	bool host;
};

FIXTURE_VARIANT_ADD(overcommit, group)
{
	.host = false,
};

FIXTURE_VARIANT_ADD(overcommit, host)
{
	.host = true,
};

static size_t host_memory(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *in = fopen("/proc/meminfo", "r");

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "MemTotal: %llu", &kib) == 1)
			break;
	if (in)
		fclose(in);
	return kib << 10;
}

static const char *make_group(void)
{
	char max[32];

	mem_write_text(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755))
		return "no control group can be made below " CGROUP;
	snprintf(max, sizeof(max), "%lu", GROUP_SIZE);
	if (!mem_write_text(GROUP "/memory.max", max)) {
		mem_write_text(GROUP "/memory.swap.max", "0");
		return NULL;
	}
	rmdir(GROUP);
	return "no memory.max in a control group";
}

FIXTURE_SETUP(overcommit)
{
	const char *missing = mem_missing();
	char option[64];

	self->made = false;
	if (!missing && access("/dev/kvm", R_OK | W_OK))
		missing = "no /dev/kvm";
	if (!missing && !getenv("VMQOS_LONG"))
		missing = "takes long: VMQOS_LONG=1";
	if (!missing && variant->host && host_memory() > HOST_MOST)
		missing = "takes all memory of the host, which is to have 1 GiB at most";
	if (!missing && !variant->host)
		missing = make_group();
	if (missing)
		SKIP(return, "%s", missing);
	self->room = variant->host ? host_memory() : GROUP_SIZE;
	self->size = self->room / 2 / HUGE * HUGE;
	mem_set_defaults();
	report = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, report);
	snprintf(option, sizeof(option), "file_limit=%zu", self->room / 100 * LIMIT);
	ASSERT_EQ(0, mem_mount(where, sizeof(where), option));
	self->made = true;
}

FIXTURE_TEARDOWN(overcommit)
{
	if (!self->made)
		return;
	EXPECT_EQ(0, mem_umount(where));
	if (!variant->host) {
		for (int i = 0; i < 100 && rmdir(GROUP) && errno == EBUSY; i++)
			usleep(10000);
	}
}

/* A page that has been filled and left: a third of it is random. */
static void invent(uint32_t words[PAGE / 4], unsigned int guest, size_t page)
{
	uint64_t state = guest * 1000003ull + page + 1;

	for (size_t i = 0; i < PAGE / 4; i++)
		words[i] = i % 3 ? (uint32_t)page : mem_draw_word(&state);
}

static void fill(char *at, size_t size, unsigned int guest)
{
	size_t active = size / 100 * ACTIVE / PAGE * PAGE;
	size_t zeros = size / 100 * (ACTIVE + ZEROS) / PAGE * PAGE;

	memset(at + active, 0, zeros - active);
	for (size_t page = zeros / PAGE; page < size / PAGE; page++)
		invent((uint32_t *)(at + page * PAGE), guest, page);
}

static uint64_t count_wrong(const char *at, size_t size, unsigned int guest)
{
	size_t active = size / 100 * ACTIVE / PAGE * PAGE;
	size_t zeros = size / 100 * (ACTIVE + ZEROS) / PAGE * PAGE;
	static uint32_t words[PAGE / 4];
	uint64_t wrong = 0;

	for (size_t page = active / PAGE; page < size / PAGE; page++) {
		memset(words, 0, sizeof(words));
		if (page >= zeros / PAGE)
			invent(words, guest, page);
		wrong += !!memcmp(at + page * PAGE, words, PAGE);
	}
	return wrong;
}

static bool wait_for(const int *what)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (__atomic_load_n(what, __ATOMIC_RELAXED) >= GUESTS)
			return true;
		usleep(10000);
	}
	return false;
}

/* A VMM with its guest; those that were killed count as filled, so that the others go on. */
static void run_guest(size_t size, unsigned int guest, bool group, bool ours)
{
	struct vmqos_vmm_counts counts = { .work = 0 };
	struct vmqos_vmm_workload churn = {
		.kind = VMQOS_VMM_CHURN, .bytes = size / 100 * ACTIVE / PAGE * PAGE,
	};
	struct vmqos_vmm_vm *vm;
	char name[16];
	char *at;

	snprintf(name, sizeof(name), "%u", guest);
	if (mem_write_text("/proc/self/oom_score_adj", "1000") ||
	    (group && mem_write_text(GROUP "/cgroup.procs", "0")))
		_exit(2);
	at = ours ? mem_map(mem_file(where, name, size), size) :
		    mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	churn.memory = at;
	vm = at == MAP_FAILED ? NULL : vmqos_vmm_create(name, 1, 0);
	if (!vm || vmqos_vmm_add_vcpu(vm, &churn) < 0 || vmqos_vmm_start(vm, 0))
		_exit(3);
	fill(at, size, guest);
	__atomic_add_fetch(&report->filled, 1, __ATOMIC_RELAXED);
	if (!wait_for(&report->filled))
		_exit(4);
	for (int i = 0; i < PATIENCE * 100 && counts.work < ROUNDS; i++) {
		usleep(10000);
		vmqos_vmm_counts(vm, 0, &counts);
	}
	report->wrong[guest] = count_wrong(at, size, guest);
	vmqos_vmm_counts(vm, 0, &counts);
	report->rounds[guest] = counts.work;
	report->errors[guest] = counts.errors;
	/* All of it is there until all have looked. */
	__atomic_add_fetch(&report->gone, 1, __ATOMIC_RELAXED);
	_exit(wait_for(&report->gone) ? 0 : 5);
}

/* Returns how many of the guests were killed; *ended: those that came to their end. */
static int run(size_t size, bool group, bool ours, int *ended)
{
	pid_t guests[GUESTS];
	int killed = 0, status;

	memset(report, 0, sizeof(*report));
	*ended = 0;
	for (int i = 0; i < GUESTS; i++) {
		guests[i] = fork();
		if (!guests[i])
			run_guest(size, i, group, ours);
	}
	for (int left = GUESTS; left; left--) {
		pid_t who = wait(&status);

		if (who < 0)
			break;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
			/* One that had filled counts twice, which harms nobody. */
			__atomic_add_fetch(&report->filled, 1, __ATOMIC_RELAXED);
			__atomic_add_fetch(&report->gone, 1, __ATOMIC_RELAXED);
			killed++;
		} else if (WIFEXITED(status) && !WEXITSTATUS(status)) {
			++*ended;
		}
	}
	return killed;
}

TEST_F_TIMEOUT(overcommit, all_run_to_their_end_where_one_would_be_killed, 3600)
{
	int killed, ended;
	char path[PATH_MAX];

	killed = run(self->size, !variant->host, false, &ended);
	TH_LOG("anonymous: %d guests of %zu MiB each on %zu MiB: %d killed, %d came to their end",
	       GUESTS, self->size / MIB, self->room / MIB, killed, ended);
	EXPECT_LT(0, killed);
	killed = run(self->size, !variant->host, true, &ended);
	TH_LOG("vmramfs: %d guests of %zu MiB each on %zu MiB: %d killed, %d came to their end, %llu MiB taken",
	       GUESTS, self->size / MIB, self->room / MIB, killed, ended,
	       (unsigned long long)mem_used(where) / MIB);
	EXPECT_EQ(0, killed);
	EXPECT_EQ(GUESTS, ended);
	for (int i = 0; i < GUESTS; i++) {
		TH_LOG("guest %d: %llu rounds, %llu words lost, %llu pages wrong", i,
		       (unsigned long long)report->rounds[i],
		       (unsigned long long)report->errors[i], (unsigned long long)report->wrong[i]);
		EXPECT_LE(ROUNDS, report->rounds[i]);
		EXPECT_EQ(0, report->errors[i]);
		EXPECT_EQ(0, report->wrong[i]);
		snprintf(path, sizeof(path), "%s/%d", where, i);
		EXPECT_EQ(0, unlink(path));
	}
}

TEST_HARNESS_MAIN
