#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Golden tests of errors. One sentence that is sufficient alone, on stderr and in the log; one hint on a terminal and
# in the log's object. And the words that engines look for (base/error.h): "no such file or directory" and "executable
# file not found" are exit code 127 to them, "permission denied" and "operation not permitted" 126. An error that is
# about the container's own command has one of these and the command's name; no other error has any.

load ../helpers

setup()
{
	test_begin
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	NET=n${ID##*-}
	LOG=$BATS_TEST_TMPDIR/log.json
	AS=()
}

teardown()
{
	local id name
	for id in $(nsrun list -q); do
		nsrun delete --force "$id" || true
	done
	for name in "$NET" "$NET-2"; do
		nsrun network rm "$name" 2>/dev/null || true
		nsrun netns rm "$name" 2>/dev/null || true
	done
	nothing_left
}

# /run/netns stays a mount point: not of a test's making.
setup_file()
{
	make_run_netns
}

teardown_file() { umount /run/netns; }

NOT_FOUND='no such file or directory|executable file not found'
NOT_INVOKED='permission denied|operation not permitted'

# told [-s STATUS] CODE REGEX HINT ARG...: nsrun ARG..., by $AS, fails with STATUS (1). Its error matches REGEX as a
# whole and its hint is, with a glob, HINT ("" for none): in one line on stderr; in one object of the log, with CODE;
# and on a terminal in two lines. Sets $msg and $hint.
told()
{
	local expected=1 code regex hint_glob
	if [[ $1 == -s ]]; then
		expected=$2
		shift 2
	fi
	code=$1 regex=$2 hint_glob=$3
	shift 3
	rm -f "$LOG"
	run --separate-stderr timeout 20 "${AS[@]}" "$NSRUN" --log "$LOG" --log-format json "$@"
	assert_equal "$status" "$expected"
	assert_equal "$output" ""
	((${#stderr_lines[@]} == 1)) || fail "expected one line, found: $stderr"
	jq -se 'length == 1 and .[0].level == "error"' "$LOG" >/dev/null || fail "not one object: $(<"$LOG")"
	msg=$(jq -r .msg "$LOG")
	hint=$(jq -r '.hint // ""' "$LOG")
	assert_equal "$stderr" "nsrun: $msg"
	assert_regex "$msg" "^$regex\$"
	# shellcheck disable=SC2053 # a glob
	[[ $hint == $hint_glob ]] || fail "expected the hint \"$hint_glob\", found \"$hint\""
	assert_equal "$(jq -r '.code // ""' "$LOG")" "$code"
	run timeout 20 script -qec "$(printf '%q ' "${AS[@]}" "$NSRUN" "$@")" /dev/null </dev/null
	assert_equal "${lines[0]%$'\r'}" "nsrun: $msg"
	assert_equal "${lines[1]%$'\r'}" "${hint:+hint: $hint}"
	((${#lines[@]} <= 2)) || fail "more than a sentence and a hint: $output"
}

# As told, of whatever is not the container's command.
other()
{
	told "$@"
	refute_regex "$msg$hint" "($NOT_FOUND|$NOT_INVOKED)"
}

# A user without any privilege, who has a log and a directory for containers.
nobody()
{
	mkdir -p "$BATS_TEST_TMPDIR/mine"
	chmod 777 "$BATS_TEST_TMPDIR/mine"
	chmod 755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_RUN_TMPDIR"
	LOG=$BATS_TEST_TMPDIR/mine/log
	export NSRUN_ROOT=$BATS_TEST_TMPDIR/mine/state
	AS=(setpriv --reuid=54321 --regid=54321 --clear-groups)
}

# ---- networks ---------------------------------------------------------------------------------------------

@test "a network namespace that is missing" {
	make_bundle "$BUNDLE"
	other ENOENT "netns show: no network namespace called web2" "nsrun netns ls" netns show web2
	nsrun netns create "$NET"
	for verb in show rm; do
		other ENOENT "netns $verb: no network namespace called $NET-" "nsrun netns ls; did you mean $NET?" \
			netns "$verb" "$NET-"
	done
	other -s 255 ENOENT "netns exec: no network namespace called $NET-" "nsrun netns ls; did you mean $NET?" \
		netns exec "$NET-" true
	other ENOENT "run \"$ID\": plan network: --network ns:$NET-: no network namespace called $NET-" \
		"nsrun netns ls; did you mean $NET?" run -b "$BUNDLE" --network "ns:$NET-" "$ID"
	nsrun netns rm "$NET"
}

@test "a network, a container that is missing" {
	make_bundle "$BUNDLE"
	nsrun network create "$NET"
	other input "network inspect: no network called \"$NET-\"" "nsrun network ls; did you mean $NET?" \
		network inspect "$NET-"
	other input "run \"$ID\": plan network: no network called \"bridgr\"" "nsrun network ls; did you mean bridge?" \
		run -b "$BUNDLE" --network bridgr "$ID"
	other input "network rm: no network called \"nosuch\"" \
		"nsrun network ls; to make it: nsrun network create nosuch" network rm nosuch
	launch create -b "$BUNDLE" "$ID"
	for verb in state start kill delete; do
		other no-container "$verb: container \"$ID-\": container does not exist" "nsrun list; did you mean $ID?" \
			"$verb" "$ID-"
	done
	other -s 255 no-container "exec: container \"$ID-\": container does not exist" "nsrun list; did you mean $ID?" \
		exec "$ID-" true
	other no-container "run \"$ID-2\": plan network: --network container:$ID-: container \"$ID-\": container does not exist" \
		"nsrun list; did you mean $ID?" run -b "$BUNDLE" --network "container:$ID-" "$ID-2"
	other no-container "state: container \"nosuch\": container does not exist" "nsrun list" state nosuch
}

@test "a subnet that clashes" {
	nsrun network create --subnet 10.213.90.0/24 "$NET"
	other exists "network create: subnet 10\.213\.0\.0/16 overlaps 10\.213\.90\.0/24 of network $NET \($NSRUN_NET_DIR/$NET\.conflist\)" \
		"leave out --subnet; nsrun takes 10.*" network create --subnet 10.213.0.0/16 "$NET-2"
	ip link add "d$NET" type bridge
	ip address add 10.213.91.1/24 dev "d$NET"
	ip link set "d$NET" up
	other exists "network create: subnet 10\.213\.91\.0/25 overlaps the address 10\.213\.91\.1/24 of d$NET" \
		"leave out --subnet; nsrun takes 10.*" network create --subnet 10.213.91.0/25 "$NET-2"
	ip link delete "d$NET"
}

@test "a port that is taken" {
	make_bundle "$BUNDLE"
	nsrun network create "$NET"
	launch run -d -b "$BUNDLE" --network "$NET" -p 8080:80 "$ID"
	other exists "run \"$ID-2\": .*port 8080/tcp on 0\.0\.0\.0 is in use by container $ID" "choose another: -p 8081:80*" \
		run -b "$BUNDLE" --network "$NET" -p 8080:80 "$ID-2"
}

# ---- privilege --------------------------------------------------------------------------------------------

@test "no CAP_NET_ADMIN, no CAP_SYS_ADMIN" {
	make_bundle "$BUNDLE" true
	nsrun netns create "$NET"
	nobody
	local lacks='; uid 54321 lacks it'
	other EPERM "network create needs CAP_NET_ADMIN in this network namespace$lacks" "*sudo*" network create "$NET"
	other EPERM "run \"$ID\": plan network: network \"$NET\" needs CAP_NET_ADMIN in this network namespace$lacks" "*sudo*" \
		run -b "$BUNDLE" --network "$NET" "$ID"
	AS+=(env PATH=/nowhere)
	other unsupported "run \"$ID\": plan network: rootless networking needs the program pasta; not in PATH" \
		"install passt, or --network none" run -b "$BUNDLE" --network pasta "$ID"
	nobody
	other EPERM "run \"$ID\": spawn init: namespaces without a user namespace need CAP_SYS_ADMIN$lacks" \
		"sudo, or a config for everybody: nsrun spec --rootless" run -b "$BUNDLE" "$ID"
	other EPERM "netns create: to make a network namespace needs CAP_SYS_ADMIN$lacks" sudo netns create "$NET-2"
	other EPERM "netns show: to look into $NET needs CAP_SYS_ADMIN$lacks" "*sudo*" netns show "$NET"
	other -s 255 EPERM "netns exec $NET: to join a network namespace needs CAP_SYS_ADMIN$lacks" sudo netns exec "$NET" true
	# Root without them is no better off.
	AS=(setpriv --bounding-set=-net_admin)
	other EPERM "network create needs CAP_NET_ADMIN in this network namespace; uid 0 lacks it" "*sudo*" network create "$NET"
	AS=(setpriv --bounding-set=-sys_admin)
	other EPERM "run \"$ID\": spawn init: namespaces without a user namespace need CAP_SYS_ADMIN; uid 0 lacks it" "*sudo*" \
		run -b "$BUNDLE" "$ID"
	AS=()
	nsrun netns rm "$NET"
}

@test "another user's containers and ids" {
	make_bundle "$BUNDLE"
	launch create -b "$BUNDLE" "$ID"
	nobody
	chmod 700 "$BUNDLE"
	other EACCES "run \"$ID\": load bundle: open the bundle \"$BUNDLE/rootfs\": access refused" "" \
		run -b "$BUNDLE/rootfs" "$ID"
	chmod 755 "$BUNDLE"
	export NSRUN_ROOT=/run/nsrun/containers
	for verb in state kill delete; do
		other EACCES "$verb \"$ID\": open \"/run/nsrun/containers/$ID\": access refused" "it is another user's: sudo*" \
			"$verb" "$ID"
	done
	unset NSRUN_ROOT
	other input "no directory for containers: XDG_RUNTIME_DIR is not set for uid 54321" "nsrun --root DIR VERB ..." list
	export NSRUN_ROOT=$BATS_TEST_TMPDIR/mine/state
	set_config '.linux.namespaces += [{"type": "user"}] | .linux.resources = {}
		| .linux.uidMappings = [{"containerID": 0, "hostID": 54321, "size": 1}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": 0, "size": 2}]'
	chmod 644 "$BUNDLE/config.json"
	other EPERM "run \"$ID\": map ids: config\.json: linux\.gidMappings\[0\]: /etc/subgid does not give the ids 0-1 to uid 54321" \
		"as root: usermod --add-subgids 0-1 USER; *nsrun spec --rootless" run -b "$BUNDLE" "$ID"
	unset NSRUN_ROOT
}

@test "the limit of namespaces is reached" {
	local kind name
	make_bundle "$BUNDLE" true
	set_config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}]
		| .linux.gidMappings = .linux.uidMappings'
	# The limits of a user namespace are its own.
	for kind in user=user net=network pid=pid mnt=mount; do
		name=${kind#*=} kind=${kind%=*}
		# shellcheck disable=SC2016 # the inner shell's
		AS=(unshare --user --map-root-user sh -c 'echo 0 >"/proc/sys/user/max_$0_namespaces"; exec "$@"' "$kind")
		other ENOSPC "run \"$ID\": spawn init: $name namespace limit reached: user\.max_${kind}_namespaces is 0" \
			"sysctl -w user.max_${kind}_namespaces=15000" --root "$BATS_TEST_TMPDIR/state" --cgroup-manager disabled \
			run -b "$BUNDLE" "$ID"
	done
	# Without a new user namespace it is init that makes the network namespace.
	set_config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
	# shellcheck disable=SC2016 # the inner shell's
	AS=(unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"' sh)
	other ENOSPC "run \"$ID\": prepare the network namespace: network namespace limit reached: user\.max_net_namespaces is 0" \
		"sysctl -w user.max_net_namespaces=15000" --root "$BATS_TEST_TMPDIR/state" --cgroup-manager disabled run -b "$BUNDLE" "$ID"
}

@test "ids that the user namespace does not map" {
	make_bundle "$BUNDLE"
	set_config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 100}]
		| .linux.gidMappings = .linux.uidMappings'
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	while IFS='|' read -r path filter; do
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		set_config "$filter"
		other input "run \"$ID\": load bundle: config\.json: $path" "" run -b "$BUNDLE" "$ID"
	done <<'END'
process\.user\.uid: 100 is not in linux\.uidMappings|.process.user.uid = 100
process\.user\.gid: 100 is not in linux\.gidMappings|.process.user.gid = 100
process\.user\.additionalGids\[1\]: 4000 is not in linux\.gidMappings|.process.user.additionalGids = [99, 4000]
END
	cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
	launch run -d -b "$BUNDLE" "$ID"
	other -s 255 input "exec \"$ID\": exec: user\.uid: 100 is not in linux\.uidMappings" "" exec -u 100 "$ID" true
	other -s 255 input "exec \"$ID\": exec: user\.additionalGids\[0\]: 200 is not in linux\.gidMappings" "" \
		exec -g 200 "$ID" true
	jq '.process | .user.gid = 100 | .args = ["true"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/p.json"
	other -s 255 input "exec \"$ID\": $BATS_TEST_TMPDIR/p\.json: user\.gid: 100 is not in linux\.gidMappings" "" \
		exec -p "$BATS_TEST_TMPDIR/p.json" "$ID"
	run -0 nsrun exec -u 99:99 -g 98 "$ID" id -G
	assert_output "99 98"
}

# ---- the bundle and the host ------------------------------------------------------------------------------

@test "a bundle without a root, without a config.json" {
	make_bundle "$BUNDLE"
	rm "$BUNDLE/config.json"
	other input "run \"$ID\": load bundle: bundle $BUNDLE has no config\.json" "nsrun spec --bundle $BUNDLE writes one" \
		run -b "$BUNDLE" "$ID"
	make_bundle "$BUNDLE-2"
	mv "$BUNDLE-2/rootfs" "$BUNDLE-2/other"
	other input "run \"$ID\": load bundle: bundle $BUNDLE-2 has no root directory $BUNDLE-2/rootfs \(config\.json: root\.path\)" \
		"mkdir $BUNDLE-2/rootfs and unpack an image there*" run -b "$BUNDLE-2" "$ID"
}

# bats test_tags=only:v2
@test "a controller that is not there" {
	local name
	make_bundle "$BUNDLE" true
	for name in memory cpu pids io; do
		if ! grep -qw "$name" /sys/fs/cgroup/cgroup.controllers; then
			break
		fi
	done
	case $name in
	memory) set_config '.linux.resources = {"memory": {"limit": 50000000}}' ;;
	cpu) set_config '.linux.resources = {"cpu": {"shares": 1000}}' ;;
	pids) set_config '.linux.resources = {"pids": {"limit": 10}}' ;;
	io) set_config '.linux.resources = {"blockIO": {"weight": 100}}' ;;
	esac
	if grep -qw "$name" /sys/fs/cgroup/cgroup.controllers; then
		set_config '.linux.resources = {"unified": {"nosuch.max": "1"}}'
		other "*" ".*nosuch.*" "*" run -b "$BUNDLE" "$ID"
	else
		other unsupported "run \"$ID\": reserve id: .* asked for, but the $name controller is not available in \"/sys/fs/cgroup\" \(has: .*\)" \
			"cat /proc/cgroups: it is switched off, or a v1 hierarchy has it" run -b "$BUNDLE" "$ID"
	fi
}

# ---- the container's command ------------------------------------------------------------------------------

# Files that are there and cannot be executed. Each line: name of the file, class, regex of the error after the name.
command_files()
{
	local bin=$BUNDLE/rootfs/bin
	cp "$(type -P true)" "$bin/dynamic"
	printf '#!/bin/sh\r\necho\r\n' >"$bin/crlf"
	printf '#!/no/such/sh -e\n' >"$bin/nosh"
	printf '#!/bin/plain\n' >"$bin/plainsh"
	printf 'echo\n' >"$bin/bare"
	: >"$bin/empty"
	cp /bin/busybox "$bin/foreign"
	# e_machine, in the byte order of the rest: RISC-V, where this is not one.
	printf '\xf3\x00' | dd of="$bin/foreign" bs=1 seek=18 conv=notrunc status=none
	chmod 755 "$bin"/{dynamic,crlf,nosh,plainsh,bare,empty,foreign}
	echo >"$bin/plain"
	chmod 644 "$bin/plain"
	cat <<'END'
nosuch|127|executable file not found in \$PATH
plain|127|executable file not found in \$PATH
/no/such|127|stat /no/such: no such file or directory
/bin|126|is a directory: permission denied
/bin/plain|126|permission denied
/bin/dynamic|127|it needs the loader "/[^"]*ld[^"]*": no such file or directory
/bin/crlf|127|its first line ends in CR LF, as on Windows, and so asks for an interpreter "/bin/sh\\r": no such file or directory
/bin/nosh|127|it needs the interpreter "/no/such/sh": no such file or directory
/bin/plainsh|126|it needs the interpreter "/bin/plain", which is not executable: permission denied
/bin/bare|kernel|neither a binary of this system nor a script that begins with "#!": exec format error
/bin/empty|kernel|the file is empty: exec format error
/bin/foreign|kernel|it is built for riscv, this machine is [a-z0-9_]*: exec format error
END
}

# by_command CLASS NAME REGEX WHO ARG...
by_command()
{
	local class=$1 name=$2 regex=$3 who=$4
	shift 4
	told "${STATUS[@]}" "$CODE" "$who: exec: \"$name\": $regex" "*" "$@"
	case $class in
	127)
		assert_regex "$msg" "$NOT_FOUND"
		refute_regex "$msg" "$NOT_INVOKED"
		;;
	126)
		assert_regex "$msg" "$NOT_INVOKED"
		refute_regex "$msg" "$NOT_FOUND"
		;;
	kernel) refute_regex "$msg" "($NOT_FOUND|$NOT_INVOKED)" ;;
	esac
}

