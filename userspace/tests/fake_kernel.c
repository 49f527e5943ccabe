// SPDX-License-Identifier: GPL-2.0
/* A kernel for the tests: sockets, requests and events. */
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vmqos.h>

#include "../lib/process.h"
#include "../lib/transport.h"
#include "fake_balloon.h"
#include "fake_kernel.h"
#include "fake_vms.h"

#define CONTROLLER_GROUP	16
#define DUMP_DATAGRAM		16384

struct datagram {
	struct datagram *next;
	size_t size;
	char bytes[];
};

/*
 * @events: a socket for events
 * @fd: readable while datagrams are there
 */
struct vmqos_nl {
	struct vmqos_nl *next;
	bool events;
	int fd;
	bool in_controller;
	uint32_t group;
	struct datagram *first;
	struct datagram **last;
};

struct vmqos_fake vmqos_fake;
static struct vmqos_nl *sockets;
/* Events that come to the first subscriber. */
static struct datagram *waiting;
static struct datagram **waiting_last = &waiting;

void vmqos_fake_reset(void)
{
	vmqos_fake = (struct vmqos_fake) {
		.loaded = true,
		.family = 40,
		.group = 20,
		.sockets = vmqos_fake.sockets,
	};
	vmqos_fake_vms_reset();
}

__attribute__((constructor))
static void start(void)
{
	vmqos_fake_reset();
	vmqos_fake_script(getenv("VMQOS_FAKE"));
	if (getenv("VMQOS_FAKE_PROC"))
		vmqos_proc_root = getenv("VMQOS_FAKE_PROC");
}

static struct datagram *new_datagram(const void *bytes, size_t size)
{
	struct datagram *datagram = malloc(sizeof(*datagram) + VMQOS_NL_DATAGRAM);

	if (!datagram)
		abort();
	datagram->next = NULL;
	datagram->size = size;
	memcpy(datagram->bytes, bytes, size);
	return datagram;
}

static void queue(struct vmqos_nl *nl, const void *bytes, size_t size)
{
	struct datagram *datagram = new_datagram(bytes, size);
	uint64_t one = 1;

	*nl->last = datagram;
	nl->last = &datagram->next;
	if (write(nl->fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* --- what lib/transport.c has --- */

int vmqos_nl_open(struct vmqos_nl **out, int events)
{
	struct vmqos_nl *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return -ENOMEM;
	nl->events = events;
	nl->last = &nl->first;
	nl->fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE | EFD_CLOEXEC);
	nl->next = sockets;
	sockets = nl;
	vmqos_fake.sockets++;
	*out = nl;
	return 0;
}

void vmqos_nl_close(struct vmqos_nl *nl)
{
	struct vmqos_nl **at = &sockets;

	if (!nl)
		return;
	while (*at != nl)
		at = &(*at)->next;
	*at = nl->next;
	while (nl->first) {
		struct datagram *next = nl->first->next;

		free(nl->first);
		nl->first = next;
	}
	close(nl->fd);
	free(nl);
	vmqos_fake.sockets--;
}

int vmqos_nl_fd(const struct vmqos_nl *nl)
{
	return nl->fd;
}

int vmqos_nl_family(struct vmqos_nl *nl, uint16_t *family, uint32_t *group)
{
	(void)nl;
	if (!vmqos_fake.loaded)
		return -ENODEV;
	*family = vmqos_fake.family;
	if (group)
		*group = vmqos_fake.group;
	return 0;
}

int vmqos_nl_controller_group(struct vmqos_nl *nl, uint32_t *group)
{
	(void)nl;
	*group = CONTROLLER_GROUP;
	return 0;
}

int vmqos_nl_join(struct vmqos_nl *nl, uint32_t group)
{
	if (group == CONTROLLER_GROUP) {
		nl->in_controller = true;
		return 0;
	}
	nl->group = group;
	while (waiting) {
		struct datagram *next = waiting->next;

		queue(nl, waiting->bytes, waiting->size);
		free(waiting);
		waiting = next;
	}
	waiting_last = &waiting;
	return 0;
}

ssize_t vmqos_nl_receive(struct vmqos_nl *nl, void *buffer)
{
	struct datagram *datagram = nl->first;
	uint64_t count;
	size_t size;

	if (nl->events && vmqos_fake.lose) {
		vmqos_fake.lose = false;
		return -ENOBUFS;
	}
	if (!datagram)
		return -EAGAIN;
	if (read(nl->fd, &count, sizeof(count)) != sizeof(count))
		abort();
	nl->first = datagram->next;
	if (!nl->first)
		nl->last = &nl->first;
	size = datagram->size > vmqos_fake.cut ? datagram->size - vmqos_fake.cut : 0;
	if (vmqos_fake.mutate)
		size = vmqos_fake.mutate(datagram->bytes, size);
	memcpy(buffer, datagram->bytes, size);
	free(datagram);
	return size;
}

/* --- answers --- */

struct answer {
	struct vmqos_nl *nl;
	const struct nlmsghdr *request;
	struct nl_msg *msg;
	char *bytes;
	size_t used;
	bool dump;
	bool interrupted;
};

static void append(struct answer *answer, struct nl_msg *msg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	hdr->nlmsg_seq = answer->request->nlmsg_seq;
	if (answer->dump)
		hdr->nlmsg_flags |= NLM_F_MULTI;
	if (answer->interrupted)
		hdr->nlmsg_flags |= NLM_F_DUMP_INTR;
	if (answer->used + NLMSG_ALIGN(hdr->nlmsg_len) > DUMP_DATAGRAM) {
		queue(answer->nl, answer->bytes, answer->used);
		answer->used = 0;
	}
	memset(answer->bytes + answer->used, 0, NLMSG_ALIGN(hdr->nlmsg_len));
	memcpy(answer->bytes + answer->used, hdr, hdr->nlmsg_len);
	answer->used += NLMSG_ALIGN(hdr->nlmsg_len);
	nlmsg_free(msg);
}

static void flush(struct answer *answer)
{
	if (answer->used)
		queue(answer->nl, answer->bytes, answer->used);
	answer->used = 0;
}

static struct nl_msg *begin(uint8_t cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, 0, 0, vmqos_fake.family, 0, 0, cmd, VMQOS_FAMILY_VERSION))
		abort();
	return msg;
}

