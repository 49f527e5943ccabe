// SPDX-License-Identifier: GPL-2.0
/*
 * CPU policies as they are enforced: who receives what, what parked vCPUs are
 * counted as, and that a parked vCPU can be stopped, released and ended at once.
 * The exact figures are the bench's (scripts/bench cpu); the bounds here are those
 * beyond which something is broken.
 */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "subject.h"

#define MAX_VMS		3
#define ATTACH_MS	10000
#define SPAN_NS		3000000000ull
/* A parked vCPU is let go at once, and the machine is slow. */
#define AT_ONCE_NS	200000000ull
/* Two readings of a clock no further apart are one moment. */
#define GAP_NS		1000000ull

FIXTURE(gate)
{
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm[MAX_VMS];
	uint32_t id[MAX_VMS];
	int vcpus[MAX_VMS];
	int cpus;
};

FIXTURE_SETUP(gate)
{
	const char *missing = vmqos_subject_missing();

	if (missing)
		SKIP(return, "%s", missing);
	if (!vmqos_subject_exact_clock())
		SKIP(return, "figures need the clock of instructions");
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, true));
	self->cpus = sysconf(_SC_NPROCESSORS_ONLN);
}

FIXTURE_TEARDOWN(gate)
{
	for (int i = 0; i < MAX_VMS; i++)
		if (self->vm[i])
			vmqos_vmm_destroy(self->vm[i]);
	vmqos_subject_settle(self->ctx);
	vmqos_subject_gate(self->ctx, true);
	vmqos_close(self->ctx);
}

/* A VM with a policy; 0 leaves a figure as it is by default. */
static int start(FIXTURE_DATA(gate) *self, int n, int vcpus,
		 const struct vmqos_vmm_workload *load, uint32_t shares,
		 uint32_t reservation, uint32_t limit)
{
	struct vmqos_vm_settings settings = { .cpu_shares = shares,
		.cpu_reservation = reservation, .cpu_limit = limit };
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "gate%d", n);
	self->vm[n] = vmqos_vmm_create(name, vcpus, 0);
	if (!self->vm[n])
		return -ENOMEM;
	self->vcpus[n] = vcpus;
	for (int i = 0; i < vcpus; i++) {
		ret = vmqos_vmm_add_vcpu(self->vm[n], load);
		if (ret < 0)
			return ret;
		vmqos_vmm_start(self->vm[n], i);
	}
	ret = vmqos_subject_adopt(self->ctx, self->vm[n], name, &self->id[n]);
	if (ret)
		return ret;
	if (shares)
		settings.set |= VMQOS_HAS(VMQOS_VM_CPU_SHARES);
	if (reservation)
		settings.set |= VMQOS_HAS(VMQOS_VM_CPU_RESERVATION);
	if (limit)
		settings.set |= VMQOS_HAS(VMQOS_VM_CPU_LIMIT);
	ret = vmqos_vm_set(self->ctx, self->id[n], &settings, NULL);
	return ret ? ret : vmqos_subject_wait_attached(self->ctx, self->id[n], vcpus, ATTACH_MS);
}

static int spinners(FIXTURE_DATA(gate) *self, int n, int vcpus, uint32_t shares,
		    uint32_t reservation, uint32_t limit)
{
	static const struct vmqos_vmm_workload spin = { .kind = VMQOS_VMM_SPIN };

	return start(self, n, vcpus, &spin, shares, reservation, limit);
}

static uint64_t ran_of(FIXTURE_DATA(gate) *self, int n, int vcpu)
{
	struct vmqos_proc proc = { 0 };

	vmqos_proc_read(getpid(), vmqos_vmm_tid(self->vm[n], vcpu), &proc);
	return proc.run_ns;
}

/* What the scheduler says the VM's vCPUs ran. */
static uint64_t ran(FIXTURE_DATA(gate) *self, int n)
{
	uint64_t sum = 0;

	for (int i = 0; i < self->vcpus[n]; i++)
		sum += ran_of(self, n, i);
	return sum;
}

