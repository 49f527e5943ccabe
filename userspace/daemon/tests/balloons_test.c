// SPDX-License-Identifier: GPL-2.0
/*
 * From the daemon's socket to a VM's balloon and back: requests of clients, good and
 * bad, the controller between, and a stand-in for QEMU at the other end.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../tests/tree.h"
#include "../backend.h"
#include "../balloons.h"
#include "../roster.h"
#include "../service.h"
#include "standin.h"
#include "tap.h"

#define MIB	(1024 * 1024ll)

static sd_event *loop;
static char path[100];
static struct vmqos_balloons *balloons;
static struct vmqos_service *service;
static struct standin standin;
static struct vmqos_member member = { .id = 7, .name = "web" };

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

/* The kernel serves no balloon here. */
static int none(struct vmqos *ctx, uint32_t id, struct vmqos_balloon *balloon)
{
	(void)ctx;
	(void)id;
	(void)balloon;
	return -EOPNOTSUPP;
}

static void follow(bool there)
{
	vmqos_balloons_mark(balloons);
	if (there)
		vmqos_balloons_keep(balloons, &member);
	vmqos_balloons_sweep(balloons);
}

static int connect_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The next line of an answer, "" when the other end has closed. */
static const char *next_line(int fd)
{
	static char line[65536];
	uint64_t end = now_ms() + 30000;
	size_t used = 0;
	ssize_t got = -1;

	while (now_ms() < end && used + 1 < sizeof(line)) {
		sd_event_run(loop, 2000);
		got = recv(fd, line + used, 1, MSG_DONTWAIT);
		while (got == 1 && line[used] != '\n')
			got = recv(fd, line + ++used, 1, MSG_DONTWAIT);
		if (got >= 0)
			break;
	}
	line[used] = '\0';
	return line;
}

static const char get[] = "{\"op\":\"balloon-get\",\"vm\":\"web\"}\n";

static void post(int fd, const char *request)
{
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		perror("# send");
}

static struct json_object *ask(int fd, const char *request)
{
	post(fd, request);
	return json_tokener_parse(next_line(fd));
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

static int64_t number_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_int64(value) : -1;
}

/* Asks until the balloon is in this state and holds so much, as long as a person would. */
static bool becomes(int fd, const char *state, int64_t bytes)
{
	uint64_t end = now_ms() + 60000;
	struct json_object *answer;
	bool good = false;

	while (!good && now_ms() < end) {
		answer = ask(fd, get);
		good = !strcmp(text_of(answer, "state"), state) &&
		       number_of(answer, "actual") == bytes;
		if (!good && now_ms() >= end)
			printf("# %s\n", json_object_to_json_string(answer));
		json_object_put(answer);
	}
	return good;
}

static void test_first(int fd)
{
	struct json_object *answer, *list = NULL, *first;
	bool good;

	answer = ask(fd, "{\"op\": \"balloon-list\"}\n");
	json_object_object_get_ex(answer, "balloons", &list);
	first = json_object_array_get_idx(list, 0);
	tap_ok(json_object_array_length(list) == 1 && !strcmp(text_of(first, "name"), "web") &&
	       !strcmp(text_of(first, "backend"), "qemu") && number_of(first, "id") == 7,
	       "a list has every VM and what serves it");
	json_object_put(answer);

	answer = ask(fd, "{\"op\":\"balloon-get\",\"vm\":\"7\"}\n");
	good = !strcmp(text_of(answer, "state"), "empty") &&
	       number_of(answer, "memory") == 1024 * MIB && !number_of(answer, "target") &&
	       number_of(answer, "floor") == 128 * MIB &&
	       number_of(answer, "speed_limit") == 64 * MIB &&
	       json_object_object_get_ex(answer, "stats", &list) &&
	       number_of(list, "available") == 900 * MIB && number_of(list, "swap_in") == -1;
	if (!tap_ok(good, "a VM may be named by its number; its balloon is told"))
		printf("# %s\n", json_object_to_json_string(answer));
	json_object_put(answer);
	tap_ok(standin.asks == 0 && standin.period == 0, "looking changes nothing");
}

