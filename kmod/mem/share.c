// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of zeros of VMs whose memory is not in vmramfs: which VMs, when, and how much of a
 * CPU it may cost.
 *
 * DOC: Overview
 *
 * A thread of the module's own goes through the VMs that have a policy for it, as the scanner
 * of vmramfs goes through files, and rests as that does. It finds a VM's memory anew each time,
 * through the memory slots, and keeps nothing of it but the address where it goes on: the
 * VMM's address space is held for a few milliseconds at a time, and no file ever. The lock of
 * an address space is tried, and waited for in one case only (insist()).
 *
 * KSM is told of private anonymous memory by the same thread (ksm.c), before anything else and
 * outside its budget: that is soon done, and what KSM takes has limits of its own.
 *
 * A VM's shared memory is left alone until one of its vCPUs has run. Before, a migration may
 * be on its way in, and a VMM that has received a page of zeros counts on having it: when it
 * goes on to fetch pages on demand (postcopy), it would wait for that one for ever.
 */
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/kvm_host.h>
#include <linux/math64.h>
#include <linux/mmap_lock.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "mem/broken.h"
#include "mem/pressed.h"
#include "mem/share.h"

#define STRETCH_NS	(5 * NSEC_PER_MSEC)

/* Protects the list, who is looked at, and whether it may go: held while one is. */
static DEFINE_MUTEX(share_mutex);
static LIST_HEAD(shares);
/* The VM in which the scanner is, NULL between passes. */
static struct vmqos_share *at;

static struct task_struct *scanner;
static DECLARE_WAIT_QUEUE_HEAD(waiting);
static bool woken;
/* There may be something to tell KSM: a policy has changed, or memory has come. */
static bool untold;
/* It could not be told just then. */
static bool soon;

static unsigned int share_percent = 5;
static unsigned int share_period_ms = 10000;
static unsigned int share_pressure_percent = 10;

static void wake(void)
{
	WRITE_ONCE(untold, true);
	WRITE_ONCE(woken, true);
	wake_up(&waiting);
}

static int set_and_wake(const char *text, const struct kernel_param *param)
{
	int ret = param_set_uint(text, param);

	if (!ret)
		wake();
	return ret;
}

static const struct kernel_param_ops waking = {
	.set = set_and_wake,
	.get = param_get_uint,
};

module_param_cb(share_percent, &waking, &share_percent, 0644);
MODULE_PARM_DESC(share_percent,
		 "most of one CPU's time that looking for zero pages in shared memory takes, in per cent (5); 0: do not look");
module_param_cb(share_period_ms, &waking, &share_period_ms, 0644);
MODULE_PARM_DESC(share_period_ms,
		 "least time from the begin of one pass over the VMs to that of the next, in ms (10000); 0: no rest");
module_param_cb(share_pressure_percent, &waking, &share_pressure_percent, 0644);
MODULE_PARM_DESC(share_pressure_percent,
		 "with mem-share-zero=pressure look while less than this of the host's memory is available, in per cent (10)");

#ifdef VMQOS_MEM_BREAK
unsigned int vmqos_mem_break_rule;
module_param_named(mem_break_rule, vmqos_mem_break_rule, uint, 0644);
MODULE_PARM_DESC(mem_break_rule, "break a rule: 1 unmap first, 2 count references, 3 look under the lock, 8 leave userfaultfd alone");
#endif

static bool is_asked_for(const struct vmqos_share *share)
{
	u32 word = READ_ONCE(share->word);

	return word == VMQOS_MEM_SHARE_ZERO_ON || word == VMQOS_MEM_SHARE_ZERO_PRESSURE;
}

/* Whether a vCPU has run, now or at an earlier look. */
static bool has_begun(struct vmqos_share *share)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	if (READ_ONCE(share->begun))
		return true;
	kvm_for_each_vcpu(i, vcpu, share->kvm) {
		if (!READ_ONCE(vcpu->stat.exits))
			continue;
		WRITE_ONCE(share->begun, true);
		return true;
	}
	return false;
}

static bool is_wanted(struct vmqos_share *share)
{
	switch (READ_ONCE(share->word)) {
	case VMQOS_MEM_SHARE_ZERO_ON:
		return has_begun(share);
	case VMQOS_MEM_SHARE_ZERO_PRESSURE:
		return vmqos_mem_pressed(READ_ONCE(share_pressure_percent)) && has_begun(share);
	default:
		return false;
	}
}

/* Goes on in a VM for a while. Returns true at its end. */
static bool look_through(struct vmqos_share *share, u64 until, struct vmqos_mem_stats *did)
{
	struct vmqos_mem_piece piece;

	while (vmqos_mem_backing_next(share->kvm, share->cursor, &piece)) {
		if (piece.in != VMQOS_MEM_IN_SHMEM || vmqos_shmem_why_not(piece.vma)) {
			share->cursor = piece.to;
			continue;
		}
		share->found = true;
		share->cursor = piece.from;
		if (!vmqos_shmem_scan(piece.vma, &share->cursor, piece.to, until, did))
			return false;
	}
	return true;
}