/* What all VMs ran, and when. */
struct moment {
	uint64_t now;
	uint64_t ran[MAX_VMS];
};

/* Reading takes a while, mostly a short one; it is tried until it was. */
static void look(FIXTURE_DATA(gate) *self, struct moment *at)
{
	struct moment one = { 0 };
	uint64_t gap, least = UINT64_MAX;

	for (int i = 0; i < 10 && least > GAP_NS; i++) {
		one.now = vmqos_now_ns();
		for (int n = 0; n < MAX_VMS; n++)
			one.ran[n] = self->vm[n] ? ran(self, n) : 0;
		gap = vmqos_now_ns() - one.now;
		one.now += gap / 2;
		if (gap < least) {
			least = gap;
			*at = one;
		}
	}
}

/* In thousandths of a CPU, over a while that begins when all has settled. */
static void receive(FIXTURE_DATA(gate) *self, double received[MAX_VMS])
{
	struct moment from, to;

	vmqos_sleep_ns(SPAN_NS / 3);
	look(self, &from);
	vmqos_sleep_ns(SPAN_NS);
	look(self, &to);
	for (int n = 0; n < MAX_VMS; n++)
		received[n] = 1000.0 * (to.ran[n] - from.ran[n]) / (to.now - from.now);
}

/* The same of the first VM with its other threads, which its limit is for as well. */
static double receive_of_limit(FIXTURE_DATA(gate) *self, struct __test_metadata *_metadata)
{
	double received[MAX_VMS], others;
	struct vmqos_vm_stat from, to;
	struct vmqos_stats grown;

	vmqos_sleep_ns(SPAN_NS / 3);
	EXPECT_EQ(0, vmqos_vm_stat_get(self->ctx, self->id[0], &from));
	receive(self, received);
	EXPECT_EQ(0, vmqos_vm_stat_get(self->ctx, self->id[0], &to));
	vmqos_stats_sub(&grown, &to.stats, &from.stats);
	others = 1000.0 * grown.other_run_ns / (to.time_ns - from.time_ns);
	TH_LOG("%.1f thousandths and %.1f by others (%llu us before); in %llu us ran %llu ready %llu parked %llu limited %llu us, %llu throttles",
	       received[0], others, (unsigned long long)from.stats.other_run_ns / 1000,
	       (unsigned long long)(to.time_ns - from.time_ns) / 1000,
	       (unsigned long long)grown.run_ns / 1000, (unsigned long long)grown.ready_ns / 1000,
	       (unsigned long long)grown.parked_ns / 1000,
	       (unsigned long long)grown.limited_ns / 1000, (unsigned long long)grown.throttles);
	return received[0] + others;
}

TEST_F_TIMEOUT(gate, shares_divide, 120)
{
	double received[MAX_VMS];

	/* The one with the most vCPUs has the fewest shares. */
	ASSERT_EQ(0, spinners(self, 0, 2 * self->cpus, 1000, 0, 0));
	ASSERT_EQ(0, spinners(self, 1, self->cpus, 3000, 0, 0));
	receive(self, received);
	TH_LOG("%.0f and %.0f thousandths", received[0], received[1]);
	EXPECT_GT(received[1] / received[0], 2.7);
	EXPECT_LT(received[1] / received[0], 3.3);
	/* And nothing is lost by it. */
	EXPECT_GT(received[0] + received[1], 930.0 * self->cpus);
}

TEST_F_TIMEOUT(gate, limit_holds_on_an_idle_host, 120)
{
	double used;

	ASSERT_EQ(0, spinners(self, 0, 2, 0, 0, 400000));
	used = receive_of_limit(self, _metadata);
	EXPECT_GT(used, 392);
	EXPECT_LT(used, 402);
}

