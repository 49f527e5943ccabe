# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A private view of the Debian archive: the suites we name, from the very mirror
# the machine itself is configured for, with lists of our own.  The machine's
# sources and package state stay untouched, and no root is needed.

# The machine's Debian mirror, or its mirror of the security archive
# (vmqos_apt_mirror main|security), taken from apt's own configuration at run
# time: both one-line and deb822 sources, proxies and credentials are honoured.
vmqos_apt_mirror() {
	local codename uris uri=

	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$codename" ] || vmqos_die "/etc/os-release names no VERSION_CODENAME: is this Debian?"
	uris=$(apt-get --print-uris update 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\(.*\)/InRelease' .*|\2 \1|p")
	if [ "$1" = security ]; then
		uri=$(awk -v s="$codename-security" '$1 == s { print $2; exit }' <<<"$uris")
	else
		# Other vendors call their suites by Debian's codename, too;
		# only Debian itself has the -updates suite beside it.
		uri=$(awk -v s="$codename-updates" '$1 == s { print $2; exit }' <<<"$uris")
		if [ -z "$uri" ]; then
			uri=$(awk -v s="$codename" '$1 == s { print $2; exit }' <<<"$uris")
		fi
	fi
	[ -n "$uri" ] || vmqos_die "apt has no source for Debian's $codename ($1): add one to /etc/apt/sources.list"
	echo "$uri"
}

# vmqos_apt_open NAME SUITE...: make the private view NAME of these suites and
# bring its lists up to date; vmqos_apt_get and vmqos_apt_cache then use it.
vmqos_apt_open() {
	local name=$1 suite kind keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	shift
	VMQOS_APT_DIR=$VMQOS_CACHE/apt/$name
	mkdir -p "$VMQOS_APT_DIR/lists/partial" "$VMQOS_APT_DIR/archives/partial"
	[ -e "$keyring" ] || vmqos_die "$keyring is missing: apt-get install debian-archive-keyring"
	for suite in "$@"; do
		kind=main
		[[ $suite == *-security ]] && kind=security
		echo "deb [signed-by=$keyring arch=amd64] $(vmqos_apt_mirror "$kind") $suite main"
	done >"$VMQOS_APT_DIR/sources.list"
	VMQOS_APT_OPTIONS=(
		-o "Dir::Etc::sourcelist=$VMQOS_APT_DIR/sources.list"
		-o Dir::Etc::sourceparts=-
		-o Dir::Etc::preferences=-
		-o Dir::Etc::preferencesparts=-
		-o "Dir::State::lists=$VMQOS_APT_DIR/lists"
		-o "Dir::Cache::archives=$VMQOS_APT_DIR/archives"
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o APT::Sandbox::User=
		-o Acquire::Languages=none -o Acquire::Retries=3
		-o APT::Update::Post-Invoke-Success::= -o APT::Update::Post-Invoke::=
		-o APT::Architecture=amd64 -o APT::Architectures=amd64
	)
	vmqos_apt_get update >"$VMQOS_APT_DIR/update.log" 2>&1 ||
		vmqos_die "apt cannot read the suites '$*':"$'\n'"$(tail -n 5 "$VMQOS_APT_DIR/update.log")"
}

# Drop the view: its lists are tens of megabytes and needed only while it resolves.
vmqos_apt_close() { rm -rf -- "$VMQOS_APT_DIR"; }

vmqos_apt_get() { apt-get -q "${VMQOS_APT_OPTIONS[@]}" "$@"; }
vmqos_apt_cache() { apt-cache "${VMQOS_APT_OPTIONS[@]}" "$@"; }

# vmqos_apt_version PACKAGE [PREFIX]: the newest version that starts with PREFIX.
vmqos_apt_version() {
	vmqos_apt_cache madison "$1" | awk -v p="${2:-}" '
		index($3, p) == 1 { print $3; exit }'
}

# vmqos_apt_depends PACKAGE VERSION: the names it depends on, alternatives included.
vmqos_apt_depends() {
	vmqos_apt_cache show "$1=$2" | sed -n 's/^\(Pre-\)\?Depends: //p' |
		sed 's/[,|]/\n/g' | sed 's/^ *//; s/[ :(].*//; /^$/d'
}
