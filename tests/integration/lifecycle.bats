#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# create, start, run, state, list, kill, delete, ps: the life of a container, as engines drive it.

load ../helpers

@test "create, start, kill, delete" {
	make_bundle "$BUNDLE"
	launch create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	assert_status created
	assert_equal "$(<"$BATS_TEST_TMPDIR/pid")" "$(pid_of "$ID")"
	run -0 nsrun start "$ID"
	assert_status running
	assert_equal "$(readlink "/proc/$(pid_of "$ID")/exe")" /bin/busybox
	run -0 nsrun kill "$ID" KILL
	wait_until is_status stopped
	assert_equal "$(pid_of "$ID")" 0
	run -0 nsrun delete "$ID"
	refused "container does not exist" state "$ID"
}

@test "the pid file has no newline, and a link in its place is replaced, not followed" {
	make_bundle "$BUNDLE"
	echo untouched >"$BATS_TEST_TMPDIR/victim"
	ln -s victim "$BATS_TEST_TMPDIR/pid"
	launch create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/pid")" 0
	assert_equal "$(<"$BATS_TEST_TMPDIR/victim")" untouched
	[[ ! -L $BATS_TEST_TMPDIR/pid ]]
}

@test "run gives the process's exit status, or 128 and the signal" {
	make_bundle "$BUNDLE" sh -c 'exit 37'
	run -37 nsrun run -b "$BUNDLE" "$ID"
	set_args sh -c 'sh -c "kill -9 \$PPID" & wait'
	set_config 'del(.linux.namespaces[] | select(.type == "pid"))'
	run -137 nsrun run -b "$BUNDLE" "$ID"
}

@test "run passes stdin, stdout and stderr" {
	make_bundle "$BUNDLE" sh -c 'cat; echo error >&2'
	run -0 --separate-stderr bash -c '"$NSRUN" run -b "$1" "$2" <<<hello' - "$BUNDLE" "$ID"
	assert_output hello
	assert_equal "$stderr" error
}

@test "arguments after the id replace process.args" {
	make_bundle "$BUNDLE"
	run -0 nsrun run -b "$BUNDLE" "$ID" echo one "two three"
	assert_output "one two three"
}

@test "a short-lived process is never missed" {
	make_bundle "$BUNDLE" true
	for i in {1..30}; do
		run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID"
	done
}

@test "run -d leaves no process of nsrun behind, and prints nothing" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	assert_output ""
	assert_status running
	assert_equal "$(cat "/proc/$(pid_of "$ID")/comm")" sleep
	run -1 pgrep -x nsrun
	run -0 nsrun delete --force "$ID"
}

@test "run of a process that cannot start leaves nothing" {
	make_bundle "$BUNDLE" nosuchprogram
	run -1 --separate-stderr nsrun run -b "$BUNDLE" "$ID"
	[[ $stderr == *'exec: "nosuchprogram": executable file not found in $PATH'* ]]
	refused "container does not exist" state "$ID"
}

@test "start says why execve failed" {
	make_bundle "$BUNDLE" /bin/script
	printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/script"
	chmod 755 "$BUNDLE/rootfs/bin/script"
	launch create -b "$BUNDLE" "$ID"
	run -1 --separate-stderr nsrun start "$ID"
	[[ $stderr == *"/no/such/interpreter"* ]]
}

@test "a created container can be deleted, a running one only by force" {
	make_bundle "$BUNDLE"
	launch create -b "$BUNDLE" "$ID"
	run -0 nsrun delete "$ID"
	launch run -d -b "$BUNDLE" "$ID"
	refused "cannot delete container \"$ID\" that is not stopped: running" delete "$ID"
	assert_status running
	run -0 nsrun delete --force "$ID"
	run -0 nsrun delete --force "$ID"
	refused "container does not exist" delete "$ID"
}

@test "an id can be taken once" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	refused "container with given ID already exists" run -b "$BUNDLE" "$ID"
	refused "container with given ID already exists" create -b "$BUNDLE" "$ID"
	assert_status running
}

@test "start is for created containers alone" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	refused "cannot start an already running container" start "$ID"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	refused "cannot start a container that has stopped" start "$ID"
	refused "container not running" kill "$ID" TERM
}

@test "many status probes do not start a created container" {
	make_bundle "$BUNDLE"
	launch create -b "$BUNDLE" "$ID"
	for i in {1..50}; do assert_status created; done
	run -0 nsrun start "$ID"
	assert_status running
}

