// SPDX-License-Identifier: GPL-2.0
/*
 * One connection, one request, one answer; vmqosd(8) has the language. The answer is
 * the word of a daemon that runs as a user of its own: it is bounded, and read as
 * carefully as anything else.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "service.h"

#define SOCKET_PATH	"/run/vmqos/vmqosd.sock"
#define ANSWER_MAX	(1024 * 1024)
/* A daemon that reads a balloon answers within 12 s, whatever QEMU does. */
#define PATIENCE_S	30

static int connect_daemon(char *why, size_t size)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	const char *given = getenv("VMQOSD_SOCKET"), *path = given && *given ? given : SOCKET_PATH;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(why, size, "VMQOSD_SOCKET is no path of a socket");
		return -EINVAL;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto fail;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
fail:
	err = -errno;
	if (fd >= 0)
		close(fd);
	if (err == -ENOENT || err == -ECONNREFUSED) {
		snprintf(why, size, "vmqosd does not run: start it with 'systemctl start vmqosd'");
		return -ENOTCONN;
	}
	snprintf(why, size, "cannot ask vmqosd at %s: %s", path, strerror(-err));
	return err;
}

bool vmqos_service_runs(void)
{
	char why[256];
	int fd = connect_daemon(why, sizeof(why));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool send_all(int fd, const char *text, size_t size)
{
	ssize_t sent;

	for (; size; text += sent, size -= sent) {
		sent = send(fd, text, size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			sent = 0;
		else if (sent < 0)
			return false;
	}
	return true;
}

/* The line that comes, without its end; NULL when none does. */
static char *receive_line(int fd)
{
	char *line = malloc(ANSWER_MAX), *end = NULL;
	size_t used = 0;
	ssize_t got;

	while (line && !end && used < ANSWER_MAX) {
		got = recv(fd, line + used, ANSWER_MAX - used, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		end = memchr(line + used, '\n', got);
		used += got;
	}
	if (end) {
		*end = '\0';
		return line;
	}
	free(line);
	return NULL;
}

int vmqos_service_ask(struct json_object *request, struct json_object **answer, char *why,
		      size_t size)
{
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	struct json_object *value;
	char *line = NULL;
	int fd, ret = 0;

	*answer = NULL;
	fd = connect_daemon(why, size);
	if (fd < 0) {
		json_object_put(request);
		return fd;
	}
	/* A client that may not ask is told so without being read. */
	send_all(fd, text, strlen(text));
	send_all(fd, "\n", 1);
	line = receive_line(fd);
	close(fd);
	json_object_put(request);
	if (line)
		*answer = json_tokener_parse(line);
	free(line);
	if (!json_object_is_type(*answer, json_type_object)) {
		snprintf(why, size, "vmqosd has not answered");
		ret = -EPROTO;
	} else if (json_object_object_get_ex(*answer, "error", &value)) {
		snprintf(why, size, "%s", json_object_get_string(value));
		ret = -EREMOTEIO;
		if (json_object_object_get_ex(*answer, "errno", &value) &&
		    json_object_get_int(value) > 0)
			ret = -json_object_get_int(value);
	}
	if (ret) {
		json_object_put(*answer);
		*answer = NULL;
	}
	return ret;
}
