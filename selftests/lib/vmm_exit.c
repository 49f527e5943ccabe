// SPDX-License-Identifier: GPL-2.0
/* What the test VMM does when a vCPU comes to user space. */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm_vcpu.h"

/* A counter of the vCPU's own thread. */
void vmqos_vmm_bump(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* Wake the neighbour, then block until it wakes us. */
static void pass_turn(struct vcpu *v)
{
	int other = v->index ^ 1;
	struct vcpu *neighbour;

	if (other >= v->vm->vcpus)
		return;
	neighbour = v->vm->vcpu[other];
	__atomic_store_n(&neighbour->token, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &neighbour->token, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	while (!__atomic_exchange_n(&v->token, 0, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&v->want, __ATOMIC_ACQUIRE) != WANT_RUN)
			return;
		syscall(SYS_futex, &v->token, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	}
}

/* The guest has just seen whether the other is marked: does its thread sleep? */
static void note_look(struct vcpu *v)
{
	bool marked = *((uint8_t *)v->run + v->run->io.data_offset);
	char path[64], line[256] = "", *state;
	int fd;

	if ((int)v->workload.count >= v->vm->vcpus)
		return;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
		 v->vm->vcpu[v->workload.count]->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* As the VM is destroyed one thread ends before the other. */
	if (fd < 0)
		return;
	state = read(fd, line, sizeof(line) - 1) > 0 ? strrchr(line, ')') : NULL;
	if (state)
		vmqos_vmm_bump(&v->looks[marked][state[2] == 'S' || state[2] == 'P']);
	close(fd);
}

/* The vCPU has come to user space, as its workload wants. */
void vmqos_vmm_handle_exit(struct vcpu *v)
{
	struct timespec period = {
		.tv_sec = v->workload.period_us / 1000000,
		.tv_nsec = v->workload.period_us % 1000000 * 1000,
	};

	vmqos_vmm_bump(&v->exits);
	if (v->workload.kind == VMQOS_VMM_WATCH) {
		note_look(v);
		return;
	}
	for (uint32_t i = 0; i < v->workload.count; i++) {
		if (v->workload.kind == VMQOS_VMM_PASS)
			pass_turn(v);
		else
			sched_yield();
	}
	if (v->workload.kind == VMQOS_VMM_SLEEP)
		nanosleep(&period, NULL);
}

/* What there is to find out why a guest did what none of ours does. */
void vmqos_vmm_tell_exit(const struct vcpu *v)
{
	struct kvm_vcpu_events events = { 0 };
	struct kvm_sregs sregs = { 0 };
	struct kvm_regs regs = { 0 };

	ioctl(v->fd, KVM_GET_REGS, &regs);
	ioctl(v->fd, KVM_GET_SREGS, &sregs);
	ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events);
	fprintf(stderr, "vmm: %s: vCPU %d: unexpected exit %u (%u) of KVM_RUN\n"
		"vmm: workload %d eip %llx esp %llx ebx %llx eflags %llx cr0 %llx cr2 %llx\n"
		"vmm: cs %x/%llx/%x idt %llx/%x exception %u/%u interrupt %u/%u\n",
		v->vm->name, v->index, v->run->exit_reason, v->run->internal.suberror,
		v->workload.kind, regs.rip, regs.rsp, regs.rbx, regs.rflags, sregs.cr0, sregs.cr2,
		sregs.cs.selector, sregs.cs.base, sregs.cs.limit, sregs.idt.base, sregs.idt.limit,
		events.exception.injected, events.exception.nr, events.interrupt.injected,
		events.interrupt.nr);
}
