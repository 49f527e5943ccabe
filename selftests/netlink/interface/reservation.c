// SPDX-License-Identifier: GPL-2.0
/*
 * Admission control: the reservations of all VMs fit the CPUs that are online
 * less what the host keeps; a refusal tells what is left, to the millionth; a
 * VM that is released or has ended gives its reservation and its name back at
 * once; CPUs that go offline take nothing away.
 */
#include <fcntl.h>

#include "common.h"

#define CPU	1000000u
#define VMS	3

/* VMs without vCPUs, which may reserve as much as there is. */
struct setting {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct vmqos_vmm_vm *vm[VMS];
	struct vmqos_state before;
	uint32_t id[VMS];
	uint32_t free;		/* may still be reserved */
};

static uint32_t reserved(struct setting *s)
{
	return vmqos_host_u32(&s->raw, VMQOS_HOST_A_CPU_RESERVED);
}

static uint32_t unreserved(struct setting *s)
{
	return vmqos_host_u32(&s->raw, VMQOS_HOST_A_CPU_UNRESERVED);
}

static void set_up(struct __test_metadata *_metadata, struct setting *s)
{
	char name[64], what[16];
	int i;

	memset(s, 0, sizeof(*s));
	MUST_OPEN(&s->raw);
	for (i = 0; i < VMS; i++) {
		s->vm[i] = make_vm(0, &paused);
		ASSERT_NE(NULL, s->vm[i]);
		snprintf(what, sizeof(what), "room%d", i);
		ASSERT_EQ(0, vmqos_adopt(&s->raw, &s->answer, vmqos_vmm_fd(s->vm[i]), getpid(),
					 own_name(name, sizeof(name), what), NULL))
			TH_LOG("%s", s->answer.sentence);
		s->id[i] = vmqos_answer_u32(&s->answer, VMQOS_VM_A_ID);
	}
	ASSERT_EQ(0, vmqos_state_take(&s->raw, &s->before));
	s->free = unreserved(s);
}

static void tear_down(struct __test_metadata *_metadata, struct setting *s)
{
	int i;

	for (i = 0; i < VMS; i++) {
		if (s->id[i])
			EXPECT_EQ(0, vmqos_release_and_wait(&s->raw, s->id[i], PATIENCE));
		vmqos_vmm_destroy(s->vm[i]);
	}
	vmqos_state_free(&s->before);
	vmqos_raw_free(&s->answer);
	vmqos_raw_close(&s->raw);
}

static int reserve(struct setting *s, int vm, uint32_t amount)
{
	return vmqos_vm_set_u32(&s->raw, &s->answer, s->id[vm], VMQOS_VM_A_CPU_RESERVATION, amount);
}

static int keep(struct setting *s, uint32_t amount)
{
	return vmqos_host_set(&s->raw, &s->answer, VMQOS_HOST_A_CPU_KEPT, amount);
}

/* The last answer is a refusal for want of room that tells how much there is. */
#define EXPECT_LEFT(amount, left)						\
	do {									\
		char left_says[80];						\
		snprintf(left_says, sizeof(left_says),				\
			 "reservation of %u millionths does not fit: %u are left", amount, left); \
		EXPECT_STREQ(left_says, s.answer.sentence);			\
		EXPECT_TRUE(s.answer.has_offset);				\
	} while (0)

TEST(reservations_fit_the_host)
{
	uint32_t half;
	struct setting s;

	set_up(_metadata, &s);
	if (!s.id[2])
		return;
	half = s.free / 2;
	EXPECT_LE(CPU, s.free);
	EXPECT_EQ(-ENOSPC, reserve(&s, 0, s.free + 1));
	EXPECT_LEFT(s.free + 1, s.free);
	EXPECT_SAME_STATE(&s.raw, &s.before);
	EXPECT_EQ(0, reserve(&s, 0, half)) TH_LOG("%s", s.answer.sentence);
	EXPECT_EQ(half, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_RESERVATION));
	EXPECT_EQ(s.before.reserved + half, reserved(&s));
	EXPECT_EQ(s.free - half, unreserved(&s));
	EXPECT_EQ(-ENOSPC, reserve(&s, 1, s.free - half + 1));
	EXPECT_LEFT(s.free - half + 1, s.free - half);
	EXPECT_EQ(0, reserve(&s, 1, s.free - half));
	EXPECT_EQ(0, unreserved(&s));
	EXPECT_EQ(-ENOSPC, reserve(&s, 2, 1));
	EXPECT_LEFT(1, 0u);
	/* To reserve nothing, the same again, or less always fits. */
	EXPECT_EQ(0, reserve(&s, 2, 0));
	EXPECT_EQ(0, reserve(&s, 1, s.free - half));
	EXPECT_EQ(0, reserve(&s, 1, s.free - half - 1));
	EXPECT_EQ(0, reserve(&s, 2, 1));
	EXPECT_EQ(-ENOSPC, reserve(&s, 0, half + 1));
	EXPECT_LEFT(half + 1, half);
	EXPECT_EQ(0, unreserved(&s));
	/* Released, it gives back what it has. */
	EXPECT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, s.id[0]));
	EXPECT_EQ(half, unreserved(&s));
	EXPECT_EQ(0, reserve(&s, 1, s.free - 1));
	EXPECT_EQ(0, vmqos_wait_gone(&s.raw, s.id[0], PATIENCE));
	s.id[0] = 0;
	tear_down(_metadata, &s);
}

