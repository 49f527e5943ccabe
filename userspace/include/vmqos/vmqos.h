/* SPDX-License-Identifier: LGPL-2.1+ */
/*
 * libvmqos: resource management of KVM virtual machines.
 *
 * Every function that can fail returns 0 (or a positive answer, where said)
 * or a negative errno, and leaves a sentence in the context that says what
 * is wrong; vmqos_error() returns it. A refusal of the kernel is passed on
 * in the kernel's own words. A context is used by one thread at a time.
 *
 * Fields carry the names of the netlink interface (run-ns is run_ns). Where
 * a struct has a member "has", bit VMQOS_HAS(field) tells whether the kernel
 * reported that field; a field that was not reported is 0.
 */
#ifndef VMQOS_VMQOS_H
#define VMQOS_VMQOS_H

#include <vmqos/balloon.h>
#include <vmqos/cgroup.h>
#include <vmqos/context.h>
#include <vmqos/cpu.h>
#include <vmqos/events.h>
#include <vmqos/host.h>
#include <vmqos/mem.h>
#include <vmqos/move.h>
#include <vmqos/process.h>
#include <vmqos/stats.h>
#include <vmqos/text.h>
#include <vmqos/virtio.h>
#include <vmqos/vm.h>

#endif
