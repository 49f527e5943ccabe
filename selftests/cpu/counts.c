// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of events against what KVM, the scheduler and the guest itself counted:
 * exits, halts, wake-ups and their latency, migrations, visits to the guest.
 */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "subject.h"

#define ATTACH_MS	10000

FIXTURE(counts)
{
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm;
	uint32_t id;
};

FIXTURE_SETUP(counts)
{
	const char *missing = vmqos_subject_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	/* The scheduler alone is to decide who runs. */
	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, false));
	self->vm = vmqos_vmm_create("counts", 4, 0);
	ASSERT_NE(NULL, self->vm);
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "counts", &self->id)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
}

FIXTURE_TEARDOWN(counts)
{
	vmqos_vmm_destroy(self->vm);
	vmqos_subject_settle(self->ctx);
	vmqos_subject_gate(self->ctx, true);
	vmqos_close(self->ctx);
}

static int add(FIXTURE_DATA(counts) *self, const char *text)
{
	struct vmqos_vmm_workload workload;
	int ret = vmqos_vmm_parse_workload(text, &workload);
	int vcpu;

	if (ret)
		return ret;
	vcpu = vmqos_vmm_add_vcpu(self->vm, &workload);
	if (vcpu < 0)
		return vcpu;
	ret = vmqos_vmm_start(self->vm, vcpu);
	return ret ? ret : vmqos_subject_wait_attached(self->ctx, self->id, vcpu + 1, ATTACH_MS);
}

static int stats_of(FIXTURE_DATA(counts) *self, int vcpu, struct vmqos_stats *stats)
{
	struct vmqos_vcpu reading;
	int ret = vmqos_vcpu_stat_get(self->ctx, self->id, vcpu, &reading);

	*stats = reading.stats;
	return ret;
}

static int stop(FIXTURE_DATA(counts) *self, int vcpu)
{
	vmqos_vmm_stop(self->vm, vcpu);
	return vmqos_proc_wait_blocked(getpid(), vmqos_vmm_tid(self->vm, vcpu));
}

static const char *const exit_loads[] = { "exit", "mmio", "halt:1000", "spin" };

/* Exits by cause, exactly as KVM counts them. */
TEST_F_TIMEOUT(counts, exits_as_kvm, 60)
{
	static const char *const name[] = { "exits", "halt_exits", "io_exits", "mmio_exits" };
	uint64_t kvm_before[4][4], kvm_after;
	struct vmqos_stats before[4], after, grown;

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, add(self, exit_loads[i]));
		ASSERT_EQ(0, stop(self, i));
		ASSERT_EQ(0, stats_of(self, i, &before[i]));
		for (int n = 0; n < 4; n++)
			ASSERT_EQ(0, vmqos_kvmstat(vmqos_vmm_vcpu_fd(self->vm, i), name[n],
						   &kvm_before[i][n]));
		ASSERT_EQ(0, vmqos_vmm_start(self->vm, i));
	}
	vmqos_sleep_ns(1000000000);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, stop(self, i));
		ASSERT_EQ(0, stats_of(self, i, &after));
		vmqos_stats_sub(&grown, &after, &before[i]);
		for (int n = 0; n < 4; n++) {
			uint64_t ours = n == 0 ? grown.exits : n == 1 ? grown.halt_exits :
					n == 2 ? grown.io_exits : grown.mmio_exits;

			ASSERT_EQ(0, vmqos_kvmstat(vmqos_vmm_vcpu_fd(self->vm, i), name[n],
						   &kvm_after));
			EXPECT_EQ(kvm_after - kvm_before[i][n], ours) {
				TH_LOG("%s of \"%s\"", name[n], exit_loads[i]);
			}
		}
		EXPECT_GT(grown.exits, 0);
	}
}

