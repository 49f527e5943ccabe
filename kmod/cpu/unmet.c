// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations that are not met. The gate gives a VM what it has reserved of what
 * there is for VMs; it cannot push other tasks of the host aside, nor let a vCPU
 * run where it may not. Each second the epoch compares what a VM got with what it
 * wanted of its reservation; that it was less is told once, with the reason, and
 * again only after it was enough for a second.
 *
 * The epoch, which may not take vmqos_lock, leaves it to the scan to tell.
 */
#include <linux/cpumask.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <net/genetlink.h>

#include "core/event.h"
#include "core/vm.h"
#include "cpu/cpu.h"
#include "cpu/lag.h"
#include "cpu/park.h"
#include "cpu/policy_nl.h"
#include "cpu/thread.h"
#include "cpu/unmet.h"

#define VMQOS_UNMET_SPAN_NS	NSEC_PER_SEC
/* Less than it wanted by a twentieth, and by what the gate's slices explain. */
#define VMQOS_UNMET_PART	20

/**
 * vmqos_unmet_count() - count a VM's epoch, and judge when a second is over
 * @vm: the VM, of which vmqos_lag_round() has told what it ran and wanted
 * @reservation: what it has reserved, millionths of a CPU
 * @dt: length of the epoch, ns
 *
 * Context: the epoch.
 */
void vmqos_unmet_count(struct vmqos_gate_vm *vm, u32 reservation, u64 dt)
{
	struct vmqos_unmet *unmet = &vm->unmet;
	u64 others = vmqos_time_of(vm->others_rate, dt);
	bool missed;

	if (!reservation || !vmqos_gate_on) {
		*unmet = (struct vmqos_unmet){};
		return;
	}
	unmet->span += dt;
	unmet->want += min(vmqos_time_of(reservation, dt), vm->want + others);
	unmet->got += vm->ran + others;
	if (unmet->span < VMQOS_UNMET_SPAN_NS)
		return;
	missed = unmet->got + unmet->want / VMQOS_UNMET_PART +
		 2 * vmqos_gate_slice_ns < unmet->want;
	if (missed && !unmet->known)
		WRITE_ONCE(unmet->received,
			   max(div64_u64(unmet->got * VMQOS_CPU_ONE, unmet->span), 1ULL));
	unmet->known = missed;
	unmet->span = 0;
	unmet->want = 0;
	unmet->got = 0;
}

static enum vmqos_unmet_reason vmqos_unmet_reason(struct vmqos_vm *vm)
{
	const struct vmqos_vcpu *vcpu;
	struct task_struct *task;
	bool bound = false;
	unsigned long index;

	if (vmqos_policy_overdrawn())
		return VMQOS_UNMET_REASON_CPUS_OFFLINE;
	xa_for_each(&vm->vcpus, index, vcpu) {
		if (!vcpu->cpu->thread)
			continue;
		task = vcpu->cpu->thread->task;
		if (READ_ONCE(task->__state) & (__TASK_STOPPED | __TASK_TRACED))
			return VMQOS_UNMET_REASON_VMM_STOPPED;
		bound |= READ_ONCE(task->nr_cpus_allowed) < num_online_cpus();
	}
	return bound ? VMQOS_UNMET_REASON_AFFINITY : VMQOS_UNMET_REASON_HOST_LOAD;
}

/* What a notification tells. */
struct vmqos_unmet_told {
	struct vmqos_vm *vm;
	u32 received;
};

static int vmqos_unmet_fill(struct sk_buff *skb, void *object)
{
	const struct vmqos_unmet_told *told = object;
	struct vmqos_vm *vm = told->vm;

	if (nla_put_u32(skb, VMQOS_VM_UNMET_A_ID, vm->id) ||
	    nla_put_string(skb, VMQOS_VM_UNMET_A_NAME, vm->name) ||
	    nla_put_u64_64bit(skb, VMQOS_VM_UNMET_A_TIME_NS, ktime_get_ns(),
			      VMQOS_VM_UNMET_A_PAD) ||
	    nla_put_u32(skb, VMQOS_VM_UNMET_A_CPU_RESERVATION,
			vm->cpu->policy.reservation) ||
	    nla_put_u32(skb, VMQOS_VM_UNMET_A_CPU_RECEIVED, told->received) ||
	    nla_put_u32(skb, VMQOS_VM_UNMET_A_REASON, vmqos_unmet_reason(vm)))
		return -EMSGSIZE;
	return 0;
}

/**
 * vmqos_unmet_tell() - tell of a reservation that was not met, if there is news
 * @vm: the VM
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_unmet_tell(struct vmqos_vm *vm)
{
	struct vmqos_unmet_told told = { .vm = vm };

	lockdep_assert_held(&vmqos_lock);
	if (!READ_ONCE(vm->cpu->gate.unmet.received))
		return;
	told.received = xchg(&vm->cpu->gate.unmet.received, 0);
	/* It may have been taken back meanwhile. */
	if (told.received && vm->cpu->policy.reservation)
		vmqos_event_send(VMQOS_CMD_VM_UNMET_NTF, vmqos_unmet_fill, &told);
}
