// SPDX-License-Identifier: GPL-2.0
/* Fuzz target: the command line of a VMM, which is whatever a process puts there. */
#include <stdlib.h>
#include <string.h>

#include <vmqos/vmqos.h>

#include "fuzz.h"

#define UUID	"6b1c430e-872b-4d17-9a22-5f0a3c9e1104"

#define TEN	"0123456789"
#define LONG	TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN \
		TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	VMQOS_FUZZ_SEED("qemu-system-x86_64\0-name\0guest=web,debug-threads=on\0-uuid\0" UUID "\0"),
	VMQOS_FUZZ_SEED("kvm\0--name\0a,,b,process=c\0-qmp\0unix:/run/qmp,server=on\0"),
	VMQOS_FUZZ_SEED("qemu\0-chardev\0socket,id=m,path=/run/m,server=on\0"
			"-mon\0chardev=m,id=monitor,mode=control\0"),
	VMQOS_FUZZ_SEED("qemu\0-mon\0m,mode=control\0-chardev\0socket,path=/x,id=m\0-name\0x\0"),
	VMQOS_FUZZ_SEED("qemu\0-name\0guest=" LONG ",process=" LONG "\0-qmp\0unix:" LONG "\0"),
	VMQOS_FUZZ_SEED("qemu\0-chardev\0socket,id=vmqos,path=/v\0-mon\0vmqos,mode=control\0"
			"-chardev\0socket,id=m,fd=3\0-mon\0m,mode=control\0-qmp\0unix:q\0"),
	VMQOS_FUZZ_SEED("/usr/bin/firecracker\0--id\0abc\0"),
	{ 0 }
};

static void check_text(const char *text, size_t size)
{
	if (!memchr(text, '\0', size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmqos_process process;
	/* Of the exact size, so that a sanitizer sees a step beyond. */
	char *copy = malloc(size);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	/* What is filled must not depend on what was there. */
	memset(&process, 0xff, sizeof(process));
	strcpy(process.comm, "some vmm");
	vmqos_cmdline_parse(&process, copy, size);
	check_text(process.name, sizeof(process.name));
	check_text(process.qmp_path, sizeof(process.qmp_path));
	if (vmqos_name_check(process.name))
		abort();
	if (!process.qemu && (process.has_uuid || process.qmp_path[0] || process.qmp_fd ||
			      strcmp(process.name, "some_vmm")))
		abort();
	free(copy);
	return 0;
}
