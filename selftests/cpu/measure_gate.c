// SPDX-License-Identifier: GPL-2.0
/* What the gate costs: a VM that has no rival, and the epoch of many VMs. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

/* More than a VM of one vCPU can use: it is charged and never held back. */
#define LIMIT_PPM	2000000
#define WORK_NS		1000000000ull
#define EPOCHS_NS	500000000ull

static pid_t epoch_thread(void)
{
	char path[64], name[32] = "";
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid, found = 0;
	FILE *in;

	while (proc && !found && (entry = readdir(proc))) {
		pid = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		in = pid ? fopen(path, "re") : NULL;
		if (!in)
			continue;
		if (fgets(name, sizeof(name), in) && !strcmp(name, "vmqos_epoch\n"))
			found = pid;
		fclose(in);
	}
	if (proc)
		closedir(proc);
	if (!found)
		vmqos_measure_die("no thread vmqos_epoch", ESRCH);
	return found;
}

/* What was set is known, and there have been epochs since. */
static void wait_for_epochs(void)
{
	struct vmqos_proc before, now;
	pid_t thread = epoch_thread();

	if (vmqos_proc_read(thread, thread, &before))
		vmqos_measure_die("cannot read the thread's times", EIO);
	do {
		vmqos_sleep_ns(10000000);
		if (vmqos_proc_read(thread, thread, &now))
			vmqos_measure_die("cannot read the thread's times", EIO);
	} while (now.slices < before.slices + 3);
}

/**
 * vmqos_measure_gate() - set the gate for what is to be measured
 * @ctx: context
 * @id: the VM that is measured
 * @how: "gate" or "limit" for the gate, with or without a limit; else it is off; "" when
 *	the measurement is over
 */
void vmqos_measure_gate(struct vmqos *ctx, uint32_t id, const char *how)
{
	struct vmqos_vm_settings settings = {
		.set = VMQOS_HAS(VMQOS_VM_CPU_LIMIT), .cpu_limit = LIMIT_PPM,
	};
	bool limit = !strcmp(how, "limit");

	if (vmqos_subject_gate(ctx, limit || !strcmp(how, "gate")) ||
	    (limit && vmqos_vm_set(ctx, id, &settings, NULL)))
		vmqos_measure_die(vmqos_error(ctx), EIO);
	/* When all is over there may be no VM any more, and then there are none. */
	if (*how)
		wait_for_epochs();
}

static uint64_t work_of(struct vmqos_vmm_vm *vm)
{
	struct vmqos_vmm_counts counts;

	vmqos_vmm_counts(vm, 0, &counts);
	return vmqos_vmm_workload(vm, 0)->kind == VMQOS_VMM_SPIN ? counts.work : counts.exits;
}

/**
 * vmqos_measure_work() - what a VM of one vCPU, alone on the host, gets done
 * @name: what the figure is called
 * @workload: what the vCPU does
 * @how: "alone" for not adopted, "adopted", or as of vmqos_measure_gate()
 * @runs: how often
 */
void vmqos_measure_work(const char *name, const char *workload, const char *how, int runs)
{
	const struct vmqos_measure_load load = { "work", 1, 1, { workload } };
	struct vmqos_vmm_vm *vm = vmqos_measure_vm("work", &load);
	double rate[VMQOS_MEASURE_RUNS];
	struct vmqos *ctx = NULL;
	uint64_t start, before;
	uint32_t id;

	if (strcmp(how, "alone")) {
		ctx = vmqos_measure_open();
		if (vmqos_subject_adopt(ctx, vm, "work", &id) ||
		    vmqos_subject_wait_attached(ctx, id, 1, 10000))
			vmqos_measure_die(vmqos_error(ctx), EIO);
		vmqos_measure_gate(ctx, id, how);
	}
	vmqos_sleep_ns(WORK_NS / 10);
	for (int r = 0; r < runs; r++) {
		start = vmqos_now_ns();
		before = work_of(vm);
		vmqos_sleep_ns(WORK_NS);
		rate[r] = (work_of(vm) - before) * 1e9 / (vmqos_now_ns() - start);
	}
	vmqos_measure_row(name, "work", "rounds a second", rate, runs);
	vmqos_vmm_destroy(vm);
	if (ctx) {
		vmqos_measure_gate(ctx, 0, "");
		vmqos_subject_settle(ctx);
		vmqos_close(ctx);
	}
}

