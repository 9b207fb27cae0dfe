#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Hooks at all six points: when, where, with what on stdin, and what their failure does (runtime-spec,
# runtime.md "Lifecycle" and config.md "POSIX-platform Hooks").

load ../helpers

POINTS=(prestart createRuntime createContainer startContainer poststart poststop)

# $SEEN is what the hooks write to; in the container it is /hooks/seen.
setup()
{
	test_begin
	make_bundle "$BUNDLE"
	SEEN=$BUNDLE/rootfs/hooks/seen
	mkdir "$BUNDLE/rootfs/hooks"
	set_config '.root.readonly = false'
	: >"$SEEN"
}

# hook POINT COMMAND [JQ]: one more hook, which is sh -c COMMAND by the busybox that host and container have at
# /bin. JQ, such as '{timeout: 1}', is added to it. COMMAND finds $SEEN as $seen, wherever it runs.
hook()
{
	local seen=$SEEN
	[[ $1 != startContainer ]] || seen=/hooks/seen
	set_config '.hooks[$point] += [{path: "/bin/busybox", args: ["sh", "-c", $command],
		env: ["PATH=/bin", "seen=\($seen)"]} + '"${3-{\}}"']' \
		--arg point "$1" --arg command "$2" --arg seen "$seen"
}

seen() { cat "$SEEN"; }

@test "all six, in order, each point's hooks in the order of the file" {
	local point
	for point in "${POINTS[@]}"; do
		hook "$point" "echo $point 1 >>\$seen"
		hook "$point" "echo $point 2 >>\$seen"
	done
	set_args sh -c 'echo program >>/hooks/seen'
	launch create -b "$BUNDLE" "$ID"
	assert_equal "$(seen)" "$(printf '%s 1\n%s 2\n' prestart{,} createRuntime{,} createContainer{,})"
	nsrun start "$ID"
	wait_until is_status stopped
	assert_equal "$(seen | grep -v program | tail -n 4)" "$(printf '%s 1\n%s 2\n' startContainer{,} poststart{,})"
	# The program comes after startContainer; poststart may run beside it.
	(($(seen | grep -n program | cut -d: -f1) > 8))
	nsrun delete "$ID"
	assert_equal "$(seen | tail -n 2)" "$(printf 'poststop 1\npoststop 2')"
	# The same by run.
	: >"$SEEN"
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_equal "$(seen | grep -v program)" "$(for point in "${POINTS[@]}"; do printf '%s 1\n%s 2\n' "$point" "$point"; done)"
}

@test "the state on stdin, with the status of each point" {
	local point pid state
	for point in "${POINTS[@]}"; do
		hook "$point" "{ printf '$point '; cat; echo; } >>\$seen"
	done
	set_config '.annotations = {"org.example.key": "value \"quoted\""}'
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	nsrun delete --force "$ID"
	for point in "${POINTS[@]}"; do
		state=$(seen | sed -n "s/^$point //p")
		case $point in
		poststart) status=running ;;
		poststop) status=stopped ;;
		*) status=created ;;
		esac
		jq -e --arg id "$ID" --arg bundle "$BUNDLE" --arg status "$status" '.ociVersion == "1.3.0" and .id == $id and
			.bundle == $bundle and .status == $status and .annotations["org.example.key"] == "value \"quoted\""' \
			<<<"$state" >/dev/null || fail "$point: $state"
		# The pid as the host sees it; none after the end.
		if [[ $point == poststop ]]; then
			assert_equal "$(jq '.pid // 0' <<<"$state")" 0
		else
			assert_equal "$point $(jq .pid <<<"$state")" "$point $pid"
		fi
	done
}

@test "the namespaces that each runs in, its directory and its root" {
	local point container runtime
	for point in "${POINTS[@]}"; do
		hook "$point" "{ printf '$point '
			for n in mnt net uts pid cgroup; do readlink /proc/self/ns/\$n; done | tr '\n' ' '; pwd; } >>\$seen"
	done
	hook createContainer "[ -e $BUNDLE/config.json ] && echo bundle visible >>\$seen"
	hook startContainer "[ -e /hooks ] && [ ! -e $BUNDLE ] && echo inside >>\$seen"
	launch run -d -b "$BUNDLE" "$ID"
	container=$(for n in mnt net uts pid cgroup; do readlink "/proc/$(pid_of "$ID")/ns/$n"; done | xargs)
	runtime=$(for n in mnt net uts pid cgroup; do readlink "/proc/self/ns/$n"; done | xargs)
	nsrun delete --force "$ID"
	for point in prestart createRuntime poststart poststop; do
		assert_equal "$(seen | grep "^$point ")" "$point $runtime $BUNDLE"
	done
	assert_equal "$(seen | grep ^createContainer)" "createContainer $container $BUNDLE"
	assert_equal "$(seen | grep ^startContainer)" "startContainer $container /"
	seen | grep -qx "bundle visible"
	seen | grep -qx inside
}

