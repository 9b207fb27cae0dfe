#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Containers of a user without privileges.

load ../helpers
load ../rootless

setup()
{
	test_begin
	make_dora
}

teardown()
{
	remove_dora
	test_end
}

# no_network: of what spec asks for.
no_network() { dora_config 'del(.annotations)'; }

@test "rootless: spec --rootless and run, and nothing else" {
	make_rootfs "$BUNDLE/rootfs"
	chown -R "$DORA:$DORA" "$BUNDLE"
	# Where pasta can be used spec asks for it, and pasta for an interface with a default route.
	ip link add up0 type veth peer name up1
	ip link set up1 up
	ip link set up0 up
	ip address add 192.0.2.1/24 dev up0
	ip route add default via 192.0.2.2
	(cd "$BUNDLE" && dora spec --rootless -b "$BUNDLE" -- id)
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_output "uid=0(root) gid=0(root)"
	ip link delete up0
}

@test "rootless: NOTIFY_SOCKET: a user's container says READY to her own socket" {
	local attack=${BUILD:-$SOURCE}/tests/attack heard=$BATS_TEST_TMPDIR/heard listener real=$DORA_NSRUN
	dora_bundle sh -c 'stat -c %a /run/notify/notify.sock; attack notify STATUS=x READY=1; sleep 1000'
	no_network
	install -m 0755 "$attack" "$BUNDLE/rootfs/bin/attack"
	install -m 0755 "$attack" /run/home/attack
	as_dora /run/home/attack hear "$DORA_HOME/socket" >"$heard" 2>&1 3>&- &
	listener=$!
	wait_until test -S "$DORA_HOME/socket"
	printf '#!/bin/sh\nNOTIFY_SOCKET=%s exec %s "$@"\n' "$DORA_HOME/socket" "$real" >/run/home/notifying
	chmod 0755 /run/home/notifying
	# run -d waits for READY
	DORA_NSRUN=/run/home/notifying dora_launch run -d -b "$BUNDLE" "$ID"
	wait_until grep -qx BARRIER=1 "$heard"
	assert_equal "$(<"$heard")" "$(printf 'READY=1\nMAINPID=%d\nBARRIER=1' "$(dora state "$ID" | jq .pid)")"
	run -0 dora delete --force "$ID"
	run -0 find "$DORA_RUNTIME" -mindepth 3
	assert_output ""
	[[ ! -e $BUNDLE/rootfs/run/notify ]]
	kill "$(pgrep -x -P "$listener" attack)" # the shell's child, not the shell
	wait "$listener" || true
}

@test "rootless: every verb of a life" {
	dora_bundle
	no_network
	dora_launch create -b "$BUNDLE" "$ID"
	run -0 dora state "$ID"
	assert_equal "$(jq -r .status <<<"$output")" created
	assert_equal "$(jq -r .owner <<<"$output")" "$DORA"
	run -0 dora start "$ID"
	run -0 dora list -q
	assert_output "$ID"
	run -0 dora ps -f json "$ID"
	assert_equal "$(jq length <<<"$output")" 1
	run -0 dora exec "$ID" id -u
	assert_output 0
	run -3 dora exec "$ID" sh -c 'exit 3'
	run -0 dora exec -t "$ID" tty </dev/null
	assert_output --partial /dev/pts/0
	run -0 dora kill "$ID" KILL
	wait_until bash -c '! pgrep -u 4000 sleep'
	run -0 dora delete "$ID"
	run -0 dora list -q
	assert_output ""
	run -0 find "$DORA_RUNTIME" -mindepth 3
	assert_output ""
}

@test "rootless: the kernel's view: no capability outside, one id, setgroups denied" {
	dora_bundle
	no_network
	dora_launch run -d -b "$BUNDLE" "$ID"
	pid=$(dora state "$ID" | jq .pid)
	assert_equal "$(awk '/^[UG]id:/ { print $2, $3, $4, $5 }' "/proc/$pid/status" | xargs)" \
		"4000 4000 4000 4000 4000 4000 4000 4000"
	assert_equal "$(xargs <"/proc/$pid/uid_map")" "0 4000 1"
	assert_equal "$(cat "/proc/$pid/setgroups")" deny
	refute [ "$(readlink "/proc/$pid/ns/user")" = "$(readlink /proc/self/ns/user)" ]
}

