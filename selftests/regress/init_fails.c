// SPDX-License-Identifier: GPL-2.0
/*
 * When vmqos begins, it makes a file to learn something from it, and puts it at once; the kernel
 * takes the file down when the loading process returns to user space, or ends. If the module
 * could not be initialised, it was gone by then, and with it the operations of the file: the
 * kernel oopsed in __fput(). A stale build that could not register its family met it.
 *
 * Here whoever loads the module is killed just before it is initialised, by a BPF program on the
 * tracepoint module_load: a process that is to die gets no kernel thread.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define ROUNDS		3
/* Where the name is in struct module, behind its state and links. */
#define NAME_AT		24

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }

/* Whoever loads the module vmqos is sent SIGKILL. */
static const struct bpf_insn program[] = {
	INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_3, BPF_REG_1, 0, 0),
	INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, NAME_AT),
	INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_10, 0, 0),
	INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, -8),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 8),
	INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel),
	INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_10, -8, 0),
	INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 4, 'v' | 'm' << 8 | 'q' << 16 | 'o' << 24),
	INSN(BPF_LDX | BPF_MEM | BPF_H, BPF_REG_1, BPF_REG_10, -4, 0),
	INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 2, 's'),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, SIGKILL),
	INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_send_signal),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
	INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
};

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A descriptor for as long as it is to be so, or -1. */
static int kill_loaders(void)
{
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT };
	union bpf_attr attach = { .raw_tracepoint.name = (uintptr_t)"module_load" };
	int fd, link;

	load.insns = (uintptr_t)program;
	load.insn_cnt = sizeof(program) / sizeof(program[0]);
	load.license = (uintptr_t)"GPL";
	fd = bpf(BPF_PROG_LOAD, &load);
	if (fd < 0)
		return -1;
	attach.raw_tracepoint.prog_fd = fd;
	link = bpf(BPF_RAW_TRACEPOINT_OPEN, &attach);
	close(fd);
	return link;
}

static bool is_loaded(void)
{
	return !access("/sys/module/vmqos", F_OK);
}

static int unload(void)
{
	return system("PATH=$PATH:/usr/sbin:/sbin; (modprobe -r vmqos || rmmod vmqos) >/dev/null 2>&1");
}

static int load(void)
{
	return system("PATH=$PATH:/usr/sbin:/sbin; modprobe vmqos >/dev/null 2>&1");
}

TEST(a_file_outlives_the_module)
{
	int link;

	if (geteuid())
		SKIP(return, "only root can load modules");
	if (!is_loaded() && load())
		SKIP(return, "the module vmqos is neither loaded nor can modprobe load it");
	ASSERT_EQ(0, unload());
	link = kill_loaders();
	if (link < 0) {
		EXPECT_EQ(0, load());
		SKIP(return, "no BPF program can be had on a tracepoint: errno %d", errno);
	}
	for (int i = 0; i < ROUNDS; i++) {
		EXPECT_NE(0, load());
		EXPECT_FALSE(is_loaded());
	}
	close(link);
	/* Nothing of these attempts has been left behind. */
	EXPECT_EQ(0, load());
	EXPECT_TRUE(is_loaded());
}

TEST_HARNESS_MAIN