TEST_F_TIMEOUT(gate, reservation_is_met, 120)
{
	double received[MAX_VMS];

	ASSERT_EQ(0, spinners(self, 0, 1, 1, 600000, 0));
	ASSERT_EQ(0, spinners(self, 1, 2 * self->cpus, 100000, 0, 0));
	receive(self, received);
	TH_LOG("%.0f of 600 thousandths", received[0]);
	EXPECT_GT(received[0], 570);
	EXPECT_GT(received[0] + received[1], 930.0 * self->cpus);
}

TEST_F_TIMEOUT(gate, alone_nothing_is_held_back, 120)
{
	double received[MAX_VMS];

	ASSERT_EQ(0, spinners(self, 0, self->cpus, 1, 0, 0));
	receive(self, received);
	TH_LOG("%.0f thousandths of %d CPUs", received[0], self->cpus);
	EXPECT_GT(received[0], 970.0 * self->cpus);
}

/* Who is parked comes as soon as one that was worthier sleeps, and no CPU idles meanwhile. */
TEST_F_TIMEOUT(gate, a_cpu_that_is_left_is_taken, 120)
{
	static const struct vmqos_vmm_workload duty = {
		.kind = VMQOS_VMM_DUTY, .run_us = 2000, .period_us = 5000 };
	double received[MAX_VMS];

	ASSERT_EQ(0, start(self, 0, self->cpus, &duty, 100000, 0, 0));
	ASSERT_EQ(0, spinners(self, 1, self->cpus, 100, 0, 0));
	receive(self, received);
	TH_LOG("%.0f and %.0f thousandths of %d CPUs", received[0], received[1], self->cpus);
	EXPECT_GT(received[0] + received[1], 970.0 * self->cpus);
}

/*
 * vCPUs that wake up each millisecond, as often as the gate's tick comes: it used to
 * find them each time, and those they had interrupted ran on for tens of ms.
 */
TEST_F_TIMEOUT(gate, sleepers_hide_nobody, 120)
{
	static const struct vmqos_vmm_workload nap = { .kind = VMQOS_VMM_HALT, .period_us = 1000 };
	uint64_t before[16], least, most, one;
	int vcpus = self->cpus > 4 ? 16 : 4 * self->cpus;

	ASSERT_EQ(0, start(self, 0, self->cpus, &nap, 0, 0, 0));
	ASSERT_EQ(0, spinners(self, 1, vcpus, 0, 0, 0));
	vmqos_sleep_ns(SPAN_NS / 3);
	for (int second = 0; second < 4; second++) {
		for (int i = 0; i < vcpus; i++)
			before[i] = ran_of(self, 1, i);
		vmqos_sleep_ns(1000000000);
		least = UINT64_MAX;
		most = 0;
		for (int i = 0; i < vcpus; i++) {
			one = ran_of(self, 1, i) - before[i];
			least = one < least ? one : least;
			most = one > most ? one : most;
		}
		TH_LOG("in a second %.1f to %.1f ms", least / 1e6, most / 1e6);
		EXPECT_LT(20 * (most - least), most);
	}
}

