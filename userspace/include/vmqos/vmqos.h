/* SPDX-License-Identifier: LGPL-2.1+ */
/*
 * libvmqos: resource management of KVM virtual machines.
 *
 * Every function that can fail returns 0 (or a positive answer, where said)
 * or a negative errno, and leaves a sentence in the context that says what
 * is wrong; vmqos_error() returns it. A refusal of the kernel is passed on
 * in the kernel's own words. A context is used by one thread at a time.
 *
 * Fields carry the names of the netlink interface (run-ns is run_ns). Where
 * a struct has a member "has", bit VMQOS_HAS(field) tells whether the kernel
 * reported that field; a field that was not reported is 0.
 */
#ifndef VMQOS_VMQOS_H
#define VMQOS_VMQOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_NAME_MAX		63
#define VMQOS_UUID_SIZE		16
#define VMQOS_LATENCY_BUCKETS	32

#define VMQOS_UUID_TEXT		37	/* UUID as text, with the closing NUL */
#define VMQOS_COMM_SIZE		64
#define VMQOS_PATH_SIZE		108	/* of a UNIX socket */

#define VMQOS_HAS(field)	(UINT64_C(1) << (field))

struct vmqos;
struct vmqos_events;

/* --- the context --- */

/**
 * vmqos_open() - connect to the kernel module
 * @ctx: set to the new context, also on failure (so that vmqos_error() tells
 *	 why), or to NULL when there is no memory
 *
 * Return: 0; -ENODEV when the module vmqos is not loaded; another negative
 * errno. After -ENODEV the context serves all functions that look at
 * processes only, and every request looks for the module again.
 */
int vmqos_open(struct vmqos **ctx);

/**
 * vmqos_close() - free a context
 * @ctx: context or NULL
 */
void vmqos_close(struct vmqos *ctx);

/**
 * vmqos_error() - what was wrong in the last call that failed
 * @ctx: context or NULL
 *
 * Return: a sentence without a newline, valid until the next call. Never NULL.
 */
const char *vmqos_error(const struct vmqos *ctx);

/**
 * vmqos_error_attr() - which attribute the kernel blames for the last refusal
 * @ctx: context
 *
 * Return: its name in the interface ("name", "vm-fd"), or NULL for none.
 */
const char *vmqos_error_attr(const struct vmqos *ctx);

/**
 * vmqos_version() - version of the library
 *
 * Return: for example "0.1.0".
 */
const char *vmqos_version(void);

/* --- the host --- */

enum vmqos_host_field {
	VMQOS_HOST_VERSION = 1,
	VMQOS_HOST_CPUS,
	VMQOS_HOST_NODES,
	VMQOS_HOST_CPU_KHZ,
	VMQOS_HOST_CAPACITY_MHZ,
	VMQOS_HOST_TIME_NS,
	VMQOS_HOST_IDLE_NS,
	VMQOS_HOST_VMS,
	VMQOS_HOST_VCPUS,
	VMQOS_HOST_VCPU_BYTES,
	VMQOS_HOST_GUEST_TIME,
	VMQOS_HOST_SCAN_PERIOD_MS,
	VMQOS_HOST_NODE,
};

/**
 * struct vmqos_host - what the host or one of its NUMA nodes offers, and its settings
 * @has: which fields were reported, bits VMQOS_HAS(VMQOS_HOST_...)
 * @version: version of the kernel module
 * @cpus: CPUs online
 * @nodes: NUMA nodes online
 * @cpu_khz: nominal frequency of one CPU in kHz
 * @capacity_mhz: CPUs online times nominal frequency, in MHz
 * @time_ns: CLOCK_MONOTONIC in ns when the answer was made
 * @idle_ns: idle time of all CPUs online, in ns
 * @vms: VMs adopted, those being released included
 * @vcpus: their vCPUs
 * @vcpu_bytes: kernel memory held for one vCPU, in bytes
 * @guest_time: whether time in guest mode is measured
 * @scan_period_ms: how often new vCPUs and dead VMs are looked for, in ms
 * @node: the NUMA node that cpus, capacity and idle time are of, if one was asked for
 */
