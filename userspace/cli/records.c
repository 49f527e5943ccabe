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

/*
 * An amount of CPU: @key in millionths, @key_mhz in MHz. @none: what 0 stands
 * for in words, or NULL when it is a figure as any other.
 */
static void write_cpu(struct vmqos_out *out, const char *key, const char *key_mhz,
		      const char *label, uint32_t ppm, uint32_t cpu_khz, const char *none)
{
	char text[VMQOS_CPU_TEXT];

	vmqos_cpu_format(ppm, cpu_khz, text, sizeof(text));
	vmqos_out_u64_text(out, key, label, ppm, !ppm && none ? none : text);
	if (!key_mhz)
		return;
	if (cpu_khz)
		vmqos_out_real(out, key_mhz, NULL, vmqos_cpu_mhz(ppm, cpu_khz), 1);
	else
		vmqos_out_none(out, key_mhz, NULL, "");
}

static void write_shares(struct vmqos_out *out, const struct vmqos_vm *vm, const char *label)
{
	char text[48];

	if (vm->cpu_shares_level == VMQOS_CPU_CUSTOM)
		snprintf(text, sizeof(text), "%u", vm->cpu_shares);
	else
		snprintf(text, sizeof(text), "%u (%s)", vm->cpu_shares,
			 vmqos_cpu_level_name(vm->cpu_shares_level));
	vmqos_out_u64_text(out, "cpu_shares", label, vm->cpu_shares, text);
}

/* The policy of a VM; a module that does not know it has reported nothing. */
static void write_policy(struct vmqos_out *out, const struct vmqos_vm *vm, uint32_t cpu_khz)
{
	if (!(vm->has & VMQOS_HAS(VMQOS_VM_CPU_SHARES)))
		return;
	write_shares(out, vm, "cpu-shares");
	vmqos_out_str(out, "cpu_shares_level", NULL, vmqos_cpu_level_name(vm->cpu_shares_level));
	write_cpu(out, "cpu_reservation", "cpu_reservation_mhz", "cpu-reservation",
		  vm->cpu_reservation, cpu_khz, "none");
	write_cpu(out, "cpu_limit", "cpu_limit_mhz", "cpu-limit", vm->cpu_limit, cpu_khz, "none");
	vmqos_out_str(out, "cpu_latency", "cpu-latency", vmqos_cpu_latency_name(vm->cpu_latency));
	vmqos_out_bool(out, "cpu_charge_others", "cpu-charge-others", vm->cpu_charge_others);
	write_cpu(out, "cpu_entitled", "cpu_entitled_mhz", "cpu-entitled", vm->cpu_entitled,
		  cpu_khz, NULL);
}

static void write_mem_policy(struct vmqos_out *out, const struct vmqos_vm *vm)
{
	char text[VMQOS_BYTES_TEXT];

	if (vm->has & VMQOS_HAS(VMQOS_VM_MEM_SHARE_ZERO))
		vmqos_out_str(out, "mem_share_zero", "mem-share-zero",
			      vmqos_mem_share_zero_name(vm->mem_share_zero));
	if (vm->has & VMQOS_HAS(VMQOS_VM_MEM_LIMIT))
		vmqos_out_u64_text(out, "mem_limit", "mem-limit", vm->mem_limit,
				   vm->mem_limit ? vmqos_bytes_format(vm->mem_limit, text,
								      sizeof(text)) : "none");
}

void vmqos_write_vm(struct vmqos_out *out, const struct vmqos_vm *vm, uint32_t cpu_khz)
{
	vmqos_out_u64(out, "id", "id", vm->id);
	vmqos_out_str(out, "name", "name", vm->name);
	write_uuid(out, vm, "uuid");
	vmqos_out_u64(out, "pid", "process", vm->pid);
	vmqos_out_str(out, "state", "state", vmqos_vm_state_name(vm->state));
	vmqos_out_u64(out, "vcpus", "vCPUs", vm->vcpus);
	vmqos_out_u64(out, "vcpus_attached", "attached", vm->vcpus_attached);
	vmqos_out_u64(out, "adopted_ns", NULL, vm->adopted_ns);
	write_policy(out, vm, cpu_khz);
	write_mem_policy(out, vm);
}

