// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: what a guest can do to the rings and buffers of a balloon, with the module's
 * own code for it (kmod/virtio: vq, access, list, ranges).
 *
 * The input is a guest: how its rings lie, what its memory holds, and what another of its CPUs
 * writes there between two accesses of the device. Whatever it does: nothing is accessed
 * that is not its memory, or not in that direction; nothing is discarded that it has not
 * named; the work is within bounds; each buffer that is taken is given back, once; one that
 * breaks the rules breaks its ring.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/errno.h>
#include <linux/types.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/virtio_ring.h>

#include "virtio/discard.h"
#include "virtio/list.h"
#include "virtio/translate.h"
#include "virtio/vq.h"
#include "fuzz.h"

#define BUFFERS_MAX	64
#define CHANGES_MAX	16
#define PIECE_MAX	(4u << 20)

enum { EVENT_IDX = 1, INDIRECT = 2, TRANSLATED = 4, SLOTS = 8, MAPPED = 16, ODD = 32, SHORT = 64 };
enum { INFLATE, DEFLATE, STATS, REPORT };

/* How an input begins; all numbers as the machine has them. */
struct guest {
	uint8_t how;
	uint8_t role;
	uint8_t size;		/* of the ring, as a power of 2 */
	uint8_t changes;	/* that follow */
	uint16_t desc, avail, used;	/* in 16ths, halves and quarters */
	uint8_t base;		/* which memory the rings are in, 2 bits each */
	uint8_t signal;		/* comes when it has been looked for so often; 0: never */
} __attribute__((packed));

/* At an access of the device: a value that is new in the guest's memory. */
struct change {
	uint8_t when;
	uint8_t size;
	uint16_t where;
	uint32_t value;
} __attribute__((packed));

/*
 * Seeds: a ring of 4 from the beginning of the memory on, its descriptors, then the available
 * buffers at 0x40 and the used ones at 0x50; what is in the buffers begins at 0x80.
 */
#define ZEROS_8			"\0\0\0\0\0\0\0\0"
#define ZEROS_16		ZEROS_8 ZEROS_8
#define GUEST(how, role, changes) how role "\2" changes "\0\0" "\x20\0" "\x14\0" "\0" "\0"
#define DESC(addr, len, flags, next) addr "\0\0\0\0\0\0" len "\0\0" flags "\0" next "\0"
#define NO_DESC			ZEROS_16
#define AVAIL(idx, first, second) "\0\0" idx "\0" first "\0" second "\0" "\0\0\0\0" "\0\0"
#define USED			"\0\0" ZEROS_16 ZEROS_16 ZEROS_16
#define PFNS			"\3\0\0\0" "\1\0\0\0" "\2\0\0\0" "\x9\0\0\0"
#define LIST			DESC("\x80\0", "\x10\0", "\0", "\0")

