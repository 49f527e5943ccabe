// SPDX-License-Identifier: GPL-2.0
/*
 * The life of adopted VMs as seen from user space: vCPUs that come later, threads
 * that are replaced, several VMs in one process, release, adoption of all, death.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "subject.h"

#define ATTACH_MS	10000
#define GONE_MS		10000

FIXTURE(life)
{
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm;
};

FIXTURE_SETUP(life)
{
	const char *missing = vmqos_subject_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	self->vm = vmqos_vmm_create("life", 8, 0);
	ASSERT_NE(NULL, self->vm);
}

FIXTURE_TEARDOWN(life)
{
	vmqos_vmm_destroy(self->vm);
	vmqos_subject_settle(self->ctx);
	vmqos_close(self->ctx);
}

static int add(struct vmqos_vmm_vm *vm, const char *text)
{
	struct vmqos_vmm_workload workload;
	int vcpu = vmqos_vmm_parse_workload(text, &workload);

	if (!vcpu)
		vcpu = vmqos_vmm_add_vcpu(vm, &workload);
	return vcpu < 0 ? vcpu : vmqos_vmm_start(vm, vcpu);
}

/* A vCPU made after the adoption is found, and its time is right from then on. */
TEST_F_TIMEOUT(life, hotplugged_vcpu, 60)
{
	struct vmqos_vcpu *vcpu;
	struct vmqos_sample a, b;
	uint32_t id;
	size_t count;

	ASSERT_EQ(0, add(self->vm, "halt:10000"));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "hotplug", &id));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 1, ATTACH_MS));
	ASSERT_EQ(0, add(self->vm, "spin"));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 2, ATTACH_MS));
	ASSERT_EQ(0, vmqos_vcpu_stat_dump(self->ctx, id, &vcpu, &count));
	ASSERT_EQ(2, count);
	EXPECT_EQ(vmqos_vmm_tid(self->vm, 1), vcpu[1].tid);
	EXPECT_EQ(1, vcpu[1].vcpu_id);
	EXPECT_EQ(VMQOS_VCPU_ATTACHED, vcpu[1].state);
	free(vcpu);
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, id, 1, getpid(),
					  vmqos_vmm_tid(self->vm, 1), &a));
	vmqos_sleep_ns(1000000000);
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, id, 1, getpid(),
					  vmqos_vmm_tid(self->vm, 1), &b));
	EXPECT_GT(b.vcpu.stats.run_ns, a.vcpu.stats.run_ns);
	/* The truth itself is known to half the time that reading took. */
	EXPECT_TRUE(vmqos_subject_near(b.vcpu.stats.run_ns - a.vcpu.stats.run_ns,
				       b.proc.run_ns - a.proc.run_ns,
				       (b.now - a.now) / 1000 + (a.gap_ns + b.gap_ns) / 2));
}

/* A vCPU that no thread ever ran is there, without a thread and without time. */
TEST_F_TIMEOUT(life, unstarted_vcpu, 60)
{
	struct vmqos_vcpu vcpu;
	uint32_t id;

	ASSERT_EQ(0, add(self->vm, "paused"));
	ASSERT_EQ(0, add(self->vm, "spin"));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "unstarted", &id));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 1, ATTACH_MS));
	vmqos_sleep_ns(300000000);
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 0, &vcpu));
	EXPECT_EQ(VMQOS_VCPU_UNSTARTED, vcpu.state);
	EXPECT_EQ(0, vcpu.tid);
	EXPECT_EQ(0, vcpu.stats.run_ns);
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 1, &vcpu));
	EXPECT_EQ(VMQOS_VCPU_ATTACHED, vcpu.state);
}

