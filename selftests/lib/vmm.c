// SPDX-License-Identifier: GPL-2.0
/*
 * VMs and vCPUs of the test VMM: creation, threads, start and stop.
 *
 * Each vCPU has one thread for its life (unless a test replaces it), which is
 * either in its KVM_RUN loop or waits on the vCPU's condition. Counters are
 * written by that thread alone and read by anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "vmm_guest.h"
#include "vmm_vcpu.h"

#define KICK_SIGNAL	SIGUSR1
#define STACK_BYTES	(48 * 1024)
#define TOUCH_ALIGN	(2ull << 20)

static int kvm_fd = -1;
static int run_bytes;

static void kick_handler(int sig)
{
	(void)sig;		/* its only purpose is to end a system call */
}

static int open_kvm(void)
{
	struct sigaction action = { .sa_handler = kick_handler };

	if (kvm_fd >= 0)
		return 0;
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		return -errno;
	run_bytes = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < 0)
		return -errno;
	sigaction(KICK_SIGNAL, &action, NULL);
	mallopt(M_ARENA_MAX, 1);
	return 0;
}

/**
 * vmqos_vmm_raise_limits() - allow this process the descriptors it will need
 * @vms: number of VMs
 * @vcpus: number of vCPUs of all VMs together
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_raise_limits(unsigned int vms, unsigned int vcpus)
{
	struct rlimit limit;
	rlim_t need = vms + vcpus + 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	if (limit.rlim_cur >= need)
		return 0;
	limit.rlim_cur = need;
	if (limit.rlim_max < need)
		limit.rlim_max = need;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int add_memory(struct vmqos_vmm_vm *vm, uint64_t at, uint64_t bytes, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = vm->slots, .guest_phys_addr = at,
		.memory_size = bytes, .userspace_addr = (uintptr_t)host,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return -errno;
	vm->slots++;
	return 0;
}

static int setup_vm(struct vmqos_vmm_vm *vm)
{
	struct kvm_enable_cap irqchip = { .cap = KVM_CAP_SPLIT_IRQCHIP };
	struct kvm_enable_cap no_poll = { .cap = KVM_CAP_HALT_POLL };

	vm->fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return -errno;
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000ul) < 0)
		return -errno;
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &irqchip) < 0)
		return -errno;
	/* Without polling every halt that finds nothing to do really blocks. */
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &no_poll) < 0)
		return -errno;
	vm->memory = mmap(NULL, vm->memory_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->memory == MAP_FAILED) {
		vm->memory = NULL;
		return -errno;
	}
	vmqos_guest_write_image(vm->memory);
	return add_memory(vm, 0, vm->memory_bytes, vm->memory);
}

/**
 * vmqos_vmm_create() - make a VM without vCPUs
 * @name: its name, for the tests' own use
 * @max_vcpus: most vCPUs it may get
 * @memory: bytes of guest memory, 0 for as little as possible
 *
 * Return: the VM, or NULL with errno set.
 */
struct vmqos_vmm_vm *vmqos_vmm_create(const char *name, unsigned int max_vcpus, uint64_t memory)
{
	struct vmqos_vmm_vm *vm;
	int ret;

	if (!max_vcpus || max_vcpus > VMQOS_VMM_MAX_VCPUS || memory > (2ull << 30)) {
		errno = EINVAL;
		return NULL;
	}
	ret = open_kvm();
	if (ret) {
		errno = -ret;
		return NULL;
	}
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return NULL;
	vm->fd = -1;
	vm->vcpu = calloc(max_vcpus, sizeof(*vm->vcpu));
	vm->max_vcpus = max_vcpus;
	snprintf(vm->name, sizeof(vm->name), "%s", name);
	vm->memory_bytes = vmqos_guest_memory(max_vcpus);
	if (memory > vm->memory_bytes)
		vm->memory_bytes = (memory + 4095) & ~4095ull;
	vm->next_touch = (vm->memory_bytes + TOUCH_ALIGN - 1) & ~(TOUCH_ALIGN - 1);
	ret = vm->vcpu ? setup_vm(vm) : -ENOMEM;
	if (ret) {
		vmqos_vmm_destroy(vm);
		errno = -ret;
		return NULL;
	}
	return vm;
}

