# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Long runs of several steps: each is bounded in time, timed and counted, and the run
# always ends with a table, what failed and why, and the line 'N passed, N failed': an
# excerpt of the end explains a failure.  Sourced, never run.
#
#   steps_begin LIMIT              LIMIT is for all steps together, in seconds
#   step NAME LIMIT COMMAND...     run it, showing its output
#   step_start NAME LIMIT COMMAND...   the same in the background, output in its log only
#   step_join NAME                 wait for it; the end of the log of a failure is shown
#   steps_end                      table and failures; fails when anything failed
#
# A COMMAND whose output has a last line 'N passed, N failed[, N skipped]' counts with
# those numbers, every other one as one.  NAME may have blanks; the log is
# $VMQOS_LOGS/NAME.log with the blanks as '-'.

VMQOS_LOGS=${VMQOS_LOGS:-$VMQOS_ROOT/build/logs}

_step_names=()
declare -A _step_passed=() _step_failed=() _step_skipped=() _step_time=() _step_note=() _step_pid=() _step_begun=()
_steps_done=0

steps_begin() {
	_steps_deadline=$((SECONDS + $1))
	mkdir -p -- "$VMQOS_LOGS"
	trap '_steps_interrupted' INT TERM HUP
	trap '_steps_at_exit' EXIT
}

_step_log() { echo "$VMQOS_LOGS/${1// /-}.log"; }

# What is left of the time for all, if that is less than the step's own limit.
_step_limit() {
	local left=$((_steps_deadline - SECONDS))
	echo $(($1 < left ? $1 : left))
}

_step_minutes() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# _step_judge NAME STATUS LIMIT
_step_judge() {
	local name=$1 status=$2 line passed=0 failed=0 skipped=0
	_step_time[$name]=$((SECONDS - _step_begun[$name]))
	line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?[[:space:]]*$' "$(_step_log "$name")" | tail -n 1) || true
	if [ -n "$line" ]; then
		read -r passed failed skipped < <(tr -cd '0-9 \n' <<<"$line")
		skipped=${skipped:-0}
	elif [ "$status" = 0 ]; then
		passed=1
	fi
	case $status in
	0) [ "$failed" = 0 ] || _step_note[$name]="says 0, but counts failures" ;;
	124 | 137) _step_note[$name]="stopped after $(_step_minutes "$3")" ;;
	*) _step_note[$name]="exit status $status" ;;
	esac
	if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
		failed=1
	fi
	if [ "$status" = 0 ] && [ $((passed + failed)) = 0 ]; then
		failed=1
		_step_note[$name]="ran nothing"
	fi
	_step_passed[$name]=$passed
	_step_failed[$name]=$failed
	_step_skipped[$name]=$skipped
}

# _step_begin NAME LIMIT: sets the caller's limit; fails when no time is left.
_step_begin() {
	limit=$(_step_limit "$2")
	_step_names+=("$1")
	_step_begun[$1]=$SECONDS
	if [ "$limit" -le 0 ]; then
		_step_missed "$1"
		return 1
	fi
}

step() {
	local name=$1 limit status=0
	_step_begin "$name" "$2" || return 0
	shift 2
	printf '\n=== %s\n' "$name"
	# In the background, so that a signal to this script is handled at once.
	timeout --kill-after=30 "$limit" "$@" </dev/null > >(tee "$(_step_log "$name")") 2>&1 &
	_step_pid[$name]=$!
	wait "${_step_pid[$name]}" || status=$?
	unset "_step_pid[$name]"
	sleep 0.2 # for tee
	_step_judge "$name" "$status" "$limit"
}

step_start() {
	local name=$1 limit
	_step_begin "$name" "$2" || return 0
	shift 2
	printf '\n=== %s (in the background)\n' "$name"
	rm -f -- "$(_step_log "$name").end"
	(
		timeout --kill-after=30 "$limit" "$@" </dev/null >"$(_step_log "$name")" 2>&1 &
		trap 'kill $! 2>/dev/null' TERM
		status=0
		wait $! || status=$?
		# It may have ended long before it is joined.
		date +%s >"$(_step_log "$name").end"
		exit "$status"
	) &
	_step_pid[$name]=$!
}

step_join() {
	local name=$1 status=0
	[ -n "${_step_pid[$name]:-}" ] || return 0
	wait "${_step_pid[$name]}" || status=$?
	unset "_step_pid[$name]"
	# Its own limit has passed at the latest when that of all did.
	_step_judge "$name" "$status" $((SECONDS - _step_begun[$name]))
	if [ -s "$(_step_log "$name").end" ]; then
		_step_time[$name]=$((_step_time[$name] - $(date +%s) + $(<"$(_step_log "$name").end")))
		rm -f -- "$(_step_log "$name").end"
	fi
	printf '\n=== %s (from the background)\n' "$name"
	if [ "${_step_failed[$name]}" -gt 0 ]; then
		tail -n 60 "$(_step_log "$name")"
	else
		tail -n 3 "$(_step_log "$name")"
	fi
}

