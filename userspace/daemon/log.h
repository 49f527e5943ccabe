/* SPDX-License-Identifier: GPL-2.0 */
/* Messages to stderr; their levels are those of syslog.h. */
#ifndef VMQOS_DAEMON_LOG_H
#define VMQOS_DAEMON_LOG_H

#include <syslog.h>

void vmqos_daemon_log_open(int level);
__attribute__((format(printf, 2, 3)))
void vmqos_daemon_log(int level, const char *format, ...);

#endif
