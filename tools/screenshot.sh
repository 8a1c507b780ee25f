# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev screenshot: pictures of /dashboard with simulated providers, and of them the one in doc/ that README.md shows.

cmd_screenshot() {
	local into=${1:-$build/screenshot}
	install build e2e screenshot
	npm_packages
	build_kind release build-e2e
	mkdir -p "$into"
	write_fonts >"$into/fonts.conf"
	env BUILD_DIR="$build/release" PLAIN_DIR="$build/release" NPM_DIR="$build/npm" FONTCONFIG_FILE="$into/fonts.conf" \
		node "$top/tests/page/screenshot.mjs" "$into" "$top/doc/dashboard.png"
	printf '%s\n' "$into"/*.png
}

# The same letters on every machine; where they have no glyph, others of the system help out.
write_fonts() {
	cat <<-'XML'
		<?xml version="1.0"?>
		<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
		<fontconfig>
		<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
		<match target="pattern">
		<edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit>
		</match>
		</fontconfig>
	XML
}
