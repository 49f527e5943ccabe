/* SPDX-License-Identifier: GPL-2.0 */
/* The memory guest's devices: virtio on the PCI bus, by ports or by windows of version 1. */
#ifndef VMQOS_SELFTESTS_QEMU_MEMORY_VIRTIO_H
#define VMQOS_SELFTESTS_QEMU_MEMORY_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#define BALLOON_PAGES	2048u		/* most in one message */
#define BALLOON_RANGES	32u
#define DISK_PAGES	64u
#define QUEUE_BYTES	32768u		/* of 1024 entries, the most that QEMU has */

#define BALLOON_STATS	6u

#define VIRTIO_BLK	2u
#define VIRTIO_BALLOON	5u

struct device {
	uint16_t port;			/* 0: it has windows */
	uint32_t common, config, notify, multiplier;
};

struct queue {
	uint8_t memory[QUEUE_BYTES] __attribute__((aligned(4096)));
	struct device *device;
	uint32_t notify;
	uint16_t index, size, sent;
};

/* By their tags, as virtio has them. */
struct statistic {
	uint16_t tag;
	uint64_t value;
} __attribute__((packed));

struct balloon {
	struct device device;
	struct queue inflate, deflate, stats, report;
	uint32_t pfns[BALLOON_PAGES];
	struct statistic told[BALLOON_STATS];
	bool there, tells, reports;
};

struct disk {
	struct device device;
	struct queue queue;
	uint32_t out[DISK_PAGES], in[DISK_PAGES];
	struct {
		uint32_t type, priority;
		uint64_t sector;
	} header;
	uint8_t status;
	bool there;
};

static inline void outb(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" :: "a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
	asm volatile("outw %0, %1" :: "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
	asm volatile("outl %0, %1" :: "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;

	asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* Where the guest begins, and what ends its sleep (memory_start.S). */
void guest(void);
void tick(void);

/* Sleep until the next tick. */
void wait(void);

/* On the bus (memory_pci.c): the first of a kind, what it can of what is wanted, and go. */
bool device_find(struct device *device, uint32_t kind, uint16_t port);
uint32_t device_features(struct device *device, uint32_t wanted);
void device_start(struct device *device);
uint32_t device_read(const struct device *device, uint32_t where);
void device_write(const struct device *device, uint32_t where, uint32_t value);
void queue_start(struct queue *queue, struct device *device, uint16_t index);
void queue_notify(struct queue *queue);

/* Parts of a queue's memory, once its size is known. */
volatile uint16_t *queue_available(struct queue *queue);
volatile uint16_t *queue_used(struct queue *queue);

/* With those of the features that both know. */
void balloon_find(struct balloon *balloon, uint32_t wanted);
/* How many pages the host wants, and how many it has. */
uint32_t balloon_wanted(const struct balloon *balloon);
void balloon_actual(const struct balloon *balloon, uint32_t pages);
/* Those of @n that are in pfns, into the balloon or out of it. */
void balloon_give(struct balloon *balloon, bool inflate, uint32_t n);
/* Free pages: each range is put down first, then all are reported. */
void balloon_range(struct balloon *balloon, uint32_t i, uint32_t page, uint32_t pages);
void balloon_report(struct balloon *balloon, uint32_t ranges);

/* New statistics, if the host wants any. */
void balloon_tell(struct balloon *balloon, const struct statistic *statistics, uint32_t n);

void disk_find(struct disk *disk);
bool disk_do(struct disk *disk, bool write, const uint32_t *pages, uint32_t n, uint32_t sector);

#endif
