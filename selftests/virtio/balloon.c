// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon does what the specification says, on each kind of memory, and the host gets
 * the memory back: by the host's own counters, not by the device's.
 */
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "driver.h"

#define NAME	"vmqos-test"
#define SIZE	(32 * MIB)
#define SEED	7
#define HUGE_PAGES	"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

FIXTURE(balloon)
{
	bool added;
	bool begun;
	struct guest guest;
};

FIXTURE_VARIANT(balloon)
{
	enum backing backing;
};

FIXTURE_VARIANT_ADD(balloon, memfd) { .backing = MEMFD };
FIXTURE_VARIANT_ADD(balloon, vmramfs) { .backing = VMRAMFS };
FIXTURE_VARIANT_ADD(balloon, anonymous) { .backing = ANONYMOUS };
FIXTURE_VARIANT_ADD(balloon, hugetlb) { .backing = HUGETLB };

FIXTURE_SETUP(balloon)
{
	const char *missing = virtio_missing();

	if (!missing && variant->backing == VMRAMFS)
		missing = mem_missing();
	/* Holes in files, and anonymous memory that is taken out of page tables. */
	if (!missing && (variant->backing == VMRAMFS || variant->backing == HUGETLB) &&
	    !getenv("VMQOS_LONG"))
		missing = "in the long form: VMQOS_LONG=1";
	if (missing)
		SKIP(return, "%s", missing);
	if (variant->backing == HUGETLB) {
		mem_compact();
		mem_write_text(HUGE_PAGES, "16");
	}
	ASSERT_EQ(0, guest_add_device(NAME));
	self->added = true;
	ASSERT_EQ(0, guest_begin(&self->guest, NAME, variant->backing, SIZE));
	self->begun = true;
	ASSERT_EQ(0, guest_start_driver(&self->guest, ALL_FEATURES));
	guest_fill(&self->guest, 0, guest_pages(&self->guest), SEED);
	/* So that lists written there later take no memory. */
	memset(guest_scratch(&self->guest), 0, 64 * 1024);
}

FIXTURE_TEARDOWN(balloon)
{
	if (self->begun)
		guest_end(&self->guest);
	if (self->added) {
		EXPECT_EQ(0, guest_del_device(NAME));
	}
	if (variant->backing == HUGETLB)
		mem_write_text(HUGE_PAGES, "0");
}

/* Nothing was refused, or broken, and what is not in the balloon is as it was. */
static void expect_whole(struct __test_metadata *_metadata, struct guest *guest, uint32_t first,
			 uint32_t nr)
{
	uint32_t pages = guest_pages(guest);

	EXPECT_EQ(0, guest_get_status(guest) & VIRTIO_CONFIG_S_NEEDS_RESET);
	EXPECT_EQ(0, guest_wrong(guest, 0, first, SEED));
	EXPECT_EQ(0, guest_wrong(guest, first + nr, pages - first - nr, SEED));
}

/* Half the memory, from somewhere in the middle, and back. */
TEST_F_TIMEOUT(balloon, inflate_and_deflate, 300)
{
	struct guest *guest = &self->guest;
	uint32_t first = 1024, nr = SIZE / PAGE / 2;
	uint64_t before, after;

	before = guest_resident(guest);
	ASSERT_EQ(0, guest_inflate(guest, first, nr));
	after = guest_resident(guest);
	EXPECT_EQ(nr * PAGE, guest_actual(guest));
	EXPECT_EQ(nr, guest_figure(guest, "inflates"));
	if (variant->backing == HUGETLB) {
		/* A MiB at a time is no whole page. */
		EXPECT_EQ(nr, guest_figure(guest, "inflate-refused-partial"));
		EXPECT_EQ(before, after);
	} else {
		EXPECT_EQ(0, guest_refused(guest, "inflate")) {
			TH_LOG("%s", guest_text(guest, "figures"));
		}
		EXPECT_EQ(nr, guest_figure(guest, "inflate-given"));
		EXPECT_LE(nr * PAGE / 100 * 97, before - after) {
			TH_LOG("the host has got %lld of %ld bytes", (long long)(before - after),
			       nr * PAGE);
		}
		expect_whole(_metadata, guest, first, nr);
		EXPECT_EQ(nr, guest_zeros(guest, first, nr));
	}
	ASSERT_EQ(0, guest_deflate(guest, first, nr));
	EXPECT_EQ(0, guest_actual(guest));
	EXPECT_EQ(nr, guest_figure(guest, "deflates"));
	guest_fill(guest, first, nr, SEED);
	EXPECT_EQ(0, guest_wrong(guest, 0, guest_pages(guest), SEED));
}