static void run_loop(struct vcpu *v)
{
	bool io = false;

	while (__atomic_load_n(&v->want, __ATOMIC_ACQUIRE) == WANT_RUN) {
		if (ioctl(v->fd, KVM_RUN, 0) < 0) {
			/* A signal, our kick, or work the kernel wants done: go on. */
			if (errno == EINTR || errno == EAGAIN) {
				vmqos_vmm_bump(&v->interrupted);
				continue;
			}
			fprintf(stderr, "vmm: %s: vCPU %d: KVM_RUN failed: %s\n",
				v->vm->name, v->index, strerror(errno));
			abort();
		}
		vmqos_vmm_bump(&v->runs);
		io = v->run->exit_reason == KVM_EXIT_IO || v->run->exit_reason == KVM_EXIT_MMIO;
		if (!io) {
			vmqos_vmm_tell_exit(v);
			abort();
		}
		vmqos_vmm_handle_exit(v);
	}
	/* Let KVM finish the I/O, so that registers may be changed. */
	if (io) {
		v->run->immediate_exit = 1;
		ioctl(v->fd, KVM_RUN, 0);
	}
}

static void *vcpu_thread(void *data)
{
	struct vcpu *v = data;
	char name[16];

	snprintf(name, sizeof(name), "CPU %d/KVM", v->index);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&v->lock);
	v->tid = gettid();
	for (;;) {
		v->stopped = v->want != WANT_RUN;
		pthread_cond_broadcast(&v->changed);
		if (v->want == WANT_END)
			break;
		if (v->want == WANT_STOP) {
			pthread_cond_wait(&v->changed, &v->lock);
			continue;
		}
		v->run->immediate_exit = 0;
		pthread_mutex_unlock(&v->lock);
		run_loop(v);
		pthread_mutex_lock(&v->lock);
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

static int start_thread(struct vcpu *v)
{
	pthread_attr_t attr;
	int ret;

	v->tid = 0;
	v->want = WANT_STOP;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	ret = -pthread_create(&v->thread, &attr, vcpu_thread, v);
	pthread_attr_destroy(&attr);
	if (ret)
		return ret;
	v->has_thread = true;
	pthread_mutex_lock(&v->lock);
	while (!v->tid)
		pthread_cond_wait(&v->changed, &v->lock);
	pthread_mutex_unlock(&v->lock);
	return 0;
}

/* Give the guest a region at its next free address. */
static int add_region(struct vmqos_vmm_vm *vm, uint64_t bytes, void *host, uint64_t *at)
{
	int ret;

	if (!bytes || vm->next_touch + bytes > GUEST_MMIO)
		return -ENOMEM;
	ret = add_memory(vm, vm->next_touch, bytes, host);
	if (ret)
		return ret;
	*at = vm->next_touch;
	vm->next_touch += (bytes + TOUCH_ALIGN - 1) & ~(TOUCH_ALIGN - 1);
	return 0;
}

/* The caller's memory, and a table of our own with a word for each of its pages. */
static int setup_churn(struct vcpu *v, const struct vmqos_vmm_workload *workload)
{
	uint64_t bytes = (workload->bytes / 1024 + 4095) & ~4095ull;
	void *host;
	int ret;

	if (workload->bytes % 4096 || workload->offset % 4 || workload->offset >= 4096)
		return -EINVAL;
	ret = add_region(v->vm, workload->bytes, workload->memory, &v->touch_base);
	if (ret)
		return ret;
	host = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (host == MAP_FAILED)
		return -errno;
	ret = add_region(v->vm, bytes, host, &v->table_base);
	if (ret)
		munmap(host, bytes);
	return ret;
}

static int setup_workload(struct vcpu *v, const struct vmqos_vmm_workload *workload)
{
	struct vmqos_vmm_vm *vm = v->vm;
	uint64_t bytes = (workload->bytes + 4095) & ~4095ull;
	void *host;
	int ret;

	if (workload->kind == VMQOS_VMM_TOUCH) {
		host = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (host == MAP_FAILED)
			return -errno;
		ret = add_region(vm, bytes, host, &v->touch_base);
		if (ret) {
			munmap(host, bytes);
			return ret;
		}
	}
	if (workload->kind == VMQOS_VMM_CHURN) {
		ret = setup_churn(v, workload);
		if (ret)
			return ret;
	}
	v->workload = *workload;
	return vmqos_guest_setup(v->fd, v->index, vm->memory, v->touch_base, v->table_base,
				 workload);
}

static void free_vcpu(struct vcpu *v)
{
	if (v->run)
		munmap(v->run, run_bytes);
	if (v->fd >= 0)
		close(v->fd);
	pthread_cond_destroy(&v->changed);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

/**
 * vmqos_vmm_add_vcpu() - give a VM one more vCPU, with a thread that waits
 * @vm: the VM; it may be running
 * @workload: what the vCPU shall do when it is started
 *
 * Return: number of the vCPU or a negative error number.
 */
int vmqos_vmm_add_vcpu(struct vmqos_vmm_vm *vm, const struct vmqos_vmm_workload *workload)
{
	struct vcpu *v;
	int ret;

	if (vm->vcpus >= (int)vm->max_vcpus)
		return -ENOSPC;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->vm = vm;
	v->index = vm->vcpus;
	v->stopped = true;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->changed, NULL);
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, v->index);
	if (v->fd < 0) {
		ret = -errno;
		goto fail;
	}
	v->run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		ret = -errno;
		goto fail;
	}
	ret = vmqos_guest_init_vcpu(v->fd, v->index);
	if (!ret)
		ret = setup_workload(v, workload);
	if (!ret)
		ret = start_thread(v);
	if (ret)
		goto fail;
	vm->vcpu[vm->vcpus++] = v;
	return v->index;
