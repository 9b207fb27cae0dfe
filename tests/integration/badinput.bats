#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is wrong with the input is told in one line that names the thing; the exit status is 1 and nothing is left
# behind. With --log FILE --log-format json that line is one object. The words are what engines match on (base/error.h).

load ../helpers

setup()
{
	test_begin
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	NET=n${ID##*-}
}

teardown()
{
	local id net
	for id in $(nsrun list -q); do
		nsrun delete --force "$id" || true
	done
	for net in "$NET" "$NET-2"; do
		nsrun network rm "$net" 2>/dev/null || true
	done
	nothing_left
}

# The bridge of a network goes with its last container, /run/netns stays a mount point: not of a test's making.
setup_file()
{
	make_run_netns
}

teardown_file() { umount /run/netns; }

# What podman and conmon take for "the command was not found" (127) and "it cannot be executed" (126).
COMMAND_WORDS='no such file or directory|executable file not found|permission denied|operation not permitted'

no_pids() { sed -E 's/[0-9]{2,}/N/g' <<<"$1"; }

# What a container of this test has; the end of the test looks at everything.
of_ours() { find /run/nsrun/containers /run/netns /sys/fs/cgroup/{,*/}nsrun/"$ID"* -maxdepth 1 2>/dev/null; ip -o link | cut -d@ -f1; }

# error_of STATUS ARG...: nsrun ARG... ends with STATUS, nothing on stdout and one line on stderr: $error without
# "nsrun: ". A second time, it is one object in the log as well.
error_of()
{
	local expected=$1 log=$BATS_TEST_TMPDIR/log.json before
	shift
	before=$(of_ours)
	run --separate-stderr timeout 20 "$NSRUN" "$@"
	assert_equal "$status" "$expected"
	assert_equal "$output" ""
	((${#stderr_lines[@]} == 1)) || fail "expected one line, found: $stderr"
	[[ $stderr == "nsrun: "* ]]
	error=${stderr#nsrun: }
	rm -f "$log"
	run --separate-stderr timeout 20 "$NSRUN" --log "$log" --log-format json "$@"
	assert_equal "$status" "$expected"
	assert_equal "$(no_pids "$stderr")" "$(no_pids "nsrun: $error")"
	jq -se 'length == 1 and .[0].level == "error" and (.[0].time | test("^[0-9]{4}-[0-9-]+T[0-9:]+Z$"))' "$log" >/dev/null ||
		fail "not one object: $(<"$log")"
	# On stderr control characters are escaped as in JSON, quotes are not.
	assert_equal "nsrun: $(jq -r '.msg | tojson | .[1:-1] | gsub("\\\\\""; "\"")' "$log")" "$stderr"
	assert_equal "$(of_ours)" "$before"
}

# bad TEXT ARG...: the error of nsrun ARG... holds TEXT, and none of the words that are for the command alone.
bad()
{
	local text=$1
	shift
	error_of 1 "$@"
	[[ $error == *"$text"* ]] || fail "expected \"$text\" in: $error"
	! grep -qiE "$COMMAND_WORDS" <<<"$error" || fail "an engine would take this for the command's: $error"
}

# ---- the bundle -------------------------------------------------------------------------------------------

@test "a bundle that is not there, or has no config.json" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	for verb in run create; do
		bad "bundle \"/no/such/bundle\": missing" "$verb" -b /no/such/bundle "$ID"
		bad "bundle \"/etc/passwd\"" "$verb" -b /etc/passwd "$ID"
		bad "bundle $BATS_TEST_TMPDIR/empty has no config.json" "$verb" -b "$BATS_TEST_TMPDIR/empty" "$ID"
		bad "/no/such/config.json\": missing" "$verb" -b "$BATS_TEST_TMPDIR/empty" -f /no/such/config.json "$ID"
	done
	cd "$BATS_TEST_TMPDIR/empty"
	bad "bundle $BATS_TEST_TMPDIR/empty has no config.json" run "$ID"
}

@test "a broken config.json: line and column" {
	mkdir "$BUNDLE"
	while IFS='|' read -r place text; do
		printf "$text" >"$BUNDLE/config.json"
		bad "config.json: $place" run -b "$BUNDLE" "$ID"
	done <<'END'
line 3, column 14|{\n "ociVersion": "1.0.2",\n "process": {,}\n}
line 1, column 2|{
line 2, column 2|{\n}}
line 2, column 7|{"a":1,\n  "b" 2}
line 1, column 1|nonsense
line 1, column 6|{"a":nonsense}
line 1, column 9|{"a": "x\x01"}
line 1, column 7|{"a":"\xff"}
END
	: >"$BUNDLE/config.json"
	bad "config.json: " run -b "$BUNDLE" "$ID"
}

@test "wrong types, values and missing members: their path in config.json" {
	local path filter
	make_bundle "$BUNDLE" true
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	while IFS='|' read -r path filter; do
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		set_config "$filter"
		bad "config.json: $path" run -b "$BUNDLE" "$ID"
	done <<'END'
ociVersion|del(.ociVersion)
ociVersion|.ociVersion = "2.0.0"
ociVersion|.ociVersion = 1
process.args: expected an array, found a string|.process.args = "true"
process.args[1]: expected a string, found 1|.process.args = ["true", 1]
process.cwd|del(.process.cwd)
process.env[1]|.process.env = ["A=1", "B"]
process.user.uid: expected an unsigned integer|.process.user.uid = "root"
process.rlimits[0].soft: expected an unsigned integer, found a string|.process.rlimits = [{"type": "RLIMIT_CORE", "soft": "0", "hard": 0}]
process.rlimits[0].type|.process.rlimits = [{"type": "RLIMIT_NONE", "soft": 0, "hard": 0}]
process.noNewPrivileges|.process.noNewPrivileges = 1
process.oomScoreAdj|.process.oomScoreAdj = 1001
root|.root = "rootfs"
root.path|.root.path = ""
mounts[0].destination|.mounts[0].destination = 1
hostname|.hostname = ("x" * 65)
linux.namespaces[0].type|.linux.namespaces[0].type = "none"
linux.devices[0].type|.linux.devices = [{"path": "/dev/x", "type": "z", "major": 1, "minor": 1}]
linux.resources.memory.limit|.linux.resources.memory.limit = "1M"
linux.resources.pids.limit|.linux.resources.pids = {"limit": 1.5}
linux.seccomp.defaultAction|.linux.seccomp = {"defaultAction": "SCMP_ACT_NONE"}
linux.sysctl["kernel.panic"]|.linux.sysctl = {"kernel.panic": "1"}
linux.uidMappings|.linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}]
linux.rootfsPropagation|.linux.rootfsPropagation = "sometimes"
linux.timeOffsets|.linux.timeOffsets = {"monotonic": {"secs": 1}}
hooks.poststop[0].timeout|.hooks.poststop = [{"path": "/bin/true", "timeout": 0}]
annotations|.annotations = {"a": 1}
END
}

@test "a bundle without a root" {
	make_bundle "$BUNDLE" true
	mv "$BUNDLE/rootfs" "$BUNDLE/elsewhere"
	bad "bundle $BUNDLE has no root directory $BUNDLE/rootfs (config.json: root.path)" run -b "$BUNDLE" "$ID"
	touch "$BUNDLE/rootfs"
	bad "$BUNDLE/rootfs" run -b "$BUNDLE" "$ID"
	rm "$BUNDLE/rootfs"
	ln -s nowhere "$BUNDLE/rootfs"
	bad "bundle $BUNDLE has no root directory $BUNDLE/rootfs" run -b "$BUNDLE" "$ID"
	set_config 'del(.root)'
	bad "config.json: root" run -b "$BUNDLE" "$ID"
}

@test "what is not supported yet is refused by its name, never dropped" {
	local path filter
	make_bundle "$BUNDLE" true
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	# As oci/support.c has it.
	while IFS='|' read -r path filter; do
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		set_config "$filter"
		bad "config.json: $path: " create -b "$BUNDLE" "$ID"
		assert_regex "$error" '(not supported yet|this kernel runs without [A-Za-z]+)$'
	done <<'END'
END
	# An empty one asks for nothing.
	cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
	set_config '.process.apparmorProfile = "" | .process.selinuxLabel = "" | .linux.mountLabel = ""'
	run -0 nsrun run -b "$BUNDLE" "$ID-2"
}

# ---- ids --------------------------------------------------------------------------------------------------

@test "an unknown id, by each verb" {
	for verb in state start kill ps delete; do
		bad "container \"nosuch-$ID\": container does not exist" "$verb" "nosuch-$ID"
	done
	error_of 255 exec "nosuch-$ID" true
	[[ $error == *"container \"nosuch-$ID\": container does not exist" ]]
	run -0 nsrun delete --force "nosuch-$ID"
	assert_output ""
}

@test "an id that is taken" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	for verb in run create; do
		bad "container with given ID already exists: \"$ID\"" "$verb" -b "$BUNDLE" "$ID"
	done
	assert_status running
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	bad "container with given ID already exists: \"$ID\"" run -b "$BUNDLE" "$ID"
}

