/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_MINMAX_H
#define VMQOS_TESTS_LINUX_MINMAX_H

#define min(a, b)				\
	({					\
		__typeof__(a) min_a = (a);	\
		__typeof__(b) min_b = (b);	\
						\
		(void)(&min_a == &min_b);	\
		min_a < min_b ? min_a : min_b;	\
	})

#define max(a, b)				\
	({					\
		__typeof__(a) max_a = (a);	\
		__typeof__(b) max_b = (b);	\
						\
		(void)(&max_a == &max_b);	\
		max_a > max_b ? max_a : max_b;	\
	})

#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))

#define clamp_t(type, value, low, high)		\
	({					\
		type clamp_v = (value);		\
		type clamp_l = (low);		\
		type clamp_h = (high);		\
						\
		clamp_v < clamp_l ? clamp_l : clamp_v > clamp_h ? clamp_h : clamp_v;	\
	})

#endif
