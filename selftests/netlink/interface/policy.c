// SPDX-License-Identifier: GPL-2.0
/*
 * CPU policies: what a VM has from the start, every setting and its bounds, the
 * words for shares, refusals with the sentence that tells what would be right,
 * and that a request is done whole or not at all.
 */
#include "common.h"

#define CPU	1000000u
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

struct setting {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct vmqos_raw_msg msg;
	struct vmqos_vmm_vm *vm;
	uint32_t id;
	char name[64];
};

static void set_up(struct __test_metadata *_metadata, struct setting *s, int vcpus)
{
	memset(s, 0, sizeof(*s));
	MUST_OPEN(&s->raw);
	s->vm = make_vm(vcpus, &paused);
	ASSERT_NE(NULL, s->vm);
	own_name(s->name, sizeof(s->name), "policy");
	ASSERT_EQ(0, vmqos_adopt(&s->raw, &s->answer, vmqos_vmm_fd(s->vm), getpid(), s->name, NULL))
		TH_LOG("%s", s->answer.sentence);
	s->id = vmqos_answer_u32(&s->answer, VMQOS_VM_A_ID);
}

static void tear_down(struct __test_metadata *_metadata, struct setting *s)
{
	EXPECT_EQ(0, vmqos_release_and_wait(&s->raw, s->id, PATIENCE));
	vmqos_vmm_destroy(s->vm);
	vmqos_raw_free(&s->answer);
	vmqos_raw_close(&s->raw);
}

static int set(struct setting *s, uint16_t type, uint32_t value)
{
	return vmqos_vm_set_u32(&s->raw, &s->answer, s->id, type, value);
}

static uint32_t get(struct setting *s, uint16_t type)
{
	if (vmqos_by_id(&s->raw, &s->answer, VMQOS_CMD_VM_GET, s->id))
		return ~0u;
	return vmqos_answer_u32(&s->answer, type);
}

static void begin(struct setting *s)
{
	vmqos_raw_begin(&s->raw, &s->msg, VMQOS_CMD_VM_SET, NLM_F_ACK);
	vmqos_raw_put_u32(&s->msg, VMQOS_VM_A_ID, s->id);
}

static int send(struct setting *s)
{
	return vmqos_raw_call(&s->raw, &s->msg, &s->answer) ?: -s->answer.error;
}

TEST(defaults_are_told)
{
	static const struct {
		uint16_t type;
		uint32_t value;
	} expected[] = {
		{ VMQOS_VM_A_CPU_SHARES, 2000 },
		{ VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_NORMAL },
		{ VMQOS_VM_A_CPU_RESERVATION, 0 },
		{ VMQOS_VM_A_CPU_LIMIT, 0 },
		{ VMQOS_VM_A_CPU_LATENCY, VMQOS_CPU_LATENCY_NORMAL },
		{ VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_SWITCH_ON },
		{ VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_MEM_SHARE_ZERO_MOUNT },
	};
	const struct nlattr *stats;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s, 2);
	if (!s.id)
		return;
	/* The answer to the adoption has them, and so has every other. */
	for (i = 0; i < COUNT(expected); i++)
		EXPECT_EQ(expected[i].value, vmqos_answer_u32(&s.answer, expected[i].type))
			TH_LOG("attribute %u", expected[i].type);
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_ADOPT);
	for (i = 0; i < COUNT(expected); i++)
		EXPECT_EQ(expected[i].value, get(&s, expected[i].type))
			TH_LOG("attribute %u", expected[i].type);
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_GET);
	/* What is told of a VM alone is not told of its vCPUs. */
	ASSERT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_STAT_GET, s.id));
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_STAT_GET);
	stats = vmqos_raw_attr(vmqos_raw_next(&s.answer, NULL), VMQOS_VM_STAT_A_STATS);
	EXPECT_NE(NULL, vmqos_raw_nested(stats, VMQOS_STATS_A_ENTITLED_NS));
	EXPECT_NE(NULL, vmqos_raw_nested(stats, VMQOS_STATS_A_LAG_NS));
	ASSERT_EQ(0, vmqos_vcpu_get(&s.raw, &s.answer, s.id, 0));
	EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VCPU_STAT_GET);
	stats = vmqos_raw_attr(vmqos_raw_next(&s.answer, NULL), VMQOS_VCPU_A_STATS);
	EXPECT_EQ(NULL, vmqos_raw_nested(stats, VMQOS_STATS_A_ENTITLED_NS));
	EXPECT_EQ(NULL, vmqos_raw_nested(stats, VMQOS_STATS_A_LAG_NS));
	tear_down(_metadata, &s);
}

