#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What has been tried against container runtimes, tried against this one: each attack fails. The CVE numbers are
# those of the runtimes that fell for it. tests/attack.c is the attacker's tool. See also hostile.bats.

load ../helpers

setup()
{
	test_begin
	ATTACK=${BUILD:-$(dirname "$NSRUN")}/tests/attack
	[[ -x $ATTACK ]] || fail "$ATTACK: not built; make check does it"
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir "$VICTIM"
}

# bundle [ARG...]: as make_bundle, writable and with the attacker's tool.
bundle()
{
	make_bundle "$BUNDLE" "$@"
	set_config '.root.readonly = false'
	cp "$ATTACK" "$BUNDLE/rootfs/bin/attack"
}

# Every capability that we have ourselves.
all_capabilities()
{
	local all
	all=$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
	set_config '.process.capabilities = {bounding: $c, effective: $c, permitted: $c}' --argjson c "$(
		grep -oE '^#define CAP_[A-Z_]+[[:space:]]+[0-9]+$' /usr/include/linux/capability.h | while read -r _ name bit; do
			(((0x$all >> bit & 1) == 0)) || echo "$name"
		done | jq -R . | jq -s .)"
}

host_pids() { set_config 'del(.linux.namespaces[] | select(.type == "pid"))'; }

victim_untouched()
{
	run -0 find "$VICTIM" -mindepth 1
	assert_output ""
}

# A user namespace whose root is ours, or 100000.
user_namespace()
{
	set_config '.linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": $first, "size": 65536}] | .linux.gidMappings = .linux.uidMappings' \
		--argjson first "$1"
	chown -R "$1:$1" "$BUNDLE/rootfs"
}

# ---- the runtime's binary (CVE-2019-5736) -----------------------------------------------------------------

# a_binary: our own copy of nsrun, so that nobody else runs it and keeps it from being written to.
a_binary()
{
	cp "$NSRUN" "$BATS_TEST_TMPDIR/nsrun"
	ORIGINAL=$NSRUN
	NSRUN=$BATS_TEST_TMPDIR/nsrun
}

# The attacker's report: nothing was done, writing was refused for good, the binary is as it was.
assert_binary_held()
{
	refute_output --partial DONE
	assert_line "open for writing once more: EROFS"
	assert_line "clear read-only by descriptor: EINVAL"
	cmp "$ORIGINAL" "$NSRUN"
}

# Without running nsrun meanwhile, as nothing that runs can be written to.
wait_for_report()
{
	wait_until grep -q "once more" "$OUTPUT"
	run -0 cat "$OUTPUT"
}

# caught_by CMD...: has CMD run until the attacker has caught it, and the attacker try its luck.
caught_by()
{
	wait_until grep -q watching "$OUTPUT"
	for ((i = 0; i < 200; i++)); do
		! grep -q caught "$OUTPUT" || break
		"$@"
	done
	wait_for_report
	assert_line caught
}

@test "binary: from inside a created container, at its init" {
	a_binary
	bundle
	all_capabilities
	launch create -b "$BUNDLE" "$ID"
	run -0 timeout 20 "$NSRUN" exec "$ID" attack binary 1
	refute_output --partial DONE
	assert_line "truncate: EROFS"
	assert_line "clear read-only by descriptor: EINVAL"
	cmp "$ORIGINAL" "$NSRUN"
}

@test "binary: init's, held by a container with the host's pids until init is gone" {
	a_binary
	bundle
	all_capabilities
	launch create -b "$BUNDLE" "$ID"
	host_pids
	launch run -d -b "$BUNDLE" "$ID-attacker" attack hold "$(pid_of "$ID")" 20
	wait_until grep -q caught "$OUTPUT"
	run -0 nsrun delete --force "$ID"
	wait_for_report
	assert_binary_held
}

@test "binary: exec's, caught from inside the container" {
	a_binary
	bundle
	all_capabilities
	launch run -d -b "$BUNDLE" "$ID" attack watch 20
	caught_by nsrun exec "$ID" true
	assert_binary_held
}

