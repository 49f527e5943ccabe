/* SPDX-License-Identifier: GPL-2.0 */
/* The virtio devices of the fake kernel, all of them balloons. */
#ifndef VMQOS_TESTS_FAKE_BALLOON_H
#define VMQOS_TESTS_FAKE_BALLOON_H

#include <stdint.h>

struct nl_msg;
struct nlattr;

void vmqos_fake_balloon_reset(void);

/* "no-virtio": their module is not loaded; "no-devices": there is none. */
void vmqos_fake_balloon_script(const char *words);

unsigned int vmqos_fake_device_count(void);
void vmqos_fake_device_put(struct nl_msg *msg, unsigned int place);
void vmqos_fake_balloon_put(struct nl_msg *msg, unsigned int place);

/*
 * Does what a request wants and says which device the answer is about. @vm is the place of
 * the VM that the request names, -1 for none. Refusals as of vmqos_fake_handle().
 */
int vmqos_fake_balloon_handle(uint8_t cmd, struct nlattr *attrs, int size, int vm,
			      unsigned int *place, const char **sentence, int *blame);

#endif
