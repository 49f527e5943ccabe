// SPDX-License-Identifier: GPL-2.0
/* The VMs of the fake kernel, their counters, and what requests do to them. */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vmqos.h>

#include "fake_balloon.h"
#include "fake_kernel.h"
#include "fake_pages.h"
#include "fake_policy.h"
#include "fake_vms.h"

#define VMS_MAX		8
#define CPUS		4
#define CAPACITY	(CPUS * 1000000u)
#define SECOND		UINT64_C(1000000000)
#define START_NS	(100 * SECOND)

struct fake_vm {
	uint32_t id;
	char name[VMQOS_NAME_MAX + 1];
	bool has_uuid;
	uint8_t uuid[VMQOS_UUID_SIZE];
	uint32_t pid;
	uint32_t state;
	uint32_t vcpus;
	uint32_t vcpu_states[4];
	bool leaving;
	struct vmqos_fake_policy policy;
};

static const struct fake_vm usual[] = {
	{ 1, "web", true, { 0x6b, 0x1c, 0x43, 0x0e, 0x87, 0x2b, 0x4d, 0x17,
			    0x9a, 0x22, 0x5f, 0x0a, 0x3c, 0x9e, 0x11, 0x04 },
	  1201, VMQOS_VM_STATE_ACTIVE, 2,
	  { VMQOS_VCPU_STATE_ATTACHED, VMQOS_VCPU_STATE_ATTACHED }, false, { 0 } },
	{ 2, "db", false, { 0 }, 1302, VMQOS_VM_STATE_ACTIVE, 4,
	  { VMQOS_VCPU_STATE_ATTACHED, VMQOS_VCPU_STATE_PENDING, VMQOS_VCPU_STATE_LEFT,
	    VMQOS_VCPU_STATE_UNSTARTED }, false,
	  { .shares = 3000, .reservation = 1500000, .limit = 2000000,
	    .latency = VMQOS_CPU_LATENCY_LOW, .others_free = 1,
	    .share_zero = VMQOS_MEM_SHARE_ZERO_PRESSURE,
	    .mem_limit = UINT64_C(3) << 30 } },
	{ 7, "build-agent-of-the-second-floor", false, { 0 }, 2403, VMQOS_VM_STATE_ACTIVE, 1,
	  { VMQOS_VCPU_STATE_SHARED }, false, { .level = VMQOS_CPU_SHARES_LEVEL_LOW } },
};

static struct fake_vm vms[VMS_MAX];
static unsigned int vm_count;
static unsigned int ticks;
static uint32_t next_id;
static uint32_t guest_time;
static uint32_t scan_period_ms;
static uint32_t nodes;
static struct vmqos_fake_host host_policy;

void vmqos_fake_vms_reset(void)
{
	memcpy(vms, usual, sizeof(usual));
	vm_count = sizeof(usual) / sizeof(usual[0]);
	ticks = 0;
	next_id = 8;
	guest_time = VMQOS_SWITCH_ON;
	scan_period_ms = 100;
	nodes = 1;
	vmqos_fake_pages_script("");
	vmqos_fake_balloon_reset();
	host_policy = (struct vmqos_fake_host) {
		.kept = 500000, .gate = VMQOS_SWITCH_ON, .slice_us = 2000,
	};
}

unsigned int vmqos_fake_vm_count(void)
{
	return vmqos_fake.big_vms ? vmqos_fake.big_vms : vm_count;
}

unsigned int vmqos_fake_vcpu_count(unsigned int vm)
{
	return vmqos_fake.big_vms ? vmqos_fake.big_vcpus : vms[vm].vcpus;
}

uint32_t vmqos_fake_vm_id(unsigned int vm)
{
	return vmqos_fake.big_vms ? vm + 1 : vms[vm].id;
}

/* One of many VMs is made when it is asked for. */
static struct fake_vm vm_at(unsigned int place)
{
	struct fake_vm vm;

	if (!vmqos_fake.big_vms)
		return vms[place];
	memset(&vm, 0, sizeof(vm));
	vm.id = place + 1;
	snprintf(vm.name, sizeof(vm.name), "vm%u", place + 1);
	vm.pid = 10000 + place;
	vm.vcpus = vmqos_fake.big_vcpus;
	return vm;
}

static uint32_t state_of(const struct fake_vm *vm, unsigned int vcpu)
{
	return vcpu < 4 && !vmqos_fake.big_vms ? vm->vcpu_states[vcpu] : VMQOS_VCPU_STATE_ATTACHED;
}

