// SPDX-License-Identifier: GPL-2.0
/*
 * Command lines of VMMs, and processes that hold VMs: a /proc of our own says
 * which descriptors are VMs, a child of ours has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vmqos.h>
#include <vmqos/vmqos.h>

#include "../lib/process.h"
#include "check.h"
#include "fake_kernel.h"

#define UUID	"6b1c430e-872b-4d17-9a22-5f0a3c9e1104"

static struct vmqos_process parse(const char *comm, const char *text, size_t size)
{
	struct vmqos_process process = { .pid = 1 };
	/* On the heap and of the exact size, so that a sanitizer sees the end. */
	char *copy = malloc(size);

	memcpy(copy, text, size);
	snprintf(process.comm, sizeof(process.comm), "%s", comm);
	vmqos_cmdline_parse(&process, copy, size);
	free(copy);
	return process;
}

#define PARSE(comm, text)	parse(comm, text, sizeof(text))

static void qemu_by_hand(void)
{
	struct vmqos_process p;

	p = PARSE("qemu-system-x86", "qemu-system-x86_64\0-enable-kvm\0-name\0web\0-m\0" "1G");
	CHECK(p.qemu);
	CHECK_STR(p.name, "web");
	CHECK(!p.has_uuid);
	CHECK_STR(p.qmp_path, "");
	p = PARSE("qemu-system-x86", "/usr/bin/qemu-system-x86_64\0--name\0web,process=q"
		  "\0-uuid\0" UUID
		  "\0-qmp\0unix:/run/web.sock,server,nowait");
	CHECK_STR(p.name, "web");
	CHECK(p.has_uuid);
	CHECK_EQ(p.uuid[0], 0x6b);
	CHECK_STR(p.qmp_path, "/run/web.sock");
	p = PARSE("kvm", "kvm\0-name\0debug-threads=on,guest=web");
	CHECK_STR(p.name, "web");
	/* The last one wins, as in QEMU. */
	p = PARSE("kvm", "kvm\0-name\0one\0-name\0two");
	CHECK_STR(p.name, "two");
	/* The value of an option is no option, whatever it looks like. */
	p = PARSE("kvm", "kvm\0-name\0-uuid\0-append\0-name=x");
	CHECK_STR(p.name, "-uuid");
	CHECK(!p.has_uuid);
}

static void qemu_of_libvirt(void)
{
	struct vmqos_process p;

	p = PARSE("qemu-system-x86",
		  "/usr/bin/qemu-system-x86_64\0-name\0guest=deb12,debug-threads=on\0-S\0-object\0"
		  "{\"qom-type\":\"secret\",\"id\":\"masterKey0\"}\0-machine\0pc-q35-7.2"
		  "\0-uuid\0" UUID
		  "\0-chardev\0socket,id=charmonitor,path=/var/lib/libvirt/qemu/d-1/monitor.sock,server=on,wait=off"
		  "\0-mon\0chardev=charmonitor,id=monitor,mode=control");
	CHECK_STR(p.name, "deb12");
	CHECK(p.has_uuid);
	CHECK_STR(p.qmp_path, "/var/lib/libvirt/qemu/d-1/monitor.sock");
	/* A monitor for people is none for us, nor is one without a path. */
	p = PARSE("q", "qemu\0-chardev\0socket,id=m,path=/x\0-mon\0chardev=m,mode=readline");
	CHECK_STR(p.qmp_path, "");
	CHECK(!p.qmp_fd);
	p = PARSE("q", "qemu\0-chardev\0socket,id=m,fd=27,server=on\0-mon\0chardev=m,mode=control");
	CHECK_STR(p.qmp_path, "");
	CHECK(p.qmp_fd);
	/* One that was added for us comes before all others, wherever it stands. */
	p = PARSE("q", "qemu\0-chardev\0socket,id=vmqos,path=/v,server=on\0"
		  "-mon\0chardev=vmqos,mode=control\0"
		  "-chardev\0socket,id=m,fd=27\0-mon\0chardev=m,mode=control\0-qmp\0unix:/q");
	CHECK_STR(p.qmp_path, "/v");
	CHECK(p.qmp_fd);
	p = PARSE("q", "qemu\0-mon\0m,mode=control\0-chardev\0socket,id=n,path=/n\0"
		  "-chardev\0socket,path=/m,id=m");
	CHECK_STR(p.qmp_path, "/m");
}