struct vmqos_host {
	uint64_t has;
	char version[32];
	uint32_t cpus;
	uint32_t nodes;
	uint32_t cpu_khz;
	uint64_t capacity_mhz;
	uint64_t time_ns;
	uint64_t idle_ns;
	uint32_t vms;
	uint32_t vcpus;
	uint32_t vcpu_bytes;
	bool guest_time;
	uint32_t scan_period_ms;
	uint32_t node;
};

/**
 * struct vmqos_host_settings - change of the host's settings
 * @set: which fields to change, bits VMQOS_HAS(VMQOS_HOST_GUEST_TIME) and
 *	 VMQOS_HAS(VMQOS_HOST_SCAN_PERIOD_MS); the others stay as they are
 * @guest_time: measure time in guest mode
 * @scan_period_ms: scan period in ms, 10 to 10000
 */
struct vmqos_host_settings {
	uint64_t set;
	bool guest_time;
	uint32_t scan_period_ms;
};

/**
 * vmqos_host_get() - get the host's figures and settings
 * @ctx: context
 * @node: NUMA node, or -1 for the whole host
 * @host: filled
 *
 * Return: 0 or a negative errno.
 */
int vmqos_host_get(struct vmqos *ctx, int node, struct vmqos_host *host);

/**
 * vmqos_host_set() - change settings of the host
 * @ctx: context
 * @settings: what to change
 * @host: filled with the host as it is afterwards, or NULL
 *
 * Return: 0 or a negative errno.
 */
int vmqos_host_set(struct vmqos *ctx, const struct vmqos_host_settings *settings,
		   struct vmqos_host *host);

/* --- VMs --- */

/**
 * enum vmqos_vm_life - state of an adopted VM
 * @VMQOS_VM_ACTIVE: adopted and accounted
 * @VMQOS_VM_RELEASING: released; some vCPU thread has not yet let go
 */
enum vmqos_vm_life {
	VMQOS_VM_ACTIVE,
	VMQOS_VM_RELEASING,
};

enum vmqos_vm_field {
	VMQOS_VM_ID = 1,
	VMQOS_VM_NAME,
	VMQOS_VM_UUID,
	VMQOS_VM_PID = 5,
	VMQOS_VM_STATE,
	VMQOS_VM_VCPUS,
	VMQOS_VM_VCPUS_ATTACHED,
	VMQOS_VM_ADOPTED_NS,
};

/**
 * struct vmqos_vm - an adopted VM
 * @has: which fields were reported, bits VMQOS_HAS(VMQOS_VM_...); without
 *	 VMQOS_VM_UUID the UUID is not known
 * @id: number of the VM, from 1
 * @name: unique name
 * @uuid: UUID in the order it is written
 * @pid: process of the VMM
 * @state: enum vmqos_vm_life
 * @vcpus: vCPUs that the VMM has made
 * @vcpus_attached: vCPUs whose thread carries the kernel's hook
 * @adopted_ns: CLOCK_MONOTONIC in ns of the adoption
 */
struct vmqos_vm {
	uint64_t has;
	uint32_t id;
	char name[VMQOS_NAME_MAX + 1];
	uint8_t uuid[VMQOS_UUID_SIZE];
	uint32_t pid;
	uint32_t state;
	uint32_t vcpus;
	uint32_t vcpus_attached;
	uint64_t adopted_ns;
};

/**
 * struct vmqos_vm_settings - what a VM is adopted with or changed to
 * @set: which fields are given, bits VMQOS_HAS(VMQOS_VM_NAME) and
 *	 VMQOS_HAS(VMQOS_VM_UUID)
 * @name: name of the VM
 * @uuid: UUID of the VM
 */
struct vmqos_vm_settings {
	uint64_t set;
	char name[VMQOS_NAME_MAX + 1];
	uint8_t uuid[VMQOS_UUID_SIZE];
};

/**
 * vmqos_vm_adopt_fd() - adopt the VM behind a file descriptor
 * @ctx: context
 * @vm_fd: the VM's descriptor (answer to KVM_CREATE_VM)
 * @pid: process that made the VM
 * @settings: name and UUID, or NULL
 * @vm: filled with the adopted VM, or NULL
 *
 * Return: 0; -EEXIST when the VM or its name is known already (see
 * vmqos_error_attr(): "name" when it is the name); another negative errno.
 */
