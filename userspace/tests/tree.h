/* SPDX-License-Identifier: GPL-2.0 */
/* A folder for the tests with files in it, in place of /proc and of the cgroups. */
#ifndef VMQOS_TESTS_TREE_H
#define VMQOS_TESTS_TREE_H

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tree_root[64];

static void tree_make(void)
{
	strcpy(tree_root, "/tmp/vmqos-tree-XXXXXX");
	if (!mkdtemp(tree_root)) {
		perror(tree_root);
		exit(1);
	}
}

static int tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void tree_remove(const char *below)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", tree_root, below);
	nftw(path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file below the root, making the folders on the way. */
__attribute__((format(printf, 2, 3)))
static void tree_write(const char *name, const char *format, ...)
{
	char path[4096], *slash;
	va_list args;
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", tree_root, name);
	for (slash = path + strlen(tree_root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fclose(file);
}

/* A cgroup: its weight, -1 for none, and the processes in it, "" for none. */
__attribute__((unused))
static void tree_cgroup(const char *path, int weight, const char *processes)
{
	char name[2048];

	snprintf(name, sizeof(name), "/cgroup%s/cgroup.procs", path);
	tree_write(name, "%s", processes);
	snprintf(name, sizeof(name), "/cgroup%s/cgroup.events", path);
	tree_write(name, "populated %d\nfrozen 0\n", *processes != '\0');
	if (weight < 0)
		return;
	snprintf(name, sizeof(name), "/cgroup%s/cpu.weight", path);
	tree_write(name, "%d\n", weight);
}

/* A process: who has started it, and the cgroup it is in. */
__attribute__((unused))
static void tree_process(unsigned int pid, unsigned int parent, const char *cgroup)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%u/stat", pid);
	tree_write(name, "%u (a) (b) S %u 1 1 0\n", pid, parent);
	snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	tree_write(name, "1:name=systemd:/x\n0::%s\n", cgroup);
}

#endif
