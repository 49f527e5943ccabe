// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that breaks every rule hurts itself alone: the host goes on, its own device works
 * again after a reset, and the guest beside keeps its memory and its balloon.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "driver.h"

#define NAME		"vmqos-evil"
#define NEIGHBOUR	"vmqos-good"
#define SIZE		(16 * MIB)
#define SEED		11
#define LONG(few, many)	(getenv("VMQOS_LONG") ? (many) : (few))

FIXTURE(attacks)
{
	int added;
	bool begun;
	struct guest guest;
	pid_t neighbour;
	int ask;
	int answer;
};

/* Another VMM: whenever it is asked, it looks at all its memory and uses its balloon. */
static void be_neighbour(int ask, int answer)
{
	struct guest guest;
	char byte = 0;
	bool good;

	good = !guest_begin(&guest, NEIGHBOUR, MEMFD, SIZE) &&
	       !guest_start_driver(&guest, ALL_FEATURES);
	if (good)
		guest_fill(&guest, 0, guest_pages(&guest), SEED + 1);
	while (read(ask, &byte, 1) == 1) {
		good = good && !guest_wrong(&guest, 0, guest_pages(&guest), SEED + 1) &&
		       !guest_inflate(&guest, 256, 256) && guest_actual(&guest) == 256 * PAGE &&
		       guest_zeros(&guest, 256, 256) == 256 && !guest_deflate(&guest, 256, 256);
		if (good)
			guest_fill(&guest, 256, 256, SEED + 1);
		byte = good;
		if (write(answer, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static bool neighbour_is_well(FIXTURE_DATA(attacks) *self)
{
	char byte = 0;

	return write(self->ask, &byte, 1) == 1 && read(self->answer, &byte, 1) == 1 && byte;
}

FIXTURE_SETUP(attacks)
{
	const char *missing = virtio_missing();
	int ask[2], answer[2];

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, guest_add_device(NAME));
	self->added = 1;
	ASSERT_EQ(0, guest_add_device(NEIGHBOUR));
	self->added = 2;
	ASSERT_EQ(0, pipe(ask));
	ASSERT_EQ(0, pipe(answer));
	self->neighbour = fork();
	ASSERT_LE(0, self->neighbour);
	if (!self->neighbour) {
		close(ask[1]);
		close(answer[0]);
		be_neighbour(ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	self->ask = ask[1];
	self->answer = answer[0];
	EXPECT_TRUE(neighbour_is_well(self));
	ASSERT_EQ(0, guest_begin(&self->guest, NAME, MEMFD, SIZE));
	self->begun = true;
	ASSERT_EQ(0, guest_start_driver(&self->guest, ALL_FEATURES));
	guest_fill(&self->guest, 0, guest_pages(&self->guest), SEED);
}

FIXTURE_TEARDOWN(attacks)
{
	int status;

	if (self->neighbour > 0) {
		EXPECT_TRUE(neighbour_is_well(self));
		close(self->ask);
		EXPECT_EQ(self->neighbour, waitpid(self->neighbour, &status, 0));
		EXPECT_EQ(0, status);
	}
	if (self->begun) {
		struct guest *guest = &self->guest;

		/* Whatever it did, after a reset its device is as good as new. */
		EXPECT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
		EXPECT_EQ(0, guest_inflate(guest, 512, 512)) {
			TH_LOG("%s", guest_text(guest, "figures"));
		}
		EXPECT_EQ(512 * PAGE, guest_actual(guest));
		guest_end(guest);
	}
	if (self->added > 0) {
		EXPECT_EQ(0, guest_del_device(NAME));
	}
	if (self->added > 1) {
		EXPECT_EQ(0, guest_del_device(NEIGHBOUR));
	}
}

static void publish(struct guest *guest, int queue, uint16_t head)
{
	struct vring_avail *avail = guest->rings[queue].avail;

	avail->ring[avail->idx % RING] = head;
	__atomic_store_n(&avail->idx, avail->idx + 1, __ATOMIC_RELEASE);
	guest_kick(guest, queue);
}

static void put_desc(struct guest *guest, int queue, int i, uint64_t addr, uint32_t len,
		     uint16_t flags, uint16_t next)
{
	guest->rings[queue].desc[i] = (struct vring_desc){ addr, len, flags, next };
}

/* Attacks after which the ring must be broken; each on every queue. */
struct attack {
	const char *name;
	void (*run)(struct guest *guest, int queue);
};

static void index_jumps(struct guest *guest, int queue)
{
	__atomic_store_n(&guest->rings[queue].avail->idx, RING + 1, __ATOMIC_RELEASE);
	guest_kick(guest, queue);
}

static void index_goes_back(struct guest *guest, int queue)
{
	__atomic_store_n(&guest->rings[queue].avail->idx, 0xffff, __ATOMIC_RELEASE);
	guest_kick(guest, queue);
}

static void head_is_beyond(struct guest *guest, int queue)
{
	publish(guest, queue, RING);
}

static void next_is_beyond(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, 0, 4, VRING_DESC_F_NEXT, 0xffff);
	publish(guest, queue, 0);
}

static void chain_loops(struct guest *guest, int queue)
{
	uint16_t write = queue == REPORT ? VRING_DESC_F_WRITE : 0;

	put_desc(guest, queue, 0, 0, 4, VRING_DESC_F_NEXT | write, 1);
	put_desc(guest, queue, 1, 0, 4, VRING_DESC_F_NEXT | write, 0);
	publish(guest, queue, 0);
}

static void table_loops(struct guest *guest, int queue)
{
	uint16_t write = queue == REPORT ? VRING_DESC_F_WRITE : 0;
	struct vring_desc *table = guest_scratch(guest);

	for (int i = 0; i < 8; i++)
		table[i] = (struct vring_desc){ 0, 4, VRING_DESC_F_NEXT | write, (i + 1) % 8 };
	put_desc(guest, queue, 0, guest_address(guest, table), 8 * sizeof(*table),
		 VRING_DESC_F_INDIRECT, 0);
	publish(guest, queue, 0);
}

static void table_in_table(struct guest *guest, int queue)
{
	struct vring_desc *table = guest_scratch(guest);

	table[0] = (struct vring_desc){ guest_address(guest, table), 16, VRING_DESC_F_INDIRECT, 0 };
	put_desc(guest, queue, 0, guest_address(guest, table), sizeof(*table),
		 VRING_DESC_F_INDIRECT, 0);
	publish(guest, queue, 0);
}

static void table_of_odd_length(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, 0, 17, VRING_DESC_F_INDIRECT, 0);
	publish(guest, queue, 0);
}

static void table_of_no_length(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, 0, 0, VRING_DESC_F_INDIRECT, 0);
	publish(guest, queue, 0);
}

static void table_too_long(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, 0, 0xfffffff0, VRING_DESC_F_INDIRECT, 0);
	publish(guest, queue, 0);
}

static void table_is_nowhere(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, 1ull << 50, 64, VRING_DESC_F_INDIRECT, 0);
	publish(guest, queue, 0);
}

