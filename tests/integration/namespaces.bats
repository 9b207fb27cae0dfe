#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# linux.namespaces and what lives in them: new, joined by path, shared with the host; id maps, time offsets,
# hostname, sysctls.

load ../helpers

# ns TYPE [PID]: which namespace of TYPE (the name in /proc) a process is in; without PID, ours.
ns() { readlink "/proc/${2-self}/ns/$1"; }

# The name in /proc of a type of the config.
in_proc()
{
	case $1 in
	mount) echo mnt ;;
	network) echo net ;;
	*) echo "$1" ;;
	esac
}

# add_ns TYPE [PATH], drop_ns TYPE: in config.json.
add_ns()
{
	drop_ns "$1"
	set_config '.linux.namespaces += [{type: $type} + if $path == "" then {} else {path: $path} end]' \
		--arg type "$1" --arg path "${2-}"
}
drop_ns() { set_config 'del(.linux.namespaces[] | select(.type == $type))' --arg type "$1"; }

add_user_ns()
{
	add_ns user
	set_config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
}

# A running container whose namespaces the test then joins; its pid in $HOLDER.
hold()
{
	launch run -d -b "$BUNDLE" "$ID-holder"
	HOLDER=$(pid_of "$ID-holder")
}

@test "new: each namespace that is listed" {
	local type name pid
	make_bundle "$BUNDLE"
	add_user_ns
	add_ns time
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	for type in pid network ipc uts mount cgroup user time; do
		name=$(in_proc "$type")
		[[ $(ns "$name") != "$(ns "$name" "$pid")" ]] || fail "$type: the host's"
	done
	# Its descendants are in the very same, the time namespace too.
	assert_equal "$(nsrun exec "$ID" readlink /proc/self/ns/time)" "$(ns time "$pid")"
	assert_equal "$(nsrun exec "$ID" readlink /proc/self/ns/pid)" "$(ns pid "$pid")"
}

@test "absent: the host's" {
	local type name pid
	make_bundle "$BUNDLE"
	set_config 'del(.hostname) | .linux.namespaces = [{type: "mount"}]'
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	for type in pid network ipc uts cgroup user time; do
		name=$(in_proc "$type")
		assert_equal "$type $(ns "$name" "$pid")" "$type $(ns "$name")"
	done
	[[ $(ns mnt) != "$(ns mnt "$pid")" ]]
}

@test "one absent at a time" {
	local type name
	make_bundle "$BUNDLE"
	set_config 'del(.hostname)'
	for type in pid network ipc uts cgroup; do
		name=$(in_proc "$type")
		cp "$BUNDLE/config.json" "$BUNDLE/saved"
		drop_ns "$type"
		run -0 nsrun run -b "$BUNDLE" "$ID" readlink "/proc/self/ns/$name"
		assert_output "$(ns "$name")"
		mv "$BUNDLE/saved" "$BUNDLE/config.json"
	done
}

# share_mounts: config.json without a mount namespace, and without what would need one.
share_mounts()
{
	drop_ns mount
	set_config '.mounts = [] | .root.readonly = false | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
}

