/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: adopted VMs. */
#ifndef VMQOS_VM_H
#define VMQOS_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_NAME_MAX		63
#define VMQOS_UUID_SIZE		16

struct vmqos;

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
	VMQOS_VM_CPU_SHARES = 11,
	VMQOS_VM_CPU_SHARES_LEVEL,
	VMQOS_VM_CPU_RESERVATION,
	VMQOS_VM_CPU_LIMIT,
	VMQOS_VM_CPU_LATENCY,
	VMQOS_VM_CPU_CHARGE_OTHERS,
	VMQOS_VM_CPU_ENTITLED,
	VMQOS_VM_MEM_SHARE_ZERO,
	VMQOS_VM_MEM_LIMIT,
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
 * @cpu_shares: how contended CPU time is divided between VMs, in force
 * @cpu_shares_level: enum vmqos_cpu_level, where the shares come from
 * @cpu_reservation: CPU that the VM gets whenever it wants it, in millionths
 *	of one CPU; 0 none
 * @cpu_limit: CPU that it never gets more than, in millionths; 0 no limit
 * @cpu_latency: enum vmqos_latency_class
 * @cpu_charge_others: whether the time of its threads that are no vCPUs counts
 *	against entitlement and limit
 * @cpu_entitled: what it was entitled to last, in millionths of one CPU
 * @mem_share_zero: enum vmqos_share_zero, when its pages of zeros are given back
 * @mem_limit: most memory that its files in vmramfs are to take, in bytes; 0 no limit
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
	uint32_t cpu_shares;
	uint32_t cpu_shares_level;
	uint32_t cpu_reservation;
	uint32_t cpu_limit;
	uint32_t cpu_latency;
	bool cpu_charge_others;
	uint32_t cpu_entitled;
	uint32_t mem_share_zero;
	uint64_t mem_limit;
};

/**
 * struct vmqos_vm_settings - what a VM is adopted with or changed to
 * @set: which fields are given, bits VMQOS_HAS(VMQOS_VM_NAME),
 *	 VMQOS_HAS(VMQOS_VM_UUID), and of a change VMQOS_HAS(VMQOS_VM_CPU_...)
 *	 and VMQOS_HAS(VMQOS_VM_MEM_...)
 * @name: name of the VM
 * @uuid: UUID of the VM
 * @cpu_shares: 1 to 1000000; makes the level VMQOS_CPU_CUSTOM
 * @cpu_shares_level: VMQOS_CPU_LOW, VMQOS_CPU_NORMAL or VMQOS_CPU_HIGH, in
 *	place of @cpu_shares
 * @cpu_reservation: in millionths of one CPU, 0 for none
 * @cpu_limit: in millionths of one CPU, at least VMQOS_CPU_LIMIT_MIN, or 0 for none
 * @cpu_latency: enum vmqos_latency_class
 * @cpu_charge_others: whether the time of the VM's other threads counts
 * @mem_share_zero: enum vmqos_share_zero
 * @mem_limit: in bytes, at least VMQOS_MEM_LIMIT_MIN, or 0 for none
 */
struct vmqos_vm_settings {
	uint64_t set;
	char name[VMQOS_NAME_MAX + 1];
	uint8_t uuid[VMQOS_UUID_SIZE];
	uint32_t cpu_shares;
	uint32_t cpu_shares_level;
	uint32_t cpu_reservation;
	uint32_t cpu_limit;
	uint32_t cpu_latency;
	bool cpu_charge_others;
	uint32_t mem_share_zero;
	uint64_t mem_limit;
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
 * process that are adopted already, or that another process made, are passed
 * over. VMs adopted before a failure stay adopted and are in @vms.
 *
 * Return: 0 when every VM of the process is adopted; -ESRCH when there is no
 * such process; -ENOENT when it holds no VM; -EPERM when it may not be looked
 * into; -EEXIST when all of its VMs were adopted already; -EINVAL when all of
 * them were made by another process; another negative errno.
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
 * @text: number, name or UUID; a number that is no VM's is taken as a name
 * @vm: filled
 *
 * Return: 0; -ENOENT when there is none; -ENOTUNIQ when several have the UUID;
 * another negative errno.
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
 * vmqos_vm_set() - change a VM's name, UUID or policy
 * @ctx: context
 * @id: number of the VM
 * @settings: what to change
 * @vm: filled with the VM as it is afterwards, or NULL
 *
 * All of it is changed, or nothing.
 *
 * Return: 0; -ENOSPC when the host has not so much CPU left to reserve;
 * another negative errno.
 */
int vmqos_vm_set(struct vmqos *ctx, uint32_t id,
		 const struct vmqos_vm_settings *settings, struct vmqos_vm *vm);

/**
 * vmqos_vm_reclaim() - have a VM give back memory, in the background
 * @ctx: context
 * @id: number of the VM
 * @bytes: how much
 *
 * How far it has come is told by reclaim_left and reclaimed of struct vmqos_mem.
 *
 * Return: 0; -EOPNOTSUPP when none of its memory is in vmramfs; -EAGAIN when the VMM is
 * changing its address space just then; another negative errno.
 */
int vmqos_vm_reclaim(struct vmqos *ctx, uint32_t id, uint64_t bytes);

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

#ifdef __cplusplus
}
#endif

#endif
