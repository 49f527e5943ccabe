// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * A client connects, sends requests, a line each, and gets a line for each, in the
 * order in which they are done. The kernel is asked who it is, once: root, the
 * daemon's own user, or a member of the group vmqos.
 *
 * Clients, what one may send and have waiting, and requests on their way are bounded;
 * a client that goes beyond is told so, if that is possible, and dropped.
 */
#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "balloons.h"
#include "log.h"
#include "request.h"
#include "service.h"

#define CLIENTS_MAX	32
#define PENDING_MAX	16
#define OUT_MAX		(1024 * 1024)

struct client {
	struct client *next;
	struct vmqos_service *service;
	uint64_t ticket;
	int fd;
	sd_event_source *io;
	char line[VMQOS_REQUEST_MAX + 1];
	size_t size;
	char *out;
	size_t out_size;
	unsigned int pending;
	bool ends;		/* nothing more is read of it */
};

struct vmqos_service {
	sd_event *loop;
	struct vmqos_balloons *balloons;
	int fd;
	char *path;
	sd_event_source *io;
	struct client *clients;
	unsigned int count;
	uint64_t last_ticket;
	gid_t group;
	bool has_group;
};

static void drop(struct client *client)
{
	struct vmqos_service *service = client->service;
	struct client **link;

	for (link = &service->clients; *link != client; link = &(*link)->next)
		;
	*link = client->next;
	service->count--;
	vmqos_balloons_cancel(service->balloons, client->ticket);
	sd_event_source_disable_unref(client->io);
	close(client->fd);
	free(client->out);
	free(client);
}

/* Also drops a client that is done with: it must not be touched after this. */
static void flush(struct client *client)
{
	size_t sent = 0;
	ssize_t size;

	while (sent < client->out_size) {
		size = send(client->fd, client->out + sent, client->out_size - sent, MSG_NOSIGNAL);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno != EAGAIN) {
			drop(client);
			return;
		}
		if (size < 0)
			break;
		sent += size;
	}
	client->out_size -= sent;
	if (client->out_size)
		memmove(client->out, client->out + sent, client->out_size);
	if (client->ends && !client->out_size && !client->pending) {
		drop(client);
		return;
	}
	sd_event_source_set_io_events(client->io, (client->ends ? 0 : EPOLLIN) |
				      (client->out_size ? EPOLLOUT : 0));
}

/* Takes @object over. */
static void say(struct client *client, struct json_object *object)
{
	size_t size = 0;
	const char *text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN,
							     &size);
	char *more = text && client->out_size + size < OUT_MAX ?
		     realloc(client->out, client->out_size + size + 1) : NULL;

	if (more) {
		client->out = more;
		memcpy(more + client->out_size, text, size);
		more[client->out_size + size] = '\n';
		client->out_size += size + 1;
	} else {
		client->ends = true;
	}
	json_object_put(object);
}

static void on_done(void *ctx, uint64_t ticket, int error, const char *why,
		    const struct vmqos_balloons_view *view)
{
	struct client *client = ctx;

	(void)ticket;
	client->pending--;
	say(client, error ? vmqos_request_error(error, why) : vmqos_request_view(view));
	/* It may be reading right now: what is to be sent goes out from the loop. */
	sd_event_source_set_io_events(client->io, (client->ends ? 0 : EPOLLIN) | EPOLLOUT);
}

static void add_view(void *ctx, const struct vmqos_balloons_view *view)
{
	json_object_array_add(ctx, vmqos_request_view(view));
}

static void take_line(struct client *client, const char *line, size_t size)
{
	struct vmqos_balloons *balloons = client->service->balloons;
	struct json_object *object, *list;
	struct vmqos_request request;
	char why[200];
	int ret;

	ret = vmqos_request_parse(&request, line, size, why, sizeof(why));
	if (!ret && client->pending >= PENDING_MAX) {
		snprintf(why, sizeof(why), "too many requests at a time: wait for an answer");
		ret = -EBUSY;
	}
	if (ret) {
		say(client, vmqos_request_error(ret, why));
		return;
	}
	if (request.op == VMQOS_REQUEST_LIST) {
		object = json_object_new_object();
		list = json_object_new_array();
		vmqos_balloons_each(balloons, add_view, list);
		json_object_object_add(object, "balloons", list);
		say(client, object);
		return;
	}
	client->pending++;
	vmqos_balloons_request(balloons, request.vm,
			       request.op == VMQOS_REQUEST_SET ? &request.change : NULL, on_done,
			       client, client->ticket);
}

