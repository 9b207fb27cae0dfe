#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Configs, images, files of state and readers that mean no good, or are just odd: what runtimes get wrong without
# a CVE to show for it. See also security.bats; tests/attack.c is the attacker's tool.

load ../helpers

setup()
{
	test_begin
	ATTACK=${BUILD:-$(dirname "$NSRUN")}/tests/attack
	[[ -x $ATTACK ]] || fail "$ATTACK: not built; make check does it"
}

# bundle [ARG...]: as make_bundle, writable and with the attacker's tool.
bundle()
{
	make_bundle "$BUNDLE" "$@"
	set_config '.root.readonly = false'
	cp "$ATTACK" "$BUNDLE/rootfs/bin/attack"
}

host_pids() { set_config 'del(.linux.namespaces[] | select(.type == "pid"))'; }

# ---- config.json ------------------------------------------------------------------------------------------

# text_refused TEXT...: each of them, as config.json.
text_refused()
{
	local text
	for text; do
		printf '%s' "$text" >"$BUNDLE/config.json"
		refused "config.json" run -b "$BUNDLE" "$ID"
	done
}

@test "JSON: no NUL in any string or key" {
	local base
	bundle true
	base=$(jq -c . "$BUNDLE/config.json")
	# C would cut these short.
	text_refused "${base/'"true"'/'"/bin/true\u0000x"'}" "${base/'"cwd":"/"'/'"cwd":"/\u0000x"'}" \
		"${base/'{'/'{"annotations":{"a\u0000b":"c"},'}" "${base/'{'/'{"a\u0000b":"c",'}" \
		"${base/'"destination":"/proc"'/'"destination":"/proc\u0000"'}"
	printf '%s' "${base/'"true"'/'"true"@'}" | tr @ '\0' >"$BUNDLE/config.json"
	refused "config.json" run -b "$BUNDLE" "$ID"
}

@test "JSON: no key twice, nothing after the end, no comments" {
	local base
	bundle true
	base=$(jq -c . "$BUNDLE/config.json")
	text_refused "${base/'"cwd":"/"'/'"cwd":"/","cwd":"/tmp"'}" "${base/'{'/'{"unknown":{"a":1,"a":2},'}" \
		"$base x" "$base$base" "$base]" "${base%\}}" "${base%\}},}" "// comment
$base" "${base/'"/"'/"'/'"}" "" "null" "[]" '"x"' "${base/:true/:TRUE}"
	# Deep, but not for ever.
	text_refused "${base/'{'/'{"unknown":'"$(printf '[%.0s' {1..100000})$(printf ']%.0s' {1..100000}),"}"
}

@test "JSON: numbers are checked before they are cut to size" {
	local base number
	bundle true
	base=$(jq -c . "$BUNDLE/config.json")
	for number in -1 4294967295 4294967296 18446744073709551616 0.5 1e3 '"0"' 0x10 01 true '[]'; do
		text_refused "${base/'"uid":0'/"\"uid\":$number"}"
	done
	for number in 65536 -1 1e400 4294967299; do
		text_refused "${base/'"linux":{'/"\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":$number,\"minor\":1}],"}"
	done
}

@test "config: relative paths, doubled limits and namespaces are refused" {
	local filter key
	bundle true
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	while IFS='|' read -r key filter; do
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		set_config "$filter"
		refused "config.json: $key" run -b "$BUNDLE" "$ID"
	done <<'END'
process.cwd|.process.cwd = "tmp"
process.cwd|.process.cwd = ""
linux.maskedPaths[0]|.linux.maskedPaths = ["etc/passwd"]
linux.readonlyPaths[1]|.linux.readonlyPaths = ["/etc", "../etc/passwd"]
linux.devices[0].path|.linux.devices = [{"path": "dev/x", "type": "c", "major": 1, "minor": 3}]
hooks.prestart[0].path|.hooks.prestart = [{"path": "bin/true"}]
hooks.createRuntime[0].path|.hooks.createRuntime = [{"path": "true"}]
hooks.createContainer[1].path|.hooks.createContainer = [{"path": "/bin/true"}, {"path": "./true"}]
hooks.startContainer[0].path|.hooks.startContainer = [{"path": ""}]
hooks.poststart[0].path|.hooks.poststart = [{"path": "../bin/true"}]
hooks.poststop[0].path|.hooks.poststop = [{"path": "true"}]
linux.namespaces[|.linux.namespaces[1].path = "proc/1/ns/ipc"
process.rlimits[1]|.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}, {"type": "RLIMIT_CORE", "soft": 1, "hard": 1}]
process.rlimits[0].soft|.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]
linux.namespaces[|.linux.namespaces += [{"type": "ipc"}]
END
}

