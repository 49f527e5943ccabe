// SPDX-License-Identifier: GPL-2.0
/*
 * The guest side of the test VMM.
 *
 * DOC: Guest
 *
 * All workloads run in 32-bit protected mode without paging and with flat
 * segments: the same code works on every CPU, with or without unrestricted
 * guests, and can address a region of any size below 3 GiB. Page 0 holds the
 * descriptor tables and the code; each vCPU has a block of its own from
 * GUEST_BLOCKS on, with its counters at the bottom and its stack at the top.
 * The VMM reads the counters directly in memory.
 *
 * Registers at entry: EBX points to the block, EDI is the local APIC, ESI, EBP
 * and ECX are parameters of the workload.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm_guest.h"

#define GDT_AT		0x0
#define IDT_AT		0x20
#define VECTOR		0x20
#define CODE_AT		0x200
#define LAPIC		0xfee00000u

/* As vmqos_guest_watch has it. */
_Static_assert(offsetof(struct vmqos_guest_block, steal.preempted) == 80, "steal time");
_Static_assert(offsetof(struct vmqos_guest_block, steal) % 64 == 0 && GUEST_BLOCK % 64 == 0,
	       "KVM wants steal time aligned to its size");

/* What the TSC may advance between two reads of the duty loop, in microseconds. */
#define TSC_CAP_US	20

asm(".pushsection .rodata\n"
	".code32\n"
	".globl vmqos_guest_code, vmqos_guest_code_end\n"
	".globl vmqos_guest_spin, vmqos_guest_halt, vmqos_guest_duty\n"
	".globl vmqos_guest_exit, vmqos_guest_mmio, vmqos_guest_touch, vmqos_guest_timer\n"
	".globl vmqos_guest_churn, vmqos_guest_watch\n"
	"vmqos_guest_code:\n"

	"vmqos_guest_spin:\n"
	"	movl	$10000, %ecx\n"
	"1:	decl	%ecx\n"
	"	jnz	1b\n"
	"	addl	$1, (%ebx)\n"
	"	adcl	$0, 4(%ebx)\n"
	"	jmp	vmqos_guest_spin\n"

	"vmqos_guest_exit:\n"
	"	outb	%al, $0x10\n"
	"	jmp	vmqos_guest_exit\n"

	"vmqos_guest_mmio:\n"
	"	movl	%eax, (%esi)\n"
	"	jmp	vmqos_guest_mmio\n"

	/* ESI: the region, ECX: its end */
	"vmqos_guest_touch:\n"
	"	movl	%esi, %eax\n"
	"1:	incl	(%eax)\n"
	"	addl	$4096, %eax\n"
	"	cmpl	%ecx, %eax\n"
	"	jb	1b\n"
	"	addl	$1, (%ebx)\n"
	"	adcl	$0, 4(%ebx)\n"
	"	jmp	vmqos_guest_touch\n"

	/*
	 * ESI: the region, ECX: its end, EBP: a table of what was written to each page.
	 * Three of four values are zero.
	 */
	"vmqos_guest_churn:\n"
	"	movl	%esi, %eax\n"
	"	movl	%ebp, %edx\n"
	"1:	movl	(%eax), %edi\n"
	"	cmpl	(%edx), %edi\n"
	"	je	2f\n"
	"	incl	20(%ebx)\n"
	"2:	imull	$1664525, 24(%ebx), %edi\n"
	"	addl	$1013904223, %edi\n"
	"	movl	%edi, 24(%ebx)\n"
	"	testl	$0x30000000, %edi\n"
	"	jz	3f\n"
	"	xorl	%edi, %edi\n"
	"3:	movl	%edi, (%edx)\n"
	"	movl	%edi, (%eax)\n"
	"	addl	$4, %edx\n"
	"	addl	$4096, %eax\n"
	"	cmpl	%ecx, %eax\n"
	"	jb	1b\n"
	"	addl	$1, (%ebx)\n"
	"	adcl	$0, 4(%ebx)\n"
	"	jmp	vmqos_guest_churn\n"
	/* ESI: the block of the vCPU to watch */
	"vmqos_guest_watch:\n"
	"	movl	$20000, %ecx\n"
	"1:	decl	%ecx\n"
	"	jnz	1b\n"
	"	cmpb	$0, 80(%esi)\n"		/* steal.preempted */
	"	setne	%al\n"
	"	outb	%al, $0x10\n"
	"	jmp	vmqos_guest_watch\n"

	/* ESI: timer count in nanoseconds, periodic */
	"guest_timer_setup:\n"
	"	movl	$0x1ff, 0xf0(%edi)\n"		/* enable the APIC */
	"	movl	$0xb, 0x3e0(%edi)\n"		/* divide by one */
	"	movl	$0x20020, 0x320(%edi)\n"	/* periodic, vector 0x20 */
	"	movl	%esi, 0x380(%edi)\n"
	"	ret\n"

	"vmqos_guest_halt:\n"
	"	call	guest_timer_setup\n"
	"	sti\n"
	"1:	hlt\n"
	"	incl	8(%ebx)\n"
	"	jmp	1b\n"

	/* EBP: TSC ticks to burn in each period */
	"vmqos_guest_duty:\n"
	"	call	guest_timer_setup\n"
	"	sti\n"
	"1:	hlt\n"
	"	incl	8(%ebx)\n"
	"	xorl	%ecx, %ecx\n"
	"	rdtsc\n"
	"	movl	%eax, %esi\n"
	"2:	rdtsc\n"
	"	movl	%eax, %edx\n"
	"	subl	%esi, %eax\n"
	"	movl	%edx, %esi\n"
	"	cmpl	16(%ebx), %eax\n"		/* was somewhere else: not our time */
	"	ja	2b\n"
	"	addl	%eax, %ecx\n"
	"	cmpl	%ebp, %ecx\n"
	"	jb	2b\n"
	"	addl	$1, (%ebx)\n"
	"	adcl	$0, 4(%ebx)\n"
	"	jmp	1b\n"

	"vmqos_guest_timer:\n"
	"	incl	12(%ebx)\n"
	"	movl	$0, 0xb0(%edi)\n"		/* end of interrupt */
	"	iret\n"

	"vmqos_guest_code_end:\n"
	".code64\n"
	".popsection\n");

