// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service.h"
#include "subject.h"

#define LOG_MAX		(1 << 20)

/**
 * vmqos_service_now_ms() - the time
 *
 * Return: CLOCK_MONOTONIC in ms.
 */
int64_t vmqos_service_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/**
 * vmqos_service_nap() - wait for 10 ms, and take what vmqosd tells meanwhile
 * @service: the service
 *
 * systemd always listens, and vmqosd waits when nobody does: a test that waits
 * does it by this.
 */
void vmqos_service_nap(struct vmqos_service *service)
{
	size_t used = strlen(service->told);
	ssize_t got;

	while ((got = recv(service->notify, service->told + used,
			   sizeof(service->told) - used - 2, MSG_DONTWAIT)) > 0) {
		used += got;
		service->told[used++] = '\n';
		service->told[used] = '\0';
	}
	usleep(10000);
}

/**
 * vmqos_service_missing() - whether the tests can run here
 *
 * They adopt and release every VM there is, so there may be none of others.
 *
 * Return: NULL, or what is missing.
 */
const char *vmqos_service_missing(void)
{
	const char *missing = vmqos_subject_missing();
	struct vmqos_process *processes;
	size_t count = 0;
	struct vmqos *ctx;

	if (missing)
		return missing;
	if (vmqos_open(&ctx) || vmqos_process_scan(ctx, &processes, &count, NULL)) {
		missing = "cannot look for VMs";
	} else {
		free(processes);
		if (count)
			missing = "VMs run on this host, with which the test would interfere";
	}
	vmqos_close(ctx);
	return missing;
}

/**
 * vmqos_service_init() - an empty policy folder and a log, but no vmqosd yet
 * @service: filled
 *
 * Return: 0 or a negative errno.
 */
int vmqos_service_init(struct vmqos_service *service)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(service, 0, sizeof(*service));
	strcpy(service->folder, "/tmp/vmqosd-test-XXXXXX");
	if (!mkdtemp(service->folder) || chmod(service->folder, 0755))
		return -errno;
	snprintf(service->policy, sizeof(service->policy), "%s/policy", service->folder);
	snprintf(service->log, sizeof(service->log), "%s/log", service->folder);
	if (mkdir(service->policy, 0755))
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", service->folder);
	service->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (service->notify < 0 ||
	    bind(service->notify, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return vmqos_open(&service->ctx);
}

/**
 * vmqos_service_open_to_all() - let a vmqosd and VMMs of other users than root work here
 * @service: the service
 *
 * Return: 0 or a negative errno.
 */
int vmqos_service_open_to_all(struct vmqos_service *service)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/notify", service->folder);
	if (chmod(path, 0666) || stat("/dev/kvm", &st))
		return -errno;
	service->kvm_mode = st.st_mode & 07777;
	return chmod("/dev/kvm", 0666) ? -errno : 0;
}

static void remove_all(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_type == DT_DIR)
			remove_all(path);
		else
			unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

/**
 * vmqos_service_exit() - end vmqosd and all stand-ins, and wait until no VM is left
 * @service: the service, perhaps of another process that has ended
 *
 * Return: 0; -ETIMEDOUT when VMs stay adopted or run.
 */
int vmqos_service_exit(struct vmqos_service *service)
{
	int64_t end = vmqos_service_now_ms() + PATIENCE;
	struct vmqos_host host = { .vms = 1 };
	struct vmqos_process *processes;
	size_t running = 1;
	struct vmqos *ctx;
	unsigned int i;

	if (service->pid > 0)
		kill(service->pid, SIGKILL);
	for (i = 0; i < service->standin_count; i++) {
		if (service->standins[i].pid > 0)
			kill(service->standins[i].pid, SIGKILL);
	}
	if (service->kvm_mode)
		chmod("/dev/kvm", service->kvm_mode);
	remove_all(service->folder);
	if (vmqos_open(&ctx) == 0) {
		while ((host.vms || running) && vmqos_service_now_ms() < end) {
			vmqos_host_get(ctx, -1, &host);
			if (vmqos_process_scan(ctx, &processes, &running, NULL) == 0)
				free(processes);
			usleep(10000);
		}
	}
	vmqos_close(ctx);
	return host.vms || running ? -ETIMEDOUT : 0;
}

/**
 * vmqos_service_write() - write a policy file
 * @service: the service
 * @file: its name
 * @text: its content
 *
 * Return: 0 or a negative errno.
 */
