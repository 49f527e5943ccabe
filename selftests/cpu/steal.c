// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest sees of being held back: its steal time is what the host counts as
 * parked and ready, and a parked vCPU is marked as preempted for its siblings, whose
 * spinlocks look at that.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "subject.h"

#define VMS		2
#define NOBODY		INT_MAX
#define ATTACH_MS	10000
#define SETTLE_NS	300000000ull

FIXTURE(steal)
{
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm[VMS];
	uint32_t id[VMS];
	int cpus;
	uint64_t span;
};

FIXTURE_SETUP(steal)
{
	const char *missing = vmqos_subject_missing();

	if (missing)
		SKIP(return, "%s", missing);
	if (!vmqos_subject_exact_clock())
		SKIP(return, "figures need the clock of instructions");
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, true));
	self->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	self->span = vmqos_subject_long() ? 20000000000ull : 4000000000ull;
}

FIXTURE_TEARDOWN(steal)
{
	for (int i = 0; i < VMS; i++)
		if (self->vm[i])
			vmqos_vmm_destroy(self->vm[i]);
	vmqos_subject_settle(self->ctx);
	vmqos_subject_gate(self->ctx, true);
	vmqos_close(self->ctx);
}

/*
 * A VM whose vCPUs spin and know their steal time. Those from a number on look at their
 * neighbour now and then, and come to user space for it.
 */
static int make(FIXTURE_DATA(steal) *self, int n, int vcpus, int watching, uint32_t limit)
{
	struct vmqos_vm_settings settings = {
		.set = VMQOS_HAS(VMQOS_VM_CPU_SHARES) | VMQOS_HAS(VMQOS_VM_CPU_LIMIT),
		.cpu_shares = 1000, .cpu_limit = limit,
	};
	struct vmqos_vmm_workload workload = { .kind = VMQOS_VMM_SPIN };
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "steal%d", n);
	self->vm[n] = vmqos_vmm_create(name, vcpus, 0);
	if (!self->vm[n])
		return -ENOMEM;
	for (int i = 0; i < vcpus; i++) {
		if (i >= watching)
			workload = (struct vmqos_vmm_workload){ .kind = VMQOS_VMM_WATCH,
								.count = i ^ 1 };
		ret = vmqos_vmm_add_vcpu(self->vm[n], &workload);
		if (ret < 0)
			return ret;
		ret = vmqos_vmm_tell_steal(self->vm[n], i);
		if (ret)
			return ret;
	}
	for (int i = 0; i < vcpus; i++)
		vmqos_vmm_start(self->vm[n], i);
	ret = vmqos_subject_adopt(self->ctx, self->vm[n], name, &self->id[n]);
	if (!ret)
		ret = vmqos_vm_set(self->ctx, self->id[n], &settings, NULL);
	return ret ? ret : vmqos_subject_wait_attached(self->ctx, self->id[n], vcpus, ATTACH_MS);
}

/*
 * What the host and the guest say of a vCPU at rest; then it goes on. A guest is told when
 * it is entered: one that is taken out by a signal while it is parked does not know yet of
 * the time that the host has counted already.
 */
static int look(FIXTURE_DATA(steal) *self, int vcpu, struct vmqos_sample *host,
		struct vmqos_vmm_steal *guest)
{
	int ret;

	ret = vmqos_vmm_rest(self->vm[0], vcpu);
	if (!ret)
		ret = vmqos_proc_wait_blocked(getpid(), vmqos_vmm_tid(self->vm[0], vcpu));
	if (ret)
		return ret;
	ret = vmqos_subject_sample(self->ctx, self->id[0], vcpu, getpid(),
				   vmqos_vmm_tid(self->vm[0], vcpu), host);
	vmqos_vmm_steal(self->vm[0], vcpu, guest);
	vmqos_vmm_start(self->vm[0], vcpu);
	return ret;
}