static uint32_t count_attached(const struct fake_vm *vm)
{
	uint32_t attached = 0;
	unsigned int i;

	for (i = 0; i < vm->vcpus; i++)
		attached += state_of(vm, i) == VMQOS_VCPU_STATE_ATTACHED;
	return attached;
}

static uint64_t now_ns(void)
{
	return START_NS + ticks * SECOND;
}

/* What the VMs but one have reserved. */
static uint32_t reserved_but(unsigned int place)
{
	uint32_t sum = 0;
	unsigned int i;

	for (i = 0; i < vm_count; i++)
		sum += i == place ? 0 : vms[i].policy.reservation;
	return sum;
}

struct counters {
	uint64_t parked, limited, parks, throttles;
	uint64_t wall, run, ready, blocked, halted, guest;
	uint64_t exits, halts, ios, mmios, wakeups, preemptions, moves, node_moves;
	uint64_t latency, latency_max;
	uint64_t hist[VMQOS_LATENCY_BUCKETS];
};

/* Counters that grow by the same each second, different for each vCPU. */
static void count(struct counters *c, unsigned int vm, unsigned int vcpu)
{
	uint64_t seconds = 10 + ticks;
	uint64_t run_ms = (150 * (vm % 5 + 1) + 120 * vcpu) % 900;
	uint64_t ready_ms = 25 * (vm % 4 + 1);
	uint64_t busy_ms = run_ms + ready_ms;

	c->wall += seconds * SECOND;
	c->run += seconds * run_ms * 1000000;
	c->ready += seconds * ready_ms * 1000000;
	c->parked += seconds * 40 * 1000000;
	c->limited += seconds * 20 * 1000000;
	c->parks += seconds * 12;
	c->throttles += seconds * 4;
	c->blocked += seconds * (960 - busy_ms) * 1000000;
	c->halted += seconds * (busy_ms < 900 ? 900 - busy_ms : 0) * 900000;
	c->guest += seconds * run_ms * 800000;
	c->exits += seconds * 1000 * (vm + 1);
	c->halts += seconds * 100;
	c->ios += seconds * 40;
	c->mmios += seconds * 20;
	c->wakeups += seconds * 100;
	c->preemptions += seconds * 7;
	c->moves += seconds * 3;
	c->node_moves += seconds;
	c->latency += seconds * 100 * 20000;
	c->latency_max = 9000000;
	c->hist[4] += seconds * 60;
	c->hist[5] += seconds * 30;
	c->hist[9] += seconds * 9;
	c->hist[14] += seconds;
}

static void put_counters(struct nl_msg *msg, int nest, const struct counters *c, int vm)
{
	struct nlattr *stats = nla_nest_start(msg, nest);

	nla_put_u64(msg, VMQOS_STATS_A_WALL_NS, c->wall);
	nla_put_u64(msg, VMQOS_STATS_A_RUN_NS, c->run);
	nla_put_u64(msg, VMQOS_STATS_A_READY_NS, c->ready);
	nla_put_u64(msg, VMQOS_STATS_A_BLOCKED_NS, c->blocked);
	nla_put_u64(msg, VMQOS_STATS_A_HALTED_NS, c->halted);
	nla_put_u64(msg, VMQOS_STATS_A_GUEST_NS, c->guest);
	nla_put_u64(msg, VMQOS_STATS_A_EXITS, c->exits);
	nla_put_u64(msg, VMQOS_STATS_A_HALT_EXITS, c->halts);
	nla_put_u64(msg, VMQOS_STATS_A_IO_EXITS, c->ios);
	nla_put_u64(msg, VMQOS_STATS_A_MMIO_EXITS, c->mmios);
	nla_put_u64(msg, VMQOS_STATS_A_WAKEUPS, c->wakeups);
	nla_put_u64(msg, VMQOS_STATS_A_PREEMPTIONS, c->preemptions);
	nla_put_u64(msg, VMQOS_STATS_A_CPU_MIGRATIONS, c->moves);
	nla_put_u64(msg, VMQOS_STATS_A_NODE_MIGRATIONS, c->node_moves);
	nla_put_u64(msg, VMQOS_STATS_A_LATENCY_NS, c->latency);
	nla_put_u64(msg, VMQOS_STATS_A_LATENCY_MAX_NS, c->latency_max);
	nla_put(msg, VMQOS_STATS_A_LATENCY_HIST, sizeof(c->hist), c->hist);
	nla_put_u64(msg, VMQOS_STATS_A_PARKED_NS, c->parked);
	nla_put_u64(msg, VMQOS_STATS_A_LIMITED_NS, c->limited);
	nla_put_u64(msg, VMQOS_STATS_A_PARKS, c->parks);
	nla_put_u64(msg, VMQOS_STATS_A_THROTTLES, c->throttles);
	/* Something of a newer module, which must not disturb. */
	nla_put_u32(msg, 60, 12345);
	if (vm >= 0) {
		nla_put_u32(msg, VMQOS_STATS_A_OTHER_THREADS, 3 + vm);
		nla_put_u64(msg, VMQOS_STATS_A_OTHER_RUN_NS, (10 + ticks) * 50 * UINT64_C(1000000));
		nla_put_u64(msg, VMQOS_STATS_A_OTHER_READY_NS, (10 + ticks) * UINT64_C(1000000));
		nla_put_u64(msg, VMQOS_STATS_A_ENTITLED_NS,
			    (10 + ticks) * (400 + 50 * vm) * UINT64_C(1000000));
		nla_put_s64(msg, VMQOS_STATS_A_LAG_NS, (1 - vm) * INT64_C(2500000));
	}
	nla_nest_end(msg, stats);
}