@test "no mount namespace: a chroot; the host's mounts stay, exec has the same root" {
	local before pid type
	make_bundle "$BUNDLE"
	echo mine >"$BUNDLE/rootfs/tmp/whose"
	share_mounts
	before=$(</proc/self/mountinfo)
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	assert_equal "$(ns mnt "$pid")" "$(ns mnt)"
	[[ $(ns pid "$pid") != "$(ns pid)" ]]
	assert_equal "$(readlink "/proc/$pid/root") $(readlink "/proc/$pid/cwd")" "$BUNDLE/rootfs $BUNDLE/rootfs"
	run -0 nsrun exec "$ID" sh -c 'cat /tmp/whose; pwd; hostname; echo gone >/dev/null; ls /..'
	assert_line --index 0 mine
	assert_line --index 1 /
	assert_line --index 2 nsrun
	assert_line bin
	run -0 nsrun exec --cwd /tmp "$ID" cat whose
	assert_output mine
	nsrun exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	assert_equal "$(readlink "/proc/$(<"$BATS_TEST_TMPDIR/pid")/root")" "$BUNDLE/rootfs"
	# The nodes are the image's own, nothing is mounted.
	run -0 stat -c '%F %t:%T' "$BUNDLE/rootfs/dev/null"
	assert_output "character special file 1:3"
	assert_equal "$(</proc/self/mountinfo)" "$before"
	echo '[{"destination": "/tmp", "type": "tmpfs"}]' >"$BATS_TEST_TMPDIR/mounts"
	refused "no mount namespace of its own" mounts add "$ID" "$BATS_TEST_TMPDIR/mounts"
	refused "no mount namespace of its own" checkpoint --image-path "$BATS_TEST_TMPDIR/images" "$ID"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	run -0 nsrun delete "$ID"
	# Without any namespace at all, too.
	set_config '.linux.namespaces = [] | del(.hostname)'
	launch run -d -b "$BUNDLE" "$ID"
	for type in pid net ipc uts mnt cgroup user time; do
		assert_equal "$type $(ns "$type" "$(pid_of "$ID")")" "$type $(ns "$type")"
	done
	run -0 nsrun exec "$ID" cat /tmp/whose
	assert_output mine
}

@test "no mount namespace: program and working directory are the root's, hooks see it" {
	make_bundle "$BUNDLE" only-here
	share_mounts
	printf '#!/bin/sh\npwd; ls /proc\n' >"$BUNDLE/rootfs/bin/only-here"
	printf '#!/bin/sh\nls -d /bin/only-here >/tmp/started\n' >"$BUNDLE/rootfs/bin/hook"
	chmod +x "$BUNDLE/rootfs/bin/only-here" "$BUNDLE/rootfs/bin/hook"
	set_config '.process.cwd = "/../../made/here" | .hooks.startContainer = [{path: "/bin/hook"}]'
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_output /made/here
	assert_equal "$(<"$BUNDLE/rootfs/tmp/started")" /bin/only-here
	# The host has it.
	refused "executable file not found in \$PATH" run -b "$BUNDLE" "$ID" bash
	ln -s "$(type -P bash)" "$BUNDLE/rootfs/bin/bash"
	refused "no such file or directory" run -b "$BUNDLE" "$ID" /bin/bash
}

@test "no mount namespace: what would be a mount on the host is refused by its key" {
	local key filter
	make_bundle "$BUNDLE"
	drop_ns mount
	refused "config.json: mounts: needs a mount namespace of the container's own" create -b "$BUNDLE" "$ID"
	share_mounts
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	while IFS='|' read -r key filter; do
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		set_config "$filter"
		refused "config.json: $key: needs a mount namespace of the container's own" create -b "$BUNDLE" "$ID"
	done <<-'END'
		root.readonly|.root.readonly = true
		linux.maskedPaths|.linux.maskedPaths = ["/etc"]
		linux.readonlyPaths|.linux.readonlyPaths = ["/etc"]
		linux.rootfsPropagation|.linux.rootfsPropagation = "private"
	END
	# In a user namespace a node can only be bound, so it must be there.
	cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
	add_user_ns
	refused 'device "/dev/null": it is not in the root' create -b "$BUNDLE" "$ID"
	drop_ns user
	set_config 'del(.linux.uidMappings, .linux.gidMappings) |
		.linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 5}]'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'head -c 3 /dev/mine | od -An -tx1'
	assert_output " 00 00 00"
	set_config '.linux.devices = []'
	add_user_ns
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'id -u; echo >/dev/null'
	assert_output 0
}

@test "no mount namespace: a terminal is one of the host's" {
	make_bundle "$BUNDLE" sh -c 'test -t 0 && echo terminal; ls /dev/pts /dev/console 2>/dev/null'
	share_mounts
	set_config '.process.terminal = true'
	run script -qec "$NSRUN run -b $BUNDLE $ID" /dev/null
	assert_output --partial terminal
	refute_output --partial /dev
	set_config '.process.terminal = false'
	launch run -d -b "$BUNDLE" "$ID" sleep 1000
	run script -qec "$NSRUN exec -t $ID test -t 0" /dev/null
	assert_success
}

