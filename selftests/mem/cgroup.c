// SPDX-License-Identifier: GPL-2.0
/*
 * A VM in a control group that has a memory.max: it is killed when it goes through more memory
 * than that; with a limit of its own below it never is, its limit holds, and no word is lost.
 */
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "common.h"
#include "vmm.h"

#define CGROUP		"/sys/fs/cgroup"
#define GROUP		CGROUP "/vmqos-mem-test"
#define SIZE		(16 * MIB)	/* what the guest goes through */
#define LIMIT		(4 * MIB)
#define MAX		(12 * MIB)	/* of the group: with room for the VMM, not for the guest */
#define ROUNDS		3
#define VCPUS		2
#define PATIENCE	300

/* What the VMM says of its guest. */
struct report {
	uint64_t rounds[VCPUS];
	uint64_t errors;
};

static char where[64];
static struct report *report;

FIXTURE(cgroup)
{
	bool made;
	int fd;
	char *at;
};

FIXTURE_VARIANT(cgroup)
{
	const char *options;
};

FIXTURE_VARIANT_ADD(cgroup, small)
{
	.options = "file_limit=0",
};

FIXTURE_VARIANT_ADD(cgroup, huge)
{
	.options = "file_limit=0,huge=within_size",
};

static int set(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	return mem_write_text(path, text);
}

/* A figure of the group's: all of a file, or the line of that name in it. */
static uint64_t get(const char *file, const char *name)
{
	char path[128], line[128];
	uint64_t value = UINT64_MAX;
	FILE *in;

	snprintf(path, sizeof(path), GROUP "/%s", file);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in)) {
		if (!name)
			value = strtoull(line, NULL, 10);
		else if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			value = strtoull(line + strlen(name), NULL, 10);
	}
	if (in)
		fclose(in);
	return value;
}

FIXTURE_SETUP(cgroup)
{
	const char *missing = mem_missing();
	char max[32];

	self->made = false;
	if (missing)
		SKIP(return, "%s", missing);
	if (!getenv("VMQOS_LONG"))
		SKIP(return, "takes long: VMQOS_LONG=1");
	if (access("/dev/kvm", R_OK | W_OK))
		SKIP(return, "no /dev/kvm");
	mem_write_text(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) || access(GROUP "/memory.max", W_OK)) {
		rmdir(GROUP);
		SKIP(return, "no control group with memory.max can be made below " CGROUP);
	}
	mem_set_defaults();
	snprintf(max, sizeof(max), "%lu", MAX);
	EXPECT_EQ(0, set("memory.max", max));
	/* Nothing but vmramfs is to find a way out. */
	set("memory.swap.max", "0");
	report = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, report);
	self->fd = mem_begin(where, variant->options, SIZE, &self->at);
	ASSERT_LE(0, self->fd);
	self->made = true;
}

FIXTURE_TEARDOWN(cgroup)
{
	if (!self->made)
		return;
	EXPECT_EQ(0, mem_end(where, self->fd, self->at, SIZE));
	for (int i = 0; i < 100 && rmdir(GROUP) && errno == EBUSY; i++)
		usleep(10000);
}

static bool has_swept(struct vmqos_vmm_vm *vm)
{
	struct vmqos_vmm_counts counts;
	bool enough = true;

	report->errors = 0;
	for (int i = 0; i < VCPUS; i++) {
		vmqos_vmm_counts(vm, i, &counts);
		report->rounds[i] = counts.work;
		report->errors += counts.errors;
		enough = enough && counts.work >= ROUNDS;
	}
	return enough;
}

/* In a process of the group: a guest writes a word to each page, and looks for the last one. */
static void sweep(char *at)
{
	struct vmqos_vmm_vm *vm;

	if (set("cgroup.procs", "0"))
		_exit(2);
	vm = vmqos_vmm_create("cgroup", VCPUS, 0);
	for (int i = 0; i < VCPUS; i++) {
		struct vmqos_vmm_workload churn = {
			.kind = VMQOS_VMM_CHURN, .memory = at, .bytes = SIZE, .offset = i * 256,
		};

		if (!vm || vmqos_vmm_add_vcpu(vm, &churn) < 0 || vmqos_vmm_start(vm, i))
			_exit(3);
	}
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (has_swept(vm)) {
			/* Else their faults would fail as the process ends. */
			vmqos_vmm_destroy(vm);
			_exit(report->errors ? 4 : 0);
		}
		usleep(10000);
	}
	_exit(5);
}

/* Until the VMM ends; the most that the file had meanwhile. */
static uint64_t watch(pid_t child, int fd, int *status)
{
	uint64_t most = 0, now;

	do {
		now = mem_stat(fd, "mem-resident");
		if (now > most)
			most = now;
		usleep(2000);
	} while (!waitpid(child, status, WNOHANG));
	return most;
}

static void tell(struct __test_metadata *_metadata, int fd, uint64_t most, int status)
{
	TH_LOG("status %#x, rounds %llu and %llu, at most %llu KiB in the file; group: %llu killed, at its maximum %llu times",
	       status, (unsigned long long)report->rounds[0],
	       (unsigned long long)report->rounds[1], (unsigned long long)most >> 10,
	       (unsigned long long)get("memory.events", "oom_kill"),
	       (unsigned long long)get("memory.events", "max"));
	TH_LOG("%llu waits for %llu ms, %llu pages above the limit, %llu stored, %llu back",
	       (unsigned long long)mem_stat(fd, "mem-limit-waits"),
	       (unsigned long long)mem_stat(fd, "mem-limit-ns") / 1000000,
	       (unsigned long long)mem_stat(fd, "mem-limit-exceeded"),
	       (unsigned long long)mem_stat(fd, "mem-evicted"),
	       (unsigned long long)mem_stat(fd, "mem-faults-stored"));
}

TEST_F_TIMEOUT(cgroup, a_limit_below_the_groups_keeps_the_vm_alive, 600)
{
	char option[64];
	uint64_t most;
	int status;
	pid_t child;

	snprintf(option, sizeof(option), "file_limit=%lu", LIMIT);
	ASSERT_EQ(0, mem_remount(where, option));
	child = fork();
	if (!child)
		sweep(self->at);
	most = watch(child, self->fd, &status);
	tell(_metadata, self->fd, most, status);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, get("memory.events", "oom_kill"));
	EXPECT_EQ(0, get("memory.events", "oom"));
	EXPECT_GE(LIMIT + LIMIT / 100, most);
	EXPECT_LE((SIZE - LIMIT) / PAGE, mem_stat(self->fd, "mem-evicted"));
	EXPECT_EQ(0, mem_stat(self->fd, "mem-faults-failed"));
}

TEST_F_TIMEOUT(cgroup, without_one_it_is_killed, 600)
{
	int status = 0;
	uint64_t most;
	pid_t child;

	child = fork();
	if (!child)
		sweep(self->at);
	most = watch(child, self->fd, &status);
	tell(_metadata, self->fd, most, status);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_LT(0, get("memory.events", "oom_kill"));
}

TEST_HARNESS_MAIN