/* The guest counts its returns from HLT; each is a wake-up of its thread. */
TEST_F_TIMEOUT(counts, wakeups_as_guest, 60)
{
	struct vmqos_vmm_counts guest_before, guest_after;
	struct vmqos_stats before, after, grown;
	uint64_t wakes, sum = 0;

	ASSERT_EQ(0, add(self, "halt:10000"));
	ASSERT_EQ(0, stop(self, 0));
	ASSERT_EQ(0, stats_of(self, 0, &before));
	vmqos_vmm_counts(self->vm, 0, &guest_before);
	ASSERT_EQ(0, vmqos_vmm_start(self->vm, 0));
	/* In 2 s, on a host with nothing else to do. */
	for (int i = 0; i < 40; i++) {
		vmqos_sleep_ns(500000000);
		vmqos_vmm_counts(self->vm, 0, &guest_after);
		if (guest_after.wakes - guest_before.wakes >= 190)
			break;
	}
	ASSERT_EQ(0, stop(self, 0));
	ASSERT_EQ(0, stats_of(self, 0, &after));
	vmqos_vmm_counts(self->vm, 0, &guest_after);
	vmqos_stats_sub(&grown, &after, &before);
	wakes = guest_after.wakes - guest_before.wakes;
	TH_LOG("guest %llu, vmqos %llu", (unsigned long long)wakes,
	       (unsigned long long)grown.wakeups);
	EXPECT_GT(wakes, 189);
	/* Beside the guest's: the start, and the kick that ends the last halt. */
	EXPECT_LE(wakes, grown.wakeups);
	EXPECT_GE(wakes + 4, grown.wakeups);

	for (int i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		sum += grown.latency_hist[i];
	EXPECT_EQ(grown.wakeups, sum);
	EXPECT_LE(grown.latency_ns, grown.ready_ns);
	EXPECT_LE(grown.latency_ns, after.latency_max_ns * grown.wakeups);
	/* Halted nearly all the time: an interrupt takes microseconds, a period 10 ms. */
	if (vmqos_subject_exact_clock())
		EXPECT_GT(grown.halted_ns, grown.wall_ns / 100 * 80);
	EXPECT_GT(grown.halted_ns, 0);
	EXPECT_LE(grown.halted_ns, grown.blocked_ns);
}

/* A vCPU that sleeps in user space is blocked, but not halted. */
TEST_F_TIMEOUT(counts, asleep_is_not_halted, 60)
{
	struct vmqos_vmm_counts guest_before, guest_after;
	struct vmqos_stats before, after, grown;
	uint64_t sleeps;

	ASSERT_EQ(0, add(self, "sleep:5000"));
	ASSERT_EQ(0, stop(self, 0));
	ASSERT_EQ(0, stats_of(self, 0, &before));
	vmqos_vmm_counts(self->vm, 0, &guest_before);
	ASSERT_EQ(0, vmqos_vmm_start(self->vm, 0));
	vmqos_sleep_ns(1000000000);
	ASSERT_EQ(0, stop(self, 0));
	ASSERT_EQ(0, stats_of(self, 0, &after));
	vmqos_vmm_counts(self->vm, 0, &guest_after);
	vmqos_stats_sub(&grown, &after, &before);
	sleeps = guest_after.exits - guest_before.exits;
	TH_LOG("%llu sleeps, blocked for %llu ns", (unsigned long long)sleeps,
	       (unsigned long long)grown.blocked_ns);
	/* None ends early, but one that begins late may be over before it blocks. */
	EXPECT_GT(sleeps, 0);
	EXPECT_GE(grown.blocked_ns, sleeps * 5000000 / 2);
	EXPECT_GE(grown.wakeups, sleeps / 2);
	EXPECT_EQ(0, grown.halted_ns);
}

/*
 * A vCPU that exits all the time is in the guest for a part of its run time only.
 * One after the other: two busy CPUs share the instruction count clock.
 */
TEST_F_TIMEOUT(counts, guest_time_leaves_out_exits, 60)
{
	static const char *const load[] = { "spin", "exit" };
	struct vmqos_stats before, after, grown;
	double share[2], one;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, add(self, load[i]));
		share[i] = 0;
		/* The best of some: interrupts for others may fall into one. */
		for (int try = 0; try < 3; try++) {
			/* At rest: of a thread that runs, run time is a tick old. */
			ASSERT_EQ(0, stop(self, i));
			ASSERT_EQ(0, stats_of(self, i, &before));
			ASSERT_EQ(0, vmqos_vmm_start(self->vm, i));
			vmqos_sleep_ns(500000000);
			ASSERT_EQ(0, stop(self, i));
			ASSERT_EQ(0, stats_of(self, i, &after));
			vmqos_stats_sub(&grown, &after, &before);
			ASSERT_GT(grown.run_ns, 50000000);
			one = (double)grown.guest_ns / grown.run_ns;
			share[i] = one > share[i] ? one : share[i];
		}
		TH_LOG("%s: %.2f %% of run time in the guest", load[i], 100 * share[i]);
	}
	/* Of two clocks: the frequency of one is known to a kHz. */
	EXPECT_LE(share[0], 1.00001);
	EXPECT_GT(share[1], 0.0);
	EXPECT_LT(share[1], share[0]);
	if (vmqos_subject_exact_clock()) {
		EXPECT_GE(share[0], 0.95);
		EXPECT_LT(share[1], 0.5);
	}
}