int vmqos_vm_adopt_fd(struct vmqos *ctx, int vm_fd, uint32_t pid,
		      const struct vmqos_vm_settings *settings, struct vmqos_vm *vm);

/**
 * vmqos_vm_adopt_pid() - adopt all VMs that a process holds
 * @ctx: context
 * @pid: process of the VMM
 * @settings: name and UUID for the VM, or NULL; what is not set is read from
 *	 the command line of the process
 * @vms: set to an array of the VMs adopted by this call, to be freed with
 *	 free(); NULL is allowed
 * @count: set to their number
 *
 * A name read from the command line that is taken becomes NAME-PID, then
 * NAME-PID-2 and so on; a name in @settings is never changed. VMs of the
 * process that are adopted already are passed over. VMs adopted before a
 * failure stay adopted and are in @vms.
 *
 * Return: 0 when every VM of the process is adopted; -ESRCH when there is no
 * such process; -ENOENT when it holds no VM; -EPERM when it may not be looked
 * into; -EEXIST when all of its VMs were adopted already; another negative
 * errno.
 */
int vmqos_vm_adopt_pid(struct vmqos *ctx, uint32_t pid,
		       const struct vmqos_vm_settings *settings,
		       struct vmqos_vm **vms, size_t *count);

/**
 * struct vmqos_adopt_result - what became of one process in vmqos_vm_adopt_all()
 * @pid: the process
 * @name: its VM's name, as read from the command line
 * @status: 0 when at least one VM was adopted, or a negative errno as of
 *	 vmqos_vm_adopt_pid()
 * @error: the sentence that goes with it, or ""
 */
struct vmqos_adopt_result {
	uint32_t pid;
	char name[VMQOS_NAME_MAX + 1];
	int status;
	char error[256];
};

/**
 * struct vmqos_adoption - outcome of vmqos_vm_adopt_all()
 * @vms: VMs that were adopted
 * @vm_count: their number
 * @processes: every process that holds a VM
 * @process_count: their number
 * @unreadable: processes that could not be looked into for lack of rights
 */
struct vmqos_adoption {
	struct vmqos_vm *vms;
	size_t vm_count;
	struct vmqos_adopt_result *processes;
	size_t process_count;
	unsigned int unreadable;
};

/**
 * vmqos_vm_adopt_all() - adopt every VM of the machine that is not adopted yet
 * @ctx: context
 * @adoption: filled; free with vmqos_adoption_free(), also after a failure
 *
 * Return: 0 when no VM was refused (also when there was none); the errno of
 * the first process that was refused for another reason than being adopted
 * already.
 */
int vmqos_vm_adopt_all(struct vmqos *ctx, struct vmqos_adoption *adoption);

/**
 * vmqos_adoption_free() - free what vmqos_vm_adopt_all() has filled
 * @adoption: the outcome
 */
void vmqos_adoption_free(struct vmqos_adoption *adoption);

/**
 * vmqos_vm_get() - get one VM by its number
 * @ctx: context
 * @id: number of the VM
 * @vm: filled
 *
 * Return: 0; -ENOENT when there is none; another negative errno.
 */
int vmqos_vm_get(struct vmqos *ctx, uint32_t id, struct vmqos_vm *vm);

/**
 * vmqos_vm_get_by_name() - get one VM by its name
 * @ctx: context
 * @name: name of the VM
 * @vm: filled
 *
 * Return: 0; -ENOENT when there is none; another negative errno.
 */
int vmqos_vm_get_by_name(struct vmqos *ctx, const char *name, struct vmqos_vm *vm);

/**
 * vmqos_vm_find() - get the VM that a person means
 * @ctx: context
 * @text: number or name; a number that is no VM's is taken as a name
 * @vm: filled
 *
 * Return: 0; -ENOENT when there is none; another negative errno.
 */
int vmqos_vm_find(struct vmqos *ctx, const char *text, struct vmqos_vm *vm);

