// SPDX-License-Identifier: GPL-2.0
/*
 * How a VM is recognised, compiled into this module as well: it has to work, and can be
 * unloaded, with vmqos.ko or without.
 */
#include "../core/kvmfile.c"
