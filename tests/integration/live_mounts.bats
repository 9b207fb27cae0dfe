#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# nsrun mounts add, remove: what a running container gets and loses, and containers that work against it.

load ../helpers
load ../mounts

setup()
{
	mounts_begin
	FILE=$BATS_TEST_TMPDIR/list.json
	echo '[]' >"$FILE"
	DATA=$TMPDIR/$ID # where a user namespace's root can go
	mkdir "$DATA"
	echo data >"$DATA/a"
}

teardown()
{
	if mountpoint -q "$DATA"; then umount -R "$DATA"; fi
	rm -r "$DATA"
	unmount_mappable
	test_end
}

# entry DESTINATION TYPE SOURCE [OPTION...]: one more in $FILE.
entry()
{
	jq '. += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' \
		--arg d "$1" --arg t "$2" --arg s "$3" --args -- "${@:4}" <"$FILE" >"$FILE.new"
	mv "$FILE.new" "$FILE"
}

in_it() { run -0 nsrun exec "$ID" sh -c "$1"; }
mounts_of() { nsrun exec "$ID" cut -d' ' -f5 /proc/self/mountinfo; }

@test "binds and new file systems, with their options; then they go again" {
	launch run -d -b "$BUNDLE" "$ID"
	mounts_of >"$BATS_TEST_TMPDIR/before"
	entry /mnt bind "$DATA" bind ro nosuid
	entry /deep/down/file bind "$DATA/a" bind
	entry /tmp tmpfs tmpfs size=64k mode=0711 noexec
	entry /tmp/inner tmpfs tmpfs ro
	run -0 nsrun mounts add "$ID" "$FILE"
	assert_output ""
	in_it 'cat /mnt/a /deep/down/file; stat -c %a /tmp; df -k /tmp | tail -n 1; touch /mnt/x; touch /tmp/x; touch /tmp/inner/x; true'
	assert_line --index 0 data
	assert_line --index 1 data
	assert_line --index 2 711
	assert_line --index 3 --regexp '^tmpfs +64 '
	assert_line "touch: /mnt/x: Read-only file system"
	assert_line "touch: /tmp/inner/x: Read-only file system"
	refute_line --partial "/tmp/x"
	in_it 'grep -E " (/mnt|/tmp) " /proc/self/mountinfo'
	assert_line --regexp " /mnt ro,nosuid,relatime "
	assert_line --regexp " /tmp rw,noexec,relatime - tmpfs tmpfs "
	# exec, and whatever else looks at the config, see it as it is now.
	run -0 jq -r '.mounts[-4:][].destination' /run/nsrun/containers/"$ID"/config.json
	assert_output "$(printf '/mnt\n/deep/down/file\n/tmp\n/tmp/inner')"

	run -0 nsrun mounts remove "$ID" "$FILE"
	assert_equal "$(mounts_of)" "$(<"$BATS_TEST_TMPDIR/before")"
	run -0 jq '.mounts | length' /run/nsrun/containers/"$ID"/config.json
	assert_output 7
	nsrun delete -f "$ID"
	[[ ! -e $BUNDLE/rootfs/deep && ! -e $BUNDLE/rootfs/mnt ]]
	[[ -e $DATA/a ]]
}

@test "the list is a file, standard input, or a whole config.json; sources may be relative to the bundle" {
	mkdir "$BUNDLE/volume"
	touch "$BUNDLE/volume/there"
	launch create -b "$BUNDLE" "$ID"
	echo '[{"destination": "mnt", "type": "bind", "source": "volume", "options": ["bind"]}]' >"$BATS_TEST_TMPDIR/in"
	run -0 nsrun mounts add "$ID" - <"$BATS_TEST_TMPDIR/in"
	nsrun start "$ID"
	in_it 'ls /mnt'
	assert_output there
	entry /opt bind "$DATA" bind
	jq '{mounts: .}' "$FILE" >"$FILE.object"
	run -0 nsrun mounts add "$ID" "$FILE.object"
	in_it 'ls /opt'
	assert_output a
	nsrun mounts remove "$ID" "$FILE.object"
	in_it 'ls -d /opt/a || echo gone'
	assert_line gone
}