TEST(the_host_keeps_its_part)
{
	struct setting s;
	uint32_t part, base;
	char says[80];

	set_up(_metadata, &s);
	if (!s.id[2])
		return;
	base = s.before.kept;
	part = s.free / 4;
	EXPECT_EQ(0, reserve(&s, 0, s.free - part)) TH_LOG("%s", s.answer.sentence);
	EXPECT_REFUSED(keep(&s, base + part + 1), ENOSPC, &s.answer);
	snprintf(says, sizeof(says), "%u millionths cannot be kept: reservations leave %u",
		 base + part + 1, base + part);
	EXPECT_STREQ(says, s.answer.sentence);
	EXPECT_TRUE(s.answer.has_offset);
	EXPECT_EQ(base, vmqos_host_u32(&s.raw, VMQOS_HOST_A_CPU_KEPT));
	EXPECT_EQ(part, unreserved(&s));
	EXPECT_EQ(0, keep(&s, base + part)) TH_LOG("%s", s.answer.sentence);
	EXPECT_EQ(base + part, vmqos_answer_u32(&s.answer, VMQOS_HOST_A_CPU_KEPT));
	EXPECT_EQ(0, vmqos_answer_u32(&s.answer, VMQOS_HOST_A_CPU_UNRESERVED));
	EXPECT_EQ(-ENOSPC, reserve(&s, 1, 1));
	EXPECT_LEFT(1, 0u);
	EXPECT_EQ(0, keep(&s, base));
	EXPECT_EQ(0, reserve(&s, 1, 1));
	EXPECT_EQ(0, reserve(&s, 1, 0));
	EXPECT_EQ(0, reserve(&s, 0, 0));
	EXPECT_REFUSED(keep(&s, 0xffffffff), ENOSPC, &s.answer);
	EXPECT_SAME_STATE(&s.raw, &s.before);
	tear_down(_metadata, &s);
}

/* A VM of another process that has reserved all there is. */
static void start_peer(struct __test_metadata *_metadata, struct setting *s,
		       struct vmqos_peer *peer, const char *name, uint32_t *id)
{
	/* As much as one vCPU may have. */
	uint32_t amount = s->free < CPU ? s->free : CPU;

	ASSERT_EQ(0, vmqos_peer_start(peer, &spin, 1));
	ASSERT_LE(0, vmqos_peer_getfd(peer));
	ASSERT_EQ(0, vmqos_adopt(&s->raw, &s->answer, peer->vm_fd, peer->pid, name, NULL))
		TH_LOG("%s", s->answer.sentence);
	*id = vmqos_answer_u32(&s->answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_wait_attached(&s->raw, *id, 1, PATIENCE));
	ASSERT_EQ(0, vmqos_vm_set_u32(&s->raw, &s->answer, *id, VMQOS_VM_A_CPU_RESERVATION, amount))
		TH_LOG("%s", s->answer.sentence);
	ASSERT_EQ(s->free - amount, unreserved(s));
}

TEST(a_vm_that_cannot_let_go_has_given_all_back)
{
	struct vmqos_peer peer;
	struct setting s;
	char name[64];
	uint32_t id;

	set_up(_metadata, &s);
	if (!s.id[2])
		return;
	own_name(name, sizeof(name), "stopped");
	start_peer(_metadata, &s, &peer, name, &id);
	ASSERT_EQ(0, vmqos_peer_stop(&peer));
	EXPECT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, id));
	EXPECT_EQ(VMQOS_VM_STATE_RELEASING, vmqos_answer_u32(&s.answer, VMQOS_VM_A_STATE));
	EXPECT_EQ(s.free, unreserved(&s));
	EXPECT_EQ(0, reserve(&s, 0, s.free)) TH_LOG("%s", s.answer.sentence);
	/* Found by its name as long as nobody else wants that. */
	EXPECT_EQ(0, vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_GET, name));
	EXPECT_EQ(id, vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id[0], name, NULL))
		TH_LOG("%s", s.answer.sentence);
	EXPECT_EQ(0, vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_GET, name));
	EXPECT_EQ(s.id[0], vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
	EXPECT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_GET, id));
	EXPECT_STREQ(name, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	ASSERT_EQ(0, kill(peer.pid, SIGCONT));
	EXPECT_EQ(0, vmqos_wait_gone(&s.raw, id, PATIENCE));
	/* Going, it does not take the name along. */
	EXPECT_EQ(0, vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_GET, name));
	EXPECT_EQ(s.id[0], vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
	EXPECT_EQ(-EEXIST, vmqos_vm_set(&s.raw, &s.answer, s.id[1], name, NULL));
	vmqos_peer_close_vm(&peer);
	vmqos_peer_kill(&peer);
	tear_down(_metadata, &s);
}

