// SPDX-License-Identifier: GPL-2.0
/* Requests, dumps and events against a kernel of our own. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <linux/vmqos.h>
#include <vmqos/vmqos.h>

#include "check.h"
#include "fake_kernel.h"

static struct vmqos *begin(void)
{
	struct vmqos *ctx;

	vmqos_fake_reset();
	CHECK_EQ(vmqos_open(&ctx), 0);
	return ctx;
}

static void end(struct vmqos *ctx)
{
	vmqos_close(ctx);
	CHECK_EQ(vmqos_fake.sockets, 0);
}

static void host(void)
{
	struct vmqos_host_settings settings = { .set = VMQOS_HAS(VMQOS_HOST_SCAN_PERIOD_MS),
						.scan_period_ms = 500 };
	struct vmqos *ctx = begin();
	struct vmqos_host got;

	CHECK_EQ(vmqos_host_get(ctx, -1, &got), 0);
	CHECK_EQ(got.cpus, 4);
	CHECK_EQ(got.cpu_khz, 2794748);
	CHECK_STR(got.version, "0.1.0");
	CHECK(got.guest_time);
	CHECK(!(got.has & VMQOS_HAS(VMQOS_HOST_NODE)));
	CHECK_EQ(vmqos_host_get(ctx, 0, &got), 0);
	CHECK(got.has & VMQOS_HAS(VMQOS_HOST_NODE));
	CHECK_EQ(got.cpus, 2);
	CHECK_EQ(vmqos_host_get(ctx, 5, &got), -ENOENT);
	CHECK_STR(vmqos_error_attr(ctx), "node");

	CHECK_EQ(vmqos_host_set(ctx, &settings, &got), 0);
	CHECK_EQ(got.scan_period_ms, 500);
	CHECK(got.guest_time);
	settings.set = VMQOS_HAS(VMQOS_HOST_GUEST_TIME);
	CHECK_EQ(vmqos_host_set(ctx, &settings, NULL), 0);
	CHECK_EQ(vmqos_host_get(ctx, -1, &got), 0);
	CHECK(!got.guest_time);
	CHECK_EQ(got.scan_period_ms, 500);
	settings.set = VMQOS_HAS(VMQOS_HOST_SCAN_PERIOD_MS);
	settings.scan_period_ms = 9;
	CHECK_EQ(vmqos_host_set(ctx, &settings, NULL), -ERANGE);
	CHECK_STR(vmqos_error(ctx), "the scan period is to be from 10 to 10000 ms");
	CHECK_STR(vmqos_error_attr(ctx), "scan-period-ms");
	end(ctx);
}

static void vm(void)
{
	struct vmqos_vm_settings settings = { .set = VMQOS_HAS(VMQOS_VM_NAME), .name = "shop" };
	struct vmqos *ctx = begin();
	struct vmqos_vm *vms;
	struct vmqos_vm got;
	size_t count;

	CHECK_EQ(vmqos_vm_dump(ctx, &vms, &count), 0);
	CHECK_EQ(count, 3);
	if (count == 3) {
		CHECK_STR(vms[0].name, "web");
		CHECK(vms[0].has & VMQOS_HAS(VMQOS_VM_UUID));
		CHECK(!(vms[1].has & VMQOS_HAS(VMQOS_VM_UUID)));
		CHECK_EQ(vms[1].vcpus, 4);
		CHECK_EQ(vms[1].vcpus_attached, 1);
		CHECK_EQ(vms[2].id, 7);
	}
	free(vms);
	CHECK_EQ(vmqos_vm_get(ctx, 2, &got), 0);
	CHECK_STR(got.name, "db");
	CHECK_EQ(vmqos_vm_get(ctx, 3, &got), -ENOENT);
	CHECK_EQ(vmqos_vm_get_by_name(ctx, "web", &got), 0);
	CHECK_EQ(got.id, 1);
	CHECK_EQ(vmqos_vm_find(ctx, "7", &got), 0);
	CHECK_EQ(got.id, 7);
	CHECK_EQ(vmqos_vm_find(ctx, "db", &got), 0);
	CHECK_EQ(got.id, 2);
	CHECK_EQ(vmqos_vm_find(ctx, "6b1c430e-872b-4d17-9a22-5f0a3c9e1104", &got), 0);
	CHECK_EQ(got.id, 1);
	CHECK_EQ(vmqos_vm_find(ctx, "6B1C430E872B4D179A225F0A3C9E1104", &got), 0);
	CHECK_EQ(got.id, 1);
	CHECK_EQ(vmqos_vm_find(ctx, "00000000-0000-0000-0000-000000000000", &got), -ENOENT);
	settings.set = VMQOS_HAS(VMQOS_VM_UUID);
	CHECK_EQ(vmqos_uuid_parse("6b1c430e-872b-4d17-9a22-5f0a3c9e1104", settings.uuid), 0);
	CHECK_EQ(vmqos_vm_set(ctx, 2, &settings, NULL), 0);
	CHECK_EQ(vmqos_vm_find(ctx, "6b1c430e-872b-4d17-9a22-5f0a3c9e1104", &got), -ENOTUNIQ);
	settings.set = VMQOS_HAS(VMQOS_VM_NAME);
	CHECK_EQ(vmqos_vm_find(ctx, "3", &got), -ENOENT);
	CHECK_EQ(vmqos_vm_find(ctx, "a b", &got), -EINVAL);
	CHECK_EQ(vmqos_vm_find(ctx, "99999999999999999999", &got), -ENOENT);

	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, &got), 0);
	CHECK_STR(got.name, "shop");
	CHECK_EQ(vmqos_vm_set(ctx, 2, &settings, NULL), -EEXIST);
	CHECK_STR(vmqos_error_attr(ctx), "name");
	/* A number that is no VM's is a name. */
	strcpy(settings.name, "3");
	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, NULL), 0);
	CHECK_EQ(vmqos_vm_find(ctx, "3", &got), 0);
	CHECK_EQ(got.id, 1);
	end(ctx);
}

