// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * A server greets with a line, is asked for qmp_capabilities, and takes
 * commands from then on. Every line is one JSON object: a greeting, an answer
 * with the number that its command had, or an event.
 *
 * The server is a VMM, which the guest may have taken over: nothing that it
 * sends is taken for granted, and every way in which it can break the protocol
 * ends in one state, "broken", with a sentence. What is broken stays so; whoever
 * owns the connection frees it and makes a new one.
 *
 * Invariants: each command ends in exactly one call of its callback, at the
 * latest when the connection breaks or is freed. Memory is bounded by
 * VMQOS_QMP_LINE_MAX, VMQOS_QMP_OUT_MAX and VMQOS_QMP_CALLS_MAX.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp.h"

#define DEPTH_MAX	32	/* of nested JSON; QEMU's answers have 4 or 5 */
#define WHY_SIZE	200

struct call {
	int64_t id;		/* 0 when the place is free */
	uint64_t due_us;
	vmqos_qmp_done done;
	void *ctx;
};

enum state { GREETING, NEGOTIATING, READY, BROKEN };

struct vmqos_qmp {
	const struct vmqos_qmp_ops *ops;
	void *ctx;
	enum state state;
	uint64_t greeting_due_us;
	uint64_t start_us;
	int64_t last_id;
	struct call calls[VMQOS_QMP_CALLS_MAX];
	char *line;
	size_t line_size, line_room;
	char *out;
	size_t out_size, out_room;
	struct json_tokener *tokener;
	char why[WHY_SIZE];
};

/**
 * vmqos_qmp_new() - begin with a connection whose greeting is awaited
 * @ops: what it tells
 * @ctx: handed to @ops
 * @now_us: monotonic time
 *
 * Return: the connection, or NULL when memory ran out.
 */
struct vmqos_qmp *vmqos_qmp_new(const struct vmqos_qmp_ops *ops, void *ctx, uint64_t now_us)
{
	struct vmqos_qmp *qmp = calloc(1, sizeof(*qmp));

