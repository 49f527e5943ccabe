// SPDX-License-Identifier: GPL-2.0
/* Text, TSV and JSON from the same calls. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "out.h"

#define DEPTH_MAX	8

struct cell {
	const char *label;	/* constants of the callers */
	char *text;
	bool number;
};

/*
 * @open: the objects and arrays that are open, the outermost first
 * @cells: of the table or the lines that are being collected
 * @rows: how many rows of the table have ended
 * @columns: cells of the first row
 */
struct vmqos_out {
	enum vmqos_out_mode mode;
	struct json_object *open[DEPTH_MAX];
	int depth;
	struct cell *cells;
	size_t count;
	size_t room;
	size_t rows;
	size_t columns;
	size_t row_start;
};

struct vmqos_out *vmqos_out_begin(enum vmqos_out_mode mode)
{
	struct vmqos_out *out = vmqos_need(calloc(1, sizeof(*out)));

	out->mode = mode;
	out->open[0] = vmqos_need(json_object_new_object());
	return out;
}

bool vmqos_out_is_text(const struct vmqos_out *out)
{
	return out->mode == VMQOS_OUT_TEXT;
}

bool vmqos_out_is_tsv(const struct vmqos_out *out)
{
	return out->mode == VMQOS_OUT_TSV;
}

/* Rows are objects in an array of the outermost object. */
static bool in_row(const struct vmqos_out *out)
{
	return out->depth == 2 && json_object_is_type(out->open[1], json_type_array);
}

static bool in_lines(const struct vmqos_out *out)
{
	return out->depth == 0;
}

static void add_cell(struct vmqos_out *out, const char *label, const char *text, bool number)
{
	struct cell *cell;

	if (out->count == out->room) {
		out->room = out->room ? 2 * out->room : 64;
		out->cells = vmqos_need(reallocarray(out->cells, out->room, sizeof(*out->cells)));
	}
	cell = &out->cells[out->count++];
	cell->label = label;
	cell->text = vmqos_need(strdup(text));
	cell->number = number;
}

static void drop_cells(struct vmqos_out *out)
{
	size_t i;

	for (i = 0; i < out->count; i++)
		free(out->cells[i].text);
	out->count = 0;
	out->rows = 0;
	out->columns = 0;
}

/* Prints the lines "label: value" that are pending. */
static void print_lines(struct vmqos_out *out)
{
	int width = 0;
	size_t i;

	for (i = 0; i < out->count; i++)
		if ((int)strlen(out->cells[i].label) > width)
			width = strlen(out->cells[i].label);
	for (i = 0; i < out->count; i++)
		printf("%s:%*s%s\n", out->cells[i].label,
		       width + 1 - (int)strlen(out->cells[i].label), "", out->cells[i].text);
	drop_cells(out);
}

/* @number: the column has numbers, its heading and its gaps stand with them. */
static void print_cell(const char *text, int width, bool number, bool last)
{
	if (number)
		printf("%*s", width, text);
	else if (last)
		fputs(text, stdout);
	else
		printf("%-*s", width, text);
	fputs(last ? "\n" : "  ", stdout);
}

static void print_table(struct vmqos_out *out)
{
	size_t columns = out->columns;
	size_t column, row;
	bool *numbers;
	int *widths;

	if (!columns)
		return;
	widths = vmqos_need(calloc(columns, sizeof(*widths)));
	numbers = vmqos_need(calloc(columns, sizeof(*numbers)));
	for (column = 0; column < columns; column++) {
		widths[column] = strlen(out->cells[column].label);
		for (row = 0; row < out->rows; row++) {
			const struct cell *cell = &out->cells[row * columns + column];
			int width = strlen(cell->text);

			if (width > widths[column])
				widths[column] = width;
			numbers[column] |= cell->number;
		}
	}
	for (column = 0; column < columns; column++)
		print_cell(out->cells[column].label, widths[column], numbers[column],
			   column + 1 == columns);
	for (row = 0; row < out->rows; row++)
		for (column = 0; column < columns; column++)
			print_cell(out->cells[row * columns + column].text, widths[column],
				   numbers[column], column + 1 == columns);
	free(numbers);
	free(widths);
	drop_cells(out);
}

