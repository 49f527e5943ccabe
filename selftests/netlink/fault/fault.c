// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation that a command makes fails once: the first in the first
 * attempt, the second in the second, until the command goes through. Whatever
 * is refused has changed nothing, leaves no reference to the module or to the
 * VM behind, and can be asked again. Then the module's background work is made
 * to fail now and then, and has to catch up.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest.h"

#include "../call.h"
#include "../peer.h"
#include "../schema.h"
#include "inject.h"

#define ATTEMPTS	2000
#define PATIENCE	60000

static struct vmqos_raw raw, listener;
static struct vmqos_raw_answer answer;
static struct vmqos_vmm_vm *vm;		/* the one that commands are about */
static struct vmqos_vmm_vm *other;	/* adopted all the while, or not */
static uint32_t vm_id, other_id;
static char failure[512];

/* Keep what went wrong; always false. */
static bool __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	return false;
}

/* What a command is tried on. */
enum world {
	WORLD_EMPTY,		/* nothing adopted */
	WORLD_OTHER,		/* another VM adopted */
	WORLD_ADOPTED,		/* the VM adopted */
};

struct command {
	const char *name;
	enum world world;
	uint8_t cmd;
	bool dump;
	void (*fill)(struct vmqos_raw_msg *msg);
	void (*undo)(void);
};

static int adopt(struct vmqos_vmm_vm *which, const char *name, uint32_t *id)
{
	int err = vmqos_adopt(&raw, &answer, vmqos_vmm_fd(which), getpid(), name, NULL);

	*id = err ? 0 : vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	return err ?: vmqos_wait_attached(&raw, *id, vmqos_vmm_vcpus(which), PATIENCE);
}

static void fill_adopt(struct vmqos_raw_msg *msg)
{
	vmqos_raw_put_u32(msg, VMQOS_VM_A_VM_FD, vmqos_vmm_fd(vm));
	vmqos_raw_put_u32(msg, VMQOS_VM_A_PID, getpid());
	vmqos_raw_put_string(msg, VMQOS_VM_A_NAME, "fault");
	vmqos_raw_put(msg, VMQOS_VM_A_UUID, "0123456789abcdef", VMQOS_UUID_SIZE);
}

static void undo_adopt(void)
{
	if (!vmqos_by_name(&raw, &answer, VMQOS_CMD_VM_GET, "fault"))
		vmqos_release_and_wait(&raw, vmqos_answer_u32(&answer, VMQOS_VM_A_ID), PATIENCE);
}

static void fill_id(struct vmqos_raw_msg *msg)
{
	vmqos_raw_put_u32(msg, VMQOS_VM_A_ID, vm_id);
}

static void undo_release(void)
{
	vmqos_wait_gone(&raw, vm_id, PATIENCE);
	if (adopt(vm, "fault", &vm_id))
		say("cannot adopt the VM again after its release: %s", answer.sentence);
}

static void fill_set(struct vmqos_raw_msg *msg)
{
	fill_id(msg);
	vmqos_raw_put_string(msg, VMQOS_VM_A_NAME, "fault-changed");
	vmqos_raw_put(msg, VMQOS_VM_A_UUID, "fedcba9876543210", VMQOS_UUID_SIZE);
}

static void undo_set(void)
{
	vmqos_vm_set(&raw, &answer, vm_id, "fault", "0123456789abcdef");
}

/* A name and a policy in one request: all of it or nothing. */
static void fill_policy(struct vmqos_raw_msg *msg)
{
	fill_set(msg);
	vmqos_raw_put_u32(msg, VMQOS_VM_A_CPU_SHARES, 77);
	vmqos_raw_put_u32(msg, VMQOS_VM_A_CPU_RESERVATION, 10000);
	vmqos_raw_put_u32(msg, VMQOS_VM_A_CPU_LIMIT, 500000);
	vmqos_raw_put_u32(msg, VMQOS_VM_A_CPU_LATENCY, VMQOS_CPU_LATENCY_LOW);
	vmqos_raw_put_u32(msg, VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_SWITCH_OFF);
	vmqos_raw_put_u32(msg, VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_MEM_SHARE_ZERO_ON);
}