/* What the first VM is to give back and what it has given back, in bytes. */
static uint64_t reclaim_left, reclaimed = UINT64_C(1) << 30;

static int reclaim(struct nlattr *attrs, int size, unsigned int place, const char **sentence)
{
	struct nlattr *bytes = nla_find(attrs, size, VMQOS_VM_A_MEM_RECLAIM);

	if (place) {
		*sentence = "none of the VM's memory is in vmramfs, so nothing can be reclaimed";
		return -EOPNOTSUPP;
	}
	reclaim_left = bytes ? nla_get_u64(bytes) : 0;
	return 0;
}

/* Zeros are given back by vmramfs of the first one's memory, by KSM of the second one's. */
static void put_shared(struct nl_msg *msg, unsigned int place)
{
	const uint64_t mib = UINT64_C(1) << 20;

	nla_put_u64(msg, VMQOS_MEM_A_SHARE_VMRAMFS, (place ? 0 : 4096) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_SHARE_SHMEM, 0);
	nla_put_u64(msg, VMQOS_MEM_A_SHARE_KSM, (place ? 16 : 0) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_SHARE_NONE, (place ? 2032 : 16) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_SHARE_WHY_NOT,
		    place ? VMQOS_MEM_WHY_NOT_HUGETLB : VMQOS_MEM_WHY_NOT_KSM);
	nla_put_u64(msg, VMQOS_MEM_A_KSM_MERGED, (place ? 3 : 0) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_KSM_ZERO, (place ? 5 : 0) * mib);
}

/*
 * The first VM's memory is in vmramfs, the second one's is not, and nothing is known of
 * that of the others.
 */
