// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Overview
 *
 * One thread, one event loop, four sources: the kernel's uevents tell of new
 * VMs, vmqos's events of adoptions and of the module, signals of what the
 * administrator wants, and a timer of VMs that have to be looked for again.
 * Whenever messages were lost, the whole host is looked over instead.
 *
 * Order at the start: listen first, look second. A VM that appears in between
 * is met twice, which does no harm; in the other order it would be missed.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include <vmqos/vmqos.h>

#include "arrivals.h"
#include "balance.h"
#include "balloons.h"
#include "daemon.h"
#include "enforce.h"
#include "fleet.h"
#include "log.h"
#include "policy.h"
#include "proc.h"
#include "service.h"
#include "uevent.h"
#include "weights.h"

/* Looking over the whole host reads every process: not more often than this. */
#define SCAN_PAUSE_US	1000000
/* systemd is told of the number of VMs no more often than this. */
#define STATUS_PAUSE_US	1000000
/* CPUs come online without an event: so long at most a reservation waits for that. */
#define RETRY_PAUSE_US	5000000
/* How often the weights of the VMs' cgroups follow what the VMs are entitled to. */
#define WEIGHTS_PERIOD_US	1000000
#define TIMER_SLACK_US	500

struct vmqos_daemon {
	const struct vmqos_daemon_options *options;
	struct vmqos_policy *policy;
	struct vmqos *ctx;
	struct vmqos_fleet *fleet;
	struct vmqos_arrivals arrivals;
	struct vmqos_events *events;
	int uevents;
	sd_event *loop;
	sd_event_source *arrival_timer;
	sd_event_source *scan_timer;
	sd_event_source *status_timer;
	sd_event_source *retry_timer;
	sd_event_source *weights_timer;
	struct vmqos_weights *weights;
	struct vmqos_balloons *balloons;
	unsigned int fleet_changes;
	struct vmqos_service *service;
	uint64_t last_scan_us;
	bool scan_pending;
	uint64_t last_status_us;
	bool status_pending;
	unsigned int status_count;
	bool retry_pending;
};

static void report_error(void *ctx, const char *file, unsigned int line, const char *message)
{
	(void)ctx;
	if (line)
		vmqos_daemon_log(LOG_ERR, "%s:%u: %s", file, line, message);
	else
		vmqos_daemon_log(LOG_ERR, "%s: %s", file, message);
}

/* Read the policy files. NULL when they are wrong, which has been logged. */
static struct vmqos_policy *load_policy(const struct vmqos_daemon_options *options)
{
	struct vmqos_policy *policy = vmqos_policy_new();
	int ret = policy ? vmqos_policy_read(policy, options->config, report_error, NULL) : -ENOMEM;

	if (ret == -ENOENT && !options->config_given)
		ret = 0;
	if (ret == 0)
		return policy;
	if (ret > 0)
		vmqos_daemon_log(LOG_ERR, "%d %s in the policy files of %s", ret,
				 ret == 1 ? "error" : "errors", options->config);
	else
		vmqos_daemon_log(LOG_ERR, "cannot read the policy folder %s: %s", options->config,
				 strerror(-ret));
	vmqos_policy_free(policy);
	return NULL;
}

/**
 * vmqos_daemon_check() - check the policy files
 * @options: the command line's options
 *
 * Return: exit status of the program.
 */
int vmqos_daemon_check(const struct vmqos_daemon_options *options)
{
	struct vmqos_policy *policy = load_policy(options);
	unsigned int sections;

	if (!policy)
		return EX_CONFIG;
	sections = vmqos_policy_sections(policy);
	printf("%s: no errors, %u %s\n", options->config, sections,
	       sections == 1 ? "section" : "sections");
	vmqos_policy_free(policy);
	return EX_OK;
}

/* Say at once what is missing: later each VM would be refused on its own. */
static int check_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0) {
		vmqos_daemon_log(LOG_ERR, "cannot read its own capabilities: %s", strerror(errno));
		return EX_OSERR;
	}
	if (!(data[CAP_NET_ADMIN / 32].effective & (1u << CAP_NET_ADMIN % 32))) {
		vmqos_daemon_log(LOG_ERR,
				 "no right to adopt VMs, CAP_NET_ADMIN is missing: run vmqosd as root, or start the service with 'systemctl start vmqosd'");
		return EX_NOPERM;
	}
	if (!(data[CAP_SYS_PTRACE / 32].effective & (1u << CAP_SYS_PTRACE % 32)) ||
	    !(data[CAP_DAC_READ_SEARCH / 32].effective & (1u << CAP_DAC_READ_SEARCH % 32)))
		vmqos_daemon_log(LOG_WARNING,
				 "VMs of other users cannot be adopted: give vmqosd CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
	return EX_OK;
}