@test "a paused container, too; one that is stopped, or has no mount namespace of its own, is refused" {
	entry /mnt bind "$DATA" bind
	launch run -d -b "$BUNDLE" "$ID"
	nsrun pause "$ID"
	run -0 nsrun mounts add "$ID" "$FILE"
	nsrun resume "$ID"
	in_it 'cat /mnt/a'
	assert_output data
	set_config '(.linux.namespaces[] | select(.type == "mount")).path = $p | .mounts = [] | .root.readonly = false | .linux.maskedPaths = [] |
		.linux.readonlyPaths = []' --arg p "/proc/$(pid_of "$ID")/ns/mnt"
	launch run -d -b "$BUNDLE" "$ID-2"
	refused "has no mount namespace of its own" mounts add "$ID-2" "$FILE"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	refused "container not running" mounts add "$ID" "$FILE"
	refused "container does not exist" mounts add "$ID-3" "$FILE"
}

@test "a user namespace: its root may use what is added, and the host's attributes stay" {
	add_user_ns
	mount_mappable "$DATA"
	mount -o remount,bind,nosuid,nodev "$DATA"
	touch "$DATA/root"
	launch run -d -b "$BUNDLE" "$ID"
	entry /mnt bind "$DATA" bind suid
	entry /mnt2 bind "$DATA" bind idmap
	entry /fresh tmpfs tmpfs
	run -0 nsrun mounts add "$ID" "$FILE"
	in_it 'stat -c "%u" /mnt/root /mnt2/root /fresh; touch /fresh/mine; grep " /mnt " /proc/self/mountinfo'
	assert_line --index 0 65534
	assert_line --index 1 0
	assert_line --index 2 0
	assert_line --index 3 --partial rw,nosuid,nodev
	run -0 nsrun mounts remove "$ID" "$FILE"
	in_it 'ls /mnt2 | wc -l'
	assert_output 0
}

@test "the options of links and of mappings" {
	mount_mappable "$DATA"
	echo data >"$DATA/a"
	ln -s /nowhere "$DATA/link"
	ln -s passwd "$BUNDLE/rootfs/etc/old"
	launch run -d -b "$BUNDLE" "$ID"
	entry /etc/old bind "$DATA/link" bind src-nofollow dest-nofollow
	entry /mnt bind "$DATA" bind 'idmap=uids=0-7-1;gids=0-8-1'
	entry /tmp tmpfs tmpfs
	entry /tmp/link bind "$DATA/link" bind copy-symlink
	run -0 nsrun mounts add "$ID" "$FILE"
	in_it 'readlink /etc/old; readlink /tmp/link; stat -c %u:%g /mnt/a'
	assert_output "$(printf '/nowhere\n/nowhere\n7:8')"
	echo '[{"destination": "/etc/old", "options": ["dest-nofollow"]}]' >"$FILE"
	run -0 nsrun mounts remove "$ID" "$FILE"
	in_it 'readlink /etc/old'
	assert_output passwd
}

@test "all or none: what fails leaves the container as it was" {
	launch run -d -b "$BUNDLE" "$ID"
	mounts_of >"$BATS_TEST_TMPDIR/before"
	entry /mnt bind "$DATA" bind
	entry /tmp tmpfs tmpfs
	entry /tmp/file bind "$DATA/a" bind ro
	cp "$FILE" "$FILE.good"
	entry /opt bind "$DATA/none" bind
	refused "$FILE: mounts[3]: mount \"/opt\": bind \"$DATA/none\": missing" mounts add "$ID" "$FILE"
	cp "$FILE.good" "$FILE"
	entry /opt nosuchfs none
	refused 'no file system type "nosuchfs"' mounts add "$ID" "$FILE"
	cp "$FILE.good" "$FILE"
	entry /opt tmpfs tmpfs size=many
	refused "mount: size: tmpfs: Bad value for 'size'" mounts add "$ID" "$FILE"
	cp "$FILE.good" "$FILE"
	entry /etc bind "$DATA/a" bind
	refused 'of source and target one is a directory and one is not' mounts add "$ID" "$FILE"
	assert_equal "$(mounts_of)" "$(<"$BATS_TEST_TMPDIR/before")"
	run -0 jq '.mounts | length' /run/nsrun/containers/"$ID"/config.json
	assert_output 7
}

