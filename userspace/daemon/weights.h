/* SPDX-License-Identifier: GPL-2.0 */
/* The CPU weights of the VMs' cgroups, in proportion to what the VMs are entitled to. */
#ifndef VMQOS_DAEMON_WEIGHTS_H
#define VMQOS_DAEMON_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct vmqos_weights_vm - a VM at the end of a period
 * @id: its number
 * @pid: process of its VMM
 * @shares: its CPU shares
 * @entitled_ns: counter of the CPU time that it was entitled to
 * @busy_ns: counter of the time that its vCPUs ran or waited for a CPU
 */
struct vmqos_weights_vm {
	uint32_t id;
	uint32_t pid;
	uint32_t shares;
	uint64_t entitled_ns;
	uint64_t busy_ns;
};

/**
 * struct vmqos_weights_claim - a VM among those that share a parent cgroup
 * @entitled_ns: CPU time that it was entitled to in the period
 * @busy_ns: time that its vCPUs ran or waited for a CPU; 0 where a weight is the cgroup's
 *	as a whole
 * @shares: its CPU shares
 * @original: weight that its cgroup had
 * @weight: filled
 */
struct vmqos_weights_claim {
	uint64_t entitled_ns;
	uint64_t busy_ns;
	uint32_t shares;
	uint32_t original;
	uint32_t weight;
};

void vmqos_weights_divide(struct vmqos_weights_claim *claims, size_t count, uint64_t period_ns,
			  bool others);

bool vmqos_weights_for_each(const char *mode, const char *release);

struct vmqos_weights;

struct vmqos_weights *vmqos_weights_new(const char *proc, const char *mount, bool for_each);
void vmqos_weights_free(struct vmqos_weights *weights);
void vmqos_weights_keep(struct vmqos_weights *weights, const struct vmqos_weights_vm *vms,
			size_t count, uint64_t now_ns);
void vmqos_weights_restore(struct vmqos_weights *weights);

#endif