static void odd_names(void)
{
	struct vmqos_process p;
	char text[200];

	p = PARSE("kvm", "kvm\0-name\0guest=a,,b,debug-threads=on");
	CHECK_STR(p.name, "a,b");
	p = PARSE("kvm", "kvm\0-name\0two words/and a slash");
	CHECK_STR(p.name, "two_words_and_a_slash");
	p = PARSE("kvm", "kvm\0-name\0\xc3\xa4\x01");
	CHECK_STR(p.name, "___");
	/* No name: that of the process. */
	p = PARSE("CPU 0/KVM", "kvm\0-m\0" "1G");
	CHECK_STR(p.name, "CPU_0_KVM");
	p = PARSE("kvm", "kvm\0-name\0guest=,debug-threads=on");
	CHECK_STR(p.name, "kvm");
	p = PARSE("kvm", "kvm\0-name\0");
	CHECK_STR(p.name, "kvm");
	memset(text, 'n', sizeof(text));
	memcpy(text, "kvm\0-name\0", 10);
	text[sizeof(text) - 1] = '\0';
	p = parse("kvm", text, sizeof(text));
	CHECK_EQ(strlen(p.name), VMQOS_NAME_MAX);
	CHECK(!vmqos_name_check(p.name));
}

static void no_qemu(void)
{
	struct vmqos_process p;

	p = PARSE("fc_vcpu 0", "/usr/bin/firecracker\0--id\0x\0-name\0y");
	CHECK(!p.qemu);
	CHECK_STR(p.name, "fc_vcpu_0");
	p = PARSE("a", "");
	CHECK(!p.qemu);
	CHECK_STR(p.name, "a");
	p = parse("a", "qemu", 4);	/* not closed */
	CHECK(!p.qemu);
	p = parse("a", "qemu\0-name\0web", 14);
	CHECK(p.qemu);
	CHECK_STR(p.name, "a");
	p = parse("a", "qemu\0-name", 10);
	CHECK_STR(p.name, "a");
	p = PARSE("a", "qemu\0-uuid\0no-uuid\0-qmp\0tcp:localhost:1\0-mon\0\0-mon\0mode=control");
	CHECK(!p.has_uuid);
	CHECK_STR(p.qmp_path, "");
}

/* --- a /proc of our own --- */

static char root[] = "/tmp/vmqos-proc-XXXXXX";

static void write_file(uint32_t pid, const char *name, const char *text, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%u", root, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%u/%s", root, pid, name);
	file = fopen(path, "w");
	if (!file || fwrite(text, 1, size, file) != size || fclose(file))
		abort();
}

static void add_process(uint32_t pid, const char *comm, const char *cmdline, size_t size)
{
	char path[256];

	write_file(pid, "comm", comm, strlen(comm));
	write_file(pid, "cmdline", cmdline, size);
	snprintf(path, sizeof(path), "%s/%u/fd", root, pid);
	mkdir(path, 0700);
}

static void add_fd(uint32_t pid, int fd, const char *link)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%u/fd/%d", root, pid, fd);
	if (symlink(link, path))
		abort();
}

