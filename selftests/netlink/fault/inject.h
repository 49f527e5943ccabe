/* SPDX-License-Identifier: GPL-2.0 */
/* Failing allocations on purpose, by the kernel's fault injection. */
#ifndef VMQOS_FAULT_INJECT_H
#define VMQOS_FAULT_INJECT_H

#include <stdbool.h>

const char *inject_prepare(void);
void inject_restore(void);
void inject_arm(unsigned int nth);
bool inject_disarm(void);
void inject_pause(bool pause);
int inject_workers(unsigned int percent);
int inject_named(const char *name, bool on);
int inject_self(bool on);
int inject_rate(unsigned int percent);

#endif
