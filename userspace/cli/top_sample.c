// SPDX-License-Identifier: GPL-2.0
/*
 * Readings and the rates between them. All lists are in the order of VM and
 * index, so two readings are matched in one pass.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "top.h"

static void free_reading(struct vmqos_top_reading *reading)
{
	free(reading->vms);
	free(reading->vcpus);
	memset(reading, 0, sizeof(*reading));
}

bool vmqos_top_is_wanted(const struct vmqos_top *top, uint32_t vm_id)
{
	size_t i;

	for (i = 0; i < top->wanted_count; i++)
		if (top->wanted[i] == vm_id)
			return true;
	return false;
}

void vmqos_top_want(struct vmqos_top *top, uint32_t vm_id, bool wanted)
{
	size_t i;

	for (i = 0; i < top->wanted_count && top->wanted[i] < vm_id; i++)
		;
	if (i < top->wanted_count && top->wanted[i] == vm_id) {
		if (!wanted)
			memmove(&top->wanted[i], &top->wanted[i + 1],
				(--top->wanted_count - i) * sizeof(*top->wanted));
	} else if (wanted) {
		top->wanted = vmqos_need(reallocarray(top->wanted, top->wanted_count + 1,
						      sizeof(*top->wanted)));
		memmove(&top->wanted[i + 1], &top->wanted[i],
			(top->wanted_count++ - i) * sizeof(*top->wanted));
		top->wanted[i] = vm_id;
	}
}

/* The vCPUs of the VMs that are wanted, in the order of the VMs. */
static int read_wanted(struct vmqos_top *top, struct vmqos_top_reading *reading)
{
	size_t i;

	for (i = 0; i < top->wanted_count; i++) {
		struct vmqos_vcpu *all, *some;
		size_t count;
		int err;

		err = vmqos_vcpu_stat_dump(top->cli->ctx, top->wanted[i], &some, &count);
		if (err == -ENOENT) {
			/* The VM is gone. */
			vmqos_top_want(top, top->wanted[i--], false);
			continue;
		}
		if (err)
			return err;
		all = reallocarray(reading->vcpus, reading->vcpu_count + count + 1, sizeof(*all));
		reading->vcpus = vmqos_need(all);
		if (count)
			memcpy(all + reading->vcpu_count, some, count * sizeof(*all));
		reading->vcpu_count += count;
		free(some);
	}
	return 0;
}

static int read_nodes(struct vmqos_top *top, struct vmqos_top_reading *reading)
{
	uint32_t node;

	if (reading->host.nodes < 2)
		return 0;
	/* Nodes need not be numbered without gaps; those that are not are passed over. */
	for (node = 0; node < VMQOS_TOP_NODES_MAX && reading->node_count < reading->host.nodes;
	     node++) {
		struct vmqos_host *host = &reading->nodes[reading->node_count];
		int err = vmqos_host_get(top->cli->ctx, node, host);

		if (err == -ENODEV)
			return err;
		if (!err)
			reading->node_count++;
	}
	return 0;
}

static int take_reading(struct vmqos_top *top, struct vmqos_top_reading *reading)
{
	struct vmqos *ctx = top->cli->ctx;
	int err;

	memset(reading, 0, sizeof(*reading));
	err = vmqos_host_get(ctx, -1, &reading->host);
	if (!err)
		err = read_nodes(top, reading);
	if (!err)
		err = vmqos_vm_stat_dump(ctx, &reading->vms, &reading->vm_count);
	if (!err && top->read_all)
		err = vmqos_vcpu_stat_dump(ctx, 0, &reading->vcpus, &reading->vcpu_count);
	else if (!err)
		err = read_wanted(top, reading);
	if (err)
		free_reading(reading);
	return err;
}

static void make_vm_rows(struct vmqos_top *top)
{
	const struct vmqos_top_reading *before = &top->before;
	const struct vmqos_top_reading *now = &top->now;
	size_t at = 0;
	size_t i;

	top->rows = vmqos_need(reallocarray(top->rows, now->vm_count + 1, sizeof(*top->rows)));
	top->row_count = now->vm_count;
	for (i = 0; i < now->vm_count; i++) {
		const struct vmqos_vm_stat *vm = &now->vms[i];
		struct vmqos_top_row *row = &top->rows[i];

		memset(row, 0, sizeof(*row));
		row->vm_id = vm->id;
		row->name = vm->name;
		row->vcpus = vm->vcpus;
		row->cpu_khz = now->host.cpu_khz;
		row->expanded = top->expand_all || vmqos_top_is_wanted(top, vm->id);
		row->delta.has = vm->stats.has;
		row->mem = vm->mem;
		while (at < before->vm_count && before->vms[at].id < vm->id)
			at++;
		if (at == before->vm_count || before->vms[at].id != vm->id ||
		    vm->time_ns <= before->vms[at].time_ns)
			continue;
		row->interval_ns = vm->time_ns - before->vms[at].time_ns;
		vmqos_stats_sub(&row->delta, &vm->stats, &before->vms[at].stats);
		vmqos_mem_sub(&row->mem, &vm->mem, &before->vms[at].mem);
	}
}

static bool is_before(const struct vmqos_vcpu *one, const struct vmqos_vcpu *other)
{
	return one->vm_id != other->vm_id ? one->vm_id < other->vm_id : one->index < other->index;
}

