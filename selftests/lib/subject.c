// SPDX-License-Identifier: GPL-2.0
/* VMs as subjects of a test: made, adopted, and read beside the kernel's own truth. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "subject.h"

#define GAP_NS		1000000
#define ATTEMPTS	30

/**
 * vmqos_subject_missing() - whether tests of vmqos can run here
 *
 * Loads the module if it is not loaded.
 *
 * Return: NULL, or what is missing.
 */
const char *vmqos_subject_missing(void)
{
	static char why[256];
	struct vmqos_host host;
	struct vmqos *ctx;
	int ret;

	if (geteuid())
		return "needs root";
	if (access("/dev/kvm", R_OK | W_OK))
		return "no /dev/kvm: load kvm_amd or kvm_intel";
	if (access("/sys/module/vmqos", F_OK) &&
	    system("modprobe vmqos >/dev/null 2>&1 || /sbin/modprobe vmqos >/dev/null 2>&1"))
		return "the module vmqos is neither loaded nor can modprobe load it";
	ret = vmqos_open(&ctx);
	if (ret) {
		snprintf(why, sizeof(why), "libvmqos cannot be used: %s", strerror(-ret));
		return why;
	}
	ret = vmqos_host_get(ctx, -1, &host);
	if (ret)
		snprintf(why, sizeof(why), "%s", vmqos_error(ctx));
	vmqos_close(ctx);
	return ret ? why : NULL;
}

/**
 * vmqos_subject_long() - whether the long form of a test is wanted
 *
 * Return: true if VMQOS_LONG is set and not 0.
 */
bool vmqos_subject_long(void)
{
	const char *value = getenv("VMQOS_LONG");

	return value && *value && strcmp(value, "0");
}

/**
 * vmqos_subject_exact_clock() - whether shares of time mean something here
 *
 * Where emulated time is real time, how much a CPU gets done in it depends
 * on the load of the machine that emulates them.
 *
 * Return: false on such a host, true on a real one and on the instruction count clock.
 */
bool vmqos_subject_exact_clock(void)
{
	const char *clock = getenv("VMQOS_CLOCK");

	return !clock || !strcmp(clock, "icount");
}

/**
 * vmqos_subject_gate() - let CPU policies be enforced, or not
 * @ctx: context
 * @on: whether to
 *
 * Return: 0 or a negative error number.
 */
int vmqos_subject_gate(struct vmqos *ctx, bool on)
{
	struct vmqos_host_settings settings = {
		.set = VMQOS_HAS(VMQOS_HOST_CPU_GATE), .cpu_gate = on,
	};

	return vmqos_host_set(ctx, &settings, NULL);
}

/**
 * vmqos_subject_load_anew() - unload the module and load it again
 *
 * No context may be open, since the family gets another number.
 *
 * Return: 0 or not.
 */
int vmqos_subject_load_anew(void)
{
	return system("PATH=$PATH:/usr/sbin:/sbin; (modprobe -r vmqos || rmmod vmqos) >/dev/null 2>&1 && "
		      "modprobe vmqos >/dev/null 2>&1");
}

/**
 * vmqos_subject_adopt() - adopt a VM of this process
 * @ctx: context
 * @vm: the VM
 * @name: name to adopt it under
 * @id: set to its number
 *
 * Return: 0 or a negative error number.
 */
int vmqos_subject_adopt(struct vmqos *ctx, struct vmqos_vmm_vm *vm, const char *name,
			uint32_t *id)
{
	struct vmqos_vm_settings settings = { .set = VMQOS_HAS(VMQOS_VM_NAME) };
	struct vmqos_vm adopted;
	int ret;

	snprintf(settings.name, sizeof(settings.name), "%s", name);
	ret = vmqos_vm_adopt_fd(ctx, vmqos_vmm_fd(vm), getpid(), &settings, &adopted);
	if (!ret)
		*id = adopted.id;
	return ret;
}

/**
 * vmqos_subject_wait_attached() - wait until vCPUs of a VM carry the hook
 * @ctx: context
 * @id: number of the VM
 * @vcpus: how many
 * @timeout_ms: how long to wait at most
 *
 * Return: 0; -ETIMEDOUT; another negative error number.
 */