const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	/* A list by the slots, one by what is mapped, and the same page in two lists. */
	VMQOS_FUZZ_SEED(GUEST("\x9", "\0", "\0") LIST NO_DESC NO_DESC NO_DESC
			AVAIL("\1", "\0", "\0") USED PFNS),
	VMQOS_FUZZ_SEED(GUEST("\x30", "\0", "\0") LIST NO_DESC NO_DESC NO_DESC
			AVAIL("\1", "\0", "\0") USED "\x10\0\0\0" "\x11\0\0\0" PFNS),
	VMQOS_FUZZ_SEED(GUEST("\x48", "\1", "\0") DESC("\x80\0", "\x8\0", "\1", "\1") LIST LIST
			NO_DESC AVAIL("\2", "\0", "\2") USED PFNS),
	/* By a table of its own. */
	VMQOS_FUZZ_SEED(GUEST("\xa", "\0", "\0") DESC("\x90\0", "\x20\0", "\4", "\0") NO_DESC
			NO_DESC NO_DESC AVAIL("\1", "\0", "\0") USED PFNS
			DESC("\x80\0", "\x8\0", "\1", "\1") DESC("\x88\0", "\x8\0", "\0", "\0")),
	/* Two statistics. */
	VMQOS_FUZZ_SEED(GUEST("\x9", "\2", "\0") DESC("\x80\0", "\x14\0", "\0", "\0") NO_DESC
			NO_DESC NO_DESC AVAIL("\1", "\0", "\0") USED "\5\0" PFNS "\x63\0"),
	/* Two blocks that are free. */
	VMQOS_FUZZ_SEED(GUEST("\x18", "\3", "\0") DESC("\0\x10", "\0\x20", "\3", "\1")
			DESC("\0\x90", "\0\x10", "\2", "\0") NO_DESC NO_DESC
			AVAIL("\1", "\0", "\0") USED),
	/* Others write: the head to be taken, and how long its list is. */
	VMQOS_FUZZ_SEED(GUEST("\x9", "\0", "\2") "\3\4\x44\0" "\1\0\0\0" "\4\4\x18\0" "\0\x10\0\0"
			LIST LIST NO_DESC NO_DESC AVAIL("\2", "\0", "\1") USED PFNS),
	/* A chain that leads back into itself, and an index far ahead. */
	VMQOS_FUZZ_SEED(GUEST("\x8", "\0", "\0") DESC("\x80\0", "\4\0", "\1", "\1")
			DESC("\x80\0", "\4\0", "\1", "\0") NO_DESC NO_DESC
			AVAIL("\1", "\0", "\0") USED PFNS),
	VMQOS_FUZZ_SEED(GUEST("\x8", "\0", "\0") LIST NO_DESC NO_DESC NO_DESC
			AVAIL("\x9", "\0", "\0") USED PFNS),
	/* As long as the ring is, and then a table as long: what is too much is seen. */
	VMQOS_FUZZ_SEED("\xa" "\1" "\x8" "\3" "\0\0" "\0\1" "\0\2" "\0" "\0"
			"\xc8\4\0\0" "\0\1\0\0" "\xc8\4\x8\0" "\0\x10\0\0" "\xc8\4\xc\0" "\4\0\0\0"
			DESC("\0\2", "\4\0", "\1", "\0")
			ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
			ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
			DESC("\0\2", "\4\0", "\1", "\0")
			ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
			ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
			"\0\0\1\0"),
	{ 0 }
};

/* The guest's memory: pieces of it lie anywhere in the VMM. */
static struct region {
	u64 start;
	u32 size;
	bool writable;
	bool odd;		/* begins or ends within a page: mapped alone */
	uint8_t *host;
	uint8_t named[16];	/* which pages the guest has named */
} regions[] = {
	{ .start = 0x0000, .size = 0x8000, .writable = true },
	{ .start = 0x8000, .size = 0x1000 },
	{ .start = 0x9000, .size = 0x3000, .writable = true },
	{ .start = 0x10000, .size = 0x0123, .writable = true, .odd = true },
	{ .start = 0x20000, .size = 0x2000, .writable = true },
	{ .start = 0xfffffff000000000ull, .size = 0x1000, .writable = true },
	{ .start = 0xfffffffffffff000ull, .size = 0x1000, .writable = true },
};

#define REGIONS	(sizeof(regions) / sizeof(regions[0]))

static struct guest guest;
static struct change changes[CHANGES_MAX];
static unsigned int accesses, looks, discards;
static bool reading_only;
/* What is used is read where it lies, and nowhere else; NULL: the rings are read. */
static const struct vmqos_vq_buf *in_use;

/* What has been written last, one after the other. */
static uint8_t written[64];
static size_t written_size;

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static bool present(const struct region *region)
{
	return !region->odd || guest.how & ODD;
}

static struct region *region_of_host(unsigned long where, u64 len)
{
	for (unsigned int i = 0; i < REGIONS; i++) {
		unsigned long at = (unsigned long)regions[i].host;

		if (present(&regions[i]) && where >= at && where - at < regions[i].size &&
		    len <= regions[i].size - (where - at))
			return &regions[i];
	}
	abort();
}

static void write_lowest(u64 at, const void *from, size_t len)
{
	for (unsigned int i = 0; i < REGIONS; i++)
		for (size_t k = 0; k < len; k++)
			if (at + k - regions[i].start < regions[i].size)
				regions[i].host[at + k - regions[i].start] =
					((const uint8_t *)from)[k];
}