# A dynamic one would find no loader in the image.
# bats test_tags=static-only
@test "binary: by a script of the image whose interpreter is /proc/self/exe" {
	a_binary
	bundle
	all_capabilities
	printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/trap"
	chmod 755 "$BUNDLE/rootfs/bin/trap"
	launch run -d -b "$BUNDLE" "$ID" attack watch 20
	run -3 nsrun exec "$ID" trap
	assert_output --partial 'verb "/bin/trap" is not known'
	caught_by run -3 nsrun exec "$ID" trap
	assert_binary_held
}

@test "binary: no descriptor of it is open while the container can look" {
	bundle
	launch create -b "$BUNDLE" "$ID"
	local fd links=
	for fd in "/proc/$(pid_of "$ID")/fd"/*; do
		((${fd##*/} < 3)) || links+="$(readlink "$fd") "
	done
	# The start socket.
	assert_regex "$links" '^socket:\[[0-9]+\] $'
}

# ---- libraries (CVE-2019-14271) ---------------------------------------------------------------------------

@test "libraries: nothing of the image is loaded or asked" {
	local trap rootfs=$BUNDLE/rootfs
	bundle id
	# To open one of these is to hang.
	for trap in etc/nsswitch.conf etc/ld.so.cache etc/ld.so.preload etc/localtime etc/host.conf etc/gai.conf \
		{usr/,}lib/x86_64-linux-gnu/{libnss_files.so.2,libnss_dns.so.2,libc.so.6,gconv/gconv-modules} \
		usr/lib/locale/locale-archive; do
		mkdir -p "$rootfs/${trap%/*}"
		mkfifo "$rootfs/$trap"
	done
	set_config '.process.user = {"uid": 1000, "gid": 1000, "additionalGids": [5]}'
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	assert_output --partial "uid=1000"
	# The passwd and group files are the image's as well.
	rm "$rootfs/etc/passwd" "$rootfs/etc/group"
	mkfifo "$rootfs/etc/passwd" "$rootfs/etc/group"
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID" true
}

# ---- the cache of seccomp programs ------------------------------------------------------------------------

