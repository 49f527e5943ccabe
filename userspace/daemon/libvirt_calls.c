// SPDX-License-Identifier: GPL-2.0
/*
 * What libvirt's library is asked for a VM's balloon. All of it may wait for as long as the
 * library likes: the threads of libvirt.c call it, and nobody else.
 */
#include "libvirt.h"
#include "libvirt_calls.h"

#ifdef VMQOS_LIBVIRT

#include <dlfcn.h>
#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define URI		"qemu:///system"
#define KEEPALIVE_S	2
#define KEEPALIVE_COUNT	2

/* What is needed of the library. */
struct api {
	__typeof__(virInitialize) *virInitialize;
	__typeof__(virSetErrorFunc) *virSetErrorFunc;
	__typeof__(virGetLastErrorMessage) *virGetLastErrorMessage;
	__typeof__(virEventRegisterDefaultImpl) *virEventRegisterDefaultImpl;
	__typeof__(virEventRunDefaultImpl) *virEventRunDefaultImpl;
	__typeof__(virEventAddTimeout) *virEventAddTimeout;
	__typeof__(virEventUpdateTimeout) *virEventUpdateTimeout;
	__typeof__(virConnectOpen) *virConnectOpen;
	__typeof__(virConnectClose) *virConnectClose;
	__typeof__(virConnectIsAlive) *virConnectIsAlive;
	__typeof__(virConnectSetKeepAlive) *virConnectSetKeepAlive;
	__typeof__(virConnectDomainEventRegisterAny) *virConnectDomainEventRegisterAny;
	__typeof__(virConnectDomainEventDeregisterAny) *virConnectDomainEventDeregisterAny;
	__typeof__(virDomainLookupByUUID) *virDomainLookupByUUID;
	__typeof__(virDomainFree) *virDomainFree;
	__typeof__(virDomainGetName) *virDomainGetName;
	__typeof__(virDomainGetUUID) *virDomainGetUUID;
	__typeof__(virDomainGetInfo) *virDomainGetInfo;
	__typeof__(virDomainGetXMLDesc) *virDomainGetXMLDesc;
	__typeof__(virDomainMemoryStats) *virDomainMemoryStats;
	__typeof__(virDomainSetMemoryFlags) *virDomainSetMemoryFlags;
	__typeof__(virDomainSetMemoryStatsPeriod) *virDomainSetMemoryStatsPeriod;
};

static const struct {
	const char *name;
	size_t at;
} functions[] = {
	{ "virInitialize", offsetof(struct api, virInitialize) },
	{ "virSetErrorFunc", offsetof(struct api, virSetErrorFunc) },
	{ "virGetLastErrorMessage", offsetof(struct api, virGetLastErrorMessage) },
	{ "virEventRegisterDefaultImpl", offsetof(struct api, virEventRegisterDefaultImpl) },
	{ "virEventRunDefaultImpl", offsetof(struct api, virEventRunDefaultImpl) },
	{ "virEventAddTimeout", offsetof(struct api, virEventAddTimeout) },
	{ "virEventUpdateTimeout", offsetof(struct api, virEventUpdateTimeout) },
	{ "virConnectOpen", offsetof(struct api, virConnectOpen) },
	{ "virConnectClose", offsetof(struct api, virConnectClose) },
	{ "virConnectIsAlive", offsetof(struct api, virConnectIsAlive) },
	{ "virConnectSetKeepAlive", offsetof(struct api, virConnectSetKeepAlive) },
	{ "virConnectDomainEventRegisterAny",
	  offsetof(struct api, virConnectDomainEventRegisterAny) },
	{ "virConnectDomainEventDeregisterAny",
	  offsetof(struct api, virConnectDomainEventDeregisterAny) },
	{ "virDomainLookupByUUID", offsetof(struct api, virDomainLookupByUUID) },
	{ "virDomainFree", offsetof(struct api, virDomainFree) },
	{ "virDomainGetName", offsetof(struct api, virDomainGetName) },
	{ "virDomainGetUUID", offsetof(struct api, virDomainGetUUID) },
	{ "virDomainGetInfo", offsetof(struct api, virDomainGetInfo) },
	{ "virDomainGetXMLDesc", offsetof(struct api, virDomainGetXMLDesc) },
	{ "virDomainMemoryStats", offsetof(struct api, virDomainMemoryStats) },
	{ "virDomainSetMemoryFlags", offsetof(struct api, virDomainSetMemoryFlags) },
	{ "virDomainSetMemoryStatsPeriod", offsetof(struct api, virDomainSetMemoryStatsPeriod) },
};