static const struct {
	const char *request;
	const char *why;
} mistakes[] = {
	{ "balloon web 5\n", "one JSON object" },
	{ "\n", "one JSON object" },
	{ "[]\n", "one JSON object" },
	{ "{} {}\n", "one JSON object" },
	{ "{\"op\":{\"a\":{\"b\":{\"c\":{\"d\":1}}}}}\n", "one JSON object" },
	{ "{}\n", "needs \\\"op\\\"" },
	{ "{\"op\":\"quit\"}\n", "none of balloon-list" },
	{ "{\"op\":null}\n", "none of balloon-list" },
	{ "{\"op\":\"balloon-get\"}\n", "needs \\\"vm\\\"" },
	{ "{\"op\":\"balloon-get\",\"vm\":\"\"}\n", "neither the name" },
	{ "{\"op\":\"balloon-get\",\"vm\":\"we\\u0000b\"}\n", "neither the name" },
	{ "{\"op\":\"balloon-get\",\"vm\":7}\n", "neither the name" },
	{ "{\"op\":\"balloon-get\",\"vm\":\"db\"}\n", "no such VM" },
	{ "{\"op\":\"balloon-get\",\"vm\":\"web\",\"target\":1}\n", "only balloon-set" },
	{ "{\"op\":\"balloon-list\",\"vm\":\"web\"}\n", "leave \\\"vm\\\" out" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\"}\n", "needs \\\"target\\\"" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":-1}\n", "not within" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":1e9}\n", "no whole number" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":\"1\"}\n", "no whole number" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":99999999999999999999}\n",
	  "not within" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":1,\"change\":1}\n", "one thing" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":1,\"x\":1}\n", "no key" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":1,\"reason\":\"a b\"}\n",
	  "no word" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":1,\"reason\":7}\n", "no word" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"stats_seconds\":0}\n", "not within" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"stats_seconds\":2,\"reason\":\"host\"}\n",
	  "for a target" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":1073745920}\n", "cannot hold" },
	{ "{\"op\":\"balloon-set\",\"vm\":\"web\",\"change\":9223372036854775806}\n",
	  "cannot hold" },
};

static void test_mistakes(int fd)
{
	size_t i;

	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct json_object *answer = ask(fd, mistakes[i].request);
		const char *text = json_object_to_json_string(answer);

		if (!tap_ok(number_of(answer, "errno") > 0 && strstr(text, mistakes[i].why),
			    "told: %s", mistakes[i].why))
			printf("# %s# %s\n", mistakes[i].request, text);
		json_object_put(answer);
	}
	tap_ok(standin.asks == 0 && becomes(fd, "empty", 0), "and nothing has changed");
}

/* What is wanted, as the rest of a request, whatever the answer. */
static void want(int fd, const char *rest)
{
	char request[256];

	snprintf(request, sizeof(request), "{\"op\":\"balloon-set\",\"vm\":\"web\",%s}\n", rest);
	json_object_put(ask(fd, request));
}

static void test_control(int fd)
{
	struct json_object *answer;

	answer = ask(fd, "{\"op\":\"balloon-set\",\"vm\":\"web\",\"target\":314572800,"
		     "\"reason\":\"host\",\"deadline_ms\":60000}\n");
	tap_ok(number_of(answer, "target") == 300 * MIB &&
	       !strcmp(text_of(answer, "reason"), "host"), "a target is set");
	json_object_put(answer);
	tap_ok(becomes(fd, "reached", 300 * MIB) && standin.actual == 724 * (uint64_t)MIB,
	       "and reached");
	tap_ok(standin.period == 1, "its guest tells its statistics meanwhile");
	want(fd, "\"change\":-104857600");
	tap_ok(becomes(fd, "reached", 200 * MIB), "by so much less");
	want(fd, "\"change\":4096,\"stats_seconds\":2");
	tap_ok(becomes(fd, "reached", 200 * MIB + 4096), "by a page more");
	want(fd, "\"change\":-9223372036854775807");
	tap_ok(becomes(fd, "empty", 0), "by more than there is: it is empty");
	tap_ok(standin.period == 2, "the period that was asked for holds");
	want(fd, "\"target\":209715200,\"stats_seconds\":1");
	becomes(fd, "reached", 200 * MIB);
	standin.oom_kills++;
	tap_ok(becomes(fd, "resting", 0), "a guest that kills for want of memory has it back");
	want(fd, "\"target\":0");
	tap_ok(becomes(fd, "empty", 0), "then nothing is wanted any more");
}

