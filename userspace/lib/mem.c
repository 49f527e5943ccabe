// SPDX-License-Identifier: LGPL-2.1+
/* Memory of VMs: its figures and its words. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmqos/vmqos.h>

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static const struct vmqos_mem_desc descs[] = {
	{ VMQOS_MEM_CONFIGURED, "configured", "memory", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_IN_VMRAMFS, "in_vmramfs", "in vmramfs", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_IN_SHMEM, "in_shmem", "in shared memory", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_IN_HUGETLB, "in_hugetlb", "in hugetlbfs", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_IN_ANONYMOUS, "in_anonymous", "anonymous", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_IN_OTHER, "in_other", "elsewhere", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_MAPPED_4K, "mapped_4k", "mapped, 4K pages", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_MAPPED_2M, "mapped_2m", "mapped, 2M pages", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_MAPPED_1G, "mapped_1g", "mapped, 1G pages", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_RESIDENT, "resident", "resident", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_FILLS, "fills", "pages made", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_FAULTS_FOUND, "faults_found", "faults, page there", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_FAULTS_FILLED, "faults_filled", "faults, page made", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_FAULTS_FAILED, "faults_failed", "faults, no page", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_FOUND_NS, "found_ns", "time, page there", VMQOS_MEM_TIME },
	{ VMQOS_MEM_FILLED_NS, "filled_ns", "time, page made", VMQOS_MEM_TIME },
	{ VMQOS_MEM_SCANNED, "scanned", "pages scanned", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_FREED, "zero_freed", "zero pages given back", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_BUSY, "zero_busy", "zero pages in use", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_LOCKED, "zero_locked", "zero pages locked", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_CHANGED, "zero_changed", "zero pages changed", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_UNMAPS, "zero_unmaps", "ranges unmapped", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_PASSES, "zero_passes", "scans of all", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_SPLITS, "splits", "2M pages split", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_SCAN_NS, "zero_scan_ns", "time scanning", VMQOS_MEM_TIME },
	{ VMQOS_MEM_RECLAIM_LEFT, "reclaim_left", "left to reclaim", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_RECLAIMED, "reclaimed", "pages reclaimed", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_RECLAIM_BUSY, "reclaim_busy", "pages in use, left", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_LIMIT_RECLAIMED, "limit_reclaimed", "reclaimed for limit", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_LIMIT_EXCEEDED, "limit_exceeded", "pages above limit", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_LIMIT_WAITS, "limit_waits", "waits at limit", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_LIMIT_NS, "limit_ns", "time waiting at limit", VMQOS_MEM_TIME },
	{ VMQOS_MEM_PRESSURE_RECLAIMED, "pressure_reclaimed", "for pressure", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_STORED, "stored", "compressed store", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_STORED_RAW, "stored_raw", "pages in the store", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_STORED_HELD, "stored_held", "held by the store", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_EVICTED, "evicted", "pages compressed", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_EVICT_REFUSED, "evict_refused", "pages that do not", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_EVICT_FAILED, "evict_failed", "store had no memory", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_FAULTS_STORED, "faults_stored", "faults, page stored", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_STORED_NS, "stored_ns", "time, page stored", VMQOS_MEM_TIME },
	{ VMQOS_MEM_ACTIVE_MAX, "active_max", "active", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_ACTIVE_SLOW, "active_slow", "active, slow", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_ACTIVE_FAST, "active_fast", "active, fast", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_SAMPLED, "sampled", "of pages sampled", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_SAMPLES, "samples", "pages watched", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_SAMPLES_TOUCHED, "samples_touched", "watched and touched", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_SAMPLE_NS, "sample_ns", "time sampling", VMQOS_MEM_TIME },
	{ VMQOS_MEM_SHARE_VMRAMFS, "share_vmramfs", "zeros, by vmramfs", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_SHARE_SHMEM, "share_shmem", "zeros, as holes", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_SHARE_KSM, "share_ksm", "zeros, by KSM", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_SHARE_NONE, "share_none", "zeros stay", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_KSM_MERGED, "ksm_merged", "merged by KSM", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_KSM_ZERO, "ksm_zero", "zeros in KSM", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_ZERO_MAPPED, "zero_mapped", "zeros mapped", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_FAULTS_ZERO, "faults_zero", "faults, zeros mapped", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_ZERO_NS, "zero_ns", "time, zeros mapped", VMQOS_MEM_TIME },
	{ VMQOS_MEM_SWAPPED, "swapped", "in swap files", VMQOS_MEM_BYTES },
	{ VMQOS_MEM_SWAP_OUTS, "swap_outs", "pages written to swap", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_SWAP_FAILED, "swap_failed", "pages that could not", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_FAULTS_SWAPPED, "faults_swapped", "faults, page in swap", VMQOS_MEM_COUNT },
	{ VMQOS_MEM_SWAPPED_NS, "swapped_ns", "time, page in swap", VMQOS_MEM_TIME },
};

/* Where they are in the struct. */
static const size_t places[] = {
	offsetof(struct vmqos_mem, configured),
	offsetof(struct vmqos_mem, in_vmramfs),
	offsetof(struct vmqos_mem, in_shmem),
	offsetof(struct vmqos_mem, in_hugetlb),
	offsetof(struct vmqos_mem, in_anonymous),
	offsetof(struct vmqos_mem, in_other),
	offsetof(struct vmqos_mem, mapped_4k),
	offsetof(struct vmqos_mem, mapped_2m),
	offsetof(struct vmqos_mem, mapped_1g),
	offsetof(struct vmqos_mem, resident),
	offsetof(struct vmqos_mem, fills),
	offsetof(struct vmqos_mem, faults_found),
	offsetof(struct vmqos_mem, faults_filled),
	offsetof(struct vmqos_mem, faults_failed),
	offsetof(struct vmqos_mem, found_ns),
	offsetof(struct vmqos_mem, filled_ns),
	offsetof(struct vmqos_mem, scanned),
	offsetof(struct vmqos_mem, zero_freed),
	offsetof(struct vmqos_mem, zero_busy),
	offsetof(struct vmqos_mem, zero_locked),
	offsetof(struct vmqos_mem, zero_changed),
	offsetof(struct vmqos_mem, zero_unmaps),
	offsetof(struct vmqos_mem, zero_passes),
	offsetof(struct vmqos_mem, splits),
	offsetof(struct vmqos_mem, zero_scan_ns),
	offsetof(struct vmqos_mem, reclaim_left),
	offsetof(struct vmqos_mem, reclaimed),
	offsetof(struct vmqos_mem, reclaim_busy),
	offsetof(struct vmqos_mem, limit_reclaimed),
	offsetof(struct vmqos_mem, limit_exceeded),
	offsetof(struct vmqos_mem, limit_waits),
	offsetof(struct vmqos_mem, limit_ns),
	offsetof(struct vmqos_mem, pressure_reclaimed),
	offsetof(struct vmqos_mem, stored),
	offsetof(struct vmqos_mem, stored_raw),
	offsetof(struct vmqos_mem, stored_held),
	offsetof(struct vmqos_mem, evicted),
	offsetof(struct vmqos_mem, evict_refused),
	offsetof(struct vmqos_mem, evict_failed),
	offsetof(struct vmqos_mem, faults_stored),
	offsetof(struct vmqos_mem, stored_ns),
	offsetof(struct vmqos_mem, active_max),
	offsetof(struct vmqos_mem, active_slow),
	offsetof(struct vmqos_mem, active_fast),
	offsetof(struct vmqos_mem, sampled),
	offsetof(struct vmqos_mem, samples),
	offsetof(struct vmqos_mem, samples_touched),
	offsetof(struct vmqos_mem, sample_ns),
	offsetof(struct vmqos_mem, share_vmramfs),
	offsetof(struct vmqos_mem, share_shmem),
	offsetof(struct vmqos_mem, share_ksm),
	offsetof(struct vmqos_mem, share_none),
	offsetof(struct vmqos_mem, ksm_merged),
	offsetof(struct vmqos_mem, ksm_zero),
	offsetof(struct vmqos_mem, zero_mapped),
	offsetof(struct vmqos_mem, faults_zero),
	offsetof(struct vmqos_mem, zero_ns),
	offsetof(struct vmqos_mem, swapped),
	offsetof(struct vmqos_mem, swap_outs),
	offsetof(struct vmqos_mem, swap_failed),
	offsetof(struct vmqos_mem, faults_swapped),
	offsetof(struct vmqos_mem, swapped_ns),
};

