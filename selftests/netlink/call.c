// SPDX-License-Identifier: GPL-2.0
/* The commands of the family as plain calls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"

/* 0 or the errno of the refusal as a negative number; the system's own errors likewise. */
static int call(struct vmqos_raw *raw, const struct vmqos_raw_msg *msg,
		struct vmqos_raw_answer *answer)
{
	int err = vmqos_raw_call(raw, msg, answer);

	return err ? err : -answer->error;
}

/**
 * vmqos_adopt() - adopt a VM
 * @raw: the socket
 * @answer: the answer
 * @fd: descriptor of the VM, VMQOS_NO_FD to leave it away
 * @pid: process of the VMM, 0 to leave it away
 * @name: name, NULL to leave it away
 * @uuid: UUID, NULL to leave it away
 *
 * Return: 0 or -errno.
 */
int vmqos_adopt(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, int fd, uint32_t pid,
		const char *name, const void *uuid)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, VMQOS_CMD_VM_ADOPT, NLM_F_ACK);
	if (fd != VMQOS_NO_FD)
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_VM_FD, fd);
	if (pid)
		vmqos_raw_put_u32(&msg, VMQOS_VM_A_PID, pid);
	if (name)
		vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, name);
	if (uuid)
		vmqos_raw_put(&msg, VMQOS_VM_A_UUID, uuid, VMQOS_UUID_SIZE);
	return call(raw, &msg, answer);
}

/**
 * vmqos_by_id() - a command that takes the number of a VM
 * @raw: the socket
 * @answer: the answer
 * @cmd: get, release or statistics
 * @id: the number
 *
 * Return: 0 or -errno.
 */
int vmqos_by_id(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint8_t cmd, uint32_t id)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, cmd, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, cmd == VMQOS_CMD_VM_STAT_GET ? VMQOS_VM_STAT_A_ID : VMQOS_VM_A_ID,
			  id);
	return call(raw, &msg, answer);
}

/**
 * vmqos_by_name() - a command that takes the name of a VM
 * @raw: the socket
 * @answer: the answer
 * @cmd: get, release or statistics
 * @name: the name
 *
 * Return: 0 or -errno.
 */
int vmqos_by_name(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint8_t cmd,
		  const char *name)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, cmd, NLM_F_ACK);
	vmqos_raw_put_string(&msg, cmd == VMQOS_CMD_VM_STAT_GET ? VMQOS_VM_STAT_A_NAME :
			     VMQOS_VM_A_NAME, name);
	return call(raw, &msg, answer);
}

/**
 * vmqos_vm_set() - change a VM
 * @raw: the socket
 * @answer: the answer
 * @id: the VM's number
 * @name: new name, NULL to leave it away
 * @uuid: new UUID, NULL to leave it away
 *
 * Return: 0 or -errno.
 */
int vmqos_vm_set(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id,
		 const char *name, const void *uuid)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, VMQOS_CMD_VM_SET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, id);
	if (name)
		vmqos_raw_put_string(&msg, VMQOS_VM_A_NAME, name);
	if (uuid)
		vmqos_raw_put(&msg, VMQOS_VM_A_UUID, uuid, VMQOS_UUID_SIZE);
	return call(raw, &msg, answer);
}

/**
 * vmqos_vm_set_u32() - change one number of a VM
 * @raw: the socket
 * @answer: the answer
 * @id: the VM's number
 * @type: the attribute
 * @value: its value
 *
 * Return: 0 or -errno.
 */
int vmqos_vm_set_u32(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id,
		     uint16_t type, uint32_t value)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, VMQOS_CMD_VM_SET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VM_A_ID, id);
	vmqos_raw_put_u32(&msg, type, value);
	return call(raw, &msg, answer);
}

/**
 * vmqos_host_u32() - read one number of the host
 * @raw: the socket
 * @type: the attribute
 *
 * Return: the number, 0 when it cannot be read.
 */
uint32_t vmqos_host_u32(struct vmqos_raw *raw, uint16_t type)
{
	struct vmqos_raw_answer answer = { 0 };
	struct vmqos_raw_msg msg;
	uint32_t value = 0;

	vmqos_raw_begin(raw, &msg, VMQOS_CMD_HOST_GET, NLM_F_ACK);
	if (!call(raw, &msg, &answer))
		value = vmqos_answer_u32(&answer, type);
	vmqos_raw_free(&answer);
	return value;
}

/**
 * vmqos_vcpu_get() - get one vCPU
 * @raw: the socket
 * @answer: the answer
 * @id: number of the VM
 * @index: number of the vCPU
 *
 * Return: 0 or -errno.
 */
