// SPDX-License-Identifier: GPL-2.0
/* Fuzz target: the division of CPU time, which takes any values and keeps its rules. */
#include <stdlib.h>
#include <string.h>

#include "../tests/entitle_rules.h"
#include "fuzz.h"

#define WORD_MAX	"\xff\xff\xff\xff\xff\xff\xff\xff"
#define WORD_0		"\0\0\0\0\0\0\0\0"
#define WORD_1		"\1\0\0\0\0\0\0\0"
#define CPUS		"\x80\x84\x1e\0\0\0\0\0"

/* The capacity, then of each VM shares, reservation, limit and demand. */
const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	VMQOS_FUZZ_SEED(CPUS WORD_1 WORD_0 WORD_0 CPUS WORD_1 WORD_0 WORD_0 CPUS),
	VMQOS_FUZZ_SEED(CPUS WORD_1 CPUS WORD_0 CPUS WORD_MAX WORD_1 CPUS WORD_MAX),
	VMQOS_FUZZ_SEED(WORD_MAX WORD_MAX WORD_MAX WORD_0 WORD_MAX WORD_1 WORD_MAX WORD_0 WORD_MAX),
	VMQOS_FUZZ_SEED(WORD_0 WORD_0 WORD_0 WORD_0 WORD_0),
	{ 0 }
};

static u64 word(const uint8_t *data, size_t size, size_t n)
{
	u64 value = 0;

	if (n < size / 8)
		memcpy(&value, data + 8 * n, 8);
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u64 capacity = word(data, size, 0);
	u32 n = size / 8 / 4, i;
	struct vmqos_entitle_vm *vm = calloc(n + 1, sizeof(*vm));
	struct vmqos_entitle_vcpu *vcpu = calloc(n + 1, sizeof(*vcpu));

	if (!vm || !vcpu)
		abort();
	for (i = 0; i < n; i++) {
		vm[i].shares = word(data, size, 4 * i + 1);
		vm[i].reservation = word(data, size, 4 * i + 2);
		vm[i].limit = word(data, size, 4 * i + 3);
		vm[i].demand = word(data, size, 4 * i + 4);
		vm[i].entitled = ~0ULL;
		vcpu[i].demand = vm[i].demand;
	}
	if (vmqos_entitle(vm, n, capacity) > 193 || rule_broken(vm, n, capacity))
		abort();
	vmqos_entitle_vcpus(vcpu, n, capacity);
	if (vcpu_rule_broken(vcpu, n, capacity))
		abort();
	free(vcpu);
	free(vm);
	return 0;
}
