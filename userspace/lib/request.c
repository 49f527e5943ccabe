// SPDX-License-Identifier: LGPL-2.1+
/*
 * DOC: Overview
 *
 * A request is one message and its answers carry its sequence number, so
 * what an earlier request left behind is passed over. The end of a request
 * is an acknowledgement, of a dump the message DONE; it is always read to
 * there, even after a failure, because the kernel runs one dump at a time on
 * a socket. When that is not possible the socket is closed, and the next
 * request opens another.
 *
 * The number of the family changes when the module is unloaded and loaded
 * again. The kernel refuses a number that is gone with ENOENT and without a
 * sentence, which vmqos itself never does; the family is then looked up
 * anew and the request is sent once more.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vmqos.h>

#include "context.h"
#include "decode.h"
#include "request.h"
#include "transport.h"

/* How often an interrupted dump is repeated before it is given up. */
#define DUMP_RUNS	16

struct run {
	vmqos_answer_fn answer;
	void *arg;
	uint8_t cmd;
	bool dump;
	bool interrupted;
	bool finished;
	bool failed;	/* @answer has refused, the rest is only drained */
	unsigned int answers;
	int err;
};

static void disconnect(struct vmqos *ctx)
{
	vmqos_nl_close(ctx->nl);
	ctx->nl = NULL;
}

static int look_up(struct vmqos *ctx)
{
	int err = vmqos_nl_family(ctx->nl, &ctx->family, NULL);

	if (err == -ENODEV)
		return vmqos_fail(ctx, err,
				  "the kernel module vmqos is not loaded; load it with: modprobe vmqos");
	if (err)
		return vmqos_fail(ctx, err, "cannot look up the netlink family vmqos: %s",
				  strerror(-err));
	return 0;
}

int vmqos_request_connect(struct vmqos *ctx)
{
	int err;

	if (ctx->nl)
		return 0;
	err = vmqos_nl_open(&ctx->nl, 0);
	if (err) {
		ctx->nl = NULL;
		return vmqos_fail(ctx, err, "cannot open a netlink socket: %s", strerror(-err));
	}
	err = look_up(ctx);
	if (err)
		disconnect(ctx);
	return err;
}

int vmqos_request_begin(struct vmqos *ctx, uint8_t cmd, struct nl_msg **msg)
{
	int err = vmqos_request_connect(ctx);

	if (err)
		return err;
	*msg = nlmsg_alloc();
	if (!*msg)
		return vmqos_fail_memory(ctx);
	if (!genlmsg_put(*msg, 0, 0, ctx->family, 0, NLM_F_REQUEST, cmd, VMQOS_FAMILY_VERSION)) {
		nlmsg_free(*msg);
		return vmqos_fail_memory(ctx);
	}
	return 0;
}

int vmqos_request_overflow(struct vmqos *ctx, struct nl_msg *msg)
{
	nlmsg_free(msg);
	return vmqos_fail_memory(ctx);
}

/* The sentence for a refusal that came without one. */
static void fail_without_sentence(struct vmqos *ctx, int err)
{
	if (err == -EPERM || err == -EACCES)
		vmqos_fail(ctx, err,
			   "not permitted: this needs CAP_NET_ADMIN in the initial user namespace; run it as root");
	else if (err == -EOPNOTSUPP)
		vmqos_fail(ctx, err,
			   "the loaded module vmqos does not know this request; load the module of the same version as the library, %s",
			   vmqos_version());
	else
		vmqos_fail(ctx, err, "the kernel refused the request: %s", strerror(-err));
}

/* Attributes of an extended acknowledgement. */
static void take_extack(struct vmqos *ctx, struct run *run, const struct nlmsghdr *request,
			struct nlattr *attrs, int size, int err)
{
	const char *blamed = NULL;
	struct nlattr *attr;
	bool sentence = false;
	int rest;

	fail_without_sentence(ctx, err);
	nla_for_each_attr(attr, attrs, size, rest) {
		int length = nla_len(attr);

		switch (nla_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			/* An empty one would say less than that of the errno. */
			if (length < 2 || !*nla_get_string(attr) ||
			    strnlen(nla_data(attr), length) == (size_t)length)
				break;
			vmqos_fail(ctx, err, "%s", nla_get_string(attr));
			sentence = true;
			break;
		case NLMSGERR_ATTR_OFFS:
			if (length == sizeof(uint32_t))
				blamed = vmqos_attr_at(request, nla_get_u32(attr));
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (length == sizeof(uint32_t))
				blamed = vmqos_attr_name(run->cmd, nla_get_u32(attr));
			break;
		}
	}
	ctx->error_attr = blamed;
	ctx->error_from_kernel = sentence;
}

static void take_error(struct vmqos *ctx, struct run *run, const struct nlmsghdr *request,
		       const struct nlmsghdr *hdr, int fixed)
{
	int payload = hdr->nlmsg_len - NLMSG_HDRLEN;
	int err;

	run->finished = true;
	if (payload < (int)sizeof(int)) {
		run->err = vmqos_fail(ctx, -EBADMSG, "the kernel's answer is cut short");
		return;
	}
	memcpy(&err, nlmsg_data(hdr), sizeof(err));
	if (err >= 0 || run->failed)
		return;
	run->err = err;
	if ((hdr->nlmsg_flags & NLM_F_ACK_TLVS) && payload > fixed)
		take_extack(ctx, run, request,
			    (struct nlattr *)((char *)nlmsg_data(hdr) + fixed),
			    payload - fixed, err);
	else
		fail_without_sentence(ctx, err);
}

