#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Mounts and symbolic links: crun's copy-symlink, src-nofollow and dest-nofollow.

load ../helpers
load ../mounts

setup()
{
	mounts_begin
	ln -s /nowhere/on/the/host "$DATA/link"
	echo other >"$DATA/other"
}

teardown() { mounts_end; }

@test "src-nofollow: the link itself is mounted, over a file, a link, or at a missing target" {
	ln -s passwd "$BUNDLE/rootfs/etc/was"
	touch "$BUNDLE/rootfs/etc/file"
	add_mount /etc/file bind "$DATA/link" bind src-nofollow
	add_mount /etc/was bind "$DATA/link" bind src-nofollow dest-nofollow
	add_mount /etc/new bind "$DATA/link" bind src-nofollow
	inside 'for f in file was new; do readlink /etc/$f; done; head -n 1 /etc/passwd'
	assert_output "$(printf '%s\n' /nowhere/on/the/host{,,} root:x:0:0:root:/root:/bin/sh)"
	# Nothing but the mounts was changed.
	assert_equal "$(readlink "$BUNDLE/rootfs/etc/was")" passwd
	[[ ! -e $BUNDLE/rootfs/etc/new && ! -L $BUNDLE/rootfs/etc/new ]]
}

@test "src-nofollow is no matter for what is no link; without it the link is followed" {
	ln -sf "$DATA/a" "$DATA/link"
	add_mount /one bind "$DATA/other" bind src-nofollow
	add_mount /dir bind "$DATA" rbind src-nofollow
	add_mount /two bind "$DATA/link" bind
	inside 'cat /one /dir/other /two; readlink /two || echo no link'
	assert_output "$(printf 'other\nother\ndata\nno link')"
}

@test "dest-nofollow: the link in the container is covered, not what it leads to" {
	ln -s passwd "$BUNDLE/rootfs/etc/link"
	ln -s /dangling "$BUNDLE/rootfs/etc/nothing"
	add_mount /etc/link bind "$DATA/a" bind dest-nofollow ro
	add_mount /etc/nothing bind "$DATA/a" bind dest-nofollow
	add_mount /etc/made bind "$DATA/a" bind dest-nofollow
	inside 'cat /etc/link /etc/nothing /etc/made; head -n 1 /etc/passwd; ls -d /dangling 2>&1; grep " /etc/link " /proc/self/mountinfo'
	assert_line --index 0 data
	assert_line --index 1 data
	assert_line --index 2 data
	assert_line --index 3 --partial root:x:0
	assert_line --regexp " /etc/link ro,"
	assert_line --partial "/dangling: No such file"
	[[ ! -e $BUNDLE/rootfs/dangling ]]
}

@test "dest-nofollow: a directory cannot cover a link" {
	ln -s tmp "$BUNDLE/rootfs/link"
	add_mount /link bind "$DATA" bind dest-nofollow
	refused 'of source and target one is a directory and one is not' run -b "$BUNDLE" "$ID"
}

@test "copy-symlink: a link is made, and gone with the container; the same one is left as it is" {
	ln -s /nowhere/on/the/host "$BUNDLE/rootfs/etc/there"
	ln -s "$DATA/link" "$BUNDLE/relative"
	add_mount /etc/link bind "$DATA/link" bind copy-symlink
	add_mount /etc/there bind "$DATA/link" rbind copy-symlink
	add_mount /deep/down/link bind relative bind copy-symlink
	add_mount /file bind "$DATA/other" bind copy-symlink
	writable_root
	inside 'readlink /etc/link; readlink /etc/there; readlink /deep/down/link; cat /file; grep -c /etc/ /proc/self/mountinfo || true'
	assert_output "$(printf '%s\n' /nowhere/on/the/host /nowhere/on/the/host "$DATA/link" other 0)"
	[[ ! -L $BUNDLE/rootfs/etc/link && -L $BUNDLE/rootfs/etc/there && ! -e $BUNDLE/rootfs/deep ]]
}

@test "copy-symlink: another thing in its place is refused, and links of the image lead nowhere else" {
	mkdir "$BATS_TEST_TMPDIR/out"
	touch "$BUNDLE/rootfs/etc/file"
	ln -s other "$BUNDLE/rootfs/etc/link"
	ln -s "$BATS_TEST_TMPDIR/out" "$BUNDLE/rootfs/out"
	mkdir -p "$BUNDLE/rootfs$BATS_TEST_TMPDIR/out"
	for target in file link; do
		add_mount "/etc/$target" bind "$DATA/link" bind copy-symlink
		refused 'copy-symlink: the target is there and is no link to "/nowhere/on/the/host"' run -b "$BUNDLE" "$ID"
		drop_mount "/etc/$target"
	done
	assert_equal "$(readlink "$BUNDLE/rootfs/etc/link")" other
	add_mount /out/link bind "$DATA/link" bind copy-symlink
	inside 'readlink /out/link'
	assert_output /nowhere/on/the/host
	[[ ! -L $BATS_TEST_TMPDIR/out/link ]]
	drop_mount /out/link
	add_mount /gone bind "$DATA/none" bind copy-symlink
	refused "read the link \"$DATA/none\": missing" run -b "$BUNDLE" "$ID"
}
