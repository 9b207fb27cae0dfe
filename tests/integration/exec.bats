#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# exec: one more process in a running container: its flags, its place, its end.

load ../helpers

setup()
{
	test_begin
	make_bundle "$BUNDLE"
	HELPERS=()
}

teardown()
{
	((${#HELPERS[@]} == 0)) || kill "${HELPERS[@]}" 2>/dev/null || true
	test_end
}

# receiver NAME: tests/recvtty at $SOCKET, its output in $RECEIVED; what is written to descriptor 9 is typed.
receiver()
{
	local recvtty=${BUILD:-$SOURCE}/tests/recvtty
	[[ -x $recvtty ]] || fail "$recvtty is not built (make check-integration builds it)"
	SOCKET=$BATS_TEST_TMPDIR/$1.sock RECEIVED=$BATS_TEST_TMPDIR/$1.out
	mkfifo "$BATS_TEST_TMPDIR/$1.in"
	"$recvtty" "$SOCKET" <"$BATS_TEST_TMPDIR/$1.in" >"$RECEIVED" 2>&1 3>&- &
	HELPERS+=($!)
	exec 9>"$BATS_TEST_TMPDIR/$1.in"
	wait_until test -S "$SOCKET"
}

up() { launch run -d -b "$BUNDLE" "$ID"; }

add_user_ns()
{
	set_config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}

# process FILTER: $BATS_TEST_TMPDIR/process.json, the config's process through jq.
process() { jq ".process | $1" "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"; }

@test "output, input, environment and working directory" {
	set_config '.process.env += ["FROM=config"] | .process.cwd = "/home"'
	up
	run -0 --separate-stderr bash -c '"$NSRUN" exec "$1" sh -c "cat; pwd; echo \$FROM \$HOME; echo error >&2" <<<input' - "$ID"
	assert_output "$(printf 'input\n/home\nconfig /root')"
	assert_equal "$stderr" error
	run -0 nsrun exec -e FROM=flag --env NEW=1 --cwd /tmp "$ID" sh -c 'pwd; echo $FROM $NEW'
	assert_output "$(printf '/tmp\nflag 1')"
	run -0 nsrun exec "$ID" echo -n -e flags "are the command's"
	assert_output "flags are the command's"
}

@test "exit codes: the process's own, 128 and the signal, 255 for our errors" {
	up
	run -37 nsrun exec "$ID" sh -c 'exit 37'
	run -143 nsrun exec "$ID" sh -c 'kill -TERM $$'
	run -137 nsrun exec "$ID" sh -c 'kill -KILL $$'
	run -255 --separate-stderr nsrun exec "$ID" nosuchprogram
	assert_equal "$stderr" 'nsrun: exec "'"$ID"'": exec: "nosuchprogram": executable file not found in $PATH'
	run -255 --separate-stderr nsrun exec "$ID" /etc/passwd
	[[ $stderr == *'exec: "/etc/passwd": permission denied'* ]]
	run -255 --separate-stderr nsrun exec --cwd /no/such "$ID" true
	[[ $stderr == *'chdir to cwd ("/no/such")'* ]]
	run -255 --separate-stderr nsrun exec nosuchcontainer true
	[[ $stderr == *'container does not exist'* ]]
	# The command line itself is read before there is an exec.
	run -1 nsrun exec "$ID"
	run -1 nsrun exec --nosuchflag "$ID" true
}

@test "in the same namespaces and the same cgroup as the container's process" {
	local pid
	set_config '.linux.namespaces += [{type: "time"}]'
	up
	pid=$(pid_of "$ID")
	run -0 nsrun exec "$ID" sh -c 'for n in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$n; done'
	assert_output "$(for n in cgroup ipc mnt net pid time user uts; do readlink "/proc/$pid/ns/$n"; done)"
	run -0 nsrun exec "$ID" cat /proc/self/cgroup
	assert_output "$(nsrun exec "$ID" cat /proc/1/cgroup)"
	nsrun exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	assert_equal "$(cat "/proc/$(<"$BATS_TEST_TMPDIR/pid")/cgroup")" "$(cat "/proc/$pid/cgroup")"
}

@test "in a user namespace: as its root, with its capabilities" {
	local pid
	add_user_ns
	up
	pid=$(pid_of "$ID")
	run -0 nsrun exec "$ID" sh -c 'id -u; cat /proc/self/uid_map; for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done'
	assert_line --index 0 0
	assert_line --index 1 --regexp "^ +0 +100000 +65536$"
	for n in cgroup ipc mnt net pid user uts; do assert_line "$(readlink "/proc/$pid/ns/$n")"; done
	run -0 nsrun exec -u 5:6 "$ID" sh -c 'id -u; id -g; hostname'
	assert_output "$(printf '5\n6\nnsrun')"
}

@test "in a container that joined another's namespaces, and in one that shares the host's" {
	up
	local first=$ID
	set_config '.linux.namespaces |= map(if .type == "pid" or .type == "network" or .type == "ipc"
		then .path = "/proc/\($pid)/ns/\(if .type == "network" then "net" else .type end)" else . end)' \
		--arg pid "$(pid_of "$first")"
	ID=$ID-2
	up
	run -0 nsrun exec "$ID" sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/pid; readlink /proc/self/ns/mnt'
	assert_line --index 0 "$(readlink "/proc/$(pid_of "$first")/ns/net")"
	assert_line --index 1 "$(readlink "/proc/$(pid_of "$first")/ns/pid")"
	assert_line --index 2 "$(readlink "/proc/$(pid_of "$ID")/ns/mnt")"
	set_config '.linux.namespaces = [{type: "mount"}] | del(.hostname)'
	ID=$ID-3
	up
	run -0 nsrun exec "$ID" sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/mnt; cat /etc/passwd'
	assert_line --index 0 "$(readlink /proc/self/ns/net)"
	assert_line --index 1 "$(readlink "/proc/$(pid_of "$ID")/ns/mnt")"
}

@test "in every set of namespaces: one the host's at a time" {
	local type name set_of=(pid network ipc uts cgroup mount)
	cp "$BUNDLE/config.json" "$BUNDLE/saved"
	for type in "${set_of[@]}"; do
		set_config 'del(.hostname) | del(.linux.namespaces[] | select(.type == $type)) |
			if $type == "mount" then .mounts = [] | .root.readonly = false | .linux.maskedPaths = [] |
				.linux.readonlyPaths = [] else . end' --arg type "$type"
		launch run -d -b "$BUNDLE" "$ID-$type"
		nsrun exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID-$type" sleep 1000
		for name in pid net ipc uts cgroup mnt user time; do
			assert_equal "$type $(readlink "/proc/$(<"$BATS_TEST_TMPDIR/pid")/ns/$name")" \
				"$type $(readlink "/proc/$(pid_of "$ID-$type")/ns/$name")"
		done
		nsrun delete --force "$ID-$type"
		cp "$BUNDLE/saved" "$BUNDLE/config.json"
	done
}

@test "user: -u UID keeps the config's group, UID:GID does not; additional groups are added" {
	set_config '.process.user = {uid: 10, gid: 20, additionalGids: [30], umask: 63}'
	up
	run -0 nsrun exec "$ID" sh -c 'id -u; id -g; id -G; umask'
	assert_output "$(printf '10\n20\n20 30\n0077')"
	run -0 nsrun exec -u 11 "$ID" sh -c 'id -u; id -g'
	assert_output "$(printf '11\n20')"
	run -0 nsrun exec --user 11:21 -g 31 --additional-gids 32 "$ID" sh -c 'id -u; id -g; id -G'
	assert_output "$(printf '11\n21\n21 30 31 32')"
	for wrong in root 1:x -1 1:2:3 5:; do
		run -1 nsrun exec --user="$wrong" "$ID" true
	done
	# HOME is that of the user.
	run -0 nsrun exec -u 1000 "$ID" sh -c 'echo $HOME'
	assert_output /home
}

@test "capabilities: the config's; --cap adds; inheritable and ambient are empty" {
	set_config '.process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], effective: ["CAP_KILL"],
		permitted: ["CAP_KILL", "CAP_CHOWN"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
	up
	run -0 nsrun exec "$ID" grep ^Cap /proc/self/status
	assert_line --regexp "^CapInh:	0000000000000000"
	assert_line --regexp "^CapBnd:	0000000000000021"
	assert_line --regexp "^CapAmb:	0000000000000000"
	run -0 nsrun exec -c CAP_NET_RAW --cap CAP_SYS_CHROOT "$ID" grep ^Cap /proc/self/status
	assert_line --regexp "^CapInh:	0000000000000000"
	assert_line --regexp "^CapPrm:	0000000000042021"
	assert_line --regexp "^CapBnd:	0000000000042021"
	run -0 --separate-stderr nsrun exec -c CAP_NOSUCH "$ID" true
	[[ $stderr == "nsrun: warning: "*CAP_NOSUCH* ]]
}

@test "noNewPrivileges, umask, rlimits, priorities, seccomp and the session keyring of the config apply" {
	set_config '.process.noNewPrivileges = true | .process.user.umask = 31 | .process.oomScoreAdj = 321 |
		.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 88}] | .linux.maskedPaths = [] |
		.process.scheduler = {policy: "SCHED_BATCH", nice: 4} | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 5} |
		.linux.personality = {domain: "LINUX32"} |
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
	up
	run -0 nsrun exec "$ID" sh -c 'umask; cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn; cut -d" " -f19,41 /proc/$$/stat;
		ionice -p $$; uname -m; grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status; mkdir /tmp/x 2>&1; cat /proc/keys'
	assert_line --index 0 0037
	assert_line --index 1 321
	assert_line --index 2 77
	assert_line --index 3 88
	assert_line --index 4 "4 3"
	assert_line --index 5 "best-effort: prio 5"
	assert_line --index 6 i686
	assert_line --index 7 --regexp "^NoNewPrivs:	1"
	assert_line --index 8 --regexp "^Seccomp:	2"
	assert_line --index 9 --partial "Function not implemented"
	assert_output --partial "_ses.$ID"
}