TEST(every_setting_is_kept_at_its_bounds)
{
	static const struct {
		uint16_t type;
		uint32_t value;
	} values[] = {
		{ VMQOS_VM_A_CPU_SHARES, 1 },
		{ VMQOS_VM_A_CPU_SHARES, 1000000 },
		{ VMQOS_VM_A_CPU_SHARES, 4711 },
		{ VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_LOW },
		{ VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_HIGH },
		{ VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_NORMAL },
		{ VMQOS_VM_A_CPU_LIMIT, 10000 },
		{ VMQOS_VM_A_CPU_LIMIT, 0xffffffff },
		{ VMQOS_VM_A_CPU_LIMIT, 0 },
		{ VMQOS_VM_A_CPU_RESERVATION, 1 },
		{ VMQOS_VM_A_CPU_RESERVATION, 0 },
		{ VMQOS_VM_A_CPU_LATENCY, VMQOS_CPU_LATENCY_LOW },
		{ VMQOS_VM_A_CPU_LATENCY, VMQOS_CPU_LATENCY_NORMAL },
		{ VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_SWITCH_OFF },
		{ VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_SWITCH_ON },
		{ VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_MEM_SHARE_ZERO_OFF },
		{ VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_MEM_SHARE_ZERO_ON },
		{ VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_MEM_SHARE_ZERO_PRESSURE },
		{ VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_MEM_SHARE_ZERO_MOUNT },
	};
	struct vmqos_state before;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s, 1);
	if (!s.id)
		return;
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	for (i = 0; i < COUNT(values); i++) {
		EXPECT_EQ(0, set(&s, values[i].type, values[i].value))
			TH_LOG("%s", s.answer.sentence);
		EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_VM_SET);
		EXPECT_EQ(values[i].value, vmqos_answer_u32(&s.answer, values[i].type));
		EXPECT_EQ(values[i].value, get(&s, values[i].type));
	}
	/* Each went back to what it was, and nothing else moved. */
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	tear_down(_metadata, &s);
}

TEST(words_follow_the_vcpus_and_numbers_do_not)
{
	uint64_t end;
	struct setting s;

	set_up(_metadata, &s, 1);
	if (!s.id)
		return;
	EXPECT_EQ(0, set(&s, VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_HIGH));
	EXPECT_EQ(2000, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_SHARES));
	ASSERT_EQ(1, vmqos_vmm_add_vcpu(s.vm, &paused));
	ASSERT_EQ(2, vmqos_vmm_add_vcpu(s.vm, &paused));
	end = vmqos_now_ms() + PATIENCE;
	while (get(&s, VMQOS_VM_A_CPU_SHARES) != 6000 && vmqos_now_ms() < end)
		vmqos_sleep_ms(5);
	EXPECT_EQ(6000, get(&s, VMQOS_VM_A_CPU_SHARES));
	EXPECT_EQ(0, set(&s, VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_LOW));
	EXPECT_EQ(1500, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_SHARES));
	/* The same number as the word's: and yet it no longer follows. */
	EXPECT_EQ(0, set(&s, VMQOS_VM_A_CPU_SHARES, 1500));
	EXPECT_EQ(VMQOS_CPU_SHARES_LEVEL_CUSTOM,
		  vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_SHARES_LEVEL));
	ASSERT_EQ(3, vmqos_vmm_add_vcpu(s.vm, &paused));
	end = vmqos_now_ms() + PATIENCE;
	while (vmqos_vcpu_get(&s.raw, &s.answer, s.id, 3) && vmqos_now_ms() < end)
		vmqos_sleep_ms(5);
	EXPECT_EQ(4, get(&s, VMQOS_VM_A_VCPUS));
	EXPECT_EQ(1500, get(&s, VMQOS_VM_A_CPU_SHARES));
	EXPECT_EQ(0, set(&s, VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_NORMAL));
	EXPECT_EQ(4000, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_SHARES));
	/* Custom may stand beside its number. */
	begin(&s);
	vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_SHARES, 17);
	vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_CUSTOM);
	EXPECT_EQ(0, send(&s)) TH_LOG("%s", s.answer.sentence);
	EXPECT_EQ(17, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_SHARES));
	tear_down(_metadata, &s);
}

