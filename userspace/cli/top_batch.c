// SPDX-License-Identifier: GPL-2.0
/* vmqos top without a screen: CSV, JSON, and one table. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "out.h"
#include "top.h"

#define WIDTH_DEFAULT	80

static void sleep_until(struct timespec *when, uint64_t interval_ns)
{
	when->tv_nsec += interval_ns % 1000000000;
	when->tv_sec += interval_ns / 1000000000 + when->tv_nsec / 1000000000;
	when->tv_nsec %= 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL) == EINTR)
		;
}

/*
 * Takes the first reading, then after every interval another one that @print
 * is called for, so that the first rates are those of the first interval.
 */
static int run_samples(struct vmqos_top *top, const struct vmqos_top_options *options,
		       uint64_t samples, int (*print)(struct vmqos_top *top,
						      const struct vmqos_top_options *options))
{
	struct timespec when;
	uint64_t done;
	int result;

	top->expand_all = options->vcpus;
	top->read_all = options->vcpus;
	clock_gettime(CLOCK_MONOTONIC, &when);
	if (vmqos_top_sample(top))
		return vmqos_say_failure(top->cli);
	for (done = 0; !samples || done < samples; done++) {
		int err;

		sleep_until(&when, options->interval_ns);
		err = vmqos_top_sample(top);
		/* VMs that never stand still are worth another try. */
		if (err == -EAGAIN)
			continue;
		if (err)
			return vmqos_say_failure(top->cli);
		vmqos_top_sort(top, &options->order);
		result = print(top, options);
		if (result)
			return result;
		/* A reader that left ends us. */
		if (fflush(stdout))
			return VMQOS_EXIT_FAILED;
	}
	return VMQOS_EXIT_OK;
}

static double interval_s(const struct vmqos_top *top)
{
	return (top->now.host.time_ns - top->before.host.time_ns) / 1e9;
}

/* --- CSV --- */

static void print_csv_row(const char *clock, double interval, const struct vmqos_top_row *row)
{
	double value;
	size_t i;

	/* Names have neither blanks nor quotes to think of but commas may be there. */
	printf("%s,%.3f,%s,%u,\"%s\",", clock, interval, row->vcpu ? "vcpu" : "vm", row->vm_id,
	       row->name);
	if (row->vcpu)
		printf("%u,,", row->vcpu->index);
	else
		printf(",%u,", row->vcpus);
	for (i = 0; i < vmqos_top_column_count; i++) {
		const struct vmqos_top_column *column = &vmqos_top_columns[i];

		putchar(',');
		if (vmqos_top_value(column, row, &value))
			printf("%.*f", column->digits + 1, value);
	}
	putchar('\n');
}

static int print_csv(struct vmqos_top *top, const struct vmqos_top_options *options)
{
	double interval = interval_s(top);
	char clock[VMQOS_CLOCK_SIZE];
	size_t count;
	size_t i, j;

	(void)options;
	vmqos_clock_date(clock);
	printf("%s,%.3f,host,,,,%u,%llu", clock, interval, top->now.host.vcpus,
	       (unsigned long long)top->now.host.capacity_mhz);
	for (i = 0; i < vmqos_top_column_count; i++) {
		const char *key = vmqos_top_columns[i].key;

		putchar(',');
		if (top->host.used < 0)
			continue;
		if (!strcmp(key, "used_pct"))
			printf("%.2f", top->host.used * top->host.cpus);
		else if (!strcmp(key, "used_mhz"))
			printf("%.1f", top->host.used_mhz);
	}
	putchar('\n');
	for (i = 0; i < top->row_count; i++) {
		const struct vmqos_top_row *vcpus;

		print_csv_row(clock, interval, &top->rows[i]);
		vcpus = vmqos_top_vcpus_of(top, top->rows[i].vm_id, &count);
		for (j = 0; j < count; j++)
			print_csv_row(clock, interval, &vcpus[j]);
	}
	return VMQOS_EXIT_OK;
}

int vmqos_top_csv(struct vmqos_top *top, const struct vmqos_top_options *options)
{
	size_t i;

	printf("time,interval_s,kind,id,name,vcpu,vcpus,capacity_mhz");
	for (i = 0; i < vmqos_top_column_count; i++)
		printf(",%s", vmqos_top_columns[i].key);
	putchar('\n');
	return run_samples(top, options, options->samples, print_csv);
}

/* --- JSON --- */

static void write_columns(struct vmqos_out *out, const struct vmqos_top_row *row)
{
	double value;
	size_t i;

	for (i = 0; i < vmqos_top_column_count; i++) {
		const struct vmqos_top_column *column = &vmqos_top_columns[i];

		if (row->vcpu && column->vm_only)
			continue;
		if (vmqos_top_value(column, row, &value) && isfinite(value))
			vmqos_out_real(out, column->key, NULL, value, column->digits + 1);
		else
			vmqos_out_none(out, column->key, NULL, "");
	}
}

