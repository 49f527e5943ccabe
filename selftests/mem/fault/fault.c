// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot be had: each allocation that an act makes fails once, the first in the
 * first attempt, the second in the second, until the act goes through with none that has failed.
 * What is refused has changed nothing, and no byte of the file is ever another. Then
 * everybody works at once, the scanner's thread with them, while many allocations fail.
 */
#include <pthread.h>
#include <stdarg.h>
#include <time.h>

#include "kselftest_harness.h"
#include "../common.h"
#include "../../netlink/fault/inject.h"

#define PAGES_SMALL	64u
#define PAGES_HUGE	1024u		/* two of 2M */
#define HOLE		9u		/* the page that is made, of the second 2M if large */
#define STORED		21u		/* the page that is brought back */
#define FEW		(16 * PAGE)	/* the limit that brings the others into the store */
#define ATTEMPTS	5000	/* allocations of an act */
#define PATIENCE	60
#define SECONDS		3
#define SECONDS_LONG	60
#define PERCENT		10
#define WRITERS		3

static char where[64];
/* What a second mount is tried with. */
static char others[128];
static char failure[256], report[64];
static char *want;

/* The file that is tried. */
struct world {
	int fd;
	char *at;
	size_t size;
};

FIXTURE(fault)
{
	struct world world;
	/* Swap files of the mount and of another one. */
	int disks[2];
};

FIXTURE_VARIANT(fault)
{
	const char *options;
	unsigned int pages;
	bool swapped;
};

FIXTURE_VARIANT_ADD(fault, small)
{
	.options = "file_limit=0",
	.pages = PAGES_SMALL,
};

FIXTURE_VARIANT_ADD(fault, huge)
{
	.options = "file_limit=0,huge=within_size",
	.pages = PAGES_HUGE,
};

FIXTURE_VARIANT_ADD(fault, swapped)
{
	.options = "file_limit=0,compress=off",
	.pages = PAGES_SMALL,
	.swapped = true,
};

FIXTURE_VARIANT_ADD(fault, swapped_huge)
{
	.options = "file_limit=0,compress=off,huge=within_size",
	.pages = PAGES_HUGE,
	.swapped = true,
};

/* Keep what went wrong first; always false. */
static bool __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!failure[0])
		vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	return false;
}

/* Which page is a hole, or becomes one. */
static size_t hole(const struct world *world)
{
	return (world->size == PAGES_HUGE * PAGE ? HUGE : 0) + HOLE * PAGE;
}

/* What the file is to hold: a word for each page, but every eighth is zeros. */
static void invent(const struct world *world)
{
	for (size_t i = 0; i < world->size / 4; i++) {
		size_t page = i * 4 / PAGE;
		bool zero = page % 8 == 3 || page * PAGE == hole(world) ||
			    (world->size == PAGES_HUGE * PAGE && page >= HUGE / PAGE);

		((uint32_t *)want)[i] = zero ? 0 : (page * 2654435761u) | 1;
	}
}

FIXTURE_SETUP(fault)
{
	const char *missing = mem_missing();
	struct world *world = &self->world;
	char options[256], device[2][64];

	world->fd = -1;
	self->disks[0] = -1;
	self->disks[1] = -1;
	world->size = variant->pages * PAGE;
	if (missing)
		SKIP(return, "%s", missing);
	missing = inject_prepare();
	if (missing) {
		inject_restore();
		SKIP(return, "no %s: the kernel has no fault injection (debug kernel)", missing);
	}
	mem_set_defaults();
	want = malloc(world->size);
	ASSERT_NE(NULL, want);
	for (int i = 0; i < 2 && variant->swapped; i++) {
		self->disks[i] = mem_disk(2 * world->size);
		ASSERT_LE(0, self->disks[i]);
		ASSERT_TRUE(mem_name_of(self->disks[i], device[i], sizeof(device[i])));
	}
	snprintf(options, sizeof(options), "%s%s%s", variant->options,
		 variant->swapped ? ",swap=" : "", variant->swapped ? device[0] : "");
	snprintf(others, sizeof(others), "huge=within_size,size=8M%s%s",
		 variant->swapped ? ",swap=" : "", variant->swapped ? device[1] : "");
	world->fd = mem_begin(where, options, world->size, &world->at);
	ASSERT_LE(0, world->fd);
	invent(world);
}

