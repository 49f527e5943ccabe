/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink by hand, for tests: nothing stands between the test and the
 * kernel, so that a message can be wrong in any way one likes, and an answer
 * is seen exactly as it came.
 */
#ifndef VMQOS_SELFTESTS_RAW_H
#define VMQOS_SELFTESTS_RAW_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vmqos.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMQOS_RAW_BYTES		16384
#define VMQOS_RAW_PIECE		(1u << 18)

#ifndef NLA_TYPE_MASK
#define NLA_TYPE_MASK		(~(NLA_F_NESTED | NLA_F_NET_BYTEORDER))
#endif

/**
 * struct vmqos_raw - a socket to the family
 * @fd: the socket
 * @portid: its address, for a check of who an answer is meant for
 * @seq: sequence number of the last message that was begun
 * @family: number of the family vmqos
 * @events: number of its multicast group
 * @unaddressed: write without an address, as a program that knows nothing of netlink
 * @buf: where pieces are received, VMQOS_RAW_PIECE bytes
 */
struct vmqos_raw {
	int fd;
	uint32_t portid;
	uint32_t seq;
	uint16_t family;
	uint32_t events;
	bool unaddressed;
	uint8_t *buf;
};

/**
 * struct vmqos_raw_msg - a message under construction
 * @len: bytes used
 * @data: netlink header, generic netlink header, attributes
 */
struct vmqos_raw_msg {
	size_t len;
	uint8_t data[VMQOS_RAW_BYTES] __attribute__((aligned(8)));
};

/**
 * struct vmqos_raw_answer - everything the kernel said to one request
 * @error: 0 or the positive errno that the request ended with
 * @ended: an acknowledgement, an error or the end of a dump came
 * @interrupted: the dump was marked as inconsistent (NLM_F_DUMP_INTR)
 * @sentence: the extack sentence, empty if there was none
 * @has_offset: the kernel named an attribute
 * @offset: where that attribute is in the request
 * @has_missing: the kernel named an attribute that is missing
 * @missing: its type
 * @replies: number of data messages
 * @used: bytes of them in @data
 * @size: room in @data
 * @data: the data messages one after the other
 */
struct vmqos_raw_answer {
	int error;
	bool ended;
	bool interrupted;
	char sentence[256];
	bool has_offset;
	uint32_t offset;
	bool has_missing;
	uint32_t missing;
	unsigned int replies;
	size_t used, size;
	uint8_t *data;
};

int vmqos_raw_open(struct vmqos_raw *raw);
int vmqos_raw_open_bare(struct vmqos_raw *raw);
int vmqos_raw_resolve(struct vmqos_raw *raw);
void vmqos_raw_close(struct vmqos_raw *raw);
int vmqos_raw_subscribe(struct vmqos_raw *raw);
bool vmqos_raw_family_present(void);

void vmqos_raw_begin(struct vmqos_raw *raw, struct vmqos_raw_msg *msg, uint8_t cmd,
		     uint16_t flags);
void *vmqos_raw_put(struct vmqos_raw_msg *msg, uint16_t type, const void *data, size_t len);
void vmqos_raw_put_u32(struct vmqos_raw_msg *msg, uint16_t type, uint32_t value);
void vmqos_raw_put_string(struct vmqos_raw_msg *msg, uint16_t type, const char *text);
int vmqos_raw_send(struct vmqos_raw *raw, const struct vmqos_raw_msg *msg);
int vmqos_raw_receive(struct vmqos_raw *raw, struct vmqos_raw_answer *answer);
int vmqos_raw_call(struct vmqos_raw *raw, const struct vmqos_raw_msg *msg,
		   struct vmqos_raw_answer *answer);
void vmqos_raw_free(struct vmqos_raw_answer *answer);
void vmqos_raw_parse_end(const struct nlmsghdr *nlh, struct vmqos_raw_answer *answer);

const struct nlmsghdr *vmqos_raw_next(const struct vmqos_raw_answer *answer,
				      const struct nlmsghdr *last);
const struct nlattr *vmqos_raw_attr(const struct nlmsghdr *nlh, uint16_t type);
const struct nlattr *vmqos_raw_nested(const struct nlattr *nest, uint16_t type);
uint32_t vmqos_raw_u32(const struct nlattr *attr);
uint64_t vmqos_raw_u64(const struct nlattr *attr);
const char *vmqos_raw_string(const struct nlattr *attr);
size_t vmqos_raw_attr_len(const struct nlattr *attr);

#endif
