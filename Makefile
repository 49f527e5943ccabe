# SPDX-License-Identifier: GPL-2.0
#
# The project's entry points; each does its work elsewhere.  "make help" lists them.

# The kernel to build for: host (the running one), 6.1, 6.12, 7.3 or debug.
KERNEL ?= host
# Where "make install" puts things.
PREFIX ?= /usr/local
DESTDIR ?=

export PREFIX DESTDIR

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

all: modules userspace

help:
	@echo 'make                 the modules for the running kernel, and the userspace'
	@echo 'make modules         the modules, into build/KERNEL; KERNEL=6.1, 6.12, 7.3 or debug'
	@echo '                     for another kernel, W=1 for more warnings, WERROR=1 to fail on any'
	@echo '                     VARIANT=NAME builds into build/KERNEL-NAME instead'
	@echo 'make userspace       the library, the tool and the daemon, into build/userspace'
	@echo 'make selftests       the tests, into build/selftests'
	@echo 'make install         all of it onto this machine; PREFIX=/usr/local, DESTDIR='
	@echo 'make uninstall       remove what make install put there'
	@echo 'make demo            watch three VMs compete, in a KVM host under emulation'
	@echo 'make check           all checks and tests, in KVM hosts under emulation'
	@echo 'make check-long      the same with the full counts'
	@echo 'make clean           remove build/'

modules:
	@scripts/build-modules $(KERNEL)

userspace:
	@scripts/setup build
	@$(MAKE) --no-print-directory -C userspace VERSION=$(VERSION)

selftests:
	@scripts/setup build
	@$(MAKE) --no-print-directory -C selftests

install: modules userspace
	@scripts/install-modules install $(VERSION)
	@$(MAKE) --no-print-directory -C userspace VERSION=$(VERSION) install

uninstall:
	@scripts/install-modules uninstall $(VERSION)
	@$(MAKE) --no-print-directory -C userspace VERSION=$(VERSION) uninstall

demo:
	@scripts/demo

check:
	@scripts/run-checks

check-long:
	@scripts/run-checks --long

clean:
	rm -rf build

.PHONY: all help modules userspace selftests install uninstall demo check check-long clean