static uint32_t code_address(const char *label)
{
	return CODE_AT + (uint32_t)(label - vmqos_guest_code);
}

/**
 * vmqos_guest_memory() - the memory a VM needs besides regions of touch
 * @max_vcpus: most vCPUs the VM may get
 *
 * Return: bytes, a multiple of the page size.
 */
uint64_t vmqos_guest_memory(unsigned int max_vcpus)
{
	uint64_t bytes = GUEST_BLOCKS + (uint64_t)max_vcpus * GUEST_BLOCK;

	return (bytes + 4095) & ~4095ull;
}

/**
 * vmqos_guest_write_image() - descriptor tables and code into page 0
 * @memory: start of the VM's memory
 */
void vmqos_guest_write_image(void *memory)
{
	static const uint64_t gdt[] = { 0, 0x00cf9a000000ffffull, 0x00cf92000000ffffull };
	uint32_t handler = code_address(vmqos_guest_timer);
	uint64_t gate = (handler & 0xffff) | (8ull << 16) | (0x8e00ull << 32) |
			((uint64_t)(handler >> 16) << 48);

	memcpy((char *)memory + GDT_AT, gdt, sizeof(gdt));
	memcpy((char *)memory + IDT_AT + VECTOR * 8, &gate, sizeof(gate));
	memcpy((char *)memory + CODE_AT, vmqos_guest_code,
	       vmqos_guest_code_end - vmqos_guest_code);
}

/**
 * vmqos_guest_block() - the block of counters of a vCPU
 * @memory: start of the VM's memory
 * @vcpu: number of the vCPU
 *
 * Return: pointer into @memory.
 */
struct vmqos_guest_block *vmqos_guest_block(void *memory, int vcpu)
{
	return (void *)((char *)memory + GUEST_BLOCKS + vcpu * GUEST_BLOCK);
}

static void flat_segment(struct kvm_segment *seg, uint16_t selector, uint8_t type)
{
	*seg = (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
}

static int set_segments(int vcpu_fd)
{
	struct kvm_sregs sregs;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	flat_segment(&sregs.cs, 8, 0xb);
	flat_segment(&sregs.ds, 16, 0x3);
	sregs.es = sregs.ds;
	sregs.fs = sregs.ds;
	sregs.gs = sregs.ds;
	sregs.ss = sregs.ds;
	sregs.gdt.base = GDT_AT;
	sregs.gdt.limit = 3 * 8 - 1;
	sregs.idt.base = IDT_AT;
	sregs.idt.limit = (VECTOR + 1) * 8 - 1;
	sregs.cr0 |= 1;
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) < 0)
		return -errno;
	return 0;
}

/* KVM gives the local APIC's timer its periodic mode only after it was told leaf 1. */
static int set_cpuid(int vcpu_fd, int vcpu)
{
	struct {
		struct kvm_cpuid2 header;
		struct kvm_cpuid_entry2 entry[2];
	} cpuid = {
		.header.nent = 2,
		.entry[0] = { .function = 0, .eax = 1 },
		/* APIC number; features FPU, TSC, MSR, APIC */
		.entry[1] = { .function = 1, .ebx = (uint32_t)vcpu << 24, .edx = 0x231 },
	};

	return ioctl(vcpu_fd, KVM_SET_CPUID2, &cpuid) < 0 ? -errno : 0;
}

/**
 * vmqos_guest_init_vcpu() - what a vCPU needs once in its life
 * @vcpu_fd: KVM's descriptor of the vCPU
 * @vcpu: its number
 *
 * Return: 0 or a negative error number.
 */