/* A vCPU that is halted while it is adopted is not woken for that, and counted all the same. */
TEST_F_TIMEOUT(life, halted_vcpu, 60)
{
	struct vmqos_sample a, b;
	struct vmqos_stats grown;
	uint32_t id;

	ASSERT_EQ(0, add(self->vm, "idle"));
	ASSERT_EQ(0, vmqos_proc_wait_blocked(getpid(), vmqos_vmm_tid(self->vm, 0)));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "halted", &id));
	vmqos_sleep_ns(300000000);
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, id, 0, getpid(),
					  vmqos_vmm_tid(self->vm, 0), &a));
	vmqos_sleep_ns(500000000);
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, id, 0, getpid(),
					  vmqos_vmm_tid(self->vm, 0), &b));
	EXPECT_EQ(VMQOS_VCPU_PENDING, b.vcpu.state);
	EXPECT_EQ(vmqos_vmm_tid(self->vm, 0), b.vcpu.tid);
	EXPECT_EQ(a.proc.voluntary, b.proc.voluntary);
	vmqos_stats_sub(&grown, &b.vcpu.stats, &a.vcpu.stats);
	EXPECT_EQ(0, grown.run_ns);
	EXPECT_EQ(0, grown.ready_ns);
	EXPECT_TRUE(vmqos_subject_near(grown.blocked_ns, b.now - a.now,
				       1000000 + (a.gap_ns + b.gap_ns) / 2));
	/* Its first wake-up brings the hook; nothing of the sleep is lost. */
	ASSERT_EQ(0, vmqos_vmm_stop(self->vm, 0));
	ASSERT_EQ(0, vmqos_vmm_start(self->vm, 0));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 1, ATTACH_MS));
	/* Halted again, or the two readings are of different moments. */
	ASSERT_EQ(0, vmqos_proc_wait_blocked(getpid(), vmqos_vmm_tid(self->vm, 0)));
	ASSERT_EQ(0, vmqos_subject_sample(self->ctx, id, 0, getpid(),
					  vmqos_vmm_tid(self->vm, 0), &b));
	vmqos_stats_sub(&grown, &b.vcpu.stats, &a.vcpu.stats);
	EXPECT_EQ(b.proc.run_ns - a.proc.run_ns, grown.run_ns);
	EXPECT_TRUE(vmqos_subject_near(grown.run_ns + grown.ready_ns + grown.blocked_ns,
				       b.now - a.now, 1000000 + (a.gap_ns + b.gap_ns) / 2));
}

/* When another thread takes over a vCPU, its counters go on from where they were. */
TEST_F_TIMEOUT(life, replaced_thread, 60)
{
	struct vmqos_vcpu before, after;
	uint32_t id;
	pid_t tid;

	ASSERT_EQ(0, add(self->vm, "spin"));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "replaced", &id));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 1, ATTACH_MS));
	vmqos_sleep_ns(300000000);
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 0, &before));
	tid = vmqos_vmm_tid(self->vm, 0);
	EXPECT_EQ(tid, before.tid);
	ASSERT_EQ(0, vmqos_vmm_rethread(self->vm, 0));
	EXPECT_NE(tid, vmqos_vmm_tid(self->vm, 0));
	for (int i = 0; i < ATTACH_MS / 20; i++) {
		vmqos_sleep_ns(20000000);
		ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 0, &after));
		if (after.state == VMQOS_VCPU_ATTACHED &&
		    after.tid == (uint32_t)vmqos_vmm_tid(self->vm, 0))
			break;
	}
	EXPECT_EQ(vmqos_vmm_tid(self->vm, 0), after.tid);
	EXPECT_EQ(VMQOS_VCPU_ATTACHED, after.state);
	EXPECT_GE(after.stats.run_ns, before.stats.run_ns);
	EXPECT_GE(after.stats.wall_ns, before.stats.wall_ns);
	vmqos_sleep_ns(300000000);
	before = after;
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 0, &after));
	EXPECT_GT(after.stats.run_ns, before.stats.run_ns);
}

/* A vCPU whose thread has ended keeps what it had. */
TEST_F_TIMEOUT(life, ended_thread, 60)
{
	struct vmqos_vcpu vcpu = { 0 };
	struct vmqos_vm_stat before, after;
	uint32_t id;

	ASSERT_EQ(0, add(self->vm, "spin"));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "ended", &id));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 1, ATTACH_MS));
	vmqos_sleep_ns(300000000);
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, id, &before));
	ASSERT_EQ(0, vmqos_vmm_end_thread(self->vm, 0));
	for (int i = 0; i < GONE_MS / 20 && vcpu.state != VMQOS_VCPU_LEFT; i++) {
		vmqos_sleep_ns(20000000);
		ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 0, &vcpu));
	}
	EXPECT_EQ(VMQOS_VCPU_LEFT, vcpu.state);
	EXPECT_EQ(0, vcpu.tid);
	EXPECT_GE(vcpu.stats.run_ns, before.stats.run_ns);
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, id, &before));
	vmqos_sleep_ns(200000000);
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, id, &after));
	EXPECT_EQ(before.stats.run_ns, after.stats.run_ns);
	EXPECT_EQ(before.stats.wall_ns, after.stats.wall_ns);
}

