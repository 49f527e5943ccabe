// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * A balloon that takes what a guest needs kills the guest's programs, and only
 * the guest knows what it needs. So the balloon grows in steps, each of which
 * waits for what the guest says of the one before:
 *
 *   1. It grows only on statistics that the guest has told after the last
 *	time it was asked for more, and that are not old.
 *   2. By these statistics something is left to the guest: a reserve of memory
 *	that is available, and never less memory in all than the floor.
 *   3. It grows at the configured speed, and what has been asked for and not been
 *	given yet is a step of that at most. If everything that decides here ended now,
 *	the guest would lose no more than that.
 *   4. Giving back waits for nothing: neither for statistics nor for the
 *	speed. It is done when the target says so, when less than half of the
 *	reserve is left, and when the guest swaps in or kills for want of memory.
 *	Then the balloon rests, longer each time, so that a guest whose needs go up and
 *	down is not driven from one need to the next.
 *   5. A guest that tells nothing, or does not do as asked, is told of once
 *	and asked for no more than it has given, until it does again.
 *
 * How much may be in the balloon is computed from what the guest calls available
 * and from what was in the balloon when it said so, of which a lower bound is
 * known: the lesser of two readings around that moment. What went into the balloon
 * since is thereby taken off. The guest's total is not computed with, as it counts
 * the balloon in some guests and not in others.
 *
 * A guest may lie. It can keep memory by lying, but not that which the floor and
 * this controller would have left to it anyway, and it can lose what it lies about;
 * neither can it make the balloon larger than the target.
 */
#include <stdio.h>
#include <string.h>

#include "control.h"

#define PAGE		4096ull
#define MIB		(1024 * 1024ull)
#define SECOND		1000000ull

/* Available memory that is left to the guest: a share of what it has, but at least so much. */
#define RESERVE_SHARE	16
#define RESERVE_MIN	(32 * MIB)
/* A guest is never left with less than this share of its memory, but at least so much. */
#define FLOOR_SHARE	8
#define FLOOR_MIN	(64 * MIB)
/* Growing by less is not worth a guest's while, unless nothing more is wanted. */
#define STEP_MIN	MIB
/* A pause between readings does not make the next step larger than this. */
#define STEP_MAX_US	(2 * SECOND)
/* Of what a guest swaps in within two readings, so much is chance. */
#define SWAP_NOISE	MIB
#define REST_MIN_US	(20 * SECOND)
#define REST_MAX_US	(640 * SECOND)
/* A guest that has been reset has not started all its programs when its driver is there. */
#define REST_START_US	(20 * SECOND)
#define STUCK_US	(15 * SECOND)
/* Beyond these, sums could wrap; no guest has so much. */
#define SIZE_LIMIT	(1ull << 60)
#define SPEED_LIMIT	(1ull << 42)

#define QUIET	(VMQOS_CONTROL_REACHED | VMQOS_CONTROL_HELD | VMQOS_CONTROL_MISSED)

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/**
 * vmqos_control_floor() - what a guest is left with when nobody says how much
 * @size: memory of the VM in bytes
 *
 * Return: bytes.
 */
uint64_t vmqos_control_floor(uint64_t size)
{
	return max(FLOOR_MIN, size / FLOOR_SHARE);
}

/**
 * vmqos_control_init() - a controller that wants nothing and knows nothing
 * @control: filled
 * @config: what it has to keep to; a floor of 0 stands for the usual one
 */
void vmqos_control_init(struct vmqos_control *control, const struct vmqos_control_config *config)
{
	memset(control, 0, sizeof(*control));
	control->config = *config;
	control->config.speed = max(min(config->speed, SPEED_LIMIT), STEP_MIN);
}

/**
 * vmqos_control_aim() - set what is wanted; a later vmqos_control_step() acts on it
 * @control: the controller
 * @target: what is wanted
 */
void vmqos_control_aim(struct vmqos_control *control, const struct vmqos_target *target)
{
	control->target = *target;
	control->target.balloon = min(target->balloon, SIZE_LIMIT) / PAGE * PAGE;
	control->said &= ~QUIET;
}

/**
 * vmqos_control_lost() - the balloon cannot be reached for now
 * @control: the controller
 *
 * What was known of it counts no longer; what is wanted still does.
 */