/**
 * vmqos_vm_dump() - get all adopted VMs
 * @ctx: context
 * @vms: set to an array in the order of their numbers, to be freed with free()
 * @count: set to their number
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vm_dump(struct vmqos *ctx, struct vmqos_vm **vms, size_t *count);

/**
 * vmqos_vm_set() - change a VM's name or UUID
 * @ctx: context
 * @id: number of the VM
 * @settings: what to change
 * @vm: filled with the VM as it is afterwards, or NULL
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vm_set(struct vmqos *ctx, uint32_t id,
		 const struct vmqos_vm_settings *settings, struct vmqos_vm *vm);

/**
 * vmqos_vm_release() - begin to release a VM
 * @ctx: context
 * @id: number of the VM
 * @vm: filled with the VM, usually in state VMQOS_VM_RELEASING, or NULL
 *
 * Does not wait. An event of type VMQOS_EVENT_VM_RELEASE tells when it is gone.
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vm_release(struct vmqos *ctx, uint32_t id, struct vmqos_vm *vm);

/**
 * vmqos_vm_release_wait() - release a VM and wait until it is gone
 * @ctx: context
 * @id: number of the VM
 * @timeout_ms: how long to wait at most, in ms; -1 for ever
 *
 * May be called again for a VM that is being released.
 *
 * Return: 0 when it is gone; -ETIMEDOUT when it is still being released, and
 * vmqos_vm_holders() tells which threads hold it up; another negative errno.
 */
int vmqos_vm_release_wait(struct vmqos *ctx, uint32_t id, int timeout_ms);

/**
 * struct vmqos_holder - a vCPU thread that holds up a release
 * @vcpu: index of the vCPU
 * @tid: the thread
 * @task_state: its state as in /proc/PID/stat: R, S, D, T, t, Z ...; 0 when
 *	 it could not be read
 */
struct vmqos_holder {
	uint32_t vcpu;
	uint32_t tid;
	char task_state;
};

/**
 * vmqos_vm_holders() - which vCPU threads still carry the kernel's hook
 * @ctx: context
 * @id: number of the VM
 * @holders: set to an array, to be freed with free()
 * @count: set to their number
 *
 * Return: 0 or a negative errno; -ENOENT when the VM is gone.
 */
int vmqos_vm_holders(struct vmqos *ctx, uint32_t id,
		     struct vmqos_holder **holders, size_t *count);

/**
 * vmqos_task_state_text() - what a task state letter means
 * @task_state: letter as in struct vmqos_holder
 *
 * Return: for example "stopped" for T.
 */
const char *vmqos_task_state_text(char task_state);

/**
 * vmqos_vm_state_name() - name of a VM's state
 * @state: enum vmqos_vm_life
 *
 * Return: "active", "releasing" or "unknown".
 */
const char *vmqos_vm_state_name(uint32_t state);

/**
 * vmqos_name_check() - whether a text may be a VM's name
 * @name: the text
 *
 * Return: NULL when it may, or a sentence that says what is wrong with it.
 */
const char *vmqos_name_check(const char *name);

/* --- counters --- */

enum vmqos_stats_field {
	VMQOS_STATS_WALL_NS = 1,
	VMQOS_STATS_RUN_NS,
	VMQOS_STATS_READY_NS,
	VMQOS_STATS_BLOCKED_NS,
	VMQOS_STATS_HALTED_NS,
	VMQOS_STATS_GUEST_NS,
	VMQOS_STATS_EXITS,
	VMQOS_STATS_HALT_EXITS,
	VMQOS_STATS_IO_EXITS,
	VMQOS_STATS_MMIO_EXITS,
	VMQOS_STATS_WAKEUPS,
	VMQOS_STATS_PREEMPTIONS,
	VMQOS_STATS_CPU_MIGRATIONS,
	VMQOS_STATS_NODE_MIGRATIONS,
	VMQOS_STATS_LATENCY_NS,
	VMQOS_STATS_LATENCY_MAX_NS,
	VMQOS_STATS_LATENCY_HIST,
	VMQOS_STATS_OTHER_THREADS,
	VMQOS_STATS_OTHER_RUN_NS,
	VMQOS_STATS_OTHER_READY_NS,
};

