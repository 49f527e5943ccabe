/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel for the tests in place of lib/transport.c: it answers requests
 * message by message, as the module does, from VMs that are always the same.
 * Its clock goes on by a second at each host-get.
 */
#ifndef VMQOS_TESTS_FAKE_KERNEL_H
#define VMQOS_TESTS_FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmqos_event;

/*
 * What a test may change at any time.
 * @loaded: the module is there
 * @family: number of its family
 * @group: number of its group of events
 * @interrupt: so many dumps to come are marked as interrupted
 * @refuse: the next request is refused with this errno
 * @sentence: with this sentence, or NULL for none
 * @blame: and this attribute of the request at fault, 0 for none
 * @missing: and this attribute found missing, 0 for none
 * @echo: refusals carry the whole request, as without NETLINK_CAP_ACK
 * @stale: answers come after one to an earlier request, about the last VM
 * @cut: datagrams lose so many bytes at their end
 * @lose: the next reading of events finds some lost
 * @stuck: a VM that is released stays, releasing, and no event comes
 * @big_vms, @big_vcpus: instead of the usual VMs so many with so many vCPUs
 * @mutate: may change any datagram; returns its new size
 * @requests: how many have come
 * @sockets: how many are open
 */
struct vmqos_fake {
	bool loaded;
	uint16_t family;
	uint32_t group;
	unsigned int interrupt;
	int refuse;
	const char *sentence;
	int blame;
	int missing;
	bool echo;
	bool stale;
	size_t cut;
	bool lose;
	bool stuck;
	unsigned int big_vms;
	unsigned int big_vcpus;
	size_t (*mutate)(void *datagram, size_t size);
	unsigned int requests;
	unsigned int sockets;
};

extern struct vmqos_fake vmqos_fake;

/* Back to the usual state. */
void vmqos_fake_reset(void);

/* Events to come: the number of a command, and the VM and vCPU it is about. */
void vmqos_fake_event(uint8_t cmd, unsigned int vm, unsigned int vcpu);

/* The module is unloaded or loaded again, with a new number of its family. */
void vmqos_fake_unload(void);
void vmqos_fake_load(void);

#endif
