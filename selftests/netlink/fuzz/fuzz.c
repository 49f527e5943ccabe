// SPDX-License-Identifier: GPL-2.0
/*
 * Random and mutated messages to the family, from several threads at once, one
 * of them without privilege, while VMs come and go. Every answer is judged.
 * Afterwards the family must work, the VMs that nobody was to touch must be as
 * they were, and all others must go when they are released.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"

#include "../peer.h"
#include "fuzz.h"

#define SHORT_RUN	50000
#define SHORT_S		60	/* a short run ends then, on a slow or busy machine */
#define TIMES_LONGER	4	/* at most, until every command has been accepted and refused */
#define LONG_RUN	1000000
#define OWN_VMS		8
#define WORKERS_MAX	8
#define NOBODY		65534
#define PATIENCE	60000

struct fuzz_pool fuzz_pool;

struct worker {
	pthread_t thread;
	unsigned int index;
	bool nobody;
	uint64_t seed, messages;
	struct fuzz_tally tally;
	bool failed;
};

static uint64_t seed, wanted = SHORT_RUN, seconds = SHORT_S;
static unsigned int nr_workers = 3, churners = 2;
static struct worker workers[WORKERS_MAX];
static struct vmqos_vmm_vm *own_vms[OWN_VMS], *kept_vms[FUZZ_KEPT];
static uint64_t sent;			/* by all workers */
static bool stopping, ended;

static void hex(const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < 512; i += 16) {
		char line[64];
		size_t j, at = 0;

		for (j = i; j < i + 16 && j < len; j++)
			at += snprintf(line + at, sizeof(line) - at, "%02x ", data[j]);
		ksft_print_msg("  %04zx: %s\n", i, line);
	}
	if (len > 512)
		ksft_print_msg("  ... %zu bytes in all\n", len);
}

static void fail(struct worker *w, const struct fuzz_datagram *d, uint64_t before, const char *why)
{
	w->failed = true;
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	ksft_print_msg("seed %lu worker %u%s, datagram of messages %lu to %lu: %s\n",
		       seed, w->index, w->nobody ? " (nobody)" : "", before, w->messages, why);
	hex(d->data, d->len);
}

/* Send one datagram and judge it. */
static bool one_datagram(struct worker *w, struct fuzz_random *random, struct vmqos_raw *raw,
			 struct fuzz_datagram *d)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	uint64_t before = w->messages;
	char why[512] = "";

	fuzz_generate(random, raw, d);
	w->messages += d->messages ?: 1;
	__atomic_add_fetch(&sent, d->messages ?: 1, __ATOMIC_RELAXED);
	if (sendto(raw->fd, d->data, d->len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) !=
	    (ssize_t)d->len) {
		/* Nothing to send is no message. */
		if (!d->len)
			return true;
		snprintf(why, sizeof(why), "sending %zu bytes: %s", d->len, strerror(errno));
		fail(w, d, before, why);
		return false;
	}
	/* Now and then leave everything unread, lists half way included. */
	if (fuzz_chance(random, 1)) {
		vmqos_raw_close(raw);
		if (vmqos_raw_open(raw)) {
			fail(w, d, before, "the family does not answer any more");
			return false;
		}
		return true;
	}
	if (!fuzz_judge(raw, d, w->nobody, &w->tally, why, sizeof(why))) {
		fail(w, d, before, why);
		return false;
	}
	return true;
}

static void *work(void *worker)
{
	struct worker *w = worker;
	struct fuzz_random random = { w->seed };
	struct fuzz_datagram *d = calloc(1, sizeof(*d));
	struct vmqos_raw raw;

	/* The system call itself concerns the calling thread only. */
	if (w->nobody && (syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) ||
			  syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY)))
		w->failed = true;
	if (!d || w->failed || vmqos_raw_open(&raw)) {
		w->failed = true;
		free(d);
		return NULL;
	}
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&ended, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&sent, __ATOMIC_RELAXED) < wanted)
		if (!one_datagram(w, &random, &raw, d))
			break;
	vmqos_raw_close(&raw);
	free(d);
	return NULL;
}

