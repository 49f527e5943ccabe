#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Negative controls: do the tests notice when a scanner or the store breaks a rule? Needs modules built
# for it, which scripts/mem-controls does; with no rule broken they must pass.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd)
# shellcheck disable=SC2034 # read by the helpers
KSFT_NUM_TESTS=0
helpers=$here/../kselftest/ktap_helpers.sh
[[ -r $helpers ]] || helpers=$KSFT/kselftest/ktap_helpers.sh
# shellcheck source=/dev/null
. "$helpers"

switch=/sys/module/vmqos_mem/parameters/break_rule
# That of the scanner for shared memory.
switch_shared=/sys/module/vmqos/parameters/mem_break_rule
work=$(mktemp -d)
finish() {
	[[ ! -w $switch ]] || echo 0 >$switch
	[[ ! -w $switch_shared ]] || echo 0 >$switch_shared
	rm -rf "$work"
}
trap finish EXIT

ktap_print_header
if [[ ! -w $switch || ! -w $switch_shared ]]; then
	ktap_skip_all "these modules keep all rules: scripts/mem-controls builds others"
	exit "$KSFT_SKIP"
fi
ktap_set_plan 23

# With pages of the one size or of the other.
run() {
	VMQOS_SECONDS=5 timeout 200 "$here/stress" -v "$1" >"$work/out" 2>&1
	local status=$?
	sed -n 's/^# .*stress:/#/p' "$work/out"
	return $status
}

# A pin of which the time is known: that of a pipe that was given pages.
pins() {
	timeout 200 "$here/zero" -t spliced_pages_stay >"$work/out" 2>&1
	local status=$?
	sed -n 's/^# .*spliced_pages_stay:/#/p' "$work/out" | head -n 3
	return $status
}

unpinned() {
	echo 2 >$switch
	! pins && grep -q 'mem_all(page' "$work/out"
	local status=$?
	echo 0 >$switch
	return $status
}

# What the stress would meet by chance alone has a test of the store.
stored() {
	timeout 200 "$here/store" -t "$1" >"$work/out" 2>&1
	local status=$?
	sed -n "s/^# .*$1:/#/p" "$work/out" | head -n 4
	return $status
}

punched() { stored what_is_removed_on_its_way_there_is_gone; }

believed() { stored a_reader_takes_nothing_for_a_hole; }

# A test of the store has to fail with a rule broken, in the line that is named.
unstored() {
	echo "$1" >$switch
	! "$2" && grep -q "Expected .*$3" "$work/out"
	local status=$?
	echo 0 >$switch
	return $status
}

kept() {
	run "$1" || return 1
	case $1 in
	small) pins ;;
	limited) punched && believed ;;
	zeros) seen ;;
	esac
}

# A large page that cannot be split although it looked as if: that takes rule 4 or 11 broken, which
# leave time for somebody to get hold of it.
whole() {
	timeout 200 "$here/swap" -r swap.huge.a_large_page_goes_whole_or_not_at_all >"$work/out" 2>&1
	local status=$?
	sed -n 's/^# .*not_at_all:/#/p' "$work/out" | head -n 4
	return $status
}

whole_late() {
	echo 4 >$switch
	whole && grep -qE ':[1-9][0-9]* pages were busy' "$work/out"
	local status=$?
	echo 0 >$switch
	return $status
}

# What the stress would meet by chance alone: a reader and a writer of a hole at the same time.
seen() {
	timeout 200 "$here/zeros" -t a_write_is_seen_by_who_reads_just_then >"$work/out" 2>&1
	local status=$?
	sed -n 's/^# .*just_then:/#/p' "$work/out" | head -n 4
	return $status
}

# A test of shared memory.
shares() {
	timeout 200 "$here/shared" -r "shared.memfd.$1" >"$work/out" 2>&1
	local status=$?
	sed -n "s/^# .*$1:/#/p" "$work/out" | head -n 4
	return $status
}

unshared() {
	echo "$1" >$switch_shared
	! shares "$2" && grep -q "Expected .*$3" "$work/out"
	local status=$?
	echo 0 >$switch_shared
	return $status
}

kept_shared() { run memfd && shares pages_that_are_pinned_stay && shares faults_that_somebody_handles; }

# It has to fail because words were lost, and in no other way.
lost() {
	local attempt switch=$switch
	[[ $2 != memfd ]] || switch=$switch_shared
	echo "$1" >$switch
	for attempt in 1 2 3; do
		ktap_print_msg "rule $1 broken, $2 pages, attempt $attempt"
		if ! run "$2" && grep -qE ' [1-9][0-9]* errors' "$work/out"; then
			echo 0 >$switch
			return 0
		fi
	done
	echo 0 >$switch
	return 1
}

for pages in small huge; do
	ktap_test_result "$pages pages, all rules kept: nothing is lost" kept $pages
	ktap_test_result "$pages pages are looked at while mapped: noticed" lost 1 $pages
	ktap_test_result "what was zero before is believed of $pages pages: noticed" lost 3 $pages
done
ktap_test_result "references are not counted: noticed" unpinned
ktap_test_result "nobody waits for a large page that is split: noticed" lost 4 huge
ktap_test_result "limited, all rules kept: nothing is lost" kept limited
ktap_test_result "a page leaves the cache before it is in the store: noticed" lost 5 limited
ktap_test_result "a page gets into the store while it is punched: noticed" unstored 6 punched mem_all
ktap_test_result "a reader believes in a hole at once: noticed" unstored 7 believed "word(page, 11)"
ktap_test_result "a large page on its way to the disk, all rules kept: it goes whole or not at all" whole
ktap_test_result "the same when it cannot be split in the last moment" whole_late
ktap_test_result "part of it is written before it is split: noticed" unstored 11 whole mem-swap-outs
ktap_test_result "zeros mapped, all rules kept: nothing is lost" kept zeros
ktap_test_result "zeros stay mapped where a page is made: noticed" lost 9 zeros
ktap_test_result "a hole is found without the lock of its zeros: noticed" unstored 10 seen lost
ktap_test_result "shared memory, all rules kept: nothing is lost" kept_shared
ktap_test_result "shared memory is looked at while mapped: noticed" lost 1 memfd
ktap_test_result "what was zero before is believed of shared memory: noticed" lost 3 memfd
ktap_test_result "references to shared memory are not counted: noticed" unshared 2 pages_that_are_pinned_stay 'mem_all(page'
ktap_test_result "shared memory is taken beside userfaultfd: noticed" unshared 8 faults_that_somebody_handles share_resident
ktap_finished
