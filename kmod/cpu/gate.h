/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_GATE_H
#define _VMQOS_CPU_GATE_H

struct vmqos_cpu_vm;

/**
 * vmqos_gate_policy() - a VM's policy or its number of vCPUs has changed
 * @cvm: the VM
 *
 * Context: process context, vmqos_lock held.
 */
static inline void vmqos_gate_policy(struct vmqos_cpu_vm *cvm)
{
}

/**
 * vmqos_gate_host() - the host's settings have changed
 *
 * Context: process context, vmqos_lock held.
 */
static inline void vmqos_gate_host(void)
{
}

#endif /* _VMQOS_CPU_GATE_H */
