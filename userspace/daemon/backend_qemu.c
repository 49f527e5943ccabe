// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * QEMU's own virtio-balloon, through its monitor. The monitor serves one client at
 * a time, and it may be somebody else's by right: so the connection is made when a
 * reading is wanted, and given up when nothing more is or none was for a while.
 *
 * A connection is set up in steps, each begun by the answer to the one before:
 * find the device, learn how often it asks the guest, have it ask as often as is
 * wanted. A reading is three commands sent together. Whatever fails ends the
 * connection; the next one is made no sooner than after a pause that doubles.
 *
 * What QEMU tells of the guest's statistics is as old as the guest's last answer,
 * which it counts in whole seconds (last-update).
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "backend.h"
#include "control.h"
#include "monitor.h"
#include "qmp.h"

#define SECOND		UINT64_C(1000000)
#define LINGER_US	(3 * SECOND)
#define PAUSE_MIN_US	SECOND
#define PAUSE_MAX_US	(16 * SECOND)
#define DEVICE_MAX	160
#define WHY_SIZE	320
#define PERIOD_MAX	3600

struct qemu {
	struct vmqos_backend backend;
	struct vmqos_process process;
	sd_event *loop;
	sd_event_source *io, *timer;
	int fd;
	struct vmqos_qmp *qmp;		/* NULL: not connected */
	bool anonymous;			/* devices without an ID are being looked at */
	char device[DEVICE_MAX];	/* its path; "" until it is found */
	bool set_up;
	unsigned int period;		/* that is wanted; 0: whatever is */
	unsigned int found_period;	/* that there was */
	unsigned int period_now;	/* that there is */
	bool leaving;			/* the period is being put back, then it is left */
	bool wanted;			/* a reading is */
	unsigned int missing;		/* answers of a reading on its way */
	bool reset;
	bool stale;			/* what QEMU tells of the balloon is of before a reset */
	uint64_t stale_actual;
	struct vmqos_reading reading;
	uint64_t base_memory, actual;
	bool failed;			/* tell of it from the loop */
	int error;
	char why[WHY_SIZE];
	uint64_t leave_us, retry_us, pause_us;
};

static struct qemu *of(struct vmqos_backend *backend)
{
	return (struct qemu *)backend;
}

