// SPDX-License-Identifier: GPL-2.0
/* Somebody who reads everything all the while, as monitoring does, and checks its form. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "../../netlink/schema.h"
#include "lifecycle.h"

static pthread_t thread;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static bool stopping;
static uint64_t lists;
static char why[256];

static bool read_all(struct vmqos_raw *raw, struct vmqos_raw_answer *answer)
{
	static const uint8_t cmds[] = { VMQOS_CMD_VM_GET, VMQOS_CMD_VM_STAT_GET,
					VMQOS_CMD_VCPU_STAT_GET };
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(cmds); i++) {
		err = vmqos_dump(raw, answer, cmds[i]);
		if (err) {
			snprintf(why, sizeof(why), "list of command %u failed with %d", cmds[i],
				 err);
			return false;
		}
		if (!vmqos_schema_check_all(answer, cmds[i], why, sizeof(why)))
			return false;
		__atomic_add_fetch(&lists, 1, __ATOMIC_RELAXED);
	}
	return true;
}

static void *reader(void *unused)
{
	struct vmqos_raw_answer answer = { 0 };
	bool right = true;

	while (right && !__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		struct vmqos_raw raw;

		/* Between two turns the module may have been taken out and put back. */
		pthread_mutex_lock(&turn);
		if (!vmqos_raw_open(&raw)) {
			right = read_all(&raw, &answer);
			vmqos_raw_close(&raw);
		}
		pthread_mutex_unlock(&turn);
		vmqos_sleep_ms(10);
	}
	vmqos_raw_free(&answer);
	return unused;
}

/**
 * reader_start() - begin to read
 *
 * Return: 0 or -errno.
 */
int reader_start(void)
{
	return -pthread_create(&thread, NULL, reader, NULL);
}

/**
 * reader_pause() - hold the reader off, or let it go on
 * @pause: whether to hold it off; returns when it does not read
 */
void reader_pause(bool pause)
{
	if (pause)
		pthread_mutex_lock(&turn);
	else
		pthread_mutex_unlock(&turn);
}

/**
 * reader_stop() - end reading
 * @count: set to the number of lists that were read
 *
 * Return: what was wrong with one of them, NULL if nothing was.
 */
const char *reader_stop(uint64_t *count)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	*count = lists;
	return why[0] ? why : NULL;
}
