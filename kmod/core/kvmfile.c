// SPDX-License-Identifier: GPL-2.0
/*
 * From a file to the KVM VM behind it.
 *
 * KVM exports nothing that tells whether a file is one of its VMs, and any
 * file may be called kvm-vm. Three facts together are proof: the file is on
 * the kernel's one anonymous inode, which user space can neither create nor
 * rename; KVM gave it its name; and its operations belong to KVM's module.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm_host.h>
#include <linux/module.h>

#include "core/kvmfile.h"

/* The inode that all anonymous files share; it lives for ever. */
static struct inode *vmqos_anon_inode;

static const struct file_operations vmqos_probe_fops = {
	.owner = THIS_MODULE,
};

/**
 * vmqos_kvmfile_init() - learn which inode the anonymous files share
 *
 * Context: module initialisation.
 * Return: 0 or a negative error.
 */
int vmqos_kvmfile_init(void)
{
	struct file *file;

	file = anon_inode_getfile("vmqos-probe", &vmqos_probe_fops, NULL,
				  O_RDONLY);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vmqos_anon_inode = file_inode(file);
	fput(file);
	return 0;
}

static bool vmqos_module_is_kvm(struct module *owner)
{
	const char *name;

	if (!owner)
		return IS_BUILTIN(CONFIG_KVM);
	name = module_name(owner);
	return !strcmp(name, "kvm") || !strcmp(name, "kvm_amd") ||
	       !strcmp(name, "kvm_intel");
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
	if (!vmqos_module_is_kvm(file->f_op->owner))
		return NULL;
	kvm = file->private_data;
	if (!kvm || !kvm_get_kvm_safe(kvm))
		return NULL;
	return kvm;
}
