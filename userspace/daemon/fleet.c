// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The kernel knows which VMs are adopted, /proc knows which there are, and the
 * policy says which should be. All that has to be remembered here is what none
 * of them knows: who adopted a VM, and which VMs an administrator has released.
 *
 * Invariants: an administrator's own adoption or release holds against the
 * policy until the daemon is started again or the module is loaded again. A VM
 * that is gone is never an error.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "enforce.h"
#include "fleet.h"
#include "log.h"
#include "policy.h"
#include "proc.h"
#include "roster.h"

struct vmqos_fleet {
	struct vmqos *ctx;
	struct vmqos_roster roster;
	unsigned int changes;
};

/**
 * vmqos_fleet_new() - a fleet that knows of no VM yet
 * @ctx: the library's context
 *
 * Return: the fleet, or NULL when memory ran out.
 */
struct vmqos_fleet *vmqos_fleet_new(struct vmqos *ctx)
{
	struct vmqos_fleet *fleet = calloc(1, sizeof(*fleet));

	if (fleet)
		fleet->ctx = ctx;
	return fleet;
}

/**
 * vmqos_fleet_free() - let go of a fleet; its VMs stay as they are
 * @fleet: the fleet, or NULL
 */
void vmqos_fleet_free(struct vmqos_fleet *fleet)
{
	if (!fleet)
		return;
	vmqos_roster_clear(&fleet->roster);
	free(fleet);
}

/**
 * vmqos_fleet_learn() - read from the kernel which VMs are adopted
 * @fleet: the fleet
 *
 * Return: 0 or a negative errno.
 */
int vmqos_fleet_learn(struct vmqos_fleet *fleet)
{
	struct vmqos_vm *vms;
	size_t count, i;
	int ret;

	fleet->changes++;
	ret = vmqos_vm_dump(fleet->ctx, &vms, &count);
	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		struct vmqos_member *member = vmqos_roster_note(&fleet->roster, &vms[i]);

		if (member && vms[i].state == VMQOS_VM_RELEASING)
			member->releasing = true;
	}
	free(vms);
	return 0;
}

/*
 * Whether a process still holds a VM that is being released. The kernel releases
 * a VM whose descriptors are all closed, so that one is no longer to be seen.
 */
static bool still_holds(struct vmqos_fleet *fleet, const struct vmqos_member *released)
{
	struct vmqos_process process;
	uint32_t others = 0;
	size_t i;

	if (!released->birth || vmqos_proc_birth(released->pid) != released->birth ||
	    vmqos_process_identify(fleet->ctx, released->pid, &process))
		return false;
	for (i = 0; i < fleet->roster.count; i++) {
		const struct vmqos_member *member = &fleet->roster.members[i];

		others += member->pid == released->pid && !member->releasing;
	}
	return process.vms > others;
}

/* A VM is being released, and not by this daemon. */
static void on_release(struct vmqos_fleet *fleet, struct vmqos_member *member)
{
	member->releasing = true;
	if (!still_holds(fleet, member)) {
		vmqos_daemon_log(LOG_INFO, "VM %s has ended", member->name);
		return;
	}
	vmqos_roster_exempt(&fleet->roster, member->pid, member->birth);
	vmqos_daemon_log(LOG_NOTICE,
			 "VM %s was released by an administrator and is left alone until it is adopted by 'vmqos adopt' or vmqosd is restarted",
			 member->name);
}

/**
 * vmqos_fleet_lost() - read the kernel's VMs again after events were lost
 * @fleet: the fleet
 *
 * A VM that is no longer adopted though its process still holds one has been
 * released by somebody; a VM that is new has been adopted by somebody.
 */
void vmqos_fleet_lost(struct vmqos_fleet *fleet)
{
	struct vmqos_vm *vms;
	size_t count, i, j;
	int ret;

	fleet->changes++;
	ret = vmqos_vm_dump(fleet->ctx, &vms, &count);
	if (ret) {
		vmqos_daemon_log(LOG_ERR, "cannot read the adopted VMs again: %s",
				 vmqos_error(fleet->ctx));
		return;
	}
	for (i = fleet->roster.count; i-- > 0;) {
		struct vmqos_member *member = &fleet->roster.members[i];

		for (j = 0; j < count && vms[j].id != member->id; j++)
			;
		if (j < count)
			continue;
		if (!member->releasing)
			on_release(fleet, member);
		vmqos_roster_drop(&fleet->roster, member);
	}
	for (i = 0; i < count; i++) {
		bool known = vmqos_roster_find(&fleet->roster, vms[i].id);
		struct vmqos_member *member = vmqos_roster_note(&fleet->roster, &vms[i]);

		if (member && !known)
			member->admins = true;
	}
	free(vms);
}