static void print_tsv(struct vmqos_out *out)
{
	size_t i;

	for (i = 0; i < out->count; i++)
		printf("%s%c", out->cells[i].text, (i + 1) % out->columns ? '\t' : '\n');
	drop_cells(out);
}

static void add(struct vmqos_out *out, const char *key, struct json_object *value)
{
	struct json_object *parent = out->open[out->depth];

	if (key)
		json_object_object_add(parent, key, value);
	else
		json_object_array_add(parent, value);
}

static void open_member(struct vmqos_out *out, const char *key, struct json_object *value)
{
	add(out, key, vmqos_need(value));
	out->open[++out->depth] = value;
	out->row_start = out->count;
}

void vmqos_out_object(struct vmqos_out *out, const char *key)
{
	open_member(out, key, json_object_new_object());
}

void vmqos_out_array(struct vmqos_out *out, const char *key)
{
	if (in_lines(out) && out->mode == VMQOS_OUT_TEXT && out->count) {
		print_lines(out);
		putchar('\n');
	}
	open_member(out, key, json_object_new_array());
}

void vmqos_out_end(struct vmqos_out *out)
{
	bool row = in_row(out);

	out->depth--;
	if (row) {
		if (!out->rows++)
			out->columns = out->count;
		return;
	}
	if (out->depth || !out->rows)
		return;
	if (out->mode == VMQOS_OUT_TEXT)
		print_table(out);
	else if (out->mode == VMQOS_OUT_TSV)
		print_tsv(out);
}

/* Adds the field to the object, and to the table or lines where it shows. */
static void field(struct vmqos_out *out, const char *key, const char *label,
		  struct json_object *value, const char *text, bool number)
{
	add(out, key, value);
	if (!label)
		return;
	if (out->mode == VMQOS_OUT_TEXT && (in_lines(out) || in_row(out)))
		add_cell(out, label, text, number);
	else if (out->mode == VMQOS_OUT_TSV && in_row(out))
		add_cell(out, label, value ? json_object_get_string(value) : "-", number);
}

void vmqos_out_str(struct vmqos_out *out, const char *key, const char *label, const char *value)
{
	field(out, key, label, vmqos_need(json_object_new_string(value)), value, false);
}

void vmqos_out_u64_text(struct vmqos_out *out, const char *key, const char *label, uint64_t value,
			const char *text)
{
	field(out, key, label, vmqos_need(json_object_new_uint64(value)), text, true);
}

void vmqos_out_u64(struct vmqos_out *out, const char *key, const char *label, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	vmqos_out_u64_text(out, key, label, value, text);
}

void vmqos_out_s64(struct vmqos_out *out, const char *key, const char *label, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	field(out, key, label, vmqos_need(json_object_new_int64(value)), text, true);
}

void vmqos_out_bool(struct vmqos_out *out, const char *key, const char *label, bool value)
{
	field(out, key, label, vmqos_need(json_object_new_boolean(value)), value ? "on" : "off",
	      false);
}

void vmqos_out_real(struct vmqos_out *out, const char *key, const char *label, double value,
		    int digits)
{
	char text[64];

	/* The text is what JSON gets too, instead of 17 digits. */
	snprintf(text, sizeof(text), "%.*f", digits, value);
	field(out, key, label, vmqos_need(json_object_new_double_s(value, text)), text, true);
}

void vmqos_out_none(struct vmqos_out *out, const char *key, const char *label, const char *text)
{
	field(out, key, label, NULL, text, false);
}

void vmqos_out_finish(struct vmqos_out *out)
{
	int flags = out->mode == VMQOS_OUT_JSON_LINE ? JSON_C_TO_STRING_PLAIN :
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;

	flags |= JSON_C_TO_STRING_NOSLASHESCAPE;
	if (out->mode == VMQOS_OUT_JSON || out->mode == VMQOS_OUT_JSON_LINE)
		puts(vmqos_need((char *)json_object_to_json_string_ext(out->open[0], flags)));
	else if (out->mode == VMQOS_OUT_TEXT)
		print_lines(out);
	drop_cells(out);
	json_object_put(out->open[0]);
	free(out->cells);
	free(out);
}