static void table_goes_on(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, 0, 64, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	publish(guest, queue, 0);
}

static void reads_behind_writes(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, 0, 4, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	put_desc(guest, queue, 1, 0, 4, 0, 0);
	publish(guest, queue, 0);
}

static void address_wraps(struct guest *guest, int queue)
{
	put_desc(guest, queue, 0, ~0ull - 3, 64, queue == REPORT ? VRING_DESC_F_WRITE : 0, 0);
	publish(guest, queue, 0);
}

static const struct attack breaking[] = {
	{ "the index jumps ahead", index_jumps },
	{ "the index goes back", index_goes_back },
	{ "the head is beyond the ring", head_is_beyond },
	{ "the next descriptor is beyond the ring", next_is_beyond },
	{ "a chain loops", chain_loops },
	{ "an indirect table loops", table_loops },
	{ "a table in a table", table_in_table },
	{ "a table of an odd length", table_of_odd_length },
	{ "a table of no length", table_of_no_length },
	{ "a table that is too long", table_too_long },
	{ "a table that is nowhere", table_is_nowhere },
	{ "a table and a next descriptor", table_goes_on },
	{ "parts to be read behind parts to be written", reads_behind_writes },
	{ "an address that wraps around", address_wraps },
};

/* Each has the device ask for a reset; nothing of the guest's own memory is lost even. */
TEST_F_TIMEOUT(attacks, rings, 300)
{
	struct guest *guest = &self->guest;

	for (int queue = 0; queue < QUEUES; queue++)
		for (size_t i = 0; i < sizeof(breaking) / sizeof(breaking[0]); i++) {
			ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
			breaking[i].run(guest, queue);
			EXPECT_TRUE(guest_broken(guest, 60)) {
				TH_LOG("queue %d, %s", queue, breaking[i].name);
			}
			EXPECT_EQ(0, guest->rings[queue].used->idx);
		}
	EXPECT_TRUE(neighbour_is_well(self));
	ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
	EXPECT_EQ(0, guest_wrong(guest, 0, guest_pages(guest) - 1, SEED));
}

