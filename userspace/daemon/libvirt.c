// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * libvirt keeps its VMs' monitors for itself, so their balloons are reached through its
 * library. That is loaded when the first of its VMs is met: who has none does not
 * need it.
 *
 * The library waits for answers, and its daemon may hang, be stopped or die. Two
 * threads speak to it: one makes the calls, one after the other, the other runs the
 * library's own loop, for events and for keepalives, by which a connection that is dead
 * ends after some seconds. The daemon's thread hands over calls and takes their results
 * under a lock that nobody holds for longer than that takes; it waits for nothing, and
 * tells that a call has failed when its time is over. A call that was not begun by then
 * never will be; of one that hangs in the library nobody wants to know any more.
 *
 * A VMM's command line names the UUID, and the VMM may have been taken over by its
 * guest: so libvirt must know the VM by this very process, which its file of the process's
 * number tells.
 */
#include <errno.h>

#include "libvirt.h"

const char *vmqos_libvirt_library = "libvirt.so.0";
const char *vmqos_libvirt_state = "/run/libvirt/qemu";

#ifdef VMQOS_LIBVIRT

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "libvirt_calls.h"

/* At its end the daemon gives the threads so long to end, too. */
#define END_NS		500000000

/* A VM whose backend is told of things; the daemon's thread alone knows of it. */
struct client {
	struct client *next;
	uint8_t uuid[VMQOS_LIBVIRT_UUID];
	const struct vmqos_libvirt_told *told;
	void *ctx;
};

struct job {
	struct job *next;
	struct vmqos_libvirt_call call;
	void *ctx;		/* of the client; NULL: nobody wants to know */
	uint64_t due_us;
};

struct event {
	struct event *next;
	uint8_t uuid[VMQOS_LIBVIRT_UUID];
	bool reset;
	uint64_t keeps;
};

struct vmqos_libvirt {
	/* The daemon's thread. */
	sd_event *loop;
	sd_event_source *io, *timer;
	unsigned int users;
	struct client *clients;
	/* Shared. */
	pthread_mutex_t lock;		/* all up to the next comment */
	pthread_cond_t changed;
	int fd;				/* wakes the daemon's loop */
	struct job *todo, *running, *done;
	struct event *events;
	unsigned int threads;
	bool ends;			/* the threads are to */
	bool left;			/* the last of them frees it */
	struct vmqos_libvirt_calls *calls;	/* the threads' */
	bool loops;			/* the library's loop is run; the calling thread's */
};

static struct vmqos_libvirt *only;

static void destroy(struct vmqos_libvirt *libvirt)
{
	while (libvirt->events) {
		struct event *event = libvirt->events;

		libvirt->events = event->next;
		free(event);
	}
	vmqos_libvirt_calls_free(libvirt->calls);
	if (libvirt->fd >= 0)
		close(libvirt->fd);
	pthread_cond_destroy(&libvirt->changed);
	pthread_mutex_destroy(&libvirt->lock);
	free(libvirt);
}

/* A thread ends; the lock is held, and is not any more. */
static void thread_ends(struct vmqos_libvirt *libvirt)
{
	bool last = !--libvirt->threads && libvirt->left;

	pthread_cond_broadcast(&libvirt->changed);
	pthread_mutex_unlock(&libvirt->lock);
	if (last)
		destroy(libvirt);
}

static void wake_daemon(struct vmqos_libvirt *libvirt)
{
	uint64_t one = 1;

	/* Full is as good. */
	if (write(libvirt->fd, &one, sizeof(one)) < 0)
		return;
}

