# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev install-user: the router for one person, without root. Programs, pages and configurations go to ~/.local, what the
# person writes to $XDG_CONFIG_HOME/claude-router, what the router writes to $XDG_STATE_HOME; a user unit runs a lighttpd of
# its own, and the person's crontab the hourly check.

cmd_install-user() {
	local remove=no prefix config state runtime lighttpd dir
	case ${1:-} in
	"") ;;
	--remove) remove=yes ;;
	*) die "install-user does not know $1: ./dev help" ;;
	esac
	user_places
	if [[ $remove == yes ]]; then
		user_remove
	else
		user_needs
		user_build
		user_install
		user_told
	fi
}

user_places() {
	local place
	prefix=$HOME/.local config=${XDG_CONFIG_HOME:-$HOME/.config} state=${XDG_STATE_HOME:-$HOME/.local/state}
	runtime=${XDG_RUNTIME_DIR:-/run/user/$EUID}
	[[ -d $runtime && -w $runtime ]] || runtime=$state/run
	for place in "$prefix" "$config" "$state" "$runtime"; do
		# Such a path stands in files of make, cron and systemd.
		[[ $place =~ ^/[A-Za-z0-9_./@+-]+$ ]] || die "$place cannot be used: only letters, digits and _./@+- in it"
	done
	dir=$build/user-$(cksum <<<"$prefix $config $state $runtime" | cut -d ' ' -f 1)
}

# Nothing is installed here that needs root.
user_needs() {
	local packages
	mapfile -t packages < <(missing_packages build serve)
	((${#packages[@]} == 0)) || die "these packages are missing; as root: apt-get install --no-install-recommends ${packages[*]}"
	lighttpd=$(type -P lighttpd) || lighttpd=/usr/sbin/lighttpd
}

user_build() {
	mkdir -p "$dir"
	generate_configure
	is_configured "$dir" || (cd "$dir" && logged "$dir.log" configure "$top/configure" -q --prefix="$prefix" --sysconfdir="$config" \
		--localstatedir="$state" --runstatedir="$runtime" --with-crondir="$config/claude-router/cron.d")
	logged "$dir.log" "building for $prefix" make -C "$dir" -j"$jobs" --no-print-directory all
}

user_install() {
	local tokens=$config/claude-router/tokens.txt units=$config/systemd/user name
	umask 077
	logged "$dir.log" "installing into $prefix" make -C "$dir" --no-print-directory install install-cron
	# What doctor compares: the entry as it would stand in /etc/cron.d.
	sed -i "s/ root \[/ $(id -un) [/" "$config/claude-router/cron.d/claude-router"
	chmod 700 "$config/claude-router" "$state/lib/claude-router" "$state/log/claude-router"
	[[ -e $tokens ]] || cp "$top/conf/tokens.txt.example" "$tokens" # as umask says: for its owner alone
	mkdir -p "$units" "$runtime/claude-router"
	for name in "" -share; do
		sed -e "s|@sysconfdir@|$config|g" -e "s|@datadir@|$prefix/share|g" -e "s|@sbindir@|$prefix/sbin|g" -e "s|@lighttpd@|$lighttpd|g" \
			"$top/conf/systemd/user$name.service.in" >"$units/claude-router$name.service"
	done
	user_crontab "0-4 * * * * $prefix/sbin/claude-router-check"
}

# The person's crontab with these lines in place of ours.
user_crontab() {
	command -v crontab >/dev/null || {
		say "There is no crontab here: Claude Pro is noticed to be back a little later (package cron)."
		return 0
	}
	{ crontab -l 2>/dev/null | grep -v '/claude-router-check$' || true; printf '%s\n' "$@"; } | sed '/^$/d' | crontab -
}

user_told() {
	cat <<-END
		Installed in $prefix, without root. Keys of other providers: $config/claude-router/tokens.txt

		    systemctl --user daemon-reload && systemctl --user enable --now claude-router
		    loginctl enable-linger          # it also runs while you are not logged in
		    export ANTHROPIC_BASE_URL=http://127.0.0.1:8000

		Another port: ROUTER_PORT=… in $config/claude-router/environment. Without systemd:

		    mkdir -p $runtime/claude-router && ROUTER_HOST=127.0.0.1 $lighttpd -D -f $prefix/share/claude-router/lighttpd/claude-router.conf

		$prefix/bin/claude-router-ctl status shows the providers. ./dev install-user --remove takes it away again.
	END
}

user_remove() {
	[[ -e $dir/Makefile ]] || die "it was not installed from here: there is no $dir"
	systemctl --user disable --now claude-router claude-router-share >/dev/null 2>&1 || true
	! command -v crontab >/dev/null || user_crontab
	logged "$dir.log" "uninstalling from $prefix" make -C "$dir" --no-print-directory uninstall uninstall-cron
	rm -f "$config/systemd/user/claude-router.service" "$config/systemd/user/claude-router-share.service"
	echo "Removed. What you and the router wrote stays: $config/claude-router, $state/lib/claude-router, $state/log/claude-router"
}
