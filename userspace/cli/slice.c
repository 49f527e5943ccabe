// SPDX-License-Identifier: GPL-2.0
/* vmqos slice: the weight of the VMs as a whole against the host's other load. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "out.h"

/*
 * @path: the cgroup, "" until it is known
 * @weight: to be set, 0 for none
 */
struct request {
	char mount[VMQOS_CGROUP_SIZE];
	char path[VMQOS_CGROUP_SIZE];
	uint64_t weight;
};

/* A cgroup as a person names it: machine.slice, /machine.slice, or with the mount. */
static int take_path(struct vmqos_cli *cli, const char *text, struct request *request)
{
	size_t length = strlen(request->mount);
	char *path = request->path;

	if (!strncmp(text, request->mount, length) && (text[length] == '/' || !text[length]))
		text += length;
	if (strstr(text, "..") ||
	    snprintf(path, sizeof(request->path), "/%s", text + strspn(text, "/")) >=
	    (int)sizeof(request->path))
		return vmqos_say_usage(cli, "\"%s\" is no cgroup; name one as in machine.slice",
				       text);
	for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	return VMQOS_EXIT_OK;
}

static int parse(struct vmqos_cli *cli, int argc, char **argv, struct request *request)
{
	static const struct option longs[] = {
		{ "weight", required_argument, NULL, 'w' },
		{ 0 }
	};
	int result = VMQOS_EXIT_OK;
	int option;
	int err;

	while (!result && (option = vmqos_next_option(cli, argc, argv, ":", longs)) != -1) {
		if (option != 'w')
			return VMQOS_EXIT_USAGE;
		result = vmqos_arg_number(cli, "--weight", optarg, VMQOS_WEIGHT_MIN,
					  VMQOS_WEIGHT_MAX, &request->weight);
	}
	if (result)
		return result;
	if (argc - optind > 1)
		return vmqos_say_usage(cli, "\"%s\" is one argument too many", argv[optind + 1]);
	err = vmqos_cgroup_mount(NULL, request->mount, sizeof(request->mount));
	if (err) {
		vmqos_say("cannot find the host's cgroups: %s",
			  err == -ENOENT ? "cgroup v2 is not mounted" : strerror(-err));
		return VMQOS_EXIT_FAILED;
	}
	return optind < argc ? take_path(cli, argv[optind], request) : VMQOS_EXIT_OK;
}

/* The cgroup below which all adopted VMs have theirs. */
static int find_parent(struct vmqos_cli *cli, struct request *request)
{
	struct vmqos_vm *vms;
	size_t count;
	size_t i;

	if (vmqos_vm_dump(cli->ctx, &vms, &count))
		return vmqos_say_failure(cli);
	for (i = 0; i < count; i++) {
		char path[VMQOS_CGROUP_SIZE];
		int err;

		err = vmqos_cgroup_of_vm(NULL, request->mount, vms[i].pid, path, sizeof(path));
		if (err && err != -ENOTUNIQ)
			continue;
		vmqos_cgroup_parent(path);
		if (!*request->path) {
			strcpy(request->path, path);
		} else if (strcmp(request->path, path)) {
			vmqos_say("the VMs are below several cgroups, %s and %s among them; name the one that is meant",
				  request->path, path);
			free(vms);
			return VMQOS_EXIT_FAILED;
		}
	}
	free(vms);
	if (*request->path)
		return VMQOS_EXIT_OK;
	vmqos_say("no VM is adopted that would tell the cgroup; name it, as in: vmqos slice machine.slice");
	return VMQOS_EXIT_FAILED;
}

static int say_refusal(const struct request *request, const char *what, int err)
{
	switch (err) {
	case -ENOENT:
		vmqos_say("there is no cgroup %s below %s", request->path, request->mount);
		break;
	case -EOPNOTSUPP:
		if (!strcmp(request->path, "/"))
			vmqos_say("the root of the cgroups has no weight; VMs whose cgroups are directly below it have none as a whole");
		else
			vmqos_say("%s has no cpu.weight: its parent does not enable the controller cpu",
				  request->path);
		break;
	case -EACCES:
	case -EPERM:
		vmqos_say("not permitted to change the weight of %s; run it as root",
			  request->path);
		break;
	default:
		vmqos_say("cannot %s the weight of %s: %s", what, request->path, strerror(-err));
	}
	return VMQOS_EXIT_FAILED;
}

