/* SPDX-License-Identifier: GPL-2.0 */
/* The VMs of the host: which are adopted, by whom, and what the policy wants. */
#ifndef VMQOS_DAEMON_FLEET_H
#define VMQOS_DAEMON_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include <vmqos/vmqos.h>

struct vmqos_member;
struct vmqos_policy;
struct vmqos_fleet;

struct vmqos_fleet *vmqos_fleet_new(struct vmqos *ctx);
void vmqos_fleet_free(struct vmqos_fleet *fleet);

int vmqos_fleet_learn(struct vmqos_fleet *fleet);
int vmqos_fleet_adopt(struct vmqos_fleet *fleet, const struct vmqos_policy *policy, uint32_t pid,
		      unsigned int *adopted);
int vmqos_fleet_reconcile(struct vmqos_fleet *fleet, const struct vmqos_policy *policy);
void vmqos_fleet_event(struct vmqos_fleet *fleet, const struct vmqos_policy *policy,
		       const struct vmqos_event *event);
void vmqos_fleet_lost(struct vmqos_fleet *fleet);
bool vmqos_fleet_owes(const struct vmqos_fleet *fleet);
void vmqos_fleet_retry(struct vmqos_fleet *fleet);
void vmqos_fleet_forget(struct vmqos_fleet *fleet);
void vmqos_fleet_release_own(struct vmqos_fleet *fleet);
unsigned int vmqos_fleet_count(const struct vmqos_fleet *fleet);
unsigned int vmqos_fleet_changes(const struct vmqos_fleet *fleet);
void vmqos_fleet_each(const struct vmqos_fleet *fleet,
		      void (*each)(void *ctx, const struct vmqos_member *member), void *ctx);

#endif
