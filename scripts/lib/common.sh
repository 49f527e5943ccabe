# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every script of the project starts with: where things are, how to speak,
# and how to become root for the few steps that need it.  Sourced, never run.

VMQOS_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
VMQOS_CACHE=${VMQOS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmqos}
export VMQOS_ROOT VMQOS_CACHE

# The kernels the project supports, in the order in which they are tested.
# "debug" is our own build of 6.12 with KASAN, lockdep and the like.
# shellcheck disable=SC2034 # read by the scripts that source this file
VMQOS_KERNELS=(6.1 6.12 7.3 debug)

vmqos_say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

vmqos_die() {
	vmqos_say "$*"
	exit "${VMQOS_DIE_STATUS:-1}"
}

# vmqos_as_root COMMAND...: run it as root; by sudo for everybody else.
vmqos_as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		vmqos_die "'$*' needs root, and sudo is not installed: run this as root, or install sudo"
	fi
}

# vmqos_lock FILE: hold FILE's lock (created where missing) until the script ends.
# A second holder waits, so that two jobs never prepare the same thing at once.
vmqos_lock() {
	local fd
	mkdir -p -- "$(dirname -- "$1")"
	exec {fd}>"$1"
	if ! flock -n "$fd"; then
		vmqos_say "waiting for another job that holds $1"
		flock "$fd"
	fi
}