static void undo_policy(void)
{
	static const struct {
		uint16_t type;
		uint32_t value;
	} defaults[] = {
		{ VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_CPU_SHARES_LEVEL_NORMAL },
		{ VMQOS_VM_A_CPU_RESERVATION, 0 },
		{ VMQOS_VM_A_CPU_LIMIT, 0 },
		{ VMQOS_VM_A_CPU_LATENCY, VMQOS_CPU_LATENCY_NORMAL },
		{ VMQOS_VM_A_CPU_CHARGE_OTHERS, VMQOS_SWITCH_ON },
		{ VMQOS_VM_A_MEM_SHARE_ZERO, VMQOS_MEM_SHARE_ZERO_MOUNT },
	};
	unsigned int i;

	undo_set();
	for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (vmqos_vm_set_u32(&raw, &answer, vm_id, defaults[i].type, defaults[i].value))
			say("cannot set the policy back: %s", answer.sentence);
}

static void fill_cpu_host(struct vmqos_raw_msg *msg)
{
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_CPU_KEPT, 1);
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_CPU_GATE, VMQOS_SWITCH_ON);
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_CPU_SLICE_US, 4000);
}

static void undo_cpu_host(void)
{
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_KEPT, 0);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_GATE, VMQOS_SWITCH_OFF);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_CPU_SLICE_US, 2000);
}

static void fill_vcpu(struct vmqos_raw_msg *msg)
{
	vmqos_raw_put_u32(msg, VMQOS_VCPU_A_VM_ID, vm_id);
	vmqos_raw_put_u32(msg, VMQOS_VCPU_A_INDEX, 1);
}

static void fill_node(struct vmqos_raw_msg *msg)
{
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_NODE, 0);
}

static void fill_period_and_on(struct vmqos_raw_msg *msg)
{
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_SCAN_PERIOD_MS, 321);
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_GUEST_TIME, VMQOS_SWITCH_ON);
}

static void fill_period_and_off(struct vmqos_raw_msg *msg)
{
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_SCAN_PERIOD_MS, 123);
	vmqos_raw_put_u32(msg, VMQOS_HOST_A_GUEST_TIME, VMQOS_SWITCH_OFF);
}

static void set_host(uint32_t period, uint32_t guest_time)
{
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_SCAN_PERIOD_MS, period);
	vmqos_host_set(&raw, &answer, VMQOS_HOST_A_GUEST_TIME, guest_time);
}

static void undo_on(void)
{
	set_host(50, VMQOS_SWITCH_OFF);
}

static void undo_off(void)
{
	set_host(50, VMQOS_SWITCH_ON);
}

static const struct command commands[] = {
	{ "adopt the first VM", WORLD_EMPTY, VMQOS_CMD_VM_ADOPT, false, fill_adopt, undo_adopt },
	{ "adopt one more VM", WORLD_OTHER, VMQOS_CMD_VM_ADOPT, false, fill_adopt, undo_adopt },
	{ "release", WORLD_ADOPTED, VMQOS_CMD_VM_RELEASE, false, fill_id, undo_release },
	{ "set", WORLD_ADOPTED, VMQOS_CMD_VM_SET, false, fill_set, undo_set },
	{ "set a policy", WORLD_ADOPTED, VMQOS_CMD_VM_SET, false, fill_policy, undo_policy },
	{ "settings of the CPUs", WORLD_ADOPTED, VMQOS_CMD_HOST_SET, false, fill_cpu_host,
	  undo_cpu_host },
	{ "get", WORLD_ADOPTED, VMQOS_CMD_VM_GET, false, fill_id, NULL },
	{ "statistics of a VM", WORLD_ADOPTED, VMQOS_CMD_VM_STAT_GET, false, fill_id, NULL },
	{ "statistics of a vCPU", WORLD_ADOPTED, VMQOS_CMD_VCPU_STAT_GET, false, fill_vcpu, NULL },
	{ "host", WORLD_ADOPTED, VMQOS_CMD_HOST_GET, false, fill_node, NULL },
	{ "settings off", WORLD_ADOPTED, VMQOS_CMD_HOST_SET, false, fill_period_and_off,
	  undo_off },
	{ "settings on", WORLD_ADOPTED, VMQOS_CMD_HOST_SET, false, fill_period_and_on, undo_on },
	{ "list of VMs", WORLD_ADOPTED, VMQOS_CMD_VM_GET, true, NULL, NULL },
	{ "statistics of all VMs", WORLD_ADOPTED, VMQOS_CMD_VM_STAT_GET, true, NULL, NULL },
	{ "statistics of all vCPUs", WORLD_ADOPTED, VMQOS_CMD_VCPU_STAT_GET, true, NULL, NULL },
};

