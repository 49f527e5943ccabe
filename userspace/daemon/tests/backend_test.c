// SPDX-License-Identifier: GPL-2.0
/* The balloon that a QEMU serves, against stand-ins for QEMU of every kind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "../control.h"
#include "../monitor.h"
#include "standin.h"
#include "tap.h"
#include "told.h"

#define MIB	(1024 * 1024ull)

static char folder[64];

static struct vmqos_backend *start(struct standin *standin, enum standin_mode mode)
{
	struct vmqos_process process = { .pid = getpid(), .qemu = true };
	char path[100];

	memset(&seen, 0, sizeof(seen));
	memset(standin, 0, sizeof(*standin));
	standin->mode = mode;
	snprintf(path, sizeof(path), "%s/qmp", folder);
	if (!standin_open(standin, loop, path))
		perror("# no stand-in");
	strcpy(process.qmp_path, path);
	return vmqos_backend_qemu(loop, &process, &told, NULL);
}

static void end(struct vmqos_backend *backend, struct standin *standin)
{
	backend->ops->free(backend);
	standin_close(standin);
}

static void test_well(bool anonymous)
{
	struct standin standin;
	struct vmqos_backend *backend = start(&standin, STANDIN_WELL);

	standin.anonymous = anonymous;
	standin.period = 7;
	backend->ops->period(backend, 2);
	backend->ops->read(backend);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 0) && seen.reading.size == 1024 * MIB && !seen.reading.given &&
	       seen.reading.present == (VMQOS_READING_AVAILABLE | VMQOS_READING_OOM_KILLS) &&
	       seen.reading.available == 900 * MIB && seen.reading.update && !seen.reading.reset,
	       "a balloon %s is read", anonymous ? "without an ID" : "with an ID");
	tap_ok(standin.period == 2, "its guest is asked as often as was wanted");
	tap_ok(!backend->ops->ask(backend, 256 * MIB) &&
	       backend->ops->ask(backend, 1024 * MIB) == -ENOTCONN,
	       "it is asked for less than all");
	pass(200);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 1) && seen.reading.given == 256 * MIB &&
	       standin.asked == 768 * MIB && standin.connections == 1,
	       "and gives it, on the same connection");
	standin_say(&standin, "{\"event\": \"RESET\", \"data\": {\"guest\": true}}\r\n");
	tap_ok(until(&seen.resets, 0), "a reset is told of at once");
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 2) && seen.reading.reset && !seen.reading.given,
	       "and by the next reading, whatever QEMU tells of the balloon");
	standin.asked = 1024 * MIB - 4096;
	pass(200);
	standin.asked = 768 * MIB;
	pass(200);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 3) && seen.reading.given == 256 * MIB,
	       "until the balloon has moved");
	backend->ops->rest(backend);
	pass(200);
	tap_ok(standin.period == 7 && standin.client < 0,
	       "when nothing more is wanted the monitor is left as it was found");
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 4) && !seen.reading.reset && standin.connections == 2 &&
	       !seen.failures, "and taken again");
	backend->ops->rest(backend);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 5), "also when it is wanted just as it is left");
	end(backend, &standin);
}

static void test_bad(enum standin_mode mode, int error, const char *why)
{
	struct standin standin;
	struct vmqos_backend *backend = start(&standin, mode);
	uint64_t failed_ms;
	bool good;

	backend->ops->read(backend);
	good = until(&seen.failures, 0) && seen.error == error && strstr(seen.why, why) &&
	       !seen.readings && backend->ops->ask(backend, 0) == -ENOTCONN;
	if (!tap_ok(good, "told: %s", why))
		printf("# %d, %s\n", seen.error, seen.why);
	failed_ms = now_ms();
	backend->ops->read(backend);
	/* Unless the machine has stood still for as long as that takes. */
	good = until(&seen.failures, 1) && strstr(seen.why, why) &&
	       (standin.connections == 1 || now_ms() - failed_ms > 500);
	tap_ok(good, "and not tried again at once");
	standin.mode = STANDIN_WELL;
	pass(1100);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 0) && standin.connections >= 2, "but after a pause");
	end(backend, &standin);
}

