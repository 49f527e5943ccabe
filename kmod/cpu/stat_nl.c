// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink operations on statistics, per VM and per vCPU.
 */
#include <linux/kvm_host.h>
#include <linux/pid.h>
#include <linux/topology.h>
#include <net/genetlink.h>

#include "core/event.h"
#include "core/family.h"
#include "core/subsys.h"
#include "core/vm.h"
#include "cpu/cpu.h"
#include "cpu/stat_nl.h"
#include "generated/vmqos-nl.h"

/**
 * struct vmqos_stat_attr - where a counter goes
 * @attr: its attribute
 * @offset: its place in struct vmqos_counts
 */
struct vmqos_stat_attr {
	u16 attr;
	u16 offset;
};

#define VMQOS_STAT(ATTR, member) \
	{ VMQOS_STATS_A_##ATTR, offsetof(struct vmqos_counts, member) }

static const struct vmqos_stat_attr vmqos_stat_attrs[] = {
	VMQOS_STAT(WALL_NS, wall_ns),
	VMQOS_STAT(RUN_NS, run_ns),
	VMQOS_STAT(READY_NS, ready_ns),
	VMQOS_STAT(BLOCKED_NS, blocked_ns),
	VMQOS_STAT(HALTED_NS, halted_ns),
	VMQOS_STAT(GUEST_NS, guest_ns),
	VMQOS_STAT(EXITS, exits),
	VMQOS_STAT(HALT_EXITS, halt_exits),
	VMQOS_STAT(IO_EXITS, io_exits),
	VMQOS_STAT(MMIO_EXITS, mmio_exits),
	VMQOS_STAT(WAKEUPS, wakeups),
	VMQOS_STAT(PREEMPTIONS, preemptions),
	VMQOS_STAT(CPU_MIGRATIONS, cpu_migrations),
	VMQOS_STAT(NODE_MIGRATIONS, node_migrations),
	VMQOS_STAT(LATENCY_NS, latency_ns),
	VMQOS_STAT(LATENCY_MAX_NS, latency_max_ns),
	VMQOS_STAT(PARKED_NS, parked_ns),
	VMQOS_STAT(LIMITED_NS, limited_ns),
	VMQOS_STAT(PARKS, parks),
	VMQOS_STAT(THROTTLES, throttles),
};

static int vmqos_counts_fill(struct sk_buff *skb,
			     const struct vmqos_counts *counts)
{
	const void *base = counts;
	int i;

	for (i = 0; i < ARRAY_SIZE(vmqos_stat_attrs); i++) {
		const struct vmqos_stat_attr *stat = &vmqos_stat_attrs[i];
		const u64 *value = base + stat->offset;

		if (nla_put_u64_64bit(skb, stat->attr, *value,
				      VMQOS_STATS_A_PAD))
			return -EMSGSIZE;
	}
	return nla_put(skb, VMQOS_STATS_A_LATENCY_HIST,
		       sizeof(counts->latency_hist), counts->latency_hist);
}

/* What is told of a VM alone. */
static int vmqos_counts_fill_vm(struct sk_buff *skb,
				const struct vmqos_counts *counts)
{
	if (nla_put_u32(skb, VMQOS_STATS_A_OTHER_THREADS,
			counts->other_threads) ||
	    nla_put_u64_64bit(skb, VMQOS_STATS_A_OTHER_RUN_NS,
			      counts->other_run_ns, VMQOS_STATS_A_PAD) ||
	    nla_put_u64_64bit(skb, VMQOS_STATS_A_OTHER_READY_NS,
			      counts->other_ready_ns, VMQOS_STATS_A_PAD) ||
	    nla_put_u64_64bit(skb, VMQOS_STATS_A_ENTITLED_NS,
			      counts->entitled_ns, VMQOS_STATS_A_PAD) ||
	    nla_put_s64(skb, VMQOS_STATS_A_LAG_NS, counts->lag_ns,
			VMQOS_STATS_A_PAD))
		return -EMSGSIZE;
	return 0;
}

static int vmqos_vm_stat_fill(struct sk_buff *skb, void *object)
{
	struct vmqos_vm *vm = object;
	struct vmqos_counts counts;
	struct nlattr *nest;
	u64 now;

	now = ktime_get_ns();
	vmqos_cpu_read_vm(vm, &counts);
	if (nla_put_u32(skb, VMQOS_VM_STAT_A_ID, vm->id) ||
	    nla_put_string(skb, VMQOS_VM_STAT_A_NAME, vm->name) ||
	    nla_put_u64_64bit(skb, VMQOS_VM_STAT_A_TIME_NS, now,
			      VMQOS_VM_STAT_A_PAD) ||
	    nla_put_u32(skb, VMQOS_VM_STAT_A_VCPUS,
			atomic_read(&vm->kvm->online_vcpus)))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, VMQOS_VM_STAT_A_STATS);
	if (!nest || vmqos_counts_fill(skb, &counts) ||
	    vmqos_counts_fill_vm(skb, &counts))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return vmqos_subsys_vm_stat_fill(skb, vm);
}