int vmqos_service_write(struct vmqos_service *service, const char *file, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", service->policy, file);
	out = fopen(path, "w");
	if (!out || fputs(text, out) < 0 || fclose(out))
		return -errno;
	return 0;
}

static void exec_service(struct vmqos_service *service, const char *const *options)
{
	const char *argv[32];
	char path[160];
	int argc = 0, log;

	if (service->wrapper) {
		while (service->wrapper[argc]) {
			argv[argc] = service->wrapper[argc];
			argc++;
		}
	}
	argv[argc++] = "vmqosd";
	argv[argc++] = "--config";
	argv[argc++] = service->policy;
	while (*options)
		argv[argc++] = *options++;
	argv[argc] = NULL;

	snprintf(path, sizeof(path), "%s/notify", service->folder);
	setenv("NOTIFY_SOCKET", path, 1);
	log = open(service->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(121);
	execvp(argv[0], (char *const *)argv);
	_exit(122);
}

/**
 * vmqos_service_start() - start vmqosd
 * @service: the service
 * @options: what to give it beside its policy folder, closed by NULL
 */
void vmqos_service_start(struct vmqos_service *service, const char *const *options)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_service(service, options);
	service->pid = pid;
}

/**
 * vmqos_service_wait() - wait until vmqosd has ended
 * @service: the service
 *
 * Return: its exit status, 128 and its signal, or -ETIMEDOUT; it is killed then.
 */