@test "--no-new-privs sets what the config does not" {
	set_config '.process.noNewPrivileges = false'
	up
	run -0 nsrun exec "$ID" grep NoNewPrivs /proc/self/status
	assert_output --regexp "0$"
	run -0 nsrun exec --no-new-privs "$ID" grep NoNewPrivs /proc/self/status
	assert_output --regexp "1$"
}

@test "--process FILE: the whole process from a file" {
	set_config '.process.env += ["FROM=config"]'
	up
	process '.args = ["sh", "-c", "echo $FROM $HOME; pwd; id -u; id -G; ulimit -n; cut -d\" \" -f19 /proc/$$/stat;
			cat /proc/self/oom_score_adj; grep Cap /proc/self/status"] |
		.env = ["PATH=/bin", "FROM=file"] | .cwd = "/tmp" | .user = {uid: 7, gid: 8, additionalGids: [9]} | .oomScoreAdj = 55 |
		.rlimits = [{type: "RLIMIT_NOFILE", soft: 50, hard: 60}] | .scheduler = {policy: "SCHED_OTHER", nice: 9} |
		.capabilities = {bounding: ["CAP_KILL"], inheritable: ["CAP_KILL"], permitted: ["CAP_KILL"], ambient: ["CAP_KILL"],
			effective: ["CAP_KILL"]}'
	run -0 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_line --index 0 "file /"
	assert_line --index 1 /tmp
	assert_line --index 2 7
	assert_line --index 3 "8 9"
	assert_line --index 4 50
	assert_line --index 5 9
	assert_line --index 6 55
	# Here inheritable and ambient capabilities were asked for.
	assert_line --regexp "^CapInh:	0000000000000020"
	assert_line --regexp "^CapAmb:	0000000000000020"
}

