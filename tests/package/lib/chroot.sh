#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# For cases that need a machine of their own: a fresh Debian in a chroot, of the release that this machine has, with its
# own process, mount and network namespaces, so that nothing of it reaches this machine or any other. A case sources this
# file and calls `inside PACKAGE…`: what follows that line runs as root in the chroot, where the packages are installed, and
# the files of /proof are the package, the simulator and the case itself. Exit status 77: skipped, and the last line says why.

set -euo pipefail

# --- Outside ---------------------------------------------------------------------------------------------------------

skip() { echo "$*" && exit 77; }

can_work() {
	((EUID == 0)) || skip "needs root, for a chroot"
	command -v debootstrap >/dev/null || skip "debootstrap is not here"
	[[ $(own_release) =~ ^(bookworm|trixie)$ ]] || skip "this machine is neither Debian 12 nor 13"
	unshare --mount --net --pid --fork true 2>/dev/null || skip "no namespaces of its own here"
}

own_release() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# archives RELEASE: where this machine's apt has Debian from, as lines of sources.list for that release.
archives() {
	# shellcheck disable=SC2016
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT) of $(ORIGIN)' 'Identifier: Packages' |
		sed -nE "s/^(deb [^ ]+ )$(own_release)((-[a-z]+)? [a-z-]+) of Debian\$/\1$1\2/p" | sort -u
}

# bootstrap RELEASE ROOT OPTION…: a minimal Debian, whose apt is set up as this machine's is.
bootstrap() {
	local release=$1 root=$2 mirror
	shift 2
	mirror=$(archives "$release" | sed -nE "s/^deb ([^ ]+) $release main\$/\1/p" | head -n 1)
	[[ -n $mirror ]] || skip "this machine's apt knows no archive of Debian"
	# shellcheck disable=SC2153 # of the environment
	debootstrap --variant=minbase "$@" "$release" "$root" "$mirror" >"$WORK/debootstrap.log" 2>&1 ||
		{ tail -n 3 "$WORK/debootstrap.log" && rm -rf "$root" && skip "debootstrap failed; all of it: $WORK/debootstrap.log"; }
	archives "$release" >"$root/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-[A-Za-z-]+|ForceIPv[46])\b' >"$root/etc/apt/apt.conf.d/acquire" || true
	cp /etc/resolv.conf "$root/etc/resolv.conf"
}

# make_base FILE PACKAGE…: a minimal system, with all that the cases install at hand, so that they need no network.
make_base() {
	local file=$1 root
	shift
	root=$(mktemp -d "$WORK/base.XXXXXX")
	bootstrap "$(own_release)" "$root" --include=ca-certificates
	printf 'APT::Keep-Downloaded-Packages "true";\n' >"$root/etc/apt/apt.conf.d/keep"
	if ! { chroot "$root" apt-get -qq update && chroot "$root" apt-get -qq -y --download-only install "$@"; } >"$WORK/apt.log" 2>&1; then
		tail -n 3 "$WORK/apt.log"
		rm -rf "$root"
		skip "packages could not be had; all of it: $WORK/apt.log"
	fi
	tar -C "$root" -cf - . | zstd -q -1 -o "$file.new" -f && mv "$file.new" "$file"
	rm -rf "$root"
}

# What all cases together install, so that one base serves them; what our package depends on is found in it.
base_packages() {
	echo lighttpd apache2 libapache2-mod-fcgid nginx-light cron curl systemd
	dpkg-deb -f "$PACKAGE" Depends | tr ',' '\n' | sed -E 's/^ *([^ ]+).*/\1/'
}

