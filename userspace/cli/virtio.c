// SPDX-License-Identifier: GPL-2.0
/* vmqos virtio */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "out.h"

/* An object in JSON, and a row of the list. */
static void write_device(struct vmqos_out *out, const struct vmqos_device *device)
{
	char path[32];

	vmqos_out_str(out, "name", "NAME", device->name);
	vmqos_out_str(out, "type", "TYPE", vmqos_device_type_name(device->type));
	snprintf(path, sizeof(path), "/dev/vhost-vdpa-%u", device->vhost);
	if (device->has & VMQOS_HAS(VMQOS_DEVICE_VHOST))
		vmqos_out_str(out, "path", "PATH", path);
	else
		vmqos_out_none(out, "path", "PATH", "-");
	vmqos_out_bool(out, "in_use", NULL, device->in_use);
	vmqos_out_bool(out, "going", NULL, device->going);
	vmqos_out_str(out, "state", "STATE",
		      device->going ? "going" : device->in_use ? "in-use" : "free");
	if (device->has & VMQOS_HAS(VMQOS_DEVICE_VM_NAME))
		vmqos_out_str(out, "vm", "VM", device->vm_name);
	else
		vmqos_out_none(out, "vm", "VM", "-");
	if (device->has & VMQOS_HAS(VMQOS_DEVICE_VM_ID))
		vmqos_out_u64(out, "vm_id", NULL, device->vm_id);
	if (device->has & VMQOS_HAS(VMQOS_DEVICE_PID))
		vmqos_out_u64(out, "pid", "PID", device->pid);
	else
		vmqos_out_none(out, "pid", "PID", "-");
	vmqos_out_u64(out, "status", NULL, device->status);
	vmqos_out_u64(out, "features", NULL, device->features);
}

static int run_add(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_device device;
	struct vmqos_out *out;

	if (argc < 2 || strcmp(argv[1], "balloon"))
		return vmqos_say_usage(cli, "which type of device? There is: balloon");
	if (argc > 3)
		return vmqos_say_usage(cli, "\"%s\" is one argument too many", argv[3]);
	if (vmqos_virtio_add(cli->ctx, VMQOS_DEVICE_BALLOON, argc > 2 ? argv[2] : NULL, &device))
		return vmqos_say_failure(cli);
	if (cli->json) {
		out = vmqos_out_begin(VMQOS_OUT_JSON);
		write_device(out, &device);
		vmqos_out_finish(out);
		return VMQOS_EXIT_OK;
	}
	if (device.has & VMQOS_HAS(VMQOS_DEVICE_VHOST))
		printf("%s: /dev/vhost-vdpa-%u\n", device.name, device.vhost);
	else
		printf("%s: no /dev/vhost-vdpa-N yet; load the module: modprobe vhost_vdpa\n",
		       device.name);
	return VMQOS_EXIT_OK;
}

static int run_del(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_device device;
	int result = VMQOS_EXIT_OK;
	int i, err;

	if (argc < 2)
		return vmqos_say_usage(cli, "which device? \"vmqos virtio list\" lists them");
	for (i = 1; i < argc; i++) {
		err = vmqos_virtio_del(cli->ctx, argv[i]);
		if (!err)
			continue;
		result = VMQOS_EXIT_FAILED;
		vmqos_say("%s: %s", argv[i], vmqos_error(cli->ctx));
		if (err == -EBUSY && !vmqos_virtio_get(cli->ctx, argv[i], &device) &&
		    device.has & VMQOS_HAS(VMQOS_DEVICE_VM_NAME))
			vmqos_say("%s: that is VM %s", argv[i], device.vm_name);
	}
	return result;
}

static int run_list(struct vmqos_cli *cli, int argc, char **argv)
{
	struct vmqos_device *devices;
	struct vmqos_out *out;
	size_t count, i;

	if (argc > 1)
		return vmqos_say_usage(cli, "list takes no argument, \"%s\" is one", argv[1]);
	if (vmqos_virtio_dump(cli->ctx, &devices, &count))
		return vmqos_say_failure(cli);
	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	vmqos_out_array(out, "devices");
	for (i = 0; i < count; i++) {
		vmqos_out_object(out, NULL);
		write_device(out, &devices[i]);
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
	vmqos_out_finish(out);
	free(devices);
	if (!count && !cli->json)
		puts("There is no device; \"vmqos virtio add balloon\" makes one");
	return VMQOS_EXIT_OK;
}

static int run_virtio(struct vmqos_cli *cli, int argc, char **argv)
{
	static const struct option longs[] = { { 0 } };

	if (vmqos_next_option(cli, argc, argv, ":", longs) != -1)
		return VMQOS_EXIT_USAGE;
	argc -= optind;
	argv += optind;
	if (!argc)
		return vmqos_say_usage(cli, "say what to do: add, del or list");
	if (!strcmp(argv[0], "add"))
		return run_add(cli, argc, argv);
	if (!strcmp(argv[0], "del"))
		return run_del(cli, argc, argv);
	if (!strcmp(argv[0], "list"))
		return run_list(cli, argc, argv);
	return vmqos_say_usage(cli, "\"%s\" must be add, del or list", argv[0]);
}

const struct vmqos_command vmqos_cmd_virtio = {
	.name = "virtio",
	.usage = "add balloon [NAME] | del NAME... | list",
	.summary = "Make, delete or list virtio devices that are served in the kernel",
	.options =
	"  add balloon [NAME]  make a balloon and tell its /dev/vhost-vdpa-N, which QEMU attaches\n"
	"                      with -device vhost-vdpa-device-pci,vhostdev=/dev/vhost-vdpa-N\n"
	"  del NAME            delete a device that no VM has\n"
	"  list                all of them, those made by \"vdpa dev add\" too\n",
	.run = run_virtio,
};