static void make_vcpu_rows(struct vmqos_top *top)
{
	const struct vmqos_top_reading *before = &top->before;
	const struct vmqos_top_reading *now = &top->now;
	size_t vm = 0;
	size_t at = 0;
	size_t i;

	top->vcpu_rows = vmqos_need(reallocarray(top->vcpu_rows, now->vcpu_count + 1,
						 sizeof(*top->vcpu_rows)));
	top->vcpu_row_count = now->vcpu_count;
	for (i = 0; i < now->vcpu_count; i++) {
		const struct vmqos_vcpu *vcpu = &now->vcpus[i];
		struct vmqos_top_row *row = &top->vcpu_rows[i];

		while (vm < top->row_count && top->rows[vm].vm_id < vcpu->vm_id)
			vm++;
		memset(row, 0, sizeof(*row));
		row->vm_id = vcpu->vm_id;
		row->name = vm < top->row_count && top->rows[vm].vm_id == vcpu->vm_id ?
			    top->rows[vm].name : "";
		row->vcpu = vcpu;
		row->cpu_khz = now->host.cpu_khz;
		row->delta.has = vcpu->stats.has;
		while (at < before->vcpu_count && is_before(&before->vcpus[at], vcpu))
			at++;
		if (at == before->vcpu_count || is_before(vcpu, &before->vcpus[at]) ||
		    vcpu->time_ns <= before->vcpus[at].time_ns)
			continue;
		row->interval_ns = vcpu->time_ns - before->vcpus[at].time_ns;
		vmqos_stats_sub(&row->delta, &vcpu->stats, &before->vcpus[at].stats);
	}
}

static void measure_use(struct vmqos_top_use *use, const struct vmqos_host *now,
			const struct vmqos_host *before)
{
	double wall = (double)(now->time_ns - before->time_ns) * now->cpus;
	double idle = (double)(now->idle_ns - before->idle_ns);

	use->capacity_mhz = now->capacity_mhz;
	use->cpus = now->cpus;
	use->used = -1;
	/* A CPU that came or went takes its idle time with it. */
	if (now->time_ns <= before->time_ns || now->cpus != before->cpus ||
	    now->idle_ns < before->idle_ns || !before->time_ns)
		return;
	use->used = idle < wall ? 100 * (1 - idle / wall) : 0;
	use->used_mhz = use->used / 100 * now->capacity_mhz;
}

/* The sum of the VMs that have rates, over the host's own interval. */
static void sum_up(struct vmqos_top *top)
{
	struct vmqos_top_row *total = &top->total;
	size_t i, w;

	memset(total, 0, sizeof(*total));
	total->name = "";
	total->cpu_khz = top->now.host.cpu_khz;
	if (!top->has_before || top->now.host.time_ns <= top->before.host.time_ns)
		return;
	total->interval_ns = top->now.host.time_ns - top->before.host.time_ns;
	for (i = 0; i < top->row_count; i++) {
		const struct vmqos_stats *delta = &top->rows[i].delta;

		if (!top->rows[i].interval_ns)
			continue;
		total->delta.has |= delta->has;
		total->delta.run_ns += delta->run_ns;
		total->delta.ready_ns += delta->ready_ns;
		total->delta.parked_ns += delta->parked_ns;
		total->delta.other_run_ns += delta->other_run_ns;
		for (w = 0; w < VMQOS_MEM_HAS_WORDS; w++)
			total->mem.has[w] |= top->rows[i].mem.has[w];
		total->mem.configured += top->rows[i].mem.configured;
		total->mem.in_vmramfs += top->rows[i].mem.in_vmramfs;
		total->mem.resident += top->rows[i].mem.resident;
		total->mem.stored_raw += top->rows[i].mem.stored_raw;
		total->mem.sampled += top->rows[i].mem.sampled;
		total->mem.active_max += top->rows[i].mem.active_max;
	}
}

static void make_rows(struct vmqos_top *top)
{
	static const struct vmqos_host none;
	size_t i;

	make_vm_rows(top);
	make_vcpu_rows(top);
	measure_use(&top->host, &top->now.host, top->has_before ? &top->before.host : &none);
	for (i = 0; i < top->now.node_count; i++) {
		bool same = top->has_before && i < top->before.node_count &&
			    top->before.nodes[i].node == top->now.nodes[i].node;

		measure_use(&top->nodes[i], &top->now.nodes[i],
			    same ? &top->before.nodes[i] : &none);
	}
	sum_up(top);
}

int vmqos_top_sample(struct vmqos_top *top)
{
	struct vmqos_top_reading reading;
	int err;

	err = take_reading(top, &reading);
	if (err)
		return err;
	free_reading(&top->before);
	top->before = top->now;
	top->has_before = top->has_now;
	top->now = reading;
	top->has_now = true;
	make_rows(top);
	return 0;
}

void vmqos_top_forget(struct vmqos_top *top)
{
	free_reading(&top->before);
	free_reading(&top->now);
	top->has_before = false;
	top->has_now = false;
	top->row_count = 0;
	top->vcpu_row_count = 0;
	top->wanted_count = 0;
	memset(&top->total, 0, sizeof(top->total));
}

const struct vmqos_top_row *vmqos_top_vcpus_of(const struct vmqos_top *top, uint32_t vm_id,
					       size_t *count)
{
	size_t low = 0;
	size_t high = top->vcpu_row_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (top->vcpu_rows[middle].vm_id < vm_id)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < top->vcpu_row_count && top->vcpu_rows[high].vm_id == vm_id; high++)
		;
	*count = high - low;
	return top->vcpu_rows + low;
}