/**
 * struct vmqos_stats - counters since the adoption
 * @has: which fields were reported, bits VMQOS_HAS(VMQOS_STATS_...)
 * @wall_ns: time since the vCPU's thread is known; wall = run + ready + blocked
 * @run_ns: time on a CPU
 * @ready_ns: time runnable but waiting for a CPU
 * @blocked_ns: time neither on a CPU nor runnable
 * @halted_ns: part of blocked_ns spent halted inside KVM
 * @guest_ns: part of run_ns spent in guest mode
 * @exits: exits from guest mode
 * @halt_exits: part of exits caused by a halt instruction
 * @io_exits: part of exits caused by port I/O
 * @mmio_exits: part of exits caused by memory-mapped I/O
 * @wakeups: times the thread went from blocked to a CPU
 * @preemptions: times the thread lost its CPU while runnable
 * @cpu_migrations: times the thread came to another CPU
 * @node_migrations: part of cpu_migrations that changed the NUMA node
 * @latency_ns: sum of the latencies from wake-up to run
 * @latency_max_ns: greatest latency from wake-up to run
 * @latency_hist: their histogram: bucket 0 counts those below 512 ns, bucket i
 *	those from 2^(i + 8) ns up to, not including, 2^(i + 9) ns, the last
 *	has no upper bound
 * @other_threads: VM only, threads that are no vCPUs
 * @other_run_ns: VM only, their time on a CPU
 * @other_ready_ns: VM only, their time waiting for a CPU
 */
struct vmqos_stats {
	uint64_t has;
	uint64_t wall_ns;
	uint64_t run_ns;
	uint64_t ready_ns;
	uint64_t blocked_ns;
	uint64_t halted_ns;
	uint64_t guest_ns;
	uint64_t exits;
	uint64_t halt_exits;
	uint64_t io_exits;
	uint64_t mmio_exits;
	uint64_t wakeups;
	uint64_t preemptions;
	uint64_t cpu_migrations;
	uint64_t node_migrations;
	uint64_t latency_ns;
	uint64_t latency_max_ns;
	uint64_t latency_hist[VMQOS_LATENCY_BUCKETS];
	uint32_t other_threads;
	uint64_t other_run_ns;
	uint64_t other_ready_ns;
};

/**
 * struct vmqos_vm_stat - counters of a VM, summed over its vCPUs
 * @id: number of the VM
 * @name: its name
 * @time_ns: CLOCK_MONOTONIC in ns when the counters were read
 * @vcpus: vCPUs that the VMM has made
 * @stats: the counters
 */
struct vmqos_vm_stat {
	uint32_t id;
	char name[VMQOS_NAME_MAX + 1];
	uint64_t time_ns;
	uint32_t vcpus;
	struct vmqos_stats stats;
};

/**
 * enum vmqos_vcpu_life - state of a vCPU
 * @VMQOS_VCPU_UNSTARTED: made by the VMM, no thread has run it yet
 * @VMQOS_VCPU_PENDING: its thread is known and accounted from its own counters
 * @VMQOS_VCPU_ATTACHED: the kernel's hook is in place, everything is counted
 * @VMQOS_VCPU_LEFT: its thread has ended
 * @VMQOS_VCPU_SHARED: its thread runs another vCPU too, which has its time
 */
enum vmqos_vcpu_life {
	VMQOS_VCPU_UNSTARTED,
	VMQOS_VCPU_PENDING,
	VMQOS_VCPU_ATTACHED,
	VMQOS_VCPU_LEFT,
	VMQOS_VCPU_SHARED,
};

/**
 * struct vmqos_vcpu - a vCPU with its counters
 * @vm_id: number of the VM
 * @index: number of the vCPU in the order of creation, from 0
 * @vcpu_id: number that the VMM gave it (on x86 its APIC ID)
 * @tid: thread that runs it, 0 when there is none
 * @state: enum vmqos_vcpu_life
 * @cpu: CPU that the thread ran on last
 * @node: NUMA node of that CPU
 * @time_ns: CLOCK_MONOTONIC in ns when the counters were read
 * @stats: the counters
 */