@test "--process FILE: a pipe, stdin, a fifo; beside what engines pass with it" {
	up
	process '.args = ["echo", "fine"]'
	local file=$BATS_TEST_TMPDIR/process.json
	run -0 nsrun exec -p <(cat "$file") "$ID"
	assert_output fine
	run -0 nsrun exec --process /dev/stdin "$ID" < <(cat "$file")
	assert_output fine
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	cat "$file" >"$BATS_TEST_TMPDIR/fifo" &
	run -0 nsrun exec -p "$BATS_TEST_TMPDIR/fifo" "$ID"
	assert_output fine
	run -0 nsrun exec --preserve-fds 0 -p "$file" -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	assert [ -s "$BATS_TEST_TMPDIR/pid" ]
	run -255 nsrun exec -p /dev/zero "$ID"
	assert_output --partial '/dev/zero'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR" "$ID"
	assert_output --partial "$BATS_TEST_TMPDIR"
}

@test "--process FILE: a command beside it, and what is wrong in it, are errors" {
	up
	process '.args = ["true"]'
	run -1 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID" true
	assert_output --partial "exclude each other"
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/nosuch" "$ID"
	assert_output --partial "$BATS_TEST_TMPDIR/nosuch"
	process '.cwd = "relative"'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial 'cwd: "relative" is not an absolute path'
	process '.args = "true"'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial "args: expected an array"
	process 'del(.cwd)'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial "cwd: missing"
	process '.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 1, hard: 1}]'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial "RLIMIT_CORE appears twice"
	process '.apparmorProfile = "x"'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial "process.json: apparmorProfile: "
	echo '{' >"$BATS_TEST_TMPDIR/process.json"
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial "process.json"
	assert_equal "${#lines[@]}" 1
}

