// SPDX-License-Identifier: GPL-2.0
/*
 * The form of requests: every attribute of every command in every wrong length,
 * unknown, nested, doubled, missing and out of range. Each is refused with a
 * sentence, by name of the attribute where there is one, and changes nothing.
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "common.h"

struct setting {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct vmqos_vmm_vm *vm;
	struct vmqos_state before;
	uint32_t id;
	char name[64];
};

/* An adopted VM, and the state as it is then. */
static void set_up(struct __test_metadata *_metadata, struct setting *s)
{
	memset(s, 0, sizeof(*s));
	MUST_OPEN(&s->raw);
	s->vm = make_vm(1, &paused);
	ASSERT_NE(NULL, s->vm);
	own_name(s->name, sizeof(s->name), "attr");
	ASSERT_EQ(0, vmqos_adopt(&s->raw, &s->answer, vmqos_vmm_fd(s->vm), getpid(), s->name, NULL))
		TH_LOG("%s", s->answer.sentence);
	s->id = vmqos_answer_u32(&s->answer, VMQOS_VM_A_ID);
	ASSERT_NE(0, s->id);
	ASSERT_EQ(0, vmqos_state_take(&s->raw, &s->before));
}

static void tear_down(struct __test_metadata *_metadata, struct setting *s)
{
	EXPECT_SAME_STATE(&s->raw, &s->before);
	EXPECT_EQ(0, vmqos_release_and_wait(&s->raw, s->id, PATIENCE));
	vmqos_vmm_destroy(s->vm);
	vmqos_state_free(&s->before);
	vmqos_raw_free(&s->answer);
	vmqos_raw_close(&s->raw);
}

/* Begin a request to which the kernel would say yes, as far as it goes. */
static void begin_good(struct setting *s, struct vmqos_raw_msg *msg,
		       const struct vmqos_schema_cmd *cmd, bool dump)
{
	vmqos_raw_begin(&s->raw, msg, cmd->cmd, dump ? NLM_F_DUMP : NLM_F_ACK);
	if (dump)
		return;
	switch (cmd->cmd) {
	case VMQOS_CMD_VM_GET:
	case VMQOS_CMD_VM_SET:
	case VMQOS_CMD_VM_STAT_GET:
		vmqos_raw_put_u32(msg, VMQOS_VM_A_ID, s->id);
		break;
	case VMQOS_CMD_VCPU_STAT_GET:
		vmqos_raw_put_u32(msg, VMQOS_VCPU_A_VM_ID, s->id);
		vmqos_raw_put_u32(msg, VMQOS_VCPU_A_INDEX, 0);
		break;
	}
}

static int ask(struct setting *s, const struct vmqos_raw_msg *msg)
{
	int err = vmqos_raw_call(&s->raw, msg, &s->answer);

	return err ? err : -s->answer.error;
}

static void try_lengths(struct __test_metadata *_metadata, struct setting *s,
			const struct vmqos_schema_cmd *cmd, const struct vmqos_schema_attr *attr,
			bool dump)
{
	static const size_t lengths[] = { 0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 32, 64, 65, 4000 };
	struct vmqos_raw_msg msg;
	unsigned int i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t *data;

		if (lengths[i] == vmqos_schema_size(attr->kind))
			continue;
		begin_good(s, &msg, cmd, dump);
		data = vmqos_raw_put(&msg, attr->type, NULL, lengths[i]);
		/* A name is a string: only one that is too long has a wrong length. */
		if (attr->kind == VMQOS_KIND_NAME || attr->kind == VMQOS_KIND_WORD) {
			if (lengths[i] && lengths[i] <= (attr->kind == VMQOS_KIND_NAME ?
							 VMQOS_NAME_MAX :
							 VMQOS_VIRTIO_NAME_MAX) + 1)
				continue;
			memset(data, 'x', lengths[i] ? lengths[i] - 1 : 0);
		}
		EXPECT_REFUSED(ask(s, &msg), 0, &s->answer);
		EXPECT_BLAMED(&msg, attr->type, &s->answer);
		if (_metadata->exit_code)
			TH_LOG("%s %s with %zu bytes", cmd->name, attr->name, lengths[i]);
	}
}

