/* SPDX-License-Identifier: GPL-2.0 */
/* vmqosd as the subject of a test: its policy folder, its log, what it tells systemd. */
#ifndef VMQOS_SELFTESTS_SERVICE_H
#define VMQOS_SELFTESTS_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmqos/vmqos.h>

#include "standin.h"

/* How long something may take that is not itself measured, in ms. */
#define PATIENCE	20000

#define STANDINS	64

/**
 * struct vmqos_service - a vmqosd, and all that a test starts beside it
 * @ctx: to look at the kernel with
 * @pid: the vmqosd, 0 when none runs
 * @folder: everything below it is the test's
 * @policy: folder of the policy files
 * @log: what vmqosd has written
 * @notify: where it tells systemd of itself
 * @told: what it has told
 * @kvm_mode: what to set /dev/kvm's mode back to, 0 when it was not changed
 * @wrapper: command that executes vmqosd, or NULL
 * @standins: stand-ins that end with the test
 * @standin_count: their number
 */
struct vmqos_service {
	struct vmqos *ctx;
	pid_t pid;
	char folder[64];
	char policy[96];
	char log[96];
	int notify;
	char told[8192];
	mode_t kvm_mode;
	const char *const *wrapper;
	struct vmqos_standin standins[STANDINS];
	unsigned int standin_count;
};

const char *vmqos_service_missing(void);
int vmqos_service_init(struct vmqos_service *service);
int vmqos_service_open_to_all(struct vmqos_service *service);
int vmqos_service_exit(struct vmqos_service *service);

int vmqos_service_write(struct vmqos_service *service, const char *file, const char *text);
void vmqos_service_start(struct vmqos_service *service, const char *const *options);
int vmqos_service_wait(struct vmqos_service *service);
int vmqos_service_stop(struct vmqos_service *service, int signal);
int vmqos_service_run(struct vmqos_service *service, const char *const *options);
bool vmqos_service_alive(struct vmqos_service *service);
int vmqos_service_ready(struct vmqos_service *service);

bool vmqos_service_told(struct vmqos_service *service, const char *message, int timeout_ms);
bool vmqos_service_logged(struct vmqos_service *service, const char *text, int timeout_ms);
bool vmqos_service_logged_times(struct vmqos_service *service, const char *text,
				unsigned int times);
unsigned int vmqos_service_count(struct vmqos_service *service, const char *text);
void vmqos_service_show(struct vmqos_service *service);

int vmqos_service_standin(struct vmqos_service *service, const struct vmqos_standin_kind *kind);
int vmqos_service_adopted(struct vmqos_service *service, const char *name, int timeout_ms,
			  struct vmqos_vm *vm);
int vmqos_service_wait_vms(struct vmqos_service *service, uint32_t vms);
int vmqos_service_gone(struct vmqos_service *service, const char *name, int timeout_ms);
void vmqos_service_nap(struct vmqos_service *service);
int64_t vmqos_service_now_ms(void);

#endif
