# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What a kernel says on its console when something is wrong with it.

complaint_pattern='BUG:|WARNING:|Oops|KASAN:|UBSAN:|ODEBUG:|Kernel panic|kmemleak: [0-9]+ new suspected'
complaint_pattern+='|general protection fault|unable to handle|stack-protector:|stack segment:|divide error:'
complaint_pattern+='|kernel BUG at|invalid opcode:|DEBUG_LOCKS_WARN_ON|possible recursive locking detected'
complaint_pattern+='|possible circular locking|possible irq lock inversion|inconsistent lock state'
complaint_pattern+='|Invalid wait context|suspicious RCU usage|held lock freed|lock held when returning'
complaint_pattern+='|lock held at task exit|INFO: task .* blocked for|INFO: rcu_[a-z]+ .*(detected|self-detected)|rcu_[a-z]+ kthread starved'
complaint_pattern+='|soft lockup|hard LOCKUP|list_(add|del) corruption|refcount_t: |Bad page (state|map)'
complaint_pattern+='|Poison overwritten|Redzone overwritten|Object already free|double free'
complaint_pattern+='|testhost: kmemleak: unreferenced'

# complaints_in FILE: print them with their line numbers; status 1 when there is none.
complaints_in() {
	LC_ALL=C grep -a -n -E -- "$complaint_pattern" "$1"
}