@test "what is refused by name" {
	local type
	launch run -d -b "$BUNDLE" "$ID"
	for type in proc sysfs mqueue cgroup cgroup2; do
		echo '[]' >"$FILE"
		entry /mnt "$type" none
		refused "$FILE: mounts[0]: a file system of type $type is mounted when the container is created" mounts add "$ID" "$FILE"
	done
	echo '[{"destination": ""}]' >"$FILE"
	refused "$FILE: mounts[0].destination: empty" mounts add "$ID" "$FILE"
	echo '{"mount": []}' >"$FILE"
	refused "$FILE: mounts: missing" mounts add "$ID" "$FILE"
	echo '[' >"$FILE"
	refused "$FILE: line 2, column 1: the text ends too early" mounts add "$ID" "$FILE"
	for target in / /proc/sys; do
		echo '[]' >"$FILE"
		entry "$target" bind "$DATA" bind
		refused "$FILE: mounts[0]: mount \"$target\"" mounts add "$ID" "$FILE"
	done
	echo '[{"destination": "/"}]' >"$FILE"
	refused "$FILE: mounts[0]: \"/\": the root itself stays" mounts remove "$ID" "$FILE"
	echo '[{"destination": "/proc"}, {"destination": "/etc"}]' >"$FILE"
	refused "$FILE: mounts[1]: \"/etc\": nothing is mounted there" mounts remove "$ID" "$FILE"
	in_it 'ls /proc | wc -l'
	refute_output 0
}

@test "hostile: links of the container lead to what is in it, and the host's files stay" {
	local out=$BATS_TEST_TMPDIR/out
	mkdir "$out"
	writable_root
	launch run -d -b "$BUNDLE" "$ID"
	in_it "mkdir -p $out; ln -s $out /absolute; ln -s ../../../../../../../..$out /up; ln -s /proc/1/root/etc /magic"
	entry /absolute/one bind "$DATA" bind
	entry /up/two bind "$DATA/a" bind
	run -0 nsrun mounts add "$ID" "$FILE"
	in_it "cat $out/one/a $out/two"
	assert_output "$(printf 'data\ndata')"
	assert_equal "$(ls -A "$out")" ""
	echo '[]' >"$FILE"
	entry /magic/x bind "$DATA" bind
	refused 'a symbolic link is not allowed here' mounts add "$ID" "$FILE"
}

@test "hostile: a target that is exchanged for a link all the time" {
	local out=$BATS_TEST_TMPDIR/out i
	mkdir -p "$out/sub" "$BUNDLE/rootfs$out"
	writable_root
	cp "${BUILD:-$(dirname "$NSRUN")}/tests/attack" "$BUNDLE/rootfs/bin/attack"
	mkdir -p "$BUNDLE/rootfs/race/dir/sub"
	ln -s "../../../../../../../../..$out" "$BUNDLE/rootfs/race/link"
	set_args attack swap /race/dir /race/link 1000
	launch run -d -b "$BUNDLE" "$ID"
	entry /race/dir/sub bind "$DATA" bind
	for ((i = 0; i < 60; i++)); do
		nsrun mounts add "$ID" "$FILE" 2>/dev/null || true
		[[ -z $(ls -A "$out/sub") ]] || fail "mounted on the host"
	done
	run -0 grep -c -- "$out" /proc/self/mountinfo || true
	assert_equal "$(grep -c -- "$out" /proc/self/mountinfo)" 0
	nsrun kill "$ID" KILL
}