static void for_each_attribute(struct __test_metadata *_metadata, struct setting *s,
			       void (*try)(struct __test_metadata *, struct setting *,
					   const struct vmqos_schema_cmd *,
					   const struct vmqos_schema_attr *, bool))
{
	unsigned int i, j;

	for (i = 0; i < vmqos_schema_cmds; i++) {
		const struct vmqos_schema_cmd *cmd = &vmqos_schema[i];

		for (j = 0; j < cmd->request.count; j++)
			try(_metadata, s, cmd, &cmd->request.attrs[j], false);
		for (j = 0; j < cmd->dump.count; j++)
			try(_metadata, s, cmd, &cmd->dump.attrs[j], true);
	}
}

TEST(wrong_lengths_are_refused)
{
	struct setting s;

	set_up(_metadata, &s);
	if (s.id) {
		for_each_attribute(_metadata, &s, try_lengths);
		tear_down(_metadata, &s);
	}
}

static void try_nested(struct __test_metadata *_metadata, struct setting *s,
		       const struct vmqos_schema_cmd *cmd, const struct vmqos_schema_attr *attr,
		       bool dump)
{
	struct vmqos_raw_msg msg;
	uint8_t *data;

	begin_good(s, &msg, cmd, dump);
	data = vmqos_raw_put(&msg, attr->type | NLA_F_NESTED, NULL,
			     vmqos_schema_size(attr->kind) ?: 8);
	data[0] = 8;
	EXPECT_REFUSED(ask(s, &msg), EINVAL, &s->answer);
	EXPECT_BLAMED(&msg, attr->type, &s->answer);
}

TEST(nested_attributes_are_refused)
{
	struct setting s;

	set_up(_metadata, &s);
	if (s.id) {
		for_each_attribute(_metadata, &s, try_nested);
		tear_down(_metadata, &s);
	}
}

/* Attributes that no command takes, and those that only other commands take. */
TEST(unknown_attributes_are_refused)
{
	static const uint16_t types[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
					  100, 255, 256, 0x3fff };
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i, t, j;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	for (i = 0; i < vmqos_schema_cmds; i++) {
		const struct vmqos_schema_cmd *cmd = &vmqos_schema[i];

		if (!cmd->can_do)
			continue;
		for (t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
			for (j = 0; j < cmd->request.count; j++)
				if (cmd->request.attrs[j].type == types[t])
					break;
			if (j < cmd->request.count)
				continue;
			begin_good(&s, &msg, cmd, false);
			vmqos_raw_put_u32(&msg, types[t], 1);
			EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
			EXPECT_BLAMED(&msg, types[t], &s.answer);
			if (_metadata->exit_code) {
				TH_LOG("%s with attribute %u", cmd->name, types[t]);
				break;
			}
		}
	}
	tear_down(_metadata, &s);
}

TEST(garbage_behind_the_attributes_is_refused)
{
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i, extra;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	for (i = 0; i < vmqos_schema_cmds; i++) {
		if (!vmqos_schema[i].can_do)
			continue;
		for (extra = 1; extra < NLA_HDRLEN; extra++) {
			begin_good(&s, &msg, &vmqos_schema[i], false);
			memset(msg.data + msg.len, 0, NLA_HDRLEN);
			msg.len += extra;
			((struct nlmsghdr *)msg.data)->nlmsg_len = msg.len;
			EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
		}
	}
	tear_down(_metadata, &s);
}