static void counters(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm_stat *stats;
	struct vmqos_vm_stat one;
	struct vmqos_vcpu *vcpus;
	struct vmqos_vcpu vcpu;
	size_t count;

	CHECK_EQ(vmqos_vm_stat_dump(ctx, &stats, &count), 0);
	CHECK_EQ(count, 3);
	CHECK_EQ(vmqos_vm_stat_get(ctx, 1, &one), 0);
	if (count == 3)
		CHECK(!memcmp(&one, &stats[0], sizeof(one)));
	free(stats);
	CHECK(one.stats.has & VMQOS_HAS(VMQOS_STATS_OTHER_RUN_NS));
	CHECK_EQ(one.stats.wall_ns, one.stats.run_ns + one.stats.ready_ns + one.stats.parked_ns +
		 one.stats.blocked_ns);
	CHECK_EQ(one.stats.exits, 20000);
	CHECK_EQ(one.stats.latency_hist[4], 1200);
	CHECK_EQ(one.stats.other_threads, 3);

	CHECK_EQ(vmqos_vcpu_stat_dump(ctx, 2, &vcpus, &count), 0);
	CHECK_EQ(count, 4);
	if (count == 4) {
		CHECK_EQ(vcpus[3].index, 3);
		CHECK_EQ(vcpus[3].tid, 0);
		CHECK_EQ(vcpus[3].state, VMQOS_VCPU_UNSTARTED);
		CHECK(!(vcpus[0].stats.has & VMQOS_HAS(VMQOS_STATS_OTHER_RUN_NS)));
	}
	free(vcpus);
	CHECK_EQ(vmqos_vcpu_stat_dump(ctx, 0, &vcpus, &count), 0);
	CHECK_EQ(count, 7);
	free(vcpus);
	CHECK_EQ(vmqos_vcpu_stat_get(ctx, 1, 1, &vcpu), 0);
	CHECK_EQ(vcpu.vcpu_id, 2);
	CHECK_EQ(vmqos_vcpu_stat_get(ctx, 1, 2, &vcpu), -ENOENT);
	end(ctx);
}

static void refusals(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm got;
	int echo;

	for (echo = 0; echo < 2; echo++) {
		vmqos_fake.echo = echo;
		vmqos_fake.refuse = -EBUSY;
		vmqos_fake.sentence = "a sentence of the kernel, 100 %s its own";
		vmqos_fake.blame = VMQOS_VM_A_ID;
		vmqos_fake.missing = 0;
		CHECK_EQ(vmqos_vm_get(ctx, 1, &got), -EBUSY);
		CHECK_STR(vmqos_error(ctx), "a sentence of the kernel, 100 %s its own");
		CHECK_STR(vmqos_error_attr(ctx), "id");

		vmqos_fake.refuse = -EINVAL;
		vmqos_fake.blame = 0;
		vmqos_fake.missing = VMQOS_VM_A_VM_FD;
		CHECK_EQ(vmqos_vm_adopt_fd(ctx, 0, 1, NULL, NULL), -EINVAL);
		CHECK_STR(vmqos_error_attr(ctx), "vm-fd");
		vmqos_fake.missing = 0;
	}
	/* An empty sentence is none. */
	vmqos_fake.sentence = "";
	vmqos_fake.refuse = -EBUSY;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), -EBUSY);
	CHECK(strlen(vmqos_error(ctx)) > 10);
	vmqos_fake.sentence = NULL;
	vmqos_fake.refuse = -EPERM;
	CHECK_EQ(vmqos_vm_release(ctx, 1, NULL), -EPERM);
	CHECK(strstr(vmqos_error(ctx), "root"));
	CHECK(!vmqos_error_attr(ctx));
	vmqos_fake.refuse = -EOPNOTSUPP;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), -EOPNOTSUPP);
	CHECK(strstr(vmqos_error(ctx), "same version"));
	/* After all of this requests go through. */
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), 0);
	end(ctx);
}