@test "a type that is there twice or unknown is refused" {
	make_bundle "$BUNDLE"
	set_config '.linux.namespaces += [{type: "ipc"}]'
	refused 'linux.namespaces[' create -b "$BUNDLE" "$ID"
	assert_output --partial 'type "ipc" appears twice'
	drop_ns ipc
	set_config '.linux.namespaces += [{type: "icp"}]'
	refused '"icp" is not one of' create -b "$BUNDLE" "$ID"
}

@test "by path: each namespace of another container" {
	local type name pid
	make_bundle "$BUNDLE"
	add_ns time
	hold
	for type in pid network ipc uts cgroup time; do
		name=$(in_proc "$type")
		add_ns "$type" "/proc/$HOLDER/ns/$name"
		launch run -d -b "$BUNDLE" "$ID"
		pid=$(pid_of "$ID")
		assert_equal "$type $(ns "$name" "$pid")" "$type $(ns "$name" "$HOLDER")"
		[[ $(ns mnt "$pid") != "$(ns mnt "$HOLDER")" ]]
		run -0 nsrun delete --force "$ID"
		add_ns "$type"
	done
	assert_status running "$ID-holder"
}

@test "by path: all at once" {
	local type name pid
	make_bundle "$BUNDLE"
	add_ns time
	hold
	for type in pid network ipc uts cgroup time; do
		add_ns "$type" "/proc/$HOLDER/ns/$(in_proc "$type")"
	done
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	for type in pid network ipc uts cgroup time; do
		name=$(in_proc "$type")
		assert_equal "$type $(ns "$name" "$pid")" "$type $(ns "$name" "$HOLDER")"
	done
}

@test "by path: the mount namespace too, whose root is then the container's" {
	make_bundle "$BUNDLE"
	echo holder >"$BUNDLE/rootfs/tmp/whose"
	hold
	make_bundle "$BUNDLE.2" cat /tmp/whose
	BUNDLE=$BUNDLE.2
	add_ns mount "/proc/$HOLDER/ns/mnt"
	add_ns pid "/proc/$HOLDER/ns/pid"
	# What the config says of mounts cannot be: they are the holder's.
	refused 'config.json: mounts: a mount namespace that is joined stays as it is' run -b "$BUNDLE" "$ID"
	set_config '.mounts = []'
	refused 'config.json: root.readonly: a mount namespace that is joined' run -b "$BUNDLE" "$ID"
	set_config '.root.readonly = false'
	refused 'config.json: linux.maskedPaths: a mount namespace that is joined' run -b "$BUNDLE" "$ID"
	set_config '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_output holder
	run -0 nsrun run -b "$BUNDLE" "$ID" readlink /proc/self/ns/mnt
	assert_output "$(ns mnt "$HOLDER")"
}

@test "joined pid: a process among the holder's, ended with its namespace" {
	local pid
	make_bundle "$BUNDLE"
	hold
	add_ns pid "/proc/$HOLDER/ns/pid"
	launch run -d -b "$BUNDLE" "$ID" sleep 1001
	run -0 nsrun exec "$ID-holder" ps
	assert_line --regexp "^ *1 .*sleep 1000"
	assert_line --partial "sleep 1001"
	pid=$(pid_of "$ID")
	assert_equal "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")" 1
	run -0 nsrun delete --force "$ID-holder"
	wait_until is_status stopped
}

@test "joined pid: the exit status still reaches run" {
	make_bundle "$BUNDLE"
	hold
	add_ns pid "/proc/$HOLDER/ns/pid"
	run -7 nsrun run -b "$BUNDLE" "$ID" sh -c 'exit 7'
	run -137 nsrun run -b "$BUNDLE" "$ID" sh -c 'kill -9 $$'
}

