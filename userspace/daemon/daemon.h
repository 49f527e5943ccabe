/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon as a whole. */
#ifndef VMQOS_DAEMON_DAEMON_H
#define VMQOS_DAEMON_DAEMON_H

#include <stdbool.h>

#define VMQOS_DAEMON_CONFIG	"/etc/vmqos"

/**
 * struct vmqos_daemon_options - what the command line says
 * @config: folder of the policy files
 * @config_given: it was named, so it must exist
 * @release_on_exit: release on exit what the daemon has adopted
 * @socket: where clients connect, NULL: nowhere
 */
struct vmqos_daemon_options {
	const char *config;
	bool config_given;
	bool release_on_exit;
	const char *socket;
};

int vmqos_daemon_check(const struct vmqos_daemon_options *options);
int vmqos_daemon_once(const struct vmqos_daemon_options *options);
int vmqos_daemon_run(const struct vmqos_daemon_options *options);

#endif
