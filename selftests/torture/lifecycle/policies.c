// SPDX-License-Identifier: GPL-2.0
/*
 * Policies that change all the time, and the gate that enforces them going on
 * and off. What the kernel refuses it has to refuse for a reason that is known
 * here; what it took it has to tell again.
 */
#include <errno.h>
#include <stdio.h>

#include "lifecycle.h"

/* Millionths of a CPU. */
#define PER_CENT	10000u

static uint32_t random_value(struct life *life, uint16_t type)
{
	switch (type) {
	case VMQOS_VM_A_CPU_SHARES:
		return 1 + life_below(life, 1000000);
	case VMQOS_VM_A_CPU_SHARES_LEVEL:
		return VMQOS_CPU_SHARES_LEVEL_LOW + life_below(life, 3);
	case VMQOS_VM_A_CPU_RESERVATION:
		return life_below(life, 3) ? life_below(life, 60 * PER_CENT) : 0;
	case VMQOS_VM_A_CPU_LIMIT:
		/* The least there is holds a vCPU back for nearly all the time. */
		return life_below(life, 3) ? PER_CENT + life_below(life, 300 * PER_CENT) : 0;
	default:
		/* A latency class, a switch. */
		return life_below(life, 2);
	}
}

/* A reservation has to be within the limit, the vCPUs and what the host has left. */
static bool may_refuse(uint16_t type, int err)
{
	switch (type) {
	case VMQOS_VM_A_CPU_RESERVATION:
		return err == -EINVAL || err == -ENOSPC;
	case VMQOS_VM_A_CPU_LIMIT:
		return err == -EINVAL;
	default:
		return false;
	}
}

/**
 * act_policy() - change one number of a VM's policy
 * @life: the test
 * @slot: its VM
 *
 * Return: whether the answer was right.
 */
bool act_policy(struct life *life, struct life_slot *slot)
{
	static const uint16_t types[] = {
		VMQOS_VM_A_CPU_SHARES, VMQOS_VM_A_CPU_SHARES_LEVEL, VMQOS_VM_A_CPU_RESERVATION,
		VMQOS_VM_A_CPU_LIMIT, VMQOS_VM_A_CPU_LATENCY, VMQOS_VM_A_CPU_CHARGE_OTHERS,
		VMQOS_VM_A_MEM_SHARE_ZERO,
	};
	uint16_t type = types[life_below(life, sizeof(types) / sizeof(types[0]))];
	uint32_t value = random_value(life, type), told;
	int err;

	if (!slot->id)
		return true;
	err = vmqos_vm_set_u32(&life->raw, &life->answer, slot->id, type, value);
	if (slot->leaving && (err == -ENOENT || err == -EBUSY))
		return true;
	if (err)
		return may_refuse(type, err) ? true :
		       LIFE_SAY(life, "setting %u of VM %u to %u: %d, %s", type, slot->id, value,
				err, life->answer.sentence);
	err = vmqos_by_id(&life->raw, &life->answer, VMQOS_CMD_VM_GET, slot->id);
	if (slot->leaving && err == -ENOENT)
		return true;
	if (err)
		return LIFE_SAY(life, "VM %u was set and then not found: %d", slot->id, err);
	told = vmqos_answer_u32(&life->answer, type);
	return told == value ? true :
	       LIFE_SAY(life, "%u of VM %u was set to %u and is told as %u", type, slot->id, value,
			told);
}

/**
 * act_gate() - switch the gate, on more often than off, or change its slice
 * @life: the test
 * @slot: unused
 *
 * Return: whether the answer was right.
 */
bool act_gate(struct life *life, struct life_slot *slot)
{
	uint32_t dice = life_below(life, 6);
	int err;

	(void)slot;
	if (dice == 5)
		err = vmqos_host_set(&life->raw, &life->answer, VMQOS_HOST_A_CPU_SLICE_US,
				     500 + life_below(life, 9500));
	else
		err = vmqos_host_set(&life->raw, &life->answer, VMQOS_HOST_A_CPU_GATE, dice != 0);
	return err ? LIFE_SAY(life, "switching the gate: %d, %s", err, life->answer.sentence) :
	       true;
}
