/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmqos top: samples of all counters, rates between two samples, and the
 * columns made of them. The screen and the batch mode show the same rows.
 */
#ifndef VMQOS_CLI_TOP_H
#define VMQOS_CLI_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmqos/vmqos.h>

struct vmqos_cli;

#define VMQOS_TOP_NODES_MAX	64

/*
 * One reading of everything.
 * @nodes: as many as host.nodes, at most VMQOS_TOP_NODES_MAX
 */
struct vmqos_top_reading {
	struct vmqos_host host;
	struct vmqos_host nodes[VMQOS_TOP_NODES_MAX];
	size_t node_count;
	struct vmqos_vm_stat *vms;
	size_t vm_count;
	struct vmqos_vcpu *vcpus;
	size_t vcpu_count;
};

/*
 * A VM or one of its vCPUs over an interval.
 * @vcpu: the vCPU, NULL for a VM
 * @interval_ns: between its two readings; 0 when there is only one, then the
 *	row has no rates yet
 * @cpu_khz: nominal frequency of one CPU
 * @delta: growth of the counters
 * @mem: growth of those of the VM's memory; what it is in bytes is as it is now
 * @expanded: the VM's vCPUs follow it
 */
struct vmqos_top_row {
	uint32_t vm_id;
	const char *name;
	uint32_t vcpus;
	const struct vmqos_vcpu *vcpu;
	uint64_t interval_ns;
	uint32_t cpu_khz;
	struct vmqos_stats delta;
	struct vmqos_mem mem;
	bool expanded;
};

/*
 * Use of the host or a node.
 * @used: percent of its CPUs' time, below 0 while there is one reading only
 * @used_mhz: the same in MHz
 */
struct vmqos_top_use {
	double used;
	double used_mhz;
	uint64_t capacity_mhz;
	uint32_t cpus;
};

/* What the table is about. */
enum vmqos_top_page {
	VMQOS_TOP_CPU,
	VMQOS_TOP_MEMORY,
};

/*
 * @page: which columns there are
 * @wanted: VMs that are expanded into their vCPUs, in ascending order
 * @expand_all: all of them are
 * @read_all: the vCPUs of all VMs are read, so that a VM that is expanded has
 *	rates at once
 * @now, @before: the last two readings; @has_before, @has_now: there is one
 * @rows: VMs in the order of their numbers
 * @vcpu_rows: vCPUs in the order of VM and index
 * @total: sum of the VMs
 */
struct vmqos_top {
	struct vmqos_cli *cli;
	enum vmqos_top_page page;
	uint32_t *wanted;
	size_t wanted_count;
	bool expand_all;
	bool read_all;
	struct vmqos_top_reading now;
	struct vmqos_top_reading before;
	bool has_now;
	bool has_before;
	struct vmqos_top_row *rows;
	size_t row_count;
	struct vmqos_top_row *vcpu_rows;
	size_t vcpu_row_count;
	struct vmqos_top_row total;
	struct vmqos_top_use host;
	struct vmqos_top_use nodes[VMQOS_TOP_NODES_MAX];
};

/*
 * Takes a reading and makes the rows. Returns 0 or a negative errno; after a
 * failure everything is as it was before.
 */
int vmqos_top_sample(struct vmqos_top *top);

/* Forgets all readings, for instance because the module was loaded anew. */
void vmqos_top_forget(struct vmqos_top *top);

/* Whether a VM is expanded, and changing that. */
bool vmqos_top_is_wanted(const struct vmqos_top *top, uint32_t vm_id);
void vmqos_top_want(struct vmqos_top *top, uint32_t vm_id, bool wanted);

/*
 * A column of numbers.
 * @key: name in CSV and JSON
 * @title: heading
 * @help: what it is, for the screen of fields
 * @letter: sorts by it, and toggles it there
 * @width: of its numbers
 * @digits: behind the decimal point
 * @fields: bits of the counters it is made of, all of them must be reported; on
 *	the page of memory those of struct vmqos_mem
 * @vm_only: has no meaning for a vCPU
 * @off: not shown on the screen until it is switched on
 * @value: the number; the row has an interval
 * @page: where it stands
 */
struct vmqos_top_column {
	const char *key;
	const char *title;
	const char *help;
	char letter;
	int width;
	int digits;
	uint64_t fields;
	bool vm_only;
	bool off;
	double (*value)(const struct vmqos_top_row *row);
	enum vmqos_top_page page;
};

extern const struct vmqos_top_column vmqos_top_columns[];
extern const size_t vmqos_top_column_count;

/* Whether the interface reports what the column is made of. */
bool vmqos_top_has_source(const struct vmqos_top *top, const struct vmqos_top_column *column);

/* The number of a column in a row; false when there is none. */
bool vmqos_top_value(const struct vmqos_top_column *column, const struct vmqos_top_row *row,
		     double *value);

/*
 * @sort: what the rows are sorted by, a column, or NULL for @by_name and
 *	otherwise by number
 * @reverse: the other way round
 */
struct vmqos_top_order {
	const struct vmqos_top_column *sort;
	bool by_name;
	bool reverse;
};

/* What a page is sorted by when nobody has said. */
const struct vmqos_top_column *vmqos_top_default_sort(enum vmqos_top_page page);

/* Sorts VMs; vCPUs stay in the order of their indexes. */
void vmqos_top_sort(struct vmqos_top *top, const struct vmqos_top_order *order);

/* Rows of vCPUs of one VM. */
const struct vmqos_top_row *vmqos_top_vcpus_of(const struct vmqos_top *top, uint32_t vm_id,
					       size_t *count);

/*
 * @interval_ns: between two samples
 * @samples: end after so many, 0 never
 * @vcpus: with vCPUs
 * @order: how VMs are sorted
 */
struct vmqos_top_options {
	uint64_t interval_ns;
	uint64_t samples;
	bool vcpus;
	struct vmqos_top_order order;
};

/*
 * Which columns there are on a screen of some width.
 * @name_width: of the column of names
 * @shown: the columns, as many as fit
 */
struct vmqos_top_layout {
	int name_width;
	const struct vmqos_top_column *shown[32];
	size_t count;
};

/* @off: columns that the user has switched off, by their index, or NULL. */
void vmqos_top_lay_out(const struct vmqos_top *top, const bool *off, int width,
		       struct vmqos_top_layout *layout);

/* Lines of text, cut at @size - 1 characters. */
void vmqos_top_heading(const struct vmqos_top_layout *layout, char *text, size_t size);
void vmqos_top_line(const struct vmqos_top_layout *layout, const struct vmqos_top_row *row,
		    char *text, size_t size);

/*
 * The lines above the table: the host, its use, and that of the nodes when
 * there are several. Returns how many there are, at most @max.
 */
#define VMQOS_TOP_HEADER_LINES	3
#define VMQOS_TOP_LINE_SIZE	512
int vmqos_top_header(const struct vmqos_top *top,
		     char lines[VMQOS_TOP_HEADER_LINES][VMQOS_TOP_LINE_SIZE]);

/* The ways to show it; each returns an exit code. */
int vmqos_top_screen(struct vmqos_top *top, struct vmqos_top_options *options);
int vmqos_top_csv(struct vmqos_top *top, const struct vmqos_top_options *options);
int vmqos_top_json(struct vmqos_top *top, const struct vmqos_top_options *options);
int vmqos_top_table(struct vmqos_top *top, const struct vmqos_top_options *options);

#endif
