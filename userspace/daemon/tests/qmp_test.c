// SPDX-License-Identifier: GPL-2.0
/* A QMP server's words, in order and out of it, and what becomes of them. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../qmp.h"
#include "tap.h"

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n"
#define AGREED	"{\"return\": {}, \"id\": 1}\r\n"

static struct {
	unsigned int ready, events, done;
	char event[64];
	int64_t actual;
	int error;
	char why[256];
} seen;

static void on_ready(void *ctx)
{
	(void)ctx;
	seen.ready++;
}

static void on_event(void *ctx, const char *name, struct json_object *data)
{
	struct json_object *actual;

	(void)ctx;
	seen.events++;
	snprintf(seen.event, sizeof(seen.event), "%s", name);
	if (json_object_object_get_ex(data, "actual", &actual))
		seen.actual = json_object_get_int64(actual);
}

static void on_done(void *ctx, int error, struct json_object *value, const char *why)
{
	struct json_object *actual;

	(void)ctx;
	seen.done++;
	seen.error = error;
	snprintf(seen.why, sizeof(seen.why), "%s", why ? why : "");
	if (json_object_object_get_ex(value, "actual", &actual))
		seen.actual = json_object_get_int64(actual);
}

static const struct vmqos_qmp_ops ops = { on_ready, on_event };

static struct vmqos_qmp *fresh(void)
{
	memset(&seen, 0, sizeof(seen));
	return vmqos_qmp_new(&ops, NULL, 1000);
}

static int feed(struct vmqos_qmp *qmp, const char *text)
{
	return vmqos_qmp_feed(qmp, text, strlen(text));
}

static struct vmqos_qmp *connected(void)
{
	struct vmqos_qmp *qmp = fresh();
	size_t size;

	feed(qmp, GREETING AGREED);
	vmqos_qmp_output(qmp, &size);
	vmqos_qmp_sent(qmp, size);
	return qmp;
}

static bool sends(struct vmqos_qmp *qmp, const char *text)
{
	size_t size;
	const char *out = vmqos_qmp_output(qmp, &size);
	bool good = size == strlen(text) && !memcmp(out, text, size);

	if (!good)
		printf("# sends '%.*s'\n", (int)size, size ? out : "");
	vmqos_qmp_sent(qmp, size);
	return good;
}

static void test_order(void)
{
	struct vmqos_qmp *qmp = fresh();
	struct json_object *arguments = json_object_new_object();
	size_t size;

	tap_ok(vmqos_qmp_call(qmp, "balloon", NULL, 0, on_done, NULL) == -ENOTCONN,
	       "no command before the greeting");
	vmqos_qmp_output(qmp, &size);
	tap_ok(!size && !feed(qmp, GREETING) && !seen.ready &&
	       sends(qmp, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"),
	       "the greeting is answered with qmp_capabilities");
	tap_ok(!feed(qmp, AGREED) && seen.ready == 1 && vmqos_qmp_ready(qmp), "then it is ready");
	json_object_object_add(arguments, "value", json_object_new_uint64(1ull << 40));
	vmqos_qmp_call(qmp, "balloon", arguments, 0, on_done, NULL);
	vmqos_qmp_call(qmp, "query-balloon", NULL, 0, on_done, NULL);
	tap_ok(sends(qmp, "{\"execute\":\"balloon\",\"id\":2,\"arguments\":{\"value\":1099511627776}}\n"
		     "{\"execute\":\"query-balloon\",\"id\":3}\n"), "two commands go out");
	feed(qmp, "{\"return\": {\"actual\": 1099511627775}, \"id\": 3}\r\n");
	tap_ok(seen.done == 1 && seen.actual == 1099511627775ll, "the second is answered first");
	feed(qmp, "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\r\n");
	tap_ok(seen.done == 2 && seen.error == -EREMOTEIO && !strcmp(seen.why, "no"),
	       "a refusal has the server's words");
	vmqos_qmp_free(qmp);
	tap_ok(seen.done == 2, "what has ended does not end again");
}

/* Byte by byte, and events before and between. */
static void test_pieces(void)
{
	static const char text[] = GREETING
		"{\"event\": \"SHUTDOWN\", \"timestamp\": {\"seconds\": 1}}\r\n" AGREED
		"\r\n{\"timestamp\": {\"seconds\": 1}, \"event\": \"BALLOON_CHANGE\","
		" \"data\": {\"actual\": 536870912}}\r\n";
	struct vmqos_qmp *qmp = fresh();
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++)
		vmqos_qmp_feed(qmp, text + i, 1);
	tap_ok(!vmqos_qmp_broken(qmp) && seen.events == 1 && seen.actual == 536870912 &&
	       !strcmp(seen.event, "BALLOON_CHANGE"), "lines may come byte by byte");
	vmqos_qmp_free(qmp);
}

static void test_broken(const char *what, struct vmqos_qmp *qmp, const char *text, const char *why)
{
	bool good;

	vmqos_qmp_call(qmp, "query-balloon", NULL, 0, on_done, NULL);
	good = feed(qmp, text) == -EPROTO && vmqos_qmp_broken(qmp) &&
	       strstr(vmqos_qmp_broken(qmp), why) && feed(qmp, AGREED) == -EPROTO &&
	       vmqos_qmp_call(qmp, "stop", NULL, 0, on_done, NULL) == -ENOTCONN;
	if (!tap_ok(good, "broken: %s", what))
		printf("# %s\n", vmqos_qmp_broken(qmp) ? vmqos_qmp_broken(qmp) : "not broken");
	vmqos_qmp_free(qmp);
}

