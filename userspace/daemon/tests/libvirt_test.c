// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon of a VM of libvirt's, with a library in the place of libvirt's that does well,
 * hangs, dies, or knows nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "../control.h"
#include "../libvirt.h"
#include "../../tests/tree.h"
#include "libvirt_standin.h"
#include "tap.h"
#include "told.h"

#define MIB	(1024 * 1024ull)

static struct virt_standin *standin;

/* The library's threads run when they may. */
static bool until_closed(unsigned int count)
{
	uint64_t end = now_ms() + 30000;

	while (standin->closed < count && now_ms() < end)
		sd_event_run(loop, 10000);
	return standin->closed == count;
}

static struct vmqos_backend *start(enum virt_mode mode)
{
	struct vmqos_process process = { .pid = getpid(), .qemu = true, .uuid = VIRT_UUID };

	memset(&seen, 0, sizeof(seen));
	standin->mode = mode;
	standin->size_kib = 1024 * 1024;
	standin->keeps_kib = 1024 * 1024;
	standin->available_kib = 900 * 1024;
	standin->update = 1;
	standin->period = 7;
	return vmqos_backend_libvirt(loop, &process, &told, NULL);
}

static void test_well(void)
{
	struct vmqos_backend *backend = start(VIRT_WELL);
	unsigned int i;

	tap_ok(backend->ops->ask(backend, MIB) == -ENOTCONN, "nothing is asked before it is read");
	backend->ops->period(backend, 2);
	backend->ops->read(backend);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 0) && seen.reading.size == 1024 * MIB && !seen.reading.given &&
	       seen.reading.present == VMQOS_READING_AVAILABLE &&
	       seen.reading.available == 900 * MIB && seen.reading.update == 1,
	       "a balloon is read; a number that none has is left out");
	tap_ok(standin->period == 2, "its guest is asked as often as was wanted");
	tap_ok(!backend->ops->ask(backend, 256 * MIB) &&
	       backend->ops->ask(backend, 1024 * MIB) == -ENOTCONN, "it is asked for less than all");
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 1) && seen.reading.given == 256 * MIB &&
	       standin->keeps_kib == 768 * 1024 && standin->opened == 1, "and gives it");
	standin->reset = true;
	tap_ok(until(&seen.resets, 0), "a reset is told of");
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 2) && seen.reading.reset && !seen.reading.given,
	       "and by the next reading, whatever is told of the balloon");
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 3) && !seen.reading.reset && !seen.reading.given,
	       "which is of before the reset");
	standin->keeps_kib = 1024 * 1024 - 4;
	standin->told = true;
	for (i = 0; i < 3000 && standin->told; i++)
		sd_event_run(loop, 10000);
	pass(200);
	standin->keeps_kib = 768 * 1024;
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 4) && seen.reading.given == 256 * MIB,
	       "until the balloon has moved");
	backend->ops->rest(backend);
	for (i = 0; i < 3000 && standin->period != 7; i++)
		sd_event_run(loop, 10000);
	tap_ok(standin->period == 7, "when nothing more is wanted the period is what it was");
	backend->ops->free(backend);
	tap_ok(until_closed(1), "the connection ends with the last of its VMs");
}

static void test_bad(enum virt_mode mode, int error, const char *why)
{
	struct vmqos_backend *backend = start(mode);
	uint64_t begin = now_ms(), longest = 0;
	bool good;

	backend->ops->read(backend);
	while (!seen.failures && now_ms() < begin + 30000) {
		uint64_t before = now_ms();

		sd_event_run(loop, 50000);
		if (now_ms() - before > longest)
			longest = now_ms() - before;
	}
	good = seen.failures == 1 && seen.error == error && strstr(seen.why, why) &&
	       !seen.readings && backend->ops->ask(backend, 0) == -ENOTCONN;
	if (!tap_ok(good, "told: %s", why))
		printf("# %d, %s\n", seen.error, seen.why);
	printf("# the loop was away for %llu ms at most\n", (unsigned long long)longest);
	backend->ops->read(backend);
	tap_ok(until(&seen.failures, 1) && strstr(seen.why, why), "and not tried again at once");
	standin->mode = VIRT_WELL;
	pass(1100);
	backend->ops->read(backend);
	tap_ok(until(&seen.readings, 0), "but after a pause");
	backend->ops->free(backend);
}

/* The daemon ends while a call hangs, and a VM goes while its call does. */
static void test_end(void)
{
	struct vmqos_backend *backend = start(VIRT_HANGS), *other = start(VIRT_HANGS);
	uint64_t begin = now_ms();

	backend->ops->read(backend);
	other->ops->read(other);
	while (!standin->running && now_ms() < begin + 30000)
		pass(10);
	backend->ops->free(backend);
	begin = now_ms();
	other->ops->free(other);
	tap_ok(now_ms() - begin < 5000, "who ends does not wait for what hangs");
	standin->mode = VIRT_WELL;
	while (standin->running && now_ms() < begin + 30000)
		pass(10);
	pass(200);
	tap_ok(!seen.readings && !seen.failures, "and is told of nothing any more");
}

/* A process that says it is a VM that it is not. */
static void test_other(void)
{
	struct vmqos_backend *backend;

	tree_write("/web.pid", "1\n");
	backend = start(VIRT_WELL);
	backend->ops->read(backend);
	tap_ok(until(&seen.failures, 0) && seen.error == -EACCES &&
	       strstr(seen.why, "another process"), "another process's VM is left alone");
	backend->ops->free(backend);
}

static void test_missing(void)
{
	struct vmqos_backend *backend;

	vmqos_libvirt_library = "/nowhere/libvirt.so";
	backend = start(VIRT_WELL);
	backend->ops->read(backend);
	tap_ok(until(&seen.failures, 0) && seen.error == -ENOENT &&
	       strstr(seen.why, "cannot be loaded"), "a host without libvirt's library");
	backend->ops->free(backend);
}

int main(int argc, char **argv)
{
	char path[512];
	void *library;
	char *slash;

	(void)argc;
	snprintf(path, sizeof(path), "%s", argv[0]);
	slash = strrchr(path, '/');
	snprintf(slash ? slash + 1 : path, 64, "libvirt_standin.so");
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	standin = library ? dlsym(library, "virt_standin") : NULL;
	if (!standin || sd_event_new(&loop) < 0) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	tree_make();
	tree_write("/web.pid", "%d\n", getpid());
	vmqos_libvirt_state = tree_root;
	vmqos_libvirt_library = path;
	test_well();
	test_bad(VIRT_NOBODY, -ECONNREFUSED, "cannot be reached");
	test_bad(VIRT_HANGS_OPENING, -ETIMEDOUT, "does not answer");
	test_bad(VIRT_HANGS, -ETIMEDOUT, "does not answer");
	test_bad(VIRT_STRANGER, -ENOENT, "does not know the VM");
	test_bad(VIRT_NO_BALLOON, -ENODEV, "memballoon");
	test_bad(VIRT_DEAD, -ENOENT, "does not know the VM");
	test_end();
	test_other();
	test_missing();
	sd_event_unref(loop);
	tree_remove("");
	return tap_end();
}
