// SPDX-License-Identifier: GPL-2.0
/* Workloads of the test VMM as text: "spin", "halt:1000", "duty:300/1000", "touch:16M". */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm.h"

/* Which parameter a workload takes. */
enum parameter { NOTHING, PERIOD, RUN_AND_PERIOD, BYTES, COUNT, NUMBER };

static const struct {
	const char *name;
	enum vmqos_vmm_kind kind;
	enum parameter parameter;
} kinds[] = {
	{ "spin", VMQOS_VMM_SPIN, NOTHING },
	{ "halt", VMQOS_VMM_HALT, PERIOD },
	{ "duty", VMQOS_VMM_DUTY, RUN_AND_PERIOD },
	{ "exit", VMQOS_VMM_EXIT, NOTHING },
	{ "yield", VMQOS_VMM_YIELD, COUNT },
	{ "pass", VMQOS_VMM_PASS, COUNT },
	{ "sleep", VMQOS_VMM_SLEEP, PERIOD },
	{ "mmio", VMQOS_VMM_MMIO, NOTHING },
	{ "touch", VMQOS_VMM_TOUCH, BYTES },
	{ "watch", VMQOS_VMM_WATCH, NUMBER },
	{ "idle", VMQOS_VMM_IDLE, NOTHING },
	{ "paused", VMQOS_VMM_PAUSED, NOTHING },
};

/* KVM makes periods below 200 us longer; the timer's counter has 32 bits of nanoseconds. */
static int parse_us(const char **text, uint32_t *us, uint32_t least)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(*text, &end, 10);
	if (end == *text || errno || value < least || value > 4000000)
		return -EINVAL;
	*text = end;
	*us = value;
	return 0;
}

static int parse_bytes(const char **text, uint64_t *bytes)
{
	static const char suffixes[] = "KMG";
	const char *suffix;
	char *end;

	errno = 0;
	*bytes = strtoull(*text, &end, 10);
	if (end == *text || errno || !*bytes)
		return -EINVAL;
	suffix = *end ? strchr(suffixes, *end) : NULL;
	if (suffix) {
		*bytes <<= 10 * (suffix - suffixes + 1);
		end++;
	}
	*text = end;
	return 0;
}

static int parse_parameter(const char *text, enum parameter parameter,
			   struct vmqos_vmm_workload *out)
{
	char *end;
	int ret = 0;

	switch (parameter) {
	case NOTHING:
		break;
	case PERIOD:
		ret = parse_us(&text, &out->period_us, 200);
		break;
	case RUN_AND_PERIOD:
		ret = parse_us(&text, &out->run_us, 1);
		if (!ret && *text++ != '/')
			ret = -EINVAL;
		if (!ret)
			ret = parse_us(&text, &out->period_us, 200);
		break;
	case BYTES:
		ret = parse_bytes(&text, &out->bytes);
		break;
	case COUNT:
	case NUMBER:
		out->count = strtoul(text, &end, 10);
		ret = end == text || (parameter == COUNT && !out->count) ||
		      out->count >= INT_MAX ? -EINVAL : 0;
		text = end;
		break;
	}
	if (ret)
		return ret;
	return *text ? -EINVAL : 0;
}

/**
 * vmqos_vmm_parse_workload() - read a workload
 * @text: name, and parameters behind a colon
 * @out: where to put it
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_vmm_parse_workload(const char *text, struct vmqos_vmm_workload *out)
{
	size_t length = strcspn(text, ":");

	*out = (struct vmqos_vmm_workload){ 0 };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) != length || strncmp(kinds[i].name, text, length))
			continue;
		out->kind = kinds[i].kind;
		if (kinds[i].parameter == NOTHING)
			return text[length] ? -EINVAL : 0;
		if (!text[length])
			return -EINVAL;
		return parse_parameter(text + length + 1, kinds[i].parameter, out);
	}
	return -EINVAL;
}

/**
 * vmqos_vmm_format_workload() - write a workload as it would be given
 * @workload: the workload
 * @buf: where to put the text
 * @size: size of @buf
 */
void vmqos_vmm_format_workload(const struct vmqos_vmm_workload *workload, char *buf, size_t size)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].kind != workload->kind)
			continue;
		switch (kinds[i].parameter) {
		case NOTHING:
			snprintf(buf, size, "%s", kinds[i].name);
			return;
		case PERIOD:
			snprintf(buf, size, "%s:%u", kinds[i].name, workload->period_us);
			return;
		case RUN_AND_PERIOD:
			snprintf(buf, size, "%s:%u/%u", kinds[i].name, workload->run_us,
				 workload->period_us);
			return;
		case BYTES:
			snprintf(buf, size, "%s:%llu", kinds[i].name,
				 (unsigned long long)workload->bytes);
			return;
		case COUNT:
		case NUMBER:
			snprintf(buf, size, "%s:%u", kinds[i].name, workload->count);
			return;
		}
	}
}
