// SPDX-License-Identifier: GPL-2.0
/* vmqos stat */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "out.h"
#include "records.h"

static const char bar[] = "########################################";

#define BAR_WIDTH	((int)sizeof(bar) - 1)

struct request {
	bool vcpus;
	const char *vm;
};

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "vcpus", no_argument, NULL, 'v' },
		{ 0 }
	};
	int option;

	while ((option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		if (option != 'v')
			return VMQOS_EXIT_USAGE;
		request->vcpus = true;
	}
	if (argc - optind > 1)
		return vmqos_say_usage(cli, "stat takes one VM or none");
	if (optind < argc)
		request->vm = argv[optind];
	return VMQOS_EXIT_OK;
}

/* The counters that a table has room for. */
static void write_columns(struct vmqos_out *out, const struct vmqos_stats *stats)
{
	static const struct {
		unsigned int field;
		const char *key;
		const char *label;
	} columns[] = {
		{ VMQOS_STATS_RUN_NS, "run_ns", "RUN" },
		{ VMQOS_STATS_READY_NS, "ready_ns", "READY" },
		{ VMQOS_STATS_PARKED_NS, "parked_ns", "PARKED" },
		{ VMQOS_STATS_BLOCKED_NS, "blocked_ns", "BLOCKED" },
		{ VMQOS_STATS_GUEST_NS, "guest_ns", "GUEST" },
	};
	uint64_t latency = stats->wakeups ? stats->latency_ns / stats->wakeups : 0;
	char text[32];
	size_t i;

	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		uint64_t value = vmqos_stats_value(stats, columns[i].field);

		snprintf(text, sizeof(text), "%.3fs", value / 1e9);
		vmqos_out_u64_text(out, columns[i].key, columns[i].label, value, text);
	}
	vmqos_out_u64(out, "exits", "EXITS", stats->exits);
	vmqos_out_u64(out, "wakeups", "WAKEUPS", stats->wakeups);
	vmqos_out_u64_text(out, "latency_mean_ns", "LATENCY", latency,
			   vmqos_duration_format(latency, text, sizeof(text)));
}

static void write_json_vcpu(struct vmqos_out *out, const struct vmqos_vcpu *vcpu)
{
	vmqos_out_object(out, NULL);
	vmqos_write_vcpu(out, vcpu);
	vmqos_out_u64(out, "time_ns", NULL, vcpu->time_ns);
	vmqos_write_stats(out, &vcpu->stats);
	vmqos_out_end(out);
}

