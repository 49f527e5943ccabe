// SPDX-License-Identifier: GPL-2.0
/*
 * Time in guest mode, from KVM's tracepoints at the entry to and the exit from
 * the guest. They are attached while a VM is adopted and the host's guest-time
 * is on; with none adopted no vCPU of the host pays for them.
 *
 * A probe finds the counters of its vCPU through the hook in its own thread's
 * list of preempt notifiers. It stands second there, behind KVM's own, or not
 * at all.
 */
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "core/kvmfile.h"
#include "core/vm.h"
#include "cpu/account.h"
#include "cpu/clock.h"
#include "cpu/cpu.h"
#include "cpu/guest.h"
#include "cpu/thread.h"

/* Found once: the module depends on KVM, so they stay where they are. */
static struct tracepoint *vmqos_tp_entry;
static struct tracepoint *vmqos_tp_exit;

/* All of these: vmqos_lock. */
static unsigned int vmqos_guest_users;
static bool vmqos_guest_on = true;
static bool vmqos_guest_probing;

static __always_inline struct vmqos_acct *vmqos_current_acct(void)
{
	struct preempt_notifier *notifier;

	hlist_for_each_entry(notifier, &current->preempt_notifiers, link)
		if (notifier->ops == &vmqos_account_ops)
			return container_of(notifier, struct vmqos_thread,
					    notifier)->acct;
	return NULL;
}

/*
 * KVM passes more arguments than these, which differ between kernels; they are
 * not looked at.
 */
static void vmqos_probe_entry(void *data)
{
	struct vmqos_acct *acct = vmqos_current_acct();

	if (acct)
		WRITE_ONCE(acct->entry, vmqos_clock());
}

static void vmqos_probe_exit(void *data)
{
	struct vmqos_acct *acct = vmqos_current_acct();
	u64 entry;

	if (!acct)
		return;
	entry = acct->entry;
	if (!entry)
		return;
	WRITE_ONCE(acct->entry, 0);
	/*
	 * Pairs with vmqos_account_read_guest(): the end of the visit first,
	 * its length second.
	 */
	smp_store_release(&acct->guest, acct->guest + (vmqos_clock() - entry));
}

static int vmqos_guest_attach(void)
{
	int ret;

	ret = tracepoint_probe_register(vmqos_tp_exit, vmqos_probe_exit, NULL);
	if (ret)
		return ret;
	ret = tracepoint_probe_register(vmqos_tp_entry, vmqos_probe_entry, NULL);
	if (ret) {
		tracepoint_probe_unregister(vmqos_tp_exit, vmqos_probe_exit,
					    NULL);
		tracepoint_synchronize_unregister();
		return ret;
	}
	vmqos_guest_probing = true;
	return 0;
}

/*
 * A vCPU that was in the guest when the probes went has a visit that nothing
 * ends. No probe runs now, nobody else writes.
 */
static void vmqos_guest_forget(void)
{
	struct vmqos_vcpu *vcpu;
	struct vmqos_vm *vm;
	unsigned long id, index;

	xa_for_each(&vmqos_vms, id, vm)
		xa_for_each(&vm->vcpus, index, vcpu)
			WRITE_ONCE(vcpu->cpu->acct.entry, 0);
}

static void vmqos_guest_detach(void)
{
	tracepoint_probe_unregister(vmqos_tp_entry, vmqos_probe_entry, NULL);
	tracepoint_probe_unregister(vmqos_tp_exit, vmqos_probe_exit, NULL);
	tracepoint_synchronize_unregister();
	vmqos_guest_probing = false;
	vmqos_guest_forget();
}

/**
 * vmqos_guest_get() - one more VM is adopted
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: 0, or -ENOMEM; then nothing has changed.
 */
int vmqos_guest_get(void)
{
	int ret;

	lockdep_assert_held(&vmqos_lock);
	if (vmqos_guest_on && !vmqos_guest_probing) {
		ret = vmqos_guest_attach();
		if (ret)
			return ret;
	}
	vmqos_guest_users++;
	return 0;
}

/**
 * vmqos_guest_put() - one VM less is adopted
 *
 * Context: process context, vmqos_lock held; sleeps.
 */
void vmqos_guest_put(void)
{
	lockdep_assert_held(&vmqos_lock);
	if (!--vmqos_guest_users && vmqos_guest_probing)
		vmqos_guest_detach();
}

/**
 * vmqos_guest_time() - whether time in guest mode is measured
 *
 * Context: process context, vmqos_lock held.
 * Return: true when it is.
 */
bool vmqos_guest_time(void)
{
	lockdep_assert_held(&vmqos_lock);
	return vmqos_guest_on;
}

/**
 * vmqos_guest_set_time() - measure time in guest mode or not
 * @on: whether to
 *
 * Context: process context, vmqos_lock held; sleeps.
 * Return: 0, or -ENOMEM; then nothing has changed.
 */
int vmqos_guest_set_time(bool on)
{
	int ret;

	lockdep_assert_held(&vmqos_lock);
	if (on && vmqos_guest_users && !vmqos_guest_probing) {
		ret = vmqos_guest_attach();
		if (ret)
			return ret;
	}
	if (!on && vmqos_guest_probing)
		vmqos_guest_detach();
	vmqos_guest_on = on;
	return 0;
}

static void vmqos_guest_match(struct tracepoint *tp)
{
	if (!strcmp(tp->name, "kvm_entry"))
		vmqos_tp_entry = tp;
	else if (!strcmp(tp->name, "kvm_exit"))
		vmqos_tp_exit = tp;
}

/**
 * vmqos_guest_init() - find KVM's tracepoints
 *
 * Context: module initialisation.
 * Return: 0, or -ENOENT when KVM has no such tracepoints.
 */
int vmqos_guest_init(void)
{
	struct module *kvm = vmqos_kvm_module();
	unsigned int i;

	for (i = 0; i < kvm->num_tracepoints; i++)
		vmqos_guest_match(tracepoint_ptr_deref(&kvm->tracepoints_ptrs[i]));
	if (!vmqos_tp_entry || !vmqos_tp_exit) {
		pr_err("vmqos: KVM has no tracepoints kvm_entry and kvm_exit\n");
		return -ENOENT;
	}
	return 0;
}
