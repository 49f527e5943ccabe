// SPDX-License-Identifier: GPL-2.0
/*
 * VMs that come and go in ways that are awkward for vmqosd: killed at any moment, stopped,
 * made by threads that are gone, announced before they are to be seen; and uevents that are
 * lost or forged.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common.h"

/* KVM_CREATE_VM ends early for a signal that is none, such as that of a child that stops. */
static int create_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	do
		vm = ioctl(kvm, KVM_CREATE_VM, 0);
	while (vm < 0 && errno == EINTR);
	close(kvm);
	return vm;
}

/* A process that makes a VM and then does nothing. */
static pid_t bare_vm(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (create_vm() < 0)
		_exit(1);
	for (;;)
		pause();
}

/* Kills VMs of a certain age, in µs; returns how many of them had been adopted. */
static int kill_vms(struct __test_metadata *_metadata, struct vmqos_service *service, int vms,
		    int64_t youngest_us, int64_t step_us)
{
	unsigned int before = vmqos_service_count(service, "adopted VM ");
	int i, status;
	pid_t pid;

	for (i = 0; i < vms; i++) {
		pid = bare_vm();
		ASSERT_LT(0, pid);
		usleep(youngest_us + i * step_us);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		vmqos_service_nap(service);
	}
	return vmqos_service_count(service, "adopted VM ") - before;
}

TEST_F(vmqosd, killed_while_adopted)
{
	enum { KILLS = 50, STEP_US = 400 };
	int i, adopted, took_ms, takes_ms = PATIENCE;
	struct vmqos_host host = { .vms = 1 };
	int64_t age_us;
	pid_t pid;

	START("--verbose");
	/* On a slow host an adoption takes longer, and so does what comes before. */
	for (i = 0; i < 3; i++) {
		pid = bare_vm();
		ASSERT_LT(0, pid);
		took_ms = vmqos_service_wait_vms(&self->s, 1);
		if (took_ms < takes_ms)
			takes_ms = took_ms;
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		vmqos_service_wait_vms(&self->s, 0);
	}
	TH_LOG("an adoption takes %d ms", takes_ms);
	/* From before the VM is there until well after it is adopted. */
	age_us = takes_ms * 2 * 1000ll;
	if (age_us < KILLS * STEP_US)
		age_us = KILLS * STEP_US;
	adopted = kill_vms(_metadata, &self->s, KILLS, 0, age_us / KILLS);
	TH_LOG("of %d killed VMs %d were adopted before", KILLS, adopted);
	/* Otherwise the kills missed what they were to hit. */
	EXPECT_GT(KILLS, adopted);
	for (; !adopted && age_us < PATIENCE * 1000; age_us *= 2)
		adopted = kill_vms(_metadata, &self->s, 1, age_us, 0);
	EXPECT_LT(0, adopted);
	EXPECT_TRUE(vmqos_service_alive(&self->s));
	ASSERT_LE(0, STANDIN(.name = "survivor", .vcpus = 1));
	EXPECT_ADOPTED("survivor");
	vmqos_service_wait_vms(&self->s, 1);
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_EQ(1, host.vms);
	EXPECT_NOT_LOGGED("error");
	EXPECT_NOT_LOGGED("warning");
	EXPECT_NOT_LOGGED("administrator");
}