static void test_hostile(void)
{
	char *deep = malloc(200);

	memset(deep, '[', 198);
	strcpy(deep + 198, "\n");
	test_broken("another protocol", fresh(), "220 mail.example ESMTP\r\n", "no JSON object");
	test_broken("JSON, but no greeting", fresh(), "{\"return\": {}}\n", "does not greet");
	test_broken("a greeting that is no object", fresh(), "{\"QMP\": 7}\n", "does not greet");
	test_broken("capabilities refused", fresh(),
		    GREETING "{\"error\": {\"desc\": \"no\"}, \"id\": 1}\n", "refuses qmp_capab");
	test_broken("a line that is cut", connected(), "{\"return\": {\n", "no JSON object");
	test_broken("two objects in a line", connected(), "{} {}\n", "no JSON object");
	test_broken("an array", connected(), "[]\n", "no JSON object");
	test_broken("nothing that is known", connected(), "{}\n", "neither an answer");
	test_broken("a NUL's worth of text", connected(), "{\"event\": \"\\uD800\"\n", "no JSON");
	test_broken("deeper than anything", connected(), deep, "no JSON object");
	test_broken("an event without a name", connected(), "{\"event\": {}}\n", "without a name");
	test_broken("an answer to nothing", connected(), "{\"return\": {}, \"id\": 7}\n", "not asked");
	test_broken("an answer to no number", connected(), "{\"return\": {}, \"id\": \"2\"}\n",
		    "not asked");
	test_broken("an answer without a number", connected(), "{\"return\": {}}\n",
		    "without saying");
	test_broken("a free place is no command", connected(), "{\"return\": {}, \"id\": 0}\n",
		    "not asked");
	free(deep);
}

static void test_bounds(void)
{
	struct vmqos_qmp *qmp = connected();
	char *much = malloc(VMQOS_QMP_LINE_MAX);
	int i, ret;

	memset(much, ' ', VMQOS_QMP_LINE_MAX);
	tap_ok(!vmqos_qmp_feed(qmp, much, VMQOS_QMP_LINE_MAX) && !vmqos_qmp_broken(qmp) &&
	       vmqos_qmp_feed(qmp, much, 1) == -EPROTO, "a line has a bound");
	vmqos_qmp_free(qmp);

	qmp = connected();
	for (i = 0; i < VMQOS_QMP_CALLS_MAX; i++)
		vmqos_qmp_call(qmp, "query-balloon", NULL, 0, on_done, NULL);
	tap_ok(vmqos_qmp_call(qmp, "stop", NULL, 0, on_done, NULL) == -EBUSY,
	       "so many commands at a time, and no more");
	vmqos_qmp_break(qmp, -EPIPE, "it closed the connection");
	tap_ok(seen.done == VMQOS_QMP_CALLS_MAX && seen.error == -EPIPE,
	       "each ends when the connection does");
	vmqos_qmp_free(qmp);

	qmp = connected();
	memset(much, 'x', VMQOS_QMP_LINE_MAX);
	much[VMQOS_QMP_OUT_MAX] = '\0';
	ret = vmqos_qmp_call(qmp, much, NULL, 0, on_done, NULL);
	tap_ok(ret == -ENOBUFS && !seen.done && !vmqos_qmp_broken(qmp),
	       "what would be too much to send is refused");
	vmqos_qmp_free(qmp);
	free(much);
}

static void test_patience(void)
{
	struct vmqos_qmp *qmp = fresh();
	uint64_t due = vmqos_qmp_due(qmp);

	vmqos_qmp_expire(qmp, due - 1);
	tap_ok(!vmqos_qmp_broken(qmp) && due == 1000 + VMQOS_QMP_TIMEOUT_US,
	       "a greeting may take its time");
	vmqos_qmp_expire(qmp, due);
	tap_ok(vmqos_qmp_broken(qmp) && strstr(vmqos_qmp_broken(qmp), "another program") &&
	       vmqos_qmp_due(qmp) == UINT64_MAX, "but not forever");
	vmqos_qmp_free(qmp);

	qmp = connected();
	tap_ok(vmqos_qmp_due(qmp) == UINT64_MAX, "who was asked nothing owes nothing");
	vmqos_qmp_call(qmp, "query-balloon", NULL, 7000, on_done, NULL);
	vmqos_qmp_call(qmp, "query-balloon", NULL, 9000, on_done, NULL);
	vmqos_qmp_expire(qmp, 7000 + VMQOS_QMP_TIMEOUT_US);
	tap_ok(vmqos_qmp_broken(qmp) && seen.done == 2 && seen.error == -ETIMEDOUT,
	       "an answer that does not come ends the connection");
	vmqos_qmp_free(qmp);
}

int main(void)
{
	test_order();
	test_pieces();
	test_hostile();
	test_bounds();
	test_patience();
	return tap_end();
}
