// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * A balloon that vmqos_virtio serves in the kernel, by our own netlink interface. The
 * kernel answers at once, so that a reading is a call; what comes of it is told from the
 * loop all the same, as of other backends.
 *
 * Anybody with the right may set a target in the kernel. One that is not ours is what
 * somebody wants: it is told, and the controller gets there in its own way.
 *
 * A guest that is reset loses what was in its balloon, and the driver that comes next finds
 * the old target in it. Between two readings both may have happened: of what has ever gone
 * into the balloon, and neither come out nor is in it, there is more then.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmqos/vmqos.h>

#include "backend.h"
#include "control.h"

/* Our targets bear this, by which they are known from others'. */
#define REASON		"vmqosd"
/* Less than this may be on its way into the balloon, and in one of the sums alone. */
#define LOST_MIN	(4ull << 20)

struct kernel {
	struct vmqos_backend backend;
	struct vmqos *ctx;
	uint32_t id;
	sd_event_source *timer;
	unsigned int period, found_period;
	unsigned int put;		/* the period that we have put there; 0: none */
	bool found;			/* the period that there was is known */
	bool wanted;			/* a reading is to be told of */
	bool used;			/* a driver had it at the reading before */
	uint64_t lost;			/* by resets until then */
	bool known;			/* there was a reading, of this much memory: */
	uint64_t size;
	bool looked;			/* for others' targets */
	uint64_t told_ns;		/* when the last of these was set */
};

struct vmqos_backend_kernel vmqos_kernel = { vmqos_balloon_get, vmqos_balloon_set };

static struct kernel *of(struct vmqos_backend *backend)
{
	return (struct kernel *)backend;
}

static bool has(const struct vmqos_balloon *balloon, unsigned int field)
{
	return balloon->has & VMQOS_HAS(field);
}

static int set(struct kernel *kernel, struct vmqos_balloon_settings *settings)
{
	return vmqos_kernel.set(kernel->ctx, kernel->id, settings, NULL);
}

static void put_period(struct kernel *kernel, unsigned int seconds)
{
	struct vmqos_balloon_settings settings = {
		.set = VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS),
		.stats_seconds = seconds,
	};

	/* One that cannot be set is seen to by the next reading, which fails as well. */
	set(kernel, &settings);
	kernel->put = seconds;
}

static void take_statistics(struct vmqos_reading *reading, const struct vmqos_balloon *balloon)
{
	static const struct {
		unsigned int field, bit;
		size_t at;
	} map[] = {
#define MAP(field, bit, member) \
	{ VMQOS_GUEST_##field, VMQOS_READING_##bit, offsetof(struct vmqos_reading, member) }
		MAP(TOTAL, TOTAL, total),
		MAP(FREE, FREE, free),
		MAP(AVAILABLE, AVAILABLE, available),
		MAP(CACHES, CACHES, caches),
		MAP(SWAP_IN, SWAP_IN, swap_in),
		MAP(SWAP_OUT, SWAP_OUT, swap_out),
		MAP(FAULTS_MAJOR, MAJOR_FAULTS, major_faults),
		MAP(FAULTS_MINOR, MINOR_FAULTS, minor_faults),
		MAP(OOM_KILLS, OOM_KILLS, oom_kills),
#undef MAP
	};
	uint64_t value;
	size_t i;

	reading->age_us = UINT64_MAX;
	if (!has(balloon, VMQOS_BALLOON_STATS_NS) || !balloon->stats_ns)
		return;
	reading->update = balloon->stats_ns;
	reading->age_us = balloon->time_ns > balloon->stats_ns ?
			  (balloon->time_ns - balloon->stats_ns) / 1000 : 0;
	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (!(balloon->stats.has & VMQOS_HAS(map[i].field)))
			continue;
		value = vmqos_guest_value(&balloon->stats, map[i].field);
		memcpy((char *)reading + map[i].at, &value, sizeof(value));
		reading->present |= map[i].bit;
	}
}

/* Whether the guest has been reset since the reading before. */
static bool take_reset(struct kernel *kernel, const struct vmqos_balloon *balloon)
{
	uint64_t out = balloon->deflated + balloon->actual;
	uint64_t lost = balloon->inflated > out ? balloon->inflated - out : 0;
	bool used = balloon->state != VMQOS_BALLOON_UNUSED;
	bool reset = kernel->known && ((kernel->used && !used) || lost >= kernel->lost + LOST_MIN);

	/* What was on its way is not counted as lost by and by. */
	if (!kernel->known || reset || lost < kernel->lost)
		kernel->lost = lost;
	kernel->used = used;
	return reset;
}

/* A target in the kernel that is not of this daemon, nor of one before it. */
static void take_target(struct kernel *kernel, const struct vmqos_balloon *balloon)
{
	bool others = balloon->target_ns && has(balloon, VMQOS_BALLOON_REASON) &&
		      strcmp(balloon->reason, REASON);
	bool first = !kernel->looked;

	kernel->looked = true;
	if (!others || balloon->target_ns == kernel->told_ns)
		return;
	kernel->told_ns = balloon->target_ns;
	/* That it once was to be empty is no wish. */
	if (first && !balloon->target)
		return;
	kernel->backend.told->aimed(kernel->backend.ctx, balloon->target, balloon->reason);
}