/* What is said to be in the balloon the host has already, at any moment. */
TEST_F_TIMEOUT(balloon, counted_when_given, 300)
{
	struct guest *guest = &self->guest;
	uint32_t *list = guest_scratch(guest), nr = SIZE / PAGE / 2;
	struct vring_desc part = { .addr = guest_address(guest, list), .len = nr * 4 };
	uint64_t before = guest_resident(guest), actual, given;
	int looks = 0;

	if (variant->backing != MEMFD)
		SKIP(return, "looked at on a memfd, whose count is right at any moment");
	for (uint32_t i = 0; i < nr; i++)
		list[i] = 1024 + i;
	guest_add(guest, INFLATE, &part, 1, 1);
	guest_kick(guest, INFLATE);
	do {
		actual = guest_actual(guest);
		given = before - guest_resident(guest);
		looks++;
	} while (actual <= given && actual < nr * PAGE);
	EXPECT_EQ(nr * PAGE, actual);
	EXPECT_LE(actual, given) {
		TH_LOG("look %d: the host has got %llu bytes", looks, (unsigned long long)given);
	}
	ASSERT_LE(0, guest_wait(guest, INFLATE, 60));
}

/* Each page by itself, in no order, some of them twice. */
TEST_F_TIMEOUT(balloon, single_pages, 300)
{
	struct guest *guest = &self->guest;
	uint32_t *list = guest_scratch(guest);
	struct vring_desc part = { .addr = guest_address(guest, list), .len = 256 * 4 };
	uint64_t before = guest_resident(guest);

	if (variant->backing == HUGETLB)
		SKIP(return, "pages of hugetlbfs are given as a whole");
	for (uint32_t i = 0; i < 256; i++)
		list[i] = 100 + 2 * (i * 37 % 250);
	guest_add(guest, INFLATE, &part, 1, 1);
	guest_kick(guest, INFLATE);
	ASSERT_LE(0, guest_wait(guest, INFLATE, 60));
	EXPECT_EQ(250, guest_figure(guest, "inflate-given"));
	EXPECT_EQ(250, guest_figure(guest, "inflate-ranges"));
	EXPECT_EQ(0, guest_refused(guest, "inflate"));
	EXPECT_EQ(256 * PAGE, guest_actual(guest));
	if (variant->backing != ANONYMOUS) {
		EXPECT_EQ(250 * PAGE, before - guest_resident(guest));
	}
	EXPECT_EQ(250, guest_zeros(guest, 100, 500));
	EXPECT_EQ(250, guest_wrong(guest, 0, guest_pages(guest), SEED));
}

/* Blocks of 4 MiB, some in a table of their own. */
TEST_F_TIMEOUT(balloon, reporting, 300)
{
	struct guest *guest = &self->guest;
	struct vring_desc blocks[4], *table = guest_scratch(guest), indirect;
	uint64_t before = guest_resident(guest), after;
	uint64_t bytes = 4 * 4 * MIB;

	for (int i = 0; i < 4; i++)
		blocks[i] = (struct vring_desc){ .addr = (4 + 6 * i) * MIB, .len = 4 * MIB };
	guest_add(guest, REPORT, blocks, 0, 2);
	for (int i = 0; i < 2; i++) {
		table[i] = blocks[2 + i];
		table[i].flags = VRING_DESC_F_WRITE | (i ? 0 : VRING_DESC_F_NEXT);
		table[i].next = 1;
	}
	indirect = (struct vring_desc){
		.addr = guest_address(guest, table), .len = 2 * sizeof(*table),
		.flags = VRING_DESC_F_INDIRECT,
	};
	guest_add(guest, REPORT, &indirect, 1, 1);
	guest_kick(guest, REPORT);
	ASSERT_EQ(0, guest_wait(guest, REPORT, 60));
	ASSERT_EQ(2, guest_wait(guest, REPORT, 60));
	after = guest_resident(guest);
	EXPECT_EQ(bytes, guest_figure(guest, "reports"));
	EXPECT_EQ(bytes / PAGE, guest_figure(guest, "report-given"));
	EXPECT_EQ(0, guest_refused(guest, "report")) {
		TH_LOG("%s", guest_text(guest, "figures"));
	}
	EXPECT_LE(bytes / 100 * 97, before - after);
	EXPECT_EQ(0, guest_actual(guest));
	EXPECT_EQ(bytes / PAGE, guest_wrong(guest, 0, guest_pages(guest), SEED));
	EXPECT_EQ(bytes / PAGE, guest_zeros(guest, 0, guest_pages(guest)));
}