@test "detached: returns at once, prints nothing, leaves a process and its pid" {
	up
	launch exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sh -c 'echo started; exec sleep 1001'
	local pid
	pid=$(<"$BATS_TEST_TMPDIR/pid")
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/pid")" 0
	wait_until grep -q started "$OUTPUT"
	wait_until bash -c "[[ \$(tr '\0' ' ' </proc/$pid/cmdline) == 'sleep 1001 ' ]]"
	run -1 pgrep -x nsrun
	run -255 nsrun exec -d "$ID" nosuchprogram
	run -0 nsrun delete --force "$ID"
	[[ ! -d /proc/$pid ]]
}

@test "--preserve-fds passes 3 to 2+N, and no other" {
	up
	echo three >"$BATS_TEST_TMPDIR/three"
	run -0 bash -c 'exec 3<"$1/three" 4<&- 5<"$1/three" 6<"$1/three"; exec "$NSRUN" exec --preserve-fds 3 "$2" \
		sh -c "cat <&3; ls /proc/self/fd"' - "$BATS_TEST_TMPDIR" "$ID"
	assert_line --index 0 three
	assert_line 5
	refute_line 6
	run -0 bash -c 'exec 3<"$1/three"; exec "$NSRUN" exec "$2" ls -l /proc/self/fd' - "$BATS_TEST_TMPDIR" "$ID"
	refute_output --partial three
	# ls has its own 3.
	refute_output --regexp " [4-9] ->"
}

@test "a terminal: attached, and on a console socket" {
	up
	run -3 script -qec "stty rows 21 cols 71; '$NSRUN' exec -t '$ID' sh -c 'tty; stty size; exit 3'" /dev/null </dev/null
	assert_output --partial /dev/pts/0
	assert_output --partial "21 71"
	run -1 nsrun exec -t -d "$ID" true
	assert_output --partial "cannot allocate tty if nsrun will detach without setting console socket"
	run -1 nsrun exec --console-socket /nosuch "$ID" true
	assert_output --partial "cannot use console socket if nsrun will not detach or allocate tty"
	receiver tty
	launch exec -t -d -u 5 --console-socket "$SOCKET" "$ID" sh -c 'stat -c "owner %u" $(tty); read line; echo "got $line"'
	wait_until grep -q "owner 5" "$RECEIVED"
	echo hello >&9
	wait_until grep -q "got hello" "$RECEIVED"
}

@test "--pidfd-socket" {
	up
	receiver exec
	launch exec -d --pidfd-socket "$SOCKET" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1001
	wait_until grep -qx "pid $(<"$BATS_TEST_TMPDIR/pid")" "$RECEIVED"
	kill "$(<"$BATS_TEST_TMPDIR/pid")"
	wait_until grep -qx ended "$RECEIVED"
	# The container's own.
	receiver create
	launch create --pidfd-socket "$SOCKET" -b "$BUNDLE" "$ID-2"
	wait_until grep -qx "pid $(pid_of "$ID-2")" "$RECEIVED"
	nsrun delete "$ID-2"
	wait_until grep -qx ended "$RECEIVED"
}