/* Reads events as fast as it can and checks their form. */
static void *listen_to_events(void *count)
{
	static uint8_t buf[65536] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	struct timeval wait = { 0, 200000 };
	struct vmqos_raw raw;
	char why[256];

	if (vmqos_raw_open(&raw) || vmqos_raw_subscribe(&raw))
		return "cannot listen";
	setsockopt(raw.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		ssize_t got = recv(raw.fd, buf, sizeof(buf), 0);

		if (got < (ssize_t)NLMSG_HDRLEN)
			continue;
		if (!vmqos_schema_check(nlh, why, sizeof(why))) {
			ksft_print_msg("event %u: %s\n", buf[NLMSG_HDRLEN], why);
			return "an event is not well formed";
		}
		++*(uint64_t *)count;
	}
	vmqos_raw_close(&raw);
	return NULL;
}

static struct vmqos_vmm_vm *make_vm(enum vmqos_vmm_kind kind, int vcpus)
{
	const struct vmqos_vmm_workload workload = { .kind = kind };
	struct vmqos_vmm_vm *vm = vmqos_vmm_create("fuzz", 4, 0);
	int i;

	for (i = 0; vm && i < vcpus; i++)
		if (vmqos_vmm_add_vcpu(vm, &workload) < 0 || vmqos_vmm_start(vm, i) < 0)
			ksft_exit_fail_msg("cannot start a vCPU\n");
	if (!vm)
		ksft_exit_fail_msg("cannot make a VM: %s\n", strerror(errno));
	return vm;
}

static void fill_pool(void)
{
	struct fuzz_pool *p = &fuzz_pool;
	pid_t dead;
	int i, spare[2];

	for (i = 0; i < OWN_VMS; i++) {
		own_vms[i] = make_vm(i & 1 ? VMQOS_VMM_PAUSED : VMQOS_VMM_IDLE, 1 + i % 3);
		p->fds[p->nr_fds++] = vmqos_vmm_fd(own_vms[i]);
	}
	p->own_vms = OWN_VMS;
	for (i = 0; i < FUZZ_KEPT; i++) {
		kept_vms[i] = make_vm(i & 1 ? VMQOS_VMM_IDLE : VMQOS_VMM_PAUSED, 2);
		p->fds[p->nr_fds++] = vmqos_vmm_fd(kept_vms[i]);
	}
	p->fds[p->nr_fds++] = vmqos_vmm_vcpu_fd(own_vms[0], 0);
	p->fds[p->nr_fds++] = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	p->fds[p->nr_fds++] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	p->fds[p->nr_fds++] = open("/", O_PATH | O_CLOEXEC);
	p->fds[p->nr_fds++] = ioctl(vmqos_vmm_fd(own_vms[0]), KVM_GET_STATS_FD, 0);
	p->fds[p->nr_fds++] = eventfd(0, EFD_CLOEXEC);
	p->fds[p->nr_fds++] = epoll_create1(EPOLL_CLOEXEC);
	p->fds[p->nr_fds++] = memfd_create("kvm-vm", MFD_CLOEXEC);
	p->fds[p->nr_fds++] = vmqos_pidfd_open(getpid());
	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, spare)) {
		p->fds[p->nr_fds++] = spare[0];
		close(spare[1]);
	}
	p->fds[p->nr_fds++] = -1;
	dead = fork();
	if (!dead)
		_exit(0);
	waitpid(dead, NULL, 0);
	p->pids[p->nr_pids++] = getpid();
	p->pids[p->nr_pids++] = getppid();
	p->pids[p->nr_pids++] = 1;
	p->pids[p->nr_pids++] = 2;
	p->pids[p->nr_pids++] = dead;
	p->pids[p->nr_pids++] = vmqos_vmm_tid(own_vms[0], 0);
	p->pids[p->nr_pids++] = 0;
}

static void adopt_kept(struct vmqos_raw *raw, struct vmqos_raw_answer *answer)
{
	uint8_t uuid[VMQOS_UUID_SIZE];
	int i;

	for (i = 0; i < FUZZ_KEPT; i++) {
		memset(uuid, 0xa0 + i, sizeof(uuid));
		/* Long enough that no prefix of it comes up by chance. */
		snprintf(fuzz_pool.kept_name[i], sizeof(fuzz_pool.kept_name[i]),
			 "kept-by-all-%d-%d", getpid(), i);
		if (vmqos_adopt(raw, answer, vmqos_vmm_fd(kept_vms[i]), getpid(),
				fuzz_pool.kept_name[i], i & 1 ? uuid : NULL))
			ksft_exit_fail_msg("cannot adopt %s: %s\n", fuzz_pool.kept_name[i],
					   answer->sentence);
		fuzz_pool.kept_id[i] = vmqos_answer_u32(answer, VMQOS_VM_A_ID);
	}
}