# The name of a base that has these packages; made when there is none yet, by one case at a time.
base() {
	local packages file
	mapfile -t packages < <(base_packages | tr ' ' '\n' | sort -u)
	file=$WORK/$(own_release)-$(dpkg --print-architecture)-$(sha256sum <<<"${packages[*]}" | cut -c1-12).tar.zst
	exec {lock}>"$WORK/lock"
	flock "$lock"
	[[ -e $file ]] || { rm -f "$WORK"/*.tar.zst && make_base "$file" "${packages[@]}" >&2; }
	exec {lock}>&-
	echo "$file"
}

# enter ROOT NPM COMMAND…: in the chroot, where NPM stands at /npm, with namespaces of its own.
enter() {
	local root=$1 npm
	npm=$(realpath "$2")
	shift 2
	unshare --mount --propagation private --net --pid --ipc --uts --fork --kill-child \
		"${BASH_SOURCE[0]%/*}/enter" "$root" "$npm" "$@"
}

outside() {
	local name=${0##*/} root status=0 file
	can_work
	mkdir -p "$WORK"
	file=$(base) || { echo "$file" | tail -n 1 && exit 77; }
	root=$(mktemp -d "$WORK/$name.XXXXXX")
	trap 'rm -rf --one-file-system "$root"' EXIT
	zstd -qdc "$file" | tar -C "$root" -xf -
	chmod 755 "$root"
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
	mkdir -p "$root/proof/lib" "$root/npm"
	cp "$0" "$root/proof/"
	cp "${0%/*}"/lib/* "$root/proof/lib/"
	cp "$PACKAGE" "$root/proof/claude-router.deb"
	cp "$SIMULATOR" "$root/proof/simulator"
	enter "$root" "$NPM_DIR" env INSIDE=1 bash "/proof/$name" || status=$?
	exit $status
}

# --- Inside ----------------------------------------------------------------------------------------------------------

step="the start"

# What the case does next; said when it fails.
say() { step=$* && printf -- "- %s\n" "$*"; }

fail() { printf '%s: %s\n' "$step" "$*" && exit 1; }

# quiet COMMAND…: its output only when it fails.
quiet() {
	local out
	out=$("$@" 2>&1 </dev/null) || fail "$* ended with $?:"$'\n'"$out"
}

# expect WHAT COMMAND…: the command's output holds the text.
expect() {
	local what=$1 out
	shift
	out=$("$@" 2>&1 </dev/null) || true
	[[ $out == *"$what"* ]] || fail "$*"$'\n'"said: ${out:0:2000}"$'\n'"and not: $what"
}

# same WHAT WAS IS
same() { [[ $2 == "$3" ]] || fail "$1 was"$'\n'"$2"$'\n'"and is"$'\n'"$3"; }

# until_true COMMAND…: within 20 s.
until_true() {
	local tries
	for ((tries = 0; tries < 400; tries++)); do
		"$@" >/dev/null 2>&1 </dev/null && return
		sleep 0.05
	done
	fail "$* did not come true"
}

get() { quiet apt-get -qq -y --no-install-recommends install "$@"; }

show_logs() {
	local log
	for log in /var/log/lighttpd/error.log /var/log/apache2/error.log /tmp/simulator.log; do
		[[ ! -s $log ]] || { echo "--- $log" && tail -n 8 "$log"; }
	done
}

# inside PACKAGE…: the line from which a case runs in the chroot.
inside() {
	[[ -n ${INSIDE:-} ]] || outside
	trap '[[ $? == 0 ]] || show_logs' EXIT
	say "an existing machine: $*"
	get "$@"
}

# Every file, link and directory but what belongs to the kernel, the proof, to dpkg's and apt's own books, and the copies
# that adduser leaves of its own (/etc/passwd- …), and what a2enmod and mod_fcgid note. /run is empty after a boot.
all_files() {
	find / \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /proof -o -path /npm -o -path /var/lib/dpkg \
		-o -path /var/lib/apt -o -path /var/lib/apache2 -o -path '/etc/*-' -type f -o -path /var/cache -o -path /var/log/apt \) -prune -o -print | sort
}

# --- Providers and clients -------------------------------------------------------------------------------------------

# The four providers, simulated, and a configuration that names them; the tokens as a person would write them.
simulate_providers() {
	/proof/simulator --quiet --port-file /tmp/ports >/tmp/simulator.log 2>&1 </dev/null &
	until_true test -s /tmp/ports
	local name path
	for name in claude_pro deepseek kimi claude_api; do
		path=""
		[[ $name == deepseek || $name == kimi ]] && path=/anthropic
		printf 'provider %s {\n  url = "http://127.0.0.1:%s%s"\n}\n' "$name" "$(simulated_port "$name")" "$path"
	done >>/etc/claude-router/claude-router.conf
	printf 'deepseek = sk-sim-deepseek\nkimi = sk-sim-kimi\n' >>/etc/claude-router/tokens.txt
}

simulated_port() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" /tmp/ports; }

# next_fault PROVIDER JSON
next_fault() { quiet curl -sf --max-time 10 -d "$2" "http://127.0.0.1:$(simulated_port control)/sim/$1"; }

# message URL TEXT: what a plain client gets.
message() {
	curl -s --max-time 30 "$1/v1/messages" -H 'content-type: application/json' -d \
		'{"model":"claude-sonnet-5-5","max_tokens":100,"messages":[{"role":"user","content":"SIM:SAY '"$2"'"}]}'
}

# claude_code URL PROMPT: the real Claude Code, of a person with a login.
claude_code() {
	mkdir -p /tmp/person && cd /tmp/person
	env HOME=/tmp/person TERM=dumb IS_SANDBOX=1 ANTHROPIC_BASE_URL="$1" CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-made-up-login-of-the-tests \
		DISABLE_TELEMETRY=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1 DISABLE_ERROR_REPORTING=1 \
		timeout 120 /npm/node_modules/.bin/claude -p "$2" --output-format json --allowedTools 'Bash(echo:*)'
}

# The package again, with a higher version.
newer_package() {
	rm -rf /tmp/newer && dpkg-deb -R /proof/claude-router.deb /tmp/newer
	sed -i 's/^Version: .*/&+next1/' /tmp/newer/DEBIAN/control
	quiet dpkg-deb --root-owner-group -b /tmp/newer /tmp/claude-router-newer.deb
}
