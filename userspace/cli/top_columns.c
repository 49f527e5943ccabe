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

#define BIT(field)	VMQOS_HAS(VMQOS_STATS_##field)

const struct vmqos_top_column vmqos_top_columns[] = {
	{ "used_pct", "%USED", "CPU used by vCPUs and other threads", 'U', 6, 1,
	  BIT(RUN_NS), false, false, used },
	{ "entitled_pct", "%ENT", "CPU that the VM was entitled to", 'S', 6, 1,
	  BIT(ENTITLED_NS), true, false, entitled },
	{ "run_pct", "%RUN", "vCPUs on a CPU", 'T', 6, 1,
	  BIT(RUN_NS), false, false, run },
	{ "ready_pct", "%RDY", "vCPUs ready to run, not running", 'R', 6, 1,
	  BIT(READY_NS), false, false, ready },
	{ "limited_pct", "%MLMTD", "part of %RDY due to the VM's limit", 'C', 6, 1,
	  BIT(LIMITED_NS), false, false, limited },
	{ "wait_pct", "%WAIT", "vCPUs blocked, %IDLE included", 'B', 6, 1,
	  BIT(BLOCKED_NS), false, false, blocked },
	{ "idle_pct", "%IDLE", "vCPUs halted by the guest", 'I', 6, 1,
	  BIT(HALTED_NS), false, false, halted },
	{ "used_mhz", "MHZ", "%USED of a CPU's nominal frequency", 'M', 6, 0,
	  BIT(RUN_NS), false, false, mhz },
	{ "entitled_mhz", "ENTMHZ", "%ENT of a CPU's nominal frequency", 'V', 6, 0,
	  BIT(ENTITLED_NS), true, false, entitled_mhz },
	{ "other_pct", "%OTH", "other threads: emulator, I/O, vhost", 'O', 5, 1,
	  BIT(OTHER_RUN_NS), true, false, other },
	{ "parked_pct", "%PARK", "part of %RDY held back for other VMs", 'Z', 6, 1,
	  BIT(PARKED_NS), false, false, parked },
	{ "exits_per_s", "EXIT/s", "exits from guest mode", 'X', 7, 0,
	  BIT(EXITS), false, false, exits },
	{ "latency_p99_us", "P99us", "99 % of wake-ups ran within, microseconds", 'L', 7, 0,
	  BIT(LATENCY_HIST), false, false, latency_p99 },
	{ "latency_mean_us", "LATus", "mean wake-up to run, microseconds", 'A', 7, 1,
	  BIT(LATENCY_NS) | BIT(WAKEUPS), false, false, latency_mean },
	{ "wakeups_per_s", "WAKE/s", "wake-ups", 'W', 7, 0,
	  BIT(WAKEUPS), false, false, wakeups },
	{ "cpu_migrations_per_s", "MIGR/s", "moves to another CPU", 'G', 6, 0,
	  BIT(CPU_MIGRATIONS), false, false, migrations },
	{ "guest_pct", "%GUEST", "part of %RUN in guest mode", 'E', 6, 1,
	  BIT(GUEST_NS), false, false, guest },
	{ "lag_ms", "LAGms", "CPU owed to the VM now, milliseconds", 'F', 7, 1,
	  BIT(LAG_NS), true, false, lag },
	{ "parks_per_s", "PARK/s", "times a vCPU was held back", 'Q', 6, 0,
	  BIT(PARKS), false, false, parks },
	{ "preemptions_per_s", "PREE/s", "CPU lost while runnable", 'P', 6, 0,
	  BIT(PREEMPTIONS), false, false, preemptions },
	{ "halt_exits_per_s", "HALT/s", "exits of a halt instruction", 'H', 6, 0,
	  BIT(HALT_EXITS), false, false, halt_exits },
	{ "io_exits_per_s", "PIO/s", "exits of port I/O", 'J', 6, 0,
	  BIT(IO_EXITS), false, false, io_exits },
	{ "mmio_exits_per_s", "MMIO/s", "exits of memory-mapped I/O", 'K', 6, 0,
	  BIT(MMIO_EXITS), false, false, mmio_exits },
	{ "node_migrations_per_s", "NODE/s", "moves to another NUMA node", 'D', 6, 0,
	  BIT(NODE_MIGRATIONS), false, false, node_migrations },
	{ "other_ready_pct", "%ORDY", "other threads waiting for a CPU", 'Y', 6, 1,
	  BIT(OTHER_READY_NS), true, false, other_ready },
};

const size_t vmqos_top_column_count = sizeof(vmqos_top_columns) / sizeof(vmqos_top_columns[0]);

bool vmqos_top_has_source(const struct vmqos_top *top, const struct vmqos_top_column *column)
{
	size_t i;

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
	if (!row->interval_ns || (row->delta.has & column->fields) != column->fields ||
	    (row->vcpu && column->vm_only))
		return false;
	*value = column->value(row);
	return true;
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
