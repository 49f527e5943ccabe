/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fixture: a vmramfs whose scanner works as fast as it can, of small and of large pages,
 * with holes that are filled when they are read or mapped to zeros.
 */
#ifndef VMQOS_SELFTESTS_MEM_SCANNED_H
#define VMQOS_SELFTESTS_MEM_SCANNED_H

#include "kselftest_harness.h"
#include "common.h"

static char where[64];

FIXTURE(scanned)
{
	bool mounted;
};

FIXTURE_VARIANT(scanned)
{
	const char *options;
	bool huge;
	bool limited;
	bool zeros;
};

FIXTURE_VARIANT_ADD(scanned, small)
{
	.options = "share_zero=on",
};

FIXTURE_VARIANT_ADD(scanned, huge)
{
	.options = "share_zero=on,huge=within_size",
	.huge = true,
};

FIXTURE_VARIANT_ADD(scanned, limited)
{
	.options = "share_zero=on",
	.limited = true,
};

FIXTURE_VARIANT_ADD(scanned, limited_huge)
{
	.options = "share_zero=on,huge=within_size",
	.huge = true,
	.limited = true,
};

FIXTURE_VARIANT_ADD(scanned, zeros)
{
	.options = "share_zero=on,zeros=map",
	.zeros = true,
};

FIXTURE_VARIANT_ADD(scanned, zeros_limited_huge)
{
	.options = "share_zero=on,zeros=map,huge=within_size",
	.huge = true,
	.limited = true,
	.zeros = true,
};

FIXTURE_SETUP(scanned)
{
	const char *missing = mem_missing();

	self->mounted = false;
	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, mem_set_fastest());
	ASSERT_EQ(0, mem_mount(where, sizeof(where), variant->options));
	self->mounted = true;
}

/* Under limits pages go and come all the time, which takes long: only in the long form. */
static inline bool left_out(bool limited)
{
	return limited && !getenv("VMQOS_LONG") && !getenv("VMQOS_SECONDS");
}

FIXTURE_TEARDOWN(scanned)
{
	mem_set_defaults();
	if (self->mounted) {
		EXPECT_EQ(0, mem_umount(where));
	}
}

#endif
