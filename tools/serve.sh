# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev serve and ./dev ctl: the router under lighttpd, with real or simulated providers.

cmd_serve() {
	local tokens="" host=${ROUTER_HOST:-127.0.0.1} port=${ROUTER_PORT:-8000}
	while (($#)); do
		case $1 in
		--tokens) tokens=${2:?"dev serve: --tokens needs a file"} && shift 2 ;;
		--tokens=*) tokens=${1#*=} && shift ;;
		*) die "serve does not know $1: ./dev help" ;;
		esac
	done
	[[ $port =~ ^[0-9]{1,5}$ && $port -ge 1 && $port -le 65535 ]] || die "ROUTER_PORT=$port is no port (1 to 65535)"
	[[ -z $tokens && -e $top/tokens.txt ]] && tokens=$top/tokens.txt
	[[ -z $tokens || -r $tokens ]] || die "the tokens file $tokens cannot be read"
	install build serve
	port_is_free "$host" "$port"
	serve "$host" "$port" "$tokens"
}

# For people: where to reach a server that listens on any address.
reachable() { case $1 in 0.0.0.0 | "") echo 127.0.0.1 ;; ::) echo "[::1]" ;; *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }

connects() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

port_is_free() {
	local address
	address=$(reachable "$1")
	connects "${address//[\[\]]/}" "$2" || return 0
	die "port $2 on $1 is taken. Stop what listens there (ss -ltnp 'sport = :$2' names it) or choose another one: ROUTER_PORT=8001 ./dev serve"
}

serve() {
	local host=$1 port=$2 tokens=$3 simulated=no
	[[ -z $tokens && -z ${CLAUDE_API_KEY:-} ]] && simulated=yes
	build_kind release claude-router claude-router-check claude-router-ctl tests/simulator/simulator
	run=$build/serve/$port sockets=$(mktemp -d "${TMPDIR:-/tmp}/claude-router.XXXXXX") started=()
	mkdir -p "$run"
	trap 'stop_all' EXIT
	trap 'exit 0' INT TERM HUP
	: >"$run/router.log"
	export ROUTER_HOST=$host ROUTER_PORT=$port ROUTER_STATE_FILE=$run/state
	if [[ $simulated == yes ]]; then
		serve_simulated
	else
		[[ -z $tokens ]] || ROUTER_TOKENS_FILE=$(realpath "$tokens")
		[[ -z $tokens ]] || export ROUTER_TOKENS_FILE
	fi
	"$build/release/claude-router" --check-config >"$run/check-config.log" 2>&1 || {
		show_log "$run/check-config.log"
		die "the configuration is not usable: see above"
	}
	serve_lighttpd "$(reachable "$host")" "$port"
	declare -px CLAUDE_ROUTER_CONFIG ROUTER_TOKENS_FILE ROUTER_STATE_FILE >"$run/env" 2>/dev/null || true
	serve_banner "http://$(reachable "$host"):$port" "$simulated"
	start log tail -n 0 -F "$run/router.log"
	serve_until_stopped
}

# start NAME COMMAND…: in its own session, so that Ctrl-C comes to us alone and we stop all of it in order; if we are
# killed, it ends too.
start() {
	local name=$1
	shift
	setsid setpriv --pdeathsig TERM -- "$@" </dev/null &
	started+=("$!:$name")
}

# The providers' stand-ins, and a configuration and credentials that point at them.
serve_simulated() {
	rm -f "$run/state" "$run/ports.json"
	start simulator "$build/release/tests/simulator/simulator" --port-file "$run/ports.json" --quiet &>"$run/simulator.log"
	wait_or_death simulator "$run/simulator.log" test -s "$run/ports.json"
	(umask 077 && write_simulated_tokens >"$run/tokens.txt")
	write_simulated_config >"$run/claude-router.conf"
	export CLAUDE_ROUTER_CONFIG=$run/claude-router.conf ROUTER_TOKENS_FILE=$run/tokens.txt
}

simulated_port() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$run/ports.json"; }

write_simulated_tokens() {
	echo "# Made by ./dev serve for its simulated providers; worth nothing anywhere else."
	echo "claude_pro = sk-ant-oat01-simulated-claude-pro"
	echo "deepseek = sk-sim-deepseek"
	echo "kimi = sk-sim-kimi"
	echo "openai = sk-sim-openai"
	echo "claude_api = sk-ant-api03-simulated-claude-api"
}