static bool breaks(struct guest *guest, int queue, uint64_t addr, uint32_t len, uint16_t flags)
{
	if (guest_start_driver(guest, ALL_FEATURES))
		return false;
	put_desc(guest, queue, 0, addr, len, flags, 0);
	publish(guest, queue, 0);
	return guest_broken(guest, 60);
}

/* Lists that are nowhere, of the wrong direction, of a wrong length or without an end. */
TEST_F_TIMEOUT(attacks, lists, 300)
{
	struct guest *guest = &self->guest;

	for (int queue = INFLATE; queue <= DEFLATE; queue++) {
		EXPECT_TRUE(breaks(guest, queue, 1ull << 50, 1024, 0));
		EXPECT_TRUE(breaks(guest, queue, SIZE - 512, 1024, 0));
		EXPECT_TRUE(breaks(guest, queue, 0, 1024, VRING_DESC_F_WRITE));
		EXPECT_TRUE(breaks(guest, queue, 0, 1023, 0));
		EXPECT_TRUE(breaks(guest, queue, 0, 0xfffffffc, 0));
	}
	EXPECT_TRUE(breaks(guest, STATS, 1ull << 50, 64, 0));
	EXPECT_TRUE(breaks(guest, STATS, 0, 10 * MIB, 0));
	EXPECT_TRUE(breaks(guest, REPORT, 0, 4 * MIB, 0));
	/* Nothing at all is nothing to do. */
	for (int queue = 0; queue < QUEUES; queue++) {
		ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
		put_desc(guest, queue, 0, 1ull << 60, 0, queue == REPORT ? VRING_DESC_F_WRITE : 0,
			 0);
		publish(guest, queue, 0);
		if (queue != STATS) {
			EXPECT_EQ(0, guest_wait(guest, queue, 60));
		}
		EXPECT_EQ(0, guest_get_status(guest) & VIRTIO_CONFIG_S_NEEDS_RESET);
	}
}

/* Pages that are not the guest's: the host's, the VMM's, the neighbour's, nobody's. */
TEST_F_TIMEOUT(attacks, foreign_pages, 300)
{
	struct guest *guest = &self->guest;
	uint32_t *list = guest_scratch(guest);
	struct vring_desc part = { .addr = guest_address(guest, list), .len = 512 * 4 };
	char *own = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t refused;

	memset(own, 5, MIB);
	for (int i = 0; i < 256; i++) {
		list[i] = SIZE / PAGE + i * 13;
		list[256 + i] = ((uintptr_t)own >> 12) + i;
	}
	guest_add(guest, INFLATE, &part, 1, 1);
	list[511] = 0xffffffff;
	guest_kick(guest, INFLATE);
	ASSERT_LE(0, guest_wait(guest, INFLATE, 60));
	EXPECT_EQ(0, guest_figure(guest, "inflate-given"));
	refused = guest_figure(guest, "inflate-refused-foreign");
	EXPECT_LT(500, refused);
	EXPECT_TRUE(mem_all(own, 5, MIB));
	EXPECT_EQ(0, guest_wrong(guest, 0, guest_pages(guest), SEED));
	/* As large as it can be told, from before the end to far behind it. */
	part = (struct vring_desc){ .addr = SIZE - 3 * MIB, .len = 0xffffffff };
	guest_add(guest, REPORT, &part, 0, 1);
	guest_kick(guest, REPORT);
	guest_broken(guest, 1);
	EXPECT_TRUE(mem_all(own, 5, MIB));
	EXPECT_EQ(0, guest_wrong(guest, 0, (SIZE - 3 * MIB) / PAGE, SEED));
	munmap(own, MIB);
}

