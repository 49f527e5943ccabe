// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * Every adopted VM has an entry. Its balloon is looked at once, and left alone
 * from then on unless something is in it or somebody wants something of it: a
 * monitor may be in use by others. While it is busy it is read once a second, and
 * each reading is a step of its controller.
 *
 * A request waits for a reading, so that what it does and says is true now.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmqos/vmqos.h>

#include "backend.h"
#include "balloons.h"
#include "log.h"
#include "policy.h"
#include "roster.h"

#define SECOND		UINT64_C(1000000)
#define PERIOD		1	/* seconds; QEMU knows no shorter one */
#define READ_US		SECOND
#define FIRST_LOOK_US	SECOND
#define PATIENCE_US	(12 * SECOND)
#define SILENCE_US	(10 * SECOND)
#define SPEED		(256ull << 20)
#define WHY_SIZE	320

struct waiter {
	struct waiter *next;
	bool changes;
	struct vmqos_balloons_change change;
	vmqos_balloons_done done;
	void *ctx;
	uint64_t ticket;
	uint64_t due_us;
};

struct entry {
	struct entry *next;
	struct vmqos_balloons *balloons;
	uint32_t id, pid;
	char name[VMQOS_NAME_MAX + 1];
	bool kept;
	bool allowed;
	struct vmqos_backend *backend;
	bool kernel;			/* it is vmqos_virtio's */
	struct vmqos_control control;
	sd_event_source *timer;
	unsigned int period;
	bool known;
	uint64_t read_us;
	int error;
	char why[WHY_SIZE];
	char told[WHY_SIZE];		/* what was last logged of why it cannot be reached */
	struct waiter *waiters;
};

struct vmqos_balloons {
	struct vmqos *ctx;
	sd_event *loop;
	struct entry *first;
};

