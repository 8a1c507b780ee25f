# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Packages for other processors, by Debian's cross compilers in a chroot, and the cases foreign/…: those packages, and the
# unit tests in an emulator of the processor, all of them or a sample.
foreign_architectures=(arm64 armhf)
declare -A foreign_emulators=([arm64]=aarch64 [armhf]=arm)

# The sample; by name, or with all, all unit tests, the packages, and a responder that answers, which take minutes.
match_foreign() {
	local architecture name names=(package unit responder)
	[[ -n $1 || -n ${CHECK_ALL:-} ]] || names=(sample)
	[[ $1 != foreign/*/s* ]] || names=(sample)
	for architecture in "${foreign_architectures[@]}"; do
		for name in "${names[@]}"; do
			[[ foreign/$architecture/$name != "$1"* && $1 != "foreign/$architecture/$name"* ]] || echo "$architecture/$name"
		done
	done
}

check_foreign() {
	local case log=$build/foreign.log status
	for case in $(match_foreign "$1"); do
		status=0
		"check_foreign_${case#*/}" "${case%/*}" >"$log" || status=$?
		case $status in
		0) case_done ok "foreign/$case" ;;
		77) case_done skip "foreign/$case" "$(tail -n 1 "$log")" ;;
		*) case_done not "foreign/$case" "$(tail -n 40 "$log")" ;;
		esac
	done
}

check_foreign_package() { foreign_package "$1" "$build/foreign/package"; }
check_foreign_unit() { foreign_run unit "$1"; }
check_foreign_sample() { foreign_run sample "$1"; }

# The responder runs out here, in the emulator and with the libraries of the chroot.
check_foreign_responder() {
	local root counts=$build/foreign/counts
	install build e2e && npm_packages && unpacked_packages
	build_kind asan build-e2e
	build_kind release all tests/simulator/simulator
	foreign_run responder "$1" || return
	root=$(echo "$build"/foreign/*-*-*/)
	FOREIGN_RESPONDER="${root}usr/bin/qemu-${foreign_emulators[$1]}-static -L $root ${root}foreign/$1/unit/claude-router" \
		run_e2e "$counts" e2e/foreign && grep -q '^1 0 0' "$counts"
}

# foreign_package ARCHITECTURE DIRECTORY
foreign_package() {
	local into status=0
	install chroot
	mkdir -p "$2"
	into=$(cd "$2" && pwd -P)
	foreign_run package "$1" >"$into/$1.log" || status=$?
	if ((status)); then
		show_log "$into/$1.log"
		return "$status"
	fi
	rm -f "$into"/claude-router_*_"$1".deb
	mv "$build"/foreign/*/foreign/claude-router_*_"$1".deb "$into/"
	printf '%s\n' "$into"/claude-router_*_"$1".deb
}

# foreign_run WHAT ARCHITECTURE: tests/debian/foreign in the chroot, which serves all architectures. Its status 77: it
# cannot be, and the last line says why.
foreign_run() {
	local architecture library libraries options=() packages=(build-essential debhelper dpkg-dev autoconf automake pkgconf fakeroot qemu-user-static)
	mkdir -p "$build/npm" "$build/foreign"
	mapfile -t libraries < <(sed -nE 's/^ (lib.*-dev),$/\1/p' "$top/debian/control")
	for architecture in "${foreign_architectures[@]}"; do
		options+=(--foreign "$architecture")
		packages+=("crossbuild-essential-$architecture" "pkgconf:$architecture")
		for library in "${libraries[@]}"; do packages+=("$library:$architecture"); done
	done
	tree_files | BUILD_DIR=$build NPM_DIR=$build/npm "$top/tests/debian/run" "${options[@]}" "${packages[@]}" -- tests/debian/foreign "$@" 2>&1
}
