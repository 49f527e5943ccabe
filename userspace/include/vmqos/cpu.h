/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: amounts of CPU and the words of a CPU policy. */
#ifndef VMQOS_CPU_H
#define VMQOS_CPU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_CPU_WHOLE		1000000	/* one whole CPU in millionths */
#define VMQOS_CPU_SHARES_MAX	1000000
#define VMQOS_CPU_LIMIT_MIN	10000	/* the least limit, in millionths of a CPU */
#define VMQOS_CPU_TEXT		48	/* room that vmqos_cpu_format() needs */

/**
 * enum vmqos_cpu_level - where a VM's shares come from
 * @VMQOS_CPU_CUSTOM: they were given as a number
 * @VMQOS_CPU_LOW: 500 a vCPU
 * @VMQOS_CPU_NORMAL: 1000 a vCPU
 * @VMQOS_CPU_HIGH: 2000 a vCPU
 */
enum vmqos_cpu_level {
	VMQOS_CPU_CUSTOM,
	VMQOS_CPU_LOW,
	VMQOS_CPU_NORMAL,
	VMQOS_CPU_HIGH,
};

/**
 * enum vmqos_latency_class - how soon a VM that wakes up is to run
 * @VMQOS_LATENCY_NORMAL: as every other
 * @VMQOS_LATENCY_LOW: sooner
 */
enum vmqos_latency_class {
	VMQOS_LATENCY_NORMAL,
	VMQOS_LATENCY_LOW,
};

/**
 * struct vmqos_cpu_amount - an amount of CPU as a person has written it
 * @khz: it was given as a frequency, in kHz; 0 when it was not
 * @ppm: otherwise millionths of one CPU; with @khz 0 too it is none
 *
 * What a frequency is in CPUs depends on the host, see vmqos_cpu_ppm().
 */
struct vmqos_cpu_amount {
	uint64_t khz;
	uint32_t ppm;
};

/**
 * vmqos_cpu_parse() - read an amount of CPU
 * @text: as in 2GHz, 1500MHz, 150% (of one CPU), 1.5cpu; none or 0 for none
 * @amount: filled
 * @why: filled with what is wrong and what would be right, without a newline,
 *	to follow the text itself: "has no unit: ..."
 * @size: room in @why, 160 is enough
 *
 * Return: 0; -EINVAL when it is no amount; -ERANGE when it is too much.
 */
int vmqos_cpu_parse(const char *text, struct vmqos_cpu_amount *amount, char *why, size_t size);

/**
 * vmqos_cpu_ppm() - millionths of one CPU that an amount is on a host
 * @amount: the amount
 * @cpu_khz: nominal frequency of one CPU of the host in kHz
 * @ppm: filled; 0 for none only
 *
 * Return: 0; -ERANGE when it is too much; -ENODATA when it is a frequency and
 * @cpu_khz is 0.
 */
int vmqos_cpu_ppm(const struct vmqos_cpu_amount *amount, uint32_t cpu_khz, uint32_t *ppm);

/**
 * vmqos_cpu_mhz() - millionths of one CPU as a frequency
 * @ppm: millionths of one CPU
 * @cpu_khz: nominal frequency of one CPU in kHz
 *
 * Return: MHz.
 */
double vmqos_cpu_mhz(uint64_t ppm, uint32_t cpu_khz);

/**
 * vmqos_cpu_format() - write an amount of CPU in MHz and in percent of one CPU
 * @ppm: millionths of one CPU
 * @cpu_khz: nominal frequency of one CPU in kHz; 0 leaves the MHz out
 * @text: filled, for example "1500 MHz (53.7 %)"
 * @size: room in @text, VMQOS_CPU_TEXT is enough
 *
 * Return: @text.
 */
char *vmqos_cpu_format(uint32_t ppm, uint32_t cpu_khz, char *text, size_t size);

/**
 * vmqos_cpu_shares_parse() - read shares of CPU
 * @text: a number from 1 to 1000000, or low, normal or high
 * @shares: filled with the number, 0 for a word
 * @level: filled, enum vmqos_cpu_level; VMQOS_CPU_CUSTOM for a number
 * @why: as of vmqos_cpu_parse()
 * @size: room in @why
 *
 * Return: 0; -EINVAL when it is neither; -ERANGE when the number is out of bounds.
 */
int vmqos_cpu_shares_parse(const char *text, uint32_t *shares, uint32_t *level, char *why,
			   size_t size);

/**
 * vmqos_cpu_latency_parse() - read a latency class
 * @text: normal or low
 * @latency: filled, enum vmqos_latency_class
 * @why: as of vmqos_cpu_parse()
 * @size: room in @why
 *
 * Return: 0 or -EINVAL.
 */
int vmqos_cpu_latency_parse(const char *text, uint32_t *latency, char *why, size_t size);

/**
 * vmqos_cpu_level_name() - name of a level of shares
 * @level: enum vmqos_cpu_level
 *
 * Return: "custom", "low", "normal", "high" or "unknown".
 */
const char *vmqos_cpu_level_name(uint32_t level);

/**
 * vmqos_cpu_latency_name() - name of a latency class
 * @latency: enum vmqos_latency_class
 *
 * Return: "normal", "low" or "unknown".
 */
const char *vmqos_cpu_latency_name(uint32_t latency);

#ifdef __cplusplus
}
#endif

#endif
