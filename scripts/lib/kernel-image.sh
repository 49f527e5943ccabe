# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A bzImage decompresses itself, which takes 2 to 10 s under emulation.  QEMU also takes
# the kernel proper, decompressed here once in a fraction of a second.

# kernel_image_extract BZIMAGE VMLINUX: where the payload is says the setup header
# (Documentation/arch/x86/boot.rst of the kernel: setup_sects, payload_offset and
# payload_length, at 0x1f1, 0x248 and 0x24c).
kernel_image_extract() {
	local sectors offset length magic
	local -a unpack

	sectors=$(od -An -tu1 -j $((0x1f1)) -N1 "$1")
	offset=$(od -An -tu4 -j $((0x248)) -N4 "$1")
	length=$(od -An -tu4 -j $((0x24c)) -N4 "$1")
	offset=$(((sectors + 1) * 512 + offset))
	magic=$(od -An -tx1 -j "$offset" -N4 "$1" | tr -d ' ')
	# Only gzip's format itself ends in the size; behind the others it is added.
	case $magic in
	28b52ffd) unpack=(zstd -dcq) length=$((length - 4)) ;;
	fd377a58) unpack=(xz -dcq) length=$((length - 4)) ;;
	1f8b*) unpack=(gzip -dcq) ;;
	*) vmqos_die "$1 is compressed in a way unknown here (it starts with $magic)" ;;
	esac
	head -c "$((offset + length))" "$1" | tail -c "$length" | "${unpack[@]}" >"$2" ||
		vmqos_die "$1 cannot be decompressed by ${unpack[0]}"
	[ "$(head -c 4 "$2")" = $'\x7fELF' ] || vmqos_die "$1 has something else than an ELF file in it"
}