write_simulated_config() {
	local provider
	echo "# Made by ./dev serve: the five providers, simulated."
	printf '%s = "%s"\n' tokens_file "$run/tokens.txt" state_file "$run/state" keys_file "$run/keys" prices_file "$top/conf/prices"
	for provider in claude_pro deepseek kimi openai claude_api; do
		local path=""
		[[ $provider == deepseek || $provider == kimi ]] && path=/anthropic
		printf 'provider %s {\n  url = "http://127.0.0.1:%s%s"\n}\n' "$provider" "$(simulated_port "$provider")" "$path"
	done
}

# The stand-alone configuration that we ship, with this tree's paths.
serve_lighttpd() {
	sed -e "s|@runstatedir@/claude-router|$sockets|g" -e "s|@localstatedir@/log/claude-router|$run|g" \
		-e "s|@routerdir@|$build/release|g" "$top/lighttpd/claude-router.conf.in" >"$run/lighttpd.conf"
	: >"$run/lighttpd.log"
	PATH=$PATH:/usr/sbin start lighttpd lighttpd -D -f "$run/lighttpd.conf" 2>>"$run/lighttpd.log"
	wait_or_death lighttpd "$run/lighttpd.log" connects "${1//[\[\]]/}" "$2"
	wait_or_death lighttpd "$run/router.log" answers "http://$1:$2/health?live=1"
}

answers() { curl -sf --max-time 2 -o /dev/null --noproxy '*' "$1"; }

# wait_or_death NAME LOG TEST…: until TEST holds; if what was started as NAME dies first, or 15 s pass, its log and out.
wait_or_death() {
	local name=$1 log=$2 pid=${started[-1]%%:*} tries
	shift 2
	for ((tries = 0; tries < 300; tries++)); do
		"$@" && return
		kill -0 "$pid" 2>/dev/null || break
		read -rt 0.05 <> <(:) || true
	done
	show_log "$log"
	die "$name did not come up"
}

cmd_ctl() {
	local run=$build/serve/${ROUTER_PORT:-8000}
	[[ -e $run/env ]] || die "no ./dev serve has run on port ${ROUTER_PORT:-8000}"
	# shellcheck source=/dev/null
	source "$run/env"
	exec "$build/release/claude-router-ctl" "$@"
}

serve_banner() {
	local url=$1
	if [[ $2 == yes ]]; then
		say "Claude Router is at $url, with SIMULATED providers: no tokens.txt, --tokens FILE or CLAUDE_API_KEY was given."
	else
		say "Claude Router is at $url, with the real providers. Claude Code: ANTHROPIC_BASE_URL=$url claude"
	fi
	say "" "  a message:  curl -s $url/v1/messages -H 'content-type: application/json' -d '{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'"
	[[ $2 == yes ]] && say "  a limit:    curl -s http://127.0.0.1:$(simulated_port control)/sim/claude_pro -d '{\"fault\":\"usage_limit\",\"reset\":60}'"
	say "  the status: curl -s $url/v1/status"
	say "  as a table: $([[ $url == *:8000 ]] || echo "ROUTER_PORT=${url##*:} ")./dev ctl status"
	say "" "Logs and state: ${run#"$top"/}. Ctrl-C stops all of it. The request log:"
}

# Until Ctrl-C; a part that dies by itself ends all of it.
serve_until_stopped() {
	local entry
	wait -n || true
	for entry in "${started[@]}"; do
		kill -0 "${entry%%:*}" 2>/dev/null || say "dev: ${entry#*:} ended by itself; its log: $run/${entry#*:}.log"
	done
	exit 1
}

# By pid, the last started first; lighttpd takes its responders along, and what is left of them after 3 s is killed.
stop_all() {
	local i pid responders=""
	trap '' INT TERM HUP
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		pid=${started[i]%%:*}
		[[ ${started[i]#*:} == lighttpd ]] && responders=$(children "$pid")
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for pid in $responders; do ended "$pid" || kill -KILL "$pid" 2>/dev/null || true; done
	rm -rf "$sockets"
	say "" "Stopped."
}

children() { cat "/proc/$1/task/$1/children" 2>/dev/null || true; }

# Whether a process that is not our child is gone within 3 s.
ended() {
	local tries
	for ((tries = 0; tries < 60; tries++)); do
		kill -0 "$1" 2>/dev/null || return 0
		read -rt 0.05 <> <(:) || true
	done
	return 1
}
