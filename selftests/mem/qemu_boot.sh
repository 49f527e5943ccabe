#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a Linux guest's boot takes of faults: with pages of 2M a hundredth of what it takes with
# pages of 4K.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd)
PATH=$here/../bin:$here/../../scripts:$here/../../../scripts:$PATH
# shellcheck disable=SC2034 # read by the helpers
KSFT_NUM_TESTS=0
helpers=$here/../kselftest/ktap_helpers.sh
[[ -r $helpers ]] || helpers=$KSFT/kselftest/ktap_helpers.sh
# shellcheck source=/dev/null
. "$helpers"

work=$(mktemp -d)
guest=''
finish() {
	[[ -z $guest ]] || kill "$guest" 2>/dev/null
	umount "$work/vmram" 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT

skip() {
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

ktap_print_header
((EUID == 0)) || skip "needs root"
[[ -w /dev/kvm ]] || skip "no /dev/kvm: load kvm_amd or kvm_intel"
command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64: apt install qemu-system-x86"
# dev/testing.rst has why; and with the clock of instructions a boot takes an hour.
[[ -z ${VMQOS_CLOCK:-} || $VMQOS_CLOCK != icount && $(nproc) == 1 ]] ||
	skip "wants a host of one CPU: scripts/selftests --clock single --cpus 1 --long --test mem:qemu_boot.sh"
[[ -n ${VMQOS_LONG:-} ]] || skip "boots two Linux guests: VMQOS_LONG=1"
modprobe vmqos_mem 2>/dev/null
grep -q vmramfs /proc/filesystems || skip "the module vmqos_mem is neither loaded nor can modprobe load it"
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug 2>/dev/null

ktap_set_plan 3

# A counter of the guest's memory, of those that QEMU's descriptor of the file has.
counter() {
	local link
	for link in "/proc/$1"/fd/*; do
		[[ $(readlink "$link") != "$work/vmram/web" ]] || break
	done
	sed -n "s/^$2:\t//p" "/proc/$1/fdinfo/${link##*/}"
}

faults=0
# Boots a guest on a new mount; sets faults to those that its memory has had when it is up.
boot() {
	local pid step
	mount -t vmramfs -o "size=160M,share_zero=off,$1" none "$work/vmram" || return 1
	guest run --name ksft-boot --vcpus 1 --load idle --memory 128M --timeout 500 -- \
		-object "memory-backend-file,id=m,size=128M,mem-path=$work/vmram/web,share=on,align=2M" \
		-machine memory-backend=m >"$work/out" 2>&1 &
	guest=$!
	for ((step = 0; step < 5000; step++)); do
		! grep -q ^ready "$work/out" || break
		kill -0 "$guest" 2>/dev/null || break
		sleep 0.1
	done
	pid=$(sed -n 's/^pid //p' "$work/out")
	if ! grep -q ^ready "$work/out"; then
		sed 's/^/# /' "$work/out"
		return 1
	fi
	faults=$(counter "$pid" mem-faults)
	ktap_print_msg "$1: $faults faults, $(counter "$pid" mem-resident) bytes resident," \
		"$(cat /sys/kernel/debug/kvm/"$pid"-*/pf_fixed) of KVM's faults," \
		"$(cat /sys/kernel/debug/kvm/"$pid"-*/pages_2m) mappings of 2M"
	kill "$guest"
	wait "$guest" 2>/dev/null
	guest=''
	rm "$work/vmram/web"
	for ((step = 0; step < 100; step++)); do
		umount "$work/vmram" 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

mkdir "$work/vmram"
ktap_test_result "a guest boots with pages of 4K" boot huge=never
small=$faults
faults=$small
ktap_test_result "a guest boots with pages of 2M" boot huge=within_size
hundredth() { ((small > 0 && faults * 100 <= small)); }
ktap_test_result "that takes a hundredth of the faults" hundredth
ktap_finished
