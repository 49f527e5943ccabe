// SPDX-License-Identifier: GPL-2.0
/* Ways to spoil a message that was right. */
#include <string.h>

#include "fuzz.h"

static void flip_bits(struct fuzz_random *random, uint8_t *at, size_t len)
{
	unsigned int n = 1 + fuzz_below(random, 8);

	while (n--)
		at[fuzz_below(random, len)] ^= 1u << fuzz_below(random, 8);
}

static void lie_about_length(struct fuzz_random *random, struct nlmsghdr *nlh)
{
	switch (fuzz_below(random, 5)) {
	case 0:
		nlh->nlmsg_len = fuzz_below(random, 64);
		return;
	case 1:
		nlh->nlmsg_len = fuzz_next(random);
		return;
	case 2:
		nlh->nlmsg_len = 0xffffffff - fuzz_below(random, 8);
		return;
	default:
		nlh->nlmsg_len += fuzz_below(random, 9) - 4;
	}
}

/* The n-th attribute of a message whose attributes may be spoilt already. */
static struct nlattr *pick(struct fuzz_random *random, uint8_t *begin, uint8_t *end)
{
	struct nlattr *found = NULL;
	unsigned int seen = 0;
	uint8_t *at = begin;

	while (at + NLA_HDRLEN <= end) {
		struct nlattr *attr = (struct nlattr *)at;

		if (!fuzz_below(random, ++seen))
			found = attr;
		if (attr->nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(attr->nla_len);
	}
	return found;
}

/**
 * fuzz_mutate() - spoil the last message of a datagram
 * @random: where chance comes from
 * @datagram: the datagram
 * @begin: where its last message begins
 */
void fuzz_mutate(struct fuzz_random *random, struct fuzz_datagram *datagram, size_t begin)
{
	uint8_t *head = datagram->data + begin;
	struct nlmsghdr *nlh = (struct nlmsghdr *)head;
	struct genlmsghdr *genl = (struct genlmsghdr *)(head + NLMSG_HDRLEN);
	uint8_t *attrs = head + NLMSG_HDRLEN + GENL_HDRLEN;
	uint8_t *end = datagram->data + datagram->len;
	struct nlattr *attr = pick(random, attrs, end);
	size_t len = datagram->len - begin, copy;

	switch (fuzz_below(random, 15)) {
	case 0:
		flip_bits(random, head, len);
		return;
	case 1:
	case 2:
		if (end > attrs)
			flip_bits(random, attrs, end - attrs);
		return;
	case 3:
		lie_about_length(random, nlh);
		return;
	case 4:
	case 5:
		if (attr)
			attr->nla_len = fuzz_chance(random, 50) ?
				attr->nla_len + fuzz_below(random, 9) - 4 : fuzz_next(random);
		return;
	case 6:
		/* Less than the header says. */
		datagram->len = begin + fuzz_below(random, len + 1);
		return;
	case 7:
		/* Less, and the header knows. */
		datagram->len = begin + NLMSG_HDRLEN + fuzz_below(random, len - NLMSG_HDRLEN + 1);
		nlh->nlmsg_len = datagram->len - begin;
		return;
	case 8:
		copy = 1 + fuzz_below(random, 200);
		while (copy-- && datagram->len < FUZZ_BYTES - 256)
			datagram->data[datagram->len++] = fuzz_next(random);
		if (fuzz_chance(random, 70))
			nlh->nlmsg_len = datagram->len - begin;
		return;
	case 9:
		if (attr)
			attr->nla_type = fuzz_chance(random, 50) ? fuzz_next(random) :
					 attr->nla_type ^ (NLA_F_NESTED | NLA_F_NET_BYTEORDER);
		return;
	case 10:
		if (attr && attr->nla_len >= NLA_HDRLEN &&
		    (uint8_t *)attr + NLA_ALIGN(attr->nla_len) <= end) {
			copy = NLA_ALIGN(attr->nla_len);
			if (datagram->len + copy < FUZZ_BYTES - 256) {
				memcpy(end, attr, copy);
				datagram->len += copy;
				nlh->nlmsg_len = datagram->len - begin;
			}
		}
		return;
	case 11:
		nlh->nlmsg_flags = fuzz_chance(random, 50) ? fuzz_next(random) :
				   nlh->nlmsg_flags ^ 1u << fuzz_below(random, 16);
		return;
	case 12:
		genl->cmd = fuzz_chance(random, 50) ? fuzz_below(random, VMQOS_CMD_MAX + 3) :
			    fuzz_next(random);
		return;
	case 13:
		nlh->nlmsg_type = fuzz_chance(random, 50) ? fuzz_below(random, NLMSG_MIN_TYPE) :
				  0x8000 | fuzz_next(random);
		return;
	default:
		genl->reserved = fuzz_next(random);
	}
}
