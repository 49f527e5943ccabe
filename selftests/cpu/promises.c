// SPDX-License-Identifier: GPL-2.0
/*
 * What is promised beside the amounts: word of a reservation that cannot be met,
 * the latency class, and tracepoints that tell what the gate does.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "subject.h"

#define ATTACH_MS	10000
#define SPAN_NS		3000000000ull
#define MAX_HOGS	16
#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/vmqos-promises"

FIXTURE(promises)
{
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm[2];
	uint32_t id[2];
	pid_t hog[MAX_HOGS];
	int cpus;
};

FIXTURE_SETUP(promises)
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

static void end_hogs(FIXTURE_DATA(promises) *self)
{
	for (int i = 0; i < MAX_HOGS; i++)
		if (self->hog[i]) {
			kill(self->hog[i], SIGKILL);
			waitpid(self->hog[i], NULL, 0);
			self->hog[i] = 0;
		}
}

FIXTURE_TEARDOWN(promises)
{
	end_hogs(self);
	for (int i = 0; i < 2; i++)
		if (self->vm[i])
			vmqos_vmm_destroy(self->vm[i]);
	vmqos_subject_settle(self->ctx);
	vmqos_subject_gate(self->ctx, true);
	vmqos_close(self->ctx);
}

/* A task of the host that wants all it can get. */
static pid_t hog(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			;
	return pid;
}

/* A VM with a policy. */
static int start(FIXTURE_DATA(promises) *self, int n, int vcpus,
		 const struct vmqos_vmm_workload *workload,
		 const struct vmqos_vm_settings *settings)
{
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "promise%d", n);
	self->vm[n] = vmqos_vmm_create(name, vcpus, 0);
	if (!self->vm[n])
		return -ENOMEM;
	for (int i = 0; i < vcpus; i++) {
		ret = vmqos_vmm_add_vcpu(self->vm[n], workload);
		if (ret < 0)
			return ret;
		vmqos_vmm_start(self->vm[n], i);
	}
	ret = vmqos_subject_adopt(self->ctx, self->vm[n], name, &self->id[n]);
	if (!ret && settings)
		ret = vmqos_vm_set(self->ctx, self->id[n], settings, NULL);
	return ret ? ret : vmqos_subject_wait_attached(self->ctx, self->id[n], vcpus, ATTACH_MS);
}

/* What the scheduler says the VM's vCPUs ran. */
static uint64_t ran(FIXTURE_DATA(promises) *self, int n, int vcpus)
{
	struct vmqos_proc proc = { 0 };
	uint64_t sum = 0;

	for (int i = 0; i < vcpus; i++) {
		vmqos_proc_read(getpid(), vmqos_vmm_tid(self->vm[n], i), &proc);
		sum += proc.run_ns;
	}
	return sum;
}

static const struct vmqos_vmm_workload spin = { .kind = VMQOS_VMM_SPIN };

static struct vmqos_vm_settings reserve(uint32_t reservation)
{
	return (struct vmqos_vm_settings){
		.set = VMQOS_HAS(VMQOS_VM_CPU_RESERVATION), .cpu_reservation = reservation,
	};
}

/* The next event of an unmet reservation: 1, 0 for none in time, or -errno. */
static int next_unmet(struct vmqos_events *events, struct vmqos_unmet *unmet, int ms)
{
	uint64_t end = vmqos_now_ns() + ms * 1000000ull;
	struct vmqos_event event;
	int ret;

	while (vmqos_now_ns() < end) {
		ret = vmqos_events_next(events, &event, 100);
		if (ret < 0)
			return ret;
		if (ret && event.type == VMQOS_EVENT_VM_UNMET) {
			*unmet = event.unmet;
			return 1;
		}
	}
	return 0;
}

