# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# build/release, build/asan and build/fuzz, and the npm packages of the end-to-end tests in build/npm.

# build_kind release|asan|fuzz [MAKE TARGET…]: one at a time for each kind. clangd finds build/compile_commands.json.
build_kind() {
	local kind=$1
	shift
	mkdir -p "$build/$kind"
	exec {lock}>"$build/$kind.lock"
	flock "$lock"
	generate_configure
	configure_kind "$kind"
	logged "$build/$kind.log" "building build/$kind" make -C "$build/$kind" -j"$jobs" --no-print-directory compile_commands.json "$@"
	ln -sf "$kind/compile_commands.json" "$build/compile_commands.json"
	exec {lock}>&-
}

fuzz_flags="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"

generate_configure() {
	exec {tree_lock}>"$build/autoreconf.lock"
	flock "$tree_lock"
	if [[ ! -e $top/configure || ! -e $top/Makefile.in ]]; then
		logged "$build/autoreconf.log" "autoreconf -i" autoreconf -i "$top"
	fi
	exec {tree_lock}>&-
}

configure_kind() {
	local dir=$build/$1 options=(-q)
	[[ $1 == asan ]] && options+=(--enable-asan --enable-werror)
	[[ $1 == fuzz ]] && options+=(--disable-hardening CC=clang "CFLAGS=-g -O1 $fuzz_flags")
	is_configured "$dir" && return
	(cd "$dir" && logged "$dir.log" "configure ${options[*]}" "$top/configure" "${options[@]}")
}

# Whether a build is there, and of this tree: one that came along with a copied or moved checkout names the old one,
# and is begun anew but for what the fuzzers have learned.
is_configured() {
	[[ -e $1/Makefile ]] || return
	grep -qxF "abs_top_srcdir = $top" "$1/Makefile" && return
	say "${1#"$top"/} is of another checkout: begun anew"
	find "$1" -mindepth 1 -maxdepth 1 -not -name corpus -not -name found -exec rm -rf {} +
	return 1
}

# logged LOG WHAT COMMAND…: silent, but for a failure.
logged() {
	local log=$1 what=$2
	shift 2
	"$@" >"$log" 2>&1 </dev/null && return
	if grep -qE '(error|Error|ERROR)' "$log"; then
		grep -E -A3 '(error|Error|ERROR)[: ]' "$log" | head -n 30 | sed 's/^/    /' >&2
	else
		show_log "$log"
	fi
	die "$what failed; all of its output: $log"
}

# Packages that the end-to-end tests use without installing them, in build/unpacked: libnss-mdns would edit the machine's
# nsswitch.conf, apparmor confine its programs. A case that misses one is skipped.
unpacked_packages() {
	local package dir
	for package in libnss-mdns apparmor; do
		dir=$build/unpacked/$package
		[[ ! -d $dir ]] || continue
		mkdir -p "$build/unpacked"
		if (cd "$build/unpacked" && apt-get -qq download "$package" && dpkg-deb -x "$package"_*.deb "$dir.new") >"$build/unpacked.log" 2>&1 </dev/null; then
			mv "$dir.new" "$dir"
		else
			say "$package could not be fetched: $build/unpacked.log"
		fi
	done
}

# The npm packages of the end-to-end tests, in build/npm; again only when their lock file changed.
npm_packages() {
	local dir=$build/npm lock=$top/tests/e2e/package-lock.json
	cmp -s "$lock" "$dir/installed.json" && return
	install npm
	say "Fetching the npm packages of the end-to-end tests (once; Claude Code is large)"
	rm -rf "$dir" && mkdir -p "$dir"
	cp "$top/tests/e2e/package.json" "$lock" "$dir/"
	(cd "$dir" && logged "$build/npm.log" "npm ci" npm ci --no-audit --no-fund --loglevel=error)
	# An npm that runs no install scripts leaves Claude Code without its program.
	"$dir/node_modules/.bin/claude" --version >/dev/null 2>&1 ||
		logged "$build/npm.log" "installing Claude Code" node "$dir/node_modules/@anthropic-ai/claude-code/install.cjs"
	cp "$lock" "$dir/installed.json"
}