/* Works on a VM for a while. Returns 1 at its end, 0 before, or an error if it cannot now. */
static int work_on(struct vmqos_share *share, u64 until)
{
	struct mm_struct *mm = share->kvm->mm;
	struct vmqos_mem_stats did = {};
	u64 began = ktime_get_ns();
	int ret = -EAGAIN;

	if (!mmget_not_zero(mm))
		return 1;
	if (mmap_read_trylock(mm)) {
		ret = look_through(share, until, &did);
		mmap_read_unlock(mm);
	}
	/* Whoever was last to use it is not to take it down here. */
	mmput_async(mm);
	did.zero_passes = ret == 1 && share->found;
	did.zero_scan_ns = share->found ? ktime_get_ns() - began : 0;
	spin_lock(&share->lock);
	vmqos_mem_stats_add(&share->stats, &did);
	spin_unlock(&share->lock);
	return ret;
}

static struct vmqos_share *following(struct vmqos_share *share)
{
	share->cursor = 0;
	share->found = false;
	return list_is_last(&share->node, &shares) ? NULL : list_next_entry(share, node);
}

/* Works for a while; returns false when a pass over all VMs is done. */
static bool stretch(bool *busy)
{
	u64 until = ktime_get_ns() + STRETCH_NS;
	bool more;
	int ret;

	mutex_lock(&share_mutex);
	if (!at)
		at = list_first_entry_or_null(&shares, struct vmqos_share, node);
	while (at && !is_wanted(at))
		at = following(at);
	if (at) {
		ret = work_on(at, until);
		*busy = ret < 0;
		if (ret == 1)
			at = following(at);
	}
	more = at;
	mutex_unlock(&share_mutex);
	return more;
}

/* Whether KSM is to have a VM's anonymous memory; what it has under pressure it keeps. */
static bool is_for_ksm(const struct vmqos_share *share)
{
	switch (READ_ONCE(share->word)) {
	case VMQOS_MEM_SHARE_ZERO_ON:
		return true;
	case VMQOS_MEM_SHARE_ZERO_PRESSURE:
		return share->ksm.nr || vmqos_mem_pressed(READ_ONCE(share_pressure_percent));
	default:
		return false;
	}
}

/*
 * Undoes a part of what KSM was told of a VM whose VMM always has its mmap_lock: queues for it.
 * Meanwhile share_mutex is let go of, or who adds a VM or lets go of one would wait for this VMM,
 * with vmqos_lock held. The VM may be gone when there is the lock.
 */
static bool insist(struct vmqos_share *held_up)
{
	struct mm_struct *mm = held_up->kvm->mm;
	struct vmqos_share *share;
	int ret = 0;

	if (!mmget_not_zero(mm))
		return false;
	mutex_unlock(&share_mutex);
	mmap_write_lock(mm);
	mutex_lock(&share_mutex);
	list_for_each_entry(share, &shares, node) {
		if (share != held_up || share->kvm->mm != mm || is_for_ksm(share))
			continue;
		ret = vmqos_ksm_undo(share);
		break;
	}
	mmap_write_unlock(mm);
	mmput_async(mm);
	soon |= ret < 0;
	return ret > 0;
}

/* Tells KSM what it is to be told. Returns whether there is more of it at once. */
static bool tell_ksm(void)
{
	struct vmqos_share *share, *held_up = NULL;
	bool more = false;

	if (!READ_ONCE(untold) && !soon)
		return false;
	WRITE_ONCE(untold, false);
	soon = false;
	mutex_lock(&share_mutex);
	list_for_each_entry(share, &shares, node) {
		int ret = vmqos_ksm_apply(share, is_for_ksm(share));

		more |= ret > 0;
		soon |= ret < 0;
		if (vmqos_ksm_is_held_up(share))
			held_up = share;
	}
	if (held_up)
		more |= insist(held_up);
	mutex_unlock(&share_mutex);
	if (more)
		WRITE_ONCE(untold, true);
	return more;
}

/* Until it is woken; what KSM is to be told again soon, it is meanwhile. */
static void rest(u64 ns)
{
	u64 until = ktime_get_ns() + ns, left = ns;

	for (;;) {
		if (soon)
			left = min_t(u64, left, NSEC_PER_SEC / 50);
		wait_event_interruptible_timeout(waiting, READ_ONCE(woken) || kthread_should_stop(),
						 max(nsecs_to_jiffies(left), 1ul));
		left = until - min(until, ktime_get_ns());
		if (!left || READ_ONCE(woken) || kthread_should_stop())
			break;
		while (tell_ksm() && !kthread_should_stop())
			cond_resched();
	}
	WRITE_ONCE(woken, false);
}

