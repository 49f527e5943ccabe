// SPDX-License-Identifier: GPL-2.0
/*
 * Devices and balloons through the netlink interface: they are made and deleted, found for
 * their VMs, and do what they are asked.
 */
#include <sys/syscall.h>
#include <vmqos/vmqos.h>

#include "kselftest_harness.h"
#include "driver.h"

#define NAME	"vmqos-ctl"
#define SIZE	(32 * MIB)
#define SEED	11

FIXTURE(control)
{
	struct vmqos *ctx;
	bool begun;
	struct guest guest;
	uint32_t vm;
};

FIXTURE_SETUP(control)
{
	const char *missing = virtio_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, vmqos_open(&self->ctx)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
	/* What a test has left behind that was killed. */
	vmqos_virtio_del(self->ctx, NAME);
}

FIXTURE_TEARDOWN(control)
{
	if (self->vm)
		vmqos_vm_release_wait(self->ctx, self->vm, 60000);
	if (self->begun)
		guest_end(&self->guest);
	if (self->ctx)
		vmqos_virtio_del(self->ctx, NAME);
	vmqos_close(self->ctx);
}

static bool listed(struct vmqos *ctx, const char *name)
{
	struct vmqos_device *devices;
	bool found = false;
	size_t count;

	if (vmqos_virtio_dump(ctx, &devices, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		found |= !strcmp(devices[i].name, name);
	free(devices);
	return found;
}

static bool gone(struct vmqos *ctx, const char *name, unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds * 100; i++) {
		if (!listed(ctx, name))
			return true;
		usleep(10000);
	}
	return false;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* A VMM with anonymous memory, whose VM is adopted, and a driver that is ready. */
#define BEGIN_GUEST(backing)	do {						\
	ASSERT_EQ(0, guest_begin(&self->guest, NAME, backing, SIZE));		\
	self->begun = true;							\
	ASSERT_EQ(0, guest_start_driver(&self->guest, ALL_FEATURES));		\
} while (0)

#define ADOPT()	do {								\
	struct vmqos_vm adopted;						\
										\
	ASSERT_EQ(0, vmqos_vm_adopt_fd(self->ctx, self->guest.vm, getpid(), NULL, &adopted)) { \
		TH_LOG("%s", vmqos_error(self->ctx));				\
	}									\
	self->vm = adopted.id;							\
} while (0)

#define ADD()	ASSERT_EQ(0, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, NAME, NULL))

TEST_F_TIMEOUT(control, made_and_deleted, 300)
{
	struct vmqos_device device;
	double begin, took, best = 1e9;
	char path[64];

	ASSERT_EQ(0, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, NAME, &device));
	EXPECT_STREQ(NAME, device.name);
	EXPECT_EQ(VMQOS_DEVICE_BALLOON, (int)device.type);
	EXPECT_FALSE(device.in_use);
	EXPECT_FALSE(device.going);
	ASSERT_TRUE(device.has & VMQOS_HAS(VMQOS_DEVICE_VHOST));
	EXPECT_FALSE(device.has & VMQOS_HAS(VMQOS_DEVICE_PID));
	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/" NAME "/vhost-vdpa-%u", device.vhost);
	EXPECT_EQ(0, access(path, F_OK));
	EXPECT_TRUE(listed(self->ctx, NAME));
	EXPECT_EQ(-EEXIST, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, NAME, NULL));
	EXPECT_TRUE(listed(self->ctx, NAME));
	/* The machine may stand still, but not always. */
	for (int i = 0; i < 3; i++) {
		if (i) {
			ADD();
		}
		begin = seconds();
		EXPECT_EQ(0, vmqos_virtio_del(self->ctx, NAME)) {
			TH_LOG("%s", vmqos_error(self->ctx));
		}
		took = seconds() - begin;
		best = took < best ? took : best;
	}
	EXPECT_GT(1, best);
	EXPECT_FALSE(listed(self->ctx, NAME));
	EXPECT_EQ(-ENOENT, vmqos_virtio_del(self->ctx, NAME));
	EXPECT_EQ(-1, access("/sys/bus/vdpa/devices/" NAME, F_OK));
}

