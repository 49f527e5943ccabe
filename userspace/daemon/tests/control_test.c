// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon controller against guests that do not exist: one that behaves, and
 * others that are slow, dead, greedy, short of memory, reset, or that lie. What
 * must hold of every one is looked at in every step.
 */
#include <stdlib.h>
#include <string.h>

#include "../control.h"
#include "tap.h"

#define MIB	(1024 * 1024ull)
#define SECOND	1000000ull
#define TICK	(SECOND / 10)

/*
 * A guest as its memory is seen: @used by programs, @balloon given. What the
 * kernel keeps for itself is not counted as available.
 */
struct guest {
	uint64_t size, kept, used, balloon, asked;
	uint64_t rate;			/* of its balloon, bytes a second; 0: does nothing */
	uint64_t demand;		/* what its programs want */
	uint64_t demand_rate;		/* how fast they take it, bytes a second */
	bool deflate_on_oom, swaps, mute, lies;
	uint64_t oom_kills, swap_in, update, told_us;
	struct vmqos_reading told;
	bool reset;
};

struct run {
	struct guest guest;
	struct vmqos_control control;
	uint64_t now, seed;
	unsigned int events, growths, asks, told[16];
	uint64_t ask_us;		/* when it was last asked for anything */
	uint64_t least;			/* available memory, the least ever seen */
	const char *broken;		/* rule that did not hold */
	struct { uint64_t us, asked; } first;
};

static uint64_t random_below(struct run *run, uint64_t bound)
{
	run->seed ^= run->seed << 13;
	run->seed ^= run->seed >> 7;
	run->seed ^= run->seed << 17;
	return (run->seed >> 8) % bound;
}