@test "ids that are none" {
	local id long
	make_bundle "$BUNDLE" true
	long=$(printf 'a%.0s' {1..1100})
	for id in '' . .. ../x /x a/b 'a b' 'a:b' ä $'a\nb' $'a\e[31mb' '%s%n' "$long"; do
		for verb in 'run -b BUNDLE' state; do
			# shellcheck disable=SC2086 # the verb's words
			bad "container id" ${verb/BUNDLE/$BUNDLE} -- "$id"
			((${#error} < 400)) || fail "$error"
		done
	done
}

# ---- networks ---------------------------------------------------------------------------------------------

@test "a network that does not exist" {
	make_bundle "$BUNDLE" true
	bad "no network called \"nosuch\"" run -b "$BUNDLE" --network nosuch "$ID"
	bad "no network called \"nosuch\"" network rm nosuch
	bad "no network called \"nosuch\"" network inspect nosuch
	set_config '.annotations["io.nsrun.network"] = "nosuch"'
	bad "no network called \"nosuch\"" run -b "$BUNDLE" "$ID"
	set_config '.annotations["io.nsrun.network"] = "no/such"'
	bad "\"no/such\"" run -b "$BUNDLE" "$ID"
	set_config 'del(.annotations)'
	for name in 'a b' ../x -x $'a\nb' "$(printf 'a%.0s' {1..300})"; do
		bad "network" run -b "$BUNDLE" "--network=$name" "$ID"
		bad "network" network create -- "$name"
	done
}

@test "a network namespace that does not exist, or is none" {
	make_bundle "$BUNDLE" true
	bad "no network namespace at \"/run/netns/nosuch\"" run -b "$BUNDLE" --network ns:/run/netns/nosuch "$ID"
	bad "\"/etc/passwd\" is not a network namespace" run -b "$BUNDLE" --network ns:/etc/passwd "$ID"
	bad "\"/proc/self/ns/ipc\" is not a network namespace" run -b "$BUNDLE" --network ns:/proc/self/ns/ipc "$ID"
	for path in /run/netns/nosuch /etc/passwd /proc/self/ns/ipc; do
		set_config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "$path"
		bad "$path" run -b "$BUNDLE" "$ID"
	done
}

@test "a port that is taken: by a container, by a program of the host" {
	make_bundle "$BUNDLE"
	nsrun network create "$NET"
	launch run -d -b "$BUNDLE" --network "$NET" -p 8080:80 "$ID"
	bad "port 8080/tcp on 0.0.0.0 is in use by container $ID" run -b "$BUNDLE" --network "$NET" -p 8080:81 "$ID-2"
	bad "port 8080/tcp on 127.0.0.1 is in use by container $ID" run -b "$BUNDLE" --network "$NET" -p 127.0.0.1:8080:81 "$ID-2"
	bad "port 8080/tcp on 0.0.0.0 is in use by container $ID" run -b "$BUNDLE" --network "$NET" -p 8079-8081:80-82 "$ID-2"
	busybox httpd -f -p 127.0.0.1:8081 3>&- &
	wait_until busybox nc -w 1 127.0.0.1 8081 </dev/null
	bad "port 8081/tcp on 0.0.0.0 is in use by busybox (pid $!)" run -b "$BUNDLE" --network "$NET" -p 8081:80 "$ID-2"
	bad "port 8081/tcp on 127.0.0.1 is in use by busybox (pid $!)" run -b "$BUNDLE" --network "$NET" -p 127.0.0.1:8081:80 "$ID-2"
	kill $!
	wait $! || true
	# The one that has it goes on having it, and another port is free.
	launch run -d -b "$BUNDLE" --network "$NET" -p 8081:80 -p 8080:80/udp "$ID-2"
}

@test "ports that are none" {
	make_bundle "$BUNDLE" true
	nsrun network create "$NET"
	for port in x:80 80:x 80:0 65536:80 80:65536 -1:80 80:80/none 1-3:1-2 3-1:3-1 1.2.3:80:80 :: ''; do
		bad "-p" run -b "$BUNDLE" --network "$NET" "--publish=$port" "$ID"
	done
	bad "-p needs a network" run -b "$BUNDLE" -p 8080:80 "$ID"
}

@test "a subnet without a free address" {
	make_bundle "$BUNDLE"
	nsrun network create --subnet 10.213.77.0/30 "$NET"
	launch run -d -b "$BUNDLE" --network "$NET" "$ID"
	bad "network \"$NET\"" run -b "$BUNDLE" --network "$NET" "$ID-2"
	assert_regex "$error" "10\.213\.77\.0/30 are in use"
	bad "10.213.77.2" run -b "$BUNDLE" --network "$NET:ip=10.213.77.2" "$ID-2"
	bad "10.213.77.9" run -b "$BUNDLE" --network "$NET:ip=10.213.77.9" "$ID-2"
	# With the first one gone there is one again.
	nsrun delete --force "$ID"
	launch run -d -b "$BUNDLE" --network "$NET" "$ID-2"
}

@test "networks that cannot be made" {
	nsrun network create --subnet 10.213.78.0/24 "$NET"
	bad "network \"$NET\" exists already" network create "$NET"
	bad "overlaps 10.213.78.0/24 of network $NET" network create --subnet 10.213.0.0/16 "$NET-2"
	for subnet in 10.0.0.0 10.0.0.0/33 10.0.0.1/24 10.0.0/24 x 0.0.0.0/0 127.0.0.0/8 10.0.0.0/32; do
		bad "$subnet" network create --subnet "$subnet" "$NET-2"
	done
	bad "10.9.9.9" network create --subnet 10.213.79.0/24 --gateway 10.9.9.9 "$NET-2"
	bad "nosuch" network create --driver nosuch "$NET-2"
	assert_equal "$(nsrun network ls -q | grep -c "^$NET")" 1
}

@test "container:ID of one that stopped, was never there, or is made of nothing" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network none "$ID"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	bad "--network container:$ID: container not running: it is stopped" run -b "$BUNDLE" --network "container:$ID" "$ID-2"
	bad "container \"nosuch-$ID\": container does not exist" run -b "$BUNDLE" --network "container:nosuch-$ID" "$ID-2"
	bad "container id" run -b "$BUNDLE" --network container: "$ID-2"
	bad "container id" run -b "$BUNDLE" --network container:../x "$ID-2"
}

# ---- other things that are missing or refused, none of them the command -----------------------------------

@test "what else is missing is never mistaken for the command" {
	local filter text
	make_bundle "$BUNDLE" true
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	while IFS='|' read -r text filter; do
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		set_config "$filter"
		bad "$text" run -b "$BUNDLE" "$ID"
	done <<'END'
/no/such|.mounts += [{"destination": "/m", "type": "bind", "source": "/no/such", "options": ["bind"]}]
nosuchfs|.mounts += [{"destination": "/m", "type": "nosuchfs", "source": "x"}]
/no/such|.hooks.createRuntime = [{"path": "/no/such/hook"}]
/etc/passwd|.hooks.createRuntime = [{"path": "/etc/passwd"}]
/no/such|.hooks.createContainer = [{"path": "/no/such/hook"}]
/no/such|.hooks.startContainer = [{"path": "/no/such/hook"}]
/no/such|(.linux.namespaces[] | select(.type == "ipc")).path = "/no/such/ns"
net.ipv4.no_such|.linux.sysctl = {"net.ipv4.no_such": "1"}
net.ipv4.ip_forward|.linux.sysctl = {"net.ipv4.ip_forward": "nonsense"}
END
	cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
	bad "/no/such/pid" run -b "$BUNDLE" --pid-file /no/such/pid "$ID"
	bad "/no/such/socket" run -b "$BUNDLE" --pidfd-socket /no/such/socket "$ID"
	set_config '.process.terminal = true'
	bad "/no/such/socket" create -b "$BUNDLE" --console-socket /no/such/socket "$ID"
	cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
	bad "--root" --root / run -b "$BUNDLE" "$ID"
	set_args sleep 1000
	launch run -d -b "$BUNDLE" "$ID"
	error_of 255 exec -p /no/such/process.json "$ID"
	refute_regex "$error" "$COMMAND_WORDS"
	error_of 255 exec --cgroup nosuch "$ID" true
	refute_regex "$error" "$COMMAND_WORDS"
	run -1 --separate-stderr nsrun --log /no/such/log list
	refute_regex "$stderr" "$COMMAND_WORDS"
}

@test "a limit that is not ours to raise" {
	make_bundle "$BUNDLE" true
	(($(ulimit -Hn) < 1048576)) || ulimit -Hn 500000
	set_config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 1048576, "hard": 1048576}]'
	run -1 --separate-stderr setpriv --bounding-set=-sys_resource "$NSRUN" run -b "$BUNDLE" "$ID"
	bad "RLIMIT_NOFILE" run -b "$BUNDLE" "$ID"
	set_config '.process.rlimits = [] | .process.oomScoreAdj = -1000'
	bad "process.oomScoreAdj" run -b "$BUNDLE" "$ID"
}

