// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: answers and events of the kernel. The fake kernel answers as
 * it should, then the input changes the datagrams: its first byte says which
 * request, the second how many bytes are cut off the end, and each four bytes
 * that follow put a byte at a place of a datagram.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/vmqos.h>
#include <vmqos/vmqos.h>

#include "../tests/fake_kernel.h"
#include "fuzz.h"

const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	VMQOS_FUZZ_SEED("\x00\x00"),
	VMQOS_FUZZ_SEED("\x01\x00\x00\x10\x00\x00"),
	VMQOS_FUZZ_SEED("\x02\x04\x00\x00\x00\xff"),
	VMQOS_FUZZ_SEED("\x03\x00\x00\x14\x00\x00\x01\x14\x00\xff"),
	VMQOS_FUZZ_SEED("\x04\x00\x00\x04\x00\x02"),
	VMQOS_FUZZ_SEED("\x05\x00\x00\x04\x00\x03"),
	VMQOS_FUZZ_SEED("\x06\x00\x00\x06\x00\x00"),
	VMQOS_FUZZ_SEED("\x07\x00\x00\x18\x00\x01"),
	{ 0 }
};

static const uint8_t *input;
static size_t input_size;
static unsigned int datagrams;

static size_t change(void *datagram, size_t size)
{
	uint8_t *bytes = datagram;
	size_t i;

	for (i = 2; i + 3 < input_size; i += 4) {
		size_t at = input[i + 1] | input[i + 2] << 8;

		if (input[i] % 4 == datagrams % 4 && at < size)
			bytes[at] = input[i + 3];
	}
	datagrams++;
	return size > input[1] ? size - input[1] : 0;
}

static void check_vm(const struct vmqos_vm *vm)
{
	if (!memchr(vm->name, '\0', sizeof(vm->name)) ||
	    !(vm->has & VMQOS_HAS(VMQOS_VM_ID)))
		abort();
}

static void check_error(struct vmqos *ctx, int err)
{
	const char *sentence = vmqos_error(ctx);

	if (err > 0 || (err && (!*sentence || strlen(sentence) > 511)))
		abort();
}

static void dumps(struct vmqos *ctx, unsigned int which)
{
	struct vmqos_vm_stat *stats = NULL;
	struct vmqos_vcpu *vcpus = NULL;
	struct vmqos_vm *vms = NULL;
	size_t count, i;
	int err;

	if (which == 0) {
		err = vmqos_vm_dump(ctx, &vms, &count);
		for (i = 0; i < count; i++)
			check_vm(&vms[i]);
	} else if (which == 1) {
		err = vmqos_vm_stat_dump(ctx, &stats, &count);
		for (i = 0; i < count; i++)
			if (!memchr(stats[i].name, '\0', sizeof(stats[i].name)) ||
			    (i && stats[i].id < stats[i - 1].id))
				abort();
	} else {
		err = vmqos_vcpu_stat_dump(ctx, 0, &vcpus, &count);
		for (i = 1; i < count; i++)
			if (vcpus[i].vm_id < vcpus[i - 1].vm_id)
				abort();
	}
	if (err && count)
		abort();
	check_error(ctx, err);
	free(vms);
	free(stats);
	free(vcpus);
}

static void listen(struct vmqos *ctx)
{
	struct vmqos_events *events;
	struct vmqos_event event;
	int rounds = 0;
	int answer;

	if (vmqos_events_open(ctx, &events))
		abort();
	vmqos_fake_event(VMQOS_CMD_VM_ADOPT_NTF, 0, 0);
	vmqos_fake_event(VMQOS_CMD_VCPU_NTF, 0, 0);
	vmqos_fake_event(VMQOS_CMD_HOST_CHANGE_NTF, 0, 0);
	vmqos_fake_unload();
	vmqos_fake_load();
	/* Each datagram gives one event at most, or an error. */
	while ((answer = vmqos_events_next(events, &event, 0)) && rounds++ < 100) {
		if (answer < 0)
			check_error(ctx, answer);
		else if (!strcmp(vmqos_event_name(event.type), "unknown"))
			abort();
	}
	if (answer)
		abort();
	vmqos_events_close(events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmqos_host host;
	struct vmqos_vcpu vcpu;
	struct vmqos_vm vm;
	struct vmqos *ctx;
	int err;

	if (size < 2)
		return 0;
	vmqos_fake_reset();
	if (vmqos_open(&ctx))
		abort();
	input = data;
	input_size = size;
	datagrams = 0;
	vmqos_fake.mutate = change;
	switch (data[0] % 8) {
	case 0:
	case 1:
	case 2:
		dumps(ctx, data[0] % 8);
		break;
	case 3:
		err = vmqos_host_get(ctx, -1, &host);
		check_error(ctx, err);
		if (!err && !memchr(host.version, '\0', sizeof(host.version)))
			abort();
		break;
	case 4:
		err = vmqos_vm_get(ctx, 1, &vm);
		check_error(ctx, err);
		if (!err)
			check_vm(&vm);
		break;
	case 5:
		vmqos_fake.refuse = -22;
		vmqos_fake.sentence = "a sentence";
		vmqos_fake.blame = VMQOS_VM_A_ID;
		vmqos_fake.echo = data[0] & 8;
		check_error(ctx, vmqos_vm_release(ctx, 1, NULL));
		break;
	case 6:
		check_error(ctx, vmqos_vcpu_stat_get(ctx, 1, 0, &vcpu));
		break;
	default:
		listen(ctx);
	}
	/* Whatever came, the next request works. */
	vmqos_fake.mutate = NULL;
	vmqos_fake.refuse = 0;
	if (vmqos_vm_get(ctx, 2, &vm) || vm.id != 2)
		abort();
	vmqos_close(ctx);
	if (vmqos_fake.sockets)
		abort();
	return 0;
}
