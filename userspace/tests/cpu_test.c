// SPDX-License-Identifier: GPL-2.0
/* Amounts of CPU, shares and the words of a CPU policy. */
#include <errno.h>

#include <vmqos/vmqos.h>

#include "check.h"

#define KHZ	2794748

static void amounts(void)
{
	static const struct {
		const char *text;
		uint64_t khz;
		uint32_t ppm;
	} good[] = {
		{ "2GHz", 2000000, 0 },
		{ "2ghz", 2000000, 0 },
		{ "1500MHz", 1500000, 0 },
		{ "1500 MHz", 1500000, 0 },
		{ "0.5GHz", 500000, 0 },
		{ ".5GHz", 500000, 0 },
		{ "2.GHz", 2000000, 0 },
		{ "150%", 0, 1500000 },
		{ "0.0001%", 0, 1 },
		{ "0.00001%", 0, 1 },
		{ "33.3333%", 0, 333333 },
		{ "1.5cpu", 0, 1500000 },
		{ "1.5CPU", 0, 1500000 },
		{ "2cpus", 0, 2000000 },
		{ "4294cpu", 0, 4294000000u },
		{ "none", 0, 0 },
		{ "0", 0, 0 },
		{ "0%", 0, 0 },
		{ "0MHz", 0, 0 },
		{ "0.00000000001MHz", 0, 0 },
	};
	struct vmqos_cpu_amount amount;
	char why[160];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(&amount, 0xff, sizeof(amount));
		CHECK_EQ(vmqos_cpu_parse(good[i].text, &amount, why, sizeof(why)), 0);
		if (amount.khz != good[i].khz || amount.ppm != good[i].ppm)
			printf("# \"%s\"\n", good[i].text);
		CHECK_EQ(amount.khz, good[i].khz);
		CHECK_EQ(amount.ppm, good[i].ppm);
	}
}

static void wrong_amounts(void)
{
	static const struct {
		const char *text;
		int err;
		const char *why;
	} bad[] = {
		{ "", -EINVAL, "is no amount" },
		{ "2", -EINVAL, "has no unit" },
		{ "1500", -EINVAL, "has no unit" },
		{ "0.0", -EINVAL, "has no unit" },
		{ "nune", -EINVAL, "did you mean none?" },
		{ "unlimited", -EINVAL, "is no amount" },
		{ "-1cpu", -EINVAL, "is no amount" },
		{ "+1cpu", -EINVAL, "is no amount" },
		{ ".cpu", -EINVAL, "is no amount" },
		{ "0x2GHz", -EINVAL, "unknown unit" },
		{ "1e3MHz", -EINVAL, "unknown unit" },
		{ "1.2.3cpu", -EINVAL, "unknown unit" },
		{ "inf%", -EINVAL, "is no amount" },
		{ "nan", -EINVAL, "is no amount" },
		{ "2GB", -EINVAL, "did you mean GHz?" },
		{ "2Ghx", -EINVAL, "did you mean GHz?" },
		{ "1500hmz", -EINVAL, "did you mean MHz?" },
		{ "1.5core", -EINVAL, "write 2GHz" },
		{ "1.5vcpu", -EINVAL, "did you mean cpu?" },
		{ "50percent", -EINVAL, "write 2GHz" },
		{ "2GHz ", -EINVAL, "unknown unit" },
		{ "4295cpu", -ERANGE, "the most is 4294 CPUs" },
		{ "429500%", -ERANGE, "the most is 4294 CPUs" },
		{ "99999999999999999999999999GHz", -ERANGE, "the most is 4294 CPUs" },
	};
	struct vmqos_cpu_amount amount = { 7, 8 };
	char why[160];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		CHECK_EQ(vmqos_cpu_parse(bad[i].text, &amount, why, sizeof(why)), bad[i].err);
		if (!strstr(why, bad[i].why))
			printf("# \"%s\" %s\n", bad[i].text, why);
		CHECK(strstr(why, bad[i].why));
	}
	/* What is refused changes nothing. */
	CHECK_EQ(amount.khz, 7);
	CHECK_EQ(amount.ppm, 8);
	/* A long unit neither overflows the sentence nor is lost. */
	CHECK_EQ(vmqos_cpu_parse("1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &amount, why,
				 32), -EINVAL);
	CHECK(strlen(why) < 32);
}

static void millionths(void)
{
	struct vmqos_cpu_amount amount = { .khz = KHZ };
	uint32_t ppm = 5;

	CHECK_EQ(vmqos_cpu_ppm(&amount, KHZ, &ppm), 0);
	CHECK_EQ(ppm, 1000000);
	amount.khz = KHZ / 2;
	CHECK_EQ(vmqos_cpu_ppm(&amount, KHZ, &ppm), 0);
	CHECK_EQ(ppm, 500000);
	amount.khz = 1;
	CHECK_EQ(vmqos_cpu_ppm(&amount, 4000000, &ppm), 0);
	CHECK_EQ(ppm, 1);
	CHECK_EQ(vmqos_cpu_ppm(&amount, 0, &ppm), -ENODATA);
	amount.khz = UINT64_C(1000000000000000);
	CHECK_EQ(vmqos_cpu_ppm(&amount, KHZ, &ppm), -ERANGE);
	CHECK_EQ(ppm, 1);
	amount = (struct vmqos_cpu_amount) { .ppm = 123 };
	CHECK_EQ(vmqos_cpu_ppm(&amount, 0, &ppm), 0);
	CHECK_EQ(ppm, 123);
}

