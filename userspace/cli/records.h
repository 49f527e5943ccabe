/* SPDX-License-Identifier: GPL-2.0 */
/* How the library's structs are written, the same in every command. */
#ifndef VMQOS_CLI_RECORDS_H
#define VMQOS_CLI_RECORDS_H

#include <stddef.h>
#include <vmqos/vmqos.h>

struct vmqos_out;

/* The fields of a VM into the object that is open. @cpu_khz: of one CPU, 0 if unknown. */
void vmqos_write_vm(struct vmqos_out *out, const struct vmqos_vm *vm, uint32_t cpu_khz);

/* The same as a row of the list, in the order of its columns. */
void vmqos_write_vm_row(struct vmqos_out *out, const struct vmqos_vm *vm, uint32_t cpu_khz);

/* The fields of a vCPU but its counters. */
void vmqos_write_vcpu(struct vmqos_out *out, const struct vmqos_vcpu *vcpu);

/* An object "stats" with the counters that were reported; JSON only. */
void vmqos_write_stats(struct vmqos_out *out, const struct vmqos_stats *stats);

/* Room for all reasons of enum vmqos_why_not. */
#define VMQOS_WHY_NOT_TEXT	128

/* The reasons in words, into @text, which is returned. */
char *vmqos_why_not_format(uint64_t why_not, char *text, size_t size);

/* An object "mem" with what was reported of a VM's memory; JSON only. */
void vmqos_write_mem(struct vmqos_out *out, const struct vmqos_mem *mem);

/* Where a VM's memory is, as lines for people. */
void vmqos_write_mem_lines(struct vmqos_out *out, const struct vmqos_mem *mem);

/* A reservation that could not be met; JSON only. */
void vmqos_write_unmet(struct vmqos_out *out, const struct vmqos_unmet *unmet, uint32_t cpu_khz);

/* The fields of a balloon into the object that is open; JSON only. */
void vmqos_write_balloon(struct vmqos_out *out, const struct vmqos_balloon *balloon);

/* How long ago its guest has told its statistics, in seconds. */
double vmqos_balloon_age(const struct vmqos_balloon *balloon);

void vmqos_write_host(struct vmqos_out *out, const struct vmqos_host *host);

#endif