TEST_F_TIMEOUT(promises, unmet_for_affinity, 120)
{
	struct vmqos_vm_settings settings = reserve(1500000);
	struct vmqos_events *events;
	struct vmqos_unmet unmet;
	cpu_set_t one, all;

	if (self->cpus < 2)
		SKIP(return, "needs two CPUs");
	ASSERT_EQ(0, vmqos_events_open(self->ctx, &events));
	ASSERT_EQ(0, start(self, 0, 2, &spin, &settings));
	/* All is well at first. */
	EXPECT_EQ(0, next_unmet(events, &unmet, 2500)) {
		TH_LOG("%u of %u, %s", unmet.cpu_received, unmet.cpu_reservation,
		       vmqos_unmet_reason_name(unmet.reason));
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, sched_setaffinity(vmqos_vmm_tid(self->vm[0], i), sizeof(one), &one));
	ASSERT_EQ(1, next_unmet(events, &unmet, 4000));
	TH_LOG("%u of %u, %s", unmet.cpu_received, unmet.cpu_reservation,
	       vmqos_unmet_reason_name(unmet.reason));
	EXPECT_EQ(self->id[0], unmet.id);
	EXPECT_STREQ("promise0", unmet.name);
	EXPECT_EQ(1500000, unmet.cpu_reservation);
	EXPECT_STREQ("affinity", vmqos_unmet_reason_name(unmet.reason));
	EXPECT_GT(unmet.cpu_received, 800000);
	EXPECT_LT(unmet.cpu_received, 1430000);
	/* Told once. */
	EXPECT_EQ(0, next_unmet(events, &unmet, 2500));
	for (int i = 0; i < 2; i++)
		sched_setaffinity(vmqos_vmm_tid(self->vm[0], i), sizeof(all), &all);
	EXPECT_EQ(0, next_unmet(events, &unmet, 2500));
	vmqos_events_close(events);
}

TEST_F_TIMEOUT(promises, unmet_for_host_load, 120)
{
	struct vmqos_vm_settings settings = reserve(900000);
	struct vmqos_events *events;
	struct vmqos_unmet unmet;

	ASSERT_EQ(0, vmqos_events_open(self->ctx, &events));
	ASSERT_EQ(0, start(self, 0, 1, &spin, &settings));
	for (int i = 0; i < 3 * self->cpus && i < MAX_HOGS; i++) {
		self->hog[i] = hog();
		setpriority(PRIO_PROCESS, self->hog[i], -5);
	}
	EXPECT_EQ(1, next_unmet(events, &unmet, 5000));
	end_hogs(self);
	TH_LOG("%u of %u, %s", unmet.cpu_received, unmet.cpu_reservation,
	       vmqos_unmet_reason_name(unmet.reason));
	EXPECT_STREQ("host-load", vmqos_unmet_reason_name(unmet.reason));
	EXPECT_LT(unmet.cpu_received, 850000);
	vmqos_events_close(events);
}

/*
 * What a VM has beside tasks of the host is the scheduler's to say, by their weights:
 * for that there must be a vCPU on each CPU, wherever the scheduler moves them.
 */
TEST_F_TIMEOUT(promises, vcpus_compete_with_the_host, 120)
{
	int vcpus = 2 * self->cpus;
	uint64_t before, begun;
	double received;
	cpu_set_t one, all;

	/* They begin on one CPU, where one at a time is not parked. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_getaffinity(0, sizeof(all), &all);
	ASSERT_EQ(0, start(self, 0, vcpus, &spin, NULL));
	for (int i = 0; i < vcpus; i++) {
		ASSERT_EQ(0, setpriority(PRIO_PROCESS, vmqos_vmm_tid(self->vm[0], i), -10));
		ASSERT_EQ(0, sched_setaffinity(vmqos_vmm_tid(self->vm[0], i), sizeof(one), &one));
	}
	for (int i = 0; i < self->cpus && i < MAX_HOGS; i++)
		self->hog[i] = hog();
	vmqos_sleep_ns(300000000);
	for (int i = 0; i < vcpus; i++)
		sched_setaffinity(vmqos_vmm_tid(self->vm[0], i), sizeof(all), &all);
	vmqos_sleep_ns(300000000);
	before = ran(self, 0, vcpus);
	begun = vmqos_now_ns();
	vmqos_sleep_ns(2000000000);
	received = (double)(ran(self, 0, vcpus) - before) / (vmqos_now_ns() - begun);
	TH_LOG("%.3f of %d CPUs", received, self->cpus);
	/* 9548 against 1024 on each CPU. */
	EXPECT_GT(received, 0.85 * self->cpus);
}

