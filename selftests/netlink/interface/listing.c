// SPDX-License-Identifier: GPL-2.0
/*
 * Lists: every object once, whatever the reader's buffer; pieces of bounded size;
 * changes during a list are announced; a list left half read does no harm.
 */
#include <sys/socket.h>

#include "common.h"

#define MANY_VMS	120
#define MANY_VCPUS	48
#define PIECE_BYTES	32768

struct setting {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct vmqos_vmm_vm **vm;
	uint32_t *id;
	int vms;
};

static void set_up(struct __test_metadata *_metadata, struct setting *s, int vms, int vcpus)
{
	char what[32], name[64];
	int i;

	memset(s, 0, sizeof(*s));
	MUST_OPEN(&s->raw);
	vmqos_vmm_raise_limits(vms, vcpus);
	s->vm = calloc(vms, sizeof(*s->vm));
	s->id = calloc(vms, sizeof(*s->id));
	for (i = 0; i < vms; i++) {
		s->vm[i] = make_vm(vcpus, &paused);
		ASSERT_NE(NULL, s->vm[i]) TH_LOG("VM %d of %d", i, vms);
		snprintf(what, sizeof(what), "list-%d", i);
		ASSERT_EQ(0, vmqos_adopt(&s->raw, &s->answer, vmqos_vmm_fd(s->vm[i]), getpid(),
					 own_name(name, sizeof(name), what), NULL))
			TH_LOG("%s", s->answer.sentence);
		s->id[i] = vmqos_answer_u32(&s->answer, VMQOS_VM_A_ID);
	}
	s->vms = vms;
}

static void tear_down(struct __test_metadata *_metadata, struct setting *s)
{
	int i;

	for (i = 0; i < s->vms; i++) {
		if (s->id[i]) {
			EXPECT_EQ(0, vmqos_release_and_wait(&s->raw, s->id[i], PATIENCE));
		}
		vmqos_vmm_destroy(s->vm[i]);
	}
	free(s->vm);
	free(s->id);
	vmqos_raw_free(&s->answer);
	vmqos_raw_close(&s->raw);
}

/* How often an answer holds a VM (and one of its vCPUs, if @index is not negative). */
static int occurrences(const struct vmqos_raw_answer *answer, uint32_t id, int index)
{
	const struct nlmsghdr *nlh = NULL;
	int n = 0;

	while ((nlh = vmqos_raw_next(answer, nlh)))
		if (vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VM_A_ID)) == id &&
		    (index < 0 || (int)vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VCPU_A_INDEX)) ==
		     index))
			n++;
	return n;
}

TEST(every_vm_is_listed_once)
{
	static const uint8_t cmds[] = { VMQOS_CMD_VM_GET, VMQOS_CMD_VM_STAT_GET };
	struct setting s;
	unsigned int c;
	int i;

	set_up(_metadata, &s, MANY_VMS, 0);
	if (!s.vms)
		return;
	for (c = 0; c < sizeof(cmds); c++) {
		ASSERT_EQ(0, vmqos_dump(&s.raw, &s.answer, cmds[c]));
		EXPECT_LE(MANY_VMS, (int)s.answer.replies);
		EXPECT_FALSE(s.answer.interrupted);
		EXPECT_WELL_FORMED(&s.answer, cmds[c]);
		for (i = 0; i < s.vms; i++)
			EXPECT_EQ(1, occurrences(&s.answer, s.id[i], -1)) TH_LOG("VM %u", s.id[i]);
	}
	tear_down(_metadata, &s);
}

TEST(every_vcpu_is_listed_once)
{
	struct vmqos_raw_msg msg;
	struct setting s;
	int i, j;

	set_up(_metadata, &s, 3, MANY_VCPUS);
	if (!s.vms)
		return;
	ASSERT_EQ(0, vmqos_dump(&s.raw, &s.answer, VMQOS_CMD_VCPU_STAT_GET));
	EXPECT_LE(3 * MANY_VCPUS, (int)s.answer.replies);
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VCPU_STAT_GET);
	for (i = 0; i < s.vms; i++)
		for (j = 0; j < MANY_VCPUS; j++)
			EXPECT_EQ(1, occurrences(&s.answer, s.id[i], j));
	/* Of one VM alone. */
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_DUMP);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_VM_ID, s.id[1]);
	ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
	EXPECT_EQ(0, s.answer.error);
	EXPECT_EQ(MANY_VCPUS, (int)s.answer.replies);
	for (j = 0; j < MANY_VCPUS; j++)
		EXPECT_EQ(1, occurrences(&s.answer, s.id[1], j));
	/* Of one that does not exist. */
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_DUMP);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_VM_ID, 0x7ffffffe);
	ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
	EXPECT_REFUSED(-s.answer.error, ENOENT, &s.answer);
	EXPECT_EQ(0, s.answer.replies);
	tear_down(_metadata, &s);
}

/* Read one piece of a list; its size, 0 at the end. */
static ssize_t piece(struct __test_metadata *_metadata, struct vmqos_raw *raw, uint8_t *buf,
		     size_t size)
{
	ssize_t got = recv(raw->fd, buf, size, MSG_TRUNC);

	EXPECT_LT(0, got);
	EXPECT_GE((ssize_t)size, got) TH_LOG("a piece of %zd bytes", got);
	return got;
}

static bool is_done(const uint8_t *buf, ssize_t size)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	for (; size >= (ssize_t)NLMSG_HDRLEN; size -= NLMSG_ALIGN(nlh->nlmsg_len),
	     nlh = (const struct nlmsghdr *)((const uint8_t *)nlh + NLMSG_ALIGN(nlh->nlmsg_len)))
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
	return false;
}