struct vmqos_vcpu {
	uint32_t vm_id;
	uint32_t index;
	uint32_t vcpu_id;
	uint32_t tid;
	uint32_t state;
	uint32_t cpu;
	uint32_t node;
	uint64_t time_ns;
	struct vmqos_stats stats;
};

/**
 * vmqos_vm_stat_get() - get the counters of one VM
 * @ctx: context
 * @id: number of the VM
 * @stat: filled
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vm_stat_get(struct vmqos *ctx, uint32_t id, struct vmqos_vm_stat *stat);

/**
 * vmqos_vm_stat_dump() - get the counters of all VMs
 * @ctx: context
 * @stats: set to an array in the order of the VMs' numbers, to be freed with free()
 * @count: set to their number
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vm_stat_dump(struct vmqos *ctx, struct vmqos_vm_stat **stats, size_t *count);

/**
 * vmqos_vcpu_stat_get() - get one vCPU with its counters
 * @ctx: context
 * @vm_id: number of the VM
 * @index: number of the vCPU in the order of creation
 * @vcpu: filled
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vcpu_stat_get(struct vmqos *ctx, uint32_t vm_id, uint32_t index,
			struct vmqos_vcpu *vcpu);

/**
 * vmqos_vcpu_stat_dump() - get the vCPUs of one VM or of all, with their counters
 * @ctx: context
 * @vm_id: number of the VM, or 0 for all
 * @vcpus: set to an array in the order of VM and index, to be freed with free()
 * @count: set to their number
 *
 * Return: 0 or a negative errno.
 */
int vmqos_vcpu_stat_dump(struct vmqos *ctx, uint32_t vm_id,
			 struct vmqos_vcpu **vcpus, size_t *count);

/**
 * vmqos_vcpu_state_name() - name of a vCPU's state
 * @state: enum vmqos_vcpu_life
 *
 * Return: "unstarted", "pending", "attached", "left", "shared" or "unknown".
 */
const char *vmqos_vcpu_state_name(uint32_t state);

/**
 * struct vmqos_stats_desc - one counter of struct vmqos_stats, for printing
 * @field: enum vmqos_stats_field
 * @name: name with underscores, as in the struct and in JSON
 * @label: short words for a person
 * @unit: "ns" or "" for a plain number
 * @vm_only: reported for VMs, not for vCPUs
 */
struct vmqos_stats_desc {
	unsigned int field;
	const char *name;
	const char *label;
	const char *unit;
	bool vm_only;
};

/**
 * vmqos_stats_descs() - all counters that are single numbers
 * @count: set to their number
 *
 * Return: a constant array in the order of the interface.
 */
const struct vmqos_stats_desc *vmqos_stats_descs(size_t *count);

/**
 * vmqos_stats_value() - value of a counter
 * @stats: the counters
 * @field: enum vmqos_stats_field, not the histogram
 *
 * Return: the value; 0 for a field that is no single number.
 */
uint64_t vmqos_stats_value(const struct vmqos_stats *stats, unsigned int field);

/**
 * vmqos_stats_sub() - growth of the counters between two readings
 * @delta: filled with @now minus @before, never below 0; latency_max_ns and
 *	   other_threads are those of @now. May be @now.
 * @now: later reading
 * @before: earlier reading
 */
void vmqos_stats_sub(struct vmqos_stats *delta, const struct vmqos_stats *now,
		     const struct vmqos_stats *before);

/**
 * vmqos_latency_bound() - upper bound of a bucket of the latency histogram
 * @bucket: 0 to VMQOS_LATENCY_BUCKETS - 1
 *
 * Return: the bound in ns, UINT64_MAX for the last bucket.
 */
uint64_t vmqos_latency_bound(unsigned int bucket);

/**
 * vmqos_latency_percentile() - percentile of the wake-up latency
 * @stats: counters with a histogram
 * @percent: above 0, up to 100
 *
 * Return: the upper bound in ns of the bucket that the percentile falls into
 * (the greatest latency for the last one); 0 when nothing was counted.
 */