static void interrupted_dumps(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm *vms;
	size_t count;

	vmqos_fake.interrupt = 3;
	vmqos_fake.requests = 0;
	CHECK_EQ(vmqos_vm_dump(ctx, &vms, &count), 0);
	CHECK_EQ(count, 3);
	CHECK_EQ(vmqos_fake.requests, 4);
	free(vms);

	vmqos_fake.interrupt = 1000000;
	CHECK_EQ(vmqos_vm_dump(ctx, &vms, &count), -EAGAIN);
	CHECK(!vms && !count);
	vmqos_fake.interrupt = 0;
	CHECK_EQ(vmqos_vm_dump(ctx, &vms, &count), 0);
	free(vms);
	vmqos_fake.refuse = -ENOMEM;
	CHECK_EQ(vmqos_vm_dump(ctx, &vms, &count), -ENOMEM);
	end(ctx);
}

static void reload(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm *vms;
	struct vmqos_vm got;
	size_t count;

	/* Another number of the family is looked up without anybody noticing. */
	vmqos_fake.family = 77;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), 0);
	vmqos_fake.family = 78;
	CHECK_EQ(vmqos_vm_dump(ctx, &vms, &count), 0);
	CHECK_EQ(count, 3);
	free(vms);
	vmqos_fake.loaded = false;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), -ENODEV);
	CHECK(strstr(vmqos_error(ctx), "modprobe vmqos"));
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), -ENODEV);
	vmqos_fake.loaded = true;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), 0);
	CHECK_EQ(vmqos_vm_get(ctx, 99, &got), -ENOENT);
	end(ctx);

	vmqos_fake.loaded = false;
	CHECK_EQ(vmqos_open(&ctx), -ENODEV);
	CHECK(strstr(vmqos_error(ctx), "modprobe vmqos"));
	vmqos_fake.loaded = true;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), 0);
	end(ctx);
}

/* Answers that are cut short fail or end in time; they are never taken as whole. */
static void short_answers(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm got;
	size_t cut;
	int failed = 0;

	for (cut = 1; cut < 200; cut++) {
		vmqos_fake.cut = cut;
		failed += vmqos_vm_get(ctx, 1, &got) != 0;
	}
	CHECK_EQ(failed, 199);
	vmqos_fake.cut = 0;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), 0);
	end(ctx);
}

/* What an earlier request has left in the socket is nobody's answer. */
static void stale_answers(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm *vms;
	struct vmqos_vm got;
	size_t count;

	vmqos_fake.stale = true;
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), 0);
	CHECK_EQ(got.id, 1);
	CHECK_EQ(vmqos_vm_dump(ctx, &vms, &count), 0);
	CHECK_EQ(count, 3);
	free(vms);
	end(ctx);
}

static void events(void)
{
	static const unsigned int expected[] = {
		VMQOS_EVENT_VM_ADOPT, VMQOS_EVENT_VCPU, VMQOS_EVENT_HOST_CHANGE,
		VMQOS_EVENT_VM_CHANGE, VMQOS_EVENT_VM_RELEASE, VMQOS_EVENT_MODULE_GONE,
		VMQOS_EVENT_MODULE_LOADED, VMQOS_EVENT_VM_ADOPT,
	};
	struct vmqos *ctx = begin();
	struct vmqos_events *events;
	struct vmqos_event event;
	size_t i;

	CHECK_EQ(vmqos_events_open(ctx, &events), 0);
	CHECK_EQ(vmqos_events_next(events, &event, 0), 0);
	vmqos_fake_event(VMQOS_CMD_VM_ADOPT_NTF, 0, 0);
	vmqos_fake_event(VMQOS_CMD_VCPU_NTF, 1, 1);
	vmqos_fake_event(VMQOS_CMD_HOST_CHANGE_NTF, 0, 0);
	vmqos_fake_event(99, 0, 0);	/* of a newer module */
	vmqos_fake_event(VMQOS_CMD_VM_CHANGE_NTF, 0, 0);
	vmqos_fake_event(VMQOS_CMD_VM_RELEASE_NTF, 2, 0);
	vmqos_fake_unload();
	vmqos_fake_load();
	for (i = 0; i < 7; i++) {
		CHECK_EQ(vmqos_events_next(events, &event, -1), 1);
		CHECK_EQ(event.type, expected[i]);
		if (event.type == VMQOS_EVENT_VCPU) {
			CHECK_EQ(event.vcpu.vm_id, 2);
			CHECK_EQ(event.vcpu.index, 1);
		}
		if (event.type == VMQOS_EVENT_VM_RELEASE)
			CHECK_EQ(event.vm.id, 7);
		if (event.type == VMQOS_EVENT_HOST_CHANGE)
			CHECK_EQ(event.host.scan_period_ms, 100);
	}
	/* The group that was joined anew works. */
	vmqos_fake_event(VMQOS_CMD_VM_ADOPT_NTF, 1, 0);
	CHECK_EQ(vmqos_events_next(events, &event, 0), 1);
	CHECK_EQ(event.type, VMQOS_EVENT_VM_ADOPT);
	CHECK_EQ(event.vm.id, 2);
	vmqos_fake.lose = true;
	CHECK_EQ(vmqos_events_next(events, &event, 0), 1);
	CHECK_EQ(event.type, VMQOS_EVENT_LOST);
	CHECK_EQ(vmqos_events_next(events, &event, 5), 0);
	CHECK(vmqos_events_fd(events) >= 0);
	vmqos_events_close(events);
	end(ctx);
}