@test "createRuntime finds the namespaces made and the root not yet entered" {
	hook createRuntime "pid=\$(sed 's/.*\"pid\": *\([0-9]*\).*/\1/' | head -n 1); readlink /proc/\$pid/ns/net >>\$seen
		grep -c '$BUNDLE/rootfs ' /proc/\$pid/mountinfo >>\$seen; cat /proc/\$pid/cgroup | head -n 1 >>\$seen"
	launch create -b "$BUNDLE" "$ID"
	assert_equal "$(seen | head -n 1)" "$(readlink "/proc/$(pid_of "$ID")/ns/net")"
	assert_equal "$(seen | sed -n 2p)" 1
	assert_equal "$(seen | tail -n 1)" "$(head -n 1 "/proc/$(pid_of "$ID")/cgroup")"
}

@test "a createRuntime hook may finish the network, a createContainer hook the mounts" {
	hook createRuntime 'pid=$(tr "," "\n" | sed -n "s/.*\"pid\": *//p"); nsenter -n -t $pid ip link add name dum0 type bridge'
	hook createContainer "mkdir $BUNDLE/rootfs/late && mount -t tmpfs late $BUNDLE/rootfs/late && touch $BUNDLE/rootfs/late/file"
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'ls /sys/class/net /late'
	assert_line dum0
	assert_line file
	[[ ! -e $BUNDLE/rootfs/late/file ]]
}

@test "env is exactly the config's, argv[0] is kept, missing args mean the path alone" {
	printf '#!/bin/busybox sh\necho "$0 $#" >>%s\n' "$SEEN" >"$BUNDLE/script"
	chmod 755 "$BUNDLE/script"
	# The busybox that is called "sh" is one, whatever its file is called.
	set_config '.hooks.prestart = [
		{path: "/bin/busybox", args: ["sh", "-c", "exec >>$1; tr \"\\0\" \"\\n\" </proc/$$/environ; echo end", "zero", $seen],
			env: ["PATH=/bin", "X=two words"]},
		{path: "/bin/busybox", args: ["sh", "-c", "exec >>$1; /bin/busybox wc -c </proc/$$/environ", "zero", $seen]},
		{path: $script}]' --arg seen "$SEEN" --arg script "$BUNDLE/script"
	OUTSIDE=1 launch create -b "$BUNDLE" "$ID"
	assert_equal "$(seen)" "PATH=/bin
X=two words
end
0
$BUNDLE/script 0"
}

@test "only stdin, stdout and stderr are open; signals are at their defaults" {
	local point
	for point in "${POINTS[@]}"; do
		hook "$point" "{ echo $point; ls -l /proc/self/fd | grep -v /proc | grep -E ' ([3-9]|[0-9][0-9]) ->'
			grep -E 'Sig(Blk|Ign)' /proc/self/status; } >>\$seen"
	done
	run -0 bash -c 'trap "" USR1; exec 7</etc/passwd; exec "$NSRUN" run -b "$1" "$2" true' - "$BUNDLE" "$ID"
	assert_equal "$(seen | grep -c "0000000000000000")" 12
	refute [ "$(seen | grep -c -e '->')" -gt 0 ]
}

@test "a failure of prestart, createRuntime or createContainer: create fails, poststop runs, nothing stays" {
	local point
	for point in prestart createRuntime createContainer; do
		set_config 'del(.hooks)'
		: >"$SEEN"
		hook "$point" "echo first >>\$seen"
		hook "$point" 'echo told; echo complained >&2; exit 7'
		hook "$point" "echo never >>\$seen"
		hook poststop "{ echo poststop; cat; } >>\$seen"
		refused "error running $point hook #1: exit status 7, stdout: told, stderr: complained" create -b "$BUNDLE" "$ID"
		refused "container does not exist" state "$ID"
		assert_equal "$(seen | head -n 2)" "$(printf 'first\npoststop')"
		seen | tail -n +3 | jq -e '.status == "stopped"'
		refused "error running $point hook #1: exit status 7" run -b "$BUNDLE" "$ID"
		refused "container does not exist" state "$ID"
		nothing_left netns cgroup mount process
	done
}

