#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What needs CAP_SYS_RESOURCE and CAP_SYS_NICE in the whole machine: limits above the hard limit, a negative OOM
# score, real-time and deadline schedulers, real-time I/O. And what needs a kernel with AppArmor.

load ../helpers

setup()
{
	test_begin
	make_bundle "$BUNDLE"
	PROFILE=
}

teardown()
{
	delete_all
	[[ ! $PROFILE ]] || apparmor_parser -R "$PROFILE"
	test_end
}

# load_profile: one that denies /dev/denied alone.
load_profile()
{
	PROFILE=$BATS_TEST_TMPDIR/profile
	cat >"$PROFILE" <<-'END'
		profile nsrun-test flags=(attach_disconnected,mediate_deleted) {
			file,
			capability,
			network,
			mount,
			signal,
			ptrace,
			deny /dev/denied w,
		}
	END
	apparmor_parser -r -K "$PROFILE"
}

inside() { run -0 nsrun run -b "$BUNDLE" "$ID" sh -c "$1"; }

@test "rlimits: above the hard limit, for the container and for exec" {
	set_config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 3000, hard: 4000},
		{type: "RLIMIT_MEMLOCK", soft: 1000000000, hard: 2000000000}]'
	ulimit -n 500
	ulimit -l 64
	launch run -d -b "$BUNDLE" "$ID"
	run -0 cat "/proc/$(pid_of "$ID")/limits"
	assert_line --regexp "^Max open files +3000 +4000 "
	assert_line --regexp "^Max locked memory +1000000000 +2000000000 "
	run -0 nsrun exec "$ID" sh -c 'ulimit -Sn; ulimit -Hn'
	assert_output "$(printf '3000\n4000')"
}

@test "oomScoreAdj: below the caller's" {
	set_config '.process.oomScoreAdj = -999'
	inside 'cat /proc/1/oom_score_adj'
	assert_output -- -999
}

@test "scheduler: FIFO and RR with a priority, batch, idle, a negative nice" {
	set_config '.process.scheduler = {policy: "SCHED_FIFO", priority: 10}'
	inside 'cut -d" " -f40,41 /proc/1/stat'
	assert_output "10 1"
	set_config '.process.scheduler = {policy: "SCHED_RR", priority: 99, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
	inside 'cut -d" " -f40,41 /proc/1/stat; cat /proc/self/stat | cut -d" " -f41'
	assert_output "$(printf '99 2\n0')"
	set_config '.process.scheduler = {policy: "SCHED_BATCH", nice: -5}'
	inside 'cut -d" " -f19,41 /proc/1/stat'
	assert_output -- "-5 3"
	set_config '.process.scheduler = {policy: "SCHED_IDLE"}'
	inside 'cut -d" " -f41 /proc/1/stat'
	assert_output 5
	set_config '.process.scheduler = {policy: "SCHED_OTHER", nice: -20}'
	inside 'cut -d" " -f19,41 /proc/1/stat'
	assert_output -- "-20 0"
}

@test "scheduler: deadline, in its three times" {
	set_config '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 30000000, period: 30000000,
		flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 chrt -p "$(pid_of "$ID")"
	assert_line --partial "SCHED_DEADLINE"
	assert_line --partial "10000000/30000000/30000000"
	set_config '.process.scheduler.runtime = 40000000'
	refused "SCHED_DEADLINE needs 0 < runtime <= deadline <= period" run -b "$BUNDLE" "$ID-2"
	# Without the flag its children would be of it too, which the kernel refuses.
	set_config '.process.scheduler |= (.runtime = 10000000 | del(.flags))'
	run nsrun run -b "$BUNDLE" "$ID-2" sh -c 'cut -d" " -f41 /proc/self/stat; true'
	assert_output --partial "fork"
}

@test "ioPriority: real time" {
	set_config '.process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 2}'
	run -0 nsrun run -b "$BUNDLE" "$ID" ionice -p 1
	assert_output "realtime: prio 2"
}

@test "apparmorProfile: of the container's process, with and without noNewPrivileges; exec's likewise, or another" {
	local on
	load_profile
	set_config '.process.apparmorProfile = "nsrun-test"'
	for on in true false; do
		set_config '.process.noNewPrivileges = $on' --argjson on "$on"
		inside 'cat /proc/self/attr/current; echo >/dev/allowed; echo >/dev/denied; true'
		assert_line --index 0 "nsrun-test (enforce)"
		assert_line --partial "denied: Permission denied"
		refute_output --partial allowed
	done
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" cat /proc/self/attr/current
	assert_output "nsrun-test (enforce)"
	run -0 nsrun exec --apparmor unconfined "$ID" cat /proc/self/attr/current
	assert_output unconfined
	nsrun delete --force "$ID"
	set_config 'del(.process.apparmorProfile)'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec --apparmor nsrun-test "$ID" cat /proc/self/attr/current
	assert_output "nsrun-test (enforce)"
	run -255 nsrun exec --apparmor nsrun-none "$ID" true
	assert_output --partial 'process.apparmorProfile: the profile "nsrun-none" is not loaded'
}

@test "apparmorProfile: one that is not loaded is refused at create" {
	set_config '.process.apparmorProfile = "nsrun-none"'
	refused 'process.apparmorProfile: the profile "nsrun-none" is not loaded' create -b "$BUNDLE" "$ID"
	run -1 nsrun state "$ID"
}