/* The VMs and, where there are any, their vCPUs: both in the order of VMs. */
static void write_json(struct vmqos_out *out, const struct vmqos_vm_stat *vms, size_t count,
		       const struct vmqos_vcpu *vcpus, size_t vcpu_count, bool with_vcpus)
{
	size_t at = 0;
	size_t i;

	vmqos_out_array(out, "vms");
	for (i = 0; i < count; i++) {
		vmqos_out_object(out, NULL);
		vmqos_out_u64(out, "id", NULL, vms[i].id);
		vmqos_out_str(out, "name", NULL, vms[i].name);
		vmqos_out_u64(out, "vcpus", NULL, vms[i].vcpus);
		vmqos_out_u64(out, "time_ns", NULL, vms[i].time_ns);
		vmqos_write_stats(out, &vms[i].stats);
		vmqos_write_mem(out, &vms[i].mem);
		if (with_vcpus) {
			vmqos_out_array(out, "vcpu");
			while (at < vcpu_count && vcpus[at].vm_id < vms[i].id)
				at++;
			for (; at < vcpu_count && vcpus[at].vm_id == vms[i].id; at++)
				write_json_vcpu(out, &vcpus[at]);
			vmqos_out_end(out);
		}
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
}

static void print_table(const struct vmqos_vm_stat *vms, size_t count)
{
	struct vmqos_out *out = vmqos_out_begin(VMQOS_OUT_TEXT);
	size_t i;

	vmqos_out_array(out, "vms");
	for (i = 0; i < count; i++) {
		vmqos_out_object(out, NULL);
		vmqos_out_u64(out, "id", "ID", vms[i].id);
		vmqos_out_str(out, "name", "NAME", vms[i].name);
		write_columns(out, &vms[i].stats);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	vmqos_out_finish(out);
	if (!count)
		puts("No VM is adopted; \"vmqos adopt --all\" adopts those of this host");
}

static const char *name_of(const struct vmqos_vm_stat *vms, size_t count, uint32_t id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (vms[i].id == id)
			return vms[i].name;
	return "-";
}

static void print_vcpus(const struct vmqos_vm_stat *vms, size_t count,
			const struct vmqos_vcpu *vcpus, size_t vcpu_count)
{
	struct vmqos_out *out = vmqos_out_begin(VMQOS_OUT_TEXT);
	const char *name = "-";
	size_t i;

	vmqos_out_array(out, "vcpus");
	for (i = 0; i < vcpu_count; i++) {
		if (!i || vcpus[i].vm_id != vcpus[i - 1].vm_id)
			name = name_of(vms, count, vcpus[i].vm_id);
		vmqos_out_object(out, NULL);
		vmqos_out_str(out, "name", "VM", name);
		vmqos_out_u64(out, "index", "VCPU", vcpus[i].index);
		vmqos_out_str(out, "state", "STATE", vmqos_vcpu_state_name(vcpus[i].state));
		write_columns(out, &vcpus[i].stats);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	vmqos_out_finish(out);
}

/* A time beside its part of the wall time, or a plain number. */
static void print_counter(const struct vmqos_stats_desc *desc, const struct vmqos_stats *stats)
{
	uint64_t value = vmqos_stats_value(stats, desc->field);
	char text[32];

	if (!*desc->unit) {
		printf("  %-22s %15llu\n", desc->label, (unsigned long long)value);
		return;
	}
	if (desc->is_signed) {
		/* With its sign: what is owed, or what was had in advance. */
		printf("  %-22s %+13.1fms\n", desc->label, (int64_t)value / 1e6);
		return;
	}
	switch (desc->field) {
	case VMQOS_STATS_LATENCY_NS:
	case VMQOS_STATS_LATENCY_MAX_NS:
		printf("  %-22s %15s\n", desc->label,
		       vmqos_duration_format(value, text, sizeof(text)));
		return;
	case VMQOS_STATS_RUN_NS:
	case VMQOS_STATS_READY_NS:
	case VMQOS_STATS_BLOCKED_NS:
	case VMQOS_STATS_HALTED_NS:
	case VMQOS_STATS_GUEST_NS:
	case VMQOS_STATS_PARKED_NS:
	case VMQOS_STATS_LIMITED_NS:
		if (stats->wall_ns) {
			printf("  %-22s %14.3fs  %6.2f %%\n", desc->label, value / 1e9,
			       100.0 * value / stats->wall_ns);
			return;
		}
	}
	printf("  %-22s %14.3fs\n", desc->label, value / 1e9);
}

static void print_bound(unsigned int bucket)
{
	char low[32], high[32];

	vmqos_duration_format(bucket ? vmqos_latency_bound(bucket - 1) : 0, low, sizeof(low));
	if (bucket == VMQOS_LATENCY_BUCKETS - 1)
		printf("  %7s and more    ", low);
	else
		printf("  %7s to %-7s  ", bucket ? low : "0",
		       vmqos_duration_format(vmqos_latency_bound(bucket), high, sizeof(high)));
}

/* The histogram from its first to its last bucket that is not empty. */
static void print_histogram(const char *what, const struct vmqos_stats *stats)
{
	char p50[32], p99[32], mean[32];
	uint64_t greatest = 0;
	uint64_t total = 0;
	int first = -1;
	int last = -1;
	int i;

	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++) {
		uint64_t value = stats->latency_hist[i];

		if (!value)
			continue;
		if (first < 0)
			first = i;
		last = i;
		total += value;
		if (value > greatest)
			greatest = value;
	}
	if (!total)
		return;
	printf("  %s: mean %s, half below %s, 99 %% below %s\n", what,
	       vmqos_duration_format(stats->wakeups ? stats->latency_ns / stats->wakeups : 0,
				     mean, sizeof(mean)),
	       vmqos_duration_format(vmqos_latency_percentile(stats, 50), p50, sizeof(p50)),
	       vmqos_duration_format(vmqos_latency_percentile(stats, 99), p99, sizeof(p99)));
	for (i = first; i <= last; i++) {
		uint64_t value = stats->latency_hist[i];
		int width = (double)value / greatest * BAR_WIDTH + 0.5;

		print_bound(i);
		/* What is there shows, however little it is. */
		if (value && !width)
			width = 1;
		printf("%10llu%s%.*s\n", (unsigned long long)value, width ? " " : "", width,
		       bar);
	}
}

static void print_stats(const struct vmqos_stats *stats)
{
	const struct vmqos_stats_desc *descs;
	size_t count;
	size_t i;

	descs = vmqos_stats_descs(&count);
	for (i = 0; i < count; i++)
		if (stats->has & VMQOS_HAS(descs[i].field))
			print_counter(&descs[i], stats);
	print_histogram("latency from wake-up to run", stats);
}

/* Who had to wait at the limit, as latencies are. */
static void print_waits(const struct vmqos_mem *mem)
{
	struct vmqos_stats waits = { .wakeups = mem->limit_waits, .latency_ns = mem->limit_ns };

	memcpy(waits.latency_hist, mem->limit_hist, sizeof(waits.latency_hist));
	print_histogram("waits at limit", &waits);
}

/* What is there now in bytes, what has happened as numbers. */
static void print_mem(const struct vmqos_mem *mem)
{
	const struct vmqos_mem_desc *descs;
	char text[VMQOS_BYTES_TEXT], why[VMQOS_WHY_NOT_TEXT];
	size_t count;
	size_t i;

	descs = vmqos_mem_descs(&count);
	for (i = 0; i < count; i++) {
		uint64_t value = vmqos_mem_value(mem, descs[i].field);

		if (!vmqos_mem_has(mem, descs[i].field))
			continue;
		switch (descs[i].unit) {
		case VMQOS_MEM_BYTES:
			printf("  %-22s %15s\n", descs[i].label,
			       vmqos_bytes_format(value, text, sizeof(text)));
			if (descs[i].field == VMQOS_MEM_SHARE_NONE && value)
				printf("  %-22s %s\n", "why they stay",
				       vmqos_why_not_format(mem->share_why_not, why, sizeof(why)));
			break;
		case VMQOS_MEM_COUNT:
			printf("  %-22s %15llu\n", descs[i].label, (unsigned long long)value);
			break;
		case VMQOS_MEM_TIME:
			printf("  %-22s %14.3fs\n", descs[i].label, value / 1e9);
			break;
		}
	}
	print_waits(mem);
}

static void print_one(const struct vmqos_vm_stat *vm, const struct vmqos_vcpu *vcpus, size_t count)
{
	size_t i;

	printf("%s (VM %u), %u vCPU%s\n", vm->name, vm->id, vm->vcpus, vmqos_plural(vm->vcpus));
	print_stats(&vm->stats);
	print_mem(&vm->mem);
	for (i = 0; i < count; i++) {
		printf("\n%s vCPU %u (%s", vm->name, vcpus[i].index,
		       vmqos_vcpu_state_name(vcpus[i].state));
		if (vcpus[i].tid)
			printf(", thread %u, last on CPU %u", vcpus[i].tid, vcpus[i].cpu);
		puts(")");
		print_stats(&vcpus[i].stats);
	}
}

static int run_stat(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_vm_stat *stats = NULL;
	struct vmqos_vcpu *vcpus = NULL;
	struct request request = { 0 };
	struct vmqos_vm_stat one;
	struct vmqos_out *out;
	size_t vcpu_count = 0;
	struct vmqos_vm vm = { 0 };
	size_t count = 1;
	int result;
	int err;

	result = parse(cli, argc, argv, &request);
	if (!result && request.vm)
		result = vmqos_arg_vm(cli, request.vm, &vm);
	if (result)
		return result;
	if (request.vm)
		err = vmqos_vm_stat_get(cli->ctx, vm.id, &one);
	else
		err = vmqos_vm_stat_dump(cli->ctx, &stats, &count);
	if (!err && request.vcpus)
		err = vmqos_vcpu_stat_dump(cli->ctx, vm.id, &vcpus, &vcpu_count);
	if (err) {
		free(stats);
		return vmqos_say_failure(cli);
	}
	if (cli->json) {
		out = vmqos_out_begin(VMQOS_OUT_JSON);
		write_json(out, request.vm ? &one : stats, count, vcpus, vcpu_count,
			   request.vcpus);
		vmqos_out_finish(out);
	} else if (request.vm) {
		print_one(&one, vcpus, vcpu_count);
	} else if (request.vcpus) {
		print_vcpus(stats, count, vcpus, vcpu_count);
	} else {
		print_table(stats, count);
	}
	free(vcpus);
	free(stats);
	return VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_stat = {
	.name = "stat",
	.usage = "[VM] [--vcpus]",
	.summary = "Show the counters since the adoption",
	.options =
	"  VM       all counters of this VM and its memory, with a histogram of the\n"
	"           latency from wake-up to run; without it a table of all VMs\n"
	"  --vcpus  for every vCPU\n",
	.run = run_stat,
};
