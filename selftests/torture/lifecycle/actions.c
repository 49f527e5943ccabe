// SPDX-License-Identifier: GPL-2.0
/*
 * What can happen to a VM and its host. Each action is done at random, whether
 * it makes sense at this moment or not; the slot keeps what is to be true
 * afterwards.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle.h"

/**
 * life_below() - random number below a bound
 * @life: the test (splitmix64)
 * @bound: the bound
 *
 * Return: the number.
 */
uint32_t life_below(struct life *life, uint32_t bound)
{
	uint64_t z = life->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % bound;
}

static int number(struct life *life, const struct life_slot *slot)
{
	return slot - life->slot;
}

static bool listens(const struct life_slot *slot)
{
	return slot->alive && slot->has_vm && !slot->stopped && !slot->frozen;
}

/* The process is dead, or as good as. */
static void bury(struct life *life, struct life_slot *slot)
{
	if (slot->frozen)
		host_freezer(number(life, slot), slot->peer.pid, false);
	vmqos_peer_kill(&slot->peer);
	host_freezer_remove(number(life, slot));
	slot->alive = false;
	slot->has_vm = false;
	slot->stopped = false;
	slot->frozen = false;
	slot->leaving = slot->id != 0;
}

/**
 * life_start() - start a VM
 * @life: the test
 * @slot: an empty slot
 * @kind: what its vCPUs do
 * @vcpus: their number
 *
 * Return: whether it worked.
 */
bool life_start(struct life *life, struct life_slot *slot, enum vmqos_vmm_kind kind, int vcpus)
{
	int err;

	slot->workload = (struct vmqos_vmm_workload){
		.kind = kind,
		.period_us = 1000 + life_below(life, 20000),
		.run_us = 500,
		.bytes = 1 << 20,
	};
	err = vmqos_peer_start(&slot->peer, &slot->workload, vcpus);
	if (err)
		return LIFE_SAY(life, "starting a VM: %s", strerror(-err));
	slot->alive = true;
	slot->has_vm = true;
	slot->vcpus = vcpus;
	return true;
}

/**
 * life_adopt() - adopt a VM
 * @life: the test
 * @slot: a running VM
 *
 * Return: whether the answer was right.
 */
bool life_adopt(struct life *life, struct life_slot *slot)
{
	char name[32];
	int err;

	if (vmqos_peer_getfd(&slot->peer) < 0)
		return LIFE_SAY(life, "pidfd_getfd: %s", strerror(errno));
	snprintf(name, sizeof(name), "life-%d-%d", number(life, slot), slot->peer.pid);
	err = vmqos_adopt(&life->raw, &life->answer, slot->peer.vm_fd, slot->peer.pid, name, NULL);
	/* While we hold it the VM could not end. */
	vmqos_peer_close_vm(&slot->peer);
	/* One that is still leaving cannot come back yet. */
	if (slot->id ? err == -EEXIST : !err) {
		if (!err)
			slot->id = vmqos_answer_u32(&life->answer, VMQOS_VM_A_ID);
		return true;
	}
	if (slot->leaving && !err) {
		slot->id = vmqos_answer_u32(&life->answer, VMQOS_VM_A_ID);
		slot->leaving = false;
		return true;
	}
	return LIFE_SAY(life, "adopting %s (number %u): %d, %s", name, slot->id, err,
			life->answer.sentence);
}

static bool act_start(struct life *life, struct life_slot *slot)
{
	/*
	 * The last is left out where CPUs are emulated in parallel: there such a vCPU
	 * goes astray once in some hundred VMs, our module or none.
	 */
	static const enum vmqos_vmm_kind kinds[] = {
		VMQOS_VMM_SPIN, VMQOS_VMM_HALT, VMQOS_VMM_EXIT, VMQOS_VMM_DUTY, VMQOS_VMM_SLEEP,
		VMQOS_VMM_TOUCH, VMQOS_VMM_YIELD, VMQOS_VMM_MMIO,
	};
	const char *clock = getenv("VMQOS_CLOCK");
	uint32_t usable = sizeof(kinds) / sizeof(kinds[0]);

	/* A slot is free once nobody speaks of its last VM any more. */
	if (slot->alive)
		return true;
	if (slot->id) {
		if (vmqos_wait_gone(&life->raw, slot->id, LIFE_PATIENCE))
			return LIFE_SAY(life, "VM %u is still listed, its process is dead",
					slot->id);
		slot->id = 0;
		slot->leaving = false;
	}
	if (clock && !strcmp(clock, "mttcg"))
		usable--;
	return life_start(life, slot, kinds[life_below(life, usable)], 1 + life_below(life, 3));
}

