// SPDX-License-Identifier: GPL-2.0
/*
 * A guest for tests of its memory, as the firmware of a real QEMU: it is ready at once,
 * where Linux takes minutes on a clock of one CPU at a time. It has a driver for the
 * balloon, which takes what the host wants, tells statistics and reports pages that are
 * free, and one for a disk. It knows what each of its pages holds, and does what lines on
 * the serial port say:
 *
 *   fill N KIND SEED	N free pages get something: 0 zeros, 1 what compresses, 2 noise
 *   free N		the N highest that hold something are free again
 *   check		is everything where it was put?
 *   holes N		do free pages that the host was given read as zeros?
 *   disk N		N of those that hold something to the disk, from there to free pages
 *   work N		from now on the first N that hold something are used all the time
 *   state		how many pages hold something, are free, are in the balloon
 *
 * It answers with a line that begins with ok or bad. At its start it says
 * "vmqos-guest-ready 1". It wants a q35, one vCPU and at most 1 GiB.
 */
#include <stdbool.h>
#include <stdint.h>

#include "memory_virtio.h"

#define SERIAL		0x3f8
#define FW_SELECT	0x510
#define FW_DATA		0x511
#define FW_RAM_SIZE	3
#define POOL		1024u		/* first page that is given out: 4 MiB */
#define MOST_PAGES	(1u << 18)
#define WORDS		1024u
#define TICK_HZ		100u
#define APIC_ENABLE	((volatile uint32_t *)0xfee000f0)
#define APIC_LINT0	((volatile uint32_t *)0xfee00350)

/* What a page holds: its kind and seed, or why it holds nothing. */
#define FREE		0u		/* and the host does not know it */
#define REPORTED	1u
#define BALLOON		2u
#define HELD		3u		/* stands for all that holds something */
#define HOLDS(kind, seed)	(4u | (kind) | (seed) << 4)

/* Tags of statistics. */
#define SWAP_IN		0u
#define MAJOR_FAULTS	2u
#define FREE_BYTES	4u
#define TOTAL_BYTES	5u
#define AVAILABLE_BYTES	6u
#define OOM_KILLS	10u

static uint32_t info[MOST_PAGES];
static uint32_t counts[HELD + 1];
static uint32_t pages, working, killed;
static struct balloon balloon;
static struct disk disk;

struct gate {
	uint16_t low, selector, flags, high;
} __attribute__((packed));

static struct gate idt[33];

void wait(void)
{
	asm volatile("sti; hlt; cli" ::: "memory");
}

static void put(char c)
{
	while (!(inb(SERIAL + 5) & 0x20))
		;
	outb(SERIAL, c);
}

static void say(const char *text)
{
	while (*text)
		put(*text++);
}

static void say_number(uint32_t value)
{
	char digits[12];
	int n = 0;

	do
		digits[n++] = '0' + value % 10;
	while (value /= 10);
	put(' ');
	while (n)
		put(digits[--n]);
}

static void start_tick(void)
{
	uint32_t at = (uint32_t)tick, divisor = 1193182 / TICK_HZ;
	struct {
		uint16_t size;
		uint32_t base;
	} __attribute__((packed)) table = { sizeof(idt) - 1, (uint32_t)idt };

	idt[32] = (struct gate){ at, 8, 0x8e00, at >> 16 };
	asm volatile("lidt %0" :: "m"(table));
	/* The old interrupt controller is heard. */
	*APIC_ENABLE = 0x1ff;
	*APIC_LINT0 = 0x700;
	outb(0x20, 0x11);
	outb(0x21, 0x20);
	outb(0x21, 4);
	outb(0x21, 1);
	outb(0x21, 0xfe);
	outb(0xa1, 0xff);
	outb(0x43, 0x34);
	outb(0x40, divisor);
	outb(0x40, divisor >> 8);
}

static uint32_t *page_at(uint32_t page)
{
	return (uint32_t *)(page << 12);
}

static uint32_t mix(uint32_t value)
{
	value ^= value << 13;
	value ^= value >> 17;
	return value ^ value << 5;
}

/* What word @i of a page holds that says so. */
static uint32_t word(uint32_t page, uint32_t i)
{
	uint32_t seed = mix((info[page] >> 4) * 2654435761u + page + 1);

	switch (info[page] & 3) {
	case 0:
		return 0;
	case 1:
		return seed + i / 64;
	default:
		return mix(seed + i * 2246822519u) * 3266489917u;
	}
}

