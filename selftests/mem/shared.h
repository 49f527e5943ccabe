/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fixture: shared memory, and an adopted VM that has it for its own. The scanner of it works
 * as fast as it can, once the VM's policy wants it.
 */
#ifndef VMQOS_SELFTESTS_MEM_SHARED_H
#define VMQOS_SELFTESTS_MEM_SHARED_H

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "common.h"
#include "subject.h"

#define OWN		(2 * MIB)	/* the VM's memory before it gets more */
#define PATIENCE	60
#define SHARE		"/sys/module/vmqos/parameters/"
#define SHMEM_HUGE	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"

static inline int share_set(const char *name, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), SHARE "share_%s", name);
	snprintf(text, sizeof(text), "%u", value);
	return mem_write_text(path, text);
}

static inline void share_set_defaults(void)
{
	share_set("percent", 5);
	share_set("period_ms", 10000);
	share_set("pressure_percent", 10);
}

/* It knows no rest: a pass over a VM that has nothing to scan costs next to nothing. */
static inline int share_set_fastest(void)
{
	int ret = share_set("period_ms", 20);

	return ret ? ret : share_set("percent", 100);
}

/* The word in brackets of a file in /sys. */
static inline void share_read_choice(const char *path, char *word, size_t size)
{
	char line[128] = "", *from, *to;
	FILE *in = fopen(path, "r");

	if (in && !fgets(line, sizeof(line), in))
		line[0] = 0;
	if (in)
		fclose(in);
	from = strchr(line, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to)
		*to = 0;
	snprintf(word, size, "%s", to ? from + 1 : "");
}

/* Shared memory at an address that large pages could be mapped to; *@fd -1: without a name. */
static inline char *share_memory(uint64_t size, bool huge, int *fd)
{
	int flags = *fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	char *room, *at;

	if (*fd >= 0) {
		*fd = memfd_create("shared", MFD_CLOEXEC);
		if (*fd < 0 || ftruncate(*fd, size))
			return MAP_FAILED;
	}
	room = mmap(NULL, size + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return MAP_FAILED;
	at = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	at = mmap(at, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, *fd, 0);
	if (at != MAP_FAILED && huge && madvise(at, size, MADV_HUGEPAGE))
		return MAP_FAILED;
	return at;
}

/* How much of it has a page. */
static inline uint64_t share_resident(char *at, uint64_t size)
{
	unsigned char there[4096];
	uint64_t pages = 0;

	for (uint64_t from = 0; from < size; from += sizeof(there) * PAGE) {
		uint64_t bytes = size - from < sizeof(there) * PAGE ? size - from :
				 sizeof(there) * PAGE;

		if (mincore(at + from, bytes, there))
			return UINT64_MAX;
		for (uint64_t i = 0; i < bytes / PAGE; i++)
			pages += there[i] & 1;
	}
	return pages * PAGE;
}

static inline int share_slot(struct vmqos_vmm_vm *vm, unsigned int number, const void *at,
			     uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = 20 + number, .guest_phys_addr = (4ull + number) << 30,
		.memory_size = size, .userspace_addr = (uintptr_t)at,
	};

	return ioctl(vmqos_vmm_fd(vm), KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static inline int share_policy(struct vmqos *ctx, uint32_t id, uint32_t word)
{
	struct vmqos_vm_settings settings = {
		.set = VMQOS_HAS(VMQOS_VM_MEM_SHARE_ZERO), .mem_share_zero = word,
	};

	return vmqos_vm_set(ctx, id, &settings, NULL);
}

/* Another thread may be changing the address space just then: the next look finds all. */
static inline struct vmqos_mem share_look(struct vmqos *ctx, uint32_t id)
{
	struct vmqos_vm_stat stat = { .id = 0 };

	for (int i = 0; i < 100; i++) {
		if (!vmqos_vm_stat_get(ctx, id, &stat) && vmqos_mem_is_known(&stat.mem))
			break;
		usleep(10000);
	}
	return stat.mem;
}

/* Until the scanner has gone through all of it from now on, so many times. */
static inline bool share_wait_passes(struct vmqos *ctx, uint32_t id, unsigned int passes)
{
	/* The pass that is under way does not count. */
	uint64_t until = share_look(ctx, id).zero_passes + passes + 1;

	for (int i = 0; i < PATIENCE * 100; i++) {
		if (share_look(ctx, id).zero_passes >= until)
			return true;
		usleep(10000);
	}
	return false;
}

/*
 * What is no longer wanted goes on until the stretch of work that is under way ends, and takes
 * what comes meanwhile: who adopts a VM waits for that end.
 */
static inline int share_settle(struct vmqos *ctx)
{
	struct vmqos_vmm_vm *vm = vmqos_vmm_create("settle", 1, 0);
	uint32_t id;
	int ret = vm ? vmqos_subject_adopt(ctx, vm, "settle", &id) : -errno;

	if (!ret)
		ret = vmqos_vm_release_wait(ctx, id, 10000);
	if (vm)
		vmqos_vmm_destroy(vm);
	return ret;
}

/* Until so much of it has a page, and no less. */
static inline bool share_becomes(char *at, uint64_t size, uint64_t resident)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (share_resident(at, size) == resident)
			return true;
		usleep(10000);
	}
	return false;
}

/* A VM whose vCPU runs, and so is one whose memory is what it is to be. */
static inline struct vmqos_vmm_vm *share_start_vm(const char *name)
{
	static const struct vmqos_vmm_workload halt = {
		.kind = VMQOS_VMM_HALT, .period_us = 10000,
	};
	struct vmqos_vmm_vm *vm = vmqos_vmm_create(name, 1, OWN);

	if (vm && vmqos_vmm_add_vcpu(vm, &halt) >= 0 && !vmqos_vmm_start(vm, 0))
		return vm;
	if (vm)
		vmqos_vmm_destroy(vm);
	return NULL;
}

#endif
