// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams that are nearly right: commands and attributes come from the table
 * of the interface, values from the pool, and then some of it is spoilt. What
 * is sent at last is read once more as the kernel will read it, which gives
 * the messages their numbers, keeps other families out of this, and spares
 * the VMs that nobody may touch.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

/**
 * fuzz_next() - next random number
 * @random: the state (splitmix64)
 *
 * Return: 64 random bits.
 */
uint64_t fuzz_next(struct fuzz_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/**
 * fuzz_below() - random number below a bound
 * @random: the state
 * @bound: the bound, 0 gives 0
 *
 * Return: the number.
 */
uint32_t fuzz_below(struct fuzz_random *random, uint32_t bound)
{
	return bound ? fuzz_next(random) % bound : 0;
}

/**
 * fuzz_chance() - throw a coin
 * @random: the state
 * @percent: how often it says yes
 *
 * Return: what it says.
 */
bool fuzz_chance(struct fuzz_random *random, unsigned int percent)
{
	return fuzz_below(random, 100) < percent;
}

static uint32_t any_number(struct fuzz_random *random)
{
	static const uint32_t edges[] = { 0, 1, 2, 9, 10, 100, 10000, 10001, 0x7fffffff, 0x80000000,
					  0xfffffffe, 0xffffffff };

	switch (fuzz_below(random, 3)) {
	case 0:
		return edges[fuzz_below(random, sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return fuzz_below(random, 64);
	default:
		return fuzz_next(random);
	}
}

static uint32_t some_id(struct fuzz_random *random)
{
	switch (fuzz_below(random, 8)) {
	case 0:
		return any_number(random);
	case 1:
		return fuzz_pool.kept_id[fuzz_below(random, FUZZ_KEPT)];
	default:
		return fuzz_pool.ids[fuzz_below(random, FUZZ_POOL)];
	}
}

static int some_fd(struct fuzz_random *random)
{
	switch (fuzz_below(random, 8)) {
	case 0:
		return any_number(random);
	case 1:
	case 2:
		return fuzz_pool.fds[fuzz_below(random, fuzz_pool.nr_fds)];
	case 3:
	case 4:
		return fuzz_pool.churn_fd[fuzz_below(random, FUZZ_CHURN_MAX)];
	default:
		return fuzz_pool.fds[fuzz_below(random, fuzz_pool.own_vms)];
	}
}

static uint32_t some_pid(struct fuzz_random *random)
{
	switch (fuzz_below(random, 8)) {
	case 0:
		return any_number(random);
	case 1:
	case 2:
		return fuzz_pool.pids[fuzz_below(random, fuzz_pool.nr_pids)];
	case 3:
	case 4:
		return fuzz_pool.churn_pid[fuzz_below(random, FUZZ_CHURN_MAX)];
	default:
		return fuzz_pool.pids[0];
	}
}

/* A name: mostly one of a few, so that names meet; else anything. */
static size_t some_name(struct fuzz_random *random, char *buf)
{
	static const char *const odd[] = { "", " ", "a/b", "a b", "\001", "\377", "caf\303\251",
					   "%s%n%s", "../..", "\n", "x\177" };
	size_t len, i;

	switch (fuzz_below(random, 8)) {
	case 0:
		len = fuzz_below(random, 300);
		for (i = 0; i < len; i++)
			buf[i] = fuzz_next(random);
		return len;
	case 1:
		len = 1 + fuzz_below(random, 70);
		memset(buf, 'a' + fuzz_below(random, 26), len);
		buf[len] = 0;
		return len + 1;
	case 2:
		return snprintf(buf, 64, "%s", odd[fuzz_below(random, sizeof(odd) /
							      sizeof(odd[0]))]) + 1;
	case 3:
		return snprintf(buf, 64, "%s",
				fuzz_pool.kept_name[fuzz_below(random, FUZZ_KEPT)]) + 1;
	default:
		return snprintf(buf, 64, "fuzz-%u", fuzz_below(random, 24)) + 1;
	}
}

/* A device's name, or a reason: of four devices, or anything. */
static size_t some_word(struct fuzz_random *random, char *buf)
{
	if (fuzz_chance(random, 10))
		return some_name(random, buf);
	return snprintf(buf, 64, FUZZ_DEVICE "%u", fuzz_below(random, FUZZ_DEVICES)) + 1;
}

/* A message that grows inside the datagram. */
struct growing {
	struct fuzz_datagram *datagram;
	size_t begin;
};

static void set_len(struct growing *msg)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(msg->datagram->data + msg->begin);

	nlh->nlmsg_len = msg->datagram->len - msg->begin;
}

static void put(struct growing *msg, uint16_t type, const void *data, size_t len)
{
	struct fuzz_datagram *d = msg->datagram;
	struct nlattr *attr = (struct nlattr *)(d->data + d->len);
	size_t total = NLA_HDRLEN + NLA_ALIGN(len);

	if (len > 0xffff - NLA_HDRLEN || d->len + total + 256 > sizeof(d->data))
		return;
	memset(attr, 0, total);
	attr->nla_len = NLA_HDRLEN + len;
	attr->nla_type = type;
	if (data)
		memcpy((uint8_t *)attr + NLA_HDRLEN, data, len);
	d->len += total;
	set_len(msg);
}

/* A number of a policy: mostly one that may be good. */
static uint32_t some_amount(struct fuzz_random *random, const struct vmqos_schema_attr *attr)
{
	static const uint32_t amounts[] = { 0, 1, 9999, 10000, 500000, 1000000, 1000001, 2000000 };

	switch (fuzz_below(random, 4)) {
	case 0:
		return any_number(random);
	case 1:
		return amounts[fuzz_below(random, sizeof(amounts) / sizeof(amounts[0]))];
	default:
		/* One beyond either bound, too. Amounts of CPU time have none in the table. */
		return attr->max ? attr->min + fuzz_below(random, attr->max - attr->min + 3) - 1 :
				   fuzz_below(random, 400000);
	}
}

static bool is_policy(uint8_t cmd, uint16_t type)
{
	return (cmd == VMQOS_CMD_VM_SET && type > VMQOS_VM_A_PAD) ||
	       (cmd == VMQOS_CMD_HOST_SET && type > VMQOS_HOST_A_PAD);
}

/* Bytes: of nothing, of everything, and some. */
static uint64_t some_bytes(struct fuzz_random *random)
{
	static const uint64_t sizes[] = { 0, 1, 4096, 1048575, 1048576, UINT64_MAX };

	if (fuzz_chance(random, 40))
		return sizes[fuzz_below(random, sizeof(sizes) / sizeof(sizes[0]))];
	return (uint64_t)fuzz_next(random) << fuzz_below(random, 32);
}

static void put_value(struct fuzz_random *random, struct growing *msg, uint8_t cmd,
		      const struct vmqos_schema_attr *attr)
{
	char text[512];
	uint64_t bytes;
	uint32_t value;
	size_t len;

	switch (attr->kind) {
	case VMQOS_KIND_U64:
		bytes = some_bytes(random);
		put(msg, attr->type, &bytes, sizeof(bytes));
		return;
	case VMQOS_KIND_S32:
		value = some_fd(random);
		put(msg, attr->type, &value, 4);
		return;
	case VMQOS_KIND_NAME:
		len = some_name(random, text);
		put(msg, attr->type, text, len);
		return;
	case VMQOS_KIND_WORD:
		len = some_word(random, text);
		put(msg, attr->type, text, len);
		return;
	case VMQOS_KIND_UUID:
		for (len = 0; len < VMQOS_UUID_SIZE; len++)
			text[len] = fuzz_next(random);
		put(msg, attr->type, text, VMQOS_UUID_SIZE);
		return;
	default:
		break;
	}
	if (is_policy(cmd, attr->type))
		value = some_amount(random, attr);
	else if (cmd == VMQOS_CMD_VIRTIO_ADD ||
		 (cmd == VMQOS_CMD_BALLOON_SET && attr->type != VMQOS_BALLOON_A_ID))
		value = fuzz_chance(random, 80) ? 0 : any_number(random);
	else if (cmd == VMQOS_CMD_VM_ADOPT)
		value = some_pid(random);
	else if (cmd == VMQOS_CMD_HOST_SET && attr->max > 1)
		/* Mostly a short period: the VMs that come and go are found by it. */
		value = fuzz_chance(random, 80) ? 10 + fuzz_below(random, 90) : any_number(random);
	else if (cmd == VMQOS_CMD_HOST_SET || cmd == VMQOS_CMD_HOST_GET ||
		 (cmd == VMQOS_CMD_VCPU_STAT_GET && attr->type == VMQOS_VCPU_A_INDEX))
		value = fuzz_chance(random, 80) ? fuzz_below(random, 2) : any_number(random);
	else
		value = some_id(random);
	put(msg, attr->type, &value, 4);
}

static void put_odd(struct fuzz_random *random, struct growing *msg)
{
	uint8_t junk[256];
	unsigned int i, n;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = fuzz_next(random);
	switch (fuzz_below(random, 6)) {
	case 0:		/* some type, some length */
		put(msg, fuzz_below(random, 24), junk, fuzz_below(random, sizeof(junk)));
		return;
	case 1:		/* with the flags of a type */
		put(msg, fuzz_below(random, 24) | NLA_F_NESTED, junk, fuzz_below(random, 64));
		return;
	case 2:		/* any type */
		put(msg, fuzz_next(random), junk, fuzz_below(random, 32));
		return;
	case 3:		/* nests in nests */
		n = 1 + fuzz_below(random, 40);
		for (i = 0; i < n; i++) {
			struct nlattr head = {
				.nla_len = 4 * (n - i), .nla_type = NLA_F_NESTED | 1,
			};

			memcpy(junk + 4 * i, &head, sizeof(head));
		}
		put(msg, fuzz_below(random, 12) | NLA_F_NESTED, junk, 4 * n);
		return;
	case 4:		/* a great many */
		n = fuzz_below(random, fuzz_chance(random, 10) ? 1000 : 60);
		for (i = 0; i < n; i++)
			put(msg, fuzz_below(random, 12), junk, 4);
		return;
	default:	/* a huge one */
		n = fuzz_chance(random, 10) ? 65000 : 3000;
		put(msg, fuzz_below(random, 12), NULL, fuzz_below(random, n));
		return;
	}
}

/* How many in a hundred are passed over: what takes long, and what is simple. */
static unsigned int too_often(uint8_t cmd)
{
	switch (cmd) {
	case VMQOS_CMD_VIRTIO_ADD:
	case VMQOS_CMD_VIRTIO_DEL:
		return 80;
	case VMQOS_CMD_VIRTIO_GET:
	case VMQOS_CMD_BALLOON_GET:
		return 50;
	default:
		return 0;
	}
}

static void one_message(struct fuzz_random *random, struct vmqos_raw *raw,
			struct fuzz_datagram *d)
{
	const struct vmqos_schema_cmd *cmd;
	const struct vmqos_schema_list *list;
	struct growing msg = { d, d->len };
	struct nlmsghdr *nlh = (struct nlmsghdr *)(d->data + d->len);
	struct genlmsghdr *genl = (struct genlmsghdr *)(d->data + d->len + NLMSG_HDRLEN);
	bool dump;
	unsigned int i;

	do {
		cmd = &vmqos_schema[fuzz_below(random, vmqos_schema_cmds)];
	} while (!cmd->can_do || fuzz_chance(random, too_often(cmd->cmd)));
	dump = cmd->can_dump && fuzz_chance(random, 8);
	list = dump ? &cmd->dump : &cmd->request;
	memset(nlh, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	nlh->nlmsg_type = raw->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0) |
			   (fuzz_chance(random, 80) ? NLM_F_ACK : 0);
	nlh->nlmsg_pid = fuzz_chance(random, 90) ? raw->portid : fuzz_next(random);
	genl->cmd = cmd->cmd;
	genl->version = fuzz_chance(random, 90) ? VMQOS_FAMILY_VERSION : fuzz_next(random);
	d->len += NLMSG_HDRLEN + GENL_HDRLEN;
	set_len(&msg);
	for (i = 0; i < list->count; i++) {
		/* Where id and name are alternatives, mostly one of them. */
		bool either = (list->count == 2 && cmd->cmd != VMQOS_CMD_HOST_SET &&
			       cmd->cmd != VMQOS_CMD_VCPU_STAT_GET &&
			       cmd->cmd != VMQOS_CMD_MEM_RANGE_GET) ||
			      (cmd->cmd == VMQOS_CMD_VM_RECLAIM && i < 2);
		bool balloon = cmd->cmd == VMQOS_CMD_BALLOON_GET ||
			       cmd->cmd == VMQOS_CMD_BALLOON_SET;

		unsigned int chance = either ? 50 : balloon && i < 2 ? 25 : 85;

		/* Each may be refused: so few that the whole is sometimes good. */
		if (is_policy(cmd->cmd, list->attrs[i].type))
			chance = 20;
		if (fuzz_chance(random, chance))
			put_value(random, &msg, cmd->cmd, &list->attrs[i]);
		if (fuzz_chance(random, 5))
			put_value(random, &msg, cmd->cmd, &list->attrs[i]);
	}
	if (fuzz_chance(random, 12))
		put_odd(random, &msg);
	if (fuzz_chance(random, 40))
		fuzz_mutate(random, d, msg.begin);
}

/* Devices are dear to make: few, and with names by which they are deleted in the end. */
static bool may_add(const uint8_t *at, const uint8_t *end)
{
	bool ours = false;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const struct nlattr *)at;
		const char *name = (const char *)at + NLA_HDRLEN;

		if (attr->nla_len < NLA_HDRLEN || at + attr->nla_len > end)
			return false;
		if ((attr->nla_type & NLA_TYPE_MASK) == VMQOS_VIRTIO_A_NAME)
			ours = attr->nla_len == NLA_HDRLEN + sizeof(FUZZ_DEVICE) + 1 &&
			       !memcmp(name, FUZZ_DEVICE, sizeof(FUZZ_DEVICE) - 1) &&
			       name[sizeof(FUZZ_DEVICE) - 1] >= '0' &&
			       name[sizeof(FUZZ_DEVICE) - 1] < '0' + FUZZ_DEVICES;
		at += NLA_ALIGN(attr->nla_len);
	}
	return ours;
}

