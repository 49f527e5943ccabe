// SPDX-License-Identifier: GPL-2.0
/*
 * vmqos_mem: guest memory in a filesystem of our own. Initialisation in order, and its
 * mirror.
 */
#include <linux/module.h>

#include "mem/mem.h"

static int __init vmqos_mem_init(void)
{
	int ret;

	ret = vmqos_store_init();
	if (ret)
		return ret;
	ret = vmqos_swap_init();
	if (ret)
		goto err_store;
	ret = vmqos_zeros_init();
	if (ret)
		goto err_swap;
	ret = vmqos_zero_init();
	if (ret)
		goto err_zeros;
	ret = vmqos_sample_init();
	if (ret)
		goto err_zero;
	ret = vmqos_pressure_init();
	if (ret)
		goto err_sample;
	ret = vmqos_mem_super_init();
	if (ret)
		goto err_pressure;
	return 0;

err_pressure:
	vmqos_pressure_exit();
err_sample:
	vmqos_sample_exit();
err_zero:
	vmqos_zero_exit();
err_zeros:
	vmqos_zeros_exit();
err_swap:
	vmqos_swap_exit();
err_store:
	vmqos_store_exit();
	return ret;
}

static void __exit vmqos_mem_exit(void)
{
	vmqos_mem_super_exit();
	vmqos_pressure_exit();
	vmqos_sample_exit();
	vmqos_zero_exit();
	vmqos_zeros_exit();
	vmqos_swap_exit();
	vmqos_store_exit();
}

module_init(vmqos_mem_init);
module_exit(vmqos_mem_exit);
MODULE_ALIAS_FS("vmramfs");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A filesystem for the memory of KVM virtual machines");
MODULE_VERSION("0.1.0");