@test "by status: created yes; stopped, unknown and paused no" {
	launch create -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" echo in
	assert_output in
	assert_status created
	nsrun start "$ID"
	local dir=/sys/fs/cgroup frozen=1 file=cgroup.freeze
	if [[ -d $dir/freezer ]]; then
		dir=$dir/freezer frozen=FROZEN file=freezer.state
	fi
	echo "$frozen" >"$dir/nsrun/$ID/$file"
	wait_until is_status paused
	run -255 nsrun exec "$ID" true
	assert_output --partial "cannot exec in a paused container (use --ignore-paused to override)"
	# With the option it is done as soon as the container is thawed.
	timeout 20 "$NSRUN" exec --ignore-paused "$ID" echo thawed >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	HELPERS+=($!)
	wait_until bash -c '(( $("$NSRUN" ps -f json "$1" | jq length) == 2 ))' - "$ID"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" ""
	[[ $frozen == 1 ]] && frozen=0 || frozen=THAWED
	echo "$frozen" >"$dir/nsrun/$ID/$file"
	wait "${HELPERS[0]}"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" thawed
	wait_until is_status running
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	run -255 nsrun exec "$ID" true
	assert_output --partial "cannot exec in a stopped container"
	nsrun delete "$ID"
	run -255 nsrun exec "$ID" true
	assert_output --partial "container does not exist"
}

@test "many at once" {
	local i pids=()
	up
	for i in {1..20}; do
		timeout 60 "$NSRUN" exec "$ID" sh -c "exit $i" >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in {1..20}; do
		local result=0
		wait "${pids[i]}" || result=$?
		assert_equal "$i: $result $(<"$BATS_TEST_TMPDIR/out.$i")" "$i: $i "
	done
}

@test "a background child does not block it, nor does a reader that stopped" {
	up
	timeout 10 "$NSRUN" exec "$ID" sh -c 'sleep 1000 & echo done' >"$BATS_TEST_TMPDIR/out"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" "done"
	run -0 timeout 20 script -qec "'$NSRUN' exec -t '$ID' sh -c 'sleep 1000 & echo done'" /dev/null </dev/null
	assert_output --partial "done"
}

@test "signals reach the process" {
	local runner result=0
	up
	"$NSRUN" exec "$ID" sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	runner=$!
	wait_until grep -q ready "$BATS_TEST_TMPDIR/out"
	kill -TERM "$runner"
	wait "$runner" || result=$?
	assert_equal "$result" 9
	assert_status running
}

@test "the container's end is exec's end" {
	local runner result=0
	up
	"$NSRUN" exec "$ID" sh -c 'echo ready; exec sleep 1001' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	runner=$!
	wait_until grep -q ready "$BATS_TEST_TMPDIR/out"
	nsrun kill "$ID" KILL
	wait "$runner" || result=$?
	assert_equal "$result" 137
}

# bats test_tags=only:v2
@test "--cgroup: below the container's own, and nowhere else" {
	local dir=/sys/fs/cgroup
	up
	mkdir "$dir/nsrun/$ID/sub"
	run -0 nsrun exec --cgroup sub "$ID" cat /proc/self/cgroup
	assert_line 0::/sub
	run -255 nsrun exec --cgroup nosuch "$ID" true
	assert_output --partial "nosuch"
	run -255 nsrun exec --cgroup ../.. "$ID" cat /proc/self/cgroup
	run -255 nsrun exec --cgroup memory:sub "$ID" true
	assert_output --partial "--cgroup"
}

# bats test_tags=only:v1
@test "--cgroup: below the container's own, in all hierarchies or in those that are named" {
	local dir=/sys/fs/cgroup name
	up
	for name in memory pids cpu freezer; do
		[[ ! -d $dir/$name/nsrun/$ID ]] || mkdir "$dir/$name/nsrun/$ID/sub"
	done
	run -0 nsrun exec --cgroup memory:sub --cgroup pids,freezer:sub "$ID" cat /proc/self/cgroup
	assert_line --regexp ":memory:/(nsrun/$ID/)?sub$"
	assert_line --regexp ":pids:/(nsrun/$ID/)?sub$"
	assert_line --regexp ":freezer:/(nsrun/$ID/)?sub$"
	refute_line --regexp ":cpu.*/sub$"
	run -255 nsrun exec --cgroup nosuch:sub "$ID" true
	assert_output --partial 'the container has no hierarchy of the controller "nosuch"'
	run -1 nsrun exec --cgroup memory:sub --cgroup memory:sub "$ID" true
	assert_output --partial 'the controller "memory" twice'
	run -1 nsrun exec --cgroup sub --cgroup memory:sub "$ID" true
	assert_output --partial "each needs its controllers"
	run -1 nsrun exec --cgroup :sub "$ID" true
	assert_output --partial "no controller before the colon"
	run -255 nsrun exec --cgroup memory:nosuch "$ID" true
	assert_output --partial nosuch
	run -255 nsrun exec --cgroup memory:../.. "$ID" true
	# One path alone is for all, and not all have it.
	run -255 nsrun exec --cgroup sub "$ID" true
	assert_output --partial "the container has no cgroup"
}

