// SPDX-License-Identifier: GPL-2.0
/* A list of VMs and a list of processes; both are short enough to be walked. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "proc.h"
#include "roster.h"

/**
 * vmqos_roster_find() - look a VM up
 * @roster: the roster
 * @id: number of the VM
 *
 * Return: the VM, valid until the roster changes, or NULL.
 */
struct vmqos_member *vmqos_roster_find(struct vmqos_roster *roster, uint32_t id)
{
	size_t i;

	for (i = 0; i < roster->count; i++) {
		if (roster->members[i].id == id)
			return &roster->members[i];
	}
	return NULL;
}

/**
 * vmqos_roster_find_only() - look up the VM of a process
 * @roster: the roster
 * @pid: the process
 *
 * Return: the VM, or NULL when the process has none or several.
 */
struct vmqos_member *vmqos_roster_find_only(struct vmqos_roster *roster, uint32_t pid)
{
	struct vmqos_member *only = NULL;
	size_t i;

	for (i = 0; i < roster->count; i++) {
		if (roster->members[i].pid != pid)
			continue;
		if (only)
			return NULL;
		only = &roster->members[i];
	}
	return only;
}

/* Room for one more VM, or false when memory ran out. */
static bool make_room(struct vmqos_roster *roster)
{
	size_t room = roster->room ? 2 * roster->room : 16;
	struct vmqos_member *more;

	if (roster->count < roster->room)
		return true;
	more = reallocarray(roster->members, room, sizeof(*more));
	if (!more)
		return false;
	roster->members = more;
	roster->room = room;
	return true;
}

/**
 * vmqos_roster_note() - add a VM, or bring what is known of it up to date
 * @roster: the roster
 * @vm: the VM as the kernel tells of it
 *
 * Return: the VM in the roster, or NULL when memory ran out, which is logged.
 */
struct vmqos_member *vmqos_roster_note(struct vmqos_roster *roster, const struct vmqos_vm *vm)
{
	struct vmqos_member *member = vmqos_roster_find(roster, vm->id);

	if (!member) {
		if (!make_room(roster)) {
			vmqos_daemon_log(LOG_ERR, "no memory to keep track of VM %s", vm->name);
			return NULL;
		}
		member = &roster->members[roster->count++];
		memset(member, 0, sizeof(*member));
		member->id = vm->id;
		member->pid = vm->pid;
		member->birth = vmqos_proc_birth(vm->pid);
	}
	memcpy(member->name, vm->name, sizeof(member->name));
	return member;
}

/**
 * vmqos_roster_drop() - take a VM off the roster
 * @roster: the roster
 * @member: the VM; the last one takes its place
 */
void vmqos_roster_drop(struct vmqos_roster *roster, struct vmqos_member *member)
{
	*member = roster->members[--roster->count];
}

/**
 * vmqos_roster_is_exempt() - whether a process is to be left alone
 * @roster: the roster
 * @pid: the process
 *
 * Return: whether vmqos_roster_exempt() was called for this very process.
 */
bool vmqos_roster_is_exempt(struct vmqos_roster *roster, uint32_t pid)
{
	size_t i;

	/* The number may have gone to another process since. */
	for (i = 0; i < roster->exempt_count; i++) {
		if (roster->exempt[i].pid == pid &&
		    roster->exempt[i].birth == vmqos_proc_birth(pid))
			return true;
	}
	return false;
}

/* Drop the processes that have ended, then make room for one more if need be. */
static bool make_exempt_room(struct vmqos_roster *roster)
{
	size_t kept = 0, i, room;
	struct vmqos_exempt *more;

	for (i = 0; i < roster->exempt_count; i++) {
		if (vmqos_proc_birth(roster->exempt[i].pid) == roster->exempt[i].birth)
			roster->exempt[kept++] = roster->exempt[i];
	}
	roster->exempt_count = kept;
	if (kept < roster->exempt_room)
		return true;
	room = kept ? 2 * kept : 16;
	more = reallocarray(roster->exempt, room, sizeof(*more));
	if (!more)
		return false;
	roster->exempt = more;
	roster->exempt_room = room;
	return true;
}

/**
 * vmqos_roster_exempt() - have a process left alone
 * @roster: the roster
 * @pid: the process
 * @birth: when it started, 0 when it has ended: then there is nothing to do
 */
void vmqos_roster_exempt(struct vmqos_roster *roster, uint32_t pid, uint64_t birth)
{
	struct vmqos_exempt *exempt;

	if (!birth || vmqos_roster_is_exempt(roster, pid))
		return;
	if (!make_exempt_room(roster)) {
		vmqos_daemon_log(LOG_ERR, "no memory to leave process %u alone", pid);
		return;
	}
	exempt = &roster->exempt[roster->exempt_count++];
	exempt->pid = pid;
	exempt->birth = birth;
}

/**
 * vmqos_roster_unexempt() - have a process no longer left alone
 * @roster: the roster
 * @pid: the process
 */
void vmqos_roster_unexempt(struct vmqos_roster *roster, uint32_t pid)
{
	size_t kept = 0, i;

	for (i = 0; i < roster->exempt_count; i++) {
		if (roster->exempt[i].pid != pid)
			roster->exempt[kept++] = roster->exempt[i];
	}
	roster->exempt_count = kept;
}

/**
 * vmqos_roster_clear() - forget everything
 * @roster: the roster
 */
void vmqos_roster_clear(struct vmqos_roster *roster)
{
	free(roster->members);
	free(roster->exempt);
	memset(roster, 0, sizeof(*roster));
}
