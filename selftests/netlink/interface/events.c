// SPDX-License-Identifier: GPL-2.0
/* Events: one for every change, with the new state in it, and none without a change. */
#include <poll.h>
#include <sys/socket.h>

#include "common.h"

struct setting {
	struct vmqos_raw raw, listener;
	struct vmqos_raw_answer answer;
	struct vmqos_vmm_vm *vm;
	char name[64];
	uint32_t id;
};

static void set_up(struct __test_metadata *_metadata, struct setting *s, int vcpus,
		   const struct vmqos_vmm_workload *workload)
{
	memset(s, 0, sizeof(*s));
	MUST_OPEN(&s->raw);
	ASSERT_EQ(0, vmqos_raw_open(&s->listener));
	ASSERT_EQ(0, vmqos_raw_subscribe(&s->listener));
	s->vm = make_vm(vcpus, workload);
	ASSERT_NE(NULL, s->vm);
	own_name(s->name, sizeof(s->name), "event");
}

static void tear_down(struct setting *s)
{
	vmqos_vmm_destroy(s->vm);
	vmqos_raw_free(&s->answer);
	vmqos_raw_close(&s->listener);
	vmqos_raw_close(&s->raw);
}

/*
 * Wait up to @ms for an event @cmd about the VM @id (0: about the host), and
 * leave it in @buf. Events about other VMs are passed over. 1 if it came.
 */
static int wait_event(struct __test_metadata *_metadata, struct setting *s, uint8_t cmd,
		      uint32_t id, unsigned int ms, uint8_t *buf, size_t size)
{
	struct pollfd poll_fd = { .fd = s->listener.fd, .events = POLLIN };
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	uint64_t end = vmqos_now_ms() + ms;
	char why[256];

	for (;;) {
		uint64_t now = vmqos_now_ms();
		const struct genlmsghdr *genl;

		if (now > end || poll(&poll_fd, 1, end - now + 1) <= 0)
			return 0;
		if (recv(s->listener.fd, buf, size, 0) < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN))
			return 0;
		EXPECT_EQ(s->listener.family, nlh->nlmsg_type);
		EXPECT_TRUE(vmqos_schema_check(nlh, why, sizeof(why))) TH_LOG("%s", why);
		genl = (const struct genlmsghdr *)(buf + NLMSG_HDRLEN);
		if (genl->cmd == cmd && (!id || vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VM_A_ID)) ==
					 id))
			return 1;
	}
}

static uint8_t buf[16384] __attribute__((aligned(8)));
static const struct nlmsghdr *event = (const struct nlmsghdr *)buf;

#define EXPECT_EVENT(cmd, id) \
	EXPECT_EQ(1, wait_event(_metadata, &s, cmd, id, PATIENCE, buf, sizeof(buf))) \
		TH_LOG("no event %u about VM %u", cmd, id)
#define EXPECT_NO_EVENT(cmd, id) \
	EXPECT_EQ(0, wait_event(_metadata, &s, cmd, id, 200, buf, sizeof(buf))) \
		TH_LOG("event %u about VM %u without a change", cmd, id)

TEST(life_of_a_vm_is_told)
{
	struct setting s;

	set_up(_metadata, &s, 2, &spin);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	s.id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EVENT(VMQOS_CMD_VM_ADOPT_NTF, s.id);
	EXPECT_STREQ(s.name, vmqos_raw_string(vmqos_raw_attr(event, VMQOS_VM_A_NAME)));
	/* Both vCPUs get their hook, each with an event. */
	EXPECT_EVENT(VMQOS_CMD_VCPU_NTF, s.id);
	EXPECT_EQ(VMQOS_VCPU_STATE_ATTACHED,
		  vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VCPU_A_STATE)));
	EXPECT_EVENT(VMQOS_CMD_VCPU_NTF, s.id);
	EXPECT_EQ(VMQOS_VCPU_STATE_ATTACHED,
		  vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VCPU_A_STATE)));
	ASSERT_EQ(0, vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, s.id));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(VMQOS_VM_STATE_RELEASING, vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VM_A_STATE)));
	EXPECT_EVENT(VMQOS_CMD_VM_RELEASE_NTF, s.id);
	EXPECT_REFUSED(vmqos_by_id(&s.raw, &s.answer, VMQOS_CMD_VM_RELEASE, s.id), ENOENT,
		       &s.answer);
	EXPECT_NO_EVENT(VMQOS_CMD_VM_RELEASE_NTF, s.id);
	tear_down(&s);
}

