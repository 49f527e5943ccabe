// SPDX-License-Identifier: GPL-2.0
/*
 * vmqos: resource management of KVM virtual machines. Initialisation in order,
 * and its mirror.
 */
#include <linux/module.h>

#include "core/family.h"
#include "core/kvmfile.h"
#include "core/scan.h"
#include "cpu/cpu.h"
#include "mem/plane.h"

static int __init vmqos_init(void)
{
	int ret;

	ret = vmqos_kvmfile_init();
	if (ret)
		return ret;
	ret = vmqos_scan_init();
	if (ret)
		return ret;
	ret = vmqos_cpu_init();
	if (ret)
		goto err_scan;
	ret = vmqos_mem_plane_init();
	if (ret)
		goto err_cpu;
	ret = vmqos_family_init();
	if (ret)
		goto err_mem;
	return 0;

err_mem:
	vmqos_mem_plane_exit();
err_cpu:
	vmqos_cpu_exit();
err_scan:
	vmqos_scan_exit();
	return ret;
}

static void __exit vmqos_exit(void)
{
	vmqos_family_exit();
	vmqos_mem_plane_exit();
	vmqos_cpu_exit();
	vmqos_scan_exit();
}

module_init(vmqos_init);
module_exit(vmqos_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Resource management of KVM virtual machines");
MODULE_VERSION("0.1.0");
