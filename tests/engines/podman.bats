#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# podman and conmon with nsrun as their runtime.

load ../helpers
load helpers

setup_file()
{
	engine_begin_file
	mkdir "$BATS_FILE_TMPDIR/conf"
	installed podman.conf >"$BATS_FILE_TMPDIR/conf/nsrun.conf"
	# shellcheck disable=SC2016 # for the inner shell
	inside sh -c 'mkdir -p /etc/containers/containers.conf.d && cp "$1"/* /etc/containers/containers.conf.d' - "$BATS_FILE_TMPDIR/conf"
	configure_podman
	inside podman import "$BATS_FILE_TMPDIR/layer.tar" bb </dev/null
	# What the first container makes for all of them.
	ID=t0-$NSRUN_TEST_TAG once bb true
	wait_until cgroups_removed "t0-$NSRUN_TEST_TAG"
}
teardown_file() { engine_end_file; }
setup() { engine_begin; }

teardown()
{
	inside podman rm --all --force --time 0 >/dev/null
	engine_end
}

podman() { inside podman "$@"; }

# start NAME ARG...: podman run -d, below this test's cgroup.
start() { podman run -d --cgroup-parent "/$ID" --network none --name "$@"; }
once() { podman run --rm --cgroup-parent "/$ID" --network none "$@"; }

@test "podman takes it for its runtime" {
	run -0 podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Version}}'
	assert_output --partial "nsrun nsrun version"
}

@test "podman run --rm: output, input, exit status" {
	run -0 --separate-stderr once bb sh -c 'echo out; echo err >&2'
	assert_output out
	assert_equal "$stderr" err
	run -7 once bb sh -c 'exit 7'
	run -0 once -i bb cat <<<"some words"
	assert_output "some words"
	run -0 once --user 1000:1000 --env A=b --workdir /tmp bb sh -c 'echo "$(id -u) $A $PWD"'
	assert_output "1000 b /tmp"
}

@test "podman run: 127 for a command that is not there, 126 for one that may not run, with nsrun's words" {
	run -127 once bb /nonexistent
	assert_output --partial 'exec: "/nonexistent": stat /nonexistent: no such file or directory'
	run -127 once bb nonexistent
	assert_output --partial 'executable file not found in $PATH'
	run -126 once bb /etc/passwd
	assert_output --partial 'exec: "/etc/passwd": permission denied'
}

@test "podman: start, exec, stop, rm" {
	start "$ID" bb sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	run -0 podman exec "$ID" id -u
	assert_output 0
	run -3 podman exec "$ID" sh -c 'exit 3'
	run -127 podman exec "$ID" /nonexistent
	run -126 podman exec "$ID" /etc/passwd
	run -0 podman exec --user 1000 --workdir /tmp --env A=b "$ID" sh -c 'echo "$(id -u) $PWD $A"'
	assert_output "1000 /tmp b"
	run -0 podman exec --detach "$ID" touch /tmp/there
	wait_until podman exec "$ID" test -e /tmp/there
	run -0 podman top "$ID" pid comm
	assert_output --partial sh
	podman stop --time 20 "$ID"
	run -0 podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$ID"
	assert_output "exited 5"
	podman rm "$ID"
	run -0 inside "$NSRUN" list -q
	assert_output ""
}

@test "podman: init creates, start starts, kill sends a signal, restart begins again" {
	podman create --cgroup-parent "/$ID" --network none --name "$ID" bb \
		sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
	podman init "$ID"
	run -0 inside "$NSRUN" list -f json
	assert_equal "$(jq -r '.[0].status' <<<"$output")" created
	podman start "$ID"
	podman restart --time 0 "$ID"
	wait_until podman exec "$ID" true
	podman kill --signal USR1 "$ID"
	run -0 podman wait "$ID"
	assert_output 9
}

@test "podman run --tty, exec --tty: a terminal" {
	run -0 once --tty bb sh -c 'tty && test -c /dev/console'
	assert_output --partial /dev/pts/0
	start "$ID" bb sleep 1000
	run -0 podman exec --tty "$ID" tty
	assert_output --partial /dev/pts/0
}

@test "podman logs, wait, start --attach" {
	start "$ID" bb sh -c 'echo out; echo err >&2'
	run -0 podman wait "$ID"
	assert_output 0
	run -0 podman logs "$ID"
	assert_line out
	assert_line err
	run -0 podman start --attach "$ID"
	assert_line out
}

@test "podman healthcheck runs in the container" {
	start "$ID" --health-cmd 'test -e /tmp/well' bb sleep 1000
	run -1 podman healthcheck run "$ID"
	podman exec "$ID" touch /tmp/well
	podman healthcheck run "$ID"
}

@test "podman: a bridge by netavark, with a published port" {
	podman run -d --cgroup-parent "/$ID" --network podman -p 8080:80 --name "$ID" bb httpd -f -p 80 -h /www
	run -0 page 127.0.0.1:8080
	assert_output hello
	run -0 podman run --rm --cgroup-parent "/$ID" --network "container:$ID" bb wget -qO- 127.0.0.1
	assert_output hello
	podman rm --force --time 0 "$ID"
	inside nft flush ruleset # netavark leaves its chains for the next container
}

@test "podman: namespaces, capabilities, user mapping, no cgroup" {
	run -0 once --cap-drop ALL --security-opt no-new-privileges bb grep -E '^(CapEff|NoNewPrivs)' /proc/self/status
	assert_line $'CapEff:\t0000000000000000'
	assert_line $'NoNewPrivs:\t1'
	run -0 once --uidmap 0:100000:65536 bb cat /proc/self/uid_map
	assert_output --regexp '0 +100000 +65536'
	run -0 once --read-only --tmpfs /tmp bb sh -c 'touch /tmp/x && ! touch /x 2>/dev/null'
	run -0 once --pid host bb sh -c 'test $$ -gt 2'
	run -0 podman run --rm --cgroups disabled --network none bb echo hello
	assert_output hello
}

# bats test_tags=only:v1
@test "podman: limits on memory, processors and processes; stats" {
	start "$ID" --memory 64m --cpus 0.5 --pids-limit 50 bb sleep 1000
	run -0 podman exec "$ID" sh -c 'grep -h "memory:\|pids:" /proc/self/cgroup'
	assert_equal "$(cat "/sys/fs/cgroup/memory/$ID/libpod-"*/memory.limit_in_bytes)" $((64 << 20))
	assert_equal "$(cat "/sys/fs/cgroup/pids/$ID/libpod-"*/pids.max)" 50
	run -0 podman stats --no-stream --format '{{.MemUsage}}' "$ID"
	assert_output --partial 67.11MB
}

@test "podman pause, unpause" {
	start "$ID" bb sleep 1000
	podman pause "$ID"
	run -0 podman inspect --format '{{.State.Status}}' "$ID"
	assert_output paused
	podman unpause "$ID"
	podman exec "$ID" true
}