TEST(a_vcpu_thread_that_ends_is_told)
{
	struct setting s;

	set_up(_metadata, &s, 2, &halt);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	s.id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EVENT(VMQOS_CMD_VCPU_NTF, s.id);
	EXPECT_EVENT(VMQOS_CMD_VCPU_NTF, s.id);
	ASSERT_EQ(0, vmqos_vmm_end_thread(s.vm, 1));
	EXPECT_EVENT(VMQOS_CMD_VCPU_NTF, s.id);
	EXPECT_EQ(VMQOS_VCPU_STATE_LEFT, vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VCPU_A_STATE)));
	EXPECT_EQ(1, vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VCPU_A_INDEX)));
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, s.id, PATIENCE));
	tear_down(&s);
}

TEST(a_vm_that_dies_is_told)
{
	struct vmqos_peer peer;
	struct setting s;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_peer_start(&peer, &spin, 1));
	ASSERT_LE(0, vmqos_peer_getfd(&peer));
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, peer.vm_fd, peer.pid, s.name, NULL));
	s.id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EVENT(VMQOS_CMD_VM_ADOPT_NTF, s.id);
	vmqos_peer_close_vm(&peer);
	vmqos_peer_kill(&peer);
	EXPECT_EVENT(VMQOS_CMD_VM_RELEASE_NTF, s.id);
	tear_down(&s);
}

TEST(only_changes_of_a_vm_are_told)
{
	static const uint8_t uuid[VMQOS_UUID_SIZE] = "0123456789abcde";
	struct setting s;
	char other[64];

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	own_name(other, sizeof(other), "changed");
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	s.id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EVENT(VMQOS_CMD_VM_ADOPT_NTF, s.id);
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id, NULL, NULL));
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id, s.name, NULL));
	EXPECT_NO_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id, other, NULL));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_STREQ(other, vmqos_raw_string(vmqos_raw_attr(event, VMQOS_VM_A_NAME)));
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id, other, uuid));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_NE(NULL, vmqos_raw_attr(event, VMQOS_VM_A_UUID));
	EXPECT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id, NULL, uuid));
	EXPECT_NO_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	/* A refused change is none. */
	EXPECT_GT(0, vmqos_vm_set(&s.raw, &s.answer, s.id, "a/b", uuid));
	EXPECT_EQ(-EEXIST, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), NULL,
				       NULL));
	EXPECT_NO_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, s.id, PATIENCE));
	tear_down(&s);
}

TEST(only_changes_of_a_policy_are_told)
{
	struct vmqos_raw_msg msg;
	struct setting s;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
#define SET(attr, value)	vmqos_vm_set_u32(&s.raw, &s.answer, s.id, VMQOS_VM_A_##attr, value)
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	s.id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EVENT(VMQOS_CMD_VM_ADOPT_NTF, s.id);
	/* What it has already. */
	EXPECT_EQ(0, SET(CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_NORMAL));
	EXPECT_EQ(0, SET(CPU_RESERVATION, 0));
	EXPECT_EQ(0, SET(CPU_LIMIT, 0));
	EXPECT_EQ(0, SET(CPU_LATENCY, VMQOS_CPU_LATENCY_NORMAL));
	EXPECT_EQ(0, SET(CPU_CHARGE_OTHERS, VMQOS_SWITCH_ON));
	EXPECT_NO_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(0, SET(CPU_SHARES, 1000));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(VMQOS_CPU_SHARES_LEVEL_CUSTOM,
		  vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VM_A_CPU_SHARES_LEVEL)));
	EXPECT_EQ(0, SET(CPU_LIMIT, 50000));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(50000, vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VM_A_CPU_LIMIT)));
	EXPECT_EQ(0, SET(CPU_RESERVATION, 1));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(0, SET(CPU_LATENCY, VMQOS_CPU_LATENCY_LOW));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(0, SET(CPU_CHARGE_OTHERS, VMQOS_SWITCH_OFF));
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	/* Refused, or the same again: no change. */
	EXPECT_GT(0, SET(CPU_SHARES, 0));
	EXPECT_GT(0, SET(CPU_LIMIT, 1));
	EXPECT_GT(0, SET(CPU_RESERVATION, 50001));
	EXPECT_EQ(0, SET(CPU_LIMIT, 50000));
	EXPECT_NO_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	/* Several in one request are one change. */
	vmqos_raw_begin(&s.raw, &msg, VMQOS_CMD_VM_SET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, s.id);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_CPU_RESERVATION, 0);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_CPU_LIMIT, 0);
	vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, "several");
	EXPECT_EQ(0, vmqos_raw_call(&s.raw, &msg, &s.answer) ?: s.answer.error);
	EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
	EXPECT_EQ(0, vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_VM_A_CPU_LIMIT)));
	EXPECT_STREQ("several", vmqos_raw_string(vmqos_raw_attr(event, VMQOS_VM_A_NAME)));
	EXPECT_NO_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
