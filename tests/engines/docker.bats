#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docker with nsrun as its default runtime.

load ../helpers
load helpers

setup_file()
{
	engine_begin_file
	start_containerd
	start_docker
	inside docker import "$BATS_FILE_TMPDIR/layer.tar" bb
}
teardown_file() { engine_end_file; }
setup() { engine_begin; }

teardown()
{
	local ids
	ids=$(docker ps -aq)
	[[ ! $ids ]] || docker rm --force $ids >/dev/null
	engine_end
}

docker() { inside docker "$@"; }
start() { docker run -d --cgroup-parent "/$ID" --name "$@"; }
once() { docker run --rm --cgroup-parent "/$ID" "$@"; }

@test "docker takes it for its runtime" {
	run -0 docker info --format '{{.DefaultRuntime}}'
	assert_output nsrun
}

@test "docker run --rm: output, input, exit status" {
	run -0 --separate-stderr once bb sh -c 'echo out; echo err >&2'
	assert_output out
	assert_equal "$stderr" err
	run -7 once bb sh -c 'exit 7'
	run -0 once -i bb cat <<<"some words"
	assert_output "some words"
	run -0 once --user 1000:1000 --env A=b --workdir /tmp bb sh -c 'echo "$(id -u) $A $PWD"'
	assert_output "1000 b /tmp"
}

@test "docker run: 127 for a command that is not there, 126 for one that may not run, with nsrun's words" {
	run -127 once bb /nonexistent
	assert_output --partial 'exec: "/nonexistent": stat /nonexistent: no such file or directory'
	run -127 once bb nonexistent
	assert_output --partial 'executable file not found in $PATH'
	run -126 once bb /etc/passwd
	assert_output --partial 'exec: "/etc/passwd": permission denied'
}

@test "docker: start, exec, stop, rm" {
	start "$ID" bb sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	run -0 docker exec "$ID" id -u
	assert_output 0
	run -3 docker exec "$ID" sh -c 'exit 3'
	run -126 docker exec "$ID" /nonexistent
	assert_output --partial 'exec: "/nonexistent": stat /nonexistent: no such file or directory'
	run -126 docker exec "$ID" /etc/passwd
	run -0 docker exec --user 1000 --workdir /tmp --env A=b "$ID" sh -c 'echo "$(id -u) $PWD $A"'
	assert_output "1000 /tmp b"
	docker exec --detach "$ID" touch /tmp/there
	wait_until docker exec "$ID" test -e /tmp/there
	run -0 docker top "$ID"
	assert_output --partial "sleep 0.1"
	docker stop --time 20 "$ID"
	run -0 docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$ID"
	assert_output "exited 5"
	docker rm "$ID"
	run -0 inside find /run/docker/runtime-runc/moby -mindepth 1
	assert_output ""
}

@test "docker kill sends a signal, restart begins again" {
	start "$ID" bb sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
	docker restart --time 0 "$ID"
	wait_until docker exec "$ID" true
	docker kill --signal USR1 "$ID"
	run -0 docker wait "$ID"
	assert_output 9
}

@test "docker run --tty, exec --tty: a terminal" {
	run -0 once --tty bb sh -c 'tty && test -c /dev/console'
	assert_output --partial /dev/pts/0
	start "$ID" bb sleep 1000
	run -0 docker exec --tty "$ID" tty
	assert_output --partial /dev/pts/
}

@test "docker logs has stdout and stderr" {
	start "$ID" bb sh -c 'echo out; echo err >&2'
	docker wait "$ID"
	run -0 docker logs "$ID"
	assert_line out
	assert_line err
}

@test "docker run --init: its init is the first process" {
	run -0 once --init bb sh -c 'cat /proc/1/cmdline; exit 4' || true
	run -4 once --init bb sh -c 'tr "\0" " " </proc/1/cmdline; exit 4'
	assert_output --partial docker-init
}

@test "docker: the health check runs in the container" {
	start "$ID" --health-cmd 'test -e /tmp/well' --health-interval 200ms --health-retries 1 bb sleep 1000
	wait_until -t 30 is_health unhealthy
	docker exec "$ID" touch /tmp/well
	wait_until -t 30 is_health healthy
}

is_health() { [[ $(docker inspect --format '{{.State.Health.Status}}' "$ID") == "$1" ]]; }

@test "docker: its bridge, and --network container: shares it" {
	start "$ID" bb httpd -f -p 80 -h /www
	address=$(docker inspect --format '{{.NetworkSettings.IPAddress}}' "$ID")
	run -0 page "$address"
	assert_output hello
	run -0 once --network "container:$ID" bb wget -qO- 127.0.0.1
	assert_output hello
	run -0 once bb wget -qO- "$address"
	assert_output hello
	run -0 once --network none bb ip -o link
	refute_output --partial eth0
}

@test "docker network: containers know each other's names" {
	docker network create net1
	start "$ID" --network net1 bb httpd -f -p 80 -h /www
	run -0 once --network net1 bb wget -qO- "http://$ID"
	assert_output hello
	docker rm --force "$ID"
	docker network rm net1
}

@test "docker: namespaces, capabilities, sysctls, root file system" {
	run -0 once --cap-drop ALL --security-opt no-new-privileges bb grep -E '^(CapEff|NoNewPrivs)' /proc/self/status
	assert_line $'CapEff:\t0000000000000000'
	assert_line $'NoNewPrivs:\t1'
	run -0 once --read-only --tmpfs /tmp bb sh -c 'touch /tmp/x && ! touch /x 2>/dev/null'
	run -0 once --pid host bb sh -c 'test $$ -gt 2'
	run -0 once --sysctl net.ipv4.ip_forward=1 --ulimit nofile=100:200 bb \
		sh -c 'cat /proc/sys/net/ipv4/ip_forward; ulimit -n'
	assert_output $'1\n100'
	run -0 once --cgroupns private bb grep '^0:' /proc/self/cgroup
	assert_output "0::/"
}

# A warning of the runtime's is no output of the container's.
@test "docker run --privileged: the container's output is its own" {
	run -0 --separate-stderr once --privileged bb sh -c 'mount -t tmpfs tmpfs /tmp && echo mounted'
	assert_output mounted
	assert_equal "$stderr" ""
}

# bats test_tags=only:v1
@test "docker: limits on memory, processors and processes; stats" {
	start "$ID" --memory 64m --cpus 0.5 --pids-limit 50 bb sleep 1000
	assert_equal "$(cat "/sys/fs/cgroup/memory/$ID/"*/memory.limit_in_bytes)" $((64 << 20))
	assert_equal "$(cat "/sys/fs/cgroup/pids/$ID/"*/pids.max)" 50
	assert_equal "$(cat "/sys/fs/cgroup/cpu/$ID/"*/cpu.cfs_quota_us)" 50000
	run -0 docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' "$ID"
	assert_output --partial "64MiB 1"
}

# bats test_tags=only:v1
@test "docker tells a container that was killed for its memory" {
	start "$ID" --memory 16m --memory-swap 16m bb tail /dev/zero
	docker wait "$ID"
	run -0 docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' "$ID"
	assert_output "true 137"
}

@test "docker pause, unpause" {
	start "$ID" bb sleep 1000
	docker pause "$ID"
	run -0 docker inspect --format '{{.State.Status}}' "$ID"
	assert_output paused
	docker unpause "$ID"
	docker exec "$ID" true
}
