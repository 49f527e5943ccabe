/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of this folder share: a fixture with a vmqosd and its stand-ins. */
#ifndef VMQOS_SELFTESTS_DAEMON_COMMON_H
#define VMQOS_SELFTESTS_DAEMON_COMMON_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "service.h"

/* A kernel under emulation is slow; what hangs is ended all the same. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 180

FIXTURE(vmqosd) {
	struct vmqos_service s;
};

FIXTURE_SETUP(vmqosd)
{
	const char *missing = vmqos_service_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, vmqos_service_init(&self->s));
}

/*
 * By the parent, which is there also after a failed assertion. Stand-ins end
 * with the test itself. The log is what explains a failure.
 */
FIXTURE_TEARDOWN_PARENT(vmqosd)
{
	if (!__test_passed(_metadata))
		vmqos_service_show(&self->s);
	EXPECT_EQ(0, vmqos_service_exit(&self->s));
}

#define START(...)								\
	do {									\
		const char *const start_options[] = { "--foreground", ##__VA_ARGS__, NULL }; \
		vmqos_service_start(&self->s, start_options);			\
		ASSERT_EQ(0, vmqos_service_ready(&self->s));			\
	} while (0)

#define RUN(...)								\
	({									\
		const char *const run_options[] = { "--foreground", ##__VA_ARGS__, NULL }; \
		vmqos_service_run(&self->s, run_options);			\
	})

#define STANDIN(...)								\
	({									\
		const struct vmqos_standin_kind standin_kind = { __VA_ARGS__ };	\
		vmqos_service_standin(&self->s, &standin_kind);			\
	})

#define WRITE(file, text)	ASSERT_EQ(0, vmqos_service_write(&self->s, file, text))

#define EXPECT_ADOPTED(name)							\
	do {									\
		const char *adopted_name = (name);				\
		EXPECT_LE(0, vmqos_service_adopted(&self->s, adopted_name, PATIENCE, NULL)) \
			TH_LOG("VM %s is not adopted", adopted_name);		\
	} while (0)

#define EXPECT_GONE(name)							\
	do {									\
		const char *gone_name = (name);					\
		EXPECT_LE(0, vmqos_service_gone(&self->s, gone_name, PATIENCE))	\
			TH_LOG("VM %s is still adopted", gone_name);		\
	} while (0)

/* Not adopted now, and not within a while either. */
#define EXPECT_LEFT_ALONE(name)							\
	do {									\
		const char *alone_name = (name);				\
		EXPECT_EQ(-ETIMEDOUT, vmqos_service_adopted(&self->s, alone_name, 500, NULL)) \
			TH_LOG("VM %s is adopted", alone_name);			\
	} while (0)

#define EXPECT_LOGGED(text)							\
	do {									\
		const char *logged_text = (text);				\
		EXPECT_TRUE(vmqos_service_logged(&self->s, logged_text, PATIENCE)) \
			TH_LOG("not in the log: %s", logged_text);		\
	} while (0)

#define EXPECT_NOT_LOGGED(text)							\
	do {									\
		const char *unlogged_text = (text);				\
		EXPECT_FALSE(vmqos_service_logged(&self->s, unlogged_text, 0))	\
			TH_LOG("in the log: %s", unlogged_text);		\
	} while (0)

/* Have the policy read again, and wait until that is done. */
#define RELOAD()								\
	do {									\
		kill(self->s.pid, SIGHUP);					\
		EXPECT_TRUE(vmqos_service_told(&self->s, "RELOADING=1", PATIENCE));	\
		EXPECT_TRUE(vmqos_service_told(&self->s, "READY=1", PATIENCE));	\
	} while (0)

#endif
