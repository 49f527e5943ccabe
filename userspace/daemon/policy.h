/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Policy files: what an administrator wants of the host and of each VM.
 *
 * Nothing here knows the kernel: text goes in, settings come out, so that the
 * whole of it is tested and fuzzed as it is.
 */
#ifndef VMQOS_DAEMON_POLICY_H
#define VMQOS_DAEMON_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmqos/vmqos.h>

/* The settings of a VM and of the host, each with a bit that says it was given. */
enum {
	VMQOS_POLICY_VM_ADOPT	= 1u << 0,
	VMQOS_POLICY_VM_NAME	= 1u << 1,
};

enum {
	VMQOS_POLICY_HOST_GUEST_TIME	= 1u << 0,
	VMQOS_POLICY_HOST_SCAN_PERIOD	= 1u << 1,
};

/**
 * struct vmqos_policy_vm - what the policy wants of one VM
 * @present: which of the settings are given (VMQOS_POLICY_VM_*)
 * @adopt: whether the VM is to be adopted
 * @name: name under which it is to be adopted
 */
struct vmqos_policy_vm {
	unsigned int present;
	bool adopt;
	char name[VMQOS_NAME_MAX + 1];
};

/**
 * struct vmqos_policy_host - what the policy wants of the host
 * @present: which of the settings are given (VMQOS_POLICY_HOST_*)
 * @guest_time: whether time in guest mode is measured
 * @scan_period_ms: how often the kernel looks for new vCPUs, in ms
 */
struct vmqos_policy_host {
	unsigned int present;
	bool guest_time;
	unsigned int scan_period_ms;
};

/**
 * typedef vmqos_policy_report - told of every error
 * @ctx: the caller's
 * @file: file that is wrong
 * @line: line in it, from 1; 0 when the file as a whole is meant
 * @message: what is wrong and what to do, without a newline
 */
typedef void (*vmqos_policy_report)(void *ctx, const char *file, unsigned int line,
				    const char *message);

struct vmqos_policy;

struct vmqos_policy *vmqos_policy_new(void);
void vmqos_policy_free(struct vmqos_policy *policy);

int vmqos_policy_parse(struct vmqos_policy *policy, const char *file, const char *text,
		       size_t size, vmqos_policy_report report, void *ctx);
int vmqos_policy_read(struct vmqos_policy *policy, const char *folder,
		      vmqos_policy_report report, void *ctx);

void vmqos_policy_match(const struct vmqos_policy *policy, const char *name,
			const uint8_t *uuid, struct vmqos_policy_vm *out);
const struct vmqos_policy_host *vmqos_policy_host(const struct vmqos_policy *policy);
unsigned int vmqos_policy_sections(const struct vmqos_policy *policy);

#endif
