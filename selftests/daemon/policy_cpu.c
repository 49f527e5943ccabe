// SPDX-License-Identifier: GPL-2.0
/* CPU policies from the files to the kernel, and the weights of cgroups that follow them. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common.h"

#define CGROUPS	"/sys/fs/cgroup"
#define PARENT	CGROUPS "/vmqos-test"

/* As in the kernel before the test; policies of other tests leave their marks. */
static void reset_host(struct vmqos *ctx)
{
	struct vmqos_host_settings settings = {
		.set = VMQOS_HAS(VMQOS_HOST_CPU_KEPT) | VMQOS_HAS(VMQOS_HOST_CPU_GATE) |
		       VMQOS_HAS(VMQOS_HOST_CPU_SLICE_US),
		.cpu_gate = true,
		.cpu_slice_us = 2000,
	};

	vmqos_host_set(ctx, &settings, NULL);
}

/* The VM once @condition holds, or as it is when it does not in time. */
#define AWAIT_VM(vm, name, condition)						\
	do {									\
		int64_t end = vmqos_service_now_ms() + PATIENCE;		\
										\
		while (vmqos_vm_get_by_name(self->s.ctx, name, vm) == 0 && !(condition) && \
		       vmqos_service_now_ms() < end)				\
			vmqos_service_nap(&self->s);				\
		EXPECT_TRUE(condition);						\
	} while (0)

TEST_F(vmqosd, cpu_policy)
{
	struct vmqos_vm_settings by_hand = {
		.set = VMQOS_HAS(VMQOS_VM_CPU_LIMIT), .cpu_limit = 300000,
	};
	struct vmqos_host host;
	struct vmqos_vm vm;

	reset_host(self->s.ctx);
	WRITE("a.conf",
	      "[host]\ncpu-kept = 25%\ncpu-slice-us = 1000\n"
	      "[vm \"*\"]\ncpu-shares = low\ncpu-charge-others = off\n"
	      "[vm \"one\"]\ncpu-shares = 3000\ncpu-reservation = 10%\ncpu-limit = 0.5cpu\n"
	      "cpu-latency = low\n");
	ASSERT_LE(0, STANDIN(.name = "one", .vcpus = 1));
	START();
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_EQ(250000, host.cpu_kept);
	EXPECT_EQ(1000, host.cpu_slice_us);
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "one", 0, &vm));
	EXPECT_EQ(3000, vm.cpu_shares);
	EXPECT_EQ(VMQOS_CPU_CUSTOM, vm.cpu_shares_level);
	EXPECT_EQ(100000, vm.cpu_reservation);
	EXPECT_EQ(500000, vm.cpu_limit);
	EXPECT_EQ(VMQOS_LATENCY_LOW, vm.cpu_latency);
	EXPECT_FALSE(vm.cpu_charge_others);

	/* One that comes later. */
	ASSERT_LE(0, STANDIN(.name = "two", .vcpus = 1));
	EXPECT_ADOPTED("two");
	AWAIT_VM(&vm, "two", vm.cpu_shares_level == VMQOS_CPU_LOW);
	EXPECT_EQ(0, vm.cpu_reservation);

	/* What is changed by hand holds until the files say something else. */
	ASSERT_EQ(0, vmqos_vm_get_by_name(self->s.ctx, "one", &vm));
	ASSERT_EQ(0, vmqos_vm_set(self->s.ctx, vm.id, &by_hand, NULL));
	RELOAD();
	ASSERT_EQ(0, vmqos_vm_get_by_name(self->s.ctx, "one", &vm));
	EXPECT_EQ(300000, vm.cpu_limit);
	WRITE("a.conf", "[vm \"one\"]\ncpu-limit = none\ncpu-shares = high\n");
	RELOAD();
	ASSERT_EQ(0, vmqos_vm_get_by_name(self->s.ctx, "one", &vm));
	EXPECT_EQ(0, vm.cpu_limit);
	EXPECT_EQ(VMQOS_CPU_HIGH, vm.cpu_shares_level);
	/* What they no longer mention stays. */
	EXPECT_EQ(100000, vm.cpu_reservation);
	EXPECT_NOT_LOGGED("error");
	EXPECT_NOT_LOGGED("warning");
	reset_host(self->s.ctx);
}

