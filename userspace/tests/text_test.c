// SPDX-License-Identifier: GPL-2.0
/* UUIDs, numbers, switches, durations, names, and arithmetic on counters. */
#include <errno.h>

#include <vmqos/vmqos.h>

#include "check.h"

static void uuid(void)
{
	static const char *const bad[] = {
		"", "6b1c430e", "6b1c430e-872b-4d17-9a22-5f0a3c9e110", "-",
		"6b1c430e-872b-4d17-9a22-5f0a3c9e11044", "6b1c430e-872b-4d17-9a22-5f0a3c9e110g",
		"6b1c430e 872b-4d17-9a22-5f0a3c9e1104", "6b1c430e872b4d179a225f0a3c9e11",
		"6b1c430-e872b-4d17-9a22-5f0a3c9e1104", "{6b1c430e-872b-4d17-9a22-5f0a3c9e1104}",
	};
	uint8_t bytes[VMQOS_UUID_SIZE], again[VMQOS_UUID_SIZE];
	char text[VMQOS_UUID_TEXT];
	size_t i;

	CHECK_EQ(vmqos_uuid_parse("6b1c430e-872b-4d17-9a22-5f0a3c9e1104", bytes), 0);
	CHECK_EQ(bytes[0], 0x6b);
	CHECK_EQ(bytes[15], 0x04);
	CHECK_STR(vmqos_uuid_format(bytes, text), "6b1c430e-872b-4d17-9a22-5f0a3c9e1104");
	CHECK_EQ(vmqos_uuid_parse("6B1C430E872B4D179A225F0A3C9E1104", again), 0);
	CHECK(!memcmp(bytes, again, sizeof(bytes)));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(vmqos_uuid_parse(bad[i], again), -EINVAL);
		/* What is refused changes nothing. */
		CHECK(!memcmp(bytes, again, sizeof(bytes)));
	}
}

