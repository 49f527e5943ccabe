// SPDX-License-Identifier: LGPL-2.1+
/*
 * DOC: Overview
 *
 * The kernel module tells where in the VMM the guest's memory is; move_pages(2) looks at the
 * pages there and moves them. What one call has done is not taken from its answer but
 * looked at afterwards: a call that cannot move one page may give up those behind it, of a
 * large page only the first part is moved in name, and the guest goes on all the time.
 */
#include <errno.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/vmqos.h>

#include "context.h"
#include "move.h"
#include "request.h"

#define PAGE		4096
/* Pages of one call: 16 MiB. Each call has all CPUs empty their lists of new pages first. */
#define BATCH		4096
/* How often pages are tried that do not move, and how long to wait before. */
#define TRIES		3
#define PAUSE_NS	2000000

static long move_pages(int pid, unsigned long count, void **pages, const int *nodes, int *status,
		       int flags)
{
	return syscall(SYS_move_pages, pid, count, pages, nodes, status, flags);
}

long (*vmqos_move_pages)(int pid, unsigned long count, void **pages, const int *nodes,
			 int *status, int flags) = move_pages;

struct range {
	uint64_t address;
	uint64_t size;
};

/*
 * @full: the node has no memory left
 * @pages: addresses of the batch that are still of interest
 * @nodes: where they shall go
 * @status: what the kernel said last of each of them, INT_MIN for nothing
 * @where: where they are
 */
struct work {
	struct vmqos *ctx;
	uint32_t id;
	uint32_t pid;
	uint32_t node;
	bool (*go_on)(void *arg);
	void *arg;
	bool full;
	size_t count;
	void *pages[BATCH];
	int nodes[BATCH];
	int status[BATCH];
	int where[BATCH];
};

static int take_range(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	struct nlattr *address = nla_find(attrs, size, VMQOS_MEM_RANGE_A_ADDRESS);
	struct nlattr *bytes = nla_find(attrs, size, VMQOS_MEM_RANGE_A_SIZE);
	struct range *range = arg;

	memset(range, 0, sizeof(*range));
	if (!address || !bytes)
		return 0;
	if (nla_len(address) != sizeof(uint64_t) || nla_len(bytes) != sizeof(uint64_t))
		return vmqos_fail(ctx, -EBADMSG, "an attribute of the kernel's answer has a wrong size");
	range->address = nla_get_u64(address);
	range->size = nla_get_u64(bytes);
	if (range->address + range->size < range->address)
		return vmqos_fail(ctx, -EBADMSG, "the kernel's answer is no range of memory");
	return 0;
}

/* The first guest memory behind an address; of no size when there is none. */
static int next_range(struct work *work, uint64_t from, struct range *range)
{
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(work->ctx, VMQOS_CMD_MEM_RANGE_GET, &msg);
	if (err)
		return err;
	if (nla_put_u32(msg, VMQOS_MEM_RANGE_A_VM_ID, work->id) ||
	    nla_put_u64(msg, VMQOS_MEM_RANGE_A_ADDRESS, from))
		return vmqos_request_overflow(work->ctx, msg);
	return vmqos_request_do(work->ctx, msg, take_range, range);
}

static int fail(struct work *work, int err)
{
	switch (err) {
	case ENODEV:
		return vmqos_fail(work->ctx, -ENXIO, "there is no NUMA node %u that has memory",
				  work->node);
	case EACCES:
		return vmqos_fail(work->ctx, -err,
				  "the cpuset of process %u, the VMM, is without NUMA node %u",
				  work->pid, work->node);
	case EPERM:
		return vmqos_fail(work->ctx, -err,
				  "this needs CAP_SYS_NICE and CAP_SYS_PTRACE, for process %u, the VMM; run it as root",
				  work->pid);
	case ESRCH:
		return vmqos_fail(work->ctx, -err, "the VM has ended: there is no process %u",
				  work->pid);
	default:
		return vmqos_fail(work->ctx, -err, "the kernel refuses move_pages(2): %s",
				  strerror(err));
	}
}

/* Sees where the pages are. */
static int look(struct work *work)
{
	if (!work->count)
		return 0;
	if (vmqos_move_pages(work->pid, work->count, work->pages, NULL, work->where, 0) < 0)
		return fail(work, errno);
	return 0;
}

static int look_at(struct work *work, uint64_t from, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		work->pages[i] = (void *)(uintptr_t)(from + i * PAGE);
		work->status[i] = INT_MIN;
	}
	work->count = count;
	return look(work);
}

/* Lets go of pages that are done with. Returns how many were. */
static size_t sort_out(struct work *work, uint64_t *at_node, uint64_t *unmapped)
{
	size_t before = work->count, i;

	work->count = 0;
	for (i = 0; i < before; i++) {
		if (work->where[i] == (int)work->node) {
			*at_node += PAGE;
		} else if (work->where[i] < 0) {
			*unmapped += PAGE;
		} else {
			work->pages[work->count] = work->pages[i];
			work->status[work->count++] = work->status[i];
		}
	}
	return before - work->count;
}

/*
 * Those that the kernel has refused one by one come last: a call ends where it refuses one
 * and has others before it that do not move.
 */
static void put_refused_last(struct work *work)
{
	size_t i, first = 0;

	for (i = 0; i < work->count; i++) {
		void *page = work->pages[i];
		int status = work->status[i];

		if (status != INT_MIN)
			continue;
		work->pages[i] = work->pages[first];
		work->status[i] = work->status[first];
		work->pages[first] = page;
		work->status[first++] = status;
	}
}