@test "hostile: nobody in the container sees or traces who adds the mounts" {
	writable_root
	launch run -d -b "$BUNDLE" "$ID" sh -c 'while :; do for p in /proc/[0-9]*/exe; do readlink $p; done; done >/seen 2>&1'
	entry /mnt bind "$DATA" bind
	for i in 1 2 3 4 5; do
		nsrun mounts add "$ID" "$FILE"
		nsrun mounts remove "$ID" "$FILE"
	done
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	run grep -c nsrun "$BUNDLE/rootfs/seen"
	assert_output 0
}

@test "hostile: a file system of the container that never answers holds nobody up for ever" {
	local faults=${BUILD:-$(dirname "$NSRUN")}/tests/nsrun-faults # whose patience is short
	cp "${BUILD:-$SOURCE}/tests/attack" "$BUNDLE/rootfs/bin/attack"
	mkdir "$BUNDLE/rootfs/mute"
	set_config '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"])
		| .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]
		| .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 229, access: "rwm"}]'
	launch run -d -b "$BUNDLE" "$ID" sh -c 'attack mute /mute >/dev/shm/asked 2>&1; sleep 1000'
	wait_until nsrun exec "$ID" grep . /dev/shm/asked
	run nsrun exec "$ID" cat /dev/shm/asked
	[[ $output == asked* ]] || skip "no FUSE: $output"
	mounts_of >"$BATS_TEST_TMPDIR/before"
	entry /tmp tmpfs tmpfs
	entry /tmp/below bind "$DATA" bind
	entry /mute/there tmpfs tmpfs
	run -1 timeout -s KILL 20 "$faults" mounts add "$ID" "$FILE"
	assert_output --partial "a file system of the container does not answer"
	# All or none: what it had mounted is taken away again.
	refute_output --partial "may be left"
	assert_equal "$(mounts_of)" "$(<"$BATS_TEST_TMPDIR/before")"
	run jq '[.mounts[] | select(.destination | startswith("/tmp"))] | length' "/run/nsrun/containers/$ID/config.json"
	assert_output 0
	# The one that hangs there has no lock.
	echo '[]' >"$FILE"
	run -0 nsrun mounts add "$ID" "$FILE"
	run -0 nsrun delete --force "$ID"
}

@test "a container that dies or is deleted meanwhile leaves nothing" {
	local i
	entry /mnt bind "$DATA" bind
	entry /made/here tmpfs tmpfs
	for i in 1 2 3; do
		launch run -d -b "$BUNDLE" "$ID-$i"
		nsrun mounts add "$ID-$i" "$FILE" 2>/dev/null &
		nsrun delete -f "$ID-$i"
		wait $! || true
		[[ ! -e $BUNDLE/rootfs/made && ! -e /run/nsrun/containers/$ID-$i ]]
	done
}

@test "a failure or a SIGKILL after each step: the container lives on, and delete leaves nothing" {
	local faults=${BUILD:-$(dirname "$NSRUN")}/tests/nsrun-faults steps step how
	entry /made/here tmpfs tmpfs
	entry /also bind "$DATA/a" bind
	launch run -d -b "$BUNDLE" "$ID"
	run -0 env NSRUN_FAULT=list "$faults" mounts add "$ID" "$FILE"
	mapfile -t steps < <(sed 's/^step: //' <<<"$output")
	nsrun delete -f "$ID"
	assert_equal "${#steps[@]}" 5
	for step in "${steps[@]}"; do
		for how in "" "=kill"; do
			launch run -d -b "$BUNDLE" "$ID"
			run ! env NSRUN_FAULT="$step$how" "$faults" mounts add "$ID" "$FILE"
			in_it 'echo alive'
			assert_output alive
			run -0 nsrun delete -f "$ID"
			[[ ! -e $BUNDLE/rootfs/made && ! -e $BUNDLE/rootfs/also ]]
		done
	done
}
