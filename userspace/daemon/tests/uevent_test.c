// SPDX-License-Identifier: GPL-2.0
/* Uevents as KVM sends them, and everything that is not one; arrivals and their delays. */
#include <string.h>

#include "../arrivals.h"
#include "../uevent.h"
#include "tap.h"

#define HEAD	"change@/devices/virtual/misc/kvm\0ACTION=change\0DEVPATH=/devices/virtual/misc/kvm\0SUBSYSTEM=misc\0"
#define TAIL	"STATS_PATH=/kvm/42-10\0MAJOR=10\0MINOR=232\0DEVNAME=kvm\0SEQNUM=1200"

#define CHECK(message, type, tid, what) \
	check(message, sizeof(message), type, tid, what)

static void check(const char *message, size_t size, enum vmqos_uevent_type type, uint32_t tid,
		  const char *what)
{
	struct vmqos_uevent uevent;

	vmqos_uevent_parse(&uevent, message, size);
	if (!tap_ok(uevent.type == type && uevent.tid == tid, "%s", what))
		printf("# type %d, thread %u\n", uevent.type, uevent.tid);
}

static void test_uevents(void)
{
	static const char cut[] = HEAD "EVENT=create\0PID=4242";

	CHECK(HEAD "CREATED=3\0COUNT=1\0EVENT=create\0PID=42\0" TAIL, VMQOS_UEVENT_VM_CREATE, 42,
	      "a VM that is created");
	CHECK(HEAD "CREATED=3\0COUNT=0\0EVENT=destroy\0PID=42\0" TAIL, VMQOS_UEVENT_VM_DESTROY, 42,
	      "a VM that is destroyed");
	CHECK(HEAD "EVENT=create\0PID=0\0" TAIL, VMQOS_UEVENT_OTHER, 0, "no thread 0");
	CHECK(HEAD "EVENT=create\0PID=-7\0" TAIL, VMQOS_UEVENT_OTHER, 0, "no negative thread");
	CHECK(HEAD "EVENT=create\0PID=99999999999\0" TAIL, VMQOS_UEVENT_OTHER, 0,
	      "no thread beyond 32 bits");
	CHECK(HEAD "EVENT=create\0PID=7x\0" TAIL, VMQOS_UEVENT_OTHER, 0, "no number");
	CHECK(HEAD "EVENT=create\0" TAIL, VMQOS_UEVENT_OTHER, 0, "no thread at all");
	CHECK(HEAD "EVENT=resize\0PID=42\0" TAIL, VMQOS_UEVENT_OTHER, 0, "an event not known");
	CHECK("add@/devices/virtual/misc/kvm\0ACTION=add\0DEVPATH=/devices/virtual/misc/kvm\0" TAIL,
	      VMQOS_UEVENT_OTHER, 0, "the device itself");
	CHECK("change@/devices/virtual/misc/fuse\0DEVPATH=/devices/virtual/misc/fuse\0EVENT=create\0PID=42",
	      VMQOS_UEVENT_OTHER, 0, "another device");
	check("", 0, VMQOS_UEVENT_OTHER, 0, "an empty message");
	/* Without its closing NUL the number may be longer than what arrived. */
	check(cut, sizeof(cut) - 1, VMQOS_UEVENT_OTHER, 0, "a message cut inside the number");
	check(cut, sizeof(cut), VMQOS_UEVENT_VM_CREATE, 4242, "the same message whole");
}

/* Two VMs were announced, one was to be seen: the other one is not forgotten. */
static void test_some_came(struct vmqos_arrivals *arrivals, uint64_t now)
{
	struct vmqos_arrival arrival;

	vmqos_arrivals_add(arrivals, 7, now);
	vmqos_arrivals_add(arrivals, 7, now);
	vmqos_arrivals_take(arrivals, now, &arrival);
	tap_ok(vmqos_arrivals_some_came(arrivals, &arrival, 1, now) && arrivals->count == 1,
	       "a process with another VM is waited for");
	vmqos_arrivals_take(arrivals, now + 1000, &arrival);
	tap_ok(!vmqos_arrivals_some_came(arrivals, &arrival, 1, now) && arrivals->count == 0,
	       "a process whose VMs are all adopted is not");
}

static void test_arrivals(void)
{
	struct vmqos_arrivals arrivals = { 0 };
	struct vmqos_arrival arrival;
	uint64_t now = 1000;
	unsigned int tries = 1, i, taken = 0;

	tap_ok(vmqos_arrivals_next(&arrivals) == UINT64_MAX, "nobody is waited for at first");
	vmqos_arrivals_add(&arrivals, 7, now);
	vmqos_arrivals_add(&arrivals, 7, now);
	tap_ok(arrivals.count == 1 && vmqos_arrivals_next(&arrivals) == now,
	       "a process is waited for once, and due at once");
	while (vmqos_arrivals_take(&arrivals, now, &arrival) &&
	       vmqos_arrivals_put_back(&arrivals, &arrival, now)) {
		tries++;
		if (vmqos_arrivals_take(&arrivals, now, &arrival))
			break;
		now = vmqos_arrivals_next(&arrivals);
	}
	tap_ok(tries == 16 && now == 1000 + 32767 * 1000 && arrivals.count == 0,
	       "it is looked for 16 times within 32.767 s (%u times, %llu us)", tries,
	       (unsigned long long)now - 1000);
	test_some_came(&arrivals, now);

	for (i = 1; i <= 1000; i++)
		vmqos_arrivals_add(&arrivals, i, now + i % 2);
	while (vmqos_arrivals_take(&arrivals, now, &arrival))
		taken += arrival.pid % 2 == 0;
	tap_ok(taken == 500 && arrivals.count == 500, "of 1000 those that are due are taken");
	vmqos_arrivals_clear(&arrivals);
}

int main(void)
{
	test_uevents();
	test_arrivals();
	return tap_end();
}
