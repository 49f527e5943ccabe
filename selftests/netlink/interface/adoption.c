// SPDX-License-Identifier: GPL-2.0
/*
 * Adoption and release: descriptors that are no VM, processes that are not its
 * VMM, VMs of other processes, VMs that end, and everything done twice.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "common.h"

struct setting {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct vmqos_vmm_vm *vm;
	char name[64];
};

static void set_up(struct __test_metadata *_metadata, struct setting *s, int vcpus,
		   const struct vmqos_vmm_workload *workload)
{
	memset(s, 0, sizeof(*s));
	MUST_OPEN(&s->raw);
	s->vm = make_vm(vcpus, workload);
	ASSERT_NE(NULL, s->vm);
	own_name(s->name, sizeof(s->name), "adopt");
}

static void tear_down(struct setting *s)
{
	vmqos_vmm_destroy(s->vm);
	vmqos_raw_free(&s->answer);
	vmqos_raw_close(&s->raw);
}

TEST(adopted_and_released)
{
	struct vmqos_state state;
	struct setting s;
	uint32_t id;

	set_up(_metadata, &s, 2, &spin);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL))
		TH_LOG("%s", s.answer.sentence);
	EXPECT_EQ(1, s.answer.replies);
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_ADOPT);
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EQ(getpid(), (int)vmqos_answer_u32(&s.answer, VMQOS_VM_A_PID));
	EXPECT_EQ(2, vmqos_answer_u32(&s.answer, VMQOS_VM_A_VCPUS));
	EXPECT_EQ(VMQOS_VM_STATE_ACTIVE, vmqos_answer_u32(&s.answer, VMQOS_VM_A_STATE));
	EXPECT_STREQ(s.name, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	EXPECT_EQ(0, vmqos_wait_attached(&s.raw, id, 2, PATIENCE));
	/* A vCPU that comes later is found by itself. */
	ASSERT_EQ(2, vmqos_vmm_add_vcpu(s.vm, &spin));
	ASSERT_EQ(0, vmqos_vmm_start(s.vm, 2));
	EXPECT_EQ(0, vmqos_wait_attached(&s.raw, id, 3, PATIENCE));
	ASSERT_EQ(0, vmqos_vcpu_get(&s.raw, &s.answer, id, 2));
	EXPECT_EQ(vmqos_vmm_tid(s.vm, 2), (int)vmqos_answer_u32(&s.answer, VMQOS_VCPU_A_TID));
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VCPU_STAT_GET);
	/* The module is in use. */
	EXPECT_EQ(-1, syscall(SYS_delete_module, "vmqos", O_NONBLOCK));
	EXPECT_TRUE(errno == EWOULDBLOCK || errno == EBUSY);
	ASSERT_EQ(0, vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, s.name));
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_RELEASE);
	EXPECT_EQ(id, vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
	EXPECT_EQ(0, vmqos_wait_gone(&s.raw, id, PATIENCE));
	EXPECT_REFUSED(vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, id), ENOENT, &s.answer);
	EXPECT_REFUSED(vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, s.name), ENOENT,
		       &s.answer);
	EXPECT_REFUSED(vmqos_vm_set(&s.raw, &s.answer, id, "gone", NULL), ENOENT, &s.answer);
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &state));
	EXPECT_EQ(NULL, vmqos_state_find(&state, id));
	vmqos_state_free(&state);
	/* It can be adopted again, under another number. */
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	EXPECT_NE(id, vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EQ(0, vmqos_wait_attached(&s.raw, id, 3, PATIENCE));
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, id, PATIENCE));
	tear_down(&s);
}

TEST(a_vm_is_adopted_once)
{
	struct vmqos_state before;
	struct setting s;
	uint32_t id;
	int copy;

	set_up(_metadata, &s, 1, &paused);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	copy = dup(vmqos_vmm_fd(s.vm));
	EXPECT_REFUSED(vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), "again", NULL),
		       EEXIST, &s.answer);
	EXPECT_REFUSED(vmqos_adopt(&s.raw, &s.answer, copy, getpid(), NULL, NULL), EEXIST,
		       &s.answer);
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	close(copy);
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, id, PATIENCE));
	tear_down(&s);
}

/* A file whose descriptor bears KVM's name for a VM, as far as user space can make one. */
static int impostor(void)
{
	char path[] = "/dev/shm/kvm-vm";
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	unlink(path);
	return fd;
}

