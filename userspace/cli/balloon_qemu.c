// SPDX-License-Identifier: GPL-2.0
/*
 * The other half of "vmqos balloon": the tool asks vmqosd, whose controller decides how fast
 * and how far a balloon may grow. Without it those of QEMU itself cannot be reached; those
 * that the kernel serves can, and are the user's own affair then.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "balloon_qemu.h"
#include "cli.h"
#include "clock.h"
#include "out.h"
#include "service.h"

/* How often the daemon is asked how far a guest has come: it reads once a second itself. */
#define PERIOD_NS	300000000
#define WHY_SIZE	400

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
	       json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static bool number_of(struct json_object *object, const char *key, uint64_t *number)
{
	struct json_object *value;

	*number = 0;
	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return false;
	*number = json_object_get_uint64(value);
	return true;
}

static void line(struct vmqos_out *out, const char *key, const char *label, uint64_t bytes)
{
	char text[VMQOS_BYTES_TEXT];

	vmqos_out_u64_text(out, key, label, bytes,
			   vmqos_bytes_format(bytes, text, sizeof(text)));
}

/* What the guest has told, in the words that other balloons have for it. */
static void write_guest(struct vmqos_out *out, struct json_object *balloon)
{
	bool people = vmqos_out_is_text(out);
	const struct vmqos_guest_desc *descs;
	uint64_t value, age_ms, seconds;
	struct json_object *stats;
	char text[64];
	size_t count, i;

	if (!json_object_object_get_ex(balloon, "stats", &stats))
		return;
	number_of(balloon, "stats_age_ms", &age_ms);
	number_of(balloon, "stats_seconds", &seconds);
	if (people) {
		snprintf(text, sizeof(text), "%.1f s ago, every %" PRIu64 " s", age_ms / 1e3,
			 seconds);
		vmqos_out_str(out, "guest", "guest told", text);
	} else {
		vmqos_out_object(out, "guest");
		vmqos_out_real(out, "age_seconds", NULL, age_ms / 1e3, 3);
	}
	descs = vmqos_guest_descs(&count);
	for (i = 0; i < count; i++) {
		if (!number_of(stats, descs[i].name, &value))
			continue;
		if (people && descs[i].bytes)
			line(out, descs[i].name, descs[i].label, value);
		else
			vmqos_out_u64(out, descs[i].name, people ? descs[i].label : NULL, value);
	}
	if (!people)
		vmqos_out_end(out);
}

static void write_balloon(struct vmqos_out *out, struct json_object *balloon)
{
	const char *why = text_of(balloon, "why"), *reason = text_of(balloon, "reason");
	const char *via = text_of(balloon, "via");
	uint64_t id, actual, target, memory, number;
	char state[WHY_SIZE];

	number_of(balloon, "id", &id);
	number_of(balloon, "actual", &actual);
	number_of(balloon, "target", &target);
	vmqos_out_u64(out, "id", NULL, id);
	vmqos_out_str(out, "name", "VM", text_of(balloon, "name"));
	if (vmqos_out_is_text(out)) {
		snprintf(state, sizeof(state), "%s%s%s", text_of(balloon, "backend"),
			 *via ? ", through " : "", via);
		vmqos_out_str(out, "backend", "served by", state);
	} else {
		vmqos_out_str(out, "backend", NULL, text_of(balloon, "backend"));
		if (*via)
			vmqos_out_str(out, "via", NULL, via);
		vmqos_out_str(out, "state", NULL, text_of(balloon, "state"));
		if (*why)
			vmqos_out_str(out, "why", NULL, why);
	}
	line(out, "actual", "balloon", actual);
	line(out, "target", "target", target);
	if (vmqos_out_is_text(out)) {
		snprintf(state, sizeof(state), "%s%s%s%s%s%s", text_of(balloon, "state"),
			 *reason ? " (" : "", reason, *reason ? ")" : "", *why ? ": " : "", why);
		vmqos_out_str(out, "state", "state", state);
	} else if (*reason) {
		vmqos_out_str(out, "reason", NULL, reason);
	}
	if (number_of(balloon, "memory", &memory)) {
		line(out, "memory", "memory", memory);
		line(out, "left", "left to the guest", memory > actual ? memory - actual : 0);
	}
	if (number_of(balloon, "floor", &number))
		line(out, "floor", "never less than", number);
	if (number_of(balloon, "reserve", &number))
		vmqos_out_u64(out, "reserve", NULL, number);
	if (number_of(balloon, "speed_limit", &number))
		vmqos_out_u64(out, "speed_limit", NULL, number);
	if (number_of(balloon, "stats_seconds", &number))
		vmqos_out_u64(out, "stats_seconds", NULL, number);
	write_guest(out, balloon);
	number_of(balloon, "pid", &number);
	vmqos_out_u64(out, "pid", NULL, number);
}

