// SPDX-License-Identifier: GPL-2.0
/* The weights of the VMs' cgroups: the division, and a tree of the test's own. */
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include <vmqos/vmqos.h>

#include "../../tests/tree.h"
#include "../weights.h"
#include "tap.h"

#define SECOND	UINT64_C(1000000000)
#define A	"/machine.slice/machine-qemu1.scope"
#define B	"/machine.slice/machine-qemu2.scope"
#define C	"/machine.slice/machine-qemu3.scope"

static char proc[128], mount[128];

/* Claims in ms of a second, with shares; what is expected in weights. */
static void test_division(const char *what, bool others, const unsigned int (*claims)[3],
			  const unsigned int *expected, size_t count)
{
	struct vmqos_weights_claim list[8];
	bool good = true;
	size_t i;

	for (i = 0; i < count; i++)
		list[i] = (struct vmqos_weights_claim) {
			.entitled_ns = claims[i][0] * SECOND / 1000,
			.shares = claims[i][1],
			.original = claims[i][2],
		};
	vmqos_weights_divide(list, count, SECOND, others);
	for (i = 0; i < count; i++)
		good &= list[i].weight == expected[i];
	if (!tap_ok(good, "%s", what))
		for (i = 0; i < count; i++)
			printf("# %u, not %u\n", list[i].weight, expected[i]);
}

static void test_divisions(void)
{
	test_division("in proportion to what they were entitled to", false,
		      (const unsigned int [][3]) { { 1000, 1, 100 }, { 667, 1, 100 },
						  { 333, 1, 100 } },
		      (const unsigned int []) { 1500, 1001, 500 }, 3);
	test_division("beside others the sum of the weights stays", true,
		      (const unsigned int [][3]) { { 300, 1, 100 }, { 100, 1, 300 } },
		      (const unsigned int []) { 300, 100 }, 2);
	test_division("one that wants nothing gets what its shares would give it", false,
		      (const unsigned int [][3]) { { 0, 1000, 100 }, { 1000, 1000, 100 },
						  { 1000, 2000, 100 } },
		      (const unsigned int []) { 600, 1200, 1200 }, 3);
	test_division("a few milliseconds are nothing", false,
		      (const unsigned int [][3]) { { 4, 1000, 100 }, { 1000, 1000, 100 } },
		      (const unsigned int []) { 667, 1333 }, 2);
	test_division("when nobody wants anything all is by shares", false,
		      (const unsigned int [][3]) { { 0, 1000, 100 }, { 0, 3000, 100 } },
		      (const unsigned int []) { 500, 1500 }, 2);
	test_division("little is not nothing", false,
		      (const unsigned int [][3]) { { 6, 1, 100 }, { 16000, 1, 100 } },
		      (const unsigned int []) { 10, 1999 }, 2);
	test_division("much stays inside of the bounds", true,
		      (const unsigned int [][3]) { { 9000, 1, 9000 }, { 100, 1, 9000 } },
		      (const unsigned int []) { 9000, 198 }, 2);
	test_division("no shares, no wishes: all the same", false,
		      (const unsigned int [][3]) { { 0, 0, 100 }, { 0, 0, 100 } },
		      (const unsigned int []) { 1000, 1000 }, 2);
}

static int weight_of(const char *path)
{
	uint32_t weight;

	return vmqos_cgroup_weight(mount, path, &weight) ? -1 : (int)weight;
}

static bool are(int a, int b, int c)
{
	bool good = weight_of(A) == a && weight_of(B) == b && weight_of(C) == c;

	if (!good)
		printf("# %d %d %d, not %d %d %d\n", weight_of(A), weight_of(B), weight_of(C), a, b,
		       c);
	return good;
}

/* Where a weight counts for each busy task: three CPUs' worth by three vCPUs, and one by one. */
static void test_for_each(void)
{
	struct vmqos_weights_claim list[2] = {
		{ .entitled_ns = 3 * SECOND, .busy_ns = 3 * SECOND, .shares = 3, .original = 100 },
		{ .entitled_ns = SECOND, .busy_ns = SECOND, .shares = 1, .original = 100 },
	};
	const char *modes = "up smp (concur) max tasks\n";

	vmqos_weights_divide(list, 2, SECOND, false);
	tap_ok(list[0].weight == list[1].weight,
	       "a weight that counts for each busy vCPU is that of one");
	tap_ok(vmqos_weights_for_each(modes, "6.1.0"), "the scheduler's own word is believed");
	tap_ok(!vmqos_weights_for_each("up (smp) concur max tasks\n", "7.3.4+deb13-amd64"),
	       "also when it divides weights among CPUs");
	tap_ok(vmqos_weights_for_each(NULL, "7.3.4+deb13-amd64") &&
	       !vmqos_weights_for_each(NULL, "6.12.117+deb12-amd64") &&
	       !vmqos_weights_for_each(NULL, "7.2.9"), "without it the release tells");
}

/* A second in which the VMs were entitled to so many ms each; the third may be absent. */
static void pass(struct vmqos_weights *weights, unsigned int a, unsigned int b, int c)
{
	static struct vmqos_weights_vm vms[] = {
		{ 1, 101, 1000, 5 * SECOND, 0 }, { 2, 102, 1000, 7 * SECOND, 0 },
		{ 3, 103, 2000, 9 * SECOND, 0 },
	};
	static uint64_t now = 50 * SECOND;

	now += SECOND;
	vms[0].entitled_ns += a * SECOND / 1000;
	vms[1].entitled_ns += b * SECOND / 1000;
	vms[2].entitled_ns += (c > 0 ? c : 0) * SECOND / 1000;
	vmqos_weights_keep(weights, vms, c < 0 ? 2 : 3, now);
}

