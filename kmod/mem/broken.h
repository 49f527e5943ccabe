/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules that a test may break, to see that it would notice: never in a module that is
 * built in the usual way.
 */
#ifndef _VMQOS_MEM_BROKEN_H
#define _VMQOS_MEM_BROKEN_H

#include <linux/compiler.h>
#include <linux/types.h>

/**
 * enum vmqos_mem_rule - a rule of the scanners or of the store
 * @VMQOS_MEM_RULE_UNMAP: take the pages out of all page tables first
 * @VMQOS_MEM_RULE_COUNT: see that nobody holds a reference
 * @VMQOS_MEM_RULE_LOOK: look again when nobody can write any more
 * @VMQOS_MEM_RULE_WAIT: let nobody have a large page back before it is split
 * @VMQOS_MEM_RULE_STORE: put a page into the store before it leaves the cache
 * @VMQOS_MEM_RULE_PUNCH: let nobody put a page into the store while a range is removed
 * @VMQOS_MEM_RULE_HOLE: a hole is one only if no page has come back since the first look
 * @VMQOS_MEM_RULE_ARMED: leave a file alone that somebody has userfaultfd on
 * @VMQOS_MEM_RULE_ZEROS_UNMAP: take pages of zeros out of the page tables where a page is made
 * @VMQOS_MEM_RULE_ZEROS_LOCK: find a hole under the lock of the page that stands for it
 * @VMQOS_MEM_RULE_PART: keep the first part of a large page in memory until that is split
 */
enum vmqos_mem_rule {
	VMQOS_MEM_RULE_UNMAP = 1,
	VMQOS_MEM_RULE_COUNT,
	VMQOS_MEM_RULE_LOOK,
	VMQOS_MEM_RULE_WAIT,
	VMQOS_MEM_RULE_STORE,
	VMQOS_MEM_RULE_PUNCH,
	VMQOS_MEM_RULE_HOLE,
	VMQOS_MEM_RULE_ARMED,
	VMQOS_MEM_RULE_ZEROS_UNMAP,
	VMQOS_MEM_RULE_ZEROS_LOCK,
	VMQOS_MEM_RULE_PART,
};

#ifdef VMQOS_MEM_BREAK
extern unsigned int vmqos_mem_break_rule;

static inline bool vmqos_mem_broken(enum vmqos_mem_rule rule)
{
	return READ_ONCE(vmqos_mem_break_rule) == rule;
}
#else
static inline bool vmqos_mem_broken(enum vmqos_mem_rule rule)
{
	return false;
}
#endif

#endif /* _VMQOS_MEM_BROKEN_H */