static bool holds(uint32_t page)
{
	return info[page] >= 4;
}

static uint32_t count(uint32_t what)
{
	return counts[what < HELD ? what : HELD];
}

static void set(uint32_t page, uint32_t what)
{
	counts[info[page] < HELD ? info[page] : HELD]--;
	counts[what < HELD ? what : HELD]++;
	info[page] = what;
}

static void fill(uint32_t n, uint32_t kind, uint32_t seed)
{
	for (uint32_t page = POOL; page < pages && n; page++) {
		if (info[page] != FREE && info[page] != REPORTED)
			continue;
		set(page, HOLDS(kind & 3, seed));
		for (uint32_t i = 0; i < WORDS; i++)
			page_at(page)[i] = word(page, i);
		n--;
	}
	say(n ? "bad full" : "ok");
}

static void let_go(uint32_t n)
{
	for (uint32_t page = pages; page-- > POOL && n;)
		if (holds(page)) {
			set(page, FREE);
			n--;
		}
	say("ok");
}

static bool right(uint32_t page)
{
	for (uint32_t i = 0; i < WORDS; i++)
		if (page_at(page)[i] != word(page, i))
			return false;
	return true;
}

static void check(void)
{
	uint32_t checked = 0, wrong = 0;

	for (uint32_t page = POOL; page < pages; page++)
		if (holds(page)) {
			checked++;
			wrong += !right(page);
		}
	say(wrong ? "bad wrong" : "ok checked");
	say_number(wrong ? wrong : checked);
}

static void holes(uint32_t n)
{
	uint32_t wrong = 0, left = n;

	for (uint32_t page = pages; page-- > POOL && left;) {
		if (info[page] != REPORTED)
			continue;
		left--;
		for (uint32_t i = 0; i < WORDS; i++)
			if (page_at(page)[i]) {
				wrong++;
				break;
			}
		/* The host may have given a page for it. */
		set(page, FREE);
	}
	say(wrong || left ? "bad holes" : "ok holes");
	say_number(wrong ? wrong : n - left);
}

/* Writes from where something is held; reads into what is free, and looks. */
static bool disk_part(uint32_t *from, uint32_t *to, uint32_t n, uint32_t sector)
{
	for (uint32_t i = 0; i < n; i++) {
		while (*from < pages && !holds(*from))
			++*from;
		while (*to < pages && info[*to] != FREE && info[*to] != REPORTED)
			++*to;
		if (*from >= pages || *to >= pages)
			return false;
		disk.out[i] = (*from)++;
		disk.in[i] = (*to)++;
		set(disk.in[i], FREE);
	}
	if (!disk_do(&disk, true, disk.out, n, sector) ||
	    !disk_do(&disk, false, disk.in, n, sector))
		return false;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t w = 0; w < WORDS; w++)
			if (page_at(disk.in[i])[w] != word(disk.out[i], w))
				return false;
	return true;
}

static void disk_test(uint32_t n)
{
	uint32_t from = POOL, to = POOL;

	for (uint32_t done = 0; done < n; done += DISK_PAGES) {
		uint32_t part = n - done < DISK_PAGES ? n - done : DISK_PAGES;

		if (!disk_part(&from, &to, part, done * 8)) {
			say("bad disk at page");
			say_number(done);
			return;
		}
	}
	say("ok disk");
	say_number(n);
}

/* What a busy program does to what it holds: reads it, and writes it again. */
static void work(void)
{
	uint32_t left = working;

	for (uint32_t page = POOL; page < pages && left; page++)
		if (holds(page)) {
			volatile uint32_t *at = page_at(page);

			at[0] = at[0];
			left--;
		}
}

static void follow_balloon(void)
{
	uint32_t want = balloon_wanted(&balloon), have = count(BALLOON), n = 0;
	bool inflate = want > have;

	for (uint32_t page = pages; want != have + (inflate ? n : -n) && page-- > POOL;) {
		if (inflate ? info[page] > REPORTED : info[page] != BALLOON)
			continue;
		/* What comes out of it is as the host left it: a hole. */
		set(page, inflate ? BALLOON : REPORTED);
		balloon.pfns[n % BALLOON_PAGES] = page;
		if (!(++n % BALLOON_PAGES))
			balloon_give(&balloon, inflate, BALLOON_PAGES);
	}
	if (n % BALLOON_PAGES)
		balloon_give(&balloon, inflate, n % BALLOON_PAGES);
	if (n)
		balloon_actual(&balloon, inflate ? have + n : have - n);
}

