/* SPDX-License-Identifier: GPL-2.0 */
/* What a backend tells, kept for the test to look at, and the loop in which it does. */
#ifndef VMQOS_DAEMON_TESTS_TOLD_H
#define VMQOS_DAEMON_TESTS_TOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "../backend.h"

static struct sd_event *loop;

static struct {
	unsigned int readings, failures, resets;
	struct vmqos_reading reading;
	int error;
	char why[320];
} seen;

static void on_reading(void *ctx, const struct vmqos_reading *reading)
{
	(void)ctx;
	seen.readings++;
	seen.reading = *reading;
}

static void on_failed(void *ctx, int error, const char *why)
{
	(void)ctx;
	seen.failures++;
	seen.error = error;
	snprintf(seen.why, sizeof(seen.why), "%s", why);
}

static void on_reset(void *ctx)
{
	(void)ctx;
	seen.resets++;
}

static const struct vmqos_backend_told told = { on_reading, on_failed, on_reset, NULL };

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

/* Runs the loop until @count is more than @than, as long as a person would wait. */
static bool until(const unsigned int *count, unsigned int than)
{
	uint64_t end = now_ms() + 30000;

	while (*count <= than && now_ms() < end)
		sd_event_run(loop, 50000);
	return *count > than;
}

/* So long, and however long the machine stands still meanwhile: so many rounds. */
static void pass(unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	unsigned int rounds = 0;

	while (rounds++ < 40 || now_ms() < end)
		sd_event_run(loop, 20000);
}

#endif