int vmqos_subject_wait_attached(struct vmqos *ctx, uint32_t id, unsigned int vcpus,
				unsigned int timeout_ms)
{
	uint64_t end = vmqos_now_ns() + timeout_ms * 1000000ull;
	struct vmqos_vm vm;
	int ret;

	do {
		ret = vmqos_vm_get(ctx, id, &vm);
		if (ret || vm.vcpus_attached >= vcpus)
			return ret;
		vmqos_sleep_ns(5000000);
	} while (vmqos_now_ns() < end);
	return -ETIMEDOUT;
}

/**
 * vmqos_subject_wait_gone() - wait until vmqos has forgotten a VM
 * @ctx: context
 * @id: number of the VM
 * @timeout_ms: how long to wait at most
 *
 * Return: 0; -ETIMEDOUT; another negative error number.
 */
int vmqos_subject_wait_gone(struct vmqos *ctx, uint32_t id, unsigned int timeout_ms)
{
	uint64_t end = vmqos_now_ns() + timeout_ms * 1000000ull;
	struct vmqos_vm vm;
	int ret;

	do {
		ret = vmqos_vm_get(ctx, id, &vm);
		if (ret)
			return ret == -ENOENT ? 0 : ret;
		vmqos_sleep_ns(5000000);
	} while (vmqos_now_ns() < end);
	return -ETIMEDOUT;
}

static bool unsettled(struct vmqos *ctx)
{
	struct vmqos_vm *vms;
	bool found = false;
	size_t count;

	if (vmqos_vm_dump(ctx, &vms, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (vms[i].pid == (uint32_t)getpid() || kill(vms[i].pid, 0))
			found = true;
	free(vms);
	return found;
}

/**
 * vmqos_subject_settle() - wait until vmqos has forgotten the VMs that are closed
 * @ctx: context
 *
 * A VM that was closed, and its name, are known until the next look for dead
 * ones; the next test may want the name.
 */
void vmqos_subject_settle(struct vmqos *ctx)
{
	for (int i = 0; i < 300 && unsettled(ctx); i++)
		vmqos_sleep_ns(10000000);
}

/**
 * vmqos_subject_sample() - read vmqos and /proc at one moment
 * @ctx: context
 * @id: number of the VM
 * @index: number of the vCPU
 * @pid: process of the VMM
 * @tid: thread of the vCPU
 * @out: filled
 *
 * Reading takes time, in which a running thread goes on, or a wait ends, of which all is
 * counted at once. It is repeated until it was quick and little of that has happened, and
 * the counters of /proc before and after are averaged.
 *
 * Return: 0 or a negative error number.
 */
int vmqos_subject_sample(struct vmqos *ctx, uint32_t id, unsigned int index, pid_t pid,
			 pid_t tid, struct vmqos_sample *out)
{
	uint64_t start, unsure, least = UINT64_MAX;
	struct vmqos_sample best = { 0 };
	struct vmqos_proc after;
	int ret;

	for (int i = 0; i < ATTEMPTS && least > GAP_NS; i++) {
		start = vmqos_now_ns();
		ret = vmqos_proc_read(pid, tid, &out->proc);
		if (!ret)
			ret = vmqos_vcpu_stat_get(ctx, id, index, &out->vcpu);
		if (!ret)
			ret = vmqos_proc_read(pid, tid, &after);
		if (ret)
			return ret;
		out->gap_ns = vmqos_now_ns() - start;
		out->now = start + out->gap_ns / 2;
		out->run_moved_ns = after.run_ns - out->proc.run_ns;
		out->ready_moved_ns = after.ready_ns - out->proc.ready_ns;
		out->proc.run_ns += out->run_moved_ns / 2;
		out->proc.ready_ns += out->ready_moved_ns / 2;
		unsure = out->gap_ns + out->run_moved_ns + out->ready_moved_ns;
		if (unsure < least) {
			least = unsure;
			best = *out;
		}
	}
	*out = best;
	return 0;
}

/**
 * vmqos_subject_near() - whether two values differ by no more than allowed
 * @a: one
 * @b: the other
 * @tolerance: allowed difference
 *
 * Return: true if so.
 */
bool vmqos_subject_near(uint64_t a, uint64_t b, uint64_t tolerance)
{
	return (a > b ? a - b : b - a) <= tolerance;
}