/* Name and process as a person knows them, for messages. */
static void log_adopted(const struct vmqos_vm *vm)
{
	char uuid[VMQOS_UUID_TEXT] = "no UUID";

	if (vm->has & VMQOS_HAS(VMQOS_VM_UUID))
		vmqos_uuid_format(vm->uuid, uuid);
	vmqos_daemon_log(LOG_INFO, "adopted VM %s (id %u, process %u, %s)",
			 vm->name, vm->id, vm->pid, uuid);
}

/* Adopt what a process holds; @settings may be NULL. Notes and counts what was adopted. */
static int adopt(struct vmqos_fleet *fleet, uint32_t pid, const struct vmqos_vm_settings *settings,
		 unsigned int *adopted)
{
	struct vmqos_vm *vms = NULL;
	size_t count = 0, i;
	int ret;

	ret = vmqos_vm_adopt_pid(fleet->ctx, pid, settings, &vms, &count);
	for (i = 0; i < count; i++) {
		struct vmqos_member *member = vmqos_roster_note(&fleet->roster, &vms[i]);

		if (member)
			member->ours = true;
		log_adopted(&vms[i]);
	}
	free(vms);
	*adopted += count;
	return ret;
}

static void let_go(struct vmqos_fleet *fleet, struct vmqos_member *member, const char *why)
{
	int ret = vmqos_vm_release(fleet->ctx, member->id, NULL);

	if (ret && ret != -ENOENT) {
		vmqos_daemon_log(LOG_ERR, "cannot release VM %s: %s", member->name,
				 vmqos_error(fleet->ctx));
		return;
	}
	/* Its event tells when it is gone; until then it must not count as an administrator's. */
	member->releasing = true;
	member->ours = true;
	vmqos_daemon_log(LOG_INFO, "released VM %s: %s", member->name, why);
}

/* The policy does not want the VMs of a process. */
static void turn_away(struct vmqos_fleet *fleet, const struct vmqos_process *process)
{
	size_t i;

	for (i = 0; i < fleet->roster.count; i++) {
		struct vmqos_member *member = &fleet->roster.members[i];

		if (member->pid == process->pid && !member->admins && !member->releasing)
			let_go(fleet, member, "the policy says adopt = no");
	}
}

/* Bring an adopted VM to the name of the policy. */
static void apply_name(struct vmqos_fleet *fleet, const struct vmqos_process *process,
		       const struct vmqos_policy_vm *wanted)
{
	struct vmqos_vm_settings settings = { 0 };
	struct vmqos_member *member;

	if (!(wanted->present & VMQOS_POLICY_VM_NAME) || process->vms > 1)
		return;
	member = vmqos_roster_find_only(&fleet->roster, process->pid);
	if (!member || member->releasing || strcmp(member->name, wanted->name) == 0)
		return;
	settings.set = VMQOS_HAS(VMQOS_VM_NAME);
	strcpy(settings.name, wanted->name);
	if (vmqos_vm_set(fleet->ctx, member->id, &settings, NULL)) {
		vmqos_daemon_log(LOG_ERR, "cannot give VM %s the name %s of the policy: %s",
				 member->name, wanted->name, vmqos_error(fleet->ctx));
		return;
	}
	vmqos_daemon_log(LOG_INFO, "VM %s is now called %s", member->name, wanted->name);
	strcpy(member->name, wanted->name);
}

/* Bring the VMs of a process to the settings of the policy. */
static void apply(struct vmqos_fleet *fleet, const struct vmqos_process *process,
		  const struct vmqos_policy_vm *wanted)
{
	size_t i;

	apply_name(fleet, process, wanted);
	for (i = 0; i < fleet->roster.count; i++) {
		struct vmqos_member *member = &fleet->roster.members[i];

		if (member->pid == process->pid && !member->releasing)
			vmqos_enforce_vm(fleet->ctx, member, wanted);
	}
}

static void log_refusal(struct vmqos_fleet *fleet, const struct vmqos_process *process, int error)
{
	const char *attr = vmqos_error_attr(fleet->ctx);

	/* A process can hold another's VM for a moment, as whoever adopts it does. */
	if (error == -EINVAL && attr && strcmp(attr, "pid") == 0) {
		vmqos_daemon_log(LOG_DEBUG, "process %u (%s) holds a VM of another process",
				 process->pid, process->name);
		return;
	}
	switch (error) {
	case 0:
	case -EEXIST:
	case -ENODEV:
		break;
	case -ESRCH:
		vmqos_daemon_log(LOG_DEBUG, "process %u (%s) ended before it was adopted",
				 process->pid, process->name);
		break;
	case -ENOENT:
		vmqos_daemon_log(LOG_DEBUG, "process %u (%s) holds no VM", process->pid,
				 process->name);
		break;
	default:
		vmqos_daemon_log(LOG_ERR, "cannot adopt VM %s (process %u): %s", process->name,
				 process->pid, vmqos_error(fleet->ctx));
	}
}

