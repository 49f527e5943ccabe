# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian 13's compiler in a folder of its own, for the kernel whose headers come with
# programs that need Debian 13's C library.  Packages are unpacked, nothing of them is
# configured: a compiler needs no more, and so no root and no mounts are needed.

# toolchain_get KERNEL_DIR: have it, with the compiler that this kernel was built with.
# Sets toolchain to its folder.
toolchain_get() {
	local compiler packages new deb
	compiler=$(sed -n 's/^CC = .*\(gcc-[0-9]*\)$/\1/p' "$1"/headers/usr/src/linux-headers-*/.kernelvariables)
	[ -n "$compiler" ] || vmqos_die "the headers of $(<"$1/release") name no compiler: has Debian's packaging changed?"
	packages="$compiler make libelf1t64 libssl3t64 zlib1g dash bash coreutils sed grep mawk findutils diffutils dpkg base-files"
	toolchain=$VMQOS_CACHE/toolchain
	[ "$(cat "$toolchain/complete" 2>/dev/null)" != "$packages" ] || return 0

	vmqos_lock "$VMQOS_CACHE/.toolchain.lock"
	[ "$(cat "$toolchain/complete" 2>/dev/null)" != "$packages" ] || return 0
	# shellcheck source=scripts/lib/apt.sh
	. "$VMQOS_ROOT/scripts/lib/apt.sh"
	vmqos_say "fetching Debian 13's $compiler"
	vmqos_apt_open toolchain trixie
	# shellcheck disable=SC2064 # the folder of this very call
	trap "rm -rf -- '$VMQOS_APT_DIR'" EXIT
	: >"$VMQOS_APT_DIR/status"
	# shellcheck disable=SC2086 # a list of words
	vmqos_apt_get -o "Dir::State::status=$VMQOS_APT_DIR/status" -o Debug::NoLocking=1 \
		--no-install-recommends --download-only -y install $packages \
		>"$VMQOS_APT_DIR/log" 2>&1 ||
		vmqos_die "apt cannot fetch Debian 13's $compiler:"$'\n'"$(tail -n 5 "$VMQOS_APT_DIR/log")"
	new=$(mktemp -d "$VMQOS_CACHE/.toolchain.XXXXXX")
	chmod 755 "$new"
	# base-files has the links from /bin and /lib to /usr that the others rely on.
	for deb in "$VMQOS_APT_DIR"/archives/base-files_*.deb "$VMQOS_APT_DIR"/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$new" --keep-directory-symlink \
			--exclude './usr/share/doc' --exclude './usr/share/man' --exclude './usr/share/locale'
	done
	ln -sf mawk "$new/usr/bin/awk"
	[ -e "$new/usr/bin/sh" ] || ln -s dash "$new/usr/bin/sh"
	# Run-time libraries of sanitisers and languages that kernels do not use.
	rm -f -- "$new"/usr/lib/gcc/*/*/{lto1,lto-wrapper,g++-mapper-server} "$new"/usr/lib/gcc/*/*/lib*san*.a
	mkdir -p "$new/tmp" "$new/proc" "$new/dev"
	: >"$new/dev/null"
	# All that is ever read of /proc: objtool wants to know where its stack is, to
	# tell an overflow of it from another crash.  Mounting /proc takes more rights
	# than a container or an ordinary user has.
	mkdir "$new/proc/self"
	echo '7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0    [stack]' >"$new/proc/self/maps"
	echo "$packages" >"$new/complete"
	rm -rf -- "$toolchain"
	mv -- "$new" "$toolchain"
	vmqos_apt_close
}

# toolchain_make KERNEL_DIR OUT MAKE...: run this make in there.  The headers and the
# sources are at the same paths inside: headers as hard links, sources as copies.
toolchain_make() {
	local kernel_dir=$1 out=$2 inside status=0
	local -a enter
	shift 2
	toolchain_get "$kernel_dir"
	if [ "$(cat "$toolchain$kernel_dir/version" 2>/dev/null)" != "$(<"$kernel_dir/version")" ]; then
		rm -rf -- "$toolchain$kernel_dir"
		mkdir -p "$toolchain$kernel_dir"
		cp -al -- "$kernel_dir/headers" "$toolchain$kernel_dir/"
		cp -- "$kernel_dir/version" "$toolchain$kernel_dir/"
	fi
	inside=$toolchain$out
	mkdir -p "$inside"
	rsync -a --delete --exclude='/.lock' --exclude='/.started.*' "$out/" "$inside/"
	if [ "$(id -u)" = 0 ]; then
		enter=(chroot "$toolchain")
	elif unshare --user --map-root-user true 2>/dev/null; then
		# A user namespace: root inside of nothing but this folder.
		enter=(unshare --user --map-root-user chroot "$toolchain")
	else
		enter=(vmqos_as_root chroot "--userspec=$(id -u):$(id -g)" "$toolchain")
	fi
	"${enter[@]}" /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/tmp LANG=C.UTF-8 "$@" || status=$?
	rsync -a --exclude='/.lock' --exclude='/.started.*' "$inside/" "$out/"
	rm -rf -- "$inside"
	return $status
}
