/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_SHRINKER_H
#define _VMQOS_COMPAT_LINUX_SHRINKER_H

#include_next <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

/*
 * Since 6.7 ("mm: shrinker: add infrastructure for dynamically allocating shrinker") a
 * shrinker is allocated by the kernel, before it is the module's own.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	return kzalloc(sizeof(struct shrinker), GFP_KERNEL);
}

static inline int vmqos_compat_shrinker_register(struct shrinker *shrinker, const char *name)
{
	shrinker->seeks = DEFAULT_SEEKS;
	return register_shrinker(shrinker, "%s", name);
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#else
static inline int vmqos_compat_shrinker_register(struct shrinker *shrinker, const char *name)
{
	shrinker_register(shrinker);
	return 0;
}
#endif

#endif /* _VMQOS_COMPAT_LINUX_SHRINKER_H */