static int adopt_process(struct vmqos_fleet *fleet, const struct vmqos_policy *policy,
			 const struct vmqos_process *process, unsigned int *adopted)
{
	struct vmqos_vm_settings settings = { 0 };
	struct vmqos_policy_vm wanted;
	bool named;
	int ret;

	if (vmqos_roster_is_exempt(&fleet->roster, process->pid)) {
		vmqos_daemon_log(LOG_DEBUG, "VM %s (process %u) stays released", process->name,
				 process->pid);
		return 0;
	}
	vmqos_policy_match(policy, process->name, process->has_uuid ? process->uuid : NULL,
			   &wanted);
	if ((wanted.present & VMQOS_POLICY_VM_ADOPT) && !wanted.adopt) {
		vmqos_daemon_log(LOG_DEBUG, "VM %s (process %u): the policy says adopt = no",
				 process->name, process->pid);
		turn_away(fleet, process);
		return 0;
	}

	/* A name is for one VM; of several in a process it is not known for which. */
	named = (wanted.present & VMQOS_POLICY_VM_NAME) && process->vms <= 1;
	if (named) {
		settings.set = VMQOS_HAS(VMQOS_VM_NAME);
		strcpy(settings.name, wanted.name);
	}
	ret = adopt(fleet, process->pid, named ? &settings : NULL, adopted);
	if (ret == -EEXIST && named) {
		/* Either nothing is left to adopt, or the name is taken: under its own, then. */
		ret = adopt(fleet, process->pid, NULL, adopted);
		if (ret == 0)
			vmqos_daemon_log(LOG_ERR,
					 "VM %s (process %u) could not be called %s as the policy says, another VM has that name: give each VM a name of its own",
					 process->name, process->pid, wanted.name);
	}
	log_refusal(fleet, process, ret);
	if (ret == 0 || ret == -EEXIST)
		apply(fleet, process, &wanted);
	return ret;
}

/**
 * vmqos_fleet_adopt() - do what the policy says with the VMs of a process
 * @fleet: the fleet
 * @policy: the policy
 * @pid: the process
 * @adopted: how many have been adopted
 *
 * Return: 0 when that is done; -EEXIST when all its VMs were adopted before;
 * -ENOENT when it holds none; -ESRCH when it is gone; another negative errno,
 * which has been logged.
 */
int vmqos_fleet_adopt(struct vmqos_fleet *fleet, const struct vmqos_policy *policy, uint32_t pid,
		      unsigned int *adopted)
{
	struct vmqos_process process;
	int ret;

	fleet->changes++;
	*adopted = 0;
	ret = vmqos_process_identify(fleet->ctx, pid, &process);
	if (ret) {
		if (ret != -ESRCH && ret != -ENOENT)
			vmqos_daemon_log(LOG_ERR, "cannot look at process %u: %s", pid,
					 vmqos_error(fleet->ctx));
		return ret;
	}
	return adopt_process(fleet, policy, &process, adopted);
}

/**
 * vmqos_fleet_reconcile() - do what the policy says with every VM of the host
 * @fleet: the fleet
 * @policy: the policy
 *
 * Return: the number of VMs that were refused, all of them logged, or a
 * negative errno when the host could not be looked over.
 */
int vmqos_fleet_reconcile(struct vmqos_fleet *fleet, const struct vmqos_policy *policy)
{
	unsigned int unreadable = 0, adopted = 0;
	struct vmqos_process *processes;
	int ret, refused = 0;
	size_t count, i;

	fleet->changes++;
	ret = vmqos_process_scan(fleet->ctx, &processes, &count, &unreadable);
	if (ret) {
		vmqos_daemon_log(LOG_ERR, "cannot look for VMs: %s", vmqos_error(fleet->ctx));
		return ret;
	}
	for (i = 0; i < count; i++) {
		ret = adopt_process(fleet, policy, &processes[i], &adopted);
		if (ret == -ENODEV) {
			vmqos_daemon_log(LOG_DEBUG, "the module has gone while VMs were adopted");
			break;
		}
		if (ret && ret != -EEXIST && ret != -ENOENT && ret != -ESRCH)
			refused++;
	}
	free(processes);
	if (unreadable)
		vmqos_daemon_log(LOG_WARNING,
				 "%u processes may not be looked into, VMs among them are not found: give vmqosd CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
				 unreadable);
	return refused;
}