/* Without a name one is found; names that the bus could not have are refused. */
TEST_F_TIMEOUT(control, names, 300)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "-a", "a b", "\x80" };
	struct vmqos_device one, other;

	ASSERT_EQ(0, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, NULL, &one));
	ASSERT_EQ(0, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, NULL, &other));
	EXPECT_STRNE(one.name, other.name);
	EXPECT_EQ(0, strncmp(one.name, "balloon", 7));
	EXPECT_EQ(0, vmqos_virtio_del(self->ctx, one.name));
	EXPECT_EQ(0, vmqos_virtio_del(self->ctx, other.name));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, bad[i],
						    NULL)) {
			TH_LOG("'%s'", bad[i]);
		}
	}
	EXPECT_GT(0, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON,
				      "a-name-of-two-and-thirty-letters", NULL));
	EXPECT_GT(0, vmqos_virtio_add(self->ctx, 1, NAME, NULL));
	EXPECT_FALSE(listed(self->ctx, NAME));
}

/* Those of the vDPA bus's own tool are ours as well, and the other way round. */
TEST_F_TIMEOUT(control, beside_the_bus, 300)
{
	ASSERT_EQ(0, guest_add_device(NAME));
	EXPECT_TRUE(listed(self->ctx, NAME));
	EXPECT_EQ(-EEXIST, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, NAME, NULL));
	EXPECT_EQ(0, vmqos_virtio_del(self->ctx, NAME));
	ADD();
	EXPECT_EQ(0, system("vdpa dev show " NAME " >/dev/null"));
	EXPECT_EQ(0, guest_del_device(NAME));
	EXPECT_FALSE(listed(self->ctx, NAME));
}