/* Who fills free pages with a pattern gets them back as they were. */
TEST_F_TIMEOUT(balloon, poison, 300)
{
	struct guest *guest = &self->guest;
	struct vring_desc block = { .addr = 8 * MIB, .len = 4 * MIB };
	uint32_t poison = 0xaaaaaaaa;

	ASSERT_EQ(0, guest_write_config(guest, offsetof(struct virtio_balloon_config, poison_val),
					&poison, sizeof(poison)));
	guest_add(guest, REPORT, &block, 0, 1);
	guest_kick(guest, REPORT);
	ASSERT_LE(0, guest_wait(guest, REPORT, 60));
	EXPECT_EQ(0, guest_figure(guest, "report-given"));
	EXPECT_EQ(4 * MIB / PAGE, guest_figure(guest, "report-refused-poison"));
	EXPECT_EQ(0, guest_wrong(guest, 0, guest_pages(guest), SEED));
}

/* Without statistics the third queue is that of reports. */
TEST_F_TIMEOUT(balloon, queues_without_gaps, 300)
{
	struct guest *guest = &self->guest;
	struct vring_desc block = { .addr = 8 * MIB, .len = 4 * MIB };

	ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES &
					~BIT_OF(VIRTIO_BALLOON_F_STATS_VQ)));
	guest_add(guest, STATS, &block, 0, 1);
	guest_kick(guest, STATS);
	ASSERT_LE(0, guest_wait(guest, STATS, 60));
	EXPECT_EQ(4 * MIB / PAGE, guest_figure(guest, "report-given"));
}

static bool told(int fd, int seconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	return poll(&poll_fd, 1, seconds * 1000) == 1 && !eventfd_read(fd, &count);
}

/* The target reaches the guest, and what the guest writes over it is not believed. */
TEST_F_TIMEOUT(balloon, target, 300)
{
	struct guest *guest = &self->guest;
	struct virtio_balloon_config config = {};

	ASSERT_EQ(0, guest_set(guest, "target", 32 * MIB));
	EXPECT_TRUE(told(guest->config_call, 60));
	ASSERT_EQ(0, guest_read_config(guest, &config));
	EXPECT_EQ(32 * MIB / PAGE, config.num_pages);
	config.num_pages = 1;
	config.actual = 5;
	ASSERT_EQ(0, guest_write_config(guest, 0, &config, sizeof(config)));
	ASSERT_EQ(0, guest_read_config(guest, &config));
	EXPECT_EQ(32 * MIB / PAGE, config.num_pages);
	EXPECT_EQ(5, config.actual);
	EXPECT_EQ(0, guest_actual(guest));
	/* The same once more is news to a guest that has not done it, and to no other. */
	ASSERT_EQ(0, guest_set(guest, "target", 32 * MIB));
	EXPECT_TRUE(told(guest->config_call, 60));
	ASSERT_EQ(0, guest_set(guest, "target", PAGE));
	EXPECT_TRUE(told(guest->config_call, 60));
	ASSERT_EQ(0, guest_inflate(guest, 1024, 1));
	ASSERT_EQ(0, guest_set(guest, "target", PAGE));
	EXPECT_FALSE(told(guest->config_call, 0));
	EXPECT_EQ(-ERANGE, guest_set(guest, "target", 1ull << 45));
	EXPECT_GT(0, guest_write_config(guest, 8, &config, sizeof(config)));
}

/* Statistics come when they are asked for, as often as they are. */
TEST_F_TIMEOUT(balloon, statistics, 300)
{
	struct guest *guest = &self->guest;
	struct virtio_balloon_stat *stats = guest_scratch(guest);
	struct vring_desc part = { .addr = guest_address(guest, stats) };
	int round;

	for (round = 0; round < 3; round++) {
		for (int i = 0; i < STATS_NR; i++)
			stats[i] = (struct virtio_balloon_stat){ .tag = i,
								 .val = 1000 * round + i };
		/* What is not known yet is left out. */
		stats[STATS_NR] = (struct virtio_balloon_stat){ .tag = 999, .val = 1 };
		part.len = (STATS_NR + 1) * sizeof(*stats);
		guest_add(guest, STATS, &part, 1, 1);
		guest_kick(guest, STATS);
		for (int i = 0; i < 6000 && guest_line(guest, "stats", "total-memory") !=
		     1000u * round + VIRTIO_BALLOON_S_MEMTOT; i++)
			usleep(10000);
		EXPECT_EQ(1000 * round + VIRTIO_BALLOON_S_MEMTOT,
			  guest_line(guest, "stats", "total-memory"));
		EXPECT_EQ(1000 * round + VIRTIO_BALLOON_S_OOM_KILL,
			  guest_line(guest, "stats", "oom-kills"));
		if (!round) {
			/* It is kept until somebody wants to know. */
			EXPECT_EQ(-ETIMEDOUT, guest_wait(guest, STATS, 1));
			ASSERT_EQ(0, guest_set(guest, "stats_seconds", 1));
		}
		ASSERT_EQ(round, guest_wait(guest, STATS, 60));
	}
	ASSERT_EQ(0, guest_set(guest, "stats_seconds", 0));
}

