// SPDX-License-Identifier: GPL-2.0
/*
 * The test program executes itself once more: a constructor sees by the
 * environment that it is to be a VMM, and then the harness never runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "standin.h"
#include "vmm.h"

#define ROLE	"VMQOS_STANDIN"

static void be_vmm(const char *role)
{
	static const struct vmqos_vmm_workload idle = { .kind = VMQOS_VMM_IDLE };
	unsigned int vcpus, vms, i, j;
	char comm[32] = "";

	if (sscanf(role, "%u %u %31s", &vcpus, &vms, comm) < 2)
		_exit(2);
	if (*comm)
		prctl(PR_SET_NAME, comm);
	for (i = 0; i < vms; i++) {
		struct vmqos_vmm_vm *vm = vmqos_vmm_create("standin", vcpus + 1, 0);

		if (!vm)
			_exit(3);
		for (j = 0; j < vcpus; j++) {
			if (vmqos_vmm_add_vcpu(vm, &idle) < 0 || vmqos_vmm_start(vm, j) < 0)
				_exit(4);
		}
	}
	/* Its parent hears that the VM is there, and ends it by closing the pipe. */
	if (write(STDOUT_FILENO, "+", 1) != 1)
		_exit(5);
	while (read(STDIN_FILENO, comm, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

__attribute__((constructor)) static void maybe_vmm(void)
{
	const char *role = getenv(ROLE);

	if (role)
		be_vmm(role);
}

static void exec_vmm(const struct vmqos_standin_kind *kind, int in, int out)
{
	char role[96], name[128], exe[128];
	const char *argv[8] = { "standin" };
	int argc = 1;

	snprintf(exe, sizeof(exe), "/proc/self/exe");
	snprintf(role, sizeof(role), "%u %u %s", kind->vcpus, kind->vms ? kind->vms : 1,
		 kind->comm ? kind->comm : "");
	if (kind->name) {
		/* As libvirt writes it. */
		snprintf(name, sizeof(name), "guest=%s,debug-threads=on", kind->name);
		argv[0] = "/usr/bin/qemu-system-x86_64";
		argv[argc++] = "-name";
		argv[argc++] = name;
		if (kind->uuid) {
			argv[argc++] = "-uuid";
			argv[argc++] = kind->uuid;
		}
	}
	argv[argc] = NULL;
	setenv(ROLE, role, 1);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(6);
	if (kind->uid && (setgroups(0, NULL) || setgid(kind->uid) || setuid(kind->uid)))
		_exit(7);
	execv(exe, (char *const *)argv);
	_exit(8);
}

/**
 * vmqos_standin_start() - start a stand-in
 * @standin: filled
 * @kind: what it is to be
 *
 * Return: 0 when its VM is there; -errno when not.
 */
int vmqos_standin_start(struct vmqos_standin *standin, const struct vmqos_standin_kind *kind)
{
	int in[2], out[2];
	char ready;
	ssize_t got;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -errno;
	/* Not into *standin at once: the child may share it and has another answer. */
	pid = fork();
	if (pid == 0)
		exec_vmm(kind, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	standin->pid = pid;
	standin->control = in[1];
	got = pid < 0 ? -1 : read(out[0], &ready, 1);
	close(out[0]);
	if (got == 1)
		return 0;
	vmqos_standin_end(standin);
	return -ECHILD;
}

/**
 * vmqos_standin_end() - have a stand-in end by itself
 * @standin: the stand-in; one that has ended already is fine
 */
void vmqos_standin_end(struct vmqos_standin *standin)
{
	if (standin->pid <= 0)
		return;
	close(standin->control);
	waitpid(standin->pid, NULL, 0);
	standin->pid = 0;
}

/**
 * vmqos_standin_kill() - kill a stand-in
 * @standin: the stand-in
 */
void vmqos_standin_kill(struct vmqos_standin *standin)
{
	if (standin->pid > 0)
		kill(standin->pid, SIGKILL);
	vmqos_standin_end(standin);
}