TEST_F_TIMEOUT(control, in_use, 300)
{
	struct vmqos_device device;
	char pid[16];

	ADD();
	BEGIN_GUEST(MEMFD);
	EXPECT_EQ(-EBUSY, vmqos_virtio_del(self->ctx, NAME));
	snprintf(pid, sizeof(pid), "%d (", getpid());
	EXPECT_NE(NULL, strstr(vmqos_error(self->ctx), pid)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
	ASSERT_EQ(0, vmqos_virtio_get(self->ctx, NAME, &device));
	EXPECT_TRUE(device.in_use);
	EXPECT_FALSE(device.going);
	EXPECT_EQ(getpid(), (int)device.pid);
	EXPECT_EQ(READY, device.status);
	EXPECT_EQ(ALL_FEATURES, device.features);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "vmqos_virtio", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	EXPECT_EQ(0, system("rmmod vmqos_virtio 2>&1 | grep -q 'Module vmqos_virtio is in use'"));
	/* It goes on to work. */
	EXPECT_EQ(0, guest_inflate(&self->guest, 0, 256));
	guest_end(&self->guest);
	self->begun = false;
	EXPECT_EQ(0, vmqos_virtio_del(self->ctx, NAME)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
}

/* The bus's tool cannot be refused: the device goes with its VMM, and nothing hangs. */
TEST_F_TIMEOUT(control, deleted_in_use, 300)
{
	struct vmqos_device device;

	ADD();
	BEGIN_GUEST(MEMFD);
	EXPECT_EQ(0, guest_del_device(NAME));
	ASSERT_EQ(0, vmqos_virtio_get(self->ctx, NAME, &device));
	EXPECT_TRUE(device.going);
	EXPECT_TRUE(device.in_use);
	EXPECT_EQ(0, guest_inflate(&self->guest, 0, 256));
	EXPECT_EQ(-EBUSY, vmqos_virtio_del(self->ctx, NAME));
	EXPECT_EQ(0, system("vdpa dev show >/dev/null"));
	guest_end(&self->guest);
	self->begun = false;
	EXPECT_TRUE(gone(self->ctx, NAME, 10));
}

/* Who has it open and has not attached it does not keep the request waiting. */
TEST_F_TIMEOUT(control, open_only, 300)
{
	double begin;
	int fd;

	ADD();
	fd = guest_open_device(NAME);
	ASSERT_LE(0, fd);
	begin = seconds();
	EXPECT_EQ(-EBUSY, vmqos_virtio_del(self->ctx, NAME));
	EXPECT_GT(5, seconds() - begin);
	EXPECT_TRUE(listed(self->ctx, NAME));
	EXPECT_EQ(-1, ioctl(fd, VHOST_SET_OWNER, NULL));
	close(fd);
	EXPECT_TRUE(gone(self->ctx, NAME, 10));
}

static bool wait_told(struct guest *guest, uint32_t pages)
{
	struct virtio_balloon_config config = {};

	for (int i = 0; i < 6000; i++) {
		if (!guest_read_config(guest, &config) && config.num_pages == pages)
			return true;
		usleep(10000);
	}
	return false;
}

/* A balloon finds its VM, and does what it is asked. */
TEST_F_TIMEOUT(control, target, 300)
{
	struct vmqos_balloon_settings settings = {
		.set = VMQOS_HAS(VMQOS_BALLOON_TARGET) | VMQOS_HAS(VMQOS_BALLOON_REASON) |
		       VMQOS_HAS(VMQOS_BALLOON_DEADLINE_MS),
		.target = 8 * MIB, .reason = "test-reason", .deadline_ms = 60000,
	};
	struct guest *guest = &self->guest;
	struct vmqos_balloon balloon;
	struct vmqos_device device;
	uint64_t before;

	ADD();
	BEGIN_GUEST(ANONYMOUS);
	guest_fill(guest, 0, guest_pages(guest), SEED);
	ADOPT();
	ASSERT_EQ(0, vmqos_virtio_get(self->ctx, NAME, &device));
	EXPECT_EQ(self->vm, device.vm_id);
	ASSERT_EQ(0, vmqos_balloon_get(self->ctx, self->vm, &balloon));
	EXPECT_STREQ(NAME, balloon.device);
	EXPECT_EQ(VMQOS_BALLOON_KERNEL, (int)balloon.backend);
	EXPECT_EQ(VMQOS_BALLOON_REACHED, (int)balloon.state);
	EXPECT_EQ(0, balloon.target);
	EXPECT_EQ(0, balloon.target_ns);
	EXPECT_EQ(SIZE, balloon.memory);
	EXPECT_FALSE(balloon.has & VMQOS_HAS(VMQOS_BALLOON_STATS));
	ASSERT_EQ(0, vmqos_balloon_set(self->ctx, self->vm, &settings, &balloon)) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
	EXPECT_EQ(VMQOS_BALLOON_MOVING, (int)balloon.state);
	EXPECT_STREQ("test-reason", balloon.reason);
	EXPECT_EQ(60000, balloon.deadline_ms);
	EXPECT_NE(0, balloon.target_ns);
	ASSERT_TRUE(wait_told(guest, 8 * MIB / PAGE));
	before = guest_resident(guest);
	ASSERT_EQ(0, guest_inflate(guest, 100, 8 * MIB / PAGE));
	EXPECT_LE(8 * MIB / 100 * 97, before - guest_resident(guest));
	ASSERT_EQ(0, vmqos_balloon_get(self->ctx, self->vm, &balloon));
	EXPECT_EQ(VMQOS_BALLOON_REACHED, (int)balloon.state);
	EXPECT_EQ(8 * MIB, balloon.actual);
	EXPECT_EQ(8 * MIB, balloon.moved);
	EXPECT_EQ(8 * MIB, balloon.given);
	EXPECT_EQ(8 * MIB, balloon.inflated);
	EXPECT_LT(balloon.target_ns, balloon.progress_ns);
	EXPECT_LE(balloon.progress_ns, balloon.time_ns);
	EXPECT_LT(0, balloon.speed);
	EXPECT_EQ(ALL_FEATURES, balloon.features);
	/* By its device as well, and back. */
	settings = (struct vmqos_balloon_settings){ .set = VMQOS_HAS(VMQOS_BALLOON_TARGET) };
	ASSERT_EQ(0, vmqos_balloon_set_device(self->ctx, NAME, &settings, &balloon));
	EXPECT_STREQ("request", balloon.reason);
	EXPECT_EQ(0, balloon.deadline_ms);
	ASSERT_TRUE(wait_told(guest, 0));
	ASSERT_EQ(0, guest_deflate(guest, 100, 8 * MIB / PAGE));
	ASSERT_EQ(0, vmqos_balloon_get_device(self->ctx, NAME, &balloon));
	EXPECT_EQ(VMQOS_BALLOON_REACHED, (int)balloon.state);
	EXPECT_EQ(8 * MIB, balloon.moved);
	EXPECT_EQ(8 * MIB, balloon.deflated);
	EXPECT_EQ(0, guest_wrong(guest, 0, 100, SEED));
}

/* What is refused changes nothing. */
TEST_F_TIMEOUT(control, refusals, 300)
{
	static const struct vmqos_balloon_settings bad[] = {
		{ .set = VMQOS_HAS(VMQOS_BALLOON_TARGET), .target = SIZE },
		{ .set = VMQOS_HAS(VMQOS_BALLOON_TARGET), .target = UINT64_MAX },
		{ .set = VMQOS_HAS(VMQOS_BALLOON_REASON), .reason = "alone" },
		{ .set = VMQOS_HAS(VMQOS_BALLOON_DEADLINE_MS), .deadline_ms = 5 },
		{ .set = VMQOS_HAS(VMQOS_BALLOON_TARGET) | VMQOS_HAS(VMQOS_BALLOON_REASON),
		  .target = MIB, .reason = "two words" },
		{ .set = VMQOS_HAS(VMQOS_BALLOON_TARGET) | VMQOS_HAS(VMQOS_BALLOON_DEADLINE_MS),
		  .target = MIB, .deadline_ms = 86400001 },
		{ .set = VMQOS_HAS(VMQOS_BALLOON_TARGET) |
			 VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS),
		  .target = MIB, .stats_seconds = 86401 },
	};
	struct vmqos_balloon balloon;

	ADD();
	BEGIN_GUEST(ANONYMOUS);
	ADOPT();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_GT(0, vmqos_balloon_set(self->ctx, self->vm, &bad[i], NULL)) {
			TH_LOG("bad setting %zu", i);
		}
		EXPECT_LT(20u, strlen(vmqos_error(self->ctx)));
	}
	ASSERT_EQ(0, vmqos_balloon_get(self->ctx, self->vm, &balloon));
	EXPECT_EQ(0, balloon.target);
	EXPECT_EQ(0, balloon.target_ns);
	EXPECT_EQ(0, balloon.stats_seconds);
	EXPECT_FALSE(balloon.has & VMQOS_HAS(VMQOS_BALLOON_REASON));
	EXPECT_EQ(-ENOENT, vmqos_balloon_get(self->ctx, 0x7ffffffe, &balloon));
	EXPECT_EQ(-ENOENT, vmqos_balloon_get_device(self->ctx, "nothing", &balloon));
}