/* A child with descriptors 10 and 11 of their own and 12 a copy of 10. */
static pid_t start_holder(void)
{
	int pipes[2];
	pid_t pid;
	char byte;

	if (pipe(pipes))
		abort();
	pid = fork();
	if (!pid) {
		int one = open("/dev/null", O_RDONLY);
		int two = open("/dev/null", O_RDONLY);

		if (dup2(one, 10) != 10 || dup2(two, 11) != 11 || dup2(10, 12) != 12 ||
		    write(pipes[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(pipes[0], &byte, 1) != 1)
		abort();
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void stop_holder(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define QEMU_WEB	"qemu-system-x86_64\0-name\0guest=shop,debug-threads=on\0-uuid\0" UUID

static void scan(void)
{
	struct vmqos_process *processes;
	struct vmqos_process process;
	unsigned int unreadable = 99;
	struct vmqos *ctx;
	size_t count;
	pid_t pid;

	pid = start_holder();
	add_process(pid, "qemu-system-x86\n", QEMU_WEB, sizeof(QEMU_WEB));
	add_fd(pid, 10, "anon_inode:kvm-vm");
	add_fd(pid, 12, "anon_inode:kvm-vm");
	add_fd(pid, 13, "anon_inode:kvm-vcpu:0");
	add_fd(pid, 14, "/tmp/anon_inode:kvm-vm");
	add_process(2147480000, "sleep\n", "sleep\0" "1", 8);
	add_fd(2147480000, 3, "/dev/null");

	CHECK_EQ(vmqos_open(&ctx), 0);
	CHECK_EQ(vmqos_process_scan(ctx, &processes, &count, &unreadable), 0);
	CHECK_EQ(count, 1);
	CHECK_EQ(unreadable, 0);
	if (count == 1) {
		CHECK_EQ(processes[0].pid, pid);
		CHECK_EQ(processes[0].vms, 1);
		CHECK_STR(processes[0].name, "shop");
		CHECK_STR(processes[0].comm, "qemu-system-x86");
		CHECK(processes[0].has_uuid);
	}
	free(processes);

	CHECK_EQ(vmqos_process_find(ctx, "shop", &process), 0);
	CHECK_EQ(process.pid, pid);
	CHECK_EQ(vmqos_process_find(ctx, UUID, &process), 0);
	CHECK_EQ(process.pid, pid);
	CHECK_EQ(vmqos_process_find(ctx, "sleep", &process), -ENOENT);
	CHECK_EQ(vmqos_process_identify(ctx, pid, &process), 0);
	CHECK_EQ(process.vms, 1);
	CHECK_EQ(vmqos_process_identify(ctx, 2147480001, &process), -ESRCH);
	CHECK(strstr(vmqos_error(ctx), "2147480001"));

	add_process(2147480002, "kvm\n", "kvm\0-name\0shop", 15);
	add_fd(2147480002, 3, "anon_inode:kvm-vm");
	CHECK_EQ(vmqos_process_find(ctx, "shop", &process), -ENOTUNIQ);
	CHECK(strstr(vmqos_error(ctx), "2147480002"));
	vmqos_close(ctx);
	stop_holder(pid);
}

static void adopt(void)
{
	struct vmqos_vm_settings settings = { .set = VMQOS_HAS(VMQOS_VM_NAME), .name = "given" };
	struct vmqos_vm *vms;
	struct vmqos *ctx;
	char expected[64];
	size_t count;
	pid_t pid;

	vmqos_fake_reset();
	pid = start_holder();
	add_process(pid, "qemu-system-x86\n", QEMU_WEB, sizeof(QEMU_WEB));
	add_fd(pid, 10, "anon_inode:kvm-vm");
	CHECK_EQ(vmqos_open(&ctx), 0);

	CHECK_EQ(vmqos_vm_adopt_pid(ctx, pid, NULL, &vms, &count), 0);
	CHECK_EQ(count, 1);
	if (count == 1) {
		CHECK_STR(vms[0].name, "shop");
		CHECK_EQ(vms[0].pid, pid);
		CHECK(vms[0].has & VMQOS_HAS(VMQOS_VM_UUID));
		CHECK_EQ(vms[0].uuid[15], 0x04);
	}
	free(vms);

	/* Twice more: the name is taken, which a given name may not be. */
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, pid, NULL, &vms, &count), 0);
	snprintf(expected, sizeof(expected), "shop-%d", pid);
	if (count == 1)
		CHECK_STR(vms[0].name, expected);
	free(vms);
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, pid, NULL, &vms, &count), 0);
	snprintf(expected, sizeof(expected), "shop-%d-2", pid);
	if (count == 1)
		CHECK_STR(vms[0].name, expected);
	free(vms);
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, pid, &settings, &vms, &count), 0);
	free(vms);
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, pid, &settings, &vms, &count), -EEXIST);
	CHECK_EQ(count, 0);
	CHECK_STR(vmqos_error_attr(ctx), "name");

	/* A second VM: no name can be given, and each gets one of its own. */
	add_fd(pid, 11, "anon_inode:kvm-vm");
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, pid, &settings, &vms, &count), -EINVAL);
	vmqos_close(ctx);
	stop_holder(pid);
}

