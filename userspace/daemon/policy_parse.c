// SPDX-License-Identifier: GPL-2.0
/*
 * The text of a policy file: sections, keys, comments.
 *
 *	[vm "web-*"]		# a pattern, or a name without wildcards
 *	adopt = yes
 *	[vm uuid=UUID]
 *	[host]
 *	[daemon]
 *
 * An error does not end the reading: all of a file's errors are told at once.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_internal.h"

/* Enough for a sentence that quotes a name or key; longer ones are cut. */
#define MESSAGE_SIZE	320

struct reader {
	struct vmqos_policy *policy;
	struct vmqos_policy_section *section;	/* NULL before the first and after a bad head */
	bool skip;				/* after a bad head its keys are passed over */
	const char *file;
	unsigned int line;
	vmqos_policy_report report;
	void *ctx;
	int errors;
};

__attribute__((format(printf, 2, 3)))
static void complain(struct reader *reader, const char *format, ...)
{
	char message[MESSAGE_SIZE], *c;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	/* What is quoted from the file must not steer a terminal. */
	for (c = message; *c; c++) {
		if (iscntrl((unsigned char)*c))
			*c = '?';
	}
	reader->report(reader->ctx, reader->file, reader->line, message);
	reader->errors++;
}

static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* Cut a comment: '#' or ';' first on the line, or '#' after a blank; quotes protect it. */
static void cut_comment(char *text)
{
	bool quoted = false, blank = true;

	if (*text == ';')
		*text = '\0';
	for (; *text; text++) {
		if (*text == '#' && blank && !quoted) {
			*text = '\0';
			return;
		}
		if (*text == '\\' && quoted && text[1])
			text++;
		else if (*text == '"')
			quoted = !quoted;
		blank = isspace((unsigned char)*text);
	}
}

/*
 * Take the string that @text opens with its quote and bring it to the front of
 * the buffer. \" stands for a quote; other backslashes stay, patterns use them.
 * Return what follows the closing quote, or NULL without one.
 */
static char *unquote(char *text)
{
	char *to = text, *from = text + 1;

	while (*from && *from != '"') {
		if (*from == '\\' && from[1] == '"')
			from++;
		else if (*from == '\\' && from[1])
			*to++ = *from++;
		*to++ = *from++;
	}
	if (!*from)
		return NULL;
	*to = '\0';
	return from + 1;
}

/* Whether a name is a pattern, and how many of its characters stand for themselves. */
static bool is_pattern(const char *text, unsigned int *literals, bool *open)
{
	bool pattern = false;
	const char *end;

	*literals = 0;
	*open = false;
	for (; *text; text++) {
		switch (*text) {
		case '*':
		case '?':
			pattern = true;
			break;
		case '[':
			pattern = true;
			/* A ']' right after the '[' or '[!' is a member of the set. */
			end = text + 1;
			if (*end == '!' || *end == '^')
				end++;
			if (*end == ']')
				end++;
			end = strchr(end, ']');
			if (!end) {
				*open = true;
				return true;
			}
			text = end;
			break;
		case '\\':
			pattern = true;
			if (text[1])
				text++;
			(*literals)++;
			break;
		default:
			(*literals)++;
		}
	}
	return pattern;
}

static bool same(const struct vmqos_policy_section *a, const struct vmqos_policy_section *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case VMQOS_POLICY_HOST:
	case VMQOS_POLICY_DAEMON:
		return true;
	case VMQOS_POLICY_UUID:
		return memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0;
	default:
		return strcmp(a->match, b->match) == 0;
	}
}

/* Make a section current; -ENOMEM ends the reading, other troubles are told. */
static int begin(struct reader *reader, const struct vmqos_policy_section *like, const char *match)
{
	struct vmqos_policy_section *section;
	size_t size = strlen(match) + 1;

	section = calloc(1, sizeof(*section) + size);
	if (!section)
		return -ENOMEM;
	*section = *like;
	memcpy(section->match, match, size);
	section->line = reader->line;
	section->file = strdup(reader->file);
	if (!section->file) {
		free(section);
		return -ENOMEM;
	}

	/* Linear for each section, but files have tens of them, not thousands. */
	for (struct vmqos_policy_section *other = reader->policy->first; other;
	     other = other->next) {
		if (!same(section, other))
			continue;
		complain(reader, "this section is already at %s:%u: put the keys of both into one",
			 other->file, other->line);
		break;
	}
	*reader->policy->last = section;
	reader->policy->last = &section->next;
	reader->policy->sections++;
	reader->section = section;
	return 0;
}

