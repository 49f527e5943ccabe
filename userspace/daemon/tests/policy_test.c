// SPDX-License-Identifier: GPL-2.0
/* The policy's language: what each text means, and what each mistake is told as. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../policy.h"
#include "tap.h"

#define UUID	"01234567-89ab-cdef-0123-456789abcdef"

static char told[8192];

static void tell(void *ctx, const char *file, unsigned int line, const char *message)
{
	size_t used = strlen(told);

	(void)ctx;
	snprintf(told + used, sizeof(told) - used, "%s:%u: %s\n", file, line, message);
}

static struct vmqos_policy *parse(const char *text, int *errors)
{
	struct vmqos_policy *policy = vmqos_policy_new();

	told[0] = '\0';
	*errors = vmqos_policy_parse(policy, "a.conf", text, strlen(text), tell, NULL);
	return policy;
}

/* One mistake: exactly one error, at that line, with both words in it. */
static void test_mistake(const char *text, unsigned int line, const char *wrong,
			 const char *remedy)
{
	char where[32];
	int errors;

	vmqos_policy_free(parse(text, &errors));
	snprintf(where, sizeof(where), "a.conf:%u: ", line);
	if (!tap_ok(errors == 1 && strncmp(told, where, strlen(where)) == 0 &&
		    strstr(told, wrong) && strstr(told, remedy),
		    "line %u is told: %s ... %s", line, wrong, remedy))
		printf("# %d errors: %s\n", errors, told);
}

