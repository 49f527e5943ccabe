// SPDX-License-Identifier: LGPL-2.1+
/* The cgroups of VMs and their CPU weights. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "list.h"
#include "process.h"

/* Levels of cgroups and of processes' parents that are followed. */
#define DEPTH_MAX	32
/* Room for mount, path and the name of a file. */
#define FILE_SIZE	(2 * VMQOS_CGROUP_SIZE)

static int join(char *file, const char *mount, const char *path, const char *name)
{
	int used = snprintf(file, FILE_SIZE, "%s%s%s%s", mount, strcmp(path, "/") ? path : "",
			    *name ? "/" : "", name);

	return used < FILE_SIZE ? 0 : -ENAMETOOLONG;
}

static int read_text(const char *file, char *text, size_t size)
{
	ssize_t got;
	int err = 0;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, size - 1);
	if (got < 0)
		err = -errno;
	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return err;
}

int vmqos_cgroup_mount(const char *proc, char *folder, size_t size)
{
	char file[FILE_SIZE];
	char *line = NULL;
	size_t room = 0;
	int err = -ENOENT;
	FILE *mounts;

	if (join(file, proc ? proc : vmqos_proc_root, "/self/mountinfo", ""))
		return -ENAMETOOLONG;
	mounts = fopen(file, "re");
	if (!mounts)
		return -errno;
	while (err == -ENOENT && getline(&line, &room, mounts) > 0) {
		/* ID PARENT DEVICE ROOT FOLDER OPTIONS ... - TYPE SOURCE OPTIONS */
		const char *type = strstr(line, " - ");
		const char *at = line;
		int field, length;

		if (!type || strncmp(type, " - cgroup2 ", 11))
			continue;
		for (field = 0; field < 4 && at; field++) {
			at = strchr(at, ' ');
			at = at ? at + 1 : NULL;
		}
		length = at ? strcspn(at, " ") : 0;
		if (!length)
			continue;
		err = snprintf(folder, size, "%.*s", length, at) < (int)size ? 0 : -ENAMETOOLONG;
	}
	free(line);
	fclose(mounts);
	return err;
}

int vmqos_cgroup_of(const char *proc, uint32_t pid, char *path, size_t size)
{
	static const char gone[] = " (deleted)";
	char text[FILE_SIZE + 4096], name[32];
	char file[FILE_SIZE];
	size_t length;
	char *at;
	int err;

	snprintf(name, sizeof(name), "/%u", pid);
	if (join(file, proc ? proc : vmqos_proc_root, name, "cgroup"))
		return -ENAMETOOLONG;
	err = read_text(file, text, sizeof(text));
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	/* A line for each hierarchy; that of v2 has the number 0 and no name. */
	for (at = text; at && strncmp(at, "0::/", 4); at = at ? at + 1 : NULL)
		at = strchr(at, '\n');
	if (!at)
		return -ENOENT;
	at += 3;
	length = strcspn(at, "\n");
	at[length] = '\0';
	if (length >= sizeof(gone) && !strcmp(at + length - (sizeof(gone) - 1), gone))
		return -ENOENT;
	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(path, at, length + 1);
	return 0;
}

bool vmqos_cgroup_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

/* The groups that libvirt makes inside of a domain's: emulator, vcpu3, iothread1. */
static bool is_part(const char *name)
{
	static const char *const parts[] = { "vcpu", "iothread" };
	size_t i;

	if (!strcmp(name, "emulator"))
		return true;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t length = strlen(parts[i]);

		if (!strncmp(name, parts[i], length) && isdigit((unsigned char)name[length]))
			return true;
	}
	return false;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Cuts the path to the domain's cgroup; whether it is one of libvirt's. */
