#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vmqosd beside a real libvirt: domains are adopted under libvirt's name and UUID
# and get their policy, from their start to their end, with the rights of the
# service alone.

set -uo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
TESTS=17
UUID=01234567-89ab-4def-8123-456789abcdef
OTHER_UUID=fedcba98-7654-4321-8fed-cba987654321
# A VMM and libvirt start within seconds even under emulation.
PATIENCE=60

skip() {
	echo "1..0 # SKIP $*"
	exit 4
}

# Installed, the script is beside the test; in the tree it is where it lives.
find_libvirt_host() {
	local file
	for file in "$here/libvirt-host" "$here/../../scripts/libvirt-host"; do
		[ ! -x "$file" ] || { echo "$file" && return; }
	done
	return 1
}

if [ "${1:-}" != inside ]; then
	echo "TAP version 13"
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ -e /dev/kvm ] || skip "no /dev/kvm: load kvm_amd or kvm_intel"
	vmqos version >/dev/null 2>&1 || skip "vmqos does not answer: is the module loaded?"
	for program in libvirtd virtlogd virsh dbus-daemon polkitd qemu-system-x86_64 setpriv; do
		PATH=$PATH:/usr/sbin:/sbin:/usr/lib/polkit-1 command -v "$program" >/dev/null ||
			skip "$program is not installed: scripts/setup libvirt"
	done
	# Where time is the count of instructions it flies while files are waited for, and
	# libvirt gives up on QEMU; nor are its limits made for a kernel that checks itself.
	[ "${VMQOS_CLOCK:-}" != icount ] || skip "needs real time: scripts/selftests --clock mttcg"
	[ "${VMQOS_KERNEL:-}" != debug ] || skip "too slow on the debug kernel"
	libvirt_host=$(find_libvirt_host) || skip "libvirt-host is not there"
	# Read in one go what would be paged in bit by bit: on a network file system
	# that takes so long that libvirt stops waiting for QEMU.
	for program in libvirtd qemu-system-x86_64; do
		file=$(PATH=$PATH:/usr/sbin:/sbin command -v "$program")
		ldd "$file" | awk '$3 ~ "^/" { print $3 }' | xargs -r cat "$file" >/dev/null
	done
	# The guest with a balloon, that a VMM of any user can read.
	for file in "$here/../qemu/memory.bin" "$here/../../build/selftests/qemu/memory.bin"; do
		[ ! -r "$file" ] || cp "$file" /tmp/vmqosd-guest.bin
	done
	[ -r /tmp/vmqosd-guest.bin ] || skip "the guest memory.bin is not built: run make selftests"
	chmod 644 /tmp/vmqosd-guest.bin
	"$libvirt_host" --let nobody "$here/${0##*/}" inside
	status=$?
	rm -f /tmp/vmqosd-guest.bin
	[ $status != 125 ] || echo "Bail out! libvirt could not be started"
	exit $status
fi

echo "1..$TESTS"
work=$(mktemp -d /tmp/vmqosd-libvirt.XXXXXX)
chmod 755 "$work"
mkdir "$work/policy"
touch "$work/log"
number=0 failed=0 daemon='' libvirtd=''

# shellcheck disable=SC2317 # called at exit
cleanup() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null
	[ -z "$libvirtd" ] || kill "$libvirtd" 2>/dev/null
	rm -rf -- "$work"
}
trap cleanup EXIT

# result STATUS WHAT: one line of the protocol; what helps follows a failure.
result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
		echo "# after $SECONDS s"
		return
	fi
	echo "not ok $number $2"
	failed=1
	{
		vmqos list
		virsh -q list --all
		cat "$work/log"
	} 2>&1 | sed 's/^/# /'
}