uint64_t vmqos_latency_percentile(const struct vmqos_stats *stats, double percent);

/* --- events --- */

/**
 * enum vmqos_event_type - what has happened
 * @VMQOS_EVENT_HOST_CHANGE: settings of the host have changed; see host
 * @VMQOS_EVENT_VM_ADOPT: a VM has been adopted; see vm
 * @VMQOS_EVENT_VM_RELEASE: a VM is gone, released or ended; see vm
 * @VMQOS_EVENT_VM_CHANGE: name or UUID has changed, or the VM is being released; see vm
 * @VMQOS_EVENT_VCPU: a vCPU's thread has got the hook or has left; see vcpu
 * @VMQOS_EVENT_LOST: the reader was too slow and some events are lost; what
 *	was built from events is to be read anew
 * @VMQOS_EVENT_MODULE_GONE: the kernel module has been unloaded
 * @VMQOS_EVENT_MODULE_LOADED: it has been loaded again; events go on
 */
enum vmqos_event_type {
	VMQOS_EVENT_HOST_CHANGE = 1,
	VMQOS_EVENT_VM_ADOPT,
	VMQOS_EVENT_VM_RELEASE,
	VMQOS_EVENT_VM_CHANGE,
	VMQOS_EVENT_VCPU,
	VMQOS_EVENT_LOST,
	VMQOS_EVENT_MODULE_GONE,
	VMQOS_EVENT_MODULE_LOADED,
};

/**
 * struct vmqos_event - one event
 * @type: enum vmqos_event_type
 * @host: for VMQOS_EVENT_HOST_CHANGE
 * @vm: for the events of VMs
 * @vcpu: for VMQOS_EVENT_VCPU
 */
struct vmqos_event {
	unsigned int type;
	union {
		struct vmqos_host host;
		struct vmqos_vm vm;
		struct vmqos_vcpu vcpu;
	};
};

/**
 * vmqos_events_open() - subscribe to the events
 * @ctx: context; used for error sentences, must outlive @events
 * @events: set to the subscription
 *
 * Works also while the module is not loaded: the first event then is
 * VMQOS_EVENT_MODULE_LOADED.
 *
 * Return: 0 or a negative errno.
 */
int vmqos_events_open(struct vmqos *ctx, struct vmqos_events **events);

/**
 * vmqos_events_close() - end a subscription
 * @events: subscription or NULL
 */
void vmqos_events_close(struct vmqos_events *events);

/**
 * vmqos_events_fd() - descriptor to poll for events
 * @events: subscription
 *
 * When it is readable, call vmqos_events_next() with a timeout of 0 until it
 * returns 0.
 *
 * Return: a non-blocking descriptor that stays the subscription's.
 */
int vmqos_events_fd(const struct vmqos_events *events);

/**
 * vmqos_events_next() - get the next event
 * @events: subscription
 * @event: filled
 * @timeout_ms: how long to wait, in ms; 0 not at all, -1 for ever
 *
 * Return: 1 with an event; 0 when there was none in time; -EINTR when a
 * signal came; another negative errno.
 */
int vmqos_events_next(struct vmqos_events *events, struct vmqos_event *event,
		      int timeout_ms);

/**
 * vmqos_event_name() - name of a type of event
 * @type: enum vmqos_event_type
 *
 * Return: for example "vm-adopt".
 */
const char *vmqos_event_name(unsigned int type);

/* --- processes of VMMs --- */

/**
 * struct vmqos_process - a process that runs VMs
 * @pid: its number
 * @vms: VMs it holds, 0 when that was not looked at
 * @qemu: it is QEMU
 * @comm: its short name in the kernel
 * @name: name of the VM: QEMU's -name, otherwise @comm; cut and cleaned so
 *	that it may be a VM's name
 * @has_uuid: whether @uuid is known
 * @uuid: QEMU's -uuid
 * @qmp_path: path of QEMU's QMP socket, "" when there is none on its command line
 */