static const struct {
	const char *text;
	unsigned int line;
	const char *wrong;
	const char *remedy;
} mistakes[] = {
	{ "adopt = yes\n", 1, "before the first section", "[vm \"*\"]" },
	{ "\n# x\n[vm \"a\"\n", 3, "does not end in ']'", "[host]" },
	{ "[vm]\n", 1, "does not say which VM", "with the quotes" },
	{ "[vm web]\nadopt=no\n", 1, "does not say which VM", "with the quotes" },
	{ "[vm \"web]\n", 1, "no closing quote", "[vm \"NAME\"]" },
	{ "[vm \"web\" x]\n", 1, "'x' after the name", "nothing else" },
	{ "[vm \"\"]\n", 1, "empty", "\"*\" for every VM" },
	{ "[vm \"a b\"]\n", 1, "no VM can have the name \"a b\"", "" },
	{ "[vm \"web[0-\"]\n", 1, "'[' without ']'", "close the set" },
	{ "[vm uuid=1234]\n", 1, "'1234' is no UUID", "write it like" },
	{ "[guest \"a\"]\n", 1, "unknown section '[guest", "[vm uuid=UUID]" },
	{ "[]\n", 1, "unknown section '[]'", "[host]" },
	{ "[vm \"a\"]\nadopt\n", 2, "neither a section nor a setting", "KEY = VALUE" },
	{ "[vm \"a\"]\nadopt = maybe\n", 2, "adopt is 'maybe'", "yes or no" },
	{ "[vm \"a\"]\nadopt =\n", 2, "no value", "adopt = VALUE" },
	{ "[vm \"a\"]\nadopt = yes\nadopt = no\n", 3, "given twice", "keep one" },
	{ "[vm \"a\"]\nadpot = yes\n", 2, "unknown key 'adpot'", "did you mean 'adopt'?" },
	{ "[vm \"a\"]\nAdopt = yes\n", 2, "unknown key 'Adopt'", "did you mean 'adopt'?" },
	{ "[vm \"a\"]\nnames = x\n", 2, "unknown key 'names'", "did you mean 'name'?" },
	{ "[vm \"a\"]\nguest-time = on\n", 2, "no key of [vm ...]", "[host] section" },
	{ "[vm \"a\"]\nguesttime = on\n", 2, "did you mean 'guest-time' of [host]", "" },
	{ "[vm \"a\"]\nzzzzzzzzz = on\n", 2, "unknown key 'zzzzzzzzz'", "takes adopt name" },
	{ "[host]\nadopt = on\n", 2, "no key of [host]", "[vm ...] section" },
	{ "[host]\nscan_period = 10\n", 2, "unknown key", "did you mean 'scan-period'?" },
	{ "[host]\nscan-period = 9\n", 2, "scan-period is '9'", "10 to 10000" },
	{ "[host]\nscan-period = 10001\n", 2, "scan-period is '10001'", "10 to 10000" },
	{ "[host]\nscan-period = 20500us\n", 2, "scan-period is '20500us'", "whole milliseconds" },
	{ "[host]\nscan-period = -5\n", 2, "scan-period is '-5'", "10 to 10000" },
	{ "[host]\nguest-time = sometimes\n", 2, "guest-time is 'sometimes'", "on or off" },
	{ "[vm \"web-*\"]\nname = web\n", 2, "may match several", "[vm \"NAME\"]" },
	{ "[vm \"a\"]\nname = a/b\n", 2, "name is 'a/b'", "" },
	{ "[vm \"a\"]\nname = \"a b\"\n", 2, "name is 'a b'", "" },
	{ "[vm \"a\"]\nname = \"ab\n", 2, "no closing quote", "name = VALUE" },
	{ "[vm \"a\"]\nname = \"ab\" c\n", 2, "goes on after its closing quote", "name = VALUE" },
	{ "[vm \"a\"]\ncpu-shares = hihg\n", 2, "cpu-shares is 'hihg'", "did you mean high?" },
	{ "[vm \"a\"]\ncpu-shares = 0\n", 2, "cpu-shares is '0'", "1 to 1000000" },
	{ "[vm \"a\"]\ncpu-reservation = 2\n", 2, "cpu-reservation is '2'", "has no unit" },
	{ "[vm \"a\"]\ncpu-reservation = 2GHx\n", 2, "unknown unit", "did you mean GHz?" },
	{ "[vm \"a\"]\ncpu-reservation = 5000cpu\n", 2, "more than any host", "4294" },
	{ "[vm \"a\"]\ncpu-limit = 0.5%\n", 2, "cpu-limit is '0.5%'", "at least 1%" },
	{ "[vm \"a\"]\ncpu-limit = unlimited\n", 2, "cpu-limit is 'unlimited'", "or none" },
	{ "[vm \"a\"]\ncpu-latency = lwo\n", 2, "cpu-latency is 'lwo'", "did you mean low?" },
	{ "[vm \"a\"]\ncpu-charge-others = 2\n", 2, "cpu-charge-others is '2'", "on or off" },
	{ "[vm \"a\"]\nmem-share-zero = yes\n", 2, "mem-share-zero is 'yes'", "on, off, pressure" },
	{ "[vm \"a\"]\nballoon = auto\n", 2, "balloon is 'auto'", "yes or no" },
	{ "[vm \"a\"]\nballoon-floor = 1M\n", 2, "balloon-floor is '1M'", "16M" },
	{ "[vm \"a\"]\nballoon-floor = none\n", 2, "balloon-floor is 'none'", "16M" },
	{ "[vm \"a\"]\nballoon-floor = 1Q\n", 2, "balloon-floor is '1Q'", "" },
	{ "[vm \"a\"]\nballoon-speed = 100\n", 2, "balloon-speed is '100'", "1M" },
	{ "[host]\nballoon-speed = 100M\n", 2, "no key of [host]", "[vm ...] section" },
	{ "[vm \"a\"]\ncpu-limits = 2GHz\n", 2, "unknown key 'cpu-limits'", "'cpu-limit'?" },
	{ "[vm \"a\"]\ncpu-kept = 2GHz\n", 2, "no key of [vm ...]", "[host] section" },
	{ "[vm \"a\"]\ncgroup-weights = no\n", 2, "no key of [vm ...]", "[daemon] section" },
	{ "[host]\ncpu-kept = 2\n", 2, "cpu-kept is '2'", "write 2GHz" },
	{ "[host]\ncpu-gate = maybe\n", 2, "cpu-gate is 'maybe'", "on or off" },
	{ "[host]\ncpu-slice-us = 499\n", 2, "cpu-slice-us is '499'", "500 to 20000" },
	{ "[host]\ncpu-shares = 5\n", 2, "no key of [host]", "[vm ...] section" },
	{ "[host]\ncgroup-weight = no\n", 2, "'cgroup-weights' of [daemon]", "" },
	{ "[daemon]\ncgroup-weights = 5\n", 2, "cgroup-weights is '5'", "yes or no" },
	{ "[daemon]\nadopt = no\n", 2, "no key of [daemon]", "[vm ...] section" },
	{ "[daemon]\nnonsense-here = no\n", 2, "unknown key", "[daemon] section takes cgroup" },
	{ "[daemon]\n[daemon]\n", 2, "already at a.conf:1", "into one" },
	{ "[vm \"a\"]\n[host]\n[vm \"a\"]\n", 3, "already at a.conf:1", "into one" },
	{ "[host]\n[host]\n", 2, "already at a.conf:1", "into one" },
	{ "[vm uuid=" UUID "]\n[vm uuid=0123456789abcdef0123456789ABCDEF]\n", 2,
	  "already at a.conf:1", "" },
};