static bool cut_to_domain(char *path)
{
	bool libvirt = false;
	const char *name;
	size_t length;

	if (is_part(last_name(path)) && vmqos_cgroup_parent(path))
		libvirt = true;
	if (!strcmp(last_name(path), "libvirt") && vmqos_cgroup_parent(path))
		libvirt = true;
	name = last_name(path);
	length = strlen(name);
	if (!strncmp(name, "machine-", 8) && length > 14 && !strcmp(name + length - 6, ".scope"))
		libvirt = true;
	return libvirt;
}

/* The process that another one comes from, or -1 when that is not to be known. */
static int64_t parent_of(const char *proc, uint32_t pid)
{
	char file[FILE_SIZE], text[1024], name[32];
	const char *at;
	uint32_t parent;

	snprintf(name, sizeof(name), "/%u", pid);
	if (join(file, proc ? proc : vmqos_proc_root, name, "stat") ||
	    read_text(file, text, sizeof(text)))
		return -1;
	/* The name may hold parentheses itself. */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %u", &parent) != 1)
		return -1;
	return parent;
}

/* Whether a process is the VMM, comes from it, or has ended since. */
static bool belongs(const char *proc, uint32_t pid, uint32_t vmm)
{
	int depth;

	for (depth = 0; pid != vmm; depth++) {
		int64_t parent = parent_of(proc, pid);

		if (parent < 0)
			return !depth;
		if (parent <= 1 || depth == DEPTH_MAX)
			return false;
		pid = parent;
	}
	return true;
}

/* Whether all processes of a cgroup and of those below belong to the VMM. */
static bool is_alone(const char *proc, const char *mount, const char *path, uint32_t vmm,
		     int depth)
{
	char file[FILE_SIZE];
	struct dirent *entry;
	bool alone = true;
	unsigned int pid;
	FILE *procs;
	DIR *folder;

	if (join(file, mount, path, "cgroup.procs"))
		return false;
	procs = fopen(file, "re");
	if (!procs)
		return false;
	/* Of a group of threads it cannot be read: the processes are in one above. */
	while (alone && fscanf(procs, "%u", &pid) == 1)
		alone = belongs(proc, pid, vmm);
	fclose(procs);
	if (!alone || depth == DEPTH_MAX || join(file, mount, path, ""))
		return false;
	folder = opendir(file);
	if (!folder)
		return false;
	while (alone && (entry = readdir(folder))) {
		char below[VMQOS_CGROUP_SIZE];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >=
		    (int)sizeof(below))
			alone = false;
		else
			alone = is_alone(proc, mount, below, vmm, depth + 1);
	}
	closedir(folder);
	return alone;
}

int vmqos_cgroup_of_vm(const char *proc, const char *mount, uint32_t pid, char *path,
		       size_t size)
{
	int err = vmqos_cgroup_of(proc, pid, path, size);

	if (err)
		return err;
	if (cut_to_domain(path))
		return strcmp(path, "/") ? 0 : -ENOTUNIQ;
	if (!strcmp(path, "/") || !is_alone(proc, mount, path, pid, 0))
		return -ENOTUNIQ;
	return 0;
}

/* What the absence of cpu.weight means: the cgroup is gone, or has none. */
static int explain_absence(const char *mount, const char *path)
{
	char file[FILE_SIZE];

	if (join(file, mount, path, "cgroup.procs"))
		return -ENAMETOOLONG;
	return access(file, F_OK) ? -ENOENT : -EOPNOTSUPP;
}

int vmqos_cgroup_weight(const char *mount, const char *path, uint32_t *weight)
{
	char file[FILE_SIZE], text[64];
	uint64_t value;
	int err;

	if (join(file, mount, path, "cpu.weight"))
		return -ENAMETOOLONG;
	err = read_text(file, text, sizeof(text));
	if (err == -ENOENT || err == -ENODEV)
		return explain_absence(mount, path);
	if (err)
		return err;
	text[strcspn(text, "\n")] = '\0';
	/* A cgroup of cpu.idle has the weight 0. */
	if (vmqos_number_parse(text, 0, VMQOS_WEIGHT_MAX, &value))
		return -EBADMSG;
	*weight = value;
	return 0;
}

