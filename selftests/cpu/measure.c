// SPDX-License-Identifier: GPL-2.0
/*
 * What scripts/bench measures: every line printed is one figure, as
 * "case<TAB>metric<TAB>unit<TAB>value<TAB>value...".
 */
#include <errno.h>
#include <linux/futex.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

void vmqos_measure_die(const char *what, int error)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

void vmqos_measure_row(const char *name, const char *metric, const char *unit,
		       const double *value, int values)
{
	printf("%s\t%s\t%s", name, metric, unit);
	for (int i = 0; i < values; i++)
		printf("\t%.6g", value[i]);
	putchar('\n');
	fflush(stdout);
}

struct vmqos *vmqos_measure_open(void)
{
	const char *missing = vmqos_subject_missing();
	struct vmqos *ctx;

	if (missing) {
		fprintf(stderr, "measure: %s\n", missing);
		exit(4);
	}
	if (vmqos_open(&ctx))
		exit(1);
	return ctx;
}

/* --- accounting: error against /proc/PID/task/TID/schedstat --- */

static const struct vmqos_measure_load loads[] = {
	{ "spinning", 1, 1, { "spin" } },
	{ "spinning-3x2", 3, 2, { "spin", "spin" } },
	{ "halting", 1, 2, { "halt:1000", "halt:10000" } },
	{ "halting-3x2", 3, 2, { "duty:600/1000", "duty:4000/10000" } },
	{ "exiting", 1, 2, { "exit", "mmio" } },
	{ "exiting-3x2", 3, 2, { "exit", "mmio" } },
};

struct vmqos_vmm_vm *vmqos_measure_vm(const char *name, const struct vmqos_measure_load *load)
{
	struct vmqos_vmm_vm *vm = vmqos_vmm_create(name, load->vcpus, 0);
	struct vmqos_vmm_workload workload;

	if (!vm)
		vmqos_measure_die("cannot make a VM", errno);
	for (int i = 0; i < load->vcpus; i++) {
		if (vmqos_vmm_parse_workload(load->workload[i], &workload) ||
		    vmqos_vmm_add_vcpu(vm, &workload) < 0 || vmqos_vmm_start(vm, i))
			vmqos_measure_die("cannot make a vCPU", errno);
	}
	return vm;
}

/* The worst vCPU of a load: error of run, ready and wall in % of the time passed. */
static void account_load(struct vmqos *ctx, const struct vmqos_measure_load *load, double seconds,
			 double worst[5])
{
	struct vmqos_sample a[4][4], b[4][4];
	struct vmqos_vmm_vm *vm[4];
	struct vmqos_stats grown;
	uint32_t id[4];
	double wall, guest;
	char name[32];

	/* What is measured is the scheduler's doing, not the gate's. */
	if (vmqos_subject_gate(ctx, false))
		vmqos_measure_die(vmqos_error(ctx), EIO);
	for (int v = 0; v < load->vms; v++) {
		snprintf(name, sizeof(name), "measure%d", v);
		vm[v] = vmqos_measure_vm(name, load);
		if (vmqos_subject_adopt(ctx, vm[v], name, &id[v]) ||
		    vmqos_subject_wait_attached(ctx, id[v], load->vcpus, 10000))
			vmqos_measure_die(vmqos_error(ctx), EIO);
	}
	for (int v = 0; v < load->vms; v++)
		for (int i = 0; i < load->vcpus; i++)
			if (vmqos_subject_sample(ctx, id[v], i, getpid(),
						 vmqos_vmm_tid(vm[v], i), &a[v][i]))
				vmqos_measure_die("cannot read", EIO);
	vmqos_sleep_ns(seconds * 1e9);
	worst[4] = 100;
	for (int v = 0; v < load->vms; v++) {
		for (int i = 0; i < load->vcpus; i++) {
			if (vmqos_subject_sample(ctx, id[v], i, getpid(),
						 vmqos_vmm_tid(vm[v], i), &b[v][i]))
				vmqos_measure_die("cannot read", EIO);
			vmqos_stats_sub(&grown, &b[v][i].vcpu.stats, &a[v][i].vcpu.stats);
			wall = b[v][i].now - a[v][i].now;
			worst[0] = fmax(worst[0], 100 * fabs((double)grown.run_ns -
				(b[v][i].proc.run_ns - a[v][i].proc.run_ns)) / wall);
			worst[1] = fmax(worst[1], 100 * fabs((double)grown.ready_ns -
				(b[v][i].proc.ready_ns - a[v][i].proc.ready_ns)) / wall);
			worst[2] = fmax(worst[2], 100 * fabs((double)grown.run_ns +
				grown.ready_ns + grown.blocked_ns - wall) / wall);
			guest = 100.0 * grown.guest_ns / (grown.run_ns ? grown.run_ns : 1);
			worst[3] = fmax(worst[3], guest);
			worst[4] = fmin(worst[4], guest);
		}
	}
	for (int v = 0; v < load->vms; v++)
		vmqos_vmm_destroy(vm[v]);
	vmqos_subject_settle(ctx);
}

