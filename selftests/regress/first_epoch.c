// SPDX-License-Identifier: GPL-2.0
/*
 * While no VM is adopted there are no epochs. The first one after that took all the time
 * since the last one for its length, if the thread got its CPU only when the hooks were in
 * place: a VM was entitled to, and owed, seconds of a time when it was not adopted, and
 * a reservation was told to be unmet. Found by a test that was told so.
 *
 * The thread gets its CPU late since this test has it, at a higher priority.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../netlink/call.h"
#include "vmm.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define WITHOUT_MS	3000
#define AFTER_MS	200

/* The kernel's thread of that name, 0 if there is none. */
static pid_t thread_of(const char *name)
{
	DIR *proc = opendir("/proc");
	char path[64], comm[32];
	struct dirent *entry;
	pid_t found = 0;
	FILE *file;

	while (proc && !found && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)))
			found = atoi(entry->d_name);
		fclose(file);
	}
	if (proc)
		closedir(proc);
	return found;
}

static int keep_on(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set);
}

static uint64_t entitled_ns(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id)
{
	const struct nlattr *stats;

	if (vmqos_by_id(raw, answer, VMQOS_CMD_VM_STAT_GET, id))
		return UINT64_MAX;
	stats = vmqos_raw_attr(vmqos_raw_next(answer, NULL), VMQOS_VM_STAT_A_STATS);
	return vmqos_raw_u64(vmqos_raw_nested(stats, VMQOS_STATS_A_ENTITLED_NS));
}

TEST(it_is_as_long_as_there_was_a_vm)
{
	static const struct vmqos_vmm_workload load = { .kind = VMQOS_VMM_SPIN };
	struct sched_param urgent = { .sched_priority = 10 }, normal = { 0 };
	struct vmqos_raw_answer answer = { 0 };
	uint64_t adopted, entitled, most;
	struct vmqos_vmm_vm *vm;
	struct vmqos_raw raw;
	cpu_set_t all;
	pid_t thread;
	uint32_t id;
	int err;

	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		SKIP(return, "no family vmqos: is the module loaded?");
	ASSERT_EQ(0, err);
	thread = thread_of("vmqos_epoch");
	ASSERT_NE(0, thread);
	ASSERT_EQ(0, sched_getaffinity(thread, sizeof(all), &all));
	if (CPU_COUNT(&all) < 2)
		SKIP(return, "needs two CPUs");
	vm = vmqos_vmm_create("first", 1, 0);
	ASSERT_NE(NULL, vm);
	ASSERT_EQ(0, vmqos_vmm_add_vcpu(vm, &load));
	ASSERT_EQ(0, vmqos_vmm_start(vm, 0));
	ASSERT_EQ(0, keep_on(vmqos_vmm_tid(vm, 0), 1));
	ASSERT_EQ(0, keep_on(thread, 0));
	ASSERT_EQ(0, keep_on(0, 0));
	vmqos_sleep_ms(WITHOUT_MS);

	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &urgent));
	adopted = vmqos_now_ms();
	err = vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), getpid(), "first", NULL);
	/* Without a sleep, until the vCPU has its hook or long after. */
	while (!err && !vmqos_answer_u32(&answer, VMQOS_VM_A_VCPUS_ATTACHED) &&
	       vmqos_now_ms() < adopted + WITHOUT_MS / 10)
		err = vmqos_by_id(&raw, &answer, VMQOS_CMD_VM_GET,
				  vmqos_answer_u32(&answer, VMQOS_VM_A_ID));
	sched_setscheduler(0, SCHED_OTHER, &normal);
	ASSERT_EQ(0, err);
	id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_wait_attached(&raw, id, 1, 20000));
	vmqos_sleep_ms(AFTER_MS);
	entitled = entitled_ns(&raw, &answer, id);
	most = vmqos_now_ms() - adopted;
	TH_LOG("entitled to %.1f ms within %llu ms", entitled / 1e6, (unsigned long long)most);
	/* An epoch more, for there are two clocks. */
	EXPECT_LE(entitled, (most + 20) * 1000000);
	EXPECT_NE(0, entitled);

	vmqos_vmm_destroy(vm);
	EXPECT_EQ(0, vmqos_wait_gone(&raw, id, 20000));
	EXPECT_EQ(0, sched_setaffinity(thread, sizeof(all), &all));
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
}

TEST_HARNESS_MAIN
