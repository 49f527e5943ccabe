// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that had its CPU to itself did not know of a limit that its VM got until it left
 * its CPU for some reason; and then it was charged with all that it had run before, when
 * there was no limit, so that the VM stood still for up to a second. Found by comparing
 * steal time under a limit.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../netlink/call.h"
#include "proc.h"
#include "vmm.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define ROUNDS	5
#define LIMIT	500000u

static uint64_t ran_ns(struct vmqos_vmm_vm *vm)
{
	struct vmqos_proc proc;

	return vmqos_proc_read(getpid(), vmqos_vmm_tid(vm, 0), &proc) ? 0 : proc.run_ns;
}

/* The vCPU on the last CPU, and whoever would disturb it there on the first. */
static void keep_apart(pid_t vcpu)
{
	cpu_set_t first, last;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	CPU_ZERO(&last);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	sched_setaffinity(0, sizeof(first), &first);
	sched_setaffinity(vcpu, sizeof(last), &last);
}

TEST(a_limit_holds_from_when_it_is_set)
{
	static const struct vmqos_vmm_workload load = { .kind = VMQOS_VMM_SPIN };
	struct vmqos_raw_answer answer = { 0 };
	uint64_t before, since, percent, least = UINT64_MAX, most = 0;
	struct vmqos_vmm_vm *vm;
	struct vmqos_raw raw;
	uint32_t id, gate;
	int i, err;

	/* Where the machine holds the emulated host up, ticks come late, and debts are paid. */
	if (getenv("VMQOS_CLOCK") && strcmp(getenv("VMQOS_CLOCK"), "icount"))
		SKIP(return, "shares of time need the clock of instructions");
	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		SKIP(return, "no family vmqos: is the module loaded?");
	ASSERT_EQ(0, err);
	gate = vmqos_host_u32(&raw, VMQOS_HOST_A_CPU_GATE);
	vm = vmqos_vmm_create("past", 1, 0);
	ASSERT_NE(NULL, vm);
	ASSERT_EQ(0, vmqos_vmm_add_vcpu(vm, &load));
	ASSERT_EQ(0, vmqos_vmm_start(vm, 0));
	keep_apart(vmqos_vmm_tid(vm, 0));
	ASSERT_EQ(0, vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), getpid(), "past", NULL));
	id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_wait_attached(&raw, id, 1, 20000));
	ASSERT_EQ(0, vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_GATE, 1));
	for (i = 0; i < ROUNDS; i++) {
		vmqos_sleep_ms(2500);
		ASSERT_EQ(0, vmqos_vm_set_u32(&raw, &answer, id, VMQOS_VM_A_CPU_LIMIT, LIMIT));
		vmqos_sleep_ms(60);
		since = vmqos_now_ns();
		before = ran_ns(vm);
		vmqos_sleep_ms(200);
		percent = 100 * (ran_ns(vm) - before) / (vmqos_now_ns() - since);
		ASSERT_EQ(0, vmqos_vm_set_u32(&raw, &answer, id, VMQOS_VM_A_CPU_LIMIT, 0));
		TH_LOG("%llu of 50 %%", (unsigned long long)percent);
		least = percent < least ? percent : least;
		most = percent > most ? percent : most;
	}
	/* Of a limit of half a CPU, in a fifth of a second. */
	EXPECT_GT(least, 45);
	EXPECT_LT(most, 55);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_GATE, gate);
	vmqos_vmm_destroy(vm);
	EXPECT_EQ(0, vmqos_wait_gone(&raw, id, 20000));
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
}

TEST_HARNESS_MAIN
