// SPDX-License-Identifier: GPL-2.0
/* How a balloon is written in JSON. */
#include "out.h"
#include "records.h"

static bool has(const struct vmqos_balloon *balloon, unsigned int field)
{
	return balloon->has & VMQOS_HAS(field);
}

static void write_refused(struct vmqos_out *out, const char *key,
			  const struct vmqos_balloon_refused *refused)
{
	vmqos_out_object(out, key);
	vmqos_out_u64(out, "foreign", NULL, refused->foreign);
	vmqos_out_u64(out, "readonly", NULL, refused->readonly);
	vmqos_out_u64(out, "locked", NULL, refused->locked);
	vmqos_out_u64(out, "pinned", NULL, refused->pinned);
	vmqos_out_u64(out, "watched", NULL, refused->watched);
	vmqos_out_u64(out, "special", NULL, refused->special);
	vmqos_out_u64(out, "partial", NULL, refused->partial);
	vmqos_out_u64(out, "poison", NULL, refused->poison);
	vmqos_out_u64(out, "failed", NULL, refused->failed);
	vmqos_out_s64(out, "error", NULL, refused->error);
	vmqos_out_end(out);
}

double vmqos_balloon_age(const struct vmqos_balloon *balloon)
{
	return balloon->time_ns > balloon->stats_ns ?
	       (balloon->time_ns - balloon->stats_ns) / 1e9 : 0;
}

static void write_guest(struct vmqos_out *out, const struct vmqos_balloon *balloon)
{
	const struct vmqos_guest_desc *descs;
	size_t count, i;

	descs = vmqos_guest_descs(&count);
	vmqos_out_object(out, "guest");
	vmqos_out_real(out, "age_seconds", NULL, vmqos_balloon_age(balloon), 3);
	for (i = 0; i < count; i++)
		if (balloon->stats.has & VMQOS_HAS(descs[i].field))
			vmqos_out_u64(out, descs[i].name, NULL,
				      vmqos_guest_value(&balloon->stats, descs[i].field));
	vmqos_out_end(out);
}

void vmqos_write_balloon(struct vmqos_out *out, const struct vmqos_balloon *balloon)
{
	if (has(balloon, VMQOS_BALLOON_ID))
		vmqos_out_u64(out, "id", NULL, balloon->id);
	if (has(balloon, VMQOS_BALLOON_NAME))
		vmqos_out_str(out, "name", NULL, balloon->name);
	vmqos_out_str(out, "backend", NULL, vmqos_balloon_backend_name(balloon->backend));
	vmqos_out_str(out, "device", NULL, balloon->device);
	vmqos_out_str(out, "state", NULL, vmqos_balloon_state_name(balloon->state));
	vmqos_out_u64(out, "target", NULL, balloon->target);
	vmqos_out_u64(out, "actual", NULL, balloon->actual);
	if (has(balloon, VMQOS_BALLOON_MEMORY)) {
		vmqos_out_u64(out, "memory", NULL, balloon->memory);
		vmqos_out_u64(out, "left", NULL, balloon->memory > balloon->actual ?
			      balloon->memory - balloon->actual : 0);
	}
	if (has(balloon, VMQOS_BALLOON_REASON))
		vmqos_out_str(out, "reason", NULL, balloon->reason);
	vmqos_out_u64(out, "deadline_ms", NULL, balloon->deadline_ms);
	vmqos_out_u64(out, "time_ns", NULL, balloon->time_ns);
	vmqos_out_u64(out, "target_ns", NULL, balloon->target_ns);
	vmqos_out_u64(out, "progress_ns", NULL, balloon->progress_ns);
	vmqos_out_u64(out, "moved", NULL, balloon->moved);
	vmqos_out_u64(out, "speed", NULL, balloon->speed);
	vmqos_out_u64(out, "inflated", NULL, balloon->inflated);
	vmqos_out_u64(out, "deflated", NULL, balloon->deflated);
	vmqos_out_u64(out, "given", NULL, balloon->given);
	write_refused(out, "refused", &balloon->refused);
	vmqos_out_u64(out, "reported", NULL, balloon->reported);
	vmqos_out_u64(out, "report_given", NULL, balloon->report_given);
	write_refused(out, "report_refused", &balloon->report_refused);
	vmqos_out_u64(out, "stats_seconds", NULL, balloon->stats_seconds);
	if (has(balloon, VMQOS_BALLOON_STATS))
		write_guest(out, balloon);
	vmqos_out_u64(out, "features", NULL, balloon->features);
	vmqos_out_u64(out, "status", NULL, balloon->status);
	vmqos_out_u64(out, "kicks", NULL, balloon->kicks);
	vmqos_out_u64(out, "calls", NULL, balloon->calls);
	if (has(balloon, VMQOS_BALLOON_PID))
		vmqos_out_u64(out, "pid", NULL, balloon->pid);
}
