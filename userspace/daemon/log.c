// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "log.h"

static int max_level = LOG_INFO;
static bool journal;

/* systemd names the stream it reads; stderr may have been redirected since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       fstat(2, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/**
 * vmqos_daemon_log_open() - set up the messages
 * @level: the least important level that is written, as of syslog.h
 */
void vmqos_daemon_log_open(int level)
{
	max_level = level;
	journal = stderr_is_journal();
	setvbuf(stderr, NULL, _IOLBF, 0);
}

/**
 * vmqos_daemon_log() - write a message
 * @level: how important it is
 * @format: as of printf(), without a newline
 */
void vmqos_daemon_log(int level, const char *format, ...)
{
	static const char *const words[] = {
		[LOG_ERR] = "error: ", [LOG_WARNING] = "warning: ", [LOG_DEBUG] = "debug: ",
	};
	char message[1024];
	va_list args;

	if (level > max_level)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (journal)
		fprintf(stderr, "<%d>%s\n", level, message);
	else
		fprintf(stderr, "vmqosd: %s%s\n", words[level] ? words[level] : "", message);
}
