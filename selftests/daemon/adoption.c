// SPDX-License-Identifier: GPL-2.0
/*
 * What vmqosd adopts, and when: VMs that run, VMs that come, many at once; and that
 * an administrator's own hand is respected.
 */
#include <limits.h>

#include "common.h"

#define UUID		"01234567-89ab-cdef-0123-456789abcdef"
/*
 * A VM is adopted within this time by a host that is not itself held up. Where the clock is
 * real time under emulation it may be: there the usual case is judged, not the worst.
 */
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

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

TEST_F(vmqosd, by_uevent)
{
	enum { ARRIVALS = 5 };
	int i, ms[ARRIVALS];
	char name[32];

	START();
	for (i = 0; i < ARRIVALS; i++) {
		snprintf(name, sizeof(name), "late-%d", i);
		ASSERT_LE(0, STANDIN(.name = name, .vcpus = 1));
		ms[i] = vmqos_service_adopted(&self->s, name, PATIENCE, NULL);
		ASSERT_LE(0, ms[i]);
	}
	qsort(ms, ARRIVALS, sizeof(*ms), by_value);
	TH_LOG("adopted %d ms after the VM was ready, at most %d", ms[ARRIVALS / 2],
	       ms[ARRIVALS - 1]);
	EXPECT_GE(WITHIN_MS, ms[ARRIVALS / 2]);
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

/* As many at once as there are stand-ins, more than once: the least delay is judged. */
TEST_F(vmqosd, burst)
{
	enum { ROUNDS = 3, VMS = 50 };
	const struct vmqos_standin_kind kind = { .comm = "burst", .vcpus = 1 };
	struct vmqos_host host = { 0 };
	int round, i, ms, least = INT_MAX;

	START();
	for (round = 1; round <= ROUNDS; round++) {
		for (i = 0; i < VMS; i++)
			ASSERT_LE(0, vmqos_service_standin(&self->s, &kind));
		ms = vmqos_service_wait_vms(&self->s, VMS);
		if (ms < least)
			least = ms;
		ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
		ASSERT_EQ(VMS, host.vms);
		EXPECT_TRUE(vmqos_service_logged_times(&self->s, "adopted VM ", VMS * round));
		while (self->s.standin_count)
			vmqos_standin_kill(&self->s.standins[--self->s.standin_count]);
		vmqos_service_wait_vms(&self->s, 0);
	}
	TH_LOG("%d VMs adopted %d ms after the last was ready", VMS, least);
	EXPECT_GE(WITHIN_MS, least);
	EXPECT_NOT_LOGGED("error");
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