/* The VMM goes in the middle of a reading, and comes back. */
static void test_gone(void)
{
	struct standin standin;
	struct vmqos_backend *backend = start(&standin, STANDIN_WELL);
	char path[100];

	backend->ops->read(backend);
	until(&seen.readings, 0);
	standin.mode = STANDIN_DEAF;
	backend->ops->read(backend);
	pass(50);
	standin_close(&standin);
	tap_ok(until(&seen.failures, 0) && strstr(seen.why, "closed"),
	       "an end in the middle of a reading is told");
	pass(1100);
	backend->ops->read(backend);
	tap_ok(until(&seen.failures, 1) && seen.error == -ENOENT, "and that nothing is there");
	snprintf(path, sizeof(path), "%s/qmp", folder);
	memset(&standin, 0, sizeof(standin));
	standin_open(&standin, loop, path);
	pass(2200);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 1), "what comes back is found");
	end(backend, &standin);
}

/* What is on the command line need not be what it says. */
static void test_connect(void)
{
	struct vmqos_process process = { .pid = getpid() };
	struct standin standin = { .mode = STANDIN_WELL };
	char why[320], path[100], cwd[256] = "";
	int fd, status[2];
	pid_t child;

	tap_ok(vmqos_monitor_connect(&process, why, sizeof(why)) == -ENOENT &&
	       strstr(why, "no QEMU"), "another VMM has no monitor");
	process.qemu = true;
	tap_ok(vmqos_monitor_connect(&process, why, sizeof(why)) == -ENOENT &&
	       strstr(why, "-qmp unix:"), "a QEMU without one: what to do is told");
	process.qmp_fd = true;
	tap_ok(vmqos_monitor_connect(&process, why, sizeof(why)) == -ENOENT &&
	       strstr(why, "libvirt") && strstr(why, "id=vmqos"), "one that libvirt has, too");

	strcpy(process.qmp_path, "/etc/passwd");
	tap_ok(vmqos_monitor_connect(&process, why, sizeof(why)) == -EACCES &&
	       strstr(why, "no socket"), "a file is no monitor");
	strcpy(process.qmp_path, "/proc/self/fd/1");
	tap_ok(vmqos_monitor_connect(&process, why, sizeof(why)) == -ELOOP,
	       "links of /proc are not followed");
	strcpy(process.qmp_path, "../x");
	tap_ok(vmqos_monitor_connect(&process, why, sizeof(why)) == -EXDEV,
	       "nor is a way out of its folder");

	snprintf(path, sizeof(path), "%s/qmp", folder);
	standin_open(&standin, loop, path);
	if (!getcwd(cwd, sizeof(cwd)) || chdir(folder))
		perror("# chdir");
	strcpy(process.qmp_path, "qmp");
	fd = vmqos_monitor_connect(&process, why, sizeof(why));
	tap_ok(fd >= 0 && fcntl(fd, F_GETFL) & O_NONBLOCK, "a path below its folder is found");
	close(fd);
	if (chdir(cwd))
		perror("# chdir back");

	/* A process whose command line names a socket that is another's, this one's. */
	if (pipe(status))
		perror("# pipe");
	child = fork();
	if (!child) {
		char byte;

		close(status[1]);
		_exit(read(status[0], &byte, 1) != 0);
	}
	process.pid = child;
	strcpy(process.qmp_path, path);
	fd = vmqos_monitor_connect(&process, why, sizeof(why));
	tap_ok(fd == -EACCES && strstr(why, "not QEMU's own"), "another process's socket is refused");
	close(status[0]);
	close(status[1]);
	standin_close(&standin);
}

int main(void)
{
	strcpy(folder, "/tmp/vmqos-backend-XXXXXX");
	if (!mkdtemp(folder) || sd_event_new(&loop) < 0)
		return 1;
	test_connect();
	test_well(false);
	test_well(true);
	test_bad(STANDIN_NO_BALLOON, -ENODEV, "no balloon");
	test_bad(STANDIN_GARBAGE, -EIO, "not asked");
	test_bad(STANDIN_CLOSES, -EIO, "closed");
	test_bad(STANDIN_ENDLESS, -EIO, "does not end");
	test_bad(STANDIN_LIES, -EPROTO, "does not say what the balloon holds");
	test_bad(STANDIN_NO_GREETING, -EIO, "another program");
	test_bad(STANDIN_DEAF, -ETIMEDOUT, "does not answer");
	test_gone();
	sd_event_unref(loop);
	rmdir(folder);
	return tap_end();
}
