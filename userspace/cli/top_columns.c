// SPDX-License-Identifier: GPL-2.0
/*
 * The columns. Their order is that of importance: where the screen is narrow
 * the last ones are left out. A percentage is of one CPU over the interval,
 * so a VM with two busy vCPUs has 200. vmqos-top(8) has the formulas.
 */
#include <stdlib.h>
#include <string.h>

#include "top.h"

static double percent(const struct vmqos_top_row *row, uint64_t ns)
{
	return 100.0 * ns / row->interval_ns;
}

static double per_second(const struct vmqos_top_row *row, uint64_t count)
{
	return 1e9 * count / row->interval_ns;
}

static double used(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.run_ns + row->delta.other_run_ns);
}

static double run(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.run_ns);
}

/* As esxtop has it: whatever kept a vCPU that could have run from running. */
static double ready(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.ready_ns + row->delta.parked_ns);
}

static double limited(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.limited_ns);
}

static double parked(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.parked_ns);
}

static double entitled(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.entitled_ns);
}

static double entitled_mhz(const struct vmqos_top_row *row)
{
	return vmqos_mhz_of_run(row->delta.entitled_ns, row->interval_ns, row->cpu_khz);
}

static double lag(const struct vmqos_top_row *row)
{
	return row->delta.lag_ns / 1e6;
}

static double parks(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.parks);
}

static double blocked(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.blocked_ns);
}

static double halted(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.halted_ns);
}

static double other(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.other_run_ns);
}

static double mhz(const struct vmqos_top_row *row)
{
	return vmqos_mhz_of_run(row->delta.run_ns + row->delta.other_run_ns, row->interval_ns,
				row->cpu_khz);
}

static double guest(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.guest_ns);
}

static double exits(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.exits);
}

static double wakeups(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.wakeups);
}

static double latency_mean(const struct vmqos_top_row *row)
{
	return row->delta.wakeups ? row->delta.latency_ns / 1e3 / row->delta.wakeups : 0;
}

static double latency_p99(const struct vmqos_top_row *row)
{
	return vmqos_latency_percentile(&row->delta, 99) / 1e3;
}

static double migrations(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.cpu_migrations);
}

static double node_migrations(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.node_migrations);
}

static double preemptions(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.preemptions);
}

static double halt_exits(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.halt_exits);
}

static double io_exits(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.io_exits);
}

static double mmio_exits(const struct vmqos_top_row *row)
{
	return per_second(row, row->delta.mmio_exits);
}

static double other_ready(const struct vmqos_top_row *row)
{
	return percent(row, row->delta.other_ready_ns);
}

#define MIB	1048576.0
#define PAGE	4096

static double mem_configured(const struct vmqos_top_row *row)
{
	return row->mem.configured / MIB;
}

static double mem_in_vmramfs(const struct vmqos_top_row *row)
{
	return row->mem.in_vmramfs / MIB;
}

static double mem_resident(const struct vmqos_top_row *row)
{
	return row->mem.resident / MIB;
}

static double mem_large(const struct vmqos_top_row *row)
{
	double mapped = (double)row->mem.mapped_4k + row->mem.mapped_2m + row->mem.mapped_1g;

	return mapped ? 100 * (row->mem.mapped_2m + row->mem.mapped_1g) / mapped : 0;
}

/* Of what is in pages, which alone can be in use. */
static double active(const struct vmqos_top_row *row, uint64_t bytes)
{
	return row->mem.sampled ? 100.0 * bytes / row->mem.sampled : 0;
}

static double mem_active(const struct vmqos_top_row *row)
{
	return active(row, row->mem.active_max);
}

static double mem_active_slow(const struct vmqos_top_row *row)
{
	return active(row, row->mem.active_slow);
}

static double mem_active_fast(const struct vmqos_top_row *row)
{
	return active(row, row->mem.active_fast);
}

static double mem_stored(const struct vmqos_top_row *row)
{
	return row->mem.stored / MIB;
}

static double mem_stored_raw(const struct vmqos_top_row *row)
{
	return row->mem.stored_raw / MIB;
}

static double mem_back(const struct vmqos_top_row *row)
{
	return per_second(row, row->mem.faults_stored);
}

static double mem_swapped(const struct vmqos_top_row *row)
{
	return row->mem.swapped / MIB;
}

static double mem_swap_ins(const struct vmqos_top_row *row)
{
	return per_second(row, row->mem.faults_swapped);
}

static double mem_swap_outs(const struct vmqos_top_row *row)
{
	return per_second(row, row->mem.swap_outs);
}

static double mem_zero_freed(const struct vmqos_top_row *row)
{
	return per_second(row, row->mem.zero_freed * PAGE) / MIB;
}

