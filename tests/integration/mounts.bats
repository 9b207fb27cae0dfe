#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The container's file tree: mounts, devices, masked and read-only paths, the root, and images that try to
# lead the runtime out of it.

load ../helpers
load ../mounts

setup() { mounts_begin; }
teardown() { mounts_end; }

@test "bind: a directory, read-write and read-only" {
	add_mount /mnt/rw bind "$DATA" bind
	add_mount /mnt/ro bind "$DATA" bind ro
	inside 'cat /mnt/rw/a /mnt/ro/a; echo new >/mnt/rw/b; echo no >/mnt/ro/c || true; cat /mnt/ro/b'
	assert_output "$(printf 'data\ndata\nsh: can'"'"'t create /mnt/ro/c: Read-only file system\nnew')"
	assert_equal "$(<"$DATA/b")" new
	[[ ! -e $DATA/c ]]
}

@test "bind: files, over files and at missing targets; the type may be left out" {
	add_mount /etc/passwd bind "$DATA/a" bind ro
	add_mount /run/deep/file bind "$DATA/a" rbind
	set_config '.mounts += [{destination: "/third", source: $s, options: ["bind"]}]' --arg s "$DATA/a"
	set_config '.mounts += [{destination: "/fourth", type: "bind", source: $s}]' --arg s "$DATA/a"
	inside 'cat /etc/passwd /run/deep/file /third /fourth'
	assert_output "$(printf '%s\n' data data data data)"
	grep -q ^root: "$BUNDLE/rootfs/etc/passwd"
}

@test "bind: a relative source is relative to the bundle" {
	mkdir "$BUNDLE/shared"
	echo relative >"$BUNDLE/shared/file"
	add_mount /mnt bind shared bind
	add_mount /one bind ./shared/../shared/file bind
	cd /
	inside 'cat /mnt/file /one'
	assert_output "$(printf 'relative\nrelative')"
}

@test "bind: the tree with rbind, without what is mounted below with bind" {
	mount -t tmpfs below "$DATA"
	mkdir "$DATA/sub"
	mount -t tmpfs below "$DATA/sub"
	touch "$DATA/sub/file"
	add_mount /mnt/tree bind "$DATA" rbind
	add_mount /mnt/one bind "$DATA" bind
	inside 'ls /mnt/tree/sub; ls /mnt/one/sub | wc -l'
	assert_output "$(printf 'file\n0')"
}

@test "read-only: ro is of one mount, rro of the tree" {
	mount -t tmpfs below "$DATA"
	mkdir "$DATA/sub"
	mount -t tmpfs below "$DATA/sub"
	add_mount /mnt/ro bind "$DATA" rbind ro
	add_mount /mnt/rro bind "$DATA" rbind rro
	inside 'touch /mnt/ro/x; touch /mnt/ro/sub/y && echo written; touch /mnt/rro/x; touch /mnt/rro/sub/x; true'
	assert_line --index 0 "touch: /mnt/ro/x: Read-only file system"
	assert_line --index 1 written
	assert_line --index 2 "touch: /mnt/rro/x: Read-only file system"
	assert_line --index 3 "touch: /mnt/rro/sub/x: Read-only file system"
}

@test "options: each becomes an attribute of the mount, later ones win, and a tree gets the r* ones" {
	local option
	mount -t tmpfs plain "$DATA"
	for option in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
		add_mount "/mnt/$option" bind "$DATA" bind "$option"
		add_mount "/mnt/r$option" bind "$DATA" rbind "r$option"
	done
	add_mount /mnt/last bind "$DATA" bind ro noexec rw exec nosuid
	add_mount /mnt/strict bind "$DATA" bind strictatime
	inside 'cat /proc/self/mountinfo'
	for option in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
		[[ $option != ro ]] || assert_line --regexp " /mnt/$option ro,"
		[[ $option == ro ]] || assert_line --regexp " /mnt/$option rw,([a-z]+,)*$option(,| )"
		assert_line --regexp " /mnt/r$option ([a-z]+,)*$option(,| )"
	done
	assert_line --regexp " /mnt/last rw,nosuid,relatime "
	assert_line --regexp " /mnt/strict rw - "
}