@test "joined user namespace: the other namespaces are new and its own" {
	make_bundle "$BUNDLE"
	add_user_ns
	hold
	add_ns user "/proc/$HOLDER/ns/user"
	set_config 'del(.linux.uidMappings, .linux.gidMappings)'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'id -u; cat /proc/self/uid_map; readlink /proc/self/ns/user; hostname'
	assert_line --index 0 0
	assert_line --regexp "^ +0 +100000 +65536$"
	assert_line "$(ns user "$HOLDER")"
	assert_line nsrun
}

@test "joined user and network namespaces of one container" {
	make_bundle "$BUNDLE"
	add_user_ns
	hold
	add_ns user "/proc/$HOLDER/ns/user"
	add_ns network "/proc/$HOLDER/ns/net"
	add_ns ipc "/proc/$HOLDER/ns/ipc"
	add_ns pid "/proc/$HOLDER/ns/pid"
	set_config 'del(.linux.uidMappings, .linux.gidMappings)'
	launch run -d -b "$BUNDLE" "$ID"
	for name in user net ipc pid; do
		assert_equal "$(ns "$name" "$(pid_of "$ID")")" "$(ns "$name" "$HOLDER")"
	done
}

@test "new user namespace, joined network of the host's: by /proc/PID/ns/net" {
	make_bundle "$BUNDLE"
	hold
	add_user_ns
	add_ns network "/proc/$HOLDER/ns/net"
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'readlink /proc/self/ns/net; cat /proc/self/uid_map; ls /sys/class/net'
	assert_line --index 0 "$(ns net "$HOLDER")"
	assert_line --regexp "^ +0 +100000 +65536$"
	[[ $(ns user "$HOLDER") == "$(ns user)" ]]
}

@test "new user namespace, pid, ipc and uts of the host's by path" {
	local name
	make_bundle "$BUNDLE"
	hold
	add_user_ns
	set_config 'del(.hostname)'
	for type in ipc uts pid; do add_ns "$type" "/proc/$HOLDER/ns/$type"; done
	# A procfs and an mqueue of namespaces that are not its own it may not mount: the host's /proc, bound.
	refused 'mount "/proc" (type proc, source proc)' run -b "$BUNDLE" "$ID"
	set_config '.mounts |= map(select(.type != "mqueue")) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
		.mounts[0] = {destination: "/proc", type: "bind", source: "/proc", options: ["rbind"]}'
	launch run -d -b "$BUNDLE" "$ID"
	for name in ipc uts pid; do
		assert_equal "$(ns "$name" "$(pid_of "$ID")")" "$(ns "$name" "$HOLDER")"
	done
}

@test "a path that is no namespace is refused by name, and leaves nothing" {
	local path
	make_bundle "$BUNDLE"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	mkdir -p /run/netns
	: >"/run/netns/$ID-stale"
	for path in "$BATS_TEST_TMPDIR/fifo" "/run/netns/$ID-stale" /etc/passwd /tmp /dev/null; do
		add_ns network "$path"
		refused "join a network namespace: \"$path\" is not a network namespace" create -b "$BUNDLE" "$ID"
	done
	rm "/run/netns/$ID-stale"
	add_ns network "/proc/self/ns/ipc"
	refused '"/proc/self/ns/ipc" is not a network namespace' run -b "$BUNDLE" "$ID"
	add_ns network /run/netns/nosuch
	refused 'join a network namespace: "/run/netns/nosuch": missing' run -b "$BUNDLE" "$ID"
	add_ns network relative
	refused '"relative" is not an absolute path' run -b "$BUNDLE" "$ID"
	refused "container does not exist" state "$ID"
}

@test "the namespace of a container that has stopped is refused" {
	make_bundle "$BUNDLE"
	hold
	nsrun kill "$ID-holder" KILL
	wait_until is_status stopped "$ID-holder"
	add_ns network "/proc/$HOLDER/ns/net"
	refused "/proc/$HOLDER/ns/net" run -b "$BUNDLE" "$ID"
}

