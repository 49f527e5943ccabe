// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a process has made a VM was seen by the memory of its main thread,
 * which has none any more when that thread has ended while others run on. Such
 * a VM could not be adopted. Found by reading.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../netlink/call.h"
#include "vmm.h"

static pthread_t main_thread;
static int answers;

/*
 * The rest of the process: waits for the main thread's end and adopts its own
 * VM. (Nobody else could: without a main thread no descriptor can be fetched.)
 */
static void *rest(void *vm)
{
	struct vmqos_raw_answer answer = { 0 };
	struct vmqos_raw raw;
	int err;

	pthread_join(main_thread, NULL);
	err = vmqos_raw_open(&raw);
	if (!err)
		err = vmqos_adopt(&raw, &answer, vmqos_vmm_fd(vm), getpid(), "headless", NULL);
	if (write(answers, &err, sizeof(err)) != sizeof(err))
		_exit(1);
	pause();
	return NULL;
}

static void __attribute__((noreturn)) headless_vmm(int out)
{
	static const struct vmqos_vmm_workload spin = { .kind = VMQOS_VMM_SPIN };
	struct vmqos_vmm_vm *vm = vmqos_vmm_create("headless", 1, 0);
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	main_thread = pthread_self();
	answers = out;
	if (!vm || vmqos_vmm_add_vcpu(vm, &spin) || vmqos_vmm_start(vm, 0) ||
	    pthread_create(&thread, NULL, rest, vm))
		_exit(1);
	pthread_exit(NULL);
}

TEST(a_vmm_without_main_thread_is_adopted)
{
	struct vmqos_raw_answer answer = { 0 };
	int pipes[2], adopted, err;
	struct vmqos_raw raw;
	uint32_t id;
	pid_t child;

	err = vmqos_raw_open(&raw);
	if (err == -ENOENT)
		SKIP(return, "no family vmqos: is the module loaded?");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (!child)
		headless_vmm(pipes[1]);
	close(pipes[1]);
	ASSERT_EQ(sizeof(adopted), read(pipes[0], &adopted, sizeof(adopted)));
	ASSERT_EQ(0, adopted);
	ASSERT_EQ(0, vmqos_by_name(&raw, &answer, VMQOS_CMD_VM_GET, "headless"));
	EXPECT_EQ(child, vmqos_answer_u32(&answer, VMQOS_VM_A_PID));
	id = vmqos_answer_u32(&answer, VMQOS_VM_A_ID);
	EXPECT_EQ(0, vmqos_wait_attached(&raw, id, 1, 20000));
	EXPECT_EQ(0, vmqos_by_id(&raw, &answer, VMQOS_CMD_VM_STAT_GET, id));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_EQ(0, vmqos_wait_gone(&raw, id, 20000));
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
}

TEST_HARNESS_MAIN
