// SPDX-License-Identifier: GPL-2.0
/* A controller's state in words. */
#include <stdio.h>

#include <vmqos/vmqos.h>

#include "control.h"

/**
 * vmqos_control_phase_name() - a phase in one word
 * @phase: the phase
 *
 * Return: the word.
 */
const char *vmqos_control_phase_name(enum vmqos_control_phase phase)
{
	static const char *const names[] = {
		[VMQOS_CONTROL_IDLE] = "empty",
		[VMQOS_CONTROL_GROWS] = "inflating",
		[VMQOS_CONTROL_SHRINKS] = "deflating",
		[VMQOS_CONTROL_AT_TARGET] = "reached",
		[VMQOS_CONTROL_IS_HELD] = "held",
		[VMQOS_CONTROL_RESTS] = "resting",
		[VMQOS_CONTROL_IS_SILENT] = "silent",
		[VMQOS_CONTROL_IS_STUCK] = "stuck",
	};

	return names[phase];
}

/**
 * vmqos_control_why() - why a balloon is not what it is wanted to be
 * @control: its controller
 * @text: filled with a sentence, or "" when there is nothing to say
 * @size: room in it
 */
void vmqos_control_why(const struct vmqos_control *control, char *text, size_t size)
{
	char reserve[VMQOS_BYTES_TEXT];

	text[0] = '\0';
	switch (control->phase) {
	case VMQOS_CONTROL_IS_HELD:
		vmqos_bytes_format(vmqos_control_reserve(control), reserve, sizeof(reserve));
		snprintf(text, size,
			 "the guest needs the rest itself: %s of available memory are left to it, and never less memory in all than its floor",
			 reserve);
		break;
	case VMQOS_CONTROL_RESTS:
		snprintf(text, size,
			 control->rest_until_us == UINT64_MAX ?
			 "the guest has been reset and has not told its statistics yet" :
			 "the guest has needed memory, or was reset, a short time ago");
		break;
	case VMQOS_CONTROL_IS_SILENT:
		snprintf(text, size,
			 "the guest does not tell its statistics, and without them nothing is taken from it: does it run, and has it a balloon driver?");
		break;
	case VMQOS_CONTROL_IS_STUCK:
		snprintf(text, size, "the guest does not do what its balloon is asked for");
		break;
	default:
		break;
	}
}
