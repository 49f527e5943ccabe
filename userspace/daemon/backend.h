/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What serves a VM's balloon: QEMU through its monitor or through libvirt, or
 * vmqos_virtio in the kernel. All of it is asynchronous: a request returns at once, and
 * what comes of it is told by a callback, from the event loop and never from within the
 * request.
 */
#ifndef VMQOS_DAEMON_BACKEND_H
#define VMQOS_DAEMON_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct vmqos;
struct vmqos_backend;
struct vmqos_balloon;
struct vmqos_balloon_settings;
struct vmqos_process;
struct vmqos_reading;

/**
 * struct vmqos_backend_told - what a backend tells whoever uses it
 * @reading: a reading is finished; ask() may be called from here
 * @failed: it cannot be had, or what was asked for last was refused, and why;
 *	-ENODEV: the VM has no balloon
 * @reset: the guest has just been reset; the next reading says so, too
 * @aimed: somebody else has set a target, in bytes, and says why in a word; just before
 *	a reading
 */
struct vmqos_backend_told {
	void (*reading)(void *ctx, const struct vmqos_reading *reading);
	void (*failed)(void *ctx, int error, const char *why);
	void (*reset)(void *ctx);
	void (*aimed)(void *ctx, uint64_t balloon, const char *reason);
};

/**
 * struct vmqos_backend_ops - what a backend does
 * @name: "qemu" or "kernel"
 * @via: who is asked in its place, "libvirt", or NULL
 * @read: begin a reading; nothing when one is on its way
 * @ask: have so many bytes in the balloon; only after a reading
 * @period: have the guest tell its statistics so often, in seconds
 * @rest: nothing more is wanted for now
 * @free: let go of it; its balloon stays as it is
 */
struct vmqos_backend_ops {
	const char *name;
	const char *via;
	void (*read)(struct vmqos_backend *backend);
	int (*ask)(struct vmqos_backend *backend, uint64_t balloon);
	void (*period)(struct vmqos_backend *backend, unsigned int seconds);
	void (*rest)(struct vmqos_backend *backend);
	void (*free)(struct vmqos_backend *backend);
};

/**
 * struct vmqos_backend - one VM's; embedded in what a backend has of its own
 * @ops: what it does
 * @told: what it tells
 * @ctx: handed to @told
 */
struct vmqos_backend {
	const struct vmqos_backend_ops *ops;
	const struct vmqos_backend_told *told;
	void *ctx;
};

struct vmqos_backend *vmqos_backend_qemu(sd_event *loop, const struct vmqos_process *process,
					 const struct vmqos_backend_told *told, void *ctx);
struct vmqos_backend *vmqos_backend_libvirt(sd_event *loop, const struct vmqos_process *process,
					    const struct vmqos_backend_told *backend_told,
					    void *ctx);
struct vmqos_backend *vmqos_backend_kernel(sd_event *loop, struct vmqos *ctx, uint32_t id,
					   const struct vmqos_backend_told *told, void *told_ctx);
bool vmqos_backend_kernel_serves(struct vmqos *ctx, uint32_t id);

/**
 * struct vmqos_backend_kernel - how the kernel is asked; tests have one of their own
 * @get: vmqos_balloon_get()
 * @set: vmqos_balloon_set()
 */
struct vmqos_backend_kernel {
	int (*get)(struct vmqos *ctx, uint32_t id, struct vmqos_balloon *balloon);
	int (*set)(struct vmqos *ctx, uint32_t id, const struct vmqos_balloon_settings *settings,
		   struct vmqos_balloon *balloon);
};

extern struct vmqos_backend_kernel vmqos_kernel;

#endif