/* The policy, the kernel module, the VMs adopted so far: what every mode needs. */
static int open_all(struct vmqos_daemon *daemon)
{
	int ret;

	daemon->policy = load_policy(daemon->options);
	if (!daemon->policy)
		return EX_CONFIG;
	ret = check_rights();
	if (ret)
		return ret;
	ret = vmqos_open(&daemon->ctx);
	if (ret) {
		vmqos_daemon_log(LOG_ERR, "%s", vmqos_error(daemon->ctx));
		return ret == -ENODEV ? EX_UNAVAILABLE : EX_OSERR;
	}
	daemon->fleet = vmqos_fleet_new(daemon->ctx);
	if (!daemon->fleet)
		return EX_OSERR;
	return EX_OK;
}

static void close_all(struct vmqos_daemon *daemon)
{
	vmqos_fleet_free(daemon->fleet);
	vmqos_close(daemon->ctx);
	vmqos_policy_free(daemon->policy);
}

/* What the kernel has, what the policy wants, and the difference made good. */
static int bring_up(struct vmqos_daemon *daemon)
{
	if (vmqos_fleet_learn(daemon->fleet)) {
		vmqos_daemon_log(LOG_ERR, "cannot read which VMs are adopted: %s",
				 vmqos_error(daemon->ctx));
		return -EIO;
	}
	vmqos_enforce_host(daemon->ctx, vmqos_policy_host(daemon->policy));
	return vmqos_fleet_reconcile(daemon->fleet, daemon->policy);
}

/**
 * vmqos_daemon_once() - adopt every VM there is, apply the policy, and end
 * @options: the command line's options
 *
 * Return: exit status of the program.
 */
int vmqos_daemon_once(const struct vmqos_daemon_options *options)
{
	struct vmqos_daemon daemon = { .options = options };
	int ret = open_all(&daemon);

	if (!ret)
		ret = bring_up(&daemon) || vmqos_fleet_owes(daemon.fleet) ? EXIT_FAILURE : EX_OK;
	close_all(&daemon);
	return ret;
}

