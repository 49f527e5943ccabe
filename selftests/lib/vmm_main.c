// SPDX-License-Identifier: GPL-2.0
/*
 * The program vmm: VMs with known behaviour, driven by options and by commands
 * on standard input. Every line it prints is one fact for the test that reads it.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm.h"

static const char usage[] =
"usage: vmm [OPTION...] [WORKLOAD...]\n"
"Run VMs on the raw KVM interface. vCPU n gets the n-th WORKLOAD, then again from the first.\n"
"\n"
"  spin                burn for ever (the default)\n"
"  halt:US             halt; the local APIC timer wakes it every US microseconds\n"
"  duty:RUN_US/US      burn RUN_US of CPU time in every US, then halt\n"
"  exit                write a port for ever; every write exits to user space\n"
"  yield:COUNT         as exit, and the VMM calls sched_yield() COUNT times after each\n"
"  pass:COUNT          as exit, and the thread hands over to that of its neighbour (0 and 1,\n"
"                      2 and 3, ...) COUNT times after each, waiting for it in turn\n"
"  sleep:US            as exit, and the VMM sleeps US in user space each time\n"
"  mmio                write to unbacked memory for ever; every write exits to user space\n"
"  touch:BYTES         write a word of each page of a region of BYTES (K, M, G), round and round\n"
"  watch:VCPU          see whether the vCPU of that number is marked as preempted, and exit\n"
"  idle                halted for ever\n"
"  paused              the vCPU exists, but its thread never calls KVM_RUN\n"
"\n"
"  --vms N             number of VMs (1)\n"
"  --vcpus N           vCPUs of each VM (number of workloads)\n"
"  --max-vcpus N       most vCPUs a VM can grow to (vCPUs + 8)\n"
"  --memory BYTES      guest memory of each VM (as little as possible)\n"
"  --name NAME         name of the process and of its VMs (vmm)\n"
"  --seconds S         end after S seconds (run for ever)\n"
"  --hotplug-ms MS     give each VM one more vCPU, MS milliseconds after start\n"
"  --helpers N         N threads beside the vCPUs that burn for ever\n"
"  --affinity CPUS     run on these CPUs only, such as 0-1,3\n"
"  --stopped           start no vCPU until told by command\n"
"  --fork              one process for each VM; of the commands only exit works\n"
"  --control           read commands from standard input; end of file means exit\n"
"\n"
"commands: add-vm [WORKLOAD...] | del-vm VM | add-vcpu VM [WORKLOAD] | start VM [VCPU] |\n"
"  stop VM [VCPU] | set VM VCPU WORKLOAD | rethread VM VCPU | end-thread VM VCPU |\n"
"  pin VM VCPU CPUS | stats [VM] | sample MS | samples | exit;  VM may be \"all\" in start\n"
"  and stop. From sample on the CPU time of the main thread and of each vCPU's is\n"
"  noted every MS milliseconds, in nanoseconds behind the moment; samples ends and tells it.\n"
"Each command is answered by its facts, then by \"ok\" or \"error: why\".\n";

#define MAX_WORKLOADS 256

static struct {
	unsigned int vms, vcpus, max_vcpus, helpers, hotplug_ms;
	uint64_t memory;
	double seconds;
	const char *name;
	bool stopped, fork, control, pinned;
	cpu_set_t affinity;
	struct vmqos_vmm_workload workload[MAX_WORKLOADS];
	unsigned int workloads;
} opt = { .vms = 1, .name = "vmm" };

static struct vmqos_vmm_vm **vms;
static int vm_count;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	fputs("vmm: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static int parse_cpus(const char *text, cpu_set_t *set)
{
	unsigned long first, last;
	char *end;

	CPU_ZERO(set);
	do {
		first = last = strtoul(text, &end, 10);
		if (end == text)
			return -EINVAL;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return -EINVAL;
		}
		if (last < first || last >= CPU_SETSIZE)
			return -EINVAL;
		for (; first <= last; first++)
			CPU_SET(first, set);
		text = end + 1;
	} while (*end == ',');
	return *end ? -EINVAL : 0;
}

static void print_vcpu(int vm, int vcpu)
{
	char work[48];

	vmqos_vmm_format_workload(vmqos_vmm_workload(vms[vm], vcpu), work, sizeof(work));
	printf("vcpu %d %d tid %d %s\n", vm, vcpu, vmqos_vmm_tid(vms[vm], vcpu), work);
}

static int add_vcpu(int vm, const struct vmqos_vmm_workload *workload)
{
	int vcpu = vmqos_vmm_add_vcpu(vms[vm], workload);

	if (vcpu < 0)
		return vcpu;
	print_vcpu(vm, vcpu);
	return opt.stopped ? 0 : vmqos_vmm_start(vms[vm], vcpu);
}

static int add_vm(const struct vmqos_vmm_workload *workload, unsigned int workloads,
		  unsigned int vcpus)
{
	unsigned int most = opt.max_vcpus ? opt.max_vcpus : vcpus + 8;
	struct vmqos_vmm_vm **more;
	char name[64];
	int ret;

	if (most > VMQOS_VMM_MAX_VCPUS)
		most = VMQOS_VMM_MAX_VCPUS;
	more = realloc(vms, (vm_count + 1) * sizeof(*vms));
	if (!more)
		return -ENOMEM;
	vms = more;
	snprintf(name, sizeof(name), opt.vms > 1 ? "%s%d" : "%s", opt.name, vm_count);
	vms[vm_count] = vmqos_vmm_create(name, most, opt.memory);
	if (!vms[vm_count])
		return -errno;
	printf("vm %d name %s pid %d fd %d\n", vm_count, name, getpid(),
	       vmqos_vmm_fd(vms[vm_count]));
	vm_count++;
	for (unsigned int i = 0; i < vcpus; i++) {
		ret = add_vcpu(vm_count - 1, &workload[i % workloads]);
		if (ret)
			return ret;
	}
	return 0;
}

static void print_stats(int vm)
{
	uint64_t exits, halts, blocks;
	struct vmqos_vmm_counts c;
	int fd;

	for (int i = 0; i < vmqos_vmm_vcpus(vms[vm]); i++) {
		vmqos_vmm_counts(vms[vm], i, &c);
		fd = vmqos_vmm_vcpu_fd(vms[vm], i);
		if (vmqos_kvmstat(fd, "exits", &exits) ||
		    vmqos_kvmstat(fd, "halt_exits", &halts) ||
		    vmqos_kvmstat_sum(fd, "halt_wait_hist", &blocks))
			exits = halts = blocks = 0;
		printf("stat %d %d tid %d work %llu wakes %llu ticks %llu runs %llu user-exits %llu "
		       "interrupted %llu kvm-exits %llu kvm-halts %llu kvm-blocks %llu\n",
		       vm, i, vmqos_vmm_tid(vms[vm], i), (unsigned long long)c.work,
		       (unsigned long long)c.wakes, (unsigned long long)c.ticks,
		       (unsigned long long)c.runs, (unsigned long long)c.exits,
		       (unsigned long long)c.interrupted, (unsigned long long)exits,
		       (unsigned long long)halts, (unsigned long long)blocks);
	}
}

static int start_or_stop(int vm, int vcpu, bool start)
{
	int ret = 0;

	for (int i = 0; i < vmqos_vmm_vcpus(vms[vm]); i++) {
		if (vcpu >= 0 && vcpu != i)
			continue;
		ret = start ? vmqos_vmm_start(vms[vm], i) : vmqos_vmm_stop(vms[vm], i);
		if (ret && ret != -ESRCH)
			return ret;
	}
	return vcpu >= vmqos_vmm_vcpus(vms[vm]) ? -EINVAL : 0;
}

static int number(const char *word)
{
	char *end;
	long value;

	if (!word)
		return -1;
	value = strtol(word, &end, 10);
	return *word && !*end && value >= 0 ? (int)value : -1;
}

static int for_vms(const char *verb, const char *which, const char *vcpu)
{
	int only = which && strcmp(which, "all") ? number(which) : -1;
	int ret = 0;

	if (which && strcmp(which, "all") && (only < 0 || only >= vm_count || !vms[only]))
		return -EINVAL;
	if (vcpu && number(vcpu) < 0)
		return -EINVAL;
	for (int i = 0; i < vm_count && !ret; i++) {
		if (!vms[i] || (only >= 0 && only != i))
			continue;
		if (!strcmp(verb, "stats"))
			print_stats(i);
		else
			ret = start_or_stop(i, vcpu ? number(vcpu) : -1, !strcmp(verb, "start"));
	}
	return ret;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = { };

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* The clock of a thread's CPU time, which is exact also while the thread runs. */
static clockid_t thread_clock(pid_t tid)
{
	return (clockid_t)(~(unsigned int)tid << 3 | 6);
}