static int scan_vms(void *unused)
{
	u64 pass_began = ktime_get_ns(), owed = 0;

	while (!kthread_should_stop()) {
		unsigned int percent = min(READ_ONCE(share_percent), 100u);
		u64 began = ktime_get_ns(), period, spent;
		bool more, busy = false;

		if (tell_ksm()) {
			cond_resched();
			continue;
		}
		if (!percent) {
			rest(NSEC_PER_SEC);
			continue;
		}
		more = stretch(&busy);
		spent = ktime_get_ns() - began;
		owed += div_u64(spent * (100 - percent), percent);
		if (busy)
			owed += jiffies_to_nsecs(1);
		/* What is less than a tick is slept with the next. */
		if (owed >= jiffies_to_nsecs(1)) {
			began = ktime_get_ns();
			rest(owed);
			spent = ktime_get_ns() - began;
			owed -= min(owed, spent);
		}
		cond_resched();
		if (more)
			continue;
		period = (u64)READ_ONCE(share_period_ms) * NSEC_PER_MSEC;
		spent = ktime_get_ns() - pass_began;
		rest(spent < period ? period - spent : 0);
		pass_began = ktime_get_ns();
		WRITE_ONCE(untold, true);
	}
	return 0;
}

/**
 * vmqos_share_new() - a VM is there
 * @kvm: it, which the caller keeps referenced as long
 *
 * Context: may sleep; takes share_mutex.
 * Return: what is kept of it, or NULL if there is no memory for it.
 */
struct vmqos_share *vmqos_share_new(struct kvm *kvm)
{
	struct vmqos_share *share = kzalloc(sizeof(*share), GFP_KERNEL_ACCOUNT);

	if (!share)
		return NULL;
	share->kvm = kvm;
	spin_lock_init(&share->lock);
	mutex_lock(&share_mutex);
	list_add_tail(&share->node, &shares);
	mutex_unlock(&share_mutex);
	return share;
}

/**
 * vmqos_share_free() - a VM goes; nobody is in its memory on return
 * @share: what is kept of it
 *
 * Context: may sleep; waits for a stretch of the scanner's work.
 */
void vmqos_share_free(struct vmqos_share *share)
{
	mutex_lock(&share_mutex);
	if (at == share)
		at = following(share);
	list_del(&share->node);
	mutex_unlock(&share_mutex);
	kfree(share);
}

/**
 * vmqos_share_set() - a VM's policy has changed
 * @share: what is kept of the VM
 * @word: enum vmqos_mem_share_zero
 *
 * Context: any.
 */
void vmqos_share_set(struct vmqos_share *share, u32 word)
{
	if (READ_ONCE(share->word) == word)
		return;
	WRITE_ONCE(share->word, word);
	wake();
}

/**
 * vmqos_share_read() - what has been done to a VM's memory
 * @share: what is kept of the VM
 * @stats: what it is added to
 *
 * Context: any that may take a spinlock.
 */
void vmqos_share_read(struct vmqos_share *share, struct vmqos_mem_stats *stats)
{
	spin_lock(&share->lock);
	vmqos_mem_stats_add(stats, &share->stats);
	spin_unlock(&share->lock);
}

static u64 why_not_in_vmramfs(struct vmqos_share *share, struct inode *inode)
{
	const struct vmqos_mem_super_ops *ops = vmqos_mem_super_ops(inode);
	u32 word = READ_ONCE(share->word);

	if (!ops)
		return VMQOS_MEM_WHY_NOT_VERSION;
	if (word == VMQOS_MEM_SHARE_ZERO_MOUNT)
		word = ops->share_zero(inode);
	return word == VMQOS_MEM_SHARE_ZERO_OFF ? VMQOS_MEM_WHY_NOT_POLICY : 0;
}

/**
 * vmqos_share_why_not() - why pages of zeros of some of a VM's memory are not given back
 * @share: what is kept of the VM
 * @vma: the VMM's mapping of it
 * @in: where it is
 *
 * Context: may sleep, the mapping's mmap_lock held.
 * Return: 0 if they are, or bits of enum vmqos_mem_why_not.
 */
u64 vmqos_share_why_not(struct vmqos_share *share, struct vm_area_struct *vma,
			enum vmqos_mem_in in)
{
	switch (in) {
	case VMQOS_MEM_IN_VMRAMFS:
		return why_not_in_vmramfs(share, file_inode(vma->vm_file));
	case VMQOS_MEM_IN_SHMEM:
		if (!is_asked_for(share))
			return VMQOS_MEM_WHY_NOT_POLICY;
		return vmqos_shmem_why_not(vma) | (has_begun(share) ? 0 : VMQOS_MEM_WHY_NOT_IDLE);
	case VMQOS_MEM_IN_ANONYMOUS:
		if (vma->vm_flags & VM_MERGEABLE)
			return 0;
		return is_asked_for(share) ? VMQOS_MEM_WHY_NOT_KSM : VMQOS_MEM_WHY_NOT_POLICY;
	case VMQOS_MEM_IN_HUGETLB:
		return VMQOS_MEM_WHY_NOT_HUGETLB;
	default:
		return VMQOS_MEM_WHY_NOT_ELSEWHERE;
	}
}

/**
 * vmqos_share_init() - start the scanner
 *
 * Context: module initialisation.
 * Return: 0 or a negative error number.
 */
int vmqos_share_init(void)
{
	scanner = kthread_run(scan_vms, NULL, "vmqos_share");
	return PTR_ERR_OR_ZERO(scanner);
}

/**
 * vmqos_share_exit() - end it
 *
 * Context: may sleep, when no VM is adopted.
 */
void vmqos_share_exit(void)
{
	kthread_stop(scanner);
}