static void measure_accounting(double seconds, int runs)
{
	static const char *const metric[] = {
		"run-error", "ready-error", "sum-error", "most-guest-share", "least-guest-share",
	};
	double all[5][VMQOS_MEASURE_RUNS], worst[5];
	struct vmqos *ctx = vmqos_measure_open();

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		for (int r = 0; r < runs; r++) {
			memset(worst, 0, sizeof(worst));
			account_load(ctx, &loads[i], seconds, worst);
			for (int m = 0; m < 5; m++)
				all[m][r] = worst[m];
		}
		for (int m = 0; m < 5; m++)
			vmqos_measure_row(loads[i].name, metric[m], "%", all[m], runs);
	}
	vmqos_close(ctx);
}

/* --- switch: cost of a context switch, in ns (icount shift 0: instructions) --- */

#define BATCH		64
#define BATCHES		400

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Two threads of one CPU hand over to each other, by a yield or by blocking. */
static uint32_t turn[2];
static bool partner_stop;

static void hand_over(int self, bool block)
{
	if (!block) {
		sched_yield();
		return;
	}
	__atomic_store_n(&turn[!self], 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &turn[!self], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	while (!__atomic_exchange_n(&turn[self], 0, __ATOMIC_ACQUIRE) && !partner_stop)
		syscall(SYS_futex, &turn[self], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void *partner(void *block)
{
	while (!__atomic_load_n(&partner_stop, __ATOMIC_RELAXED))
		hand_over(1, block);
	return NULL;
}

/*
 * Median over batches, which leaves out those that a timer interrupt hit. Each
 * hand-over of one of them is answered by the other: two switches.
 */
static double time_switches(bool block)
{
	double batch[BATCHES];
	uint64_t start;

	for (int i = 0; i < BATCH; i++)
		hand_over(0, block);
	for (int b = 0; b < BATCHES; b++) {
		start = vmqos_now_ns();
		for (int i = 0; i < BATCH; i++)
			hand_over(0, block);
		batch[b] = (vmqos_now_ns() - start) / (2.0 * BATCH);
	}
	qsort(batch, BATCHES, sizeof(batch[0]), by_value);
	return batch[BATCHES / 2];
}

static void pin_all(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		vmqos_measure_die("cannot pin to the last CPU", errno);
}

static void measure_tasks(const char *name, bool block, int runs)
{
	double ns[VMQOS_MEASURE_RUNS];
	pthread_t thread;

	pin_all(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	if (pthread_create(&thread, NULL, partner, block ? turn : NULL))
		vmqos_measure_die("cannot make a thread", EAGAIN);
	for (int r = 0; r < runs; r++)
		ns[r] = time_switches(block);
	vmqos_measure_row(name, "context-switch", "instructions", ns, runs);
	__atomic_store_n(&partner_stop, true, __ATOMIC_RELEASE);
	turn[1] = 1;
	syscall(SYS_futex, &turn[1], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	pthread_join(thread, NULL);
}

/*
 * Two vCPUs of one CPU switch between each other without end. Every switch leaves
 * one of them and enters the other: it passes both hooks.
 */
static double time_vcpus(struct vmqos_vmm_vm *vm, double seconds)
{
	struct vmqos_vmm_counts before[2], after[2];
	uint64_t start = vmqos_now_ns(), switches = 0;

	for (int i = 0; i < 2; i++)
		vmqos_vmm_counts(vm, i, &before[i]);
	vmqos_sleep_ns(seconds * 1e9);
	for (int i = 0; i < 2; i++) {
		vmqos_vmm_counts(vm, i, &after[i]);
		switches += (after[i].exits - before[i].exits) *
			    vmqos_vmm_workload(vm, i)->count;
	}
	if (!switches)
		vmqos_measure_die("the vCPUs do not switch", EIO);
	return (vmqos_now_ns() - start) / (double)switches;
}

static void set_guest_time(struct vmqos *ctx, bool on)
{
	struct vmqos_host_settings settings = {
		.set = VMQOS_HAS(VMQOS_HOST_GUEST_TIME), .guest_time = on,
	};

	if (vmqos_host_set(ctx, &settings, NULL))
		vmqos_measure_die(vmqos_error(ctx), EIO);
}

static void measure_vcpus(const char *name, const char *workload, const char *how, int runs)
{
	const struct vmqos_measure_load load = { "switch", 1, 2, { workload, workload } };
	struct vmqos_vmm_vm *vm;
	struct vmqos *ctx = NULL;
	double ns[VMQOS_MEASURE_RUNS];
	uint32_t id;

	pin_all(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	vm = vmqos_measure_vm("switch", &load);
	if (strcmp(how, "alone")) {
		ctx = vmqos_measure_open();
		set_guest_time(ctx, !strcmp(how, "guest-time"));
		if (vmqos_subject_adopt(ctx, vm, "switch", &id) ||
		    vmqos_subject_wait_attached(ctx, id, 2, 10000))
			vmqos_measure_die(vmqos_error(ctx), EIO);
		vmqos_measure_gate(ctx, id, how);
	}
	time_vcpus(vm, 0.02);
	for (int r = 0; r < runs; r++)
		ns[r] = time_vcpus(vm, 0.1);
	vmqos_measure_row(name, "context-switch", "instructions", ns, runs);
	vmqos_vmm_destroy(vm);
	if (ctx) {
		set_guest_time(ctx, true);
		vmqos_measure_gate(ctx, 0, "");
		vmqos_subject_settle(ctx);
		vmqos_close(ctx);
	}
}

/* --- scale: N processes with a VM of 4 idle vCPUs each --- */

static long meminfo_kib(const char *key)
{
	char line[256];
	long value = -1;
	FILE *in = fopen("/proc/meminfo", "re");

	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = atol(line + strlen(key) + 1);
	if (in)
		fclose(in);
	return value;
}

/* Kernel memory in use, apart from pages of processes and files, and caches of names. */
double vmqos_measure_kernel_kib(void)
{
	return meminfo_kib("SUnreclaim") + meminfo_kib("Percpu") + meminfo_kib("VmallocUsed");
}

/* Busy time of all CPUs in ticks of 10 ms. */
static double busy_ticks(void)
{
	unsigned long long user, nice, system, idle, wait, irq, softirq;
	FILE *in = fopen("/proc/stat", "re");
	int got = in ? fscanf(in, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
			      &idle, &wait, &irq, &softirq) : 0;

	if (in)
		fclose(in);
	return got == 7 ? user + nice + system + irq + softirq : 0;
}

static pid_t start_vms(int vms)
{
	char count[16], line[256];
	int out[2];
	FILE *in;
	pid_t pid;

	snprintf(count, sizeof(count), "%d", vms);
	if (pipe(out) < 0)
		vmqos_measure_die("pipe", errno);
	pid = fork();
	if (pid < 0)
		vmqos_measure_die("fork", errno);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], 1);
		execlp("vmm", "vmm", "--fork", "--name", "scale", "--vms", count, "--max-vcpus",
		       "4", "idle", "idle", "idle", "idle", NULL);
		_exit(127);
	}
	close(out[1]);
	in = fdopen(out[0], "r");
	while (in && fgets(line, sizeof(line), in))
		if (!strcmp(line, "ready\n"))
			return pid;
	vmqos_measure_die("the program vmm did not get ready", EIO);
}

static double milliseconds(uint64_t since)
{
	return (vmqos_now_ns() - since) / 1e6;
}

static void busy_row(const char *name, const char *metric)
{
	double before = busy_ticks(), value;

	vmqos_sleep_ns(2000000000);
	/* Ticks of 10 ms in 2 s: per cent of one CPU. */
	value = (busy_ticks() - before) / 2;
	vmqos_measure_row(name, metric, "% of one CPU", &value, 1);
}

static int gone(struct vmqos *ctx)
{
	struct vmqos_host host;

	return !vmqos_host_get(ctx, -1, &host) && !host.vms;
}

static void measure_scale(int vms, int runs)
{
	double before, value, dump[VMQOS_MEASURE_RUNS], vm_dump[VMQOS_MEASURE_RUNS];
	struct vmqos *ctx = vmqos_measure_open();
	struct vmqos_adoption adoption;
	struct vmqos_vm_stat *vm_stat;
	struct vmqos_vcpu *vcpu;
	struct vmqos_host host;
	char name[32];
	uint64_t start;
	size_t count;
	pid_t pid;
	int ret;

	snprintf(name, sizeof(name), "%dx4", vms);
	start = vmqos_now_ns();
	pid = start_vms(vms);
	value = milliseconds(start);
	vmqos_measure_row(name, "start-of-vms", "ms", &value, 1);
	vmqos_sleep_ns(500000000);
	busy_row(name, "busy-unadopted");

	before = vmqos_measure_kernel_kib();
	start = vmqos_now_ns();
	ret = vmqos_vm_adopt_all(ctx, &adoption);
	value = milliseconds(start);
	if (ret || adoption.vm_count != (size_t)vms) {
		fprintf(stderr, "measure: adopted %zu of %d VMs: %s\n", adoption.vm_count, vms,
			vmqos_error(ctx));
		exit(1);
	}
	vmqos_measure_row(name, "adopt-all", "ms", &value, 1);
	vmqos_sleep_ns(500000000);
	value = (vmqos_measure_kernel_kib() - before) * 1024 / (vms * 4);
	vmqos_measure_row(name, "kernel-memory-per-vcpu", "bytes", &value, 1);
	if (vmqos_host_get(ctx, -1, &host))
		vmqos_measure_die(vmqos_error(ctx), EIO);
	value = host.vcpu_bytes;
	vmqos_measure_row(name, "reported-memory-per-vcpu", "bytes", &value, 1);
	busy_row(name, "busy-adopted");

	for (int r = 0; r < runs; r++) {
		start = vmqos_now_ns();
		ret = vmqos_vcpu_stat_dump(ctx, 0, &vcpu, &count);
		dump[r] = milliseconds(start);
		if (ret || count != (size_t)vms * 4)
			vmqos_measure_die("the dump of vCPUs is not complete", ret);
		free(vcpu);
		start = vmqos_now_ns();
		ret = vmqos_vm_stat_dump(ctx, &vm_stat, &count);
		vm_dump[r] = milliseconds(start);
		if (ret || count != (size_t)vms)
			vmqos_measure_die("the dump of VMs is not complete", ret);
		free(vm_stat);
	}
	vmqos_measure_row(name, "dump-vcpus", "ms", dump, runs);
	vmqos_measure_row(name, "dump-vms", "ms", vm_dump, runs);

	start = vmqos_now_ns();
	for (size_t i = 0; i < adoption.vm_count; i++)
		if (vmqos_vm_release(ctx, adoption.vms[i].id, NULL))
			vmqos_measure_die(vmqos_error(ctx), EIO);
	while (!gone(ctx) && milliseconds(start) < 60000)
		vmqos_sleep_ns(2000000);
	value = milliseconds(start);
	vmqos_measure_row(name, "release-all", "ms", &value, 1);
	vmqos_adoption_free(&adoption);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	vmqos_close(ctx);
}

static int complain(void)
{
	fputs("usage: measure accounting SECONDS RUNS\n"
	      "       measure tasks NAME yield|block RUNS\n"
	      "       measure vcpus NAME WORKLOAD alone|adopted|guest-time|gate|limit RUNS\n"
	      "       measure scale VMS RUNS\n"
	      "       measure work NAME WORKLOAD alone|adopted|gate|limit RUNS\n"
	      "       measure epoch NAME VMS WORKLOAD RUNS\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	int runs = argc > 2 ? atoi(argv[argc - 1]) : 0;

	if (runs < 1 || runs > VMQOS_MEASURE_RUNS)
		return complain();
	if (!strcmp(argv[1], "accounting") && argc == 4)
		measure_accounting(atof(argv[2]), runs);
	else if (!strcmp(argv[1], "tasks") && argc == 5)
		measure_tasks(argv[2], !strcmp(argv[3], "block"), runs);
	else if (!strcmp(argv[1], "vcpus") && argc == 6)
		measure_vcpus(argv[2], argv[3], argv[4], runs);
	else if (!strcmp(argv[1], "scale") && argc == 4)
		measure_scale(atoi(argv[2]), runs);
	else if (!strcmp(argv[1], "work") && argc == 6)
		vmqos_measure_work(argv[2], argv[3], argv[4], runs);
	else if (!strcmp(argv[1], "epoch") && argc == 6)
		vmqos_measure_epoch(argv[2], atoi(argv[3]), argv[4], runs);
	else
		return complain();
	return 0;
}
