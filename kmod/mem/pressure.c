// SPDX-License-Identifier: GPL-2.0
/*
 * The host is short of memory: files give back what their guests do not use.
 *
 * The kernel asks each of its caches in turn how much there is and has it look at a part
 * of that, a greater one each time that it has not got enough. Each file looks at its part.
 */
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/shrinker.h>

#include "mem/mem.h"

#define NAME	"vmqos_mem"

static struct shrinker *pressure;

/**
 * struct part - what is asked of all files
 * @scan: pages to be looked at
 * @all: pages that all files have together
 */
struct part {
	unsigned long scan;
	unsigned long all;
};

static unsigned long count_file(struct vmqos_mem_inode *mi, void *unused)
{
	return vmqos_mem_reclaimable(mi);
}

static unsigned long shrink_file(struct vmqos_mem_inode *mi, void *data)
{
	const struct part *part = data;
	u64 pages = vmqos_mem_reclaimable(mi);

	return pages ? vmqos_mem_shrink(mi, div64_u64(pages * part->scan, part->all) + 1) : 0;
}

static unsigned long count(struct shrinker *shrinker, struct shrink_control *sc)
{
	/* Who empties caches because he was told to (drop_caches) does not mean guests. */
	if (!(current->flags & PF_MEMALLOC) || !(sc->gfp_mask & __GFP_FS))
		return 0;
	return vmqos_zero_each(count_file, NULL);
}

static unsigned long scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct part part = { .scan = sc->nr_to_scan };

	part.all = vmqos_zero_each(count_file, NULL);
	if (!part.all)
		return SHRINK_STOP;
	sc->nr_scanned = sc->nr_to_scan;
	return vmqos_zero_each(shrink_file, &part);
}

/**
 * vmqos_pressure_init() - have the kernel ask
 *
 * Return: 0 or a negative error number.
 */
int vmqos_pressure_init(void)
{
	int ret;

	pressure = shrinker_alloc(0, NAME);
	if (!pressure)
		return -ENOMEM;
	pressure->count_objects = count;
	pressure->scan_objects = scan;
	ret = vmqos_compat_shrinker_register(pressure, NAME);
	/* Also one that is not registered may be freed so. */
	if (ret)
		shrinker_free(pressure);
	return ret;
}

/**
 * vmqos_pressure_exit() - no longer
 *
 * Context: may sleep.
 */
void vmqos_pressure_exit(void)
{
	shrinker_free(pressure);
}
