// SPDX-License-Identifier: LGPL-2.1+
/*
 * Adopting the VMs of a process. Its descriptors are reached through a pidfd
 * taken first, so a number that passes to another process in between is
 * noticed instead of adopting a stranger.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "context.h"
#include "list.h"
#include "process.h"

/* How many names are tried for one VM: NAME, NAME-PID, NAME-PID-2, ... */
#define NAMES_MAX	100

static int open_process(struct vmqos *ctx, uint32_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case ESRCH:
		return vmqos_fail(ctx, -ESRCH, "there is no process %u", pid);
	case EINVAL:
	case ENOENT:
		return vmqos_fail(ctx, -ESRCH,
				  "%u is a thread, not a process; give the number of its process",
				  pid);
	default:
		return vmqos_fail(ctx, -errno, "cannot open process %u: %s", pid,
				  strerror(errno));
	}
}

static int fail_hidden(struct vmqos *ctx, uint32_t pid)
{
	return vmqos_fail(ctx, -EPERM,
			  "not permitted to look into process %u: this needs CAP_SYS_PTRACE; run it as root",
			  pid);
}

/* NAME, NAME-PID, NAME-PID-2, ...; NAME is cut where the whole is too long. */
static void fallback_name(char *name, const char *base, uint32_t pid, unsigned int attempt)
{
	char tail[32] = "";
	int room;

	if (attempt == 1)
		snprintf(tail, sizeof(tail), "-%u", pid);
	else if (attempt > 1)
		snprintf(tail, sizeof(tail), "-%u-%u", pid, attempt);
	room = VMQOS_NAME_MAX - (int)strlen(tail);
	snprintf(name, VMQOS_NAME_MAX + 1, "%.*s%s", room, base, tail);
}

static bool is_blamed(const struct vmqos *ctx, const char *name)
{
	const char *attr = vmqos_error_attr(ctx);

	return attr && !strcmp(attr, name);
}

static bool name_is_taken(const struct vmqos *ctx, int err)
{
	return err == -EEXIST && is_blamed(ctx, "name");
}

/* The process has the descriptor, by inheritance say, but another one made the VM. */
static bool is_foreign(const struct vmqos *ctx, int err)
{
	return err == -EINVAL && is_blamed(ctx, "pid");
}

/*
 * @firm: the name in @settings was given and is not to be changed.
 * @attempt: the first of the names to try.
 */
static int adopt_one(struct vmqos *ctx, int pidfd, int fd, uint32_t pid, bool firm,
		     unsigned int attempt, const struct vmqos_vm_settings *settings,
		     struct vmqos_vm *vm)
{
	struct vmqos_vm_settings wanted = *settings;
	unsigned int end = attempt + NAMES_MAX;
	int own;
	int err;

	own = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (own < 0) {
		if (errno == EPERM || errno == EACCES)
			return fail_hidden(ctx, pid);
		if (errno == ESRCH || errno == EBADF)
			return vmqos_fail(ctx, -ESRCH, "the VM of process %u has ended", pid);
		return vmqos_fail(ctx, -errno, "cannot get descriptor %d of process %u: %s", fd,
				  pid, strerror(errno));
	}
	for (; attempt < end; attempt++) {
		if (wanted.set & VMQOS_HAS(VMQOS_VM_NAME))
			fallback_name(wanted.name, settings->name, pid, attempt);
		err = vmqos_vm_adopt_fd(ctx, own, pid, &wanted, vm);
		if (firm || !name_is_taken(ctx, err))
			break;
	}
	close(own);
	return err;
}

/* What is not set is taken from the process. */
static void complete_settings(struct vmqos_vm_settings *settings,
			      const struct vmqos_process *process)
{
	if (!(settings->set & VMQOS_HAS(VMQOS_VM_NAME)) && process->name[0]) {
		strcpy(settings->name, process->name);
		settings->set |= VMQOS_HAS(VMQOS_VM_NAME);
	}
	/* A UUID is one VM's; of several it is not known whose. */
	if (!(settings->set & VMQOS_HAS(VMQOS_VM_UUID)) && process->has_uuid &&
	    process->vms == 1) {
		memcpy(settings->uuid, process->uuid, VMQOS_UUID_SIZE);
		settings->set |= VMQOS_HAS(VMQOS_VM_UUID);
	}
}

