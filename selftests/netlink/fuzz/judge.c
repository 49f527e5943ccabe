// SPDX-License-Identifier: GPL-2.0
/*
 * Reading of answers. The kernel works through the messages of a datagram one
 * by one and has answered all of them when the send returns, apart from lists,
 * which go on as they are read. For each message it is known what netlink
 * itself refuses, silently or with a sentence; everything else is for vmqos,
 * whose refusals must have a sentence and whose answers must be well formed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fuzz.h"

#define SAY(...)	(snprintf(why, size, __VA_ARGS__), false)

struct verdict {
	unsigned int replies, ends;
	struct vmqos_raw_answer end;
};

static bool is_dump(const struct fuzz_seen *seen)
{
	return (seen->flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* The refusal that must come from netlink itself, 0 when the message gets to vmqos. */
static int refused_before(const struct vmqos_raw *raw, const struct fuzz_seen *seen,
			  bool *sentence)
{
	const struct vmqos_schema_cmd *cmd;
	uint16_t flags = seen->flags;

	*sentence = false;
	if (seen->type != raw->family)
		return ENOENT;
	if (!seen->genl)
		return EINVAL;
	if (is_dump(seen))
		flags &= ~NLM_F_DUMP;
	/* The family has headers checked from its first command on. */
	*sentence = seen->cmd >= VMQOS_CMD_HOST_GET;
	if (*sentence && (seen->reserved || flags & ~(NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO)))
		return EINVAL;
	*sentence = false;
	cmd = vmqos_schema_find(seen->cmd);
	if (!cmd || !(is_dump(seen) ? cmd->can_dump : cmd->can_do))
		return EOPNOTSUPP;
	return 0;
}

static bool of_devices(uint8_t cmd)
{
	return cmd >= VMQOS_CMD_VIRTIO_ADD && cmd <= VMQOS_CMD_BALLOON_SET;
}

static bool errno_is_ours(int error)
{
	switch (error) {
	case EINVAL:
	case ERANGE:
	case ENOENT:
	case EEXIST:
	case EBADF:
	case ESRCH:
	case EBUSY:
	case EPERM:
	case ENOSPC:
		return true;
	}
	return false;
}

static bool judge_one(const struct vmqos_raw *raw, const struct fuzz_seen *seen,
		      const struct verdict *v, bool nobody, struct fuzz_tally *tally, char *why,
		      size_t size)
{
	bool control = !(seen->flags & NLM_F_REQUEST) || seen->type < NLMSG_MIN_TYPE;
	bool ack = seen->flags & NLM_F_ACK, dump = is_dump(seen), sentence;
	const struct vmqos_schema_cmd *cmd;
	int before, error = v->end.error;

	if (v->ends > 1)
		return SAY("%u ends to one message", v->ends);
	if (control) {
		if (v->replies || error || v->ends != ack)
			return SAY("a control message got %u replies, %u ends, error %d",
				   v->replies, v->ends, error);
		return true;
	}
	before = refused_before(raw, seen, &sentence);
	if (before) {
		if (v->replies || error != before)
			return SAY("error %d and %u replies where netlink has to refuse with %d",
				   error, v->replies, before);
		if (sentence && !v->end.sentence[0])
			return SAY("netlink refused without its sentence");
		return true;
	}
	cmd = vmqos_schema_find(seen->cmd);
	if (error < 0 || error > 255)
		return SAY("%s: error %d", cmd->name, error);
	tally->errors[error]++;
	if (!error) {
		tally->accepted[seen->cmd]++;
		if (nobody && cmd->changes)
			return SAY("%s was accepted from nobody", cmd->name);
		if (!dump && v->replies != 1)
			return SAY("%s was accepted with %u replies", cmd->name, v->replies);
		if (v->ends != (dump || ack))
			return SAY("%s was accepted with %u ends", cmd->name, v->ends);
		return true;
	}
	/* Linux 6.1 serves no devices, and nowhere has a VM of these a balloon. */
	if (of_devices(seen->cmd) && (error == EOPNOTSUPP || error == ENXIO))
		tally->accepted[seen->cmd]++;
	/* None of these VMs has memory that could be reclaimed: so far such a request gets. */
	else if (seen->cmd == VMQOS_CMD_VM_RECLAIM && (error == EOPNOTSUPP || error == EAGAIN))
		tally->accepted[seen->cmd]++;
	else if (!errno_is_ours(error))
		return SAY("%s was refused with errno %d (%s)", cmd->name, error, strerror(error));
	tally->refused[seen->cmd]++;
	if (v->replies && !dump)
		return SAY("%s was refused with %d but has %u replies", cmd->name, error,
			   v->replies);
	/* A list while another one is being read on the same socket: netlink's own. */
	if (dump && error == EBUSY)
		return true;
	if (!v->end.sentence[0])
		return SAY("%s was refused with errno %d (%s) and no sentence", cmd->name, error,
			   strerror(error));
	if (v->end.has_offset && v->end.offset + NLA_HDRLEN > seen->len)
		return SAY("%s: the attribute to blame is at %u of %u", cmd->name, v->end.offset,
			   seen->len);
	tally->sentences++;
	return true;
}

