// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a fuzz target on mutations of its seeds, the same ones at every run, so
 * that it is a test of the gate wherever libFuzzer is not at hand.
 *
 *	mutate ROUNDS [FILE...]
 *
 * Files are inputs that are run as they are, before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX	1024
#define FILE_MAX	65536

static uint64_t state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t bound)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % bound;
}

static size_t seed_count(void)
{
	size_t count = 0;

	while (vmqos_fuzz_seeds[count].data)
		count++;
	return count;
}

static const struct vmqos_fuzz_seed *pick_seed(size_t seeds)
{
	return &vmqos_fuzz_seeds[random_below(seeds)];
}

/* Change the input in one way; return its new size. */
static size_t mutate(uint8_t *input, size_t size, size_t seeds)
{
	static const char special[] = "\n\r\0[]\"\\=*?#; \t-@/0";
	const struct vmqos_fuzz_seed *other;
	size_t at = size ? random_below(size) : 0, length;

	switch (random_below(6)) {
	case 0:
		if (size)
			input[at] ^= 1u << random_below(8);
		return size;
	case 1:
		if (size)
			input[at] = special[random_below(sizeof(special) - 1)];
		return size;
	case 2: /* insert a byte */
		if (size == INPUT_MAX)
			return size;
		memmove(input + at + 1, input + at, size - at);
		input[at] = random_below(2) ? (uint8_t)special[random_below(sizeof(special) - 1)] :
			    random_below(256);
		return size + 1;
	case 3: /* remove a stretch */
		length = size - at ? random_below(size - at) : 0;
		memmove(input + at, input + at + length, size - at - length);
		return size - length;
	case 4: /* repeat a stretch at the end */
		length = size - at;
		if (length > INPUT_MAX - size)
			length = INPUT_MAX - size;
		memmove(input + size, input + at, length);
		return size + length;
	default: /* go on with another seed */
		other = pick_seed(seeds);
		length = other->size < INPUT_MAX - at ? other->size : INPUT_MAX - at;
		memcpy(input + at, other->data, length);
		return at + length;
	}
}

/* Of its own size, so that a byte read beyond it is seen. */
static int run_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	uint8_t *input = malloc(FILE_MAX);
	size_t size = file && input ? fread(input, 1, FILE_MAX, file) : 0;
	int bad = !file || !input || ferror(file);

	if (!bad) {
		input = realloc(input, size + !size);
		LLVMFuzzerTestOneInput(input, size);
	} else {
		perror(name);
	}
	if (file)
		fclose(file);
	free(input);
	return bad;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc >= 2 ? strtoul(argv[1], NULL, 10) : 0, round;
	uint8_t input[INPUT_MAX];
	size_t seeds = seed_count(), size, i;
	unsigned int changes;

	if (!rounds || !seeds) {
		fprintf(stderr, "usage: %s ROUNDS [FILE...]\n", argv[0]);
		return 2;
	}
	for (i = 2; i < (size_t)argc; i++)
		if (run_file(argv[i]))
			return 1;
	for (i = 0; i < seeds; i++)
		LLVMFuzzerTestOneInput((const uint8_t *)vmqos_fuzz_seeds[i].data,
				       vmqos_fuzz_seeds[i].size);
	for (round = 0; round < rounds; round++) {
		const struct vmqos_fuzz_seed *seed = pick_seed(seeds);

		memcpy(input, seed->data, seed->size);
		size = seed->size;
		for (changes = 1 + random_below(8); changes; changes--)
			size = mutate(input, size, seeds);
		LLVMFuzzerTestOneInput(input, size);
	}
	printf("%s: %d files, %lu mutations of %zu seeds\n", argv[0], argc - 2, rounds, seeds);
	return 0;
}