/* The guest's other CPUs do not wait for the device. */
static void accessed(void)
{
	accesses++;
	for (unsigned int i = 0; i < guest.changes; i++)
		if (changes[i].when == accesses)
			write_lowest(changes[i].where, &changes[i].value,
				     changes[i].size % (sizeof(changes[i].value) + 1));
}

static bool in_a_part(u64 addr, u64 len)
{
	for (unsigned int i = 0; i < in_use->nr_out; i++)
		if (addr - in_use->parts[i].addr < in_use->parts[i].len &&
		    len <= in_use->parts[i].len - (addr - in_use->parts[i].addr))
			return true;
	return false;
}

unsigned long copy_from_user(void *to, const void *from, unsigned long len)
{
	const struct region *region = region_of_host((unsigned long)from, len);

	expect(len);
	expect(!in_use || in_a_part(region->start + ((const uint8_t *)from - region->host), len));
	memcpy(to, from, len);
	accessed();
	return 0;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long len)
{
	expect(len && !reading_only);
	expect(region_of_host((unsigned long)to, len)->writable);
	expect(written_size + len <= sizeof(written));
	memcpy(written + written_size, from, len);
	written_size += len;
	memcpy(to, from, len);
	accessed();
	return 0;
}

int signal_pending(struct task_struct *task)
{
	(void)task;
	looks++;
	return guest.signal && looks >= guest.signal * 4u;
}

int vmqos_tr_enter(const struct vmqos_tr_view *view)
{
	(void)view;
	return 7;
}

void vmqos_tr_leave(const struct vmqos_tr_view *view, int idx)
{
	(void)view;
	expect(idx == 7);
}

/* As KVM's slots are: of whole pages. */
int vmqos_tr_slot(struct kvm *kvm, u64 addr, u64 *len, bool write, unsigned long *where)
{
	expect(kvm && *len);
	for (unsigned int i = 0; i < REGIONS; i++) {
		const struct region *region = &regions[i];
		u64 at = addr - region->start;

		if (region->odd || at >= region->size)
			continue;
		*where = (unsigned long)region->host + at;
		if (*len > region->size - at)
			*len = region->size - at;
		return write && !region->writable ? -EPERM : 0;
	}
	return -EFAULT;
}

/* What it gives is gone, be it where its rings are. */
u64 vmqos_discard_mapped(unsigned long at, u64 len, struct vmqos_discard_stats *stats)
{
	struct region *region;
	u64 first;

	expect(len && !(len % PAGE_SIZE) && len <= PIECE_MAX);
	region = region_of_host(at, len);
	expect(region->writable);
	discards++;
	first = at - (unsigned long)region->host;
	if (first % PAGE_SIZE) {
		vmqos_discard_refuse(stats, VMQOS_DISCARD_FOREIGN, len);
		return len;
	}
	if (guest.how & SHORT)
		len = PAGE_SIZE;
	for (u64 page = first / PAGE_SIZE; page < (first + len) / PAGE_SIZE; page++)
		expect(region->named[page]);
	memset(region->host + first, 0, len);
	stats->given += len >> VMQOS_GUEST_PAGE_SHIFT;
	stats->ranges++;
	accessed();
	return len;
}

static void forget_names(void)
{
	for (unsigned int i = 0; i < REGIONS; i++)
		memset(regions[i].named, 0, sizeof(regions[i].named));
}

static void name(u64 addr, u64 len)
{
	for (unsigned int i = 0; i < REGIONS; i++)
		for (u64 page = 0; page < (regions[i].size + PAGE_SIZE - 1) / PAGE_SIZE; page++)
			if (regions[i].start + page * PAGE_SIZE - addr < len)
				regions[i].named[page] = 1;
}

static u64 all_of(const struct vmqos_discard_stats *stats)
{
	u64 sum = stats->given;

	for (unsigned int i = 0; i < VMQOS_DISCARD_REFUSALS; i++)
		sum += stats->refused[i];
	return sum;
}

static int order(const void *a, const void *b)
{
	u32 left = *(const u32 *)a, right = *(const u32 *)b;

	return left < right ? -1 : left > right;
}

