# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The cases debian/…: the unit tests, the package, and the main end-to-end tests in a chroot of the other release of Debian
# (13 on a machine with 12, 12 on one with 13). A case has the name that it has here, behind debian/; any of unit/ and
# e2e/ can be asked for by its name.
debian_e2e="basic limit handover judgement doors reload sdk claude-code share"
debian_servers="lighttpd nginx apache-proxy apache-fcgid"

# Only by name, or with all: they take ten minutes.
match_debian() { [[ $1 != debian/* && ( -n $1 || -z ${CHECK_ALL:-} ) ]] || echo all; }

check_debian() {
	local part parts=("${1#debian/}")
	[[ -n ${parts[0]} ]] || parts=(unit/ package e2e/)
	for part in "${parts[@]}"; do
		case $part in
		package*) debian_package ;;
		e2e/) CHECK_FILES=$debian_e2e debian_tests "$part" ;;
		*) debian_tests "$part" ;;
		esac || { case_done skip debian "$(tail -n 1 "$build/debian.log")" && break; }
	done
}

# debian_run COMMAND…: in the chroot. False when that cannot be; build/debian.log's last line says why.
debian_run() {
	local packages status=0
	mapfile -t packages < <(packages_for build e2e package)
	grep -q bookworm /etc/os-release && packages+=(valkey-tools) # 12 has none
	tree_files | BUILD_DIR=$build NPM_DIR=$build/npm "$top/tests/debian/run" "${packages[@]}" -- "$@" 2>&1 |
		tee "$build/debian.log" || status=${PIPESTATUS[1]}
	((status != 77))
}

debian_tests() {
	local p=0 f=0 s=0
	debian_run env CHECK_FILES="${CHECK_FILES:-}" CHECK_SERVERS="${CHECK_SERVERS:-$debian_servers}" \
		CHECK_ALL="${CHECK_ALL:-}" ./dev check "$1" | debian_lines || return
	read -r p f s < <(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$build/debian.log") || true
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	mapfile -t -O ${#failures[@]} failures < <(sed -n 's/^failed: /debian\//p' "$build/debian.log")
	((p + f + s)) || case_done not "debian/$1" "$(tail -n 20 "$build/debian.log")"
}

# The names of the cases as they are here; the sum is told with ours.
debian_lines() {
	sed -uE -e 's/^(ok      |FAILED  |skipped )/&debian\//' -e "s/(repeat: \.\/dev check '?)/\1debian\//" -e '/^[0-9]+ passed, [0-9]+ failed|^failed: |^minutes: /d'
}

# With lintian of that release, which ./dev package asks.
debian_package() {
	debian_run ./dev package >/dev/null || return
	if grep -q '^/.*\.deb$' "$build/debian.log"; then case_done ok debian/package; else case_done not debian/package "$(tail -n 60 "$build/debian.log")"; fi
}
