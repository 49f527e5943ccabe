/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the policy share among themselves. */
#ifndef VMQOS_DAEMON_POLICY_INTERNAL_H
#define VMQOS_DAEMON_POLICY_INTERNAL_H

#include "policy.h"

/* From the least to the most specific: a later kind beats an earlier one. */
enum vmqos_policy_kind {
	VMQOS_POLICY_DAEMON,
	VMQOS_POLICY_HOST,
	VMQOS_POLICY_PATTERN,
	VMQOS_POLICY_NAME,
	VMQOS_POLICY_UUID,
};

/**
 * struct vmqos_policy_section - one section as it was read
 * @next: the section read after it
 * @kind: what it speaks of
 * @file: file it stands in
 * @line: line of its head
 * @literals: characters of a pattern that stand for themselves
 * @uuid: for VMQOS_POLICY_UUID
 * @seen: keys already met, one bit for each entry of the key table
 * @vm: what it says, when it speaks of VMs
 * @host: what it says, when it speaks of the host
 * @daemon: what it says, when it speaks of the daemon
 * @match: name or pattern
 */
struct vmqos_policy_section {
	struct vmqos_policy_section *next;
	enum vmqos_policy_kind kind;
	char *file;
	unsigned int line;
	unsigned int literals;
	uint8_t uuid[VMQOS_UUID_SIZE];
	unsigned int seen;
	struct vmqos_policy_vm vm;
	struct vmqos_policy_host host;
	struct vmqos_policy_daemon daemon;
	char match[];
};

struct vmqos_policy {
	struct vmqos_policy_section *first;
	struct vmqos_policy_section **last;
	struct vmqos_policy_host host;
	struct vmqos_policy_daemon daemon;
	unsigned int sections;
};

int vmqos_policy_set_key(struct vmqos_policy_section *section, const char *key,
			 const char *value, char *error, size_t size);

#endif
