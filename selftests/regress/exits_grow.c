// SPDX-License-Identifier: GPL-2.0
/*
 * When a vCPU was adopted between KVM's counting of an exit and of its kind,
 * the exits were told one higher until an exit of no kind of ours came, and from
 * then on right: the growth between the two readings lacked one. Found by CI.
 *
 * Adopts a busily exiting VM again and again, reads its exits at once, when it
 * is stopped and when it has run for a while, and compares with KVM's own.
 */
#include <stdio.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../netlink/call.h"
#include "vmm.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define ADOPTIONS	200
#define FEWEST		20	/* however slow the host is */
#define SPAN_MS		15000
#define VCPUS		2

static uint64_t exits_of(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id,
			 uint32_t vcpu)
{
	const struct nlattr *stats;

	if (vmqos_vcpu_get(raw, answer, id, vcpu))
		return 0;
	stats = vmqos_raw_attr(vmqos_raw_next(answer, NULL), VMQOS_VCPU_A_STATS);
	return vmqos_raw_u64(vmqos_raw_nested(stats, VMQOS_STATS_A_EXITS));
}

TEST(exits_grow_as_kvms)
{
	static const struct vmqos_vmm_workload load = { .kind = VMQOS_VMM_EXIT };
	uint64_t end = vmqos_now_ms() + SPAN_MS, ours, kvms;
	uint64_t ours_before[VCPUS], kvms_before[VCPUS];
	struct vmqos_raw_answer answer = { 0 };
	struct vmqos_vmm_vm *vm;
	struct vmqos_raw raw;
	uint32_t id;
	int i, v, err;

	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		SKIP(return, "no family vmqos: is the module loaded?");
	ASSERT_EQ(0, err);
	vm = vmqos_vmm_create("exits", VCPUS, 0);
	ASSERT_NE(NULL, vm);
	for (v = 0; v < VCPUS; v++)
		ASSERT_EQ(v, vmqos_vmm_add_vcpu(vm, &load));
	for (i = 0; i < FEWEST || (i < ADOPTIONS && vmqos_now_ms() < end); i++) {
		for (v = 0; v < VCPUS; v++)
			ASSERT_EQ(0, vmqos_vmm_start(vm, v));
		ASSERT_EQ(0, vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), getpid(), "exits", NULL));
		id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
		/* Stopped at once, no other exit than a port's may have come yet. */
		for (v = 0; v < VCPUS; v++)
			vmqos_vmm_stop(vm, v);
		for (v = 0; v < VCPUS; v++) {
			ours_before[v] = exits_of(&raw, &answer, id, v);
			ASSERT_EQ(0, vmqos_kvmstat(vmqos_vmm_vcpu_fd(vm, v), "exits",
						   &kvms_before[v]));
			ASSERT_EQ(0, vmqos_vmm_start(vm, v));
		}
		vmqos_sleep_ms(12);
		for (v = 0; v < VCPUS; v++)
			vmqos_vmm_stop(vm, v);
		for (v = 0; v < VCPUS; v++) {
			ours = exits_of(&raw, &answer, id, v);
			ASSERT_EQ(0, vmqos_kvmstat(vmqos_vmm_vcpu_fd(vm, v), "exits", &kvms));
			ASSERT_LE(kvms_before[v], kvms);
			EXPECT_EQ(kvms - kvms_before[v], ours - ours_before[v])
				TH_LOG("adoption %d, vCPU %d", i, v);
		}
		ASSERT_EQ(0, vmqos_release_and_wait(&raw, id, 20000));
	}
	TH_LOG("%d adoptions", i);
	vmqos_vmm_destroy(vm);
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
}

TEST_HARNESS_MAIN
