// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * The kernel's gate holds a VM back that has had too much; it cannot push one
 * that has had too little past others. The scheduler can, when the cgroups of
 * the VMs weigh what the VMs are entitled to. Weights alone are no policy: they
 * have no minimum and are unfair to VMs that sleep. Both together are exact.
 *
 * Only a cgroup that holds one VM and nothing else is weighed, and only against
 * other such cgroups below the same parent. cpu.max is never touched.
 *
 * The weight that a cgroup had is kept in an extended attribute of it as well,
 * so that a daemon that has died leaves nothing that cannot be put back. A
 * weight that somebody else has changed is that somebody's from then on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include <vmqos/vmqos.h>

#include "log.h"
#include "weights.h"

#define ATTRIBUTE	"user.vmqos.cpu-weight"

/*
 * @id: number of the VM
 * @path: its cgroup, "" when it has none of its own
 * @parent: what stands before the last name of the path, in bytes
 * @original: weight that the cgroup had
 * @written: weight that it was given, 0 when it was not
 * @entitled_ns: counter at the end of the last period
 * @growth_ns: its growth in this one
 * @busy_ns: counter of the busy time at the end of the last period
 * @busy_growth_ns: its growth in this one
 * @shares: shares of the VM
 * @known: there was a last period
 * @present: the VM was there in this one
 * @done: it has been weighed in this one
 * @manual: somebody else has changed the weight
 */
struct entry {
	uint32_t id;
	char path[VMQOS_CGROUP_SIZE];
	size_t parent;
	uint32_t original;
	uint32_t written;
	uint64_t entitled_ns;
	uint64_t growth_ns;
	uint64_t busy_ns;
	uint64_t busy_growth_ns;
	uint32_t shares;
	bool known;
	bool present;
	bool done;
	bool manual;
};

/*
 * @proc, @mount: where proc and cgroup v2 are; without the latter nothing is done
 * @entries: the VMs, in no order
 * @told: what has been told, bits TOLD_...
 * @for_each: a weight counts for each busy task
 * @last_ns: end of the last period, 0 for none
 */
struct vmqos_weights {
	const char *proc;
	char mount[VMQOS_CGROUP_SIZE];
	struct entry *entries;
	size_t count;
	size_t room;
	unsigned int told;
	bool for_each;
	uint64_t last_ns;
};

enum { TOLD_MOUNT = 1, TOLD_RIGHTS = 2, TOLD_CONTROLLER = 4, TOLD_OTHER = 8 };

static void tell_once(struct vmqos_weights *weights, unsigned int reason, const char *text,
		      const char *path, int err)
{
	if (weights->told & reason)
		return;
	weights->told |= reason;
	vmqos_daemon_log(LOG_NOTICE, "the weights of the VMs' cgroups are left as they are (%s: %s): %s",
			 path, strerror(-err), text);
}

static void tell_refusal(struct vmqos_weights *weights, const char *path, int err)
{
	switch (err) {
	case -ENOENT:
		break;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		tell_once(weights, TOLD_RIGHTS,
			  "give vmqosd CAP_DAC_OVERRIDE and a writable cgroup tree, or set cgroup-weights = no in [daemon]",
			  path, err);
		break;
	case -EOPNOTSUPP:
		tell_once(weights, TOLD_CONTROLLER,
			  "the controller cpu is not enabled there; libvirt and systemd do so unless told otherwise",
			  path, err);
		break;
	default:
		tell_once(weights, TOLD_OTHER, "this is tried again", path, err);
	}
}

/**
 * vmqos_weights_new() - begin to keep weights
 * @proc: where proc is mounted, NULL for the system's
 * @mount: where cgroup v2 is mounted, NULL for the system's
 * @for_each: a weight counts for each busy task, see vmqos_weights_for_each()
 *
 * Return: the weights, or NULL when memory ran out.
 */
struct vmqos_weights *vmqos_weights_new(const char *proc, const char *mount, bool for_each)
{
	struct vmqos_weights *weights = calloc(1, sizeof(*weights));
	int err;

	if (!weights)
		return NULL;
	weights->proc = proc;
	weights->for_each = for_each;
	if (mount) {
		snprintf(weights->mount, sizeof(weights->mount), "%s", mount);
		return weights;
	}
	err = vmqos_cgroup_mount(proc, weights->mount, sizeof(weights->mount));
	if (err) {
		weights->mount[0] = '\0';
		tell_once(weights, TOLD_MOUNT, "cgroup v2 is not mounted", "/sys/fs/cgroup", err);
	}
	return weights;
}

/**
 * vmqos_weights_free() - put back all weights and end
 * @weights: the weights, or NULL
 */
void vmqos_weights_free(struct vmqos_weights *weights)
{
	if (!weights)
		return;
	vmqos_weights_restore(weights);
	free(weights->entries);
	free(weights);
}

/* Room for the path of a cgroup's folder. */
static const char *folder_of(const struct vmqos_weights *weights, const char *path, char *folder)
{
	snprintf(folder, 2 * VMQOS_CGROUP_SIZE, "%s%s", weights->mount, path);
	return folder;
}

