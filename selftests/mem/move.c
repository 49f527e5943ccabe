// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's memory is moved to another NUMA node while its vCPUs write, wherever it comes from:
 * all of it is then where it is said to be, and holds what was written. What cannot be done
 * is refused, and has changed nothing.
 */
#include <linux/capability.h>
#include <sys/wait.h>

#include "served.h"

#define BYTES		(4 * MIB)
#define WORDS		(BYTES / sizeof(uint32_t))
#define VCPUS		2
#define MOVES		6
#define PROGRESS	2000	/* pages that each vCPU is to have written between moves */

enum kind { RAMFS, RAMFS_HUGE, MEMFD, ANONYMOUS };

/* A process may have it mapped twice, as some VMMs do: @again. */
FIXTURE(moved)
{
	char where[64];
	int fd;
	char *at, *again;
	struct vmqos *ctx;
	struct vmqos_vmm_vm *vm;
	uint32_t id;
	int balancing;
};

FIXTURE_VARIANT(moved)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(moved, vmramfs) { .kind = RAMFS };
FIXTURE_VARIANT_ADD(moved, vmramfs_2m) { .kind = RAMFS_HUGE };
FIXTURE_VARIANT_ADD(moved, memfd) { .kind = MEMFD };
FIXTURE_VARIANT_ADD(moved, anonymous) { .kind = ANONYMOUS };

/* What word @i of the memory holds where no vCPU writes. */
static uint32_t pattern(size_t i)
{
	return i * 2654435761u;
}

/* Each vCPU writes a word of each page, at 256 times its number. */
static bool is_guests(size_t i)
{
	return !(i % 64) && i % 1024 / 64 < VCPUS;
}

static size_t count_wrong(const char *at)
{
	const uint32_t *words = (const uint32_t *)at;
	size_t wrong = 0;

	for (size_t i = 0; i < WORDS; i++)
		wrong += words[i] != pattern(i) && !is_guests(i);
	return wrong;
}

/* The kernel itself would have the pages where the vCPUs run. */
static int balancing(int mode)
{
	static const char path[] = "/proc/sys/kernel/numa_balancing";
	char text[16] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	fd = atoi(text);
	snprintf(text, sizeof(text), "%d", mode);
	mem_write_text(path, text);
	return fd;
}

static int get_memory(int kind, char where[64], char **at, char **again)
{
	int fd = -1;

	switch (kind) {
	case RAMFS:
	case RAMFS_HUGE:
		fd = mem_begin(where, kind == RAMFS ? "huge=never" : "huge=within_size", BYTES, at);
		break;
	case MEMFD:
		fd = memfd_create("moved", 0);
		if (fd >= 0 && !ftruncate(fd, BYTES))
			*at = mem_map(fd, BYTES);
		break;
	case ANONYMOUS:
		/* Between two others, lest the kernel joins it to a neighbour. */
		*at = mmap(NULL, BYTES + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (*at == MAP_FAILED)
			break;
		*at += PAGE;
		if (mprotect(*at, BYTES, PROT_READ | PROT_WRITE))
			break;
		fd = open("/dev/null", O_RDONLY);
		break;
	}
	if (fd >= 0)
		*again = kind == ANONYMOUS ? MAP_FAILED : mem_map(fd, BYTES);
	return fd;
}

FIXTURE_SETUP(moved)
{
	const char *missing = mem_missing() ?: vmqos_subject_missing();

	self->fd = -1;
	if (missing)
		SKIP(return, "%s", missing);
	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "one NUMA node only: scripts/selftests --numa 2");
	mem_set_defaults();
	self->balancing = balancing(0);
	if (variant->kind == RAMFS_HUGE)
		mem_compact();
	self->at = MAP_FAILED;
	self->fd = get_memory(variant->kind, self->where, &self->at, &self->again);
	ASSERT_LE(0, self->fd);
	ASSERT_NE(MAP_FAILED, self->at);
	for (size_t i = 0; i < WORDS; i++)
		if (!is_guests(i))
			((uint32_t *)self->at)[i] = pattern(i);
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	self->vm = vmqos_vmm_create("moved", VCPUS, 0);
	ASSERT_NE(NULL, self->vm);
	for (int i = 0; i < VCPUS; i++) {
		struct vmqos_vmm_workload churn = {
			.kind = VMQOS_VMM_CHURN, .memory = self->at, .bytes = BYTES,
			.offset = i * 256,
		};

		ASSERT_LE(0, vmqos_vmm_add_vcpu(self->vm, &churn));
	}
	ASSERT_EQ(0, vmqos_subject_adopt(self->ctx, self->vm, "moved", &self->id))
		TH_LOG("%s", vmqos_error(self->ctx));
}