TEST(what_is_no_vm_is_refused)
{
	struct vmqos_state before;
	struct vmqos_raw_msg msg;
	struct setting s;
	int fds[24], pipes[2], n = 0, i;
	sigset_t none;

	set_up(_metadata, &s, 1, &paused);
	if (!s.vm)
		return;
	sigemptyset(&none);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	fds[n++] = open("/proc/self/exe", O_RDONLY);
	fds[n++] = open("/dev/null", O_RDWR);
	fds[n++] = open("/", O_RDONLY | O_DIRECTORY);
	fds[n++] = open("/", O_PATH);
	fds[n++] = open("/dev/kvm", O_RDWR);
	fds[n++] = vmqos_vmm_vcpu_fd(s.vm, 0);
	fds[n++] = ioctl(vmqos_vmm_vcpu_fd(s.vm, 0), KVM_GET_STATS_FD, 0);
	fds[n++] = ioctl(vmqos_vmm_fd(s.vm), KVM_GET_STATS_FD, 0);
	fds[n++] = eventfd(0, 0);
	fds[n++] = epoll_create1(0);
	fds[n++] = timerfd_create(CLOCK_MONOTONIC, 0);
	fds[n++] = signalfd(-1, &none, 0);
	fds[n++] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[n++] = s.raw.fd;
	fds[n++] = pipes[0];
	fds[n++] = memfd_create("kvm-vm", 0);
	fds[n++] = vmqos_pidfd_open(getpid());
	fds[n++] = impostor();
	fds[n++] = -1;
	fds[n++] = INT32_MIN + 1;
	fds[n++] = 1000000;
	fds[n++] = INT32_MAX;
	for (i = 0; i < n; i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_ADOPT, NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_VM_FD, fds[i]);
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_PID, getpid());
		ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
		EXPECT_REFUSED(-s.answer.error, EBADF, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_VM_A_VM_FD, &s.answer);
		if (s.answer.error != EBADF)
			TH_LOG("descriptor %d of the list: error %d", i, s.answer.error);
	}
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	tear_down(&s);
}

static void *sleeper(void *tid)
{
	__atomic_store_n((pid_t *)tid, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	pause();
	return NULL;
}

TEST(who_is_not_the_vmm_is_refused)
{
	pid_t pids[10], dead, zombie, thread_id = 0;
	struct vmqos_state before;
	struct vmqos_raw_msg msg;
	struct setting s;
	pthread_t thread;
	siginfo_t info;
	int n = 0, i;

	set_up(_metadata, &s, 1, &spin);
	if (!s.vm)
		return;
	ASSERT_EQ(0, pthread_create(&thread, NULL, sleeper, &thread_id));
	while (!__atomic_load_n(&thread_id, __ATOMIC_SEQ_CST))
		sched_yield();
	dead = fork();
	if (!dead)
		_exit(0);
	ASSERT_EQ(dead, waitpid(dead, NULL, 0));
	zombie = fork();
	if (!zombie)
		_exit(0);
	ASSERT_EQ(0, waitid(P_PID, zombie, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	pids[n++] = 1;
	pids[n++] = getppid();
	pids[n++] = 2;				/* kthreadd */
	pids[n++] = thread_id;
	pids[n++] = vmqos_vmm_tid(s.vm, 0);
	pids[n++] = dead;
	pids[n++] = zombie;
	pids[n++] = 0;
	pids[n++] = -1;
	pids[n++] = 0x7fffffff;
	for (i = 0; i < n; i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_ADOPT, NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_VM_FD, vmqos_vmm_fd(s.vm));
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_PID, pids[i]);
		ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
		EXPECT_REFUSED(-s.answer.error, 0, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_VM_A_PID, &s.answer);
		if (!s.answer.error)
			TH_LOG("process %d of the list was accepted", i);
	}
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	waitpid(zombie, NULL, 0);
	tear_down(&s);
}

TEST(a_vm_of_another_process)
{
	struct vmqos_peer peer;
	struct setting s;
	uint32_t id;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_peer_start(&peer, &spin, 2));
	ASSERT_LE(0, vmqos_peer_getfd(&peer));
	EXPECT_REFUSED(vmqos_adopt(&s.raw, &s.answer, peer.vm_fd, getpid(), s.name, NULL), EINVAL,
		       &s.answer);
	/* Our own VM is not theirs either. */
	EXPECT_REFUSED(vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), peer.pid, s.name, NULL),
		       EINVAL, &s.answer);
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, peer.vm_fd, peer.pid, s.name, NULL))
		TH_LOG("%s", s.answer.sentence);
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EQ(peer.pid, (int)vmqos_answer_u32(&s.answer, VMQOS_VM_A_PID));
	EXPECT_EQ(0, vmqos_wait_attached(&s.raw, id, 2, PATIENCE));
	/* While we hold the descriptor the VM outlives its process. */
	vmqos_peer_close_vm(&peer);
	vmqos_peer_kill(&peer);
	EXPECT_EQ(0, vmqos_wait_gone(&s.raw, id, PATIENCE));
	tear_down(&s);
}

