// SPDX-License-Identifier: LGPL-2.1+
/* Counters: getting them, and arithmetic on them. */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vmqos.h>

#include "context.h"
#include "decode.h"
#include "list.h"
#include "request.h"

static int take_vm_stat(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	return vmqos_decode_vm_stat(ctx, attrs, size, arg);
}

static int add_vm_stat(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	struct vmqos_vm_stat *stat = vmqos_list_add(arg);

	if (!stat)
		return vmqos_fail_memory(ctx);
	return vmqos_decode_vm_stat(ctx, attrs, size, stat);
}

static int take_vcpu(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	return vmqos_decode_vcpu(ctx, attrs, size, arg);
}

static int add_vcpu(struct vmqos *ctx, struct nlattr *attrs, int size, void *arg)
{
	struct vmqos_vcpu *vcpu = vmqos_list_add(arg);

	if (!vcpu)
		return vmqos_fail_memory(ctx);
	return vmqos_decode_vcpu(ctx, attrs, size, vcpu);
}

static int by_vm(const void *a, const void *b)
{
	const struct vmqos_vm_stat *one = a, *other = b;

	return one->id < other->id ? -1 : one->id > other->id;
}

static int by_vcpu(const void *a, const void *b)
{
	const struct vmqos_vcpu *one = a, *other = b;

	if (one->vm_id != other->vm_id)
		return one->vm_id < other->vm_id ? -1 : 1;
	return one->index < other->index ? -1 : one->index > other->index;
}

int vmqos_vm_stat_get(struct vmqos *ctx, uint32_t id, struct vmqos_vm_stat *stat)
{
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_VM_STAT_GET, &msg);
	if (err)
		return err;
	if (nla_put_u32(msg, VMQOS_VM_STAT_A_ID, id))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_vm_stat, stat);
}

int vmqos_vm_stat_dump(struct vmqos *ctx, struct vmqos_vm_stat **stats, size_t *count)
{
	struct vmqos_list list = { .size = sizeof(**stats) };
	struct nl_msg *msg;
	int err;

	*stats = NULL;
	*count = 0;
	err = vmqos_request_begin(ctx, VMQOS_CMD_VM_STAT_GET, &msg);
	if (err)
		return err;
	err = vmqos_request_dump(ctx, msg, add_vm_stat, vmqos_list_empty, &list);
	if (err) {
		free(list.items);
		return err;
	}
	vmqos_list_sort(&list, by_vm);
	*stats = list.items;
	*count = list.count;
	return 0;
}

int vmqos_vcpu_stat_get(struct vmqos *ctx, uint32_t vm_id, uint32_t index,
			struct vmqos_vcpu *vcpu)
{
	struct nl_msg *msg;
	int err;

	err = vmqos_request_begin(ctx, VMQOS_CMD_VCPU_STAT_GET, &msg);
	if (err)
		return err;
	if (nla_put_u32(msg, VMQOS_VCPU_A_VM_ID, vm_id) ||
	    nla_put_u32(msg, VMQOS_VCPU_A_INDEX, index))
		return vmqos_request_overflow(ctx, msg);
	return vmqos_request_do(ctx, msg, take_vcpu, vcpu);
}

int vmqos_vcpu_stat_dump(struct vmqos *ctx, uint32_t vm_id,
			 struct vmqos_vcpu **vcpus, size_t *count)
{
	struct vmqos_list list = { .size = sizeof(**vcpus) };
	struct nl_msg *msg;
	int err;

	*vcpus = NULL;
	*count = 0;
	err = vmqos_request_begin(ctx, VMQOS_CMD_VCPU_STAT_GET, &msg);
	if (err)
		return err;
	if (vm_id && nla_put_u32(msg, VMQOS_VCPU_A_VM_ID, vm_id))
		return vmqos_request_overflow(ctx, msg);
	err = vmqos_request_dump(ctx, msg, add_vcpu, vmqos_list_empty, &list);
	if (err) {
		free(list.items);
		return err;
	}
	vmqos_list_sort(&list, by_vcpu);
	*vcpus = list.items;
	*count = list.count;
	return 0;
}

