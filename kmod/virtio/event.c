// SPDX-License-Identifier: GPL-2.0
/*
 * Who listens to vmqos is told when a guest has reached its balloon's target, and when it
 * has not by the deadline. vmqos, which tells them, may be loaded or not.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include "core/virtio.h"
#include "virtio/balloon.h"
#include "virtio/manage.h"

static void tell(struct vmqos_balloon *balloon)
{
	void (*event)(const struct vmqos_virtio_control *control, struct vmqos_virtio *dev);

	event = symbol_get(vmqos_virtio_balloon_event);
	if (!event)
		return;
	event(vmqos_virtio_control(), &balloon->dev);
	symbol_put(vmqos_virtio_balloon_event);
}

/* A target that is asked for is told by whoever asks, and is a new matter. */
static void event_fires(struct work_struct *work)
{
	struct vmqos_balloon *balloon = container_of(to_delayed_work(work), struct vmqos_balloon,
						     event);
	enum vmqos_balloon_state state = vmqos_balloon_state(balloon, ktime_get_ns());
	u64 of = READ_ONCE(balloon->target_at);

	if (state != VMQOS_BALLOON_STATE_REACHED && state != VMQOS_BALLOON_STATE_LATE)
		return;
	if (balloon->told == state && balloon->told_of == of)
		return;
	balloon->told = state;
	balloon->told_of = of;
	tell(balloon);
}

/**
 * vmqos_balloon_event_setup() - fill a new device
 * @balloon: the device, not registered yet
 *
 * Context: process context.
 */
void vmqos_balloon_event_setup(struct vmqos_balloon *balloon)
{
	INIT_DELAYED_WORK(&balloon->event, event_fires);
}

/**
 * vmqos_balloon_event_soon() - the guest has just reached the target
 * @balloon: the device
 *
 * Context: any; nobody is told before the caller has let go of what it has locked.
 */
void vmqos_balloon_event_soon(struct vmqos_balloon *balloon)
{
	mod_delayed_work(vmqos_virtio_wq, &balloon->event, 0);
}