static void adopt_several(void)
{
	struct vmqos_adoption adoption;
	char expected[64];
	struct vmqos *ctx;
	pid_t pid;

	vmqos_fake_reset();
	pid = start_holder();
	add_process(pid, "vmm\n", "vmm\0", 5);
	add_fd(pid, 10, "anon_inode:kvm-vm");
	add_fd(pid, 11, "anon_inode:kvm-vm");
	CHECK_EQ(vmqos_open(&ctx), 0);
	/* Those of the tests before have ended and are nobody's fault. */
	CHECK_EQ(vmqos_vm_adopt_all(ctx, &adoption), 0);
	CHECK_EQ(adoption.vm_count, 2);
	if (adoption.vm_count == 2) {
		CHECK_STR(adoption.vms[0].name, "vmm");
		snprintf(expected, sizeof(expected), "vmm-%d", pid);
		CHECK_STR(adoption.vms[1].name, expected);
		CHECK(!(adoption.vms[0].has & VMQOS_HAS(VMQOS_VM_UUID)));
	}
	vmqos_adoption_free(&adoption);

	/* The first one was made by another process, which is no failure. */
	vmqos_fake.refuse = -EINVAL;
	vmqos_fake.sentence = "the process is not the one that made this VM";
	vmqos_fake.blame = VMQOS_VM_A_PID;
	CHECK_EQ(vmqos_vm_adopt_all(ctx, &adoption), 0);
	CHECK_EQ(adoption.vm_count, 1);
	vmqos_adoption_free(&adoption);
	vmqos_fake.sentence = NULL;
	vmqos_fake.blame = 0;

	vmqos_fake.refuse = -EPERM;
	CHECK_EQ(vmqos_vm_adopt_all(ctx, &adoption), -EPERM);
	CHECK(strstr(vmqos_error(ctx), "CAP_NET_ADMIN"));
	vmqos_adoption_free(&adoption);
	vmqos_close(ctx);
	stop_holder(pid);
}

static void adopt_nothing(void)
{
	struct vmqos_vm *vms;
	struct vmqos *ctx;
	size_t count;

	add_process(getpid(), "test\n", "test\0", 6);
	CHECK_EQ(vmqos_open(&ctx), 0);
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, getpid(), NULL, &vms, &count), -ENOENT);
	add_fd(getpid(), 1, "anon_inode:kvm-vm");
	vmqos_fake.refuse = -EINVAL;
	vmqos_fake.sentence = "the process is not the one that made this VM";
	vmqos_fake.blame = VMQOS_VM_A_PID;
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, getpid(), NULL, &vms, &count), -EINVAL);
	CHECK_STR(vmqos_error(ctx), vmqos_fake.sentence);
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, 2147480009, NULL, &vms, &count), -ESRCH);
	CHECK(!vms);
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, 2147480009, NULL, NULL, NULL), -ESRCH);
	vmqos_close(ctx);
}

static bool ends_now;

/* Of a process that ends after the link was found, and before it is read. */
ssize_t readlinkat(int folder, const char *name, char *text, size_t size)
{
	if (ends_now) {
		ends_now = false;
		unlinkat(folder, name, 0);
		errno = EACCES;
		return -1;
	}
	return syscall(SYS_readlinkat, folder, name, text, size);
}

static void ends_when_looked_at(void)
{
	pid_t pid = start_holder();
	struct vmqos_vm *vms;
	struct vmqos *ctx;
	size_t count;

	add_process(pid, "test\n", "test\0", 6);
	add_fd(pid, 10, "anon_inode:kvm-vm");
	CHECK_EQ(vmqos_open(&ctx), 0);
	ends_now = true;
	CHECK_EQ(vmqos_vm_adopt_pid(ctx, pid, NULL, &vms, &count), -ENOENT);
	CHECK(!ends_now);
	vmqos_close(ctx);
	stop_holder(pid);
}

int main(void)
{
	char command[64];
	int result;

	if (!mkdtemp(root))
		abort();
	vmqos_proc_root = root;
	RUN(qemu_by_hand);
	RUN(qemu_of_libvirt);
	RUN(odd_names);
	RUN(no_qemu);
	RUN(scan);
	RUN(adopt);
	RUN(adopt_several);
	RUN(adopt_nothing);
	RUN(ends_when_looked_at);
	result = end_tests();
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command) ? 1 : result;
}
