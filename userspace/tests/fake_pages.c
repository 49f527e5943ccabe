// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of the fake kernel's VMs. The first VM has two pieces of memory, on the first
 * node but for one page in four, which is not mapped, and one in 64, which is on the
 * second. The second VM has none, the process of the third one has ended.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>

#include <linux/vmqos.h>

#include "../lib/move.h"
#include "fake_pages.h"

#define PAGE	4096
#define MIB	(UINT64_C(1) << 20)
#define VMM	1201	/* processes of the first and the second VM */
#define EMPTY	1302
#define PAGES	(48 * MIB / PAGE)

/* As the guest knows it: 40 MiB, and 8 behind a gap. */
static const struct {
	uint64_t address, size;
} pieces[] = {
	{ UINT64_C(0x7f1000000000), 40 * MIB },
	{ UINT64_C(0x7f2000000000), 8 * MIB },
};

static uint64_t asked;
static int where[PAGES];
static int nodes;
static unsigned int room;
static bool pinned, foreign, cpuset;

void vmqos_fake_range_ask(struct nlattr *attrs, int size)
{
	struct nlattr *address = nla_find(attrs, size, VMQOS_MEM_RANGE_A_ADDRESS);

	asked = address ? nla_get_u64(address) : 0;
}

void vmqos_fake_range_put(struct nl_msg *msg, uint32_t id, unsigned int place)
{
	unsigned int i;

	nla_put_u32(msg, VMQOS_MEM_RANGE_A_VM_ID, id);
	for (i = 0; !place && i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		uint64_t end = pieces[i].address + pieces[i].size;
		uint64_t begin = asked > pieces[i].address ? asked : pieces[i].address;

		if (begin >= end)
			continue;
		nla_put_u64(msg, VMQOS_MEM_RANGE_A_ADDRESS, begin);
		nla_put_u64(msg, VMQOS_MEM_RANGE_A_SIZE, end - begin);
		return;
	}
}

/* Where a page is, or NULL where there is no memory. */
static int *page_at(const void *address)
{
	uint64_t at = (uintptr_t)address;
	size_t first = 0;
	unsigned int i;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		if (at >= pieces[i].address && at < pieces[i].address + pieces[i].size)
			return &where[first + (at - pieces[i].address) / PAGE];
		first += pieces[i].size / PAGE;
	}
	return NULL;
}

/* Two kinds of pinned pages: the kernel sees of one that it cannot even be tried. */
static bool is_pinned(const int *page)
{
	return pinned && (page - where) % 1024 == 9;
}

static bool is_refused(const int *page)
{
	return is_pinned(page) && (page - where) % 2048 == 9;
}

/* Moves what has been gathered. Returns how many do not move, or -1 with errno. */
static long flush(int **pages, unsigned long count, int to)
{
	unsigned long i;
	long left = 0;

	for (i = 0; i < count; i++) {
		if (is_pinned(pages[i])) {
			left++;
			continue;
		}
		if (!room) {
			errno = ENOMEM;
			return -1;
		}
		room--;
		*pages[i] = to;
	}
	return left;
}

/* As the kernel does it: what it cannot try has it move what it has gathered until then. */
static long move(unsigned long count, void **pages, const int *to, int *status)
{
	static int *gathered[PAGES];
	unsigned long i, number = 0;
	long left = 0;

	for (i = 0; i < count && !left; i++) {
		int *page = page_at(pages[i]);

		if (page && *page >= 0 && *page != to[i] && !is_refused(page)) {
			gathered[number++] = page;
			continue;
		}
		status[i] = !page ? -EFAULT : *page == to[i] || *page < 0 ? *page : -EBUSY;
		left = flush(gathered, number, to[i]);
		number = 0;
		if (left > 0)
			left += count - i - 1;
	}
	return left ? left : flush(gathered, number, *to);
}

static long fake_move_pages(int pid, unsigned long count, void **pages, const int *to, int *status,
			    int flags)
{
	unsigned long i;

	(void)flags;
	errno = pid != VMM && pid != EMPTY ? ESRCH : foreign ? EPERM : 0;
	if (!errno && to)
		errno = *to < 0 || *to >= nodes ? ENODEV : cpuset && *to ? EACCES : 0;
	if (errno)
		return -1;
	if (to)
		return move(count, pages, to, status);
	for (i = 0; i < count; i++)
		status[i] = page_at(pages[i]) ? *page_at(pages[i]) : -EFAULT;
	return 0;
}

void vmqos_fake_pages_script(const char *words)
{
	size_t i;

	vmqos_move_pages = fake_move_pages;
	nodes = strstr(words, "nodes") ? 2 : 1;
	pinned = strstr(words, "pinned");
	foreign = strstr(words, "foreign");
	cpuset = strstr(words, "cpuset");
	room = strstr(words, "full") ? 5000 : PAGES;
	for (i = 0; i < PAGES; i++)
		where[i] = i % 4 == 3 ? -ENOENT : nodes > 1 && i % 64 == 5;
}