/* One that waits behind tasks of the host is there already: no other is woken for it. */
TEST_F_TIMEOUT(promises, no_more_compete_than_there_are_cpus, 120)
{
	int vcpus = 4 * self->cpus < 16 ? 4 * self->cpus : 16;
	struct vmqos_vm_stat from, to;
	struct vmqos_stats grown;
	double parked;

	ASSERT_EQ(0, start(self, 0, vcpus, &spin, NULL));
	for (int i = 0; i < self->cpus && i < MAX_HOGS; i++) {
		self->hog[i] = hog();
		setpriority(PRIO_PROCESS, self->hog[i], -10);
	}
	vmqos_sleep_ns(1000000000);
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, self->id[0], &from));
	vmqos_sleep_ns(2000000000);
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, self->id[0], &to));
	vmqos_stats_sub(&grown, &to.stats, &from.stats);
	parked = (double)grown.parked_ns / (to.time_ns - from.time_ns);
	TH_LOG("of %d vCPUs %.2f are parked", vcpus, parked);
	/* One is more when the scheduler has moved one that waits, until one of two gives way. */
	EXPECT_GT(parked, vcpus - 1.5 * self->cpus);
	EXPECT_LT(parked, vcpus - 0.9 * self->cpus);
}

struct scheduling {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* The slice a thread has asked for, in ns. */
static uint64_t slice_of(pid_t tid)
{
	struct scheduling attr = { 0 };

	if (syscall(SYS_sched_getattr, tid, &attr, sizeof(attr), 0))
		return 0;
	return attr.runtime;
}

static int ask_for_slice(pid_t tid, uint64_t ns)
{
	struct scheduling attr = { .size = sizeof(attr), .runtime = ns };

	return syscall(SYS_sched_setattr, tid, &attr, 0);
}

/* Mean time from wake-up to run over a while, in ns; 0 when nobody woke up. */
static uint64_t latency(FIXTURE_DATA(promises) *self)
{
	struct vmqos_vm_stat a, b;

	vmqos_sleep_ns(SPAN_NS / 6);
	if (vmqos_vm_stat_get(self->ctx, self->id[0], &a))
		return 0;
	vmqos_sleep_ns(SPAN_NS);
	if (vmqos_vm_stat_get(self->ctx, self->id[0], &b) ||
	    b.stats.wakeups == a.stats.wakeups)
		return 0;
	return (b.stats.latency_ns - a.stats.latency_ns) / (b.stats.wakeups - a.stats.wakeups);
}

TEST_F_TIMEOUT(promises, low_latency, 240)
{
	static const struct vmqos_vmm_workload halt = { .kind = VMQOS_VMM_DUTY,
							.period_us = 10000, .run_us = 1000 };
	struct vmqos_vm_settings settings = { .set = VMQOS_HAS(VMQOS_VM_CPU_LATENCY) };
	uint64_t stock, normal, low, before, owed, slice;
	pid_t tid;

	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, false));
	ASSERT_EQ(0, start(self, 0, 1, &halt, NULL));
	ASSERT_EQ(0, start(self, 1, 2 * self->cpus, &spin, NULL));
	tid = vmqos_vmm_tid(self->vm[0], 0);
	before = slice_of(tid);
	stock = latency(self);
	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, true));
	normal = latency(self);
	owed = slice_of(tid);
	settings.cpu_latency = VMQOS_LATENCY_LOW;
	ASSERT_EQ(0, vmqos_vm_set(self->ctx, self->id[0], &settings, NULL));
	slice = slice_of(tid);
	low = latency(self);
	TH_LOG("woken, it runs after %llu us, with the gate after %llu us, with low latency after %llu us; slice %llu, %llu and %llu us",
	       (unsigned long long)stock / 1000, (unsigned long long)normal / 1000,
	       (unsigned long long)low / 1000, (unsigned long long)before / 1000,
	       (unsigned long long)owed / 1000, (unsigned long long)slice / 1000);
	/* Where sleepers are let ahead at once, as on 6.1, stock can be nothing. */
	ASSERT_GT(normal, 0);
	ASSERT_GT(low, 0);
	if (before) {
		/* The kernel has slices: 6.12 and later. Who sleeps and is owed time has one. */
		EXPECT_EQ(600000, owed);
		EXPECT_EQ(500000, slice);
		EXPECT_LT(normal, stock);
		EXPECT_LT(low, stock);
	}
	settings.cpu_latency = VMQOS_LATENCY_NORMAL;
	ASSERT_EQ(0, vmqos_vm_set(self->ctx, self->id[0], &settings, NULL));
	/* Nobody is owed anything when the gate is off. */
	ASSERT_EQ(0, vmqos_subject_gate(self->ctx, false));
	vmqos_sleep_ns(1000000000);
	EXPECT_EQ(before, slice_of(tid));
	settings.cpu_latency = VMQOS_LATENCY_LOW;
	ASSERT_EQ(0, vmqos_vm_set(self->ctx, self->id[0], &settings, NULL));
	EXPECT_EQ(before ? 500000 : 0, slice_of(tid));
	ASSERT_EQ(0, vmqos_vm_release(self->ctx, self->id[0], NULL));
	ASSERT_EQ(0, vmqos_subject_wait_gone(self->ctx, self->id[0], ATTACH_MS));
	EXPECT_EQ(before, slice_of(tid));
}

