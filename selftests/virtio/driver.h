/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's virtio balloon driver and its VMM, both in the test's own process: what a VMM
 * tells vhost_vdpa, and what a guest writes into its rings.
 */
#ifndef VMQOS_SELFTESTS_VIRTIO_DRIVER_H
#define VMQOS_SELFTESTS_VIRTIO_DRIVER_H

#include <dirent.h>
#include <linux/kvm.h>
#include <linux/vhost.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "../mem/common.h"

/* Younger than the headers of Debian 12. */
#ifndef VHOST_VDPA_RESUME
#define VHOST_VDPA_RESUME	_IO(VHOST_VIRTIO, 0x7e)
#endif
#ifndef VIRTIO_BALLOON_S_OOM_KILL
#define VIRTIO_BALLOON_S_OOM_KILL	10
#endif
#define STATS_NR	(VIRTIO_BALLOON_S_OOM_KILL + 1)

#define QUEUES		4
#define RING		64u
#define INFLATE		0
#define DEFLATE		1
#define STATS		2
#define REPORT		3

#define ACKED		(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define READY		(ACKED | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

#define BIT_OF(feature)	(1ull << (feature))
#define ALL_FEATURES	(BIT_OF(VIRTIO_F_VERSION_1) | BIT_OF(VIRTIO_RING_F_INDIRECT_DESC) | \
			 BIT_OF(VIRTIO_RING_F_EVENT_IDX) | \
			 BIT_OF(VIRTIO_BALLOON_F_MUST_TELL_HOST) | \
			 BIT_OF(VIRTIO_BALLOON_F_STATS_VQ) | \
			 BIT_OF(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) | \
			 BIT_OF(VIRTIO_BALLOON_F_PAGE_POISON) | \
			 BIT_OF(VIRTIO_BALLOON_F_REPORTING))

enum backing { MEMFD, HUGETLB, VMRAMFS, ANONYMOUS };

struct ring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t slot;		/* descriptor that is free next */
	uint16_t seen;		/* used buffers that were seen */
	int kick;
	int call;
};

/* Its memory begins at guest address 0; the rings and what it tells are in the last MiB. */
struct guest {
	char name[32];
	int fd;
	enum backing backing;
	int file;
	char where[64];
	char *mem;
	size_t size;
	int kvm;
	int vm;
	int config_call;
	uint64_t features;
	struct ring rings[QUEUES];
};

/* Why the tests cannot run here, or NULL. */
static inline const char *virtio_missing(void)
{
	if (geteuid())
		return "needs root";
	if (access("/sys/module/vmqos_virtio", F_OK) &&
	    system("modprobe vmqos_virtio 2>/dev/null"))
		return system("modprobe vdpa 2>/dev/null") ?
			"this kernel has no vDPA, as Linux 6.1: vmqos_virtio is not built for it" :
			"the module vmqos_virtio is neither loaded nor can modprobe load it";
	if (system("modprobe vhost_vdpa 2>/dev/null"))
		return "the module vhost_vdpa cannot be loaded";
	return NULL;
}

static inline int guest_add_device(const char *name)
{
	char command[128];

	/* One that a test has left behind that was killed. */
	snprintf(command, sizeof(command), "vdpa dev del %s 2>/dev/null", name);
	if (system(command) < 0)
		return -1;
	snprintf(command, sizeof(command), "vdpa dev add name %s mgmtdev vmqos_balloon", name);
	return system(command);
}

static inline int guest_del_device(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "vdpa dev del %s", name);
	return system(command);
}

/* Opens what vhost_vdpa has made for a device; it may take a moment. */
static inline int guest_open_device(const char *name)
{
	char path[300];
	struct dirent *entry;
	int fd = -1;
	DIR *dir;

	for (int i = 0; i < 500 && fd < 0; i++) {
		snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", name);
		dir = opendir(path);
		while (dir && fd < 0 && (entry = readdir(dir)))
			if (!strncmp(entry->d_name, "vhost-vdpa-", 11)) {
				snprintf(path, sizeof(path), "/dev/%.255s", entry->d_name);
				fd = open(path, O_RDWR | O_CLOEXEC);
			}
		if (dir)
			closedir(dir);
		if (fd < 0)
			usleep(10000);
	}
	return fd;
}

/* What a file of the device's balloon in sysfs has, whole. */
static inline char *guest_text(const struct guest *guest, const char *file)
{
	static char text[8192];
	char path[128];
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/balloon/%s", guest->name, file);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[got < 0 ? 0 : got] = 0;
	return text;
}

/* A line of such a file, by its name; UINT64_MAX when it has none. */
static inline uint64_t guest_line(const struct guest *guest, const char *file, const char *name)
{
	char *line = guest_text(guest, file);
	size_t length = strlen(name);

	for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, name, length) && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 0);
	return UINT64_MAX;
}

