// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a policy file, and what must hold whatever they are. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../daemon/policy.h"
#include "fuzz.h"

const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	VMQOS_FUZZ_SEED("[vm \"*\"]\nadopt = no\n[vm \"web-[0-9]*\"]\nadopt = yes # shop\n"),
	VMQOS_FUZZ_SEED("[vm uuid=01234567-89ab-cdef-0123-456789abcdef]\nname = \"db\"\n; end\n"),
	VMQOS_FUZZ_SEED("\xef\xbb\xbf[host]\r\nguest-time = off\r\nscan-period = 1.5s\r\n"),
	VMQOS_FUZZ_SEED("[vm \"a\\\"b\\\\c\\*\"]\nadpot = yes\nname = x/y\n[vm \"a\n[gast]\n"),
	VMQOS_FUZZ_SEED("[vm \"*\"]\ncpu-shares = high\ncpu-reservation = 2GHz\ncpu-limit = 150%\n"
			"cpu-latency = low\ncpu-charge-others = off\nmem-share-zero = on\n"),
	VMQOS_FUZZ_SEED("[vm \"*\"]\nballoon = yes\nballoon-floor = 512M\nballoon-speed = 1G\n"),
	VMQOS_FUZZ_SEED("[host]\ncpu-kept = 1.5cpu\ncpu-gate = off\ncpu-slice-us = 2000\n"
			"[daemon]\ncgroup-weights = no\n"),
	{ 0 },
};

struct count {
	int reports;
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void count_report(void *ctx, const char *file, unsigned int line, const char *message)
{
	struct count *count = ctx;
	const char *c;

	expect(strcmp(file, "fuzz.conf") == 0 && line > 0 && *message);
	for (c = message; *c; c++)
		expect(!iscntrl((unsigned char)*c));
	count->reports++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "", "a", "web-10", "db", "a\"b\\c*" };
	static const uint8_t uuid[VMQOS_UUID_SIZE] = { 1, 2, 3 };
	struct vmqos_policy *policy = vmqos_policy_new();
	const struct vmqos_policy_host *host;
	struct vmqos_policy_vm vm;
	struct count count = { 0 };
	size_t i;
	int errors;

	expect(policy);
	errors = vmqos_policy_parse(policy, "fuzz.conf", (const char *)data, size, count_report,
				    &count);
	expect(errors == count.reports);

	host = vmqos_policy_host(policy);
	if (host->present & VMQOS_POLICY_HOST_SCAN_PERIOD)
		expect(host->scan_period_ms >= 10 && host->scan_period_ms <= 10000);
	if (host->present & VMQOS_POLICY_HOST_CPU_SLICE_US)
		expect(host->cpu_slice_us >= 500 && host->cpu_slice_us <= 20000);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		vmqos_policy_match(policy, names[i], i % 2 ? uuid : NULL, &vm);
		if (vm.present & VMQOS_POLICY_VM_NAME)
			expect(!vmqos_name_check(vm.name));
		else
			expect(!vm.name[0]);
		expect(vm.present & VMQOS_POLICY_VM_ADOPT || !vm.adopt);
		expect(vm.cpu_shares <= VMQOS_CPU_SHARES_MAX);
		expect(!vm.cpu_shares || vm.cpu_shares_level == VMQOS_CPU_CUSTOM);
		if (vm.present & VMQOS_POLICY_VM_BALLOON_SPEED)
			expect(vm.balloon_speed >= 1 << 20);
		if (vm.present & VMQOS_POLICY_VM_BALLOON_FLOOR)
			expect(vm.balloon_floor >= 16 << 20);
		expect(!vm.cpu_limit.ppm || vm.cpu_limit.ppm >= VMQOS_CPU_LIMIT_MIN);
	}
	vmqos_policy_free(policy);
	return 0;
}