static int vmqos_vcpu_stat_fill(struct sk_buff *skb, void *object)
{
	struct vmqos_vcpu *vcpu = object;
	struct vmqos_cpu_vcpu *cv = vcpu->cpu;
	struct vmqos_counts counts;
	struct nlattr *nest;
	u32 tid = 0;
	u64 now;
	int cpu;

	now = ktime_get_ns();
	vmqos_cpu_read_vcpu(cv, &counts);
	if (cv->state != VMQOS_VCPU_STATE_LEFT)
		tid = pid_vnr(cv->tid);
	cpu = READ_ONCE(cv->acct.cpu);
	if (nla_put_u32(skb, VMQOS_VCPU_A_VM_ID, vcpu->vm->id) ||
	    nla_put_u32(skb, VMQOS_VCPU_A_INDEX, vcpu->index) ||
	    nla_put_u32(skb, VMQOS_VCPU_A_VCPU_ID, vcpu->kvcpu->vcpu_id) ||
	    nla_put_u32(skb, VMQOS_VCPU_A_TID, tid) ||
	    nla_put_u32(skb, VMQOS_VCPU_A_STATE, cv->state) ||
	    nla_put_u32(skb, VMQOS_VCPU_A_CPU, cpu) ||
	    nla_put_u32(skb, VMQOS_VCPU_A_NODE, cpu_to_node(cpu)) ||
	    nla_put_u64_64bit(skb, VMQOS_VCPU_A_TIME_NS, now,
			      VMQOS_VCPU_A_PAD))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, VMQOS_VCPU_A_STATS);
	if (!nest || vmqos_counts_fill(skb, &counts))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * vmqos_event_vcpu() - tell the listeners of a change of a vCPU's thread
 * @vcpu: the vCPU
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_event_vcpu(struct vmqos_vcpu *vcpu)
{
	vmqos_event_send(VMQOS_CMD_VCPU_NTF, vmqos_vcpu_stat_fill, vcpu);
}

int vmqos_nl_vm_stat_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply = vmqos_reply_alloc(info);

	if (!reply)
		return -ENOMEM;
	return vmqos_reply_send(reply, info, vmqos_vm_stat_fill,
				vmqos_family_vm(info));
}

int vmqos_nl_vm_stat_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	return vmqos_dump_vms(skb, cb, VMQOS_CMD_VM_STAT_GET,
			      vmqos_vm_stat_fill);
}

int vmqos_nl_vcpu_stat_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *index = info->attrs[VMQOS_VCPU_A_INDEX];
	struct vmqos_vcpu *vcpu;
	struct sk_buff *reply;

	if (!index) {
		NL_SET_ERR_MSG(info->extack,
			       "the request names no vCPU; give its index, or ask for a dump");
		return -EINVAL;
	}
	vcpu = xa_load(&vmqos_family_vm(info)->vcpus, nla_get_u32(index));
	if (!vcpu) {
		NL_SET_ERR_MSG_ATTR(info->extack, index,
				    "the VM has no vCPU of this index");
		return -ENOENT;
	}
	reply = vmqos_reply_alloc(info);
	if (!reply)
		return -ENOMEM;
	return vmqos_reply_send(reply, info, vmqos_vcpu_stat_fill, vcpu);
}

/* Dump a VM's vCPUs from an index on; false when the message is full. */
static bool vmqos_dump_vcpus(struct sk_buff *skb, struct netlink_callback *cb,
			     struct vmqos_vm *vm, unsigned long start)
{
	struct vmqos_vcpu *vcpu;
	unsigned long index;

	xa_for_each_start(&vm->vcpus, index, vcpu, start) {
		if (!vmqos_dump_one(skb, cb, VMQOS_CMD_VCPU_STAT_GET,
				    vmqos_vcpu_stat_fill, vcpu))
			continue;
		cb->args[0] = vm->id;
		cb->args[1] = index;
		return false;
	}
	return true;
}

/* args[0] and args[1] are the VM and the vCPU from which to go on. */
static void vmqos_dump_all_vcpus(struct sk_buff *skb,
				 struct netlink_callback *cb)
{
	unsigned long start = cb->args[1];
	struct vmqos_vm *vm;
	unsigned long id;

	xa_for_each_start(&vmqos_vms, id, vm, cb->args[0]) {
		/* The VM that it was to go on with may be gone. */
		if (id != cb->args[0])
			start = 0;
		if (!vmqos_dump_vcpus(skb, cb, vm, start))
			return;
		start = 0;
	}
	cb->args[0] = ULONG_MAX;
}

int vmqos_nl_vcpu_stat_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct nlattr **attrs = vmqos_compat_dump_attrs(cb);
	struct nlattr *id = attrs ? attrs[VMQOS_VCPU_A_VM_ID] : NULL;
	struct vmqos_vm *vm;
	int ret = 0;

	if (attrs && attrs[VMQOS_VCPU_A_INDEX]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attrs[VMQOS_VCPU_A_INDEX],
				    "a dump tells of all vCPUs; ask for one without the dump flag");
		return -EINVAL;
	}
	mutex_lock(&vmqos_lock);
	if (!id) {
		vmqos_dump_all_vcpus(skb, cb);
	} else if (cb->args[0] != ULONG_MAX) {
		vm = vmqos_vm_by_id(nla_get_u32(id));
		if (vm && vmqos_dump_vcpus(skb, cb, vm, cb->args[1]))
			cb->args[0] = ULONG_MAX;
		/* One that goes in the middle of its dump ends the dump. */
		if (!vm && !cb->args[0]) {
			NL_SET_ERR_MSG_ATTR(cb->extack, id,
					    "no adopted VM has this id");
			ret = -ENOENT;
		}
	}
	mutex_unlock(&vmqos_lock);
	return ret ?: skb->len;
}
