// SPDX-License-Identifier: LGPL-2.1+
/* Numbers, switches, durations and UUIDs as text. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmqos/vmqos.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int vmqos_uuid_parse(const char *text, uint8_t uuid[VMQOS_UUID_SIZE])
{
	uint8_t bytes[VMQOS_UUID_SIZE];
	bool hyphens = strlen(text) == VMQOS_UUID_TEXT - 1;
	int i;

	for (i = 0; i < VMQOS_UUID_SIZE; i++) {
		int high, low;

		if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return -EINVAL;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		bytes[i] = high << 4 | low;
		text += 2;
	}
	if (*text)
		return -EINVAL;
	memcpy(uuid, bytes, sizeof(bytes));
	return 0;
}

char *vmqos_uuid_format(const uint8_t uuid[VMQOS_UUID_SIZE], char text[VMQOS_UUID_TEXT])
{
	char *to = text;
	int i;

	for (i = 0; i < VMQOS_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		to += sprintf(to, "%02x", uuid[i]);
	}
	return text;
}

int vmqos_number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t number = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *text - '0', &number))
			return -ERANGE;
	}
	if (number < min || number > max)
		return -ERANGE;
	*value = number;
	return 0;
}

int vmqos_switch_parse(const char *text, bool *value)
{
	static const char *const words[][4] = {
		{ "off", "no", "false", "0" },
		{ "on", "yes", "true", "1" },
	};
	int which, i;

	for (which = 0; which < 2; which++) {
		for (i = 0; i < 4; i++) {
			if (!strcmp(text, words[which][i])) {
				*value = which;
				return 0;
			}
		}
	}
	return -EINVAL;
}

int vmqos_duration_parse(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	double number;
	char *end;
	size_t i;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return -EINVAL;
	/* strtod() knows hexadecimal numbers too, which nobody means here. */
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return -EINVAL;
	errno = 0;
	number = strtod(text, &end);
	if (errno || !isfinite(number))
		return -ERANGE;
	if (end == text)
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit))
			continue;
		number *= units[i].ns;
		if (number >= 9e18)
			return -ERANGE;
		*ns = (uint64_t)(number + 0.5);
		return 0;
	}
	return -EINVAL;
}

char *vmqos_duration_format(uint64_t ns, char *text, size_t size)
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = { { 1, "ns" }, { 1e3, "us" }, { 1e6, "ms" }, { 1e9, "s" } };
	double value = ns;
	int i = 0;

	/* The limit is 999.5, so that no "1000us" comes of rounding. */
	while (i < 3 && ns / units[i].ns >= (i ? 999.5 : 1000))
		i++;
	value = ns / units[i].ns;
	snprintf(text, size, "%.*f%s", !i || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2,
		 value, units[i].unit);
	return text;
}

double vmqos_mhz_of_run(uint64_t run_ns, uint64_t wall_ns, uint32_t cpu_khz)
{
	if (!wall_ns)
		return 0;
	return (double)run_ns / wall_ns * cpu_khz / 1000;
}

unsigned int vmqos_word_distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	unsigned int d[MAX + 1][MAX + 1], i, j, cost;
	size_t la = strlen(a), lb = strlen(b);

	if (la > MAX || lb > MAX)
		return MAX;
	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (j = 0; j <= lb; j++)
		d[0][j] = j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			cost = tolower((unsigned char)a[i - 1]) != b[j - 1];
			d[i][j] = d[i - 1][j - 1] + cost;
			if (d[i - 1][j] + 1 < d[i][j])
				d[i][j] = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < d[i][j])
				d[i][j] = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}