static void take_lines(struct client *client)
{
	char *end;

	while (!client->ends && (end = memchr(client->line, '\n', client->size))) {
		size_t size = end - client->line;

		take_line(client, client->line, size);
		client->size -= size + 1;
		memmove(client->line, end + 1, client->size);
	}
	if (client->size == sizeof(client->line)) {
		say(client, vmqos_request_error(-EMSGSIZE,
						"a request is a line of 4096 bytes at most"));
		client->ends = true;
	}
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct client *client = userdata;
	ssize_t got;

	(void)source;
	if ((revents & (EPOLLHUP | EPOLLERR)) && !(revents & EPOLLIN)) {
		drop(client);
		return 0;
	}
	if ((revents & EPOLLIN) && !client->ends) {
		got = recv(fd, client->line + client->size, sizeof(client->line) - client->size,
			   MSG_DONTWAIT);
		if (!got || (got < 0 && errno != EAGAIN && errno != EINTR))
			client->ends = true;
		if (got > 0) {
			client->size += got;
			take_lines(client);
		}
	}
	flush(client);
	return 0;
}

/* Root, this daemon's own user, and the group. */
static bool may(struct vmqos_service *service, int fd)
{
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;
	gid_t groups[256];
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return false;
	if (!peer.uid || peer.uid == geteuid())
		return true;
	if (!service->has_group)
		return false;
	if (peer.gid == service->group)
		return true;
	size = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == service->group)
			return true;
	return false;
}

static void refuse(int fd, const char *line)
{
	if (send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		vmqos_daemon_log(LOG_DEBUG, "a client was refused and did not wait to hear it");
	close(fd);
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct vmqos_service *service = userdata;
	struct client *client;
	int peer;

	(void)source;
	(void)revents;
	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0)
		return 0;
	if (!may(service, peer)) {
		refuse(peer, "{\"error\":\"only root and members of the group " VMQOS_SERVICE_GROUP
		       " may do this\",\"errno\":1}\n");
		return 0;
	}
	client = service->count < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client || sd_event_add_io(service->loop, &client->io, peer, EPOLLIN, on_client,
				       client) < 0) {
		free(client);
		refuse(peer, "{\"error\":\"vmqosd has too many clients, try again\",\"errno\":11}\n");
		return 0;
	}
	client->service = service;
	client->fd = peer;
	client->ticket = ++service->last_ticket;
	client->next = service->clients;
	service->clients = client;
	service->count++;
	return 0;
}

/* A socket of that name that nobody listens to is left over, and goes. */
static int bind_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	int probe, ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return 0;
	if (errno != EADDRINUSE || lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return -errno;
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return -errno;
	ret = connect(probe, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(probe);
	if (ret != ECONNREFUSED)
		return -EADDRINUSE;
	if (unlink(path) || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return 0;
}

/**
 * vmqos_service_open() - listen to clients
 * @service: set
 * @loop: event loop
 * @path: of the socket; its folder is made when it is missing
 * @balloons: what clients may ask for; both outlive the service
 *
 * Return: 0; -EADDRINUSE when another daemon listens there; another negative errno.
 */
int vmqos_service_open(struct vmqos_service **service, sd_event *loop, const char *path,
		       struct vmqos_balloons *balloons)
{
	struct vmqos_service *new = calloc(1, sizeof(*new));
	struct group *group;
	char *folder, *slash;
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->balloons = balloons;
	new->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	folder = strdup(path);
	if (new->fd < 0 || !folder)
		goto fail;
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		mkdir(folder, 0755);
	}
	ret = bind_to(new->fd, path);
	if (ret)
		goto fail;
	new->path = strdup(path);
	ret = -ENOMEM;
	/* Anybody may connect and is asked who it is. */
	if (!new->path || chmod(path, 0666) || listen(new->fd, 16) ||
	    sd_event_add_io(loop, &new->io, new->fd, EPOLLIN, on_connect, new) < 0)
		goto fail;
	group = getgrnam(VMQOS_SERVICE_GROUP);
	if (group) {
		new->group = group->gr_gid;
		new->has_group = true;
	}
	free(folder);
	*service = new;
	return 0;
fail:
	free(folder);
	vmqos_service_close(new);
	return ret;
}

/**
 * vmqos_service_close() - let all clients go, and listen no longer
 * @service: the service, or NULL
 */
void vmqos_service_close(struct vmqos_service *service)
{
	if (!service)
		return;
	while (service->clients)
		drop(service->clients);
	sd_event_source_disable_unref(service->io);
	if (service->fd >= 0)
		close(service->fd);
	if (service->path)
		unlink(service->path);
	free(service->path);
	free(service);
}
