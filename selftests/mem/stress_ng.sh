#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stressors of stress-ng for files and for mappings of files, in a vmramfs: pages of both
# sizes, the scanner at work without a rest, and under a limit with the store. What they read is
# verified. In the long form only.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd)
helpers=$here/../kselftest/ktap_helpers.sh
[[ -r $helpers ]] || helpers=$KSFT/kselftest/ktap_helpers.sh
# shellcheck source=/dev/null
. "$helpers"

parameters=/sys/module/vmqos_mem/parameters
seconds=${VMQOS_SECONDS:-4}
work=$(mktemp -d)
# Each with its options, behind colons.
stressors=(
	dentry dir fallocate:--fallocate-bytes:16M filename fpunch getdent hdd:--hdd-bytes:16M iomix:--iomix-bytes:16M
	lockf mmap:--mmap-file:--mmap-bytes:16M msync:--msync-bytes:8M msyncmany open
	readahead:--readahead-bytes:16M rename revio:--revio-bytes:16M
	seek:--seek-punch:--seek-size:16M sendfile:--sendfile-size:4M stackmmap
	sync-file:--sync-file-bytes:16M touch utime
)
mounts=("share_zero=on" "share_zero=on,huge=within_size"
	"share_zero=on,huge=within_size,zeros=map,file_limit=4M")

finish() {
	if [[ -d $parameters ]]; then
		echo 5 >$parameters/scan_percent
		echo 10000 >$parameters/scan_period_ms
	fi
	umount "$work/vmram" 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT

skip() {
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

ktap_print_header
[[ ${VMQOS_LONG:-}${VMQOS_SECONDS:-} ]] || skip "takes long: VMQOS_LONG=1 or VMQOS_SECONDS=4"
((EUID == 0)) || skip "needs root"
command -v stress-ng >/dev/null || skip "no stress-ng: apt install stress-ng"
[[ -d $parameters ]] || modprobe vmqos_mem 2>/dev/null
[[ -d $parameters ]] || skip "the module vmqos_mem is neither loaded nor can modprobe load it"
ktap_set_plan $((${#mounts[@]} * (${#stressors[@]} + 1)))
mkdir "$work/vmram"
echo 0 >$parameters/scan_period_ms
echo 100 >$parameters/scan_percent

# It is to have run, verified, and left nothing behind. What it leaves out it says itself.
holds() {
	local name=${1%%:*} options=() log=$work/log
	IFS=: read -r -a options <<<"${1#"$name"}"
	(cd "$work" && timeout $((seconds * 10 + 120)) stress-ng --temp-path "$work/vmram" --verify \
		--metrics-brief --timeout "$seconds" "--$name" 2 "${options[@]:1}") >"$log" 2>&1
	local status=$?
	((status == 0)) && ! grep -qiE 'skipp|fail:' "$log" && [[ -z $(ls -A "$work/vmram") ]] && return
	ktap_print_msg "status $status, $(find "$work/vmram" -mindepth 1 | wc -l) left"
	grep -vE 'dispatching|setting to' "$log" | head -n 5 | sed 's/^/# /'
	return 1
}

# All files are gone: so is what they took.
is_empty() {
	local end=$((SECONDS + 30))
	until [[ $(stat -f -c '%b' "$work/vmram") == "$(stat -f -c '%f' "$work/vmram")" ]]; do
		((SECONDS < end)) || return
		sleep 0.1
	done
}

for mount in "${mounts[@]}"; do
	mount -t vmramfs -o "size=512M,$mount" none "$work/vmram" || exit "$KSFT_FAIL"
	for stressor in "${stressors[@]}"; do
		ktap_test_result "$mount: ${stressor%%:*}" holds "$stressor"
	done
	ktap_test_result "$mount: nothing is taken at the end" is_empty
	umount "$work/vmram"
done
ktap_finished
