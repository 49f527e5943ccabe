// SPDX-License-Identifier: GPL-2.0
/*
 * What vmqosd adopts, and when: VMs that run, VMs that come, many at once, VMs
 * that die meanwhile; and that an administrator's own hand is respected.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common.h"

#define UUID		"01234567-89ab-cdef-0123-456789abcdef"
#define WITHIN_MS	1000

TEST_F(vmqosd, at_start)
{
	struct vmqos_vm vm;
	char uuid[VMQOS_UUID_TEXT];
	int web, other;

	web = STANDIN(.name = "web", .uuid = UUID, .vcpus = 2);
	other = STANDIN(.comm = "othervmm", .vcpus = 1);
	ASSERT_LE(0, web);
	ASSERT_LE(0, other);
	START();
	/* Ready means that all of them are adopted. */
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "web", 0, &vm));
	EXPECT_EQ(self->s.standins[web].pid, (pid_t)vm.pid);
	EXPECT_EQ(2, vm.vcpus);
	ASSERT_TRUE(vm.has & VMQOS_HAS(VMQOS_VM_UUID));
	EXPECT_STREQ(UUID, vmqos_uuid_format(vm.uuid, uuid));
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "othervmm", 0, &vm));
	EXPECT_EQ(self->s.standins[other].pid, (pid_t)vm.pid);
	EXPECT_FALSE(vm.has & VMQOS_HAS(VMQOS_VM_UUID));

	/* They stay adopted without it, and the next one finds them. */
	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGTERM));
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "web", 0, NULL));
	START();
	EXPECT_EQ(2, vmqos_service_count(&self->s, "adopted VM "));
	EXPECT_NOT_LOGGED("error");
}

TEST_F(vmqosd, by_uevent)
{
	char name[32];
	int i, ms, worst = 0;

	START();
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "late-%d", i);
		ASSERT_LE(0, STANDIN(.name = name, .vcpus = 1));
		ms = vmqos_service_adopted(&self->s, name, PATIENCE, NULL);
		ASSERT_LE(0, ms);
		if (ms > worst)
			worst = ms;
	}
	TH_LOG("adopted at most %d ms after the VM was ready", worst);
	EXPECT_GE(WITHIN_MS, worst);
	EXPECT_NOT_LOGGED("error");
}

/* Two processes of one name: both are adopted, and can be told apart. */
TEST_F(vmqosd, same_name)
{
	char second[64];
	int i;

	START();
	ASSERT_LE(0, STANDIN(.name = "twin", .vcpus = 1));
	EXPECT_ADOPTED("twin");
	i = STANDIN(.name = "twin", .vcpus = 1);
	ASSERT_LE(0, i);
	snprintf(second, sizeof(second), "twin-%d", self->s.standins[i].pid);
	EXPECT_ADOPTED(second);
	EXPECT_NOT_LOGGED("error");
}

TEST_F(vmqosd, several_in_one_process)
{
	char name[64];
	int i;

	START();
	i = STANDIN(.comm = "multi", .vcpus = 1, .vms = 3);
	ASSERT_LE(0, i);
	EXPECT_ADOPTED("multi");
	snprintf(name, sizeof(name), "multi-%d", self->s.standins[i].pid);
	EXPECT_ADOPTED(name);
	strcat(name, "-2");
	EXPECT_ADOPTED(name);
	EXPECT_NOT_LOGGED("error");
}

TEST_F(vmqosd, burst)
{
	const struct vmqos_standin_kind kind = { .comm = "burst", .vcpus = 1 };
	struct vmqos_host host = { 0 };
	int64_t begin;
	int i;

	START();
	for (i = 0; i < 50; i++)
		ASSERT_LE(0, vmqos_service_standin(&self->s, &kind));
	begin = vmqos_service_now_ms();
	while (vmqos_host_get(self->s.ctx, -1, &host) == 0 && host.vms < 50 &&
	       vmqos_service_now_ms() - begin < PATIENCE)
		vmqos_service_nap(&self->s);
	TH_LOG("%u VMs adopted %d ms after the last was ready", host.vms,
	       (int)(vmqos_service_now_ms() - begin));
	EXPECT_EQ(50, host.vms);
	EXPECT_GE(WITHIN_MS, vmqos_service_now_ms() - begin);
	EXPECT_EQ(50, vmqos_service_count(&self->s, "adopted VM "));
	EXPECT_NOT_LOGGED("error");
}

/* A process that makes a VM and then does nothing. */
static pid_t bare_vm(void)
{
	pid_t pid = fork();
	int kvm;

	if (pid)
		return pid;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0 || ioctl(kvm, KVM_CREATE_VM, 0) < 0)
		_exit(1);
	for (;;)
		pause();
}

/* Waits until so many VMs are adopted; tells for how long in milliseconds. */
static int64_t wait_vms(struct vmqos_service *service, struct vmqos *ctx, uint32_t vms)
{
	int64_t begin = vmqos_service_now_ms();
	struct vmqos_host host;

	while (vmqos_host_get(ctx, -1, &host) == 0 && host.vms != vms &&
	       vmqos_service_now_ms() < begin + PATIENCE)
		vmqos_service_nap(service);
	return vmqos_service_now_ms() - begin;
}