@test "id maps: several ranges, users and groups apart" {
	make_bundle "$BUNDLE" sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; id -G'
	add_ns user
	set_config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10},
			{containerID: 1000, hostID: 7000, size: 1}, {containerID: 2000, hostID: 300000, size: 500}] |
		.linux.gidMappings = [{containerID: 0, hostID: 200000, size: 3000}] |
		.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 2999]}'
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_line --regexp "^ +0 +100000 +10$"
	assert_line --regexp "^ +1000 +7000 +1$"
	assert_line --regexp "^ +2000 +300000 +500$"
	assert_line --regexp "^ +0 +200000 +3000$"
	assert_line --index 4 1000
	assert_line --index 5 1001
	assert_line --index 6 "1001 5 2999"
}

@test "id maps: the process seen from the host has the mapped ids" {
	local pid
	make_bundle "$BUNDLE"
	add_user_ns
	set_config '.process.user = {uid: 5, gid: 6}'
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	assert_equal "$(awk '/^[UG]id:/ { print $2, $3, $4, $5 }' "/proc/$pid/status" | xargs)" \
		"100005 100005 100005 100005 200006 200006 200006 200006"
}

@test "id maps: what cannot be is refused by its place in the file" {
	make_bundle "$BUNDLE"
	add_user_ns
	set_config '.linux.gidMappings += [{containerID: 9, hostID: 1, size: 1}]'
	refused "config.json: linux.gidMappings[1]: overlaps entry 0" create -b "$BUNDLE" "$ID"
	add_user_ns
	set_config '.linux.uidMappings[0].size = 0'
	refused "config.json: linux.uidMappings[0].size: must be above 0" create -b "$BUNDLE" "$ID"
	add_user_ns
	set_config '.process.user.uid = 70000'
	refused "config.json: process.user.uid: 70000 is not in linux.uidMappings" create -b "$BUNDLE" "$ID"
	set_config '.process.user = {uid: 0, gid: 0, additionalGids: [70000]}'
	refused "process.user.additionalGids[0]: 70000 is not in linux.gidMappings" run -b "$BUNDLE" "$ID"
	drop_ns user
	refused "config.json: linux.uidMappings: needs a user namespace" create -b "$BUNDLE" "$ID"
}

@test "time offsets of both clocks" {
	local now boot
	make_bundle "$BUNDLE" sh -c 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets'
	add_ns time
	set_config '.linux.timeOffsets = {monotonic: {secs: 86400, nanosecs: 5}, boottime: {secs: 172800}}'
	now=$(cut -d. -f1 /proc/uptime)
	run -0 nsrun run -b "$BUNDLE" "$ID"
	boot=${lines[0]}
	((boot >= now + 172800 && boot < now + 172800 + 60)) || fail "uptime $boot, the host's $now"
	assert_line --regexp "^monotonic +86400 +5$"
	assert_line --regexp "^boottime +172800 +0$"
}

@test "time offsets: negative ones, and the joined namespace's for who joins" {
	make_bundle "$BUNDLE"
	add_ns time
	set_config '.linux.timeOffsets = {monotonic: {secs: -1, nanosecs: 500000000}, boottime: {secs: 86400}}'
	hold
	add_ns time "/proc/$HOLDER/ns/time"
	refused "config.json: linux.timeOffsets: not for a time namespace that is joined" create -b "$BUNDLE" "$ID"
	set_config 'del(.linux.timeOffsets)'
	run -0 nsrun run -b "$BUNDLE" "$ID" cat /proc/self/timens_offsets
	assert_line --regexp "^monotonic +-1 +500000000$"
	run -0 nsrun exec "$ID-holder" cat /proc/self/timens_offsets
	assert_line --regexp "^boottime +86400 +0$"
}

