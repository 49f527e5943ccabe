/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: the control groups (cgroup v2) that VMs run in, and their CPU weights. */
#ifndef VMQOS_CGROUP_H
#define VMQOS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_CGROUP_SIZE	1024	/* room for the path of a cgroup */
#define VMQOS_WEIGHT_MIN	1	/* bounds of cpu.weight */
#define VMQOS_WEIGHT_DEFAULT	100
#define VMQOS_WEIGHT_MAX	10000

/**
 * vmqos_cgroup_mount() - find where cgroup v2 is mounted
 * @proc: where proc is mounted, NULL for /proc
 * @folder: filled, for example "/sys/fs/cgroup"
 * @size: room in @folder
 *
 * Return: 0; -ENOENT when it is not mounted; another negative errno.
 */
int vmqos_cgroup_mount(const char *proc, char *folder, size_t size);

/**
 * vmqos_cgroup_of() - find the cgroup of a process
 * @proc: where proc is mounted, NULL for /proc
 * @pid: the process
 * @path: filled with its path below the mount, beginning with a slash
 * @size: room in @path, VMQOS_CGROUP_SIZE is enough
 *
 * Return: 0; -ESRCH when there is no such process; -ENOENT when it is in no
 * cgroup of v2; another negative errno.
 */
int vmqos_cgroup_of(const char *proc, uint32_t pid, char *path, size_t size);

/**
 * vmqos_cgroup_of_vm() - find the cgroup that holds a VM and nothing else
 * @proc: where proc is mounted, NULL for /proc
 * @mount: where cgroup v2 is mounted
 * @pid: process of the VMM
 * @path: filled as by vmqos_cgroup_of(); also when the VM is not alone there
 * @size: room in @path
 *
 * Of a domain of libvirt it is the domain's scope, above the groups that
 * libvirt makes for emulator and vCPUs; its helpers count as the VM's. Any
 * other cgroup must hold the VMM and processes that it has started.
 *
 * Return: 0; -ENOTUNIQ when other processes are in it, or it is the root;
 * otherwise as vmqos_cgroup_of().
 */
int vmqos_cgroup_of_vm(const char *proc, const char *mount, uint32_t pid, char *path,
		       size_t size);

/**
 * vmqos_cgroup_parent() - the cgroup above
 * @path: path of a cgroup; cut to that of its parent, "/" for the topmost
 *
 * Return: whether there was one.
 */
bool vmqos_cgroup_parent(char *path);

/**
 * vmqos_cgroup_weight() - read the weight of a cgroup
 * @mount: where cgroup v2 is mounted
 * @path: the cgroup
 * @weight: filled with its cpu.weight
 *
 * Return: 0; -ENOENT when the cgroup is gone; -EOPNOTSUPP when it has no
 * cpu.weight, because its parent does not enable the controller cpu or it is
 * the root; another negative errno.
 */
int vmqos_cgroup_weight(const char *mount, const char *path, uint32_t *weight);

/**
 * vmqos_cgroup_set_weight() - change the weight of a cgroup
 * @mount: where cgroup v2 is mounted
 * @path: the cgroup
 * @weight: VMQOS_WEIGHT_MIN to VMQOS_WEIGHT_MAX
 *
 * Return: 0; -ENOENT and -EOPNOTSUPP as above; -ERANGE for a weight out of
 * bounds; -EACCES, -EPERM or -EROFS when it may not be written; another
 * negative errno.
 */
int vmqos_cgroup_set_weight(const char *mount, const char *path, uint32_t weight);

/**
 * struct vmqos_cgroup - one of the cgroups below a parent
 * @path: its path below the mount
 * @weight: its cpu.weight
 * @populated: there are processes in it or below it
 */
struct vmqos_cgroup {
	char path[VMQOS_CGROUP_SIZE];
	uint32_t weight;
	bool populated;
};

/**
 * vmqos_cgroup_children() - list the cgroups that share the CPU below a parent
 * @mount: where cgroup v2 is mounted
 * @path: the parent
 * @children: set to an array in the order of their paths, to be freed with
 *	free(); those without cpu.weight are left out
 * @count: set to their number
 *
 * Return: 0 or a negative errno.
 */
int vmqos_cgroup_children(const char *mount, const char *path, struct vmqos_cgroup **children,
			  size_t *count);

/**
 * vmqos_cgroup_share() - the part of the CPU that a cgroup gets when all are busy
 * @mount: where cgroup v2 is mounted
 * @path: the cgroup
 * @share: filled, 1 for all of it
 *
 * On each level up to the root its weight is divided by those of all cgroups
 * there that have processes, its own included. Processes and kernel threads
 * in the root itself are not counted.
 *
 * Return: 0 or a negative errno as of vmqos_cgroup_weight().
 */
int vmqos_cgroup_share(const char *mount, const char *path, double *share);

#ifdef __cplusplus
}
#endif

#endif
