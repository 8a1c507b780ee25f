# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What is missing is installed: the packages of Debian for each purpose.

# for what | what shows that it is there | Debian package
needs=(
	"build cmd:gcc gcc"
	"build hdr:stdio.h libc6-dev"
	"build cmd:make make"
	"build cmd:autoreconf autoconf"
	"build cmd:automake automake"
	"build cmd:pkg-config pkgconf"
	"build pc:libcurl libcurl4-openssl-dev"
	"build pc:json-c libjson-c-dev"
	"build pc:libconfuse libconfuse-dev"
	"build pc:sqlite3 libsqlite3-dev"
	"build pc:hiredis libhiredis-dev"
	"build pc:libssl libssl-dev"
	"build hdr:fcgiapp.h libfcgi-dev"
	"serve cmd:lighttpd lighttpd"
	"serve cmd:curl curl"
	"serve file:/etc/ssl/certs/ca-certificates.crt ca-certificates"
	"e2e cmd:lighttpd lighttpd"
	"e2e cmd:apache2 apache2-bin"
	"e2e file:/usr/lib/apache2/modules/mod_fcgid.so libapache2-mod-fcgid"
	"e2e cmd:nginx nginx"
	"e2e cmd:systemd-analyze systemd"
	"e2e cmd:systemd-socket-activate systemd"
	"e2e cmd:curl curl"
	"e2e cmd:cron cron"
	"e2e cmd:spawn-fcgi spawn-fcgi"
	"e2e cmd:openssl openssl"
	"e2e cmd:prlimit util-linux"
	"e2e cmd:addr2line binutils"
	"e2e cmd:valgrind valgrind"
	"e2e cmd:ip iproute2"
	"e2e cmd:promtool prometheus"
	"e2e cmd:wg-quick wireguard-tools"
	"e2e cmd:wireguard-go wireguard-go"
	"e2e cmd:unbound unbound"
	"e2e cmd:dnsmasq dnsmasq-base"
	"e2e cmd:avahi-daemon avahi-daemon"
	"e2e cmd:avahi-browse avahi-utils"
	"e2e cmd:dbus-daemon dbus-daemon"
	"e2e cmd:redis-check-rdb redis-tools" # the server, too, by another name
	"e2e cmd:node nodejs"
	"e2e cmd:chromium-headless-shell chromium-headless-shell"
	"npm cmd:npm npm"
	"e2e file:/etc/ssl/certs/ca-certificates.crt ca-certificates"
	"e2e file:/usr/lib/python3/dist-packages/yaml/__init__.py python3-yaml"
	"e2e file:/usr/lib/python3/dist-packages/jinja2/__init__.py python3-jinja2"
	"screenshot file:/usr/share/fonts/opentype/inter fonts-inter"
	"screenshot file:/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf fonts-droid-fallback"
	"container cmd:buildah buildah"
	"container cmd:debootstrap debootstrap"
	"container cmd:ip iproute2"
	"model cmd:spin spin"
	"model cmd:gcc gcc"
	"model hdr:stdio.h libc6-dev"
	"fuzz cmd:clang clang"
	"fuzz rt:fuzzer libclang-rt-dev"
	"lint cmd:clang-format clang-format"
	"lint cmd:clang clang"
	"lint cmd:cppcheck cppcheck"
	"lint cmd:shellcheck shellcheck"
	"lint cmd:mandoc mandoc"
	"lint file:/usr/lib/python3/dist-packages/yaml/__init__.py python3-yaml"
	"dist cmd:xz xz-utils"
	"package cmd:git git"
	"package deb:build-essential build-essential"
	"package cmd:dh debhelper"
	"package cmd:dpkg-buildpackage dpkg-dev"
	"package cmd:lintian lintian"
	"package cmd:xz xz-utils"
	"package cmd:logrotate logrotate"
	"chroot cmd:debootstrap debootstrap"
	"chroot cmd:zstd zstd"
	"chroot cmd:ip iproute2"
	"chroot file:/usr/share/bash-completion/bash_completion bash-completion"
)

# has cmd:NAME | pc:MODULE | hdr:FILE | file:PATH | deb:PACKAGE | rt:RUNTIME of clang
has() {
	case $1 in
	cmd:*) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "${1#cmd:}" >/dev/null ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	hdr:*) [[ -e /usr/include/${1#hdr:} || -e /usr/local/include/${1#hdr:} ]] ;;
	file:*) [[ -e ${1#file:} ]] ;;
	deb:*) [[ $(dpkg-query -W -f '${db:Status-Status}' "${1#deb:}" 2>/dev/null) == installed ]] ;;
	rt:*) [[ -e $(clang -print-file-name="libclang_rt.${1#rt:}-$(uname -m).a" 2>/dev/null) ]] ;;
	esac
}

# The packages missing for the given purposes, each once.
missing_packages() {
	local need purpose evidence package
	for need in "${needs[@]}"; do
		read -r purpose evidence package <<<"$need"
		[[ " $* " == *" $purpose "* ]] && ! has "$evidence" && echo "$package"
	done | sort -u
}

# The packages for the given purposes, be they there or not.
packages_for() { printf '%s\n' "${needs[@]}" | awk -v purposes=" $* " 'index(purposes, " " $1 " ") { print $3 }' | sort -u; }

# install PURPOSE…: nothing at all when everything is there.
install() {
	local packages
	mapfile -t packages < <(missing_packages "$@")
	((${#packages[@]})) || return 0
	say "Installing what is missing: ${packages[*]}"
	command -v apt-get >/dev/null || die "this needs Debian's packages ${packages[*]}; apt-get was not found"
	as_root=()
	if ((EUID != 0)); then
		command -v sudo >/dev/null || die "no sudo here. As root: apt-get install --no-install-recommends ${packages[*]}"
		as_root=(sudo)
	fi
	mkdir -p "$build"
	: >"$build/apt.log"
	(apt_install "${packages[@]}") || { show_log "$build/apt.log" && die "installing failed; all of its output: $build/apt.log"; }
	mapfile -t packages < <(missing_packages "$@")
	((${#packages[@]} == 0)) || die "installed, and still not found: ${packages[*]}"
}

# In a subshell: its trap takes policy-rc.d away again.
apt_install() {
	local server fresh=()
	for server in lighttpd nginx prometheus unbound avahi-daemon; do has "cmd:$server" || fresh+=("$server"); done
	forbid_service_starts
	apt_knows "$@" || apt update || say "apt-get update failed; trying with the package lists that are here"
	apt install --no-install-recommends "$@" || { apt update && apt install --no-install-recommends "$@"; } || return 1
	for server in "${fresh[@]}"; do
		has "cmd:$server" || continue
		"${as_root[@]}" update-rc.d "$server" disable >/dev/null 2>&1 || true
		say "$server is installed but not started, nor will it be at boot (systemctl enable $server, if you want that)."
	done
}

apt() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		"$@" </dev/null >>"$build/apt.log" 2>&1
}

# Whether the package lists here are enough.
apt_knows() { apt-get -qq -s install --no-install-recommends "$@" >/dev/null 2>&1; }

# An installed web server or cron must not start on the person's ports: Debian asks policy-rc.d, which we lend for
# the time of the installation. One that is there already is the person's and stays as it is.
forbid_service_starts() {
	local policy=/usr/sbin/policy-rc.d
	if [[ -e $policy ]]; then
		say "$policy exists and stays as it is: it decides whether an installed service is started."
		return
	fi
	trap '"${as_root[@]}" rm -f '"$policy" EXIT
	printf '#!/bin/sh\n# Lent by ./dev while it installs packages.\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
	"${as_root[@]}" chmod 755 "$policy"
}