/* Release every VM but the kept ones and those that were there before. */
static bool release_others(struct vmqos_raw *raw, const struct vmqos_state *before)
{
	uint64_t end = vmqos_now_ms() + PATIENCE;
	struct vmqos_raw_answer answer = { 0 };
	struct vmqos_state now;
	unsigned int left, i;

	do {
		if (vmqos_state_take(raw, &now))
			return false;
		for (left = i = 0; i < now.vms; i++) {
			if (vmqos_state_find(before, now.vm[i].id))
				continue;
			left++;
			vmqos_by_id(raw, &answer, VMQOS_CMD_VM_RELEASE, now.vm[i].id);
		}
		vmqos_state_free(&now);
		if (left)
			vmqos_sleep_ms(50);
	} while (left && vmqos_now_ms() < end);
	vmqos_raw_free(&answer);
	if (left)
		ksft_print_msg("%u VMs are still there %d s after their release\n", left,
			       PATIENCE / 1000);
	return !left;
}

static void delete_devices(struct vmqos_raw *raw, struct vmqos_raw_answer *answer)
{
	struct vmqos_raw_msg msg;
	char name[32];
	int i;

	for (i = 0; i < FUZZ_DEVICES; i++) {
		snprintf(name, sizeof(name), FUZZ_DEVICE "%d", i);
		vmqos_raw_begin(raw, &msg, VMQOS_CMD_VIRTIO_DEL, NLM_F_ACK);
		vmqos_raw_put_string(&msg, VMQOS_VIRTIO_A_NAME, name);
		vmqos_raw_call(raw, &msg, answer);
	}
}

static void report_tally(const struct fuzz_tally *all)
{
	unsigned int i;

	for (i = 0; i < vmqos_schema_cmds; i++)
		if (vmqos_schema[i].can_do)
			ksft_print_msg("%-14s %8lu accepted %8lu refused\n", vmqos_schema[i].name,
				       all->accepted[vmqos_schema[i].cmd],
				       all->refused[vmqos_schema[i].cmd]);
	for (i = 1; i < 256; i++)
		if (all->errors[i])
			ksft_print_msg("%8lu times %s\n", all->errors[i], strerror(i));
	ksft_print_msg("%lu refusals by the family, each with a sentence\n", all->sentences);
}

static bool covered(const struct fuzz_tally *all)
{
	unsigned int i;

	for (i = 0; i < vmqos_schema_cmds; i++)
		if (vmqos_schema[i].can_do && (!all->accepted[vmqos_schema[i].cmd] ||
					       !all->refused[vmqos_schema[i].cmd]))
			return false;
	return true;
}

static void options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "messages", required_argument, NULL, 'm' },
		{ "threads", required_argument, NULL, 't' },
		{ "churn", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	seed = time(NULL) ^ (uint64_t)getpid() << 32;
	if (getenv("VMQOS_LONG")) {
		wanted = LONG_RUN;
		seconds = 0;
	}
	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			wanted = strtoull(optarg, NULL, 0);
			seconds = 0;
			break;
		case 't':
			nr_workers = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			churners = strtoul(optarg, NULL, 0);
			break;
		case 'S':
			seconds = strtoul(optarg, NULL, 0);
			break;
		default:
			ksft_exit_fail_msg("usage: fuzz [--seed N] [--messages N] [--seconds N] [--threads N] [--churn N]\n");
		}
	}
	if (nr_workers < 2 || nr_workers > WORKERS_MAX)
		ksft_exit_fail_msg("--threads %u: give 2 to %u\n", nr_workers, WORKERS_MAX);
	if (churners > FUZZ_CHURN_MAX)
		ksft_exit_fail_msg("--churn %u: give at most %u\n", churners, FUZZ_CHURN_MAX);
}

static void add_tally(struct fuzz_tally *to, const struct fuzz_tally *from)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		to->accepted[i] += from->accepted[i];
		to->refused[i] += from->refused[i];
		to->errors[i] += from->errors[i];
	}
	to->sentences += from->sentences;
}

/* Whether that is so by now; the workers go on meanwhile. */
static bool have_covered(void)
{
	struct fuzz_tally all = { 0 };
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		if (!workers[i].nobody)
			add_tally(&all, &workers[i].tally);
	return covered(&all);
}