static void test_mistakes(void)
{
	static const char nul[] = "[vm \"a\"]\nado\0pt = yes\n";
	struct vmqos_policy *policy;
	char text[600];
	size_t i;
	int errors;

	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		test_mistake(mistakes[i].text, mistakes[i].line, mistakes[i].wrong,
			     mistakes[i].remedy);

	memset(text, 'n', sizeof(text));
	memcpy(text, "[vm \"a\"]\nname = ", 16);
	text[16 + 64] = '\0';
	test_mistake(text, 2, "name is 'nnn", "63");
	memset(text, 'n', sizeof(text));
	memcpy(text, "[vm \"", 5);
	strcpy(text + 500, "\"]\n");
	test_mistake(text, 1, "495 bytes", "at most");

	policy = vmqos_policy_new();
	told[0] = '\0';
	errors = vmqos_policy_parse(policy, "n.conf", nul, sizeof(nul) - 1, tell, NULL);
	tap_ok(errors == 1 && strstr(told, "n.conf:2: the line has a NUL byte"), "a NUL byte is told");
	vmqos_policy_free(policy);

	policy = parse("[vm \"a\"]\nx = 1\n[vm]\nadopt = no\nname = n\n[host]\ny = 2\n", &errors);
	tap_ok(errors == 3 && strstr(told, "a.conf:2:") && strstr(told, "a.conf:3:") &&
	       strstr(told, "a.conf:7:"),
	       "all errors are told at once, keys below a bad head are not");
	vmqos_policy_free(policy);
}

/* What matching gives, as text: "yes", "no" or "-", a blank, the name or "-". */
static void test_match(const char *text, const char *name, const uint8_t *uuid,
		       const char *expected)
{
	struct vmqos_policy_vm vm;
	struct vmqos_policy *policy;
	char got[128];
	int errors;

	policy = parse(text, &errors);
	vmqos_policy_match(policy, name, uuid, &vm);
	snprintf(got, sizeof(got), "%s %s",
		 !(vm.present & VMQOS_POLICY_VM_ADOPT) ? "-" : vm.adopt ? "yes" : "no",
		 vm.present & VMQOS_POLICY_VM_NAME ? vm.name : "-");
	if (!tap_ok(errors == 0 && strcmp(got, expected) == 0, "VM %s%s gets %s", name,
		    uuid ? " with a UUID" : "", expected))
		printf("# got %s, %d errors: %s\n", got, errors, told);
	vmqos_policy_free(policy);
}

static void test_matches(void)
{
	static const char rules[] =
		"# every VM\n"
		"[vm \"*\"]\n"
		"adopt = no\n"
		"\n"
		"; by pattern\n"
		"[vm \"web-*\"]   # the shop\n"
		"adopt = yes\n"
		"[vm \"web-1*\"]\n"
		"adopt = no\n"
		"[vm \"web-10\"]\n"
		"name = ten\n"
		"[vm uuid=" UUID "]\n"
		"adopt = yes\n"
		"name = \"by-uuid\" # why\n";
	static const uint8_t uuid[] = {
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	};
	uint8_t other[16];

	memcpy(other, uuid, sizeof(other));
	other[15] ^= 1;
	test_match(rules, "db", NULL, "no -");
	test_match(rules, "web-2", NULL, "yes -");
	test_match(rules, "web-11", NULL, "no -");
	test_match(rules, "web-10", NULL, "no ten");
	test_match(rules, "web-10", uuid, "yes by-uuid");
	test_match(rules, "web-10", other, "no ten");
	test_match("", "db", uuid, "- -");
	test_match("[vm \"a*\"]\nadopt=yes\n[vm \"*b\"]\nadopt=no\n", "ab", NULL, "no -");
	test_match("[vm \"*b\"]\nadopt=no\n[vm \"a*\"]\nadopt=yes\n", "ab", NULL, "yes -");
	test_match("[vm \"aa*\"]\nadopt=yes\n[vm \"*b\"]\nadopt=no\n", "aab", NULL, "yes -");
	test_match("[vm \"web-[0-9]\"]\nadopt=no\n", "web-7", NULL, "no -");
	test_match("[vm \"web-[0-9]\"]\nadopt=no\n", "web-x", NULL, "- -");
	test_match("[vm \"web-[!]]\"]\nadopt=no\n", "web-x", NULL, "no -");
	test_match("[vm \"a\\*\"]\nadopt=no\n", "ab", NULL, "- -");
	test_match("[vm \"a\\*\"]\nadopt=no\n", "a*", NULL, "no -");
	test_match("[vm \"a\\\"b\"]\nadopt=no\n", "a\"b", NULL, "no -");
	test_match("[vm \"a#b\"]\nadopt=no # no\n", "a#b", NULL, "no -");
	test_match("[vm \"a\"]\nname=x#1\n", "a", NULL, "- x#1");
	test_match("\xef\xbb\xbf[vm \"a\"]\r\n\tadopt\t=\tno\t\r\n", "a", NULL, "no -");
	test_match("[vm \"a\"]\nadopt = no", "a", NULL, "no -");
	test_match("[vm \"A\"]\nadopt = no", "a", NULL, "- -");
	test_match("[ vm  uuid = " UUID " ]\nadopt = no", "a", uuid, "no -");
}