@test "a failure of startContainer: start fails, the program never runs, the container goes, poststop runs" {
	hook startContainer 'echo told; exit 7'
	hook poststart "echo never >>\$seen"
	hook poststop "echo poststop >>\$seen"
	set_args sh -c 'echo program >>/hooks/seen'
	launch create -b "$BUNDLE" "$ID"
	refused "error running startContainer hook #0: exit status 7, stdout: told, stderr:" start "$ID"
	refused "container does not exist" state "$ID"
	assert_equal "$(seen)" poststop
	refused "error running startContainer hook #0" run -b "$BUNDLE" "$ID"
	refused "container does not exist" state "$ID"
	assert_equal "$(seen)" "$(printf 'poststop\npoststop')"
	nothing_left netns cgroup mount process
}

@test "a failure of poststart: an error, the container is stopped and goes, poststop runs" {
	hook poststart "echo first >>\$seen"
	hook poststart 'exit 7'
	hook poststart "echo never >>\$seen"
	hook poststop "echo poststop >>\$seen"
	launch create -b "$BUNDLE" "$ID"
	refused "error running poststart hook #1: exit status 7" start "$ID"
	refused "container does not exist" state "$ID"
	refused "error running poststart hook #1: exit status 7" run -d -b "$BUNDLE" "$ID"
	refused "container does not exist" state "$ID"
	assert_equal "$(seen)" "$(printf 'first\npoststop\nfirst\npoststop')"
	nothing_left netns cgroup mount process
}

@test "a failure of poststop is a warning, and the others still run" {
	hook poststop 'echo told; exit 7'
	hook poststop "echo second >>\$seen"
	launch create -b "$BUNDLE" "$ID"
	run -0 --separate-stderr nsrun delete "$ID"
	assert_equal "$stderr" "nsrun: warning: error running poststop hook #0: exit status 7, stdout: told, stderr:"
	assert_equal "$(seen)" second
	run -5 --separate-stderr nsrun run -b "$BUNDLE" "$ID" sh -c 'exit 5'
	[[ $stderr == "nsrun: warning: "*poststop* ]]
}

@test "hooks that cannot be executed, that die by a signal, that are wrong in the file" {
	set_config '.hooks.prestart = [{path: "/no/such/hook"}]'
	refused 'error running prestart hook #0: "/no/such/hook": missing' create -b "$BUNDLE" "$ID"
	set_config '.hooks.prestart = [{path: "/etc/passwd"}]'
	refused 'error running prestart hook #0: "/etc/passwd": access refused' create -b "$BUNDLE" "$ID"
	set_config 'del(.hooks)'
	hook createRuntime 'kill -9 $$'
	refused 'error running createRuntime hook #0: signal: killed' create -b "$BUNDLE" "$ID"
	set_config '.hooks = {prestart: [{path: "bin/true"}]}'
	refused 'config.json: hooks.prestart[0].path: "bin/true" is not an absolute path' create -b "$BUNDLE" "$ID"
	set_config '.hooks = {poststop: [{path: "/bin/true", timeout: 0}]}'
	refused 'config.json: hooks.poststop[0].timeout: must be above 0' create -b "$BUNDLE" "$ID"
}

@test "the timeout kills the hook with its group" {
	local begin=$SECONDS
	hook createRuntime "sleep 1234 & echo \$! >>\$seen; trap '' TERM; echo told; sleep 1234" '{timeout: 1}'
	run -1 timeout 20 "$NSRUN" create -b "$BUNDLE" "$ID"
	assert_output --partial "error running createRuntime hook #0: hook ran past specified timeout of 1s, stdout: told"
	((SECONDS - begin < 10))
	wait_until test ! -d "/proc/$(seen)"
	# In the container as well.
	set_config 'del(.hooks)'
	hook startContainer "sleep 1234" '{timeout: 1}'
	run -1 timeout 20 "$NSRUN" run -b "$BUNDLE" "$ID"
	assert_output --partial "error running startContainer hook #0: hook ran past specified timeout of 1s"
}

