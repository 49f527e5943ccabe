/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text and JSON from the same calls. The output is one object; a field has a
 * key for JSON and a label for people. As text the object's own fields are
 * lines "label: value", an array of objects is a table whose columns are the
 * labels, and everything deeper is in JSON only. TSV is the table's cells as
 * in JSON, separated by tabs, without a heading.
 */
#ifndef VMQOS_CLI_OUT_H
#define VMQOS_CLI_OUT_H

#include <stdbool.h>
#include <stdint.h>

enum vmqos_out_mode {
	VMQOS_OUT_TEXT,
	VMQOS_OUT_JSON,
	VMQOS_OUT_JSON_LINE,	/* without line breaks inside */
	VMQOS_OUT_TSV,
};

struct vmqos_out;

/* Begins the output. There is always one: without memory the tool ends. */
struct vmqos_out *vmqos_out_begin(enum vmqos_out_mode mode);

/* Writes it all to stdout and frees it. */
void vmqos_out_finish(struct vmqos_out *out);

/* Whether the output is for a person. */
bool vmqos_out_is_text(const struct vmqos_out *out);

/* Whether it is for a script, in cells. */
bool vmqos_out_is_tsv(const struct vmqos_out *out);

/* A member of the object (@key NULL: of the array) that is open. */
void vmqos_out_object(struct vmqos_out *out, const char *key);
void vmqos_out_array(struct vmqos_out *out, const char *key);

/* Ends the object or array opened last. */
void vmqos_out_end(struct vmqos_out *out);

/*
 * Fields; with @key NULL elements of an array. @label NULL: not in text.
 * vmqos_out_none() is null in JSON and @text for a person.
 */
void vmqos_out_str(struct vmqos_out *out, const char *key, const char *label, const char *value);
void vmqos_out_u64(struct vmqos_out *out, const char *key, const char *label, uint64_t value);
void vmqos_out_s64(struct vmqos_out *out, const char *key, const char *label, int64_t value);
void vmqos_out_bool(struct vmqos_out *out, const char *key, const char *label, bool value);
void vmqos_out_real(struct vmqos_out *out, const char *key, const char *label, double value,
		    int digits);
void vmqos_out_none(struct vmqos_out *out, const char *key, const char *label, const char *text);

/* A number in JSON, @text for a person. */
void vmqos_out_u64_text(struct vmqos_out *out, const char *key, const char *label, uint64_t value,
			const char *text);

#endif
