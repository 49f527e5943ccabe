// SPDX-License-Identifier: GPL-2.0
/*
 * Balloon and disk as virtio has them by ports: a queue at a time, one message in it, and
 * who sent it sleeps from tick to tick until it has been taken.
 */
#include "memory_virtio.h"

#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc
#define VIRTIO_BLK	0x10011af4u
#define VIRTIO_BALLOON	0x10021af4u

#define HOST_FEATURES	0
#define GUEST_FEATURES	4
#define QUEUE_PAGE	8
#define QUEUE_SIZE	12
#define QUEUE_SELECT	14
#define QUEUE_NOTIFY	16
#define STATUS		18
#define CONFIG		20

#define BALLOON_F_REPORTING	5

#define DESC_NEXT	1
#define DESC_WRITE	2		/* by the device */

struct desc {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

static uint32_t pci_read(uint32_t device, uint32_t where)
{
	outl(PCI_ADDRESS, 0x80000000u | device << 11 | where);
	return inl(PCI_DATA);
}

static void pci_write(uint32_t device, uint32_t where, uint32_t value)
{
	outl(PCI_ADDRESS, 0x80000000u | device << 11 | where);
	outl(PCI_DATA, value);
}

/* The ports of the first device of a kind, which are given to it here; 0: there is none. */
static uint16_t find(uint32_t id, uint16_t port)
{
	for (uint32_t device = 0; device < 32; device++) {
		if (pci_read(device, 0) != id)
			continue;
		pci_write(device, 0x10, port);
		pci_write(device, 4, 5);	/* its ports, and it may reach memory */
		outb(port + STATUS, 0);
		outb(port + STATUS, 3);
		return port;
	}
	return 0;
}

static struct desc *descs(struct queue *queue)
{
	return (struct desc *)queue->memory;
}

static volatile uint16_t *available(struct queue *queue)
{
	return (uint16_t *)(queue->memory + 16 * queue->size);
}

static volatile uint16_t *used(struct queue *queue)
{
	uint32_t end = 16 * queue->size + 6 + 2 * queue->size;

	return (uint16_t *)(queue->memory + ((end + 4095) & ~4095u));
}

static void queue_start(struct queue *queue, uint16_t port, uint16_t index)
{
	queue->port = port;
	queue->index = index;
	outw(port + QUEUE_SELECT, index);
	queue->size = inw(port + QUEUE_SIZE);
	outl(port + QUEUE_PAGE, (uint32_t)queue->memory >> 12);
}

static void put(struct queue *queue, uint32_t i, const void *at, uint32_t length, uint16_t flags)
{
	descs(queue)[i] = (struct desc){ (uint32_t)at, length, flags, i + 1 };
}

/* The chain that begins with the first descriptor; returns when the device has taken it. */
static void queue_send(struct queue *queue)
{
	available(queue)[0] = 1;	/* no interrupts */
	available(queue)[2 + queue->sent % queue->size] = 0;
	asm volatile("mfence" ::: "memory");
	available(queue)[1] = ++queue->sent;
	asm volatile("mfence" ::: "memory");
	outw(queue->port + QUEUE_NOTIFY, queue->index);
	while (used(queue)[1] != queue->sent)
		wait();
}

void balloon_find(struct balloon *balloon)
{
	uint16_t port = find(VIRTIO_BALLOON, 0xc000);
	uint32_t features;

	if (!port)
		return;
	features = inl(port + HOST_FEATURES) & 1u << BALLOON_F_REPORTING;
	outl(port + GUEST_FEATURES, features);
	queue_start(&balloon->inflate, port, 0);
	queue_start(&balloon->deflate, port, 1);
	/* Statistics have the third. */
	if (features)
		queue_start(&balloon->report, port, 3);
	balloon->reports = features;
	outb(port + STATUS, 7);
	balloon->port = port;
}

uint32_t balloon_wanted(const struct balloon *balloon)
{
	return inl(balloon->port + CONFIG);
}

void balloon_actual(const struct balloon *balloon, uint32_t pages)
{
	outl(balloon->port + CONFIG + 4, pages);
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

void disk_find(struct disk *disk)
{
	uint16_t port = find(VIRTIO_BLK, 0xc100);

	if (!port)
		return;
	outl(port + GUEST_FEATURES, 0);
	queue_start(&disk->queue, port, 0);
	outb(port + STATUS, 7);
	disk->port = port;
}

bool disk_do(struct disk *disk, bool write, const uint32_t *pages, uint32_t n, uint32_t sector)
{
	uint16_t way = write ? DESC_NEXT : DESC_NEXT | DESC_WRITE;

	if (!disk->port)
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