FIXTURE_TEARDOWN(fault)
{
	struct world *world = &self->world;

	inject_rate(0);
	inject_restore();
	if (world->fd >= 0) {
		EXPECT_EQ(0, mem_end(where, world->fd, world->at, world->size));
	}
	for (int i = 0; i < 2; i++)
		if (self->disks[i] >= 0)
			close(self->disks[i]);
	free(want);
}

static bool set_limit(uint64_t limit)
{
	char option[64];

	snprintf(option, sizeof(option), "file_limit=%llu", (unsigned long long)limit);
	return !mem_remount(where, option) || say("the limit cannot be set");
}

/* All of it as it is to be, in the cache, but the hole. */
static bool all_in(const struct world *world)
{
	const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	size_t pages = world->size / PAGE, end = world->size > HUGE ? HUGE / PAGE : pages;

	if (!set_limit(0) || (end < pages && fallocate(world->fd, how, end * PAGE,
						       world->size - end * PAGE)))
		return say("the file cannot be emptied");
	memcpy(world->at, want, end * PAGE);
	if (fallocate(world->fd, how, hole(world), PAGE) || mem_settle())
		return say("no hole can be made");
	return true;
}

/* As much as can be in the store. */
static bool all_stored(const struct world *world)
{
	if (!all_in(world) || !set_limit(FEW))
		return false;
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mem_stat(world->fd, "mem-resident") <= FEW)
			return set_limit(0);
		usleep(10000);
	}
	return say("%llu bytes are resident",
		   (unsigned long long)mem_stat(world->fd, "mem-resident"));
}

/* One page more, and others have to go. */
static bool at_limit(const struct world *world)
{
	return all_in(world) && set_limit(mem_stat(world->fd, "mem-resident"));
}

/* Every byte, by read() and through the mapping; and nothing is charged that is not there. */
static bool check(const struct world *world)
{
	static char page[PAGE];

	for (size_t at = 0; at < world->size; at += PAGE) {
		if (pread(world->fd, page, PAGE, at) != (ssize_t)PAGE)
			return say("page %zu cannot be read: %s", at / PAGE, strerror(errno));
		if (memcmp(page, want + at, PAGE))
			return say("page %zu is another by read()", at / PAGE);
	}
	if (memcmp(world->at, want, world->size))
		return say("the mapping shows other bytes");
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (mem_used(where) == mem_stat(world->fd, "mem-resident"))
			return true;
		usleep(10000);
	}
	return say("%llu bytes are charged", (unsigned long long)mem_used(where));
}

static int touch(const struct world *world, size_t at, size_t size)
{
	return madvise(world->at + at, size, MADV_POPULATE_WRITE) ? -errno : 0;
}

static int touch_hole(const struct world *world)
{
	return touch(world, hole(world), PAGE);
}

static int touch_stored(const struct world *world)
{
	return touch(world, STORED * PAGE, 4 * PAGE);
}

/* What a call has done of what it was to do: all, or nothing with an error. */
static int done(ssize_t got, ssize_t all)
{
	return got < 0 ? -errno : got == all ? 0 : -EIO;
}

static int write_hole(const struct world *world)
{
	return done(pwrite(world->fd, want + hole(world), PAGE, hole(world)), PAGE);
}

static int read_stored(const struct world *world)
{
	static char page[PAGE];
	int ret = done(pread(world->fd, page, PAGE, STORED * PAGE), PAGE);

	return ret || !memcmp(page, want + STORED * PAGE, PAGE) ? ret : -EILSEQ;
}

static int write_stored(const struct world *world)
{
	static const char word[8] = "written";
	size_t at = STORED * PAGE + 100;
	int ret = done(pwrite(world->fd, word, sizeof(word), at), sizeof(word));

	if (!ret)
		memcpy(want + at, word, sizeof(word));
	return ret;
}

static int allocate(const struct world *world)
{
	return fallocate(world->fd, 0, 0, world->size) ? -errno : 0;
}

static int punch(const struct world *world)
{
	size_t at = STORED * PAGE + 100, size = 3 * PAGE;
	int ret = fallocate(world->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size) ?
		  -errno : 0;

	if (!ret)
		memset(want + at, 0, size);
	return ret;
}