@test "time offsets: a wrong clock, a second of nanoseconds, no namespace, out of range" {
	make_bundle "$BUNDLE"
	set_config '.linux.timeOffsets = {monotonic: {secs: 1}}'
	refused "config.json: linux.timeOffsets: needs a time namespace" create -b "$BUNDLE" "$ID"
	add_ns time
	set_config '.linux.timeOffsets = {realtime: {secs: 1}}'
	refused 'linux.timeOffsets["realtime"]' create -b "$BUNDLE" "$ID"
	set_config '.linux.timeOffsets = {monotonic: {nanosecs: 1000000000}}'
	refused "is a second or more" create -b "$BUNDLE" "$ID"
	set_config '.linux.timeOffsets = {boottime: {secs: -9000000000}}'
	refused "make the time namespace" create -b "$BUNDLE" "$ID"
}

@test "hostname and domainname" {
	make_bundle "$BUNDLE" sh -c 'hostname; cat /proc/sys/kernel/domainname'
	set_config '.hostname = "some-host" | .domainname = "example.org"'
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_output "$(printf 'some-host\nexample.org')"
	[[ $(hostname) != some-host ]]
	set_config '.hostname = ("h" * 65)'
	refused "config.json: hostname: longer than 64 bytes" run -b "$BUNDLE" "$ID"
	set_config '.hostname = "h"'
	drop_ns uts
	refused "config.json: hostname: needs a uts namespace" run -b "$BUNDLE" "$ID"
}

@test "sysctls of each namespace, in both spellings; the host's stay" {
	local before
	make_bundle "$BUNDLE" sh -c 'cd /proc/sys; cat net/core/somaxconn net/ipv4/ip_forward kernel/msgmax \
		fs/mqueue/msg_max kernel/domainname kernel/shm_rmid_forced'
	set_config '.linux.sysctl = {"net.core.somaxconn": "333", "net/ipv4/ip_forward": "1", "kernel.msgmax": "7000",
		"fs.mqueue.msg_max": "77", "kernel.domainname": "d.example", "kernel.shm_rmid_forced": "1"}'
	before=$(sysctl -a 2>/dev/null | grep -E '^(net.core.somaxconn|net.ipv4.ip_forward|kernel.msgmax|fs.mqueue)')
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_output "$(printf '%s\n' 333 1 7000 77 d.example 1)"
	assert_equal "$(sysctl -a 2>/dev/null | grep -E '^(net.core.somaxconn|net.ipv4.ip_forward|kernel.msgmax|fs.mqueue)')" \
		"$before"
}

@test "sysctls: the host's, those without their namespace, unknown ones and wrong values are refused" {
	make_bundle "$BUNDLE"
	set_config '.linux.sysctl = {"vm.swappiness": "1"}'
	refused 'config.json: linux.sysctl["vm.swappiness"]: belongs to no namespace' run -b "$BUNDLE" "$ID"
	set_config '.linux.sysctl = {"net.core.nosuch": "1"}'
	refused 'linux.sysctl["net.core.nosuch"]' run -b "$BUNDLE" "$ID"
	set_config '.linux.sysctl = {"net.core.somaxconn": "many"}'
	refused 'linux.sysctl["net.core.somaxconn"]' run -b "$BUNDLE" "$ID"
	set_config '.linux.sysctl = {"net.core.somaxconn": "1"}'
	drop_ns network
	refused "needs a network namespace" run -b "$BUNDLE" "$ID"
	set_config '.linux.sysctl = {"net.../../kernel.panic": "1"}'
	refused "linux.sysctl" run -b "$BUNDLE" "$ID"
}

@test "sysctls of an interface are set once its network is up" {
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	local net=n-${ID##*-}
	make_bundle "$BUNDLE" sh -c 'cat /proc/sys/net/ipv4/conf/eth0/rp_filter /proc/sys/net/ipv4/conf/default/rp_filter'
	set_config '.linux.sysctl = {"net.ipv4.conf.eth0.rp_filter": "2", "net.ipv4.conf.default.rp_filter": "1"}'
	nsrun network create "$net"
	run -0 nsrun run --network "$net" -b "$BUNDLE" "$ID"
	assert_output "$(printf '2\n1')"
	run -0 nsrun network rm "$net"
	# Without a network there is no eth0.
	refused 'linux.sysctl["net.ipv4.conf.eth0.rp_filter"]' run --network none -b "$BUNDLE" "$ID"
}