static void number(void)
{
	uint64_t value = 5;

	CHECK_EQ(vmqos_number_parse("0", 0, 10, &value), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(vmqos_number_parse("18446744073709551615", 0, UINT64_MAX, &value), 0);
	CHECK(value == UINT64_MAX);
	value = 5;
	CHECK_EQ(vmqos_number_parse("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	CHECK_EQ(vmqos_number_parse("99999999999999999999999", 0, UINT64_MAX, &value), -ERANGE);
	CHECK_EQ(vmqos_number_parse("11", 0, 10, &value), -ERANGE);
	CHECK_EQ(vmqos_number_parse("1", 2, 10, &value), -ERANGE);
	CHECK_EQ(vmqos_number_parse("", 0, 10, &value), -EINVAL);
	CHECK_EQ(vmqos_number_parse("-1", 0, 10, &value), -EINVAL);
	CHECK_EQ(vmqos_number_parse("+1", 0, 10, &value), -EINVAL);
	CHECK_EQ(vmqos_number_parse(" 1", 0, 10, &value), -EINVAL);
	CHECK_EQ(vmqos_number_parse("1x", 0, 10, &value), -EINVAL);
	CHECK_EQ(vmqos_number_parse("0x1", 0, 10, &value), -EINVAL);
	CHECK_EQ(value, 5);
}

static void on_or_off(void)
{
	bool value = false;

	CHECK_EQ(vmqos_switch_parse("on", &value), 0);
	CHECK(value);
	CHECK_EQ(vmqos_switch_parse("0", &value), 0);
	CHECK(!value);
	CHECK_EQ(vmqos_switch_parse("yes", &value), 0);
	CHECK(value);
	CHECK_EQ(vmqos_switch_parse("ON", &value), -EINVAL);
	CHECK_EQ(vmqos_switch_parse("", &value), -EINVAL);
	CHECK_EQ(vmqos_switch_parse("2", &value), -EINVAL);
}

static void duration(void)
{
	static const char *const bad[] = {
		"", "s", "1", "1h", "-1s", "1 s", " 1s", "1s ", "0x1s", "1.5.5s", "nans", "infs",
		"1ns",
	};
	static const struct {
		uint64_t ns;
		const char *text;
	} written[] = {
		{ 0, "0ns" }, { 999, "999ns" }, { 1000, "1.00us" }, { 9994, "9.99us" },
		{ 9996, "10.0us" }, { 12345, "12.3us" }, { 99960, "100us" }, { 999499, "999us" },
		{ 999600, "1.00ms" }, { 1500000000, "1.50s" }, { UINT64_C(3600000000000), "3600s" },
	};
	uint64_t ns;
	char text[16];
	size_t i;

	CHECK_EQ(vmqos_duration_parse("100ms", &ns), 0);
	CHECK_EQ(ns, 100000000);
	CHECK_EQ(vmqos_duration_parse("1.5s", &ns), 0);
	CHECK_EQ(ns, 1500000000);
	CHECK_EQ(vmqos_duration_parse(".5us", &ns), 0);
	CHECK_EQ(ns, 500);
	CHECK_EQ(vmqos_duration_parse("1e400s", &ns), -ERANGE);
	CHECK_EQ(vmqos_duration_parse("10000000000s", &ns), -ERANGE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(vmqos_duration_parse(bad[i], &ns), -EINVAL);
	for (i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		CHECK_STR(vmqos_duration_format(written[i].ns, text, sizeof(text)),
			  written[i].text);
}

static void name(void)
{
	char longest[VMQOS_NAME_MAX + 2];

	memset(longest, 'x', sizeof(longest));
	longest[VMQOS_NAME_MAX + 1] = '\0';
	CHECK(vmqos_name_check(longest));
	longest[VMQOS_NAME_MAX] = '\0';
	CHECK(!vmqos_name_check(longest));
	CHECK(!vmqos_name_check("web,1"));
	CHECK(vmqos_name_check(""));
	CHECK(vmqos_name_check("a b"));
	CHECK(vmqos_name_check("a/b"));
	CHECK(vmqos_name_check("a\tb"));
	CHECK(vmqos_name_check("\xc3\xa4"));
	CHECK(vmqos_name_check("\x7f"));
}

static void latency(void)
{
	struct vmqos_stats stats = { 0 };
	unsigned int i;

	CHECK_EQ(vmqos_latency_bound(0), 512);
	CHECK_EQ(vmqos_latency_bound(1), 1024);
	CHECK(vmqos_latency_bound(VMQOS_LATENCY_BUCKETS - 1) == UINT64_MAX);
	CHECK(vmqos_latency_bound(1000) == UINT64_MAX);
	for (i = 1; i < VMQOS_LATENCY_BUCKETS; i++)
		CHECK(vmqos_latency_bound(i) > vmqos_latency_bound(i - 1));

	CHECK_EQ(vmqos_latency_percentile(&stats, 99), 0);
	stats.latency_hist[0] = 99;
	stats.latency_hist[10] = 1;
	CHECK_EQ(vmqos_latency_percentile(&stats, 50), 512);
	CHECK_EQ(vmqos_latency_percentile(&stats, 99), 512);
	CHECK_EQ(vmqos_latency_percentile(&stats, 99.5), 512 << 10);
	CHECK_EQ(vmqos_latency_percentile(&stats, 100), 512 << 10);
	memset(stats.latency_hist, 0, sizeof(stats.latency_hist));
	stats.latency_hist[VMQOS_LATENCY_BUCKETS - 1] = 1;
	stats.latency_max_ns = 7000000000000;
	CHECK_EQ(vmqos_latency_percentile(&stats, 50), 7000000000000);
}

static void growth(void)
{
	struct vmqos_stats now = { .has = 6, .run_ns = 100, .exits = 50, .other_threads = 4,
				   .latency_max_ns = 30, .other_ready_ns = 5, .lag_ns = -7 };
	struct vmqos_stats before = { .run_ns = 40, .exits = 60, .other_threads = 9,
				      .latency_max_ns = 20, .other_ready_ns = 9 };
	struct vmqos_stats delta;

	now.latency_hist[3] = 8;
	before.latency_hist[3] = 5;
	before.latency_hist[4] = 5;
	vmqos_stats_sub(&delta, &now, &before);
	CHECK_EQ(delta.has, 6);
	CHECK_EQ(delta.run_ns, 60);
	CHECK_EQ(delta.exits, 0);
	CHECK_EQ(delta.other_threads, 4);
	CHECK_EQ(delta.latency_max_ns, 30);
	CHECK_EQ(delta.other_ready_ns, 0);
	CHECK_EQ(delta.lag_ns, -7);
	CHECK_EQ(delta.latency_hist[3], 3);
	CHECK_EQ(delta.latency_hist[4], 0);
	/* The result may replace an operand. */
	vmqos_stats_sub(&now, &now, &before);
	CHECK(!memcmp(&now, &delta, sizeof(now)));
}

/* Every counter of the struct has its description and its value. */
static void descriptions(void)
{
	const struct vmqos_stats_desc *descs;
	struct vmqos_stats stats = { 0 };
	uint64_t seen = 0;
	size_t count;
	size_t i;

	descs = vmqos_stats_descs(&count);
	/* All but the histogram and the pad. */
	CHECK_EQ(count, VMQOS_STATS_LAG_NS - 2);
	for (i = 0; i < count; i++) {
		CHECK(!(seen & VMQOS_HAS(descs[i].field)));
		seen |= VMQOS_HAS(descs[i].field);
		CHECK_EQ(vmqos_stats_value(&stats, descs[i].field), 0);
	}
	stats.other_threads = 3;
	stats.mmio_exits = 4;
	CHECK_EQ(vmqos_stats_value(&stats, VMQOS_STATS_OTHER_THREADS), 3);
	CHECK_EQ(vmqos_stats_value(&stats, VMQOS_STATS_MMIO_EXITS), 4);
	memset(&stats, 0xff, sizeof(stats));
	for (i = 0; i < count; i++)
		CHECK(vmqos_stats_value(&stats, descs[i].field) >= UINT32_MAX);
	CHECK_EQ(vmqos_stats_value(&stats, VMQOS_STATS_LATENCY_HIST), 0);
	CHECK_EQ(vmqos_stats_value(&stats, 0), 0);
	CHECK_EQ(vmqos_stats_value(&stats, 1000), 0);
}

static void mhz(void)
{
	CHECK(vmqos_mhz_of_run(500000000, 1000000000, 2800000) == 1400);
	CHECK(vmqos_mhz_of_run(2000000000, 1000000000, 2800000) == 5600);
	CHECK(vmqos_mhz_of_run(1, 0, 2800000) == 0);
}

static void names_of_states(void)
{
	CHECK_STR(vmqos_vm_state_name(VMQOS_VM_RELEASING), "releasing");
	CHECK_STR(vmqos_vm_state_name(99), "unknown");
	CHECK_STR(vmqos_vcpu_state_name(VMQOS_VCPU_SHARED), "shared");
	CHECK_STR(vmqos_vcpu_state_name(99), "unknown");
	CHECK_STR(vmqos_event_name(VMQOS_EVENT_MODULE_LOADED), "module-loaded");
	CHECK_STR(vmqos_event_name(0), "unknown");
	CHECK_STR(vmqos_event_name(99), "unknown");
	CHECK_STR(vmqos_task_state_text('T'), "stopped");
	CHECK_STR(vmqos_task_state_text(0), "in an unknown state");
}

/* There are more figures of memory than bits in a word. */
static void figures_of_memory(void)
{
	struct vmqos_mem mem = { .resident = 5 };
	unsigned int field;

	CHECK(!vmqos_mem_is_known(&mem));
	for (field = 0; field < 64 * VMQOS_MEM_HAS_WORDS; field++)
		CHECK(!vmqos_mem_has(&mem, field));
	mem.has[0] = VMQOS_HAS(VMQOS_MEM_RESIDENT);
	CHECK(vmqos_mem_is_known(&mem));
	CHECK(vmqos_mem_has(&mem, VMQOS_MEM_RESIDENT));
	CHECK(!vmqos_mem_has(&mem, VMQOS_MEM_RESIDENT + 64));
	mem.has[0] = 0;
	mem.has[1] = VMQOS_HAS(VMQOS_MEM_LIMIT_HIST - 64);
	CHECK(vmqos_mem_is_known(&mem));
	CHECK(vmqos_mem_has(&mem, VMQOS_MEM_LIMIT_HIST));
	CHECK(!vmqos_mem_has(&mem, VMQOS_MEM_LIMIT_HIST - 64));
	CHECK(!vmqos_mem_has(&mem, 64 * VMQOS_MEM_HAS_WORDS));
}

int main(void)
{
	RUN(uuid);
	RUN(number);
	RUN(on_or_off);
	RUN(duration);
	RUN(name);
	RUN(latency);
	RUN(growth);
	RUN(descriptions);
	RUN(figures_of_memory);
	RUN(mhz);
	RUN(names_of_states);
	return end_tests();
}
