// SPDX-License-Identifier: GPL-2.0
/* What libvirt_test.c has in the place of libvirt's library. */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libvirt_standin.h"

struct virt_standin virt_standin;

static const unsigned char uuid[VIR_UUID_BUFLEN] = VIRT_UUID;
static int something;
static volatile bool woken, dead;
static virConnectDomainEventGenericCallback on_reset;
static virConnectDomainEventBalloonChangeCallback on_balloon;
static void *opaque;

static void hang(enum virt_mode mode)
{
	virt_standin.running++;
	while (virt_standin.mode == mode)
		usleep(1000);
	virt_standin.running--;
}

int virInitialize(void)
{
	return 0;
}

void virSetErrorFunc(void *data, virErrorFunc handler)
{
	(void)data;
	(void)handler;
}

const char *virGetLastErrorMessage(void)
{
	return "so says the stand-in";
}

int virEventRegisterDefaultImpl(void)
{
	return 0;
}

int virEventAddTimeout(int frequency, virEventTimeoutCallback cb, void *data, virFreeCallback ff)
{
	(void)frequency;
	(void)cb;
	(void)data;
	(void)ff;
	return 1;
}

void virEventUpdateTimeout(int timer, int frequency)
{
	(void)timer;
	woken = frequency == 0;
}

int virEventRunDefaultImpl(void)
{
	virDomainPtr domain = (virDomainPtr)&something;
	virConnectPtr connection = (virConnectPtr)&something;

	while (!woken && !virt_standin.reset && !virt_standin.told)
		usleep(1000);
	woken = false;
	if (virt_standin.told) {
		if (on_balloon)
			on_balloon(connection, domain, virt_standin.keeps_kib, opaque);
		virt_standin.told = false;
	}
	/* Who hears of it may want something else before this returns. */
	if (virt_standin.reset) {
		virt_standin.reset = false;
		if (on_reset)
			on_reset(connection, domain, opaque);
	}
	return 0;
}

virConnectPtr virConnectOpen(const char *name)
{
	hang(VIRT_HANGS_OPENING);
	if (virt_standin.mode == VIRT_NOBODY || strcmp(name, "qemu:///system"))
		return NULL;
	virt_standin.opened++;
	dead = false;
	return (virConnectPtr)&something;
}

int virConnectClose(virConnectPtr connection)
{
	(void)connection;
	virt_standin.closed++;
	return 0;
}

int virConnectIsAlive(virConnectPtr connection)
{
	(void)connection;
	return !dead;
}

int virConnectSetKeepAlive(virConnectPtr connection, int interval, unsigned int count)
{
	(void)connection;
	return interval > 0 && count ? 0 : -1;
}

int virConnectDomainEventRegisterAny(virConnectPtr connection, virDomainPtr domain, int event,
				     virConnectDomainEventGenericCallback cb, void *data,
				     virFreeCallback ff)
{
	(void)connection;
	(void)domain;
	(void)ff;
	opaque = data;
	if (event == VIR_DOMAIN_EVENT_ID_REBOOT)
		on_reset = cb;
	else
		on_balloon = (virConnectDomainEventBalloonChangeCallback)(void (*)(void))cb;
	return event;
}

int virConnectDomainEventDeregisterAny(virConnectPtr connection, int id)
{
	(void)connection;
	(void)id;
	return 0;
}

virDomainPtr virDomainLookupByUUID(virConnectPtr connection, const unsigned char *wanted)
{
	(void)connection;
	hang(VIRT_HANGS);
	if (virt_standin.mode == VIRT_DEAD) {
		dead = true;
		return NULL;
	}
	if (virt_standin.mode == VIRT_STRANGER || memcmp(wanted, uuid, sizeof(uuid)))
		return NULL;
	return (virDomainPtr)&something;
}

int virDomainFree(virDomainPtr domain)
{
	(void)domain;
	return 0;
}

const char *virDomainGetName(virDomainPtr domain)
{
	(void)domain;
	return "web";
}

int virDomainGetUUID(virDomainPtr domain, unsigned char *to)
{
	(void)domain;
	memcpy(to, uuid, sizeof(uuid));
	return 0;
}

int virDomainGetInfo(virDomainPtr domain, virDomainInfoPtr info)
{
	(void)domain;
	memset(info, 0, sizeof(*info));
	info->maxMem = virt_standin.size_kib;
	return 0;
}

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
	char *text = malloc(200);

	(void)domain;
	(void)flags;
	if (text)
		snprintf(text, 200, "<domain><memballoon><stats period='%d'/></memballoon></domain>",
			 virt_standin.period);
	return text;
}

int virDomainMemoryStats(virDomainPtr domain, virDomainMemoryStatPtr stats, unsigned int room,
			 unsigned int flags)
{
	int n = 0;

	(void)domain;
	if (flags || room < 4)
		return -1;
	if (virt_standin.mode == VIRT_NO_BALLOON)
		return 0;
	stats[n++] = (virDomainMemoryStatStruct) { VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON,
						  virt_standin.keeps_kib };
	stats[n++] = (virDomainMemoryStatStruct) { VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE,
						  virt_standin.update };
	stats[n++] = (virDomainMemoryStatStruct) { VIR_DOMAIN_MEMORY_STAT_USABLE,
						  virt_standin.available_kib };
	/* None that anybody could have. */
	stats[n++] = (virDomainMemoryStatStruct) { VIR_DOMAIN_MEMORY_STAT_SWAP_IN,
						  ~0ull };
	return n;
}

int virDomainSetMemoryFlags(virDomainPtr domain, unsigned long memory, unsigned int flags)
{
	(void)domain;
	if (flags != VIR_DOMAIN_AFFECT_LIVE || virt_standin.mode == VIRT_REFUSES)
		return -1;
	virt_standin.asks++;
	virt_standin.keeps_kib = memory;
	return 0;
}

int virDomainSetMemoryStatsPeriod(virDomainPtr domain, int period, unsigned int flags)
{
	(void)domain;
	if (flags != VIR_DOMAIN_AFFECT_LIVE)
		return -1;
	virt_standin.period = period;
	return 0;
}