/* What is wrong, whom to blame, and a part of the sentence; "" for netlink's own. */
struct refusal {
	uint16_t type[2];
	uint32_t value[2];
	int error;
	uint16_t blamed;
	const char *says;
};

static const struct refusal refusals[] = {
	{ { VMQOS_VM_A_CPU_SHARES }, { 0 }, ERANGE, VMQOS_VM_A_CPU_SHARES,
	  "from 1 to 1000000, not 0" },
	{ { VMQOS_VM_A_CPU_SHARES }, { 1000001 }, ERANGE, VMQOS_VM_A_CPU_SHARES,
	  "from 1 to 1000000, not 1000001" },
	{ { VMQOS_VM_A_CPU_SHARES }, { 0xffffffff }, ERANGE, VMQOS_VM_A_CPU_SHARES,
	  "not 4294967295" },
	{ { VMQOS_VM_A_CPU_SHARES_LEVEL }, { VMQOS_CPU_SHARES_LEVEL_CUSTOM }, EINVAL,
	  VMQOS_VM_A_CPU_SHARES_LEVEL, "give cpu-shares" },
	{ { VMQOS_VM_A_CPU_SHARES_LEVEL }, { 4 }, ERANGE, VMQOS_VM_A_CPU_SHARES_LEVEL, "" },
	{ { VMQOS_VM_A_CPU_SHARES_LEVEL }, { 0xffffffff }, ERANGE, VMQOS_VM_A_CPU_SHARES_LEVEL,
	  "" },
	{ { VMQOS_VM_A_CPU_SHARES, VMQOS_VM_A_CPU_SHARES_LEVEL },
	  { 1000, VMQOS_CPU_SHARES_LEVEL_NORMAL }, EINVAL, VMQOS_VM_A_CPU_SHARES_LEVEL,
	  "not both" },
	{ { VMQOS_VM_A_CPU_LIMIT }, { 1 }, ERANGE, VMQOS_VM_A_CPU_LIMIT,
	  "limit of 1 millionths is below 10000; 0 is no limit" },
	{ { VMQOS_VM_A_CPU_LIMIT }, { 9999 }, ERANGE, VMQOS_VM_A_CPU_LIMIT,
	  "limit of 9999 millionths is below 10000" },
	{ { VMQOS_VM_A_CPU_LATENCY }, { 2 }, ERANGE, VMQOS_VM_A_CPU_LATENCY, "" },
	{ { VMQOS_VM_A_CPU_CHARGE_OTHERS }, { 2 }, ERANGE, VMQOS_VM_A_CPU_CHARGE_OTHERS, "" },
	{ { VMQOS_VM_A_MEM_SHARE_ZERO }, { 4 }, ERANGE, VMQOS_VM_A_MEM_SHARE_ZERO, "" },
	/* It has one vCPU. */
	{ { VMQOS_VM_A_CPU_RESERVATION }, { CPU + 1 }, EINVAL, VMQOS_VM_A_CPU_RESERVATION,
	  "reservation of 1000001 millionths is above the 1000000 of its vCPUs" },
	{ { VMQOS_VM_A_CPU_RESERVATION }, { 0xffffffff }, EINVAL, VMQOS_VM_A_CPU_RESERVATION,
	  "reservation of 4294967295 millionths is above the 1000000 of its vCPUs" },
	{ { VMQOS_VM_A_CPU_RESERVATION, VMQOS_VM_A_CPU_LIMIT }, { 20001, 20000 }, EINVAL,
	  VMQOS_VM_A_CPU_RESERVATION,
	  "reservation of 20001 millionths is above the limit of 20000" },
	/* It reserves 10500. */
	{ { VMQOS_VM_A_CPU_LIMIT }, { 10499 }, EINVAL, VMQOS_VM_A_CPU_LIMIT,
	  "limit of 10499 millionths is below the reservation of 10500" },
};

