// SPDX-License-Identifier: GPL-2.0
/*
 * From a file to the KVM VM behind it.
 *
 * KVM exports nothing that tells whether a file is one of its VMs, and any
 * file may be called kvm-vm. Three facts together are proof: the file is on
 * the kernel's one anonymous inode, which user space can neither create nor
 * rename; it was given the name that KVM gives its VMs; and its operations
 * stand in KVM's module. (Their owner is not set before Linux 6.8.)
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "core/kvmfile.h"

#if !IS_MODULE(CONFIG_KVM)
#error "vmqos needs KVM as a module (CONFIG_KVM=m)"
#endif

/* The module kvm: ours depends on it, so it stays while ours is loaded. */
static struct module *vmqos_kvm;

/* The inode that all anonymous files share; it lives for ever. */
static struct inode *vmqos_anon_inode;

static int vmqos_kvm_match(struct notifier_block *nb, unsigned long event,
			   void *data)
{
	struct tp_module *tp_module = data;

	if (event == MODULE_STATE_COMING &&
	    !strcmp(module_name(tp_module->mod), "kvm"))
		vmqos_kvm = tp_module->mod;
	return NOTIFY_OK;
}

static struct notifier_block vmqos_kvm_nb = {
	.notifier_call = vmqos_kvm_match,
};

/* Modules cannot be looked up, but those with tracepoints are all told of. */
static int vmqos_kvm_find(void)
{
	int ret;

	ret = register_tracepoint_module_notifier(&vmqos_kvm_nb);
	if (ret)
		return ret;
	unregister_tracepoint_module_notifier(&vmqos_kvm_nb);
	if (!vmqos_kvm) {
		pr_err("vmqos: the module kvm has no tracepoints; is it KVM's?\n");
		return -ENOENT;
	}
	return 0;
}

/**
 * vmqos_kvm_module() - KVM's module
 *
 * Context: any, after vmqos_kvmfile_init().
 * Return: the module.
 */
struct module *vmqos_kvm_module(void)
{
	return vmqos_kvm;
}

/**
 * vmqos_kvmfile_init() - learn where KVM and the anonymous files are
 *
 * A file is made to learn the inode. It is taken down when the caller returns to user space, and
 * by then this module may be gone, for something else has kept it from loading: so there is
 * nothing of the module's in it.
 *
 * Context: module initialisation, first.
 * Return: 0 or a negative error.
 */
int vmqos_kvmfile_init(void)
{
	struct file *file;

	file = anon_inode_getfile("vmqos-probe", &generic_ro_fops, NULL, O_RDONLY);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vmqos_anon_inode = file_inode(file);
	fput(file);
	return vmqos_kvm_find();
}

/**
 * vmqos_kvmfile_get() - the VM behind a file
 * @file: any file, referenced by the caller
 *
 * Context: process context.
 * Return: the VM with a reference for the caller to drop with kvm_put_kvm(),
 * or NULL when the file is not a VM of KVM.
 */
struct kvm *vmqos_kvmfile_get(struct file *file)
{
	const struct dentry *dentry = file->f_path.dentry;
	struct kvm *kvm;

	if (file_inode(file) != vmqos_anon_inode)
		return NULL;
	/* An anonymous file's name never changes, it needs no lock. */
	if (strcmp(dentry->d_name.name, "kvm-vm"))
		return NULL;
	if (!within_module((unsigned long)file->f_op, vmqos_kvm))
		return NULL;
	kvm = file->private_data;
	if (!kvm || !kvm_get_kvm_safe(kvm))
		return NULL;
	return kvm;
}
