// SPDX-License-Identifier: GPL-2.0
/*
 * Balloon and disk: a queue at a time, one message in it, and who sent it sleeps from
 * tick to tick until it has been taken. Statistics alone stay with the host until it
 * wants new ones.
 */
#include "memory_virtio.h"

#define BALLOON_F_STATS		1
#define BALLOON_F_REPORTING	5

/* What a balloon is asked for and what it has, in its configuration. */
#define CONFIG_WANTED		0
#define CONFIG_ACTUAL		4

#define DESC_NEXT	1
#define DESC_WRITE	2		/* by the device */

struct desc {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

static struct desc *descs(struct queue *queue)
{
	return (struct desc *)queue->memory;
}

volatile uint16_t *queue_available(struct queue *queue)
{
	return (uint16_t *)(queue->memory + 16 * queue->size);
}

volatile uint16_t *queue_used(struct queue *queue)
{
	uint32_t end = 16 * queue->size + 6 + 2 * queue->size;

	return (uint16_t *)(queue->memory + ((end + 4095) & ~4095u));
}

static void put(struct queue *queue, uint32_t i, const void *at, uint32_t length, uint16_t flags)
{
	descs(queue)[i] = (struct desc){ (uint32_t)at, length, flags, i + 1 };
}

/* The chain that begins with the first descriptor. */
static void queue_post(struct queue *queue)
{
	queue_available(queue)[0] = 1;	/* no interrupts */
	queue_available(queue)[2 + queue->sent % queue->size] = 0;
	asm volatile("mfence" ::: "memory");
	queue_available(queue)[1] = ++queue->sent;
	asm volatile("mfence" ::: "memory");
	queue_notify(queue);
}

static bool queue_taken(struct queue *queue)
{
	return queue_used(queue)[1] == queue->sent;
}

/* Returns when the device has taken it. */
static void queue_send(struct queue *queue)
{
	queue_post(queue);
	while (!queue_taken(queue))
		wait();
}

void balloon_find(struct balloon *balloon, uint32_t wanted)
{
	struct device *device = &balloon->device;
	uint32_t features;

	if (!device_find(device, VIRTIO_BALLOON, 0xc000))
		return;
	features = device_features(device, wanted & (1u << BALLOON_F_STATS |
						     1u << BALLOON_F_REPORTING));
	balloon->tells = features & 1u << BALLOON_F_STATS;
	balloon->reports = features & 1u << BALLOON_F_REPORTING;
	queue_start(&balloon->inflate, device, 0);
	queue_start(&balloon->deflate, device, 1);
	if (balloon->tells)
		queue_start(&balloon->stats, device, 2);
	/* QEMU keeps the third for statistics, wanted or not; it always offers them. */
	if (balloon->reports)
		queue_start(&balloon->report, device, 3);
	device_start(device);
	balloon->there = true;
}

uint32_t balloon_wanted(const struct balloon *balloon)
{
	return device_read(&balloon->device, CONFIG_WANTED);
}

void balloon_actual(const struct balloon *balloon, uint32_t pages)
{
	device_write(&balloon->device, CONFIG_ACTUAL, pages);
}

void balloon_give(struct balloon *balloon, bool inflate, uint32_t n)
{
	struct queue *queue = inflate ? &balloon->inflate : &balloon->deflate;

	put(queue, 0, balloon->pfns, 4 * n, 0);
	queue_send(queue);
}

void balloon_range(struct balloon *balloon, uint32_t i, uint32_t page, uint32_t pages)
{
	put(&balloon->report, i, (void *)(page << 12), pages << 12, DESC_WRITE | DESC_NEXT);
}

void balloon_report(struct balloon *balloon, uint32_t ranges)
{
	descs(&balloon->report)[ranges - 1].flags = DESC_WRITE;
	queue_send(&balloon->report);
}

void balloon_tell(struct balloon *balloon, const struct statistic *statistics, uint32_t n)
{
	if (!balloon->tells || !queue_taken(&balloon->stats))
		return;
	for (uint32_t i = 0; i < n; i++)
		balloon->told[i] = statistics[i];
	put(&balloon->stats, 0, balloon->told, n * sizeof(*statistics), 0);
	queue_post(&balloon->stats);
}

void disk_find(struct disk *disk)
{
	if (!device_find(&disk->device, VIRTIO_BLK, 0xc100))
		return;
	device_features(&disk->device, 0);
	queue_start(&disk->queue, &disk->device, 0);
	device_start(&disk->device);
	disk->there = true;
}

bool disk_do(struct disk *disk, bool write, const uint32_t *pages, uint32_t n, uint32_t sector)
{
	uint16_t way = write ? DESC_NEXT : DESC_NEXT | DESC_WRITE;

	if (!disk->there)
		return false;
	disk->header.type = write;
	disk->header.priority = 0;
	disk->header.sector = sector;
	disk->status = 0xff;
	put(&disk->queue, 0, &disk->header, 16, DESC_NEXT);
	for (uint32_t i = 0; i < n; i++)
		put(&disk->queue, 1 + i, (void *)(pages[i] << 12), 4096, way);
	put(&disk->queue, 1 + n, &disk->status, 1, DESC_WRITE);
	queue_send(&disk->queue);
	return !*(volatile uint8_t *)&disk->status;
}
