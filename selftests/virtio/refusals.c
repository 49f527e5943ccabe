// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that must not be given to the host is not, its contents stay, and the reason is
 * counted.
 */
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "driver.h"

#define NAME	"vmqos-refuse"
#define SIZE	(16 * MIB)
#define SEED	3
#define FIRST	256u
#define NR	512u

FIXTURE(refusals)
{
	bool added;
	bool begun;
	struct guest guest;
};

FIXTURE_VARIANT(refusals)
{
	enum backing backing;
};

FIXTURE_VARIANT_ADD(refusals, memfd) { .backing = MEMFD };
FIXTURE_VARIANT_ADD(refusals, vmramfs) { .backing = VMRAMFS };
FIXTURE_VARIANT_ADD(refusals, anonymous) { .backing = ANONYMOUS };

FIXTURE_SETUP(refusals)
{
	const char *missing = virtio_missing();

	if (!missing && variant->backing == VMRAMFS)
		missing = mem_missing();
	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, guest_add_device(NAME));
	self->added = true;
	ASSERT_EQ(0, guest_begin(&self->guest, NAME, variant->backing, SIZE));
	self->begun = true;
	ASSERT_EQ(0, guest_start_driver(&self->guest, ALL_FEATURES));
	guest_fill(&self->guest, 0, guest_pages(&self->guest), SEED);
}

FIXTURE_TEARDOWN(refusals)
{
	if (self->begun)
		guest_end(&self->guest);
	if (self->added) {
		EXPECT_EQ(0, guest_del_device(NAME));
	}
}

/* Inflates what has been prepared in the middle of NR pages, @count of them. */
static void expect_refused(struct __test_metadata *_metadata, struct guest *guest,
			   const char *reason, uint32_t from, uint32_t count)
{
	char name[64];

	snprintf(name, sizeof(name), "inflate-refused-%s", reason);
	ASSERT_EQ(0, guest_inflate(guest, FIRST, NR));
	EXPECT_EQ(count, guest_figure(guest, name)) {
		TH_LOG("%s", guest_text(guest, "figures"));
	}
	EXPECT_EQ(NR - count, guest_figure(guest, "inflate-given"));
	EXPECT_EQ(0, guest_wrong(guest, from, count, SEED));
	EXPECT_EQ(NR - count, guest_zeros(guest, FIRST, NR));
	EXPECT_EQ(NR - count, guest_wrong(guest, 0, guest_pages(guest), SEED));
	EXPECT_EQ(NR * PAGE, guest_actual(guest));
}

TEST_F_TIMEOUT(refusals, locked, 300)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, mlock(guest->mem + 300 * PAGE, 100 * PAGE));
	expect_refused(_metadata, guest, "locked", 300, 100);
}

TEST_F_TIMEOUT(refusals, readonly, 300)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, mprotect(guest->mem + 300 * PAGE, 100 * PAGE, PROT_READ));
	expect_refused(_metadata, guest, "readonly", 300, 100);
}

TEST_F_TIMEOUT(refusals, pinned, 300)
{
	struct guest *guest = &self->guest;
	struct io_uring_params params = {};
	struct iovec buffer = { .iov_base = guest->mem + 300 * PAGE, .iov_len = 10 * PAGE };
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	ASSERT_LE(0, ring);
	ASSERT_EQ(0, syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1));
	expect_refused(_metadata, guest, "pinned", 300, 10);
	close(ring);
}

TEST_F_TIMEOUT(refusals, watched, 300)
{
	struct guest *guest = &self->guest;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)guest->mem + 300 * PAGE, 100 * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (variant->backing == VMRAMFS)
		SKIP(return, "vmramfs takes no userfaultfd");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &range));
	expect_refused(_metadata, guest, "watched", 300, 100);
	close(fd);
}

/* Of another mapping than the guest's memory nothing but zeros could come back. */
TEST_F_TIMEOUT(refusals, private_file, 300)
{
	struct guest *guest = &self->guest;
	int fd = memfd_create("private", MFD_CLOEXEC);

	ASSERT_EQ(0, ftruncate(fd, 100 * PAGE));
	ASSERT_NE(MAP_FAILED, mmap(guest->mem + 300 * PAGE, 100 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_FIXED, fd, 0));
	guest_fill(guest, 300, 100, SEED);
	expect_refused(_metadata, guest, "special", 300, 100);
	close(fd);
}

TEST_F_TIMEOUT(refusals, nothing_there, 300)
{
	struct guest *guest = &self->guest;

	munmap(guest->mem + FIRST * PAGE, NR * PAGE);
	ASSERT_EQ(0, guest_inflate(guest, FIRST, NR));
	EXPECT_EQ(0, guest_figure(guest, "inflate-given"));
	EXPECT_EQ(NR, guest_figure(guest, "inflate-refused-foreign"));
	EXPECT_EQ(0, guest_wrong(guest, 0, FIRST, SEED));
}

/* What is given to the host is given through the VMM's rights to the file. */
TEST_F_TIMEOUT(refusals, sealed_file, 300)
{
	struct guest *guest = &self->guest;
	int fd;

	if (variant->backing != MEMFD)
		SKIP(return, "of memfd only");
	fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_EQ(0, ftruncate(fd, 100 * PAGE));
	ASSERT_NE(MAP_FAILED, mmap(guest->mem + 300 * PAGE, 100 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, fd, 0));
	guest_fill(guest, 300, 100, SEED);
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	expect_refused(_metadata, guest, "failed", 300, 100);
	EXPECT_EQ((uint64_t)-EPERM, guest_figure(guest, "inflate-error"));
	close(fd);
}

TEST_HARNESS_MAIN