void vmqos_control_lost(struct vmqos_control *control)
{
	control->last_us = 0;
	control->asked_us = 0;
	control->told_us = 0;
	control->counted.known = false;
	control->watch_us = 0;
	control->moved_us = 0;
}

/* What the guest could do without, or less; false when it does not say. */
static bool usable(const struct vmqos_reading *reading, uint64_t base, uint64_t *bytes)
{
	if (reading->present & VMQOS_READING_AVAILABLE)
		*bytes = reading->available;
	else if (!(reading->present & VMQOS_READING_FREE))
		return false;
	else if (reading->present & VMQOS_READING_CACHES)
		/* Part of its caches is in use, or cannot be dropped (Linux before 3.14). */
		*bytes = min(reading->free, SIZE_LIMIT) + min(reading->caches, SIZE_LIMIT) / 2;
	else
		*bytes = reading->free;
	*bytes = min(*bytes, reading->size - base);
	return true;
}

/**
 * vmqos_control_reserve() - available memory that the balloon leaves to the guest
 * @control: the controller
 *
 * Return: bytes, by the latest statistics.
 */
uint64_t vmqos_control_reserve(const struct vmqos_control *control)
{
	return max(RESERVE_MIN, less(control->last.size, control->base) / RESERVE_SHARE);
}

/* The guest has needed what was in its balloon. */
static void rest(struct vmqos_control *control, uint64_t now_us)
{
	/* Long ago is forgotten; what lasts is one need, until the balloon has grown again. */
	if (now_us > control->rested_us + 5 * control->rest_us)
		control->rest_us = REST_MIN_US;
	else if (control->grown_us > control->rested_us)
		control->rest_us = min(2 * control->rest_us, REST_MAX_US);
	control->rested_us = now_us;
	control->rest_until_us = max(control->rest_until_us, now_us + control->rest_us);
}

static void tell(struct vmqos_control *control, unsigned int event,
		 struct vmqos_control_step *step)
{
	if (!(control->said & event))
		step->events |= event;
	control->said |= event;
}

static void ask(struct vmqos_control *control, uint64_t balloon, uint64_t now_us,
		struct vmqos_control_step *step)
{
	uint64_t given = control->last.given;
	bool goes_on = control->asked_us &&
		       ((control->asked > given && balloon > given) ||
			(control->asked < given && balloon < given));

	if (control->asked_us && balloon == control->asked)
		return;
	step->ask = true;
	step->balloon = balloon;
	control->asked = balloon;
	control->asked_us = now_us;
	/* Asking on for what has not come yet gives the guest no more time. */
	if (goes_on)
		return;
	control->moved_us = now_us;
	control->moved_given = given;
}

/* How much the guest has to have back now, by statistics that are new. */
static uint64_t need(struct vmqos_control *control)
{
	const struct vmqos_reading *last = &control->last;
	uint64_t reserve = vmqos_control_reserve(control), available, swapped = 0, back = 0;
	bool killed = false;

	if (control->counted.known) {
		if (last->present & VMQOS_READING_OOM_KILLS)
			killed = last->oom_kills > control->counted.oom_kills;
		if (last->present & VMQOS_READING_SWAP_IN)
			swapped = less(last->swap_in, control->counted.swap_in);
	}
	control->counted.known = true;
	control->counted.oom_kills = last->oom_kills;
	control->counted.swap_in = last->swap_in;
	if (killed)
		return last->given;
	if (usable(last, control->base, &available) && available < reserve / 2)
		back = 2 * reserve - available;
	if (swapped > SWAP_NOISE)
		back = max(back, min(swapped, SIZE_LIMIT) + reserve);
	return min(back, last->given);
}

/* New statistics: what may be in the balloon by them, and what has to go out of it. */
static uint64_t take_statistics(struct vmqos_control *control, uint64_t before_us,
				uint64_t given_before, uint64_t now_us,
				struct vmqos_control_step *step)
{
	const struct vmqos_reading *last = &control->last;
	uint64_t available, floor;

	control->told_us = now_us;
	control->told_after_us = before_us;
	control->base = min(given_before, last->given);
	control->watch_us = now_us;
	if (control->said & VMQOS_CONTROL_SILENT) {
		control->said &= ~VMQOS_CONTROL_SILENT;
		step->events |= VMQOS_CONTROL_ANSWERS;
	}
	if (control->rest_until_us == UINT64_MAX)
		control->rest_until_us = now_us + REST_START_US;

