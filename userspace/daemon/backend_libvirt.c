// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * QEMU's own virtio-balloon, where libvirt has its monitor: the same balloon and guest as
 * in backend_qemu.c, by way of libvirt. Nothing is held between two readings, for
 * libvirt serves many at a time. It does not tell of processes that a guest has killed
 * for want of memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vmqos/vmqos.h>

#include "backend.h"
#include "control.h"
#include "libvirt.h"

#define SECOND		UINT64_C(1000000)
#define PAUSE_MIN_US	SECOND
#define PAUSE_MAX_US	(16 * SECOND)
#define PERIOD_MAX	3600

struct virt {
	struct vmqos_backend backend;
	struct vmqos_process process;
	sd_event *loop;
	sd_event_source *timer;
	struct vmqos_libvirt *libvirt;
	unsigned int period, period_now;	/* that is wanted, and that was put; 0: none */
	bool wanted;			/* a reading is, and on its way */
	bool reset;
	bool stale;			/* what is told of the balloon is of before a reset */
	uint64_t stale_keeps;
	uint64_t size, keeps;		/* of the last reading */
	bool known;			/* there was one, and nothing has failed since */
	bool failed;			/* tell of it from the loop */
	int error;
	char why[VMQOS_LIBVIRT_WHY];
	uint64_t retry_us, pause_us;
};

static struct virt *of(struct vmqos_backend *backend)
{
	return (struct virt *)backend;
}