static void put_mem(struct nl_msg *msg, unsigned int place)
{
	const uint64_t mib = UINT64_C(1) << 20;
	uint64_t seconds = 10 + ticks;
	uint64_t found[VMQOS_LATENCY_BUCKETS] = { [3] = 30 * seconds, [5] = 10 * seconds };
	uint64_t waits[VMQOS_LATENCY_BUCKETS] = { [10] = 7 * seconds, [13] = seconds };
	uint64_t stored[VMQOS_LATENCY_BUCKETS] = { [6] = 5 * seconds };
	uint64_t filled[VMQOS_LATENCY_BUCKETS] = { [4] = 40 * seconds, [8] = 20 * seconds };
	struct nlattr *mem;
	uint64_t step;

	if (place > 1)
		return;
	mem = nla_nest_start(msg, VMQOS_VM_STAT_A_MEM);
	nla_put_u64(msg, VMQOS_MEM_A_CONFIGURED, (place ? 2048 : 4112) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_IN_VMRAMFS, (place ? 0 : 4096) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_IN_SHMEM, 0);
	nla_put_u64(msg, VMQOS_MEM_A_IN_HUGETLB, (place ? 2032 : 0) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_IN_ANONYMOUS, 16 * mib);
	nla_put_u64(msg, VMQOS_MEM_A_IN_OTHER, 0);
	nla_put_u32(msg, 1000, 1);
	nla_put_u64(msg, VMQOS_MEM_A_MAPPED_4K, 200 * mib);
	nla_put_u64(msg, VMQOS_MEM_A_MAPPED_2M, (place ? 1800 : 800) * mib);
	nla_put_u64(msg, VMQOS_MEM_A_MAPPED_1G, 0);
	put_shared(msg, place);
	if (!place) {
		nla_put_u64(msg, VMQOS_MEM_A_RESIDENT, 1200 * mib + seconds * 60 * 4096);
		nla_put_u64(msg, VMQOS_MEM_A_FILLS, 400000 + seconds * 70);
		nla_put_u64(msg, VMQOS_MEM_A_FAULTS_FOUND, seconds * 40);
		nla_put_u64(msg, VMQOS_MEM_A_FAULTS_FILLED, seconds * 60);
		nla_put_u64(msg, VMQOS_MEM_A_FAULTS_FAILED, 1);
		nla_put_u64(msg, VMQOS_MEM_A_FOUND_NS, seconds * 40 * 5000);
		nla_put_u64(msg, VMQOS_MEM_A_FILLED_NS, seconds * 60 * 20000);
		nla_put(msg, VMQOS_MEM_A_FOUND_HIST, sizeof(found), found);
		nla_put(msg, VMQOS_MEM_A_FILLED_HIST, sizeof(filled), filled);
		nla_put_u64(msg, VMQOS_MEM_A_SCANNED, seconds * 12800);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_FREED, seconds * 640);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_BUSY, seconds * 3);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_LOCKED, 16);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_CHANGED, seconds);
		nla_put_u64(msg, VMQOS_MEM_A_SPLITS, 12);
		nla_put_u64(msg, VMQOS_MEM_A_RECLAIM_LEFT, reclaim_left);
		nla_put_u64(msg, VMQOS_MEM_A_RECLAIMED, reclaimed / 4096);
		nla_put_u64(msg, VMQOS_MEM_A_RECLAIM_BUSY, seconds);
		nla_put_u64(msg, VMQOS_MEM_A_LIMIT_RECLAIMED, seconds * 30);
		nla_put_u64(msg, VMQOS_MEM_A_LIMIT_EXCEEDED, 2);
		nla_put_u64(msg, VMQOS_MEM_A_LIMIT_WAITS, seconds * 8);
		nla_put_u64(msg, VMQOS_MEM_A_LIMIT_NS, seconds * 9 * UINT64_C(1000000));
		nla_put(msg, VMQOS_MEM_A_LIMIT_HIST, sizeof(waits), waits);
		nla_put_u64(msg, VMQOS_MEM_A_PRESSURE_RECLAIMED, 17);
		nla_put_u64(msg, VMQOS_MEM_A_STORED, 90 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_STORED_RAW, 300 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_STORED_HELD, 94 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_EVICT_FAILED, 6);
		nla_put_u64(msg, VMQOS_MEM_A_EVICTED, 80000 + seconds * 25);
		nla_put_u64(msg, VMQOS_MEM_A_EVICT_REFUSED, 44);
		nla_put_u64(msg, VMQOS_MEM_A_FAULTS_STORED, seconds * 5);
		nla_put_u64(msg, VMQOS_MEM_A_STORED_NS, seconds * 5 * 30000);
		nla_put(msg, VMQOS_MEM_A_STORED_HIST, sizeof(stored), stored);
		nla_put_u64(msg, VMQOS_MEM_A_SAMPLED, 1000 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_ACTIVE_SLOW, 320 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_ACTIVE_FAST, 410 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_ACTIVE_MAX, 450 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_SAMPLES, seconds * 7);
		nla_put_u64(msg, VMQOS_MEM_A_SAMPLES_TOUCHED, seconds * 3);
		nla_put_u64(msg, VMQOS_MEM_A_SAMPLE_NS, seconds * 20000);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_MAPPED, 64 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_FAULTS_ZERO, seconds * 3);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_NS, seconds * 3 * 4000);
		nla_put(msg, VMQOS_MEM_A_ZERO_HIST, sizeof(stored), stored);
		nla_put_u64(msg, VMQOS_MEM_A_SWAPPED, 120 * mib);
		nla_put_u64(msg, VMQOS_MEM_A_SWAP_OUTS, 31000 + seconds * 11);
		nla_put_u64(msg, VMQOS_MEM_A_SWAP_FAILED, 3);
		nla_put_u64(msg, VMQOS_MEM_A_FAULTS_SWAPPED, seconds * 2);
		nla_put_u64(msg, VMQOS_MEM_A_SWAPPED_NS, seconds * 2 * 180000);
		nla_put(msg, VMQOS_MEM_A_SWAPPED_HIST, sizeof(stored), stored);
		/* Each look finds more of it done; of more than 512 MiB, no more than that. */
		step = reclaim_left > 256 * mib ? 256 * mib : reclaim_left;
		reclaim_left -= step;
		reclaimed += step;
		if (reclaimed >= 1536 * mib)
			reclaim_left = 0;
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_UNMAPS, seconds * 20);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_PASSES, seconds / 5);
		nla_put_u64(msg, VMQOS_MEM_A_ZERO_SCAN_NS, seconds * 40 * UINT64_C(1000000));
	}
	nla_nest_end(msg, mem);
}