/* Parked time is neither ready nor blocked, and stolen from the guest. */
TEST_F_TIMEOUT(gate, parked_time_is_accounted, 120)
{
	struct vmqos_sample a, b;
	struct vmqos_stats grown;

	ASSERT_EQ(0, spinners(self, 0, 1, 0, 0, 300000));
	ASSERT_EQ(0, spinners(self, 1, self->cpus, 0, 0, 0));
	vmqos_sleep_ns(200000000);
	vmqos_vmm_stop(self->vm[0], 0);
	ASSERT_EQ(0, vmqos_proc_wait_blocked(getpid(), vmqos_vmm_tid(self->vm[0], 0)));
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, self->id[0], 0, getpid(),
					  vmqos_vmm_tid(self->vm[0], 0), &a));
	vmqos_vmm_start(self->vm[0], 0);
	vmqos_sleep_ns(SPAN_NS);
	vmqos_vmm_stop(self->vm[0], 0);
	ASSERT_EQ(0, vmqos_proc_wait_blocked(getpid(), vmqos_vmm_tid(self->vm[0], 0)));
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, self->id[0], 0, getpid(),
					  vmqos_vmm_tid(self->vm[0], 0), &b));
	vmqos_stats_sub(&grown, &b.vcpu.stats, &a.vcpu.stats);
	TH_LOG("run %llu ready %llu parked %llu limited %llu, %llu parks",
	       (unsigned long long)grown.run_ns, (unsigned long long)grown.ready_ns,
	       (unsigned long long)grown.parked_ns, (unsigned long long)grown.limited_ns,
	       (unsigned long long)grown.parks);
	/* How the rest divides into ready and parked is up to the scheduler. */
	EXPECT_GT(grown.ready_ns + grown.parked_ns, SPAN_NS * 65 / 100);
	EXPECT_GT(grown.parked_ns, SPAN_NS / 4);
	EXPECT_GT(grown.limited_ns, SPAN_NS / 4);
	EXPECT_LE(grown.limited_ns, grown.parked_ns);
	EXPECT_GT(grown.throttles, 0);
	EXPECT_LE(grown.throttles, grown.parks);
	/* KVM tells the guest the scheduler's run_delay as steal time. */
	EXPECT_EQ(b.proc.ready_ns - a.proc.ready_ns, grown.ready_ns + grown.parked_ns);
	EXPECT_TRUE(vmqos_subject_near(grown.run_ns + grown.ready_ns + grown.parked_ns +
				       grown.blocked_ns, grown.wall_ns, 1000000));
}

TEST_F_TIMEOUT(gate, parked_vcpus_stop_at_once, 120)
{
	uint64_t start;

	ASSERT_EQ(0, spinners(self, 0, 4, 0, 0, VMQOS_CPU_LIMIT_MIN));
	vmqos_sleep_ns(500000000);
	start = vmqos_now_ns();
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, vmqos_vmm_stop(self->vm[0], i));
	TH_LOG("%llu ns", (unsigned long long)(vmqos_now_ns() - start));
	EXPECT_LT(vmqos_now_ns() - start, AT_ONCE_NS);
}

TEST_F_TIMEOUT(gate, parked_vcpus_are_released_at_once, 120)
{
	uint64_t start, before;

	ASSERT_EQ(0, spinners(self, 0, self->cpus, 0, 0, VMQOS_CPU_LIMIT_MIN));
	vmqos_sleep_ns(500000000);
	start = vmqos_now_ns();
	ASSERT_EQ(0, vmqos_vm_release(self->ctx, self->id[0], NULL));
	ASSERT_EQ(0, vmqos_subject_wait_gone(self->ctx, self->id[0], ATTACH_MS));
	TH_LOG("%llu ns", (unsigned long long)(vmqos_now_ns() - start));
	before = ran(self, 0);
	vmqos_sleep_ns(1000000000);
	EXPECT_GT(ran(self, 0) - before, 900000000ull * self->cpus);
}

TEST_F_TIMEOUT(gate, switched_off_it_lets_go, 120)
{
	double received[MAX_VMS];

	ASSERT_EQ(0, spinners(self, 0, self->cpus, 0, 0, VMQOS_CPU_LIMIT_MIN));
	vmqos_sleep_ns(500000000);
	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, false));
	receive(self, received);
	EXPECT_GT(received[0], 970.0 * self->cpus);
}

/* A host's settings are made so when the module comes, not only when they change. */
TEST_F_TIMEOUT(gate, holds_as_loaded, 120)
{
	struct vmqos_host host;
	double used;

	vmqos_close(self->ctx);
	self->ctx = NULL;
	ASSERT_EQ(0, vmqos_subject_load_anew());
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	ASSERT_EQ(0, vmqos_host_get(self->ctx, -1, &host));
	EXPECT_TRUE(host.cpu_gate);
	ASSERT_EQ(0, spinners(self, 0, self->cpus, 0, 0, 500000));
	used = receive_of_limit(self, _metadata);
	EXPECT_GT(used, 490);
	EXPECT_LT(used, 505);
}

TEST_HARNESS_MAIN
