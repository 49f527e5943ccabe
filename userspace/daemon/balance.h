/* SPDX-License-Identifier: GPL-2.0 */
/* From what the kernel says of the VMs to the weights of their cgroups. */
#ifndef VMQOS_DAEMON_BALANCE_H
#define VMQOS_DAEMON_BALANCE_H

#include <vmqos/vmqos.h>

struct vmqos_weights;

void vmqos_balance(struct vmqos *ctx, struct vmqos_weights *weights);

#endif