/* Cut in the middle of a page, and as long again. */
static int cut(const struct world *world)
{
	size_t at = STORED * PAGE + 100;
	int ret = ftruncate(world->fd, at) ? -errno : 0, again;

	inject_pause(true);
	again = ret ? 0 : ftruncate(world->fd, world->size);
	inject_pause(false);
	if (!ret)
		memset(want + at, 0, world->size - at);
	return ret ?: again;
}

/* Another file comes, gets a page and goes. */
static int create(const struct world *world)
{
	char path[PATH_MAX], page[PAGE];
	int fd, ret = 0;

	(void)world;
	snprintf(path, sizeof(path), "%s/other", where);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 2 * PAGE) || pwrite(fd, "", 1, PAGE) != 1 ||
	    pread(fd, page, PAGE, 0) != (ssize_t)PAGE)
		ret = -errno;
	inject_pause(true);
	if (fd >= 0)
		close(fd);
	unlink(path);
	inject_pause(false);
	return ret;
}

static int mount_another(const struct world *world)
{
	char other[64];
	int ret;

	(void)world;
	snprintf(other, sizeof(other), "/tmp/vmramfs-other");
	inject_pause(true);
	mkdir(other, 0700);
	inject_pause(false);
	ret = mount("none", other, "vmramfs", 0, others) ? -errno : 0;
	inject_pause(true);
	if (!ret)
		umount(other);
	rmdir(other);
	inject_pause(false);
	return ret;
}

static bool attempt(const struct world *world, bool (*prepare)(const struct world *world),
		    int (*act)(const struct world *world), unsigned int nth, unsigned int *refused,
		    bool *through)
{
	int ret;

	invent(world);
	if (!prepare(world))
		return false;
	inject_arm(nth);
	ret = act(world);
	*through = !inject_disarm();
	if (ret && (*through || ret != -ENOMEM))
		return say("allocation %u: %s", nth, strerror(-ret));
	*refused += !!ret;
	if (!check(world))
		return false;
	/* What was refused can be asked for again. */
	ret = ret ? act(world) : 0;
	return !ret || say("refused again after allocation %u: %s", nth, strerror(-ret));
}

static bool try_all(const struct world *world, bool (*prepare)(const struct world *world),
		    int (*act)(const struct world *world))
{
	unsigned int nth, failed = 0, refused = 0;
	bool through = false, right = true;

	failure[0] = 0;
	/* Of an act that makes hundreds they are all alike. */
	for (nth = 1; right && !through && nth < ATTEMPTS; nth += 1 + nth / 16 * 4) {
		right = attempt(world, prepare, act, nth, &refused, &through);
		failed += !through;
	}
	snprintf(report, sizeof(report), "%u allocations failed, %u refusals", failed, refused);
	return right && through;
}

#define TRY(name, prepare, act) do {				\
	EXPECT_TRUE(try_all(&self->world, prepare, act))		\
		TH_LOG("%s", failure);				\
	TH_LOG(name ": %s", report);				\
} while (0)

TEST_F_TIMEOUT(fault, nothing_is_lost, 900)
{
	TRY("touch a hole", all_in, touch_hole);
	TRY("write to a hole", all_in, write_hole);
	TRY("touch what is stored", all_stored, touch_stored);
	TRY("read what is stored", all_stored, read_stored);
	TRY("write to what is stored", all_stored, write_stored);
	TRY("make room", at_limit, touch_hole);
	TRY("allocate", all_stored, allocate);
	TRY("punch what is stored", all_stored, punch);
	TRY("punch", all_in, punch);
	TRY("cut what is stored", all_stored, cut);
	TRY("cut", all_in, cut);
	TRY("make a file", all_in, create);
	TRY("mount", all_in, mount_another);
}

/**
 * struct worker - one of those who write at once
 * @world: the file
 * @number: which one; its word stands at 8 times this in each page
 * @calls: by read() and write(), else through the mapping
 * @wrote: what it has written, by page
 * @rounds: words checked and written
 * @errors: words that were lost
 * @refused: calls that got no memory
 */
struct worker {
	const struct world *world;
	unsigned int number;
	bool calls;
	uint32_t wrote[PAGES_HUGE];
	uint64_t rounds, errors, refused;
};

static int stop;

