// SPDX-License-Identifier: GPL-2.0
/*
 * Privilege: whatever changes state needs CAP_NET_ADMIN in the initial user
 * namespace, of who sends as well as of who opened the socket; reading is for
 * everyone. And what PID and network namespaces make of it.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common.h"

#define NOBODY	65534
#define CHANGES	12		/* ways to change something */

/* Results that a child leaves for its parent. */
struct report {
	int ready;
	int refused[CHANGES], sentence[CHANGES];
	int read[5], listen;
	int family_here;
	uint32_t pid_inside;
	int value;
};

struct setting {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct vmqos_vmm_vm *vm;
	struct report *report;
	struct vmqos_state before;
	char name[64];
	uint32_t id;
};

static void set_up(struct __test_metadata *_metadata, struct setting *s)
{
	memset(s, 0, sizeof(*s));
	if (geteuid())
		SKIP(return, "needs root");
	MUST_OPEN(&s->raw);
	s->vm = make_vm(1, &paused);
	ASSERT_NE(NULL, s->vm);
	s->report = mmap(NULL, sizeof(*s->report), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)s->report);
	own_name(s->name, sizeof(s->name), "private");
	ASSERT_EQ(0, vmqos_adopt(&s->raw, &s->answer, vmqos_vmm_fd(s->vm), getpid(), s->name, NULL))
		TH_LOG("%s", s->answer.sentence);
	s->id = vmqos_answer_u32(&s->answer, VMQOS_VM_A_ID);
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
	munmap(s->report, sizeof(*s->report));
}

/* In the child: try to change everything, then to read everything. */
static void try_all(struct setting *s, struct vmqos_raw *raw)
{
	struct vmqos_vmm_vm *own = make_vm(0, &paused);
	struct report *r = s->report;
	struct vmqos_raw_msg msg;
	int i;

	for (i = 0; i < CHANGES; i++) {
		switch (i) {
		case 0:
			r->refused[i] = vmqos_adopt(raw, &s->answer, own ? vmqos_vmm_fd(own) :
						    vmqos_vmm_fd(s->vm), getpid(), "mine", NULL);
			break;
		case 1:
			r->refused[i] = vmqos_by_id(raw, &s->answer, VMQOS_CMD_VM_RELEASE, s->id);
			break;
		case 2:
			r->refused[i] = vmqos_vm_set(raw, &s->answer, s->id, "mine", NULL);
			break;
		case 3:
			r->refused[i] = vmqos_host_set(raw, &s->answer,
						       VMQOS_HOST_A_SCAN_PERIOD_MS, 777);
			break;
		case 4:
			/* Who may not change is not told either whether there is such a VM. */
			r->refused[i] = vmqos_by_id(raw, &s->answer, VMQOS_CMD_VM_RELEASE,
						    0x7ffffffe);
			break;
		case 5:
			r->refused[i] = vmqos_vm_set_u32(raw, &s->answer, s->id,
							 VMQOS_VM_A_CPU_RESERVATION, 1);
			break;
		case 7:
			r->refused[i] = vmqos_by_id(raw, &s->answer, VMQOS_CMD_VM_RECLAIM, s->id);
			break;
		case 8:
			/* Where another process has what is not for everyone. */
			r->refused[i] = vmqos_by_id(raw, &s->answer, VMQOS_CMD_MEM_RANGE_GET,
						    s->id);
			break;
		case 6:
			r->refused[i] = vmqos_host_set(raw, &s->answer, VMQOS_HOST_A_CPU_GATE,
						       VMQOS_SWITCH_OFF);
			break;
		case 9:
			vmqos_raw_begin(raw, &msg, VMQOS_CMD_VIRTIO_ADD, NLM_F_ACK);
			vmqos_raw_put_u32(&msg, VMQOS_VIRTIO_A_TYPE, VMQOS_VIRTIO_TYPE_BALLOON);
			r->refused[i] = vmqos_raw_call(raw, &msg, &s->answer) ?: -s->answer.error;
			break;
		case 10:
			vmqos_raw_begin(raw, &msg, VMQOS_CMD_VIRTIO_DEL, NLM_F_ACK);
			vmqos_raw_put_string(&msg, VMQOS_VIRTIO_A_NAME, "nobody-s");
			r->refused[i] = vmqos_raw_call(raw, &msg, &s->answer) ?: -s->answer.error;
			break;
		case 11:
			vmqos_raw_begin(raw, &msg, VMQOS_CMD_BALLOON_SET, NLM_F_ACK);
			vmqos_raw_put_u32(&msg, VMQOS_BALLOON_A_ID, s->id);
			r->refused[i] = vmqos_raw_call(raw, &msg, &s->answer) ?: -s->answer.error;
			break;
		}
		r->sentence[i] = s->answer.sentence[0] != 0;
	}
	vmqos_raw_begin(raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK);
	r->read[0] = vmqos_raw_call(raw, &msg, &s->answer) ?: s->answer.error;
	r->read[1] = vmqos_by_id(raw, &s->answer, VMQOS_CMD_VM_GET, s->id);
	r->read[2] = vmqos_by_id(raw, &s->answer, VMQOS_CMD_VM_STAT_GET, s->id);
	r->read[3] = vmqos_vcpu_get(raw, &s->answer, s->id, 0);
	r->read[4] = vmqos_dump(raw, &s->answer, VMQOS_CMD_VM_GET);
	r->listen = vmqos_raw_subscribe(raw);
	r->ready = 1;
}