static void write_use(struct vmqos_out *out, const struct vmqos_top_use *use)
{
	vmqos_out_u64(out, "cpus", NULL, use->cpus);
	vmqos_out_u64(out, "capacity_mhz", NULL, use->capacity_mhz);
	if (use->used >= 0) {
		vmqos_out_real(out, "used_pct", NULL, use->used * use->cpus, 2);
		vmqos_out_real(out, "used_mhz", NULL, use->used_mhz, 1);
	} else {
		vmqos_out_none(out, "used_pct", NULL, "");
		vmqos_out_none(out, "used_mhz", NULL, "");
	}
}

static void write_host(struct vmqos_out *out, const struct vmqos_top *top)
{
	size_t i;

	vmqos_out_object(out, "host");
	write_use(out, &top->host);
	vmqos_out_u64(out, "vms", NULL, top->now.host.vms);
	vmqos_out_u64(out, "vcpus", NULL, top->now.host.vcpus);
	vmqos_out_array(out, "nodes");
	for (i = 0; i < top->now.node_count; i++) {
		vmqos_out_object(out, NULL);
		vmqos_out_u64(out, "node", NULL, top->now.nodes[i].node);
		write_use(out, &top->nodes[i]);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	vmqos_out_end(out);
}

static void write_vm(struct vmqos_out *out, const struct vmqos_top *top,
		     const struct vmqos_top_row *row)
{
	const struct vmqos_top_row *vcpus;
	size_t count;
	size_t i;

	vmqos_out_object(out, NULL);
	vmqos_out_u64(out, "id", NULL, row->vm_id);
	vmqos_out_str(out, "name", NULL, row->name);
	vmqos_out_u64(out, "vcpus", NULL, row->vcpus);
	write_columns(out, row);
	if (row->expanded) {
		vcpus = vmqos_top_vcpus_of(top, row->vm_id, &count);
		vmqos_out_array(out, "vcpu");
		for (i = 0; i < count; i++) {
			vmqos_out_object(out, NULL);
			vmqos_out_u64(out, "index", NULL, vcpus[i].vcpu->index);
			vmqos_out_str(out, "state", NULL,
				      vmqos_vcpu_state_name(vcpus[i].vcpu->state));
			write_columns(out, &vcpus[i]);
			vmqos_out_end(out);
		}
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
}

static int print_json(struct vmqos_top *top, const struct vmqos_top_options *options)
{
	struct vmqos_out *out = vmqos_out_begin(VMQOS_OUT_JSON_LINE);
	char clock[VMQOS_CLOCK_SIZE];
	size_t i;

	(void)options;
	vmqos_clock_date(clock);
	vmqos_out_str(out, "time", NULL, clock);
	vmqos_out_real(out, "interval_s", NULL, interval_s(top), 3);
	write_host(out, top);
	vmqos_out_array(out, "vms");
	for (i = 0; i < top->row_count; i++)
		write_vm(out, top, &top->rows[i]);
	vmqos_out_end(out);
	vmqos_out_finish(out);
	return VMQOS_EXIT_OK;
}

int vmqos_top_json(struct vmqos_top *top, const struct vmqos_top_options *options)
{
	return run_samples(top, options, options->samples, print_json);
}

/* --- one table --- */

static int screen_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	if (columns && !vmqos_number_parse(columns, 20, 4096, &width))
		return width;
	return WIDTH_DEFAULT;
}

static int print_table(struct vmqos_top *top, const struct vmqos_top_options *options)
{
	char lines[VMQOS_TOP_HEADER_LINES][VMQOS_TOP_LINE_SIZE];
	char text[VMQOS_TOP_LINE_SIZE];
	struct vmqos_top_layout layout;
	size_t count;
	int header;
	size_t i, j;

	(void)options;
	header = vmqos_top_header(top, lines);
	for (i = 0; i < (size_t)header; i++)
		puts(lines[i]);
	putchar('\n');
	vmqos_top_lay_out(top, NULL, screen_width(), &layout);
	vmqos_top_heading(&layout, text, sizeof(text));
	puts(text);
	for (i = 0; i < top->row_count; i++) {
		const struct vmqos_top_row *vcpus;

		vmqos_top_line(&layout, &top->rows[i], text, sizeof(text));
		puts(text);
		vcpus = vmqos_top_vcpus_of(top, top->rows[i].vm_id, &count);
		for (j = 0; j < count; j++) {
			vmqos_top_line(&layout, &vcpus[j], text, sizeof(text));
			puts(text);
		}
	}
	if (!top->row_count)
		puts("No VM is adopted; \"vmqos adopt --all\" adopts those of this host");
	return VMQOS_EXIT_OK;
}

int vmqos_top_table(struct vmqos_top *top, const struct vmqos_top_options *options)
{
	return run_samples(top, options, 1, print_table);
}
