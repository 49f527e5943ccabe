# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The test host's initramfs: busybox, the modules that lead to the machine's root,
# and the programs in scripts/testhost.d.  Kept beside its kernel.

# initramfs_base KERNEL_DIR: print the path of the kernel's initramfs, made anew when
# what it consists of has changed.
initramfs_base() {
	local dir=$1 parts=$VMQOS_ROOT/scripts/testhost.d release key tmp module
	local busybox=/bin/busybox
	release=$(<"$dir/release")
	key=$(cat "$busybox" "$parts/init" "$parts/host" "$parts/serve" "${BASH_SOURCE[0]}" "$dir/release" | sha256sum | cut -c1-16)
	if [ ! -e "$dir/initramfs-$key.cpio" ]; then
		tmp=$(mktemp -d)
		mkdir -p "$tmp/bin" "$tmp/modules"
		cp -- "$busybox" "$tmp/bin/busybox"
		ln -s busybox "$tmp/bin/sh"
		cp -- "$parts/init" "$tmp/init"
		cp -- "$parts/host" "$parts/serve" "$tmp/"
		chmod 755 "$tmp/init"
		initramfs_modules "$dir" "$release" >"$tmp/paths" ||
			vmqos_die "Linux $release has no $(tail -n 1 "$tmp/paths"): it cannot be a test host"
		while read -r module; do
			cp -- "$module" "$tmp/modules/"
			echo "${module##*/}"
		done <"$tmp/paths" >"$tmp/modules.list"
		rm "$tmp/paths"
		(cd "$tmp" && find . | cpio -o -H newc --quiet -R 0:0) >"$dir/.initramfs.$$"
		rm -rf -- "$tmp" "$dir"/initramfs-*.cpio
		mv -- "$dir/.initramfs.$$" "$dir/initramfs-$key.cpio"
	fi
	echo "$dir/initramfs-$key.cpio"
}

# The modules to load, dependencies first; what is built in has none.
initramfs_modules() {
	local wanted line
	for wanted in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
		line=$(/sbin/modprobe -d "$1/root" -S "$2" --show-depends "$wanted" 2>/dev/null) || {
			echo "$wanted"
			return 1
		}
		sed -n 's/^insmod \([^ ]*\) *$/\1/p' <<<"$line"
	done | awk '!seen[$0]++'
}

# initramfs_quote WORD...: quoted for the shell inside, which is not bash.
initramfs_quote() {
	local word separator=
	for word in "$@"; do
		printf "%s'%s'" "$separator" "${word//\'/\'\\\'\'}"
		separator=' '
	done
	echo
}