static double mem_faults(const struct vmqos_top_row *row)
{
	return per_second(row, row->mem.faults_found + row->mem.faults_filled +
			  row->mem.faults_stored + row->mem.faults_zero +
			  row->mem.faults_swapped + row->mem.faults_failed);
}

static double mem_fills(const struct vmqos_top_row *row)
{
	return per_second(row, row->mem.fills);
}

static double mem_fault_mean(const struct vmqos_top_row *row)
{
	const struct vmqos_mem *mem = &row->mem;
	uint64_t faults = mem->faults_found + mem->faults_filled + mem->faults_stored +
			  mem->faults_zero + mem->faults_swapped;
	uint64_t ns = mem->found_ns + mem->filled_ns + mem->stored_ns + mem->zero_ns +
		      mem->swapped_ns;

	return faults ? ns / 1e3 / faults : 0;
}

static double mem_fault_p99(const struct vmqos_top_row *row)
{
	struct vmqos_stats stats = { .latency_max_ns = 0 };
	size_t i;

	for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
		stats.latency_hist[i] = row->mem.found_hist[i] + row->mem.filled_hist[i] +
					row->mem.stored_hist[i] + row->mem.zero_hist[i] +
					row->mem.swapped_hist[i];
	return vmqos_latency_percentile(&stats, 99) / 1e3;
}

static double mem_scanned(const struct vmqos_top_row *row)
{
	return per_second(row, row->mem.scanned);
}

static double mem_scan(const struct vmqos_top_row *row)
{
	return percent(row, row->mem.zero_scan_ns);
}

/*
 * All of them are in the first word of what is told, but for swap files: a module that has a
 * store and does not tell of any has nothing there.
 */
#define MEM(field)	VMQOS_HAS(VMQOS_MEM_##field)
#define BIT(field)	VMQOS_HAS(VMQOS_STATS_##field)

