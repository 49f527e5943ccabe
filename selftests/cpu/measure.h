/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the program measure share. */
#ifndef VMQOS_SELFTESTS_MEASURE_H
#define VMQOS_SELFTESTS_MEASURE_H

#include "subject.h"

#define VMQOS_MEASURE_RUNS	16

/**
 * struct vmqos_measure_load - VMs to be measured
 * @name: what the figures are called
 * @vms: number of VMs
 * @vcpus: vCPUs of each
 * @workload: what each vCPU does
 */
struct vmqos_measure_load {
	const char *name;
	int vms;
	int vcpus;
	const char *workload[4];
};

void __attribute__((noreturn)) vmqos_measure_die(const char *what, int error);
void vmqos_measure_row(const char *name, const char *metric, const char *unit,
		       const double *value, int values);
struct vmqos *vmqos_measure_open(void);
struct vmqos_vmm_vm *vmqos_measure_vm(const char *name, const struct vmqos_measure_load *load);
double vmqos_measure_kernel_kib(void);

/* The gate's own figures (measure_gate.c). */
void vmqos_measure_gate(struct vmqos *ctx, uint32_t id, const char *how);
void vmqos_measure_work(const char *name, const char *workload, const char *how, int runs);
void vmqos_measure_epoch(const char *name, int vms, const char *workload, int runs);

#endif
