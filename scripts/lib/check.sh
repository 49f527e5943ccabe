# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every check in scripts/check.d starts with.  Sourced, never run.
#
# A check is a script of its own that defines
#
#   about        prints one line: what it refuses
#   run          looks at the tree in the current folder, says each fault by
#                `fault PATH[:LINE]: WHAT`, and edits nothing there
#   spoil_WORD   (one or more) puts one fault into the tree in the current
#                folder and prints a part of the line that must then be said
#
# and ends with `check_main "$@"`.  scripts/check --self-test runs each spoil_WORD
# in a copy of the tree: a check that cannot fail is itself a fault.

_check_lib=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source=scripts/lib/common.sh
. "$_check_lib/common.sh"

# Messages are compared: no language but C's.
export LC_ALL=C

faults=0
fault() {
	printf '%s\n' "$*"
	faults=$((faults + 1))
}

# fault_lines: each line of standard input is a fault.
fault_lines() {
	local line
	while IFS= read -r line; do
		[ -z "$line" ] || fault "$line"
	done
}

# check_files PATTERN...: the project's files (those git knows, and new ones it does
# not ignore) that match git's PATTERNs.  None at all is a fault: a check of nothing
# would pass for ever.  Texts that are not ours to format are left out.
check_files() {
	local found
	found=$(git ls-files --cached --others --exclude-standard --deduplicate -- "$@" |
		grep -v '^LICENSES/' | while IFS= read -r path; do
		[ -f "$path" ] && [ ! -L "$path" ] && printf '%s\n' "$path"
	done) || true
	if [ -z "$found" ]; then
		echo "no file matches: $*" >&2
		return 1
	fi
	printf '%s\n' "$found"
}

# check_tool COMMAND...: have the tools of the gate, installing them where missing.
check_tool() {
	local tool
	for tool in "$@"; do
		if ! command -v "$tool" >/dev/null; then
			"$VMQOS_ROOT/scripts/setup" check >&2
			command -v "$tool" >/dev/null ||
				vmqos_die "$tool is missing, and scripts/setup check did not bring it"
		fi
	done
}

# check_python MODULE...: the same for modules of Debian's own Python.
check_python() {
	local module
	for module in "$@"; do
		/usr/bin/python3 -c "import $module" 2>/dev/null && continue
		"$VMQOS_ROOT/scripts/setup" check >&2
		/usr/bin/python3 -c "import $module" ||
			vmqos_die "Python's $module is missing, and scripts/setup check did not bring it"
	done
}

check_main() {
	cd "$VMQOS_ROOT" || exit
	case ${1:-run} in
	about) about ;;
	run)
		# Not `run || ...`: that would switch off errexit in all of it.
		trap '[ $? = 0 ] || [ $faults -gt 0 ] || echo "the check itself failed"' EXIT
		run
		[ "$faults" -eq 0 ]
		;;
	spoils) compgen -A function spoil_ | sed 's/^spoil_//' ;;
	spoil) "spoil_${2:?}" ;;
	*)
		echo "usage: $0 [run | about | spoils | spoil WORD]" >&2
		exit 2
		;;
	esac
}
