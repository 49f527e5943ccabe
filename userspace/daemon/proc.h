/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon reads from /proc itself. */
#ifndef VMQOS_DAEMON_PROC_H
#define VMQOS_DAEMON_PROC_H

#include <stdint.h>

int vmqos_proc_of_thread(uint32_t tid, uint32_t *pid);
uint64_t vmqos_proc_birth(uint32_t pid);

#endif
