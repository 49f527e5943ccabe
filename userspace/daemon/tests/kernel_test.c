// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon of a VM that the kernel serves, with a kernel and a guest that are none: what
 * is asked through the daemon, in the kernel beside it, and what a guest does by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "../backend.h"
#include "../balloons.h"
#include "../roster.h"
#include "standin.h"
#include "tap.h"

#define MIB	(1024 * 1024ull)
/* What the guest gives or takes between two looks. */
#define PACE	(80 * MIB)

static sd_event *loop;
static struct vmqos_balloons *balloons;
static struct vmqos_member member = {
	.id = 7, .name = "web",
	.balloon = {
		.present = VMQOS_POLICY_VM_BALLOON_FLOOR | VMQOS_POLICY_VM_BALLOON_SPEED,
		.balloon_floor = 128 * MIB,
		.balloon_speed = 200 * MIB,
	},
};

/* The device, and the guest behind it. */
static struct {
	bool served, used;
	uint64_t size, uses;		/* the guest itself uses so much of it */
	struct vmqos_balloon balloon;
	unsigned int asks, largest;	/* by the daemon; its greatest step in MiB */
} kernel;

static struct {
	bool done;
	int error;
	char why[300], backend[16], reason[32];
	struct vmqos_control control;
} answer;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void guest_acts(void)
{
	struct vmqos_balloon *balloon = &kernel.balloon;
	uint64_t given;

	balloon->state = !kernel.used ? VMQOS_BALLOON_UNUSED :
			 balloon->actual == balloon->target ? VMQOS_BALLOON_REACHED :
			 VMQOS_BALLOON_MOVING;
	if (!kernel.used)
		return;
	if (balloon->target > balloon->actual) {
		given = balloon->target - balloon->actual;
		given = given < PACE ? given : PACE;
		balloon->actual += given;
		balloon->inflated += given;
	} else {
		balloon->deflated += balloon->actual - balloon->target;
		balloon->actual = balloon->target;
	}
	if (!balloon->stats_seconds)
		return;
	balloon->has |= VMQOS_HAS(VMQOS_BALLOON_STATS_NS) | VMQOS_HAS(VMQOS_BALLOON_STATS);
	balloon->stats_ns = balloon->time_ns;
	balloon->stats.has = VMQOS_HAS(VMQOS_GUEST_AVAILABLE) | VMQOS_HAS(VMQOS_GUEST_OOM_KILLS);
	balloon->stats.available = kernel.size > balloon->actual + kernel.uses ?
				   kernel.size - balloon->actual - kernel.uses : 0;
}

static int get(struct vmqos *ctx, uint32_t id, struct vmqos_balloon *balloon)
{
	(void)ctx;
	if (!kernel.served || id != 7)
		return kernel.served ? -ENXIO : -EOPNOTSUPP;
	kernel.balloon.time_ns = now_ns();
	kernel.balloon.memory = kernel.size;
	kernel.balloon.has |= VMQOS_HAS(VMQOS_BALLOON_MEMORY);
	guest_acts();
	*balloon = kernel.balloon;
	return 0;
}

static int set(struct vmqos *ctx, uint32_t id, const struct vmqos_balloon_settings *settings,
	       struct vmqos_balloon *after)
{
	struct vmqos_balloon *balloon = &kernel.balloon;
	uint64_t more;

	(void)ctx;
	(void)id;
	(void)after;
	if (!kernel.served)
		return -ENXIO;
	if (settings->set & VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS))
		balloon->stats_seconds = settings->stats_seconds;
	if (!(settings->set & VMQOS_HAS(VMQOS_BALLOON_TARGET)))
		return 0;
	more = settings->target > balloon->actual ? settings->target - balloon->actual : 0;
	if (more / MIB > kernel.largest)
		kernel.largest = more / MIB;
	kernel.asks++;
	balloon->target = settings->target;
	strcpy(balloon->reason, settings->reason);
	balloon->has |= VMQOS_HAS(VMQOS_BALLOON_REASON);
	balloon->target_ns = now_ns();
	return 0;
}

