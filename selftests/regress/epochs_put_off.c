// SPDX-License-Identifier: GPL-2.0
/*
 * Each change of a policy, adoption and switching of the gate put the next epoch off by
 * one more period, without bound: after a few hundred of them nothing was divided for
 * seconds. Found by measuring what an epoch costs with 1000 VMs.
 */
#include <errno.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../netlink/call.h"
#include "vmm.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define CHANGES	500

static uint64_t entitled_ns(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id)
{
	const struct nlattr *stats;

	if (vmqos_by_id(raw, answer, VMQOS_CMD_VM_STAT_GET, id))
		return 0;
	stats = vmqos_raw_attr(vmqos_raw_next(answer, NULL), VMQOS_VM_STAT_A_STATS);
	return vmqos_raw_u64(vmqos_raw_nested(stats, VMQOS_STATS_A_ENTITLED_NS));
}

TEST(policies_change_and_epochs_go_on)
{
	static const struct vmqos_vmm_workload load = { .kind = VMQOS_VMM_SPIN };
	struct vmqos_raw_answer answer = { 0 };
	struct vmqos_vmm_vm *vm;
	struct vmqos_raw raw;
	uint32_t id, gate;
	uint64_t before;
	int i, err;

	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		SKIP(return, "no family vmqos: is the module loaded?");
	ASSERT_EQ(0, err);
	gate = vmqos_host_u32(&raw, VMQOS_HOST_A_CPU_GATE);
	vm = vmqos_vmm_create("epochs", 1, 0);
	ASSERT_NE(NULL, vm);
	ASSERT_EQ(0, vmqos_vmm_add_vcpu(vm, &load));
	ASSERT_EQ(0, vmqos_vmm_start(vm, 0));
	ASSERT_EQ(0, vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), getpid(), "epochs", NULL));
	id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_wait_attached(&raw, id, 1, 20000));
	ASSERT_EQ(0, vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_GATE, 1));
	for (i = 1; i <= CHANGES; i++)
		ASSERT_EQ(0, vmqos_vm_set_u32(&raw, &answer, id, VMQOS_VM_A_CPU_SHARES, i));
	vmqos_sleep_ms(100);
	before = entitled_ns(&raw, &answer, id);
	vmqos_sleep_ms(1000);
	/* It spins, and is entitled to a CPU; only an epoch counts that. */
	EXPECT_GT(entitled_ns(&raw, &answer, id), before);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_GATE, gate);
	vmqos_vmm_destroy(vm);
	EXPECT_EQ(0, vmqos_wait_gone(&raw, id, 20000));
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
}

TEST_HARNESS_MAIN