static int start_thread(struct vmqos_libvirt *libvirt, void *(*run)(void *))
{
	sigset_t all, old;
	pthread_t thread;
	int ret;

	/* Signals are for the daemon's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	libvirt->threads++;
	ret = pthread_create(&thread, NULL, run, libvirt);
	if (ret)
		libvirt->threads--;
	else
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

/* --- the library's loop --- */

static void push_event(void *ctx, const uint8_t *uuid, bool reset, uint64_t keeps)
{
	struct event *event = calloc(1, sizeof(*event)), **link;
	struct vmqos_libvirt *libvirt = ctx;

	if (!event)
		return;
	memcpy(event->uuid, uuid, sizeof(event->uuid));
	event->reset = reset;
	event->keeps = keeps;
	pthread_mutex_lock(&libvirt->lock);
	for (link = &libvirt->events; *link; link = &(*link)->next)
		;
	*link = event;
	wake_daemon(libvirt);
	pthread_mutex_unlock(&libvirt->lock);
}

static void *run_loop(void *data)
{
	struct vmqos_libvirt *libvirt = data;

	pthread_mutex_lock(&libvirt->lock);
	while (!libvirt->ends) {
		pthread_mutex_unlock(&libvirt->lock);
		vmqos_libvirt_calls_loop(libvirt->calls);
		pthread_mutex_lock(&libvirt->lock);
	}
	thread_ends(libvirt);
	return NULL;
}

/* --- the thread that makes the calls --- */

static void make_call(struct vmqos_libvirt *libvirt, struct vmqos_libvirt_call *call)
{
	int ret;

	if (vmqos_libvirt_calls_load(libvirt->calls, call))
		return;
	if (!libvirt->loops) {
		pthread_mutex_lock(&libvirt->lock);
		ret = start_thread(libvirt, run_loop);
		pthread_mutex_unlock(&libvirt->lock);
		libvirt->loops = !ret;
		/* Without it nobody would tell of a reset. */
		if (ret) {
			call->error = ret;
			snprintf(call->why, sizeof(call->why), "no thread for libvirt's events");
			return;
		}
	}
	vmqos_libvirt_calls_make(libvirt->calls, call);
}

static void *run_calls(void *data)
{
	struct vmqos_libvirt *libvirt = data;
	struct job *job;

	pthread_mutex_lock(&libvirt->lock);
	while (!libvirt->ends) {
		job = libvirt->todo;
		if (!job) {
			pthread_cond_wait(&libvirt->changed, &libvirt->lock);
			continue;
		}
		libvirt->todo = job->next;
		libvirt->running = job;
		pthread_mutex_unlock(&libvirt->lock);
		make_call(libvirt, &job->call);
		pthread_mutex_lock(&libvirt->lock);
		libvirt->running = NULL;
		job->next = libvirt->done;
		libvirt->done = job;
		wake_daemon(libvirt);
	}
	while ((job = libvirt->done)) {
		libvirt->done = job->next;
		free(job);
	}
	pthread_mutex_unlock(&libvirt->lock);
	vmqos_libvirt_calls_disconnect(libvirt->calls);
	vmqos_libvirt_calls_wake(libvirt->calls);
	pthread_mutex_lock(&libvirt->lock);
	thread_ends(libvirt);
	return NULL;
}

/* --- the daemon's thread --- */

static struct client *find(struct vmqos_libvirt *libvirt, void *ctx)
{
	struct client *client = libvirt->clients;

	while (client && client->ctx != ctx)
		client = client->next;
	return client;
}

static void tell_done(struct vmqos_libvirt *libvirt, struct job *job)
{
	struct client *client = job->ctx ? find(libvirt, job->ctx) : NULL;

	if (client)
		client->told->done(client->ctx, &job->call);
}

static void tell_event(struct vmqos_libvirt *libvirt, const struct event *event)
{
	struct client *client;

	for (client = libvirt->clients; client; client = client->next) {
		if (memcmp(client->uuid, event->uuid, sizeof(event->uuid)))
			continue;
		if (event->reset)
			client->told->reset(client->ctx);
		else
			client->told->balloon(client->ctx, event->keeps);
		return;
	}
}

static uint64_t now_us(struct vmqos_libvirt *libvirt)
{
	uint64_t now = 0;

	sd_event_now(libvirt->loop, CLOCK_MONOTONIC, &now);
	return now;
}

/* When the first call's time is over; the lock is held. */
static void set_timer(struct vmqos_libvirt *libvirt)
{
	uint64_t due = UINT64_MAX;
	struct job *job;

	if (libvirt->running && libvirt->running->ctx)
		due = libvirt->running->due_us;
	for (job = libvirt->todo; job; job = job->next)
		if (job->due_us < due)
			due = job->due_us;
	sd_event_source_set_time(libvirt->timer, due);
	sd_event_source_set_enabled(libvirt->timer,
				    due == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct vmqos_libvirt *libvirt = userdata;
	struct job *job, *done = NULL;
	struct event *event, *events;
	uint64_t count;

	(void)source;
	(void)revents;
	if (read(fd, &count, sizeof(count)) < 0)
		return 0;
	pthread_mutex_lock(&libvirt->lock);
	/* In the order in which they were done. */
	while ((job = libvirt->done)) {
		libvirt->done = job->next;
		job->next = done;
		done = job;
	}
	events = libvirt->events;
	libvirt->events = NULL;
	set_timer(libvirt);
	pthread_mutex_unlock(&libvirt->lock);
	while ((event = events)) {
		events = event->next;
		tell_event(libvirt, event);
		free(event);
	}
	while ((job = done)) {
		done = job->next;
		tell_done(libvirt, job);
		free(job);
	}
	return 0;
}

/*
 * Takes what is not begun off the list: all of a client's, or all whose time is over. What
 * is being made is nobody's any more; @cut is what the client is to be told instead.
 */
static struct job *take(struct vmqos_libvirt *libvirt, const void *ctx, uint64_t due_us,
			struct job *cut)
{
	struct job **link = &libvirt->todo, *job, *taken = NULL;

	while ((job = *link)) {
		if (ctx ? job->ctx != ctx : job->due_us > due_us) {
			link = &job->next;
			continue;
		}
		*link = job->next;
		job->next = taken;
		taken = job;
	}
	cut->ctx = NULL;
	job = libvirt->running;
	if (job && job->ctx && (ctx ? job->ctx == ctx : job->due_us <= due_us)) {
		cut->ctx = job->ctx;
		/* The other thread is filling the rest. */
		cut->call.kind = job->call.kind;
		job->ctx = NULL;
	}
	return taken;
}

static void tell_late(struct vmqos_libvirt *libvirt, struct job *job)
{
	job->call.error = -ETIMEDOUT;
	snprintf(job->call.why, sizeof(job->call.why),
		 "libvirt does not answer: is its daemon in order?");
	tell_done(libvirt, job);
}

static int on_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct vmqos_libvirt *libvirt = userdata;
	struct job *job, *late, cut = { .ctx = NULL };

	(void)source;
	(void)time_us;
	pthread_mutex_lock(&libvirt->lock);
	late = take(libvirt, NULL, now_us(libvirt), &cut);
	set_timer(libvirt);
	pthread_mutex_unlock(&libvirt->lock);
	if (cut.ctx)
		tell_late(libvirt, &cut);
	while ((job = late)) {
		late = job->next;
		tell_late(libvirt, job);
		free(job);
	}
	return 0;
}

/**
 * vmqos_libvirt_get() - the connection to libvirt, which all its VMs share
 * @loop: event loop; the same each time
 *
 * Return: the connection, of which the caller has a share, or NULL when this daemon is
 * built without libvirt or memory ran out.
 */
struct vmqos_libvirt *vmqos_libvirt_get(sd_event *loop)
{
	struct vmqos_libvirt *new;
	int ret;

	if (only) {
		only->users++;
		return only;
	}
	new = calloc(1, sizeof(*new));
	if (!new)
		return NULL;
	new->loop = loop;
	new->users = 1;
	pthread_mutex_init(&new->lock, NULL);
	pthread_cond_init(&new->changed, NULL);
	new->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	new->calls = vmqos_libvirt_calls_new(push_event, new);
	if (new->fd < 0 || !new->calls ||
	    sd_event_add_io(loop, &new->io, new->fd, EPOLLIN, on_io, new) < 0 ||
	    sd_event_add_time(loop, &new->timer, CLOCK_MONOTONIC, UINT64_MAX, 500, on_timer,
			      new) < 0)
		goto fail;
	sd_event_source_set_enabled(new->timer, SD_EVENT_OFF);
	pthread_mutex_lock(&new->lock);
	ret = start_thread(new, run_calls);
	pthread_mutex_unlock(&new->lock);
	if (ret)
		goto fail;
	only = new;
	return new;
fail:
	sd_event_source_disable_unref(new->timer);
	sd_event_source_disable_unref(new->io);
	destroy(new);
	return NULL;
}

/**
 * vmqos_libvirt_put() - give a share back; with the last one the connection ends
 * @libvirt: the connection, or NULL
 *
 * Waits half a second at most for calls that are on their way.
 */
void vmqos_libvirt_put(struct vmqos_libvirt *libvirt)
{
	struct timespec end;
	bool over;

	if (!libvirt || --libvirt->users)
		return;
	only = NULL;
	sd_event_source_disable_unref(libvirt->timer);
	sd_event_source_disable_unref(libvirt->io);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += END_NS;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&libvirt->lock);
	libvirt->ends = true;
	while (libvirt->todo) {
		struct job *job = libvirt->todo;

		libvirt->todo = job->next;
		free(job);
	}
	pthread_cond_broadcast(&libvirt->changed);
	while (libvirt->threads &&
	       !pthread_cond_timedwait(&libvirt->changed, &libvirt->lock, &end))
		;
	over = !libvirt->threads;
	libvirt->left = !over;
	pthread_mutex_unlock(&libvirt->lock);
	if (over)
		destroy(libvirt);
}

