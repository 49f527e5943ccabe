// SPDX-License-Identifier: LGPL-2.1+
/* Generic netlink sockets by way of libnl. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/vmqos.h>

#include "transport.h"

#define EVENTS_BUFFER	(4 * 1024 * 1024)
#define REQUEST_BUFFER	(1024 * 1024)
#define ANSWER_SECONDS	10

struct vmqos_nl {
	struct nl_sock *sock;
	int fd;
};

/*
 * SO_RCVBUFFORCE passes the host's rmem_max with CAP_NET_ADMIN; without that
 * right the buffer is as large as the host allows.
 */
static void set_receive_buffer(int fd, int size)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int vmqos_nl_open(struct vmqos_nl **out, int events)
{
	struct timeval timeout = { .tv_sec = ANSWER_SECONDS };
	struct vmqos_nl *nl;
	int one = 1;
	int err;

	nl = calloc(1, sizeof(*nl));
	if (!nl)
		return -ENOMEM;
	nl->sock = nl_socket_alloc();
	if (!nl->sock) {
		free(nl);
		return -ENOMEM;
	}
	if (genl_connect(nl->sock)) {
		err = errno ? -errno : -EPROTO;
		vmqos_nl_close(nl);
		return err;
	}
	nl->fd = nl_socket_get_fd(nl->sock);
	/*
	 * Both are older than any kernel that vmqos runs on; without them the
	 * sentences of refusals would be missing, nothing else.
	 */
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (events) {
		set_receive_buffer(nl->fd, EVENTS_BUFFER);
		fcntl(nl->fd, F_SETFL, fcntl(nl->fd, F_GETFL) | O_NONBLOCK);
	} else {
		set_receive_buffer(nl->fd, REQUEST_BUFFER);
		setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	}
	*out = nl;
	return 0;
}

void vmqos_nl_close(struct vmqos_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

int vmqos_nl_fd(const struct vmqos_nl *nl)
{
	return nl->fd;
}

/*
 * Look-ups have a socket of their own: libnl reads until the answer comes,
 * and on a socket that has joined a group it would swallow events.
 */
static struct nl_sock *lookup_socket(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && genl_connect(sock)) {
		nl_socket_free(sock);
		return NULL;
	}
	return sock;
}

static int group_of(struct nl_sock *sock, const char *family, const char *group, uint32_t *number)
{
	int answer = genl_ctrl_resolve_grp(sock, family, group);

	if (answer < 0)
		return answer == -NLE_OBJ_NOTFOUND ? -ENODEV : -EPROTO;
	*number = answer;
	return 0;
}

int vmqos_nl_family(struct vmqos_nl *nl, uint16_t *family, uint32_t *group)
{
	struct nl_sock *sock = lookup_socket();
	int answer;
	int err = 0;

	(void)nl;
	if (!sock)
		return -EPROTO;
	answer = genl_ctrl_resolve(sock, VMQOS_FAMILY_NAME);
	if (answer < 0)
		err = answer == -NLE_OBJ_NOTFOUND ? -ENODEV : -EPROTO;
	else
		*family = answer;
	if (!err && group)
		err = group_of(sock, VMQOS_FAMILY_NAME, VMQOS_MCGRP_EVENTS, group);
	nl_socket_free(sock);
	return err;
}

int vmqos_nl_controller_group(struct vmqos_nl *nl, uint32_t *group)
{
	struct nl_sock *sock = lookup_socket();
	int err;

	(void)nl;
	if (!sock)
		return -EPROTO;
	err = group_of(sock, "nlctrl", "notify", group);
	nl_socket_free(sock);
	return err;
}

int vmqos_nl_join(struct vmqos_nl *nl, uint32_t group)
{
	if (setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return -errno;
	return 0;
}

int vmqos_nl_send(struct vmqos_nl *nl, const struct nlmsghdr *message)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do {
		sent = sendto(nl->fd, message, message->nlmsg_len, 0,
			      (struct sockaddr *)&kernel, sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

ssize_t vmqos_nl_receive(struct vmqos_nl *nl, void *buffer)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = buffer, .iov_len = VMQOS_NL_DATAGRAM };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t size;

	do {
		msg.msg_namelen = sizeof(from);
		size = recvmsg(nl->fd, &msg, 0);
		if (size < 0)
			return -errno;
		/* Any process may send to our port; only the kernel is heard. */
	} while (msg.msg_namelen != sizeof(from) || from.nl_pid != 0);
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return size;
}