static void run_workers(struct fuzz_tally *all, struct fuzz_tally *nobody, bool *failed)
{
	uint64_t begun = vmqos_now_ms(), told = 0, ms;
	unsigned int i;

	for (i = 0; i < nr_workers; i++) {
		workers[i].index = i;
		workers[i].seed = seed + i;
		workers[i].nobody = i == nr_workers - 1;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			ksft_exit_fail_msg("cannot make a thread\n");
	}
	while (!stopping && sent < wanted) {
		vmqos_sleep_ms(100);
		if (sent - told >= wanted / 10) {
			told = sent;
			ksft_print_msg("%lu messages in %lu s\n", told,
				       (vmqos_now_ms() - begun) / 1000);
		}
		/* Asked to end early: what has been sent is told all the same. */
		ms = vmqos_now_ms() - begun;
		if (seconds && ms > seconds * 1000 &&
		    (have_covered() || ms > TIMES_LONGER * seconds * 1000))
			break;
	}
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	for (i = 0; i < nr_workers; i++) {
		pthread_join(workers[i].thread, NULL);
		*failed |= workers[i].failed;
		add_tally(workers[i].nobody ? nobody : all, &workers[i].tally);
	}
	ms = vmqos_now_ms() - begun;
	ksft_print_msg("%lu messages in %lu.%03lu s\n", sent, ms / 1000, ms % 1000);
}

int main(int argc, char **argv)
{
	static struct fuzz_tally all, nobody;
	struct vmqos_state empty, before, after;
	struct vmqos_raw_answer answer = { 0 };
	char why[256] = "the state cannot be read";
	const char *ears = NULL;
	uint64_t events = 0, lives;
	bool failed = false, same;
	struct vmqos_raw raw;
	pthread_t listener;
	int err;

	ksft_print_header();
	options(argc, argv);
	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		ksft_exit_skip("no family %s: is the module loaded?\n", VMQOS_FAMILY_NAME);
	if (err || geteuid())
		ksft_exit_skip("needs root: %s\n", strerror(-err));
	ksft_set_plan(5);
	ksft_print_msg("seed %lu, up to %lu messages from %u threads, %u VMs coming and going\n",
		       seed, wanted, nr_workers, churners);
	fill_pool();
	if (vmqos_state_take(&raw, &empty))
		ksft_exit_fail_msg("the state cannot be read\n");
	adopt_kept(&raw, &answer);
	if (vmqos_state_take(&raw, &before))
		ksft_exit_fail_msg("the state cannot be read\n");
	if (pthread_create(&listener, NULL, listen_to_events, &events) ||
	    fuzz_churn_start(churners, seed))
		ksft_exit_fail_msg("cannot make a thread\n");
	run_workers(&all, &nobody, &failed);
	lives = fuzz_churn_stop();
	stopping = true;
	pthread_join(listener, (void **)&ears);
	report_tally(&all);
	ksft_print_msg("%lu VMs of other processes lived and died, %lu events were heard\n", lives,
		       events);
	ksft_test_result(!failed && !ears, "every answer and event is right%s%s\n", ears ? ": " : "",
			 ears ?: "");
	ksft_test_result(covered(&all) && (lives || !churners) && events,
			 "every command was accepted and refused\n");
	ksft_test_result(nobody.errors[EPERM] && nobody.sentences, "nobody was refused %lu times\n",
			 nobody.errors[EPERM]);

	delete_devices(&raw, &answer);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_SCAN_PERIOD_MS, before.scan_period_ms);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_GUEST_TIME, before.guest_time);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_KEPT, before.kept);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_GATE, before.gate);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_SLICE_US, before.slice_us);
	same = release_others(&raw, &before) && !vmqos_state_take(&raw, &after) &&
	       vmqos_state_same(&before, &after, why, sizeof(why));
	ksft_test_result(same, "what nobody touched is as it was%s%s\n", same ? "" : ": ",
			 same ? "" : why);
	same = release_others(&raw, &empty) && !vmqos_state_take(&raw, &after) &&
	       vmqos_state_same(&empty, &after, why, sizeof(why));
	ksft_test_result(same, "the family lives and nothing is left%s%s\n", same ? "" : ": ",
			 same ? "" : why);
	ksft_finished();
}