/* What is shown is understood again, to the unit of the wire where it is in MHz. */
static void there_and_back(void)
{
	struct vmqos_cpu_amount amount;
	char text[VMQOS_CPU_TEXT];
	char why[160];
	uint32_t mhz;
	uint32_t ppm;

	for (mhz = 1; mhz < 300000; mhz += 37) {
		snprintf(text, sizeof(text), "%uMHz", mhz);
		CHECK_EQ(vmqos_cpu_parse(text, &amount, why, sizeof(why)), 0);
		CHECK_EQ(vmqos_cpu_ppm(&amount, KHZ, &ppm), 0);
		vmqos_cpu_format(ppm, KHZ, text, sizeof(text));
		CHECK_EQ(strtoul(text, NULL, 10), mhz);
	}
	CHECK_STR(vmqos_cpu_format(536723, KHZ, text, sizeof(text)), "1500 MHz (53.7 %)");
	CHECK_STR(vmqos_cpu_format(0, KHZ, text, sizeof(text)), "0 MHz (0.0 %)");
	CHECK_STR(vmqos_cpu_format(1500000, 0, text, sizeof(text)), "150.0 %");
	CHECK(strlen(vmqos_cpu_format(UINT32_MAX, UINT32_MAX, text, sizeof(text))) <
	      sizeof(text) - 1);
}

static void shares(void)
{
	uint32_t number = 9, level = 9;
	char why[160];

	CHECK_EQ(vmqos_cpu_shares_parse("1", &number, &level, why, sizeof(why)), 0);
	CHECK_EQ(number, 1);
	CHECK_EQ(level, VMQOS_CPU_CUSTOM);
	CHECK_EQ(vmqos_cpu_shares_parse("1000000", &number, &level, why, sizeof(why)), 0);
	CHECK_EQ(number, 1000000);
	CHECK_EQ(vmqos_cpu_shares_parse("high", &number, &level, why, sizeof(why)), 0);
	CHECK_EQ(number, 0);
	CHECK_EQ(level, VMQOS_CPU_HIGH);
	number = 9;
	CHECK_EQ(vmqos_cpu_shares_parse("0", &number, &level, why, sizeof(why)), -ERANGE);
	CHECK(strstr(why, "1 to 1000000"));
	CHECK_EQ(vmqos_cpu_shares_parse("1000001", &number, &level, why, sizeof(why)), -ERANGE);
	CHECK_EQ(vmqos_cpu_shares_parse("hihg", &number, &level, why, sizeof(why)), -EINVAL);
	CHECK(strstr(why, "did you mean high?"));
	/* The level custom is a number that is missing. */
	CHECK_EQ(vmqos_cpu_shares_parse("custom", &number, &level, why, sizeof(why)), -EINVAL);
	CHECK_EQ(vmqos_cpu_shares_parse("", &number, &level, why, sizeof(why)), -EINVAL);
	CHECK_EQ(vmqos_cpu_shares_parse("-5", &number, &level, why, sizeof(why)), -EINVAL);
	CHECK_EQ(vmqos_cpu_shares_parse("50%", &number, &level, why, sizeof(why)), -EINVAL);
	CHECK_EQ(number, 9);
	CHECK_EQ(level, VMQOS_CPU_HIGH);
}

static void latency(void)
{
	uint32_t value = 9;
	char why[160];

	CHECK_EQ(vmqos_cpu_latency_parse("low", &value, why, sizeof(why)), 0);
	CHECK_EQ(value, VMQOS_LATENCY_LOW);
	CHECK_EQ(vmqos_cpu_latency_parse("normal", &value, why, sizeof(why)), 0);
	CHECK_EQ(value, VMQOS_LATENCY_NORMAL);
	CHECK_EQ(vmqos_cpu_latency_parse("lwo", &value, why, sizeof(why)), -EINVAL);
	CHECK(strstr(why, "did you mean low?"));
	CHECK_EQ(vmqos_cpu_latency_parse("high", &value, why, sizeof(why)), -EINVAL);
	CHECK_EQ(value, VMQOS_LATENCY_NORMAL);
}

static void words(void)
{
	CHECK_EQ(vmqos_word_distance("limit", "limit"), 0);
	CHECK_EQ(vmqos_word_distance("LIMIT", "limit"), 0);
	CHECK_EQ(vmqos_word_distance("limt", "limit"), 1);
	CHECK_EQ(vmqos_word_distance("ilmit", "limit"), 1);
	CHECK_EQ(vmqos_word_distance("", "limit"), 5);
	CHECK(vmqos_word_distance("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "limit") >= 32);
	CHECK_STR(vmqos_cpu_level_name(VMQOS_CPU_LOW), "low");
	CHECK_STR(vmqos_cpu_level_name(99), "unknown");
	CHECK_STR(vmqos_cpu_latency_name(VMQOS_LATENCY_LOW), "low");
	CHECK_STR(vmqos_cpu_latency_name(99), "unknown");
}

int main(void)
{
	RUN(amounts);
	RUN(wrong_amounts);
	RUN(millionths);
	RUN(there_and_back);
	RUN(shares);
	RUN(latency);
	RUN(words);
	return end_tests();
}
