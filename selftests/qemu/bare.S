/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest without an operating system, as the firmware of a real QEMU: it is ready at
 * once, where Linux takes minutes on the clock of instructions. Every vCPU counts, and
 * now and then writes to port 0x80, so that the VMM's threads take their locks as they
 * do for any guest. Like scripts/guest's Linux it says on the first serial port
 *
 *   vmqos-guest-ready N	N vCPUs are at work
 *   vmqos-guest-cpu N		one more is, of those that were plugged in
 *
 * 16-bit code in the last 64 KiB below 1 MiB. The vCPU with the APIC identifier 0 starts
 * the others, in the order of their identifiers; each says that it has come by writing
 * to memory. The counters are at COUNTERS, one in each 64 bytes.
 */
#define STARTED		0x800		/* how many vCPUs are at work */
#define COUNTERS	0x1000
#define SERIAL		0x3f8
#define FW_SELECT	0x510
#define FW_DATA		0x511
#define FW_NB_CPUS	5
#define MSR_APIC_BASE	0x1b
#define MSR_X2APIC_ID	0x802
#define MSR_X2APIC_ICR	0x830
#define ICR_INIT	0x4500
#define ICR_STARTUP	0x46f0		/* at F000:0000 */

	.code16
	.text
others:
	xorw	%ax, %ax
	movw	%ax, %ds
	movl	$MSR_APIC_BASE, %ecx
	rdmsr
	orl	$0xc00, %eax
	wrmsr
	movl	$MSR_X2APIC_ID, %ecx
	rdmsr
	movl	%eax, %ebx
	incl	%eax
	movl	%eax, STARTED
	shll	$6, %ebx
	addl	$COUNTERS, %ebx
1:	movl	$0x8000, %ecx
2:	decl	%ecx
	jnz	2b
	incl	(%ebx)
	outb	%al, $0x80
	jmp	1b

/* Print the text at CS:SI, a digit from BL, and the end of the line. */
say:
	movw	$SERIAL, %dx
1:	lodsb	%cs:(%si), %al
	testb	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	movb	%bl, %al
	addb	$'0', %al
	outb	%al, %dx
	movb	$'\n', %al
	outb	%al, %dx
	ret

ready:	.asciz	"vmqos-guest-ready "
cpu:	.asciz	"vmqos-guest-cpu "

first:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7000, %sp
	movl	$1, STARTED
	movl	$MSR_APIC_BASE, %ecx
	rdmsr
	orl	$0xc00, %eax
	wrmsr
	movw	$FW_SELECT, %dx
	movw	$FW_NB_CPUS, %ax
	outw	%ax, %dx
	movw	$FW_DATA, %dx
	inb	%dx, %al
	movb	%al, %bh		/* how many there are to be */
	movb	$1, %bl			/* how many there are */
	movw	$ready, %si
again:
	cmpb	%bl, %bh
	jne	1f
	testw	%si, %si
	jz	1f
	call	say
	xorw	%si, %si
	/* The next one, if it is there. */
1:	movzbl	%bl, %edx
	movl	$ICR_INIT, %eax
	movl	$MSR_X2APIC_ICR, %ecx
	wrmsr
	movl	$ICR_STARTUP, %eax
	wrmsr
	/* Give it a while. */
	movl	$64, %edi
2:	movl	$0x8000, %ecx
3:	decl	%ecx
	jnz	3b
	incl	COUNTERS
	outb	%al, $0x80
	cmpb	STARTED, %bl
	jne	4f
	decl	%edi
	jnz	2b
	jmp	again
4:	movb	STARTED, %bl
	testw	%si, %si
	jnz	again
	movw	$cpu, %si
	call	say
	xorw	%si, %si
	jmp	again

	.org	0xfff0, 0xff
	.byte	0xea			/* the first instruction of all: a far jump */
	.word	first, 0xf000
	.org	0x10000, 0xff
