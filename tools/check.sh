# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev check and ./dev lint: which cases match, and what becomes of them.

# The groups of cases. match_GROUP PATTERN prints what of the group can have cases whose name holds the pattern;
# check_GROUP PATTERN builds what these need and runs them. The lanes run beside each other, a lane's groups in its order:
# the end-to-end tests wait as much as they work, and are as long as all the others.
lanes=("unit lint fuzz model package dist debian foreign" "e2e")
read -ra groups <<<"${lanes[*]}"

# What install needs to know of each.
declare -A purposes=([unit]="build" [fuzz]="build" [e2e]="build e2e" [model]="model" [lint]="lint"
	[package]="build e2e lint package chroot" [dist]="build dist" [debian]="e2e chroot" [foreign]="chroot")

passed=0 failed=0 skipped=0 failures=() minutes=() once=()

cmd_check() {
	local pattern="" patterns
	while (($#)); do
		case $1 in
		--all) export CHECK_ALL=1 && shift ;;
		-*) die "check does not know $1: ./dev help" ;;
		*) pattern=$1 && shift ;;
		esac
	done
	mapfile -t patterns < <(in_full "$pattern")
	install_for "${patterns[@]}"
	run_lanes "${patterns[@]}"
	[[ -n $pattern ]] || again_alone
	check_total "$pattern"
}

