// SPDX-License-Identifier: GPL-2.0
/* The daemon's life: starting, ending, what systemd is told, a module that comes and goes. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common.h"

TEST_F(vmqosd, command_line)
{
	EXPECT_EQ(0, RUN("--version"));
	EXPECT_EQ(0, RUN("--help"));
	EXPECT_LOGGED("--release-on-exit");
	EXPECT_EQ(64, RUN("--no-such-option"));
	EXPECT_EQ(64, RUN("word"));
	EXPECT_LOGGED("'word' is no option");
}

TEST_F(vmqosd, once)
{
	ASSERT_LE(0, STANDIN(.name = "one", .vcpus = 1));
	EXPECT_EQ(0, RUN("--once"));
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "one", 0, NULL));
	/* Once more there is nothing to do. */
	EXPECT_EQ(0, RUN("--once"));
	EXPECT_EQ(1, vmqos_service_count(&self->s, "adopted VM "));
}

TEST_F(vmqosd, release_on_exit)
{
	struct vmqos_vm vm;
	int i;

	i = STANDIN(.name = "byhand", .vcpus = 1);
	ASSERT_LE(0, i);
	ASSERT_EQ(0, vmqos_vm_adopt_pid(self->s.ctx, self->s.standins[i].pid, NULL, NULL, NULL));
	ASSERT_LE(0, STANDIN(.name = "bydaemon", .vcpus = 1));
	START("--release-on-exit");
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "bydaemon", 0, &vm));
	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGTERM));
	EXPECT_GONE("bydaemon");
	EXPECT_LE(0, vmqos_service_adopted(&self->s, "byhand", 0, NULL));
}

TEST_F(vmqosd, tells_systemd)
{
	setenv("WATCHDOG_USEC", "400000", 1);
	START();
	unsetenv("WATCHDOG_USEC");
	EXPECT_TRUE(vmqos_service_told(&self->s, "WATCHDOG=1", PATIENCE));
	EXPECT_TRUE(vmqos_service_told(&self->s, "WATCHDOG=1", PATIENCE));
	ASSERT_LE(0, STANDIN(.name = "one", .vcpus = 1));
	EXPECT_TRUE(vmqos_service_told(&self->s, "STATUS=1 VM adopted", PATIENCE));
	RELOAD();
	kill(self->s.pid, SIGTERM);
	EXPECT_TRUE(vmqos_service_told(&self->s, "STOPPING=1", PATIENCE));
	EXPECT_EQ(0, vmqos_service_wait(&self->s));
}

/* The journal takes priorities from messages; a person does not want to see them. */
TEST_F(vmqosd, journal)
{
	char stream[64];
	struct stat st;
	int fd;

	EXPECT_EQ(0, RUN("--once"));
	fd = open(self->s.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	close(fd);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	START();
	unsetenv("JOURNAL_STREAM");
	EXPECT_LOGGED("<5>ready");
	EXPECT_NOT_LOGGED("vmqosd: ");
	EXPECT_EQ(0, vmqos_service_stop(&self->s, SIGTERM));
	START();
	EXPECT_LOGGED("vmqosd: ready");
}

#define MODPROBE	"/proc/sys/kernel/modprobe"

static int run_quietly(const char *command)
{
	char text[256];

	snprintf(text, sizeof(text), "PATH=$PATH:/usr/sbin:/sbin; %s >/dev/null 2>&1", command);
	return system(text);
}

TEST_F(vmqosd, module_comes_and_goes)
{
	struct vmqos_vm vm;

	ASSERT_LE(0, STANDIN(.name = "one", .vcpus = 2));
	ASSERT_LE(0, STANDIN(.name = "two", .vcpus = 1));
	START();
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "one", 0, &vm));
	ASSERT_EQ(0, vmqos_vm_release_wait(self->s.ctx, vm.id, PATIENCE));
	ASSERT_LE(0, vmqos_service_adopted(&self->s, "two", 0, &vm));
	ASSERT_EQ(0, vmqos_vm_release_wait(self->s.ctx, vm.id, PATIENCE));
	ASSERT_EQ(0, run_quietly("modprobe -r vmqos || rmmod vmqos"));
	EXPECT_LOGGED("the module vmqos has been unloaded");
	EXPECT_TRUE(vmqos_service_alive(&self->s));
	/* One that comes while there is no module. */
	ASSERT_LE(0, STANDIN(.name = "between", .vcpus = 1));
	ASSERT_EQ(0, run_quietly("modprobe vmqos"));
	EXPECT_ADOPTED("one");
	EXPECT_ADOPTED("two");
	EXPECT_ADOPTED("between");
	ASSERT_LE(0, STANDIN(.name = "after", .vcpus = 1));
	EXPECT_ADOPTED("after");
	EXPECT_NOT_LOGGED("error");
}

/* The program by which the kernel loads modules; the debug kernel has no such setting. */
static int set_modprobe(const char *program)
{
	char text[128];

	if (access(MODPROBE, F_OK))
		return 0;
	snprintf(text, sizeof(text), "echo %s >" MODPROBE, program);
	return run_quietly(text);
}

TEST_F(vmqosd, no_module)
{
	ASSERT_EQ(0, run_quietly("modprobe -r vmqos || rmmod vmqos"));
	/* The kernel would load it at the first question. */
	EXPECT_EQ(0, set_modprobe("/bin/false"));
	EXPECT_EQ(69, RUN());
	EXPECT_LOGGED("modprobe vmqos");
	EXPECT_EQ(0, set_modprobe("/sbin/modprobe"));
	ASSERT_EQ(0, run_quietly("modprobe vmqos"));
	START();
}

TEST_HARNESS_MAIN
