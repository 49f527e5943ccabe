/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_OTHERS_H
#define _VMQOS_CPU_OTHERS_H

#include <linux/list.h>
#include <linux/types.h>

struct pid;
struct vmqos_counts;
struct vmqos_cpu_vm;
struct vmqos_thread;

/**
 * struct vmqos_process - the process of one or more VMs' VMM
 * @pid: the process, referenced, constant
 * @node: links the process in the hash by @pid
 * @vms: its VMs, the oldest first
 * @base_run: subtracted from the run time counted, ns
 * @base_ready: subtracted from the ready time counted, ns
 * @workers: threads of the kernel that work for it, before Linux 6.4
 *
 * All but @pid: vmqos_lock.
 */
struct vmqos_process {
	struct pid *pid;
	struct hlist_node node;
	struct list_head vms;
	u64 base_run;
	u64 base_ready;
	struct list_head workers;
};

struct vmqos_process *vmqos_process_find(struct pid *pid);
int vmqos_others_join(struct vmqos_cpu_vm *cvm, struct pid *pid);
void vmqos_others_leave(struct vmqos_cpu_vm *cvm);
void vmqos_others_attached(struct vmqos_cpu_vm *cvm,
			   const struct vmqos_thread *thread);
void vmqos_others_retired(struct vmqos_cpu_vm *cvm,
			  const struct vmqos_thread *thread);
void vmqos_others_read(struct vmqos_cpu_vm *cvm, struct vmqos_counts *counts);

#endif /* _VMQOS_CPU_OTHERS_H */