forbid() { set_config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
	[{"names": $ARGS.positional, "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}' --args "$@"; }

mkdir_is_refused()
{
	run -1 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID" mkdir /dev/new
	assert_output --partial "Permission denied"
}

@test "seccomp cache: an entry that was tampered with is not used" {
	local entry other
	bundle
	forbid mkdir mkdirat
	rm -rf /run/nsrun/cache
	mkdir_is_refused
	entry=$(find /run/nsrun/cache -name '*.bpf')
	[[ -f $entry ]]
	cp -p "$entry" "$BATS_TEST_TMPDIR/good"
	# Another program, that lets mkdir pass, in its place.
	forbid mknod
	run -0 nsrun run -b "$BUNDLE" "$ID" mkdir /dev/new
	other=$(find /run/nsrun/cache -name '*.bpf' ! -path "$entry")
	forbid mkdir mkdirat
	cp -p "$other" "$entry"
	mkdir_is_refused
	cmp "$entry" "$BATS_TEST_TMPDIR/good"
	# Its last instruction changed to "allow": BPF_RET, SECCOMP_RET_ALLOW.
	printf '\x06\x00\x00\x00\x00\x00\xff\x7f' | dd of="$entry" bs=1 conv=notrunc status=none \
		seek=$(($(stat -c %s "$entry") - 8))
	mkdir_is_refused
	# Somebody else's file, a link, a fifo; a directory that all may write to.
	cp -p "$other" "$entry"
	chown 1000 "$entry"
	mkdir_is_refused
	ln -sf "$BATS_TEST_TMPDIR/good" "$entry"
	mkdir_is_refused
	rm "$entry"
	mkfifo "$entry"
	mkdir_is_refused
	chmod 777 /run/nsrun/cache
	mkdir_is_refused
	chmod 700 /run/nsrun/cache
}

# ---- descriptors and the working directory (CVE-2024-21626) -----------------------------------------------

# with_descriptors ARG...: nsrun with descriptors 3 to 20 open, every other one of them of the host's root.
with_descriptors()
{
	bash -c 'for ((fd = 3; fd <= 20; fd++)); do
			if ((fd % 2)); then eval "exec $fd</"; else eval "exec $fd</etc/hostname"; fi
		done
		exec timeout 10 "$NSRUN" "$@"' - "$@"
}

@test "descriptors: only stdio and the preserved ones are inside" {
	bundle
	run -0 with_descriptors run -b "$BUNDLE" "$ID" attack fds
	assert_output ""
	run -0 with_descriptors run --preserve-fds 2 -b "$BUNDLE" "$ID" attack fds
	assert_equal "$(cut -d' ' -f1 <<<"$output" | xargs)" "3 4"
	OUTPUT=$BATS_TEST_TMPDIR/out
	with_descriptors create -b "$BUNDLE" "$ID" attack fds >"$OUTPUT" 2>&1
	run -0 with_descriptors exec "$ID" attack fds
	assert_output ""
	run -0 with_descriptors exec --preserve-fds 1 "$ID" attack fds
	assert_equal "$(cut -d' ' -f1 <<<"$output" | xargs)" 3
	run -0 with_descriptors start "$ID"
	wait_until is_status stopped
	assert_equal "$(<"$OUTPUT")" ""
}

@test "descriptors: the log's does not reach the container" {
	bundle
	run -0 "$NSRUN" --debug --log "$BATS_TEST_TMPDIR/log" run -b "$BUNDLE" "$ID" attack fds
	assert_output ""
	launch run -d -b "$BUNDLE" "$ID"
	run -0 "$NSRUN" --debug --log "$BATS_TEST_TMPDIR/log" exec "$ID" attack fds
	assert_output ""
}

@test "working directory: a descriptor of whoever starts it never leads out" {
	local cwd
	bundle
	ln -s /proc/self/fd/7 "$BUNDLE/rootfs/link"
	for cwd in /link /proc/self/fd/{3..12} /proc/self/fd/3/../.. /proc/1/fd/5; do
		set_config '.process.cwd = $cwd' --arg cwd "$cwd"
		run with_descriptors run -b "$BUNDLE" "$ID" ls -d "../../../../../../../..$VICTIM"
		((status != 0)) || fail "cwd $cwd: $output"
		run with_descriptors run --preserve-fds 18 -b "$BUNDLE" "$ID" ls -d "../../../../../../../..$VICTIM"
		((status != 0)) || fail "cwd $cwd with preserved descriptors: $output"
	done
	set_config '.process.cwd = "/"'
	launch run -d -b "$BUNDLE" "$ID"
	for cwd in /link /proc/self/fd/{3..12}; do
		run with_descriptors exec --cwd "$cwd" "$ID" ls -d "../../../../../../../..$VICTIM"
		((status != 0)) || fail "cwd $cwd: $output"
		run with_descriptors exec --preserve-fds 18 --cwd "$cwd" "$ID" ls -d "../../../../../../../..$VICTIM"
		((status != 0)) || fail "cwd $cwd with preserved descriptors: $output"
	done
}

# ---- mounts (CVE-2021-30465, CVE-2024-45310, CVE-2019-19921, CVE-2023-27561, CVE-2025-52881) --------------

@test "mounts: an image's /proc or /sys that is a link is refused" {
	local dir to
	bundle true
	for dir in proc sys; do
		rmdir "$BUNDLE/rootfs/$dir"
		mkdir -p "$BUNDLE/rootfs/elsewhere"
		for to in elsewhere /elsewhere "../../../../$VICTIM" "$VICTIM"; do
			ln -sfn "$to" "$BUNDLE/rootfs/$dir"
			refused "mount \"/$dir\"" run -b "$BUNDLE" "$ID"
		done
		rm "$BUNDLE/rootfs/$dir"
		mkdir "$BUNDLE/rootfs/$dir"
	done
	victim_untouched
}

@test "mounts: an image's /dev that is a link leads into the image" {
	local to
	bundle true
	rmdir "$BUNDLE/rootfs/dev"
	for to in "$VICTIM" "../../../../$VICTIM"; do
		ln -sfn "$to" "$BUNDLE/rootfs/dev"
		run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
		victim_untouched
	done
	# Without the tmpfs the devices go into the image itself (CVE-2026-41579).
	set_config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	for to in "$VICTIM" "../../../../$VICTIM"; do
		ln -sfn "$to" "$BUNDLE/rootfs/dev"
		run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
		[[ -c $BUNDLE/rootfs/$VICTIM/null ]]
		victim_untouched
	done
}

@test "mounts: destinations with .. and through links stay in the root" {
	local destination
	bundle grep -c " - tmpfs mine " /proc/self/mountinfo
	ln -s "$VICTIM" "$BUNDLE/rootfs/absolute"
	ln -s "../../../../../../$VICTIM" "$BUNDLE/rootfs/relative"
	set_config '.mounts += [{"destination": "", "type": "tmpfs", "source": "mine", "options": []}]'
	for destination in "/../../../../../$VICTIM/a" "a/../../../../../../$VICTIM/b" /absolute/c /relative/d "../$VICTIM/e"; do
		set_config '.mounts[-1].destination = $d' --arg d "$destination"
		run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
		assert_output 1
		victim_untouched
	done
}

@test "mounts: a directory that becomes a link and back, all the time" {
	local swapper runs=0
	bundle true
	mkdir -p "$BATS_TEST_TMPDIR/volume/dir" "$BATS_TEST_TMPDIR/data"
	ln -s "../../../../../../../../$VICTIM" "$BATS_TEST_TMPDIR/volume/link"
	set_config '.mounts += [
		{"destination": "/volume", "type": "bind", "source": ($d + "/volume"), "options": ["bind"]},
		{"destination": "/volume/dir/sub", "type": "bind", "source": ($d + "/data"), "options": ["bind"]},
		{"destination": "/volume/dir/file", "type": "bind", "source": "/etc/hostname", "options": ["bind"]},
		{"destination": "/volume/dir/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}]' \
		--arg d "$BATS_TEST_TMPDIR"
	"$ATTACK" swap "$BATS_TEST_TMPDIR/volume/dir" "$BATS_TEST_TMPDIR/volume/link" 3 >/dev/null 3>&- &
	swapper=$!
	while kill -0 "$swapper" 2>/dev/null; do
		# It may fail, for instance because the target vanished.
		timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID" >/dev/null 2>&1 3>&- || true
		runs=$((runs + 1))
	done
	wait "$swapper"
	((runs > 5))
	victim_untouched
	run -1 grep -F "$VICTIM" /proc/self/mountinfo
}

@test "procfs: nothing can stand in for it" {
	local mount
	bundle true
	mkdir -p "$BATS_TEST_TMPDIR/fake/self/attr"
	ln -s /proc "$BUNDLE/rootfs/linked"
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	for mount in '{"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}' \
		'{"destination": "/proc", "type": "bind", "source": "'"$BATS_TEST_TMPDIR/fake"'", "options": ["bind"]}' \
		'{"destination": "/proc", "type": "bind", "source": "/proc/self", "options": ["bind"]}' \
		'{"destination": "/proc/sys", "type": "tmpfs", "source": "tmpfs"}' \
		'{"destination": "/proc/self/attr", "type": "bind", "source": "'"$BATS_TEST_TMPDIR/fake"'", "options": ["bind"]}' \
		'{"destination": "/tmp/../proc/self", "type": "tmpfs", "source": "tmpfs"}' \
		'{"destination": "/linked/self", "type": "tmpfs", "source": "tmpfs"}'; do
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		set_config '.mounts += [$m]' --argjson m "$mount"
		refused "procfs" run -b "$BUNDLE" "$ID"
	done
	# A sysctl goes to the kernel, whatever the image has in /proc.
	cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
	mkdir -p "$BUNDLE/rootfs/proc/sys/kernel"
	ln -s "$VICTIM/x" "$BUNDLE/rootfs/proc/sys/kernel/shm_rmid_forced"
	set_config '.linux.sysctl = {"kernel.shm_rmid_forced": "1"}'
	run -0 nsrun run -b "$BUNDLE" "$ID" cat /proc/sys/kernel/shm_rmid_forced
	assert_output 1
	victim_untouched
}

@test "locked mount flags stay locked in a user namespace" {
	bundle sh -c 'grep -o " /m .*" /proc/self/mountinfo; mount -o remount,bind,rw /m; touch /m/x; true'
	mkdir "$BATS_TEST_TMPDIR/m"
	mount -t tmpfs -o ro,nosuid,nodev,noexec locked "$BATS_TEST_TMPDIR/m"
	user_namespace 0
	set_config 'del(.linux.seccomp) | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
		| .mounts += [{"destination": "/m", "type": "bind", "source": $m, "options": ["bind"]}]' --arg m "$BATS_TEST_TMPDIR/m"
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	assert_line --regexp "^ /m ro,nosuid,nodev,noexec"
	assert_output --partial "mount: "
	assert_output --partial "touch: "
	# To ask for it in the config is no way either.
	set_config '.mounts[-1].options = ["bind", "rw", "suid", "dev", "exec"]'
	run timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	((status != 0)) || assert_line --regexp "^ /m ro,nosuid,nodev,noexec"
	run -0 find "$BATS_TEST_TMPDIR/m" -mindepth 1
	assert_output ""
	umount "$BATS_TEST_TMPDIR/m"
}

# ---- devices (CVE-2025-31133, CVE-2025-52565, CVE-2026-41579) ---------------------------------------------

@test "devices: paths with .. or through the image's links stay in the root" {
	local path
	bundle true
	ln -s "$VICTIM" "$BUNDLE/rootfs/absolute"
	ln -s "../../../../../../$VICTIM" "$BUNDLE/rootfs/relative"
	ln -s "$VICTIM/last" "$BUNDLE/rootfs/last"
	for path in "/dev/../../../../../$VICTIM/a" "/../$VICTIM/b" /absolute/c /relative/d /dev/../absolute/e; do
		set_config '.linux.devices = [{"path": $p, "type": "c", "major": 1, "minor": 3}]' --arg p "$path"
		run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
		[[ -c $BUNDLE/rootfs/$VICTIM/${path##*/} ]]
		victim_untouched
	done
	# A link in the very place is no device.
	set_config '.linux.devices[0].path = "/last"'
	refused 'device "/last"' run -b "$BUNDLE" "$ID"
	victim_untouched
}

@test "devices: what the image has in the place of a default device or link does not count" {
	local link
	bundle true
	set_config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	echo secret >"$BUNDLE/rootfs/dev/null"
	refused 'device "/dev/null"' run -b "$BUNDLE" "$ID"
	ln -sf "$VICTIM/x" "$BUNDLE/rootfs/dev/null"
	refused 'device "/dev/null"' run -b "$BUNDLE" "$ID"
	rm "$BUNDLE/rootfs/dev/null"
	mknod "$BUNDLE/rootfs/dev/null" c 1 8
	refused 'device "/dev/null"' run -b "$BUNDLE" "$ID"
	rm "$BUNDLE/rootfs/dev/null"
	mkdir "$BUNDLE/rootfs/dev/null"
	refused 'device "/dev/null"' run -b "$BUNDLE" "$ID"
	rmdir "$BUNDLE/rootfs/dev/null"
	# The links are made beside, never through, what is there.
	for link in fd stdin stdout stderr core ptmx; do
		rm -f "$BUNDLE/rootfs/dev/$link"
		ln -s "$VICTIM/$link" "$BUNDLE/rootfs/dev/$link"
	done
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	assert_equal "$(readlink "$BUNDLE/rootfs/dev/ptmx")" pts/ptmx
	victim_untouched
}

@test "masked paths: a /dev of the image's own cannot lend its null device" {
	bundle sh -c 'cat /etc/secret; stat -c "%F %t:%T" /etc/secret'
	echo hidden >"$BUNDLE/rootfs/etc/secret"
	mkdir "$BATS_TEST_TMPDIR/dev"
	echo "from the fake device" >"$BATS_TEST_TMPDIR/dev/null"
	set_config 'del(.mounts[] | select(.destination | startswith("/dev")))
		| .mounts += [{"destination": "/dev", "type": "bind", "source": $d, "options": ["rbind"]}]
		| .linux.maskedPaths = ["/etc/secret"]' --arg d "$BATS_TEST_TMPDIR/dev"
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	assert_output "character special file 1:3"
	rm "$BATS_TEST_TMPDIR/dev/null"
	ln -s /etc/passwd "$BATS_TEST_TMPDIR/dev/null"
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	assert_output "character special file 1:3"
	# The host's node, lent for that, keeps its mode, even if root inside tries.
	run -1 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID" chmod 600 /etc/secret
	assert_equal "$(stat -c '%a %u %g' /dev/null)" "666 0 0"
}

@test "masked and read-only paths: a link is followed in the root, and what it leads to is masked" {
	bundle sh -c 'cat /etc/secret; ls /etc/secrets; cat /etc/away; echo no >/etc/fixed'
	echo hidden >"$BUNDLE/rootfs/etc/secret"
	mkdir "$BUNDLE/rootfs/etc/secrets"
	echo hidden >"$BUNDLE/rootfs/etc/secrets/one"
	echo fixed >"$BUNDLE/rootfs/etc/fixed"
	ln -s ../../../../etc/secret "$BUNDLE/rootfs/masked"
	ln -s /etc/secrets "$BUNDLE/rootfs/masked-dir"
	ln -s /etc/fixed "$BUNDLE/rootfs/fixed"
	ln -s "$VICTIM" "$BUNDLE/rootfs/etc/away"
	set_config '.linux.maskedPaths = ["/masked", "/masked-dir", "/etc/away"] | .linux.readonlyPaths = ["/fixed"]'
	run -1 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	refute_output --partial hidden
	refute_line one
	assert_output --partial "Read-only file system"
	assert_equal "$(<"$BUNDLE/rootfs/etc/fixed")" fixed
}

@test "stdio: given to the container's user, but never the null device" {
	local before
	before=$(stat -c '%a %u %g' /dev/null)
	bundle stat -L -c %u /proc/self/fd/1
	set_config '.process.user = {"uid": 1000, "gid": 1000}'
	"$NSRUN" run -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>/dev/null </dev/null 3>&-
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" 1000
	assert_equal "$(stat -c '%a %u %g' /dev/null)" "$before"
}

@test "terminal: a fake ptmx is found out, and nothing hangs on it" {
	local fake
	bundle true
	set_config '.process.terminal = true | del(.mounts[] | select(.destination == "/dev" or .destination == "/dev/pts"))'
	mkdir -p "$BUNDLE/rootfs/dev/"{pts,shm,mqueue}
	for fake in 'touch' 'mkfifo' 'ln -s ../../../../../../../../dev/ptmx' 'mkdir'; do
		rm -rf "$BUNDLE/rootfs/dev/pts/ptmx"
		$fake "$BUNDLE/rootfs/dev/pts/ptmx"
		run -1 --separate-stderr timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
		assert_equal "$stderr" "nsrun: run \"$ID\": make the terminal: open a terminal: the container's /dev/pts/ptmx is not the kernel's"
	done
	rm -rf "$BUNDLE/rootfs/dev/pts/ptmx"
	# Mounted over the true one.
	set_config '.mounts += [{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
		{"destination": "/dev/pts/ptmx", "type": "bind", "source": "/dev/zero", "options": ["bind"]}]'
	run -1 --separate-stderr timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	[[ $stderr == *"is not the kernel's"* ]]
}

@test "terminal: a /dev/console that is a link leads into the image" {
	bundle true
	set_config '.process.terminal = true | del(.mounts[] | select(.destination == "/dev"))'
	mkdir -p "$BUNDLE/rootfs/dev/"{pts,shm,mqueue} "$BUNDLE/rootfs/$VICTIM"
	ln -s "$VICTIM/console" "$BUNDLE/rootfs/dev/console"
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID" </dev/null
	victim_untouched
	run -1 grep -F "$VICTIM" /proc/self/mountinfo
}

# ---- cgroups ----------------------------------------------------------------------------------------------

escaped() { find / -maxdepth 3 -name "escape-$ID" ! -path '/proc/*' ! -path '/sys/fs/cgroup/*'; }

@test "cgroupsPath: .. stays in the hierarchy, its root is refused" {
	local path
	bundle cat /proc/self/cgroup
	set_config 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	for path in "/../../../escape-$ID" "../../../../../../../../escape-$ID" "/nsrun/../../escape-$ID"; do
		set_config '.linux.cgroupsPath = $p' --arg p "$path"
		run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
		assert_line --regexp "/escape-$ID\$"
		assert_equal "$(escaped)" ""
	done
	for path in / /.. /a/..; do
		set_config '.linux.cgroupsPath = $p' --arg p "$path"
		refused "linux.cgroupsPath" run -b "$BUNDLE" "$ID"
	done
}

# CVE-2023-25809
@test "cgroups: without a cgroup namespace a user namespace's root cannot write to the host's" {
	bundle sh -c 'n=0; for d in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -d $d ] || n=$((n + 1)); mkdir "$d/escape" && echo "made $d/escape"; done; echo $n seen'
	user_namespace 0
	set_config 'del(.linux.namespaces[] | select(.type == "cgroup" or .type == "network"))
		| (.mounts[] | select(.destination == "/sys")) |= {"destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind", "ro"]}'
	run -0 timeout 20 "$NSRUN" run -b "$BUNDLE" "$ID"
	refute_output --partial made
	assert_line --regexp '^[1-9][0-9]* seen$'
	assert_output --partial "Read-only file system"
}

# ---- exec -------------------------------------------------------------------------------------------------

# CVE-2022-29162
@test "exec: no inheritable and no ambient capabilities" {
	bundle
	set_config '.process.capabilities |= (.inheritable = .bounding | .ambient = .bounding)'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" grep -E 'Cap(Inh|Amb)' /proc/self/status
	assert_output "$(printf 'CapInh:\t%016d\nCapAmb:\t%016d' 0 0)"
	run -0 nsrun exec --cap CAP_NET_RAW "$ID" grep -E 'Cap(Inh|Amb)' /proc/self/status
	assert_output "$(printf 'CapInh:\t%016d\nCapAmb:\t%016d' 0 0)"
}

# Init waits with every capability of its user namespace; exec brings in code that was given one of them.
@test "a created container's init cannot be traced, read or robbed from inside" {
	bundle
	user_namespace 100000
	set_config 'del(.linux.seccomp) | .process.capabilities = {bounding: $c, effective: $c, permitted: $c}' --argjson c '["CAP_SYS_PTRACE"]'
	launch create -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" attack trace 1
	refute_output --partial DONE
	assert_equal "${#lines[@]}" 4
	run -0 nsrun start "$ID"
	run -0 nsrun exec "$ID" id -u
	assert_output 0
}

@test "exec works where the container's program cannot be read, and so cannot be looked into" {
	bundle
	user_namespace 100000
	chmod 111 "$BUNDLE/rootfs/bin/busybox"
	set_config '.process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" id -u
	assert_output 1000
}

# CVE-2021-43784, for our own protocol.
@test "the start socket: garbage starts nothing and harms nothing" {
	local dir=/run/nsrun/containers/$ID
	bundle
	launch create -b "$BUNDLE" "$ID"
	assert_equal "$(stat -c '%a %u' "$dir/start")" "600 0"
	run -0 timeout 20 "$ATTACK" packets "$dir/start"
	assert_status created
	run -0 timeout 10 "$NSRUN" start "$ID"
	assert_status running
	[[ ! -e $dir/start ]]
}
