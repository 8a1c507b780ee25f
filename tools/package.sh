# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev package, and the cases package/…

cmd_package() {
	local into architecture=""
	if [[ ${1:-} == --arch ]]; then
		architecture=${2:-}
		shift $(($# < 2 ? $# : 2))
		[[ " ${foreign_architectures[*]} " == *" $architecture "* ]] || die "package --arch knows: ${foreign_architectures[*]}"
	fi
	into=${1:-$build/package}
	if [[ -n $architecture ]]; then
		foreign_package "$architecture" "$into"
		return
	fi
	install build package
	mkdir -p "$into"
	into=$(cd "$into" && pwd -P)
	build_package "$into"
	lint_package "$into" || die "lintian finds fault with the package: see above"
	printf '%s\n' "$into"/claude-router_*.deb
}

lint_package() {
	lintian --allow-root --fail-on error,warning --suppress-tags bad-distribution-in-changes-file "$1"/claude-router_*.changes
}

# Whether the package in build/package is of the tree as it is.
package_is_current() {
	compgen -G "$build/package/claude-router_*.deb" >/dev/null && [[ $(tree_digest) == "$(cat "$build/package/tree" 2>/dev/null)" ]]
}

tree_digest() { tree_files | sort -z | (cd "$top" && xargs -0 sha256sum) | sha256sum; }

# What git knows, with what is not yet in it; without git, all but what is made from it.
tree_files() {
	local file
	if [[ -e $top/.git ]]; then
		git -C "$top" ls-files -z --cached --others --exclude-standard |
			while IFS= read -rd '' file; do [[ ! -e $top/$file ]] || printf '%s\0' "$file"; done
	else
		(cd "$top" && find . \( -path ./build -o -path ./autom4te.cache -o -path ./build-aux \) -prune -o -type f \
			-not -name configure -not -name Makefile.in -not -name aclocal.m4 -print0)
	fi
}

# build_package DIRECTORY: from a copy of the tree in there, so that neither is in the other's way. Its tests are
# ./dev check's.
build_package() {
	local into=$1 source
	source=$into/source/claude-router-$(sed -nE 's/^AC_INIT\(\[[^]]*\], \[([^]]*)\].*/\1/p' "$top/configure.ac")
	rm -rf "$into/source" "$into/tree" "$into"/claude-router_*
	(umask 022 && mkdir -p "$source" && tree_files | tar -C "$top" --null --files-from=- -cf - | tar -C "$source" -xf -)
	(cd "$source" && DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$jobs" \
		logged "$into/build.log" "dpkg-buildpackage" dpkg-buildpackage --build=full --no-sign)
	mv "$into"/source/claude-router_* "$into/"
	rm -rf "$into/source"
	tree_digest >"$into/tree"
}

# That two builds are alike is only asked by name, or with all: it takes one more of them.
match_package() {
	local name
	for name in lintian reproducible $(cd "$top/tests/package" && find . -maxdepth 1 -type f -printf '%f\n' | sort); do
		[[ $name != reproducible || -n $1${CHECK_ALL:-} ]] || continue
		[[ package/$name != *"$1"* ]] || echo "$name"
	done
}

# The package of this tree is built once, and again for package/reproducible; the cases are scripts, as those of lint, of
# which those that cannot run here end with 77 and the reason.
check_package() {
	local script name out status
	package_is_current || build_package "$build/package"
	build_kind release all tests/simulator/simulator
	for name in $(match_package "$1"); do
		script=$top/tests/package/$name name=package/$name status=0
		case $name in package/lintian | package/reproducible) "check_${name#*/}" && continue ;; esac
		out=$(cd "$top" && BUILD_DIR=$build/release NPM_DIR=$build/npm WORK=$build/chroot SIMULATOR=$build/release/tests/simulator/simulator \
			PACKAGE=$(echo "$build"/package/claude-router_*.deb) "$script" 2>&1 </dev/null) || status=$?
		case $status in
		0) case_done ok "$name" ;;
		77) case_done skip "$name" "$(tail -n 1 <<<"$out")" ;;
		*) case_done not "$name" "$(tail -n 60 <<<"$out")" ;;
		esac
	done
}

check_lintian() {
	local out
	if out=$(lint_package "$build/package" 2>&1); then case_done ok package/lintian; else case_done not package/lintian "$out"; fi
}

# In another directory, another time zone, another language, with another umask: the same bytes.
check_reproducible() {
	local again name different=""
	again=$(mktemp -d "${TMPDIR:-/tmp}/claude-router-again.XXXXXX")
	(umask 027 && TZ=Pacific/Kiritimati LC_ALL=C build_package "$again")
	for name in "$again"/claude-router_*.{deb,tar.xz,dsc}; do
		cmp -s "$name" "$build/package/${name##*/}" || different+=" ${name##*/}"
	done
	if [[ -z $different ]]; then
		rm -rf "$again"
		case_done ok package/reproducible
	else
		case_done not package/reproducible "two builds differ in$different: see $build/package and $again"
	fi
}
