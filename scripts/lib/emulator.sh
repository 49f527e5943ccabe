# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The QEMU that the test host runs in.  Before 8.1 it gave, under the clock of
# instructions, everything up to the next timer to one CPU; the others could get nothing
# for seconds, or for ever.  Linux 6.12 gets along with that.  6.1 does not boot with two
# CPUs then, and on 7.3 the times of more than one busy CPU mean nothing.

# emulator_shares PROGRAM: it shares the instructions out between the CPUs.
emulator_shares() {
	local version

	version=$("$1" --version 2>/dev/null | sed -n 's/.* version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
	[ -n "$version" ] && [ $((${version% *} * 100 + ${version#* })) -ge 801 ]
}

# emulator_get: set emulator to the command of a QEMU that shares: the machine's own, or
# else one from Debian's backports, unpacked into the cache.
emulator_get() {
	local dir=$VMQOS_CACHE/emulator codename new deb

	emulator=(qemu-system-x86_64)
	! emulator_shares "${emulator[0]}" || return 0
	# What the machine lacks of its libraries is in there, too.
	emulator=(env "LD_LIBRARY_PATH=$dir/usr/lib/x86_64-linux-gnu" "$dir/usr/bin/qemu-system-x86_64")
	[ ! -e "$dir/complete" ] || return 0

	vmqos_lock "$VMQOS_CACHE/.emulator.lock"
	[ ! -e "$dir/complete" ] || return 0
	# shellcheck source=scripts/lib/apt.sh
	. "$VMQOS_ROOT/scripts/lib/apt.sh"
	vmqos_say "this QEMU is older than 8.1: fetching a newer one from Debian's backports"
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	vmqos_apt_open emulator "$codename" "$codename-security" "$codename-backports"
	vmqos_apt_get -o Debug::NoLocking=1 --no-install-recommends --download-only -y \
		-t "$codename-backports" install qemu-system-x86 >"$VMQOS_APT_DIR/log" 2>&1 ||
		vmqos_die "apt cannot fetch a newer QEMU:"$'\n'"$(tail -n 5 "$VMQOS_APT_DIR/log")"
	new=$(mktemp -d "$VMQOS_CACHE/.emulator.XXXXXX")
	for deb in "$VMQOS_APT_DIR"/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$new" --exclude './usr/share/doc' \
			--exclude './usr/share/man' --exclude './usr/share/locale'
	done
	chmod 755 "$new"
	emulator_shares "$new/usr/bin/qemu-system-x86_64" ||
		LD_LIBRARY_PATH=$new/usr/lib/x86_64-linux-gnu emulator_shares "$new/usr/bin/qemu-system-x86_64" ||
		vmqos_die "the backports of $codename have no QEMU of 8.1 or later either"
	: >"$new/complete"
	rm -rf -- "$dir"
	mv -- "$new" "$dir"
	vmqos_apt_close
}