static struct {
	uint64_t period, next;	/* ns; 0 is never */
	uint64_t *value;
	size_t values, room;
} samples;

static void note(uint64_t value)
{
	if (samples.values == samples.room) {
		samples.room = samples.room ? 2 * samples.room : 4096;
		samples.value = realloc(samples.value, samples.room * sizeof(value));
		if (!samples.value)
			die("no memory for samples");
	}
	samples.value[samples.values++] = value;
}

/* One sample is its own length, then its values. */
static void take_sample(void)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	size_t start = samples.values;

	if (!samples.period || now < samples.next)
		return;
	note(0);
	note(now);
	note(clock_ns(CLOCK_THREAD_CPUTIME_ID));
	for (int vm = 0; vm < vm_count; vm++)
		for (int i = 0; vms[vm] && i < vmqos_vmm_vcpus(vms[vm]); i++)
			note(clock_ns(thread_clock(vmqos_vmm_tid(vms[vm], i))));
	samples.value[start] = samples.values - start - 1;
	samples.next += samples.period;
	if (samples.next <= now)
		samples.next = now + samples.period;
}

static void start_samples(unsigned int ms)
{
	samples.period = ms * 1000000ULL;
	samples.next = clock_ns(CLOCK_MONOTONIC);
	samples.values = 0;
	take_sample();
}