static void write_row(struct vmqos_out *out, struct json_object *balloon)
{
	char text[VMQOS_BYTES_TEXT];
	uint64_t number;
	bool known;

	vmqos_out_str(out, "vm", "VM", text_of(balloon, "name"));
	vmqos_out_str(out, "d", "DEVICE", "-");
	vmqos_out_str(out, "b", "BY", text_of(balloon, "backend"));
	number_of(balloon, "actual", &number);
	vmqos_out_u64_text(out, "a", "BALLOON", number,
			   vmqos_bytes_format(number, text, sizeof(text)));
	number_of(balloon, "target", &number);
	vmqos_out_u64_text(out, "t", "TARGET", number,
			   vmqos_bytes_format(number, text, sizeof(text)));
	known = number_of(balloon, "memory", &number);
	vmqos_out_u64_text(out, "m", "MEMORY", number,
			   known ? vmqos_bytes_format(number, text, sizeof(text)) : "-");
	vmqos_out_str(out, "s", "STATE", text_of(balloon, "state"));
}

static struct json_object *make_request(const struct vmqos_vm *vm,
					const struct vmqos_balloon_wish *wish)
{
	const struct vmqos_balloon_settings *settings = &wish->settings;
	struct json_object *request = json_object_new_object();
	bool sets = wish->size || settings->set;
	int64_t bytes = wish->bytes > INT64_MAX - 1 ? INT64_MAX - 1 : (int64_t)wish->bytes;
	char id[16];

	snprintf(id, sizeof(id), "%u", vm->id);
	json_object_object_add(request, "op",
			       json_object_new_string(sets ? "balloon-set" : "balloon-get"));
	json_object_object_add(request, "vm", json_object_new_string(id));
	if (wish->size)
		json_object_object_add(request, wish->sign ? "change" : "target",
				       json_object_new_int64(wish->sign == '-' ? -bytes : bytes));
	if (settings->set & VMQOS_HAS(VMQOS_BALLOON_REASON))
		json_object_object_add(request, "reason",
				       json_object_new_string(settings->reason));
	if ((settings->set & VMQOS_HAS(VMQOS_BALLOON_DEADLINE_MS)) && settings->deadline_ms)
		json_object_object_add(request, "deadline_ms",
				       json_object_new_int64(settings->deadline_ms));
	if (settings->set & VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS))
		json_object_object_add(request, "stats_seconds",
				       json_object_new_int64(settings->stats_seconds));
	return request;
}

/* Whether the guest has done all that it is to do; @last is the latest answer. */
static bool is_done(struct json_object *last)
{
	const char *state = text_of(last, "state");

	return !strcmp(state, "reached") || !strcmp(state, "empty");
}

static int wait_done(const struct vmqos_vm *vm, const struct vmqos_balloon_wish *wish,
		     struct json_object **last, char *why, size_t size)
{
	static const struct vmqos_balloon_wish look;
	const struct timespec period = { .tv_nsec = PERIOD_NS };
	int64_t end = wish->wait_ns ?
		      vmqos_clock_ms() + (int64_t)(wish->wait_ns / 1000000) : INT64_MAX;
	int ret;

	while (!is_done(*last) && vmqos_clock_ms() < end) {
		nanosleep(&period, NULL);
		json_object_put(*last);
		ret = vmqos_service_ask(make_request(vm, &look), last, why, size);
		if (ret)
			return ret;
	}
	return 0;
}

bool vmqos_balloon_qemu_served(void)
{
	return vmqos_service_runs();
}

static int ask(const struct vmqos_vm *vm, const struct vmqos_balloon_wish *wish,
	       struct json_object **answer, char *why, size_t size)
{
	int ret = vmqos_service_ask(make_request(vm, wish), answer, why, size);

	return !ret && wish->wait ? wait_done(vm, wish, answer, why, size) : ret;
}