/* Where an attribute of the request begins, for the acknowledgement. */
static uint32_t offset_of(const struct nlmsghdr *request, int type)
{
	struct genlmsghdr *genl = nlmsg_data(request);
	struct nlattr *attr = nla_find(genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), type);

	return attr ? (char *)attr - (char *)request : 0;
}

static void acknowledge(struct answer *answer, int err, const char *sentence, int blame,
			int missing)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsgerr error = { .error = err, .msg = *answer->request };
	struct nlmsghdr *hdr;

	if (!msg || !nlmsg_put(msg, 0, answer->request->nlmsg_seq, NLMSG_ERROR, 0, 0))
		abort();
	hdr = nlmsg_hdr(msg);
	nlmsg_append(msg, &error, sizeof(error), 0);
	if (vmqos_fake.echo)
		nlmsg_append(msg, nlmsg_data(answer->request),
			     answer->request->nlmsg_len - NLMSG_HDRLEN, NLMSG_ALIGNTO);
	else
		hdr->nlmsg_flags |= NLM_F_CAPPED;
	if (sentence || blame || missing)
		hdr->nlmsg_flags |= NLM_F_ACK_TLVS;
	if (sentence)
		nla_put_string(msg, NLMSGERR_ATTR_MSG, sentence);
	if (blame && offset_of(answer->request, blame))
		nla_put_u32(msg, NLMSGERR_ATTR_OFFS, offset_of(answer->request, blame));
	if (missing)
		nla_put_u32(msg, NLMSGERR_ATTR_MISS_TYPE, missing);
	answer->dump = false;
	append(answer, msg);
}

static void refuse(struct answer *answer, int err, const char *sentence, int blame)
{
	acknowledge(answer, err, sentence, blame, 0);
}

static void done(struct answer *answer)
{
	struct nl_msg *msg = nlmsg_alloc();
	int none = 0;

	if (!msg || !nlmsg_put(msg, 0, 0, NLMSG_DONE, 0, 0))
		abort();
	nlmsg_append(msg, &none, sizeof(none), 0);
	append(answer, msg);
}

static void put_one(struct answer *answer, uint8_t cmd, unsigned int vm, unsigned int vcpu)
{
	struct nl_msg *msg = begin(cmd);

	vmqos_fake_put(msg, cmd, vm, vcpu);
	append(answer, msg);
}