/* A reader with a small buffer gets small pieces, and all of them. */
TEST(pieces_are_bounded)
{
	static uint8_t buf[PIECE_BYTES];
	struct vmqos_raw_msg msg;
	unsigned int pieces = 0;
	struct setting s;
	ssize_t got;

	set_up(_metadata, &s, 3, MANY_VCPUS);
	if (!s.vms)
		return;
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_DUMP);
	ASSERT_EQ(0, vmqos_raw_send(&s.raw, &msg));
	do {
		got = piece(_metadata, &s.raw, buf, sizeof(buf));
		pieces++;
	} while (got > 0 && !is_done(buf, got) && pieces < 1000);
	EXPECT_TRUE(is_done(buf, got));
	EXPECT_LT(1, pieces);
	TH_LOG("%d vCPUs came in %u pieces", 3 * MANY_VCPUS, pieces);
	tear_down(_metadata, &s);
}

/* VMs that stay are listed once even if others go in the middle of the list. */
TEST(a_list_bears_changes)
{
	struct vmqos_raw changer;
	struct vmqos_raw_msg msg;
	struct setting s;
	uint32_t freed[MANY_VMS] = { 0 };
	int i;

	set_up(_metadata, &s, MANY_VMS, 1);
	if (!s.vms)
		return;
	ASSERT_EQ(0, vmqos_raw_open(&changer));
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_STAT_GET, NLM_F_DUMP);
	ASSERT_EQ(0, vmqos_raw_send(&s.raw, &msg));
	/* The first pieces lie in the socket by now, the rest is yet to be made. */
	for (i = 0; i < s.vms; i += 2) {
		EXPECT_EQ(0, vmqos_release_and_wait(&changer, s.id[i], PATIENCE));
		freed[i] = s.id[i];
	}
	ASSERT_EQ(0, vmqos_raw_receive(&s.raw, &s.answer));
	EXPECT_EQ(0, s.answer.error);
	EXPECT_TRUE(s.answer.interrupted) TH_LOG("nothing says that the list is inconsistent");
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_STAT_GET);
	for (i = 0; i < s.vms; i++) {
		if (freed[i]) {
			EXPECT_GE(1, occurrences(&s.answer, s.id[i], -1));
			s.id[i] = 0;
		} else {
			EXPECT_EQ(1, occurrences(&s.answer, s.id[i], -1)) TH_LOG("VM %u", s.id[i]);
		}
	}
	vmqos_raw_close(&changer);
	tear_down(_metadata, &s);
}

TEST(a_list_left_half_read_does_no_harm)
{
	struct vmqos_raw_msg msg;
	struct vmqos_raw other;
	struct setting s;
	int i;

	set_up(_metadata, &s, 3, MANY_VCPUS);
	if (!s.vms)
		return;
	for (i = 0; i < 8; i++) {
		static uint8_t buf[PIECE_BYTES];

		ASSERT_EQ(0, vmqos_raw_open(&other));
		vmqos_raw_begin(&other, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_DUMP);
		ASSERT_EQ(0, vmqos_raw_send(&other, &msg));
		if (i & 1)
			piece(_metadata, &other, buf, sizeof(buf));
		/* A second list on the same socket has to wait for the first. */
		if (i & 2) {
			vmqos_raw_begin(&other, &msg, VMQOS_CMD_VM_GET, NLM_F_DUMP);
			ASSERT_EQ(0, vmqos_raw_send(&other, &msg));
			ASSERT_EQ(0, vmqos_raw_receive(&other, &s.answer));
			EXPECT_EQ(EBUSY, s.answer.error);
		}
		vmqos_raw_close(&other);
	}
	ASSERT_EQ(0, vmqos_dump(&s.raw, &s.answer, VMQOS_CMD_VM_GET));
	for (i = 0; i < s.vms; i++)
		EXPECT_EQ(1, occurrences(&s.answer, s.id[i], -1));
	tear_down(_metadata, &s);
}

TEST(the_host_is_told)
{
	struct vmqos_raw_msg msg;
	struct setting s;
	uint32_t cpus, nodes, node_cpus = 0, node;

	set_up(_metadata, &s, 2, 3);
	if (!s.vms)
		return;
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK);
	ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
	ASSERT_EQ(0, s.answer.error) TH_LOG("%s", s.answer.sentence);
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_HOST_GET);
	cpus = vmqos_answer_u32(&s.answer, VMQOS_HOST_A_CPUS);
	nodes = vmqos_answer_u32(&s.answer, VMQOS_HOST_A_NODES);
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_ONLN), (long)cpus);
	EXPECT_LE(2, (int)vmqos_answer_u32(&s.answer, VMQOS_HOST_A_VMS));
	EXPECT_LE(6, (int)vmqos_answer_u32(&s.answer, VMQOS_HOST_A_VCPUS));
	for (node = 0; node < nodes; node++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_HOST_A_NODE, node);
		ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
		ASSERT_EQ(0, s.answer.error) TH_LOG("%s", s.answer.sentence);
		EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_HOST_GET);
		EXPECT_EQ(node, vmqos_answer_u32(&s.answer, VMQOS_HOST_A_NODE));
		node_cpus += vmqos_answer_u32(&s.answer, VMQOS_HOST_A_CPUS);
	}
	EXPECT_EQ(cpus, node_cpus);
	tear_down(_metadata, &s);
}

TEST_HARNESS_MAIN