/* What a VM's period was before. */
struct period {
	struct period *next;
	uint8_t uuid[VMQOS_LIBVIRT_UUID];
	int before;
};

struct vmqos_libvirt_calls {
	vmqos_libvirt_event *told;
	void *ctx;
	struct api api;
	void *library;
	int wake;		/* a timer of the library's loop */
	virConnectPtr connection;
	int ids[2];		/* of events */
	struct period *periods;
};

__attribute__((format(printf, 3, 4)))
static void fail(struct vmqos_libvirt_call *call, int error, const char *format, ...)
{
	va_list args;

	call->error = error;
	va_start(args, format);
	vsnprintf(call->why, sizeof(call->why), format, args);
	va_end(args);
}

static void say_nothing(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

static void tell(struct vmqos_libvirt_calls *calls, virDomainPtr domain, bool reset,
		 uint64_t keeps)
{
	uint8_t uuid[VMQOS_LIBVIRT_UUID];

	if (!calls->api.virDomainGetUUID(domain, uuid))
		calls->told(calls->ctx, uuid, reset, keeps);
}

static void on_reboot(virConnectPtr connection, virDomainPtr domain, void *opaque)
{
	(void)connection;
	tell(opaque, domain, true, 0);
}

static void on_balloon(virConnectPtr connection, virDomainPtr domain, unsigned long long actual,
		       void *opaque)
{
	(void)connection;
	tell(opaque, domain, false, actual < UINT64_MAX / 1024 ? actual * 1024 : 0);
}

static void on_wake(int timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

/**
 * vmqos_libvirt_calls_load() - load the library, once
 * @calls: the calls
 * @call: filled with what went wrong
 *
 * Return: 0, and its loop has to be run from then on; -1.
 */
int vmqos_libvirt_calls_load(struct vmqos_libvirt_calls *calls, struct vmqos_libvirt_call *call)
{
	struct api *api = &calls->api;
	void *function;
	size_t i;

	if (calls->library)
		return 0;
	calls->library = dlopen(vmqos_libvirt_library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!calls->library) {
		fail(call, -ENOENT, "libvirt's library cannot be loaded: %s", dlerror());
		return -1;
	}
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		function = dlsym(calls->library, functions[i].name);
		if (!function)
			goto old;
		memcpy((char *)api + functions[i].at, &function, sizeof(function));
	}
	api->virSetErrorFunc(NULL, say_nothing);
	if (api->virInitialize() < 0 || api->virEventRegisterDefaultImpl() < 0)
		goto old;
	calls->wake = api->virEventAddTimeout(-1, on_wake, NULL, NULL);
	return 0;
old:
	dlclose(calls->library);
	calls->library = NULL;
	fail(call, -ENOENT, "libvirt's library %s is of no use", vmqos_libvirt_library);
	return -1;
}

/**
 * vmqos_libvirt_calls_loop() - a round of the library's loop, by a thread of its own
 * @calls: the calls
 */
void vmqos_libvirt_calls_loop(struct vmqos_libvirt_calls *calls)
{
	if (calls->api.virEventRunDefaultImpl() < 0)
		sleep(1);
}

/**
 * vmqos_libvirt_calls_wake() - have the round of that end that is on its way
 * @calls: the calls
 */
void vmqos_libvirt_calls_wake(struct vmqos_libvirt_calls *calls)
{
	if (calls->library)
		calls->api.virEventUpdateTimeout(calls->wake, 0);
}

/**
 * vmqos_libvirt_calls_disconnect() - end the connection
 * @calls: the calls
 */
void vmqos_libvirt_calls_disconnect(struct vmqos_libvirt_calls *calls)
{
	size_t i;

	if (!calls->connection)
		return;
	for (i = 0; i < sizeof(calls->ids) / sizeof(calls->ids[0]); i++)
		if (calls->ids[i] >= 0)
			calls->api.virConnectDomainEventDeregisterAny(calls->connection,
								      calls->ids[i]);
	calls->api.virConnectClose(calls->connection);
	calls->connection = NULL;
}

static int connect_to(struct vmqos_libvirt_calls *calls, struct vmqos_libvirt_call *call)
{
	struct api *api = &calls->api;
	virConnectPtr connection;

	if (calls->connection && api->virConnectIsAlive(calls->connection) != 1)
		vmqos_libvirt_calls_disconnect(calls);
	if (calls->connection)
		return 0;
	connection = api->virConnectOpen(URI);
	if (!connection) {
		fail(call, -ECONNREFUSED, "libvirt cannot be reached at %s: %s", URI,
		     api->virGetLastErrorMessage());
		return -1;
	}
	api->virConnectSetKeepAlive(connection, KEEPALIVE_S, KEEPALIVE_COUNT);
	calls->connection = connection;
	calls->ids[0] = api->virConnectDomainEventRegisterAny(connection, NULL,
		VIR_DOMAIN_EVENT_ID_REBOOT, on_reboot, calls, NULL);
	calls->ids[1] = api->virConnectDomainEventRegisterAny(connection, NULL,
		VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE,
		(virConnectDomainEventGenericCallback)(void (*)(void))on_balloon, calls, NULL);
	if (calls->ids[0] >= 0 && calls->ids[1] >= 0)
		return 0;
	/* A guest that is reset would be asked for its memory as it starts. */
	fail(call, -EOPNOTSUPP, "libvirt does not tell of resets: %s",
	     api->virGetLastErrorMessage());
	vmqos_libvirt_calls_disconnect(calls);
	return -1;
}

/* Whether it is this process that libvirt has started for the VM. */
static bool is_its_process(struct vmqos_libvirt_calls *calls, virDomainPtr domain, uint32_t pid)
{
	const char *name = calls->api.virDomainGetName(domain);
	char path[512];
	unsigned int known = 0;
	FILE *file;

	if (!name || strchr(name, '/'))
		return false;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s.pid", vmqos_libvirt_state, name) >=
	    sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%u", &known) != 1)
		known = 0;
	fclose(file);
	return known == pid;
}

static void do_read(struct vmqos_libvirt_calls *calls, virDomainPtr domain,
		    struct vmqos_libvirt_call *call)
{
	static const struct {
		int tag;
		unsigned int bit;
		size_t at;
		unsigned int unit;
	} known[] = {
		{ VIR_DOMAIN_MEMORY_STAT_AVAILABLE, VMQOS_READING_TOTAL,
		  offsetof(struct vmqos_reading, total), 1024 },
		{ VIR_DOMAIN_MEMORY_STAT_UNUSED, VMQOS_READING_FREE,
		  offsetof(struct vmqos_reading, free), 1024 },
		{ VIR_DOMAIN_MEMORY_STAT_USABLE, VMQOS_READING_AVAILABLE,
		  offsetof(struct vmqos_reading, available), 1024 },
		{ VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, VMQOS_READING_CACHES,
		  offsetof(struct vmqos_reading, caches), 1024 },
		{ VIR_DOMAIN_MEMORY_STAT_SWAP_IN, VMQOS_READING_SWAP_IN,
		  offsetof(struct vmqos_reading, swap_in), 1024 },
		{ VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, VMQOS_READING_SWAP_OUT,
		  offsetof(struct vmqos_reading, swap_out), 1024 },
		{ VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, VMQOS_READING_MAJOR_FAULTS,
		  offsetof(struct vmqos_reading, major_faults), 1 },
		{ VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, VMQOS_READING_MINOR_FAULTS,
		  offsetof(struct vmqos_reading, minor_faults), 1 },
	};
	virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
	struct vmqos_reading *reading = &call->reading;
	uint64_t keeps = UINT64_MAX, told = 0;
	struct timespec real;
	virDomainInfo info;
	int count, i;
	size_t k;

	count = calls->api.virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
	if (count < 0 || calls->api.virDomainGetInfo(domain, &info) ||
	    info.maxMem > UINT64_MAX / 4096) {
		fail(call, -EREMOTEIO, "libvirt does not tell of the VM's memory: %s",
		     calls->api.virGetLastErrorMessage());
		return;
	}
	reading->size = info.maxMem * 1024ull;
	for (i = 0; i < count; i++) {
		if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON &&
		    stats[i].val < UINT64_MAX / 1024)
			keeps = stats[i].val * 1024;
		if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE)
			told = stats[i].val;
	}
	if (keeps == UINT64_MAX) {
		fail(call, -ENODEV,
		     "the VM has no balloon: give its domain <memballoon model='virtio'/> and start it anew");
		return;
	}
	reading->given = keeps < reading->size ? reading->size - keeps : 0;
	reading->age_us = UINT64_MAX;
	if (!told)
		return;
	clock_gettime(CLOCK_REALTIME, &real);
	reading->update = told;
	reading->age_us = (uint64_t)real.tv_sec > told ? ((uint64_t)real.tv_sec - told) * 1000000 :
			  0;
	for (i = 0; i < count; i++) {
		for (k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (stats[i].tag != known[k].tag ||
			    stats[i].val > UINT64_MAX / known[k].unit)
				continue;
			reading->present |= known[k].bit;
			*(uint64_t *)((char *)reading + known[k].at) = stats[i].val *
								       known[k].unit;
		}
	}
}

