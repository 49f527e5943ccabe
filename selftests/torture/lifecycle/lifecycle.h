/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the life-and-death test know of each other. */
#ifndef VMQOS_LIFECYCLE_H
#define VMQOS_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../netlink/call.h"
#include "../../netlink/peer.h"
#include "../../netlink/raw.h"

#define LIFE_SLOTS	6
#define LIFE_PATIENCE	60000	/* ms; an emulated debug kernel is slow */

/**
 * struct life_slot - a VM of the test, as it ought to be
 * @peer: its process
 * @alive: the process runs
 * @has_vm: it has its VM
 * @stopped: SIGSTOP was the last word
 * @frozen: its cgroup is frozen
 * @id: its number while it is adopted, 0 otherwise
 * @leaving: released or without its VM, to be gone by and by
 * @vcpus: vCPUs with a thread
 * @workload: what they do
 */
struct life_slot {
	struct vmqos_peer peer;
	bool alive, has_vm, stopped, frozen, leaving;
	uint32_t id;
	int vcpus;
	struct vmqos_vmm_workload workload;
};

/**
 * struct life - the whole test
 * @raw: its socket
 * @answer: for its calls
 * @slot: the VMs
 * @random: state of the random numbers
 * @done: how often each action was done, by its index
 * @why: what went wrong
 */
struct life {
	struct vmqos_raw raw;
	struct vmqos_raw_answer answer;
	struct life_slot slot[LIFE_SLOTS];
	uint64_t random;
	unsigned int done[32];
	char why[512];
};

#define LIFE_SAY(life, ...) \
	(snprintf((life)->why, sizeof((life)->why), __VA_ARGS__), false)

uint32_t life_below(struct life *life, uint32_t bound);
bool life_act(struct life *life);
const char *life_action_name(unsigned int index);
bool life_calm(struct life *life);
bool life_release_all(struct life *life);
void life_kill_all(struct life *life);
bool life_start(struct life *life, struct life_slot *slot, enum vmqos_vmm_kind kind, int vcpus);
bool life_adopt(struct life *life, struct life_slot *slot);

/* Policies (policies.c). */
bool act_policy(struct life *life, struct life_slot *slot);
bool act_gate(struct life *life, struct life_slot *slot);

/* The host (host.c). */
int host_unload(void);
int host_unload_wait(unsigned int ms);
int host_load(void);
bool host_module_loaded(void);
int host_cpu_online(int cpu, bool online);
int host_freezer(int slot, pid_t pid, bool frozen);
void host_freezer_remove(int slot);
void host_fork_bomb(unsigned int forks);

/* Reading all the while (reader.c). */
int reader_start(void);
void reader_pause(bool pause);
const char *reader_stop(uint64_t *lists);

#endif
