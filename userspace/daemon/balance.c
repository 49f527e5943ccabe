// SPDX-License-Identifier: GPL-2.0
/* From what the kernel says of the VMs to the weights of their cgroups. */
#include <stdlib.h>

#include "balance.h"
#include "weights.h"

/* Both lists are in the order of the VMs' numbers. */
static size_t join(const struct vmqos_vm *vms, size_t count, const struct vmqos_vm_stat *stats,
		   size_t stat_count, struct vmqos_weights_vm *out)
{
	size_t used = 0, i, j = 0;

	for (i = 0; i < count; i++) {
		while (j < stat_count && stats[j].id < vms[i].id)
			j++;
		if (j == stat_count || stats[j].id != vms[i].id ||
		    vms[i].state != VMQOS_VM_ACTIVE)
			continue;
		out[used++] = (struct vmqos_weights_vm) {
			.id = vms[i].id,
			.pid = vms[i].pid,
			.shares = vms[i].cpu_shares,
			.entitled_ns = stats[j].stats.entitled_ns,
			.busy_ns = stats[j].stats.run_ns + stats[j].stats.ready_ns,
		};
	}
	return used;
}

/**
 * vmqos_balance() - weigh the VMs' cgroups by the period that has ended
 * @ctx: the library's context
 * @weights: the weights
 *
 * While policies are not enforced, or the module is away, all weights are put
 * back. A reading that fails for once changes nothing.
 */
void vmqos_balance(struct vmqos *ctx, struct vmqos_weights *weights)
{
	struct vmqos_vm_stat *stats = NULL;
	struct vmqos_weights_vm *list;
	struct vmqos_vm *vms = NULL;
	size_t count, stat_count;
	struct vmqos_host host;

	if (vmqos_host_get(ctx, -1, &host) || !host.cpu_gate) {
		vmqos_weights_restore(weights);
		return;
	}
	if (vmqos_vm_dump(ctx, &vms, &count) || vmqos_vm_stat_dump(ctx, &stats, &stat_count))
		goto out;
	list = calloc(count + 1, sizeof(*list));
	if (list) {
		count = join(vms, count, stats, stat_count, list);
		vmqos_weights_keep(weights, list, count, host.time_ns);
		free(list);
	}
out:
	free(vms);
	free(stats);
}
