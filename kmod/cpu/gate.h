/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CPU_GATE_H
#define _VMQOS_CPU_GATE_H

#include <linux/list.h>
#include <linux/seqlock.h>
#include <linux/task_work.h>
#include <linux/types.h>

#include "cpu/limit.h"
#include "cpu/unmet.h"

struct task_struct;
struct vmqos_counts;
struct vmqos_entitle_vm;
struct vmqos_cpu_vcpu;
struct vmqos_cpu_vm;
struct vmqos_thread;

/* Nobody's rate is less: a thousandth of a CPU. */
#define VMQOS_RATE_MIN		1000U

/**
 * enum vmqos_held - why a vCPU is parked
 * @VMQOS_HELD_NOT: it is not
 * @VMQOS_HELD_SHARES: others are owed more
 * @VMQOS_HELD_LIMIT: its VM has used up its limit
 */
enum vmqos_held {
	VMQOS_HELD_NOT,
	VMQOS_HELD_SHARES,
	VMQOS_HELD_LIMIT,
};

/**
 * enum vmqos_next - who runs when a vCPU gives way
 * @VMQOS_NEXT_WORTHIER: a parked one that is worthier, else it stays
 * @VMQOS_NEXT_ANY: the worthiest that is parked
 * @VMQOS_NEXT_WAITING: one that waits for this CPU unparked
 */
enum vmqos_next {
	VMQOS_NEXT_WORTHIER,
	VMQOS_NEXT_ANY,
	VMQOS_NEXT_WAITING,
};

/**
 * struct vmqos_gate_vm - what the gate keeps of a VM
 *
 * @link: links all VMs; vmqos_gate_mutex
 * @vcpus: its vCPUs; vmqos_gate_mutex for writing, RCU for reading
 * @nr_vcpus: their number; vmqos_gate_mutex
 * @limit: its limit
 * @lag: what the VM is owed, ns; the epoch's
 * @entitled: what it was entitled to in the last epoch, millionths; the epoch's
 * @entitled_sum: the same summed over time, ns; the epoch's
 * @ran: what it ran in this epoch, ns; the epoch's
 * @want: what it would have run, ns; the epoch's
 * @others: run time of its other threads, at the last look; vmqos_lock
 * @others_seen: when that was, ns; vmqos_lock
 * @others_rate: what they ran since the look before, millionths of a CPU;
 *	written under vmqos_lock
 * @row: its row in the epoch's table; valid in the epoch
 * @unmet: whether it gets what it has reserved
 */
struct vmqos_gate_vm {
	struct list_head link;
	struct list_head vcpus;
	u32 nr_vcpus;

	struct vmqos_limit limit;

	s64 lag ____cacheline_aligned_in_smp;
	u64 entitled;
	u64 entitled_sum;
	u64 ran;
	u64 want;
	u64 others;
	u64 others_seen;
	u32 others_rate;
	struct vmqos_entitle_vm *row;
	struct vmqos_unmet unmet;
};

/**
 * struct vmqos_gate - what the gate keeps of a vCPU
 *
 * Its virtual time is a pure function of the run time that the scheduler keeps:
 *
 *	vt = vt_base + (run time - run_base) x inv
 *
 * The epoch sets these three; smaller is worthier, and 0 is what a vCPU has that
 * is owed nothing.
 *
 * @vt_seq: guards the next three, written by the epoch
 * @inv: ns of virtual time per ns of run time, 16 bits of fraction
 * @vt_base: virtual time at the last epoch, ns
 * @run_base: run time then, ns
 * @run_seq: guards the next two, written by its own thread
 * @exec: run time when it last left its CPU
 * @since: the scheduler's clock when it came to its CPU, 0 off a CPU
 * @charged: run time up to which the VM's limit is charged; on its CPU
 * @stay_since: when it last came from sleep or park; on its CPU
 * @stay_run: run time then; on its CPU
 * @asked: its thread has been asked to park; vmqos_thread.lock
 * @held: why it is parked, enum vmqos_held; the queue's lock
 * @queue_cpu: whose queue it is in; the queue's lock
 * @queued: links it there; the queue's lock
 * @work: brings its thread to park
 * @thread: the thread, or NULL; changed while its hook is not in place
 * @link: links it in its VM; vmqos_gate_mutex
 * @prompt: for so many epochs it keeps a short slice; the epoch's
 * @lag: what it is owed, ns; the epoch's
 * @epoch_run: run time at the last epoch; the epoch's
 * @epoch_blocked: time blocked at the last epoch; the epoch's
 * @ran: what it ran in this epoch, ns; the epoch's
 * @want: what it would have run, ns; the epoch's
 */
struct vmqos_gate {
	seqcount_t vt_seq;
	u32 inv;
	s64 vt_base;
	u64 run_base;

	seqcount_t run_seq;
	u64 exec;
	u64 since;
	u64 charged;
	u64 stay_since;
	u64 stay_run;
	bool asked;

	u8 held;
	int queue_cpu;
	struct list_head queued;
	struct callback_head work;
	struct vmqos_thread *thread;

	struct list_head link;
	u32 prompt;
	s64 lag;
	u64 epoch_run;
	u64 epoch_blocked;
	u64 ran;
	u64 want;
};

int vmqos_gate_init(void);
void vmqos_gate_exit(void);

int vmqos_gate_vm_init(struct vmqos_cpu_vm *cvm);
void vmqos_gate_vm_exit(struct vmqos_cpu_vm *cvm);
void vmqos_gate_vcpu_init(struct vmqos_cpu_vcpu *cv);
void vmqos_gate_vcpu_exit(struct vmqos_cpu_vcpu *cv);
void vmqos_gate_attach(struct vmqos_thread *thread);
void vmqos_gate_retired(struct vmqos_thread *thread);

s64 vmqos_gate_vt(const struct vmqos_gate *gate, u64 run);
void vmqos_gate_set_vt(struct vmqos_gate *gate, u32 inv, s64 vt, u64 run);
u64 vmqos_gate_run_time(const struct vmqos_gate *gate, u64 now);
void vmqos_park_work(struct callback_head *work);

void vmqos_gate_policy(struct vmqos_cpu_vm *cvm);
void vmqos_gate_host(void);
void vmqos_gate_others(struct vmqos_cpu_vm *cvm);
void vmqos_gate_read_vm(struct vmqos_cpu_vm *cvm, struct vmqos_counts *counts);

#endif /* _VMQOS_CPU_GATE_H */