static uint64_t now_us(struct virt *virt)
{
	uint64_t now = 0;

	sd_event_now(virt->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void tell_failed(struct virt *virt)
{
	virt->failed = true;
	sd_event_source_set_time(virt->timer, 0);
	sd_event_source_set_enabled(virt->timer, SD_EVENT_ONESHOT);
}

static void fail(struct virt *virt, int error, const char *why)
{
	virt->known = false;
	virt->error = error;
	snprintf(virt->why, sizeof(virt->why), "%s", why);
	virt->pause_us = virt->pause_us ? 2 * virt->pause_us : PAUSE_MIN_US;
	if (virt->pause_us > PAUSE_MAX_US)
		virt->pause_us = PAUSE_MAX_US;
	virt->retry_us = now_us(virt) + virt->pause_us;
	tell_failed(virt);
}

static int on_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct virt *virt = userdata;

	(void)source;
	(void)time_us;
	if (!virt->failed)
		return 0;
	virt->failed = false;
	virt->wanted = false;
	virt->backend.told->failed(virt->backend.ctx, virt->error, virt->why);
	return 0;
}

static int call(struct virt *virt, enum vmqos_libvirt_kind kind, uint64_t value)
{
	struct vmqos_libvirt_call call = {
		.kind = kind, .pid = virt->process.pid, .value = value,
	};
	int ret;

	memcpy(call.uuid, virt->process.uuid, sizeof(call.uuid));
	ret = vmqos_libvirt_call(virt->libvirt, &call, virt);
	if (ret)
		fail(virt, ret, "no memory for a call of libvirt");
	return ret;
}

/* --- what libvirt tells --- */

static void on_done(void *ctx, const struct vmqos_libvirt_call *call)
{
	struct vmqos_reading reading = call->reading;
	struct virt *virt = ctx;

	if (call->error) {
		/* A period that was not put back harms nobody. */
		if (call->kind != VMQOS_LIBVIRT_PERIOD || call->value)
			fail(virt, call->error, call->why);
		return;
	}
	if (call->kind != VMQOS_LIBVIRT_READ || !virt->wanted || virt->failed)
		return;
	virt->wanted = false;
	virt->known = true;
	virt->pause_us = 0;
	virt->retry_us = 0;
	virt->size = reading.size;
	virt->keeps = reading.size - reading.given;
	if (virt->keeps != virt->stale_keeps)
		virt->stale = false;
	if (virt->stale)
		reading.given = 0;
	reading.reset = virt->reset;
	virt->reset = false;
	virt->backend.told->reading(virt->backend.ctx, &reading);
}

static void on_reset(void *ctx)
{
	struct virt *virt = ctx;

	/* Its balloon is empty, whatever QEMU tells until the next driver says something. */
	if (virt->keeps && virt->keeps < virt->size) {
		virt->stale = true;
		virt->stale_keeps = virt->keeps;
	}
	virt->reset = true;
	virt->backend.told->reset(virt->backend.ctx);
}

static void on_balloon(void *ctx, uint64_t keeps)
{
	struct virt *virt = ctx;

	if (keeps != virt->stale_keeps)
		virt->stale = false;
}

static const struct vmqos_libvirt_told told = { on_done, on_reset, on_balloon };

/* --- what a backend does --- */

static void put_period(struct virt *virt)
{
	if (virt->period && virt->period != virt->period_now &&
	    !call(virt, VMQOS_LIBVIRT_PERIOD, virt->period))
		virt->period_now = virt->period;
}

static void virt_read(struct vmqos_backend *backend)
{
	struct virt *virt = of(backend);

	if (virt->wanted || virt->failed)
		return;
	virt->wanted = true;
	if (now_us(virt) < virt->retry_us) {
		tell_failed(virt);	/* for the reason that it had before */
		return;
	}
	put_period(virt);
	if (!virt->failed)
		call(virt, VMQOS_LIBVIRT_READ, 0);
}

static int virt_ask(struct vmqos_backend *backend, uint64_t balloon)
{
	struct virt *virt = of(backend);

	if (!virt->known || balloon >= virt->size)
		return -ENOTCONN;
	return call(virt, VMQOS_LIBVIRT_ASK, virt->size - balloon);
}

static void virt_period(struct vmqos_backend *backend, unsigned int seconds)
{
	struct virt *virt = of(backend);

	virt->period = seconds > PERIOD_MAX ? PERIOD_MAX : seconds;
	if (virt->known)
		put_period(virt);
}

static void virt_rest(struct vmqos_backend *backend)
{
	struct virt *virt = of(backend);

	if (virt->wanted || !virt->period_now)
		return;
	virt->period_now = 0;
	call(virt, VMQOS_LIBVIRT_PERIOD, 0);
}

static void virt_free(struct vmqos_backend *backend)
{
	struct virt *virt = of(backend);

	vmqos_libvirt_remove(virt->libvirt, virt);
	vmqos_libvirt_put(virt->libvirt);
	sd_event_source_disable_unref(virt->timer);
	free(virt);
}

static const struct vmqos_backend_ops ops = {
	.name = "qemu",
	.via = "libvirt",
	.read = virt_read,
	.ask = virt_ask,
	.period = virt_period,
	.rest = virt_rest,
	.free = virt_free,
};

/**
 * vmqos_backend_libvirt() - the balloon of a QEMU that libvirt has started
 * @loop: event loop, which outlives it
 * @process: the VM's QEMU
 * @backend_told: what it tells
 * @ctx: handed to @backend_told
 *
 * Return: the backend, not connected yet, or NULL when this daemon is built without
 * libvirt or memory ran out.
 */
struct vmqos_backend *vmqos_backend_libvirt(sd_event *loop, const struct vmqos_process *process,
					    const struct vmqos_backend_told *backend_told,
					    void *ctx)
{
	struct virt *virt = calloc(1, sizeof(*virt));

	if (!virt)
		return NULL;
	virt->backend = (struct vmqos_backend) { &ops, backend_told, ctx };
	virt->process = *process;
	virt->loop = loop;
	virt->libvirt = vmqos_libvirt_get(loop);
	if (!virt->libvirt)
		goto fail;
	if (vmqos_libvirt_add(virt->libvirt, process->uuid, &told, virt) ||
	    sd_event_add_time(loop, &virt->timer, CLOCK_MONOTONIC, UINT64_MAX, 500, on_timer,
			      virt) < 0) {
		vmqos_libvirt_remove(virt->libvirt, virt);
		vmqos_libvirt_put(virt->libvirt);
		goto fail;
	}
	sd_event_source_set_enabled(virt->timer, SD_EVENT_OFF);
	return &virt->backend;
fail:
	free(virt);
	return NULL;
}