@test "environment: 100,000 variables in linear time, the last of a name wins" {
	bundle env
	jq -c '.process.env = ["PATH=/bin", "TWICE=first"] + [range(100000) | "V\(.)=x"] + ["TWICE=last"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/new"
	mv "$BATS_TEST_TMPDIR/new" "$BUNDLE/config.json"
	timeout 5 "$NSRUN" run -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 3>&-
	(($(wc -l <"$BATS_TEST_TMPDIR/out") >= 100002))
	grep -qx V99999=x "$BATS_TEST_TMPDIR/out"
	assert_equal "$(grep TWICE "$BATS_TEST_TMPDIR/out")" TWICE=last
}

@test "a container without /proc starts, and exec works in it" {
	bundle
	set_config 'del(.mounts[] | select(.destination == "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" ls /proc
	assert_output ""
	run -0 nsrun exec -t "$ID" echo hello
	assert_output hello
	set_config 'del(.mounts)'
	run -0 nsrun run -b "$BUNDLE" "$ID-2" echo hello
	assert_output hello
}

# ---- files of the bundle and of state ---------------------------------------------------------------------

@test "config.json: a fifo, a device or one without an end does not hang create" {
	bundle
	rm "$BUNDLE/config.json"
	mkfifo "$BUNDLE/config.json"
	run -1 --separate-stderr timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	[[ $stderr == *"config.json"*"not a regular file"* ]]
	rm "$BUNDLE/config.json"
	ln -s /dev/zero "$BUNDLE/config.json"
	run -1 --separate-stderr timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	[[ $stderr == *"config.json"*"not a regular file"* ]]
	rm "$BUNDLE/config.json"
	truncate -s 1G "$BUNDLE/config.json"
	refused "config.json" run -b "$BUNDLE" "$ID"
}

@test "pid file: never through a link, also by exec" {
	bundle
	echo untouched >"$BATS_TEST_TMPDIR/victim"
	ln -s victim "$BATS_TEST_TMPDIR/pid"
	launch run -d -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	[[ ! -L $BATS_TEST_TMPDIR/pid ]]
	assert_equal "$(<"$BATS_TEST_TMPDIR/pid")" "$(pid_of "$ID")"
	ln -sf victim "$BATS_TEST_TMPDIR/pid"
	launch exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	[[ ! -L $BATS_TEST_TMPDIR/pid ]]
	assert_equal "$(readlink "/proc/$(<"$BATS_TEST_TMPDIR/pid")/exe")" /bin/busybox
	assert_equal "$(<"$BATS_TEST_TMPDIR/victim")" untouched
	run -0 find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'pid.*'
	assert_output ""
}

@test "record.json: a fifo, a link or a stranger's file in its place hangs and fools nobody" {
	local dir=/run/nsrun/containers/$ID good=/run/nsrun/containers/$ID-2/record.json what verb
	bundle
	launch run -d -b "$BUNDLE" "$ID-2"
	mkdir -p "$dir"
	for what in mkfifo "ln -s $good" 'ln -s /dev/zero' mkdir 'cp /etc/passwd' "cp $good"; do
		$what "$dir/record.json"
		run -0 timeout 10 "$NSRUN" list
		assert_line --regexp "^$ID-2 +[0-9]+ +running "
		for verb in state start delete 'exec -d' kill; do
			# shellcheck disable=SC2086 # a verb and its option
			run timeout 10 "$NSRUN" $verb "$ID" true
			((status == 1 || status == 255)) || fail "$verb with $what: status $status: $output"
		done
		assert_status running "$ID-2"
		rm -rf "$dir/record.json"
	done
	mkfifo "$dir/record.json"
	run -0 timeout 20 "$NSRUN" delete --force "$ID"
	[[ ! -e $dir ]]
	# The directory itself as a link.
	ln -s "$ID-2" "$dir"
	refused "container does not exist" state "$ID"
	run -0 timeout 10 "$NSRUN" delete --force "$ID"
	assert_status running "$ID-2"
	rm "$dir"
}

@test "files of state: nobody else's to read or to write" {
	bundle
	launch create -b "$BUNDLE" "$ID"
	assert_equal "$(stat -c '%a %u' /run/nsrun/containers/"$ID"/{record.json,config.json,start} | sort -u)" "600 0"
	run -0 find /run/nsrun -perm /022 ! -type l ! -type s
	assert_output ""
	run -0 find /run/nsrun -mindepth 1 -maxdepth 3 -type d -perm /055 ! -perm 755 ! -perm 711
	assert_output ""
	# Others do not learn who is there.
	assert_equal "$(stat -c %a /run/nsrun/containers)" 711
}

# ---- cgroups ----------------------------------------------------------------------------------------------