static uint64_t now_us(struct vmqos_balloons *balloons)
{
	uint64_t now = 0;

	sd_event_now(balloons->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void set_timer(struct entry *entry, uint64_t time_us)
{
	sd_event_source_set_time(entry->timer, time_us);
	sd_event_source_set_enabled(entry->timer, SD_EVENT_ONESHOT);
}

static void set_config(struct entry *entry, const struct vmqos_policy_vm *policy)
{
	struct vmqos_control_config *config = &entry->control.config;
	struct vmqos_control fresh;

	*config = (struct vmqos_control_config) {
		.floor = policy->present & VMQOS_POLICY_VM_BALLOON_FLOOR ?
			 policy->balloon_floor : 0,
		.speed = policy->present & VMQOS_POLICY_VM_BALLOON_SPEED ?
			 policy->balloon_speed : SPEED,
		.fresh_us = (2 * entry->period + 1) * SECOND,
		.silence_us = 5 * entry->period * SECOND > SILENCE_US ?
			      5 * entry->period * SECOND : SILENCE_US,
	};
	/* It bounds what is out of bounds. */
	vmqos_control_init(&fresh, config);
	*config = fresh.config;
}

static void make_view(struct entry *entry, struct vmqos_balloons_view *view, char *why)
{
	*view = (struct vmqos_balloons_view) {
		.id = entry->id, .pid = entry->pid, .name = entry->name,
		.backend = entry->backend->ops->name,
		.via = entry->backend->ops->via,
		.allowed = entry->allowed,
		.known = entry->known,
		.why = entry->why,
		.control = &entry->control,
		.period = entry->period,
		.age_us = entry->known ? now_us(entry->balloons) - entry->read_us : 0,
	};
	if (!entry->known)
		return;
	vmqos_control_why(&entry->control, why, VMQOS_CONTROL_WHY);
	view->why = why;
}

/* --- requests --- */

static void end_waiter(struct entry *entry, struct waiter *waiter, int error, const char *why)
{
	char text[VMQOS_CONTROL_WHY] = "";
	struct vmqos_balloons_view view;

	if (!error)
		make_view(entry, &view, text);
	waiter->done(waiter->ctx, waiter->ticket, error, error ? why : NULL,
		     error ? NULL : &view);
	free(waiter);
}

static void fail_waiters(struct entry *entry, int error, const char *why)
{
	struct waiter *waiter;

	while ((waiter = entry->waiters)) {
		entry->waiters = waiter->next;
		end_waiter(entry, waiter, error, why);
	}
}

/* Sets what is wanted. 0, or a negative errno with the reason. */
static int change(struct entry *entry, const struct vmqos_balloons_change *change, char *why,
		  size_t size)
{
	struct vmqos_control *control = &entry->control;
	uint64_t before = control->target.reason[0] ? control->target.balloon : control->last.given;
	struct vmqos_target target = { .balloon = before };
	char has[VMQOS_BYTES_TEXT], text[VMQOS_BYTES_TEXT];

	strcpy(target.reason, change->reason);
	if (change->has_target)
		target.balloon = change->target;
	else if (change->change < 0)
		target.balloon -= -(uint64_t)change->change < before ?
				  -(uint64_t)change->change : before;
	else
		target.balloon += change->change;
	if (target.balloon > control->last.size) {
		vmqos_bytes_format(target.balloon, text, sizeof(text));
		vmqos_bytes_format(control->last.size, has, sizeof(has));
		snprintf(why, size, "the VM has %s of memory: its balloon cannot hold %s", has,
			 text);
		return -ERANGE;
	}
	if (change->deadline_ms)
		target.deadline_us = now_us(entry->balloons) + change->deadline_ms * 1000;
	vmqos_control_aim(control, &target);
	vmqos_bytes_format(control->target.balloon, text, sizeof(text));
	vmqos_daemon_log(LOG_INFO, "VM %s: its balloon is to hold %s (%s)", entry->name, text,
			 target.reason);
	return 0;
}

static void log_events(struct entry *entry, unsigned int events)
{
	static const struct {
		unsigned int event;
		int level;
		const char *text;
	} words[] = {
		{ VMQOS_CONTROL_RESET, LOG_INFO,
		  "it has been reset: its balloon is empty, and fills again when it has started" },
		{ VMQOS_CONTROL_NEED, LOG_NOTICE, "it needs memory and is given some back" },
		{ VMQOS_CONTROL_TOOK, LOG_NOTICE, "it has taken memory back from its balloon" },
		{ VMQOS_CONTROL_ANSWERS, LOG_NOTICE, "it tells its statistics again" },
		{ VMQOS_CONTROL_SILENT, LOG_WARNING,
		  "it does not tell its statistics: nothing more is taken from it" },
		{ VMQOS_CONTROL_STUCK, LOG_WARNING,
		  "it does not do what its balloon is asked for" },
		{ VMQOS_CONTROL_HELD, LOG_INFO,
		  "its balloon stays below what is wanted, as the guest needs the rest itself" },
		{ VMQOS_CONTROL_MISSED, LOG_WARNING, "its balloon is not full at its deadline" },
		{ VMQOS_CONTROL_REACHED, LOG_INFO, "its balloon holds what is wanted" },
	};
	char holds[VMQOS_BYTES_TEXT], wanted[VMQOS_BYTES_TEXT];
	size_t i;

	vmqos_bytes_format(entry->control.last.given, holds, sizeof(holds));
	vmqos_bytes_format(entry->control.target.balloon, wanted, sizeof(wanted));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (events & words[i].event)
			vmqos_daemon_log(words[i].level, "VM %s: %s (holds %s of %s)",
					 entry->name, words[i].text, holds, wanted);
}

static void do_step(struct entry *entry, const struct vmqos_reading *reading)
{
	struct vmqos_control_step step;
	int ret;

	vmqos_control_step(&entry->control, reading, now_us(entry->balloons), &step);
	if (step.ask) {
		ret = entry->backend->ops->ask(entry->backend, step.balloon);
		vmqos_daemon_log(LOG_DEBUG, "VM %s: its balloon is asked for %llu bytes%s%s",
				 entry->name, (unsigned long long)step.balloon,
				 ret ? ": " : "", ret ? strerror(-ret) : "");
		/* What was not asked for has to be asked for again. */
		if (ret)
			vmqos_control_lost(&entry->control);
	}
	log_events(entry, step.events);
}

/* --- what a backend tells --- */

static void on_reading(void *ctx, const struct vmqos_reading *reading)
{
	struct entry *entry = ctx;
	struct waiter *waiter, *waiters = entry->waiters;
	char why[WHY_SIZE];
	bool changed = false;
	int ret;

	entry->known = true;
	entry->read_us = now_us(entry->balloons);
	entry->why[0] = '\0';
	entry->told[0] = '\0';
	/* The balloon first, so that a change begins from what is. */
	do_step(entry, reading);
	entry->waiters = NULL;
	while ((waiter = waiters)) {
		waiters = waiter->next;
		ret = 0;
		if (waiter->changes && waiter->change.has_period) {
			entry->period = waiter->change.period;
			entry->control.config.fresh_us = (2 * entry->period + 1) * SECOND;
			entry->backend->ops->period(entry->backend, entry->period);
		}
		if (waiter->changes && (waiter->change.has_target || waiter->change.has_change)) {
			ret = change(entry, &waiter->change, why, sizeof(why));
			if (!ret)
				do_step(entry, NULL);
			changed = true;
		}
		end_waiter(entry, waiter, ret, why);
	}
	if (vmqos_control_busy(&entry->control)) {
		/* Those before were not busy with it. */
		entry->backend->ops->period(entry->backend, entry->period);
		set_timer(entry, entry->read_us + READ_US);
	} else {
		/* One that has just been emptied is looked at once more. */
		if (changed)
			set_timer(entry, entry->read_us + READ_US);
		else
			entry->backend->ops->rest(entry->backend);
	}
}

static void on_failed(void *ctx, int error, const char *why)
{
	struct entry *entry = ctx;
	bool busy = vmqos_control_busy(&entry->control);

	entry->known = false;
	entry->error = error;
	snprintf(entry->why, sizeof(entry->why), "%s", why);
	vmqos_control_lost(&entry->control);
	if (strcmp(entry->told, why)) {
		vmqos_daemon_log(busy ? LOG_WARNING : LOG_DEBUG,
				 "VM %s: its balloon cannot be reached: %s", entry->name, why);
		snprintf(entry->told, sizeof(entry->told), "%s", why);
	}
	fail_waiters(entry, error, why);
	if (busy)
		set_timer(entry, now_us(entry->balloons) + READ_US);
}

static void on_reset(void *ctx)
{
	struct entry *entry = ctx;

	/* The guest that starts must not find the old target in its balloon. */
	entry->backend->ops->read(entry->backend);
}

/* Somebody has asked the kernel itself: that is what is wanted now, and got as all else. */
static void on_aimed(void *ctx, uint64_t balloon, const char *reason)
{
	struct vmqos_target target = { .balloon = balloon };
	struct entry *entry = ctx;
	char text[VMQOS_BYTES_TEXT];

	snprintf(target.reason, sizeof(target.reason), "%s", reason);
	vmqos_control_aim(&entry->control, &target);
	vmqos_bytes_format(balloon, text, sizeof(text));
	vmqos_daemon_log(LOG_INFO, "VM %s: its balloon is to hold %s (%s, set in the kernel)",
			 entry->name, text, reason);
}

static const struct vmqos_backend_told told = { on_reading, on_failed, on_reset, on_aimed };

/* libvirt keeps the monitors of its VMs for itself, unless they have one more for us. */
static struct vmqos_backend *choose_backend(struct entry *entry, bool kernel)
{
	struct vmqos_balloons *balloons = entry->balloons;
	struct vmqos_backend *backend = NULL;
	struct vmqos_process process;

	if (kernel)
		return vmqos_backend_kernel(balloons->loop, balloons->ctx, entry->id, &told, entry);
	if (vmqos_process_identify(balloons->ctx, entry->pid, &process))
		return NULL;
	if (process.qemu && !process.qmp_path[0] && process.qmp_fd && process.has_uuid)
		backend = vmqos_backend_libvirt(balloons->loop, &process, &told, entry);
	return backend ? backend : vmqos_backend_qemu(balloons->loop, &process, &told, entry);
}

/* A device of the kernel's comes when the VMM opens it, and goes when it closes it. */
static void choose_again(struct entry *entry)
{
	struct vmqos_control_config config = entry->control.config;
	bool kernel = vmqos_backend_kernel_serves(entry->balloons->ctx, entry->id);
	struct vmqos_backend *backend;

	if (kernel == entry->kernel)
		return;
	backend = choose_backend(entry, kernel);
	if (!backend)
		return;
	entry->backend->ops->free(entry->backend);
	entry->backend = backend;
	entry->kernel = kernel;
	entry->known = false;
	entry->told[0] = '\0';
	/* Another balloon: nothing is known of it. */
	vmqos_control_init(&entry->control, &config);
}

static int on_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct entry *entry = userdata;
	uint64_t now = now_us(entry->balloons);
	struct waiter *waiter, **link = &entry->waiters;

	(void)source;
	(void)time_us;
	while ((waiter = *link)) {
		if (waiter->due_us > now) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		end_waiter(entry, waiter, -ETIMEDOUT, "its balloon has not been read in time");
	}
	if (!entry->allowed)
		return 0;
	choose_again(entry);
	if (entry->known)
		do_step(entry, NULL);
	entry->backend->ops->read(entry->backend);
	if (entry->waiters || vmqos_control_busy(&entry->control))
		set_timer(entry, now + READ_US);
	return 0;
}

/* --- which there are --- */

/**
 * vmqos_balloons_new() - no balloons yet
 * @ctx: the library's context
 * @loop: event loop; both outlive it
 *
 * Return: the balloons, or NULL when memory ran out.
 */
struct vmqos_balloons *vmqos_balloons_new(struct vmqos *ctx, sd_event *loop)
{
	struct vmqos_balloons *balloons = calloc(1, sizeof(*balloons));

	if (balloons) {
		balloons->ctx = ctx;
		balloons->loop = loop;
	}
	return balloons;
}

static void free_entry(struct entry *entry)
{
	fail_waiters(entry, -ENOENT, "the VM is no longer adopted");
	entry->backend->ops->free(entry->backend);
	sd_event_source_disable_unref(entry->timer);
	free(entry);
}

/**
 * vmqos_balloons_free() - let go of all balloons, which stay as they are
 * @balloons: the balloons, or NULL
 */
void vmqos_balloons_free(struct vmqos_balloons *balloons)
{
	if (!balloons)
		return;
	vmqos_balloons_mark(balloons);
	vmqos_balloons_sweep(balloons);
	free(balloons);
}

/**
 * vmqos_balloons_mark() - begin to say which VMs there are
 * @balloons: the balloons
 */
void vmqos_balloons_mark(struct vmqos_balloons *balloons)
{
	struct entry *entry;

	for (entry = balloons->first; entry; entry = entry->next)
		entry->kept = false;
}

static struct entry *add(struct vmqos_balloons *balloons, const struct vmqos_member *member)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->balloons = balloons;
	entry->id = member->id;
	entry->pid = member->pid;
	entry->period = PERIOD;
	entry->allowed = true;
	entry->kernel = vmqos_backend_kernel_serves(balloons->ctx, member->id);
	entry->backend = choose_backend(entry, entry->kernel);
	if (!entry->backend ||
	    sd_event_add_time(balloons->loop, &entry->timer, CLOCK_MONOTONIC,
			      now_us(balloons) + FIRST_LOOK_US, 500, on_timer, entry) < 0) {
		if (entry->backend)
			entry->backend->ops->free(entry->backend);
		free(entry);
		return NULL;
	}
	entry->next = balloons->first;
	balloons->first = entry;
	return entry;
}