static bool names_kept(const uint8_t *at, const uint8_t *end)
{
	unsigned int i;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const struct nlattr *)at;
		const uint8_t *data = at + NLA_HDRLEN;
		size_t len;

		if (attr->nla_len < NLA_HDRLEN || at + attr->nla_len > end)
			return false;
		len = attr->nla_len - NLA_HDRLEN;
		for (i = 0; i < FUZZ_KEPT; i++) {
			if (len >= 4 && !memcmp(data, &fuzz_pool.kept_id[i], 4))
				return true;
			if (len && !strncmp((const char *)data, fuzz_pool.kept_name[i], len))
				return true;
		}
		at += NLA_ALIGN(attr->nla_len);
	}
	return false;
}

/* Read the datagram as the kernel will, and put right what must be. */
static void finish(struct vmqos_raw *raw, struct fuzz_datagram *d)
{
	size_t at = 0;

	d->messages = 0;
	while (d->len - at >= NLMSG_HDRLEN && d->messages < FUZZ_MESSAGES) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)(d->data + at);
		struct fuzz_seen *seen = &d->seen[d->messages];
		struct genlmsghdr *genl;

		if (nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > d->len - at)
			break;
		/* Types of netlink itself and numbers that no family can have. */
		if (nlh->nlmsg_type != raw->family && nlh->nlmsg_type >= NLMSG_MIN_TYPE &&
		    nlh->nlmsg_type < 0x8000)
			nlh->nlmsg_type = raw->family;
		nlh->nlmsg_seq = ++raw->seq;
		memset(seen, 0, sizeof(*seen));
		seen->offset = at;
		seen->len = nlh->nlmsg_len;
		seen->seq = nlh->nlmsg_seq;
		seen->type = nlh->nlmsg_type;
		seen->flags = nlh->nlmsg_flags;
		if (nlh->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN) {
			genl = (struct genlmsghdr *)(d->data + at + NLMSG_HDRLEN);
			if ((genl->cmd == VMQOS_CMD_VM_SET || genl->cmd == VMQOS_CMD_VM_RELEASE) &&
			    names_kept((uint8_t *)genl + GENL_HDRLEN,
				       d->data + at + nlh->nlmsg_len))
				genl->cmd = VMQOS_CMD_VM_GET;
			if (genl->cmd == VMQOS_CMD_VIRTIO_ADD &&
			    !may_add((uint8_t *)genl + GENL_HDRLEN,
				     d->data + at + nlh->nlmsg_len))
				genl->cmd = VMQOS_CMD_VIRTIO_GET;
			seen->genl = true;
			seen->cmd = genl->cmd;
			seen->reserved = genl->reserved;
		}
		d->messages++;
		at += NLMSG_ALIGN(nlh->nlmsg_len);
		if (at > d->len)
			break;
	}
	/* The kernel must not find more than we have looked at. */
	if (d->messages == FUZZ_MESSAGES && at < d->len)
		d->len = at;
}

/**
 * fuzz_generate() - make a datagram
 * @random: where chance comes from
 * @raw: the socket it is for; its sequence number moves on
 * @datagram: filled
 */
void fuzz_generate(struct fuzz_random *random, struct vmqos_raw *raw,
		   struct fuzz_datagram *datagram)
{
	unsigned int messages = fuzz_chance(random, 40) ? 1 : 2 + fuzz_below(random, 22);

	datagram->len = 0;
	while (messages-- && datagram->len < FUZZ_BYTES / 2) {
		datagram->len = NLMSG_ALIGN(datagram->len);
		one_message(random, raw, datagram);
	}
	finish(raw, datagram);
}