int vmqos_guest_init_vcpu(int vcpu_fd, int vcpu)
{
	int ret = set_cpuid(vcpu_fd, vcpu);

	return ret ? ret : set_segments(vcpu_fd);
}

/**
 * vmqos_guest_tell_steal() - have KVM tell a vCPU its steal time, in its block
 * @vcpu_fd: KVM's descriptor of the vCPU
 * @vcpu: its number
 *
 * Return: 0 or a negative error number.
 */
int vmqos_guest_tell_steal(int vcpu_fd, int vcpu)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = {
		.header.nmsrs = 1,
		.entry = {
			.index = MSR_KVM_STEAL_TIME,
			.data = (GUEST_BLOCKS + vcpu * GUEST_BLOCK +
				 offsetof(struct vmqos_guest_block, steal)) | KVM_MSR_ENABLED,
		},
	};
	int ret = ioctl(vcpu_fd, KVM_SET_MSRS, &msrs);

	if (ret < 0)
		return -errno;
	return ret == 1 ? 0 : -EOPNOTSUPP;
}

/**
 * vmqos_guest_setup() - make a vCPU ready to begin its workload
 * @vcpu_fd: KVM's descriptor of the vCPU
 * @vcpu: its number
 * @memory: start of the VM's memory
 * @touch_base: guest address of the region of touch or churn
 * @table_base: guest address of churn's table
 * @workload: what it shall do
 *
 * Must be called while the vCPU is not in KVM_RUN.
 *
 * Return: 0 or a negative error number.
 */
int vmqos_guest_setup(int vcpu_fd, int vcpu, void *memory, uint64_t touch_base,
		      uint64_t table_base, const struct vmqos_vmm_workload *workload)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	uint32_t block = GUEST_BLOCKS + vcpu * GUEST_BLOCK;
	struct kvm_regs regs = {
		.rflags = 2, .rbx = block, .rsp = block + GUEST_BLOCK, .rdi = LAPIC,
	};
	int tsc_khz;

	switch (workload->kind) {
	case VMQOS_VMM_SPIN:
		regs.rip = code_address(vmqos_guest_spin);
		break;
	case VMQOS_VMM_HALT:
		regs.rip = code_address(vmqos_guest_halt);
		regs.rsi = workload->period_us * 1000u;
		break;
	case VMQOS_VMM_DUTY:
		tsc_khz = ioctl(vcpu_fd, KVM_GET_TSC_KHZ, 0);
		if (tsc_khz <= 0)
			return tsc_khz ? -errno : -EOPNOTSUPP;
		regs.rip = code_address(vmqos_guest_duty);
		regs.rsi = workload->period_us * 1000u;
		regs.rbp = (uint64_t)workload->run_us * tsc_khz / 1000;
		if (regs.rbp > UINT32_MAX)
			return -ERANGE;
		vmqos_guest_block(memory, vcpu)->tsc_cap = TSC_CAP_US * (uint64_t)tsc_khz / 1000;
		break;
	case VMQOS_VMM_EXIT:
	case VMQOS_VMM_YIELD:
	case VMQOS_VMM_PASS:
	case VMQOS_VMM_SLEEP:
		regs.rip = code_address(vmqos_guest_exit);
		break;
	case VMQOS_VMM_MMIO:
		regs.rip = code_address(vmqos_guest_mmio);
		regs.rsi = GUEST_MMIO;
		break;
	case VMQOS_VMM_TOUCH:
		regs.rip = code_address(vmqos_guest_touch);
		regs.rsi = touch_base;
		regs.rcx = touch_base + workload->bytes;
		break;
	case VMQOS_VMM_CHURN:
		/* Nothing interrupts it; but only one that could be may wait for memory halted. */
		regs.rflags |= 1 << 9;
		regs.rip = code_address(vmqos_guest_churn);
		regs.rsi = touch_base + workload->offset;
		regs.rcx = touch_base + workload->bytes;
		regs.rbp = table_base;
		vmqos_guest_block(memory, vcpu)->random = vcpu + 1;
		break;
	case VMQOS_VMM_WATCH:
		regs.rip = code_address(vmqos_guest_watch);
		regs.rsi = GUEST_BLOCKS + workload->count * GUEST_BLOCK;
		break;
	case VMQOS_VMM_IDLE:
		/* Blocks in KVM_RUN without one page fault: idle VMs stay small. */
		mp.mp_state = KVM_MP_STATE_HALTED;
		regs.rip = code_address(vmqos_guest_spin);
		break;
	case VMQOS_VMM_PAUSED:
		return 0;
	}
	if (ioctl(vcpu_fd, KVM_SET_REGS, &regs) < 0)
		return -errno;
	if (ioctl(vcpu_fd, KVM_SET_MP_STATE, &mp) < 0)
		return -errno;
	return 0;
}
