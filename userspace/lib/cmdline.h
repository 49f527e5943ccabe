/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef VMQOS_LIB_CMDLINE_H
#define VMQOS_LIB_CMDLINE_H

#include <stddef.h>

/*
 * Makes a VM's name of any text: what may not be in a name becomes '_', what
 * is too long is cut. @size bytes of room, of which VMQOS_NAME_MAX + 1 are
 * used at most. An empty text gives "".
 */
void vmqos_name_clean(char *name, size_t size, const char *text);

#endif