@test "kill takes signals by number and name, in any case" {
	make_bundle "$BUNDLE" sh -c 'for s in HUP USR1 USR2 TERM; do trap "echo got $s" $s; done; echo ready; while :; do sleep 0.1; done'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until grep -q ready "$OUTPUT"
	nsrun kill "$ID" 1
	wait_until grep -q "got HUP" "$OUTPUT"
	nsrun kill "$ID" sigusr1
	wait_until grep -q "got USR1" "$OUTPUT"
	nsrun kill "$ID" USR2
	wait_until grep -q "got USR2" "$OUTPUT"
	nsrun kill "$ID"
	wait_until grep -q "got TERM" "$OUTPUT"
	refused 'unknown signal "NOSUCH"' kill "$ID" NOSUCH
}

@test "kill --all: a signal to each process, not to the first alone; to what outlives that, too" {
	local script='for i in 1 2 3; do sh -c "trap \"echo >>/tmp/$i\" USR1; echo >/tmp/$i; while :; do sleep 0.1; done" & done
		trap : USR1; while :; do wait; done'
	# said N: each of the three has written N lines.
	said() { for i in 1 2 3; do [[ $(wc -l <"$BUNDLE/rootfs/tmp/$i") == "$1" ]] || return; done 2>/dev/null; }
	make_bundle "$BUNDLE" sh -c "$script"
	set_config '.root.readonly = false'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until said 1
	run -0 nsrun kill --all "$ID" USR1
	wait_until said 2
	run -0 nsrun kill "$ID" USR1
	run -0 nsrun kill -a "$ID" usr1
	wait_until said 3
	assert_status running
	run -0 nsrun kill --all "$ID" KILL
	wait_until is_status stopped
	run -0 nsrun kill --all "$ID" TERM
	run -0 nsrun delete "$ID"
	# In the host's pid namespace nothing goes with the first one.
	rm "$BUNDLE"/rootfs/tmp/*
	set_config '.linux.namespaces |= map(select(.type != "pid"))'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until said 1
	kill -KILL "$(pid_of "$ID")"
	wait_until is_status stopped
	run -0 nsrun kill --all "$ID" USR1
	wait_until said 2
	run -0 nsrun delete "$ID"
}

@test "kill and delete reach every process where the pid namespace is the host's" {
	make_bundle "$BUNDLE" sh -c 'sleep 1000 & sleep 1001 & wait'
	set_config 'del(.linux.namespaces[] | select(.type == "pid"))'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until bash -c '(( $("$NSRUN" ps -f json "$1" | jq length) == 3 ))' - "$ID"
	local pids
	pids=$(nsrun ps -f json "$ID" | jq -r '.[]')
	run -0 nsrun delete --force "$ID"
	for pid in $pids; do
		wait_until test ! -d "/proc/$pid"
	done
}

@test "list: a table, ids, JSON; one broken state is one row" {
	run -0 nsrun list -q
	assert_output ""
	run -0 nsrun list -f json
	assert_output null
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	launch create -b "$BUNDLE" "$ID-2"
	run -0 nsrun list
	assert_line --regexp "^ID +PID +STATUS +BUNDLE +CREATED +OWNER"
	assert_line --regexp "^$ID +[0-9]+ +running +$BUNDLE "
	assert_line --regexp "^$ID-2 +[0-9]+ +created "
	assert_equal "$(nsrun list -f json | jq -r '.[].id' | xargs)" "$ID $ID-2"
	mkdir /run/nsrun/containers/broken
	mkfifo /run/nsrun/containers/broken/record.json
	run -0 timeout 10 "$NSRUN" list
	assert_line --regexp "^$ID +[0-9]+ +running"
	assert_line --regexp "^broken"
	run -0 timeout 20 "$NSRUN" delete --force broken
}

@test "state: the spec's members, with annotations" {
	make_bundle "$BUNDLE"
	set_config '.annotations = {"org.example.key": "value"}'
	launch create -b "$BUNDLE" "$ID"
	nsrun state "$ID" >"$BATS_TEST_TMPDIR/state"
	jq -e --arg id "$ID" --arg bundle "$BUNDLE" '.ociVersion == "1.3.0" and .id == $id and .status == "created"
		and .bundle == $bundle and .pid > 1 and .annotations["org.example.key"] == "value"
		and (.created | test("^[0-9-]+T[0-9:.]+Z$")) and .owner == "root"' "$BATS_TEST_TMPDIR/state"
}

@test "ps: host pids as JSON, rows of ps for people" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	assert_equal "$(nsrun ps -f json "$ID" | jq -c .)" "[$(pid_of "$ID")]"
	run -0 nsrun ps "$ID"
	assert_line --partial "sleep 1000"
	run -0 nsrun ps "$ID" -eo pid,args
	assert_line --regexp "^ *$(pid_of "$ID") sleep 1000"
}

@test "a config without a process can be created, not started" {
	make_bundle "$BUNDLE"
	set_config 'del(.process)'
	launch create -b "$BUNDLE" "$ID"
	assert_status created
	run -1 --separate-stderr nsrun start "$ID"
	[[ $stderr == *"no process"* ]]
}

@test "--root keeps containers apart" {
	make_bundle "$BUNDLE"
	launch --root "$BATS_TEST_TMPDIR/other" create -b "$BUNDLE" "$ID"
	refused "container does not exist" state "$ID"
	assert_equal "$(nsrun --root "$BATS_TEST_TMPDIR/other" list -q)" "$ID"
	run -0 nsrun --root "$BATS_TEST_TMPDIR/other" delete "$ID"
}

@test "preserved descriptors reach the process, others do not; holes are tolerated" {
	make_bundle "$BUNDLE" sh -c 'cat <&3; cat <&5; ls -l /proc/self/fd'
	echo three >"$BATS_TEST_TMPDIR/three"
	echo five >"$BATS_TEST_TMPDIR/five"
	run -0 bash -c 'exec 3<"$1/three" 4<&- 5<"$1/five" 6<"$1/five" 7<"$1/five"
		exec "$NSRUN" run --preserve-fds 3 -b "$2" "$3"' - "$BATS_TEST_TMPDIR" "$BUNDLE" "$ID"
	assert_line three
	assert_line five
	refute_line --regexp " 4 -> "
	refute_line --regexp " 6 -> "
	refute_line --regexp " 7 -> "
}

@test "run --keep: the container is left, stopped, until delete" {
	make_bundle "$BUNDLE" sh -c 'exit 3'
	run -3 nsrun run --keep -b "$BUNDLE" "$ID"
	assert_status stopped
	refused "container with given ID already exists" run -b "$BUNDLE" "$ID"
	run -0 nsrun delete "$ID"
	refused "container does not exist" state "$ID"
	run -3 nsrun run -b "$BUNDLE" "$ID"
	refused "container does not exist" state "$ID"
}

@test "run adopts processes that lose their parent, with the host's pids; with --no-subreaper not" {
	local option runner adopted
	make_bundle "$BUNDLE" sh -c '(sleep 1000 & echo $! >/orphan.tmp); mv /orphan.tmp /orphan; exec sleep 1000'
	set_config '.root.readonly = false | .linux.namespaces |= map(select(.type != "pid"))'
	for option in "" --no-subreaper; do
		# shellcheck disable=SC2086
		"$NSRUN" run $option -b "$BUNDLE" "$ID" >/dev/null 2>&1 3>&- &
		runner=$!
		wait_until test -s "$BUNDLE/rootfs/orphan"
		adopted=$(sed -n 's/^PPid:\t//p' "/proc/$(<"$BUNDLE/rootfs/orphan")/status")
		if [[ $option ]]; then
			assert [ "$adopted" != "$runner" ]
		else
			assert_equal "$adopted" "$runner"
		fi
		nsrun delete --force "$ID"
		wait "$runner" || true
		rm "$BUNDLE/rootfs/orphan"
	done
}

@test "socket activation: LISTEN_FDS is passed on, LISTEN_PID is 1" {
	make_bundle "$BUNDLE" sh -c 'echo $LISTEN_FDS $LISTEN_PID; cat <&3'
	echo three >"$BATS_TEST_TMPDIR/three"
	run -0 bash -c 'exec 3<"$1/three"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$NSRUN" run -b "$2" "$3"' - \
		"$BATS_TEST_TMPDIR" "$BUNDLE" "$ID"
	assert_line "1 1"
	assert_line three
	run -1 bash -c 'exec 3<"$1/three"; LISTEN_FDS=x LISTEN_PID=$$ exec "$NSRUN" run -b "$2" "$3"' - \
		"$BATS_TEST_TMPDIR" "$BUNDLE" "$ID"
	assert_output --partial 'LISTEN_FDS: "x" is not a number of descriptors'
}

@test "socket activation of another process, by its LISTEN_PID or without one, is not ours" {
	local pid
	make_bundle "$BUNDLE" sh -c 'echo "<$LISTEN_FDS>" /proc/self/fd/*'
	for pid in '' 1 x; do
		run -0 bash -c 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$3 exec "$NSRUN" run -b "$1" "$2"' - \
			"$BUNDLE" "$ID" "$pid"
		assert_output "<> /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3"
	done
}

@test "one bundle, many containers at once" {
	make_bundle "$BUNDLE" true
	for i in {1..12}; do
		timeout 60 "$NSRUN" run -b "$BUNDLE" "$ID-$i" >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in {1..12}; do
		wait "${pids[i]}" || fail "$(<"$BATS_TEST_TMPDIR/out.$i")"
	done
}

@test "a run that is SIGKILLed: the container goes on, delete --force ends it" {
	make_bundle "$BUNDLE"
	"$NSRUN" run -b "$BUNDLE" "$ID" >/dev/null 2>&1 3>&- &
	local runner=$!
	wait_until is_status running
	kill -KILL "$runner"
	wait "$runner" || true
	assert_status running
	run -0 nsrun delete --force "$ID"
}

@test "a signal to an attached run goes to the process" {
	make_bundle "$BUNDLE" sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done'
	"$NSRUN" run -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local runner=$! result=0
	wait_until grep -q ready "$BATS_TEST_TMPDIR/out"
	kill -TERM "$runner"
	wait "$runner" || result=$?
	assert_equal "$result" 5
}

@test "a mount target that had to be made is removed again, one that was there stays" {
	make_bundle "$BUNDLE" true
	rmdir "$BUNDLE/rootfs/sys"
	run -0 nsrun run -b "$BUNDLE" "$ID"
	[[ ! -e $BUNDLE/rootfs/sys ]]
	[[ -d $BUNDLE/rootfs/proc ]]
}

@test "a user namespace" {
	make_bundle "$BUNDLE" sh -c 'id -u; cat /proc/self/uid_map'
	set_config '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_line 0
	assert_line --regexp "^ +0 +100000 +65536$"
}

@test "in a chroot: refused, since the outer tree would stay in the container's mount namespace" {
	make_bundle "$BUNDLE" true
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir "$tree"
	mount --rbind / "$tree"
	run -1 --separate-stderr chroot "$tree" "$NSRUN" run -b "$BUNDLE" "$ID"
	[[ $stderr == *"nsrun runs in a chroot"* ]]
	umount -R -l "$tree"
}

@test "a warning that nobody can read does not end delete halfway" {
	local fifo=$BATS_TEST_TMPDIR/fifo
	make_bundle "$BUNDLE"
	set_config '.hooks = {"poststop": [{"path": "/bin/false"}]}' # its failure is a warning
	launch create -b "$BUNDLE" "$ID"
	mkfifo "$fifo"
	exec 7<>"$fifo" 8>"$fifo"
	exec 7<&- # a pipe without a reader
	"$NSRUN" delete "$ID" 2>&8 || fail "exit status $?"
	exec 8>&-
}

@test "an ignored SIGCHLD that was inherited hides no exit status" {
	make_bundle "$BUNDLE"
	env --ignore-signal=CHLD "$NSRUN" run -d -b "$BUNDLE" "$ID" >/dev/null 3>&-
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/bin/ps"
	chmod +x "$BATS_TEST_TMPDIR/bin/ps"
	run -1 env --ignore-signal=CHLD PATH="$BATS_TEST_TMPDIR/bin" "$NSRUN" ps "$ID"
	assert_output --partial "ps ended with status 3"
}

@test "delete --force signals no process that got a dead container's pid" {
	local record=/run/nsrun/containers/$ID/record.json bystander deletion alive=no mounts dir
	make_bundle "$BUNDLE"
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID"
	mounts=$(awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts)
	for dir in $mounts; do mkdir -p "$dir/$ID"; done # there before, so not killed whole
	launch run -d -b "$BUNDLE" "$ID"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	sleep 1000 3>&- &
	bystander=$!
	jq '.pid = $pid' --argjson pid $bystander <"$record" >"$record.tmp"
	mv "$record.tmp" "$record"
	exec 8<"${record%/*}"
	flock 8 # as another delete would
	"$NSRUN" delete --force "$ID" 3>&- 8<&- &
	deletion=$!
	sleep 0.3
	exec 8<&-
	wait $deletion
	if kill $bystander; then alive=yes; fi
	for dir in $mounts; do
		[[ ! -d $dir/$ID ]] || rmdir "$dir/$ID"
	done
	assert_equal $alive yes
}

@test "delete --force of a container whose create hangs in a hook" {
	local create
	make_bundle "$BUNDLE"
	set_config '.hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo $$ >hook; exec sleep 1000"]}]}'
	"$NSRUN" create -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
	create=$!
	wait_until test -s "$BUNDLE/hook"
	run -0 timeout 5 "$NSRUN" delete --force "$ID"
	if wait $create; then fail "create succeeded"; fi
	grep "createRuntime hook #0: the container was killed meanwhile" "$BATS_TEST_TMPDIR/out"
	run -1 kill -0 "$(<"$BUNDLE/hook")" # the hook went too
}

@test "delete --force of a create that hangs, in a container without a cgroup" {
	local create point pid
	make_bundle "$BUNDLE"
	for point in createRuntime createContainer; do
		rm -f "$BUNDLE/hook"
		set_config '.linux.resources = {} | .hooks = {($point): [{"path": "/bin/sh",
			"args": ["sh", "-c", "cut -d\" \" -f4 /proc/self/stat >hook; exec sleep 1000"]}]}' --arg point "$point"
		"$NSRUN" --cgroup-manager disabled create -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
		create=$!
		wait_until test -s "$BUNDLE/hook"
		pid=$(pgrep -f "sleep 1000" --parent "$(<"$BUNDLE/hook")" || pgrep -x sleep)
		run -0 timeout 8 "$NSRUN" delete --force "$ID"
		if wait $create; then fail "create succeeded"; fi
		wait_until no_process "$pid" # the hook went too
		run -0 nsrun list -q
		assert_output ""
	done
}

no_process() { [[ ! -e /proc/$1 ]]; }

# spoiled ID: its record is no record any more.
spoiled() { echo '{"id": "' >"/run/nsrun/containers/$1/record.json"; }

@test "a record that is garbage: a row of the list, and delete --force removes what bears the name" {
	local pid
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	make_run_netns
	make_bundle "$BUNDLE"
	nsrun network create "n-$ID"
	launch run -d -b "$BUNDLE" --network "n-$ID" -p 8080:80 "$ID"
	launch run -d -b "$BUNDLE" --network "n-$ID" "$ID-2"
	pid=$(pid_of "$ID")
	spoiled "$ID"
	run -0 --separate-stderr nsrun list
	assert_line --regexp "^$ID +0 +unknown +-"
	assert_line --regexp "^$ID-2 +[0-9]+ +running"
	for verb in state kill delete; do
		refused "container \"$ID\": record.json: line 1, column" "$verb" "$ID"
	done
	run -0 --separate-stderr timeout 20 "$NSRUN" delete --force "$ID"
	assert_regex "$stderr" "^nsrun: warning: container \"$ID\": record.json: line 1, .*what bears the container's name is removed; what only the record told is not: mount targets made in its root, poststop hooks\$"
	wait_until no_process "$pid"
	[[ ! -e /run/netns/$ID ]]
	run -0 nsrun network ports --format plain
	refute_output --partial 8080
	run -0 nsrun list -q
	assert_output "$ID-2"
	assert_status running "$ID-2"
	# One without a network, in a cgroup of the config's choice: that is left alone, and told.
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID"
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	ip netns add "$ID"
	spoiled "$ID"
	run -0 --separate-stderr timeout 20 "$NSRUN" delete --force "$ID"
	assert_regex "$stderr" "poststop hooks, processes, the cgroup /$ID\$"
	kill -0 "$pid"
	ip netns delete "$ID" # not the container's, so still there
	kill -KILL "$pid"
	wait_until no_process "$pid"
	wait_until remove_cgroups "$ID"
	nsrun delete --force "$ID-2"
	wait_until nsrun network rm "n-$ID"
	umount /run/netns
}

remove_cgroups()
{
	local dir
	for dir in /sys/fs/cgroup/{,*/}"$1"; do
		[[ ! -d $dir ]] || rmdir "$dir"
	done
}
