# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The VM's users without privileges: alice (uid 1000) has logged in and has subordinate ids, bob (1001) neither.

# as_alice CMD...: where she has logged in, but in our cgroup.
as_alice()
{
	setpriv --reuid alice --regid alice --init-groups env -C ~alice HOME="$(echo ~alice)" USER=alice \
		XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}

# by_alice CMD...: in a scope of her manager's, in app.slice of her user@1000.service.
by_alice() { as_alice systemd-run --user --scope --quiet --collect -- "$@"; }

# as_bob CMD...: nobody made him a runtime directory, so he has one at home.
as_bob()
{
	install -d -m 0700 -o bob -g bob ~bob/run
	setpriv --reuid bob --regid bob --init-groups env -i -C ~bob PATH="$PATH" XDG_RUNTIME_DIR="$(echo ~bob)/run" "$@"
}

# user_bundle USER [FILTER [ARG...]]: ~USER/bundle, as `nsrun spec --rootless` writes it, without a network.
user_bundle()
{
	local user=$1 filter=${2-.} dir
	dir=$(getent passwd "$1" | cut -d: -f6)/bundle
	shift $(($# > 1 ? 2 : 1))
	(($# > 0)) || set -- sleep 1000
	rm -rf "$dir"
	mkdir "$dir"
	make_rootfs "$dir/rootfs"
	chown -R "$user:$user" "$dir"
	"as_$user" "$NSRUN" spec --rootless -b "$dir" -- "$@"
	set_config -b "$dir" ".process.terminal = false | del(.annotations) | $filter"
	chown "$user:$user" "$dir/config.json"
}

remove_user_bundles() { rm -rf ~alice/bundle ~bob/bundle ~bob/run; }
