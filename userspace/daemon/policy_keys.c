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

static const struct {
	const char *name;
	bool host;
	set_fn set;
} keys[] = {
	{ "adopt", false, set_adopt },
	{ "name", false, set_name },
	{ "guest-time", true, set_guest_time },
	{ "scan-period", true, set_scan_period },
};

static const char *section_word(bool host)
{
	return host ? "[host]" : "[vm ...]";
}

static void unknown_key(const char *key, bool host, char *error, size_t size)
{
	unsigned int i, best = 0, least = ~0u, d;
	int at;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, key) == 0) {
			snprintf(error, size, "%s is no key of %s: move it to a %s section",
				 key, section_word(host), section_word(!host));
			return;
		}
		/* Keys that belong elsewhere are named only when nothing here is nearer. */
		d = 2 * vmqos_word_distance(key, keys[i].name) + (keys[i].host != host);
		if (d < least) {
			least = d;
			best = i;
		}
	}
	if (least <= 2 * (1 + strlen(key) / 3) + 1) {
		snprintf(error, size, "unknown key '%s': did you mean '%s'%s%s?", key,
			 keys[best].name, keys[best].host != host ? " of " : "",
			 keys[best].host != host ? section_word(!host) : "");
		return;
	}
	at = snprintf(error, size, "unknown key '%s': the nearest is '%s'; a %s section takes", key,
		      keys[best].name, section_word(host));
	for (i = 0; i < ARRAY_SIZE(keys) && at > 0 && (size_t)at < size; i++) {
		if (keys[i].host == host)
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
	bool host = section->kind == VMQOS_POLICY_HOST;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].host != host || strcmp(keys[i].name, key) != 0)
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
	unknown_key(key, host, error, size);
	return -EINVAL;
}