/* A stopped VMM neither holds vmqosd up nor keeps its VM from being adopted. */
TEST_F(vmqosd, stopped_vmm)
{
	int64_t end = vmqos_service_now_ms() + PATIENCE;
	struct vmqos_process process = { 0 };
	pid_t pid;

	pid = bare_vm();
	ASSERT_LT(0, pid);
	while (!process.vms && vmqos_service_now_ms() < end) {
		vmqos_service_nap(&self->s);
		ASSERT_EQ(0, vmqos_process_identify(self->s.ctx, pid, &process));
	}
	ASSERT_EQ(1, process.vms);
	kill(pid, SIGSTOP);
	START();
	EXPECT_EQ(1, vmqos_service_count(&self->s, "adopted VM "));
	ASSERT_LE(0, STANDIN(.name = "next", .vcpus = 1));
	EXPECT_ADOPTED("next");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct maker {
	pid_t tid;
	int vm;
};

static void *make_vm(void *data)
{
	struct maker *maker = data;

	maker->tid = gettid();
	maker->vm = create_vm();
	return NULL;
}

/* The VM of a thread that has ended by the time it is looked for. */
TEST_F(vmqosd, maker_has_ended)
{
	struct maker maker = { .vm = -1 };
	pthread_t thread;
	char path[64];

	START("--verbose");
	kill(self->s.pid, SIGSTOP);
	ASSERT_EQ(0, pthread_create(&thread, NULL, make_vm, &maker));
	pthread_join(thread, NULL);
	ASSERT_LE(0, maker.vm);
	/* Who joins it does so some instructions before it is gone. */
	snprintf(path, sizeof(path), "/proc/self/task/%d", maker.tid);
	while (!access(path, F_OK))
		usleep(1000);
	kill(self->s.pid, SIGCONT);
	EXPECT_LOGGED("a thread that made a VM has ended");
	EXPECT_LOGGED("adopted VM ");
	close(maker.vm);
}

/* Makes a VM that does not show in the process's own table of descriptors yet. */
static void *make_hidden_vm(void *end)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);
	int vm = unshare(CLONE_FILES) ? -1 : create_vm();

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(control), &vm, sizeof(vm));
	sendmsg(*(int *)end, &message, 0);
	/* Its announcement names this thread. */
	pause();
	return NULL;
}

/*
 * Two VMs of one process have been announced, but only one of them is to be seen when the
 * process is looked at. The other one was forgotten. Found by reading.
 */
TEST_F(vmqosd, announced_together)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	pthread_t thread;
	int first, ends[2];

	START("--verbose");
	kill(self->s.pid, SIGSTOP);
	first = create_vm();
	ASSERT_LE(0, first);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
	ASSERT_EQ(0, pthread_create(&thread, NULL, make_hidden_vm, &ends[1]));
	ASSERT_EQ(1, recv(ends[0], &byte, 1, MSG_PEEK));
	kill(self->s.pid, SIGCONT);
	EXPECT_TRUE(vmqos_service_logged_times(&self->s, "adopted VM ", 1));
	/* Received, it is in the table. */
	ASSERT_EQ(1, recvmsg(ends[0], &message, 0));
	EXPECT_TRUE(vmqos_service_logged_times(&self->s, "adopted VM ", 2));
	EXPECT_NOT_LOGGED("looking over the whole host");
	close(first);
}

TEST_F(vmqosd, uevents_lost)
{
	int fd, i;

	START("--verbose");
	kill(self->s.pid, SIGSTOP);
	fd = open("/sys/devices/virtual/misc/kvm/uevent", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < 4000; i++)
		ASSERT_EQ(6, write(fd, "change", 6));
	close(fd);
	/* Its uevent has no room any more. */
	ASSERT_LE(0, STANDIN(.name = "unheard", .vcpus = 1));
	kill(self->s.pid, SIGCONT);
	EXPECT_ADOPTED("unheard");
	EXPECT_LOGGED("uevents were lost");
}

/* The port of vmqosd's uevent socket, from /proc/net/netlink. */
static unsigned int uevent_port(pid_t pid)
{
	unsigned int protocol, port, groups, found = 0;
	FILE *file = fopen("/proc/net/netlink", "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %u %u %x", &protocol, &port, &groups) == 3 &&
		    protocol == NETLINK_KOBJECT_UEVENT && groups == 1 &&
		    port == (unsigned int)pid)
			found = port;
	}
	if (file)
		fclose(file);
	return found;
}

/* Only the kernel is believed, not even root. */
TEST_F(vmqosd, forged_uevent)
{
	static const char forged[] =
		"change@/devices/virtual/misc/kvm\0ACTION=change\0"
		"DEVPATH=/devices/virtual/misc/kvm\0SUBSYSTEM=misc\0"
		"EVENT=create\0PID=4194303\0SEQNUM=1";
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int fd;

	START("--verbose");
	to.nl_pid = uevent_port(self->s.pid);
	ASSERT_NE(0, to.nl_pid);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	ASSERT_LE(0, fd);
	ASSERT_EQ(sizeof(forged), sendto(fd, forged, sizeof(forged), 0, (struct sockaddr *)&to,
					 sizeof(to)));
	close(fd);
	/* It came through: what is sent after it is answered. */
	ASSERT_LE(0, STANDIN(.name = "after", .vcpus = 1));
	EXPECT_ADOPTED("after");
	EXPECT_NOT_LOGGED("looking over the whole host");
}

TEST_HARNESS_MAIN
