/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_ZSMALLOC_H
#define _VMQOS_COMPAT_LINUX_ZSMALLOC_H

#include_next <linux/zsmalloc.h>
#include <linux/numa.h>
#include <linux/string.h>
#include <linux/version.h>

/*
 * In newer kernels (7.3 is one, 6.12 is not) what lies in a pool is copied in and read in
 * place by calls of their own, in older ones it is mapped; and there is a node to say.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
static inline unsigned long vmqos_compat_zs_malloc(struct zs_pool *pool, size_t size, gfp_t gfp,
						   int nid)
{
	return zs_malloc(pool, size, gfp);
}

static inline void *vmqos_compat_zs_read_begin(struct zs_pool *pool, unsigned long handle,
					       size_t size, void *copy)
{
	return zs_map_object(pool, handle, ZS_MM_RO);
}

static inline void vmqos_compat_zs_read_end(struct zs_pool *pool, unsigned long handle,
					    size_t size, void *at)
{
	zs_unmap_object(pool, handle);
}

static inline void vmqos_compat_zs_write(struct zs_pool *pool, unsigned long handle, void *from,
					 size_t size)
{
	void *at = zs_map_object(pool, handle, ZS_MM_WO);

	memcpy(at, from, size);
	zs_unmap_object(pool, handle);
}
#else
#define vmqos_compat_zs_malloc zs_malloc
#define vmqos_compat_zs_read_begin zs_obj_read_begin
#define vmqos_compat_zs_read_end zs_obj_read_end
#define vmqos_compat_zs_write zs_obj_write
#endif

#endif /* _VMQOS_COMPAT_LINUX_ZSMALLOC_H */