static void print_samples(void)
{
	samples.next = 0;
	take_sample();
	samples.period = 0;
	for (size_t i = 0; i < samples.values; i++) {
		fputs("sample", stdout);
		for (size_t left = samples.value[i]; left; left--)
			printf(" %llu", (unsigned long long)samples.value[++i]);
		putchar('\n');
	}
}

static int run_add_vm(char **word, int words)
{
	struct vmqos_vmm_workload workload[MAX_WORKLOADS];

	if (!words)
		return add_vm(opt.workload, opt.workloads, opt.vcpus);
	for (int i = 0; i < words; i++)
		if (vmqos_vmm_parse_workload(word[i], &workload[i]))
			return -EINVAL;
	return add_vm(workload, words, words);
}

/* Commands about one vCPU, or about one VM. */
static int run_on_vm(char **word, int words)
{
	int vm = number(word[1]), vcpu = words > 2 ? number(word[2]) : -1;
	struct vmqos_vmm_workload workload = opt.workload[0];
	cpu_set_t cpus;
	int ret;

	if (vm < 0 || vm >= vm_count || !vms[vm])
		return -EINVAL;
	if (!strcmp(word[0], "del-vm") && words == 2) {
		vmqos_vmm_destroy(vms[vm]);
		vms[vm] = NULL;
		return 0;
	}
	if (!strcmp(word[0], "add-vcpu") && words <= 3) {
		if (words == 3 && vmqos_vmm_parse_workload(word[2], &workload))
			return -EINVAL;
		return add_vcpu(vm, &workload);
	}
	if (vcpu < 0 || vcpu >= vmqos_vmm_vcpus(vms[vm]))
		return -EINVAL;
	if (!strcmp(word[0], "end-thread") && words == 3)
		return vmqos_vmm_end_thread(vms[vm], vcpu);
	if (!strcmp(word[0], "rethread") && words == 3) {
		ret = vmqos_vmm_rethread(vms[vm], vcpu);
		if (!ret)
			print_vcpu(vm, vcpu);
		return ret;
	}
	if (!strcmp(word[0], "set") && words == 4) {
		ret = vmqos_vmm_parse_workload(word[3], &workload);
		return ret ? ret : vmqos_vmm_set_workload(vms[vm], vcpu, &workload);
	}
	if (!strcmp(word[0], "pin") && words == 4) {
		ret = parse_cpus(word[3], &cpus);
		if (!ret && sched_setaffinity(vmqos_vmm_tid(vms[vm], vcpu), sizeof(cpus), &cpus))
			ret = -errno;
		return ret;
	}
	return -EINVAL;
}