static bool act_adopt(struct life *life, struct life_slot *slot)
{
	return slot->alive && slot->has_vm ? life_adopt(life, slot) : true;
}

static bool act_release(struct life *life, struct life_slot *slot)
{
	int err;

	if (!slot->id)
		return true;
	err = vmqos_by_id(&life->raw, &life->answer, VMQOS_CMD_VM_RELEASE, slot->id);
	if (err && !(slot->leaving && err == -ENOENT))
		return LIFE_SAY(life, "releasing VM %u: %d, %s", slot->id, err,
				life->answer.sentence);
	slot->leaving = true;
	return true;
}

static bool act_kill(struct life *life, struct life_slot *slot)
{
	if (slot->alive)
		bury(life, slot);
	return true;
}

static bool act_stop(struct life *life, struct life_slot *slot)
{
	(void)life;
	if (slot->alive) {
		kill(slot->peer.pid, SIGSTOP);
		slot->stopped = true;
	}
	return true;
}

static bool act_continue(struct life *life, struct life_slot *slot)
{
	(void)life;
	if (slot->alive) {
		kill(slot->peer.pid, SIGCONT);
		slot->stopped = false;
	}
	return true;
}

static bool act_exit(struct life *life, struct life_slot *slot)
{
	if (listens(slot)) {
		vmqos_peer_order(&slot->peer, VMQOS_PEER_EXIT);
		bury(life, slot);
	}
	return true;
}

static bool act_drop_vm(struct life *life, struct life_slot *slot)
{
	int err;

	if (!listens(slot))
		return true;
	err = vmqos_peer_order(&slot->peer, VMQOS_PEER_DROP_VM);
	if (err)
		return LIFE_SAY(life, "dropping a VM: %d", err);
	slot->has_vm = false;
	slot->leaving = slot->id != 0;
	return true;
}

static bool act_add_vcpu(struct life *life, struct life_slot *slot)
{
	int err;

	if (!listens(slot) || slot->peer.vcpus >= 12)
		return true;
	err = vmqos_peer_order(&slot->peer, VMQOS_PEER_ADD_VCPU);
	if (err)
		return LIFE_SAY(life, "adding a vCPU: %d", err);
	slot->vcpus++;
	return true;
}

static bool act_rethread(struct life *life, struct life_slot *slot)
{
	int err;

	/* A vCPU whose thread has ended has nothing to change. */
	if (!listens(slot) || slot->vcpus != slot->peer.vcpus)
		return true;
	err = vmqos_peer_order(&slot->peer, VMQOS_PEER_RETHREAD);
	return err ? LIFE_SAY(life, "changing a vCPU's thread: %d", err) : true;
}

static bool act_end_thread(struct life *life, struct life_slot *slot)
{
	int err;

	if (!listens(slot) || slot->vcpus != slot->peer.vcpus)
		return true;
	err = vmqos_peer_order(&slot->peer, VMQOS_PEER_END_THREAD);
	if (err)
		return LIFE_SAY(life, "ending a vCPU's thread: %d", err);
	slot->vcpus--;
	return true;
}

static bool act_cpu(struct life *life, struct life_slot *slot)
{
	int err = host_cpu_online(1, false);

	(void)slot;
	if (err == -ENOENT)
		return true;
	vmqos_sleep_ms(life_below(life, 50));
	err = err ?: host_cpu_online(1, true);
	return err ? LIFE_SAY(life, "CPU hot-plug: %s", strerror(-err)) : true;
}

static bool act_freeze(struct life *life, struct life_slot *slot)
{
	int err;

	if (!slot->alive)
		return true;
	err = host_freezer(number(life, slot), slot->peer.pid, true);
	if (err == -ENOENT)
		return true;
	slot->frozen = true;
	return err ? LIFE_SAY(life, "freezing: %s", strerror(-err)) : true;
}

