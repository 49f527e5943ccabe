// SPDX-License-Identifier: GPL-2.0
/* How the library's structs are written. */
#include <stdio.h>

#include "out.h"
#include "records.h"

static void write_uuid(struct vmqos_out *out, const struct vmqos_vm *vm, const char *label)
{
	char text[VMQOS_UUID_TEXT];

	if (vm->has & VMQOS_HAS(VMQOS_VM_UUID))
		vmqos_out_str(out, "uuid", label, vmqos_uuid_format(vm->uuid, text));
	else
		vmqos_out_none(out, "uuid", label, "-");
}

void vmqos_write_vm(struct vmqos_out *out, const struct vmqos_vm *vm)
{
	vmqos_out_u64(out, "id", "id", vm->id);
	vmqos_out_str(out, "name", "name", vm->name);
	write_uuid(out, vm, "uuid");
	vmqos_out_u64(out, "pid", "process", vm->pid);
	vmqos_out_str(out, "state", "state", vmqos_vm_state_name(vm->state));
	vmqos_out_u64(out, "vcpus", "vCPUs", vm->vcpus);
	vmqos_out_u64(out, "vcpus_attached", "attached", vm->vcpus_attached);
	vmqos_out_u64(out, "adopted_ns", NULL, vm->adopted_ns);
}

void vmqos_write_vm_row(struct vmqos_out *out, const struct vmqos_vm *vm)
{
	vmqos_out_u64(out, "id", "ID", vm->id);
	vmqos_out_str(out, "name", "NAME", vm->name);
	vmqos_out_str(out, "state", "STATE", vmqos_vm_state_name(vm->state));
	vmqos_out_u64(out, "vcpus", "VCPUS", vm->vcpus);
	vmqos_out_u64(out, "vcpus_attached", "ATTACHED", vm->vcpus_attached);
	vmqos_out_u64(out, "pid", "PID", vm->pid);
	write_uuid(out, vm, "UUID");
	vmqos_out_u64(out, "adopted_ns", NULL, vm->adopted_ns);
}

void vmqos_write_vcpu(struct vmqos_out *out, const struct vmqos_vcpu *vcpu)
{
	bool ran = vcpu->state != VMQOS_VCPU_UNSTARTED;

	vmqos_out_u64(out, "index", "VCPU", vcpu->index);
	vmqos_out_u64(out, "vcpu_id", "APIC", vcpu->vcpu_id);
	vmqos_out_str(out, "state", "STATE", vmqos_vcpu_state_name(vcpu->state));
	if (vcpu->tid)
		vmqos_out_u64(out, "tid", "TID", vcpu->tid);
	else
		vmqos_out_none(out, "tid", "TID", "-");
	if (ran) {
		vmqos_out_u64(out, "cpu", "CPU", vcpu->cpu);
		vmqos_out_u64(out, "node", "NODE", vcpu->node);
	} else {
		vmqos_out_none(out, "cpu", "CPU", "-");
		vmqos_out_none(out, "node", "NODE", "-");
	}
}

void vmqos_write_stats(struct vmqos_out *out, const struct vmqos_stats *stats)
{
	const struct vmqos_stats_desc *descs;
	size_t count;
	size_t i;

	vmqos_out_object(out, "stats");
	descs = vmqos_stats_descs(&count);
	for (i = 0; i < count; i++)
		if (stats->has & VMQOS_HAS(descs[i].field))
			vmqos_out_u64(out, descs[i].name, NULL,
				      vmqos_stats_value(stats, descs[i].field));
	if (stats->has & VMQOS_HAS(VMQOS_STATS_LATENCY_HIST)) {
		vmqos_out_array(out, "latency_hist");
		for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
			vmqos_out_u64(out, NULL, NULL, stats->latency_hist[i]);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
}

void vmqos_write_host(struct vmqos_out *out, const struct vmqos_host *host)
{
	char text[64];

	vmqos_out_str(out, "version", "module version", host->version);
	if (host->has & VMQOS_HAS(VMQOS_HOST_NODE))
		vmqos_out_u64(out, "node", "NUMA node", host->node);
	vmqos_out_u64(out, "cpus", "CPUs online", host->cpus);
	vmqos_out_u64(out, "nodes", "NUMA nodes", host->nodes);
	snprintf(text, sizeof(text), "%.0f MHz", host->cpu_khz / 1e3);
	vmqos_out_u64_text(out, "cpu_khz", "nominal frequency", host->cpu_khz, text);
	snprintf(text, sizeof(text), "%llu MHz", (unsigned long long)host->capacity_mhz);
	vmqos_out_u64_text(out, "capacity_mhz", "capacity", host->capacity_mhz, text);
	vmqos_out_u64(out, "time_ns", NULL, host->time_ns);
	snprintf(text, sizeof(text), "%.1f s", host->idle_ns / 1e9);
	vmqos_out_u64_text(out, "idle_ns", "idle time", host->idle_ns, text);
	vmqos_out_u64(out, "vms", "VMs", host->vms);
	vmqos_out_u64(out, "vcpus", "vCPUs", host->vcpus);
	snprintf(text, sizeof(text), "%u bytes", host->vcpu_bytes);
	vmqos_out_u64_text(out, "vcpu_bytes", "memory per vCPU", host->vcpu_bytes, text);
	vmqos_out_bool(out, "guest_time", "guest-time", host->guest_time);
	snprintf(text, sizeof(text), "%u ms", host->scan_period_ms);
	vmqos_out_u64_text(out, "scan_period_ms", "scan-period", host->scan_period_ms, text);
}
