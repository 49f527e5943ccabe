// SPDX-License-Identifier: GPL-2.0
/*
 * The host is suspended under VMs that are held back. The kernel's own test of it is
 * taken (/sys/power/pm_test): at "freezer", the default, it freezes all tasks, waits a second, and
 * has them go on. VMQOS_PM_TEST=core has it suspend the devices as well, take all CPUs but
 * the first away and wait with interrupts off: all but the firmware's part. That is for a host
 * whose devices bear it; the test host's file system over virtio does not, it loses what
 * is on its way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "subject.h"

#define PM_TEST		"/sys/power/pm_test"
#define ROUNDS		3
#define VCPUS		2
#define ATTACH_MS	10000
#define WITHIN_NS	20000000000ull
#define LIMIT		200000		/* a fifth of a CPU */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

FIXTURE(suspend)
{
	struct vmqos *ctx;
	struct vmqos_vmm_vm *free, *limited;
	uint32_t free_id, limited_id;
};

static int start(FIXTURE_DATA(suspend) *self, const char *name, struct vmqos_vmm_vm **vm,
		 uint32_t *id)
{
	static const struct vmqos_vmm_workload spin = { .kind = VMQOS_VMM_SPIN };
	int ret;

	*vm = vmqos_vmm_create(name, VCPUS, 0);
	if (!*vm)
		return -ENOMEM;
	for (int i = 0; i < VCPUS; i++) {
		ret = vmqos_vmm_add_vcpu(*vm, &spin);
		if (ret < 0)
			return ret;
		vmqos_vmm_start(*vm, i);
	}
	ret = vmqos_subject_adopt(self->ctx, *vm, name, id);
	return ret ? ret : vmqos_subject_wait_attached(self->ctx, *id, VCPUS, ATTACH_MS);
}

FIXTURE_SETUP(suspend)
{
	struct vmqos_vm_settings limit = {
		.set = VMQOS_HAS(VMQOS_VM_CPU_LIMIT), .cpu_limit = LIMIT };
	const char *missing = vmqos_subject_missing();

	if (missing)
		SKIP(return, "%s", missing);
	if (put(PM_TEST, getenv("VMQOS_PM_TEST") ?: "freezer"))
		SKIP(return, "a kernel without " PM_TEST);
	put("/sys/module/suspend/parameters/pm_test_delay", "1");
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, true));
	ASSERT_EQ(0, start(self, "free", &self->free, &self->free_id));
	ASSERT_EQ(0, start(self, "limited", &self->limited, &self->limited_id));
	ASSERT_EQ(0, vmqos_vm_set(self->ctx, self->limited_id, &limit, NULL));
}

FIXTURE_TEARDOWN(suspend)
{
	put(PM_TEST, "none");
	if (self->free)
		vmqos_vmm_destroy(self->free);
	if (self->limited)
		vmqos_vmm_destroy(self->limited);
	vmqos_subject_settle(self->ctx);
	vmqos_close(self->ctx);
}

/* Every vCPU of both gets to run from now on. */
static bool all_run(FIXTURE_DATA(suspend) *self)
{
	struct vmqos_vmm_vm *vms[] = { self->free, self->limited };
	uint64_t before[2][VCPUS], end = vmqos_now_ns() + WITHIN_NS;
	struct vmqos_proc proc;
	bool all;

	for (int n = 0; n < 2; n++)
		for (int i = 0; i < VCPUS; i++) {
			vmqos_proc_read(getpid(), vmqos_vmm_tid(vms[n], i), &proc);
			before[n][i] = proc.run_ns;
		}
	do {
		vmqos_sleep_ns(20000000);
		all = true;
		for (int n = 0; n < 2; n++)
			for (int i = 0; i < VCPUS; i++) {
				vmqos_proc_read(getpid(), vmqos_vmm_tid(vms[n], i), &proc);
				all &= proc.run_ns > before[n][i];
			}
	} while (!all && vmqos_now_ns() < end);
	return all;
}

/* vCPUs that were parked, ran or waited when it came go on, and are held back as before. */
TEST_F_TIMEOUT(suspend, held_vcpus_go_on, 180)
{
	struct vmqos_vm_stat from, to;
	struct vmqos_stats grown;
	uint64_t span;

	ASSERT_TRUE(all_run(self));
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, put("/sys/power/state", "mem"));
		ASSERT_TRUE(all_run(self));
		ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, self->limited_id, &from));
		vmqos_sleep_ns(1000000000);
		ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, self->limited_id, &to));
		vmqos_stats_sub(&grown, &to.stats, &from.stats);
		span = to.time_ns - from.time_ns;
		TH_LOG("limited: run %llu of %llu us, parked %llu us, %llu throttles",
		       (unsigned long long)grown.run_ns / 1000, (unsigned long long)span / 1000,
		       (unsigned long long)grown.parked_ns / 1000,
		       (unsigned long long)grown.throttles);
		EXPECT_GT(grown.throttles, 0);
		if (vmqos_subject_exact_clock()) {
			EXPECT_LT(grown.run_ns, span / 5 + span / 50);
			EXPECT_GT(grown.run_ns, span / 5 - span / 50);
		}
	}
}

/*
 * While all stands still nobody runs, is ready or is parked. A frozen vCPU is blocked, and
 * at "core" for longer than the clock says: that of the scheduler goes on, where firmware
 * that has slept would have it go on from where it was.
 */
TEST_F_TIMEOUT(suspend, figures_stay_within_the_clock, 180)
{
	struct vmqos_vm_stat from, to;
	struct vmqos_stats grown;
	uint32_t ids[] = { self->free_id, self->limited_id };
	uint64_t span, slack = 50000000;

	ASSERT_TRUE(all_run(self));
	for (int n = 0; n < 2; n++) {
		ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, ids[n], &from));
		ASSERT_EQ(0, put("/sys/power/state", "mem"));
		ASSERT_TRUE(all_run(self));
		ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, ids[n], &to));
		vmqos_stats_sub(&grown, &to.stats, &from.stats);
		span = to.time_ns - from.time_ns;
		TH_LOG("in %llu us: run %llu ready %llu parked %llu blocked %llu us",
		       (unsigned long long)span / 1000, (unsigned long long)grown.run_ns / 1000,
		       (unsigned long long)grown.ready_ns / 1000,
		       (unsigned long long)grown.parked_ns / 1000,
		       (unsigned long long)grown.blocked_ns / 1000);
		EXPECT_LE(grown.run_ns + grown.ready_ns + grown.parked_ns,
			  VCPUS * (span + slack));
	}
}

TEST_HARNESS_MAIN