fail:
	free_vcpu(v);
	return ret;
}

static struct vcpu *get_vcpu(const struct vmqos_vmm_vm *vm, int vcpu)
{
	return vcpu >= 0 && vcpu < vm->vcpus ? vm->vcpu[vcpu] : NULL;
}

/* Tell the thread what to do; unless it shall run, wait until it does not. */
static int command(struct vcpu *v, enum want want)
{
	struct timespec next;

	if (!v)
		return -EINVAL;
	if (!v->has_thread)
		return -ESRCH;
	if (want == WANT_RUN && v->workload.kind == VMQOS_VMM_PAUSED)
		return 0;
	pthread_mutex_lock(&v->lock);
	__atomic_store_n(&v->want, want, __ATOMIC_RELEASE);
	if (want != WANT_RUN)
		v->run->immediate_exit = 1;
	pthread_cond_broadcast(&v->changed);
	while (want != WANT_RUN && !v->stopped) {
		pthread_kill(v->thread, KICK_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &next);
		next.tv_sec += (next.tv_nsec += 10000000) / 1000000000;
		next.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&v->changed, &v->lock, &next);
	}
	pthread_mutex_unlock(&v->lock);
	if (want == WANT_END) {
		pthread_join(v->thread, NULL);
		v->has_thread = false;
	}
	return 0;
}

/**
 * vmqos_vmm_start() - let a vCPU run
 * @vm: the VM
 * @vcpu: number of the vCPU; a paused one stays where it is
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_start(struct vmqos_vmm_vm *vm, int vcpu)
{
	return command(get_vcpu(vm, vcpu), WANT_RUN);
}

/**
 * vmqos_vmm_rest() - stop a vCPU when it comes to user space by itself
 * @vm: the VM
 * @vcpu: number of the vCPU, whose workload exits now and then
 *
 * Unlike vmqos_vmm_stop() it sends no signal: a vCPU that is parked stays so until it may
 * run, and what KVM tells the guest when it enters it is told.
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_rest(struct vmqos_vmm_vm *vm, int vcpu)
{
	struct vcpu *v = get_vcpu(vm, vcpu);

	if (!v)
		return -EINVAL;
	if (!v->has_thread)
		return -ESRCH;
	pthread_mutex_lock(&v->lock);
	__atomic_store_n(&v->want, WANT_STOP, __ATOMIC_RELEASE);
	while (!v->stopped)
		pthread_cond_wait(&v->changed, &v->lock);
	pthread_mutex_unlock(&v->lock);
	return 0;
}

/**
 * vmqos_vmm_stop() - take a vCPU out of KVM_RUN; returns when it waits
 * @vm: the VM
 * @vcpu: number of the vCPU
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_stop(struct vmqos_vmm_vm *vm, int vcpu)
{
	return command(get_vcpu(vm, vcpu), WANT_STOP);
}

/**
 * vmqos_vmm_end_thread() - end the thread of a vCPU, the vCPU itself stays
 * @vm: the VM
 * @vcpu: number of the vCPU
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_end_thread(struct vmqos_vmm_vm *vm, int vcpu)
{
	return command(get_vcpu(vm, vcpu), WANT_END);
}

/**
 * vmqos_vmm_rethread() - let another thread take over a vCPU, and start it
 * @vm: the VM
 * @vcpu: number of the vCPU
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_rethread(struct vmqos_vmm_vm *vm, int vcpu)
{
	struct vcpu *v = get_vcpu(vm, vcpu);
	int ret;

	if (!v)
		return -EINVAL;
	if (v->has_thread)
		command(v, WANT_END);
	ret = start_thread(v);
	return ret ? ret : command(v, WANT_RUN);
}

/**
 * vmqos_vmm_set_workload() - stop a vCPU, give it other work, start it
 * @vm: the VM
 * @vcpu: number of the vCPU
 * @workload: what it shall do from now on
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_set_workload(struct vmqos_vmm_vm *vm, int vcpu,
			   const struct vmqos_vmm_workload *workload)
{
	struct vcpu *v = get_vcpu(vm, vcpu);
	int ret = command(v, WANT_STOP);

	if (!ret)
		ret = setup_workload(v, workload);
	return ret ? ret : command(v, WANT_RUN);
}

/**
 * vmqos_vmm_destroy() - end all threads of a VM and close it
 * @vm: the VM
 *
 * Regions of touch stay mapped in this process: tests that use them are short.
 */
