/* SPDX-License-Identifier: GPL-2.0 */
/* The pages of the fake kernel's VMs, and move_pages(2) for them. */
#ifndef VMQOS_TESTS_FAKE_PAGES_H
#define VMQOS_TESTS_FAKE_PAGES_H

#include <stdint.h>

struct nl_msg;
struct nlattr;

/* Takes the address of a request, and puts the answer. */
void vmqos_fake_range_ask(struct nlattr *attrs, int size);
void vmqos_fake_range_put(struct nl_msg *msg, uint32_t id, unsigned int place);

/*
 * Pages go back to where they were. Words: "nodes" (there are two), "pinned" (some pages
 * do not move), "foreign" (the VMM may not be looked into), "cpuset" (it may use the first
 * node only), "full" (the second one soon has no memory left).
 */
void vmqos_fake_pages_script(const char *words);

#endif