/* Two VMs of one process are two VMs, each with its own time. */
TEST_F_TIMEOUT(life, two_vms_in_a_process, 60)
{
	struct vmqos_vmm_vm *second = vmqos_vmm_create("second", 8, 0);
	struct vmqos_sample a[2], b[2];
	struct vmqos_vm_stat stat;
	struct vmqos_vcpu vcpu[2];
	struct vmqos_vm *vms;
	size_t count;

	ASSERT_NE(NULL, second);
	ASSERT_EQ(0, add(self->vm, "spin"));
	ASSERT_EQ(0, add(second, "halt:10000"));
	ASSERT_EQ(0, vmqos_vm_adopt_pid(self->ctx, getpid(), NULL, &vms, &count)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
	ASSERT_EQ(2, count);
	EXPECT_NE(vms[0].id, vms[1].id);
	EXPECT_STRNE(vms[0].name, vms[1].name);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, vms[i].id, 1, ATTACH_MS));
		ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, vms[i].id, 0, &vcpu[i]));
		ASSERT_EQ(0, vmqos_subject_sample(self->ctx, vms[i].id, 0, getpid(), vcpu[i].tid,
						  &a[i]));
	}
	EXPECT_EQ(vmqos_vmm_tid(self->vm, 0) + vmqos_vmm_tid(second, 0),
		  (pid_t)(vcpu[0].tid + vcpu[1].tid));
	EXPECT_NE(vcpu[0].tid, vcpu[1].tid);
	vmqos_sleep_ns(500000000);
	/* The VM's own vCPU and nothing of the other one. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vmqos_subject_sample(self->ctx, vms[i].id, 0, getpid(), vcpu[i].tid,
						  &b[i]));
		EXPECT_TRUE(vmqos_subject_near(b[i].vcpu.stats.run_ns - a[i].vcpu.stats.run_ns,
					       b[i].proc.run_ns - a[i].proc.run_ns,
					       (b[i].now - a[i].now) / 1000 +
					       (a[i].gap_ns + b[i].gap_ns) / 2));
	}
	for (int i = 0; i < 2; i++) {
		vmqos_vmm_stop(i ? second : self->vm, 0);
		ASSERT_EQ(0, vmqos_proc_wait_blocked(getpid(), vcpu[i].tid));
	}
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, vms[i].id, 0, &vcpu[i]));
		ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, vms[i].id, &stat));
		EXPECT_EQ(vcpu[i].stats.run_ns, stat.stats.run_ns);
	}
	EXPECT_EQ(-EEXIST, vmqos_vm_adopt_pid(self->ctx, getpid(), NULL, NULL, NULL));
	free(vms);
	vmqos_vmm_destroy(second);
}

/* A released VM is gone and runs on; adopted again it starts from nothing. */
TEST_F_TIMEOUT(life, release_and_again, 60)
{
	struct vmqos_vmm_counts before, after;
	struct vmqos_vcpu first, again;
	struct vmqos_vm vm;
	uint32_t id;

	ASSERT_EQ(0, add(self->vm, "spin"));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "released", &id));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 1, ATTACH_MS));
	vmqos_sleep_ns(1000000000);
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 0, &first));
	ASSERT_EQ(0, vmqos_vm_release(self->ctx, id, NULL));
	ASSERT_EQ(0, vmqos_subject_wait_gone(self->ctx, id, GONE_MS));
	EXPECT_EQ(-ENOENT, vmqos_vm_get_by_name(self->ctx, "released", &vm));
	EXPECT_EQ(-ENOENT, vmqos_vm_release(self->ctx, id, NULL));
	vmqos_vmm_counts(self->vm, 0, &before);
	vmqos_sleep_ns(300000000);
	vmqos_vmm_counts(self->vm, 0, &after);
	EXPECT_GT(after.work, before.work);
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "released", &id));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, id, 1, ATTACH_MS));
	ASSERT_EQ(0, vmqos_vcpu_stat_get(self->ctx, id, 0, &again));
	EXPECT_LT(again.stats.run_ns, first.stats.run_ns);
	EXPECT_LT(again.stats.wall_ns, first.stats.wall_ns);
}

/* The VM's name and the VM itself can be adopted once. */
TEST_F_TIMEOUT(life, adopted_once, 60)
{
	struct vmqos_vmm_vm *second = vmqos_vmm_create("second", 8, 0);
	uint32_t id, other;

	ASSERT_NE(NULL, second);
	ASSERT_EQ(0, add(self->vm, "idle"));
	ASSERT_EQ(0, add(second, "idle"));
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "once", &id));
	EXPECT_EQ(-EEXIST, vmqos_subject_adopt(self->ctx, self->vm, "twice", &other));
	EXPECT_EQ(-EEXIST, vmqos_subject_adopt(self->ctx, second, "once", &other));
	EXPECT_EQ(0, vmqos_subject_adopt(self->ctx, second, "twice", &other));
	vmqos_vmm_destroy(second);
}