/* Somebody else sets a target in the kernel. */
static void set_by_hand(uint64_t target, const char *reason)
{
	struct vmqos_balloon_settings settings = {
		.set = VMQOS_HAS(VMQOS_BALLOON_TARGET), .target = target,
	};

	strcpy(settings.reason, reason);
	set(NULL, 7, &settings, NULL);
}

static void follow(bool there)
{
	vmqos_balloons_mark(balloons);
	if (there)
		vmqos_balloons_keep(balloons, &member);
	vmqos_balloons_sweep(balloons);
}

static void begin(bool served)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.served = served;
	kernel.used = true;
	kernel.size = 1024 * MIB;
	kernel.uses = 100 * MIB;
	balloons = vmqos_balloons_new(NULL, loop);
	follow(true);
}

static void end(void)
{
	vmqos_balloons_free(balloons);
}

static void done(void *ctx, uint64_t ticket, int error, const char *why,
		 const struct vmqos_balloons_view *view)
{
	(void)ctx;
	(void)ticket;
	memset(&answer, 0, sizeof(answer));
	answer.done = true;
	answer.error = error;
	if (error) {
		snprintf(answer.why, sizeof(answer.why), "%s", why);
		return;
	}
	strcpy(answer.backend, view->backend);
	strcpy(answer.reason, view->control->target.reason);
	answer.control = *view->control;
}

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static void request(const struct vmqos_balloons_change *change)
{
	uint64_t end = now_ms() + 30000;

	answer.done = false;
	vmqos_balloons_request(balloons, "web", change, done, NULL, 1);
	while (!answer.done && now_ms() < end)
		sd_event_run(loop, 20000);
}

static void want(uint64_t bytes)
{
	struct vmqos_balloons_change change = {
		.has_target = true, .target = bytes, .reason = "host",
	};

	request(&change);
}

static bool becomes(enum vmqos_control_phase phase, uint64_t bytes)
{
	uint64_t end = now_ms() + 60000;

	do {
		request(NULL);
		if (!answer.error && answer.control.phase == phase &&
		    answer.control.last.given == bytes)
			return true;
		sd_event_run(loop, 100000);
	} while (now_ms() < end);
	printf("# %d %s, phase %d, holds %llu of %llu\n", answer.error, answer.why,
	       answer.control.phase, (unsigned long long)answer.control.last.given,
	       (unsigned long long)answer.control.target.balloon);
	return false;
}

static void pass(unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end)
		sd_event_run(loop, 20000);
}

/* Until its guest is asked as often as this, as long as a person would wait. */
static bool period_becomes(unsigned int seconds)
{
	uint64_t end = now_ms() + 30000;

	while (kernel.balloon.stats_seconds != seconds && now_ms() < end)
		sd_event_run(loop, 20000);
	return kernel.balloon.stats_seconds == seconds;
}

static void test_control(void)
{
	int i;

	begin(true);
	kernel.balloon.stats_seconds = 5;
	request(NULL);
	tap_ok(!answer.error && !strcmp(answer.backend, "kernel") &&
	       answer.control.last.size == 1024 * MIB, "a balloon of the kernel's is found");
	pass(1500);
	tap_ok(!kernel.asks && kernel.balloon.stats_seconds == 5, "looking changes nothing");
	want(300 * MIB);
	tap_ok(becomes(VMQOS_CONTROL_AT_TARGET, 300 * MIB) && !strcmp(answer.reason, "host") &&
	       kernel.balloon.target == 300 * MIB && !strcmp(kernel.balloon.reason, "vmqosd"),
	       "a target is reached");
	tap_ok(kernel.asks > 1 && kernel.largest <= 400, "in steps, at the speed that was set");
	tap_ok(kernel.balloon.stats_seconds == 1, "its guest tells its statistics meanwhile");
	want(2000 * MIB);
	tap_ok(answer.error == -ERANGE && strstr(answer.why, "cannot hold"),
	       "more than it has is refused");
	/* 128 MiB are its floor, 100 its own, and a reserve. */
	want(1000 * MIB);
	for (i = 0; i < 300 && answer.control.phase != VMQOS_CONTROL_IS_HELD; i++) {
		pass(100);
		request(NULL);
	}
	tap_ok(answer.control.phase == VMQOS_CONTROL_IS_HELD &&
	       answer.control.last.given <= 1024 * MIB - 128 * MIB &&
	       answer.control.last.given > 700 * MIB, "the guest keeps what it needs");
	kernel.balloon.stats.oom_kills++;
	tap_ok(becomes(VMQOS_CONTROL_RESTS, 0), "a guest that kills for want of memory has it back");
	want(0);
	tap_ok(becomes(VMQOS_CONTROL_IDLE, 0), "then nothing is wanted any more");
	tap_ok(period_becomes(5), "and the period is what it was");
	want(100 * MIB);
	period_becomes(1);
	kernel.balloon.stats_seconds = 7;
	tap_ok(period_becomes(1), "one that is set by hand is not what it needs");
	want(0);
	tap_ok(period_becomes(7), "but what there is when nothing is wanted");
	end();
}

