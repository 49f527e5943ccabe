/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How pages are made small and where what is left is kept: LZ4 and zsmalloc, where the kernel
 * has both. Else runs of equal words are counted, and the rest is in ordinary memory: that
 * saves less, and keeps all the rest of the code the same.
 */
#ifndef _VMQOS_MEM_PACK_H
#define _VMQOS_MEM_PACK_H

#include <linux/kconfig.h>
#include <linux/mm.h>

/* What does not get smaller than this is not worth it. */
#define VMQOS_PACK_MAX		(PAGE_SIZE * 3 / 4)

#if IS_ENABLED(CONFIG_ZSMALLOC) && IS_ENABLED(CONFIG_LZ4_COMPRESS) && \
	IS_ENABLED(CONFIG_LZ4_DECOMPRESS)
#include <linux/lz4.h>
#include <linux/zsmalloc.h>

#define VMQOS_PACK_WORK		LZ4_MEM_COMPRESS

/* NULL without memory; @name is to be nobody else's. */
static inline void *vmqos_pack_open(const char *name)
{
	return zs_create_pool(name);
}

static inline void vmqos_pack_close(void *pool)
{
	zs_destroy_pool(pool);
}

/* What it takes, gaps and all, in bytes. */
static inline u64 vmqos_pack_held(void *pool)
{
	return (u64)zs_get_total_pages(pool) << PAGE_SHIFT;
}

/* Bytes, or 0 when it is not worth it. */
static inline unsigned int vmqos_pack(const void *page, void *out, void *work)
{
	int length = LZ4_compress_default(page, out, PAGE_SIZE, VMQOS_PACK_MAX, work);

	return length > 0 ? length : 0;
}

static inline bool vmqos_unpack(const void *from, unsigned int length, void *page)
{
	return LZ4_decompress_safe(from, page, length, PAGE_SIZE) == PAGE_SIZE;
}

/* An error number in place of a handle where there is no memory. */
static inline unsigned long vmqos_pack_keep(void *pool, void *from, unsigned int length, int nid)
{
	unsigned long handle;

	handle = vmqos_compat_zs_malloc(pool, length, __GFP_NOWARN | __GFP_KSWAPD_RECLAIM |
					__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_ACCOUNT, nid);
	if (!IS_ERR_VALUE(handle) && handle)
		vmqos_compat_zs_write(pool, handle, from, length);
	return handle;
}

static inline bool vmqos_pack_read(void *pool, unsigned long handle, unsigned int length,
				   void *copy, void *page)
{
	void *at = vmqos_compat_zs_read_begin(pool, handle, length, copy);
	bool right = vmqos_unpack(at, length, page);

	vmqos_compat_zs_read_end(pool, handle, length, at);
	return right;
}

static inline void vmqos_pack_free(void *pool, unsigned long handle)
{
	zs_free(pool, handle);
}

#else
#include <linux/atomic.h>
#include <linux/slab.h>

#define VMQOS_PACK_WORK		8
#define PACK_WORDS		(PAGE_SIZE / sizeof(u64))

/* All there is of a pool is how much it holds. */
static inline void *vmqos_pack_open(const char *name)
{
	return kzalloc(sizeof(atomic64_t), GFP_KERNEL_ACCOUNT);
}

static inline void vmqos_pack_close(void *pool)
{
	kfree(pool);
}

static inline u64 vmqos_pack_held(void *pool)
{
	return atomic64_read(pool);
}

/* A number of words and the word. */
struct vmqos_pack_run {
	u16 words;
	u64 word;
} __packed;

static inline unsigned int vmqos_pack(const void *page, void *out, void *work)
{
	struct vmqos_pack_run *runs = out;
	const u64 *words = page;
	unsigned int from, to, n = 0;

	for (from = 0; from < PACK_WORDS; from = to) {
		for (to = from + 1; to < PACK_WORDS && words[to] == words[from]; to++)
			;
		if ((n + 1) * sizeof(*runs) > VMQOS_PACK_MAX)
			return 0;
		runs[n++] = (struct vmqos_pack_run){ to - from, words[from] };
	}
	return n * sizeof(*runs);
}

static inline bool vmqos_unpack(const void *from, unsigned int length, void *page)
{
	const struct vmqos_pack_run *runs = from;
	unsigned int i, j, done = 0;
	u64 *words = page;

	for (i = 0; i < length / sizeof(*runs); i++) {
		if (done + runs[i].words > PACK_WORDS)
			return false;
		for (j = 0; j < runs[i].words; j++)
			words[done++] = runs[i].word;
	}
	return done == PACK_WORDS;
}

static inline unsigned long vmqos_pack_keep(void *pool, void *from, unsigned int length, int nid)
{
	void *at = kmalloc_node(length, GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT, nid);

	if (at) {
		memcpy(at, from, length);
		atomic64_add(ksize(at), pool);
	}
	return (unsigned long)at;
}

static inline bool vmqos_pack_read(void *pool, unsigned long handle, unsigned int length,
				   void *copy, void *page)
{
	return vmqos_unpack((void *)handle, length, page);
}

static inline void vmqos_pack_free(void *pool, unsigned long handle)
{
	atomic64_sub(ksize((void *)handle), pool);
	kfree((void *)handle);
}
#endif

#endif /* _VMQOS_MEM_PACK_H */