@test "nested mounts are made in the order of the file" {
	mkdir -p "$DATA/deep/down"
	add_mount /mnt tmpfs tmpfs
	add_mount /mnt/data bind "$DATA" bind
	add_mount /mnt/data/deep tmpfs tmpfs
	add_mount /mnt/data/deep/file bind "$DATA/a" bind
	# The other way round: what comes later hides what came before.
	add_mount /srv/below bind "$DATA" bind
	add_mount /srv tmpfs tmpfs
	inside 'cat /mnt/data/a /mnt/data/deep/file; ls /mnt/data/deep; ls /srv | wc -l'
	assert_output "$(printf 'data\ndata\nfile\n0')"
}

@test "propagation: a later mount of the host reaches a slave, not a private mount" {
	mount -t tmpfs peers "$DATA"
	mount --make-shared "$DATA"
	mkdir "$DATA/later"
	add_mount /mnt/slave bind "$DATA" rbind rslave
	add_mount /mnt/private bind "$DATA" rbind rprivate
	launch run -d -b "$BUNDLE" "$ID"
	mount -t tmpfs later "$DATA/later"
	touch "$DATA/later/file"
	run -0 nsrun exec "$ID" ls /mnt/slave/later
	assert_output file
	run -0 nsrun exec "$ID" ls /mnt/private/later
	assert_output ""
	run -0 nsrun exec "$ID" grep /mnt /proc/self/mountinfo
	assert_line --regexp " /mnt/slave .* master:"
	refute_line --regexp " /mnt/private .* (master|shared):"
}

@test "propagation: what a container mounts reaches the host on shared mounts of a shared root alone" {
	local root
	mount -t tmpfs peers "$DATA"
	mount --make-shared "$DATA"
	mkdir "$DATA/shared" "$DATA/private"
	add_caps CAP_SYS_ADMIN
	add_mount /mnt/shared bind "$DATA" rbind rshared
	add_mount /mnt/private bind "$DATA" rbind rprivate
	for root in slave shared; do
		set_config '.linux.rootfsPropagation = $root' --arg root "$root"
		launch run -d -b "$BUNDLE" "$ID-$root"
		nsrun exec "$ID-$root" mount -t tmpfs tmpfs /mnt/shared/shared
		nsrun exec "$ID-$root" mount -t tmpfs tmpfs /mnt/private/private
		run ! mountpoint -q "$DATA/private"
		[[ $root == shared ]] || run ! mountpoint -q "$DATA/shared"
	done
	mountpoint "$DATA/shared"
}

