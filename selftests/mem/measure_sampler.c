// SPDX-License-Identifier: GPL-2.0
/*
 * How far the sampler is from what is in use, and what it costs, as it is set after loading: a
 * process touches a part of its memory five times a second, in pages of 4K and of 2M; the vCPU
 * of a VM does all the time. Prints a line for each figure, as measure does.
 */
#include <math.h>
#include <time.h>

#include "common.h"
#include "vmm.h"

#define MOST		16
#define PERIODS		16
#define PERIOD_MS	30000
#define PAUSE_MS	200
#define VM_PERIOD_MS	500

static const int shares[] = { 5, 20, 50, 90 };

#define SHARES	(sizeof(shares) / sizeof(shares[0]))

/**
 * struct subject - memory that is touched in part
 * @name: of the case
 * @options: of the mount
 * @size: of the memory
 * @page: that it is in use by
 */
struct subject {
	const char *name;
	const char *options;
	size_t size;
	size_t page;
};

static const struct subject subjects[] = {
	{ "4k", "share_zero=off", 64 * MIB, PAGE },
	{ "2m", "share_zero=off,huge=within_size", 512 * MIB, HUGE },
};

static int runs = 3;
static uint64_t seed = 1;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "measure_sampler: %s\n", what);
	exit(1);
}

static void print(const char *kind, const char *name, int share, const char *metric,
		  const char *unit, const double *values)
{
	printf("%s/%s/%d\t%s\t%s", kind, name, share, metric, unit);
	for (int i = 0; i < runs; i++)
		printf("\t%.4f", values[i]);
	printf("\n");
	fflush(stdout);
}

/* Which pages are in use: so many of all, at random. */
static size_t choose(size_t *pages, size_t n, int share)
{
	size_t used = n * share / 100;

	for (size_t i = 0; i < n; i++)
		pages[i] = i;
	for (size_t i = 0; i < used; i++) {
		size_t j = i + mem_draw(&seed) % (n - i), page = pages[i];

		pages[i] = pages[j];
		pages[j] = page;
	}
	return used;
}

/* Touches them for some time; returns what a time took, by the process's own clock. */
static double touch(char *at, const struct subject *subject, const size_t *pages, size_t used,
		    unsigned int times)
{
	uint64_t began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (unsigned int n = 0; n < times; n++) {
		for (size_t i = 0; i < used; i++)
			*(volatile char *)(at + pages[i] * subject->page) = n;
		usleep(PAUSE_MS * 1000);
	}
	return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began) / times;
}

static double error(int fd, double truth)
{
	uint64_t sampled = mem_stat(fd, "mem-sampled");

	if (!sampled || sampled == UINT64_MAX)
		die("nothing was sampled");
	return fabs(100.0 * mem_stat(fd, "mem-active-slow") / sampled - truth);
}

static void process(int fd, char *at, const struct subject *subject, int share)
{
	const unsigned int times = PERIODS * PERIOD_MS / PAUSE_MS;
	size_t n = subject->size / subject->page, used;
	size_t *pages = calloc(n, sizeof(*pages));
	double errors[MOST], costs[MOST], alone, watched;
	uint64_t began, thread;

	for (int i = 0; i < runs; i++) {
		used = choose(pages, n, share);
		mem_set("sample_pages", 0);
		touch(at, subject, pages, used, 10);
		alone = touch(at, subject, pages, used, times / 4);
		mem_set("sample_period_ms", PERIOD_MS);
		thread = mem_thread_ns("vmqos_sample");
		began = clock_ns(CLOCK_MONOTONIC);
		mem_set("sample_pages", 200);
		/* One more, for the last period to end. */
		watched = touch(at, subject, pages, used, times + 2000 / PAUSE_MS);
		errors[i] = error(fd, 100.0 * used / n);
		thread = mem_thread_ns("vmqos_sample") - thread;
		costs[i] = 100 * (thread + (watched - alone) * times) /
			   (clock_ns(CLOCK_MONOTONIC) - began);
	}
	free(pages);
	print("sampler", subject->name, share, "error", "points", errors);
	print("sampler", subject->name, share, "cost", "% CPU", costs);
}

/* A VM that writes to the first part of its memory all the time. */
static void vm(int fd, char *at, const struct subject *subject, int share)
{
	struct vmqos_vmm_workload churn = {
		.kind = VMQOS_VMM_CHURN, .memory = at,
		.bytes = subject->size / subject->page * share / 100 * subject->page,
	};
	struct vmqos_vmm_counts counts = { 0 };
	struct vmqos_vmm_vm *vm = vmqos_vmm_create("sampled", 1, 0);
	double errors[MOST];

	if (!vm || vmqos_vmm_add_vcpu(vm, &churn) || vmqos_vmm_start(vm, 0))
		die("no VM");
	while (counts.work < 2) {
		usleep(10000);
		vmqos_vmm_counts(vm, 0, &counts);
	}
	for (int i = 0; i < runs; i++) {
		mem_set("sample_pages", 0);
		mem_set("sample_period_ms", VM_PERIOD_MS);
		usleep(10000);
		mem_set("sample_pages", 200);
		usleep(PERIODS / 2 * VM_PERIOD_MS * 1000);
		errors[i] = error(fd, 100.0 * churn.bytes / subject->size);
	}
	vmqos_vmm_destroy(vm);
	print("sampler-vm", subject->name, share, "error", "points", errors);
}

int main(int argc, char **argv)
{
	char where[64], *at = NULL;
	int fd;

	if (argc > 1)
		runs = atoi(argv[1]);
	if (runs < 1 || runs > MOST || mem_missing()) {
		fprintf(stderr,
			"measure_sampler: as root, with vmqos_mem; usage: measure_sampler [RUNS, 1 to 16]\n");
		return 1;
	}
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const struct subject *subject = &subjects[i];

		fd = mem_begin(where, subject->options, subject->size, &at);
		if (fd < 0)
			die("no file");
		for (size_t n = 0; n < subject->size; n += PAGE)
			at[n] = 1;
		for (size_t n = 0; n < SHARES; n++)
			process(fd, at, subject, shares[n]);
		for (size_t n = 0; n < SHARES; n++)
			vm(fd, at, subject, shares[n]);
		mem_set("sample_pages", 0);
		if (mem_end(where, fd, at, subject->size))
			return 1;
	}
	return 0;
}