@test "the command that cannot be executed: its name, why, and the words of 127 and 126" {
	local name class regex n=0
	local -A codes=([127]=ENOENT [126]=EACCES [kernel]=ENOEXEC)
	make_bundle "$BUNDLE"
	command_files >"$BATS_TEST_TMPDIR/files"
	launch run -d -b "$BUNDLE" "$ID"
	while IFS='|' read -r name class regex; do
		CODE=${codes[$class]} STATUS=()
		by_command "$class" "$name" "$regex" "run \"$ID-2\"" run -b "$BUNDLE" "$ID-2" "$name"
		STATUS=(-s 255)
		by_command "$class" "$name" "$regex" "exec \"$ID\"" exec "$ID" "$name"
		n=$((n + 1))
	done <"$BATS_TEST_TMPDIR/files"
	assert_equal "$n" 12
	assert_status running
}

@test "start tells what execve said, once; run leaves no pid file" {
	make_bundle "$BUNDLE" /bin/nosh
	command_files >/dev/null
	launch create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	run -1 --separate-stderr "$NSRUN" --log "$LOG" --log-format json start "$ID"
	jq -se 'length == 1 and .[0].level == "error" and .[0].code == "ENOENT"' "$LOG"
	assert_equal "$stderr" "nsrun: $(jq -r .msg "$LOG")"
	assert_equal "$stderr" "nsrun: start \"$ID\": exec: \"/bin/nosh\": it needs the interpreter \"/no/such/sh\": no such file or directory"
	wait_until is_status stopped
	rm "$BATS_TEST_TMPDIR/pid"
	run -1 nsrun run -d -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID-2"
	[[ ! -e $BATS_TEST_TMPDIR/pid ]]
	# After a poststart hook that fails, too; and one of somebody else's making stays.
	set_args sleep 1000
	set_config '.hooks.poststart = [{"path": "/bin/false"}]'
	run -1 nsrun run -d -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID-2"
	[[ ! -e $BATS_TEST_TMPDIR/pid ]]
	set_config '.hooks.poststart = [{"path": "/bin/sh", "args": ["sh", "-c", "echo 1 >$0; exit 1", $file]}]' \
		--arg file "$BATS_TEST_TMPDIR/pid"
	run -1 nsrun run -d -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID-2"
	assert_equal "$(<"$BATS_TEST_TMPDIR/pid")" 1
}