static void expect_reader(struct __test_metadata *_metadata, struct report *r, bool may_read)
{
	int i;

	ASSERT_EQ(1, r->ready);
	for (i = 0; i < CHANGES; i++) {
		EXPECT_EQ(-EPERM, r->refused[i]) TH_LOG("change %d", i);
		EXPECT_EQ(1, r->sentence[i]) TH_LOG("change %d is refused without a sentence", i);
	}
	for (i = 0; may_read && i < 5; i++)
		EXPECT_EQ(0, r->read[i]) TH_LOG("reading %d", i);
	EXPECT_EQ(0, r->listen);
}

static void become_nobody(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(2);
}

static int end_of(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*
 * A child becomes somebody and opens a socket, or the other way round: by_whom()
 * returns 0, or what the child is to end with. Then it tries everything.
 */
static int try_as(struct setting *s, int (*by_whom)(struct setting *s, struct vmqos_raw *raw))
{
	pid_t child = fork();

	if (!child) {
		struct vmqos_raw raw;
		int end = by_whom(s, &raw);

		if (!end)
			try_all(s, &raw);
		_exit(end);
	}
	return end_of(child);
}

static int nobody(struct setting *s, struct vmqos_raw *raw)
{
	become_nobody();
	return vmqos_raw_open(raw) ? 3 : 0;
}

TEST(nobody_reads_and_changes_nothing)
{
	struct setting s;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	EXPECT_EQ(0, try_as(&s, nobody));
	expect_reader(_metadata, s.report, true);
	tear_down(_metadata, &s);
}

/* A privileged process may have left its socket to one that is not. */
static int nobody_with_roots_socket(struct setting *s, struct vmqos_raw *raw)
{
	if (vmqos_raw_open(raw))
		return 3;
	become_nobody();
	return 0;
}

TEST(a_socket_of_root_gives_nobody_no_power)
{
	struct setting s;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	EXPECT_EQ(0, try_as(&s, nobody_with_roots_socket));
	expect_reader(_metadata, s.report, true);
	tear_down(_metadata, &s);
}

/*
 * And a privileged one may be tricked into writing to a socket of somebody else.
 * (Who gives an address with the message knows what he does.)
 */
static int root_with_nobodys_socket(struct setting *s, struct vmqos_raw *raw)
{
	if (setresuid(-1, NOBODY, 0) || vmqos_raw_open(raw) || setresuid(0, 0, 0))
		return 3;
	raw->unaddressed = true;
	return 0;
}

TEST(a_socket_of_nobody_gives_root_no_power)
{
	struct setting s;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	EXPECT_EQ(0, try_as(&s, root_with_nobodys_socket));
	expect_reader(_metadata, s.report, true);
	tear_down(_metadata, &s);
}

static int map_root(void)
{
	char text[64];
	int fd = open("/proc/self/setgroups", O_WRONLY);

	if (fd >= 0) {
		if (write(fd, "deny", 4) != 4)
			return -1;
		close(fd);
	}
	fd = open("/proc/self/uid_map", O_WRONLY);
	snprintf(text, sizeof(text), "0 %d 1", NOBODY);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -1;
	close(fd);
	return 0;
}

/* Root of new namespaces, the user's among them; NO_NAMESPACES where there are none. */
#define NO_NAMESPACES	4

static int become_root_inside(int namespaces)
{
	become_nobody();
	/* Only a dumpable process may write its own maps. */
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(namespaces))
		return NO_NAMESPACES;
	return map_root() || geteuid() ? 5 : 0;
}

static int root_of_a_user_namespace(struct setting *s, struct vmqos_raw *raw)
{
	return become_root_inside(CLONE_NEWUSER) ?: vmqos_raw_open(raw) ? 3 : 0;
}

