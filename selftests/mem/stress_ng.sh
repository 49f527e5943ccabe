#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stressors of stress-ng for files and memory, in a vmramfs: pages of both sizes, the
# scanner at work, and a limit for each file. Those with --verify check what they read. Long form only.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd)
helpers=$here/../kselftest/ktap_helpers.sh
[[ -r $helpers ]] || helpers=$here/../../build/selftests/kselftest/ktap_helpers.sh
# shellcheck source=/dev/null
. "$helpers"

seconds=${VMQOS_SECONDS:-10}
# Of files: each makes its own in the folder that it is given.
files=(copy-file dentry dir fallocate filename fpunch getdent hdd io iomix lockf metamix mmapfork open
	readahead rename revio seek sendfile splice sync-file touch utime)
# Of mappings, of a file where they can have one.
mappings=(mmap madvise mmapaddr mmapfixed mmapmany mprotect mremap msync msyncmany remap shm-sysv vm)
parameters=/sys/module/vmqos_mem/parameters
where=