TEST(a_vm_that_ends_is_forgotten)
{
	struct vmqos_peer peer;
	struct setting s;
	uint32_t id;
	int way;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	for (way = 0; way < 4; way++) {
		ASSERT_EQ(0, vmqos_peer_start(&peer, way & 1 ? &halt : &spin, 1));
		ASSERT_LE(0, vmqos_peer_getfd(&peer));
		ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, peer.vm_fd, peer.pid, s.name, NULL));
		id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
		EXPECT_EQ(0, vmqos_wait_attached(&s.raw, id, 1, PATIENCE));
		vmqos_peer_close_vm(&peer);
		if (way == 0) {
			vmqos_peer_kill(&peer);
		} else if (way == 1) {
			/* The VMM lives on, its VM does not. */
			EXPECT_EQ(0, vmqos_peer_order(&peer, VMQOS_PEER_DROP_VM));
		} else if (way == 2) {
			vmqos_peer_order(&peer, VMQOS_PEER_EXIT);
		} else {
			kill(peer.pid, SIGSTOP);
			kill(peer.pid, SIGKILL);
		}
		EXPECT_EQ(0, vmqos_wait_gone(&s.raw, id, PATIENCE)) TH_LOG("way %d", way);
		vmqos_peer_kill(&peer);
	}
	tear_down(&s);
}

TEST(a_stopped_vm_is_releasing_until_it_goes_on)
{
	struct vmqos_peer peer;
	struct setting s;
	uint32_t id;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_peer_start(&peer, &spin, 2));
	ASSERT_LE(0, vmqos_peer_getfd(&peer));
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, peer.vm_fd, peer.pid, s.name, NULL));
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_wait_attached(&s.raw, id, 2, PATIENCE));
	ASSERT_EQ(0, vmqos_peer_stop(&peer));
	EXPECT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, id));
	EXPECT_EQ(VMQOS_VM_STATE_RELEASING, vmqos_answer_u32(&s.answer, VMQOS_VM_A_STATE));
	/* Twice is as good as once; but it cannot be changed or adopted again. */
	EXPECT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, id));
	EXPECT_REFUSED(vmqos_vm_set(&s.raw, &s.answer, id, "late", NULL), 0, &s.answer);
	EXPECT_REFUSED(vmqos_adopt(&s.raw, &s.answer, peer.vm_fd, peer.pid, "new", NULL), EEXIST,
		       &s.answer);
	EXPECT_EQ(-ETIMEDOUT, vmqos_wait_gone(&s.raw, id, 500));
	kill(peer.pid, SIGCONT);
	EXPECT_EQ(0, vmqos_wait_gone(&s.raw, id, PATIENCE));
	vmqos_peer_kill(&peer);
	tear_down(&s);
}

TEST(unknown_vms_are_not_found)
{
	static const uint8_t cmds[] = { VMQOS_CMD_VM_GET, VMQOS_CMD_VM_RELEASE,
					VMQOS_CMD_VM_STAT_GET };
	static const uint32_t ids[] = { 0, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff };
	struct setting s;
	unsigned int i, j;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	for (i = 0; i < sizeof(cmds); i++) {
		for (j = 0; j < sizeof(ids) / sizeof(ids[0]); j++)
			EXPECT_REFUSED(vmqos_by_id(&s.raw, &s.answer, cmds[i], ids[j]), ENOENT,
				       &s.answer);
		EXPECT_REFUSED(vmqos_by_name(&s.raw, &s.answer, cmds[i], "no-such-vm"), ENOENT,
			       &s.answer);
	}
	EXPECT_REFUSED(vmqos_vm_set(&s.raw, &s.answer, 0x7ffffffe, "x", NULL), ENOENT, &s.answer);
	EXPECT_REFUSED(vmqos_vcpu_get(&s.raw, &s.answer, 0x7ffffffe, 0), ENOENT, &s.answer);
	tear_down(&s);
}

/* A number and a name that mean different VMs must not hit one of them. */
TEST(number_and_name_must_agree)
{
	static const uint8_t cmds[] = { VMQOS_CMD_VM_GET, VMQOS_CMD_VM_STAT_GET,
					VMQOS_CMD_VM_RELEASE };
	struct vmqos_state before;
	struct vmqos_vmm_vm *second;
	struct vmqos_raw_msg msg;
	struct setting s;
	uint32_t ids[2];
	char other[64];
	unsigned int i;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	second = make_vm(0, &paused);
	ASSERT_NE(NULL, second);
	own_name(other, sizeof(other), "other");
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	ids[0] = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(second), getpid(), other, NULL));
	ids[1] = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	for (i = 0; i < sizeof(cmds); i++) {
		vmqos_raw_begin(&s.raw, &msg, cmds[i], NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, ids[0]);
		vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, other);
		ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
		EXPECT_REFUSED(-s.answer.error, 0, &s.answer);
	}
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, ids[i], PATIENCE));
	vmqos_vmm_destroy(second);
	tear_down(&s);
}

TEST_HARNESS_MAIN
