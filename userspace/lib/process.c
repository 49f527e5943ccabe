// SPDX-License-Identifier: LGPL-2.1+
/*
 * Which processes hold KVM VMs, and what VMs those are. A VM is a descriptor
 * whose link in /proc/PID/fd reads anon_inode:kvm-vm.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmdline.h"
#include "context.h"
#include "list.h"
#include "process.h"

#define VM_LINK		"anon_inode:kvm-vm"
/* As large as the kernel lets arguments be for practical purposes. */
#define CMDLINE_MAX	(4 * 1024 * 1024)

const char *vmqos_proc_root = "/proc";

/* The reason in errno; what belongs to a process goes with it. */
static int why_not(void)
{
	return errno == ENOENT ? -ESRCH : -errno;
}

/* Opens a file or folder of a process. */
static int open_of(uint32_t pid, const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%u/%s", vmqos_proc_root, pid, name);
	fd = open(path, flags | O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : why_not();
}

/*
 * Order of two descriptors by the open file behind them, equal when they are
 * one. Where the kernel does not tell they are taken for two: adopting the
 * same VM twice is refused, and harmless.
 */
static int by_file(const void *a, const void *b, void *arg)
{
	int one = *(const int *)a, other = *(const int *)b;
	uint32_t pid = *(uint32_t *)arg;

	switch (syscall(SYS_kcmp, pid, pid, KCMP_FILE, one, other)) {
	case 0:
		return 0;
	case 1:
		return -1;
	case 2:
		return 1;
	default:
		return one - other;
	}
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Keeps one descriptor of each open file. Sorted, since there may be many. */
static void drop_copies(struct vmqos_list *list, uint32_t pid)
{
	int *fds = list->items;
	size_t kept = 0;
	size_t i;

	if (!list->count)
		return;
	qsort_r(fds, list->count, sizeof(*fds), by_file, &pid);
	for (i = 1; i < list->count; i++)
		if (by_file(&fds[kept], &fds[i], &pid))
			fds[++kept] = fds[i];
	list->count = kept + 1;
	qsort(fds, list->count, sizeof(*fds), by_number);
}

/* 1 for a VM, 0 for another descriptor or a closed one, -EACCES for a hidden one. */
static int is_vm(DIR *dir, const char *name)
{
	char link[sizeof(VM_LINK) + 1];
	ssize_t size = readlinkat(dirfd(dir), name, link, sizeof(link));

	/* Of a process that ends just now it is refused once, and then not there. */
	if (size < 0 && errno == EACCES)
		size = readlinkat(dirfd(dir), name, link, sizeof(link));
	if (size < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	return size == sizeof(VM_LINK) - 1 && !memcmp(link, VM_LINK, size);
}

int vmqos_process_vm_fds(uint32_t pid, int **fds, size_t *count)
{
	struct vmqos_list list = { .size = sizeof(int) };
	struct dirent *entry;
	DIR *dir;
	int fd;

	*fds = NULL;
	*count = 0;
	fd = open_of(pid, "fd", O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		/* It asks for the folder's attributes: the process may have ended since. */
		int err = why_not();

		close(fd);
		return err;
	}
	while ((entry = readdir(dir))) {
		int *added;
		int answer;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		/* The folder may be listed by who may not look behind its links. */
		answer = is_vm(dir, entry->d_name);
		if (!answer)
			continue;
		added = answer > 0 ? vmqos_list_add(&list) : NULL;
		if (!added) {
			closedir(dir);
			free(list.items);
			return answer < 0 ? answer : -ENOMEM;
		}
		*added = atoi(entry->d_name);
	}
	closedir(dir);
	drop_copies(&list, pid);
	*fds = list.items;
	*count = list.count;
	return 0;
}

/* Reads a whole small file of a process, closed by a NUL that is not counted. */
static int read_of(uint32_t pid, const char *name, char **text, size_t *size)
{
	size_t room = 4096;
	size_t used = 0;
	char *buffer;
	int fd;

	fd = open_of(pid, name, 0);
	if (fd < 0)
		return fd;
	buffer = malloc(room);
	while (buffer) {
		ssize_t got = read(fd, buffer + used, room - used - 1);
		char *larger;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = -errno;

			free(buffer);
			close(fd);
			return err;
		}
		used += got;
		if (!got || used >= CMDLINE_MAX)
			break;
		if (room - used > 1)
			continue;
		room *= 2;
		larger = realloc(buffer, room);
		if (!larger)
			free(buffer);
		buffer = larger;
	}
	close(fd);
	if (!buffer)
		return -ENOMEM;
	buffer[used] = '\0';
	*text = buffer;
	*size = used;
	return 0;
}

int vmqos_process_describe(uint32_t pid, struct vmqos_process *process, bool *user)
{
	char *text;
	size_t size;
	int err;

	memset(process, 0, sizeof(*process));
	process->pid = pid;
	err = read_of(pid, "comm", &text, &size);
	if (err)
		return err;
	if (size && text[size - 1] == '\n')
		text[size - 1] = '\0';
	snprintf(process->comm, sizeof(process->comm), "%s", text);
	free(text);

	err = read_of(pid, "cmdline", &text, &size);
	if (err)
		return err;
	if (user)
		*user = size > 0;
	vmqos_cmdline_parse(process, text, size);
	free(text);
	return 0;
}

int vmqos_process_identify(struct vmqos *ctx, uint32_t pid, struct vmqos_process *process)
{
	size_t count;
	int *fds;
	int err;

	err = vmqos_process_describe(pid, process, NULL);
	if (err == -ESRCH)
		return vmqos_fail(ctx, err, "there is no process %u", pid);
	if (err)
		return vmqos_fail(ctx, err, "cannot look at process %u: %s", pid, strerror(-err));
	if (!vmqos_process_vm_fds(pid, &fds, &count)) {
		process->vms = count;
		free(fds);
	}
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct vmqos_process *one = a, *other = b;

	return one->pid < other->pid ? -1 : one->pid > other->pid;
}

int vmqos_process_scan(struct vmqos *ctx, struct vmqos_process **processes,
		       size_t *count, unsigned int *unreadable)
{
	struct vmqos_list list = { .size = sizeof(**processes) };
	struct dirent *entry;
	unsigned int hidden = 0;
	DIR *proc;

	*processes = NULL;
	*count = 0;
	proc = opendir(vmqos_proc_root);
	if (!proc)
		return vmqos_fail(ctx, -errno, "cannot read %s: %s", vmqos_proc_root,
				  strerror(errno));
	while ((entry = readdir(proc))) {
		struct vmqos_process *process;
		bool user = false;
		size_t vms;
		int *fds;
		int err;
		uint64_t pid;

		if (vmqos_number_parse(entry->d_name, 1, UINT32_MAX, &pid))
			continue;
		err = vmqos_process_vm_fds(pid, &fds, &vms);
		if (!err)
			free(fds);
		if (err == -ENOMEM)
			goto no_memory;
		if ((!err && !vms) || err == -ESRCH)
			continue;

		process = vmqos_list_add(&list);
		if (!process)
			goto no_memory;
		/* Processes end while they are looked at; those are passed over. */
		if (vmqos_process_describe(pid, process, &user) || err) {
			vmqos_list_drop(&list);
			hidden += err && user;
			continue;
		}
		process->vms = vms;
	}
	closedir(proc);
	if (list.count)
		qsort(list.items, list.count, list.size, by_pid);
	*processes = list.items;
	*count = list.count;
	if (unreadable)
		*unreadable = hidden;
	return 0;

no_memory:
	closedir(proc);
	free(list.items);
	return vmqos_fail_memory(ctx);
}

static bool is_meant(const struct vmqos_process *process, const char *name,
		     const uint8_t *uuid)
{
	if (uuid && process->has_uuid && !memcmp(process->uuid, uuid, VMQOS_UUID_SIZE))
		return true;
	return !strcmp(process->name, name);
}

int vmqos_process_find(struct vmqos *ctx, const char *text, struct vmqos_process *process)
{
	struct vmqos_process *processes;
	char name[VMQOS_NAME_MAX + 1];
	uint8_t uuid[VMQOS_UUID_SIZE];
	unsigned int unreadable;
	size_t found = 0;
	bool has_uuid;
	size_t count;
	size_t i;
	int err;

	err = vmqos_process_scan(ctx, &processes, &count, &unreadable);
	if (err)
		return err;
	vmqos_name_clean(name, sizeof(name), text);
	has_uuid = !vmqos_uuid_parse(text, uuid);
	for (i = 0; i < count; i++) {
		if (!is_meant(&processes[i], name, has_uuid ? uuid : NULL))
			continue;
		if (found++) {
			err = vmqos_fail(ctx, -ENOTUNIQ,
					 "processes %u and %u both run a VM called \"%s\"; name the process with its number",
					 process->pid, processes[i].pid, text);
			break;
		}
		*process = processes[i];
	}
	free(processes);
	if (!found && unreadable)
		return vmqos_fail(ctx, -ENOENT,
				  "no process that may be looked into runs a VM called \"%s\"; %u processes may not, run it as root",
				  text, unreadable);
	if (!found)
		return vmqos_fail(ctx, -ENOENT, "no process runs a VM called \"%s\"", text);
	return err;
}