/* Statistics have an age, and come as often as they are asked for. */
TEST_F_TIMEOUT(control, statistics, 300)
{
	struct vmqos_balloon_settings settings = {
		.set = VMQOS_HAS(VMQOS_BALLOON_STATS_SECONDS), .stats_seconds = 1,
	};
	struct guest *guest = &self->guest;
	struct virtio_balloon_stat *stats = guest_scratch(guest);
	struct vring_desc part;
	struct vmqos_balloon balloon = { .has = 0 };

	ADD();
	BEGIN_GUEST(ANONYMOUS);
	ADOPT();
	stats = guest_scratch(guest);
	part = (struct vring_desc){ .addr = guest_address(guest, stats),
				    .len = STATS_NR * sizeof(*stats) };
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < STATS_NR; i++)
			stats[i] = (struct virtio_balloon_stat){ .tag = i,
								 .val = 1000 * round + i };
		guest_add(guest, STATS, &part, 1, 1);
		guest_kick(guest, STATS);
		for (int i = 0; i < 6000; i++) {
			ASSERT_EQ(0, vmqos_balloon_get(self->ctx, self->vm, &balloon));
			if (balloon.stats.total == 1000u * round + VIRTIO_BALLOON_S_MEMTOT)
				break;
			usleep(10000);
		}
		EXPECT_EQ(1000 * round + VIRTIO_BALLOON_S_SWAP_IN, balloon.stats.swap_in);
		EXPECT_EQ(1000 * round + VIRTIO_BALLOON_S_MAJFLT, balloon.stats.faults_major);
		EXPECT_EQ(1000 * round + VIRTIO_BALLOON_S_MEMFREE, balloon.stats.free);
		EXPECT_EQ(1000 * round + VIRTIO_BALLOON_S_AVAIL, balloon.stats.available);
		EXPECT_EQ(1000 * round + VIRTIO_BALLOON_S_OOM_KILL, balloon.stats.oom_kills);
		EXPECT_LE(balloon.stats_ns, balloon.time_ns);
		if (!round) {
			ASSERT_EQ(0, vmqos_balloon_set(self->ctx, self->vm, &settings, &balloon));
			EXPECT_EQ(1, balloon.stats_seconds);
		}
		ASSERT_LE(0, guest_wait(guest, STATS, 60));
	}
}