/**
 * vmqos_libvirt_add() - a VM that calls are made for
 * @libvirt: the connection
 * @uuid: the VM's, by which events are told
 * @told: what it is told of
 * @ctx: handed to @told, and names it
 *
 * Return: 0 or -ENOMEM.
 */
int vmqos_libvirt_add(struct vmqos_libvirt *libvirt, const uint8_t *uuid,
		      const struct vmqos_libvirt_told *told, void *ctx)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	memcpy(client->uuid, uuid, sizeof(client->uuid));
	client->told = told;
	client->ctx = ctx;
	client->next = libvirt->clients;
	libvirt->clients = client;
	return 0;
}

/**
 * vmqos_libvirt_remove() - it is told of nothing any more
 * @libvirt: the connection
 * @ctx: as it was added with
 */
void vmqos_libvirt_remove(struct vmqos_libvirt *libvirt, void *ctx)
{
	struct client **link = &libvirt->clients, *client;
	struct job *job, *taken, cut;

	while ((client = *link) && client->ctx != ctx)
		link = &client->next;
	if (!client)
		return;
	*link = client->next;
	free(client);
	pthread_mutex_lock(&libvirt->lock);
	taken = take(libvirt, ctx, 0, &cut);
	for (job = libvirt->done; job; job = job->next)
		if (job->ctx == ctx)
			job->ctx = NULL;
	set_timer(libvirt);
	pthread_mutex_unlock(&libvirt->lock);
	while ((job = taken)) {
		taken = job->next;
		free(job);
	}
}