static uint64_t now_us(struct vmqos_daemon *daemon)
{
	uint64_t now = 0;

	sd_event_now(daemon->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void set_timer(sd_event_source *timer, uint64_t time_us)
{
	sd_event_source_set_time(timer, time_us);
	sd_event_source_set_enabled(timer, time_us == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void arm_arrivals(struct vmqos_daemon *daemon)
{
	set_timer(daemon->arrival_timer, vmqos_arrivals_next(&daemon->arrivals));
}

/* Have the whole host looked over, soon but not too often. */
static void want_scan(struct vmqos_daemon *daemon, const char *why)
{
	uint64_t now = now_us(daemon), due = daemon->last_scan_us + SCAN_PAUSE_US;

	vmqos_daemon_log(LOG_DEBUG, "looking over the whole host: %s", why);
	if (daemon->scan_pending)
		return;
	daemon->scan_pending = true;
	set_timer(daemon->scan_timer, due > now ? due : now);
}

static int on_scan_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;

	(void)source;
	(void)time_us;
	daemon->scan_pending = false;
	daemon->last_scan_us = now_us(daemon);
	vmqos_fleet_reconcile(daemon->fleet, daemon->policy);
	return 0;
}

static int on_arrival_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;
	struct vmqos_arrival arrival;
	uint64_t now = now_us(daemon);
	unsigned int adopted;
	int ret;

	(void)source;
	(void)time_us;
	while (vmqos_arrivals_take(&daemon->arrivals, now, &arrival)) {
		ret = vmqos_fleet_adopt(daemon->fleet, daemon->policy, arrival.pid, &adopted);
		if (!ret && adopted)
			vmqos_arrivals_some_came(&daemon->arrivals, &arrival, adopted, now);
		/*
		 * EEXIST as well: a process that holds an adopted VM may have
		 * announced one more that is not to be seen yet.
		 */
		if (ret != -ENOENT && ret != -EEXIST)
			continue;
		if (!vmqos_arrivals_put_back(&daemon->arrivals, &arrival, now) && ret == -ENOENT)
			vmqos_daemon_log(LOG_DEBUG, "process %u announced a VM but holds none",
					 arrival.pid);
	}
	arm_arrivals(daemon);
	return 0;
}

static void announce(struct vmqos_daemon *daemon, uint32_t tid)
{
	uint32_t pid;
	int ret = vmqos_proc_of_thread(tid, &pid);

	if (ret) {
		/* Nearly always the whole process; but the VM may have outlived the thread. */
		want_scan(daemon, "a thread that made a VM has ended");
		return;
	}
	if (vmqos_arrivals_add(&daemon->arrivals, pid, now_us(daemon)))
		want_scan(daemon, "no memory to wait for a process");
}

static int on_uevent(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;
	struct vmqos_uevent uevent;
	int ret;

	(void)source;
	(void)revents;
	while ((ret = vmqos_uevent_read(fd, &uevent)) > 0) {
		if (uevent.type == VMQOS_UEVENT_VM_CREATE)
			announce(daemon, uevent.tid);
	}
	arm_arrivals(daemon);
	if (ret == -ENOBUFS)
		want_scan(daemon, "uevents were lost");
	else if (ret < 0)
		vmqos_daemon_log(LOG_ERR, "cannot read uevents: %s", strerror(-ret));
	return 0;
}

static void module_loaded(struct vmqos_daemon *daemon)
{
	vmqos_daemon_log(LOG_NOTICE, "the module vmqos has been loaded: adopting the VMs again");
	vmqos_fleet_forget(daemon->fleet);
	daemon->last_scan_us = now_us(daemon);
	bring_up(daemon);
}

static void log_unmet(const struct vmqos_unmet *unmet)
{
	char reserved[VMQOS_CPU_TEXT], received[VMQOS_CPU_TEXT];

	vmqos_daemon_log(LOG_WARNING,
			 "VM %s wanted its cpu-reservation of %s of a CPU and got %s: %s",
			 unmet->name,
			 vmqos_cpu_format(unmet->cpu_reservation, 0, reserved, sizeof(reserved)),
			 vmqos_cpu_format(unmet->cpu_received, 0, received, sizeof(received)),
			 vmqos_unmet_reason_name(unmet->reason));
}

static int on_event(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;
	struct vmqos_event event;
	int ret;

	(void)source;
	(void)fd;
	(void)revents;
	while ((ret = vmqos_events_next(daemon->events, &event, 0)) > 0) {
		switch (event.type) {
		case VMQOS_EVENT_LOST:
			vmqos_daemon_log(LOG_DEBUG, "events were lost");
			vmqos_fleet_lost(daemon->fleet);
			want_scan(daemon, "events were lost");
			break;
		case VMQOS_EVENT_MODULE_GONE:
			vmqos_daemon_log(LOG_WARNING,
					 "the module vmqos has been unloaded, no VM is adopted any more: load it with 'modprobe vmqos', the VMs are then adopted again");
			vmqos_fleet_forget(daemon->fleet);
			break;
		case VMQOS_EVENT_MODULE_LOADED:
			module_loaded(daemon);
			break;
		case VMQOS_EVENT_VM_UNMET:
			log_unmet(&event.unmet);
			break;
		default:
			vmqos_fleet_event(daemon->fleet, daemon->policy, &event);
		}
	}
	if (ret < 0 && ret != -EINTR)
		vmqos_daemon_log(LOG_ERR, "cannot read the events of vmqos: %s",
				 vmqos_error(daemon->ctx));
	return 0;
}

static int on_weights_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;

	(void)source;
	(void)time_us;
	set_timer(daemon->weights_timer, now_us(daemon) + WEIGHTS_PERIOD_US);
	vmqos_balance(daemon->ctx, daemon->weights);
	return 0;
}

/* What a weight means is the scheduler's choice; debugfs, which tells it, may be out of reach. */
static bool weights_for_each(void)
{
	char mode[64] = "";
	struct utsname system;
	FILE *file = fopen("/sys/kernel/debug/sched/cgroup_mode", "re");
	bool known = file && fgets(mode, sizeof(mode), file);

	if (file)
		fclose(file);
	uname(&system);
	return vmqos_weights_for_each(known ? mode : NULL, system.release);
}

/* Begins or ends to keep the weights of cgroups, as the policy says. */
static void apply_weights(struct vmqos_daemon *daemon)
{
	bool wanted = vmqos_policy_daemon(daemon->policy)->cgroup_weights;

	if (wanted && !daemon->weights)
		daemon->weights = vmqos_weights_new(NULL, NULL, weights_for_each());
	if (!wanted) {
		vmqos_weights_free(daemon->weights);
		daemon->weights = NULL;
	}
	set_timer(daemon->weights_timer, daemon->weights ? now_us(daemon) : UINT64_MAX);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;
	struct vmqos_policy *policy;

	(void)source;
	(void)info;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now_us(daemon));
	policy = load_policy(daemon->options);
	if (policy) {
		vmqos_policy_free(daemon->policy);
		daemon->policy = policy;
		vmqos_daemon_log(LOG_NOTICE, "the policy files of %s are in force",
				 daemon->options->config);
		vmqos_enforce_host(daemon->ctx, vmqos_policy_host(daemon->policy));
		vmqos_fleet_reconcile(daemon->fleet, daemon->policy);
		apply_weights(daemon);
	} else {
		vmqos_daemon_log(LOG_ERR, "the policy stays as it was: correct the files and send SIGHUP again");
	}
	sd_notify(0, "READY=1");
	return 0;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;

	(void)source;
	vmqos_daemon_log(LOG_DEBUG, "ending on signal %u", info->ssi_signo);
	sd_notify(0, "STOPPING=1");
	return sd_event_exit(daemon->loop, EX_OK);
}

