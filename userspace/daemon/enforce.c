// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * A VM's policy goes to the kernel in one request, so that it comes into
 * force whole. The one part that may have to wait is the reservation: when the
 * host has not so much left, the rest is put in force without it, and it is
 * asked for again when capacity may have come free.
 *
 * Invariant: what the files say is put in force once, when it is new. What an
 * administrator changes by hand afterwards holds until the files say something
 * else or the daemon is started again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enforce.h"
#include "log.h"
#include "policy.h"
#include "roster.h"

/* Nominal frequency of one CPU, 0 when it is not to be had. */
static uint32_t frequency(struct vmqos *ctx)
{
	struct vmqos_host host;

	return vmqos_host_get(ctx, -1, &host) ? 0 : host.cpu_khz;
}

/* Millionths of a CPU; what is too much for the wire is too much for the host. */
static uint32_t millionths(const struct vmqos_cpu_amount *amount, uint32_t cpu_khz)
{
	uint32_t ppm;

	return vmqos_cpu_ppm(amount, cpu_khz, &ppm) ? UINT32_MAX : ppm;
}

/**
 * vmqos_enforce_host() - put the host's settings in force
 * @ctx: the library's context
 * @wanted: what the policy says
 */
void vmqos_enforce_host(struct vmqos *ctx, const struct vmqos_policy_host *wanted)
{
	struct vmqos_host_settings settings = { 0 };

	if (wanted->present & VMQOS_POLICY_HOST_GUEST_TIME) {
		settings.set |= VMQOS_HAS(VMQOS_HOST_GUEST_TIME);
		settings.guest_time = wanted->guest_time;
	}
	if (wanted->present & VMQOS_POLICY_HOST_SCAN_PERIOD) {
		settings.set |= VMQOS_HAS(VMQOS_HOST_SCAN_PERIOD_MS);
		settings.scan_period_ms = wanted->scan_period_ms;
	}
	if (wanted->present & VMQOS_POLICY_HOST_CPU_KEPT) {
		settings.set |= VMQOS_HAS(VMQOS_HOST_CPU_KEPT);
		settings.cpu_kept = millionths(&wanted->cpu_kept, frequency(ctx));
	}
	if (wanted->present & VMQOS_POLICY_HOST_CPU_GATE) {
		settings.set |= VMQOS_HAS(VMQOS_HOST_CPU_GATE);
		settings.cpu_gate = wanted->cpu_gate;
	}
	if (wanted->present & VMQOS_POLICY_HOST_CPU_SLICE_US) {
		settings.set |= VMQOS_HAS(VMQOS_HOST_CPU_SLICE_US);
		settings.cpu_slice_us = wanted->cpu_slice_us;
	}
	if (settings.set && vmqos_host_set(ctx, &settings, NULL))
		vmqos_daemon_log(LOG_ERR, "cannot apply the host's settings: %s",
				 vmqos_error(ctx));
}

static void make_settings(const struct vmqos_policy_vm *wanted, uint32_t cpu_khz,
			  struct vmqos_vm_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	if (wanted->present & VMQOS_POLICY_VM_CPU_SHARES) {
		settings->set |= VMQOS_HAS(wanted->cpu_shares ? VMQOS_VM_CPU_SHARES :
					   VMQOS_VM_CPU_SHARES_LEVEL);
		settings->cpu_shares = wanted->cpu_shares;
		settings->cpu_shares_level = wanted->cpu_shares_level;
	}
	if (wanted->present & VMQOS_POLICY_VM_CPU_RESERVATION) {
		settings->set |= VMQOS_HAS(VMQOS_VM_CPU_RESERVATION);
		settings->cpu_reservation = millionths(&wanted->cpu_reservation, cpu_khz);
	}
	if (wanted->present & VMQOS_POLICY_VM_CPU_LIMIT) {
		settings->set |= VMQOS_HAS(VMQOS_VM_CPU_LIMIT);
		settings->cpu_limit = millionths(&wanted->cpu_limit, cpu_khz);
	}
	if (wanted->present & VMQOS_POLICY_VM_CPU_LATENCY) {
		settings->set |= VMQOS_HAS(VMQOS_VM_CPU_LATENCY);
		settings->cpu_latency = wanted->cpu_latency;
	}
	if (wanted->present & VMQOS_POLICY_VM_CPU_CHARGE_OTHERS) {
		settings->set |= VMQOS_HAS(VMQOS_VM_CPU_CHARGE_OTHERS);
		settings->cpu_charge_others = wanted->cpu_charge_others;
	}
	if (wanted->present & VMQOS_POLICY_VM_MEM_SHARE_ZERO) {
		settings->set |= VMQOS_HAS(VMQOS_VM_MEM_SHARE_ZERO);
		settings->mem_share_zero = wanted->mem_share_zero;
	}
	if (wanted->present & VMQOS_POLICY_VM_MEM_LIMIT) {
		settings->set |= VMQOS_HAS(VMQOS_VM_MEM_LIMIT);
		settings->mem_limit = wanted->mem_limit;
	}
}