static void events_without_module(void)
{
	struct vmqos_events *events;
	struct vmqos_event event;
	struct vmqos *ctx;

	vmqos_fake_reset();
	vmqos_fake.loaded = false;
	CHECK_EQ(vmqos_open(&ctx), -ENODEV);
	CHECK_EQ(vmqos_events_open(ctx, &events), 0);
	CHECK_EQ(vmqos_events_next(events, &event, 0), 0);
	vmqos_fake_load();
	CHECK_EQ(vmqos_events_next(events, &event, 0), 1);
	CHECK_EQ(event.type, VMQOS_EVENT_MODULE_LOADED);
	vmqos_events_close(events);
	end(ctx);
}

static void release(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_holder *holders;
	struct vmqos_vm got;
	size_t count;

	CHECK_EQ(vmqos_vm_release_wait(ctx, 1, 1000), 0);
	CHECK_EQ(vmqos_vm_get(ctx, 1, &got), -ENOENT);
	CHECK_EQ(vmqos_vm_release_wait(ctx, 1, 1000), -ENOENT);
	vmqos_fake.stuck = true;
	CHECK_EQ(vmqos_vm_release_wait(ctx, 2, 10), -ETIMEDOUT);
	CHECK_EQ(vmqos_vm_get(ctx, 2, &got), 0);
	CHECK_EQ(got.state, VMQOS_VM_RELEASING);
	CHECK_EQ(vmqos_vm_holders(ctx, 2, &holders, &count), 0);
	CHECK_EQ(count, 2);
	if (count == 2) {
		CHECK_EQ(holders[0].tid, 1303);
		CHECK_EQ(holders[1].vcpu, 1);
	}
	free(holders);
	/* Events that are lost are made good by looking. */
	vmqos_fake.stuck = false;
	vmqos_fake.lose = true;
	CHECK_EQ(vmqos_vm_release_wait(ctx, 2, 1000), 0);
	CHECK_EQ(vmqos_vm_release_wait(ctx, 7, -1), 0);
	end(ctx);
}

/* Of the CPU's: how long the others on this machine had it is no matter. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static double time_dump(struct vmqos *ctx, unsigned int vms)
{
	struct vmqos_vcpu *vcpus;
	double best = 1e9;
	size_t count;
	int i;

	vmqos_fake.big_vms = vms;
	vmqos_fake.big_vcpus = 4;
	for (i = 0; i < 3; i++) {
		double start = seconds();

		CHECK_EQ(vmqos_vcpu_stat_dump(ctx, 0, &vcpus, &count), 0);
		if (seconds() - start < best)
			best = seconds() - start;
		CHECK_EQ(count, vms * 4);
		CHECK_EQ(vcpus[count - 1].vm_id, vms);
		CHECK_EQ(vcpus[count - 1].index, 3);
		free(vcpus);
	}
	return best;
}

/* Ten times the VMs take about ten times as long, not a hundred times. */
static void many(void)
{
	struct vmqos *ctx = begin();
	double some, more;

	some = time_dump(ctx, 100);
	more = time_dump(ctx, 1000);
	printf("# 400 vCPUs in %.2f ms, 4000 in %.2f ms\n", some * 1e3, more * 1e3);
	CHECK(more < some * 40 + 0.02);
	end(ctx);
}

int main(void)
{
	RUN(host);
	RUN(vm);
	RUN(counters);
	RUN(refusals);
	RUN(interrupted_dumps);
	RUN(reload);
	RUN(short_answers);
	RUN(stale_answers);
	RUN(events);
	RUN(events_without_module);
	RUN(release);
	RUN(many);
	return end_tests();
}
