/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: events. */
#ifndef VMQOS_EVENTS_H
#define VMQOS_EVENTS_H

#include <vmqos/balloon.h>
#include <vmqos/host.h>
#include <vmqos/stats.h>
#include <vmqos/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmqos;
struct vmqos_events;

/**
 * enum vmqos_event_type - what has happened
 * @VMQOS_EVENT_HOST_CHANGE: settings of the host have changed; see host
 * @VMQOS_EVENT_VM_ADOPT: a VM has been adopted; see vm
 * @VMQOS_EVENT_VM_RELEASE: a VM is gone, released or ended; see vm
 * @VMQOS_EVENT_VM_CHANGE: name, UUID or CPU policy has changed, or the VM is being
 *	released; see vm
 * @VMQOS_EVENT_VCPU: a vCPU's thread has got the hook or has left; see vcpu
 * @VMQOS_EVENT_LOST: the reader was too slow and some events are lost; what
 *	was built from events is to be read anew
 * @VMQOS_EVENT_MODULE_GONE: the kernel module has been unloaded
 * @VMQOS_EVENT_MODULE_LOADED: it has been loaded again; events go on
 * @VMQOS_EVENT_VM_UNMET: a VM's reservation could not be met; see unmet
 * @VMQOS_EVENT_BALLOON: a balloon that the kernel serves was asked for something
 *	else, or its guest has reached the target or missed the deadline; see balloon
 */
enum vmqos_event_type {
	VMQOS_EVENT_HOST_CHANGE = 1,
	VMQOS_EVENT_VM_ADOPT,
	VMQOS_EVENT_VM_RELEASE,
	VMQOS_EVENT_VM_CHANGE,
	VMQOS_EVENT_VCPU,
	VMQOS_EVENT_LOST,
	VMQOS_EVENT_MODULE_GONE,
	VMQOS_EVENT_MODULE_LOADED,
	VMQOS_EVENT_VM_UNMET,
	VMQOS_EVENT_BALLOON,
};

/**
 * enum vmqos_unmet_cause - why a reservation could not be met
 * @VMQOS_UNMET_HOST_LOAD: other load of the host had the CPUs
 * @VMQOS_UNMET_AFFINITY: the vCPUs may not run where there was CPU to be had
 * @VMQOS_UNMET_VMM_STOPPED: the VMM is stopped
 * @VMQOS_UNMET_CPUS_OFFLINE: CPUs have gone offline
 */
enum vmqos_unmet_cause {
	VMQOS_UNMET_HOST_LOAD,
	VMQOS_UNMET_AFFINITY,
	VMQOS_UNMET_VMM_STOPPED,
	VMQOS_UNMET_CPUS_OFFLINE,
};

/**
 * struct vmqos_unmet - a reservation that was wanted and could not be met
 * @id: number of the VM
 * @name: its name
 * @time_ns: CLOCK_MONOTONIC in ns
 * @cpu_reservation: what is reserved for it, in millionths of one CPU
 * @cpu_received: what it got, in millionths
 * @reason: enum vmqos_unmet_cause
 */
struct vmqos_unmet {
	uint32_t id;
	char name[VMQOS_NAME_MAX + 1];
	uint64_t time_ns;
	uint32_t cpu_reservation;
	uint32_t cpu_received;
	uint32_t reason;
};

/**
 * struct vmqos_event - one event
 * @type: enum vmqos_event_type
 * @host: for VMQOS_EVENT_HOST_CHANGE
 * @vm: for the events of VMs
 * @vcpu: for VMQOS_EVENT_VCPU
 * @unmet: for VMQOS_EVENT_VM_UNMET
 * @balloon: for VMQOS_EVENT_BALLOON
 */
struct vmqos_event {
	unsigned int type;
	union {
		struct vmqos_host host;
		struct vmqos_vm vm;
		struct vmqos_vcpu vcpu;
		struct vmqos_unmet unmet;
		struct vmqos_balloon balloon;
	};
};

/**
 * vmqos_events_open() - subscribe to the events
 * @ctx: context; used for error sentences, must outlive @events
 * @events: set to the subscription
 *
 * Works also while the module is not loaded: the first event then is
 * VMQOS_EVENT_MODULE_LOADED.
 *
 * Return: 0 or a negative errno.
 */
int vmqos_events_open(struct vmqos *ctx, struct vmqos_events **events);

/**
 * vmqos_events_close() - end a subscription
 * @events: subscription or NULL
 */
void vmqos_events_close(struct vmqos_events *events);

/**
 * vmqos_events_fd() - descriptor to poll for events
 * @events: subscription
 *
 * When it is readable, call vmqos_events_next() with a timeout of 0 until it
 * returns 0.
 *
 * Return: a non-blocking descriptor that stays the subscription's.
 */
int vmqos_events_fd(const struct vmqos_events *events);

/**
 * vmqos_events_next() - get the next event
 * @events: subscription
 * @event: filled
 * @timeout_ms: how long to wait, in ms; 0 not at all, -1 for ever
 *
 * Return: 1 with an event; 0 when there was none in time; -EINTR when a
 * signal came; another negative errno.
 */
int vmqos_events_next(struct vmqos_events *events, struct vmqos_event *event,
		      int timeout_ms);

/**
 * vmqos_event_name() - name of a type of event
 * @type: enum vmqos_event_type
 *
 * Return: for example "vm-adopt".
 */
const char *vmqos_event_name(unsigned int type);

/**
 * vmqos_unmet_reason_name() - name of the reason of an unmet reservation
 * @reason: enum vmqos_unmet_cause
 *
 * Return: "host-load", "affinity", "vmm-stopped", "cpus-offline" or "unknown".
 */
const char *vmqos_unmet_reason_name(uint32_t reason);

#ifdef __cplusplus
}
#endif

#endif
