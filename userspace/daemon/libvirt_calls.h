/* SPDX-License-Identifier: GPL-2.0 */
/* The calls of libvirt's library, each of which may wait: for the threads of libvirt.c. */
#ifndef VMQOS_DAEMON_LIBVIRT_CALLS_H
#define VMQOS_DAEMON_LIBVIRT_CALLS_H

#include <stdbool.h>
#include <stdint.h>

struct vmqos_libvirt_call;
struct vmqos_libvirt_calls;

/* The VM with this UUID has been reset, or else keeps so many bytes now. */
typedef void vmqos_libvirt_event(void *ctx, const uint8_t *uuid, bool reset, uint64_t keeps);

struct vmqos_libvirt_calls *vmqos_libvirt_calls_new(vmqos_libvirt_event *told, void *ctx);
void vmqos_libvirt_calls_free(struct vmqos_libvirt_calls *calls);
int vmqos_libvirt_calls_load(struct vmqos_libvirt_calls *calls, struct vmqos_libvirt_call *call);
void vmqos_libvirt_calls_make(struct vmqos_libvirt_calls *calls, struct vmqos_libvirt_call *call);
void vmqos_libvirt_calls_disconnect(struct vmqos_libvirt_calls *calls);
void vmqos_libvirt_calls_loop(struct vmqos_libvirt_calls *calls);
void vmqos_libvirt_calls_wake(struct vmqos_libvirt_calls *calls);

#endif
