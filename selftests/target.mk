# SPDX-License-Identifier: GPL-2.0
#
# What the targets of the collection share. A target's Makefile sets
# TEST_GEN_PROGS, TEST_PROGS and so on, then includes this file.

SELFTESTS := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
TOP := $(abspath $(SELFTESTS)/..)
KSFT ?= $(shell $(TOP)/scripts/linux-source)/tools/testing/selftests
OUTPUT ?= $(TOP)/build/selftests/$(CURDIR:$(SELFTESTS)/%=%)
override OUTPUT := $(abspath $(OUTPUT))
BUILT := $(TOP)/build
LIBVMM := $(BUILT)/selftests/lib/libvmm.a

CFLAGS += -std=gnu11 -O2 -g -Wall -Wextra -Werror -fno-lto -pthread
# The harness's macros are the kernel's: not to be warned about here.
CFLAGS += -isystem $(KSFT) -I$(SELFTESTS)/lib -I$(TOP)/userspace/include -I$(TOP)/uapi
# Found in the build folder here, in bin/ once the collection is installed.
LDFLAGS += -L$(BUILT)/userspace
LDFLAGS += -Wl,-rpath,'$$ORIGIN/../bin':'$$ORIGIN/../../bin':'$$ORIGIN/../../userspace'
LDLIBS += $(LIBVMM) -lvmqos -lm
LOCAL_HDRS += $(wildcard *.h $(SELFTESTS)/lib/*.h)
LOCAL_HDRS += $(wildcard $(TOP)/userspace/include/vmqos/*.h $(TOP)/uapi/linux/*.h)

include $(KSFT)/lib.mk

$(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED): $(LIBVMM)