static void test_others(void)
{
	begin(true);
	set_by_hand(0, "by-hand");
	request(NULL);
	request(NULL);
	tap_ok(!answer.error && !*answer.reason, "that it was emptied before is no wish");
	end();
	begin(true);
	set_by_hand(100 * MIB, "request");
	kernel.asks = 0;
	tap_ok(becomes(VMQOS_CONTROL_AT_TARGET, 100 * MIB) && !strcmp(answer.reason, "request"),
	       "a target that was there before the daemon is what is wanted");
	set_by_hand(200 * MIB, "by-hand");
	tap_ok(becomes(VMQOS_CONTROL_AT_TARGET, 200 * MIB) && !strcmp(answer.reason, "by-hand"),
	       "and so is one that is set beside it");
	want(150 * MIB);
	tap_ok(becomes(VMQOS_CONTROL_AT_TARGET, 150 * MIB) && !strcmp(answer.reason, "host"),
	       "the last word counts");
	end();

	/* The next daemon: what the one before had asked for is no wish of anybody's. */
	balloons = vmqos_balloons_new(NULL, loop);
	follow(true);
	tap_ok(becomes(VMQOS_CONTROL_AT_TARGET, 150 * MIB) && !strcmp(answer.reason, "found"),
	       "a daemon that begins anew looks after what it finds");
	end();
}

static void test_reset(void)
{
	begin(true);
	want(100 * MIB);
	becomes(VMQOS_CONTROL_AT_TARGET, 100 * MIB);
	/* Reset, and filled again by the driver that comes next, all between two looks. */
	kernel.balloon.inflated += kernel.balloon.actual;
	tap_ok(becomes(VMQOS_CONTROL_RESTS, 0), "a reset that was over at once is seen");
	tap_ok(kernel.balloon.target == 0, "the guest that starts does not find the old target");
	kernel.used = false;
	kernel.balloon.actual = 0;
	request(NULL);
	pass(1500);
	kernel.used = true;
	request(NULL);
	tap_ok(!answer.error && answer.control.target.balloon == 100 * MIB,
	       "what was wanted still is");
	end();
}

/* The VMM opens its device when it likes, and another balloon may be there before. */
static void test_comes_and_goes(void)
{
	begin(false);
	request(NULL);
	tap_ok(answer.error && answer.error != -ETIMEDOUT, "a VM without one is told of: %s",
	       answer.why);
	kernel.served = true;
	request(NULL);
	tap_ok(!answer.error && !strcmp(answer.backend, "kernel"), "one that comes is found");
	want(50 * MIB);
	becomes(VMQOS_CONTROL_AT_TARGET, 50 * MIB);
	kernel.served = false;
	request(NULL);
	tap_ok(answer.error, "when it goes nothing is told of it any more");
	kernel.balloon = (struct vmqos_balloon) { 0 };
	kernel.served = true;
	request(NULL);
	tap_ok(!answer.error && !answer.control.target.balloon,
	       "of another one nothing is wanted");
	end();
}

int main(void)
{
	if (sd_event_new(&loop) < 0)
		return 1;
	vmqos_kernel = (struct vmqos_backend_kernel) { get, set };
	member.pid = getpid();
	test_control();
	test_others();
	test_reset();
	test_comes_and_goes();
	sd_event_unref(loop);
	return tap_end();
}