/**
 * vmqos_balloons_keep() - say of a VM that it is there, and what its policy is
 * @balloons: the balloons
 * @member: the VM
 */
void vmqos_balloons_keep(struct vmqos_balloons *balloons, const struct vmqos_member *member)
{
	const struct vmqos_policy_vm *policy = &member->balloon;
	struct entry *entry;

	for (entry = balloons->first; entry && entry->id != member->id; entry = entry->next)
		;
	if (!entry)
		entry = add(balloons, member);
	if (!entry)
		return;
	entry->kept = true;
	snprintf(entry->name, sizeof(entry->name), "%s", member->name);
	set_config(entry, policy);
	if (entry->allowed == !(policy->present & VMQOS_POLICY_VM_BALLOON && !policy->balloon))
		return;
	entry->allowed = !entry->allowed;
	entry->known = false;
	if (entry->allowed) {
		entry->why[0] = '\0';
		set_timer(entry, now_us(balloons));
		return;
	}
	entry->error = -EPERM;
	snprintf(entry->why, sizeof(entry->why), "the policy says balloon = no");
	fail_waiters(entry, entry->error, entry->why);
	entry->backend->ops->rest(entry->backend);
}

/**
 * vmqos_balloons_sweep() - end to say it; what was not named is let go of
 * @balloons: the balloons
 */