@test "--process-label, --apparmor: over the config's and the file's; without such a module refused, empty is nothing" {
	up
	run -0 nsrun exec --process-label= --apparmor= "$ID" echo fine
	assert_output fine
	process '.args = ["true"]'
	if [[ ! -d /sys/fs/selinux ]]; then
		run -255 nsrun exec --process-label x "$ID" true
		assert_output --partial "selinuxLabel: this kernel runs without SELinux"
		run -255 nsrun exec --process-label x -p "$BATS_TEST_TMPDIR/process.json" "$ID"
		assert_output --partial "selinuxLabel: this kernel runs without SELinux"
	fi
	if [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) != Y ]]; then
		run -255 nsrun exec --apparmor x "$ID" true
		assert_output --partial "apparmorProfile: this kernel runs without AppArmor"
		process '.args = ["true"] | .apparmorProfile = "x"'
		run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
		assert_output --partial "apparmorProfile: this kernel runs without AppArmor"
	fi
}

@test "execCPUAffinity: final after the cgroup, initial before it; without any, all CPUs" {
	local all
	(($(nproc) > 1)) || skip "this machine has one CPU"
	up
	all=$(nsrun exec "$ID" grep Cpus_allowed_list /proc/1/status)
	run -0 taskset -c 0 "$NSRUN" exec "$ID" grep Cpus_allowed_list /proc/self/status
	assert_output "$all"
	process '.args = ["grep", "Cpus_allowed_list", "/proc/self/status"] | .execCPUAffinity = {initial: "0", final: "1"}'
	run -0 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --regexp "	1$"
	process '.args = ["grep", "Cpus_allowed_list", "/proc/self/status"] | .execCPUAffinity = {final: "0"}'
	run -0 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --regexp "	0$"
	# "runtime SHOULD NOT change process' CPU affinity after the process is moved": the kernel's cpuset alone.
	process '.args = ["grep", "Cpus_allowed_list", "/proc/self/status"] | .execCPUAffinity = {initial: "1"}'
	run -0 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --regexp "	(1|0-.*)$"
	process '.args = ["true"] | .execCPUAffinity = {final: "8000"}'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial 'process.execCPUAffinity.final: run on the CPUs "8000"'
	process '.args = ["true"] | .execCPUAffinity = {initial: "9000"}'
	run -255 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial "process.execCPUAffinity.initial: "
	# The config's is for exec, not for the container's own process.
	nsrun delete --force "$ID"
	set_config '.process.execCPUAffinity = {initial: "1", final: "0"}'
	up
	assert_equal "$(nsrun exec "$ID" grep Cpus_allowed_list /proc/1/status)" "$all"
	run -0 nsrun exec "$ID" grep Cpus_allowed_list /proc/self/status
	assert_output --regexp "	0$"
}

@test "no descriptor of the runtime, and no working directory outside" {
	local n
	up
	for n in {3..12}; do
		run nsrun exec --cwd "/proc/self/fd/$n/../../../.." "$ID" sh -c 'pwd; cat /etc/passwd'
		((status == 255)) || assert_output "/
$(<"$BUNDLE/rootfs/etc/passwd")"
	done
	# A working directory that is gone from the tree.
	launch exec -d "$ID" sh -c 'mkdir /dev/gone; cd /dev/gone; rmdir /dev/gone; echo $$; exec sleep 1001'
	wait_until grep -q . "$OUTPUT"
	run -255 nsrun exec --cwd "/proc/$(<"$OUTPUT")/cwd" "$ID" pwd
}

@test "the runtime's memory and executable are out of the container's reach" {
	set_config '.process.capabilities |= with_entries(.value += ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	up
	# A process that looks at every newcomer for a way to the host's binary.
	launch exec -d "$ID" sh -c 'while :; do for p in /proc/[0-9]*; do
		case $(readlink $p/exe) in */nsrun*) (echo x >>$p/exe) 2>&1 && echo WRITTEN;; esac; done; done'
	local before i
	before=$(sha256sum "$NSRUN")
	for i in {1..15}; do nsrun exec "$ID" true; done
	assert_equal "$(sha256sum "$NSRUN")" "$before"
	run ! grep WRITTEN "$OUTPUT"
}
