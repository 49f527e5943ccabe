# SPDX-License-Identifier: GPL-2.0
#
# What the acts of the demo share. An act sets "guests", each with its name and its
# number of vCPUs, and "guest_options" for scripts/guest, and calls demo_start before it
# shows something.

# shellcheck shell=bash

guests=()
guest_options=()

say() {
	if [ -t 1 ]; then
		printf '\n\033[1m%s\033[0m\n' "$*"
	else
		printf '\n%s\n' "$*"
	fi
}

die() {
	printf '%s\n' "$*" >&2
	tail -n 20 "$DEMO_DIR"/*.log >&2 || true
	exit 1
}

# The watchers go before the watched, as a tool on a busy host should.
watching() { nice -n -10 "$@"; }

pids=()
demo_finish() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	pids=()
}

# until_true SECONDS WHAT COMMAND...
until_true() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || die "$what: not within the time"
		sleep 0.5
	done
}

# A guest that has booted is stopped until all have: busy as they are, the first ones
# would keep the others from ever getting there. Their processes, by name.
declare -A stopped=()
guests_ready() {
	local guest name log
	for guest in "${guests[@]}"; do
		name=${guest% *}
		log=$DEMO_DIR/guest-$name.log
		if [ -z "${stopped[$name]:-}" ] && grep -q '^ready' "$log"; then
			stopped[$name]=$(sed -n 's/^pid //p' "$log")
			kill -STOP "${stopped[$name]}"
			echo "$name has booted, $SECONDS s after the start"
		fi
	done
	[ ${#stopped[@]} = ${#guests[@]} ]
}

# All vCPUs of all guests known to the kernel, with its hook in their threads.
all_attached() {
	local guest vcpus=0
	for guest in "${guests[@]}"; do
		vcpus=$((vcpus + ${guest#* }))
	done
	[ "$(vmqos --json list | /usr/bin/python3 -c '
import json, sys
print(sum(vm["vcpus_attached"] for vm in json.load(sys.stdin)["vms"]))')" = "$vcpus" ]
}

no_vm_left() { [ "$(vmqos --json list | tr -d ' \n')" = '{"vms":[]}' ]; }

# Starts the daemon and the guests, and has all of them run.
demo_start() {
	local guest name vcpus
	trap demo_finish EXIT
	uname -r >"$DEMO_DIR/release"
	say "vmqosd adopts every VM of the host as it starts"
	vmqosd >"$DEMO_DIR/vmqosd.log" 2>&1 &
	pids+=($!)
	for guest in "${guests[@]}"; do
		read -r name vcpus <<<"$guest"
		echo "starting $name: QEMU with $vcpus vCPU(s), all of them busy"
		scripts/guest run --name "$name" --vcpus "$vcpus" --timeout 900 "${guest_options[@]}" >"$DEMO_DIR/guest-$name.log" 2>&1 &
		pids+=($!)
	done
	until_true 900 "the guests boot" guests_ready
	kill -CONT "${stopped[@]}"
	until_true 30 "the daemon adopts the guests" all_attached
}

demo_end() {
	# One that is stopped would not end.
	kill -CONT "${stopped[@]}" 2>/dev/null || true
	demo_finish
	until_true 20 "the kernel lets go of the VMs that ended" no_vm_left
	echo
	echo "The guests have ended; 'vmqos list' is empty again."
}
