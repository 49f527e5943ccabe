// SPDX-License-Identifier: GPL-2.0
/* CPU policies of VMs and of the host, against a kernel of our own. */
#include <errno.h>

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

static void reading(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm vm;

	CHECK_EQ(vmqos_vm_get_by_name(ctx, "web", &vm), 0);
	CHECK_EQ(vm.cpu_shares, 2000);
	CHECK_EQ(vm.cpu_shares_level, VMQOS_CPU_NORMAL);
	CHECK_EQ(vm.cpu_reservation, 0);
	CHECK_EQ(vm.cpu_limit, 0);
	CHECK_EQ(vm.cpu_latency, VMQOS_LATENCY_NORMAL);
	CHECK(vm.cpu_charge_others);
	CHECK(vm.has & VMQOS_HAS(VMQOS_VM_CPU_ENTITLED));
	CHECK_EQ(vmqos_vm_get_by_name(ctx, "db", &vm), 0);
	CHECK_EQ(vm.cpu_shares, 3000);
	CHECK_EQ(vm.cpu_shares_level, VMQOS_CPU_CUSTOM);
	CHECK_EQ(vm.cpu_reservation, 1500000);
	CHECK_EQ(vm.cpu_limit, 2000000);
	CHECK_EQ(vm.cpu_latency, VMQOS_LATENCY_LOW);
	CHECK(!vm.cpu_charge_others);
	CHECK_EQ(vm.cpu_entitled, 750000);
	end(ctx);
}

/* What is set comes back; what is not set stays; all goes in one request. */
static void changing(void)
{
	struct vmqos_vm_settings settings = {
		.set = VMQOS_HAS(VMQOS_VM_NAME) | VMQOS_HAS(VMQOS_VM_CPU_SHARES) |
		       VMQOS_HAS(VMQOS_VM_CPU_RESERVATION) | VMQOS_HAS(VMQOS_VM_CPU_LIMIT) |
		       VMQOS_HAS(VMQOS_VM_CPU_LATENCY) | VMQOS_HAS(VMQOS_VM_CPU_CHARGE_OTHERS),
		.name = "shop",
		.cpu_shares = 700,
		.cpu_shares_level = VMQOS_CPU_HIGH,	/* not set, so not sent */
		.cpu_reservation = 500000,
		.cpu_limit = 1000000,
		.cpu_latency = VMQOS_LATENCY_LOW,
	};
	struct vmqos *ctx = begin();
	unsigned int requests;
	struct vmqos_vm vm;

	requests = vmqos_fake.requests;
	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, &vm), 0);
	CHECK_EQ(vmqos_fake.requests, requests + 1);
	CHECK_STR(vm.name, "shop");
	CHECK_EQ(vm.cpu_shares, 700);
	CHECK_EQ(vm.cpu_shares_level, VMQOS_CPU_CUSTOM);
	CHECK_EQ(vm.cpu_reservation, 500000);
	CHECK_EQ(vm.cpu_limit, 1000000);
	CHECK_EQ(vm.cpu_latency, VMQOS_LATENCY_LOW);
	CHECK(!vm.cpu_charge_others);

	settings.set = VMQOS_HAS(VMQOS_VM_CPU_SHARES_LEVEL);
	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, &vm), 0);
	CHECK_EQ(vm.cpu_shares, 4000);
	CHECK_EQ(vm.cpu_shares_level, VMQOS_CPU_HIGH);
	CHECK_EQ(vm.cpu_limit, 1000000);
	settings.set = VMQOS_HAS(VMQOS_VM_CPU_CHARGE_OTHERS);
	settings.cpu_charge_others = true;
	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, &vm), 0);
	CHECK(vm.cpu_charge_others);
	CHECK_EQ(vm.cpu_latency, VMQOS_LATENCY_LOW);
	end(ctx);
}

static void refusing(void)
{
	struct vmqos_vm_settings settings = {
		.set = VMQOS_HAS(VMQOS_VM_NAME) | VMQOS_HAS(VMQOS_VM_CPU_RESERVATION),
		.name = "shop",
		.cpu_reservation = 2000001,
	};
	struct vmqos *ctx = begin();
	struct vmqos_vm vm;

	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, NULL), -ENOSPC);
	CHECK_STR(vmqos_error_attr(ctx), "cpu-reservation");
	CHECK_STR(vmqos_error(ctx), "reservation of 2000001 millionths does not fit: 2000000 are left");
	CHECK_EQ(vmqos_vm_get(ctx, 1, &vm), 0);
	CHECK_STR(vm.name, "web");
	CHECK_EQ(vm.cpu_reservation, 0);
	settings.set = VMQOS_HAS(VMQOS_VM_CPU_LIMIT);
	settings.cpu_limit = VMQOS_CPU_LIMIT_MIN - 1;
	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, NULL), -ERANGE);
	CHECK_STR(vmqos_error_attr(ctx), "cpu-limit");
	settings.cpu_limit = VMQOS_CPU_LIMIT_MIN;
	CHECK_EQ(vmqos_vm_set(ctx, 1, &settings, NULL), 0);
	end(ctx);
}

