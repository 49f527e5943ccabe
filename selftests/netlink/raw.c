// SPDX-License-Identifier: GPL-2.0
/* Generic netlink by hand; raw.h says why. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "raw.h"

#define PATIENCE_MS	60000
#define BUFFER_BYTES	(1 << 23)

static int option(int fd, int name)
{
	int one = 1;

	return setsockopt(fd, SOL_NETLINK, name, &one, sizeof(one));
}

/**
 * vmqos_raw_open_bare() - open a generic netlink socket, without looking for the family
 * @raw: filled
 *
 * Return: 0 or -errno.
 */
int vmqos_raw_open_bare(struct vmqos_raw *raw)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t size = sizeof(addr);
	int buffer = BUFFER_BYTES;

	memset(raw, 0, sizeof(*raw));
	/* Not on the stack or in thread-local memory: test threads have little of it. */
	raw->buf = malloc(VMQOS_RAW_PIECE);
	if (!raw->buf)
		return -ENOMEM;
	raw->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (raw->fd < 0) {
		free(raw->buf);
		raw->buf = NULL;
		return -errno;
	}
	if (option(raw->fd, NETLINK_EXT_ACK) || option(raw->fd, NETLINK_CAP_ACK) ||
	    bind(raw->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(raw->fd, (struct sockaddr *)&addr, &size)) {
		int err = -errno;

		vmqos_raw_close(raw);
		return err;
	}
	/* Only root may go beyond the limit; the others do with what there is. */
	if (setsockopt(raw->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		setsockopt(raw->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	raw->portid = addr.nl_pid;
	raw->seq = 1;
	return 0;
}

static uint32_t find_group(const struct nlattr *groups)
{
	const uint8_t *at = (const uint8_t *)groups + NLA_HDRLEN;
	const uint8_t *end = (const uint8_t *)groups + groups->nla_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *group = (const struct nlattr *)at;
		const struct nlattr *name = vmqos_raw_nested(group, CTRL_ATTR_MCAST_GRP_NAME);
		const struct nlattr *id = vmqos_raw_nested(group, CTRL_ATTR_MCAST_GRP_ID);

		if (name && id && !strcmp(vmqos_raw_string(name), VMQOS_MCGRP_EVENTS))
			return vmqos_raw_u32(id);
		at += NLA_ALIGN(group->nla_len);
	}
	return 0;
}

/**
 * vmqos_raw_resolve() - ask the kernel for the numbers of the family and its group
 * @raw: an open socket
 *
 * Return: 0, -ENOENT if there is no such family in this network namespace, or
 * another -errno.
 */
int vmqos_raw_resolve(struct vmqos_raw *raw)
{
	struct vmqos_raw_answer answer = { 0 };
	const struct nlattr *attr;
	const struct nlmsghdr *nlh;
	struct vmqos_raw_msg msg;
	int err;

	raw->family = GENL_ID_CTRL;
	vmqos_raw_begin(raw, &msg, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	vmqos_raw_put_string(&msg, CTRL_ATTR_FAMILY_NAME, VMQOS_FAMILY_NAME);
	err = vmqos_raw_call(raw, &msg, &answer);
	raw->family = 0;
	if (err)
		return err;
	nlh = vmqos_raw_next(&answer, NULL);
	err = -answer.error;
	if (!err && !nlh)
		err = -EPROTO;
	if (!err) {
		attr = vmqos_raw_attr(nlh, CTRL_ATTR_FAMILY_ID);
		if (attr)
			memcpy(&raw->family, (const uint8_t *)attr + NLA_HDRLEN,
			       sizeof(raw->family));
		attr = vmqos_raw_attr(nlh, CTRL_ATTR_MCAST_GROUPS);
		if (attr)
			raw->events = find_group(attr);
		if (!raw->family || !raw->events)
			err = -EPROTO;
	}
	vmqos_raw_free(&answer);
	return err;
}

/**
 * vmqos_raw_open() - open a socket to the family
 * @raw: filled
 *
 * Return: 0 or -errno; -ENOENT means that the family is not there.
 */
int vmqos_raw_open(struct vmqos_raw *raw)
{
	int err = vmqos_raw_open_bare(raw);

	if (err)
		return err;
	err = vmqos_raw_resolve(raw);
	if (err)
		vmqos_raw_close(raw);
	return err;
}

/**
 * vmqos_raw_close() - close the socket
 * @raw: what vmqos_raw_open() filled
 */
void vmqos_raw_close(struct vmqos_raw *raw)
{
	if (raw->fd >= 0)
		close(raw->fd);
	raw->fd = -1;
	free(raw->buf);
	raw->buf = NULL;
}

/**
 * vmqos_raw_family_present() - tell whether the family answers in this network namespace
 *
 * Return: whether it does.
 */
bool vmqos_raw_family_present(void)
{
	struct vmqos_raw raw;

	if (vmqos_raw_open(&raw))
		return false;
	vmqos_raw_close(&raw);
	return true;
}

/**
 * vmqos_raw_subscribe() - receive the family's events on this socket from now on
 * @raw: an open socket
 *
 * Return: 0 or -errno.
 */
int vmqos_raw_subscribe(struct vmqos_raw *raw)
{
	int group = raw->events;

	if (setsockopt(raw->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return -errno;
	return 0;
}

/**
 * vmqos_raw_send() - send a message as it is
 * @raw: the socket
 * @msg: the message
 *
 * Return: 0 or -errno of the system call; what the family says comes by
 * vmqos_raw_receive().
 */
int vmqos_raw_send(struct vmqos_raw *raw, const struct vmqos_raw_msg *msg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	if (raw->unaddressed)
		sent = write(raw->fd, msg->data, msg->len);
	else
		sent = sendto(raw->fd, msg->data, msg->len, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	if (sent < 0)
		return -errno;
	return (size_t)sent == msg->len ? 0 : -EIO;
}

/**
 * vmqos_raw_parse_end() - read an NLMSG_ERROR or NLMSG_DONE message
 * @nlh: the message
 * @answer: error, sentence and attribute go here
 */
void vmqos_raw_parse_end(const struct nlmsghdr *nlh, struct vmqos_raw_answer *answer)
{
	const uint8_t *at = (const uint8_t *)nlh + NLMSG_HDRLEN;
	const uint8_t *end = (const uint8_t *)nlh + nlh->nlmsg_len;
	int error = 0;

	answer->ended = true;
	if (at + sizeof(error) <= end)
		memcpy(&error, at, sizeof(error));
	answer->error = -error;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (nlh->nlmsg_type == NLMSG_DONE) {
		at += sizeof(error);
	} else {
		const struct nlmsgerr *err = (const struct nlmsgerr *)at;

		at += sizeof(*err);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			at += NLMSG_ALIGN(err->msg.nlmsg_len) - NLMSG_HDRLEN;
	}
	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const struct nlattr *)at;

		if (attr->nla_len < NLA_HDRLEN || at + attr->nla_len > end)
			break;
		switch (attr->nla_type & NLA_TYPE_MASK) {
		case NLMSGERR_ATTR_MSG:
			snprintf(answer->sentence, sizeof(answer->sentence), "%.*s",
				 (int)(attr->nla_len - NLA_HDRLEN), vmqos_raw_string(attr));
			break;
		case NLMSGERR_ATTR_OFFS:
			answer->has_offset = true;
			answer->offset = vmqos_raw_u32(attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			answer->has_missing = true;
			answer->missing = vmqos_raw_u32(attr);
			break;
		}
		at += NLA_ALIGN(attr->nla_len);
	}
}

static int keep(struct vmqos_raw_answer *answer, const struct nlmsghdr *nlh)
{
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len);

	if (answer->used + len > answer->size) {
		size_t size = answer->size ? 2 * answer->size : 65536;
		uint8_t *data;

		while (size < answer->used + len)
			size *= 2;
		data = realloc(answer->data, size);
		if (!data)
			return -ENOMEM;
		answer->data = data;
		answer->size = size;
	}
	memcpy(answer->data + answer->used, nlh, nlh->nlmsg_len);
	answer->used += len;
	answer->replies++;
	return 0;
}

/**
 * vmqos_raw_receive() - receive the answer to the message begun last
 * @raw: the socket
 * @answer: emptied, then filled; its memory is used again
 *
 * The message must have asked for an acknowledgement or a dump. Answers to
 * other messages and events are passed over.
 *
 * Return: 0 when an end came, -ETIMEDOUT when none came, -EPROTO when what
 * came is no netlink, or -errno of the system call.
 */
int vmqos_raw_receive(struct vmqos_raw *raw, struct vmqos_raw_answer *answer)
{
	uint8_t *data = answer->data;
	size_t size = answer->size;

	memset(answer, 0, sizeof(*answer));
	answer->data = data;
	answer->size = size;
	while (!answer->ended) {
		struct pollfd poll_fd = { .fd = raw->fd, .events = POLLIN };
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)raw->buf;
		ssize_t got;

		if (poll(&poll_fd, 1, PATIENCE_MS) == 0)
			return -ETIMEDOUT;
		got = recv(raw->fd, raw->buf, VMQOS_RAW_PIECE, MSG_TRUNC);
		if (got < 0)
			return -errno;
		if (got > VMQOS_RAW_PIECE)
			return -EPROTO;
		for (; got >= (ssize_t)NLMSG_HDRLEN;) {
			size_t step;

			if (nlh->nlmsg_len < NLMSG_HDRLEN || (ssize_t)nlh->nlmsg_len > got)
				return -EPROTO;
			if (nlh->nlmsg_seq == raw->seq && nlh->nlmsg_pid == raw->portid) {
				if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
					answer->interrupted = true;
				if (nlh->nlmsg_type == NLMSG_ERROR ||
				    nlh->nlmsg_type == NLMSG_DONE)
					vmqos_raw_parse_end(nlh, answer);
				else if (keep(answer, nlh))
					return -ENOMEM;
			}
			step = NLMSG_ALIGN(nlh->nlmsg_len);
			got -= step;
			nlh = (const struct nlmsghdr *)((const uint8_t *)nlh + step);
		}
	}
	return 0;
}

/**
 * vmqos_raw_call() - send a message and receive its answer
 * @raw: the socket
 * @msg: the message
 * @answer: the answer
 *
 * Return: as vmqos_raw_send() and vmqos_raw_receive().
 */
int vmqos_raw_call(struct vmqos_raw *raw, const struct vmqos_raw_msg *msg,
		   struct vmqos_raw_answer *answer)
{
	int err = vmqos_raw_send(raw, msg);

	return err ? err : vmqos_raw_receive(raw, answer);
}

/**
 * vmqos_raw_free() - free what an answer holds
 * @answer: the answer
 */
void vmqos_raw_free(struct vmqos_raw_answer *answer)
{
	free(answer->data);
	memset(answer, 0, sizeof(*answer));
}
