/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMQOS_TESTS_LINUX_ALIGN_H
#define VMQOS_TESTS_LINUX_ALIGN_H

#define ALIGN_DOWN_TO(x, to)	((x) / (to) * (to))
#define IS_ALIGNED(x, to)	((x) % (to) == 0)
#define round_down(x, to)	ALIGN_DOWN_TO(x, to)
#define round_up(x, to)		ALIGN_DOWN_TO((x) + (to) - 1, to)

#endif
