/* SPDX-License-Identifier: GPL-2.0 */
/* The memory guest from its reset to memory.c: 32 bits, flat, a tick that wakes it. */
#define STACK		0x90000

	.section .reset, "ax"
	.code16
	.globl reset
reset:
	cli
	ljmpw	$0xf000, $0		/* start16, the first of .start */
	.balign	16

	.section .start, "ax"
start16:
	lgdtl	%cs:gdt_register - start16
	movl	%cr0, %eax
	andl	$0x9fffffff, %eax	/* caches on */
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$8, $start32

	.code32
start32:
	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$STACK, %esp
	/* Once more after a reset: all as if it had never run. */
	movl	$bss, %edi
	movl	$bss_end, %ecx
	subl	%edi, %ecx
	xorl	%eax, %eax
	rep stosb
	call	guest
1:	hlt
	jmp	1b

	/* The tick has only to end hlt. */
	.globl tick
tick:
	pushl	%eax
	movb	$0x20, %al
	outb	%al, $0x20
	popl	%eax
	iretl

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdt_register:
	.word	23
	.long	gdt
