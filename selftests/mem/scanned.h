/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fixture: a vmramfs whose scanner works as fast as it can, of small and of large pages,
 * with holes that are filled when they are read or mapped to zeros, and with a swap file.
 */
#ifndef VMQOS_SELFTESTS_MEM_SCANNED_H
#define VMQOS_SELFTESTS_MEM_SCANNED_H

#include "kselftest_harness.h"
#include "common.h"

/* More than any file of those who use it. */
#define SWAP_SIZE	(64 * MIB)

static char where[64];

FIXTURE(scanned)
{
	bool mounted;
	int disk;
};

FIXTURE_VARIANT(scanned)
{
	const char *options;
	bool huge;
	bool limited;
	bool zeros;
	bool swapped;
};

FIXTURE_VARIANT_ADD(scanned, swapped)
{
	.options = "share_zero=on,compress=off",
	.limited = true,
	.swapped = true,
};

FIXTURE_VARIANT_ADD(scanned, swapped_huge)
{
	.options = "share_zero=on,compress=off,huge=within_size",
	.huge = true,
	.limited = true,
	.swapped = true,
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
	char device[64], options[128];

	self->mounted = false;
	self->disk = -1;
	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, mem_set_fastest());
	if (variant->swapped) {
		self->disk = mem_disk(SWAP_SIZE);
		ASSERT_LE(0, self->disk);
		ASSERT_TRUE(mem_name_of(self->disk, device, sizeof(device)));
	}
	snprintf(options, sizeof(options), "%s%s%s", variant->options,
		 variant->swapped ? ",swap=" : "", variant->swapped ? device : "");
	ASSERT_EQ(0, mem_mount(where, sizeof(where), options));
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
	if (self->disk >= 0)
		close(self->disk);
}

#endif