static void take_message(struct vmqos *ctx, struct run *run, const struct nlmsghdr *request,
			 struct nlmsghdr *hdr)
{
	int fixed = sizeof(int);

	if (hdr->nlmsg_seq != request->nlmsg_seq)
		return;
	if (hdr->nlmsg_flags & NLM_F_DUMP_INTR)
		run->interrupted = true;

	switch (hdr->nlmsg_type) {
	case NLMSG_NOOP:
		return;
	case NLMSG_ERROR:
		/* The request's header follows, and with it the rest unless capped. */
		fixed += NLMSG_HDRLEN;
		if (!(hdr->nlmsg_flags & NLM_F_CAPPED)) {
			const struct nlmsgerr *e = nlmsg_data(hdr);

			if (hdr->nlmsg_len >= NLMSG_HDRLEN + sizeof(*e) &&
			    e->msg.nlmsg_len > NLMSG_HDRLEN &&
			    e->msg.nlmsg_len < hdr->nlmsg_len)
				fixed = sizeof(int) + NLMSG_ALIGN(e->msg.nlmsg_len);
		}
		take_error(ctx, run, request, hdr, fixed);
		return;
	case NLMSG_DONE:
		take_error(ctx, run, request, hdr, fixed);
		return;
	}
	if (hdr->nlmsg_type != request->nlmsg_type || run->failed)
		return;
	if (!genlmsg_valid_hdr(hdr, 0)) {
		run->err = vmqos_fail(ctx, -EBADMSG, "the kernel's answer is cut short");
	} else {
		struct genlmsghdr *genl = nlmsg_data(hdr);

		run->answers++;
		run->err = run->answer(ctx, genlmsg_attrdata(genl, 0),
				       genlmsg_attrlen(genl, 0), run->arg);
	}
	run->failed = run->err != 0;
}

/* Sends the request once and reads its answers to the end. */
static int exchange(struct vmqos *ctx, struct run *run, const struct nlmsghdr *request)
{
	/* Aligned for nlmsghdr; on the heap, because stacks may be small. */
	void *buffer = malloc(VMQOS_NL_DATAGRAM);
	struct nlmsghdr *hdr;
	ssize_t size;
	int rest;
	int err;

	if (!buffer)
		return vmqos_fail_memory(ctx);
	err = vmqos_nl_send(ctx->nl, request);
	if (err) {
		disconnect(ctx);
		free(buffer);
		return vmqos_fail(ctx, err, "cannot send to the kernel: %s", strerror(-err));
	}
	while (!run->finished) {
		size = vmqos_nl_receive(ctx->nl, buffer);
		if (size == -EINTR)
			continue;
		if (size < 0) {
			disconnect(ctx);
			free(buffer);
			return vmqos_fail(ctx, size, "cannot receive from the kernel: %s",
					  size == -EAGAIN ? "no answer in 10 seconds" :
					  strerror(-size));
		}
		rest = size;
		for (hdr = buffer; nlmsg_ok(hdr, rest) && !run->finished;
		     hdr = nlmsg_next(hdr, &rest))
			take_message(ctx, run, request, hdr);
	}
	free(buffer);
	return run->err;
}

/* Whether @err means that the family's number is not valid any more. */
static bool family_gone(const struct vmqos *ctx, int err)
{
	return err == -ENOENT && !ctx->error_from_kernel;
}

static int run_request(struct vmqos *ctx, struct run *run, struct nlmsghdr *hdr)
{
	struct run fresh = *run;
	int err;

	hdr->nlmsg_seq = ++ctx->seq;
	err = exchange(ctx, run, hdr);
	if (!err || run->failed || !ctx->nl || !family_gone(ctx, err))
		return err;

	err = look_up(ctx);
	if (err) {
		disconnect(ctx);
		return err;
	}
	*run = fresh;
	hdr->nlmsg_type = ctx->family;
	hdr->nlmsg_seq = ++ctx->seq;
	return exchange(ctx, run, hdr);
}

int vmqos_request_do(struct vmqos *ctx, struct nl_msg *msg, vmqos_answer_fn answer, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct run run = {
		.answer = answer,
		.arg = arg,
		.cmd = genlmsg_hdr(hdr)->cmd,
	};
	int err;

	hdr->nlmsg_flags |= NLM_F_ACK;
	err = run_request(ctx, &run, hdr);
	nlmsg_free(msg);
	if (!err && !run.answers)
		err = vmqos_fail(ctx, -EBADMSG, "the kernel acknowledged the request without an answer");
	return err;
}

int vmqos_request_dump(struct vmqos *ctx, struct nl_msg *msg, vmqos_answer_fn answer,
		       void (*restart)(void *arg), void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	int runs;
	int err;

	hdr->nlmsg_flags |= NLM_F_DUMP;
	for (runs = 0; runs < DUMP_RUNS; runs++) {
		struct run run = {
			.answer = answer,
			.arg = arg,
			.cmd = genlmsg_hdr(hdr)->cmd,
			.dump = true,
		};

		restart(arg);
		err = run_request(ctx, &run, hdr);
		if (err || !run.interrupted)
			goto out;
	}
	err = vmqos_fail(ctx, -EAGAIN, "VMs came and went during each of %d readings; try again",
			 DUMP_RUNS);
out:
	nlmsg_free(msg);
	return err;
}