TEST(refusals_say_what_would_be_right_and_leave_no_trace)
{
	struct vmqos_state before;
	struct setting s;
	unsigned int i, j;
	char other[64];

	set_up(_metadata, &s, 1);
	if (!s.id)
		return;
	own_name(other, sizeof(other), "atomic");
	ASSERT_EQ(0, set(&s, VMQOS_VM_A_CPU_RESERVATION, 10500)) TH_LOG("%s", s.answer.sentence);
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	for (i = 0; i < COUNT(refusals); i++) {
		const struct refusal *r = &refusals[i];

		begin(&s);
		/* All of this is good, and must not be kept. */
		vmqos_raw_put_string(&s.msg, VMQOS_VM_A_NAME, other);
		vmqos_raw_put(&s.msg, VMQOS_VM_A_UUID, "0123456789abcdef", VMQOS_UUID_SIZE);
		if (r->type[0] != VMQOS_VM_A_CPU_CHARGE_OTHERS)
			vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_SWITCH_OFF);
		if (r->type[0] != VMQOS_VM_A_CPU_LATENCY)
			vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_LATENCY, VMQOS_CPU_LATENCY_LOW);
		if (r->type[0] != VMQOS_VM_A_MEM_SHARE_ZERO)
			vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_MEM_SHARE_ZERO,
					  VMQOS_MEM_SHARE_ZERO_ON);
		for (j = 0; j < COUNT(r->type) && r->type[j]; j++)
			vmqos_raw_put_u32(&s.msg, r->type[j], r->value[j]);
		EXPECT_REFUSED(send(&s), r->error, &s.answer);
		EXPECT_BLAMED(&s.msg, r->blamed, &s.answer);
		EXPECT_NE(NULL, strstr(s.answer.sentence, r->says))
			TH_LOG("'%s' does not say '%s'", s.answer.sentence, r->says);
		EXPECT_SAME_STATE(&s.raw, &before);
	}
	/* The other way round: a bad name beside a good policy. */
	begin(&s);
	vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_SHARES, 333);
	vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_LIMIT, CPU);
	vmqos_raw_put_string(&s.msg, VMQOS_VM_A_NAME, "a/b");
	EXPECT_REFUSED(send(&s), EINVAL, &s.answer);
	EXPECT_BLAMED(&s.msg, VMQOS_VM_A_NAME, &s.answer);
	EXPECT_SAME_STATE(&s.raw, &before);
	/* And all of it good: all is done. */
	begin(&s);
	vmqos_raw_put_string(&s.msg, VMQOS_VM_A_NAME, other);
	vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_SHARES, 333);
	vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_LIMIT, CPU);
	vmqos_raw_put_u32(&s.msg, VMQOS_VM_A_CPU_RESERVATION, 0);
	EXPECT_EQ(0, send(&s)) TH_LOG("%s", s.answer.sentence);
	EXPECT_STREQ(other, vmqos_answer_string(&s.answer, VMQOS_VM_A_NAME));
	EXPECT_EQ(333, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_SHARES));
	EXPECT_EQ(CPU, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_LIMIT));
	EXPECT_EQ(0, vmqos_answer_u32(&s.answer, VMQOS_VM_A_CPU_RESERVATION));
	vmqos_state_free(&before);
	tear_down(_metadata, &s);
}

TEST(what_is_only_told_cannot_be_set)
{
	static const uint16_t told[] = { VMQOS_VM_A_CPU_ENTITLED };
	static const uint16_t host_told[] = { VMQOS_HOST_A_CPU_RESERVED,
					      VMQOS_HOST_A_CPU_UNRESERVED };
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s, 1);
	if (!s.id)
		return;
	for (i = 0; i < COUNT(told); i++)
		EXPECT_REFUSED(set(&s, told[i], 1), EINVAL, &s.answer);
	for (i = 0; i < COUNT(host_told); i++)
		EXPECT_REFUSED(vmqos_host_set(&s.raw, &s.answer, host_told[i], 1), EINVAL,
			       &s.answer);
	tear_down(_metadata, &s);
}

