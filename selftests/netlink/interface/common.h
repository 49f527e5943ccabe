/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of this folder share: kselftest's harness and checks of refusals. */
#ifndef VMQOS_INTERFACE_COMMON_H
#define VMQOS_INTERFACE_COMMON_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../call.h"
#include "../peer.h"
#include "../raw.h"
#include "../schema.h"

/*
 * An emulated debug kernel is slow, and where others have the machine's CPUs it gets a tenth of
 * one; a test that hangs is ended all the same.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

/* How long the kernel may take for what it does by and by, in ms. */
#define PATIENCE	60000

#define MUST_OPEN(raw)								\
	do {									\
		int open_err = vmqos_raw_open(raw);				\
		if (open_err == -ENOENT)					\
			SKIP(return, "no family %s: is the module loaded?", VMQOS_FAMILY_NAME); \
		ASSERT_EQ(0, open_err);						\
	} while (0)

/* @got is a refusal with the errno @want (0 for any) and a sentence. */
#define EXPECT_REFUSED(got, want, answer)					\
	do {									\
		int refused_got = (got), refused_want = (want);			\
		if (refused_want) {						\
			EXPECT_EQ(-refused_want, refused_got)			\
				TH_LOG("sentence: '%s'", (answer)->sentence);	\
		} else {							\
			EXPECT_GT(0, refused_got);				\
		}								\
		EXPECT_NE('\0', (answer)->sentence[0])				\
			TH_LOG("refused with %d but without a sentence", refused_got); \
	} while (0)

/* The refusal names the attribute of this type in the message. */
#define EXPECT_BLAMED(msg, blamed_type, answer)					\
	do {									\
		const struct nlattr *blamed_attr =				\
			(const struct nlattr *)((msg)->data + (answer)->offset); \
		EXPECT_TRUE((answer)->has_offset)				\
			TH_LOG("no attribute is blamed, '%s'", (answer)->sentence); \
		if ((answer)->has_offset && (answer)->offset < (msg)->len) {	\
			EXPECT_EQ(blamed_type, blamed_attr->nla_type & NLA_TYPE_MASK) \
				TH_LOG("'%s'", (answer)->sentence);		\
		}								\
	} while (0)

#define EXPECT_WELL_FORMED(answer, cmd)						\
	do {									\
		char well_why[256] = "";					\
		EXPECT_TRUE(vmqos_schema_check_all(answer, cmd, well_why, sizeof(well_why))) \
			TH_LOG("%s", well_why);					\
	} while (0)

#define EXPECT_SAME_STATE(raw, before)						\
	do {									\
		struct vmqos_state same_now;					\
		char same_why[256] = "";					\
		EXPECT_EQ(0, vmqos_state_take(raw, &same_now));			\
		EXPECT_TRUE(vmqos_state_same(before, &same_now, same_why, sizeof(same_why))) \
			TH_LOG("%s", same_why);					\
		vmqos_state_free(&same_now);					\
	} while (0)

static const struct vmqos_vmm_workload paused __attribute__((unused)) = {
	.kind = VMQOS_VMM_PAUSED,
};

static const struct vmqos_vmm_workload spin __attribute__((unused)) = { .kind = VMQOS_VMM_SPIN };

static const struct vmqos_vmm_workload halt __attribute__((unused)) = {
	.kind = VMQOS_VMM_HALT, .period_us = 2000,
};

/* A name that no other test uses at the same time. */
static inline const char *own_name(char *buf, size_t size, const char *what)
{
	snprintf(buf, size, "%s-%d", what, getpid());
	return buf;
}

/* Make a VM in this process. */
static inline struct vmqos_vmm_vm *make_vm(int vcpus, const struct vmqos_vmm_workload *workload)
{
	struct vmqos_vmm_vm *vm = vmqos_vmm_create("test", vcpus + 8, 0);
	int i;

	for (i = 0; vm && i < vcpus; i++) {
		if (vmqos_vmm_add_vcpu(vm, workload) < 0 || vmqos_vmm_start(vm, i) < 0) {
			vmqos_vmm_destroy(vm);
			return NULL;
		}
	}
	return vm;
}

#endif