	floor = control->config.floor ? control->config.floor : vmqos_control_floor(last->size);
	control->room = 0;
	if (usable(last, control->base, &available))
		control->room = min(less(last->size, floor), control->base +
				    less(available, vmqos_control_reserve(control)));
	control->room = control->room / PAGE * PAGE;
	return need(control);
}

/* What the balloon does, and whether it follows. */
static void take_given(struct vmqos_control *control, uint64_t now_us,
		       struct vmqos_control_step *step)
{
	uint64_t given = control->last.given;
	bool nearer = control->asked > control->moved_given ? given > control->moved_given :
		      given < control->moved_given;

	if (nearer)
		control->said &= ~VMQOS_CONTROL_STUCK;
	if (!control->moved_us || given == control->asked || nearer) {
		control->moved_us = now_us;
		control->moved_given = given;
	} else if (now_us - control->moved_us >= STUCK_US &&
		   !(control->said & VMQOS_CONTROL_SILENT)) {
		if (control->asked > given)
			rest(control, now_us);
		tell(control, VMQOS_CONTROL_STUCK, step);
	}
}

static void take_reading(struct vmqos_control *control, const struct vmqos_reading *reading,
			 uint64_t now_us, struct vmqos_control_step *step)
{
	struct vmqos_reading before = control->last;
	uint64_t before_us = control->last_us, back = 0, page_given;
	bool took;

	control->last = *reading;
	control->last.size = min(reading->size, SIZE_LIMIT);
	control->last.given = min(reading->given, control->last.size);
	control->last_us = now_us;
	page_given = control->last.given / PAGE * PAGE;

	if (!control->target.reason[0] && control->last.given) {
		/* Somebody has filled it before us; it stays, and is looked after from now on. */
		control->target.balloon = page_given;
		strcpy(control->target.reason, VMQOS_TARGET_FOUND);
	}
	if (reading->reset) {
		vmqos_control_lost(control);
		control->last_us = now_us;
		control->rest_until_us = UINT64_MAX;
		control->said &= ~QUIET;
		step->events |= VMQOS_CONTROL_RESET;
		ask(control, 0, now_us, step);
		return;
	}
	took = before_us && control->asked_us && control->last.given < before.given &&
	       control->last.given < control->asked;
	if (took) {
		rest(control, now_us);
		control->said &= ~QUIET;
		step->events |= VMQOS_CONTROL_TOOK;
		ask(control, page_given, now_us, step);
	}
	/* Statistics that were there before the first reading may be of any age. */
	if (reading->update && before_us && reading->update != before.update)
		back = take_statistics(control, before_us, before.given, now_us, step);
	if (back) {
		uint64_t left = (control->last.given - back) / PAGE * PAGE;

		rest(control, now_us);
		control->said &= ~QUIET;
		step->events |= VMQOS_CONTROL_NEED;
		if (!control->asked_us || left < control->asked)
			ask(control, left, now_us, step);
	}
	take_given(control, now_us, step);
}

/* Whether the guest has been asked for something and has said nothing for too long. */
static void watch(struct vmqos_control *control, uint64_t now_us, struct vmqos_control_step *step)
{
	if (!control->last.given && !control->target.balloon) {
		control->watch_us = 0;
		control->said &= ~VMQOS_CONTROL_SILENT;
		return;
	}
	if (!control->watch_us)
		control->watch_us = now_us;
	if (now_us - control->watch_us >= control->config.silence_us)
		tell(control, VMQOS_CONTROL_SILENT, step);
}

static bool is_fresh(const struct vmqos_control *control, uint64_t now_us)
{
	return control->told_us && control->told_after_us >= control->asked_us &&
	       now_us - control->told_us <= control->config.fresh_us;
}

/* Asks for no more than there is, where more was asked for. */
static void stop(struct vmqos_control *control, uint64_t now_us, struct vmqos_control_step *step)
{
	uint64_t given = control->last.given / PAGE * PAGE;

	if (control->asked_us && control->asked > given)
		ask(control, given, now_us, step);
}

