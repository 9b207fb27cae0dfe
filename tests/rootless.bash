# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A user without privileges, in the sandbox's own /etc and /run: dora (uid 4000), who has subordinate ids
# 100000-165535 and 200000-265535, and $XDG_RUNTIME_DIR. What she runs has no capabilities and no other groups.

DORA=4000
DORA_HOME=/run/home/dora
DORA_RUNTIME=/run/user/$DORA
DORA_NSRUN=/run/home/nsrun

# make_dora: the user, a copy of nsrun that she may execute, and $BUNDLE in her home.
make_dora()
{
	local program
	echo "dora:x:$DORA:$DORA::$DORA_HOME:/bin/sh" >>/etc/passwd
	echo "dora:x:$DORA:" >>/etc/group
	echo "dora:100000:65536" >/etc/subuid
	echo "dora:200000:65536" >/etc/subgid
	mkdir -p "$DORA_HOME" "$DORA_RUNTIME"
	chown "$DORA:$DORA" "$DORA_HOME" "$DORA_RUNTIME"
	chmod 0700 "$DORA_HOME" "$DORA_RUNTIME"
	for program in nsrun:"$NSRUN" nsrun-faults:"${NSRUN_FAULTY:-$NSRUN}"; do
		install -m 0755 "${program#*:}" "/run/home/${program%%:*}"
	done
	BUNDLE=$DORA_HOME/bundle
}

remove_dora()
{
	local id
	for id in $(dora list -q 2>/dev/null); do
		dora delete --force "$id" || true
	done
	rm -rf /run/home "$DORA_RUNTIME"
	rmdir /run/user 2>/dev/null || true
	sed -i /^dora:/d /etc/passwd /etc/group /etc/subuid /etc/subgid
}

# as_dora CMD...
as_dora()
{
	(cd "$DORA_HOME" && exec setpriv --reuid "$DORA" --regid "$DORA" --clear-groups --inh-caps=-all \
		env -i PATH="${DORA_PATH:-$PATH}" HOME="$DORA_HOME" XDG_RUNTIME_DIR="${DORA_XDG-$DORA_RUNTIME}" \
		NSRUN_FAULT="${NSRUN_FAULT-}" "$@")
}

# dora ARG...: nsrun
dora() { as_dora "$DORA_NSRUN" "$@"; }

# dora_launch ARG...: as launch.
dora_launch()
{
	local real=$NSRUN
	NSRUN=$BATS_TEST_TMPDIR/dora
	declare -f as_dora >"$NSRUN.functions"
	{
		echo '#!/bin/bash'
		declare -f as_dora
		declare -p DORA DORA_HOME DORA_RUNTIME DORA_NSRUN
		echo 'as_dora "$DORA_NSRUN" "$@"'
	} >"$NSRUN"
	chmod +x "$NSRUN"
	launch "$@"
	NSRUN=$real
}

# dora_refused TEXT ARG...: as refused.
dora_refused()
{
	local text=$1
	shift
	run -1 --separate-stderr dora "$@"
	[[ ${stderr_lines[0]} == "nsrun: "*"$text"* ]] || fail "expected an error with \"$text\", found: $stderr"
	! grep -qiE 'operation not permitted|permission denied|no such file' <<<"$stderr" ||
		fail "engines take these words for the command's: $stderr"
}

# dora_bundle [ARG...]: what `nsrun spec --rootless` makes of it, without a terminal.
dora_bundle()
{
	(($# > 0)) || set -- sleep 1000
	make_rootfs "$BUNDLE/rootfs"
	chown -R "$DORA:$DORA" "$BUNDLE"
	dora spec --rootless -b "$BUNDLE"
	set_config '.process.terminal = false | .process.args = $ARGS.positional' --args -- "$@"
	chown "$DORA:$DORA" "$BUNDLE/config.json"
	chmod 0644 "$BUNDLE/config.json"
}

# dora_config FILTER...: as set_config.
dora_config()
{
	set_config "$@"
	chown "$DORA:$DORA" "$BUNDLE/config.json"
}