static void put_vm(struct nl_msg *msg, unsigned int place)
{
	struct fake_vm vm = vm_at(place);

	nla_put_u32(msg, VMQOS_VM_A_ID, vm.id);
	nla_put_string(msg, VMQOS_VM_A_NAME, vm.name);
	if (vm.has_uuid)
		nla_put(msg, VMQOS_VM_A_UUID, sizeof(vm.uuid), vm.uuid);
	nla_put_u32(msg, VMQOS_VM_A_PID, vm.pid);
	nla_put_u32(msg, VMQOS_VM_A_STATE, vm.state);
	nla_put_u32(msg, VMQOS_VM_A_VCPUS, vm.vcpus);
	nla_put_u32(msg, VMQOS_VM_A_VCPUS_ATTACHED, count_attached(&vm));
	nla_put_u64(msg, VMQOS_VM_A_ADOPTED_NS, START_NS - 10 * SECOND);
	vmqos_fake_policy_put(msg, &vm.policy, vm.vcpus);
}

static void put_vm_stat(struct nl_msg *msg, unsigned int place)
{
	struct fake_vm vm = vm_at(place);
	struct counters c = { 0 };
	unsigned int i;

	for (i = 0; i < vm.vcpus; i++)
		if (state_of(&vm, i) != VMQOS_VCPU_STATE_UNSTARTED)
			count(&c, place, i);
	nla_put_u32(msg, VMQOS_VM_STAT_A_ID, vm.id);
	nla_put_string(msg, VMQOS_VM_STAT_A_NAME, vm.name);
	nla_put_u64(msg, VMQOS_VM_STAT_A_TIME_NS, now_ns());
	nla_put_u32(msg, VMQOS_VM_STAT_A_VCPUS, vm.vcpus);
	put_counters(msg, VMQOS_VM_STAT_A_STATS, &c, place % 8);
	if (!vmqos_fake.big_vms)
		put_mem(msg, place);
}

static void put_vcpu(struct nl_msg *msg, unsigned int place, unsigned int index)
{
	struct fake_vm vm = vm_at(place);
	uint32_t state = state_of(&vm, index);
	bool runs = state != VMQOS_VCPU_STATE_UNSTARTED && state != VMQOS_VCPU_STATE_LEFT;
	struct counters c = { 0 };

	if (state != VMQOS_VCPU_STATE_UNSTARTED)
		count(&c, place, index);
	nla_put_u32(msg, VMQOS_VCPU_A_VM_ID, vm.id);
	nla_put_u32(msg, VMQOS_VCPU_A_INDEX, index);
	nla_put_u32(msg, VMQOS_VCPU_A_VCPU_ID, index * 2);
	nla_put_u32(msg, VMQOS_VCPU_A_TID, runs ? vm.pid + 1 + index : 0);
	nla_put_u32(msg, VMQOS_VCPU_A_STATE, state);
	nla_put_u32(msg, VMQOS_VCPU_A_CPU, index % 2);
	nla_put_u32(msg, VMQOS_VCPU_A_NODE, 0);
	nla_put_u64(msg, VMQOS_VCPU_A_TIME_NS, now_ns());
	put_counters(msg, VMQOS_VCPU_A_STATS, &c, -1);
}

static uint32_t asked_node = UINT32_MAX;

