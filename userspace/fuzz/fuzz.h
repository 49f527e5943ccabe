/* SPDX-License-Identifier: GPL-2.0 */
/* What a fuzz target offers: to libFuzzer the entry, to mutate.c its seeds as well. */
#ifndef VMQOS_FUZZ_FUZZ_H
#define VMQOS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct vmqos_fuzz_seed - an input to begin from
 * @data: the bytes; NULL ends the list
 * @size: their number
 */
struct vmqos_fuzz_seed {
	const char *data;
	size_t size;
};

#define VMQOS_FUZZ_SEED(text)	{ text, sizeof(text) - 1 }

extern const struct vmqos_fuzz_seed vmqos_fuzz_seeds[];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
