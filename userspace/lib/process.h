/* SPDX-License-Identifier: LGPL-2.1+ */
/* Looking into the processes of the machine. */
#ifndef VMQOS_LIB_PROCESS_H
#define VMQOS_LIB_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmqos_process;

/* Where /proc is; the tests have one of their own. */
extern const char *vmqos_proc_root;

/*
 * Descriptors of @pid that are KVM VMs, each VM once, to be freed with
 * free(). -EACCES when the process may not be looked into, -ESRCH when there
 * is no such process.
 */
int vmqos_process_vm_fds(uint32_t pid, int **fds, size_t *count);

/*
 * Fills all of @process but vms. @user, which may be NULL, tells whether it
 * has a command line, which the kernel's own threads have not.
 */
int vmqos_process_describe(uint32_t pid, struct vmqos_process *process, bool *user);

#endif