static void write_policy_cells(struct vmqos_out *out, const struct vmqos_vm *vm, uint32_t cpu_khz)
{
	char text[VMQOS_CPU_TEXT];

	snprintf(text, sizeof(text), "%u", vm->cpu_shares);
	vmqos_out_u64_text(out, "cpu_shares", "SHARES", vm->cpu_shares, text);
	snprintf(text, sizeof(text), "%.0f MHz", vmqos_cpu_mhz(vm->cpu_reservation, cpu_khz));
	vmqos_out_u64_text(out, "cpu_reservation", "RESERVATION", vm->cpu_reservation,
			   vm->cpu_reservation ? text : "-");
	snprintf(text, sizeof(text), "%.0f MHz", vmqos_cpu_mhz(vm->cpu_limit, cpu_khz));
	vmqos_out_u64_text(out, "cpu_limit", "LIMIT", vm->cpu_limit, vm->cpu_limit ? text : "-");
}

/* For people the policy comes before what is long; for scripts what is new comes last. */
void vmqos_write_vm_row(struct vmqos_out *out, const struct vmqos_vm *vm, uint32_t cpu_khz)
{
	bool text = vmqos_out_is_text(out);
	bool tsv = vmqos_out_is_tsv(out);

	vmqos_out_u64(out, "id", "ID", vm->id);
	vmqos_out_str(out, "name", "NAME", vm->name);
	vmqos_out_str(out, "state", "STATE", vmqos_vm_state_name(vm->state));
	vmqos_out_u64(out, "vcpus", "VCPUS", vm->vcpus);
	vmqos_out_u64(out, "vcpus_attached", "ATTACHED", vm->vcpus_attached);
	if (text)
		write_policy_cells(out, vm, cpu_khz);
	vmqos_out_u64(out, "pid", "PID", vm->pid);
	write_uuid(out, vm, "UUID");
	if (tsv)
		write_policy_cells(out, vm, cpu_khz);
	if (text || tsv)
		return;
	vmqos_out_u64(out, "adopted_ns", NULL, vm->adopted_ns);
	write_policy(out, vm, cpu_khz);
	write_mem_policy(out, vm);
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

static void write_counter(struct vmqos_out *out, const struct vmqos_stats_desc *desc,
			  const struct vmqos_stats *stats)
{
	uint64_t value = vmqos_stats_value(stats, desc->field);

	if (!(stats->has & VMQOS_HAS(desc->field)))
		return;
	if (desc->is_signed)
		vmqos_out_s64(out, desc->name, NULL, (int64_t)value);
	else
		vmqos_out_u64(out, desc->name, NULL, value);
}

void vmqos_write_stats(struct vmqos_out *out, const struct vmqos_stats *stats)
{
	const struct vmqos_stats_desc *descs;
	size_t count;
	size_t i;

	vmqos_out_object(out, "stats");
	descs = vmqos_stats_descs(&count);
	for (i = 0; i < count; i++)
		write_counter(out, &descs[i], stats);
	if (stats->has & VMQOS_HAS(VMQOS_STATS_LATENCY_HIST)) {
		vmqos_out_array(out, "latency_hist");
		for (i = 0; i < VMQOS_LATENCY_BUCKETS; i++)
			vmqos_out_u64(out, NULL, NULL, stats->latency_hist[i]);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
}

static void write_hist(struct vmqos_out *out, const char *key, const uint64_t *hist)
{
	size_t i;

	vmqos_out_array(out, key);
	for (i = 0; i < VMQOS_MEM_BUCKETS; i++)
		vmqos_out_u64(out, NULL, NULL, hist[i]);
	vmqos_out_end(out);
}

/* One that a newer module has. */
static void write_reason(struct vmqos_out *out, uint64_t reason)
{
	const char *name = vmqos_why_not_name(reason);

	vmqos_out_str(out, NULL, NULL, name ? name : "unknown");
}

char *vmqos_why_not_format(uint64_t why_not, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (uint64_t bit = 1; bit && used < size; bit <<= 1) {
		const char *name = vmqos_why_not_name(bit);

		if (why_not & bit)
			used += snprintf(text + used, size - used, "%s%s", used ? ", " : "",
					 name ? name : "unknown");
	}
	return text;
}

void vmqos_write_mem(struct vmqos_out *out, const struct vmqos_mem *mem)
{
	const struct vmqos_mem_desc *descs;
	size_t count;
	size_t i;

	if (!vmqos_mem_is_known(mem))
		return;
	vmqos_out_object(out, "mem");
	descs = vmqos_mem_descs(&count);
	for (i = 0; i < count; i++)
		if (vmqos_mem_has(mem, descs[i].field))
			vmqos_out_u64(out, descs[i].name, NULL,
				      vmqos_mem_value(mem, descs[i].field));
	if (vmqos_mem_has(mem, VMQOS_MEM_SHARE_WHY_NOT)) {
		vmqos_out_array(out, "share_why_not");
		for (i = 0; i < 64; i++)
			if (mem->share_why_not >> i & 1)
				write_reason(out, UINT64_C(1) << i);
		vmqos_out_end(out);
	}
	if (vmqos_mem_has(mem, VMQOS_MEM_FOUND_HIST))
		write_hist(out, "found_hist", mem->found_hist);
	if (vmqos_mem_has(mem, VMQOS_MEM_FILLED_HIST))
		write_hist(out, "filled_hist", mem->filled_hist);
	if (vmqos_mem_has(mem, VMQOS_MEM_LIMIT_HIST))
		write_hist(out, "limit_hist", mem->limit_hist);
	if (vmqos_mem_has(mem, VMQOS_MEM_STORED_HIST))
		write_hist(out, "stored_hist", mem->stored_hist);
	if (vmqos_mem_has(mem, VMQOS_MEM_ZERO_HIST))
		write_hist(out, "zero_hist", mem->zero_hist);
	if (vmqos_mem_has(mem, VMQOS_MEM_SWAPPED_HIST))
		write_hist(out, "swapped_hist", mem->swapped_hist);
	vmqos_out_end(out);
}

/* Where it is, and which way its zeros go, or why they do not. */
void vmqos_write_mem_lines(struct vmqos_out *out, const struct vmqos_mem *mem)
{
	const struct vmqos_mem_desc *descs;
	size_t count;
	size_t i;

	descs = vmqos_mem_descs(&count);
	for (i = 0; i < count; i++) {
		unsigned int field = descs[i].field;
		uint64_t value = vmqos_mem_value(mem, field);
		char bytes[VMQOS_BYTES_TEXT], why[VMQOS_WHY_NOT_TEXT];
		char text[VMQOS_BYTES_TEXT + VMQOS_WHY_NOT_TEXT + 4];

		if (descs[i].unit != VMQOS_MEM_BYTES || !vmqos_mem_has(mem, field) ||
		    (!value && field != VMQOS_MEM_RESIDENT))
			continue;
		vmqos_bytes_format(value, bytes, sizeof(bytes));
		if (field == VMQOS_MEM_ACTIVE_MAX && mem->sampled)
			snprintf(text, sizeof(text), "%s (%.0f %%)", bytes,
				 100.0 * value / mem->sampled);
		else if (field == VMQOS_MEM_SHARE_NONE)
			snprintf(text, sizeof(text), "%s (%s)", bytes,
				 vmqos_why_not_format(mem->share_why_not, why, sizeof(why)));
		else
			snprintf(text, sizeof(text), "%s", bytes);
		vmqos_out_u64_text(out, descs[i].name, descs[i].label, value, text);
	}
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
	if (!(host->has & VMQOS_HAS(VMQOS_HOST_CPU_KEPT)))
		return;
	write_cpu(out, "cpu_kept", "cpu_kept_mhz", "cpu-kept", host->cpu_kept, host->cpu_khz,
		  "none");
	write_cpu(out, "cpu_reserved", "cpu_reserved_mhz", "cpu-reserved", host->cpu_reserved,
		  host->cpu_khz, "none");
	write_cpu(out, "cpu_unreserved", "cpu_unreserved_mhz", "cpu-unreserved",
		  host->cpu_unreserved, host->cpu_khz, "none");
	vmqos_out_bool(out, "cpu_gate", "cpu-gate", host->cpu_gate);
	snprintf(text, sizeof(text), "%u us", host->cpu_slice_us);
	vmqos_out_u64_text(out, "cpu_slice_us", "cpu-slice", host->cpu_slice_us, text);
}

void vmqos_write_unmet(struct vmqos_out *out, const struct vmqos_unmet *unmet, uint32_t cpu_khz)
{
	vmqos_out_u64(out, "id", NULL, unmet->id);
	vmqos_out_str(out, "name", NULL, unmet->name);
	vmqos_out_u64(out, "time_ns", NULL, unmet->time_ns);
	write_cpu(out, "cpu_reservation", "cpu_reservation_mhz", NULL, unmet->cpu_reservation,
		  cpu_khz, NULL);
	write_cpu(out, "cpu_received", "cpu_received_mhz", NULL, unmet->cpu_received, cpu_khz,
		  NULL);
	vmqos_out_str(out, "reason", NULL, vmqos_unmet_reason_name(unmet->reason));
}
