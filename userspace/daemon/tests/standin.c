// SPDX-License-Identifier: GPL-2.0
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "standin.h"

#define TICK_US	20000

void standin_say(struct standin *standin, const char *line)
{
	if (standin->client >= 0 &&
	    send(standin->client, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    standin->mode != STANDIN_ENDLESS)
		perror("# the stand-in cannot say");
}

static void hang_up(struct standin *standin)
{
	standin->client_io = sd_event_source_disable_unref(standin->client_io);
	if (standin->client >= 0)
		close(standin->client);
	standin->client = -1;
	standin->used = 0;
}

static const char *text(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

static void answer(struct standin *standin, struct json_object *command)
{
	struct json_object *arguments = NULL, *id = NULL, *value;
	const char *name = text(command, "execute"), *property;
	char returned[1024] = "{}", out[2048];

	json_object_object_get_ex(command, "arguments", &arguments);
	json_object_object_get_ex(command, "id", &id);
	property = text(arguments, "property");
	if (!strcmp(name, "qom-list")) {
		bool here = standin->anonymous == !strcmp(text(arguments, "path"),
							  "/machine/peripheral-anon");

		snprintf(returned, sizeof(returned),
			 "[{\"name\": \"type\", \"type\": \"string\"}, {\"name\": \"net0\", \"type\": \"child<virtio-net-pci>\"}%s]",
			 here && standin->mode != STANDIN_NO_BALLOON ?
			 ", {\"name\": \"b[0]\", \"type\": \"child<virtio-balloon-pci>\"}" : "");
	} else if (!strcmp(name, "query-memory-size-summary")) {
		snprintf(returned, sizeof(returned),
			 "{\"base-memory\": %llu, \"plugged-memory\": 0}",
			 (unsigned long long)standin->size);
	} else if (!strcmp(name, "query-balloon")) {
		snprintf(returned, sizeof(returned), "{\"actual\": %lld}",
			 standin->mode == STANDIN_LIES ? -1ll : (long long)standin->actual);
	} else if (!strcmp(name, "qom-get") && !strcmp(property, "guest-stats")) {
		snprintf(returned, sizeof(returned),
			 "{\"last-update\": %llu, \"stats\": {\"stat-available-memory\": %llu, \"stat-oom-kills\": %llu, \"stat-swap-in\": -1, \"stat-free-memory\": 18446744073709551615}}",
			 (unsigned long long)standin->update,
			 (unsigned long long)standin->available,
			 (unsigned long long)standin->oom_kills);
	} else if (!strcmp(name, "qom-get")) {
		snprintf(returned, sizeof(returned), "%d", standin->period);
	} else if (!strcmp(name, "qom-set")) {
		if (json_object_object_get_ex(arguments, "value", &value))
			standin->period = json_object_get_int(value);
	} else if (!strcmp(name, "balloon")) {
		if (json_object_object_get_ex(arguments, "value", &value))
			standin->asked = json_object_get_uint64(value);
		standin->asks++;
	}
	snprintf(out, sizeof(out), "{\"return\": %s, \"id\": %lld}\r\n", returned,
		 (long long)json_object_get_int64(id));
	standin_say(standin, out);
}

static void take(struct standin *standin, const char *line)
{
	struct json_object *command = json_tokener_parse(line);
	bool first = !strcmp(text(command, "execute"), "qmp_capabilities");

	standin->commands++;
	if (standin->mode == STANDIN_CLOSES)
		hang_up(standin);
	else if (standin->mode == STANDIN_GARBAGE)
		standin_say(standin, "{\"return\": {}, \"id\": 99}\r\n");
	else if (standin->mode != STANDIN_DEAF || first)
		answer(standin, command);
	json_object_put(command);
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct standin *standin = userdata;
	ssize_t got = recv(fd, standin->line + standin->used,
			   sizeof(standin->line) - 1 - standin->used, MSG_DONTWAIT);
	char *end;

	(void)source;
	(void)revents;
	if (got <= 0) {
		hang_up(standin);
		return 0;
	}
	standin->used += got;
	standin->line[standin->used] = '\0';
	while (standin->client >= 0 && (end = strchr(standin->line, '\n'))) {
		*end = '\0';
		take(standin, standin->line);
		if (standin->client < 0)
			break;
		standin->used -= end + 1 - standin->line;
		memmove(standin->line, end + 1, standin->used + 1);
	}
	return 0;
}

/* One client at a time, as QEMU. */
static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	static char much[65536];
	struct standin *standin = userdata;

	(void)source;
	(void)revents;
	if (standin->client >= 0)
		return 0;
	standin->client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (standin->client < 0)
		return 0;
	standin->connections++;
	sd_event_add_io(standin->loop, &standin->client_io, standin->client, EPOLLIN, on_client,
			standin);
	memset(much, ' ', sizeof(much) - 1);
	if (standin->mode == STANDIN_ENDLESS)
		standin_say(standin, much);
	else if (standin->mode != STANDIN_NO_GREETING)
		standin_say(standin, "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
	return 0;
}

/* The guest does as it is asked, and tells of it in each tick. */
static int on_tick(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct standin *standin = userdata;
	char event[128];

	if (standin->mode == STANDIN_ENDLESS && standin->client >= 0) {
		static char much[32768];

		memset(much, ' ', sizeof(much) - 1);
		standin_say(standin, much);
	}
	if (standin->asked != standin->actual && !standin->mute) {
		standin->available += standin->asked - standin->actual;
		standin->actual = standin->asked;
		snprintf(event, sizeof(event),
			 "{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": %llu}}\r\n",
			 (unsigned long long)standin->actual);
		if (standin->mode == STANDIN_WELL)
			standin_say(standin, event);
	}
	if (!standin->mute)
		standin->update++;
	sd_event_source_set_time(source, time_us + TICK_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

bool standin_open(struct standin *standin, sd_event *loop, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	standin->loop = loop;
	standin->client = -1;
	standin->size = standin->actual = standin->asked = 1024ull << 20;
	standin->available = 900ull << 20;
	standin->update = 1000;
	snprintf(standin->path, sizeof(standin->path), "%s", path);
	strcpy(address.sun_path, standin->path);
	standin->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return standin->fd >= 0 &&
	       !bind(standin->fd, (struct sockaddr *)&address, sizeof(address)) &&
	       !listen(standin->fd, 4) &&
	       sd_event_add_io(loop, &standin->listen_io, standin->fd, EPOLLIN, on_connect,
			       standin) >= 0 &&
	       sd_event_add_time(loop, &standin->tick, CLOCK_MONOTONIC, 0, 500, on_tick,
				 standin) >= 0;
}

void standin_close(struct standin *standin)
{
	hang_up(standin);
	sd_event_source_disable_unref(standin->listen_io);
	sd_event_source_disable_unref(standin->tick);
	close(standin->fd);
	unlink(standin->path);
}