# One or two end-to-end cases that failed while the processors were shared by all others have another chance, alone; that is
# told, since it may be a race of the program.
again_alone() {
	local name p f s counts=$build/e2e.again names=("${failures[@]}")
	((${#names[@]} > 0 && ${#names[@]} < 3)) && [[ "${names[*]/#e2e\/*/}" =~ ^\ *$ ]] || return 0
	failures=()
	for name in "${names[@]}"; do
		echo "again, alone: $name"
		run_e2e "$counts" "$name" || true
		if read -r p f s <"$counts" && ((p > 0 && f == 0)); then
			failed=$((failed - 1)) passed=$((passed + 1)) once+=("$name")
		else
			failures+=("$name")
		fi
	done
}

# run_lanes PATTERN…: each is a process group, which an interrupt ends whole.
run_lanes() {
	local lane pids=()
	rm -f "$build"/lane.*
	set -m
	for lane in "${!lanes[@]}"; do
		{ check_lane "${lanes[lane]}" "$@"; lane_totals >"$build/lane.$lane"; } &
		pids+=($!)
	done
	set +m
	trap 'kill -- "${pids[@]/#/-}" 2>/dev/null; exit 130' INT TERM
	wait
	trap - INT TERM
	for lane in "${!lanes[@]}"; do add_lane "$build/lane.$lane" "${lanes[lane]}"; done
}

# check_lane GROUPS PATTERN…
check_lane() {
	local part group since groups_here
	read -ra groups_here <<<"$1"
	shift
	for part in "$@"; do
		for group in "${groups_here[@]}"; do
			wants "$group" "$part" || continue
			since=$SECONDS
			"check_$group" "$part"
			minutes+=("$group $(((SECONDS - since) / 60)):$(printf %02d $(((SECONDS - since) % 60)))")
		done
	done
}

# What a lane, a process of its own, has to tell: the numbers, the minutes, the failures.
lane_totals() {
	local IFS=,
	printf '%s\n' "$passed $failed $skipped" "${minutes[*]}" "${failures[@]}"
}

# add_lane FILE GROUPS
add_lane() {
	local p f s took=() names=()
	if [[ ! -s $1 ]]; then
		failed=$((failed + 1)) failures+=("one of the groups $2 could not be built or run: its error is above")
		return
	fi
	{ read -r p f s && IFS=, read -ra took && mapfile -t names; } <"$1"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)) minutes+=("${took[@]}")
	[[ -z ${names[*]} ]] || failures+=("${names[@]}")
}

# A word that is the name of a group, or of a file of tests in some of them, means these: their cases' names begin so.
# Any other pattern may stand anywhere in a case's name.
in_full() {
	local file names=()
	[[ " ${groups[*]} " != *" $1 "* ]] || names+=("$1/")
	if [[ $1 =~ ^[a-z0-9_-]+$ ]]; then
		for file in "unit/test_$1.c" "fuzz/fuzz_$1.c" "e2e/$1.mjs" "lint/$1" "package/$1"; do
			[[ ! -f $top/tests/$file ]] || names+=("${file%%/*}/$1")
		done
	fi
	printf '%s\n' "${names[@]-$1}"
}

# All that the matching cases need, at once and before anything runs.
install_for() {
	local pattern group words needed=()
	for pattern in "$@"; do
		for group in "${groups[@]}"; do
			wants "$group" "$pattern" || continue
			read -ra words <<<"${purposes[$group]}"
			needed+=("${words[@]}")
			if [[ $group == e2e ]] && wants_image "$pattern"; then needed+=(container); fi
		done
	done
	install "${needed[@]}"
	if [[ " ${needed[*]} " == *" e2e "* ]]; then npm_packages && unpacked_packages; fi
}

# Whether cases of a group can match: a pattern "GROUP/…" names its group, any other may be in all of them.
wants() {
	[[ " ${groups[*]/%//} " == *" ${2%%/*}/ "* && $2 == */* && $2 != "$1"/* ]] && return 1
	[[ -n $("match_$1" "$2") ]]
}

# case_done ok|not|skip NAME [REASON…]
case_done() {
	local result=$1 name=$2
	shift 2
	case $result in
	ok) passed=$((passed + 1)) && echo "ok      $name" ;;
	skip) skipped=$((skipped + 1)) && echo "skipped $name: $*" ;;
	*)
		failed=$((failed + 1)) failures+=("$name")
		echo "FAILED  $name"
		[[ -z $* ]] || printf '%s\n' "$*" | sed 's/^/        /'
		echo "        repeat: ./dev check $(quoted "$name")"
		;;
	esac
}

quoted() { [[ $1 =~ ^[A-Za-z0-9_./-]+$ ]] && echo "$1" || echo "'${1//\'/\'\\\'\'}'"; }

sanitizer_options() {
	export ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:strict_string_checks=1
	export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
}

match_unit() {
	local suite
	for suite in $(find "$top/tests/unit" -name 'test_*.c' -printf '%f\n' | sed 's/^test_//; s/\.c$//' | sort); do
		[[ $1 == unit/* && unit/$suite/ != "$1"* && $1 != "unit/$suite/"* ]] || echo "$suite"
	done
}

check_unit() {
	local suites suite
	mapfile -t suites < <(match_unit "$1")
	build_kind asan "${suites[@]/#/tests/unit/test_}"
	for suite in "${suites[@]}"; do check_unit_program "$suite" "$1"; done
}

# Each row is a case. What is shown: rows that failed or were skipped, and one line for the suite.
check_unit_program() {
	local suite=$1 out=$build/asan/tests/unit/test_$1.out status=0 ok not skip
	(cd "$build/asan" && sanitizer_options && TEST_SRCDIR=$top exec "tests/unit/test_$suite" "$2") >"$out" 2>&1 </dev/null || status=$?
	ok=$(grep -cE '^ok ' "$out" || true) not=$(grep -cE '^not ok ' "$out" || true)
	skip=$(grep -cE '^ok .*# SKIP' "$out" || true)
	passed=$((passed + ok - skip)) failed=$((failed + not)) skipped=$((skipped + skip))
	if ((ok + not > 0 || status != 0)); then
		grep -vE "^ok |^1\.\.|^# $suite: [0-9]+ of" "$out" | sed '/^Shadow bytes around/,/ABORTING$/d' || true
	fi
	sed -n 's/^ok .* # SKIP *//p' "$out" | sort | uniq -c | while read -r n why; do echo "skipped unit/$suite: $n rows, $why"; done
	if ((not == 0 && status != 0)) || ! grep -q '^1\.\.' "$out"; then
		case_done not "unit/$suite" "ended with status $status, not as its rows did; its output: $out"
	elif ((ok + not > 0)); then
		((not == 0)) || failures+=("unit/$suite")
		echo "$( ((not)) && echo 'FAILED ' || echo 'ok     ') unit/$suite: $((ok - skip)) of $((ok + not - skip)) rows"
	fi
}

# The container's image: for all cases together, for those that name it, and when its server is asked for. Only root
# can build it.
wants_image() {
	((EUID == 0)) && [[ -z $1 || "$1 ${CHECK_SERVERS:-}" == *container* ]]
}

# Where it lies, or why there is none, for the cases. Built once, and again when what goes into it changed.
container_image() {
	local out status=0
	out=$(BUILD_DIR=$build nice "$top/tests/container/image" 2>&1 </dev/null) || status=$?
	case $status in
	0) export CONTAINER_IMAGE=${out##*$'\n'} ;;
	77) export CONTAINER_CANNOT=${out##*$'\n'} ;;
	*) case_done not e2e/container "the image was not built: $(tail -n 30 <<<"$out")" ;;
	esac
}

# The files whose name or text holds the pattern.
match_e2e() {
	case $1 in
	"" | e2e/*) echo all ;;
	*) (cd "$top/tests/e2e" && { compgen -G "*$1*.mjs" || grep -lF -- "$1" ./*.mjs; }) ;;
	esac
}

# run_e2e COUNTS PATTERN
run_e2e() (
	rm -f "$1"
	sanitizer_options
	export PATH=$PATH:/usr/sbin:/sbin BUILD_DIR=$build/asan PLAIN_DIR=$build/release NPM_DIR=$build/npm
	exec node "$top/tests/e2e/run.mjs" --counts "$1" -- "$2" </dev/null
)

check_e2e() {
	local counts=$build/e2e.counts p=0 f=0 s=0 names=()
	build_kind asan build-e2e
	build_kind release all tests/bench/load tests/simulator/simulator
	if wants_image "$1"; then container_image; fi
	run_e2e "$counts" "$1" || true
	if [[ -s $counts ]]; then
		{ read -r p f s && mapfile -t names; } <"$counts"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)) failures+=("${names[@]}")
	else
		case_done not e2e/run "tests/e2e/run.mjs ended without a result"
	fi
}

match_model() { "$top/tests/model/run" --list | grep -F -- "$1"; }

# Each row is a case; what is shown is as for a unit's suite.
check_model() {
	local out=$build/model.out status=0 ok not
	"$top/tests/model/run" "$1" >"$out" 2>&1 </dev/null || status=$?
	ok=$(grep -cE '^ok ' "$out" || true) not=$(grep -cE '^not ok ' "$out" || true)
	passed=$((passed + ok)) failed=$((failed + not))
	grep -vE '^ok |^1\.\.' "$out" || true
	if ((not == 0 && status != 0)) || ! grep -q '^1\.\.' "$out"; then
		case_done not model/run "ended with status $status, not as its rows did; its output: $out"
	elif ((ok + not > 0)); then
		((not == 0)) || failures+=(model)
		echo "$( ((not)) && echo 'FAILED ' || echo 'ok     ') model: $ok of $((ok + not)) rows"
	fi
}

# The analyzers take minutes: only by name, or with all.
match_lint() {
	local script
	for script in "$top"/tests/lint/*; do
		[[ $script != */analyzer* || -n $1${CHECK_ALL:-} ]] || continue
		[[ lint/${script##*/} != *"$1"* || ! -x $script ]] || echo "${script##*/}"
	done
}

check_lint() {
	local name out
	for name in $(match_lint "$1"); do
		if out=$(cd "$top" && BUILD_DIR=$build "tests/lint/$name" 2>&1 </dev/null); then
			case_done ok "lint/$name"
		else
			case_done not "lint/$name" "$(head -n 60 <<<"$out")"
		fi
	done
}

match_dist() { [[ dist/distcheck != *"$1"* ]] || echo distcheck; }

check_dist() {
	local log=$build/distcheck.log
	build_kind release all
	if make -C "$build/release" -j"$jobs" distcheck >"$log" 2>&1 </dev/null; then
		case_done ok dist/distcheck
	else
		case_done not dist/distcheck "$(grep -nE '(error|Error|ERROR|FAIL)' "$log" | head -n 20)
$(tail -n 15 "$log")
all of it: $log"
	fi
}

check_total() {
	if ((passed + failed + skipped == 0)); then
		say "dev: no case's name holds \"$1\""
		failed=1
	fi
	local total="$passed passed, $failed failed"
	((skipped)) && total+=", $skipped skipped"
	((${#minutes[@]} < 2)) || (IFS=, && echo "minutes: ${minutes[*]/#/ }")
	((${#once[@]} == 0)) || printf 'failed once, and not alone: %s\n' "${once[@]}"
	((${#failures[@]} == 0)) || printf 'failed: %s\n' "${failures[@]}"
	echo "$total"
	((failed == 0))
}

cmd_lint() {
	install lint
	check_lint "${1:-}"
	check_total "${1:-}"
}