FIXTURE_TEARDOWN(moved)
{
	if (self->fd < 0)
		return;
	if (self->balancing > 0)
		balancing(self->balancing);
	if (self->vm)
		vmqos_vmm_destroy(self->vm);
	vmqos_subject_wait_gone(self->ctx, self->id, 10000);
	vmqos_close(self->ctx);
	if (self->again != MAP_FAILED)
		munmap(self->again, BYTES);
	munmap(self->at, BYTES);
	close(self->fd);
	if (variant->kind == RAMFS || variant->kind == RAMFS_HUGE)
		EXPECT_EQ(0, mem_umount(self->where));
}

/* Bytes that are on @node by the kernel's word, asked page by page. */
static size_t count_on(const char *at, int node)
{
	static void *pages[BYTES / PAGE];
	static int status[BYTES / PAGE];
	size_t bytes = 0;

	for (size_t i = 0; i < BYTES / PAGE; i++)
		pages[i] = (void *)(at + i * PAGE);
	if (syscall(SYS_move_pages, 0, BYTES / PAGE, pages, NULL, status, 0))
		return SIZE_MAX;
	for (size_t i = 0; i < BYTES / PAGE; i++)
		bytes += status[i] == node ? PAGE : 0;
	return bytes;
}

/* The same by numa_maps, which counts for the mapping: "ADDRESS ... N0=5 N1=2043". */
static size_t count_in_numa_maps(const char *at, int node)
{
	unsigned long address, pages = 0;
	char line[1024], key[16], *word;
	unsigned int kib = 4;
	FILE *in = fopen("/proc/self/numa_maps", "r");

	snprintf(key, sizeof(key), " N%d=", node);
	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%lx", &address) != 1 || address != (uintptr_t)at)
			continue;
		word = strstr(line, key);
		pages = word ? strtoul(word + strlen(key), NULL, 10) : 0;
		word = strstr(line, "kernelpagesize_kB=");
		if (word)
			kib = atoi(word + 18);
	}
	if (in)
		fclose(in);
	return pages * kib * 1024;
}

static bool goes_on(struct vmqos_vmm_vm *vm)
{
	struct vmqos_vmm_counts before, now;

	for (int i = 0; i < VCPUS; i++) {
		vmqos_vmm_counts(vm, i, &before);
		for (int j = 0; j < PATIENCE * 100; j++) {
			vmqos_vmm_counts(vm, i, &now);
			if (now.work - before.work >= PROGRESS)
				break;
			usleep(10000);
		}
		if (now.work - before.work < PROGRESS)
			return false;
	}
	return true;
}