# Of both kinds: for oneself, and for others' ids.
@test "rootless: ids of /etc/subuid by newuidmap; setgroups is allowed then" {
	dora_bundle sh -c 'id; cat /proc/self/uid_map; touch /tmp/x && chown 7:8 /tmp/x && stat -c %u:%g /tmp/x'
	no_network
	dora_config '.root.readonly = false | .process.user = {uid: 0, gid: 0, additionalGids: [5]}
		| .process.capabilities.bounding += ["CAP_CHOWN"] | .process.capabilities.effective += ["CAP_CHOWN"]
		| .process.capabilities.permitted += ["CAP_CHOWN"]
		| .linux.uidMappings = [{containerID: 0, hostID: 4000, size: 1}, {containerID: 1, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 4000, size: 1}, {containerID: 1, hostID: 200000, size: 65536}]'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_line "uid=0(root) gid=0(root) groups=5"
	assert_line --regexp '^ +1 +100000 +65536$'
	assert_line 7:8
	assert_equal "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/x")" 100006:200007
	rm "$BUNDLE/rootfs/tmp/x"
}

@test "rootless: a user namespace without mappings has crun's default" {
	dora_bundle cat /proc/self/uid_map /proc/self/gid_map
	no_network
	dora_config 'del(.linux.uidMappings, .linux.gidMappings)'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_equal "$(xargs <<<"$output")" "0 4000 1 1 100000 65536 0 4000 1 1 200000 65536"
	# The process's user is dora, whatever it is called inside.
	dora_config '.process.user = {uid: 5, gid: 0}'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_equal "$(xargs <<<"$output")" "5 4000 1 0 100000 5 6 100005 65531 0 4000 1 1 200000 65536"
	# Nobody gave her any.
	sed -i /^dora:/d /etc/subuid /etc/subgid
	dora_config '.process.user = {uid: 0, gid: 0}'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_equal "$(xargs <<<"$output")" "0 4000 1 0 4000 1"
	# Not even 0: what is left is her own.
	dora_config '.process.user = {uid: 5, gid: 5}'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_equal "$(xargs <<<"$output")" "5 4000 1 5 4000 1"
}

@test "rootless: ids that nobody gave are refused by name, and nothing is left" {
	dora_bundle
	no_network
	dora_config '.linux.uidMappings += [{containerID: 1, hostID: 900000, size: 10}]'
	dora_refused "config.json: linux.uidMappings[1]: /etc/subuid does not give the ids 900000-900009 to uid 4000" \
		create -b "$BUNDLE" "$ID"
	# Root's: the crown of them.
	dora_config '.linux.uidMappings[1] = {containerID: 1, hostID: 0, size: 1}'
	dora_refused "/etc/subuid does not give the ids 0-0 to uid 4000" create -b "$BUNDLE" "$ID"
	dora_config '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
	dora_refused "/etc/subuid does not give the ids 0-0" create -b "$BUNDLE" "$ID"
	# More than the range that is hers.
	dora_config '.linux.uidMappings = [{containerID: 0, hostID: 4000, size: 1}, {containerID: 1, hostID: 100000, size: 65537}]'
	dora_refused "does not give the ids 100000-165536" create -b "$BUNDLE" "$ID"
	dora_config '.linux.uidMappings = [{containerID: 0, hostID: 4000, size: 1}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}]'
	dora_refused "config.json: linux.gidMappings[0]: /etc/subgid does not give the ids 0-0" create -b "$BUNDLE" "$ID"
	run -0 find "$DORA_RUNTIME" -mindepth 3
	assert_output ""
}

@test "rootless: without newuidmap only more than one's own id is refused" {
	dora_bundle id -u
	no_network
	DORA_PATH=/nowhere run -0 dora run -b "$BUNDLE" "$ID"
	assert_output 0
	dora_config '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 10}]'
	DORA_PATH=/nowhere dora_refused "linux.uidMappings: more than uid 4000's own id needs the program newuidmap; not in PATH" \
		run -b "$BUNDLE" "$ID"
	dora_config 'del(.linux.uidMappings, .linux.gidMappings)'
	DORA_PATH=/nowhere run -0 dora run -b "$BUNDLE" "$ID"
	assert_line --partial "warning: linux.uidMappings is missing: id 4000 alone is mapped, for the program newuidmap is not in PATH"
	assert_line 0
}

