// SPDX-License-Identifier: GPL-2.0
/* Policy files from the disk to the kernel: matching, errors, reading them again. */
#include <sys/stat.h>

#include "common.h"

#define UUID	"89abcdef-0123-4567-89ab-cdef01234567"

TEST_F(vmqosd, by_name_uuid_and_pattern)
{
	struct vmqos_vm vm;
	struct vmqos_host host;
	int db;

	WRITE("10-defaults.conf",
	      "[vm \"*\"]\nadopt = no\n"
	      "[host]\nguest-time = off\nscan-period = 250ms\n");
	WRITE("20-shop.conf",
	      "[vm \"shop-*\"]\nadopt = yes\n"
	      "[vm \"shop-9\"]\nadopt = no\n"
	      "[vm uuid=" UUID "]\nadopt = yes\nname = database\n"
	      "[vm \"spare\"]\nadopt = yes\nname = reserve\n");
	ASSERT_LE(0, STANDIN(.name = "shop-1", .vcpus = 1));
	ASSERT_LE(0, STANDIN(.name = "stranger", .vcpus = 1));
	START();
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "shop-1", 0, NULL));
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_FALSE(host.guest_time);
	EXPECT_EQ(250, host.scan_period_ms);

	/* The same for those that come later. */
	ASSERT_LE(0, STANDIN(.name = "shop-2", .vcpus = 1));
	ASSERT_LE(0, STANDIN(.name = "shop-9", .vcpus = 1));
	db = STANDIN(.name = "db", .uuid = UUID, .vcpus = 1);
	ASSERT_LE(0, db);
	ASSERT_LE(0, STANDIN(.name = "spare", .vcpus = 1));
	EXPECT_ADOPTED("shop-2");
	EXPECT_ADOPTED("reserve");
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "database", PATIENCE, &vm));
	EXPECT_EQ(self->s.standins[db].pid, (pid_t)vm.pid);
	EXPECT_LEFT_ALONE("shop-9");
	EXPECT_LEFT_ALONE("stranger");
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_EQ(4, host.vms);
	EXPECT_NOT_LOGGED("error");
}

/* As in the kernel before the test; policies of other tests leave their marks. */
static void reset_host(struct vmqos *ctx)
{
	struct vmqos_host_settings settings = {
		.set = VMQOS_HAS(VMQOS_HOST_GUEST_TIME) | VMQOS_HAS(VMQOS_HOST_SCAN_PERIOD_MS),
		.guest_time = true,
		.scan_period_ms = 100,
	};

	vmqos_host_set(ctx, &settings, NULL);
}

TEST_F(vmqosd, reload)
{
	struct vmqos_host host;
	struct vmqos_vm vm;
	uint32_t id;

	reset_host(self->s.ctx);
	ASSERT_LE(0, STANDIN(.name = "one", .vcpus = 1));
	ASSERT_LE(0, STANDIN(.name = "two", .vcpus = 1));
	START();
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "one", 0, &vm));
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "two", 0, NULL));
	id = vm.id;

	WRITE("a.conf",
	      "[vm \"one\"]\nname = first\n[vm \"two\"]\nadopt = no\n[host]\nscan-period = 40\n");
	RELOAD();
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "first", 0, &vm));
	/* Renamed, not adopted anew: its counters go on. */
	EXPECT_EQ(id, vm.id);
	EXPECT_GONE("two");
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_EQ(40, host.scan_period_ms);

	/* What the policy let go of it can take back. */
	WRITE("a.conf", "[vm \"one\"]\nname = first\n[vm \"two\"]\nadopt = yes\n");
	RELOAD();
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "two", 0, NULL));
	EXPECT_NOT_LOGGED("administrator");
	EXPECT_NOT_LOGGED("error");
	reset_host(self->s.ctx);
}

TEST_F(vmqosd, reload_of_a_wrong_policy)
{
	WRITE("a.conf", "[vm \"kept\"]\nadopt = no\n");
	ASSERT_LE(0, STANDIN(.name = "kept", .vcpus = 1));
	START();
	WRITE("a.conf", "[vm \"kept\"]\nadopt = yes\nadpot = yes\n");
	WRITE("b.conf", "[hots]\n");
	RELOAD();
	EXPECT_LOGGED("/policy/a.conf:3: unknown key 'adpot': did you mean 'adopt'?");
	EXPECT_LOGGED("/policy/b.conf:1: unknown section '[hots]'");
	EXPECT_LOGGED("the policy stays as it was");
	EXPECT_TRUE(vmqos_service_alive(&self->s));
	EXPECT_LEFT_ALONE("kept");
	/* And is read again once it is right. */
	WRITE("a.conf", "[vm \"kept\"]\nadopt = yes\n");
	WRITE("b.conf", "");
	RELOAD();
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "kept", 0, NULL));
}

TEST_F(vmqosd, wrong_at_start)
{
	struct vmqos_host host;

	ASSERT_LE(0, STANDIN(.name = "any", .vcpus = 1));
	WRITE("a.conf", "adopt = yes\n\n[vm \"x\"]\nadopt = jes\n");
	WRITE("z.conf", "[host]\nscan-period = 5\n");
	EXPECT_EQ(78, RUN());
	EXPECT_LOGGED("/policy/a.conf:1: 'adopt' stands before the first section: put [vm \"*\"] or [host] above it");
	EXPECT_LOGGED("/policy/a.conf:4: adopt is 'jes': write yes or no");
	EXPECT_LOGGED("/policy/z.conf:2: scan-period is '5': give whole milliseconds from 10 to 10000");
	EXPECT_LOGGED("3 errors in the policy files");
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_EQ(0, host.vms);
}

TEST_F(vmqosd, check_config)
{
	WRITE("a.conf", "[vm \"x\"]\nadopt = yes\n[host]\n");
	EXPECT_EQ(0, RUN("--check-config"));
	EXPECT_LOGGED("no errors, 2 sections");
	WRITE("b.conf", "[vm \"x\"]\n");
	EXPECT_EQ(78, RUN("--check-config"));
	EXPECT_LOGGED("/policy/b.conf:1: this section is already at");
	EXPECT_LOGGED("/policy/a.conf:1: put the keys of both into one");
	/* A folder that was asked for has to be there. */
	strcat(self->s.policy, "/missing");
	EXPECT_EQ(78, RUN("--check-config"));
	EXPECT_LOGGED("cannot read the policy folder");
}

/* The name is another VM's: the VM is adopted all the same, and that is said. */
TEST_F(vmqosd, name_is_taken)
{
	WRITE("a.conf", "[vm \"a\"]\nname = same\n[vm \"b\"]\nname = same\n");
	START();
	ASSERT_LE(0, STANDIN(.name = "a", .vcpus = 1));
	EXPECT_ADOPTED("same");
	ASSERT_LE(0, STANDIN(.name = "b", .vcpus = 1));
	EXPECT_ADOPTED("b");
	EXPECT_LOGGED("could not be called same as the policy says");
}

TEST_HARNESS_MAIN