static int adopt_fds(struct vmqos *ctx, int pidfd, uint32_t pid, const int *fds, size_t count,
		     const struct vmqos_vm_settings *given, struct vmqos_list *adopted)
{
	struct vmqos_vm_settings settings = { 0 };
	struct vmqos_process process;
	bool firm = false;
	size_t foreign = 0;
	size_t known = 0;
	size_t i;
	int err;

	if (given) {
		settings = *given;
		firm = settings.set & VMQOS_HAS(VMQOS_VM_NAME);
		if (count > 1 && settings.set)
			return vmqos_fail(ctx, -EINVAL,
					  "process %u holds %zu VMs; adopt them without a name or UUID and set those afterwards",
					  pid, count);
	}
	err = vmqos_process_describe(pid, &process, NULL);
	if (err)
		return vmqos_fail(ctx, err, "cannot look at process %u: %s", pid, strerror(-err));
	process.vms = count;
	complete_settings(&settings, &process);

	for (i = 0; i < count; i++) {
		struct vmqos_vm vm;
		struct vmqos_vm *kept;

		/* The process's own earlier VMs have the first i names at least. */
		err = adopt_one(ctx, pidfd, fds[i], pid, firm, i, &settings, &vm);
		if (err == -EEXIST && !name_is_taken(ctx, err)) {
			known++;
			continue;
		}
		if (is_foreign(ctx, err)) {
			foreign++;
			continue;
		}
		if (err)
			return err;
		kept = vmqos_list_add(adopted);
		if (!kept)
			return vmqos_fail_memory(ctx);
		*kept = vm;
	}
	/* The kernel's sentence of the last refusal is still the context's. */
	if (known + foreign < count)
		return 0;
	return known ? -EEXIST : -EINVAL;
}

int vmqos_vm_adopt_pid(struct vmqos *ctx, uint32_t pid,
		       const struct vmqos_vm_settings *settings,
		       struct vmqos_vm **vms, size_t *count)
{
	struct vmqos_list adopted = { .size = sizeof(struct vmqos_vm) };
	size_t fd_count = 0;
	int *fds = NULL;
	int pidfd;
	int err;

	if (vms)
		*vms = NULL;
	if (count)
		*count = 0;
	pidfd = open_process(ctx, pid);
	if (pidfd < 0)
		return pidfd;
	err = vmqos_process_vm_fds(pid, &fds, &fd_count);
	if (err == -EACCES || err == -EPERM)
		err = fail_hidden(ctx, pid);
	else if (err == -ESRCH)
		vmqos_fail(ctx, err, "there is no process %u", pid);
	else if (err)
		vmqos_fail(ctx, err, "cannot read the descriptors of process %u: %s", pid,
			   strerror(-err));
	else if (!fd_count)
		err = vmqos_fail(ctx, -ENOENT, "process %u holds no KVM VM", pid);
	else
		err = adopt_fds(ctx, pidfd, pid, fds, fd_count, settings, &adopted);
	free(fds);
	close(pidfd);

	if (count)
		*count = adopted.count;
	if (vms && adopted.count)
		*vms = adopted.items;
	else
		free(adopted.items);
	return err;
}

/* Appends what one process gave to the outcome. */
static int collect(struct vmqos_adoption *adoption, struct vmqos_vm *vms, size_t count)
{
	struct vmqos_vm *all;

	if (!count)
		return 0;
	all = reallocarray(adoption->vms, adoption->vm_count + count, sizeof(*all));
	if (!all)
		return -ENOMEM;
	memcpy(all + adoption->vm_count, vms, count * sizeof(*all));
	adoption->vms = all;
	adoption->vm_count += count;
	return 0;
}

int vmqos_vm_adopt_all(struct vmqos *ctx, struct vmqos_adoption *adoption)
{
	struct vmqos_process *processes;
	struct vmqos saved = *ctx;
	size_t count;
	int first = 0;
	size_t i;
	int err;

	memset(adoption, 0, sizeof(*adoption));
	err = vmqos_process_scan(ctx, &processes, &count, &adoption->unreadable);
	if (err)
		return err;
	adoption->processes = calloc(count + 1, sizeof(*adoption->processes));
	if (!adoption->processes) {
		free(processes);
		return vmqos_fail_memory(ctx);
	}
	for (i = 0; i < count; i++) {
		struct vmqos_adopt_result *result = &adoption->processes[i];
		struct vmqos_vm *vms;
		size_t vm_count;

		result->pid = processes[i].pid;
		strcpy(result->name, processes[i].name);
		result->status = vmqos_vm_adopt_pid(ctx, result->pid, NULL, &vms, &vm_count);
		/* Its VMs are adopted with the process that made them. */
		if (is_foreign(ctx, result->status))
			result->status = -ENOENT;
		if (result->status)
			snprintf(result->error, sizeof(result->error), "%s", vmqos_error(ctx));
		adoption->process_count++;
		/* What ended in between is nobody's fault. */
		if (result->status && result->status != -EEXIST && result->status != -ESRCH &&
		    result->status != -ENOENT && !first) {
			first = result->status;
			saved = *ctx;
		}
		err = collect(adoption, vms, vm_count);
		free(vms);
		if (err) {
			free(processes);
			return vmqos_fail_memory(ctx);
		}
	}
	free(processes);
	if (first) {
		memcpy(ctx->error, saved.error, sizeof(ctx->error));
		ctx->error_attr = saved.error_attr;
		ctx->error_from_kernel = saved.error_from_kernel;
	}
	return first;
}

void vmqos_adoption_free(struct vmqos_adoption *adoption)
{
	free(adoption->vms);
	free(adoption->processes);
	memset(adoption, 0, sizeof(*adoption));
}