TEST(headers_are_checked)
{
	static const uint16_t flags[] = { NLM_F_ROOT, NLM_F_MATCH, NLM_F_ATOMIC, NLM_F_MULTI,
					  NLM_F_DUMP_INTR, 0x1000, 0x8000 };
	struct genlmsghdr *genl;
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK | flags[i]);
		EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	}
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK);
	genl = (struct genlmsghdr *)(msg.data + NLMSG_HDRLEN);
	genl->reserved = 1;
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	/* Commands that are none, that are events, and dumps of what has none. */
	for (i = 0; i < 256; i++) {
		const struct vmqos_schema_cmd *cmd = vmqos_schema_find(i);

		if (!cmd || !cmd->can_do) {
			vmqos_raw_begin(&s.raw, &msg, i, NLM_F_ACK);
			EXPECT_EQ(-EOPNOTSUPP, ask(&s, &msg)) TH_LOG("command %u", i);
		}
		if (!cmd || !cmd->can_dump) {
			vmqos_raw_begin(&s.raw, &msg, i, NLM_F_DUMP);
			EXPECT_EQ(-EOPNOTSUPP, ask(&s, &msg)) TH_LOG("dump of %u", i);
		}
	}
	tear_down(_metadata, &s);
}

TEST(missing_attributes_are_refused)
{
	static const uint8_t by_which[] = { VMQOS_CMD_VM_GET, VMQOS_CMD_VM_RELEASE,
					    VMQOS_CMD_VM_STAT_GET, VMQOS_CMD_VM_RECLAIM };
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	for (i = 0; i < sizeof(by_which); i++) {
		vmqos_raw_begin(&s.raw, &msg, by_which[i], NLM_F_ACK);
		EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	}
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_SET, NLM_F_ACK);
	vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, "nobody");
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	/* How much is to be reclaimed. */
	EXPECT_REFUSED(vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RECLAIM, s.id), EINVAL,
		       &s.answer);
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_MEM_RANGE_GET, NLM_F_ACK);
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	/* What is to be made, and which balloon. */
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VIRTIO_ADD, NLM_F_ACK);
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_BALLOON_SET, NLM_F_ACK);
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_BALLOON_GET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_BALLOON_A_ID, s.id);
	vmqos_raw_put_string(&msg, VMQOS_BALLOON_A_DEVICE, "balloon0");
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_VM_ID, s.id);
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_INDEX, 0);
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	/* Adoption needs both the descriptor and the process. */
	EXPECT_REFUSED(vmqos_adopt(&s.raw, &s.answer, VMQOS_NO_FD, getpid(), "nobody", NULL),
		       EINVAL, &s.answer);
	EXPECT_REFUSED(vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), 0, "nobody", NULL),
		       EINVAL, &s.answer);
	tear_down(_metadata, &s);
}

/*
 * Before Linux 6.10 (commit 8af4f60472fc, "netlink: support all extack types in
 * dumps") netlink tells the sentence of a refused dump, but not the attribute.
 */
static bool dumps_can_blame(void)
{
	int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return true;
	return major > 6 || (major == 6 && minor >= 10);
}

/* Lists tell of everything; only that of vCPUs may be cut down to one VM. */
TEST(lists_take_no_object)
{
	static const uint8_t cmds[] = { VMQOS_CMD_VM_GET, VMQOS_CMD_VM_STAT_GET };
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	for (i = 0; i < sizeof(cmds); i++) {
		vmqos_raw_begin(&s.raw, &msg, cmds[i], NLM_F_DUMP);
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, s.id);
		EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
		EXPECT_EQ(0, s.answer.replies);
		vmqos_raw_begin(&s.raw, &msg, cmds[i], NLM_F_DUMP);
		vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, s.name);
		EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
		EXPECT_EQ(0, s.answer.replies);
	}
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_DUMP);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_VM_ID, s.id);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_INDEX, 0);
	EXPECT_REFUSED(ask(&s, &msg), EINVAL, &s.answer);
	if (dumps_can_blame())
		EXPECT_BLAMED(&msg, VMQOS_VCPU_A_INDEX, &s.answer);
	EXPECT_EQ(0, s.answer.replies);
	tear_down(_metadata, &s);
}

/* As everywhere in netlink the last of several wins, and nothing else happens. */
TEST(the_last_of_doubled_attributes_counts)
{
	struct vmqos_raw_msg msg;
	struct setting s;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_GET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, 0x7ffffffe);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, s.id);
	EXPECT_EQ(0, ask(&s, &msg)) TH_LOG("%s", s.answer.sentence);
	EXPECT_EQ(1, s.answer.replies);
	EXPECT_EQ(s.id, vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_GET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, s.id);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, 0x7ffffffe);
	EXPECT_REFUSED(ask(&s, &msg), ENOENT, &s.answer);
	tear_down(_metadata, &s);
}

