// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink operations on the host: what it offers and how vmqos is set.
 */
#include <linux/cpumask.h>
#include <linux/kernel_stat.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/tick.h>
#include <linux/topology.h>
#include <net/genetlink.h>
#include <asm/tsc.h>

#include "core/event.h"
#include "core/family.h"
#include "core/scan.h"
#include "core/vm.h"
#include "cpu/cpu.h"
#include "cpu/guest.h"
#include "cpu/policy_nl.h"
#include "generated/vmqos-nl.h"

/* Idle time of a CPU since the host started, in ns. */
static u64 vmqos_cpu_idle_ns(int cpu)
{
	u64 idle = get_cpu_idle_time_us(cpu, NULL);
	u64 iowait = get_cpu_iowait_time_us(cpu, NULL);

	/* What a kernel that ticks while idle keeps instead. */
	if (idle == -1ULL)
		return kcpustat_cpu(cpu).cpustat[CPUTIME_IDLE] +
		       kcpustat_cpu(cpu).cpustat[CPUTIME_IOWAIT];
	return (idle + iowait) * NSEC_PER_USEC;
}

static int vmqos_host_fill(struct sk_buff *skb, void *object)
{
	const int *node = object;
	u32 vms, vcpus, vcpu_bytes;
	u32 khz = tsc_khz;
	u32 cpus = 0;
	u64 idle = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		if (node && cpu_to_node(cpu) != *node)
			continue;
		cpus++;
		idle += vmqos_cpu_idle_ns(cpu);
	}
	vmqos_vm_count(&vms, &vcpus);
	vcpu_bytes = vmqos_cpu_vcpu_bytes() +
		     kmalloc_size_roundup(sizeof(struct vmqos_vcpu));
	if (nla_put_string(skb, VMQOS_HOST_A_VERSION, THIS_MODULE->version) ||
	    nla_put_u32(skb, VMQOS_HOST_A_CPUS, cpus) ||
	    nla_put_u32(skb, VMQOS_HOST_A_NODES, num_online_nodes()) ||
	    nla_put_u32(skb, VMQOS_HOST_A_CPU_KHZ, khz) ||
	    nla_put_u64_64bit(skb, VMQOS_HOST_A_CAPACITY_MHZ,
			      div_u64((u64)cpus * khz, 1000),
			      VMQOS_HOST_A_PAD) ||
	    nla_put_u64_64bit(skb, VMQOS_HOST_A_TIME_NS, ktime_get_ns(),
			      VMQOS_HOST_A_PAD) ||
	    nla_put_u64_64bit(skb, VMQOS_HOST_A_IDLE_NS, idle,
			      VMQOS_HOST_A_PAD) ||
	    nla_put_u32(skb, VMQOS_HOST_A_VMS, vms) ||
	    nla_put_u32(skb, VMQOS_HOST_A_VCPUS, vcpus) ||
	    nla_put_u32(skb, VMQOS_HOST_A_VCPU_BYTES, vcpu_bytes) ||
	    nla_put_u32(skb, VMQOS_HOST_A_GUEST_TIME, vmqos_guest_time()) ||
	    nla_put_u32(skb, VMQOS_HOST_A_SCAN_PERIOD_MS,
			vmqos_scan_period()) ||
	    vmqos_policy_host_fill(skb))
		return -EMSGSIZE;
	if (node && nla_put_u32(skb, VMQOS_HOST_A_NODE, *node))
		return -EMSGSIZE;
	return 0;
}

int vmqos_nl_host_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[VMQOS_HOST_A_NODE];
	struct sk_buff *reply;
	int node;

	if (attr) {
		if (nla_get_u32(attr) >= MAX_NUMNODES ||
		    !node_online(nla_get_u32(attr))) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "the host has no NUMA node of this number");
			return -ENOENT;
		}
		node = nla_get_u32(attr);
	}
	reply = vmqos_reply_alloc(info);
	if (!reply)
		return -ENOMEM;
	return vmqos_reply_send(reply, info, vmqos_host_fill,
				attr ? &node : NULL);
}

int vmqos_nl_host_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *guest = info->attrs[VMQOS_HOST_A_GUEST_TIME];
	struct nlattr *period = info->attrs[VMQOS_HOST_A_SCAN_PERIOD_MS];
	u32 ms = period ? nla_get_u32(period) : vmqos_scan_period();
	bool on = guest ? nla_get_u32(guest) : vmqos_guest_time();
	struct sk_buff *reply;
	bool changed;
	int policy;

	if (!guest && !period && !info->attrs[VMQOS_HOST_A_CPU_KEPT] &&
	    !info->attrs[VMQOS_HOST_A_CPU_GATE] &&
	    !info->attrs[VMQOS_HOST_A_CPU_SLICE_US]) {
		NL_SET_ERR_MSG(info->extack,
			       "nothing to set; give guest-time, scan-period-ms, cpu-kept, cpu-gate or cpu-slice-us");
		return -EINVAL;
	}
	if (ms < VMQOS_SCAN_PERIOD_MIN || ms > VMQOS_SCAN_PERIOD_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack, period,
				    "the scan period is to be from 10 to 10000 ms");
		return -ERANGE;
	}
	policy = vmqos_policy_host_check(info->attrs, info->extack);
	if (policy < 0)
		return policy;
	reply = vmqos_reply_alloc(info);
	if (!reply)
		return -ENOMEM;
	changed = policy || on != vmqos_guest_time() ||
		  ms != vmqos_scan_period();
	/* The one step that may fail comes first. */
	if (vmqos_guest_set_time(on)) {
		NL_SET_ERR_MSG(info->extack,
			       "not enough memory to measure guest time; nothing has changed");
		nlmsg_free(reply);
		return -ENOMEM;
	}
	if (ms != vmqos_scan_period())
		vmqos_scan_set_period(ms);
	if (policy)
		vmqos_policy_host_set(info->attrs);
	if (changed)
		vmqos_event_send(VMQOS_CMD_HOST_CHANGE_NTF, vmqos_host_fill,
				 NULL);
	return vmqos_reply_send(reply, info, vmqos_host_fill, NULL);
}
