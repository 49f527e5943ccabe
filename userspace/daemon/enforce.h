/* SPDX-License-Identifier: GPL-2.0 */
/* Bringing the CPU policy of VMs and of the host to what the files say. */
#ifndef VMQOS_DAEMON_ENFORCE_H
#define VMQOS_DAEMON_ENFORCE_H

#include <stdbool.h>

#include <vmqos/vmqos.h>

struct vmqos_member;
struct vmqos_policy_host;
struct vmqos_policy_vm;

void vmqos_enforce_host(struct vmqos *ctx, const struct vmqos_policy_host *wanted);
void vmqos_enforce_vm(struct vmqos *ctx, struct vmqos_member *member,
		      const struct vmqos_policy_vm *wanted);
void vmqos_enforce_again(struct vmqos *ctx, struct vmqos_member *member);

#endif