/* How often the guest is asked, by the domain's own description. */
static int find_period(struct vmqos_libvirt_calls *calls, virDomainPtr domain)
{
	static const char mark[] = "<stats period='";
	char *xml = calls->api.virDomainGetXMLDesc(domain, 0);
	const char *at = xml ? strstr(xml, mark) : NULL;
	int period = at ? atoi(at + sizeof(mark) - 1) : 0;

	free(xml);
	return period > 0 ? period : 0;
}

static void do_period(struct vmqos_libvirt_calls *calls, virDomainPtr domain,
		      struct vmqos_libvirt_call *call)
{
	struct period **link = &calls->periods, *period;
	int seconds = (int)call->value;

	while ((period = *link) && memcmp(period->uuid, call->uuid, sizeof(period->uuid)))
		link = &period->next;
	if (!call->value) {
		if (!period)
			return;
		seconds = period->before;
		*link = period->next;
		free(period);
	} else if (!period) {
		period = calloc(1, sizeof(*period));
		if (period) {
			memcpy(period->uuid, call->uuid, sizeof(period->uuid));
			period->before = find_period(calls, domain);
			period->next = calls->periods;
			calls->periods = period;
		}
	}
	if (calls->api.virDomainSetMemoryStatsPeriod(domain, seconds, VIR_DOMAIN_AFFECT_LIVE))
		fail(call, -EREMOTEIO, "libvirt refuses a period for the guest's statistics: %s",
		     calls->api.virGetLastErrorMessage());
}

