/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of the gate: events/vmqos in tracefs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmqos

#if !defined(_VMQOS_CPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VMQOS_CPU_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(vmqos_park,
	TP_PROTO(u32 vm, u32 vcpu, bool limit, s64 vt),
	TP_ARGS(vm, vcpu, limit, vt),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(bool, limit)
		__field(s64, vt)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->limit = limit;
		__entry->vt = vt;
	),
	TP_printk("vm=%u vcpu=%u for=%s vt=%lld", __entry->vm, __entry->vcpu,
		  __entry->limit ? "limit" : "shares", __entry->vt)
);

TRACE_EVENT(vmqos_unpark,
	TP_PROTO(u32 vm, u32 vcpu, bool early, u64 parked),
	TP_ARGS(vm, vcpu, early, parked),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(bool, early)
		__field(u64, parked)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->early = early;
		__entry->parked = parked;
	),
	TP_printk("vm=%u vcpu=%u by=%s parked_ns=%llu", __entry->vm, __entry->vcpu,
		  __entry->early ? "signal" : "turn", __entry->parked)
);

TRACE_EVENT(vmqos_epoch,
	TP_PROTO(u32 vms, u32 parked, u64 dt, u64 ran, u64 idle),
	TP_ARGS(vms, parked, dt, ran, idle),
	TP_STRUCT__entry(
		__field(u32, vms)
		__field(u32, parked)
		__field(u64, dt)
		__field(u64, ran)
		__field(u64, idle)
	),
	TP_fast_assign(
		__entry->vms = vms;
		__entry->parked = parked;
		__entry->dt = dt;
		__entry->ran = ran;
		__entry->idle = idle;
	),
	TP_printk("vms=%u parked=%u dt_ns=%llu ran_ns=%llu idle_ns=%llu", __entry->vms,
		  __entry->parked, __entry->dt, __entry->ran, __entry->idle)
);

#endif /* _VMQOS_CPU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH cpu
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