static void put_host(struct nl_msg *msg)
{
	uint32_t cpus = asked_node == UINT32_MAX ? CPUS : CPUS / 2;
	uint32_t vcpus = 0;
	unsigned int i;

	for (i = 0; i < vmqos_fake_vm_count(); i++)
		vcpus += vmqos_fake_vcpu_count(i);
	nla_put_string(msg, VMQOS_HOST_A_VERSION, "0.1.0");
	nla_put_u32(msg, VMQOS_HOST_A_CPUS, cpus);
	nla_put_u32(msg, VMQOS_HOST_A_NODES, nodes);
	nla_put_u32(msg, VMQOS_HOST_A_CPU_KHZ, 2794748);
	nla_put_u64(msg, VMQOS_HOST_A_CAPACITY_MHZ, cpus * 2794748 / 1000);
	nla_put_u64(msg, VMQOS_HOST_A_TIME_NS, now_ns());
	nla_put_u64(msg, VMQOS_HOST_A_IDLE_NS,
		    now_ns() / 4 * cpus + (asked_node == 1 ? now_ns() : 0));
	nla_put_u32(msg, VMQOS_HOST_A_VMS, vmqos_fake_vm_count());
	nla_put_u32(msg, VMQOS_HOST_A_VCPUS, vcpus);
	nla_put_u32(msg, VMQOS_HOST_A_VCPU_BYTES, 768);
	nla_put_u32(msg, VMQOS_HOST_A_GUEST_TIME, guest_time);
	nla_put_u32(msg, VMQOS_HOST_A_SCAN_PERIOD_MS, scan_period_ms);
	if (asked_node != UINT32_MAX)
		nla_put_u32(msg, VMQOS_HOST_A_NODE, asked_node);
	vmqos_fake_host_put(msg, &host_policy, reserved_but(VMS_MAX), CAPACITY);
	asked_node = UINT32_MAX;
}

static void put_unmet(struct nl_msg *msg, unsigned int place)
{
	nla_put_u32(msg, VMQOS_VM_UNMET_A_ID, vms[place].id);
	nla_put_string(msg, VMQOS_VM_UNMET_A_NAME, vms[place].name);
	nla_put_u64(msg, VMQOS_VM_UNMET_A_TIME_NS, now_ns());
	nla_put_u32(msg, VMQOS_VM_UNMET_A_CPU_RESERVATION, vms[place].policy.reservation);
	nla_put_u32(msg, VMQOS_VM_UNMET_A_CPU_RECEIVED, vms[place].policy.reservation / 2);
	nla_put_u32(msg, VMQOS_VM_UNMET_A_REASON, VMQOS_UNMET_REASON_AFFINITY);
}

void vmqos_fake_put(struct nl_msg *msg, uint8_t cmd, unsigned int vm, unsigned int vcpu)
{
	switch (cmd) {
	case VMQOS_CMD_HOST_GET:
	case VMQOS_CMD_HOST_SET:
	case VMQOS_CMD_HOST_CHANGE_NTF:
		put_host(msg);
		break;
	case VMQOS_CMD_VM_STAT_GET:
		put_vm_stat(msg, vm);
		break;
	case VMQOS_CMD_VCPU_STAT_GET:
	case VMQOS_CMD_VCPU_NTF:
		put_vcpu(msg, vm, vcpu);
		break;
	case VMQOS_CMD_VM_UNMET_NTF:
		put_unmet(msg, vm);
		break;
	case VMQOS_CMD_MEM_RANGE_GET:
		vmqos_fake_range_put(msg, vmqos_fake_vm_id(vm), vm);
		break;
	case VMQOS_CMD_VIRTIO_ADD:
	case VMQOS_CMD_VIRTIO_DEL:
	case VMQOS_CMD_VIRTIO_GET:
		vmqos_fake_device_put(msg, vm);
		break;
	case VMQOS_CMD_BALLOON_GET:
	case VMQOS_CMD_BALLOON_SET:
	case VMQOS_CMD_BALLOON_NTF:
		vmqos_fake_balloon_put(msg, vm);
		break;
	default:
		put_vm(msg, vm);
	}
}

static bool find_vm(struct nlattr *attrs, int size, int id_attr, int name_attr, unsigned int *vm)
{
	struct nlattr *id = nla_find(attrs, size, id_attr);
	struct nlattr *name = name_attr ? nla_find(attrs, size, name_attr) : NULL;
	unsigned int i;

	for (i = 0; i < vm_count; i++) {
		if (id ? vms[i].id == nla_get_u32(id) : name && !nla_strcmp(name, vms[i].name)) {
			*vm = i;
			return true;
		}
	}
	return false;
}