_Static_assert(COUNT(descs) == COUNT(places), "one place for each");

const struct vmqos_mem_desc *vmqos_mem_descs(size_t *count)
{
	*count = COUNT(descs);
	return descs;
}

bool vmqos_mem_has(const struct vmqos_mem *mem, unsigned int field)
{
	return field < 64 * VMQOS_MEM_HAS_WORDS && mem->has[field / 64] & VMQOS_HAS(field % 64);
}

bool vmqos_mem_is_known(const struct vmqos_mem *mem)
{
	size_t i;

	for (i = 0; i < VMQOS_MEM_HAS_WORDS; i++)
		if (mem->has[i])
			return true;
	return false;
}

uint64_t vmqos_mem_value(const struct vmqos_mem *mem, unsigned int field)
{
	uint64_t value;
	size_t i;

	for (i = 0; i < COUNT(descs); i++) {
		if (descs[i].field != field)
			continue;
		memcpy(&value, (const char *)mem + places[i], sizeof(value));
		return value;
	}
	return 0;
}

static uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

void vmqos_mem_sub(struct vmqos_mem *delta, const struct vmqos_mem *now,
		   const struct vmqos_mem *before)
{
	struct vmqos_mem result = *now;
	size_t i;

	for (i = 0; i < COUNT(descs); i++) {
		unsigned int field = descs[i].field;
		uint64_t value;

		if (descs[i].unit == VMQOS_MEM_BYTES)
			continue;
		value = growth(vmqos_mem_value(now, field), vmqos_mem_value(before, field));
		memcpy((char *)&result + places[i], &value, sizeof(value));
	}
	for (i = 0; i < VMQOS_MEM_BUCKETS; i++) {
		result.found_hist[i] = growth(now->found_hist[i], before->found_hist[i]);
		result.filled_hist[i] = growth(now->filled_hist[i], before->filled_hist[i]);
		result.limit_hist[i] = growth(now->limit_hist[i], before->limit_hist[i]);
		result.stored_hist[i] = growth(now->stored_hist[i], before->stored_hist[i]);
		result.zero_hist[i] = growth(now->zero_hist[i], before->zero_hist[i]);
		result.swapped_hist[i] = growth(now->swapped_hist[i], before->swapped_hist[i]);
	}
	*delta = result;
}

