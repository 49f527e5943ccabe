// SPDX-License-Identifier: GPL-2.0
/*
 * The module's work in the background: the periodic scan, which finds new
 * vCPUs, changed threads and VMs that have ended, and the work that follows
 * when a VM has been let go of. The scan sleeps while no VM is adopted.
 */
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "core/scan.h"
#include "core/subsys.h"
#include "core/vm.h"

static struct workqueue_struct *vmqos_wq;

static void vmqos_scan_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(vmqos_scan, vmqos_scan_work);

static void vmqos_kick_work(struct work_struct *work);
static DECLARE_WORK(vmqos_kick, vmqos_kick_work);

/* In ms; written under vmqos_lock. */
static u32 vmqos_period = VMQOS_SCAN_PERIOD_DEFAULT;

static void vmqos_scan_work(struct work_struct *work)
{
	struct vmqos_vm *vm;
	unsigned long id;

	mutex_lock(&vmqos_lock);
	xa_for_each(&vmqos_vms, id, vm)
		vmqos_vm_check(vm);
	vmqos_subsys_scan();
	if (!xa_empty(&vmqos_vms))
		queue_delayed_work(vmqos_wq, &vmqos_scan,
				   msecs_to_jiffies(vmqos_period));
	mutex_unlock(&vmqos_lock);
	vmqos_vm_reap();
}

static void vmqos_kick_work(struct work_struct *work)
{
	mutex_lock(&vmqos_lock);
	vmqos_vm_check_queued();
	mutex_unlock(&vmqos_lock);
	vmqos_vm_reap();
}

/**
 * vmqos_scan_start() - have the scan run, as a VM has been adopted
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_scan_start(void)
{
	queue_delayed_work(vmqos_wq, &vmqos_scan,
			   msecs_to_jiffies(vmqos_period));
}

/**
 * vmqos_scan_kick() - look soon at the VMs that wait to be looked at
 *
 * Context: any.
 */
void vmqos_scan_kick(void)
{
	queue_work(vmqos_wq, &vmqos_kick);
}

/**
 * vmqos_scan_queue() - queue a plane's work on the module's queue
 * @work: the work
 *
 * Context: any.
 */
void vmqos_scan_queue(struct work_struct *work)
{
	queue_work(vmqos_wq, work);
}

/**
 * vmqos_scan_period() - the scan period
 *
 * Context: process context, vmqos_lock held.
 * Return: the period in ms.
 */
u32 vmqos_scan_period(void)
{
	lockdep_assert_held(&vmqos_lock);
	return vmqos_period;
}

/**
 * vmqos_scan_set_period() - set the scan period
 * @ms: the period in ms, VMQOS_SCAN_PERIOD_MIN to VMQOS_SCAN_PERIOD_MAX
 *
 * The new period begins at once.
 *
 * Context: process context, vmqos_lock held.
 */
void vmqos_scan_set_period(u32 ms)
{
	lockdep_assert_held(&vmqos_lock);
	vmqos_period = ms;
	if (!xa_empty(&vmqos_vms))
		mod_delayed_work(vmqos_wq, &vmqos_scan, msecs_to_jiffies(ms));
}

/**
 * vmqos_scan_init() - set up the module's work queue
 *
 * Context: module initialisation.
 * Return: 0 or -ENOMEM.
 */
int vmqos_scan_init(void)
{
	/* Ahead of vCPUs that burn: they are what the work is about. */
	vmqos_wq = alloc_workqueue("vmqos", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return vmqos_wq ? 0 : -ENOMEM;
}

/**
 * vmqos_scan_exit() - stop the module's work
 *
 * Context: module exit or a failed initialisation, when no VM is adopted.
 */
void vmqos_scan_exit(void)
{
	cancel_delayed_work_sync(&vmqos_scan);
	destroy_workqueue(vmqos_wq);
}