	if (!qmp)
		return NULL;
	qmp->tokener = json_tokener_new_ex(DEPTH_MAX);
	if (!qmp->tokener) {
		free(qmp);
		return NULL;
	}
	json_tokener_set_flags(qmp->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	qmp->ops = ops;
	qmp->ctx = ctx;
	qmp->start_us = now_us;
	qmp->greeting_due_us = now_us + VMQOS_QMP_TIMEOUT_US;
	return qmp;
}

/* Ends every command that is on its way. */
static void end_calls(struct vmqos_qmp *qmp, int error)
{
	size_t i;

	for (i = 0; i < VMQOS_QMP_CALLS_MAX; i++) {
		struct call call = qmp->calls[i];

		qmp->calls[i].id = 0;
		if (call.id && call.done)
			call.done(call.ctx, error, NULL, qmp->why);
	}
}

/**
 * vmqos_qmp_break() - give a connection up
 * @qmp: the connection; one that is broken already stays as it is
 * @error: negative errno for the commands that are on their way
 * @why: what is wrong, for a person
 */
void vmqos_qmp_break(struct vmqos_qmp *qmp, int error, const char *why)
{
	if (qmp->state == BROKEN)
		return;
	qmp->state = BROKEN;
	snprintf(qmp->why, sizeof(qmp->why), "%s", why);
	qmp->out_size = 0;
	end_calls(qmp, error);
}

/**
 * vmqos_qmp_free() - let go of a connection; commands on their way end
 * @qmp: the connection, or NULL
 */
void vmqos_qmp_free(struct vmqos_qmp *qmp)
{
	if (!qmp)
		return;
	vmqos_qmp_break(qmp, -ECANCELED, "the connection was given up");
	json_tokener_free(qmp->tokener);
	free(qmp->line);
	free(qmp->out);
	free(qmp);
}

/**
 * vmqos_qmp_ready() - whether the server takes commands
 * @qmp: the connection
 *
 * Return: whether it does.
 */
bool vmqos_qmp_ready(const struct vmqos_qmp *qmp)
{
	return qmp->state == READY;
}

/**
 * vmqos_qmp_broken() - why a connection is of no use any more
 * @qmp: the connection
 *
 * Return: a sentence, or NULL when it is in order.
 */
const char *vmqos_qmp_broken(const struct vmqos_qmp *qmp)
{
	return qmp->state == BROKEN ? qmp->why : NULL;
}

/* Room for @more bytes behind @used. */
static int make_room(char **buffer, size_t *room, size_t used, size_t more)
{
	size_t wanted = *room ? *room : 1024;
	char *larger;

	while (wanted < used + more)
		wanted *= 2;
	if (wanted == *room)
		return 0;
	larger = realloc(*buffer, wanted);
	if (!larger)
		return -ENOMEM;
	*buffer = larger;
	*room = wanted;
	return 0;
}

static int put_out(struct vmqos_qmp *qmp, const char *text, size_t size)
{
	if (size + 1 > VMQOS_QMP_OUT_MAX - qmp->out_size)
		return -ENOBUFS;
	if (make_room(&qmp->out, &qmp->out_room, qmp->out_size, size + 1))
		return -ENOMEM;
	memcpy(qmp->out + qmp->out_size, text, size);
	qmp->out[qmp->out_size + size] = '\n';
	qmp->out_size += size + 1;
	return 0;
}

static int send_call(struct vmqos_qmp *qmp, const char *command, struct json_object *arguments,
		     uint64_t now_us, vmqos_qmp_done done, void *ctx)
{
	struct json_object *message;
	struct call *call = NULL;
	const char *text;
	size_t i, size;
	int ret;

	for (i = 0; i < VMQOS_QMP_CALLS_MAX && !call; i++)
		if (!qmp->calls[i].id)
			call = &qmp->calls[i];
	message = call ? json_object_new_object() : NULL;
	if (!message) {
		json_object_put(arguments);
		return call ? -ENOMEM : -EBUSY;
	}
	json_object_object_add(message, "execute", json_object_new_string(command));
	json_object_object_add(message, "id", json_object_new_int64(qmp->last_id + 1));
	if (arguments)
		json_object_object_add(message, "arguments", arguments);
	text = json_object_to_json_string_length(message, JSON_C_TO_STRING_PLAIN, &size);
	ret = text ? put_out(qmp, text, size) : -ENOMEM;
	json_object_put(message);
	if (ret)
		return ret;
	*call = (struct call) {
		.id = ++qmp->last_id,
		.due_us = now_us + VMQOS_QMP_TIMEOUT_US,
		.done = done,
		.ctx = ctx,
	};
	return 0;
}

/**
 * vmqos_qmp_call() - give the server a command
 * @qmp: the connection, which must be ready
 * @command: its name
 * @arguments: its arguments or NULL; taken over in any case
 * @now_us: monotonic time
 * @done: told of the end, unless an error is returned
 * @ctx: handed to @done
 *
 * Return: 0; -ENOTCONN when the server is not ready; -EBUSY or -ENOBUFS when too
 * many commands are on their way; -ENOMEM.
 */
int vmqos_qmp_call(struct vmqos_qmp *qmp, const char *command, struct json_object *arguments,
		   uint64_t now_us, vmqos_qmp_done done, void *ctx)
{
	if (qmp->state != READY) {
		json_object_put(arguments);
		return -ENOTCONN;
	}
	return send_call(qmp, command, arguments, now_us, done, ctx);
}

static void on_capabilities(void *ctx, int error, struct json_object *value, const char *why)
{
	struct vmqos_qmp *qmp = ctx;
	char text[WHY_SIZE];

	(void)value;
	if (qmp->state != NEGOTIATING)
		return;
	if (error) {
		snprintf(text, sizeof(text), "it refuses qmp_capabilities: %s", why);
		vmqos_qmp_break(qmp, error, text);
		return;
	}
	qmp->state = READY;
	qmp->ops->ready(qmp->ctx);
}

static void take_answer(struct vmqos_qmp *qmp, struct json_object *message)
{
	struct json_object *id, *value = NULL, *error = NULL, *description;
	struct call call = { 0 };
	char text[WHY_SIZE];
	int64_t number;
	size_t i;

	json_object_object_get_ex(message, "error", &error);
	if (!json_object_object_get_ex(message, "id", &id)) {
		/* QEMU leaves the number out when it could not read a command at all. */
		vmqos_qmp_break(qmp, -EPROTO, "it answered without saying to what");
		return;
	}
	if (!json_object_is_type(id, json_type_int)) {
		vmqos_qmp_break(qmp, -EPROTO, "it answered what was not asked");
		return;
	}
	number = json_object_get_int64(id);
	for (i = 0; i < VMQOS_QMP_CALLS_MAX && number > 0; i++) {
		if (qmp->calls[i].id != number)
			continue;
		call = qmp->calls[i];
		qmp->calls[i].id = 0;
		break;
	}
	if (!call.id) {
		vmqos_qmp_break(qmp, -EPROTO, "it answered what was not asked");
		return;
	}
	if (!error) {
		json_object_object_get_ex(message, "return", &value);
		if (call.done)
			call.done(call.ctx, 0, value, NULL);
		return;
	}
	if (json_object_is_type(error, json_type_object) &&
	    json_object_object_get_ex(error, "desc", &description) &&
	    json_object_is_type(description, json_type_string))
		snprintf(text, sizeof(text), "%s", json_object_get_string(description));
	else
		snprintf(text, sizeof(text), "it gave no reason");
	if (call.done)
		call.done(call.ctx, -EREMOTEIO, NULL, text);
}

static void take_greeting(struct vmqos_qmp *qmp, struct json_object *message)
{
	struct json_object *greeting;

	if (!json_object_object_get_ex(message, "QMP", &greeting) ||
	    !json_object_is_type(greeting, json_type_object)) {
		vmqos_qmp_break(qmp, -EPROTO, "it does not greet as a QMP server does");
		return;
	}
	qmp->state = NEGOTIATING;
	if (send_call(qmp, "qmp_capabilities", NULL, qmp->start_us, on_capabilities, qmp))
		vmqos_qmp_break(qmp, -ENOMEM, "no memory for a command");
}

static void take_message(struct vmqos_qmp *qmp, struct json_object *message)
{
	struct json_object *event, *data = NULL;

	if (qmp->state == GREETING) {
		take_greeting(qmp, message);
	} else if (json_object_object_get_ex(message, "event", &event)) {
		if (!json_object_is_type(event, json_type_string)) {
			vmqos_qmp_break(qmp, -EPROTO, "it sent an event without a name");
			return;
		}
		json_object_object_get_ex(message, "data", &data);
		if (qmp->state == READY)
			qmp->ops->event(qmp->ctx, json_object_get_string(event), data);
	} else if (json_object_object_get_ex(message, "return", NULL) ||
		   json_object_object_get_ex(message, "error", NULL)) {
		take_answer(qmp, message);
	} else {
		vmqos_qmp_break(qmp, -EPROTO, "it sent what is neither an answer nor an event");
	}
}

static void take_line(struct vmqos_qmp *qmp, const char *line, size_t size)
{
	struct json_object *message;

	while (size && (line[size - 1] == '\r' || line[size - 1] == ' '))
		size--;
	if (!size)
		return;
	json_tokener_reset(qmp->tokener);
	message = json_tokener_parse_ex(qmp->tokener, line, size);
	if (!message || json_tokener_get_parse_end(qmp->tokener) != size ||
	    !json_object_is_type(message, json_type_object))
		vmqos_qmp_break(qmp, -EPROTO, "it sent a line that is no JSON object");
	else
		take_message(qmp, message);
	json_object_put(message);
}

/**
 * vmqos_qmp_feed() - take bytes that the server has sent
 * @qmp: the connection
 * @bytes: what came, in pieces of any size
 * @size: how much of it
 *
 * Return: 0, or -EPROTO when the connection is broken, now or before.
 */
int vmqos_qmp_feed(struct vmqos_qmp *qmp, const char *bytes, size_t size)
{
	const char *end;
	size_t part;

	while (size && qmp->state != BROKEN) {
		end = memchr(bytes, '\n', size);
		part = end ? (size_t)(end - bytes) : size;
		if (part > VMQOS_QMP_LINE_MAX - qmp->line_size) {
			vmqos_qmp_break(qmp, -EPROTO, "it sent a line that does not end");
			break;
		}
		if (make_room(&qmp->line, &qmp->line_room, qmp->line_size, part)) {
			vmqos_qmp_break(qmp, -ENOMEM, "no memory for what it sent");
			break;
		}
		memcpy(qmp->line + qmp->line_size, bytes, part);
		qmp->line_size += part;
		if (end) {
			size_t length = qmp->line_size;

			qmp->line_size = 0;
			take_line(qmp, qmp->line, length);
			part++;
		}
		bytes += part;
		size -= part;
	}
	return qmp->state == BROKEN ? -EPROTO : 0;
}

/**
 * vmqos_qmp_output() - what is to be sent to the server
 * @qmp: the connection
 * @size: how much of it
 *
 * Return: the bytes, valid until the next call.
 */
const char *vmqos_qmp_output(const struct vmqos_qmp *qmp, size_t *size)
{
	*size = qmp->out_size;
	return qmp->out;
}

/**
 * vmqos_qmp_sent() - some of it has been sent
 * @qmp: the connection
 * @size: how much of it
 */
void vmqos_qmp_sent(struct vmqos_qmp *qmp, size_t size)
{
	if (size > qmp->out_size)
		size = qmp->out_size;
	qmp->out_size -= size;
	if (qmp->out_size)
		memmove(qmp->out, qmp->out + size, qmp->out_size);
}

/**
 * vmqos_qmp_due() - when the server's patience is to be tested
 * @qmp: the connection
 *
 * Return: monotonic time for vmqos_qmp_expire(), or UINT64_MAX.
 */
uint64_t vmqos_qmp_due(const struct vmqos_qmp *qmp)
{
	uint64_t due = UINT64_MAX;
	size_t i;

	if (qmp->state == BROKEN)
		return due;
	if (qmp->state == GREETING || qmp->state == NEGOTIATING)
		due = qmp->greeting_due_us;
	for (i = 0; i < VMQOS_QMP_CALLS_MAX; i++)
		if (qmp->calls[i].id && qmp->state == READY && qmp->calls[i].due_us < due)
			due = qmp->calls[i].due_us;
	return due;
}

/**
 * vmqos_qmp_expire() - give up a server that has not answered in time
 * @qmp: the connection
 * @now_us: monotonic time
 */
void vmqos_qmp_expire(struct vmqos_qmp *qmp, uint64_t now_us)
{
	if (vmqos_qmp_due(qmp) > now_us)
		return;
	if (qmp->state == GREETING)
		vmqos_qmp_break(qmp, -ETIMEDOUT,
				"it does not greet, which it does for one client at a time: is another program connected?");
	else
		vmqos_qmp_break(qmp, -ETIMEDOUT, "it does not answer");
}