static const char *const modes[] = {
	[VMQOS_ZERO_MOUNT] = "mount",
	[VMQOS_ZERO_OFF] = "off",
	[VMQOS_ZERO_ON] = "on",
	[VMQOS_ZERO_PRESSURE] = "pressure",
};

int vmqos_mem_share_zero_parse(const char *text, uint32_t *share_zero, char *why, size_t size)
{
	size_t i;

	for (i = 0; i < COUNT(modes); i++) {
		if (strcmp(text, modes[i]))
			continue;
		*share_zero = i;
		return 0;
	}
	snprintf(why, size, "is none of its words: write on, off, pressure or mount");
	return -EINVAL;
}

const char *vmqos_mem_share_zero_name(uint32_t share_zero)
{
	return share_zero < COUNT(modes) ? modes[share_zero] : "unknown";
}

static const struct {
	uint64_t bit;
	const char *name;
} reasons[] = {
	{ VMQOS_WHY_NOT_POLICY, "policy" },
	{ VMQOS_WHY_NOT_VERSION, "version" },
	{ VMQOS_WHY_NOT_IDLE, "idle" },
	{ VMQOS_WHY_NOT_USERFAULTFD, "userfaultfd" },
	{ VMQOS_WHY_NOT_LOCKED, "locked" },
	{ VMQOS_WHY_NOT_HUGETLB, "hugetlb" },
	{ VMQOS_WHY_NOT_KSM, "ksm" },
	{ VMQOS_WHY_NOT_ELSEWHERE, "elsewhere" },
};

const char *vmqos_why_not_name(uint64_t why_not)
{
	size_t i;

	for (i = 0; i < COUNT(reasons); i++)
		if (reasons[i].bit == why_not)
			return reasons[i].name;
	return NULL;
}

int vmqos_bytes_parse(const char *text, uint64_t *bytes, char *why, size_t size)
{
	static const char units[] = "KMGTPE";
	const char *unit;
	double value;
	char *rest;

	if (!strcmp(text, "none")) {
		*bytes = 0;
		return 0;
	}
	value = strtod(text, &rest);
	if (rest == text || strspn(text, "0123456789.") != (size_t)(rest - text))
		goto bad;
	unit = *rest ? strchr(units, *rest) : NULL;
	if (unit) {
		value *= (double)(UINT64_C(1) << (10 * (unit - units + 1)));
		rest++;
		if (!strncmp(rest, "iB", 2))
			rest += 2;
		else if (*rest == 'B')
			rest++;
	}
	if (*rest || !(value < 0x1p63) || value != (double)(uint64_t)value)
		goto bad;
	*bytes = value;
	return 0;
bad:
	snprintf(why, size, "is no amount of memory: write bytes, or with K, M, G or T as in 512M, or none");
	return -EINVAL;
}

char *vmqos_bytes_format(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < COUNT(units)) {
		value /= 1024;
		unit++;
	}
	/* Whole numbers are what people have given, and are told as such. */
	snprintf(text, size, "%.*f %s", value == (uint64_t)value ? 0 : value < 10 ? 2 : 1, value,
		 units[unit]);
	return text;
}
