// SPDX-License-Identifier: GPL-2.0
/* KVM's binary statistics of a vCPU (KVM_GET_STATS_FD), found by name. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm.h"

static int read_at(int fd, void *buf, size_t size, off_t offset)
{
	ssize_t got = pread(fd, buf, size, offset);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}

/* Look for one descriptor; *offset is where its values lie in the stats file. */
static int find(int fd, const char *name, off_t *offset, unsigned int *values)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	size_t size;
	char *all;
	int ret;

	ret = read_at(fd, &header, sizeof(header), 0);
	if (ret)
		return ret;
	size = sizeof(*desc) + header.name_size;
	all = malloc(size * header.num_desc);
	if (!all)
		return -ENOMEM;
	ret = read_at(fd, all, size * header.num_desc, header.desc_offset);
	for (unsigned int i = 0; !ret && i < header.num_desc; i++) {
		desc = (void *)(all + i * size);
		if (strcmp(desc->name, name))
			continue;
		*offset = (off_t)header.data_offset + desc->offset;
		*values = desc->size;
		free(all);
		return 0;
	}
	free(all);
	return ret ? ret : -ENOENT;
}

/**
 * vmqos_kvmstat_sum() - the sum of all values of one statistic
 * @vcpu_fd: KVM's descriptor of a vCPU
 * @name: name of the statistic; of a histogram all buckets are added
 * @value: where to put it
 *
 * Return: 0, -ENOENT if this kernel has no such statistic, or another negative
 * error number.
 */
int vmqos_kvmstat_sum(int vcpu_fd, const char *name, uint64_t *value)
{
	unsigned int values;
	uint64_t one;
	off_t offset;
	int fd, ret;

	fd = ioctl(vcpu_fd, KVM_GET_STATS_FD, NULL);
	if (fd < 0)
		return -errno;
	*value = 0;
	ret = find(fd, name, &offset, &values);
	for (unsigned int i = 0; !ret && i < values; i++) {
		ret = read_at(fd, &one, sizeof(one), offset + i * sizeof(one));
		if (!ret)
			*value += one;
	}
	close(fd);
	return ret;
}

/**
 * vmqos_kvmstat() - one plain statistic of a vCPU
 * @vcpu_fd: KVM's descriptor of the vCPU
 * @name: name of the statistic, such as "exits" or "halt_exits"
 * @value: where to put it
 *
 * Return: as vmqos_kvmstat_sum(); -EINVAL if it is a histogram.
 */
int vmqos_kvmstat(int vcpu_fd, const char *name, uint64_t *value)
{
	unsigned int values;
	off_t offset;
	int fd, ret;

	fd = ioctl(vcpu_fd, KVM_GET_STATS_FD, NULL);
	if (fd < 0)
		return -errno;
	ret = find(fd, name, &offset, &values);
	if (!ret && values != 1)
		ret = -EINVAL;
	if (!ret)
		ret = read_at(fd, value, sizeof(*value), offset);
	close(fd);
	return ret;
}