# A newuidmap of her own, earlier in PATH or relative, can do no more than she can.
@test "rootless: a false newuidmap gains nothing; what it says is told in words of our own" {
	dora_bundle id -u
	no_network
	dora_config '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
	mkdir "$DORA_HOME/bin"
	# shellcheck disable=SC2016 # its own
	printf '#!/bin/sh\necho "0 0 1" >/proc/$1/uid_map\n' >"$DORA_HOME/bin/newuidmap"
	chmod 0755 "$DORA_HOME/bin/newuidmap"
	chown -R "$DORA:$DORA" "$DORA_HOME/bin"
	DORA_PATH=$DORA_HOME/bin:$PATH dora_refused "/etc/subuid does not give the ids 0-0" run -b "$BUNDLE" "$ID"
	printf '#!/bin/sh\necho "it says: Operation not permitted" >&2; exit 1\n' >"$DORA_HOME/bin/newuidmap"
	dora_config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1}]'
	DORA_PATH=$DORA_HOME/bin:$PATH dora_refused "linux.uidMappings: newuidmap: it says: needs privilege" \
		run -b "$BUNDLE" "$ID"
	# From PATH=".", nothing is started.
	DORA_PATH=. dora_refused "needs the program newuidmap; not in PATH" run -b "$BUNDLE" "$ID"
}

@test "rootless: what the kernel refuses is an error, as with runc" {
	dora_bundle
	no_network
	dora_config '.process.oomScoreAdj = -500'
	dora_refused "-500" create -b "$BUNDLE" "$ID"
	dora_config 'del(.process.oomScoreAdj) | .process.user.additionalGids = [5]'
	dora_refused "process.user.additionalGids[0]: 5 is not in linux.gidMappings" create -b "$BUNDLE" "$ID"
	dora_config 'del(.process.user.additionalGids) | .linux.resources.memory.limit = 100000000'
	dora_refused "memory limit asked for, but" create -b "$BUNDLE" "$ID"
	dora_config 'del(.linux.resources) | .linux.namespaces |= map(select(.type != "user"))
		| del(.linux.uidMappings, .linux.gidMappings)'
	dora_refused "CAP_SYS_ADMIN; uid 4000 lacks it" create -b "$BUNDLE" "$ID"
}

@test "rootless: an engine's config: gid=5 on devpts, sysfs, mqueue, cgroup, devices" {
	make_rootfs "$BUNDLE/rootfs"
	chown -R "$DORA:$DORA" "$BUNDLE"
	# Not a rootless one.
	dora spec -b "$BUNDLE" -- sh -c 'grep -q " /dev/pts devpts" /proc/mounts && test -c /dev/full && : >/dev/null &&
		ls /sys/fs/cgroup >/dev/null && ! mkdir /sys/fs/cgroup/x 2>/dev/null && ! sh -c ": >/sys/kernel/profiling" 2>/dev/null && echo fine'
	dora_config 'del(.annotations, .linux.resources) | .process.terminal = false
		| .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 4000, size: 1}]
		| .linux.gidMappings = [{containerID: 0, hostID: 4000, size: 1}]'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_output fine
	# The host's network: no sysfs of its own, but the host's, read-only.
	dora_config '.linux.namespaces |= map(select(.type != "network"))'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_output fine
	dora_config '.linux.namespaces |= map(select(.type != "cgroup"))'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_output fine
}

# make_delegated: a cgroup that is hers, of whichever hierarchy takes one.
make_delegated()
{
	local root=/sys/fs/cgroup
	[[ -w $root/cgroup.procs ]] || root=/sys/fs/cgroup/unified
	DELEGATED=$root/delegated-$ID
	mkdir "$DELEGATED"
	chown "$DORA" "$DELEGATED"
}

# CVE-2023-25809: without a cgroup namespace what is bound is read-only, whoever owns it.
@test "rootless: the host's cgroups cannot be written through /sys" {
	dora_bundle sh -c 'find /sys/fs/cgroup -maxdepth 2 -type d | while read -r d; do mkdir "$d/evil" 2>/dev/null && echo "$d"; done; mount -o remount,bind,rw /sys 2>/dev/null && echo remounted; echo end'
	make_delegated
	no_network
	dora_config '.linux.namespaces |= map(select(.type != "cgroup" and .type != "network"))'
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_output end
	rmdir "$DELEGATED"
}

# A program that is set-uid root by the host's root: nothing of it counts inside.
@test "rootless: a set-uid program in the root gains nothing" {
	dora_bundle sh -c '/bin/suid grep Uid: /proc/self/status; /bin/suid cat /etc/hostshadow >/dev/null 2>&1 && echo read; echo end'
	no_network
	install -m 4755 /bin/busybox "$BUNDLE/rootfs/bin/suid"
	install -m 0600 /etc/shadow "$BUNDLE/rootfs/etc/hostshadow"
	dora_config '.process.noNewPrivileges = false'
	run -0 dora run -b "$BUNDLE" "$ID"
	refute_line read
	assert_line end
	assert_equal "$(stat -c %u "$BUNDLE/rootfs/bin/suid")" 0
}