@test "rootfsPropagation: of the root, and the host's own mounts stay what they are" {
	local before type
	before=$(cut -d' ' -f5- /proc/self/mountinfo)
	for type in private:- slave:- shared:shared rshared:shared unbindable:unbindable; do
		set_config '.linux.rootfsPropagation = $t' --arg t "${type%:*}"
		inside 'grep " / / \| /rootfs / " /proc/self/mountinfo || grep " / " /proc/self/mountinfo'
		if [[ ${type#*:} == - ]]; then
			refute_output --regexp " / .* (shared|unbindable)"
		else
			assert_output --regexp " / .* ${type#*:}"
		fi
	done
	assert_equal "$(cut -d' ' -f5- /proc/self/mountinfo)" "$before"
	set_config '.linux.rootfsPropagation = "public"'
	refused 'config.json: linux.rootfsPropagation: "public"' run -b "$BUNDLE" "$ID"
}

@test "masked paths: files are empty, directories too; missing ones are skipped" {
	mkdir "$BUNDLE/rootfs/etc/secret"
	echo key >"$BUNDLE/rootfs/etc/secret/key"
	ln -s secret "$BUNDLE/rootfs/etc/link"
	set_config '.linux.maskedPaths += ["/etc/passwd", "/etc/secret", "/no/such", "/etc/passwd/below", "/proc/version"]'
	inside 'cat /etc/passwd /proc/version; ls /etc/secret; touch /etc/secret/x; ls /etc/link; echo x >/proc/version; echo end'
	assert_line --index 0 "touch: /etc/secret/x: Read-only file system"
	assert_line --index "$((${#lines[@]} - 1))" end
	refute_output --partial key
	refute_output --partial Linux
	# Of the default config.
	inside 'cat /proc/keys /proc/timer_list; ls /sys/firmware'
	assert_output ""
}

@test "masked paths: a link leads to what is in the root, never to the host" {
	echo secret >"$BATS_TEST_TMPDIR/outside"
	mkdir -p "$BUNDLE/rootfs$BATS_TEST_TMPDIR"
	echo inner >"$BUNDLE/rootfs$BATS_TEST_TMPDIR/outside"
	ln -s "$BATS_TEST_TMPDIR/outside" "$BUNDLE/rootfs/etc/masked"
	ln -s ../../../../../../../../etc "$BUNDLE/rootfs/etc/up"
	set_config '.linux.maskedPaths += ["/etc/masked", "/etc/up/passwd"]'
	inside "wc -c <$BATS_TEST_TMPDIR/outside; wc -c </etc/passwd"
	assert_output "$(printf '0\n0')"
	assert_equal "$(<"$BATS_TEST_TMPDIR/outside")" secret
}

@test "read-only paths: what is mounted below stays there; missing ones are skipped" {
	writable_root
	add_mount /mnt tmpfs tmpfs
	add_mount /mnt/below tmpfs tmpfs
	set_config '.linux.readonlyPaths += ["/etc", "/mnt", "/no/such"]'
	inside 'for f in /etc/x /mnt/x /mnt/below/x /proc/sys/kernel/hostname /tmp/x; do echo x >$f && echo "$f written"; done; true'
	assert_equal "$(grep -c "Read-only file system" <<<"$output")" 3
	assert_line "/mnt/below/x written"
	assert_line "/tmp/x written"
	inside 'stat -fc %T /mnt/below; ls -A /mnt/below | wc -l'
	assert_output "$(printf 'tmpfs\n0')"
}

@test "the root: read-only or not" {
	inside 'touch /x || touch /etc/x || touch /tmp/x || echo none'
	assert_line none
	assert_line "touch: /tmp/x: Read-only file system"
	writable_root
	inside 'touch /x /etc/x'
	[[ -e $BUNDLE/rootfs/x && -e $BUNDLE/rootfs/etc/x ]]
}

@test "tmpfs: the mode that is given, else the target's, else 1777; and the size" {
	mkdir -m 0750 "$BUNDLE/rootfs/opt"
	add_mount /opt tmpfs tmpfs
	add_mount /tmp tmpfs tmpfs
	add_mount /made tmpfs tmpfs
	add_mount /given tmpfs tmpfs mode=0711 size=64k
	inside 'stat -c %a /opt /tmp /made /given; df -k /given | tail -n 1'
	assert_line --index 0 750
	assert_line --index 1 1777
	assert_line --index 2 1777
	assert_line --index 3 711
	assert_line --regexp "^tmpfs +64 "
}

@test "tmpfs: read-only with mounts inside, and tmpcopyup" {
	add_mount /ro tmpfs tmpfs ro
	add_mount /ro/inner/data bind "$DATA" bind
	add_mount /etc tmpfs tmpfs tmpcopyup
	ln -s passwd "$BUNDLE/rootfs/etc/link"
	chmod 0640 "$BUNDLE/rootfs/etc/group"
	inside 'cat /ro/inner/data/a; touch /ro/x; stat -c "%a %N" /etc/group /etc/link; touch /etc/new; cat /etc/passwd | wc -l'
	assert_line --index 0 data
	assert_line --index 1 "touch: /ro/x: Read-only file system"
	assert_line --index 2 "640 /etc/group"
	assert_line --index 3 --regexp "link.*passwd"
	assert_line --index 4 2
	[[ ! -e $BUNDLE/rootfs/etc/new ]]
}

@test "default devices, links and mounts" {
	inside 'cd /dev; stat -c "%n %t:%T %a %u:%g" null zero full random urandom tty; for l in fd stdin stdout stderr ptmx; do readlink $l; done;
		stat -fc %T /dev /dev/shm /dev/pts /dev/mqueue /proc /sys; echo works >null; head -c 4 zero | wc -c'
	assert_line "null 1:3 666 0:0"
	assert_line "zero 1:5 666 0:0"
	assert_line "full 1:7 666 0:0"
	assert_line "random 1:8 666 0:0"
	assert_line "urandom 1:9 666 0:0"
	assert_line "tty 5:0 666 0:0"
	assert_line --index 6 /proc/self/fd
	assert_line --index 7 /proc/self/fd/0
	assert_line --index 10 pts/ptmx
	assert_line --index 11 tmpfs
	assert_line --index 17 4
}

@test "linux.devices: kinds, numbers, owners and modes; the umask has no say" {
	umask 077
	set_config '.linux.devices = [
		{path: "/dev/loopy", type: "b", major: 7, minor: 200, fileMode: 416, uid: 1, gid: 2},
		{path: "/dev/sub/dir/char", type: "c", major: 1, minor: 3, fileMode: 438},
		{path: "/dev/unbuffered", type: "u", major: 1, minor: 5},
		{path: "/dev/pipe", type: "p", fileMode: 384, uid: 7},
		{path: "/dev/numbered", type: "p", major: 1, minor: 3},
		{path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 384, uid: 5},
		{path: "/dev/sub/../up", type: "c", major: 1, minor: 7}]'
	inside 'cd /dev; stat -c "%n %F %t:%T %a %u:%g" loopy sub/dir/char unbuffered pipe numbered null up; stat -c %a sub'
	assert_line "loopy block special file 7:c8 640 1:2"
	assert_line "sub/dir/char character special file 1:3 666 0:0"
	assert_line "unbuffered character special file 1:5 666 0:0"
	assert_line --regexp "^pipe fifo 0:0 600 7:0"
	assert_line --regexp "^numbered fifo .* 666 0:0"
	assert_line "null character special file 1:3 600 5:0"
	assert_line "up character special file 1:7 666 0:0"
	assert_line 755
}

@test "linux.devices: what cannot be is refused by its place in the file" {
	set_config '.linux.devices = [{path: "/dev/x", type: "c"}]'
	refused "config.json: linux.devices[0].major: missing" run -b "$BUNDLE" "$ID"
	set_config '.linux.devices = [{path: "x", type: "c", major: 1, minor: 1}]'
	refused 'config.json: linux.devices[0].path: "x" is not an absolute path' run -b "$BUNDLE" "$ID"
	set_config '.linux.devices = [{path: "/dev/x", type: "z", major: 1, minor: 1}]'
	refused 'config.json: linux.devices[0].type: "z"' run -b "$BUNDLE" "$ID"
	set_config '.linux.devices = [{path: "/dev/x", type: "c", major: 4096, minor: 1}]'
	refused "config.json: linux.devices[0].major: 4096" run -b "$BUNDLE" "$ID"
	set_config '.linux.devices = [{path: "/dev/shm", type: "c", major: 1, minor: 1}]'
	refused 'device "/dev/shm": something else is in its place' run -b "$BUNDLE" "$ID"
}

@test "devices: an image without a tmpfs on /dev, and one whose null device is a file" {
	drop_mount /dev
	drop_mount /dev/pts
	drop_mount /dev/shm
	drop_mount /dev/mqueue
	inside 'ls -l /dev/null | cut -c1; echo x >/dev/null'
	assert_output c
	rm "$BUNDLE/rootfs/dev/null"
	echo trap >"$BUNDLE/rootfs/dev/null"
	refused 'device "/dev/null": something else is in its place' run -b "$BUNDLE" "$ID"
	assert_equal "$(<"$BUNDLE/rootfs/dev/null")" trap
}

@test "devices: a right ptmx in an image without a tmpfs on /dev stays, as another container may be making it; another is replaced" {
	local was
	drop_mount /dev
	inside 'readlink /dev/ptmx'
	assert_output pts/ptmx
	was=$(stat -c %i "$BUNDLE/rootfs/dev/ptmx")
	inside true
	assert_equal "$(stat -c %i "$BUNDLE/rootfs/dev/ptmx")" "$was"
	ln -sfn pts/ptmx2 "$BUNDLE/rootfs/dev/ptmx"
	inside 'readlink /dev/ptmx'
	assert_output pts/ptmx
}

@test "devices in a user namespace are the host's, bound" {
	add_user_ns
	set_config '.linux.devices = [{path: "/dev/fifo", type: "p"}]'
	inside 'stat -c "%n %t:%T" /dev/null /dev/tty; echo x >/dev/null; head -c 3 /dev/zero | wc -c; stat -c %F /dev/fifo'
	assert_output "$(printf '/dev/null 1:3\n/dev/tty 5:0\n3\nfifo')"
	set_config '.linux.devices = [{path: "/dev/x", type: "c", major: 4000, minor: 5}]'
	refused 'device "/dev/x"' run -b "$BUNDLE" "$ID"
}

@test "in a user namespace locked attributes stay" {
	DATA=$TMPDIR/$ID # where the user namespace's root can go
	mkdir "$DATA"
	mount -t tmpfs -o nosuid,nodev,noexec locked "$DATA"
	mkdir "$BUNDLE/rootfs/mnt"
	add_user_ns
	add_mount /mnt bind "$DATA" bind suid dev exec
	inside 'grep " /mnt " /proc/self/mountinfo'
	assert_output --partial "nosuid,nodev,noexec"
}

@test "images that lead out: .. and links in a mount's destination stay in the root" {
	local out=$BATS_TEST_TMPDIR/out
	mkdir "$out"
	mkdir -p "$BUNDLE/rootfs$out" "$BUNDLE/rootfs/inner"
	ln -s "$out" "$BUNDLE/rootfs/absolute"
	ln -s ../../../../../../../.. "$BUNDLE/rootfs/up"
	ln -s /nowhere/yet "$BUNDLE/rootfs/dangling"
	ln -s absolute "$BUNDLE/rootfs/twice"
	writable_root
	add_mount "/inner/../../../../..$out/dots" tmpfs one
	add_mount /absolute/abs tmpfs two
	add_mount "/up$out/up" tmpfs three
	add_mount /dangling tmpfs four
	add_mount /twice/file bind "$DATA/a" bind
	inside 'cut -d" " -f5 /proc/self/mountinfo; cat /absolute/file'
	assert_line "$out/dots"
	assert_line "$out/abs"
	assert_line "$out/up"
	assert_line /nowhere/yet
	assert_line data
	assert_equal "$(ls -A "$out")" ""
	[[ ! -e /nowhere ]]
	# What was made for them is gone.
	assert_equal "$(ls -A "$BUNDLE/rootfs$out")" ""
	[[ ! -e $BUNDLE/rootfs/nowhere ]]
}

@test "images that lead out: /proc and /sys that are links are refused" {
	rmdir "$BUNDLE/rootfs/proc"
	ln -s tmp "$BUNDLE/rootfs/proc"
	refused 'mount "/proc" (type proc, source proc): the target is not a plain directory' run -b "$BUNDLE" "$ID"
	rm "$BUNDLE/rootfs/proc"
	mkdir "$BUNDLE/rootfs/proc"
	rmdir "$BUNDLE/rootfs/sys"
	ln -s /etc "$BUNDLE/rootfs/sys"
	refused 'mount "/sys"' run -b "$BUNDLE" "$ID"
	[[ -L $BUNDLE/rootfs/sys ]]
}

@test "images that lead out: devices, default links and the generated ptmx through a linked /dev" {
	local out=$BATS_TEST_TMPDIR/out
	mkdir "$out"
	set_config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	rmdir "$BUNDLE/rootfs/dev"
	ln -s "$out" "$BUNDLE/rootfs/dev"
	set_config '.linux.devices = [{path: "/dev/../../../../../../../../..\($out)/x", type: "c", major: 1, minor: 3},
		{path: "/dev/y", type: "c", major: 1, minor: 3}]' --arg out "$out"
	writable_root
	inside "ls $out"
	assert_line y
	assert_line x
	assert_line null
	assert_equal "$(ls -A "$out")" ""
}

@test "images that lead out: a last link is not followed by a device" {
	set_config '.mounts |= map(select(.destination | startswith("/dev") | not)) |
		.linux.devices = [{path: "/dev/trap", type: "c", major: 1, minor: 3}]'
	ln -s "$DATA/made" "$BUNDLE/rootfs/dev/trap"
	refused 'device "/dev/trap": something else is in its place' run -b "$BUNDLE" "$ID"
	[[ ! -e $DATA/made ]]
}

@test "nothing is mounted inside a procfs, but for lxcfs's files; nor over the root" {
	local target
	for target in /proc/self/attr /proc/sys /proc/1/ns /proc/../proc/sys; do
		add_mount "$target" tmpfs tmpfs
		refused "nothing may be mounted inside a procfs" run -b "$BUNDLE" "$ID"
		drop_mount "$target"
	done
	ln -s /proc/sys "$BUNDLE/rootfs/link"
	add_mount /link bind "$DATA" bind
	refused "nothing may be mounted inside a procfs" run -b "$BUNDLE" "$ID"
	drop_mount /link
	add_mount /. tmpfs tmpfs
	refused "nothing may be mounted over the root itself" run -b "$BUNDLE" "$ID"
	drop_mount /.
	add_mount /proc/uptime bind "$DATA/a" bind
	inside 'cat /proc/uptime'
	assert_output data
}

@test "missing targets are made, and removed at the end unless something is in them" {
	writable_root
	add_mount /one/two/three tmpfs tmpfs
	add_mount /one/file bind "$DATA/a" bind
	add_mount /keep/mount bind "$DATA" bind
	inside 'stat -c %a /one /one/two; ls /one; touch /keep/mine'
	assert_line --index 0 755
	assert_line --index 1 755
	[[ ! -e $BUNDLE/rootfs/one ]]
	[[ -e $BUNDLE/rootfs/keep/mine && ! -e $BUNDLE/rootfs/keep/mount ]]
	# After a failure as well.
	add_mount /late nosuchfs none
	refused 'no file system type "nosuchfs"' run -b "$BUNDLE" "$ID"
	[[ ! -e $BUNDLE/rootfs/one && ! -e $BUNDLE/rootfs/late ]]
}

@test "missing targets of two containers on one root: the last one out removes them" {
	add_mount /shared/target tmpfs tmpfs
	launch run -d -b "$BUNDLE" "$ID"
	launch run -d -b "$BUNDLE" "$ID-2"
	run -0 nsrun delete --force "$ID"
	run -0 nsrun exec "$ID-2" stat -fc %T /shared/target
	assert_output tmpfs
	run -0 nsrun delete --force "$ID-2"
}

@test "--no-pivot" {
	add_mount /mnt bind "$DATA" bind
	launch run -d --no-pivot -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" sh -c "cat /mnt/a; ls / | grep -cx -e mnt -e run; ls -d $BUNDLE /../../$BUNDLE; true"
	assert_line --index 0 data
	assert_line --index 1 1
	assert_line --index 2 --partial "No such file or directory"
	run -0 nsrun exec "$ID" cut -d' ' -f5 /proc/self/mountinfo
	refute_line --partial "$BATS_TEST_TMPDIR"
	assert_line /mnt
}

@test "the working directory is made when missing, with links followed in the root" {
	writable_root
	set_config '.process.cwd = "/made/for/it"'
	inside pwd
	assert_output /made/for/it
	ln -s ../../../tmp "$BUNDLE/rootfs/link"
	set_config '.process.cwd = "/link"'
	inside pwd
	assert_output /tmp
	set_config '.process.cwd = "/etc/passwd"'
	run -1 nsrun run -b "$BUNDLE" "$ID"
	assert_output --partial 'chdir to cwd ("/etc/passwd")'
	set_config '.process.cwd = "relative"'
	refused 'config.json: process.cwd: "relative" is not an absolute path' run -b "$BUNDLE" "$ID"
}

@test "no working directory outside: descriptors of the runtime lead nowhere but to the root" {
	local n
	for n in {3..12}; do
		set_config '.process.cwd = "/proc/self/fd/\($n)/../../../../../.."' --arg n "$n"
		run nsrun run -b "$BUNDLE" "$ID" sh -c 'pwd; cat /etc/passwd'
		((status == 1)) || assert_output "/
$(<"$BUNDLE/rootfs/etc/passwd")"
	done
}

@test "cgroup: the container's own, read-only by default" {
	inside 'cd /sys/fs/cgroup; for d in . *; do [ -e $d/cgroup.procs ] && head -n 1 $d/cgroup.procs; done | sort -u;
		mkdir x; for d in */; do mkdir $d/x; done; true'
	assert_line --index 0 1
	assert_line "mkdir: can't create directory 'x': Read-only file system"
	refute_line --regexp "(File exists|Permission denied)$"
}

@test "cgroup: without a cgroup namespace still only the container's own" {
	set_config 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	inside 'cd /sys/fs/cgroup; for d in . *; do [ -e $d/cgroup.procs ] && grep -v 0 $d/cgroup.procs; done | sort -u; ls'
	assert_line --index 0 1
	refute_line nsrun
	refute_output --partial "$ID"
}

@test "cgroup: writable where the config says so" {
	set_config '(.mounts[] | select(.type == "cgroup")).options = ["nosuid", "noexec", "nodev"]'
	add_caps CAP_SYS_ADMIN CAP_DAC_OVERRIDE
	inside 'cd /sys/fs/cgroup; [ -d pids ] && cd pids; mkdir sub && echo $$ >sub/cgroup.procs && cat /proc/self/cgroup;
		echo $$ >cgroup.procs; rmdir sub'
	assert_output --partial /sub
}

@test "mounts that cannot be are one line with the destination, and leave nothing" {
	add_mount /mnt bind "$BATS_TEST_TMPDIR/nosuch" bind
	refused "mount \"/mnt\" (type bind, source $BATS_TEST_TMPDIR/nosuch): bind \"$BATS_TEST_TMPDIR/nosuch\": missing" \
		run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	add_mount /etc bind "$DATA/a" bind
	refused 'of source and target one is a directory and one is not' run -b "$BUNDLE" "$ID"
	drop_mount /etc
	add_mount /mnt bind "$DATA" bind mode=755
	refused 'a bind mount takes no file system options, but has "mode=755"' run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	add_mount /mnt tmpfs tmpfs nosuchoption=1
	refused 'mount "/mnt" (type tmpfs, source tmpfs): mount: ' run -b "$BUNDLE" "$ID"
	drop_mount /mnt
	set_config '.mounts += [{destination: "", type: "tmpfs"}]'
	refused "config.json: mounts[7].destination: empty" run -b "$BUNDLE" "$ID"
	[[ ! -e $BUNDLE/rootfs/mnt ]]
	refused "container does not exist" state "$ID"
}

@test "a container without /proc, /sys and /dev starts" {
	set_config '.mounts = []'
	inside 'echo alive; ls /proc | wc -l'
	assert_output "$(printf 'alive\n0')"
}