@test "the timeout of poststart stops the container, that of poststop is a warning; their groups are gone" {
	local begin=$SECONDS
	hook poststart "sleep 1234 & echo \$! >>\$seen; sleep 1234" '{timeout: 1}'
	run -1 timeout 20 "$NSRUN" run -d -b "$BUNDLE" "$ID"
	assert_output --partial "error running poststart hook #0: hook ran past specified timeout of 1s"
	refused "container does not exist" state "$ID"
	wait_until test ! -d "/proc/$(seen)"
	set_config 'del(.hooks)'
	: >"$SEEN"
	hook poststop "sleep 1234 & echo \$! >>\$seen; sleep 1234" '{timeout: 1}'
	hook poststop "echo second >>\$seen"
	run -0 --separate-stderr timeout 20 "$NSRUN" run -b "$BUNDLE" "$ID" true
	[[ $stderr == "nsrun: warning: error running poststop hook #0: hook ran past specified timeout of 1s"* ]]
	assert_equal "$(seen | tail -n 1)" second
	wait_until test ! -d "/proc/$(seen | head -n 1)"
	((SECONDS - begin < 20))
}

@test "a hook's output reaches the log of an engine, whole, in one line of JSON" {
	hook createContainer 'printf "two\nlines\t\"quoted\""; echo complained >&2; exit 3'
	run -1 nsrun --log "$BATS_TEST_TMPDIR/log" --log-format json create -b "$BUNDLE" "$ID"
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/log")" 1
	run -0 jq -r .msg "$BATS_TEST_TMPDIR/log"
	assert_output --partial $'error running createContainer hook #0: exit status 3, stdout: two\nlines\t"quoted", stderr: complained'
}

@test "a hook that reads nothing, though the state is large" {
	local point
	set_config '.annotations = ([range(2000) | {key: "org.example.key\(.)", value: ("v" * 100)}] | from_entries)'
	for point in "${POINTS[@]}"; do hook "$point" "exec <&-; echo $point >>\$seen"; done
	run -0 timeout 20 "$NSRUN" run -b "$BUNDLE" "$ID" true
	assert_equal "$(seen | xargs)" "${POINTS[*]}"
	# And one that reads it all.
	set_config 'del(.hooks)'
	hook prestart 'wc -c >>$seen'
	run -0 timeout 20 "$NSRUN" run -b "$BUNDLE" "$ID" true
	(($(seen | tail -n 1) > 200000))
}

@test "a hook that leaves a child with its descriptors does not hold anybody" {
	local begin=$SECONDS point
	for point in prestart createContainer poststart; do
		hook "$point" "sleep 1234 & echo \$! >>\$seen"
	done
	timeout 20 "$NSRUN" run -d -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
	((SECONDS - begin < 10))
	assert_status running
	# That child is left alone.
	kill "$(seen | head -n 1)" "$(seen | tail -n 1)"
	run -0 nsrun delete --force "$ID"
}

@test "a hook that prints without end is cut, in the middle of its text" {
	hook createRuntime 'echo begin; seq 1 200000; echo end; exit 1'
	run -1 timeout 20 "$NSRUN" create -b "$BUNDLE" "$ID"
	assert_output --partial "stdout: begin"
	assert_output --partial "[...]"
	assert_output --partial "end, stderr: "
	((${#output} < 8192))
}

gone() { [[ ! -e /proc/$1 ]]; }

@test "a create that is killed in a hook: delete --force runs poststop and leaves nothing" {
	local creator
	hook createRuntime "echo \$\$ >>\$seen; exec sleep 1234"
	hook poststop "echo poststop >>\$seen"
	"$NSRUN" create -b "$BUNDLE" "$ID" >/dev/null 2>&1 </dev/null 3>&- &
	creator=$!
	wait_until test -s "$SEEN"
	kill -KILL "$creator"
	wait "$creator" || true
	wait_until gone "$(seen | head -n 1)" # the hook goes with its runtime
	run -0 timeout 20 "$NSRUN" delete --force "$ID"
	assert_equal "$(seen | tail -n 1)" poststop
}

@test "with a network: hooks find it up" {
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	local net=h-${ID##*-}
	nsrun network create "$net"
	hook createRuntime 'pid=$(tr "," "\n" | sed -n "s/.*\"pid\": *//p"); nsenter -n -t $pid ip -o addr show eth0 >>$seen'
	run -0 nsrun run --network "$net" -b "$BUNDLE" "$ID" ip -o addr show eth0
	grep -q "inet 10\." "$SEEN"
	# A failing one leaves nothing of it.
	hook createRuntime 'exit 1'
	refused "error running createRuntime hook #1" run --network "$net" -b "$BUNDLE" "$ID"
	run -0 nsrun network rm "$net"
}
