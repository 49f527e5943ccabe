// SPDX-License-Identifier: GPL-2.0
/*
 * KVM tells of every VM by a uevent on its misc device (virt/kvm/kvm_main.c,
 * kvm_uevent_notify_change). The message comes before the VM's descriptor is
 * installed in its process, and its PID is the number of the calling thread.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "uevent.h"

#define KERNEL_GROUP	1	/* 2 has udev's copies, which any process may forge */
/* Some hundred uevents; beyond that looking over the host is no more work. */
#define RECEIVE_BUFFER	(1 << 20)
#define KVM_DEVPATH	"/devices/virtual/misc/kvm"

/* The value of @key when @field is KEY=value, or NULL. */
static const char *value_of(const char *field, const char *key)
{
	size_t length = strlen(key);

	return strncmp(field, key, length) == 0 && field[length] == '=' ? field + length + 1 : NULL;
}

/**
 * vmqos_uevent_parse() - read a uevent of the kernel
 * @uevent: filled
 * @message: fields, each closed by NUL but perhaps the last
 * @size: bytes of them
 */
void vmqos_uevent_parse(struct vmqos_uevent *uevent, const char *message, size_t size)
{
	enum vmqos_uevent_type type = VMQOS_UEVENT_OTHER;
	const char *field, *end = message + size, *value;
	uint64_t tid = 0;
	bool kvm = false;

	uevent->type = VMQOS_UEVENT_OTHER;
	uevent->tid = 0;
	/* A field that is not closed was cut: what it says cannot be trusted. */
	for (field = message; field < end && memchr(field, '\0', end - field);
	     field += strlen(field) + 1) {
		value = value_of(field, "DEVPATH");
		if (value)
			kvm = strcmp(value, KVM_DEVPATH) == 0;
		value = value_of(field, "EVENT");
		if (value && strcmp(value, "create") == 0)
			type = VMQOS_UEVENT_VM_CREATE;
		else if (value && strcmp(value, "destroy") == 0)
			type = VMQOS_UEVENT_VM_DESTROY;
		value = value_of(field, "PID");
		if (value && vmqos_number_parse(value, 1, INT32_MAX, &tid))
			tid = 0;
	}
	if (!kvm || !tid)
		return;
	uevent->type = type;
	uevent->tid = type == VMQOS_UEVENT_OTHER ? 0 : tid;
}

/**
 * vmqos_uevent_open() - listen to the kernel's uevents
 *
 * Return: a non-blocking descriptor or a negative errno.
 */
int vmqos_uevent_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd, on = 1, size = RECEIVE_BUFFER;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -errno;
	/* Without the right to more the default buffer serves, with more overruns. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

/* Only the kernel sends from port 0, and it does so with no process behind it. */
static bool from_kernel(struct msghdr *header, const struct sockaddr_nl *sender)
{
	struct cmsghdr *control;

	if (header->msg_namelen != sizeof(*sender) || sender->nl_family != AF_NETLINK ||
	    sender->nl_pid != 0 || !(sender->nl_groups & KERNEL_GROUP))
		return false;
	for (control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
		struct ucred credentials;

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
		return credentials.pid == 0 && credentials.uid == 0;
	}
	return false;
}

/**
 * vmqos_uevent_read() - get the next uevent
 * @fd: descriptor of vmqos_uevent_open()
 * @uevent: filled; VMQOS_UEVENT_OTHER also for messages that are not the kernel's
 *
 * Return: 1 with a uevent; 0 when there is none now; -ENOBUFS when some are
 * lost and the machine is to be looked over; another negative errno.
 */
int vmqos_uevent_read(int fd, struct vmqos_uevent *uevent)
{
	char message[8192];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct sockaddr_nl sender = { 0 };
	struct iovec io = { .iov_base = message, .iov_len = sizeof(message) };
	struct msghdr header = {
		.msg_name = &sender, .msg_namelen = sizeof(sender),
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t size;

	do
		size = recvmsg(fd, &header, MSG_DONTWAIT);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return errno == EAGAIN ? 0 : -errno;

	uevent->type = VMQOS_UEVENT_OTHER;
	uevent->tid = 0;
	if (from_kernel(&header, &sender))
		vmqos_uevent_parse(uevent, message, size);
	return 1;
}