/* What the weight was before a daemon that has died changed it; 0 when none did. */
static uint32_t remembered(const struct vmqos_weights *weights, const char *path)
{
	char folder[2 * VMQOS_CGROUP_SIZE], text[16] = "";
	uint64_t weight;

	if (getxattr(folder_of(weights, path, folder), ATTRIBUTE, text, sizeof(text) - 1) <= 0 ||
	    vmqos_number_parse(text, VMQOS_WEIGHT_MIN, VMQOS_WEIGHT_MAX, &weight))
		return 0;
	return weight;
}

/* Where the kernel keeps no attributes, only this daemon knows; that has to do. */
static void remember(const struct vmqos_weights *weights, const struct entry *entry)
{
	char folder[2 * VMQOS_CGROUP_SIZE], text[16];
	int length = snprintf(text, sizeof(text), "%u", entry->original);

	if (setxattr(folder_of(weights, entry->path, folder), ATTRIBUTE, text, length, 0))
		vmqos_daemon_log(LOG_DEBUG, "%s keeps no attribute: %s", entry->path,
				 strerror(errno));
}

static void forget(const struct vmqos_weights *weights, const struct entry *entry)
{
	char folder[2 * VMQOS_CGROUP_SIZE];

	removexattr(folder_of(weights, entry->path, folder), ATTRIBUTE);
}

/* Puts the weight of a cgroup back, unless somebody else has changed it since. */
static void put_back(struct vmqos_weights *weights, struct entry *entry)
{
	uint32_t weight;

	if (!entry->written)
		return;
	if (!entry->manual && !vmqos_cgroup_weight(weights->mount, entry->path, &weight) &&
	    weight == entry->written) {
		int err = vmqos_cgroup_set_weight(weights->mount, entry->path, entry->original);

		tell_refusal(weights, entry->path, err ? err : -ENOENT);
	}
	forget(weights, entry);
	entry->written = 0;
}

/**
 * vmqos_weights_restore() - put back all weights
 * @weights: the weights
 */
void vmqos_weights_restore(struct vmqos_weights *weights)
{
	size_t i;

	for (i = 0; i < weights->count; i++)
		put_back(weights, &weights->entries[i]);
	weights->count = 0;
	weights->last_ns = 0;
}

static struct entry *find(struct vmqos_weights *weights, uint32_t id)
{
	struct entry *entry;
	size_t i;

	for (i = 0; i < weights->count; i++)
		if (weights->entries[i].id == id)
			return &weights->entries[i];
	if (weights->count == weights->room) {
		size_t room = weights->room ? 2 * weights->room : 16;
		struct entry *more = reallocarray(weights->entries, room, sizeof(*more));

		if (!more)
			return NULL;
		weights->entries = more;
		weights->room = room;
	}
	entry = &weights->entries[weights->count++];
	memset(entry, 0, sizeof(*entry));
	entry->id = id;
	return entry;
}

/* The VM has come to this cgroup, or has it for the first time. */
static void settle(struct vmqos_weights *weights, struct entry *entry, const char *path)
{
	uint32_t before;
	int err;

	put_back(weights, entry);
	strcpy(entry->path, path);
	entry->parent = strrchr(path, '/') - path;
	entry->manual = false;
	err = vmqos_cgroup_weight(weights->mount, path, &entry->original);
	if (err || !entry->original) {
		/* A weight of 0 is that of cpu.idle, which somebody wanted. */
		if (err)
			tell_refusal(weights, path, err);
		entry->path[0] = '\0';
		return;
	}
	before = remembered(weights, path);
	if (before) {
		entry->written = entry->original;
		entry->original = before;
	}
}

static void look_at(struct vmqos_weights *weights, const struct vmqos_weights_vm *vm)
{
	struct entry *entry = find(weights, vm->id);
	char path[VMQOS_CGROUP_SIZE];
	int err;

	if (!entry)
		return;
	entry->present = true;
	entry->shares = vm->shares;
	entry->growth_ns = entry->known && vm->entitled_ns > entry->entitled_ns ?
			   vm->entitled_ns - entry->entitled_ns : 0;
	entry->entitled_ns = vm->entitled_ns;
	entry->busy_growth_ns = entry->known && vm->busy_ns > entry->busy_ns ?
				vm->busy_ns - entry->busy_ns : 0;
	entry->busy_ns = vm->busy_ns;
	entry->known = true;
	err = vmqos_cgroup_of_vm(weights->proc, weights->mount, vm->pid, path, sizeof(path));
	if (err) {
		put_back(weights, entry);
		entry->path[0] = '\0';
		return;
	}
	if (strcmp(entry->path, path))
		settle(weights, entry, path);
}

