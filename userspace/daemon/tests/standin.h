/* SPDX-License-Identifier: GPL-2.0 */
/* A QEMU that is none: a monitor, with a balloon and a guest behind it, in the test's loop. */
#ifndef VMQOS_DAEMON_TESTS_STANDIN_H
#define VMQOS_DAEMON_TESTS_STANDIN_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* The library's: where /proc is. */
extern const char *vmqos_proc_root;

enum standin_mode {
	STANDIN_WELL,
	STANDIN_NO_GREETING,
	STANDIN_NO_BALLOON,
	STANDIN_GARBAGE,	/* after its greeting */
	STANDIN_CLOSES,		/* at its first command */
	STANDIN_DEAF,		/* answers nothing after it is set up */
	STANDIN_ENDLESS,	/* sends a line that never ends */
	STANDIN_LIES,		/* about the balloon */
};

struct standin {
	enum standin_mode mode;
	uint64_t size, actual;		/* of the VM, in bytes */
	uint64_t asked;			/* bytes that it should keep */
	uint64_t available, oom_kills;
	uint64_t update;
	int period;
	bool anonymous;			/* its balloon has no ID */
	bool mute;			/* the guest tells nothing more */
	unsigned int connections, commands, asks;
	/* Its own. */
	char path[108];
	int fd, client;
	sd_event *loop;
	sd_event_source *listen_io, *client_io, *tick;
	char line[4096];
	unsigned int used;
};

bool standin_open(struct standin *standin, sd_event *loop, const char *path);
void standin_close(struct standin *standin);
void standin_say(struct standin *standin, const char *line);

#endif