void vmqos_vmm_destroy(struct vmqos_vmm_vm *vm)
{
	for (int i = 0; i < vm->vcpus; i++) {
		if (vm->vcpu[i]->has_thread)
			command(vm->vcpu[i], WANT_END);
		free_vcpu(vm->vcpu[i]);
	}
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->memory)
		munmap(vm->memory, vm->memory_bytes);
	free(vm->vcpu);
	free(vm);
}

const char *vmqos_vmm_name(const struct vmqos_vmm_vm *vm)
{
	return vm->name;
}

int vmqos_vmm_fd(const struct vmqos_vmm_vm *vm)
{
	return vm->fd;
}

int vmqos_vmm_vcpus(const struct vmqos_vmm_vm *vm)
{
	return vm->vcpus;
}

pid_t vmqos_vmm_tid(const struct vmqos_vmm_vm *vm, int vcpu)
{
	return get_vcpu(vm, vcpu)->tid;
}

int vmqos_vmm_vcpu_fd(const struct vmqos_vmm_vm *vm, int vcpu)
{
	return get_vcpu(vm, vcpu)->fd;
}

const struct vmqos_vmm_workload *vmqos_vmm_workload(const struct vmqos_vmm_vm *vm, int vcpu)
{
	return &get_vcpu(vm, vcpu)->workload;
}

/**
 * vmqos_vmm_tell_steal() - have KVM tell a vCPU its steal time
 * @vm: the VM
 * @vcpu: number of the vCPU, which was not started yet or is stopped
 *
 * Return: 0 or a negative error number.
 */
int vmqos_vmm_tell_steal(struct vmqos_vmm_vm *vm, int vcpu)
{
	return vmqos_guest_tell_steal(get_vcpu(vm, vcpu)->fd, vcpu);
}

/**
 * vmqos_vmm_steal() - what a vCPU knows about stolen time
 * @vm: the VM
 * @vcpu: number of the vCPU
 * @out: where to put it; its steal time is as old as its last entry into the guest
 */
void vmqos_vmm_steal(struct vmqos_vmm_vm *vm, int vcpu, struct vmqos_vmm_steal *out)
{
	volatile struct vmqos_guest_block *block = vmqos_guest_block(vm->memory, vcpu);
	struct vcpu *v = get_vcpu(vm, vcpu);

	out->ns = block->steal.steal;
	memcpy(out->looks, v->looks, sizeof(out->looks));
}

/**
 * vmqos_vmm_counts() - what a vCPU did so far
 * @vm: the VM
 * @vcpu: number of the vCPU
 * @out: where to put it; exact while the vCPU is stopped
 */
void vmqos_vmm_counts(struct vmqos_vmm_vm *vm, int vcpu, struct vmqos_vmm_counts *out)
{
	struct vcpu *v = get_vcpu(vm, vcpu);
	volatile struct vmqos_guest_block *block = vmqos_guest_block(vm->memory, vcpu);

	out->work = block->work;
	out->wakes = block->wakes;
	out->ticks = block->ticks;
	out->errors = block->errors;
	out->runs = __atomic_load_n(&v->runs, __ATOMIC_RELAXED);
	out->exits = __atomic_load_n(&v->exits, __ATOMIC_RELAXED);
	out->interrupted = __atomic_load_n(&v->interrupted, __ATOMIC_RELAXED);
}