static int run_command(char *line)
{
	char *word[MAX_WORKLOADS + 1], *save = NULL;
	int words = 0;

	for (char *w = strtok_r(line, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save))
		if (words < MAX_WORKLOADS)
			word[words++] = w;
	if (!words)
		return 0;
	word[words] = NULL;
	if (!strcmp(word[0], "exit")) {
		puts("ok");
		exit(0);
	}
	if (!strcmp(word[0], "add-vm"))
		return run_add_vm(word + 1, words - 1);
	if (!strcmp(word[0], "start") || !strcmp(word[0], "stop") || !strcmp(word[0], "stats"))
		return for_vms(word[0], word[1], words > 2 ? word[2] : NULL);
	if (!strcmp(word[0], "sample") && words == 2 && number(word[1]) > 0) {
		start_samples(number(word[1]));
		return 0;
	}
	if (!strcmp(word[0], "samples") && words == 1) {
		print_samples();
		return 0;
	}
	return words > 1 ? run_on_vm(word, words) : -EINVAL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Returns at the given moment, or never when it is negative. */
static void serve_until(double end)
{
	struct pollfd in = { .fd = opt.control ? 0 : -1, .events = POLLIN };
	double left, next;
	char line[4096];
	int ret;

	while (end < 0 || now() < end) {
		take_sample();
		left = end < 0 ? 1e6 : (end - now()) * 1000 + 1;
		next = samples.period ? (samples.next / 1e9 - now()) * 1000 + 1 : 1e6;
		if (next < left)
			left = next;
		if (poll(&in, 1, left < 0 ? 0 : (int)left) <= 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			exit(0);
		ret = run_command(line);
		if (ret)
			printf("error: %s\n", strerror(-ret));
		else
			puts("ok");
	}
}

static void *helper_thread(void *data)
{
	volatile uint64_t count = 0;

	printf("helper %ld tid %d\n", (long)data, gettid());
	for (;;)
		count++;
	return NULL;
}

static void run_vms(unsigned int count)
{
	double start = now(), end = opt.seconds > 0 ? start + opt.seconds : -1;
	pthread_t thread;
	int ret;

	prctl(PR_SET_NAME, opt.name);
	ret = vmqos_vmm_raise_limits(count, count * (opt.vcpus + 1));
	if (ret)
		die("cannot raise the limit of open files: %s", strerror(-ret));
	for (unsigned int i = 0; i < count; i++) {
		ret = add_vm(opt.workload, opt.workloads, opt.vcpus);
		if (ret)
			die("VM %u could not be made: %s%s", i, strerror(-ret), ret == -ENOENT ?
			    " (no /dev/kvm: load kvm_amd or kvm_intel)" : "");
	}
	for (unsigned long i = 0; i < opt.helpers; i++) {
		ret = pthread_create(&thread, NULL, helper_thread, (void *)i);
		if (ret)
			die("cannot make a helper thread: %s", strerror(ret));
	}
	puts("ready");
	if (opt.hotplug_ms) {
		serve_until(start + opt.hotplug_ms / 1000.0);
		for (int i = 0; i < vm_count; i++)
			if (vms[i] && add_vcpu(i, &opt.workload[0]))
				die("VM %d got no further vCPU", i);
	}
	serve_until(end);
}

/* Pass on what a child says, with the right number of its VM, until it is ready. */
static bool relay_until_ready(FILE *in, unsigned int vm)
{
	char line[256];
	int rest;

	while (fgets(line, sizeof(line), in)) {
		if (!strcmp(line, "ready\n"))
			return true;
		rest = 0;
		if (sscanf(line, "vm 0%n", &rest) == 0 && rest)
			printf("vm %u%s", vm, line + rest);
		else if (sscanf(line, "vcpu 0%n", &rest) == 0 && rest)
			printf("vcpu %u%s", vm, line + rest);
	}
	return false;
}

/* One child for each VM; they die with us. Each is ready before the next is made. */
static void run_children(void)
{
	char name[64];
	int ready[2];
	FILE *in;

	for (unsigned int i = 0; i < opt.vms; i++) {
		if (pipe(ready) < 0)
			die("pipe failed: %s", strerror(errno));
		fflush(stdout);
		switch (fork()) {
		case -1:
			die("fork failed: %s", strerror(errno));
		case 0:
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			signal(SIGPIPE, SIG_IGN);
			close(ready[0]);
			dup2(ready[1], 1);
			close(ready[1]);
			opt.control = false;
			snprintf(name, sizeof(name), "%s%u", opt.name, i);
			opt.name = name;
			opt.vms = 1;
			run_vms(1);
			exit(0);
		}
		close(ready[1]);
		in = fdopen(ready[0], "r");
		if (!in || !relay_until_ready(in, i))
			die("VM %u could not be made", i);
		fclose(in);
	}
	puts("ready");
	if (opt.control)
		serve_until(-1);
	while (wait(NULL) > 0)
		;
}

static unsigned int positive(const char *text, const char *option)
{
	int value = number(text);

	if (value <= 0)
		die("--%s takes a number above 0, not \"%s\"", option, text);
	return value;
}

static void parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "vms", required_argument, NULL, 'v' },
		{ "vcpus", required_argument, NULL, 'c' },
		{ "max-vcpus", required_argument, NULL, 'x' },
		{ "memory", required_argument, NULL, 'm' },
		{ "name", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 's' },
		{ "hotplug-ms", required_argument, NULL, 'H' },
		{ "helpers", required_argument, NULL, 'e' },
		{ "affinity", required_argument, NULL, 'a' },
		{ "stopped", no_argument, NULL, 'S' },
		{ "fork", no_argument, NULL, 'f' },
		{ "control", no_argument, NULL, 'C' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct vmqos_vmm_workload bytes;
	char text[64];
	int c, index;

	while ((c = getopt_long(argc, argv, "", options, &index)) >= 0) {
		switch (c) {
		case 'v':
			opt.vms = positive(optarg, options[index].name);
			break;
		case 'c':
			opt.vcpus = positive(optarg, options[index].name);
			break;
		case 'x':
			opt.max_vcpus = positive(optarg, options[index].name);
			break;
		case 'e':
			opt.helpers = positive(optarg, options[index].name);
			break;
		case 'H':
			opt.hotplug_ms = positive(optarg, options[index].name);
			break;
		case 'm':
			snprintf(text, sizeof(text), "touch:%s", optarg);
			if (vmqos_vmm_parse_workload(text, &bytes))
				die("--memory takes a size such as 64M, not \"%s\"", optarg);
			opt.memory = bytes.bytes;
			break;
		case 'n':
			opt.name = optarg;
			break;
		case 's':
			opt.seconds = atof(optarg);
			if (opt.seconds <= 0)
				die("--seconds takes a time above 0, not \"%s\"", optarg);
			break;
		case 'a':
			if (parse_cpus(optarg, &opt.affinity) ||
			    sched_setaffinity(0, sizeof(opt.affinity), &opt.affinity))
				die("--affinity takes CPUs such as 0-1,3, not \"%s\"", optarg);
			break;
		case 'S':
			opt.stopped = true;
			break;
		case 'f':
			opt.fork = true;
			break;
		case 'C':
			opt.control = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs("vmm: see vmm --help\n", stderr);
			exit(2);
		}
	}
	for (; optind < argc; optind++) {
		if (opt.workloads == MAX_WORKLOADS ||
		    vmqos_vmm_parse_workload(argv[optind], &opt.workload[opt.workloads++]))
			die("\"%s\" is no workload; see vmm --help", argv[optind]);
	}
	if (!opt.workloads)
		opt.workload[opt.workloads++].kind = VMQOS_VMM_SPIN;
	if (!opt.vcpus)
		opt.vcpus = opt.workloads;
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The buffer of fgets() would hide further commands from poll(). */
	setvbuf(stdin, NULL, _IONBF, 0);
	if (opt.fork)
		run_children();
	else
		run_vms(opt.vms);
	return 0;
}
