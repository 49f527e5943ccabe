/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface as a table, for tests that go through all of it: which command
 * takes which attributes, and what a well-formed answer looks like.
 */
#ifndef VMQOS_SELFTESTS_SCHEMA_H
#define VMQOS_SELFTESTS_SCHEMA_H

#include "raw.h"

enum vmqos_schema_kind {
	VMQOS_KIND_U32,
	VMQOS_KIND_S32,
	VMQOS_KIND_U64,
	VMQOS_KIND_S64,
	VMQOS_KIND_NAME,	/* a VM's name */
	VMQOS_KIND_TEXT,
	VMQOS_KIND_WORD,	/* a device's name, or a reason: a string of at most 31 bytes */
	VMQOS_KIND_UUID,
	VMQOS_KIND_HISTOGRAM,
	VMQOS_KIND_STATS,
	VMQOS_KIND_MEM,
	VMQOS_KIND_REFUSED,
	VMQOS_KIND_GUEST,
	VMQOS_KIND_PAD,
};

/**
 * struct vmqos_schema_attr - an attribute
 * @name: its name in the specification
 * @type: its number
 * @kind: what its bytes are
 * @always: every answer has it
 * @min: smallest number
 * @max: greatest number, 0 for no bound
 */
struct vmqos_schema_attr {
	const char *name;
	uint16_t type;
	enum vmqos_schema_kind kind;
	bool always;
	uint32_t min, max;
};

/**
 * struct vmqos_schema_list - some attributes
 * @attrs: the attributes
 * @count: their number
 */
struct vmqos_schema_list {
	const struct vmqos_schema_attr *attrs;
	unsigned int count;
};

/**
 * struct vmqos_schema_cmd - a command or event
 * @name: its name in the specification
 * @cmd: its number
 * @can_do: it can be asked for one object
 * @can_dump: it can be asked for all
 * @changes: it changes state and so needs privilege
 * @request: attributes of a request for one object
 * @dump: attributes of a request for all
 * @reply: attributes of each answer
 */
struct vmqos_schema_cmd {
	const char *name;
	uint8_t cmd;
	bool can_do, can_dump, changes;
	struct vmqos_schema_list request, dump, reply;
};

extern const struct vmqos_schema_cmd vmqos_schema[];
extern const unsigned int vmqos_schema_cmds;

const struct vmqos_schema_cmd *vmqos_schema_find(uint8_t cmd);
size_t vmqos_schema_size(enum vmqos_schema_kind kind);
bool vmqos_schema_name_valid(const char *name, size_t len);
bool vmqos_schema_check(const struct nlmsghdr *nlh, char *why, size_t size);
bool vmqos_schema_check_all(const struct vmqos_raw_answer *answer, uint8_t cmd, char *why,
			    size_t size);

#endif
