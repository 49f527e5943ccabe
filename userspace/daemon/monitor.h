/* SPDX-License-Identifier: GPL-2.0 */
/* The way to a VM's QMP monitor. */
#ifndef VMQOS_DAEMON_MONITOR_H
#define VMQOS_DAEMON_MONITOR_H

#include <stddef.h>
#include <stdint.h>

struct vmqos_process;

int vmqos_monitor_find(const struct vmqos_process *process, char *why, size_t size);
int vmqos_monitor_connect(const struct vmqos_process *process, char *why, size_t size);

#endif