static void make_host(void)
{
	tree_remove("/cgroup");
	tree_remove("/proc");
	tree_cgroup("", -1, "1\n");
	tree_cgroup("/machine.slice", 100, "x");
	tree_cgroup(A, 100, "101\n");
	tree_cgroup(B, 100, "102\n");
	tree_cgroup(C, 250, "103\n");
	tree_process(101, 1, A "/libvirt/emulator");
	tree_process(102, 1, B "/libvirt/emulator");
	tree_process(103, 1, C "/libvirt/emulator");
}

static void test_life(void)
{
	struct vmqos_weights *weights = vmqos_weights_new(proc, mount, false);

	make_host();
	pass(weights, 1000, 500, 500);
	tap_ok(are(100, 100, 250), "the first reading changes nothing");
	pass(weights, 1000, 500, 500);
	tap_ok(are(1500, 750, 750), "a period later the weights are those of the entitlements");
	pass(weights, 1010, 500, 500);
	tap_ok(are(1500, 750, 750), "small changes are not written");
	pass(weights, 500, 1000, 500);
	tap_ok(are(750, 1500, 750), "great ones are");
	tree_cgroup("/machine.slice/other", 100, "9\n");
	pass(weights, 500, 1000, 500);
	tap_ok(are(113, 225, 113), "beside a stranger the sum is that of the original weights");
	tree_cgroup("/machine.slice/other", 100, "");
	pass(weights, 500, 500, -1);
	tap_ok(weight_of(C) == 250 && weight_of(A) == weight_of(B),
	       "the weight of a VM that is gone is put back");
	tap_ok(weight_of(A) == 100, "its cgroup counts as a stranger's as long as it is there");
	tree_remove(C);
	tree_remove("/cgroup" C);
	pass(weights, 500, 500, -1);
	tap_ok(weight_of(A) == 1000 && weight_of(B) == 1000, "and no longer when that has gone");
	tree_cgroup(B, 77, "102\n");
	pass(weights, 500, 1500, -1);
	tap_ok(weight_of(B) == 77, "what somebody else has written stays");
	pass(weights, 500, 1500, -1);
	tap_ok(weight_of(A) == 100, "a VM that is alone then gets its weight back");
	vmqos_weights_free(weights);
	tap_ok(weight_of(A) == 100 && weight_of(B) == 77, "the end puts back what is its own");
}

static void test_end(void)
{
	struct vmqos_weights *weights = vmqos_weights_new(proc, mount, false);

	make_host();
	pass(weights, 0, 0, 0);
	pass(weights, 1000, 500, 500);
	vmqos_weights_restore(weights);
	tap_ok(are(100, 100, 250), "all weights are put back");
	pass(weights, 1000, 500, 500);
	pass(weights, 1000, 500, 500);
	tap_ok(are(1500, 750, 750), "and given anew");
	vmqos_weights_free(weights);
	tap_ok(are(100, 100, 250), "and put back at the end");
}

/* Only where the file system of the test keeps attributes. */
static void test_death(void)
{
	struct vmqos_weights *dead = vmqos_weights_new(proc, mount, false);
	struct vmqos_weights *weights;
	char folder[256], text[16];
	bool kept;

	make_host();
	pass(dead, 0, 0, 0);
	pass(dead, 1000, 500, 500);
	/* It ends without putting anything back; the next one finds what it has left. */
	snprintf(folder, sizeof(folder), "%s%s", mount, A);
	kept = getxattr(folder, "user.vmqos.cpu-weight", text, sizeof(text)) > 0;
	weights = vmqos_weights_new(proc, mount, false);
	pass(weights, 1000, 500, 500);
	tap_ok(are(1500, 750, 750), "the next daemon finds the weights of one that died");
	vmqos_weights_free(weights);
	tap_ok(are(kept ? 100 : 1500, kept ? 100 : 750, kept ? 250 : 750),
	       kept ? "and knows what they were before" :
		      "but not what they were before: no attributes are kept here");
	make_host();
	vmqos_weights_free(dead);
}

static void test_homes(void)
{
	struct vmqos_weights *weights = vmqos_weights_new(proc, mount, false);

	make_host();
	/* Two VMs in one cgroup, and one in the root. */
	tree_process(102, 1, A);
	tree_process(103, 1, "/");
	pass(weights, 0, 0, 0);
	pass(weights, 1000, 500, 500);
	tap_ok(are(100, 100, 250), "VMs that share a cgroup, or have the root, are not weighed");
	make_host();
	pass(weights, 1000, 500, 500);
	pass(weights, 1000, 500, 500);
	tap_ok(are(1500, 750, 750), "they are when they have moved");
	/* No controller, and one that nobody may write. */
	make_host();
	tree_remove("/cgroup" A "/cpu.weight");
	pass(weights, 1000, 500, 500);
	pass(weights, 1000, 500, 500);
	tap_ok(weight_of(A) == -1, "a cgroup without a weight is left alone");
	vmqos_weights_free(weights);
}

int main(void)
{
	tree_make();
	snprintf(proc, sizeof(proc), "%s/proc", tree_root);
	snprintf(mount, sizeof(mount), "%s/cgroup", tree_root);
	test_divisions();
	test_for_each();
	test_life();
	test_end();
	test_death();
	test_homes();
	tree_remove("");
	return tap_end();
}