static const struct fuzz_seen *find(const struct fuzz_datagram *d, uint32_t seq)
{
	/* The numbers of a datagram's messages follow each other. */
	if (!d->messages || seq - d->seen[0].seq >= d->messages)
		return NULL;
	return &d->seen[seq - d->seen[0].seq];
}

static bool take(const struct vmqos_raw *raw, const struct fuzz_datagram *d,
		 const struct nlmsghdr *nlh, struct verdict *verdicts, char *why, size_t size)
{
	const struct fuzz_seen *seen = find(d, nlh->nlmsg_seq);
	const struct genlmsghdr *genl;
	struct verdict *v;

	if (!seen)
		return SAY("an answer to message %u, which was not asked", nlh->nlmsg_seq);
	if (nlh->nlmsg_pid != raw->portid)
		return SAY("an answer to somebody else, %u", nlh->nlmsg_pid);
	v = &verdicts[seen - d->seen];
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		v->ends++;
		vmqos_raw_parse_end(nlh, &v->end);
		return true;
	}
	v->replies++;
	if (nlh->nlmsg_type != raw->family)
		return SAY("an answer of type %u", nlh->nlmsg_type);
	genl = (const struct genlmsghdr *)((const uint8_t *)nlh + NLMSG_HDRLEN);
	if (genl->cmd != seen->cmd)
		return SAY("an answer to command %u is marked as %u", seen->cmd, genl->cmd);
	if (!vmqos_schema_check(nlh, why, size))
		return false;
	if (genl->cmd == VMQOS_CMD_VM_ADOPT)
		fuzz_pool.ids[fuzz_pool.next_id++ % FUZZ_POOL] =
			vmqos_raw_u32(vmqos_raw_attr(nlh, VMQOS_VM_A_ID));
	return true;
}

/* Receive everything that was answered. */
static bool receive(struct vmqos_raw *raw, const struct fuzz_datagram *d, struct verdict *verdicts,
		    char *why, size_t size)
{
	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)raw->buf;
		ssize_t got = recv(raw->fd, raw->buf, VMQOS_RAW_PIECE,
				   MSG_DONTWAIT | MSG_TRUNC);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (got < 0)
			return SAY("receiving: %s", strerror(errno));
		if (got > VMQOS_RAW_PIECE)
			return SAY("a piece of %zd bytes", got);
		while (got >= (ssize_t)NLMSG_HDRLEN) {
			size_t step = NLMSG_ALIGN(nlh->nlmsg_len);

			if (nlh->nlmsg_len < NLMSG_HDRLEN || (ssize_t)nlh->nlmsg_len > got)
				return SAY("an answer of %u bytes in a piece of %zd",
					   nlh->nlmsg_len, got);
			if (!take(raw, d, nlh, verdicts, why, size))
				return false;
			got -= step;
			nlh = (const struct nlmsghdr *)((const uint8_t *)nlh + step);
		}
	}
}

/**
 * fuzz_judge() - read everything that was answered to a datagram and judge it
 * @raw: the socket
 * @datagram: what was sent
 * @nobody: the sender had no privilege
 * @tally: what was answered is added here
 * @why: what is wrong
 * @size: room in @why
 *
 * Return: whether nothing is.
 */
bool fuzz_judge(struct vmqos_raw *raw, const struct fuzz_datagram *datagram, bool nobody,
		struct fuzz_tally *tally, char *why, size_t size)
{
	struct verdict *verdicts = calloc(FUZZ_MESSAGES, sizeof(*verdicts));
	bool right = verdicts && receive(raw, datagram, verdicts, why, size);
	unsigned int i;

	for (i = 0; right && i < datagram->messages; i++)
		right = judge_one(raw, &datagram->seen[i], &verdicts[i], nobody, tally, why, size);
	free(verdicts);
	return right;
}