static inline uint64_t guest_figure(const struct guest *guest, const char *name)
{
	return guest_line(guest, "figures", name);
}

static inline uint64_t guest_actual(const struct guest *guest)
{
	return strtoull(guest_text(guest, "actual"), NULL, 10);
}

static inline int guest_set(const struct guest *guest, const char *file, uint64_t value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/balloon/%s", guest->name, file);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return mem_write_text(path, text);
}

/* Pages that were refused for any reason. */
static inline uint64_t guest_refused(const struct guest *guest, const char *prefix)
{
	char *line = guest_text(guest, "figures"), start[64];
	uint64_t sum = 0;

	snprintf(start, sizeof(start), "%s-refused-", prefix);
	for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, start, strlen(start)))
			sum += strtoull(strchr(line, ' ') + 1, NULL, 10);
	return sum;
}

static inline uint64_t guest_address(const struct guest *guest, const void *at)
{
	return (const char *)at - guest->mem;
}

/* The part of its memory that is free for tests. */
static inline size_t guest_pages(const struct guest *guest)
{
	return (guest->size - 2 * MIB) / PAGE;
}

/* A page for lists, away from the rings. */
static inline void *guest_scratch(const struct guest *guest)
{
	return guest->mem + guest->size - 2 * MIB;
}

static inline int guest_map(struct guest *guest, uint64_t at, uint64_t size, void *where, int perm)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = at, .size = size, .uaddr = (uintptr_t)where, .perm = perm,
			.type = VHOST_IOTLB_UPDATE,
		},
	};

	return write(guest->fd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -errno;
}

static inline int guest_unmap(struct guest *guest, uint64_t at, uint64_t size)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .iova = at, .size = size, .type = VHOST_IOTLB_INVALIDATE },
	};

	return write(guest->fd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -errno;
}