/* An exit code by the last answer. */
static int result_of(const struct vmqos_vm *vm, const struct vmqos_balloon_wish *wish,
		     struct json_object *answer)
{
	if (!wish->wait || is_done(answer))
		return VMQOS_EXIT_OK;
	vmqos_say("the guest of %s has not reached the target in that time; it may still do",
		  vm->name);
	return VMQOS_EXIT_FAILED;
}

int vmqos_balloon_qemu(struct vmqos_cli *cli, const struct vmqos_vm *vm,
		       const struct vmqos_balloon_wish *wish)
{
	struct json_object *answer;
	struct vmqos_out *out;
	char why[WHY_SIZE];
	int ret;

	ret = ask(vm, wish, &answer, why, sizeof(why));
	if (ret) {
		vmqos_say("the kernel serves no balloon of %s, and of QEMU's own vmqosd says: %s",
			  vm->name, why);
		return VMQOS_EXIT_FAILED;
	}
	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	write_balloon(out, answer);
	vmqos_out_finish(out);
	ret = result_of(vm, wish, answer);
	json_object_put(answer);
	return ret;
}

int vmqos_balloon_controlled(struct vmqos_cli *cli, const struct vmqos_vm *vm,
			     const struct vmqos_balloon_wish *wish,
			     struct json_object **controller)
{
	char why[WHY_SIZE];
	int ret;

	(void)cli;
	ret = ask(vm, wish, controller, why, sizeof(why));
	/* It does not know the VM, or is to leave it alone. */
	if (ret == -ENOENT || ret == -EPERM || ret == -ENOTCONN)
		return ret;
	if (ret) {
		vmqos_say("vmqosd, which looks after the balloon of %s, says: %s", vm->name, why);
		return VMQOS_EXIT_FAILED;
	}
	/* Its device has gone in between. */
	if (strcmp(text_of(*controller, "backend"), "kernel")) {
		json_object_put(*controller);
		*controller = NULL;
		return wish->size ? -ENOENT : VMQOS_EXIT_OK;
	}
	return result_of(vm, wish, *controller);
}

void vmqos_write_controller(struct vmqos_out *out, struct json_object *controller)
{
	const char *why = text_of(controller, "why"), *reason = text_of(controller, "reason");
	uint64_t target, floor;
	char text[WHY_SIZE];

	number_of(controller, "target", &target);
	number_of(controller, "floor", &floor);
	if (vmqos_out_is_text(out)) {
		snprintf(text, sizeof(text), "%s%s%s%s%s%s", text_of(controller, "state"),
			 *reason ? " (" : "", reason, *reason ? ")" : "", *why ? ": " : "", why);
		line(out, "wanted", "wanted", target);
		vmqos_out_str(out, "controller", "vmqosd", text);
		line(out, "floor", "never less than", floor);
		return;
	}
	vmqos_out_object(out, "controller");
	vmqos_out_str(out, "state", NULL, text_of(controller, "state"));
	if (*why)
		vmqos_out_str(out, "why", NULL, why);
	vmqos_out_u64(out, "target", NULL, target);
	if (*reason)
		vmqos_out_str(out, "reason", NULL, reason);
	vmqos_out_u64(out, "floor", NULL, floor);
	number_of(controller, "reserve", &target);
	vmqos_out_u64(out, "reserve", NULL, target);
	number_of(controller, "speed_limit", &target);
	vmqos_out_u64(out, "speed_limit", NULL, target);
	vmqos_out_end(out);
}

unsigned int vmqos_balloon_qemu_list(struct vmqos_cli *cli, struct vmqos_out *out)
{
	struct json_object *request = json_object_new_object(), *answer, *list;
	unsigned int count = 0;
	char why[WHY_SIZE];
	size_t i;

	json_object_object_add(request, "op", json_object_new_string("balloon-list"));
	if (vmqos_service_ask(request, &answer, why, sizeof(why)))
		return 0;
	if (!json_object_object_get_ex(answer, "balloons", &list) ||
	    !json_object_is_type(list, json_type_array))
		list = NULL;
	for (i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *balloon = json_object_array_get_idx(list, i);

		/* The kernel has told of its own. Those that have none would be most. */
		if (!strcmp(text_of(balloon, "backend"), "kernel") ||
		    !strcmp(text_of(balloon, "state"), "unknown") ||
		    !strcmp(text_of(balloon, "state"), "off"))
			continue;
		vmqos_out_object(out, NULL);
		if (cli->json)
			write_balloon(out, balloon);
		else
			write_row(out, balloon);
		vmqos_out_end(out);
		count++;
	}
	json_object_put(answer);
	return count;
}