# eventually COMMAND...: try it until it succeeds or patience is over.
eventually() {
	local end=$((SECONDS + PATIENCE))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# adopted NAME UUID VCPUS ATTACHED: whether it is, with so many vCPUs.
# shellcheck disable=SC2317 # called by eventually
adopted() {
	vmqos list --format tsv 2>/dev/null |
		awk -F '\t' -v name="$1" -v uuid="$2" -v vcpus="$3" -v attached="$4" '
			$2 == name && $3 == "active" && $4 == vcpus && $5 == attached && $7 == uuid { ok = 1 }
			END { exit !ok }'
}

known() {
	vmqos list --format tsv 2>/dev/null | awk -F '\t' -v name="$1" '$2 == name { ok = 1 } END { exit !ok }'
}

# shellcheck disable=SC2317
gone() { ! known "$1"; }
# shellcheck disable=SC2317
logged() { grep -qF -- "$1" "$work/log"; }

# weight NAME: that of the cgroup that libvirt has made for the VM.
# shellcheck disable=SC2317
weight() {
	local pid path
	pid=$(vmqos list --format tsv | awk -F '\t' -v name="$1" '$2 == name { print $6 }')
	path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	path=${path%/emulator}
	cat "/sys/fs/cgroup${path%/libvirt}/cpu.weight"
}

# three_times NAME OTHER: whether the first weighs three times the other, within 3 %.
# shellcheck disable=SC2317 # called by eventually
three_times() {
	awk -v one="$(weight "$1")" -v other="$(weight "$2")" '
		BEGIN { exit !(other > 0 && one > 2.91 * other && one < 3.09 * other) }' 2>/dev/null
}

# domain NAME UUID: define one that runs nothing but its firmware.
domain() {
	cat >"$work/domain.xml" <<-END
	<domain type='kvm'>
	  <name>$1</name>
	  <uuid>$2</uuid>
	  <memory unit='MiB'>64</memory>
	  <vcpu current='1'>2</vcpu>
	  <os><type arch='x86_64' machine='pc'>hvm</type></os>
	  <features><acpi/></features>
	  <cpu mode='host-passthrough' check='none' migratable='off'/>
	  <devices><memballoon model='none'/></devices>
	</domain>
	END
	virsh -q define "$work/domain.xml"
}

# ballooned NAME UUID: define one with a guest that has a driver for its balloon.
ballooned() {
	cat >"$work/domain.xml" <<-END
	<domain type='kvm'>
	  <name>$1</name>
	  <uuid>$2</uuid>
	  <memory unit='MiB'>128</memory>
	  <vcpu>1</vcpu>
	  <os>
	    <type arch='x86_64' machine='pc'>hvm</type>
	    <loader type='rom'>/tmp/vmqosd-guest.bin</loader>
	  </os>
	  <features><acpi/></features>
	  <cpu mode='host-passthrough' check='none' migratable='off'/>
	  <devices>
	    <serial type='null'/>
	    <memballoon model='virtio'><stats period='5'/></memballoon>
	  </devices>
	</domain>
	END
	virsh -q define "$work/domain.xml"
}

# balloon KEY [ARGUMENT...]: a value of what vmqos says of the domain's balloon.
balloon() {
	local key=$1
	shift
	vmqos --json balloon shop-2 "$@" 2>>"$work/log" |
		python3 -c "import json, sys; print(json.loads(sys.stdin.read() or '{}').get('$key'))"
}

# is KEY VALUE
# shellcheck disable=SC2317 # called by eventually
is() { [ "$(balloon "$1")" = "$2" ]; }
# kept KIB: by libvirt's own account. virsh writes line by line, and fails where nobody reads on.
# shellcheck disable=SC2317
kept() { [ "$(virsh -q dommemstat shop-2 | sed -n 's/^actual //p')" = "$1" ]; }
period() { virsh -q dumpxml shop-2 | sed -n "s/.*<stats period='\([0-9]*\)'.*/\1/p"; }
# shellcheck disable=SC2317
period_is() { [ "$(period)" = "$1" ]; }

cat >"$work/policy/shop.conf" <<END
[vm "*"]
adopt = no

[vm "shop-*"]
adopt = yes
cpu-shares = 1000
balloon-floor = 32M
balloon-speed = 64M

[vm uuid=$OTHER_UUID]
adopt = yes
name = database
cpu-shares = 3000
END

# Weights are kept while policies are enforced.
vmqos host set --cpu-gate on >/dev/null

export VMQOSD_SOCKET=$work/run/vmqosd.sock
mkdir "$work/run"
chown 65534:65534 "$work/run"

# As its service does: a user of its own with four capabilities.
caps=-all,+net_admin,+sys_ptrace,+dac_read_search,+dac_override
setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
	"--inh-caps=$caps" "--ambient-caps=$caps" "--bounding-set=$caps" \
	vmqosd --verbose --config "$work/policy" --socket "$VMQOSD_SOCKET" 2>"$work/log" &
daemon=$!
eventually logged "ready, 0 VMs adopted"
result $? "vmqosd runs with the rights of its service"

# With the rule of daemon.rst for nobody's name; daemon is a user without one.
! setpriv --reuid=daemon --regid=daemon --clear-groups virsh -q list >"$work/refused" 2>&1 &&
	grep -qi "authentication\|access denied" "$work/refused" &&
	setpriv --reuid=nobody --regid=nogroup --clear-groups virsh -q list
result $? "libvirt asks polkit, and a rule lets vmqosd's user"

domain shop-1 $UUID && virsh -q start shop-1 && eventually adopted shop-1 $UUID 1 1
result $? "a domain is adopted under libvirt's name and UUID when it starts"

# Firmware that finds nothing to boot burns a CPU, of which an emulated host has few.
virsh -q suspend shop-1
domain db-7 $OTHER_UUID && virsh -q start db-7 --paused && eventually adopted database $OTHER_UUID 1 0
result $? "a domain gets the name that the policy has for its UUID"

# Neither wants anything: they are weighed by their shares.
eventually three_times database shop-1
result $? "the cgroups of two domains get weights in proportion"

virsh -q setvcpus shop-1 2 --live && eventually adopted shop-1 $UUID 2 1
result $? "a vCPU that libvirt plugs in is found"

# By the time that it runs, vmqosd has looked at it: its name is in the log.
domain stranger 11111111-2222-4333-8444-555555555555 && virsh -q start stranger --paused &&
	eventually logged "VM stranger (process " && gone stranger
result $? "a domain that the policy does not want is left alone"

sed -i 's/^name = database/name = archive/' "$work/policy/shop.conf"
kill -HUP $daemon && eventually adopted archive $OTHER_UUID 1 0 && gone database
result $? "a policy that is read again is applied to a domain that runs"

virsh -q destroy shop-1 && eventually gone shop-1 && known archive
result $? "a domain that libvirt destroys is released, the others stay"

# libvirt has the monitor of its VMs: their balloons are reached through it.
ballooned shop-2 22222222-3333-4444-8555-666666666666 && virsh -q start shop-2 &&
	eventually is state empty && is backend qemu && is via libvirt && is memory $((128 << 20)) &&
	period_is 5
result $? "the balloon of a domain is found, and looking at it changes nothing"

balloon state 64M >/dev/null && eventually is state reached && is actual $((64 << 20)) &&
	kept 65536 && period_is 1
result $? "half of its memory is taken from it, by libvirt's own account"

# What it tells: no more than 64 MiB, and most of that free. It does so once a second.
# shellcheck disable=SC2317 # called by eventually
tells_half() {
	[ "$(vmqos --json balloon shop-2 | python3 -c '
import json, sys
guest = json.loads(sys.stdin.read() or "{}").get("guest", {"total": 0})
print(guest["total"] == 64 << 20 and 32 << 20 < guest["available"] < 64 << 20)')" = True ]
}
eventually tells_half
result $? "what its guest tells is told"

virsh -q reset shop-2 && eventually is state resting && is actual 0 && is target $((64 << 20))
result $? "a domain that is reset has an empty balloon for a while"

# It neither answers nor ends.
libvirtd=$(pgrep -n -x libvirtd)
kill -STOP "$libvirtd"
balloon state >/dev/null
logged "libvirt does not answer" && vmqos --json balloon >/dev/null && kill -0 $daemon &&
	[ "$(vmqos --json balloon shop-2 2>&1 | grep -c "libvirt")" -gt 0 ]
status=$?
kill -CONT "$libvirtd"
result $status "a libvirt that hangs is told of, and vmqosd goes on"

eventually is target $((64 << 20)) && balloon state off >/dev/null && eventually is state empty &&
	eventually kept 131072 && eventually period_is 5
result $? "when it goes on the balloon is emptied, and all is as it was found"

kill -KILL "$libvirtd"
balloon state >/dev/null
libvirtd >"$work/libvirtd.log" 2>&1 &
libvirtd=$!
eventually is state empty && virsh -q destroy shop-2 && eventually gone shop-2
status=$?
result $status "a libvirt that is killed and started anew is found again"

virsh -q destroy db-7 && virsh -q destroy stranger && eventually gone archive &&
	kill -0 $daemon && ! logged "error: "
result $? "all domains have ended, and vmqosd has met no error"

exit $failed