/* Of what the VM has besides, the kernel may hold a page or two: KVM's own. */
TEST_F_TIMEOUT(moved, while_the_guest_writes, 600)
{
	struct vmqos_placement placement;
	struct vmqos_vmm_counts counts;
	struct vmqos_move move;

	for (int i = 0; i < VCPUS; i++)
		ASSERT_EQ(0, vmqos_vmm_start(self->vm, i));
	for (int i = 0; i < MOVES; i++) {
		int node = !(i % 2), tries = 0;
		uint64_t moved = 0;

		ASSERT_TRUE(goes_on(self->vm));
		/* What the guest has in use just then is left: it is asked for again. */
		do {
			ASSERT_EQ(0, vmqos_vm_move(self->ctx, self->id, node, NULL, NULL, &move))
				TH_LOG("%s", vmqos_error(self->ctx));
			moved += move.moved;
			EXPECT_TRUE(move.complete);
			EXPECT_LE(BYTES, move.configured);
			EXPECT_EQ(move.configured, move.moved + move.there + move.unmapped +
				  move.busy + move.no_memory + move.refused);
			EXPECT_EQ(0, move.no_memory);
		} while (count_on(self->at, node) != BYTES && tries++ < 20);
		EXPECT_EQ(BYTES, count_on(self->at, node));
		EXPECT_EQ(BYTES, count_in_numa_maps(self->at, node));
		/* At the first time some may have been there before. */
		if (i)
			EXPECT_LE(BYTES, moved);
		ASSERT_EQ(0, vmqos_vm_placement(self->ctx, self->id, &placement));
		EXPECT_LE(BYTES, placement.on_node[node]);
		EXPECT_EQ(placement.configured, placement.on_node[0] + placement.on_node[1] +
			  placement.unmapped);
		TH_LOG("%lu KiB moved to node %d, %lu there, %lu in use, %lu refused, %d more tries",
		       moved >> 10, node, move.there >> 10, move.busy >> 10, move.refused >> 10,
		       tries);
	}
	ASSERT_TRUE(goes_on(self->vm));
	for (int i = 0; i < VCPUS; i++) {
		ASSERT_EQ(0, vmqos_vmm_stop(self->vm, i));
		vmqos_vmm_counts(self->vm, i, &counts);
		EXPECT_EQ(0, counts.errors);
	}
	EXPECT_EQ(0, count_wrong(self->at));
	if (self->again != MAP_FAILED)
		EXPECT_EQ(0, count_wrong(self->again));
}

static bool stop_after(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

TEST_F_TIMEOUT(moved, nothing_where_it_is_refused, 120)
{
	struct vmqos_move move;
	size_t before;
	int left;

	ASSERT_EQ(0, vmqos_vm_move(self->ctx, self->id, 0, NULL, NULL, &move));
	before = count_on(self->at, 0);
	EXPECT_EQ(BYTES, before);
	EXPECT_EQ(-ENXIO, vmqos_vm_move(self->ctx, self->id, 60, NULL, NULL, &move));
	EXPECT_NE(NULL, strstr(vmqos_error(self->ctx), "node 60"));
	EXPECT_EQ(-ENXIO, vmqos_vm_move(self->ctx, self->id, UINT32_MAX, NULL, NULL, &move));
	EXPECT_EQ(-ENOENT, vmqos_vm_move(self->ctx, 0x7ffffffe, 1, NULL, NULL, &move));
	/* Ended before it has begun, and once it has. */
	left = 0;
	EXPECT_EQ(0, vmqos_vm_move(self->ctx, self->id, 1, stop_after, &left, &move));
	EXPECT_FALSE(move.complete);
	EXPECT_EQ(0, move.moved);
	EXPECT_EQ(before, count_on(self->at, 0));
	left = 1;
	EXPECT_EQ(0, vmqos_vm_move(self->ctx, self->id, 1, stop_after, &left, &move));
	EXPECT_FALSE(move.complete);
	EXPECT_LT(0, move.configured);
}

/* In a child that has lost @capability: 0 when it is refused as it should be. */
static int refused_without(unsigned int capability, uint32_t id)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { };
	struct vmqos_move move;
	struct vmqos *ctx;
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (syscall(SYS_capget, &header, data))
			_exit(2);
		data[capability / 32].effective &= ~(1u << capability % 32);
		data[capability / 32].permitted &= ~(1u << capability % 32);
		if (syscall(SYS_capset, &header, data) || vmqos_open(&ctx))
			_exit(3);
		status = vmqos_vm_move(ctx, id, 1, NULL, NULL, &move);
		_exit(status == -EPERM && !move.moved && strstr(vmqos_error(ctx), "CAP_") ? 0 : 4);
	}
	waitpid(pid, &status, 0);
	return status;
}

TEST_F_TIMEOUT(moved, by_those_who_may, 120)
{
	struct vmqos_move move;

	ASSERT_EQ(0, vmqos_vm_move(self->ctx, self->id, 0, NULL, NULL, &move));
	EXPECT_EQ(0, refused_without(CAP_SYS_NICE, self->id));
	EXPECT_EQ(0, refused_without(CAP_NET_ADMIN, self->id));
	/* It has fewer capabilities than the VMM then, which is to be looked into. */
	EXPECT_EQ(0, refused_without(CAP_SYS_PTRACE, self->id));
	EXPECT_EQ(BYTES, count_on(self->at, 0));
}

TEST_HARNESS_MAIN