/* Its own rings, again and again, while the device works with them. */
TEST_F_TIMEOUT(attacks, own_rings, 300)
{
	struct guest *guest = &self->guest;
	uint32_t *list = guest_scratch(guest);
	struct vring_desc part = { .addr = guest_address(guest, list), .len = 512 * 4 };

	for (int round = 0; round < LONG(5, 50); round++) {
		ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
		for (int i = 0; i < 512; i++)
			list[i] = (SIZE - 2 * MIB) / PAGE + i;
		guest_add(guest, INFLATE, &part, 1, 1);
		guest_kick(guest, INFLATE);
		guest_broken(guest, 1);
	}
	EXPECT_EQ(0, guest_wrong(guest, 0, guest_pages(guest), SEED));
}

/* Addresses of rings that are not aligned, or nowhere. */
TEST_F_TIMEOUT(attacks, ring_addresses, 300)
{
	struct guest *guest = &self->guest;
	struct vhost_vring_state state = { .index = 0, .num = 3 };
	uint64_t good = SIZE - MIB;

	ASSERT_EQ(0, guest_status(guest, 0));
	EXPECT_GT(0, guest_set_ring(guest, 0, good + 8, good, good));
	EXPECT_GT(0, guest_set_ring(guest, 0, good, good + 1, good));
	EXPECT_GT(0, guest_set_ring(guest, 0, good, good, good + 2));
	EXPECT_GT(0, guest_set_ring(guest, 0, ~0ull & ~15ull, good, good));
	EXPECT_EQ(-1, ioctl(guest->fd, VHOST_SET_VRING_NUM, &state));
	state.num = 2048;
	EXPECT_EQ(-1, ioctl(guest->fd, VHOST_SET_VRING_NUM, &state));
	ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
	/* Rings that nothing is behind, and one ring in place of the other. */
	for (int i = 0; i < 3; i++) {
		uint64_t nowhere = 1ull << 45;

		ASSERT_EQ(0, guest_status(guest, 0));
		ASSERT_EQ(0, guest_status(guest, ACKED));
		ASSERT_EQ(0, ioctl(guest->fd, VHOST_SET_FEATURES, &guest->features));
		ASSERT_EQ(0, guest_start_ring(guest, 0));
		ASSERT_EQ(0, guest_set_ring(guest, 0, i == 0 ? nowhere : good,
					    i == 1 ? nowhere : good + 16 * 1024,
					    i == 2 ? nowhere : good));
		guest->rings[0].avail->idx = 1;
		ASSERT_EQ(0, guest_status(guest, READY));
		guest_kick(guest, 0);
		EXPECT_TRUE(guest_broken(guest, 60));
	}
}

/* Mappings come and go while the device uses them. */
TEST_F_TIMEOUT(attacks, mappings_change, 300)
{
	struct guest *guest = &self->guest;
	struct vring_desc part = { .addr = guest_address(guest, guest_scratch(guest)),
				   .len = 1024 };

	for (int round = 0; round < LONG(20, 200); round++) {
		ASSERT_EQ(0, guest_start_driver(guest, ALL_FEATURES));
		for (int i = 0; i < 16; i++)
			guest_add(guest, INFLATE, &part, 1, 1);
		guest_kick(guest, INFLATE);
		ASSERT_EQ(0, guest_unmap(guest, 0, SIZE));
		ASSERT_EQ(0, guest_map(guest, 0, SIZE, guest->mem, round & 1 ? VHOST_ACCESS_RO :
				       VHOST_ACCESS_RW));
		if (round & 1) {
			guest_kick(guest, INFLATE);
			guest_broken(guest, 1);
			ASSERT_EQ(0, guest_unmap(guest, 0, SIZE));
			ASSERT_EQ(0, guest_map(guest, 0, SIZE, guest->mem, VHOST_ACCESS_RW));
		}
	}
}

