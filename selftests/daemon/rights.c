// SPDX-License-Identifier: GPL-2.0
/*
 * Rights: what vmqosd says without them, and that the capabilities of its service
 * are enough, and none too many. The fourth, for the weights of cgroups, is in
 * policy_cpu.c.
 */
#include "common.h"

#define NOBODY		"65534"
#define VMM_UID		12345

static const char *const as_nobody[] = {
	"setpriv", "--reuid=" NOBODY, "--regid=" NOBODY, "--clear-groups", "--no-new-privs", NULL,
};

/* As the service runs it: a user of its own, capabilities handed down to it. */
static const char *const *with_capabilities(const char *list)
{
	static char inherited[128], ambient[128], bounding[128];
	static const char *const wrapper[] = {
		"setpriv", "--reuid=" NOBODY, "--regid=" NOBODY, "--clear-groups",
		"--no-new-privs", inherited, ambient, bounding, NULL,
	};

	snprintf(inherited, sizeof(inherited), "--inh-caps=-all,%s", list);
	snprintf(ambient, sizeof(ambient), "--ambient-caps=-all,%s", list);
	snprintf(bounding, sizeof(bounding), "--bounding-set=-all,%s", list);
	return wrapper;
}

/* Tests of other users than root need their programs let in. */
#define NEED_USERS()								\
	do {									\
		if (system("setpriv --version >/dev/null 2>&1"))		\
			SKIP(return, "setpriv is missing: apt-get install util-linux"); \
		ASSERT_EQ(0, vmqos_service_open_to_all(&self->s));		\
	} while (0)

TEST_F(vmqosd, no_rights)
{
	struct vmqos_host host;

	NEED_USERS();
	ASSERT_LE(0, STANDIN(.name = "any", .vcpus = 1));
	self->s.wrapper = as_nobody;
	EXPECT_EQ(77, RUN());
	EXPECT_LOGGED("CAP_NET_ADMIN is missing: run vmqosd as root");
	EXPECT_EQ(77, RUN("--once"));
	/* Looking at the policy needs no rights. */
	EXPECT_EQ(0, RUN("--check-config"));
	ASSERT_EQ(0, vmqos_host_get(self->s.ctx, -1, &host));
	EXPECT_EQ(0, host.vms);
}

TEST_F(vmqosd, three_capabilities)
{
	NEED_USERS();
	WRITE("a.conf", "[host]\nscan-period = 100\n");
	ASSERT_LE(0, STANDIN(.name = "roots", .vcpus = 1));
	self->s.wrapper = with_capabilities("+net_admin,+sys_ptrace,+dac_read_search");
	START();
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "roots", 0, NULL));
	ASSERT_LE(0, STANDIN(.name = "users", .vcpus = 1, .uid = VMM_UID));
	EXPECT_ADOPTED("users");
	EXPECT_NOT_LOGGED("error");
	EXPECT_NOT_LOGGED("warning");
	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGTERM));
}

/* A VM that may not be looked into is told, and does not keep others from being adopted. */
static void lacking(struct __test_metadata *_metadata, struct _test_data_vmqosd *self,
		    const char *capabilities)
{
	NEED_USERS();
	ASSERT_LE(0, STANDIN(.name = "early", .vcpus = 1, .uid = VMM_UID));
	self->s.wrapper = with_capabilities(capabilities);
	START("--verbose");
	EXPECT_LOGGED("VMs of other users cannot be adopted");
	EXPECT_LOGGED("give vmqosd CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
	EXPECT_LEFT_ALONE("early");
	ASSERT_LE(0, STANDIN(.name = "theirs", .vcpus = 1, .uid = VMM_UID));
	EXPECT_LOGGED("cannot adopt VM theirs");
	EXPECT_TRUE(vmqos_service_alive(&self->s));
	EXPECT_LEFT_ALONE("theirs");
}

TEST_F(vmqosd, without_ptrace)
{
	lacking(_metadata, self, "+net_admin,+dac_read_search");
}

TEST_F(vmqosd, without_search)
{
	lacking(_metadata, self, "+net_admin,+sys_ptrace");
}

TEST_HARNESS_MAIN
