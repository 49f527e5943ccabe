/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands of the family as plain calls, for tests that are about what the
 * commands do and not about how messages look, and a picture of the state that
 * can be compared with an earlier one.
 */
#ifndef VMQOS_SELFTESTS_CALL_H
#define VMQOS_SELFTESTS_CALL_H

#include "raw.h"

#define VMQOS_NO_FD	INT32_MIN

int vmqos_adopt(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, int fd, uint32_t pid,
		const char *name, const void *uuid);
int vmqos_by_id(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint8_t cmd,
		uint32_t id);
int vmqos_by_name(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint8_t cmd,
		  const char *name);
int vmqos_vm_set(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id,
		 const char *name, const void *uuid);
int vmqos_vm_set_u32(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id,
		     uint16_t type, uint32_t value);
uint32_t vmqos_host_u32(struct vmqos_raw *raw, uint16_t type);
int vmqos_vcpu_get(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint32_t id,
		   uint32_t index);
int vmqos_host_set(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint16_t type,
		   uint32_t value);
int vmqos_dump(struct vmqos_raw *raw, struct vmqos_raw_answer *answer, uint8_t cmd);
uint32_t vmqos_answer_u32(const struct vmqos_raw_answer *answer, uint16_t type);
const char *vmqos_answer_string(const struct vmqos_raw_answer *answer, uint16_t type);
int vmqos_release_and_wait(struct vmqos_raw *raw, uint32_t id, unsigned int ms);
int vmqos_wait_gone(struct vmqos_raw *raw, uint32_t id, unsigned int ms);
int vmqos_wait_attached(struct vmqos_raw *raw, uint32_t id, uint32_t vcpus, unsigned int ms);
uint64_t vmqos_now_ms(void);
void vmqos_sleep_ms(unsigned int ms);

/*
 * struct vmqos_state_vm - a VM as far as it changes by commands alone
 */
struct vmqos_state_vm {
	uint32_t id, pid, state, vcpus;
	/* Shares, level, reservation, limit, latency, charge-others, share-zero. */
	uint32_t policy[7];
	uint64_t adopted_ns;
	bool has_uuid;
	uint8_t uuid[VMQOS_UUID_SIZE];
	char name[VMQOS_NAME_MAX + 1];
};

/*
 * struct vmqos_state - everything that commands can change
 */
struct vmqos_state {
	uint32_t guest_time, scan_period_ms, host_vms, kept, reserved, gate, slice_us;
	unsigned int vms;
	struct vmqos_state_vm *vm;
};

int vmqos_state_take(struct vmqos_raw *raw, struct vmqos_state *state);
bool vmqos_state_same(const struct vmqos_state *a, const struct vmqos_state *b, char *why,
		      size_t size);
const struct vmqos_state_vm *vmqos_state_find(const struct vmqos_state *state, uint32_t id);
void vmqos_state_free(struct vmqos_state *state);

#endif
