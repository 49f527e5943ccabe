// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of policy files and their values. A new setting is a line in the
 * table, a function that reads its value, and a field with its present bit.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy_internal.h"

#define NSEC_PER_MSEC	1000000
#define SCAN_PERIOD_MIN	10
#define SCAN_PERIOD_MAX	10000
#define SLICE_US_MIN	500
#define SLICE_US_MAX	20000
#define BALLOON_FLOOR_MIN	(16 << 20)
#define BALLOON_SPEED_MIN	(1 << 20)
/* For the end of a sentence that the library begins with what is wrong. */
#define WHY_SIZE	160

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

typedef int (*set_fn)(struct vmqos_policy_section *section, const char *value,
		      char *error, size_t size);

static int set_adopt(struct vmqos_policy_section *section, const char *value,
		     char *error, size_t size)
{
	if (vmqos_switch_parse(value, &section->vm.adopt)) {
		snprintf(error, size, "adopt is '%s': write yes or no", value);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_ADOPT;
	return 0;
}

static int set_name(struct vmqos_policy_section *section, const char *value,
		    char *error, size_t size)
{
	const char *wrong;

	/* Names are unique, and a pattern may stand for any number of VMs. */
	if (section->kind == VMQOS_POLICY_PATTERN) {
		snprintf(error, size,
			 "name is for one VM, and the pattern \"%s\" may match several: move it to a section [vm \"NAME\"] or [vm uuid=UUID]",
			 section->match);
		return -EINVAL;
	}
	wrong = vmqos_name_check(value);
	if (wrong) {
		snprintf(error, size, "name is '%s': %s", value, wrong);
		return -EINVAL;
	}
	strcpy(section->vm.name, value);
	section->vm.present |= VMQOS_POLICY_VM_NAME;
	return 0;
}

static int set_guest_time(struct vmqos_policy_section *section, const char *value,
			  char *error, size_t size)
{
	if (vmqos_switch_parse(value, &section->host.guest_time)) {
		snprintf(error, size, "guest-time is '%s': write on or off", value);
		return -EINVAL;
	}
	section->host.present |= VMQOS_POLICY_HOST_GUEST_TIME;
	return 0;
}

static int set_scan_period(struct vmqos_policy_section *section, const char *value,
			   char *error, size_t size)
{
	uint64_t ms;

	/* A bare number is in ms, the unit the kernel takes. */
	if (vmqos_number_parse(value, 0, UINT32_MAX, &ms)) {
		if (vmqos_duration_parse(value, &ms) || ms % NSEC_PER_MSEC)
			ms = 0;
		ms /= NSEC_PER_MSEC;
	}
	if (ms < SCAN_PERIOD_MIN || ms > SCAN_PERIOD_MAX) {
		snprintf(error, size,
			 "scan-period is '%s': give whole milliseconds from %d to %d, such as 100ms",
			 value, SCAN_PERIOD_MIN, SCAN_PERIOD_MAX);
		return -EINVAL;
	}
	section->host.scan_period_ms = ms;
	section->host.present |= VMQOS_POLICY_HOST_SCAN_PERIOD;
	return 0;
}

static int set_cpu_shares(struct vmqos_policy_section *section, const char *value,
			  char *error, size_t size)
{
	char why[WHY_SIZE];

	if (vmqos_cpu_shares_parse(value, &section->vm.cpu_shares, &section->vm.cpu_shares_level,
				   why, sizeof(why))) {
		snprintf(error, size, "cpu-shares is '%s', which %s", value, why);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_CPU_SHARES;
	return 0;
}

static int read_amount(const char *key, const char *value, struct vmqos_cpu_amount *amount,
		       char *error, size_t size)
{
	char why[WHY_SIZE];

	if (!vmqos_cpu_parse(value, amount, why, sizeof(why)))
		return 0;
	snprintf(error, size, "%s is '%s', which %s", key, value, why);
	return -EINVAL;
}

static int set_cpu_reservation(struct vmqos_policy_section *section, const char *value,
			       char *error, size_t size)
{
	section->vm.present |= VMQOS_POLICY_VM_CPU_RESERVATION;
	return read_amount("cpu-reservation", value, &section->vm.cpu_reservation, error, size);
}

static int set_cpu_limit(struct vmqos_policy_section *section, const char *value,
			 char *error, size_t size)
{
	const struct vmqos_cpu_amount *limit = &section->vm.cpu_limit;

	if (read_amount("cpu-limit", value, &section->vm.cpu_limit, error, size))
		return -EINVAL;
	/* One that is a frequency is known only on the host. */
	if (limit->ppm && limit->ppm < VMQOS_CPU_LIMIT_MIN) {
		snprintf(error, size,
			 "cpu-limit is '%s': a limit is at least 1%% of a CPU, or none", value);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_CPU_LIMIT;
	return 0;
}

static int set_cpu_latency(struct vmqos_policy_section *section, const char *value,
			   char *error, size_t size)
{
	char why[WHY_SIZE];

	if (vmqos_cpu_latency_parse(value, &section->vm.cpu_latency, why, sizeof(why))) {
		snprintf(error, size, "cpu-latency is '%s', which %s", value, why);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_CPU_LATENCY;
	return 0;
}

static int set_cpu_charge_others(struct vmqos_policy_section *section, const char *value,
				 char *error, size_t size)
{
	if (vmqos_switch_parse(value, &section->vm.cpu_charge_others)) {
		snprintf(error, size, "cpu-charge-others is '%s': write on or off", value);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_CPU_CHARGE_OTHERS;
	return 0;
}

static int set_mem_share_zero(struct vmqos_policy_section *section, const char *value,
			      char *error, size_t size)
{
	char why[WHY_SIZE];

	if (vmqos_mem_share_zero_parse(value, &section->vm.mem_share_zero, why, sizeof(why))) {
		snprintf(error, size, "mem-share-zero is '%s', which %s", value, why);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_MEM_SHARE_ZERO;
	return 0;
}

static int set_mem_limit(struct vmqos_policy_section *section, const char *value,
			 char *error, size_t size)
{
	uint64_t *limit = &section->vm.mem_limit;
	char why[WHY_SIZE];

	if (vmqos_bytes_parse(value, limit, why, sizeof(why))) {
		snprintf(error, size, "mem-limit is '%s', which %s", value, why);
		return -EINVAL;
	}
	if (*limit && *limit < VMQOS_MEM_LIMIT_MIN) {
		snprintf(error, size, "mem-limit is '%s': give at least 1M, or none", value);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_MEM_LIMIT;
	return 0;
}

static int set_balloon(struct vmqos_policy_section *section, const char *value,
		       char *error, size_t size)
{
	if (vmqos_switch_parse(value, &section->vm.balloon)) {
		snprintf(error, size, "balloon is '%s': write yes or no", value);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_BALLOON;
	return 0;
}

static int set_balloon_floor(struct vmqos_policy_section *section, const char *value,
			     char *error, size_t size)
{
	char why[WHY_SIZE];

	if (vmqos_bytes_parse(value, &section->vm.balloon_floor, why, sizeof(why))) {
		snprintf(error, size, "balloon-floor is '%s', which %s", value, why);
		return -EINVAL;
	}
	if (section->vm.balloon_floor < BALLOON_FLOOR_MIN) {
		snprintf(error, size,
			 "balloon-floor is '%s': no guest does with less than 16M, give at least that",
			 value);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_BALLOON_FLOOR;
	return 0;
}

static int set_balloon_speed(struct vmqos_policy_section *section, const char *value,
			     char *error, size_t size)
{
	char why[WHY_SIZE];

	if (vmqos_bytes_parse(value, &section->vm.balloon_speed, why, sizeof(why))) {
		snprintf(error, size, "balloon-speed is '%s', which %s", value, why);
		return -EINVAL;
	}
	if (section->vm.balloon_speed < BALLOON_SPEED_MIN) {
		snprintf(error, size,
			 "balloon-speed is '%s': give at least 1M, which is so much a second",
			 value);
		return -EINVAL;
	}
	section->vm.present |= VMQOS_POLICY_VM_BALLOON_SPEED;
	return 0;
}

static int set_cpu_kept(struct vmqos_policy_section *section, const char *value,
			char *error, size_t size)
{
	section->host.present |= VMQOS_POLICY_HOST_CPU_KEPT;
	return read_amount("cpu-kept", value, &section->host.cpu_kept, error, size);
}

static int set_cpu_gate(struct vmqos_policy_section *section, const char *value,
			char *error, size_t size)
{
	if (vmqos_switch_parse(value, &section->host.cpu_gate)) {
		snprintf(error, size, "cpu-gate is '%s': write on or off", value);
		return -EINVAL;
	}
	section->host.present |= VMQOS_POLICY_HOST_CPU_GATE;
	return 0;
}

static int set_cpu_slice_us(struct vmqos_policy_section *section, const char *value,
			    char *error, size_t size)
{
	uint64_t us;

	if (vmqos_number_parse(value, SLICE_US_MIN, SLICE_US_MAX, &us)) {
		snprintf(error, size, "cpu-slice-us is '%s': give whole microseconds from %d to %d",
			 value, SLICE_US_MIN, SLICE_US_MAX);
		return -EINVAL;
	}
	section->host.cpu_slice_us = us;
	section->host.present |= VMQOS_POLICY_HOST_CPU_SLICE_US;
	return 0;
}

static int set_cgroup_weights(struct vmqos_policy_section *section, const char *value,
			      char *error, size_t size)
{
	if (!vmqos_switch_parse(value, &section->daemon.cgroup_weights))
		return 0;
	snprintf(error, size, "cgroup-weights is '%s': write yes or no", value);
	return -EINVAL;
}

enum scope { OF_VM, OF_HOST, OF_DAEMON };

static const struct {
	const char *name;
	enum scope scope;
	set_fn set;
} keys[] = {
	{ "adopt", OF_VM, set_adopt },
	{ "name", OF_VM, set_name },
	{ "cpu-shares", OF_VM, set_cpu_shares },
	{ "cpu-reservation", OF_VM, set_cpu_reservation },
	{ "cpu-limit", OF_VM, set_cpu_limit },
	{ "cpu-latency", OF_VM, set_cpu_latency },
	{ "cpu-charge-others", OF_VM, set_cpu_charge_others },
	{ "mem-share-zero", OF_VM, set_mem_share_zero },
	{ "mem-limit", OF_VM, set_mem_limit },
	{ "balloon", OF_VM, set_balloon },
	{ "balloon-floor", OF_VM, set_balloon_floor },
	{ "balloon-speed", OF_VM, set_balloon_speed },
	{ "guest-time", OF_HOST, set_guest_time },
	{ "scan-period", OF_HOST, set_scan_period },
	{ "cpu-kept", OF_HOST, set_cpu_kept },
	{ "cpu-gate", OF_HOST, set_cpu_gate },
	{ "cpu-slice-us", OF_HOST, set_cpu_slice_us },
	{ "cgroup-weights", OF_DAEMON, set_cgroup_weights },
};

static const char *section_word(enum scope scope)
{
	static const char *const words[] = { "[vm ...]", "[host]", "[daemon]" };

	return words[scope];
}

static enum scope scope_of(const struct vmqos_policy_section *section)
{
	return section->kind == VMQOS_POLICY_HOST ? OF_HOST :
	       section->kind == VMQOS_POLICY_DAEMON ? OF_DAEMON : OF_VM;
}

static void unknown_key(const char *key, enum scope scope, char *error, size_t size)
{
	unsigned int i, best = 0, least = ~0u, d;
	int at;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, key) == 0) {
			snprintf(error, size, "%s is no key of %s: move it to a %s section",
				 key, section_word(scope), section_word(keys[i].scope));
			return;
		}
		/* Keys that belong elsewhere are named only when nothing here is nearer. */
		d = 2 * vmqos_word_distance(key, keys[i].name) + (keys[i].scope != scope);
		if (d < least) {
			least = d;
			best = i;
		}
	}
	if (least <= 2 * (1 + strlen(key) / 3) + 1) {
		snprintf(error, size, "unknown key '%s': did you mean '%s'%s%s?", key,
			 keys[best].name, keys[best].scope != scope ? " of " : "",
			 keys[best].scope != scope ? section_word(keys[best].scope) : "");
		return;
	}
	at = snprintf(error, size, "unknown key '%s': the nearest is '%s'; a %s section takes", key,
		      keys[best].name, section_word(scope));
	for (i = 0; i < ARRAY_SIZE(keys) && at > 0 && (size_t)at < size; i++) {
		if (keys[i].scope == scope)
			at += snprintf(error + at, size - at, " %s", keys[i].name);
	}
}

/**
 * vmqos_policy_set_key() - take one key of a section
 * @section: the section
 * @key: the key
 * @value: its value
 * @error: filled with what is wrong and what to do
 * @size: room in @error
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_policy_set_key(struct vmqos_policy_section *section, const char *key,
			 const char *value, char *error, size_t size)
{
	enum scope scope = scope_of(section);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].scope != scope || strcmp(keys[i].name, key) != 0)
			continue;
		if (section->seen & (1u << i)) {
			snprintf(error, size, "%s is given twice in this section: keep one", key);
			return -EINVAL;
		}
		section->seen |= 1u << i;
		if (!*value) {
			snprintf(error, size, "%s has no value: write '%s = VALUE' or remove the line",
				 key, key);
			return -EINVAL;
		}
		return keys[i].set(section, value, error, size);
	}
	unknown_key(key, scope, error, size);
	return -EINVAL;
}