int vmqos_service_wait(struct vmqos_service *service)
{
	int64_t end = vmqos_service_now_ms() + PATIENCE;
	int status;
	pid_t ended;

	while ((ended = waitpid(service->pid, &status, WNOHANG)) == 0 &&
	       vmqos_service_now_ms() < end)
		vmqos_service_nap(service);
	if (!ended) {
		kill(service->pid, SIGKILL);
		waitpid(service->pid, &status, 0);
		service->pid = 0;
		return -ETIMEDOUT;
	}
	service->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/**
 * vmqos_service_stop() - end vmqosd
 * @service: the service
 * @signal: by what
 *
 * Return: as vmqos_service_wait().
 */
int vmqos_service_stop(struct vmqos_service *service, int signal)
{
	kill(service->pid, signal);
	return vmqos_service_wait(service);
}

/**
 * vmqos_service_run() - run vmqosd to its end
 * @service: the service
 * @options: as for vmqos_service_start()
 *
 * Return: as vmqos_service_wait().
 */
int vmqos_service_run(struct vmqos_service *service, const char *const *options)
{
	vmqos_service_start(service, options);
	return vmqos_service_wait(service);
}

/**
 * vmqos_service_alive() - whether vmqosd runs
 * @service: the service
 *
 * Return: whether it does.
 */
bool vmqos_service_alive(struct vmqos_service *service)
{
	return service->pid > 0 && waitpid(service->pid, NULL, WNOHANG) == 0;
}

/**
 * vmqos_service_told() - wait for a message to systemd
 * @service: the service
 * @message: part of it
 * @timeout_ms: how long to wait
 *
 * Return: whether it came; it and what came before it are gone.
 */
bool vmqos_service_told(struct vmqos_service *service, const char *message, int timeout_ms)
{
	int64_t end = vmqos_service_now_ms() + timeout_ms;
	char *at;

	while (!(at = strstr(service->told, message))) {
		if (vmqos_service_now_ms() >= end)
			return false;
		vmqos_service_nap(service);
	}
	at += strlen(message);
	memmove(service->told, at, strlen(at) + 1);
	return true;
}

/**
 * vmqos_service_ready() - wait until vmqosd says that it is ready
 * @service: the service
 *
 * Return: 0; -ETIMEDOUT when it does not, and its log is printed.
 */
int vmqos_service_ready(struct vmqos_service *service)
{
	if (vmqos_service_told(service, "READY=1", PATIENCE))
		return 0;
	vmqos_service_show(service);
	return -ETIMEDOUT;
}

static char *read_log(struct vmqos_service *service)
{
	char *text = malloc(LOG_MAX);
	int fd = open(service->log, O_RDONLY);
	ssize_t got = fd >= 0 && text ? read(fd, text, LOG_MAX - 1) : 0;

	if (fd >= 0)
		close(fd);
	if (text)
		text[got > 0 ? got : 0] = '\0';
	return text;
}

/**
 * vmqos_service_count() - how often something is in the log
 * @service: the service
 * @text: what to look for
 *
 * Return: how often it is there.
 */
unsigned int vmqos_service_count(struct vmqos_service *service, const char *text)
{
	char *log = read_log(service), *at = log;
	unsigned int count = 0;

	while (at && (at = strstr(at, text))) {
		count++;
		at++;
	}
	free(log);
	return count;
}

/**
 * vmqos_service_logged() - wait until something is in the log
 * @service: the service
 * @text: what to look for
 * @timeout_ms: how long to wait
 *
 * Return: whether it is there.
 */
bool vmqos_service_logged(struct vmqos_service *service, const char *text, int timeout_ms)
{
	int64_t end = vmqos_service_now_ms() + timeout_ms;

	while (!vmqos_service_count(service, text)) {
		if (vmqos_service_now_ms() >= end)
			return false;
		vmqos_service_nap(service);
	}
	return true;
}

/**
 * vmqos_service_logged_times() - wait until something is in the log so often
 * @service: the service
 * @text: what to look for
 * @times: how often
 *
 * The kernel knows of an adoption before it is in the log.
 *
 * Return: whether it is there as often, and not once more.
 */
bool vmqos_service_logged_times(struct vmqos_service *service, const char *text,
				unsigned int times)
{
	int64_t end = vmqos_service_now_ms() + PATIENCE;

	while (vmqos_service_count(service, text) < times && vmqos_service_now_ms() < end)
		vmqos_service_nap(service);
	return vmqos_service_count(service, text) == times;
}

/**
 * vmqos_service_show() - print the log, as remarks of the test
 * @service: the service
 */
void vmqos_service_show(struct vmqos_service *service)
{
	char *log = read_log(service), *line, *rest = log;

	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			printf("#   %s\n", line);
	fflush(stdout);
	free(log);
}

/**
 * vmqos_service_standin() - start a stand-in that ends with the test
 * @service: the service
 * @kind: what it is to be
 *
 * Return: its place among the stand-ins, or a negative errno.
 */
int vmqos_service_standin(struct vmqos_service *service, const struct vmqos_standin_kind *kind)
{
	int ret;

	if (service->standin_count == STANDINS)
		return -ENOSPC;
	vmqos_service_nap(service);
	ret = vmqos_standin_start(&service->standins[service->standin_count], kind);
	return ret ? ret : (int)service->standin_count++;
}

/**
 * vmqos_service_adopted() - wait until a VM is adopted
 * @service: the service
 * @name: its name
 * @timeout_ms: how long to wait
 * @vm: filled, or NULL
 *
 * Return: how long it took in ms, or -ETIMEDOUT.
 */
int vmqos_service_adopted(struct vmqos_service *service, const char *name, int timeout_ms,
			  struct vmqos_vm *vm)
{
	int64_t begin = vmqos_service_now_ms();
	struct vmqos_vm found;

	while (vmqos_vm_get_by_name(service->ctx, name, &found) ||
	       found.state != VMQOS_VM_ACTIVE) {
		if (vmqos_service_now_ms() - begin >= timeout_ms)
			return -ETIMEDOUT;
		vmqos_service_nap(service);
	}
	if (vm)
		*vm = found;
	return vmqos_service_now_ms() - begin;
}

/**
 * vmqos_service_gone() - wait until a VM is no longer adopted
 * @service: the service
 * @name: its name
 * @timeout_ms: how long to wait
 *
 * Return: how long it took in ms, or -ETIMEDOUT.
 */
int vmqos_service_gone(struct vmqos_service *service, const char *name, int timeout_ms)
{
	int64_t begin = vmqos_service_now_ms();
	struct vmqos_vm found;

	while (vmqos_vm_get_by_name(service->ctx, name, &found) != -ENOENT) {
		if (vmqos_service_now_ms() - begin >= timeout_ms)
			return -ETIMEDOUT;
		vmqos_service_nap(service);
	}
	return vmqos_service_now_ms() - begin;
}

/**
 * vmqos_service_wait_vms() - wait until so many VMs are adopted
 * @service: the service
 * @vms: their number
 *
 * Return: how long it took in ms, PATIENCE or more when it did not come to that.
 */
int vmqos_service_wait_vms(struct vmqos_service *service, uint32_t vms)
{
	int64_t begin = vmqos_service_now_ms();
	struct vmqos_host host;

	while (vmqos_host_get(service->ctx, -1, &host) == 0 && host.vms != vms &&
	       vmqos_service_now_ms() < begin + PATIENCE)
		vmqos_service_nap(service);
	return vmqos_service_now_ms() - begin;
}
