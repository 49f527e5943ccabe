// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's devices on the PCI bus. No firmware has been there before: ports and
 * windows get their addresses here. A device has ports as virtio had them at first, or
 * only the windows of version 1, which capabilities tell of.
 */
#include "memory_virtio.h"

#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc
#define PCI_COMMAND	0x04
#define PCI_BAR		0x10
#define PCI_CAPS	0x34
#define CAP_VENDOR	9

/* Above all memory that the guest may have, and below the interrupt controllers. */
#define WINDOWS		0xe0000000u
#define WINDOW_SIZE	0x01000000u

/* Kinds of windows. */
#define COMMON		1
#define NOTIFY		2
#define CONFIG		4

/* The common window. */
#define DEVICE_SELECT	0
#define DEVICE_FEATURES	4
#define DRIVER_SELECT	8
#define DRIVER_FEATURES	12
#define DEVICE_STATUS	20
#define QUEUE_SELECT	22
#define QUEUE_SIZE	24
#define QUEUE_ENABLE	28
#define QUEUE_NOTIFY	30
#define QUEUE_DESC	32
#define QUEUE_AVAIL	40
#define QUEUE_USED	48

/* Of the features from 32 on: version 1, and addresses that may be translated. */
#define VERSION_1	3u

/* The ports. */
#define PORT_FEATURES	0
#define PORT_ACCEPTED	4
#define PORT_PAGE	8
#define PORT_SIZE	12
#define PORT_SELECT	14
#define PORT_NOTIFY	16
#define PORT_STATUS	18
#define PORT_CONFIG	20

static uint32_t pci_read(uint32_t slot, uint32_t where)
{
	outl(PCI_ADDRESS, 0x80000000u | slot << 11 | (where & ~3u));
	return inl(PCI_DATA) >> 8 * (where & 3);
}

static void pci_write(uint32_t slot, uint32_t where, uint32_t value)
{
	outl(PCI_ADDRESS, 0x80000000u | slot << 11 | where);
	outl(PCI_DATA, value);
}

static volatile uint8_t *at8(uint32_t address)
{
	return (volatile uint8_t *)address;
}

static volatile uint16_t *at16(uint32_t address)
{
	return (volatile uint16_t *)address;
}

static volatile uint32_t *at32(uint32_t address)
{
	return (volatile uint32_t *)address;
}

/* The device with this vendor and number, or a slot that there is not. */
static uint32_t find(uint32_t id)
{
	uint32_t slot = 0;

	while (slot < 32 && pci_read(slot, 0) != id)
		slot++;
	return slot;
}

/* Where a window is that a capability tells of; it gets an address with the first of its BAR. */
static uint32_t window(uint32_t slot, uint32_t cap)
{
	uint32_t bar = pci_read(slot, cap + 4) & 0xff, where = PCI_BAR + 4 * bar;
	uint32_t base = WINDOWS + (slot * 6 + bar) * WINDOW_SIZE / 8;

	pci_write(slot, where, base);
	if ((pci_read(slot, where) & 6) == 4)
		pci_write(slot, where + 4, 0);
	return base + pci_read(slot, cap + 8);
}

static bool find_windows(struct device *device, uint32_t slot)
{
	for (uint32_t cap = pci_read(slot, PCI_CAPS) & 0xfc; cap;
	     cap = pci_read(slot, cap + 1) & 0xfc) {
		if ((pci_read(slot, cap) & 0xff) != CAP_VENDOR)
			continue;
		switch (pci_read(slot, cap + 3) & 0xff) {
		case COMMON:
			device->common = window(slot, cap);
			break;
		case NOTIFY:
			device->notify = window(slot, cap);
			device->multiplier = pci_read(slot, cap + 16);
			break;
		case CONFIG:
			device->config = window(slot, cap);
			break;
		}
	}
	pci_write(slot, PCI_COMMAND, 6);	/* its windows, and it may reach memory */
	return device->common && device->notify && device->config;
}

bool device_find(struct device *device, uint32_t kind, uint16_t port)
{
	uint32_t slot = find(0x10001af4u + ((kind == VIRTIO_BLK ? 1 : 2) << 16));

	if (slot < 32) {
		pci_write(slot, PCI_BAR, port);
		pci_write(slot, PCI_COMMAND, 5);
		device->port = port;
		outb(port + PORT_STATUS, 0);
		outb(port + PORT_STATUS, 3);
		return true;
	}
	slot = find(0x10401af4u + (kind << 16));
	if (slot == 32 || !find_windows(device, slot))
		return false;
	*at8(device->common + DEVICE_STATUS) = 0;
	while (*at8(device->common + DEVICE_STATUS))
		wait();
	*at8(device->common + DEVICE_STATUS) = 3;
	return true;
}

uint32_t device_features(struct device *device, uint32_t wanted)
{
	uint32_t high;

	if (device->port) {
		wanted &= inl(device->port + PORT_FEATURES);
		outl(device->port + PORT_ACCEPTED, wanted);
		return wanted;
	}
	*at32(device->common + DEVICE_SELECT) = 0;
	wanted &= *at32(device->common + DEVICE_FEATURES);
	*at32(device->common + DRIVER_SELECT) = 0;
	*at32(device->common + DRIVER_FEATURES) = wanted;
	*at32(device->common + DEVICE_SELECT) = 1;
	high = *at32(device->common + DEVICE_FEATURES) & VERSION_1;
	*at32(device->common + DRIVER_SELECT) = 1;
	*at32(device->common + DRIVER_FEATURES) = high;
	*at8(device->common + DEVICE_STATUS) = 11;
	return wanted;
}

void device_start(struct device *device)
{
	if (device->port)
		outb(device->port + PORT_STATUS, 7);
	else
		*at8(device->common + DEVICE_STATUS) = 15;
}

uint32_t device_read(const struct device *device, uint32_t where)
{
	return device->port ? inl(device->port + PORT_CONFIG + where) :
	       *at32(device->config + where);
}

void device_write(const struct device *device, uint32_t where, uint32_t value)
{
	if (device->port)
		outl(device->port + PORT_CONFIG + where, value);
	else
		*at32(device->config + where) = value;
}

void queue_start(struct queue *queue, struct device *device, uint16_t index)
{
	uint32_t common = device->common;

	queue->device = device;
	queue->index = index;
	if (device->port) {
		outw(device->port + PORT_SELECT, index);
		queue->size = inw(device->port + PORT_SIZE);
		outl(device->port + PORT_PAGE, (uint32_t)queue->memory >> 12);
		return;
	}
	*at16(common + QUEUE_SELECT) = index;
	queue->size = *at16(common + QUEUE_SIZE);
	queue->notify = device->notify + *at16(common + QUEUE_NOTIFY) * device->multiplier;
	*at32(common + QUEUE_DESC) = (uint32_t)queue->memory;
	*at32(common + QUEUE_DESC + 4) = 0;
	*at32(common + QUEUE_AVAIL) = (uint32_t)queue_available(queue);
	*at32(common + QUEUE_AVAIL + 4) = 0;
	*at32(common + QUEUE_USED) = (uint32_t)queue_used(queue);
	*at32(common + QUEUE_USED + 4) = 0;
	*at16(common + QUEUE_ENABLE) = 1;
}

void queue_notify(struct queue *queue)
{
	if (queue->device->port)
		outw(queue->device->port + PORT_NOTIFY, queue->index);
	else
		*at16(queue->notify) = queue->index;
}
