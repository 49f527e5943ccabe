/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_SCAN_H
#define _VMQOS_CORE_SCAN_H

#include <linux/types.h>

struct work_struct;

/* Range and default of the scan period, in ms. */
#define VMQOS_SCAN_PERIOD_MIN 10
#define VMQOS_SCAN_PERIOD_MAX 10000
#define VMQOS_SCAN_PERIOD_DEFAULT 100

int vmqos_scan_init(void);
void vmqos_scan_exit(void);
void vmqos_scan_start(void);
void vmqos_scan_kick(void);
void vmqos_scan_queue(struct work_struct *work);
u32 vmqos_scan_period(void);
void vmqos_scan_set_period(u32 ms);

#endif /* _VMQOS_CORE_SCAN_H */