TEST(a_vm_that_is_released_takes_no_policy)
{
	struct vmqos_peer peer;
	struct setting s;
	uint32_t id;

	set_up(_metadata, &s, 0);
	if (!s.id)
		return;
	ASSERT_EQ(0, vmqos_peer_start(&peer, &spin, 1));
	ASSERT_LE(0, vmqos_peer_getfd(&peer));
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, peer.vm_fd, peer.pid, NULL, NULL));
	id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	ASSERT_EQ(0, vmqos_wait_attached(&s.raw, id, 1, PATIENCE));
	/* Stopped, it cannot let go. */
	ASSERT_EQ(0, vmqos_peer_stop(&peer));
	EXPECT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, id));
	EXPECT_REFUSED(vmqos_vm_set_u32(&s.raw, &s.answer, id, VMQOS_VM_A_CPU_SHARES, 5), EBUSY,
		       &s.answer);
	ASSERT_EQ(0, kill(peer.pid, SIGCONT));
	EXPECT_EQ(0, vmqos_wait_gone(&s.raw, id, PATIENCE));
	vmqos_peer_close_vm(&peer);
	vmqos_peer_kill(&peer);
	tear_down(_metadata, &s);
}

/* The host's settings of the CPU plane, with others in the same request. */
TEST(settings_of_the_host_are_kept_or_refused_whole)
{
	static const uint32_t bad_slice[] = { 0, 1, 499, 20001, 0x7fffffff, 0xffffffff };
	static const uint32_t good_slice[] = { 500, 20000, 2000 };
	struct vmqos_state before;
	struct setting s;
	unsigned int i;

	set_up(_metadata, &s, 0);
	if (!s.id)
		return;
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &before));
	for (i = 0; i < COUNT(bad_slice); i++) {
		vmqos_raw_begin(&s.raw, &s.msg, VMQOS_CMD_HOST_SET, NLM_F_ACK);
		vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_SCAN_PERIOD_MS, 777);
		vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_GUEST_TIME, !before.guest_time);
		vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_CPU_GATE, !before.gate);
		vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_CPU_SLICE_US, bad_slice[i]);
		EXPECT_REFUSED(send(&s), ERANGE, &s.answer);
		EXPECT_BLAMED(&s.msg, VMQOS_HOST_A_CPU_SLICE_US, &s.answer);
		EXPECT_NE(NULL, strstr(s.answer.sentence, "from 500 to 20000 us"))
			TH_LOG("%s", s.answer.sentence);
	}
	vmqos_raw_begin(&s.raw, &s.msg, VMQOS_CMD_HOST_SET, NLM_F_ACK);
	vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_CPU_SLICE_US, 1000);
	vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_CPU_GATE, 2);
	EXPECT_REFUSED(send(&s), ERANGE, &s.answer);
	EXPECT_BLAMED(&s.msg, VMQOS_HOST_A_CPU_GATE, &s.answer);
	/* A bad one of the core beside good ones of the plane. */
	vmqos_raw_begin(&s.raw, &s.msg, VMQOS_CMD_HOST_SET, NLM_F_ACK);
	vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_CPU_SLICE_US, 1000);
	vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_CPU_GATE, !before.gate);
	vmqos_raw_put_u32(&s.msg, VMQOS_HOST_A_SCAN_PERIOD_MS, 9);
	EXPECT_REFUSED(send(&s), ERANGE, &s.answer);
	EXPECT_SAME_STATE(&s.raw, &before);
	for (i = 0; i < COUNT(good_slice); i++) {
		EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_CPU_SLICE_US,
					    good_slice[i]));
		EXPECT_EQ(good_slice[i], vmqos_answer_u32(&s.answer, VMQOS_HOST_A_CPU_SLICE_US));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_CPU_GATE, i));
		EXPECT_EQ(i, vmqos_answer_u32(&s.answer, VMQOS_HOST_A_CPU_GATE));
		EXPECT_WELL_FORMED(&s.answer, VMQOS_CMD_HOST_SET);
	}
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_CPU_SLICE_US,
				    before.slice_us));
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_CPU_GATE, before.gate));
	EXPECT_SAME_STATE(&s.raw, &before);
	vmqos_state_free(&before);
	tear_down(_metadata, &s);
}

TEST_HARNESS_MAIN