/* A reset empties the balloon, and the device works as before. */
TEST_F_TIMEOUT(balloon, reset, 300)
{
	struct guest *guest = &self->guest;

	if (variant->backing == HUGETLB)
		SKIP(return, "pages of hugetlbfs are given as a whole");
	for (int i = 0; i < 5; i++) {
		guest_fill(guest, 0, guest_pages(guest), SEED);
		ASSERT_EQ(0, guest_inflate(guest, 0, 1000));
		EXPECT_EQ(1000 * PAGE, guest_actual(guest));
		ASSERT_EQ(0, guest_start_driver(guest, i & 1 ? ALL_FEATURES : ALL_FEATURES &
						~BIT_OF(VIRTIO_RING_F_EVENT_IDX)));
		EXPECT_EQ(0, guest_actual(guest));
	}
	EXPECT_EQ(5000, guest_figure(guest, "inflate-given"));
}

/* Nothing is used while it is suspended, and the buffer with statistics comes once more. */
TEST_F_TIMEOUT(balloon, suspend_and_resume, 300)
{
	struct guest *guest = &self->guest;
	struct virtio_balloon_stat *stats = guest_scratch(guest);
	struct vring_desc part = { .addr = guest_address(guest, stats), .len = sizeof(*stats) };
	struct vhost_vring_state state = { .index = STATS };
	uint32_t *list = guest_scratch(guest);

	stats[0] = (struct virtio_balloon_stat){ .tag = VIRTIO_BALLOON_S_MEMTOT, .val = 5 };
	guest_add(guest, STATS, &part, 1, 1);
	guest_kick(guest, STATS);
	for (int i = 0; i < 6000 && guest_line(guest, "stats", "total-memory") != 5; i++)
		usleep(10000);
	ASSERT_EQ(5, guest_line(guest, "stats", "total-memory"));
	ASSERT_EQ(0, ioctl(guest->fd, VHOST_VDPA_SUSPEND));
	ASSERT_EQ(0, ioctl(guest->fd, VHOST_GET_VRING_BASE, &state));
	EXPECT_EQ(0, state.num);
	part.len = 4;
	list[0] = 77;
	guest_add(guest, INFLATE, &part, 1, 1);
	guest_kick(guest, INFLATE);
	EXPECT_EQ(-ETIMEDOUT, guest_wait(guest, INFLATE, 1));
	ASSERT_EQ(0, ioctl(guest->fd, VHOST_VDPA_RESUME));
	EXPECT_EQ(0, guest_wait(guest, INFLATE, 60));
	EXPECT_EQ(PAGE, guest_actual(guest));
	for (int i = 0; i < 6000 && guest_figure(guest, "queue2-buffers") != 2; i++)
		usleep(10000);
	EXPECT_EQ(2, guest_figure(guest, "queue2-buffers"));
}

/* A VMM that is killed while it inflates leaves nothing behind. */
TEST_F_TIMEOUT(balloon, killed, 300)
{
	struct guest *guest = &self->guest;
	int status;
	pid_t child;

	guest_end(guest);
	self->begun = false;
	for (int i = 0; i < 5; i++) {
		child = fork();
		if (!child) {
			if (guest_begin(guest, NAME, variant->backing, SIZE) ||
			    guest_start_driver(guest, ALL_FEATURES))
				_exit(1);
			for (;;)
				if (guest_inflate(guest, 0, 4096) || guest_deflate(guest, 0, 4096))
					_exit(2);
		}
		usleep(100000 + i * 37000);
		EXPECT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status)) {
			TH_LOG("ended by itself with %d", WEXITSTATUS(status));
		}
	}
	ASSERT_EQ(0, guest_begin(guest, NAME, variant->backing, SIZE));
	self->begun = true;
	ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
	EXPECT_EQ(0, guest_actual(guest));
	ASSERT_EQ(0, guest_inflate(guest, 0, 512));
	EXPECT_EQ(512 * PAGE, guest_actual(guest));
}

TEST_HARNESS_MAIN