/* Name, UUID and CPU policy of a request, refused when another VM has the name. */
static int take_settings(struct nlattr *attrs, int size, unsigned int vm, const char **sentence,
			 int *blame)
{
	struct nlattr *name = nla_find(attrs, size, VMQOS_VM_A_NAME);
	struct nlattr *uuid = nla_find(attrs, size, VMQOS_VM_A_UUID);
	unsigned int i;
	int err;

	for (i = 0; name && i < vm_count; i++) {
		if (i == vm || nla_strcmp(name, vms[i].name))
			continue;
		*sentence = "another adopted VM has this name; give a name of its own";
		*blame = VMQOS_VM_A_NAME;
		return -EEXIST;
	}
	err = vmqos_fake_policy_take(attrs, size, &vms[vm].policy,
				     CAPACITY - host_policy.kept - reserved_but(vm), sentence,
				     blame);
	if (err)
		return err;
	if (name)
		nla_strlcpy(vms[vm].name, name, sizeof(vms[vm].name));
	if (uuid) {
		memcpy(vms[vm].uuid, nla_data(uuid), VMQOS_UUID_SIZE);
		vms[vm].has_uuid = true;
	}
	return 0;
}

static int adopt(struct nlattr *attrs, int size, unsigned int *vm, const char **sentence,
		 int *blame)
{
	struct nlattr *pid = nla_find(attrs, size, VMQOS_VM_A_PID);
	struct fake_vm *new = &vms[vm_count];
	int err;

	if (vm_count == VMS_MAX) {
		*sentence = "the fake kernel has no room for another VM";
		return -ENOSPC;
	}
	memset(new, 0, sizeof(*new));
	err = take_settings(attrs, size, vm_count, sentence, blame);
	if (err)
		return err;
	new->id = next_id++;
	new->pid = pid ? nla_get_u32(pid) : 0;
	new->vcpus = 1;
	new->vcpu_states[0] = VMQOS_VCPU_STATE_ATTACHED;
	*vm = vm_count++;
	return 0;
}

static int set_host(struct nlattr *attrs, int size, const char **sentence, int *blame)
{
	struct nlattr *guest = nla_find(attrs, size, VMQOS_HOST_A_GUEST_TIME);
	struct nlattr *scan = nla_find(attrs, size, VMQOS_HOST_A_SCAN_PERIOD_MS);
	int err;

	if (scan && (nla_get_u32(scan) < 10 || nla_get_u32(scan) > 10000)) {
		*sentence = "the scan period is to be from 10 to 10000 ms";
		*blame = VMQOS_HOST_A_SCAN_PERIOD_MS;
		return -ERANGE;
	}
	err = vmqos_fake_host_take(attrs, size, &host_policy, reserved_but(VMS_MAX), CAPACITY,
				   sentence, blame);
	if (err)
		return err;
	if (scan)
		scan_period_ms = nla_get_u32(scan);
	if (guest)
		guest_time = nla_get_u32(guest);
	return 0;
}

static int get_host(struct nlattr *attrs, int size, const char **sentence, int *blame)
{
	struct nlattr *node = nla_find(attrs, size, VMQOS_HOST_A_NODE);

	if (!node) {
		ticks++;
		return 0;
	}
	if (nla_get_u32(node) >= nodes) {
		*sentence = "there is no such NUMA node online";
		*blame = VMQOS_HOST_A_NODE;
		return -ENOENT;
	}
	asked_node = nla_get_u32(node);
	return 0;
}

static int get_vcpu(struct nlattr *attrs, int size, unsigned int vm, unsigned int *vcpu,
		    const char **sentence)
{
	struct nlattr *index = nla_find(attrs, size, VMQOS_VCPU_A_INDEX);

	if (!index || nla_get_u32(index) >= vms[vm].vcpus) {
		*sentence = "the VM has no such vCPU";
		return -ENOENT;
	}
	*vcpu = nla_get_u32(index);
	return 0;
}

/* Of a device by its own name, or of that of a VM. */
static int handle_device(uint8_t cmd, struct nlattr *attrs, int size, unsigned int *place,
			 const char **sentence, int *blame)
{
	bool balloon = cmd == VMQOS_CMD_BALLOON_GET || cmd == VMQOS_CMD_BALLOON_SET;
	unsigned int vm = 0;
	bool named = balloon && !nla_find(attrs, size, VMQOS_BALLOON_A_DEVICE);

	if (named && !find_vm(attrs, size, VMQOS_BALLOON_A_ID, VMQOS_BALLOON_A_NAME, &vm)) {
		*sentence = "no adopted VM has this id or name";
		return -ENOENT;
	}
	return vmqos_fake_balloon_handle(cmd, attrs, size, named ? (int)vm : -1, place, sentence,
					 blame);
}