/* The scan that would notice comes in ten seconds only. */
TEST(a_vm_that_died_unnoticed_has_given_all_back)
{
	struct vmqos_peer peer;
	struct setting s;
	char name[64];
	uint32_t id, step;

	set_up(_metadata, &s);
	if (!s.id[2])
		return;
	own_name(name, sizeof(name), "dead");
	for (step = 0; step < 2; step++) {
		ASSERT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_SCAN_PERIOD_MS, 50));
		start_peer(_metadata, &s, &peer, name, &id);
		ASSERT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_SCAN_PERIOD_MS, 10000));
		EXPECT_EQ(-EEXIST, vmqos_vm_set(&s.raw, &s.answer, s.id[1], name, NULL));
		vmqos_peer_close_vm(&peer);
		vmqos_peer_kill(&peer);
		EXPECT_EQ(s.free, unreserved(&s));
		EXPECT_EQ(0, reserve(&s, 0, s.free)) TH_LOG("%s", s.answer.sentence);
		EXPECT_EQ(0, reserve(&s, 0, 0));
		/* By a change first, then by an adoption. */
		if (step) {
			EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, s.id[2], PATIENCE));
			EXPECT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm[2]),
						 getpid(), name, NULL))
				TH_LOG("%s", s.answer.sentence);
			s.id[2] = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
		} else {
			EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id[2], name, NULL))
				TH_LOG("%s", s.answer.sentence);
		}
		EXPECT_EQ(0, vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_GET, name));
		EXPECT_EQ(s.id[2], vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
		/* Taking the name has had its end noticed, without a scan. */
		EXPECT_EQ(0, vmqos_wait_gone(&s.raw, id, PATIENCE / 4));
		EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id[2], "else", NULL));
	}
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_SCAN_PERIOD_MS,
				    s.before.scan_period_ms));
	tear_down(_metadata, &s);
}

static int set_online(int cpu, const char *how)
{
	char path[80];
	int fd, ret;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, how, 1) == 1 ? 0 : -1;
	close(fd);
	return ret;
}

TEST(cpus_that_go_offline_take_nothing_away)
{
	uint32_t cpus, kept;
	struct setting s;

	set_up(_metadata, &s);
	if (!s.id[2])
		return;
	cpus = vmqos_host_u32(&s.raw, VMQOS_HOST_A_CPUS);
	kept = s.before.kept;
	/* All but a quarter of a CPU is reserved. */
	ASSERT_EQ(0, reserve(&s, 0, s.free - CPU / 4)) TH_LOG("%s", s.answer.sentence);
	if (cpus < 2 || set_online(cpus - 1, "0")) {
		tear_down(_metadata, &s);
		SKIP(return, "the host has no CPU that can go offline");
	}
	EXPECT_EQ(cpus - 1, vmqos_host_u32(&s.raw, VMQOS_HOST_A_CPUS));
	EXPECT_EQ(s.before.reserved + s.free - CPU / 4, reserved(&s));
	EXPECT_EQ(0, unreserved(&s));
	EXPECT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_GET, s.id[0]));
	EXPECT_EQ(s.free - CPU / 4, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_RESERVATION));
	/* Whatever does not ask for more is still done. */
	EXPECT_EQ(0, vmqos_vm_set_u32(&s.raw, &s.answer, s.id[0], VMQOS_VM_A_CPU_SHARES, 9));
	EXPECT_EQ(0, keep(&s, kept));
	EXPECT_REFUSED(keep(&s, kept + 1), ENOSPC, &s.answer);
	EXPECT_EQ(-ENOSPC, reserve(&s, 1, 1));
	EXPECT_LEFT(1, 0u);
	EXPECT_EQ(-ENOSPC, reserve(&s, 0, s.free - CPU / 4 + 1));
	EXPECT_EQ(0, reserve(&s, 0, s.free - CPU / 2));
	/* Back again, there is room again. */
	ASSERT_EQ(0, set_online(cpus - 1, "1"));
	EXPECT_EQ(CPU / 2, unreserved(&s));
	EXPECT_EQ(0, reserve(&s, 1, CPU / 2)) TH_LOG("%s", s.answer.sentence);
	tear_down(_metadata, &s);
}

TEST_HARNESS_MAIN