/* What 'systemctl status' shows. */
static int on_status_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;
	unsigned int count = vmqos_fleet_count(daemon->fleet);

	(void)source;
	(void)time_us;
	daemon->status_pending = false;
	daemon->last_status_us = now_us(daemon);
	daemon->status_count = count;
	sd_notifyf(0, "STATUS=%u %s adopted", count, count == 1 ? "VM" : "VMs");
	return 0;
}

static int on_retry_timer(sd_event_source *source, uint64_t time_us, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;

	(void)source;
	(void)time_us;
	daemon->retry_pending = false;
	vmqos_fleet_retry(daemon->fleet);
	return 0;
}

static void keep_balloon(void *ctx, const struct vmqos_member *member)
{
	vmqos_balloons_keep(ctx, member);
}

/* Every adopted VM has a balloon that is looked after, and no other one. */
static void follow_fleet(struct vmqos_daemon *daemon)
{
	unsigned int changes = vmqos_fleet_changes(daemon->fleet);

	if (changes == daemon->fleet_changes)
		return;
	daemon->fleet_changes = changes;
	vmqos_balloons_mark(daemon->balloons);
	vmqos_fleet_each(daemon->fleet, keep_balloon, daemon->balloons);
	vmqos_balloons_sweep(daemon->balloons);
}

/* After each round of the loop: sending may have to wait for systemd, so not too often. */
static int on_round(sd_event_source *source, void *userdata)
{
	struct vmqos_daemon *daemon = userdata;
	uint64_t now = now_us(daemon), due = daemon->last_status_us + STATUS_PAUSE_US;

	(void)source;
	follow_fleet(daemon);
	if (!daemon->retry_pending && vmqos_fleet_owes(daemon->fleet)) {
		daemon->retry_pending = true;
		set_timer(daemon->retry_timer, now + RETRY_PAUSE_US);
	}
	if (daemon->status_pending || daemon->status_count == vmqos_fleet_count(daemon->fleet))
		return 0;
	daemon->status_pending = true;
	set_timer(daemon->status_timer, due > now ? due : now);
	return 0;
}

static int add_signals(struct vmqos_daemon *daemon)
{
	int ret;

	ret = sd_event_add_signal(daemon->loop, NULL, SIGTERM, on_end, daemon);
	if (ret >= 0)
		ret = sd_event_add_signal(daemon->loop, NULL, SIGINT, on_end, daemon);
	if (ret >= 0)
		ret = sd_event_add_signal(daemon->loop, NULL, SIGHUP, on_reload, daemon);
	return ret;
}

static int add_timer(struct vmqos_daemon *daemon, sd_event_source **timer,
		     sd_event_time_handler_t handler)
{
	int ret = sd_event_add_time(daemon->loop, timer, CLOCK_MONOTONIC, UINT64_MAX,
				    TIMER_SLACK_US, handler, daemon);

	return ret < 0 ? ret : sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
}

