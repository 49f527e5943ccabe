/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: text and units. */
#ifndef VMQOS_TEXT_H
#define VMQOS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmqos/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_UUID_TEXT		37	/* UUID as text, with the closing NUL */

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

/**
 * vmqos_word_distance() - how far a word is from the one that may have been meant
 * @a: the word, in small letters or capitals
 * @b: the other, in small letters
 *
 * Return: how many characters have to be inserted, deleted, replaced or swapped
 * with their neighbour to make @b of @a; at least 32 when one is longer than 32.
 */
unsigned int vmqos_word_distance(const char *a, const char *b);

#ifdef __cplusplus
}
#endif

#endif