void vmqos_balloons_sweep(struct vmqos_balloons *balloons)
{
	struct entry **link = &balloons->first, *entry;

	while ((entry = *link)) {
		if (entry->kept) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		free_entry(entry);
	}
}

/* By name, or by number with or without '#' as elsewhere. */
static struct entry *find(struct vmqos_balloons *balloons, const char *vm)
{
	struct entry *entry;
	uint64_t id = 0;

	for (entry = balloons->first; entry; entry = entry->next)
		if (!strcmp(entry->name, vm))
			return entry;
	if (vmqos_number_parse(vm, 1, UINT32_MAX, &id))
		return NULL;
	for (entry = balloons->first; entry && entry->id != id; entry = entry->next)
		;
	return entry;
}

/**
 * vmqos_balloons_request() - read a VM's balloon anew, and change what is wanted of it
 * @balloons: the balloons
 * @vm: name or number of the VM
 * @change: what to change, or NULL
 * @done: told of the end, now or later, once
 * @ctx: handed to @done
 * @ticket: handed to @done, and names the request for vmqos_balloons_cancel()
 */
void vmqos_balloons_request(struct vmqos_balloons *balloons, const char *vm,
			    const struct vmqos_balloons_change *change,
			    vmqos_balloons_done done, void *ctx, uint64_t ticket)
{
	struct entry *entry = find(balloons, vm);
	struct waiter *waiter, **link;

	if (!entry) {
		done(ctx, ticket, -ENOENT, "there is no such VM among those that vmqosd looks after",
		     NULL);
		return;
	}
	if (!entry->allowed) {
		done(ctx, ticket, entry->error, entry->why, NULL);
		return;
	}
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter) {
		done(ctx, ticket, -ENOMEM, "out of memory", NULL);
		return;
	}
	waiter->done = done;
	waiter->ctx = ctx;
	waiter->ticket = ticket;
	waiter->due_us = now_us(balloons) + PATIENCE_US;
	waiter->changes = change;
	if (change)
		waiter->change = *change;
	for (link = &entry->waiters; *link; link = &(*link)->next)
		;
	*link = waiter;
	set_timer(entry, now_us(balloons));
}

/**
 * vmqos_balloons_cancel() - nobody waits for a request any more; it may be done all the same
 * @balloons: the balloons
 * @ticket: what it was given; all requests with it are meant
 */
void vmqos_balloons_cancel(struct vmqos_balloons *balloons, uint64_t ticket)
{
	struct waiter *waiter, **link;
	struct entry *entry;

	for (entry = balloons->first; entry; entry = entry->next) {
		for (link = &entry->waiters; (waiter = *link);) {
			if (waiter->ticket != ticket) {
				link = &waiter->next;
				continue;
			}
			*link = waiter->next;
			free(waiter);
		}
	}
}

/**
 * vmqos_balloons_each() - what is known of every VM's balloon
 * @balloons: the balloons
 * @each: called for each
 * @ctx: handed to it
 */
void vmqos_balloons_each(struct vmqos_balloons *balloons,
			 void (*each)(void *ctx, const struct vmqos_balloons_view *view),
			 void *ctx)
{
	struct vmqos_balloons_view view;
	char why[VMQOS_CONTROL_WHY];
	struct entry *entry;

	for (entry = balloons->first; entry; entry = entry->next) {
		make_view(entry, &view, why);
		each(ctx, &view);
	}
}