const char *vmqos_vcpu_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VMQOS_VCPU_UNSTARTED] = "unstarted",
		[VMQOS_VCPU_PENDING] = "pending",
		[VMQOS_VCPU_ATTACHED] = "attached",
		[VMQOS_VCPU_LEFT] = "left",
		[VMQOS_VCPU_SHARED] = "shared",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static const struct vmqos_stats_desc descs[] = {
	{ VMQOS_STATS_WALL_NS, "wall_ns", "wall time", "ns", false, false },
	{ VMQOS_STATS_RUN_NS, "run_ns", "run", "ns", false, false },
	{ VMQOS_STATS_READY_NS, "ready_ns", "ready", "ns", false, false },
	{ VMQOS_STATS_BLOCKED_NS, "blocked_ns", "blocked", "ns", false, false },
	{ VMQOS_STATS_HALTED_NS, "halted_ns", "halted", "ns", false, false },
	{ VMQOS_STATS_GUEST_NS, "guest_ns", "guest mode", "ns", false, false },
	{ VMQOS_STATS_EXITS, "exits", "exits", "", false, false },
	{ VMQOS_STATS_HALT_EXITS, "halt_exits", "halt exits", "", false, false },
	{ VMQOS_STATS_IO_EXITS, "io_exits", "port I/O exits", "", false, false },
	{ VMQOS_STATS_MMIO_EXITS, "mmio_exits", "MMIO exits", "", false, false },
	{ VMQOS_STATS_WAKEUPS, "wakeups", "wake-ups", "", false, false },
	{ VMQOS_STATS_PREEMPTIONS, "preemptions", "preemptions", "", false, false },
	{ VMQOS_STATS_CPU_MIGRATIONS, "cpu_migrations", "CPU migrations", "", false, false },
	{ VMQOS_STATS_NODE_MIGRATIONS, "node_migrations", "node migrations", "", false, false },
	{ VMQOS_STATS_LATENCY_NS, "latency_ns", "latency, sum", "ns", false, false },
	{ VMQOS_STATS_LATENCY_MAX_NS, "latency_max_ns", "latency, greatest", "ns", false, false },
	{ VMQOS_STATS_OTHER_THREADS, "other_threads", "other threads", "", true, false },
	{ VMQOS_STATS_OTHER_RUN_NS, "other_run_ns", "other threads, run", "ns", true, false },
	{ VMQOS_STATS_OTHER_READY_NS, "other_ready_ns", "other threads, ready", "ns", true, false },
	{ VMQOS_STATS_PARKED_NS, "parked_ns", "parked", "ns", false, false },
	{ VMQOS_STATS_LIMITED_NS, "limited_ns", "parked by the limit", "ns", false, false },
	{ VMQOS_STATS_PARKS, "parks", "parks", "", false, false },
	{ VMQOS_STATS_THROTTLES, "throttles", "parks by the limit", "", false, false },
	{ VMQOS_STATS_ENTITLED_NS, "entitled_ns", "entitled", "ns", true, false },
	{ VMQOS_STATS_LAG_NS, "lag_ns", "owed now", "ns", true, true },
};

const struct vmqos_stats_desc *vmqos_stats_descs(size_t *count)
{
	*count = sizeof(descs) / sizeof(descs[0]);
	return descs;
}