static int set_latency(FIXTURE_DATA(promises) *self, enum vmqos_latency_class latency)
{
	struct vmqos_vm_settings settings = { .set = VMQOS_HAS(VMQOS_VM_CPU_LATENCY),
					      .cpu_latency = latency };

	return vmqos_vm_set(self->ctx, self->id[0], &settings, NULL);
}

/* A slice that an administrator sets stays, also one set while the thread has ours. */
TEST_F_TIMEOUT(promises, slice_of_another, 120)
{
	static const uint64_t theirs = 5000000;
	pid_t tid;

	ASSERT_EQ(0, start(self, 0, 1, &spin, NULL));
	tid = vmqos_vmm_tid(self->vm[0], 0);
	if (!slice_of(tid))
		SKIP(return, "this kernel has no slices of threads");
	ASSERT_EQ(0, set_latency(self, VMQOS_LATENCY_LOW));
	ASSERT_EQ(500000, slice_of(tid));
	ASSERT_EQ(0, ask_for_slice(tid, theirs));
	/* The epoch, which follows the class, has been by. */
	vmqos_sleep_ns(200000000);
	EXPECT_EQ(theirs, slice_of(tid));
	ASSERT_EQ(0, set_latency(self, VMQOS_LATENCY_NORMAL));
	EXPECT_EQ(theirs, slice_of(tid));
	ASSERT_EQ(0, set_latency(self, VMQOS_LATENCY_LOW));
	EXPECT_EQ(theirs, slice_of(tid));
	ASSERT_EQ(0, vmqos_vm_release(self->ctx, self->id[0], NULL));
	ASSERT_EQ(0, vmqos_subject_wait_gone(self->ctx, self->id[0], ATTACH_MS));
	EXPECT_EQ(theirs, slice_of(tid));
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = -1;

	if (fd >= 0) {
		ret = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
		close(fd);
	}
	return ret;
}

TEST_F_TIMEOUT(promises, tracepoints, 120)
{
	static const char * const wanted[] = {
		"vmqos_park: vm=", "for=shares", "for=limit", "vmqos_unpark: vm=", "by=turn",
		"vmqos_epoch: vms=2",
	};
	struct vmqos_vm_settings limit = { .set = VMQOS_HAS(VMQOS_VM_CPU_LIMIT),
					   .cpu_limit = 200000 };
	bool found[sizeof(wanted) / sizeof(wanted[0])] = { false };
	char line[512];
	FILE *trace;

	if (access(TRACING "/instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		SKIP(return, "no tracefs: %s", strerror(errno));
	ASSERT_EQ(0, put(INSTANCE "/events/vmqos/enable", "1"));
	ASSERT_EQ(0, start(self, 0, 1, &spin, &limit));
	ASSERT_EQ(0, start(self, 1, 2 * self->cpus, &spin, NULL));
	vmqos_sleep_ns(500000000);
	EXPECT_EQ(0, put(INSTANCE "/events/vmqos/enable", "0"));
	trace = fopen(INSTANCE "/trace", "r");
	ASSERT_NE(NULL, trace);
	while (fgets(line, sizeof(line), trace))
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			found[i] |= !!strstr(line, wanted[i]);
	fclose(trace);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!found[i])
			TH_LOG("no \"%s\" in the trace", wanted[i]);
		EXPECT_TRUE(found[i]);
	}
	EXPECT_EQ(0, rmdir(INSTANCE));
}

TEST_HARNESS_MAIN