int vmqos_fake_handle(uint8_t cmd, struct nlattr *attrs, int size, unsigned int *vm,
		      unsigned int *vcpu, const char **sentence, int *blame)
{
	bool found;

	switch (cmd) {
	case VMQOS_CMD_HOST_GET:
		return get_host(attrs, size, sentence, blame);
	case VMQOS_CMD_HOST_SET:
		return set_host(attrs, size, sentence, blame);
	case VMQOS_CMD_VM_ADOPT:
		return adopt(attrs, size, vm, sentence, blame);
	case VMQOS_CMD_VIRTIO_ADD:
	case VMQOS_CMD_VIRTIO_DEL:
	case VMQOS_CMD_VIRTIO_GET:
	case VMQOS_CMD_BALLOON_GET:
	case VMQOS_CMD_BALLOON_SET:
		return handle_device(cmd, attrs, size, vm, sentence, blame);
	case VMQOS_CMD_VCPU_STAT_GET:
		found = find_vm(attrs, size, VMQOS_VCPU_A_VM_ID, 0, vm);
		break;
	case VMQOS_CMD_VM_STAT_GET:
		found = find_vm(attrs, size, VMQOS_VM_STAT_A_ID, VMQOS_VM_STAT_A_NAME, vm);
		break;
	default:
		found = find_vm(attrs, size, VMQOS_VM_A_ID, VMQOS_VM_A_NAME, vm);
	}
	if (!found) {
		*sentence = "no adopted VM has this id or name";
		return -ENOENT;
	}
	if (cmd == VMQOS_CMD_VM_SET)
		return take_settings(attrs, size, *vm, sentence, blame);
	if (cmd == VMQOS_CMD_MEM_RANGE_GET)
		vmqos_fake_range_ask(attrs, size);
	if (cmd == VMQOS_CMD_VM_RECLAIM)
		return reclaim(attrs, size, *vm, sentence);
	if (cmd == VMQOS_CMD_VCPU_STAT_GET)
		return get_vcpu(attrs, size, *vm, vcpu, sentence);
	if (cmd == VMQOS_CMD_VM_RELEASE) {
		vms[*vm].state = VMQOS_VM_STATE_RELEASING;
		vms[*vm].leaving = !vmqos_fake.stuck;
	}
	return 0;
}

void vmqos_fake_settle(void)
{
	unsigned int i = 0;

	while (i < vm_count) {
		if (!vms[i].leaving) {
			i++;
			continue;
		}
		vmqos_fake_event(VMQOS_CMD_VM_RELEASE_NTF, i, 0);
		memmove(&vms[i], &vms[i + 1], (--vm_count - i) * sizeof(vms[0]));
	}
}

void vmqos_fake_script(const char *words)
{
	if (!words)
		return;
	vmqos_fake.loaded = !strstr(words, "absent");
	vmqos_fake.stuck = strstr(words, "stuck");
	vmqos_fake.lose = strstr(words, "lose");
	if (strstr(words, "empty"))
		vm_count = 0;
	if (strstr(words, "nodes"))
		nodes = 2;
	vmqos_fake_pages_script(words);
	vmqos_fake_balloon_script(words);
	if (strstr(words, "no-guest-time"))
		guest_time = VMQOS_SWITCH_OFF;
	if (strstr(words, "events")) {
		vmqos_fake_event(VMQOS_CMD_VM_ADOPT_NTF, 0, 0);
		vmqos_fake_event(VMQOS_CMD_VCPU_NTF, 0, 1);
		vmqos_fake_event(VMQOS_CMD_VCPU_NTF, 1, 3);
		vmqos_fake_event(VMQOS_CMD_VM_CHANGE_NTF, 1, 0);
		vmqos_fake_event(VMQOS_CMD_HOST_CHANGE_NTF, 0, 0);
		vmqos_fake_event(VMQOS_CMD_VM_RELEASE_NTF, 2, 0);
		vmqos_fake_event(VMQOS_CMD_VM_UNMET_NTF, 1, 0);
		vmqos_fake_event(VMQOS_CMD_BALLOON_NTF, 0, 0);
		/* Told only: events that wait already carry the family's number. */
		vmqos_fake_unload();
		vmqos_fake_load();
		vmqos_fake.family--;
		vmqos_fake.group--;
	}
}
