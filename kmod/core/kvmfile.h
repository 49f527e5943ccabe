/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_KVMFILE_H
#define _VMQOS_CORE_KVMFILE_H

struct file;
struct kvm;

int vmqos_kvmfile_init(void);
struct kvm *vmqos_kvmfile_get(struct file *file);

#endif /* _VMQOS_CORE_KVMFILE_H */
