#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Id-mapped mounts: whose a file is through them, and whose on the disk is what is made there.

load ../helpers
load ../mounts

# What the kernel can map, with files of users 0, 5 and 1000.
setup()
{
	mounts_begin
	DATA=$TMPDIR/$ID # where the user namespace's root can go
	mkdir "$DATA"
	mount_mappable "$DATA"
	touch "$DATA"/{root,five,user}
	chmod 0777 "$DATA"
	chown 5:6 "$DATA/five"
	chown 1000:1001 "$DATA/user"
	mkdir "$BUNDLE/rootfs/mnt"
}

teardown()
{
	umount -R "$DATA" && rmdir "$DATA"
	unmount_mappable
	mounts_end
}

# add_mapped DESTINATION UIDS GIDS OPTION...: a bind of $DATA; UIDS, GIDS: as in JSON.
add_mapped()
{
	set_config '.mounts += [{destination: $d, type: "bind", source: $s, options: $ARGS.positional,
		uidMappings: $u, gidMappings: $g}]' \
		--arg d "$1" --arg s "$DATA" --argjson u "$2" --argjson g "$3" --args -- "${@:4}"
}

owners='cd /mnt; stat -c "%n %u:%g" root five user'
shift_1000='[{"containerID":0,"hostID":1000,"size":10}]'
shift_2000='[{"containerID":0,"hostID":2000,"size":10}]'

@test "uidMappings and gidMappings, with the word and without it" {
	local word
	for word in bind idmap ridmap; do
		add_mapped /mnt "$shift_1000" "$shift_2000" bind "$word"
		inside "$owners; touch made-$word; true"
		# What is not mapped belongs to nobody; who is not mapped (root, here) can make nothing.
		assert_line "root 1000:2000"
		assert_line "five 1005:2006"
		assert_line "user 65534:65534"
		assert_line --regexp "touch: made-$word: Value too large"
		drop_mount /mnt
	done
	add_mapped /mnt '[{"containerID":7,"hostID":0,"size":1},{"containerID":1000,"hostID":5,"size":1},{"containerID":0,"hostID":9,"size":1}]' \
		'[{"containerID":8,"hostID":0,"size":2},{"containerID":0,"hostID":9,"size":1}]' bind idmap
	inside 'cd /mnt; touch mine; stat -c "%n %u:%g" mine user'
	assert_line "mine 0:0"
	assert_line "user 5:65534"
	assert_equal "$(stat -c %u:%g "$DATA/mine")" 7:8
}

@test "a plain idmap is by the container's user namespace" {
	add_user_ns
	add_caps CAP_CHOWN
	add_mount /mnt bind "$DATA" bind idmap
	inside "$owners; touch made; chown 33:34 made"
	assert_output "$(printf 'root 0:0\nfive 5:6\nuser 1000:1001')"
	assert_equal "$(stat -c %u:%g "$DATA/made")" 33:34
	drop_mount /mnt
	# Without it the files belong to ids that the namespace has not.
	add_mount /mnt bind "$DATA" bind
	inside "$owners"
	assert_output "$(printf 'root 65534:65534\nfive 65534:65534\nuser 65534:65534')"
}

@test "a plain idmap is by the user namespace that is joined" {
	local holder
	launch run -d -b "$BUNDLE" "$ID"
	nsrun delete -f "$ID"
	add_user_ns
	launch run -d -b "$BUNDLE" "$ID"
	holder=$(pid_of "$ID")
	set_config '(.linux.namespaces[] | select(.type == "user")).path = $p | del(.linux.uidMappings, .linux.gidMappings)' \
		--arg p "/proc/$holder/ns/user"
	add_mount /mnt bind "$DATA" bind idmap
	run -0 nsrun run -b "$BUNDLE" "$ID-2" sh -c "$owners"
	assert_output "$(printf 'root 0:0\nfive 5:6\nuser 1000:1001')"
}

@test "crun's form: ranges in the option, relative ones too" {
	add_mount /mnt bind "$DATA" bind 'idmap=uids=0-1-1#5-50-1;gids=0-2-3#6-60-1'
	inside "$owners"
	assert_output "$(printf 'root 1:2\nfive 50:60\nuser 65534:65534')"
	drop_mount /mnt
	add_user_ns
	add_mount /mnt bind "$DATA" bind 'idmap=uids=@0-70-1#@5-7-1;gids=0-100071-1#@6-8-1'
	inside "$owners"
	assert_output "$(printf 'root 70:71\nfive 7:8\nuser 65534:65534')"
}

@test "idmap is of one mount, ridmap of the tree" {
	mkdir "$DATA/below"
	mount_mappable "$DATA/below"
	touch "$DATA/below/file"
	add_mapped /mnt "$shift_1000" "$shift_1000" rbind idmap
	inside 'stat -c %u /mnt/root /mnt/below/file'
	assert_output "$(printf '1000\n0')"
	drop_mount /mnt
	add_mapped /mnt "$shift_1000" "$shift_1000" rbind ridmap
	inside 'stat -c %u /mnt/root /mnt/below/file'
	assert_output "$(printf '1000\n1000')"
}

