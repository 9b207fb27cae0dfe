#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# containerd's shim, by ctr, with nsrun as its runtime.

load ../helpers
load helpers

setup_file()
{
	local dir=$BATS_FILE_TMPDIR/docker-archive sum
	engine_begin_file
	start_containerd
	mkdir "$dir"
	mv "$BATS_FILE_TMPDIR/layer.tar" "$dir/layer.tar"
	sum=$(sha256sum "$dir/layer.tar")
	jq -n --arg sum "sha256:${sum%% *}" '{architecture: "amd64", os: "linux", config: {Cmd: ["sh"], Env: ["PATH=/bin"]},
		rootfs: {type: "layers", diff_ids: [$sum]}}' >"$dir/config.json"
	echo '[{"Config": "config.json", "RepoTags": ["localhost/bb:latest"], "Layers": ["layer.tar"]}]' >"$dir/manifest.json"
	tar -C "$dir" -cf "$BATS_FILE_TMPDIR/image.tar" .
}
teardown_file() { engine_end_file; }

# A namespace of containerd's is a cgroup of the test's: /$ID/CONTAINER.
setup()
{
	engine_begin
	ctr image import --snapshotter native "$BATS_FILE_TMPDIR/image.tar"
}

teardown()
{
	local id
	for id in $(ctr task ls -q); do
		ctr task kill --signal KILL "$id" || true
		wait_until ctr task rm --force "$id"
	done
	for id in $(ctr container ls -q); do ctr container rm "$id"; done
	wait_until shims_gone
	engine_end
}

shims_gone() { [[ ! $(inside find /run/containerd/io.containerd.runtime.v2.task -mindepth 2 -maxdepth 2) ]]; }

ctr() { inside ctr --namespace "$ID" "$@"; }

# ctr asks for shares of the processor unless they are 0; the cpu controller is not in every view.
task() { ctr run --runc-binary "$NSRUN" --snapshotter native --cpu-shares 0 "$@"; }

@test "ctr run --rm: output, input, exit status" {
	run -0 --separate-stderr task --rm localhost/bb:latest c1 sh -c 'echo out; echo err >&2'
	assert_output out
	assert_equal "$stderr" err
	run -7 task --rm localhost/bb:latest c1 sh -c 'exit 7'
	run -0 task --rm --env A=b --cwd /tmp localhost/bb:latest c1 sh -c 'echo "$A $PWD"'
	assert_output "b /tmp"
}

@test "ctr run: what cannot be run is told in nsrun's words, and nothing of it stays" {
	run -1 task --rm localhost/bb:latest c1 /nonexistent
	assert_output --partial 'exec: "/nonexistent": stat /nonexistent: no such file or directory'
	run -1 task --rm localhost/bb:latest c1 /etc/passwd
	assert_output --partial 'exec: "/etc/passwd": permission denied'
	run -0 inside find "/run/containerd/runc/$ID" -mindepth 1
	assert_output ""
}

@test "ctr: run -d, exec, ps, kill, rm" {
	task -d localhost/bb:latest c1 sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	run -0 ctr task ls
	assert_output --regexp 'c1 +[0-9]+ +RUNNING'
	run -0 ctr task exec --exec-id e1 c1 id -u
	assert_output 0
	run -3 ctr task exec --exec-id e2 c1 sh -c 'exit 3'
	run -1 ctr task exec --exec-id e3 c1 /nonexistent
	assert_output --partial 'exec: "/nonexistent": stat /nonexistent: no such file or directory'
	run -0 ctr task exec --exec-id e4 --user 1000 --cwd /tmp c1 sh -c 'echo "$(id -u) $PWD"'
	assert_output "1000 /tmp"
	run -0 ctr task ps c1
	assert_output --regexp '[0-9]+'
	ctr task kill --signal TERM c1
	wait_until stopped c1
	run -0 ctr task rm c1
	assert_output --partial "exit code 5"
	ctr container rm c1
	run -0 inside find "/run/containerd/runc/$ID" -mindepth 1
	assert_output ""
}

stopped() { ctr task ls | grep -q "$1 .*STOPPED"; }
is_task() { ctr task ls | grep -q "$1 .*$2"; }

@test "ctr task kill --all reaches each process" {
	task -d localhost/bb:latest c1 sh -c 'sleep 1001 & sleep 1002 & wait'
	wait_until has_processes 3
	ctr task kill --all --signal KILL c1
	wait_until stopped c1
}

has_processes() { (($(ctr task ps c1 | grep -c '^[0-9]') == $1)); }

@test "ctr run --tty: a terminal" {
	# shellcheck disable=SC2016 # for script's shell
	run -0 inside script -qec "ctr -n $ID run --rm -t --runc-binary $NSRUN --snapshotter native --cpu-shares 0 localhost/bb:latest c1 tty" /dev/null
	assert_output --partial /dev/pts/0
}

# bats test_tags=only:v1
@test "ctr: limits, and metrics from the cgroup" {
	task -d --memory-limit 67108864 localhost/bb:latest c1 sleep 1000
	assert_equal "$(cat "/sys/fs/cgroup/memory/$ID/c1/memory.limit_in_bytes")" $((64 << 20))
	run -0 ctr task metrics c1
	assert_line --regexp 'memory.limit_in_bytes +67108864'
	assert_line --regexp 'pids.current +1'
}

@test "ctr task pause, resume" {
	task -d localhost/bb:latest c1 sleep 1000
	ctr task pause c1
	is_task c1 PAUSED
	ctr task resume c1
	is_task c1 RUNNING
	ctr task exec --exec-id e1 c1 true
}
