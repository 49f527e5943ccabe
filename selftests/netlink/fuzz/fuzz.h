/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the fuzzer know of each other. */
#ifndef VMQOS_FUZZ_H
#define VMQOS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#include "../call.h"
#include "../raw.h"
#include "../schema.h"

#define FUZZ_BYTES	131072
#define FUZZ_MESSAGES	64		/* most messages of one datagram */
#define FUZZ_KEPT	4		/* VMs that nobody may touch */
#define FUZZ_POOL	64
#define FUZZ_CHURN_MAX	8
#define FUZZ_DEVICE	"fuzz-dev-"	/* devices are this and a digit */
#define FUZZ_DEVICES	4

/*
 * struct fuzz_random - random numbers that a seed repeats
 */
struct fuzz_random {
	uint64_t state;
};

/*
 * struct fuzz_pool - values worth sending, shared by all threads
 * @fds: descriptors of every kind; the first few are VMs of our own
 * @own_vms: number of those
 * @pids: processes and threads of every kind
 * @ids: numbers of VMs seen in answers, old ones among them
 * @churn_fd: descriptors of VMs of other processes, coming and going
 * @churn_pid: those processes
 * @kept_id: VMs that nobody may touch
 * @kept_name: their names
 *
 * Threads read and write without a lock: a value that is just being replaced
 * is as good as any other.
 */
struct fuzz_pool {
	int fds[FUZZ_POOL];
	unsigned int nr_fds, own_vms;
	uint32_t pids[FUZZ_POOL];
	unsigned int nr_pids;
	uint32_t ids[FUZZ_POOL];
	unsigned int next_id;
	int churn_fd[FUZZ_CHURN_MAX];
	uint32_t churn_pid[FUZZ_CHURN_MAX];
	uint32_t kept_id[FUZZ_KEPT];
	char kept_name[FUZZ_KEPT][VMQOS_NAME_MAX + 1];
};

/**
 * struct fuzz_seen - a message of a datagram as the kernel will find it
 * @offset: where it begins
 * @len: its length
 * @seq: its sequence number, unique
 * @type: netlink type
 * @flags: netlink flags
 * @genl: long enough for a generic netlink header
 * @cmd: its command
 * @reserved: the reserved field of its header
 */
struct fuzz_seen {
	size_t offset;
	uint32_t len, seq;
	uint16_t type, flags;
	bool genl;
	uint8_t cmd;
	uint16_t reserved;
};

/**
 * struct fuzz_datagram - what is sent in one system call
 * @data: its bytes
 * @len: their number
 * @seen: the messages that the kernel will find in it
 * @messages: their number
 */
struct fuzz_datagram {
	uint8_t data[FUZZ_BYTES] __attribute__((aligned(8)));
	size_t len;
	struct fuzz_seen seen[FUZZ_MESSAGES];
	unsigned int messages;
};

/*
 * struct fuzz_tally - what was answered
 * @accepted: by command
 * @refused: by command
 * @errors: by errno
 */
struct fuzz_tally {
	uint64_t accepted[256], refused[256], errors[256];
	uint64_t sentences;
};

extern struct fuzz_pool fuzz_pool;

uint64_t fuzz_next(struct fuzz_random *random);
uint32_t fuzz_below(struct fuzz_random *random, uint32_t bound);
bool fuzz_chance(struct fuzz_random *random, unsigned int percent);

void fuzz_generate(struct fuzz_random *random, struct vmqos_raw *raw,
		   struct fuzz_datagram *datagram);
void fuzz_mutate(struct fuzz_random *random, struct fuzz_datagram *datagram, size_t begin);
bool fuzz_judge(struct vmqos_raw *raw, const struct fuzz_datagram *datagram, bool nobody,
		struct fuzz_tally *tally, char *why, size_t size);

int fuzz_churn_start(unsigned int threads, uint64_t seed);
uint64_t fuzz_churn_stop(void);

#endif
