// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that runs vCPUs of two VMs in turn is counted to the first. When
 * that VM was released the second one's vCPU stayed uncounted for ever. Found
 * by reading.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../netlink/call.h"

/*
 * A vCPU that is told to leave KVM_RUN at once, before it gets to the guest: it is
 * all it takes for KVM to know its thread. It has no memory. Let in it would never
 * leave on Linux 7.3 with AMD: as its first instruction cannot be read, KVM injects
 * an invalid opcode for ever.
 */
static int bare_vcpu(int kvm, int *vm)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), vcpu;
	struct kvm_run *run;

	*vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (*vm < 0)
		return -1;
	vcpu = ioctl(*vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return -1;
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return -1;
	run->immediate_exit = 1;
	/* The page is the vCPU's and keeps what was written. */
	munmap(run, size);
	return vcpu;
}

static uint32_t vcpu_state(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id)
{
	if (vmqos_vcpu_get(raw, answer, id, 0))
		return 99;
	return vmqos_answer_u32(answer, VMQOS_VCPU_A_STATE);
}

/* Run both vCPUs in this thread until one has the state. */
static bool run_until(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, const int *vcpu,
		      uint32_t id, uint32_t state)
{
	uint64_t end = vmqos_now_ms() + 20000;

	while (vcpu_state(raw, answer, id) != state) {
		if (vmqos_now_ms() > end)
			return false;
		ioctl(vcpu[0], KVM_RUN, 0);
		ioctl(vcpu[1], KVM_RUN, 0);
		vmqos_sleep_ms(1);
	}
	return true;
}

TEST(the_second_vcpu_of_a_thread_takes_over)
{
	struct vmqos_raw_answer answer = { 0 };
	int kvm = open("/dev/kvm", O_RDWR), vm[2], vcpu[2], i, err;
	struct vmqos_raw raw;
	char name[16];
	uint32_t id[2];

	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		SKIP(return, "no family vmqos: is the module loaded?");
	ASSERT_EQ(0, err);
	for (i = 0; i < 2; i++) {
		vcpu[i] = bare_vcpu(kvm, &vm[i]);
		ASSERT_LE(0, vcpu[i]);
		snprintf(name, sizeof(name), "shared-%d", i);
		ASSERT_EQ(0, vmqos_adopt(&raw, &answer, vm[i], getpid(), name, NULL))
			TH_LOG("%s", answer.sentence);
		id[i] = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	}
	/* The first alone, so that it is the one that is hooked. */
	for (i = 0; i < 200 && vcpu_state(&raw, &answer, id[0]) != VMQOS_VCPU_STATE_ATTACHED; i++) {
		ioctl(vcpu[0], KVM_RUN, 0);
		vmqos_sleep_ms(20);
	}
	ASSERT_EQ(VMQOS_VCPU_STATE_ATTACHED, vcpu_state(&raw, &answer, id[0]));
	ASSERT_TRUE(run_until(&raw, &answer, vcpu, id[1], VMQOS_VCPU_STATE_SHARED));
	EXPECT_EQ(VMQOS_VCPU_STATE_ATTACHED, vcpu_state(&raw, &answer, id[0]));
	ASSERT_EQ(0, vmqos_release_and_wait(&raw, id[0], 20000));
	EXPECT_TRUE(run_until(&raw, &answer, vcpu, id[1], VMQOS_VCPU_STATE_ATTACHED))
		TH_LOG("its state is %u", vcpu_state(&raw, &answer, id[1]));
	EXPECT_EQ(0, vmqos_release_and_wait(&raw, id[1], 20000));
	for (i = 0; i < 2; i++) {
		close(vcpu[i]);
		close(vm[i]);
	}
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
}

TEST_HARNESS_MAIN