/* VMs that are gone leave their cgroup as it was; two in one cgroup are not weighed. */
static void tidy(struct vmqos_weights *weights)
{
	size_t kept = 0, i, j;

	for (i = 0; i < weights->count; i++) {
		struct entry *entry = &weights->entries[i];

		if (!entry->present) {
			put_back(weights, entry);
			continue;
		}
		entry->present = false;
		entry->done = false;
		if (kept != i)
			weights->entries[kept] = *entry;
		kept++;
	}
	weights->count = kept;
	for (i = 0; i < kept; i++) {
		struct entry *one = &weights->entries[i];
		bool shared = false;

		for (j = i + 1; j < kept && *one->path; j++) {
			struct entry *other = &weights->entries[j];

			if (strcmp(one->path, other->path))
				continue;
			put_back(weights, other);
			other->path[0] = '\0';
			shared = true;
		}
		if (shared) {
			put_back(weights, one);
			one->path[0] = '\0';
		}
	}
}

static bool is_sibling(const struct entry *a, const struct entry *b)
{
	return *a->path && *b->path && a->parent == b->parent &&
	       !strncmp(a->path, b->path, a->parent);
}

/* Whether others than these VMs have processes below the same parent. */
static bool has_others(struct vmqos_weights *weights, const struct entry *first)
{
	char parent[VMQOS_CGROUP_SIZE];
	struct vmqos_cgroup *children;
	bool others = false;
	size_t count, i, j;

	snprintf(parent, sizeof(parent), "%.*s", first->parent ? (int)first->parent : 1,
		 first->path);
	if (vmqos_cgroup_children(weights->mount, parent, &children, &count))
		return true;
	for (i = 0; i < count && !others; i++) {
		if (!children[i].populated)
			continue;
		for (j = 0; j < weights->count; j++)
			if (!strcmp(weights->entries[j].path, children[i].path))
				break;
		others = j == weights->count;
	}
	free(children);
	return others;
}

/* Gives a cgroup its weight, when that differs by more than a fiftieth. */
static void write_weight(struct vmqos_weights *weights, struct entry *entry, uint32_t weight)
{
	uint32_t now, difference;
	int err;

	err = vmqos_cgroup_weight(weights->mount, entry->path, &now);
	if (err) {
		tell_refusal(weights, entry->path, err);
		return;
	}
	if (now != (entry->written ? entry->written : entry->original)) {
		entry->manual = true;
		forget(weights, entry);
		vmqos_daemon_log(LOG_NOTICE,
				 "the weight of %s was changed to %u by somebody else and is left alone",
				 entry->path, now);
		return;
	}
	difference = weight > now ? weight - now : now - weight;
	if (difference * 50 <= now)
		return;
	if (!entry->written)
		remember(weights, entry);
	err = vmqos_cgroup_set_weight(weights->mount, entry->path, weight);
	if (err) {
		tell_refusal(weights, entry->path, err);
		if (!entry->written)
			forget(weights, entry);
		return;
	}
	entry->written = weight;
	vmqos_daemon_log(LOG_DEBUG, "weight of %s: %u", entry->path, weight);
}

/* Weighs VMs below the same parent. */
static void weigh_siblings(struct vmqos_weights *weights, struct entry **members, size_t count,
			   struct vmqos_weights_claim *claims, uint64_t period_ns)
{
	size_t i;

	/* Against itself alone a VM has nothing to weigh. */
	if (count < 2) {
		if (count)
			put_back(weights, members[0]);
		return;
	}
	for (i = 0; i < count; i++)
		claims[i] = (struct vmqos_weights_claim) {
			.entitled_ns = members[i]->growth_ns,
			.busy_ns = weights->for_each ? members[i]->busy_growth_ns : 0,
			.shares = members[i]->shares,
			.original = members[i]->original,
		};
	vmqos_weights_divide(claims, count, period_ns, has_others(weights, members[0]));
	for (i = 0; i < count; i++)
		write_weight(weights, members[i], claims[i].weight);
}

static void weigh_all(struct vmqos_weights *weights, uint64_t period_ns)
{
	struct vmqos_weights_claim *claims = calloc(weights->count, sizeof(*claims));
	struct entry **members = calloc(weights->count, sizeof(*members));
	struct entry *entries = weights->entries;
	size_t count, i, j;

	for (i = 0; claims && members && i < weights->count; i++) {
		if (entries[i].done || !*entries[i].path)
			continue;
		for (count = 0, j = i; j < weights->count; j++) {
			if (!is_sibling(&entries[i], &entries[j]))
				continue;
			entries[j].done = true;
			if (!entries[j].manual)
				members[count++] = &entries[j];
		}
		weigh_siblings(weights, members, count, claims, period_ns);
	}
	free(claims);
	free(members);
}

/**
 * vmqos_weights_keep() - weigh the VMs by the period that has ended
 * @weights: the weights
 * @vms: the adopted VMs
 * @count: their number
 * @now_ns: time of the reading
 */
void vmqos_weights_keep(struct vmqos_weights *weights, const struct vmqos_weights_vm *vms,
			size_t count, uint64_t now_ns)
{
	uint64_t period_ns = weights->last_ns && now_ns > weights->last_ns ?
			     now_ns - weights->last_ns : 0;
	size_t i;

	if (!*weights->mount)
		return;
	for (i = 0; i < count; i++)
		look_at(weights, &vms[i]);
	tidy(weights);
	/* The first reading says nothing of a period. */
	if (period_ns && weights->count)
		weigh_all(weights, period_ns);
	weights->last_ns = now_ns;
}
