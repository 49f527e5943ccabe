// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "request.h"

#define DEPTH_MAX	4
#define PERIOD_MAX	3600
#define DEADLINE_MAX_MS	(24 * 3600 * 1000ll)

__attribute__((format(printf, 3, 4)))
static int wrong(char *why, size_t room, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, room, format, args);
	va_end(args);
	return -EINVAL;
}

/* A whole number within bounds. */
static int take_number(const char *key, struct json_object *value, int64_t least, int64_t most,
		       int64_t *to, char *why, size_t room)
{
	if (!json_object_is_type(value, json_type_int))
		return wrong(why, room, "\"%s\" is no whole number", key);
	*to = json_object_get_int64(value);
	if (*to < least || *to > most)
		return wrong(why, room, "\"%s\" is not within %lld and %lld", key,
			     (long long)least, (long long)most);
	return 0;
}

static int take_op(struct vmqos_request *request, struct json_object *value, char *why,
		   size_t room)
{
	static const char *const names[] = {
		[VMQOS_REQUEST_LIST] = "balloon-list",
		[VMQOS_REQUEST_GET] = "balloon-get",
		[VMQOS_REQUEST_SET] = "balloon-set",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (json_object_is_type(value, json_type_string) &&
		    !strcmp(json_object_get_string(value), names[i])) {
			request->op = i;
			return 0;
		}
	}
	return wrong(why, room, "\"op\" is none of balloon-list, balloon-get, balloon-set");
}

static int take_vm(struct vmqos_request *request, struct json_object *value, char *why,
		   size_t room)
{
	if (!json_object_is_type(value, json_type_string) ||
	    (size_t)json_object_get_string_len(value) >= sizeof(request->vm) ||
	    strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value) ||
	    !json_object_get_string_len(value))
		return wrong(why, room, "\"vm\" is neither the name nor the number of a VM");
	strcpy(request->vm, json_object_get_string(value));
	return 0;
}

static int take_reason(struct vmqos_request *request, struct json_object *value, char *why,
		       size_t room)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	const char *text = json_object_is_type(value, json_type_string) ?
			   json_object_get_string(value) : "";
	size_t size = strspn(text, allowed);

	if (!size || size >= sizeof(request->change.reason) ||
	    size != (size_t)json_object_get_string_len(value))
		return wrong(why, room, "\"reason\" is no word of 1 to 31 letters, digits and -");
	strcpy(request->change.reason, text);
	return 0;
}

static int take_key(struct vmqos_request *request, const char *key, struct json_object *value,
		    char *why, size_t room)
{
	struct vmqos_balloons_change *change = &request->change;
	int64_t number;

	if (!strcmp(key, "op"))
		return take_op(request, value, why, room);
	if (!strcmp(key, "vm"))
		return take_vm(request, value, why, room);
	if (!strcmp(key, "reason"))
		return take_reason(request, value, why, room);
	if (!strcmp(key, "target")) {
		if (take_number(key, value, 0, INT64_MAX - 1, &number, why, room))
			return -EINVAL;
		change->has_target = true;
		change->target = number;
	} else if (!strcmp(key, "change")) {
		if (take_number(key, value, -INT64_MAX, INT64_MAX - 1, &number, why, room))
			return -EINVAL;
		change->has_change = true;
		change->change = number;
	} else if (!strcmp(key, "stats_seconds")) {
		if (take_number(key, value, 1, PERIOD_MAX, &number, why, room))
			return -EINVAL;
		change->has_period = true;
		change->period = number;
	} else if (!strcmp(key, "deadline_ms")) {
		if (take_number(key, value, 1, DEADLINE_MAX_MS, &number, why, room))
			return -EINVAL;
		change->deadline_ms = number;
	} else {
		return wrong(why, room, "there is no key \"%.32s\" in a request", key);
	}
	return 0;
}

static int check(const struct vmqos_request *request, bool has_op, char *why, size_t room)
{
	const struct vmqos_balloons_change *change = &request->change;
	bool target = change->has_target || change->has_change;

	if (!has_op)
		return wrong(why, room, "a request needs \"op\"");
	if (request->op != VMQOS_REQUEST_LIST && !request->vm[0])
		return wrong(why, room, "a request of a balloon needs \"vm\"");
	if (request->op == VMQOS_REQUEST_LIST && request->vm[0])
		return wrong(why, room, "balloon-list is of all VMs: leave \"vm\" out");
	if (request->op != VMQOS_REQUEST_SET &&
	    (target || change->has_period || change->reason[0] || change->deadline_ms))
		return wrong(why, room, "only balloon-set changes something");
	if (request->op != VMQOS_REQUEST_SET)
		return 0;
	if (change->has_target && change->has_change)
		return wrong(why, room, "\"target\" and \"change\" are two ways to say one thing");
	if (!target && !change->has_period)
		return wrong(why, room, "balloon-set needs \"target\", \"change\" or \"stats_seconds\"");
	if (!target && (change->reason[0] || change->deadline_ms))
		return wrong(why, room, "\"reason\" and \"deadline_ms\" are for a target");
	return 0;
}