const struct vmqos_top_column vmqos_top_columns[] = {
	{ "used_pct", "%USED", "CPU used by vCPUs and other threads", 'U', 6, 1,
	  BIT(RUN_NS), false, false, used, VMQOS_TOP_CPU },
	{ "entitled_pct", "%ENT", "CPU that the VM was entitled to", 'S', 6, 1,
	  BIT(ENTITLED_NS), true, false, entitled, VMQOS_TOP_CPU },
	{ "run_pct", "%RUN", "vCPUs on a CPU", 'T', 6, 1,
	  BIT(RUN_NS), false, false, run, VMQOS_TOP_CPU },
	{ "ready_pct", "%RDY", "vCPUs ready to run, not running", 'R', 6, 1,
	  BIT(READY_NS), false, false, ready, VMQOS_TOP_CPU },
	{ "limited_pct", "%MLMTD", "part of %RDY due to the VM's limit", 'C', 6, 1,
	  BIT(LIMITED_NS), false, false, limited, VMQOS_TOP_CPU },
	{ "wait_pct", "%WAIT", "vCPUs blocked, %IDLE included", 'B', 6, 1,
	  BIT(BLOCKED_NS), false, false, blocked, VMQOS_TOP_CPU },
	{ "idle_pct", "%IDLE", "vCPUs halted by the guest", 'I', 6, 1,
	  BIT(HALTED_NS), false, false, halted, VMQOS_TOP_CPU },
	{ "used_mhz", "MHZ", "%USED of a CPU's nominal frequency", 'M', 6, 0,
	  BIT(RUN_NS), false, false, mhz, VMQOS_TOP_CPU },
	{ "entitled_mhz", "ENTMHZ", "%ENT of a CPU's nominal frequency", 'V', 6, 0,
	  BIT(ENTITLED_NS), true, false, entitled_mhz, VMQOS_TOP_CPU },
	{ "other_pct", "%OTH", "other threads: emulator, I/O, vhost", 'O', 5, 1,
	  BIT(OTHER_RUN_NS), true, false, other, VMQOS_TOP_CPU },
	{ "parked_pct", "%PARK", "part of %RDY held back at all", 'Z', 6, 1,
	  BIT(PARKED_NS), false, false, parked, VMQOS_TOP_CPU },
	{ "exits_per_s", "EXIT/s", "exits from guest mode", 'X', 7, 0,
	  BIT(EXITS), false, false, exits, VMQOS_TOP_CPU },
	{ "latency_p99_us", "P99us", "99 % of wake-ups ran within, microseconds", 'L', 7, 0,
	  BIT(LATENCY_HIST), false, false, latency_p99, VMQOS_TOP_CPU },
	{ "latency_mean_us", "LATus", "mean wake-up to run, microseconds", 'A', 7, 1,
	  BIT(LATENCY_NS) | BIT(WAKEUPS), false, false, latency_mean, VMQOS_TOP_CPU },
	{ "wakeups_per_s", "WAKE/s", "wake-ups", 'W', 7, 0,
	  BIT(WAKEUPS), false, false, wakeups, VMQOS_TOP_CPU },
	{ "cpu_migrations_per_s", "MIGR/s", "moves to another CPU", 'G', 6, 0,
	  BIT(CPU_MIGRATIONS), false, false, migrations, VMQOS_TOP_CPU },
	{ "guest_pct", "%GUEST", "part of %RUN in guest mode", 'E', 6, 1,
	  BIT(GUEST_NS), false, false, guest, VMQOS_TOP_CPU },
	{ "lag_ms", "LAGms", "CPU owed to the VM now, milliseconds", 'F', 7, 1,
	  BIT(LAG_NS), true, false, lag, VMQOS_TOP_CPU },
	{ "parks_per_s", "PARK/s", "times a vCPU was held back", 'Q', 6, 0,
	  BIT(PARKS), false, false, parks, VMQOS_TOP_CPU },
	{ "preemptions_per_s", "PREE/s", "CPU lost while runnable", 'P', 6, 0,
	  BIT(PREEMPTIONS), false, false, preemptions, VMQOS_TOP_CPU },
	{ "halt_exits_per_s", "HALT/s", "exits of a halt instruction", 'H', 6, 0,
	  BIT(HALT_EXITS), false, false, halt_exits, VMQOS_TOP_CPU },
	{ "io_exits_per_s", "PIO/s", "exits of port I/O", 'J', 6, 0,
	  BIT(IO_EXITS), false, false, io_exits, VMQOS_TOP_CPU },
	{ "mmio_exits_per_s", "MMIO/s", "exits of memory-mapped I/O", 'K', 6, 0,
	  BIT(MMIO_EXITS), false, false, mmio_exits, VMQOS_TOP_CPU },
	{ "node_migrations_per_s", "NODE/s", "moves to another NUMA node", 'D', 6, 0,
	  BIT(NODE_MIGRATIONS), false, false, node_migrations, VMQOS_TOP_CPU },
	{ "other_ready_pct", "%ORDY", "other threads waiting for a CPU", 'Y', 6, 1,
	  BIT(OTHER_READY_NS), true, false, other_ready, VMQOS_TOP_CPU },
	{ "mem_configured_mib", "MEMSZ", "memory of the VM, MiB", 'M', 7, 0,
	  MEM(CONFIGURED), true, false, mem_configured, VMQOS_TOP_MEMORY },
	{ "mem_in_vmramfs_mib", "RAMFS", "part of it in vmramfs, MiB", 'V', 7, 0,
	  MEM(IN_VMRAMFS), true, false, mem_in_vmramfs, VMQOS_TOP_MEMORY },
	{ "mem_resident_mib", "RESID", "what that takes of the host, MiB", 'R', 7, 0,
	  MEM(RESIDENT), true, false, mem_resident, VMQOS_TOP_MEMORY },
	{ "mem_active_pct", "%ACTV", "part of that in use, the greatest estimate", 'D', 6, 1,
	  MEM(ACTIVE_MAX) | MEM(SAMPLED), true, false, mem_active, VMQOS_TOP_MEMORY },
	{ "mem_large_pct", "%LARGE", "part mapped for the guest in pages of 2M or 1G", 'G', 6, 1,
	  MEM(MAPPED_4K), true, false, mem_large, VMQOS_TOP_MEMORY },
	{ "mem_zero_freed_mib_per_s", "ZEROM/s", "pages of zeros given back, MiB a second", 'Z', 7,
	  1, MEM(ZERO_FREED), true, false, mem_zero_freed, VMQOS_TOP_MEMORY },
	{ "mem_fills_per_s", "FILL/s", "pages made", 'P', 7, 0,
	  MEM(FILLS), true, false, mem_fills, VMQOS_TOP_MEMORY },
	{ "mem_faults_per_s", "FAULT/s", "page faults", 'F', 7, 0,
	  MEM(FAULTS_FOUND), true, false, mem_faults, VMQOS_TOP_MEMORY },
	{ "mem_fault_p99_us", "P99us", "99 % of page faults took less, microseconds", 'L', 7, 0,
	  MEM(FOUND_HIST) | MEM(FILLED_HIST), true, false, mem_fault_p99, VMQOS_TOP_MEMORY },
	{ "mem_fault_mean_us", "FLTus", "mean time of a page fault, microseconds", 'A', 7, 1,
	  MEM(FOUND_NS) | MEM(FILLED_NS), true, false, mem_fault_mean, VMQOS_TOP_MEMORY },
	{ "mem_scanned_per_s", "SCAN/s", "pages looked at for zeros", 'S', 7, 0,
	  MEM(SCANNED), true, false, mem_scanned, VMQOS_TOP_MEMORY },
	{ "mem_scan_pct", "%SCAN", "time of the scanner in the VM's memory", 'T', 6, 1,
	  MEM(ZERO_SCAN_NS), true, false, mem_scan, VMQOS_TOP_MEMORY },
	{ "mem_stored_raw_mib", "COMPR", "memory that is compressed, MiB", 'C', 7, 0,
	  MEM(STORED_RAW), true, false, mem_stored_raw, VMQOS_TOP_MEMORY },
	{ "mem_stored_mib", "STORE", "what that takes, part of RESID, MiB", 'O', 7, 0,
	  MEM(STORED), true, false, mem_stored, VMQOS_TOP_MEMORY },
	{ "mem_faults_stored_per_s", "BACK/s", "page faults on what is compressed", 'B', 7, 0,
	  MEM(FAULTS_STORED), true, false, mem_back, VMQOS_TOP_MEMORY },
	{ "mem_swapped_mib", "SWCUR", "memory in swap files, MiB", 'U', 7, 0,
	  MEM(STORED_RAW), true, false, mem_swapped, VMQOS_TOP_MEMORY },
	{ "mem_swap_ins_per_s", "SWR/s", "page faults read from swap files", 'I', 7, 0,
	  MEM(FAULTS_STORED), true, false, mem_swap_ins, VMQOS_TOP_MEMORY },
	{ "mem_swap_outs_per_s", "SWW/s", "pages written to swap files", 'W', 7, 0,
	  MEM(EVICTED), true, false, mem_swap_outs, VMQOS_TOP_MEMORY },
	{ "mem_active_slow_pct", "%ACTVS", "part of RESID in use, slow average", 'E', 7, 1,
	  MEM(ACTIVE_SLOW) | MEM(SAMPLED), true, false, mem_active_slow, VMQOS_TOP_MEMORY },
	{ "mem_active_fast_pct", "%ACTVF", "part of RESID in use, fast average", 'H', 7, 1,
	  MEM(ACTIVE_FAST) | MEM(SAMPLED), true, false, mem_active_fast, VMQOS_TOP_MEMORY },
};