int vmqos_cgroup_set_weight(const char *mount, const char *path, uint32_t weight)
{
	char file[FILE_SIZE], text[16];
	int length;
	int err = 0;
	int fd;

	if (weight < VMQOS_WEIGHT_MIN || weight > VMQOS_WEIGHT_MAX)
		return -ERANGE;
	if (join(file, mount, path, "cpu.weight"))
		return -ENAMETOOLONG;
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return explain_absence(mount, path);
	if (fd < 0)
		return -errno;
	length = snprintf(text, sizeof(text), "%u\n", weight);
	if (write(fd, text, length) != length)
		err = errno ? -errno : -EIO;
	close(fd);
	return err == -ENODEV ? -ENOENT : err;
}

static bool is_populated(const char *mount, const char *path)
{
	char file[FILE_SIZE], text[256];
	const char *at;

	if (join(file, mount, path, "cgroup.events") || read_text(file, text, sizeof(text)))
		return false;
	at = strstr(text, "populated ");
	return at && at[10] == '1';
}

static int by_path(const void *a, const void *b)
{
	const struct vmqos_cgroup *one = a, *other = b;

	return strcmp(one->path, other->path);
}

int vmqos_cgroup_children(const char *mount, const char *path, struct vmqos_cgroup **children,
			  size_t *count)
{
	struct vmqos_list list = { .size = sizeof(struct vmqos_cgroup) };
	char file[FILE_SIZE];
	struct dirent *entry;
	DIR *folder;
	int err = 0;

	*children = NULL;
	*count = 0;
	if (join(file, mount, path, ""))
		return -ENAMETOOLONG;
	folder = opendir(file);
	if (!folder)
		return -errno;
	while (!err && (entry = readdir(folder))) {
		struct vmqos_cgroup *child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = vmqos_list_add(&list);
		if (!child) {
			err = -ENOMEM;
			break;
		}
		/* What has gone in between, or takes no part, is left out. */
		if (snprintf(child->path, sizeof(child->path), "%s/%s",
			     strcmp(path, "/") ? path : "", entry->d_name) >=
			    (int)sizeof(child->path) ||
		    vmqos_cgroup_weight(mount, child->path, &child->weight)) {
			vmqos_list_drop(&list);
			continue;
		}
		child->populated = is_populated(mount, child->path);
	}
	closedir(folder);
	if (err) {
		free(list.items);
		return err;
	}
	vmqos_list_sort(&list, by_path);
	*children = list.items;
	*count = list.count;
	return 0;
}

/* The part of its level's CPU that a cgroup has. */
static int share_of_level(const char *mount, const char *path, double *share)
{
	char parent[VMQOS_CGROUP_SIZE];
	struct vmqos_cgroup *children;
	uint64_t all = 0, own = 0;
	uint32_t weight;
	size_t count;
	size_t i;
	int err;

	err = vmqos_cgroup_weight(mount, path, &weight);
	if (err)
		return err;
	own = weight;
	all = weight;
	if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	vmqos_cgroup_parent(parent);
	err = vmqos_cgroup_children(mount, parent, &children, &count);
	if (err)
		return err;
	for (i = 0; i < count; i++)
		if (children[i].populated && strcmp(children[i].path, path))
			all += children[i].weight;
	free(children);
	*share = all ? (double)own / all : 0;
	return 0;
}

int vmqos_cgroup_share(const char *mount, const char *path, double *share)
{
	char at[VMQOS_CGROUP_SIZE];
	double result = 1;

	if (snprintf(at, sizeof(at), "%s", path) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	while (strcmp(at, "/")) {
		double level;
		int err = share_of_level(mount, at, &level);

		if (err)
			return err;
		result *= level;
		if (!vmqos_cgroup_parent(at))
			break;
	}
	*share = result;
	return 0;
}
