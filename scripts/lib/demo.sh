# SPDX-License-Identifier: GPL-2.0
#
# What the acts of the demo share. An act sets "guests", each with its name and its
# number of vCPUs, and calls demo_start before it shows something.

# shellcheck shell=bash

guests=()
# All that the guests are to do is to want the CPU, and that at once: the QEMU is any
# guest's, what runs in it are a few instructions.
guest_options=(--bare --memory 16M)

say() {
	if [ -t 1 ]; then
		printf '\n\033[1m%s\033[0m\n' "$*"
	else
		printf '\n%s\n' "$*"
	fi
}

die() {
	printf '%s\n' "$*" >&2
	{
		vmqos list
		ps -eLo pid,tid,state,wchan:20,ni,comm --ppid 2 -N
		tail -n 20 "$DEMO_DIR"/*.log
	} >&2 || true
	exit 1
}

# The watchers go before the watched, as a tool on a busy host should. In the background it
# must not be called so: what is killed then is a shell, and not the watcher.
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

# Their QEMUs, by name.
declare -A qemu=()

# A guest that is at work is stopped until all are: busy as they are, the first ones would
# make the others slow to come.
declare -A stopped=()
guests_ready() {
	local guest name
	for guest in "${guests[@]}"; do
		name=${guest% *}
		if [ -z "${stopped[$name]:-}" ] && grep -q 'guest-ready' "$DEMO_DIR/guest-$name.log"; then
			stopped[$name]=${qemu[$name]}
			kill -STOP "${stopped[$name]}"
			echo "$name is at work"
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
	[ "$(watching vmqos list --format tsv | awk -F '\t' '{ sum += $5 } END { print sum + 0 }')" = "$vcpus" ]
}

no_vm_left() { [ "$(vmqos --json list | tr -d ' \n')" = '{"vms":[]}' ]; }

daemon_ready() { grep -q 'ready' "$DEMO_DIR/vmqosd.log"; }

# Starts the daemon and the guests, and has all of them run.
demo_start() {
	local guest name vcpus
	local -A command=()
	trap demo_finish EXIT
	uname -r >"$DEMO_DIR/release"
	say "vmqosd adopts every VM of the host as it starts"
	vmqosd >"$DEMO_DIR/vmqosd.log" 2>&1 &
	pids+=($!)
	until_true 600 "the daemon starts" daemon_ready
	# All commands first: later the first guests would be in the way.
	for guest in "${guests[@]}"; do
		read -r name vcpus <<<"$guest"
		command[$name]=$(scripts/guest run --dry-run --name "$name" --vcpus "$vcpus" "${guest_options[@]}")
	done
	for guest in "${guests[@]}"; do
		read -r name vcpus <<<"$guest"
		echo "starting $name: QEMU with $vcpus busy vCPU$( ((vcpus == 1)) || echo s)"
		eval "${command[$name]} </dev/null >\"\$DEMO_DIR/guest-$name.log\" 2>&1 &"
		qemu[$name]=$!
		pids+=($!)
	done
	until_true 1200 "the guests get to work" guests_ready
	kill -CONT "${stopped[@]}"
	until_true 600 "the daemon adopts the guests" all_attached
}

demo_end() {
	# One that is stopped would not end.
	[ ${#stopped[@]} -eq 0 ] || kill -CONT "${stopped[@]}" 2>/dev/null || true
	demo_finish
	until_true 600 "the kernel lets go of the VMs that ended" no_vm_left
	echo
	echo "The guests have ended; 'vmqos list' is empty again."
}