/**
 * vmqos_request_parse() - read a request
 * @request: filled
 * @line: the line, without its end
 * @size: bytes of it
 * @why: filled with what is wrong and what to do
 * @room: bytes of that
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_request_parse(struct vmqos_request *request, const char *line, size_t size,
			char *why, size_t room)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *object = NULL;
	bool has_op = false;
	int ret = 0;

	memset(request, 0, sizeof(*request));
	if (!tokener)
		return wrong(why, room, "out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	if (size && size <= VMQOS_REQUEST_MAX)
		object = json_tokener_parse_ex(tokener, line, size);
	if (!object || json_tokener_get_parse_end(tokener) != size ||
	    !json_object_is_type(object, json_type_object)) {
		ret = wrong(why, room, "a request is one line with one JSON object");
	} else {
		json_object_object_foreach(object, key, value) {
			if (!ret)
				ret = take_key(request, key, value, why, room);
			has_op |= !strcmp(key, "op");
		}
		if (!ret)
			ret = check(request, has_op, why, room);
	}
	json_object_put(object);
	json_tokener_free(tokener);
	if (!ret && request->op == VMQOS_REQUEST_SET && !request->change.reason[0])
		strcpy(request->change.reason, VMQOS_TARGET_REQUEST);
	return ret;
}

static void put(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static struct json_object *statistics(const struct vmqos_reading *reading)
{
	const struct {
		const char *name;
		unsigned int bit;
		uint64_t value;
	} all[] = {
		{ "total", VMQOS_READING_TOTAL, reading->total },
		{ "free", VMQOS_READING_FREE, reading->free },
		{ "available", VMQOS_READING_AVAILABLE, reading->available },
		{ "caches", VMQOS_READING_CACHES, reading->caches },
		{ "swap_in", VMQOS_READING_SWAP_IN, reading->swap_in },
		{ "swap_out", VMQOS_READING_SWAP_OUT, reading->swap_out },
		{ "faults_major", VMQOS_READING_MAJOR_FAULTS, reading->major_faults },
		{ "faults_minor", VMQOS_READING_MINOR_FAULTS, reading->minor_faults },
		{ "oom_kills", VMQOS_READING_OOM_KILLS, reading->oom_kills },
	};
	struct json_object *object = json_object_new_object();
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (reading->present & all[i].bit)
			put(object, all[i].name, all[i].value);
	return object;
}

/**
 * vmqos_request_view() - a VM's balloon in JSON
 * @view: the balloon
 *
 * Return: an object of the caller's.
 */
struct json_object *vmqos_request_view(const struct vmqos_balloons_view *view)
{
	const struct vmqos_control *control = view->control;
	const struct vmqos_reading *last = &control->last;
	struct json_object *object = json_object_new_object();
	const char *state;

	state = !view->allowed ? "off" : !view->known ? "unknown" :
		vmqos_control_phase_name(control->phase);
	json_object_object_add(object, "name", json_object_new_string(view->name));
	put(object, "id", view->id);
	put(object, "pid", view->pid);
	json_object_object_add(object, "backend", json_object_new_string(view->backend));
	if (view->via)
		json_object_object_add(object, "via", json_object_new_string(view->via));
	json_object_object_add(object, "state", json_object_new_string(state));
	if (view->why[0])
		json_object_object_add(object, "why", json_object_new_string(view->why));
	if (!view->known)
		return object;
	put(object, "memory", last->size);
	put(object, "target", control->target.balloon);
	if (control->target.reason[0])
		json_object_object_add(object, "reason",
				       json_object_new_string(control->target.reason));
	put(object, "actual", last->given);
	put(object, "asked", control->asked_us ? control->asked : last->given);
	put(object, "floor", control->config.floor ? control->config.floor :
	    vmqos_control_floor(last->size));
	put(object, "reserve", vmqos_control_reserve(control));
	put(object, "speed_limit", control->config.speed);
	put(object, "stats_seconds", view->period);
	put(object, "age_ms", view->age_us / 1000);
	if (last->update && last->age_us != UINT64_MAX) {
		put(object, "stats_age_ms", (last->age_us + view->age_us) / 1000);
		json_object_object_add(object, "stats", statistics(last));
	}
	return object;
}

/**
 * vmqos_request_error() - a refusal in JSON
 * @error: negative errno
 * @why: what is wrong, for a person
 *
 * Return: an object of the caller's.
 */
struct json_object *vmqos_request_error(int error, const char *why)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "error", json_object_new_string(why));
	json_object_object_add(object, "errno", json_object_new_int(-error));
	return object;
}