/* An administrator has adopted a VM; its CPU policy is that of the files all the same. */
static void welcome(struct vmqos_fleet *fleet, const struct vmqos_policy *policy,
		    struct vmqos_member *member)
{
	struct vmqos_process process;
	struct vmqos_policy_vm wanted;

	if (vmqos_process_identify(fleet->ctx, member->pid, &process))
		return;
	vmqos_policy_match(policy, process.name, process.has_uuid ? process.uuid : NULL, &wanted);
	vmqos_enforce_vm(fleet->ctx, member, &wanted);
}

/**
 * vmqos_fleet_event() - take note of an event of the kernel
 * @fleet: the fleet
 * @policy: the policy
 * @event: the event
 */
void vmqos_fleet_event(struct vmqos_fleet *fleet, const struct vmqos_policy *policy,
		       const struct vmqos_event *event)
{
	struct vmqos_member *member;

	fleet->changes++;
	switch (event->type) {
	case VMQOS_EVENT_VM_ADOPT:
		if (vmqos_roster_find(&fleet->roster, event->vm.id))
			break;
		member = vmqos_roster_note(&fleet->roster, &event->vm);
		if (member)
			member->admins = true;
		vmqos_roster_unexempt(&fleet->roster, event->vm.pid);
		vmqos_daemon_log(LOG_INFO, "VM %s was adopted by an administrator", event->vm.name);
		if (member)
			welcome(fleet, policy, member);
		break;
	case VMQOS_EVENT_VM_CHANGE:
		member = vmqos_roster_find(&fleet->roster, event->vm.id);
		if (!member)
			break;
		memcpy(member->name, event->vm.name, sizeof(member->name));
		if (event->vm.state == VMQOS_VM_RELEASING && !member->releasing)
			on_release(fleet, member);
		break;
	case VMQOS_EVENT_VM_RELEASE:
		member = vmqos_roster_find(&fleet->roster, event->vm.id);
		if (!member)
			break;
		vmqos_roster_drop(&fleet->roster, member);
		break;
	default:
		break;
	}
	/* Whatever has changed, it may have left room for a reservation. */
	vmqos_fleet_retry(fleet);
}

/**
 * vmqos_fleet_owes() - whether a reservation has been refused and is wanted still
 * @fleet: the fleet
 *
 * Return: whether there is one.
 */
bool vmqos_fleet_owes(const struct vmqos_fleet *fleet)
{
	size_t i;

	for (i = 0; i < fleet->roster.count; i++)
		if (fleet->roster.members[i].owed)
			return true;
	return false;
}

/**
 * vmqos_fleet_retry() - ask again for the reservations that were refused
 * @fleet: the fleet
 */
void vmqos_fleet_retry(struct vmqos_fleet *fleet)
{
	size_t i;

	for (i = 0; i < fleet->roster.count; i++) {
		struct vmqos_member *member = &fleet->roster.members[i];

		if (member->owed && !member->releasing)
			vmqos_enforce_again(fleet->ctx, member);
	}
}

/**
 * vmqos_fleet_forget() - the module is gone, and with it all adoptions and overrides
 * @fleet: the fleet
 */
void vmqos_fleet_forget(struct vmqos_fleet *fleet)
{
	fleet->changes++;
	vmqos_roster_clear(&fleet->roster);
}

/**
 * vmqos_fleet_release_own() - release the VMs that this daemon has adopted
 * @fleet: the fleet
 */
void vmqos_fleet_release_own(struct vmqos_fleet *fleet)
{
	size_t i;

	fleet->changes++;
	for (i = 0; i < fleet->roster.count; i++) {
		struct vmqos_member *member = &fleet->roster.members[i];

		if (member->ours && !member->releasing)
			let_go(fleet, member, "vmqosd ends");
	}
}

/**
 * vmqos_fleet_count() - how many VMs are adopted
 * @fleet: the fleet
 *
 * Return: their number.
 */
unsigned int vmqos_fleet_count(const struct vmqos_fleet *fleet)
{
	return fleet->roster.count;
}

/**
 * vmqos_fleet_changes() - whether vmqos_fleet_each() may tell something new
 * @fleet: the fleet
 *
 * Return: a number that is another one then.
 */
unsigned int vmqos_fleet_changes(const struct vmqos_fleet *fleet)
{
	return fleet->changes;
}

/**
 * vmqos_fleet_each() - go through the VMs that are adopted and are to stay so
 * @fleet: the fleet
 * @each: called for each
 * @ctx: handed to it
 */
void vmqos_fleet_each(const struct vmqos_fleet *fleet,
		      void (*each)(void *ctx, const struct vmqos_member *member), void *ctx)
{
	size_t i;

	for (i = 0; i < fleet->roster.count; i++)
		if (!fleet->roster.members[i].releasing)
			each(ctx, &fleet->roster.members[i]);
}