/* What is in force now, in a line of the log. */
static void log_policy(const struct vmqos_vm *vm, uint32_t cpu_khz)
{
	char reservation[VMQOS_CPU_TEXT] = "none", limit[VMQOS_CPU_TEXT] = "none";
	char memory[VMQOS_BYTES_TEXT] = "none";

	if (vm->mem_limit)
		vmqos_bytes_format(vm->mem_limit, memory, sizeof(memory));
	if (vm->cpu_reservation)
		vmqos_cpu_format(vm->cpu_reservation, cpu_khz, reservation, sizeof(reservation));
	if (vm->cpu_limit)
		vmqos_cpu_format(vm->cpu_limit, cpu_khz, limit, sizeof(limit));
	vmqos_daemon_log(LOG_INFO,
			 "VM %s: cpu-shares %u (%s), cpu-reservation %s, cpu-limit %s, cpu-latency %s, cpu-charge-others %s, mem-share-zero %s, mem-limit %s",
			 vm->name, vm->cpu_shares, vmqos_cpu_level_name(vm->cpu_shares_level),
			 reservation, limit, vmqos_cpu_latency_name(vm->cpu_latency),
			 vm->cpu_charge_others ? "on" : "off",
			 vmqos_mem_share_zero_name(vm->mem_share_zero), memory);
}

static bool is_gone(int err)
{
	return err == -ENOENT || err == -ENODEV;
}

/* Whether the last request was refused because of the reservation alone. */
static bool reservation_refused(const struct vmqos *ctx)
{
	const char *attr = vmqos_error_attr(ctx);

	return attr && strcmp(attr, "cpu-reservation") == 0;
}

/* Tells a refusal, but not again and again in the same words. */
static void tell_refusal(struct vmqos *ctx, struct vmqos_member *member)
{
	if (strcmp(member->refusal, vmqos_error(ctx)) == 0)
		return;
	snprintf(member->refusal, sizeof(member->refusal), "%s", vmqos_error(ctx));
	vmqos_daemon_log(LOG_WARNING,
			 "VM %s does not get its cpu-reservation: %s; it is tried again when capacity comes free",
			 member->name, member->refusal);
}

/* Asks for the policy; without the reservation when that has to wait. */
static void ask(struct vmqos *ctx, struct vmqos_member *member)
{
	uint32_t cpu_khz = frequency(ctx);
	struct vmqos_vm_settings settings;
	struct vmqos_vm vm;
	int ret;

	make_settings(&member->policy, cpu_khz, &settings);
	if (!settings.set)
		return;
	ret = vmqos_vm_set(ctx, member->id, &settings, &vm);
	if (ret && !is_gone(ret) && reservation_refused(ctx)) {
		tell_refusal(ctx, member);
		member->owed = true;
		settings.set &= ~VMQOS_HAS(VMQOS_VM_CPU_RESERVATION);
		if (!settings.set)
			return;
		ret = vmqos_vm_set(ctx, member->id, &settings, &vm);
	}
	if (is_gone(ret))
		return;
	if (ret)
		vmqos_daemon_log(LOG_ERR, "cannot give VM %s its policy: %s", member->name,
				 vmqos_error(ctx));
	else
		log_policy(&vm, cpu_khz);
}

static bool same_amount(const struct vmqos_cpu_amount *a, const struct vmqos_cpu_amount *b)
{
	return a->khz == b->khz && a->ppm == b->ppm;
}

/* Fields that are not given are 0 in both. */
static bool same_policy(const struct vmqos_policy_vm *a, const struct vmqos_policy_vm *b)
{
	return (a->present & VMQOS_POLICY_VM_FORCE) == (b->present & VMQOS_POLICY_VM_FORCE) &&
	       a->cpu_shares == b->cpu_shares && a->cpu_shares_level == b->cpu_shares_level &&
	       same_amount(&a->cpu_reservation, &b->cpu_reservation) &&
	       same_amount(&a->cpu_limit, &b->cpu_limit) && a->cpu_latency == b->cpu_latency &&
	       a->cpu_charge_others == b->cpu_charge_others &&
	       a->mem_share_zero == b->mem_share_zero && a->mem_limit == b->mem_limit;
}

/**
 * vmqos_enforce_vm() - put the policy of a VM in force, when it is new
 * @ctx: the library's context
 * @member: the VM
 * @wanted: what the policy says
 *
 * What is refused is logged.
 */
void vmqos_enforce_vm(struct vmqos *ctx, struct vmqos_member *member,
		      const struct vmqos_policy_vm *wanted)
{
	member->balloon = *wanted;
	if (same_policy(&member->policy, wanted))
		return;
	member->policy = *wanted;
	member->owed = false;
	member->refusal[0] = '\0';
	ask(ctx, member);
}

/**
 * vmqos_enforce_again() - ask once more for a reservation that was refused
 * @ctx: the library's context
 * @member: a VM that is owed one
 */
void vmqos_enforce_again(struct vmqos *ctx, struct vmqos_member *member)
{
	struct vmqos_vm_settings settings = { .set = VMQOS_HAS(VMQOS_VM_CPU_RESERVATION) };
	uint32_t cpu_khz = frequency(ctx);
	struct vmqos_vm vm;
	int ret;

	settings.cpu_reservation = millionths(&member->policy.cpu_reservation, cpu_khz);
	ret = vmqos_vm_set(ctx, member->id, &settings, &vm);
	if (is_gone(ret))
		return;
	if (ret) {
		tell_refusal(ctx, member);
		return;
	}
	member->owed = false;
	member->refusal[0] = '\0';
	log_policy(&vm, cpu_khz);
}