static void test_host(void)
{
	const struct vmqos_policy_host *host;
	struct vmqos_policy *policy;
	int errors;

	policy = parse("[host]\nguest-time = off\nscan-period = 250\n", &errors);
	host = vmqos_policy_host(policy);
	tap_ok(errors == 0 && host->scan_period_ms == 250 && !host->guest_time &&
	       host->present == (VMQOS_POLICY_HOST_GUEST_TIME | VMQOS_POLICY_HOST_SCAN_PERIOD),
	       "the host's settings are read");
	vmqos_policy_free(policy);

	policy = parse("[host]\ncpu-kept = 1.5cpu\ncpu-gate = off\ncpu-slice-us = 500\n", &errors);
	host = vmqos_policy_host(policy);
	tap_ok(errors == 0 && host->cpu_kept.ppm == 1500000 && !host->cpu_kept.khz &&
	       !host->cpu_gate && host->cpu_slice_us == 500 &&
	       host->present == (VMQOS_POLICY_HOST_CPU_KEPT | VMQOS_POLICY_HOST_CPU_GATE |
				 VMQOS_POLICY_HOST_CPU_SLICE_US),
	       "the host's CPU settings are read");
	tap_ok(vmqos_policy_daemon(policy)->cgroup_weights, "weights are kept unless that is off");
	vmqos_policy_free(policy);
	policy = parse("[daemon]\n[host]\n", &errors);
	tap_ok(errors == 0 && vmqos_policy_daemon(policy)->cgroup_weights,
	       "an empty section says nothing");
	vmqos_policy_free(policy);
	policy = parse("[daemon]\ncgroup-weights = no\n", &errors);
	tap_ok(errors == 0 && !vmqos_policy_daemon(policy)->cgroup_weights,
	       "weights can be left alone");
	vmqos_policy_free(policy);

	policy = parse("[host]\nscan-period = 1.5s\n[vm \"*\"]\nadopt = yes\n", &errors);
	host = vmqos_policy_host(policy);
	tap_ok(errors == 0 && host->scan_period_ms == 1500 &&
	       host->present == VMQOS_POLICY_HOST_SCAN_PERIOD && vmqos_policy_sections(policy) == 2,
	       "a duration with a unit is read, what is not given is not present");
	vmqos_policy_free(policy);
}

/* Each setting from the most specific section that gives it. */
static void test_cpu(void)
{
	static const char rules[] =
		"[vm \"*\"]\n"
		"cpu-shares = low\n"
		"cpu-limit = 150%\n"
		"cpu-charge-others = off\n"
		"[vm \"db*\"]\n"
		"cpu-reservation = 2 GHz\n"
		"cpu-limit = none\n"
		"[vm \"db-1\"]\n"
		"cpu-shares = 4000\n"
		"cpu-latency = low\n"
		"cpu-charge-others = on\n"
		"mem-share-zero = pressure\n"
		"mem-limit = 2G\n"
		"[vm \"*-1\"]\n"
		"balloon = no\n"
		"balloon-floor = 512M\n"
		"[vm \"d*-1\"]\n"
		"balloon = yes\n"
		"balloon-speed = 20M\n";
	struct vmqos_policy *policy;
	struct vmqos_policy_vm vm;
	int errors;

	policy = parse(rules, &errors);
	vmqos_policy_match(policy, "web", NULL, &vm);
	tap_ok(errors == 0 && vm.cpu_shares_level == VMQOS_CPU_LOW && !vm.cpu_shares &&
	       vm.cpu_limit.ppm == 1500000 && !vm.cpu_charge_others &&
	       vm.present == (VMQOS_POLICY_VM_CPU_SHARES | VMQOS_POLICY_VM_CPU_LIMIT |
			      VMQOS_POLICY_VM_CPU_CHARGE_OTHERS),
	       "a VM of the common pattern gets what that says");
	vmqos_policy_match(policy, "db-2", NULL, &vm);
	tap_ok(vm.cpu_shares_level == VMQOS_CPU_LOW && vm.cpu_reservation.khz == 2000000 &&
	       (vm.present & VMQOS_POLICY_VM_CPU_LIMIT) && !vm.cpu_limit.ppm && !vm.cpu_limit.khz,
	       "no limit of a longer pattern beats the limit of a shorter one");
	vmqos_policy_match(policy, "db-1", NULL, &vm);
	tap_ok(vm.cpu_shares == 4000 && vm.cpu_shares_level == VMQOS_CPU_CUSTOM &&
	       vm.cpu_reservation.khz == 2000000 && vm.cpu_latency == VMQOS_LATENCY_LOW &&
	       vm.cpu_charge_others && vm.mem_share_zero == VMQOS_ZERO_PRESSURE &&
	       vm.mem_limit == UINT64_C(2) << 30 &&
	       (vm.present & VMQOS_POLICY_VM_FORCE) == VMQOS_POLICY_VM_FORCE,
	       "a name's settings come together with those of its patterns");
	tap_ok((vm.present & VMQOS_POLICY_VM_BALLOON) && vm.balloon &&
	       vm.balloon_floor == UINT64_C(512) << 20 && vm.balloon_speed == 20 << 20,
	       "and so do those of its balloon");
	vmqos_policy_free(policy);
}