/**
 * vmqos_measure_epoch() - what an epoch costs, and what memory the VMs take
 * @name: what the figures are called
 * @count: number of VMs, of one vCPU each
 * @workload: what the vCPUs do
 * @runs: how often
 *
 * Each time the epoch's thread comes to a CPU is an epoch.
 */
void vmqos_measure_epoch(const char *name, int count, const char *workload, int runs)
{
	struct vmqos_vmm_vm **vm = calloc(count, sizeof(*vm));
	double cost[VMQOS_MEASURE_RUNS], period[VMQOS_MEASURE_RUNS], memory;
	struct vmqos *ctx = vmqos_measure_open();
	pid_t thread = epoch_thread();
	struct vmqos_vmm_workload work;
	struct vmqos_proc before, after;
	uint64_t start;
	uint32_t *id = calloc(count, sizeof(*id));
	char vm_name[32];

	if (!vm || !id || vmqos_vmm_parse_workload(workload, &work) ||
	    vmqos_vmm_raise_limits(count, count))
		vmqos_measure_die("cannot begin", errno);
	for (int i = 0; i < count; i++) {
		snprintf(vm_name, sizeof(vm_name), "epoch%d", i);
		vm[i] = vmqos_vmm_create(vm_name, 1, 0);
		if (!vm[i] || vmqos_vmm_add_vcpu(vm[i], &work) < 0)
			vmqos_measure_die("cannot make a VM", errno);
	}
	vmqos_sleep_ns(200000000);
	memory = vmqos_measure_kernel_kib();
	for (int i = 0; i < count; i++)
		if (vmqos_subject_adopt(ctx, vm[i], vmqos_vmm_name(vm[i]), &id[i]))
			vmqos_measure_die(vmqos_error(ctx), EIO);
	vmqos_sleep_ns(200000000);
	memory = (vmqos_measure_kernel_kib() - memory) * 1024 / count;
	vmqos_measure_gate(ctx, 0, "gate");
	for (int i = 0; i < count; i++)
		vmqos_vmm_start(vm[i], 0);
	/* All that run have come to a CPU once. */
	for (int i = 0; i < count && work.kind == VMQOS_VMM_SPIN; i++)
		if (vmqos_subject_wait_attached(ctx, id[i], 1, 60000))
			vmqos_measure_die("a vCPU does not get its hook", ETIMEDOUT);
	vmqos_sleep_ns(200000000);
	for (int r = 0; r < runs; r++) {
		start = vmqos_now_ns();
		if (vmqos_proc_read(thread, thread, &before))
			vmqos_measure_die("cannot read the thread's times", EIO);
		vmqos_sleep_ns(EPOCHS_NS);
		if (vmqos_proc_read(thread, thread, &after) || after.slices == before.slices)
			vmqos_measure_die("there was no epoch", EIO);
		cost[r] = (double)(after.run_ns - before.run_ns) / (after.slices - before.slices);
		period[r] = (vmqos_now_ns() - start) / 1e6 / (after.slices - before.slices);
	}
	vmqos_measure_row(name, "epoch", "instructions", cost, runs);
	vmqos_measure_row(name, "epoch-period", "ms", period, runs);
	vmqos_measure_row(name, "memory-per-vm", "bytes", &memory, 1);
	vmqos_measure_gate(ctx, 0, "");
	vmqos_close(ctx);
	/* The VMs go with the process. */
}