/* [vm "NAME or pattern"] or [vm uuid=UUID]; @text follows the word vm. */
static int read_vm_head(struct reader *reader, char *text)
{
	struct vmqos_policy_section like = { .kind = VMQOS_POLICY_NAME };
	bool open;
	char *rest;

	text = trim(text);
	if (*text == '"') {
		rest = unquote(text);
		if (!rest) {
			complain(reader,
				 "the name in the section head has no closing quote: write [vm \"NAME\"]");
			return 0;
		}
		if (*trim(rest)) {
			complain(reader,
				 "'%s' after the name in the section head: write [vm \"NAME\"] and nothing else",
				 trim(rest));
			return 0;
		}
		if (!*text) {
			complain(reader,
				 "the name in the section head is empty: give a name, or \"*\" for every VM");
			return 0;
		}
		if (strlen(text) > VMQOS_NAME_MAX * 4) {
			complain(reader,
				 "the name in the section head has %zu bytes: give at most %d",
				 strlen(text), VMQOS_NAME_MAX * 4);
			return 0;
		}
		if (is_pattern(text, &like.literals, &open))
			like.kind = VMQOS_POLICY_PATTERN;
		if (open) {
			complain(reader,
				 "the pattern \"%s\" has a '[' without ']': close the set, or write '\\[' for the character",
				 text);
			return 0;
		}
		if (like.kind == VMQOS_POLICY_NAME && vmqos_name_check(text)) {
			complain(reader, "no VM can have the name \"%s\": %s", text,
				 vmqos_name_check(text));
			return 0;
		}
		return begin(reader, &like, text);
	}
	if (strncmp(text, "uuid", 4) == 0 && *trim(text + 4) == '=') {
		text = trim(trim(text + 4) + 1);
		like.kind = VMQOS_POLICY_UUID;
		if (vmqos_uuid_parse(text, like.uuid)) {
			complain(reader,
				 "'%s' is no UUID: write it like [vm uuid=01234567-89ab-cdef-0123-456789abcdef]",
				 text);
			return 0;
		}
		return begin(reader, &like, "");
	}
	complain(reader,
		 "the section head does not say which VM: write [vm \"NAME\"], with the quotes, or [vm uuid=UUID]");
	return 0;
}

static int read_head(struct reader *reader, char *text)
{
	static const struct vmqos_policy_section host = { .kind = VMQOS_POLICY_HOST };
	static const struct vmqos_policy_section daemon = {
		.kind = VMQOS_POLICY_DAEMON, .daemon.cgroup_weights = true,
	};
	size_t length = strlen(text);

	reader->section = NULL;
	reader->skip = true;
	if (text[length - 1] != ']') {
		complain(reader,
			 "the section head '%s' does not end in ']': write [vm \"NAME\"], [vm uuid=UUID], [host] or [daemon]",
			 text);
		return 0;
	}
	text[length - 1] = '\0';
	text = trim(text + 1);
	if (strcmp(text, "host") == 0)
		return begin(reader, &host, "");
	if (strcmp(text, "daemon") == 0)
		return begin(reader, &daemon, "");
	if (strncmp(text, "vm", 2) == 0 &&
	    (!text[2] || text[2] == '"' || isspace((unsigned char)text[2])))
		return read_vm_head(reader, text + 2);
	complain(reader,
		 "unknown section '[%s]': write [vm \"NAME\"], [vm uuid=UUID], [host] or [daemon]",
		 text);
	return 0;
}

static void read_key(struct reader *reader, char *text)
{
	char error[MESSAGE_SIZE - 16];
	char *value = strchr(text, '='), *rest;

	if (!value) {
		complain(reader,
			 "'%s' is neither a section nor a setting: write 'KEY = VALUE', or '#' before a comment",
			 text);
		return;
	}
	*value++ = '\0';
	text = trim(text);
	value = trim(value);
	if (!reader->section) {
		if (!reader->skip)
			complain(reader,
				 "'%s' stands before the first section: put [vm \"*\"] or [host] above it",
				 text);
		return;
	}
	if (*value == '"') {
		rest = unquote(value);
		if (!rest || *trim(rest)) {
			complain(reader,
				 "the value of %s %s: write %s = VALUE or %s = \"VALUE\"", text,
				 rest ? "goes on after its closing quote" : "has no closing quote",
				 text, text);
			return;
		}
	}
	if (vmqos_policy_set_key(reader->section, text, value, error, sizeof(error)))
		complain(reader, "%s", error);
}

static int read_line(struct reader *reader, char *text, size_t length)
{
	if (memchr(text, '\0', length)) {
		complain(reader, "the line has a NUL byte: policy files are plain text");
		return 0;
	}
	text = trim(text);
	cut_comment(text);
	text = trim(text);
	if (!*text)
		return 0;
	if (*text == '[')
		return read_head(reader, text);
	read_key(reader, text);
	return 0;
}

/* The settings of [host] and [daemon]; a second one has been refused already. */
static void gather(struct vmqos_policy *policy)
{
	struct vmqos_policy_section *section;

	for (section = policy->first; section; section = section->next) {
		if (section->kind == VMQOS_POLICY_HOST)
			policy->host = section->host;
		else if (section->kind == VMQOS_POLICY_DAEMON)
			policy->daemon = section->daemon;
	}
}

/**
 * vmqos_policy_parse() - add the text of a file to a policy
 * @policy: the policy
 * @file: name of the file, for messages
 * @text: its content, not necessarily closed by NUL
 * @size: bytes of it
 * @report: told of every error
 * @ctx: handed to @report
 *
 * Return: the number of errors; what was right is in the policy then, which is
 * best thrown away. -ENOMEM when memory ran out.
 */
int vmqos_policy_parse(struct vmqos_policy *policy, const char *file, const char *text,
		       size_t size, vmqos_policy_report report, void *ctx)
{
	struct reader reader = { .policy = policy, .file = file, .report = report, .ctx = ctx };
	const char *end = text + size, *next;
	char *line;
	int ret = 0;

	/* Editors of other systems put a byte order mark first. */
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < end && !ret; text = next) {
		const char *newline = memchr(text, '\n', end - text);
		size_t length = (newline ? newline : end) - text;

		next = newline ? newline + 1 : end;
		line = malloc(length + 1);
		if (!line)
			return -ENOMEM;
		memcpy(line, text, length);
		line[length] = '\0';
		reader.line++;
		ret = read_line(&reader, line, length);
		free(line);
	}
	if (ret)
		return ret;
	gather(policy);
	return reader.errors;
}
