/* SPDX-License-Identifier: GPL-2.0 */
/* Which VMs are adopted and by whom, and which are to be left alone. */
#ifndef VMQOS_DAEMON_ROSTER_H
#define VMQOS_DAEMON_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmqos/vmqos.h>

#include "policy.h"

/**
 * struct vmqos_member - a VM that is adopted
 * @id: its number in the kernel
 * @pid: process of its VMM
 * @birth: when that started
 * @name: its name
 * @ours: this daemon adopted it
 * @admins: somebody else adopted it while this daemon ran
 * @releasing: it is being released
 * @policy: CPU policy that the files gave it last
 * @balloon: what they said last of its balloon
 * @owed: its reservation was refused and is to be asked for again
 * @refusal: in these words
 */
struct vmqos_member {
	uint32_t id;
	uint32_t pid;
	uint64_t birth;
	char name[VMQOS_NAME_MAX + 1];
	bool ours;
	bool admins;
	bool releasing;
	struct vmqos_policy_vm policy;
	struct vmqos_policy_vm balloon;
	bool owed;
	char refusal[160];
};

/* A process from which an administrator has released a VM. */
struct vmqos_exempt {
	uint32_t pid;
	uint64_t birth;
};

/**
 * struct vmqos_roster - all of that
 * @members: the adopted VMs, in no order
 * @count: their number
 * @room: how many @members has room for
 * @exempt: the processes left alone, in no order
 * @exempt_count: their number
 * @exempt_room: how many @exempt has room for
 */
struct vmqos_roster {
	struct vmqos_member *members;
	size_t count;
	size_t room;
	struct vmqos_exempt *exempt;
	size_t exempt_count;
	size_t exempt_room;
};

struct vmqos_member *vmqos_roster_find(struct vmqos_roster *roster, uint32_t id);
struct vmqos_member *vmqos_roster_find_only(struct vmqos_roster *roster, uint32_t pid);
struct vmqos_member *vmqos_roster_note(struct vmqos_roster *roster, const struct vmqos_vm *vm);
void vmqos_roster_drop(struct vmqos_roster *roster, struct vmqos_member *member);
bool vmqos_roster_is_exempt(struct vmqos_roster *roster, uint32_t pid);
void vmqos_roster_exempt(struct vmqos_roster *roster, uint32_t pid, uint64_t birth);
void vmqos_roster_unexempt(struct vmqos_roster *roster, uint32_t pid);
void vmqos_roster_clear(struct vmqos_roster *roster);

#endif
