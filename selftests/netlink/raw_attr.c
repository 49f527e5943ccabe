// SPDX-License-Identifier: GPL-2.0
/* Building and reading of netlink messages by hand; raw.h says why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raw.h"

/**
 * vmqos_raw_begin() - begin a message
 * @raw: the socket, whose sequence number moves on
 * @msg: the message
 * @cmd: command of the family
 * @flags: netlink flags beside NLM_F_REQUEST
 */
void vmqos_raw_begin(struct vmqos_raw *raw, struct vmqos_raw_msg *msg, uint8_t cmd,
		     uint16_t flags)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)msg->data;
	struct genlmsghdr *genl = (struct genlmsghdr *)(msg->data + NLMSG_HDRLEN);

	memset(msg->data, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	msg->len = NLMSG_HDRLEN + GENL_HDRLEN;
	nlh->nlmsg_len = msg->len;
	nlh->nlmsg_type = raw->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++raw->seq;
	nlh->nlmsg_pid = raw->portid;
	genl->cmd = cmd;
	genl->version = VMQOS_FAMILY_VERSION;
}

/**
 * vmqos_raw_put() - append an attribute
 * @msg: the message
 * @type: type of the attribute, flags of the type included
 * @data: its bytes; NULL leaves them zero
 * @len: their number
 *
 * Return: the attribute's bytes in the message.
 */
void *vmqos_raw_put(struct vmqos_raw_msg *msg, uint16_t type, const void *data, size_t len)
{
	struct nlattr *attr = (struct nlattr *)(msg->data + msg->len);
	size_t total = NLA_HDRLEN + NLA_ALIGN(len);

	if (msg->len + total > sizeof(msg->data)) {
		fprintf(stderr, "message of more than %zu bytes\n", sizeof(msg->data));
		abort();
	}
	memset(attr, 0, total);
	attr->nla_len = NLA_HDRLEN + len;
	attr->nla_type = type;
	if (data)
		memcpy((uint8_t *)attr + NLA_HDRLEN, data, len);
	msg->len += total;
	((struct nlmsghdr *)msg->data)->nlmsg_len = msg->len;
	return (uint8_t *)attr + NLA_HDRLEN;
}

/**
 * vmqos_raw_put_u32() - append a number
 * @msg: the message
 * @type: type of the attribute
 * @value: the number
 */
void vmqos_raw_put_u32(struct vmqos_raw_msg *msg, uint16_t type, uint32_t value)
{
	vmqos_raw_put(msg, type, &value, sizeof(value));
}

/**
 * vmqos_raw_put_string() - append a string with its closing NUL
 * @msg: the message
 * @type: type of the attribute
 * @text: the string
 */
void vmqos_raw_put_string(struct vmqos_raw_msg *msg, uint16_t type, const char *text)
{
	vmqos_raw_put(msg, type, text, strlen(text) + 1);
}

/**
 * vmqos_raw_next() - walk over the data messages of an answer
 * @answer: the answer
 * @last: the message before, NULL for the first
 *
 * Return: the next message, NULL when there is none.
 */
const struct nlmsghdr *vmqos_raw_next(const struct vmqos_raw_answer *answer,
				      const struct nlmsghdr *last)
{
	const uint8_t *at = answer->data;

	if (last)
		at = (const uint8_t *)last + NLMSG_ALIGN(last->nlmsg_len);
	if (!answer->data || at >= answer->data + answer->used)
		return NULL;
	return (const struct nlmsghdr *)at;
}

static const struct nlattr *find(const uint8_t *at, const uint8_t *end, uint16_t type)
{
	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const struct nlattr *)at;

		if (attr->nla_len < NLA_HDRLEN || at + attr->nla_len > end)
			return NULL;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

/**
 * vmqos_raw_attr() - find an attribute of a message
 * @nlh: the message, may be NULL
 * @type: type of the attribute
 *
 * Return: the first of that type or NULL.
 */
const struct nlattr *vmqos_raw_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	if (!nlh)
		return NULL;
	return find((const uint8_t *)nlh + NLMSG_HDRLEN + GENL_HDRLEN,
		    (const uint8_t *)nlh + nlh->nlmsg_len, type);
}

/**
 * vmqos_raw_nested() - find an attribute inside another
 * @nest: the outer attribute, may be NULL
 * @type: type of the inner one
 *
 * Return: the first of that type or NULL.
 */
const struct nlattr *vmqos_raw_nested(const struct nlattr *nest, uint16_t type)
{
	if (!nest)
		return NULL;
	return find((const uint8_t *)nest + NLA_HDRLEN, (const uint8_t *)nest + nest->nla_len,
		    type);
}

/**
 * vmqos_raw_attr_len() - length of an attribute's bytes
 * @attr: the attribute
 *
 * Return: their number without the header.
 */
size_t vmqos_raw_attr_len(const struct nlattr *attr)
{
	return attr->nla_len - NLA_HDRLEN;
}

/**
 * vmqos_raw_u32() - read a number
 * @attr: the attribute, NULL reads as 0
 *
 * Return: the number, 0 if the attribute is too short for one.
 */
uint32_t vmqos_raw_u32(const struct nlattr *attr)
{
	uint32_t value = 0;

	if (attr && vmqos_raw_attr_len(attr) >= sizeof(value))
		memcpy(&value, (const uint8_t *)attr + NLA_HDRLEN, sizeof(value));
	return value;
}

/**
 * vmqos_raw_u64() - read a number of 64 bits
 * @attr: the attribute, NULL reads as 0
 *
 * Return: the number, 0 if the attribute is too short for one.
 */
uint64_t vmqos_raw_u64(const struct nlattr *attr)
{
	uint64_t value = 0;

	if (attr && vmqos_raw_attr_len(attr) >= sizeof(value))
		memcpy(&value, (const uint8_t *)attr + NLA_HDRLEN, sizeof(value));
	return value;
}

/**
 * vmqos_raw_string() - read a string
 * @attr: the attribute, NULL reads as an empty string
 *
 * Return: the string, an empty one if it has no closing NUL.
 */
const char *vmqos_raw_string(const struct nlattr *attr)
{
	const char *text;

	if (!attr || !vmqos_raw_attr_len(attr))
		return "";
	text = (const char *)attr + NLA_HDRLEN;
	return memchr(text, 0, vmqos_raw_attr_len(attr)) ? text : "";
}
