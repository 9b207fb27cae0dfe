#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What needs CAP_SYS_RESOURCE and CAP_SYS_NICE in the whole machine: limits above the hard limit, a negative OOM
# score, real-time and deadline schedulers, real-time I/O.

load ../helpers

setup()
{
	test_begin
	make_bundle "$BUNDLE"
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
	run -1 nsrun run -b "$BUNDLE" "$ID-2"
	assert_output --partial "process.scheduler"
}

@test "ioPriority: real time" {
	set_config '.process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 2}'
	run -0 nsrun run -b "$BUNDLE" "$ID" ionice -p 1
	assert_output "realtime: prio 2"
}