/* Memory slots are what tells where anonymous memory is. */
static inline int guest_make_vm(struct guest *guest)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = guest->size, .userspace_addr = (uintptr_t)guest->mem,
	};

	guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	guest->vm = guest->kvm < 0 ? -1 : ioctl(guest->kvm, KVM_CREATE_VM, 0);
	return guest->vm < 0 || ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static inline int guest_make_memory(struct guest *guest)
{
	switch (guest->backing) {
	case MEMFD:
	case HUGETLB:
		guest->file = memfd_create("guest", MFD_CLOEXEC |
					   (guest->backing == HUGETLB ? MFD_HUGETLB : 0));
		if (guest->file < 0 || ftruncate(guest->file, guest->size))
			return -errno;
		guest->mem = mem_map(guest->file, guest->size);
		break;
	case VMRAMFS:
		guest->file = mem_begin(guest->where, "size=0", guest->size, &guest->mem);
		if (guest->file < 0)
			return guest->file;
		break;
	case ANONYMOUS:
		guest->mem = mmap(NULL, guest->size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		break;
	}
	if (guest->mem == MAP_FAILED)
		return -errno;
	if (guest->backing != ANONYMOUS)
		return 0;
	/* Whole huge pages would hide what becomes of single ones. */
	madvise(guest->mem, guest->size, MADV_NOHUGEPAGE);
	return guest_make_vm(guest);
}

/* What the guest's memory takes of the host's, by the host's own counters, in bytes. */
static inline uint64_t guest_resident(const struct guest *guest)
{
	unsigned long pages = 0, all = 0;
	struct stat st;
	FILE *in;

	switch (guest->backing) {
	case MEMFD:
	case HUGETLB:
		return fstat(guest->file, &st) ? UINT64_MAX : st.st_blocks * 512ull;
	case VMRAMFS:
		return mem_stat(guest->file, "mem-resident");
	case ANONYMOUS:
		in = fopen("/proc/self/statm", "r");
		if (!in || fscanf(in, "%lu %lu", &all, &pages) != 2)
			pages = UINT64_MAX / PAGE;
		if (in)
			fclose(in);
		return pages * PAGE;
	}
	return UINT64_MAX;
}

static inline int guest_status(struct guest *guest, uint8_t status)
{
	return ioctl(guest->fd, VHOST_VDPA_SET_STATUS, &status) ? -errno : 0;
}

static inline int guest_get_status(struct guest *guest)
{
	uint8_t status = 0;

	return ioctl(guest->fd, VHOST_VDPA_GET_STATUS, &status) ? -errno : status;
}

static inline int guest_read_config(struct guest *guest, struct virtio_balloon_config *config)
{
	char raw[sizeof(struct vhost_vdpa_config) + sizeof(*config)] = {};
	struct vhost_vdpa_config *c = (void *)raw;

	c->len = sizeof(*config);
	if (ioctl(guest->fd, VHOST_VDPA_GET_CONFIG, c))
		return -errno;
	memcpy(config, c->buf, sizeof(*config));
	return 0;
}

static inline int guest_write_config(struct guest *guest, uint32_t offset, const void *from,
				     uint32_t len)
{
	char raw[sizeof(struct vhost_vdpa_config) + 64] = {};
	struct vhost_vdpa_config *c = (void *)raw;

	c->off = offset;
	c->len = len;
	memcpy(c->buf, from, len);
	return ioctl(guest->fd, VHOST_VDPA_SET_CONFIG, c) ? -errno : 0;
}

/* Where a queue's ring is. */
static inline char *guest_ring_page(const struct guest *guest, int queue)
{
	return guest->mem + guest->size - MIB + queue * 64 * 1024;
}

static inline int guest_set_ring(struct guest *guest, int queue, uint64_t desc, uint64_t avail,
				 uint64_t used)
{
	struct vhost_vring_addr addr = {
		.index = queue, .desc_user_addr = desc, .avail_user_addr = avail,
		.used_user_addr = used,
	};

	return ioctl(guest->fd, VHOST_SET_VRING_ADDR, &addr) ? -errno : 0;
}

static inline int guest_start_ring(struct guest *guest, int queue)
{
	struct vhost_vring_state num = { .index = queue, .num = RING };
	struct vhost_vring_state zero = { .index = queue, .num = 0 };
	struct vhost_vring_state on = { .index = queue, .num = 1 };
	struct ring *ring = &guest->rings[queue];
	struct vhost_vring_file kick = { .index = queue, .fd = ring->kick };
	struct vhost_vring_file call = { .index = queue, .fd = ring->call };
	char *page = guest_ring_page(guest, queue);
	int ret;

	memset(page, 0, 64 * 1024);
	ring->desc = (void *)page;
	ring->avail = (void *)(page + 16 * 1024);
	ring->used = (void *)(page + 32 * 1024);
	ring->slot = 0;
	ring->seen = 0;
	if (ioctl(guest->fd, VHOST_SET_VRING_NUM, &num) ||
	    ioctl(guest->fd, VHOST_SET_VRING_BASE, &zero) ||
	    ioctl(guest->fd, VHOST_SET_VRING_KICK, &kick) ||
	    ioctl(guest->fd, VHOST_SET_VRING_CALL, &call))
		return -errno;
	ret = guest_set_ring(guest, queue, guest_address(guest, ring->desc),
			     guest_address(guest, ring->avail), guest_address(guest, ring->used));
	if (!ret && ioctl(guest->fd, VHOST_VDPA_SET_VRING_ENABLE, &on))
		ret = -errno;
	return ret;
}

/* From a reset to a driver that is ready. */
static inline int guest_start_driver(struct guest *guest, uint64_t features)
{
	int i, ret;

	guest->features = features;
	ret = guest_status(guest, 0) ?: guest_status(guest, ACKED);
	if (!ret && ioctl(guest->fd, VHOST_SET_FEATURES, &features))
		ret = -errno;
	ret = ret ?: guest_status(guest, ACKED | VIRTIO_CONFIG_S_FEATURES_OK);
	if (!ret && ioctl(guest->fd, VHOST_VDPA_SET_CONFIG_CALL, &guest->config_call))
		ret = -errno;
	for (i = 0; i < QUEUES && !ret; i++)
		ret = guest_start_ring(guest, i);
	return ret ?: guest_status(guest, READY);
}

/* A VMM that opens and binds the device, and has mapped its memory. */
static inline int guest_begin(struct guest *guest, const char *name, enum backing backing,
			      size_t size)
{
	uint64_t backend = BIT_OF(VHOST_BACKEND_F_IOTLB_MSG_V2);
	int i, ret;

	*guest = (struct guest){ .fd = -1, .file = -1, .kvm = -1, .vm = -1, .backing = backing,
				 .size = size };
	snprintf(guest->name, sizeof(guest->name), "%s", name);
	ret = guest_make_memory(guest);
	if (ret)
		return ret;
	guest->fd = guest_open_device(name);
	if (guest->fd < 0)
		return -errno;
	guest->config_call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (i = 0; i < QUEUES; i++) {
		guest->rings[i].kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		guest->rings[i].call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (ioctl(guest->fd, VHOST_SET_OWNER, NULL) ||
	    ioctl(guest->fd, VHOST_SET_BACKEND_FEATURES, &backend))
		return -errno;
	return backing == ANONYMOUS ? 0 :
		guest_map(guest, 0, size, guest->mem, VHOST_ACCESS_RW);
}

static inline void guest_end(struct guest *guest)
{
	int i;

	if (guest->fd >= 0)
		close(guest->fd);
	for (i = 0; i < QUEUES; i++) {
		close(guest->rings[i].kick);
		close(guest->rings[i].call);
	}
	close(guest->config_call);
	if (guest->vm >= 0)
		close(guest->vm);
	if (guest->kvm >= 0)
		close(guest->kvm);
	if (guest->backing == VMRAMFS) {
		mem_end(guest->where, guest->file, guest->mem, guest->size);
		return;
	}
	munmap(guest->mem, guest->size);
	if (guest->file >= 0)
		close(guest->file);
}

/* Put parts into the ring, the first @out to be read; not seen before guest_kick(). */
static inline uint16_t guest_add(struct guest *guest, int queue, const struct vring_desc *parts,
				 int out, int nr)
{
	struct ring *ring = &guest->rings[queue];
	uint16_t head = ring->slot % RING, i;

	for (i = 0; i < nr; i++) {
		struct vring_desc *desc = &ring->desc[(head + i) % RING];

		desc->addr = parts[i].addr;
		desc->len = parts[i].len;
		desc->flags = (i >= out ? VRING_DESC_F_WRITE : 0) |
			      (i + 1 < nr ? VRING_DESC_F_NEXT : 0) |
			      (parts[i].flags & VRING_DESC_F_INDIRECT);
		desc->next = (head + i + 1) % RING;
	}
	ring->slot += nr;
	ring->avail->ring[ring->avail->idx % RING] = head;
	__atomic_store_n(&ring->avail->idx, ring->avail->idx + 1, __ATOMIC_RELEASE);
	return head;
}

static inline void guest_kick(struct guest *guest, int queue)
{
	eventfd_write(guest->rings[queue].kick, 1);
}

/* The next used buffer's head, or a negative number when none comes. */
static inline int guest_wait(struct guest *guest, int queue, unsigned int seconds)
{
	struct ring *ring = &guest->rings[queue];

	for (unsigned int i = 0; i < seconds * 10000; i++) {
		if (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) != ring->seen)
			return ring->used->ring[ring->seen++ % RING].id;
		usleep(i < 100 ? 10 : 100);
	}
	return -ETIMEDOUT;
}

static inline bool guest_broken(struct guest *guest, unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds * 1000; i++) {
		if (guest_get_status(guest) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
		usleep(1000);
	}
	return false;
}

/* Put pages into the balloon, or take them out, 256 at a time as Linux does. */
static inline int guest_pages_do(struct guest *guest, int queue, uint32_t first, uint32_t nr,
				 bool downwards)
{
	uint32_t *list = guest_scratch(guest), i, batch;
	struct vring_desc part = { .addr = guest_address(guest, list) };
	int ret;

	for (; nr; nr -= batch, first += batch) {
		batch = nr < 256 ? nr : 256;
		for (i = 0; i < batch; i++)
			list[i] = downwards ? first + batch - 1 - i : first + i;
		part.len = batch * sizeof(*list);
		guest_add(guest, queue, &part, 1, 1);
		guest_kick(guest, queue);
		ret = guest_wait(guest, queue, 60);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static inline int guest_inflate(struct guest *guest, uint32_t first, uint32_t nr)
{
	return guest_pages_do(guest, INFLATE, first, nr, true);
}

static inline int guest_deflate(struct guest *guest, uint32_t first, uint32_t nr)
{
	return guest_pages_do(guest, DEFLATE, first, nr, false);
}

/* Each page holds words that depend on where it is and on a seed. */
static inline void guest_fill(struct guest *guest, uint32_t first, uint32_t nr, uint64_t seed)
{
	uint64_t *word = (void *)(guest->mem + first * PAGE);

	for (size_t i = 0; i < nr * (PAGE / sizeof(*word)); i++)
		word[i] = (seed + first * (PAGE / sizeof(*word)) + i) * 0x9e3779b97f4a7c15ull | 1;
}

/* How many of the pages do not hold what guest_fill() wrote. */
static inline uint32_t guest_wrong(const struct guest *guest, uint32_t first, uint32_t nr,
				   uint64_t seed)
{
	const uint64_t *word = (const void *)(guest->mem + first * PAGE);
	uint32_t wrong = 0;

	for (uint32_t page = 0; page < nr; page++)
		for (size_t i = 0; i < PAGE / sizeof(*word); i++) {
			size_t at = page * (PAGE / sizeof(*word)) + i;

			if (word[at] != ((seed + first * (PAGE / sizeof(*word)) + at) *
					 0x9e3779b97f4a7c15ull | 1)) {
				wrong++;
				break;
			}
		}
	return wrong;
}

/* How many of the pages hold zeros. */
static inline uint32_t guest_zeros(const struct guest *guest, uint32_t first, uint32_t nr)
{
	uint32_t zeros = 0;

	for (uint32_t page = first; page < first + nr; page++)
		zeros += mem_all(guest->mem + page * PAGE, 0, PAGE);
	return zeros;
}

#endif