/* Of the time between two looks: the guest's figure is within 2 % of the host's. */
static void compare(struct __test_metadata *_metadata, FIXTURE_DATA(steal) *self, int vcpu)
{
	struct vmqos_vmm_steal guest[2];
	struct vmqos_sample host[2];
	struct vmqos_stats grown;
	uint64_t stolen, held;

	vmqos_sleep_ns(SETTLE_NS);
	ASSERT_EQ(0, look(self, vcpu, &host[0], &guest[0]));
	vmqos_sleep_ns(self->span);
	ASSERT_EQ(0, look(self, vcpu, &host[1], &guest[1]));
	vmqos_stats_sub(&grown, &host[1].vcpu.stats, &host[0].vcpu.stats);
	stolen = guest[1].ns - guest[0].ns;
	held = grown.ready_ns + grown.parked_ns;
	TH_LOG("vCPU %d: steal time %llu ns; parked %llu + ready %llu, %+.4f %%", vcpu,
	       (unsigned long long)stolen, (unsigned long long)grown.parked_ns,
	       (unsigned long long)grown.ready_ns, 100.0 * stolen / held - 100);
	/* There was something to see, and the gate's part in it is not a small one. */
	EXPECT_GT(held, self->span / 4);
	EXPECT_GT(grown.parked_ns, held / 4);
	EXPECT_TRUE(vmqos_subject_near(stolen, held, held / 50));
}

TEST_F_TIMEOUT(steal, equals_parked_and_ready_under_contention, 300)
{
	ASSERT_EQ(0, make(self, 0, 2, 0, 0));
	ASSERT_EQ(0, make(self, 1, 2 * self->cpus, NOBODY, 0));
	for (int i = 0; i < 2; i++)
		compare(_metadata, self, i);
}

TEST_F_TIMEOUT(steal, equals_parked_and_ready_under_a_limit, 300)
{
	ASSERT_EQ(0, make(self, 0, 2, 0, 500000));
	for (int i = 0; i < 2; i++)
		compare(_metadata, self, i);
}

/*
 * The second vCPU of the guest looks at the first, again and again: is it marked? Then the
 * VMM looks whether the thread of the first sleeps, which a spinning vCPU does only when
 * it is parked. A little time lies between.
 */
static void watch(struct __test_metadata *_metadata, FIXTURE_DATA(steal) *self,
		  double looks[2][2], double *waited)
{
	struct vmqos_vmm_steal before, after;
	struct vmqos_sample from, to;
	struct vmqos_stats grown;
	pid_t tid;

	vmqos_sleep_ns(SETTLE_NS);
	tid = vmqos_vmm_tid(self->vm[0], 0);
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, self->id[0], 0, getpid(), tid, &from));
	vmqos_vmm_steal(self->vm[0], 1, &before);
	vmqos_sleep_ns(self->span);
	vmqos_vmm_steal(self->vm[0], 1, &after);
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, self->id[0], 0, getpid(), tid, &to));
	for (int i = 0; i < 4; i++)
		looks[i & 1][i >> 1] = after.looks[i & 1][i >> 1] - before.looks[i & 1][i >> 1];
	vmqos_stats_sub(&grown, &to.vcpu.stats, &from.vcpu.stats);
	*waited = (double)(grown.ready_ns + grown.parked_ns) / (to.now - from.now);
	TH_LOG("parked: %.0f looks found it marked, %.0f not; not parked: %.0f marked, %.0f not; it waited %.1f %% of the time",
	       looks[1][1], looks[0][1], looks[1][0], looks[0][0], 100 * *waited);
}

TEST_F_TIMEOUT(steal, parked_vcpus_are_seen_as_preempted, 300)
{
	double looks[2][2], waited, wrong;

	ASSERT_EQ(0, make(self, 0, 2, 1, 0));
	ASSERT_EQ(0, make(self, 1, 2 * self->cpus, NOBODY, 0));
	watch(_metadata, self, looks, &waited);
	EXPECT_GT(looks[1][1], 500);
	EXPECT_LT(looks[0][1], looks[1][1] / 10);

	/*
	 * And the mark is no habit: with a CPU for each vCPU there is none. The scheduler may have
	 * both on one CPU for a moment; who waits for it then is rightly marked, and the
	 * other one, which looks, has the CPU just then.
	 */
	if (self->cpus < 2)
		return;
	vmqos_vmm_destroy(self->vm[1]);
	self->vm[1] = NULL;
	watch(_metadata, self, looks, &waited);
	EXPECT_GT(looks[0][0], 500);
	EXPECT_LT(waited, 0.25);
	wrong = looks[1][0] + looks[1][1] + looks[0][1];
	EXPECT_LT(wrong - (wrong + looks[0][0]) * waited / (1 - waited), looks[0][0] / 50);
}

TEST_HARNESS_MAIN
