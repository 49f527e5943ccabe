// SPDX-License-Identifier: GPL-2.0
/* Names and UUIDs of VMs: what may be given, in an adoption and in a change. */
#include "common.h"

struct setting {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct vmqos_vmm_vm *vm;
	char name[64];
};

static void set_up(struct __test_metadata *_metadata, struct setting *s)
{
	memset(s, 0, sizeof(*s));
	s->raw.fd = -1;
	MUST_OPEN(&s->raw);
	s->vm = make_vm(1, &paused);
	ASSERT_NE(NULL, s->vm);
	own_name(s->name, sizeof(s->name), "names");
}

static int adopt(struct setting *s, const char *name)
{
	return vmqos_adopt(&s->raw, &s->answer, vmqos_vmm_fd(s->vm), getpid(), name, NULL);
}

static void tear_down(struct setting *s)
{
	vmqos_vmm_destroy(s->vm);
	vmqos_raw_free(&s->answer);
	vmqos_raw_close(&s->raw);
}

static const char *const bad_names[] = {
	"", " ", "a b", " a", "a ", "a/b", "/", "..//", "a\tb", "a\nb", "a\001", "\177", "a\177b",
	"\200", "a\377b", "caf\303\251", "a\033[2J",
};

TEST(bad_names_are_refused_in_an_adoption)
{
	struct vmqos_state before;
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	for (i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_ADOPT, NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_VM_FD, vmqos_vmm_fd(s.vm));
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_PID, getpid());
		vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, bad_names[i]);
		ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
		EXPECT_REFUSED(-s.answer.error, EINVAL, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_VM_A_NAME, &s.answer);
		if (!s.answer.error)
			TH_LOG("name %u, '%s', was accepted", i, bad_names[i]);
	}
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	tear_down(&s);
}

TEST(bad_names_are_refused_in_a_change)
{
	struct vmqos_state before;
	struct vmqos_raw_msg msg;
	struct setting s;
	unsigned int i;
	uint32_t id;

	set_up(_metadata, &s);
	if (!s.vm)
		return;
	ASSERT_EQ(0, adopt(&s, s.name)) TH_LOG("%s", s.answer.sentence);
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	for (i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_SET, NLM_F_ACK);
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, id);
		/* The good UUID beside the bad name must not be kept. */
		vmqos_raw_put(&msg, VMQOS_VM_A_UUID, "0123456789abcdef", VMQOS_UUID_SIZE);
		vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, bad_names[i]);
		ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
		EXPECT_REFUSED(-s.answer.error, EINVAL, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_VM_A_NAME, &s.answer);
	}
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, id, PATIENCE));
	tear_down(&s);
}

/* Names end at their first NUL; without one they are no strings. */
TEST(strings_without_end_are_refused)
{
	struct vmqos_raw_msg msg;
	struct setting s;
	size_t len;

	set_up(_metadata, &s);
	if (!s.vm)
		return;
	for (len = 1; len <= VMQOS_NAME_MAX + 2; len++) {
		char text[80];

		memset(text, 'n', sizeof(text));
		vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_GET, NLM_F_ACK);
		vmqos_raw_put(&msg, VMQOS_VM_A_NAME, text, len);
		ASSERT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer));
		EXPECT_REFUSED(-s.answer.error, EINVAL, &s.answer);
		EXPECT_BLAMED(&msg, VMQOS_VM_A_NAME, &s.answer);
	}
	tear_down(&s);
}

TEST(names_of_every_length_work)
{
	struct setting s;
	char name[80];
	size_t len;
	uint32_t id;

	set_up(_metadata, &s);
	if (!s.vm)
		return;
	ASSERT_EQ(0, adopt(&s, s.name)) TH_LOG("%s", s.answer.sentence);
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	for (len = 1; len <= VMQOS_NAME_MAX; len++) {
		memset(name, "~!-.:_@#$%^&*()+=[]{}|\\<>?\"',;`"[len % 31], len);
		name[len] = 0;
		ASSERT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, id, name, NULL))
			TH_LOG("'%s': %s", name, s.answer.sentence);
		EXPECT_STREQ(name, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
		ASSERT_EQ(0, vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_GET, name));
		EXPECT_EQ(id, vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID));
		EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_GET);
	}
	/* The name before is free again, the first one too. */
	name[VMQOS_NAME_MAX - 1] = 0;
	EXPECT_EQ(-ENOENT, vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_GET, name));
	EXPECT_REFUSED(vmqos_by_name(&s.raw, &s.answer, VMQOS_CMD_VM_GET, s.name), ENOENT,
		       &s.answer);
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, id, PATIENCE));
	tear_down(&s);
}