TEST_F(vmqosd, killed_while_adopted)
{
	struct vmqos_host host = { .vms = 1 };
	int i, status, step_us = 400;
	int64_t takes_ms;
	pid_t pid;

	START("--verbose");
	/* On a slow host an adoption takes longer, and so does what comes before. */
	pid = bare_vm();
	ASSERT_LT(0, pid);
	takes_ms = wait_vms(&self->s, self->s.ctx, 1);
	if (step_us < takes_ms * 2 * 1000 / 50)
		step_us = takes_ms * 2 * 1000 / 50;
	TH_LOG("an adoption takes %lld ms", (long long)takes_ms);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	wait_vms(&self->s, self->s.ctx, 0);
	/* From before the VM is there until well after it is adopted. */
	for (i = 0; i < 50; i++) {
		pid = bare_vm();
		ASSERT_LT(0, pid);
		usleep(i * step_us);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		vmqos_service_nap(&self->s);
	}
	EXPECT_TRUE(vmqos_service_alive(&self->s));
	ASSERT_LE(0, STANDIN(.name = "survivor", .vcpus = 1));
	EXPECT_ADOPTED("survivor");
	wait_vms(&self->s, self->s.ctx, 1);
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_EQ(1, host.vms);
	EXPECT_NOT_LOGGED("error");
	EXPECT_NOT_LOGGED("warning");
	EXPECT_NOT_LOGGED("administrator");
	TH_LOG("of 50 killed VMs %u were adopted before",
	       vmqos_service_count(&self->s, "adopted VM ") - 2);
	/* Otherwise the kills missed what they were to hit. */
	EXPECT_LT(2, vmqos_service_count(&self->s, "adopted VM "));
	EXPECT_GT(52, vmqos_service_count(&self->s, "adopted VM "));
}

/* A stopped VMM neither holds vmqosd up nor keeps its VM from being adopted. */
TEST_F(vmqosd, stopped_vmm)
{
	pid_t pid;

	pid = bare_vm();
	ASSERT_LT(0, pid);
	usleep(50000);
	kill(pid, SIGSTOP);
	START();
	EXPECT_EQ(1, vmqos_service_count(&self->s, "adopted VM "));
	ASSERT_LE(0, STANDIN(.name = "next", .vcpus = 1));
	EXPECT_ADOPTED("next");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void *make_vm(void *vm)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	*(int *)vm = ioctl(kvm, KVM_CREATE_VM, 0);
	close(kvm);
	return NULL;
}

/* The VM of a thread that has ended by the time it is looked for. */
TEST_F(vmqosd, maker_has_ended)
{
	pthread_t thread;
	int vm = -1;

	START("--verbose");
	kill(self->s.pid, SIGSTOP);
	ASSERT_EQ(0, pthread_create(&thread, NULL, make_vm, &vm));
	pthread_join(thread, NULL);
	ASSERT_LE(0, vm);
	kill(self->s.pid, SIGCONT);
	EXPECT_LOGGED("a thread that made a VM has ended");
	EXPECT_LOGGED("adopted VM ");
	close(vm);
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

TEST_F(vmqosd, administrators_release)
{
	struct vmqos_vm vm;

	ASSERT_LE(0, STANDIN(.name = "mine", .vcpus = 1));
	ASSERT_LE(0, STANDIN(.name = "theirs", .vcpus = 1));
	START();
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "mine", 0, &vm));
	ASSERT_EQ(0, vmqos_vm_release_wait(self->s.ctx, vm.id, PATIENCE));
	EXPECT_LOGGED("VM mine was released by an administrator");
	RELOAD();
	EXPECT_LEFT_ALONE("mine");
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "theirs", 0, NULL));

	/* Adopted by hand it is as any other again. */
	ASSERT_EQ(0, vmqos_vm_adopt_pid(self->s.ctx, vm.pid, NULL, NULL, NULL));
	EXPECT_LOGGED("VM mine was adopted by an administrator");
	ASSERT_EQ(0, vmqos_vm_get_by_name(self->s.ctx, "mine", &vm));
	ASSERT_EQ(0, vmqos_vm_release_wait(self->s.ctx, vm.id, PATIENCE));
	EXPECT_LEFT_ALONE("mine");

	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGTERM));
	START();
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "mine", 0, NULL));
}

TEST_F(vmqosd, administrators_adoption)
{
	int i;

	WRITE("a.conf", "[vm \"*\"]\nadopt = no\n");
	i = STANDIN(.name = "byhand", .vcpus = 1);
	ASSERT_LE(0, i);
	START();
	EXPECT_LEFT_ALONE("byhand");
	ASSERT_EQ(0, vmqos_vm_adopt_pid(self->s.ctx, self->s.standins[i].pid, NULL, NULL, NULL));
	EXPECT_LOGGED("VM byhand was adopted by an administrator");
	RELOAD();
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "byhand", 0, NULL));
	/* A new start takes the policy at its word. */
	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGINT));
	START();
	EXPECT_GONE("byhand");
}

TEST_HARNESS_MAIN
