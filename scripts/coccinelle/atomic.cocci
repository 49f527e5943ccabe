// SPDX-License-Identifier: GPL-2.0
/// What may sleep, wakes somebody or prints, between taking and leaving a raw
/// spinlock. Raw locks are taken inside the scheduler's own: a wake-up there can
/// deadlock, and sleeping is a fault under every spinlock.
// Confidence: High
// Options: --no-includes

virtual report

@locked exists@
position p, q;
expression lock;
identifier sleeper =~ "^(mutex_lock|mutex_lock_interruptible|down_read|down_write|msleep|schedule|schedule_timeout.*|cond_resched|synchronize_rcu|synchronize_rcu_tasks|flush_work|cancel_work_sync|wait_for_completion|copy_to_user|copy_from_user|vmalloc|kvmalloc|wake_up|wake_up_process|wake_up_all|complete|complete_all|swake_up_one|swake_up_all|printk|_printk|pr_err|pr_warn|pr_info|pr_notice|call_rcu|kfree_rcu)$";
@@

(
raw_spin_lock@p(lock)
|
raw_spin_lock_irq@p(lock)
|
raw_spin_lock_irqsave@p(lock, ...)
)
... when != raw_spin_unlock(lock)
    when != raw_spin_unlock_irq(lock)
    when != raw_spin_unlock_irqrestore(lock, ...)
    when any
sleeper@q(...)

@script:python depends on report@
p << locked.p;
q << locked.q;
sleeper << locked.sleeper;
@@

coccilib.report.print_report(q[0], "%s() under the raw lock taken on line %s" % (sleeper, p[0].line))

@allocates exists@
position p, q;
expression lock;
identifier alloc =~ "^(k[mz]alloc|kcalloc|kmalloc_array|k[mz]alloc_node|kmem_cache_alloc|kmem_cache_zalloc|kstrdup|kmemdup)$";
@@

(
raw_spin_lock@p(lock)
|
raw_spin_lock_irq@p(lock)
|
raw_spin_lock_irqsave@p(lock, ...)
|
spin_lock@p(lock)
|
spin_lock_irq@p(lock)
|
spin_lock_bh@p(lock)
|
spin_lock_irqsave@p(lock, ...)
)
... when != raw_spin_unlock(lock)
    when != raw_spin_unlock_irq(lock)
    when != raw_spin_unlock_irqrestore(lock, ...)
    when != spin_unlock(lock)
    when != spin_unlock_irq(lock)
    when != spin_unlock_bh(lock)
    when != spin_unlock_irqrestore(lock, ...)
    when any
alloc(..., GFP_KERNEL@q, ...)

@script:python depends on report@
p << allocates.p;
q << allocates.q;
alloc << allocates.alloc;
@@

coccilib.report.print_report(q[0], "%s() may sleep under the lock taken on line %s" % (alloc, p[0].line))