static void test_clients(int fd)
{
	static char much[VMQOS_NAME_MAX + 8192];
	int many[40], i, status, refused = 0;
	struct json_object *answer;
	char text[64];
	pid_t child;

	for (i = 0; i < 20; i++)
		post(fd, get);
	for (i = 0; i < 20; i++) {
		answer = json_tokener_parse(next_line(fd));
		refused += number_of(answer, "errno") == EBUSY;
		json_object_put(answer);
	}
	tap_ok(refused == 4, "16 requests of a client may be on their way");

	for (i = 0; i < 40; i++) {
		many[i] = connect_client();
		sd_event_run(loop, 2000);
		sd_event_run(loop, 2000);
	}
	answer = json_tokener_parse(next_line(many[39]));
	tap_ok(number_of(answer, "errno") == EAGAIN && becomes(fd, "empty", 0),
	       "too many clients: the last is turned away, the first is served");
	json_object_put(answer);
	for (i = 0; i < 40; i++)
		close(many[i]);

	for (i = 0; i < 50; i++)
		sd_event_run(loop, 2000);
	i = connect_client();
	memset(much, 'x', sizeof(much) - 1);
	answer = ask(i, much);
	tap_ok(number_of(answer, "errno") == EMSGSIZE && !*next_line(i),
	       "who sends a line without end is dropped");
	json_object_put(answer);
	close(i);

	/* Gone before its answer comes. */
	i = connect_client();
	post(i, get);
	close(i);
	tap_ok(becomes(fd, "empty", 0), "who does not wait harms nobody");

	if (geteuid()) {
		tap_ok(true, "root decides who may ask # SKIP not root");
		return;
	}
	child = fork();
	if (!child) {
		ssize_t got;

		if (setgid(65534) || setuid(65534))
			_exit(2);
		i = connect_client();
		got = i >= 0 ? read(i, text, sizeof(text) - 1) : -1;
		text[got > 0 ? got : 0] = '\0';
		_exit(!strstr(text, "only root"));
	}
	while (waitpid(child, &status, WNOHANG) == 0)
		sd_event_run(loop, 2000);
	tap_ok(WIFEXITED(status) && !WEXITSTATUS(status), "a user without rights is turned away");
}

static void test_policy(int fd)
{
	struct json_object *answer;

	member.balloon.present |= VMQOS_POLICY_VM_BALLOON;
	follow(true);
	answer = ask(fd, get);
	tap_ok(strstr(text_of(answer, "error"), "balloon = no"), "the policy may say no");
	json_object_put(answer);
	member.balloon.balloon = true;
	follow(true);
	tap_ok(becomes(fd, "empty", 0), "and yes again");

	post(fd, get);
	follow(false);
	answer = json_tokener_parse(next_line(fd));
	tap_ok(number_of(answer, "errno") == ENOENT, "a VM that is gone is told of to who asks");
	json_object_put(answer);
}

/* The next daemon finds what is in the balloon, and looks after it. */
static void test_restart(int fd)
{
	standin.asked = 824 * (uint64_t)MIB;
	follow(true);
	tap_ok(becomes(fd, "reached", 200 * MIB), "what was in the balloon before is found and stays");
	standin.available = 10 * (uint64_t)MIB;
	/* Up to twice the reserve, a 16th of what the guest has. */
	tap_ok(becomes(fd, "resting", 200 * MIB - (2 * 824 * MIB / 16 - 10 * MIB)),
	       "and the guest is given of it what it needs");
}

int main(void)
{
	char name[64];
	int fd;

	tree_make();
	/* Who has no rights has to get as far as to the socket. */
	chmod(tree_root, 0711);
	if (sd_event_new(&loop) < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/qmp", tree_root);
	if (!standin_open(&standin, loop, path))
		return 1;
	/* A /proc in which this very process is a QEMU. */
	snprintf(name, sizeof(name), "/%d/comm", getpid());
	tree_write(name, "qemu-system-x86\n");
	snprintf(name, sizeof(name), "/%d/cmdline", getpid());
	tree_write(name, "qemu-system-x86_64%c-qmp%cunix:%s,server=on%c", 0, 0, path, 0);
	vmqos_proc_root = tree_root;
	member.pid = getpid();
	member.balloon.present = VMQOS_POLICY_VM_BALLOON_SPEED;
	member.balloon.balloon_speed = 64 * MIB;

	snprintf(path, sizeof(path), "%s/run/vmqosd.sock", tree_root);
	vmqos_kernel.get = none;
	balloons = vmqos_balloons_new(NULL, loop);
	tap_ok(!vmqos_service_open(&service, loop, path, balloons), "the socket and its folder are made");
	follow(true);
	fd = connect_client();
	test_first(fd);
	test_mistakes(fd);
	test_control(fd);
	test_clients(fd);
	test_policy(fd);
	test_restart(fd);
	close(fd);
	vmqos_service_close(service);
	vmqos_balloons_free(balloons);
	standin_close(&standin);
	sd_event_unref(loop);
	tree_remove("");
	return tap_end();
}