@test "rootless: a directory for containers that is not hers alone is refused" {
	mkdir "$DORA_HOME/xdg"
	chown "$DORA" "$DORA_HOME/xdg"
	chmod 0777 "$DORA_HOME/xdg"
	DORA_XDG=$DORA_HOME/xdg dora_refused "others may write to \"$DORA_HOME/xdg\" (mode 777)" list
	chmod 0700 "$DORA_HOME/xdg"
	DORA_XDG=$DORA_HOME/xdg run -0 dora list -q
	DORA_XDG=/run dora_refused "\"/run\" belongs to uid 0, not to uid 4000" list
	DORA_XDG=xdg dora_refused "XDG_RUNTIME_DIR \"xdg\" is not an absolute path" list
	DORA_XDG=/run/nowhere dora_refused "XDG_RUNTIME_DIR \"/run/nowhere\": missing" list
	DORA_XDG=/etc/passwd dora_refused "\"/etc/passwd\" is not a directory" list
	# Without it, where login managers make it.
	dora_bundle
	no_network
	dora_launch create -b "$BUNDLE" "$ID"
	DORA_XDG='' run -0 dora list -q
	assert_output "$ID"
	rm -r "$DORA_HOME/xdg"
}

# What podman unshare gives: root, whose power ends at its user namespace.
@test "rootless: root of a user namespace, with ids of its own to give" {
	dora_bundle cat /proc/self/uid_map
	no_network
	dora_config '.linux.uidMappings = [{containerID: 0, hostID: 1, size: 100}]
		| .linux.gidMappings = [{containerID: 0, hostID: 1, size: 100}]'
	chmod 0755 "$DORA_HOME"
	chown -R 100000:200000 "$BUNDLE/rootfs"
	run -0 as_dora unshare --user --map-root-user --map-users=100000,1,1000 --map-groups=200000,1,1000 \
		--setgroups allow "$DORA_NSRUN" run -b "$BUNDLE" "$ID"
	assert_equal "$(xargs <<<"$output")" "0 1 100"
	# And without a user namespace of the container's.
	dora_config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)
		| .process.args = ["id", "-u"]'
	chown -R "$DORA:$DORA" "$BUNDLE/rootfs"
	run -0 as_dora unshare --user --map-root-user "$DORA_NSRUN" run -b "$BUNDLE" "$ID"
	assert_output 0
}

# What can be delegated.
# bats test_tags=only:v2
@test "rootless: a cgroup that was delegated is used; limits too, where the controller was" {
	local base=/sys/fs/cgroup/rootless-$ID
	mkdir "$base" "$base/session"
	chown "$DORA" "$base" "$base"/cgroup.{procs,subtree_control} "$base/session" "$base"/session/cgroup.procs
	dora_bundle cat /proc/self/cgroup
	no_network
	dora_config '.linux.namespaces |= map(select(.type != "cgroup"))'
	# shellcheck disable=SC2016 # the other shell's
	run -0 bash -c 'echo $$ >"$0/session/cgroup.procs" && '"$(declare -f as_dora)"'; '"$(declare -p DORA DORA_HOME DORA_RUNTIME DORA_NSRUN)"'; as_dora "$@"' \
		"$base" "$DORA_NSRUN" run -b "$BUNDLE" "$ID"
	assert_line --regexp "^0::/rootless-$ID/nsrun/$ID\$"
	rmdir "$base/session" "$base"
}

@test "rootless: nothing is left by a failure at any step" {
	local steps step
	dora_bundle true
	no_network
	dora_config '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 10}]'
	DORA_NSRUN=/run/home/nsrun-faults
	mapfile -t steps < <(NSRUN_FAULT=list dora run -b "$BUNDLE" "$ID" 2>&1 >/dev/null | grep -v '^nsrun' | sort -u)
	((${#steps[@]} > 10)) || fail "steps: ${steps[*]}"
	for step in "map ids" "spawn init" "reserve id" "save state"; do
		NSRUN_FAULT="$step=kill" run dora run -b "$BUNDLE" "$ID"
		((status != 0)) || fail "$step"
		run -0 dora delete --force "$ID"
		run -0 find "$DORA_RUNTIME" -mindepth 3
		assert_output ""
	done
	wait_until bash -c '! pgrep -u 4000 .'
}