const size_t vmqos_top_column_count = sizeof(vmqos_top_columns) / sizeof(vmqos_top_columns[0]);

bool vmqos_top_has_source(const struct vmqos_top *top, const struct vmqos_top_column *column)
{
	size_t i;

	/* Some VMs may be served and others not. */
	if (column->page == VMQOS_TOP_MEMORY) {
		for (i = 0; i < top->row_count; i++)
			if ((top->rows[i].mem.has[0] & column->fields) == column->fields)
				return true;
		return !top->row_count;
	}
	/* Guest time that is not measured stands still, which is no figure. */
	if ((column->fields & BIT(GUEST_NS)) && !top->now.host.guest_time)
		return false;
	for (i = 0; i < top->row_count; i++)
		if ((top->rows[i].delta.has & column->fields) != column->fields)
			return false;
	return true;
}

bool vmqos_top_value(const struct vmqos_top_column *column, const struct vmqos_top_row *row,
		     double *value)
{
	uint64_t has = column->page == VMQOS_TOP_MEMORY ? row->mem.has[0] : row->delta.has;

	if (!row->interval_ns || (has & column->fields) != column->fields ||
	    (row->vcpu && column->vm_only))
		return false;
	*value = column->value(row);
	return true;
}

const struct vmqos_top_column *vmqos_top_default_sort(enum vmqos_top_page page)
{
	size_t i;

	/* The first is the question that is asked most. */
	for (i = 0; i < vmqos_top_column_count; i++)
		if (vmqos_top_columns[i].page == page)
			return &vmqos_top_columns[i];
	return NULL;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct vmqos_top_row *one = a, *other_row = b;
	const struct vmqos_top_order *order = arg;
	double first = -1, second = -1;
	int answer = 0;

	if (order->sort) {
		/* The greatest first, rows without rates last. */
		vmqos_top_value(order->sort, one, &first);
		vmqos_top_value(order->sort, other_row, &second);
		answer = first > second ? -1 : first < second;
	} else if (order->by_name) {
		answer = strcmp(one->name, other_row->name);
	}
	if (!answer)
		answer = one->vm_id < other_row->vm_id ? -1 : one->vm_id > other_row->vm_id;
	return order->reverse ? -answer : answer;
}

void vmqos_top_sort(struct vmqos_top *top, const struct vmqos_top_order *order)
{
	struct vmqos_top_order copy = *order;

	if (top->row_count)
		qsort_r(top->rows, top->row_count, sizeof(*top->rows), compare_rows, &copy);
}