# ---- statuses ---------------------------------------------------------------------------------------------

@test "a status that forbids the verb: the id once, in quotes" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	other status "delete: cannot delete container \"$ID\" that is not stopped: running" "*" delete "$ID"
	other status "start \"$ID\": cannot start an already running container" "*" start "$ID"
	other exists "run: reserve id: container with given ID already exists: \"$ID\"" "*" run -b "$BUNDLE" "$ID"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	other status "kill \"$ID\": container not running" "*" kill "$ID"
	other status "start \"$ID\": cannot start a container that has stopped" "*" start "$ID"
	other -s 255 status "exec \"$ID\": cannot exec in a stopped container" "*" exec "$ID" true
}

# ---- what is meant ----------------------------------------------------------------------------------------

@test "did you mean: verbs and options" {
	local status
	other -s 3 usage 'verb "lits" is not known; did you mean list\?' "nsrun --help" lits
	other -s 3 usage 'network verb "crete" is not known; did you mean create\?' "nsrun network --help" network crete
	other -s 3 usage 'netns verb "shwo" is not known; did you mean show\?' "nsrun netns --help" netns shwo
	other usage 'help: verb "crate" is not known; did you mean create\?' "*" help crate
	other usage 'help: verb "frobnicate" is not known' "nsrun help" help frobnicate
	other usage 'create: option --pidfile is not known; did you mean --pid-file\?' "nsrun create --help" create --pidfile x y
	other usage 'network create: option --subnt is not known; did you mean --subnet\?' "nsrun network create --help" \
		network create --subnt x y
	other usage 'delete: option --forse is not known; did you mean --force\?' "nsrun delete --help" delete --forse x
}

