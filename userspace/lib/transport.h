/* SPDX-License-Identifier: LGPL-2.1+ */
/*
 * A generic netlink socket: whole messages out, whole datagrams in. The only
 * part of the library that talks to the kernel's netlink; the tests put a
 * kernel of their own in its place.
 */
#ifndef VMQOS_LIB_TRANSPORT_H
#define VMQOS_LIB_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct nlmsghdr;
struct vmqos_nl;

/* Room for one datagram; a dump fills up to half of it at a time. */
#define VMQOS_NL_DATAGRAM	65536

/* @events: for events, non-blocking and with a large receive buffer. */
int vmqos_nl_open(struct vmqos_nl **nl, int events);
void vmqos_nl_close(struct vmqos_nl *nl);
int vmqos_nl_fd(const struct vmqos_nl *nl);

/*
 * Looks up the family vmqos, and its group of events when @group is not
 * NULL. -ENODEV when the kernel does not have the family.
 */
int vmqos_nl_family(struct vmqos_nl *nl, uint16_t *family, uint32_t *group);

/* Number of the controller's group that tells of families coming and going. */
int vmqos_nl_controller_group(struct vmqos_nl *nl, uint32_t *group);

int vmqos_nl_join(struct vmqos_nl *nl, uint32_t group);
int vmqos_nl_send(struct vmqos_nl *nl, const struct nlmsghdr *message);

/*
 * Receives one datagram into @buffer of VMQOS_NL_DATAGRAM bytes. Returns its
 * size; -EAGAIN when there is none (for a socket for requests: after 10 s);
 * -ENOBUFS when messages were lost; -EINTR when a signal came.
 */
ssize_t vmqos_nl_receive(struct vmqos_nl *nl, void *buffer);

#endif
