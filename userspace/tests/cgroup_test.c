// SPDX-License-Identifier: GPL-2.0
/* The cgroups of VMs and their weights, on a tree of the test's own. */
#include <errno.h>

#include <vmqos/vmqos.h>

#include "check.h"
#include "tree.h"

#define SCOPE	"/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"

static char proc[128], mount[128];
static char path[VMQOS_CGROUP_SIZE];

static int of_vm(uint32_t pid)
{
	path[0] = '\0';
	return vmqos_cgroup_of_vm(proc, mount, pid, path, sizeof(path));
}

static void mounts(void)
{
	char folder[64];

	tree_write("/proc/self/mountinfo",
		   "20 1 0:5 / /sys rw - sysfs none rw\n"
		   "21 20 0:6 / /sys/fs/cgroup/memory rw,nosuid - cgroup none rw,memory\n"
		   "22 20 0:7 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
	CHECK_EQ(vmqos_cgroup_mount(proc, folder, sizeof(folder)), 0);
	CHECK_STR(folder, "/sys/fs/cgroup/unified");
	CHECK_EQ(vmqos_cgroup_mount(proc, folder, 5), -ENAMETOOLONG);
	tree_write("/proc/self/mountinfo", "20 1 0:5 / /sys rw - tmpfs cgroup2 rw\n");
	CHECK_EQ(vmqos_cgroup_mount(proc, folder, sizeof(folder)), -ENOENT);
	CHECK_EQ(vmqos_cgroup_mount("/nowhere", folder, sizeof(folder)), -ENOENT);
}

static void own_cgroup(void)
{
	tree_process(10, 1, "/a/b");
	CHECK_EQ(vmqos_cgroup_of(proc, 10, path, sizeof(path)), 0);
	CHECK_STR(path, "/a/b");
	CHECK_EQ(vmqos_cgroup_of(proc, 11, path, sizeof(path)), -ESRCH);
	CHECK_EQ(vmqos_cgroup_of(proc, 10, path, 4), -ENAMETOOLONG);
	tree_write("/proc/10/cgroup", "2:cpu:/x\n1:name=systemd:/x\n");
	CHECK_EQ(vmqos_cgroup_of(proc, 10, path, sizeof(path)), -ENOENT);
	tree_write("/proc/10/cgroup", "0::/a/b (deleted)\n");
	CHECK_EQ(vmqos_cgroup_of(proc, 10, path, sizeof(path)), -ENOENT);
	tree_write("/proc/10/cgroup", "0::/\n");
	CHECK_EQ(vmqos_cgroup_of(proc, 10, path, sizeof(path)), 0);
	CHECK_STR(path, "/");
}

static void above(void)
{
	strcpy(path, "/a/b/c");
	CHECK(vmqos_cgroup_parent(path));
	CHECK_STR(path, "/a/b");
	CHECK(vmqos_cgroup_parent(path));
	CHECK(vmqos_cgroup_parent(path));
	CHECK_STR(path, "/");
	CHECK(!vmqos_cgroup_parent(path));
	CHECK_STR(path, "/");
}

/* A domain's scope is found from wherever inside of it the emulator is. */
static void domains(void)
{
	static const char *const inside[] = {
		SCOPE, SCOPE "/libvirt", SCOPE "/libvirt/emulator", SCOPE "/libvirt/vcpu3",
		SCOPE "/emulator", SCOPE "/libvirt/iothread1",
	};
	size_t i;

	tree_cgroup(SCOPE, 100, "20\n999\n");
	for (i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		tree_process(20, 1, inside[i]);
		CHECK_EQ(of_vm(20), 0);
		CHECK_STR(path, SCOPE);
	}
	tree_process(20, 1, "/machine/qemu-1-web.libvirt-qemu/emulator");
	CHECK_EQ(of_vm(20), 0);
	CHECK_STR(path, "/machine/qemu-1-web.libvirt-qemu");
	/* A group of that name which is nobody's domain is looked into. */
	tree_process(20, 1, "/user.slice/vcpuX");
	tree_cgroup("/user.slice/vcpuX", 100, "20\n");
	CHECK_EQ(of_vm(20), 0);
	CHECK_STR(path, "/user.slice/vcpuX");
	tree_process(20, 1, "/emulator");
	CHECK_EQ(of_vm(20), -ENOTUNIQ);
}

static void strangers(void)
{
	tree_cgroup("/vm", 100, "30\n");
	tree_process(30, 1, "/vm");
	CHECK_EQ(of_vm(30), 0);
	CHECK_STR(path, "/vm");
	/* What the VMM has started is the VM's. */
	tree_process(31, 30, "/vm");
	tree_process(32, 31, "/vm/sub");
	tree_cgroup("/vm", 100, "30\n31\n");
	tree_cgroup("/vm/sub", 100, "32\n");
	CHECK_EQ(of_vm(30), 0);
	/* One that has ended in between does no harm. */
	tree_cgroup("/vm/sub", 100, "32\n39\n");
	CHECK_EQ(of_vm(30), 0);
	/* A stranger, here and below. */
	tree_process(33, 1, "/vm/sub");
	tree_cgroup("/vm/sub", 100, "32\n33\n");
	CHECK_EQ(of_vm(30), -ENOTUNIQ);
	CHECK_STR(path, "/vm");
	tree_cgroup("/vm/sub", 100, "");
	CHECK_EQ(of_vm(30), 0);
	tree_process(1, 0, "/vm");
	tree_cgroup("/vm", 100, "1\n30\n");
	CHECK_EQ(of_vm(30), -ENOTUNIQ);
	/* The shell that started the VMM is one as well. */
	tree_process(30, 34, "/vm");
	tree_process(34, 1, "/vm");
	tree_cgroup("/vm", 100, "30\n34\n");
	CHECK_EQ(of_vm(30), -ENOTUNIQ);
	/* The root is nobody's. */
	tree_process(35, 1, "/");
	tree_cgroup("", -1, "35\n");
	CHECK_EQ(of_vm(35), -ENOTUNIQ);
	CHECK_EQ(of_vm(36), -ESRCH);
}

static void weights(void)
{
	uint32_t weight = 7;

	tree_cgroup("/w", 250, "");
	CHECK_EQ(vmqos_cgroup_weight(mount, "/w", &weight), 0);
	CHECK_EQ(weight, 250);
	CHECK_EQ(vmqos_cgroup_set_weight(mount, "/w", 9999), 0);
	CHECK_EQ(vmqos_cgroup_weight(mount, "/w", &weight), 0);
	CHECK_EQ(weight, 9999);
	CHECK_EQ(vmqos_cgroup_set_weight(mount, "/w", 0), -ERANGE);
	CHECK_EQ(vmqos_cgroup_set_weight(mount, "/w", 10001), -ERANGE);
	tree_cgroup("/none", -1, "");
	CHECK_EQ(vmqos_cgroup_weight(mount, "/none", &weight), -EOPNOTSUPP);
	CHECK_EQ(vmqos_cgroup_set_weight(mount, "/none", 5), -EOPNOTSUPP);
	CHECK_EQ(vmqos_cgroup_weight(mount, "/gone", &weight), -ENOENT);
	CHECK_EQ(vmqos_cgroup_set_weight(mount, "/gone", 5), -ENOENT);
	tree_write("/cgroup/w/cpu.weight", "what\n");
	CHECK_EQ(vmqos_cgroup_weight(mount, "/w", &weight), -EBADMSG);
	CHECK_EQ(weight, 9999);
}

static void shares(void)
{
	struct vmqos_cgroup *children;
	double share;
	size_t count;

	tree_remove("/cgroup");
	tree_cgroup("", -1, "1\n");
	tree_cgroup("/machine.slice", 300, "x");
	tree_cgroup("/system.slice", 100, "x");
	tree_cgroup("/user.slice", 100, "");
	tree_cgroup("/init.scope", -1, "x");
	tree_cgroup("/machine.slice/a", 100, "x");
	tree_cgroup("/machine.slice/b", 300, "x");
	CHECK_EQ(vmqos_cgroup_children(mount, "/", &children, &count), 0);
	CHECK_EQ(count, 3);
	CHECK_STR(children[0].path, "/machine.slice");
	CHECK_EQ(children[0].weight, 300);
	CHECK(children[0].populated);
	CHECK_STR(children[2].path, "/user.slice");
	CHECK(!children[2].populated);
	free(children);
	CHECK_EQ(vmqos_cgroup_children(mount, "/machine.slice", &children, &count), 0);
	CHECK_EQ(count, 2);
	CHECK_STR(children[1].path, "/machine.slice/b");
	free(children);
	CHECK_EQ(vmqos_cgroup_children(mount, "/gone", &children, &count), -ENOENT);

	CHECK_EQ(vmqos_cgroup_share(mount, "/machine.slice", &share), 0);
	CHECK_EQ(share * 1000 + 0.5, 750);
	CHECK_EQ(vmqos_cgroup_share(mount, "/machine.slice/a", &share), 0);
	CHECK_EQ(share * 10000 + 0.5, 1875);
	/* One that is idle now is asked what it would get. */
	CHECK_EQ(vmqos_cgroup_share(mount, "/user.slice", &share), 0);
	CHECK_EQ(share * 1000 + 0.5, 200);
	CHECK_EQ(vmqos_cgroup_share(mount, "/", &share), 0);
	CHECK_EQ(share, 1);
	CHECK_EQ(vmqos_cgroup_share(mount, "/gone", &share), -ENOENT);
	CHECK_EQ(vmqos_cgroup_share(mount, "/init.scope", &share), -EOPNOTSUPP);
}

int main(void)
{
	tree_make();
	snprintf(proc, sizeof(proc), "%s/proc", tree_root);
	snprintf(mount, sizeof(mount), "%s/cgroup", tree_root);
	RUN(mounts);
	RUN(own_cgroup);
	RUN(above);
	RUN(domains);
	RUN(strangers);
	RUN(weights);
	RUN(shares);
	tree_remove("");
	return end_tests();
}