static uint64_t now_us(struct qemu *qemu)
{
	uint64_t now = 0;

	sd_event_now(qemu->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void set_timer(struct qemu *qemu, uint64_t time_us)
{
	sd_event_source_set_time(qemu->timer, time_us);
	sd_event_source_set_enabled(qemu->timer,
				    time_us == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* When the loop has to come back, and for what. */
static void arm(struct qemu *qemu)
{
	uint64_t time = UINT64_MAX, due;
	size_t size;

	if (qemu->failed) {
		set_timer(qemu, 0);
		return;
	}
	if (qemu->qmp) {
		time = qemu->leave_us;
		due = vmqos_qmp_due(qemu->qmp);
		if (due < time)
			time = due;
		if (vmqos_qmp_broken(qemu->qmp))
			time = 0;
		vmqos_qmp_output(qemu->qmp, &size);
		sd_event_source_set_io_events(qemu->io, EPOLLIN | (size ? EPOLLOUT : 0));
	}
	set_timer(qemu, time);
}

/* Not from within a callback of the connection. */
static void disconnect(struct qemu *qemu)
{
	struct vmqos_qmp *qmp = qemu->qmp;

	qemu->qmp = NULL;
	qemu->io = sd_event_source_disable_unref(qemu->io);
	if (qemu->fd >= 0)
		close(qemu->fd);
	qemu->fd = -1;
	qemu->device[0] = '\0';
	qemu->set_up = false;
	qemu->leaving = false;
	qemu->missing = 0;
	vmqos_qmp_free(qmp);
}

/* What cannot be had is told from the loop, and tried again after a pause. */
static void fail(struct qemu *qemu, int error, const char *why)
{
	if (qemu->failed)
		return;
	qemu->failed = true;
	qemu->error = error;
	snprintf(qemu->why, sizeof(qemu->why), "%s", why);
	if (qemu->qmp)
		vmqos_qmp_break(qemu->qmp, error, why);
	qemu->pause_us = qemu->pause_us ? 2 * qemu->pause_us : PAUSE_MIN_US;
	if (qemu->pause_us > PAUSE_MAX_US)
		qemu->pause_us = PAUSE_MAX_US;
	qemu->retry_us = now_us(qemu) + qemu->pause_us;
	arm(qemu);
}

static int call(struct qemu *qemu, const char *command, struct json_object *arguments,
		vmqos_qmp_done done)
{
	int ret = vmqos_qmp_call(qemu->qmp, command, arguments, now_us(qemu), done, qemu);

	if (ret)
		fail(qemu, ret, "no room for a command to QEMU");
	return ret;
}

static struct json_object *property(struct qemu *qemu, const char *name)
{
	struct json_object *arguments = json_object_new_object();

	json_object_object_add(arguments, "path", json_object_new_string(qemu->device));
	json_object_object_add(arguments, "property", json_object_new_string(name));
	return arguments;
}

/* A command's failure is the connection's. Returns whether there is an answer to look at. */
static bool answered(struct qemu *qemu, int error, const char *what, const char *why)
{
	char text[WHY_SIZE];

	if (!error)
		return true;
	if (error == -EREMOTEIO) {
		snprintf(text, sizeof(text), "QEMU refuses %s: %s", what, why);
		fail(qemu, error, text);
	} else if (error != -ECANCELED) {
		snprintf(text, sizeof(text), "QEMU's monitor: %s", why);
		fail(qemu, error, text);
	}
	return false;
}

/* A number that is one; anything else, and what is not told (-1), is UINT64_MAX. */
static uint64_t number(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return UINT64_MAX;
	/* What a guest has not told is -1, in older versions as a signed number. */
	if (json_object_get_int64(value) < 0)
		return UINT64_MAX;
	return json_object_get_uint64(value);
}

/* --- a reading --- */

static void finish(struct qemu *qemu)
{
	struct vmqos_reading *reading = &qemu->reading;

	if (--qemu->missing)
		return;
	qemu->wanted = false;
	qemu->pause_us = 0;
	qemu->leave_us = now_us(qemu) + LINGER_US;
	qemu->retry_us = 0;
	reading->size = qemu->base_memory;
	if (qemu->actual != qemu->stale_actual)
		qemu->stale = false;
	reading->given = qemu->actual < reading->size && !qemu->stale ?
			 reading->size - qemu->actual : 0;
	reading->reset = qemu->reset;
	qemu->reset = false;
	qemu->backend.told->reading(qemu->backend.ctx, reading);
}

static void on_size(void *ctx, int error, struct json_object *value, const char *why)
{
	struct qemu *qemu = ctx;
	uint64_t base, plugged;

	if (!answered(qemu, error, "query-memory-size-summary", why))
		return;
	base = number(value, "base-memory");
	plugged = number(value, "plugged-memory");
	if (base == UINT64_MAX || base > UINT64_MAX / 4 ||
	    (plugged != UINT64_MAX && plugged > UINT64_MAX / 4)) {
		fail(qemu, -EPROTO, "QEMU does not say how much memory the VM has");
		return;
	}
	qemu->base_memory = base + (plugged == UINT64_MAX ? 0 : plugged);
	finish(qemu);
}

static void on_balloon(void *ctx, int error, struct json_object *value, const char *why)
{
	struct qemu *qemu = ctx;

	if (!answered(qemu, error, "query-balloon", why))
		return;
	qemu->actual = number(value, "actual");
	if (qemu->actual == UINT64_MAX) {
		fail(qemu, -EPROTO, "QEMU does not say what the balloon holds");
		return;
	}
	finish(qemu);
}

static void take_statistic(struct vmqos_reading *reading, struct json_object *stats,
			   const char *key, unsigned int bit, uint64_t *to)
{
	*to = number(stats, key);
	if (*to == UINT64_MAX)
		*to = 0;
	else
		reading->present |= bit;
}

static void on_stats(void *ctx, int error, struct json_object *value, const char *why)
{
	struct qemu *qemu = ctx;
	struct vmqos_reading *reading = &qemu->reading;
	struct json_object *stats = NULL;
	struct timespec real;
	uint64_t told;

	memset(reading, 0, sizeof(*reading));
	reading->age_us = UINT64_MAX;
	/* Refused where nothing has been told yet; that is no failure. */
	if (error != -EREMOTEIO && !answered(qemu, error, "guest-stats", why))
		return;
	told = value ? number(value, "last-update") : UINT64_MAX;
	if (told != UINT64_MAX && told && json_object_object_get_ex(value, "stats", &stats)) {
		clock_gettime(CLOCK_REALTIME, &real);
		reading->update = told;
		reading->age_us = (uint64_t)real.tv_sec > told ?
				  ((uint64_t)real.tv_sec - told) * SECOND : 0;
		take_statistic(reading, stats, "stat-total-memory", VMQOS_READING_TOTAL,
			       &reading->total);
		take_statistic(reading, stats, "stat-free-memory", VMQOS_READING_FREE,
			       &reading->free);
		take_statistic(reading, stats, "stat-available-memory", VMQOS_READING_AVAILABLE,
			       &reading->available);
		take_statistic(reading, stats, "stat-disk-caches", VMQOS_READING_CACHES,
			       &reading->caches);
		take_statistic(reading, stats, "stat-swap-in", VMQOS_READING_SWAP_IN,
			       &reading->swap_in);
		take_statistic(reading, stats, "stat-swap-out", VMQOS_READING_SWAP_OUT,
			       &reading->swap_out);
		take_statistic(reading, stats, "stat-major-faults", VMQOS_READING_MAJOR_FAULTS,
			       &reading->major_faults);
		take_statistic(reading, stats, "stat-minor-faults", VMQOS_READING_MINOR_FAULTS,
			       &reading->minor_faults);
		/* QEMU 9.1 and later. */
		take_statistic(reading, stats, "stat-oom-kills", VMQOS_READING_OOM_KILLS,
			       &reading->oom_kills);
	}
	finish(qemu);
}

static void begin_reading(struct qemu *qemu)
{
	if (qemu->missing || !qemu->set_up || qemu->leaving)
		return;
	qemu->missing = 3;
	if (!call(qemu, "qom-get", property(qemu, "guest-stats"), on_stats) &&
	    !call(qemu, "query-balloon", NULL, on_balloon))
		call(qemu, "query-memory-size-summary", NULL, on_size);
}

/* --- setting up and leaving --- */

static void put_period(struct qemu *qemu, unsigned int seconds, vmqos_qmp_done done)
{
	struct json_object *arguments = property(qemu, "guest-stats-polling-interval");

	json_object_object_add(arguments, "value", json_object_new_int(seconds));
	qemu->period_now = seconds;
	call(qemu, "qom-set", arguments, done);
}

static void on_period_put(void *ctx, int error, struct json_object *value, const char *why)
{
	struct qemu *qemu = ctx;

	(void)value;
	if (qemu->leaving) {
		vmqos_qmp_break(qemu->qmp, -ECANCELED, "it is left");
		return;
	}
	if (answered(qemu, error, "a period for the guest's statistics", why) && !qemu->set_up) {
		qemu->set_up = true;
		begin_reading(qemu);
	}
}

static void on_period(void *ctx, int error, struct json_object *value, const char *why)
{
	struct qemu *qemu = ctx;

	if (!answered(qemu, error, "the period of the guest's statistics", why))
		return;
	qemu->found_period = json_object_is_type(value, json_type_int) ?
			     (unsigned int)json_object_get_int(value) % (PERIOD_MAX + 1) : 0;
	qemu->period_now = qemu->found_period;
	if (qemu->period && qemu->period != qemu->period_now) {
		put_period(qemu, qemu->period, on_period_put);
		return;
	}
	qemu->set_up = true;
	begin_reading(qemu);
}

static void on_list(void *ctx, int error, struct json_object *value, const char *why);

static void list(struct qemu *qemu)
{
	struct json_object *arguments = json_object_new_object();

	snprintf(qemu->device, sizeof(qemu->device), "/machine/%s",
		 qemu->anonymous ? "peripheral-anon" : "peripheral");
	json_object_object_add(arguments, "path", json_object_new_string(qemu->device));
	call(qemu, "qom-list", arguments, on_list);
}

/* The text of a member, or NULL. */
static const char *text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static void on_list(void *ctx, int error, struct json_object *value, const char *why)
{
	static const char balloon[] = "child<virtio-balloon";
	struct qemu *qemu = ctx;
	size_t i, count, used;

	if (!answered(qemu, error, "the list of devices", why))
		return;
	used = strlen(qemu->device);
	count = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
	for (i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		const char *type = text(item, "type"), *name = text(item, "name");

		if (!type || !name || strncmp(type, balloon, sizeof(balloon) - 1) ||
		    strlen(name) + used + 2 > sizeof(qemu->device))
			continue;
		snprintf(qemu->device + used, sizeof(qemu->device) - used, "/%s", name);
		call(qemu, "qom-get", property(qemu, "guest-stats-polling-interval"), on_period);
		return;
	}
	if (qemu->anonymous) {
		fail(qemu, -ENODEV,
		     "the VM has no balloon: start QEMU with '-device virtio-balloon-pci,deflate-on-oom=on'");
		return;
	}
	qemu->anonymous = true;
	list(qemu);
}

static void on_ready(void *ctx)
{
	struct qemu *qemu = ctx;

	qemu->anonymous = false;
	list(qemu);
}

static void on_event(void *ctx, const char *name, struct json_object *data)
{
	struct qemu *qemu = ctx;

	/* One that was held back since before the reset has the old number. */
	if (!strcmp(name, "BALLOON_CHANGE") && number(data, "actual") != qemu->stale_actual)
		qemu->stale = false;
	if (strcmp(name, "RESET"))
		return;
	/*
	 * The balloon of a guest that is reset is empty, but QEMU goes on telling what was
	 * in it until the next driver says something else.
	 */
	if (qemu->actual && qemu->actual < qemu->base_memory) {
		qemu->stale = true;
		qemu->stale_actual = qemu->actual;
	}
	qemu->reset = true;
	qemu->backend.told->reset(qemu->backend.ctx);
}

/* Others may want the monitor: it is put back as it was, and left. */
static void leave(struct qemu *qemu)
{
	if (qemu->set_up && !qemu->missing && qemu->period_now != qemu->found_period) {
		qemu->leaving = true;
		qemu->leave_us = now_us(qemu) + LINGER_US;
		put_period(qemu, qemu->found_period, on_period_put);
		return;
	}
	disconnect(qemu);
}

/* --- the loop --- */

static void flush(struct qemu *qemu)
{
	const char *bytes;
	size_t size;
	ssize_t sent;

	while ((bytes = vmqos_qmp_output(qemu->qmp, &size), size)) {
		sent = send(qemu->fd, bytes, size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0) {
			vmqos_qmp_break(qemu->qmp, -errno, strerror(errno));
			return;
		}
		vmqos_qmp_sent(qemu->qmp, sent);
	}
}

/* After whatever has happened: what is broken goes, what has failed is told. */
static void settle(struct qemu *qemu)
{
	const char *broken = qemu->qmp ? vmqos_qmp_broken(qemu->qmp) : NULL;
	bool leaving = qemu->leaving;
	char why[WHY_SIZE];
	int error;

	if (broken) {
		if (!qemu->failed && !leaving) {
			snprintf(why, sizeof(why), "QEMU's monitor: %s", broken);
			fail(qemu, -EIO, why);
		}
		disconnect(qemu);
	}
	if (qemu->failed) {
		qemu->failed = false;
		qemu->wanted = false;
		error = qemu->error;
		snprintf(why, sizeof(why), "%s", qemu->why);
		arm(qemu);
		qemu->backend.told->failed(qemu->backend.ctx, error, why);
		return;
	}
	/* A reading may have been wanted while it was being left. */
	if (broken && qemu->wanted) {
		qemu->wanted = false;
		qemu->backend.ops->read(&qemu->backend);
		return;
	}
	if (qemu->qmp)
		flush(qemu);
	arm(qemu);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct qemu *qemu = userdata;
	char bytes[4096];
	ssize_t got;
	int rounds;

	(void)source;
	(void)revents;
	/* So much at a time: a server that never ends must not have the loop for itself. */
	for (rounds = 0; rounds < 16 && !vmqos_qmp_broken(qemu->qmp); rounds++) {
		got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got > 0)
			vmqos_qmp_feed(qemu->qmp, bytes, got);
		else
			vmqos_qmp_break(qemu->qmp, -EPIPE,
					got ? strerror(errno) : "it has closed the connection");
	}
	settle(qemu);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct qemu *qemu = userdata;
	uint64_t now = now_us(qemu);

	(void)source;
	(void)time_us;
	if (qemu->qmp) {
		vmqos_qmp_expire(qemu->qmp, now);
		if (!vmqos_qmp_broken(qemu->qmp) && qemu->leave_us <= now) {
			if (qemu->leaving)
				disconnect(qemu);
			else
				leave(qemu);
		}
	}
	settle(qemu);
	return 0;
}

static const struct vmqos_qmp_ops qmp_ops = { on_ready, on_event };

static void begin(struct qemu *qemu)
{
	uint64_t now = now_us(qemu);
	char why[WHY_SIZE];

	qemu->fd = vmqos_monitor_connect(&qemu->process, why, sizeof(why));
	if (qemu->fd < 0) {
		fail(qemu, qemu->fd, why);
		return;
	}
	qemu->qmp = vmqos_qmp_new(&qmp_ops, qemu, now);
	qemu->leave_us = UINT64_MAX;
	if (!qemu->qmp || sd_event_add_io(qemu->loop, &qemu->io, qemu->fd, EPOLLIN, on_io,
					  qemu) < 0) {
		disconnect(qemu);
		fail(qemu, -ENOMEM, "no memory for a connection to QEMU's monitor");
		return;
	}
	arm(qemu);
}

/* --- what a backend does --- */

static void qemu_read(struct vmqos_backend *backend)
{
	struct qemu *qemu = of(backend);

	if (qemu->wanted || qemu->failed)
		return;
	qemu->wanted = true;
	if (qemu->leaving)
		return;		/* connected anew when that is done */
	qemu->leave_us = UINT64_MAX;
	if (qemu->qmp)
		begin_reading(qemu);
	else if (now_us(qemu) < qemu->retry_us)
		qemu->failed = true;	/* for the reason that it had before */
	else
		begin(qemu);
	arm(qemu);
}

static void on_asked(void *ctx, int error, struct json_object *value, const char *why)
{
	(void)value;
	answered(ctx, error, "to change the balloon", why);
}

static int qemu_ask(struct vmqos_backend *backend, uint64_t balloon)
{
	struct qemu *qemu = of(backend);
	struct json_object *arguments;
	int ret;

	if (!qemu->qmp || !vmqos_qmp_ready(qemu->qmp) || balloon >= qemu->base_memory)
		return -ENOTCONN;
	arguments = json_object_new_object();
	json_object_object_add(arguments, "value",
			       json_object_new_uint64(qemu->base_memory - balloon));
	ret = call(qemu, "balloon", arguments, on_asked);
	arm(qemu);
	return ret;
}

static void qemu_period(struct vmqos_backend *backend, unsigned int seconds)
{
	struct qemu *qemu = of(backend);

	qemu->period = seconds > PERIOD_MAX ? PERIOD_MAX : seconds;
	if (qemu->set_up && !qemu->leaving && qemu->period && qemu->period != qemu->period_now) {
		put_period(qemu, qemu->period, on_period_put);
		arm(qemu);
	}
}

static void qemu_rest(struct vmqos_backend *backend)
{
	struct qemu *qemu = of(backend);

	/* Whatever is on its way is waited for. */
	if (qemu->qmp && !qemu->wanted && !qemu->leaving) {
		qemu->leave_us = now_us(qemu);
		arm(qemu);
	}
}

static void qemu_free(struct vmqos_backend *backend)
{
	struct qemu *qemu = of(backend);

	disconnect(qemu);
	sd_event_source_disable_unref(qemu->timer);
	free(qemu);
}

static const struct vmqos_backend_ops ops = {
	.name = "qemu",
	.read = qemu_read,
	.ask = qemu_ask,
	.period = qemu_period,
	.rest = qemu_rest,
	.free = qemu_free,
};

/**
 * vmqos_backend_qemu() - the balloon that a VM's QEMU serves
 * @loop: event loop, which outlives it
 * @process: the VM's QEMU
 * @told: what it tells
 * @ctx: handed to @told
 *
 * Return: the backend, not connected yet, or NULL when memory ran out.
 */
struct vmqos_backend *vmqos_backend_qemu(sd_event *loop, const struct vmqos_process *process,
					 const struct vmqos_backend_told *told, void *ctx)
{
	struct qemu *qemu = calloc(1, sizeof(*qemu));

	if (!qemu)
		return NULL;
	qemu->backend = (struct vmqos_backend) { &ops, told, ctx };
	qemu->process = *process;
	qemu->loop = loop;
	qemu->fd = -1;
	qemu->leave_us = UINT64_MAX;
	if (sd_event_add_time(loop, &qemu->timer, CLOCK_MONOTONIC, UINT64_MAX, 500, on_timer,
			      qemu) < 0) {
		free(qemu);
		return NULL;
	}
	sd_event_source_set_enabled(qemu->timer, SD_EVENT_OFF);
	return &qemu->backend;
}
