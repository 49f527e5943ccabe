// SPDX-License-Identifier: GPL-2.0
/* vmqos monitor */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "args.h"
#include "cli.h"
#include "clock.h"
#include "out.h"
#include "records.h"

static int parse(struct vmqos_cli *cli, int argc, char **argv, uint64_t *events)
{
	static const struct option longs[] = {
		{ "count", required_argument, NULL, 'c' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	int option;

	*events = UINT64_MAX;
	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		if (option != 'c')
			return VMQOS_EXIT_USAGE;
		result = vmqos_arg_number(cli, "--count", optarg, 1, UINT32_MAX, events);
	}
	if (!result && optind < argc)
		result = vmqos_say_usage(cli, "\"%s\" is one argument too many", argv[optind]);
	return result;
}

static void print_json(struct vmqos_cli *cli, const struct vmqos_event *event)
{
	struct vmqos_out *out = vmqos_out_begin(VMQOS_OUT_JSON_LINE);
	char text[VMQOS_CLOCK_SIZE];

	vmqos_clock_date(text);
	vmqos_out_str(out, "time", NULL, text);
	vmqos_out_str(out, "event", NULL, vmqos_event_name(event->type));
	switch (event->type) {
	case VMQOS_EVENT_HOST_CHANGE:
		vmqos_out_object(out, "host");
		vmqos_write_host(out, &event->host);
		vmqos_out_end(out);
		break;
	case VMQOS_EVENT_VM_ADOPT:
	case VMQOS_EVENT_VM_RELEASE:
	case VMQOS_EVENT_VM_CHANGE:
		vmqos_out_object(out, "vm");
		vmqos_write_vm(out, &event->vm, vmqos_cli_khz(cli));
		vmqos_out_end(out);
		break;
	case VMQOS_EVENT_VCPU:
		vmqos_out_object(out, "vcpu");
		vmqos_out_u64(out, "vm_id", NULL, event->vcpu.vm_id);
		vmqos_write_vcpu(out, &event->vcpu);
		vmqos_out_end(out);
		break;
	case VMQOS_EVENT_VM_UNMET:
		vmqos_out_object(out, "unmet");
		vmqos_write_unmet(out, &event->unmet, vmqos_cli_khz(cli));
		vmqos_out_end(out);
		break;
	case VMQOS_EVENT_BALLOON:
		vmqos_out_object(out, "balloon");
		vmqos_write_balloon(out, &event->balloon);
		vmqos_out_end(out);
		break;
	}
	vmqos_out_finish(out);
}

/* What the policy of a VM says, as far as it says something. */
static void print_policy(const struct vmqos_vm *vm, uint32_t cpu_khz)
{
	char text[VMQOS_CPU_TEXT], bytes[VMQOS_BYTES_TEXT];

	if (!(vm->has & VMQOS_HAS(VMQOS_VM_CPU_SHARES)))
		return;
	printf(", cpu-shares %u", vm->cpu_shares);
	if (vm->cpu_reservation)
		printf(", cpu-reservation %s",
		       vmqos_cpu_format(vm->cpu_reservation, cpu_khz, text, sizeof(text)));
	if (vm->cpu_limit)
		printf(", cpu-limit %s",
		       vmqos_cpu_format(vm->cpu_limit, cpu_khz, text, sizeof(text)));
	if (vm->cpu_latency != VMQOS_LATENCY_NORMAL)
		printf(", cpu-latency %s", vmqos_cpu_latency_name(vm->cpu_latency));
	if (!vm->cpu_charge_others)
		fputs(", cpu-charge-others off", stdout);
	if (vm->mem_share_zero != VMQOS_ZERO_MOUNT)
		printf(", mem-share-zero %s", vmqos_mem_share_zero_name(vm->mem_share_zero));
	if (vm->mem_limit)
		printf(", mem-limit %s", vmqos_bytes_format(vm->mem_limit, bytes, sizeof(bytes)));
}

static void print_unmet(const struct vmqos_unmet *unmet, uint32_t cpu_khz)
{
	char reserved[VMQOS_CPU_TEXT], received[VMQOS_CPU_TEXT];

	printf(" %s: VM %u, %s reserved, %s received, reason %s", unmet->name, unmet->id,
	       vmqos_cpu_format(unmet->cpu_reservation, cpu_khz, reserved, sizeof(reserved)),
	       vmqos_cpu_format(unmet->cpu_received, cpu_khz, received, sizeof(received)),
	       vmqos_unmet_reason_name(unmet->reason));
}

static void print_balloon(const struct vmqos_balloon *balloon)
{
	char actual[VMQOS_BYTES_TEXT], target[VMQOS_BYTES_TEXT];

	printf(" %s: %s of %s, %s", balloon->id ? balloon->name : balloon->device,
	       vmqos_bytes_format(balloon->actual, actual, sizeof(actual)),
	       vmqos_bytes_format(balloon->target, target, sizeof(target)),
	       vmqos_balloon_state_name(balloon->state));
	if (*balloon->reason)
		printf(", reason %s", balloon->reason);
}

static void print_text(struct vmqos_cli *cli, const struct vmqos_event *event)
{
	char text[VMQOS_CLOCK_SIZE];
	char kept[VMQOS_CPU_TEXT];

	vmqos_clock_time(text);
	printf("%s %-13s", text, vmqos_event_name(event->type));
	switch (event->type) {
	case VMQOS_EVENT_HOST_CHANGE:
		printf(" guest-time %s, scan-period %u ms", event->host.guest_time ? "on" : "off",
		       event->host.scan_period_ms);
		if (event->host.has & VMQOS_HAS(VMQOS_HOST_CPU_KEPT))
			printf(", cpu-kept %s, cpu-gate %s, cpu-slice %u us",
			       vmqos_cpu_format(event->host.cpu_kept, event->host.cpu_khz, kept,
						sizeof(kept)),
			       event->host.cpu_gate ? "on" : "off", event->host.cpu_slice_us);
		break;
	case VMQOS_EVENT_VM_ADOPT:
	case VMQOS_EVENT_VM_RELEASE:
	case VMQOS_EVENT_VM_CHANGE:
		printf(" %s: VM %u, process %u, %u vCPU%s, %s", event->vm.name, event->vm.id,
		       event->vm.pid, event->vm.vcpus, vmqos_plural(event->vm.vcpus),
		       vmqos_vm_state_name(event->vm.state));
		if (event->type != VMQOS_EVENT_VM_RELEASE)
			print_policy(&event->vm, vmqos_cli_khz(cli));
		break;
	case VMQOS_EVENT_VCPU:
		printf(" VM %u vCPU %u: %s", event->vcpu.vm_id, event->vcpu.index,
		       vmqos_vcpu_state_name(event->vcpu.state));
		if (event->vcpu.tid)
			printf(", thread %u", event->vcpu.tid);
		break;
	case VMQOS_EVENT_VM_UNMET:
		print_unmet(&event->unmet, vmqos_cli_khz(cli));
		break;
	case VMQOS_EVENT_BALLOON:
		print_balloon(&event->balloon);
		break;
	case VMQOS_EVENT_LOST:
		fputs(" events came faster than they were read, some are lost", stdout);
		break;
	case VMQOS_EVENT_MODULE_GONE:
		fputs(" the kernel module vmqos was unloaded", stdout);
		break;
	case VMQOS_EVENT_MODULE_LOADED:
		fputs(" the kernel module vmqos was loaded", stdout);
		break;
	}
	putchar('\n');
}

static int run_monitor(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_events *events;
	struct vmqos_event event;
	uint64_t count;
	int result;
	int answer;

	result = parse(cli, argc, argv, &count);
	if (result)
		return result;
	if (vmqos_events_open(cli->ctx, &events))
		return vmqos_say_failure(cli);
	if (cli->open_error == -ENODEV)
		vmqos_say("the kernel module vmqos is not loaded; waiting for it");
	while (count) {
		answer = vmqos_events_next(events, &event, -1);
		if (answer == -EINTR || !answer)
			continue;
		if (answer < 0) {
			result = vmqos_say_failure(cli);
			break;
		}
		if (cli->json)
			print_json(cli, &event);
		else
			print_text(cli, &event);
		/* Each line is seen at once, and a reader that left ends us. */
		if (fflush(stdout)) {
			result = VMQOS_EXIT_FAILED;
			break;
		}
		count--;
	}
	vmqos_events_close(events);
	return result;
}

const struct vmqos_command vmqos_cmd_monitor = {
	.name = "monitor",
	.usage = "[--count N]",
	.summary = "Print events as they happen, one line each",
	.options =
	"  --count N  end after N events\n",
	.run = run_monitor,
};
