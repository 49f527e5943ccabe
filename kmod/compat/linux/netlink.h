/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMQOS_COMPAT_LINUX_NETLINK_H
#define _VMQOS_COMPAT_LINUX_NETLINK_H

#include_next <linux/netlink.h>

/*
 * Since 6.2 (commit 51c352bdbcd2, "netlink: add support for formatted extack
 * messages") an acknowledgment has room for a sentence with numbers in it.
 * Before, it only points to one, which is read after the handler has returned:
 * so the sentences of the last refusals stand here. The asker is told at once,
 * in its own context; only if that many others are refused meanwhile would it
 * read a sentence about another's numbers.
 */
#ifndef NL_SET_ERR_MSG_FMT
#include <linux/atomic.h>
#include <linux/kernel.h>

#define NETLINK_MAX_FMTMSG_LEN 80
#define VMQOS_COMPAT_SENTENCES 64

static __printf(1, 2) __maybe_unused const char *
vmqos_compat_sentence(const char *fmt, ...)
{
	static char sentences[VMQOS_COMPAT_SENTENCES][NETLINK_MAX_FMTMSG_LEN];
	static atomic_t next;
	va_list args;
	char *text;

	text = sentences[(u32)atomic_inc_return(&next) % VMQOS_COMPAT_SENTENCES];
	va_start(args, fmt);
	vsnprintf(text, NETLINK_MAX_FMTMSG_LEN, fmt, args);
	va_end(args);
	return text;
}

#define NL_SET_ERR_MSG_FMT(extack, fmt, args...) do {		\
	struct netlink_ext_ack *__extack = (extack);		\
								\
	if (__extack)						\
		__extack->_msg = vmqos_compat_sentence(fmt, ##args); \
} while (0)
#endif

#endif /* _VMQOS_COMPAT_LINUX_NETLINK_H */
