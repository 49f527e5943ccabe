/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_CPU_H
#define _VMQOS_CPU_CPU_H

#include <linux/container_of.h>
#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/vmqos.h>

#include "cpu/account.h"
#include "cpu/gate.h"
#include "cpu/policy.h"

struct kvm_vcpu;
struct vmqos_process;
struct vmqos_thread;
struct vmqos_vcpu;
struct vmqos_vm;

/**
 * struct vmqos_cpu_vm - what the CPU plane keeps of a VM
 * @vm: the VM, constant
 * @process: the process of its VMM, constant
 * @in_process: links the VM in its process, the oldest first; vmqos_lock
 * @policy: what it is to get of the CPUs; vmqos_lock
 * @entitled: what it was entitled to in the last epoch, millionths of a CPU;
 *	written by the gate, read by anyone
 * @other_threads: threads that are no vCPUs, at the last look; vmqos_lock
 * @other_run: highest value told of their run time, ns; vmqos_lock
 * @other_ready: highest value told of their ready time, ns; vmqos_lock
 * @gate: what the gate keeps of it
 * @rcu: frees the object
 */
struct vmqos_cpu_vm {
	struct vmqos_vm *vm;
	struct vmqos_process *process;
	struct list_head in_process;
	struct vmqos_cpu_policy policy;
	u32 entitled;
	u32 other_threads;
	u64 other_run;
	u64 other_ready;
	struct vmqos_gate_vm gate;
	struct rcu_head rcu;
};

/**
 * struct vmqos_cpu_vcpu - what the CPU plane keeps of a vCPU
 * @vcpu: the vCPU, constant
 * @cvm: its VM, constant
 * @kvcpu: KVM's vCPU, constant
 * @thread: the thread that runs it, or NULL; vmqos_lock
 * @spare: memory for its first thread, or NULL; vmqos_lock
 * @state: what is told of it; vmqos_lock
 * @tid: thread that runs it or ran it last, referenced, or NULL; vmqos_lock
 * @run_past: run time of earlier threads, ns; vmqos_lock
 * @ready_past: ready time of earlier threads, ns; vmqos_lock
 * @wall_past: time for which earlier threads were known, ns; vmqos_lock
 * @exits_base: KVM's counter when the vCPU was found; vmqos_lock
 * @halt_exits_base: likewise, constant
 * @io_exits_base: likewise
 * @mmio_exits_base: likewise
 * @blocked_told: highest value told, ns; vmqos_lock
 * @halted_told: likewise
 * @guest_told: likewise
 * @acct: written by the hooks
 * @gate: what the gate keeps of it
 * @rcu: frees the object
 */
struct vmqos_cpu_vcpu {
	struct vmqos_vcpu *vcpu;
	struct vmqos_cpu_vm *cvm;
	struct kvm_vcpu *kvcpu;
	struct vmqos_thread *thread;
	struct vmqos_thread *spare;
	enum vmqos_vcpu_state state;
	struct pid *tid;
	u64 run_past;
	u64 ready_past;
	u64 wall_past;
	u64 exits_base;
	u64 halt_exits_base;
	u64 io_exits_base;
	u64 mmio_exits_base;
	u64 blocked_told;
	u64 halted_told;
	u64 guest_told;
	struct vmqos_acct acct;
	struct vmqos_gate gate;
	struct rcu_head rcu;
};

/**
 * vmqos_gate_cv() - the vCPU that a gate belongs to
 * @gate: the gate
 *
 * Context: any.
 * Return: the vCPU.
 */
static inline struct vmqos_cpu_vcpu *vmqos_gate_cv(const struct vmqos_gate *gate)
{
	return container_of(gate, struct vmqos_cpu_vcpu, gate);
}

int vmqos_cpu_init(void);
void vmqos_cpu_exit(void);
u32 vmqos_cpu_vcpu_bytes(void);
void vmqos_cpu_thread_attached(struct vmqos_thread *thread);
void vmqos_cpu_thread_retired(struct vmqos_thread *thread);
void vmqos_cpu_read_vcpu(struct vmqos_cpu_vcpu *cv, struct vmqos_counts *counts);
void vmqos_cpu_read_vm(struct vmqos_vm *vm, struct vmqos_counts *counts);

#endif /* _VMQOS_CPU_CPU_H */
