/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_EPOCH_H
#define _VMQOS_CPU_EPOCH_H

#include "cpu/gate.h"

int vmqos_epoch_init(void);
void vmqos_epoch_exit(void);

#endif /* _VMQOS_CPU_EPOCH_H */
