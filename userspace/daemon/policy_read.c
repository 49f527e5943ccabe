// SPDX-License-Identifier: GPL-2.0
/* The policy folder: every *.conf in it, in the order of their names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"

/* A policy is written by people; anything larger is some other file. */
#define FILE_MAX	(1 << 20)

static int is_policy_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* Byte order, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int fail(vmqos_policy_report report, void *ctx, const char *path, const char *what)
{
	report(ctx, path, 0, what);
	return 1;
}

static int read_file(struct vmqos_policy *policy, const char *path,
		     vmqos_policy_report report, void *ctx)
{
	struct stat st;
	char message[160], *text = NULL;
	size_t size = 0;
	ssize_t got;
	int fd, ret;

	/* Neither a fifo nor a terminal may hold the daemon up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		snprintf(message, sizeof(message),
			 "cannot be opened: %s: make it readable for vmqosd, or remove it",
			 strerror(errno));
		return fail(report, ctx, path, message);
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		ret = fail(report, ctx, path, "is no regular file: put a text file there, or remove it");
		goto out;
	}
	if (st.st_size > FILE_MAX) {
		ret = fail(report, ctx, path, "is larger than 1 MiB: is this a policy file?");
		goto out;
	}
	text = malloc(FILE_MAX);
	if (!text) {
		ret = -ENOMEM;
		goto out;
	}
	while (size < FILE_MAX && (got = read(fd, text + size, FILE_MAX - size)) != 0) {
		if (got > 0) {
			size += got;
		} else if (errno != EINTR) {
			snprintf(message, sizeof(message), "cannot be read: %s", strerror(errno));
			ret = fail(report, ctx, path, message);
			goto out;
		}
	}
	ret = vmqos_policy_parse(policy, path, text, size, report, ctx);
out:
	free(text);
	close(fd);
	return ret;
}

/**
 * vmqos_policy_read() - add all policy files of a folder to a policy
 * @policy: the policy
 * @folder: the folder
 * @report: told of every error
 * @ctx: handed to @report
 *
 * Return: the number of errors; -ENOENT when there is no such folder, another
 * negative errno when it cannot be read or memory ran out.
 */
int vmqos_policy_read(struct vmqos_policy *policy, const char *folder,
		      vmqos_policy_report report, void *ctx)
{
	struct dirent **entries;
	int count, i, ret = 0, errors = 0;
	char *path;

	count = scandir(folder, &entries, is_policy_file, by_name);
	if (count < 0)
		return -errno;
	for (i = 0; i < count; i++) {
		if (ret >= 0) {
			ret = -ENOMEM;
			if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0) {
				ret = read_file(policy, path, report, ctx);
				free(path);
			}
			if (ret > 0)
				errors += ret;
		}
		free(entries[i]);
	}
	free(entries);
	return ret < 0 ? ret : errors;
}
