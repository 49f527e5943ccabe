#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A real QEMU guest with its memory in vmramfs: it boots, its zero pages are given back
# while it runs, it goes on, and nothing of it is left at the end.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd)
PATH=$here/../bin:$here/../../scripts:$here/../../../scripts:$PATH
# shellcheck disable=SC2034 # read by the helpers
KSFT_NUM_TESTS=0
helpers=$here/../kselftest/ktap_helpers.sh
[[ -r $helpers ]] || helpers=$KSFT/kselftest/ktap_helpers.sh
# shellcheck source=/dev/null
. "$helpers"

parameters=/sys/module/vmqos_mem/parameters
memory=134217728
work=$(mktemp -d)
guest=''

finish() {
	[[ -z $guest ]] || kill "$guest" 2>/dev/null
	echo 5 >$parameters/scan_percent
	echo 10000 >$parameters/scan_period_ms
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
# One emulated CPU at a time takes minutes for what CPUs in parallel do in 20 s.
case ${VMQOS_CLOCK:-} in
icount | single) skip "a Debian guest takes minutes to boot here: scripts/selftests --clock mttcg --test mem:qemu_memory.sh" ;;
esac
[[ -d $parameters ]] || modprobe vmqos_mem 2>/dev/null
[[ -d $parameters ]] || skip "the module vmqos_mem is neither loaded nor can modprobe load it"

ktap_set_plan 7

within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.2
	done
}

said() { grep -q "^$1" "$work/out"; }
ready() { said ready || ! kill -0 "$guest"; }
# A counter of the guest's memory, of those that QEMU's descriptor of the file has.
counter() {
	local link
	for link in "/proc/$pid"/fd/*; do
		[[ $(readlink "$link") != "$work/vmram/web" ]] || break
	done
	sed -n "s/^$1:\t//p" "/proc/$pid/fdinfo/${link##*/}"
}
resident() { counter mem-resident; }
backend() { echo "-object memory-backend-file,id=m,size=128M,mem-path=$work/vmram/web,share=$1,align=2M -machine memory-backend=m"; }

mkdir "$work/vmram"
mount -t vmramfs -o size=160M none "$work/vmram" || ktap_exit_fail_msg "cannot mount"

refused() {
	# shellcheck disable=SC2046 # words of a command line
	! timeout 60 qemu-system-x86_64 -accel kvm -nodefaults -display none -m 128M $(backend off) \
		>"$work/refused" 2>&1 && grep -q "not supported" "$work/refused" &&
		dmesg | grep -q "vmramfs: .*share=on"
}
ktap_test_result "share=off is refused, and the log says what to write" refused
rm -f "$work/vmram/web"

# shellcheck disable=SC2046 # words of a command line
guest run --name ksft-memory --vcpus 1 --max-vcpus 2 --load idle --memory 128M \
	--qmp "$work/qmp" --timeout 240 -- $(backend on) >"$work/out" 2>&1 &
guest=$!
within 250 ready
said ready || {
	sed 's/^/# /' "$work/out"
	ktap_exit_fail_msg "the guest did not get ready"
}
pid=$(sed -n 's/^pid //p' "$work/out")
before=$(resident)
ktap_print_msg "$before bytes resident after the boot"
ktap_test_result "its memory is in the file" test "$before" -gt 8000000
ktap_test_result "and as large as it was told" test "$(counter mem-configured)" = $memory

# QEMU has read or written all of it once: then all that is left of that goes.
echo 100 >$parameters/scan_percent
echo 0 >$parameters/scan_period_ms
mount -o remount,share_zero=on "$work/vmram"
freed() { (($(counter mem-zero-freed) > 0 && $(counter mem-zero-passes) > 20)); }
ktap_test_result "zero pages are given back" within 120 freed
ktap_print_msg "$(counter mem-zero-freed) pages freed, $(resident) bytes resident"
goes_on() { guest add-vcpu "$work/qmp" && within 120 said cpu; }
ktap_test_result "the guest goes on: it takes a new CPU into use" goes_on

end() {
	kill "$guest" && within 10 test ! -d "/proc/$pid"
}
ktap_test_result "its end is seen" end
guest=''
left() { rm "$work/vmram/web" && within 10 umount "$work/vmram"; }
ktap_test_result "nothing of it is left" left
ktap_finished
