// SPDX-License-Identifier: LGPL-2.1+
/* Amounts of CPU, shares and the words of a CPU policy as text. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <vmqos/vmqos.h>

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Digits behind the point that are read; the wire has no more. */
#define FRACTION_DIGITS	9
/* Above this no unit makes sense, and below it a double is exact. */
#define NUMBER_MAX	1e12

/*
 * @ppm: millionths of one CPU in one of it, 0 for a frequency
 * @khz: kHz in one of it
 * @written: how it is spelt in messages, NULL for a second spelling
 */
static const struct unit {
	const char *name;
	double ppm;
	double khz;
	const char *written;
} units[] = {
	{ "ghz", 0, 1e6, "GHz" },
	{ "mhz", 0, 1e3, "MHz" },
	{ "%", 1e4, 0, "%" },
	{ "cpu", 1e6, 0, "cpu" },
	{ "cpus", 1e6, 0, NULL },
};

static const char *const levels[] = {
	[VMQOS_CPU_CUSTOM] = "custom",
	[VMQOS_CPU_LOW] = "low",
	[VMQOS_CPU_NORMAL] = "normal",
	[VMQOS_CPU_HIGH] = "high",
};

static const char *const latencies[] = {
	[VMQOS_LATENCY_NORMAL] = "normal",
	[VMQOS_LATENCY_LOW] = "low",
};