/**
 * vmqos_libvirt_calls_make() - do what a call is for
 * @calls: the calls; the library is loaded
 * @call: what, and filled with what came of it
 */
void vmqos_libvirt_calls_make(struct vmqos_libvirt_calls *calls, struct vmqos_libvirt_call *call)
{
	struct api *api = &calls->api;
	virDomainPtr domain;

	if (connect_to(calls, call))
		return;
	domain = api->virDomainLookupByUUID(calls->connection, call->uuid);
	if (!domain) {
		fail(call, -ENOENT, "libvirt does not know the VM: %s",
		     api->virGetLastErrorMessage());
		return;
	}
	if (!is_its_process(calls, domain, call->pid))
		fail(call, -EACCES,
		     "libvirt knows the VM's UUID by another process than %u: %s/NAME.pid",
		     call->pid, vmqos_libvirt_state);
	else if (call->kind == VMQOS_LIBVIRT_READ)
		do_read(calls, domain, call);
	else if (call->kind == VMQOS_LIBVIRT_PERIOD)
		do_period(calls, domain, call);
	else if (api->virDomainSetMemoryFlags(domain, call->value / 1024, VIR_DOMAIN_AFFECT_LIVE))
		fail(call, -EREMOTEIO, "libvirt refuses to change the balloon: %s",
		     api->virGetLastErrorMessage());
	api->virDomainFree(domain);
}

/**
 * vmqos_libvirt_calls_new() - nothing loaded and nobody connected to
 * @told: told of events, by the thread that runs the library's loop
 * @ctx: handed to @told
 *
 * Return: the calls, or NULL when memory ran out.
 */
struct vmqos_libvirt_calls *vmqos_libvirt_calls_new(vmqos_libvirt_event *told, void *ctx)
{
	struct vmqos_libvirt_calls *calls = calloc(1, sizeof(*calls));

	if (calls) {
		calls->told = told;
		calls->ctx = ctx;
	}
	return calls;
}

/**
 * vmqos_libvirt_calls_free() - when no thread uses it any more
 * @calls: the calls, or NULL
 */
void vmqos_libvirt_calls_free(struct vmqos_libvirt_calls *calls)
{
	struct period *period;

	while (calls && (period = calls->periods)) {
		calls->periods = period->next;
		free(period);
	}
	free(calls);
}

#endif