static void dump(struct answer *answer, uint8_t cmd, uint32_t only)
{
	unsigned int vm, vcpu;

	answer->dump = true;
	if (vmqos_fake.interrupt) {
		vmqos_fake.interrupt--;
		answer->interrupted = true;
	}
	if (cmd == VMQOS_CMD_VIRTIO_GET || cmd == VMQOS_CMD_BALLOON_GET) {
		for (vm = 0; vm < vmqos_fake_device_count(); vm++)
			put_one(answer, cmd, vm, 0);
		done(answer);
		return;
	}
	for (vm = 0; vm < vmqos_fake_vm_count(); vm++) {
		if (only && vmqos_fake_vm_id(vm) != only)
			continue;
		if (cmd != VMQOS_CMD_VCPU_STAT_GET) {
			put_one(answer, cmd, vm, 0);
			continue;
		}
		for (vcpu = 0; vcpu < vmqos_fake_vcpu_count(vm); vcpu++)
			put_one(answer, cmd, vm, vcpu);
	}
	done(answer);
}

/* What a request before this one has left behind. */
static void put_stale(struct answer *answer)
{
	struct nlmsghdr earlier = *answer->request;
	struct answer old = *answer;

	earlier.nlmsg_seq--;
	old.request = &earlier;
	put_one(&old, VMQOS_CMD_VM_GET, vmqos_fake_vm_count() - 1, 0);
	acknowledge(&old, -ENXIO, "a stale refusal", 0, 0);
	answer->used = old.used;
}

static void handle(struct answer *answer)
{
	struct genlmsghdr *genl = nlmsg_data(answer->request);
	struct nlattr *attrs = genlmsg_attrdata(genl, 0);
	int size = genlmsg_attrlen(genl, 0);
	const char *wrong = NULL;
	unsigned int vm = 0, vcpu = 0;
	int blame = 0;
	int err;

	if (!vmqos_fake.loaded || answer->request->nlmsg_type != vmqos_fake.family) {
		refuse(answer, -ENOENT, NULL, 0);
		return;
	}
	if (vmqos_fake.refuse) {
		acknowledge(answer, vmqos_fake.refuse, vmqos_fake.sentence, vmqos_fake.blame,
			    vmqos_fake.missing);
		vmqos_fake.refuse = 0;
		return;
	}
	if (answer->request->nlmsg_flags & NLM_F_DUMP) {
		struct nlattr *only = nla_find(attrs, size, VMQOS_VCPU_A_VM_ID);

		dump(answer, genl->cmd, only ? nla_get_u32(only) : 0);
		return;
	}
	err = vmqos_fake_handle(genl->cmd, attrs, size, &vm, &vcpu, &wrong, &blame);
	if (err) {
		refuse(answer, err, wrong, blame);
		return;
	}
	put_one(answer, genl->cmd, vm, vcpu);
	acknowledge(answer, 0, NULL, 0, 0);
	/* After the answer, as its event may be the end of the VM. */
	vmqos_fake_settle();
}

int vmqos_nl_send(struct vmqos_nl *nl, const struct nlmsghdr *message)
{
	struct answer answer = { .nl = nl, .request = message };

	vmqos_fake.requests++;
	answer.bytes = malloc(DUMP_DATAGRAM);
	if (!answer.bytes)
		abort();
	if (vmqos_fake.stale)
		put_stale(&answer);
	handle(&answer);
	flush(&answer);
	free(answer.bytes);
	return 0;
}

/* --- events --- */

static void deliver(struct nl_msg *msg, bool controller)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct vmqos_nl *nl;
	bool heard = false;

	for (nl = sockets; nl; nl = nl->next) {
		if (controller ? !nl->in_controller : nl->group != vmqos_fake.group)
			continue;
		queue(nl, hdr, hdr->nlmsg_len);
		heard = true;
	}
	if (!heard) {
		*waiting_last = new_datagram(hdr, hdr->nlmsg_len);
		waiting_last = &(*waiting_last)->next;
	}
	nlmsg_free(msg);
}

void vmqos_fake_event(uint8_t cmd, unsigned int vm, unsigned int vcpu)
{
	struct nl_msg *msg = begin(cmd);

	vmqos_fake_put(msg, cmd, vm, vcpu);
	deliver(msg, false);
}

static void tell_family(uint8_t cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, 0, 0, GENL_ID_CTRL, 0, 0, cmd, 2))
		abort();
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, VMQOS_FAMILY_NAME);
	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, vmqos_fake.family);
	deliver(msg, true);
}

void vmqos_fake_unload(void)
{
	vmqos_fake.loaded = false;
	tell_family(CTRL_CMD_DELFAMILY);
}

void vmqos_fake_load(void)
{
	vmqos_fake.loaded = true;
	vmqos_fake.family++;
	vmqos_fake.group++;
	tell_family(CTRL_CMD_NEWFAMILY);
}