_step_missed() {
	_step_passed[$1]=0 _step_failed[$1]=1 _step_skipped[$1]=0 _step_time[$1]=0
	_step_note[$1]="not run: no time left"
}

_step_failures='=== what failed'

# The lines of a log (standard input) that tell of failures: "not ok" with the failed
# assertions and the last words before it, or with the remarks behind it where those are
# at its own level; a check's FAIL and what it says; what a test host died of.
_step_telling() {
	tr -cd '\11\12\40-\176' | awk '
		function heading(line) { return line ~ /^(# )*((not )?ok |TAP version|1\.\.)/ || line ~ / RUN  / }
		function before(    i) {
			for (i = 1; i <= asserted && i <= 10; i++) print assertion[i]
			for (i = words > 6 ? words - 5 : 1; i <= words; i++) print word[i]
		}
		/^(# )*not ok / && !/# (SKIP|TO[D]O)/ {
			before(); print
			found = 1; asserted = words = 0
			level = $0; sub(/not ok .*/, "", level)
			remarks = / selftests: / ? 0 : 8
			next
		}
		/^FAIL / { print; found = 1; remarks = 12; level = "      |"; next }
		/the kernel complained|it hung|the test host ended|did not reach its command|the test host no longer/ {
			before(); print; found = 1; next
		}
		/^FAILED: / { if (!found) print; next }
		heading($0) { asserted = words = remarks = 0; next }
		remarks > 0 && index($0, level) == 1 && $0 ~ /^(# |      \|)/ { print; remarks--; next }
		/: Test failed$| (FAIL|OK)  / { next }
		/^(# )*[^ ]*\.[ch]:[0-9]+:/ { assertion[++asserted] = $0; next }
		{ word[++words] = $0 }'
}

# Why a step failed, at most some 40 lines. A step of steps has told that at its own end.
_step_why() {
	local log why
	log=$(_step_log "$1")
	[ -s "$log" ] || return 0
	if grep -qxF -e "$_step_failures" "$log"; then
		why=$(tac -- "$log" | sed "/^$_step_failures\$/q" | tac | sed '1d;$d' | head -n 80) || true
	else
		why=$(_step_telling <"$log" | head -n 40) || true
		[ -n "$why" ] || why=$(tail -n 15 -- "$log" | tr -cd '\11\12\40-\176')
	fi
	printf -- '--- %s\n%s\n' "$1" "$why"
}

# Steps that have begun and were not judged have failed.
steps_end() {
	local name passed=0 failed=0 what
	_steps_done=1
	for name in "${!_step_pid[@]}"; do
		kill -TERM "${_step_pid[$name]}" 2>/dev/null || true
	done
	printf '\n%-28s %8s  %s\n' step time result
	for name in "${_step_names[@]}"; do
		if [ -z "${_step_passed[$name]:-}" ]; then
			_step_missed "$name"
			_step_time[$name]=$((SECONDS - _step_begun[$name]))
			_step_note[$name]="not finished"
		fi
		passed=$((passed + _step_passed[$name]))
		failed=$((failed + _step_failed[$name]))
		what="${_step_passed[$name]} passed"
		[ "${_step_failed[$name]}" = 0 ] || what+=", ${_step_failed[$name]} FAILED"
		[ "${_step_skipped[$name]}" = 0 ] || what+=", ${_step_skipped[$name]} skipped"
		[ -z "${_step_note[$name]:-}" ] || what+=" (${_step_note[$name]})"
		printf '%-28s %8s  %s\n' "$name" "$(_step_minutes "${_step_time[$name]}")" "$what"
	done
	printf '%-28s %8s  logs in %s\n' "all" "$(_step_minutes "$SECONDS")" "${VMQOS_LOGS#"$VMQOS_ROOT/"}"
	if [ "$failed" != 0 ]; then
		printf '\n%s\n' "$_step_failures"
		for name in "${_step_names[@]}"; do
			[ "${_step_failed[$name]}" = 0 ] || _step_why "$name"
		done
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

_steps_interrupted() {
	echo "interrupted" >&2
	exit 130
}

# Also when the script itself goes wrong, the last line is there.
_steps_at_exit() {
	local status=$?
	[ "$_steps_done" = 0 ] || return 0
	_step_names+=("the script itself")
	_step_begun["the script itself"]=$SECONDS
	steps_end || true
	exit $((status ? status : 1))
}
