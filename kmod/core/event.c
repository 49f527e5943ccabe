// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what has changed is told to whoever has joined the multicast group.
 * Events are sent under vmqos_lock, so that they arrive in the order of the
 * changes. A listener that misses one, for want of memory on either side, is
 * told so by its socket (ENOBUFS) and can ask for the whole state again.
 */
#include <net/genetlink.h>

#include "core/event.h"
#include "core/family.h"
#include "core/vm.h"

/**
 * vmqos_event_send() - tell the listeners of a change
 * @cmd: number of the notification
 * @fill: fills the message
 * @object: what it tells of
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_event_send(u8 cmd, vmqos_fill_t fill, void *object)
{
	struct sk_buff *skb;
	void *hdr;

	lockdep_assert_held(&vmqos_lock);
	if (!genl_has_listeners(&vmqos_family, &init_net, 0))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		goto err_lost;
	hdr = genlmsg_put(skb, 0, 0, &vmqos_family, 0, cmd);
	if (!hdr || fill(skb, object))
		goto err_free;
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&vmqos_family, skb, 0, 0, GFP_KERNEL);
	return;

err_free:
	nlmsg_free(skb);
err_lost:
	genl_set_err(&vmqos_family, &init_net, 0, 0, ENOBUFS);
}