/* What is done with a list is told by the number of its different pages. */
static void use_batch(void *context, u32 *pfns, unsigned int nr)
{
	const struct vmqos_tr_view *view = context;
	struct vmqos_discard_stats stats = {};
	static u32 sorted[VMQOS_LIST_BATCH];
	unsigned int different = 0, ranges = 0;

	expect(nr && nr <= VMQOS_LIST_BATCH);
	if (guest.role != INFLATE)
		return;
	memcpy(sorted, pfns, nr * sizeof(*pfns));
	qsort(sorted, nr, sizeof(*sorted), order);
	forget_names();
	for (unsigned int i = 0; i < nr; i++) {
		name((u64)sorted[i] << VMQOS_GUEST_PAGE_SHIFT, PAGE_SIZE);
		different += !i || sorted[i] != sorted[i - 1];
		ranges += !i || sorted[i] - sorted[i - 1] > 1;
	}
	discards = 0;
	vmqos_discard_pfns(view, pfns, nr, &stats);
	/* A range is divided only where the memory behind it is. */
	expect(discards <= different && stats.ranges <= discards);
	expect(guest.how & SHORT || discards <= ranges + REGIONS);
	if (signal_pending(NULL))
		expect(all_of(&stats) <= different);
	else
		expect(all_of(&stats) == different);
}

static void check_buffer(const struct vmqos_vq_buf *buf)
{
	expect(buf->nr <= VMQOS_VQ_SIZE_MAX && buf->nr_out <= buf->nr);
	for (unsigned int i = 0; i < buf->nr; i++)
		expect(!buf->parts[i].len ||
		       buf->parts[i].addr + buf->parts[i].len - 1 >= buf->parts[i].addr);
}

static int use_report(const struct vmqos_tr_view *view, const struct vmqos_vq_buf *buf)
{
	struct vmqos_discard_stats stats = {};
	u64 whole = 0;

	if (buf->nr_out)
		return -EINVAL;
	for (unsigned int i = 0; i < buf->nr; i++) {
		forget_names();
		name(buf->parts[i].addr, buf->parts[i].len);
		whole += buf->parts[i].len >> VMQOS_GUEST_PAGE_SHIFT;
		vmqos_discard_reported(view, buf->parts[i].addr, buf->parts[i].len, &stats);
	}
	expect(all_of(&stats) <= whole);
	return 0;
}

static int use(const struct vmqos_tr_view *view, const struct vmqos_vq_buf *buf)
{
	static u32 pfns[VMQOS_LIST_BATCH];
	u64 stats[VMQOS_BALLOON_STATS];
	unsigned int before = accesses;
	u32 known;
	int ret;

	switch (guest.role) {
	case INFLATE:
	case DEFLATE:
		return vmqos_list_pages(view, buf, pfns, use_batch, (void *)view);
	case STATS:
		ret = vmqos_list_stats(view, buf, stats, &known);
		/* A statistic is 10 bytes, in no more pieces than there are. */
		expect(accesses - before <= VMQOS_LIST_STATS * 10);
		expect(!(known >> VMQOS_BALLOON_STATS));
		return ret;
	default:
		return use_report(view, buf);
	}
}

/* Its entry, then the index that makes it the guest's: once, and nothing else but the event. */
static int give_back(struct vmqos_vq *vq, const struct vmqos_tr_view *view, u16 head)
{
	u16 was = vq->next_used, id, idx;
	int ret;

	written_size = 0;
	ret = vmqos_vq_done(vq, view, head, 0);
	expect(ret >= 0 ? !vq->broken : vq->broken && vq->error == ret);
	if (written_size < 10)
		return ret < 0 ? ret : (abort(), 0);
	expect(written_size == 10 && vq->next_used == (u16)(was + 1));
	memcpy(&id, written, sizeof(id));
	memcpy(&idx, written + 8, sizeof(idx));
	expect(id == head && !written[2] && !written[3] && idx == vq->next_used);
	return ret;
}