TEST(names_are_unique)
{
	struct vmqos_raw_answer *answer;
	struct vmqos_vmm_vm *second;
	uint32_t first_id, second_id;
	struct vmqos_state before;
	char other[64];
	struct setting s;

	set_up(_metadata, &s);
	if (!s.vm)
		return;
	answer = &s.answer;
	second = make_vm(1, &paused);
	ASSERT_NE(NULL, second);
	own_name(other, sizeof(other), "other");
	ASSERT_EQ(0, adopt(&s, s.name)) TH_LOG("%s", answer->sentence);
	first_id = vmqos_answer_u32(answer, VMQOS_VM_A_ID);
	EXPECT_REFUSED(vmqos_adopt(&s.raw, answer, vmqos_vmm_fd(second), getpid(), s.name, NULL),
		       EEXIST, answer);
	ASSERT_EQ(0, vmqos_adopt(&s.raw, answer, vmqos_vmm_fd(second), getpid(), other, NULL))
		TH_LOG("%s", answer->sentence);
	second_id = vmqos_answer_u32(answer, VMQOS_VM_A_ID);
	EXPECT_NE(first_id, second_id);
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	EXPECT_REFUSED(vmqos_vm_set(&s.raw, answer, second_id, s.name, "0123456789abcdef"), EEXIST,
		       answer);
	EXPECT_SAME_STATE(&s.raw, &before);
	/* Its own name is not taken. */
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, answer, first_id, s.name, NULL));
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	/* A released VM's name is free again. */
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, first_id, PATIENCE));
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, answer, second_id, s.name, NULL))
		TH_LOG("%s", answer->sentence);
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, second_id, PATIENCE));
	vmqos_vmm_destroy(second);
	tear_down(&s);
}

TEST(a_name_is_found_for_who_gives_none)
{
	char expected[64], longer[80];
	struct vmqos_vmm_vm *second, *third;
	struct setting s;
	uint32_t ids[3];
	int i;

	set_up(_metadata, &s);
	if (!s.vm)
		return;
	second = make_vm(0, &paused);
	third = make_vm(0, &paused);
	ASSERT_NE(NULL, second);
	ASSERT_NE(NULL, third);
	snprintf(expected, sizeof(expected), "vm-%d", getpid());
	ASSERT_EQ(0, adopt(&s, NULL)) TH_LOG("%s", s.answer.sentence);
	ids[0] = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_STREQ(expected, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(second), getpid(), NULL, NULL));
	ids[1] = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	snprintf(longer, sizeof(longer), "%s-%u", expected, ids[1]);
	EXPECT_STREQ(longer, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	/* Somebody may have taken the name that comes next. */
	snprintf(longer, sizeof(longer), "%s-%u", expected, ids[1] + 1);
	ASSERT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, ids[0], longer, NULL));
	ASSERT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, ids[1], expected, NULL));
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(third), getpid(), NULL, NULL))
		TH_LOG("%s", s.answer.sentence);
	ids[2] = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_ADOPT);
	EXPECT_STRNE(longer, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	EXPECT_STRNE(expected, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, ids[i], PATIENCE));
	vmqos_vmm_destroy(second);
	vmqos_vmm_destroy(third);
	tear_down(&s);
}

TEST(uuids_are_kept_and_changed)
{
	static const uint8_t uuids[2][VMQOS_UUID_SIZE] = {
		{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
		{ 0 },		/* a UUID of zeros is one, not none */
	};
	const struct nlattr *uuid;
	struct setting s;
	uint32_t id;
	int i;

	set_up(_metadata, &s);
	if (!s.vm)
		return;
	ASSERT_EQ(0, adopt(&s, s.name)) TH_LOG("%s", s.answer.sentence);
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EQ(NULL, vmqos_raw_attr(vmqos_raw_next(&s.answer, NULL), VMQOS_VM_A_UUID));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, id, NULL, uuids[i]));
		ASSERT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_GET, id));
		uuid = vmqos_raw_attr(vmqos_raw_next(&s.answer, NULL), VMQOS_VM_A_UUID);
		ASSERT_NE(NULL, uuid);
		EXPECT_EQ(0, memcmp((const uint8_t *)uuid + NLA_HDRLEN, uuids[i], VMQOS_UUID_SIZE));
		EXPECT_STREQ(s.name, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	}
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, id, PATIENCE));
	tear_down(&s);
}

TEST_HARNESS_MAIN