static void of_the_host(void)
{
	struct vmqos_host_settings settings = {
		.set = VMQOS_HAS(VMQOS_HOST_CPU_KEPT) | VMQOS_HAS(VMQOS_HOST_CPU_GATE) |
		       VMQOS_HAS(VMQOS_HOST_CPU_SLICE_US),
		.cpu_kept = 1000000,
		.cpu_slice_us = 500,
	};
	struct vmqos *ctx = begin();
	struct vmqos_host host;

	CHECK_EQ(vmqos_host_get(ctx, -1, &host), 0);
	CHECK_EQ(host.cpu_kept, 500000);
	CHECK_EQ(host.cpu_reserved, 1500000);
	CHECK_EQ(host.cpu_unreserved, 2000000);
	CHECK(host.cpu_gate);
	CHECK_EQ(host.cpu_slice_us, 2000);
	CHECK_EQ(vmqos_host_set(ctx, &settings, &host), 0);
	CHECK_EQ(host.cpu_kept, 1000000);
	CHECK_EQ(host.cpu_unreserved, 1500000);
	CHECK(!host.cpu_gate);
	CHECK_EQ(host.cpu_slice_us, 500);
	settings.cpu_kept = 2500001;
	CHECK_EQ(vmqos_host_set(ctx, &settings, NULL), -ENOSPC);
	CHECK_STR(vmqos_error_attr(ctx), "cpu-kept");
	settings.set = VMQOS_HAS(VMQOS_HOST_CPU_SLICE_US);
	settings.cpu_slice_us = 499;
	CHECK_EQ(vmqos_host_set(ctx, &settings, NULL), -ERANGE);
	CHECK_STR(vmqos_error_attr(ctx), "cpu-slice-us");
	end(ctx);
}

static void counters(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_vm_stat vm;
	struct vmqos_vcpu vcpu;

	CHECK_EQ(vmqos_vm_stat_get(ctx, 1, &vm), 0);
	CHECK_EQ(vm.stats.parked_ns, 800000000);
	CHECK_EQ(vm.stats.limited_ns, 400000000);
	CHECK_EQ(vm.stats.parks, 240);
	CHECK_EQ(vm.stats.throttles, 80);
	CHECK_EQ(vm.stats.entitled_ns, 4000000000);
	CHECK_EQ(vm.stats.lag_ns, 2500000);
	CHECK_EQ(vmqos_vm_stat_get(ctx, 7, &vm), 0);
	CHECK_EQ(vm.stats.lag_ns, -2500000);
	CHECK_EQ((int64_t)vmqos_stats_value(&vm.stats, VMQOS_STATS_LAG_NS), -2500000);
	CHECK_EQ(vmqos_vcpu_stat_get(ctx, 1, 0, &vcpu), 0);
	CHECK_EQ(vcpu.stats.parked_ns, 400000000);
	CHECK(!(vcpu.stats.has & VMQOS_HAS(VMQOS_STATS_LAG_NS)));
	end(ctx);
}

static void unmet(void)
{
	struct vmqos *ctx = begin();
	struct vmqos_events *events;
	struct vmqos_event event;

	CHECK_EQ(vmqos_events_open(ctx, &events), 0);
	vmqos_fake_event(VMQOS_CMD_VM_UNMET_NTF, 1, 0);
	CHECK_EQ(vmqos_events_next(events, &event, 0), 1);
	CHECK_EQ(event.type, VMQOS_EVENT_VM_UNMET);
	CHECK_STR(vmqos_event_name(event.type), "vm-unmet");
	CHECK_EQ(event.unmet.id, 2);
	CHECK_STR(event.unmet.name, "db");
	CHECK_EQ(event.unmet.cpu_reservation, 1500000);
	CHECK_EQ(event.unmet.cpu_received, 750000);
	CHECK(event.unmet.time_ns);
	CHECK_STR(vmqos_unmet_reason_name(event.unmet.reason), "affinity");
	CHECK_STR(vmqos_unmet_reason_name(VMQOS_UNMET_CPUS_OFFLINE), "cpus-offline");
	CHECK_STR(vmqos_unmet_reason_name(99), "unknown");
	vmqos_events_close(events);
	end(ctx);
}

int main(void)
{
	RUN(reading);
	RUN(changing);
	RUN(refusing);
	RUN(of_the_host);
	RUN(counters);
	RUN(unmet);
	return end_tests();
}