/* As the module's worker does it; returns whether the queue is to be looked at once more. */
static bool serve(struct vmqos_vq *vq, const struct vmqos_tr_view *view)
{
	static struct vmqos_vq_buf buf;
	unsigned int before = accesses;
	u16 next = vq->next_avail;
	u64 buffers = vq->buffers;
	int ret;

	reading_only = true;
	ret = vmqos_vq_next(vq, view, &buf);
	reading_only = false;
	/* Two indices and an entry, then the ring's descriptors and a table's, in pieces. */
	expect(accesses - before <= 6 + 16 * (vq->num + VMQOS_VQ_SIZE_MAX));
	expect(ret >= 0 ? !vq->broken : vq->broken && vq->error == ret);
	expect(vq->next_avail == (u16)(next + (ret > 0)) && vq->buffers == buffers + (ret > 0));
	if (ret < 0)
		return false;
	if (!ret) {
		written_size = 0;
		ret = vmqos_vq_idle(vq, view);
		expect(ret >= 0 ? !vq->broken && written_size == 2 : vq->broken);
		return ret > 0;
	}
	expect(buf.head < vq->num);
	check_buffer(&buf);
	in_use = &buf;
	ret = use(view, &buf);
	in_use = NULL;
	if (ret) {
		vq->broken = true;
		return false;
	}
	return give_back(vq, view, buf.head) >= 0;
}

static void set_up(struct vmqos_vq *vq, struct vmqos_tr_view *view, struct vmqos_tr *map)
{
	static const u64 bases[] = { 0, 0x9000, 0x20000, 0xfffffffffffff000ull };

	map->nr = 0;
	for (unsigned int i = 0; i < REGIONS; i++)
		if (guest.how & MAPPED && present(&regions[i]))
			map->ranges[map->nr++] = (struct vmqos_tr_range){
				.start = regions[i].start,
				.last = regions[i].start + regions[i].size - 1,
				.addr = (unsigned long)regions[i].host,
				.readable = true,
				.writable = regions[i].writable,
			};
	view->map = guest.how & MAPPED ? map : NULL;
	view->kvm = guest.how & SLOTS ? (struct kvm *)&regions : NULL;
	view->translated = guest.how & TRANSLATED;
	memset(vq, 0, sizeof(*vq));
	vmqos_vq_reset(vq);
	vq->num = 1u << guest.size % 11;
	vq->desc = bases[guest.base & 3] + guest.desc * 16ull;
	vq->avail = bases[guest.base >> 2 & 3] + guest.avail * 2ull;
	vq->used = bases[guest.base >> 4 & 3] + guest.used * 4ull;
	vq->event_idx = guest.how & EVENT_IDX;
	vq->indirect = guest.how & INDIRECT;
	vq->ready = true;
}

static void fill_memory(const uint8_t *data, size_t size)
{
	for (unsigned int i = 0; i < REGIONS; i++) {
		/* Of its own size, so that a byte beyond it is seen. */
		regions[i].host = aligned_alloc(PAGE_SIZE, regions[i].size < PAGE_SIZE ? PAGE_SIZE :
						regions[i].size);
		expect(regions[i].host);
		memset(regions[i].host, 0, regions[i].size);
	}
	/* All begin as the first does, which has the most of it. */
	for (unsigned int i = 0; i < REGIONS; i++) {
		u64 part = size < regions[i].size ? size : regions[i].size;

		memcpy(regions[i].host, data, part);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union {
		struct vmqos_tr map;
		uint8_t room[sizeof(struct vmqos_tr) + REGIONS * sizeof(struct vmqos_tr_range)];
	} map;
	struct vmqos_tr_view view;
	struct vmqos_vq vq;
	unsigned int i;

	if (size < sizeof(guest))
		return 0;
	memcpy(&guest, data, sizeof(guest));
	guest.role %= 4;
	guest.changes %= CHANGES_MAX + 1;
	data += sizeof(guest);
	size -= sizeof(guest);
	if (size < guest.changes * sizeof(changes[0]))
		return 0;
	memcpy(changes, data, guest.changes * sizeof(changes[0]));
	data += guest.changes * sizeof(changes[0]);
	size -= guest.changes * sizeof(changes[0]);
	accesses = 0;
	looks = 0;
	fill_memory(data, size);
	set_up(&vq, &view, &map.map);
	if (vmqos_vq_good_address(vq.desc, vq.avail, vq.used))
		for (i = 0; i < BUFFERS_MAX && serve(&vq, &view); i++)
			;
	for (i = 0; i < REGIONS; i++)
		free(regions[i].host);
	return 0;
}