/**
 * vmqos_libvirt_call() - have libvirt do something for a VM; its end is told by the loop
 * @libvirt: the connection
 * @call: what, for which VM
 * @ctx: as the VM was added with
 *
 * Return: 0 or -ENOMEM.
 */
int vmqos_libvirt_call(struct vmqos_libvirt *libvirt, const struct vmqos_libvirt_call *call,
		       void *ctx)
{
	struct job *job = calloc(1, sizeof(*job)), **link;

	if (!job)
		return -ENOMEM;
	job->call = *call;
	job->ctx = ctx;
	job->due_us = now_us(libvirt) + VMQOS_LIBVIRT_TIMEOUT_US;
	pthread_mutex_lock(&libvirt->lock);
	for (link = &libvirt->todo; *link; link = &(*link)->next)
		;
	*link = job;
	set_timer(libvirt);
	pthread_cond_broadcast(&libvirt->changed);
	pthread_mutex_unlock(&libvirt->lock);
	return 0;
}

#else /* built without libvirt */

struct vmqos_libvirt *vmqos_libvirt_get(sd_event *loop)
{
	(void)loop;
	return NULL;
}

void vmqos_libvirt_put(struct vmqos_libvirt *libvirt)
{
	(void)libvirt;
}

int vmqos_libvirt_add(struct vmqos_libvirt *libvirt, const uint8_t *uuid,
		      const struct vmqos_libvirt_told *told, void *ctx)
{
	(void)libvirt;
	(void)uuid;
	(void)told;
	(void)ctx;
	return -ENOSYS;
}

void vmqos_libvirt_remove(struct vmqos_libvirt *libvirt, void *ctx)
{
	(void)libvirt;
	(void)ctx;
}

int vmqos_libvirt_call(struct vmqos_libvirt *libvirt, const struct vmqos_libvirt_call *call,
		       void *ctx)
{
	(void)libvirt;
	(void)call;
	(void)ctx;
	return -ENOSYS;
}

#endif