# ---- the command ------------------------------------------------------------------------------------------

# command_error STATUS REGEX ARG...
command_error()
{
	local expected=$1 regex=$2
	shift 2
	error_of "$expected" "$@"
	assert_regex "$error" "$regex"
}

@test "the command that is missing or cannot be executed: the words of 127 and 126, and its name" {
	local verb
	make_bundle "$BUNDLE" sleep 1000
	touch "$BUNDLE/rootfs/bin/plain"
	for verb in run create; do
		command_error 1 'exec: "nosuch": executable file not found in \$PATH' "$verb" -b "$BUNDLE" "$ID" nosuch
		command_error 1 'exec: "/no/such": stat /no/such: no such file or directory' "$verb" -b "$BUNDLE" "$ID" /no/such
		command_error 1 'exec: "/bin/plain": permission denied' "$verb" -b "$BUNDLE" "$ID" /bin/plain
		command_error 1 'exec: "plain": executable file not found in \$PATH' "$verb" -b "$BUNDLE" "$ID" plain
	done
	launch run -d -b "$BUNDLE" "$ID"
	command_error 255 'exec: "nosuch": executable file not found in \$PATH' exec "$ID" nosuch
	command_error 255 'exec: "/no/such": stat /no/such: no such file or directory' exec "$ID" /no/such
	command_error 255 'exec: "/bin/plain": permission denied' exec "$ID" /bin/plain
	assert_status running
}

@test "start: execve's reason" {
	make_bundle "$BUNDLE" /bin/script
	printf '#!/no/such/shell\n' >"$BUNDLE/rootfs/bin/script"
	chmod 755 "$BUNDLE/rootfs/bin/script"
	launch create -b "$BUNDLE" "$ID"
	run -1 --separate-stderr "$NSRUN" --log "$BATS_TEST_TMPDIR/log" --log-format json start "$ID"
	assert_regex "$stderr" '/no/such/shell": no such file or directory$'
	assert_equal "nsrun: $(jq -r .msg "$BATS_TEST_TMPDIR/log")" "$stderr"
}