/* A reservation without room is told; the rest is in force; and it is not forgotten. */
TEST_F(vmqosd, reservation_waits)
{
	struct vmqos_host host;
	struct vmqos_vm vm;
	char text[512];
	int first;

	reset_host(self->s.ctx);
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	snprintf(text, sizeof(text),
		 "[host]\ncpu-kept = %u%%\n[vm \"*\"]\ncpu-reservation = 80%%\ncpu-limit = 90%%\n",
		 host.cpus * 100 - 120);
	WRITE("a.conf", text);
	first = STANDIN(.name = "first", .vcpus = 1);
	ASSERT_LE(0, first);
	START();
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "first", 0, &vm));
	EXPECT_EQ(800000, vm.cpu_reservation);
	ASSERT_LE(0, STANDIN(.name = "second", .vcpus = 1));
	EXPECT_LOGGED("VM second does not get its cpu-reservation: reservation of 800000 millionths does not fit: 400000 are left");
	EXPECT_LOGGED("tried again when capacity comes free");
	AWAIT_VM(&vm, "second", vm.cpu_limit == 900000);
	EXPECT_EQ(0, vm.cpu_reservation);
	/* The end of the first one makes room. */
	vmqos_standin_kill(&self->s.standins[first]);
	AWAIT_VM(&vm, "second", vm.cpu_reservation == 800000);
	EXPECT_EQ(1, vmqos_service_count(&self->s, "does not get its cpu-reservation"));
	EXPECT_NOT_LOGGED("error");
	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGTERM));
	reset_host(self->s.ctx);
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size = strlen(text);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, size) == size ? 0 : -errno;
	close(fd);
	return ret;
}

/* A cgroup below the test's own with one process in it. */
static int put_into(const char *name, pid_t pid)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), PARENT "/%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	strcat(path, "/cgroup.procs");
	snprintf(text, sizeof(text), "%d", pid);
	return write_text(path, text);
}

/* Tries as long as processes are on their way out. */
static void remove_cgroups(void)
{
	static const char *const names[] = { PARENT "/a", PARENT "/b", PARENT };
	unsigned int i, tries;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (tries = 0; tries < 100 && rmdir(names[i]) && errno == EBUSY; tries++)
			usleep(20000);
}

static bool weighs(struct vmqos_service *service, const char *path, uint32_t wanted)
{
	int64_t end = vmqos_service_now_ms() + PATIENCE;
	uint32_t weight = 0;

	while (vmqos_service_now_ms() < end) {
		if (!vmqos_cgroup_weight(CGROUPS, path, &weight) && weight == wanted)
			return true;
		vmqos_service_nap(service);
	}
	printf("# %s weighs %u, not %u\n", path, weight, wanted);
	return false;
}

#define EXPECT_WEIGHT(name, wanted)	EXPECT_TRUE(weighs(&self->s, "/vmqos-test/" name, wanted))

/* VMs that want nothing are weighed by their shares. */
TEST_F(vmqosd, cgroup_weights)
{
	int a, b;

	if (access(CGROUPS "/cgroup.controllers", F_OK) ||
	    write_text(CGROUPS "/cgroup.subtree_control", "+cpu"))
		SKIP(return, "no cgroup v2 with the controller cpu at " CGROUPS);
	remove_cgroups();
	ASSERT_EQ(0, mkdir(PARENT, 0755));
	ASSERT_EQ(0, write_text(PARENT "/cgroup.subtree_control", "+cpu"));
	WRITE("a.conf", "[vm \"a\"]\ncpu-shares = 1000\n[vm \"b\"]\ncpu-shares = 3000\n");
	a = STANDIN(.name = "a", .vcpus = 1);
	b = STANDIN(.name = "b", .vcpus = 1);
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	ASSERT_EQ(0, put_into("a", self->s.standins[a].pid));
	ASSERT_EQ(0, put_into("b", self->s.standins[b].pid));
	START("--verbose");
	EXPECT_WEIGHT("a", 500);
	EXPECT_WEIGHT("b", 1500);

	/* While nothing is enforced, and when the files say so, all is as it was. */
	ASSERT_EQ(0, system("vmqos host set --cpu-gate off"));
	EXPECT_WEIGHT("a", 100);
	EXPECT_WEIGHT("b", 100);
	reset_host(self->s.ctx);
	EXPECT_WEIGHT("b", 1500);
	WRITE("b.conf", "[daemon]\ncgroup-weights = no\n");
	RELOAD();
	EXPECT_WEIGHT("a", 100);
	EXPECT_WEIGHT("b", 100);
	WRITE("b.conf", "");
	RELOAD();
	/* Both, for it is killed next: it writes one after the other. */
	EXPECT_WEIGHT("a", 500);
	EXPECT_WEIGHT("b", 1500);

	/* A daemon that dies leaves the weights, the next one knows what they were. */
	EXPECT_EQ(128 + SIGKILL, vmqos_service_stop(&self->s, SIGKILL));
	EXPECT_WEIGHT("b", 1500);
	START("--verbose");
	sleep(3);
	EXPECT_WEIGHT("b", 1500);
	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGTERM));
	EXPECT_WEIGHT("a", 100);
	EXPECT_WEIGHT("b", 100);
	EXPECT_NOT_LOGGED("error");
	vmqos_standin_kill(&self->s.standins[a]);
	vmqos_standin_kill(&self->s.standins[b]);
	remove_cgroups();
}

TEST_HARNESS_MAIN
