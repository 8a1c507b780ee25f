# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The cases debian/…: ./dev check in a chroot of the other release of Debian (12 or 13), where a case has the name that it
# has here, behind debian/. Its unit tests, and of the end-to-end tests, unless one is asked for, those of:
debian_e2e="basic limit handover judgement doors reload sdk claude-code"

# Only by name, or with all: they take minutes.
match_debian() { [[ -n $1 && $1 != debian/* ]] || echo all; }

check_debian() {
	case $1 in
	"" | debian/) debian_check unit/ && debian_check e2e/ "$debian_e2e" ;;
	*) debian_check "${1#debian/}" ;;
	esac
}

# debian_check PATTERN [FILES of tests/e2e]. False when it cannot be done here.
debian_check() {
	local log=$build/debian.log packages status=0 p=0 f=0 s=0
	mapfile -t packages < <(packages_for build e2e)
	tree_files | BUILD_DIR=$build NPM_DIR=$build/npm "$top/tests/debian/run" "${packages[@]}" -- \
		env CHECK_FILES="${2:-}" CHECK_SERVERS="${CHECK_SERVERS:-lighttpd nginx apache-proxy apache-fcgid}" CHECK_ALL="${CHECK_ALL:-}" \
		./dev check "$1" 2>&1 | tee "$log" | debian_lines || status=${PIPESTATUS[1]}
	if ((status == 77)); then
		case_done skip debian "$(tail -n 1 "$log")"
		return 1
	fi
	read -r p f s < <(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$log") || true
	if ((p + f + s == 0)); then case_done not "debian/$1" "ended with status $status: $(tail -n 20 "$log")"; fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# The names of the cases as they are here; the sum is told with ours.
debian_lines() {
	sed -uE -e 's/^(ok      |FAILED  |skipped )/&debian\//' -e "s/(repeat: \.\/dev check '?)/\1debian\//" -e '/^[0-9]+ passed, [0-9]+ failed/d'
}