@test "a pid that cannot be written to a cgroup is an error, and the process does not run" {
	local mount=/sys/fs/cgroup dir
	bundle touch /ran
	[[ -e $mount/cgroup.procs ]] || mount=/sys/fs/cgroup/unified
	[[ -e $mount/cgroup.procs ]] || skip "no cgroup v2 here"
	# A threaded cgroup's child that is not threaded takes no processes (cgroups(7), "domain invalid").
	dir=$mount/$ID
	mkdir -p "$dir/sub"
	echo threaded >"$dir/cgroup.type"
	assert_equal "$(<"$dir/sub/cgroup.type")" "domain invalid"
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID/sub"
	refused "cgroup" run -b "$BUNDLE" "$ID"
	[[ ! -e $BUNDLE/rootfs/ran ]]
	# Not ours, so still there.
	rmdir "$dir/sub" "$dir"
}

@test "exec --cgroup into one that is not there, or outside, is an error, and the process does not run" {
	local sub
	bundle
	launch run -d -b "$BUNDLE" "$ID"
	for sub in nosuch .. ../.. /../..; do
		run -255 --separate-stderr timeout 10 "$NSRUN" exec --cgroup "$sub" "$ID" touch /ran
		[[ $stderr == *cgroup* ]]
		[[ ! -e $BUNDLE/rootfs/ran ]]
	done
}

# ---- exec -------------------------------------------------------------------------------------------------

@test "exec: no_new_privs, umask, limits, filter and keyring are the container's" {
	bundle
	set_config '.process.noNewPrivileges = true | .process.user.umask = 23
		| .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 111, "hard": 222}]
		| .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" sh -c 'grep -E "^(NoNewPrivs|Seccomp|Umask):" /proc/self/status; ulimit -n; ulimit -Hn'
	assert_output "$(printf 'Umask:\t0027\nNoNewPrivs:\t1\nSeccomp:\t2\n111\n222')"
	run -1 nsrun exec "$ID" mkdir /dev/new
	assert_output --partial "Permission denied"
	run -0 nsrun exec "$ID" attack keys
	assert_output --regexp "_ses\.$ID\$"
}

# ---- who may keep whom waiting ----------------------------------------------------------------------------

# ends_soon ARG...: nsrun ARG... ends although its stdout is a pipe that nobody reads, and whose end others hold.
ends_soon()
{
	local fifo=$BATS_TEST_TMPDIR/fifo
	rm -f "$fifo"
	mkfifo "$fifo"
	exec 9<>"$fifo"
	status=0
	timeout 10 "$NSRUN" "$@" >"$fifo" 2>"$BATS_TEST_TMPDIR/stderr" </dev/null 3>&- 9>&- || status=$?
	exec 9>&-
	((status != 124)) || fail "nsrun $*: did not end: $(<"$BATS_TEST_TMPDIR/stderr")"
}

@test "run and exec end with their process, not with its children" {
	bundle
	host_pids
	ends_soon run -b "$BUNDLE" "$ID" sh -c 'sleep 1000 & exit 7'
	assert_equal "$status" 7
	launch run -d -b "$BUNDLE" "$ID"
	ends_soon exec "$ID" sh -c 'sleep 1000 & exit 8'
	assert_equal "$status" 8
	ends_soon exec -t "$ID" sh -c 'sleep 1000 & exit 9'
	assert_equal "$status" 9
}

@test "run and exec with a terminal end although nobody reads what they print" {
	bundle
	set_config '.process.terminal = true'
	ends_soon run -b "$BUNDLE" "$ID" sh -c 'attack flood 1000000 & while ! grep -q " S " /proc/$!/stat; do :; done; exit 7'
	assert_equal "$status" 7
	set_config '.process.terminal = false'
	launch run -d -b "$BUNDLE" "$ID"
	ends_soon exec -t "$ID" sh -c 'attack flood 1000000 & while ! grep -q " S " /proc/$!/stat; do :; done; exit 8'
	assert_equal "$status" 8
}

# hook COMMAND [MEMBERS]: as createRuntime.
hook()
{
	set_config '.hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", $c]} + $t]}' \
		--arg c "$1" --argjson t "${2-{\}}"
}

@test "hooks: waited for by their process, not by who holds their output; killed whole at the time-out" {
	local group=$BATS_TEST_TMPDIR/group
	bundle true
	hook "echo \$\$ >$group; sleep 1000 & exit 0"
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	kill -- -"$(<"$group")"
	hook "echo \$\$ >$group; sleep 1001 & sleep 1000" '{"timeout": 1}'
	refused "createRuntime hook #0" run -b "$BUNDLE" "$ID"
	run -1 pgrep -g "$(<"$group")"
	# A flood is cut, not waited out and not kept.
	hook "cat /dev/zero" '{"timeout": 1}'
	run -1 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	((${#output} < 9000))
}