/* Everything that wakes the loop; the sources live as long as the loop does. */
static int add_sources(struct vmqos_daemon *daemon)
{
	int ret;

	ret = sd_event_set_watchdog(daemon->loop, true);
	if (ret >= 0)
		ret = add_signals(daemon);
	if (ret >= 0)
		ret = add_timer(daemon, &daemon->arrival_timer, on_arrival_timer);
	if (ret >= 0)
		ret = add_timer(daemon, &daemon->scan_timer, on_scan_timer);
	if (ret >= 0)
		ret = add_timer(daemon, &daemon->status_timer, on_status_timer);
	if (ret >= 0)
		ret = add_timer(daemon, &daemon->retry_timer, on_retry_timer);
	if (ret >= 0)
		ret = add_timer(daemon, &daemon->weights_timer, on_weights_timer);
	if (ret >= 0)
		ret = sd_event_add_io(daemon->loop, NULL, daemon->uevents, EPOLLIN, on_uevent,
				      daemon);
	if (ret >= 0)
		ret = sd_event_add_io(daemon->loop, NULL, vmqos_events_fd(daemon->events), EPOLLIN,
				      on_event, daemon);
	if (ret >= 0)
		ret = sd_event_add_post(daemon->loop, NULL, on_round, daemon);
	return ret;
}

static int listen_all(struct vmqos_daemon *daemon)
{
	daemon->uevents = vmqos_uevent_open();
	if (daemon->uevents < 0) {
		vmqos_daemon_log(LOG_ERR, "cannot listen to the kernel's uevents: %s",
				 strerror(-daemon->uevents));
		return EX_OSERR;
	}
	if (vmqos_events_open(daemon->ctx, &daemon->events)) {
		vmqos_daemon_log(LOG_ERR, "cannot listen to the events of vmqos: %s",
				 vmqos_error(daemon->ctx));
		return EX_OSERR;
	}
	return EX_OK;
}

static int open_service(struct vmqos_daemon *daemon)
{
	const char *path = daemon->options->socket;
	int ret;

	daemon->balloons = vmqos_balloons_new(daemon->ctx, daemon->loop);
	if (!daemon->balloons) {
		vmqos_daemon_log(LOG_ERR, "out of memory");
		return EX_OSERR;
	}
	follow_fleet(daemon);
	if (!path)
		return EX_OK;
	ret = vmqos_service_open(&daemon->service, daemon->loop, path, daemon->balloons);
	/* VMs are worth more than requests about them. */
	if (ret)
		vmqos_daemon_log(LOG_NOTICE, "takes no requests, %s cannot be made: %s", path,
				 ret == -EADDRINUSE ? "another vmqosd listens there" :
				 strerror(-ret));
	return EX_OK;
}

static int serve(struct vmqos_daemon *daemon)
{
	int ret = add_sources(daemon);

	if (ret < 0) {
		vmqos_daemon_log(LOG_ERR, "cannot set up the event loop: %s", strerror(-ret));
		return EX_OSERR;
	}
	bring_up(daemon);
	apply_weights(daemon);
	ret = open_service(daemon);
	if (ret)
		return ret;
	vmqos_daemon_log(LOG_NOTICE, "ready, %u VMs adopted", vmqos_fleet_count(daemon->fleet));
	sd_notify(0, "READY=1");
	ret = sd_event_loop(daemon->loop);
	if (ret < 0) {
		vmqos_daemon_log(LOG_ERR, "the event loop failed: %s", strerror(-ret));
		return EX_OSERR;
	}
	if (daemon->options->release_on_exit)
		vmqos_fleet_release_own(daemon->fleet);
	return ret;
}

/**
 * vmqos_daemon_run() - adopt VMs until a signal ends it
 * @options: the command line's options
 *
 * Return: exit status of the program.
 */
int vmqos_daemon_run(const struct vmqos_daemon_options *options)
{
	struct vmqos_daemon daemon = { .options = options, .uevents = -1 };
	sigset_t signals;
	int ret;

	/* Blocked from the start, so that none of them ends the set-up half way. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	ret = open_all(&daemon);
	if (!ret)
		ret = listen_all(&daemon);
	if (!ret && sd_event_new(&daemon.loop) < 0) {
		vmqos_daemon_log(LOG_ERR, "cannot make an event loop");
		ret = EX_OSERR;
	}
	if (!ret)
		ret = serve(&daemon);

	vmqos_service_close(daemon.service);
	vmqos_balloons_free(daemon.balloons);
	vmqos_weights_free(daemon.weights);
	sd_event_source_unref(daemon.weights_timer);
	sd_event_source_unref(daemon.retry_timer);
	sd_event_source_unref(daemon.status_timer);
	sd_event_source_unref(daemon.scan_timer);
	sd_event_source_unref(daemon.arrival_timer);
	sd_event_unref(daemon.loop);
	vmqos_arrivals_clear(&daemon.arrivals);
	vmqos_events_close(daemon.events);
	if (daemon.uevents >= 0)
		close(daemon.uevents);
	close_all(&daemon);
	return ret;
}