#undef SET
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, s.id, PATIENCE));
	tear_down(&s);
}

TEST(only_changes_of_the_cpu_settings_are_told)
{
	static const uint16_t types[] = { VMQOS_HOST_A_CPU_KEPT, VMQOS_HOST_A_CPU_GATE,
					  VMQOS_HOST_A_CPU_SLICE_US };
	struct vmqos_state state;
	uint32_t values[3][2];
	struct setting s;
	int i;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &state));
	/* What is there, and something else. */
	values[0][0] = state.kept;
	values[0][1] = state.kept ? state.kept - 1 : 1;
	values[1][0] = state.gate;
	values[1][1] = !state.gate;
	values[2][0] = state.slice_us;
	values[2][1] = state.slice_us ^ 1;
	vmqos_state_free(&state);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, types[i], values[i][0]));
		EXPECT_NO_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
		EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, types[i], values[i][1]));
		EXPECT_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
		EXPECT_EQ(values[i][1], vmqos_raw_u32(vmqos_raw_attr(event, types[i])));
		EXPECT_GT(0, vmqos_host_set(&s.raw, &s.answer, types[i], 0xffffffff));
		EXPECT_NO_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
		EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, types[i], values[i][0]));
		EXPECT_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
	}
	tear_down(&s);
}

TEST(only_changes_of_the_host_are_told)
{
	struct vmqos_state state;
	uint32_t period, guest_time;
	struct setting s;

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_state_take(&s.raw, &state));
	period = state.scan_period_ms;
	guest_time = state.guest_time;
	vmqos_state_free(&state);
	/* A change of nothing is a mistake. */
	EXPECT_REFUSED(vmqos_host_set(&s.raw, &s.answer, 0, 0), EINVAL, &s.answer);
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_SCAN_PERIOD_MS, period));
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_GUEST_TIME, guest_time));
	EXPECT_NO_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_SCAN_PERIOD_MS, period + 1));
	EXPECT_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
	EXPECT_EQ(period + 1, vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_HOST_A_SCAN_PERIOD_MS)));
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_GUEST_TIME, !guest_time));
	EXPECT_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
	EXPECT_EQ(!guest_time, vmqos_raw_u32(vmqos_raw_attr(event, VMQOS_HOST_A_GUEST_TIME)));
	EXPECT_GT(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_SCAN_PERIOD_MS, 9));
	EXPECT_NO_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_GUEST_TIME, guest_time));
	EXPECT_EQ(0, vmqos_host_set(&s.raw, &s.answer, VMQOS_HOST_A_SCAN_PERIOD_MS, period));
	EXPECT_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
	EXPECT_EVENT(VMQOS_CMD_HOST_CHANGE_NTF, 0);
	tear_down(&s);
}

/* A listener that does not read loses events, but nobody else does and nothing hangs. */
TEST(a_deaf_listener_harms_nobody)
{
	int small = 2048, i, lost = 0;
	struct vmqos_raw deaf;
	struct setting s;
	char name[80];

	set_up(_metadata, &s, 0, &paused);
	if (!s.vm)
		return;
	ASSERT_EQ(0, vmqos_raw_open(&deaf));
	ASSERT_EQ(0, setsockopt(deaf.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	ASSERT_EQ(0, vmqos_raw_subscribe(&deaf));
	ASSERT_EQ(0, vmqos_adopt(&s.raw, &s.answer, vmqos_vmm_fd(s.vm), getpid(), s.name, NULL));
	s.id = vmqos_answer_u32(&s.answer, VMQOS_VM_A_ID);
	EXPECT_EVENT(VMQOS_CMD_VM_ADOPT_NTF, s.id);
	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "%.40s-%d", s.name, i);
		ASSERT_EQ(0, vmqos_vm_set(&s.raw, &s.answer, s.id, name, NULL));
		EXPECT_EVENT(VMQOS_CMD_VM_CHANGE_NTF, s.id);
		EXPECT_STREQ(name, vmqos_raw_string(vmqos_raw_attr(event, VMQOS_VM_A_NAME)));
	}
	while (recv(deaf.fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		lost |= errno == ENOBUFS;
	EXPECT_TRUE(lost) TH_LOG("the deaf listener was never told that it lost something");
	vmqos_raw_close(&deaf);
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, s.id, PATIENCE));
	tear_down(&s);
}

TEST_HARNESS_MAIN