static bool act_thaw(struct life *life, struct life_slot *slot)
{
	int err;

	if (!slot->frozen)
		return true;
	err = host_freezer(number(life, slot), slot->peer.pid, false);
	slot->frozen = false;
	return err ? LIFE_SAY(life, "thawing: %s", strerror(-err)) : true;
}

static bool act_bomb(struct life *life, struct life_slot *slot)
{
	(void)slot;
	host_fork_bomb(20 + life_below(life, 100));
	return true;
}

static bool act_settings(struct life *life, struct life_slot *slot)
{
	int err;

	(void)slot;
	err = life_below(life, 2) ?
		vmqos_host_set(&life->raw, &life->answer, VMQOS_HOST_A_GUEST_TIME,
			       life_below(life, 2)) :
		vmqos_host_set(&life->raw, &life->answer, VMQOS_HOST_A_SCAN_PERIOD_MS,
			       10 + life_below(life, 100));
	return err ? LIFE_SAY(life, "settings: %d, %s", err, life->answer.sentence) : true;
}

static bool act_unload_in_use(struct life *life, struct life_slot *slot)
{
	int err;

	(void)slot;
	if (!slot->id || slot->leaving)
		return true;
	err = host_unload();
	return err == -EAGAIN ? true :
	       LIFE_SAY(life, "unloading the module while VM %u is adopted: %d", slot->id, err);
}

static bool act_reload(struct life *life, struct life_slot *slot)
{
	int err;

	(void)slot;
	/* Not each time it comes up: it ends all that is going on. */
	if (life_below(life, 3))
		return true;
	if (!life_release_all(life))
		return false;
	reader_pause(true);
	vmqos_raw_close(&life->raw);
	err = host_unload_wait(LIFE_PATIENCE);
	if (!err && (host_module_loaded() || vmqos_raw_family_present()))
		err = -EEXIST;
	if (!err)
		err = host_load();
	if (!err)
		err = vmqos_raw_open(&life->raw);
	reader_pause(false);
	return err ? LIFE_SAY(life, "unloading and loading the module: %d", err) : true;
}

static bool act_wait(struct life *life, struct life_slot *slot)
{
	(void)slot;
	vmqos_sleep_ms(life_below(life, 150));
	return true;
}

static const struct {
	const char *name;
	bool (*act)(struct life *life, struct life_slot *slot);
	unsigned int weight;
} actions[] = {
	{ "start", act_start, 20 },
	{ "adopt", act_adopt, 20 },
	{ "release", act_release, 8 },
	{ "kill", act_kill, 6 },
	{ "stop", act_stop, 6 },
	{ "continue", act_continue, 8 },
	{ "exit", act_exit, 4 },
	{ "close-vm", act_drop_vm, 3 },
	{ "add-vcpu", act_add_vcpu, 8 },
	{ "change-thread", act_rethread, 4 },
	{ "end-thread", act_end_thread, 3 },
	{ "host-cpu-off-on", act_cpu, 2 },
	{ "freeze", act_freeze, 4 },
	{ "thaw", act_thaw, 6 },
	{ "fork-bomb", act_bomb, 2 },
	{ "settings", act_settings, 4 },
	{ "policy", act_policy, 24 },
	{ "gate", act_gate, 6 },
	{ "unload-in-use", act_unload_in_use, 4 },
	{ "reload", act_reload, 2 },
	{ "wait", act_wait, 8 },
};

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

/**
 * life_action_name() - name of an action
 * @index: its index
 *
 * Return: the name, NULL behind the last.
 */
const char *life_action_name(unsigned int index)
{
	return index < ACTIONS ? actions[index].name : NULL;
}

/**
 * life_act() - do something at random
 * @life: the test
 *
 * Return: whether it went as it has to.
 */
bool life_act(struct life *life)
{
	unsigned int total = 0, pick, i;

	for (i = 0; i < ACTIONS; i++)
		total += actions[i].weight;
	pick = life_below(life, total);
	for (i = 0; pick >= actions[i].weight; i++)
		pick -= actions[i].weight;
	life->done[i]++;
	return actions[i].act(life, &life->slot[life_below(life, LIFE_SLOTS)]);
}
