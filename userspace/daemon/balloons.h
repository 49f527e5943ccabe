/* SPDX-License-Identifier: GPL-2.0 */
/* The balloons of the VMs that are adopted, each with its controller and backend. */
#ifndef VMQOS_DAEMON_BALLOONS_H
#define VMQOS_DAEMON_BALLOONS_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "control.h"

struct vmqos;
struct vmqos_balloons;
struct vmqos_member;

/**
 * struct vmqos_balloons_view - a VM's balloon, as it is told
 * @id: number of the VM
 * @pid: process of its VMM
 * @name: its name
 * @backend: what serves it
 * @via: who is asked in the place of that, or NULL
 * @allowed: the policy lets the daemon speak to it
 * @known: it has been read, and can be reached as far as is known
 * @why: why it cannot, or why it is not at its target; "" without a reason
 * @control: its controller
 * @period: how often the guest tells its statistics, in seconds
 * @age_us: how old the reading is
 */
struct vmqos_balloons_view {
	uint32_t id;
	uint32_t pid;
	const char *name;
	const char *backend;
	const char *via;
	bool allowed;
	bool known;
	const char *why;
	const struct vmqos_control *control;
	unsigned int period;
	uint64_t age_us;
};

/**
 * struct vmqos_balloons_change - what is to become of a balloon
 * @has_target: @target is given
 * @has_change: @change is given
 * @has_period: @period is given
 * @target: bytes that should be in it
 * @change: by so much more or less than what was wanted before
 * @period: how often the guest is to tell its statistics, in seconds
 * @reason: why, a word
 * @deadline_ms: so many milliseconds from now it should be reached; 0: whenever
 */
struct vmqos_balloons_change {
	bool has_target;
	bool has_change;
	bool has_period;
	uint64_t target;
	int64_t change;
	unsigned int period;
	char reason[VMQOS_TARGET_REASON];
	uint64_t deadline_ms;
};

/**
 * typedef vmqos_balloons_done - a request has ended
 * @ctx: the caller's
 * @ticket: the caller's, too
 * @error: 0 or a negative errno
 * @why: what went wrong and what to do, for a person; NULL without an @error
 * @view: the balloon after it; NULL with an @error
 */
typedef void (*vmqos_balloons_done)(void *ctx, uint64_t ticket, int error, const char *why,
				    const struct vmqos_balloons_view *view);

struct vmqos_balloons *vmqos_balloons_new(struct vmqos *ctx, sd_event *loop);
void vmqos_balloons_free(struct vmqos_balloons *balloons);

void vmqos_balloons_mark(struct vmqos_balloons *balloons);
void vmqos_balloons_keep(struct vmqos_balloons *balloons, const struct vmqos_member *member);
void vmqos_balloons_sweep(struct vmqos_balloons *balloons);

void vmqos_balloons_request(struct vmqos_balloons *balloons, const char *vm,
			    const struct vmqos_balloons_change *change,
			    vmqos_balloons_done done, void *ctx, uint64_t ticket);
void vmqos_balloons_cancel(struct vmqos_balloons *balloons, uint64_t ticket);
void vmqos_balloons_each(struct vmqos_balloons *balloons,
			 void (*each)(void *ctx, const struct vmqos_balloons_view *view),
			 void *ctx);

#endif
