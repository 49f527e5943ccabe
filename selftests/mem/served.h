/* SPDX-License-Identifier: GPL-2.0 */
/* A fixture: a file of vmramfs, and an adopted VM that can be given memory from it. */
#ifndef VMQOS_SELFTESTS_MEM_SERVED_H
#define VMQOS_SELFTESTS_MEM_SERVED_H

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "common.h"
#include "subject.h"

#define SIZE		(4 * MIB)
#define OWN		(2 * MIB)	/* the VM's memory before it gets more */
#define SLOT		20
#define PATIENCE	60

FIXTURE(served)
{
	char where[64];
	int fd;
	char *at;
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm;
	uint32_t id;
};

/* Memory for the guest, at an address that goes with the number of the slot. */
static inline int slot(struct vmqos_vmm_vm *vm, unsigned int number, const void *at, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = SLOT + number, .guest_phys_addr = (4ull + number) << 30,
		.memory_size = size, .userspace_addr = (uintptr_t)at,
	};

	return ioctl(vmqos_vmm_fd(vm), KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

FIXTURE_SETUP(served)
{
	const char *missing = mem_missing() ?: vmqos_subject_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	mem_set_defaults();
	ASSERT_EQ(0, mem_set_fastest());
	self->fd = mem_begin(self->where, "share_zero=off", SIZE, &self->at);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	self->vm = vmqos_vmm_create("served", 1, OWN);
	ASSERT_NE(NULL, self->vm);
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "served", &self->id))
		TH_LOG("%s", vmqos_error(self->ctx));
}

FIXTURE_TEARDOWN(served)
{
	mem_set_defaults();
	if (self->fd < 0)
		return;
	if (self->vm)
		vmqos_vmm_destroy(self->vm);
	vmqos_subject_wait_gone(self->ctx, self->id, 10000);
	vmqos_close(self->ctx);
	EXPECT_EQ(0, mem_end(self->where, self->fd, self->at, SIZE));
}

/* Another thread may be changing the address space just then: the next look finds all. */
static inline struct vmqos_mem look(struct vmqos *ctx, uint32_t id)
{
	struct vmqos_vm_stat stat = { .id = 0 };

	for (int i = 0; i < 100; i++) {
		if (!vmqos_vm_stat_get(ctx, id, &stat) && vmqos_mem_is_known(&stat.mem))
			break;
		usleep(10000);
	}
	return stat.mem;
}

static inline bool has(const struct vmqos_mem *mem, unsigned int field)
{
	return vmqos_mem_has(mem, field);
}

#endif