/* A VM without a balloon is told so; a balloon without an adopted VM is there by its device. */
TEST_F_TIMEOUT(control, no_balloon, 300)
{
	struct vmqos_balloon balloon;

	ADD();
	self->guest = (struct guest){ .fd = -1, .file = -1, .backing = ANONYMOUS, .size = SIZE };
	ASSERT_EQ(0, guest_make_memory(&self->guest));
	ADOPT();
	EXPECT_EQ(-ENXIO, vmqos_balloon_get(self->ctx, self->vm, &balloon));
	EXPECT_EQ(-ENXIO, vmqos_balloon_set(self->ctx, self->vm,
					    &(struct vmqos_balloon_settings){ .set = 0 }, NULL));
	ASSERT_EQ(0, vmqos_balloon_get_device(self->ctx, NAME, &balloon));
	EXPECT_FALSE(balloon.has & VMQOS_HAS(VMQOS_BALLOON_ID));
	EXPECT_EQ(VMQOS_BALLOON_UNUSED, (int)balloon.state);
	EXPECT_EQ(0, vmqos_vm_release_wait(self->ctx, self->vm, 60000));
	self->vm = 0;
	close(self->guest.vm);
	close(self->guest.kvm);
	munmap(self->guest.mem, SIZE);
}

/* Each module goes and comes without the other, and says when the other one is missing. */
TEST_F_TIMEOUT(control, modules, 300)
{
	struct vmqos_device *devices;
	double begin, took, best = 1e9;
	size_t count;

	/* A free device does not keep its module. The machine may stand still, but not always. */
	for (int i = 0; i < 3; i++) {
		ADD();
		begin = seconds();
		ASSERT_EQ(0, syscall(SYS_delete_module, "vmqos_virtio", O_NONBLOCK));
		took = seconds() - begin;
		best = took < best ? took : best;
		ASSERT_EQ(0, system("modprobe vmqos_virtio"));
	}
	TH_LOG("unloaded within %.2f s", best);
	EXPECT_GT(1, best);
	ASSERT_EQ(0, system("modprobe -r vmqos_virtio || rmmod vmqos_virtio"));
	EXPECT_EQ(-EOPNOTSUPP, vmqos_virtio_dump(self->ctx, &devices, &count));
	EXPECT_NE(NULL, strstr(vmqos_error(self->ctx), "vmqos_virtio")) {
		TH_LOG("%s", vmqos_error(self->ctx));
	}
	EXPECT_EQ(-EOPNOTSUPP, vmqos_virtio_add(self->ctx, VMQOS_DEVICE_BALLOON, NAME, NULL));
	ASSERT_EQ(0, system("modprobe vmqos_virtio"));
	EXPECT_FALSE(listed(self->ctx, NAME));
	ADD();
	vmqos_close(self->ctx);
	self->ctx = NULL;
	ASSERT_EQ(0, system("modprobe -r vmqos || rmmod vmqos"));
	EXPECT_EQ(0, access("/sys/bus/vdpa/devices/" NAME, F_OK));
	ASSERT_EQ(0, system("modprobe vmqos"));
	ASSERT_EQ(0, vmqos_open(&self->ctx));
	EXPECT_TRUE(listed(self->ctx, NAME));
}

TEST_HARNESS_MAIN