/* Patterns are an administrator's, names are not: no name may take long. */
static void test_hostile_name(void)
{
	struct vmqos_policy_vm vm;
	struct vmqos_policy *policy;
	char name[VMQOS_NAME_MAX + 1];
	struct timespec begin, end;
	double seconds;
	int errors;

	memset(name, 'a', VMQOS_NAME_MAX);
	name[VMQOS_NAME_MAX] = '\0';
	policy = parse("[vm \"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\"]\nadopt = no\n", &errors);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	vmqos_policy_match(policy, name, NULL, &vm);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	seconds = end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9;
	tap_ok(errors == 0 && !vm.present && seconds < 0.1, "19 stars against 63 bytes take no time");
	vmqos_policy_free(policy);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void test_folder(void)
{
	char folder[] = "/tmp/vmqos-policy-XXXXXX", path[300];
	static const char *const files[] = {
		"10-a.conf", "9-b.conf", "20.conf", ".hidden.conf", "note.txt",
	};
	struct vmqos_policy_vm vm;
	struct vmqos_policy *policy = vmqos_policy_new();
	size_t i;
	int ret;

	if (!mkdtemp(folder)) {
		perror(folder);
		exit(1);
	}
	/* In byte order 10-a.conf comes before 9-b.conf, whose equal pattern then counts. */
	write_file(folder, files[0], "[vm \"?-web\"]\nadopt = no\n");
	write_file(folder, files[1], "[vm \"*-web\"]\nadopt = yes\n");
	write_file(folder, files[3], "nonsense\n");
	write_file(folder, files[4], "nonsense\n");
	told[0] = '\0';
	ret = vmqos_policy_read(policy, folder, tell, NULL);
	vmqos_policy_match(policy, "a-web", NULL, &vm);
	tap_ok(ret == 0 && vm.adopt && vmqos_policy_sections(policy) == 2,
	       "*.conf of a folder are read in the order of their names, others are not");
	vmqos_policy_free(policy);

	policy = vmqos_policy_new();
	write_file(folder, files[2], "[vm \"*-web\"]\nadopt = perhaps\n");
	ret = vmqos_policy_read(policy, folder, tell, NULL);
	tap_ok(ret == 2 && strstr(told, "/20.conf:2: adopt is 'perhaps'") &&
	       strstr(told, "/9-b.conf:1: this section is already at") && strstr(told, "20.conf:1"),
	       "errors name the file, a section in two files is told with both places");
	vmqos_policy_free(policy);

	policy = vmqos_policy_new();
	snprintf(path, sizeof(path), "%s/fifo.conf", folder);
	told[0] = '\0';
	if (mkfifo(path, 0600))
		perror(path);
	snprintf(path, sizeof(path), "%s/20.conf", folder);
	unlink(path);
	ret = vmqos_policy_read(policy, folder, tell, NULL);
	tap_ok(ret == 1 && strstr(told, "fifo.conf:0: is no regular file"),
	       "a fifo does not hold the reading up and is told");
	vmqos_policy_free(policy);

	policy = vmqos_policy_new();
	snprintf(path, sizeof(path), "%s/none", folder);
	tap_ok(vmqos_policy_read(policy, path, tell, NULL) < 0, "a folder that is missing is an error");
	vmqos_policy_free(policy);

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/fifo.conf", folder);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	test_mistakes();
	test_matches();
	test_host();
	test_cpu();
	test_hostile_name();
	test_folder();
	return tap_end();
}