/* Guest time stands still while its measurement is off. */
TEST_F_TIMEOUT(counts, guest_time_off, 60)
{
	struct vmqos_host_settings settings = { .set = VMQOS_HAS(VMQOS_HOST_GUEST_TIME) };
	struct vmqos_stats before, after;

	ASSERT_EQ(0, add(self, "spin"));
	settings.guest_time = false;
	ASSERT_EQ(0, vmqos_host_set(self->ctx, &settings, NULL));
	ASSERT_EQ(0, stats_of(self, 0, &before));
	vmqos_sleep_ns(300000000);
	ASSERT_EQ(0, stats_of(self, 0, &after));
	settings.guest_time = true;
	ASSERT_EQ(0, vmqos_host_set(self->ctx, &settings, NULL));
	EXPECT_EQ(before.guest_ns, after.guest_ns);
	EXPECT_GT(after.run_ns, before.run_ns);
	vmqos_sleep_ns(300000000);
	ASSERT_EQ(0, stats_of(self, 0, &before));
	EXPECT_GT(before.guest_ns, after.guest_ns);
	EXPECT_LE(before.guest_ns, before.run_ns);
}

/* The CPUs this process may use, as two of them; returns false if there is one only. */
static bool two_cpus(int cpu[2])
{
	cpu_set_t set;
	int found = 0;

	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &set))
			cpu[found++] = i;
	return found == 2;
}

static int pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set);
}

/* Move a vCPU's thread, and wait until it has run there. */
static int move(FIXTURE_DATA(counts) *self, pid_t tid, int cpu)
{
	struct vmqos_vcpu vcpu;

	if (pin(tid, cpu))
		return -errno;
	for (int i = 0; i < 500; i++) {
		vmqos_sleep_ns(10000000);
		if (vmqos_vcpu_stat_get(self->ctx, self->id, 0, &vcpu))
			return -EIO;
		if (vcpu.cpu == (uint32_t)cpu)
			return 0;
	}
	return -ETIMEDOUT;
}

/* Each forced move is counted, and nothing else. */
TEST_F_TIMEOUT(counts, migrations_as_forced, 60)
{
	struct vmqos_vcpu before, after;
	uint64_t sched_before, sched_after;
	const int moves = 40;
	int cpu[2], ret;
	pid_t tid;

	if (!two_cpus(cpu))
		SKIP(return, "needs two CPUs");
	ASSERT_EQ(0, add(self, "spin"));
	tid = vmqos_vmm_tid(self->vm, 0);
	ASSERT_EQ(0, move(self, tid, cpu[0]));
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, self->id, 0, &before));
	ret = vmqos_proc_migrations(getpid(), tid, &sched_before);
	EXPECT_EQ(cpu[0], before.cpu);
	for (int i = 1; i <= moves; i++) {
		ASSERT_EQ(0, move(self, tid, cpu[i % 2]));
	}
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, self->id, 0, &after));
	EXPECT_EQ(cpu[moves % 2], after.cpu);
	EXPECT_EQ(moves, after.stats.cpu_migrations - before.stats.cpu_migrations);
	if (!ret) {
		ASSERT_EQ(0, vmqos_proc_migrations(getpid(), tid, &sched_after));
		EXPECT_EQ(moves, sched_after - sched_before);
	}
	EXPECT_LE(after.stats.node_migrations, after.stats.cpu_migrations);
}

