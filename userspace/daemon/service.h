/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's socket. */
#ifndef VMQOS_DAEMON_SERVICE_H
#define VMQOS_DAEMON_SERVICE_H

#include <systemd/sd-event.h>

#define VMQOS_SERVICE_SOCKET	"/run/vmqos/vmqosd.sock"
/* Members of this group may use it beside root. */
#define VMQOS_SERVICE_GROUP	"vmqos"

struct vmqos_balloons;
struct vmqos_service;

int vmqos_service_open(struct vmqos_service **service, sd_event *loop, const char *path,
		       struct vmqos_balloons *balloons);
void vmqos_service_close(struct vmqos_service *service);

#endif