struct writer {
	struct guest *guest;
	volatile bool stop;
	uint64_t seed;
};

/* Writes anything anywhere into the rings and lists, as fast as it can. */
static void *write_rings(void *data)
{
	struct writer *writer = data;
	struct guest *guest = writer->guest;
	static const uint16_t words[] = { 0, 1, 2, 3, 4, 16, RING - 1, RING, 0x7fff, 0xffff };
	uint64_t state = writer->seed;

	while (!writer->stop) {
		uint32_t draw = mem_draw(&state);
		int queue = draw % QUEUES;
		struct vring_desc *desc = &guest->rings[queue].desc[mem_draw(&state) % RING];
		uint16_t *avail = (void *)guest->rings[queue].avail;

		switch (mem_draw(&state) % 8) {
		case 0:
			desc->addr = mem_draw(&state) % SIZE & ~3ul;
			break;
		case 1:
			desc->len = mem_draw(&state) % 4096 & ~3u;
			break;
		case 2:
			desc->flags = words[mem_draw(&state) % 5];
			break;
		case 3:
			desc->next = mem_draw(&state) % RING;
			break;
		case 4:
			avail[2 + mem_draw(&state) % (RING + 1)] = mem_draw(&state) % RING;
			break;
		case 5:
			avail[1] += mem_draw(&state) % 4;
			break;
		case 6:
			((uint32_t *)guest_scratch(guest))[mem_draw(&state) % 1024] =
				mem_draw_word(&state) >> mem_draw(&state) % 32;
			break;
		case 7:
			guest_kick(guest, queue);
			break;
		}
	}
	return NULL;
}

/* The rings are rewritten by several threads while the device reads them. */
TEST_F_TIMEOUT(attacks, rewriting, 300)
{
	struct guest *guest = &self->guest;
	struct writer writers[2] = {};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++) {
		writers[i] = (struct writer){ .guest = guest, .seed = SEED + i };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_rings, &writers[i]));
	}
	for (int round = 0; round < LONG(100, 1000); round++) {
		EXPECT_EQ(0, guest_start_driver(guest, ALL_FEATURES & ~(round & 1 ?
					BIT_OF(VIRTIO_RING_F_EVENT_IDX) : 0)));
		for (int queue = 0; queue < QUEUES; queue++)
			guest_kick(guest, queue);
		usleep(mem_draw(&writers[0].seed) % 10000);
	}
	for (int i = 0; i < 2; i++) {
		writers[i].stop = true;
		pthread_join(threads[i], NULL);
	}
	EXPECT_TRUE(neighbour_is_well(self));
}

/* VMMs that come, bind, work and go, by themselves or killed. */
TEST_F_TIMEOUT(attacks, churn, 300)
{
	struct guest *guest = &self->guest;
	uint64_t state = SEED;
	int status;

	guest_end(guest);
	self->begun = false;
	for (int round = 0; round < LONG(20, 100); round++) {
		unsigned int wait = mem_draw(&state) % 60000;
		pid_t child = fork();

		if (!child) {
			struct writer writer = { .guest = guest, .seed = round };
			pthread_t thread;

			if (guest_begin(guest, NAME, round & 1 ? MEMFD : ANONYMOUS, SIZE))
				_exit(1);
			if (round % 3 == 0)
				guest_set(guest, "stats_seconds", 1);
			if (guest_start_driver(guest, ALL_FEATURES))
				_exit(2);
			pthread_create(&thread, NULL, write_rings, &writer);
			usleep(wait / 2);
			if (round % 5 == 0)
				_exit(0);
			for (;;)
				if (guest_start_driver(guest, ALL_FEATURES))
					_exit(3);
		}
		usleep(wait);
		kill(child, SIGKILL);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) || !WEXITSTATUS(status)) {
			TH_LOG("round %d ended with %d", round, WEXITSTATUS(status));
		}
	}
	EXPECT_TRUE(neighbour_is_well(self));
	ASSERT_EQ(0, guest_begin(guest, NAME, MEMFD, SIZE));
	self->begun = true;
}

TEST_HARNESS_MAIN