static void write_share(struct vmqos_out *out, const char *label, double share)
{
	vmqos_out_real(out, "share_pct", label, 100 * share, 1);
}

static void write_siblings(struct vmqos_out *out, const struct request *request,
			   const struct vmqos_cgroup *siblings, size_t count)
{
	double share;
	size_t i;

	vmqos_out_array(out, "siblings");
	for (i = 0; i < count; i++) {
		bool own = !strcmp(siblings[i].path, request->path);

		vmqos_out_object(out, NULL);
		vmqos_out_str(out, "cgroup", "CGROUP", siblings[i].path);
		vmqos_out_u64(out, "weight", "WEIGHT", siblings[i].weight);
		vmqos_out_bool(out, "populated", NULL, siblings[i].populated);
		if ((siblings[i].populated || own) &&
		    !vmqos_cgroup_share(request->mount, siblings[i].path, &share))
			write_share(out, "%SHARE", share);
		else
			vmqos_out_none(out, "share_pct", "%SHARE", "-");
		vmqos_out_end(out);
	}
	vmqos_out_end(out);
}

static int show(struct vmqos_cli *cli, const struct request *request)
{
	struct vmqos_cgroup *siblings;
	char parent[VMQOS_CGROUP_SIZE];
	struct vmqos_host host;
	struct vmqos_out *out;
	uint32_t weight;
	char text[96];
	double share;
	size_t count;
	int err;

	err = vmqos_cgroup_weight(request->mount, request->path, &weight);
	if (!err)
		err = vmqos_cgroup_share(request->mount, request->path, &share);
	strcpy(parent, request->path);
	vmqos_cgroup_parent(parent);
	if (!err)
		err = vmqos_cgroup_children(request->mount, parent, &siblings, &count);
	if (err)
		return say_refusal(request, "read", err);
	out = vmqos_out_begin(cli->json ? VMQOS_OUT_JSON : VMQOS_OUT_TEXT);
	vmqos_out_str(out, "cgroup", "cgroup", request->path);
	vmqos_out_u64(out, "weight", "weight", weight);
	write_share(out, NULL, share);
	/* Without the module it is a part of an unknown whole. */
	if (!vmqos_host_get(cli->ctx, -1, &host)) {
		vmqos_out_real(out, "share_cpus", NULL, share * host.cpus, 2);
		vmqos_out_real(out, "share_mhz", NULL, share * host.capacity_mhz, 0);
		snprintf(text, sizeof(text), "%.1f %%, %.2f of %u CPUs, %.0f MHz", 100 * share,
			 share * host.cpus, host.cpus, share * host.capacity_mhz);
	} else {
		vmqos_out_none(out, "share_cpus", NULL, "");
		vmqos_out_none(out, "share_mhz", NULL, "");
		snprintf(text, sizeof(text), "%.1f %%", 100 * share);
	}
	if (!cli->json)
		vmqos_out_str(out, "share", "when all is busy", text);
	write_siblings(out, request, siblings, count);
	vmqos_out_finish(out);
	free(siblings);
	return VMQOS_EXIT_OK;
}

static int run_slice(struct vmqos_cli *cli, int argc, char **argv)
{
	struct request request = { 0 };
	int result;
	int err;

	result = parse(cli, argc, argv, &request);
	if (!result && !*request.path)
		result = find_parent(cli, &request);
	if (result)
		return result;
	if (!request.weight)
		return show(cli, &request);
	err = vmqos_cgroup_set_weight(request.mount, request.path, request.weight);
	if (err)
		return say_refusal(&request, "change", err);
	return cli->json ? show(cli, &request) : VMQOS_EXIT_OK;
}

const struct vmqos_command vmqos_cmd_slice = {
	.name = "slice",
	.usage = "[CGROUP] [--weight N]",
	.summary = "Show or set the weight of all VMs together against other load",
	.options =
	"  CGROUP      the cgroup that the VMs are in, as in machine.slice; without it the\n"
	"              one below which all adopted VMs have their own\n"
	"  --weight N  set its cpu.weight, 1 to 10000\n",
	.run = run_slice,
};