/* Start the program vmm; it ends with us. Returns its PID once it is ready. */
static pid_t start_vmm(const char *name, const char *workload)
{
	static const char *const places[] = { "../bin/vmm", "../vmm", "../build/selftests/vmm" };
	int out[2], got;
	char all[4096];
	size_t size = 0;
	pid_t pid;

	if (pipe(out) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], 1);
		for (size_t i = 0; i < ARRAY_SIZE(places); i++)
			if (!access(places[i], X_OK))
				execl(places[i], "vmm", "--name", name, workload, NULL);
		execlp("vmm", "vmm", "--name", name, workload, NULL);
		_exit(127);
	}
	close(out[1]);
	do {
		got = read(out[0], all + size, sizeof(all) - 1 - size);
		if (got <= 0)
			return -1;
		size += got;
		all[size] = 0;
	} while (!strstr(all, "ready\n"));
	/* Left open: the VMM must not be hit by SIGPIPE. */
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
	return pid;
}

/* Wait for an event of one type about one VM. */
static int wait_event(struct vmqos_events *events, unsigned int type, uint32_t id,
		      int timeout_ms)
{
	uint64_t end = vmqos_now_ns() + timeout_ms * 1000000ull;
	struct vmqos_event event;
	int ret;

	while (vmqos_now_ns() < end) {
		ret = vmqos_events_next(events, &event, 50);
		if (ret < 0)
			return ret;
		if (ret && event.type == type && event.vm.id == id)
			return 0;
	}
	return -ETIMEDOUT;
}

/* When a VMM is killed its VM is forgotten, and an event says so. */
TEST_F_TIMEOUT(life, death_is_told, 60)
{
	struct vmqos_events *events;
	struct vmqos_vm *vms, vm;
	size_t count;
	pid_t pid;

	ASSERT_EQ(0, vmqos_events_open(self->ctx, &events));
	pid = start_vmm("mortal", "spin");
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, vmqos_vm_adopt_pid(self->ctx, pid, NULL, &vms, &count)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
	ASSERT_EQ(1, count);
	EXPECT_EQ(0, wait_event(events, VMQOS_EVENT_VM_ADOPT, vms[0].id, ATTACH_MS));
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, vms[0].id, 1, ATTACH_MS));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, wait_event(events, VMQOS_EVENT_VM_RELEASE, vms[0].id, GONE_MS));
	EXPECT_EQ(-ENOENT, vmqos_vm_get(self->ctx, vms[0].id, &vm));
	free(vms);
	vmqos_events_close(events);
}

/* All VMs of the machine in one go, and nothing is left for a second. */
TEST_F_TIMEOUT(life, adopt_all, 90)
{
	static const char *const name[] = { "alpha", "beta", "gamma" };
	struct vmqos_adoption adoption;
	struct vmqos_vm vm;
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = start_vmm(name[i], "halt:10000");
		ASSERT_LT(0, pid[i]);
	}
	ASSERT_EQ(0, vmqos_vm_adopt_all(self->ctx, &adoption)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
	/* Ours of the fixture is one of them. */
	EXPECT_LE(4, adoption.vm_count);
	vmqos_adoption_free(&adoption);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, vmqos_vm_find(self->ctx, name[i], &vm));
		EXPECT_EQ(pid[i], vm.pid);
		EXPECT_EQ(0, vmqos_subject_wait_attached(self->ctx, vm.id, 1, ATTACH_MS));
	}
	ASSERT_EQ(0, vmqos_vm_adopt_all(self->ctx, &adoption));
	EXPECT_EQ(0, adoption.vm_count);
	vmqos_adoption_free(&adoption);
	for (int i = 0; i < 3; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
}

/* A stopped VMM has no run time; a release waits for it without blocking anybody. */
TEST_F_TIMEOUT(life, stopped_vmm, 60)
{
	struct vmqos_vm_stat before, after;
	struct vmqos_vm *vms, vm;
	size_t count;
	pid_t pid;

	pid = start_vmm("asleep", "spin");
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, vmqos_vm_adopt_pid(self->ctx, pid, NULL, &vms, &count));
	ASSERT_EQ(1, count);
	ASSERT_EQ(0, vmqos_subject_wait_attached(self->ctx, vms[0].id, 1, ATTACH_MS));
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	vmqos_sleep_ns(50000000);
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, vms[0].id, &before));
	vmqos_sleep_ns(500000000);
	ASSERT_EQ(0, vmqos_vm_stat_get(self->ctx, vms[0].id, &after));
	EXPECT_EQ(before.stats.run_ns, after.stats.run_ns);
	EXPECT_EQ(before.stats.ready_ns, after.stats.ready_ns);
	EXPECT_GE(after.stats.blocked_ns - before.stats.blocked_ns, 450000000);

	ASSERT_EQ(0, vmqos_vm_release(self->ctx, vms[0].id, &vm));
	EXPECT_EQ(VMQOS_VM_RELEASING, vm.state);
	ASSERT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(0, vmqos_subject_wait_gone(self->ctx, vms[0].id, GONE_MS));
	EXPECT_EQ(0, kill(pid, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(vms);
}

TEST_HARNESS_MAIN
