/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: processes of VMMs. */
#ifndef VMQOS_PROCESS_H
#define VMQOS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmqos/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_COMM_SIZE		64
#define VMQOS_PATH_SIZE		108	/* of a UNIX socket */

struct vmqos;

/**
 * struct vmqos_process - a process that runs VMs
 * @pid: its number
 * @vms: VMs it holds, 0 when that was not looked at
 * @qemu: it is QEMU
 * @comm: its short name in the kernel
 * @name: name of the VM: QEMU's -name, otherwise @comm; cut and cleaned so
 *	that it may be a VM's name
 * @has_uuid: whether @uuid is known
 * @uuid: QEMU's -uuid
 * @qmp_path: path of QEMU's QMP socket, "" when there is none on its command line;
 *	of several that of a character device with the ID "vmqos", or else the last
 * @qmp_fd: it has a QMP monitor on a socket that it was handed as a descriptor,
 *	as libvirt does
 */
struct vmqos_process {
	uint32_t pid;
	uint32_t vms;
	bool qemu;
	char comm[VMQOS_COMM_SIZE];
	char name[VMQOS_NAME_MAX + 1];
	bool has_uuid;
	uint8_t uuid[VMQOS_UUID_SIZE];
	char qmp_path[VMQOS_PATH_SIZE];
	bool qmp_fd;
};

/**
 * vmqos_process_identify() - find name and UUID of the VM that a process runs
 * @ctx: context
 * @pid: the process
 * @process: filled; vms is 0 when the process may not be looked into
 *
 * Return: 0; -ESRCH when there is no such process; another negative errno.
 */
int vmqos_process_identify(struct vmqos *ctx, uint32_t pid, struct vmqos_process *process);

/**
 * vmqos_process_scan() - find all processes of the machine that hold KVM VMs
 * @ctx: context
 * @processes: set to an array in the order of their numbers, to be freed with free()
 * @count: set to their number
 * @unreadable: set to the number of processes that could not be looked into
 *	for lack of rights, or NULL
 *
 * Return: 0 or a negative errno.
 */
int vmqos_process_scan(struct vmqos *ctx, struct vmqos_process **processes,
		       size_t *count, unsigned int *unreadable);

/**
 * vmqos_process_find() - find the process that runs the VM of a name or UUID
 * @ctx: context
 * @text: name as of vmqos_process_identify(), or a UUID as text
 * @process: filled
 *
 * Return: 0; -ENOENT when there is none; -ENOTUNIQ when there are several;
 * another negative errno.
 */
int vmqos_process_find(struct vmqos *ctx, const char *text, struct vmqos_process *process);

/**
 * vmqos_cmdline_parse() - read a VMM's command line
 * @process: pid and comm are read, qemu, name, uuid, qmp_path and qmp_fd filled
 * @cmdline: arguments, each closed by NUL, as in /proc/PID/cmdline
 * @size: bytes of them
 */
void vmqos_cmdline_parse(struct vmqos_process *process, const char *cmdline, size_t size);

#ifdef __cplusplus
}
#endif

#endif