/* The balloon has less than is wanted: may it have more? */
static enum vmqos_control_phase grow(struct vmqos_control *control, uint64_t now_us,
				     struct vmqos_control_step *step)
{
	uint64_t given = control->last.given, asked = control->asked_us ? control->asked : given;
	uint64_t pause_us, next, goal = control->target.balloon;

	if (control->said & VMQOS_CONTROL_SILENT) {
		stop(control, now_us, step);
		return VMQOS_CONTROL_IS_SILENT;
	}
	if (now_us < control->rest_until_us) {
		stop(control, now_us, step);
		return control->said & VMQOS_CONTROL_STUCK ? VMQOS_CONTROL_IS_STUCK :
		       VMQOS_CONTROL_RESTS;
	}
	if (!is_fresh(control, now_us))
		return VMQOS_CONTROL_GROWS;
	if (asked > max(given, control->room)) {
		/* On its way is more than the guest can do without: as much as it can. */
		next = max(given, control->room) / PAGE * PAGE;
		ask(control, next, now_us, step);
		return VMQOS_CONTROL_IS_HELD;
	}
	pause_us = control->grown_us ? min(now_us - control->grown_us, STEP_MAX_US) : SECOND;
	next = min(goal, given + control->config.speed * pause_us / SECOND) / PAGE * PAGE;
	next = min(next, control->room);
	if (next > asked && (next == goal || next - asked >= STEP_MIN)) {
		control->grown_us = now_us;
		ask(control, next, now_us, step);
		return VMQOS_CONTROL_GROWS;
	}
	if (control->room < goal && control->room < asked + STEP_MIN) {
		if (given >= asked)
			tell(control, VMQOS_CONTROL_HELD, step);
		return VMQOS_CONTROL_IS_HELD;
	}
	return VMQOS_CONTROL_GROWS;
}

/* Where it stands, and what is to be asked for. */
static enum vmqos_control_phase decide(struct vmqos_control *control, uint64_t now_us,
				       struct vmqos_control_step *step)
{
	uint64_t goal = control->target.balloon, given = control->last.given;
	uint64_t asked = control->asked_us ? control->asked : given;

	if (!control->target.reason[0])
		return VMQOS_CONTROL_IDLE;
	/* Less is wanted than there is, or than is on its way: at once. */
	if (goal < asked)
		ask(control, goal, now_us, step);
	/*
	 * What was asked for before this controller began is not known: no more than there
	 * is. What there is may be of before a reset, so not without a word of the guest.
	 */
	else if (!control->asked_us && is_fresh(control, now_us))
		ask(control, min(goal, given / PAGE * PAGE), now_us, step);
	if (goal < given)
		return control->said & VMQOS_CONTROL_STUCK ? VMQOS_CONTROL_IS_STUCK :
		       VMQOS_CONTROL_SHRINKS;
	/* It may also hold what is wanted and have been asked for less, as it is needed. */
	if (goal > given || goal > control->asked)
		return grow(control, now_us, step);
	tell(control, VMQOS_CONTROL_REACHED, step);
	if (control->said & VMQOS_CONTROL_SILENT)
		return VMQOS_CONTROL_IS_SILENT;
	return goal ? VMQOS_CONTROL_AT_TARGET : VMQOS_CONTROL_IDLE;
}

/**
 * vmqos_control_step() - what is to be done now
 * @control: the controller
 * @reading: a reading that has just been finished, or NULL when only time has passed
 * @now_us: monotonic time, not 0
 * @step: filled
 *
 * To be called with every reading, and at least every second or so without.
 */
void vmqos_control_step(struct vmqos_control *control, const struct vmqos_reading *reading,
			uint64_t now_us, struct vmqos_control_step *step)
{
	memset(step, 0, sizeof(*step));
	if (reading)
		take_reading(control, reading, now_us, step);
	if (!control->last_us)
		return;
	watch(control, now_us, step);
	control->phase = decide(control, now_us, step);
	if (control->target.deadline_us && now_us >= control->target.deadline_us &&
	    control->last.given < control->target.balloon)
		tell(control, VMQOS_CONTROL_MISSED, step);
}

/**
 * vmqos_control_busy() - whether the VM has to be looked after
 * @control: the controller
 *
 * Return: whether something is in its balloon, or is wanted to be.
 */
bool vmqos_control_busy(const struct vmqos_control *control)
{
	return control->target.balloon || control->last.given ||
	       (control->asked_us && control->asked);
}
