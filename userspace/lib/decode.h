/* SPDX-License-Identifier: LGPL-2.1+ */
/* Attributes of the family vmqos into the public structs. */
#ifndef VMQOS_LIB_DECODE_H
#define VMQOS_LIB_DECODE_H

#include <stdint.h>

struct nlattr;
struct nlmsghdr;
struct vmqos;
struct vmqos_balloon;
struct vmqos_device;
struct vmqos_host;
struct vmqos_unmet;
struct vmqos_vcpu;
struct vmqos_vm;
struct vmqos_vm_stat;

/*
 * Each fills its struct from the attributes of one answer. Attributes that
 * this library does not know are passed over. Returns 0, or -EBADMSG for an
 * attribute of a wrong size or a missing one without which the struct means
 * nothing.
 */
int vmqos_decode_host(struct vmqos *ctx, struct nlattr *attrs, int size, struct vmqos_host *host);
int vmqos_decode_vm(struct vmqos *ctx, struct nlattr *attrs, int size, struct vmqos_vm *vm);
int vmqos_decode_vm_stat(struct vmqos *ctx, struct nlattr *attrs, int size,
			 struct vmqos_vm_stat *stat);
int vmqos_decode_vcpu(struct vmqos *ctx, struct nlattr *attrs, int size, struct vmqos_vcpu *vcpu);
int vmqos_decode_unmet(struct vmqos *ctx, struct nlattr *attrs, int size,
		       struct vmqos_unmet *unmet);
int vmqos_decode_device(struct vmqos *ctx, struct nlattr *attrs, int size,
			struct vmqos_device *device);
int vmqos_decode_balloon(struct vmqos *ctx, struct nlattr *attrs, int size,
			 struct vmqos_balloon *balloon);

/* Name of an attribute of the requests of @cmd, or NULL. */
const char *vmqos_attr_name(uint8_t cmd, unsigned int attr);

/* Name of the attribute that begins at @offset in @request, or NULL. */
const char *vmqos_attr_at(const struct nlmsghdr *request, uint32_t offset);

#endif