int vmqos_vcpu_get(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id,
		   uint32_t index)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, VMQOS_CMD_VCPU_STAT_GET, NLM_F_ACK);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_VM_ID, id);
	vmqos_raw_put_u32(&msg, VMQOS_VCPU_A_INDEX, index);
	return call(raw, &msg, answer);
}

/**
 * vmqos_host_set() - change a setting of the host
 * @raw: the socket
 * @answer: the answer
 * @type: the setting, VMQOS_HOST_A_...; 0 for none
 * @value: its value
 *
 * Return: 0 or -errno.
 */
int vmqos_host_set(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint16_t type,
		   uint32_t value)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, VMQOS_CMD_HOST_SET, NLM_F_ACK);
	if (type)
		vmqos_raw_put_u32(&msg, type, value);
	return call(raw, &msg, answer);
}

/**
 * vmqos_dump() - get all objects
 * @raw: the socket
 * @answer: the answer
 * @cmd: the command
 *
 * Return: 0 or -errno.
 */
int vmqos_dump(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint8_t cmd)
{
	struct vmqos_raw_msg msg;

	vmqos_raw_begin(raw, &msg, cmd, NLM_F_DUMP);
	return call(raw, &msg, answer);
}

/**
 * vmqos_answer_u32() - read a number from the first data message of an answer
 * @answer: the answer
 * @type: the attribute
 *
 * Return: the number, 0 if it is not there.
 */
uint32_t vmqos_answer_u32(const struct vmqos_raw_answer *answer, uint16_t type)
{
	return vmqos_raw_u32(vmqos_raw_attr(vmqos_raw_next(answer, NULL), type));
}

/**
 * vmqos_answer_string() - read a string from the first data message of an answer
 * @answer: the answer
 * @type: the attribute
 *
 * Return: the string, empty if it is not there.
 */
const char *vmqos_answer_string(const struct vmqos_raw_answer *answer, uint16_t type)
{
	return vmqos_raw_string(vmqos_raw_attr(vmqos_raw_next(answer, NULL), type));
}

/**
 * vmqos_now_ms() - time that goes on steadily
 *
 * Return: milliseconds since some moment.
 */
uint64_t vmqos_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

/**
 * vmqos_sleep_ms() - sleep
 * @ms: how long
 */
void vmqos_sleep_ms(unsigned int ms)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&span, NULL);
}

/**
 * vmqos_wait_gone() - wait until a VM is no longer listed
 * @raw: the socket
 * @id: the VM's number
 * @ms: how long at most
 *
 * Return: 0, or -ETIMEDOUT, or what a query failed with.
 */
int vmqos_wait_gone(struct vmqos_raw *raw, uint32_t id, unsigned int ms)
{
	uint64_t end = vmqos_now_ms() + ms;
	struct vmqos_raw_answer answer = { 0 };
	int err;

	for (;;) {
		err = vmqos_by_id(raw, &answer, VMQOS_CMD_VM_GET, id);
		if (err || vmqos_now_ms() > end)
			break;
		vmqos_sleep_ms(2);
	}
	vmqos_raw_free(&answer);
	return err == -ENOENT ? 0 : err ? err : -ETIMEDOUT;
}

/**
 * vmqos_release_and_wait() - release a VM and wait until it is no longer listed
 * @raw: the socket
 * @id: the VM's number
 * @ms: how long at most
 *
 * Return: 0 or -errno.
 */
int vmqos_release_and_wait(struct vmqos_raw *raw, uint32_t id, unsigned int ms)
{
	struct vmqos_raw_answer answer = { 0 };
	int err = vmqos_by_id(raw, &answer, VMQOS_CMD_VM_RELEASE, id);

	vmqos_raw_free(&answer);
	return err ? err : vmqos_wait_gone(raw, id, ms);
}

/**
 * vmqos_wait_attached() - wait until so many vCPUs of a VM carry the hook
 * @raw: the socket
 * @id: the VM's number
 * @vcpus: how many
 * @ms: how long at most
 *
 * Return: 0, -ETIMEDOUT, or what a query failed with.
 */
int vmqos_wait_attached(struct vmqos_raw *raw, uint32_t id, uint32_t vcpus, unsigned int ms)
{
	uint64_t end = vmqos_now_ms() + ms;
	struct vmqos_raw_answer answer = { 0 };
	int err;

	for (;;) {
		err = vmqos_by_id(raw, &answer, VMQOS_CMD_VM_GET, id);
		if (err || vmqos_answer_u32(&answer, VMQOS_VM_A_VCPUS_ATTACHED) == vcpus)
			break;
		if (vmqos_now_ms() > end) {
			err = -ETIMEDOUT;
			break;
		}
		vmqos_sleep_ms(2);
	}
	vmqos_raw_free(&answer);
	return err;
}