static const char *skip_blanks(const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

/* Decimal digits with at most one point; neither sign, exponent nor 0x. */
static const char *read_decimal(const char *text, double *number)
{
	double scale = 1;
	int digits = 0;
	int fraction = 0;

	*number = 0;
	for (; isdigit((unsigned char)*text); text++, digits++)
		*number = *number * 10 + (*text - '0');
	if (*text == '.') {
		text++;
		for (; isdigit((unsigned char)*text); text++, digits++) {
			if (fraction++ >= FRACTION_DIGITS)
				continue;
			*number = *number * 10 + (*text - '0');
			scale *= 10;
		}
	}
	*number /= scale;
	return digits ? text : NULL;
}

/* The word of a list that is meant, or NULL when none is near. */
static const char *nearest(const char *text, const char *const *words, size_t count)
{
	unsigned int least = 3, d;
	const char *best = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		d = vmqos_word_distance(text, words[i]);
		if (d < least && d < strlen(words[i])) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

static int fail_unit(const char *unit, char *why, size_t size)
{
	static const char *const names[] = { "ghz", "mhz", "cpu" };
	const char *near = nearest(unit, names, COUNT(names));
	size_t i;

	for (i = 0; near && i < COUNT(units); i++)
		if (!strcmp(near, units[i].name))
			near = units[i].written;
	if (near)
		snprintf(why, size,
			 "has the unknown unit \"%.16s\", did you mean %s? Units are GHz, MHz, %% and cpu",
			 unit, near);
	else
		snprintf(why, size,
			 "has the unknown unit \"%.16s\": write 2GHz, 1500MHz, 150%%, 1.5cpu or none",
			 unit);
	return -EINVAL;
}

int vmqos_cpu_parse(const char *text, struct vmqos_cpu_amount *amount, char *why, size_t size)
{
	static const char *const none[] = { "none" };
	struct vmqos_cpu_amount result = { 0 };
	const char *unit;
	double number;
	size_t i;

	if (!strcasecmp(text, "none") || !strcmp(text, "0")) {
		*amount = result;
		return 0;
	}
	unit = read_decimal(text, &number);
	if (!unit) {
		snprintf(why, size, "is no amount of CPU%s: write 2GHz, 1500MHz, 150%%, 1.5cpu or none",
			 nearest(text, none, 1) ? ", did you mean none?" : "");
		return -EINVAL;
	}
	unit = skip_blanks(unit);
	if (!*unit) {
		snprintf(why, size, "has no unit: write 2GHz, 1500MHz, 150%%, 1.5cpu or none");
		return -EINVAL;
	}
	for (i = 0; i < COUNT(units); i++)
		if (!strcasecmp(unit, units[i].name))
			break;
	if (i == COUNT(units))
		return fail_unit(unit, why, size);
	if (number > NUMBER_MAX || number * units[i].ppm > UINT32_MAX) {
		snprintf(why, size, "is more than any host has: the most is %d CPUs",
			 UINT32_MAX / VMQOS_CPU_WHOLE);
		return -ERANGE;
	}
	/* Little is not none: what was asked for is not turned into its opposite. */
	if (units[i].khz) {
		result.khz = number * units[i].khz + 0.5;
		if (!result.khz && number > 0)
			result.khz = 1;
	} else {
		result.ppm = number * units[i].ppm + 0.5;
		if (!result.ppm && number > 0)
			result.ppm = 1;
	}
	*amount = result;
	return 0;
}

int vmqos_cpu_ppm(const struct vmqos_cpu_amount *amount, uint32_t cpu_khz, uint32_t *ppm)
{
	double value;

	if (!amount->khz) {
		*ppm = amount->ppm;
		return 0;
	}
	if (!cpu_khz)
		return -ENODATA;
	value = (double)amount->khz / cpu_khz * VMQOS_CPU_WHOLE + 0.5;
	if (value > UINT32_MAX)
		return -ERANGE;
	*ppm = value < 1 ? 1 : (uint32_t)value;
	return 0;
}

double vmqos_cpu_mhz(uint64_t ppm, uint32_t cpu_khz)
{
	return (double)ppm * cpu_khz / VMQOS_CPU_WHOLE / 1000;
}

char *vmqos_cpu_format(uint32_t ppm, uint32_t cpu_khz, char *text, size_t size)
{
	if (cpu_khz)
		snprintf(text, size, "%.0f MHz (%.1f %%)", vmqos_cpu_mhz(ppm, cpu_khz),
			 ppm / 1e4);
	else
		snprintf(text, size, "%.1f %%", ppm / 1e4);
	return text;
}

int vmqos_cpu_shares_parse(const char *text, uint32_t *shares, uint32_t *level, char *why,
			   size_t size)
{
	const char *near;
	uint64_t number;
	int err;

	err = vmqos_number_parse(text, 1, VMQOS_CPU_SHARES_MAX, &number);
	if (!err) {
		*shares = number;
		*level = VMQOS_CPU_CUSTOM;
		return 0;
	}
	if (err == -ERANGE) {
		snprintf(why, size, "is out of range: shares are from 1 to %d",
			 VMQOS_CPU_SHARES_MAX);
		return err;
	}
	for (number = VMQOS_CPU_LOW; number < COUNT(levels); number++) {
		if (strcmp(text, levels[number]))
			continue;
		*shares = 0;
		*level = number;
		return 0;
	}
	near = nearest(text, levels + VMQOS_CPU_LOW, COUNT(levels) - VMQOS_CPU_LOW);
	snprintf(why, size, "are no shares%s%s%s: write a number from 1 to %d, low, normal or high",
		 near ? ", did you mean " : "", near ? near : "", near ? "?" : "",
		 VMQOS_CPU_SHARES_MAX);
	return -EINVAL;
}

int vmqos_cpu_latency_parse(const char *text, uint32_t *latency, char *why, size_t size)
{
	const char *near;
	size_t i;

	for (i = 0; i < COUNT(latencies); i++) {
		if (strcmp(text, latencies[i]))
			continue;
		*latency = i;
		return 0;
	}
	near = nearest(text, latencies, COUNT(latencies));
	snprintf(why, size, "is no latency class%s%s%s: write normal or low",
		 near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
	return -EINVAL;
}

const char *vmqos_cpu_level_name(uint32_t level)
{
	return level < COUNT(levels) ? levels[level] : "unknown";
}

const char *vmqos_cpu_latency_name(uint32_t latency)
{
	return latency < COUNT(latencies) ? latencies[latency] : "unknown";
}