static uint64_t available(const struct guest *guest)
{
	uint64_t taken = guest->kept + guest->used + guest->balloon;

	return guest->size > taken ? guest->size - taken : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void tell(struct run *run)
{
	struct guest *guest = &run->guest;
	struct vmqos_reading *told = &guest->told;

	guest->told_us = run->now;
	guest->update++;
	told->present = VMQOS_READING_TOTAL | VMQOS_READING_FREE | VMQOS_READING_AVAILABLE |
			VMQOS_READING_SWAP_IN | VMQOS_READING_OOM_KILLS;
	told->total = guest->size - guest->kept - (guest->deflate_on_oom ? 0 : guest->balloon);
	told->available = available(guest);
	told->free = told->available / 2;
	told->swap_in = guest->swap_in;
	told->oom_kills = guest->oom_kills;
	if (!guest->lies)
		return;
	told->present = random_below(run, 512);
	told->available = random_below(run, 2) ? ~0ull : random_below(run, 4096 * MIB);
	told->free = random_below(run, 2) ? ~0ull : random_below(run, 4096 * MIB);
	told->caches = random_below(run, 2) ? ~0ull : random_below(run, 4096 * MIB);
	told->total = random_below(run, 2) ? 0 : random_below(run, 4096 * MIB);
	told->swap_in = random_below(run, 4) ? 0 : random_below(run, ~0ull >> 9);
	told->oom_kills = random_below(run, 50) ? 0 : random_below(run, 5);
}

/* A tenth of a second in the guest. */
static void live(struct run *run)
{
	struct guest *guest = &run->guest;
	uint64_t step = guest->rate * TICK / SECOND, more, room;

	if (guest->balloon > guest->asked)
		guest->balloon -= smaller(step * 4, guest->balloon - guest->asked);
	else
		/* A balloon fills with what is free only. */
		guest->balloon += smaller(smaller(step, guest->asked - guest->balloon),
					  available(guest)) / 4096 * 4096;
	if (guest->used > guest->demand)
		guest->used = guest->demand;
	more = smaller(guest->demand - guest->used, guest->demand_rate * TICK / SECOND);
	room = available(guest);
	if (more > room && guest->deflate_on_oom) {
		uint64_t back = smaller(guest->balloon, (more - room + 4095) / 4096 * 4096);

		guest->balloon -= back;
		room += back;
	}
	if (more > room && guest->swaps)
		guest->swap_in += more - room;
	else if (more > room)
		guest->oom_kills++;
	guest->used += smaller(more, room);
	if (!guest->mute && run->now - guest->told_us >= SECOND)
		tell(run);
}

static void check(struct run *run, bool holds, const char *rule)
{
	if (!holds && !run->broken) {
		run->broken = rule;
		printf("# at %llu us: %s\n", (unsigned long long)run->now, rule);
	}
}

/* What must hold of every request, whatever the guest. */
static void check_step(struct run *run, const struct vmqos_control_step *step)
{
	struct guest *guest = &run->guest;
	struct vmqos_control *control = &run->control;
	uint64_t floor = control->config.floor ? control->config.floor :
			 vmqos_control_floor(guest->size), since;

	if (!step->ask)
		return;
	check(run, step->balloon % 4096 == 0, "whole pages");
	if (step->balloon <= guest->balloon)
		return;
	check(run, step->balloon <= control->target.balloon, "never beyond the target");
	if (step->balloon > guest->asked) {
		run->growths++;
		check(run, guest->told_us > run->ask_us, "never without statistics told after the last request");
		check(run, run->now - guest->told_us <= control->config.fresh_us + SECOND, "never on old statistics");
		check(run, step->balloon + floor <= guest->size, "never below the floor");
		if (!run->first.us) {
			run->first.us = run->now;
			run->first.asked = guest->balloon;
		}
		since = run->now - run->first.us + 3 * SECOND;
		check(run, step->balloon <= run->first.asked + guest->balloon +
		      control->config.speed * since / SECOND, "never faster than the speed");
		check(run, step->balloon - guest->balloon <= 2 * control->config.speed,
		      "never more than a step on its way");
	}
}

static void read_once(struct run *run)
{
	struct guest *guest = &run->guest;
	struct vmqos_reading reading = guest->told;
	struct vmqos_control_step step;
	unsigned int i;

	reading.reset = guest->reset;
	guest->reset = false;
	reading.size = guest->size;
	reading.given = guest->balloon;
	reading.update = guest->update;
	vmqos_control_step(&run->control, &reading, run->now, &step);
	check_step(run, &step);
	run->events |= step.events;
	for (i = 0; i < 16; i++)
		run->told[i] += step.events >> i & 1;
	if (!step.ask)
		return;
	run->asks++;
	run->ask_us = run->now;
	guest->asked = step.balloon;
}

/* So many seconds, with a reading in each at no exact moment. */
static void pass(struct run *run, unsigned int seconds)
{
	uint64_t end = run->now + seconds * SECOND, next = run->now;

	for (; run->now < end; run->now += TICK) {
		live(run);
		if (available(&run->guest) < run->least)
			run->least = available(&run->guest);
		if (run->now < next)
			continue;
		read_once(run);
		next = run->now + SECOND - TICK + random_below(run, 3) * TICK;
	}
}

static void start(struct run *run, uint64_t size, uint64_t used)
{
	static const struct vmqos_control_config config = {
		.speed = 64 * MIB, .fresh_us = 3 * SECOND, .silence_us = 10 * SECOND,
	};

	memset(run, 0, sizeof(*run));
	run->now = 1000 * SECOND;
	run->seed = 0x9e3779b97f4a7c15;
	run->least = ~0ull;
	run->guest = (struct guest) {
		.size = size, .kept = size / 20, .used = used, .demand = used,
		.rate = 500 * MIB, .demand_rate = 50 * MIB,
	};
	vmqos_control_init(&run->control, &config);
}

static void want(struct run *run, uint64_t balloon)
{
	struct vmqos_target target = { balloon, VMQOS_TARGET_REQUEST, 0 };

	vmqos_control_aim(&run->control, &target);
}

static bool holds(struct run *run, bool good, const char *what)
{
	if (!good)
		printf("# balloon %llu MiB, asked %llu, room %llu, available %llu, phase %s, events %x, kills %llu\n",
		       (unsigned long long)(run->guest.balloon / MIB),
		       (unsigned long long)(run->guest.asked / MIB),
		       (unsigned long long)(run->control.room / MIB),
		       (unsigned long long)(available(&run->guest) / MIB),
		       vmqos_control_phase_name(run->control.phase), run->events,
		       (unsigned long long)run->guest.oom_kills);
	return tap_ok(good && !run->broken, "%s", what);
}

static void test_well(bool deflate_on_oom)
{
	struct run run;
	bool good;

	start(&run, 2048 * MIB, 300 * MIB);
	run.guest.deflate_on_oom = deflate_on_oom;
	pass(&run, 5);
	holds(&run, !run.asks && run.control.phase == VMQOS_CONTROL_IDLE,
	      "an empty balloon that nobody wants is left alone");
	want(&run, 1024 * MIB);
	pass(&run, 1024 / 64 + 8);
	holds(&run, run.guest.balloon == 1024 * MIB && run.events & VMQOS_CONTROL_REACHED &&
	      run.told[0] == 1 && run.control.phase == VMQOS_CONTROL_AT_TARGET,
	      "half of a guest is had, in the time that the speed allows");
	good = run.guest.balloon == 1024 * MIB;
	want(&run, 100 * MIB + 4096);
	pass(&run, 2);
	holds(&run, good && run.guest.balloon == 100 * MIB + 4096, "less is wanted: at once, to the page");
	want(&run, 0);
	pass(&run, 2);
	holds(&run, !run.guest.balloon && !vmqos_control_busy(&run.control) && !run.guest.oom_kills,
	      "and nothing");
}

static void test_too_much(void)
{
	struct run run;
	uint64_t reserve;

	start(&run, 2048 * MIB, 300 * MIB);
	want(&run, 2048 * MIB);
	pass(&run, 120);
	reserve = vmqos_control_reserve(&run.control);
	holds(&run, run.least >= reserve - 2 * MIB && available(&run.guest) < reserve + 4 * MIB &&
	      run.told[1] == 1 && run.control.phase == VMQOS_CONTROL_IS_HELD,
	      "more is wanted than there is: all but the reserve is had, told once");
	run.guest.used = run.guest.demand = 10 * MIB;
	run.guest.kept = 10 * MIB;
	pass(&run, 60);
	holds(&run, run.guest.size - run.guest.balloon == vmqos_control_floor(run.guest.size),
	      "a guest that needs next to nothing keeps its floor");
}

/* Demand comes back while the balloon is full. */
static void test_needs(bool deflate_on_oom, bool swaps)
{
	struct run run;

	start(&run, 2048 * MIB, 200 * MIB);
	run.guest.deflate_on_oom = deflate_on_oom;
	run.guest.swaps = swaps;
	run.guest.demand_rate = 10 * MIB;
	want(&run, 1400 * MIB);
	pass(&run, 60);
	run.guest.demand = 1500 * MIB;
	pass(&run, 200);
	holds(&run, run.guest.used == run.guest.demand && !run.guest.oom_kills &&
	      !run.guest.swap_in && run.events & VMQOS_CONTROL_NEED,
	      "a guest whose needs grow slowly is given back in time");
	run.guest.demand = 200 * MIB;
	pass(&run, 400);
	holds(&run, run.guest.balloon == 1400 * MIB, "and gives again when they are over");

	/* As fast as memory can be written. */
	run.guest.demand_rate = 4096 * MIB;
	run.guest.demand = 1700 * MIB;
	pass(&run, 4);
	holds(&run, run.guest.used == run.guest.demand,
	      "needs that come at once are met within seconds");
	if (deflate_on_oom)
		holds(&run, !run.guest.oom_kills && run.events & VMQOS_CONTROL_TOOK,
		      "nothing is killed where the guest may take back by itself");
	else if (!swaps)
		holds(&run, run.guest.oom_kills && !run.guest.asked,
		      "a guest that kills for want of memory gets all of it back");
}

static void test_dead(void)
{
	struct run run;
	unsigned int asks;

	start(&run, 1024 * MIB, 100 * MIB);
	want(&run, 600 * MIB);
	pass(&run, 5);
	run.guest.mute = true;
	run.guest.rate = 0;
	pass(&run, 30);
	holds(&run, run.events & VMQOS_CONTROL_SILENT && run.told[4] == 1 &&
	      run.guest.asked == run.guest.balloon &&
	      run.control.phase == VMQOS_CONTROL_IS_SILENT,
	      "a guest that has died is told of once and asked for nothing more");
	asks = run.asks;
	pass(&run, 600);
	holds(&run, run.asks == asks && run.told[4] == 1, "however long");
	run.guest.mute = false;
	run.guest.rate = 500 * MIB;
	pass(&run, 60);
	holds(&run, run.guest.balloon == 600 * MIB && run.told[5] == 1, "until it lives again");

	start(&run, 1024 * MIB, 100 * MIB);
	run.guest.mute = true;
	want(&run, 600 * MIB);
	pass(&run, 60);
	holds(&run, !run.guest.balloon && run.told[4] == 1,
	      "one that never told anything gives nothing");

	start(&run, 1024 * MIB, 100 * MIB);
	run.guest.rate = 0;
	want(&run, 600 * MIB);
	pass(&run, 18);
	holds(&run, run.told[6] == 1 && run.guest.asked == 0,
	      "one that tells but does not do is not asked on");
	pass(&run, 3600);
	holds(&run, run.told[6] == 1 && run.growths < 20, "and is tried again seldom");
	run.guest.rate = 100 * MIB;
	pass(&run, 700);
	holds(&run, run.guest.balloon == 600 * MIB, "until it does");
}

static void test_slow(void)
{
	struct run run;

	start(&run, 1024 * MIB, 100 * MIB);
	run.guest.rate = 2 * MIB;
	want(&run, 200 * MIB);
	pass(&run, 110);
	holds(&run, run.guest.balloon == 200 * MIB && !(run.events & VMQOS_CONTROL_STUCK),
	      "a slow guest is waited for");
}

static void test_reset(void)
{
	struct run run;

	start(&run, 1024 * MIB, 100 * MIB);
	want(&run, 400 * MIB);
	pass(&run, 20);
	run.guest.reset = true;
	run.guest.mute = true;
	run.guest.balloon = 0;
	memset(&run.guest.told, 0, sizeof(run.guest.told));
	pass(&run, 2);
	holds(&run, !run.guest.asked && run.told[8] == 1, "a reset guest starts with an empty balloon");
	pass(&run, 30);
	run.guest.mute = false;
	pass(&run, 15);
	holds(&run, !run.guest.asked, "and is left alone while it starts");
	pass(&run, 40);
	holds(&run, run.guest.balloon == 400 * MIB, "then the balloon fills again");
}

static void test_found(void)
{
	struct run run;

	start(&run, 1024 * MIB, 100 * MIB);
	run.guest.balloon = 300 * MIB;
	run.guest.asked = 500 * MIB;
	run.guest.rate = MIB;
	pass(&run, 30);
	holds(&run, !strcmp(run.control.target.reason, VMQOS_TARGET_FOUND) &&
	      run.guest.asked <= 302 * MIB && run.guest.balloon == run.guest.asked,
	      "a balloon that was filled before stays as it is, and grows no further");
	run.guest.rate = 500 * MIB;
	run.guest.demand_rate = 10 * MIB;
	run.guest.demand = 850 * MIB;
	pass(&run, 100);
	holds(&run, run.guest.used == run.guest.demand && !run.guest.oom_kills,
	      "and the guest gets of it what it needs");
}

static void test_deadline(void)
{
	struct vmqos_target target = { 600 * MIB, "host", 0 };
	struct run run;

	start(&run, 1024 * MIB, 100 * MIB);
	target.deadline_us = run.now + 30 * SECOND;
	vmqos_control_aim(&run.control, &target);
	pass(&run, 40);
	holds(&run, !(run.events & VMQOS_CONTROL_MISSED), "a deadline that is met is not told of");
	target.balloon = 1000 * MIB;
	target.deadline_us = run.now + 5 * SECOND;
	vmqos_control_aim(&run.control, &target);
	pass(&run, 40);
	holds(&run, run.told[7] == 1, "one that is missed is, once");
}

/* Needs that go up and down for an hour. */
static void test_oscillates(void)
{
	struct run run;
	unsigned int i, disturbed = 0;

	start(&run, 2048 * MIB, 200 * MIB);
	run.guest.demand_rate = 200 * MIB;
	run.guest.deflate_on_oom = true;
	want(&run, 1600 * MIB);
	for (i = 0; i < 120; i++) {
		run.guest.demand = (i % 2 ? 1500 : 200) * MIB;
		run.events = 0;
		pass(&run, 30);
		disturbed += i % 2 && run.events & (VMQOS_CONTROL_NEED | VMQOS_CONTROL_TOOK);
	}
	holds(&run, disturbed <= 15 && !run.guest.oom_kills,
	      "one whose needs go up and down is bothered ever less often");
	printf("# %u of 60 needs in an hour met a balloon\n", disturbed);
}

/* Everything at random, the guest's words included. */
static void test_random(bool lies)
{
	unsigned int i, j, reached = 0, kills = 0;
	const char *broken = NULL;

	for (i = 1; i <= 300 && !broken; i++) {
		struct run run;

		start(&run, 0, 0);
		run.seed *= i;
		run.guest.size = (128 + random_below(&run, 4096)) * MIB;
		run.guest.kept = run.guest.size / 20;
		run.guest.lies = lies;
		run.guest.deflate_on_oom = random_below(&run, 2);
		run.guest.swaps = random_below(&run, 2);
		if (random_below(&run, 2))
			run.control.config.floor = random_below(&run, run.guest.size);
		for (j = 0; j < 40 && !broken; j++) {
			run.guest.rate = random_below(&run, 3) * random_below(&run, 300) * MIB;
			run.guest.mute = !random_below(&run, 6);
			run.guest.demand_rate = (1 + random_below(&run, 20)) * MIB;
			run.guest.demand = random_below(&run, run.guest.size * 3 / 4);
			if (!random_below(&run, 10)) {
				run.guest.reset = true;
				run.guest.balloon = run.guest.used = 0;
			}
			if (!random_below(&run, 20))
				vmqos_control_lost(&run.control);
			if (!random_below(&run, 3))
				want(&run, random_below(&run, run.guest.size * 5 / 4));
			run.first.us = 0;
			pass(&run, 1 + random_below(&run, 60));
			broken = run.broken;
		}
		reached += run.told[0];
		kills += run.guest.oom_kills;
		if (broken)
			printf("# seed %u\n", i);
	}
	printf("# %u targets reached, %u kills\n", reached, kills);
	tap_ok(!broken && reached > 100, "300 guests %s: every rule holds in every step",
	       lies ? "that lie" : "of all kinds");
}

int main(void)
{
	test_well(false);
	test_well(true);
	test_too_much();
	test_needs(false, false);
	test_needs(true, false);
	test_needs(false, true);
	test_dead();
	test_slow();
	test_reset();
	test_found();
	test_deadline();
	test_oscillates();
	test_random(false);
	test_random(true);
	return tap_end();
}