/* Where the counters of 64 bits are in the struct; 0 is no counter's place. */
static const size_t places[] = {
	[VMQOS_STATS_WALL_NS] = offsetof(struct vmqos_stats, wall_ns),
	[VMQOS_STATS_RUN_NS] = offsetof(struct vmqos_stats, run_ns),
	[VMQOS_STATS_READY_NS] = offsetof(struct vmqos_stats, ready_ns),
	[VMQOS_STATS_BLOCKED_NS] = offsetof(struct vmqos_stats, blocked_ns),
	[VMQOS_STATS_HALTED_NS] = offsetof(struct vmqos_stats, halted_ns),
	[VMQOS_STATS_GUEST_NS] = offsetof(struct vmqos_stats, guest_ns),
	[VMQOS_STATS_EXITS] = offsetof(struct vmqos_stats, exits),
	[VMQOS_STATS_HALT_EXITS] = offsetof(struct vmqos_stats, halt_exits),
	[VMQOS_STATS_IO_EXITS] = offsetof(struct vmqos_stats, io_exits),
	[VMQOS_STATS_MMIO_EXITS] = offsetof(struct vmqos_stats, mmio_exits),
	[VMQOS_STATS_WAKEUPS] = offsetof(struct vmqos_stats, wakeups),
	[VMQOS_STATS_PREEMPTIONS] = offsetof(struct vmqos_stats, preemptions),
	[VMQOS_STATS_CPU_MIGRATIONS] = offsetof(struct vmqos_stats, cpu_migrations),
	[VMQOS_STATS_NODE_MIGRATIONS] = offsetof(struct vmqos_stats, node_migrations),
	[VMQOS_STATS_LATENCY_NS] = offsetof(struct vmqos_stats, latency_ns),
	[VMQOS_STATS_LATENCY_MAX_NS] = offsetof(struct vmqos_stats, latency_max_ns),
	[VMQOS_STATS_OTHER_RUN_NS] = offsetof(struct vmqos_stats, other_run_ns),
	[VMQOS_STATS_OTHER_READY_NS] = offsetof(struct vmqos_stats, other_ready_ns),
	[VMQOS_STATS_PARKED_NS] = offsetof(struct vmqos_stats, parked_ns),
	[VMQOS_STATS_LIMITED_NS] = offsetof(struct vmqos_stats, limited_ns),
	[VMQOS_STATS_PARKS] = offsetof(struct vmqos_stats, parks),
	[VMQOS_STATS_THROTTLES] = offsetof(struct vmqos_stats, throttles),
	[VMQOS_STATS_ENTITLED_NS] = offsetof(struct vmqos_stats, entitled_ns),
	[VMQOS_STATS_LAG_NS] = offsetof(struct vmqos_stats, lag_ns),
};

uint64_t vmqos_stats_value(const struct vmqos_stats *stats, unsigned int field)
{
	uint64_t value;

	if (field == VMQOS_STATS_OTHER_THREADS)
		return stats->other_threads;
	if (field >= sizeof(places) / sizeof(places[0]) || !places[field])
		return 0;
	memcpy(&value, (const char *)stats + places[field], sizeof(value));
	return value;
}

static uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

void vmqos_stats_sub(struct vmqos_stats *delta, const struct vmqos_stats *now,
		     const struct vmqos_stats *before)
{
	struct vmqos_stats result = *now;
	size_t field;
	int i;

	for (field = 0; field < sizeof(places) / sizeof(places[0]); field++) {
		uint64_t value;

		if (!places[field] || field == VMQOS_STATS_LATENCY_MAX_NS ||
		    field == VMQOS_STATS_LAG_NS)
			continue;
		value = growth(vmqos_stats_value(now, field), vmqos_stats_value(before, field));
		memcpy((char *)&result + places[field], &value, sizeof(value));
	}
	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		result.latency_hist[i] = growth(now->latency_hist[i], before->latency_hist[i]);
	*delta = result;
}

uint64_t vmqos_latency_bound(unsigned int bucket)
{
	if (bucket >= VMQOS_LATENCY_BUCKETS - 1)
		return UINT64_MAX;
	return UINT64_C(1) << (bucket + 9);
}

uint64_t vmqos_latency_percentile(const struct vmqos_stats *stats, double percent)
{
	uint64_t total = 0;
	uint64_t below = 0;
	int i;

	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		total += stats->latency_hist[i];
	if (!total)
		return 0;
	for (i = 0; i < VMQOS_LATENCY_BUCKETS - 1; i++) {
		below += stats->latency_hist[i];
		if (below && below >= total * (percent / 100))
			return vmqos_latency_bound(i);
	}
	return stats->latency_max_ns;
}
