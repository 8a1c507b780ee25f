# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev bench

cmd_bench() {
	install build e2e npm
	build_kind release all tests/simulator/simulator tests/bench/load
	BUILD_DIR=$build/release exec node "$top/tests/bench/bench.mjs" "$@"
}