static int module_references(void)
{
	FILE *file = fopen("/sys/module/vmqos/refcnt", "r");
	int n = -1;

	if (file) {
		if (fscanf(file, "%d", &n) != 1)
			n = -1;
		fclose(file);
	}
	return n;
}

/* References are dropped by and by, so what is looked for may take a moment. */
static bool module_references_become(int wanted)
{
	uint64_t end = vmqos_now_ms() + PATIENCE;

	while (module_references() != wanted) {
		if (vmqos_now_ms() > end)
			return say("the module has %d references instead of %d",
				   module_references(), wanted);
		vmqos_sleep_ms(5);
	}
	return true;
}

/* VMs of this process that KVM keeps, as its debugfs shows them. */
static int kvm_vms(void)
{
	DIR *dir = opendir("/sys/kernel/debug/kvm");
	struct dirent *entry;
	char prefix[16];
	int n = 0;

	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while (dir && (entry = readdir(dir)))
		n += !strncmp(entry->d_name, prefix, strlen(prefix));
	if (dir)
		closedir(dir);
	return n;
}

static void drain_listener(void)
{
	static uint8_t buf[16384];

	while (recv(listener.fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

struct score {
	unsigned int injected, refused, sentences, unanswered, survived;
};

/* One attempt. False when something is wrong, *through when nothing was injected. */
static bool attempt(const struct command *c, unsigned int nth, struct score *score, bool *through)
{
	struct vmqos_state before, after;
	char why[256], form[256];
	struct vmqos_raw_msg msg;
	int references, err;
	bool injected;

	drain_listener();
	if (vmqos_state_take(&raw, &before))
		return say("the state cannot be read");
	references = module_references();
	vmqos_raw_begin(&raw, &msg, c->cmd, c->dump ? NLM_F_DUMP : NLM_F_ACK);
	if (c->fill)
		c->fill(&msg);
	inject_arm(nth);
	err = vmqos_raw_send(&raw, &msg);
	injected = inject_disarm();
	*through = !injected;
	score->injected += injected;
	if (!err)
		err = vmqos_raw_receive(&raw, &answer);
	if (err == -ENOBUFS && !answer.ended) {
		/* The acknowledgment itself was lost: anything may be true now. */
		score->unanswered++;
		if (c->undo)
			c->undo();
		if (!module_references_become(references))
			return false;
	} else if (err || answer.error) {
		if (!injected)
			return say("fails without injection: %d, %d %s", err, answer.error,
				   answer.sentence);
		if (!err && answer.error != ENOMEM && answer.error != ENOBUFS)
			return say("allocation %u: error %d, %s", nth, answer.error,
				   answer.sentence);
		score->refused++;
		score->sentences += answer.sentence[0] != 0;
		if (vmqos_state_take(&raw, &after))
			return say("the state cannot be read");
		if (!vmqos_state_same(&before, &after, why, sizeof(why)))
			return say("allocation %u: refused, but %s", nth, why);
		vmqos_state_free(&after);
		if (!module_references_become(references))
			return false;
	} else {
		score->survived += injected;
		if (!c->dump && answer.replies != 1)
			return say("allocation %u: accepted with %u replies", nth, answer.replies);
		if (!vmqos_schema_check_all(&answer, c->cmd, form, sizeof(form)))
			return say("allocation %u: %s", nth, form);
		if (c->undo)
			c->undo();
		/* What is undone has one more until the last: the next attempt would count it. */
		if (!module_references_become(references))
			return false;
	}
	vmqos_state_free(&before);
	return !failure[0];
}

static bool make_world(enum world world)
{
	const struct vmqos_vmm_workload halt = { .kind = VMQOS_VMM_HALT, .period_us = 2000 };
	struct vmqos_vmm_vm **vms[] = { &vm, &other };
	int i, j;

	for (i = 0; i < 2; i++) {
		*vms[i] = vmqos_vmm_create("fault", 8, 0);
		for (j = 0; *vms[i] && j < 3; j++)
			if (vmqos_vmm_add_vcpu(*vms[i], &halt) < 0 || vmqos_vmm_start(*vms[i], j))
				return say("cannot start a vCPU");
		if (!*vms[i])
			return say("cannot make a VM");
	}
	set_host(50, VMQOS_SWITCH_ON);
	if (world != WORLD_EMPTY && adopt(other, "fault-other", &other_id))
		return say("cannot adopt: %s", answer.sentence);
	if (world == WORLD_ADOPTED && adopt(vm, "fault", &vm_id))
		return say("cannot adopt: %s", answer.sentence);
	return true;
}

static bool end_world(int references)
{
	uint64_t end = vmqos_now_ms() + PATIENCE;

	if (vm_id)
		vmqos_release_and_wait(&raw, vm_id, PATIENCE);
	if (other_id)
		vmqos_release_and_wait(&raw, other_id, PATIENCE);
	vm_id = 0;
	other_id = 0;
	if (vm)
		vmqos_vmm_destroy(vm);
	if (other)
		vmqos_vmm_destroy(other);
	vm = NULL;
	other = NULL;
	if (failure[0])
		return false;
	while (kvm_vms()) {
		if (vmqos_now_ms() > end)
			return say("KVM still keeps %d closed VMs: a reference has been lost",
				   kvm_vms());
		vmqos_sleep_ms(5);
	}
	return module_references_become(references);
}

static void try_command(const struct command *c)
{
	int references = module_references();
	struct score score = { 0 };
	bool through = false;
	unsigned int nth;

	failure[0] = 0;
	if (make_world(c->world)) {
		if (c->undo == undo_on)
			undo_on();
		for (nth = 1; !through && nth < ATTEMPTS; nth++)
			if (!attempt(c, nth, &score, &through))
				break;
	}
	if (!failure[0] && !through)
		say("still fails at allocation %u", ATTEMPTS);
	end_world(references);
	ksft_test_result(!failure[0] && score.injected,
			 "%s: %u allocations failed, %u refusals (%u by the family), %u survived, %u unanswered%s%s\n",
			 c->name, score.injected, score.refused, score.sentences, score.survived,
			 score.unanswered, failure[0] ? ": " : "", failure);
}

/* New vCPUs are found and hooked although the workers' allocations fail. */
static void try_workers(void)
{
	const struct vmqos_vmm_workload halt = { .kind = VMQOS_VMM_HALT, .period_us = 2000 };
	int references = module_references(), workers = 0, i;

	failure[0] = 0;
	if (make_world(WORLD_ADOPTED)) {
		workers = inject_workers(50);
		if (workers <= 0)
			say("no workers can be made to fail");
		for (i = 3; i < 8 && !failure[0]; i++) {
			if (vmqos_vmm_add_vcpu(vm, &halt) != i || vmqos_vmm_start(vm, i))
				say("cannot add a vCPU");
			else if (vmqos_wait_attached(&raw, vm_id, i + 1, PATIENCE))
				say("vCPU %d is never hooked", i);
		}
		inject_workers(0);
	}
	end_world(references);
	ksft_test_result(!failure[0], "background work of %d workers that fails catches up%s%s\n",
			 workers, failure[0] ? ": " : "", failure);
}

int main(void)
{
	const char *missing;
	unsigned int i;
	int err;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root\n");
	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		ksft_exit_skip("no family %s: is the module loaded?\n", VMQOS_FAMILY_NAME);
	missing = inject_prepare();
	if (missing) {
		inject_restore();
		ksft_exit_skip("no %s: the kernel has no fault injection (debug kernel)\n",
			       missing);
	}
	if (err || vmqos_raw_open(&listener) || vmqos_raw_subscribe(&listener))
		ksft_exit_fail_msg("the family does not answer\n");
	ksft_set_plan(sizeof(commands) / sizeof(commands[0]) + 1);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		try_command(&commands[i]);
	try_workers();
	set_host(100, VMQOS_SWITCH_ON);
	inject_restore();
	ksft_finished();
}
