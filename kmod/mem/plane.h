/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_MEM_PLANE_H
#define _VMQOS_MEM_PLANE_H

int vmqos_mem_plane_init(void);
void vmqos_mem_plane_exit(void);

#endif /* _VMQOS_MEM_PLANE_H */
