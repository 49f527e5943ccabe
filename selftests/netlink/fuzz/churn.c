// SPDX-License-Identifier: GPL-2.0
/*
 * VMs of other processes that come and go while the messages fly: started,
 * adopted or not, grown, stopped, killed in every way. Each thread of this
 * leaves the current one's descriptor and process number in the pool.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../peer.h"
#include "fuzz.h"

static struct {
	pthread_t thread;
	struct fuzz_random random;
	unsigned int slot;
	uint64_t lives;
} churners[FUZZ_CHURN_MAX];
static unsigned int nr_churners;
static bool stopping;

static void pick_workload(struct fuzz_random *random, struct vmqos_vmm_workload *workload)
{
	static const enum vmqos_vmm_kind kinds[] = {
		VMQOS_VMM_SPIN, VMQOS_VMM_HALT, VMQOS_VMM_EXIT, VMQOS_VMM_SLEEP, VMQOS_VMM_MMIO,
		VMQOS_VMM_IDLE, VMQOS_VMM_PAUSED,
	};

	*workload = (struct vmqos_vmm_workload){
		.kind = kinds[fuzz_below(random, sizeof(kinds) / sizeof(kinds[0]))],
		.period_us = 500 + fuzz_below(random, 5000),
	};
}

/* One life of a VM. */
static int live(struct fuzz_random *random, unsigned int slot, struct vmqos_raw *raw,
		struct vmqos_raw_answer *answer)
{
	struct vmqos_vmm_workload workload;
	struct vmqos_peer peer;
	char name[32];
	int err;

	pick_workload(random, &workload);
	err = vmqos_peer_start(&peer, &workload, 1 + fuzz_below(random, 3));
	if (err)
		return err;
	if (vmqos_peer_getfd(&peer) >= 0) {
		fuzz_pool.churn_fd[slot] = peer.vm_fd;
		fuzz_pool.churn_pid[slot] = peer.pid;
	}
	if (fuzz_chance(random, 60)) {
		snprintf(name, sizeof(name), "churn-%u", slot);
		vmqos_adopt(raw, answer, peer.vm_fd, peer.pid,
			    fuzz_chance(random, 50) ? name : NULL, NULL);
	}
	vmqos_sleep_ms(fuzz_below(random, 40));
	if (fuzz_chance(random, 30))
		vmqos_peer_order(&peer, VMQOS_PEER_ADD_VCPU);
	if (fuzz_chance(random, 10))
		vmqos_peer_order(&peer, VMQOS_PEER_RETHREAD);
	if (fuzz_chance(random, 10))
		vmqos_peer_order(&peer, VMQOS_PEER_END_THREAD);
	if (fuzz_chance(random, 20)) {
		kill(peer.pid, SIGSTOP);
		vmqos_sleep_ms(fuzz_below(random, 20));
		if (fuzz_chance(random, 50)) {
			kill(peer.pid, SIGCONT);
			vmqos_sleep_ms(fuzz_below(random, 20));
		}
	}
	vmqos_sleep_ms(fuzz_below(random, 40));
	/* The descriptor in the pool dies before or after its VMM. */
	if (fuzz_chance(random, 50))
		vmqos_peer_close_vm(&peer);
	vmqos_peer_kill(&peer);
	return 0;
}

static void *churn(void *slot_pointer)
{
	unsigned int slot = *(unsigned int *)slot_pointer;
	struct vmqos_raw_answer answer = { 0 };
	struct vmqos_raw raw;

	if (vmqos_raw_open(&raw))
		return (void *)1;
	/* Their VMs shall not take the CPUs from those who send messages. */
	setpriority(PRIO_PROCESS, syscall(SYS_gettid), 15);
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		if (live(&churners[slot].random, slot, &raw, &answer))
			vmqos_sleep_ms(20);
		else
			churners[slot].lives++;
	}
	vmqos_raw_free(&answer);
	vmqos_raw_close(&raw);
	return NULL;
}

/**
 * fuzz_churn_start() - let VMs come and go from now on
 * @threads: how many at a time
 * @seed: where chance comes from
 *
 * Return: 0 or -errno.
 */
int fuzz_churn_start(unsigned int threads, uint64_t seed)
{
	unsigned int i;
	int err;

	for (i = 0; i < FUZZ_CHURN_MAX; i++)
		fuzz_pool.churn_fd[i] = -1;
	for (i = 0; i < threads && i < FUZZ_CHURN_MAX; i++) {
		churners[i].slot = i;
		churners[i].random.state = seed + 1000 + i;
		err = pthread_create(&churners[i].thread, NULL, churn, &churners[i].slot);
		if (err)
			return -err;
		nr_churners++;
	}
	return 0;
}

/**
 * fuzz_churn_stop() - end what fuzz_churn_start() began
 *
 * Return: how many VMs have lived and died.
 */
uint64_t fuzz_churn_stop(void)
{
	uint64_t lives = 0;
	unsigned int i;

	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	for (i = 0; i < nr_churners; i++) {
		pthread_join(churners[i].thread, NULL);
		lives += churners[i].lives;
	}
	return lives;
}