static void read_now(struct kernel *kernel)
{
	struct vmqos_reading reading = { 0 };
	struct vmqos_balloon balloon;
	char why[200];
	int ret;

	ret = vmqos_kernel.get(kernel->ctx, kernel->id, &balloon);
	if (ret) {
		kernel->known = false;
		snprintf(why, sizeof(why), "%s", vmqos_error(kernel->ctx));
		kernel->backend.told->failed(kernel->backend.ctx, ret == -ENXIO ? -ENODEV : ret,
					     why);
		return;
	}
	if (!kernel->found) {
		kernel->found = true;
		kernel->found_period = balloon.stats_seconds;
	} else if (kernel->put && balloon.stats_seconds != kernel->put) {
		/* Somebody else's, which holds when nothing more is wanted here. */
		kernel->found_period = balloon.stats_seconds;
	}
	if (kernel->period && balloon.stats_seconds != kernel->period)
		put_period(kernel, kernel->period);
	reading.size = has(&balloon, VMQOS_BALLOON_MEMORY) ? balloon.memory : 0;
	reading.given = balloon.actual < reading.size ? balloon.actual : reading.size;
	reading.reset = take_reset(kernel, &balloon);
	take_statistics(&reading, &balloon);
	take_target(kernel, &balloon);
	kernel->known = true;
	kernel->size = reading.size;
	kernel->backend.told->reading(kernel->backend.ctx, &reading);
}

static int on_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct kernel *kernel = userdata;

	(void)source;
	(void)time_us;
	if (kernel->wanted) {
		kernel->wanted = false;
		read_now(kernel);
	}
	return 0;
}

static void kernel_read(struct vmqos_backend *backend)
{
	struct kernel *kernel = of(backend);

	kernel->wanted = true;
	sd_event_source_set_time(kernel->timer, 0);
	sd_event_source_set_enabled(kernel->timer, SD_EVENT_ONESHOT);
}

static int kernel_ask(struct vmqos_backend *backend, uint64_t bytes)
{
	struct vmqos_balloon_settings settings = {
		.set = VMQOS_HAS(VMQOS_BALLOON_TARGET) | VMQOS_HAS(VMQOS_BALLOON_REASON),
		.target = bytes,
		.reason = REASON,
	};
	struct kernel *kernel = of(backend);

	if (!kernel->known || bytes >= kernel->size)
		return -ENOTCONN;
	return set(kernel, &settings);
}

static void kernel_period(struct vmqos_backend *backend, unsigned int seconds)
{
	struct kernel *kernel = of(backend);

	if (seconds == kernel->period)
		return;
	kernel->period = seconds;
	/* Before a reading it is not known what there was. */
	if (kernel->found && seconds)
		put_period(kernel, seconds);
}

static void kernel_rest(struct vmqos_backend *backend)
{
	struct kernel *kernel = of(backend);

	if (kernel->put && kernel->put != kernel->found_period)
		put_period(kernel, kernel->found_period);
	kernel->put = 0;
	kernel->period = 0;
	kernel->found = false;
}

static void kernel_free(struct vmqos_backend *backend)
{
	struct kernel *kernel = of(backend);

	sd_event_source_disable_unref(kernel->timer);
	free(kernel);
}

static const struct vmqos_backend_ops ops = {
	.name = "kernel",
	.read = kernel_read,
	.ask = kernel_ask,
	.period = kernel_period,
	.rest = kernel_rest,
	.free = kernel_free,
};

/**
 * vmqos_backend_kernel_serves() - whether the kernel serves a VM's balloon now
 * @ctx: the library's context
 * @id: number of the VM
 *
 * Return: whether it does; its device may come and go at any time.
 */
bool vmqos_backend_kernel_serves(struct vmqos *ctx, uint32_t id)
{
	struct vmqos_balloon balloon;

	return !vmqos_kernel.get(ctx, id, &balloon);
}

/**
 * vmqos_backend_kernel() - the balloon that the kernel serves for a VM
 * @loop: event loop
 * @ctx: the library's context; both outlive it
 * @id: number of the VM
 * @told: what it tells
 * @told_ctx: handed to @told
 *
 * Return: the backend, or NULL when memory ran out.
 */
struct vmqos_backend *vmqos_backend_kernel(sd_event *loop, struct vmqos *ctx, uint32_t id,
					   const struct vmqos_backend_told *told, void *told_ctx)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return NULL;
	kernel->backend = (struct vmqos_backend) { &ops, told, told_ctx };
	kernel->ctx = ctx;
	kernel->id = id;
	if (sd_event_add_time(loop, &kernel->timer, CLOCK_MONOTONIC, 0, 500, on_timer,
			      kernel) < 0) {
		free(kernel);
		return NULL;
	}
	sd_event_source_set_enabled(kernel->timer, SD_EVENT_OFF);
	return &kernel->backend;
}
