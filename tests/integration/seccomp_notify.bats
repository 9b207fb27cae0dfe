#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# SCMP_ACT_NOTIFY: an agent at linux.seccomp.listenerPath gets the filter's listener and answers for the kernel.

load ../helpers

setup()
{
	test_begin
	make_bundle "$BUNDLE"
	AGENTS=()
	SOCKET=$BATS_TEST_TMPDIR/agent SAID=$BATS_TEST_TMPDIR/agent.out
}

teardown()
{
	((${#AGENTS[@]} == 0)) || kill "${AGENTS[@]}" 2>/dev/null || true
	test_end
}

# agent ERRNO|continue: at $SOCKET, what it says in $SAID.
agent()
{
	local agent=${BUILD:-$SOURCE}/tests/seccomp_agent
	[[ -x $agent ]] || fail "$agent is not built (make check-integration builds it)"
	"$agent" "$SOCKET" "$1" >"$SAID" 2>&1 3>&- &
	AGENTS+=($!)
	wait_until test -S "$SOCKET"
}

# notify CALL...: a filter that asks the agent for these, and allows all else.
notify()
{
	set_config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $socket, listenerMetadata: "some data",
		syscalls: [{names: $ARGS.positional, action: "SCMP_ACT_NOTIFY"}]}' --arg socket "$SOCKET" --args -- "$@"
}

# state FILTER [N]: of the N-th state that the agent got (1).
state() { sed -n 's/^state //p' "$SAID" | sed -n "${2-1}p" | jq -r "$1"; }

@test "run: the agent gets the process state and the listener, and answers" {
	agent 38
	notify mkdir mkdirat
	set_config '.annotations.key = "value"'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'mkdir /tmp/x; ls /proc/self/fd; grep -E "^(Threads|Seccomp):" /proc/1/status'
	assert_line --partial "Function not implemented"
	# stdio and the directory that ls reads: no listener, no socket. No thread either.
	refute_line 4
	assert_line --regexp "^Threads:	1"
	assert_line --regexp "^Seccomp:	2"
	wait_until grep -q ^call "$SAID"
	assert_equal "$(grep -c ^state "$SAID")" 1
	assert_equal "$(state .ociVersion)" 1.3.0
	assert_equal "$(state '.fds | tojson')" '["seccompFd"]'
	assert_equal "$(state .metadata)" "some data"
	assert_equal "$(state .state.id)" "$ID"
	assert_equal "$(state .state.status)" created
	assert_equal "$(state .state.bundle)" "$BUNDLE"
	assert_equal "$(state .state.annotations.key)" value
	assert_equal "$(state '.pid == .state.pid and .pid > 1')" true
}

@test "create tells nobody, start does: with the pid that the runtime sees" {
	agent continue
	notify getppid
	launch create -b "$BUNDLE" "$ID" sh -c 'echo $PPID; sleep 1000'
	assert_equal "$(<"$SAID")" ""
	run -0 nsrun start "$ID"
	wait_until grep -q ^call "$SAID"
	assert_equal "$(state .pid)" "$(pid_of "$ID")"
	assert_status running
}

@test "with and without noNewPrivileges, as root and another user, with each way out trapped" {
	local on uid
	agent continue
	# What init itself still has to call under the filter is asked for as well: nothing may wait for an answer
	# of somebody who does not have the listener.
	notify execve sendmsg write close setresuid setresgid setgroups capset prctl futex exit exit_group nanosleep
	for on in true false; do
		for uid in 0 1000; do
			set_config '.process.noNewPrivileges = $on | .process.user = {uid: $uid, gid: 0}' \
				--argjson on "$on" --argjson uid "$uid"
			run -7 timeout 20 "$NSRUN" run -b "$BUNDLE" "$ID" sh -c 'echo through; exit 7'
			assert_output through
		done
	done
	assert_equal "$(grep -c ^state "$SAID")" 4
}

@test "exec has a listener of its own, and names its own pid" {
	agent 38
	notify mkdir mkdirat
	launch run -d -b "$BUNDLE" "$ID"
	launch exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sh -c 'mkdir /tmp/x; exec sleep 1001'
	wait_until grep -q ^call "$SAID"
	assert_equal "$(state .pid 2)" "$(<"$BATS_TEST_TMPDIR/pid")"
	assert_equal "$(state .state.pid 2)" "$(pid_of "$ID")"
	assert_equal "$(state .state.status 2)" running
	jq '.process | .args = ["sh", "-c", "mkdir /tmp/y; true"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
	run -0 nsrun exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	assert_output --partial "Function not implemented"
	assert_equal "$(grep -c ^state "$SAID")" 3
}

@test "flags: TSYNC is no hindrance; WAIT_KILLABLE_RECV" {
	agent 38
	notify mkdir mkdirat
	set_config '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
	run nsrun run -b "$BUNDLE" "$ID" mkdir /tmp/x
	[[ $output != *"kernel may be too old"* ]] || skip "this kernel is without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
	assert_output --partial "Function not implemented"
	set_config '.linux.seccomp.syscalls[0].action = "SCMP_ACT_ERRNO"'
	refused "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for SCMP_ACT_NOTIFY, which no rule asks for" run -b "$BUNDLE" "$ID"
}

@test "no agent: refused at create; gone at start: an error, and the container waits on" {
	notify mkdir mkdirat
	refused "linux.seccomp.listenerPath: \"$SOCKET\": missing" create -b "$BUNDLE" "$ID"
	: >"$SOCKET"
	refused "linux.seccomp.listenerPath: \"$SOCKET\" is not a socket" create -b "$BUNDLE" "$ID"
	rm "$SOCKET"
	agent continue
	launch create -b "$BUNDLE" "$ID"
	kill "${AGENTS[0]}"
	wait "${AGENTS[0]}" || true
	run -1 nsrun start "$ID"
	assert_output --partial "linux.seccomp.listenerPath"
	assert_status created
	rm "$SOCKET"
	AGENTS=()
	agent continue
	run -0 nsrun start "$ID"
	assert_status running
	# Without such an action the path does not matter.
	set_config '.linux.seccomp.listenerPath = "/no/such" | .linux.seccomp.syscalls[0].action = "SCMP_ACT_ERRNO"'
	run -0 nsrun run -b "$BUNDLE" "$ID-2" true
}

@test "small limits are not in the way" {
	agent 38
	notify mkdir mkdirat
	set_config '.process.rlimits = [{type: "RLIMIT_NPROC", soft: 1, hard: 1}] | .process.user = {uid: 4711, gid: 0}'
	set_args sh -c 'exec mkdir /tmp/x'
	run -1 nsrun run -b "$BUNDLE" "$ID"
	assert_output --partial "Function not implemented"
}
