#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What every web server's case goes through; it has a function restart, for the server of its site.

router=http://127.0.0.1:8000

# An existing site, and what is there before the package comes.
make_site() {
	echo "the old site" >/var/www/html/index.html
	quiet restart
	until_true old_site_works
	all_files >/tmp/before
}

site() { curl -s --max-time 10 http://127.0.0.1/; }
old_site_works() { expect "the old site" site; }

is_healthy() { curl -sf --max-time 5 "$router/health?live=1"; }

# Files, owners and modes after a first installation, with nothing enabled.
check_installation() {
	say "files, owners and modes"
	same "tokens.txt" "root:www-data 640" "$(stat -c '%U:%G %a' /etc/claude-router/tokens.txt)"
	same "the state's directory" "www-data:www-data 750" "$(stat -c '%U:%G %a' /var/lib/claude-router)"
	same "the log's directory" "www-data:www-data 750" "$(stat -c '%U:%G %a' /var/log/claude-router)"
	same "the user" "/var/lib/claude-router:/usr/sbin/nologin" "$(getent passwd claude-router | cut -d: -f6-)"
	expect "claude-router.conf: OK" claude-router --check-config
	! is_healthy || fail "the router runs, and nobody has enabled it"
	old_site_works
}

# Clients are served, by another provider when Claude Pro reaches its limit.
check_service() {
	say "the router serves: curl, Claude Code, a limit"
	until_true is_healthy
	expect '"hello from curl"' message "$router" "hello from curl"
	expect "done 1 steps, last by claude_pro" claude_code "$router" "SIM:TOOLS 1"
	next_fault claude_pro '{"fault":"usage_limit","reset":3600}'
	expect "done 1 steps, last by deepseek" claude_code "$router" "SIM:TOOLS 1"
	expect "claude_pro   resting" claude-router-ctl status
	old_site_works
}

# As cron starts it, and at a person's shell: what root starts belongs to the router's user.
check_tools() { # USER
	say "the checker and the control program as root"
	sh -c "$(sed -n 's/^0-4 \* \* \* \* root //p' /etc/cron.d/claude-router)" || [[ $? == 1 ]] || fail "the checker ended with $?"
	quiet claude-router-ctl switch auto
	same "owners in the state's directory" "$1" "$(find /var/lib/claude-router -printf '%u\n' | sort -u)"
}

# What an upgrade must not touch. Of the state and the ledger it is the files, since they may be written meanwhile.
kept_files() { # FILE…
	sha256sum /etc/claude-router/*
	stat -c '%A %U:%G %i %n' /var/lib/claude-router/{state,usage.db}
	ls -l /etc/claude-router "$@"
}

# The ledger is written a moment after the answers.
has_ledger() { [[ -s /var/lib/claude-router/usage.db ]]; }

check_upgrade() { # FILE…
	local before
	say "an upgrade keeps configuration and state"
	until_true has_ledger
	before=$(kept_files "$@")
	newer_package
	quiet apt-get -qq -y install /tmp/claude-router-newer.deb
	expect "+next1" dpkg-query -W claude-router
	same "configuration and state" "$before" "$(kept_files "$@")"
	quiet restart
	until_true is_healthy
	expect "claude_pro   resting" claude-router-ctl status
	expect '"hello again"' message "$router" "hello again"
	old_site_works
}

# Without what SQLite has only while the ledger is open.
kept_names() { find /etc/claude-router /var/lib/claude-router ! -name "*-shm" ! -name "*-wal" | sort; }

check_removal() { # ENABLED FILE…
	local kept
	say "removal leaves configuration and state, and the old site works"
	kept=$(kept_names)
	quiet apt-get -qq -y remove claude-router
	same "what is kept" "$kept" "$(kept_names)"
	for file; do [[ ! -e $file && ! -L $file ]] || fail "$file is still there"; done
	until_true old_site_works
	quiet restart
	until_true old_site_works
	sh -c "$(sed -n 's/^0-4 \* \* \* \* root //p' /etc/cron.d/claude-router)" || fail "cron's entry fails after the removal"
}

check_purge() {
	say "purge leaves nothing"
	quiet apt-get -qq -y purge claude-router
	quiet apt-get -qq -y autoremove --purge
	same "the machine" "" "$(diff /tmp/before <(all_files))"
	same "what bears our name" "" "$(find / \( -path /proc -o -path /tmp -o -path /proof \) -prune -o -name '*claude-router*' -print)"
	! getent passwd claude-router >/dev/null || fail "the user claude-router is still there"
	until_true old_site_works
}
