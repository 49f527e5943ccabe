// SPDX-License-Identifier: GPL-2.0
/* Rows, headings and the host's figures as lines of text. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "top.h"

#define ID_WIDTH	4
#define VCPUS_WIDTH	4
#define NAME_LEAST	13

void vmqos_top_lay_out(const struct vmqos_top *top, const bool *off, int width,
		       struct vmqos_top_layout *layout)
{
	int used = ID_WIDTH + 1 + NAME_LEAST + 1 + VCPUS_WIDTH;
	int longest = NAME_LEAST;
	size_t i;

	layout->count = 0;
	for (i = 0; i < vmqos_top_column_count; i++) {
		const struct vmqos_top_column *column = &vmqos_top_columns[i];

		if (column->page != top->page || (off && off[i]) ||
		    !vmqos_top_has_source(top, column))
			continue;
		if (used + 1 + column->width > width ||
		    layout->count == sizeof(layout->shown) / sizeof(layout->shown[0]))
			break;
		used += 1 + column->width;
		layout->shown[layout->count++] = column;
	}
	/* What is left goes to the names, as far as they need it. */
	for (i = 0; i < top->row_count; i++)
		if ((int)strlen(top->rows[i].name) > longest)
			longest = strlen(top->rows[i].name);
	layout->name_width = NAME_LEAST + (width > used ? width - used : 0);
	if (layout->name_width > longest)
		layout->name_width = longest;
}

void vmqos_top_heading(const struct vmqos_top_layout *layout, char *text, size_t size)
{
	size_t used;
	size_t i;

	used = snprintf(text, size, "%*s %-*s %*s", ID_WIDTH, "ID", layout->name_width, "NAME",
			VCPUS_WIDTH, "VCPU");
	for (i = 0; i < layout->count && used < size; i++)
		used += snprintf(text + used, size - used, " %*s", layout->shown[i]->width,
				 layout->shown[i]->title);
}

/* A number in its width: without decimals, then in thousands, if it must be. */
static void format_number(char *text, size_t size, double value, int width, int digits)
{
	static const char units[] = " kMGTP";
	size_t unit = 0;

	while (snprintf(text, size, "%.*f", digits, value) > width && digits)
		digits--;
	while ((int)strlen(text) > width && unit + 2 < sizeof(units)) {
		value /= 1000;
		unit++;
		snprintf(text, size, "%.0f%c", value, units[unit]);
	}
}

void vmqos_top_line(const struct vmqos_top_layout *layout, const struct vmqos_top_row *row,
		    char *text, size_t size)
{
	char name[VMQOS_NAME_MAX + 1];
	char number[48];
	size_t used;
	double value;
	size_t i;

	if (row->vcpu) {
		/* A vCPU that is as it should be needs no word on that. */
		if (row->vcpu->state == VMQOS_VCPU_ATTACHED)
			snprintf(name, sizeof(name), " vcpu %u", row->vcpu->index);
		else
			snprintf(name, sizeof(name), " %u %s", row->vcpu->index,
				 vmqos_vcpu_state_name(row->vcpu->state));
		used = snprintf(text, size, "%*s %-*.*s %*s", ID_WIDTH, "", layout->name_width,
				layout->name_width, name, VCPUS_WIDTH, "");
	} else {
		used = snprintf(text, size, "%*u %-*.*s %*u", ID_WIDTH, row->vm_id,
				layout->name_width, layout->name_width, row->name, VCPUS_WIDTH,
				row->vcpus);
	}
	for (i = 0; i < layout->count && used < size; i++) {
		const struct vmqos_top_column *column = layout->shown[i];

		if (vmqos_top_value(column, row, &value))
			format_number(number, sizeof(number), value, column->width,
				      column->digits);
		else
			strcpy(number, row->vcpu && column->vm_only ? "" : "-");
		used += snprintf(text + used, size - used, " %*s", column->width, number);
	}
	/* A vCPU may have nothing to say. */
	used = strlen(text);
	while (used && text[used - 1] == ' ')
		text[--used] = '\0';
}

static void format_use(char *text, size_t size, const struct vmqos_top_use *use)
{
	if (use->used < 0)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%.1f", use->used);
}

static void format_memory(char *text, size_t size, const struct vmqos_mem *mem)
{
	char all[VMQOS_BYTES_TEXT], ours[VMQOS_BYTES_TEXT], resident[VMQOS_BYTES_TEXT];
	char compressed[VMQOS_BYTES_TEXT];
	size_t used;

	used = snprintf(text, size, "VMs MEMORY: %s, %s of it in vmramfs, which takes %s",
			vmqos_bytes_format(mem->configured, all, sizeof(all)),
			vmqos_bytes_format(mem->in_vmramfs, ours, sizeof(ours)),
			vmqos_bytes_format(mem->resident, resident, sizeof(resident)));
	if (mem->stored_raw)
		used += snprintf(text + used, size - used, ", %s compressed",
				 vmqos_bytes_format(mem->stored_raw, compressed,
						    sizeof(compressed)));
	if (mem->sampled)
		snprintf(text + used, size - used, ", %.0f %% active",
			 100.0 * mem->active_max / mem->sampled);
}

int vmqos_top_header(const struct vmqos_top *top,
		     char lines[VMQOS_TOP_HEADER_LINES][VMQOS_TOP_LINE_SIZE])
{
	const struct vmqos_host *host = &top->now.host;
	const struct vmqos_top_row *total = &top->total;
	char clock[16], use[16];
	time_t now = time(NULL);
	struct tm tm;
	size_t used;
	size_t i;

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(lines[0], VMQOS_TOP_LINE_SIZE,
		 "%s  %u CPU%s x %.0f MHz = %llu MHz, %u VM%s, %u vCPU%s", clock, host->cpus,
		 vmqos_plural(host->cpus), host->cpu_khz / 1e3,
		 (unsigned long long)host->capacity_mhz, host->vms, vmqos_plural(host->vms),
		 host->vcpus, vmqos_plural(host->vcpus));

	if (top->page == VMQOS_TOP_MEMORY) {
		format_memory(lines[1], VMQOS_TOP_LINE_SIZE, &total->mem);
		return 2;
	}
	format_use(use, sizeof(use), &top->host);
	used = snprintf(lines[1], VMQOS_TOP_LINE_SIZE, "PCPU USED(%%): %s", use);
	if (top->host.used >= 0)
		used += snprintf(lines[1] + used, VMQOS_TOP_LINE_SIZE - used, " (%.0f MHz)",
				 top->host.used_mhz);
	if (total->interval_ns && host->cpus)
		snprintf(lines[1] + used, VMQOS_TOP_LINE_SIZE - used,
			 "  VMs USED(%%): %.1f (%.0f MHz)  RDY(%%): %.1f",
			 100.0 * (total->delta.run_ns + total->delta.other_run_ns) /
			 total->interval_ns / host->cpus,
			 vmqos_mhz_of_run(total->delta.run_ns + total->delta.other_run_ns,
					  total->interval_ns, total->cpu_khz),
			 100.0 * (total->delta.ready_ns + total->delta.parked_ns) /
			 total->interval_ns);
	if (top->now.node_count < 2)
		return 2;
	used = snprintf(lines[2], VMQOS_TOP_LINE_SIZE, "NODE USED(%%):");
	for (i = 0; i < top->now.node_count && used < VMQOS_TOP_LINE_SIZE; i++) {
		format_use(use, sizeof(use), &top->nodes[i]);
		used += snprintf(lines[2] + used, VMQOS_TOP_LINE_SIZE - used, "  %u: %s",
				 top->now.nodes[i].node, use);
	}
	return 3;
}