static int try_once(struct work *work)
{
	size_t i;

	put_refused_last(work);
	for (i = 0; i < work->count; i++) {
		work->nodes[i] = work->node;
		work->status[i] = INT_MIN;
	}
	if (vmqos_move_pages(work->pid, work->count, work->pages, work->nodes, work->status,
			     MPOL_MF_MOVE_ALL) < 0) {
		if (errno != ENOMEM)
			return fail(work, errno);
		work->full = true;
	}
	return look(work);
}

static bool may_go_on(struct work *work)
{
	return !work->go_on || work->go_on(work->arg);
}

static void count_rest(struct work *work, struct vmqos_move *move)
{
	size_t i;

	for (i = 0; i < work->count; i++) {
		if (work->full || work->status[i] == -ENOMEM)
			move->no_memory += PAGE;
		else if (work->status[i] == INT_MIN || work->status[i] >= 0 ||
			 work->status[i] == -EBUSY || work->status[i] == -EAGAIN)
			move->busy += PAGE;
		else
			move->refused += PAGE;
	}
}

static int move_batch(struct work *work, uint64_t from, size_t count, struct vmqos_move *move)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int err, vain = 0;

	err = look_at(work, from, count);
	if (err)
		return err;
	move->configured += count * PAGE;
	sort_out(work, &move->there, &move->unmapped);
	while (!err && work->count && !work->full && vain < TRIES) {
		if (vain)
			nanosleep(&pause, NULL);
		err = try_once(work);
		if (!err && !sort_out(work, &move->moved, &move->unmapped))
			vain++;
		if (!may_go_on(work))
			break;
	}
	count_rest(work, move);
	return err;
}

/* Whether it may be done at all, without doing any of it: there is nothing at 0. */
static int check(struct work *work)
{
	work->pages[0] = NULL;
	work->nodes[0] = work->node;
	if (vmqos_move_pages(work->pid, 1, work->pages, work->nodes, work->status,
			     MPOL_MF_MOVE_ALL) < 0)
		return fail(work, errno);
	return 0;
}

/* Finds the VM. The caller frees @work, also after a failure. */
static int begin(struct vmqos *ctx, uint32_t id, struct work **work)
{
	struct vmqos_vm vm;
	int err;

	*work = calloc(1, sizeof(**work));
	if (!*work)
		return vmqos_fail_memory(ctx);
	err = vmqos_vm_get(ctx, id, &vm);
	if (err)
		return err;
	/* For the system call it would be ourselves. */
	if (!vm.pid)
		return vmqos_fail(ctx, -ESRCH,
				  "the VM's process cannot be seen from this PID namespace");
	(*work)->ctx = ctx;
	(*work)->id = id;
	(*work)->pid = vm.pid;
	return 0;
}

static size_t pages_of(const struct range *range, uint64_t at)
{
	uint64_t pages = (range->address + range->size - at) / PAGE;

	return pages < BATCH ? pages : BATCH;
}

static int move_all(struct work *work, struct vmqos_move *move)
{
	struct range range;
	uint64_t at = 0;
	size_t count;
	int err;

	for (;;) {
		err = next_range(work, at, &range);
		if (err)
			return err;
		if (!range.size)
			break;
		for (at = range.address; (count = pages_of(&range, at)); at += count * PAGE) {
			if (!may_go_on(work))
				return 0;
			err = move_batch(work, at, count, move);
			if (err)
				return err;
		}
		at = range.address + range.size;
	}
	move->complete = may_go_on(work);
	return 0;
}

int vmqos_vm_move(struct vmqos *ctx, uint32_t id, uint32_t node, bool (*go_on)(void *arg),
		  void *arg, struct vmqos_move *move)
{
	struct work *work;
	int err;

	memset(move, 0, sizeof(*move));
	err = begin(ctx, id, &work);
	if (!err) {
		work->node = node;
		work->go_on = go_on;
		work->arg = arg;
		err = check(work);
	}
	if (!err)
		err = move_all(work, move);
	free(work);
	return err;
}

static void add_up(const struct work *work, struct vmqos_placement *placement)
{
	size_t i;

	for (i = 0; i < work->count; i++) {
		if (work->where[i] < 0)
			placement->unmapped += PAGE;
		else if (work->where[i] < VMQOS_NODES_MAX)
			placement->on_node[work->where[i]] += PAGE;
		else
			placement->elsewhere += PAGE;
	}
	placement->configured += work->count * PAGE;
}

static int look_at_all(struct work *work, struct vmqos_placement *placement)
{
	struct range range;
	uint64_t at = 0;
	size_t count;
	int err;

	for (;;) {
		err = next_range(work, at, &range);
		if (err || !range.size)
			return err;
		for (at = range.address; (count = pages_of(&range, at)); at += count * PAGE) {
			err = look_at(work, at, count);
			if (err)
				return err;
			add_up(work, placement);
		}
		at = range.address + range.size;
	}
}

int vmqos_vm_placement(struct vmqos *ctx, uint32_t id, struct vmqos_placement *placement)
{
	struct work *work;
	int err;

	memset(placement, 0, sizeof(*placement));
	err = begin(ctx, id, &work);
	if (!err)
		err = look_at_all(work, placement);
	free(work);
	return err;
}
