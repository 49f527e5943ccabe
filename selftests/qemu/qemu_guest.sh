#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A real QEMU guest: adopted under its own name and UUID, its vCPUs found, its
# time right, a hot-plugged vCPU found, its end seen.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd)
PATH=$here/../bin:$here/../../scripts:$PATH
# shellcheck disable=SC2034 # read by the helpers
KSFT_NUM_TESTS=0
helpers=$here/../kselftest/ktap_helpers.sh
[[ -r $helpers ]] || helpers=$KSFT/kselftest/ktap_helpers.sh
# shellcheck source=/dev/null
. "$helpers"

uuid=3f2504e0-4f89-41d3-9a0c-0305e82c3301
work=$(mktemp -d)
guest=''

finish() {
	[[ -z $guest ]] || kill "$guest" 2>/dev/null
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
command -v vmqos >/dev/null || skip "the tool vmqos is not in PATH"
# One emulated CPU at a time takes minutes for what CPUs in parallel do in 20 s.
case ${VMQOS_CLOCK:-} in
icount | single) skip "a Debian guest takes minutes to boot here: scripts/selftests --clock mttcg qemu" ;;
esac
vmqos host >/dev/null 2>&1 || modprobe vmqos 2>/dev/null
vmqos host >/dev/null 2>&1 || skip "the module vmqos is neither loaded nor can modprobe load it"

ktap_set_plan 7

# Wait until a command succeeds, at most so many seconds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.2
	done
}

ready() { said ready || ! kill -0 "$guest"; }
said() { grep -q "^$1" "$work/out"; }
attached() { (($(field vcpus_attached) >= $1)); }
# A number of the VM out of the tool's JSON.
field() { vmqos --json list | python3 -c '
import json, sys
data = json.load(sys.stdin)
vms = data["vms"] if isinstance(data, dict) else data
print(next(vm for vm in vms if vm["name"] == "ksft-guest")[sys.argv[1]])' "$1"; }
gone() { ! vmqos show ksft-guest; }

guest run --name ksft-guest --uuid "$uuid" --vcpus 2 --max-vcpus 3 --load spin \
	--qmp "$work/qmp" --timeout 240 >"$work/out" 2>&1 &
guest=$!
within 250 ready
said ready || {
	sed 's/^/# /' "$work/out"
	ktap_exit_fail_msg "the guest did not get ready"
}
pid=$(sed -n 's/^pid //p' "$work/out")

ktap_test_result "adopted by PID" vmqos adopt --pid "$pid"
ktap_test_result "has QEMU's name" vmqos show ksft-guest
ktap_test_result "has QEMU's UUID" test "$(field uuid)" = "$uuid"
ktap_test_result "both vCPUs carry the hook" within 10 attached 2

# Two spinning vCPUs: the tool's run time against that of their threads.
truth() {
	local tid sum=0 run
	for tid in $(vmqos --json show ksft-guest | grep -o '"tid": *[0-9]*' | grep -o '[0-9]*$'); do
		read -r run _ <"/proc/$pid/task/$tid/schedstat" && sum=$((sum + run))
	done
	echo "$sum"
}
ours() { vmqos --json stat ksft-guest | grep -o '"run_ns": *[0-9]*' | head -n 1 | grep -o '[0-9]*$'; }
# The truth before and after each of ours: the programs that read take their time.
compare() {
	local truth ours least most
	truth=("$(truth)") ours=("$(ours)") truth+=("$(truth)")
	sleep 10
	truth+=("$(truth)") ours+=("$(ours)") truth+=("$(truth)")
	least=$((truth[2] - truth[1])) most=$((truth[3] - truth[0]))
	ktap_print_msg "run time grew by $least to $most ns, vmqos says $((ours[1] - ours[0])) ns"
	((least > 0 && (ours[1] - ours[0]) * 1000 >= least * 999 && (ours[1] - ours[0]) * 1000 <= most * 1001))
}
ktap_test_result "run time grows as the threads' own" compare

hotplug() {
	guest add-vcpu "$work/qmp" && within 60 said cpu && within 10 attached 3
}
ktap_test_result "a hot-plugged vCPU is found" hotplug

end() {
	kill "$guest" && within 10 gone
}
ktap_test_result "its end is seen" end
guest=''
ktap_finished
