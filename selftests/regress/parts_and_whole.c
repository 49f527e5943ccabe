// SPDX-License-Identifier: GPL-2.0
/*
 * The counters of a vCPU were read while it ran on, the whole before its parts:
 * a reader could see eight halts, port and memory exits of seven exits in all,
 * and more time halted than blocked. Found by the fuzzer.
 *
 * Reads the counters of busily exiting vCPUs again and again; the table of the
 * interface knows that no part may be greater than its whole. And adopts a VM
 * again and again: an exit that was counted in all just before the adoption,
 * and as a port exit just after it, made the parts one ahead for ever.
 */
#include <stdio.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../netlink/call.h"
#include "../netlink/schema.h"
#include "vmm.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define READS		10000
#define ADOPTIONS	300
#define FEWEST		100	/* however slow the host is */
#define SPAN_MS		8000

TEST(no_part_is_greater_than_its_whole)
{
	static const struct vmqos_vmm_workload workload[] = {
		{ .kind = VMQOS_VMM_EXIT },
		{ .kind = VMQOS_VMM_MMIO },
		{ .kind = VMQOS_VMM_HALT, .period_us = 100 },
	};
	struct vmqos_raw_answer answer = { 0 };
	uint64_t end = vmqos_now_ms() + SPAN_MS;
	struct vmqos_vmm_vm *vm;
	struct vmqos_raw raw;
	char why[256] = "";
	uint32_t id;
	int i, err;

	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		SKIP(return, "no family vmqos: is the module loaded?");
	ASSERT_EQ(0, err);
	vm = vmqos_vmm_create("parts", 3, 0);
	ASSERT_NE(NULL, vm);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(i, vmqos_vmm_add_vcpu(vm, &workload[i]));
		ASSERT_EQ(0, vmqos_vmm_start(vm, i));
	}
	ASSERT_EQ(0, vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), getpid(), "parts", NULL));
	id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_wait_attached(&raw, id, 3, 20000));
	for (i = 0; i < FEWEST || (i < READS && vmqos_now_ms() < end); i++) {
		ASSERT_EQ(0, vmqos_vcpu_get(&raw, &answer, id, i % 3));
		ASSERT_TRUE(vmqos_schema_check_all(&answer, VMQOS_CMD_VCPU_STAT_GET, why,
						   sizeof(why)))
			TH_LOG("reading %d of vCPU %d: %s", i, i % 3, why);
	}
	TH_LOG("%d readings", i);
	EXPECT_EQ(0, vmqos_release_and_wait(&raw, id, 20000));
	end = vmqos_now_ms() + SPAN_MS;
	for (i = 0; i < FEWEST / 5 || (i < ADOPTIONS && vmqos_now_ms() < end); i++) {
		ASSERT_EQ(0, vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), getpid(), "parts", NULL));
		id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
		ASSERT_EQ(0, vmqos_dump(&raw, &answer, VMQOS_CMD_VCPU_STAT_GET));
		ASSERT_TRUE(vmqos_schema_check_all(&answer, VMQOS_CMD_VCPU_STAT_GET, why,
						   sizeof(why)))
			TH_LOG("adoption %d: %s", i, why);
		ASSERT_EQ(0, vmqos_release_and_wait(&raw, id, 20000));
	}
	TH_LOG("%d adoptions", i);
	vmqos_vmm_destroy(vm);
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
}

TEST_HARNESS_MAIN