TEST(values_out_of_range_are_refused)
{
	static const uint32_t bad_period[] = { 0, 1, 9, 10001, 0x7fffffff, 0x80000000, 0xffffffff };
	static const uint32_t bad_switch[] = { 2, 3, 0x100, 0xffffffff };
	static const uint32_t bad_node[] = { 1023, 1024, 4096, 0x7fffffff, 0x80000000, 0xffffffff };
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	for (i = 0; i < sizeof(bad_period) / 4; i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_HOST_SET, NLM_F_ACK);
		/* The good setting before the bad one must not be kept. */
		vmqos_raw_put_u32(&msg, VMQOS_HOST_A_GUEST_TIME, !s.before.guest_time);
		vmqos_raw_put_u32(&msg, VMQOS_HOST_A_SCAN_PERIOD_MS, bad_period[i]);
		EXPECT_REFUSED(ask(&s, &msg), 0, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_HOST_A_SCAN_PERIOD_MS, &s.answer);
	}
	for (i = 0; i < sizeof(bad_switch) / 4; i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_HOST_SET, NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_HOST_A_SCAN_PERIOD_MS, 500);
		vmqos_raw_put_u32(&msg, VMQOS_HOST_A_GUEST_TIME, bad_switch[i]);
		EXPECT_REFUSED(ask(&s, &msg), 0, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_HOST_A_GUEST_TIME, &s.answer);
	}
	for (i = 0; i < sizeof(bad_node) / 4; i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_HOST_A_NODE, bad_node[i]);
		EXPECT_REFUSED(ask(&s, &msg), 0, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_HOST_A_NODE, &s.answer);
	}
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_VM_ID, s.id);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_INDEX, 1);
	EXPECT_REFUSED(ask(&s, &msg), ENOENT, &s.answer);
	EXPECT_BLAMED(&msg, VMQOS_VCPU_A_INDEX, &s.answer);
	tear_down(_metadata, &s);
}

/* As on Linux 6.1, where nobody can serve them. */
TEST(devices_need_their_module)
{
	static const uint8_t cmds[] = { VMQOS_CMD_VIRTIO_ADD, VMQOS_CMD_VIRTIO_DEL,
					VMQOS_CMD_VIRTIO_GET, VMQOS_CMD_BALLOON_GET,
					VMQOS_CMD_BALLOON_SET };
	static const uint8_t lists[] = { VMQOS_CMD_VIRTIO_GET, VMQOS_CMD_BALLOON_GET };
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i;

	if (!access("/sys/module/vmqos_virtio", F_OK))
		SKIP(return, "the module vmqos_virtio is loaded");
	set_up(_metadata, &s);
	if (!s.id)
		return;
	for (i = 0; i < sizeof(cmds); i++) {
		vmqos_raw_begin(&s.raw, &msg, cmds[i], NLM_F_ACK);
		if (cmds[i] == VMQOS_CMD_BALLOON_GET || cmds[i] == VMQOS_CMD_BALLOON_SET)
			vmqos_raw_put_u32(&msg, VMQOS_BALLOON_A_ID, s.id);
		else
			vmqos_raw_put_string(&msg, VMQOS_VIRTIO_A_NAME, "attr-device");
		if (cmds[i] == VMQOS_CMD_VIRTIO_ADD)
			vmqos_raw_put_u32(&msg, VMQOS_VIRTIO_A_TYPE, VMQOS_VIRTIO_TYPE_BALLOON);
		EXPECT_REFUSED(ask(&s, &msg), EOPNOTSUPP, &s.answer);
	}
	for (i = 0; i < sizeof(lists); i++) {
		vmqos_raw_begin(&s.raw, &msg, lists[i], NLM_F_DUMP);
		EXPECT_REFUSED(ask(&s, &msg), EOPNOTSUPP, &s.answer);
	}
	tear_down(_metadata, &s);
}

TEST_HARNESS_MAIN
