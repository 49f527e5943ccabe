# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Where each kernel comes from, and what of its packages is kept.

# kernel_source NAME: sets the suites, the metapackages that name the current
# version, and the version that is wanted (a prefix; empty is the newest).
# shellcheck disable=SC2034 # set for the caller
kernel_source() {
	case $1 in
	6.1)
		suites=(bookworm bookworm-updates bookworm-security)
		image=linux-image-amd64 headers=linux-headers-amd64
		;;
	6.12)
		suites=(bookworm bookworm-updates bookworm-security)
		image=linux-image-6.12-amd64 headers=linux-headers-6.12-amd64
		;;
	7.3)
		suites=(trixie-backports)
		image=linux-image-amd64 headers=linux-headers-amd64
		;;
	*)
		vmqos_die "no kernel '$1': ${VMQOS_KERNELS[*]}"
		;;
	esac
	prefix=$1.
}

# The parts of a Debian kernel's modules that a KVM host, its storage, its network
# and a libvirt on it use; everything else (graphics, sound, hardware) stays away.
# A line ending in / is a folder.
kernel_modules_kept() {
	cat <<-'END'
	kernel/arch/x86/
	kernel/block/
	kernel/crypto/
	kernel/lib/
	kernel/mm/
	kernel/virt/
	kernel/drivers/block/brd
	kernel/drivers/block/loop
	kernel/drivers/block/nbd
	kernel/drivers/block/null_blk/
	kernel/drivers/block/virtio_blk
	kernel/drivers/block/zram/
	kernel/drivers/char/hw_random/
	kernel/drivers/char/virtio_console
	kernel/drivers/firmware/qemu_fw_cfg
	kernel/drivers/md/dm-mod
	kernel/drivers/net/bonding/
	kernel/drivers/net/dummy
	kernel/drivers/net/ifb
	kernel/drivers/net/ipvlan/
	kernel/drivers/net/macvlan
	kernel/drivers/net/macvtap
	kernel/drivers/net/net_failover
	kernel/drivers/net/tap
	kernel/drivers/net/tun
	kernel/drivers/net/veth
	kernel/drivers/net/virtio_net
	kernel/drivers/net/vxlan/
	kernel/drivers/vdpa/
	kernel/drivers/vfio/
	kernel/drivers/vhost/
	kernel/drivers/virtio/
	kernel/fs/9p/
	kernel/fs/binfmt_misc
	kernel/fs/ext4/
	kernel/fs/fscache/
	kernel/fs/fuse/
	kernel/fs/jbd2/
	kernel/fs/mbcache
	kernel/fs/netfs/
	kernel/fs/nls/
	kernel/fs/overlayfs/
	kernel/fs/squashfs/
	kernel/fs/xfs/
	kernel/net/802/
	kernel/net/8021q/
	kernel/net/9p/
	kernel/net/bridge/
	kernel/net/core/
	kernel/net/ipv4/
	kernel/net/ipv6/
	kernel/net/llc/
	kernel/net/netfilter/
	kernel/net/netlink/
	kernel/net/packet/
	kernel/net/sched/
	kernel/net/unix/
	kernel/net/vmw_vsock/
	kernel/net/xdp/
	END
}