/* Again until there is memory for it. */
static void transfer(struct worker *worker, bool write, uint32_t *word, size_t at)
{
	ssize_t got;

	if (!worker->calls && write) {
		__atomic_store_n((uint32_t *)(worker->world->at + at), *word, __ATOMIC_RELAXED);
		return;
	}
	if (!worker->calls) {
		*word = __atomic_load_n((uint32_t *)(worker->world->at + at), __ATOMIC_RELAXED);
		return;
	}
	do {
		got = write ? pwrite(worker->world->fd, word, 4, at) :
			      pread(worker->world->fd, word, 4, at);
		worker->refused += got != 4;
	} while (got < 0 && errno == ENOMEM);
	worker->errors += got != 4;
}

static void *work(void *data)
{
	struct worker *worker = data;
	uint64_t state = worker->number + 1;
	size_t pages = worker->world->size / PAGE;

	if (inject_self(true))
		worker->errors++;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		size_t page = mem_draw(&state) % pages, at = page * PAGE + 8 * worker->number;
		uint32_t word = ~0u;

		transfer(worker, false, &word, at);
		worker->errors += word != worker->wrote[page];
		/* Three of four are zeros, so that pages become zeros and stop to be. */
		word = mem_draw(&state);
		worker->wrote[page] = word & 3 ? 0 : word | 1;
		transfer(worker, true, &worker->wrote[page], at);
		worker->rounds++;
	}
	inject_self(false);
	return NULL;
}

/* Whether all had a turn, and pages have gone and come back. */
static bool all_worked(const struct world *world, const struct worker *workers)
{
	for (int i = 0; i < WRITERS; i++)
		if (!__atomic_load_n(&workers[i].rounds, __ATOMIC_RELAXED))
			return false;
	return mem_stat(world->fd, "mem-evicted") &&
	       mem_stat(world->fd, "mem-faults-stored") + mem_stat(world->fd, "mem-faults-swapped");
}

TEST_F_TIMEOUT(fault, nothing_is_lost_by_all_at_once, 900)
{
	static const char *const limits[] = { "file_limit=64k", "file_limit=160k", "file_limit=0" };
	static struct worker workers[WRITERS];
	time_t end = time(NULL) + (getenv("VMQOS_LONG") ? SECONDS_LONG : SECONDS);
	time_t latest = end + PATIENCE * 5;
	const struct world *world = &self->world;
	pthread_t threads[WRITERS];

	ASSERT_EQ(0, mem_remount(where, "share_zero=on"));
	ASSERT_EQ(0, mem_set_fastest());
	memset(workers, 0, sizeof(workers));
	ASSERT_LT(0, inject_named("vmqos_zero", true));
	ASSERT_EQ(0, inject_rate(PERCENT));
	for (int i = 0; i < WRITERS; i++) {
		workers[i].world = world;
		workers[i].number = i;
		workers[i].calls = i == WRITERS - 1;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, &workers[i]));
	}
	for (int i = 0; time(NULL) < end || (!all_worked(world, workers) && time(NULL) < latest);
	     i++) {
		EXPECT_EQ(0, mem_remount(where, limits[i % 3]));
		usleep(30000);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_TRUE(all_worked(world, workers));
	EXPECT_EQ(0, inject_rate(0));
	EXPECT_LT(0, inject_named("vmqos_zero", false));
	memset(want, 0, world->size);
	for (int i = 0; i < WRITERS; i++) {
		TH_LOG("worker %d: %llu rounds, %llu errors, %llu refusals", i,
		       (unsigned long long)workers[i].rounds, (unsigned long long)workers[i].errors,
		       (unsigned long long)workers[i].refused);
		EXPECT_EQ(0, workers[i].errors);
		for (size_t page = 0; page < world->size / PAGE; page++)
			memcpy(want + page * PAGE + 8 * i, &workers[i].wrote[page], 4);
	}
	TH_LOG("%llu pages stored, %llu back",
	       (unsigned long long)mem_stat(world->fd, "mem-evicted"),
	       (unsigned long long)(mem_stat(world->fd, "mem-faults-stored") +
				    mem_stat(world->fd, "mem-faults-swapped")));
	ASSERT_EQ(0, mem_remount(where, "file_limit=0,share_zero=off"));
	EXPECT_TRUE(check(world))
		TH_LOG("%s", failure);
	mem_set_defaults();
}

TEST_HARNESS_MAIN
