/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_GUEST_H
#define _VMQOS_CPU_GUEST_H

#include <linux/types.h>

int vmqos_guest_init(void);
int vmqos_guest_get(void);
void vmqos_guest_put(void);
bool vmqos_guest_time(void);
int vmqos_guest_set_time(bool on);

#endif /* _VMQOS_CPU_GUEST_H */