@test "a file, a relative source, other options beside it" {
	touch "$BUNDLE/five"
	chown 5:5 "$BUNDLE/five"
	mount --bind "$DATA/five" "$BUNDLE/five"
	set_config '.mounts += [{destination: "/five", type: "bind", source: "five", options: ["idmap", "ro", "nosuid", "rprivate"],
		uidMappings: $m, gidMappings: $m}]' --argjson m "$shift_1000"
	inside 'stat -c %u:%g /five; grep " /five " /proc/self/mountinfo'
	umount "$BUNDLE/five"
	assert_line --index 0 1005:1006
	assert_line --index 1 --regexp " /five ro,nosuid.*idmapped"
}

@test "a new file system" {
	tmpfs_maps || skip "Linux $(uname -r) cannot map the ids of a tmpfs (6.3)"
	add_mount /mnt tmpfs tmpfs 'idmap=uids=0-0-1#1-10-5;gids=0-0-1#1-10-5' mode=0711 size=64k ro
	inside 'stat -c %a /mnt; df -k /mnt | tail -n 1; grep " /mnt " /proc/self/mountinfo; touch /mnt/x; true'
	assert_line --index 0 711
	assert_line --index 1 --regexp "^tmpfs +64 "
	assert_line --index 2 --regexp " /mnt ro,relatime,idmapped - tmpfs"
	assert_line --index 3 --partial "Read-only file system"
	drop_mount /mnt
	add_mount /mnt tmpfs tmpfs 'idmap=uids=0-0-1;gids=0-0-1' size=many
	refused "mount: size: tmpfs: Bad value for 'size'" run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	add_mount /mnt proc proc 'idmap=uids=0-0-1;gids=0-0-1'
	refused 'idmap: this kernel cannot map the ids of the file system of "proc"' run -b "$BUNDLE" "$ID"
}

@test "in a user namespace the host's attributes stay" {
	mount -o remount,bind,nosuid,nodev "$DATA"
	add_user_ns
	add_mount /mnt bind "$DATA" bind idmap suid dev noexec
	inside 'grep " /mnt " /proc/self/mountinfo'
	assert_output --partial "rw,nosuid,nodev,noexec,relatime,idmapped"
}

@test "what a container mounts below an id-mapped mount stays its own" {
	mount --make-shared "$DATA"
	mkdir "$DATA/dir"
	add_caps CAP_SYS_ADMIN
	add_mapped /mnt "$shift_1000" "$shift_1000" bind idmap
	inside 'mount -t tmpfs tmpfs /mnt/dir; grep -c " /mnt/dir " /proc/self/mountinfo'
	assert_output 1
	add_user_ns
	set_config '.linux.rootfsPropagation = "shared"'
	drop_mount /mnt
	add_mount /mnt bind "$DATA" bind idmap
	launch run -d -b "$BUNDLE" "$ID"
	nsrun exec "$ID" mount -t tmpfs tmpfs /mnt/dir
	run ! mountpoint -q "$DATA/dir"
}

@test "what cannot be is refused by name, and leaves nothing" {
	local mapping
	add_mount /mnt bind "$DATA" bind idmap
	refused 'config.json: mounts[7]: mount "/mnt": idmap: neither the mount has mappings nor the container a user namespace' \
		run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	for mapping in 'uids=0-1-1' 'gids=0-1-1' 'uids=0-1;gids=0-1-1' 'uids=0-1-0;gids=0-1-1' 'uids=x-1-1;gids=0-1-1' \
		'uids=0-1-1-1;gids=0-1-1' 'uids=0-1-2#1-7-1;gids=0-1-1' 'uids=@0-1-1;gids=0-1-1' 'users=0-1-1' 'uids=4294967294-1-2;gids=0-1-1'; do
		add_mount /mnt bind "$DATA" bind "idmap=$mapping"
		refused 'config.json: mounts[7]: mount "/mnt": idmap: ' run -b "$BUNDLE" "$ID"
		drop_mount /mnt
	done
	add_mapped /mnt "$shift_1000" "$shift_1000" bind "idmap=uids=0-1-1;gids=0-1-1"
	refused 'idmap: a mapping by the option and another by uidMappings' run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	add_mapped /mnt "$shift_1000" "$shift_1000" remount bind
	refused 'idmap: what is mounted already cannot be mapped' run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	set_config '.mounts += [{destination: "/mnt", source: "/", options: ["bind"], uidMappings: $m}]' --argjson m "$shift_1000"
	refused 'config.json: mounts[7].gidMappings: missing' run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	add_mount /mnt bind /proc bind 'idmap=uids=0-1-1;gids=0-1-1'
	refused 'idmap: this kernel cannot map the ids of the file system of "/proc"' run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	add_user_ns
	add_mount /mnt bind "$DATA" bind 'idmap=uids=@0-65530-10;gids=0-1-1'
	refused 'goes beyond one range of the container'"'"'s mappings' run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	add_mount /mnt tmpfs tmpfs idmap
	refused 'binds alone can be mapped there' run -b "$BUNDLE" "$ID"
}

@test "without privilege it is refused with the reason" {
	BUNDLE=$DATA/bundle
	make_bundle "$BUNDLE"
	add_mount /mnt bind "$DATA" bind idmap
	set_config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1234, size: 1}] |
		.linux.gidMappings = .linux.uidMappings'
	run -1 setpriv --reuid 1234 --regid 1234 --clear-groups "$NSRUN" --root "$DATA/state" --cgroup-manager disabled \
		run -b "$BUNDLE" "$ID"
	assert_output --partial 'idmap: an id-mapped mount needs CAP_SYS_ADMIN on the host; uid 1234 lacks it'
}