/* Ranges of what is free, of 2M at most, as Linux does. */
static void report_free(void)
{
	uint32_t page = POOL, ranges = 0, end;

	while (count(FREE) && page < pages) {
		if (info[page] != FREE) {
			page++;
			continue;
		}
		for (end = page; end < pages && info[end] == FREE; end++)
			if (end > page && !(end % 512))
				break;
		for (uint32_t i = page; i < end; i++)
			set(i, REPORTED);
		balloon_range(&balloon, ranges++, page, end - page);
		page = end;
		if (ranges == BALLOON_RANGES) {
			balloon_report(&balloon, ranges);
			ranges = 0;
		}
	}
	if (ranges)
		balloon_report(&balloon, ranges);
}

static void tell_statistics(void)
{
	uint64_t none = count(FREE) + count(REPORTED), all = none + count(HELD) + POOL;
	const struct statistic statistics[BALLOON_STATS] = {
		{ SWAP_IN, 0 }, { MAJOR_FAULTS, 0 }, { FREE_BYTES, none << 12 },
		{ TOTAL_BYTES, all << 12 }, { AVAILABLE_BYTES, none << 12 }, { OOM_KILLS, killed },
	};

	balloon_tell(&balloon, statistics, BALLOON_STATS);
}

static uint32_t number(const char **at)
{
	uint32_t value = 0;

	while (**at == ' ')
		++*at;
	while (**at >= '0' && **at <= '9')
		value = value * 10 + (*(*at)++ - '0');
	return value;
}

static void start_driver(uint32_t features)
{
	/* What was in it is as the host has left it. */
	for (uint32_t page = POOL; page < pages; page++)
		if (info[page] == BALLOON)
			set(page, REPORTED);
	for (uint32_t i = 0; i < sizeof(balloon); i++)
		((volatile uint8_t *)&balloon)[i] = 0;
	balloon_find(&balloon, features);
	say(balloon.there ? "ok" : "bad balloon");
}

static void obey(const char *line)
{
	const char *at = line;
	uint32_t first, second, third;

	while (*at && *at != ' ')
		at++;
	first = number(&at);
	second = number(&at);
	third = number(&at);
	switch (line[0]) {
	case 'f':
		if (line[1] == 'i')
			fill(first, second, third);
		else
			let_go(first);
		break;
	case 'c':
		check();
		break;
	case 'h':
		holes(first);
		break;
	case 'd':
		if (line[1] == 'i')
			disk_test(first);
		else
			start_driver(first);
		break;
	case 'w':
		working = first;
		say("ok");
		break;
	case 'k':
		killed++;
		say("ok");
		break;
	case 's':
		say("ok");
		say_number(count(HELD));
		say_number(count(FREE) + count(REPORTED));
		say_number(count(BALLOON));
		say_number(count(FREE));
		break;
	default:
		say("bad command");
	}
	say("\n");
}

static uint32_t ram_pages(void)
{
	uint32_t bytes = 0;

	outw(FW_SELECT, FW_RAM_SIZE);
	for (int i = 0; i < 4; i++)
		bytes |= (uint32_t)inb(FW_DATA) << 8 * i;
	return bytes >> 12 < MOST_PAGES ? bytes >> 12 : MOST_PAGES;
}

void guest(void)
{
	static char line[80];
	uint32_t length = 0;

	outb(SERIAL + 2, 1);
	pages = ram_pages();
	counts[FREE] = pages - POOL;
	start_tick();
	balloon_find(&balloon, ~0u);
	disk_find(&disk);
	say("vmqos-guest-ready 1\n");
	for (;;) {
		wait();
		while (inb(SERIAL + 5) & 1) {
			char c = inb(SERIAL);

			if (c != '\n') {
				line[length] = c;
				length = length < sizeof(line) - 1 ? length + 1 : length;
				continue;
			}
			line[length] = 0;
			length = 0;
			obey(line);
		}
		work();
		if (!balloon.there)
			continue;
		follow_balloon();
		tell_statistics();
		if (balloon.reports)
			report_free();
	}
}