/* Of two CPUs on different NUMA nodes every move changes the node; on one node none does. */
TEST_F_TIMEOUT(counts, node_migrations, 60)
{
	struct vmqos_vcpu before, after;
	unsigned int node[2] = { 0, 0 };
	const int moves = 20;
	int cpu[2];
	pid_t tid;

	if (!two_cpus(cpu))
		SKIP(return, "needs two CPUs");
	/* Prefer a pair on different nodes. */
	for (int i = cpu[1]; i < sysconf(_SC_NPROCESSORS_CONF); i++) {
		if (pin(0, i))
			continue;
		getcpu(NULL, &node[1]);
		pin(0, cpu[0]);
		getcpu(NULL, &node[0]);
		cpu[1] = i;
		if (node[0] != node[1])
			break;
	}
	ASSERT_EQ(0, add(self, "spin"));
	tid = vmqos_vmm_tid(self->vm, 0);
	ASSERT_EQ(0, move(self, tid, cpu[0]));
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, self->id, 0, &before));
	EXPECT_EQ(node[0], before.node);
	for (int i = 1; i <= moves; i++) {
		ASSERT_EQ(0, move(self, tid, cpu[i % 2]));
	}
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, self->id, 0, &after));
	TH_LOG("CPUs %d and %d on nodes %u and %u", cpu[0], cpu[1], node[0], node[1]);
	EXPECT_EQ(node[0] == node[1] ? 0 : moves,
		  after.stats.node_migrations - before.stats.node_migrations);
}

/* Threads beside the vCPUs: this very thread burns, and it is no vCPU. */
TEST_F_TIMEOUT(counts, other_threads, 60)
{
	struct vmqos_vm_stat before, after;
	struct vmqos_proc proc[4];
	uint64_t end, ours, least, most;

	ASSERT_EQ(0, add(self, "halt:10000"));
	ASSERT_EQ(0, add(self, "spin"));
	/* The truth before and after each reading: the thread that reads runs, too. */
	ASSERT_EQ(0, vmqos_proc_read(getpid(), gettid(), &proc[0]));
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, self->id, &before));
	ASSERT_EQ(0, vmqos_proc_read(getpid(), gettid(), &proc[1]));
	end = vmqos_now_ns() + 1000000000;
	while (vmqos_now_ns() < end)
		;
	/* What a running thread has since the last tick is in neither count. */
	vmqos_sleep_ns(300000000);
	ASSERT_EQ(0, vmqos_proc_read(getpid(), gettid(), &proc[2]));
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, self->id, &after));
	ASSERT_EQ(0, vmqos_proc_read(getpid(), gettid(), &proc[3]));
	least = proc[2].run_ns - proc[1].run_ns;
	most = proc[3].run_ns - proc[0].run_ns;
	ours = after.stats.other_run_ns - before.stats.other_run_ns;
	TH_LOG("other threads: %llu of %llu to %llu ns, %u threads", (unsigned long long)ours,
	       (unsigned long long)least, (unsigned long long)most, after.stats.other_threads);
	EXPECT_GE(after.stats.other_threads, 1);
	/* Of each a hundredth: a count is as old as a tick of its thread. */
	EXPECT_GE(ours, least - least / 100);
	EXPECT_LE(ours, most + most / 100);
}

TEST_HARNESS_MAIN
