/* SPDX-License-Identifier: LGPL-2.1+ */
/* libvmqos: on which NUMA nodes a VM's memory is, and having it elsewhere. */
#ifndef VMQOS_MOVE_H
#define VMQOS_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMQOS_NODES_MAX		64	/* nodes of which it is told what they hold */

struct vmqos;

/**
 * struct vmqos_placement - where the memory of a VM is
 * @configured: all of it, in bytes
 * @unmapped: part of it that the VMM has not mapped just then, in bytes: it was never
 *	touched, was given back, or has been taken out of the page tables to see whether it is
 *	in use
 * @elsewhere: part of it on nodes from VMQOS_NODES_MAX on, in bytes
 * @on_node: part of it on each of the nodes before, in bytes
 */
struct vmqos_placement {
	uint64_t configured;
	uint64_t unmapped;
	uint64_t elsewhere;
	uint64_t on_node[VMQOS_NODES_MAX];
};

/**
 * struct vmqos_move - what a move has achieved
 * @configured: memory of the VM that was looked at, in bytes
 * @moved: part of it that was moved, in bytes
 * @there: part that was there before, in bytes
 * @unmapped: part that the VMM had not mapped, as in struct vmqos_placement
 * @busy: part that stayed where it was because it was in use just then or is pinned, in
 *	bytes
 * @no_memory: part that stayed because the node had no memory free, in bytes
 * @refused: part that stayed because the kernel does not move such memory, in bytes
 * @complete: all of the VM's memory has been looked at
 */
struct vmqos_move {
	uint64_t configured;
	uint64_t moved;
	uint64_t there;
	uint64_t unmapped;
	uint64_t busy;
	uint64_t no_memory;
	uint64_t refused;
	bool complete;
};

/**
 * vmqos_vm_move() - move the memory of a VM to a NUMA node
 * @ctx: context
 * @id: number of the VM
 * @node: the node
 * @go_on: asked between batches of some MiB whether to go on; NULL for always
 * @arg: its argument
 * @move: filled, also after a failure with what has been achieved until then
 *
 * It is done when this returns, by move_pages(2). Memory that the VM touches for the first
 * time later comes from where the VMM's memory policy says.
 *
 * Return: 0, also when @go_on has ended it; -ENXIO when there is no such node with memory;
 * -EACCES when the VMM's cpuset is without the node; -EPERM without CAP_NET_ADMIN,
 * CAP_SYS_NICE and the right to look into the VMM's process; -ESRCH when the VM has ended;
 * another negative errno. But for -ESRCH, a failure has changed nothing.
 */
int vmqos_vm_move(struct vmqos *ctx, uint32_t id, uint32_t node, bool (*go_on)(void *arg),
		  void *arg, struct vmqos_move *move);

/**
 * vmqos_vm_placement() - see on which NUMA nodes the memory of a VM is
 * @ctx: context
 * @id: number of the VM
 * @placement: filled
 *
 * Every page is asked for, which takes some tenths of a second for each GiB.
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN and the right to look into the VMM's process;
 * -ESRCH when the VM has ended; another negative errno.
 */
int vmqos_vm_placement(struct vmqos *ctx, uint32_t id, struct vmqos_placement *placement);

#ifdef __cplusplus
}
#endif

#endif