# ---- one object, and only on failure ----------------------------------------------------------------------

@test "the log has one object of a failure and none of success: warnings are for stderr" {
	local state=$BATS_TEST_TMPDIR/state
	mkdir -p "$state/$ID" "$state/$ID-2"
	echo garbage | tee "$state/$ID/record.json" >"$state/$ID-2/record.json"
	run -0 --separate-stderr nsrun --root "$state" --log "$LOG" --log-format json list
	assert_line --regexp "^$ID +0 +unknown"
	assert_line --regexp "^$ID-2 +0 +unknown"
	assert_equal "$(grep -c "^nsrun: warning: list: " <<<"$stderr")" 2
	[[ ! -s $LOG ]]
	# Two errors: the first is the verb's.
	run -1 --separate-stderr nsrun --root "$state" --log "$LOG" --log-format json delete "$ID" "$ID-2"
	assert_equal "$(jq -r '.level + " " + .msg' "$LOG")" \
		"error delete: container \"$ID\": record.json: line 1, column 1: a character that begins no value"
	assert_regex "${stderr_lines[0]}" "^nsrun: warning: delete: container \"$ID-2\": record.json: "
	assert_equal "${stderr_lines[1]}" "nsrun: $(jq -r .msg "$LOG")"
	rm "$LOG"
	run -0 --separate-stderr nsrun --root "$state" --log "$LOG" --log-format json delete --force "$ID" "$ID-2"
	assert_equal "$(grep -c "^nsrun: warning: " <<<"$stderr")" 2
	[[ ! -s $LOG ]]
}