TEST(root_of_a_user_namespace_is_nobody)
{
	struct setting s;
	int end;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	end = try_as(&s, root_of_a_user_namespace);
	if (end == NO_NAMESPACES) {
		tear_down(_metadata, &s);
		SKIP(return, "the kernel gives no user namespaces to everybody");
	}
	EXPECT_EQ(0, end);
	expect_reader(_metadata, s.report, true);
	tear_down(_metadata, &s);
}

static int root_of_a_network_namespace(struct setting *s, struct vmqos_raw *raw)
{
	int err = become_root_inside(CLONE_NEWUSER | CLONE_NEWNET);

	if (err)
		return err;
	if (vmqos_raw_open_bare(raw))
		return 3;
	err = vmqos_raw_resolve(raw);
	if (err && err != -ENOENT)
		return 6;
	s->report->family_here = !err;
	/* Not seen is not safe: use the number that is known outside. */
	raw->family = s->raw.family;
	raw->events = s->raw.events;
	return 0;
}

/*
 * The root of a container with a network namespace of its own: either the
 * family is not seen there, or it is and the same rule holds.
 */
TEST(root_of_a_network_namespace_is_nobody)
{
	struct setting s;
	int end;

	set_up(_metadata, &s);
	if (!s.id)
		return;
	end = try_as(&s, root_of_a_network_namespace);
	if (end == NO_NAMESPACES) {
		tear_down(_metadata, &s);
		SKIP(return, "the kernel gives no network namespaces to everybody");
	}
	EXPECT_EQ(0, end);
	TH_LOG("the family is %sseen in other network namespaces",
	       s.report->family_here ? "" : "not ");
	if (s.report->family_here) {
		expect_reader(_metadata, s.report, true);
	} else {
		int i;

		EXPECT_EQ(1, s.report->ready);
		for (i = 0; i < 5; i++) {
			EXPECT_EQ(-ENOENT, s.report->refused[i]);
			EXPECT_NE(0, s.report->read[i]);
		}
	}
	tear_down(_metadata, &s);
}

/* Process numbers are those of the caller's PID namespace, both ways. */
TEST(process_numbers_follow_the_pid_namespace)
{
	struct vmqos_raw_answer answer = { 0 };
	struct setting s;
	pid_t child;
	uint32_t id;
	int go[2];

	set_up(_metadata, &s);
	if (!s.id)
		return;
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	child = fork();
	if (!child) {
		struct vmqos_vmm_vm *vm = make_vm(1, &spin);
		struct vmqos_raw raw;
		char c;

		close(go[1]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!vm || vmqos_raw_open(&raw) || getpid() != 1)
			_exit(3);
		s.report->value = vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), 1, "inside", NULL);
		s.report->pid_inside = vmqos_answer_u32(&answer, VMQOS_VM_A_PID);
		id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
		/* The test's own process has no number in here. */
		if (!s.report->value && vmqos_by_id(&raw, &answer, VMQOS_CMD_VM_GET, s.id) == 0)
			s.report->refused[0] = vmqos_answer_u32(&answer, VMQOS_VM_A_PID);
		if (!s.report->value && !vmqos_wait_attached(&raw, id, 1, PATIENCE) &&
		    !vmqos_vcpu_get(&raw, &answer, id, 0))
			s.report->refused[1] = vmqos_answer_u32(&answer, VMQOS_VCPU_A_TID) ==
					       (uint32_t)vmqos_vmm_tid(vm, 0);
		__atomic_store_n(&s.report->ready, 1, __ATOMIC_SEQ_CST);
		(void)!read(go[0], &c, 1);
		_exit(0);
	}
	while (!__atomic_load_n(&s.report->ready, __ATOMIC_SEQ_CST) &&
	       waitpid(child, NULL, WNOHANG) == 0)
		vmqos_sleep_ms(5);
	ASSERT_EQ(1, s.report->ready);
	EXPECT_EQ(0, s.report->value);
	EXPECT_EQ(1, s.report->pid_inside);
	EXPECT_EQ(0, s.report->refused[0]);
	EXPECT_EQ(1, s.report->refused[1]) TH_LOG("the thread's number inside is wrong");
	ASSERT_EQ(0, vmqos_by_name(&s.raw, &answer, VMQOS_CMD_VM_GET, "inside"));
	EXPECT_EQ(child, (int)vmqos_answer_u32(&answer, VMQOS_VM_A_PID));
	id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	EXPECT_EQ(0, vmqos_release_and_wait(&s.raw, id, PATIENCE));
	close(go[1]);
	EXPECT_EQ(0, end_of(child));
	vmqos_raw_free(&answer);
	tear_down(_metadata, &s);
}

TEST_HARNESS_MAIN
