/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_CORE_KVMFILE_H
#define _VMQOS_CORE_KVMFILE_H

struct file;
struct kvm;
struct module;

int vmqos_kvmfile_init(void);
struct module *vmqos_kvm_module(void);
struct kvm *vmqos_kvmfile_get(struct file *file);

#endif /* _VMQOS_CORE_KVMFILE_H */
