/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks that go on after a failure, reported in the Test Anything Protocol:
 * one line a test, and before it a comment for each check that failed.
 */
#ifndef VMQOS_TESTS_CHECK_H
#define VMQOS_TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tests_run, tests_failed, checks_run, checks_failed;

#define CHECK(condition)							\
	do {									\
		checks_run++;							\
		if (!(condition)) {						\
			checks_failed++;					\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);\
		}								\
	} while (0)

/* Numbers that are to be the same, shown when they are not. */
#define CHECK_EQ(a, b)								\
	do {									\
		long long a_ = (long long)(a), b_ = (long long)(b);		\
										\
		checks_run++;							\
		if (a_ != b_) {							\
			checks_failed++;					\
			printf("# %s:%d: %s is %lld, not %lld\n", __FILE__,	\
			       __LINE__, #a, a_, b_);				\
		}								\
	} while (0)

#define CHECK_STR(a, b)								\
	do {									\
		const char *a_ = (a), *b_ = (b);				\
										\
		checks_run++;							\
		if (strcmp(a_, b_)) {						\
			checks_failed++;					\
			printf("# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__,	\
			       __LINE__, #a, a_, b_);				\
		}								\
	} while (0)

/* A test that has checked nothing has failed. */
static void run_test(const char *name, void (*test)(void))
{
	int failed = checks_failed;
	int run = checks_run;

	test();
	tests_run++;
	if (checks_failed > failed || checks_run == run)
		tests_failed++;
	printf("%sok %d - %s\n", checks_failed > failed || checks_run == run ? "not " : "",
	       tests_run, name);
	fflush(stdout);
}

#define RUN(test)	run_test(#test, test)

static int end_tests(void)
{
	printf("1..%d\n", tests_run);
	return tests_failed || !tests_run;
}

#endif
