# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev fuzz, and the cases fuzz/…

fuzz_targets() { find "$top/tests/fuzz" -name 'fuzz_*.c' -printf '%f\n' | sed 's/^fuzz_//; s/\.c$//' | sort; }

# The targets of which an input's name holds the pattern: fuzz/TARGET/NAME.
match_fuzz() {
	local target inputs
	for target in $(fuzz_targets); do
		inputs=$(cd "$top/tests/fuzz" && find seeds found -path "*/$target/*" -type f -printf "fuzz/$target/%f\n")
		[[ "$inputs"$'\n'"fuzz/$target/new inputs" != *"$1"* ]] || echo "$target"
	done
}

# What is kept, under gcc's sanitizers; and, where clang is, new inputs for some seconds.
check_fuzz() {
	local targets target
	mapfile -t targets < <(match_fuzz "$1")
	build_kind asan "${targets[@]/#/tests/fuzz/fuzz_}"
	for target in "${targets[@]}"; do check_fuzz_replay "$target" "$1"; done
	has cmd:clang && has rt:fuzzer || return 0
	for target in "${targets[@]}"; do
		[[ "fuzz/$target/new inputs" == *"$1"* ]] || continue
		build_fuzz "$target"
		if fuzz "$target" "${FUZZ_SECONDS:-1}"; then
			case_done ok "fuzz/$target/new inputs"
		else
			case_done not "fuzz/$target/new inputs" "$(fuzz_finding "$target")"
		fi
	done
}

check_fuzz_replay() {
	local target=$1 dir=$top/tests/fuzz out=$build/asan/tests/fuzz/fuzz_$1.out status=0 ok
	(cd "$build/asan" && sanitizer_options && exec "tests/fuzz/fuzz_$target" "$2" "$target" "$dir/seeds/$target" "$dir/found/$target") \
		>"$out" 2>&1 </dev/null || status=$?
	ok=$(grep -cE '^ok ' "$out" || true)
	passed=$((passed + ok))
	if ((status != 0)); then
		case_done not "$(grep -E '^# fuzz/' "$out" | tail -n 1 | cut -c3-)" "$(grep -v '^ok ' "$out" | sed '/^Shadow bytes around/,/ABORTING$/d' | tail -n 40)"
	elif ((ok > 0)); then
		echo "ok      fuzz/$target: $ok inputs that are kept"
	fi
}

# build_fuzz TARGET: with libFuzzer, in build/fuzz.
build_fuzz() {
	local program=$build/fuzz/fuzz_$1 flags
	build_kind fuzz libclaude-router.a
	flags=$(make -s -C "$build/fuzz" print-fuzz-flags)
	# shellcheck disable=SC2086 # flags are words
	logged "$build/fuzz_$1.log" "building $program" \
		clang -g -O1 $fuzz_flags -fsanitize=fuzzer -I"$top/tests/fuzz" "$top/tests/fuzz/fuzz_$1.c" -o "$program" $flags
}

# fuzz TARGET SECONDS: what it learned stays in build/fuzz/corpus, what it found in build/fuzz/found.
fuzz() {
	local target=$1 corpus=$build/fuzz/corpus/$1 found=$build/fuzz/found/$1
	mkdir -p "$corpus" "$found" "$top/tests/fuzz/found/$target"
	ASAN_OPTIONS=detect_leaks=1 "$build/fuzz/fuzz_$target" -max_total_time="$2" -timeout=10 -max_len=8192 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$found/" "$corpus" "$top/tests/fuzz/seeds/$target" "$top/tests/fuzz/found/$target" \
		>"$build/fuzz/$target.log" 2>&1 </dev/null
}

fuzz_finding() {
	grep -E 'does not hold|ERROR:|runtime error|^    #[0-9]+ .*/(src|tests)/|Test unit written' "$build/fuzz/$1.log" | head -n 20
	echo "all of it: $build/fuzz/$1.log; keep what it found in tests/fuzz/found/$1, under a name that says what it is"
}

cmd_fuzz() {
	local targets target failed=0
	install build fuzz
	mapfile -t targets < <(fuzz_targets)
	if [[ -n ${1:-} ]]; then
		[[ " ${targets[*]} " == *" $1 "* ]] || die "there is no target $1: ${targets[*]}"
		targets=("$1")
	fi
	for target in "${targets[@]}"; do
		build_fuzz "$target"
		if fuzz "$target" "${2:-60}"; then
			echo "$target: $(grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$build/fuzz/$target.log" | tail -n 1)," \
				"$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/fuzz/$target.log") inputs," \
				"$(sed -n 's/^stat::average_exec_per_sec: *//p' "$build/fuzz/$target.log") a second"
		else
			failed=1
			echo "$target: found something"
			fuzz_finding "$target" | sed 's/^/    /'
		fi
	done
	return $failed
}
