/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_STAT_NL_H
#define _VMQOS_CPU_STAT_NL_H

struct vmqos_vcpu;

void vmqos_event_vcpu(struct vmqos_vcpu *vcpu);

#endif /* _VMQOS_CPU_STAT_NL_H */