struct vmqos_process {
	uint32_t pid;
	uint32_t vms;
	bool qemu;
	char comm[VMQOS_COMM_SIZE];
	char name[VMQOS_NAME_MAX + 1];
	bool has_uuid;
	uint8_t uuid[VMQOS_UUID_SIZE];
	char qmp_path[VMQOS_PATH_SIZE];
};

/**
 * vmqos_process_identify() - find name and UUID of the VM that a process runs
 * @ctx: context
 * @pid: the process
 * @process: filled; vms is 0 when the process may not be looked into
 *
 * Return: 0; -ESRCH when there is no such process; another negative errno.
 */
int vmqos_process_identify(struct vmqos *ctx, uint32_t pid, struct vmqos_process *process);

/**
 * vmqos_process_scan() - find all processes of the machine that hold KVM VMs
 * @ctx: context
 * @processes: set to an array in the order of their numbers, to be freed with free()
 * @count: set to their number
 * @unreadable: set to the number of processes that could not be looked into
 *	for lack of rights, or NULL
 *
 * Return: 0 or a negative errno.
 */
int vmqos_process_scan(struct vmqos *ctx, struct vmqos_process **processes,
		       size_t *count, unsigned int *unreadable);

/**
 * vmqos_process_find() - find the process that runs the VM of a name or UUID
 * @ctx: context
 * @text: name as of vmqos_process_identify(), or a UUID as text
 * @process: filled
 *
 * Return: 0; -ENOENT when there is none; -ENOTUNIQ when there are several;
 * another negative errno.
 */
int vmqos_process_find(struct vmqos *ctx, const char *text, struct vmqos_process *process);

/**
 * vmqos_cmdline_parse() - read a VMM's command line
 * @process: pid and comm are read, qemu, name, uuid and qmp_path filled
 * @cmdline: arguments, each closed by NUL, as in /proc/PID/cmdline
 * @size: bytes of them
 */
void vmqos_cmdline_parse(struct vmqos_process *process, const char *cmdline, size_t size);

/* --- text and units --- */

/**
 * vmqos_uuid_parse() - read a UUID
 * @text: 32 hexadecimal digits, with or without hyphens at the usual places
 * @uuid: filled
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_uuid_parse(const char *text, uint8_t uuid[VMQOS_UUID_SIZE]);

/**
 * vmqos_uuid_format() - write a UUID
 * @uuid: the UUID
 * @text: filled
 *
 * Return: @text.
 */
char *vmqos_uuid_format(const uint8_t uuid[VMQOS_UUID_SIZE], char text[VMQOS_UUID_TEXT]);

/**
 * vmqos_number_parse() - read a whole number
 * @text: decimal digits and nothing else
 * @min: least value
 * @max: greatest value
 * @value: filled
 *
 * Return: 0; -EINVAL when it is no number; -ERANGE when it is out of bounds.
 */
int vmqos_number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/**
 * vmqos_switch_parse() - read a setting that is on or off
 * @text: on, off, yes, no, true, false, 1 or 0
 * @value: filled
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_switch_parse(const char *text, bool *value);

/**
 * vmqos_duration_parse() - read a duration
 * @text: a number with the unit us, ms or s, as in 100ms or 1.5s
 * @ns: filled, in ns
 *
 * Return: 0; -EINVAL when it is no duration; -ERANGE when it is too long.
 */
int vmqos_duration_parse(const char *text, uint64_t *ns);

/**
 * vmqos_duration_format() - write a duration with three digits and a fitting unit
 * @ns: duration in ns
 * @text: filled, for example "12.3us"
 * @size: room in @text, 16 is enough
 *
 * Return: @text.
 */
char *vmqos_duration_format(uint64_t ns, char *text, size_t size);

/**
 * vmqos_mhz_of_run() - CPU use in MHz
 * @run_ns: time on a CPU
 * @wall_ns: elapsed time
 * @cpu_khz: nominal frequency of one CPU in kHz
 *
 * Return: run / wall x nominal frequency, in MHz; 0 when no time has elapsed.
 */
double vmqos_mhz_of_run(uint64_t run_ns, uint64_t wall_ns, uint32_t cpu_khz);

#ifdef __cplusplus
}
#endif

#endif /* VMQOS_VMQOS_H */
